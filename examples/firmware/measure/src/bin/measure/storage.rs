//! A snapshot to flash and back: a log of four pages of 1 KB, words of 4 bytes, in RAM.

use core::convert::Infallible;

use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};
use twinsync::codec::json;
use twinsync::device::{Config, DeviceEngine};
use twinsync::document::Document;
use twinsync::storage::{FlashLog, SaveGate, Saved, SchemaId, Snapshot};
use twinsync::time::{Duration, Instant};
use twinsync_measure::workload::DOCUMENT;
use twinsync_measure::{expect, fixed, measure, measure_ok, need};

const SCHEMA: SchemaId = SchemaId(1);
const NOW: Instant = Instant::from_millis(1_000);

struct Ram([u8; 4096]);

impl ErrorType for Ram {
    type Error = Infallible;
}

impl ReadNorFlash for Ram {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Infallible> {
        let from = self.0.get(offset as usize..).unwrap_or_default();
        for (room, byte) in bytes.iter_mut().zip(from) {
            *room = *byte;
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.len()
    }
}

impl NorFlash for Ram {
    const WRITE_SIZE: usize = 4;
    const ERASE_SIZE: usize = 1024;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Infallible> {
        self.0
            .get_mut(from as usize..to as usize)
            .unwrap_or_default()
            .fill(0xFF);
        Ok(())
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Infallible> {
        let to = self.0.get_mut(offset as usize..).unwrap_or_default();
        for (room, byte) in to.iter_mut().zip(bytes) {
            *room = *byte;
        }
        Ok(())
    }
}

#[inline(never)]
pub fn all() {
    let flash = fixed!(Ram, Ram([0xFF; 4096]));
    let engine = fixed!(DeviceEngine<512>, DeviceEngine::new(Config::new(7)));
    let state = fixed!(Document<512>, Document::new());
    let record = fixed!([u8; 1024], [0; 1024]);
    expect(
        json::read(DOCUMENT.as_bytes(), state.as_mut()).is_ok(),
        "a document",
    );
    expect(engine.report(NOW, state.as_ref()).is_ok(), "a report");

    let memory = measure("device: memory", || engine.memory());
    let snapshot = Snapshot {
        desired: memory.reported,
        reported: memory.reported,
        acknowledged: memory.reported,
        versions: memory.versions,
        next_request: memory.next_request,
    };
    let len = measure_ok("storage: Snapshot::write, two sections of 300 B", || {
        snapshot.write(SCHEMA, record)
    });
    let record = record.get(..len).unwrap_or_default();
    measure_ok("storage: Snapshot::read", || {
        Snapshot::read(record, SCHEMA).map(|_| ())
    });

    let range = 0..4096;
    let mut log = need(FlashLog::new(&mut *flash, range.clone()).ok(), "a log");
    let saved = measure_ok("storage: FlashLog::save, the first", || log.save(record));
    expect(saved == Saved::Written, "written");
    let saved = measure_ok("storage: FlashLog::save, unchanged", || log.save(record));
    expect(saved == Saved::Unchanged, "unchanged");
    let mut changed = *need(record.first_chunk::<256>(), "a record");
    measure_ok("storage: FlashLog::save, another record of 256 B", || {
        changed[0] = 0;
        log.save(&changed)
    });
    let mut log = need(FlashLog::new(&mut *flash, range).ok(), "a log");
    let room = fixed!([u8; 1024], [0; 1024]);
    let loaded = measure_ok("storage: FlashLog::load", || {
        log.load(room).map(|loaded| loaded.record.map(<[u8]>::len))
    });
    expect(loaded == Some(256), "the newest");

    let mut gate = SaveGate::new(Duration::from_secs(60));
    measure("storage: SaveGate, all calls", || {
        gate.handle_changed();
        gate.handle_saved(NOW);
        (gate.is_due(NOW), gate.poll_timeout())
    });
}
