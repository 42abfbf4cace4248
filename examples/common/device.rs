//! The device end: engine, adapter and MQTT client in one loop, and the thermostat beside it.
//!
//! This is what a firmware's network task does. The rule kept here is the engine's drain order: what happened
//! goes in ([`Device::handle`]), then the application does its work and what is due is sent
//! ([`Device::drive`]), then the caller waits for the next event or until [`Device::timeout`].

#![allow(dead_code, reason = "each example uses its own part of this file")]

use core::time::Duration;

use twinsync::adapter::aws::{Client, NameError, Topic};
use twinsync::device::{self, Config, DeviceEngine, Output, Session, Verdict};
use twinsync::document::{Document, DocumentRef, Value};
use twinsync::error::Status;
use twinsync::protocol::TwinId;

use super::clock::Clock;
use super::mqtt::{Event, Mqtt};
use super::thermostat::Thermostat;
use super::words::{value_text, words};

/// Bytes for each of the engine's four documents.
const DOCUMENT: usize = 1_024;
/// Bytes for what is wanted of a message that comes in: both sections, and some.
const INCOMING: usize = 3 * DOCUMENT;
/// Bytes for topic and payload of a message that goes out.
const OUTGOING: usize = 2 * DOCUMENT;

/// A thermostat that keeps its twin in step.
pub(crate) struct Device<'a> {
    clock: Clock,
    client: Client<'a>,
    thermostat: Thermostat,
    engine: DeviceEngine<DOCUMENT>,
    incoming: Document<INCOMING>,
    outgoing: [u8; OUTGOING],
    conflicts: u32,
}

/// Something that the device did, for the terminal.
pub(crate) type Tell<'a> = &'a mut dyn FnMut(&str);

impl<'a> Device<'a> {
    /// Switches the device on: it knows its settings and nothing of its twin.
    ///
    /// # Errors
    ///
    /// AWS does not allow such a name.
    pub(crate) fn new(id: TwinId<'a>, config: Config, clock: Clock) -> Result<Self, NameError> {
        let mut device = Self {
            clock,
            client: Client::new(id)?,
            thermostat: Thermostat::new(),
            engine: DeviceEngine::new(config),
            incoming: Document::new(),
            outgoing: [0; OUTGOING],
            conflicts: 0,
        };
        for (name, value) in device.thermostat.settings() {
            device.report(&[name], value);
        }
        Ok(device)
    }

    /// Takes what the network says.
    pub(crate) fn handle(&mut self, event: &Event, tell: Tell<'_>) {
        let now = self.clock.instant();
        match event {
            Event::Up { session_present } => {
                tell(if *session_present {
                    "connected; the broker kept the session"
                } else {
                    "connected"
                });
                let session = if *session_present {
                    Session::Resumed
                } else {
                    Session::Fresh
                };
                self.engine.handle_connected(now, session);
            }
            Event::Subscribed { refused: 0 } => self.engine.handle_subscribed(now),
            Event::Subscribed { refused } => {
                // The engine takes it for a time-out and asks again.
                tell(&format!("the broker refuses {refused} subscriptions"));
            }
            Event::Message { topic, payload } => self.handle_message(topic, payload, tell),
            Event::Down { reason } => {
                tell(&format!("offline: {reason}"));
                self.engine.handle_disconnected(now);
            }
        }
    }

    fn handle_message(&mut self, topic: &str, payload: &[u8], tell: Tell<'_>) {
        let now = self.clock.instant();
        let wanted = self.engine.wanted();
        let decoded = self
            .client
            .decode(topic, payload, wanted, self.incoming.as_mut());
        match decoded {
            Ok(message) => {
                let foreign = self.engine.counters().foreign;
                if let Err(error) = self.engine.handle_message(now, message) {
                    tell(&format!("<- {topic}: {error}"));
                } else if self.engine.counters().foreign == foreign {
                    tell(&format!("<- {}", words(&message)));
                }
                // Else an answer to someone else: the topics are shared.
            }
            Err(error) => {
                tell(&format!("<- {topic}: {error}"));
                if let Some(capacity) = error.capacity() {
                    self.engine.handle_oversized(now, capacity.needed);
                }
            }
        }
    }

