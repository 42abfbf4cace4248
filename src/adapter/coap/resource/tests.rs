//! A service over a hub, asked with datagrams.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Access, Body, Names, Part, Service, Uploads, Watch};
use crate::adapter::coap::option::{self, ContentFormat, Uint};
use crate::adapter::coap::{Block, Code, Message, MessageWriter, TWIN_STATE, Type};
use crate::document::Document;
use crate::hub::{Config, HubEngine, InMemory};
use crate::protocol::Audience;
use crate::time::{Instant, Now, Timestamp};
use crate::twin::Section;

const SERVICE: Service<'static> = Service::new("twins");

/// A hub, and the bodies that are coming in.
struct Bench {
    service: Service<'static>,
    hub: HubEngine<InMemory, 16_384>,
    uploads: Uploads<u8, 2, 12_000>,
    millis: u64,
    /// What observers of everything were sent.
    notified: Vec<Answer>,
    watches: Vec<Watch>,
}

/// A request to be sent.
#[derive(Clone)]
struct Request {
    code: Code,
    path: &'static str,
    options: Vec<(u16, Vec<u8>)>,
    payload: Vec<u8>,
    peer: u8,
}

#[derive(Clone, Debug)]
struct Answer {
    code: Code,
    options: Vec<(u16, Vec<u8>)>,
    payload: Vec<u8>,
}

fn ask(code: Code, path: &'static str) -> Request {
    Request {
        code,
        path,
        options: Vec::new(),
        payload: Vec::new(),
        peer: 0,
    }
}

impl Request {
    fn with(mut self, number: u16, value: &[u8]) -> Self {
        self.options.push((number, value.to_vec()));
        self
    }

    fn with_uint(self, number: u16, value: u32) -> Self {
        let value = Uint::new(value);
        self.with(number, value.as_bytes())
    }

    fn with_block(self, number: u16, block: Block) -> Self {
        self.with_uint(
            number,
            u32::from(block.exponent()) | block.number() << 4 | u32::from(block.more()) << 3,
        )
    }

    fn with_body(mut self, payload: &[u8]) -> Self {
        self.payload = payload.to_vec();
        self
    }

    fn of_peer(mut self, peer: u8) -> Self {
        self.peer = peer;
        self
    }

    fn datagram(&self) -> Vec<u8> {
        let mut options = self.options.clone();
        let path = self.path.split('/').filter(|segment| !segment.is_empty());
        options.extend(path.map(|segment| (option::URI_PATH, segment.as_bytes().to_vec())));
        options.sort_by_key(|(number, _)| *number);
        let mut out = vec![0; 2_000];
        let mut writer = MessageWriter::new(&mut out, Type::Confirmable, self.code, 1, b"t");
        for (number, value) in &options {
            writer.option(*number, value);
        }
        writer.payload(&self.payload);
        let len = writer.finish().unwrap();
        out.truncate(len);
        out
    }
}

impl Answer {
    fn read(bytes: &[u8]) -> Self {
        let message = Message::parse(bytes).unwrap();
        Self {
            code: message.code(),
            options: message
                .options()
                .map(|found| (found.number, found.value.to_vec()))
                .collect(),
            payload: message.payload().to_vec(),
        }
    }

    fn option(&self, number: u16) -> Option<&[u8]> {
        let found = self.options.iter().find(|(found, _)| *found == number);
        found.map(|(_, value)| value.as_slice())
    }

    fn uint(&self, number: u16) -> Option<u32> {
        self.option(number).and_then(Uint::read)
    }

    fn block(&self, number: u16) -> Option<Block> {
        self.option(number).map(|value| Block::read(value).unwrap())
    }

    fn text(&self) -> &str {
        core::str::from_utf8(&self.payload).unwrap()
    }
}

impl Bench {
    fn new() -> Self {
        let mut config = Config::new();
        config.notify.delta = false;
        config.notify.changed = true;
        Self {
            service: SERVICE,
            hub: HubEngine::new(InMemory::new(), config),
            uploads: Uploads::new(),
            millis: 0,
            notified: Vec::new(),
            watches: Vec::new(),
        }
    }

