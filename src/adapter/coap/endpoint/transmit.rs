//! What goes out, one datagram after the other.

use core::fmt;

use super::server::Stage;
use super::state::{Retry, Taken};
use crate::time::Instant;

/// A datagram that is due.
///
/// It borrows the endpoint. Hand the bytes to the network and say [`sent`](Self::sent), whether or not
/// they will arrive; dropped without a word, the datagram stays pending.
#[must_use = "a datagram that is not reported as sent stays pending"]
pub struct Transmit<'a, A> {
    peer: A,
    bytes: &'a [u8],
    now: Instant,
    sent: Sent<'a, A>,
}

/// What is noted when a datagram was sent.
pub(super) enum Sent<'a, A> {
    /// Nothing is kept of it.
    Reply(Taken<'a, A>),
    /// The next transmission, or the end.
    Retry(&'a mut Retry),
    /// That a request was acknowledged and will be answered.
    Promise(&'a mut Stage),
}

impl<'a, A: Copy> Transmit<'a, A> {
    pub(super) const fn new(now: Instant, peer: A, bytes: &'a [u8], sent: Sent<'a, A>) -> Self {
        Self {
            peer,
            bytes,
            now,
            sent,
        }
    }

    /// Returns where it goes.
    pub const fn peer(&self) -> A {
        self.peer
    }

    /// Returns the datagram.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The datagram was handed to the network: the wait for its acknowledgement begins.
    pub fn sent(self) {
        match self.sent {
            Sent::Reply(taken) => taken.vacate(),
            Sent::Retry(retry) => retry.sent(self.now),
            Sent::Promise(stage) => *stage = Stage::Promised,
        }
    }
}

impl<A: fmt::Debug> fmt::Debug for Transmit<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transmit")
            .field("peer", &self.peer)
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<A: defmt::Format> defmt::Format for Transmit<'_, A> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Transmit of {=usize} bytes to {}",
            self.bytes.len(),
            self.peer
        );
    }
}
