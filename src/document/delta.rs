//! What differs: the delta of desired against reported, and the diff of any two documents.
//!
//! Both are one walk of two cursors over sorted entries. Equal documents cost one compare; on a gateway a run
//! of equal bytes is passed without looking at its keys.

use core::cmp::Ordering;

use super::edit;
use super::format;
use super::{DocumentMut, DocumentRef};
use crate::error::CapacityError;

/// On a gateway runs of equal bytes are passed without a look at the keys in them; a firmware compares
/// entry by entry.
const RUNS: bool = cfg!(target_pointer_width = "64");

/// How much of a difference a bounded diff could hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Extent {
    /// All of it.
    Whole,
    /// Some leaves; merging them brings the documents closer, the next diff holds others.
    Part,
}

/// Writes what `desired` asks for and `reported` does not say yet into `out`.
///
/// That is (AWS Device Shadow, "delta state"): keys missing in `reported`, and values that differ; maps
/// are compared key by key, arrays as a whole. Keys that stand only in `reported` never appear. Empty
/// means in sync.
///
/// Cost: linear in the bytes of both.
///
/// ```
/// use twinsync::document::{Document, delta};
///
/// let (mut desired, mut reported) = (Document::<64>::new(), Document::<64>::new());
/// desired.set(&["fan", "speed"], 3)?;
/// reported.set(&["fan", "speed"], 2)?;
/// reported.set(&["fan", "rpm"], 900)?;
/// let mut out = Document::<64>::new();
/// delta(desired.as_ref(), reported.as_ref(), &mut out.as_mut())?;
/// assert_eq!(out.read::<u8>(&["fan", "speed"])?, 3);
/// assert_eq!(out.leaves().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
/// ```
/// use twinsync::document::{Document, diff};
///
/// let (mut from, mut to) = (Document::<64>::new(), Document::<64>::new());
/// from.set(&["old"], 1)?;
/// to.set(&["new"], 2)?;
/// let mut patch = Document::<64>::new();
/// diff(from.as_ref(), to.as_ref(), &mut patch.as_mut())?;
/// from.merge(patch.as_ref())?;
/// assert_eq!(from, to);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
/// ```
/// use twinsync::document::{Document, Extent, diff_within};
///
/// let mut acknowledged = Document::<64>::new();
/// let mut reported = Document::<64>::new();
/// reported.set(&["a"], 1_000)?;
/// reported.set(&["b"], 2_000)?;
/// let mut part = Document::<64>::new();
/// // A transmit buffer with room for one of them.
/// let mut next = || {
///     let extent =
///         diff_within(acknowledged.as_ref(), reported.as_ref(), 8, &mut part.as_mut())?;
///     acknowledged.merge(part.as_ref()).map(|()| extent)
/// };
/// assert_eq!((next()?, next()?), (Extent::Part, Extent::Whole));
/// assert_eq!(acknowledged, reported);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    let whole = from.is_map() && to.is_map();
    let mut measured = Sink::new(&mut [], limit, whole);
    let needed = measured.difference::<RUNS>(from, to, true);
    let part = measured.passed_over != usize::MAX;
    if needed > limit || (part && needed == format::HEADER) {
        return Err(CapacityError {
            needed: if part { measured.passed_over } else { needed },
            capacity: limit,
        });
    }
    *out.len = Sink::new(out.bytes, limit, whole).difference::<RUNS>(from, to, true);
    Ok(if part { Extent::Part } else { Extent::Whole })
}

/// Writes all of the difference.
fn write(
    from: DocumentRef<'_>,
    to: DocumentRef<'_>,
    removals: bool,
    out: &mut DocumentMut<'_>,
) -> Result<(), CapacityError> {
    if from == to && to.is_map() {
        out.clear();
        return Ok(());
    }
    let capacity = out.capacity();
    // A removal costs its key and one byte, never more than the entry it removes.
    let mut bound = to.as_bytes().len();
    if removals {
        bound = bound.saturating_add(from.as_bytes().len());
    }
    if bound > capacity {
        let needed = Sink::new(&mut [], usize::MAX, false).difference::<RUNS>(from, to, removals);
        if needed > capacity {
            return Err(CapacityError { needed, capacity });
        }
    }
    *out.len = Sink::new(out.bytes, usize::MAX, false).difference::<RUNS>(from, to, removals);
    Ok(())
}

