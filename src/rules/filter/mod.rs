//! Edge filters: what of a sensor's readings is worth reporting.
//!
//! A [`Filter`] is the rule of one leaf, a constant; a [`Gate`] is what it remembers, five numbers and
//! four points in time; [`Filters`] is a table of both. A reading goes in, and out comes whether it, or
//! what a window made of it, is to be reported now.
//!
//! **The one rule: what is not reported is bounded.** While a filter holds readings back, each of them
//! lies within the deadband of the last reported value, or waits no longer than the minimum interval or
//! the window; [`Filter::error_bound`] says how far off the service can be.
//!
//! | rule | holds back |
//! | --- | --- |
//! | [`Filter::new`] | a reading equal to the last reported one |
//! | [`Deadband`] | one that differs by no more than an amount, or a fraction of the last reported one |
//! | [`Filter::with_min_interval`] | anything sooner than this after the last report; the latest waits |
//! | [`Filter::with_max_interval`] | nothing: it reports anew what would stay unsaid for longer (heartbeat) |
//! | [`Filter::with_window`] | all readings of a window but their minimum, maximum, mean or last |
//! | [`Filter::with_thresholds`] | nothing: crossing one is reported at once, past all of the above |
//!
//! ```
//! use twinsync::document::Number;
//! use twinsync::rules::filter::{Deadband, Decision, Filter, Gate, Report, Threshold, Why};
//! use twinsync::time::{Duration, Instant};
//!
//! const HALF: Number = Number::decimal(5, -1).unwrap();
//! const OVERHEATED: Threshold = Threshold::above(Number::integer(80), Number::integer(5));
//! const BOILER: Filter = Filter::new()
//!     .with_deadband(Deadband::Absolute(HALF))
//!     .with_min_interval(Duration::from_secs(60))
//!     .with_thresholds([OVERHEATED]);
//!
//! let mut gate = Gate::new();
//! let mut observe = |secs: u64, reading: &str| {
//!     let reading = reading.parse().unwrap();
//!     gate.observe(Instant::from_millis(secs * 1000), &BOILER, reading)
//! };
//! assert!(matches!(observe(0, "61.0"), Decision::Report(_)), "the first reading always is");
//! assert_eq!(observe(10, "61.3"), Decision::Hold, "within the deadband");
//! assert_eq!(observe(20, "64.0"), Decision::Hold, "too soon: it waits for second 60");
//! let alarm = observe(25, "81.5");
//! assert!(matches!(alarm, Decision::Report(Report { why: Why::Threshold, .. })), "at once");
//! ```
//!
//! [`DeviceEngine::observe`](crate::device::DeviceEngine::observe) puts a filter in front of an engine's
//! reports: a crossing goes out at once there, too, past the engine's own minimum interval.

mod gate;
mod table;

pub use gate::{Decision, Gate, Report, Why};
pub use table::{Filters, LeafFilter};

use crate::document::{Number, NumberError};
use crate::time::Duration;

/// Thresholds that one filter holds at most.
pub const MAX_THRESHOLDS: usize = 4;

/// The rule of one leaf, a constant. The default reports every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Filter {
    deadband: Deadband,
    min_interval: Duration,
    max_interval: Option<Duration>,
    window: Option<Window>,
    thresholds: [Option<Threshold>; MAX_THRESHOLDS],
}

/// How far a reading must be from the last reported value to be worth a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Deadband {
    /// Any change is.
    None,
    /// It differs by more than this amount.
    Absolute(Number),
    /// It differs by more than this fraction of the last reported value: 0.05 for 5 %.
    Relative(Number),
}

/// What a window of readings is reported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Aggregate {
    /// The latest reading.
    Last,
    /// The lowest reading.
    Min,
    /// The highest reading.
    Max,
    /// The arithmetic mean, rounded to one decimal more than the finest reading has (fewer if a number's
    /// 18 digits do not reach that far), halves away from zero.
    Mean,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Window {
    span: Duration,
    aggregate: Aggregate,
}

/// A limit whose crossing is reported at once, both ways.
///
/// It is raised by a reading at the limit or beyond, and cleared by one that has come back by more than
/// the hysteresis; a reading that trembles around the limit is one crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Threshold {
    limit: Number,
    hysteresis: Number,
    above: bool,
}

