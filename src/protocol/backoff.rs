//! How long to wait before trying again: exponential, bounded, with jitter.

use crate::time::Duration;

/// A retry policy: the delay doubles with each attempt, never beyond a cap, and is spread by jitter,
/// so that a fleet does not come back all at once.
///
/// ```
/// use twinsync::protocol::{Backoff, Jitter};
/// use twinsync::time::Duration;
///
/// let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// let mut jitter = Jitter::new(7);
/// let delay = backoff.delay(3, &mut jitter);
/// assert!((4_000..=8_000).contains(&delay.as_millis()));
/// assert!(backoff.delay(40, &mut jitter) <= Duration::from_secs(60));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Backoff {
    /// Milliseconds.
    base: u32,
    cap: u32,
}

impl Backoff {
    /// Takes the longest delay before the first retry, and the longest delay of all; of each at most 49
    /// days count.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self {
            base: base.short(),
            cap: cap.short(),
        }
    }

    /// Returns the delay before attempt `attempt + 1`: at random between half and the whole of
    /// `base × 2^attempt`, at most the cap. `attempt` is 0 after the first failure.
    pub fn delay(&self, attempt: u32, jitter: &mut Jitter) -> Duration {
        Duration::from_millis(u64::from(self.millis(attempt, jitter)))
    }

    /// The same in milliseconds.
    pub(crate) fn millis(&self, attempt: u32, jitter: &mut Jitter) -> u32 {
        let mut whole = self.base.min(self.cap);
        for _ in 0..attempt.min(u32::BITS) {
            whole = whole.saturating_add(whole).min(self.cap);
        }
        // A multiply and a shift spread the jitter over the half: no 64-bit division on small targets.
        let part = u64::from(jitter.next() >> 16).wrapping_mul(u64::from(whole >> 1)) >> 16;
        whole.saturating_sub(u32::try_from(part).unwrap_or(whole))
    }
}

/// A small pseudo-random sequence (xorshift32): spreads retries, nothing secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Jitter(u32);

impl Jitter {
    /// Takes a seed that should differ from device to device.
    pub const fn new(seed: u32) -> Self {
        Self(if seed == 0 { 0x9E37_79B9 } else { seed })
    }

    /// Returns the next number.
    pub const fn next(&mut self) -> u32 {
        let mut x = self.0;
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        self.0 = x;
        x
    }
}

#[cfg(test)]
mod tests {
    use super::{Backoff, Jitter};
    use crate::time::Duration;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_delay_lies_between_half_and_the_whole_of_its_step(
            base in 1_u64..100_000, cap in 1_u64..10_000_000, attempt in 0_u32..70, seed: u32,
        ) {
            let backoff = Backoff::new(Duration::from_millis(base), Duration::from_millis(cap));
            let whole = u128::from(base).checked_shl(attempt).unwrap_or(u128::MAX).min(u128::from(cap));
            let delay = u128::from(backoff.delay(attempt, &mut Jitter::new(seed)).as_millis());
            prop_assert!(delay <= whole);
            prop_assert!(delay >= whole / 2);
        }
    }
}
