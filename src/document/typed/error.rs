//! Why a typed value and a document did not come together, and at which path.

use core::fmt;

use ::serde::de::{self, Expected, Unexpected};
use ::serde::ser;

use super::super::builder::BuildError;
use super::super::number::NumberError;
use super::super::value::TypeError;
use crate::error::CapacityError;

/// Longest path that an error keeps, in bytes; what encloses it is left out.
const PATH: usize = 48;

/// Why a value could not be read from or written to a document.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TypedError {
    path: heapless::String<PATH>,
    /// What is wrong there.
    pub reason: TypedReason,
}

/// What is wrong with a value that is read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TypedReason {
    /// Writing: the document cannot hold it.
    Build(BuildError),
    /// Writing: a number cannot be kept exactly.
    Number(NumberError),
    /// Reading: there is no value, one of another type, or a number out of range.
    Type(TypeError),
    /// Reading: an array or map does not have as many items as the type takes.
    Length,
    /// Reading: the type has no variant or field of this name.
    Unknown,
    /// A key is not text, a number, a bool or a unit variant.
    Key,
    /// The type asks for a float, and the feature `float` is off.
    Float,
    /// The type itself refused; its message is not kept.
    Refused,
}

impl TypedError {
    pub(super) const fn new(reason: TypedReason) -> Self {
        Self {
            path: heapless::String::new(),
            reason,
        }
    }

    /// Puts the error into the value of `key`.
    pub(super) fn within(self, key: &str) -> Self {
        let mut path = heapless::String::new();
        let fits = path.push_str(key).is_ok()
            && (self.path.is_empty()
                || (path.push('/').is_ok() && path.push_str(&self.path).is_ok()));
        if fits { Self { path, ..self } } else { self }
    }

    /// Returns the keys that lead to the value, joined by `/`; without the outermost ones if all of
    /// them are longer than 48 bytes, and empty for the document itself. Writing, only the fields of
    /// structs are known.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl From<TypedReason> for TypedError {
    fn from(reason: TypedReason) -> Self {
        Self::new(reason)
    }
}

impl From<BuildError> for TypedError {
    fn from(error: BuildError) -> Self {
        Self::new(TypedReason::Build(error))
    }
}

impl From<CapacityError> for TypedError {
    fn from(error: CapacityError) -> Self {
        Self::new(TypedReason::Build(BuildError::Capacity(error)))
    }
}

impl From<NumberError> for TypedError {
    fn from(error: NumberError) -> Self {
        Self::new(TypedReason::Number(error))
    }
}

impl From<TypeError> for TypedError {
    fn from(error: TypeError) -> Self {
        Self::new(TypedReason::Type(error))
    }
}

impl ser::Error for TypedError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new(TypedReason::Refused)
    }
}

impl de::Error for TypedError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::new(TypedReason::Refused)
    }

    fn invalid_type(_: Unexpected<'_>, _: &dyn Expected) -> Self {
        TypeError::Mismatch.into()
    }

    fn invalid_value(found: Unexpected<'_>, _: &dyn Expected) -> Self {
        let number = matches!(
            found,
            Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_)
        );
        if number {
            TypeError::Range.into()
        } else {
            TypedReason::Refused.into()
        }
    }

    fn invalid_length(_: usize, _: &dyn Expected) -> Self {
        TypedReason::Length.into()
    }

    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        TypedReason::Unknown.into()
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Self {
        Self::new(TypedReason::Unknown).within(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::from(TypeError::Missing).within(field)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(TypedReason::Refused).within(field)
    }
}

impl fmt::Display for TypedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            f.write_str(&self.path)?;
            f.write_str(": ")?;
        }
        self.reason.fmt(f)
    }
}

impl fmt::Display for TypedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Build(error) => error.fmt(f),
            Self::Number(error) => error.fmt(f),
            Self::Type(error) => error.fmt(f),
            Self::Length => f.write_str("array or map has another length"),
            Self::Unknown => f.write_str("no such variant or field"),
            Self::Key => f.write_str("key is not text"),
            Self::Float => f.write_str("floats need the feature `float`"),
            Self::Refused => f.write_str("the type refused the value"),
        }
    }
}

impl core::error::Error for TypedError {}
