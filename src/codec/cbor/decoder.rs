//! Reading an envelope: items one after the other, each of the type that is asked for.

use super::error::{ReadError, ReadReason};
use super::reader::Reader;
use super::select::Select;
use crate::document::DocumentMut;

/// Reads data items one after the other from a whole message: the envelope around documents.
///
/// A call that fails moves nothing. Tags and strings in chunks are read inside documents and what is
/// skipped, not in the envelope itself.
///
/// ```
/// use twinsync::codec::cbor::Decoder;
/// use twinsync::document::Document;
///
/// let mut version = None;
/// let mut desired = Document::<64>::new();
/// let mut decoder = Decoder::new(b"\xA3\x00\x07\x01\xA1\x62on\xF5\x18\x63\x80");
/// let mut entries = decoder.map()?;
/// while decoder.more(&mut entries)? {
///     match decoder.unsigned()? {
///         0 => version = Some(decoder.unsigned()?),
///         1 => decoder.document(desired.as_mut())?,
///         _ => decoder.skip()?,
///     }
/// }
/// decoder.finish()?;
/// assert_eq!(version, Some(7));
/// assert_eq!(desired.read::<bool>(&["on"]), Ok(true));
/// # Ok::<(), twinsync::codec::cbor::ReadError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// What is still to come of a map or an array, see [`Decoder::more`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Left {
    /// Entries or items; `None` if a break ends them.
    count: Option<u64>,
}

impl<'a> Decoder<'a> {
    /// Starts at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns how many bytes were read.
    pub const fn offset(&self) -> usize {
        self.at
    }

    /// Starts a map: the number of its entries, each a key and a value.
    ///
    /// # Errors
    /// [`ReadError`]: not a map.
    pub fn map(&mut self) -> Result<Left, ReadError> {
        self.container(5)
    }

    /// Starts an array.
    ///
    /// # Errors
    /// [`ReadError`]: not an array.
    pub fn array(&mut self) -> Result<Left, ReadError> {
        self.container(4)
    }

    /// Returns whether another entry or item comes, and counts it as read; if not, the map or array is
    /// ended.
    ///
    /// # Errors
    /// [`ReadError`]: the bytes end before a map or an array that a break ends.
    pub fn more(&mut self, left: &mut Left) -> Result<bool, ReadError> {
        if let Some(count) = left.count {
            left.count = Some(count.saturating_sub(1));
            return Ok(count > 0);
        }
        match self.bytes.get(self.at) {
            None => Err(self.error(ReadReason::UnexpectedEnd)),
            Some(0xFF) => {
                self.at = self.at.wrapping_add(1);
                left.count = Some(0);
                Ok(false)
            }
            Some(_) => Ok(true),
        }
    }

    /// Reads an integer without a sign: a key, a version, a time.
    ///
    /// # Errors
    /// [`ReadError`]: not an unsigned integer.
    pub fn unsigned(&mut self) -> Result<u64, ReadError> {
        let (argument, at) = self.head(0)?;
        match argument {
            Some(value) => {
                self.at = at;
                Ok(value)
            }
            None => Err(self.error(ReadReason::Malformed)),
        }
    }

    /// Reads text, which must be in one piece.
    ///
    /// # Errors
    /// [`ReadError`]: not text, in chunks, not UTF-8.
    pub fn text(&mut self) -> Result<&'a str, ReadError> {
        let (len, start) = self.head(3)?;
        let len = len.ok_or_else(|| self.error(ReadReason::Type))?;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let text = usize::try_from(len).ok().and_then(|len| rest.get(..len));
        let text = text.ok_or_else(|| self.end())?;
        let text = core::str::from_utf8(text).map_err(|_| self.error(ReadReason::InvalidUtf8))?;
        self.at = start.wrapping_add(text.len());
        Ok(text)
    }

    /// Reads the document that starts here.
    ///
    /// # Errors
    /// [`ReadError`] says where in the message and why; the document is then `{}`.
    pub fn document(&mut self, document: DocumentMut<'_>) -> Result<(), ReadError> {
        self.item(Reader::new(document, &Select::All))
    }

    /// Reads what `select` names of the document that starts here.
    ///
    /// # Errors
    /// [`ReadError`] says where in the message and why; the document is then `{}`.
    pub fn selected(
        &mut self,
        document: DocumentMut<'_>,
        select: &'static Select,
    ) -> Result<(), ReadError> {
        self.item(Reader::new(document, select))
    }

    /// Passes over one data item with all that is in it, which must be well-formed. Cost: linear.
    ///
    /// # Errors
    /// [`ReadError`]: not well-formed, too deep.
    pub fn skip(&mut self) -> Result<(), ReadError> {
        let mut len = 0;
        let nowhere = DocumentMut {
            bytes: &mut [],
            len: &mut len,
        };
        self.item(Reader::skipping(nowhere))
    }

    /// Ends the message.
    ///
    /// # Errors
    /// [`ReadReason::Trailing`] if something follows.
    pub const fn finish(self) -> Result<(), ReadError> {
        if self.at < self.bytes.len() {
            return Err(self.error(ReadReason::Trailing));
        }
        Ok(())
    }

    fn item(&mut self, mut reader: Reader<'_>) -> Result<(), ReadError> {
        let used = reader.take(self.bytes.get(self.at..).unwrap_or_default());
        match reader.end() {
            Ok(_) => {
                self.at = self.at.wrapping_add(used);
                Ok(())
            }
            Err(error) => Err(ReadError {
                offset: self.at.wrapping_add(error.offset),
                ..error
            }),
        }
    }

    fn container(&mut self, major: u8) -> Result<Left, ReadError> {
        let (count, at) = self.head(major)?;
        self.at = at;
        Ok(Left { count })
    }

    /// Reads a head that must be of a major type: its argument, if it has one, and where it ends.
    fn head(&self, major: u8) -> Result<(Option<u64>, usize), ReadError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let (initial, rest) = rest.split_first().ok_or_else(|| self.end())?;
        if initial.wrapping_shr(5) != major {
            return Err(self.error(ReadReason::Type));
        }
        let info = initial & 0x1F;
        let width = match info {
            0..24 => 0,
            24..28 => 1_usize.wrapping_shl(u32::from(info & 3)),
            31 if major != 0 => return Ok((None, self.at.wrapping_add(1))),
            _ => return Err(self.error(ReadReason::Malformed)),
        };
        let bytes = rest.get(..width).ok_or_else(|| self.end())?;
        let argument = match width {
            0 => u64::from(info),
            _ => bytes.iter().fold(0_u64, |argument, byte| {
                argument.wrapping_shl(8) | u64::from(*byte)
            }),
        };
        Ok((Some(argument), self.at.wrapping_add(1).wrapping_add(width)))
    }

    const fn error(&self, reason: ReadReason) -> ReadError {
        ReadError {
            offset: self.at,
            reason,
        }
    }

    const fn end(&self) -> ReadError {
        ReadError {
            offset: self.bytes.len(),
            reason: ReadReason::UnexpectedEnd,
        }
    }
}
