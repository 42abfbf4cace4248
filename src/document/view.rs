//! The three ways to hold a document: own it, change it, read it.

use core::fmt;

use super::builder::Builder;
use super::edit::{self, EditError};
use super::format;
use super::leaves::Leaves;
use super::merge;
use super::validate::{self, FormatError};
use super::value::{Entries, TypeError, Value};
use crate::error::CapacityError;

/// A document that is read: any bytes that are known to be canonical.
///
/// Copying it is free. Two documents are equal exactly when their bytes are.
///
/// ```
/// use twinsync::document::{DocumentRef, FormatReason};
///
/// // A page of flash: {"a":21.5}
/// let page = [0xCB, 6, 0, 1, b'a', 0x84, 0xD7, 0, 0xFF];
/// let stored = DocumentRef::from_bytes(&page)?;
/// assert_eq!(stored.value(&["a"]).unwrap().as_number().unwrap().to_string(), "21.5");
///
/// let cut = DocumentRef::from_bytes(&page[..8]).unwrap_err();
/// assert_eq!((cut.offset, cut.reason), (0, FormatReason::Truncated));
/// # Ok::<(), twinsync::document::FormatError>(())
/// ```
#[derive(Clone, Copy, Eq, Hash)]
pub struct DocumentRef<'a> {
    bytes: &'a [u8],
}

/// A document that is changed in a buffer of fixed capacity.
///
/// Every change is all or nothing: an `Err` left the document as it was.
///
/// ```
/// use twinsync::document::DocumentMut;
///
/// let (mut bytes, mut len) = ([0; 16], 0);
/// let mut document = DocumentMut::new(&mut bytes, &mut len)?;
/// document.set(&["on"], true)?;
/// let error = document.set(&["name"], "far too long a name").unwrap_err();
/// assert_eq!(error.to_string(), "needs 32 bytes, has 16");
/// assert_eq!(document.as_ref().entries().count(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct DocumentMut<'a> {
    pub(crate) bytes: &'a mut [u8],
    pub(crate) len: &'a mut usize,
}

/// A document that owns its buffer of `N` bytes, at least 3 and at most [`MAX_DOCUMENT`].
///
/// All logic is written once, on [`DocumentRef`] and [`DocumentMut`]; the methods here lead there.
///
/// ```
/// use twinsync::document::Document;
///
/// let mut document = Document::<64>::new();
/// document.set(&["wifi", "channel"], 11)?;
/// document.set(&["on"], true)?;
/// assert_eq!(document.read::<u8>(&["wifi", "channel"])?, 11);
/// let paths: Vec<String> = document.leaves().map(|leaf| leaf.path.to_string()).collect();
/// assert_eq!(paths, ["on", "wifi/channel"], "shorter keys first");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`MAX_DOCUMENT`]: super::MAX_DOCUMENT
#[derive(Clone)]
pub struct Document<const N: usize> {
    bytes: [u8; N],
    /// Bytes in use. None in use is `{}`, too: a new document is all zeros and takes no flash.
    len: usize,
}

