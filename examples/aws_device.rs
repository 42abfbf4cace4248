//! A thermostat with a Device Shadow: to poke with `mosquitto_pub`, or to point at AWS IoT.
//!
//! ```text
//! cargo run --release --example shadow_service -- --broker 127.0.0.1:1883 &
//! cargo run --release --example aws_device -- --broker 127.0.0.1:1883 --thing heater
//! mosquitto_pub -t '$aws/things/heater/shadow/update' -m '{"state":{"desired":{"target":21.5}}}'
//! ```
//!
//! Against AWS IoT it is the same program; the thing's certificate must allow its topics:
//!
//! ```text
//! cargo run --release --example aws_device -- --broker ID-ats.iot.REGION.amazonaws.com:8883 \
//!     --thing heater --client-id heater --tls-ca AmazonRootCA1.pem --tls-cert heater.pem.crt --tls-key heater.pem.key
//! ```
//!
//! It applies `target`, `mode` and `interval` from desired, refuses what is out of range and says why under
//! `refused` in reported, and reports the room's temperature each `interval`. It reconnects by itself; SIGINT and
//! SIGTERM end it with code 0.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "rules for firmware; this is a program for a host"
)]

mod common {
    pub(crate) mod clock;
    pub(crate) mod device;
    pub(crate) mod mqtt;
    pub(crate) mod thermostat;
    pub(crate) mod words;
}

use core::error::Error;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use lexopt::{Arg, ValueExt};
use signal_hook::consts::{SIGINT, SIGTERM};
use twinsync::adapter::aws;
use twinsync::device::Config;

use crate::common::clock::Clock;
use crate::common::device::Device;
use crate::common::mqtt::{Mqtt, OPTIONS_HELP, Options};

/// How long the device may take to notice a signal.
const PATIENCE: Duration = Duration::from_millis(100);

const USAGE: &str = "\
A thermostat with a Device Shadow.

usage: aws_device --thing NAME [--shadow NAME] [OPTIONS]

  --thing NAME         the device
  --shadow NAME        one of its named shadows instead of the classic one
";

const TRY: &str = r#"Try in another terminal (the example shadow_service must run on the same broker):

  mosquitto_sub -v -t '$aws/things/NAME/shadow/#'
  mosquitto_pub -t '$aws/things/NAME/shadow/update' -m '{"state":{"desired":{"target":21.5}}}'
  mosquitto_pub -t '$aws/things/NAME/shadow/update' -m '{"state":{"desired":{"target":95}}}'
  mosquitto_pub -t '$aws/things/NAME/shadow/update' -m '{"state":{"desired":{"mode":"off"}}}'
  mosquitto_pub -t '$aws/things/NAME/shadow/update' -m '{"state":{"desired":{"interval":5}}}'
  mosquitto_pub -t '$aws/things/NAME/shadow/get' -n

With --shadow S it is $aws/things/NAME/shadow/name/S/update, and so on."#;

/// What the command line asks for.
struct Arguments {
    options: Options,
    thing: String,
    shadow: Option<String>,
}

fn main() -> ExitCode {
    let failed = |error: &dyn core::fmt::Display, code: u8| {
        eprintln!("aws_device: {error}");
        ExitCode::from(code)
    };
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{}", help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{}\n", help());
            return failed(&error, 2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error, 1),
    }
}

impl Arguments {
    /// Reads the command line; nothing if help was asked for.
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Options::new("");
        let mut thing = None;
        let mut shadow = None;
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long("thing") => thing = Some(parser.value()?.string()?),
                Arg::Long("shadow") => shadow = Some(parser.value()?.string()?),
                Arg::Long(flag) => {
                    let flag = flag.to_owned();
                    if !options.take_flag(&flag, &mut parser)? {
                        return Err(Arg::Long(&flag).unexpected());
                    }
                }
                Arg::Short(_) | Arg::Value(_) => return Err(argument.unexpected()),
            }
        }
        options.check()?;
        let thing = thing.ok_or("--thing NAME is missing")?;
        if let Err(error) = aws::shadow(&thing, shadow.as_deref()) {
            let name = shadow.map_or_else(|| thing.clone(), |shadow| format!("{thing}/{shadow}"));
            return Err(format!("`{name}`: {error}").into());
        }
        if options.client_id.is_empty() {
            // AWS IoT policies commonly allow the thing's name and nothing else.
            options.client_id.clone_from(&thing);
        }
        // The broker keeps what comes while the device is away.
        options.clean_session = false;
        Ok(Some(Self {
            options,
            thing,
            shadow,
        }))
    }
}

fn help() -> String {
    format!("{USAGE}{OPTIONS_HELP}\n\n{TRY}")
}

/// Runs the thermostat until a signal comes.
fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let clock = Clock::start();
    let id = aws::shadow(&arguments.thing, arguments.shadow.as_deref())?;
    let config = Config::new(std::process::id());
    let mut device = Device::new(id, config, clock)?;
    let mut tell = |line: &str| {
        // A terminal that is gone is no reason to stop heating.
        let _ = writeln!(io::stdout(), "{:>9.3} s  {line}", clock.seconds());
    };
    let mqtt = Mqtt::connect(&arguments.options)?;
    let mut reading_at = clock.instant();
    while !stop.load(Ordering::SeqCst) {
        if clock.instant() >= reading_at {
            device.measure();
            let interval = device.thermostat().interval();
            reading_at = clock.instant() + twinsync::time::Duration::from_secs(interval.into());
        }
        device.drive(&mqtt, &mut tell);
        if let Some(event) = mqtt.receive(device.timeout().min(PATIENCE)) {
            device.handle(&event, &mut tell);
        }
    }
    tell("stopped");
    Ok(())
}
