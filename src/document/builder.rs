//! Building a document from front to back, in any key order.
//!
//! Codecs feed a [`Builder`] as they read. Keys may come in any order and more than once: when a map
//! ends, its entries are sorted and **the last of equal keys wins** (RFC 8259 §4 leaves it open).
//! Text may come in pieces. Nothing is allocated; what is built is canonical.

use core::fmt;

use super::DocumentMut;
use super::edit;
use super::format;
use super::raw::Raw;
use super::value::Value;
use crate::error::CapacityError;

/// Builds one document in place of an old one.
///
/// ```
/// use twinsync::document::Document;
///
/// let mut document = Document::<64>::new();
/// let mut builder = document.build();
/// builder.begin_map()?;
/// builder.key("on")?;
/// builder.value(true)?;
/// builder.key("at")?;
/// builder.begin_array()?;
/// builder.value(7)?;
/// builder.value(30)?;
/// builder.end()?;
/// builder.end()?;
/// builder.finish()?;
/// assert_eq!(document.value(&["on"]).and_then(|on| on.as_bool()), Some(true));
/// # Ok::<(), twinsync::document::BuildError>(())
/// ```
#[derive(Debug)]
pub struct Builder<'a> {
    raw: Raw<'a>,
    expect: Expect,
}

/// Why a document could not be built; it is then `{}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BuildError {
    /// The buffer is full; `needed` is what was needed up to here.
    Capacity(CapacityError),
    /// Containers are nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// A key is longer than [`MAX_KEY`](super::MAX_KEY) bytes.
    KeyTooLong,
    /// The call does not fit what was built so far, such as a value where a key belongs.
    OutOfPlace,
    /// Text is not UTF-8.
    Text,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expect {
    /// A value: the root, an array's item, or what belongs to the key just written.
    Value,
    /// A key, or the end of the map.
    Key,
    /// More of a string, or its end.
    Text,
    /// More of a key, or its end.
    KeyText,
    /// Nothing: the document is complete.
    Done,
}

impl<'a> Builder<'a> {
    pub(super) fn new(document: DocumentMut<'a>) -> Self {
        Self {
            raw: Raw::new(document),
            expect: Expect::Value,
        }
    }

    /// Starts a map.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn begin_map(&mut self) -> Result<(), BuildError> {
        self.begin(true)
    }

    /// Starts an array.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn begin_array(&mut self) -> Result<(), BuildError> {
        self.begin(false)
    }

    /// Writes the key of the next entry.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn key(&mut self, key: &str) -> Result<(), BuildError> {
        self.begin_key()?;
        self.text(key.as_bytes())?;
        self.end_text()
    }

    /// Writes a value: an item, the root, or what belongs to the last key.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn value<'v>(&mut self, value: impl Into<Value<'v>>) -> Result<(), BuildError> {
        let value = value.into();
        self.expect(Expect::Value)?;
        if self.raw.open.len().saturating_add(value.depth()) > format::MAX_DEPTH {
            return Err(BuildError::TooDeep);
        }
        self.raw.room(edit::encoded_len(value));
        self.fits()?;
        self.raw.at = edit::put_value(self.raw.bytes, self.raw.at, value);
        self.after_value();
        Ok(())
    }

    /// Starts a string that comes in pieces.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn begin_string(&mut self) -> Result<(), BuildError> {
        self.expect(Expect::Value)?;
        self.raw.begin_text();
        self.fits()?;
        self.expect = Expect::Text;
        Ok(())
    }

    /// Starts a key that comes in pieces.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn begin_key(&mut self) -> Result<(), BuildError> {
        self.expect(Expect::Key)?;
        self.raw.begin_text();
        self.fits()?;
        self.expect = Expect::KeyText;
        Ok(())
    }

    /// Adds bytes to the string or key that was started; characters may be cut anywhere.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    #[inline]
    pub fn text(&mut self, piece: &[u8]) -> Result<(), BuildError> {
        if !matches!(self.expect, Expect::Text | Expect::KeyText) {
            return Err(BuildError::OutOfPlace);
        }
        self.raw.text(piece);
        self.fits()
    }

    /// Ends the string or key; only now is it known whether it is UTF-8.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn end_text(&mut self) -> Result<(), BuildError> {
        let text = self.raw.written();
        if core::str::from_utf8(text).is_err() {
            return Err(BuildError::Text);
        }
        let escape = format::needs_escape(text);
        match self.expect {
            Expect::Text => {
                self.raw.end_string(escape);
                self.fits()?;
                self.after_value();
                Ok(())
            }
            Expect::KeyText => {
                if self.raw.written().len() > format::MAX_KEY {
                    return Err(BuildError::KeyTooLong);
                }
                self.raw.end_key(escape);
                self.fits()?;
                self.expect = Expect::Value;
                Ok(())
            }
            Expect::Value | Expect::Key | Expect::Done => Err(BuildError::OutOfPlace),
        }
    }

    /// Ends the innermost map or array.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn end(&mut self) -> Result<(), BuildError> {
        let Some(map) = self.raw.inside_map() else {
            return Err(BuildError::OutOfPlace);
        };
        if map != (self.expect == Expect::Key) || self.expect == Expect::Text {
            return Err(BuildError::OutOfPlace);
        }
        self.raw.end();
        self.after_value();
        Ok(())
    }

    /// Ends the document: only now does it take the place of the old one.
    ///
    /// # Errors
    /// [`BuildError::OutOfPlace`] if a value or an end is missing.
    pub fn finish(mut self) -> Result<(), BuildError> {
        self.expect(Expect::Done)?;
        self.fits()?;
        self.raw.finish();
        Ok(())
    }

    /// Returns how many maps and arrays are open.
    pub fn depth(&self) -> usize {
        self.raw.open.len()
    }

    fn begin(&mut self, map: bool) -> Result<(), BuildError> {
        self.expect(Expect::Value)?;
        if self.raw.open.is_full() {
            return Err(BuildError::TooDeep);
        }
        self.raw.begin(map);
        self.fits()?;
        self.expect = if map { Expect::Key } else { Expect::Value };
        Ok(())
    }

    fn fits(&self) -> Result<(), BuildError> {
        if self.raw.is_full() {
            return Err(BuildError::Capacity(self.raw.shortage()));
        }
        Ok(())
    }

    fn expect(&self, expect: Expect) -> Result<(), BuildError> {
        // Inside an array a key is out of place as long as a value is expected, and so on.
        if self.expect == expect {
            Ok(())
        } else {
            Err(BuildError::OutOfPlace)
        }
    }

    fn after_value(&mut self) {
        self.expect = match self.raw.inside_map() {
            None => Expect::Done,
            Some(true) => Expect::Key,
            Some(false) => Expect::Value,
        };
    }
}

impl From<CapacityError> for BuildError {
    fn from(error: CapacityError) -> Self {
        Self::Capacity(error)
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity(error) => error.fmt(f),
            Self::TooDeep => f.write_str("nested too deep"),
            Self::KeyTooLong => f.write_str("key is longer than 255 bytes"),
            Self::OutOfPlace => f.write_str("call out of place"),
            Self::Text => f.write_str("text is not UTF-8"),
        }
    }
}

impl core::error::Error for BuildError {}

#[cfg(feature = "defmt")]
impl defmt::Format for Builder<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Builder at {=usize}", self.raw.at);
    }
}
