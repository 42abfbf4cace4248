//! The thermostat over CoAP: no operating system, no executor, one loop that sleeps between interrupts.
//!
//! Arguments of the run: `twin=NAME` (required), `flash=FILE` (required), `hub=PORT` of the host's 127.0.0.1 (5683), `kind=store` if the
//! hub only keeps bytes,
//! `ack_timeout=MILLIS` (2000), `seed=NUMBER`, another one with each start (the host's time), and when to stop:
//! `until=TENTHS` ends with code 0 as soon as the target is so many tenths of a degree and the hub has all that is
//! reported; `patience=SECONDS` ends with code 2 if it takes longer. Without `until` it goes on for ever.
#![no_std]
#![no_main]

mod network;
mod stellaris;

use core::ops::ControlFlow;

use board::{Argument, Fan, Heater, Room, SemihostingFlash, argument, argument_number};
use embedded_storage::nor_flash::ReadNorFlash as _;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, IpEndpoint};
use static_cell::{ConstStaticCell, StaticCell};
use thermostat::coap::{self, Buffers, Hub, Options};
use thermostat::{Parts, Thermostat};
use twinsync::adapter::coap::endpoint;
use twinsync::device::{Config, DeviceEngine};
use twinsync::document::{Number, Value};
use twinsync::hal::{Fault, Sensor};
use twinsync::protocol::{Backoff, TwinId, VersionScope};
use twinsync::storage::FlashLog;
use twinsync::time::{Duration, Instant};

use crate::network::{Place, Queues, Udp};
use crate::stellaris::Ethernet;

/// Bytes of each of the twin's documents, and what follows from them: a snapshot of three, and what is wanted of an
/// answer.
const DOCUMENT: usize = 512;
const SNAPSHOT: usize = 3 * DOCUMENT + 46;
const INCOMING: usize = 2 * DOCUMENT + 64;
/// The largest block, and the largest datagram with one.
const BLOCK: usize = 256;
const MTU: usize = BLOCK + 128;
/// Bytes of datagrams that wait in each direction.
const QUEUE: usize = 4 * MTU;

const PAGES: usize = 4;
/// The device's serial number, on a real one.
const SEED: u32 = 0x7E40_0001;
/// Versions by section, as CoAP has them; an answer is awaited for longer than the endpoint tries to get one.
const CONFIG: Config = Config::new(SEED)
    .with_versions(VersionScope::Section)
    .with_request_timeout(Duration::from_secs(100))
    .with_backoff(Backoff::new(
        Duration::from_secs(1),
        Duration::from_secs(60),
    ));
/// Seconds until a run with an end is given up.
const PATIENCE: u32 = 120;

/// QEMU's user network: the device, and the host's 127.0.0.1.
const ADDRESS: IpCidr = IpCidr::new(IpAddress::v4(10, 0, 2, 15), 24);
const HOST: IpAddress = IpAddress::v4(10, 0, 2, 2);
/// Locally administered, as nobody has registered it.
const HARDWARE: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
const PORT: u16 = 49_152;

const UNUSABLE: i32 = 1;
const TOO_LATE: i32 = 2;

struct Machine;

impl thermostat::Board for Machine {
    type Heater = Heater<'static>;
    type Fan = Fan<'static>;
    type Thermometer = Thermometer;
    type Flash = SemihostingFlash;
}

struct Thermometer(&'static Room);

impl Sensor for Thermometer {
    fn read(&mut self) -> Result<Option<Value<'static>>, Fault> {
        let tenths = self.0.temperature().map_err(|_| Fault::new("no answer"))?;
        Ok(Number::decimal(tenths.into(), -1).map(Value::Number))
    }
}

#[board::entry]
fn main() -> ! {
    board::start_clock();
    let code = set_up().and_then(|mut run| keep(&mut run));
    board::exit(code.unwrap_or(UNUSABLE))
}

/// Everything but the network; and what the run is to do.
struct Run {
    thermostat: &'static mut Thermostat<Machine, DOCUMENT>,
    twin: Argument,
    hub: Hub,
    port: u16,
    ack_timeout: Duration,
    seed: u64,
    until: Option<Number>,
    patience: Instant,
}

