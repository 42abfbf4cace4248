use super::super::{Config, DeviceEngine, Memory, Settled, Verdict};
use crate::document::{Document, DocumentRef};
use crate::protocol::Versions;
use crate::rules::tests::{PUMP, STATES, at, doc, json_of};
use crate::rules::{
    ANY, Check, Machine, Rule, Rulebook, StateMachine, Transition, ValueRules, Wish, checked,
};
use crate::time::Instant;
use serde_json::{Value as Json, json};
use std::string::{String, ToString};
use std::vec::Vec;

static VALUES: ValueRules = checked!(ValueRules::new(&[
    Rule::new(&["target"], &[Check::between(5, 35)]),
    Rule::new(&["mode"], &[Check::OneOf(&["auto", "manual"])]).required(),
    Rule::new(&["zones", ANY], &[Check::between(0, 5)]),
    Rule::new(&["state"], &[]),
    Rule::new(&["free"], &[]),
]))
.closed();

/// An engine that was told what is desired, under rules.
struct Bench {
    engine: DeviceEngine<1024>,
    rules: Rulebook,
}

impl Bench {
    fn new(rules: Rulebook) -> Self {
        Self {
            engine: DeviceEngine::new(Config::new(1)),
            rules,
        }
    }

    fn desire(&mut self, desired: &Json) {
        let desired: Document<2048> = doc(desired);
        let reported = self.engine.reported().as_bytes().to_vec();
        let memory = Memory {
            desired: desired.as_ref(),
            reported: DocumentRef::from_bytes(&reported).unwrap(),
            acknowledged: DocumentRef::EMPTY,
            versions: Versions::default(),
            next_request: 1,
        };
        self.engine.restore(&memory).unwrap();
    }

    /// Settles, and says which leaves the application saw.
    fn settle(&mut self, secs: u64) -> (Settled, Vec<String>) {
        let mut seen = Vec::new();
        let ruled = self
            .engine
            .settle_by(at(secs), &mut self.rules, |leaf| {
                seen.push(leaf.path.to_string());
                Verdict::Applied
            })
            .unwrap();
        (ruled.settled, seen)
    }

    fn reported(&self) -> Json {
        json_of(self.engine.reported())
    }

    fn open(&self) -> usize {
        self.engine.changes().count()
    }
}

#[test]
fn one_bad_leaf_is_refused_by_name_and_the_rest_is_applied() {
    let mut bench = Bench::new(Rulebook::new().with_values(&VALUES));
    bench.desire(&json!({"mode": "auto", "target": 50, "zones": {"a": 9, "b": 1}, "x": 1}));
    let (settled, seen) = bench.settle(1);
    assert_eq!(seen, ["mode", "zones/b"]);
    assert_eq!((settled.applied, settled.refused), (2, 3));
    let expected = json!({
        "mode": "auto", "zones": {"b": 1},
        "errors": {"target": "out of range", "x": "unknown key", "zones": {"a": "out of range"}},
    });
    assert_eq!(bench.reported(), expected);
    assert_eq!(bench.open(), 0);
    assert_eq!(bench.settle(2).1, [""; 0], "nothing is offered twice");
    assert_eq!(bench.reported(), expected);
    // Put right, the errors go.
    bench.desire(&json!({"mode": "auto", "target": 20, "zones": {"a": 1, "b": 1}}));
    bench.settle(3);
    assert_eq!(
        bench.reported(),
        json!({"mode": "auto", "target": 20, "zones": {"a": 1, "b": 1}})
    );
}

#[test]
fn all_or_nothing_holds_the_good_leaves_back() {
    let rules = Rulebook::new()
        .with_values(&VALUES)
        .with_machine(StateMachine::new(&PUMP))
        .all_or_nothing();
    let mut bench = Bench::new(rules);
    bench.desire(&json!({"mode": "auto", "target": 50, "state": "running"}));
    let (settled, seen) = bench.settle(1);
    assert_eq!(seen, [""; 0]);
    assert_eq!(
        (settled.applied, settled.refused, settled.postponed),
        (0, 1, 2)
    );
    assert_eq!(bench.reported()["state"], "idle");
    assert_eq!(
        bench.reported()["errors"],
        json!({"target": "out of range"})
    );
    assert!(bench.reported().get("mode").is_none());
    // The bad leaf is put right: all of it happens.
    bench.desire(&json!({"mode": "auto", "target": 20, "state": "running"}));
    let (settled, _) = bench.settle(2);
    assert_eq!(
        (settled.applied, settled.refused, settled.postponed),
        (3, 0, 0)
    );
    // An illegal state holds the others back, too.
    bench.desire(&json!({"mode": "manual", "target": 20, "state": "maintenance"}));
    for secs in 3..6 {
        let (settled, seen) = bench.settle(secs);
        assert_eq!((seen.len(), settled.refused, settled.postponed), (0, 1, 1));
    }
    assert_eq!(bench.reported()["mode"], "auto");
    assert_eq!(
        bench.reported()["stateTransitionError"]["to"],
        "maintenance"
    );
}

