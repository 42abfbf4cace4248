//! A broker with clients, each behind a link of its own.

use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::broker::{Broker, ClientId, Packet};
use super::conditions::Conditions;
use super::link::{End, Link, Partition, Traffic};
use super::random::Random;
use crate::time::Instant;

/// What reaches a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Arrival {
    /// A message.
    Message(Packet),
    /// At a listener ([`Network::listener`]): a message of this client.
    Received(Packet),
    /// The broker's word that the subscriptions stand (MQTT *SUBACK*).
    Subscribed,
}

/// A [`Broker`] and a [`Link`] to each of its clients.
///
/// Subscribing, too, is a conversation over the link, and can be lost like any message.
///
/// ```
/// use twinsync::sim::{Arrival, Conditions, Network, Packet};
/// use twinsync::time::Instant;
///
/// let mut network = Network::new(42);
/// let lamp = network.attach(Conditions::perfect());
/// let app = network.attach(Conditions::perfect());
/// let now = Instant::ZERO;
/// network.handle_connected(lamp, false);
/// network.handle_connected(app, false);
///
/// network.subscribe(now, lamp, ["lamp/#"]);
/// assert_eq!(network.poll_arrival(now), Some((lamp, Arrival::Subscribed)));
/// let packet = Packet::new("lamp/on", b"true");
/// network.publish(now, app, packet.clone());
/// assert_eq!(network.poll_arrival(now), Some((lamp, Arrival::Message(packet))));
/// assert_eq!(network.poll_arrival(now), None);
/// ```
#[derive(Clone, Debug)]
pub struct Network {
    random: Random,
    broker: Broker,
    ports: Vec<(ClientId, Link<Signal>)>,
    listener: bool,
}

/// What travels on a link.
#[derive(Clone, Debug)]
enum Signal {
    Publish(Packet),
    Subscribe(Rc<[String]>),
    Subscribed,
}

impl Network {
    /// Makes a network without clients; every link's chance follows from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            broker: Broker::new(),
            ports: Vec::new(),
            listener: false,
        }
    }

    /// Makes a network whose broker is the service itself: what clients publish comes out as
    /// [`Arrival::Received`], with the client whose connection it came on, and
    /// [`deliver`](Self::deliver) answers on that connection alone.
    pub const fn listener(seed: u64) -> Self {
        let mut network = Self::new(seed);
        network.listener = true;
        network
    }

    /// Adds a client behind a link, not yet connected.
    pub fn attach(&mut self, conditions: Conditions) -> ClientId {
        let client = self.broker.register();
        let link = Link::new(self.random.number(), conditions);
        self.ports.push((client, link));
        client
    }

    /// Returns the broker.
    pub const fn broker(&self) -> &Broker {
        &self.broker
    }

    /// Returns what happened on a client's link on the way to `end`.
    pub fn traffic(&self, client: ClientId, end: End) -> Traffic {
        self.ports
            .iter()
            .find(|(other, _)| *other == client)
            .map(|(_, link)| link.traffic(end))
            .unwrap_or_default()
    }

    /// Returns how many messages are on their way on all links.
    pub fn in_flight(&self) -> usize {
        self.ports
            .iter()
            .fold(0, |sum, (_, link)| sum.saturating_add(link.in_flight()))
    }

    /// Connects a client and says whether it found its session, see [`Broker::handle_connected`].
    pub fn handle_connected(&mut self, client: ClientId, resume: bool) -> bool {
        self.broker.handle_connected(client, resume)
    }

    /// Breaks a client's connection; what is on its way is lost.
    pub fn handle_disconnected(&mut self, client: ClientId) {
        self.broker.handle_disconnected(client);
        if let Some(link) = self.link(client) {
            link.handle_disconnected();
        }
    }

    /// Restarts the broker, see [`Broker::handle_restart`].
    pub fn handle_restart(&mut self) {
        self.broker.handle_restart();
        for (_, link) in &mut self.ports {
            link.handle_disconnected();
        }
    }

    /// Changes how a client's link treats what is sent from now on.
    pub fn handle_conditions(&mut self, client: ClientId, conditions: Conditions) {
        if let Some(link) = self.link(client) {
            link.handle_conditions(conditions);
        }
    }

    /// Opens or closes directions of a client's link; nobody is told.
    pub fn handle_partition(&mut self, client: ClientId, partition: Partition) {
        if let Some(link) = self.link(client) {
            link.handle_partition(partition);
        }
    }

    /// Sends a client's wish to subscribe; [`Arrival::Subscribed`] comes back.
    pub fn subscribe<F: Into<String>>(
        &mut self,
        now: Instant,
        client: ClientId,
        filters: impl IntoIterator<Item = F>,
    ) {
        let filters: Rc<[String]> = filters.into_iter().map(Into::into).collect();
        let size = filters
            .iter()
            .fold(0, |sum: usize, filter| sum.saturating_add(filter.len()));
        self.send(now, client, End::Near, Signal::Subscribe(filters), size);
    }

    /// Sends a client's message.
    pub fn publish(&mut self, now: Instant, client: ClientId, packet: Packet) {
        let size = packet.size();
        self.send(now, client, End::Near, Signal::Publish(packet), size);
    }

    /// Sends the listener's message to one client, see [`Broker::handle_delivery`].
    pub fn deliver(&mut self, client: ClientId, packet: Packet) {
        self.broker.handle_delivery(client, &packet);
    }

    /// Returns the next thing that reaches a client; on the way it carries out what reaches the broker.
    #[must_use]
    pub fn poll_arrival(&mut self, now: Instant) -> Option<(ClientId, Arrival)> {
        loop {
            while let Some((client, packet)) = self.broker.poll_transmit() {
                let size = packet.size();
                self.send(now, client, End::Far, Signal::Publish(packet), size);
            }
            let (client, end, signal) = self.ports.iter_mut().find_map(|(client, link)| {
                let (end, signal) = link.poll_delivery(now)?;
                Some((*client, end, signal))
            })?;
            match (end, signal) {
                (End::Near, Signal::Publish(packet)) => {
                    return Some((client, Arrival::Message(packet)));
                }
                (End::Near, Signal::Subscribed) => return Some((client, Arrival::Subscribed)),
                (End::Far, Signal::Publish(packet)) if self.listener => {
                    return Some((client, Arrival::Received(packet)));
                }
                (End::Far, Signal::Publish(packet)) => self.broker.handle_publish(&packet),
                (End::Far, Signal::Subscribe(filters)) => {
                    for filter in filters.iter() {
                        self.broker.subscribe(client, filter);
                    }
                    self.send(now, client, End::Far, Signal::Subscribed, 0);
                }
                (End::Near, Signal::Subscribe(_)) | (End::Far, Signal::Subscribed) => {}
            }
        }
    }

    /// Returns when something will be due; polling earlier yields nothing.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.ports
            .iter()
            .filter_map(|(_, link)| link.poll_timeout())
            .min()
    }

    fn send(&mut self, now: Instant, client: ClientId, from: End, signal: Signal, size: usize) {
        if !self.broker.is_connected(client) {
            return;
        }
        if let Some(link) = self.link(client) {
            link.handle_send(now, from, signal, size);
        }
    }

    fn link(&mut self, client: ClientId) -> Option<&mut Link<Signal>> {
        self.ports
            .iter_mut()
            .find(|(other, _)| *other == client)
            .map(|(_, link)| link)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Network {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}, {=usize} in flight", self.broker, self.in_flight());
    }
}
