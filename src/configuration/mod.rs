//! Configurations: desired with a version of its own, applied as a whole, kept, and rolled back.
//!
//! A *configuration* is desired under a number that its writer counts up, the leaf `configVersion`. The
//! device puts the other leaves into effect one by one; only when reported says all of them does it say the
//! same number, and since when (`configAppliedAt`). A configuration that it refuses, or that fails its own
//! health check, it takes back and says so (`configError`). So both ends can tell at any time which
//! configuration is in effect, whatever the protocol's own versions count.
//!
//! **The one rule: `configVersion` is reported last.** Who reads it there knows that all else is in effect.
//!
//! | on the device | on the service's side |
//! | --- | --- |
//! | [`conclude`]: is all of it in effect? then say so | [`stamp`]: gives a patch the next number |
//! | [`Trial`]: keeps what was in effect until the new one has proven itself | [`History`]: what was desired before; any of it comes back as one patch |
//! | [`Acknowledgement`]: say of a leaf how it went | [`says`]: whether reported says what is desired |
//! | [`refuse`]: say why not | [`Standing`]: in step, pending, failed; [`Deployment`]: when to roll back |
//!
//! ```
//! use twinsync::configuration::{self, Conclusion, History, Keys, Standing};
//! use twinsync::document::Document;
//! use twinsync::time::Timestamp;
//!
//! const KEYS: Keys = Keys::DEFAULT;
//! let now = Timestamp::from_secs(1_700_000_000);
//! let mut history = History::<512>::new();
//! let mut desired = Document::<128>::new();
//! desired.set(&["interval"], 60)?;
//! desired.set(&["configVersion"], 1)?;
//! history.keep(1, now, desired.as_ref())?;
//!
//! // The service changes its mind: a patch, and the next number.
//! let mut patch = Document::<128>::new();
//! patch.set(&["interval"], 5)?;
//! assert_eq!(configuration::stamp(&mut patch.as_mut(), desired.as_ref(), &KEYS)?, 2);
//! desired.merge(patch.as_ref())?;
//!
//! // The device has put it into effect.
//! let mut reported = Document::<128>::new();
//! reported.set(&["interval"], 5)?;
//! let mut report = Document::<128>::new();
//! let said = configuration::conclude(
//!     desired.as_ref(), reported.as_ref(), now, &KEYS, &mut report.as_mut(),
//! )?;
//! assert_eq!(said, Conclusion::Applied(2));
//! reported.merge(report.as_ref())?;
//! assert!(Standing::of(desired.as_ref(), reported.as_ref(), &KEYS).is_in_step());
//!
//! // Back to the first one, as one patch under a new number.
//! let back = history.rollback(1, desired.as_ref(), &KEYS, &mut patch.as_mut())?;
//! desired.merge(patch.as_ref())?;
//! assert_eq!((back, desired.read::<u8>(&["interval"])?), (3, 60));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # On the device, in this order
//!
//! 1. Wait until the engine is [online](crate::device::Link::Online): before, its desired may be a part only.
//! 2. [`Trial::begin`], before the first leaf; what has failed before does not begin.
//! 3. Apply the leaves, in [`settle`](crate::device::DeviceEngine::settle) say; *postpone* `configVersion`.
//! 4. Proven? [`Trial::pass`], then report what [`conclude`] writes. Not in time? Put what [`Trial::poll`] returns
//!    into effect, report it, and report what [`refuse`] writes.
//!
//! The example `fleet_config` does this in fifty devices (`examples/common/pump.rs`).
//!
//! # No lost updates
//!
//! Patches go out under a [`Precondition`](crate::twin::Precondition): the twin's version or etag that the
//! writer has read. Whoever comes second is refused, reads again, and stamps the next number; so each number
//! is one configuration.
//!
//! # Leaf by leaf
//!
//! A device that only says what is in force acknowledges with the value itself. One that also says how it went
//! writes an [`Acknowledgement`] with a [`Code`] and the version of desired that asked, in a [`Shape`]: plain,
//! beside the values, or that of IoT Plug and Play, around them. A value in a Plug and Play answer with a code
//! of success counts as reported here, too. `configVersion` itself is reported plainly in any shape.

mod acknowledgement;
mod deployment;
mod history;
mod standing;
mod trial;

pub use acknowledgement::{Acknowledgement, COMPONENT, Code, MARK, Shape, says};
pub use deployment::{Cause, Deployment, Outcome};
pub use history::{History, Kept, RollbackError};
pub use standing::{Conclusion, Failure, Standing, conclude, refuse};
pub use trial::{Trial, TrialError};

use crate::document::{DocumentMut, DocumentRef, EditError};

/// The leaves that speak of a configuration, at the top of desired and reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Keys {
    /// In desired, the configuration's number; in reported, the number of the one in effect.
    pub version: &'static str,
    /// In reported, when it was put into effect, in milliseconds since 1970.
    pub applied_at: &'static str,
    /// In reported, `{"version": …, "reason": …}` of the configuration that was refused or taken back.
    pub error: &'static str,
}

impl Keys {
    /// `configVersion`, `configAppliedAt` and `configError`.
    pub const DEFAULT: Self = Self {
        version: "configVersion",
        applied_at: "configAppliedAt",
        error: "configError",
    };
}

impl Default for Keys {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Returns the number of the configuration that a section holds or says is in effect; nothing if it has
/// none that is a whole number from 0.
pub fn version_of(section: DocumentRef<'_>, keys: &Keys) -> Option<u64> {
    let (version, _) = acknowledgement::in_force(section, &[keys.version])?;
    u64::try_from(version.root().as_i64()?).ok()
}

/// Gives `patch`, a patch of desired, the number after that of `desired`, and returns it; the first
/// configuration is number 1.
///
/// # Errors
/// [`EditError`] if the patch has no room for it; it is then as it was.
pub fn stamp(
    patch: &mut DocumentMut<'_>,
    desired: DocumentRef<'_>,
    keys: &Keys,
) -> Result<u64, EditError> {
    let next = version_of(desired, keys).unwrap_or(0).saturating_add(1);
    // Numbers beyond those of a document are not reached by counting.
    let number = i64::try_from(next).unwrap_or(i64::MAX);
    patch.set(&[keys.version], number)?;
    Ok(next)
}

#[cfg(test)]
mod tests;
