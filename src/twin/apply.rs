//! The pure step: a twin, an update and the time make the next twin, or a rejection.

use super::metadata::{self, LeafMeta};
use super::policy::Policy;
use super::precondition::Precondition;
use super::record::{Head, TwinMut, TwinRef};
use super::section::Section;
use super::since;
use super::update::{Mode, Rejected, Update};
use super::version::{Version, Versions};
use crate::document::format;
use crate::document::{DocumentMut, DocumentRef, MAX_DEPTH};
use crate::time::Timestamp;

/// An update that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Applied {
    /// The versions after the update.
    pub versions: Versions,
    /// Whether the update created the twin.
    pub created: bool,
    /// Which sections the update named, whether they changed or not.
    pub named: Named,
}

/// Which sections an update named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Named {
    /// It named [`Section::Desired`].
    pub desired: bool,
    /// It named [`Section::Reported`].
    pub reported: bool,
    /// It named [`Section::Tags`].
    pub tags: bool,
}

/// A twin that was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Deleted {
    /// The versions of the twin that was deleted. Its tombstone has versions one higher.
    pub versions: Versions,
}

/// Applies `update` to `previous`: `next` becomes the twin after it.
///
/// An accepted update counts the twin's version up by one, and that of each section it names, whether
/// a value changed or not; an empty patch of an absent twin creates it. Sections are merged by RFC
/// 7396 (so tags are merged deeply, too); a section that holds nothing any more is dropped.
///
/// The checks, in this order: precondition, shape of the patch, origin, nesting, null in arrays, room,
/// size limits.
///
/// ```
/// use twinsync::document::Document;
/// use twinsync::time::Timestamp;
/// use twinsync::twin::{self, Policy, Section, Twin, TwinRef, Update, Version};
///
/// let mut patch = Document::<64>::new();
/// patch.set(&["desired", "target"], 21)?;
/// let now = Timestamp::from_secs(1_700_000_000);
/// let mut next = Twin::<128>::new();
/// let applied = twin::apply(
///     TwinRef::ABSENT,
///     &Update::merge(patch.as_ref()),
///     now,
///     &Policy::new(),
///     &mut next.as_mut(),
/// )?;
/// assert!(applied.created);
/// assert_eq!(applied.versions.twin, Version::new(1));
/// assert_eq!(next.as_ref().section(Section::Desired).read::<u8>(&["target"])?, 21);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Cost: one copy of the twin, one merge; with metadata a second merge of the stamps.
///
/// # Errors
/// [`Rejected`]; `next` is then a copy of `previous`. Only a `next` that has not even room for
/// `previous` stays as it was.
pub fn apply(
    previous: TwinRef<'_>,
    update: &Update<'_>,
    now: Timestamp,
    policy: &Policy,
    next: &mut TwinMut<'_>,
) -> Result<Applied, Rejected> {
    let verdict = judge(previous, update, now, policy);
    let copied = next.assign(previous);
    let (named, base) = verdict?;
    copied.map_err(Rejected::Capacity)?;
    let versions = Versions {
        twin: base.twin.next(),
        desired: base.desired.next_if(named.desired),
        reported: base.reported.next_if(named.reported),
    };
    if let Err(rejected) = change(&mut next.document, update, named, versions, now, policy) {
        let _ = next.document.assign(previous.document());
        return Err(rejected);
    }
    *next.head = Head {
        versions,
        pruned: pruned(previous, update, named, versions, now, policy),
        updated_at: now,
        exists: true,
    };
    Ok(Applied {
        versions,
        created: !previous.exists(),
        named,
    })
}

/// Deletes `previous`: `next` becomes its tombstone, with versions one higher, so that a twin that is
/// made anew within [`Policy::tombstone`] continues above (a re-creation after version N gets N + 2).
///
/// # Errors
/// [`Rejected::NotFound`] if there is no twin, or a failed precondition; `next` is then a copy of
/// `previous`, if it has room for it.
pub fn delete(
    previous: TwinRef<'_>,
    precondition: Precondition,
    now: Timestamp,
    next: &mut TwinMut<'_>,
) -> Result<Deleted, Rejected> {
    let verdict = if previous.exists() {
        precondition.check(previous)
    } else {
        Err(Rejected::NotFound)
    };
    if let Err(rejected) = verdict {
        let _ = next.assign(previous);
        return Err(rejected);
    }
    let versions = previous.versions();
    next.document.clear();
    *next.head = Head {
        versions: versions.next(),
        pruned: versions.desired.next(),
        updated_at: now,
        exists: false,
    };
    Ok(Deleted { versions })
}

