//! What a service allows: one value for everything that services decide differently.

use super::section::Section;
use super::update::Origin;
use super::version::Version;
use crate::document::{DocumentRef, MAX_DEPTH};
use crate::time::Duration;

/// Deepest nesting of a section: a twin nests it two deeper with its metadata, whose stamps are arrays.
pub const MAX_SECTION_DEPTH: usize = MAX_DEPTH.saturating_sub(3);

/// The rules of a service for its twins.
///
/// ```
/// use twinsync::time::Duration;
/// use twinsync::twin::{Policy, SizeLimits};
///
/// const POLICY: Policy = Policy::new()
///     .with_metadata(true)
///     .with_sizes(SizeLimits::NONE.with_state(8_192))
///     .with_tombstone(Duration::from_secs(48 * 3_600));
/// assert!(POLICY.metadata);
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Policy {
    /// Whether time and version of each leaf are kept. Off, metadata that a twin still has goes with
    /// its next update.
    pub metadata: bool,
    /// Whether an array may hold null, at any depth.
    pub null_in_arrays: bool,
    /// Whether an update creates a twin that there is not; otherwise it is
    /// [`Rejected::NotFound`](super::Rejected::NotFound).
    pub create: bool,
    /// What a version precondition means where there is no twin.
    pub version_of_absent: VersionOfAbsent,
    /// Deepest nesting of a section: `{}` is 1, arrays count. At most [`MAX_SECTION_DEPTH`].
    pub depth: usize,
    /// What a device may write.
    pub device: Writable,
    /// What a service may write.
    pub service: Writable,
    /// What may be written where the protocol does not tell who asks.
    pub unknown: Writable,
    /// How large the sections may be.
    pub sizes: SizeLimits,
    /// The sections that an etag covers (Azure: tags and desired, so that reports do not change it).
    pub etag: &'static [Section],
    /// How long after its deletion a twin that is made anew continues above the old version.
    pub tombstone: Duration,
}

/// The sections that someone may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Writable {
    /// May write [`Section::Desired`].
    pub desired: bool,
    /// May write [`Section::Reported`].
    pub reported: bool,
    /// May write [`Section::Tags`].
    pub tags: bool,
}

/// What [`Precondition::Version`](super::Precondition::Version) means where there is no twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum VersionOfAbsent {
    /// Only version 0 holds.
    Zero,
    /// Only the version that the new twin gets holds.
    First,
    /// It is ignored.
    Any,
}