impl<'a> DocumentRef<'a> {
    /// The empty map, `{}`.
    pub const EMPTY: DocumentRef<'static> = DocumentRef {
        bytes: &format::EMPTY_MAP,
    };

    /// The lone value `null`: as a patch it removes what it is merged into.
    pub const NULL: DocumentRef<'static> = DocumentRef {
        bytes: &[format::NULL],
    };

    /// Takes stored bytes, checking all of them: structure, order, canonical form, text, depth.
    ///
    /// Cost: linear in the length; no recursion.
    ///
    /// # Errors
    /// [`FormatError`] says where and what; no byte is believed before the check has passed.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, FormatError> {
        validate::validate(bytes)?;
        Ok(Self { bytes })
    }

    /// Takes bytes that this crate built.
    pub(crate) const fn trusted(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Returns the canonical bytes.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns whether this is the empty map.
    pub const fn is_empty(self) -> bool {
        matches!(self.bytes, [format::MAP, 0, 0])
    }

    /// Returns whether this is a map (a section of a twin always is).
    pub const fn is_map(self) -> bool {
        matches!(self.bytes, [format::MAP, ..])
    }

    /// Returns the whole document as a value.
    pub fn root(self) -> Value<'a> {
        Value::at_front(self.bytes)
    }

    /// Returns the entries of the map at the root; none if the root is not a map.
    pub const fn entries(self) -> Entries<'a> {
        match self.root_map() {
            Some(map) => map.iter(),
            None => super::value::Map::EMPTY.iter(),
        }
    }

    const fn root_map(self) -> Option<super::value::Map<'a>> {
        if self.is_map() {
            Some(super::value::Map::trusted(self.bytes))
        } else {
            None
        }
    }

    /// Returns the leaves (scalars, arrays and empty maps) with their paths, in document order.
    pub fn leaves(self) -> Leaves<'a> {
        Leaves::new(self)
    }

    /// Returns the value at `path`, one key a level; the empty path is the root.
    ///
    /// Cost: one step for each smaller key on each level.
    pub fn value(self, path: &[&str]) -> Option<Value<'a>> {
        self.at(path).map(Self::root)
    }

    /// Returns the part of the document at `path` as a document of its own.
    pub fn at(self, path: &[&str]) -> Option<Self> {
        let at = path
            .iter()
            .try_fold(0, |at, key| edit::find(self.bytes, at, key.as_bytes()).ok())?;
        self.bytes
            .get(at..format::value_end(self.bytes, at))
            .map(Self::trusted)
    }

    /// Reads the value at `path` as `T`, see [`Value::read`].
    ///
    /// # Errors
    /// [`TypeError`]: missing, of another type, or out of range.
    pub fn read<T: TryFrom<Value<'a>, Error = TypeError>>(
        self,
        path: &[&str],
    ) -> Result<T, TypeError> {
        self.value(path).ok_or(TypeError::Missing)?.read()
    }

    /// Returns the deepest nesting of containers: 0 for a scalar, 1 for `{}`. Cost: linear.
    pub fn depth(self) -> usize {
        Leaves::depth(self)
    }
}

impl<'a> DocumentMut<'a> {
    /// Makes an empty document in `bytes`; what stood there is overwritten. `len` receives the
    /// document's length and keeps it.
    ///
    /// # Errors
    /// [`CapacityError`] if there are fewer than 3 bytes.
    pub fn new(bytes: &'a mut [u8], len: &'a mut usize) -> Result<Self, CapacityError> {
        let capacity = bytes.len();
        let Some(front) = bytes.first_chunk_mut::<3>() else {
            return Err(CapacityError {
                needed: format::EMPTY_MAP.len(),
                capacity,
            });
        };
        *front = format::EMPTY_MAP;
        *len = format::EMPTY_MAP.len();
        Ok(Self { bytes, len })
    }

