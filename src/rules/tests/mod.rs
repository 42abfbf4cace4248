//! Sentences, timetables and laws.

mod drawing;
mod guard;
mod laws;
mod machine;
mod rulebook;
mod state_machine;
mod values;

use super::{Machine, State, Transition, checked};
use crate::time::{Duration, Instant, Now, Timestamp};

pub(super) const STATES: &[State] = &[
    State::new("idle"),
    State::new("running")
        .on_entry("motor-on")
        .on_exit("motor-off"),
    State::new("paused"),
    State::new("error"),
    State::new("maintenance"),
];

/// The machine of the examples, with time-outs.
pub(super) static PUMP: Machine = checked!(Machine::new(
    STATES,
    &[
        Transition::new("idle", "running"),
        Transition::new("idle", "maintenance"),
        Transition::new("running", "paused"),
        Transition::new("running", "idle"),
        Transition::new("running", "error"),
        Transition::new("paused", "running"),
        Transition::new("paused", "idle"),
        Transition::new("error", "idle"),
        Transition::new("error", "maintenance"),
        Transition::new("maintenance", "idle"),
        Transition::after("paused", Duration::from_secs(60), "idle"),
        Transition::after("maintenance", Duration::from_secs(10), "idle"),
    ],
));

pub(super) fn at(secs: u64) -> Now {
    Now::new(
        Instant::from_millis(secs * 1_000),
        Timestamp::from_secs(1_700_000_000 + secs),
    )
}
