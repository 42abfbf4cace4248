//! What a typical device calls: connect, get, settle and acknowledge, report values, send; AWS and JSON.
#![no_std]
#![no_main]

use twinsync::adapter::aws::Client;
use twinsync::device::{Config, DeviceEngine, Event, Output, Session, Verdict};
use twinsync::document::Document;
use twinsync::protocol::TwinId;
use twinsync::time::Instant;
use twinsync_proof::{input, output, sink, text, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut engine = DeviceEngine::<512>::new(Config::new(word()));
    let mut scratch = Document::<1024>::new();
    let client = loop {
        let id = TwinId::new("thermostat-1", None).ok();
        if let Some(client) = id.and_then(|id| Client::new(id).ok()) {
            break client;
        }
    };
    loop {
        let now = Instant::from_millis(u64::from(word()));
        match word() & 7 {
            0 => engine.handle_connected(now, Session::Fresh),
            1 => engine.handle_subscribed(now),
            2 => engine.handle_disconnected(now),
            3 => match client.decode(text(), input(), engine.wanted(), scratch.as_mut()) {
                Ok(message) => sink(engine.handle_message(now, message).is_ok().into()),
                Err(error) => {
                    if let Some(error) = error.capacity() {
                        engine.handle_oversized(now, error.needed);
                    }
                }
            },
            4 => sink(
                engine
                    .report_value(now, &["battery"], word() as i32)
                    .is_ok()
                    .into(),
            ),
            5 => sink(engine.acknowledge(now, &["target"]).is_ok().into()),
            6 => {
                let settled = engine.settle(now, |leaf| match leaf.path.len() & 1 {
                    0 => Verdict::Applied,
                    _ => Verdict::Refused,
                });
                sink(core::hint::black_box(settled).applied as u32);
            }
            _ => {
                while let Some(transmit) = engine.poll_transmit(now) {
                    match transmit.output() {
                        Output::Subscribe => {
                            for purpose in Client::SUBSCRIPTIONS {
                                if let Ok(topic) = client.topic(purpose, output()) {
                                    sink(topic.len() as u32);
                                }
                            }
                            transmit.sent(now);
                        }
                        Output::Message(message) => match client.encode(&message, output()) {
                            Ok(publish) => {
                                sink(publish.payload.len() as u32);
                                transmit.sent(now);
                            }
                            Err(_) => transmit.too_large(now),
                        },
                        _ => {}
                    }
                }
                while let Some(event) = engine.poll_event() {
                    sink(matches!(event, Event::Synced).into());
                }
                if let Some(at) = engine.poll_timeout() {
                    engine.handle_timeout(at);
                    sink(at.as_millis() as u32);
                }
            }
        }
    }
}
