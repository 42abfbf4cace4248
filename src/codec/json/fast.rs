//! The paved path of the reader on 64-bit targets: whole, ordinary tokens, eight bytes at a time.
//!
//! [`Reader::fast`] reads as many tokens as it can and stops in front of the first one that is cut,
//! escaped, long, out of bounds or wrong; the state machine in [`super::reader`] then reads that one.
//! So this file refuses nothing and reports nothing: **what it builds is what the state machine would
//! have built**, and a property test holds them against each other.

use super::error::ReadError;
use super::reader::{Reader, State};
use crate::document::DocumentMut;
use crate::document::format;
use crate::document::raw::{Listed, Open, Raw};

/// Why the paved path ended in front of a token.
enum Stop {
    /// In front of a key, or of the end of an object without members.
    Key,
    /// In front of a value, or of the end of an array without items.
    Value,
    /// Behind a value.
    Next,
}

impl Reader<'_> {
    /// Reads whole tokens from the front of `text` and returns how many bytes they took.
    ///
    /// The next value, or the container around this place, is stored whole.
    #[inline(always)]
    pub(super) fn fast(&mut self, text: &[u8]) -> usize {
        // Below this depth the reader has to look at each name.
        let (used, state) = tokens(&mut self.raw, self.state, self.selects.len(), text);
        self.state = state;
        used
    }
}

/// Reads a whole text; the state machine is only set up where the paved path ends before the text.
pub(super) fn read(text: &[u8], document: DocumentMut<'_>) -> Result<(), ReadError> {
    let mut raw = Raw::new(document);
    let (used, state) = tokens(&mut raw, State::Value, 0, text);
    if state == State::Done && used == text.len() {
        raw.finish();
        return Ok(());
    }
    go_on(raw, used, state, text)
}

#[cold]
#[inline(never)]
fn go_on(raw: Raw<'_>, used: usize, state: State, text: &[u8]) -> Result<(), ReadError> {
    let mut reader = Reader::resume(raw, used, state);
    reader.feed(text.get(used..).unwrap_or_default())?;
    reader.finish()
}

/// See [`Reader::fast`]; below the depth `floor` nothing is read. Returns also the state behind it.
#[inline(never)]
pub(super) fn tokens(raw: &mut Raw<'_>, state: State, floor: usize, text: &[u8]) -> (usize, State) {
    let out = &mut *raw.bytes;
    let open = &mut raw.open;
    // The keys of all maps that began here.
    let mut listed = Listed::new();
    for level in open.iter_mut() {
        level.unlist();
    }
    let mut level = open.last().copied().unwrap_or(Open::ROOT);
    // `rest` and `at` stand behind the last whole token.
    let mut rest = text;
    let mut at = raw.at;
    let mut keyed = matches!(state, State::Key | State::KeyOrEnd);
    let mut complete = state == State::Next;
    let stop = 'all: loop {
        'value: {
            if complete {
                break 'value;
            }
            if keyed {
                let (byte, next) = token(rest);
                if byte != b'"' {
                    // An empty map is complete, and its end is next.
                    if byte == b'}' && level.is_empty(at) {
                        break 'value;
                    }
                    break 'all Stop::Key;
                }
                let Some(Copied {
                    len,
                    head,
                    rest: next,
                }) = string(next, out, at, 0, 254)
                else {
                    break 'all Stop::Key;
                };
                rest = match next.split_first() {
                    Some((b':', after)) => after,
                    _ => match token(next) {
                        (b':', after) => after,
                        _ => break 'all Stop::Key,
                    },
                };
                level.enter(out, at, len, head, &mut listed);
                at = at.wrapping_add(1).wrapping_add(len);
            }
            let (byte, mut next) = token(rest);
            match byte {
                b'"' => {
                    const MARK: u8 = format::SHORT_STRING;
                    const MOST: usize = format::MAX_SHORT_STRING;
                    if let Some(copied) = string(next, out, at, MARK, MOST) {
                        at = at.wrapping_add(1).wrapping_add(copied.len);
                        next = copied.rest;
                    } else if let Some((len, behind)) = wide_string(next, out, at) {
                        at = at.wrapping_add(len);
                        next = behind;
                    } else {
                        break 'all Stop::Value;
                    }
                }
                b'{' | b'[' => {
                    let map = byte == b'{';
                    let Some(slot) = chunk::<3>(out, at) else {
                        break 'all Stop::Value;
                    };
                    *slot = [if map { format::MAP } else { format::ARRAY }, 0, 0];
                    if open.is_full() {
                        break 'all Stop::Value;
                    }
                    if let Some(around) = open.last_mut() {
                        *around = level;
                    }
                    level = Open::listed(at, map, &listed);
                    let _ = open.push(level);
                    at = at.wrapping_add(format::HEADER);
                    rest = next;
                    keyed = map;
                    continue 'all;
                }
                b'0'..=b'9' | b'-' => {
                    let Some((len, behind)) = number(byte, next, out, at) else {
                        break 'all Stop::Value;
                    };
                    next = behind;
                    at = at.wrapping_add(len);
                }
                // An empty array is complete, and its end is next.
                b']' if !level.map && level.is_empty(at) => break 'value,
                _ => {
                    let (tag, tail) = match byte {
                        b't' => (format::TRUE, &b"rue"[..]),
                        b'f' => (format::FALSE, &b"alse"[..]),
                        b'n' => (format::NULL, &b"ull"[..]),
                        _ => break 'all Stop::Value,
                    };
                    let (Some(slot), Some(after)) = (out.get_mut(at), next.strip_prefix(tail))
                    else {
                        break 'all Stop::Value;
                    };
                    *slot = tag;
                    at = at.wrapping_add(1);
                    next = after;
                }
            }
            rest = next;
            if open.len() <= floor {
                break 'all Stop::Next;
            }
        }
        // Behind a value: all containers that end here, and the comma.
        loop {
            let (byte, next) = token(rest);
            if byte == b',' {
                rest = next;
                keyed = level.map;
                complete = false;
                break;
            }
            if byte != if level.map { b'}' } else { b']' } {
                break 'all Stop::Next;
            }
            rest = next;
            at = level.end_listed(out, at, &mut listed);
            open.pop();
            level = open.last().copied().unwrap_or(Open::ROOT);
            if open.len() <= floor {
                break 'all Stop::Next;
            }
        }
    };
    let empty = level.is_empty(at);
    let state = match (stop, open.last_mut()) {
        (Stop::Next, None) => State::Done,
        (_, None) => State::Value,
        (stop, Some(innermost)) => {
            *innermost = level;
            match stop {
                Stop::Next => State::Next,
                Stop::Key if empty => State::KeyOrEnd,
                Stop::Key => State::Key,
                Stop::Value if empty && !level.map => State::ValueOrEnd,
                Stop::Value => State::Value,
            }
        }
    };
    raw.at = at;
    (text.len().wrapping_sub(rest.len()), state)
}

