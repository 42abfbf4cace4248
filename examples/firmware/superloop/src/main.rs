//! The thermostat on a bare machine: no operating system, no executor, one loop that sleeps between interrupts.
//!
//! Arguments of the run: `thing=NAME` (required), `flash=FILE` (required), `keep_alive=SECONDS`, and when to stop:
//! `until=TENTHS` ends with code 0 as soon as the target is so many tenths of a degree and the service has all that is
//! reported; `patience=SECONDS` ends with code 2 if it takes longer. Without `until` it goes on for ever.
#![no_std]
#![no_main]

use core::num::NonZero;
use core::ops::ControlFlow;
use core::pin::pin;

use board::{Argument, Fan, Heater, Modem, Room, SemihostingFlash, argument, argument_number};
use embedded_storage::nor_flash::ReadNorFlash as _;
use static_cell::{ConstStaticCell, StaticCell};
use thermostat::mqtt::{self, Buffers, Options};
use thermostat::{Clock as _, Parts, Thermostat};
use twinsync::device::{Config, DeviceEngine};
use twinsync::document::{Number, Value};
use twinsync::hal::{Fault, Sensor};
use twinsync::protocol::TwinId;
use twinsync::storage::FlashLog;
use twinsync::time::{Duration, Instant};

/// Bytes of each of the twin's documents, and what follows from them: a snapshot of three, what is wanted of an
/// answer, a report with its topic. An answer of the service carries its metadata and comes whole.
const DOCUMENT: usize = 160;
const SNAPSHOT: usize = 3 * DOCUMENT + 46;
const INCOMING: usize = 2 * DOCUMENT + 32;
const OUTGOING: usize = 384;
const PACKET: usize = 896;

const PAGES: usize = 4;
/// The device's serial number, on a real one.
const SEED: u32 = 0x7E40_0001;
/// Seconds until a run with an end is given up.
const PATIENCE: u32 = 60;

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

struct Clock;

impl thermostat::Clock for Clock {
    fn now(&self) -> Instant {
        Instant::from_millis(board::now_millis())
    }

    async fn wait_until(&self, due: Instant) {
        board::sleep_until(due.as_millis()).await;
    }
}

#[board::entry]
fn main() -> ! {
    board::start_clock();
    let code = set_up().and_then(run);
    board::exit(code.unwrap_or(UNUSABLE))
}

/// Runs the loop. Only here is there a future on the stack, and once.
#[inline(never)]
fn run(mut run: Run) -> Option<i32> {
    let code = board::block_on(pin!(keep(&mut run)));
    #[cfg(all(feature = "defmt", target_arch = "arm"))]
    defmt::info!("{=usize} bytes of stack never used", board::unused_stack());
    code
}

/// Everything but the network; and what the run is to do.
struct Run {
    thermostat: &'static mut Thermostat<Machine, DOCUMENT>,
    thing: Argument,
    keep_alive: NonZero<u16>,
    until: Option<Number>,
    patience: Instant,
}

/// Sets up the thermostat. `None`: an argument is missing or wrong, or there is no flash.
///
/// What this takes of the stack is free again when the loop runs.
#[inline(never)]
fn set_up() -> Option<Run> {
    static ENGINE: ConstStaticCell<DeviceEngine<DOCUMENT>> = ConstStaticCell::new(
        DeviceEngine::new(Config::new(SEED).with_request_timeout(Duration::from_secs(5))),
    );
    static SCRATCH: ConstStaticCell<[u8; SNAPSHOT]> = ConstStaticCell::new([0; SNAPSHOT]);
    static ROOM: StaticCell<Room> = StaticCell::new();
    static THERMOSTAT: StaticCell<Thermostat<Machine, DOCUMENT>> = StaticCell::new();

    let keep_alive = argument_number("keep_alive").unwrap_or(30);
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
        thermostat: THERMOSTAT.init_with(|| Thermostat::new(Clock.now(), parts)),
        thing: argument("thing")?,
        keep_alive: NonZero::new(u16::try_from(keep_alive).ok()?)?,
        until: until.and_then(|tenths| Number::decimal(tenths.into(), -1)),
        patience: Instant::ZERO + Duration::from_secs(patience.into()),
    })
}

/// Keeps the thermostat in step. `None`: no shadow has such a name.
async fn keep(run: &mut Run) -> Option<i32> {
    static BUFFERS: ConstStaticCell<Buffers<PACKET, INCOMING, OUTGOING>> =
        ConstStaticCell::new(Buffers::new());

    let options = Options {
        twin: TwinId::new(&run.thing, None).ok()?,
        keep_alive: run.keep_alive,
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
    let mut modem = Modem::start();
    let buffers = BUFFERS.take();
    mqtt::run(run.thermostat, &mut modem, &Clock, buffers, options, watch)
        .await
        .ok()
}
