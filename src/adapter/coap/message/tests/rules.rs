//! What is refused and what is passed over, rule by rule.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use coap_message::{MinimalWritableMessage, MutableWritableMessage};

use super::super::{Code, Message, MessageWriter, ParseError, Type, WriteError};
use super::written;
use crate::adapter::coap::option::{self, Uint};
use crate::adapter::coap::{Block, BlockError};
use crate::error::BufferTooSmall;

#[test]
fn a_datagram_that_is_no_message_says_why_and_where() {
    let cases: &[(&[u8], ParseError)] = &[
        (b"", ParseError::Short),
        (b"\x40\x01\x00", ParseError::Short),
        (b"\x00\x01\x00\x00", ParseError::Version),
        (b"\x80\x01\x00\x00", ParseError::Version),
        (b"\xc0\x01\x00\x00", ParseError::Version),
        (b"\x49\x01\x00\x00123456789", ParseError::Token),
        (b"\x4f\x01\x00\x00123456789012345", ParseError::Token),
        (b"\x44\x01\x00\x00123", ParseError::Token),
        (b"\x40\x01\x00\x00\xff", ParseError::EmptyPayload),
        (b"\x40\x01\x00\x00\xb1a\xff", ParseError::EmptyPayload),
        (b"\x40\x00\x00\x00\xb1a", ParseError::NotEmpty),
        (b"\x41\x00\x00\x00\x01", ParseError::NotEmpty),
        (b"\x41\x00\x00\x00", ParseError::NotEmpty),
        (b"\x40\x00\x00\x00\xff1", ParseError::NotEmpty),
        // 15 is reserved, as a delta and as a length.
        (b"\x40\x01\x00\x00\xf0", ParseError::Option { at: 4 }),
        (b"\x40\x01\x00\x00\xf1a", ParseError::Option { at: 4 }),
        (b"\x41\x01\x00\x00t\xb1a\x0f", ParseError::Option { at: 7 }),
        // Extensions and values that are cut off.
        (b"\x40\x01\x00\x00\xd0", ParseError::Option { at: 4 }),
        (b"\x40\x01\x00\x00\xe0\x00", ParseError::Option { at: 4 }),
        (b"\x40\x01\x00\x00\x0d", ParseError::Option { at: 4 }),
        (b"\x40\x01\x00\x00\x0e\x00", ParseError::Option { at: 4 }),
        (b"\x40\x01\x00\x00\xb2a", ParseError::Option { at: 4 }),
        // Beyond the last number: 65,535 + 269, and 65,535 + 1.
        (
            b"\x40\x01\x00\x00\xe0\xff\xff",
            ParseError::Option { at: 4 },
        ),
        (
            b"\x40\x01\x00\x00\xe0\xfe\xf2\x10",
            ParseError::Option { at: 7 },
        ),
    ];
    for (bytes, error) in cases {
        assert_eq!(Message::parse(bytes), Err(*error), "{bytes:x?}");
    }
}

#[test]
fn deltas_and_lengths_take_the_shortest_form() {
    let cases: &[(u16, usize, &[u8])] = &[
        (0, 0, &[0x00]),
        (12, 12, &[0xCC]),
        (13, 13, &[0xDD, 0, 0]),
        (268, 268, &[0xDD, 255, 255]),
        (269, 269, &[0xEE, 0, 0, 0, 0]),
        (65_535, 1_000, &[0xEE, 0xFE, 0xF2, 0x02, 0xDB]),
        (12, 65_535, &[0xCE, 0xFE, 0xF2]),
    ];
    for (number, len, lead) in cases {
        let value = vec![7; *len];
        let bytes = written(Type::NonConfirmable, Code::GET, 1, &[], |writer| {
            writer.option(*number, &value);
        });
        assert_eq!(&bytes[4..4 + lead.len()], *lead);
        assert_eq!(bytes[4 + lead.len()..], value);
        let message = Message::parse(&bytes).unwrap();
        let options: Vec<_> = message.raw_options().collect();
        assert_eq!((options.len(), options[0].number), (1, *number));
        assert_eq!(options[0].value, value);
    }
}

