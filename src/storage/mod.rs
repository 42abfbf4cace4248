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
//! A word or a page whose writing or erasing was cut off may read as anything, and a page even as something
//! else each time; but it has to read: a driver that answers `Err` there ends every load and save with it.
//! What is not covered is a seal of which power has left just so much that it reads whole today and torn
//! tomorrow: then a record that was loaded, but that no save has written since, may be gone again, also if one
//! has answered [`Saved::Unchanged`] for it.
//!
//! # What a cut and a flipped bit come to
//!
//! `tests/storage_power_cuts` goes through every cut and every two cuts of a story of saves at words of 1,
//! 4, 8 and 32 bytes, and through random ones. `tests/storage_damage.rs` turns every bit of a flash image
//! round: a load gives the last record that was acknowledged; or an older one, or none, with
//! [`Health::Damaged`]; never anything else.
//!
//! A change of the twin that was not saved when power went is the application's to report again: at each
//! start it reports what it finds to be true, which costs nothing where it was kept.
//!
//! # How much flash, and for how long
//!
//! Two pages will do. More of them, or larger ones, live longer: records of 300 bytes, each another one, saved
//! once a minute until the first page has had its erases.
//!
//! | pages | word | years at 10,000 erases | at 100,000 |
//! | --- | ---: | ---: | ---: |
//! | 2 of 2 KB | 8 | 0.2 | 2.2 |
//! | 16 of 2 KB | 8 | 1.8 | 18.2 |
//! | 2 of 4 KB | 4 | 0.4 | 4.5 |
//! | 16 of 4 KB | 4 | 3.6 | 36.5 |
//! | 2 of 128 KB | 32 | 12.9 | 129.7 |
//!
//! For other sizes ask [`Geometry::saves`]; the table is what it says:
//!
//! ```
//! # use twinsync::storage::Geometry;
//! let years = |pages, page, word, erases| {
//!     let saves = Geometry::new(0, page, pages, word).unwrap().saves(300, erases);
//!     (saves * 10 / (365 * 24 * 60)) as f32 / 10.0
//! };
//! for (pages, page, word, at_10_000, at_100_000) in [
//!     (2, 2 << 10, 8, 0.2, 2.2),
//!     (16, 2 << 10, 8, 1.8, 18.2),
//!     (2, 4 << 10, 4, 0.4, 4.5),
//!     (16, 4 << 10, 4, 3.6, 36.5),
//!     (2, 128 << 10, 32, 12.9, 129.7),
//! ] {
//!     assert_eq!(years(pages, page, word, 10_000), at_10_000);
//!     assert_eq!(years(pages, page, word, 100_000), at_100_000);
//! }
//! ```
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
