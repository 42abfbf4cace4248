//! Points in time and spans between them; every clock is an argument.
//!
//! The crate never reads a clock. Engines take `now` as their first argument: an [`Instant`] of
//! whatever monotonic clock the application has (milliseconds since boot). Wall-clock time, which a
//! service writes into metadata and answers, is a [`Timestamp`] (milliseconds since the Unix epoch).
//! The two are different types, so that a clock set by NTP can never move a timer.
//!
//! ```
//! use twinsync::time::{Duration, Instant};
//!
//! let armed_at = Instant::from_millis(1_000);
//! let due = armed_at + Duration::from_secs(5);
//! assert_eq!(due.saturating_since(armed_at), Duration::from_millis(5_000));
//! ```

use core::fmt;
use core::ops::Add;

/// A point on a monotonic clock, in milliseconds since an origin of the application's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Instant(u64);

impl Instant {
    /// The origin of the clock.
    pub const ZERO: Self = Self(0);

    /// Takes milliseconds since the clock's origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns milliseconds since the clock's origin.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns the span since `earlier`, zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Instant {
    /// Returns the point `span` later; stays at the clock's end rather than wrapping.
    #[must_use]
    pub const fn saturating_add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// The point `span` later, see [`Instant::saturating_add`].
    fn add(self, span: Duration) -> Self {
        self.saturating_add(span)
    }
}

/// A span of time in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// Takes milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Takes seconds; saturates beyond 584 million years.
    pub const fn from_secs(secs: u64) -> Self {
        Self(thousandfold(secs))
    }

    /// Milliseconds in 32 bits, at most [`u32::MAX`] of them: 49 days.
    pub(crate) const fn short(self) -> u32 {
        let [a, b, c, d, rest @ ..] = self.0.to_le_bytes();
        match rest {
            [0, 0, 0, 0] => u32::from_le_bytes([a, b, c, d]),
            _ => u32::MAX,
        }
    }

    /// Returns milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

impl From<Duration> for core::time::Duration {
    fn from(span: Duration) -> Self {
        Self::from_millis(span.0)
    }
}

/// Saturates; a compare and a product, where small targets take three products to find an overflow.
const fn thousandfold(number: u64) -> u64 {
    if number > u64::MAX / 1_000 {
        u64::MAX
    } else {
        number.wrapping_mul(1_000)
    }
}

/// A point in wall-clock time, in milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Timestamp(u64);

impl Timestamp {
    /// Returns the span since `earlier`, zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }

    /// The Unix epoch; also what a device without a wall clock passes.
    pub const EPOCH: Self = Self(0);

    /// Takes milliseconds since the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Takes seconds since the Unix epoch; saturates.
    pub const fn from_secs(secs: u64) -> Self {
        Self(thousandfold(secs))
    }

    /// Returns milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns whole seconds since the Unix epoch, rounded down.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000
    }
}

/// What both clocks say at one moment: what a service needs that times its limits by the one and dates
/// its twins by the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Now {
    /// The monotonic clock.
    pub instant: Instant,
    /// The wall clock.
    pub wall: Timestamp,
}

impl Now {
    /// Takes what the two clocks say.
    pub const fn new(instant: Instant, wall: Timestamp) -> Self {
        Self { instant, wall }
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000, self.0 % 1_000)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Instant, Timestamp};
    use alloc::string::ToString;

    #[test]
    fn adding_a_span_stays_at_the_end_of_the_clock() {
        let end = Instant::from_millis(u64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
    }

    #[test]
    fn an_earlier_instant_is_no_time_ago() {
        let early = Instant::from_millis(5);
        let late = Instant::from_millis(9);
        assert_eq!(early.saturating_since(late), Duration::ZERO);
        assert_eq!(late.saturating_since(early), Duration::from_millis(4));
    }

    #[test]
    fn a_timestamp_counts_whole_seconds() {
        assert_eq!(Timestamp::from_millis(1_999).as_secs(), 1);
        assert_eq!(Timestamp::from_secs(7).as_millis(), 7_000);
    }

    #[test]
    fn an_instant_is_shown_in_seconds() {
        assert_eq!(Instant::from_millis(61_005).to_string(), "61.005 s");
        assert_eq!(Duration::from_millis(250).to_string(), "250 ms");
    }
}
