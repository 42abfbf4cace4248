//! The log's algorithm: reads, writes and erases to be done, one at a time.
//!
//! A record is a head, the bytes, and behind them a seal, in whole words; all numbers little-endian.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | `4C 01 00 00` |
//! | 4 | length of the record |
//! | 4 | number of the save; the newest counts |
//! | 4 | CRC-32 of the twelve bytes before |
//! | | padding to whole words, and to four bytes where words are shorter |
//! | *length* | the record, padded to whole words |
//! | 4 | seal: CRC-32 of the head's 16 bytes and the record, never `FF FF FF FF` |
//! | | padding to whole words |
//!
//! A record lies in one page, behind the one before it, as long as there is room; else it begins the
//! next page round the range. A record longer than a page takes several whole pages, and each further
//! page begins with a word of `43`, so that no byte of a record is ever taken for a head.
//!
//! **A save erases what it needs, then writes from head to seal, then reads all of it back.** The pages of
//! the newest record are never among those: until the seal is written, it stays the newest.

mod geometry;
mod operation;

use core::fmt;

use super::check::Check;
use crate::error::{BufferTooSmall, CapacityError};
use geometry::{CHUNK, HEAD};
pub use geometry::{Geometry, GeometryError};
use operation::Operation;

const START: [u8; 4] = [0x4C, 0x01, 0, 0];
/// First word of a page in which a record goes on.
const MARK: u8 = 0x43;
const ERASED: u8 = 0xFF;

/// A log of one record, of which the newest counts: the algorithm alone, for any flash.
///
/// [`FlashLog`](super::FlashLog) runs it on `embedded-storage`; this is for flash behind any other
/// interface. One [`Load`] or [`Save`] at a time says what is to be done:
///
/// ```
/// use twinsync::storage::{Geometry, Log, Request, Saved};
///
/// let mut flash = [0xFF; 512];
/// let mut log = Log::new(Geometry::new(0, 128, 4, 4)?);
/// let mut save = log.save(b"state");
/// while let Some(request) = save.poll() {
///     match request {
///         Request::Read { at, into } => into.copy_from_slice(&flash[at as usize..][..into.len()]),
///         Request::Write { at, bytes } => flash[at as usize..][..bytes.len()].copy_from_slice(bytes),
///         Request::Erase { from, to } => flash[from as usize..to as usize].fill(0xFF),
///     }
/// }
/// assert_eq!(save.finish(), Ok(Saved::Written));
/// # Ok::<(), twinsync::storage::GeometryError>(())
/// ```
///
/// Whoever drops an operation before it says `None` has the next one look at all of the flash again,
/// and loses nothing that was acknowledged.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Log {
    geometry: Geometry,
    /// What a look at the flash has found, and saves have done since.
    known: Option<Known>,
    /// Where to begin after an attempt that the flash refused.
    detour: Option<u32>,
    buffer: [u8; CHUNK],
}

/// Something to be done with the flash. Addresses are those of the flash.
#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Request<'a> {
    /// Fill `into`: whole words, at most 64 bytes.
    Read {
        /// First byte.
        at: u32,
        /// Where the bytes belong.
        into: &'a mut [u8],
    },
    /// Write `bytes`: whole words of one page that were not written since the page was erased.
    Write {
        /// First byte.
        at: u32,
        /// What to write.
        bytes: &'a [u8],
    },
    /// Erase one page.
    Erase {
        /// First byte of the page.
        from: u32,
        /// First byte behind it.
        to: u32,
    },
}

/// What a save did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Saved {
    /// The record is written, was read back, and will be loaded after any loss of power.
    Written,
    /// The newest record says the same: nothing was written.
    Unchanged,
}

/// Whether there are signs of a record newer than the one that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Health {
    /// None: this is the last one that was acknowledged.
    Whole,
    /// A save was cut off: this is the last one that was acknowledged before it. One bit or two that
    /// flipped never look like this.
    Torn,
    /// Something that is damaged may have been newer. Bits that flipped look like this; so may a save
    /// that was cut off within a word, a page whose erase was cut off, and flash that held something
    /// else before.
    Damaged,
}

/// Why an operation did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum LogFault {
    /// The record is longer than [`Geometry::capacity`]; the flash was not touched.
    TooLong(CapacityError),
    /// The record is longer than the buffer to load it into; the buffer was not touched.
    BufferTooSmall(BufferTooSmall),
    /// What was read back is not what was written: the page is worn out, or not the log's alone. The
    /// next save begins at another page.
    NotKept,
    /// The record changed between two looks at it. Loading once more finds the one before.
    Unsteady,
    /// The flash refused a request, or the operation was not polled to its end.
    Refused,
}

/// One record in the flash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Place {
    /// Offset of its head in the range.
    start: u32,
    len: u32,
    number: u32,
}

/// What is in the flash.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Known {
    /// The record that counts.
    newest: Option<Place>,
    /// The newest one that was begun, finished or not.
    begun: Option<Place>,
    torn: Trouble,
    damaged: Trouble,
}

/// Things that say nothing, and how new they may be.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Trouble {
    number: Option<u32>,
    unknown: bool,
}

impl Trouble {
    /// Takes note of one of this number, or of any.
    fn add(&mut self, number: Option<u32>) {
        match number {
            Some(number) if is_newer(number, self.number) => self.number = Some(number),
            Some(_) => {}
            None => self.unknown = true,
        }
    }

