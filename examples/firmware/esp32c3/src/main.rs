//! The thermostat on an ESP32-C3, as a task of embassy: what to copy for an ESP32.
//!
//! | what | where |
//! | --- | --- |
//! | modem, transparent to the broker: TX, RX at 115,200 baud | UART1: GPIO4, GPIO5 |
//! | relay of the heater, active high | GPIO6 |
//! | fan, 24 kHz | LEDC channel 0: GPIO7 |
//! | thermometer LM75 | I2C0: GPIO0 (SCL), GPIO1 (SDA), with pull-ups |
//! | button: half a degree warmer | GPIO9 (the button BOOT) |
//! | memory | the partition `twin` of `partitions.csv` |
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::convert::Infallible;
use core::num::NonZero;
use core::ops::ControlFlow;

use embassy_embedded_hal::flash::partition::BlockingPartition;
use embassy_executor::Spawner;
use embassy_futures::select::select;
use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex};
use embassy_sync::channel::Channel;
use embassy_time::Timer;
use esp_backtrace as _;
use esp_bootloader_esp_idf::partitions::{PARTITION_TABLE_MAX_LEN, read_partition_table};
use esp_hal::Blocking;
use esp_hal::efuse;
use esp_hal::gpio::{DriveMode, Input, InputConfig, Level, Output, OutputConfig, Pull};
use esp_hal::i2c::master::I2c;
use esp_hal::ledc::channel::ChannelIFace;
use esp_hal::ledc::timer::TimerIFace;
use esp_hal::ledc::{LSGlobalClkSource, Ledc, LowSpeed, channel, timer};
use esp_hal::peripherals::FLASH;
use esp_hal::time::Rate;
use esp_hal::timer::timg::TimerGroup;
use esp_hal::uart::Uart;
use esp_println as _;
use esp_storage::FlashStorage;
use static_cell::{ConstStaticCell, StaticCell};
use thermostat::mqtt::{self, Buffers, Options};
use thermostat::{Board, Clock, Parts, Thermostat};
use twinsync::device::{Config, DeviceEngine};
use twinsync::document::{Number, Value};
use twinsync::hal::{Fault, Sensor};
use twinsync::protocol::TwinId;
use twinsync::storage::FlashLog;
use twinsync::time::{Duration, Instant};

esp_bootloader_esp_idf::esp_app_desc!();

/// The thing's name. A fleet takes it from what was written at the factory.
const THING: &str = "thermostat";
const KEEP_ALIVE: NonZero<u16> = NonZero::new(60).unwrap();

/// Capacity of each of the engine's documents, in bytes.
const DOCUMENT: usize = 512;
/// Room for a snapshot: three documents and 46 bytes.
const SNAPSHOT: usize = 3 * DOCUMENT + 46;
/// Each of the partition's four pages is erased once in eight saves of full documents. The flash bears 100,000
/// erasures; at a save in five minutes, day and night, that is 7 years.
const SAVE_INTERVAL: Duration = Duration::from_secs(300);

/// What the button wants of the thermostat: that many tenths of a degree more.
static DIAL: Channel<CriticalSectionRawMutex, i64, 4> = Channel::new();

struct DevKit;

impl Board for DevKit {
    type Heater = Output<'static>;
    type Fan = channel::Channel<'static, LowSpeed>;
    type Thermometer = Lm75<I2c<'static, Blocking>>;
    type Flash = Partition;
}

/// The part of the flash that is the thermostat's.
type Partition = BlockingPartition<'static, NoopRawMutex, FlashStorage<'static>>;

/// A thermometer: nine bits of half degrees.
struct Lm75<I>(I);

impl<I: embedded_hal::i2c::I2c> Sensor for Lm75<I> {
    fn read(&mut self) -> Result<Option<Value<'static>>, Fault> {
        const ADDRESS: u8 = 0x48;
        let mut register = [0; 2];
        let read = self.0.write_read(ADDRESS, &[0], &mut register);
        read.map_err(|error| embedded_hal::i2c::Error::kind(&error))?;
        let halves = i64::from(i16::from_be_bytes(register) >> 7);
        Ok(Number::decimal(halves * 5, -1).map(Value::Number))
    }
}

/// Embassy's time, as the thermostat asks for it.
struct EmbassyClock;

impl Clock for EmbassyClock {
    fn now(&self) -> Instant {
        Instant::from_millis(embassy_time::Instant::now().as_millis())
    }

    /// Ends early when the button was pressed: the thermostat is stepped after each wait, and looks.
    async fn wait_until(&self, due: Instant) {
        let due = embassy_time::Instant::from_millis(due.as_millis());
        select(Timer::at(due), DIAL.ready_to_receive()).await;
    }
}