    fn ask(&mut self, access: Access<'_>, request: &Request) -> Answer {
        let now = Now::new(Instant::from_millis(self.millis), Timestamp::from_secs(1));
        let datagram = request.datagram();
        let message = Message::parse(&datagram).unwrap();
        let mut out = vec![0; 1_400];
        let mut writer = MessageWriter::new(&mut out, Type::Acknowledgement, Code::EMPTY, 1, b"t");
        let mut text = vec![0; 16_384];
        let mut shown = Document::<16_384>::new();
        let mut names = Names::new();
        let mut document = Document::<16_384>::new();
        let taken = self.uploads.take(now.instant, request.peer, &message);
        let decoded = match taken {
            Ok(Body::Partial(block)) => {
                self.service.proceed(block, &mut writer).unwrap();
                let len = writer.finish().unwrap();
                return Answer::read(&out[..len]);
            }
            Ok(Body::Whole(body)) => {
                self.service
                    .decode(access, &message, body, &mut names, document.as_mut())
            }
            Err(refusal) => Err(refusal),
        };
        let mut call = match decoded {
            Ok(call) => call,
            Err(refusal) => {
                self.service.refuse(&refusal, &mut writer).unwrap();
                let len = writer.finish().unwrap();
                return Answer::read(&out[..len]);
            }
        };
        if call.reply.observe() == Some(true) {
            call.reply.registered(7);
            self.watches.push(call.reply.watch());
        }
        self.hub.handle_message(now, call.id, call.message).unwrap();
        let mut answer = None;
        while let Some(transmit) = self.hub.poll_transmit() {
            if transmit.audience == Audience::Asker {
                let code = self
                    .service
                    .encode(
                        &call.reply,
                        &transmit.message,
                        shown.as_mut(),
                        &mut text,
                        &mut writer,
                    )
                    .unwrap();
                answer = Some(code);
            } else {
                for (sequence, watch) in (8..).zip(&self.watches) {
                    let mut out = vec![0; 1_400];
                    let mut writer =
                        MessageWriter::new(&mut out, Type::Confirmable, Code::EMPTY, 1, b"t");
                    let reply = watch.notify(sequence);
                    let sent = self.service.encode(
                        &reply,
                        &transmit.message,
                        shown.as_mut(),
                        &mut text,
                        &mut writer,
                    );
                    if sent.is_ok() {
                        let len = writer.finish().unwrap();
                        self.notified.push(Answer::read(&out[..len]));
                    }
                }
            }
            transmit.sent();
        }
        let len = writer.finish().unwrap();
        let answered = Answer::read(&out[..len]);
        assert_eq!(Some(answered.code), answer);
        answered
    }

    fn service(&mut self, request: &Request) -> Answer {
        self.ask(Access::Service, request)
    }

    fn device(&mut self, request: &Request) -> Answer {
        self.ask(Access::Device("lamp"), request)
    }

    /// A lamp with all sections.
    fn with_lamp() -> Self {
        let mut bench = Self::new();
        let body =
            br#"{"desired":{"on":true,"level":3},"reported":{"on":false},"tags":{"room":"hall"}}"#;
        let made = bench.service(&ask(Code::PATCH, "twins/lamp").with_body(body));
        assert_eq!(made.code, Code::CREATED, "{}", made.text());
        bench
    }
}

