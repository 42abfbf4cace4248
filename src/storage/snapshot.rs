//! What a device keeps over a restart, as bytes.

use core::fmt;

use super::check::Check;
use crate::document::{DocumentRef, FormatError, MAX_DEPTH};
use crate::error::BufferTooSmall;
use crate::twin::{Version, Versions};

const MAGIC: [u8; 2] = *b"tS";
const FORMAT: u8 = 1;
const HAS_REPORTED: u8 = 1;
/// Bytes before the documents.
const HEAD: usize = 42;
/// Bytes of the check behind them.
const CHECK: usize = 4;
/// Levels of a section: a message has one around it.
const DEPTH: usize = MAX_DEPTH - 1;

/// What a device engine needs to go on after a restart, borrowed; to bytes and back.
///
/// The fields are those of [`device::Memory`](crate::device::Memory), which this room does not know:
/// the application moves them over, as the [module](super) shows.
///
/// | bytes | what |
/// | --- | --- |
/// | 2 | `74 53`, "tS" |
/// | 1 | format, 1 |
/// | 1 | 1 if reported is kept, 0 if it is what the service has acknowledged |
/// | 4 | schema id |
/// | 4 | number of the next request |
/// | 8 each | versions of twin, desired, reported |
/// | 2 each | lengths of desired, acknowledged, reported (0 where it is not kept) |
/// | | desired, acknowledged, reported: [canonical documents](crate::document) |
/// | 4 | CRC-32 (ISO-HDLC) of all bytes before it |
///
/// Numbers are little-endian.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Snapshot<'a> {
    /// The service's desired section.
    pub desired: DocumentRef<'a>,
    /// What the device says.
    pub reported: DocumentRef<'a>,
    /// What the service is known to have of it.
    pub acknowledged: DocumentRef<'a>,
    /// The versions of the service's sections.
    pub versions: Versions,
    /// The number of the next request, so that ids differ from those of the life before.
    pub next_request: u32,
}

/// Which firmware's idea of the documents a snapshot holds: any number that changes when that does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SchemaId(pub u32);

/// Why bytes are not a snapshot that can be gone on with; none of them is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SnapshotError {
    /// The bytes begin like no snapshot of any format.
    NotASnapshot,
    /// A snapshot of a format that this version of the crate does not read.
    UnknownFormat {
        /// The number in it.
        format: u8,
    },
    /// The check does not fit the bytes: they are damaged, or cut short.
    Damaged,
    /// A whole snapshot, of another schema.
    OtherSchema {
        /// The id in it.
        found: SchemaId,
    },
    /// The lengths in it are not those of its documents.
    Length,
    /// A document is not canonical; the offset counts from its beginning.
    Document(Part, FormatError),
    /// A document is not a section: no map, or too deep.
    NotASection(Part),
}

/// One of the documents in a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Part {
    /// The service's desired section.
    Desired,
    /// What the service is known to have of reported.
    Acknowledged,
    /// What the device says.
    Reported,
}

impl<'a> Snapshot<'a> {
    /// Returns the snapshot for an application that reports everything anew after a restart anyway:
    /// what the service has acknowledged stands for reported, and takes no bytes.
    #[must_use]
    pub const fn without_reported(self) -> Self {
        Self {
            reported: self.acknowledged,
            ..self
        }
    }

    /// Returns how many bytes [`write`](Self::write) takes: 46 and the documents, reported only where it
    /// differs from acknowledged.
    pub fn encoded_len(&self) -> usize {
        self.documents()
            .iter()
            .fold(HEAD.wrapping_add(CHECK), |sum, document| {
                sum.wrapping_add(document.len())
            })
    }

    /// Writes the snapshot and returns its length in bytes.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how many bytes are needed; `out` is as it was.
    pub fn write(&self, schema: SchemaId, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        let needed = self.encoded_len();
        let documents = self.documents();
        let out = out.get_mut(..needed).ok_or(BufferTooSmall { needed })?;
        let [.., reported] = documents;
        let kept = if reported.is_empty() { 0 } else { HAS_REPORTED };
        let Versions {
            twin,
            desired,
            reported,
        } = self.versions;
        let mut writer = Writer { out, at: 0 };
        writer.put(&MAGIC);
        writer.put(&[FORMAT, kept]);
        writer.put(&schema.0.to_le_bytes());
        writer.put(&self.next_request.to_le_bytes());
        for version in [twin, desired, reported] {
            writer.put(&version.as_u64().to_le_bytes());
        }
        for document in documents {
            #[expect(clippy::cast_possible_truncation, reason = "documents end at 65,535")]
            writer.put(&(document.len() as u16).to_le_bytes());
        }
        for document in documents {
            writer.put(document);
        }
        let Writer { out, at } = writer;
        let sum = Check::new().over(out.get(..at).unwrap_or_default()).sum();
        Writer { out, at }.put(&sum);
        Ok(needed)
    }

