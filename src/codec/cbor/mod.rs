//! CBOR (RFC 8949): lenient in, deterministic out.
//!
//! [`Reader`] builds a document from bytes that may come in pieces of any size; [`read()`] does it in
//! one go. [`Writer`] spells documents and hand-made CBOR into a buffer and always knows the exact
//! length; [`write()`] and [`len()`] do it in one go. [`Decoder`] reads the envelope around documents.
//! Neither recurses, allocates or, without the feature `float`, touches a float.
//!
//! **The one rule: a document has one spelling out, and every legal spelling in that means the same is
//! read as the same document.**
//!
//! | document | written as | also read |
//! | --- | --- | --- |
//! | `null` `false` `true` | `F6` `F4` `F5` | |
//! | `23` `-500` | `17` `39 01F3` | every width (`19 0017`); floats (`F9 4DC0`); bignums of up to 64 bits (`C2 41 17`) |
//! | `21.5` | `C4 82 20 18D7`: tag 4, `[-1, 215]` | `C4 9F 20 18D7 FF`; with `float` also `F9 4D60`, `FA` …, `FB` … |
//! | `1e30` | `C4 82 18 1E 01`: tag 4, `[30, 1]` | every exponent and mantissa with this value |
//! | `"eco"` | `63 65636F` | in chunks: `7F 62 6563 61 6F FF` |
//! | `[1,[]]` | `82 01 80` | `9F 01 9F FF FF` |
//! | `{"on":true,"fan":2}` | `A2 62 6F6E F5 63 66616E 02` | keys in any order and in chunks, `BF` … `FF` |
//!
//! ```
//! use twinsync::codec::cbor;
//! use twinsync::document::Document;
//!
//! let mut document = Document::<64>::new();
//! cbor::read(b"\xBF\x66target\xC4\x82\x21\x19\x08\x66\x62on\xF5\xFF", document.as_mut())?;
//! let mut out = [0; 32];
//! let len = cbor::write(document.as_ref(), &mut out)?;
//! assert_eq!(&out[..len], b"\xA2\x62on\xF5\x66target\xC4\x82\x20\x18\xD7");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reading
//!
//! * A number is kept exactly or refused, never rounded. An integer beyond an `i64` is kept if its
//!   digits are few (`1B 8AC7230489E80000` is 10¹⁹). A float becomes its shortest decimal, as everywhere
//!   (a half that of the single it equals); without `float` only integers below 2²⁴ (double: 2⁵³) are
//!   read. NaN and infinities are refused.
//! * **A tag is ignored and its content taken**, so a date (0, 1) is its text or number. Tags 2, 3 and 4
//!   are numbers. Tags whose content means something else without them are refused: 5, 25, 29, 30, 264,
//!   265.
//! * Keys are text; of equal ones the last wins, as in [`json`](super::json). Byte strings, `undefined`
//!   and all other simple values are refused.
//! * Text must be UTF-8, each chunk by itself (§3.2.3). Depth is bounded by
//!   [`MAX_DEPTH`](crate::document::MAX_DEPTH); tags do not count.
//! * What a [`Select`] leaves out only has to be well-formed (appendix C), and one level deeper at most.
//! * **After an error the document is `{}`.** The error says at which data item and why.
//!
//! # Writing
//!
//! Deterministic (§4.2.1): shortest heads, definite lengths, keys in bytewise order of their encodings,
//! which for text is length, then bytes: the order that documents have. An integer that fits into an
//! `i64` is an integer, every other number is a decimal fraction, also one with a positive exponent.
//!
//! # Why not a library
//!
//! `minicbor` reads and writes slices in Rust types. Its `Decoder` in place of [`Decoder`] adds 4.6 KB
//! of flash, its `Encoder` in place of [`Writer`] 1.0 KB (thumbv7em, `opt-level = "z"`, one envelope);
//! without `alloc` it cannot skip an indefinite array inside a definite one, and nothing in it stops
//! between two bytes. It serves as an oracle in the tests, beside `ciborium`.

mod decoder;
mod error;
#[cfg(target_pointer_width = "64")]
mod fast;
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
