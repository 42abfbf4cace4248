//! Merge patch (RFC 7396), in place and all or nothing.
//!
//! Patch and document are walked together by two cursors; what the patch does not name is passed by
//! length. A change is spliced in: only what stands behind it moves. On a gateway a long patch is
//! merged in one sweep instead, from a copy of the document at the right end of its buffer.

use super::edit::{self, Around};
use super::format;
use super::{DocumentMut, DocumentRef};
use crate::error::CapacityError;

/// From this length on a patch holds so many leaves that one sweep moves fewer bytes than a splice
/// for each of them.
#[cfg(target_pointer_width = "64")]
const LONG_PATCH: usize = 256;

/// What a walk over patch and document is for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Pass {
    /// Find out how long the merged document will be; nothing is changed.
    Measure,
    /// Make the changes that do not need more room.
    Shrink,
    /// Make the changes that need more room; after [`Pass::Shrink`] they all fit.
    Grow,
    /// Make all changes in one go: there is room for the document and the whole patch.
    #[cfg(any(test, not(target_pointer_width = "64")))]
    Apply,
}

/// A map that both patch and document have, left for one inside it.
#[cfg(target_pointer_width = "64")]
#[derive(Clone, Copy)]
struct Level {
    /// Where the map begins.
    map: usize,
    /// How many bytes follow the inner map in this one.
    behind: usize,
    patch_end: usize,
}

#[cfg(target_pointer_width = "64")]
type Open = heapless::Vec<Level, { format::MAX_DEPTH }>;

pub(super) fn merge(
    document: &mut DocumentMut<'_>,
    patch: DocumentRef<'_>,
) -> Result<(), CapacityError> {
    // By far the most merges first.
    #[cfg(target_pointer_width = "64")]
    if patch.as_bytes().len() < LONG_PATCH
        && patch.is_map()
        && document.len.wrapping_add(patch.as_bytes().len()) <= document.capacity()
        && format::byte_at(document.bytes, 0) == format::MAP
    {
        splices(document.bytes, document.len, patch.as_bytes());
        return Ok(());
    }
    merge_any(document, patch)
}

#[cfg_attr(target_pointer_width = "64", inline(never))]
fn merge_any(document: &mut DocumentMut<'_>, patch: DocumentRef<'_>) -> Result<(), CapacityError> {
    if !patch.is_map() {
        return document.assign(patch);
    }
    let patch = patch.as_bytes();
    let capacity = document.capacity();
    let (bytes, len) = (&mut *document.bytes, &mut *document.len);
    if format::byte_at(bytes, 0) != format::MAP {
        // RFC 7396 §2: a target that is not an object is taken for an empty one.
        let needed = stripped(patch, &mut [], 0);
        if needed > capacity {
            return Err(CapacityError { needed, capacity });
        }
        *len = stripped(patch, bytes, 0);
        return Ok(());
    }
    if len.saturating_add(patch.len()) <= capacity {
        #[cfg(target_pointer_width = "64")]
        sweep(bytes, len, patch);
        #[cfg(not(target_pointer_width = "64"))]
        walk(bytes, len, patch, Pass::Apply);
        return Ok(());
    }
    let mut needed = *len;
    walk(bytes, &mut needed, patch, Pass::Measure);
    if needed > capacity {
        return Err(CapacityError { needed, capacity });
    }
    walk(bytes, len, patch, Pass::Shrink);
    walk(bytes, len, patch, Pass::Grow);
    Ok(())
}

