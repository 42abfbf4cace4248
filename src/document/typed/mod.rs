//! Typed sections: a document into any `Deserialize`, any `Serialize` into a document.
//!
//! A firmware describes a section as a struct and needs no macro of this crate: serde's derive does.
//! The feature `serde` turns this room on. Types map to values as in JSON: structs and maps to maps,
//! tuples and sequences to arrays, a unit variant to its name, every other variant to a map with the
//! variant's name as its only key. `f32` and `f64` need the feature `float`.
//!
//! **`None` is `null`, and `null` removes.** So a field that is `None` asks
//! [`merge_serialized`](Document::merge_serialized) to remove its key; a field that is to be left
//! alone is skipped with `#[serde(skip_serializing_if = "Option::is_none")]`. When reading, a key that
//! is missing and one that is `null` are both `None`.
//!
//! Only what changes is sent: an engine computes the [`diff`](super::diff) between what the other end
//! acknowledged and the document, so merging a whole struct costs no more on the wire than setting
//! the one value that differs.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use twinsync::document::Document;
//!
//! #[derive(Serialize, Deserialize, PartialEq, Debug)]
//! struct State<'a> {
//!     target: i16,
//!     mode: &'a str,
//!     fan: Option<u8>,
//! }
//!
//! let mut reported = Document::<128>::new();
//! let mut scratch = Document::<128>::new();
//! let state = State { target: 21, mode: "eco", fan: None };
//! assert!(reported.merge_serialized(&state, &mut scratch.as_mut())?);
//! assert!(!reported.merge_serialized(&state, &mut scratch.as_mut())?, "nothing changed");
//! assert_eq!(reported.deserialize::<State>()?, state);
//!
//! reported.set(&["target"], "warm")?;
//! let error = reported.deserialize::<State>().unwrap_err();
//! assert_eq!(error.to_string(), "target: value is of another type");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod read;
mod write;

pub use error::{TypedError, TypedReason};

use ::serde::de::Deserialize;
use ::serde::ser::Serialize;

use super::value::Value;
use super::{Document, DocumentMut, DocumentRef};

impl<'a> DocumentRef<'a> {
    /// Reads the document into a `T`, which may borrow text from it.
    ///
    /// Keys that `T` does not know are passed over, unless it denies them. No recursion deeper than
    /// [`MAX_DEPTH`](super::MAX_DEPTH) maps and arrays. Cost: linear.
    ///
    /// # Errors
    /// [`TypedError`] with the path of the value that does not fit `T`.
    pub fn deserialize<T: Deserialize<'a>>(self) -> Result<T, TypedError> {
        self.root().deserialize()
    }

    /// Returns whether merging `patch` would change nothing.
    fn has_merged(self, patch: DocumentRef<'_>) -> bool {
        patch
            .leaves()
            .all(|leaf| match (leaf.value, self.value(&leaf.path)) {
                (Value::Null, None) => {
                    // The maps around it come to be, even if nothing is in them.
                    let around = leaf.path.split_last().map_or(&[][..], |(_, around)| around);
                    matches!(self.value(around), Some(Value::Map(_)))
                }
                // An empty map asks for a map, whatever is in it.
                (Value::Map(_), Some(Value::Map(_))) => true,
                (asked, Some(there)) => asked == there,
                (_, None) => false,
            })
    }
}

impl<'a> Value<'a> {
    /// Reads the value into a `T`, see [`DocumentRef::deserialize`].
    ///
    /// # Errors
    /// [`TypedError`] with the path of the value that does not fit `T`.
    pub fn deserialize<T: Deserialize<'a>>(self) -> Result<T, TypedError> {
        T::deserialize(read::Reader(self))
    }
}

impl DocumentMut<'_> {
    /// Becomes what `value` is, whatever it was before.
    ///
    /// # Errors
    /// [`TypedError`]; as nothing but the buffer itself holds what is being built, the document is
    /// then `{}`. Where that must not be, serialise into another document and
    /// [`assign`](DocumentMut::assign) it.
    pub fn serialize<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        let mut builder = self.reborrow().build();
        value.serialize(write::Writer(&mut builder))?;
        builder.finish().map_err(TypedError::from)
    }

    /// Merges what `value` is into the document and says whether that changed anything.
    ///
    /// `scratch` takes the value in between: it has to hold all of it, and what it held is lost. A
    /// `None` in a struct or map removes its key.
    ///
    /// # Errors
    /// [`TypedError`]; the document is then as it was.
    pub fn merge_serialized<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        scratch: &mut DocumentMut<'_>,
    ) -> Result<bool, TypedError> {
        scratch.serialize(value)?;
        if self.as_ref().has_merged(scratch.as_ref()) {
            return Ok(false);
        }
        self.merge(scratch.as_ref())?;
        Ok(true)
    }
}

impl<const N: usize> Document<N> {
    /// Reads the document into a `T`, see [`DocumentRef::deserialize`].
    ///
    /// # Errors
    /// [`TypedError`] with the path of the value that does not fit `T`.
    pub fn deserialize<'a, T: Deserialize<'a>>(&'a self) -> Result<T, TypedError> {
        self.as_ref().deserialize()
    }

    /// Becomes what `value` is, see [`DocumentMut::serialize`].
    ///
    /// # Errors
    /// [`TypedError`]; the document is then `{}`.
    pub fn serialize<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), TypedError> {
        self.as_mut().serialize(value)
    }

    /// Merges what `value` is and says whether that changed anything, see
    /// [`DocumentMut::merge_serialized`].
    ///
    /// # Errors
    /// [`TypedError`]; the document is then as it was.
    pub fn merge_serialized<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        scratch: &mut DocumentMut<'_>,
    ) -> Result<bool, TypedError> {
        self.as_mut().merge_serialized(value, scratch)
    }
}

#[cfg(test)]
mod tests;
