//! A stand-in for an MQTT broker: topics, subscriptions, sessions.

use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use crate::adapter::Publish;

/// A message with a topic, as it travels; copies share the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Packet {
    /// The topic.
    pub topic: Rc<str>,
    /// The payload.
    pub payload: Rc<[u8]>,
}

impl From<Publish<'_>> for Packet {
    /// Copies what an adapter has spelled.
    fn from(publish: Publish<'_>) -> Self {
        Self::new(publish.topic, publish.payload)
    }
}

impl Packet {
    /// Copies a topic and a payload.
    pub fn new(topic: &str, payload: &[u8]) -> Self {
        Self {
            topic: Rc::from(topic),
            payload: Rc::from(payload),
        }
    }

    /// Returns the bytes of topic and payload.
    pub fn size(&self) -> usize {
        self.topic.len().saturating_add(self.payload.len())
    }
}

/// A client of a [`Broker`], as long as the broker lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ClientId(usize);

/// Delivers what is published to whoever subscribed, and keeps sessions.
///
/// A client that connects to resume its session finds its subscriptions and what was published while
/// it was away (as with quality of service 1), at most [`Broker::BACKLOG`] messages of it. A client
/// that subscribed to overlapping filters gets one copy.
///
/// ```
/// use twinsync::sim::{Broker, Packet};
///
/// let mut broker = Broker::new();
/// let device = broker.register();
/// let session_was_there = broker.handle_connected(device, true);
/// assert!(!session_was_there);
/// broker.subscribe(device, "things/+/delta");
///
/// broker.handle_publish(&Packet::new("things/lamp/delta", b"{}"));
/// let (client, packet) = broker.poll_transmit().unwrap();
/// assert_eq!((client, &*packet.topic), (device, "things/lamp/delta"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Broker {
    clients: Vec<Client>,
    /// Copies that a full backlog had no room for.
    dropped: u64,
}

#[derive(Clone, Debug, Default)]
struct Client {
    connected: bool,
    session: bool,
    filters: Vec<String>,
    outbox: VecDeque<Packet>,
}

impl Broker {
    /// Messages that a session keeps for a client that is away; what comes after is dropped.
    pub const BACKLOG: usize = 100;

    /// Makes a broker without clients.
    pub const fn new() -> Self {
        Self {
            clients: Vec::new(),
            dropped: 0,
        }
    }

    /// Adds a client, not yet connected.
    pub fn register(&mut self) -> ClientId {
        self.clients.push(Client::default());
        ClientId(self.clients.len().saturating_sub(1))
    }

    /// Returns whether the client is connected.
    pub fn is_connected(&self, client: ClientId) -> bool {
        self.clients
            .get(client.0)
            .is_some_and(|client| client.connected)
    }

    /// Returns how many copies a full backlog had no room for.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Connects a client and says whether it found its session.
    ///
    /// With `resume` the session outlives the connection from now on (MQTT 3.1.1 *clean session* 0);
    /// without, an old one ends here and the new one ends with the connection.
    pub fn handle_connected(&mut self, client: ClientId, resume: bool) -> bool {
        let Some(client) = self.clients.get_mut(client.0) else {
            return false;
        };
        let found = client.session && resume;
        if !found {
            client.filters.clear();
            client.outbox.clear();
        }
        client.connected = true;
        client.session = resume;
        found
    }

    /// Takes a client's connection away.
    pub fn handle_disconnected(&mut self, client: ClientId) {
        let Some(client) = self.clients.get_mut(client.0) else {
            return;
        };
        client.connected = false;
        if !client.session {
            client.filters.clear();
            client.outbox.clear();
        }
    }

    /// Forgets every session and closes every connection, as a broker does that restarts without
    /// having stored anything.
    pub fn handle_restart(&mut self) {
        for client in &mut self.clients {
            *client = Client::default();
        }
    }

    /// Subscribes a connected client to a filter with the wildcards `+` and `#`.
    pub fn subscribe(&mut self, client: ClientId, filter: &str) {
        if let Some(client) = self.clients.get_mut(client.0)
            && client.connected
            && !client.filters.iter().any(|known| known == filter)
        {
            client.filters.push(filter.to_owned());
        }
    }

    /// Takes a message and queues a copy for each session with a matching filter.
    pub fn handle_publish(&mut self, packet: &Packet) {
        for client in &mut self.clients {
            let wanted = client
                .filters
                .iter()
                .any(|filter| matches(filter, &packet.topic));
            if !wanted {
                continue;
            }
            if !client.connected && client.outbox.len() >= Self::BACKLOG {
                self.dropped = self.dropped.saturating_add(1);
                continue;
            }
            client.outbox.push_back(packet.clone());
        }
    }

    /// Takes a message for one client: queues it if the client is connected and subscribed to its topic, and
    /// keeps nothing for one that is away.
    pub fn handle_delivery(&mut self, client: ClientId, packet: &Packet) {
        if let Some(client) = self.clients.get_mut(client.0)
            && client.connected
            && client
                .filters
                .iter()
                .any(|filter| matches(filter, &packet.topic))
        {
            client.outbox.push_back(packet.clone());
        }
    }

    /// Returns the next message for a client that is connected.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<(ClientId, Packet)> {
        self.clients
            .iter_mut()
            .enumerate()
            .filter(|(_, client)| client.connected)
            .find_map(|(index, client)| Some((ClientId(index), client.outbox.pop_front()?)))
    }
}

/// Whether a topic matches a filter (MQTT 5.0 §4.7): `+` is one level, `#` all that remain, and
/// neither matches a first level that starts with `$`.
fn matches(filter: &str, topic: &str) -> bool {
    if topic.starts_with('$') && filter.starts_with(['+', '#']) {
        return false;
    }
    let mut levels = topic.split('/');
    for expected in filter.split('/') {
        if expected == "#" {
            return true;
        }
        match levels.next() {
            Some(level) if expected == "+" || expected == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

#[cfg(feature = "defmt")]
impl defmt::Format for Broker {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Broker of {=usize} clients, {=u64} dropped",
            self.clients.len(),
            self.dropped
        );
    }
}
