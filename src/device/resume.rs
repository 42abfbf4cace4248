//! Going on from what is known, where each section has a version of its own.
//!
//! A device whose service counts the whole twin can not say what it knows. It links nothing of this: only
//! [`Config::with_versions`](super::Config::with_versions) leads here.

use super::state::{Parts, Patch};
use crate::document::DocumentRef;
use crate::protocol::{Known, Versions, Wanted};
use crate::twin::ETag;

/// What to say in a get, and what to make of its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resume {
    pub(super) known: fn(&Parts<'_>) -> Option<Known>,
    pub(super) confirmed: fn(&mut Parts<'_>, &Versions, Option<&Difference<'_>>),
}

/// A patch of desired, and the tag of what it leads to.
pub(super) type Difference<'a> = (DocumentRef<'a>, ETag);

impl Resume {
    pub(super) const BY_SECTION: Self = Self { known, confirmed };
}

// There is only one.
impl PartialEq for Resume {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Resume {}

#[cfg(feature = "defmt")]
impl defmt::Format for Resume {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Resume");
    }
}

/// What a get may say of what is known.
fn known(parts: &Parts<'_>) -> Option<Known> {
    let core = &*parts.core;
    let sayable = core.believed && core.wanted == Wanted::Sections;
    sayable.then(|| Known {
        versions: core.known,
        desired: ETag::of(parts.desired.as_ref()),
    })
}

/// The service has what is known, but for this patch of desired, if there is one. What does not fit
/// together is a doubt, and the next get asks for everything.
fn confirmed(parts: &mut Parts<'_>, versions: &Versions, patch: Option<&Difference<'_>>) {
    let known = parts.core.known;
    let same = match patch {
        None => versions.desired == known.desired,
        Some((patch, desired)) => {
            // Put together in the place of the report: as reported did not change, one that was in
            // doubt was not applied, and is made anew.
            patch.is_map()
                && parts.outgoing.assign(parts.desired.as_ref()).is_ok()
                && parts.outgoing.merge(*patch).is_ok()
                && ETag::of(parts.outgoing.as_ref()) == *desired
        }
    };
    let core = &mut *parts.core;
    core.patch = Patch::None;
    if !same || versions.reported != known.reported {
        if !core.believed {
            // It was not told what is known.
            core.back_off();
        }
        core.believed = false;
        return;
    }
    let resync_at = core.resync_at;
    if patch.is_some() {
        let before = parts.tag();
        // It fits: it stood in a place of the same size.
        let _ = parts.desired.assign(parts.outgoing.as_ref());
        parts.tell_changes(before);
    }
    parts.got(versions);
    // Only a full get is a confirmation.
    parts.core.resync_at = resync_at;
}
