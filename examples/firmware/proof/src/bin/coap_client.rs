//! CoAP on a device: requests, observations, and the codec, over an endpoint of the client's role.
#![no_std]
#![no_main]

use twinsync::adapter::coap::endpoint::{Client, Config, Event, Reliability};
use twinsync::adapter::coap::{Block, Code, option};
use twinsync::time::Instant;
use twinsync_proof::{input, sink, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut endpoint = Client::<u32, 256, 2>::new(Config::new(u64::from(word())));
    let mut request = None;
    loop {
        let now = Instant::from_millis(u64::from(word()));
        match word() & 3 {
            0 => {
                request = endpoint
                    .request(now, word(), Reliability::Confirmable, |writer| {
                        writer.code(Code::new(word() as u8));
                        writer.option_uint(option::OBSERVE, word());
                        writer.option(option::URI_PATH, input());
                        writer.payload(input());
                    })
                    .ok();
            }
            1 => {
                if let Some(Event::Response { message, .. }) =
                    endpoint.handle_datagram(now, word(), input())
                {
                    for option in message.options() {
                        sink(u32::from(option.number));
                    }
                    if let Some(Ok(block)) = message.option(option::BLOCK2).map(Block::read) {
                        sink(block.offset() as u32);
                    }
                    sink(message.payload().len() as u32);
                }
            }
            2 => {
                if let Some(request) = request {
                    sink(u32::from(endpoint.cancel(request)));
                }
            }
            _ => {
                while let Some(transmit) = endpoint.poll_transmit(now) {
                    sink(transmit.peer());
                    sink(transmit.bytes().len() as u32);
                    transmit.sent();
                }
                while let Some(event) = endpoint.poll_event(now) {
                    sink(matches!(event, Event::TimedOut { .. }).into());
                }
                if let Some(at) = endpoint.poll_timeout() {
                    sink(at.as_millis() as u32);
                }
            }
        }
    }
}
