use super::super::{
    ANY, Check, Condition, Keys, Machine, MachineFault, Rule, RuleFault, State, Transition,
    ValueRules,
};
use crate::time::Duration;
use std::boxed::Box;
use std::string::{String, ToString};
use std::vec::Vec;

const ON_OFF: &[State] = &[State::new("off"), State::new("on")];
const SWITCH: Transition = Transition::new("off", "on");

fn fault(states: &'static [State], transitions: Vec<Transition>) -> Option<MachineFault> {
    Machine::new(states, Box::leak(transitions.into_boxed_slice())).err()
}

#[test]
fn a_table_is_refused_with_what_is_wrong_and_where() {
    use MachineFault as F;
    let after = |millis| Transition::after("on", Duration::from_millis(millis), "off");
    const NEVER: &[Condition] = &[Condition::Desired(&["x"], Check::between(2, 1))];
    const CHARGED: &[Condition] = &[Condition::Reported(&["battery"], Check::at_least(20))];
    assert_eq!(fault(ON_OFF, [SWITCH].into()), None);
    assert_eq!(fault(&[], [].into()), Some(F::Size));
    assert_eq!(fault(ON_OFF, [SWITCH; 256].into()), Some(F::Size));
    for bad in [
        "",
        "two words",
        "é",
        "a\"b",
        "abcdefghijklmnopqrstuvwxyz_1234567",
    ] {
        let states = Box::leak(Box::new([State::new("off"), State::new(bad)]));
        assert_eq!(fault(states, [].into()), Some(F::Name { at: 1 }), "{bad}");
    }
    const TWICE: &[State] = &[State::new("off"), State::new("on"), State::new("off")];
    assert_eq!(fault(TWICE, [].into()), Some(F::DuplicateState { at: 2 }));
    for (from, to) in [("of", "on"), ("off", "onn"), ("", "on")] {
        let transitions = [SWITCH, Transition::new(from, to)].into();
        assert_eq!(fault(ON_OFF, transitions), Some(F::UnknownState { at: 1 }));
    }
    for bad in [
        Transition::new("on", "on"),
        after(0),
        after(5).when(CHARGED, "battery is low"),
        Transition::new("on", "off").when(NEVER, "never"),
        Transition::new("on", "off").when(CHARGED, ""),
        Transition::new("on", "off").when(CHARGED, "a reason that goes on and on, far beyond 40"),
        Transition::new("on", "off").when(&[], "for no reason"),
    ] {
        assert_eq!(
            fault(ON_OFF, [SWITCH, bad].into()),
            Some(F::Transition { at: 1 }),
            "{bad:?}"
        );
    }
    for double in [
        [SWITCH, SWITCH],
        [SWITCH, Transition::own("off", "on")],
        [after(5), after(6)],
    ] {
        let transitions = [&[Transition::new("on", "off")][..], &double].concat();
        assert_eq!(
            fault(ON_OFF, transitions),
            Some(F::DuplicateTransition { at: 2 })
        );
    }
    // A wish and time may lead the same way.
    assert_eq!(
        fault(
            ON_OFF,
            [SWITCH, Transition::new("on", "off"), after(5)].into()
        ),
        None
    );
    assert_eq!(
        fault(ON_OFF, [after(5)].into()),
        Some(F::Unreachable { at: 1 })
    );
    assert_eq!(
        Machine::new(ON_OFF, &[]).unwrap_err().to_string(),
        "a state can not be reached from the first one (state 1)"
    );
}

#[test]
fn keys_are_distinct_short_and_not_in_one_another() {
    let with = |keys| Machine::with_keys(ON_OFF, &[SWITCH], keys).err();
    const D: Keys = Keys::DEFAULT;
    assert_eq!(with(D), None);
    let nested = Keys {
        state: &["pump", "state"],
        error: &["pump", "stateTransitionError"],
        ..D
    };
    assert_eq!(with(nested), None);
    const LONG: &str = "a key that is much too long for a state machine's leaf";
    for bad in [
        Keys { state: &[], ..D },
        Keys { state: &[""], ..D },
        Keys {
            state: &["previousState"],
            ..D
        },
        Keys {
            state: &["stateTransitionError", "to"],
            ..D
        },
        Keys {
            reason: &["state", "reason"],
            ..D
        },
        Keys {
            error: &[LONG],
            ..D
        },
        Keys {
            error: &["a", "b", "c", "d", "e", "f", "g", "h", "i"],
            ..D
        },
        Keys {
            state: &["a rather long prefix", "with-several-steps", "state"],
            reason: &["a rather long prefix", "with-several-steps", "reason"],
            ..D
        },
    ] {
        assert_eq!(with(bad), Some(MachineFault::Keys), "{bad:?}");
    }
}

#[test]
fn many_states_are_all_reached_or_named() {
    let mut states = Vec::new();
    let mut transitions = Vec::new();
    for n in 0..33 {
        let name: &'static str = String::leak(n.to_string());
        states.push(State::new(name));
    }
    for pair in states.windows(2).rev() {
        transitions.push(Transition::new(pair[0].name(), pair[1].name()));
    }
    let states: &'static [State] = states.leak();
    let transitions: &'static [Transition] = transitions.leak();
    assert_eq!(
        Machine::new(states, transitions).err(),
        Some(MachineFault::Size)
    );
    assert!(Machine::new(&states[..32], &transitions[1..]).is_ok());
    // Without the first step nothing is reached but the first state.
    let missing = Machine::new(&states[..32], &transitions[1..31]).err();
    assert_eq!(missing, Some(MachineFault::Unreachable { at: 1 }));
}

#[test]
fn value_rules_are_refused_with_what_is_wrong_and_where() {
    use RuleFault as F;
    const OK: Rule = Rule::new(&["a"], &[Check::at_least(1)]);
    const NEEDS: &[Condition] = &[Condition::Ordered {
        lower: &["a"],
        upper: &["b"],
    }];
    const UPSIDE_DOWN: &[Check] = &[Check::between(2, 1)];
    const DEEP: &[&str] = &["a"; 15];
    for (bad, expected) in [
        (Rule::new(&[], &[]), F::Path { at: 1 }),
        (Rule::new(DEEP, &[]), F::Path { at: 1 }),
        (Rule::new(&["a", ANY], &[]).required(), F::Path { at: 1 }),
        (Rule::new(&["a"], UPSIDE_DOWN), F::Check { at: 1 }),
        (
            Rule::new(&["a"], &[Check::Length { min: 2, max: 1 }]),
            F::Check { at: 1 },
        ),
        (Rule::new(&["a"], &[Check::OneOf(&[])]), F::Check { at: 1 }),
        (
            Rule::new(&["a"], &[Check::OneOfIntegers(&[])]),
            F::Check { at: 1 },
        ),
        (OK.when(NEEDS, ""), F::Condition { at: 1 }),
        (OK.when(&[], "text"), F::Condition { at: 1 }),
    ] {
        let rules = Box::leak(Box::new([OK, bad]));
        assert_eq!(ValueRules::new(rules).err(), Some(expected), "{bad:?}");
    }
    let many: &'static [Rule] = std::vec![OK; 256].leak();
    assert_eq!(ValueRules::new(many).err(), Some(F::Size));
    assert!(ValueRules::new(&many[..255]).is_ok());
    assert_eq!(
        (F::Check { at: 3 }).to_string(),
        "no value passes a check of a rule (rule 3)"
    );
}
