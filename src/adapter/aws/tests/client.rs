use super::super::{DecodeError, Purpose, Service, TopicError};
use super::{Client, document, lamp, settings, text};
use crate::adapter::EncodeError;
use crate::codec::json::ReadReason;
use crate::document::Document;
use crate::document::DocumentRef;
use crate::error::BufferTooSmall;
use crate::error::Status;
use crate::protocol::Cause;
use crate::protocol::Get;
use crate::protocol::Message;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::UpdateRequest;
use crate::protocol::Wanted;
use crate::time::Timestamp;
use crate::twin::Mode;
use crate::twin::Precondition;
use crate::twin::Update;
use crate::twin::Version;
use alloc::string::String;
use alloc::vec::Vec;

fn encode(message: &Message<'_>) -> (String, String) {
    let mut out = [0; 512];
    let client = Client::new(lamp()).unwrap();
    text(client.encode(message, &mut out).unwrap())
}

fn update(patch: DocumentRef<'_>) -> UpdateRequest<'_> {
    UpdateRequest {
        id: None,
        update: Update::merge(patch),
    }
}

#[test]
fn a_request_without_an_id_is_as_short_as_can_be() {
    assert_eq!(
        encode(&Message::Get(Get::default())),
        ("$aws/things/lamp/shadow/get".into(), "".into())
    );
    assert_eq!(
        encode(&Message::Delete(None)),
        ("$aws/things/lamp/shadow/delete".into(), "".into())
    );
    let patch = document(r#"{"reported":{"on":true,"gone":null}}"#);
    assert_eq!(
        encode(&Message::Update(update(patch.as_ref()))),
        (
            "$aws/things/lamp/shadow/update".into(),
            r#"{"state":{"reported":{"on":true,"gone":null}}}"#.into()
        )
    );
}

#[test]
fn ids_and_versions_are_members_of_the_payload() {
    let id = RequestId::new("a\"b");
    let get = Get {
        id,
        ..Get::default()
    };
    assert_eq!(encode(&Message::Get(get)).1, r#"{"clientToken":"a\"b"}"#);
    assert_eq!(encode(&Message::Delete(id)).1, r#"{"clientToken":"a\"b"}"#);
    let mut request = update(DocumentRef::NULL);
    request.id = id;
    request.update.precondition = Precondition::Version(Version::new(12));
    assert_eq!(
        encode(&Message::Update(request)).1,
        r#"{"state":null,"version":12,"clientToken":"a\"b"}"#
    );
}

#[test]
fn what_the_service_has_no_words_for_is_refused() {
    let client = Client::new(lamp()).unwrap();
    let mut out = [0; 512];
    let mut refused = |message: Message<'_>| {
        assert_eq!(
            client.encode(&message, &mut out),
            Err(EncodeError::Unsupported),
            "{message:?}"
        );
    };
    for patch in [
        r#"{"tags":{}}"#,
        r#"{"desired":1}"#,
        "[]",
        "1",
        r#"{"metadata":{}}"#,
    ] {
        refused(Message::Update(update(document(patch).as_ref())));
    }
    let mut replace = update(DocumentRef::EMPTY);
    replace.update.mode = Mode::Replace;
    refused(Message::Update(replace));
    let mut absent = update(DocumentRef::EMPTY);
    absent.update.precondition = Precondition::Absent;
    refused(Message::Update(absent));
    refused(Message::Delta(crate::protocol::Delta {
        id: None,
        patch: DocumentRef::EMPTY,
        metadata: DocumentRef::EMPTY,
        versions: crate::protocol::Versions::default(),
        timestamp: Timestamp::EPOCH,
    }));
}

#[test]
fn a_buffer_that_is_too_small_says_exactly_what_is_needed() {
    let client = Client::new(settings()).unwrap();
    let patch = document(r#"{"reported":{"text":"é\n"},"desired":null}"#);
    let message = Message::Update(update(patch.as_ref()));
    let mut out = [0; 512];
    let whole = client.encode(&message, &mut out).unwrap();
    let needed = whole.topic.len() + whole.payload.len();
    for len in 0..needed {
        let error = client.encode(&message, &mut out[..len]);
        let too_small = EncodeError::BufferTooSmall(BufferTooSmall { needed });
        assert_eq!(error, Err(too_small), "{len}");
    }
    assert!(client.encode(&message, &mut out[..needed]).is_ok());
    let mut short = [0; 4];
    let error = client.topic(Purpose::UpdateDelta, &mut short).unwrap_err();
    assert_eq!(
        error.needed,
        "$aws/things/lamp/shadow/name/settings/update/delta".len()
    );
}

#[test]
fn an_answer_keeps_the_sections_and_skips_the_metadata() {
    let payload = br#"{"state":{"desired":{"on":true},"reported":{"on":false},"delta":{"on":true}},
        "metadata":{"desired":{"on":{"timestamp":1}},"reported":{"on":{"timestamp":2}}},
        "version":7,"timestamp":1700000000,"clientToken":"t"}"#;
    let topic = "$aws/things/lamp/shadow/get/accepted";
    let client = Client::new(lamp()).unwrap();
    let mut scratch = Document::<128>::new();
    let message = client
        .decode(topic, payload, Wanted::Sections, scratch.as_mut())
        .unwrap();
    let Message::GetAccepted(snapshot) = message else {
        panic!("{message:?}")
    };
    let sections = document(r#"{"desired":{"on":true},"reported":{"on":false}}"#);
    assert_eq!(snapshot.document, sections.as_ref());
    assert_eq!(snapshot.versions.desired, Version::new(7));
    assert_eq!(snapshot.timestamp, Timestamp::from_secs(1_700_000_000));
    assert_eq!(snapshot.id, RequestId::new("t"));

    let message = client
        .decode(topic, payload, Wanted::Delta, scratch.as_mut())
        .unwrap();
    let Message::GetAccepted(snapshot) = message else {
        panic!("{message:?}")
    };
    let delta = document(r#"{"delta":{"on":true}}"#);
    assert_eq!(snapshot.document, delta.as_ref());
}

#[test]
fn a_big_answer_passes_through_a_small_receive_buffer() {
    let value = "v".repeat(100);
    let mut payload = String::from(r#"{"metadata":{"desired":{"#);
    for key in 0..120 {
        payload += &alloc::format!(r#""key{key}":{{"timestamp":1700000000}},"#);
    }
    payload += &alloc::format!(
        r#""x":1}}}},"state":{{"desired":{{"text":"{value}"}}}},"version":3,"timestamp":1}}"#
    );
    assert!(payload.len() > 4_000);
    let client = Client::new(lamp()).unwrap();
    let mut scratch = Document::<192>::new();
    let mut decoder = client
        .decoder(
            "$aws/things/lamp/shadow/get/accepted",
            Wanted::Sections,
            scratch.as_mut(),
        )
        .unwrap();
    for piece in payload.as_bytes().chunks(256) {
        decoder.feed(piece).unwrap();
    }
    let Message::GetAccepted(snapshot) = decoder.finish().unwrap() else {
        panic!()
    };
    let text = snapshot.document.read::<&str>(&["desired", "text"]);
    assert_eq!(text, Ok(&*value));
}

#[test]
fn an_answer_that_does_not_fit_says_so() {
    let client = Client::new(lamp()).unwrap();
    let payload = br#"{"state":{"desired":{"text":"longer than the document"}},"version":1}"#;
    let mut scratch = Document::<32>::new();
    let error = client
        .decode(
            "$aws/things/lamp/shadow/get/accepted",
            payload,
            Wanted::Sections,
            scratch.as_mut(),
        )
        .unwrap_err();
    assert!(error.capacity().unwrap().needed > 32);
    assert!(scratch.is_empty());
    let delta = client.decode(
        "$aws/things/lamp/shadow/get/accepted",
        payload,
        Wanted::Delta,
        scratch.as_mut(),
    );
    assert!(delta.is_ok(), "the reduced form fits: {delta:?}");
}

#[test]
fn an_error_document_may_lack_time_and_token() {
    let client = Client::new(lamp()).unwrap();
    let mut scratch = Document::<128>::new();
    let message = client
        .decode(
            "$aws/things/lamp/shadow/update/rejected",
            br#"{"code":409,"message":"Version conflict"}"#,
            Wanted::Sections,
            scratch.as_mut(),
        )
        .unwrap();
    let Message::Rejected(rejection) = message else {
        panic!("{message:?}")
    };
    assert_eq!(rejection.id, None);
    assert_eq!(rejection.request, RequestKind::Update);
    assert_eq!(rejection.status, Status::Conflict);
    assert_eq!(rejection.cause, Cause::Text("Version conflict"));
    assert_eq!(rejection.timestamp, Timestamp::EPOCH);
}

#[test]
fn what_is_missing_or_of_the_wrong_type_is_named() {
    let client = Client::new(lamp()).unwrap().with_echo();
    let mut scratch = Document::<128>::new();
    let mut decode = |end: &str, payload: &str| {
        let topic = alloc::format!("$aws/things/lamp/shadow/{end}");
        let decoded = client.decode(
            &topic,
            payload.as_bytes(),
            Wanted::Sections,
            scratch.as_mut(),
        );
        decoded.unwrap_err()
    };
    let malformed = DecodeError::Malformed;
    for (end, payload, error) in [
        ("get/accepted", "1", malformed("state")),
        ("get/accepted", "null", malformed("state")),
        ("get/accepted", r#"{"version":1}"#, malformed("state")),
        (
            "get/accepted",
            r#"{"state":[],"version":1}"#,
            malformed("state"),
        ),
        (
            "get/accepted",
            r#"{"state":{"desired":1},"version":1}"#,
            malformed("state"),
        ),
        ("get/accepted", r#"{"state":{}}"#, malformed("version")),
        (
            "get/accepted",
            r#"{"state":{},"version":-1}"#,
            malformed("version"),
        ),
        (
            "get/accepted",
            r#"{"state":{},"version":1.5}"#,
            malformed("version"),
        ),
        (
            "update/delta",
            r#"{"state":null,"version":1}"#,
            malformed("state"),
        ),
        (
            "update/delta",
            r#"{"state":{},"version":1,"timestamp":"x"}"#,
            malformed("timestamp"),
        ),
        ("update/rejected", r#"{"message":"x"}"#, malformed("code")),
        (
            "update/documents",
            r#"{"previous":1}"#,
            malformed("previous"),
        ),
        (
            "update/documents",
            r#"{"previous":null}"#,
            malformed("current"),
        ),
        ("update", "{}", DecodeError::Topic(TopicError::Purpose)),
        (
            "name/x/get/accepted",
            "{}",
            DecodeError::Topic(TopicError::Foreign),
        ),
    ] {
        assert_eq!(decode(end, payload), error, "{end} {payload}");
    }
    let DecodeError::Json(error) = decode("update/delta", r#"{"state":"#) else {
        panic!()
    };
    assert_eq!(error.reason, ReadReason::UnexpectedEnd);
    assert_eq!(error.offset, 9);
}

#[test]
fn a_token_that_is_no_request_id_is_none() {
    let client = Client::new(lamp()).unwrap();
    let mut scratch = Document::<256>::new();
    let long = "x".repeat(65);
    for token in ["1", "null", "\"\"", &alloc::format!("\"{long}\"")] {
        let payload = alloc::format!(r#"{{"version":3,"clientToken":{token}}}"#);
        let message = client
            .decode(
                "$aws/things/lamp/shadow/update/accepted",
                payload.as_bytes(),
                Wanted::Sections,
                scratch.as_mut(),
            )
            .unwrap();
        let Message::UpdateAccepted(accepted) = message else {
            panic!("{message:?}")
        };
        assert_eq!((accepted.id, accepted.patch), (None, None));
    }
}

#[test]
fn documents_tell_before_and_after() {
    let client = Client::new(lamp()).unwrap().with_echo();
    let mut scratch = Document::<256>::new();
    let payload = br#"{"previous":{"state":{"desired":{"a":1}},"metadata":{"desired":{"a":{"timestamp":1}}},"version":4},
        "current":{"state":{},"metadata":{},"version":5},"timestamp":9}"#;
    let topic = "$aws/things/lamp/shadow/update/documents";
    let message = client
        .decode(topic, payload, Wanted::Sections, scratch.as_mut())
        .unwrap();
    let Message::Changed(changed) = message else {
        panic!("{message:?}")
    };
    let (previous, versions) = changed.previous.unwrap();
    assert_eq!(previous, document(r#"{"desired":{"a":1}}"#).as_ref());
    assert_eq!(versions.twin, Version::new(4));
    assert_eq!(changed.current, DocumentRef::EMPTY);
    assert_eq!(changed.versions.twin, Version::new(5));
}

#[test]
fn a_device_does_not_read_what_only_a_back_end_asks_for() {
    let client = Client::new(lamp()).unwrap();
    let mut scratch = Document::<64>::new();
    let topic = "$aws/things/lamp/shadow/update/documents";
    let error = client
        .decoder(topic, Wanted::Sections, scratch.as_mut())
        .unwrap_err();
    assert_eq!(error, DecodeError::Topic(TopicError::Purpose));
}

#[test]
fn subscriptions_are_answers_that_the_decoder_reads() {
    let client = Client::new(lamp()).unwrap();
    let mut scratch = Document::<16>::new();
    let mut topics = Vec::new();
    for purpose in Client::SUBSCRIPTIONS {
        let mut out = [0; 64];
        let topic = String::from(client.topic(purpose, &mut out).unwrap());
        assert!(
            client
                .decoder(&topic, Wanted::Sections, scratch.as_mut())
                .is_ok()
        );
        topics.push(topic);
    }
    assert!(topics.len() <= 8, "AWS allows eight in one SUBSCRIBE");
    for filter in Service::FILTERS {
        assert!(!topics.iter().any(|topic| topic == filter));
    }
}
