//! Running queries: page by page, in a stable order.

use alloc::boxed::Box;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use super::indexed::Indexed;
use super::setting::known;
use super::token::{Token, TokenError, hash};
use crate::document::{DocumentMut, DocumentRef, EditError, MAX_DOCUMENT};
use crate::protocol::TwinId;
use crate::query::{GroupError, Groups, QueryRef, TwinItem};
use crate::twin::TwinRef;

/// Most rows on a page of whole twins (`SELECT *`), as IoT Hub has it.
pub const MAX_WHOLE_PAGE: usize = 100;
/// Most groups of a query.
pub const MAX_GROUPS: usize = 256;
/// Most bytes of the values that tell groups apart.
pub const MAX_GROUP_KEY: usize = 256;

/// Which page of a result is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct PageRequest<'t> {
    size: usize,
    whole: usize,
    continuation: Option<&'t str>,
}

/// One page of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Page {
    rows: Vec<Box<[u8]>>,
    continuation: Option<String>,
    examined: usize,
}

/// Why a query could not be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum SearchError {
    /// There are more groups than [`MAX_GROUPS`], or the values that tell one apart are longer than
    /// [`MAX_GROUP_KEY`].
    Group(GroupError),
    /// A row does not fit into a document.
    Row(EditError),
    /// The continuation token does not belong to the query.
    Token(TokenError),
}

impl<'t> PageRequest<'t> {
    /// Asks for a page of at most `size` rows, at least 1, and of at most [`MAX_WHOLE_PAGE`] for
    /// `SELECT *`.
    pub const fn new(size: usize) -> Self {
        Self {
            size: if size == 0 { 1 } else { size },
            whole: MAX_WHOLE_PAGE,
            continuation: None,
        }
    }

    /// Asks for the page after the one that this token came with.
    #[must_use]
    pub const fn after(mut self, continuation: &'t str) -> Self {
        self.continuation = Some(continuation);
        self
    }

    /// Allows so many rows, at least 1, on a page of `SELECT *`.
    #[must_use]
    pub const fn with_whole_limit(mut self, rows: usize) -> Self {
        self.whole = if rows == 0 { 1 } else { rows };
        self
    }
}

impl Page {
    /// Returns the rows in order: maps with the columns that are defined.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = DocumentRef<'_>> {
        self.rows.iter().map(|row| DocumentRef::trusted(row))
    }

    /// Returns a row, counted from 0.
    pub fn row(&self, index: usize) -> Option<DocumentRef<'_>> {
        self.rows.get(index).map(|row| DocumentRef::trusted(row))
    }

    /// Returns the token to ask for the next page with, if there is more: opaque text of letters,
    /// digits, `-` and `_`.
    pub fn continuation(&self) -> Option<&str> {
        self.continuation.as_deref()
    }

    /// Returns how many twins were looked at.
    pub const fn examined(&self) -> usize {
        self.examined
    }
}

/// A twin that matches and what it is sorted by.
struct Found<'s> {
    key: Box<[u8]>,
    id: String,
    item: TwinItem<'s>,
}

impl Indexed {
    /// Runs a query and returns one page of its result.
    ///
    /// Rows come in the order of `ORDER BY`, then of the ids. Paging is stable: a twin that neither
    /// changes nor goes is on exactly one page, whatever happens to others between two pages. The result
    /// of a query with groups is one page.
    ///
    /// Cost: the condition for each twin that an index does not rule out, up to the first one behind the
    /// page; with `ORDER BY` or groups, for all of them.
    ///
    /// # Errors
    /// [`SearchError`].
    pub fn search(&self, query: QueryRef<'_>, page: PageRequest<'_>) -> Result<Page, SearchError> {
        let mut search = Search {
            query,
            examined: 0,
            buffer: alloc::vec![0; MAX_DOCUMENT],
        };
        if query.is_grouped() {
            return search.groups(self);
        }
        let text = hash(query.text().as_bytes());
        let token = match page.continuation {
            None => None,
            Some(token) => Some(Token::read(token, text).map_err(SearchError::Token)?),
        };
        let left = match &token {
            Some(token) => token.left,
            None => query.top(),
        };
        let mut size = if query.is_whole() {
            page.size.min(page.whole)
        } else {
            page.size
        };
        let last = left.is_some_and(|left| usize::try_from(left).is_ok_and(|left| left <= size));
        if let (true, Some(left)) = (last, left) {
            size = usize::try_from(left).unwrap_or(size);
        }
        let more = usize::from(!last);
        let found = search.find(self, token.as_ref(), size.saturating_add(more))?;
        let rows = found.iter().take(size);
        let rows = rows
            .map(|found| search.row(|row| query.project(&found.item, row)))
            .collect::<Result<_, _>>()?;
        let continuation = (found.len() > size).then(|| {
            let end = size.checked_sub(1).and_then(|last| found.get(last));
            let token = Token {
                query: text,
                left: left.map(|left| left.saturating_sub(u32::try_from(size).unwrap_or(u32::MAX))),
                key: end.map(|end| end.key.to_vec()).unwrap_or_default(),
                id: end.map(|end| end.id.clone()).unwrap_or_default(),
            };
            token.write()
        });
        Ok(Page {
            rows,
            continuation,
            examined: search.examined,
        })
    }
}

