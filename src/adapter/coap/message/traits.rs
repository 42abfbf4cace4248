//! The types here as `coap-message` messages.

use core::convert::Infallible;

use coap_message::error::RenderableOnMinimal;
use coap_message::{
    MessageOption, MinimalWritableMessage, MutableWritableMessage, ReadableMessage,
    WithSortedOptions,
};

use super::{CoapOption, Code, Message, MessageWriter, Options, WriteError};

impl MessageOption for CoapOption<'_> {
    fn number(&self) -> u16 {
        self.number
    }

    fn value(&self) -> &[u8] {
        self.value
    }
}

impl ReadableMessage for Message<'_> {
    type Code = u8;
    type MessageOption<'b>
        = CoapOption<'b>
    where
        Self: 'b;
    type OptionsIter<'b>
        = Options<'b>
    where
        Self: 'b;

    fn code(&self) -> u8 {
        self.code.as_u8()
    }

    fn options(&self) -> Options<'_> {
        Message::options(self)
    }

    fn payload(&self) -> &[u8] {
        self.payload
    }
}

impl WithSortedOptions for Message<'_> {}

impl MinimalWritableMessage for MessageWriter<'_> {
    type Code = u8;
    type OptionNumber = u16;
    type AddOptionError = WriteError;
    type SetPayloadError = WriteError;
    type UnionError = WriteError;

    fn set_code(&mut self, code: u8) {
        MessageWriter::code(self, Code::new(code));
    }

    fn add_option(&mut self, number: u16, value: &[u8]) -> Result<(), WriteError> {
        self.try_option(number, value)
    }

    fn set_payload(&mut self, payload: &[u8]) -> Result<(), WriteError> {
        self.try_payload(payload)
    }

    #[inline]
    #[allow(
        refining_impl_trait_reachable,
        reason = "the trait's documentation asks for this type"
    )]
    fn promote_to_mutable_writable_message(&mut self) -> Option<&mut Self> {
        Some(self)
    }
}

impl MutableWritableMessage for MessageWriter<'_> {
    fn available_space(&self) -> usize {
        self.available()
    }

    fn payload_mut_with_len(&mut self, len: usize) -> Result<&mut [u8], WriteError> {
        Ok(self.payload_mut(len))
    }

    fn truncate(&mut self, len: usize) -> Result<(), WriteError> {
        self.try_truncate(len)
    }

    fn mutate_options<F>(&mut self, mut callback: F)
    where
        F: FnMut(u16, &mut [u8]),
    {
        let mut rest = self.written_options();
        let mut number = 0;
        while let Some((found, value)) = super::options::first_mut(rest, number, &mut callback) {
            number = found;
            rest = value;
        }
    }
}

/// What could not be written becomes 5.00: it is the responder's fault, not the asker's.
impl RenderableOnMinimal for WriteError {
    type Error<IE: RenderableOnMinimal + core::fmt::Debug> = IE;

    fn render<M: MinimalWritableMessage>(self, message: &mut M) -> Result<(), M::UnionError> {
        let code = Code::INTERNAL_SERVER_ERROR.as_u8();
        message
            .set_code(<M::Code as coap_message::Code>::new(code).map_err(M::convert_code_error)?);
        Ok(())
    }
}

impl From<Infallible> for WriteError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
