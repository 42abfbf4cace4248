//! The thermostat on MQTT: AWS Device Shadow over `rust-mqtt`, on any stream of bytes.
//!
//! [`run`] keeps a device on a link that is always there, as a modem on a UART is: it connects, subscribes, lets
//! the engine speak, pings, and begins anew when the broker falls silent. Nobody tells a UART that the
//! broker is gone, so silence longer than the keep-alive is the only sign of it.
//!
//! **The one rule: the thermostat never waits for the network.** Whatever the link is doing, the application is
//! stepped when it is due ([`Thermostat::step`]).
//!
//! Messages go out at QoS 0: each request of the engine waits for the service's own answer and is repeated without
//! one, so a PUBACK would say nothing that matters.

use core::convert::Infallible;
use core::future::{Future, pending};
use core::num::NonZero;
use core::ops::ControlFlow;
use core::pin::{Pin, pin};

use embassy_futures::select::{Either, select};
use embedded_io_async::{Read, Write};
use rust_mqtt::Bytes;
use rust_mqtt::client::event::Event;
use rust_mqtt::client::options::{
    ConnectOptions, PublicationOptions, SubscriptionOptions, TopicReference,
};
use rust_mqtt::client::{Client, MqttError};
use rust_mqtt::config::KeepAlive;
use rust_mqtt::types::{MqttString, TopicFilter, TopicName};
use twinsync::adapter::{Publish, aws};
use twinsync::device::{Link, Output, Session};
use twinsync::document::{Document, DocumentMut};
use twinsync::protocol::{Message, TwinId, Wanted};
use twinsync::time::{Duration, Instant};

use crate::packets::Packets;
use crate::{Board, Clock, Thermostat, log};

/// How long the broker may take to answer CONNECT, and the link to take or deliver a packet.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first and the longest pause before the next attempt to connect.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));
/// A link is quiet when nothing came for so long: what the last connection left in it is gone then.
const QUIET: Duration = Duration::from_millis(200);
/// Bytes of what the last connection left that are thrown away at a time.
const LEFTOVERS: usize = 32;

const SUBSCRIPTIONS: usize = aws::Client::SUBSCRIPTIONS.len();

/// Who the device is to the broker, and how long it believes in a broker that says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Whose shadow; the device's name is the client id.
    pub twin: TwinId<'a>,
    /// Seconds without a packet from the broker after which the connection counts as lost.
    pub keep_alive: NonZero<u16>,
}

/// Room for packets. `PACKET` bytes for one that comes in: the service's whole answer with its metadata, and the
/// topic; `INCOMING` for what is wanted of it; `OUTGOING` for topic and payload of one that goes out.
#[derive(Debug)]
pub struct Buffers<const PACKET: usize, const INCOMING: usize, const OUTGOING: usize> {
    packet: [u8; PACKET],
    incoming: Document<INCOMING>,
    outgoing: [u8; OUTGOING],
}

impl<const P: usize, const I: usize, const O: usize> Buffers<P, I, O> {
    /// Makes empty buffers.
    pub const fn new() -> Self {
        Self {
            packet: [0; P],
            incoming: Document::new(),
            outgoing: [0; O],
        }
    }
}

impl<const P: usize, const I: usize, const O: usize> Default for Buffers<P, I, O> {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps `thermostat` in step over `link` until `watch` breaks; `watch` is asked after each step.
///
/// # Errors
/// The thing's name is none that AWS allows.
pub async fn run<B: Board, const N: usize, T, const P: usize, const I: usize, const O: usize>(
    thermostat: &mut Thermostat<B, N>,
    link: &mut (impl Read + Write),
    clock: &impl Clock,
    buffers: &mut Buffers<P, I, O>,
    options: Options<'_>,
    watch: impl FnMut(&mut Thermostat<B, N>, Instant) -> ControlFlow<T>,
) -> Result<T, aws::NameError> {
    let client = aws::Client::new(options.twin)?;
    let mut device = Device {
        thermostat,
        clock,
        watch,
    };
    let mut pause = PAUSE.0;
    loop {
        let Err(over) = device.connection(link, &client, buffers, options).await;
        let lost = match over {
            Over::Done(result) => return Ok(result),
            Over::Lost(lost) => lost,
        };
        log::warning!("offline: {}", lost);
        let now = clock.now();
        let engine = device.thermostat.engine_mut();
        if let Lost::TooLarge { needed } = lost {
            engine.handle_oversized(now, needed);
        }
        // A connection that came as far as the service starts the pauses anew.
        if !matches!(engine.link(), Link::Offline | Link::Subscribing) {
            pause = PAUSE.0;
        }
        engine.handle_disconnected(now);
        if let Err(Over::Done(result)) = device
            .until(pin!(pending::<Infallible>()), now + pause)
            .await
        {
            return Ok(result);
        }
        pause = Duration::from_millis(pause.as_millis().saturating_mul(2)).min(PAUSE.1);
    }
}

/// Why a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Lost {
    /// The broker said nothing for as long as the keep-alive, or did not answer in time.
    Silent,
    /// The link failed, or what came over it was no MQTT.
    Broken,
    /// The broker refused the client or one of its subscriptions, or the thing's name.
    Refused,
    /// A packet came that the buffer has no room for.
    TooLarge { needed: usize },
}

