//! A twin at rest: the bytes that a registry keeps.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | `A3` a twin, `A2` a tombstone (`A1` and `A0` were those of a layout without the last counter) |
//! | 1–10 each | time of the last change in milliseconds, versions of twin, desired, reported, and the version of desired that last lost an entry: little-endian base 128, in as few bytes as will do |
//! | 3 or more | the document, canonical (see [`document`](crate::document)) |
//! | 4 | check: a hash of all bytes before it |
//!
//! The check finds damage, not malice; against malice everything else is validated, too.

use core::fmt;

use super::etag;
use super::metadata;
use super::policy::MAX_SECTION_DEPTH;
use super::record::{Head, Twin, TwinRef};
use super::section::Section;
use super::version::{Version, Versions};
use crate::document::format;
use crate::document::{DocumentRef, FormatError, MAX_DEPTH};
use crate::error::{BufferTooSmall, CapacityError};
use crate::time::Timestamp;

const TWIN: u8 = 0xA3;
const TOMBSTONE: u8 = 0xA2;
/// Bytes of the check at the end.
const CHECK: usize = 4;
/// Longest head: the first byte and five counters.
const MAX_HEAD: usize = 51;

/// Why bytes are not the record of a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RecordError {
    /// The first byte is none that this version of the crate writes.
    UnknownFormat,
    /// The bytes end too early, or a counter is not in its shortest form.
    Head,
    /// The check does not fit the bytes: they are damaged.
    Check,
    /// The document is not canonical; the offset counts from its beginning.
    Document(FormatError),
    /// The document is not that of a twin: an unknown section, null, metadata of what is not there.
    NotATwin,
    /// The twin does not fit its buffer.
    Capacity(CapacityError),
}

impl<'a> TwinRef<'a> {
    /// Reads a record, checking all of it. Cost: linear in its bytes.
    ///
    /// # Errors
    /// [`RecordError`] says what is wrong; no byte is believed before the check has passed.
    pub fn from_record(record: &'a [u8]) -> Result<Self, RecordError> {
        let Some((body, check)) = record.split_last_chunk::<CHECK>() else {
            return Err(RecordError::Head);
        };
        if !matches!(body.first(), Some(&(TWIN | TOMBSTONE))) {
            return Err(RecordError::UnknownFormat);
        }
        if check_of(body) != *check {
            return Err(RecordError::Check);
        }
        let (head, rest) = read_head(body).ok_or(RecordError::Head)?;
        let document = DocumentRef::from_bytes(rest).map_err(RecordError::Document)?;
        let fits = if head.exists {
            is_twin(document)
        } else {
            document.is_empty()
        };
        if !fits {
            return Err(RecordError::NotATwin);
        }
        Ok(Self::trusted(head, document))
    }

    /// Returns the length of the record in bytes: that of the document and 13 to 55 more.
    pub fn record_len(self) -> usize {
        self.body_len().saturating_add(CHECK)
    }

    /// Writes the record into the front of `out` and returns its length.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how many bytes it takes.
    pub fn write_record(self, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let needed = self.record_len();
        let too_small = BufferTooSmall { needed };
        let Some((body, check)) = out
            .get_mut(..needed)
            .and_then(<[u8]>::split_last_chunk_mut::<CHECK>)
        else {
            return Err(too_small);
        };
        self.write_body(body)?;
        *check = check_of(body);
        Ok(needed)
    }

    /// Length of the record without its check.
    pub(crate) fn body_len(self) -> usize {
        let head = encode_head(self.head());
        self.document().as_bytes().len().saturating_add(head.len())
    }

    /// Writes the record without its check; `out` has exactly the room.
    pub(crate) fn write_body(self, out: &mut [u8]) -> Result<(), BufferTooSmall> {
        let head = encode_head(self.head());
        let document = self.document().as_bytes();
        let needed = document.len().saturating_add(head.len());
        if out.len() != needed {
            return Err(BufferTooSmall { needed });
        }
        let at = format::put(out, 0, &head);
        format::put(out, at, document);
        Ok(())
    }

    /// Reads what [`TwinRef::write_body`] wrote, believing it.
    #[cfg(any(feature = "alloc", test))]
    pub(crate) fn trusted_body(body: &'a [u8]) -> Self {
        match read_head(body) {
            Some((head, document)) => Self::trusted(head, DocumentRef::trusted(document)),
            None => Self::ABSENT,
        }
    }
}