/// Where a difference is written. It counts beyond the end of `out` and writes only what fits.
pub(super) struct Sink<'a> {
    out: &'a mut [u8],
    at: usize,
    /// No leaf may end beyond this, and a leaf that does is passed over.
    limit: usize,
    /// Whether a map that is new may come in parts.
    parts: bool,
    /// The shortest patch among the leaves that were passed over.
    pub(super) passed_over: usize,
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
    pub(super) fn new(out: &'a mut [u8], limit: usize, parts: bool) -> Self {
        Self {
            out,
            at: 0,
            limit,
            parts,
            passed_over: usize::MAX,
        }
    }

    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn put(&mut self, bytes: &[u8], from: usize, to: usize) {
        if let Some(bytes) = bytes.get(from..to) {
            #[cfg(target_pointer_width = "64")]
            let end = edit::put_short(self.out, self.at, bytes);
            #[cfg(not(target_pointer_width = "64"))]
            let end = edit::put(self.out, self.at, bytes);
            self.at = end;
        }
    }

    /// Takes the leaf back that begins at `leaf`, if it does not fit.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    fn end_leaf(&mut self, leaf: usize, level: Level, open: &[Level]) {
        if self.at > self.limit {
            self.pass_over(leaf, level.header.wrapping_sub(level.entry), open);
        }
    }

    #[inline(never)]
    fn pass_over(&mut self, leaf: usize, key_len: usize, open: &[Level]) {
        // A patch with nothing but this leaf: itself, and the keys and headers of the maps around.
        let mut alone = self.at.wrapping_sub(leaf);
        let outer = open
            .iter()
            .map(|level| level.header.wrapping_sub(level.entry));
        for key_len in outer.chain([key_len]) {
            alone = alone.wrapping_add(key_len).wrapping_add(format::HEADER);
        }
        self.passed_over = self.passed_over.min(alone);
        self.at = leaf;
    }

    /// Writes what turns `from` into `to`, with or without the removals, and returns its length.
    #[inline(never)]
    pub(super) fn difference<const RUNS: bool>(
        &mut self,
        from: DocumentRef<'_>,
        to: DocumentRef<'_>,
        removals: bool,
    ) -> usize {
        let (old, new) = (from.as_bytes(), to.as_bytes());
        if !from.is_map() || !to.is_map() {
            self.put(new, 0, new.len());
            return self.at;
        }
        self.put(&format::EMPTY_MAP, 0, format::HEADER);
        let mut open: heapless::Vec<Level, { format::MAX_DEPTH }> = heapless::Vec::new();
        let mut level = Level {
            from_end: old.len(),
            to_end: new.len(),
            entry: 0,
            header: 0,
        };
        let (mut a, mut b) = (format::HEADER, format::HEADER);
        // As far as this `old` from `a` on is known to be `new` from `b` on; where the key at `a` ends,
        // if that is known.
        let mut same_to = a;
        let mut key_end;
        loop {
            key_end = a;
            #[cfg(target_pointer_width = "64")]
            if RUNS {
                // Not for nothing at the end of a map.
                let ended = a >= level.from_end || b >= level.to_end;
                if same_to <= a && !ended {
                    // What is equal beyond the ends of these maps does not count.
                    let most = level.to_end.wrapping_sub(b).wrapping_add(a);
                    let same = common_prefix(old, a, new, b);
                    same_to = a.wrapping_add(same).min(most).min(level.from_end);
                    if same_to == level.from_end && same_to == most {
                        (a, b) = (level.from_end, level.to_end);
                    }
                    key_end = a;
                }
                let ahead = b.wrapping_sub(a);
                let run = old.get(..same_to).unwrap_or_default();
                while let Some(first) = run.get(a) {
                    key_end = a.wrapping_add(1).wrapping_add(usize::from(*first));
                    if *first == format::LONG_KEY {
                        key_end = format::key_span(old, a).1;
                    }
                    let value = run.get(key_end..).and_then(format::front_len);
                    let end = key_end.wrapping_add(value.unwrap_or(format::MAX_DOCUMENT));
                    if end > same_to {
                        break;
                    }
                    a = end;
                }
                b = a.wrapping_add(ahead);
            }
            let (more_a, more_b) = (a < level.from_end, b < level.to_end);
            if !more_b && (!more_a || !removals) {
                let inner = self
                    .at
                    .wrapping_sub(level.header)
                    .wrapping_sub(format::HEADER);
                format::write_u16(self.out, level.header.wrapping_add(1), inner);
                a = level.from_end;
                same_to = a;
                let entry = level.entry;
                let Some(above) = open.pop() else {
                    return self.at;
                };
                level = above;
                if inner == 0 {
                    self.at = entry;
                }
                continue;
            }
            if !RUNS && more_a && more_b {
                let a_end = format::entry_end(old, a);
                let b_end = b.wrapping_add(a_end.wrapping_sub(a));
                if format::slice(old, a, a_end) == format::slice(new, b, b_end) {
                    (a, b) = (a_end, b_end);
                    continue;
                }
            }
            // The first entries that differ: if not even their keys are equal, which one is first?
            let entry = self.at;
            let (mut a_stop, mut b_stop) = (key_end, b.wrapping_add(key_end.wrapping_sub(a)));
            let mut order = Ordering::Equal;
            if !RUNS || a >= same_to || key_end > same_to {
                (a_stop, b_stop) = (format::key_span(old, a).1, format::key_span(new, b).1);
                order = if !more_a {
                    Ordering::Greater
                } else if !more_b {
                    Ordering::Less
                } else {
                    format::key_order(format::key_bytes(old, a), format::key_bytes(new, b))
                };
            }
            if order == Ordering::Less {
                if removals {
                    self.put(old, a, a_stop);
                    self.put(&[format::NULL], 0, 1);
                    self.end_leaf(entry, level, &open);
                }
                a = format::value_end(old, a_stop);
                same_to = a;
                continue;
            }
            // Two maps are compared; a map that is new or replaces something else is compared with
            // nothing if it may come in parts.
            let b_end = format::value_end(new, b_stop);
            let inside = b_stop.wrapping_add(format::HEADER);
            let is_map = format::byte_at(new, b_stop) == format::MAP;
            let mut descend = is_map && self.parts && inside < b_end;
            let (mut a_end, mut a_inside) = (a, a);
            if order == Ordering::Equal {
                a_end = format::value_end(old, a_stop);
                a_inside = a_end;
                if is_map && format::byte_at(old, a_stop) == format::MAP {
                    descend = true;
                    a_inside = a_stop.wrapping_add(format::HEADER);
                }
            }
            if descend {
                let _ = open.push(level);
                self.put(new, b, inside);
                let header = self.at.wrapping_sub(format::HEADER);
                level = Level {
                    from_end: a_end,
                    to_end: b_end,
                    entry,
                    header,
                };
                a = a_inside;
                b = inside;
            } else {
                self.put(new, b, b_end);
                self.end_leaf(entry, level, &open);
                a = a_end;
                b = b_end;
            }
            if !descend || a_inside == a_end {
                same_to = a;
            }
        }
    }
}

