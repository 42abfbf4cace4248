//! How a device spells documents: it links the format that it names, and no other.

use super::option::ContentFormat;
use crate::codec::cbor;
use crate::codec::json::{self, Member, ReadError, ReadReason, Reader, Select};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::error::BufferTooSmall;
use crate::error::CapacityError;

/// A format that documents go out and come in by.
pub trait Format {
    /// Reads a document in pieces.
    type Reader<'a>: ReadBody<'a>;

    /// The format of documents.
    const DOCUMENT: ContentFormat;
    /// The format of merge patches.
    const PATCH: ContentFormat;

    /// Starts to read a body of this shape into `document`.
    fn reader<'a>(document: DocumentMut<'a>, shape: Shape) -> Self::Reader<'a>;

    /// Returns the length of a document as it is spelled, in bytes. Cost: linear.
    fn len(document: DocumentRef<'_>) -> usize;

    /// Writes a document into the front of `out` and returns its length.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long it is.
    fn write(document: DocumentRef<'_>, out: &mut [u8]) -> Result<usize, BufferTooSmall>;
}

/// What a body becomes in the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Shape {
    /// All of it.
    Whole,
    /// Of a twin, its sections desired and reported; the rest is checked and skipped.
    Sections,
    /// The value of this key in a map.
    Under(&'static str),
}

/// Reads a body that comes in pieces of any size.
pub trait ReadBody<'a> {
    /// Reads the next piece.
    ///
    /// # Errors
    /// [`BodyError`]; each further call returns it again.
    fn feed(&mut self, piece: &[u8]) -> Result<(), BodyError>;

    /// Ends the body and returns the document.
    ///
    /// # Errors
    /// [`BodyError`]; the document is then `{}`.
    fn end(&mut self) -> Result<DocumentRef<'a>, BodyError>;
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum BodyError {
    /// It is not of its format, or of a shape that it can not have: at this byte.
    Malformed(usize),
    /// It does not fit the document.
    Capacity(CapacityError),
}

/// JSON (RFC 8259): content format 50, patches 52.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Json;

/// Reads JSON, see [`Json`].
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct JsonReader<'a> {
    reader: Reader<'a>,
    /// The brace that was opened around the text is to be closed, and the text is to be watched.
    wrapped: Option<Outside>,
}

/// Watches that a text, put behind a key, stays the value of that key.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Outside {
    depth: usize,
    in_text: bool,
    escaped: bool,
}

static SECTIONS: Select = Select::Members(&[Member::all("desired"), Member::all("reported")]);

impl Format for Json {
    type Reader<'a> = JsonReader<'a>;

    const DOCUMENT: ContentFormat = ContentFormat::JSON;
    const PATCH: ContentFormat = ContentFormat::MERGE_PATCH_JSON;

    fn reader<'a>(document: DocumentMut<'a>, shape: Shape) -> JsonReader<'a> {
        let select = match shape {
            Shape::Sections => &SECTIONS,
            Shape::Whole | Shape::Under(_) => &Select::All,
        };
        let mut reader = Reader::new(document, select);
        let Shape::Under(key) = shape else {
            return JsonReader {
                reader,
                wrapped: None,
            };
        };
        for piece in ["{\"", key, "\":"] {
            // What fails now fails at the end, too.
            let _ = reader.feed(piece.as_bytes());
        }
        JsonReader {
            reader,
            wrapped: Some(Outside::default()),
        }
    }

    fn len(document: DocumentRef<'_>) -> usize {
        json::len(document)
    }

    fn write(document: DocumentRef<'_>, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        json::write(document, out)
    }
}

impl<'a> ReadBody<'a> for JsonReader<'a> {
    fn feed(&mut self, piece: &[u8]) -> Result<(), BodyError> {
        if let Some(outside) = &mut self.wrapped
            && !piece.iter().all(|byte| outside.admits(*byte))
        {
            return Err(BodyError::Malformed(0));
        }
        self.reader.feed(piece).map_err(fault)
    }

    fn end(&mut self) -> Result<DocumentRef<'a>, BodyError> {
        if self.wrapped.is_some() {
            self.reader.feed(b"}").map_err(fault)?;
        }
        self.reader.end().map_err(fault)
    }
}

impl Outside {
    /// Whether the next byte may come: one that would end the value, or begin another, may not.
    fn admits(&mut self, byte: u8) -> bool {
        if self.in_text {
            self.in_text = self.escaped || byte != b'"';
            self.escaped = !self.escaped && byte == b'\\';
            return true;
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => match self.depth.checked_sub(1) {
                Some(depth) => self.depth = depth,
                None => return false,
            },
            b',' => return self.depth > 0,
            _ => {}
        }
        true
    }
}

