//! The CoAP device's side: whatever answers a request is understood or refused, in JSON and in CBOR, and an engine that
//! is given it goes on.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::adapter::coap::{
    Cbor, Client, Code, Fed, Format, Json, Message, MessageWriter, Question, Type,
};
use twinsync::device::{Config, DeviceEngine, Output, Session, Verdict};
use twinsync::document::Document;
use twinsync::protocol::{TwinId, VersionScope};
use twinsync::time::Instant;
use twinsync_fuzz::Input;

const OPTIONS: [u16; 7] = [4, 6, 12, 14, 23, 28, 65_012];

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    if input.byte() & 1 == 0 {
        run::<Json>(&mut input);
    } else {
        run::<Cbor>(&mut input);
    }
});

fn run<F: Format>(input: &mut Input<'_>) {
    let id = TwinId::new("lamp", None).expect("a name");
    let client = Client::<F>::new("twins", id)
        .expect("no part")
        .with_block_size(64);
    let config = Config::new(7).with_versions(VersionScope::Section);
    let mut engine = DeviceEngine::<256>::new(config);
    let mut asked: Option<Question> = None;
    let mut millis = 0;
    engine.handle_connected(Instant::ZERO, Session::Fresh);
    while !input.is_empty() {
        millis += u64::from(input.byte()) * 100;
        let now = Instant::from_millis(millis);
        engine.handle_timeout(now);
        if input.byte() & 3 == 0 {
            let _ = engine.report_value(now, &["a"], i32::from(input.byte()));
        }
        let mut sent = 0;
        loop {
            while engine.poll_event().is_some() {}
            let wanted = engine.wanted();
            let Some(transmit) = engine.poll_transmit(now) else {
                break;
            };
            sent += 1;
            assert!(sent < 300, "asks for ever");
            let mut out = [0; 256];
            let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::EMPTY, 1, b"t");
            let question = match transmit.output() {
                Output::Message(message) => client.encode(&message, wanted, &mut writer).ok(),
                _ => client.subscribe(&mut writer).ok(),
            };
            let Some(question) = question else {
                transmit.too_large(now);
                continue;
            };
            let len = writer.finish().expect("room enough");
            assert!(
                Message::parse(&out[..len])
                    .expect("well-formed")
                    .code()
                    .is_request()
            );
            asked = Some(question);
            transmit.sent(now);
        }
        if let Some(question) = &asked {
            let mut scratch = Document::<512>::new();
            let mut decoder = client.decoder(question, scratch.as_mut());
            let mut fed = Ok(Fed::Complete);
            for _ in 0..4 {
                let datagram = answer(input);
                let Ok(message) = Message::parse(&datagram) else {
                    continue;
                };
                fed = decoder.feed(&message);
                if !matches!(fed, Ok(Fed::More(_))) {
                    break;
                }
            }
            match fed.and_then(|_| decoder.finish()) {
                Ok(message) => {
                    if question.is_subscription() {
                        engine.handle_subscribed(now);
                    }
                    engine.handle_message(now, message).expect("no request");
                }
                Err(error) => {
                    if let Some(error) = error.capacity() {
                        engine.handle_oversized(now, error.needed);
                    }
                }
            }
        }
        let _ = engine.settle(now, |_| Verdict::Applied);
        assert!(engine.changes().count() < 200);
    }
}

fn answer(input: &mut Input<'_>) -> Vec<u8> {
    let mut options: Vec<(u16, Vec<u8>)> = Vec::new();
    for _ in 0..input.below(5) {
        let number = OPTIONS[input.below(OPTIONS.len())];
        let len = input.below(12);
        options.push((number, input.bytes(len).to_vec()));
    }
    options.sort_by_key(|(number, _)| *number);
    let codes = [69, 67, 68, 65, 66, 132, 140, 160, 163, 69, 69];
    let code = Code::new(codes[input.below(codes.len())]);
    let mut out = [0; 1_024];
    let mut writer = MessageWriter::new(&mut out, Type::Acknowledgement, code, 1, b"t");
    for (number, value) in &options {
        writer.option(*number, value);
    }
    writer.payload(input.bytes(120));
    let len = writer.finish().expect("room enough");
    out[..len].to_vec()
}
