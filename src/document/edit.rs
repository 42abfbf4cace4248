//! Changing one place: find, splice, set, remove.

use core::fmt;

use super::DocumentMut;
use super::format;
pub(super) use super::format::put;
use super::leaves::Leaves;
use super::value::{Encoded, Value};
use crate::error::CapacityError;

/// Why a single value could not be put into a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EditError {
    /// The document would not fit its buffer.
    Capacity(CapacityError),
    /// The value would stand deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// A key is longer than [`MAX_KEY`](super::MAX_KEY) bytes.
    KeyTooLong,
}

/// The maps that enclose a place, outermost first: where each begins, and in a merge where the patch's
/// map of the same path ends.
pub(super) type Around = heapless::Vec<(usize, usize), { format::MAX_DEPTH }>;

/// Goes into a map. There are never more than fit: whoever built the bytes refused it.
#[cfg_attr(target_pointer_width = "64", inline)]
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(super) fn enter(around: &mut Around, map: usize, end: usize) {
    let _ = around.push((map, end));
}

/// Looks `key` up in the map at `map`: the offset of its value, or where its entry would go. Not a
/// map: the error is `usize::MAX`.
pub(super) fn find(bytes: &[u8], map: usize, key: &[u8]) -> Result<usize, usize> {
    if format::byte_at(bytes, map) != format::MAP {
        return Err(usize::MAX);
    }
    let end = format::value_end(bytes, map);
    let first = map.wrapping_add(format::HEADER);
    match format::seek(bytes, first, end, (key, 0, key.len())) {
        (at, 0) => Err(at),
        (_, value) => Ok(value),
    }
}

/// Moves the bytes `from..to` to `dest`; the caller has made sure that they fit.
#[cfg(target_pointer_width = "64")]
#[inline]
pub(crate) fn shift(bytes: &mut [u8], from: usize, to: usize, dest: usize) {
    let len = bytes.len();
    if from <= to
        && to <= len
        && let Some(last) = len.checked_sub(to.wrapping_sub(from))
        && dest <= last
    {
        bytes.copy_within(from..to, dest);
    }
}

#[cfg(not(target_pointer_width = "64"))]
pub(crate) use self::shift_bytes as shift;

/// Moves the bytes `from..to` to `dest`; the caller has made sure that they fit.
///
/// Byte by byte: a firmware that needs `memmove` for nothing else is spared its 1.5 KB.
#[cfg(any(test, not(target_pointer_width = "64")))]
#[inline(never)]
pub(crate) fn shift_bytes(bytes: &mut [u8], from: usize, to: usize, dest: usize) {
    let cells = core::cell::Cell::from_mut(bytes).as_slice_of_cells();
    if let Some(source) = cells.get(from..to)
        && let Some(slots) = cells
            .get(dest..)
            .and_then(|slots| slots.get(..source.len()))
    {
        let pairs = slots.iter().zip(source);
        if dest < from {
            pairs.for_each(|(slot, byte)| slot.set(byte.get()));
        } else {
            pairs.rev().for_each(|(slot, byte)| slot.set(byte.get()));
        }
    }
}

/// Copies `source` to `at` without a call if it is short, and returns where it ends; the caller has made
/// sure that it fits.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
pub(super) fn put_short(bytes: &mut [u8], at: usize, source: &[u8]) -> usize {
    let end = at.wrapping_add(source.len());
    let Some(slot) = bytes.get_mut(at..end) else {
        return end;
    };
    if source.len() > 16 {
        slot.copy_from_slice(source);
    } else if !copy_ends::<8>(slot, source) && !copy_ends::<4>(slot, source) {
        // At most three bytes.
        for (slot, byte) in slot.iter_mut().zip(source).take(3) {
            *slot = *byte;
        }
    }
    end
}

/// Copies the first and the last `N` bytes, if there are so many; of up to twice as many that is all.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn copy_ends<const N: usize>(slot: &mut [u8], source: &[u8]) -> bool {
    if let (Some(first), Some(last)) = (source.first_chunk::<N>(), source.last_chunk::<N>()) {
        if let Some(slot) = slot.first_chunk_mut::<N>() {
            *slot = *first;
        }
        if let Some(slot) = slot.last_chunk_mut::<N>() {
            *slot = *last;
        }
        return true;
    }
    false
}