const fn fault(error: ReadError) -> BodyError {
    if let ReadReason::Capacity(error) = error.reason {
        BodyError::Capacity(error)
    } else {
        BodyError::Malformed(error.offset)
    }
}

/// CBOR (RFC 8949): content format 60, for patches as well: there is no registered format for a merge
/// patch in CBOR, and it is read as RFC 7396 says of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Cbor;

impl Format for Cbor {
    type Reader<'a> = cbor::Reader<'a>;

    const DOCUMENT: ContentFormat = ContentFormat::CBOR;
    const PATCH: ContentFormat = ContentFormat::CBOR;

    fn reader<'a>(document: DocumentMut<'a>, shape: Shape) -> cbor::Reader<'a> {
        let select = match shape {
            Shape::Sections => &SECTIONS,
            Shape::Whole | Shape::Under(_) => &Select::All,
        };
        let mut reader = cbor::Reader::new(document, select);
        if let Shape::Under(key) = shape {
            // A map of one entry, whose value the body is: nothing can follow it. Keys are short.
            let len = u8::try_from(key.len()).unwrap_or_default();
            for piece in [&[0xA1, 0x60 | len & 0x1F], key.as_bytes()] {
                // What fails now fails at the end, too.
                let _ = reader.feed(piece);
            }
        }
        reader
    }

    fn len(document: DocumentRef<'_>) -> usize {
        cbor::len(document)
    }

    fn write(document: DocumentRef<'_>, out: &mut [u8]) -> Result<usize, BufferTooSmall> {
        cbor::write(document, out)
    }
}

impl<'a> ReadBody<'a> for cbor::Reader<'a> {
    fn feed(&mut self, piece: &[u8]) -> Result<(), BodyError> {
        cbor::Reader::feed(self, piece).map_err(cbor_fault)
    }

    fn end(&mut self) -> Result<DocumentRef<'a>, BodyError> {
        cbor::Reader::end(self).map_err(cbor_fault)
    }
}

const fn cbor_fault(error: cbor::ReadError) -> BodyError {
    if let cbor::ReadReason::Capacity(error) = error.reason {
        BodyError::Capacity(error)
    } else {
        BodyError::Malformed(error.offset)
    }
}

#[cfg(test)]
mod tests {
    use super::{BodyError, Cbor, Format, Json, ReadBody, Shape};
    use crate::document::Document;

    fn read(text: &[u8], step: usize) -> Result<Document<128>, BodyError> {
        let mut document = Document::new();
        let mut reader = Json::reader(document.as_mut(), Shape::Under("desired"));
        for piece in text.chunks(step) {
            reader.feed(piece)?;
        }
        reader.end()?;
        drop(reader);
        Ok(document)
    }

    #[test]
    fn a_section_is_read_under_its_key() {
        let text = br#" {"a":[1,{"b":"},\"{"}],"c":{}} "#;
        for step in 1..text.len() {
            let document = read(text, step).unwrap();
            let said = document.read::<&str>(&["desired", "a"]);
            assert!(said.is_err());
            assert_eq!(document.as_ref().entries().count(), 1);
            assert!(document.at(&["desired", "c"]).is_some());
        }
    }

    #[test]
    fn a_text_does_not_reach_beyond_its_key() {
        for bad in [
            &br#"{},"reported":{"a":1}"#[..],
            br#"{},"desired":{"a":1}"#,
            b"7,\"x\":1",
            b"{}}",
            b"{",
            b"",
            b"{} {}",
            b"{}]",
        ] {
            for step in [1, bad.len().max(1)] {
                assert!(read(bad, step).is_err(), "{}", bad.escape_ascii());
            }
        }
    }

    #[test]
    fn a_section_in_cbor_is_read_under_its_key_and_nothing_follows_it() {
        let body = b"\xA1\x61a\x01";
        for step in 1..=body.len() {
            let mut document = Document::<64>::new();
            let mut reader = Cbor::reader(document.as_mut(), Shape::Under("desired"));
            for piece in body.chunks(step) {
                ReadBody::feed(&mut reader, piece).unwrap();
            }
            let read = ReadBody::end(&mut reader).unwrap();
            assert_eq!(read.read::<u8>(&["desired", "a"]), Ok(1));
        }
        for bad in [&b"\xA0\x61a\x01"[..], b"\xA0\xFF", b"", b"\xFF"] {
            let mut document = Document::<64>::new();
            let mut reader = Cbor::reader(document.as_mut(), Shape::Under("desired"));
            let fed = ReadBody::feed(&mut reader, bad);
            assert!(fed.is_err() || ReadBody::end(&mut reader).is_err());
        }
    }
}