impl Threshold {
    /// Raised at `limit` or above, cleared below `limit - hysteresis`.
    pub const fn above(limit: Number, hysteresis: Number) -> Self {
        Self {
            limit,
            hysteresis,
            above: true,
        }
    }

    /// Raised at `limit` or below, cleared above `limit + hysteresis`.
    pub const fn below(limit: Number, hysteresis: Number) -> Self {
        Self {
            limit,
            hysteresis,
            above: false,
        }
    }

    /// Whether it is raised after this reading.
    fn judge(self, raised: bool, reading: Number) -> bool {
        let beyond = |limit: Number| {
            if self.above {
                reading >= limit
            } else {
                reading <= limit
            }
        };
        if !raised || beyond(self.limit) {
            return beyond(self.limit);
        }
        let clear = if self.above {
            self.limit.checked_sub(self.hysteresis)
        } else {
            self.limit.checked_add(self.hysteresis)
        };
        // A hysteresis too fine for the limit is as good as none.
        clear.is_ok_and(beyond)
    }
}

impl Filter {
    /// Reports every change, and nothing else.
    pub const fn new() -> Self {
        Self {
            deadband: Deadband::None,
            min_interval: Duration::from_millis(0),
            max_interval: None,
            window: None,
            thresholds: [None; MAX_THRESHOLDS],
        }
    }

    /// The same with another deadband.
    pub const fn with_deadband(mut self, deadband: Deadband) -> Self {
        self.deadband = deadband;
        self
    }

    /// The same with at least this time between two reports. What is worth a report meanwhile waits, and
    /// the latest of it is reported if it still is worth it.
    pub const fn with_min_interval(mut self, interval: Duration) -> Self {
        self.min_interval = interval;
        self
    }

    /// The same with at most this time between two reports: the latest reading is reported anew, changed
    /// or not. An interval below the minimum interval is as long as that, and one of no time 1 ms, so that
    /// no report is due again at once.
    pub const fn with_max_interval(mut self, interval: Duration) -> Self {
        self.max_interval = Some(Duration::from_millis(match interval.as_millis() {
            0 => 1,
            millis => millis,
        }));
        self
    }

    /// The same with readings gathered for `span` and judged as one, their aggregate. A window opens with
    /// its first reading; one of 65,535 readings, or whose sum does not fit, closes early.
    pub const fn with_window(mut self, span: Duration, aggregate: Aggregate) -> Self {
        self.window = Some(Window { span, aggregate });
        self
    }

    /// The same with these thresholds, at most [`MAX_THRESHOLDS`]: more do not compile.
    pub const fn with_thresholds<const K: usize>(mut self, thresholds: [Threshold; K]) -> Self {
        const {
            assert!(
                K <= MAX_THRESHOLDS,
                "a filter holds at most four thresholds"
            );
        };
        let mut from = thresholds.as_slice();
        let mut to: &mut [Option<Threshold>] = &mut self.thresholds;
        while let ([threshold, more @ ..], [slot, rest @ ..]) = (from, to) {
            *slot = Some(*threshold);
            (from, to) = (more, rest);
        }
        self
    }

    /// Returns how far the service's value can be from the latest reading once the minimum interval has
    /// passed since the last report, and without a window; `reported` is the last reported value.
    ///
    /// # Errors
    /// [`NumberError::TooPrecise`] if a relative deadband makes a bound that has too many digits.
    pub fn error_bound(&self, reported: Number) -> Result<Number, NumberError> {
        match self.deadband {
            Deadband::None => Ok(Number::ZERO),
            Deadband::Absolute(amount) => amount.checked_abs(),
            Deadband::Relative(fraction) => fraction.checked_mul(reported)?.checked_abs(),
        }
    }

    /// Whether a reading is worth a report after `reported`.
    fn is_worth(&self, reported: Number, reading: Number) -> bool {
        if reported == reading {
            return false;
        }
        let bound = self.error_bound(reported);
        let distance = reading.checked_sub(reported).and_then(Number::checked_abs);
        match (bound, distance) {
            (Ok(bound), Ok(distance)) => distance > bound,
            // What cannot be judged is reported rather than lost.
            (Err(_), _) | (_, Err(_)) => true,
        }
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
