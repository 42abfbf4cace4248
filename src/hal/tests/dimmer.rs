//! Duty cycles.

extern crate std;

use core::num::NonZeroU32;

use embedded_hal_mock::eh1::pwm::{Mock, Transaction};
use proptest::prelude::*;

use super::{FAILURE, number};
use crate::document::{Number, Value};
use crate::hal::{Actuator, Applied, ApplyError, Dimmer, Fault, Scale};
use crate::rules::Breach;

/// Asks a dimmer of so many steps for a value: the step that the mock must see, and what is in force.
fn ask(make: fn(Mock) -> Dimmer<Mock>, max: u16, wished: &str, step: u16) -> Number {
    let mut pin = Mock::new(&[
        Transaction::max_duty_cycle(max),
        Transaction::set_duty_cycle(step),
    ]);
    let wished = number(wished);
    let mut dimmer = make(pin.clone());
    let applied = dimmer.apply(Value::Number(wished));
    pin.done();
    match applied.unwrap() {
        Applied::Exactly => wished,
        Applied::Instead(value) => {
            let value = value.as_number().unwrap();
            assert_ne!(value, wished);
            value
        }
    }
}

#[test]
fn a_number_is_rounded_to_the_nearest_step() {
    let percent = |max, wished, step| ask(Dimmer::percent, max, wished, step);
    assert_eq!(percent(1_000, "33.337", 333), number("33.3"));
    assert_eq!(percent(1_000, "33.35", 334), number("33.4"));
    assert_eq!(percent(1_000, "33.349999999999999", 333), number("33.3"));
    assert_eq!(percent(1_000, "50", 500), number("50"));
    assert_eq!(percent(65_535, "33.337", 21_847), number("33.336"));
    assert_eq!(percent(255, "50", 128), number("50.2"));
    assert_eq!(percent(1, "49.999", 0), number("0"));
    assert_eq!(percent(1, "50", 1), number("100"));
    let unit = |max, wished, step| ask(Dimmer::unit, max, wished, step);
    assert_eq!(unit(1_000, "0.3333", 333), number("0.333"));
    assert_eq!(unit(1_000, "1", 1_000), number("1"));
    assert_eq!(unit(1_000, "1e-100", 0), number("0"));
}

#[test]
fn an_inverted_output_is_on_while_the_pin_is_low() {
    let inverted = |pin| Dimmer::percent(pin).inverted();
    assert_eq!(ask(inverted, 1_000, "100", 0), number("100"));
    assert_eq!(ask(inverted, 1_000, "33.337", 667), number("33.3"));
}

#[test]
fn what_is_out_of_range_or_no_number_never_reaches_the_pin() {
    for (value, breach) in [
        (Value::from(-1), Breach::OutOfRange),
        (
            Value::from(number("100.000000000000001")),
            Breach::OutOfRange,
        ),
        (Value::from(number("1e127")), Breach::OutOfRange),
        (Value::from(true), Breach::WrongType),
        (Value::from("50"), Breach::WrongType),
    ] {
        let mut dimmer = Dimmer::percent(Mock::new(&[]));
        assert_eq!(dimmer.apply(value), Err(breach.into()));
        dimmer.release().done();
    }
}

#[test]
fn an_error_of_the_driver_and_a_timer_without_steps_are_faults() {
    let fault = |expected: &[Transaction]| {
        let mut pin = Mock::new(expected);
        let failed = Dimmer::percent(pin.clone()).apply(Value::from(50));
        pin.done();
        failed
    };
    let refused = Transaction::set_duty_cycle(500).with_error(FAILURE);
    assert_eq!(
        fault(&[Transaction::max_duty_cycle(1_000), refused]),
        Err(ApplyError::Failed(Fault::new("PWM error")))
    );
    assert_eq!(
        fault(&[Transaction::max_duty_cycle(0)]),
        Err(ApplyError::Failed(Fault::new("no duty cycle")))
    );
}

fn steps(max: u16) -> NonZeroU32 {
    NonZeroU32::new(u32::from(max)).unwrap()
}

#[test]
fn every_step_of_common_timers_comes_back_as_itself() {
    for max in [
        1, 2, 3, 7, 99, 100, 101, 255, 256, 999, 1_000, 4_095, 10_000, 65_535,
    ] {
        for scale in [Scale::Percent, Scale::Unit] {
            for duty in 0..=max {
                let said = scale.number(duty, steps(max));
                assert_eq!(scale.duty(said, max), Some(duty), "{duty} of {max}");
            }
        }
    }
}

proptest! {
    #[test]
    fn every_step_of_any_timer_comes_back_as_itself(
        max in 1..=u16::MAX,
        part in 0..=u16::MAX,
        percent: bool,
    ) {
        let scale = if percent { Scale::Percent } else { Scale::Unit };
        let duty = u16::try_from(u32::from(part) % (u32::from(max) + 1)).unwrap();
        prop_assert_eq!(scale.duty(scale.number(duty, steps(max)), max), Some(duty));
    }

    #[test]
    fn a_step_is_never_off_by_more_than_half_of_one(
        max in 1..=u16::MAX,
        mantissa in 0..=1_000_000_000_000_000_i64,
        decimals in 15..=18_i32,
    ) {
        // Of 10^decimals parts, so many are wished, and step / max of them are in force.
        let wished = Number::new(mantissa, -decimals).unwrap();
        let duty = i128::from(Scale::Unit.duty(wished, max).unwrap());
        let parts = 10_i128.pow(u32::try_from(decimals).unwrap());
        let (max, mantissa) = (i128::from(max), i128::from(mantissa));
        prop_assert!((duty * parts - mantissa * max).abs() * 2 <= parts);
        // Halves go up.
        prop_assert!((duty * parts - mantissa * max) * 2 > -parts);
    }

    #[test]
    fn both_scales_mean_the_same(max in 1..=u16::MAX, mantissa in 0..=1_000_000_i64) {
        let [percent, unit] = [-4, -6].map(|exponent| Number::new(mantissa, exponent).unwrap());
        prop_assert_eq!(Scale::Percent.duty(percent, max), Scale::Unit.duty(unit, max));
    }
}
