//! The device end over CoAP: engine, adapter, endpoint and socket in one loop, and the thermostat beside it.
//!
//! This is what a firmware's network task does. The rule kept here is the engine's drain order. An answer of many
//! blocks goes straight into the document as they come ([`Device::collect`]): there is no buffer for the whole.

#![allow(dead_code, reason = "each example uses its own part of this file")]

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::VecDeque;
use std::io;
use std::net::UdpSocket;

use twinsync::adapter::coap::endpoint::{self, Event, Reliability, RequestHandle};
use twinsync::adapter::coap::{
    Client, DecodeError, Fed, Json, Message, MessageWriter, PathError, Question,
};
use twinsync::device::{self, Config, DeviceEngine, Output, Session, Verdict};
use twinsync::document::{Document, DocumentRef, Value};
use twinsync::protocol::{self, TwinId};
use twinsync::time::Instant;
use twinsync::twin::Version;

use super::clock::Clock;
use super::lossy::Loss;
use super::thermostat::Thermostat;
use super::words::{value_text, words};

/// Bytes for each of the engine's four documents.
const DOCUMENT: usize = 16_384;
/// Bytes for what is wanted of an answer.
const INCOMING: usize = 2 * DOCUMENT + 64;
/// The largest datagram.
const MTU: usize = 1_152;
/// How often a twin that changes while its blocks come is asked for again before the engine backs off.
const ATTEMPTS: u32 = 3;

/// An observation, a request, and the next block.
type Endpoint = endpoint::Client<SocketAddr, MTU, 3>;

/// A thermostat that keeps its twin in step.
pub(crate) struct Device<'a> {
    clock: Clock,
    hub: SocketAddr,
    socket: UdpSocket,
    loss: Loss,
    client: Client<'a, Json>,
    endpoint: Endpoint,
    engine: DeviceEngine<DOCUMENT>,
    thermostat: Thermostat,
    /// The observation of desired, while it stands.
    observed: Option<(RequestHandle, Question)>,
    /// The engine's request, while it waits for its answer.
    asked: Option<(RequestHandle, Question)>,
    /// The latest version of the twin that was heard of.
    version: Version,
    /// What came while blocks of something else were awaited.
    postponed: VecDeque<(RequestHandle, Vec<u8>, bool)>,
}

/// Something that the device did, for the terminal.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(&str);

/// How a device reaches its twin.
pub(crate) struct Route<'a> {
    pub(crate) hub: SocketAddr,
    pub(crate) prefix: &'a str,
    pub(crate) id: TwinId<'a>,
    /// Blocks of at most so many bytes.
    pub(crate) block_size: usize,
    /// How long an acknowledgement is awaited at first.
    pub(crate) ack_timeout: twinsync::time::Duration,
    /// Lost datagrams of a hundred, in each direction.
    pub(crate) loss: u8,
    pub(crate) seed: u32,
}

impl<'a> Device<'a> {
    /// Switches the device on: it knows its settings and nothing of its twin.
    ///
    /// # Errors
    ///
    /// The path can not name such a twin, or there is no socket.
    pub(crate) fn new(route: &Route<'a>, config: Config, clock: Clock) -> io::Result<Self> {
        let client = Client::new(route.prefix, route.id)
            .map_err(|error: PathError| io::Error::other(error.to_string()))?;
        let local: SocketAddr = if route.hub.is_ipv6() {
            ([0_u16; 8], 0).into()
        } else {
            ([0_u8; 4], 0).into()
        };
        let network = endpoint::Config::new(route.seed.into())
            .with_ack_timeout(route.ack_timeout, 150)
            .with_response_timeout(twinsync::time::Duration::from_secs(20))
            // A report may go out while an observation is being set up.
            .with_nstart(2);
        let mut device = Self {
            clock,
            hub: route.hub,
            socket: UdpSocket::bind(local)?,
            loss: Loss::new(route.loss, route.seed.into()),
            client: client.with_block_size(route.block_size),
            endpoint: Endpoint::new(network),
            engine: DeviceEngine::new(config),
            thermostat: Thermostat::new(),
            observed: None,
            asked: None,
            version: Version::ZERO,
            postponed: VecDeque::new(),
        };
        for (name, value) in device.thermostat.settings() {
            device.report(&[name], value);
        }
        // There is no connection to wait for: what is lost is asked for again.
        device
            .engine
            .handle_connected(clock.instant(), Session::Fresh);
        Ok(device)
    }

