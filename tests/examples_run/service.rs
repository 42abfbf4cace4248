//! The shadow service against mosquitto.

use core::time::Duration;
use std::thread;

use serde_json::json;

use crate::asker::Asker;
use crate::mosquitto::{Mosquitto, free_port};
use crate::running::Running;

#[test]
fn shadow_service_answers_and_stops_cleanly() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    for signal in ["TERM", "INT"] {
        let mut service = Running::start("shadow_service", &["--broker", &broker.address()]);
        service.await_line("ready");
        let asker = Asker::connect(&broker, "lamp");
        let accepted = asker.ask("update", r#"{"state":{"desired":{"on":true}}}"#, "accepted");
        assert_eq!(accepted["version"], 1, "{accepted}");
        let got = asker.ask("get", "", "accepted");
        assert_eq!(
            got["state"],
            json!({"desired": {"on": true}, "delta": {"on": true}})
        );
        service.signal(signal);
        let (lines, code) = service.finish();
        assert_eq!(code, Some(0), "{lines:#?}");
        assert_eq!(lines.iter().filter(|line| *line == "ready").count(), 1);
        for logged in ["lamp <- update", "lamp -> update accepted", "lamp <- get"] {
            assert!(lines.iter().any(|line| line.contains(logged)), "{lines:#?}");
        }
    }
}

#[test]
fn shadow_service_survives_malformed_payloads_and_topics() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    let mut service = Running::start("shadow_service", &["--broker", &broker.address()]);
    service.await_line("ready");
    let asker = Asker::connect(&broker, "lamp");
    for (payload, code) in [
        ("{", 400),
        ("", 400),
        ("[]", 400),
        (r#"{"state":7}"#, 400),
        (r#"{"state":{"delta":{}}}"#, 400),
        (r#"{"state":{"desired":7}}"#, 400),
        (r#"{"state":{},"version":"x"}"#, 400),
        (r#"{"state":{"desired":{"a":[null]}}}"#, 400),
        (r#"{"state":{"desired":{"a":1e999999}}}"#, 400),
        (
            r#"{"state":{"desired":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":{"a":1}}}}}}}}}}}}}}}}}}}}"#,
            400,
        ),
        (r#"{"state":{},"version":7}"#, 400),
    ] {
        let rejected = asker.ask("update", payload, "rejected");
        assert_eq!(rejected["code"], code, "{payload}: {rejected}");
        assert!(rejected["message"].is_string(), "{rejected}");
    }
    let rejected = asker.ask(
        "update",
        &format!(r#"{{"state":{{}},"clientToken":"{}"}}"#, "x".repeat(65)),
        "rejected",
    );
    assert_eq!(rejected["code"], 400, "{rejected}");
    let large = format!(
        r#"{{"state":{{"reported":{{"a":"{}"}}}},"clientToken":"big"}}"#,
        "x".repeat(9_000)
    );
    let rejected = asker.ask("update", &large, "rejected");
    assert_eq!(
        (&rejected["code"], &rejected["clientToken"]),
        (&json!(413), &json!("big"))
    );
    let huge = format!(
        r#"{{"state":{{"reported":{{"a":"{}"}}}}}}"#,
        "x".repeat(150_000)
    );
    assert_eq!(asker.ask("update", &huge, "rejected")["code"], 413);
    for (bytes, code) in [
        (&b"\xFF\xFE\0"[..], 400),
        (b"{\"state\":{\"desired\":{\"a\":\"\xFF\"}}}", 415),
    ] {
        asker.publish_bytes("update", bytes);
        assert_eq!(asker.answer("update", "rejected")["code"], code);
    }
    // None of these is a request that could be answered; none may disturb the service.
    for topic in [
        "$aws/things//shadow/get",
        "$aws/things/not a thing/shadow/get",
        "$aws/things/lamp/shadow/name//get",
        "$aws/things/lamp/shadow/name/not a name/update",
        "$aws/things/lamp/shadow/update/accepted",
        "$aws/things/lamp/shadow/name/get",
    ] {
        asker.mqtt.publish(topic, b"{");
    }
    let long = format!("$aws/things/{}/shadow/get", "x".repeat(1_000));
    asker.mqtt.publish(&long, b"{}");
    let missing = asker.ask("get", "", "rejected");
    assert_eq!(missing["code"], 404, "nothing above made a shadow");
    let accepted = asker.ask("update", r#"{"state":{"reported":{"on":1}}}"#, "accepted");
    assert_eq!(accepted["version"], 1, "{accepted}");
    service.signal("TERM");
    let (lines, code) = service.finish();
    assert_eq!(code, Some(0), "{lines:#?}");
}

#[test]
fn shadow_service_survives_a_restart_of_the_broker() {
    let Some(mut broker) = Mosquitto::start() else {
        return;
    };
    let mut service = Running::start("shadow_service", &["--broker", &broker.address()]);
    service.await_line("ready");
    let asker = Asker::connect(&broker, "lamp");
    asker.ask("update", r#"{"state":{"desired":{"on":true}}}"#, "accepted");
    drop(asker);
    broker.restart();
    let asker = Asker::connect(&broker, "lamp");
    let got = asker.ask_until_answered("get", "accepted");
    assert_eq!(got["version"], 1, "the shadows outlive the broker: {got}");
    assert_eq!(got["state"]["desired"], json!({"on": true}));
    service.signal("TERM");
    let (lines, code) = service.finish();
    assert_eq!(code, Some(0), "{lines:#?}");
}

#[test]
fn shadow_service_takes_the_size_limit_from_its_command_line() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    let mut service = Running::start(
        "shadow_service",
        &[
            "--broker",
            &broker.address(),
            "--max-document-bytes",
            "20000",
        ],
    );
    service.await_line("ready");
    let asker = Asker::connect(&broker, "lamp");
    // The limit counts the section's JSON: {"a":"…"} is 8 bytes and the text.
    for (text, answer) in [(20_000 - 8, "accepted"), (20_000 - 7, "rejected")] {
        let payload = format!(
            r#"{{"state":{{"reported":{{"a":"{}"}}}}}}"#,
            "x".repeat(text)
        );
        asker.ask("update", &payload, answer);
    }
}

#[test]
fn shadow_service_waits_for_a_broker_that_comes_late_and_stops_without_one() {
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let mut service = Running::start("shadow_service", &["--broker", &address]);
    thread::sleep(Duration::from_millis(300));
    if let Some(_broker) = Mosquitto::start_at(port, "") {
        service.await_line("ready");
    }
    service.signal("TERM");
    let (lines, code) = service.finish();
    assert_eq!(code, Some(0), "{lines:#?}");
}
