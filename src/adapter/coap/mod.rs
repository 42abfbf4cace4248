//! CoAP (RFC 7252): a twin as a resource, over UDP.
//!
//! | what | where |
//! | --- | --- |
//! | one datagram read and written | [`Message`], [`MessageWriter`], [`option`], [`Block`] |
//! | requests, answers, observations over lossy datagrams | [`endpoint`] |
//! | twins as resources: a service over any stack | [`Service`], [`Uploads`] |
//! | a device that talks to its twin | [`Client`], [`Decoder`] |
//! | response codes | [`status`] |
//!
//! A service is written against the traits of the crate `coap-message`: it runs on the endpoint here
//! and on any other stack. **The one rule: who asks decides what there is.** The identity that the
//! transport has authenticated is an argument ([`Access`]); nothing in a request widens it.
//!
//! ```
//! use twinsync::adapter::coap::{
//!     Access, Client, Code, Fed, Json, Message, MessageWriter, Names, Service, Type,
//! };
//! use twinsync::document::Document;
//! use twinsync::protocol::{self, Get, Snapshot, TwinId, Versions, Wanted};
//! use twinsync::time::Timestamp;
//!
//! // A device asks for its twin.
//! let client = Client::<Json>::new("twins", TwinId::new("lamp", None)?)?;
//! let mut datagram = [0; 128];
//! let mut request = MessageWriter::new(&mut datagram, Type::Confirmable, Code::EMPTY, 1, b"t");
//! let get = protocol::Message::Get(Get::default());
//! let question = client.encode(&get, Wanted::Sections, &mut request)?;
//! let len = request.finish()?;
//!
//! // The service understands the request: of this twin, for a hub.
//! let service = Service::new("twins");
//! let request = Message::parse(&datagram[..len])?;
//! let (mut names, mut body) = (Names::new(), Document::<256>::new());
//! let access = Access::Device("lamp");
//! let call = service.decode(access, &request, request.payload(), &mut names, body.as_mut())?;
//! assert_eq!((call.id.device(), call.message), ("lamp", get));
//!
//! // The hub answers, and the service writes that down for whoever asked.
//! let mut twin = Document::<64>::new();
//! twin.set(&["desired", "on"], true)?;
//! twin.set(&["tags", "room"], "hall")?;
//! let answer = protocol::Message::GetAccepted(Snapshot {
//!     id: None,
//!     document: twin.as_ref(),
//!     versions: Versions::ZERO,
//!     timestamp: Timestamp::EPOCH,
//! });
//! let mut datagram = [0; 128];
//! let mut response = MessageWriter::new(&mut datagram, Type::Acknowledgement, Code::EMPTY, 1, b"t");
//! let (mut shown, mut text) = (Document::<64>::new(), [0; 64]);
//! service.encode(&call.reply, &answer, shown.as_mut(), &mut text, &mut response)?;
//! let len = response.finish()?;
//!
//! // The device reads it, block by block, into a document of its own.
//! let mut scratch = Document::<64>::new();
//! let mut decoder = client.decoder(&question, scratch.as_mut());
//! let response = Message::parse(&datagram[..len])?;
//! assert_eq!(decoder.feed(&response)?, Fed::Complete);
//! let protocol::Message::GetAccepted(snapshot) = decoder.finish()? else { panic!() };
//! assert_eq!(snapshot.document.read::<bool>(&["desired", "on"]), Ok(true));
//! assert!(snapshot.document.at(&["tags"]).is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Resources
//!
//! A path is `/{prefix}/{device}` or, for a named twin, `/{prefix}/{device}/{name}`, and then the part. A
//! twin can not have the name of a part.
//!
//! | path | methods | what it is |
//! | --- | --- | --- |
//! | `…` | GET FETCH PATCH iPATCH DELETE | the twin: a map of its sections |
//! | `…/desired` | GET FETCH PUT PATCH iPATCH DELETE | what the service wants |
//! | `…/reported` | GET FETCH PUT PATCH iPATCH DELETE | what the device says |
//! | `…/tags` | GET FETCH PUT PATCH iPATCH DELETE | labels, for services only |
//! | `…/delta` | GET | what desired asks for and reported does not say |
//!
//! * **GET** answers 2.05, or 2.03 if an ETag of the request is still the one. With Observe 0 it
//!   registers (RFC 7641), with 1 it deregisters. `desired` can be observed before the twin exists.
//! * **Accept** chooses JSON (50, if nothing is said) or CBOR (60); else 4.06. **Content-Format** says
//!   which of them a body is; else 4.15. A body without one counts as JSON.
//! * **FETCH** (RFC 8132) takes an array of JSON pointers and answers with what they name.
//! * **PATCH** and **iPATCH** merge (RFC 7396). Content-Format 52 (merge-patch+json), 50 (JSON) and 60
//!   (CBOR) are all read so: there is no registered format for a merge patch in CBOR.
//! * **PUT** replaces a section: what it does not name is gone. A twin as a whole has no PUT.
//! * **DELETE** of a section empties it, of a twin removes it.
//! * **If-Match** with an etag from a response makes a change conditional (4.12); empty, the twin must
//!   exist. **If-None-Match**: it must not. One condition at a time; more are 4.02.
//! * An etag has eight bytes: the version that it is of in five, and a hash of the content. An If-Match
//!   of the first five is compared as well.
//! * **Block2** (RFC 7959) cuts what does not fit a datagram; each block carries the etag, from which a
//!   client sees that the twin changed in between. **Block1** bodies are put together by [`Uploads`].
//! * The option [`TWIN_STATE`] tells the versions.
//!
//! Errors are those of [`status`], with a diagnostic payload or, if Accept is 257, problem
//! details (RFC 9290). A body that is not of its format is 4.00; one that is and yet no change of a
//! twin, or that a rule of the hub's guard is against, is 4.22.

mod block;
mod client;
mod decoder;
pub mod endpoint;
mod format;
mod message;
pub mod option;
mod problem;
mod resource;
mod state;
pub mod status;

pub use block::{Block, BlockError};
pub use client::{AskError, Client, Question};
pub use decoder::{DecodeError, Decoder, Fed};
pub use format::{BodyError, Cbor, Format, Json, JsonReader, ReadBody, Shape};
pub use message::{
    CoapOption, Code, Header, Message, MessageWriter, Options, ParseError, Type, WriteError,
};
pub use resource::{
    Access, AnswerError, Body, Call, Fault, Names, Part, PathError, Refusal, Reply, Service,
    Uploads, Watch, resource,
};
pub use state::TWIN_STATE;

#[cfg(test)]
mod tests;
