use super::super::{
    Cause, Check, Condition, Denial, EnterError, Event, Keys, MAX_REASON, Machine, Move, State,
    StateMachine, Transition, Wish, checked,
};
use super::{PUMP, at, json_of};
use crate::document::{Document, EditError};
use crate::error::CapacityError;
use crate::time::{Instant, Now, Timestamp};
use serde_json::{Value as Json, json};
use std::string::ToString;
use std::vec::Vec;

/// A machine between two documents.
struct Bench {
    pump: StateMachine,
    desired: Document<256>,
    reported: Document<512>,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            pump: StateMachine::new(&PUMP),
            desired: Document::new(),
            reported: Document::new(),
        };
        assert_eq!(bench.drive(0), Wish::Fulfilled);
        bench
    }

    fn drive(&mut self, secs: u64) -> Wish {
        let driven = self
            .pump
            .drive(at(secs), self.desired.as_ref(), &mut self.reported.as_mut());
        driven.unwrap().wish
    }

    fn wish(&mut self, secs: u64, state: &str) -> Wish {
        self.desired.set(&["state"], state).unwrap();
        self.drive(secs)
    }

    fn enter(&mut self, secs: u64, to: &str, reason: &str) -> Result<Move, EnterError> {
        self.pump.enter(
            at(secs),
            to,
            reason,
            self.desired.as_ref(),
            &mut self.reported.as_mut(),
        )
    }

    fn state(&self) -> &str {
        self.reported.read(&["state"]).unwrap()
    }

    /// The refusal that stands in reported.
    fn error(&self) -> Option<(&str, Option<&str>, &str)> {
        let error = self.reported.as_ref().at(&["stateTransitionError"])?;
        Some((
            error.read(&["from"]).unwrap(),
            error.read(&["to"]).ok(),
            error.read(&["reason"]).unwrap(),
        ))
    }

    fn reported(&self) -> Json {
        json_of(self.reported.as_ref())
    }
}

#[test]
fn a_machine_says_where_it_starts() {
    let bench = Bench::new();
    assert_eq!(
        bench.reported(),
        json!({"state":"idle","stateChangedAt":1_700_000_000_000_i64,"stateChangeReason":"start"})
    );
}

#[test]
fn a_legal_wish_is_followed_and_reported_with_what_was_before() {
    let mut bench = Bench::new();
    let granted = bench.wish(5, "running");
    let state = |name| PUMP.state(name).unwrap();
    let moved = Move {
        from: state("idle"),
        to: state("running"),
        cause: Cause::Wish,
    };
    assert_eq!(granted, Wish::Granted(moved));
    assert_eq!(
        bench.reported(),
        json!({"state":"running","previousState":"idle","stateChangedAt":1_700_000_005_000_i64,"stateChangeReason":"desired"})
    );
    assert_eq!(
        moved.events(),
        [Event::Left(state("idle")), Event::Entered(state("running"))]
    );
    assert_eq!(
        moved.events().map(|it| it.action()),
        [None, Some("motor-on")]
    );
    assert_eq!(bench.drive(6), Wish::Fulfilled, "and once only");
}

#[test]
fn an_illegal_wish_changes_nothing_but_the_error() {
    let mut bench = Bench::new();
    assert_eq!(bench.wish(5, "paused"), Wish::Refused(Denial::NoTransition));
    assert_eq!(bench.state(), "idle");
    assert_eq!(bench.pump.state().name(), "idle");
    assert_eq!(
        bench.error(),
        Some(("idle", Some("paused"), "no such transition"))
    );
    assert_eq!(
        bench.reported.read::<u64>(&["stateChangedAt"]),
        Ok(1_700_000_000_000)
    );
}

#[test]
fn a_refused_wish_stays_refused_whatever_state_comes() {
    let mut bench = Bench::new();
    bench.wish(1, "paused");
    let before = bench.reported();
    for secs in 2..10 {
        assert_eq!(bench.drive(secs), Wish::Stands);
    }
    assert_eq!(bench.reported(), before, "nothing new to send");
    // Now it would be legal, but nobody wishes for it now.
    bench.enter(20, "running", "button").unwrap();
    assert_eq!(bench.drive(21), Wish::Stands);
    assert_eq!(bench.state(), "running");
    assert_eq!(
        bench.error(),
        Some(("idle", Some("paused"), "no such transition"))
    );
    // Taken back and asked for again, it is a new wish.
    bench.desired.remove(&["state"]);
    assert_eq!(bench.drive(22), Wish::Fulfilled);
    assert_eq!(bench.error(), None);
    assert!(matches!(bench.wish(23, "paused"), Wish::Granted(_)));
}

