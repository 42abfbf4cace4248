//! Building without questions: the part of the [`Builder`](super::Builder) that codecs use directly.
//!
//! Nothing here checks the order of calls, only room and bounds. A codec that keeps its own state
//! (such as the JSON reader) would check everything twice otherwise.

use core::cmp::Ordering;

use super::edit;
use super::format;
use super::format::short;
use super::sort;
use super::{DocumentMut, DocumentRef, Number};
use crate::document::value::Encoded;
use crate::error::CapacityError;

/// A document that is being written from front to back.
// What is small comes first, see the readers of the codecs.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Raw<'a> {
    /// Bytes written so far.
    pub(crate) at: usize,
    /// Where the text that is being written begins, its header included.
    text: usize,
    /// More than there is room for, once something did not fit: from then on nothing is written.
    needed: usize,
    /// The buffer, at most [`format::MAX_DOCUMENT`] bytes of it.
    pub(crate) bytes: &'a mut [u8],
    len: &'a mut usize,
    /// The containers that are being filled, outermost first.
    pub(crate) open: heapless::Vec<Open, { format::MAX_DEPTH }>,
}

/// A container that is being filled. Offsets fit into 16 bits, as documents do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    header: u16,
    /// The entry written last; 0 if there is none.
    pub(crate) entry: u16,
    pub(crate) map: bool,
    pub(crate) sorted: bool,
    /// Where its keys begin in a [`Listed`], or [`UNLISTED`].
    #[cfg(target_pointer_width = "64")]
    listed: u16,
}

/// Stands for a map whose keys are not listed.
#[cfg(target_pointer_width = "64")]
const UNLISTED: u16 = u16::MAX;

/// The keys of the maps that are being filled, as [`sort::sort_listed`] wants them.
#[cfg(target_pointer_width = "64")]
pub(crate) type Listed = heapless::Vec<u64, { sort::LISTED }>;

impl Open {
    /// Stands for "no container".
    #[cfg(target_pointer_width = "64")]
    pub(crate) const ROOT: Self = Self {
        header: 0,
        entry: 0,
        map: false,
        sorted: true,
        listed: UNLISTED,
    };

    #[inline(always)]
    pub(crate) fn new(header: usize, map: bool) -> Self {
        Self {
            header: short(header),
            entry: 0,
            map,
            sorted: true,
            #[cfg(target_pointer_width = "64")]
            listed: UNLISTED,
        }
    }

    /// As [`Open::new`], with its keys in the list.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    pub(crate) fn listed(header: usize, map: bool, listed: &Listed) -> Self {
        Self {
            listed: short(listed.len()),
            ..Self::new(header, map)
        }
    }

    /// Forgets that its keys are listed.
    #[cfg(target_pointer_width = "64")]
    pub(crate) fn unlist(&mut self) {
        self.listed = UNLISTED;
    }

    /// Whether nothing was written into this container, up to `at`.
    #[cfg(target_pointer_width = "64")]
    pub(crate) fn is_empty(self, at: usize) -> bool {
        usize::from(self.header).wrapping_add(format::HEADER) == at
    }

    /// Notes the key of `len` bytes, fewer than 255, that was written at `at`; `head` holds its first
    /// bytes, the first one lowest.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    pub(crate) fn enter(
        &mut self,
        bytes: &[u8],
        at: usize,
        len: usize,
        head: u64,
        listed: &mut Listed,
    ) {
        let entry = usize::from(self.entry);
        self.entry = short(at);
        if self.listed != UNLISTED {
            let digest = sort::digest(at, len, head);
            let last = listed.last().copied().unwrap_or_default();
            if listed.push(digest).is_ok() {
                if self.sorted && entry != 0 {
                    self.sorted = sort::is_ascending(bytes, last, digest);
                }
                return;
            }
            listed.truncate(usize::from(self.listed));
            self.unlist();
        }
        if self.sorted && entry != 0 {
            self.sorted = is_above(bytes, entry, at);
        }
    }

    /// As [`Open::end`], for a container whose keys may be listed.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    pub(crate) fn end_listed(self, bytes: &mut [u8], at: usize, listed: &mut Listed) -> usize {
        let first = usize::from(self.listed);
        if self.listed == UNLISTED {
            return self.end(bytes, at);
        }
        let header = usize::from(self.header);
        let start = header.wrapping_add(format::HEADER);
        let mut at = at;
        if !self.sorted
            && let Some(keys) = listed.get_mut(first..)
        {
            at = sort::sort_listed(bytes, start, at, keys);
        }
        listed.truncate(first);
        format::write_u16(bytes, header.wrapping_add(1), at.wrapping_sub(start));
        at
    }

    /// Ends this container, whose last byte stands before `at`; returns where it ends now.
    #[inline(always)]
    pub(crate) fn end(self, bytes: &mut [u8], at: usize) -> usize {
        let header = usize::from(self.header);
        let start = header.wrapping_add(format::HEADER);
        let at = if self.sorted {
            at
        } else {
            sort::sort(bytes, start, at)
        };
        format::write_u16(bytes, header.wrapping_add(1), at.wrapping_sub(start));
        at
    }
}

/// Whether the key of the entry at `at` is above the one of the entry at `entry`.
#[cfg(target_pointer_width = "64")]
#[inline(never)]
fn is_above(bytes: &[u8], entry: usize, at: usize) -> bool {
    let old = format::key_bytes(bytes, entry);
    format::key_order(old, format::key_bytes(bytes, at)) == Ordering::Less
}

