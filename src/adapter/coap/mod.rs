//! CoAP (RFC 7252): a twin as a resource, over UDP.
//!
//! | what | where |
//! | --- | --- |
//! | one datagram read and written | [`Message`], [`MessageWriter`], [`option`], [`Block`] |
//! | requests, answers, observations over lossy datagrams | [`endpoint`] |
//! | twins as resources: a service over any stack | [`Service`], [`Uploads`] |
//! | a device that talks to its twin | [`Client`], [`Decoder`] |
//! | response codes | [`status`] |

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
