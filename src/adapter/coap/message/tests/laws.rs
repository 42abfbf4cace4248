//! The laws of the codec, on random messages and random bytes, against coap-lite and
//! coap-message-implementations.

use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use coap_message::{MinimalWritableMessage, ReadableMessage};
use coap_message_implementations::inmemory;
use proptest::collection::{btree_map, vec as vec_of};
use proptest::prelude::*;

use super::super::{Code, Message, MessageWriter, ParseError, Type};
use super::written;
use crate::adapter::coap::Block;

/// A message as a model: options by number, each with its values.
#[derive(Clone, Debug)]
struct Model {
    kind: Type,
    code: Code,
    id: u16,
    token: Vec<u8>,
    options: BTreeMap<u16, Vec<Vec<u8>>>,
    payload: Vec<u8>,
}

fn kind() -> impl Strategy<Value = Type> {
    prop_oneof![
        Just(Type::Confirmable),
        Just(Type::NonConfirmable),
        Just(Type::Acknowledgement),
        Just(Type::Reset),
    ]
}

fn model() -> impl Strategy<Value = Model> {
    let number = prop_oneof![8 => 0_u16..70, 2 => 200_u16..600, 1 => any::<u16>()];
    let value = prop_oneof![
        8 => vec_of(any::<u8>(), 0..20),
        1 => vec_of(any::<u8>(), 250..300),
    ];
    let options = btree_map(number, vec_of(value, 1..3), 0..6);
    let code = (1_u8..=255).prop_map(Code::new);
    let token = vec_of(any::<u8>(), 0..=8);
    let payload = vec_of(any::<u8>(), 0..40);
    (kind(), code, any::<u16>(), token, options, payload).prop_map(
        |(kind, code, id, token, options, payload)| Model {
            kind,
            code,
            id,
            token,
            options,
            payload,
        },
    )
}

impl Model {
    fn bytes(&self) -> Vec<u8> {
        written(self.kind, self.code, self.id, &self.token, |writer| {
            self.each(|number, value| writer.option(number, value));
            writer.payload(&self.payload);
        })
    }

    fn each(&self, mut visit: impl FnMut(u16, &[u8])) {
        for (number, values) in &self.options {
            for value in values {
                visit(*number, value);
            }
        }
    }

    fn of(message: &Message<'_>) -> Self {
        let mut options = BTreeMap::<u16, Vec<Vec<u8>>>::new();
        for option in message.raw_options() {
            let values = options.entry(option.number).or_default();
            values.push(option.value.to_vec());
        }
        Self {
            kind: message.kind(),
            code: message.code(),
            id: message.id(),
            token: message.token().to_vec(),
            options,
            payload: message.payload().to_vec(),
        }
    }

