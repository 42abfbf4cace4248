//! A registry in memory that can be searched.

use alloc::boxed::Box;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::ops::Bound;

use super::index::{Candidates, Index};
use crate::document::Value;
use crate::hub::{InMemory, Registry, Usage};
use crate::protocol::TwinId;
use crate::query::{Comparison, Conjunct, ParseError, QueryRef, Source, Test};
use crate::time::{Instant, Timestamp};
use crate::twin::TwinRef;

/// A registry in memory with indexes of chosen paths: what a hub saves, it finds again by value.
///
/// Memory: beside that of [`InMemory`], one value for each different one at an index's path, and one id
/// for each twin that has one. Cost: load as there; save also looks the old and the new value up in each
/// index, in logarithmic time.
#[derive(Clone, Debug, Default)]
pub struct Indexed {
    twins: InMemory,
    indexes: Vec<Index>,
}

impl Indexed {
    /// Makes a registry without twins and indexes.
    pub const fn new() -> Self {
        Self {
            twins: InMemory::new(),
            indexes: Vec::new(),
        }
    }

    /// Adds an index of a path into tags, desired or reported, such as `properties.reported.battery`.
    ///
    /// Queries use it by themselves: for `=`, `<`, `<=`, `>`, `>=` with a number or a text, and for
    /// `STARTSWITH`, in a condition that needs it to be true (an outermost `AND`, or all of it). Cost:
    /// looks at all twins.
    ///
    /// # Errors
    /// [`ParseError`] if the text is no such path.
    pub fn with_index(mut self, path: &str) -> Result<Self, ParseError> {
        let mut index = Index::new(path)?;
        for (id, twin) in self.twins.iter() {
            index.change(&id.to_string(), None, Some(twin));
        }
        self.indexes.push(index);
        Ok(self)
    }

    /// Returns the twins.
    pub const fn twins(&self) -> &InMemory {
        &self.twins
    }

    /// Forgets a twin or its tombstone at once, see [`InMemory::remove`].
    pub fn remove(&mut self, id: TwinId<'_>) -> bool {
        if let Some(twin) = self.twins.twin(id) {
            for index in &mut self.indexes {
                index.change(&id.to_string(), Some(twin), None);
            }
        }
        self.twins.remove(id)
    }

    /// Forgets old tombstones, see [`InMemory::forget_deleted`].
    pub fn forget_deleted(&mut self, before: Timestamp) {
        // A tombstone has no values, so no index knows it.
        self.twins.forget_deleted(before);
    }

    /// The twins behind `after` that may match, in the order of their ids: the fewest that one part of
    /// the condition leaves over.
    pub(super) fn candidates<'s>(
        &'s self,
        query: QueryRef<'s>,
        after: &'s str,
    ) -> Box<dyn Iterator<Item = (TwinId<'s>, TwinRef<'s>)> + 's> {
        // Ids of a range must be sorted: beyond a half of all it is cheaper to look at each twin.
        let mut fewest = self.twins.len().div_ceil(2);
        let mut best = None;
        for conjunct in query.conjuncts() {
            if let Some(device) = device(query, conjunct) {
                let lone = Some(device).filter(|device| *device > after);
                return Box::new(lone.and_then(|device| self.twin(device)).into_iter());
            }
            let index = self.indexes.iter().find(|index| index.is_of(conjunct.path));
            let Some((index, candidates)) =
                index.and_then(|index| Some((index, index.candidates(conjunct.test)?)))
            else {
                continue;
            };
            let count = match &candidates {
                Candidates::Nothing => return Box::new(core::iter::empty()),
                Candidates::Equal(ids) => ids.len(),
                Candidates::Range(range) => index.count_in(range, fewest),
            };
            let equal = matches!(candidates, Candidates::Equal(_));
            if count < fewest || (equal && best.is_none()) {
                fewest = count;
                best = Some((index, candidates));
            }
        }
        match best {
            Some((_, Candidates::Equal(ids))) => {
                let ids = ids.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
                Box::new(ids.filter_map(|id| self.twin(id)))
            }
            Some((index, Candidates::Range(range))) => {
                let ids = index.ids_in(&range, after);
                Box::new(ids.into_iter().filter_map(|id| self.twin(id)))
            }
            Some((_, Candidates::Nothing)) | None => Box::new(self.twins.iter_after(after)),
        }
    }

    fn twin<'s>(&'s self, id: &'s str) -> Option<(TwinId<'s>, TwinRef<'s>)> {
        let id = match id.split_once('/') {
            Some((device, name)) => TwinId::new(device, Some(name)),
            None => TwinId::new(id, None),
        };
        let id = id.ok()?;
        Some((id, self.twins.twin(id)?))
    }
}

/// The device that the condition names, if the query is about devices.
fn device<'q>(query: QueryRef<'q>, conjunct: Conjunct<'q>) -> Option<&'q str> {
    let path = conjunct.path;
    let is_id = query.source() == Source::Devices
        && path.steps().nth(1).is_none()
        && path.last_key().eq_ignore_ascii_case("deviceId");
    match conjunct.test {
        Test::Compare(Comparison::Equal, Value::String(id)) if is_id => Some(id),
        Test::Compare(..) | Test::Prefix(_) => None,
    }
}

impl From<InMemory> for Indexed {
    fn from(twins: InMemory) -> Self {
        Self {
            twins,
            indexes: Vec::new(),
        }
    }
}

impl Registry for Indexed {
    type Error = Infallible;

    fn load(&mut self, id: TwinId<'_>) -> Result<Option<TwinRef<'_>>, Infallible> {
        self.twins.load(id)
    }

    fn save(&mut self, id: TwinId<'_>, twin: TwinRef<'_>) -> Result<(), Infallible> {
        if !self.indexes.is_empty() {
            let name = id.to_string();
            let before = self.twins.twin(id);
            for index in &mut self.indexes {
                index.change(&name, before, Some(twin));
            }
        }
        self.twins.save(id, twin)
    }

    fn usage(&mut self, device: &str, now: Instant) -> Option<&mut Usage> {
        self.twins.usage(device, now)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Indexed {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "{} under {=usize} indexes",
            self.twins,
            self.indexes.len()
        );
    }
}
