//! Why a JSON text was refused, and where.

use core::fmt;

use crate::document::NumberError;
use crate::error::CapacityError;

/// Why a JSON text cannot be read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReadError {
    /// Offset in bytes from the start of the whole text, over all its pieces: of the first byte that
    /// cannot stand there, of the end if bytes are missing, or of the start of a number that is out of
    /// bounds.
    pub offset: usize,
    /// What is wrong there.
    pub reason: ReadReason,
}

/// What is wrong with a JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ReadReason {
    /// Something else must stand here (RFC 8259 §2).
    Expected(Expected),
    /// The text ends in the middle of a value, or before it.
    UnexpectedEnd,
    /// The value is complete, and something follows it.
    Trailing,
    /// No escape is written like this (§7).
    BadEscape,
    /// Half a surrogate pair stands alone (§8.2).
    LoneSurrogate,
    /// A control character inside a string must be escaped (§7).
    ControlCharacter,
    /// The text is not UTF-8 (§8.1).
    InvalidUtf8,
    /// The number cannot be kept exactly (§6 allows limits).
    Number(NumberError),
    /// Nested deeper than [`MAX_DEPTH`](crate::document::MAX_DEPTH), or than 64 in a part that is
    /// skipped.
    TooDeep,
    /// A key is longer than [`MAX_KEY`](crate::document::MAX_KEY) bytes.
    KeyTooLong,
    /// The document is full; `needed` is what was needed up to here.
    Capacity(CapacityError),
}

/// What must stand where something else was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Expected {
    /// A value.
    Value,
    /// A value, or the end of an array that has no items.
    ValueOrEnd,
    /// A name in quotation marks.
    Key,
    /// A name in quotation marks, or the end of an object that has no members.
    KeyOrEnd,
    /// A colon.
    Colon,
    /// A comma or the end of the array.
    CommaOrArrayEnd,
    /// A comma or the end of the object.
    CommaOrObjectEnd,
    /// A digit.
    Digit,
    /// The rest of `true`, `false` or `null`.
    Literal,
}

/// A [`ReadReason`] in two bytes, so that the reader passes it on in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Expected(Expected),
    Number(NumberError),
    UnexpectedEnd,
    Trailing,
    BadEscape,
    LoneSurrogate,
    ControlCharacter,
    InvalidUtf8,
    TooDeep,
    KeyTooLong,
    Capacity,
}

impl Fault {
    /// The reason in full; `shortage` counts only if the document is full.
    pub(super) fn reason(self, shortage: CapacityError) -> ReadReason {
        match self {
            Self::Expected(expected) => ReadReason::Expected(expected),
            Self::Number(error) => ReadReason::Number(error),
            Self::UnexpectedEnd => ReadReason::UnexpectedEnd,
            Self::Trailing => ReadReason::Trailing,
            Self::BadEscape => ReadReason::BadEscape,
            Self::LoneSurrogate => ReadReason::LoneSurrogate,
            Self::ControlCharacter => ReadReason::ControlCharacter,
            Self::InvalidUtf8 => ReadReason::InvalidUtf8,
            Self::TooDeep => ReadReason::TooDeep,
            Self::KeyTooLong => ReadReason::KeyTooLong,
            Self::Capacity => ReadReason::Capacity(shortage),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.offset, self.reason)
    }
}

impl fmt::Display for ReadReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Expected(expected) => return expected.fmt(f),
            Self::Number(error) => return error.fmt(f),
            Self::Capacity(error) => return write!(f, "the document {error}"),
            Self::UnexpectedEnd => "the text ends too early",
            Self::Trailing => "nothing may follow the value",
            Self::BadEscape => "not an escape sequence",
            Self::LoneSurrogate => "half a surrogate pair",
            Self::ControlCharacter => "a control character must be escaped",
            Self::InvalidUtf8 => "not UTF-8",
            Self::TooDeep => "nested too deep",
            Self::KeyTooLong => "the key is longer than 255 bytes",
        })
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Value => "expected a value",
            Self::ValueOrEnd => "expected a value or the end of the array",
            Self::Key => "expected a key in quotation marks",
            Self::KeyOrEnd => "expected a key in quotation marks or the end of the object",
            Self::Colon => "expected a colon",
            Self::CommaOrArrayEnd => "expected a comma or the end of the array",
            Self::CommaOrObjectEnd => "expected a comma or the end of the object",
            Self::Digit => "expected a digit",
            Self::Literal => "expected true, false or null",
        })
    }
}

impl core::error::Error for ReadError {}

impl core::error::Error for ReadReason {}
