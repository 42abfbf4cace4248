//! Errors and verdicts that more than one room speaks of.
//!
//! Each operation has an error enum of its own, beside the operation. What lives here is what they
//! have in common: "it does not fit" ([`CapacityError`], [`BufferTooSmall`]) and the small set of
//! verdicts that every protocol knows under some number ([`Status`]); adapters map each [`Status`] to
//! exactly one code of their protocol and back.

use core::fmt;

/// Something did not fit into its fixed capacity; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CapacityError {
    /// Bytes that would have been needed.
    pub needed: usize,
    /// Bytes that there are.
    pub capacity: usize,
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "needs {} bytes, has {}", self.needed, self.capacity)
    }
}

impl core::error::Error for CapacityError {}

/// The caller's output buffer is too short; nothing of use was written, nothing was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BufferTooSmall {
    /// Bytes that the whole output takes.
    pub needed: usize,
}

impl fmt::Display for BufferTooSmall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the output takes {} bytes", self.needed)
    }
}

impl core::error::Error for BufferTooSmall {}

/// Why a service refused a request: the verdicts that every protocol can spell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Status {
    /// The request is malformed or breaks a rule of the service (400).
    Invalid,
    /// Who asks is not known (401).
    Unauthorized,
    /// Who asks may not do this (403).
    Forbidden,
    /// There is no such twin (404).
    NotFound,
    /// The version in the request is not the twin's (409).
    Conflict,
    /// The etag in the request did not match (412).
    PreconditionFailed,
    /// The request, or the twin after it, is over a size limit (413).
    TooLarge,
    /// The payload's encoding or content format is not understood (415).
    UnsupportedEncoding,
    /// Too many requests in flight or per second (429).
    Throttled,
    /// The service failed (500).
    Internal,
    /// The service is there but cannot answer now (503).
    Unavailable,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invalid => "invalid request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not found",
            Self::Conflict => "version conflict",
            Self::PreconditionFailed => "precondition failed",
            Self::TooLarge => "too large",
            Self::UnsupportedEncoding => "unsupported encoding",
            Self::Throttled => "throttled",
            Self::Internal => "internal failure",
            Self::Unavailable => "unavailable",
        })
    }
}
