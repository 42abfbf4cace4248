//! What differs: the delta of desired against reported, and the diff of any two documents.
//!
//! Both are one walk of two cursors over sorted entries. Equal documents cost one compare; a run of
//! equal bytes is passed without looking at its keys.

use core::cmp::Ordering;

use super::edit;
use super::format;
use super::{DocumentMut, DocumentRef};
use crate::error::CapacityError;

/// How much of a difference a bounded diff could hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Extent {
    /// All of it.
    Whole,
    /// Some leaves; merging them brings the documents closer, the next diff holds others.
    Part,
}

/// Writes what `desired` asks for and `reported` does not say yet into `out` (AWS Device Shadow,
/// "delta state"): keys missing in `reported`, and values that differ; maps are compared key by key,
/// arrays as a whole. Keys that stand only in `reported` never appear. Empty means in sync.
///
/// Cost: linear in the bytes of both.
///
/// # Errors
/// [`CapacityError`] if `out` is too small; it is then as it was.
pub fn delta(
    desired: DocumentRef<'_>,
    reported: DocumentRef<'_>,
    out: &mut DocumentMut<'_>,
) -> Result<(), CapacityError> {
    write(reported, desired, false, out)
}

/// Writes the patch (RFC 7396) that turns `from` into `to` into `out`: `merge(from, diff) == to`.
///
/// `to` must hold no null as a map's value: a patch can not express it. Cost: linear in the bytes of
/// both.
///
/// # Errors
/// [`CapacityError`] if `out` is too small; it is then as it was.
pub fn diff(
    from: DocumentRef<'_>,
    to: DocumentRef<'_>,
    out: &mut DocumentMut<'_>,
) -> Result<(), CapacityError> {
    write(from, to, true, out)
}

/// Writes as much of [`diff`] as fits into `limit` bytes of `out`, leaf by leaf.
///
/// Merging a part brings `from` closer to `to`, so that repeating it ends. A leaf that does not fit
/// is passed over in favour of others.
///
/// # Errors
/// [`CapacityError`] if not even one leaf fits: `needed` is the smallest patch there is. `out` is
/// then as it was.
pub fn diff_within(
    from: DocumentRef<'_>,
    to: DocumentRef<'_>,
    limit: usize,
    out: &mut DocumentMut<'_>,
) -> Result<Extent, CapacityError> {
    let limit = limit.min(out.capacity());
    let mut measured = Sink::new(&mut [], limit);
    measured.smallest = Some(usize::MAX);
    measured.difference(from, to, true);
    let (len, smallest) = (measured.at, measured.smallest.unwrap_or(usize::MAX));
    if smallest == usize::MAX {
        let mut sink = Sink::new(out.bytes, limit);
        sink.smallest = Some(usize::MAX);
        sink.difference(from, to, true);
        *out.len = sink.at;
        return Ok(Extent::Whole);
    }
    if len <= format::HEADER {
        return Err(CapacityError {
            needed: smallest,
            capacity: limit,
        });
    }
    let mut sink = Sink::new(out.bytes, limit);
    sink.smallest = Some(usize::MAX);
    sink.difference(from, to, true);
    *out.len = sink.at;
    Ok(Extent::Part)
}

fn write(
    from: DocumentRef<'_>,
    to: DocumentRef<'_>,
    removals: bool,
    out: &mut DocumentMut<'_>,
) -> Result<(), CapacityError> {
    let capacity = out.capacity();
    // A removal costs its key and one byte, never more than the entry it removes.
    let mut bound = to.as_bytes().len();
    if removals {
        bound = bound.saturating_add(from.as_bytes().len());
    }
    if bound > capacity {
        let mut measured = Sink::new(&mut [], usize::MAX);
        measured.difference(from, to, removals);
        let needed = measured.at;
        if needed > capacity {
            return Err(CapacityError { needed, capacity });
        }
    }
    let mut sink = Sink::new(out.bytes, usize::MAX);
    sink.difference(from, to, removals);
    *out.len = sink.at;
    Ok(())
}

/// Where a difference is written. It counts beyond the end of `out` and writes only what fits.
struct Sink<'a> {
    out: &'a mut [u8],
    at: usize,
    /// In a bounded diff no leaf may end beyond this.
    limit: usize,
    /// In a bounded diff: the shortest patch among the leaves that were passed over.
    smallest: Option<usize>,
}

/// Two maps that are being compared, and the map that receives their difference.
#[derive(Clone, Copy)]
struct Level {
    from_end: usize,
    to_end: usize,
    /// Where the receiving entry begins, and where its map's header is.
    entry: usize,
    header: usize,
}

