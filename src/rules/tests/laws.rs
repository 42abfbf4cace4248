use super::super::{
    ANY, Check, Kind, Machine, Range, Rule, State, StateMachine, Transition, Trigger, ValueRules,
    Wish, checked,
};
use super::at;
use super::doc;
use crate::document::{Document, DocumentRef, Number};
use crate::time::Duration;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::string::{String, ToString};
use std::vec::Vec;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Tables of up to five states; those with a mistake are for the law below, the others for all.
fn tables() -> impl Strategy<Value = (&'static [State], &'static [Transition])> {
    let transition =
        (0..6_usize, 0..6_usize, 0..4_u8, 0..4_u64).prop_map(|(from, to, kind, secs)| {
            let name = |at: usize| NAMES.get(at).copied().unwrap_or("f");
            match kind {
                0 => Transition::own(name(from), name(to)),
                1 => Transition::after(name(from), Duration::from_secs(secs * 5), name(to)),
                _ => Transition::new(name(from), name(to)),
            }
        });
    let transitions = proptest::collection::vec(transition, 0..12);
    (1..6_usize, transitions).prop_map(|(states, transitions)| {
        let states: Vec<State> = NAMES
            .iter()
            .take(states)
            .map(|name| State::new(name))
            .collect();
        let (states, transitions): (&[State], &[Transition]) = (states.leak(), transitions.leak());
        (states, transitions)
    })
}

/// Tables that were repaired until they are sound: what is left of a random one.
fn machines() -> impl Strategy<Value = &'static Machine> {
    tables().prop_map(|(states, transitions)| {
        let mut kept: Vec<Transition> = Vec::new();
        for pair in states.windows(2) {
            kept.push(Transition::new(pair[0].name(), pair[1].name()));
        }
        for it in transitions {
            kept.push(*it);
            let so_far: &[Transition] = kept.clone().leak();
            if Machine::new(states, so_far).is_err() {
                kept.pop();
            }
        }
        let machine = Machine::new(states, kept.leak()).unwrap();
        &*std::boxed::Box::leak(std::boxed::Box::new(machine))
    })
}

#[derive(Clone, Debug)]
enum Act {
    Wish(usize),
    Withdraw,
    Own(usize),
    Wait(u64),
    Drive,
    Resume,
    StartOver,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..7_usize).prop_map(Act::Wish),
        1 => Just(Act::Withdraw),
        2 => (0..6_usize).prop_map(Act::Own),
        2 => (0..12_u64).prop_map(Act::Wait),
        4 => Just(Act::Drive),
        1 => Just(Act::Resume),
        1 => Just(Act::StartOver),
    ];
    proptest::collection::vec(act, 1..40)
}

/// The machine again, as one would write it down: sets of pairs, and what was wished last.
#[derive(Debug)]
struct Naive<'a> {
    machine: &'a Machine,
    state: String,
    since: Option<u64>,
    wish: Option<String>,
    /// The wish that is refused.
    refused: Option<String>,
}

impl Naive<'_> {
    fn may(&self, to: &str, own: bool) -> bool {
        self.machine.transitions().iter().any(|it| {
            it.from() == self.state
                && it.to() == to
                && (it.trigger() == Trigger::Wish || (own && it.trigger() == Trigger::Own))
        })
    }

    fn go(&mut self, secs: u64, to: &str) {
        if self.wish.as_deref() == Some(to) {
            self.refused = None;
        } else if self.wish.as_deref() == Some(&self.state) {
            self.refused = self.wish.clone();
        }
        (self.state, self.since) = (to.to_string(), Some(secs));
    }

    fn drive(&mut self, secs: u64) {
        let since = *self.since.get_or_insert(secs);
        let timed = self
            .machine
            .transitions()
            .iter()
            .find_map(|it| match it.trigger() {
                Trigger::After(span) if it.from() == self.state => Some((span, it.to())),
                _ => None,
            });
        if let Some((span, to)) = timed
            && (secs - since) * 1_000 >= span.as_millis()
        {
            self.go(secs, to);
        }
        match self.wish.clone() {
            None => self.refused = None,
            Some(wish) if wish == self.state => self.refused = None,
            wish if wish == self.refused => {}
            Some(wish) if self.may(&wish, false) => self.go(secs, &wish),
            wish => self.refused = wish,
        }
    }
}