    /// Whether coap-lite read the same.
    fn agrees(&self, theirs: &coap_lite::Packet) -> Result<(), TestCaseError> {
        let kind = match theirs.header.get_type() {
            coap_lite::MessageType::Confirmable => Type::Confirmable,
            coap_lite::MessageType::NonConfirmable => Type::NonConfirmable,
            coap_lite::MessageType::Acknowledgement => Type::Acknowledgement,
            coap_lite::MessageType::Reset => Type::Reset,
        };
        prop_assert_eq!(kind, self.kind);
        prop_assert_eq!(theirs.header.message_id, self.id);
        prop_assert_eq!(u8::from(theirs.header.code), self.code.as_u8());
        prop_assert_eq!(theirs.get_token(), self.token.as_slice());
        let options: BTreeMap<u16, Vec<Vec<u8>>> = theirs
            .options()
            .map(|(number, values)| (*number, values.iter().cloned().collect()))
            .collect();
        prop_assert_eq!(options, self.options.clone());
        prop_assert_eq!(&theirs.payload, &self.payload);
        Ok(())
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_by_everyone(model in model()) {
        let bytes = model.bytes();
        let message = Message::parse(&bytes).unwrap();
        let read = Model::of(&message);
        prop_assert_eq!(&read.options, &model.options);
        prop_assert_eq!((read.kind, read.code, read.id), (model.kind, model.code, model.id));
        prop_assert_eq!((&read.token, &read.payload), (&model.token, &model.payload));

        model.agrees(&coap_lite::Packet::from_bytes(&bytes).unwrap())?;

        let behind = 4 + model.token.len();
        let theirs = inmemory::Message::new_from_slice(model.code.as_u8(), &bytes[behind..]);
        let mut options = Vec::new();
        for option in ReadableMessage::options(&theirs) {
            let number = coap_message::MessageOption::number(&option);
            options.push((number, coap_message::MessageOption::value(&option).to_vec()));
        }
        let mut expected = Vec::new();
        model.each(|number, value| expected.push((number, value.to_vec())));
        prop_assert_eq!(options, expected);
        prop_assert_eq!(theirs.payload(), model.payload.as_slice());
    }

    #[test]
    fn what_others_write_is_read(model in model()) {
        let mut packet = coap_lite::Packet::new();
        packet.header.set_type(match model.kind {
            Type::Confirmable => coap_lite::MessageType::Confirmable,
            Type::NonConfirmable => coap_lite::MessageType::NonConfirmable,
            Type::Acknowledgement => coap_lite::MessageType::Acknowledgement,
            Type::Reset => coap_lite::MessageType::Reset,
        });
        packet.header.code = coap_lite::MessageClass::from(model.code.as_u8());
        packet.header.message_id = model.id;
        packet.set_token(model.token.clone());
        model.each(|number, value| {
            packet.add_option(coap_lite::CoapOption::from(number), value.to_vec());
        });
        packet.payload.clone_from(&model.payload);
        let bytes = packet.to_bytes_unlimited().unwrap();
        prop_assert_eq!(&bytes, &model.bytes(), "the same bytes, too");

        let mut code = 0;
        let mut tail = vec![0; 8_000];
        let mut theirs = inmemory::MessageMut::new_in_slice(&mut code, &mut tail);
        theirs.set_code(model.code.as_u8());
        model.each(|number, value| theirs.add_option(number, value).unwrap());
        theirs.set_payload(&model.payload).unwrap();
        let (len, _) = theirs.finish();
        prop_assert_eq!(&tail[..len], &bytes[4 + model.token.len()..]);
    }

    #[test]
    fn any_bytes_are_refused_or_written_again_the_same(
        bytes in prop_oneof![
            vec_of(any::<u8>(), 0..64),
            // More often a message, more often with the rare nibbles.
            (0x40_u8..0x80, any::<u8>(), vec_of(
                prop_oneof![any::<u8>(), 0xD0_u8..=0xFF, 0_u8..0x20], 2..48,
            )).prop_map(|(first, code, rest)| [&[first, code][..], &rest].concat()),
        ],
    ) {
        let theirs = coap_lite::Packet::from_bytes(&bytes);
        match Message::parse(&bytes) {
            Ok(message) => {
                let read = Model::of(&message);
                read.agrees(&theirs.unwrap())?;
                let again = read.bytes();
                prop_assert!(again.len() <= bytes.len(), "the shortest form");
                let reread = Message::parse(&again).unwrap();
                prop_assert_eq!(Model::of(&reread).options, read.options);
                prop_assert_eq!(reread.payload(), message.payload());
                prop_assert!(message.options().count() <= message.raw_options().count());
                let _ = message.bad_option();
            }
            // The three that coap-lite lets through.
            Err(ParseError::Version | ParseError::EmptyPayload | ParseError::NotEmpty) => {}
            Err(error) => prop_assert!(theirs.is_err(), "{error}"),
        }
    }

    #[test]
    fn a_message_copied_through_the_traits_is_the_same(model in model()) {
        let bytes = model.bytes();
        let message = Message::parse(&bytes).unwrap();
        let known: usize = message.options().count();
        let mut out = vec![0; bytes.len()];
        let mut writer =
            MessageWriter::new(&mut out, model.kind, Code::EMPTY, model.id, &model.token);
        writer.set_from_message(&message).unwrap();
        let len = writer.finish().unwrap();
        if known == message.raw_options().count() {
            prop_assert_eq!(&out[..len], bytes.as_slice());
        } else {
            prop_assert!(len < bytes.len());
        }
    }

    #[test]
    fn blocks_survive_the_wire(number in 0..=Block::MAX_NUMBER, more: bool, exponent in 0_u32..7) {
        let block = Block::new(number, more, 16 << exponent).unwrap();
        let value = block.value();
        prop_assert_eq!(Block::read(value.as_bytes()), Ok(block));
        prop_assert!(value.as_bytes().len() <= 3);
    }
}