/// The first byte of the next token and what is behind it; 0 if the text ends before.
#[inline(always)]
fn token(rest: &[u8]) -> (u8, &[u8]) {
    match rest.split_first() {
        Some((byte, after)) if *byte > b' ' => (*byte, after),
        _ => behind_space(rest),
    }
}

/// As [`token`], for what begins with white space.
#[inline(never)]
fn behind_space(mut rest: &[u8]) -> (u8, &[u8]) {
    while let Some((byte, after)) = rest.split_first() {
        if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
            return (*byte, after);
        }
        rest = after;
    }
    (0, rest)
}

#[inline(always)]
fn chunk<const LEN: usize>(out: &mut [u8], at: usize) -> Option<&mut [u8; LEN]> {
    out.get_mut(at..).and_then(<[u8]>::first_chunk_mut)
}

#[inline(always)]
fn low_byte(value: usize) -> u8 {
    let [low, ..] = value.to_le_bytes();
    low
}

/// The first eight bytes; behind the end, zeros.
#[inline(always)]
fn word(rest: &[u8]) -> u64 {
    match rest.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => last_word(rest),
    }
}

#[inline(never)]
fn last_word(rest: &[u8]) -> u64 {
    let four = |bytes: &[u8]| bytes.first_chunk().map(|chunk| u32::from_le_bytes(*chunk));
    match (four(rest), rest.last_chunk()) {
        (Some(low), Some(high)) => {
            // The two halves overlap; the high one is shifted to where it belongs.
            let gap = u32::try_from(rest.len()).unwrap_or(0).wrapping_sub(4);
            let high = u64::from(u32::from_le_bytes(*high));
            u64::from(low) | high.wrapping_shl(gap.wrapping_mul(8))
        }
        _ => rest
            .iter()
            .rev()
            .fold(0, |word, byte| word.wrapping_shl(8) | u64::from(*byte)),
    }
}

/// A string that was copied.
struct Copied<'t> {
    len: usize,
    /// Its first seven bytes at least, the first one lowest; zeros behind its end.
    head: u64,
    /// What is behind its closing quotation mark.
    rest: &'t [u8],
}

