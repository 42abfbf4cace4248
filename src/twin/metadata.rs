//! Metadata: when, and by which version, each leaf of a section was last named by an update.
//!
//! Metadata is a document of the same shape as the section, whose leaves are stamps: arrays of the
//! time in milliseconds and the section's version. An array of values has one stamp; an empty map has
//! an empty map. So it is merged, cut and dropped by the same rules as the section itself (AWS
//! *metadata.timestamp*, Azure *$lastUpdated* and *$lastUpdatedVersion*).

use core::cmp::Ordering;

use super::section::Section;
use super::version::Version;
use crate::document::edit;
use crate::document::format;
use crate::document::value::Encoded;
use crate::document::{DocumentMut, DocumentRef, MAX_DEPTH, Number, Value};
use crate::error::CapacityError;
use crate::time::Timestamp;

/// Key of the metadata in a twin's document.
pub(super) const KEY: &str = "metadata";

/// The sections that metadata is kept for.
pub(super) const SECTIONS: [Section; 2] = [Section::Desired, Section::Reported];

/// When and by which version a leaf was last named by an update, whether its value changed or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeafMeta {
    /// When the update was accepted.
    pub updated_at: Timestamp,
    /// The version of the leaf's section that the update made.
    pub version: Version,
}

impl LeafMeta {
    /// Reads a stamp, as it stands at a leaf of [`TwinRef::metadata`](super::TwinRef::metadata);
    /// nothing if the value is none.
    pub fn from_value(value: Value<'_>) -> Option<Self> {
        let mut items = value.as_array()?.iter();
        let mut counter = || u64::try_from(items.next()?.as_i64()?).ok();
        let (millis, version) = (counter()?, counter()?);
        if items.next().is_some() {
            return None;
        }
        Some(Self {
            updated_at: Timestamp::from_millis(millis),
            version: Version::new(version),
        })
    }

    /// The stamp's canonical bytes.
    fn stamp(self) -> Stamp {
        let number = |counter: u64| {
            let counter = i64::try_from(counter).unwrap_or(i64::MAX);
            Encoded::number(Number::from(counter))
        };
        let millis = number(self.updated_at.as_millis());
        let version = number(self.version.as_u64());
        let (millis, version) = (millis.as_slice(), version.as_slice());
        let mut stamp = Stamp::new();
        let inner = millis.len().wrapping_add(version.len());
        // Two numbers of at most 9 bytes and a header fit.
        let _ = stamp.extend_from_slice(&[format::ARRAY, u8::try_from(inner).unwrap_or(0), 0]);
        let _ = stamp.extend_from_slice(millis);
        let _ = stamp.extend_from_slice(version);
        stamp
    }
}

type Stamp = heapless::Vec<u8, 24>;

/// Stamps everything that `patch`, the patch of a whole twin, names: `metas` says with what, in the
/// order of [`SECTIONS`]. The metadata changes as the sections did. The stamps of the patch are built
/// in the free end of the document's buffer, so that they need room beside the twin for a moment.
///
/// # Errors
/// [`CapacityError`]; the metadata is then in part as it was, the sections are untouched.
pub(super) fn stamp(
    document: &mut DocumentMut<'_>,
    patch: DocumentRef<'_>,
    metas: [LeafMeta; 2],
) -> Result<(), CapacityError> {
    let capacity = document.capacity();
    let len = *document.len;
    let bytes = document.bytes.get_mut(..capacity).unwrap_or_default();
    let mut out = Out { bytes, at: len };
    out.begin();
    out.key(KEY);
    let sections = out.begin();
    for (section, meta) in SECTIONS.into_iter().zip(metas) {
        if let Some(patch) = patch.at(&[section.key()]) {
            out.key(section.key());
            out.stamps(patch.as_bytes(), &meta.stamp());
        }
    }
    out.end(sections);
    out.end(len);
    let end = out.at;
    if end > capacity {
        return Err(CapacityError {
            needed: end,
            capacity,
        });
    }
    let stamps = end.wrapping_sub(len);
    let split = capacity.wrapping_sub(stamps);
    edit::shift(bytes, len, end, split);
    let Some((front, back)) = bytes.split_at_mut_checked(split) else {
        return Ok(());
    };
    DocumentMut {
        bytes: front,
        len: document.len,
    }
    .merge(DocumentRef::trusted(back))
    .map_err(|error| CapacityError {
        needed: error.needed.saturating_add(stamps),
        capacity,
    })?;
    drop_empty(document);
    Ok(())
}

/// Drops metadata that says nothing: of a section that is gone, or of no leaf at all.
pub(super) fn drop_empty(document: &mut DocumentMut<'_>) {
    for section in SECTIONS {
        let read = document.as_ref();
        let Some(metadata) = read.at(&[KEY, section.key()]) else {
            continue;
        };
        if metadata.is_empty() || read.at(&[section.key()]).is_none() {
            document.remove(&[KEY, section.key()]);
        }
    }
    if document
        .as_ref()
        .at(&[KEY])
        .is_some_and(DocumentRef::is_empty)
    {
        document.remove(&[KEY]);
    }
}

/// Writes the entries of `metadata` that stand in `part` into `out`.
///
/// # Errors
/// [`CapacityError`] if `out` is too small; it is then as it was.
pub(super) fn cut(
    metadata: DocumentRef<'_>,
    part: DocumentRef<'_>,
    out: &mut DocumentMut<'_>,
) -> Result<(), CapacityError> {
    let capacity = out.capacity();
    if metadata.as_bytes().len() > capacity {
        let mut measured = Out {
            bytes: &mut [],
            at: 0,
        };
        measured.cut(metadata.as_bytes(), part.as_bytes());
        if measured.at > capacity {
            return Err(CapacityError {
                needed: measured.at,
                capacity,
            });
        }
    }
    let mut sink = Out {
        bytes: out.bytes,
        at: 0,
    };
    sink.cut(metadata.as_bytes(), part.as_bytes());
    *out.len = sink.at;
    Ok(())
}

