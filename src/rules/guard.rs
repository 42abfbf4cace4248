//! The same rules on the service's side: what may not be wished for is not stored.

use core::fmt;

use super::check::Breach;
use super::machine::Machine;
use super::state_machine::Denial;
use super::values::ValueRules;
use crate::document::Value;
use crate::twin::{Refusal, Section, TwinRef};

/// Judges a change of a twin before it is stored.
///
/// A hub asks it between [`twin::apply`](crate::twin::apply) and the save (`hub::Config::with_guard`);
/// around an asynchronous store, ask it yourself at the same place:
///
/// ```
/// use twinsync::document::Document;
/// use twinsync::rules::{Check, Guard, Rule, ValueRules, checked};
/// use twinsync::time::Timestamp;
/// use twinsync::twin::{self, Applied, Policy, Rejected, Twin, TwinRef, Update};
///
/// static RULES: ValueRules =
///     checked!(ValueRules::new(&[Rule::new(&["target"], &[Check::between(5, 35)])]));
///
/// fn step(previous: TwinRef<'_>, update: &Update<'_>, next: &mut Twin<256>) -> Result<Applied, Rejected> {
///     let now = Timestamp::from_secs(1_700_000_000);
///     let applied = twin::apply(previous, update, now, &Policy::new(), &mut next.as_mut())?;
///     RULES.check(previous, next.as_ref()).map_err(Rejected::Refused)?;
///     Ok(applied) // and save `next`
/// }
///
/// let mut patch = Document::<64>::new();
/// patch.set(&["desired", "target"], 50)?;
/// let mut next = Twin::new();
/// let rejected = step(TwinRef::ABSENT, &Update::merge(patch.as_ref()), &mut next).unwrap_err();
/// assert_eq!(rejected.to_string(), "target: out of range");
/// # Ok::<(), twinsync::document::EditError>(())
/// ```
///
/// A guard looks at what changed: what was wrong before it was asked does not hold up other updates.
pub trait Guard {
    /// Judges the change from `previous` to `next`.
    ///
    /// # Errors
    /// [`Refusal`] says which rule is against it; `next` must not be stored then.
    fn check(&self, previous: TwinRef<'_>, next: TwinRef<'_>) -> Result<(), Refusal>;
}

impl<G: Guard + ?Sized> Guard for &G {
    fn check(&self, previous: TwinRef<'_>, next: TwinRef<'_>) -> Result<(), Refusal> {
        G::check(self, previous, next)
    }
}

/// Both guards must agree.
impl<A: Guard, B: Guard> Guard for (A, B) {
    fn check(&self, previous: TwinRef<'_>, next: TwinRef<'_>) -> Result<(), Refusal> {
        self.0.check(previous, next)?;
        self.1.check(previous, next)
    }
}

/// Refuses a wish for a state that the device can not go to from the one that it reports, and writes to
/// the leaves that belong to the device.
///
/// While the device has not reported a state, any known state can be wished for. What the hub knows of
/// the device may be old: the device has the last word.
impl Guard for Machine {
    fn check(&self, previous: TwinRef<'_>, next: TwinRef<'_>) -> Result<(), Refusal> {
        let keys = self.keys();
        let before = previous.section(Section::Desired);
        let desired = next.section(Section::Desired);
        if before == desired {
            return Ok(());
        }
        for path in [keys.previous, keys.changed_at, keys.reason, keys.error] {
            let wished = desired.at(path);
            if wished.is_some() && wished != before.at(path) {
                return Err(Refusal {
                    path,
                    reason: Breach::Reserved.text(),
                    step: None,
                });
            }
        }
        let Some(wished) = desired.at(keys.state) else {
            return Ok(());
        };
        if before.at(keys.state) == Some(wished) {
            return Ok(());
        }
        let name = wished.root().as_str().unwrap_or_default();
        let reported = next.section(Section::Reported);
        let from = reported.value(keys.state).and_then(Value::as_str);
        let from = from.and_then(|from| self.state(from));
        let judged = match (self.state(name), from) {
            (None, _) => Err(Denial::UnknownState),
            (Some(_), None) => Ok(()),
            (Some(to), Some(from)) if to == from => Ok(()),
            (Some(_), Some(from)) => self
                .judge(from.name(), name, false, desired, reported)
                .map(|_| ()),
        };
        judged.map_err(|denial| Refusal {
            path: keys.state,
            reason: denial.text(),
            step: from
                .zip(self.state(name))
                .map(|(from, to)| (from.name(), to.name())),
        })
    }
}

/// Refuses an update after which a leaf of desired breaks a rule that it did not break before, or a
/// required one is missing that was not missing before.
impl Guard for ValueRules {
    fn check(&self, previous: TwinRef<'_>, next: TwinRef<'_>) -> Result<(), Refusal> {
        let before = (
            previous.section(Section::Desired),
            previous.section(Section::Reported),
        );
        let (desired, reported) = (
            next.section(Section::Desired),
            next.section(Section::Reported),
        );
        if before.0 == desired || desired.is_empty() {
            return Ok(());
        }
        let mut leaves = desired.leaves();
        while leaves.step() {
            let path = leaves.path();
            let Err(broken) = self.judge(path, desired, reported) else {
                continue;
            };
            let old = before.0.at(path) == Some(leaves.document())
                && self.judge(path, before.0, before.1).is_err();
            if !old {
                return Err(Refusal {
                    path: broken.rule,
                    reason: broken.breach.text(),
                    step: None,
                });
            }
        }
        let mut refusal = Ok(());
        self.each_missing(desired, &mut |rule, path| {
            if refusal.is_ok() && !rule.is_missing(before.0, path) {
                refusal = Err(Refusal {
                    path: rule.path(),
                    reason: Breach::Missing.text(),
                    step: None,
                });
            }
        });
        refusal
    }
}

impl fmt::Debug for dyn Guard + Sync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Guard(..)")
    }
}