/// Number of bytes that are equal in `old` from `a` on and `new` from `b` on.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn common_prefix(old: &[u8], a: usize, new: &[u8], b: usize) -> usize {
    let (Some(old), Some(new)) = (old.get(a..), new.get(b..)) else {
        return 0;
    };
    // Most runs are short.
    if let (Some(left), Some(right)) = (old.first_chunk::<32>(), new.first_chunk::<32>())
        && let Some(index) = first_difference(left, right)
    {
        return index;
    }
    long_common_prefix(old, new)
}

/// Index of the first byte that differs.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn first_difference(a: &[u8; 32], b: &[u8; 32]) -> Option<usize> {
    let words = a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0);
    for (index, (left, right)) in words.enumerate() {
        let differs = u64::from_le_bytes(*left) ^ u64::from_le_bytes(*right);
        if differs != 0 {
            let byte = usize::try_from(differs.trailing_zeros() >> 3).unwrap_or(0);
            return Some(index.wrapping_mul(8).wrapping_add(byte));
        }
    }
    None
}

#[cfg(target_pointer_width = "64")]
#[inline(never)]
fn long_common_prefix(a: &[u8], b: &[u8]) -> usize {
    let len = a.len().min(b.len());
    let (Some(a), Some(b)) = (a.get(..len), b.get(..len)) else {
        return 0;
    };
    let (Some(a_last), Some(b_last)) = (a.last_chunk::<32>(), b.last_chunk::<32>()) else {
        let bytes = a.iter().zip(b).take_while(|(left, right)| left == right);
        return bytes.count();
    };
    // The first 32 were looked at.
    let mut equal = 32_usize;
    for until in [256, usize::MAX] {
        while equal < until
            && let Some(left) = a.get(equal..).and_then(<[u8]>::first_chunk::<32>)
            && let Some(right) = b.get(equal..).and_then(<[u8]>::first_chunk::<32>)
        {
            if left != right {
                let index = first_difference(left, right).unwrap_or(0);
                return equal.wrapping_add(index);
            }
            equal = equal.wrapping_add(32);
        }
        // What has been equal for long is worth a call.
        while let Some(left) = a.get(equal..).and_then(<[u8]>::first_chunk::<256>)
            && b.get(equal..).and_then(<[u8]>::first_chunk::<256>) == Some(left)
        {
            equal = equal.wrapping_add(256);
        }
    }
    // Fewer than 32 bytes are left: the last 32 begin with some that are known to be equal.
    match first_difference(a_last, b_last) {
        Some(index) => len.wrapping_sub(32).wrapping_add(index),
        None => len,
    }
}
