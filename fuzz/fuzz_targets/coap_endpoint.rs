//! An endpoint of both roles: whatever datagrams come and whatever its caller does, it sends only
//! well-formed messages, never for ever, and is at rest a lifetime later.

#![no_main]

use std::collections::HashSet;

use libfuzzer_sys::fuzz_target;
use twinsync::adapter::coap::endpoint::{
    Config, Endpoint, Event, Exchange, Reliability, RequestHandle,
};
use twinsync::adapter::coap::{Code, Message, option};
use twinsync::time::Instant;
use twinsync_fuzz::Input;

type Both = Endpoint<u8, 64, 2, 3, 2>;

/// Sends all that is due and notes what was sent last.
fn drain(endpoint: &mut Both, now: Instant, sent: &mut Vec<Vec<u8>>) {
    let mut count = 0;
    while let Some(transmit) = endpoint.poll_transmit(now) {
        assert!(Message::parse(transmit.bytes()).is_ok());
        sent.push(transmit.bytes().to_vec());
        transmit.sent();
        count += 1;
        assert!(count < 20, "sends for ever");
    }
}

fn end(live: &mut HashSet<RequestHandle>, event: Option<Event<'_, u8>>) {
    match event {
        Some(
            Event::TimedOut { request, .. }
            | Event::Reset { request, .. }
            | Event::Response {
                request,
                ongoing: false,
                ..
            },
        ) => assert!(live.remove(&request), "one end each"),
        Some(Event::Response { request, .. }) => assert!(live.contains(&request)),
        _ => {}
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let mut endpoint = Both::new(
        Config::new(u64::from(input.byte()))
            .with_confirmation(2, twinsync::time::Duration::from_secs(60)),
    );
    let mut now = Instant::ZERO;
    let mut sent: Vec<Vec<u8>> = Vec::new();
    let mut live = HashSet::new();
    let mut open: Option<Exchange> = None;
    while !input.is_empty() {
        match input.below(12) {
            0 => {
                let reliability = if input.byte() & 1 == 0 {
                    Reliability::Confirmable
                } else {
                    Reliability::NonConfirmable
                };
                let (code, observe) = (input.byte(), input.byte());
                let peer = input.byte() & 3;
                if let Ok(request) = endpoint.request(now, peer, reliability, |writer| {
                    writer.code(Code::new(code));
                    if observe & 1 == 0 {
                        writer.option_uint(option::OBSERVE, u32::from(observe >> 4));
                    }
                    writer.payload(input.bytes(80));
                }) {
                    assert!(live.insert(request), "a token of its own");
                }
            }
            1 => {
                let exchange = open.take();
                let Some(exchange) = exchange else { continue };
                let number = endpoint.observe(now, exchange, u32::from(input.byte() & 1));
                let code = input.byte();
                let answered = endpoint.respond(now, exchange, |writer| {
                    writer.code(Code::new(code));
                    if let Ok(number) = number {
                        writer.option_uint(option::OBSERVE, number);
                    }
                    writer.payload(input.bytes(80));
                });
                if answered.is_err() {
                    open = Some(exchange);
                } else {
                    assert!(endpoint.respond(now, exchange, |_| {}).is_err());
                }
            }
            2 => endpoint.changed(u32::from(input.byte() & 1)),
            3 => {
                if let Some(request) = live.iter().next().copied() {
                    assert!(endpoint.cancel(request));
                    live.remove(&request);
                }
            }
            4 => {
                for _ in 0..4 {
                    let Some(next) = endpoint.poll_notify(now) else {
                        break;
                    };
                    let code = input.byte();
                    let _ = endpoint.notify(now, next.observer, |writer, number| {
                        writer.code(Code::new(code));
                        writer.option_uint(option::OBSERVE, number);
                        writer.payload(input.bytes(80));
                    });
                }
            }
            5 => drain(&mut endpoint, now, &mut sent),
            6 => now = Instant::from_millis(now.as_millis() + u64::from(input.byte()) * 250),
            7 => {
                // An answer to what was sent last, or that itself, come back.
                let Some(last) = sent.last() else { continue };
                let mut reply = last.clone();
                reply[0] ^= input.byte() & 0x30;
                reply[1] = input.byte();
                let event = endpoint.handle_datagram(now, input.byte() & 3, &reply);
                end(&mut live, event);
            }
            8 => {
                let event = endpoint.poll_event(now);
                end(&mut live, event);
            }
            9 => endpoint.forget(u32::from(input.byte() & 1)),
            _ => {
                let peer = input.byte() & 3;
                let datagram = input.bytes(100);
                let event = endpoint.handle_datagram(now, peer, datagram);
                if let Some(Event::Request {
                    exchange, message, ..
                }) = event
                {
                    assert!(message.bad_option().is_none());
                    open = Some(exchange);
                }
                end(&mut live, event);
            }
        }
        let _ = endpoint.poll_timeout();
    }
    // Left alone, it comes to rest: requests end, observers that are to be notified hear of it or go.
    let before = sent.len();
    for request in live.drain() {
        assert!(endpoint.cancel(request));
    }
    for _ in 0..40 {
        while let Some(next) = endpoint.poll_notify(now) {
            let done =
                endpoint.notify(now, next.observer, |writer, _| writer.code(Code::NOT_FOUND));
            assert_eq!(done, Ok(()));
        }
        drain(&mut endpoint, now, &mut sent);
        while endpoint.poll_event(now).is_some() {}
        match endpoint.poll_timeout() {
            // In the past, if what just ended makes way for a notification.
            Some(next) => now = now.max(next),
            None => break,
        }
    }
    assert_eq!(endpoint.poll_timeout(), None);
    assert!(sent.len() - before < 100);
});
