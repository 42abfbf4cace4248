//! The wire, byte by byte, and its laws.

mod errors;
mod examples;
mod laws;
mod topics;

use alloc::string::String;
use alloc::vec::Vec;

use super::{Client, Prefix, Service};
use crate::codec::json;
use crate::document::Document;
use crate::protocol::TwinId;

const SERVICE: Service<'static> = Service::new(Prefix::DEFAULT);

fn document(text: &str) -> Document<2048> {
    let mut document = Document::new();
    json::read(text.as_bytes(), document.as_mut()).unwrap();
    document
}

fn lamp() -> TwinId<'static> {
    TwinId::new("lamp", None).unwrap()
}

fn device() -> Client<'static> {
    Client::device(Prefix::DEFAULT, lamp())
}

fn back_end() -> Client<'static> {
    Client::back_end(Prefix::DEFAULT, lamp())
}

/// Bytes as the specification writes them: pairs of digits with blanks between.
fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<_> = bytes
        .iter()
        .map(|byte| alloc::format!("{byte:02X}"))
        .collect();
    pairs.join(" ")
}

/// The bytes of such a text; blanks do not count.
fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter_map(|digit| u8::try_from(digit.to_digit(16)?).ok())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
