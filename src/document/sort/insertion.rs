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
        let mut next = format::entry_end(bytes, sorted);
        // The place among the sorted entries: behind all that are smaller.
        let mut place = start;
        while place < sorted {
            let order = format::entry_order(bytes, place, sorted);
            let place_end = format::entry_end(bytes, place);
            match order {
                Ordering::Less => place = place_end,
                Ordering::Equal => {
                    // The older entry goes.
                    edit::shift(bytes, place_end, end, place);
                    let gone = place_end.wrapping_sub(place);
                    sorted = sorted.wrapping_sub(gone);
                    next = next.wrapping_sub(gone);
                    end = end.wrapping_sub(gone);
                    break;
                }
                Ordering::Greater => break,
            }
        }
        // Exchanging two neighbours is turning both around, each by itself, then together.
        for (from, to) in [(place, sorted), (sorted, next), (place, next)] {
            if let Some(slice) = bytes.get_mut(from..to) {
                slice.reverse();
            }
        }
        sorted = next;
    }
    end
}
