//! Time that moves only when told.

use crate::time::{Duration, Instant, Timestamp};

/// A virtual clock: monotonic time from zero, and the wall-clock time that belongs to it.
///
/// ```
/// use twinsync::sim::Clock;
/// use twinsync::time::{Duration, Timestamp};
///
/// let mut clock = Clock::new(Timestamp::from_secs(1_700_000_000));
/// clock.advance(Duration::from_secs(90));
/// assert_eq!(clock.wall(), Timestamp::from_secs(1_700_000_090));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Clock {
    now: Instant,
    origin: Timestamp,
}

impl Clock {
    /// Makes a clock that stands at [`Instant::ZERO`], when the wall clock said `origin`.
    pub const fn new(origin: Timestamp) -> Self {
        Self {
            now: Instant::ZERO,
            origin,
        }
    }

    /// Returns the monotonic time.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Returns the wall-clock time.
    pub const fn wall(&self) -> Timestamp {
        let millis = self.origin.as_millis();
        Timestamp::from_millis(millis.saturating_add(self.now.as_millis()))
    }

    /// Moves on by `span`.
    pub fn advance(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    /// Moves on to `instant`; a clock never goes back.
    pub fn advance_to(&mut self, instant: Instant) {
        self.now = self.now.max(instant);
    }
}
