//! Rules over arbitrary documents: each verdict against an oracle on `serde_json`, then an engine under the
//! same rules, which puts nothing into effect that they refuse and says the same when it is asked again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value as Model;
use twinsync::device::{Config, DeviceEngine, Memory, Verdict};
use twinsync::document::{Document, DocumentRef};
use twinsync::protocol::Versions;
use twinsync::rules::{
    ANY, Check, Condition, Kind, Machine, Rule, Rulebook, State, StateMachine, Transition,
    ValueRules, checked,
};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync_fuzz::{Input, build, map, model};

const N: usize = 8192;

// The keys are those of the shared generator.
static VALUES: ValueRules = checked!(ValueRules::new(&[
    Rule::new(&["a"], &[Check::Is(Kind::Integer), Check::between(-5, 100)]).when(
        &[Condition::Ordered {
            lower: &["a"],
            upper: &["b"],
        }],
        "a is above b",
    ),
    Rule::new(&["b", ANY], &[Check::Length { min: 1, max: 3 }]),
    Rule::new(&["c", ANY, "a"], &[Check::Flag(true)]).required(),
    Rule::new(&["aa"], &[Check::OneOfIntegers(&[0, 1, -1])]).required(),
    Rule::new(&[ANY, "b"], &[]),
    Rule::new(&["k\"q"], &[Check::Is(Kind::Array)]),
]))
.closed();

static MACHINE: Machine = checked!(Machine::new(
    &[State::new("x"), State::new("xx"), State::new("xxx")],
    &[
        Transition::new("x", "xx"),
        Transition::new("xx", "xxx"),
        Transition::after("xxx", Duration::from_secs(5), "x"),
    ],
));

/// The table above, by hand: whether the leaf at `path` may stand.
fn allows(root: &Model, path: &[&str]) -> bool {
    let at = |keys: &[&str]| keys.iter().try_fold(root, |at, key| at.get(key));
    let value = at(path).expect("a leaf");
    let empty = value.as_object().is_some_and(serde_json::Map::is_empty);
    let mut known = path.is_empty();
    let mut allowed = true;
    let mut rule = |keys: usize, holds: &dyn Fn(&Model) -> bool| {
        known = true;
        allowed &= holds(at(&path[..keys]).expect("on the way to a leaf"));
    };
    if path.first() == Some(&"a") {
        rule(1, &|value| {
            let ordered = match root.get("b") {
                None => true,
                Some(upper) => value
                    .as_i64()
                    .zip(upper.as_i64())
                    .is_some_and(|(a, b)| a <= b),
            };
            value.as_i64().is_some_and(|it| (-5..=100).contains(&it)) && ordered
        });
    }
    if path.len() >= 2 && path[0] == "b" {
        rule(2, &|value| {
            let len = match value {
                Model::String(text) => text.chars().count(),
                Model::Array(items) => items.len(),
                Model::Object(map) => map.len(),
                _ => 0,
            };
            (1..=3).contains(&len)
        });
    }
    if path.len() >= 3 && path[0] == "c" && path[2] == "a" {
        rule(3, &|value| value == &Model::Bool(true));
    }
    if path.first() == Some(&"aa") {
        rule(1, &|value| {
            value.as_i64().is_some_and(|it| (-1..=1).contains(&it))
        });
    }
    if path.len() >= 2 && path[1] == "b" {
        rule(2, &|_| true);
    }
    if path.first() == Some(&"k\"q") {
        rule(1, &Model::is_array);
    }
    // An empty map on the way to what a rule names: any one key leads to `*/b`.
    known |= empty && (path.len() == 1 || (path.len() == 2 && path[0] == "c"));
    known && allowed
}

/// Paths of required values that are not there.
fn missing(root: &Model) -> Vec<String> {
    let mut missing = Vec::new();
    let root = root.as_object().expect("a map");
    if root.is_empty() {
        return missing;
    }
    if !root.contains_key("aa") {
        missing.push("aa".to_owned());
    }
    for (key, zone) in root
        .get("c")
        .and_then(Model::as_object)
        .into_iter()
        .flatten()
    {
        if zone.get("a").is_none() {
            missing.push(format!("c/{key}/a"));
        }
    }
    missing.sort();
    missing
}

fn document(model: &Model) -> Option<Document<N>> {
    let mut document = Document::<N>::new();
    let mut builder = document.build();
    build(&mut builder, model).ok()?;
    builder.finish().ok()?;
    Some(document)
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let machine = StateMachine::new(&MACHINE);
    let mut rules = Rulebook::new().with_machine(machine).with_values(&VALUES);
    let whole = input.byte() & 1 == 1;
    if whole {
        rules = rules.all_or_nothing();
    }
    let mut engine = DeviceEngine::<N>::new(Config::new(1));
    let mut secs = 0;
    while !input.is_empty() {
        let mut desired = map(&mut input, 4, false);
        let Some(told) = document(&desired) else {
            return;
        };
        for leaf in told.leaves() {
            let verdict = VALUES.judge(&leaf.path, told.as_ref(), DocumentRef::EMPTY);
            assert_eq!(
                verdict.is_ok(),
                allows(&desired, &leaf.path),
                "{leaf:?}: {verdict:?}"
            );
        }
        let mut found = Vec::new();
        VALUES.each_missing(told.as_ref(), &mut |_, path| found.push(path.join("/")));
        found.sort();
        found.dedup();
        assert_eq!(found, missing(&desired));

        // The same, with a wish for a state, on a device.
        if input.byte() & 1 == 1 {
            let state = Model::from("x".repeat(input.below(5)));
            desired
                .as_object_mut()
                .expect("a map")
                .insert("state".to_owned(), state);
        }
        let Some(told) = document(&desired) else {
            return;
        };
        secs += u64::from(input.byte() & 7);
        let now = Now::new(
            Instant::from_millis(secs * 1_000),
            Timestamp::from_secs(secs),
        );
        let reported = Document::<N>::from_bytes(engine.reported().as_bytes()).expect("canonical");
        let memory = Memory {
            desired: told.as_ref(),
            reported: reported.as_ref(),
            acknowledged: DocumentRef::EMPTY,
            versions: Versions::default(),
            next_request: 1,
        };
        engine.restore(&memory).expect("the same size");
        let mut judged = 0;
        let Ok(ruled) = engine.settle_by(now, &mut rules, |leaf| {
            assert!(allows(&desired, &leaf.path) && leaf.path[0] != "state");
            judged += 1;
            Verdict::Applied
        }) else {
            continue;
        };
        assert!(!ruled.ruling.held || (whole && judged == 0));
        assert_eq!(
            ruled.ruling.held,
            whole && (ruled.settled.refused > 0 || ruled.ruling.missing > 0)
        );
        let state = engine
            .reported()
            .read::<&str>(&["state"])
            .expect("always said");
        assert!(MACHINE.state(state).is_some());
        if let Ok(previous) = engine.reported().read::<&str>(&["previousState"]) {
            let step = |it: &Transition| it.from() == previous && it.to() == state;
            assert!(MACHINE.transitions().iter().any(step));
        }
        let before = model(engine.reported().root());
        let _ = engine
            .settle_by(now, &mut rules, |_| Verdict::Applied)
            .expect("as before");
        assert_eq!(model(engine.reported().root()), before);
    }
});
