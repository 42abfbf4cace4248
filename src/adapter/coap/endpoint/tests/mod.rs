//! The endpoint, as timetables: who says what when.

mod laws;
mod messages;
mod observe;
mod retransmission;
mod separate;

use alloc::vec::Vec;

use super::{Client, Config, Endpoint, Event, Exchange, Reliability, RequestHandle, Server};
use crate::adapter::coap::{Code, Message, MessageWriter, Type, option};
use crate::time::{Duration, Instant};

const DEVICE: u8 = 1;
const HUB: u8 = 2;
const STRANGER: u8 = 3;

/// No spread: every time-out is exactly two seconds, doubled; lifetimes are 232 s and 130 s.
const EXACT: Config = Config::new(0x5EED).with_ack_timeout(Duration::from_secs(2), 100);

const fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

fn client() -> Client<u8, 128, 4> {
    Client::new(EXACT)
}

fn server() -> Server<u8, 128, 4, 2> {
    Server::new(EXACT)
}

/// Takes the next datagram, reports it as sent.
fn send<const M: usize, const R: usize, const A: usize, const O: usize>(
    endpoint: &mut Endpoint<u8, M, R, A, O>,
    now: Instant,
) -> Option<(u8, Vec<u8>)> {
    let transmit = endpoint.poll_transmit(now)?;
    let sent = (transmit.peer(), transmit.bytes().to_vec());
    transmit.sent();
    Some(sent)
}

/// Takes the next datagram, which is there, for a known peer.
fn bytes<const M: usize, const R: usize, const A: usize, const O: usize>(
    endpoint: &mut Endpoint<u8, M, R, A, O>,
    now: Instant,
) -> Vec<u8> {
    send(endpoint, now).expect("a datagram").1
}

/// Begins GET /a, confirmable, to the hub.
fn get(client: &mut Client<u8, 128, 4>, now: Instant) -> RequestHandle {
    let asked = client.request(now, HUB, Reliability::Confirmable, |writer| {
        writer.code(Code::GET);
        writer.option(option::URI_PATH, b"a");
    });
    asked.unwrap()
}

/// A message from bytes that the test makes up.
fn message(kind: Type, code: Code, id: u16, token: &[u8]) -> Vec<u8> {
    with(kind, code, id, token, |_| {})
}

fn with(
    kind: Type,
    code: Code,
    id: u16,
    token: &[u8],
    write: impl FnOnce(&mut MessageWriter<'_>),
) -> Vec<u8> {
    let mut out = [0; 256];
    let mut writer = MessageWriter::new(&mut out, kind, code, id, token);
    write(&mut writer);
    let len = writer.finish().unwrap();
    out[..len].to_vec()
}

/// What to answer to, if the datagram is a request that came for the first time.
fn exchange<const M: usize, const R: usize, const A: usize, const O: usize>(
    endpoint: &mut Endpoint<u8, M, R, A, O>,
    now: Instant,
    peer: u8,
    datagram: &[u8],
) -> Option<Exchange> {
    match endpoint.handle_datagram(now, peer, datagram) {
        Some(Event::Request { exchange, .. }) => Some(exchange),
        None => None,
        other => panic!("{other:?}"),
    }
}

/// Type, code and id.
fn head(bytes: &[u8]) -> (Type, Code, u16) {
    let message = Message::parse(bytes).unwrap();
    (message.kind(), message.code(), message.id())
}

fn token(bytes: &[u8]) -> Vec<u8> {
    Message::parse(bytes).unwrap().token().to_vec()
}

/// Answers 2.05 with a payload.
fn content<const M: usize, const R: usize, const A: usize, const O: usize>(
    endpoint: &mut Endpoint<u8, M, R, A, O>,
    now: Instant,
    exchange: Exchange,
    payload: &[u8],
) {
    let done = endpoint.respond(now, exchange, |writer| {
        writer.code(Code::CONTENT);
        writer.payload(payload);
    });
    assert_eq!(done, Ok(()));
}

/// Request and payload of a response, and whether more follow.
fn response(event: Option<Event<'_, u8>>) -> (RequestHandle, &[u8], bool) {
    match event {
        Some(Event::Response {
            request,
            message,
            ongoing,
            ..
        }) => (request, message.payload(), ongoing),
        other => panic!("{other:?}"),
    }
}