/// Checks all that needs no merge: which sections the update names, and the versions it counts up.
fn judge(
    previous: TwinRef<'_>,
    update: &Update<'_>,
    now: Timestamp,
    policy: &Policy,
) -> Result<(Named, Versions), Rejected> {
    let base = base(previous, now, policy);
    if let Precondition::Version(expected) = update.precondition
        && !previous.exists()
    {
        if !policy.version_of_absent.holds(expected, base.twin.next()) {
            let actual = Version::ZERO;
            return Err(Rejected::Conflict { expected, actual });
        }
    } else {
        update.precondition.check_of(previous, policy.etag)?;
    }
    if !previous.exists() && !policy.create {
        return Err(Rejected::NotFound);
    }
    let named = Named::by(update.patch)?;
    let limit = policy.section_depth();
    let (mut too_deep, mut null_in_array) = (None, None);
    // In the order in which they stand in the patch.
    for section in Section::ALL {
        if !named.has(section) {
            continue;
        }
        if !policy.allows(update.origin, section) {
            return Err(Rejected::Forbidden(section));
        }
        // A map, or null.
        if let Some(part) = update.patch.at(&[section.key()]) {
            let survey = Survey::of(part);
            if survey.depth > limit {
                too_deep = too_deep.or(Some(section));
            }
            if survey.null_in_array {
                null_in_array = null_in_array.or(Some(section));
            }
        }
    }
    if let Some(section) = too_deep {
        return Err(Rejected::TooDeep { section, limit });
    }
    match null_in_array {
        Some(section) if !policy.null_in_arrays => Err(Rejected::NullInArray(section)),
        _ => Ok((named, base)),
    }
}

/// The versions that an update of `previous` counts up: those of a tombstone only while it lives.
fn base(previous: TwinRef<'_>, now: Timestamp, policy: &Policy) -> Versions {
    let head = previous.head();
    if head.exists || now.saturating_since(head.updated_at) <= policy.tombstone {
        head.versions
    } else {
        Versions::ZERO
    }
}

/// The version of desired that last lost an entry, after this update.
fn pruned(
    previous: TwinRef<'_>,
    update: &Update<'_>,
    named: Named,
    versions: Versions,
    now: Timestamp,
    policy: &Policy,
) -> Version {
    let loses = || {
        let patch = update.patch.at(&[Section::Desired.key()]);
        match patch.filter(|patch| update.mode == Mode::Merge && patch.is_map()) {
            Some(patch) => since::loses(previous.section(Section::Desired), patch),
            None => true,
        }
    };
    // Without metadata nobody knows what changed when.
    if !policy.metadata || (named.desired && loses()) {
        versions.desired
    } else if base(previous, now, policy) == Versions::ZERO {
        Version::ZERO
    } else {
        previous.head().pruned
    }
}

/// Changes a copy of the twin's document.
fn change(
    document: &mut DocumentMut<'_>,
    update: &Update<'_>,
    named: Named,
    versions: Versions,
    now: Timestamp,
    policy: &Policy,
) -> Result<(), Rejected> {
    if !update.patch.is_map() {
        document.clear();
        return Ok(());
    }
    if update.mode == Mode::Replace {
        for section in Section::ALL {
            if named.has(section) {
                document.remove(&[section.key()]);
                document.remove(&[metadata::KEY, section.key()]);
            }
        }
    }
    document.merge(update.patch).map_err(Rejected::Capacity)?;
    for section in Section::ALL {
        if named.has(section)
            && document
                .as_ref()
                .at(&[section.key()])
                .is_some_and(DocumentRef::is_empty)
        {
            document.remove(&[section.key()]);
        }
    }
    if !policy.metadata {
        document.remove(&[metadata::KEY]);
    } else if named.desired || named.reported {
        let metas = [versions.desired, versions.reported].map(|version| LeafMeta {
            updated_at: now,
            version,
        });
        metadata::stamp(document, update.patch, metas).map_err(Rejected::Capacity)?;
    }
    check_sizes(document.as_ref(), policy)
}