    fn is_newer_than(self, newest: Option<Place>) -> bool {
        let newest = newest.map(|place| place.number);
        self.unknown || self.number.is_some_and(|number| is_newer(number, newest))
    }
}

impl Known {
    fn health(&self) -> Health {
        if self.damaged.is_newer_than(self.newest) {
            Health::Damaged
        } else if self.torn.is_newer_than(self.newest) {
            Health::Torn
        } else {
            Health::Whole
        }
    }
}

/// Numbers go round: the flash never holds two that are half of them apart.
fn is_newer(number: u32, than: Option<u32>) -> bool {
    than.is_none_or(|than| number.wrapping_sub(than).wrapping_sub(1) < u32::MAX / 2)
}

impl Place {
    /// The head of the record, padded.
    fn head(self) -> [u8; CHUNK] {
        let mut head = [ERASED; CHUNK];
        let fields = [START, self.len.to_le_bytes(), self.number.to_le_bytes()];
        let sum = Check::new().over(fields.as_flattened()).sum();
        let (words, _) = head.as_chunks_mut::<4>();
        for (room, field) in words.iter_mut().zip(fields.iter().chain([&sum])) {
            *room = *field;
        }
        head
    }

    /// Reads a head, wherever it is.
    fn from_head(start: u32, head: &[u8]) -> Option<Self> {
        let (words, _) = head.as_chunks::<4>();
        let [first, len, number, sum, ..] = words else {
            return None;
        };
        let whole = Check::new().over([*first, *len, *number].as_flattened());
        (*first == START && whole.sum() == *sum).then_some(Self {
            start,
            len: u32::from_le_bytes(*len),
            number: u32::from_le_bytes(*number),
        })
    }

    /// The check over the head, to be continued over the record.
    fn check(self) -> Check {
        Check::new().over(self.head().get(..HEAD as usize).unwrap_or_default())
    }
}

impl Log {
    /// Makes a log that does not know yet what the flash holds.
    pub const fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            known: None,
            detour: None,
            buffer: [0; CHUNK],
        }
    }

    /// Returns where it lies.
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Begins to load the newest record into `out`. Cost: reads all of the range, and the record twice.
    pub fn load<'a>(&'a mut self, out: &'a mut [u8]) -> Load<'a> {
        Load(Operation::load(self, out))
    }

    /// Begins to save `record`. Cost: the first one reads all of the range; every one reads the old
    /// record if it is as long, writes the new one and reads it back; erases when a page is full.
    pub fn save<'a>(&'a mut self, record: &'a [u8]) -> Save<'a> {
        Save(Operation::save(self, record))
    }
}

/// A load on its way: [`poll`](Self::poll) until `None`, then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Load<'a>(Operation<'a>);

/// A save on its way: [`poll`](Self::poll) until `None`, then [`finish`](Self::finish).
#[derive(Debug)]
pub struct Save<'a>(Operation<'a>);

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Found {
    /// Bytes of the newest record, at the front of the buffer; `None` if there is no record.
    pub len: Option<usize>,
    /// Whether it may not be the newest.
    pub health: Health,
}

impl Load<'_> {
    /// Returns the next thing to do; the one before counts as done.
    pub fn poll(&mut self) -> Option<Request<'_>> {
        self.0.poll()
    }

    /// The request that `poll` returned last could not be done.
    pub fn handle_failed(&mut self) {
        self.0.handle_failed();
    }

    /// Returns what was found, after `poll` has said `None`.
    ///
    /// # Errors
    /// [`LogFault`]; nothing in the buffer is to be believed then.
    pub fn finish(self) -> Result<Found, LogFault> {
        self.0.found()
    }
}

impl Save<'_> {
    /// Returns the next thing to do; the one before counts as done.
    pub fn poll(&mut self) -> Option<Request<'_>> {
        self.0.poll()
    }

    /// The request that `poll` returned last could not be done. The save may go on at another page.
    pub fn handle_failed(&mut self) {
        self.0.handle_failed();
    }

    /// Returns what was done, after `poll` has said `None`.
    ///
    /// # Errors
    /// [`LogFault`]; the record before is still there.
    pub fn finish(self) -> Result<Saved, LogFault> {
        self.0.saved()
    }
}

impl fmt::Display for LogFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(error) => write!(f, "record {error}"),
            Self::BufferTooSmall(error) => error.fmt(f),
            Self::NotKept => f.write_str("flash does not keep what is written"),
            Self::Unsteady => f.write_str("record changed while it was read"),
            Self::Refused => f.write_str("flash refused"),
        }
    }
}

impl core::error::Error for LogFault {}

#[cfg(feature = "defmt")]
impl defmt::Format for Load<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Load");
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Save<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Save");
    }
}

/// What tests forge.
#[cfg(test)]
pub(super) mod tests_support {
    use std::vec::Vec;

    use super::{HEAD, Place};

    /// A whole record, in words of 4.
    pub(in super::super) fn sealed(record: &[u8], number: u32) -> Vec<u8> {
        let len = u32::try_from(record.len()).unwrap();
        let place = Place {
            start: 0,
            len,
            number,
        };
        let mut bytes = place.head()[..HEAD as usize].to_vec();
        bytes.extend_from_slice(record);
        bytes.resize(bytes.len().next_multiple_of(4), 0xFF);
        bytes.extend(place.check().over(record).sum());
        bytes
    }
}
