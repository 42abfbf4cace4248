//! A room with a heater, a fan and a thermometer, all simulated: what the thermostat's pins are tied to.

use core::cell::Cell;

use embedded_hal::digital::{self, OutputPin, StatefulOutputPin};
use embedded_hal::pwm::{self, SetDutyCycle};

use crate::host::{argument, argument_number};

/// Temperatures inside, in units of 10 microdegrees: no rate below is rounded in a millisecond.
const TENTH: i32 = 10_000;
const COLDEST: i32 = 150 * TENTH;
const HOTTEST: i32 = 400 * TENTH;
const AT_FIRST: i32 = 180 * TENTH;

/// Change per millisecond: the heater gains 2 degrees in a second, the walls lose 1, the fan up to 1 more.
const HEATER_GAINS: i32 = 200;
const WALLS_LOSE: i32 = 100;
/// The fan's duty is in percent, and each takes a hundredth of a degree in a second.
const MAX_DUTY: u16 = 100;

/// Longest time that is looked at at once: long enough for any temperature to reach its limit.
const LONGEST: u64 = 1_000_000;

/// A room that gets warm while its [`Heater`] is on, and cold otherwise, the quicker the faster its [`Fan`] turns.
///
/// It begins at 18 °C, never leaves 15 to 40 °C, and changes by a degree or two in a second: a test need not wait.
///
/// Each part can be told to fail by an argument of the run: `fault=heater`, `fault=fan`, `fault=thermometer`,
/// or several with a plus between; with `fault_from=MILLIS` not before that time, with `fault_to=MILLIS` no
/// longer than that. A part that fails answers with an error and stays as it was.
#[derive(Debug)]
pub struct Room {
    now: fn() -> u64,
    temperature: Cell<i32>,
    seen: Cell<u64>,
    heating: Cell<bool>,
    duty: Cell<u16>,
    broken: [bool; PARTS.len()],
    from: u64,
    to: u64,
}

/// What can fail, as an argument spells it.
const PARTS: [&str; 3] = ["heater", "fan", "thermometer"];
const HEATER: usize = 0;
const FAN: usize = 1;
const THERMOMETER: usize = 2;

impl Room {
    /// A room in which time passes as `now` tells it, in milliseconds.
    pub fn new(now: fn() -> u64) -> Self {
        let fault = argument("fault").unwrap_or_default();
        Self {
            now,
            temperature: Cell::new(AT_FIRST),
            seen: Cell::new(now()),
            heating: Cell::new(false),
            duty: Cell::new(0),
            broken: PARTS.map(|part| fault.split('+').any(|named| named == part)),
            from: argument_number("fault_from").unwrap_or(0).into(),
            to: argument_number("fault_to").map_or(u64::MAX, u64::from),
        }
    }

    /// Its heater, switched by a pin.
    pub fn heater(&self) -> Heater<'_> {
        Heater(self)
    }

    /// Its fan, driven by a pulse width in percent.
    pub fn fan(&self) -> Fan<'_> {
        Fan(self)
    }

    /// Reads its thermometer: tenths of a degree Celsius.
    ///
    /// # Errors
    ///
    /// [`Broken`] while the run's arguments say so.
    pub fn temperature(&self) -> Result<i32, Broken> {
        self.use_part(THERMOMETER)?;
        self.pass_time();
        Ok(self.temperature.get() / TENTH)
    }

    fn use_part(&self, part: usize) -> Result<(), Broken> {
        let now = (self.now)();
        if self.broken[part] && (self.from..self.to).contains(&now) {
            return Err(Broken);
        }
        Ok(())
    }

    /// Brings the temperature up to now. Everything that changes what comes to bear on it calls this first.
    fn pass_time(&self) {
        let now = (self.now)();
        let passed = now.saturating_sub(self.seen.replace(now)).min(LONGEST) as i32;
        let gain = if self.heating.get() { HEATER_GAINS } else { 0 };
        let change = (gain - WALLS_LOSE - i32::from(self.duty.get())).saturating_mul(passed);
        let temperature = self.temperature.get().saturating_add(change);
        self.temperature.set(temperature.clamp(COLDEST, HOTTEST));
    }
}

/// The room's heater: high is on.
#[derive(Debug)]
pub struct Heater<'r>(&'r Room);

/// The room's fan.
#[derive(Debug)]
pub struct Fan<'r>(&'r Room);

/// A part that fails, because the run's arguments say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Broken;

impl digital::Error for Broken {
    fn kind(&self) -> digital::ErrorKind {
        digital::ErrorKind::Other
    }
}

impl pwm::Error for Broken {
    fn kind(&self) -> pwm::ErrorKind {
        pwm::ErrorKind::Other
    }
}

impl digital::ErrorType for Heater<'_> {
    type Error = Broken;
}

impl Heater<'_> {
    fn switch(&mut self, on: bool) -> Result<(), Broken> {
        self.0.use_part(HEATER)?;
        self.0.pass_time();
        self.0.heating.set(on);
        Ok(())
    }
}

impl OutputPin for Heater<'_> {
    fn set_low(&mut self) -> Result<(), Broken> {
        self.switch(false)
    }

    fn set_high(&mut self) -> Result<(), Broken> {
        self.switch(true)
    }
}

impl StatefulOutputPin for Heater<'_> {
    fn is_set_high(&mut self) -> Result<bool, Broken> {
        self.0.use_part(HEATER)?;
        Ok(self.0.heating.get())
    }

    fn is_set_low(&mut self) -> Result<bool, Broken> {
        self.is_set_high().map(|high| !high)
    }
}

impl pwm::ErrorType for Fan<'_> {
    type Error = Broken;
}

impl SetDutyCycle for Fan<'_> {
    fn max_duty_cycle(&self) -> u16 {
        MAX_DUTY
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Broken> {
        self.0.use_part(FAN)?;
        self.0.pass_time();
        self.0.duty.set(duty.min(MAX_DUTY));
        Ok(())
    }
}
