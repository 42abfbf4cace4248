//! The same for firmware that has a `sequential-storage` map anyway.

use core::fmt;

use embedded_storage_async::nor_flash::NorFlash;
use sequential_storage::Error;
use sequential_storage::cache::CacheImpl;
use sequential_storage::map::{Key, MapStorage};

use super::check::Check;
use crate::error::{BufferTooSmall, CapacityError};

/// Bytes of the item that says which chunks count: bank, length, chunk length, check.
const INDEX: usize = 11;
/// Room for a key and an item's framing in the map's scratch buffer.
const FRAME: usize = 64;
/// Chunks of a record, at most.
const CHUNKS: u8 = 127;

/// Keeps one record under keys of a `sequential_storage` map, cut into chunks where it is longer than
/// the map takes: an item has to fit one page.
///
/// Chunks of a new record go to other keys than those of the record before, and a last, small item says
/// which of them count: power may go at any time, as far as the map keeps its items, and no mixture of two
/// records is ever loaded. It is no safer than its map: in the harness of `tests/storage_power_cuts` that of
/// version 8.0.2 loses items in flash of 1-byte words, and in all flash once writes are cut off within
/// a word. Firmware that has no map yet takes the [`FlashLog`](super::FlashLog), which does not.
///
/// ```
/// use sequential_storage::cache::Cache;
/// use sequential_storage::map::{MapConfig, MapStorage};
/// use twinsync::sim::Flash;
/// use twinsync::storage::SequentialStore;
///
/// # futures_executor::block_on(async {
/// let flash: Flash<4, 1024> = Flash::new(8);
/// let mut map = MapStorage::<u16, _, _>::new(flash, MapConfig::new(0..8192), Cache::new_uncached());
/// let mut scratch = [0; 512];
/// let key = |number| 0x7700 + u16::from(number);
/// let mut store = SequentialStore::new(&mut map, key, &mut scratch);
/// store.save(&[7; 600]).await?;
/// assert_eq!(store.load(&mut [0; 1024]).await?, Some(&[7; 600][..]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
#[expect(
    missing_debug_implementations,
    reason = "the map has no `Debug` for all flash"
)]
pub struct SequentialStore<'m, K: Key, S: NorFlash, C: CacheImpl<K>> {
    map: &'m mut MapStorage<K, S, C>,
    key: fn(u8) -> K,
    scratch: &'m mut [u8],
}

/// Why a load or a save did not come to its end; the record before is still there.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum StoreError<E> {
    /// The map refused, and says why: `ItemTooBig` means that a chunk does not fit a page, and
    /// `scratch` is too long.
    Map(Error<E>),
    /// The record is longer than 127 chunks.
    TooLong(CapacityError),
    /// The record is longer than the buffer to load it into.
    BufferTooSmall(BufferTooSmall),
    /// Chunks are missing, or are not those of the record; nothing is to be believed.
    Damaged,
}

/// Which chunks count.
#[derive(Clone, Copy)]
struct Index {
    bank: u8,
    len: u32,
    chunk: u16,
    sum: [u8; 4],
}

impl<'m, K: Key, S: NorFlash, C: CacheImpl<K>> SequentialStore<'m, K, S, C> {
    /// Takes a map, the keys of it that are the store's alone, and the buffer that the map asks for.
    ///
    /// Keys are asked for by numbers from 0 to 254: 0 says which chunks count; these are the 127 from 1,
    /// or those from 128. A chunk is 64 bytes shorter than `scratch`, and has to fit a page.
    pub const fn new(
        map: &'m mut MapStorage<K, S, C>,
        key: fn(u8) -> K,
        scratch: &'m mut [u8],
    ) -> Self {
        Self { map, key, scratch }
    }

    /// Returns the longest record in bytes, if the flash is large enough for two of them.
    pub fn capacity(&self) -> usize {
        usize::from(self.chunk()).saturating_mul(usize::from(CHUNKS))
    }

