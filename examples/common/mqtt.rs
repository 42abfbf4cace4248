//! A blocking MQTT 3.1.1 client: all that the examples need of `rumqttc`, in one place to copy from.
//!
//! One thread owns the connection. It reads, acknowledges, pings and reconnects, so the application may
//! take its time; what happened arrives as [`Event`]s through [`Mqtt::receive`]. The rule kept here: **nothing
//! is queued for a broker that is away.** [`Mqtt::publish`] drops a message when the link is down, because the
//! engine above sends again what still matters, and a stale copy from a queue would only disturb it.
//!
//! ```text
//! let mut mqtt = Mqtt::connect(&options)?;
//! loop {
//!     match mqtt.receive(Duration::from_millis(200)) {
//!         Some(Event::Up { session_present: false }) => mqtt.subscribe(&["a/b"]),
//!         Some(Event::Message { topic, payload }) => mqtt.publish("c/d", &payload),
//!         Some(_) | None => {}
//!     }
//! }
//! ```

#![allow(dead_code, reason = "each example uses its own part of this file")]

use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rumqttc::{
    Client, ClientError, Connect, Connection, MqttOptions, NetworkOptions, Outgoing, Packet,
    Publish, QoS, Subscribe, SubscribeFilter, SubscribeReasonCode, TlsConfiguration, Transport,
};

/// Largest MQTT packet either way. A shadow of 8 KB answers with more than twice that, metadata included;
/// `rumqttc` alone would drop the connection at 10 KB.
const MAX_PACKET: usize = 256 * 1024;
/// Requests that may wait for the connection thread.
const QUEUE: usize = 256;
/// Keep-alive of the connection: a dead broker is noticed within one and a half of these.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// First pause before a reconnect; it doubles up to [`BACKOFF_MAX`].
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// Longest pause before a reconnect.
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// How long [`Mqtt::publish`] waits for room in a full queue, and a closing client for its last packets.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Where and how to connect.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Host name or address of the broker. With TLS it must be a name in the broker's certificate.
    pub(crate) host: String,
    /// TCP port of the broker.
    pub(crate) port: u16,
    /// Client identifier, unique on the broker.
    pub(crate) client_id: String,
    /// Whether the broker forgets subscriptions and waiting messages when the client is away.
    pub(crate) clean_session: bool,
    /// Certificate authority that the broker's certificate is checked against (PEM); turns TLS on.
    pub(crate) tls_ca: Option<PathBuf>,
    /// The client's certificate (PEM), for brokers that ask for one.
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key of [`tls_cert`](Self::tls_cert) (PEM).
    pub(crate) tls_key: Option<PathBuf>,
}

impl Options {
    /// Plain TCP to `127.0.0.1:1883` with a clean session.
    pub(crate) fn new(client_id: &str) -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 1883,
            client_id: client_id.to_owned(),
            clean_session: true,
            tls_ca: None,
            tls_cert: None,
            tls_key: None,
        }
    }

    /// Sets the broker from `HOST:PORT`; IPv6 addresses are written `[::1]:1883`.
    ///
    /// # Errors
    ///
    /// A sentence for the user if `text` is not of that form.
    pub(crate) fn set_broker(&mut self, text: &str) -> Result<(), String> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or_else(|| format!("`{text}` is not HOST:PORT"))?;
        self.port = port
            .parse()
            .map_err(|_| format!("`{port}` is not a port number"))?;
        host.trim_start_matches('[')
            .trim_end_matches(']')
            .clone_into(&mut self.host);
        Ok(())
    }

    /// Takes one of the connection's own command line options (see [`OPTIONS_HELP`]): true if `flag` was one.
    ///
    /// # Errors
    ///
    /// The option's value is missing or malformed.
    pub(crate) fn take_flag(
        &mut self,
        flag: &str,
        parser: &mut lexopt::Parser,
    ) -> Result<bool, lexopt::Error> {
        match flag {
            "broker" => {
                let value = parser.value()?;
                self.set_broker(&value.to_string_lossy())?;
            }
            "client-id" => self.client_id = parser.value()?.to_string_lossy().into_owned(),
            "tls-ca" => self.tls_ca = Some(parser.value()?.into()),
            "tls-cert" => self.tls_cert = Some(parser.value()?.into()),
            "tls-key" => self.tls_key = Some(parser.value()?.into()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Checks what only the whole command line shows.
    ///
    /// # Errors
    ///
    /// A sentence for the user: the TLS files don't belong together.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.tls_cert.is_some() != self.tls_key.is_some() {
            return Err("--tls-cert and --tls-key go together".to_owned());
        }
        if self.tls_cert.is_some() && self.tls_ca.is_none() {
            return Err("--tls-cert and --tls-key need --tls-ca".to_owned());
        }
        Ok(())
    }

    fn transport(&self) -> io::Result<Transport> {
        self.check().map_err(io::Error::other)?;
        let Some(ca) = &self.tls_ca else {
            return Ok(Transport::tcp());
        };
        let client_auth = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => Some((read(cert)?, read(key)?)),
            _ => None,
        };
        Ok(Transport::tls_with_config(TlsConfiguration::Simple {
            ca: read(ca)?,
            alpn: None,
            client_auth,
        }))
    }
}

