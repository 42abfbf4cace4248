//! Changing one place: find, splice, set, remove.

use core::cmp::Ordering;
use core::fmt;

use super::DocumentMut;
use super::format;
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

/// Offsets of the maps that enclose a place, outermost first.
pub(super) type Ancestors = heapless::Vec<usize, { format::MAX_DEPTH }>;

/// Looks `key` up in the map at `map`: the offset of its value, or where its entry would go. Not a
/// map: the error is `usize::MAX`.
pub(super) fn find(bytes: &[u8], map: usize, key: &[u8]) -> Result<usize, usize> {
    if format::byte_at(bytes, map) != format::MAP {
        return Err(usize::MAX);
    }
    let end = format::value_end(bytes, map).min(bytes.len());
    let mut at = map.wrapping_add(format::HEADER);
    while at < end {
        let (start, stop) = format::key_span(bytes, at);
        match format::key_order(format::slice(bytes, start, stop), key) {
            Ordering::Less => at = format::value_end(bytes, stop),
            Ordering::Equal => return Ok(stop),
            Ordering::Greater => return Err(at),
        }
    }
    Err(end)
}

/// Moves the bytes `from..to` to `dest`; the caller has made sure that they fit.
#[inline]
pub(super) fn shift(bytes: &mut [u8], from: usize, to: usize, dest: usize) {
    if cfg!(target_pointer_width = "64") {
        let len = bytes.len();
        if from <= to
            && to <= len
            && let Some(last) = len.checked_sub(to.wrapping_sub(from))
            && dest <= last
        {
            bytes.copy_within(from..to, dest);
        }
        return;
    }
    // Byte by byte: the library's `memmove` takes 1.5 KB of flash.
    let len = to.saturating_sub(from);
    let mut left = len;
    while left > 0 {
        left = left.wrapping_sub(1);
        // Towards the front, front first; towards the back, back first.
        let step = if dest < from {
            len.wrapping_sub(left).wrapping_sub(1)
        } else {
            left
        };
        let byte = format::byte_at(bytes, from.wrapping_add(step));
        if let Some(slot) = bytes.get_mut(dest.wrapping_add(step)) {
            *slot = byte;
        }
    }
}

/// Copies `source` to `at` and returns where it ends; the caller has made sure that it fits.
#[inline]
pub(super) fn put(bytes: &mut [u8], at: usize, source: &[u8]) -> usize {
    let end = at.wrapping_add(source.len());
    if let Some(slot) = bytes.get_mut(at..end) {
        // Not `copy_from_slice`: a small build would keep its panic.
        for (slot, byte) in slot.iter_mut().zip(source) {
            *slot = *byte;
        }
    }
    end
}

