use super::super::{Check, Condition, Machine, State, Transition, checked};
use crate::time::Duration;
use std::string::String;

static DOOR: Machine = checked!(Machine::new(
    &[
        State::new("closed"),
        State::new("open").on_entry("light-on").on_exit("light-off"),
        State::new("end"),
    ],
    &[
        Transition::new("closed", "open").when(
            &[Condition::Reported(&["battery"], Check::at_least(20))],
            "battery is low",
        ),
        Transition::new("open", "closed"),
        Transition::after("open", Duration::from_secs(60), "closed"),
        Transition::own("open", "end"),
        Transition::own("closed", "end").when(
            &[Condition::Reported(&["battery"], Check::at_most(1))],
            "battery is charged",
        ),
    ],
));

#[test]
fn a_mermaid_drawing_names_what_each_transition_waits_for() {
    let mut drawing = String::new();
    DOOR.draw_mermaid(&mut drawing).unwrap();
    assert_eq!(
        drawing,
        r#"stateDiagram-v2
    state "closed" as s0
    state "open" as s1
    s1: entry / light-on
    s1: exit / light-off
    state "end" as s2
    [*] --> s0
    s0 --> s1: [unless battery is low]
    s1 --> s0
    s1 --> s0: after 60000 ms
    s1 --> s2: own
    s0 --> s2: own [unless battery is charged]
"#
    );
}

#[test]
fn a_dot_drawing_says_the_same() {
    let mut drawing = String::new();
    DOOR.draw_dot(&mut drawing).unwrap();
    assert_eq!(
        drawing,
        r#"digraph machine {
    start [shape=point];
    "closed" [label="closed"];
    "open" [label="open\nentry / light-on\nexit / light-off"];
    "end" [label="end"];
    start -> "closed";
    "closed" -> "open" [label="[unless battery is low]"];
    "open" -> "closed";
    "open" -> "closed" [label="after 60000 ms"];
    "open" -> "end" [label="own"];
    "closed" -> "end" [label="own [unless battery is charged]"];
}
"#
    );
}

#[test]
fn a_drawing_ends_with_the_first_error_of_its_output() {
    struct Full(usize);
    impl core::fmt::Write for Full {
        fn write_str(&mut self, text: &str) -> core::fmt::Result {
            self.0 = self.0.checked_sub(text.len()).ok_or(core::fmt::Error)?;
            Ok(())
        }
    }
    for room in 0..300 {
        assert!(DOOR.draw_mermaid(&mut Full(room)).is_err());
        assert!(DOOR.draw_dot(&mut Full(room)).is_err());
    }
    assert!(DOOR.draw_mermaid(&mut Full(400)).is_ok());
    assert!(DOOR.draw_dot(&mut Full(500)).is_ok());
}
