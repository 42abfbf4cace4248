//! What a device understands of what a service says.

use alloc::vec;

use super::{Bench, id, written};
use crate::adapter::coap::{
    AskError, Block, Client, Code, DecodeError, Fed, Json, Message, MessageWriter, TWIN_STATE,
    Type, option,
};
use crate::codec::json;
use crate::document::{Document, DocumentRef};
use crate::error::Status;
use crate::protocol::{self, Get, Known, RequestKind, TwinId, UpdateRequest, Wanted};
use crate::twin::{ETag, Mode, Precondition, Section, Update, Version};

fn document(text: &str) -> Document<4_096> {
    let mut document = Document::new();
    json::read(text.as_bytes(), document.as_mut()).unwrap();
    document
}

#[test]
fn a_get_is_answered_by_the_sections_without_tags() {
    let mut bench = Bench::new(1024);
    bench.get(
        Get {
            id: id(),
            ..Get::default()
        },
        Wanted::Sections,
        |missing| {
            let Ok(protocol::Message::Rejected(rejection)) = missing else {
                panic!("{missing:?}");
            };
            assert_eq!(rejection.status, Status::NotFound);
            assert_eq!((rejection.request, rejection.id), (RequestKind::Get, id()));
        },
    );
    let twin = r#"{"desired":{"on":true},"reported":{"on":false},"tags":{"room":"hall"}}"#;
    bench.apply(document(twin).as_ref(), Mode::Merge);
    for wanted in [Wanted::Sections, Wanted::Delta] {
        bench.get(
            Get {
                id: id(),
                ..Get::default()
            },
            wanted,
            |got| {
                let Ok(protocol::Message::GetAccepted(snapshot)) = got else {
                    panic!("{got:?}");
                };
                let expected = match wanted {
                    Wanted::Sections => r#"{"desired":{"on":true},"reported":{"on":false}}"#,
                    Wanted::Delta => r#"{"delta":{"on":true}}"#,
                };
                assert_eq!(snapshot.document, document(expected).as_ref());
                assert_eq!(snapshot.id, id());
                assert_eq!(snapshot.versions.desired, Version::new(1));
            },
        );
    }
}

