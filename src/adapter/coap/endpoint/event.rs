//! What an endpoint tells its caller.

use crate::adapter::coap::Message;

/// Names a request until its last event; made by [`Endpoint::request`](super::Endpoint::request).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestHandle(pub(super) u32);

impl RequestHandle {
    /// Returns the request's token.
    pub const fn token(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

/// Names a peer's request until it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Exchange {
    pub(super) index: u16,
    pub(super) serial: u16,
}

/// Names a registered observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Observer {
    pub(super) index: u16,
    pub(super) serial: u16,
}

/// An observer that has not yet seen the present state of its resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Notify<A> {
    /// Whom to notify, for [`Endpoint::notify`](super::Endpoint::notify).
    pub observer: Observer,
    /// Where it is.
    pub peer: A,
    /// What it observes: the number given to [`Endpoint::observe`](super::Endpoint::observe).
    pub resource: u32,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event<'d, A> {
    /// A peer asks for something, for the first time. Answer with
    /// [`Endpoint::respond`](super::Endpoint::respond), at once or later.
    Request {
        /// Who asks.
        peer: A,
        /// What to answer to.
        exchange: Exchange,
        /// The request. No critical option of it is unknown or wrong.
        message: Message<'d>,
    },
    /// A request was answered, or what it observes has changed.
    Response {
        /// Who answered.
        peer: A,
        /// What was answered.
        request: RequestHandle,
        /// The response. No critical option of it is unknown or wrong.
        message: Message<'d>,
        /// An observation stands: more will follow. Otherwise this was the request's last event.
        ongoing: bool,
    },
    /// A request was not answered in time; its last event. It may have been carried out.
    TimedOut {
        /// Who was asked.
        peer: A,
        /// What was asked.
        request: RequestHandle,
    },
    /// The peer could not make sense of a request; its last event.
    Reset {
        /// Who was asked.
        peer: A,
        /// What was asked.
        request: RequestHandle,
    },
    /// An observer does not want to hear more, or is not there any more.
    ObserverGone {
        /// Where it was.
        peer: A,
        /// What it observed.
        resource: u32,
    },
}

/// What was dropped without a word, each since the endpoint was made; they wrap around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Datagrams that are no message, and messages with options that are not right.
    pub malformed: u32,
    /// Messages that came before.
    pub duplicate: u32,
    /// Acknowledgements, resets and responses that nothing here waits for.
    pub unexpected: u32,
    /// Notifications that were overtaken by newer ones.
    pub stale: u32,
    /// Requests that there was no place for.
    pub refused: u32,
    /// Short replies that there was no place for, and responses that were never acknowledged.
    pub lost: u32,
}
