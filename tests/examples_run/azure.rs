//! `azure_hub` and `azure_device`, over TCP: a back-end asks through HTTP, the device acknowledges.

use std::env;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::running::{Running, WAIT};

/// A hub, where its devices connect, and where its back-ends do.
fn start(arguments: &[&str]) -> (Running, String, String) {
    let mut all = vec!["--listen", "127.0.0.1:0", "--http", "127.0.0.1:0"];
    all.extend(arguments);
    let mut hub = Running::start("azure_hub", &all);
    let (mqtt, http) = hub.await_output("ready line", |line| {
        let (mqtt, http) = line.strip_prefix("ready mqtt://")?.split_once(" http://")?;
        Some((mqtt.to_owned(), http.to_owned()))
    });
    (hub, mqtt, http)
}

/// Asks for something under a path; returns status and body.
fn ask(http: &str, method: &str, path: &str, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(http).expect("a server of HTTP");
    stream.set_read_timeout(Some(WAIT)).expect("a timeout");
    let length = body.len();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: hub\r\nContent-Length: {length}\r\n\r\n{body}");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut text = String::new();
    let mut piece = [0; 4096];
    loop {
        let len = stream.read(&mut piece).expect("an answer");
        text.push_str(&String::from_utf8_lossy(&piece[..len]));
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        if let Ok(body) = serde_json::from_str(body) {
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
            return (status.expect("a status"), body);
        }
        assert!(len > 0, "cut off: {text}");
    }
}

/// Waits until the twin's reported section says at `property` what is wanted.
fn await_reported(http: &str, property: &str, wanted: &Value) {
    let start = Instant::now();
    loop {
        let (_, twin) = ask(http, "GET", "/twins/heater", "");
        let said = &twin["properties"]["reported"][property];
        if said == wanted {
            return;
        }
        assert!(start.elapsed() < WAIT, "{property} is {said}");
        thread::sleep(core::time::Duration::from_millis(50));
    }
}

#[test]
fn a_device_does_what_a_back_end_asks_and_acknowledges_it() {
    let (_hub, mqtt, http) = start(&[]);
    assert_eq!(ask(&http, "GET", "/twins/heater", "").0, 404);
    let mut device = Running::start("azure_device", &["--broker", &mqtt, "--device", "heater"]);
    device.await_line("Synced");
    let initial = serde_json::json!({"value": 19, "ac": 203, "av": 0});
    await_reported(&http, "target", &initial);
    let body = r#"{"properties":{"desired":{"target":21.5,"mode":"steam"}},"tags":{"room":"k"}}"#;
    let (status, twin) = ask(&http, "PATCH", "/twins/heater", body);
    assert_eq!((status, &twin["tags"]["room"]), (200, &Value::from("k")));
    let version = &twin["properties"]["desired"]["$version"];
    let done = serde_json::json!({"value": 21.5, "ac": 200, "av": version});
    await_reported(&http, "target", &done);
    let bad = serde_json::json!(
        {"value": "heat", "ac": 400, "av": version, "ad": "neither heat nor off"}
    );
    await_reported(&http, "mode", &bad);
}

#[test]
fn a_hub_that_starts_anew_knows_its_sessions_and_learns_its_twins() {
    let sessions = env::temp_dir().join(format!("azure-hub-{}", std::process::id()));
    let file = sessions.to_string_lossy().into_owned();
    let (hub, mqtt, http) = start(&["--sessions", &file]);
    let mut device = Running::start("azure_device", &["--broker", &mqtt, "--device", "heater"]);
    device.await_line("ReportAccepted");
    let initial = serde_json::json!({"value": 19, "ac": 203, "av": 0});
    await_reported(&http, "target", &initial);
    drop(hub);
    let mut hub = Running::start(
        "azure_hub",
        &["--listen", &mqtt, "--http", &http, "--sessions", &file],
    );
    hub.await_output("ready line", |line| line.strip_prefix("ready ").map(drop));
    // Nobody subscribes again: the session was kept. What the device said is said anew.
    device.await_line("Synced");
    await_reported(&http, "target", &initial);
    let body = r#"{"properties":{"desired":{"interval":7}}}"#;
    assert_eq!(ask(&http, "PATCH", "/twins/heater", body).0, 200);
    let done = serde_json::json!({"value": 7, "ac": 200, "av": 2});
    await_reported(&http, "interval", &done);
    let _ = std::fs::remove_file(sessions);
}