/// Why a wait ended otherwise than with what was awaited.
enum Over<T> {
    Lost(Lost),
    /// `watch` had enough.
    Done(T),
}

impl<T> From<Lost> for Over<T> {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

impl<const U: usize> From<MqttError<'_, U>> for Lost {
    fn from(error: MqttError<'_, U>) -> Self {
        match error {
            MqttError::Disconnect { .. } => Self::Refused,
            // How much was asked for the buffer knows.
            MqttError::Alloc => Self::TooLarge { needed: 0 },
            _ => Self::Broken,
        }
    }
}

/// What is to be sent.
enum Due<'o> {
    Subscriptions,
    Publish(Publish<'o>),
    /// What was due does not fit: the engine makes parts of it.
    LessOfIt,
}

/// The client of one connection. No topic aliases, no user properties, nothing in flight but subscriptions.
type Mqtt<'p, 'l, L> = Client<'p, 'p, &'l mut L, Packets<'p>, SUBSCRIPTIONS, 2, 1, 0, 0, 0, 1>;

/// One connection: the MQTT client, and what it says in the twin's name.
struct Connection<'a, 'p, 'l, L: Read + Write, const I: usize, const O: usize> {
    mqtt: Mqtt<'p, 'l, L>,
    client: &'a aws::Client<'a>,
    incoming: &'a mut Document<I>,
    outgoing: &'a mut [u8; O],
    /// How many subscriptions are not confirmed yet.
    subscribing: usize,
}

/// The thermostat, while something is awaited.
struct Device<'a, B: Board, C, W, const N: usize> {
    thermostat: &'a mut Thermostat<B, N>,
    clock: &'a C,
    watch: W,
}

