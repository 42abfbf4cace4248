//! Our own dialect over MQTT, for links where every byte is paid for: both ends.
//!
//! What follows specifies version 1, byte by byte; another language can implement it from this page.
//! **The one rule: whose twin a message is about, and who speaks, is decided by its topic alone.** Ids,
//! versions and documents never lead to another twin, and nothing in a payload makes a device a back-end.
//!
//! # Topics
//!
//! `P` is the [`Prefix`], `t` by default; `D` the device's id; `/N` the twin's name, left out for the
//! unnamed twin ([`TwinId`] says which texts they may be). All messages go at least once (QoS 1), none is
//! retained.
//!
//! | topic | from, to | what |
//! | --- | --- | --- |
//! | `P/D/u/N` | device, service | requests |
//! | `P/D/d/N` | service, device | answers to the device; what it is told of desired |
//! | `P!/D/u/N` | back-end, service | requests |
//! | `P!/D/d/N` | service, back-ends | answers to back-ends |
//! | `P!/D/e/N` | service, back-ends | every change, for those who subscribe |
//!
//! A broker keeps devices apart with one pattern, such as `pattern readwrite t/%u/#` (mosquitto); back-ends
//! get `t!/#`. A device can then neither reach another device's topics nor speak as a back-end.
//!
//! # Bodies
//!
//! A payload is one byte, the [`Kind`], and then a map, the *envelope*, in CBOR (RFC 8949). An envelope
//! without fields is left out. So a payload is a CBOR sequence (RFC 8742) that starts with an integer
//! below 24; later versions of the dialect start with one from 24 on (`18 xx`), which a receiver of this
//! version tells apart as such. It passes over kinds that it does not know.
//!
//! | kind | request | kind | answer | kind | notification |
//! | ---: | --- | ---: | --- | ---: | --- |
//! | 0 | get | 3 | got: the twin | 11 | desired changed: a patch |
//! | 1 | update | 4 | unchanged: the asker has it | 12 | desired: all of it |
//! | 2 | delete | 5 | patched: what changed since | 13 | delta, to back-ends |
//! | | | 6 | updated | 14 | changed, to back-ends |
//! | | | 7 | deleted | | |
//! | | | 8 9 10 | get, update, delete refused | | |
//!
//! # The envelope
//!
//! Keys are the numbers of this table. **A field whose number is not known, or that does not belong to the
//! kind, is skipped**, whatever it holds; a known one of the wrong type makes the message malformed. Of
//! equal keys the last counts. Senders write deterministic CBOR (§4.2: shortest heads, ascending keys);
//! receivers take any. Documents are CBOR as [`codec::cbor`](crate::codec::cbor) maps them. Numbers
//! are below 2⁶³.
//!
//! | field | type | in kinds |
//! | --- | --- | --- |
//! | 0 id | integer below 2³², or text of 1 to 64 bytes | all but 11 and 12; optional |
//! | 1 versions | `[desired, reported]` or `[desired, reported, twin]` | 3-7, 11-14; in 0 what the asker has |
//! | 2 state | sections by number: 0 desired, 1 reported, 2 tags, 3 metadata; or null | 1, 3, 12 (desired alone), 14 |
//! | 3 patch | merge patch of desired (RFC 7396) | 5, 11, 13 |
//! | 4 metadata | in 0 `true`: with metadata, please (back-ends only); in 13 that of the patch | 0, 13 |
//! | 5 digest | tag of desired: of what the asker has; after the patch | 0 (with field 1), 5 |
//! | 6 etag | tag of the twin that the asker has | 0 |
//! | 7 mode | 0 merge, 1 replace the sections; 0 is left out | 1 |
//! | 8 precondition | `[number, …]`, see below | 1; optional |
//! | 9 status | number, see below | 8-10 |
//! | 10 detail | `[number, …]`, see below; or words | 8-10; optional |
//! | 11 time | milliseconds since 1970, if the service is told to date its messages | 3-14 |
//! | 12 previous, 13 its versions | state and versions before; left out if the twin is new | 14 |
//!
//! * **Id.** An integer stands for its eight lowercase hexadecimal digits: 7 for `00000007`. A text of
//!   that form has no other spelling; a receiver refuses it as text. So every id has one spelling, and an
//!   answer's is that of its request. Two askers on one topic choose ids that differ.
//! * **Versions.** The twin's is left out where it is the sum of the others. A device's `known` in a get
//!   has no third number.
//! * **Tags** ([`ETag`]) are eight bytes, sent as the signed integer of the same bits, big-endian. The
//!   digest of a section is made from its canonical bytes; [`ETag::of`] says how, step by step.
//! * **State.** In an update each section is a patch (field 7: 0) or the whole (1), null removes it, and
//!   null in place of the map clears the twin. A device gets 0 and 1, back-ends 2, too, and 3 if they ask.
//! * **Metadata** has for each leaf `[milliseconds, version]`, shaped like desired and reported.
//! * **Preconditions:** `[0]` no twin yet, `[1]` a twin, `[2, version]` of the twin, `[3, etag]` this
//!   one, `[4, etag]` not this one, `[5, section, version]` of the section. One that a service does not
//!   know does not hold: the update is malformed.
//! * **Status:** 0 invalid, 1 unauthorized, 2 forbidden, 3 not found, 4 conflict, 5 precondition failed, 6
//!   too large, 7 encoding; 16 internal failure, 17 unavailable, 18 throttled. One below 16 that is not
//!   known counts as 0, others as 16.
//! * **Detail:** `[0]` no such twin, `[1, expected, actual]` versions, `[2]` precondition, `[3]` unknown
//!   section, `[4, section]` is no map, `[5, section]` may not be written, `[6, section]` null in an array,
//!   `[7, section, limit]` too deep, `[8, size, limit]` too large, `[9, needed, capacity]` does not fit,
//!   `[10]` throttled, `[11]` registry unavailable. What is not known counts as no detail. A size from 2⁶³
//!   on stands as 2⁶³ - 1.
//!
//! # Rules of the conversation
//!
//! * A service answers each request once, on the lane `d` of who asked; requests whose kind it does not
//!   know are not answered. A device's update of desired or tags is refused (status 2, detail 5).
//! * An answer never echoes a patch: the asker has it.
//! * **A get that says what it knows** (fields 1 and 5) is answered by *unchanged* if versions and digest
//!   are the service's; by *patched* if reported is unchanged and the service can still tell what changed
//!   in desired; by *got* otherwise. After a patch the digest must be that of the result, or a get without
//!   fields 1 and 5 follows. So a device that kept its memory is back in step after a reboot with one
//!   exchange of some twenty bytes each way.
//! * After each update that names desired the service sends *desired changed* to the device (kind 11; 12
//!   where it has no patch). Its version follows the known one, or the device asks with a get.
//!
//! # Examples
//!
//! Of the twin `lamp`; the tests encode and decode each of them.
//!
//! | message | bytes |
//! | --- | --- |
//! | get, id `00000007` | `00 A1 00 07` |
//! | get, knows versions 3 and 5 and a digest | `00 A3 00 07 01 82 03 05 05 1B 01 02 03 04 05 06 07 08` |
//! | got | `03 A3 00 07 01 82 03 05 02 A2 00 A1 62 6F 6E F5 01 A1 62 6F 6E F4` |
//! | unchanged | `04 A2 00 07 01 82 03 05` |
//! | patched | `05 A4 00 07 01 82 04 05 03 A1 62 6F 6E F4 05 20` |
//! | update of reported: `{"on":true}` | `01 A2 00 08 02 A1 01 A1 62 6F 6E F5` |
//! | the same if reported has version 5 | `01 A3 00 08 02 A1 01 A1 62 6F 6E F5 08 83 05 01 05` |
//! | updated | `06 A2 00 08 01 82 04 06` |
//! | update of desired, id `ops`, if there is a twin | `01 A3 00 63 6F 70 73 02 A1 00 A1 62 6F 6E F6 08 81 01` |
//! | update refused: desired may not be written | `09 A3 00 08 09 02 0A 82 05 00` |
//! | desired changed: `on` removed, by a service that has had 12 updates | `0B A2 01 83 05 06 0C 03 A1 62 6F 6E F6` |
//! | delete | `02` |
//! | deleted | `07 A1 01 82 06 07` |
//!
//! # Rooms
//!
//! * [`Client`] writes requests of a device or a back-end, its [`Decoder`] reads what comes back, in pieces
//!   of any size.
//! * [`Service`] reads requests and writes answers and notifications; a request that breaks a rule becomes
//!   a [`Refusal`]. The hub's configuration decides which notifications there are.
//! * [`Topic`], [`Kind`] and [`status`] are the tables that both share.
//!
//! On the device's side configure [`VersionScope::Section`](crate::protocol::VersionScope::Section); small
//! seeds make small ids.
//!
//! ```
//! use twinsync::adapter::native::{Client, Prefix, Service};
//! use twinsync::document::Document;
//! use twinsync::protocol::{Accepted, Get, Message, RequestId, TwinId, Versions, Wanted};
//! use twinsync::time::Timestamp;
//!
//! // A device asks for its twin.
//! let client = Client::device(Prefix::DEFAULT, TwinId::new("lamp", None)?);
//! let id = RequestId::new("00000007");
//! let get = Message::Get(Get { id, ..Get::default() });
//! let mut out = [0; 64];
//! let publish = client.encode(&get, &mut out)?;
//! assert_eq!((publish.topic, publish.payload), ("t/lamp/u", &b"\x00\xA1\x00\x07"[..]));
//!
//! // The service understands the request.
//! let service = Service::new(Prefix::DEFAULT);
//! let mut scratch = Document::<64>::new();
//! let decoded = service.decode(publish.topic, publish.payload, scratch.as_mut());
//! let request = decoded.map_err(|error| error.to_string())?;
//! assert_eq!((request.id, request.message), (client.id(), get));
//!
//! // A hub would answer now; the device hears it.
//! let timestamp = Timestamp::EPOCH;
//! let answer = Accepted { id, versions: Versions::ZERO, patch: None, timestamp };
//! let answer = Message::GetUnchanged(answer);
//! let mut out = [0; 64];
//! let publish = service.encode(request.asker, request.id, &answer, &mut out)?;
//! let mut scratch = Document::<64>::new();
//! let heard = client.decode(publish.topic, publish.payload, Wanted::Sections, scratch.as_mut())?;
//! assert_eq!(heard, answer);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ETag`]: crate::twin::ETag
//! [`ETag::of`]: crate::twin::ETag::of
//! [`TwinId`]: crate::protocol::TwinId

mod answer;
mod client;
mod decoder;
mod envelope;
mod kind;
mod service;
pub mod status;
mod topic;

pub use client::Client;
pub use decoder::{DecodeError, Decoder};
pub use kind::Kind;
pub use service::{Asker, Fault, Refusal, Request, RequestError, Service};
pub use topic::{Lane, Party, Prefix, Topic, TopicError};

#[cfg(test)]
mod tests;