#[test]
fn a_twin_is_read_by_what_the_asker_may_see() {
    let mut bench = Bench::with_lamp();
    let whole = bench.service(&ask(Code::GET, "twins/lamp"));
    assert_eq!(whole.code, Code::CONTENT);
    assert_eq!(whole.uint(option::CONTENT_FORMAT), Some(50));
    assert_eq!(
        whole.text(),
        r#"{"tags":{"room":"hall"},"desired":{"on":true,"level":3},"reported":{"on":false}}"#
    );
    let seen = bench.device(&ask(Code::GET, "twins/lamp"));
    assert_eq!(
        seen.text(),
        r#"{"desired":{"on":true,"level":3},"reported":{"on":false}}"#
    );
    assert_eq!(seen.option(TWIN_STATE), Some(&[1, 1, 1][..]));
    let desired = bench.device(&ask(Code::GET, "twins/lamp/desired"));
    assert_eq!(desired.text(), r#"{"on":true,"level":3}"#);
    let delta = bench.device(&ask(Code::GET, "twins/lamp/delta"));
    assert_eq!(delta.text(), r#"{"on":true,"level":3}"#);
    let tags = bench.service(&ask(Code::GET, "twins/lamp/tags"));
    assert_eq!(tags.text(), r#"{"room":"hall"}"#);
}

#[test]
fn nobody_reads_or_writes_what_is_not_theirs() {
    let mut bench = Bench::with_lamp();
    let before = bench.service(&ask(Code::GET, "twins/lamp")).payload;
    let all = [
        Code::GET,
        Code::FETCH,
        Code::PUT,
        Code::PATCH,
        Code::IPATCH,
        Code::DELETE,
        Code::POST,
    ];
    for path in [
        "twins/lamp",
        "twins/lamp/desired",
        "twins/lamp/reported",
        "twins/lamp/tags",
        "twins/lamp/delta",
        "twins/lamp/other",
        "twins/lamp/other/desired",
    ] {
        for code in all {
            let request = ask(code, path).with_body(br#"{"a":1}"#);
            let answer = bench.ask(Access::Device("lamp2"), &request);
            assert_eq!(answer.code, Code::FORBIDDEN, "{code} {path}");
            let answer = bench.ask(Access::Nobody, &request);
            assert_eq!(answer.code, Code::UNAUTHORIZED, "{code} {path}");
        }
    }
    for code in all {
        let tags = ask(code, "twins/lamp/tags").with_body(b"{}");
        assert_eq!(bench.device(&tags).code, Code::FORBIDDEN);
    }
    let forbidden = [
        ask(Code::DELETE, "twins/lamp"),
        ask(Code::IPATCH, "twins/lamp").with_body(br#"{"tags":{"room":"mine"}}"#),
        ask(Code::IPATCH, "twins/lamp").with_body(b"null"),
        ask(Code::IPATCH, "twins/lamp/desired").with_body(br#"{"on":false}"#),
        ask(Code::PUT, "twins/lamp/desired").with_body(b"{}"),
        ask(Code::DELETE, "twins/lamp/desired"),
    ];
    for request in &forbidden {
        assert_eq!(bench.device(request).code, Code::FORBIDDEN);
    }
    let fetched = bench.device(&ask(Code::FETCH, "twins/lamp").with_body(br#"["","/tags/room"]"#));
    assert!(!fetched.text().contains("hall"), "{}", fetched.text());
    assert_eq!(bench.service(&ask(Code::GET, "twins/lamp")).payload, before);
}

#[test]
fn a_get_with_the_current_etag_is_answered_by_2_03() {
    let mut bench = Bench::with_lamp();
    let first = bench.service(&ask(Code::GET, "twins/lamp"));
    let etag = first.option(option::ETAG).unwrap().to_vec();
    let again = ask(Code::GET, "twins/lamp")
        .with(option::ETAG, b"other")
        .with(option::ETAG, &etag);
    let valid = bench.service(&again);
    assert_eq!((valid.code, valid.payload.len()), (Code::VALID, 0));
    assert_eq!(valid.option(option::ETAG), Some(etag.as_slice()));
    bench.device(&ask(Code::IPATCH, "twins/lamp/reported").with_body(br#"{"on":true}"#));
    assert_eq!(bench.service(&again).code, Code::CONTENT);
}

#[test]
fn conditions_hold_or_the_change_is_4_12() {
    let mut bench = Bench::with_lamp();
    let etag = |bench: &mut Bench, path| {
        let got = bench.service(&ask(Code::GET, path));
        got.option(option::ETAG).unwrap().to_vec()
    };
    for path in [
        "twins/lamp",
        "twins/lamp/desired",
        "twins/lamp/reported",
        "twins/lamp/tags",
    ] {
        let tag = etag(&mut bench, path);
        let change = ask(Code::IPATCH, path).with_body(b"{}");
        let conditional = change.clone().with(option::IF_MATCH, &tag);
        assert_eq!(bench.service(&conditional).code, Code::CHANGED, "{path}");
        let late = bench.service(&conditional);
        assert_eq!(late.code, Code::PRECONDITION_FAILED, "{path}");
        let short = change
            .clone()
            .with(option::IF_MATCH, &etag(&mut bench, path)[..5]);
        assert_eq!(bench.service(&short).code, Code::CHANGED);
        let strange = change.clone().with(option::IF_MATCH, b"abc");
        assert_eq!(bench.service(&strange).code, Code::PRECONDITION_FAILED);
        let present = change.clone().with(option::IF_MATCH, b"");
        assert_eq!(bench.service(&present).code, Code::CHANGED);
        let absent = change.clone().with(option::IF_NONE_MATCH, b"");
        assert_eq!(bench.service(&absent).code, Code::PRECONDITION_FAILED);
        let both = present.clone().with(option::IF_NONE_MATCH, b"");
        assert_eq!(bench.service(&both).code, Code::BAD_OPTION);
    }
    let missing = ask(Code::IPATCH, "twins/new").with_body(b"{}");
    let present = missing.clone().with(option::IF_MATCH, b"");
    assert_eq!(bench.service(&present).code, Code::PRECONDITION_FAILED);
    let strange = missing.clone().with(option::IF_MATCH, b"abc");
    assert_eq!(bench.service(&strange).code, Code::PRECONDITION_FAILED);
    let absent = missing.with(option::IF_NONE_MATCH, b"");
    assert_eq!(bench.service(&absent).code, Code::CREATED);
    let conditional = ask(Code::DELETE, "twins/lamp").with(option::IF_MATCH, b"");
    assert_eq!(bench.service(&conditional).code, Code::BAD_OPTION);
}

#[test]
fn put_replaces_patch_merges_delete_removes() {
    let mut bench = Bench::with_lamp();
    let desired = |bench: &mut Bench| {
        let got = bench.service(&ask(Code::GET, "twins/lamp/desired"));
        String::from(got.text())
    };
    let put = ask(Code::PUT, "twins/lamp/desired").with_body(br#"{"level":7}"#);
    assert_eq!(bench.service(&put).code, Code::CHANGED);
    assert_eq!(desired(&mut bench), r#"{"level":7}"#);
    for code in [Code::PATCH, Code::IPATCH] {
        let patch = ask(code, "twins/lamp/desired")
            .with_uint(option::CONTENT_FORMAT, 52)
            .with_body(br#"{"on":true,"level":null}"#);
        assert_eq!(bench.service(&patch).code, Code::CHANGED);
        assert_eq!(desired(&mut bench), r#"{"on":true}"#);
    }
    let deleted = bench.service(&ask(Code::DELETE, "twins/lamp/desired"));
    assert_eq!(deleted.code, Code::DELETED);
    assert_eq!(desired(&mut bench), "{}");
    assert_eq!(
        bench.service(&ask(Code::DELETE, "twins/lamp")).code,
        Code::DELETED
    );
    for path in ["twins/lamp", "twins/lamp/desired", "twins/lamp/delta"] {
        assert_eq!(bench.service(&ask(Code::GET, path)).code, Code::NOT_FOUND);
    }
    assert_eq!(
        bench.service(&ask(Code::DELETE, "twins/lamp")).code,
        Code::NOT_FOUND
    );
    for (code, path) in [
        (Code::PUT, "twins/lamp"),
        (Code::POST, "twins/lamp"),
        (Code::PUT, "twins/lamp/delta"),
        (Code::FETCH, "twins/lamp/delta"),
        (Code::new(30), "twins/lamp"),
    ] {
        let answer = bench.service(&ask(code, path).with_body(b"{}"));
        assert_eq!(answer.code, Code::METHOD_NOT_ALLOWED, "{code} {path}");
    }
}

#[test]
fn fetch_answers_with_what_the_pointers_name() {
    let mut bench = Bench::with_lamp();
    let fetch = ask(Code::FETCH, "twins/lamp").with_body(br#"["/desired/level","/reported"]"#);
    let got = bench.service(&fetch);
    assert_eq!(
        got.text(),
        r#"{"desired":{"level":3},"reported":{"on":false}}"#
    );
    let of_section = ask(Code::FETCH, "twins/lamp/desired").with_body(br#"["/on"]"#);
    assert_eq!(bench.device(&of_section).text(), r#"{"on":true}"#);
    let wrong = ask(Code::FETCH, "twins/lamp").with_body(br#"{"a":1}"#);
    assert_eq!(bench.service(&wrong).code, Code::UNPROCESSABLE_ENTITY);
}

#[test]
fn formats_and_bodies_that_are_not_understood_are_told_apart() {
    let mut bench = Bench::with_lamp();
    let patch = ask(Code::IPATCH, "twins/lamp/desired");
    let cases = [
        (
            patch.clone().with_uint(option::CONTENT_FORMAT, 0),
            Code::UNSUPPORTED_CONTENT_FORMAT,
        ),
        (patch.clone().with_body(b"{"), Code::BAD_REQUEST),
        (patch.clone(), Code::BAD_REQUEST),
        (patch.clone().with_body(b"7"), Code::UNPROCESSABLE_ENTITY),
        (
            ask(Code::IPATCH, "twins/lamp").with_body(br#"{"other":{}}"#),
            Code::UNPROCESSABLE_ENTITY,
        ),
        (
            ask(Code::PUT, "twins/lamp/desired")
                .with_uint(option::CONTENT_FORMAT, 52)
                .with_body(b"{}"),
            Code::UNSUPPORTED_CONTENT_FORMAT,
        ),
        (
            ask(Code::GET, "twins/lamp").with_uint(option::ACCEPT, 41),
            Code::NOT_ACCEPTABLE,
        ),
        (
            ask(Code::GET, "twins/lamp").with_uint(9, 1),
            Code::BAD_OPTION,
        ),
        (
            ask(Code::GET, "twins/lamp").with(option::URI_QUERY, b"x=1"),
            Code::BAD_OPTION,
        ),
        (
            ask(Code::GET, "twins/lamp").with_uint(option::BLOCK2, 7),
            Code::BAD_REQUEST,
        ),
        (
            ask(Code::GET, "twins/lamp").with_uint(option::BLOCK2, 0x7F6),
            Code::BAD_REQUEST,
        ),
        (ask(Code::GET, "other/lamp"), Code::NOT_FOUND),
        (ask(Code::GET, ""), Code::NOT_FOUND),
        (ask(Code::GET, "twins"), Code::NOT_FOUND),
        (ask(Code::GET, "twins/a+b"), Code::NOT_FOUND),
        (ask(Code::GET, "twins/lamp/a/b"), Code::NOT_FOUND),
        (ask(Code::GET, "twins/lamp/tags/desired"), Code::NOT_FOUND),
        (
            ask(Code::GET, "twins/lamp/desired/desired/desired"),
            Code::NOT_FOUND,
        ),
        (ask(Code::GET, "twins/lamp/nothing"), Code::NOT_FOUND),
    ];
    for (request, code) in cases {
        let answer = bench.service(&request);
        assert_eq!(answer.code, code, "{} {:?}", request.path, request.options);
        assert!(!answer.payload.is_empty(), "says why");
        assert_eq!(
            answer.option(option::CONTENT_FORMAT),
            None,
            "diagnostic payload"
        );
    }
    // An elective option is passed over, an overlong one is none.
    let lax = ask(Code::GET, "twins/lamp")
        .with(2048 + 2, b"x")
        .with(option::ETAG, b"123456789");
    assert_eq!(bench.service(&lax).code, Code::CONTENT);
}

#[test]
fn problem_details_come_to_those_who_accept_them() {
    let mut bench = Bench::with_lamp();
    let problem = u32::from(ContentFormat::PROBLEM_DETAILS.0);
    let wrong = ask(Code::IPATCH, "twins/lamp/desired")
        .with_uint(option::ACCEPT, problem)
        .with_body(b"7");
    let answer = bench.service(&wrong);
    assert_eq!(answer.code, Code::UNPROCESSABLE_ENTITY);
    assert_eq!(answer.uint(option::CONTENT_FORMAT), Some(problem));
    assert!(
        answer.payload.starts_with(b"\xA2\x21"),
        "{:02X?}",
        answer.payload
    );
    assert!(answer.payload.ends_with(&[0x23, 0x18, answer.code.as_u8()]));
    let right = wrong.with_body(b"{}");
    assert_eq!(bench.service(&right).code, Code::CHANGED);
    let get = ask(Code::GET, "twins/lamp").with_uint(option::ACCEPT, problem);
    let answer = bench.service(&get);
    assert_eq!(answer.code, Code::NOT_ACCEPTABLE);
    assert_eq!(answer.uint(option::CONTENT_FORMAT), Some(problem));
}

#[test]
fn a_large_twin_goes_out_in_blocks_of_one_etag() {
    let mut bench = Bench::new();
    let long = "x".repeat(3_000);
    let mut body = String::from(r#"{"a":""#);
    body.push_str(&long);
    body.push_str(r#""}"#);
    upload(&mut bench, "twins/lamp/desired", body.as_bytes(), 512, 0);
    for size in [16, 64, 1024] {
        let mut whole = Vec::new();
        let mut etag = None;
        for number in 0.. {
            let block = Block::new(number, false, size).unwrap();
            let got = bench
                .device(&ask(Code::GET, "twins/lamp/desired").with_block(option::BLOCK2, block));
            assert_eq!(got.code, Code::CONTENT);
            assert_eq!(got.uint(option::SIZE2), (number == 0).then_some(3_008));
            let tag = got.option(option::ETAG).unwrap().to_vec();
            assert_eq!(*etag.get_or_insert_with(|| tag.clone()), tag);
            whole.extend_from_slice(&got.payload);
            let told = got.block(option::BLOCK2).unwrap();
            assert_eq!((told.number(), told.size()), (number, size));
            if !told.more() {
                break;
            }
        }
        assert_eq!(whole, body.as_bytes());
    }
    // Not asked for, blocks come all the same.
    let got = bench.device(&ask(Code::GET, "twins/lamp/desired"));
    let told = got.block(option::BLOCK2).unwrap();
    assert_eq!((told.number(), told.more(), told.size()), (0, true, 1024));
}

/// Sends a body in blocks.
fn upload(bench: &mut Bench, path: &'static str, body: &[u8], size: usize, peer: u8) {
    let last = body.len().div_ceil(size) - 1;
    for (number, piece) in (0..).zip(body.chunks(size)) {
        let more = usize::try_from(number).unwrap() < last;
        let block = Block::new(number, more, size).unwrap();
        let request = ask(Code::PUT, path)
            .with_block(option::BLOCK1, block)
            .with_body(piece)
            .of_peer(peer);
        let answer = bench.service(&request);
        let told = answer.block(option::BLOCK1).unwrap();
        assert_eq!(told.number(), number);
        if more {
            assert_eq!(answer.code, Code::CONTINUE);
        } else {
            assert!(
                matches!(answer.code, Code::CREATED | Code::CHANGED),
                "{}",
                answer.text()
            );
        }
    }
}

#[test]
fn uploads_that_skip_or_grow_too_large_are_refused() {
    let mut bench = Bench::with_lamp();
    let put = |number, more, len: usize| {
        ask(Code::PUT, "twins/lamp/desired")
            .with_block(option::BLOCK1, Block::new(number, more, 1024).unwrap())
            .with_body(&vec![b' '; len])
    };
    assert_eq!(
        bench.service(&put(1, true, 1024)).code,
        Code::REQUEST_ENTITY_INCOMPLETE
    );
    assert_eq!(bench.service(&put(0, true, 1024)).code, Code::CONTINUE);
    assert_eq!(
        bench.service(&put(2, true, 1024)).code,
        Code::REQUEST_ENTITY_INCOMPLETE
    );
    assert_eq!(bench.service(&put(1, true, 1000)).code, Code::BAD_REQUEST);
    // Another resource is another body.
    let other = Request {
        path: "twins/lamp/reported",
        ..put(1, true, 1024)
    };
    assert_eq!(bench.service(&other).code, Code::REQUEST_ENTITY_INCOMPLETE);
    for number in 1..11 {
        assert_eq!(bench.service(&put(number, true, 1024)).code, Code::CONTINUE);
    }
    let full = bench.service(&put(11, true, 1024));
    assert_eq!(full.code, Code::REQUEST_ENTITY_TOO_LARGE);
    assert_eq!(full.uint(option::SIZE1), Some(12_000));
    let told = bench.service(&put(0, true, 1024).with_uint(option::SIZE1, 12_001));
    assert_eq!(told.code, Code::REQUEST_ENTITY_TOO_LARGE);
}

#[test]
fn a_peer_that_never_finishes_gives_way() {
    let mut bench = Bench::with_lamp();
    let begin = |peer| {
        ask(Code::PUT, "twins/lamp/desired")
            .with_block(option::BLOCK1, Block::new(0, true, 16).unwrap())
            .with_body(&[b' '; 16])
            .of_peer(peer)
    };
    for peer in 1..=2 {
        assert_eq!(bench.service(&begin(peer)).code, Code::CONTINUE);
    }
    let busy = bench.service(&begin(3));
    assert_eq!(busy.code, Code::SERVICE_UNAVAILABLE);
    assert_eq!(busy.uint(option::MAX_AGE), Some(5));
    // One that begins anew takes its own place; bodies in one piece need none.
    assert_eq!(bench.service(&begin(2)).code, Code::CONTINUE);
    let whole = ask(Code::PUT, "twins/lamp/desired")
        .with_body(b"{}")
        .of_peer(3);
    assert_eq!(bench.service(&whole).code, Code::CHANGED);
    bench.millis = 30_000;
    assert_eq!(bench.service(&begin(3)).code, Code::CONTINUE);
    upload(
        &mut bench,
        "twins/lamp/desired",
        br#"{"a":"0123456789012345678901234567890"}"#,
        16,
        3,
    );
}

#[test]
fn the_answer_of_a_fetch_goes_on_without_its_body() {
    let mut bench = Bench::with_lamp();
    let paths = br#"["/desired","/reported"]"#;
    let block = |number| Block::new(number, false, 16).unwrap();
    let first = ask(Code::FETCH, "twins/lamp")
        .with_block(option::BLOCK2, block(0))
        .with_body(paths);
    let mut whole = bench.service(&first).payload;
    for number in 1.. {
        let next = ask(Code::FETCH, "twins/lamp").with_block(option::BLOCK2, block(number));
        let got = bench.service(&next);
        assert_eq!(got.code, Code::CONTENT);
        whole.extend_from_slice(&got.payload);
        if !got.block(option::BLOCK2).unwrap().more() {
            break;
        }
    }
    assert_eq!(
        String::from_utf8(whole).unwrap(),
        r#"{"desired":{"on":true,"level":3},"reported":{"on":false}}"#
    );
    let stranger = ask(Code::FETCH, "twins/lamp")
        .with_block(option::BLOCK2, block(1))
        .of_peer(9);
    assert_eq!(
        bench.service(&stranger).code,
        Code::REQUEST_ENTITY_INCOMPLETE
    );
}

#[test]
fn observers_hear_of_what_they_see() {
    let mut bench = Bench::with_lamp();
    let watch = |path| ask(Code::GET, path).with_uint(option::OBSERVE, 0);
    let first = bench.device(&watch("twins/lamp/desired"));
    assert_eq!(first.uint(option::OBSERVE), Some(7));
    let change = ask(Code::IPATCH, "twins/lamp/desired").with_body(br#"{"on":false}"#);
    bench.service(&change);
    let told = bench.notified.pop().unwrap();
    assert_eq!(
        (told.code, told.uint(option::OBSERVE)),
        (Code::CONTENT, Some(8))
    );
    assert_eq!(told.text(), r#"{"on":false,"level":3}"#);
    assert_eq!(told.option(TWIN_STATE), Some(&[2, 2, 1][..]));
    assert_eq!(bench.watches[0].part(), Part::Section(Section::Desired));
}

#[test]
fn desired_can_be_observed_before_there_is_a_twin() {
    let mut bench = Bench::new();
    let watch = ask(Code::GET, "twins/lamp/desired").with_uint(option::OBSERVE, 0);
    let first = bench.device(&watch);
    assert_eq!((first.code, first.text()), (Code::CONTENT, "{}"));
    assert_eq!(first.option(TWIN_STATE), Some(&[0, 0, 0][..]));
    let missing = bench.device(&ask(Code::GET, "twins/lamp/desired"));
    assert_eq!(missing.code, Code::NOT_FOUND);
    let twin = ask(Code::GET, "twins/lamp").with_uint(option::OBSERVE, 0);
    assert_eq!(
        bench.device(&twin).uint(option::OBSERVE),
        None,
        "no answer, no observation"
    );
}