    /// Does what desired asks for, then sends what is due.
    pub(crate) fn drive(&mut self, mqtt: &Mqtt, tell: Tell<'_>) {
        self.settle(tell);
        self.transmit(mqtt, tell);
        while let Some(event) = self.engine.poll_event() {
            match event {
                device::Event::Rejected {
                    status: Status::Conflict,
                    ..
                } => self.conflicts = self.conflicts.saturating_add(1),
                // Told already, where the message came in.
                device::Event::Synced
                | device::Event::DesiredChanged
                | device::Event::ReportAccepted
                | device::Event::Rejected { .. } => {}
                other => tell(&format!("{other:?}")),
            }
        }
    }

    /// Puts the work list before the thermostat. What it refuses is not offered again, and reported with
    /// the reason under `refused`.
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
        self.withdraw_refusals();
        let refused = self.engine.reported().at(&["refused"]);
        if refused.is_some_and(DocumentRef::is_empty) {
            self.report(&["refused"], Value::Null);
        }
    }

    /// A refusal of what nobody wants any more is not reported for ever.
    fn withdraw_refusals(&mut self) {
        let wanted: Vec<String> = self
            .engine
            .desired()
            .leaves()
            .map(|leaf| leaf.path.to_string())
            .collect();
        let reported = self.engine.reported();
        let refused = reported.at(&["refused"]).unwrap_or(DocumentRef::EMPTY);
        let over: Vec<String> = refused
            .entries()
            .map(|(name, _)| name.to_owned())
            .filter(|name| !wanted.contains(name))
            .collect();
        for name in over {
            self.report(&["refused", &name], Value::Null);
        }
    }

    /// Sends what is due. What the network does not take stays pending.
    fn transmit(&mut self, mqtt: &Mqtt, tell: Tell<'_>) {
        let now = self.clock.instant();
        while let Some(transmit) = self.engine.poll_transmit(now) {
            let is_sent = match transmit.output() {
                Output::Subscribe => {
                    tell("-> subscribe");
                    subscribe(&self.client, mqtt)
                }
                Output::Message(message) => {
                    let said = words(&message);
                    match self.client.encode(&message, &mut self.outgoing) {
                        Ok(publish) => {
                            let size = publish.payload.len();
                            tell(&format!("-> {said} ({size} B)"));
                            mqtt.publish(publish.topic, publish.payload)
                        }
                        Err(error) => {
                            tell(&format!("-> {said}: {error}"));
                            transmit.too_large(now);
                            continue;
                        }
                    }
                }
                _ => false,
            };
            if !is_sent {
                return;
            }
            transmit.sent(now);
        }
    }

    /// Returns how long to wait for the next event before [`drive`](Self::drive) is called again.
    pub(crate) fn timeout(&self) -> Duration {
        match self.engine.poll_timeout() {
            Some(due) => due.saturating_since(self.clock.instant()).into(),
            None => Duration::MAX,
        }
    }

    /// Reads the sensor.
    pub(crate) fn measure(&mut self) {
        self.thermostat.step();
        let room = self.thermostat.room();
        self.report(&["temperature"], room.into());
    }

    /// Someone at the device changes a setting.
    pub(crate) fn adjust(&mut self, name: &str, value: Value<'_>) {
        if self.thermostat.set(&[name], value).is_ok() {
            self.report(&[name], value);
        }
    }

    /// Tells the twin what is true.
    pub(crate) fn report(&mut self, path: &[&str], value: Value<'_>) {
        let now = self.clock.instant();
        if let Err(error) = self.engine.report_value(now, path, value) {
            // A device without a terminal would count it: reported holds what it held before.
            eprintln!("{path:?} is not reported: {error}");
        }
    }

    /// Returns how many updates lost against the twin's version.
    pub(crate) fn conflicts(&self) -> u32 {
        self.conflicts
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

/// Subscribes to what a device listens to, in one packet.
fn subscribe(client: &Client<'_>, mqtt: &Mqtt) -> bool {
    let topics = Client::SUBSCRIPTIONS.map(|purpose| {
        let mut topic = [0; Topic::MAX_LEN];
        client.topic(purpose, &mut topic).map(ToOwned::to_owned)
    });
    let topics: Vec<&str> = topics.iter().flatten().map(String::as_str).collect();
    mqtt.subscribe(&topics)
}