/// What [`Options::take_flag`] understands, for an example's `--help`.
pub(crate) const OPTIONS_HELP: &str =
    "  --broker HOST:PORT   the MQTT broker (default 127.0.0.1:1883)
  --client-id ID       MQTT client identifier
  --tls-ca FILE        connect with TLS; certificate authority of the broker (PEM)
  --tls-cert FILE      client certificate (PEM)
  --tls-key FILE       key of the client certificate (PEM)";

/// What happened on the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// The broker accepted the connection; it remembers the subscriptions if `session_present`.
    Up {
        /// The broker kept this client's session.
        session_present: bool,
    },
    /// The broker answered a [`Mqtt::subscribe`]; `refused` of its filters don't stand.
    Subscribed {
        /// Number of filters that the broker refused.
        refused: usize,
    },
    /// A message arrived (and was acknowledged to the broker).
    Message {
        /// Its topic.
        topic: String,
        /// Its payload.
        payload: Vec<u8>,
    },
    /// The connection ended or could not be made; the client tries again by itself.
    Down {
        /// What the network or the broker said.
        reason: String,
    },
}

/// Bytes of whole MQTT packets, without TCP and TLS around them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    /// Packets written to the broker. What the client repeats after a reconnect is not counted twice.
    pub(crate) sent: u64,
    /// Packets read from the broker.
    pub(crate) received: u64,
}

impl core::ops::Add for Traffic {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            sent: self.sent.saturating_add(other.sent),
            received: self.received.saturating_add(other.received),
        }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B sent, {} B received", self.sent, self.received)
    }
}

/// A client that stays connected until it is dropped.
pub(crate) struct Mqtt {
    client: Client,
    events: Receiver<Event>,
    link: Arc<Link>,
    thread: Option<JoinHandle<()>>,
}

/// What the connection thread and the application share.
#[derive(Default)]
struct Link {
    up: AtomicBool,
    closing: AtomicBool,
    sent: AtomicU64,
    received: AtomicU64,
}

impl Mqtt {
    /// Starts to connect; [`Event::Up`] says when it worked, and [`Event::Down`] each time it did not.
    ///
    /// # Errors
    ///
    /// A certificate file can't be read, or the thread can't be started.
    pub(crate) fn connect(options: &Options) -> io::Result<Self> {
        let mut mqtt = MqttOptions::new(&options.client_id, &options.host, options.port);
        mqtt.set_clean_session(options.clean_session)
            .set_keep_alive(KEEP_ALIVE)
            .set_max_packet_size(MAX_PACKET, MAX_PACKET)
            .set_transport(options.transport()?);
        let (client, mut connection) = Client::new(mqtt, QUEUE);
        // Without it, a small message waits up to 40 ms for the acknowledgement of the one before.
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        connection.eventloop.set_network_options(network);
        let (sender, events) = mpsc::channel();
        let link = Arc::new(Link::default());
        let shared = Arc::clone(&link);
        let thread = thread::Builder::new()
            .name(format!("mqtt {}", options.client_id))
            .spawn(move || run(connection, &sender, &shared))?;
        Ok(Self {
            client,
            events,
            link,
            thread: Some(thread),
        })
    }

    /// Asks for the messages of `filters` at QoS 1, in one packet (AWS IoT takes at most 8 filters in one).
    ///
    /// [`Event::Subscribed`] answers it. Call it after each [`Event::Up`] without a session: the broker has
    /// forgotten the filters. False, and nothing was asked, while the link is down.
    pub(crate) fn subscribe(&self, filters: &[&str]) -> bool {
        let filters = filters
            .iter()
            .map(|filter| SubscribeFilter::new((*filter).to_owned(), QoS::AtLeastOnce));
        let packet = Subscribe::new_many(filters);
        let size = packet.size();
        let sent = self.enqueue(|client| client.try_subscribe_many(packet.filters.clone()));
        if sent {
            self.link.count_sent(size);
        }
        sent
    }

    /// Sends `payload` to `topic` at QoS 1: false, and nothing was sent, while the link is down.
    pub(crate) fn publish(&self, topic: &str, payload: &[u8]) -> bool {
        let mut packet = Publish::new(topic, QoS::AtLeastOnce, payload);
        packet.pkid = 1; // only its two bytes matter here
        let sent = self
            .enqueue(|client| client.try_publish(topic, QoS::AtLeastOnce, false, payload.to_vec()));
        if sent {
            self.link.count_sent(packet.size());
        }
        sent
    }

