//! The laws of the adapter, on random messages and random bytes.

use alloc::string::{String, ToString};

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value as Model;

use super::super::policy::EXPANSION;
use super::super::{Client, Policy, Purpose, RequestError, Service, Topic, shadow, shape};
use crate::codec::json::{self, Writer};
use crate::document::Document;
use crate::document::DocumentRef;
use crate::document::Map;
use crate::error::Status;
use crate::protocol::Accepted;
use crate::protocol::Cause;
use crate::protocol::Changed;
use crate::protocol::Delta;
use crate::protocol::Get;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::Snapshot;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::protocol::Versions;
use crate::protocol::Wanted;
use crate::time::Timestamp;
use crate::twin::Precondition;
use crate::twin::Update;
use crate::twin::Version;

const N: usize = 8192;

fn scalar() -> impl Strategy<Value = Model> {
    prop_oneof![
        any::<bool>().prop_map(Model::from),
        any::<i64>().prop_map(Model::from),
        (-9_i64..9).prop_map(Model::from),
        "[a-c\"\\\\\u{0}é]{0,3}".prop_map(Model::from),
        "[a-z]{60,70}".prop_map(Model::from),
    ]
}

/// A section: a map of a few levels. `nulls` as in patches.
fn section(nulls: bool) -> impl Strategy<Value = Model> {
    let leaf = if nulls {
        prop_oneof![3 => scalar(), 1 => Just(Model::Null)].boxed()
    } else {
        scalar().boxed()
    };
    let key = "[a-c]{1,2}|[a\"\\\\é]{1,2}|timestamp";
    let tree = leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            3 => btree_map(key, inner, 0..4).prop_map(|map| map.into_iter().collect()),
            1 => vec(scalar(), 0..3).prop_map(Model::Array),
        ]
    });
    btree_map(key, tree, 0..5).prop_map(|map| map.into_iter().collect())
}

/// The sections that a get may answer with.
fn sections() -> impl Strategy<Value = Model> {
    (
        proptest::option::of(section(false)),
        proptest::option::of(section(false)),
    )
        .prop_map(|(desired, reported)| {
            let held = |section: &Model| section.as_object().is_some_and(|map| !map.is_empty());
            let named = [("desired", desired), ("reported", reported)];
            named
                .into_iter()
                .filter_map(|(key, section)| Some((key.to_string(), section.filter(held)?)))
                .collect()
        })
}

/// The state of an update: null, or sections that may be null.
fn patch() -> impl Strategy<Value = Model> {
    let part = || proptest::option::of(prop_oneof![4 => section(true), 1 => Just(Model::Null)]);
    let both = (part(), part()).prop_map(|(desired, reported)| {
        let named = [("desired", desired), ("reported", reported)];
        named
            .into_iter()
            .filter_map(|(key, section)| Some((key.to_string(), section?)))
            .collect()
    });
    prop_oneof![8 => both, 1 => Just(Model::Null)]
}

fn id() -> impl Strategy<Value = (String, Option<String>)> {
    (
        "[a-zA-Z0-9:_-]{1,9}|get|shadow|name",
        proptest::option::of("[$a-zA-Z0-9:_-]{1,9}|get|update|name|shadow"),
    )
}

fn token() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[a-z\"\\\\é\n]{1,12}")
}

fn document(model: &Model) -> Document<N> {
    let mut document = Document::new();
    json::read(model.to_string().as_bytes(), document.as_mut()).unwrap();
    document
}

fn request_id(token: &Option<String>) -> Option<RequestId<'_>> {
    token.as_deref().and_then(RequestId::new)
}

fn versions(version: u32) -> Versions {
    Versions::all(Version::new(u64::from(version)))
}

/// A client's message, through the service's decoder.
fn request_comes_back(id: TwinId<'_>, message: &Message<'_>) -> Result<(), TestCaseError> {
    let mut out = [0; 4096];
    let mut scratch = Document::<N>::new();
    let client = Client::new(id).unwrap();
    let publish = client.encode(message, &mut out).unwrap();
    let service = Service::new(Policy::new());
    let decoded = service.decode(publish.topic, publish.payload, scratch.as_mut());
    prop_assert_eq!(decoded, Ok((id, *message)));
    Ok(())
}

