//! What the thermostat keeps over a restart, in flash.

use embedded_storage::nor_flash::NorFlash;
use twinsync::device::{DeviceEngine, Memory};
use twinsync::error::CapacityError;
use twinsync::storage::{FlashLog, GeometryError, SaveGate, Saved, SchemaId, Snapshot};
use twinsync::time::{Duration, Instant};

use crate::log;

/// Changes when what the documents mean does; an older firmware's memory is then left alone.
const SCHEMA: SchemaId = SchemaId(1);
/// The least time between two saves, for the flash's sake.
const INTERVAL: Duration = Duration::from_secs(1);

/// Keeps an engine's memory in a flash log, not more often than the flash bears.
#[derive(Debug)]
pub(crate) struct Keeper<F> {
    log: FlashLog<F>,
    gate: SaveGate,
    scratch: &'static mut [u8],
}

/// What became of an attempt to save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It was not due.
    Early,
    /// Flash holds what the engine knows.
    Kept,
    /// It does not.
    Failed,
}

impl<F: NorFlash> Keeper<F> {
    /// Takes flash, all of which is the log's, and a buffer for one snapshot.
    pub(crate) fn new(flash: F, scratch: &'static mut [u8]) -> Result<Self, GeometryError> {
        let end = u32::try_from(flash.capacity()).unwrap_or(u32::MAX);
        Ok(Self {
            log: FlashLog::new(flash, 0..end)?,
            gate: SaveGate::new(INTERVAL),
            scratch,
        })
    }

    /// Lets `engine` go on from what flash holds. Returns whether it holds anything.
    pub(crate) fn restore<const N: usize>(
        &mut self,
        engine: &mut DeviceEngine<N>,
    ) -> Result<bool, CapacityError> {
        let record = match self.log.load(self.scratch) {
            Ok(loaded) => loaded.record,
            Err(_) => {
                log::warning!("flash can not be read");
                None
            }
        };
        let Some(record) = record else {
            return Ok(false);
        };
        let Ok(snapshot) = Snapshot::read(record, SCHEMA) else {
            log::warning!("flash holds another firmware's memory");
            return Ok(false);
        };
        engine.restore(&Memory {
            desired: snapshot.desired,
            reported: snapshot.reported,
            acknowledged: snapshot.acknowledged,
            versions: snapshot.versions,
            next_request: snapshot.next_request,
        })?;
        Ok(true)
    }

    /// Something may have changed: flash is written only if it did.
    pub(crate) fn handle_changed(&mut self) {
        self.gate.handle_changed();
    }

    /// Saves if that is due.
    pub(crate) fn save<const N: usize>(
        &mut self,
        now: Instant,
        engine: &DeviceEngine<N>,
    ) -> Kept {
        if !self.gate.is_due(now) {
            return Kept::Early;
        }
        let Memory {
            desired,
            reported,
            acknowledged,
            versions,
            next_request,
            ..
        } = engine.memory();
        let snapshot = Snapshot {
            desired,
            reported,
            acknowledged,
            versions,
            next_request,
        };
        let saved = snapshot
            .write(SCHEMA, self.scratch)
            .ok()
            .and_then(|len| self.scratch.get(..len))
            .and_then(|record| self.log.save(record).ok());
        self.gate.handle_saved(now);
        match saved {
            Some(Saved::Written) => {
                log::debug!("memory kept in flash");
                Kept::Kept
            }
            Some(_) => Kept::Kept,
            None => {
                log::warning!("flash does not keep the memory");
                self.gate.handle_changed();
                Kept::Failed
            }
        }
    }

    /// Returns when a save is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.gate.poll_timeout()
    }
}
