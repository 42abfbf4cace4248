//! The wire, from the service's documentation.

mod client;
mod laws;
mod service;
mod topics;

use super::Client;
use crate::codec::json;
use crate::document::Document;
use crate::protocol::TwinId;
use crate::time::Timestamp;
use alloc::string::String;
use alloc::vec::Vec;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_999);

fn document(text: &str) -> Document<2048> {
    let mut document = Document::new();
    json::read(text.as_bytes(), document.as_mut()).unwrap();
    document
}

fn lamp() -> TwinId<'static> {
    TwinId::new("lamp", None).unwrap()
}

fn settings() -> TwinId<'static> {
    TwinId::new("lamp", Some("settings")).unwrap()
}

/// Topic and payload as text.
fn text(publish: super::super::Publish<'_>) -> (String, String) {
    let payload = Vec::from(publish.payload);
    (
        String::from(publish.topic),
        String::from_utf8(payload).unwrap(),
    )
}
