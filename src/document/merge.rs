//! Merge patch (RFC 7396), in place and all or nothing.
//!
//! Patch and document are walked together by two cursors; what the patch does not name is passed by
//! length and never copied. Each change is spliced in: only what stands behind it moves.

use core::cmp::Ordering;

use super::edit::{self, Ancestors};
use super::format;
use super::{DocumentMut, DocumentRef};
use crate::error::CapacityError;

/// What a walk over patch and document is for.
#[derive(Clone, Copy, PartialEq)]
enum Pass {
    /// Find out how long the merged document will be; nothing is changed.
    Measure,
    /// Make the changes that do not need more room.
    Shrink,
    /// Make the changes that need more room; after [`Pass::Shrink`] they all fit.
    Grow,
    /// Make all changes in one go: there is room for the document and the whole patch.
    Apply,
}

pub(super) fn merge(
    document: &mut DocumentMut<'_>,
    patch: DocumentRef<'_>,
) -> Result<(), CapacityError> {
    if !patch.is_map() {
        return document.assign(patch);
    }
    let capacity = document.capacity();
    if !document.as_ref().is_map() {
        // RFC 7396 §2: a target that is not an object is taken for an empty one.
        let needed = stripped(patch.as_bytes(), &mut [], 0);
        if needed > capacity {
            return Err(CapacityError { needed, capacity });
        }
        *document.len = stripped(patch.as_bytes(), document.bytes, 0);
        return Ok(());
    }
    if document.len.saturating_add(patch.as_bytes().len()) <= capacity {
        walk(document.bytes, document.len, patch.as_bytes(), Pass::Apply);
        return Ok(());
    }
    let mut needed = *document.len;
    walk(document.bytes, &mut needed, patch.as_bytes(), Pass::Measure);
    if needed > capacity {
        return Err(CapacityError { needed, capacity });
    }
    walk(document.bytes, document.len, patch.as_bytes(), Pass::Shrink);
    walk(document.bytes, document.len, patch.as_bytes(), Pass::Grow);
    Ok(())
}

/// Walks the patch and the document, both maps, and does what `pass` says.
fn walk(bytes: &mut [u8], len: &mut usize, patch: &[u8], pass: Pass) {
    let mut ancestors = Ancestors::new();
    let mut patch_ends = Ancestors::new();
    let _ = ancestors.push(0);
    let _ = patch_ends.push(patch.len());
    let mut from = format::HEADER;
    let mut at = format::HEADER;
    let mut end = format::value_end(bytes, 0);
    loop {
        if from >= patch_ends.last().copied().unwrap_or(0) {
            // This level is done: go on behind its map, on the level above.
            patch_ends.pop();
            let Some(map) = ancestors.pop() else { return };
            let Some(above) = ancestors.last() else {
                return;
            };
            at = format::value_end(bytes, map);
            end = format::value_end(bytes, *above);
            continue;
        }
        let (start, stop) = format::key_span(patch, from);
        let key = format::slice(patch, start, stop);
        let next = format::value_end(patch, stop);
        let value = format::slice(patch, stop, next);
        let tag = format::byte_at(value, 0);
        let mut found = None;
        while at < end {
            let (key_start, key_stop) = format::key_span(bytes, at);
            match format::key_order(format::slice(bytes, key_start, key_stop), key) {
                Ordering::Less => at = format::value_end(bytes, key_stop),
                Ordering::Equal => {
                    found = Some(key_stop);
                    break;
                }
                Ordering::Greater => break,
            }
        }
        if tag == format::MAP
            && let Some(inner) = found
            && format::byte_at(bytes, inner) == format::MAP
        {
            let _ = ancestors.push(inner);
            let _ = patch_ends.push(next);
            from = stop.wrapping_add(format::HEADER);
            at = inner.wrapping_add(format::HEADER);
            end = format::value_end(bytes, inner);
            continue;
        }
        // The change here: `old` bytes at `place` become the key, if it is new, and the value.
        let entry = format::slice(patch, from, stop);
        let (place, old, key) = match found {
            Some(_) if tag == format::NULL => {
                (at, format::entry_end(bytes, at).wrapping_sub(at), entry)
            }
            Some(inner) => (inner, format::value_len(bytes, inner), &[][..]),
            None => (at, 0, entry),
        };
        from = next;
        let new = if tag == format::NULL {
            if found.is_none() {
                continue;
            }
            0
        } else {
            key.len().wrapping_add(stripped(value, &mut [], 0))
        };
        let due = match pass {
            Pass::Apply => true,
            Pass::Shrink => new <= old,
            Pass::Grow => new > old,
            Pass::Measure => {
                *len = len.wrapping_add(new).wrapping_sub(old);
                false
            }
        };
        if due {
            edit::splice(bytes, len, &ancestors, place, old, new);
            end = end.wrapping_add(new).wrapping_sub(old);
            if new > 0 {
                let place = edit::put(bytes, place, key);
                stripped(value, bytes, place);
            }
            if found.is_none() {
                at = at.wrapping_add(new);
            }
        }
    }
}

/// Copies a value of a patch without the map entries that are null to `out` at `at`, as far as there
/// is room, and returns its length.
fn stripped(value: &[u8], out: &mut [u8], at: usize) -> usize {
    let simple = format::byte_at(value, 0) != format::MAP || !value.contains(&format::NULL);
    if simple {
        edit::put(out, at, value);
        return value.len();
    }
    let mut open: heapless::Vec<(usize, usize), { format::MAX_DEPTH }> = heapless::Vec::new();
    let _ = open.push((value.len(), at));
    let mut from = format::HEADER;
    let mut to = edit::put(out, at, &format::EMPTY_MAP);
    while let Some((end, header)) = open.last().copied() {
        if from >= end {
            let inner = to.wrapping_sub(header).wrapping_sub(format::HEADER);
            format::write_u16(out, header.wrapping_add(1), inner);
            open.pop();
            continue;
        }
        let stop = format::key_span(value, from).1;
        let next = format::value_end(value, stop);
        match format::byte_at(value, stop) {
            format::NULL => from = next,
            format::MAP => {
                to = edit::put(out, to, format::slice(value, from, stop));
                let _ = open.push((next, to));
                to = edit::put(out, to, &format::EMPTY_MAP);
                from = stop.wrapping_add(format::HEADER);
            }
            _ => {
                to = edit::put(out, to, format::slice(value, from, next));
                from = next;
            }
        }
    }
    to.wrapping_sub(at)
}
