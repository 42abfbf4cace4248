//! One leaf's memory: what was reported last, what waits, what a window gathered.

use core::num::NonZeroU16;

use super::{Aggregate, Filter, Window};
use crate::document::Number;
use crate::time::Instant;

/// What becomes of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Decision {
    /// Nothing is reported now.
    Hold,
    /// This is reported now.
    Report(Report),
}

/// A value that is to be reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Report {
    /// The value: a reading, or what a window made of several.
    pub value: Number,
    /// Why it is reported.
    pub why: Why,
}

/// Why a value is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Why {
    /// It is the first one, or differs enough from the last.
    Change,
    /// The maximum interval has passed without a report; the value may be the same.
    Heartbeat,
    /// A threshold was crossed: goes before everything else.
    Threshold,
}

/// What a [`Filter`] remembers of one leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Gate {
    reported: Option<Number>,
    reported_at: Instant,
    /// The latest reading, or aggregate of a closed window.
    latest: Number,
    /// One bit for each threshold that is raised.
    raised: u8,
    gathered: Option<Gathered>,
}

/// The readings of the open window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Gathered {
    since: Instant,
    count: NonZeroU16,
    /// Sum, minimum, maximum or last reading, as the aggregate needs.
    value: Number,
    /// Smallest power of ten among the readings.
    finest: i8,
}

impl Gate {
    /// Nothing was reported yet.
    pub const fn new() -> Self {
        Self {
            reported: None,
            reported_at: Instant::ZERO,
            latest: Number::ZERO,
            raised: 0,
            gathered: None,
        }
    }

    /// Takes a reading and says what becomes of it. Also does what was due until `now`.
    pub fn observe(&mut self, now: Instant, filter: &Filter, reading: Number) -> Decision {
        let raised = self.raised_by(filter, reading);
        if raised != self.raised {
            self.raised = raised;
            self.gathered = None;
            self.latest = reading;
            return self.report(now, reading, Why::Threshold);
        }
        match filter.window {
            Some(window) => self.gather(now, window, reading),
            None => self.latest = reading,
        }
        self.judge(now, filter)
    }

    /// Says what is due at `now` without a new reading: a window that has closed, a change that waited for
    /// the minimum interval, a heartbeat.
    pub fn poll(&mut self, now: Instant, filter: &Filter) -> Decision {
        self.judge(now, filter)
    }

    /// Returns when [`Gate::poll`] is due if no reading comes before.
    #[must_use]
    pub fn poll_timeout(&self, filter: &Filter) -> Option<Instant> {
        let closes = match (self.gathered, filter.window) {
            (Some(gathered), Some(window)) => Some(gathered.since.saturating_add(window.span)),
            (None, _) | (_, None) => None,
        };
        let reported = self.reported?;
        let waits = filter
            .is_worth(reported, self.latest)
            .then(|| self.reported_at.saturating_add(filter.min_interval));
        let heartbeat = filter.max_interval.map(|interval| {
            self.reported_at
                .saturating_add(interval.max(filter.min_interval))
        });
        [closes, waits, heartbeat].into_iter().flatten().min()
    }

    /// Returns the value that was reported last.
    pub const fn reported(&self) -> Option<Number> {
        self.reported
    }

    /// Returns whether the filter's threshold of this index is raised.
    pub fn is_raised(&self, index: usize) -> bool {
        u32::try_from(index).is_ok_and(|index| bit(index) & self.raised != 0)
    }

    fn raised_by(&self, filter: &Filter, reading: Number) -> u8 {
        let mut raised = 0;
        for (index, threshold) in (0..).zip(filter.thresholds.iter().flatten()) {
            if threshold.judge(self.raised & bit(index) != 0, reading) {
                raised |= bit(index);
            }
        }
        raised
    }

    fn gather(&mut self, now: Instant, window: Window, reading: Number) {
        let opened = Gathered {
            since: now,
            count: NonZeroU16::MIN,
            value: reading,
            finest: reading.exponent(),
        };
        self.gathered = Some(match self.gathered {
            None => opened,
            Some(gathered) => match gathered.with(window.aggregate, reading) {
                Some(gathered) => gathered,
                // The sum, or the count, is full: this window ends here, and the next begins.
                None => {
                    self.latest = gathered.result(window.aggregate);
                    opened
                }
            },
        });
    }

    fn judge(&mut self, now: Instant, filter: &Filter) -> Decision {
        if let (Some(gathered), Some(window)) = (self.gathered, filter.window)
            && (self.reported.is_none() || gathered.since.saturating_add(window.span) <= now)
        {
            self.latest = gathered.result(window.aggregate);
            // The first reading of all is reported at once, and opens the first window.
            self.gathered = None;
        }
        let latest = self.latest;
        let Some(reported) = self.reported else {
            return self.report(now, latest, Why::Change);
        };
        let quiet = now.saturating_since(self.reported_at);
        if quiet < filter.min_interval {
            return Decision::Hold;
        }
        if filter.is_worth(reported, latest) {
            return self.report(now, latest, Why::Change);
        }
        match filter.max_interval {
            Some(interval) if interval <= quiet => self.report(now, latest, Why::Heartbeat),
            Some(_) | None => Decision::Hold,
        }
    }

    fn report(&mut self, now: Instant, value: Number, why: Why) -> Decision {
        self.reported = Some(value);
        self.reported_at = now;
        Decision::Report(Report { value, why })
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

impl Gathered {
    /// One reading more; `None` if it has no room.
    fn with(self, aggregate: Aggregate, reading: Number) -> Option<Self> {
        let value = match aggregate {
            Aggregate::Last => reading,
            Aggregate::Min => self.value.min(reading),
            Aggregate::Max => self.value.max(reading),
            Aggregate::Mean => self.value.checked_add(reading).ok()?,
        };
        Some(Self {
            since: self.since,
            count: self.count.checked_add(1)?,
            value,
            finest: self.finest.min(reading.exponent()),
        })
    }

    fn result(self, aggregate: Aggregate) -> Number {
        if aggregate != Aggregate::Mean {
            return self.value;
        }
        let finest = i32::from(self.finest);
        let coarsest = i32::from(self.value.exponent());
        for decimals in [finest.wrapping_sub(1), finest] {
            if let Ok(mean) = self.value.divided_by(self.count, decimals) {
                return mean;
            }
        }
        // No larger than the sum, at its own last decimal: it fits.
        self.value
            .divided_by(self.count, coarsest)
            .unwrap_or(self.value)
    }
}

fn bit(index: u32) -> u8 {
    1_u8.checked_shl(index).unwrap_or(0)
}