/// Walks the patch and the document, both maps, and does what `pass` says.
pub(super) fn walk(bytes: &mut [u8], len: &mut usize, patch: &[u8], pass: Pass) {
    let mut around = Around::new();
    let (mut map, mut patch_end) = (0, patch.len());
    let (mut at, mut end) = (format::HEADER, format::value_end(bytes, 0));
    let mut from = format::HEADER;
    edit::enter(&mut around, map, patch_end);
    loop {
        while from >= patch_end {
            // This map is done; the one around it goes on behind it.
            at = format::value_end(bytes, map);
            around.pop();
            let Some(level) = around.last() else {
                return;
            };
            (map, patch_end) = *level;
            end = format::value_end(bytes, map);
        }
        let (start, stop) = format::key_span(patch, from);
        let next = format::value_end(patch, stop);
        let tag = format::byte_at(patch, stop);
        let value;
        (at, value) = format::seek(bytes, at, end, (patch, start, stop.wrapping_sub(start)));
        // What the change takes away, and what it puts in: the value, with its key where that is new.
        let (mut place, mut old, mut put_from) = (at, 0, from);
        if value != 0 {
            let value_end = format::value_end(bytes, value);
            if tag == format::MAP && format::byte_at(bytes, value) == format::MAP {
                (map, patch_end) = (value, next);
                edit::enter(&mut around, map, patch_end);
                (at, end) = (value.wrapping_add(format::HEADER), value_end);
                from = stop.wrapping_add(format::HEADER);
                continue;
            }
            if tag != format::NULL {
                (place, put_from) = (value, stop);
            }
            old = value_end.wrapping_sub(place);
        }
        from = next;
        let head = format::slice(patch, put_from, stop);
        let body = format::slice(patch, stop, next);
        let new = match tag {
            format::NULL => 0,
            format::MAP => head.len().wrapping_add(stripped(body, &mut [], 0)),
            _ => next.wrapping_sub(put_from),
        };
        let grown = new.wrapping_sub(old);
        let skipped = match pass {
            Pass::Measure => {
                *len = len.wrapping_add(grown);
                true
            }
            Pass::Shrink => new > old,
            Pass::Grow => new <= old,
            #[cfg(any(test, not(target_pointer_width = "64")))]
            Pass::Apply => false,
        };
        if skipped {
            continue;
        }
        edit::splice(bytes, len, &around, place, old, new);
        end = end.wrapping_add(grown);
        if tag != format::NULL {
            let place = edit::put(bytes, place, head);
            stripped(body, bytes, place);
        }
    }
}

/// A map that both patch and document have, while [`splices`] is in it.
#[cfg(target_pointer_width = "64")]
#[derive(Clone, Copy)]
struct Inner {
    map: usize,
    /// How many bytes follow it in the map around it.
    behind: usize,
    /// How many bytes of the patch follow the map around it.
    patch_behind: usize,
}

/// Makes all changes in one go, each by moving what stands behind it; the maps around learn their new
/// lengths when they are left.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn splices(bytes: &mut [u8], len: &mut usize, patch: &[u8]) {
    // Whether a value of another length was put in: then the maps around learn theirs.
    let mut resized = false;
    let mut open: heapless::Vec<Inner, { format::MAX_DEPTH }> = heapless::Vec::new();
    // The place in the map that is being changed, and the map's end.
    let (mut at, mut end) = (format::HEADER, *len);
    // The patch from its next entry on, and how much of it follows this map of it.
    let mut rest = patch.get(format::HEADER..).unwrap_or_default();
    let mut patch_behind = 0_usize;
    loop {
        while rest.len() <= patch_behind {
            if rest.is_empty() && !resized {
                return;
            }
            at = end;
            let inner = open.pop();
            let map = inner.map_or(0, |inner| inner.map);
            let body = map.wrapping_add(format::HEADER);
            format::write_u16(bytes, map.wrapping_add(1), end.wrapping_sub(body));
            let Some(inner) = inner else {
                return;
            };
            end = end.wrapping_add(inner.behind);
            patch_behind = inner.patch_behind;
        }
        let Some((entry, next)) = Entry::split_off(rest) else {
            return;
        };
        let found;
        (at, found) = format::seek_key(bytes, at, end, entry.key);
        if found != 0 && entry.tag == format::MAP && format::byte_at(bytes, found) == format::MAP {
            let body = found.wrapping_add(format::HEADER);
            let found_end = body.wrapping_add(format::u16_at(bytes, found.wrapping_add(1)));
            let _ = open.push(Inner {
                map: found,
                behind: end.wrapping_sub(found_end),
                patch_behind,
            });
            (at, end) = (body, found_end);
            rest = entry.value_on.get(format::HEADER..).unwrap_or_default();
            patch_behind = next.len();
            continue;
        }
        let whole = rest;
        rest = next;
        if found != 0 && entry.tag < format::MAP && entry.tag != format::NULL {
            let old = format::value_len(bytes, found);
            if old == entry.value.len() {
                at = edit::put_short(bytes, found, entry.value);
                continue;
            }
        }
        let before = *len;
        at = change(bytes, len, (at, found), whole);
        end = end.wrapping_add(*len).wrapping_sub(before);
        resized |= *len != before;
    }
}