fn check_sizes(document: DocumentRef<'_>, policy: &Policy) -> Result<(), Rejected> {
    let sizes = &policy.sizes;
    if sizes.surely_hold(document.as_bytes().len()) {
        return Ok(());
    }
    let mut state = 0_usize;
    for (section, limit) in [
        (Section::Tags, sizes.tags),
        (Section::Desired, sizes.desired),
        (Section::Reported, sizes.reported),
    ] {
        let size = document.at(&[section.key()]).map_or(0, sizes.measure);
        if size > limit {
            return Err(Rejected::TooLarge { size, limit });
        }
        if section != Section::Tags {
            state = state.saturating_add(size);
        }
    }
    if state > sizes.state {
        return Err(Rejected::TooLarge {
            size: state,
            limit: sizes.state,
        });
    }
    Ok(())
}

impl Named {
    /// Every section: what a null in place of the patch names.
    const ALL: Self = Self {
        desired: true,
        reported: true,
        tags: true,
    };

    /// Returns whether the update named `section`.
    pub const fn has(self, section: Section) -> bool {
        match section {
            Section::Desired => self.desired,
            Section::Reported => self.reported,
            Section::Tags => self.tags,
        }
    }

    /// The sections that `patch` names, if it is the patch of a twin.
    fn by(patch: DocumentRef<'_>) -> Result<Self, Rejected> {
        if !patch.is_map() {
            return match patch == DocumentRef::NULL {
                true => Ok(Self::ALL),
                false => Err(Rejected::UnknownSection),
            };
        }
        let mut named = Self::default();
        let mut not_a_map = None;
        // Entry by entry as bytes: there is no text to check in them.
        let bytes = patch.as_bytes();
        let mut at = format::HEADER;
        while at < bytes.len() {
            let (start, value) = format::key_span(bytes, at);
            let key = format::slice(bytes, start, value);
            let section = Section::ALL
                .into_iter()
                .find(|section| section.key().as_bytes() == key)
                .ok_or(Rejected::UnknownSection)?;
            match section {
                Section::Desired => named.desired = true,
                Section::Reported => named.reported = true,
                Section::Tags => named.tags = true,
            }
            if !matches!(format::byte_at(bytes, value), format::MAP | format::NULL) {
                not_a_map = not_a_map.or(Some(section));
            }
            at = format::value_end(bytes, value);
        }
        match not_a_map {
            Some(section) => Err(Rejected::NotAMap(section)),
            None => Ok(named),
        }
    }
}

/// What one walk over a section's patch finds.
struct Survey {
    depth: usize,
    null_in_array: bool,
}

impl Survey {
    fn of(document: DocumentRef<'_>) -> Self {
        let bytes = document.as_bytes();
        // Where each open container ends, and whether it is a map. Arrays are never left for a map
        // outside them, so the outermost array decides whether a null stands in one.
        let mut open: heapless::Vec<(usize, bool), MAX_DEPTH> = heapless::Vec::new();
        let (mut depth, mut arrays, mut null_in_array) = (0, 0_usize, false);
        let mut at = 0;
        while at < bytes.len() {
            let inside_map = open.last().is_some_and(|(_, map)| *map);
            let value = if inside_map {
                format::key_span(bytes, at).1
            } else {
                at
            };
            let tag = format::byte_at(bytes, value);
            let end = format::value_end(bytes, value);
            at = end;
            if matches!(tag, format::MAP | format::ARRAY) {
                let map = tag == format::MAP;
                arrays = arrays.wrapping_add(usize::from(!map));
                let _ = open.push((end, map));
                depth = open.len().max(depth);
                at = value.wrapping_add(format::HEADER);
            } else if tag == format::NULL && arrays > 0 {
                null_in_array = true;
            }
            while let Some((_, map)) = open.last().copied().filter(|(end, _)| *end <= at) {
                arrays = arrays.wrapping_sub(usize::from(!map));
                open.pop();
            }
        }
        Self {
            depth,
            null_in_array,
        }
    }
}