    /// Lends the document on.
    pub fn reborrow(&mut self) -> DocumentMut<'_> {
        DocumentMut {
            bytes: self.bytes,
            len: self.len,
        }
    }

    /// Reads the document.
    pub fn as_ref(&self) -> DocumentRef<'_> {
        DocumentRef::trusted(self.bytes.get(..*self.len).unwrap_or_default())
    }

    /// Ends the borrow and returns the document for reading.
    pub fn into_ref(self) -> DocumentRef<'a> {
        DocumentRef::trusted(self.bytes.get(..*self.len).unwrap_or_default())
    }

    /// Returns the capacity in bytes, at most [`MAX_DOCUMENT`](super::MAX_DOCUMENT).
    pub fn capacity(&self) -> usize {
        self.bytes.len().min(format::MAX_DOCUMENT)
    }

    /// Empties the document: it becomes `{}`.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn clear(&mut self) {
        if let Some(front) = self.bytes.first_chunk_mut::<3>() {
            *front = format::EMPTY_MAP;
            *self.len = format::EMPTY_MAP.len();
        }
    }

    /// Starts to build a new document in place of this one, see [`Builder`].
    pub fn build(self) -> Builder<'a> {
        Builder::new(self)
    }

    /// Becomes a copy of `document`.
    ///
    /// # Errors
    /// [`CapacityError`]; the document is then as it was.
    pub fn assign(&mut self, document: DocumentRef<'_>) -> Result<(), CapacityError> {
        let needed = document.bytes.len();
        let capacity = self.capacity();
        if needed > capacity {
            return Err(CapacityError { needed, capacity });
        }
        *self.len = format::put(self.bytes, 0, document.bytes);
        Ok(())
    }

    /// Puts `value` at `path`, making maps on the way and replacing what is not a map; the empty path
    /// is the document itself.
    ///
    /// `null` is put like any other value: in a patch it removes the key.
    ///
    /// Cost: linear in what stands behind the path.
    ///
    /// # Errors
    /// [`EditError`]; the document is then as it was.
    pub fn set<'v>(&mut self, path: &[&str], value: impl Into<Value<'v>>) -> Result<(), EditError> {
        edit::set(self, path, value.into())
    }

    /// Puts a value at `path` that stands in another document, see [`DocumentMut::set`].
    pub(crate) fn copy(&mut self, path: &[&str], value: DocumentRef<'_>) -> Result<(), EditError> {
        // Like a container, any value can be copied without a look into it.
        edit::set(self, path, Value::Map(super::Map::trusted(value.bytes)))
    }

    /// Removes the value at `path` and says whether there was one. The root becomes `{}`.
    pub fn remove(&mut self, path: &[&str]) -> bool {
        edit::remove(self, path)
    }

    /// Merges a patch into the document (RFC 7396): maps merge, null removes, all else replaces.
    ///
    /// In place, without a second buffer. Cost: linear in the bytes touched and in what stands behind
    /// them.
    ///
    /// # Errors
    /// [`CapacityError`] if the merged document does not fit; the document is then as it was.
    pub fn merge(&mut self, patch: DocumentRef<'_>) -> Result<(), CapacityError> {
        merge::merge(self, patch)
    }

    /// Becomes a map that holds what the document was under `key`, and nothing else.
    ///
    /// Cost: linear. The map's header and the key are what it grows by.
    ///
    /// # Errors
    /// [`EditError`]; the document is then as it was.
    pub fn nest(&mut self, key: &str) -> Result<(), EditError> {
        edit::nest(self, key.as_bytes())
    }
}