#[test]
fn a_new_wish_clears_the_error_of_the_old_one() {
    let mut bench = Bench::new();
    bench.wish(1, "paused");
    assert!(matches!(bench.wish(2, "running"), Wish::Granted(_)));
    assert_eq!(bench.error(), None);
    bench.wish(3, "maintenance");
    assert_eq!(
        bench.error(),
        Some(("running", Some("maintenance"), "no such transition"))
    );
    assert_eq!(
        bench.wish(4, "running"),
        Wish::Fulfilled,
        "where it is already"
    );
    assert_eq!(bench.error(), None);
}

#[test]
fn a_restart_with_what_was_reported_knows_the_refused_wish() {
    let mut bench = Bench::new();
    bench.wish(1, "running");
    bench.wish(2, "maintenance");
    let before = bench.reported();
    bench.pump = StateMachine::resume(&PUMP, bench.reported.as_ref());
    assert_eq!(bench.pump.state().name(), "running");
    assert_eq!(bench.drive(0), Wish::Stands);
    assert_eq!(bench.reported(), before, "nothing new to send");
    // And one that starts over in idle, from where it would be legal.
    bench.pump = StateMachine::new(&PUMP);
    assert_eq!(bench.drive(0), Wish::Stands);
    assert_eq!(bench.state(), "idle");
    assert!(
        bench.reported.value(&["previousState"]).is_none(),
        "it went there on no way"
    );
}

#[test]
fn what_is_no_state_is_refused_and_only_repeated_if_it_is_short() {
    let mut bench = Bench::new();
    assert_eq!(bench.wish(1, "flying"), Wish::Refused(Denial::UnknownState));
    assert_eq!(
        bench.error(),
        Some(("idle", Some("flying"), "unknown state"))
    );
    assert_eq!(bench.drive(2), Wish::Stands);
    let long = "x".repeat(100);
    assert_eq!(bench.wish(3, &long), Wish::Refused(Denial::UnknownState));
    assert_eq!(bench.error(), Some(("idle", None, "unknown state")));
    assert_eq!(bench.drive(4), Wish::Stands);
    bench.desired.set(&["state"], 7).unwrap();
    assert_eq!(bench.drive(5), Wish::Stands, "no other error than before");
    bench.desired.set(&["state", "inner"], "running").unwrap();
    assert_eq!(bench.drive(6), Wish::Stands);
    assert_eq!(bench.state(), "idle");
    let quotes = "\"\\\u{1}\n\"\"";
    assert_eq!(bench.wish(7, quotes), Wish::Refused(Denial::UnknownState));
    assert_eq!(bench.error().unwrap().1, Some(quotes));
}

#[test]
fn a_newer_table_knows_what_an_older_one_did_not() {
    static OLD: Machine = checked!(Machine::new(&[State::new("idle")], &[]));
    let mut bench = Bench::new();
    bench.pump = StateMachine::new(&OLD);
    assert_eq!(
        bench.wish(1, "running"),
        Wish::Refused(Denial::UnknownState)
    );
    bench.pump = StateMachine::resume(&PUMP, bench.reported.as_ref());
    assert!(matches!(bench.drive(2), Wish::Granted(_)));
}

#[test]
fn time_leaves_a_state_once_and_uses_the_wish_up() {
    let mut bench = Bench::new();
    assert_eq!(bench.pump.poll_timeout(), None);
    bench.wish(100, "maintenance");
    assert_eq!(
        bench.pump.poll_timeout(),
        Some(Instant::from_millis(110_000))
    );
    assert_eq!(bench.drive(109), Wish::Fulfilled);
    let driven = bench
        .pump
        .drive(
            at(110),
            bench.desired.as_ref(),
            &mut bench.reported.as_mut(),
        )
        .unwrap();
    let moved = driven.timed_out.unwrap();
    assert_eq!((moved.to.name(), moved.cause), ("idle", Cause::TimedOut));
    assert_eq!(driven.wish, Wish::Stands);
    assert_eq!(driven.events().count(), 2);
    assert_eq!(
        bench.error(),
        Some(("idle", Some("maintenance"), "left by the device"))
    );
    assert_eq!(
        bench.reported.read::<&str>(&["stateChangeReason"]),
        Ok("timeout")
    );
    let before = bench.reported();
    for secs in [111, 200, 100_000] {
        assert_eq!(
            bench.drive(secs),
            Wish::Stands,
            "it does not swing back and forth"
        );
    }
    assert_eq!(bench.reported(), before);
    // A restart makes no difference.
    bench.pump = StateMachine::resume(&PUMP, bench.reported.as_ref());
    assert_eq!(bench.drive(0), Wish::Stands);
}