/// Exchanges `old` bytes at `at` for `new` bytes that the caller then writes, and keeps the lengths
/// of the enclosing maps right. The caller has made sure that it fits.
#[inline(never)]
pub(super) fn splice(
    bytes: &mut [u8],
    len: &mut usize,
    around: &[(usize, usize)],
    at: usize,
    old: usize,
    new: usize,
) {
    if old == new {
        return;
    }
    shift(bytes, at.wrapping_add(old), *len, at.wrapping_add(new));
    *len = len.wrapping_add(new).wrapping_sub(old);
    for (map, _) in around {
        let slot = map.wrapping_add(1);
        let inner = format::u16_at(bytes, slot)
            .wrapping_add(new)
            .wrapping_sub(old);
        format::write_u16(bytes, slot, inner);
    }
}

/// Bytes of a key with its header.
pub(super) fn key_len(key: &[u8]) -> usize {
    let header = if is_long_key(key) { 2 } else { 1 };
    key.len().wrapping_add(header)
}

/// Whether a key takes a header of two bytes.
pub(super) fn is_long_key(key: &[u8]) -> bool {
    key.len() >= format::MAX_KEY || format::needs_escape(key)
}

/// Writes a key with its header at `at` and returns where it ends.
pub(super) fn put_key(bytes: &mut [u8], at: usize, key: &[u8]) -> usize {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "keys are at most 255 bytes"
    )]
    let len = key.len() as u8;
    let at = if is_long_key(key) {
        put(bytes, at, &[format::LONG_KEY, len])
    } else {
        put(bytes, at, &[len])
    };
    put(bytes, at, key)
}

/// A value's encoding in two parts: what is made for it, and what is copied.
pub(super) fn encode(value: Value<'_>) -> (Encoded, &[u8]) {
    match value {
        Value::Null => (Encoded::tag(format::NULL), &[]),
        Value::Bool(false) => (Encoded::tag(format::FALSE), &[]),
        Value::Bool(true) => (Encoded::tag(format::TRUE), &[]),
        Value::Number(number) => (Encoded::number(number), &[]),
        Value::String(text) => (text_header(text.as_bytes()), text.as_bytes()),
        Value::Array(array) => (Encoded::NOTHING, array.as_document().as_bytes()),
        Value::Map(map) => (Encoded::NOTHING, map.as_document().as_bytes()),
    }
}

/// Bytes of a value.
pub(super) fn encoded_len(value: Value<'_>) -> usize {
    let (header, tail) = encode(value);
    header.as_slice().len().wrapping_add(tail.len())
}

/// Tag and length of a string's encoding.
fn text_header(text: &[u8]) -> Encoded {
    string_header(text.len(), format::needs_escape(text))
}

/// Tag of the encoding of a string of `len` bytes; `escape` says whether it needs escaping in JSON.
pub(super) fn string_tag(len: usize, escape: bool) -> u8 {
    match u8::try_from(len) {
        _ if escape => format::ESCAPED_STRING,
        Ok(short) if len <= format::MAX_SHORT_STRING => format::SHORT_STRING | short,
        _ => format::STRING,
    }
}

/// Tag and length of the encoding of a string, see [`string_tag`].
pub(super) fn string_header(len: usize, escape: bool) -> Encoded {
    let tag = string_tag(len, escape);
    if tag < format::SHORT_STRING_END {
        return Encoded::tag(tag);
    }
    Encoded::header(tag, len)
}

/// Writes a value at `at` and returns where it ends.
pub(super) fn put_value(bytes: &mut [u8], at: usize, value: Value<'_>) -> usize {
    let (header, tail) = encode(value);
    let at = put(bytes, at, header.as_slice());
    put(bytes, at, tail)
}

impl Value<'_> {
    /// Deepest nesting of containers in the value.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::Array(array) => Leaves::depth(array.as_document()),
            Self::Map(map) => Leaves::depth(map.as_document()),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::String(_) => 0,
        }
    }
}

