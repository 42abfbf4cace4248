//! One index: which twins have which value at a path.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::ops::Bound;

use crate::document::{Number, Value};
use crate::query::{Comparison, ParseError, Path, Step, Test, parse_keys};
use crate::twin::{Section, TwinRef};

/// The ids of the twins by their value at one path.
///
/// Only scalars are kept. A twin without one there matches no comparison with a literal.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// The keys as a query has them, `tags` or `properties` first.
    keys: Vec<Box<str>>,
    ids: BTreeMap<Key, BTreeSet<Box<str>>>,
}

/// A scalar, in the order of queries. The order of types is of use only within the index.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Null,
    Bool(bool),
    Number(Number),
    Text(Box<str>),
}

/// What an index knows about a test.
pub(super) enum Candidates<'i> {
    /// The twins with this one value, in the order of their ids.
    Equal(&'i BTreeSet<Box<str>>),
    /// No twin.
    Nothing,
    /// The twins with values in this range.
    Range(Range<'i>),
}

/// Some of the values of an index.
pub(super) struct Range<'i> {
    low: Bound<Key>,
    high: Bound<Key>,
    /// How the texts start: where they do no more, the range ends before its bound.
    prefix: Option<&'i str>,
}

impl Index {
    pub(super) fn new(path: &str) -> Result<Self, ParseError> {
        let keys = parse_keys(path)?.into_iter().map(Box::from).collect();
        Ok(Self {
            keys,
            ids: BTreeMap::new(),
        })
    }

    /// Whether a query's path leads where the index does: roots count in any case, other keys do not.
    pub(super) fn is_of(&self, path: Path<'_>) -> bool {
        let properties = self
            .keys
            .first()
            .is_some_and(|key| key.eq_ignore_ascii_case("properties"));
        let any_case = if properties { 2 } else { 1 };
        let mut steps = path.steps();
        let same = self
            .keys
            .iter()
            .enumerate()
            .all(|(level, key)| match steps.next() {
                Some(Step::Key(step)) if level < any_case => step.eq_ignore_ascii_case(key),
                Some(Step::Key(step)) => step == &**key,
                Some(Step::Index(_)) | None => false,
            });
        same && steps.next().is_none()
    }

    /// Takes note that a twin has become another.
    pub(super) fn change(
        &mut self,
        id: &str,
        before: Option<TwinRef<'_>>,
        after: Option<TwinRef<'_>>,
    ) {
        let before = before.and_then(|twin| self.key_of(twin));
        let after = after.and_then(|twin| self.key_of(twin));
        if before == after {
            return;
        }
        if let Some(before) = before
            && let Some(ids) = self.ids.get_mut(&before)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.ids.remove(&before);
            }
        }
        if let Some(after) = after {
            self.ids.entry(after).or_default().insert(id.into());
        }
    }

    fn key_of(&self, twin: TwinRef<'_>) -> Option<Key> {
        let mut keys = self.keys.iter();
        let root = keys.next()?;
        let section = if root.eq_ignore_ascii_case("tags") {
            Section::Tags
        } else if keys.next()?.eq_ignore_ascii_case("desired") {
            Section::Desired
        } else {
            Section::Reported
        };
        let mut part = twin.document().at(&[section.key()])?;
        for key in keys {
            part = part.at(&[key])?;
        }
        Key::of(part.root())
    }

    /// What the index knows about a test; nothing if it cannot help.
    pub(super) fn candidates<'i>(&'i self, test: Test<'i>) -> Option<Candidates<'i>> {
        let text = |text: &str| Key::Text(text.into());
        let (comparison, value) = match test {
            Test::Prefix(prefix) => {
                return Some(Candidates::Range(Range {
                    low: Bound::Included(text(prefix)),
                    high: Bound::Unbounded,
                    prefix: Some(prefix),
                }));
            }
            Test::Compare(comparison, value) => (comparison, Key::of(value)?),
        };
        // Null counts as false, so truth values are left to the condition.
        let (lowest, highest) = match value {
            Key::Null | Key::Bool(_) => return None,
            Key::Number(_) => (Bound::Excluded(Key::Bool(true)), Bound::Excluded(text(""))),
            Key::Text(_) => (Bound::Included(text("")), Bound::Unbounded),
        };
        let range = |low, high| {
            Candidates::Range(Range {
                low,
                high,
                prefix: None,
            })
        };
        Some(match comparison {
            Comparison::Equal => match self.ids.get(&value) {
                Some(ids) => Candidates::Equal(ids),
                None => Candidates::Nothing,
            },
            Comparison::NotEqual => return None,
            Comparison::Less => range(lowest, Bound::Excluded(value)),
            Comparison::LessOrEqual => range(lowest, Bound::Included(value)),
            Comparison::Greater => range(Bound::Excluded(value), highest),
            Comparison::GreaterOrEqual => range(Bound::Included(value), highest),
        })
    }

    /// How many twins are in a range, counted up to `limit`.
    pub(super) fn count_in(&self, range: &Range<'_>, limit: usize) -> usize {
        let mut count = 0_usize;
        for (key, ids) in self.ids.range((range.low.as_ref(), range.high.as_ref())) {
            if count >= limit || !range.reaches(key) {
                break;
            }
            count = count.saturating_add(ids.len());
        }
        count
    }

    /// The twins in a range, in the order of their ids, without those up to `after`.
    pub(super) fn ids_in<'i>(&'i self, range: &Range<'_>, after: &str) -> Vec<&'i str> {
        let mut found = Vec::new();
        for (key, ids) in self.ids.range((range.low.as_ref(), range.high.as_ref())) {
            if !range.reaches(key) {
                break;
            }
            let ids = ids.iter().map(|id| &**id);
            found.extend(ids.filter(|id| *id > after));
        }
        found.sort_unstable();
        found
    }
}

impl Range<'_> {
    fn reaches(&self, key: &Key) -> bool {
        match (key, self.prefix) {
            (Key::Text(text), Some(prefix)) => text.starts_with(prefix),
            _ => true,
        }
    }
}

impl Key {
    fn of(value: Value<'_>) -> Option<Self> {
        match value {
            Value::Null => Some(Self::Null),
            Value::Bool(value) => Some(Self::Bool(value)),
            Value::Number(number) => Some(Self::Number(number)),
            Value::String(text) => Some(Self::Text(text.into())),
            Value::Array(_) | Value::Map(_) => None,
        }
    }
}
