//! The bytes of a document: tags, lengths, and the few reads every walk is made of.
//!
//! The functions here work on bytes that were validated or built by this crate. On other bytes they
//! return nonsense, but never panic and never reach outside the slice.

use core::cmp::Ordering;

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
#[cfg_attr(target_pointer_width = "64", inline(always))]
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
#[cfg_attr(target_pointer_width = "64", inline(always))]
#[cfg_attr(target_pointer_width = "32", inline(never))]
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
    // A gateway looks the length up; a firmware would rather not have the table.
    #[cfg(target_pointer_width = "64")]
    let len = TAG_LEN
        .get(usize::from(tag))
        .map_or(0, |len| usize::from(*len));
    #[cfg(not(target_pointer_width = "64"))]
    let len = tag_len(tag);
    if len == 0 {
        u16_at(bytes, at.wrapping_add(1)).wrapping_add(HEADER)
    } else {
        len
    }
}

/// Length of the value behind each tag; 0 where two bytes of length follow.
#[cfg(target_pointer_width = "64")]
static TAG_LEN: [u8; 256] = {
    let mut table = [0; 256];
    let mut rest = &mut table as &mut [u8];
    let mut tag = 0;
    while let Some((slot, after)) = rest.split_first_mut() {
        #[expect(clippy::cast_possible_truncation, reason = "at most 64")]
        {
            *slot = tag_len(tag) as u8;
        }
        tag = tag.wrapping_add(1);
        rest = after;
    }
    table
};

/// Length of a value by its tag; 0 where two bytes of length follow.
const fn tag_len(tag: u8) -> usize {
    if tag < SMALL_INT_END {
        1
    } else if tag < SHORT_STRING_END {
        ((tag & 0x3F) as usize).wrapping_add(1)
    } else if tag >= STRING {
        0
    } else {
        scalar_len(tag)
    }
}

/// Length of a scalar of fixed width, tag included.
pub(crate) const fn scalar_len(tag: u8) -> usize {
    // One digit for each tag of a number, the first one lowest.
    const NUMBERS: u32 = 0xA64_9532;
    if tag < I8 || tag > D64 {
        return 1;
    }
    let digit = NUMBERS.wrapping_shr((tag as u32 & 7).wrapping_mul(4));
    (digit & 0xF) as usize
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

/// Order of the keys of the entries at `a` and `b`.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn entry_order(bytes: &[u8], a: usize, b: usize) -> Ordering {
    key_order(key_bytes(bytes, a), key_bytes(bytes, b))
}

/// The key of the entry at `at`.
#[cfg_attr(target_pointer_width = "64", inline(always))]
pub(crate) fn key_bytes(bytes: &[u8], at: usize) -> &[u8] {
    let (start, end) = key_span(bytes, at);
    slice(bytes, start, end)
}

/// Where the value at `at` ends.
#[cfg_attr(target_pointer_width = "64", inline(always))]
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
    #[cfg(target_pointer_width = "64")]
    let text = {
        let (words, rest) = text.as_chunks::<8>();
        if words
            .iter()
            .any(|word| special_bytes(u64::from_le_bytes(*word)) != 0)
        {
            return true;
        }
        rest
    };
    text.iter()
        .any(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\')
}

/// The high bit of each byte that JSON must escape; exact up to and including the lowest such byte.
#[cfg(target_pointer_width = "64")]
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
#[cfg(not(target_pointer_width = "64"))]
pub(crate) fn key_order(a: &[u8], b: &[u8]) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Order of keys: by length, then bytewise (RFC 8949 §4.2.3 "length-first", restricted to text).
#[cfg(target_pointer_width = "64")]
#[inline(always)]
pub(crate) fn key_order(a: &[u8], b: &[u8]) -> Ordering {
    if a.len() != b.len() {
        return a.len().cmp(&b.len());
    }
    let (left, right) = (word(a), word(b));
    if left != right {
        return left.swap_bytes().cmp(&right.swap_bytes());
    }
    tail_order(a, b)
}

/// How two texts of one length compare that begin with the same [`word`].
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn tail_order(a: &[u8], b: &[u8]) -> Ordering {
    if a.len() <= 8 {
        return Ordering::Equal;
    }
    // Up to sixteen bytes the last eight tell the rest.
    if a.len() <= 16
        && let (Some(left), Some(right)) = (a.last_chunk::<8>(), b.last_chunk::<8>())
    {
        return u64::from_be_bytes(*left).cmp(&u64::from_be_bytes(*right));
    }
    a.cmp(b)
}

/// The first eight bytes of a text, the first one at the bottom; zeros beyond its end.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
fn word(text: &[u8]) -> u64 {
    if let Some(chunk) = text.first_chunk::<8>() {
        return u64::from_le_bytes(*chunk);
    }
    if let (Some(first), Some(last)) = (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        let beyond = text.len().wrapping_sub(4).wrapping_mul(8);
        let last = u64::from(u32::from_le_bytes(*last));
        return u64::from(u32::from_le_bytes(*first)) | (last << (beyond & 31));
    }
    match text {
        [a, b, c] => u64::from_le_bytes([*a, *b, *c, 0, 0, 0, 0, 0]),
        [a, b] => u64::from_le_bytes([*a, *b, 0, 0, 0, 0, 0, 0]),
        [a] => u64::from(*a),
        _ => 0,
    }
}

/// Looks for a key (some bytes, where in them it begins, its length) among the sorted entries from
/// `at` to `end`: the offset of its entry and of its value, or where its entry would go and 0.
#[cfg(target_pointer_width = "64")]
#[inline(never)]
pub(crate) fn seek(
    bytes: &[u8],
    at: usize,
    end: usize,
    key: (&[u8], usize, usize),
) -> (usize, usize) {
    let key = slice(key.0, key.1, key.1.wrapping_add(key.2));
    seek_key(bytes, at, end, key)
}