pub(super) fn set(
    document: &mut DocumentMut<'_>,
    path: &[&str],
    value: Value<'_>,
) -> Result<(), EditError> {
    if path.len().saturating_add(value.depth()) > format::MAX_DEPTH {
        return Err(EditError::TooDeep);
    }
    let capacity = document.capacity();
    let bytes = &mut *document.bytes;
    let (header, tail) = encode(value);
    // At most 16 keys, each of them checked, are added to it: that does not overflow.
    let mut new = header.as_slice().len().wrapping_add(tail.len());
    let mut around = Around::new();
    // Down the maps that exist. `place` is what the value replaces, or where it goes; `missing` are
    // the keys that do not exist, `maps` how many maps they need.
    let (mut place, mut old) = (0, format::value_len(bytes, 0));
    let (mut missing, mut maps) = (path, path.len());
    while let Some((key, below)) = missing.split_first() {
        if format::byte_at(bytes, place) != format::MAP {
            break;
        }
        enter(&mut around, place, 0);
        maps = below.len();
        match find(bytes, place, key.as_bytes()) {
            Ok(found) => (place, old, missing) = (found, format::value_len(bytes, found), below),
            Err(insert) => {
                (place, old) = (insert, 0);
                break;
            }
        }
    }
    for key in missing {
        if key.len() > format::MAX_KEY {
            return Err(EditError::KeyTooLong);
        }
        new = new.wrapping_add(key_len(key.as_bytes()));
    }
    new = new.wrapping_add(maps.wrapping_mul(format::HEADER));
    let needed = document.len.wrapping_sub(old).wrapping_add(new);
    if needed > capacity {
        return Err(EditError::Capacity(CapacityError { needed, capacity }));
    }
    splice(bytes, document.len, &around, place, old, new);
    let end = place.wrapping_add(new);
    let mut at = place;
    for (index, key) in missing.iter().enumerate() {
        if missing.len().wrapping_sub(index) <= maps {
            let inner = end.wrapping_sub(at).wrapping_sub(format::HEADER);
            at = put(bytes, at, Encoded::header(format::MAP, inner).as_slice());
        }
        at = put_key(bytes, at, key.as_bytes());
    }
    at = put(bytes, at, header.as_slice());
    put(bytes, at, tail);
    Ok(())
}

pub(super) fn remove(document: &mut DocumentMut<'_>, path: &[&str]) -> bool {
    let mut around = Around::new();
    let mut at = 0;
    let mut entry = 0;
    for key in path {
        let Ok(found) = find(document.bytes, at, key.as_bytes()) else {
            return false;
        };
        enter(&mut around, at, 0);
        entry = found.wrapping_sub(key_len(key.as_bytes()));
        at = found;
    }
    if path.is_empty() {
        document.clear();
        return true;
    }
    let old = format::value_end(document.bytes, at).wrapping_sub(entry);
    splice(document.bytes, document.len, &around, entry, old, 0);
    true
}

pub(super) fn nest(document: &mut DocumentMut<'_>, key: &[u8]) -> Result<(), EditError> {
    if key.len() > format::MAX_KEY {
        return Err(EditError::KeyTooLong);
    }
    if Leaves::depth(document.as_ref()) >= format::MAX_DEPTH {
        return Err(EditError::TooDeep);
    }
    let inner = key_len(key).saturating_add(*document.len);
    let needed = inner.saturating_add(format::HEADER);
    let capacity = document.capacity();
    if needed > capacity {
        return Err(EditError::Capacity(CapacityError { needed, capacity }));
    }
    let bytes = &mut *document.bytes;
    shift(bytes, 0, *document.len, needed.wrapping_sub(*document.len));
    let at = put(bytes, 0, Encoded::header(format::MAP, inner).as_slice());
    put_key(bytes, at, key);
    *document.len = needed;
    Ok(())
}

impl From<CapacityError> for EditError {
    fn from(error: CapacityError) -> Self {
        Self::Capacity(error)
    }
}

impl fmt::Display for EditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity(error) => error.fmt(f),
            Self::TooDeep => f.write_str("value would be nested too deep"),
            Self::KeyTooLong => f.write_str("key is longer than 255 bytes"),
        }
    }
}

impl core::error::Error for EditError {}

#[cfg(test)]
mod tests {
    use super::{shift, shift_bytes};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn both_forms_of_shift_agree(from in 0_usize..20, len in 0_usize..20, dest in 0_usize..20) {
            let mut a: [u8; 40] = core::array::from_fn(|at| u8::try_from(at).unwrap());
            let mut b = a;
            shift(&mut a, from, from + len, dest);
            shift_bytes(&mut b, from, from + len, dest);
            prop_assert_eq!(a, b);
        }
    }
}
