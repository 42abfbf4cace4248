//! CoAP (RFC 7252): a twin as a resource, over UDP.
//!
//! | what | where |
//! | --- | --- |
//! | one datagram read and written | [`Message`], [`MessageWriter`], [`option`], [`Block`] |
//! | requests, answers, observations over lossy datagrams | [`endpoint`] |

mod block;
pub mod endpoint;
mod message;
pub mod option;

pub use block::{Block, BlockError};
pub use message::{
    CoapOption, Code, Header, Message, MessageWriter, Options, ParseError, Type, WriteError,
};
