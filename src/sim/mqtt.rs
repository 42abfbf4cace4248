//! A dialect on a broker, or on a listener that knows its connections.

use alloc::vec;
use core::fmt;

use super::broker::{ClientId, Packet};
use super::carrier::{Carrier, Ends, Language, Watch};
use super::conditions::Conditions;
use super::dialect::{Dialect, Incoming, Request, Role, Routing, Unsent};
use super::link::{End, Partition, Traffic};
use super::network::{Arrival, Network};
use crate::device::Session;
use crate::document::{DocumentMut, MAX_DOCUMENT};
use crate::protocol::{Audience, Message, TwinId, Wanted};
use crate::time::{Instant, Now};

/// A [`Network`] with a device, a hub and a back-end on it, which speak a [`Dialect`].
///
/// With [`Routing::Connections`] the hub is the listener that the device is connected to, and the
/// back-end speaks in its process. The hub and the back-end have perfect links.
pub struct Mqtt<L> {
    network: Network,
    dialect: L,
    device: ClientId,
    hub: ClientId,
    back_end: ClientId,
    serving: bool,
    watch: Option<Watch>,
}

impl<L: fmt::Debug> fmt::Debug for Mqtt<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mqtt")
            .field("dialect", &self.dialect)
            .field("network", &self.network)
            .finish_non_exhaustive()
    }
}

impl<L: Dialect> Language for L {
    type Carrier = Mqtt<L>;

    fn carrier(self, seed: u64, link: Conditions) -> Mqtt<L> {
        let mut network = match self.routing() {
            Routing::Topics => Network::new(seed),
            Routing::Connections => Network::listener(seed),
        };
        Mqtt {
            device: network.attach(link),
            hub: network.attach(Conditions::perfect()),
            back_end: network.attach(Conditions::perfect()),
            network,
            dialect: self,
            serving: false,
            watch: None,
        }
    }
}

impl<L: Dialect> Mqtt<L> {
    fn listens(&self) -> bool {
        self.dialect.routing() == Routing::Connections
    }

    /// The back-end listens from its first word on.
    fn connect_back_end(&mut self, now: Instant, id: TwinId<'_>) {
        if !self.network.broker().is_connected(self.back_end) {
            self.network.handle_connected(self.back_end, false);
            let filters = self.dialect.client_filters(Role::BackEnd, id);
            self.network.subscribe(now, self.back_end, filters);
        }
    }

    fn answer_request(&mut self, now: Now, id: TwinId<'_>, packet: &Packet, ends: &mut dyn Ends) {
        let mut bytes = vec![0; MAX_DOCUMENT];
        let mut len = 0;
        let Ok(scratch) = DocumentMut::new(&mut bytes, &mut len) else {
            return;
        };
        let listens = self.listens();
        let (dialect, network) = (&self.dialect, &mut self.network);
        let (hub, device) = (self.hub, self.device);
        let mut send = |packet: Packet| {
            if listens {
                network.deliver(device, packet);
            } else {
                network.publish(now.instant, hub, packet);
            }
        };
        dialect.decode_request(
            now.wall,
            id,
            packet,
            scratch,
            &mut |request| match request {
                Request::Message(id, message) => {
                    ends.hub(id, message, &mut |id, audience, message| {
                        if let Some(packet) = dialect.encode_answer(id, audience, message) {
                            send(packet);
                        }
                    });
                }
                Request::Refusal(packet) => send(packet),
                Request::Noise => {}
            },
        );
    }

    fn read(
        &mut self,
        role: Role,
        id: TwinId<'_>,
        packet: &Packet,
        (wanted, room): (Wanted, usize),
        take: &mut dyn FnMut(Incoming<'_>),
    ) {
        let mut bytes = vec![0; room];
        let mut len = 0;
        if let Ok(scratch) = DocumentMut::new(&mut bytes, &mut len) {
            self.dialect
                .decode_answer(role, id, packet, wanted, scratch, take);
        }
    }
}

impl<L: Dialect> Carrier for Mqtt<L> {
    fn connect(&mut self, _: Instant, resume: bool) -> Session {
        if self.network.handle_connected(self.device, resume) {
            Session::Resumed
        } else {
            Session::Fresh
        }
    }

