//! The small form: insertion by rotation.

use core::cmp::Ordering;

use crate::document::edit;
use crate::document::format;

/// The form for small targets: sorts the map entries in `start..end`; of equal keys the last stays.
/// Returns the new end.
///
/// An insertion sort that rotates each entry into its place: what arrives nearly sorted moves little.
pub(in crate::document) fn sort(bytes: &mut [u8], start: usize, end: usize) -> usize {
    let mut sorted = start;
    let mut end = end;
    while sorted < end {
        let next = format::entry_end(bytes, sorted);
        // The place among the sorted entries: behind all that are smaller.
        let mut place = start;
        let mut equal = None;
        while place < sorted {
            let order = format::key_order(
                format::key_bytes(bytes, place),
                format::key_bytes(bytes, sorted),
            );
            let place_end = format::entry_end(bytes, place);
            match order {
                Ordering::Less => place = place_end,
                Ordering::Equal => {
                    equal = Some(place_end);
                    break;
                }
                Ordering::Greater => break,
            }
        }
        let len = next.wrapping_sub(sorted);
        // Exchanging two neighbours is turning both around, each by itself, then together.
        for (from, to) in [(place, sorted), (sorted, next), (place, next)] {
            if let Some(slice) = bytes.get_mut(from..to) {
                slice.reverse();
            }
        }
        sorted = next;
        if let Some(old_end) = equal {
            // The older entry now stands behind the new one: it goes.
            let old = place.wrapping_add(len);
            let gone = old_end.wrapping_sub(place);
            edit::shift(bytes, old.wrapping_add(gone), end, old);
            sorted = sorted.wrapping_sub(gone);
            end = end.wrapping_sub(gone);
        }
    }
    end
}
