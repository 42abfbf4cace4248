//! Hardware at the leaves of a device.

use core::convert::Infallible;

use embedded_hal::digital::{self, OutputPin};
use embedded_hal::pwm::{self, SetDutyCycle};
use twinsync::device::{Config, DeviceEngine, Memory, Verdict};
use twinsync::document::{Document, DocumentRef, Number};
use twinsync::hal::{Dimmer, Drive, Probe, SensorFn, Switch};
use twinsync::protocol::Versions;
use twinsync::rules::filter::{Deadband, Filter};
use twinsync::time::Instant;
use twinsync_measure::{expect, fixed, measure, measure_ok, ram};

static FILTER: Filter = Filter::new().with_deadband(Deadband::Absolute(Number::integer(1)));

struct Pin(u16);

impl digital::ErrorType for Pin {
    type Error = Infallible;
}

impl OutputPin for Pin {
    fn set_low(&mut self) -> Result<(), Infallible> {
        self.0 = 0;
        Ok(())
    }

    fn set_high(&mut self) -> Result<(), Infallible> {
        self.0 = 1;
        Ok(())
    }
}

impl pwm::ErrorType for Pin {
    type Error = Infallible;
}

impl SetDutyCycle for Pin {
    fn max_duty_cycle(&self) -> u16 {
        1_000
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Infallible> {
        self.0 = duty;
        Ok(())
    }
}

#[inline(never)]
pub fn all() {
    let engine = fixed!(DeviceEngine<512>, DeviceEngine::new(Config::new(7)));
    let desired = fixed!(Document<512>, Document::new());
    let now = Instant::from_millis(1_000);
    expect(
        desired.set(&["heater"], true).is_ok() && desired.set(&["fan"], 33).is_ok(),
        "desired",
    );
    let memory = Memory {
        desired: desired.as_ref(),
        reported: DocumentRef::EMPTY,
        acknowledged: DocumentRef::EMPTY,
        versions: Versions::default(),
        next_request: 7,
    };
    expect(engine.restore(&memory).is_ok(), "a memory");
    let mut heater = Drive::new(
        &["heater"],
        &["faults", "heater"],
        Switch::active_high(Pin(0)),
    );
    let mut fan = Drive::new(&["fan"], &["faults", "fan"], Dimmer::percent(Pin(0)));
    let read = || Number::new(215, -1).map_err(|_| embedded_hal::i2c::ErrorKind::Other);
    let mut room =
        Probe::new(&["celsius"], &["faults", "celsius"], SensorFn::new(read)).with_filter(&FILTER);
    let settled = measure("device: settle, a switch and a dimmer", || {
        engine.settle(now, |leaf| {
            let taken = heater.offer(now, &leaf).or_else(|| fan.offer(now, &leaf));
            taken.unwrap_or(Verdict::Refused)
        })
    });
    expect(settled.applied == 2, "both are in force");
    measure("hal: Drive::reports", || {
        heater.reports(now, engine.desired()).count()
    });
    measure_ok("hal: Probe::read", || room.read(now));
    let count = measure("hal: Probe::reports", || room.reports(now).count());
    expect(count > 0, "a reading");
    measure_ok("device: report_observed, of a probe", || {
        room.reports(now).try_for_each(|report| {
            engine.report_observed(now, report.path, report.value, report.why)
        })
    });
    ram::<Drive<Switch<()>>>("hal::Drive<Switch>, without the pin", 0);
    ram::<Probe<()>>("hal::Probe, without the sensor", 0);
}
