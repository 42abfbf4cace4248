//! Aggregates: what a query says about groups of twins.

use core::fmt;

use super::decimal::Decimal;
use super::environment::Environment;
use super::item::TwinItem;
use super::operand::{Kind, Scratch};
use super::program::Aggregate;
use super::row::{PLACES, write, write_keys};
use super::statement::{MAX_AGGREGATES, QueryRef};
use crate::document::{Document, DocumentMut, EditError};
use crate::error::CapacityError;

/// At most `G` groups of twins, each told apart by at most `K` bytes of values, with the aggregates of a
/// query.
///
/// ```
/// use twinsync::document::Document;
/// use twinsync::query::{Dialect, Groups, Query, TwinItem};
/// use twinsync::time::Timestamp;
/// use twinsync::twin::{self, Policy, Twin, TwinRef, Update};
///
/// let text = "SELECT tags.site AS site, AVG(tags.level) AS level, COUNT() FROM devices GROUP BY tags.site";
/// let query = Query::<32>::parse(text, Dialect::TWIN)?;
/// let mut groups = Groups::<4, 32>::new();
/// for (site, level) in [("north", 20), ("north", 25), ("south", 7)] {
///     let mut patch = Document::<64>::new();
///     patch.set(&["tags", "site"], site)?;
///     patch.set(&["tags", "level"], level)?;
///     let mut twin = Twin::<128>::new();
///     let update = Update::merge(patch.as_ref());
///     twin::apply(TwinRef::ABSENT, &update, Timestamp::EPOCH, &Policy::new(), &mut twin.as_mut())?;
///     let item = TwinItem::new("a device", twin.as_ref());
///     groups.add(query.as_ref(), &item)?;
/// }
/// let mut row = Document::<64>::new();
/// groups.project(query.as_ref(), 0, &mut row.as_mut())?;
/// assert_eq!(row.value(&["level"]).unwrap().as_number().unwrap().to_string(), "22.5");
/// assert_eq!(row.read::<u8>(&["count"])?, 2);
/// assert_eq!(groups.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Groups<const G: usize, const K: usize> {
    groups: heapless::Vec<Group<K>, G>,
}

#[derive(Clone, Debug)]
struct Group<const K: usize> {
    /// The values of the paths to group by, under their places.
    key: Document<K>,
    twins: u32,
    tallies: [Tally; MAX_AGGREGATES],
}

/// What an aggregate has seen so far.
#[derive(Clone, Copy, Debug)]
struct Tally {
    numbers: u32,
    /// The sum or the extreme of the numbers; nothing if there is none, or if there is no sum.
    value: Option<Decimal>,
}

/// Why a twin could not be counted; the groups are as they were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GroupError {
    /// It belongs to a group more than there is room for; the error counts groups.
    Groups(CapacityError),
    /// The values that tell its group apart do not fit.
    Key(EditError),
}

impl<const G: usize, const K: usize> Groups<G, K> {
    /// Makes room for groups.
    pub const fn new() -> Self {
        Self {
            groups: heapless::Vec::new(),
        }
    }

    /// Returns how many groups there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Returns whether no twin was counted.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// Counts a twin, whether it matches the query's condition or not. Cost: linear in the groups.
    ///
    /// An aggregate counts numbers only; what is no number, or undefined, is passed over.
    ///
    /// # Errors
    /// [`GroupError`]; nothing is then counted.
    pub fn add(&mut self, query: QueryRef<'_>, item: &TwinItem<'_>) -> Result<(), GroupError> {
        let mut key = Document::<K>::new();
        write_keys(query.group_by(), item, &mut key.as_mut()).map_err(GroupError::Key)?;
        let known = self.groups.iter().position(|group| group.key == key);
        let place = known.unwrap_or(self.groups.len());
        if known.is_none() {
            let group = Group {
                key,
                twins: 0,
                tallies: [Tally::NOTHING; MAX_AGGREGATES],
            };
            self.groups.push(group).map_err(|_| {
                GroupError::Groups(CapacityError {
                    needed: G.saturating_add(1),
                    capacity: G,
                })
            })?;
        }
        if let Some(group) = self.groups.get_mut(place) {
            group.twins = group.twins.saturating_add(1);
            tally(query, item, &mut group.tallies);
        }
        Ok(())
    }

