//! What changed in a section since one of its versions, and what can not be told that way.
//!
//! The stamps of the leaves say what is newer. They say nothing of an entry that is gone: a version that
//! lost one ([`loses`]) is the oldest that a patch can start from ([`Head::pruned`](super::Head::pruned)).
//! An empty map has no stamp, so that every patch names all of them; where they stand already that changes
//! nothing.

use super::metadata::{LeafMeta, Out};
use super::version::Version;
use crate::document::format;
use crate::document::{DocumentMut, DocumentRef, MAX_DEPTH};
use crate::error::CapacityError;

/// Whether `patch` takes an entry away from `section`, both maps: by null, or by a value in place of a map
/// that holds something.
pub(super) fn loses(section: DocumentRef<'_>, patch: DocumentRef<'_>) -> bool {
    let (state, patch) = (section.as_bytes(), patch.as_bytes());
    // Where each open map of patch and section ends.
    let mut open: heapless::Vec<(usize, usize), MAX_DEPTH> = heapless::Vec::new();
    let _ = open.push((patch.len(), state.len()));
    let (mut p, mut s) = (format::HEADER, format::HEADER);
    while let Some((patch_end, state_end)) = open.last().copied() {
        if p >= patch_end || s >= state_end {
            (p, s) = (patch_end, state_end);
            open.pop();
            continue;
        }
        let (start, stop) = format::key_span(patch, p);
        let key = (patch, start, stop.wrapping_sub(start));
        let (at, value) = format::seek(state, s, state_end, key);
        let patch_next = format::value_end(patch, stop);
        if value == 0 {
            (p, s) = (patch_next, at);
            continue;
        }
        let told = format::byte_at(patch, stop);
        let map = format::byte_at(state, value) == format::MAP;
        let end = format::value_end(state, value);
        if told == format::MAP && map {
            let _ = open.push((patch_next, end));
            p = stop.wrapping_add(format::HEADER);
            s = value.wrapping_add(format::HEADER);
            continue;
        }
        let full = map && end > value.wrapping_add(format::HEADER);
        if told == format::NULL || (told != format::MAP && full) {
            return true;
        }
        (p, s) = (patch_next, end);
    }
    false
}

/// Writes the leaves of `section` whose stamp is newer than `version`, and its empty maps, into `out`.
///
/// # Errors
/// [`CapacityError`] if `out` is too small; it is then as it was.
pub(super) fn changes(
    section: DocumentRef<'_>,
    metadata: DocumentRef<'_>,
    version: Version,
    out: &mut DocumentMut<'_>,
) -> Result<(), CapacityError> {
    let (state, meta) = (section.as_bytes(), metadata.as_bytes());
    let capacity = out.capacity();
    if state.len() > capacity {
        let mut measured = Out {
            bytes: &mut [],
            at: 0,
        };
        write_changes(state, meta, version, &mut measured);
        if measured.at > capacity {
            let needed = measured.at;
            return Err(CapacityError { needed, capacity });
        }
    }
    let mut sink = Out {
        bytes: out.bytes,
        at: 0,
    };
    write_changes(state, meta, version, &mut sink);
    *out.len = sink.at;
    Ok(())
}

/// A map of the section that is being copied.
struct Level {
    state_end: usize,
    meta_end: usize,
    /// Where its entry begins in what is written, and its header.
    entry: usize,
    header: usize,
    /// It holds nothing, so that it is told although nothing in it is newer.
    empty: bool,
}

fn write_changes(state: &[u8], meta: &[u8], version: Version, out: &mut Out<'_>) {
    let mut open: heapless::Vec<Level, MAX_DEPTH> = heapless::Vec::new();
    let header = out.begin();
    let _ = open.push(Level {
        state_end: state.len(),
        meta_end: meta.len(),
        entry: header,
        header,
        empty: true,
    });
    let (mut s, mut m) = (format::HEADER, format::HEADER);
    while let Some(level) = open.last() {
        let (state_end, meta_end) = (level.state_end, level.meta_end);
        if s >= state_end {
            if level.empty || out.at > level.header.wrapping_add(format::HEADER) {
                out.end(level.header);
            } else {
                // Nothing in it is newer.
                out.at = level.entry;
            }
            (s, m) = (state_end, meta_end);
            open.pop();
            continue;
        }
        let (start, stop) = format::key_span(state, s);
        let next = format::value_end(state, stop);
        let (at, stamp) = format::seek(meta, m, meta_end, (state, start, stop.wrapping_sub(start)));
        let stamp_end = if stamp == 0 {
            at
        } else {
            format::value_end(meta, stamp)
        };
        if format::byte_at(state, stop) == format::MAP {
            let entry = out.at;
            out.put(format::slice(state, s, stop));
            let inner = stop.wrapping_add(format::HEADER);
            let stamps = if stamp == 0 {
                stamp_end
            } else {
                stamp.wrapping_add(format::HEADER)
            };
            let _ = open.push(Level {
                state_end: next,
                meta_end: stamp_end,
                entry,
                header: out.begin(),
                empty: next == inner,
            });
            (s, m) = (inner, stamps);
            continue;
        }
        let stamp = DocumentRef::trusted(format::slice(meta, stamp, stamp_end));
        let newer = stamp_end > at
            && LeafMeta::from_value(stamp.root()).is_some_and(|meta| meta.version > version);
        if newer {
            out.put(format::slice(state, s, next));
        }
        (s, m) = (next, stamp_end);
    }
}
