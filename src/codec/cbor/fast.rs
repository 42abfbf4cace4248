//! The paved path of the reader on 64-bit targets: whole, ordinary data items, eight bytes at a time.
//!
//! [`Reader::fast`] reads as many data items as it can and stops in front of the first one that is cut,
//! long, not ASCII, tagged otherwise than as a decimal fraction, out of bounds or wrong; the state
//! machine in [`super::reader`] then reads that one. So this file refuses nothing and reports nothing:
//! **what it builds is what the state machine would have built**, and a property test holds them
//! against each other.

use super::level::Level;
use super::number;
use super::reader::Reader;
use crate::document::MAX_KEY;
use crate::document::Number;
use crate::document::format;
use crate::document::raw::{Listed, Open};
use crate::document::value::Encoded;

const BREAK: u8 = 0xFF;

impl Reader<'_> {
    /// Reads whole items from the front of `bytes`; returns how many bytes they took, and whether the
    /// item is complete that began this deep.
    #[inline(never)]
    pub(super) fn fast(&mut self, bytes: &[u8]) -> (usize, bool) {
        let out = &mut *self.raw.bytes;
        let open = &mut self.raw.open;
        let levels = &mut self.levels;
        // Below this depth the reader looks at each name.
        let floor = self.selects.len();
        // The keys of all maps that began here.
        let mut listed = Listed::new();
        for level in open.iter_mut() {
            level.unlist();
        }
        let mut inner = open.last().copied().unwrap_or(Open::ROOT);
        let mut left = levels.last().copied().unwrap_or(Level::ROOT);
        // `rest` and `at` stand behind the last whole item.
        let mut rest = bytes;
        let mut at = self.raw.at;
        let mut complete = false;
        'items: while let Some(Head {
            initial,
            argument,
            rest: behind,
        }) = head(rest)
        {
            let len = usize::try_from(argument).unwrap_or(usize::MAX);
            if left.expects_key() && initial != BREAK {
                if !matches!(initial, 0x60..=0x7E) || len >= MAX_KEY {
                    break;
                }
                let Some((first, behind)) = text(behind, len, 0, out, at) else {
                    break;
                };
                inner.enter(out, at, len, first, &mut listed);
                at = at.wrapping_add(1).wrapping_add(len);
                rest = behind;
                // A key is never the last.
                left.step();
                continue;
            }
            match initial {
                0..0x18 => {
                    let Some(slot) = out.get_mut(at) else {
                        break;
                    };
                    *slot = initial;
                    at = at.wrapping_add(1);
                    rest = behind;
                }
                0x60..=0x7E => {
                    let mark = format::SHORT_STRING;
                    if len > format::MAX_SHORT_STRING {
                        break;
                    }
                    let Some((_, behind)) = text(behind, len, mark, out, at) else {
                        break;
                    };
                    at = at.wrapping_add(1).wrapping_add(len);
                    rest = behind;
                }
                0x80..0xC0 => {
                    let map = initial & 0x20 != 0;
                    let indefinite = initial & 0x1F == 0x1F;
                    let level = Level::new(map, (!indefinite).then_some(argument));
                    let (Some(level), Some(slot)) = (level, chunk::<3>(out, at)) else {
                        break;
                    };
                    if open.is_full() {
                        break;
                    }
                    *slot = [if map { format::MAP } else { format::ARRAY }, 0, 0];
                    rest = behind;
                    if !level.is_complete() {
                        if let (Some(around), Some(count)) = (open.last_mut(), levels.last_mut()) {
                            (*around, *count) = (inner, left);
                        }
                        (inner, left) = (Open::listed(at, map, &listed), level);
                        let _ = open.push(inner);
                        let _ = levels.push(left);
                        at = at.wrapping_add(format::HEADER);
                        continue;
                    }
                    at = at.wrapping_add(format::HEADER);
                }
                BREAK => {
                    if levels.len() <= floor || !left.may_break() {
                        break;
                    }
                    rest = behind;
                    at = inner.end_listed(out, at, &mut listed);
                    open.pop();
                    levels.pop();
                    inner = open.last().copied().unwrap_or(Open::ROOT);
                    left = levels.last().copied().unwrap_or(Level::ROOT);
                }
                _ => {
                    let Some((encoded, behind)) = scalar(initial, argument, behind) else {
                        break;
                    };
                    let Some(slot) = chunk(out, at) else {
                        break;
                    };
                    let len;
                    (*slot, len) = encoded.padded();
                    at = at.wrapping_add(len);
                    rest = behind;
                }
            }
            // Behind a value: all containers that end here.
            loop {
                if levels.len() <= floor {
                    complete = true;
                    break 'items;
                }
                if !left.step() {
                    break;
                }
                at = inner.end_listed(out, at, &mut listed);
                open.pop();
                levels.pop();
                inner = open.last().copied().unwrap_or(Open::ROOT);
                left = levels.last().copied().unwrap_or(Level::ROOT);
            }
        }
        if let (Some(innermost), Some(count)) = (open.last_mut(), levels.last_mut()) {
            (*innermost, *count) = (inner, left);
        }
        self.raw.at = at;
        (bytes.len().wrapping_sub(rest.len()), complete)
    }
}

