//! The service's error codes and texts ("Device Shadow error messages").
//!
//! One table: every [`Status`] has exactly one code, and every code of the table leads back to it.

use crate::error::Status;

/// Returns the code of a status.
pub const fn code(status: Status) -> u16 {
    match status {
        Status::Invalid => 400,
        Status::Unauthorized => 401,
        Status::Forbidden => 403,
        Status::NotFound => 404,
        Status::Conflict => 409,
        Status::PreconditionFailed => 412,
        Status::TooLarge => 413,
        Status::UnsupportedEncoding => 415,
        Status::Throttled => 429,
        Status::Internal => 500,
        Status::Unavailable => 503,
    }
}

/// Returns the status of a code.
///
/// A code that the table does not have counts as the general one of its class: [`Status::Invalid`]
/// below 500, [`Status::Internal`] from there on; 504 (a gateway waited in vain) as
/// [`Status::Unavailable`].
pub const fn status(code: u16) -> Status {
    let mut rest: &[Status] = &[
        Status::Invalid,
        Status::Unauthorized,
        Status::Forbidden,
        Status::NotFound,
        Status::Conflict,
        Status::PreconditionFailed,
        Status::TooLarge,
        Status::UnsupportedEncoding,
        Status::Throttled,
        Status::Internal,
        Status::Unavailable,
    ];
    while let [status, others @ ..] = rest {
        if self::code(*status) == code {
            return *status;
        }
        rest = others;
    }
    match code {
        504 => Status::Unavailable,
        0..500 => Status::Invalid,
        _ => Status::Internal,
    }
}

/// Returns the service's words where nothing more is known.
pub const fn text(status: Status) -> &'static str {
    match status {
        Status::Invalid => INVALID_JSON,
        Status::Unauthorized => "Unauthorized",
        Status::Forbidden => "Forbidden",
        Status::NotFound => "Thing not found",
        Status::Conflict => "Version conflict",
        // AWS has no etags; the words are ours.
        Status::PreconditionFailed => "Precondition failed",
        Status::TooLarge => TOO_LARGE,
        Status::UnsupportedEncoding => {
            "Unsupported documented encoding; supported encoding is UTF-8"
        }
        // The table names the code without words.
        Status::Throttled => "Too many requests",
        Status::Internal => "Internal service failure",
        Status::Unavailable => "Service unavailable",
    }
}

pub(super) const INVALID_JSON: &str = "Invalid JSON";
pub(super) const MISSING_STATE: &str = "Missing required node: state";
pub(super) const STATE_NOT_AN_OBJECT: &str = "State node must be an object";
pub(super) const DESIRED_NOT_AN_OBJECT: &str = "Desired node must be an object";
pub(super) const REPORTED_NOT_AN_OBJECT: &str = "Reported node must be an object";
pub(super) const INVALID_VERSION: &str = "Invalid version";
pub(super) const INVALID_TOKEN: &str = "Invalid clientToken";
pub(super) const TOO_DEEP: &str = "JSON contains too many levels of nesting; maximum is ";
pub(super) const INVALID_NODE: &str = "State contains an invalid node";
pub(super) const NO_SHADOW: &str = "No shadow exists with name: '";
pub(super) const TOO_LARGE: &str = "The payload exceeds the maximum size allowed";
