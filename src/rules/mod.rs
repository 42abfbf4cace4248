//! Judgement over documents: what may be wished for, the same on both ends, and what is worth a report.
//!
//! Tables are `const`, and a table with a mistake does not compile ([`checked!`]). On the device they say,
//! before anything is applied, which part of a delta is put into effect, and report what is refused and
//! why: [`StateMachine`] for one leaf that may only change step by step, [`ValueRules`] for the others, a
//! [`Rulebook`] for both together. On the hub the same tables are a [`Guard`], which refuses an impossible
//! wish before it is stored. What sensors read is judged by [`filter`].
//!
//! **The one rule: verdicts depend on documents, tables and the time, on nothing else.** No delta is
//! offered twice because somebody forgot: the refusal stands in reported, next to what it is about.
//!
//! ```
//! use twinsync::device::{Config, DeviceEngine, Verdict};
//! use twinsync::document::Document;
//! use twinsync::rules::{Check, Machine, Rule, Rulebook, State, StateMachine, Transition, ValueRules};
//! use twinsync::rules::checked;
//! use twinsync::time::{Duration, Now};
//!
//! static PUMP: Machine = checked!(Machine::new(
//!     &[State::new("idle"), State::new("running").on_entry("motor-on").on_exit("motor-off")],
//!     &[
//!         Transition::new("idle", "running"),
//!         Transition::new("running", "idle"),
//!         Transition::after("running", Duration::from_secs(600), "idle"),
//!     ],
//! ));
//! static VALUES: ValueRules =
//!     checked!(ValueRules::new(&[Rule::new(&["litres"], &[Check::between(1, 40)])]));
//!
//! let mut rules = Rulebook::new().with_machine(StateMachine::new(&PUMP)).with_values(&VALUES);
//! let mut engine = DeviceEngine::<512>::new(Config::new(1));
//! // When the engine says `DesiredChanged` or `Synced`, and at `rules.poll_timeout()`:
//! let ruled = engine.settle_by(Now::default(), &mut rules, |_legal| Verdict::Applied)?;
//! for event in ruled.ruling.driven.events() {
//!     // Switch what `event.action()` names.
//!     # let _ = event;
//! }
//! assert_eq!(engine.reported().read::<&str>(&["state"])?, "idle");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Refusals
//!
//! A refused wish for a state is reported as `stateTransitionError` (`from`, `to`, `reason`), any other
//! refused leaf below `errors`, under its own path, with the reason as text. Both go when desired no
//! longer asks for it. A delta that holds good and bad leaves is applied in part, or, by choice, not at
//! all ([`Rulebook::all_or_nothing`]).
//!
//! # What a device says after a restart
//!
//! A device that kept reported ([`device::Memory`](crate::device::Memory)) knows from it which wish it
//! refused. One that did not starts over; what an earlier life reported stays with the service until it
//! is overwritten, unless the engine removes foreign leaves
//! ([`ForeignLeaves::Remove`](crate::device::ForeignLeaves::Remove)).

mod check;
mod condition;
mod draw;
pub mod filter;
mod guard;
mod machine;
mod rulebook;
mod sound;
mod state_machine;
mod values;
mod verdict;

/// Makes a table that is sound, or does not compile: a call of [`Machine::new`], [`Machine::with_keys`] or
/// [`ValueRules::new`].
///
/// The call is evaluated at compile time in any case, so that nothing of it is left to fail at run
/// time. A table that is made at run time is checked by calling the constructor itself.
///
/// ```
/// use twinsync::rules::{Machine, MachineFault, State, Transition, checked};
///
/// static LAMP: Machine = checked!(Machine::new(
///     &[State::new("off"), State::new("on")],
///     &[Transition::new("off", "on")],
/// ));
/// assert_eq!(LAMP.states().len(), 2);
///
/// const STATES: &[State] = &[State::new("off"), State::new("on")];
/// let fault = Machine::new(STATES, &[]).unwrap_err();
/// assert_eq!(fault, MachineFault::Unreachable { at: 1 });
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __twinsync_checked {
    ($table:ident :: $make:ident ( $($argument:expr),* $(,)? )) => {{
        // An item of its own: evaluated at compile time wherever it stands.
        const TABLE: $table = match $table::$make($($argument),*) {
            ::core::result::Result::Ok(table) => table,
            ::core::result::Result::Err(fault) => ::core::panic!("{}", fault.text()),
        };
        TABLE
    }};
}

#[doc(inline)]
pub use __twinsync_checked as checked;
pub use check::{Breach, Check, Kind, Range};
pub use condition::Condition;
pub use guard::Guard;
pub use machine::{
    Keys, MAX_NAME, MAX_REASON, MAX_STATES, MAX_TRANSITIONS, Machine, MachineFault, State,
    Transition, Trigger,
};
pub use rulebook::{Fate, MAX_ERRORS, Rulebook, Ruling};
pub use state_machine::{Cause, Denial, Driven, EnterError, Event, Move, StateMachine, Wish};
pub use values::{ANY, Broken, MAX_RULES, Rule, RuleFault, ValueRules};
pub use verdict::Verdict;

#[cfg(test)]
pub(crate) mod tests;
