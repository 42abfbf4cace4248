//! When to save: not more often than the flash bears.

use crate::time::{Duration, Instant};

/// Says when to save, so that saves are at least an interval apart; does no I/O and keeps no data.
///
/// How many saves the flash bears says [`Geometry::saves`](super::Geometry::saves); the
/// [module](super#how-much-flash-and-for-how-long) has a table.
///
/// ```
/// use twinsync::storage::SaveGate;
/// use twinsync::time::{Duration, Instant};
///
/// let at = Instant::from_millis;
/// let mut gate = SaveGate::new(Duration::from_secs(60));
/// gate.handle_changed();
/// assert!(gate.is_due(at(0))); // the first one at once
/// gate.handle_saved(at(0));
/// gate.handle_changed();
/// assert!(!gate.is_due(at(59_999)));
/// assert_eq!(gate.poll_timeout(), Some(at(60_000)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SaveGate {
    interval: Duration,
    opens: Instant,
    changed: bool,
}

impl SaveGate {
    /// Takes the least interval between two saves; zero lets all of them pass.
    pub const fn new(interval: Duration) -> Self {
        Self {
            interval,
            opens: Instant::ZERO,
            changed: false,
        }
    }

    /// Something that is to be saved has changed, or may have: an unchanged record costs no write.
    pub const fn handle_changed(&mut self) {
        self.changed = true;
    }

    /// A save was tried at `now`, and stands. After one that failed leave this out, or say
    /// [`handle_changed`](Self::handle_changed) behind it: the next one is due an interval later.
    pub fn handle_saved(&mut self, now: Instant) {
        self.changed = false;
        self.opens = now + self.interval;
    }

    /// Returns whether to save now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.changed && now >= self.opens
    }

    /// Returns when a save is due: `None` if nothing has changed. A time that has passed means now.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.changed.then_some(self.opens)
    }
}

#[cfg(test)]
mod tests {
    use super::SaveGate;
    use crate::time::{Duration, Instant};

    #[test]
    fn what_did_not_change_is_never_due() {
        let mut gate = SaveGate::new(Duration::ZERO);
        assert!(!gate.is_due(Instant::from_millis(u64::MAX)));
        assert_eq!(gate.poll_timeout(), None);
        gate.handle_changed();
        gate.handle_saved(Instant::ZERO);
        assert_eq!(gate.poll_timeout(), None);
    }

    #[test]
    fn a_failed_save_is_tried_again_an_interval_later() {
        let mut gate = SaveGate::new(Duration::from_secs(1));
        gate.handle_changed();
        gate.handle_saved(Instant::ZERO);
        gate.handle_changed();
        assert_eq!(gate.poll_timeout(), Some(Instant::from_millis(1_000)));
        assert!(gate.is_due(Instant::from_millis(1_000)));
    }

    #[test]
    fn saves_are_an_interval_apart_and_no_change_waits_longer() {
        let interval = 60_000;
        let mut gate = SaveGate::new(Duration::from_millis(interval));
        let (mut changed, mut saved) = (None, None);
        let mut saves = 0;
        // Changes come in bursts, with an hour of silence now and then.
        let mut random: u64 = 1;
        let mut now = 0;
        while now < 24 * 3_600_000 {
            random = random.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
            now += if random >> 54 == 0 {
                3_600_000
            } else {
                random >> 51
            };
            // The device sleeps until the gate opens or something changes.
            while let Some(due) = gate
                .poll_timeout()
                .filter(|due| *due <= Instant::from_millis(now))
            {
                let at = due.as_millis().max(changed.unwrap());
                assert!(gate.is_due(Instant::from_millis(at)));
                assert!(at - changed.unwrap() <= interval, "a change waits");
                assert!(saved.is_none_or(|saved| at - saved >= interval), "too soon");
                gate.handle_saved(Instant::from_millis(at));
                (changed, saved) = (None, Some(at));
                saves += 1;
            }
            gate.handle_changed();
            changed = changed.or(Some(now));
        }
        assert!(saves > 300, "{saves}");
    }
}
