//! The examples of the specification, each encoded and decoded.

use alloc::vec::Vec;

use super::super::{Asker, Client};
use super::{SERVICE, back_end, bytes, device, document, hex, lamp};
use crate::document::Document;
use crate::document::DocumentRef;
use crate::error::Status;
use crate::protocol::Accepted;
use crate::protocol::Cause;
use crate::protocol::Delta;
use crate::protocol::Get;
use crate::protocol::Known;
use crate::protocol::Message;
use crate::protocol::Patched;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::Snapshot;
use crate::protocol::UpdateRequest;
use crate::protocol::Versions;
use crate::protocol::Wanted;
use crate::time::Timestamp;
use crate::twin::ETag;
use crate::twin::Origin;
use crate::twin::Precondition;
use crate::twin::Rejected;
use crate::twin::Section;
use crate::twin::Update;
use crate::twin::Version;

/// The bytes of the specification's examples, in their order.
fn specified() -> Vec<&'static str> {
    let text = include_str!("../mod.rs");
    let (_, examples) = text.split_once("# Examples").unwrap();
    let (examples, _) = examples.split_once("# Rooms").unwrap();
    examples
        .lines()
        .filter_map(|line| line.strip_suffix("` |")?.rsplit_once("| `"))
        .map(|(_, bytes)| bytes)
        .collect()
}

fn versions(desired: u64, reported: u64, twin: u64) -> Versions {
    Versions {
        twin: Version::new(twin),
        desired: Version::new(desired),
        reported: Version::new(reported),
    }
}

fn asked(client: Client<'_>, message: &Message<'_>) -> alloc::string::String {
    let (mut out, mut scratch) = ([0; 128], Document::<128>::new());
    let publish = client.encode(message, &mut out).unwrap();
    let request = SERVICE
        .decode(publish.topic, publish.payload, scratch.as_mut())
        .unwrap();
    assert_eq!(request.message, *message);
    hex(publish.payload)
}

fn answered(message: &Message<'_>) -> alloc::string::String {
    let (mut out, mut scratch) = ([0; 128], Document::<128>::new());
    let publish = SERVICE
        .encode(Asker::DEVICE, lamp(), message, &mut out)
        .unwrap();
    let heard = device().decode(
        publish.topic,
        publish.payload,
        Wanted::Sections,
        scratch.as_mut(),
    );
    assert_eq!(heard, Ok(*message));
    hex(publish.payload)
}

#[test]
fn the_specification_s_examples_are_what_is_sent() {
    let timestamp = Timestamp::EPOCH;
    let (seven, eight) = (RequestId::new("00000007"), RequestId::new("00000008"));
    let off = document(r#"{"on":false}"#);
    let none = document(r#"{"on":null}"#);
    let both = document(r#"{"desired":{"on":true},"reported":{"on":false}}"#);
    let report = document(r#"{"reported":{"on":true}}"#);
    let removal = document(r#"{"desired":{"on":null}}"#);
    let get = Get {
        id: seven,
        ..Get::default()
    };
    let known = Known {
        versions: versions(3, 5, 8),
        desired: ETag::from_bytes([1, 2, 3, 4, 5, 6, 7, 8]),
    };
    let accepted = |id, versions| Accepted {
        id,
        versions,
        patch: None,
        timestamp,
    };
    let report = Update::merge(report.as_ref()).with_origin(Origin::Device);
    let update = |id, update| Message::Update(UpdateRequest { id, update });
    let conditional = Precondition::SectionVersion(Section::Reported, Version::new(5));
    let removal = Update::merge(removal.as_ref())
        .with_origin(Origin::Service)
        .with_precondition(Precondition::Present);
    let sent = [
        asked(device(), &Message::Get(get)),
        asked(
            device(),
            &Message::Get(Get {
                known: Some(known),
                ..get
            }),
        ),
        answered(&Message::GetAccepted(Snapshot {
            id: seven,
            document: both.as_ref(),
            versions: versions(3, 5, 8),
            timestamp,
        })),
        answered(&Message::GetUnchanged(accepted(seven, versions(3, 5, 8)))),
        answered(&Message::GetPatched(Patched {
            id: seven,
            patch: off.as_ref(),
            desired: ETag::from_bytes([0xFF; 8]),
            versions: versions(4, 5, 9),
            timestamp,
        })),
        asked(device(), &update(eight, report)),
        asked(
            device(),
            &update(eight, report.with_precondition(conditional)),
        ),
        answered(&Message::UpdateAccepted(accepted(
            eight,
            versions(4, 6, 10),
        ))),
        asked(back_end(), &update(RequestId::new("ops"), removal)),
        answered(&Message::Rejected(Rejection {
            id: eight,
            request: RequestKind::Update,
            status: Status::Forbidden,
            cause: Cause::Twin(Rejected::Forbidden(Section::Desired)),
            timestamp,
        })),
        answered(&Message::DesiredPatch(Delta {
            id: None,
            patch: none.as_ref(),
            metadata: DocumentRef::EMPTY,
            versions: versions(5, 6, 12),
            timestamp,
        })),
        asked(device(), &Message::Delete(None)),
        answered(&Message::DeleteAccepted(accepted(None, versions(6, 7, 13)))),
    ];
    assert_eq!(sent.as_slice(), specified().as_slice());
}

#[test]
fn bytes_of_the_specification_are_read_as_they_stand() {
    for example in specified() {
        let payload = bytes(example);
        assert_eq!(hex(&payload), example);
        let mut scratch = Document::<128>::new();
        let topic = "t/lamp/u";
        let request = SERVICE.decode(topic, &payload, scratch.as_mut()).is_ok();
        let answer = device()
            .decode("t/lamp/d", &payload, Wanted::Sections, scratch.as_mut())
            .is_ok();
        assert!(request != answer, "{example}");
    }
}
