//! How a cloud spells a [`Message`](crate::protocol::Message): topics and payloads, both directions.
//!
//! An adapter is a pair of pure functions for each end: `encode` writes a message into the caller's
//! buffer, `decode` reads one from a topic and a payload. It owns no socket, no subscription and no
//! request id, and it knows no engine. **The one rule: a message that a protocol can not express is
//! [`EncodeError::Unsupported`]; nothing similar is ever sent in its place.**
//!
//! | adapter | service | transport |
//! | --- | --- | --- |
//! | [`aws`] | AWS IoT Device Shadow | MQTT |
//! | [`coap`] | any, as resources under paths of this crate's own | CoAP over UDP |
//! | [`azure`] | Azure IoT Hub device twins | MQTT; HTTP for back-ends |
//! | [`native`] | our own, every byte counted | MQTT |
//!
//! # What they can and can not express
//!
//! | | [`aws`] | [`azure`] | [`native`] | [`coap`] |
//! | --- | --- | --- | --- | --- |
//! | get by what is known | no | no | yes | yes |
//! | desired is told as | delta | patch | patch | the whole |
//! | versions of | twin | sections | both | both |
//! | conditional report | twin's version | reported's version | any | reported's version |
//! | replace, delete | delete | HTTP: replace | both | both |
//! | tags | none | HTTP | back-ends | services |
//! | a report may be | of any size | of any size | of any size | one datagram |
//!
//! The README has the long form. An engine is told by its configuration which versions count
//! ([`VersionScope`](crate::protocol::VersionScope)); the rest it learns from the messages that come, so that
//! one application runs over any of them.
//!
//! # A new adapter
//!
//! One folder here: the topics (or paths) as a type that is built and parsed by position, the codes
//! of its errors as one table from [`Status`](crate::error::Status) and back, the device's side and
//! the service's side in files of their own (a device links only its own), and every open question
//! about the service as one documented field of a policy.

pub mod aws;
pub mod azure;
pub mod coap;
pub mod native;

use core::fmt;

use crate::error::BufferTooSmall;

/// A message as it goes over MQTT; topic and payload stand in the buffer that `encode` was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Publish<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Publish<'a> {
    /// The quality of service for all messages: at least once. Duplicates do no harm to the engines.
    pub const QOS: u8 = 1;

    /// Cuts the front of `out` into a topic of `topic` bytes and a payload up to `end`.
    fn cut(out: &'a [u8], topic: usize, end: usize) -> Self {
        let (name, payload) = out
            .get(..end)
            .and_then(|written| written.split_at_checked(topic))
            .unwrap_or_default();
        Self {
            // Made of names that are text: the check is the price of no `unsafe`.
            topic: core::str::from_utf8(name).unwrap_or_default(),
            payload,
        }
    }
}

/// Why a message was not written; nothing was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EncodeError {
    /// The buffer is too short; it says how long topic and payload are together.
    BufferTooSmall(BufferTooSmall),
    /// The protocol, or this side of it, has no such message.
    Unsupported,
}

impl From<BufferTooSmall> for EncodeError {
    fn from(error: BufferTooSmall) -> Self {
        Self::BufferTooSmall(error)
    }
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall(error) => error.fmt(f),
            Self::Unsupported => f.write_str("the protocol has no such message"),
        }
    }
}

impl core::error::Error for EncodeError {}
