//! One core, two ends: a device and its shadow service in step over a real MQTT broker.
//!
//! `cargo run --release --example quickstart` starts a broker inside this process (`--broker HOST:PORT` uses
//! another), then MQTT clients over TCP: a *service* that keeps the twins, a *thermostat* that owns one, and for
//! the last scene a *phone*. They share nothing but the broker, and nothing is scripted but the scenes: what the
//! timeline shows is what the engines did. An arrow is a message over the wire, with its payload's size.
//!
//! ```text
//! 5. back again: one patch tells it all
//!    0.067 s  device   connected; the broker kept the session
//!    0.068 s  device   -> get (26 B)
//!    0.068 s  device   <- delta {"target":18}, version 8
//!    0.069 s  device   applies target: 18
//!    …
//!    0.077 s  device   <- get accepted: version 11
//!    0.078 s  device   -> update {"reported":{"mode":"off","target":16.5,…}} if version 11 (120 B)
//!    0.080 s  device   <- update accepted: version 12
//! ```
//!
//! Each scene waits for the state that it must lead to, never for a time. One that does not get there within
//! five seconds says what is missing, and the program exits with 1; the last line of a good run starts with
//! `in sync:`. `RUST_LOG=debug` shows what the service does, too.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "rules for firmware; this is a program for a host"
)]

mod common {
    pub(crate) mod broker;
    pub(crate) mod clock;
    pub(crate) mod device;
    pub(crate) mod mqtt;
    pub(crate) mod service;
    pub(crate) mod thermostat;
    pub(crate) mod words;
}

use core::error::Error;
use core::time::Duration;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Instant;

use lexopt::Arg;
use twinsync::adapter::aws::Client;
use twinsync::device::Config;
use twinsync::document::{Document, Number, Value};
use twinsync::protocol::{Message, TwinId, UpdateRequest};
use twinsync::twin::{Section, Update};

use crate::common::broker::Broker;
use crate::common::clock::Clock;
use crate::common::device::Device;
use crate::common::mqtt::{Event, Mqtt, OPTIONS_HELP, Options, Traffic};
use crate::common::service::ShadowService;
use crate::common::words::{text, value_text, words};

/// Longest wait for one step of the timeline.
const STEP: Duration = Duration::from_secs(5);
/// How long one end waits for a message before the other one has its turn.
const TURN: Duration = Duration::from_millis(1);

fn main() -> ExitCode {
    env_logger::init();
    let (options, is_embedded) = match arguments(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}{OPTIONS_HELP}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{USAGE}{OPTIONS_HELP}\n\nquickstart: {error}");
            return ExitCode::from(2);
        }
    };
    match run(options, is_embedded) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("quickstart: {error}");
            ExitCode::FAILURE
        }
    }
}

const USAGE: &str = "\
Shows a device and its shadow service in sync, on a broker of its own unless --broker names another.

usage: quickstart [OPTIONS]

";

/// Reads the command line; nothing if help was asked for. The flag says that the broker is ours.
fn arguments(mut parser: lexopt::Parser) -> Result<Option<(Options, bool)>, lexopt::Error> {
    let mut options = Options::new(&format!("quickstart-{}", std::process::id()));
    let mut is_embedded = true;
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Long(flag) => {
                let flag = flag.to_owned();
                if !options.take_flag(&flag, &mut parser)? {
                    return Err(Arg::Long(&flag).unexpected());
                }
                is_embedded &= flag != "broker";
            }
            Arg::Short(_) | Arg::Value(_) => return Err(argument.unexpected()),
        }
    }
    options.check()?;
    Ok(Some((options, is_embedded)))
}

fn run(mut options: Options, is_embedded: bool) -> Result<(), Box<dyn Error>> {
    let broker = is_embedded.then(Broker::start).transpose()?;
    if let Some(broker) = &broker {
        options.set_broker(&broker.address().to_string())?;
    }
    let whose = if is_embedded {
        "in this process"
    } else {
        "yours"
    };
    println!("broker {}:{} ({whose})", options.host, options.port);
    let thing = format!("thermostat-{}", std::process::id());
    let mut stage = Stage::new(options, TwinId::new(&thing, None)?)?;
    stage.first_sync()?;
    stage.desired_change()?;
    stage.refused_value()?;
    stage.both_change_while_offline();
    stage.return_with_one_patch()?;
    stage.conflict()?;
    stage.forget_session()?;
    stage.compare()?;
    Ok(())
}

/// Both ends, and where they stand.
struct Stage<'a> {
    id: TwinId<'a>,
    options: Options,
    service: ShadowService,
    service_mqtt: Mqtt,
    is_serving: bool,
    device: Device<'a>,
    /// Nothing while the device is offline.
    device_mqtt: Option<Mqtt>,
    /// What the device's earlier connections carried.
    traffic: Traffic,
}

