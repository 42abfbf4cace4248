//! All rules of one device, as its engine asks them.

use super::check::Breach;
use super::state_machine::{Driven, EnterError, Move, StateMachine, Wish};
use super::values::ValueRules;
use crate::document::{DocumentMut, DocumentRef, EditError, MAX_DEPTH};
use crate::time::{Instant, Now};

/// Most refused leaves that are reported by name at a time; further ones are refused and counted.
pub const MAX_ERRORS: usize = 8;

/// The rules of a device: a state machine, value rules, or both, and what becomes of the rest of a delta
/// when a part of it breaks them.
///
/// `device::DeviceEngine::settle_by` puts the work list before it. Without an engine, call
/// [`open`](Self::open) when desired has changed, then [`judge`](Self::judge) for each leaf that is not
/// reported as it is desired.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rulebook {
    machine: Option<StateMachine>,
    values: Option<&'static ValueRules>,
    whole: bool,
}

/// What the rules say of desired as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "it says what actuators are to do"]
pub struct Ruling {
    /// What the state machine did; nothing without one.
    pub driven: Driven,
    /// Required values that are not there.
    pub missing: usize,
    /// All or nothing, and something is refused: no leaf of the delta is put into effect.
    pub held: bool,
    errors: usize,
}

/// What the rules say of one leaf of desired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fate {
    /// They have nothing against it: the application decides.
    Free,
    /// It is the machine's wish: [`Driven::wish`] says what became of it.
    Wish,
    /// It breaks a rule; that is reported.
    Refused(Breach),
    /// It waits until what is refused is put right.
    Held,
}

impl Rulebook {
    /// No rules at all; of a delta, what is legal is applied and the rest is refused.
    pub const fn new() -> Self {
        Self {
            machine: None,
            values: None,
            whole: false,
        }
    }

    /// The same rules with a state machine.
    pub const fn with_machine(mut self, machine: StateMachine) -> Self {
        self.machine = Some(machine);
        self
    }

    /// The same rules with value rules.
    pub const fn with_values(mut self, values: &'static ValueRules) -> Self {
        self.values = Some(values);
        self
    }

    /// The same rules, all or nothing: as long as any part of a delta is refused, the other leaves and the
    /// wish for a state wait.
    pub const fn all_or_nothing(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Returns the state machine.
    pub const fn machine(&self) -> Option<&StateMachine> {
        self.machine.as_ref()
    }

    /// Returns when time changes the machine's state.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.machine.as_ref().and_then(StateMachine::poll_timeout)
    }

    /// The device changes the machine's state by itself, see [`StateMachine::enter`].
    ///
    /// # Errors
    /// `None` without a machine; [`EnterError`] otherwise. Nothing was changed.
    pub fn enter(
        &mut self,
        now: Now,
        to: &str,
        reason: &str,
        desired: DocumentRef<'_>,
        reported: &mut DocumentMut<'_>,
    ) -> Result<Move, Option<EnterError>> {
        let machine = self.machine.as_mut().ok_or(None)?;
        let entered = machine.enter(now, to, reason, desired, reported);
        entered.map_err(Some)
    }

    /// Begins to settle desired: time and the wish move the machine; what was reported of refused leaves
    /// is taken back, and what is missing is reported.
    ///
    /// # Errors
    /// [`EditError`]: the machine's state, or the change that time makes, does not fit into reported;
    /// nothing was changed.
    pub fn open(
        &mut self,
        now: Now,
        desired: DocumentRef<'_>,
        reported: &mut DocumentMut<'_>,
    ) -> Result<Ruling, EditError> {
        let mut timed_out = None;
        if let Some(machine) = &mut self.machine {
            timed_out = machine.pass_time(now, desired, reported)?;
        }
        let mut ruling = Ruling {
            driven: Driven {
                timed_out,
                wish: Wish::Fulfilled,
            },
            missing: 0,
            held: false,
            errors: 0,
        };
        if let Some(values) = self.values {
            reported.remove(&[values.errors()]);
            values.each_missing(desired, &mut |_, path| {
                ruling.missing = ruling.missing.saturating_add(1);
                ruling.note(values, path, Breach::Missing, reported);
            });
        }
        let broken = self.whole && (ruling.missing > 0 || self.breaks(desired, reported.as_ref()));
        if let Some(machine) = &mut self.machine {
            ruling.driven.wish = machine.answer(now, desired, reported, broken);
        }
        ruling.held = broken || (self.whole && ruling.driven.is_refused());
        Ok(ruling)
    }

    /// Judges the leaf of desired at `path`, which reported does not say, and reports a breach below
    /// [`ValueRules::errors`], up to [`MAX_ERRORS`] of them and as far as there is room.
    pub fn judge(
        &self,
        ruling: &mut Ruling,
        path: &[&str],
        desired: DocumentRef<'_>,
        reported: &mut DocumentMut<'_>,
    ) -> Fate {
        if self.is_wish(path) {
            return Fate::Wish;
        }
        match self.breach(path, desired, reported.as_ref()) {
            Some(breach) => {
                if let Some(values) = self.values {
                    ruling.note(values, path, breach, reported);
                }
                Fate::Refused(breach)
            }
            None if ruling.held => Fate::Held,
            None => Fate::Free,
        }
    }

    fn is_wish(&self, path: &[&str]) -> bool {
        let machine = self.machine.as_ref();
        machine.is_some_and(|it| it.machine().keys().wish(path))
    }

    /// What speaks against a leaf that is not the machine's wish.
    fn breach(
        &self,
        path: &[&str],
        desired: DocumentRef<'_>,
        reported: DocumentRef<'_>,
    ) -> Option<Breach> {
        let machine = self.machine.as_ref();
        let errors = self.values.map(ValueRules::errors);
        // An empty map takes the place of nothing where there is a map.
        let empty = desired.at(path).is_some_and(DocumentRef::is_empty);
        if (!empty && machine.is_some_and(|it| it.machine().keys().reserve(path)))
            || (errors.is_some() && path.first().copied() == errors)
        {
            return Some(Breach::Reserved);
        }
        let judged = self.values?.judge(path, desired, reported);
        judged.err().map(|broken| broken.breach)
    }

    /// Whether any leaf that reported does not say breaks a rule.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn breaks(&self, desired: DocumentRef<'_>, reported: DocumentRef<'_>) -> bool {
        let mut leaves = desired.leaves();
        while leaves.step() {
            let path = leaves.path();
            if reported.at(path) != Some(leaves.document())
                && !self.is_wish(path)
                && self.breach(path, desired, reported).is_some()
            {
                return true;
            }
        }
        false
    }
}

impl Ruling {
    /// Reports a breach by the leaf's name: apart, so that its stack is not that of the machine's answer.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn note(
        &mut self,
        values: &ValueRules,
        path: &[&str],
        breach: Breach,
        reported: &mut DocumentMut<'_>,
    ) {
        if self.errors >= MAX_ERRORS {
            return;
        }
        self.errors = self.errors.wrapping_add(1);
        let mut whole: heapless::Vec<&str, MAX_DEPTH> = heapless::Vec::new();
        let fits = whole.push(values.errors()).is_ok() && whole.extend_from_slice(path).is_ok();
        // Sections are one level less deep than documents.
        if fits && !whole.is_full() {
            // Without room it is refused all the same.
            let _ = reported.set(&whole, breach.text());
        }
    }
}

impl Default for Rulebook {
    fn default() -> Self {
        Self::new()
    }
}
