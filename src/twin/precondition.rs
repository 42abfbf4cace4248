//! When an update is allowed: optimistic concurrency.

use super::etag::ETag;
use super::version::Version;

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
    /// The twin has this etag (If-Match).
    Match(ETag),
    /// The twin does not have this etag (If-None-Match).
    NoneMatch(ETag),
}
