//! The thermostat on a NUCLEO-F446RE, as a task of embassy: what to copy for an STM32.
//!
//! | what | where |
//! | --- | --- |
//! | modem, transparent to the broker: TX, RX at 115,200 baud | USART1: PA9, PA10 |
//! | relay of the heater, active high | PA5 (the green LED) |
//! | fan, 25 kHz | TIM3 channel 1: PA6 |
//! | thermometer LM75 | I2C1: PB8 (SCL), PB9 (SDA), with pull-ups |
//! | button: half a degree warmer | PC13 (the blue button) |
//! | memory | sectors 1 to 3 of the flash; `memory.x` keeps the code out of them |
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::convert::Infallible;
use core::num::NonZero;
use core::ops::ControlFlow;

use defmt_rtt as _;
use embassy_embedded_hal::flash::partition::BlockingPartition;
use embassy_executor::Spawner;
use embassy_futures::select::select;
use embassy_stm32::exti::{self, ExtiInput};
use embassy_stm32::flash::{self, Bank1Region1, Flash};
use embassy_stm32::gpio::{Level, Output, OutputType, Pull, Speed};
use embassy_stm32::i2c::{self, I2c};
use embassy_stm32::peripherals::{TIM3, USART1};
use embassy_stm32::time::khz;
use embassy_stm32::timer::simple_pwm::{PwmPin, SimplePwm, SimplePwmChannel};
use embassy_stm32::usart::{self, BufferedUart};
use embassy_stm32::{bind_interrupts, interrupt, mode, uid};
use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex};
use embassy_sync::channel::Channel;
use embassy_time::Timer;
use panic_probe as _;
use static_cell::{ConstStaticCell, StaticCell};
use thermostat::mqtt::{self, Buffers, Options};
use thermostat::{Board, Clock, Parts, Thermostat};
use twinsync::device::{Config, DeviceEngine};
use twinsync::document::{Number, Value};
use twinsync::hal::{Fault, Sensor};
use twinsync::protocol::TwinId;
use twinsync::storage::FlashLog;
use twinsync::time::{Duration, Instant};

/// The thing's name. A fleet takes it from what was written at the factory.
const THING: &str = "thermostat";
const KEEP_ALIVE: NonZero<u16> = NonZero::new(60).unwrap();

/// Capacity of each of the engine's documents, in bytes.
const DOCUMENT: usize = 512;
/// Room for a snapshot: three documents and 46 bytes.
const SNAPSHOT: usize = 3 * DOCUMENT + 46;
/// Sectors 1 to 3: 48 KiB, so that each is erased once in 30 saves of full documents. The part bears 10,000 erasures;
/// at a save in half an hour, day and night, that is 17 years. An erasure stops the processor for half a second.
const KEPT: (u32, u32) = (SECTOR, 3 * SECTOR);
const SECTOR: u32 = 16 * 1024;
const SAVE_INTERVAL: Duration = Duration::from_secs(1_800);

bind_interrupts!(struct Interrupts {
    USART1 => usart::BufferedInterruptHandler<USART1>;
    EXTI15_10 => exti::InterruptHandler<interrupt::typelevel::EXTI15_10>;
});

/// What the button wants of the thermostat: that many tenths of a degree more.
static DIAL: Channel<CriticalSectionRawMutex, i64, 4> = Channel::new();

struct Nucleo;

impl Board for Nucleo {
    type Heater = Output<'static>;
    type Fan = SimplePwmChannel<'static, TIM3>;
    type Thermometer = Lm75<I2c<'static, mode::Blocking, i2c::Master>>;
    type Flash = BlockingPartition<'static, NoopRawMutex, Sectors>;
}

/// The four sectors of 16 KiB.
type Sectors = Bank1Region1<'static, flash::Blocking>;

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

#[embassy_executor::main]
async fn main(spawner: Spawner) {
    static ENGINE: StaticCell<DeviceEngine<DOCUMENT>> = StaticCell::new();
    static SCRATCH: ConstStaticCell<[u8; SNAPSHOT]> = ConstStaticCell::new([0; SNAPSHOT]);
    static BUFFERS: ConstStaticCell<Buffers<2_048, 1_024, 1_024>> =
        ConstStaticCell::new(Buffers::new());
    static RECEIVED: ConstStaticCell<[u8; 1_024]> = ConstStaticCell::new([0; 1_024]);
    static TO_SEND: ConstStaticCell<[u8; 256]> = ConstStaticCell::new([0; 256]);
    static FLASH: StaticCell<Mutex<NoopRawMutex, RefCell<Sectors>>> = StaticCell::new();

    let chip = embassy_stm32::init(Default::default());

    let button = ExtiInput::new(chip.PC13, chip.EXTI13, Pull::Up, Interrupts);
    spawner.spawn(defmt::unwrap!(press(button)));

    let fan = PwmPin::new(chip.PA6, OutputType::PushPull);
    let pwm = SimplePwm::new(
        chip.TIM3,
        Some(fan),
        None,
        None,
        None,
        khz(25),
        Default::default(),
    );
    let mut fan = pwm.split().ch1;
    fan.enable();
    let flash = Flash::new_blocking(chip.FLASH).into_blocking_regions();
    let flash = FLASH.init(Mutex::new(RefCell::new(flash.bank1_region1)));
    let kept = BlockingPartition::new(flash, KEPT.0, KEPT.1);
    // Devices that were cut off together come back apart: each has a seed of its own.
    let config = Config::new(seed(uid::uid()));
    let parts = Parts::<Nucleo, DOCUMENT> {
        engine: ENGINE.init_with(|| DeviceEngine::new(config)),
        heater: Output::new(chip.PA5, Level::Low, Speed::Low),
        fan,
        thermometer: Lm75(I2c::new_blocking(
            chip.I2C1,
            chip.PB8,
            chip.PB9,
            Default::default(),
        )),
        flash: defmt::unwrap!(FlashLog::new(kept, 0..KEPT.1)),
        scratch: SCRATCH.take(),
        save_interval: SAVE_INTERVAL,
    };
    let mut thermostat = Thermostat::new(EmbassyClock.now(), parts);

    let modem = BufferedUart::new(
        chip.USART1,
        chip.PA10,
        chip.PA9,
        TO_SEND.take(),
        RECEIVED.take(),
        Interrupts,
        usart::Config::default(),
    );
    let mut modem = defmt::unwrap!(modem);
    let options = Options {
        twin: defmt::unwrap!(TwinId::new(THING, None)),
        keep_alive: KEEP_ALIVE,
    };
    let watch = |thermostat: &mut Thermostat<Nucleo, DOCUMENT>, now| {
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

/// Keeps it so many tenths of a degree warmer than before, if that is allowed.
fn warm(thermostat: &mut Thermostat<Nucleo, DOCUMENT>, now: Instant, tenths: i64) {
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
async fn press(mut button: ExtiInput<'static, mode::Async>) {
    loop {
        button.wait_for_falling_edge().await;
        DIAL.send(5).await;
        // Until the contact rests.
        Timer::after_millis(50).await;
    }
}

/// Folds the chip's unique number into a seed.
fn seed(unique: [u8; 12]) -> u32 {
    unique
        .iter()
        .fold(0, |seed: u32, byte| seed.rotate_left(5) ^ u32::from(*byte))
}