    fn disconnect(&mut self, _: Instant) {
        self.network.handle_disconnected(self.device);
    }

    fn restart(&mut self, now: Instant, id: TwinId<'_>) {
        self.network.handle_restart();
        self.serve(now, self.serving);
        if !self.listens() {
            self.connect_back_end(now, id);
        }
    }

    fn serve(&mut self, now: Instant, running: bool) {
        self.serving = running;
        if self.listens() {
            return;
        }
        self.network.handle_disconnected(self.hub);
        if running {
            self.network.handle_connected(self.hub, false);
            let filters = self.dialect.service_filters();
            self.network.subscribe(now, self.hub, filters);
        }
    }

    fn partition(&mut self, partition: Partition) {
        self.network.handle_partition(self.device, partition);
    }

    fn conditions(&mut self, conditions: Conditions) {
        self.network.handle_conditions(self.device, conditions);
    }

    fn traffic(&self, end: End) -> Traffic {
        self.network.traffic(self.device, end)
    }

    fn is_busy(&self) -> bool {
        self.network.in_flight() > 0
    }

    fn subscribe(&mut self, now: Instant, id: TwinId<'_>) {
        let filters = self.dialect.client_filters(Role::Device, id);
        self.network.subscribe(now, self.device, filters);
    }

    fn request(
        &mut self,
        now: Instant,
        id: TwinId<'_>,
        message: &Message<'_>,
        _: Wanted,
        room: usize,
    ) -> Result<(), Unsent> {
        let packet = self
            .dialect
            .encode_request(Role::Device, id, message, room)?;
        if let Some(watch) = &mut self.watch {
            watch(now, End::Far, &packet);
        }
        self.network.publish(now, self.device, packet);
        Ok(())
    }

    fn write(&mut self, now: Instant, id: TwinId<'_>, message: &Message<'_>) -> bool {
        if self.listens() {
            return false;
        }
        self.connect_back_end(now, id);
        let written = self
            .dialect
            .encode_request(Role::BackEnd, id, message, MAX_DOCUMENT);
        if let Ok(packet) = written {
            self.network.publish(now, self.back_end, packet);
        }
        true
    }

    fn tell(&mut self, now: Now, id: TwinId<'_>, message: &Message<'_>) {
        let listeners = Audience::Listeners;
        let Some(packet) = self.dialect.encode_answer(id, listeners, message) else {
            return;
        };
        if self.listens() {
            self.network.deliver(self.device, packet);
        } else {
            self.network.publish(now.instant, self.hub, packet);
        }
    }

    fn step(&mut self, now: Now, id: TwinId<'_>, ends: &mut dyn Ends) -> bool {
        if !self.listens() {
            self.connect_back_end(now.instant, id);
        }
        let Some((client, arrival)) = self.network.poll_arrival(now.instant) else {
            return false;
        };
        match arrival {
            Arrival::Subscribed if client == self.device => ends.device(Incoming::Subscribed),
            Arrival::Subscribed => {}
            Arrival::Received(packet) => {
                if self.serving {
                    self.answer_request(now, id, &packet, ends);
                }
            }
            Arrival::Message(packet) if client == self.device => {
                if let Some(watch) = &mut self.watch {
                    watch(now.instant, End::Near, &packet);
                }
                let lent = (ends.wanted(), ends.receive_room());
                self.read(Role::Device, id, &packet, lent, &mut |incoming| {
                    ends.device(incoming);
                });
            }
            Arrival::Message(packet) if client == self.hub => {
                self.answer_request(now, id, &packet, ends);
            }
            Arrival::Message(packet) => {
                let lent = (Wanted::Sections, MAX_DOCUMENT);
                self.read(Role::BackEnd, id, &packet, lent, &mut |incoming| {
                    if let Incoming::Message(message) = incoming {
                        ends.back_end(message);
                    }
                });
            }
        }
        true
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.network.poll_timeout()
    }

    fn watch(&mut self, watch: Watch) {
        self.watch = Some(watch);
    }
}

#[cfg(feature = "defmt")]
impl<L: defmt::Format> defmt::Format for Mqtt<L> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Mqtt({}, {})", self.dialect, self.network);
    }
}
