//! Why CBOR was refused, and where.

use core::fmt;

use crate::document::NumberError;
use crate::error::CapacityError;

/// Why CBOR cannot be read, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReadError {
    /// Offset in bytes from the start, over all pieces: of the head of the data item that is refused
    /// (of an indefinite string, of the chunk), or of the end if bytes are missing.
    pub offset: usize,
    /// What is wrong there.
    pub reason: ReadReason,
}

/// What is wrong with CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ReadReason {
    /// The bytes end in the middle of a data item, or before it.
    UnexpectedEnd,
    /// The data item is complete, and something follows it.
    Trailing,
    /// Not well-formed (RFC 8949 appendix C): a reserved head, a break out of place, a chunk of
    /// another type.
    Malformed,
    /// A key is not text.
    Key,
    /// A byte string: documents have none.
    Bytes,
    /// `undefined` or another simple value that is not `false`, `true` or `null`.
    Simple,
    /// A tag that cannot be ignored, or one whose content is not what the tag asks for.
    Tag,
    /// A float that is not an integer, or too large to be one exactly: needs the feature `float`.
    Float,
    /// A bignum of more than 64 bits.
    Bignum,
    /// Text is not UTF-8 (§3.1), chunk by chunk (§3.2.3).
    InvalidUtf8,
    /// The number cannot be kept exactly.
    Number(NumberError),
    /// Nested deeper than [`MAX_DEPTH`](crate::document::MAX_DEPTH), or than one more in a
    /// part that is skipped.
    TooDeep,
    /// A key is longer than [`MAX_KEY`](crate::document::MAX_KEY) bytes.
    KeyTooLong,
    /// An array claims more than 2³⁰ - 1 items, or a map more than half as many entries.
    TooLong,
    /// The document is full; `needed` is what was needed up to here.
    Capacity(CapacityError),
    /// Not of the type that was asked for: only from a [`Decoder`](super::Decoder).
    Type,
}

/// A [`ReadReason`] in two bytes, so that the reader passes it on in a register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    UnexpectedEnd,
    Trailing,
    Malformed,
    Key,
    Bytes,
    Simple,
    Tag,
    #[cfg_attr(feature = "float", expect(dead_code, reason = "every float is read"))]
    Float,
    Bignum,
    InvalidUtf8,
    Number(NumberError),
    TooDeep,
    KeyTooLong,
    TooLong,
    Capacity,
}

impl Fault {
    /// The reason in full; `shortage` counts only if the document is full.
    pub(super) fn reason(self, shortage: CapacityError) -> ReadReason {
        match self {
            Self::UnexpectedEnd => ReadReason::UnexpectedEnd,
            Self::Trailing => ReadReason::Trailing,
            Self::Malformed => ReadReason::Malformed,
            Self::Key => ReadReason::Key,
            Self::Bytes => ReadReason::Bytes,
            Self::Simple => ReadReason::Simple,
            Self::Tag => ReadReason::Tag,
            Self::Float => ReadReason::Float,
            Self::Bignum => ReadReason::Bignum,
            Self::InvalidUtf8 => ReadReason::InvalidUtf8,
            Self::Number(error) => ReadReason::Number(error),
            Self::TooDeep => ReadReason::TooDeep,
            Self::KeyTooLong => ReadReason::KeyTooLong,
            Self::TooLong => ReadReason::TooLong,
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
            Self::Number(error) => return error.fmt(f),
            Self::Capacity(error) => return write!(f, "the document {error}"),
            Self::UnexpectedEnd => "the bytes end too early",
            Self::Trailing => "nothing may follow the data item",
            Self::Malformed => "not well-formed CBOR",
            Self::Key => "a key must be text",
            Self::Bytes => "a document cannot hold a byte string",
            Self::Simple => "a document cannot hold this simple value",
            Self::Tag => "a tag that is not understood, or not around this",
            Self::Float => "a float that is not a small integer needs the feature `float`",
            Self::Bignum => "a bignum of more than 64 bits",
            Self::InvalidUtf8 => "not UTF-8",
            Self::TooDeep => "nested too deep",
            Self::KeyTooLong => "the key is longer than 255 bytes",
            Self::TooLong => "more items than any message holds",
            Self::Type => "not of the type that belongs here",
        })
    }
}

impl core::error::Error for ReadError {}

impl core::error::Error for ReadReason {}
