//! What is put to the test: stores of one record, made anew after each restart.

use embedded_storage::nor_flash as blocking;
use embedded_storage_async::nor_flash as waiting;
use futures_executor::block_on;
use sequential_storage::cache::Cache;
use sequential_storage::map::{MapConfig, MapStorage};
use twinsync::sim::Random;
use twinsync::storage::{AsyncFlashLog, FlashLog, Health, SequentialStore};

/// A record: its contents follow from its number.
pub(crate) fn record(number: u64, len: usize) -> Vec<u8> {
    let mut random = Random::new(number);
    // Erased bytes, heads and marks in the middle of a record are no accident here.
    let common = [0xFF, 0xFF, 0x43, 0x4C];
    let byte = |random: &mut Random| match random.below(6) {
        choice @ 0..4 => common[choice as usize],
        _ => random.number() as u8,
    };
    (0..len).map(|_| byte(&mut random)).collect()
}

/// Flash of both kinds.
pub(crate) trait Nor: blocking::NorFlash + waiting::NorFlash {}

impl<F: blocking::NorFlash + waiting::NorFlash> Nor for F {}

/// Something that keeps one record in all of a flash.
pub(crate) trait Store {
    /// Whether it says that something is damaged, and a record that was loaded stays loaded though no save
    /// has acknowledged it.
    const STRICT: bool;

    fn load<F: Nor>(flash: &mut F) -> Result<(Option<Vec<u8>>, Health), String>;

    /// Saves all of `records`, until one is not acknowledged; says how many were, and why not all.
    fn save<F: Nor>(flash: &mut F, records: &[Vec<u8>]) -> Kept;
}

/// What came of some saves.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) acknowledged: usize,
    pub(crate) error: Option<String>,
}

fn each<T, E: core::fmt::Debug>(
    records: &[Vec<u8>],
    mut save: impl FnMut(&[u8]) -> Result<T, E>,
) -> Kept {
    let mut kept = Kept::default();
    for record in records {
        if let Err(error) = save(record) {
            kept.error = Some(format!("{error:?}"));
            break;
        }
        kept.acknowledged += 1;
    }
    kept
}

fn all<F: Nor>(flash: &F) -> core::ops::Range<u32> {
    0..blocking::ReadNorFlash::capacity(flash) as u32
}

pub(crate) struct Ours;

impl Store for Ours {
    const STRICT: bool = true;

    fn load<F: Nor>(flash: &mut F) -> Result<(Option<Vec<u8>>, Health), String> {
        let range = all(flash);
        let mut log = FlashLog::new(flash, range).unwrap();
        let mut buffer = [0; 2048];
        let loaded = log.load(&mut buffer).map_err(|error| error.to_string())?;
        Ok((loaded.record.map(<[u8]>::to_vec), loaded.health))
    }

    fn save<F: Nor>(flash: &mut F, records: &[Vec<u8>]) -> Kept {
        let range = all(flash);
        let mut log = FlashLog::new(flash, range).unwrap();
        each(records, |record| log.save(record))
    }
}

pub(crate) struct OursAsync;

impl Store for OursAsync {
    const STRICT: bool = true;

    fn load<F: Nor>(flash: &mut F) -> Result<(Option<Vec<u8>>, Health), String> {
        let range = all(flash);
        let mut log = AsyncFlashLog::new(flash, range).unwrap();
        let mut buffer = [0; 2048];
        let loaded = block_on(log.load(&mut buffer)).map_err(|error| error.to_string())?;
        Ok((loaded.record.map(<[u8]>::to_vec), loaded.health))
    }

    fn save<F: Nor>(flash: &mut F, records: &[Vec<u8>]) -> Kept {
        let range = all(flash);
        let mut log = AsyncFlashLog::new(flash, range).unwrap();
        each(records, |record| block_on(log.save(record)))
    }
}

/// `sequential_storage::map` with one key, as its documentation says: what it acknowledges is a
/// `store_item` that returned `Ok`. Records have to fit its pages.
pub(crate) struct Map;

impl Store for Map {
    const STRICT: bool = false;

    fn load<F: Nor>(flash: &mut F) -> Result<(Option<Vec<u8>>, Health), String> {
        let range = all(flash);
        let mut map: MapStorage<u8, _, _> =
            MapStorage::new(flash, MapConfig::new(range), Cache::new_uncached());
        let mut buffer = [0; 2048];
        let item = block_on(map.fetch_item::<&[u8]>(&mut buffer, &1));
        let item = item.map_err(|error| format!("{error:?}"))?;
        Ok((item.map(<[u8]>::to_vec), Health::Whole))
    }

    fn save<F: Nor>(flash: &mut F, records: &[Vec<u8>]) -> Kept {
        let range = all(flash);
        let mut map: MapStorage<u8, _, _> =
            MapStorage::new(flash, MapConfig::new(range), Cache::new_uncached());
        let mut buffer = [0; 2048];
        each(records, |record| {
            block_on(map.store_item(&mut buffer, &1, &record))
        })
    }
}

/// [`SequentialStore`] over such a map, in chunks of 16 bytes.
pub(crate) struct Chunks;

impl Store for Chunks {
    const STRICT: bool = false;

    fn load<F: Nor>(flash: &mut F) -> Result<(Option<Vec<u8>>, Health), String> {
        let range = all(flash);
        let mut map: MapStorage<u8, _, _> =
            MapStorage::new(flash, MapConfig::new(range), Cache::new_uncached());
        let mut scratch = [0; 80];
        let mut store = SequentialStore::new(&mut map, |number| number, &mut scratch);
        let mut buffer = [0; 2048];
        let found = block_on(store.load(&mut buffer)).map_err(|error| error.to_string())?;
        Ok((found.map(<[u8]>::to_vec), Health::Whole))
    }

    fn save<F: Nor>(flash: &mut F, records: &[Vec<u8>]) -> Kept {
        let range = all(flash);
        let mut map: MapStorage<u8, _, _> =
            MapStorage::new(flash, MapConfig::new(range), Cache::new_uncached());
        let mut scratch = [0; 80];
        let mut store = SequentialStore::new(&mut map, |number| number, &mut scratch);
        each(records, |record| block_on(store.save(record)))
    }
}