#[test]
fn a_time_out_comes_before_the_wish_that_is_found_with_it() {
    let mut bench = Bench::new();
    bench.wish(0, "running");
    bench.wish(1, "paused");
    bench.desired.set(&["state"], "maintenance").unwrap();
    // From paused it would be illegal; by now the machine is idle.
    let driven = bench
        .pump
        .drive(at(61), bench.desired.as_ref(), &mut bench.reported.as_mut())
        .unwrap();
    let events: Vec<_> = driven.events().collect();
    assert_eq!(events.len(), 4);
    assert_eq!(bench.state(), "maintenance");
    assert_eq!(bench.reported.read::<&str>(&["previousState"]), Ok("idle"));
}

#[test]
fn the_device_changes_by_itself_only_as_the_table_allows() {
    let mut bench = Bench::new();
    bench.wish(1, "running");
    let before = bench.reported();
    let denied = |denial| Err(EnterError::Denied(denial));
    assert_eq!(
        bench.enter(2, "maintenance", "x"),
        denied(Denial::NoTransition)
    );
    assert_eq!(bench.enter(2, "nowhere", "x"), denied(Denial::UnknownState));
    let long = "x".repeat(MAX_REASON + 1);
    assert_eq!(
        bench.enter(2, "error", &long),
        Err(EnterError::ReasonTooLong)
    );
    assert_eq!(bench.reported(), before, "an error changed nothing");
    let reason = "\"".repeat(MAX_REASON);
    bench.enter(3, "error", &reason).unwrap();
    assert_eq!(
        bench.reported.read::<&str>(&["stateChangeReason"]),
        Ok(reason.as_str())
    );
    assert_eq!(
        bench.error(),
        Some(("error", Some("running"), "left by the device"))
    );
    assert_eq!(bench.drive(4), Wish::Stands, "the wish to run is used up");
}

#[test]
fn a_wish_that_the_device_fulfils_by_itself_is_no_error() {
    let mut bench = Bench::new();
    bench.wish(1, "paused");
    bench.enter(2, "running", "button").unwrap();
    bench.enter(3, "paused", "button").unwrap();
    assert_eq!(bench.error(), None);
    assert_eq!(bench.drive(4), Wish::Fulfilled);
}

#[test]
fn a_guard_refuses_in_its_own_words() {
    static CAREFUL: Machine = checked!(Machine::new(
        &[
            State::new("idle"),
            State::new("running"),
            State::new("broken")
        ],
        &[
            Transition::new("idle", "running").when(
                &[
                    Condition::Reported(&["battery"], Check::at_least(20)),
                    Condition::Holds(|desired, _| desired.value(&["dry"]).is_none()),
                ],
                "battery is low",
            ),
            Transition::own("running", "broken"),
        ],
    ));
    let mut bench = Bench::new();
    bench.pump = StateMachine::new(&CAREFUL);
    assert_eq!(
        bench.wish(1, "running"),
        Wish::Refused(Denial::Condition("battery is low"))
    );
    assert_eq!(
        bench.error(),
        Some(("idle", Some("running"), "battery is low"))
    );
    bench.reported.set(&["battery"], 20).unwrap();
    assert_eq!(bench.drive(2), Wish::Stands, "refused is refused");
    bench.desired.remove(&["state"]);
    bench.drive(3);
    assert!(matches!(bench.wish(4, "running"), Wish::Granted(_)));
    // What is the device's own is nothing to wish for.
    assert_eq!(bench.wish(5, "broken"), Wish::Refused(Denial::NoTransition));
    assert!(bench.enter(6, "broken", "dry run").is_ok());
}

