//! Walking the leaves of a document without recursion.

use core::fmt;
use core::ops::Deref;

use super::DocumentRef;
use super::format;
use super::value::Value;

/// The keys from the root to a leaf; derefs to a slice that [`DocumentRef::value`] takes.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct LeafPath<'a> {
    len: usize,
    keys: [&'a str; format::MAX_DEPTH],
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
// Small fields first: Thumb code reaches only the first bytes with short instructions.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Leaves<'a> {
    bytes: &'a [u8],
    /// Where the next entry begins; in front of a document that is itself a leaf, 0.
    at: usize,
    /// Where the value of the last leaf begins.
    leaf: usize,
    /// One key for each map below the root that is open, and the one of the last leaf.
    path: LeafPath<'a>,
    /// Ends of the open maps. Offsets fit into 16 bits, as documents do.
    ends: [u16; format::MAX_DEPTH],
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
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn new(document: DocumentRef<'a>) -> Self {
        let bytes = document.as_bytes();
        let inner = document.is_map() && !document.is_empty();
        let mut leaves = Self {
            bytes,
            at: if inner { format::HEADER } else { 0 },
            leaf: 0,
            ends: [0; format::MAX_DEPTH],
            path: LeafPath::EMPTY,
        };
        leaves.open(bytes.len());
        leaves
    }

    /// Remembers where the map ends that the path leads to.
    fn open(&mut self, end: usize) {
        if let Some(slot) = self.ends.get_mut(self.path.len) {
            *slot = format::short(end);
        }
    }

    /// Goes to the next leaf and says whether there is one.
    ///
    /// Walks in the crate use this and look at [`Leaves::path`] and [`Leaves::document`] where they
    /// stand: a [`Leaf`] is large, and a copy of it costs small targets stack and code.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn step(&mut self) -> bool {
        if self.at == 0 {
            self.at = self.bytes.len().max(1);
            return true;
        }
        self.path.len = self.path.len.saturating_sub(1);
        while self.at >= usize::from(self.ends.get(self.path.len).copied().unwrap_or(0)) {
            if self.path.len == 0 {
                return false;
            }
            self.path.len = self.path.len.wrapping_sub(1);
        }
        loop {
            let (start, end) = format::key_span(self.bytes, self.at);
            let key = format::slice(self.bytes, start, end);
            self.path
                .push(core::str::from_utf8(key).unwrap_or_default());
            let next = format::value_end(self.bytes, end);
            self.at = end.wrapping_add(format::HEADER);
            if format::byte_at(self.bytes, end) != format::MAP || next <= self.at {
                self.leaf = end;
                self.at = next;
                return true;
            }
            self.open(next);
        }
    }

    /// The leaf that [`Leaves::step`] went to, to hand out.
    pub(crate) fn leaf(&self) -> Leaf<'a> {
        Leaf {
            path: self.path,
            value: self.document().root(),
        }
    }

    /// The path of the leaf that [`Leaves::step`] went to.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn path(&self) -> &[&'a str] {
        &self.path
    }

    /// The leaf that [`Leaves::step`] went to.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn document(&self) -> DocumentRef<'a> {
        let end = format::value_end(self.bytes, self.leaf);
        DocumentRef::trusted(format::slice(self.bytes, self.leaf, end))
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
        self.step().then(|| self.leaf())
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

#[cfg(feature = "defmt")]
impl defmt::Format for Leaves<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "leaves at {=usize} of {=usize}",
            self.at,
            self.bytes.len()
        );
    }
}