/// A service's message, through the client's decoder, whole and in pieces.
fn answer_comes_back(
    id: TwinId<'_>,
    message: &Message<'_>,
    cut: usize,
) -> Result<(), TestCaseError> {
    let mut out = [0; 16_384];
    let client = Client::new(id).unwrap().with_echo();
    let service = Service::new(Policy::new().with_timestamp_in_errors(true));
    let publish = service.encode(id, message, &mut out).unwrap();
    let mut scratch = Document::<N>::new();
    let decoded = client.decode(
        publish.topic,
        publish.payload,
        Wanted::Sections,
        scratch.as_mut(),
    );
    prop_assert_eq!(decoded, Ok(*message));
    let mut decoder = client
        .decoder(publish.topic, Wanted::Sections, scratch.as_mut())
        .unwrap();
    for piece in publish.payload.chunks(cut) {
        decoder.feed(piece).unwrap();
    }
    prop_assert_eq!(decoder.finish(), Ok(*message));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_a_client_asks_is_what_the_service_hears(
        (thing, name) in id(),
        token in token(),
        patch in patch(),
        version in proptest::option::of(any::<u32>()),
    ) {
        let twin = TwinId::new(&thing, name.as_deref()).unwrap();
        let id = request_id(&token);
        request_comes_back(twin, &Message::Get(Get { id, ..Get::default() }))?;
        request_comes_back(twin, &Message::Delete(id))?;
        let patch = document(&patch);
        let precondition = match version {
            None => Precondition::Any,
            Some(version) => Precondition::Version(Version::new(u64::from(version))),
        };
        let update = Update::merge(patch.as_ref()).with_precondition(precondition);
        request_comes_back(twin, &Message::Update(UpdateRequest { id, update }))?;
    }

    #[test]
    fn what_the_service_answers_is_what_the_client_hears(
        (thing, name) in id(),
        token in token(),
        (patch, before, after) in (patch(), sections(), sections()),
        (version, seconds) in (any::<u32>(), any::<u32>()),
        code in 0_usize..11,
        cut in 1_usize..300,
    ) {
        let twin = TwinId::new(&thing, name.as_deref()).unwrap();
        let id = request_id(&token);
        let (patch, before, after) = (document(&patch), document(&before), document(&after));
        let timestamp = Timestamp::from_secs(u64::from(seconds));
        let versions = versions(version);
        let accepted = |patch| Accepted { id, versions, patch, timestamp };
        let statuses = [
            Status::Invalid, Status::Unauthorized, Status::Forbidden, Status::NotFound,
            Status::Conflict, Status::PreconditionFailed, Status::TooLarge,
            Status::UnsupportedEncoding, Status::Throttled, Status::Internal, Status::Unavailable,
        ];
        let kinds = [RequestKind::Get, RequestKind::Update, RequestKind::Delete];
        let section = after.as_ref().at(&["desired"]).unwrap_or(DocumentRef::EMPTY);
        for message in [
            Message::GetAccepted(Snapshot { id, document: after.as_ref(), versions, timestamp }),
            Message::UpdateAccepted(accepted(Some(patch.as_ref()))),
            Message::DeleteAccepted(accepted(None)),
            Message::Delta(Delta {
                id,
                patch: section,
                metadata: DocumentRef::EMPTY,
                versions,
                timestamp,
            }),
            Message::Changed(Changed {
                id,
                previous: (code > 2).then(|| (before.as_ref(), versions)),
                current: after.as_ref(),
                versions,
                timestamp,
            }),
            Message::Rejected(Rejection {
                id,
                request: kinds[code % 3],
                status: statuses[code],
                cause: Cause::Text("its \"words\""),
                timestamp,
            }),
        ] {
            answer_comes_back(twin, &message, cut)?;
        }
    }

    #[test]
    fn no_topic_and_no_payload_panics(
        topic in prop_oneof![
            "\\PC{0,40}",
            "\\$aws/things/[a-z/+#]{0,9}/shadow/[a-z/]{0,20}",
            "\\$aws/things/lamp/shadow/(get|update|delete)(/accepted|/rejected|/delta|/documents)?",
        ],
        payload in prop_oneof![
            vec(any::<u8>(), 0..200),
            "[\\[\\]{}\":,0-9a-z\\\\ ]{0,80}".prop_map(String::into_bytes),
        ],
        wanted in prop_oneof![Just(Wanted::Sections), Just(Wanted::Delta)],
    ) {
        decode_everything(&topic, &payload, wanted);
    }

    #[test]
    fn a_damaged_payload_is_refused_or_understood_but_never_panics(
        state in patch(),
        (at, byte) in (any::<proptest::sample::Index>(), any::<u8>()),
        purpose in proptest::sample::select(Purpose::ALL.to_vec()),
    ) {
        let mut payload = serde_json::json!({
            "state": state, "version": 3, "timestamp": 5, "clientToken": "t", "code": 400, "message": "m",
        }).to_string().into_bytes();
        let at = at.index(payload.len());
        payload[at] = byte;
        let topic = Topic { id: super::lamp(), purpose }.to_string();
        decode_everything(&topic, &payload, Wanted::Sections);
        decode_everything(&topic, &payload[..at], Wanted::Sections);
    }

    #[test]
    fn one_shadow_s_topic_never_leads_to_another(
        (thing, name) in id(),
        (other, other_name) in id(),
        purpose in proptest::sample::select(Purpose::ALL.to_vec()),
    ) {
        let one = shadow(&thing, name.as_deref()).unwrap();
        let two = shadow(&other, other_name.as_deref()).unwrap();
        let topic = Topic { id: one, purpose }.to_string();
        prop_assert_eq!(Topic::parse(&topic), Ok(Topic { id: one, purpose }));
        let heard = Client::new(two).unwrap().purpose(&topic);
        prop_assert_eq!(heard.is_some(), one == two);
        let mut scratch = Document::<256>::new();
        let payload = br#"{"state":{},"thing":"other","clientToken":"x","version":1}"#;
        if let Ok((id, _)) = Service::default().decode(&topic, payload, scratch.as_mut()) {
            prop_assert_eq!(id, one);
        }
    }

    #[test]
    fn the_delta_of_a_get_is_the_delta_of_the_documents(
        desired in section(false),
        reported in section(false),
    ) {
        let (desired, reported) = (document(&desired), document(&reported));
        let mut expected = Document::<N>::new();
        crate::document::delta(desired.as_ref(), reported.as_ref(), &mut expected.as_mut()).unwrap();
        let mut out = [0; N];
        let mut writer = Writer::new(&mut out);
        shape::delta(
            desired.as_ref().root().as_map().unwrap_or(Map::EMPTY),
            reported.as_ref().root().as_map().unwrap_or(Map::EMPTY),
            &mut writer,
        );
        let len = writer.finish().unwrap();
        let written = core::str::from_utf8(&out[..len]).unwrap();
        if expected.is_empty() {
            prop_assert_eq!(written, "");
        } else {
            let mut text = [0; N];
            let len = json::write(expected.as_ref(), &mut text).unwrap();
            let delta = core::str::from_utf8(&text[..len]).unwrap();
            prop_assert_eq!(written, alloc::format!(r#","delta":{delta}"#));
        }
    }

    #[test]
    fn an_answer_s_length_is_known_before_it_fits(after in sections(), len in 0_usize..400) {
        let after = document(&after);
        let message = Message::GetAccepted(Snapshot {
            id: None,
            document: after.as_ref(),
            versions: versions(1),
            timestamp: Timestamp::EPOCH,
        });
        let mut whole = [0; 16_384];
        let publish = Service::default().encode(super::lamp(), &message, &mut whole).unwrap();
        let needed = publish.topic.len().saturating_add(publish.payload.len());
        let mut out = [0; 400];
        match Service::default().encode(super::lamp(), &message, &mut out[..len]) {
            Ok(short) => prop_assert_eq!(short, publish),
            Err(error) => prop_assert_eq!(
                error,
                crate::adapter::EncodeError::BufferTooSmall(crate::error::BufferTooSmall { needed })
            ),
        }
    }

    #[test]
    fn no_document_is_longer_in_json_than_the_policy_says(section in section(true)) {
        let section = document(&section);
        let bytes = section.as_bytes().len();
        prop_assert!(json::len(section.as_ref()) <= bytes.saturating_mul(EXPANSION));
    }
}

/// Both sides read both; what is refused is answered, what is understood can be asked again.
fn decode_everything(topic: &str, payload: &[u8], wanted: Wanted) {
    let mut scratch = Document::<128>::new();
    let mut out = [0; 512];
    for policy in [Policy::new(), Policy::greengrass()] {
        let service = Service::new(policy);
        match service.decode(topic, payload, scratch.as_mut()) {
            Ok((id, message)) => {
                let client = Client::new(id).unwrap();
                client.encode(&message, &mut out).unwrap();
            }
            Err(RequestError::Refused(refusal)) => {
                let answer = service
                    .refuse(&refusal, Timestamp::EPOCH, &mut out)
                    .unwrap();
                let text: Model = serde_json::from_slice(answer.payload).unwrap();
                assert!(text["code"].is_u64() && text["message"].is_string());
            }
            Err(RequestError::Topic(_)) => {}
        }
    }
    for id in [super::lamp(), super::settings()] {
        let client = Client::new(id).unwrap().with_echo();
        let _ = client.decode(topic, payload, wanted, scratch.as_mut());
    }
}

#[test]
fn the_worst_of_each_kind_of_value_is_within_the_policy_s_bound() {
    for text in [
        "[false,false,false,false,false,false,false,false,false]",
        r#"["\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000"]"#,
        r#"{"":false,"a":false,"b":false,"c":false,"d":false}"#,
        "[-9223372036854775808,-9223372036854775808]",
        "[-1.2345678e-100,-9223372036854775.807e-50,1e127,-327.68e-6,-0.0000001]",
        "[63,63,63,63,63,[],[],{},{}]",
    ] {
        let model: Model = serde_json::from_str(r#"{"x":1}"#).unwrap();
        let mut section = document(&model);
        json::read(text.as_bytes(), section.as_mut()).unwrap();
        let bytes = section.as_bytes().len();
        assert!(
            json::len(section.as_ref()) <= bytes.saturating_mul(EXPANSION),
            "{text}"
        );
    }
}