impl<const N: usize> Twin<N> {
    /// Copies a record after a complete check, see [`TwinRef::from_record`].
    ///
    /// # Errors
    /// [`RecordError`], also if the twin's document is longer than `N`.
    pub fn from_record(record: &[u8]) -> Result<Self, RecordError> {
        let stored = TwinRef::from_record(record)?;
        let mut twin = Self::new();
        twin.assign(stored).map_err(RecordError::Capacity)?;
        Ok(twin)
    }
}

fn check_of(body: &[u8]) -> [u8; CHECK] {
    let hash = etag::hash(body);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are in it")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded.to_le_bytes()
}

fn encode_head(head: Head) -> heapless::Vec<u8, MAX_HEAD> {
    let mut out = heapless::Vec::new();
    let _ = out.push(if head.exists { TWIN } else { TOMBSTONE });
    let Versions {
        twin,
        desired,
        reported,
    } = head.versions;
    for counter in [
        head.updated_at.as_millis(),
        twin.as_u64(),
        desired.as_u64(),
        reported.as_u64(),
        head.pruned.as_u64(),
    ] {
        let mut rest = counter;
        while rest >= 0x80 {
            let _ = out.push(0x80 | low_bits(rest));
            rest >>= 7;
        }
        let _ = out.push(low_bits(rest));
    }
    out
}

fn low_bits(counter: u64) -> u8 {
    (counter & 0x7F) as u8
}

/// Reads the head and returns it with the rest.
fn read_head(body: &[u8]) -> Option<(Head, &[u8])> {
    let (first, rest) = body.split_first()?;
    let (millis, rest) = read_counter(rest)?;
    let (twin, rest) = read_counter(rest)?;
    let (desired, rest) = read_counter(rest)?;
    let (reported, rest) = read_counter(rest)?;
    let (pruned, rest) = read_counter(rest)?;
    let head = Head {
        versions: Versions {
            twin: Version::new(twin),
            desired: Version::new(desired),
            reported: Version::new(reported),
        },
        pruned: Version::new(pruned),
        updated_at: Timestamp::from_millis(millis),
        exists: *first == TWIN,
    };
    Some((head, rest))
}

/// Reads a counter in its shortest form.
fn read_counter(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut counter = 0_u64;
    let mut rest = bytes;
    for shift in (0_u32..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        rest = after;
        let bits = u64::from(*byte & 0x7F);
        let placed = bits.unbounded_shl(shift);
        if placed.unbounded_shr(shift) != bits {
            return None;
        }
        counter |= placed;
        if *byte < 0x80 {
            let shortest = bits != 0 || shift == 0;
            return shortest.then_some((counter, rest));
        }
    }
    None
}

/// Whether a canonical document is that of a twin.
fn is_twin(document: DocumentRef<'_>) -> bool {
    if !document.is_map() {
        return false;
    }
    document.entries().all(|(key, value)| {
        let Some(map) = value.as_map().filter(|map| !map.is_empty()) else {
            return false;
        };
        if Section::from_key(key).is_some() {
            let section = map.as_document();
            return section.depth() <= MAX_SECTION_DEPTH && !has_null_entry(section);
        }
        key == metadata::KEY
            && map.iter().all(|(key, value)| {
                let (Some(section), Some(map)) = (Section::from_key(key), value.as_map()) else {
                    return false;
                };
                metadata::SECTIONS.contains(&section)
                    && !map.is_empty()
                    && document
                        .at(&[key])
                        .is_some_and(|section| metadata::describes(map.as_document(), section))
            })
    })
}

/// Whether a map outside arrays holds null.
fn has_null_entry(section: DocumentRef<'_>) -> bool {
    let bytes = section.as_bytes();
    let mut ends: heapless::Vec<usize, MAX_DEPTH> = heapless::Vec::new();
    let _ = ends.push(bytes.len());
    let mut at = format::HEADER;
    while let Some(end) = ends.last().copied() {
        if at >= end {
            ends.pop();
            continue;
        }
        let value = format::key_span(bytes, at).1;
        at = format::value_end(bytes, value);
        match format::byte_at(bytes, value) {
            format::NULL => return true,
            format::MAP => {
                let _ = ends.push(at);
                at = value.wrapping_add(format::HEADER);
            }
            _ => {}
        }
    }
    false
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFormat => f.write_str("not a record of this format"),
            Self::Head => f.write_str("record is cut short or its head is malformed"),
            Self::Check => f.write_str("record is damaged"),
            Self::Document(error) => error.fmt(f),
            Self::NotATwin => f.write_str("document is not that of a twin"),
            Self::Capacity(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RecordError {}
