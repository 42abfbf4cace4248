//! The laws of the dialect, on random messages and random bytes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value as Model;

use super::super::{Asker, Client, Kind, Lane, Party, Prefix, RequestError, Service, Topic};
use crate::adapter::EncodeError;
use crate::codec::json;
use crate::document::Document;
use crate::document::DocumentRef;
use crate::error::BufferTooSmall;
use crate::error::CapacityError;
use crate::error::Status;
use crate::protocol::Accepted;
use crate::protocol::Cause;
use crate::protocol::Changed;
use crate::protocol::Delta;
use crate::protocol::Get;
use crate::protocol::Known;
use crate::protocol::Message;
use crate::protocol::Patched;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::Snapshot;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::protocol::Versions;
use crate::protocol::Wanted;
use crate::time::Timestamp;
use crate::twin::ETag;
use crate::twin::Mode;
use crate::twin::Origin;
use crate::twin::Precondition;
use crate::twin::Rejected;
use crate::twin::Section;
use crate::twin::Update;
use crate::twin::Version;

const N: usize = 8192;

fn scalar() -> impl Strategy<Value = Model> {
    prop_oneof![
        any::<bool>().prop_map(Model::from),
        any::<i64>().prop_map(Model::from),
        (-30_i64..300).prop_map(Model::from),
        "[a-c\"é]{0,3}".prop_map(Model::from),
        "[a-z]{20,70}".prop_map(Model::from),
    ]
}

/// A section: a map of a few levels. `nulls` as in patches.
fn section(nulls: bool) -> impl Strategy<Value = Model> {
    let leaf = if nulls {
        prop_oneof![3 => scalar(), 1 => Just(Model::Null)].boxed()
    } else {
        scalar().boxed()
    };
    let key = "[a-c]{1,2}|desired|[a-z]{20,30}";
    let tree = leaf.prop_recursive(3, 16, 4, move |inner| {
        prop_oneof![
            3 => btree_map(key, inner, 0..4).prop_map(|map| map.into_iter().collect()),
            1 => vec(scalar(), 0..3).prop_map(Model::Array),
        ]
    });
    btree_map(key, tree, 0..5).prop_map(|map| map.into_iter().collect())
}

/// Some of these keys, each with what `part` makes.
fn keyed<S: Strategy<Value = Model> + 'static>(
    keys: &'static [&'static str],
    part: impl Fn() -> S + 'static,
) -> BoxedStrategy<Model> {
    vec(proptest::option::of(part()), keys.len())
        .prop_map(|parts| {
            keys.iter()
                .zip(parts)
                .filter_map(|(key, part)| Some((key.to_string(), part?)))
                .collect()
        })
        .boxed()
}

/// The state of an update: null, or sections that may be null.
fn patch() -> impl Strategy<Value = Model> {
    let part = || prop_oneof![4 => section(true), 1 => Just(Model::Null)];
    prop_oneof![
        8 => keyed(&["desired", "reported", "tags"], part),
        1 => Just(Model::Null)
    ]
}

fn twin() -> impl Strategy<Value = (String, Option<String>)> {
    let name = "[a-zA-Z0-9:_ é!$-]{1,9}|u|d|e|lamp|t";
    (name, proptest::option::of(name))
}

fn prefix() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::from("t")),
        Just(String::from("t/u")),
        "[a-z]{1,3}(/[a-z!]{0,2}[a-z])?"
    ]
}

/// Ids of every spelling: integers, text that looks like them, other text.
fn token() -> impl Strategy<Value = Option<String>> {
    proptest::option::of(prop_oneof![
        "[0-9a-f]{8}",
        "000000[0-9a-f]{2}",
        "[0-9a-fA-F]{7,9}",
        "[a-z\"é\n]{1,12}",
        "[a-z]{64}",
    ])
}

fn counter() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..30, 0_u64..100_000, 0..=u64::MAX >> 1]
}

fn versions() -> impl Strategy<Value = Versions> {
    (counter(), counter(), proptest::option::of(counter())).prop_map(|(desired, reported, twin)| {
        let sum = desired.saturating_add(reported);
        Versions {
            twin: Version::new(twin.unwrap_or(sum)),
            desired: Version::new(desired),
            reported: Version::new(reported),
        }
    })
}

fn etag() -> impl Strategy<Value = ETag> {
    any::<[u8; 8]>().prop_map(ETag::from_bytes)
}

fn part() -> impl Strategy<Value = Section> {
    proptest::sample::select(Section::ALL.to_vec())
}

fn precondition() -> impl Strategy<Value = Precondition> {
    let version = || counter().prop_map(Version::new);
    prop_oneof![
        Just(Precondition::Any),
        Just(Precondition::Absent),
        Just(Precondition::Present),
        version().prop_map(Precondition::Version),
        (part(), version()).prop_map(|(part, version)| Precondition::SectionVersion(part, version)),
        etag().prop_map(Precondition::Match),
        etag().prop_map(Precondition::NoneMatch),
    ]
}

