//! What is wrong with a request, before any twin is looked at.

use core::fmt;

use super::path::PathError;
use crate::adapter::coap::Code;
use crate::adapter::coap::option::ContentFormat;
use crate::codec::cbor;
use crate::codec::json;

/// The rule that a request breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// A critical option that is unknown, of a wrong length, or one too many.
    Option(u16),
    /// A block of the reserved size.
    BlockSize,
    /// Blocks of an upload are missing, or were given up.
    Incomplete,
    /// A body, or its last block, is larger than can be taken: at most so many bytes.
    BodyTooLarge {
        /// The largest body, in bytes.
        limit: usize,
    },
    /// As many bodies come in as can be taken at a time.
    Busy,
    /// Who asks is not known.
    Unauthorized,
    /// Who asks may not do this.
    Forbidden,
    /// No resource has this path.
    Path(PathError),
    /// The resource has no such method.
    Method,
    /// The answer can not be had in this format.
    Accept(ContentFormat),
    /// The body is of a format that this method does not take.
    Format(ContentFormat),
    /// The body is not JSON: where and why.
    Json(json::ReadError),
    /// The body is not CBOR: where and why.
    Cbor(cbor::ReadError),
    /// The body does not fit the document that it was to be read into.
    TooLarge,
    /// The body of a FETCH is no array of paths.
    Paths,
    /// The part of the representation that is asked for is not there.
    BlockNumber,
    /// The representation can not be made in the room there is.
    Room,
}

impl Fault {
    /// Returns the response code.
    pub const fn code(self) -> Code {
        match self {
            Self::Option(_) => Code::BAD_OPTION,
            Self::BlockSize | Self::BlockNumber | Self::Json(_) | Self::Cbor(_) => {
                Code::BAD_REQUEST
            }
            Self::Incomplete => Code::REQUEST_ENTITY_INCOMPLETE,
            Self::BodyTooLarge { .. } | Self::TooLarge => Code::REQUEST_ENTITY_TOO_LARGE,
            Self::Busy => Code::SERVICE_UNAVAILABLE,
            Self::Unauthorized => Code::UNAUTHORIZED,
            Self::Forbidden => Code::FORBIDDEN,
            Self::Path(_) => Code::NOT_FOUND,
            Self::Method => Code::METHOD_NOT_ALLOWED,
            Self::Accept(_) => Code::NOT_ACCEPTABLE,
            Self::Format(_) => Code::UNSUPPORTED_CONTENT_FORMAT,
            Self::Paths => Code::UNPROCESSABLE_ENTITY,
            Self::Room => Code::INTERNAL_SERVER_ERROR,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Option(number) => return write!(f, "option {number}"),
            Self::BodyTooLarge { limit } => return write!(f, "at most {limit} bytes"),
            Self::Path(error) => return error.fmt(f),
            Self::Accept(format) => return write!(f, "not available as {}", format.0),
            Self::Format(format) => return write!(f, "format {} is not taken here", format.0),
            Self::Json(error) => return error.fmt(f),
            Self::Cbor(error) => return error.fmt(f),
            Self::BlockSize => "the block size is reserved",
            Self::Incomplete => "blocks are missing",
            Self::Busy => "too many bodies at a time",
            Self::Unauthorized => "not known here",
            Self::Forbidden => "not allowed",
            Self::Method => "no such method here",
            Self::TooLarge => "the body is larger than a twin can be",
            Self::Paths => "expected an array of paths like [\"/desired/target\"]",
            Self::BlockNumber => "there is no such block",
            Self::Room => "no room for the answer",
        })
    }
}

impl core::error::Error for Fault {}
