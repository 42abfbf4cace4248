//! The paved path of the reader on 64-bit targets: whole, ordinary tokens, eight bytes at a time.
//!
//! [`Reader::fast`] reads as many tokens as it can and stops in front of the first one that is cut,
//! escaped, long, out of bounds or wrong; the state machine in [`super::reader`] then reads that one.
//! So this file refuses nothing and reports nothing: **what it builds is what the state machine would
//! have built**, and a property test holds them against each other.

use core::cmp::Ordering;

use super::reader::{Reader, State};
use crate::document::format;
use crate::document::raw::{Open, Raw};

/// What a scan for the end of a string found.
struct Scanned {
    /// Bytes before the closing quotation mark.
    len: usize,
    /// The first eight bytes; those behind the end are of no meaning.
    word: u64,
}

impl Reader<'_> {
    /// Reads whole tokens from the front of `text` and returns how many bytes they took.
    ///
    /// The next value, or the container around this place, is stored whole.
    pub(super) fn fast(&mut self, text: &[u8]) -> usize {
        // Below this depth the reader has to look at each name.
        let floor = self.selects.len();
        let raw = &mut self.raw;
        let mut level = raw.open.last().copied().unwrap_or(Open::ROOT);
        let mut state = self.state;
        // Both stand behind the last whole token.
        let mut pos = 0;
        let mut at = raw.at;
        loop {
            let mut from = pos;
            let mut byte = token(text, &mut from);
            if state == State::Next {
                if byte == b',' {
                    pos = from.wrapping_add(1);
                    state = if level.map { State::Key } else { State::Value };
                    from = pos;
                    byte = token(text, &mut from);
                } else if byte == if level.map { b'}' } else { b']' } {
                    pos = from.wrapping_add(1);
                    (at, level) = close(raw, at, level);
                    if raw.open.len() <= floor {
                        break;
                    }
                    continue;
                } else {
                    break;
                }
            }
            if matches!(state, State::Key | State::KeyOrEnd) {
                if byte != b'"' {
                    if byte == b'}' && state == State::KeyOrEnd {
                        pos = from.wrapping_add(1);
                        (at, level) = close(raw, at, level);
                        state = State::Next;
                        if raw.open.len() <= floor {
                            break;
                        }
                        continue;
                    }
                    break;
                }
                let start = from.wrapping_add(1);
                let Some(key) = string(text, start, raw.bytes, at.wrapping_add(1), 254) else {
                    break;
                };
                from = start.wrapping_add(key.len).wrapping_add(1);
                if token(text, &mut from) != b':' {
                    break;
                }
                pos = from.wrapping_add(1);
                put_byte(raw.bytes, at, low_byte(key.len));
                if level.sorted && level.entry != 0 {
                    level.sorted = is_above(raw.bytes, usize::from(level.entry), at, &key);
                }
                level.enter(at);
                at = at.wrapping_add(1).wrapping_add(key.len);
                state = State::Value;
                from = pos;
                byte = token(text, &mut from);
            }
            match byte {
                b'"' => {
                    let start = from.wrapping_add(1);
                    let Some(string) = string(
                        text,
                        start,
                        raw.bytes,
                        at.wrapping_add(1),
                        format::MAX_SHORT_STRING,
                    ) else {
                        break;
                    };
                    put_byte(raw.bytes, at, format::SHORT_STRING | low_byte(string.len));
                    at = at.wrapping_add(1).wrapping_add(string.len);
                    pos = start.wrapping_add(string.len).wrapping_add(1);
                }
                b'0'..=b'9' | b'-' => {
                    let Some(len) = number(text, &mut from, raw.bytes, at) else {
                        break;
                    };
                    at = at.wrapping_add(len);
                    pos = from;
                }
                b'{' | b'[' => {
                    let map = byte == b'{';
                    let tag = if map { format::MAP } else { format::ARRAY };
                    if let Some(open) = raw.open.last_mut() {
                        *open = level;
                    }
                    let inner = Open::new(at, map);
                    let Some(slot) = chunk::<3>(raw.bytes, at) else {
                        break;
                    };
                    *slot = [tag, 0, 0];
                    if raw.open.push(inner).is_err() {
                        break;
                    }
                    level = inner;
                    at = at.wrapping_add(format::HEADER);
                    pos = from.wrapping_add(1);
                    state = if map {
                        State::KeyOrEnd
                    } else {
                        State::ValueOrEnd
                    };
                    continue;
                }
                b'}' | b']' => {
                    if byte == b']' && state == State::ValueOrEnd {
                        pos = from.wrapping_add(1);
                        (at, level) = close(raw, at, level);
                        state = State::Next;
                        if raw.open.len() <= floor {
                            break;
                        }
                        continue;
                    }
                    break;
                }
                _ => {
                    let four = text.get(from..).and_then(<[u8]>::first_chunk::<4>);
                    let (tag, len) = match four {
                        Some(b"true") => (format::TRUE, 4),
                        Some(b"null") => (format::NULL, 4),
                        Some(b"fals") if byte_at(text, from.wrapping_add(4)) == b'e' => {
                            (format::FALSE, 5)
                        }
                        _ => break,
                    };
                    if !put_byte(raw.bytes, at, tag) {
                        break;
                    }
                    at = at.wrapping_add(1);
                    pos = from.wrapping_add(len);
                }
            }
            state = State::Next;
            if raw.open.len() <= floor {
                break;
            }
        }
        if let Some(open) = raw.open.last_mut() {
            *open = level;
        } else if state == State::Next {
            state = State::Done;
        }
        raw.at = at;
        self.state = state;
        pos
    }
}

