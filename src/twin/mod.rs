//! One device's record: sections, versions, metadata, and the one way it changes.
//!
//! A twin is one [document](crate::document) with a map for each section that holds something
//! (`desired`, `reported`, `tags`), and `metadata` if it is kept, next to the versions that count its
//! updates. **The one rule: a twin changes only by an [`Update`] that is applied or rejected as a
//! whole.**
//!
//! [`apply`] is that way, a pure step: the twin before, an update and the time make the twin after, in
//! a buffer of the caller's. What a service decides differently is one value, its [`Policy`]. At rest a
//! twin is a record of its canonical bytes ([`TwinRef::write_record`], [`TwinRef::from_record`]).
//!
//! ```
//! use twinsync::document::Document;
//! use twinsync::time::Timestamp;
//! use twinsync::twin::{self, Policy, Precondition, Rejected, Section, Twin, TwinRef, Update, Version};
//!
//! const POLICY: Policy = Policy::new().with_metadata(true);
//! let now = Timestamp::from_secs(1_700_000_000);
//! let mut patch = Document::<64>::new();
//! patch.set(&["reported", "battery"], 81)?;
//! let update = Update::merge(patch.as_ref());
//! let mut twin = Twin::<256>::new();
//! twin::apply(TwinRef::ABSENT, &update, now, &POLICY, &mut twin.as_mut())?;
//! let meta = twin.as_ref().leaf_meta(Section::Reported, &["battery"]);
//! assert_eq!(meta.map(|meta| meta.updated_at), Some(now));
//!
//! // Optimistic concurrency: an update for a version that the twin has no more.
//! let late = update.with_precondition(Precondition::Version(Version::ZERO));
//! let mut next = Twin::<256>::new();
//! let rejected = twin::apply(twin.as_ref(), &late, now, &POLICY, &mut next.as_mut());
//! assert!(matches!(rejected, Err(Rejected::Conflict { .. })));
//! assert_eq!(next, twin);
//!
//! let mut record = [0; 256];
//! let len = twin.as_ref().write_record(&mut record)?;
//! assert_eq!(TwinRef::from_record(&record[..len])?, twin.as_ref());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The rules are those of the AWS Device Shadow service documents (*version*, *metadata*, *delta*) and
//! of Azure IoT Hub device twins (*tags*, *etag*, *$version*), where these agree; see [`apply`].

mod apply;
mod etag;
mod metadata;
mod policy;
mod precondition;
mod record;
mod section;
mod since;
mod stored;
mod update;
mod version;

pub use apply::{Applied, Deleted, Named, apply, delete};
pub use etag::ETag;
pub(crate) use etag::hash;
pub use metadata::LeafMeta;
pub use policy::{MAX_SECTION_DEPTH, Measure, Policy, SizeLimits, VersionOfAbsent, Writable};
pub use precondition::Precondition;
pub use record::{Head, Twin, TwinMut, TwinRef};
pub use section::Section;
pub use stored::RecordError;
pub use update::{Mode, Origin, Refusal, Rejected, Update};
pub use version::{Succession, Version, Versions};

#[cfg(test)]
pub(crate) mod tests;
