//! CoAP's other role: requests of peers, answers, observers.
#![no_std]
#![no_main]

use twinsync::adapter::coap::endpoint::{Config, Event, Server};
use twinsync::adapter::coap::{Code, option};
use twinsync::time::Instant;
use twinsync_proof::{input, sink, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut endpoint = Server::<u32, 256, 4, 4>::new(Config::new(u64::from(word())));
    let mut open = None;
    loop {
        let now = Instant::from_millis(u64::from(word()));
        match word() & 3 {
            0 => {
                if let Some(Event::Request {
                    exchange, message, ..
                }) = endpoint.handle_datagram(now, word(), input())
                {
                    sink(message.options().count() as u32);
                    open = Some(exchange);
                }
            }
            1 => {
                if let Some(exchange) = open {
                    let sequence = endpoint.observe(now, exchange, word()).ok();
                    let done = endpoint.respond(now, exchange, |writer| {
                        writer.code(Code::new(word() as u8));
                        if let Some(sequence) = sequence {
                            writer.option_uint(option::OBSERVE, sequence);
                        }
                        writer.payload(input());
                    });
                    sink(u32::from(done.is_ok()));
                }
            }
            2 => {
                endpoint.changed(word());
                endpoint.forget(word());
                while let Some(next) = endpoint.poll_notify(now) {
                    let done = endpoint.notify(now, next.observer, |writer, sequence| {
                        writer.code(Code::CONTENT);
                        writer.option_uint(option::OBSERVE, sequence);
                        writer.payload(input());
                    });
                    sink(u32::from(done.is_ok()));
                }
            }
            _ => {
                while let Some(transmit) = endpoint.poll_transmit(now) {
                    sink(transmit.peer());
                    sink(transmit.bytes().len() as u32);
                    transmit.sent();
                }
                while let Some(event) = endpoint.poll_event(now) {
                    sink(matches!(event, Event::ObserverGone { .. }).into());
                }
                if let Some(at) = endpoint.poll_timeout() {
                    sink(at.as_millis() as u32);
                }
            }
        }
    }
}
