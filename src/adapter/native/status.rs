//! Errors by number.
//!
//! One table: every [`Status`] has exactly one number, and every number leads back to a status. Numbers
//! below 16 say that the request is at fault, those from 16 on that the service is: a receiver that does
//! not know a number still knows that much.

use crate::error::CapacityError;
use crate::error::Status;
use crate::twin::Refusal;
use crate::twin::Rejected;
use crate::twin::Section;
use crate::twin::Version;

/// Returns the number of a status.
pub const fn code(status: Status) -> u8 {
    match status {
        Status::Invalid => 0,
        Status::Unauthorized => 1,
        Status::Forbidden => 2,
        Status::NotFound => 3,
        Status::Conflict => 4,
        Status::PreconditionFailed => 5,
        Status::TooLarge => 6,
        Status::UnsupportedEncoding => 7,
        Status::Internal => 16,
        Status::Unavailable => 17,
        Status::Throttled => 18,
    }
}

/// Returns the status of a number. One that the table does not have counts as [`Status::Invalid`] below
/// 16 and as [`Status::Internal`] from there on.
pub const fn status(code: u64) -> Status {
    match code {
        1 => Status::Unauthorized,
        2 => Status::Forbidden,
        3 => Status::NotFound,
        4 => Status::Conflict,
        5 => Status::PreconditionFailed,
        6 => Status::TooLarge,
        7 => Status::UnsupportedEncoding,
        17 => Status::Unavailable,
        18 => Status::Throttled,
        0..=15 => Status::Invalid,
        _ => Status::Internal,
    }
}

/// Returns the number of a section, in states, details and preconditions.
pub const fn section_code(section: Section) -> u8 {
    match section {
        Section::Desired => 0,
        Section::Reported => 1,
        Section::Tags => 2,
    }
}

/// Returns the section with this number.
pub const fn section(code: u64) -> Option<Section> {
    match code {
        0 => Some(Section::Desired),
        1 => Some(Section::Reported),
        2 => Some(Section::Tags),
        _ => None,
    }
}

/// What a detail consists of: its number and at most two arguments, or words.
pub(super) const fn detail(rejected: Rejected) -> Result<(u8, [Option<u64>; 2]), Refusal> {
    Ok(match rejected {
        Rejected::Refused(refusal) => return Err(refusal),
        Rejected::NotFound => (0, [None; 2]),
        Rejected::Conflict { expected, actual } => {
            (1, [Some(expected.as_u64()), Some(actual.as_u64())])
        }
        Rejected::PreconditionFailed => (2, [None; 2]),
        Rejected::UnknownSection => (3, [None; 2]),
        Rejected::NotAMap(section) => (4, one(section)),
        Rejected::Forbidden(section) => (5, one(section)),
        Rejected::NullInArray(section) => (6, one(section)),
        Rejected::TooDeep { section, limit } => {
            (7, [Some(section_code(section) as u64), Some(limit as u64)])
        }
        Rejected::TooLarge { size, limit } => (8, [self::size(size), self::size(limit)]),
        Rejected::Capacity(CapacityError { needed, capacity }) => {
            (9, [size(needed), size(capacity)])
        }
        Rejected::Throttled => (10, [None; 2]),
        Rejected::Unavailable => (11, [None; 2]),
    })
}

/// A size as readers take it. One from 2⁶³ on is what the head of a string pretends; it counts as the
/// largest number there is, so that the refusal can be told.
const fn size(size: usize) -> Option<u64> {
    let (size, most) = (size as u64, i64::MAX.unsigned_abs());
    Some(if size < most { size } else { most })
}

const fn one(section: Section) -> [Option<u64>; 2] {
    [Some(section_code(section) as u64), None]
}

/// What a detail says; `None` if this version does not know it or its arguments are missing.
pub(super) fn rejected(number: u64, first: Option<u64>, second: Option<u64>) -> Option<Rejected> {
    let size = |argument: Option<u64>| usize::try_from(argument?).ok();
    Some(match number {
        0 => Rejected::NotFound,
        1 => Rejected::Conflict {
            expected: Version::new(first?),
            actual: Version::new(second?),
        },
        2 => Rejected::PreconditionFailed,
        3 => Rejected::UnknownSection,
        4 => Rejected::NotAMap(section(first?)?),
        5 => Rejected::Forbidden(section(first?)?),
        6 => Rejected::NullInArray(section(first?)?),
        7 => Rejected::TooDeep {
            section: section(first?)?,
            limit: size(second)?,
        },
        8 => Rejected::TooLarge {
            size: size(first)?,
            limit: size(second)?,
        },
        9 => Rejected::Capacity(CapacityError {
            needed: size(first)?,
            capacity: size(second)?,
        }),
        10 => Rejected::Throttled,
        11 => Rejected::Unavailable,
        _ => return None,
    })
}
