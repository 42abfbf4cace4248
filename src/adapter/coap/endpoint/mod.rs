//! Requests and answers over datagrams that get lost: both roles of CoAP over UDP (RFC 7252), with
//! observations (RFC 7641).
//!
//! The endpoint does no I/O and reads no clock. It keeps bytes until nobody can ask for them any more,
//! and says when to look again. **The one rule: a request is carried out once.** However often it arrives
//! within its lifetime, [`Event::Request`] comes once, and later arrivals get the first answer again.
//!
//! **After every call that changes something, drain: while [`poll_notify`] returns an observer,
//! [`notify`] it; send what [`poll_transmit`] returns until it is `None`; take [`poll_event`] until it is
//! `None`; then sleep until [`poll_timeout`], or until a datagram comes, and drain again.** There is no
//! other call for a time-out: what is due is due by `now`.
//!
//! ```
//! use twinsync::adapter::coap::endpoint::{Client, Config, Event, Reliability, Server};
//! use twinsync::adapter::coap::{option, Code};
//! use twinsync::time::Instant;
//!
//! // Peers are of any type that tells them apart: a socket's address, most often.
//! const DEVICE: u8 = 1;
//! const HUB: u8 = 2;
//! let mut client = Client::<u8, 128, 2>::new(Config::new(0x5EED));
//! let mut server = Server::<u8, 128, 4, 2>::new(Config::new(0xCAFE));
//! let now = Instant::ZERO;
//!
//! // The device asks for the temperature and wants to hear of changes.
//! let asked = client.request(now, HUB, Reliability::Confirmable, |request| {
//!     request.code(Code::GET);
//!     request.option_uint(option::OBSERVE, 0);
//!     request.option(option::URI_PATH, b"temperature");
//! })?;
//! let datagram = client.poll_transmit(now).ok_or("a request")?;
//! assert_eq!(datagram.peer(), HUB);
//! let bytes = datagram.bytes().to_vec();
//! datagram.sent();
//!
//! // The hub registers the device, and answers.
//! let Some(Event::Request { exchange, message, .. }) = server.handle_datagram(now, DEVICE, &bytes)
//! else { panic!() };
//! assert_eq!(message.option(option::URI_PATH), Some(&b"temperature"[..]));
//! let sequence = server.observe(now, exchange, 7)?;
//! server.respond(now, exchange, |response| {
//!     response.code(Code::CONTENT);
//!     response.option_uint(option::OBSERVE, sequence);
//!     response.payload(b"22.3 C");
//! })?;
//! let datagram = server.poll_transmit(now).ok_or("a response")?;
//! let answer = datagram.bytes().to_vec();
//! datagram.sent();
//!
//! let event = client.handle_datagram(now, HUB, &answer).ok_or("an event")?;
//! let Event::Response { request, message, ongoing: true, .. } = event else { panic!() };
//! assert_eq!((request, message.payload()), (asked, &b"22.3 C"[..]));
//!
//! // It gets warmer, twice: there is one notification, of how it is when it is written.
//! server.changed(7);
//! server.changed(7);
//! let next = server.poll_notify(now).ok_or("an observer")?;
//! assert_eq!((next.peer, next.resource), (DEVICE, 7));
//! server.notify(now, next.observer, |notification, sequence| {
//!     notification.code(Code::CONTENT);
//!     notification.option_uint(option::OBSERVE, sequence);
//!     notification.payload(b"25.1 C");
//! })?;
//! assert!(server.poll_notify(now).is_none());
//! let datagram = server.poll_transmit(now).ok_or("a notification")?;
//! let news = datagram.bytes().to_vec();
//! datagram.sent();
//!
//! // Nobody heard it. It is sent again, until the device acknowledges it.
//! let later = server.poll_timeout().ok_or("a time-out")?;
//! assert_eq!(server.poll_transmit(later).ok_or("the same")?.bytes(), news);
//! let event = client.handle_datagram(later, HUB, &news);
//! assert!(matches!(event, Some(Event::Response { ongoing: true, .. })));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Roles and memory
//!
//! [`Endpoint`] has both roles; a capacity of zero leaves one out, of the memory and of the program:
//! [`Client`], [`Server`]. Nothing is allocated. Each place holds one message of up to `MTU` bytes:
//!
//! * **`REQUESTS`**: requests that wait for an answer, and observations. One too many is
//!   [`RequestError::Full`], before anything is sent.
//! * **`ANSWERS`**: requests of peers that wait for the caller's answer, answers that are kept for the
//!   asker who did not hear them, notifications under way. An answer is kept for `EXCHANGE_LIFETIME`
//!   (247 s), but when all places are taken, a new request takes the place of the oldest finished answer
//!   to the same peer, else of the oldest of all: from then on its request would be carried out again.
//!   Make room for what one lifetime brings, or keep to requests that do no harm twice. When all wait for the
//!   caller, the request is answered by 5.03.
//! * **`OBSERVERS`**: clients that observe, each about 40 bytes besides its peer's address. One too many is
//!   [`ObserveError::Full`]; it is answered as if it had not asked.
//!
//! Every call is bounded: linear in the places, and in the datagram. A hub with many devices over one
//! socket does well to keep an endpoint for each group of them.
//!
//! # Trouble
//!
//! * **The caller's mistake is an `Err`** and changed nothing.
//! * **The peer's trouble is an [`Event`]**: a time-out, a reset, an observer that is gone.
//! * **Noise is answered as the RFC says, and counted** ([`Counters`]): not a message of version 1:
//!   ignored; malformed and confirmable: a reset (RFC 7252 §4.2); an unknown or wrong critical option in
//!   a request: 4.02 (§5.4.1), or 5.05 if it asks for a proxy; a response that nobody waits for: a reset,
//!   which ends forgotten observations at the server; an overtaken notification: dropped (RFC 7641 §3.4).
//!
//! Peers are isolated from each other: an answer counts only if it comes from the peer that was asked,
//! with the token it was asked under. The peer's address is what the caller authenticated, by DTLS or
//! otherwise; without DTLS an address can be forged, and answers to forged requests hit others: keep
//! answers to strangers short (RFC 7252 §11.3). Multicast is not supported.
//!
//! [`poll_notify`]: Endpoint::poll_notify
//! [`notify`]: Endpoint::notify
//! [`poll_transmit`]: Endpoint::poll_transmit
//! [`poll_event`]: Endpoint::poll_event
//! [`poll_timeout`]: Endpoint::poll_timeout

