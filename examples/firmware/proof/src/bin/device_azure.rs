//! The device's side in full: engine, JSON in pieces, JSON out, Azure adapter.
#![no_std]
#![no_main]

use twinsync::adapter::azure::plug_and_play::{Acknowledgement, Code, says};
use twinsync::adapter::azure::{Client, Login};
use twinsync::device::{Acks, Config, DeviceEngine, Output, Session, Verdict};
use twinsync::document::Document;
use twinsync::protocol::{TwinId, VersionScope};
use twinsync::time::Instant;
use twinsync_proof::{input, output, sink, text, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut engine = DeviceEngine::<512>::new(
        Config::new(word())
            .with_versions(VersionScope::Section)
            .with_conditional(true)
            .with_acks(Acks::new(says)),
    );
    let mut scratch = Document::<1024>::new();
    let id = loop {
        if let Ok(id) = TwinId::new(text(), None) {
            break id;
        }
    };
    let client = loop {
        if let Ok(client) = Client::new(id) {
            break client;
        }
    };
    loop {
        let now = Instant::from_millis(u64::from(word()));
        match word() & 15 {
            0 => engine.handle_connected(now, Session::Fresh),
            1 => engine.handle_subscribed(now),
            2 => engine.handle_disconnected(now),
            3 => {
                if let Ok(mut decoder) = client.decoder(text(), engine.wanted(), scratch.as_mut()) {
                    let fed = decoder.feed(input()).and_then(|()| decoder.feed(input()));
                    match fed.and_then(|()| decoder.finish()) {
                        Ok(message) => {
                            let handled = engine.handle_message(now, message);
                            sink(u32::from(handled.is_ok()));
                        }
                        Err(error) => {
                            if let Some(error) = error.capacity() {
                                engine.handle_oversized(now, error.needed);
                            }
                        }
                    }
                }
            }
            4 => engine.handle_timeout(now),
            5 => sink(u32::from(
                engine
                    .report_value(now, &[text(), "x"], word() as i32)
                    .is_ok(),
            )),
            6 => sink(u32::from(engine.acknowledge(now, &[text()]).is_ok())),
            7 => sink(u32::from(engine.refuse(now, &[text()]).is_ok())),
            8 => {
                for leaf in engine.changes() {
                    sink(leaf.path.len() as u32);
                }
            }
            9 => sink(u32::from(engine.report(now, scratch.as_ref()).is_ok())),
            10 => {
                let settled = engine.settle(now, |leaf| match leaf.path.len() & 1 {
                    0 => Verdict::Applied,
                    _ => Verdict::Refused,
                });
                sink(core::hint::black_box(settled).applied as u32);
            }
            11 => engine.refresh(now),
            12 => {
                let kept = engine.clone();
                sink(u32::from(engine.restore(&kept.memory()).is_ok()));
                sink(u32::from(engine.withheld().is_some()));
            }
            13 => {
                // Whoever connects with a token and acknowledges as Plug and Play has it.
                if let Ok(login) = Login::new(text(), id) {
                    let login = login.with_model(text());
                    for written in [
                        login.client_id(output()).map(str::len),
                        login.user_name(output()).map(str::len),
                        login
                            .string_to_sign(now.as_millis(), output())
                            .map(str::len),
                        login
                            .password(now.as_millis(), text(), output())
                            .map(str::len),
                    ] {
                        sink(written.unwrap_or(0) as u32);
                    }
                }
                let said = Acknowledgement::new(Code::Done, engine.version())
                    .with_description(text())
                    .answer(text().into(), scratch.as_mut());
                if said.is_ok() {
                    let told = engine.report_value(now, &[text()], scratch.as_ref());
                    sink(u32::from(told.is_ok()));
                }
            }
            _ => {
                while let Some(transmit) = engine.poll_transmit(now) {
                    match transmit.output() {
                        Output::Subscribe => {
                            for filter in Client::SUBSCRIPTIONS {
                                sink(filter.len() as u32);
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
                    sink(matches!(event, twinsync::device::Event::Synced).into());
                }
                if let Some(at) = engine.poll_timeout() {
                    sink(at.as_millis() as u32);
                }
            }
        }
    }
}
