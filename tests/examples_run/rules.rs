//! The state machine: what it shows, and what it says to a name that is not in its table.

use crate::running::Running;

#[test]
fn state_machine_shows_what_is_legal_and_what_is_not() {
    let (lines, code) = Running::start::<&str>("state_machine", &[]).finish();
    assert_eq!(code, Some(0), "{lines:#?}");
    for told in [
        "motor-on",
        "no such transition",
        "left by the device",
        "refused: state: no such transition (idle -> paused)",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(told)),
            "no line tells of {told}: {lines:#?}"
        );
    }
}

#[test]
fn state_machine_draws_itself() {
    for (format, first) in [("mermaid", "stateDiagram-v2"), ("dot", "digraph machine {")] {
        let (lines, code) = Running::start("state_machine", &["--draw", format]).finish();
        assert_eq!(code, Some(0), "{lines:#?}");
        assert_eq!(lines.first().map(String::as_str), Some(first));
    }
}

#[test]
fn state_machine_names_what_it_does_not_know() {
    for (arguments, named) in [
        (&["flying"][..], "flying"),
        (&["running", "flying"], "flying"),
        (&["--draw", "pdf"], "pdf"),
        (&["--draw"], "--draw"),
    ] {
        let (lines, code) = Running::start("state_machine", arguments).finish();
        assert_eq!(code, Some(1), "{lines:#?}");
        let told = lines.iter().any(|line| line.contains(named));
        assert!(told && lines.len() == 1, "{lines:#?}");
    }
}