mod client;
mod config;
mod event;
mod observe;
mod server;
mod state;
#[cfg(test)]
mod tests;
mod transmit;

pub use client::{Reliability, RequestError};
pub use config::Config;
pub use event::{Counters, Event, Exchange, Notify, Observer, RequestHandle};
pub use observe::{NotifyError, ObserveError};
pub use server::RespondError;
pub use transmit::Transmit;

use super::{Code, Type};
use crate::time::Instant;
use client::Pending;
use observe::Registered;
use server::Answer;
use state::Common;

/// One end of CoAP over UDP, in both roles; see the [module](self) for how to run it and what the
/// capacities are.
///
/// `A` tells peers apart: `SocketAddr` on a gateway, an endpoint of smoltcp on a device.
#[derive(Clone, Debug)]
pub struct Endpoint<
    A,
    const MTU: usize,
    const REQUESTS: usize,
    const ANSWERS: usize,
    const OBSERVERS: usize,
> {
    common: Common<A>,
    requests: [Option<Pending<A>>; REQUESTS],
    request_bytes: [[u8; MTU]; REQUESTS],
    answers: [Option<Answer<A>>; ANSWERS],
    answer_bytes: [[u8; MTU]; ANSWERS],
    observers: [Option<Registered<A>>; OBSERVERS],
}

/// An endpoint that only asks; what others ask of it is answered by a reset.
pub type Client<A, const MTU: usize, const REQUESTS: usize> = Endpoint<A, MTU, REQUESTS, 0, 0>;

/// An endpoint that only answers.
pub type Server<A, const MTU: usize, const ANSWERS: usize, const OBSERVERS: usize> =
    Endpoint<A, MTU, 0, ANSWERS, OBSERVERS>;

impl<
    A: Copy + Eq,
    const MTU: usize,
    const REQUESTS: usize,
    const ANSWERS: usize,
    const OBSERVERS: usize,
