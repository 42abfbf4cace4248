//! How the parties of a simulation spell what they say.

use alloc::string::String;
use alloc::vec::Vec;

use super::broker::Packet;
use crate::document::DocumentMut;
use crate::protocol::{Message, TwinId, Wanted};
use crate::time::Timestamp;

/// Both directions of an adapter, in one shape for all of them: what a [`Pair`](super::Pair) needs to
/// put its messages on a link as bytes.
///
/// Decoding lends what it found to a closure, since a message borrows from the packet and from
/// `scratch`.
pub trait Dialect {
    /// Returns the filters that a device, or a back-end, subscribes to.
    fn client_filters(&self, id: TwinId<'_>) -> Vec<String>;

    /// Returns the filters that the service subscribes to.
    fn service_filters(&self) -> Vec<String>;

    /// Spells a request in at most `room` bytes, topic included.
    ///
    /// # Errors
    /// [`Unsent`]; nothing is lost.
    fn encode_request(
        &self,
        id: TwinId<'_>,
        message: &Message<'_>,
        room: usize,
    ) -> Result<Packet, Unsent>;

    /// Reads what reached a client that listens to `id`, in a document of its own size.
    fn decode_answer(
        &self,
        id: TwinId<'_>,
        packet: &Packet,
        wanted: Wanted,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
    );

    /// Reads what reached the service at the wall-clock time `wall`.
    fn decode_request(
        &self,
        wall: Timestamp,
        packet: &Packet,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Request<'_>),
    );

    /// Spells an answer or a notification; `None` if the protocol has no such message.
    fn encode_answer(&self, id: TwinId<'_>, message: &Message<'_>) -> Option<Packet>;
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
#[non_exhaustive]
pub enum Incoming<'a> {
    /// An answer or a notification.
    Message(Message<'a>),
    /// An answer that does not fit the document that was lent.
    Oversized {
        /// Bytes that were needed up to where it stopped.
        needed: usize,
    },
    /// Nothing that the client understands.
    Noise,
}

/// What a packet says to the service.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Request<'a> {
    /// A request.
    Message(TwinId<'a>, Message<'a>),
    /// No request, and this is the answer to it.
    Refusal(Packet),
    /// Nothing that calls for an answer.
    Noise,
}
