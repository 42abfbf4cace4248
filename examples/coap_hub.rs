//! Twins as CoAP resources over UDP, all of them in memory.
//!
//! ```text
//! cargo run --release --example coap_hub -- --listen 127.0.0.1:5683
//! coap-client -m put -e '{"target":21.5}' coap://127.0.0.1/twins/heater/desired
//! coap-client -s 60 coap://127.0.0.1/twins/heater/reported
//! ```
//!
//! Plain UDP authenticates nobody. Whoever reaches `--listen` is taken for the service, which may read and write every
//! twin; whoever reaches a `--device NAME=ADDRESS` is taken for that device. In earnest both come out of a DTLS
//! session; the rest of the program stays the same.
//!
//! `ready` on the terminal means that it listens. `RUST_LOG=debug` shows each request and answer. SIGINT and SIGTERM
//! end the program with code 0.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "rules for firmware; this is a program for a host"
)]

mod common {
    pub(crate) mod clock;
    pub(crate) mod coap_service;
    pub(crate) mod lossy;
}

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Write};
use std::net::UdpSocket;
use std::process::ExitCode;
use std::sync::{Arc, mpsc};
use std::thread;

use lexopt::{Arg, ValueExt};
use log::{info, warn};
use signal_hook::consts::{SIGINT, SIGTERM};
use twinsync::adapter::coap::{Access, Service, endpoint};
use twinsync::protocol::TwinId;

use crate::common::clock::Clock;
use crate::common::coap_service::TwinService;
use crate::common::lossy::Loss;

/// How long the service may take to notice a signal.
const PATIENCE: Duration = Duration::from_millis(100);

const USAGE: &str = "\
Serves twins as CoAP resources over UDP, in memory.

usage: coap_hub [OPTIONS]

  --listen ADDRESS     where the service's own clients ask (default 127.0.0.1:5683)
  --device NAME=ADDRESS
                       where only this device asks; may be given several times
  --block-size N       largest block: 16, 32, ... 1024 (default 1024)
  --max-age SECONDS    for how long what was read, or heard of as an observer, is fresh (default 60)
  --ack-timeout MILLIS how long an acknowledgement is awaited at first (default 2000, RFC 7252)
  --loss PERCENT       drop so many datagrams in each direction (default 0)
  --seed N             for message ids, tokens and losses (default: the process id)

RUST_LOG=debug shows each request and answer.";

/// What the command line asks for.
struct Arguments {
    listen: SocketAddr,
    devices: Vec<(String, SocketAddr)>,
    block_size: usize,
    max_age: u32,
    ack_timeout: u64,
    loss: u8,
    seed: u64,
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("coap_hub: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("coap_hub: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    /// Reads the command line; nothing if help was asked for.
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut arguments = Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5_683)),
            devices: Vec::new(),
            block_size: 1_024,
            max_age: 60,
            ack_timeout: 2_000,
            loss: 0,
            seed: u64::from(std::process::id()),
        };
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long("listen") => arguments.listen = parser.value()?.parse()?,
                Arg::Long("device") => {
                    let device = parser.value()?.string()?;
                    let (name, address) = device
                        .split_once('=')
                        .ok_or("--device takes NAME=ADDRESS")?;
                    TwinId::new(name, None).map_err(|error| format!("`{name}`: {error}"))?;
                    let address = address
                        .parse()
                        .map_err(|_| format!("`{address}` is no address"))?;
                    arguments.devices.push((name.to_owned(), address));
                }
                Arg::Long("block-size") => {
                    arguments.block_size = parser.value()?.parse()?;
                    if !(16..=1_024).contains(&arguments.block_size) {
                        return Err("--block-size takes 16 to 1024".into());
                    }
                }
                Arg::Long("max-age") => arguments.max_age = parser.value()?.parse()?,
                Arg::Long("ack-timeout") => arguments.ack_timeout = parser.value()?.parse()?,
                Arg::Long("loss") => {
                    arguments.loss = parser.value()?.parse()?;
                    if arguments.loss > 100 {
                        return Err("--loss takes 0 to 100".into());
                    }
                }
                Arg::Long("seed") => arguments.seed = parser.value()?.parse()?,
                _ => return Err(argument.unexpected()),
            }
        }
        if arguments.devices.len() > usize::from(u8::MAX) - 1 {
            return Err("at most 254 times --device".into());
        }
        Ok(Some(arguments))
    }
}

/// Serves until a signal comes.
fn run(arguments: &Arguments) -> io::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let addresses = core::iter::once(arguments.listen)
        .chain(arguments.devices.iter().map(|(_, address)| *address));
    let sockets = addresses
        .map(|address| {
            let named = |error| io::Error::other(format!("{address}: {error}"));
            UdpSocket::bind(address).map_err(named)
        })
        .collect::<io::Result<Vec<_>>>()?;
    let (sender, arrivals) = mpsc::sync_channel(1_024);
    for (number, socket) in (0_u8..).zip(&sockets) {
        let (socket, sender) = (socket.try_clone()?, sender.clone());
        thread::spawn(move || {
            let mut datagram = vec![0; 65_536];
            loop {
                // An error here is one of another datagram (ICMP): the socket is as good as before.
                if let Ok((len, address)) = socket.recv_from(&mut datagram) {
                    let arrival = ((number, address), datagram[..len].to_vec());
                    // What the service does not get to in time is lost, as on any network.
                    if let Err(mpsc::TrySendError::Disconnected(_)) = sender.try_send(arrival) {
                        return;
                    }
                }
            }
        });
    }
    let clock = Clock::start();
    let service = Service::new("twins")
        .with_block_size(arguments.block_size)
        .with_max_age(arguments.max_age);
    let ack_timeout = twinsync::time::Duration::from_millis(arguments.ack_timeout);
    let network = endpoint::Config::new(arguments.seed).with_ack_timeout(ack_timeout, 150);
    let mut service = TwinService::new(service, network, clock);
    let mut loss = Loss::new(arguments.loss, arguments.seed);
    for ((name, _), socket) in arguments.devices.iter().zip(sockets.iter().skip(1)) {
        info!("{name} asks at coap://{}", socket.local_addr()?);
    }
    if let Some(socket) = sockets.first() {
        writeln!(io::stdout(), "ready coap://{}", socket.local_addr()?)?;
        io::stdout().flush()?;
    }
    while !stop.load(Ordering::SeqCst) {
        let due = service.drive(&mut |(number, address), datagram| {
            let socket = sockets.get(usize::from(number));
            if let Some(socket) = socket.filter(|_| !loss.strikes())
                && let Err(error) = socket.send_to(datagram, address)
            {
                warn!("{address}: {error}");
            }
        });
        let wait = due.map_or(PATIENCE, |due| {
            Duration::from(due.saturating_since(clock.instant())).min(PATIENCE)
        });
        let Ok((peer, datagram)) = arrivals.recv_timeout(wait) else {
            continue;
        };
        if loss.strikes() {
            continue;
        }
        let access = match usize::from(peer.0).checked_sub(1) {
            None => Access::Service,
            Some(index) => arguments
                .devices
                .get(index)
                .map_or(Access::Nobody, |(name, _)| Access::Device(name)),
        };
        service.handle_datagram(peer, access, &datagram);
    }
    info!("stopped");
    Ok(())
}
