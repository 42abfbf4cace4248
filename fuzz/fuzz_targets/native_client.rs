//! A device behind the native client's side: whatever arrives, in whatever pieces, is understood or
//! refused, and the engine goes on: it neither panics nor asks to be called for ever.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::adapter::native::{Client, Prefix};
use twinsync::device::{Config, DeviceEngine, Output, Session};
use twinsync::document::Document;
use twinsync::protocol::{TwinId, VersionScope, Wanted};
use twinsync::time::Instant;
use twinsync_fuzz::Input;

const TOPICS: [&str; 4] = ["t/a/d", "t/a/u", "t/b/d", "t!/a/e"];

fuzz_target!(|bytes: &[u8]| {
    let id = TwinId::new("a", None).expect("valid");
    let client = Client::device(Prefix::DEFAULT, id);
    let back_end = Client::back_end(Prefix::DEFAULT, id);
    let mut engine = DeviceEngine::<256>::new(Config::new(1).with_versions(VersionScope::Section));
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
                let text = "x".repeat(usize::from(input.byte()));
                let _ = engine.report_value(now, &["k", "l"], text.as_str());
            }
            6 => engine.refresh(now),
            7 => engine.handle_oversized(now, 1_000),
            _ => {
                let topic = TOPICS[input.below(TOPICS.len())];
                let step = usize::from(input.byte()).max(1);
                let payload = input.bytes(255);
                let mut scratch = Document::<400>::new();
                let _ = back_end.decode(topic, payload, Wanted::Sections, scratch.as_mut());
                let whole = client
                    .decode(topic, payload, engine.wanted(), scratch.as_mut())
                    .map(|message| format!("{message:?}"));
                if let Ok(mut decoder) = client.decoder(topic, engine.wanted(), scratch.as_mut()) {
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
        let _ = engine.settle(now, |_| twinsync::device::Verdict::Applied);
    }
});