#[test]
fn two_machines_stand_side_by_side_under_their_own_keys() {
    const fn keys(map: &'static [&'static [&'static str]; 5]) -> Keys {
        let [state, previous, changed_at, reason, error] = *map;
        Keys {
            state,
            previous,
            changed_at,
            reason,
            error,
        }
    }
    const STATES: &[State] = &[State::new("off"), State::new("on")];
    const SWITCH: &[Transition] = &[Transition::new("off", "on")];
    static LEFT: Machine = checked!(Machine::with_keys(
        STATES,
        SWITCH,
        keys(&[
            &["l", "is"],
            &["l", "was"],
            &["l", "at"],
            &["l", "why"],
            &["l", "no"]
        ])
    ));
    static RIGHT: Machine = checked!(Machine::with_keys(
        STATES,
        SWITCH,
        keys(&[
            &["r", "is"],
            &["r", "was"],
            &["r", "at"],
            &["r", "why"],
            &["r", "no"]
        ])
    ));
    let mut bench = Bench::new();
    bench.reported.as_mut().clear();
    bench.desired.set(&["l", "is"], "on").unwrap();
    bench.desired.set(&["r", "is"], "onn").unwrap();
    for machine in [&LEFT, &RIGHT] {
        bench.pump = StateMachine::new(machine);
        let now = Now::new(Instant::ZERO, Timestamp::EPOCH);
        bench
            .pump
            .drive(now, bench.desired.as_ref(), &mut bench.reported.as_mut())
            .map(|_| ())
            .unwrap();
    }
    assert_eq!(
        bench.reported(),
        json!({"l":{"is":"on","was":"off","why":"desired"},"r":{"is":"off","no":{"to":"onn","from":"off","reason":"unknown state"},"why":"start"}})
    );
}

#[test]
fn without_room_in_reported_the_machine_stays_where_it_is() {
    let mut pump = StateMachine::new(&PUMP);
    let mut desired = Document::<64>::new();
    let mut none = Document::<20>::new();
    let driven = pump.drive(at(0), desired.as_ref(), &mut none.as_mut());
    assert!(matches!(
        driven,
        Err(EditError::Capacity(CapacityError { capacity: 20, .. }))
    ));
    assert!(none.is_empty());

    let mut tight = Document::<50>::new();
    let now = Now::default();
    assert!(
        pump.drive(now, desired.as_ref(), &mut tight.as_mut())
            .is_ok()
    );
    desired.set(&["state"], "running").unwrap();
    let driven = pump
        .drive(now, desired.as_ref(), &mut tight.as_mut())
        .unwrap();
    assert!(matches!(driven.wish, Wish::NoRoom(_)));
    assert_eq!(pump.state().name(), "idle");
    assert_eq!(tight.read::<&str>(&["state"]), Ok("idle"));
    desired.set(&["state"], "paused").unwrap();
    let driven = pump
        .drive(now, desired.as_ref(), &mut tight.as_mut())
        .unwrap();
    assert!(matches!(driven.wish, Wish::NoRoom(_)));
    assert!(tight.value(&["stateTransitionError"]).is_none());
    assert!(matches!(
        pump.enter(now, "running", "x", desired.as_ref(), &mut tight.as_mut()),
        Err(EnterError::Edit(_))
    ));
}

#[test]
fn the_largest_patch_fits() {
    const LONG: &str = "abcdefghijklmnopqrstuvwxyz-12345";
    const OTHER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-12345";
    const KEYS: Keys = Keys {
        state: &["abcdefghij", "klmnopqrs"],
        previous: &["bcdefghij", "klmnopqrst"],
        changed_at: &["cdefghij", "klmnopqrst"],
        reason: &["defghij", "klmnopqrst"],
        error: &["efghij", "klmnopqrst"],
    };
    static LONGEST: Machine = checked!(Machine::with_keys(
        &[State::new(LONG), State::new(OTHER)],
        &[Transition::new(LONG, OTHER)],
        KEYS
    ));
    let mut machine = StateMachine::new(&LONGEST);
    let (mut desired, mut reported) = (Document::<128>::new(), Document::<512>::new());
    let now = Now::new(Instant::ZERO, Timestamp::from_millis(i64::MAX as u64));
    machine
        .drive(now, desired.as_ref(), &mut reported.as_mut())
        .map(|_| ())
        .unwrap();
    let wish = "\u{1}".repeat(32);
    desired.set(KEYS.state, wish.as_str()).unwrap();
    let driven = machine
        .drive(now, desired.as_ref(), &mut reported.as_mut())
        .unwrap();
    assert_eq!(driven.wish, Wish::Refused(Denial::UnknownState));
    // Leaving a wished state while saying why, at length: all leaves at once.
    desired.set(KEYS.state, LONG).unwrap();
    let reason = "\u{1}".repeat(MAX_REASON);
    machine
        .enter(
            now,
            OTHER,
            &reason,
            desired.as_ref(),
            &mut reported.as_mut(),
        )
        .unwrap();
    let leaves: Vec<_> = reported
        .leaves()
        .map(|leaf| leaf.path.to_string())
        .collect();
    assert_eq!(leaves.len(), 7, "{leaves:?}");
}
