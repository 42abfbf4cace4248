//! One core, two ends: a device and its shadow service in step over a real MQTT broker.
//!
//! `cargo run --release --example quickstart` starts a broker inside this process (`--broker HOST:PORT` uses
//! another), then two MQTT clients over TCP: a *service* that keeps the twins and a *thermostat* that owns one.
//! Each end runs on a thread of its own and sees the other only through the broker. The terminal shows what
//! either end did, in scenes:
//!
//! ```text
//! broker        127.0.0.1:40113 (in this process)
//!
//! 1. first sync
//!   0.012 s  service   ready, 6 filters
//!   0.019 s  device    up, no session; get
//!   0.020 s  service   get      -> rejected 404 (no twin yet)
//!   0.021 s  device    reports  {"target":19,"firmware":"1.0.3"}
//!   0.022 s  service   update   -> version 1
//! 2. the service wants something: applied and acknowledged
//!   0.034 s  service   desires  {"target":21.5}                     version 2
//!   0.035 s  device    delta    {"target":21.5}                     version 2, applied
//!   0.036 s  service   update   {"target":21.5}                     version 3, nothing left to do
//! 3. a value the device refuses
//!   …        service   desires  {"target":95}
//!   …        device    refuses  target: 95 is above 30              reported stays 21.5; no loop
//!   …        service   desires  {"target":22}                       the desired value is put right
//! 4. offline while both sides change
//!   …        device    offline  (client closed)
//!   …        service   desires  three times: 18, 17, 16.5, interval 60
//!   …        device    measures 40 readings, changes mode twice     nothing is queued
//! 5. back with one minimal patch
//!   …        device    up; get  -> version 9
//!   …        device    reports  {"humidity":41,"interval":60,"target":16.5}   one message, 93 B
//! 6. a version conflict and its recovery
//!   …        service   another writer gets in between
//!   …        device    update expecting version 10 -> rejected 409
//!   …        device    get -> version 11; update -> version 12
//!
//! on the wire   device 1234 B sent, 2345 B received (whole MQTT packets)
//! in sync: device version 12, service version 12
//! ```
//!
//! **A frame so far**: it makes both connections and passes one message. The plan, so that it stays readable and
//! never hangs:
//!
//! 1. Parse flags (`lexopt`, `Options::take_flag`); start `Broker` unless `--broker` was given.
//! 2. `timeline(end, what)` prints one line with the time since start; both threads share one start `Instant`.
//! 3. Service thread: `Mqtt` + hub engine + AWS adapter. After each `Up`: subscribe; `Subscribed` = ready. Each
//!    `Message` goes through `decode`, the engine, `poll_transmit`, `publish`. It takes commands (`desire`) through
//!    a channel, and answers "which version" at the end.
//! 4. Device thread: `Mqtt` with `clean_session = false` + device engine + AWS adapter. `Up` -> `handle_connected`
//!    with `session_present`, `Down` -> `handle_disconnected`; it takes commands (report, go offline, come back).
//!    Offline is a dropped `Mqtt`: the broker's side of it is real.
//! 5. The main thread plays the scenes: one command, then wait for the *state* it must lead to (never a sleep for
//!    a result), at most 5 s; a scene that does not get there prints what was missing and exits 1.
//! 6. Scene 6 needs an update with a precondition. The other writer is a third, tiny client that publishes one
//!    `update` of its own between the device's decision and its transmit.
//! 7. End: both versions equal, the delta empty, both documents equal byte for byte; else exit 1.

mod common {
    pub(crate) mod broker;
    pub(crate) mod mqtt;
}

use core::error::Error;
use core::time::Duration;
use std::time::Instant;

use lexopt::Arg;

use crate::common::broker::Broker;
use crate::common::mqtt::{Event, Mqtt, OPTIONS_HELP, Options};

/// Longest wait for one step of the timeline.
const STEP: Duration = Duration::from_secs(5);

fn main() -> Result<(), Box<dyn Error>> {
    let mut options = Options::new("quickstart");
    let mut embedded = true;
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Arg::Long("help") => {
                println!("Shows a device and its shadow service in sync.\n{OPTIONS_HELP}");
                return Ok(());
            }
            Arg::Long(flag) => {
                let flag = flag.to_owned();
                if !options.take_flag(&flag, &mut parser)? {
                    return Err(format!("unknown option --{flag}").into());
                }
                embedded &= flag != "broker";
            }
            Arg::Short(_) | Arg::Value(_) => return Err(argument.unexpected().into()),
        }
    }
    let broker = if embedded {
        let broker = Broker::start()?;
        options.set_broker(&broker.address().to_string())?;
        Some(broker)
    } else {
        None
    };
    let start = Instant::now();
    let place = if broker.is_some() {
        "in this process"
    } else {
        "yours"
    };
    println!("broker        {}:{} ({place})", options.host, options.port);

    "service".clone_into(&mut options.client_id);
    let service = Mqtt::connect(&options)?;
    "device".clone_into(&mut options.client_id);
    options.clean_session = false;
    let device = Mqtt::connect(&options)?;
    while !device.is_up() && start.elapsed() < STEP {
        device.receive(Duration::from_millis(10));
    }
    let mut is_passed = false;
    while !is_passed && start.elapsed() < STEP {
        match service.receive(Duration::from_millis(50)) {
            Some(Event::Up { .. }) => service.subscribe(&["$aws/things/+/shadow/get"]),
            Some(Event::Subscribed { refused: 0 }) => {
                timeline(start, "service", "ready");
                device.publish("$aws/things/thermostat/shadow/get", b"{}");
            }
            Some(Event::Message { topic, .. }) => {
                timeline(start, "service", &topic);
                is_passed = true;
            }
            Some(Event::Subscribed { .. }) => return Err("the broker refused the filters".into()),
            Some(Event::Down { reason }) => timeline(start, "service", &reason),
            None => {}
        }
    }
    println!("on the wire   device {}", device.traffic());
    if is_passed {
        Ok(())
    } else {
        Err("nothing came through the broker".into())
    }
}

/// Prints one line of the timeline.
fn timeline(start: Instant, end: &str, what: &str) {
    println!("{:>9.3} s  {end:<9} {what}", start.elapsed().as_secs_f64());
}