#[test]
fn an_elective_option_that_is_not_right_is_passed_over_and_a_critical_one_is_named() {
    let message = |options: &[(u16, &[u8])]| {
        written(Type::Confirmable, Code::GET, 1, &[], |writer| {
            for (number, value) in options {
                writer.option(*number, value);
            }
        })
    };
    let long = [b'x'; 256];
    type Case<'a> = (&'a [(u16, &'a [u8])], Option<u16>, &'a [u16]);
    let cases: &[Case<'_>] = &[
        // Elective and wrong: as if it were not there.
        (&[(option::ETAG, b"")], None, &[]),
        (
            &[(option::ETAG, b"123456789"), (option::ETAG, b"1")],
            None,
            &[option::ETAG],
        ),
        (&[(option::OBSERVE, b"1234")], None, &[]),
        (&[(option::CONTENT_FORMAT, b"123")], None, &[]),
        (
            &[(option::SIZE1, b"12345"), (option::SIZE1, b"1")],
            None,
            &[],
        ),
        (
            &[(option::MAX_AGE, b"1"), (option::MAX_AGE, b"2")],
            None,
            &[option::MAX_AGE],
        ),
        // Elective and unknown: not for this layer to judge.
        (&[(258, b""), (258, b"")], None, &[258, 258]),
        // Critical and wrong: the message is to be refused.
        (
            &[(option::URI_PATH, &long)],
            Some(option::URI_PATH),
            &[option::URI_PATH],
        ),
        (&[(option::IF_MATCH, b"123456789")], Some(1), &[1]),
        (&[(option::IF_NONE_MATCH, b"x")], Some(5), &[5]),
        (&[(option::BLOCK2, b"1234")], Some(23), &[23]),
        (
            &[(option::BLOCK1, b""), (option::BLOCK1, b"")],
            Some(27),
            &[27, 27],
        ),
        (
            &[(option::ACCEPT, b"1"), (option::ACCEPT, b"1")],
            Some(17),
            &[17, 17],
        ),
        (&[(9, b"")], Some(9), &[9]),
        (&[(option::PROXY_URI, b"coap://x")], Some(35), &[35]),
        // All is well.
        (
            &[
                (1, b""),
                (1, b"12345678"),
                (3, b"h"),
                (4, b"1"),
                (11, b""),
                (11, b"a"),
                (23, b""),
            ],
            None,
            &[1, 1, 3, 4, 11, 11, 23],
        ),
    ];
    for (options, bad, left) in cases {
        let bytes = message(options);
        let message = Message::parse(&bytes).unwrap();
        assert_eq!(message.bad_option(), *bad, "{options:?}");
        let numbers: Vec<_> = message.options().map(|option| option.number).collect();
        assert_eq!(&numbers, left, "{options:?}");
        assert_eq!(message.raw_options().count(), options.len());
    }
}

#[test]
fn a_short_buffer_is_told_how_long_the_message_is() {
    let write = |writer: &mut MessageWriter<'_>| {
        writer.option(option::URI_PATH, b"temperature");
        writer.option_uint(option::SIZE1, 70_000);
        writer.payload(b"22.3 C");
    };
    let whole = written(Type::Confirmable, Code::PUT, 9, b"token", write);
    for len in 0..whole.len() {
        let mut out = vec![0; len];
        let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::PUT, 9, b"token");
        write(&mut writer);
        let needed = whole.len();
        assert_eq!(
            writer.finish(),
            Err(WriteError::BufferTooSmall(BufferTooSmall { needed }))
        );
    }
}

#[test]
fn what_comes_in_the_wrong_order_is_noted() {
    let fault = |write: fn(&mut MessageWriter<'_>)| {
        let mut out = [0; 64];
        let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::GET, 1, &[]);
        write(&mut writer);
        writer.finish().err()
    };
    assert_eq!(
        fault(|writer| {
            writer.option(option::URI_PATH, b"a");
            writer.option(option::ETAG, b"1");
            writer.payload(b"1");
            writer.payload(b"2");
        }),
        Some(WriteError::Order {
            number: option::ETAG
        }),
        "the first of two faults"
    );
    assert_eq!(
        fault(|writer| {
            writer.payload(b"1");
            writer.option(option::URI_PATH, b"a");
        }),
        Some(WriteError::Order {
            number: option::URI_PATH
        })
    );
    assert_eq!(
        fault(|writer| {
            writer.payload(b"1");
            writer.payload(b"2");
        }),
        Some(WriteError::Payload)
    );
    assert_eq!(
        fault(|writer| {
            writer.payload(b"1");
            writer.truncate(2);
        }),
        Some(WriteError::Payload)
    );
    let mut out = [0; 16];
    let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::GET, 1, &[]);
    writer.option(9, &vec![0; 65_536]);
    assert_eq!(
        writer.finish(),
        Err(WriteError::OptionTooLong { number: 9 })
    );
}

