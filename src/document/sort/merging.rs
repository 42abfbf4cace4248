//! The fast form: blocks of 32 entries are sorted by 64-bit digests of their keys, and blocks are
//! merged. Free space behind the map is used as far as there is any; without it, entries are rotated.

use core::cmp::Ordering;

use crate::document::edit;
use crate::document::format;

/// Entries that are sorted at once.
const BLOCK: usize = 32;
/// Bytes that are copied at once; what is behind a short entry is overwritten by the next.
const STRIDE: usize = 32;
/// The part of a digest that says which entry it is of.
const INDEX: u64 = 0xFF;

/// Where an entry begins and ends.
type Span = (u16, u16);

/// Sorts the map entries in `start..end`; of equal keys the last stays. Returns the new end. What is
/// behind `end` is free.
#[inline(never)]
pub(in crate::document) fn sort(bytes: &mut [u8], start: usize, end: usize) -> usize {
    let mut equal = false;
    let stop = sort_block(bytes, start, end, end, &mut equal);
    if stop < end {
        let mut block = stop;
        while block < end {
            block = sort_block(bytes, block, end, end, &mut equal);
        }
        while merge_pairs(bytes, start, end) > 1 {}
        // Equal keys may have met anywhere.
        equal = true;
    }
    if equal {
        return keep_last(bytes, start, end);
    }
    end
}

/// Sorts up to [`BLOCK`] entries from `start` on and returns where they end.
fn sort_block(bytes: &mut [u8], start: usize, end: usize, free: usize, equal: &mut bool) -> usize {
    let mut spans: heapless::Vec<Span, BLOCK> = heapless::Vec::new();
    // One for each entry, in order; the lowest byte says which entry.
    let mut digests: heapless::Vec<u64, BLOCK> = heapless::Vec::new();
    let mut stop = start;
    let mut moved = false;
    while stop < end && !spans.is_full() {
        let (key, value) = format::key_span(bytes, stop);
        let digest = digest(bytes, key, value) | u64::try_from(spans.len()).unwrap_or(0);
        let next = format::value_end(bytes, value);
        let _ = spans.push((short(stop), short(next)));
        let _ = digests.push(digest);
        stop = next;
        let mut hole = digests.len().wrapping_sub(1);
        while let Some(before) = hole.checked_sub(1)
            && let Some(other) = digests.get(before).copied()
        {
            if other < digest {
                if other ^ digest > INDEX {
                    break;
                }
                let order = full_order(bytes, &spans, other, digest);
                if order != Ordering::Greater {
                    *equal |= order == Ordering::Equal;
                    break;
                }
            }
            moved = true;
            if let Some(slot) = digests.get_mut(hole) {
                *slot = other;
            }
            hole = before;
        }
        if let Some(slot) = digests.get_mut(hole) {
            *slot = digest;
        }
    }
    if moved {
        permute(bytes, start, stop, free, &spans, &digests);
    }
    stop
}

/// A key's length and first six bytes, so that most keys are compared in one step.
#[inline(always)]
fn digest(bytes: &[u8], key: usize, value: usize) -> u64 {
    let len = value.wrapping_sub(key);
    let first = match bytes.get(key..).and_then(<[u8]>::first_chunk::<8>) {
        Some(chunk) => u64::from_be_bytes(*chunk),
        None => format::slice(bytes, key, value)
            .iter()
            .chain(&[0; 8])
            .take(8)
            .fold(0, |word: u64, byte| word.wrapping_shl(8) | u64::from(*byte)),
    };
    // Only bytes of the key count.
    let unused = u32::try_from(6_usize.saturating_sub(len)).unwrap_or(0);
    let unused = unused.wrapping_mul(8).wrapping_add(8);
    let rank = u64::try_from(len).unwrap_or(0).wrapping_shl(56);
    first
        .wrapping_shr(8)
        .wrapping_shr(unused)
        .wrapping_shl(unused)
        | rank
}

#[inline(always)]
fn short(at: usize) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a document is at most 65,535 bytes long"
    )]
    {
        at as u16
    }
}

/// The order of keys whose digests are equal but for the index.
#[inline(never)]
fn full_order(bytes: &[u8], spans: &[Span], a: u64, b: u64) -> Ordering {
    let start = |digest| usize::from(span(spans, digest).0);
    order(bytes, start(a), start(b))
}

/// Where the entry of a digest is.
#[inline(always)]
fn span(spans: &[Span], digest: u64) -> Span {
    let index = usize::try_from(digest & INDEX).unwrap_or(0);
    spans.get(index).copied().unwrap_or_default()
}

fn order(bytes: &[u8], a: usize, b: usize) -> Ordering {
    format::key_order(format::key_bytes(bytes, a), format::key_bytes(bytes, b))
}

