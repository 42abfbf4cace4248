//! Azure IoT Hub device and module twins: MQTT for devices, both ends, and HTTP for back-ends.
//!
//! A request id is called `$rid` here, a named twin a *module*; each section has a `$version` of its own, so
//! engines take [`VersionScope::Section`](crate::protocol::VersionScope::Section). Rules follow the guides of
//! IoT Hub ("Understand and use device twins", "Communicate with IoT Hub using the MQTT protocol") and, where
//! they are silent, what official clients and services were seen to do; what remains open is a field of
//! [`Policy`].
//!
//! # Topics
//!
//! | purpose | topic | payload |
//! | --- | --- | --- |
//! | get | `$iothub/twin/GET/?$rid={rid}` | nothing, or anything |
//! | answer | `$iothub/twin/res/200/?$rid={rid}` | `{"desired":{…,"$version":n},"reported":{…,"$version":m}}` |
//! | report | `$iothub/twin/PATCH/properties/reported/?$rid={rid}`, `&$version={m}` if it is for this version alone | a merge patch |
//! | answer | `$iothub/twin/res/204/?$rid={rid}&$version={m+1}` | nothing |
//! | refusal | `$iothub/twin/res/{status}/?$rid={rid}` | `{"errorCode":…,"message":…,…}` |
//! | change of desired | `$iothub/twin/PATCH/properties/desired/?$version={n}` | a merge patch and `"$version":n` |
//!
//! **The one rule: whose twin a message is about is decided by the connection alone.** All devices use the same
//! topics; no topic, id or payload leads to another twin. So a service needs a listener that tells
//! connections apart: a broker shared by devices can not serve these topics.
//!
//! # Rooms
//!
//! * [`Client`] writes a device's requests, its [`Decoder`] reads what comes back, in pieces of any size;
//!   [`Login`] writes client id, user name and password; [`plug_and_play`] acknowledges writable properties.
//! * [`Service`] reads the requests of devices and writes answers and notifications; [`rest`] are the requests
//!   and responses of back-ends, [`Service::write_twin`] is the twin as they see it.
//! * [`Topic`] and [`status`] are the tables that both share.
//!
//! Not here: direct methods, device-to-cloud messages, jobs and configurations.
//!
//! ```
//! use twinsync::adapter::azure::{Client, Policy, Service, twin_id};
//! use twinsync::document::Document;
//! use twinsync::protocol::{Get, Message, RequestId, Wanted};
//!
//! // A device asks for its twin.
//! let lamp = twin_id("lamp", None)?;
//! let client = Client::new(lamp)?;
//! let get = Message::Get(Get { id: RequestId::new("1"), ..Get::default() });
//! let mut out = [0; 128];
//! let request = client.encode(&get, &mut out)?;
//! assert_eq!(request.topic, "$iothub/twin/GET/?$rid=g1");
//!
//! // The service knows from the connection who asks.
//! let service = Service::new(Policy::new());
//! let mut scratch = Document::<64>::new();
//! let decoded = service.decode(lamp, request.topic, request.payload, scratch.as_mut());
//! let (id, message) = decoded.map_err(|error| error.to_string())?;
//! assert_eq!(id, lamp);
//!
//! // A hub would answer now. This one has no such device, and the device hears of it.
//! let Message::Get(get) = message else { panic!() };
//! let answer = Message::Rejected(twinsync::protocol::Rejection {
//!     id: get.id,
//!     request: twinsync::protocol::RequestKind::Get,
//!     status: twinsync::error::Status::NotFound,
//!     cause: twinsync::protocol::Cause::Unstated,
//!     timestamp: twinsync::time::Timestamp::EPOCH,
//! });
//! let mut out = [0; 256];
//! let answer = service.encode(&answer, &mut out)?;
//! assert_eq!(answer.topic, "$iothub/twin/res/404/?$rid=g1");
//! let mut scratch = Document::<128>::new();
//! let message = client.decode(answer.topic, answer.payload, Wanted::Sections, scratch.as_mut())?;
//! let Message::Rejected(rejection) = message else { panic!() };
//! assert_eq!(rejection.id, RequestId::new("1"));
//! assert_eq!(rejection.status, twinsync::error::Status::NotFound);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod answer;
mod calendar;
mod client;
mod decoder;
mod login;
mod percent;
pub mod plug_and_play;
mod policy;
pub mod rest;
mod rules;
mod service;
pub mod status;
mod topic;
mod view;

pub use calendar::read_time;
pub use client::Client;
pub use decoder::{DecodeError, Decoder};
pub use login::Login;
pub use policy::{Integers, KeyCharacters, OwnMembers, Policy, SizeCount, UnquotedEtag};
pub use rules::{Breach, MAX_INTEGER, MIN_INTEGER, size};
pub use service::{Fault, Refusal, RequestError, Service};
pub use topic::{IdError, MAX_ID, Purpose, Topic, TopicError, twin_id};
pub use view::{ETAG_SECTIONS, EntityTag, Identity};

#[cfg(test)]
mod tests;
