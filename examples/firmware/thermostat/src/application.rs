//! What the device does: a heater that keeps a room at a temperature, and a fan.

use embedded_hal::digital::OutputPin;
use embedded_hal::pwm::SetDutyCycle;
use embedded_storage::nor_flash::NorFlash;
use twinsync::device::{DeviceEngine, Event, Verdict};
use twinsync::document::{Leaf, Number, Value};
use twinsync::hal::{
    Actuator, Applied, ApplyError, Dimmer, Drive, Path, Probe, Reports, Sensor, Switch,
};
use twinsync::rules::Breach;
use twinsync::rules::filter::{Deadband, Filter};
use twinsync::storage::FlashLog;
use twinsync::time::{Duration, Instant};

use crate::log;
use crate::memory::Keeper;

/// Where the twin says what.
const TARGET: Path = &["target"];
const FAN: Path = &["fan"];
const HEATING: Path = &["heating"];
const TEMPERATURE: Path = &["temperature"];
const FLASH_FAULT: Path = &["faults", "flash"];

/// Lowest and highest temperature that may be asked for, in degrees Celsius.
const RANGE: (Number, Number) = (Number::integer(5), Number::integer(30));
/// The temperature that is kept until somebody asks for another.
const DEFAULT: Number = Number::integer(20);
/// How far the room may be off before the heater is switched.
const HYSTERESIS: Number = Number::decimal(25, -2).unwrap();
/// How often the room is looked at.
const SAMPLE: Duration = Duration::from_millis(250);
/// A reading is reported if it is half a degree off the last one that was, and not more often than this.
static READINGS: Filter = Filter::new()
    .with_deadband(Deadband::Absolute(Number::decimal(5, -1).unwrap()))
    .with_min_interval(Duration::from_secs(2));

/// What a board must have: one type for each part.
pub trait Board {
    /// The pin of the heater's relay, active high.
    type Heater: OutputPin;
    /// The pulse width of the fan.
    type Fan: SetDutyCycle;
    /// The thermometer of the room, in degrees Celsius.
    type Thermometer: Sensor;
    /// The flash.
    type Flash: NorFlash;
}

/// The parts of a board.
#[derive(Debug)]
pub struct Parts<B: Board, const N: usize> {
    /// The engine, new. It is large: a `static` holds it best, and is never copied.
    pub engine: &'static mut DeviceEngine<N>,
    /// See [`Board::Heater`].
    pub heater: B::Heater,
    /// See [`Board::Fan`].
    pub fan: B::Fan,
    /// See [`Board::Thermometer`].
    pub thermometer: B::Thermometer,
    /// A log in the part of the flash that is the thermostat's.
    pub flash: FlashLog<B::Flash>,
    /// Room for one snapshot: three documents and 46 bytes.
    pub scratch: &'static mut [u8],
    /// The least time between two saves, for the flash's sake.
    pub save_interval: Duration,
}

/// A thermostat and its twin, in documents of `N` bytes.
///
/// Desired: `target` in degrees Celsius, `fan` in percent. Reported: the same, as it is in force, `temperature`,
/// `heating`, `firmware`, and under `faults` what does not work.
#[derive(Debug)]
pub struct Thermostat<B: Board, const N: usize> {
    engine: &'static mut DeviceEngine<N>,
    keeper: Keeper<B::Flash>,
    target: Drive<Setpoint>,
    fan: Drive<Dimmer<B::Fan>>,
    heater: Drive<Switch<B::Heater>>,
    thermometer: Probe<B::Thermometer>,
    sample: Instant,
}

/// A setting as an actuator: what is put into effect is the number itself.
#[derive(Clone, Copy, Debug)]
struct Setpoint(Number);

impl Actuator for Setpoint {
    fn apply(&mut self, value: Value<'_>) -> Result<Applied, ApplyError> {
        let wished = value.as_number().ok_or(Breach::WrongType)?;
        if wished < RANGE.0 || RANGE.1 < wished {
            return Err(Breach::OutOfRange.into());
        }
        self.0 = wished;
        Ok(Applied::Exactly)
    }
}

#[inline(never)]
fn offer<A: Actuator>(drive: &mut Drive<A>, now: Instant, leaf: &Leaf<'_>) -> Option<Verdict> {
    drive.offer(now, leaf)
}

impl<B: Board, const N: usize> Thermostat<B, N> {
    /// Switches the thermostat on: it goes on from what flash holds, before there is any network.
    pub fn new(now: Instant, parts: Parts<B, N>) -> Self {
        let mut thermostat = Self {
            engine: parts.engine,
            keeper: Keeper::new(parts.flash, parts.scratch, parts.save_interval),
            target: Drive::new(TARGET, &["faults", "target"], Setpoint(DEFAULT)),
            fan: Drive::new(FAN, &["faults", "fan"], Dimmer::percent(parts.fan)),
            heater: Drive::new(
                HEATING,
                &["faults", "heating"],
                Switch::active_high(parts.heater),
            ),
            thermometer: Probe::new(TEMPERATURE, &["faults", "temperature"], parts.thermometer)
                .with_filter(&READINGS),
            sample: now,
        };
        if thermostat.keeper.restore(thermostat.engine) {
            log::info!("goes on from flash");
        }
        thermostat.report(now, &["firmware"], env!("CARGO_PKG_VERSION").into());
        thermostat.start(now);
        thermostat.step(now);
        thermostat
    }