/// An entry of a patch.
#[cfg(target_pointer_width = "64")]
struct Entry<'a> {
    key: &'a [u8],
    value: &'a [u8],
    tag: u8,
    /// The value and all behind it.
    value_on: &'a [u8],
}

#[cfg(target_pointer_width = "64")]
impl<'a> Entry<'a> {
    /// Splits the entry off that `bytes` begin with.
    #[inline(always)]
    fn split_off(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (first, mut tail) = bytes.split_first()?;
        let mut len = usize::from(*first);
        if *first == format::LONG_KEY {
            let (second, behind) = tail.split_first()?;
            len = usize::from(*second);
            tail = behind;
        }
        let (key, value_on) = tail.split_at_checked(len)?;
        let tag = *value_on.first()?;
        let (value, next) = value_on.split_at_checked(format::front_len(value_on)?)?;
        let entry = Self {
            key,
            value,
            tag,
            value_on,
        };
        Some((entry, next))
    }
}

/// Puts the entry that `whole` begins with, whose value is not merged, at its place, and returns where
/// it ends.
#[cfg(target_pointer_width = "64")]
#[inline(never)]
fn change(bytes: &mut [u8], len: &mut usize, (at, found): (usize, usize), whole: &[u8]) -> usize {
    let Some((entry, _)) = Entry::split_off(whole) else {
        return at;
    };
    // What the change takes away, and what it puts in: the value, with its key where that is new.
    let (mut place, mut old, mut head) = (at, 0, &[] as &[u8]);
    if found != 0 {
        if entry.tag != format::NULL {
            place = found;
        }
        old = format::value_end(bytes, found).wrapping_sub(place);
    } else if entry.tag != format::NULL {
        let head_len = whole.len().wrapping_sub(entry.value_on.len());
        head = format::slice(whole, 0, head_len);
    }
    let simple = entry.tag != format::MAP || !entry.value.contains(&format::NULL);
    let new = if entry.tag == format::NULL {
        0
    } else if simple {
        head.len().wrapping_add(entry.value.len())
    } else {
        head.len().wrapping_add(stripped(entry.value, &mut [], 0))
    };
    if new != old {
        let behind = place.wrapping_add(old);
        edit::shift(bytes, behind, *len, place.wrapping_add(new));
        *len = len.wrapping_add(new).wrapping_sub(old);
    }
    if new != 0 {
        let body = edit::put_short(bytes, place, head);
        if simple {
            edit::put_short(bytes, body, entry.value);
        } else {
            stripped(entry.value, bytes, body);
        }
    }
    place.wrapping_add(new)
}

