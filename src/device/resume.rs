//! Going on from what is known, where each section has a version of its own.
//!
//! A device whose service counts the whole twin can not say what it knows. It links nothing of this: only
//! [`Config::with_versions`](super::Config::with_versions) leads here.

use super::state::Parts;
use crate::document::DocumentRef;
use crate::protocol::{Known, Wanted};
use crate::twin::ETag;

/// What to say in a get, and what to make of a patch in its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resume {
    pub(super) known: fn(&Parts<'_>) -> Option<Known>,
    pub(super) patched: fn(&mut Parts<'_>, &Difference<'_>) -> bool,
}

/// A patch of desired, and the tag of what it leads to.
pub(super) type Difference<'a> = (DocumentRef<'a>, ETag);

impl Resume {
    pub(super) const BY_SECTION: Self = Self { known, patched };
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

/// Takes this patch of desired, if it leads to what the service has; whether it does.
fn patched(parts: &mut Parts<'_>, (patch, desired): &Difference<'_>) -> bool {
    // Put together in the place of the report: as reported did not change, one that was in doubt was not
    // applied, and is made anew.
    let fits = patch.is_map()
        && parts.outgoing.assign(parts.desired.as_ref()).is_ok()
        && parts.outgoing.merge(*patch).is_ok()
        && ETag::of(parts.outgoing.as_ref()) == *desired;
    if fits {
        let before = parts.tag();
        // It fits: it stood in a place of the same size.
        let _ = parts.desired.assign(parts.outgoing.as_ref());
        parts.tell_changes(before);
    }
    fits
}
