//! Contacts and sensors on a bus.

extern crate std;

use core::num::NonZeroU8;
use std::vec;
use std::vec::Vec;

use embedded_hal::i2c::{ErrorKind, I2c, NoAcknowledgeSource};
use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};
use embedded_hal_mock::eh1::i2c;

use super::{FAILURE, number};
use crate::document::{Number, Value};
use crate::hal::{Contact, Fault, Sensor, SensorFn};

/// Reads a contact at each of these levels (`h`, `l`; `x` for an error): `1`, `0`, `-` for none yet, `x`.
fn run(make: impl FnOnce(Mock) -> Contact<Mock>, levels: &str) -> std::string::String {
    let mut pin = Mock::new(&[]);
    let mut contact = make(pin.clone());
    let mut read = |level| {
        let level = match level {
            'h' => Transaction::get(State::High),
            'l' => Transaction::get(State::Low),
            _ => Transaction::get(State::Low).with_error(FAILURE),
        };
        pin.update_expectations(&[level]);
        let read = contact.read();
        pin.update_expectations(&[]);
        pin.done();
        match read {
            Ok(Some(Value::Bool(active))) => char::from(b'0' + u8::from(active)),
            Ok(None) => '-',
            Err(fault) => {
                assert_eq!(fault.text(), "pin error");
                'x'
            }
            other => panic!("{other:?}"),
        }
    };
    levels.chars().map(&mut read).collect()
}

#[test]
fn a_contact_is_active_at_its_level() {
    assert_eq!(run(Contact::active_high, "lhxlh"), "01x01");
    assert_eq!(run(Contact::active_low, "lhxlh"), "10x10");
}

#[test]
fn a_debounced_contact_counts_equal_readings_in_a_row() {
    let three = |pin| Contact::active_high(pin).with_debounce(NonZeroU8::new(3).unwrap());
    assert_eq!(run(three, "llhlll"), "-----0");
    assert_eq!(run(three, "hhhllhlllh"), "--11111100");
    // What was before an error says nothing about what is behind it.
    assert_eq!(run(three, "hhhhxhhh"), "--11x--1");
}

#[test]
fn a_contact_may_be_held_for_as_long_as_one_likes() {
    let levels: std::string::String = core::iter::repeat_n('h', 600).collect();
    let most = |pin| Contact::active_high(pin).with_debounce(NonZeroU8::MAX);
    let read = run(most, &levels);
    assert_eq!(read.find('1'), Some(254));
    assert!(read[254..].chars().all(|it| it == '1'));
}

#[test]
fn a_sensor_on_a_bus_is_a_closure_and_its_errors_are_faults() {
    let reads = |bytes: Vec<u8>| i2c::Transaction::write_read(0x48, vec![0], bytes);
    let missing = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
    let mut bus = i2c::Mock::new(&[
        reads(vec![0x15, 0x80]),
        reads(vec![0xFF, 0x80]),
        reads(vec![0, 0]).with_error(missing),
        reads(vec![0, 0]).with_error(ErrorKind::ArbitrationLoss),
    ]);
    let mut driver = bus.clone();
    let mut sensor = SensorFn::new(|| {
        let mut register = [0; 2];
        driver.write_read(0x48, &[0], &mut register)?;
        let halves = i64::from(i16::from_be_bytes(register) >> 7);
        Number::new(halves * 5, -1).map_err(|_| ErrorKind::Other)
    });
    assert_eq!(sensor.read(), Ok(Some(Value::Number(number("21.5")))));
    assert_eq!(sensor.read(), Ok(Some(Value::Number(number("-0.5")))));
    assert_eq!(sensor.read(), Err(Fault::new("no acknowledge")));
    assert_eq!(sensor.read(), Err(Fault::new("arbitration lost")));
    bus.done();
}
