//! The examples' broker and MQTT client, tested together over TCP: what the quickstart stands on.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

#[path = "../examples/common/broker.rs"]
mod broker;
#[path = "../examples/common/mqtt.rs"]
mod mqtt;

use core::time::Duration;
use std::time::Instant;

use broker::Broker;
use mqtt::{Event, Mqtt, Options};

const WAIT: Duration = Duration::from_secs(10);

fn options(broker: &Broker, client_id: &str) -> Options {
    let mut options = Options::new(client_id);
    options
        .set_broker(&broker.address().to_string())
        .expect("an address and a port");
    options
}

/// Waits for the first event that `wanted` turns into something.
fn await_event<T>(mqtt: &Mqtt, wanted: impl Fn(Event) -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < WAIT {
        if let Some(found) = mqtt.receive(Duration::from_millis(50)).and_then(&wanted) {
            return found;
        }
    }
    panic!("nothing came in {WAIT:?}");
}

fn up(event: Event) -> Option<bool> {
    let Event::Up { session_present } = event else {
        return None;
    };
    Some(session_present)
}

fn subscribed(event: Event) -> Option<usize> {
    let Event::Subscribed { refused } = event else {
        return None;
    };
    Some(refused)
}

fn message(event: Event) -> Option<(String, Vec<u8>)> {
    let Event::Message { topic, payload } = event else {
        return None;
    };
    Some((topic, payload))
}

#[test]
fn reserved_topics_and_payloads_over_10_kb_pass_the_embedded_broker() {
    let broker = Broker::start().expect("a free port");
    let service = Mqtt::connect(&options(&broker, "service")).expect("a thread");
    assert!(!await_event(&service, up));
    service.subscribe(&[
        "$aws/things/+/shadow/update",
        "$aws/things/+/shadow/name/+/update",
    ]);
    assert_eq!(await_event(&service, subscribed), 0);

    let device = Mqtt::connect(&options(&broker, "device")).expect("a thread");
    await_event(&device, up);
    let payload = vec![b'x'; 30_000];
    for topic in [
        "$aws/things/t/shadow/update",
        "$aws/things/t/shadow/name/a/update",
    ] {
        assert!(device.publish(topic, &payload));
        assert_eq!(
            await_event(&service, message),
            (topic.to_owned(), payload.clone())
        );
    }
}

#[test]
fn a_kept_session_delivers_what_was_sent_while_the_client_was_away() {
    let broker = Broker::start().expect("a free port");
    let mut kept = options(&broker, "device");
    kept.clean_session = false;
    let device = Mqtt::connect(&kept).expect("a thread");
    assert!(!await_event(&device, up));
    device.subscribe(&["$aws/things/t/shadow/update/delta"]);
    await_event(&device, subscribed);
    drop(device);

    let service = Mqtt::connect(&options(&broker, "service")).expect("a thread");
    await_event(&service, up);
    assert!(service.publish("$aws/things/t/shadow/update/delta", b"while you were out"));

    let device = Mqtt::connect(&kept).expect("a thread");
    assert!(await_event(&device, up));
    assert_eq!(await_event(&device, message).1, b"while you were out");
}

#[test]
fn the_client_says_the_broker_is_away_and_returns_by_itself() {
    let broker = Broker::start().expect("a free port");
    let options = options(&broker, "device");
    let device = Mqtt::connect(&options).expect("a thread");
    await_event(&device, up);
    let address = broker.address();
    drop(broker);
    await_event(&device, |event| {
        matches!(event, Event::Down { .. }).then_some(())
    });
    assert!(!device.publish("a", b"lost, and the caller knows"));

    let broker = Broker::start_at(address).expect("the port again");
    assert!(!await_event(&device, up), "a new broker knows no session");
    device.subscribe(&["a"]);
    await_event(&device, subscribed);
    assert!(device.publish("a", b"back"));
    assert_eq!(await_event(&device, message).1, b"back");
    drop(broker);
}

#[test]
fn traffic_counts_whole_packets() {
    let broker = Broker::start().expect("a free port");
    let device = Mqtt::connect(&options(&broker, "id")).expect("a thread");
    await_event(&device, up);
    let before = device.traffic();
    assert_eq!(
        (before.sent, before.received),
        (16, 4),
        "CONNECT and CONNACK"
    );
    // PUBLISH: header 2, topic 2 + 3, packet identifier 2, payload 5. PUBACK: 4.
    assert!(device.publish("a/b", b"12345"));
    let start = Instant::now();
    while device.traffic().received == before.received && start.elapsed() < WAIT {
        device.receive(Duration::from_millis(10));
    }
    let after = device.traffic();
    assert_eq!(
        (after.sent - before.sent, after.received - before.received),
        (14, 4)
    );
}

#[test]
fn dropping_a_client_without_a_broker_does_not_hang() {
    let mut options = Options::new("nobody");
    options
        .set_broker("127.0.0.1:1")
        .expect("an address and a port");
    let device = Mqtt::connect(&options).expect("a thread");
    await_event(&device, |event| {
        matches!(event, Event::Down { .. }).then_some(())
    });
    let start = Instant::now();
    drop(device);
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn a_broker_address_needs_a_port() {
    let mut options = Options::new("x");
    assert!(options.set_broker("localhost").is_err());
    assert!(options.set_broker("localhost:http").is_err());
    options.set_broker("[::1]:8883").expect("IPv6 in brackets");
    assert_eq!((options.host.as_str(), options.port), ("::1", 8883));
}
