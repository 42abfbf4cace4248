//! The counterpart of a dialect where there is no broker: two sockets and a link that loses datagrams.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

use super::broker::Packet;
use super::carrier::{Carrier, Ends, Language, Replies, Watch};
use super::conditions::Conditions;
use super::dialect::{Incoming, Unsent};
use super::link::{End, Link, Partition, Traffic};
use crate::device::Session;
use crate::document::{DocumentMut, MAX_DOCUMENT};
use crate::protocol::{Message, TwinId, Wanted};
use crate::time::{Instant, Now};

/// A protocol over datagrams: makes the device's and the hub's socket, each with whatever state it needs
/// for retransmission, deduplication and observers.
///
/// [`Udp`] makes it something that a [`Pair`](super::Pair) talks: `Pair<Udp<Coap>, 1024, 4096>`.
pub trait Datagrams {
    /// The device's socket.
    type Device: DeviceSocket;
    /// The hub's socket.
    type Hub: HubSocket;

    /// Opens a socket for the device: at each connect, so that nothing of the one before is left.
    fn device(&mut self) -> Self::Device;

    /// Opens a socket for the hub, at each of its starts: it remembers no observer of the life before.
    fn hub(&mut self) -> Self::Hub;
}

/// The device's side of a protocol over datagrams.
pub trait DeviceSocket {
    /// The device wants to hear of changes of desired. Once that stands, [`Incoming::Subscribed`].
    fn subscribe(&mut self, now: Instant, id: TwinId<'_>);

    /// Takes a request, the encoded form of which is at most `room` bytes; a get is for what is `wanted`.
    ///
    /// # Errors
    /// [`Unsent`]; nothing is sent.
    fn request(
        &mut self,
        now: Instant,
        id: TwinId<'_>,
        message: &Message<'_>,
        wanted: Wanted,
        room: usize,
    ) -> Result<(), Unsent>;

    /// Takes what the hub sent, reads it into `scratch` and hands it to `take`, if it says something.
    fn handle_datagram(
        &mut self,
        now: Instant,
        id: TwinId<'_>,
        datagram: &[u8],
        wanted: Wanted,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
    );

    /// Returns the next datagram that is due, retransmissions included.
    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>>;

    /// Returns when one will be due.
    fn poll_timeout(&mut self) -> Option<Instant>;
}

/// What a hub's socket serves twins with: takes a request, and hands what the hub sends to the replies.
pub type Serve<'s> = dyn FnMut(TwinId<'_>, Message<'_>, &mut Replies<'_>) + 's;

/// The hub's side of a protocol over datagrams. There is one device.
pub trait HubSocket {
    /// Takes what the device sent, reads it into `scratch`, has requests served, and keeps the answers
    /// until they are sent.
    fn handle_datagram(
        &mut self,
        now: Now,
        datagram: &[u8],
        scratch: DocumentMut<'_>,
        serve: &mut Serve<'_>,
    );

    /// A write of a back-end in the same process caused this notification.
    fn notify(&mut self, now: Now, id: TwinId<'_>, message: &Message<'_>);

    /// Does what is due by time, or since something was notified: it may ask for a twin to tell it.
    fn handle_timeout(&mut self, now: Now, serve: &mut Serve<'_>);

    /// Returns the next datagram that is due, retransmissions included.
    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>>;

    /// Returns when one will be due, or [`HubSocket::handle_timeout`].
    fn poll_timeout(&mut self) -> Option<Instant>;
}

/// Talks by datagrams, on a link that loses, doubles and reorders them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Udp<D>(
    /// The protocol.
    pub D,
);

impl<D: Datagrams> fmt::Debug for Wire<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

impl<D: Datagrams> Language for Udp<D> {
    type Carrier = Wire<D>;

    fn carrier(self, seed: u64, link: Conditions) -> Wire<D> {
        Wire {
            protocol: self.0,
            link: Link::new(seed, link),
            device: None,
            hub: None,
            watch: None,
        }
    }
}

/// A [`Link`] between the socket of a device and that of a hub.
pub struct Wire<D: Datagrams> {
    protocol: D,
    link: Link<Vec<u8>>,
    /// None while the device is offline.
    device: Option<D::Device>,
    /// None while the hub does not run.
    hub: Option<D::Hub>,
    watch: Option<Watch>,
}