fn rejected() -> impl Strategy<Value = Rejected> {
    let size = || (0_usize..1 << 31).boxed();
    let version = || counter().prop_map(Version::new);
    let plain = proptest::sample::select(Vec::from([
        Rejected::NotFound,
        Rejected::PreconditionFailed,
        Rejected::UnknownSection,
        Rejected::Throttled,
        Rejected::Unavailable,
    ]));
    prop_oneof![
        plain,
        (version(), version())
            .prop_map(|(expected, actual)| Rejected::Conflict { expected, actual }),
        part().prop_map(Rejected::NotAMap),
        part().prop_map(Rejected::Forbidden),
        part().prop_map(Rejected::NullInArray),
        (part(), size()).prop_map(|(section, limit)| Rejected::TooDeep { section, limit }),
        (size(), size()).prop_map(|(size, limit)| Rejected::TooLarge { size, limit }),
        (size(), size())
            .prop_map(|(needed, capacity)| Rejected::Capacity(CapacityError { needed, capacity })),
    ]
}

const STATUSES: [Status; 11] = [
    Status::Invalid,
    Status::Unauthorized,
    Status::Forbidden,
    Status::NotFound,
    Status::Conflict,
    Status::PreconditionFailed,
    Status::TooLarge,
    Status::UnsupportedEncoding,
    Status::Throttled,
    Status::Internal,
    Status::Unavailable,
];

fn document(model: &Model) -> Document<N> {
    let mut document = Document::new();
    json::read(model.to_string().as_bytes(), document.as_mut()).unwrap();
    document
}

fn request_id(token: &Option<String>) -> Option<RequestId<'_>> {
    token.as_deref().and_then(RequestId::new)
}

/// A client's message, through the service's decoder.
fn request_comes_back(
    client: Client<'_>,
    prefix: Prefix<'_>,
    message: &Message<'_>,
    metadata: bool,
) -> Result<(), TestCaseError> {
    let mut out = [0; 4096];
    let mut scratch = Document::<N>::new();
    let publish = client.encode(message, &mut out).unwrap();
    let service = Service::new(prefix);
    let request = service
        .decode(publish.topic, publish.payload, scratch.as_mut())
        .unwrap();
    let asker = Asker {
        party: client.party(),
        metadata,
    };
    prop_assert_eq!((request.asker, request.id), (asker, client.id()));
    prop_assert_eq!(request.message, *message);
    Ok(())
}