    /// Reads a snapshot, checking all of it: the whole of `bytes`. Cost: linear in its bytes.
    ///
    /// # Errors
    /// [`SnapshotError`] says what is wrong; the format is looked at first, the check next, then the
    /// schema, then the documents.
    pub fn read(bytes: &'a [u8], schema: SchemaId) -> Result<Self, SnapshotError> {
        let mut reader = Reader(bytes);
        let start = reader.take::<4>().ok_or(SnapshotError::NotASnapshot)?;
        let [first, second, format, kept] = start;
        if [first, second] != MAGIC {
            return Err(SnapshotError::NotASnapshot);
        }
        if format != FORMAT {
            return Err(SnapshotError::UnknownFormat { format });
        }
        let whole = bytes.split_last_chunk::<CHECK>();
        let (body, sum) = whole.ok_or(SnapshotError::Damaged)?;
        if Check::new().over(body).sum() != *sum {
            return Err(SnapshotError::Damaged);
        }
        reader = Reader(body.get(start.len()..).unwrap_or_default());
        let found = SchemaId(reader.number().ok_or(SnapshotError::Length)?);
        if found != schema {
            return Err(SnapshotError::OtherSchema { found });
        }
        let next_request = reader.number().ok_or(SnapshotError::Length)?;
        let versions = Versions {
            twin: reader.version()?,
            desired: reader.version()?,
            reported: reader.version()?,
        };
        let desired = reader.length()?;
        let acknowledged = reader.length()?;
        let reported = reader.length()?;
        if kept > HAS_REPORTED || (kept == 0) != (reported == 0) {
            return Err(SnapshotError::Length);
        }
        let desired = reader.section(Part::Desired, desired)?;
        let acknowledged = reader.section(Part::Acknowledged, acknowledged)?;
        let reported = match reported {
            0 => acknowledged,
            len => reader.section(Part::Reported, len)?,
        };
        if !reader.0.is_empty() {
            return Err(SnapshotError::Length);
        }
        Ok(Self {
            desired,
            reported,
            acknowledged,
            versions,
            next_request,
        })
    }

    /// The documents in the order of the bytes; nothing for what is not kept.
    fn documents(&self) -> [&'a [u8]; 3] {
        let reported: &[u8] = if self.reported == self.acknowledged {
            &[]
        } else {
            self.reported.as_bytes()
        };
        [
            self.desired.as_bytes(),
            self.acknowledged.as_bytes(),
            reported,
        ]
    }
}

/// Puts pieces one behind the other into a buffer that was measured before.
struct Writer<'o> {
    out: &'o mut [u8],
    at: usize,
}

impl Writer<'_> {
    fn put(&mut self, piece: &[u8]) {
        let end = self.at.wrapping_add(piece.len());
        let room = self.out.get_mut(self.at..).unwrap_or_default();
        for (room, byte) in room.iter_mut().zip(piece) {
            *room = *byte;
        }
        self.at = end;
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (front, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*front)
    }

    fn number(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn version(&mut self) -> Result<Version, SnapshotError> {
        let number = self.take().map(u64::from_le_bytes);
        number.map(Version::new).ok_or(SnapshotError::Length)
    }

    fn length(&mut self) -> Result<usize, SnapshotError> {
        let number = self.take().map(u16::from_le_bytes);
        number.map(usize::from).ok_or(SnapshotError::Length)
    }

    fn section(&mut self, part: Part, len: usize) -> Result<DocumentRef<'a>, SnapshotError> {
        let (front, rest) = self.0.split_at_checked(len).ok_or(SnapshotError::Length)?;
        self.0 = rest;
        let document =
            DocumentRef::from_bytes(front).map_err(|error| SnapshotError::Document(part, error))?;
        if !document.is_map() || document.depth() > DEPTH {
            return Err(SnapshotError::NotASection(part));
        }
        Ok(document)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Desired => "desired",
            Self::Acknowledged => "acknowledged",
            Self::Reported => "reported",
        })
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotASnapshot => f.write_str("not a snapshot"),
            Self::UnknownFormat { format } => write!(f, "snapshot of unknown format {format}"),
            Self::Damaged => f.write_str("snapshot is damaged"),
            Self::OtherSchema { found } => write!(f, "snapshot of schema {:#010x}", found.0),
            Self::Length => f.write_str("lengths in the snapshot do not agree"),
            Self::Document(part, error) => write!(f, "{part}: {error}"),
            Self::NotASection(part) => write!(f, "{part} is not a section"),
        }
    }
}

impl core::error::Error for SnapshotError {}
