//! The three ways to hold a twin: own it, change it, read it.

use super::etag::ETag;
use super::metadata::{self, LeafMeta};
use super::section::Section;
use super::since;
use super::version::{Version, Versions};
use crate::document::{self, Document, DocumentMut, DocumentRef};
use crate::error::CapacityError;
use crate::time::Timestamp;

/// What a twin has besides its document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Head {
    /// How often the twin and its sections were updated. A deleted twin keeps them, one higher.
    pub versions: Versions,
    /// The version of desired that last lost an entry or was replaced as a whole: a patch of what
    /// changed since tells a device everything only from here on. 0 if that never happened.
    pub pruned: Version,
    /// When the last update, or the deletion, was accepted.
    pub updated_at: Timestamp,
    /// Whether there is a twin: `false` before the first update and after a deletion.
    pub exists: bool,
}

impl Head {
    /// A twin that never was.
    pub const ABSENT: Self = Self {
        versions: Versions::ZERO,
        pruned: Version::ZERO,
        updated_at: Timestamp::EPOCH,
        exists: false,
    };
}

/// A twin that is read. Copying it is free.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TwinRef<'a> {
    head: Head,
    document: DocumentRef<'a>,
}

/// Where [`apply`](super::apply) and [`delete`](super::delete) write the next state of a twin.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TwinMut<'a> {
    pub(super) head: &'a mut Head,
    pub(super) document: DocumentMut<'a>,
}

/// A twin that owns its buffer of `N` bytes.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Twin<const N: usize> {
    head: Head,
    document: Document<N>,
}

impl<'a> TwinRef<'a> {
    /// A twin that never was.
    pub const ABSENT: TwinRef<'static> = TwinRef {
        head: Head::ABSENT,
        document: DocumentRef::EMPTY,
    };

    /// Takes parts that this crate built or that were validated.
    pub(crate) const fn trusted(head: Head, document: DocumentRef<'a>) -> Self {
        Self { head, document }
    }

    /// Returns versions, time and whether the twin exists.
    pub const fn head(self) -> Head {
        self.head
    }

    /// Returns whether there is a twin.
    pub const fn exists(self) -> bool {
        self.head.exists
    }

    /// Returns the versions.
    pub const fn versions(self) -> Versions {
        self.head.versions
    }

    /// Returns the whole document: a map with the sections that hold something, under
    /// [`Section::key`], and `metadata` if it is kept.
    pub const fn document(self) -> DocumentRef<'a> {
        self.document
    }

    /// Returns a section, `{}` if it holds nothing.
    pub fn section(self, section: Section) -> DocumentRef<'a> {
        self.document
            .at(&[section.key()])
            .unwrap_or(DocumentRef::EMPTY)
    }

    /// Returns the stamps of a section, shaped like it: each leaf is an array of milliseconds and
    /// version, see [`LeafMeta`]. `{}` where no metadata is kept.
    pub fn metadata(self, section: Section) -> DocumentRef<'a> {
        self.document
            .at(&[metadata::KEY, section.key()])
            .unwrap_or(DocumentRef::EMPTY)
    }

    /// Returns when and by which version the leaf at `path` was last named by an update.
    pub fn leaf_meta(self, section: Section, path: &[&str]) -> Option<LeafMeta> {
        LeafMeta::from_value(self.metadata(section).value(path)?)
    }

    /// Computes the tag of what the twin holds: all sections, no metadata, no versions.
    ///
    /// Cost: linear in the bytes.
    pub fn etag(self) -> ETag {
        self.etag_of(&Section::ALL)
    }

    /// Computes the tag of some sections (Azure: an etag covers tags and desired).
    ///
    /// Cost: linear in the bytes.
    pub fn etag_of(self, sections: &[Section]) -> ETag {
        ETag::combined(
            sections
                .iter()
                .map(|section| ETag::of(self.section(*section))),
        )
    }

    /// Writes what desired asks for and reported does not say into `out`, see
    /// [`document::delta`]; `{}` means in sync. Cost: linear in both sections.
    ///
    /// # Errors
    /// [`CapacityError`] if `out` is too small; it is then as it was.
    pub fn delta(self, out: &mut DocumentMut<'_>) -> Result<(), CapacityError> {
        document::delta(
            self.section(Section::Desired),
            self.section(Section::Reported),
            out,
        )
    }

    /// Writes what changed in desired since `version` of it into `out`, as a merge patch, and says whether
    /// that can be told: not if an entry went away since, if desired was replaced, or if `version` is none
    /// that desired has had. Cost: linear in desired and its metadata.
    ///
    /// The patch makes the desired of that version this one. Whether an asker has that version of *this*
    /// twin, and not of one before it that was lost, only an [`ETag`] tells.
    ///
    /// # Errors
    /// [`CapacityError`] if `out` is too small; it is then as it was.
    pub fn desired_since(
        self,
        version: Version,
        out: &mut DocumentMut<'_>,
    ) -> Result<bool, CapacityError> {
        let head = self.head;
        if version < head.pruned || version > head.versions.desired {
            return Ok(false);
        }
        let desired = self.section(Section::Desired);
        since::changes(desired, self.metadata(Section::Desired), version, out)?;
        Ok(true)
    }

    /// Writes the stamps of those leaves of a section that stand in `part` into `out`: the metadata of
    /// a delta is the cut of desired's. Cost: linear in both.
    ///
    /// # Errors
    /// [`CapacityError`] if `out` is too small; it is then as it was.
    pub fn metadata_of(
        self,
        section: Section,
        part: DocumentRef<'_>,
        out: &mut DocumentMut<'_>,
    ) -> Result<(), CapacityError> {
        metadata::cut(self.metadata(section), part, out)
    }
}

impl<'a> TwinMut<'a> {
    /// Takes a place for a twin; it holds none at first.
    pub fn new(head: &'a mut Head, mut document: DocumentMut<'a>) -> Self {
        *head = Head::ABSENT;
        document.clear();
        Self { head, document }
    }

    /// Reads the twin.
    pub fn as_ref(&self) -> TwinRef<'_> {
        TwinRef::trusted(*self.head, self.document.as_ref())
    }

    /// Ends the borrow and returns the twin for reading.
    pub fn into_ref(self) -> TwinRef<'a> {
        TwinRef::trusted(*self.head, self.document.into_ref())
    }

    /// Becomes a copy of `twin`.
    ///
    /// # Errors
    /// [`CapacityError`] if its document does not fit; this twin is then as it was.
    pub fn assign(&mut self, twin: TwinRef<'_>) -> Result<(), CapacityError> {
        self.document.assign(twin.document)?;
        *self.head = twin.head;
        Ok(())
    }
}

impl<const N: usize> Twin<N> {
    /// Makes room for a twin; there is none at first.
    pub const fn new() -> Self {
        Self {
            head: Head::ABSENT,
            document: Document::new(),
        }
    }

    /// Reads the twin.
    pub fn as_ref(&self) -> TwinRef<'_> {
        TwinRef::trusted(self.head, self.document.as_ref())
    }

    /// Changes the twin.
    pub fn as_mut(&mut self) -> TwinMut<'_> {
        TwinMut {
            head: &mut self.head,
            document: self.document.as_mut(),
        }
    }

    /// Becomes a copy of `twin`.
    ///
    /// # Errors
    /// [`CapacityError`] if its document does not fit; this twin is then as it was.
    pub fn assign(&mut self, twin: TwinRef<'_>) -> Result<(), CapacityError> {
        self.as_mut().assign(twin)
    }
}

impl<const N: usize> Default for Twin<N> {
    fn default() -> Self {
        Self::new()
    }
}
