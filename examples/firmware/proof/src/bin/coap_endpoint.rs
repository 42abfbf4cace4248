//! Both roles of CoAP in one endpoint, and messages through the `coap-message` traits.
#![no_std]
#![no_main]

use coap_message::{MinimalWritableMessage, MutableWritableMessage, ReadableMessage};
use twinsync::adapter::coap::endpoint::{Config, Endpoint, Event, Reliability};
use twinsync::adapter::coap::{Message, MessageWriter, Type};
use twinsync::time::Instant;
use twinsync_proof::{input, output, sink, word};

/// What a resource does that is written against the traits.
fn copy<M: MutableWritableMessage>(from: &Message<'_>, to: &mut M) -> Option<()> {
    to.set_code(<M::Code as coap_message::Code>::new(ReadableMessage::code(from)).ok()?);
    for item in ReadableMessage::options(from) {
        let number = <M::OptionNumber as coap_message::OptionNumber>::new(item.number).ok()?;
        to.add_option(number, item.value).ok()?;
    }
    let room = to.payload_mut_with_len(word() as usize).ok()?;
    sink(room.len() as u32);
    to.truncate(word() as usize).ok()?;
    to.mutate_options(|_, value| value.fill(1));
    sink(to.available_space() as u32);
    Some(())
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut endpoint = Endpoint::<u32, 128, 2, 4, 2>::new(Config::new(u64::from(word())));
    loop {
        let now = Instant::from_millis(u64::from(word()));
        match endpoint.handle_datagram(now, word(), input()) {
            Some(Event::Request {
                exchange, message, ..
            }) => {
                let _ = endpoint.observe(now, exchange, word());
                let done = endpoint.respond(now, exchange, |writer| {
                    let _ = copy(&message, writer);
                });
                sink(u32::from(done.is_ok()));
                let mut writer =
                    MessageWriter::new(output(), Type::Reset, message.code(), 0, input());
                sink(copy(&message, &mut writer).is_some().into());
                sink(writer.finish().is_ok().into());
            }
            Some(Event::Response { message, .. }) => {
                let asked = endpoint.request(now, word(), Reliability::NonConfirmable, |writer| {
                    let _ = copy(&message, writer);
                });
                sink(u32::from(asked.is_ok()));
            }
            _ => {}
        }
        endpoint.changed(word());
        while let Some(next) = endpoint.poll_notify(now) {
            let done = endpoint.notify(now, next.observer, |writer, _| {
                writer.set_code(word() as u8);
            });
            sink(u32::from(done.is_ok()));
        }
        while let Some(transmit) = endpoint.poll_transmit(now) {
            sink(transmit.bytes().len() as u32);
            transmit.sent();
        }
        while endpoint.poll_event(now).is_some() {}
        sink(endpoint.poll_timeout().is_some().into());
        sink(endpoint.counters().malformed);
    }
}
