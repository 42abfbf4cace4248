//! Duty cycles: how much, in exact decimals.

use core::num::NonZeroU32;

use embedded_hal::pwm::{Error, SetDutyCycle};

use super::actuator::{Actuator, Applied, ApplyError};
use super::fault::Fault;
use crate::document::number::divide_by_ten;
use crate::document::{Number, Value};
use crate::rules::Breach;

/// A duty cycle that is set by a number: a fan, a lamp, a valve with a proportional drive.
///
/// The number is rounded to the nearest step of the hardware, halves up. What is in force is reported with
/// as many decimals as tell the steps apart: 33.337 % on a timer of 1000 steps is 33.3, of 65535 steps 33.337.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Dimmer<P> {
    pin: P,
    scale: Scale,
    inverted: bool,
}

/// What number stands for fully on; 0 is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Scale {
    /// 100.
    Percent,
    /// 1.
    Unit,
}

impl<P: SetDutyCycle> Dimmer<P> {
    /// From 0 to 100.
    pub const fn percent(pin: P) -> Self {
        Self::new(pin, Scale::Percent)
    }

    /// From 0 to 1.
    pub const fn unit(pin: P) -> Self {
        Self::new(pin, Scale::Unit)
    }

    const fn new(pin: P, scale: Scale) -> Self {
        Self {
            pin,
            scale,
            inverted: false,
        }
    }

    /// The same with an output that is on while the pin is low.
    pub const fn inverted(mut self) -> Self {
        self.inverted = true;
        self
    }

    /// Gives the pin back.
    pub fn release(self) -> P {
        self.pin
    }
}

impl<P: SetDutyCycle> Actuator for Dimmer<P> {
    fn apply(&mut self, value: Value<'_>) -> Result<Applied, ApplyError> {
        let wished = value.as_number().ok_or(Breach::WrongType)?;
        if !self.scale.contains(wished) {
            return Err(Breach::OutOfRange.into());
        }
        let max = self.pin.max_duty_cycle();
        let steps = NonZeroU32::new(u32::from(max)).ok_or(Fault::new("no duty cycle"))?;
        let duty = self.scale.duty(wished, max).ok_or(Breach::OutOfRange)?;
        let low = if self.inverted {
            max.saturating_sub(duty)
        } else {
            duty
        };
        match self.pin.set_duty_cycle(low) {
            Ok(()) => {}
            Err(error) => return Err(Fault::from(error.kind()).into()),
        }
        let set = self.scale.number(duty, steps);
        Ok(if set == wished {
            Applied::Exactly
        } else {
            Applied::Instead(Value::Number(set))
        })
    }
}

impl Scale {
    /// The power of ten that stands for fully on.
    const fn exponent(self) -> i32 {
        match self {
            Self::Percent => 2,
            Self::Unit => 0,
        }
    }

    /// Whether the number is from off to fully on.
    fn contains(self, number: Number) -> bool {
        let full = Number::new(1, self.exponent());
        Number::ZERO <= number && full.is_ok_and(|full| number <= full)
    }

    /// The nearest step, halves up; `None` if the number is out of range.
    pub(super) fn duty(self, number: Number, max: u16) -> Option<u16> {
        // The number is `mantissa / 10^places` of fully on. Digit by digit from the last one, what a
        // digit adds to the product with `max` is carried: always below 10 × max + max.
        let max = u32::from(max);
        let places = self.exponent().wrapping_sub(i32::from(number.exponent()));
        let mut digits = number.mantissa().unsigned_abs();
        let mut carried = 0_u32;
        for _ in 1..places {
            let (rest, digit) = divide_by_ten(digits);
            digits = rest;
            carried = u32::from(digit).wrapping_mul(max).wrapping_add(carried) / 10;
        }
        // One place is left, or none: 0 to 10 tenths, or 0 to 1.
        let product = u32::try_from(digits)
            .ok()?
            .wrapping_mul(max)
            .wrapping_add(carried);
        let steps = if places > 0 {
            product.wrapping_add(5) / 10
        } else {
            product
        };
        u16::try_from(steps).ok()
    }

    /// What number a step stands for, rounded to as many decimals as tell all steps apart.
    pub(super) fn number(self, duty: u16, steps: NonZeroU32) -> Number {
        let (mut whole, mut rest) = (u32::from(duty) / steps, u32::from(duty) % steps);
        let (mut decimals, mut apart) = (0_i32, 1_u32);
        while apart < steps.get() {
            // Below 10 × 65,535, five times at most.
            rest = rest.wrapping_mul(10);
            whole = whole.wrapping_mul(10).wrapping_add(rest / steps);
            rest %= steps;
            decimals = decimals.wrapping_add(1);
            apart = apart.wrapping_mul(10);
        }
        if rest.wrapping_mul(2) >= steps.get() {
            whole = whole.wrapping_add(1);
        }
        Number::new(i64::from(whole), self.exponent().wrapping_sub(decimals)).unwrap_or_default()
    }
}