impl<const N: usize> Document<N> {
    /// Makes the empty document, `{}`.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub const fn new() -> Self {
        const {
            assert!(N >= 3, "a document takes at least 3 bytes");
            assert!(N <= format::MAX_DOCUMENT, "lengths are 16 bits wide");
        }
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    /// Copies stored bytes after a complete check, see [`DocumentRef::from_bytes`].
    ///
    /// # Errors
    /// [`FormatError`]: not a canonical document, or longer than `N`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, FormatError> {
        let stored = DocumentRef::from_bytes(bytes)?;
        let mut document = Self::new();
        document
            .as_mut()
            .assign(stored)
            .map_err(FormatError::too_long)?;
        Ok(document)
    }

    /// Reads the document.
    pub fn as_ref(&self) -> DocumentRef<'_> {
        match self.bytes.get(..self.len) {
            None | Some([]) => DocumentRef::EMPTY,
            Some(bytes) => DocumentRef::trusted(bytes),
        }
    }

    /// Changes the document.
    pub fn as_mut(&mut self) -> DocumentMut<'_> {
        if self.len == 0 {
            self.len = format::put(&mut self.bytes, 0, &format::EMPTY_MAP);
        }
        DocumentMut {
            bytes: &mut self.bytes,
            len: &mut self.len,
        }
    }

    /// Returns the canonical bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.as_ref().as_bytes()
    }

    /// Returns whether this is the empty map.
    pub fn is_empty(&self) -> bool {
        self.as_ref().is_empty()
    }

    /// Returns the whole document as a value.
    pub fn root(&self) -> Value<'_> {
        self.as_ref().root()
    }

    /// Returns the entries of the map at the root; none if the root is not a map.
    pub fn entries(&self) -> Entries<'_> {
        self.as_ref().entries()
    }

    /// Returns the leaves with their paths, see [`DocumentRef::leaves`].
    pub fn leaves(&self) -> Leaves<'_> {
        self.as_ref().leaves()
    }

    /// Returns the deepest nesting of containers: 0 for a scalar, 1 for `{}`. Cost: linear.
    pub fn depth(&self) -> usize {
        self.as_ref().depth()
    }

    /// Returns the part of the document at `path` as a document of its own.
    ///
    /// Cost: one step for each smaller key on each level.
    pub fn at(&self, path: &[&str]) -> Option<DocumentRef<'_>> {
        self.as_ref().at(path)
    }

    /// Returns the value at `path`, see [`DocumentRef::value`].
    pub fn value(&self, path: &[&str]) -> Option<Value<'_>> {
        self.as_ref().value(path)
    }

    /// Reads the value at `path` as `T`, see [`DocumentRef::read`].
    ///
    /// # Errors
    /// [`TypeError`]: missing, of another type, or out of range.
    pub fn read<'a, T: TryFrom<Value<'a>, Error = TypeError>>(
        &'a self,
        path: &[&str],
    ) -> Result<T, TypeError> {
        self.as_ref().read(path)
    }

    /// Empties the document: it becomes `{}`.
    pub fn clear(&mut self) {
        self.as_mut().clear();
    }

    /// Starts to build a new document in place of this one, see [`Builder`].
    pub fn build(&mut self) -> Builder<'_> {
        self.as_mut().build()
    }

    /// Becomes a copy of `document`.
    ///
    /// # Errors
    /// [`CapacityError`]; the document is then as it was.
    pub fn assign(&mut self, document: DocumentRef<'_>) -> Result<(), CapacityError> {
        self.as_mut().assign(document)
    }

    /// Puts `value` at `path`, see [`DocumentMut::set`].
    ///
    /// # Errors
    /// [`EditError`]; the document is then as it was.
    pub fn set<'v>(&mut self, path: &[&str], value: impl Into<Value<'v>>) -> Result<(), EditError> {
        self.as_mut().set(path, value)
    }

    /// Removes the value at `path` and says whether there was one.
    pub fn remove(&mut self, path: &[&str]) -> bool {
        self.as_mut().remove(path)
    }

    /// Merges a patch into the document (RFC 7396), see [`DocumentMut::merge`].
    ///
    /// # Errors
    /// [`CapacityError`] if the merged document does not fit; the document is then as it was.
    pub fn merge(&mut self, patch: DocumentRef<'_>) -> Result<(), CapacityError> {
        self.as_mut().merge(patch)
    }

    /// Becomes the delta of `desired` against `reported`, see [`delta`](super::delta).
    ///
    /// # Errors
    /// [`CapacityError`]; the document is then as it was.
    pub fn assign_delta(
        &mut self,
        desired: DocumentRef<'_>,
        reported: DocumentRef<'_>,
    ) -> Result<(), CapacityError> {
        super::delta(desired, reported, &mut self.as_mut())
    }

    /// Becomes the patch that turns `from` into `to`, see [`diff`](super::diff).
    ///
    /// # Errors
    /// [`CapacityError`]; the document is then as it was.
    pub fn assign_diff(
        &mut self,
        from: DocumentRef<'_>,
        to: DocumentRef<'_>,
    ) -> Result<(), CapacityError> {
        super::diff(from, to, &mut self.as_mut())
    }
}

impl<const N: usize> Default for Document<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize, const M: usize> PartialEq<Document<M>> for Document<N> {
    fn eq(&self, other: &Document<M>) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl<const N: usize> Eq for Document<N> {}

impl PartialEq for DocumentRef<'_> {
    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl fmt::Debug for DocumentRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.root().fmt(f)
    }
}

impl fmt::Debug for DocumentMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

impl<const N: usize> fmt::Debug for Document<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for DocumentRef<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "document of {} bytes", self.bytes.len());
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for DocumentMut<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.as_ref().format(f);
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize> defmt::Format for Document<N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        self.as_ref().format(f);
    }
}