proptest! {
    #[test]
    fn a_machine_does_what_a_naive_one_does(machine in machines(), acts in acts()) {
        let mut secs = 0;
        let mut desired = Document::<64>::new();
        let mut reported = Document::<512>::new();
        let mut real = StateMachine::new(machine);
        let first = machine.states()[0].name().to_string();
        let mut naive = Naive { machine, state: first.clone(), since: None, wish: None, refused: None };
        let _ = real.drive(at(0), desired.as_ref(), &mut reported.as_mut()).unwrap();
        naive.drive(0);
        for act in acts {
            match act {
                Act::Wish(at) => {
                    let wish = NAMES.get(at).copied().unwrap_or("z");
                    desired.set(&["state"], wish).unwrap();
                    naive.wish = Some(wish.to_string());
                }
                Act::Withdraw => {
                    desired.remove(&["state"]);
                    naive.wish = None;
                }
                Act::Own(to) => {
                    let to = NAMES.get(to).copied().unwrap_or("z");
                    let entered =
                        real.enter(at(secs), to, "own", desired.as_ref(), &mut reported.as_mut());
                    prop_assert_eq!(entered.is_ok(), naive.may(to, true));
                    if entered.is_ok() {
                        naive.go(secs, to);
                    }
                }
                Act::Wait(span) => secs += span,
                Act::Drive => {
                    let _ = real.drive(at(secs), desired.as_ref(), &mut reported.as_mut()).unwrap();
                    naive.drive(secs);
                    // What was just driven has nothing more to say or to send.
                    let before = reported.clone();
                    let again = real.drive(at(secs), desired.as_ref(), &mut reported.as_mut()).unwrap();
                    prop_assert_eq!(again.timed_out, None);
                    prop_assert!(matches!(again.wish, Wish::Fulfilled | Wish::Stands));
                    prop_assert_eq!(&before, &reported);
                }
                Act::Resume => {
                    real = StateMachine::resume(machine, reported.as_ref());
                    naive.since = None;
                }
                Act::StartOver => {
                    real = StateMachine::new(machine);
                    let _ = real.drive(at(secs), desired.as_ref(), &mut reported.as_mut()).unwrap();
                    (naive.state, naive.since) = (first.clone(), None);
                    naive.drive(secs);
                }
            }
            prop_assert_eq!(real.state().name(), &naive.state);
            let view = reported.as_ref();
            prop_assert_eq!(view.read::<&str>(&["state"]), Ok(naive.state.as_str()));
            let refused = view.read::<&str>(&["stateTransitionError", "to"]).ok();
            prop_assert_eq!(refused, naive.refused.as_deref());
            if let Ok(previous) = view.read::<&str>(&["previousState"]) {
                let step = |it: &Transition| it.from() == previous && it.to() == naive.state;
                prop_assert!(machine.transitions().iter().any(step), "no way led here");
            }
        }
    }

    #[test]
    fn a_table_is_taken_exactly_if_a_naive_check_takes_it((states, transitions) in tables()) {
        let known = |name: &str| states.iter().any(|state| state.name() == name);
        let timed = |it: &Transition| matches!(it.trigger(), Trigger::After(_));
        let each = transitions.iter().enumerate().all(|(at, it)| {
            let sound = match it.trigger() {
                Trigger::After(span) => span > Duration::ZERO,
                Trigger::Wish | Trigger::Own => true,
            };
            let first = transitions[..at].iter().all(|other| {
                other.from() != it.from()
                    || timed(other) != timed(it)
                    || (!timed(it) && other.to() != it.to())
            });
            known(it.from()) && known(it.to()) && it.from() != it.to() && sound && first
        });
        let mut reached = std::collections::BTreeSet::from([states[0].name()]);
        for _ in 0..states.len() {
            for it in transitions {
                if reached.contains(it.from()) && known(it.to()) {
                    reached.insert(it.to());
                }
            }
        }
        let sound = each && reached.len() == states.len();
        prop_assert_eq!(Machine::new(states, transitions).is_ok(), sound);
    }

    #[test]
    fn a_scaled_range_holds_what_exact_arithmetic_says(
        min in -10_000_i64..10_000, width in 0_i64..10_000, down in 0_u32..6,
        value in -3_000_000_i64..3_000_000, places in 0_u32..6,
    ) {
        let exponent = -i8::try_from(down).unwrap();
        let range = Range::between(min, min + width).scaled(exponent);
        // Everything in millionths.
        let wide = |mantissa: i64, places: u32| i128::from(mantissa) * 10_i128.pow(6 - places);
        let number = Number::new(value, -i32::try_from(places).unwrap()).unwrap();
        let inside = (wide(min, down)..=wide(min + width, down)).contains(&wide(value, places));
        prop_assert_eq!(range.contains(number), inside);
    }

    #[test]
    fn a_scaled_bound_is_the_canonical_number(mantissa: i64, exponent: i8) {
        let expected = Number::new(mantissa, i32::from(exponent));
        let range = Range::at_most(mantissa).scaled(exponent);
        match expected {
            Ok(number) => prop_assert_eq!(range, Range::at_most(0).with_max(number)),
            Err(_) => prop_assert!(!Check::Range(range).is_sound()),
        }
    }

    #[test]
    fn values_are_judged_as_by_a_naive_model(desired in trees()) {
        let document = doc(&desired);
        let mut leaves = Vec::new();
        naive_leaves(&desired, &mut Vec::new(), &mut leaves);
        let mut judged = Vec::new();
        for leaf in document.leaves() {
            let verdict = RULES.judge(&leaf.path, document.as_ref(), DocumentRef::EMPTY);
            judged.push((leaf.path.to_string(), verdict.is_ok()));
        }
        judged.sort();
        let mut expected: Vec<_> = leaves
            .iter()
            .map(|path| (path.join("/"), naive_verdict(&desired, path)))
            .collect();
        expected.sort();
        prop_assert_eq!(judged, expected);
    }
}

