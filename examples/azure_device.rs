//! A thermostat with a device twin of Azure IoT Hub, acknowledging as IoT Plug and Play has it.
//!
//! ```text
//! cargo run --release --example azure_hub -- --listen 127.0.0.1:1883 --http 127.0.0.1:8080 &
//! cargo run --release --example azure_device -- --broker 127.0.0.1:1883 --device heater
//! curl -X PATCH 127.0.0.1:8080/twins/heater -d '{"properties":{"desired":{"target":21.5}}}'
//! ```
//!
//! It reconnects by itself; SIGINT and SIGTERM end it with code 0. Against a hub in the cloud it lacks the
//! password: `Login` says what is to be signed, any crate with HMAC-SHA256 signs it.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "rules for firmware; this is a program for a host"
)]

mod common {
    pub(crate) mod clock;
    pub(crate) mod mqtt;
    pub(crate) mod thermostat;
}

use core::error::Error;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use lexopt::{Arg, ValueExt};
use signal_hook::consts::{SIGINT, SIGTERM};
use twinsync::adapter::azure::plug_and_play::{Acknowledgement, Code, says};
use twinsync::adapter::azure::{Client, twin_id};
use twinsync::device::{Acks, Config, DeviceEngine, Output, Session};
use twinsync::document::{Document, Value};
use twinsync::protocol::{TwinId, VersionScope};

use crate::common::clock::Clock;
use crate::common::mqtt::{Event, Mqtt, OPTIONS_HELP, Options};
use crate::common::thermostat::Thermostat;

/// A thermostat that keeps its twin in step.
struct Device<'a> {
    clock: Clock,
    client: Client<'a>,
    engine: DeviceEngine<1024>,
    thermostat: Thermostat,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("azure_device: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let (mut options, mut device) = (Options::new(""), None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => {
                println!("usage: azure_device --device ID [OPTIONS]\n\n{OPTIONS_HELP}");
                return Ok(());
            }
            Arg::Long("device") => device = Some(parser.value()?.string()?),
            Arg::Long(flag) => {
                let flag = flag.to_owned();
                if !options.take_flag(&flag, &mut parser)? {
                    return Err(format!("no option --{flag}").into());
                }
            }
            other => return Err(other.unexpected().into()),
        }
    }
    options.check()?;
    let name = device.ok_or("--device ID is missing")?;
    let id = twin_id(&name, None).map_err(|error| format!("`{name}`: {error}"))?;
    options.client_id.clone_from(&name);
    // Subscriptions belong to the session.
    options.clean_session = false;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let mqtt = Mqtt::connect(&options)?;
    let mut device = Device::new(id, Clock::start())?;
    while !stop.load(Ordering::SeqCst) {
        device.settle()?;
        device.transmit(&mqtt);
        while let Some(event) = device.engine.poll_event() {
            tell(&format!("{event:?}"));
        }
        let now = device.clock.instant();
        let due = device
            .engine
            .poll_timeout()
            .map(|due| due.saturating_since(now).into());
        let patience = Duration::from_millis(100);
        if let Some(event) = mqtt.receive(due.unwrap_or(patience).min(patience)) {
            device.handle(&event)?;
        }
    }
    tell("stopped");
    Ok(())
}

fn tell(line: &str) {
    // A terminal that is gone is no reason to stop heating.
    let _ = writeln!(io::stdout(), "{line}");
}

impl<'a> Device<'a> {
    fn new(id: TwinId<'a>, clock: Clock) -> Result<Self, Box<dyn Error>> {
        let config = Config::new(std::process::id())
            .with_versions(VersionScope::Section)
            .with_acks(Acks::new(says));
        let mut device = Self {
            clock,
            client: Client::new(id)?,
            engine: DeviceEngine::new(config),
            thermostat: Thermostat::new(),
        };
        for (name, value) in device.thermostat.settings() {
            // Set by the device itself: nobody has asked yet.
            let own = Acknowledgement::new(Code::ByDevice, twinsync::twin::Version::ZERO);
            device.acknowledge(&[name], value, own)?;
        }
        Ok(device)
    }

    fn handle(&mut self, event: &Event) -> Result<(), Box<dyn Error>> {
        let now = self.clock.instant();
        match event {
            Event::Up {
                session_present: true,
            } => self.engine.handle_connected(now, Session::Resumed),
            Event::Up { .. } => self.engine.handle_connected(now, Session::Fresh),
            Event::Subscribed { .. } => self.engine.handle_subscribed(now),
            Event::Down { reason } => {
                tell(&format!("no connection: {reason}"));
                self.engine.handle_disconnected(now);
            }
            Event::Message { topic, payload } => {
                let mut scratch = Document::<3072>::new();
                let wanted = self.engine.wanted();
                match self.client.decode(topic, payload, wanted, scratch.as_mut()) {
                    Ok(message) => self.engine.handle_message(now, message)?,
                    Err(error) => match error.capacity() {
                        Some(capacity) => self.engine.handle_oversized(now, capacity.needed),
                        None => tell(&format!("{topic}: {error}")),
                    },
                }
            }
        }
        Ok(())
    }

    /// Does what desired asks for, and says so; what it does not do it refuses, with the reason.
    fn settle(&mut self) -> Result<(), Box<dyn Error>> {
        let version = self.engine.version();
        let mut asked = Document::<1024>::new();
        for leaf in self.engine.changes() {
            asked.set(&leaf.path, leaf.value)?;
        }
        for leaf in asked.leaves().filter(|leaf| !leaf.path.is_empty()) {
            match self.thermostat.set(&leaf.path, leaf.value) {
                Ok(()) => {
                    tell(&format!("applies {}", leaf.path));
                    let done = Acknowledgement::new(Code::Done, version);
                    self.acknowledge(&leaf.path, leaf.value, done)?;
                }
                Err(reason) => {
                    tell(&format!("refuses {}: {reason}", leaf.path));
                    self.engine.refuse(self.clock.instant(), &leaf.path)?;
                    let settings = self.thermostat.settings();
                    let own = settings.iter().find(|(name, _)| leaf.path[..] == [*name]);
                    if let Some((_, in_force)) = own {
                        let bad =
                            Acknowledgement::new(Code::Bad, version).with_description(&reason);
                        self.acknowledge(&leaf.path, *in_force, bad)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn acknowledge(
        &mut self,
        path: &[&str],
        value: Value<'_>,
        how: Acknowledgement<'_>,
    ) -> Result<(), Box<dyn Error>> {
        let mut said = Document::<256>::new();
        how.answer(value, said.as_mut())?;
        self.engine
            .report_value(self.clock.instant(), path, said.as_ref())?;
        Ok(())
    }

    fn transmit(&mut self, mqtt: &Mqtt) {
        let now = self.clock.instant();
        while let Some(transmit) = self.engine.poll_transmit(now) {
            let mut out = [0; 2048];
            let is_sent = match transmit.output() {
                Output::Message(message) => match self.client.encode(&message, &mut out) {
                    Ok(publish) => mqtt.publish(publish.topic, publish.payload),
                    Err(_) => {
                        transmit.too_large(now);
                        continue;
                    }
                },
                _ => mqtt.subscribe(&Client::SUBSCRIPTIONS),
            };
            if !is_sent {
                return;
            }
            transmit.sent(now);
        }
    }
}