/// The scenes.
impl Stage<'_> {
    fn first_sync(&mut self) -> Result<(), String> {
        scene("1. first sync: there is no twin yet, the device says what it has");
        self.until("the service's subscriptions", |stage| stage.is_serving)?;
        say("service", "ready");
        self.go_online()?;
        self.until_in_sync(1)
    }

    fn desired_change(&mut self) -> Result<(), String> {
        scene("2. the service wants something: applied and acknowledged");
        let version = self.version();
        self.desire("target", decimal(215, -1));
        self.until_in_sync(version + 2)?;
        self.expect("target", decimal(215, -1))
    }

    fn refused_value(&mut self) -> Result<(), String> {
        scene("3. the service wants too much: refused with a reason, and no loop");
        let version = self.version();
        self.desire("target", decimal(95, 0));
        self.until_in_sync(version + 2)?;
        self.expect("target", decimal(215, -1))?;
        self.desire("target", decimal(22, 0));
        self.until_in_sync(version + 4)?;
        self.expect("target", decimal(22, 0))
    }

    fn both_change_while_offline(&mut self) {
        scene("4. both sides change while the device is offline");
        self.go_offline();
        self.desire("target", decimal(18, 0));
        self.desire("target", decimal(17, 0));
        self.desire("target", decimal(165, -1));
        self.desire("interval", decimal(60, 0));
        say(
            "device",
            "takes 40 readings; someone turns it off at the wall",
        );
        for _ in 0..40 {
            self.device.measure();
        }
        self.device.adjust("mode", "off".into());
    }

    fn return_with_one_patch(&mut self) -> Result<(), String> {
        scene("5. back again: one patch tells it all");
        let version = self.version();
        self.go_online()?;
        self.until_in_sync(version + 1)?;
        self.expect("target", decimal(165, -1))?;
        self.expect("interval", decimal(60, 0))?;
        self.expect("mode", "off")
    }

    fn conflict(&mut self) -> Result<(), String> {
        scene("6. a phone is faster than the device: version conflict and recovery");
        let version = self.version();
        let phone = self.connect("phone", true)?;
        self.until("the phone's connection", |_| phone.is_up())?;
        let mut patch = Document::<64>::new();
        patch
            .set(&["desired", "mode"], "heat")
            .map_err(|error| error.to_string())?;
        let update = Update::merge(patch.as_ref());
        let message = Message::Update(UpdateRequest { id: None, update });
        let mut buffer = [0; 256];
        let client = Client::new(self.id).map_err(|error| error.to_string())?;
        let publish = client
            .encode(&message, &mut buffer)
            .map_err(|error| error.to_string())?;
        say("phone", &format!("-> {}", words(&message)));
        phone.publish(publish.topic, publish.payload);
        // Only the service runs: the device has not heard of it when it reports.
        self.until_served("the phone's update", |stage| stage.version() > version)?;
        self.device.measure();
        self.until_in_sync(version + 2)?;
        self.expect("mode", "heat")?;
        match self.device.conflicts() {
            1 => Ok(()),
            other => Err(format!("there were {other} conflicts instead of one")),
        }
    }

    /// Compares both ends byte for byte.
    fn compare(&self) -> Result<(), String> {
        println!();
        let twin = self.service.twin(self.id);
        let engine = self.device.engine();
        for (section, ours) in [
            (Section::Desired, engine.desired()),
            (Section::Reported, engine.reported()),
        ] {
            let theirs = twin.section(section);
            let key = section.key();
            println!("{key:<11} {}", text(theirs));
            if ours != theirs {
                return Err(format!("{key} differs: the device has {}", text(ours)));
            }
        }
        let traffic = self.traffic();
        println!("on the wire device {traffic} (whole MQTT packets)");
        println!(
            "in sync: device version {}, service version {}",
            engine.version(),
            twin.versions().twin
        );
        Ok(())
    }
}

/// What the scenes are made of.
impl<'a> Stage<'a> {
    fn new(options: Options, id: TwinId<'a>) -> Result<Self, Box<dyn Error>> {
        let clock = Clock::start();
        // Each update names the version that it was made for, so that scene 6 has something to show.
        let config = Config::new(std::process::id()).with_conditional(true);
        let mut service_options = options.clone();
        service_options.client_id.push_str("-service");
        Ok(Self {
            id,
            service: ShadowService::new(8_192, clock),
            service_mqtt: Mqtt::connect(&service_options)?,
            is_serving: false,
            device: Device::new(id, config, clock)?,
            device_mqtt: None,
            traffic: Traffic::default(),
            options,
        })
    }