struct Search<'q> {
    query: QueryRef<'q>,
    examined: usize,
    buffer: Vec<u8>,
}

impl<'q> Search<'q> {
    /// Builds a row or a key and keeps it.
    fn row(
        &mut self,
        write: impl FnOnce(&mut DocumentMut<'_>) -> Result<(), EditError>,
    ) -> Result<Box<[u8]>, SearchError> {
        let mut len = 0;
        let mut row = DocumentMut::new(&mut self.buffer, &mut len)
            .map_err(|error| SearchError::Row(EditError::Capacity(error)))?;
        write(&mut row).map_err(SearchError::Row)?;
        Ok(row.as_ref().as_bytes().into())
    }

    /// The twin as the query sees it, if it matches.
    fn judge<'s>(&mut self, id: TwinId<'s>, twin: TwinRef<'s>) -> Option<TwinItem<'s>> {
        if !twin.exists() {
            return None;
        }
        let item = known(id, twin);
        if !item.is_from(self.query.source()) {
            return None;
        }
        self.examined = self.examined.saturating_add(1);
        self.query.matches(&item).then_some(item)
    }

    /// The first `count` matches behind the token.
    fn find<'s>(
        &mut self,
        fleet: &'s Indexed,
        token: Option<&'s Token>,
        count: usize,
    ) -> Result<Vec<Found<'s>>, SearchError>
    where
        'q: 's,
    {
        let mut all = Vec::new();
        if count == 0 {
            return Ok(all);
        }
        let sorted = self.query.order_by().next().is_some();
        let end = match token {
            None => None,
            Some(token) => {
                let key = DocumentRef::from_bytes(&token.key);
                let key = key.map_err(|_| SearchError::Token(TokenError::Malformed))?;
                Some((key, token.id.as_str()))
            }
        };
        let after = match end {
            Some((_, id)) if !sorted => id,
            _ => "",
        };
        for (id, twin) in fleet.candidates(self.query, after) {
            let Some(item) = self.judge(id, twin) else {
                continue;
            };
            let query = self.query;
            let key = if sorted {
                self.row(|key| query.sort_key(&item, key))?
            } else {
                DocumentRef::EMPTY.as_bytes().into()
            };
            let found = Found {
                key,
                id: id.to_string(),
                item,
            };
            let place = |found: &Found<'_>, (key, id): (DocumentRef<'_>, &str)| {
                let order = query.key_order(DocumentRef::trusted(&found.key), key);
                order.then_with(|| found.id.as_str().cmp(id))
            };
            if end.is_some_and(|end| place(&found, end) != Ordering::Greater) {
                continue;
            }
            all.push(found);
            if !sorted && all.len() >= count {
                break;
            }
            if all.len() >= count.saturating_mul(2).max(1024) {
                self.keep(&mut all, count);
            }
        }
        self.keep(&mut all, count);
        Ok(all)
    }

    /// Sorts and drops what cannot be on the page.
    fn keep(&self, all: &mut Vec<Found<'_>>, count: usize) {
        all.sort_by(|a, b| {
            let (left, right) = (DocumentRef::trusted(&a.key), DocumentRef::trusted(&b.key));
            let order = self.query.key_order(left, right);
            order.then_with(|| a.id.cmp(&b.id))
        });
        all.truncate(count);
    }

    fn groups(&mut self, fleet: &Indexed) -> Result<Page, SearchError> {
        let query = self.query;
        let mut groups = Box::new(Groups::<MAX_GROUPS, MAX_GROUP_KEY>::new());
        for (id, twin) in fleet.candidates(query, "") {
            if let Some(item) = self.judge(id, twin) {
                groups.add(query, &item).map_err(SearchError::Group)?;
            }
        }
        let lone = usize::from(query.group_by().next().is_none());
        let mut rows = (0..groups.len().max(lone))
            .map(|group| self.row(|row| groups.project(query, group, row)))
            .collect::<Result<Vec<_>, _>>()?;
        rows.sort_by(|a, b| {
            let order = query.row_order(DocumentRef::trusted(a), DocumentRef::trusted(b));
            order.then_with(|| a.cmp(b))
        });
        if let Some(top) = query.top() {
            rows.truncate(usize::try_from(top).unwrap_or(usize::MAX));
        }
        Ok(Page {
            rows,
            continuation: None,
            examined: self.examined,
        })
    }
}

impl fmt::Display for SearchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(error) => error.fmt(f),
            Self::Row(error) => error.fmt(f),
            Self::Token(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for SearchError {}
