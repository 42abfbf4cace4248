//! One device's record: sections, versions, metadata, and the one way it changes.
//!
//! A twin is one [document](crate::document) with a map for each section that holds something
//! (`desired`, `reported`, `tags`), and `metadata` if it is kept, next to the versions that count its
//! updates. **The one rule: a twin changes only by an [`Update`] that is applied or rejected as a
//! whole.**

mod etag;
mod precondition;
mod section;
mod update;
mod version;

pub use etag::ETag;
pub use precondition::Precondition;
pub use section::Section;
pub use update::{Mode, Origin, Rejected, Update};
pub use version::{Succession, Version};