/// Copies a string up to its closing quotation mark, behind a byte for `mark` and its length at `at`.
/// `None` if the end is not near, or if the string needs a closer look.
///
/// Up to eight bytes behind the copy are overwritten, always.
#[inline(always)]
fn string<'t>(
    text: &'t [u8],
    out: &mut [u8],
    at: usize,
    mark: u8,
    most: usize,
) -> Option<Copied<'t>> {
    let first = word(text);
    let [header, slot @ ..] = chunk::<9>(out, at)?;
    *slot = first.to_le_bytes();
    let special = stops(first);
    if special != 0 {
        let len = offset(special);
        if let Some((b'"', rest)) = text.get(len..).and_then(<[u8]>::split_first) {
            *header = mark | low_byte(len);
            // The lowest mark, and all below it, is what is not above the end.
            let below = (special ^ special.wrapping_sub(1)).wrapping_shr(8);
            return Some(Copied {
                len,
                head: first & below,
                rest,
            });
        }
    }
    long_string(text, out, at, mark, most, special)
}

/// As [`string`], for what does not end within eight bytes.
#[inline(always)]
fn long_string<'t>(
    text: &'t [u8],
    out: &mut [u8],
    at: usize,
    mark: u8,
    most: usize,
    special: u64,
) -> Option<Copied<'t>> {
    let (header, mut room) = out.get_mut(at..)?.split_first_mut()?;
    let mut tail = text;
    let mut special = special;
    while special == 0 {
        tail = tail.get(8..)?;
        room = room.get_mut(8..)?;
        let next = word(tail);
        *room.first_chunk_mut()? = next.to_le_bytes();
        special = stops(next);
    }
    let rest = tail.get(offset(special)..)?;
    let len = text.len().wrapping_sub(rest.len());
    let (quote, rest) = rest.split_first()?;
    if *quote != b'"' {
        return beyond_ascii(text, out, at, mark, most);
    }
    if len > most {
        return None;
    }
    *header = mark | low_byte(len);
    Some(Copied {
        len,
        head: word(text),
        rest,
    })
}

/// Which of eight bytes a mask marks first.
#[inline(always)]
fn offset(special: u64) -> usize {
    usize::try_from(special.trailing_zeros().wrapping_shr(3)).unwrap_or(0)
}

/// The high bit of each byte that ends a run of plain ASCII; exact up to and including the lowest.
#[inline(always)]
pub(super) const fn stops(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    // Without bit 1 a quotation mark stands right behind the control characters, which stay below it.
    let control_or_quote = (word ^ ONES.wrapping_mul(0x02)).wrapping_sub(ONES.wrapping_mul(0x21));
    let backslash = (word ^ ONES.wrapping_mul(0x5C)).wrapping_sub(ONES);
    (control_or_quote | backslash | word) & HIGHS
}

/// As [`string`], for what is not ASCII.
#[cold]
#[inline(never)]
fn beyond_ascii<'t>(
    text: &'t [u8],
    out: &mut [u8],
    at: usize,
    mark: u8,
    most: usize,
) -> Option<Copied<'t>> {
    let len = text
        .iter()
        .take(most.wrapping_add(1))
        .position(|byte| *byte < 0x20 || matches!(byte, b'"' | b'\\'))?;
    let (text, after) = text.split_at_checked(len)?;
    let (quote, rest) = after.split_first()?;
    if *quote != b'"' || core::str::from_utf8(text).is_err() {
        return None;
    }
    let (header, room) = out.get_mut(at..)?.split_first_mut()?;
    for (slot, byte) in room.get_mut(..len)?.iter_mut().zip(text) {
        *slot = *byte;
    }
    *header = mark | low_byte(len);
    Some(Copied {
        len,
        head: word(text.get(..len)?),
        rest,
    })
}

/// Copies a value that is too long for [`string`] or holds escapes of two characters, with its header.
/// Returns its encoded length and what is behind it.
#[cold]
#[inline(never)]
fn wide_string<'t>(text: &'t [u8], out: &mut [u8], at: usize) -> Option<(usize, &'t [u8])> {
    let (header, room) = out
        .get_mut(at..)?
        .split_first_chunk_mut::<{ format::HEADER }>()?;
    let mut rest = text;
    let mut len: usize = 0;
    let mut escape = false;
    loop {
        let word = word(rest);
        let plain = match stops(word) {
            0 => 8,
            special => offset(special),
        };
        *room.get_mut(len..)?.first_chunk_mut()? = word.to_le_bytes();
        len = len.wrapping_add(plain);
        rest = rest.get(plain..)?;
        if plain == 8 {
            continue;
        }
        let (byte, after) = rest.split_first()?;
        rest = after;
        let stored = match byte {
            b'"' => break,
            b'\\' => {
                let (letter, after) = rest.split_first()?;
                rest = after;
                escape = true;
                match letter {
                    b'"' | b'\\' => *letter,
                    b'b' => 0x08,
                    b'f' => 0x0C,
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    _ => return None,
                }
            }
            0..0x20 => return None,
            _ => *byte,
        };
        *room.get_mut(len)? = stored;
        len = len.wrapping_add(1);
    }
    let tag = match escape {
        true => format::ESCAPED_STRING,
        false if len > format::MAX_SHORT_STRING => format::STRING,
        false => return None,
    };
    core::str::from_utf8(room.get(..len)?).ok()?;
    let [low, high] = format::short(len).to_le_bytes();
    *header = [tag, low, high];
    Some((len.wrapping_add(format::HEADER), rest))
}

