//! Hardware bound to a device's twin: pins, a duty cycle, a contact, a sensor on a bus, with an engine.
#![no_std]
#![no_main]

use embedded_hal::{digital, i2c, pwm};
use twinsync::device::{Config, DeviceEngine, Memory, Verdict};
use twinsync::document::{Document, DocumentRef, Number, Value};
use twinsync::hal::{
    ActuatorFn, Applied, Contact, Dimmer, Drive, Fault, Probe, ReadBackSwitch, Report, SensorFn,
    Switch,
};
use twinsync::protocol::Versions;
use twinsync::rules::Breach;
use twinsync::rules::filter::{Deadband, Filter, Threshold};
use twinsync::time::{Duration, Instant};
use twinsync_proof::{input, sink, text, word};

const HALF: Number = Number::decimal(5, -1).unwrap();

static TENTHS: Filter = Filter::new()
    .with_deadband(Deadband::Absolute(HALF))
    .with_min_interval(Duration::from_secs(10))
    .with_thresholds([Threshold::above(Number::integer(80), HALF)]);

/// Any pin, any timer: it does what nobody can foresee.
struct Pin;

impl digital::ErrorType for Pin {
    type Error = digital::ErrorKind;
}

impl pwm::ErrorType for Pin {
    type Error = pwm::ErrorKind;
}

fn chance<E>(error: E) -> Result<(), E> {
    if word() & 1 == 0 { Ok(()) } else { Err(error) }
}

impl digital::OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), digital::ErrorKind> {
        sink(0);
        chance(digital::ErrorKind::Other)
    }

    fn set_high(&mut self) -> Result<(), digital::ErrorKind> {
        sink(1);
        chance(digital::ErrorKind::Other)
    }
}

impl digital::InputPin for Pin {
    fn is_high(&mut self) -> Result<bool, digital::ErrorKind> {
        chance(digital::ErrorKind::Other).map(|()| word() & 2 == 0)
    }

    fn is_low(&mut self) -> Result<bool, digital::ErrorKind> {
        self.is_high().map(|high| !high)
    }
}

impl digital::StatefulOutputPin for Pin {
    fn is_set_high(&mut self) -> Result<bool, digital::ErrorKind> {
        chance(digital::ErrorKind::Other).map(|()| word() & 2 == 0)
    }

    fn is_set_low(&mut self) -> Result<bool, digital::ErrorKind> {
        self.is_set_high().map(|high| !high)
    }
}

impl pwm::SetDutyCycle for Pin {
    fn max_duty_cycle(&self) -> u16 {
        word() as u16
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), pwm::ErrorKind> {
        sink(duty.into());
        chance(pwm::ErrorKind::Other)
    }
}

fn apply(value: Value<'_>) -> Result<Applied, twinsync::hal::ApplyError> {
    let steps = value.read::<u8>().map_err(|_| Breach::WrongType)?;
    sink(steps.into());
    chance(Fault::from(i2c::ErrorKind::Bus))?;
    Ok(Applied::Instead(Value::from(steps)))
}

fn read() -> Result<Number, i2c::ErrorKind> {
    chance(i2c::ErrorKind::ArbitrationLoss)?;
    text().parse().map_err(|_| i2c::ErrorKind::Overrun)
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut heater = Drive::new(&["heater"], &["faults", "heater"], Switch::active_low(Pin));
    let mut pump = Drive::new(
        &["pump"],
        &["faults", "pump"],
        ReadBackSwitch::active_high(Pin),
    );
    let mut fan = Drive::new(
        &["fan"],
        &["faults", "fan"],
        Dimmer::percent(Pin).inverted(),
    )
    .with_retry(Duration::from_secs(2), Duration::from_secs(300));
    let mut valve = Drive::new(&["valve"], &["faults", "valve"], ActuatorFn::new(apply));
    let contact = Contact::active_low(Pin).with_debounce(core::num::NonZeroU8::MAX);
    let mut window = Probe::new(&["window"], &["faults", "window"], contact);
    let mut room = Probe::new(&["celsius"], &["faults", "celsius"], SensorFn::new(read))
        .with_filter(&TENTHS)
        .with_tolerance(2);
    let mut engine = DeviceEngine::<512>::new(Config::new(word()));
    let mut stored = Document::<512>::new();
    loop {
        let now = Instant::from_millis(u64::from(word()));
        if let Ok(document) = Document::<512>::from_bytes(input()) {
            stored = document;
        }
        let memory = Memory {
            desired: stored.as_ref(),
            reported: DocumentRef::EMPTY,
            acknowledged: DocumentRef::EMPTY,
            versions: Versions::default(),
            next_request: word(),
        };
        sink(engine.restore(&memory).is_ok().into());
        sink(fan.start(now, Value::from(0)).is_ok().into());
        let settled = engine.settle(now, |leaf| {
            let own = heater.offer(now, &leaf).or_else(|| pump.offer(now, &leaf));
            let own = own.or_else(|| fan.offer(now, &leaf));
            let own = own.or_else(|| valve.offer(now, &leaf));
            own.unwrap_or(Verdict::Refused)
        });
        sink(settled.applied as u32);
        sink(window.read(now).is_ok().into());
        sink(room.read(now).is_ok().into());
        let report = |engine: &mut DeviceEngine<512>, report: Report| {
            let said = engine.report_observed(now, report.path, report.value, report.why);
            sink(said.is_ok().into());
        };
        for reports in [
            heater.reports(now, engine.desired()),
            pump.reports(now, engine.desired()),
            fan.reports(now, engine.desired()),
            valve.reports(now, engine.desired()),
            window.reports(now),
            room.reports(now),
        ] {
            for said in reports {
                report(&mut engine, said);
            }
        }
        for at in [fan.poll_timeout(), room.poll_timeout()] {
            sink(at.map_or(0, |at| at.as_millis() as u32));
        }
        sink(fan.error().map_or(0, |error| error.text().len() as u32));
    }
}
