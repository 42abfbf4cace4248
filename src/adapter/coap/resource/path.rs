//! Paths: which twin, and which part of it.

use core::fmt;

use crate::protocol::TwinId;
use crate::protocol::TwinIdError;
use crate::twin::Section;

/// What of a twin a resource is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Part {
    /// All sections that the asker may see: a map from their keys.
    Twin,
    /// One section.
    Section(Section),
    /// What desired asks for and reported does not say.
    Delta,
}

impl Part {
    /// Returns the last segment of the path of such a resource; the twin itself has none.
    pub const fn key(self) -> Option<&'static str> {
        match self {
            Self::Twin => None,
            Self::Section(section) => Some(section.key()),
            Self::Delta => Some(DELTA),
        }
    }

    /// Returns the part that a last segment names.
    pub fn from_key(key: &str) -> Option<Self> {
        if key == DELTA {
            return Some(Self::Delta);
        }
        Section::from_key(key).map(Self::Section)
    }
}

const DELTA: &str = "delta";

/// Why a path is no resource of twins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum PathError {
    /// It does not begin with the prefix, or has too few or too many segments.
    Foreign,
    /// A segment is no name of a device or a twin.
    Name(TwinIdError),
    /// The twin has the name of a part: `desired`, `reported`, `tags` and `delta` name parts only.
    Reserved,
}

/// The segments of a path, kept where a [`TwinId`] can borrow from them.
#[derive(Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Names {
    text: heapless::String<{ 3 * (TwinId::MAX + 1) }>,
    /// Where each segment behind the prefix ends.
    ends: heapless::Vec<usize, 3>,
}

impl Names {
    /// No segments.
    pub const fn new() -> Self {
        Self {
            text: heapless::String::new(),
            ends: heapless::Vec::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Adds a segment.
    pub(super) fn push(&mut self, segment: &[u8]) -> Result<(), PathError> {
        let segment =
            core::str::from_utf8(segment).map_err(|_| PathError::Name(TwinIdError::Character))?;
        self.text
            .push_str(segment)
            .map_err(|_| PathError::Name(TwinIdError::TooLong))?;
        self.ends
            .push(self.text.len())
            .map_err(|_| PathError::Foreign)
    }

    /// Takes the segments apart, by position: device, name if there is one, part if there is one.
    pub(super) fn resource(&self) -> Result<(TwinId<'_>, Part), PathError> {
        let mut start = 0;
        let mut segments = self.ends.iter().map(|end| {
            let segment = self.text.get(start..*end).unwrap_or_default();
            start = *end;
            segment
        });
        let device = segments.next().ok_or(PathError::Foreign)?;
        let second = segments.next();
        let third = segments.next();
        let (name, part) = match (second, third) {
            (None, _) => (None, Part::Twin),
            (Some(second), None) => match Part::from_key(second) {
                Some(part) => (None, part),
                None => (Some(second), Part::Twin),
            },
            (Some(name), Some(part)) => {
                let part = Part::from_key(part).ok_or(PathError::Foreign)?;
                (Some(name), part)
            }
        };
        resource(device, name).map(|id| (id, part))
    }
}

/// Makes the id of a twin that a path can name.
///
/// # Errors
/// [`PathError::Name`], or [`PathError::Reserved`] for a twin named like a part.
pub fn resource<'a>(device: &'a str, name: Option<&'a str>) -> Result<TwinId<'a>, PathError> {
    if name.is_some_and(|name| Part::from_key(name).is_some()) {
        return Err(PathError::Reserved);
    }
    TwinId::new(device, name).map_err(PathError::Name)
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str("no such resource"),
            Self::Name(error) => error.fmt(f),
            Self::Reserved => f.write_str("a twin can not have the name of a part"),
        }
    }
}

impl core::error::Error for PathError {}