static RULES: ValueRules = checked!(ValueRules::new(&[
    Rule::new(&["a"], &[Check::Is(Kind::Integer), Check::between(0, 2)]),
    Rule::new(&["b", ANY, "a"], &[Check::OneOf(&["x", "y"])]),
    Rule::new(
        &["b", "c"],
        &[Check::Is(Kind::Map), Check::Length { min: 1, max: 2 }]
    ),
    Rule::new(&[ANY, "b"], &[]),
]))
.closed();

fn trees() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        (-1_i64..4).prop_map(Json::from),
        Just(json!("x")),
        Just(json!("z")),
        Just(json!(true)),
        Just(json!([1])),
        Just(json!({})),
    ];
    let inner = |of: BoxedStrategy<Json>| {
        proptest::collection::btree_map("[abc]", of, 0..4)
            .prop_map(|map| Json::Object(map.into_iter().collect()))
    };
    let two = inner(leaf.clone().boxed());
    let some = prop_oneof![leaf.clone(), two];
    let three = prop_oneof![leaf, inner(some.boxed())];
    inner(three.boxed())
}

fn naive_leaves(json: &Json, path: &mut Vec<String>, leaves: &mut Vec<Vec<String>>) {
    match json.as_object().filter(|map| !map.is_empty()) {
        Some(map) => {
            for (key, value) in map {
                path.push(key.clone());
                naive_leaves(value, path, leaves);
                path.pop();
            }
        }
        None => leaves.push(path.clone()),
    }
}

/// The table above, written out by hand.
fn naive_verdict(desired: &Json, path: &[String]) -> bool {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    let value = path.iter().fold(desired, |at, key| &at[key]);
    let empty = value.as_object().is_some_and(serde_json::Map::is_empty);
    let b_c = || {
        desired["b"]["c"]
            .as_object()
            .is_some_and(|map| (1..=2).contains(&map.len()))
    };
    match keys[..] {
        [] => true,
        // Covered by `*/b`, and by `b/*/a` if that is where it leads.
        ["a"] => value.as_i64().is_some_and(|it| (0..=2).contains(&it)),
        // A map is no integer.
        ["a", ..] => false,
        ["b", "c", "a"] => b_c() && (value == "x" || value == "y"),
        ["b", _, "a"] => value == "x" || value == "y",
        ["b", "c", "a", ..] | ["b", _, "a", ..] => false,
        ["b", "c", ..] => b_c(),
        [_, "b", ..] => true,
        // On the way to what a rule names.
        ["b", _] | [_] => empty,
        _ => false,
    }
}
