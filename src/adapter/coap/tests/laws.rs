//! Laws over documents and bytes of any kind.

use alloc::string::{String, ToString};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value as Model;

use super::{Bench, now, written};
use crate::adapter::coap::{
    Access, Body, Code, Fed, Message, MessageWriter, Names, Part, Type, Uploads,
};
use crate::codec::json;
use crate::document::Document;
use crate::protocol::{self, Get, Wanted};
use crate::twin::Mode;

/// A section as a service has it: no null.
fn section() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Model::from),
        any::<i32>().prop_map(Model::from),
        "[ -~\u{e4}\u{20ac}]{0,20}".prop_map(Model::from),
    ];
    let value = leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Model::from),
            btree_map("[a-z\"\\\\/~]{0,6}", inner, 0..5)
                .prop_map(|map| map.into_iter().collect::<Model>()),
        ]
    });
    btree_map("[a-z]{1,6}", value, 1..6).prop_map(|map| map.into_iter().collect::<Model>())
}

fn document(model: &Model) -> Document<8_192> {
    let mut document = Document::new();
    json::read(model.to_string().as_bytes(), document.as_mut()).unwrap();
    document
}

proptest! {
    #[test]
    fn a_twin_arrives_whole_in_blocks_of_any_size(
        desired in section(),
        reported in section(),
        size in prop::sample::select(&[16, 32, 64, 128, 256, 512, 1024][..]),
    ) {
        let mut bench = Bench::new(size);
        let twin = document(&serde_json::json!({"desired": desired, "reported": reported}));
        bench.apply(twin.as_ref(), Mode::Replace);
        bench.get(Get::default(), Wanted::Sections, |got| {
            let Ok(protocol::Message::GetAccepted(snapshot)) = got else {
                panic!("{got:?}");
            };
            assert_eq!(snapshot.document, twin.as_ref());
        });
        let (question, datagram) = written(|out| bench.client.subscribe(out).unwrap());
        bench.ask(&question, &datagram, &mut |_| {}, |got| {
            let Ok(protocol::Message::Desired(snapshot)) = got else {
                panic!("{got:?}");
            };
            assert_eq!(snapshot.document.at(&["desired"]), twin.at(&["desired"]));
            assert_eq!(snapshot.document.entries().count(), 1);
        });
    }

    #[test]
    fn any_datagram_is_understood_or_refused_and_a_device_stays_at_home(
        bytes in vec(any::<u8>(), 0..200),
        code in 1_u8..9,
        segments in vec("twins|lamp|other|desired|reported|tags|delta|[a-z+]{0,3}", 0..5),
        options in vec((0_u16..70, vec(any::<u8>(), 0..5)), 0..4),
    ) {
        let mut bench = Bench::new(1024);
        let twin = serde_json::json!({"desired": {"a": 1}, "tags": {"secret": "hidden"}});
        bench.apply(document(&twin).as_ref(), Mode::Merge);
        let mut uploads = Uploads::<u8, 1, 64>::new();
        let mut options = options;
        options.extend(segments.iter().map(|segment| (11, segment.as_bytes().to_vec())));
        options.sort_by_key(|(number, _)| *number);
        let (_, datagram) = written(|out| {
            out.code(Code::new(code));
            for (number, value) in &options {
                out.option(*number, value);
            }
            out.payload(&bytes);
        });
        let request = Message::parse(&datagram).unwrap();
        let (mut names, mut scratch) = (Names::new(), Document::<512>::new());
        let (mut shown, mut text) = (Document::<8_192>::new(), [0; 8_192]);
        let mut out = [0; 1_280];
        let mut writer = MessageWriter::new(&mut out, Type::Acknowledgement, Code::EMPTY, 1, b"t");
        let body = match uploads.take(now().instant, 0, &request) {
            Ok(Body::Whole(body)) => Ok(body),
            Ok(Body::Partial(_)) => return Ok(()),
            Err(refusal) => Err(refusal),
        };
        let decoded = body.and_then(|body| {
            let access = Access::Device("lamp");
            bench.service.decode(access, &request, body, &mut names, scratch.as_mut())
        });
        match decoded {
            Ok(call) => {
                prop_assert_eq!(call.id.device(), "lamp");
                prop_assert!(call.reply.watch().part() != Part::Section(crate::twin::Section::Tags));
                bench.hub.handle_message(now(), call.id, call.message).unwrap();
                while let Some(transmit) = bench.hub.poll_transmit() {
                    bench.service
                        .encode(&call.reply, &transmit.message, shown.as_mut(), &mut text, &mut writer)
                        .unwrap();
                    transmit.sent();
                }
            }
            Err(refusal) => {
                bench.service.refuse(&refusal, &mut writer).unwrap();
            }
        }
        let len = writer.finish().unwrap();
        let answer = Message::parse(&out[..len]).unwrap();
        prop_assert!(answer.code().is_response());
        let payload = String::from_utf8_lossy(answer.payload()).into_owned();
        prop_assert!(!payload.contains("hidden"), "{}", payload);
    }

    #[test]
    fn any_answer_is_understood_or_refused(
        code in any::<u8>(),
        bytes in vec(any::<u8>(), 0..200),
        options in vec((prop::sample::select(&[4_u16, 6, 12, 14, 23, 28, 65_012][..]), vec(any::<u8>(), 0..9)), 0..5),
        kind in 0_u8..3,
    ) {
        let bench = Bench::new(1024);
        let (question, _) = written(|out| match kind {
            0 => bench.client.subscribe(out).unwrap(),
            _ => {
                let wanted = if kind == 1 { Wanted::Sections } else { Wanted::Delta };
                let get = protocol::Message::Get(Get::default());
                bench.client.encode(&get, wanted, out).unwrap()
            }
        });
        let mut options = options;
        options.sort_by_key(|(number, _)| *number);
        let (_, datagram) = written(|out| {
            out.code(Code::new(code));
            for (number, value) in &options {
                out.option(*number, value);
            }
            out.payload(&bytes);
        });
        let Ok(answer) = Message::parse(&datagram) else {
            return Ok(());
        };
        let mut scratch = Document::<128>::new();
        let mut decoder = bench.client.decoder(&question, scratch.as_mut());
        match decoder.feed(&answer) {
            Ok(Fed::More(_)) => prop_assert!(decoder.finish().is_err()),
            Ok(Fed::Complete) | Err(_) => {
                let _ = decoder.finish();
            }
        }
    }
}