/// The head of an item; the argument of an indefinite one is of no use.
struct Head<'b> {
    initial: u8,
    argument: u64,
    rest: &'b [u8],
}

#[inline(always)]
fn head(bytes: &[u8]) -> Option<Head<'_>> {
    let (initial, rest) = bytes.split_first()?;
    let (argument, rest) = match initial & 0x1F {
        24 => {
            let (byte, rest) = rest.split_first()?;
            (u64::from(*byte), rest)
        }
        25 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            (u64::from(u16::from_be_bytes(*bytes)), rest)
        }
        26 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            (u64::from(u32::from_be_bytes(*bytes)), rest)
        }
        27 => {
            let (bytes, rest) = rest.split_first_chunk()?;
            (u64::from_be_bytes(*bytes), rest)
        }
        info @ (0..24 | 31) => (u64::from(info), rest),
        _ => return None,
    };
    Some(Head {
        initial: *initial,
        argument,
        rest,
    })
}

/// An integer, as its argument and a sign, if it fits.
#[inline(always)]
fn integer(head: &Head<'_>) -> Option<i64> {
    let value = i64::try_from(head.argument).ok()?;
    match head.initial {
        0..0x1C => Some(value),
        0x20..0x3C => Some(!value),
        _ => None,
    }
}

/// A number or a simple value, and what is behind it; `rest` is what is behind its head.
#[inline(always)]
fn scalar(initial: u8, argument: u64, rest: &[u8]) -> Option<(Encoded, &[u8])> {
    let number = match initial {
        0..0x40 => Number::from(integer(&Head {
            initial,
            argument,
            rest,
        })?),
        0xF4 => return Some((Encoded::tag(format::FALSE), rest)),
        0xF5 => return Some((Encoded::tag(format::TRUE), rest)),
        0xF6 => return Some((Encoded::tag(format::NULL), rest)),
        0xF9..0xFC => number::float(initial & 0x1F, argument).ok()?,
        0xC4 => {
            let (0x82, rest) = rest.split_first().map(|(byte, rest)| (*byte, rest))? else {
                return None;
            };
            let exponent = head(rest)?;
            let mantissa = head(exponent.rest)?;
            let power = i32::try_from(integer(&exponent)?).ok()?;
            let number = Number::new(integer(&mantissa)?, power).ok()?;
            return Some((Encoded::number(number), mantissa.rest));
        }
        _ => return None,
    };
    Some((Encoded::number(number), rest))
}

#[inline(always)]
fn chunk<const LEN: usize>(out: &mut [u8], at: usize) -> Option<&mut [u8; LEN]> {
    out.get_mut(at..).and_then(<[u8]>::first_chunk_mut)
}

/// Copies the first `len` bytes of `bytes` behind a byte for `mark` and the length at `at`: returns the
/// first eight of them, zeros behind their end, and what is behind. `None` if they are cut, not ASCII,
/// or hold what JSON must escape.
///
/// Up to seven bytes behind the copy are overwritten.
#[inline(always)]
fn text<'b>(
    bytes: &'b [u8],
    len: usize,
    mark: u8,
    out: &mut [u8],
    at: usize,
) -> Option<(u64, &'b [u8])> {
    let (source, rest) = bytes.split_at_checked(len)?;
    let (header, mut slots) = out.get_mut(at..)?.split_first_mut()?;
    let mut first = None;
    let mut tail = bytes;
    let mut left = source.len();
    while left > 0 || first.is_none() {
        let word = match tail.first_chunk() {
            Some(chunk) => u64::from_le_bytes(*chunk),
            None => last_word(tail),
        };
        let mask = MASKS.get(left).copied().unwrap_or(u64::MAX);
        let word = word & mask;
        if (format::special_bytes(word) | word) & mask & 0x8080_8080_8080_8080 != 0 {
            return None;
        }
        let (slot, behind) = slots.split_first_chunk_mut::<8>()?;
        *slot = word.to_le_bytes();
        slots = behind;
        first = first.or(Some(word));
        tail = tail.get(8..).unwrap_or_default();
        left = left.saturating_sub(8);
    }
    let [low, ..] = len.to_le_bytes();
    *header = mark | low;
    Some((first.unwrap_or_default(), rest))
}

/// Fewer than eight bytes, zeros behind them.
#[inline(never)]
fn last_word(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |word, byte| word.wrapping_shl(8) | u64::from(*byte))
}

/// The bytes of a word that belong to a text of so many bytes.
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
