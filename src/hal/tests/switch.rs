//! Output pins.

use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};

use super::FAILURE;
use crate::document::Value;
use crate::hal::{Actuator, Applied, ApplyError, Fault, ReadBackSwitch, Switch};
use crate::rules::Breach;

const PIN: ApplyError = ApplyError::Failed(Fault::new("pin error"));

#[test]
fn a_switch_is_on_at_its_active_level() {
    for (make, on, off) in [
        (
            Switch::active_high as fn(Mock) -> Switch<Mock>,
            State::High,
            State::Low,
        ),
        (Switch::active_low, State::Low, State::High),
    ] {
        let mut switch = make(Mock::new(&[Transaction::set(on), Transaction::set(off)]));
        assert_eq!(switch.apply(Value::Bool(true)), Ok(Applied::Exactly));
        assert_eq!(switch.apply(Value::Bool(false)), Ok(Applied::Exactly));
        switch.release().done();
    }
}

#[test]
fn what_is_no_bool_never_reaches_the_pin() {
    let mut switch = Switch::active_high(Mock::new(&[]));
    for value in [Value::Null, Value::from(1), Value::from("on")] {
        assert_eq!(switch.apply(value), Err(Breach::WrongType.into()));
    }
    switch.release().done();
}

#[test]
fn a_switch_that_failed_does_not_know_what_it_is() {
    let mut switch = Switch::active_high(Mock::new(&[
        Transaction::set(State::High).with_error(FAILURE)
    ]));
    assert_eq!(switch.apply(Value::Bool(true)), Err(PIN));
    assert_eq!(switch.in_force(), None);
    switch.release().done();
}

#[test]
fn a_switch_that_reads_back_believes_the_pin() {
    let ask = |level, expected: Result<Applied, ApplyError>, on| {
        let level = Transaction::get_state(level);
        let pin = Mock::new(&[Transaction::set(State::Low), level.clone(), level]);
        let mut switch = ReadBackSwitch::active_low(pin);
        assert_eq!(switch.apply(Value::Bool(true)), expected);
        assert_eq!(switch.in_force(), Some(Value::Bool(on)));
        switch.release().done();
    };
    ask(State::Low, Ok(Applied::Exactly), true);
    ask(State::High, Err(Fault::NO_EFFECT.into()), false);
}

#[test]
fn a_switch_that_cannot_read_back_has_failed() {
    let failed = Transaction::get_state(State::High).with_error(FAILURE);
    let mut switch = ReadBackSwitch::active_high(Mock::new(&[
        Transaction::set(State::High),
        failed.clone(),
        failed,
    ]));
    assert_eq!(switch.apply(Value::Bool(true)), Err(PIN));
    assert_eq!(switch.in_force(), None);
    switch.release().done();
}