/// Measures a section as the service counts, in its own unit (mostly bytes of compact JSON).
pub type Measure = fn(DocumentRef<'_>) -> usize;

/// How large the sections of a twin may be after an update, as the service counts.
#[derive(Clone, Copy, Debug)]
pub struct SizeLimits {
    /// Measures a section.
    pub measure: Measure,
    /// No section measures more than this many times its canonical bytes, so that small twins need no
    /// measuring.
    pub expansion: usize,
    /// Largest desired.
    pub desired: usize,
    /// Largest reported.
    pub reported: usize,
    /// Largest tags.
    pub tags: usize,
    /// Largest sum of desired and reported (AWS: 8,192 bytes).
    pub state: usize,
}

impl Policy {
    /// Everything is allowed that a twin can hold, but a device may write only reported; no metadata,
    /// 48 hours of tombstone.
    pub const fn new() -> Self {
        Self {
            metadata: false,
            null_in_arrays: true,
            create: true,
            version_of_absent: VersionOfAbsent::Zero,
            depth: MAX_SECTION_DEPTH,
            device: Writable {
                desired: false,
                reported: true,
                tags: false,
            },
            service: Writable::ALL,
            unknown: Writable::ALL,
            sizes: SizeLimits::NONE,
            etag: &Section::ALL,
            tombstone: Duration::from_secs(48 * 3_600),
        }
    }

    /// The same policy, keeping metadata or not.
    pub const fn with_metadata(mut self, metadata: bool) -> Self {
        self.metadata = metadata;
        self
    }

    /// The same policy, with null in arrays allowed or not.
    pub const fn with_null_in_arrays(mut self, allowed: bool) -> Self {
        self.null_in_arrays = allowed;
        self
    }

    /// The same policy, with updates that create twins or not.
    pub const fn with_create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// The same policy, with another meaning of a version precondition where there is no twin.
    pub const fn with_version_of_absent(mut self, meaning: VersionOfAbsent) -> Self {
        self.version_of_absent = meaning;
        self
    }

    /// The same policy with another bound of nesting.
    pub const fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// The same policy with other sections that devices may write.
    pub const fn with_device(mut self, writable: Writable) -> Self {
        self.device = writable;
        self
    }

    /// The same policy with other sections that services may write.
    pub const fn with_service(mut self, writable: Writable) -> Self {
        self.service = writable;
        self
    }

    /// The same policy with other sections that askers of unknown origin may write.
    pub const fn with_unknown(mut self, writable: Writable) -> Self {
        self.unknown = writable;
        self
    }

    /// The same policy with other limits of size.
    pub const fn with_sizes(mut self, sizes: SizeLimits) -> Self {
        self.sizes = sizes;
        self
    }

    /// The same policy with etags that cover other sections.
    pub const fn with_etag(mut self, sections: &'static [Section]) -> Self {
        self.etag = sections;
        self
    }

    /// The same policy with another life of tombstones.
    pub const fn with_tombstone(mut self, tombstone: Duration) -> Self {
        self.tombstone = tombstone;
        self
    }

    /// Returns whether `origin` may write `section`.
    pub const fn allows(&self, origin: Origin, section: Section) -> bool {
        let writable = match origin {
            Origin::Device => self.device,
            Origin::Service => self.service,
            Origin::Unknown => self.unknown,
        };
        match section {
            Section::Desired => writable.desired,
            Section::Reported => writable.reported,
            Section::Tags => writable.tags,
        }
    }

    /// The bound of nesting that holds.
    pub(super) const fn section_depth(&self) -> usize {
        if self.depth < MAX_SECTION_DEPTH {
            self.depth
        } else {
            MAX_SECTION_DEPTH
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}

impl Writable {
    /// Every section.
    pub const ALL: Self = Self {
        desired: true,
        reported: true,
        tags: true,
    };
}

impl VersionOfAbsent {
    /// Whether a precondition of version `expected` holds where the new twin would get `first`.
    pub(super) fn holds(self, expected: Version, first: Version) -> bool {
        match self {
            Self::Zero => expected == Version::ZERO,
            Self::First => expected == first,
            Self::Any => true,
        }
    }
}

impl SizeLimits {
    /// No limit but that of the buffer.
    pub const NONE: Self = Self::new(canonical, 1);

    /// No limits yet, measured by `measure`, which returns at most `expansion` times the canonical
    /// bytes of what it measures.
    pub const fn new(measure: Measure, expansion: usize) -> Self {
        Self {
            measure,
            expansion,
            desired: usize::MAX,
            reported: usize::MAX,
            tags: usize::MAX,
            state: usize::MAX,
        }
    }

    /// The same limits with this one of desired and reported together.
    pub const fn with_state(mut self, limit: usize) -> Self {
        self.state = limit;
        self
    }

    /// The same limits with this one of desired and of reported, each.
    pub const fn with_each(mut self, limit: usize) -> Self {
        self.desired = limit;
        self.reported = limit;
        self
    }

    /// The same limits with this one of tags.
    pub const fn with_tags(mut self, limit: usize) -> Self {
        self.tags = limit;
        self
    }

    /// Whether a twin of `len` bytes is surely within all limits.
    pub(super) fn surely_hold(&self, len: usize) -> bool {
        let least = self
            .desired
            .min(self.reported)
            .min(self.tags)
            .min(self.state);
        len.saturating_mul(self.expansion) <= least
    }
}

/// Measures by canonical bytes.
fn canonical(document: DocumentRef<'_>) -> usize {
    document.as_bytes().len()
}

#[cfg(feature = "defmt")]
impl defmt::Format for SizeLimits {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "SizeLimits {{ desired: {=usize}, reported: {=usize}, tags: {=usize}, state: {=usize} }}",
            self.desired,
            self.reported,
            self.tags,
            self.state
        );
    }
}