/// A service's message, through the client's decoder, whole and in pieces.
fn answer_comes_back(
    client: Client<'_>,
    prefix: Prefix<'_>,
    message: &Message<'_>,
    cut: usize,
) -> Result<(), TestCaseError> {
    let mut out = [0; 16_384];
    let asker = Asker {
        party: client.party(),
        metadata: client.party() == Party::BackEnd,
    };
    let service = Service::new(prefix).with_times(true);
    let publish = service
        .encode(asker, client.id(), message, &mut out)
        .unwrap();
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
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_a_client_asks_is_what_the_service_hears(
        (device, name) in twin(),
        prefix in prefix(),
        token in token(),
        patch in patch(),
        precondition in precondition(),
        (replace, metadata, by_device) in any::<(bool, bool, bool)>(),
        known in proptest::option::of((counter(), counter(), etag())),
        known_etag in proptest::option::of(etag()),
    ) {
        let twin = TwinId::new(&device, name.as_deref()).unwrap();
        let prefix = Prefix::new(&prefix).unwrap();
        let mut client = if by_device {
            Client::device(prefix, twin)
        } else {
            Client::back_end(prefix, twin)
        };
        if metadata {
            client = client.with_metadata();
        }
        let metadata = metadata && !by_device;
        let id = request_id(&token);
        let known = known.map(|(desired, reported, digest)| Known {
            versions: Versions {
                twin: Version::new(desired.saturating_add(reported)),
                desired: Version::new(desired),
                reported: Version::new(reported),
            },
            desired: digest,
        });
        let get = Message::Get(Get { id, known, known_etag });
        request_comes_back(client, prefix, &get, metadata)?;
        request_comes_back(client, prefix, &Message::Delete(id), false)?;
        let patch = document(&patch);
        let update = Update::merge(patch.as_ref())
            .with_precondition(precondition)
            .with_mode(if replace { Mode::Replace } else { Mode::Merge })
            .with_origin(if by_device { Origin::Device } else { Origin::Service });
        let update = Message::Update(UpdateRequest { id, update });
        request_comes_back(client, prefix, &update, false)?;
    }

    #[test]
    fn what_the_service_answers_is_what_the_client_hears(
        (device, name) in twin(),
        prefix in prefix(),
        token in token(),
        patch in section(true),
        both in keyed(&["desired", "reported"], || section(false)),
        all in keyed(&["desired", "reported", "tags", "metadata"], || section(false)),
        (versions, earlier, digest) in (versions(), versions(), etag()),
        (code, rejected, millis) in (0_usize..11, rejected(), counter()),
        cut in 1_usize..300,
    ) {
        let twin = TwinId::new(&device, name.as_deref()).unwrap();
        let prefix = Prefix::new(&prefix).unwrap();
        let id = request_id(&token);
        let (patch, both, all) = (document(&patch), document(&both), document(&all));
        let timestamp = Timestamp::from_millis(millis);
        let accepted = Accepted { id, versions, patch: None, timestamp };
        let kinds = [RequestKind::Get, RequestKind::Update, RequestKind::Delete];
        let snapshot = |document| Snapshot { id, document, versions, timestamp };
        let mut desired = document(&serde_json::json!({ "desired": null }));
        desired.remove(&["desired"]);
        if let Some(section) = both.at(&["desired"]) {
            desired.assign(section).unwrap();
            desired.as_mut().nest("desired").unwrap();
        }
        let rejection = |cause| Message::Rejected(Rejection {
            id,
            request: kinds[code % 3],
            status: STATUSES[code],
            cause,
            timestamp,
        });
        let delta = |id, metadata| Delta { id, patch: patch.as_ref(), metadata, versions, timestamp };
        let to_both = [
            Message::GetAccepted(snapshot(both.as_ref())),
            Message::GetUnchanged(accepted),
            Message::GetPatched(Patched {
                id, patch: patch.as_ref(), desired: digest, versions, timestamp,
            }),
            Message::UpdateAccepted(accepted),
            Message::DeleteAccepted(accepted),
            rejection(Cause::Unstated),
            rejection(Cause::Text("its words")),
            rejection(Cause::Twin(rejected)),
        ];
        let to_device = [
            Message::DesiredPatch(delta(None, DocumentRef::EMPTY)),
            Message::Desired(Snapshot { id: None, ..snapshot(desired.as_ref()) }),
        ];
        let to_back_end = [
            Message::GetAccepted(snapshot(all.as_ref())),
            Message::Delta(delta(id, DocumentRef::EMPTY)),
            Message::Delta(delta(id, both.as_ref())),
            Message::Changed(Changed {
                id,
                previous: (code > 2).then(|| (both.as_ref(), earlier)),
                current: all.as_ref(),
                versions,
                timestamp,
            }),
        ];
        let (device, back_end) = (Client::device(prefix, twin), Client::back_end(prefix, twin));
        for message in to_both.iter().chain(&to_device) {
            answer_comes_back(device, prefix, message, cut)?;
        }
        for message in to_both.iter().chain(&to_back_end) {
            answer_comes_back(back_end, prefix, message, cut)?;
        }
    }

    #[test]
    fn no_topic_and_no_payload_panics(
        topic in prop_oneof![
            "\\PC{0,40}",
            "t!?/[a-z/+#]{0,9}/[ude](/[a-z/]{0,9})?",
            "t!?/lamp/[ude]",
        ],
        payload in prop_oneof![
            vec(any::<u8>(), 0..200),
            (0_u8..16, vec(prop_oneof![Just(0xA1), Just(0x82), 0_u8..14, any::<u8>()], 0..30))
                .prop_map(|(kind, mut rest)| { rest.insert(0, kind); rest }),
        ],
        wanted in prop_oneof![Just(Wanted::Sections), Just(Wanted::Delta)],
    ) {
        decode_everything(&topic, &payload, wanted);
    }

    #[test]
    fn a_damaged_payload_is_refused_or_understood_but_never_panics(
        state in patch(),
        (at, byte) in (any::<proptest::sample::Index>(), any::<u8>()),
        kind in proptest::sample::select(Kind::ALL.to_vec()),
    ) {
        let state = document(&state);
        let update = Update::merge(state.as_ref()).with_precondition(Precondition::Present);
        let id = RequestId::new("0000002a");
        let message = Message::Update(UpdateRequest { id, update });
        let mut out = [0; 4096];
        let mut payload = super::device().encode(&message, &mut out).unwrap().payload.to_vec();
        payload[0] = kind.code();
        let at = at.index(payload.len());
        payload[at] = byte;
        for topic in ["t/lamp/u", "t!/lamp/u", "t/lamp/d", "t!/lamp/e"] {
            decode_everything(topic, &payload, Wanted::Sections);
            decode_everything(topic, &payload[..at], Wanted::Sections);
        }
    }

    #[test]
    fn one_twin_s_topic_never_leads_to_another(
        (device, name) in twin(),
        (other, other_name) in twin(),
        (prefix, other_prefix) in (prefix(), prefix()),
        (by_device, heard_by_device) in any::<(bool, bool)>(),
        lane in proptest::sample::select([Lane::Up, Lane::Down, Lane::Events].to_vec()),
    ) {
        let one = TwinId::new(&device, name.as_deref()).unwrap();
        let two = TwinId::new(&other, other_name.as_deref()).unwrap();
        let (prefix, other_prefix) =
            (Prefix::new(&prefix).unwrap(), Prefix::new(&other_prefix).unwrap());
        let party = |device| if device { Party::Device } else { Party::BackEnd };
        let topic = Topic { id: one, party: party(by_device), lane };
        let mut out = [0; Topic::MAX_LEN];
        let len = topic.write(prefix, &mut out);
        let text = core::str::from_utf8(&out[..len]).unwrap();
        prop_assert_eq!(Topic::parse(prefix, text), Ok(topic));
        let same = (one, prefix, by_device) == (two, other_prefix, heard_by_device);
        let client = if heard_by_device {
            Client::device(other_prefix, two)
        } else {
            Client::back_end(other_prefix, two)
        };
        let mut scratch = Document::<256>::new();
        let payload = [Kind::Unchanged.code(), 0xA1, 0x01, 0x82, 0x01, 0x01];
        let heard = client.decode(text, &payload, Wanted::Sections, scratch.as_mut());
        prop_assert_eq!(heard.is_ok(), same && lane != Lane::Up);
        if let Ok(request) = Service::new(prefix).decode(text, &[0], scratch.as_mut()) {
            prop_assert_eq!((request.id, request.asker.party), (one, topic.party));
        }
    }

    #[test]
    fn an_answer_s_length_is_known_before_it_fits(
        after in keyed(&["desired", "reported"], || section(false)),
        len in 0_usize..400,
    ) {
        let after = document(&after);
        let message = Message::GetAccepted(Snapshot {
            id: None,
            document: after.as_ref(),
            versions: Versions::all(Version::new(1)),
            timestamp: Timestamp::EPOCH,
        });
        let mut whole = [0; 16_384];
        let publish = super::SERVICE
            .encode(Asker::DEVICE, super::lamp(), &message, &mut whole)
            .unwrap();
        let needed = publish.topic.len().saturating_add(publish.payload.len());
        let mut out = [0; 400];
        match super::SERVICE.encode(Asker::DEVICE, super::lamp(), &message, &mut out[..len]) {
            Ok(short) => prop_assert_eq!(short, publish),
            Err(error) => prop_assert_eq!(
                error,
                EncodeError::BufferTooSmall(BufferTooSmall { needed })
            ),
        }
    }

    #[test]
    fn a_request_s_length_is_known_before_it_fits(len in 0_usize..24, token in token()) {
        for message in [Message::Delete(request_id(&token)), Message::Delete(None)] {
            let mut whole = [0; 200];
            let publish = super::device().encode(&message, &mut whole).unwrap();
            let needed = publish.topic.len().saturating_add(publish.payload.len());
            let mut out = [0; 24];
            match super::device().encode(&message, &mut out[..len]) {
                Ok(short) => prop_assert_eq!(short, publish),
                Err(error) => prop_assert_eq!(
                    error,
                    EncodeError::BufferTooSmall(BufferTooSmall { needed })
                ),
            }
        }
    }
}

