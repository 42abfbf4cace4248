//! The bytes of a document: tags, lengths, and the few reads every walk is made of.
//!
//! The functions here work on bytes that were validated or built by this crate. On other bytes they
//! return nonsense, but never panic and never reach outside the slice.

/// Deepest nesting of maps and arrays; a scalar has depth 0, `{}` has depth 1.
pub const MAX_DEPTH: usize = 16;
/// Longest key of a map in bytes of UTF-8.
pub const MAX_KEY: usize = 255;
/// Longest document in bytes.
pub const MAX_DOCUMENT: usize = 65_535;

/// Integers 0 to 63 are their own tag.
pub(crate) const SMALL_INT_END: u8 = 0x40;
/// Strings of up to 63 bytes that need no escaping in JSON: tag + length.
pub(crate) const SHORT_STRING: u8 = 0x40;
pub(crate) const SHORT_STRING_END: u8 = 0x80;
pub(crate) const MAX_SHORT_STRING: usize = 63;
/// Integers of 1, 2, 4 and 8 bytes, little endian, in the narrowest width that holds them.
pub(crate) const I8: u8 = 0x80;
pub(crate) const I16: u8 = 0x81;
pub(crate) const I32: u8 = 0x82;
pub(crate) const I64: u8 = 0x83;
/// Decimals: mantissa of 2, 4 or 8 bytes, then the exponent of ten in one byte.
pub(crate) const D16: u8 = 0x84;
pub(crate) const D32: u8 = 0x85;
pub(crate) const D64: u8 = 0x86;
/// A byte that occurs nowhere in UTF-8, so a scan for it finds nearly only nulls.
pub(crate) const NULL: u8 = 0xC0;
pub(crate) const FALSE: u8 = 0xC1;
pub(crate) const TRUE: u8 = 0xC2;
/// A string over 63 bytes that needs no escaping: u16 length, text.
pub(crate) const STRING: u8 = 0xC8;
/// A string of any length that holds a character that JSON must escape.
pub(crate) const ESCAPED_STRING: u8 = 0xC9;
/// Containers: u16 length of what follows, then the items or entries.
pub(crate) const ARRAY: u8 = 0xCA;
pub(crate) const MAP: u8 = 0xCB;

/// Bytes of a container's header.
pub(crate) const HEADER: usize = 3;
/// First byte of a key that is 255 bytes long or needs escaping; its length follows.
pub(crate) const LONG_KEY: u8 = 0xFF;

/// The empty map.
pub(crate) const EMPTY_MAP: [u8; 3] = [MAP, 0, 0];

/// The byte at `at`; null where there is none, so that a broken walk ends.
#[inline(always)]
pub(crate) fn byte_at(bytes: &[u8], at: usize) -> u8 {
    match bytes.get(at) {
        Some(byte) => *byte,
        None => NULL,
    }
}

/// The little-endian u16 at `at`, 0 where there is none.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..).and_then(<[u8]>::first_chunk::<2>) {
        Some(chunk) => usize::from(u16::from_le_bytes(*chunk)),
        None => 0,
    }
}

/// The bytes from `from` to `to`, none where the range is not inside.
#[inline(always)]
pub(crate) fn slice(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    match bytes.get(from..to) {
        Some(slice) => slice,
        None => &[],
    }
}

/// Length of the value at `at`, tag included.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn value_len(bytes: &[u8], at: usize) -> usize {
    let tag = byte_at(bytes, at);
    if tag < SMALL_INT_END {
        1
    } else if tag < SHORT_STRING_END {
        usize::from(tag & 0x3F).wrapping_add(1)
    } else if tag >= STRING {
        u16_at(bytes, at.wrapping_add(1)).wrapping_add(HEADER)
    } else {
        scalar_len(tag)
    }
}

/// Length of a scalar of fixed width, tag included.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn scalar_len(tag: u8) -> usize {
    match tag {
        I8 => 2,
        I16 => 3,
        I32 => 5,
        I64 => 9,
        D16 => 4,
        D32 => 6,
        D64 => 10,
        _ => 1,
    }
}

/// Where the key of the entry at `at` begins and ends; its value begins where the key ends.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn key_span(bytes: &[u8], at: usize) -> (usize, usize) {
    let first = byte_at(bytes, at);
    if first == LONG_KEY {
        let start = at.wrapping_add(2);
        (
            start,
            start.wrapping_add(usize::from(byte_at(bytes, at.wrapping_add(1)))),
        )
    } else {
        let start = at.wrapping_add(1);
        (start, start.wrapping_add(usize::from(first)))
    }
}

/// The key of the entry at `at`.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn key_bytes(bytes: &[u8], at: usize) -> &[u8] {
    let (start, end) = key_span(bytes, at);
    slice(bytes, start, end)
}

/// Where the value at `at` ends.
#[inline(always)]
pub(crate) fn value_end(bytes: &[u8], at: usize) -> usize {
    at.wrapping_add(value_len(bytes, at))
}

/// Where the map entry at `at` ends.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn entry_end(bytes: &[u8], at: usize) -> usize {
    value_end(bytes, key_span(bytes, at).1)
}

/// Whether text needs escaping in JSON: a quotation mark, a backslash or a control character.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn needs_escape(text: &[u8]) -> bool {
    let mut rest = text;
    if cfg!(target_pointer_width = "64") {
        while let Some((word, after)) = rest.split_first_chunk() {
            if special_bytes(u64::from_le_bytes(*word)) != 0 {
                return true;
            }
            rest = after;
        }
    }
    rest.iter()
        .any(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\')
}

/// The high bit of each byte that JSON must escape; exact up to and including the lowest such byte.
#[inline(always)]
pub(crate) fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let control = word.wrapping_sub(ONES.wrapping_mul(0x20));
    let quote = (word ^ ONES.wrapping_mul(0x22)).wrapping_sub(ONES);
    let backslash = (word ^ ONES.wrapping_mul(0x5C)).wrapping_sub(ONES);
    (control | quote | backslash) & !word & HIGHS
}

/// Order of keys: by length, then bytewise (RFC 8949 §4.2.3 "length-first", restricted to text).
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn key_order(a: &[u8], b: &[u8]) -> core::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Writes a container's length into the header at `at`.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn write_u16(bytes: &mut [u8], at: usize, value: usize) {
    if let Some(slot) = bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<2>) {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a document is at most 65,535 bytes long"
        )]
        let value = value as u16;
        *slot = value.to_le_bytes();
    }
}
