//! A configuration that has to prove itself on the device before it stays.

use core::fmt;

use super::acknowledgement::{in_force, says};
use super::standing::Standing;
use super::{Keys, version_of};
use crate::document::{Document, DocumentRef, EditError, Value};
use crate::error::CapacityError;
use crate::time::{Duration, Instant};

/// Keeps what was in effect before a configuration until that has proven itself, in `N` bytes.
///
/// ```
/// use twinsync::configuration::{Keys, Trial};
/// use twinsync::document::Document;
/// use twinsync::time::{Duration, Instant};
///
/// # let (mut desired, mut reported) = (Document::<64>::new(), Document::<64>::new());
/// desired.set(&["apn"], "wrong")?;
/// desired.set(&["configVersion"], 4)?;
/// reported.set(&["apn"], "right")?;
/// let mut trial = Trial::<128>::new();
/// // Before the first leaf is applied: one minute to find a way back to the service.
/// let minute = Duration::from_secs(60);
/// trial.begin(Instant::ZERO, minute, desired.as_ref(), reported.as_ref(), &Keys::DEFAULT)?;
/// // … applied, but no connection: the time is over.
/// let back = trial.poll(Instant::from_millis(60_000)).ok_or("is overdue")?;
/// assert_eq!(back.read::<&str>(&["apn"])?, "right");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// What comes back is put into effect and reported; [`refuse`](super::refuse) says why. From then on, the same
/// configuration does not begin again ([`TrialError::Failed`]): apply nothing of it.
///
/// A trial in memory only is lost with a restart. Its configuration has then not proven itself, so do not
/// [`conclude`](super::conclude) it: the service's [`Deployment`](super::Deployment) runs out and rolls back. Or store
/// [`version`](Self::version) and [`before`](Self::before), and [`restore`](Self::restore) them.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Trial<const N: usize> {
    /// Until when it must have proven itself; none if there is no trial.
    until: Option<Instant>,
    version: u64,
    before: Document<N>,
}

/// Why a trial does not begin; a running one goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TrialError {
    /// Another configuration is on trial: this one.
    Running(u64),
    /// The configuration of this number has failed already, as reported says: it is not tried again.
    Failed(u64),
    /// What is in effect does not fit.
    Edit(EditError),
}

impl<const N: usize> Trial<N> {
    /// Nothing is on trial.
    pub const fn new() -> Self {
        Self {
            until: None,
            version: 0,
            before: Document::new(),
        }
    }

    /// Begins a trial before anything of `desired` is applied: what `reported` says of the leaves that
    /// would change is kept; null where it says nothing. The configuration that is on trial already stays
    /// on trial under its first deadline. Cost: linear in desired, for each of its leaves.
    ///
    /// # Errors
    /// [`TrialError`]: another one is on trial, this one has failed before, or what is in effect does not fit.
    pub fn begin(
        &mut self,
        now: Instant,
        within: Duration,
        desired: DocumentRef<'_>,
        reported: DocumentRef<'_>,
        keys: &Keys,
    ) -> Result<(), TrialError> {
        let version = version_of(desired, keys).unwrap_or(0);
        if self.until.is_some() {
            return if self.version == version {
                Ok(())
            } else {
                Err(TrialError::Running(self.version))
            };
        }
        if let Some(failure) = Standing::of(desired, reported, keys).failed() {
            return Err(TrialError::Failed(failure.version));
        }
        self.before.clear();
        if let Err(error) = self.note(desired, reported, keys) {
            self.before.clear();
            return Err(TrialError::Edit(error));
        }
        self.version = version;
        self.until = Some(now + within);
        Ok(())
    }

    fn note(
        &mut self,
        desired: DocumentRef<'_>,
        reported: DocumentRef<'_>,
        keys: &Keys,
    ) -> Result<(), EditError> {
        let mut leaves = desired.leaves();
        while leaves.step() {
            let path = leaves.path();
            if path.is_empty() || path == [keys.version] {
                continue;
            }
            if !says(reported, path, leaves.document()) {
                let before = in_force(reported, path).map_or(Value::Null, |(here, _)| here.root());
                self.before.set(path, before)?;
            }
        }
        Ok(())
    }

    /// The configuration has proven itself: it stays. Returns its number, if one was on trial.
    pub fn pass(&mut self) -> Option<u64> {
        self.until.take()?;
        self.before.clear();
        Some(self.version)
    }

    /// The configuration has failed its check: ends the trial and returns what was in effect before, as a
    /// patch; nothing if there is no trial.
    pub fn fail(&mut self) -> Option<DocumentRef<'_>> {
        self.until.take()?;
        Some(self.before.as_ref())
    }

    /// Ends a trial whose time is over at `now`, and returns what was in effect before, as a patch.
    pub fn poll(&mut self, now: Instant) -> Option<DocumentRef<'_>> {
        if self.until? > now {
            return None;
        }
        self.fail()
    }

    /// Returns when [`Trial::poll`] is due.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.until
    }

    /// Returns what was in effect before the configuration on trial, as a patch: store it with
    /// [`version`](Self::version) before its first leaf is applied, and a restart does not lose it.
    pub fn before(&self) -> Option<DocumentRef<'_>> {
        self.until.map(|_| self.before.as_ref())
    }

    /// Goes on with a trial after a restart, from what was stored, and gives it `within` from now; a device
    /// for which a restart is a failed check calls [`fail`](Self::fail) next.
    ///
    /// # Errors
    /// [`CapacityError`] if `before` does not fit; nothing was changed.
    pub fn restore(
        &mut self,
        now: Instant,
        within: Duration,
        version: u64,
        before: DocumentRef<'_>,
    ) -> Result<(), CapacityError> {
        self.before.assign(before)?;
        self.version = version;
        self.until = Some(now + within);
        Ok(())
    }

    /// Returns the number of the configuration that is on trial.
    pub fn version(&self) -> Option<u64> {
        self.until.map(|_| self.version)
    }
}

impl<const N: usize> Default for Trial<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for TrialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running(version) => write!(f, "configuration {version} is on trial"),
            Self::Failed(version) => write!(f, "configuration {version} has failed before"),
            Self::Edit(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for TrialError {}
