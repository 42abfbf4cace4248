//! The work list under rules: what they refuse is reported and never reaches the application.

use super::changes;
use super::commands::{Settled, ask};
use super::state::Parts;
use crate::document::{EditError, Leaf};
use crate::rules::{EnterError, Fate, Move, Rulebook, Ruling, Verdict, Wish};
use crate::time::Now;

/// What became of a work list under rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "it says what actuators are to do"]
pub struct Ruled {
    /// How many changes were applied, refused, postponed; with the machine's wish among them.
    pub settled: Settled,
    /// What the rules did.
    pub ruling: Ruling,
}

// Kept out of the drain, so that an engine without rules takes no stack for them.
impl Parts<'_> {
    #[inline(never)]
    pub(super) fn settle_by(
        &mut self,
        now: Now,
        rules: &mut Rulebook,
        judge: &mut dyn FnMut(Leaf<'_>) -> Verdict,
    ) -> Result<Ruled, EditError> {
        self.core.advance(now.instant);
        let ruling = rules.open(now, self.desired.as_ref(), &mut self.reported)?;
        Ok(self.settle_leaves(rules, ruling, judge))
    }

    /// The leaves, once the machine has moved: apart, so that the stack of one is not that of both.
    #[inline(never)]
    fn settle_leaves(
        &mut self,
        rules: &Rulebook,
        mut ruling: Ruling,
        judge: &mut dyn FnMut(Leaf<'_>) -> Verdict,
    ) -> Ruled {
        let desired = self.desired.as_ref();
        let mut settled = Settled::default();
        if let Wish::Granted(_) = ruling.driven.wish {
            settled.applied = 1;
        }
        let mut leaves = desired.leaves();
        while leaves.step() {
            let reported = self.reported.as_ref();
            if !changes::is_unsaid(&leaves, reported, self.core.config.acks) {
                continue;
            }
            let fate = rules.judge(&mut ruling, leaves.path(), desired, &mut self.reported);
            let verdict = match (fate, ruling.driven.wish) {
                (Fate::Free, _) if self.core.refused.holds(&leaves) => continue,
                (Fate::Free, _) => ask(judge, &leaves),
                (Fate::Held, _) | (Fate::Wish, Wish::Held) => Verdict::Postponed,
                (Fate::Wish, Wish::NoRoom(_)) => {
                    settled.no_room = settled.no_room.wrapping_add(1);
                    continue;
                }
                (Fate::Refused(_) | Fate::Wish, _) => Verdict::Refused,
            };
            let count = match verdict {
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
        Ruled { settled, ruling }
    }

    #[inline(never)]
    pub(super) fn enter(
        &mut self,
        now: Now,
        rules: &mut Rulebook,
        to: &str,
        reason: &str,
    ) -> Result<Move, Option<EnterError>> {
        self.core.advance(now.instant);
        rules.enter(now, to, reason, self.desired.as_ref(), &mut self.reported)
    }
}
