//! A device behind the Azure client's side: whatever arrives, in whatever pieces, is understood or
//! refused, and the engine goes on: it neither panics nor asks to be called for ever.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::adapter::azure::plug_and_play::says;
use twinsync::adapter::azure::{Client, twin_id};
use twinsync::device::{Acks, Config, DeviceEngine, Output, Session};
use twinsync::document::Document;
use twinsync::protocol::VersionScope;
use twinsync::time::Instant;
use twinsync_fuzz::Input;

const TOPICS: [&str; 8] = [
    "$iothub/twin/res/200/?$rid=g0000000",
    "$iothub/twin/res/204/?$rid=u0000000",
    "$iothub/twin/res/400/?$rid=u0000000",
    "$iothub/twin/res/412/?$rid=u0000000",
    "$iothub/twin/res/429/?$rid=g0000000",
    "$iothub/twin/PATCH/properties/desired/?$version=",
    "$iothub/twin/res/204/?$rid=u%30000000",
    "devices/a/$iothub/twin/res/200/?$rid=g0000000",
];

fuzz_target!(|bytes: &[u8]| {
    let client = Client::new(twin_id("a", None).expect("valid")).expect("valid");
    let config = Config::new(1)
        .with_versions(VersionScope::Section)
        .with_conditional(true)
        .with_acks(Acks::new(says));
    let mut engine = DeviceEngine::<256>::new(config);
    let mut input = Input::new(bytes);
    let mut now = Instant::ZERO;
    let mut out = [0; 512];
    while !input.is_empty() {
        match input.below(16) {
            0 => engine.handle_connected(now, Session::Fresh),
            1 => engine.handle_connected(now, Session::Resumed),
            2 => engine.handle_subscribed(now),
            3 => engine.handle_disconnected(now),
            4 => now = Instant::from_millis(now.as_millis() + u64::from(input.byte()) * 1_000),
            5 => {
                let before = engine.reported().as_bytes().to_vec();
                let text = "x".repeat(usize::from(input.byte()));
                if engine
                    .report_value(now, &["k", "l"], text.as_str())
                    .is_err()
                {
                    assert_eq!(engine.reported().as_bytes(), before);
                }
            }
            6 => engine.refresh(now),
            7 => engine.handle_oversized(now, 1_000),
            _ => {
                let choice = input.byte();
                let topic = if choice == 255 {
                    String::from_utf8_lossy(input.bytes(80)).into_owned()
                } else {
                    // The id's last digit, or a version, so that some answers are awaited.
                    let topic = TOPICS[usize::from(choice) % TOPICS.len()];
                    format!("{topic}{}", input.below(10))
                };
                let step = usize::from(input.byte()).max(1);
                let payload = input.bytes(255);
                let mut scratch = Document::<400>::new();
                let whole = client
                    .decode(&topic, payload, engine.wanted(), scratch.as_mut())
                    .map(|message| format!("{message:?}"));
                if let Ok(mut decoder) = client.decoder(&topic, engine.wanted(), scratch.as_mut()) {
                    let fed = payload
                        .chunks(step)
                        .try_for_each(|piece| decoder.feed(piece));
                    match fed.and_then(|()| decoder.finish()) {
                        Ok(message) => {
                            assert_eq!(whole, Ok(format!("{message:?}")), "the same in pieces");
                            engine.handle_message(now, message).expect("no request");
                        }
                        Err(error) => assert_eq!(whole, Err(error), "the same in pieces"),
                    }
                }
            }
        }
        engine.handle_timeout(now);
        let mut asked = 0;
        loop {
            while engine.poll_event().is_some() {}
            let Some(transmit) = engine.poll_transmit(now) else {
                break;
            };
            asked += 1;
            assert!(asked < 300, "asks for ever");
            let fits = match transmit.output() {
                Output::Message(message) => client.encode(&message, &mut out).is_ok(),
                _ => true,
            };
            if fits {
                transmit.sent(now);
            } else {
                transmit.too_large(now);
            }
        }
        assert!(engine.changes().count() < 200);
    }
});