/// Both sides read both; what is refused is answered, what is understood can be asked again.
fn decode_everything(topic: &str, payload: &[u8], wanted: Wanted) {
    let mut scratch = Document::<128>::new();
    let mut out = [0; 512];
    match super::SERVICE.decode(topic, payload, scratch.as_mut()) {
        Ok(request) => {
            let client = match request.asker.party {
                Party::Device => Client::device(Prefix::DEFAULT, request.id),
                Party::BackEnd => Client::back_end(Prefix::DEFAULT, request.id),
            };
            client.encode(&request.message, &mut out).unwrap();
        }
        Err(RequestError::Refused(refusal)) => {
            let message = refusal.message(Timestamp::EPOCH);
            super::SERVICE
                .encode(refusal.asker, refusal.id, &message, &mut out)
                .unwrap();
        }
        Err(_) => {}
    }
    for client in [super::device(), super::back_end()] {
        let whole = client
            .decode(topic, payload, wanted, scratch.as_mut())
            .map(|message| alloc::format!("{message:?}"));
        let Ok(mut decoder) = client.decoder(topic, wanted, scratch.as_mut()) else {
            continue;
        };
        let pieces: Vec<_> = payload.chunks(1).collect();
        let fed = pieces.into_iter().try_for_each(|piece| decoder.feed(piece));
        let read = fed.and_then(|()| decoder.finish());
        assert_eq!(whole, read.map(|message| alloc::format!("{message:?}")));
    }
}
