//! How far a device is with its configuration, seen from either end.

use super::acknowledgement::says;
use super::{Keys, version_of};
use crate::document::{DocumentMut, DocumentRef, EditError, Value};
use crate::time::Timestamp;

/// Keys inside the leaf that tells of a failure.
const VERSION: &str = "version";
const REASON: &str = "reason";

/// How far a device is with its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Standing<'a> {
    /// The number of the configuration that desired holds.
    pub wanted: Option<u64>,
    /// The number of the one in effect, as the device says.
    pub applied: Option<u64>,
    /// Since when, by the device's clock.
    pub applied_at: Option<Timestamp>,
    /// What the device says went wrong, whichever configuration that was.
    pub failure: Option<Failure<'a>>,
    /// Leaves of desired, besides the number, that reported does not say.
    pub open: usize,
}

/// A configuration that a device refused, or took back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Failure<'a> {
    /// Its number.
    pub version: u64,
    /// Why, in the device's words.
    pub reason: &'a str,
}

/// What a device can say of its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Conclusion {
    /// Desired has no number: there is nothing to say.
    Unnumbered,
    /// All of it is in effect, and reported says so already.
    Said(u64),
    /// So many leaves are not in effect yet.
    Pending(usize),
    /// All of it is in effect: the report to be made says so.
    Applied(u64),
}

impl<'a> Standing<'a> {
    /// Compares the sections of a twin. Cost: linear in both.
    pub fn of(desired: DocumentRef<'_>, reported: DocumentRef<'a>, keys: &Keys) -> Self {
        let millis = reported.value(&[keys.applied_at]).and_then(Value::as_i64);
        Self {
            wanted: version_of(desired, keys),
            applied: version_of(reported, keys),
            applied_at: millis
                .and_then(|millis| u64::try_from(millis).ok())
                .map(Timestamp::from_millis),
            failure: failure(reported, keys),
            open: open(desired, reported, keys),
        }
    }

    /// Whether the configuration that is wanted is in effect, all of it.
    pub fn is_in_step(&self) -> bool {
        self.wanted.is_some() && self.applied == self.wanted && self.open == 0
    }

    /// What went wrong with the configuration that is wanted.
    pub fn failed(&self) -> Option<Failure<'a>> {
        self.failure
            .filter(|failure| Some(failure.version) == self.wanted)
    }
}

/// Says whether the configuration in `desired` is in effect; if it is and `reported` does not say so yet,
/// `report` becomes the patch that does, and takes a former failure back.
///
/// Call it when leaves were acknowledged; the number itself is never acknowledged by hand. Cost: linear in
/// both sections.
///
/// # Errors
/// [`EditError`] if `report` has no room; it is then `{}`.
pub fn conclude(
    desired: DocumentRef<'_>,
    reported: DocumentRef<'_>,
    now: Timestamp,
    keys: &Keys,
    report: &mut DocumentMut<'_>,
) -> Result<Conclusion, EditError> {
    report.clear();
    let Some(wanted) = version_of(desired, keys) else {
        return Ok(Conclusion::Unnumbered);
    };
    let open = open(desired, reported, keys);
    if open > 0 {
        return Ok(Conclusion::Pending(open));
    }
    if version_of(reported, keys) == Some(wanted) {
        return Ok(Conclusion::Said(wanted));
    }
    let written = write_applied(wanted, reported, now, keys, report);
    if written.is_err() {
        report.clear();
    }
    written.map(|()| Conclusion::Applied(wanted))
}

fn write_applied(
    wanted: u64,
    reported: DocumentRef<'_>,
    now: Timestamp,
    keys: &Keys,
    report: &mut DocumentMut<'_>,
) -> Result<(), EditError> {
    report.set(&[keys.version], number(wanted))?;
    report.set(&[keys.applied_at], number(now.as_millis()))?;
    if reported.at(&[keys.error]).is_some() {
        report.set(&[keys.error], Value::Null)?;
    }
    Ok(())
}

/// Makes `report` the patch that says why the configuration in `desired` is not, or no more, in effect.
/// Desired without a number counts as number 0.
///
/// # Errors
/// [`EditError`] if `report` has no room; it is then `{}`.
pub fn refuse(
    desired: DocumentRef<'_>,
    reason: &str,
    keys: &Keys,
    report: &mut DocumentMut<'_>,
) -> Result<(), EditError> {
    report.clear();
    let version = version_of(desired, keys).unwrap_or(0);
    let written = report
        .set(&[keys.error, VERSION], number(version))
        .and_then(|()| report.set(&[keys.error, REASON], reason));
    if written.is_err() {
        report.clear();
    }
    written
}

fn failure<'a>(reported: DocumentRef<'a>, keys: &Keys) -> Option<Failure<'a>> {
    let version = reported.value(&[keys.error, VERSION])?.as_i64()?;
    let reason = reported.value(&[keys.error, REASON]);
    Some(Failure {
        version: u64::try_from(version).ok()?,
        reason: reason.and_then(Value::as_str).unwrap_or_default(),
    })
}

/// How many leaves of desired, besides the number, reported does not say.
pub(super) fn open(desired: DocumentRef<'_>, reported: DocumentRef<'_>, keys: &Keys) -> usize {
    let mut open = 0_usize;
    let mut leaves = desired.leaves();
    while leaves.step() {
        let path = leaves.path();
        // An empty desired is a leaf of its own, and asks for nothing.
        let counts = !path.is_empty() && path != [keys.version];
        if counts && !says(reported, path, leaves.document()) {
            open = open.saturating_add(1);
        }
    }
    open
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
