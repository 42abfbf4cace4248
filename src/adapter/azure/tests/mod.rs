//! The wire, from the guides and from what official clients were seen to say.

mod client;
mod laws;
mod rest;
mod service;

use super::{Client, Service, twin_id};
use crate::codec::json;
use crate::document::Document;
use crate::protocol::TwinId;
use crate::time::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_999);
const TIME: &str = "2023-11-14T22:13:20.9990000Z";

fn document(text: &str) -> Document<2048> {
    let mut document = Document::new();
    json::read(text.as_bytes(), document.as_mut()).unwrap();
    document
}

fn lamp() -> TwinId<'static> {
    twin_id("lamp", None).unwrap()
}

fn client() -> Client<'static> {
    Client::new(lamp()).unwrap()
}

fn service() -> Service {
    Service::default()
}

/// Topic and payload as text.
fn text(publish: super::super::Publish<'_>) -> (String, String) {
    let payload = Vec::from(publish.payload);
    (
        String::from(publish.topic),
        String::from_utf8(payload).unwrap(),
    )
}
