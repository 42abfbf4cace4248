use super::super::{DecodeError, IdError, TopicError, twin_id};
use super::{client, document, text};
use crate::adapter::EncodeError;
use crate::codec::json::ReadReason;
use crate::document::Document;
use crate::error::BufferTooSmall;
use crate::error::Status;
use crate::protocol::Cause;
use crate::protocol::Get;
use crate::protocol::Message;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::UpdateRequest;
use crate::protocol::Wanted;
use crate::twin::Mode;
use crate::twin::Precondition;
use crate::twin::Section;
use crate::twin::Update;
use crate::twin::Version;
use alloc::string::String;
use alloc::vec::Vec;

const GET: &str = "$iothub/twin/res/200/?$rid=g1";
const DESIRED: &str = "$iothub/twin/PATCH/properties/desired/";

fn report(patch: &str, precondition: Precondition) -> Result<(String, String), EncodeError> {
    let patch = document(patch);
    let update = Update::merge(patch.as_ref()).with_precondition(precondition);
    let id = RequestId::new("7");
    let mut out = [0; 256];
    let message = Message::Update(UpdateRequest { id, update });
    client().encode(&message, &mut out).map(text)
}

#[test]
fn requests_are_a_topic_and_a_bare_patch() {
    let mut out = [0; 64];
    let get = Message::Get(Get::default());
    let publish = client().encode(&get, &mut out).unwrap();
    assert_eq!(
        text(publish),
        ("$iothub/twin/GET/?$rid=g".into(), "".into())
    );
    assert_eq!(
        report(r#"{"reported":{"on":true,"gone":null}}"#, Precondition::Any),
        Ok((
            "$iothub/twin/PATCH/properties/reported/?$rid=u7".into(),
            r#"{"on":true,"gone":null}"#.into()
        ))
    );
    let base = Precondition::SectionVersion(Section::Reported, Version::new(12));
    assert_eq!(
        report(r#"{"reported":{}}"#, base),
        Ok((
            "$iothub/twin/PATCH/properties/reported/?$rid=u7&$version=12".into(),
            "{}".into()
        ))
    );
}

#[test]
fn what_a_device_can_not_say_is_refused() {
    for patch in [
        r#"{"desired":{}}"#,
        r#"{"reported":{},"desired":{}}"#,
        r#"{"reported":null}"#,
        "{}",
        "null",
    ] {
        let refused = report(patch, Precondition::Any);
        assert_eq!(refused, Err(EncodeError::Unsupported), "{patch}");
    }
    for precondition in [
        Precondition::Version(Version::new(1)),
        Precondition::SectionVersion(Section::Desired, Version::new(1)),
        Precondition::Present,
    ] {
        let refused = report(r#"{"reported":{}}"#, precondition);
        assert_eq!(refused, Err(EncodeError::Unsupported), "{precondition:?}");
    }
    let mut out = [0; 64];
    let patch = document(r#"{"reported":{}}"#);
    let update = Update::merge(patch.as_ref()).with_mode(Mode::Replace);
    for message in [
        Message::Delete(None),
        Message::Update(UpdateRequest { id: None, update }),
    ] {
        assert_eq!(
            client().encode(&message, &mut out),
            Err(EncodeError::Unsupported)
        );
    }
}

#[test]
fn a_short_buffer_says_how_long_the_request_is() {
    let get = Message::Get(Get {
        id: RequestId::new("12"),
        ..Get::default()
    });
    let mut out = [0; 25];
    let error = client().encode(&get, &mut out);
    let needed = "$iothub/twin/GET/?$rid=g12".len();
    assert_eq!(
        error,
        Err(EncodeError::BufferTooSmall(BufferTooSmall { needed }))
    );
}

#[test]
fn a_twin_comes_without_what_the_service_adds() {
    let mut scratch = Document::<256>::new();
    let body =
        br#"{"desired":{"on":true,"$metadata":{"on":{}},"$version":4},"reported":{"$version":5}}"#;
    let message = client().decode(GET, body, Wanted::Sections, scratch.as_mut());
    let Ok(Message::GetAccepted(snapshot)) = message else {
        panic!("{message:?}");
    };
    assert_eq!(snapshot.id, RequestId::new("1"));
    let wanted = document(r#"{"desired":{"on":true},"reported":{}}"#);
    assert_eq!(snapshot.document, wanted.as_ref());
    assert_eq!(snapshot.versions.desired, Version::new(4));
    assert_eq!(snapshot.versions.reported, Version::new(5));
}

#[test]
fn a_twin_that_is_too_large_is_read_for_desired_alone() {
    let long = "x".repeat(200);
    let body = alloc::format!(
        r#"{{"reported":{{"log":"{long}","$version":2}},"desired":{{"on":true,"$version":3}}}}"#
    );
    let mut scratch = Document::<64>::new();
    let whole = client().decode(GET, body.as_bytes(), Wanted::Sections, scratch.as_mut());
    assert!(whole.unwrap_err().capacity().is_some());
    let part = client().decode(GET, body.as_bytes(), Wanted::Delta, scratch.as_mut());
    let Ok(Message::GetAccepted(snapshot)) = part else {
        panic!("{part:?}");
    };
    let wanted = document(r#"{"desired":{"on":true}}"#);
    assert_eq!(snapshot.document, wanted.as_ref());
    assert_eq!(snapshot.versions.desired, Version::new(3));
}

#[test]
fn the_version_of_a_change_stands_in_the_topic_or_in_the_body() {
    for (parameters, body, version) in [
        ("?$version=7", r#"{"on":null,"$version":7}"#, 7),
        ("?$version=7", r#"{"on":null}"#, 7),
        ("", r#"{"on":null,"$version":6}"#, 6),
    ] {
        let topic = alloc::format!("{DESIRED}{parameters}");
        let mut scratch = Document::<64>::new();
        let message = client().decode(&topic, body.as_bytes(), Wanted::Sections, scratch.as_mut());
        let Ok(Message::DesiredPatch(change)) = message else {
            panic!("{message:?}");
        };
        assert_eq!(change.versions.desired, Version::new(version));
        assert_eq!(change.patch, document(r#"{"on":null}"#).as_ref());
    }
    let mut scratch = Document::<64>::new();
    let unknown = client().decode(DESIRED, b"{}", Wanted::Sections, scratch.as_mut());
    assert_eq!(unknown, Err(DecodeError::Malformed("$version")));
}

#[test]
fn a_report_is_accepted_by_its_topic_alone() {
    for payload in [&b""[..], b"{", b"\xFF"] {
        for (topic, version) in [
            ("$iothub/twin/res/204/?$rid=u%61b&$version=9", 9),
            ("$iothub/twin/res/200/?$rid=uab", 0),
        ] {
            let mut scratch = Document::<64>::new();
            let message = client().decode(topic, payload, Wanted::Sections, scratch.as_mut());
            let Ok(Message::UpdateAccepted(accepted)) = message else {
                panic!("{message:?}");
            };
            assert_eq!(accepted.id, RequestId::new("ab"));
            assert_eq!(accepted.versions.reported, Version::new(version));
        }
    }
}

#[test]
fn every_refusal_has_its_verdict_with_or_without_a_body() {
    let body = br#"{"errorCode":403100,"trackingId":"a","message":"too large","timestampUtc":""}"#;
    for (code, payload, status) in [
        (400, &b""[..], Status::Invalid),
        (401, b"", Status::Unauthorized),
        (403, b"", Status::Forbidden),
        (403, body, Status::TooLarge),
        (404, b"{", Status::NotFound),
        (412, b"[]", Status::PreconditionFailed),
        (413, b"", Status::TooLarge),
        (429, b"\xFF", Status::Throttled),
        (500, b"", Status::Internal),
        (504, b"", Status::Unavailable),
        (599, b"", Status::Internal),
    ] {
        for (letter, request) in [("g", RequestKind::Get), ("u", RequestKind::Update)] {
            let topic = alloc::format!("$iothub/twin/res/{code}/?$rid={letter}5");
            let mut scratch = Document::<128>::new();
            let message = client().decode(&topic, payload, Wanted::Sections, scratch.as_mut());
            let Ok(Message::Rejected(rejection)) = message else {
                panic!("{message:?}");
            };
            assert_eq!((rejection.status, rejection.request), (status, request));
            assert_eq!(rejection.id, RequestId::new("5"));
            let words = match payload == body {
                true => Cause::Text("too large"),
                false => Cause::Unstated,
            };
            assert_eq!(rejection.cause, words);
        }
    }
}

#[test]
fn what_is_not_for_this_client_is_refused() {
    for (topic, error) in [
        ("$iothub/twin/GET/?$rid=g1", TopicError::Side),
        (
            "$iothub/twin/PATCH/properties/reported/?$rid=u1",
            TopicError::Side,
        ),
        ("$iothub/twin/res/200/?$rid=1", TopicError::Foreign),
        ("$iothub/twin/res/200/", TopicError::Foreign),
        ("$iothub/twin/res/2000/?$rid=g1", TopicError::Status),
        ("$iothub/twin/res/+20/?$rid=g1", TopicError::Status),
        (
            "$iothub/twin/patch/properties/desired/",
            TopicError::Operation,
        ),
        ("$iothub/methods/POST/stop/?$rid=1", TopicError::Prefix),
        ("", TopicError::Prefix),
    ] {
        let mut scratch = Document::<64>::new();
        let decoded = client().decode(topic, b"{}", Wanted::Sections, scratch.as_mut());
        assert_eq!(decoded, Err(DecodeError::Topic(error)), "{topic}");
    }
}

#[test]
fn bodies_that_are_no_twin_are_refused() {
    for (body, member) in [
        ("{}", "desired"),
        (r#"{"desired":1}"#, "desired"),
        (r#"{"desired":{}}"#, "$version"),
        (r#"{"desired":{"$version":-1}}"#, "$version"),
        (r#"{"desired":{"$version":1},"reported":[]}"#, "reported"),
    ] {
        let mut scratch = Document::<64>::new();
        let decoded = client().decode(GET, body.as_bytes(), Wanted::Sections, scratch.as_mut());
        assert_eq!(decoded, Err(DecodeError::Malformed(member)), "{body}");
    }
    let mut scratch = Document::<64>::new();
    let decoded = client().decode(GET, b"{\"desired\":{", Wanted::Sections, scratch.as_mut());
    let Err(DecodeError::Json(error)) = decoded else {
        panic!("{decoded:?}");
    };
    assert_eq!(error.reason, ReadReason::UnexpectedEnd);
}

#[test]
fn ids_follow_the_rules_of_the_service() {
    assert!(twin_id("a-b:c.d_e%f*?!(),=@$'", Some("m")).is_ok());
    let long: Vec<u8> = alloc::vec![b'a'; 129];
    let long = core::str::from_utf8(&long).unwrap();
    for (id, error) in [
        ("", IdError::Missing),
        (long, IdError::TooLong),
        ("a/b", IdError::Character),
        ("a b", IdError::Character),
        ("ä", IdError::Character),
        ("a#", IdError::Character),
    ] {
        assert_eq!(twin_id(id, None), Err(error), "{id}");
        assert_eq!(twin_id("a", Some(id)), Err(error), "{id}");
    }
}