impl<'a> Raw<'a> {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn new(document: DocumentMut<'a>) -> Self {
        let DocumentMut { bytes, len } = document;
        // Until it is finished the document is empty bytes; `{}` is restored by `Drop`.
        *len = 0;
        let capacity = bytes.len().min(format::MAX_DOCUMENT);
        Self {
            bytes: bytes.get_mut(..capacity).unwrap_or_default(),
            len,
            at: 0,
            open: heapless::Vec::new(),
            text: 0,
            needed: 0,
        }
    }

    /// Whether the innermost open container is a map; `None` if none is open.
    #[inline(always)]
    pub(crate) fn inside_map(&self) -> Option<bool> {
        self.open.last().map(|level| level.map)
    }

    /// Says whether there is room for `more` bytes, now and ever since the start. If not, the buffer
    /// counts as full: everything that follows does nothing.
    ///
    /// Remembering it here, instead of an error from each call, keeps small targets small.
    pub(crate) fn room(&mut self, more: usize) -> bool {
        if !self.is_full() {
            self.needed = self.at.saturating_add(more);
        }
        !self.is_full()
    }

    /// Whether something did not fit.
    #[inline(always)]
    pub(crate) fn is_full(&self) -> bool {
        self.needed > self.bytes.len()
    }

    /// Says what was needed when something did not fit.
    pub(crate) fn shortage(&self) -> CapacityError {
        CapacityError {
            needed: self.needed,
            capacity: self.bytes.len(),
        }
    }

    /// Starts a map or an array; [`Raw::open`] must not be full.
    pub(crate) fn begin(&mut self, map: bool) {
        let _ = self.open.push(Open::new(self.at, map));
        let tag = if map { format::MAP } else { format::ARRAY };
        self.text(&[tag, 0, 0]);
    }

    /// Ends the innermost map or array.
    pub(crate) fn end(&mut self) {
        if let Some(level) = self.open.pop() {
            self.at = level.end(self.bytes, self.at);
        }
    }

    /// Starts a string or a key.
    pub(crate) fn begin_text(&mut self) {
        self.text = self.at;
        self.text(&[0]);
    }

    /// Adds to the string or key that was started.
    pub(crate) fn text(&mut self, piece: &[u8]) {
        if self.room(piece.len()) {
            self.at = edit::put(self.bytes, self.at, piece);
        }
    }

    /// What was written of the string or key so far.
    pub(crate) fn written(&self) -> &[u8] {
        format::slice(self.bytes, self.text.wrapping_add(1), self.at)
    }

    /// Ends the string; `escape` says whether it holds a character that JSON must escape.
    pub(crate) fn end_string(&mut self, escape: bool) {
        let header = edit::string_header(self.written().len(), escape);
        self.widen(header.as_slice());
    }

    /// Ends the key, which is at most [`format::MAX_KEY`] bytes long; `escape` as for
    /// [`Raw::end_string`].
    pub(crate) fn end_key(&mut self, escape: bool) {
        let len = self.written().len();
        #[expect(clippy::cast_possible_truncation, reason = "at most 255")]
        let short_len = len as u8;
        if len == format::MAX_KEY || escape {
            self.widen(&[format::LONG_KEY, short_len]);
        } else {
            self.widen(&[short_len]);
        }
        if let Some(level) = self.open.last_mut() {
            if level.entry != 0 && level.sorted {
                let last = usize::from(level.entry);
                let order = format::entry_order(self.bytes, last, self.text);
                level.sorted = order == Ordering::Less;
            }
            level.entry = short(self.text);
        }
    }

    /// Writes a number.
    pub(crate) fn number(&mut self, number: Number) {
        self.text(Encoded::number(number).as_slice());
    }

    /// The document is complete: it takes the place of the old one.
    pub(crate) fn finish(&mut self) {
        *self.len = self.at;
    }

    /// Ends the document and returns it for reading.
    pub(crate) fn take(&mut self) -> DocumentRef<'a> {
        self.finish();
        let bytes: &'a mut [u8] = core::mem::take(&mut self.bytes);
        DocumentRef::trusted(bytes.get(..self.at).unwrap_or_default())
    }

    /// Ends the document, lets `last` read it and remove from it, and returns it for reading.
    pub(crate) fn take_edited<T>(
        &mut self,
        last: impl FnOnce(&mut DocumentMut<'_>) -> T,
    ) -> (T, DocumentRef<'a>) {
        self.finish();
        let result = last(&mut DocumentMut {
            bytes: self.bytes,
            len: self.len,
        });
        self.at = *self.len;
        (result, self.take())
    }

    /// Puts the header of the text into place, which may be longer than the byte left for it.
    fn widen(&mut self, header: &[u8]) {
        let extra = header.len().wrapping_sub(1);
        if extra > 0 {
            if !self.room(extra) {
                return;
            }
            let start = self.text.wrapping_add(1);
            edit::shift(self.bytes, start, self.at, start.wrapping_add(extra));
            self.at = self.at.wrapping_add(extra);
        }
        edit::put(self.bytes, self.text, header);
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        if *self.len == 0 {
            edit::put(self.bytes, 0, &format::EMPTY_MAP);
            *self.len = format::EMPTY_MAP.len();
        }
    }
}
