//! Versions: counters that grow by one with every accepted update.

use core::fmt;

/// How often a twin, or one of its sections, was updated; 0 means never.
///
/// AWS *version*, Azure *$version*. It survives a deletion: a twin that is made anew continues above
/// the version of the deleted one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Version(u64);

/// How the version of an incoming change relates to the version that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Succession {
    /// The version after the known one: nothing is missing.
    Next,
    /// The known version again.
    Duplicate,
    /// Older than the known version.
    Stale,
    /// Newer than the one after the known version: something was missed.
    Gap,
}

impl Version {
    /// Never updated.
    pub const ZERO: Self = Self(0);

    /// Takes the counter.
    pub const fn new(version: u64) -> Self {
        Self(version)
    }

    /// Returns the counter.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Returns the version after this one; the last one stays.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// Counts up if `count` says so.
    pub(super) const fn next_if(self, count: bool) -> Self {
        if count { self.next() } else { self }
    }

    /// Says how a change of version `self` relates to what is `known`.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub const fn after(self, known: Self) -> Succession {
        match self.0.checked_sub(known.0) {
            None => Succession::Stale,
            Some(0) => Succession::Duplicate,
            Some(1) => Succession::Next,
            Some(_) => Succession::Gap,
        }
    }
}

/// The versions of a twin. Where a protocol has one counter for all, the three are equal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Versions {
    /// Counts every accepted update.
    pub twin: Version,
    /// Counts the updates that named desired.
    pub desired: Version,
    /// Counts the updates that named reported.
    pub reported: Version,
}

impl Versions {
    /// Never updated.
    pub const ZERO: Self = Self::all(Version::ZERO);

    /// Returns the versions one higher, all of them.
    pub(super) const fn next(self) -> Self {
        Self {
            twin: self.twin.next(),
            desired: self.desired.next(),
            reported: self.reported.next(),
        }
    }

    /// The versions where one counter serves all.
    pub const fn all(version: Version) -> Self {
        Self {
            twin: version,
            desired: version,
            reported: version,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{Succession, Version};

    #[test]
    fn a_version_is_next_duplicate_stale_or_behind_a_gap() {
        let known = Version::new(7);
        assert_eq!(Version::new(8).after(known), Succession::Next);
        assert_eq!(Version::new(7).after(known), Succession::Duplicate);
        assert_eq!(Version::new(6).after(known), Succession::Stale);
        assert_eq!(Version::new(9).after(known), Succession::Gap);
    }

    #[test]
    fn the_last_version_stays() {
        let last = Version::new(u64::MAX);
        assert_eq!(last.next(), last);
    }
}
