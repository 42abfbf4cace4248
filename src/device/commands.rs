//! What the application says: reports, verdicts on desired, what it kept over a restart.

use core::fmt;

use super::changes;
use super::state::{Parts, Patch, Stage, State};
use crate::document::{DocumentRef, EditError, Leaf, Leaves, MAX_DEPTH, Value};
use crate::error::CapacityError;
use crate::protocol::Versions;
use crate::rules::Verdict;
use crate::time::Instant;

/// Why a report was not taken; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ReportError {
    /// A section is a map; the patch is not.
    NotAMap,
    /// A null stands in the value: a section holds none, and only a patch takes something back by it.
    Null,
    /// It does not fit into reported, or stands too deep: at most
    /// [`MAX_DEPTH`](crate::document::MAX_DEPTH)` - 1` levels.
    Edit(EditError),
}

/// Why a verdict on desired was not taken; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum VerdictError {
    /// Desired has no value at this path.
    NotDesired,
    /// The value does not fit into reported.
    Edit(EditError),
}

/// What became of a work list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settled {
    /// Changes that were applied, and are reported.
    pub applied: usize,
    /// Changes that were refused.
    pub refused: usize,
    /// Changes that were postponed.
    pub postponed: usize,
    /// Changes that were applied but do not fit into reported; they stay in the work list.
    pub no_room: usize,
}

/// What an engine needs to go on after a restart: five parts to store and to hand back.
///
/// The documents are canonical bytes ([`DocumentRef::as_bytes`], [`DocumentRef::from_bytes`]).
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Memory<'a> {
    /// The service's desired section.
    pub desired: DocumentRef<'a>,
    /// What the device says.
    pub reported: DocumentRef<'a>,
    /// What the service is known to have of it.
    pub acknowledged: DocumentRef<'a>,
    /// The versions of the service's sections.
    pub versions: Versions,
    /// The number of the next request, so that ids differ from those of the life before.
    pub next_request: u32,
}

/// Levels of a section: a message has one around it.
const DEPTH: usize = MAX_DEPTH - 1;

impl Parts<'_> {
    pub(super) fn report(
        &mut self,
        now: Instant,
        patch: DocumentRef<'_>,
    ) -> Result<(), ReportError> {
        self.core.advance(now);
        if !patch.is_map() {
            return Err(ReportError::NotAMap);
        }
        if patch.depth() > DEPTH {
            return Err(ReportError::Edit(EditError::TooDeep));
        }
        Ok(self.reported.merge(patch)?)
    }

    pub(super) fn report_value(
        &mut self,
        now: Instant,
        path: &[&str],
        value: Value<'_>,
    ) -> Result<(), ReportError> {
        self.core.advance(now);
        if value.depth().saturating_add(path.len()) > DEPTH {
            return Err(ReportError::Edit(EditError::TooDeep));
        }
        if matches!(value, Value::Null) && !path.is_empty() {
            self.reported.remove(path);
            return Ok(());
        }
        if path.is_empty() && !matches!(value, Value::Map(_)) {
            return Err(ReportError::NotAMap);
        }
        if let Value::Map(map) = value {
            let mut leaves = map.as_document().leaves();
            if leaves.any(|leaf| matches!(leaf.value, Value::Null)) {
                return Err(ReportError::Null);
            }
        }
        Ok(self.reported.set(path, value)?)
    }

    pub(super) fn acknowledge(&mut self, now: Instant, path: &[&str]) -> Result<(), VerdictError> {
        self.core.advance(now);
        let value = self.desired.as_ref().at(path);
        let value = value.ok_or(VerdictError::NotDesired)?;
        self.reported.copy(path, value).map_err(VerdictError::Edit)
    }

    pub(super) fn refuse(&mut self, now: Instant, path: &[&str]) -> Result<(), VerdictError> {
        self.core.advance(now);
        let desired = self.desired.as_ref();
        if desired.at(path).is_none() {
            return Err(VerdictError::NotDesired);
        }
        let mut leaves = desired.leaves();
        while leaves.step() {
            if leaves.path().starts_with(path) {
                self.core.refused.insert(&leaves);
            }
        }
        Ok(())
    }

    pub(super) fn settle(
        &mut self,
        now: Instant,
        judge: &mut dyn FnMut(Leaf<'_>) -> Verdict,
    ) -> Settled {
        self.core.advance(now);
        let mut settled = Settled::default();
        let mut leaves = self.desired.as_ref().leaves();
        while leaves.step() {
            let reported = self.reported.as_ref();
            let acks = self.core.config.acks;
            if !changes::is_open(&leaves, reported, acks, &self.core.refused) {
                continue;
            }
            let count = match ask(judge, &leaves) {
                Verdict::Applied
                    if self.reported.copy(leaves.path(), leaves.document()).is_ok() =>
                {
                    &mut settled.applied
                }
                Verdict::Applied => &mut settled.no_room,
                Verdict::Refused => {
                    self.core.refused.insert(&leaves);
                    &mut settled.refused
                }
                Verdict::Postponed => &mut settled.postponed,
            };
            *count = count.wrapping_add(1);
        }
        settled
    }

    pub(super) fn refresh(&mut self, now: Instant) {
        self.core.advance(now);
        self.core.resync();
    }

    pub(super) fn restore(&mut self, memory: &Memory<'_>) -> Result<(), CapacityError> {
        let capacity = self.desired.capacity();
        let mut needed = 0;
        for document in [memory.desired, memory.reported, memory.acknowledged] {
            needed = document.as_bytes().len().max(needed);
        }
        if needed > capacity {
            return Err(CapacityError { needed, capacity });
        }
        self.desired.assign(memory.desired)?;
        self.reported.assign(memory.reported)?;
        self.acknowledged.assign(memory.acknowledged)?;
        let core = &mut *self.core;
        core.known = core.scoped(&memory.versions);
        core.seen = core.known;
        core.believed = core.known != Versions::ZERO;
        core.next_id = memory.next_request;
        core.patch = Patch::None;
        if core.stage == Stage::InStep {
            core.stage = Stage::Get;
        }
        if core.state == State::Waiting {
            core.state = State::Ready;
        }
        Ok(())
    }
}

/// Puts a leaf before `judge`: apart, so that the stack of the leaf, which is large, is free again when the
/// verdict is carried out.
#[inline(never)]
pub(super) fn ask(judge: &mut dyn FnMut(Leaf<'_>) -> Verdict, leaf: &Leaves<'_>) -> Verdict {
    judge(leaf.leaf())
}

impl From<EditError> for ReportError {
    fn from(error: EditError) -> Self {
        Self::Edit(error)
    }
}

impl From<CapacityError> for ReportError {
    fn from(error: CapacityError) -> Self {
        Self::Edit(EditError::Capacity(error))
    }
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAMap => f.write_str("a report must be a map"),
            Self::Null => f.write_str("a reported value holds a null"),
            Self::Edit(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for VerdictError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDesired => f.write_str("desired has no value at this path"),
            Self::Edit(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ReportError {}
impl core::error::Error for VerdictError {}