/// Exchanges `old` bytes at `at` for `new` bytes that the caller then writes, and keeps the lengths
/// of the enclosing maps right. The caller has made sure that it fits.
#[inline]
pub(super) fn splice(
    bytes: &mut [u8],
    len: &mut usize,
    ancestors: &[usize],
    at: usize,
    old: usize,
    new: usize,
) {
    if old == new {
        return;
    }
    shift(bytes, at.wrapping_add(old), *len, at.wrapping_add(new));
    *len = len.wrapping_add(new).wrapping_sub(old);
    for map in ancestors {
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

fn is_long_key(key: &[u8]) -> bool {
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

/// Bytes of a value.
pub(super) fn encoded_len(value: Value<'_>) -> usize {
    match value {
        Value::String(text) => text_header(text.as_bytes())
            .as_slice()
            .len()
            .wrapping_add(text.len()),
        Value::Array(array) => array.as_document().as_bytes().len(),
        Value::Map(map) => map.as_document().as_bytes().len(),
        Value::Null | Value::Bool(_) => 1,
        Value::Number(number) => Encoded::number(number).as_slice().len(),
    }
}

/// Tag and length of a string's encoding.
fn text_header(text: &[u8]) -> Encoded {
    string_header(text.len(), format::needs_escape(text))
}

/// Tag and length of the encoding of a string of `len` bytes; `escape` says whether it needs escaping
/// in JSON.
pub(super) fn string_header(len: usize, escape: bool) -> Encoded {
    if !escape && len <= format::MAX_SHORT_STRING {
        #[expect(clippy::cast_possible_truncation, reason = "at most 63")]
        let len = len as u8;
        return Encoded::tag(format::SHORT_STRING | len);
    }
    let tag = if escape {
        format::ESCAPED_STRING
    } else {
        format::STRING
    };
    Encoded::header(tag, len)
}

/// Writes a value at `at` and returns where it ends.
pub(super) fn put_value(bytes: &mut [u8], at: usize, value: Value<'_>) -> usize {
    match value {
        Value::Null => put(bytes, at, &[format::NULL]),
        Value::Bool(true) => put(bytes, at, &[format::TRUE]),
        Value::Bool(false) => put(bytes, at, &[format::FALSE]),
        Value::Number(number) => put(bytes, at, Encoded::number(number).as_slice()),
        Value::String(text) => {
            let at = put(bytes, at, text_header(text.as_bytes()).as_slice());
            put(bytes, at, text.as_bytes())
        }
        Value::Array(array) => put(bytes, at, array.as_document().as_bytes()),
        Value::Map(map) => put(bytes, at, map.as_document().as_bytes()),
    }
}

pub(super) fn set(
    document: &mut DocumentMut<'_>,
    path: &[&str],
    value: Value<'_>,
) -> Result<(), EditError> {
    let depth = match value {
        Value::Array(array) => Leaves::depth(array.as_document()),
        Value::Map(map) => Leaves::depth(map.as_document()),
        _ => 0,
    };
    if path.len().saturating_add(depth) > format::MAX_DEPTH {
        return Err(EditError::TooDeep);
    }
    if path.iter().any(|key| key.len() > format::MAX_KEY) {
        return Err(EditError::KeyTooLong);
    }
    let capacity = document.capacity();
    let bytes = &mut *document.bytes;
    let mut ancestors = Ancestors::new();
    // Down the maps that exist; `missing` are the keys that do not.
    let (mut at, mut missing) = (0, path);
    let mut place = Ok(0);
    while let Some((key, below)) = missing.split_first() {
        place = find(bytes, at, key.as_bytes());
        match place {
            Ok(found) => {
                let _ = ancestors.push(at);
                (at, missing) = (found, below);
            }
            Err(usize::MAX) => break,
            Err(_) => {
                let _ = ancestors.push(at);
                break;
            }
        }
    }
    // What goes: a value that is found, or that stands where a map is needed.
    let (start, old) = match place {
        Ok(found) => (found, format::value_len(bytes, found)),
        Err(usize::MAX) => (at, format::value_len(bytes, at)),
        Err(insert) => (insert, 0),
    };
    let fresh_map = place == Err(usize::MAX);
    let mut new = encoded_len(value);
    for (index, key) in missing.iter().enumerate() {
        new = new.saturating_add(key_len(key.as_bytes()));
        if index > 0 || fresh_map {
            new = new.saturating_add(format::HEADER);
        }
    }
    let needed = document.len.saturating_sub(old).saturating_add(new);
    if needed > capacity {
        return Err(EditError::Capacity(CapacityError { needed, capacity }));
    }
    splice(bytes, document.len, &ancestors, start, old, new);
    let end = start.wrapping_add(new);
    let mut at = start;
    for (index, key) in missing.iter().enumerate() {
        if index > 0 || fresh_map {
            let inner = end.wrapping_sub(at).wrapping_sub(format::HEADER);
            at = put(bytes, at, Encoded::header(format::MAP, inner).as_slice());
        }
        at = put_key(bytes, at, key.as_bytes());
    }
    put_value(bytes, at, value);
    Ok(())
}

pub(super) fn remove(document: &mut DocumentMut<'_>, path: &[&str]) -> bool {
    let mut ancestors = Ancestors::new();
    let mut at = 0;
    let mut entry = 0;
    for key in path {
        let Ok(found) = find(document.bytes, at, key.as_bytes()) else {
            return false;
        };
        let _ = ancestors.push(at);
        entry = found.wrapping_sub(key_len(key.as_bytes()));
        at = found;
    }
    if path.is_empty() {
        document.clear();
        return true;
    }
    let old = format::value_end(document.bytes, at).wrapping_sub(entry);
    splice(document.bytes, document.len, &ancestors, entry, old, 0);
    true
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
