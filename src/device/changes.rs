//! The work list: what desired asks for and reported does not say.

use core::fmt;

use crate::document::{DocumentRef, Leaf, Leaves};
use crate::twin;

/// How many refused values an engine remembers; refusing one more forgets the oldest.
pub const MAX_REFUSED: usize = 8;

/// How reported says what desired asks for: by the same value ([`Acks::PLAIN`]), or as a convention between
/// device and service has it (Azure's Plug and Play: `adapter::azure::plug_and_play::says`).
#[derive(Clone, Copy)]
pub struct Acks(Says);

/// Says whether the section `reported` says, at `path`, what `wanted` (a leaf of desired) asks for.
pub type Says = fn(reported: DocumentRef<'_>, path: &[&str], wanted: DocumentRef<'_>) -> bool;

impl Acks {
    /// The same value, or any map for an empty one.
    pub const PLAIN: Self = Self(says_the_same);

    /// As `says` decides. It is asked once for each leaf of desired whenever the work list is computed.
    pub const fn new(says: Says) -> Self {
        Self(says)
    }
}

fn says_the_same(reported: DocumentRef<'_>, path: &[&str], wanted: DocumentRef<'_>) -> bool {
    reported
        .at(path)
        .is_some_and(|said| said == wanted || (wanted.is_empty() && said.is_map()))
}

// Functions have no equality that means something: two are the same if they are the same piece of code.
impl PartialEq for Acks {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for Acks {}

impl fmt::Debug for Acks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::PLAIN {
            "Acks::PLAIN"
        } else {
            "Acks"
        })
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Acks {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Acks");
    }
}

/// Iterator over the leaves of desired that reported does not say and that were not refused.
///
/// Nothing is stored: it compares the two documents as it goes.
#[derive(Clone, Debug)]
pub struct Changes<'a> {
    leaves: Leaves<'a>,
    reported: DocumentRef<'a>,
    acks: Acks,
    refused: &'a Refused,
}

/// Hashes of the values that the application refused, with their paths.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    hashes: [u64; MAX_REFUSED],
    next: usize,
}

impl<'a> Changes<'a> {
    pub(super) fn new(
        desired: DocumentRef<'a>,
        reported: DocumentRef<'a>,
        acks: Acks,
        refused: &'a Refused,
    ) -> Self {
        Self {
            leaves: desired.leaves(),
            reported,
            acks,
            refused,
        }
    }
}

impl<'a> Iterator for Changes<'a> {
    type Item = Leaf<'a>;

    fn next(&mut self) -> Option<Leaf<'a>> {
        while self.leaves.step() {
            if is_open(&self.leaves, self.reported, self.acks, self.refused) {
                return Some(self.leaves.leaf());
            }
        }
        None
    }
}

/// Whether this leaf of desired is work to do.
pub(super) fn is_open(
    leaf: &Leaves<'_>,
    reported: DocumentRef<'_>,
    acks: Acks,
    refused: &Refused,
) -> bool {
    is_unsaid(leaf, reported, acks) && !refused.holds(leaf)
}

/// Whether reported does not say this leaf of desired.
pub(super) fn is_unsaid(leaf: &Leaves<'_>, reported: DocumentRef<'_>, acks: Acks) -> bool {
    // An empty desired is a leaf of its own, and asks for nothing.
    let path = leaf.path();
    !path.is_empty() && !(acks.0)(reported, path, leaf.document())
}

/// Whether `document` says something at `path`: a value there, or one that stands in its way.
pub(super) fn names(document: DocumentRef<'_>, path: &[&str]) -> bool {
    let mut here = document;
    for key in path {
        if !here.is_map() {
            return true;
        }
        match here.at(&[key]) {
            Some(below) => here = below,
            None => return false,
        }
    }
    true
}

impl Refused {
    pub(super) const fn new() -> Self {
        Self {
            hashes: [0; MAX_REFUSED],
            next: 0,
        }
    }

    pub(super) fn holds(&self, leaf: &Leaves<'_>) -> bool {
        self.contains(hash(leaf))
    }

    fn contains(&self, hash: u64) -> bool {
        self.hashes.contains(&hash)
    }

    /// Forgets what `desired` does not hold any more: asked for again, it is offered again.
    #[inline(never)]
    pub(super) fn retain(&mut self, desired: DocumentRef<'_>) {
        if self.hashes == [0; MAX_REFUSED] {
            return;
        }
        let before = core::mem::replace(&mut self.hashes, [0; MAX_REFUSED]);
        let mut leaves = desired.leaves();
        while leaves.step() {
            let hash = hash(&leaves);
            for (kept, refused) in self.hashes.iter_mut().zip(before) {
                if refused == hash {
                    *kept = hash;
                }
            }
        }
    }

    pub(super) fn insert(&mut self, leaf: &Leaves<'_>) {
        let hash = hash(leaf);
        if self.contains(hash) {
            return;
        }
        if let Some(place) = self.hashes.get_mut(self.next) {
            *place = hash;
        }
        self.next = self.next.wrapping_add(1);
        if self.next >= MAX_REFUSED {
            self.next = 0;
        }
    }
}

/// A hash of the path and the value; never 0.
fn hash(leaf: &Leaves<'_>) -> u64 {
    let mut hash = twin::hash(leaf.document().as_bytes());
    for key in leaf.path() {
        hash = hash.rotate_left(8) ^ twin::hash(key.as_bytes());
    }
    hash | 1
}

#[cfg(feature = "defmt")]
impl defmt::Format for Changes<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Changes as {}", self.acks);
    }
}
