//! How the parties of a simulation spell what they say.

use alloc::string::String;
use alloc::vec::Vec;

use super::broker::Packet;
use crate::adapter::EncodeError;
use crate::document::DocumentMut;
use crate::error::CapacityError;
use crate::protocol::{Audience, Message, TwinId, Wanted};
use crate::time::Timestamp;

/// Both directions of an adapter, in one shape for all of them: what a [`Pair`](super::Pair) needs to
/// put its messages on a link as bytes.
///
/// Decoding lends what it found to a closure, since a message borrows from the packet and from
/// `scratch`.
pub trait Dialect {
    /// Returns who finds out for whom a message is; a broker, by its topic, if not said otherwise.
    fn routing(&self) -> Routing {
        Routing::Topics
    }

    /// Returns the filters that a device, or a back-end, subscribes to.
    fn client_filters(&self, role: Role, id: TwinId<'_>) -> Vec<String>;

    /// Returns the filters that the service subscribes to.
    fn service_filters(&self) -> Vec<String>;

    /// Spells a request in at most `room` bytes, topic included.
    ///
    /// # Errors
    /// [`Unsent`]; nothing is lost.
    fn encode_request(
        &self,
        role: Role,
        id: TwinId<'_>,
        message: &Message<'_>,
        room: usize,
    ) -> Result<Packet, Unsent>;

    /// Reads what reached a client that listens to `id`, in a document of its own size.
    fn decode_answer(
        &self,
        role: Role,
        id: TwinId<'_>,
        packet: &Packet,
        wanted: Wanted,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
    );

    /// Reads what reached the service at the wall-clock time `wall`. With [`Routing::Connections`], `sender`
    /// is whom the connection belongs to; otherwise the packet alone may say whose twin it is about.
    fn decode_request(
        &self,
        wall: Timestamp,
        sender: TwinId<'_>,
        packet: &Packet,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Request<'_>),
    );

    /// Spells an answer or a notification; `None` if the protocol has no such message.
    fn encode_answer(
        &self,
        id: TwinId<'_>,
        audience: Audience,
        message: &Message<'_>,
    ) -> Option<Packet>;
}

/// Who speaks as a client, or listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Role {
    /// The device whose twin it is.
    Device,
    /// An application of the service's.
    BackEnd,
}

/// How a message finds its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Routing {
    /// By its topic, over a broker that the service is a client of, too (AWS). Back-ends are clients.
    Topics,
    /// By its connection: the service listens itself, the same topics serve all devices, and an answer goes
    /// to the asker's connection alone (Azure). Back-ends speak in the service's process.
    Connections,
}

/// Why a request was not spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Unsent {
    /// It takes this many bytes.
    TooLarge {
        /// Topic and payload.
        needed: usize,
    },
    /// The protocol has no such message.
    Unsupported,
}

/// What a packet says to a client.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Incoming<'a> {
    /// An answer or a notification.
    Message(Message<'a>),
    /// An answer that does not fit the document that was lent.
    Oversized {
        /// Bytes that were needed up to where it stopped.
        needed: usize,
    },
    /// The subscriptions stand.
    Subscribed,
    /// Nothing that the client understands.
    Noise,
}

impl From<EncodeError> for Unsent {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::BufferTooSmall(error) => Self::TooLarge {
                needed: error.needed,
            },
            EncodeError::Unsupported => Self::Unsupported,
        }
    }
}

impl<'a> Incoming<'a> {
    /// What an adapter made of a packet: its message, or how much room was missing, if that is why there
    /// is none.
    pub(super) fn of(decoded: Result<Message<'a>, Option<CapacityError>>) -> Self {
        match decoded {
            Ok(message) => Self::Message(message),
            Err(Some(error)) => Self::Oversized {
                needed: error.needed,
            },
            Err(None) => Self::Noise,
        }
    }
}

/// What a packet says to the service.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Request<'a> {
    /// A request.
    Message(TwinId<'a>, Message<'a>),
    /// No request, and this is the answer to it.
    Refusal(Packet),
    /// Nothing that calls for an answer.
    Noise,
}
