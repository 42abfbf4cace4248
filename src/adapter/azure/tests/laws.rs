use alloc::borrow::ToOwned;
use alloc::format;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value as Model;

use super::super::{EntityTag, percent, size};
use super::{client, lamp, service};
use crate::codec::json::Writer;
use crate::document::Document;
use crate::document::tests::model;
use crate::protocol::Get;
use crate::protocol::Message;
use crate::protocol::RequestId;
use crate::protocol::Snapshot;
use crate::protocol::Versions;
use crate::protocol::Wanted;
use crate::time::Timestamp;
use crate::twin::ETag;
use crate::twin::Section;
use crate::twin::Version;

/// A section: a map of a few levels.
fn section() -> impl Strategy<Value = Model> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Model::from),
        (-9_i64..9).prop_map(Model::from),
        "[a-c\"\\\\\u{0}é]{0,5}".prop_map(Model::from),
        vec(any::<u8>().prop_map(Model::from), 0..3).prop_map(Model::Array),
    ];
    let tree = leaf.prop_recursive(3, 16, 4, |inner| {
        btree_map("[a-c]{1,2}", inner, 0..4).prop_map(|map| map.into_iter().collect())
    });
    btree_map("[a-c]{1,2}", tree, 0..4).prop_map(|map| map.into_iter().collect())
}

proptest! {
    #[test]
    fn percent_encoded_text_is_read_again(text in "\\PC{0,20}") {
        let mut out = [0; 300];
        let mut writer = Writer::new(&mut out);
        percent::encode(&text, &mut writer);
        let len = writer.finish().unwrap();
        let encoded = core::str::from_utf8(&out[..len]).unwrap();
        prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
        let mut back = [0; 100];
        prop_assert_eq!(percent::decode(encoded, &mut back), Some(text.as_str()));
        prop_assert_eq!(percent::decoded_len(encoded), text.len());
    }

    #[test]
    fn etags_are_read_again_and_nothing_else_is_one(bytes: [u8; 8], other in "[A-Za-z0-9+/=]{0,14}") {
        let etag = ETag::from_bytes(bytes);
        let tag = EntityTag::from(etag);
        prop_assert_eq!(EntityTag::read(tag.value()), Some(etag));
        if let Some(read) = EntityTag::read(&other) {
            prop_assert_eq!(EntityTag::from(read).value().to_owned(), other);
        }
    }

    #[test]
    fn ids_of_any_text_come_back_from_the_service(id in "\\PC{1,12}") {
        let Some(id) = RequestId::new(&id) else { return Ok(()) };
        let mut out = [0; 300];
        let get = Message::Get(Get { id: Some(id), ..Get::default() });
        let publish = client().encode(&get, &mut out).unwrap();
        let mut scratch = Document::<16>::new();
        let decoded = service().decode(lamp(), publish.topic, publish.payload, scratch.as_mut());
        // Longer than 64 bytes when encoded: refused, in words.
        let Ok((_, Message::Get(got))) = decoded else { return Ok(()) };
        let topic = format!("$iothub/twin/res/503/?$rid={}", got.id.unwrap().as_str());
        let mut scratch = Document::<128>::new();
        let message = client().decode(&topic, b"", Wanted::Sections, scratch.as_mut());
        let Ok(Message::Rejected(rejection)) = message else { panic!("{message:?}") };
        prop_assert_eq!(rejection.id, Some(id));
    }

    #[test]
    fn topics_are_never_more_than_refused(topic in "\\PC{0,40}", end in "\\PC{0,20}") {
        for topic in [topic.clone(), format!("$iothub/twin/{end}"), format!("{topic}$iothub/twin/res/{end}")] {
            let mut scratch = Document::<64>::new();
            let _ = client().decode(&topic, b"{}", Wanted::Sections, scratch.as_mut());
            let _ = service().decode(lamp(), &topic, b"{}", scratch.as_mut());
        }
    }

    #[test]
    fn a_twin_comes_through_in_pieces_of_any_size(
        desired in section(), reported in section(), step in 1_usize..40, versions: [u32; 2],
    ) {
        let mut twin = Document::<4096>::new();
        for (section, part) in [(Section::Desired, &desired), (Section::Reported, &reported)] {
            let part = model::document::<2048>(part);
            twin.set(&[section.key()], part.as_ref()).unwrap();
        }
        let [desired, reported] = versions.map(|version| Version::new(version.into()));
        let versions = Versions { twin: Version::ZERO, desired, reported };
        let snapshot = Snapshot {
            id: RequestId::new("g1"),
            document: twin.as_ref(),
            versions,
            timestamp: Timestamp::EPOCH,
        };
        let mut out = [0; 8192];
        let publish = service().encode(&Message::GetAccepted(snapshot), &mut out).unwrap();
        let mut scratch = Document::<4096>::new();
        let mut decoder = client().decoder(publish.topic, Wanted::Sections, scratch.as_mut()).unwrap();
        for piece in publish.payload.chunks(step) {
            decoder.feed(piece).unwrap();
        }
        let Message::GetAccepted(got) = decoder.finish().unwrap() else { panic!() };
        prop_assert_eq!(got.document, twin.as_ref());
        prop_assert_eq!(got.versions.desired, desired.next());
        prop_assert_eq!(got.versions.reported, reported.next());
    }

    #[test]
    fn no_section_measures_more_than_eight_times_its_bytes(model in section()) {
        let section = model::document::<4096>(&model);
        prop_assert!(size(section.as_ref()) <= 8 * section.as_bytes().len());
    }
}