> Endpoint<A, MTU, REQUESTS, ANSWERS, OBSERVERS>
{
    /// Makes an endpoint to which nothing has happened.
    ///
    /// `MTU` is from 16 to 65,535 bytes, every other capacity at most 65,535, checked when the program is
    /// built. 1,152 bytes suit any network (RFC 7252 §4.6), 128 hold a block of 64 bytes.
    pub const fn new(config: Config) -> Self {
        const {
            assert!(MTU >= 16 && MTU <= 0xFFFF, "MTU is from 16 to 65,535");
            assert!(
                REQUESTS <= 0xFFFF && ANSWERS <= 0xFFFF && OBSERVERS <= 0xFFFF,
                "at most 65,535 places"
            );
        }
        Self {
            common: Common::new(config),
            requests: [const { None }; REQUESTS],
            request_bytes: [[0; MTU]; REQUESTS],
            answers: [const { None }; ANSWERS],
            answer_bytes: [[0; MTU]; ANSWERS],
            observers: [const { None }; OBSERVERS],
        }
    }

    /// Takes a datagram from a peer and returns what it means to the caller, if anything.
    ///
    /// What it means lies in the datagram, not in the endpoint, which is free to be asked for the answer
    /// meanwhile. Cost: linear in the datagram and the places.
    pub fn handle_datagram<'d>(
        &mut self,
        now: Instant,
        peer: A,
        datagram: &'d [u8],
    ) -> Option<Event<'d, A>> {
        let message = self.common.accept(peer, datagram)?;
        let (code, kind, id) = (message.code(), message.kind(), message.id());
        if code.is_request() && ANSWERS > 0 {
            let exchange = self.answers().handle_request(now, peer, &message)?;
            return Some(Event::Request {
                peer,
                exchange,
                message,
            });
        }
        if code.is_response() && REQUESTS > 0 {
            let (request, ongoing) = self.requests().handle_response(now, peer, &message)?;
            return Some(Event::Response {
                peer,
                request,
                message,
                ongoing,
            });
        }
        match kind {
            // A ping (RFC 7252 §4.3), or for a role that is not here.
            Type::Confirmable => {
                self.common.reset(peer, id);
                return None;
            }
            Type::Acknowledgement if code == Code::EMPTY => {
                if ANSWERS > 0 && self.answers().handle_acknowledgement(peer, id) {
                    return None;
                }
                if REQUESTS > 0 && self.requests().handle_acknowledgement(now, peer, id) {
                    return None;
                }
            }
            Type::Reset => {
                if ANSWERS > 0
                    && let Some(resource) = self.answers().handle_reset(peer, id)
                {
                    return resource.map(|resource| Event::ObserverGone { peer, resource });
                }
                if REQUESTS > 0
                    && let Some(request) = self.requests().handle_reset(peer, id)
                {
                    return Some(Event::Reset { peer, request });
                }
            }
            Type::NonConfirmable if code.is_response() => self.common.reset(peer, id),
            Type::Acknowledgement | Type::NonConfirmable => {}
        }
        self.common.counters.unexpected = self.common.counters.unexpected.wrapping_add(1);
        None
    }

    /// Returns the next datagram that is due, which stays so until it is reported as sent.
    ///
    /// Its value may change after every call but the getters, and with time: called late, a message is
    /// sent again late, and the waits after it begin then. Cost: linear in the places.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit<'_, A>> {
        if self.common.has_reply() {
            return self.common.poll_reply(now);
        }
        if ANSWERS > 0
            && let Some(index) = self.answers().due(now)
        {
            return self.answers().transmit(now, index);
        }
        if REQUESTS > 0
            && let Some(index) = self.requests().due(now)
        {
            return self.requests().transmit(now, index);
        }
        None
    }

    /// Returns what has come to an end by `now`: requests without an answer, observers that do not
    /// acknowledge.
    ///
    /// A request keeps its place until its end was taken. Cost: linear in the places.
    #[must_use]
    pub fn poll_event(&mut self, now: Instant) -> Option<Event<'static, A>> {
        if ANSWERS > 0
            && let Some(event) = self.answers().poll_event(now)
        {
            return Some(event);
        }
        if REQUESTS > 0 {
            return self.requests().poll_event(now);
        }
        None
    }

    /// Returns when to drain again, if nothing comes before; a time that has passed if something is due
    /// now. Draining earlier costs the look and nothing else.
    ///
    /// Its value may change after every call. Cost: linear in the places; see
    /// [`poll_notify`](Self::poll_notify).
    #[must_use]
    pub fn poll_timeout(&mut self) -> Option<Instant> {
        if self.common.has_reply() {
            return Some(Instant::ZERO);
        }
        let mut next = None;
        if ANSWERS > 0 {
            next = self.answers().poll_timeout();
        }
        if REQUESTS > 0 {
            let ours = self.requests().poll_timeout();
            next = match (next, ours) {
                (Some(theirs), Some(ours)) => Some(theirs.min(ours)),
                (theirs, ours) => theirs.or(ours),
            };
        }
        next
    }

    /// Returns what was dropped so far.
    pub const fn counters(&self) -> Counters {
        self.common.counters
    }
}

#[cfg(feature = "defmt")]
impl<A, const MTU: usize, const REQUESTS: usize, const ANSWERS: usize, const OBSERVERS: usize>
    defmt::Format for Endpoint<A, MTU, REQUESTS, ANSWERS, OBSERVERS>
{
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Endpoint of {=usize} bytes a message, {}",
            MTU,
            self.common.counters
        );
    }
}
