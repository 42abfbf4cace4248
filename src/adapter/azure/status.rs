//! The service's status codes and error codes, and what becomes of each on a device.
//!
//! The status stands in the topic of an answer, the error code in its body; the first three digits of
//! the one are the other ("IoT Hub API common error codes"). **The one rule: the status decides, and a body
//! that is missing, cut off or no JSON changes nothing**; but some official clients look at the
//! body's `errorCode` alone, so a service always writes one.
//!
//! | status | error code | [`Status`] | what a device engine does |
//! | --- | --- | --- | --- |
//! | 200 | | | takes the twin, whatever it knew |
//! | 204, any other 2xx | | | counts the report as known to the service |
//! | 400 | 400004 | [`Invalid`](Status::Invalid) | looks for the one leaf to blame with smaller reports, withholds it |
//! | 401 | 401002 | [`Unauthorized`](Status::Unauthorized) | longest back-off |
//! | 403 | 403000 | [`Forbidden`](Status::Forbidden) | longest back-off |
//! | 403, 413 | 403100, 413001 | [`TooLarge`](Status::TooLarge) | as 400: the leaf for which there is no room is withheld |
//! | 404 | 404001 | [`NotFound`](Status::NotFound) | both sections are empty (a get); a full get (a report) |
//! | 409 | 409001 | [`Conflict`](Status::Conflict) | a full get, then what is missing |
//! | 412 | 412001 | [`PreconditionFailed`](Status::PreconditionFailed) | a full get, then what is missing: the base version was not the twin's |
//! | 415 | 415000 | [`UnsupportedEncoding`](Status::UnsupportedEncoding) | as 400 |
//! | 429 | 429001 | [`Throttled`](Status::Throttled) | back-off with jitter |
//! | 500 | 500001 | [`Internal`](Status::Internal) | back-off; the report may have been applied |
//! | 503, 504 | 503001 | [`Unavailable`](Status::Unavailable) | back-off |
//!
//! Other 4xx count as 400, other 5xx as 500.

use crate::error::Status;

/// Returns the error code of a status; its first three digits are the status in the topic.
pub const fn error_code(status: Status) -> u32 {
    match status {
        Status::Invalid => 400_004,
        Status::Unauthorized => 401_002,
        Status::Forbidden => 403_000,
        Status::NotFound => 404_001,
        Status::Conflict => 409_001,
        Status::PreconditionFailed => 412_001,
        // Twins that are too large are forbidden, seen on the wire.
        Status::TooLarge => 403_100,
        Status::UnsupportedEncoding => 415_000,
        Status::Throttled => 429_001,
        Status::Internal => 500_001,
        Status::Unavailable => 503_001,
    }
}

/// Returns the code of a status, as it stands in a topic or in a response of HTTP.
pub const fn code(status: Status) -> u16 {
    match status {
        Status::Invalid => 400,
        Status::Unauthorized => 401,
        Status::Forbidden | Status::TooLarge => 403,
        Status::NotFound => 404,
        Status::Conflict => 409,
        Status::PreconditionFailed => 412,
        Status::UnsupportedEncoding => 415,
        Status::Throttled => 429,
        Status::Internal => 500,
        Status::Unavailable => 503,
    }
}

/// Returns the status of a code and, if the body has one, an error code; see the [table](self).
pub const fn status(code: u16, error_code: Option<u64>) -> Status {
    match (code, error_code) {
        (403, Some(403_100)) | (413, _) => Status::TooLarge,
        (401, _) => Status::Unauthorized,
        (403, _) => Status::Forbidden,
        (404, _) => Status::NotFound,
        (409, _) => Status::Conflict,
        (412, _) => Status::PreconditionFailed,
        (415, _) => Status::UnsupportedEncoding,
        (429, _) => Status::Throttled,
        (503 | 504, _) => Status::Unavailable,
        (0..500, _) => Status::Invalid,
        _ => Status::Internal,
    }
}

/// Returns the service's name for a status, as REST answers start with it (`ErrorCode:DeviceNotFound;…`).
pub const fn name(status: Status) -> &'static str {
    match status {
        Status::Invalid | Status::UnsupportedEncoding => "ArgumentInvalid",
        Status::Unauthorized => "IotHubUnauthorizedAccess",
        Status::Forbidden => "GenericForbidden",
        Status::NotFound => "DeviceNotFound",
        Status::Conflict => "DeviceAlreadyExists",
        Status::PreconditionFailed => "PreconditionFailed",
        Status::TooLarge => "DeviceModelMaxPropertiesExceeded",
        Status::Throttled => "ThrottlingException",
        Status::Internal => "ServerError",
        Status::Unavailable => "ServiceUnavailable",
    }
}

/// Returns words for a status where nothing more is known.
pub const fn text(status: Status) -> &'static str {
    match status {
        Status::Invalid => "The request is not valid.",
        Status::Unauthorized => "Who asks is not known.",
        Status::Forbidden => "Who asks may not do this.",
        Status::NotFound => "Device not registered.",
        Status::Conflict => "The version in the request is not that of the resource.",
        Status::PreconditionFailed => {
            "The etag or version in the request does not match that of the existing resource, as per RFC7232."
        }
        Status::TooLarge => "The size of the properties is over the limit.",
        Status::UnsupportedEncoding => "The body is not UTF-8.",
        Status::Throttled => "Too many requests.",
        Status::Internal => "The service failed.",
        Status::Unavailable => "The service is not available.",
    }
}