#[esp_rtos::main]
async fn main(spawner: Spawner) {
    static ENGINE: StaticCell<DeviceEngine<DOCUMENT>> = StaticCell::new();
    static SCRATCH: ConstStaticCell<[u8; SNAPSHOT]> = ConstStaticCell::new([0; SNAPSHOT]);
    static BUFFERS: ConstStaticCell<Buffers<2_048, 1_024, 1_024>> =
        ConstStaticCell::new(Buffers::new());
    static CYCLE: StaticCell<timer::Timer<'static, LowSpeed>> = StaticCell::new();

    let chip = esp_hal::init(esp_hal::Config::default());
    let group = TimerGroup::new(chip.TIMG0);
    esp_rtos::start(group.timer0, chip.FROM_CPU_INTR0);

    let pulled = InputConfig::default().with_pull(Pull::Up);
    let button = Input::new(chip.GPIO9, pulled);
    spawner.spawn(defmt::unwrap!(press(button)));

    let mut ledc = Ledc::new(chip.LEDC);
    ledc.set_global_slow_clock(LSGlobalClkSource::APBClk);
    let cycle = CYCLE.init(ledc.timer(timer::Number::Timer0));
    let cycle_of = timer::config::Config {
        duty: timer::config::Duty::Duty8Bit,
        clock_source: timer::LSClockSource::APBClk,
        frequency: Rate::from_khz(24),
    };
    defmt::unwrap!(cycle.configure(cycle_of));
    let mut fan = ledc.channel(channel::Number::Channel0, chip.GPIO7);
    let fan_of = channel::config::Config {
        timer: cycle,
        duty_pct: 0,
        drive_mode: DriveMode::PushPull,
    };
    defmt::unwrap!(fan.configure(fan_of));
    let bus = defmt::unwrap!(I2c::new(chip.I2C0, Default::default()));
    let kept = defmt::unwrap!(partition(chip.FLASH), "no partition `twin`");
    let end = kept.size();
    // Devices that were cut off together come back apart: each has a seed of its own.
    let config = Config::new(seed(efuse::base_mac_address().as_bytes()));
    let parts = Parts::<DevKit, DOCUMENT> {
        engine: ENGINE.init_with(|| DeviceEngine::new(config)),
        heater: Output::new(chip.GPIO6, Level::Low, OutputConfig::default()),
        fan,
        thermometer: Lm75(bus.with_scl(chip.GPIO0).with_sda(chip.GPIO1)),
        flash: defmt::unwrap!(FlashLog::new(kept, 0..end)),
        scratch: SCRATCH.take(),
        save_interval: SAVE_INTERVAL,
    };
    let mut thermostat = Thermostat::new(EmbassyClock.now(), parts);

    let modem = defmt::unwrap!(Uart::new(chip.UART1, Default::default()));
    let mut modem = modem.with_tx(chip.GPIO4).with_rx(chip.GPIO5).into_async();
    let options = Options {
        twin: defmt::unwrap!(TwinId::new(THING, None)),
        keep_alive: KEEP_ALIVE,
    };
    let watch = |thermostat: &mut Thermostat<DevKit, DOCUMENT>, now| {
        while let Ok(tenths) = DIAL.try_receive() {
            warm(thermostat, now, tenths);
        }
        ControlFlow::<Infallible>::Continue(())
    };
    let ended = mqtt::run(
        &mut thermostat,
        &mut modem,
        &EmbassyClock,
        BUFFERS.take(),
        options,
        watch,
    );
    match ended.await {
        Err(error) => defmt::panic!("{}", error),
        Ok(never) => match never {},
    }
}

/// Finds the thermostat's part of the flash.
fn partition(flash: FLASH<'static>) -> Option<Partition> {
    static FLASH: StaticCell<Mutex<NoopRawMutex, RefCell<FlashStorage<'static>>>> =
        StaticCell::new();
    static TABLE: ConstStaticCell<[u8; PARTITION_TABLE_MAX_LEN]> =
        ConstStaticCell::new([0; PARTITION_TABLE_MAX_LEN]);

    let mut flash = FlashStorage::new(flash);
    let table = read_partition_table(&mut flash, TABLE.take()).ok()?;
    let twin = table.iter().find(|entry| entry.label_as_str() == "twin")?;
    let flash = FLASH.init(Mutex::new(RefCell::new(flash)));
    Some(BlockingPartition::new(flash, twin.offset(), twin.len()))
}

/// Keeps it so many tenths of a degree warmer than before, if that is allowed.
fn warm(thermostat: &mut Thermostat<DevKit, DOCUMENT>, now: Instant, tenths: i64) {
    let Some(more) = Number::decimal(tenths, -1) else {
        return;
    };
    let target = thermostat.engine().reported().read::<Number>(&["target"]);
    if let Ok(target) = target
        && let Ok(target) = target.checked_add(more)
        && thermostat.turn(now, target).is_err()
    {
        defmt::info!("as warm as allowed");
    }
}

/// Somebody presses the button.
#[embassy_executor::task]
async fn press(mut button: Input<'static>) {
    loop {
        button.wait_for_falling_edge().await;
        DIAL.send(5).await;
        // Until the contact rests.
        Timer::after_millis(50).await;
    }
}

/// Folds the chip's unique number into a seed.
fn seed(unique: &[u8]) -> u32 {
    unique
        .iter()
        .fold(0, |seed: u32, byte| seed.rotate_left(5) ^ u32::from(*byte))
}
