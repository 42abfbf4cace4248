//! An AWS-compatible Device Shadow service for every thing on an MQTT broker, all shadows in memory.
//!
//! ```text
//! mosquitto &
//! cargo run --release --example shadow_service -- --broker 127.0.0.1:1883
//! ```
//!
//! It serves classic and named shadows to whatever speaks the MQTT topics of the AWS IoT Device Shadow: this crate's
//! own device, the AWS SDKs, `mosquitto_pub`. Who may publish and subscribe to whose topics is the broker's
//! matter (access control lists); the service trusts the topic.
//!
//! `ready` on the terminal means that its subscriptions stand. `RUST_LOG=debug` shows each request and answer. A
//! broker that goes away is awaited; SIGINT and SIGTERM end the program with code 0.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "rules for firmware; this is a program for a host"
)]

mod common {
    pub(crate) mod clock;
    pub(crate) mod mqtt;
    pub(crate) mod service;
    pub(crate) mod words;
}

use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use lexopt::{Arg, ValueExt};
use log::{info, warn};
use signal_hook::consts::{SIGINT, SIGTERM};

use crate::common::clock::Clock;
use crate::common::mqtt::{Event, Mqtt, OPTIONS_HELP, Options};
use crate::common::service::ShadowService;

/// How long the service may take to notice a signal.
const PATIENCE: Duration = Duration::from_millis(100);

const USAGE: &str = "\
Serves the AWS-compatible Device Shadows of every thing on an MQTT broker, in memory.

usage: shadow_service [OPTIONS]

";

/// Largest shadow if nothing else is asked for, as on AWS.
const DEFAULT_DOCUMENT_BYTES: usize = 8_192;
/// Largest shadow that can be asked for, as in Greengrass.
const MAX_DOCUMENT_BYTES: usize = 30_720;

/// What the command line asks for.
struct Arguments {
    options: Options,
    max_document_bytes: usize,
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{}", help());
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("shadow_service: {error}\n\n{}", help());
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("shadow_service: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    /// Reads the command line; nothing if help was asked for.
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Options::new("shadow_service");
        let mut max_document_bytes = DEFAULT_DOCUMENT_BYTES;
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long("max-document-bytes") => {
                    max_document_bytes = parser.value()?.parse()?;
                    if !(1..=MAX_DOCUMENT_BYTES).contains(&max_document_bytes) {
                        let limits = format!("1 to {MAX_DOCUMENT_BYTES}");
                        return Err(format!("--max-document-bytes takes {limits}").into());
                    }
                }
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
        Ok(Some(Self {
            options,
            max_document_bytes,
        }))
    }
}

fn help() -> String {
    format!(
        "{USAGE}{OPTIONS_HELP}
  --max-document-bytes N
                       largest shadow: its desired and reported sections as compact JSON
                       (default {DEFAULT_DOCUMENT_BYTES} as on AWS, at most {MAX_DOCUMENT_BYTES})

RUST_LOG=debug shows each request and answer."
    )
}

/// Serves until a signal comes.
fn run(arguments: &Arguments) -> io::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let mqtt = Mqtt::connect(&arguments.options)?;
    let mut service = ShadowService::new(arguments.max_document_bytes, Clock::start());
    let mut is_ready = false;
    while !stop.load(Ordering::SeqCst) {
        match mqtt.receive(PATIENCE) {
            Some(Event::Up { .. }) => {
                info!("connected");
                mqtt.subscribe(&ShadowService::FILTERS);
            }
            Some(Event::Subscribed { refused: 0 }) => {
                info!("subscribed");
                if !is_ready {
                    is_ready = true;
                    writeln!(io::stdout(), "ready")?;
                    io::stdout().flush()?;
                }
            }
            Some(Event::Subscribed { refused }) => {
                let filters = ShadowService::FILTERS.len();
                let reason = format!("the broker refuses {refused} of {filters} subscriptions");
                return Err(io::Error::other(reason));
            }
            Some(Event::Message { topic, payload }) => {
                service.serve(&topic, &payload, &mqtt);
            }
            Some(Event::Down { reason }) => warn!("no connection: {reason}"),
            None => {}
        }
    }
    info!("stopped");
    Ok(())
}
