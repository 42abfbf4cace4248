//! A thermostat on simulated hardware: a wish reaches the pins, and what the pins did reaches the service.
//!
//! `cargo run --release --example embedded_hal`: prints what desired asks for, what the hardware does, and what is
//! reported, while a relay fails and a thermometer falls off its bus. On a real board the pins come from its HAL.

#![allow(
    clippy::indexing_slicing,
    reason = "rules for firmware; this is a program for a host"
)]

use core::cell::Cell;
use core::convert::Infallible;
use core::error::Error;
use core::str;

use embedded_hal::{digital, i2c, pwm};
use twinsync::codec::json;
use twinsync::device::{Config, DeviceEngine, Memory, Verdict};
use twinsync::document::{Document, Number};
use twinsync::hal::{Dimmer, Drive, Probe, SensorFn, Switch};
use twinsync::rules::filter::{Deadband, Filter};
use twinsync::time::{Duration, Instant};

static HALF: Filter =
    Filter::new().with_deadband(Deadband::Absolute(Number::decimal(5, -1).unwrap()));

/// A relay behind a port expander, whose driver fails while `works` is false.
struct Relay<'a> {
    works: &'a Cell<bool>,
}

impl digital::ErrorType for Relay<'_> {
    type Error = digital::ErrorKind;
}

impl digital::OutputPin for Relay<'_> {
    fn set_low(&mut self) -> Result<(), digital::ErrorKind> {
        self.set_state(digital::PinState::Low)
    }

    fn set_high(&mut self) -> Result<(), digital::ErrorKind> {
        self.set_state(digital::PinState::High)
    }

    fn set_state(&mut self, state: digital::PinState) -> Result<(), digital::ErrorKind> {
        println!(
            "    relay: {state:?}{}",
            if self.works.get() { "" } else { ", failed" }
        );
        if self.works.get() {
            Ok(())
        } else {
            Err(digital::ErrorKind::Other)
        }
    }
}

/// A channel of a timer that counts to 1000.
struct Timer;

impl pwm::ErrorType for Timer {
    type Error = Infallible;
}

impl pwm::SetDutyCycle for Timer {
    fn max_duty_cycle(&self) -> u16 {
        1_000
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Infallible> {
        println!("    timer: {duty} of 1000");
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (relay_works, air) = (Cell::new(true), Cell::new(Ok(Number::from(19))));
    let relay = Relay {
        works: &relay_works,
    };
    let mut heater = Drive::new(
        &["heater"],
        &["faults", "heater"],
        Switch::active_high(relay),
    );
    let mut fan = Drive::new(&["fan"], &["faults", "fan"], Dimmer::percent(Timer));
    let thermometer = SensorFn::new(|| air.get());
    let mut room = Probe::new(&["celsius"], &["faults", "celsius"], thermometer).with_filter(&HALF);

    let mut engine = DeviceEngine::<512>::new(Config::new(0));
    let missing = i2c::ErrorKind::NoAcknowledge(i2c::NoAcknowledgeSource::Address);
    // Second, desired, whether the relay works, what the thermometer says.
    let day = [
        (0, r#"{"heater":true,"fan":33.337}"#, true, Ok("19.0")),
        (1, r#"{"heater":true,"fan":33.337}"#, true, Ok("19.4")),
        (2, r#"{"heater":true,"fan":150}"#, true, Ok("19.6")),
        (3, r#"{"heater":false,"fan":0}"#, false, Ok("24.0")),
        (4, r#"{"heater":false,"fan":0}"#, false, Err(missing)),
        (5, r#"{"heater":false,"fan":0}"#, true, Err(missing)),
        (6, r#"{"heater":false,"fan":0}"#, true, Ok("23.1")),
    ];
    for (second, wish, works, reading) in day {
        let now = Instant::ZERO.saturating_add(Duration::from_secs(second));
        relay_works.set(works);
        air.set(match reading {
            Ok(text) => Ok(text.parse()?),
            Err(error) => Err(error),
        });
        println!("second {second}: desired {wish}");
        // Plays the service, which would send it.
        let mut desired = Document::<256>::new();
        json::read(wish.as_bytes(), desired.as_mut())?;
        let before = engine.clone();
        let desired = desired.as_ref();
        engine.restore(&Memory {
            desired,
            ..before.memory()
        })?;

        // From here on it is the loop of any firmware: put into effect, read, report.
        let _ = engine.settle(now, |leaf| {
            let own = heater.offer(now, &leaf).or_else(|| fan.offer(now, &leaf));
            own.unwrap_or(Verdict::Refused)
        });
        let _ = room.read(now);
        let drives = heater
            .reports(now, engine.desired())
            .chain(fan.reports(now, engine.desired()));
        for report in drives.chain(room.reports(now)) {
            engine.report_observed(now, report.path, report.value, report.why)?;
        }
        let mut text = [0; 256];
        let len = json::write(engine.reported(), &mut text)?;
        println!("    reported: {}", str::from_utf8(&text[..len])?);
    }
    let well = heater.error().is_none() && fan.error().is_none() && room.fault().is_none();
    println!(
        "{}",
        if well {
            "no faults are left"
        } else {
            "a fault is left"
        }
    );
    Ok(())
}
