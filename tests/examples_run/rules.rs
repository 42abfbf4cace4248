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

#[test]
fn fleet_config_sets_in_waves_rolls_back_and_ends_in_step() {
    let (lines, code) = Running::start::<&str>("fleet_config", &[]).finish();
    assert_eq!(code, Some(0), "{lines:#?}");
    let count = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    // 25 pumps in building 1: numbers 4 and 12 refuse, number 30 fails its check.
    assert_eq!(count("applied as 2"), 22, "{lines:#?}");
    assert_eq!(count("skipped: NotMatched"), 25, "{lines:#?}");
    for told in [
        "pump-04  rolled back as 3: valve is stuck",
        "pump-12  rolled back as 3: valve is stuck",
        "pump-30  rolled back as 3: no pressure within 100 ms",
        "pump-02  back to version 1 as 3, conflict retried",
        "pump-04  back to version 1 as 4",
    ] {
        assert_eq!(count(told), 1, "{told}: {lines:#?}");
    }
    assert_eq!(count("back to version 1 as"), 25, "{lines:#?}");
    let last = lines.last().map(String::as_str);
    assert_eq!(last, Some("in step: version 1 is in effect again"));
}

#[test]
fn fleet_config_stops_where_too_many_fail() {
    let condition =
        "deviceId IN ['pump-04', 'pump-12', 'pump-30'] OR STARTSWITH(deviceId, 'pump-5')";
    let (lines, code) = Running::start("fleet_config", &[condition]).finish();
    assert_eq!(code, Some(0), "{lines:#?}");
    let is_told = |words: &str| lines.iter().any(|line| line.contains(words));
    // The first to be asked refuses.
    assert!(is_told("Stopped { wave: 0 }"), "{lines:#?}");
    assert!(
        is_told("pump-04  rolled back as 3: valve is stuck") && is_told("pump-50  Waiting"),
        "{lines:#?}"
    );
}

#[test]
fn fleet_config_marks_where_a_condition_stops_being_one_and_starts_nothing() {
    for (arguments, named) in [
        (&["tags.location.building == 1"][..], "column 25"),
        (&["tags.floor = "], "column 14"),
        (&["--nonsense"], "--nonsense"),
        (&["tags.floor = 1", "--nonsense"], "--nonsense"),
        (&[""], "column 1"),
    ] {
        let (lines, code) = Running::start("fleet_config", arguments).finish();
        assert_eq!(code, Some(1), "{arguments:?}: {lines:#?}");
        let is_told = lines.iter().any(|line| line.contains(named));
        assert!(is_told && lines.len() <= 3, "{arguments:?}: {lines:#?}");
        assert!(
            !lines.iter().any(|line| line.contains("pump-")),
            "{lines:#?}"
        );
    }
    let (lines, _) = Running::start("fleet_config", &["tags.floor == 1"]).finish();
    let mark = lines.iter().find(|line| line.trim() == "^");
    assert_eq!(mark.map(String::len), Some(13), "{lines:#?}");
}
