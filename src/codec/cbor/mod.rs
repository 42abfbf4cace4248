//! CBOR (RFC 8949): lenient in, deterministic out.
//!
//! [`Reader`] builds a document from bytes that may come in pieces of any size; [`read()`] does it in
//! one go. [`Writer`] spells documents and hand-made CBOR into a buffer and always knows the exact
//! length; [`write()`] and [`len()`] do it in one go. [`Decoder`] reads the envelope around documents.

mod decoder;
mod error;
mod level;
mod number;
mod reader;
mod writer;

pub use super::select::{Member, Select};
pub use decoder::{Decoder, Left};
pub use error::{ReadError, ReadReason};
pub use reader::Reader;
pub use writer::Writer;

use super::select;
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::error::BufferTooSmall;

/// Reads one whole CBOR data item into `document`.
///
/// Cost: linear in the bytes; maps whose keys are not in canonical order are sorted.
///
/// # Errors
/// [`ReadError`] says where and why; the document is then `{}`.
pub fn read(bytes: &[u8], document: DocumentMut<'_>) -> Result<(), ReadError> {
    read_selected(bytes, document, &Select::All)
}

/// Reads those parts of one whole CBOR data item that `select` names into `document`; the rest must be
/// well-formed.
///
/// # Errors
/// [`ReadError`] says where and why; the document is then `{}`.
pub fn read_selected(
    bytes: &[u8],
    document: DocumentMut<'_>,
    select: &'static Select,
) -> Result<(), ReadError> {
    let mut reader = Reader::new(document, select);
    reader.feed(bytes)?;
    reader.end().map(|_| ())
}

/// Writes a document as CBOR into the front of `out` and returns its length in bytes.
///
/// # Errors
/// [`BufferTooSmall`] says how long it is; what is in `out` is then of no use.
pub fn write(document: DocumentRef<'_>, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
    let mut writer = Writer::new(out);
    writer.document(document);
    writer.finish()
}

/// Returns the length of a document as CBOR in bytes. Cost: linear.
pub fn len(document: DocumentRef<'_>) -> usize {
    let mut writer = Writer::counting();
    writer.document(document);
    writer.len()
}

#[cfg(test)]
mod tests;