    /// Waits up to `timeout` for the next event.
    pub(crate) fn receive(&self, timeout: Duration) -> Option<Event> {
        match self.events.recv_timeout(timeout) {
            Ok(event) => Some(event),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // The thread ended, which only a drop should cause: don't let the caller spin.
                thread::sleep(timeout);
                None
            }
        }
    }

    /// Whether the broker is connected right now.
    pub(crate) fn is_up(&self) -> bool {
        self.link.up.load(Ordering::SeqCst)
    }

    /// Returns the bytes of all packets since [`connect`](Self::connect).
    pub(crate) fn traffic(&self) -> Traffic {
        Traffic {
            sent: self.link.sent.load(Ordering::Relaxed),
            received: self.link.received.load(Ordering::Relaxed),
        }
    }

    /// Hands a request to the connection thread; waits while its queue is full and the link is up.
    fn enqueue(&self, request: impl Fn(&Client) -> Result<(), ClientError>) -> bool {
        let start = Instant::now();
        while self.is_up() {
            match request(&self.client) {
                Ok(()) => return true,
                Err(ClientError::TryRequest(_)) if start.elapsed() < FLUSH_TIMEOUT => {
                    thread::sleep(Duration::from_millis(1));
                }
                Err(_) => return false,
            }
        }
        false
    }
}

impl Drop for Mqtt {
    /// Says goodbye to the broker, so that it keeps the session (or forgets it) as asked for.
    fn drop(&mut self) {
        self.link.closing.store(true, Ordering::SeqCst);
        self.enqueue(Client::try_disconnect);
        let Some(thread) = self.thread.take() else {
            return;
        };
        // The thread may sit in a pause (which `unpark` ends) or in a connect to a host that does not answer;
        // the process need not wait for the latter.
        let start = Instant::now();
        while !thread.is_finished() && start.elapsed() < FLUSH_TIMEOUT {
            thread.thread().unpark();
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Link {
    fn count_sent(&self, bytes: usize) {
        self.sent.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn count_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::SeqCst)
    }
}

/// The connection thread. It ends when the application closes the client.
///
/// A thread, not `Connection::recv_timeout`: a time-out there cancels a connect that is under way, so that
/// short waits would never get connected.
fn run(mut connection: Connection, events: &Sender<Event>, link: &Link) {
    let mut pause = BACKOFF_MIN;
    let client_id = connection.eventloop.mqtt_options.client_id();
    let connect_bytes = Connect::new(client_id).size();
    while let Ok(result) = connection.recv() {
        let event = match result {
            Ok(rumqttc::Event::Incoming(packet)) => {
                link.count_received(packet.size());
                if let Packet::ConnAck(_) = packet {
                    link.count_sent(connect_bytes);
                    link.up.store(true, Ordering::SeqCst);
                    pause = BACKOFF_MIN;
                    if link.is_closing() {
                        return;
                    }
                }
                event_of(packet)
            }
            Ok(rumqttc::Event::Outgoing(packet)) => {
                link.count_sent(control_bytes(&packet));
                if let Outgoing::Disconnect = packet {
                    return;
                }
                None
            }
            Err(error) => {
                link.up.store(false, Ordering::SeqCst);
                let reason = error.to_string();
                if link.is_closing() || events.send(Event::Down { reason }).is_err() {
                    return;
                }
                // `rumqttc` itself would try again at once, and forever.
                thread::park_timeout(pause);
                pause = pause.saturating_mul(2).min(BACKOFF_MAX);
                if link.is_closing() {
                    return;
                }
                None
            }
        };
        if let Some(event) = event
            && events.send(event).is_err()
        {
            return;
        }
    }
}

fn event_of(packet: Packet) -> Option<Event> {
    if let Packet::Publish(publish) = packet {
        Some(Event::Message {
            topic: publish.topic,
            payload: publish.payload.to_vec(),
        })
    } else if let Packet::ConnAck(ack) = packet {
        Some(Event::Up {
            session_present: ack.session_present,
        })
    } else if let Packet::SubAck(ack) = packet {
        let is_refused = |code: &&SubscribeReasonCode| **code == SubscribeReasonCode::Failure;
        Some(Event::Subscribed {
            refused: ack.return_codes.iter().filter(is_refused).count(),
        })
    } else {
        None
    }
}

/// Bytes of the packets that `rumqttc` sends by itself; the others were counted when they were asked for.
fn control_bytes(packet: &Outgoing) -> usize {
    match packet {
        Outgoing::PubAck(_) | Outgoing::PubRec(_) | Outgoing::PubRel(_) | Outgoing::PubComp(_) => 4,
        Outgoing::PingReq | Outgoing::PingResp | Outgoing::Disconnect => 2,
        Outgoing::Publish(_)
        | Outgoing::Subscribe(_)
        | Outgoing::Unsubscribe(_)
        | Outgoing::AwaitAck(_) => 0,
    }
}

fn read(path: &PathBuf) -> io::Result<Vec<u8>> {
    fs::read(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}
