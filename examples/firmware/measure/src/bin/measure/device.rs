//! The engine's calls between two messages, with the AWS spelling of what goes out and comes in.

use twinsync::adapter::aws::Client;
use twinsync::codec::json;
use twinsync::device::{Config, DeviceEngine, Output, Session, Verdict};
use twinsync::document::{Document, DocumentRef};
use twinsync::protocol::{Delta, Message, Snapshot, TwinId, Versions};
use twinsync::time::{Instant, Timestamp};
use twinsync::twin::Version;
use twinsync_measure::workload::{DELTA, DELTA_TOPIC, DOCUMENT, PATCH};
use twinsync_measure::{expect, fixed, measure, measure_ok, need};

pub type Engine = DeviceEngine<512>;

pub const NOW: Instant = Instant::from_millis(1_000);

/// The answer to a full get: both sections, with metadata and delta.
const ANSWER: &[u8] = br#"{"state":{"desired":{"target":215,"mode":"heat","alarm":{"high":355}},"reported":{"target":200,"mode":"heat","firmware":"1.4.1"},"delta":{"target":215,"alarm":{"high":355}}},"metadata":{"desired":{"target":{"timestamp":1700000001},"mode":{"timestamp":1700000001},"alarm":{"high":{"timestamp":1700000001}}},"reported":{"target":{"timestamp":1700000000},"mode":{"timestamp":1700000000},"firmware":{"timestamp":1700000000}}},"version":10,"timestamp":1700000002,"clientToken":"00000007"}"#;

/// What a device that reports [`DOCUMENT`] hears when its first report was accepted.
const ACCEPTED: &[u8] = br#"{"state":{"reported":{"target":215}},"metadata":{"reported":{"target":{"timestamp":1700000003}}},"version":11,"timestamp":1700000003,"clientToken":"00000008"}"#;

pub fn client() -> Client<'static> {
    let id = TwinId::new("thermostat-1", None).ok();
    need(id.and_then(|id| Client::new(id).ok()), "a name")
}

#[inline(never)]
pub fn all() {
    let engine = fixed!(Engine, DeviceEngine::new(Config::new(7)));
    let copy = fixed!(Engine, DeviceEngine::new(Config::new(7)));
    let scratch = fixed!(Document<1024>, Document::new());
    let state = fixed!(Document<512>, Document::new());
    let out = fixed!([u8; 512], [0; 512]);
    let client = client();
    expect(
        json::read(DOCUMENT.as_bytes(), state.as_mut()).is_ok(),
        "a document",
    );

    measure_ok("device: report, 16 leaves", || {
        engine.report(NOW, state.as_ref())
    });
    measure_ok("device: report_value", || {
        engine.report_value(NOW, &["battery"], 86)
    });
    measure("device: handle_connected", || {
        engine.handle_connected(NOW, Session::Fresh)
    });
    transmit("device: poll_transmit, subscribe", engine, &client, out);
    measure("device: handle_subscribed", || {
        engine.handle_subscribed(NOW)
    });
    transmit("device: poll_transmit + encode, get", engine, &client, out);
    let topic = "$aws/things/thermostat-1/shadow/get/accepted";
    let message = client.decode(topic, ANSWER, engine.wanted(), scratch.as_mut());
    let message = need(message.ok(), "the answer");
    measure_ok("device: handle_message, answer to a get", || {
        engine.handle_message(NOW, message)
    });
    transmit(
        "device: poll_transmit + encode, report of 300 B",
        engine,
        &client,
        out,
    );
    let topic = "$aws/things/thermostat-1/shadow/update/accepted";
    let message = client.decode(topic, ACCEPTED, engine.wanted(), scratch.as_mut());
    let message = need(message.ok(), "accepted");
    measure_ok("device: handle_message, report accepted", || {
        engine.handle_message(NOW, message)
    });

    copy.clone_from(engine);
    let message = client.decode(DELTA_TOPIC, DELTA, engine.wanted(), scratch.as_mut());
    let message = need(message.ok(), "the delta");
    measure_ok("device: handle_message, delta of 4 leaves", || {
        engine.handle_message(NOW, message)
    });
    let count = measure("device: changes, all 4", || engine.changes().count());
    expect(count == 4, "4 changes");
    measure_ok("device: acknowledge", || {
        engine.acknowledge(NOW, &["target"])
    });
    measure_ok("device: refuse", || engine.refuse(NOW, &["mode"]));
    let settled = measure("device: settle, 2 changes", || {
        engine.settle(NOW, |_| Verdict::Applied)
    });
    expect(settled.applied == 2, "2 settled");
    measure("device: is_synced", || engine.is_synced());
    measure("device: withheld", || engine.withheld().is_some());
    measure("device: poll_event + poll_timeout", || {
        (engine.poll_event(), engine.poll_timeout())
    });

    // The same delta from the payload to the next packet out.
    measure_ok(
        "AWS delta of 300 B: decode, handle_message, settle, report out",
        || {
            let message = client
                .decode(DELTA_TOPIC, DELTA, copy.wanted(), scratch.as_mut())
                .map_err(|_| ())?;
            copy.handle_message(NOW, message).map_err(|_| ())?;
            copy.settle(NOW, |_| Verdict::Applied);
            send(copy, &client, out).ok_or(())
        },
    );

    told(copy);

    let memory = fixed!(Engine, DeviceEngine::new(Config::new(8)));
    measure_ok("device: restore", || memory.restore(&engine.memory()));
    measure("device: handle_timeout", || {
        engine.handle_timeout(Instant::from_millis(60_000));
    });
    measure("device: handle_oversized", || {
        engine.handle_oversized(NOW, 4_000)
    });
    measure("device: refresh", || engine.refresh(NOW));
    measure("device: handle_disconnected", || {
        engine.handle_disconnected(NOW)
    });
}