impl<B: Board, C: Clock, T, W, const N: usize> Device<'_, B, C, W, N>
where
    W: FnMut(&mut Thermostat<B, N>, Instant) -> ControlFlow<T>,
{
    /// Lets the thermostat work. Returns the time.
    fn step(&mut self) -> Result<Instant, Over<T>> {
        let now = self.clock.now();
        self.thermostat.step(now);
        match (self.watch)(self.thermostat, now) {
            ControlFlow::Continue(()) => Ok(now),
            ControlFlow::Break(result) => Err(Over::Done(result)),
        }
    }

    /// Awaits `future` until `deadline`, and lets the thermostat work meanwhile. It is pinned by the caller: passed by
    /// value, it would be in memory once for each call that it goes through.
    async fn until<R>(
        &mut self,
        mut future: Pin<&mut impl Future<Output = R>>,
        deadline: Instant,
    ) -> Result<R, Over<T>> {
        loop {
            let now = self.step()?;
            if now >= deadline {
                return Err(Lost::Silent.into());
            }
            let due = self.thermostat.poll_timeout().min(deadline);
            match select(future.as_mut(), self.clock.wait_until(due)).await {
                Either::First(result) => return Ok(result),
                Either::Second(()) => {}
            }
        }
    }

    /// Awaits what the broker should take or deliver at once.
    async fn soon<'e, R, const U: usize>(
        &mut self,
        future: Pin<&mut impl Future<Output = Result<R, MqttError<'e, U>>>>,
    ) -> Result<R, Over<T>> {
        let deadline = self.clock.now() + PATIENCE;
        match self.until(future, deadline).await? {
            Ok(result) => Ok(result),
            Err(error) => Err(Lost::from(error).into()),
        }
    }

    /// Throws away what the last connection left in the link.
    async fn drain(&mut self, link: &mut impl Read) -> Result<(), Over<T>> {
        let mut leftovers = [0; LEFTOVERS];
        loop {
            let deadline = self.clock.now() + QUIET;
            match self.until(pin!(link.read(&mut leftovers)), deadline).await {
                Ok(_) => {}
                Err(Over::Lost(_)) => return Ok(()),
                Err(over) => return Err(over),
            }
        }
    }

    /// One connection, from CONNECT to its end.
    async fn connection<L: Read + Write, const P: usize, const I: usize, const O: usize>(
        &mut self,
        link: &mut L,
        client: &aws::Client<'_>,
        buffers: &mut Buffers<P, I, O>,
        options: Options<'_>,
    ) -> Result<Infallible, Over<T>> {
        self.drain(link).await?;
        let mut packets = Packets::new(&mut buffers.packet);
        let mut connection = Connection {
            mqtt: Client::new(&mut packets),
            client,
            incoming: &mut buffers.incoming,
            outgoing: &mut buffers.outgoing,
            subscribing: 0,
        };
        let name = MqttString::from_str(options.twin.device()).map_err(|_| Lost::Refused)?;
        let connect = ConnectOptions::new()
            .clean_start()
            .keep_alive(KeepAlive::Seconds(options.keep_alive));
        self.soon(pin!(connection.mqtt.connect(link, &connect, Some(name))))
            .await?;
        // SAFETY: what CONNACK said is dropped.
        unsafe { connection.mqtt.buffer_mut().reset() };
        log::info!("connected");
        let now = self.clock.now();
        self.thermostat
            .engine_mut()
            .handle_connected(now, Session::Fresh);
        let keep_alive = Duration::from_secs(options.keep_alive.get().into());
        match self.converse(&mut connection, keep_alive).await {
            Err(Over::Lost(Lost::TooLarge { .. })) => Err(Lost::TooLarge {
                needed: connection.mqtt.buffer().asked(),
            }
            .into()),
            over => over,
        }
    }

    /// Says what is due, hears what comes, and pings when nothing does.
    async fn converse<L: Read + Write, const I: usize, const O: usize>(
        &mut self,
        connection: &mut Connection<'_, '_, '_, L, I, O>,
        keep_alive: Duration,
    ) -> Result<Infallible, Over<T>> {
        let half = Duration::from_millis(keep_alive.as_millis() / 2);
        let mut heard = self.clock.now();
        let mut pinged = false;
        loop {
            let now = self.step()?;
            if now >= heard + keep_alive {
                return Err(Lost::Silent.into());
            }
            if now >= heard + half && !pinged {
                self.soon(pin!(connection.mqtt.ping())).await?;
                pinged = true;
            }
            self.transmit(connection).await?;
            let mut due = self.thermostat.poll_timeout();
            due = due.min(heard + if pinged { keep_alive } else { half });
            if let Some(engine) = self.thermostat.engine().poll_timeout() {
                due = due.min(engine);
            }
            // Only this wait may be cut short: of a header that is half read nothing is lost.
            let header = connection.mqtt.poll_header();
            match select(header, self.clock.wait_until(due)).await {
                Either::First(header) => {
                    let header = header.map_err(Lost::from)?;
                    let event = self.soon(pin!(connection.mqtt.poll_body(header))).await?;
                    heard = self.clock.now();
                    pinged = false;
                    connection.handle(event, self.thermostat, heard)?;
                    // SAFETY: the event is gone.
                    unsafe { connection.mqtt.buffer_mut().reset() };
                }
                Either::Second(()) => {}
            }
        }
    }

    /// Sends what is due.
    async fn transmit<L: Read + Write, const I: usize, const O: usize>(
        &mut self,
        connection: &mut Connection<'_, '_, '_, L, I, O>,
    ) -> Result<(), Over<T>> {
        loop {
            let now = self.clock.now();
            let outgoing = connection.outgoing.as_mut_slice();
            let publish = match self.next(connection.client, outgoing, now) {
                None => return Ok(()),
                Some(Due::LessOfIt) => continue,
                Some(Due::Subscriptions) => {
                    self.subscribe(connection).await?;
                    continue;
                }
                Some(Due::Publish(publish)) => publish,
            };
            log::debug!(
                "-> {=str} ({=usize} B)",
                publish.topic,
                publish.payload.len()
            );
            let topic = topic(publish.topic)?;
            let options = PublicationOptions::new(TopicReference::Name(topic));
            let payload = Bytes::from(publish.payload);
            self.soon(pin!(connection.mqtt.publish(&options, payload)))
                .await?;
        }
    }

    /// Takes what is due from the engine, as a packet in `outgoing`.
    ///
    /// It counts as sent. If the link fails now, the engine is told that it is offline, and what was sent last is
    /// in doubt then.
    #[inline(never)]
    fn next<'o>(
        &mut self,
        client: &aws::Client<'_>,
        outgoing: &'o mut [u8],
        now: Instant,
    ) -> Option<Due<'o>> {
        let transmit = self.thermostat.engine_mut().poll_transmit(now)?;
        let Output::Message(message) = transmit.output() else {
            transmit.sent(now);
            return Some(Due::Subscriptions);
        };
        let Ok(publish) = client.encode(&message, outgoing) else {
            transmit.too_large(now);
            return Some(Due::LessOfIt);
        };
        transmit.sent(now);
        Some(Due::Publish(publish))
    }

    /// Asks for what a device listens to; [`Connection::handle`] counts the answers.
    async fn subscribe<L: Read + Write, const I: usize, const O: usize>(
        &mut self,
        connection: &mut Connection<'_, '_, '_, L, I, O>,
    ) -> Result<(), Over<T>> {
        connection.subscribing = SUBSCRIPTIONS;
        for purpose in aws::Client::SUBSCRIPTIONS {
            let topic = connection
                .client
                .topic(purpose, connection.outgoing.as_mut_slice())
                .map_err(|_| Lost::Refused)?;
            let filter = MqttString::from_str(topic)
                .ok()
                .and_then(TopicFilter::new)
                .ok_or(Lost::Refused)?;
            let options = SubscriptionOptions::new().at_least_once();
            self.soon(pin!(connection.mqtt.subscribe(filter, &options)))
                .await?;
        }
        Ok(())
    }
}

