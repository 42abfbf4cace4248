//! JSON (RFC 8259), strictly, in and out.
//!
//! [`Reader`] builds a document from text that may come in pieces of any size; [`read()`] does it in one
//! go. [`Writer`] spells documents and hand-made JSON into a buffer and always knows the exact length;
//! [`write()`] and [`len()`] do it in one go. Neither recurses, allocates or touches a float.
//!
//! # Reading
//!
//! * Any value may stand at the top; a byte order mark is refused (§8.1).
//! * Of members with the same name the last wins (§4 leaves it open).
//! * Numbers are kept exactly or refused, never rounded: see [`Number`](crate::document::Number).
//!   `-0` is 0.
//! * Half a surrogate pair in `\u` escapes is refused (§8.2), `\u0000` is allowed.
//! * Text must be UTF-8 (§8.1).
//! * **After an error the document is `{}`.** The error says at which byte and why.
//!
//! A [`Select`] says which members of an object are wanted. All others are checked and skipped as they
//! flow, so that an answer with kilobytes of metadata passes through a small receive buffer into a
//! document that holds just the state:
//!
//! ```
//! use twinsync::codec::json::{Member, Reader, Select};
//! use twinsync::document::Document;
//!
//! static ANSWER: Select = Select::Members(&[
//!     Member::of("state", &[Member::all("desired")]),
//!     Member::all("version"),
//! ]);
//!
//! let answer = br#"{"state":{"desired":{"on":true},"reported":{}},"metadata":{"on":{"t":1}},"version":7}"#;
//! let mut document = Document::<64>::new();
//! let mut reader = Reader::new(document.as_mut(), &ANSWER);
//! for piece in answer.chunks(10) {
//!     reader.feed(piece)?;
//! }
//! reader.finish()?;
//! assert_eq!(document.read::<bool>(&["state", "desired", "on"])?, true);
//! assert_eq!(document.read::<u32>(&["version"])?, 7);
//! assert!(document.value(&["metadata"]).is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Writing
//!
//! Documents are written without white space and in canonical order, so equal documents are equal
//! text, and what comes back needs no sorting.

mod error;
#[cfg(target_pointer_width = "64")]
mod fast;
mod fast_write;
mod number;
mod reader;
mod text;
mod writer;

pub use super::select::{Member, Select};
pub use error::{Expected, ReadError, ReadReason};
pub use reader::Reader;
pub use writer::Writer;

use super::select;
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::error::BufferTooSmall;

/// Reads a whole JSON text into `document`.
///
/// Cost: linear in the text; objects whose members are not in canonical order are sorted.
///
/// # Errors
/// [`ReadError`] says where and why; the document is then `{}`.
pub fn read(text: &[u8], document: DocumentMut<'_>) -> Result<(), ReadError> {
    #[cfg(target_pointer_width = "64")]
    {
        fast::read(text, document)
    }
    #[cfg(not(target_pointer_width = "64"))]
    {
        read_selected(text, document, &Select::All)
    }
}

/// Reads those parts of a whole JSON text that `select` names into `document`; all of the text is
/// checked.
///
/// # Errors
/// [`ReadError`] says where and why; the document is then `{}`.
pub fn read_selected(
    text: &[u8],
    document: DocumentMut<'_>,
    select: &'static Select,
) -> Result<(), ReadError> {
    let mut reader = Reader::new(document, select);
    reader.feed(text)?;
    reader.end().map(|_| ())
}

/// Writes a document as JSON text into the front of `out` and returns the length of the text.
///
/// # Errors
/// [`BufferTooSmall`] says how long the text is; what is in `out` is then of no use.
pub fn write(document: DocumentRef<'_>, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
    let mut writer = Writer::new(out);
    writer.document(document);
    writer.finish()
}

/// Returns the length of the JSON text of a document in bytes. Cost: linear.
pub fn len(document: DocumentRef<'_>) -> usize {
    let mut writer = Writer::counting();
    writer.document(document);
    writer.len()
}

#[cfg(test)]
mod tests;
