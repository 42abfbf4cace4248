//! Text in tables, judged by `const` functions.

use super::machine::State;

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
