//! CoAP (RFC 7252): a twin as a resource, over UDP.
//!
//! | what | where |
//! | --- | --- |
//! | one datagram read and written | [`Message`], [`MessageWriter`], [`option`], [`Block`] |
//! | requests, answers, observations over lossy datagrams | [`endpoint`] |
//! | twins as resources: a service over any stack | [`Service`], [`Uploads`] |
//! | response codes | [`status`] |

mod block;
pub mod endpoint;
mod message;
pub mod option;
mod problem;
mod resource;
mod state;
pub mod status;

pub use block::{Block, BlockError};
pub use message::{
    CoapOption, Code, Header, Message, MessageWriter, Options, ParseError, Type, WriteError,
};
pub use resource::{
    Access, AnswerError, Body, Call, Fault, Names, Part, PathError, Refusal, Reply, Service,
    Uploads, Watch, resource,
};
pub use state::TWIN_STATE;