/// The value of up to eight decimal digits, the first one lowest.
#[inline(always)]
fn eight_digits(digits: u64) -> u64 {
    const PAIR: u64 = 0x0000_00FF_0000_00FF;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits.wrapping_shr(8));
    let high = (pairs & PAIR).wrapping_mul(0x000F_4240_0000_0064);
    let low = (pairs.wrapping_shr(16) & PAIR).wrapping_mul(0x0000_2710_0000_0001);
    high.wrapping_add(low).wrapping_shr(32)
}

/// How many of eight bytes are decimal digits before the first that is not, and their values.
#[inline(always)]
fn digits(word: u64) -> (usize, u64) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let values = word ^ ONES.wrapping_mul(0x30);
    let other = (values.wrapping_add(ONES.wrapping_mul(0x76)) | values) & ONES.wrapping_mul(0x80);
    match other {
        0 => (8, values),
        _ => (offset(other), values),
    }
}

/// Powers of ten.
static POWERS: [u64; 9] = [
    1,
    10,
    100,
    1_000,
    10_000,
    100_000,
    1_000_000,
    10_000_000,
    100_000_000,
];

/// Writes the number that begins with `byte` and goes on in `rest` to `at`, if it has at most 18 digits
/// and no exponent, and if something follows it. Returns its encoded length and what is behind it.
#[inline(always)]
fn number<'t>(byte: u8, rest: &'t [u8], out: &mut [u8], at: usize) -> Option<(usize, &'t [u8])> {
    let mut tail = rest;
    let mut byte = byte;
    let take = |tail: &mut &[u8]| {
        let (byte, after) = tail.split_first()?;
        *tail = after;
        Some(*byte)
    };
    let negative = byte == b'-';
    if negative {
        byte = take(&mut tail)?;
    }
    let start = tail.len();
    let mut mantissa: u64 = 0;
    let mut digit = byte.wrapping_sub(b'0');
    let zero = digit == 0;
    if digit < 10
        && let Some(chunk) = tail.first_chunk()
        && let (more, values) = digits(u64::from_le_bytes(*chunk))
        && more > 2
        && let Some(power) = POWERS.get(more)
    {
        let unused = u32::try_from(64_usize.wrapping_sub(more.wrapping_mul(8))).unwrap_or(0);
        mantissa = u64::from(digit)
            .wrapping_mul(*power)
            .wrapping_add(eight_digits(values.wrapping_shl(unused)));
        tail = tail.get(more..)?;
        byte = take(&mut tail)?;
        digit = byte.wrapping_sub(b'0');
    }
    while digit < 10 {
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        byte = take(&mut tail)?;
        digit = byte.wrapping_sub(b'0');
    }
    let whole = start.wrapping_sub(tail.len());
    if whole.wrapping_sub(1) >= 18 || (zero && whole > 1) {
        return None;
    }
    let mut scale = 0;
    if byte == b'.' {
        let point = tail.len();
        loop {
            byte = take(&mut tail)?;
            digit = byte.wrapping_sub(b'0');
            if digit >= 10 {
                break;
            }
            mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        }
        scale = point.wrapping_sub(tail.len()).wrapping_sub(1);
        if scale == 0 || whole.wrapping_add(scale) > 18 {
            return None;
        }
        while scale > 0 && mantissa.wrapping_rem(10) == 0 {
            mantissa = mantissa.wrapping_div(10);
            scale = scale.wrapping_sub(1);
        }
    }
    if byte | 0x20 == b'e' {
        return None;
    }
    // The byte behind the number is not part of it.
    let rest = rest.get(rest.len().wrapping_sub(tail.len()).wrapping_sub(1)..)?;
    let mantissa = if negative {
        mantissa.cast_signed().wrapping_neg()
    } else {
        mantissa.cast_signed()
    };
    let slot = chunk::<10>(out, at)?;
    let (tag, width) = if scale == 0 {
        if (0..64).contains(&mantissa) {
            let [low, ..] = mantissa.to_le_bytes();
            let [first, ..] = slot;
            *first = low;
            return Some((1, rest));
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
    let len = usize::wrapping_add(width, 1);
    if scale == 0 {
        return Some((len, rest));
    }
    *slot.get_mut(len)? = low_byte(scale).wrapping_neg();
    Some((len.wrapping_add(1), rest))
}