fn topic(topic: &str) -> Result<TopicName<'_>, Lost> {
    MqttString::from_str(topic)
        .ok()
        .and_then(TopicName::new)
        .ok_or(Lost::Refused)
}

impl<L: Read + Write, const I: usize, const O: usize> Connection<'_, '_, '_, L, I, O> {
    /// Takes what the broker said.
    #[inline(never)]
    fn handle<B: Board, const N: usize>(
        &mut self,
        event: Event<'_, 0, 0>,
        thermostat: &mut Thermostat<B, N>,
        now: Instant,
    ) -> Result<(), Lost> {
        match event {
            Event::Suback(answer) if answer.reason_code.is_success() => {
                self.subscribing = self.subscribing.saturating_sub(1);
                if self.subscribing == 0 {
                    thermostat.engine_mut().handle_subscribed(now);
                }
            }
            Event::Suback(_) => return Err(Lost::Refused),
            Event::Publish(publish) => {
                if let Some(topic) = publish.topic.name() {
                    self.hear(topic.as_ref().as_str(), &publish.message, thermostat, now);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes a message of the service.
    #[inline(never)]
    fn hear<B: Board, const N: usize>(
        &mut self,
        topic: &str,
        payload: &[u8],
        thermostat: &mut Thermostat<B, N>,
        now: Instant,
    ) {
        log::debug!("<- {=str} ({=usize} B)", topic, payload.len());
        let wanted = thermostat.engine().wanted();
        let incoming = self.incoming.as_mut();
        match decode(self.client, topic, payload, wanted, incoming) {
            Ok(message) => {
                // An answer to someone else, or noise: the engine counts it.
                let _ = thermostat.engine_mut().handle_message(now, message);
            }
            Err(needed) => {
                log::warning!("<- {=str}: not understood", topic);
                if let Some(needed) = needed {
                    thermostat.engine_mut().handle_oversized(now, needed);
                }
            }
        }
    }
}

/// Reads a message; the error is how much room it would have taken, if that is what is wrong. The decoder's stack is
/// free again when the engine takes the message.
#[inline(never)]
fn decode<'d>(
    client: &aws::Client<'_>,
    topic: &str,
    payload: &[u8],
    wanted: Wanted,
    incoming: DocumentMut<'d>,
) -> Result<Message<'d>, Option<usize>> {
    client
        .decode(topic, payload, wanted, incoming)
        .map_err(|error| Some(error.capacity()?.needed))
}
