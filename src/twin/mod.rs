//! One device's record: sections, versions, metadata, and the one way it changes.
//!
//! A twin is one [document](crate::document) with a map for each section that holds something
//! (`desired`, `reported`, `tags`), and `metadata` if it is kept, next to the versions that count its
//! updates. **The one rule: a twin changes only by an [`Update`] that is applied or rejected as a
//! whole.**

mod apply;
mod etag;
mod metadata;
mod policy;
mod precondition;
mod record;
mod section;
mod stored;
mod update;
mod version;

pub use apply::{Applied, Deleted, Named, apply, delete};
pub use etag::ETag;
pub use metadata::LeafMeta;
pub use policy::{MAX_SECTION_DEPTH, Measure, Policy, SizeLimits, VersionOfAbsent, Writable};
pub use precondition::Precondition;
pub use record::{Head, Twin, TwinMut, TwinRef};
pub use section::Section;
pub use stored::RecordError;
pub use update::{Mode, Origin, Rejected, Update};
pub use version::{Succession, Version, Versions};

#[cfg(test)]
pub(crate) mod tests;
