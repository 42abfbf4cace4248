//! The quickstart, and the command lines of all examples.

use crate::mosquitto::Mosquitto;
use crate::running::Running;

#[test]
fn quickstart_ends_in_sync_over_its_own_broker() {
    let (lines, code) = Running::start::<&str>("quickstart", &[]).finish();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert!(
        lines
            .last()
            .is_some_and(|line| line.starts_with("in sync:")),
        "{lines:#?}"
    );
    for told in ["404", "95", "409", "offline", "on the wire"] {
        assert!(
            lines.iter().any(|line| line.contains(told)),
            "no line tells of {told}: {lines:#?}"
        );
    }
}

#[test]
fn quickstart_runs_over_mosquitto_again_and_again() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    // The second run finds what the broker kept of the first: the device's session.
    for _ in 0..2 {
        let (lines, code) = Running::start("quickstart", &["--broker", &broker.address()]).finish();
        assert_eq!(code, Some(0), "{lines:#?}");
    }
}

#[test]
fn quickstart_without_a_broker_says_so_and_fails() {
    let (lines, code) = Running::start("quickstart", &["--broker", "127.0.0.1:1"]).finish();
    assert_eq!(code, Some(1), "{lines:#?}");
    assert!(!lines.iter().any(|line| line.starts_with("in sync")));
}

#[test]
fn bad_arguments_are_named_and_exit_with_2() {
    for (example, arguments, named) in [
        ("quickstart", &["--nonsense"][..], "--nonsense"),
        ("shadow_service", &["--nonsense"], "--nonsense"),
        ("shadow_service", &["--broker", "localhost"], "localhost"),
        ("shadow_service", &["--broker"], "--broker"),
        ("shadow_service", &["--max-document-bytes", "few"], "few"),
        ("shadow_service", &["--tls-cert", "a.pem"], "--tls-ca"),
        ("shadow_service", &["stray"], "stray"),
        ("aws_device", &["--broker", "127.0.0.1:1"], "--thing"),
        ("aws_device", &["--thing", "a/b"], "a/b"),
        ("aws_device", &["--thing", "a", "--shadow", "#"], "#"),
    ] {
        let (lines, code) = Running::start(example, arguments).finish();
        assert_eq!(code, Some(2), "{example} {arguments:?}: {lines:#?}");
        assert!(
            lines.iter().any(|line| line.contains(named)),
            "{example} {arguments:?}: {lines:#?}"
        );
    }
}

#[test]
fn help_names_every_option() {
    for (example, option) in [
        ("quickstart", "--broker"),
        ("shadow_service", "--max-document-bytes"),
        ("aws_device", "mosquitto_pub"),
    ] {
        let (lines, code) = Running::start(example, &["--help"]).finish();
        assert_eq!(code, Some(0), "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains(option)), "{lines:#?}");
    }
}
