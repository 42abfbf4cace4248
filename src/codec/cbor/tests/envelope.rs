//! Envelopes with integer keys.

use alloc::vec::Vec;

use super::super::{Decoder, ReadError, ReadReason, Writer};
use super::{document, hex};
use crate::document::Document;

type Envelope = (Option<u64>, Option<alloc::string::String>, Document<128>);

fn envelope(bytes: &[u8]) -> Result<Envelope, ReadError> {
    let mut decoder = Decoder::new(bytes);
    let (mut version, mut token, mut body) = (None, None, Document::new());
    let mut entries = decoder.map()?;
    while decoder.more(&mut entries)? {
        match decoder.unsigned()? {
            0 => version = Some(decoder.unsigned()?),
            1 => token = Some(decoder.text()?.into()),
            2 => decoder.document(body.as_mut())?,
            _ => decoder.skip()?,
        }
    }
    assert_eq!(decoder.offset(), bytes.len().min(decoder.offset()));
    decoder.finish()?;
    Ok((version, token, body))
}

fn fault(text: &str) -> (usize, ReadReason) {
    let ReadError { offset, reason } = envelope(&hex(text)).unwrap_err();
    (offset, reason)
}

#[test]
fn what_is_written_is_read() {
    let body = document(r#"{"on":true,"target":21.5}"#);
    let mut out = [0; 64];
    let mut writer = Writer::new(&mut out);
    writer.map(4);
    writer.unsigned(0);
    writer.unsigned(70_000);
    writer.unsigned(1);
    writer.text("t-1");
    writer.unsigned(2);
    writer.document(body.as_ref());
    writer.unsigned(30);
    writer.array(2);
    writer.unsigned(1);
    writer.array(0);
    let len = writer.finish().unwrap();
    let (version, token, read) = envelope(&out[..len]).unwrap();
    assert_eq!((version, token.as_deref()), (Some(70_000), Some("t-1")));
    assert_eq!(read.as_bytes(), body.as_bytes());
    for cut in 0..len {
        let error = envelope(&out[..cut]).unwrap_err();
        assert_eq!(
            (error.offset, error.reason),
            (cut, ReadReason::UnexpectedEnd)
        );
    }
}

#[test]
fn indefinite_maps_and_arrays_end_with_their_break() {
    assert_eq!(envelope(&hex("bf00 190007 ff")).unwrap().0, Some(7));
    assert!(envelope(&hex("bfff")).is_ok());
    assert_eq!(fault("bf0007"), (3, ReadReason::UnexpectedEnd));
    let bytes = hex("9f 01 9fff 02 ff 03");
    let mut decoder = Decoder::new(&bytes);
    let mut items = decoder.array().unwrap();
    let mut starts = Vec::new();
    while decoder.more(&mut items).unwrap() {
        starts.push(decoder.offset());
        decoder.skip().unwrap();
    }
    assert_eq!(decoder.more(&mut items), Ok(false), "its end is read once");
    assert_eq!(starts, [1, 2, 4]);
    assert_eq!(decoder.unsigned(), Ok(3));
    decoder.finish().unwrap();
}

#[test]
fn what_does_not_belong_is_named_with_its_place() {
    assert_eq!(fault("80"), (0, ReadReason::Type));
    assert_eq!(fault("a1 6161 00"), (1, ReadReason::Type));
    assert_eq!(fault("a1 00 20"), (2, ReadReason::Type));
    assert_eq!(fault("a1 01 7f6161ff"), (2, ReadReason::Type));
    assert_eq!(fault("a1 01 61ff"), (2, ReadReason::InvalidUtf8));
    assert_eq!(fault("a1 1f 00"), (1, ReadReason::Malformed));
    assert_eq!(fault("a1 00 1c"), (2, ReadReason::Malformed));
    assert_eq!(fault("a1 02 a1 00 00"), (3, ReadReason::Key));
    assert_eq!(fault("a1 03 1c"), (2, ReadReason::Malformed));
    assert_eq!(fault("a0 00"), (1, ReadReason::Trailing));
    assert_eq!(
        fault("a1 01 7bffffffffffffffff 00").1,
        ReadReason::UnexpectedEnd
    );
    assert_eq!(fault("bbffffffffffffffff").1, ReadReason::UnexpectedEnd);
}

#[test]
fn a_call_that_fails_moves_nothing() {
    let bytes = hex("6161");
    let mut decoder = Decoder::new(&bytes);
    let mut body = Document::<16>::new();
    assert!(decoder.map().is_err() && decoder.array().is_err() && decoder.unsigned().is_err());
    assert_eq!(decoder.offset(), 0);
    decoder.document(body.as_mut()).unwrap();
    assert_eq!(body.root().as_str(), Some("a"));
    assert!(decoder.skip().is_err());
    assert_eq!(decoder.offset(), 2);
}
