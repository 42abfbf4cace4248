//! Building a document from front to back, in any key order.
//!
//! Codecs feed a [`Builder`] as they read. Keys may come in any order and more than once: when a map
//! ends, its entries are sorted and **the last of equal keys wins** (RFC 8259 §4 leaves it open).
//! Text may come in pieces. Nothing is allocated; what is built is canonical.

use core::cmp::Ordering;
use core::fmt;

use super::DocumentMut;
use super::edit;
use super::format;
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
    bytes: &'a mut [u8],
    len: &'a mut usize,
    at: usize,
    open: heapless::Vec<Open, { format::MAX_DEPTH }>,
    expect: Expect,
    /// Where the text that is being written begins, its header included.
    text: usize,
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

/// A container that is being filled.
#[derive(Clone, Copy, Debug)]
struct Open {
    header: usize,
    map: bool,
    /// The entry written last; 0 if there is none.
    entry: usize,
    sorted: bool,
}

impl<'a> Builder<'a> {
    pub(super) fn new(document: DocumentMut<'a>) -> Self {
        let DocumentMut { bytes, len } = document;
        // Until it is finished the document is the one-byte value at its front; `{}` after a failure
        // is restored by `Drop`.
        *len = 0;
        Self {
            bytes,
            len,
            at: 0,
            open: heapless::Vec::new(),
            expect: Expect::Value,
            text: 0,
        }
    }

