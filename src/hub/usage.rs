//! How much a device asks: requests in flight and per second.

use core::fmt;

use crate::time::Instant;

/// How much each device may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestLimits {
    /// Most requests without an answer (AWS: 10); `u16::MAX` for no limit.
    pub in_flight: u16,
    /// Most requests per second (AWS: 20), which may also come all at once; 0 for no limit.
    pub per_second: u32,
}

/// What a device has asked lately: 16 bytes, pure, for hubs of any make.
///
/// ```
/// use twinsync::hub::{RequestLimits, Usage};
/// use twinsync::time::{Duration, Instant};
///
/// let limits = RequestLimits { in_flight: 10, per_second: 2 };
/// let mut usage = Usage::new();
/// let now = Instant::ZERO;
/// assert!(usage.admit(now, &limits).is_ok());
/// usage.done();
/// assert!(usage.admit(now, &limits).is_ok());
/// usage.done();
/// assert!(usage.admit(now, &limits).is_err());
/// assert!(usage.admit(now + Duration::from_millis(500), &limits).is_ok());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Usage {
    /// When the rate would be used up by the requests so far, in microseconds (GCRA's "theoretical
    /// arrival time").
    due: u64,
    in_flight: u16,
}

/// A device asked too much; the request is to be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Throttled {
    /// Too many requests wait for their answer.
    InFlight,
    /// Too many requests per second.
    Rate,
}

impl RequestLimits {
    /// No limits.
    pub const NONE: Self = Self {
        in_flight: u16::MAX,
        per_second: 0,
    };
}

impl Usage {
    /// A device that has not asked yet.
    pub const fn new() -> Self {
        Self {
            due: 0,
            in_flight: 0,
        }
    }

    /// Counts a request, if the limits allow it; [`Usage::done`] is due once it is answered.
    ///
    /// # Errors
    /// [`Throttled`]; the request is then not counted.
    pub fn admit(&mut self, now: Instant, limits: &RequestLimits) -> Result<(), Throttled> {
        if self.in_flight >= limits.in_flight {
            return Err(Throttled::InFlight);
        }
        if let Some(interval) = 1_000_000_u32.checked_div(limits.per_second) {
            let now = now.as_millis().saturating_mul(1_000);
            let due = self.due.max(now).saturating_add(u64::from(interval));
            if due.saturating_sub(now) > 1_000_000 {
                return Err(Throttled::Rate);
            }
            self.due = due;
        }
        self.in_flight = self.in_flight.saturating_add(1);
        Ok(())
    }

    /// A request that was admitted has been answered.
    pub const fn done(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Returns how many requests wait for their answer.
    pub const fn in_flight(&self) -> u16 {
        self.in_flight
    }

    /// Returns whether this is as good as [`Usage::new`]: it may be forgotten.
    pub const fn is_idle(&self, now: Instant) -> bool {
        self.in_flight == 0 && self.due <= now.as_millis().saturating_mul(1_000)
    }
}

impl fmt::Display for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InFlight => "too many requests in flight",
            Self::Rate => "too many requests per second",
        })
    }
}

impl core::error::Error for Throttled {}
