//! The thermostat as a task of embassy's executor, next to another task that knows nothing of networks.
//!
//! The thermostat is owned by the task that keeps it in step. Others do not lock it: they send what they want to
//! a channel, and the thermostat takes it between two of its steps. That is what to copy; how the machine under
//! QEMU ticks and sleeps is in `time` and `executor`, and a chip's own crate brings both.
//!
//! Arguments of the run: `thing=NAME` and `flash=FILE` (required), `keep_alive=SECONDS`; `dial=TENTHS` for somebody
//! who turns the dial to so many tenths of a degree half a second after the start; `until=TENTHS` ends the run with
//! code 0 as soon as that is the target and the service has all that is reported.
#![no_std]
#![no_main]

mod executor;
mod time;

use core::num::NonZero;
use core::ops::ControlFlow;

use board::{Fan, Heater, Modem, Room, SemihostingFlash, argument, argument_number, exit};
use embassy_executor::Spawner;
use embassy_futures::select::select;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use embassy_time::Timer;
use embedded_storage::nor_flash::ReadNorFlash;
use static_cell::{ConstStaticCell, StaticCell};
use thermostat::mqtt::{self, Buffers, Options};
use thermostat::{Board, Clock, Parts, Thermostat};
use twinsync::device::{Config, DeviceEngine};
use twinsync::document::{Number, Value};
use twinsync::hal::{Fault, Sensor};
use twinsync::protocol::TwinId;
use twinsync::storage::FlashLog;
use twinsync::time::{Duration, Instant};

/// Capacity of each of the engine's documents, in bytes.
const DOCUMENT: usize = 512;
/// Room for a snapshot: three documents and 46 bytes.
const SNAPSHOT: usize = 3 * DOCUMENT + 46;
/// Two sectors of 16 KiB.
const FLASH_PAGES: usize = 2;
/// Minutes on hardware, where each save wears the flash.
const SAVE_INTERVAL: Duration = Duration::from_secs(1);
/// Seconds without a word from the broker, if the arguments say nothing else.
const KEEP_ALIVE: u32 = 30;

const UNUSABLE: i32 = 1;

/// What the other task wants of the thermostat: a temperature.
static DIAL: Channel<CriticalSectionRawMutex, Number, 2> = Channel::new();

// On hardware the seed is the chip's unique number: devices that were cut off together come back apart.
static ENGINE: ConstStaticCell<DeviceEngine<DOCUMENT>> =
    ConstStaticCell::new(DeviceEngine::new(Config::new(1)));
static ROOM: StaticCell<Room> = StaticCell::new();
static SCRATCH: ConstStaticCell<[u8; SNAPSHOT]> = ConstStaticCell::new([0; SNAPSHOT]);
static BUFFERS: ConstStaticCell<Buffers<2_048, 1_024, 1_024>> =
    ConstStaticCell::new(Buffers::new());

/// The machine's parts, and the room that they warm.
struct Machine;

impl Board for Machine {
    type Heater = Heater<'static>;
    type Fan = Fan<'static>;
    type Thermometer = Thermometer;
    type Flash = SemihostingFlash;
}

/// The room's thermometer: tenths of a degree.
struct Thermometer(&'static Room);

impl Sensor for Thermometer {
    fn read(&mut self) -> Result<Option<Value<'static>>, Fault> {
        let tenths = self.0.temperature().map_err(|_| Fault::new("no answer"))?;
        Ok(Number::decimal(tenths.into(), -1).map(Value::Number))
    }
}

/// Embassy's time, as the thermostat asks for it.
struct EmbassyClock;

impl Clock for EmbassyClock {
    fn now(&self) -> Instant {
        Instant::from_millis(embassy_time::Instant::now().as_millis())
    }

    /// Ends early when the dial was turned: the thermostat is stepped after each wait, and looks.
    async fn wait_until(&self, due: Instant) {
        let due = embassy_time::Instant::from_millis(due.as_millis());
        select(Timer::at(due), DIAL.ready_to_receive()).await;
    }
}

#[board::entry]
fn main() -> ! {
    let Some(core) = cortex_m::Peripherals::take() else {
        exit(UNUSABLE);
    };
    time::start(core.SYST);
    executor::run(start)
}

fn start(spawner: Spawner) {
    let (Ok(thermostat), Ok(dial)) = (keep_in_step(), turn_dial()) else {
        exit(UNUSABLE);
    };
    spawner.spawn(thermostat);
    spawner.spawn(dial);
}

/// Keeps the thermostat in step with its service, for ever or until what the run is about is acknowledged.
#[embassy_executor::task]
async fn keep_in_step() {
    exit(thermostat().await.unwrap_or(UNUSABLE))
}

/// `None`: an argument is missing or wrong, or there is no flash.
async fn thermostat() -> Option<i32> {
    let thing = argument("thing")?;
    let keep_alive = argument_number("keep_alive").unwrap_or(KEEP_ALIVE);
    let until = tenths("until");
    let room = ROOM.init(Room::new(|| embassy_time::Instant::now().as_millis()));
    let flash = SemihostingFlash::open(&argument("flash")?, FLASH_PAGES).ok()?;
    let end = u32::try_from(flash.capacity()).ok()?;
    let parts = Parts::<Machine, DOCUMENT> {
        engine: ENGINE.take(),
        heater: room.heater(),
        fan: room.fan(),
        thermometer: Thermometer(room),
        flash: FlashLog::new(flash, 0..end).ok()?,
        scratch: SCRATCH.take(),
        save_interval: SAVE_INTERVAL,
    };
    let mut thermostat = Thermostat::new(EmbassyClock.now(), parts);
    let options = Options {
        twin: TwinId::new(&thing, None).ok()?,
        keep_alive: NonZero::new(u16::try_from(keep_alive).ok()?)?,
    };
    let watch = |thermostat: &mut Thermostat<Machine, DOCUMENT>, now| {
        while let Ok(target) = DIAL.try_receive() {
            // Out of range: the dial turns, the setpoint does not.
            let _ = thermostat.turn(now, target);
        }
        let engine = thermostat.engine();
        let target = engine.reported().read::<Number>(&["target"]).ok();
        if engine.is_synced() && until.is_some() && target == until {
            ControlFlow::Break(0)
        } else {
            ControlFlow::Continue(())
        }
    };
    let mut modem = Modem::start();
    let buffers = BUFFERS.take();
    mqtt::run(
        &mut thermostat,
        &mut modem,
        &EmbassyClock,
        buffers,
        options,
        watch,
    )
    .await
    .ok()
}

/// Somebody at the device. On hardware this task awaits an input; here the run's arguments say what happens.
#[embassy_executor::task]
async fn turn_dial() {
    if let Some(target) = tenths("dial") {
        Timer::after_millis(500).await;
        DIAL.send(target).await;
    }
}

fn tenths(name: &str) -> Option<Number> {
    Number::decimal(argument_number(name)?.into(), -1)
}