    /// Leaves nothing of the device behind on a broker that lives on.
    fn forget_session(&mut self) -> Result<(), String> {
        self.traffic = self.traffic();
        self.device_mqtt = None;
        let device = self.connect("device", true)?;
        self.until("the end of the session", |_| device.is_up())
    }

    fn connect(&self, who: &str, clean_session: bool) -> Result<Mqtt, String> {
        let mut options = self.options.clone();
        options.client_id.push('-');
        options.client_id.push_str(who);
        options.clean_session = clean_session;
        Mqtt::connect(&options).map_err(|error| error.to_string())
    }

    fn go_online(&mut self) -> Result<(), String> {
        self.device_mqtt = Some(self.connect("device", false)?);
        Ok(())
    }

    /// Closes the device's connection; the broker keeps its session.
    fn go_offline(&mut self) {
        self.traffic = self.traffic();
        self.device_mqtt = None;
        let reason = "the broker keeps its session".to_owned();
        self.device
            .handle(&Event::Down { reason }, &mut device_says);
    }

    /// The service wants another setting.
    fn desire(&mut self, name: &str, value: Number) {
        let mut desired = Document::<64>::new();
        if let Err(error) = desired.set(&[name], value) {
            return say("service", &error.to_string());
        }
        self.service
            .desire(self.id, desired.as_ref(), &self.service_mqtt);
        let version = self.version();
        say(
            "service",
            &format!("wants {}: version {version}", text(desired.as_ref())),
        );
    }

    /// Lets both ends run until `done`.
    fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> Result<(), String> {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > STEP {
                return Err(format!("{what}: not within {} s", STEP.as_secs()));
            }
            self.serve();
            self.run_device();
        }
        Ok(())
    }

    /// Lets the service run alone until `done`.
    fn until_served(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> Result<(), String> {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > STEP {
                return Err(format!("{what}: not within {} s", STEP.as_secs()));
            }
            self.serve();
        }
        Ok(())
    }

    /// Waits until both ends have exactly this version, and neither has anything left to say.
    fn until_in_sync(&mut self, version: u64) -> Result<(), String> {
        self.until(&format!("both ends at version {version}"), |stage| {
            let engine = stage.device.engine();
            stage.version() == version
                && engine.version().as_u64() == version
                && engine.is_synced()
                && engine.changes().next().is_none()
        })
    }

    fn serve(&mut self) {
        match self.service_mqtt.receive(TURN) {
            Some(Event::Up { .. }) => {
                self.service_mqtt.subscribe(&ShadowService::FILTERS);
            }
            Some(Event::Subscribed { refused: 0 }) => self.is_serving = true,
            Some(Event::Subscribed { refused }) => {
                say(
                    "service",
                    &format!("the broker refuses {refused} subscriptions"),
                );
            }
            Some(Event::Message { topic, payload }) => {
                self.service.serve(&topic, &payload, &self.service_mqtt);
            }
            Some(Event::Down { reason }) => say("service", &format!("no connection: {reason}")),
            None => {}
        }
    }

    fn run_device(&mut self) {
        let Some(mqtt) = &self.device_mqtt else {
            return;
        };
        self.device.drive(mqtt, &mut device_says);
        if let Some(event) = mqtt.receive(TURN) {
            self.device.handle(&event, &mut device_says);
        }
    }

    fn version(&self) -> u64 {
        self.service.twin(self.id).versions().twin.as_u64()
    }

    /// Checks a value of the service's reported section.
    fn expect<'v>(&self, name: &str, wanted: impl Into<Value<'v>>) -> Result<(), String> {
        let wanted = wanted.into();
        let reported = self.service.twin(self.id).section(Section::Reported);
        match reported.value(&[name]) {
            Some(value) if value == wanted => Ok(()),
            _ => Err(format!(
                "{name} is not {} in {}",
                value_text(wanted),
                text(reported)
            )),
        }
    }

    fn traffic(&self) -> Traffic {
        let now = self.device_mqtt.as_ref().map(Mqtt::traffic);
        self.traffic + now.unwrap_or_default()
    }
}

fn decimal(mantissa: i64, exponent: i32) -> Number {
    Number::new(mantissa, exponent).unwrap_or(Number::ZERO)
}

fn scene(title: &str) {
    println!("\n{title}");
}

fn device_says(what: &str) {
    say("device", what);
}

/// Prints a line of the timeline.
fn say(who: &str, what: &str) {
    static START: OnceLock<Instant> = OnceLock::new();
    let start = START.get_or_init(Instant::now);
    println!("{:>8.3} s  {who:<8} {what}", start.elapsed().as_secs_f64());
}
