//! A thermostat that keeps its twin over CoAP: to poke with `coap-client`.
//!
//! ```text
//! cargo run --release --example coap_hub -- --listen 127.0.0.1:5683 &
//! cargo run --release --example coap_device -- --hub 127.0.0.1:5683 --name heater
//! coap-client -m ipatch -t 52 -e '{"target":21.5}' coap://127.0.0.1/twins/heater/desired
//! coap-client coap://127.0.0.1/twins/heater/reported
//! ```
//!
//! It observes desired, applies `target`, `mode` and `interval`, refuses what is out of range and says why under
//! `refused` in reported, and reports the room's temperature each `interval`. Lost datagrams and a hub that was away,
//! or that forgot everything, are made good by themselves; SIGINT and SIGTERM end it with code 0.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "rules for firmware; this is a program for a host"
)]

mod common {
    pub(crate) mod clock;
    pub(crate) mod coap_device;
    pub(crate) mod lossy;
    pub(crate) mod thermostat;
    pub(crate) mod words;
}

use core::error::Error;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use lexopt::{Arg, ValueExt};
use signal_hook::consts::{SIGINT, SIGTERM};
use twinsync::adapter::coap;
use twinsync::device::Config;
use twinsync::protocol::{Backoff, VersionScope};

use crate::common::clock::Clock;
use crate::common::coap_device::{Device, Route};

/// How long the device may take to notice a signal.
const PATIENCE: Duration = Duration::from_millis(100);

const USAGE: &str = "\
A thermostat that keeps its twin over CoAP.

usage: coap_device --hub ADDRESS --name NAME [OPTIONS]

  --hub ADDRESS        where the twins are, host:port
  --name NAME          the device
  --twin NAME          one of its named twins instead of the unnamed one
  --prefix NAME        first segment of all paths (default twins)
  --block-size N       blocks of 16, 32, ... 1024 bytes (default 1024)
  --ack-timeout MILLIS how long an acknowledgement is awaited at first (default 2000, RFC 7252)
  --loss PERCENT       drop so many datagrams in each direction (default 0)
  --seed N             for message ids, tokens and losses (default: the process id)";

/// What the command line asks for.
struct Arguments {
    hub: SocketAddr,
    name: String,
    twin: Option<String>,
    prefix: String,
    block_size: usize,
    ack_timeout: u64,
    loss: u8,
    seed: u32,
}

fn main() -> ExitCode {
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{USAGE}\n\ncoap_device: {error}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coap_device: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    /// Reads the command line; nothing if help was asked for.
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let (mut hub, mut name, mut twin) = (None, None, None);
        let mut prefix = "twins".to_owned();
        let (mut block_size, mut loss) = (1_024_usize, 0_u8);
        let mut ack_timeout = 2_000;
        let mut seed = std::process::id();
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long("hub") => {
                    let address = parser.value()?.string()?;
                    hub = std::net::ToSocketAddrs::to_socket_addrs(&address)
                        .map_err(|error| format!("`{address}`: {error}"))?
                        .next();
                }
                Arg::Long("name") => name = Some(parser.value()?.string()?),
                Arg::Long("twin") => twin = Some(parser.value()?.string()?),
                Arg::Long("prefix") => prefix = parser.value()?.string()?,
                Arg::Long("block-size") => {
                    block_size = parser.value()?.parse()?;
                    if coap::Block::new(0, false, block_size).is_err() {
                        return Err("--block-size takes 16, 32, ... 1024".into());
                    }
                }
                Arg::Long("ack-timeout") => ack_timeout = parser.value()?.parse()?,
                Arg::Long("loss") => {
                    loss = parser.value()?.parse()?;
                    if loss > 100 {
                        return Err("--loss takes 0 to 100".into());
                    }
                }
                Arg::Long("seed") => seed = parser.value()?.parse()?,
                _ => return Err(argument.unexpected()),
            }
        }
        let hub = hub.ok_or("--hub ADDRESS is missing")?;
        let name = name.ok_or("--name NAME is missing")?;
        coap::resource(&name, twin.as_deref()).map_err(|error| format!("`{name}`: {error}"))?;
        Ok(Some(Self {
            hub,
            name,
            twin,
            prefix,
            block_size,
            ack_timeout,
            loss,
            seed,
        }))
    }
}

/// Runs the thermostat until a signal comes.
fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let clock = Clock::start();
    let route = Route {
        hub: arguments.hub,
        prefix: &arguments.prefix,
        id: coap::resource(&arguments.name, arguments.twin.as_deref())?,
        block_size: arguments.block_size,
        ack_timeout: twinsync::time::Duration::from_millis(arguments.ack_timeout),
        loss: arguments.loss,
        seed: arguments.seed,
    };
    let seconds = twinsync::time::Duration::from_secs;
    let config = Config::new(arguments.seed)
        .with_versions(VersionScope::Section)
        // Longer than the endpoint tries, so that a late answer still counts.
        .with_request_timeout(seconds(30))
        .with_backoff(Backoff::new(seconds(1), seconds(60)));
    let mut device = Device::new(&route, config, clock)?;
    let mut tell = |line: &str| {
        // A terminal that is gone is no reason to stop heating.
        let _ = writeln!(io::stdout(), "{:>9.3} s  {line}", clock.seconds());
    };
    let mut reading_at = clock.instant();
    while !stop.load(Ordering::SeqCst) {
        if clock.instant() >= reading_at {
            device.measure();
            let interval = device.thermostat().interval();
            reading_at = clock.instant() + twinsync::time::Duration::from_secs(interval.into());
        }
        device.run(PATIENCE, &mut tell)?;
    }
    tell("stopped");
    Ok(())
}
