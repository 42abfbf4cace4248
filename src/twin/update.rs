//! Updates: the only way a twin changes.

use core::fmt;

use super::precondition::Precondition;
use super::section::Section;
use super::version::Version;
use crate::document::DocumentRef;
use crate::error::{CapacityError, Status};

/// Who asks for a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Origin {
    /// The device itself.
    Device,
    /// A back-end application or an operator.
    Service,
    /// The protocol does not tell (AWS: whoever may publish to the topic).
    Unknown,
}

/// How the sections of an update meet those of the twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Mode {
    /// Each named section is merged (RFC 7396).
    Merge,
    /// Each named section is exchanged as a whole (Azure PUT).
    Replace,
}

/// A change that is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Update<'a> {
    /// A map from [`Section::key`] to a patch of that section; null removes a section; a lone null in
    /// place of the map clears the twin.
    pub patch: DocumentRef<'a>,
    /// Merge or replace.
    pub mode: Mode,
    /// When the change is allowed.
    pub precondition: Precondition,
    /// Who asks.
    pub origin: Origin,
}

impl<'a> Update<'a> {
    /// A merge without precondition, of unknown origin.
    pub const fn merge(patch: DocumentRef<'a>) -> Self {
        Self {
            patch,
            mode: Mode::Merge,
            precondition: Precondition::Any,
            origin: Origin::Unknown,
        }
    }

    /// The same update under a precondition.
    pub const fn with_precondition(mut self, precondition: Precondition) -> Self {
        self.precondition = precondition;
        self
    }

    /// The same update from `origin`.
    pub const fn with_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// The same update in another mode.
    pub const fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }
}

/// Why an update was refused; the twin is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Rejected {
    /// There is no such twin.
    NotFound,
    /// The twin has another version.
    Conflict {
        /// The version that the update was made for.
        expected: Version,
        /// The twin's version; 0 if there is none.
        actual: Version,
    },
    /// The etag precondition, presence or absence, did not hold.
    PreconditionFailed,
    /// The patch is neither a map nor null, or it names something that is no section.
    UnknownSection,
    /// A section's patch is neither a map nor null.
    NotAMap(Section),
    /// Who asks may not write this section.
    Forbidden(Section),
    /// An array in this section holds null.
    NullInArray(Section),
    /// This section is nested too deep.
    TooDeep {
        /// The section.
        section: Section,
        /// The deepest nesting that is allowed.
        limit: usize,
    },
    /// The twin would be over a size limit of the service.
    TooLarge {
        /// The size that the twin would have, as the service counts.
        size: usize,
        /// The largest size that is allowed.
        limit: usize,
    },
    /// The twin would not fit its buffer.
    Capacity(CapacityError),
    /// A rule of the twin's owner is against it, see [`rules::Guard`](crate::rules::Guard).
    Refused(Refusal),
    /// Too many requests of this device, in flight or per second.
    Throttled,
    /// The registry failed.
    Unavailable,
}

/// Which rule is against an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal {
    /// The path of the rule in its section; empty for a rule about the section as a whole.
    pub path: &'static [&'static str],
    /// What is wrong.
    pub reason: &'static str,
    /// For a change of state: from which to which.
    pub step: Option<(&'static str, &'static str)>,
}

impl Rejected {
    /// Returns the verdict in terms of every protocol.
    pub const fn status(self) -> Status {
        match self {
            Self::NotFound => Status::NotFound,
            Self::Conflict { .. } => Status::Conflict,
            Self::PreconditionFailed => Status::PreconditionFailed,
            Self::UnknownSection
            | Self::NotAMap(_)
            | Self::NullInArray(_)
            | Self::TooDeep { .. }
            | Self::Refused(_) => Status::Invalid,
            Self::Forbidden(_) => Status::Forbidden,
            Self::TooLarge { .. } | Self::Capacity(_) => Status::TooLarge,
            Self::Throttled => Status::Throttled,
            Self::Unavailable => Status::Unavailable,
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no such twin"),
            Self::Conflict { expected, actual } => {
                write!(
                    f,
                    "version conflict: made for {expected}, twin has {actual}"
                )
            }
            Self::PreconditionFailed => f.write_str("precondition failed"),
            Self::UnknownSection => f.write_str("patch names something that is no section"),
            Self::NotAMap(section) => write!(f, "{} is not a map", section.key()),
            Self::Forbidden(section) => write!(f, "{} may not be written", section.key()),
            Self::NullInArray(section) => {
                write!(f, "an array in {} holds null", section.key())
            }
            Self::TooDeep { section, limit } => {
                write!(f, "{} is nested deeper than {limit}", section.key())
            }
            Self::TooLarge { size, limit } => write!(f, "size {size} is over the limit {limit}"),
            Self::Capacity(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Throttled => f.write_str("too many requests"),
            Self::Unavailable => f.write_str("registry is unavailable"),
        }
    }
}

impl Refusal {
    /// Shows `piece` the refusal in words, piece by piece: `pump/state: no such transition (idle -> paused)`.
    pub fn pieces(&self, mut piece: impl FnMut(&'static str)) {
        for (index, key) in self.path.iter().enumerate() {
            if index > 0 {
                piece("/");
            }
            piece(key);
        }
        if !self.path.is_empty() {
            piece(": ");
        }
        piece(self.reason);
        if let Some((from, to)) = self.step {
            for text in [" (", from, " -> ", to, ")"] {
                piece(text);
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = Ok(());
        self.pieces(|piece| {
            if written.is_ok() {
                written = f.write_str(piece);
            }
        });
        written
    }
}

impl core::error::Error for Rejected {}
impl core::error::Error for Refusal {}