/// [`seek`] for a key by itself. What is rare it leaves to [`seek_any`], so that the rest stays in
/// registers.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
pub(crate) fn seek_key(bytes: &[u8], at: usize, end: usize, wanted: &[u8]) -> (usize, usize) {
    let Some(entries) = bytes.get(..end) else {
        return (at, 0);
    };
    let wanted_word = word(wanted);
    let mut at = at;
    while let Some(first) = entries.get(at) {
        let len = usize::from(*first);
        let value = at.wrapping_add(len).wrapping_add(1);
        if len >= wanted.len() {
            // The length and eight bytes.
            let text = bytes.get(at..).and_then(<[u8]>::first_chunk::<9>);
            let (Some([_, text @ ..]), false) = (text, *first == LONG_KEY) else {
                return seek_any(bytes, at, end, wanted);
            };
            if len > wanted.len() {
                break;
            }
            // What stands behind a short key is masked.
            let mask = MASKS.get(len).copied().unwrap_or(u64::MAX);
            let entry_word = u64::from_le_bytes(*text) & mask;
            if entry_word == wanted_word {
                if len <= 8 {
                    return (at, value);
                }
                let entry_end = bytes
                    .get(value.wrapping_sub(8)..value)
                    .and_then(<[u8]>::first_chunk::<8>);
                if len <= 16 && entry_end == wanted.last_chunk::<8>() {
                    return (at, value);
                }
                return seek_any(bytes, at, end, wanted);
            }
            if entry_word.swap_bytes() > wanted_word.swap_bytes() {
                break;
            }
        }
        let Some(len) = entries.get(value..).and_then(front_len) else {
            break;
        };
        at = value.wrapping_add(len);
    }
    (at, 0)
}

/// Length of the value that `bytes` begin with, tag included.
#[cfg(target_pointer_width = "64")]
#[inline(always)]
pub(crate) fn front_len(bytes: &[u8]) -> Option<usize> {
    let len = TAG_LEN.get(usize::from(*bytes.first()?))?;
    if *len != 0 {
        return Some(usize::from(*len));
    }
    match bytes {
        [_, low, high, ..] => {
            Some(usize::from(u16::from_le_bytes([*low, *high])).wrapping_add(HEADER))
        }
        _ => None,
    }
}

/// [`seek_key`] for keys of all kinds.
#[cfg(target_pointer_width = "64")]
#[inline(never)]
fn seek_any(bytes: &[u8], at: usize, end: usize, wanted: &[u8]) -> (usize, usize) {
    let entries = bytes.get(..end).unwrap_or_default();
    let mut at = at;
    while at < entries.len() {
        let (start, value) = key_span(entries, at);
        match key_order(slice(entries, start, value), wanted) {
            Ordering::Equal => return (at, value),
            Ordering::Greater => break,
            Ordering::Less => at = value_end(entries, value),
        }
    }
    (at.min(end), 0)
}

/// The bytes of a [`word`] that belong to a text of so many bytes.
#[cfg(target_pointer_width = "64")]
static MASKS: [u64; 8] = [
    0,
    0xFF,
    0xFFFF,
    0xFF_FFFF,
    0xFFFF_FFFF,
    0xFF_FFFF_FFFF,
    0xFFFF_FFFF_FFFF,
    0xFF_FFFF_FFFF_FFFF,
];

/// Looks for a key (some bytes, where in them it begins, its length) among the sorted entries from
/// `at` to `end`: the offset of its entry and of its value, or where its entry would go and 0.
#[cfg(not(target_pointer_width = "64"))]
pub(crate) fn seek(
    bytes: &[u8],
    at: usize,
    end: usize,
    key: (&[u8], usize, usize),
) -> (usize, usize) {
    let (wanted, wanted_start, wanted_len) = key;
    let wanted = slice(wanted, wanted_start, wanted_start.wrapping_add(wanted_len));
    let mut at = at;
    let entries = bytes.get(..end).unwrap_or_default();
    while let Some(first) = entries.get(at) {
        let mut start = at.wrapping_add(1);
        let mut len = usize::from(*first);
        if *first == LONG_KEY {
            len = usize::from(byte_at(bytes, start));
            start = start.wrapping_add(1);
        }
        if len >= wanted_len {
            if len > wanted_len {
                return (at, 0);
            }
            match slice(bytes, start, start.wrapping_add(len)).cmp(wanted) {
                Ordering::Equal => return (at, start.wrapping_add(len)),
                Ordering::Greater => return (at, 0),
                Ordering::Less => {}
            }
        }
        at = value_end(bytes, start.wrapping_add(len));
    }
    (at.min(end), 0)
}

/// Copies `source` to `at` and returns where it ends; what does not fit is left out as a whole.
#[cfg_attr(target_pointer_width = "64", inline)]
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn put(bytes: &mut [u8], at: usize, source: &[u8]) -> usize {
    if let Some(slot) = bytes
        .get_mut(at..)
        .and_then(|rest| rest.get_mut(..source.len()))
    {
        #[cfg(target_pointer_width = "64")]
        slot.copy_from_slice(source);
        // The same, but without a check of the lengths, which would be a panic in the binary.
        #[cfg(not(target_pointer_width = "64"))]
        for (slot, byte) in slot.iter_mut().zip(source) {
            *slot = *byte;
        }
    }
    at.wrapping_add(source.len())
}

/// An offset in a document, in 16 bits.
#[inline(always)]
pub(crate) fn short(at: usize) -> u16 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a document is at most 65,535 bytes long"
    )]
    {
        at as u16
    }
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