    /// Loads the record into `buffer`; `None` if there is none.
    ///
    /// # Errors
    /// [`StoreError`]; nothing in the buffer is to be believed then.
    pub async fn load<'b>(
        &mut self,
        buffer: &'b mut [u8],
    ) -> Result<Option<&'b [u8]>, StoreError<S::Error>> {
        let Some(index) = self.index().await? else {
            return Ok(None);
        };
        let needed = index.len as usize;
        let room = buffer.get_mut(..needed);
        let room = room.ok_or(StoreError::BufferTooSmall(BufferTooSmall { needed }))?;
        for (number, room) in (index.bank..).zip(room.chunks_mut(index.chunk.into())) {
            let chunk = self.fetch(number).await?.ok_or(StoreError::Damaged)?;
            if chunk.len() != room.len() {
                return Err(StoreError::Damaged);
            }
            room.copy_from_slice(chunk);
        }
        if Check::new().over(room).sum() != index.sum {
            return Err(StoreError::Damaged);
        }
        Ok(Some(room))
    }

    /// Saves `record`; nothing is written if it is the one that is there.
    ///
    /// # Errors
    /// [`StoreError`]; the record before is still there.
    pub async fn save(&mut self, record: &[u8]) -> Result<(), StoreError<S::Error>> {
        let capacity = self.capacity();
        let needed = record.len();
        let len = u32::try_from(needed).ok().filter(|_| needed <= capacity);
        let too_long = StoreError::TooLong(CapacityError { needed, capacity });
        let len = len.ok_or(too_long)?;
        let before = self.index().await?;
        if let Some(before) = before
            && self.holds(before, record).await?
        {
            return Ok(());
        }
        let bank = match before {
            Some(Index { bank: 1, .. }) => CHUNKS.wrapping_add(1),
            _ => 1,
        };
        let chunk = self.chunk();
        for (number, chunk) in (bank..).zip(record.chunks(usize::from(chunk).max(1))) {
            self.store(number, chunk).await?;
        }
        let mut index = [bank; INDEX];
        let sum = Check::new().over(record).sum();
        let len = len.to_le_bytes();
        let fields = len.iter().chain(&sum).copied();
        let fields = fields.chain(chunk.to_le_bytes());
        for (room, byte) in index.iter_mut().skip(1).zip(fields) {
            *room = byte;
        }
        self.store(0, &index).await
    }

    /// Length of the chunks that are written.
    fn chunk(&self) -> u16 {
        let len = self.scratch.len().saturating_sub(FRAME);
        u16::try_from(len).unwrap_or(u16::MAX)
    }

    async fn fetch(&mut self, number: u8) -> Result<Option<&[u8]>, StoreError<S::Error>> {
        let key = (self.key)(number);
        let item = self.map.fetch_item(self.scratch, &key).await;
        item.map_err(StoreError::Map)
    }

    async fn store(&mut self, number: u8, bytes: &[u8]) -> Result<(), StoreError<S::Error>> {
        let key = (self.key)(number);
        let stored = self.map.store_item(self.scratch, &key, &bytes).await;
        stored.map_err(StoreError::Map)
    }

    async fn index(&mut self) -> Result<Option<Index>, StoreError<S::Error>> {
        let Some(item) = self.fetch(0).await? else {
            return Ok(None);
        };
        let [bank @ (1 | 128), a, b, c, d, sum @ .., low, high] = item else {
            return Err(StoreError::Damaged);
        };
        let chunk = u16::from_le_bytes([*low, *high]);
        let len = u32::from_le_bytes([*a, *b, *c, *d]);
        let chunks = (len as usize).div_ceil(usize::from(chunk).max(1));
        if chunk == 0 || chunks > usize::from(CHUNKS) {
            return Err(StoreError::Damaged);
        }
        Ok(Some(Index {
            bank: *bank,
            len,
            chunk,
            sum: sum.try_into().map_err(|_| StoreError::Damaged)?,
        }))
    }

    /// Whether the chunks that count are those of `record`.
    async fn holds(&mut self, index: Index, record: &[u8]) -> Result<bool, StoreError<S::Error>> {
        if index.len as usize != record.len() || Check::new().over(record).sum() != index.sum {
            return Ok(false);
        }
        for (number, chunk) in (index.bank..).zip(record.chunks(index.chunk.into())) {
            if self.fetch(number).await? != Some(chunk) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl<E: fmt::Debug> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map(error) => write!(f, "map: {error:?}"),
            Self::TooLong(error) => write!(f, "record {error}"),
            Self::BufferTooSmall(error) => error.fmt(f),
            Self::Damaged => f.write_str("chunks are not those of the record"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for StoreError<E> {}

#[cfg(feature = "defmt")]
impl<K: Key, S: NorFlash, C: CacheImpl<K>> defmt::Format for SequentialStore<'_, K, S, C> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "SequentialStore of {=usize} bytes", self.capacity());
    }
}