/// Brings the entries in `start..stop` into the order of `digests`.
fn permute(
    bytes: &mut [u8],
    start: usize,
    stop: usize,
    free: usize,
    spans: &[Span],
    digests: &[u64],
) {
    let len = stop.wrapping_sub(start);
    if free.wrapping_add(len).wrapping_add(STRIDE) > bytes.len() {
        rotate_into_place(bytes, start, stop);
        return;
    }
    // What stands in its place already, at the front, stays there.
    let mut first = start;
    let mut rest = digests;
    while let Some((digest, after)) = rest.split_first()
        && let (begin, end) = span(spans, *digest)
        && usize::from(begin) == first
    {
        first = usize::from(end);
        rest = after;
    }
    let mut to = free;
    for digest in rest {
        let (from, end) = span(spans, *digest);
        let (from, end) = (usize::from(from), usize::from(end));
        let size = end.wrapping_sub(from);
        let stride = bytes
            .get(from..)
            .and_then(<[u8]>::first_chunk::<STRIDE>)
            .copied();
        if size <= STRIDE
            && let Some(stride) = stride
            && let Some(slot) = bytes.get_mut(to..).and_then(<[u8]>::first_chunk_mut)
        {
            *slot = stride;
        } else {
            edit::shift(bytes, from, end, to);
        }
        to = to.wrapping_add(size);
    }
    edit::shift(bytes, free, to, first);
}

/// An insertion sort in place, for the block in `start..stop`; equal keys keep their order.
fn rotate_into_place(bytes: &mut [u8], start: usize, stop: usize) {
    let mut sorted = start;
    while sorted < stop {
        let next = format::entry_end(bytes, sorted);
        let mut place = start;
        while place < sorted && order(bytes, place, sorted) != Ordering::Greater {
            place = format::entry_end(bytes, place);
        }
        rotate(bytes, place, sorted, next);
        sorted = next;
    }
}

/// Exchanges the neighbours `a..b` and `b..c`.
fn rotate(bytes: &mut [u8], a: usize, b: usize, c: usize) {
    let by = b.wrapping_sub(a);
    if let Some(slice) = bytes.get_mut(a..c)
        && by <= slice.len()
    {
        slice.rotate_left(by);
    }
}

/// Merges the sorted runs in `start..end` in pairs and returns how many runs are left.
fn merge_pairs(bytes: &mut [u8], start: usize, end: usize) -> usize {
    let mut runs: usize = 0;
    let mut at = start;
    while at < end {
        let middle = run_end(bytes, at, end);
        let stop = run_end(bytes, middle, end);
        merge(bytes, at, middle, stop, end);
        at = stop;
        runs = runs.wrapping_add(1);
    }
    runs
}

/// Where the entries from `at` on stop being in order.
fn run_end(bytes: &[u8], at: usize, end: usize) -> usize {
    let mut last = at;
    while last < end {
        let next = format::entry_end(bytes, last);
        if next >= end || order(bytes, last, next) == Ordering::Greater {
            return next.min(end);
        }
        last = next;
    }
    end
}

/// Merges the neighbours `a..b` and `b..c`; of equal keys those of `a..b` come first.
fn merge(bytes: &mut [u8], a: usize, b: usize, c: usize, free: usize) {
    // Pieces that wait. Each split halves the left side, so that there are never many.
    let mut pieces: heapless::Vec<(usize, usize, usize), 64> = heapless::Vec::new();
    let _ = pieces.push((a, b, c));
    while let Some((a, b, c)) = pieces.pop() {
        if a >= b || b >= c {
            continue;
        }
        let left = b.wrapping_sub(a);
        if free.wrapping_add(left) <= bytes.len() {
            merge_through(bytes, (a, b, c), free);
            continue;
        }
        // The entry of the left side that is nearest to its middle goes to its final place.
        let mut pivot = a;
        loop {
            let next = format::entry_end(bytes, pivot);
            if next >= b {
                break;
            }
            pivot = next;
            if pivot.wrapping_sub(a).wrapping_mul(2) >= left {
                break;
            }
        }
        let mut below = b;
        while below < c && order(bytes, below, pivot) == Ordering::Less {
            below = format::entry_end(bytes, below);
        }
        rotate(bytes, pivot, b, below);
        let moved = pivot.wrapping_add(below.wrapping_sub(b));
        if pivot > a {
            let _ = pieces.push((moved, below, c));
            let _ = pieces.push((a, pivot, moved));
        }
    }
}

/// As [`merge`], when there is free space for the left side.
fn merge_through(bytes: &mut [u8], (a, b, c): (usize, usize, usize), free: usize) {
    edit::shift(bytes, a, b, free);
    let left_end = free.wrapping_add(b.wrapping_sub(a));
    let (mut left, mut right, mut to) = (free, b, a);
    while left < left_end && right < c {
        let from = if order(bytes, left, right) == Ordering::Greater {
            &mut right
        } else {
            &mut left
        };
        let end = format::entry_end(bytes, *from);
        edit::shift(bytes, *from, end, to);
        to = to.wrapping_add(end.wrapping_sub(*from));
        *from = end;
    }
    edit::shift(bytes, left, left_end, to);
}

/// Drops all but the last of equal keys from sorted entries; returns the new end.
#[cold]
pub(super) fn keep_last(bytes: &mut [u8], start: usize, end: usize) -> usize {
    let (mut from, mut to) = (start, start);
    while from < end {
        let next = format::entry_end(bytes, from);
        if next >= end || order(bytes, from, next) != Ordering::Equal {
            edit::shift(bytes, from, next, to);
            to = to.wrapping_add(next.wrapping_sub(from));
        }
        from = next;
    }
    to
}