impl<D: Datagrams> Wire<D> {
    /// Puts on the link what is due.
    fn pump(&mut self, now: Instant) {
        if let Some(device) = &mut self.device {
            while let Some(datagram) = device.poll_transmit(now) {
                show(&mut self.watch, now, End::Far, &datagram);
                let size = datagram.len();
                self.link.handle_send(now, End::Near, datagram, size);
            }
        }
        if let Some(hub) = &mut self.hub {
            while let Some(datagram) = hub.poll_transmit(now) {
                let size = datagram.len();
                self.link.handle_send(now, End::Far, datagram, size);
            }
        }
    }
}

fn show(watch: &mut Option<Watch>, now: Instant, to: End, datagram: &[u8]) {
    if let Some(watch) = watch {
        watch(now, to, &Packet::new("", datagram));
    }
}

impl<D: Datagrams> Carrier for Wire<D> {
    fn connect(&mut self, _: Instant, _: bool) -> Session {
        self.device = Some(self.protocol.device());
        Session::Fresh
    }

    fn disconnect(&mut self, _: Instant) {
        self.device = None;
        self.link.handle_disconnected();
    }

    fn restart(&mut self, now: Instant, _: TwinId<'_>) {
        self.disconnect(now);
    }

    fn serve(&mut self, _: Instant, running: bool) {
        self.hub = running.then(|| self.protocol.hub());
    }

    fn partition(&mut self, partition: Partition) {
        self.link.handle_partition(partition);
    }

    fn conditions(&mut self, conditions: Conditions) {
        self.link.handle_conditions(conditions);
    }

    fn traffic(&self, end: End) -> Traffic {
        self.link.traffic(end)
    }

    fn is_busy(&self) -> bool {
        self.link.in_flight() > 0
    }

    fn subscribe(&mut self, now: Instant, id: TwinId<'_>) {
        if let Some(device) = &mut self.device {
            device.subscribe(now, id);
        }
        self.pump(now);
    }

    fn request(
        &mut self,
        now: Instant,
        id: TwinId<'_>,
        message: &Message<'_>,
        wanted: Wanted,
        room: usize,
    ) -> Result<(), Unsent> {
        if let Some(device) = &mut self.device {
            device.request(now, id, message, wanted, room)?;
        }
        self.pump(now);
        Ok(())
    }

    fn write(&mut self, _: Instant, _: TwinId<'_>, _: &Message<'_>) -> bool {
        false
    }

    fn tell(&mut self, now: Now, id: TwinId<'_>, message: &Message<'_>) {
        if let Some(hub) = &mut self.hub {
            hub.notify(now, id, message);
        }
    }

    fn step(&mut self, now: Now, id: TwinId<'_>, ends: &mut dyn Ends) -> bool {
        let mut serve = |id: TwinId<'_>, message: Message<'_>, replies: &mut Replies<'_>| {
            ends.hub(id, message, replies);
        };
        if let Some(hub) = &mut self.hub {
            hub.handle_timeout(now, &mut serve);
        }
        self.pump(now.instant);
        let Some((end, datagram)) = self.link.poll_delivery(now.instant) else {
            return false;
        };
        let room = match end {
            End::Near => ends.receive_room(),
            End::Far => MAX_DOCUMENT,
        };
        let mut bytes = vec![0; room];
        let mut len = 0;
        let Ok(scratch) = DocumentMut::new(&mut bytes, &mut len) else {
            return true;
        };
        match (end, &mut self.device, &mut self.hub) {
            (End::Near, Some(device), _) => {
                show(&mut self.watch, now.instant, End::Near, &datagram);
                let wanted = ends.wanted();
                let mut take = |incoming: Incoming<'_>| ends.device(incoming);
                device.handle_datagram(now.instant, id, &datagram, wanted, scratch, &mut take);
            }
            (End::Far, _, Some(hub)) => {
                let mut serve =
                    |id: TwinId<'_>, message: Message<'_>, replies: &mut Replies<'_>| {
                        ends.hub(id, message, replies);
                    };
                hub.handle_datagram(now, &datagram, scratch, &mut serve);
            }
            // Nobody is there.
            (End::Near | End::Far, _, _) => {}
        }
        true
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        let device = self.device.as_mut().and_then(DeviceSocket::poll_timeout);
        let hub = self.hub.as_mut().and_then(HubSocket::poll_timeout);
        let due = [self.link.poll_timeout(), device, hub];
        due.into_iter().flatten().min()
    }

    fn watch(&mut self, watch: Watch) {
        self.watch = Some(watch);
    }
}

#[cfg(feature = "defmt")]
impl<D: Datagrams> defmt::Format for Wire<D> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Wire over {}", self.link);
    }
}
