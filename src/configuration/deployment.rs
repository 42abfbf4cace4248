//! A configuration on its way to one device, watched by the service's side.

use super::standing::Standing;
use crate::time::{Duration, Instant};

/// One configuration that one device is to put into effect by some time, or it is rolled back.
///
/// ```
/// use twinsync::configuration::{Cause, Deployment, Keys, Outcome, Standing};
/// use twinsync::document::Document;
/// use twinsync::time::{Duration, Instant};
///
/// let deployment = Deployment::new(2, Instant::ZERO, Duration::from_secs(300));
/// let (mut desired, mut reported) = (Document::<64>::new(), Document::<64>::new());
/// desired.set(&["configVersion"], 2)?;
/// let judge = |secs: u64, reported: &Document<64>| {
///     let standing = Standing::of(desired.as_ref(), reported.as_ref(), &Keys::DEFAULT);
///     deployment.judge(Instant::from_millis(secs * 1_000), &standing)
/// };
/// assert_eq!(judge(1, &reported), Outcome::Waiting);
/// assert_eq!(judge(300, &reported), Outcome::RollBack(Cause::Overdue));
/// reported.set(&["configVersion"], 2)?;
/// assert_eq!(judge(301, &reported), Outcome::Applied, "late, but it is in effect");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Deployment {
    version: u64,
    until: Instant,
}

/// How a deployment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Outcome {
    /// The device says it is in effect, all of it.
    Applied,
    /// Not yet, and there is time.
    Waiting,
    /// Desired holds another configuration by now: this one is nobody's business any more.
    Superseded,
    /// It is to be rolled back: [`History::rollback`](super::History::rollback).
    RollBack(Cause),
}

/// Why a configuration is rolled back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Cause {
    /// The device refused it, or its own check failed; [`Standing::failed`] has its words.
    Failed,
    /// Its time is over.
    Overdue,
}

impl Deployment {
    /// A configuration that was desired at `now` and is to be in effect `within` that time.
    pub const fn new(version: u64, now: Instant, within: Duration) -> Self {
        Self {
            version,
            until: now.saturating_add(within),
        }
    }

    /// Returns the number of the configuration.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Returns by when it is to be in effect.
    pub const fn due(&self) -> Instant {
        self.until
    }

    /// Says what is to be done, from what the twin says at `now`.
    pub fn judge(&self, now: Instant, standing: &Standing<'_>) -> Outcome {
        if standing.wanted != Some(self.version) {
            Outcome::Superseded
        } else if standing.is_in_step() {
            Outcome::Applied
        } else if standing.failed().is_some() {
            Outcome::RollBack(Cause::Failed)
        } else if self.until <= now {
            Outcome::RollBack(Cause::Overdue)
        } else {
            Outcome::Waiting
        }
    }
}
