//! Hardware to reported: a sensor and the leaf that says what it reads.

use core::mem;

use super::Fault;
use super::report::{Path, Report, Reports};
use super::sensor::Sensor;
use crate::document::{Number, Value};
use crate::rules::filter::{self, Decision, Filter, Gate, Why};
use crate::time::Instant;

/// A sensor, and the leaf of reported that says what it reads.
///
/// What is read goes through a [`Filter`]; without one, every change is reported. A reading that fails takes
/// the value back and stands as a fault at a path of its own, until a reading succeeds: an old value is never
/// passed off as a new one. Until something was read, there is no value.
///
/// Call [`Probe::read`] as often as the sensor is to be read, and report what [`Probe::reports`] says after
/// it, and at [`Probe::poll_timeout`]. See the [module](super) for an example.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Probe<S> {
    sensor: S,
    channel: Channel,
}

/// All of a probe that does not depend on the sensor.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Channel {
    path: Path,
    fault_path: Path,
    filter: &'static Filter,
    gate: Gate,
    value: Option<Value<'static>>,
    why: Why,
    fault: Option<Fault>,
    /// Failures in a row.
    failures: u8,
    /// Failures in a row that do not count.
    tolerated: u8,
}

static EVERY_CHANGE: Filter = Filter::new();

impl<S> Probe<S> {
    /// Binds `sensor` to the leaf at `path`; its faults are reported at `fault_path`.
    pub const fn new(path: Path, fault_path: Path, sensor: S) -> Self {
        Self {
            sensor,
            channel: Channel {
                path,
                fault_path,
                filter: &EVERY_CHANGE,
                gate: Gate::new(),
                value: None,
                why: Why::Change,
                fault: None,
                failures: 0,
                tolerated: 0,
            },
        }
    }

    /// The same with a filter in front of numbers: deadband, intervals, thresholds.
    pub const fn with_filter(mut self, filter: &'static Filter) -> Self {
        self.channel.filter = filter;
        self
    }

    /// The same, with up to `failures` failed readings in a row passed over: the last value stands for so
    /// long.
    pub const fn with_tolerance(mut self, failures: u8) -> Self {
        self.channel.tolerated = failures;
        self
    }

    /// Takes a reading that was made elsewhere, by an async driver for example: a value, none yet, or what
    /// went wrong.
    pub fn observe(&mut self, now: Instant, reading: Result<Option<Value<'static>>, Fault>) {
        self.channel.observe(now, reading);
    }

    /// Returns all that is to be reported at `now`; saying it again changes nothing. Also does what the
    /// filter has due until then.
    ///
    /// The reason of a [threshold](Why::Threshold) or a [heartbeat](Why::Heartbeat) is told once, for
    /// [`report_observed`](crate::device::DeviceEngine::report_observed).
    pub fn reports(&mut self, now: Instant) -> Reports {
        self.channel.reports(now)
    }

    /// Returns when [`Probe::reports`] is due if nothing is read before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.channel.poll_timeout()
    }

    /// Returns the value that is reported.
    pub const fn value(&self) -> Option<Value<'static>> {
        self.channel.value
    }

    /// Returns what is wrong, if anything is.
    pub const fn fault(&self) -> Option<Fault> {
        self.channel.fault
    }

    /// Returns what the filter remembers: the thresholds that are raised, for example.
    pub const fn gate(&self) -> &Gate {
        &self.channel.gate
    }

    /// Returns the sensor.
    pub const fn sensor(&mut self) -> &mut S {
        &mut self.sensor
    }

    /// Gives the sensor back.
    pub fn release(self) -> S {
        self.sensor
    }
}

impl<S: Sensor> Probe<S> {
    /// Reads the sensor, and returns what it said, before the filter.
    ///
    /// # Errors
    /// [`Fault`]: the hardware failed. It is kept for [`Probe::reports`], and needs no other care.
    pub fn read(&mut self, now: Instant) -> Result<Option<Value<'static>>, Fault> {
        let reading = self.sensor.read();
        self.channel.observe(now, reading);
        reading
    }
}

impl Channel {
    fn observe(&mut self, now: Instant, reading: Result<Option<Value<'static>>, Fault>) {
        match reading {
            Ok(reading) => {
                (self.failures, self.fault) = (0, None);
                match reading {
                    Some(Value::Number(number)) => self.judge(now, number),
                    Some(value) => (self.value, self.gate) = (Some(value), Gate::new()),
                    None => {}
                }
            }
            Err(fault) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures > self.tolerated {
                    (self.value, self.fault) = (None, Some(fault));
                    // The first reading after this is reported at once.
                    (self.gate, self.why) = (Gate::new(), Why::Change);
                }
            }
        }
    }

    fn judge(&mut self, now: Instant, number: Number) {
        if let Decision::Report(report) = self.gate.observe(now, self.filter, number) {
            self.say(report);
        }
    }

    fn say(&mut self, report: filter::Report) {
        self.value = Some(Value::Number(report.value));
        // A crossing that was not told yet is still one.
        if self.why != Why::Threshold {
            self.why = report.why;
        }
    }

    fn reports(&mut self, now: Instant) -> Reports {
        if self.gate.reported().is_some()
            && let Decision::Report(report) = self.gate.poll(now, self.filter)
        {
            self.say(report);
        }
        let mut value = Report::new(self.path, self.value.unwrap_or(Value::Null));
        value.why = mem::replace(&mut self.why, Why::Change);
        Reports::new(
            Some(value),
            Report::new(self.fault_path, self.fault.map_or(Value::Null, Value::from)),
        )
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.gate.poll_timeout(self.filter)
    }
}
