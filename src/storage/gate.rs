//! When to save: not more often than the flash bears.

use crate::time::{Duration, Instant};

/// Says when to save, so that saves are at least an interval apart; does no I/O and keeps no data.
///
/// Flash of 10,000 erases in 16 pages of 4 KB with records of 500 bytes bears about 1.3 million saves:
/// one every two minutes for five years.
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
}
