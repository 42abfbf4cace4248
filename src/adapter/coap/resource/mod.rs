//! The service's side: twins as resources, over any CoAP stack.
//!
//! [`Service`] reads requests and writes responses through the traits of the crate `coap-message`, so
//! that it works on this crate's own [`Message`](super::Message) and on those of other stacks.
//!
//! **The one rule: who asks decides what there is.** The identity that the transport has authenticated is
//! an argument ([`Access`]); nothing in a request widens it.
//!
//! What the resources are is said in the [adapter's documentation](super).

mod answer;
mod body;
mod fault;
mod head;
mod path;
mod request;
mod select;
mod uploads;

pub use answer::AnswerError;
pub(super) use answer::add;
pub use fault::Fault;
pub use path::{Names, Part, PathError, resource};
pub use request::{Access, Call, Refusal, Reply, Watch};
pub use uploads::{Body, Uploads};

use coap_message::MinimalWritableMessage;

use super::Block;
use super::Code;
use answer::Response;

/// A service of twins: reads requests and writes answers for every device.
///
/// It holds nothing but its configuration; the twins are the hub's, observers and retransmissions the
/// endpoint's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Service<'p> {
    prefix: &'p str,
    block_size: usize,
    retry_after: u32,
    max_age: Option<u32>,
}

impl<'p> Service<'p> {
    /// A service under the first segment `prefix` of all paths; blocks of 1024 bytes; who is refused for
    /// want of room may come again after 5 s.
    pub const fn new(prefix: &'p str) -> Self {
        Self {
            prefix,
            block_size: Block::MAX_SIZE,
            retry_after: 5,
            max_age: None,
        }
    }

    /// The same service with blocks of at most `bytes`: 16, 32, … 1024. Any other number counts as the
    /// next lower one, a number below 16 as 16.
    pub const fn with_block_size(mut self, bytes: usize) -> Self {
        let mut size = Block::MAX_SIZE;
        while size > bytes && size > Block::MIN_SIZE {
            size >>= 1;
        }
        self.block_size = size;
        self
    }

    /// The same service with another Max-Age of 4.29 and 5.03, in seconds.
    pub const fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = seconds;
        self
    }

    /// The same service with another Max-Age of representations, in seconds; without it is 60 s (RFC 7252
    /// §5.10.5). An observer that hears nothing for that long, and some seconds more, registers anew: so
    /// long may it take it to notice that the service forgot it (RFC 7641 §3.3.1).
    pub const fn with_max_age(mut self, seconds: u32) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// Returns the first segment of all paths.
    pub const fn prefix(&self) -> &'p str {
        self.prefix
    }

    /// Writes the answer to a block of a body of which more is to come: 2.31.
    ///
    /// # Errors
    /// [`AnswerError::Write`].
    pub fn proceed<M: MinimalWritableMessage>(
        &self,
        block: Block,
        out: &mut M,
    ) -> Result<Code, AnswerError<M::UnionError>> {
        let response = Response {
            code: Code::CONTINUE,
            block1: Some(block),
            ..Response::default()
        };
        answer::write(&response, out)
    }
}

#[cfg(test)]
mod tests;