/// Whether `metadata` says something only about what stands in `section`: maps where it has maps,
/// stamps where it has leaves.
pub(super) fn describes(metadata: DocumentRef<'_>, section: DocumentRef<'_>) -> bool {
    let (meta, state) = (metadata.as_bytes(), section.as_bytes());
    if !metadata.is_map() || !section.is_map() {
        return false;
    }
    let mut open: heapless::Vec<(usize, usize), MAX_DEPTH> = heapless::Vec::new();
    let _ = open.push((meta.len(), state.len()));
    let (mut m, mut s) = (format::HEADER, format::HEADER);
    while let Some((meta_end, state_end)) = open.last().copied() {
        if m >= meta_end {
            (m, s) = (meta_end, state_end);
            open.pop();
            continue;
        }
        let (start, stop) = format::key_span(meta, m);
        let (_, value) = format::seek(state, s, state_end, (meta, start, stop.wrapping_sub(start)));
        if value == 0 {
            return false;
        }
        let end = format::value_end(meta, stop);
        let map = format::byte_at(meta, stop) == format::MAP;
        if map != (format::byte_at(state, value) == format::MAP) {
            return false;
        }
        if map {
            let _ = open.push((end, format::value_end(state, value)));
            (m, s) = (
                stop.wrapping_add(format::HEADER),
                value.wrapping_add(format::HEADER),
            );
        } else {
            let stamp = DocumentRef::trusted(format::slice(meta, stop, end));
            if LeafMeta::from_value(stamp.root()).is_none() {
                return false;
            }
            (m, s) = (end, format::value_end(state, value));
        }
    }
    true
}

/// Where metadata is written. It counts beyond the end and writes only what fits.
pub(super) struct Out<'a> {
    pub(super) bytes: &'a mut [u8],
    pub(super) at: usize,
}

impl Out<'_> {
    pub(super) fn put(&mut self, source: &[u8]) {
        self.at = format::put(self.bytes, self.at, source);
    }

    /// Starts a map and returns where its header is.
    pub(super) fn begin(&mut self) -> usize {
        let header = self.at;
        self.put(&format::EMPTY_MAP);
        header
    }

    /// Ends the map whose header is at `header`.
    pub(super) fn end(&mut self, header: usize) {
        let inner = self.at.wrapping_sub(header).wrapping_sub(format::HEADER);
        if self.at <= self.bytes.len() {
            format::write_u16(self.bytes, header.wrapping_add(1), inner);
        }
    }

    /// Writes one of our own keys.
    fn key(&mut self, key: &str) {
        self.put(&[u8::try_from(key.len()).unwrap_or(0)]);
        self.put(key.as_bytes());
    }

    /// Writes `patch` with `stamp` in place of each leaf; null stays null.
    fn stamps(&mut self, patch: &[u8], stamp: &[u8]) {
        if format::byte_at(patch, 0) != format::MAP {
            self.put(&[format::NULL]);
            return;
        }
        // Where each open map of the patch ends, and where its header is in what is written.
        let mut open: heapless::Vec<(usize, usize), MAX_DEPTH> = heapless::Vec::new();
        let _ = open.push((patch.len(), self.begin()));
        let mut from = format::HEADER;
        while let Some((end, header)) = open.last().copied() {
            if from >= end {
                self.end(header);
                open.pop();
                continue;
            }
            let stop = format::key_span(patch, from).1;
            self.put(format::slice(patch, from, stop));
            from = format::value_end(patch, stop);
            match format::byte_at(patch, stop) {
                format::NULL => self.put(&[format::NULL]),
                format::MAP => {
                    let _ = open.push((from, self.begin()));
                    from = stop.wrapping_add(format::HEADER);
                }
                _ => self.put(stamp),
            }
        }
    }

    /// Writes the entries of `meta` whose keys stand in `part`.
    fn cut(&mut self, meta: &[u8], part: &[u8]) {
        let mut open: heapless::Vec<(usize, usize, usize), MAX_DEPTH> = heapless::Vec::new();
        let _ = open.push((meta.len(), part.len(), self.begin()));
        let (mut m, mut p) = (format::HEADER, format::HEADER);
        while let Some((meta_end, part_end, header)) = open.last().copied() {
            if m >= meta_end || p >= part_end {
                self.end(header);
                (m, p) = (meta_end, part_end);
                open.pop();
                continue;
            }
            let (meta_start, meta_stop) = format::key_span(meta, m);
            let (part_start, part_stop) = format::key_span(part, p);
            let (meta_next, part_next) = (
                format::value_end(meta, meta_stop),
                format::value_end(part, part_stop),
            );
            let order = format::key_order(
                format::slice(meta, meta_start, meta_stop),
                format::slice(part, part_start, part_stop),
            );
            match order {
                Ordering::Less => m = meta_next,
                Ordering::Greater => p = part_next,
                Ordering::Equal => {
                    let both_maps = format::byte_at(meta, meta_stop) == format::MAP
                        && format::byte_at(part, part_stop) == format::MAP;
                    if both_maps {
                        self.put(format::slice(meta, m, meta_stop));
                        let _ = open.push((meta_next, part_next, self.begin()));
                        (m, p) = (
                            meta_stop.wrapping_add(format::HEADER),
                            part_stop.wrapping_add(format::HEADER),
                        );
                    } else {
                        self.put(format::slice(meta, m, meta_next));
                        (m, p) = (meta_next, part_next);
                    }
                }
            }
        }
    }
}