/// Does what [`walk`] does, from a copy of the document that stands `patch.len()` bytes further
/// right: what is written never overtakes what is read, since it is longer by at most the patch.
#[cfg(target_pointer_width = "64")]
#[inline(never)]
fn sweep(bytes: &mut [u8], len: &mut usize, patch: &[u8]) {
    let first = patch.len();
    edit::shift(bytes, 0, *len, first);
    let mut open = Open::new();
    // `map` is where the map begins in what is written.
    let (mut map, mut at) = (0_usize, first.wrapping_add(format::HEADER));
    let mut end = first.wrapping_add(*len);
    let (mut from, mut patch_end) = (format::HEADER, patch.len());
    // What stands from `run` on is not written yet; it goes to `out`.
    let (mut run, mut out) = (first, 0_usize);
    loop {
        while from >= patch_end {
            // This map is done. If its header has been written, its length may have changed.
            let body = map.wrapping_add(format::HEADER);
            if body <= out {
                let inner = out.wrapping_add(end.wrapping_sub(run)).wrapping_sub(body);
                format::write_u16(bytes, map.wrapping_add(1), inner);
            }
            let Some(level) = open.pop() else {
                edit::shift(bytes, run, end, out);
                *len = out.wrapping_add(end.wrapping_sub(run));
                format::write_u16(bytes, 1, len.wrapping_sub(format::HEADER));
                return;
            };
            map = level.map;
            at = end;
            end = end.wrapping_add(level.behind);
            patch_end = level.patch_end;
        }
        let (start, stop) = format::key_span(patch, from);
        let next = format::value_end(patch, stop);
        let tag = format::byte_at(patch, stop);
        let value;
        (at, value) = format::seek_key(bytes, at, end, format::slice(patch, start, stop));
        let mut put_from = from;
        let mut place = at;
        if value != 0 {
            let value_end = format::value_end(bytes, value);
            if tag == format::MAP && format::byte_at(bytes, value) == format::MAP {
                let _ = open.push(Level {
                    map,
                    behind: end.wrapping_sub(value_end),
                    patch_end,
                });
                map = out.wrapping_add(value.wrapping_sub(run));
                (at, end) = (value.wrapping_add(format::HEADER), value_end);
                (from, patch_end) = (stop.wrapping_add(format::HEADER), next);
                continue;
            }
            if tag != format::NULL {
                (place, put_from) = (value, stop);
            }
            at = value_end;
        }
        from = next;
        edit::shift(bytes, run, place, out);
        out = out.wrapping_add(place.wrapping_sub(run));
        run = at;
        if tag == format::NULL {
            continue;
        }
        if is_simple(tag, patch, stop, next) {
            out = edit::put_short(bytes, out, format::slice(patch, put_from, next));
        } else {
            out = edit::put(bytes, out, format::slice(patch, put_from, stop));
            let len = stripped(format::slice(patch, stop, next), bytes, out);
            out = out.wrapping_add(len);
        }
    }
}

/// Whether the value from `start` to `end` surely holds no map entry that is null.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn is_simple(tag: u8, patch: &[u8], start: usize, end: usize) -> bool {
    tag != format::MAP || !format::slice(patch, start, end).contains(&format::NULL)
}

/// Copies a value of a patch without the map entries that are null to `out` at `at`, as far as there
/// is room, and returns its length.
#[inline(never)]
fn stripped(value: &[u8], out: &mut [u8], at: usize) -> usize {
    if format::byte_at(value, 0) != format::MAP {
        return edit::put(out, at, value).wrapping_sub(at);
    }
    let mut open = Around::new();
    edit::enter(&mut open, at, value.len());
    let mut from = format::HEADER;
    let mut to = edit::put(out, at, &format::EMPTY_MAP);
    while let Some((header, end)) = open.last().copied() {
        if from >= end {
            let inner = to.wrapping_sub(header).wrapping_sub(format::HEADER);
            format::write_u16(out, header.wrapping_add(1), inner);
            open.pop();
            continue;
        }
        let stop = format::key_span(value, from).1;
        let next = format::value_end(value, stop);
        let tag = format::byte_at(value, stop);
        // A map's entries are looked at one by one; its length is corrected at its end.
        let copied = match tag {
            format::NULL => from,
            format::MAP => stop.wrapping_add(format::HEADER),
            _ => next,
        };
        to = edit::put(out, to, format::slice(value, from, copied));
        from = next;
        if tag == format::MAP {
            edit::enter(&mut open, to.wrapping_sub(format::HEADER), next);
            from = copied;
        }
    }
    to.wrapping_sub(at)
}