    /// Puts into effect what was in force before, or what is safe.
    fn start(&mut self, now: Instant) {
        let reported = self.engine.reported();
        let target = reported.read(TARGET).unwrap_or(DEFAULT);
        let fan = reported.read(FAN).unwrap_or(Number::ZERO);
        // What goes wrong is reported as a fault, like anything later.
        let _ = self.target.start(now, Value::Number(target));
        let _ = self.fan.start(now, Value::Number(fan));
    }

    /// Does what is due: applies what is desired, looks at the room, keeps what is to be kept.
    ///
    /// Its parts are calls of their own, so that the stack holds the largest of them and not all.
    pub fn step(&mut self, now: Instant) {
        self.engine.handle_timeout(now);
        self.hear();
        self.settle(now);
        self.report_settings(now);
        if now >= self.sample {
            self.sample = now + SAMPLE;
            self.regulate(now);
            // If nothing did change, flash is read and not written.
            self.keeper.handle_changed();
        }
        self.keep(now);
    }

    #[inline(never)]
    fn hear(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            match event {
                Event::Synced => log::info!("in step with the service"),
                Event::DesiredChanged => log::info!("desired changed"),
                Event::ReportAccepted => log::debug!("report accepted"),
                other => log::warning!("{}", other),
            }
        }
    }

    #[inline(never)]
    fn keep(&mut self, now: Instant) {
        if let Some(kept) = self.keeper.save(now, self.engine) {
            let fault = if kept {
                Value::Null
            } else {
                "not written".into()
            };
            self.report(now, FLASH_FAULT, fault);
        }
    }

    /// Puts what is desired into effect.
    #[inline(never)]
    fn settle(&mut self, now: Instant) {
        let (target, fan) = (&mut self.target, &mut self.fan);
        self.engine.settle(now, |leaf| {
            let verdict = offer(target, now, &leaf);
            // What neither knows is nothing that this device can do.
            verdict
                .or_else(|| offer(fan, now, &leaf))
                .unwrap_or(Verdict::Refused)
        });
    }

    /// Reports what is in force.
    #[inline(never)]
    fn report_settings(&mut self, now: Instant) {
        let reports = self.target.reports(now, self.engine.desired());
        self.report_all(now, reports);
        let reports = self.fan.reports(now, self.engine.desired());
        self.report_all(now, reports);
    }

    /// Looks at the room, and switches the heater. Without a thermometer it is off.
    #[inline(never)]
    fn regulate(&mut self, now: Instant) {
        let was_on = self.heater.in_force() == Some(Value::Bool(true));
        let room = self.thermometer.read(now);
        let target = self.target.actuator().0;
        let on = match room {
            Ok(Some(Value::Number(room))) => {
                let limit = if was_on {
                    target.checked_add(HYSTERESIS)
                } else {
                    target.checked_sub(HYSTERESIS)
                };
                limit.is_ok_and(|limit| room < limit)
            }
            Ok(None) => was_on,
            Ok(Some(_)) | Err(_) => false,
        };
        if self.heater.in_force() != Some(Value::Bool(on)) {
            // What goes wrong is reported as a fault, and tried again with the next look.
            let _ = self.heater.start(now, Value::Bool(on));
        }
        let reports = self.heater.reports(now, self.engine.desired());
        self.report_all(now, reports);
        let reports = self.thermometer.reports(now);
        self.report_all(now, reports);
    }

    /// Somebody at the device turns the dial. It holds until the service asks for something else.
    ///
    /// # Errors
    /// The temperature is out of range; nothing was changed.
    pub fn turn(&mut self, now: Instant, target: Number) -> Result<(), ApplyError> {
        let turned = self.target.start(now, Value::Number(target));
        if turned.is_ok() {
            // Nothing is desired: nothing to refuse.
            let _ = self.engine.refuse(now, TARGET);
        }
        let reports = self.target.reports(now, self.engine.desired());
        self.report_all(now, reports);
        turned
    }

    #[inline(never)]
    fn report_all(&mut self, now: Instant, reports: Reports) {
        for report in reports {
            self.report(now, report.path, report.value);
        }
    }

    #[inline(never)]
    fn report(&mut self, now: Instant, path: &[&str], value: Value<'_>) {
        // What is reported already changes nothing.
        if self.engine.report_value(now, path, value).is_err() {
            log::warning!("no room to report");
        }
    }

    /// Returns when [`step`](Self::step) has something to do, whatever the network does.
    pub fn poll_timeout(&self) -> Instant {
        [
            self.target.poll_timeout(),
            self.fan.poll_timeout(),
            self.thermometer.poll_timeout(),
            self.keeper.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .fold(self.sample, Ord::min)
    }

    /// Returns the engine, to look at.
    pub const fn engine(&self) -> &DeviceEngine<N> {
        self.engine
    }

    /// Returns the engine, for the loop that moves its messages.
    pub const fn engine_mut(&mut self) -> &mut DeviceEngine<N> {
        self.engine
    }
}
