//! The CoAP examples, run as a user runs them: as programs of their own, over UDP, against libcoap's client and server.
//!
//! The programs are those of Debian's `libcoap3-bin`, unmodified. Where they are missing, a test says on the terminal
//! that it was skipped; with `TWINSYNC_REQUIRE_PEERS=1` that is a failure.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

#[path = "examples_run/libcoap.rs"]
mod libcoap;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "examples_run/running.rs"]
mod running;

use core::time::Duration;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Instant;

use libcoap::{Asker, free_address, libcoap, start_hub};
use running::{Running, WAIT};
use serde_json::{Value, json};

/// A file that is gone with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &str) -> Self {
        let path = std::env::temp_dir().join(format!("twinsync-{}-{name}", std::process::id()));
        fs::write(&path, content).expect("a temporary file");
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

/// A section of about 8 KB of JSON.
fn large() -> Value {
    (0..400)
        .map(|number| (format!("key{number:04}"), json!(format!("value {number}"))))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

#[test]
fn coap_client_gets_puts_patches_fetches_and_deletes() {
    let address = free_address();
    let Some(asker) = Asker::new(&address, "heater") else {
        return;
    };
    let hub = start_hub(&address, &[]);
    assert_eq!(asker.ask("", &[]), Err("4.04 no such twin".to_owned()));
    asker
        .change("put", "/desired", r#"{"target":21.5,"mode":"heat"}"#)
        .unwrap();
    asker
        .change("ipatch", "/desired", r#"{"mode":null}"#)
        .unwrap();
    asker
        .change("patch", "", r#"{"tags":{"room":"hall"}}"#)
        .unwrap();
    assert_eq!(
        asker.json(""),
        json!({"desired": {"target": 21.5}, "tags": {"room": "hall"}})
    );
    let fetched = asker.ask("", &["-m", "fetch", "-t", "50", "-e", r#"["/tags/room"]"#]);
    assert_eq!(fetched.unwrap(), r#"{"tags":{"room":"hall"}}"#);
    asker
        .change("put", "/desired", r#"{"mode":"off"}"#)
        .unwrap();
    assert_eq!(
        asker.json("/desired"),
        json!({"mode": "off"}),
        "put replaces"
    );
    asker.ask("/tags", &["-m", "delete"]).unwrap();
    assert_eq!(asker.json(""), json!({"desired": {"mode": "off"}}));
    for (path, arguments, error) in [
        (
            "/desired",
            &["-m", "ipatch", "-t", "41", "-e", "{}"][..],
            "4.15",
        ),
        ("/desired", &["-m", "ipatch", "-t", "52", "-e", "{"], "4.00"),
        ("/desired", &["-m", "put", "-t", "50", "-e", "7"], "4.22"),
        ("", &["-m", "put", "-t", "50", "-e", "{}"], "4.05"),
        ("", &["-A", "41"], "4.06"),
        ("", &["-O", "15,x=1"], "4.02"),
        ("/a/b", &[], "4.04"),
    ] {
        let refused = asker.ask(path, arguments).expect_err("an error");
        assert!(
            refused.starts_with(error),
            "{path} {arguments:?}: {refused}"
        );
        assert!(refused.len() > 5, "it says why: {refused}");
    }
    asker.ask("", &["-m", "delete"]).unwrap();
    assert!(asker.ask("", &[]).is_err());
    hub.signal("TERM");
    let (lines, code) = hub.finish();
    assert_eq!(code, Some(0), "{lines:#?}");
}

#[test]
fn coap_client_asks_on_conditions() {
    let address = free_address();
    let Some(asker) = Asker::new(&address, "heater") else {
        return;
    };
    let _hub = start_hub(&address, &[]);
    asker.change("put", "/desired", r#"{"target":20}"#).unwrap();
    let etag = asker.etag("/desired");
    let valid = asker.run("/desired", &["-v", "7", "-O", &format!("4,{etag}")]);
    let shown = String::from_utf8_lossy(&[valid.stdout, valid.stderr].concat()).into_owned();
    assert!(shown.contains("2.03"), "{shown}");
    // What happens elsewhere in the twin is nothing to this section.
    asker
        .change("ipatch", "/reported", r#"{"target":20}"#)
        .unwrap();
    let matching = format!("1,{etag}");
    let change = |body| {
        let arguments = ["-m", "ipatch", "-t", "52", "-O", &matching, "-e", body];
        asker.ask("/desired", &arguments)
    };
    change(r#"{"target":21}"#).unwrap();
    assert!(change(r#"{"target":22}"#).unwrap_err().starts_with("4.12"));
    let absent = ["-m", "put", "-t", "50", "-O", "5,", "-e", "{}"];
    assert!(
        asker
            .ask("/desired", &absent)
            .unwrap_err()
            .starts_with("4.12")
    );
    assert_eq!(asker.json("/desired"), json!({"target": 21}));
}

#[test]
fn coap_client_moves_a_large_twin_in_blocks_of_any_size() {
    let address = free_address();
    let Some(asker) = Asker::new(&address, "heater") else {
        return;
    };
    let _hub = start_hub(&address, &[]);
    let body = large().to_string();
    assert!(body.len() > 7_000);
    let file = Scratch::new("large.json", &body);
    for size in ["64", "256", "1024"] {
        asker
            .ask(
                "/desired",
                &["-m", "put", "-b", size, "-t", "50", "-f", file.path()],
            )
            .unwrap();
        let got = asker.ask("/desired", &["-b", size]).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&got).unwrap(), large());
        asker.ask("/desired", &["-m", "delete"]).unwrap();
    }
    let huge = Scratch::new(
        "huge.json",
        &format!("{{\"a\":\"{}\"}}", "x".repeat(70_000)),
    );
    let refused = asker.ask("/desired", &["-m", "put", "-t", "50", "-f", huge.path()]);
    assert!(refused.unwrap_err().starts_with("4.13"));
}

#[test]
fn coap_client_observes_small_and_large_sections() {
    let address = free_address();
    let Some(asker) = Asker::new(&address, "heater") else {
        return;
    };
    let _hub = start_hub(&address, &[]);
    let file = Scratch::new("observed.json", &large().to_string());
    asker
        .ask("/desired", &["-m", "put", "-t", "50", "-f", file.path()])
        .unwrap();
    asker.change("put", "/reported", r#"{"on":false}"#).unwrap();
    let observe = |path: &str| {
        let mut command = Command::new(&asker.client);
        command
            .args(["-w", "-s", "20"])
            .arg(format!("{}{path}", asker.base));
        let mut observer = Running::spawn(command);
        observer.await_output("first state", |line| line.contains('{').then_some(()));
        observer
    };
    let (mut small, mut large) = (observe("/reported"), observe("/desired"));
    for round in 1..4 {
        asker
            .change("ipatch", "/reported", &format!(r#"{{"round":{round}}}"#))
            .unwrap();
        asker
            .change("ipatch", "/desired", &format!(r#"{{"round":{round}}}"#))
            .unwrap();
        let told = format!(r#""round":{round}"#);
        small.await_output(&told, |line| line.contains(&told).then_some(()));
        large.await_output(&told, |line| {
            let whole: Value = serde_json::from_str(line).ok()?;
            (whole["round"] == round && whole["key0399"] == "value 399").then_some(())
        });
    }
}

#[test]
fn one_device_does_not_reach_anothers_twin() {
    let (address, of_lamp) = (free_address(), free_address());
    let Some(asker) = Asker::new(&address, "lamp") else {
        return;
    };
    let _hub = start_hub(&address, &["--device", &format!("lamp={of_lamp}")]);
    asker
        .change(
            "ipatch",
            "",
            r#"{"desired":{"on":true},"tags":{"room":"hall"}}"#,
        )
        .unwrap();
    let as_lamp = |twin| Asker::new(&of_lamp, twin).expect("it was there before");
    let lamp = as_lamp("lamp");
    assert_eq!(lamp.json(""), json!({"desired": {"on": true}}));
    lamp.change("ipatch", "/reported", r#"{"on":true}"#)
        .unwrap();
    for (path, method) in [("/tags", "ipatch"), ("/desired", "put"), ("", "delete")] {
        let refused = lamp.ask(path, &["-m", method, "-e", "{}"]).unwrap_err();
        assert!(refused.starts_with("4.03"), "{path}: {refused}");
    }
    let heater = as_lamp("heater");
    for path in ["", "/desired", "/reported", "/tags", "/delta", "/named"] {
        let refused = heater.ask(path, &[]).unwrap_err();
        assert!(refused.starts_with("4.03"), "{path}: {refused}");
    }
}

#[test]
fn the_device_keeps_its_twin_although_a_fifth_of_all_datagrams_is_lost() {
    let address = free_address();
    let Some(asker) = Asker::new(&address, "heater") else {
        return;
    };
    // The retransmissions of RFC 7252, ten times as fast.
    let quick = ["--ack-timeout", "200"];
    let _hub = start_hub(&address, &["--max-age", "5", quick[0], quick[1]]);
    let arguments = [
        "--hub", &address, "--name", "heater", "--loss", "20", "--seed", "7", quick[0], quick[1],
    ];
    let device = Running::start("coap_device", &arguments);
    asker.await_json("/reported", |reported| reported["target"] == 19);
    for target in [20, 25] {
        let patch = format!(r#"{{"target":{target}}}"#);
        asker.change("ipatch", "/desired", &patch).unwrap();
        asker.await_json("/reported", |reported| reported["target"] == target);
    }
    asker
        .change("ipatch", "/desired", r#"{"target":95}"#)
        .unwrap();
    asker.await_json("/reported", |reported| {
        reported["refused"]["target"].is_string()
    });
    // Twice the MTU and more, over the same link.
    let note = "x".repeat(3_000);
    let file = Scratch::new(
        "note.json",
        &json!({"note": note, "target": 21}).to_string(),
    );
    asker
        .ask("/desired", &["-m", "put", "-t", "50", "-f", file.path()])
        .unwrap();
    asker.await_json("/reported", |reported| {
        reported["target"] == 21 && reported["refused"]["note"].is_string()
    });
    device.signal("INT");
    let (lines, code) = device.finish();
    assert_eq!(code, Some(0), "{lines:#?}");
}

#[test]
fn the_device_makes_good_a_hub_that_forgot_everything() {
    let address = free_address();
    let Some(asker) = Asker::new(&address, "heater") else {
        return;
    };
    // Who hears nothing for so long registers anew.
    let hub = start_hub(&address, &["--max-age", "3"]);
    let _device = Running::start("coap_device", &["--hub", &address, "--name", "heater"]);
    asker
        .change("ipatch", "/desired", r#"{"target":20,"interval":1}"#)
        .unwrap();
    asker.await_json("/reported", |reported| reported["target"] == 20);
    hub.signal("TERM");
    hub.finish();
    thread::sleep(Duration::from_secs(1));
    let _hub = start_hub(&address, &["--max-age", "3"]);
    // The next reading shows that the twin is gone: all of it is reported anew, and desired observed.
    asker
        .change("ipatch", "/desired", r#"{"target":25}"#)
        .unwrap();
    asker.await_json("/reported", |reported| {
        reported["target"] == 25 && reported["mode"] == "heat"
    });
    asker
        .change("ipatch", "/desired", r#"{"target":23}"#)
        .unwrap();
    asker.await_json("/reported", |reported| reported["target"] == 23);
}

/// libcoap's server keeps whatever is put under a path, and tells observers. It has no versions and knows no PATCH, so
/// that it can play desired, and refuse reports.
#[test]
fn the_device_observes_a_resource_of_libcoaps_server() {
    let address = free_address();
    let Some(asker) = Asker::new(&address, "heater") else {
        return;
    };
    let Some(server) = libcoap("coap-server") else {
        return;
    };
    let (host, port) = address.split_once(':').expect("host and port");
    let mut command = Command::new(server);
    command.args(["-d", "8", "-A", host, "-p", port]);
    let _server = Running::spawn(command);
    let put = |path, body: &Value| {
        let file = Scratch::new("put.json", &body.to_string());
        let start = Instant::now();
        while let Err(error) = asker.ask(path, &["-m", "put", "-t", "50", "-f", file.path()]) {
            assert!(start.elapsed() < WAIT, "{error}");
        }
    };
    put("/desired", &json!({"target": 20}));
    put(
        "",
        &json!({"desired": {"target": 20, "note": "x".repeat(6_000)}}),
    );
    let mut device = Running::start("coap_device", &["--hub", &address, "--name", "heater"]);
    let mut applies = |target: &str| {
        let line = format!("applies target: {target}");
        device.await_output(&line, |seen| seen.contains(&line).then_some(()));
    };
    applies("20");
    put("", &json!({"desired": {"target": 22}}));
    put("/desired", &json!({"target": 22}));
    applies("22");
    put("", &json!({"desired": {"target": 24}}));
    put(
        "/desired",
        &json!({"target": 24, "note": "y".repeat(6_000)}),
    );
    applies("24");
    device.await_output("refusal", |line| {
        line.contains("update rejected").then_some(())
    });
}