#[test]
fn a_payload_is_written_in_place_and_cut() {
    let bytes = written(Type::Confirmable, Code::POST, 1, &[], |writer| {
        writer.option(option::URI_PATH, b"a");
        let room = writer.payload_mut(100);
        assert_eq!(room.len(), 100);
        room[..3].copy_from_slice(b"abc");
        writer.truncate(3);
        assert_eq!(writer.payload_mut(9), b"abc");
    });
    assert_eq!(bytes, b"\x40\x02\0\x01\xb1a\xffabc");
    let none = written(Type::Confirmable, Code::POST, 1, &[], |writer| {
        writer.payload_mut(10).fill(1);
        writer.truncate(0);
        writer.option(option::URI_PATH, b"a");
    });
    assert_eq!(none, b"\x40\x02\0\x01\xb1a", "no marker is left behind");
    let mut out = [0; 8];
    let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::POST, 1, &[]);
    assert_eq!(writer.payload_mut(100).len(), 3, "as much as there is");
    assert_eq!(writer.finish(), Ok(8));
}

#[test]
fn a_method_of_the_traits_that_fails_has_written_nothing() {
    let mut out = [0; 12];
    let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::EMPTY, 1, &[]);
    writer.set_code(Code::PUT.as_u8());
    assert!(writer.add_option(option::URI_PATH, b"temperature").is_err());
    assert_eq!(writer.add_option(option::URI_PATH, b"t"), Ok(()));
    assert!(writer.add_option(option::ETAG, b"1").is_err());
    assert!(writer.set_payload(b"1234567890").is_err());
    assert_eq!(writer.available_space(), 6);
    assert_eq!(writer.set_payload(b"12345"), Ok(()));
    assert!(writer.set_payload(b"1").is_err());
    assert!(MutableWritableMessage::truncate(&mut writer, 6).is_err());
    assert_eq!(MutableWritableMessage::truncate(&mut writer, 4), Ok(()));
    writer.mutate_options(|number, value| {
        assert_eq!(number, option::URI_PATH);
        value.fill(b'x');
    });
    let len = writer.finish().unwrap();
    assert_eq!(&out[..len], b"\x40\x03\0\x01\xb1x\xff1234");
}

#[test]
fn numbers_have_no_leading_zeros_and_are_read_with_them() {
    for (number, bytes) in [
        (0, &[][..]),
        (1, &[1]),
        (255, &[255]),
        (256, &[1, 0]),
        (0x0001_0000, &[1, 0, 0]),
        (u32::MAX, &[255, 255, 255, 255]),
    ] {
        assert_eq!(Uint::new(number).as_bytes(), bytes);
        assert_eq!(Uint::read(bytes), Some(number));
    }
    assert_eq!(Uint::read(&[0, 0, 0, 7]), Some(7));
    assert_eq!(Uint::read(&[0, 0, 0, 0, 7]), None);
}

#[test]
fn a_block_keeps_its_place_in_other_sizes() {
    let block = Block::new(3, true, 256).unwrap();
    let smaller = block.resized(64).unwrap();
    assert_eq!(
        (smaller.number(), smaller.offset(), smaller.more()),
        (12, 768, true)
    );
    assert_eq!(
        block.resized(1024),
        Err(BlockError::Size),
        "768 is no multiple"
    );
    assert_eq!(block.resized(48), Err(BlockError::Size));
    let last = Block::new(Block::MAX_NUMBER, false, 1024).unwrap();
    assert_eq!((last.next(), last.offset()), (None, 0xFFFFF << 10));
    assert_eq!(last.resized(16), Err(BlockError::Number));
    assert_eq!(
        block.next().map(|next| (next.number(), next.more())),
        Some((4, false))
    );
    assert_eq!(Block::new(1 << 20, false, 16), Err(BlockError::Number));
    assert_eq!(Block::read(&[7]), Err(BlockError::Size));
    assert_eq!(Block::read(&[0, 0, 0, 0]), Err(BlockError::Length));
    assert_eq!(Block::read(&[]), Block::new(0, false, 16));
}

#[test]
fn errors_say_where_and_how_much() {
    assert_eq!(
        format!("{}", ParseError::Option { at: 7 }),
        "malformed option at byte 7"
    );
    let error = WriteError::BufferTooSmall(BufferTooSmall { needed: 99 });
    assert_eq!(format!("{error}"), "the output takes 99 bytes");
}
