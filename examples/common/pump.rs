//! A pump that takes configurations on trial: engine, adapter and MQTT client, and the application beside them.
//!
//! What [`Pump::drive`] does with a configuration is the device's half of `twinsync::configuration`: it keeps what
//! was in effect, applies the leaves, and says the number last; or it takes all of it back and says why.

use core::time::Duration;
use std::io;

use twinsync::adapter::aws::{Client, Topic};
use twinsync::configuration::{Keys, Standing, Trial, conclude, refuse};
use twinsync::device::{Config, DeviceEngine, Link, Output, Session, Verdict};
use twinsync::document::{Document, EditError, Value};
use twinsync::protocol::TwinId;
use twinsync::time;

use super::clock::Clock;
use super::mqtt::{Event, Mqtt, Options};

const KEYS: Keys = Keys::DEFAULT;
/// How long a configuration has to prove itself.
const TRIAL: time::Duration = time::Duration::from_millis(100);

/// What a pump can do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Health {
    /// Everything.
    Good,
    /// Nothing fast, and it knows.
    Slow,
    /// Nothing fast, which shows when it tries.
    Weak,
}

/// A pump and its connection.
pub(crate) struct Pump<'a> {
    id: TwinId<'a>,
    health: Health,
    clock: Clock,
    client: Client<'a>,
    mqtt: Mqtt,
    engine: DeviceEngine<512>,
    trial: Trial<256>,
    incoming: Document<2_048>,
}

impl<'a> Pump<'a> {
    /// Switches a pump on: it runs with an interval of 30 seconds.
    ///
    /// # Errors
    /// No thread for its connection, or a name that AWS does not allow.
    pub(crate) fn start(
        id: TwinId<'a>,
        health: Health,
        seed: u32,
        broker: &Options,
        clock: Clock,
    ) -> io::Result<Self> {
        let mut options = broker.clone();
        id.device().clone_into(&mut options.client_id);
        let mut pump = Self {
            id,
            health,
            clock,
            client: Client::new(id).map_err(io::Error::other)?,
            mqtt: Mqtt::connect(&options)?,
            engine: DeviceEngine::new(Config::new(seed)),
            trial: Trial::new(),
            incoming: Document::new(),
        };
        pump.report("interval", 30.into());
        Ok(pump)
    }

    /// Returns the pump's twin.
    pub(crate) fn id(&self) -> TwinId<'a> {
        self.id
    }

    /// Returns whether the service knows all that the pump reports.
    pub(crate) fn is_synced(&self) -> bool {
        self.engine.is_synced()
    }

    /// Reports a value.
    pub(crate) fn report(&mut self, name: &str, value: Value<'_>) {
        let now = self.clock.instant();
        if let Err(error) = self.engine.report_value(now, &[name], value) {
            eprintln!("{}: {name} is not reported: {error}", self.id);
        }
    }

    /// Takes what the network says, deals with the configuration, and sends what is due.
    pub(crate) fn drive(&mut self) {
        while let Some(event) = self.mqtt.receive(Duration::ZERO) {
            self.handle(&event);
        }
        if let Err(error) = self.configure() {
            eprintln!("{}: {error}", self.id);
        }
        self.transmit();
        while self.engine.poll_event().is_some() {}
    }

    fn configure(&mut self) -> Result<(), EditError> {
        let now = self.clock.instant();
        let engine = &mut self.engine;
        let mut report = Document::<512>::new();
        // A trial whose time is over: what was in effect before is again.
        if let Some(before) = self.trial.poll(now) {
            report.assign(before)?;
            let mut words = Document::<128>::new();
            let reason = "no pressure within 100 ms";
            refuse(engine.desired(), reason, &KEYS, &mut words.as_mut())?;
            report.merge(words.as_ref())?;
        }
        let (desired, reported) = (engine.desired(), engine.reported());
        let standing = Standing::of(desired, reported, &KEYS);
        // Before the engine is in step, desired may be a part of what the service has.
        let is_whole = engine.link() == Link::Online && standing.wanted.is_some();
        let is_new = is_whole && !standing.is_in_step();
        if report.is_empty() && is_new && standing.failed().is_none() {
            let is_fast = desired.read::<u32>(&["interval"]).unwrap_or(0) < 10;
            if is_fast && self.health == Health::Slow {
                refuse(desired, "valve is stuck", &KEYS, &mut report.as_mut())?;
            } else if self
                .trial
                .begin(now, TRIAL, desired, reported, &KEYS)
                .is_ok()
            {
                engine.settle(now, |leaf| match *leaf.path {
                    [key] if key == KEYS.version => Verdict::Postponed,
                    _ => Verdict::Applied,
                });
                if self.health == Health::Good || !is_fast {
                    self.trial.pass();
                    let (desired, reported) = (engine.desired(), engine.reported());
                    let wall = self.clock.now().wall;
                    conclude(desired, reported, wall, &KEYS, &mut report.as_mut())?;
                }
            }
        }
        // Small enough for an engine of 512 bytes.
        let _ = engine.report(now, report.as_ref());
        Ok(())
    }

    fn handle(&mut self, event: &Event) {
        let now = self.clock.instant();
        match event {
            Event::Up { .. } => self.engine.handle_connected(now, Session::Fresh),
            Event::Subscribed { .. } => self.engine.handle_subscribed(now),
            Event::Message { topic, payload } => {
                let (wanted, scratch) = (self.engine.wanted(), self.incoming.as_mut());
                if let Ok(message) = self.client.decode(topic, payload, wanted, scratch) {
                    let _ = self.engine.handle_message(now, message);
                }
            }
            Event::Down { .. } => self.engine.handle_disconnected(now),
        }
    }

    fn transmit(&mut self) {
        let now = self.clock.instant();
        while let Some(transmit) = self.engine.poll_transmit(now) {
            let mut out = [0; 1_024];
            let is_sent = match transmit.output() {
                Output::Subscribe => {
                    let topics = Client::SUBSCRIPTIONS.map(|purpose| {
                        let mut topic = [0; Topic::MAX_LEN];
                        let topic = self.client.topic(purpose, &mut topic);
                        topic.map(ToOwned::to_owned)
                    });
                    let topics: Vec<&str> = topics.iter().flatten().map(String::as_str).collect();
                    self.mqtt.subscribe(&topics)
                }
                Output::Message(message) => match self.client.encode(&message, &mut out) {
                    Ok(publish) => self.mqtt.publish(publish.topic, publish.payload),
                    Err(_) => {
                        transmit.too_large(now);
                        continue;
                    }
                },
                _ => false,
            };
            if !is_sent {
                return;
            }
            transmit.sent(now);
        }
    }
}
