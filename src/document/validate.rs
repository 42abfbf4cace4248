//! Complete check of bytes that come from outside: flash, a database, a peer.

use core::cmp::Ordering;
use core::fmt;

use super::edit;
use super::format;
use super::number::Number;
use super::value::{Encoded, read_number};
use crate::error::CapacityError;

/// Why bytes are not a canonical document, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct FormatError {
    /// Offset of the offending byte or value.
    pub offset: usize,
    /// What is wrong there.
    pub reason: FormatReason,
}

/// What is wrong with bytes that are not a canonical document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FormatReason {
    /// A value reaches beyond its container or the end.
    Truncated,
    /// Bytes follow the document.
    Trailing,
    /// No value starts with this byte.
    UnknownTag,
    /// A value is not in its one canonical encoding.
    NotCanonical,
    /// A key is not above the key before it.
    KeyOrder,
    /// Text is not UTF-8.
    Text,
    /// Containers are nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// The document is longer than the buffer or than [`MAX_DOCUMENT`](super::MAX_DOCUMENT).
    TooLong,
}

impl FormatError {
    pub(super) const fn too_long(error: CapacityError) -> Self {
        Self {
            offset: error.capacity,
            reason: FormatReason::TooLong,
        }
    }
}

/// An open container: where it ends and, for a map, where its last entry begins (0 if it has none yet).
#[derive(Clone, Copy)]
struct Open {
    end: usize,
    map: bool,
    entry: usize,
}

pub(super) fn validate(bytes: &[u8]) -> Result<(), FormatError> {
    let mut at = 0;
    check(bytes, &mut at).map_err(|reason| FormatError { offset: at, reason })
}

/// Checks all of `bytes`; `place` is then where the check stopped.
fn check(bytes: &[u8], place: &mut usize) -> Result<(), FormatReason> {
    if bytes.len() > format::MAX_DOCUMENT {
        *place = format::MAX_DOCUMENT;
        return Err(FormatReason::TooLong);
    }
    let mut open: heapless::Vec<Open, { format::MAX_DEPTH }> = heapless::Vec::new();
    let mut at = 0;
    loop {
        *place = at;
        let mut end = bytes.len();
        if let Some(level) = open.last_mut() {
            end = level.end;
            if level.map && at < end {
                at = key(bytes, level.entry, at, end)?;
                level.entry = *place;
                *place = at;
            }
        }
        let tag = format::byte_at(bytes, at);
        let inside = at.wrapping_add(format::HEADER);
        let next = format::value_end(bytes, at);
        if at >= end || next > end || (tag >= format::STRING && inside > end) {
            return Err(FormatReason::Truncated);
        }
        at = next;
        if matches!(tag, format::ARRAY | format::MAP) {
            let level = Open {
                end: next,
                map: tag == format::MAP,
                entry: 0,
            };
            if open.push(level).is_err() {
                return Err(FormatReason::TooDeep);
            }
            at = inside;
        } else {
            scalar(format::slice(bytes, *place, next))?;
        }
        while open.last().is_some_and(|level| level.end == at) {
            open.pop();
        }
        if open.is_empty() {
            break;
        }
    }
    *place = at;
    if at == bytes.len() {
        Ok(())
    } else {
        Err(FormatReason::Trailing)
    }
}

/// Checks the key of the entry at `at`, which follows the one at `last`, and returns where it ends.
fn key(bytes: &[u8], last: usize, at: usize, end: usize) -> Result<usize, FormatReason> {
    let (start, stop) = format::key_span(bytes, at);
    if stop >= end {
        return Err(FormatReason::Truncated);
    }
    let text = format::slice(bytes, start, stop);
    if core::str::from_utf8(text).is_err() {
        return Err(FormatReason::Text);
    }
    let long = format::byte_at(bytes, at) == format::LONG_KEY;
    if long != edit::is_long_key(text) {
        return Err(FormatReason::NotCanonical);
    }
    if last != 0 && format::key_order(format::key_bytes(bytes, last), text) != Ordering::Less {
        return Err(FormatReason::KeyOrder);
    }
    Ok(stop)
}

/// Checks one scalar, given exactly.
fn scalar(value: &[u8]) -> Result<(), FormatReason> {
    let tag = format::byte_at(value, 0);
    let header = match tag {
        0..format::SMALL_INT_END | format::NULL | format::FALSE | format::TRUE => return Ok(()),
        format::I8..=format::D64 => {
            let number = read_number(value);
            let canonical = Number::new(number.mantissa(), i32::from(number.exponent()));
            return match canonical {
                Ok(number) if Encoded::number(number).as_slice() == value => Ok(()),
                _ => Err(FormatReason::NotCanonical),
            };
        }
        format::SHORT_STRING..format::SHORT_STRING_END => 1,
        format::STRING | format::ESCAPED_STRING => format::HEADER,
        _ => return Err(FormatReason::UnknownTag),
    };
    let text = value.get(header..).unwrap_or_default();
    if core::str::from_utf8(text).is_err() {
        return Err(FormatReason::Text);
    }
    if edit::string_tag(text.len(), format::needs_escape(text)) == tag {
        Ok(())
    } else {
        Err(FormatReason::NotCanonical)
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.reason)
    }
}

impl fmt::Display for FormatReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "value reaches beyond its end",
            Self::Trailing => "bytes follow the document",
            Self::UnknownTag => "no value starts with this byte",
            Self::NotCanonical => "value is not in canonical form",
            Self::KeyOrder => "key is not above the key before it",
            Self::Text => "text is not UTF-8",
            Self::TooDeep => "nested too deep",
            Self::TooLong => "document is too long",
        })
    }
}

impl core::error::Error for FormatError {}
