//! The form for maps whose keys were noted while they were written: nothing is walked.
//!
//! A noted key is one number: its length, its first five bytes, and where its entry begins.

use core::cmp::Ordering;

use super::merging;
use crate::document::edit;
use crate::document::format;
use crate::document::format::short;

/// Most keys that are noted at once, in all open maps together.
pub(in crate::document) const LISTED: usize = 256;
/// Most keys that are sorted by insertion.
const FEW: usize = 24;
/// Bytes that are copied at once; what is behind a short entry is overwritten by the next.
const STRIDE: usize = 32;
/// The part of a digest that says where the entry begins.
const START: u64 = 0xFFFF;

/// Notes the key of `len` bytes, fewer than 255, of the entry at `at`. `head` holds the key's first
/// bytes, the first one lowest, and zeros behind its end.
#[inline(always)]
pub(in crate::document) fn digest(at: usize, len: usize, head: u64) -> u64 {
    let rank = u64::try_from(len).unwrap_or(0).wrapping_shl(56);
    let text = head.swap_bytes().wrapping_shr(8) & !START;
    rank | text | u64::from(short(at))
}

/// Whether the key that was noted second is above the other.
#[inline(always)]
pub(in crate::document) fn is_ascending(bytes: &[u8], first: u64, second: u64) -> bool {
    if first ^ second > START {
        return first < second;
    }
    full_order(bytes, first, second) == Ordering::Less
}

/// Sorts the map entries in `start..end`, all of whose keys are noted in `keys`; of equal keys the last
/// stays. Returns the new end. What is behind `end` is free.
#[inline(never)]
pub(in crate::document) fn sort_listed(
    bytes: &mut [u8],
    start: usize,
    end: usize,
    keys: &mut [u64],
) -> usize {
    let size = end.wrapping_sub(start);
    if end.wrapping_add(size).wrapping_add(STRIDE) > bytes.len() {
        return merging::sort(bytes, start, end);
    }
    let mut equal = false;
    if keys.len() <= FEW {
        insert(bytes, keys, &mut equal);
    } else {
        keys.sort_unstable_by(|a, b| {
            if a ^ b > START {
                return a.cmp(b);
            }
            let order = full_order(bytes, *a, *b);
            equal |= order == Ordering::Equal;
            order.then(a.cmp(b))
        });
    }
    permute(bytes, start, end, keys);
    if equal {
        return merging::keep_last(bytes, start, end);
    }
    end
}

/// Sorts few keys; equal ones keep their order.
#[inline(always)]
fn insert(bytes: &[u8], keys: &mut [u64], equal: &mut bool) {
    for next in 1..keys.len() {
        let Some(key) = keys.get(next).copied() else {
            return;
        };
        let mut hole = next;
        while let Some(before) = hole.checked_sub(1)
            && let Some([other, slot]) = keys.get_mut(before..).and_then(<[u64]>::first_chunk_mut)
        {
            if *other < key {
                if *other ^ key > START {
                    break;
                }
                let order = full_order(bytes, *other, key);
                if order != Ordering::Greater {
                    *equal |= order == Ordering::Equal;
                    break;
                }
            }
            *slot = *other;
            *other = key;
            hole = before;
        }
    }
}

/// The order of two keys of the same length.
#[inline(never)]
fn full_order(bytes: &[u8], a: u64, b: u64) -> Ordering {
    let text = |digest| {
        let start = place(digest).wrapping_add(1);
        format::slice(bytes, start, start.wrapping_add(key_len(digest)))
    };
    format::key_order(text(a), text(b))
}

#[inline(always)]
fn place(digest: u64) -> usize {
    usize::try_from(digest & START).unwrap_or(0)
}

#[inline(always)]
fn key_len(digest: u64) -> usize {
    usize::try_from(digest.wrapping_shr(56)).unwrap_or(0)
}

/// Brings the entries in `start..end` into the order of `keys`, through the free space behind them.
#[inline(always)]
fn permute(bytes: &mut [u8], start: usize, end: usize, keys: &[u64]) {
    let mut first = start;
    let mut to = end;
    for key in keys {
        let from = place(*key);
        let value = from.wrapping_add(1).wrapping_add(key_len(*key));
        let stop = format::value_end(bytes, value);
        // What stands in its place already, at the front, stays there.
        if from == first && to == end {
            first = stop;
            continue;
        }
        let size = stop.wrapping_sub(from);
        if size > STRIDE || !stride(bytes, from, to) {
            edit::shift(bytes, from, stop, to);
        }
        to = to.wrapping_add(size);
    }
    if to.wrapping_sub(end) > STRIDE.wrapping_mul(6) {
        edit::shift(bytes, end, to, first);
        return;
    }
    let mut from = end;
    while from < to {
        // There is room for a stride behind all that was copied.
        let _ = stride(bytes, from, first);
        from = from.wrapping_add(STRIDE);
        first = first.wrapping_add(STRIDE);
    }
}

/// Copies [`STRIDE`] bytes, if there are as many.
#[inline(always)]
fn stride(bytes: &mut [u8], from: usize, to: usize) -> bool {
    let source = bytes.get(from..).and_then(<[u8]>::first_chunk::<STRIDE>);
    if let Some(source) = source.copied()
        && let Some(slot) = bytes.get_mut(to..).and_then(<[u8]>::first_chunk_mut)
    {
        *slot = source;
        return true;
    }
    false
}