/// Ends the innermost container, `level`; returns where it ends and the container around it.
#[inline(always)]
fn close(raw: &mut Raw<'_>, at: usize, level: Open) -> (usize, Open) {
    let at = level.end(raw.bytes, at);
    raw.open.pop();
    (at, raw.open.last().copied().unwrap_or(Open::ROOT))
}

/// The first byte of the next token, whose place `pos` becomes; 0 if the text ends before.
#[inline(always)]
fn token(text: &[u8], pos: &mut usize) -> u8 {
    let byte = byte_at(text, *pos);
    if byte > b' ' {
        return byte;
    }
    space(text, pos)
}

/// Passes over white space, if there is any.
fn space(text: &[u8], pos: &mut usize) -> u8 {
    loop {
        let byte = byte_at(text, *pos);
        if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            return byte;
        }
        *pos = pos.wrapping_add(1);
    }
}

#[inline(always)]
fn byte_at(text: &[u8], at: usize) -> u8 {
    match text.get(at) {
        Some(byte) => *byte,
        None => 0,
    }
}

#[inline(always)]
fn chunk<const LEN: usize>(out: &mut [u8], at: usize) -> Option<&mut [u8; LEN]> {
    out.get_mut(at..).and_then(<[u8]>::first_chunk_mut)
}

#[inline(always)]
fn put_byte(out: &mut [u8], at: usize, byte: u8) -> bool {
    match out.get_mut(at) {
        Some(slot) => {
            *slot = byte;
            true
        }
        None => false,
    }
}

#[inline(always)]
fn low_byte(value: usize) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

/// Eight bytes of the text at `at`; behind its end, zeros.
#[inline(always)]
fn word(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(<[u8]>::first_chunk) {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => last_word(text, at),
    }
}

#[inline(never)]
fn last_word(text: &[u8], at: usize) -> u64 {
    let left = text.len().saturating_sub(at);
    match text.last_chunk() {
        Some(chunk) => {
            let gone = 8_u32.wrapping_sub(u32::try_from(left).unwrap_or(0));
            u64::from_le_bytes(*chunk)
                .checked_shr(gone.wrapping_mul(8))
                .unwrap_or(0)
        }
        None => {
            let rest = text.get(at..).unwrap_or_default();
            rest.iter()
                .rev()
                .fold(0, |word, byte| word.wrapping_shl(8) | u64::from(*byte))
        }
    }
}

/// Copies the string that begins at `start` to `at`, as far as its closing quotation mark. `None` if
/// that is not near, or if the string needs a closer look; up to eight bytes behind the copy are then
/// overwritten, and always.
#[inline(always)]
fn string(text: &[u8], start: usize, out: &mut [u8], at: usize, most: usize) -> Option<Scanned> {
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let first = word(text, start);
    let mut next = first;
    let mut len = 0;
    let mut high = 0;
    loop {
        *chunk(out, at.wrapping_add(len))? = next.to_le_bytes();
        let special = format::special_bytes(next);
        if special != 0 {
            let bits = special.trailing_zeros() & !7;
            high |= next & HIGHS & !(u64::MAX.wrapping_shl(bits));
            len = len.wrapping_add(usize::try_from(bits.wrapping_shr(3)).unwrap_or(0));
            break;
        }
        high |= next & HIGHS;
        len = len.wrapping_add(8);
        if len > most {
            return None;
        }
        next = word(text, start.wrapping_add(len));
    }
    let end = start.wrapping_add(len);
    if byte_at(text, end) != b'"' || len > most || (high != 0 && !is_utf8(text, start, end)) {
        return None;
    }
    Some(Scanned { len, word: first })
}