/// What other dialects tell of desired, a patch of it and the whole, and a report that is too large to send.
#[inline(never)]
fn told(engine: &mut Engine) {
    let patch = fixed!(Document<512>, Document::new());
    let whole = fixed!(Document<512>, Document::new());
    let versions = |version| Versions::all(Version::new(version));
    expect(
        json::read(PATCH.as_bytes(), patch.as_mut()).is_ok()
            && json::read(DOCUMENT.as_bytes(), whole.as_mut()).is_ok()
            && patch.set(&["target"], 230).is_ok()
            && whole.as_mut().nest("desired").is_ok(),
        "documents",
    );
    let message = Message::DesiredPatch(Delta {
        patch: patch.as_ref(),
        versions: versions(13),
        metadata: DocumentRef::EMPTY,
        timestamp: Timestamp::EPOCH,
        id: None,
    });
    measure_ok("device: handle_message, desired patch of 4 leaves", || {
        engine.handle_message(NOW, message)
    });
    expect(engine.desired().read(&["target"]) == Ok(230), "the patch");
    let message = Message::Desired(Snapshot {
        id: None,
        document: whole.as_ref(),
        versions: versions(14),
        timestamp: Timestamp::EPOCH,
    });
    measure_ok("device: handle_message, desired of 16 leaves", || {
        engine.handle_message(NOW, message)
    });
    expect(engine.desired().read(&["target"]) == Ok(215), "the whole");
    engine.handle_disconnected(NOW);
    engine.handle_connected(NOW, Session::Resumed);
    measure("device: too_large", || {
        engine
            .poll_transmit(NOW)
            .map(|transmit| transmit.too_large(NOW))
    });
}

/// Takes what is due, encodes it, says that it is sent, and prints what that took.
fn transmit(name: &str, engine: &mut Engine, client: &Client<'_>, out: &mut [u8]) {
    let sent = measure(name, || send(engine, client, out));
    expect(sent.is_some(), name);
}

fn send(engine: &mut Engine, client: &Client<'_>, out: &mut [u8]) -> Option<()> {
    let transmit = engine.poll_transmit(NOW)?;
    if let Output::Message(message) = transmit.output() {
        client.encode(&message, out).ok()?;
    }
    transmit.sent(NOW);
    Some(())
}
