mod appendix;
mod envelope;
mod laws;
mod rules;
mod select;

use alloc::string::String;
use alloc::vec::Vec;

use super::{ReadError, Reader, Select};
use crate::codec::json;
use crate::document::Document;

/// Bytes from hexadecimal digits; white space between them is ignored.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| u8::try_from(c.to_digit(16).unwrap()).unwrap())
        .collect();
    assert!(digits.len().is_multiple_of(2), "{text}");
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// What the bytes say, whole and in pieces, as JSON text.
fn selected(bytes: &[u8], select: &'static Select) -> Result<String, ReadError> {
    let mut out = [0; 8192];
    let mut results = Vec::new();
    for piece in [bytes.len().max(1), 1, 3] {
        let mut document = Document::<4096>::new();
        document.set(&["old"], true).unwrap();
        let mut reader = Reader::new(document.as_mut(), select);
        let fed = bytes.chunks(piece).try_for_each(|piece| reader.feed(piece));
        let result = fed.and_then(|()| reader.finish()).map(|()| {
            let len = json::write(document.as_ref(), &mut out).unwrap();
            String::from_utf8(out[..len].to_vec()).unwrap()
        });
        assert!(result.is_ok() || document.is_empty());
        results.push(result);
    }
    assert!(
        results.windows(2).all(|pair| pair[0] == pair[1]),
        "{results:?}"
    );
    results.pop().unwrap()
}

fn said(text: &str) -> Result<String, ReadError> {
    selected(&hex(text), &Select::All)
}

/// The document that JSON text says.
fn document(text: &str) -> Document<4096> {
    let mut document = Document::new();
    json::read(text.as_bytes(), document.as_mut()).unwrap();
    document
}
