//! Response codes of refusals (RFC 7252 §5.9, RFC 7959, RFC 8132, RFC 8516).
//!
//! One table: every [`Status`] has exactly one code, and every code of the table leads back to it. A
//! [`Rejected`] is told more finely than its status; [`of_rejected`] says how.
//!
//! | status | code | | status | code |
//! | --- | --- | --- | --- | --- |
//! | `Invalid` | 4.00 | | `TooLarge` | 4.13 |
//! | `Unauthorized` | 4.01 | | `UnsupportedEncoding` | 4.15 |
//! | `Forbidden` | 4.03 | | `Throttled` | 4.29 |
//! | `NotFound` | 4.04 | | `Internal` | 5.00 |
//! | `Conflict` | 4.09 | | `Unavailable` | 5.03 |
//! | `PreconditionFailed` | 4.12 | | | |

use super::Code;
use crate::error::Status;
use crate::twin::Rejected;

/// Returns the code of a status.
pub const fn code(status: Status) -> Code {
    match status {
        Status::Invalid => Code::BAD_REQUEST,
        Status::Unauthorized => Code::UNAUTHORIZED,
        Status::Forbidden => Code::FORBIDDEN,
        Status::NotFound => Code::NOT_FOUND,
        Status::Conflict => Code::CONFLICT,
        Status::PreconditionFailed => Code::PRECONDITION_FAILED,
        Status::TooLarge => Code::REQUEST_ENTITY_TOO_LARGE,
        Status::UnsupportedEncoding => Code::UNSUPPORTED_CONTENT_FORMAT,
        Status::Throttled => Code::TOO_MANY_REQUESTS,
        Status::Internal => Code::INTERNAL_SERVER_ERROR,
        Status::Unavailable => Code::SERVICE_UNAVAILABLE,
    }
}

/// Returns the status of a code.
///
/// A code that the table does not have counts as the general one of its class (RFC 7252 §5.9); 4.06
/// (nothing in the format that was asked for) as [`Status::UnsupportedEncoding`]; 4.08 (the service
/// dropped the first blocks), 5.02 and 5.04 as [`Status::Unavailable`], which is tried again.
pub const fn status(code: Code) -> Status {
    match code {
        Code::UNAUTHORIZED => Status::Unauthorized,
        Code::FORBIDDEN => Status::Forbidden,
        Code::NOT_FOUND => Status::NotFound,
        Code::CONFLICT => Status::Conflict,
        Code::PRECONDITION_FAILED => Status::PreconditionFailed,
        Code::REQUEST_ENTITY_TOO_LARGE => Status::TooLarge,
        Code::NOT_ACCEPTABLE | Code::UNSUPPORTED_CONTENT_FORMAT => Status::UnsupportedEncoding,
        Code::TOO_MANY_REQUESTS => Status::Throttled,
        Code::REQUEST_ENTITY_INCOMPLETE
        | Code::SERVICE_UNAVAILABLE
        | Code::BAD_GATEWAY
        | Code::GATEWAY_TIMEOUT => Status::Unavailable,
        _ if code.class() == 4 => Status::Invalid,
        _ => Status::Internal,
    }
}

/// Returns the code for what a twin refused.
///
/// What is well-formed and breaks a rule of twins, or one of the hub's guard, is 4.22 (RFC 8132 §3.2). A
/// version that a request is made for came in an If-Match, so that another one is 4.12.
pub const fn of_rejected(rejected: Rejected) -> Code {
    match rejected {
        Rejected::UnknownSection
        | Rejected::NotAMap(_)
        | Rejected::NullInArray(_)
        | Rejected::TooDeep { .. }
        | Rejected::Refused(_) => Code::UNPROCESSABLE_ENTITY,
        Rejected::Conflict { .. } => Code::PRECONDITION_FAILED,
        Rejected::NotFound
        | Rejected::PreconditionFailed
        | Rejected::Forbidden(_)
        | Rejected::TooLarge { .. }
        | Rejected::Capacity(_)
        | Rejected::Throttled
        | Rejected::Unavailable => code(rejected.status()),
    }
}
