//! The codec: the RFC's examples, what is refused, and the laws against two other implementations.

mod laws;
mod rules;

use alloc::vec;
use alloc::vec::Vec;

use super::{Code, Message, MessageWriter, Type};
use crate::adapter::coap::option;

/// Writes a message into a buffer that is large enough.
fn written(
    kind: Type,
    code: Code,
    id: u16,
    token: &[u8],
    write: impl FnOnce(&mut MessageWriter<'_>),
) -> Vec<u8> {
    let mut out = vec![0; 70_000];
    let mut writer = MessageWriter::new(&mut out, kind, code, id, token);
    write(&mut writer);
    let len = writer.finish().unwrap();
    out.truncate(len);
    out
}

/// A message as the appendix draws it: type, code, id, token, and either a path or a payload.
type Drawn = (Type, Code, u16, &'static [u8], &'static str, &'static str);

/// RFC 7252 appendix A, figures 16 to 21, byte by byte.
const APPENDIX_A: &[(Drawn, &[u8])] = &[
    (
        (Type::Confirmable, Code::GET, 0x7D34, &[], "temperature", ""),
        b"\x40\x01\x7d\x34\xbbtemperature",
    ),
    (
        (
            Type::Acknowledgement,
            Code::CONTENT,
            0x7D34,
            &[],
            "",
            "22.3 C",
        ),
        b"\x60\x45\x7d\x34\xff22.3 C",
    ),
    (
        (
            Type::Confirmable,
            Code::GET,
            0x7D35,
            &[0x20],
            "temperature",
            "",
        ),
        b"\x41\x01\x7d\x35\x20\xbbtemperature",
    ),
    (
        (
            Type::Acknowledgement,
            Code::CONTENT,
            0x7D35,
            &[0x20],
            "",
            "22.3 C",
        ),
        b"\x61\x45\x7d\x35\x20\xff22.3 C",
    ),
    (
        (
            Type::Confirmable,
            Code::GET,
            0x7D38,
            &[0x53],
            "temperature",
            "",
        ),
        b"\x41\x01\x7d\x38\x53\xbbtemperature",
    ),
    (
        (Type::Acknowledgement, Code::EMPTY, 0x7D38, &[], "", ""),
        b"\x60\x00\x7d\x38",
    ),
    (
        (
            Type::Confirmable,
            Code::CONTENT,
            0xAD7B,
            &[0x53],
            "",
            "22.3 C",
        ),
        b"\x41\x45\xad\x7b\x53\xff22.3 C",
    ),
    (
        (
            Type::NonConfirmable,
            Code::GET,
            0x7D40,
            &[0x75],
            "temperature",
            "",
        ),
        b"\x51\x01\x7d\x40\x75\xbbtemperature",
    ),
    (
        (Type::Reset, Code::EMPTY, 0xAD7C, &[], "", ""),
        b"\x70\x00\xad\x7c",
    ),
];

#[test]
fn the_examples_of_the_rfc_are_written_byte_by_byte() {
    for ((kind, code, id, token, path, payload), bytes) in APPENDIX_A {
        let found = written(*kind, *code, *id, token, |writer| {
            if !path.is_empty() {
                writer.option(option::URI_PATH, path.as_bytes());
            }
            writer.payload(payload.as_bytes());
        });
        assert_eq!(&found, bytes, "{id:x}");
    }
}

#[test]
fn the_examples_of_the_rfc_are_read() {
    for ((kind, code, id, token, path, payload), bytes) in APPENDIX_A {
        let message = Message::parse(bytes).unwrap();
        assert_eq!(
            (message.kind(), message.code(), message.id()),
            (*kind, *code, *id)
        );
        assert_eq!(message.token(), *token);
        assert_eq!(message.payload(), payload.as_bytes());
        let found = message.option(option::URI_PATH).unwrap_or_default();
        assert_eq!(found, path.as_bytes());
        assert_eq!(message.bad_option(), None);
    }
}