    /// Does what is due, then waits for datagrams, at most `patience`.
    ///
    /// # Errors
    ///
    /// The socket is of no use any more.
    pub(crate) fn run(&mut self, patience: Duration, tell: Tell<'_>) -> io::Result<()> {
        self.drive(tell)?;
        let due = [self.engine.poll_timeout(), self.endpoint.poll_timeout()]
            .into_iter()
            .flatten()
            .min();
        let now = self.clock.instant();
        let wait = due.map_or(patience, |due| Duration::from(due.saturating_since(now)));
        let mut datagram = [0; 2_048];
        if let Some(len) = self.receive(wait.min(patience), &mut datagram)? {
            self.handle_datagram(&datagram[..len], tell)?;
        }
        // At most one answer to each request and one notification: the endpoint has seen to it.
        while let Some((request, bytes, ongoing)) = self.postponed.pop_front() {
            if let Ok(message) = Message::parse(&bytes) {
                self.handle_response(request, &message, ongoing, tell)?;
            }
        }
        self.drive(tell)
    }

    /// Does what desired asks for, then sends what is due.
    fn drive(&mut self, tell: Tell<'_>) -> io::Result<()> {
        let now = self.clock.instant();
        self.engine.handle_timeout(now);
        self.settle(tell);
        self.transmit(now, tell);
        while let Some(event) = self.engine.poll_event() {
            match event {
                // Told already, where the message came in.
                device::Event::Synced
                | device::Event::DesiredChanged
                | device::Event::ReportAccepted
                | device::Event::Rejected { .. } => {}
                other => tell(&format!("{other:?}")),
            }
        }
        self.flush()?;
        while let Some(event) = self.endpoint.poll_event(now) {
            self.handle_end(now, event, tell);
        }
        Ok(())
    }

    /// Hands the engine's requests to the endpoint. What it does not take stays pending.
    fn transmit(&mut self, now: Instant, tell: Tell<'_>) {
        let wanted = self.engine.wanted();
        while let Some(transmit) = self.engine.poll_transmit(now) {
            let output = transmit.output();
            let said = match &output {
                Output::Message(message) => words(message),
                _ => "observe desired".to_owned(),
            };
            // The engine asks one thing at a time: what it asked before is not awaited any more.
            for (handle, question) in [self.asked.take(), self.observed.take()]
                .into_iter()
                .flatten()
            {
                let is_again = question.is_subscription() == matches!(output, Output::Subscribe);
                if is_again || !question.is_subscription() {
                    self.endpoint.cancel(handle);
                } else {
                    self.observed = Some((handle, question));
                }
            }
            let client = &self.client;
            let mut question = None;
            let mut is_too_large = false;
            let begun = self
                .endpoint
                .request(now, self.hub, Reliability::Confirmable, |out| {
                    let written = match &output {
                        Output::Message(message) => client.encode(message, wanted, out),
                        _ => client.subscribe(out),
                    };
                    match written {
                        Ok(asked) => question = Some(asked),
                        Err(error) => {
                            is_too_large = true;
                            tell(&format!("-> {said}: {error}"));
                        }
                    }
                });
            match (begun, question) {
                (Ok(handle), Some(question)) => {
                    tell(&format!("-> {said}"));
                    if question.is_subscription() {
                        self.observed = Some((handle, question));
                    } else {
                        self.asked = Some((handle, question));
                    }
                    transmit.sent(now);
                }
                _ if is_too_large => transmit.too_large(now),
                (begun, _) => {
                    if let Err(error) = begun {
                        tell(&format!("-> {said}: {error}"));
                    }
                    return;
                }
            }
        }
    }

