//! Complete check of bytes that come from outside: flash, a database, a peer.

use core::cmp::Ordering;
use core::fmt;

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

/// An open container: where it ends and, for a map, the key before the next one.
#[derive(Clone, Copy)]
struct Open {
    end: usize,
    map: bool,
    /// Span of the last key; a map that has none yet has an end before its start.
    key: (usize, usize),
}

pub(super) fn validate(bytes: &[u8]) -> Result<(), FormatError> {
    let fail = |offset, reason| Err(FormatError { offset, reason });
    if bytes.len() > format::MAX_DOCUMENT {
        return fail(format::MAX_DOCUMENT, FormatReason::TooLong);
    }
    let mut open: heapless::Vec<Open, { format::MAX_DEPTH }> = heapless::Vec::new();
    let mut at = 0;
    loop {
        let end = open.last().map_or(bytes.len(), |level| level.end);
        if let Some(level) = open.last_mut().filter(|level| level.map && at < end) {
            let (start, stop) = key(bytes, at, end)?;
            let last = (level.key.0 <= level.key.1)
                .then(|| format::slice(bytes, level.key.0, level.key.1));
            let this = format::slice(bytes, start, stop);
            if last.is_some_and(|last| format::key_order(last, this) != Ordering::Less) {
                return fail(at, FormatReason::KeyOrder);
            }
            level.key = (start, stop);
            at = stop;
        }
        let tag = format::byte_at(bytes, at);
        if at >= end {
            return fail(at, FormatReason::Truncated);
        }
        let next = at.saturating_add(format::value_len(bytes, at));
        if next > end || (tag >= format::STRING && at.saturating_add(format::HEADER) > end) {
            return fail(at, FormatReason::Truncated);
        }
        match tag {
            format::ARRAY | format::MAP => {
                let level = Open {
                    end: next,
                    map: tag == format::MAP,
                    key: (1, 0),
                };
                if open.push(level).is_err() {
                    return fail(at, FormatReason::TooDeep);
                }
                at = at.saturating_add(format::HEADER);
            }
            _ => {
                scalar(format::slice(bytes, at, next))
                    .map_err(|reason| FormatError { offset: at, reason })?;
                at = next;
            }
        }
        while open.last().is_some_and(|level| level.end == at) {
            open.pop();
        }
        if open.is_empty() {
            break;
        }
    }
    if at == bytes.len() {
        Ok(())
    } else {
        fail(at, FormatReason::Trailing)
    }
}

/// Checks the key of the entry at `at` and returns its span.
fn key(bytes: &[u8], at: usize, end: usize) -> Result<(usize, usize), FormatError> {
    let fail = |reason| Err(FormatError { offset: at, reason });
    let (start, stop) = format::key_span(bytes, at);
    if stop >= end {
        return fail(FormatReason::Truncated);
    }
    let text = format::slice(bytes, start, stop);
    if core::str::from_utf8(text).is_err() {
        return fail(FormatReason::Text);
    }
    let long = format::byte_at(bytes, at) == format::LONG_KEY;
    if long != (text.len() == format::MAX_KEY || format::needs_escape(text)) {
        return fail(FormatReason::NotCanonical);
    }
    Ok((start, stop))
}

/// Checks one scalar, given exactly.
fn scalar(value: &[u8]) -> Result<(), FormatReason> {
    let text = |from: usize| {
        let text = value.get(from..).unwrap_or_default();
        match core::str::from_utf8(text) {
            Ok(_) => Ok((text.len(), format::needs_escape(text))),
            Err(_) => Err(FormatReason::Text),
        }
    };
    let canonical = match format::byte_at(value, 0) {
        format::SHORT_STRING..format::SHORT_STRING_END => !text(1)?.1,
        format::STRING => {
            let (len, escape) = text(format::HEADER)?;
            len > format::MAX_SHORT_STRING && !escape
        }
        format::ESCAPED_STRING => text(format::HEADER)?.1,
        0..format::SMALL_INT_END | format::NULL | format::FALSE | format::TRUE => true,
        format::I8..=format::D64 => {
            let number = read_number(value);
            Number::new(number.mantissa(), i32::from(number.exponent()))
                .is_ok_and(|canonical| Encoded::number(canonical).as_slice() == value)
        }
        _ => return Err(FormatReason::UnknownTag),
    };
    if canonical {
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
