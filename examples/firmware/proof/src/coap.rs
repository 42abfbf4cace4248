//! The device's side of CoAP in full: engine, endpoint, adapter; documents in the format `F`.

use twinsync::adapter::coap::endpoint::{self, Event, Reliability, RequestHandle};
use twinsync::adapter::coap::{Block, Client, Fed, Format, Message, Question};
use twinsync::device::{Config, DeviceEngine, Output, Session, Verdict};
use twinsync::document::Document;
use twinsync::protocol::{TwinId, VersionScope};
use twinsync::time::Instant;

use crate::{input, sink, text, word};

type Endpoint = endpoint::Client<u32, 512, 3>;

/// A device that never ends.
pub fn device<F: Format>() -> ! {
    let config = Config::new(word()).with_versions(VersionScope::Section);
    let mut engine = DeviceEngine::<512>::new(config);
    let mut endpoint = Endpoint::new(endpoint::Config::new(u64::from(word())));
    let mut scratch = Document::<1024>::new();
    let client = loop {
        if let Ok(id) = TwinId::new(text(), None)
            && let Ok(client) = Client::<F>::new("twins", id)
        {
            break client.with_block_size(256);
        }
    };
    let mut asked: Option<(RequestHandle, Question)> = None;
    let mut observed: Option<(RequestHandle, Question)> = None;
    engine.handle_connected(Instant::ZERO, Session::Fresh);
    loop {
        let now = Instant::from_millis(u64::from(word()));
        match word() & 15 {
            0 => engine.handle_connected(now, Session::Fresh),
            1 => engine.handle_disconnected(now),
            2 => engine.handle_timeout(now),
            3 => {
                if let Some(Event::Response {
                    request,
                    message,
                    ongoing,
                    ..
                }) = endpoint.handle_datagram(now, 1, input())
                {
                    for asked in [&asked, &observed].into_iter().flatten() {
                        if asked.0 == request {
                            let question = &asked.1;
                            let mut decoder = client.decoder(question, scratch.as_mut());
                            let mut fed = decoder.feed(&message);
                            while let Ok(Fed::More(block)) = fed {
                                ask(now, &client, question, block, &mut endpoint);
                                let Ok(message) = Message::parse(input()) else {
                                    break;
                                };
                                fed = decoder.feed(&message);
                            }
                            match fed.and_then(|_| decoder.finish()) {
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
                            if ongoing {
                                engine.handle_subscribed(now);
                            }
                            break;
                        }
                    }
                }
            }
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
            _ => {
                let wanted = engine.wanted();
                while let Some(transmit) = engine.poll_transmit(now) {
                    let mut question = None;
                    let output = transmit.output();
                    let begun = endpoint.request(now, 1, Reliability::Confirmable, |out| {
                        question = match &output {
                            Output::Message(message) => client.encode(message, wanted, out).ok(),
                            _ => client.subscribe(out).ok(),
                        };
                    });
                    match (begun, question) {
                        (Ok(handle), Some(question)) => {
                            let place = if question.is_subscription() {
                                &mut observed
                            } else {
                                &mut asked
                            };
                            if let Some((before, _)) = place.replace((handle, question)) {
                                endpoint.cancel(before);
                            }
                            transmit.sent(now);
                        }
                        _ => transmit.too_large(now),
                    }
                }
                while let Some(transmit) = endpoint.poll_transmit(now) {
                    sink(transmit.bytes().len() as u32);
                    transmit.sent();
                }
                while let Some(event) = endpoint.poll_event(now) {
                    sink(matches!(event, Event::TimedOut { .. }).into());
                }
                while let Some(event) = engine.poll_event() {
                    sink(matches!(event, twinsync::device::Event::Synced).into());
                }
                for at in [engine.poll_timeout(), endpoint.poll_timeout()] {
                    sink(at.map_or(0, |at| at.as_millis() as u32));
                }
            }
        }
    }
}

#[inline(never)]
fn ask<F: Format>(
    now: Instant,
    client: &Client<'_, F>,
    question: &Question,
    block: Block,
    endpoint: &mut Endpoint,
) {
    let begun = endpoint.request(now, 1, Reliability::Confirmable, |out| {
        let _ = client.next(question, block, out);
    });
    sink(u32::from(begun.is_ok()));
}
