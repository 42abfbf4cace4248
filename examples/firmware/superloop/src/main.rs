//! The thermostat on a bare machine: no operating system, no executor, one loop that sleeps between interrupts.
//!
//! Arguments of the run: `thing=NAME` (required), `flash=FILE` (required), `keep_alive=SECONDS`, and when to stop:
//! `until=TENTHS` ends with code 0 as soon as the target is so many tenths of a degree and the service has all that is
//! reported; `patience=SECONDS` ends with code 2 if it takes longer. Without `until` it goes on for ever.
#![no_std]
#![no_main]

use core::num::NonZero;
use core::ops::ControlFlow;

use board::{Fan, Heater, Modem, Room, SemihostingFlash, argument, argument_number};
use static_cell::{ConstStaticCell, StaticCell};
use thermostat::mqtt::{self, Buffers, Options};
use thermostat::{Clock as _, Parts, Thermostat};
use twinsync::device::Config;
use twinsync::document::{Number, Value};
use twinsync::hal::{Fault, Sensor};
use twinsync::protocol::TwinId;
use twinsync::time::{Duration, Instant};

/// Bytes of each of the twin's documents, and what follows from them: a snapshot of three, what is wanted of an
/// answer, a report with its topic. An answer of the service carries its metadata and comes whole.
const DOCUMENT: usize = 192;
const SNAPSHOT: usize = 3 * DOCUMENT + 46;
const INCOMING: usize = 2 * DOCUMENT + 64;
const OUTGOING: usize = 512;
const PACKET: usize = 1_024;

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
    board::exit(board::block_on(keep()).unwrap_or(UNUSABLE))
}

/// Keeps the thermostat in step. `None`: an argument is missing or wrong, or there is no flash.
async fn keep() -> Option<i32> {
    static SCRATCH: ConstStaticCell<[u8; SNAPSHOT]> = ConstStaticCell::new([0; SNAPSHOT]);
    static BUFFERS: ConstStaticCell<Buffers<PACKET, INCOMING, OUTGOING>> =
        ConstStaticCell::new(Buffers::new());
    static ROOM: StaticCell<Room> = StaticCell::new();
    static THERMOSTAT: StaticCell<Thermostat<Machine, DOCUMENT>> = StaticCell::new();

    let thing = argument("thing")?;
    let flash = argument("flash")?;
    let keep_alive = argument_number("keep_alive").unwrap_or(30);
    let until = argument_number("until").and_then(|tenths| Number::decimal(tenths.into(), -1));
    let patience = Duration::from_secs(argument_number("patience").unwrap_or(PATIENCE).into());

    let room: &'static Room = ROOM.init(Room::new(board::now_millis));
    let parts = Parts {
        heater: room.heater(),
        fan: room.fan(),
        thermometer: Thermometer(room),
        flash: SemihostingFlash::open(&flash, PAGES).ok()?,
        scratch: SCRATCH.take(),
        save_interval: Duration::from_secs(1),
    };
    let config = Config::new(SEED).with_request_timeout(Duration::from_secs(5));
    let thermostat = Thermostat::new(config, Clock.now(), parts).ok()?;
    let thermostat = THERMOSTAT.init(thermostat);
    let options = Options {
        twin: TwinId::new(&thing, None).ok()?,
        keep_alive: NonZero::new(u16::try_from(keep_alive).ok()?)?,
    };
    let watch = |thermostat: &Thermostat<Machine, DOCUMENT>, now: Instant| {
        let Some(until) = until else {
            return ControlFlow::Continue(());
        };
        let engine = thermostat.engine();
        if engine.is_synced() && engine.reported().read(&["target"]) == Ok(until) {
            ControlFlow::Break(0)
        } else if now >= Instant::ZERO + patience {
            ControlFlow::Break(TOO_LATE)
        } else {
            ControlFlow::Continue(())
        }
    };
    mqtt::run(
        thermostat,
        &mut Modem::start(),
        &Clock,
        BUFFERS.take(),
        options,
        watch,
    )
    .await
    .ok()
}