    /// Starts a map.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn begin_map(&mut self) -> Result<(), BuildError> {
        self.begin(format::MAP)
    }

    /// Starts an array.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn begin_array(&mut self) -> Result<(), BuildError> {
        self.begin(format::ARRAY)
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
        let depth = match value {
            Value::Array(array) => super::leaves::Leaves::depth(array.as_document()),
            Value::Map(map) => super::leaves::Leaves::depth(map.as_document()),
            _ => 0,
        };
        if self.open.len().saturating_add(depth) > format::MAX_DEPTH {
            return Err(BuildError::TooDeep);
        }
        self.room(edit::encoded_len(value))?;
        self.at = edit::put_value(self.bytes, self.at, value);
        self.after_value();
        Ok(())
    }

    /// Starts a string that comes in pieces.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn begin_string(&mut self) -> Result<(), BuildError> {
        self.expect(Expect::Value)?;
        self.room(1)?;
        self.text = self.at;
        self.at = self.at.wrapping_add(1);
        self.expect = Expect::Text;
        Ok(())
    }

    /// Starts a key that comes in pieces.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn begin_key(&mut self) -> Result<(), BuildError> {
        self.expect(Expect::Key)?;
        self.room(1)?;
        self.text = self.at;
        self.at = self.at.wrapping_add(1);
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
        self.room(piece.len())?;
        self.at = edit::put(self.bytes, self.at, piece);
        Ok(())
    }

    /// Ends the string or key; only now is it known whether it is UTF-8.
    ///
    /// # Errors
    /// [`BuildError`]; the document cannot be finished any more.
    pub fn end_text(&mut self) -> Result<(), BuildError> {
        let start = self.text.wrapping_add(1);
        let text = format::slice(self.bytes, start, self.at);
        if core::str::from_utf8(text).is_err() {
            return Err(BuildError::Text);
        }
        let len = text.len();
        match self.expect {
            Expect::Text => {
                let header = edit::string_header(text);
                let extra = header.as_slice().len().wrapping_sub(1);
                self.widen(start, extra)?;
                edit::put(self.bytes, self.text, header.as_slice());
                self.after_value();
                Ok(())
            }
            Expect::KeyText => {
                if len > format::MAX_KEY {
                    return Err(BuildError::KeyTooLong);
                }
                #[expect(clippy::cast_possible_truncation, reason = "checked above")]
                let short = len as u8;
                if len == format::MAX_KEY || format::needs_escape(text) {
                    self.widen(start, 1)?;
                    edit::put(self.bytes, self.text, &[format::LONG_KEY, short]);
                } else {
                    edit::put(self.bytes, self.text, &[short]);
                }
                self.after_key(self.text);
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
        let Some(level) = self.open.last().copied() else {
            return Err(BuildError::OutOfPlace);
        };
        if level.map != (self.expect == Expect::Key) {
            return Err(BuildError::OutOfPlace);
        }
        let start = level.header.wrapping_add(format::HEADER);
        if !level.sorted {
            self.at = sort(self.bytes, start, self.at);
        }
        let inner = self.at.wrapping_sub(start);
        format::write_u16(self.bytes, level.header.wrapping_add(1), inner);
        self.open.pop();
        self.after_value();
        Ok(())
    }

    /// Ends the document: only now does it take the place of the old one.
    ///
    /// # Errors
    /// [`BuildError::OutOfPlace`] if a value or an end is missing.
    pub fn finish(mut self) -> Result<(), BuildError> {
        self.expect(Expect::Done)?;
        *self.len = self.at;
        Ok(())
    }

    /// Returns how many maps and arrays are open.
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    fn begin(&mut self, tag: u8) -> Result<(), BuildError> {
        self.expect(Expect::Value)?;
        self.room(format::HEADER)?;
        let level = Open {
            header: self.at,
            map: tag == format::MAP,
            entry: 0,
            sorted: true,
        };
        if self.open.push(level).is_err() {
            return Err(BuildError::TooDeep);
        }
        self.at = edit::put(self.bytes, self.at, &[tag, 0, 0]);
        self.expect = if level.map {
            Expect::Key
        } else {
            Expect::Value
        };
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

    #[inline(always)]
    fn room(&self, more: usize) -> Result<(), BuildError> {
        let needed = self.at.saturating_add(more);
        let capacity = self.bytes.len().min(format::MAX_DOCUMENT);
        if needed > capacity {
            return Err(BuildError::Capacity(CapacityError { needed, capacity }));
        }
        Ok(())
    }

    /// Moves the text that starts at `start` back by `extra` bytes, for a longer header.
    fn widen(&mut self, start: usize, extra: usize) -> Result<(), BuildError> {
        if extra > 0 {
            self.room(extra)?;
            edit::shift(self.bytes, start, self.at, start.wrapping_add(extra));
            self.at = self.at.wrapping_add(extra);
        }
        Ok(())
    }

    fn after_key(&mut self, entry: usize) {
        if let Some(level) = self.open.last_mut() {
            if level.entry != 0 && level.sorted {
                let last = format::key_bytes(self.bytes, level.entry);
                let this = format::key_bytes(self.bytes, entry);
                level.sorted = format::key_order(last, this) == Ordering::Less;
            }
            level.entry = entry;
        }
        self.expect = Expect::Value;
    }

    fn after_value(&mut self) {
        self.expect = match self.open.last() {
            None => Expect::Done,
            Some(level) if level.map => Expect::Key,
            Some(_) => Expect::Value,
        };
    }
}

impl Drop for Builder<'_> {
    fn drop(&mut self) {
        if *self.len == 0 {
            edit::put(self.bytes, 0, &format::EMPTY_MAP);
            *self.len = format::EMPTY_MAP.len();
        }
    }
}

/// Sorts the map entries in `start..end`; of equal keys the last stays. Returns the new end.
///
/// An insertion sort that rotates each entry into its place: what arrives nearly sorted moves little.
fn sort(bytes: &mut [u8], start: usize, end: usize) -> usize {
    let mut sorted = start;
    let mut end = end;
    while sorted < end {
        let next = format::entry_end(bytes, sorted);
        // The place among the sorted entries: behind all that are smaller.
        let mut place = start;
        let mut equal = None;
        while place < sorted {
            let order = format::key_order(
                format::key_bytes(bytes, place),
                format::key_bytes(bytes, sorted),
            );
            let place_end = format::entry_end(bytes, place);
            match order {
                Ordering::Less => place = place_end,
                Ordering::Equal => {
                    equal = Some(place_end);
                    break;
                }
                Ordering::Greater => break,
            }
        }
        let len = next.wrapping_sub(sorted);
        if let Some(slice) = bytes.get_mut(place..next)
            && len <= slice.len()
        {
            slice.rotate_right(len);
        }
        sorted = next;
        if let Some(old_end) = equal {
            // The older entry now stands behind the new one: it goes.
            let old = place.wrapping_add(len);
            let gone = old_end.wrapping_sub(place);
            edit::shift(bytes, old.wrapping_add(gone), end, old);
            sorted = sorted.wrapping_sub(gone);
            end = end.wrapping_sub(gone);
        }
    }
    end
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
