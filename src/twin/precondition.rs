//! When an update is allowed: optimistic concurrency.

use super::etag::ETag;
use super::record::TwinRef;
use super::section::Section;
use super::update::Rejected;
use super::version::{Version, Versions};

/// What must hold for an update to be accepted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Precondition {
    /// Nothing: the update always applies.
    #[default]
    Any,
    /// There is no twin yet (If-None-Match: *).
    Absent,
    /// There is a twin (If-Match: *).
    Present,
    /// The twin has this version (AWS `version` in a request).
    Version(Version),
    /// The section has this version (Azure `$version` of a reported patch); tags have none, so that
    /// nothing holds for them.
    SectionVersion(Section, Version),
    /// The twin has this etag (If-Match).
    Match(ETag),
    /// The twin does not have this etag (If-None-Match).
    NoneMatch(ETag),
}

impl Precondition {
    /// Checks whether the precondition holds for `twin`. A twin that is absent has version 0 and no
    /// etag. Cost: linear in the twin if an etag is compared.
    ///
    /// # Errors
    /// [`Rejected::Conflict`] with both versions, or [`Rejected::PreconditionFailed`].
    pub fn check(self, twin: TwinRef<'_>) -> Result<(), Rejected> {
        self.check_of(twin, &Section::ALL)
    }

    /// Checks as [`Precondition::check`] does, with etags that cover `sections` alone.
    ///
    /// # Errors
    /// As [`Precondition::check`].
    pub fn check_of(self, twin: TwinRef<'_>, sections: &[Section]) -> Result<(), Rejected> {
        let holds = match self {
            Self::Any => true,
            Self::Absent => !twin.exists(),
            Self::Present => twin.exists(),
            Self::Version(expected) => {
                let actual = if twin.exists() {
                    twin.versions().twin
                } else {
                    Version::ZERO
                };
                if actual != expected {
                    return Err(Rejected::Conflict { expected, actual });
                }
                true
            }
            Self::SectionVersion(section, expected) => {
                let versions = if twin.exists() {
                    twin.versions()
                } else {
                    Versions::ZERO
                };
                match section {
                    Section::Desired => versions.desired == expected,
                    Section::Reported => versions.reported == expected,
                    Section::Tags => false,
                }
            }
            Self::Match(etag) => twin.exists() && twin.etag_of(sections) == etag,
            Self::NoneMatch(etag) => !twin.exists() || twin.etag_of(sections) != etag,
        };
        if holds {
            Ok(())
        } else {
            Err(Rejected::PreconditionFailed)
        }
    }
}
