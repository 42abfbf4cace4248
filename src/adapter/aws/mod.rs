//! AWS IoT Device Shadow over MQTT: classic and named shadows, both ends.
//!
//! A twin is called *shadow* here, its device a *thing*, a request id a *client token*. Rules follow the
//! developer guide of AWS IoT Core ("Device Shadow MQTT topics", "Device Shadow service documents",
//! "Device Shadow error messages") and, where it is silent or wrong, what was seen on the wire; what
//! remains open is a field of [`Policy`].
//!
//! # Topics
//!
//! All start with `$aws/things/{thing}/shadow` or, for a named shadow,
//! `$aws/things/{thing}/shadow/name/{shadow}`.
//!
//! | request | answers | events |
//! | --- | --- | --- |
//! | `/get` | `/get/accepted` `/get/rejected` | |
//! | `/update` | `/update/accepted` `/update/rejected` | `/update/delta` `/update/documents` |
//! | `/delete` | `/delete/accepted` `/delete/rejected` | |
//!
//! # Rooms
//!
//! * [`Client`] writes requests, its [`Decoder`] reads what comes back, in pieces of any size: an answer
//!   of 8 KB passes through a small receive buffer, its metadata is skipped as it flows.
//! * [`Service`] reads requests and writes answers and events; a request that breaks a rule becomes a
//!   [`Refusal`] with the answer that the service gives.
//! * [`Topic`] and [`status`] are the tables that both share.
//!
//! **The one rule: whose shadow a message is about is decided by its topic alone.** Client tokens,
//! versions and documents never lead to another shadow.
//!
//! ```
//! use twinsync::adapter::aws::{Client, Policy, Service};
//! use twinsync::document::Document;
//! use twinsync::error::Status;
//! use twinsync::protocol::{Get, Message, RequestId, TwinId, Wanted};
//! use twinsync::time::Timestamp;
//!
//! // A device asks for its shadow.
//! let client = Client::new(TwinId::new("lamp", Some("settings"))?)?;
//! let get = Message::Get(Get { id: RequestId::new("1"), ..Get::default() });
//! let mut out = [0; 128];
//! let request = client.encode(&get, &mut out)?;
//! assert_eq!(request.topic, "$aws/things/lamp/shadow/name/settings/get");
//! assert_eq!(request.payload, br#"{"clientToken":"1"}"#);
//!
//! // The service understands the request.
//! let service = Service::new(Policy::new());
//! let mut scratch = Document::<64>::new();
//! let decoded = service.decode(request.topic, request.payload, scratch.as_mut());
//! let (id, message) = decoded.map_err(|error| error.to_string())?;
//! assert_eq!((id, message), (client.id(), get));
//!
//! // A hub would answer now. This one knows no shadow, and the device hears of it.
//! let answer = Message::Rejected(twinsync::protocol::Rejection {
//!     id: RequestId::new("1"),
//!     request: twinsync::protocol::RequestKind::Get,
//!     status: Status::NotFound,
//!     cause: twinsync::protocol::Cause::Unstated,
//!     timestamp: Timestamp::EPOCH,
//! });
//! let mut out = [0; 160];
//! let answer = service.encode(id, &answer, &mut out)?;
//! assert_eq!(
//!     answer.payload,
//!     br#"{"code":404,"message":"No shadow exists with name: 'settings'","clientToken":"1"}"#
//! );
//! let mut scratch = Document::<128>::new();
//! let message = client.decode(answer.topic, answer.payload, Wanted::Sections, scratch.as_mut())?;
//! let Message::Rejected(rejection) = message else { panic!() };
//! assert_eq!(rejection.status, Status::NotFound);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod client;
mod decoder;
mod policy;
mod service;
mod shape;
pub mod status;
mod topic;

pub use client::Client;
pub use decoder::{DecodeError, Decoder};
pub use policy::{
    DeltaInUpdate, NewVersion, Policy, PreviousOfNew, TooLargeText, UnreadablePayload,
};
pub use service::{Fault, Refusal, RequestError, Service};
pub use topic::{MAX_SHADOW_NAME, MAX_THING_NAME, NameError, Purpose, Topic, TopicError, shadow};

use crate::codec::json;
use crate::document::DocumentRef;
use crate::twin::Section;

/// Returns the size of a shadow as the service counts it: the bytes of compact JSON of desired and of
/// reported, added. Metadata, versions and client tokens do not count. Cost: linear.
///
/// `twin` is a twin's document: a map with the sections.
pub fn document_bytes(twin: DocumentRef<'_>) -> usize {
    let section = |section: Section| twin.at(&[section.key()]).map_or(0, json::len);
    section(Section::Desired).saturating_add(section(Section::Reported))
}

#[cfg(test)]
mod tests;
