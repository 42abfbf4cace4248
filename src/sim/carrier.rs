//! What carries the words of a pair from one end to the other.

use alloc::boxed::Box;

use super::broker::Packet;
use super::conditions::Conditions;
use super::dialect::{Incoming, Unsent};
use super::link::{End, Partition, Traffic};
use crate::device::Session;
use crate::protocol::{Audience, Message, TwinId, Wanted};
use crate::time::{Instant, Now};

/// How two ends can talk: over a broker or a listener ([`Dialect`](super::Dialect)), or by datagrams
/// ([`Udp`](super::Udp)).
///
/// It is implemented for every dialect; a [`Pair`](super::Pair) is generic over it.
pub trait Language {
    /// What carries the words.
    type Carrier: Carrier;

    /// Makes the carrier, all chance of which follows from `seed`, with this link to the device.
    fn carrier(self, seed: u64, link: Conditions) -> Self::Carrier;
}

/// Sees each message of the device: when, to which end it goes, and what it says.
pub type Watch = Box<dyn FnMut(Instant, End, &Packet)>;

/// Takes what a hub sends: about which twin, to whom, what.
pub type Replies<'r> = dyn FnMut(TwinId<'_>, Audience, &Message<'_>) + 'r;

/// The three who talk: what reaches them is handed to them here.
pub trait Ends {
    /// Returns what the device takes from the answer to a get.
    fn wanted(&self) -> Wanted;

    /// Returns the bytes of the document that the device decodes messages into.
    fn receive_room(&self) -> usize;

    /// Something reached the device.
    fn device(&mut self, incoming: Incoming<'_>);

    /// A request about a twin reached the hub; what it sends then goes to `replies`.
    fn hub(&mut self, id: TwinId<'_>, message: Message<'_>, replies: &mut Replies<'_>);

    /// An answer or a notification reached the back-end.
    fn back_end(&mut self, message: Message<'_>);
}

/// A network between a device, a hub and a back-end, with the spelling of what travels on it.
pub trait Carrier {
    /// Connects the device, to resume its session if `resume` says so.
    fn connect(&mut self, now: Instant, resume: bool) -> Session;

    /// Breaks the device's connection; what is on its way is lost.
    fn disconnect(&mut self, now: Instant);

    /// Restarts what stands between the ends, if anything does; both have lost their connections then.
    fn restart(&mut self, now: Instant, id: TwinId<'_>);

    /// The hub begins to serve, or ends.
    fn serve(&mut self, now: Instant, running: bool);

    /// Opens or closes directions of the device's link.
    fn partition(&mut self, partition: Partition);

    /// Changes how the device's link behaves.
    fn conditions(&mut self, conditions: Conditions);

    /// Returns what happened on the device's link on the way to `end`.
    fn traffic(&self, end: End) -> Traffic;

    /// Returns whether anything is on its way, or will be sent again.
    fn is_busy(&self) -> bool;

    /// The device asks for its subscriptions.
    fn subscribe(&mut self, now: Instant, id: TwinId<'_>);

    /// The device sends a request, in at most `room` bytes; `wanted` says which form of the twin a get
    /// is about, for protocols that ask for it in so many words.
    ///
    /// # Errors
    /// [`Unsent`]; nothing was sent.
    fn request(
        &mut self,
        now: Instant,
        id: TwinId<'_>,
        message: &Message<'_>,
        wanted: Wanted,
        room: usize,
    ) -> Result<(), Unsent>;

    /// The back-end sends a request; `false` if back-ends do not speak through this network but in the
    /// process of the hub.
    fn write(&mut self, now: Instant, id: TwinId<'_>, message: &Message<'_>) -> bool;

    /// The hub tells the device what a back-end in its own process caused.
    fn tell(&mut self, now: Now, id: TwinId<'_>, message: &Message<'_>);

    /// Lets the next thing happen that is due; `false` if there is none.
    fn step(&mut self, now: Now, id: TwinId<'_>, ends: &mut dyn Ends) -> bool;

    /// Returns when the next thing will be due.
    fn poll_timeout(&mut self) -> Option<Instant>;

    /// Shows `watch` each message of the device from now on.
    fn watch(&mut self, watch: Watch);
}
