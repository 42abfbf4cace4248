//! CoAP datagrams: refused or read as coap-lite reads them, and written again the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::adapter::coap::{Block, Message, MessageWriter, ParseError, option};

fuzz_target!(|bytes: &[u8]| {
    let theirs = coap_lite::Packet::from_bytes(bytes);
    let message = match Message::parse(bytes) {
        Ok(message) => message,
        // What coap-lite lets through.
        Err(ParseError::Version | ParseError::EmptyPayload | ParseError::NotEmpty) => return,
        Err(error) => {
            assert!(theirs.is_err(), "{error}");
            return;
        }
    };
    let theirs = theirs.expect("well-formed");
    assert_eq!(theirs.header.message_id, message.id());
    assert_eq!(u8::from(theirs.header.code), message.code().as_u8());
    assert_eq!(theirs.get_token(), message.token());
    assert_eq!(theirs.payload, message.payload());
    let options: Vec<_> = theirs
        .options()
        .flat_map(|(number, values)| values.iter().map(|value| (*number, value.as_slice())))
        .collect();
    let ours: Vec<_> = message
        .raw_options()
        .map(|option| (option.number, option.value))
        .collect();
    assert_eq!(options, ours);

    // What is passed over is elective, what is named is critical.
    let left: Vec<_> = message
        .options()
        .map(|option| (option.number, option.value))
        .collect();
    assert!(
        ours.iter()
            .all(|option| left.contains(option) || !option::is_critical(option.0))
    );
    assert!(message.bad_option().is_none_or(option::is_critical));
    for number in [option::BLOCK1, option::BLOCK2] {
        if let Some(Ok(block)) = message.option(number).map(Block::read) {
            assert_eq!(Block::read(block.value().as_bytes()), Ok(block));
        }
    }

    let mut out = vec![0; bytes.len()];
    let (kind, code, id) = (message.kind(), message.code(), message.id());
    let mut writer = MessageWriter::new(&mut out, kind, code, id, message.token());
    for (number, value) in &ours {
        writer.option(*number, value);
    }
    writer.payload(message.payload());
    let len = writer.finish().expect("at most as long");
    let again = Message::parse(&out[..len]).expect("well-formed");
    assert!(again.raw_options().eq(message.raw_options()));
    assert_eq!(
        (again.kind(), again.token(), again.payload()),
        (kind, message.token(), message.payload())
    );
});
