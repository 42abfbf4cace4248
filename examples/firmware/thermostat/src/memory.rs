//! What the thermostat keeps over a restart, in flash.

use embedded_storage::nor_flash::NorFlash;
use twinsync::device::{DeviceEngine, Memory};
use twinsync::storage::{FlashLog, SaveGate, Saved, SchemaId, Snapshot};
use twinsync::time::{Duration, Instant};

use crate::log;

/// Changes when what the documents mean does; an older firmware's memory is then left alone.
const SCHEMA: SchemaId = SchemaId(1);

/// Keeps an engine's memory in a flash log, not more often than the flash bears.
#[derive(Debug)]
pub(crate) struct Keeper<F> {
    log: FlashLog<F>,
    gate: SaveGate,
    scratch: &'static mut [u8],
}

impl<F: NorFlash> Keeper<F> {
    /// Takes a log, a buffer for one snapshot, and the least time between two saves.
    pub(crate) const fn new(
        log: FlashLog<F>,
        scratch: &'static mut [u8],
        interval: Duration,
    ) -> Self {
        Self {
            log,
            gate: SaveGate::new(interval),
            scratch,
        }
    }

    /// Lets `engine` go on from what flash holds. Returns whether it holds anything that fits.
    #[inline(never)]
    pub(crate) fn restore<const N: usize>(&mut self, engine: &mut DeviceEngine<N>) -> bool {
        let record = match self.log.load(self.scratch) {
            Ok(loaded) => loaded.record,
            Err(_) => {
                log::warning!("flash can not be read");
                None
            }
        };
        let Some(record) = record else {
            return false;
        };
        let Ok(snapshot) = Snapshot::read(record, SCHEMA) else {
            log::warning!("flash holds another firmware's memory");
            return false;
        };
        let memory = Memory {
            desired: snapshot.desired,
            reported: snapshot.reported,
            acknowledged: snapshot.acknowledged,
            versions: snapshot.versions,
            next_request: snapshot.next_request,
        };
        engine.restore(&memory).is_ok()
    }

    /// Something may have changed: flash is written only if it did.
    pub(crate) fn handle_changed(&mut self) {
        self.gate.handle_changed();
    }

    /// Saves if that is due. Returns whether flash holds what the engine knows, if it was tried.
    #[inline(never)]
    pub(crate) fn save<const N: usize>(
        &mut self,
        now: Instant,
        engine: &DeviceEngine<N>,
    ) -> Option<bool> {
        if !self.gate.is_due(now) {
            return None;
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
                log::debug!("kept in flash");
                Some(true)
            }
            Some(_) => Some(true),
            None => {
                log::warning!("flash does not keep the memory");
                self.gate.handle_changed();
                Some(false)
            }
        }
    }

    /// Returns when a save is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.gate.poll_timeout()
    }
}
