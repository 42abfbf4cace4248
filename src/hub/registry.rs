//! Where twins live: the trait that a hub stands on.

use super::usage::Usage;
use crate::protocol::TwinId;
use crate::time::Instant;
use crate::twin::TwinRef;

/// Where a hub's twins are kept, and what their devices have asked lately.
///
/// A hub calls [`Registry::load`] and then, if something changed, [`Registry::save`] for the same id
/// within one call. A store that others write to, too, remembers the revision it loaded and saves by
/// compare-and-set; a lost race is an error, and the asker is told to come again.
///
/// An implementation that fails says why in its own log: the asker only learns that the service is
/// not available.
pub trait Registry {
    /// Why the store failed.
    type Error;

    /// Returns the twin or its tombstone; `None` if there never was one.
    ///
    /// # Errors
    /// The store cannot be read, or what it holds is no twin.
    fn load(&mut self, id: TwinId<'_>) -> Result<Option<TwinRef<'_>>, Self::Error>;

    /// Keeps a twin, or the tombstone of a deleted one, in place of what was kept for `id`.
    ///
    /// # Errors
    /// The store cannot be written; it then keeps what it kept.
    fn save(&mut self, id: TwinId<'_>, twin: TwinRef<'_>) -> Result<(), Self::Error>;

    /// Returns what a device has asked lately, to be counted on; `None` if the registry keeps no count,
    /// so that nobody is limited.
    fn usage(&mut self, device: &str, now: Instant) -> Option<&mut Usage> {
        let _ = (device, now);
        None
    }
}