impl<'a> Sink<'a> {
    fn new(out: &'a mut [u8], limit: usize) -> Self {
        Self {
            out,
            at: 0,
            limit,
            smallest: None,
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        edit::put(self.out, self.at, bytes);
        self.at = self.at.wrapping_add(bytes.len());
    }

    /// Adds an entry: a key with its header, and a value.
    fn leaf(&mut self, key: &[u8], value: &[u8], open: &[Level]) {
        let before = self.at;
        self.put(key);
        self.put(value);
        if let Some(smallest) = self.smallest
            && self.at > self.limit
        {
            // The patch with only this leaf: the open headers around it, and itself.
            let mut alone = self.at.wrapping_sub(before);
            for (index, level) in open.iter().enumerate() {
                let header = if index == 0 {
                    format::HEADER
                } else {
                    level
                        .header
                        .wrapping_add(format::HEADER)
                        .wrapping_sub(level.entry)
                };
                alone = alone.wrapping_add(header);
            }
            self.smallest = Some(smallest.min(alone));
            self.at = before;
        }
    }

    fn difference(&mut self, from: DocumentRef<'_>, to: DocumentRef<'_>, removals: bool) {
        let (old, new) = (from.as_bytes(), to.as_bytes());
        if !from.is_map() || !to.is_map() {
            self.put(new);
            return;
        }
        self.put(&format::EMPTY_MAP);
        if old == new {
            return;
        }
        let mut open: heapless::Vec<Level, { format::MAX_DEPTH }> = heapless::Vec::new();
        let _ = open.push(Level {
            from_end: old.len(),
            to_end: new.len(),
            entry: 0,
            header: 0,
        });
        let (mut a, mut b) = (format::HEADER, format::HEADER);
        while let Some(level) = open.last().copied() {
            let skipped = equal_entries(
                format::slice(old, a, level.from_end),
                format::slice(new, b, level.to_end),
            );
            a = a.wrapping_add(skipped);
            b = b.wrapping_add(skipped);
            let (more_a, more_b) = (a < level.from_end, b < level.to_end);
            if !more_b && (!more_a || !removals) {
                let inner = self
                    .at
                    .wrapping_sub(level.header)
                    .wrapping_sub(format::HEADER);
                a = level.from_end;
                if inner == 0 && open.len() > 1 {
                    self.at = level.entry;
                } else {
                    format::write_u16(self.out, level.header.wrapping_add(1), inner);
                }
                open.pop();
                continue;
            }
            let (a_start, a_stop) = format::key_span(old, a);
            let (b_start, b_stop) = format::key_span(new, b);
            let order = match (more_a, more_b) {
                (true, true) => format::key_order(
                    format::slice(old, a_start, a_stop),
                    format::slice(new, b_start, b_stop),
                ),
                (true, false) => Ordering::Less,
                _ => Ordering::Greater,
            };
            match order {
                Ordering::Less => {
                    if removals {
                        self.leaf(format::slice(old, a, a_stop), &[format::NULL], &open);
                    }
                    a = format::value_end(old, a_stop);
                }
                Ordering::Greater => {
                    let end = format::value_end(new, b_stop);
                    let descend = self.smallest.is_some()
                        && format::byte_at(new, b_stop) == format::MAP
                        && end > b_stop.wrapping_add(format::HEADER);
                    if descend {
                        // A bounded diff may take a part of a new map: it is compared with nothing.
                        let entry = self.at;
                        self.put(format::slice(new, b, b_stop));
                        let header = self.at;
                        self.put(&format::EMPTY_MAP);
                        let _ = open.push(Level {
                            from_end: a,
                            to_end: end,
                            entry,
                            header,
                        });
                        b = b_stop.wrapping_add(format::HEADER);
                    } else {
                        self.leaf(
                            format::slice(new, b, b_stop),
                            format::slice(new, b_stop, end),
                            &open,
                        );
                        b = end;
                    }
                }
                Ordering::Equal => {
                    let (a_end, b_end) = (
                        format::value_end(old, a_stop),
                        format::value_end(new, b_stop),
                    );
                    let from_map = format::byte_at(old, a_stop) == format::MAP;
                    let to_map = format::byte_at(new, b_stop) == format::MAP;
                    let part =
                        self.smallest.is_some() && b_end > b_stop.wrapping_add(format::HEADER);
                    if to_map && (from_map || part) {
                        // In a bounded diff a new map may come in parts over a scalar, too.
                        let inner = if from_map {
                            a_stop.wrapping_add(format::HEADER)
                        } else {
                            a_end
                        };
                        let entry = self.at;
                        self.put(format::slice(new, b, b_stop));
                        let header = self.at;
                        self.put(&format::EMPTY_MAP);
                        let _ = open.push(Level {
                            from_end: a_end,
                            to_end: b_end,
                            entry,
                            header,
                        });
                        a = inner;
                        b = b_stop.wrapping_add(format::HEADER);
                    } else {
                        if format::slice(old, a_stop, a_end) != format::slice(new, b_stop, b_end) {
                            self.leaf(
                                format::slice(new, b, b_stop),
                                format::slice(new, b_stop, b_end),
                                &open,
                            );
                        }
                        a = a_end;
                        b = b_end;
                    }
                }
            }
        }
    }
}

/// Length of the entries that two runs have in common at their front.
fn equal_entries(a: &[u8], b: &[u8]) -> usize {
    let common = common_prefix(a, b);
    if common == a.len() && common == b.len() {
        return common;
    }
    let mut at = 0;
    while at < common {
        let end = format::entry_end(a, at);
        if end > common {
            break;
        }
        at = end;
    }
    at
}

/// Number of equal bytes at the front.
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    const WORD: usize = size_of::<usize>();
    let mut equal = 0;
    let mut words = a.chunks_exact(WORD).zip(b.chunks_exact(WORD));
    for (left, right) in &mut words {
        if left != right {
            break;
        }
        equal = WORD.wrapping_add(equal);
    }
    let rest = a
        .get(equal..)
        .unwrap_or_default()
        .iter()
        .zip(b.get(equal..).unwrap_or_default());
    equal.wrapping_add(rest.take_while(|(left, right)| left == right).count())
}
