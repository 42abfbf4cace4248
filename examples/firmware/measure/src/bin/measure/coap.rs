//! CoAP: a twin in blocks of 256 bytes, and a report.

use twinsync::adapter::coap::endpoint::{self, Event, Reliability, RequestHandle};
use twinsync::adapter::coap::{
    Block, Client, Code, Fed, Json, Message, MessageWriter, Question, Type, option,
};
use twinsync::codec::json;
use twinsync::document::Document;
use twinsync::protocol::{self, Get, TwinId, UpdateRequest, Wanted};
use twinsync::time::Instant;
use twinsync::twin::Update;
use twinsync_measure::workload::DOCUMENT;
use twinsync_measure::{expect, fail, fixed, measure, measure_ok, need};

type Endpoint = endpoint::Client<u32, 512, 3>;

const NOW: Instant = Instant::from_millis(1_000);
const SIZE: usize = 256;

#[inline(never)]
pub fn all() {
    let endpoint = fixed!(Endpoint, Endpoint::new(endpoint::Config::new(7)));
    let scratch = fixed!(Document<1024>, Document::new());
    let state = fixed!(Document<512>, Document::new());
    let report = fixed!(Document<512>, Document::new());
    let datagram = fixed!([u8; 512], [0; 512]);
    let text = fixed!([u8; 512], [0; 512]);
    expect(
        json::read(DOCUMENT.as_bytes(), state.as_mut()).is_ok(),
        "a document",
    );
    expect(report.set(&["desired"], state.as_ref()).is_ok(), "a twin");
    let len = need(json::write(report.as_ref(), text).ok(), "a twin's text");
    let text = text.get(..len).unwrap_or_default();
    let id = need(TwinId::new("thermostat-1", None).ok(), "a name");
    let client = need(Client::<Json>::new("twins", id).ok(), "a client").with_block_size(SIZE);

    let get = protocol::Message::Get(Get::default());
    let (_, question) = ask("CoAP: request + encode, get", endpoint, |out| {
        client.encode(&get, Wanted::Sections, out).ok()
    });
    let mut decoder = client.decoder(&question, scratch.as_mut());
    let token = sent("CoAP: poll_transmit + sent", endpoint);
    let len = block(0, text, token, datagram);
    let first = datagram.get(..len).unwrap_or_default();
    let event = measure("CoAP: handle_datagram, a block of 256 B", || {
        endpoint.handle_datagram(NOW, 1, first)
    });
    let Some(Event::Response { message, .. }) = event else {
        fail("a response")
    };
    let fed = measure_ok("CoAP: feed, a block of 256 B", || decoder.feed(&message));
    let Fed::More(next) = fed else {
        fail("a second block")
    };
    measure_ok("CoAP: request + next, a further block", || {
        endpoint.request(NOW, 1, Reliability::Confirmable, |out| {
            let _ = client.next(&question, next, out);
        })
    });
    let token = sent("CoAP: poll_transmit + sent, a further block", endpoint);
    let len = block(1, text, token, datagram);
    let second = datagram.get(..len).unwrap_or_default();
    let Some(Event::Response { message, .. }) = endpoint.handle_datagram(NOW, 1, second) else {
        fail("a response")
    };
    measure_ok("CoAP: feed, the last block", || decoder.feed(&message));
    measure_ok("CoAP: finish", || decoder.finish().map(|_| ()));

    report.clear();
    expect(
        report.set(&["reported", "target"], 220).is_ok()
            && report.set(&["reported", "mode"], "eco").is_ok(),
        "a report",
    );
    let update = protocol::Message::Update(UpdateRequest {
        id: None,
        update: Update::merge(report.as_ref()),
    });
    let (handle, _) = ask("CoAP: request + encode, a report", endpoint, |out| {
        client.encode(&update, Wanted::Sections, out).ok()
    });
    measure("CoAP: poll_event + poll_timeout", || {
        (endpoint.poll_event(NOW).is_some(), endpoint.poll_timeout())
    });
    measure("CoAP: cancel", || endpoint.cancel(handle));
    ask("CoAP: request + subscribe", endpoint, |out| {
        client.subscribe(out).ok()
    });
}

fn ask(
    name: &str,
    endpoint: &mut Endpoint,
    encode: impl FnOnce(&mut MessageWriter<'_>) -> Option<Question>,
) -> (RequestHandle, Question) {
    let mut question = None;
    let handle = measure_ok(name, || {
        endpoint.request(NOW, 1, Reliability::Confirmable, |out| {
            question = encode(out)
        })
    });
    (handle, need(question, name))
}

/// Sends what is due and returns its message id and token.
fn sent(name: &str, endpoint: &mut Endpoint) -> (u16, [u8; 4]) {
    let found = measure(name, || {
        let transmit = endpoint.poll_transmit(NOW)?;
        let message = Message::parse(transmit.bytes()).ok()?;
        let found = (message.id(), *message.token().first_chunk()?);
        transmit.sent();
        Some(found)
    });
    need(found, name)
}

/// Writes one block of an answer.
fn block(number: u32, text: &[u8], (id, token): (u16, [u8; 4]), out: &mut [u8]) -> usize {
    let mut parts = text.chunks(SIZE);
    let payload = parts.nth(number as usize).unwrap_or_default();
    let more = parts.next().is_some();
    let mut writer = MessageWriter::new(out, Type::Acknowledgement, Code::CONTENT, id, &token);
    writer.option(option::ETAG, b"12345678");
    writer.option_uint(option::CONTENT_FORMAT, 50);
    writer.option_block(
        option::BLOCK2,
        need(Block::new(number, more, SIZE).ok(), "a block"),
    );
    writer.payload(payload);
    need(writer.finish().ok(), "a datagram")
}