    fn handle_datagram(&mut self, datagram: &[u8], tell: Tell<'_>) -> io::Result<()> {
        let now = self.clock.instant();
        match self.endpoint.handle_datagram(now, self.hub, datagram) {
            Some(Event::Response {
                request,
                message,
                ongoing,
                ..
            }) => self.handle_response(request, &message, ongoing, tell),
            Some(event) => {
                self.handle_end(now, event, tell);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn handle_response(
        &mut self,
        request: RequestHandle,
        message: &Message<'_>,
        ongoing: bool,
        tell: Tell<'_>,
    ) -> io::Result<()> {
        let now = self.clock.instant();
        if let Some((_, question)) = self.asked.take_if(|(handle, _)| *handle == request) {
            return self.collect(&question, message, tell);
        }
        let Some((_, question)) = self.observed.take_if(|(handle, _)| *handle == request) else {
            return Ok(());
        };
        self.collect(&question, message, tell)?;
        if ongoing {
            self.observed = Some((request, question));
            self.engine.handle_subscribed(now);
        } else {
            tell(&format!(
                "the hub does not keep the observation: {}",
                message.code()
            ));
            self.unsubscribed(now);
        }
        Ok(())
    }

    /// The observation does not stand: it is asked for again, and then the twin.
    fn unsubscribed(&mut self, now: Instant) {
        if self.engine.link() != device::Link::Subscribing {
            self.engine.handle_connected(now, Session::Fresh);
        }
        // Else the engine waits for its answer in vain, and asks again with back-off.
    }

    fn handle_end(&mut self, now: Instant, event: Event<'_, SocketAddr>, tell: Tell<'_>) {
        let (Event::TimedOut { request, .. } | Event::Reset { request, .. }) = event else {
            return;
        };
        tell(&format!("no answer: {event:?}"));
        if self
            .asked
            .take_if(|(handle, _)| *handle == request)
            .is_some()
        {
            // The engine has its own time-out, and asks again.
        } else if self
            .observed
            .take_if(|(handle, _)| *handle == request)
            .is_some()
        {
            self.unsubscribed(now);
        }
    }

    /// Reads an answer, asks for its further blocks, and gives the engine what it says.
    fn collect(
        &mut self,
        question: &Question,
        first: &Message<'_>,
        tell: Tell<'_>,
    ) -> io::Result<()> {
        let mut incoming = Document::<INCOMING>::new();
        let mut attempts = ATTEMPTS;
        let mut decoder = self.client.decoder(question, incoming.as_mut());
        let mut fed = decoder.feed(first);
        // One that changes between two blocks is asked for again from the first.
        while let Ok(Fed::More(block)) = fed {
            let mut again = None;
            self.ask_block(question, block, tell, &mut |message| {
                fed = decoder.feed(message);
                if fed == Err(DecodeError::Changed) {
                    again = twinsync::adapter::coap::Block::new(0, false, block.size()).ok();
                }
            })?;
            if fed == Ok(Fed::More(block)) {
                // No answer came: the engine's own time-out leads on.
                return Ok(());
            }
            if let (Some(first), Some(left)) = (again, attempts.checked_sub(1)) {
                attempts = left;
                drop(decoder);
                incoming.clear();
                decoder = self.client.decoder(question, incoming.as_mut());
                fed = Ok(Fed::More(first));
            }
        }
        let now = self.clock.instant();
        match fed.and_then(|_| decoder.finish()) {
            Ok(message) => {
                tell(&format!("<- {}", words(&message)));
                let version = version(&message, self.version);
                if let Err(error) = self.engine.handle_message(now, message) {
                    tell(&format!("<- {error}"));
                }
                let is_back = version.is_some_and(|(version, least)| version < least);
                self.version = version.map_or(self.version, |(version, _)| version);
                if is_back {
                    // It forgot everything: that it is observed, too.
                    tell("the hub has lost the twin");
                    self.unsubscribed(now);
                }
            }
            Err(error) => {
                tell(&format!("<- {error}"));
                match error.capacity() {
                    Some(capacity) => self.engine.handle_oversized(now, capacity.needed),
                    None => self.engine.refresh(now),
                }
            }
        }
        Ok(())
    }

    /// Asks for a block and waits until it is there, or not to be had. What else comes meanwhile has its
    /// turn afterwards.
    fn ask_block(
        &mut self,
        question: &Question,
        block: twinsync::adapter::coap::Block,
        tell: Tell<'_>,
        take: &mut dyn FnMut(&Message<'_>),
    ) -> io::Result<()> {
        let client = &self.client;
        let now = self.clock.instant();
        let write = |out: &mut MessageWriter<'_>| {
            let _ = client.next(question, block, out);
        };
        let begun = self
            .endpoint
            .request(now, self.hub, Reliability::Confirmable, write);
        let awaited = match begun {
            Ok(handle) => handle,
            Err(error) => {
                tell(&format!("-> block {}: {error}", block.number()));
                return Ok(());
            }
        };
        let mut datagram = [0; 2_048];
        loop {
            self.flush()?;
            let now = self.clock.instant();
            if let Some(event) = self.endpoint.poll_event(now) {
                match event {
                    Event::TimedOut { request, .. } | Event::Reset { request, .. }
                        if request == awaited =>
                    {
                        return Ok(());
                    }
                    event => self.handle_end(now, event, tell),
                }
                continue;
            }
            let due = self.endpoint.poll_timeout();
            let wait = due.map_or(Duration::from_secs(1), |due| {
                due.saturating_since(now).into()
            });
            let Some(len) = self.receive(wait, &mut datagram)? else {
                continue;
            };
            let now = self.clock.instant();
            let event = self
                .endpoint
                .handle_datagram(now, self.hub, &datagram[..len]);
            match event {
                Some(Event::Response {
                    request, message, ..
                }) if request == awaited => {
                    take(&message);
                    return Ok(());
                }
                Some(Event::Reset { request, .. }) if request == awaited => return Ok(()),
                Some(Event::Response {
                    request, ongoing, ..
                }) => {
                    let bytes = datagram[..len].to_vec();
                    self.postponed.push_back((request, bytes, ongoing));
                }
                Some(event) => self.handle_end(now, event, tell),
                None => {}
            }
        }
    }

    /// Sends every datagram that is due.
    fn flush(&mut self) -> io::Result<()> {
        let now = self.clock.instant();
        while let Some(transmit) = self.endpoint.poll_transmit(now) {
            if !self.loss.strikes() {
                match self.socket.send_to(transmit.bytes(), transmit.peer()) {
                    Err(error) if !is_transient(&error) => return Err(error),
                    _ => {}
                }
            }
            transmit.sent();
        }
        Ok(())
    }

    /// Waits for a datagram of the hub.
    fn receive(&mut self, wait: Duration, datagram: &mut [u8]) -> io::Result<Option<usize>> {
        // A wait of zero would be one without end.
        let wait = wait.max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(wait))?;
        match self.socket.recv_from(datagram) {
            Ok((len, from)) if from == self.hub && !self.loss.strikes() => Ok(Some(len)),
            Ok(_) => Ok(None),
            Err(error) if is_transient(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts the work list before the thermostat. What it refuses is not offered again, and reported with the reason
    /// under `refused`.
    fn settle(&mut self, tell: Tell<'_>) {
        let now = self.clock.instant();
        let thermostat = &mut self.thermostat;
        let mut reasons: Vec<(String, Option<String>)> = Vec::new();
        self.engine.settle(now, |leaf| {
            let name = leaf.path.to_string();
            let outcome = thermostat.set(&leaf.path, leaf.value);
            match &outcome {
                Ok(()) => tell(&format!("applies {name}: {}", value_text(leaf.value))),
                Err(reason) => tell(&format!("refuses {name}: {reason}")),
            }
            let verdict = match outcome {
                Ok(()) => Verdict::Applied,
                Err(_) => Verdict::Refused,
            };
            reasons.push((name, outcome.err()));
            verdict
        });
        for (name, reason) in reasons {
            match reason {
                Some(reason) => self.report(&["refused", &name], reason.as_str().into()),
                None => self.report(&["refused", &name], Value::Null),
            }
        }
        let refused = self.engine.reported().at(&["refused"]);
        if refused.is_some_and(DocumentRef::is_empty) {
            self.report(&["refused"], Value::Null);
        }
    }

    /// Reads the sensor.
    pub(crate) fn measure(&mut self) {
        self.thermostat.step();
        let room = self.thermostat.room();
        self.report(&["temperature"], room.into());
    }

    /// Tells the twin what is true.
    pub(crate) fn report(&mut self, path: &[&str], value: Value<'_>) {
        let now = self.clock.instant();
        if let Err(error) = self.engine.report_value(now, path, value) {
            // A device without a terminal would count it: reported holds what it held before.
            eprintln!("{path:?} is not reported: {error}");
        }
    }

    /// Returns the engine, to look at.
    pub(crate) fn engine(&self) -> &DeviceEngine<DOCUMENT> {
        &self.engine
    }

    /// Returns the thermostat, to look at.
    pub(crate) fn thermostat(&self) -> &Thermostat {
        &self.thermostat
    }
}

/// The version of the twin that a message tells, and the least that it can be after `last`.
fn version(message: &protocol::Message<'_>, last: Version) -> Option<(Version, Version)> {
    match message {
        protocol::Message::UpdateAccepted(accepted) => Some((accepted.versions.twin, last.next())),
        protocol::Message::GetAccepted(snapshot) => Some((snapshot.versions.twin, last)),
        _ => None,
    }
}

/// Whether a socket is as good as before: nothing came, or an earlier datagram found nobody.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::TimedOut
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
    )
}