#[test]
fn who_says_what_is_known_may_get_a_short_answer() {
    let mut bench = Bench::new(1024);
    let twin = document(r#"{"desired":{"on":true},"reported":{"on":false}}"#);
    bench.apply(twin.as_ref(), Mode::Merge);
    let versions = bench.get(Get::default(), Wanted::Sections, |got| match got {
        Ok(protocol::Message::GetAccepted(snapshot)) => snapshot.versions,
        other => panic!("{other:?}"),
    });
    let known = Known {
        versions,
        desired: ETag::of(twin.at(&["desired"]).unwrap()),
    };
    let get = Get {
        id: id(),
        known: Some(known),
        known_etag: None,
    };
    bench.get(get, Wanted::Sections, |got| {
        let Ok(protocol::Message::GetUnchanged(accepted)) = got else {
            panic!("{got:?}");
        };
        assert_eq!((accepted.id, accepted.versions), (id(), versions));
    });
}

#[test]
fn a_patch_of_desired_is_read_as_one() {
    let client = Client::<Json>::new("twins", TwinId::new("lamp", None).unwrap()).unwrap();
    let known = Known {
        versions: protocol::Versions::all(Version::new(3)),
        desired: ETag::from_bytes([1; 8]),
    };
    let get = protocol::Message::Get(Get {
        id: id(),
        known: Some(known),
        known_etag: None,
    });
    let (question, datagram) = written(|out| client.encode(&get, Wanted::Sections, out).unwrap());
    let request = Message::parse(&datagram).unwrap();
    let state = request.option(TWIN_STATE).unwrap();
    assert_eq!(state, [3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1]);
    let (_, answer) = written(|out| {
        out.code(Code::CONTENT);
        out.option_uint(option::CONTENT_FORMAT, 52);
        out.option(TWIN_STATE, &[5, 4, 3, 2, 2, 2, 2, 2, 2, 2, 2]);
        out.payload(br#"{"on":null}"#);
    });
    let mut scratch = Document::<64>::new();
    let mut decoder = client.decoder(&question, scratch.as_mut());
    let fed = decoder.feed(&Message::parse(&answer).unwrap());
    assert_eq!(fed, Ok(Fed::Complete));
    let Ok(protocol::Message::GetPatched(patched)) = decoder.finish() else {
        panic!();
    };
    assert_eq!(patched.patch, document(r#"{"on":null}"#).as_ref());
    assert_eq!(patched.desired, ETag::from_bytes([2; 8]));
    assert_eq!(patched.versions.desired, Version::new(4));
}

#[test]
fn a_subscription_brings_desired_even_before_the_twin_is() {
    let mut bench = Bench::new(64);
    let (question, datagram) = written(|out| bench.client.subscribe(out).unwrap());
    assert!(question.is_subscription());
    bench.ask(&question, &datagram, &mut |_| {}, |got| {
        let Ok(protocol::Message::Desired(snapshot)) = got else {
            panic!("{got:?}");
        };
        assert_eq!(snapshot.document, document(r#"{"desired":{}}"#).as_ref());
    });
    let twin = r#"{"desired":{"text":"0123456789012345678901234567890123456789012345678901234567890123"}}"#;
    bench.apply(document(twin).as_ref(), Mode::Merge);
    bench.ask(&question, &datagram, &mut |_| {}, |got| {
        let Ok(protocol::Message::Desired(snapshot)) = got else {
            panic!("{got:?}");
        };
        assert_eq!(snapshot.document, document(twin).as_ref());
    });
}

#[test]
fn a_twin_that_changes_between_two_blocks_is_noticed() {
    let mut bench = Bench::new(16);
    let twin = document(r#"{"desired":{"text":"0123456789012345678901234567890123456789"}}"#);
    bench.apply(twin.as_ref(), Mode::Merge);
    let get = protocol::Message::Get(Get::default());
    let (question, datagram) =
        written(|out| bench.client.encode(&get, Wanted::Sections, out).unwrap());
    let mut change = |bench: &mut Bench| bench.apply(twin.as_ref(), Mode::Merge);
    bench.ask(&question, &datagram, &mut change, |got| {
        assert_eq!(got, Err(DecodeError::Changed));
    });
}

#[test]
fn a_report_is_a_patch_of_reported_under_its_version() {
    let mut bench = Bench::new(1024);
    let patch = document(r#"{"reported":{"on":true}}"#);
    let report = |precondition| {
        let update = Update::merge(patch.as_ref()).with_precondition(precondition);
        protocol::Message::Update(UpdateRequest { id: id(), update })
    };
    for (version, accepted) in [(0, true), (1, true), (1, false), (2, true)] {
        let version = Version::new(version);
        let message = report(Precondition::SectionVersion(Section::Reported, version));
        let (question, datagram) = written(|out| {
            bench
                .client
                .encode(&message, Wanted::Sections, out)
                .unwrap()
        });
        bench.ask(&question, &datagram, &mut |_| {}, |got| match got {
            Ok(protocol::Message::UpdateAccepted(answer)) if accepted => {
                assert_eq!(answer.versions.reported, version.next());
                assert_eq!(answer.id, id());
            }
            Ok(protocol::Message::Rejected(rejection)) if !accepted => {
                assert_eq!(rejection.status, Status::PreconditionFailed);
                assert_eq!(rejection.request, RequestKind::Update);
            }
            other => panic!("{other:?}"),
        });
    }
    for unsupported in [
        report(Precondition::Version(Version::new(1))),
        report(Precondition::Match(ETag::from_bytes([0; 8]))),
        protocol::Message::Delete(None),
    ] {
        let (result, _) = written(|out| bench.client.encode(&unsupported, Wanted::Sections, out));
        assert_eq!(result.map(|_| ()), Err(AskError::Unsupported));
    }
    for other in [
        r#"{"desired":{}}"#,
        r#"{"reported":{},"tags":{}}"#,
        "{}",
        "null",
    ] {
        let patch = document(other);
        let update = Update::merge(patch.as_ref());
        let message = protocol::Message::Update(UpdateRequest { id: id(), update });
        let (result, _) = written(|out| bench.client.encode(&message, Wanted::Sections, out));
        assert_eq!(result.map(|_| ()), Err(AskError::Unsupported), "{other}");
    }
}

#[test]
fn a_report_that_is_too_large_writes_nothing() {
    let client = Client::<Json>::new("twins", TwinId::new("lamp", None).unwrap()).unwrap();
    let text = "x".repeat(200);
    let mut patch = Document::<512>::new();
    patch.set(&["reported", "a"], text.as_str()).unwrap();
    let update = Update::merge(patch.as_ref());
    let message = protocol::Message::Update(UpdateRequest { id: id(), update });
    for room in 0..400 {
        let mut out = vec![0; room];
        let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::EMPTY, 1, b"t");
        match client.encode(&message, Wanted::Sections, &mut writer) {
            Ok(_) => {
                assert!(room >= 208);
                let len = writer.finish().unwrap();
                let sent = Message::parse(&out[..len]).unwrap();
                assert_eq!(sent.payload().len(), 208);
            }
            Err(error) => {
                assert_eq!(error, AskError::TooLarge { needed: 208 });
                assert!(room < 300);
                assert!(out.get(1).is_none_or(|code| *code == 0));
            }
        }
    }
    let small = client.with_block_size(128);
    let (result, _) = written(|out| small.encode(&message, Wanted::Sections, out));
    assert_eq!(result.map(|_| ()), Err(AskError::TooLarge { needed: 208 }));
}

#[test]
fn what_is_no_answer_is_an_error_and_what_does_not_fit_says_so() {
    let client = Client::<Json>::new("twins", TwinId::new("lamp", None).unwrap()).unwrap();
    let (question, _) = written(|out| client.subscribe(out).unwrap());
    let answer = |code: Code, format: u32, block: Option<Block>, payload: &[u8]| {
        written(|out| {
            out.code(code);
            out.option_uint(option::CONTENT_FORMAT, format);
            if let Some(block) = block {
                out.option_block(option::BLOCK2, block);
            }
            out.payload(payload);
        })
        .1
    };
    let block = |number| Block::new(number, true, 16).ok();
    let sixteen = br#"{"a":"0123456789"#;
    for (bytes, error) in [
        (
            answer(Code::CHANGED, 50, None, b"{}"),
            DecodeError::Code(Code::CHANGED),
        ),
        (
            answer(Code::CONTENT, 60, None, b"{}"),
            DecodeError::Format(option::ContentFormat::CBOR),
        ),
        (
            answer(Code::CONTENT, 50, block(1), sixteen),
            DecodeError::Block,
        ),
    ] {
        let mut scratch = Document::<32>::new();
        let mut decoder = client.decoder(&question, scratch.as_mut());
        assert_eq!(decoder.feed(&Message::parse(&bytes).unwrap()), Err(error));
        assert!(decoder.finish().is_err());
    }
    let long = br#"{"a":"0123456789012345678901234567890123456789"}"#;
    let bytes = answer(Code::CONTENT, 50, None, long);
    let mut scratch = Document::<32>::new();
    let mut decoder = client.decoder(&question, scratch.as_mut());
    let fed = decoder.feed(&Message::parse(&bytes).unwrap());
    let error = fed.and_then(|_| decoder.finish().map(|_| ())).unwrap_err();
    assert!(
        error.capacity().is_some_and(|error| error.capacity == 32),
        "{error}"
    );
    for section in ["7", "[]", "null"] {
        let bytes = answer(Code::CONTENT, 50, None, section.as_bytes());
        let mut scratch = Document::<32>::new();
        let mut decoder = client.decoder(&question, scratch.as_mut());
        assert_eq!(
            decoder.feed(&Message::parse(&bytes).unwrap()),
            Ok(Fed::Complete)
        );
        assert_eq!(decoder.finish(), Err(DecodeError::Section));
    }
    // One that tells neither format nor versions is believed all the same.
    let (_, plain) = written(|out| {
        out.code(Code::CONTENT);
        out.payload(br#"{"a":1}"#);
    });
    let mut scratch = Document::<64>::new();
    let mut decoder = client.decoder(&question, scratch.as_mut());
    assert_eq!(
        decoder.feed(&Message::parse(&plain).unwrap()),
        Ok(Fed::Complete)
    );
    let Ok(protocol::Message::Desired(snapshot)) = decoder.finish() else {
        panic!();
    };
    assert_eq!(snapshot.versions, protocol::Versions::ZERO);
    assert_ne!(snapshot.document, DocumentRef::EMPTY);
}
