//! Walking the leaves of a document without recursion.

use core::fmt;
use core::ops::Deref;

use super::DocumentRef;
use super::format;
use super::value::Value;

/// The keys from the root to a leaf; derefs to a slice that [`DocumentRef::value`] takes.
#[derive(Clone, Copy)]
pub struct LeafPath<'a> {
    keys: [&'a str; format::MAX_DEPTH],
    len: usize,
}

/// A leaf: a scalar, an array or an empty map, and where it stands.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Leaf<'a> {
    /// The keys from the root; empty if the document is itself a leaf.
    pub path: LeafPath<'a>,
    /// The value.
    pub value: Value<'a>,
}

/// Iterator over the leaves of a document, in document order.
#[derive(Clone, Copy, Debug)]
pub struct Leaves<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Ends of the open maps.
    ends: [usize; format::MAX_DEPTH],
    path: LeafPath<'a>,
    /// A document that is itself a leaf, not yet returned.
    root: bool,
}

impl<'a> LeafPath<'a> {
    pub(crate) const EMPTY: Self = Self {
        keys: [""; format::MAX_DEPTH],
        len: 0,
    };

    fn push(&mut self, key: &'a str) {
        if let Some(slot) = self.keys.get_mut(self.len) {
            *slot = key;
            self.len = self.len.wrapping_add(1);
        }
    }
}

impl<'a> Deref for LeafPath<'a> {
    type Target = [&'a str];

    fn deref(&self) -> &[&'a str] {
        self.keys.get(..self.len).unwrap_or_default()
    }
}

impl PartialEq for LeafPath<'_> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for LeafPath<'_> {}

impl<'a> Leaves<'a> {
    pub(super) fn new(document: DocumentRef<'a>) -> Self {
        let bytes = document.as_bytes();
        let mut leaves = Self {
            bytes,
            at: format::HEADER,
            ends: [0; format::MAX_DEPTH],
            path: LeafPath::EMPTY,
            root: !document.is_map() || document.is_empty(),
        };
        if let Some(end) = leaves.ends.first_mut() {
            *end = bytes.len();
        }
        leaves
    }

    /// Deepest nesting of maps and arrays.
    pub(super) fn depth(document: DocumentRef<'_>) -> usize {
        let bytes = document.as_bytes();
        let mut open: heapless::Vec<(usize, bool), { format::MAX_DEPTH }> = heapless::Vec::new();
        let (mut at, mut deepest) = (0, 0);
        while at < bytes.len() {
            if open.last().is_some_and(|(_, map)| *map) {
                at = format::key_span(bytes, at).1;
            }
            let tag = format::byte_at(bytes, at);
            let end = format::value_end(bytes, at);
            if matches!(tag, format::MAP | format::ARRAY) {
                // Deeper than the bound cannot be: whoever built the bytes refused it.
                let _ = open.push((end, tag == format::MAP));
                deepest = deepest.max(open.len());
                at = at.wrapping_add(format::HEADER);
            } else {
                at = end;
            }
            while open.last().is_some_and(|(end, _)| *end <= at) {
                open.pop();
            }
        }
        deepest
    }
}

impl<'a> Iterator for Leaves<'a> {
    type Item = Leaf<'a>;

    fn next(&mut self) -> Option<Leaf<'a>> {
        if self.root {
            self.root = false;
            self.at = self.bytes.len();
            return Some(Leaf {
                path: LeafPath::EMPTY,
                value: Value::at_front(self.bytes),
            });
        }
        // The path holds one key for each map below the root that is open.
        while self.at >= self.ends.get(self.path.len).copied().unwrap_or(0) {
            if self.path.len == 0 {
                return None;
            }
            self.path.len = self.path.len.wrapping_sub(1);
        }
        loop {
            let (start, end) = format::key_span(self.bytes, self.at);
            let key =
                core::str::from_utf8(format::slice(self.bytes, start, end)).unwrap_or_default();
            let next = format::value_end(self.bytes, end);
            let inner = end.wrapping_add(format::HEADER);
            let above = self.path.len;
            self.path.push(key);
            if format::byte_at(self.bytes, end) == format::MAP && next > inner {
                if let Some(slot) = self.ends.get_mut(self.path.len) {
                    *slot = next;
                }
                self.at = inner;
                continue;
            }
            self.at = next;
            let leaf = Leaf {
                path: self.path,
                value: Value::at_front(self.bytes.get(end..).unwrap_or_default()),
            };
            self.path.len = above;
            return Some(leaf);
        }
    }
}

impl fmt::Debug for LeafPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Display for LeafPath<'_> {
    /// The keys joined by `/`, as a person reads them; not escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, key) in self.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            f.write_str(key)?;
        }
        Ok(())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for LeafPath<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        for key in self.iter() {
            defmt::write!(f, "/{=str}", *key);
        }
    }
}