/// Sets up the thermostat. `None`: an argument is missing or wrong, or there is no flash.
///
/// What this takes of the stack is free again when the loop runs.
#[inline(never)]
fn set_up() -> Option<Run> {
    static ENGINE: ConstStaticCell<DeviceEngine<DOCUMENT>> =
        ConstStaticCell::new(DeviceEngine::new(CONFIG));
    static SCRATCH: ConstStaticCell<[u8; SNAPSHOT]> = ConstStaticCell::new([0; SNAPSHOT]);
    static ROOM: StaticCell<Room> = StaticCell::new();
    static THERMOSTAT: StaticCell<Thermostat<Machine, DOCUMENT>> = StaticCell::new();

    let hub = match argument("kind") {
        Some(kind) if kind == "store" => Hub::Store,
        Some(_) => return None,
        None => Hub::Twins,
    };
    let port = argument_number("hub").unwrap_or(5_683);
    let ack_timeout = argument_number("ack_timeout").unwrap_or(2_000);
    let until = argument_number("until");
    let patience = argument_number("patience").unwrap_or(PATIENCE);
    let room: &'static Room = ROOM.init_with(|| Room::new(board::now_millis));
    let flash = SemihostingFlash::open(&argument("flash")?, PAGES).ok()?;
    let end = u32::try_from(flash.capacity()).ok()?;
    let parts = Parts {
        engine: ENGINE.take(),
        heater: room.heater(),
        fan: room.fan(),
        thermometer: Thermometer(room),
        flash: FlashLog::new(flash, 0..end).ok()?,
        scratch: SCRATCH.take(),
        save_interval: Duration::from_secs(1),
    };
    Some(Run {
        thermostat: THERMOSTAT.init_with(|| Thermostat::new(now(), parts)),
        twin: argument("twin")?,
        hub,
        port: u16::try_from(port).ok()?,
        ack_timeout: Duration::from_millis(ack_timeout.into()),
        seed: argument_number("seed").unwrap_or_else(time).into(),
        until: until.and_then(|tenths| Number::decimal(tenths.into(), -1)),
        patience: Instant::ZERO + Duration::from_secs(patience.into()),
    })
}

/// Keeps the thermostat in step. `None`: no twin has such a name.
fn keep(run: &mut Run) -> Option<i32> {
    static BUFFERS: ConstStaticCell<Buffers<MTU, INCOMING>> = ConstStaticCell::new(Buffers::new());
    static QUEUES: ConstStaticCell<Queues<QUEUE>> = ConstStaticCell::new(Queues::new());

    let options = Options {
        hub: run.hub,
        prefix: "twins",
        twin: TwinId::new(&run.twin, None).ok()?,
        block_size: BLOCK,
        network: endpoint::Config::new(run.seed).with_ack_timeout(run.ack_timeout, 150),
    };
    let watch = |thermostat: &mut Thermostat<Machine, DOCUMENT>, now: Instant| {
        let Some(until) = run.until else {
            return ControlFlow::Continue(());
        };
        let engine = thermostat.engine();
        if engine.is_synced() && engine.reported().read(&["target"]) == Ok(until) {
            ControlFlow::Break(0)
        } else if now >= run.patience {
            ControlFlow::Break(TOO_LATE)
        } else {
            ControlFlow::Continue(())
        }
    };
    let place = Place {
        hardware: HARDWARE.into(),
        address: ADDRESS,
        port: PORT,
        hub: IpEndpoint::new(HOST, run.port),
    };
    let ethernet = Ethernet::start(HARDWARE.0);
    let mut link = Udp::open(&place, ethernet, now, run.seed, QUEUES.take());
    coap::run(run.thermostat, &mut link, BUFFERS.take(), &options, watch).ok()
}

fn now() -> Instant {
    Instant::from_millis(board::now_millis())
}

/// Seconds on the host's clock: another number with each start, unless somebody is very quick.
fn time() -> u32 {
    semihosting::sys::arm_compat::sys_time().map_or(SEED, |seconds| seconds as u32)
}