#[cold]
fn is_utf8(text: &[u8], start: usize, end: usize) -> bool {
    core::str::from_utf8(format::slice(text, start, end)).is_ok()
}

/// Whether the key just written at `at` is above the one at `entry`.
#[inline(always)]
fn is_above(out: &[u8], entry: usize, at: usize, key: &Scanned) -> bool {
    let before = usize::from(format::byte_at(out, entry));
    if before != key.len {
        // A long key starts with 255, which is more than any length.
        return before < key.len;
    }
    let unused = 64_usize.saturating_sub(key.len.wrapping_mul(8));
    let unused = u32::try_from(unused).unwrap_or(0);
    let first = |word: u64| word.swap_bytes().checked_shr(unused).unwrap_or(0);
    let (old, new) = (first(word(out, entry.wrapping_add(1))), first(key.word));
    if old != new || key.len <= 8 {
        return old < new;
    }
    same_length_order(out, entry, at) == Ordering::Less
}

#[inline(never)]
fn same_length_order(out: &[u8], entry: usize, at: usize) -> Ordering {
    format::key_bytes(out, entry).cmp(format::key_bytes(out, at))
}

/// Writes the number that begins at `pos` to `at`, if it has at most 18 digits and no exponent, and if
/// something follows it. Returns its encoded length; `pos` is then behind it.
#[inline(always)]
fn number(text: &[u8], pos: &mut usize, out: &mut [u8], at: usize) -> Option<usize> {
    let mut next = *pos;
    let mut byte = byte_at(text, next);
    let negative = byte == b'-';
    if negative {
        next = next.wrapping_add(1);
        byte = byte_at(text, next);
    }
    let start = next;
    let mut mantissa: u64 = 0;
    let mut digit = byte.wrapping_sub(b'0');
    let leading_zero = digit == 0;
    while digit < 10 {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        next = next.wrapping_add(1);
        byte = byte_at(text, next);
        digit = byte.wrapping_sub(b'0');
    }
    let whole = next.wrapping_sub(start);
    if whole == 0 || whole > 18 || (leading_zero && whole > 1) {
        return None;
    }
    let mut scale = 0;
    if byte == b'.' {
        let point = next;
        loop {
            next = next.wrapping_add(1);
            byte = byte_at(text, next);
            digit = byte.wrapping_sub(b'0');
            if digit >= 10 {
                break;
            }
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        scale = next.wrapping_sub(point).wrapping_sub(1);
        if scale == 0 || whole.wrapping_add(scale) > 18 {
            return None;
        }
        while scale > 0 && mantissa.wrapping_rem(10) == 0 {
            mantissa = mantissa.wrapping_div(10);
            scale = scale.wrapping_sub(1);
        }
    }
    if byte | 0x20 == b'e' || byte == 0 {
        return None;
    }
    *pos = next;
    let mantissa = if negative {
        mantissa.cast_signed().wrapping_neg()
    } else {
        mantissa.cast_signed()
    };
    let slot = chunk::<10>(out, at)?;
    let (tag, width) = if scale == 0 {
        if (0..64).contains(&mantissa) {
            let [low, ..] = mantissa.to_le_bytes();
            *slot.first_mut()? = low;
            return Some(1);
        }
        if i8::try_from(mantissa).is_ok() {
            (format::I8, 1)
        } else if i16::try_from(mantissa).is_ok() {
            (format::I16, 2)
        } else if i32::try_from(mantissa).is_ok() {
            (format::I32, 4)
        } else {
            (format::I64, 8)
        }
    } else if i16::try_from(mantissa).is_ok() {
        (format::D16, 2)
    } else if i32::try_from(mantissa).is_ok() {
        (format::D32, 4)
    } else {
        (format::D64, 8)
    };
    let [a, b, c, d, e, f, g, h] = mantissa.to_le_bytes();
    *slot = [tag, a, b, c, d, e, f, g, h, 0];
    let len = 1_usize.wrapping_add(width);
    if scale == 0 {
        return Some(len);
    }
    *slot.get_mut(len)? = low_byte(scale).wrapping_neg();
    Some(len.wrapping_add(1))
}
