//! What a device keeps over a restart, and flash that keeps it through power cuts.
//!
//! A [`Snapshot`] is what a device engine needs to go on, as bytes with a format, a schema id and a check.
//! A [`Log`] keeps such bytes, or any others, in two or more pages of NOR flash: [`FlashLog`] on
//! `embedded-storage`, [`AsyncFlashLog`] on `embedded-storage-async`, each under the feature of that name;
//! [`SequentialStore`] for firmware that has a `sequential-storage` map anyway. A [`SaveGate`] says
//! when to save.
//!
//! **The one rule: a save that was acknowledged is what is loaded, wherever power goes from then on**,
//! until the next one is; during a save it is the old record or the new one, whole. Each word is written
//! once per erase. What is torn or damaged is told from what is whole and not believed.
//!
//! ```
//! use twinsync::device::{Config, DeviceEngine, Memory};
//! use twinsync::storage::{SchemaId, Snapshot};
//! use twinsync::time::Instant;
//!
//! const SCHEMA: SchemaId = SchemaId(1);
//! let mut engine = DeviceEngine::<256>::new(Config::new(7));
//! engine.report_value(Instant::ZERO, &["firmware"], "1.4.2")?;
//!
//! let Memory { desired, reported, acknowledged, versions, next_request, .. } = engine.memory();
//! let snapshot = Snapshot { desired, reported, acknowledged, versions, next_request };
//! let mut buffer = [0; 128];
//! let len = snapshot.write(SCHEMA, &mut buffer)?;
//!
//! let mut engine = DeviceEngine::<256>::new(Config::new(8)); // after a restart
//! let Snapshot { desired, reported, acknowledged, versions, next_request } =
//!     Snapshot::read(&buffer[..len], SCHEMA)?;
//! engine.restore(&Memory { desired, reported, acknowledged, versions, next_request })?;
//! assert_eq!(engine.reported().read::<&str>(&["firmware"])?, "1.4.2");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the log asks of the flash
//!
//! Words of 1 to 64 bytes (a power of two), each written once between erases, so that flash with an error
//! code over each word will do. Erased bytes read `FF`. Pages are used in turn, so that all wear alike; a
//! record may be as long as half of the pages, and a page takes as many records as fit. A page or a word
//! that the flash refuses, or that does not read back as written, is gone round.
//!
//! A snapshot of an older firmware is another schema: keep what it holds until the new firmware has shown
//! that it works, by saving only then.

mod check;
#[cfg(feature = "embedded-storage")]
mod flash_log;
mod gate;
mod log;
#[cfg(feature = "sequential-storage")]
mod sequential;
mod snapshot;

#[cfg(feature = "embedded-storage-async")]
pub use flash_log::AsyncFlashLog;
#[cfg(feature = "embedded-storage")]
pub use flash_log::{FlashLog, Loaded, LogError};
pub use gate::SaveGate;
pub use log::{Found, Geometry, GeometryError, Health, Load, Log, LogFault, Request, Save, Saved};
#[cfg(feature = "sequential-storage")]
pub use sequential::{SequentialStore, StoreError};
pub use snapshot::{Part, SchemaId, Snapshot, SnapshotError};

#[cfg(test)]
mod tests;
