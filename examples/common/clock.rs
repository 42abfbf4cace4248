//! The host's clocks, as the crate wants its time: as an argument.

#![allow(dead_code, reason = "each example uses its own part of this file")]

use std::time::SystemTime;

use twinsync::time::{Instant, Now, Timestamp};

/// A monotonic clock that starts at 0, and the wall clock beside it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: std::time::Instant,
}

impl Clock {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        Self {
            start: std::time::Instant::now(),
        }
    }

    /// Returns the monotonic time.
    pub(crate) fn instant(&self) -> Instant {
        Instant::from_millis(millis(self.start.elapsed()))
    }

    /// Returns the monotonic time in seconds, for a terminal.
    pub(crate) fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// Returns both times.
    pub(crate) fn now(&self) -> Now {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Now {
            instant: self.instant(),
            wall: Timestamp::from_millis(millis(since_epoch.unwrap_or_default())),
        }
    }
}

fn millis(span: core::time::Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
