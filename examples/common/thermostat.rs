//! The application of the examples: a simulated thermostat. It knows nothing of twins and networks.
//!
//! A service may set `target` (5 to 30 °C), `mode` (`heat` or `off`) and `interval` (seconds between readings, 1
//! to 3600). [`Thermostat::set`] takes a value, or says in words why not and stays as it was.

#![allow(dead_code, reason = "each example uses its own part of this file")]

use core::fmt;

use twinsync::document::{Number, Value};

/// A heated room in winter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Thermostat {
    target: Number,
    is_heating: bool,
    interval: u32,
    /// Hundredths of a degree: the model needs no floats.
    room: i64,
}

/// Lowest and highest target in °C.
const TARGET: (u16, u16) = (5, 30);
/// Shortest and longest interval in seconds.
const INTERVAL: (u16, u16) = (1, 3_600);
/// Where the room goes without heating, in hundredths of a degree.
const UNHEATED: i64 = 1_200;
/// How much of the way the room goes in a step: one part in this many.
const INERTIA: i64 = 8;

impl Thermostat {
    /// Heats to 19 °C, and is there.
    pub(crate) fn new() -> Self {
        Self {
            target: Number::from(19),
            is_heating: true,
            interval: 2,
            room: 1_900,
        }
    }

    /// Takes a new value for the setting at `path`.
    ///
    /// # Errors
    ///
    /// Why the value, or the setting, is none; nothing changed.
    pub(crate) fn set(&mut self, path: &[&str], value: Value<'_>) -> Result<(), String> {
        match path {
            ["target"] => {
                let target = value.read::<Number>().map_err(|_| "not a number")?;
                within(target, TARGET)?;
                self.target = target;
            }
            ["mode"] => {
                self.is_heating = match value.as_str() {
                    Some("heat") => true,
                    Some("off") => false,
                    _ => return Err("neither heat nor off".to_owned()),
                }
            }
            ["interval"] => {
                let interval = value.read::<u32>().map_err(|_| "not whole seconds")?;
                within(interval, INTERVAL)?;
                self.interval = interval;
            }
            _ => return Err("no such setting".to_owned()),
        }
        Ok(())
    }

    /// Lets the room come nearer to its target, or cool down.
    pub(crate) fn step(&mut self) {
        let goal = if self.is_heating {
            hundredths(self.target)
        } else {
            UNHEATED
        };
        let way = goal - self.room;
        self.room += if way.abs() < INERTIA {
            way
        } else {
            way / INERTIA
        };
    }

    /// Returns the room's temperature in °C, to a tenth.
    pub(crate) fn room(&self) -> Number {
        Number::new((self.room + 5).div_euclid(10), -1).unwrap_or(Number::ZERO)
    }

    /// Returns the settings as they are in force.
    pub(crate) fn settings(&self) -> [(&'static str, Value<'static>); 3] {
        let mode = if self.is_heating { "heat" } else { "off" };
        [
            ("target", self.target.into()),
            ("mode", mode.into()),
            ("interval", self.interval.into()),
        ]
    }

    /// Returns the seconds between two readings.
    pub(crate) fn interval(&self) -> u32 {
        self.interval
    }
}

fn within<T: PartialOrd + From<u16> + fmt::Display>(
    value: T,
    (low, high): (u16, u16),
) -> Result<(), String> {
    if value < T::from(low) {
        Err(format!("{value} is below {low}"))
    } else if value > T::from(high) {
        Err(format!("{value} is above {high}"))
    } else {
        Ok(())
    }
}

/// A temperature between the bounds of [`TARGET`] as hundredths of a degree, rounded down.
fn hundredths(number: Number) -> i64 {
    let mut value = number.mantissa();
    for _ in number.exponent()..-2 {
        value /= 10;
    }
    for _ in -2..number.exponent() {
        value *= 10;
    }
    value
}
