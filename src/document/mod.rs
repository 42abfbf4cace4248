//! The flat tree: one value in one canonical byte string.
//!
//! A document is a JSON-like value (null, bool, number, string, array, map) kept as contiguous bytes
//! in a buffer of fixed capacity. [`Document`] owns such a buffer, [`DocumentMut`] borrows one to
//! change it, [`DocumentRef`] reads any validated bytes: a page of flash or a database row *is* a
//! document, without deserialisation.
//!
//! **The one rule: equal documents are equal bytes.** Map keys are unique and ordered by length, then
//! bytewise (RFC 8949 §4.2.3); numbers are exact decimals in one canonical form ([`Number`]); every
//! value has one encoding. So comparing two documents is comparing two slices.
//!
//! ```
//! use twinsync::document::Document;
//!
//! let mut desired = Document::<128>::new();
//! desired.set(&["target"], 21)?;
//! desired.set(&["fan", "speed"], "high")?;
//!
//! let mut patch = Document::<128>::new();
//! patch.set(&["target"], 22)?;
//! desired.merge(patch.as_ref())?;
//! assert_eq!(desired.read::<u8>(&["target"])?, 22);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Bytes
//!
//! A value is a tag byte and what the tag calls for; lengths and integers are little endian.
//!
//! | tag | value | followed by |
//! | --- | --- | --- |
//! | `00`–`3F` | the integer 0–63 | – |
//! | `40`–`7F` | string of 0–63 bytes without escapes | the text |
//! | `80` `81` `82` `83` | integer | 1, 2, 4, 8 bytes |
//! | `84` `85` `86` | decimal | mantissa of 2, 4, 8 bytes, exponent of ten in 1 byte |
//! | `C0` `C1` `C2` | null, false, true | – |
//! | `C8` | longer string without escapes | u16 length, text |
//! | `C9` | string with a character that JSON must escape | u16 length, text |
//! | `CA` | array | u16 length, items |
//! | `CB` | map | u16 length, entries |
//!
//! A map entry is the key's length in one byte (0–254), the key, the value; a key of 255 bytes or one
//! that needs escaping in JSON starts with `FF` and its length. Each integer and mantissa is in the
//! narrowest width that holds it. `{"a":21.5}` is `CB 06 00 01 61 84 D7 00 FF`.
//!
//! Bounds: depth [`MAX_DEPTH`], keys [`MAX_KEY`] bytes, documents [`MAX_DOCUMENT`] bytes.

mod arithmetic;
mod builder;
mod delta;
pub(crate) mod edit;
#[cfg(feature = "float")]
mod float;
pub(crate) mod format;
mod leaves;
mod merge;
pub(crate) mod number;
pub(crate) mod raw;
mod sort;
#[cfg(feature = "serde")]
mod typed;
mod validate;
pub(crate) mod value;
mod view;

pub use builder::{BuildError, Builder};
pub use delta::{Extent, delta, diff, diff_within};
pub use edit::EditError;
pub use format::{MAX_DEPTH, MAX_DOCUMENT, MAX_KEY};
pub use leaves::{Leaf, LeafPath, Leaves};
pub use number::{Number, NumberError};
#[cfg(feature = "serde")]
pub use typed::{TypedError, TypedReason};
pub use validate::{FormatError, FormatReason};
pub use value::{Array, Entries, Items, Map, TypeError, Value};
pub use view::{Document, DocumentMut, DocumentRef};

#[cfg(test)]
pub(crate) mod tests;