#[test]
fn what_is_missing_is_reported_and_can_hold_the_rest_back() {
    let mut bench = Bench::new(Rulebook::new().with_values(&VALUES));
    bench.desire(&json!({"target": 20}));
    assert_eq!(bench.settle(1).1, ["target"]);
    assert_eq!(
        bench.reported(),
        json!({"target": 20, "errors": {"mode": "missing"}})
    );
    let mut bench = Bench::new(Rulebook::new().with_values(&VALUES).all_or_nothing());
    bench.desire(&json!({"target": 20}));
    assert_eq!(bench.settle(1).0.postponed, 1);
    assert_eq!(bench.reported(), json!({"errors": {"mode": "missing"}}));
    bench.desire(&json!({}));
    bench.settle(2);
    assert_eq!(bench.reported(), json!({}));
}

#[test]
fn nobody_desires_what_belongs_to_the_device() {
    let rules = Rulebook::new()
        .with_machine(StateMachine::new(&PUMP))
        .with_values(&VALUES);
    let mut bench = Bench::new(rules);
    bench.desire(&json!({
        "mode": "auto", "previousState": "error", "stateTransitionError": {"to": 1}, "errors": {"mode": 1},
    }));
    let (settled, seen) = bench.settle(1);
    assert_eq!(seen, ["mode"]);
    assert_eq!(settled.refused, 3);
    assert_eq!(bench.reported()["state"], "idle");
    assert!(bench.reported().get("previousState").is_none());
    assert_eq!(
        bench.reported()["errors"]["previousState"],
        "belongs to the device"
    );
    let before = bench.reported();
    bench.settle(2);
    assert_eq!(bench.reported(), before);
}

#[test]
fn the_application_never_sees_the_state_even_if_refusals_are_many() {
    let mut bench = Bench::new(Rulebook::new().with_machine(StateMachine::new(&PUMP)));
    let mut desired = json!({"state": "paused"});
    for n in 0..20 {
        desired[std::format!("k{n}")] = json!(n);
    }
    bench.desire(&desired);
    for secs in 0..5 {
        let mut seen = Vec::new();
        let ruled = bench
            .engine
            .settle_by(at(secs), &mut bench.rules, |leaf| {
                seen.push(leaf.path.to_string());
                Verdict::Refused
            })
            .unwrap();
        assert!(!seen.contains(&"state".to_string()));
        assert!(matches!(
            ruled.ruling.driven.wish,
            Wish::Refused(_) | Wish::Stands
        ));
    }
    assert_eq!(bench.reported()["state"], "idle");
}

#[test]
fn errors_are_bounded_in_number() {
    let mut bench = Bench::new(Rulebook::new().with_values(&VALUES));
    let mut desired = json!({"mode": "auto"});
    for n in 0..20 {
        desired[std::format!("k{n}")] = json!(n);
    }
    bench.desire(&desired);
    let (settled, _) = bench.settle(1);
    assert_eq!((settled.applied, settled.refused), (1, 20));
    assert_eq!(
        bench.reported()["errors"].as_object().unwrap().len(),
        crate::rules::MAX_ERRORS
    );
}

#[test]
fn a_time_out_is_driven_by_the_engine_s_application() {
    let mut bench = Bench::new(Rulebook::new().with_machine(StateMachine::new(&PUMP)));
    bench.settle(0);
    bench.desire(&json!({"state": "maintenance"}));
    bench.settle(5);
    assert_eq!(bench.reported()["state"], "maintenance");
    assert_eq!(
        bench.rules.poll_timeout(),
        Some(Instant::from_millis(15_000))
    );
    bench.settle(15);
    assert_eq!(bench.reported()["state"], "idle");
    assert_eq!(
        bench.reported()["stateTransitionError"]["reason"],
        "left by the device"
    );
    assert_eq!(bench.open(), 0, "the wish is used up");
}

#[test]
fn the_device_s_own_step_needs_a_machine_and_a_transition() {
    static OWN: Machine = checked!(Machine::new(
        STATES.split_at(2).0,
        &[Transition::own("idle", "running")]
    ));
    let mut bench = Bench::new(Rulebook::new());
    assert_eq!(
        bench.engine.enter(at(0), &mut bench.rules, "running", "x"),
        Err(None)
    );
    bench.rules = Rulebook::new().with_machine(StateMachine::new(&OWN));
    let moved = bench
        .engine
        .enter(at(0), &mut bench.rules, "running", "button")
        .unwrap();
    assert_eq!(moved.to.name(), "running");
    assert_eq!(bench.reported()["stateChangeReason"], "button");
    assert!(
        bench
            .engine
            .enter(at(0), &mut bench.rules, "idle", "x")
            .is_err()
    );
}

#[test]
fn a_leaf_in_place_of_the_machine_s_map_is_refused() {
    use crate::rules::Keys;
    const KEYS: Keys = Keys {
        state: &["pump", "state"],
        error: &["pump", "error"],
        ..Keys::DEFAULT
    };
    static NESTED: Machine = checked!(Machine::with_keys(STATES.split_at(1).0, &[], KEYS));
    let mut bench = Bench::new(Rulebook::new().with_machine(StateMachine::new(&NESTED)));
    bench.settle(0);
    bench.desire(&json!({"pump": 5, "free": {}}));
    let (settled, seen) = bench.settle(1);
    assert_eq!((seen, settled.refused), (["free".to_string()].to_vec(), 1));
    assert_eq!(bench.reported()["pump"]["state"], "idle");
    bench.desire(&json!({"pump": {}}));
    assert_eq!(bench.settle(2).0.refused, 0);
}