    /// Writes the row of a group, counted from 0 in the order of their first twins.
    ///
    /// A query without `GROUP BY` has one row even if there is no twin. The row of a group that is not
    /// there is `{}`.
    ///
    /// # Errors
    /// [`EditError`] if the row does not fit; it is then `{}`.
    pub fn project(
        &self,
        query: QueryRef<'_>,
        group: usize,
        row: &mut DocumentMut<'_>,
    ) -> Result<(), EditError> {
        row.clear();
        let none = Group {
            key: Document::new(),
            twins: 0,
            tallies: [Tally::NOTHING; MAX_AGGREGATES],
        };
        let group = match self.groups.get(group) {
            Some(group) => group,
            None if group == 0 && query.group_by().next().is_none() => &none,
            None => return Ok(()),
        };
        let written = project(query, group, row);
        if written.is_err() {
            row.clear();
        }
        written
    }
}

impl<const G: usize, const K: usize> Default for Groups<G, K> {
    fn default() -> Self {
        Self::new()
    }
}

impl Tally {
    const NOTHING: Self = Self {
        numbers: 0,
        value: None,
    };

    fn add(&mut self, aggregate: Aggregate, number: Decimal) {
        let first = self.numbers == 0;
        self.numbers = self.numbers.saturating_add(1);
        self.value = match (self.value, aggregate) {
            (None, _) if first => Some(number),
            (None, _) => None,
            (Some(sum), Aggregate::Avg | Aggregate::Sum) => sum.plus(number),
            (Some(largest), Aggregate::Max) if number.order(largest).is_gt() => Some(number),
            (Some(smallest), Aggregate::Min) if number.order(smallest).is_lt() => Some(number),
            (value, _) => value,
        };
    }

    fn result(self, aggregate: Aggregate, twins: u32) -> Option<Decimal> {
        match aggregate {
            Aggregate::Count => Some(Decimal::integer(i64::from(twins))),
            Aggregate::Avg => self.value?.over(Decimal::integer(i64::from(self.numbers))),
            Aggregate::Max | Aggregate::Min | Aggregate::Sum => self.value,
        }
    }
}

fn tally(query: QueryRef<'_>, item: &TwinItem<'_>, tallies: &mut [Tally]) {
    let aggregates = query
        .columns()
        .filter_map(|column| Some((column.aggregate?, column.path)));
    for ((aggregate, path), tally) in aggregates.zip(tallies) {
        let Some(path) = path else {
            continue;
        };
        let value = item.resolve(path, &mut Scratch::new()).0;
        if let Some(number) = value.as_number() {
            tally.add(aggregate, number);
        }
    }
}

fn project<const K: usize>(
    query: QueryRef<'_>,
    group: &Group<K>,
    row: &mut DocumentMut<'_>,
) -> Result<(), EditError> {
    let scratch = Scratch::new();
    let mut tallies = group.tallies.iter();
    for column in query.columns() {
        if let Some(aggregate) = column.aggregate {
            let tally = tallies.next().copied().unwrap_or(Tally::NOTHING);
            let value = Kind::number(tally.result(aggregate, group.twins));
            write(&[column.name], value, &scratch, row)?;
            continue;
        }
        let mut keys = query.group_by().zip(PLACES);
        let place = keys.find(|(key, _)| Some(key.path) == column.path);
        if let Some(value) = place.and_then(|(_, place)| group.key.value(&[place])) {
            row.set(&[column.name], value)?;
        }
    }
    Ok(())
}

impl fmt::Display for GroupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Groups(error) => write!(f, "room for {} groups", error.capacity),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for GroupError {}

#[cfg(feature = "defmt")]
impl<const G: usize, const K: usize> defmt::Format for Groups<G, K> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=usize} of {=usize} groups", self.len(), G);
    }
}
