//! Whether tables make sense: `const` functions, so that a table with a mistake does not compile.

use super::machine::{
    Keys, MAX_KEYS, MAX_NAME, MAX_REASON, MAX_STATES, MAX_TRANSITIONS, Machine, MachineFault,
    PATCH, State, Transition, Trigger,
};

/// Checks the table of a machine, in the order of [`MachineFault`].
pub(super) const fn machine(machine: &Machine) -> Result<(), MachineFault> {
    let (states, transitions) = (machine.states(), machine.transitions());
    if states.is_empty() || states.len() > MAX_STATES || transitions.len() > MAX_TRANSITIONS {
        return Err(MachineFault::Size);
    }
    if !keys(machine.keys()) {
        return Err(MachineFault::Keys);
    }
    let mut at = 0_usize;
    let mut rest = states;
    while let [state, after @ ..] = rest {
        if !is_name(state.name(), MAX_NAME) {
            return Err(MachineFault::Name { at });
        }
        if position(states, state.name()) < at {
            return Err(MachineFault::DuplicateState { at });
        }
        (at, rest) = (at.wrapping_add(1), after);
    }
    let mut at = 0_usize;
    let mut rest = transitions;
    while let [it, after @ ..] = rest {
        if position(states, it.from()) == states.len() || position(states, it.to()) == states.len()
        {
            return Err(MachineFault::UnknownState { at });
        }
        if same(it.from(), it.to()) || !is_sound(it) {
            return Err(MachineFault::Transition { at });
        }
        if is_listed(it, transitions, at) {
            return Err(MachineFault::DuplicateTransition { at });
        }
        (at, rest) = (at.wrapping_add(1), after);
    }
    reachable(states, transitions)
}

const fn is_sound(transition: &Transition) -> bool {
    let mut needs = transition.needs();
    while let [condition, after @ ..] = needs {
        if !condition.is_sound() {
            return false;
        }
        needs = after;
    }
    match transition.trigger() {
        Trigger::After(span) => span.as_millis() > 0 && transition.needs().is_empty(),
        Trigger::Wish | Trigger::Own if transition.needs().is_empty() => {
            transition.refusal().is_empty()
        }
        Trigger::Wish | Trigger::Own => is_reason(transition.refusal(), MAX_REASON),
    }
}

/// Whether one of the first `before` transitions does the same, or times the same state out.
const fn is_listed(it: &Transition, transitions: &[Transition], before: usize) -> bool {
    let timed = matches!(it.trigger(), Trigger::After(_));
    let mut left = before;
    let mut rest = transitions;
    while let [other, after @ ..] = rest {
        if left == 0 {
            return false;
        }
        let also_timed = matches!(other.trigger(), Trigger::After(_));
        if same(it.from(), other.from())
            && timed == also_timed
            && (timed || same(it.to(), other.to()))
        {
            return true;
        }
        (left, rest) = (left.wrapping_sub(1), after);
    }
    false
}

const fn reachable(states: &[State], transitions: &[Transition]) -> Result<(), MachineFault> {
    // Bit by bit what is reached; each round but the last adds a state.
    let mut reached = 1_u32;
    loop {
        let before = reached;
        let mut rest = transitions;
        while let [it, after @ ..] = rest {
            if reached & bit(position(states, it.from())) != 0 {
                reached |= bit(position(states, it.to()));
            }
            rest = after;
        }
        if reached == before {
            break;
        }
    }
    let mut at = 0;
    while at < states.len() {
        if reached & bit(at) == 0 {
            return Err(MachineFault::Unreachable { at });
        }
        at = at.wrapping_add(1);
    }
    Ok(())
}

/// The bit of a state; there are at most 32.
const fn bit(at: usize) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "at most 32")]
    1_u32.wrapping_shl(at as u32)
}

const fn keys(keys: &Keys) -> bool {
    // A header each for the patch and the error, its keys `from`, `to` and `reason`, the state twice,
    // a time, and texts that may need escaping.
    const NAME: usize = MAX_NAME + 1;
    const TEXT: usize = MAX_REASON + 3;
    let mut size: usize =
        const { 6 + (5 + NAME) + (3 + MAX_NAME + 3) + (7 + TEXT) + 2 * NAME + 9 + TEXT };
    let all = keys.all();
    let mut rest: &[&[&str]] = &all;
    while let [path, after @ ..] = rest {
        if path.is_empty() || path.len() > MAX_KEYS {
            return false;
        }
        let mut steps = *path;
        while let [key, below @ ..] = steps {
            if !is_reason(key, MAX_REASON) {
                return false;
            }
            size = size.wrapping_add(key.len()).wrapping_add(2);
            if !below.is_empty() {
                size = size.wrapping_add(3);
            }
            steps = below;
        }
        let mut others = after;
        while let [other, behind @ ..] = others {
            if overlap(path, other) {
                return false;
            }
            others = behind;
        }
        rest = after;
    }
    size <= PATCH
}

/// Whether one path leads to the other, or both are one.
const fn overlap(a: &[&str], b: &[&str]) -> bool {
    let (mut a, mut b) = (a, b);
    while let ([left, a_below @ ..], [right, b_below @ ..]) = (a, b) {
        if !same(left, right) {
            return false;
        }
        (a, b) = (a_below, b_below);
    }
    true
}

/// Whether two texts are equal.
pub(super) const fn same(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.as_bytes(), b.as_bytes());
    while let ([left, a_rest @ ..], [right, b_rest @ ..]) = (a, b) {
        if *left != *right {
            return false;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.is_empty() && b.is_empty()
}

/// Where the state of this name stands; the number of states if there is none.
pub(super) const fn position(states: &[State], name: &str) -> usize {
    let mut at = 0_usize;
    let mut rest = states;
    while let [state, after @ ..] = rest {
        if same(state.name(), name) {
            break;
        }
        (at, rest) = (at.wrapping_add(1), after);
    }
    at
}

/// Whether `text` is 1 to `most` letters, digits, `-` and `_`: no drawing and no JSON escapes it.
pub(super) const fn is_name(text: &str, most: usize) -> bool {
    let mut bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > most {
        return false;
    }
    while let [byte, rest @ ..] = bytes {
        if !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'_') {
            return false;
        }
        bytes = rest;
    }
    true
}

/// Whether `text` is 1 to `most` bytes of printable ASCII without quotes and backslashes.
pub(super) const fn is_reason(text: &str, most: usize) -> bool {
    let mut bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > most {
        return false;
    }
    while let [byte, rest @ ..] = bytes {
        if !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\') {
            return false;
        }
        bytes = rest;
    }
    true
}
