use super::super::{
    DeltaInUpdate, Fault, NewVersion, Policy, PreviousOfNew, RequestError, Service, TooLargeText,
    TopicError, UnreadablePayload,
};
use super::{NOW, document, lamp, settings, text};
use crate::adapter::EncodeError;
use crate::document::Document;
use crate::document::DocumentRef;
use crate::document::delta;
use crate::error::BufferTooSmall;
use crate::error::CapacityError;
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
use crate::protocol::Versions;
use crate::twin::Precondition;
use crate::twin::Rejected;
use crate::twin::Section;
use crate::twin::Version;
use alloc::format;
use alloc::string::String;
use alloc::string::ToString;

const SERVICE: Service = Service::new(Policy::new());

/// The whole answer to an update that is refused.
fn refused(service: Service, payload: &[u8]) -> String {
    let mut scratch = Document::<512>::new();
    let topic = "$aws/things/lamp/shadow/update";
    match service.decode(topic, payload, scratch.as_mut()) {
        Err(RequestError::Refused(refusal)) => {
            assert_eq!((refusal.id, refusal.request), (lamp(), RequestKind::Update));
            let mut out = [0; 512];
            let (topic, payload) = text(service.refuse(&refusal, NOW, &mut out).unwrap());
            assert_eq!(topic, "$aws/things/lamp/shadow/update/rejected");
            payload
        }
        other => panic!("{other:?}"),
    }
}

fn rejection(cause: Cause<'_>, status: Status) -> Message<'_> {
    Message::Rejected(Rejection {
        id: RequestId::new("t"),
        request: RequestKind::Update,
        status,
        cause,
        timestamp: NOW,
    })
}

fn payload(service: Service, id: TwinId<'_>, message: &Message<'_>) -> String {
    let mut out = [0; 2048];
    text(service.encode(id, message, &mut out).unwrap()).1
}

#[test]
fn an_update_is_read_with_its_version_and_token() {
    let mut scratch = Document::<256>::new();
    let (id, message) = SERVICE
        .decode(
            "$aws/things/lamp/shadow/name/settings/update",
            br#"{"version":3,"extra":[{"x":1}],"state":{"desired":{"a":null},"reported":null},"clientToken":"t"}"#,
            scratch.as_mut(),
        )
        .unwrap();
    assert_eq!(id, settings());
    let Message::Update(request) = message else {
        panic!("{message:?}")
    };
    assert_eq!(request.id, RequestId::new("t"));
    assert_eq!(
        request.update.precondition,
        Precondition::Version(Version::new(3))
    );
    let patch = document(r#"{"desired":{"a":null},"reported":null}"#);
    assert_eq!(request.update.patch, patch.as_ref());
}

#[test]
fn an_update_may_clear_or_say_nothing() {
    for (payload, expected) in [
        (r#"{"state":null}"#, DocumentRef::NULL),
        (r#"{"state":{}}"#, DocumentRef::EMPTY),
    ] {
        let mut scratch = Document::<64>::new();
        let topic = "$aws/things/lamp/shadow/update";
        let decoded = SERVICE.decode(topic, payload.as_bytes(), scratch.as_mut());
        let (_, Message::Update(request)) = decoded.unwrap() else {
            panic!()
        };
        assert_eq!(request.update.patch, expected);
        assert_eq!(
            (request.id, request.update.precondition),
            (None, Precondition::Any)
        );
    }
}

#[test]
fn gets_and_deletes_may_be_empty_or_carry_a_token() {
    let decode = |service: Service, end: &str, payload: &[u8], expected: Message<'_>| {
        let mut scratch = Document::<128>::new();
        let topic = format!("$aws/things/lamp/shadow/{end}");
        let decoded = service
            .decode(&topic, payload, scratch.as_mut())
            .map(|(_, message)| {
                assert_eq!(message, expected, "{payload:?}");
            });
        decoded.map_err(|error| error.to_string())
    };
    let get = |id| {
        Message::Get(Get {
            id,
            ..Get::default()
        })
    };
    let token = RequestId::new("t");
    for (payload, id) in [
        (&b""[..], None),
        (b"{}", None),
        (br#"{"clientToken":"t","version":"x","state":1}"#, token),
        (br#"{"clientToken":""}"#, None),
        (b"\xFF\x00", None),
        (b"hello", None),
        (b"[1]", None),
    ] {
        assert_eq!(decode(SERVICE, "get", payload, get(id)), Ok(()));
        assert_eq!(
            decode(SERVICE, "delete", payload, Message::Delete(id)),
            Ok(())
        );
    }
    let long = format!(r#"{{"clientToken":"{}"}}"#, "x".repeat(65));
    assert!(decode(SERVICE, "get", long.as_bytes(), get(None)).is_err());
    let strict = Policy::new().with_unreadable_payload(UnreadablePayload::Refused);
    for payload in [&b"hello"[..], b"[1]"] {
        assert!(decode(Service::new(strict), "get", payload, get(None)).is_err());
    }
}

#[test]
fn each_rule_that_an_update_breaks_has_its_code_and_words() {
    let long = format!(r#"{{"state":{{}},"clientToken":"{}"}}"#, "x".repeat(65));
    for (payload, answer) in [
        (r#"{"state":"#, r#"{"code":400,"message":"Invalid JSON"}"#),
        ("", r#"{"code":400,"message":"Invalid JSON"}"#),
        ("[]", r#"{"code":400,"message":"Invalid JSON"}"#),
        (&long, r#"{"code":400,"message":"Invalid clientToken"}"#),
        (
            r#"{"state":{},"clientToken":1}"#,
            r#"{"code":400,"message":"Invalid clientToken"}"#,
        ),
        (
            r#"{"clientToken":"t"}"#,
            r#"{"code":400,"message":"Missing required node: state","clientToken":"t"}"#,
        ),
        (
            r#"{"state":"x"}"#,
            r#"{"code":400,"message":"State node must be an object"}"#,
        ),
        (
            r#"{"state":{"desired":1}}"#,
            r#"{"code":400,"message":"Desired node must be an object"}"#,
        ),
        (
            r#"{"state":{"reported":[]}}"#,
            r#"{"code":400,"message":"Reported node must be an object"}"#,
        ),
        (
            r#"{"state":{"delta":{}},"clientToken":"t"}"#,
            r#"{"code":400,"message":"State contains an invalid node: 'delta'","clientToken":"t"}"#,
        ),
        (
            r#"{"state":{"a\"b":{}}}"#,
            r#"{"code":400,"message":"State contains an invalid node: 'a\"b'"}"#,
        ),
        (
            r#"{"state":{"tags":{}}}"#,
            r#"{"code":400,"message":"State contains an invalid node: 'tags'"}"#,
        ),
        (
            r#"{"state":{},"version":"1"}"#,
            r#"{"code":400,"message":"Invalid version"}"#,
        ),
        (
            r#"{"state":{},"version":-1}"#,
            r#"{"code":400,"message":"Invalid version"}"#,
        ),
        (
            r#"{"state":{},"version":1.5}"#,
            r#"{"code":400,"message":"Invalid version"}"#,
        ),
        (
            r#"{"state":{},"version":null}"#,
            r#"{"code":400,"message":"Invalid version"}"#,
        ),
    ] {
        assert_eq!(refused(SERVICE, payload.as_bytes()), answer, "{payload}");
    }
    assert_eq!(
        refused(SERVICE, b"{\"state\":{\"desired\":{\"a\":\"\xFF\"}}}"),
        r#"{"code":415,"message":"Unsupported documented encoding; supported encoding is UTF-8"}"#
    );
}

#[test]
fn what_cannot_be_stored_is_refused_under_its_token() {
    let deep = format!(
        r#"{{"state":{{"desired":{}1{}}},"clientToken":"t"}}"#,
        r#"{"a":"#.repeat(20),
        "}".repeat(20)
    );
    assert_eq!(
        refused(SERVICE, deep.as_bytes()),
        r#"{"code":400,"message":"JSON contains too many levels of nesting; maximum is 8","clientToken":"t"}"#
    );
    let wide = format!(
        r#"{{"state":{{"desired":{{"a":"{}"}}}},"clientToken":"t"}}"#,
        "x".repeat(600)
    );
    assert_eq!(
        refused(SERVICE, wide.as_bytes()),
        r#"{"code":413,"message":"The payload exceeds the maximum size allowed","clientToken":"t"}"#
    );
}

#[test]
fn a_policy_may_drop_delta_and_date_its_errors() {
    let service = Service::new(Policy::new().with_delta_in_update(DeltaInUpdate::Dropped));
    let mut scratch = Document::<128>::new();
    let topic = "$aws/things/lamp/shadow/update";
    let payload = br#"{"state":{"desired":{"a":1},"delta":{"a":1}}}"#;
    let decoded = service.decode(topic, payload, scratch.as_mut());
    let (_, Message::Update(request)) = decoded.unwrap() else {
        panic!()
    };
    assert_eq!(
        request.update.patch,
        document(r#"{"desired":{"a":1}}"#).as_ref()
    );
    let service = Service::new(Policy::new().with_timestamp_in_errors(true));
    assert_eq!(
        refused(service, b"{}"),
        r#"{"code":400,"message":"Missing required node: state","timestamp":1700000000}"#
    );
}

#[test]
fn topics_that_are_no_requests_are_not_answered() {
    let mut scratch = Document::<64>::new();
    for (topic, error) in [
        ("$aws/things/lamp/shadow/get/accepted", TopicError::Purpose),
        ("$aws/things/lamp/shadow/update/delta", TopicError::Purpose),
        ("$aws/things/la mp/shadow/get", TopicError::Thing),
        ("sensors/lamp", TopicError::Prefix),
    ] {
        let decoded = SERVICE.decode(topic, b"{}", scratch.as_mut());
        assert_eq!(decoded, Err(RequestError::Topic(error)), "{topic}");
    }
}

#[test]
fn an_accepted_update_echoes_the_request_with_metadata_of_its_shape() {
    let echo = |patch: &str| {
        let patch = document(patch);
        payload(
            SERVICE,
            lamp(),
            &Message::UpdateAccepted(Accepted {
                id: RequestId::new("t"),
                versions: Versions::all(Version::new(5)),
                patch: Some(patch.as_ref()),
                timestamp: NOW,
            }),
        )
    };
    assert_eq!(
        echo(r#"{"desired":{"a":1,"b":null,"c":{"d":[1,[2],{"e":3}],"f":{}}},"reported":null}"#),
        concat!(
            r#"{"state":{"desired":{"a":1,"b":null,"c":{"d":[1,[2],{"e":3}],"f":{}}},"reported":null},"#,
            r#""metadata":{"desired":{"a":{"timestamp":1700000000},"b":{"timestamp":1700000000},"#,
            r#""c":{"d":[{"timestamp":1700000000},[{"timestamp":1700000000}],{"e":{"timestamp":1700000000}}],"#,
            r#""f":{}}},"reported":{"timestamp":1700000000}},"#,
            r#""version":5,"timestamp":1700000000,"clientToken":"t"}"#
        )
    );
    assert_eq!(
        echo("null"),
        r#"{"state":null,"metadata":{"timestamp":1700000000},"version":5,"timestamp":1700000000,"clientToken":"t"}"#
    );
    assert_eq!(
        echo("{}"),
        r#"{"state":{},"metadata":{},"version":5,"timestamp":1700000000,"clientToken":"t"}"#
    );
}

/// A twin with stamps: milliseconds and version; an array has one.
const TWIN: &str = r#"{"tags":{"site":"x"},
    "desired":{"on":true,"rgb":[1,2],"deep":{"a":1,"b":{}},"same":{"x":1}},
    "reported":{"on":false,"same":{"x":1,"y":2}},
    "metadata":{
        "desired":{"on":[1600000000500,3],"rgb":[1600000001000,4],"deep":{"a":[1600000002999,5],"b":{}},"same":{"x":[1,1]}},
        "reported":{"on":[1600000003000,2],"same":{"x":[4000,1],"y":[5000,1]}}}}"#;

#[test]
fn a_get_shows_sections_delta_and_stamps_but_no_tags() {
    let twin = document(TWIN);
    let message = Message::GetAccepted(Snapshot {
        id: None,
        document: twin.as_ref(),
        versions: Versions::all(Version::new(9)),
        timestamp: NOW,
    });
    assert_eq!(
        payload(SERVICE, lamp(), &message),
        concat!(
            r#"{"state":{"desired":{"on":true,"rgb":[1,2],"deep":{"a":1,"b":{}},"same":{"x":1}},"#,
            r#""reported":{"on":false,"same":{"x":1,"y":2}},"#,
            r#""delta":{"on":true,"rgb":[1,2],"deep":{"a":1,"b":{}}}},"#,
            r#""metadata":{"desired":{"on":{"timestamp":1600000000},"#,
            r#""rgb":[{"timestamp":1600000001},{"timestamp":1600000001}],"#,
            r#""deep":{"a":{"timestamp":1600000002},"b":{}},"same":{"x":{"timestamp":0}}},"#,
            r#""reported":{"on":{"timestamp":1600000003},"#,
            r#""same":{"x":{"timestamp":4},"y":{"timestamp":5}}}},"#,
            r#""version":9,"timestamp":1700000000}"#
        )
    );
    let nothing = Message::GetAccepted(Snapshot {
        id: None,
        document: DocumentRef::EMPTY,
        versions: Versions::all(Version::new(2)),
        timestamp: NOW,
    });
    assert_eq!(
        payload(SERVICE, lamp(), &nothing),
        r#"{"state":{},"metadata":{},"version":2,"timestamp":1700000000}"#
    );
}

#[test]
fn a_delta_carries_the_times_of_desired() {
    let twin = document(TWIN);
    let part = document(r#"{"rgb":[1,2],"deep":{"a":1}}"#);
    let delta = |metadata| {
        Message::Delta(Delta {
            id: RequestId::new("t"),
            patch: part.as_ref(),
            metadata,
            versions: Versions::all(Version::new(9)),
            timestamp: NOW,
        })
    };
    let metadata = twin.as_ref().at(&["metadata", "desired"]).unwrap();
    assert_eq!(
        payload(SERVICE, lamp(), &delta(metadata)),
        concat!(
            r#"{"state":{"rgb":[1,2],"deep":{"a":1}},"#,
            r#""metadata":{"rgb":[{"timestamp":1600000001},{"timestamp":1600000001}],"#,
            r#""deep":{"a":{"timestamp":1600000002}}},"#,
            r#""version":9,"timestamp":1700000000,"clientToken":"t"}"#
        )
    );
    let bare = payload(SERVICE, lamp(), &delta(DocumentRef::EMPTY));
    assert!(bare.contains(r#""metadata":{},"version":9"#), "{bare}");
}

#[test]
fn documents_show_before_and_after_without_delta() {
    let twin = document(r#"{"desired":{"a":1},"metadata":{"desired":{"a":[5000,1]}}}"#);
    let changed = |previous| {
        Message::Changed(Changed {
            id: None,
            previous,
            current: twin.as_ref(),
            versions: Versions::all(Version::new(2)),
            timestamp: NOW,
        })
    };
    let current = r#""current":{"state":{"desired":{"a":1}},"metadata":{"desired":{"a":{"timestamp":5}}},"version":2},"timestamp":1700000000}"#;
    assert_eq!(
        payload(SERVICE, lamp(), &changed(None)),
        format!(r#"{{"previous":null,{current}"#)
    );
    let absent = Service::new(Policy::new().with_previous_of_new(PreviousOfNew::Absent));
    assert_eq!(
        payload(absent, lamp(), &changed(None)),
        format!("{{{current}")
    );
    let before = Some((DocumentRef::EMPTY, Versions::all(Version::new(1))));
    assert_eq!(
        payload(SERVICE, lamp(), &changed(before)),
        format!(r#"{{"previous":{{"state":{{}},"metadata":{{}},"version":1}},{current}"#)
    );
}

#[test]
fn a_deletion_is_answered_with_the_deleted_version() {
    let message = Message::DeleteAccepted(Accepted {
        id: RequestId::new("t"),
        versions: Versions::all(Version::new(9)),
        patch: None,
        timestamp: NOW,
    });
    let mut out = [0; 256];
    let (topic, payload) = text(SERVICE.encode(settings(), &message, &mut out).unwrap());
    assert_eq!(
        topic,
        "$aws/things/lamp/shadow/name/settings/delete/accepted"
    );
    assert_eq!(
        payload,
        r#"{"version":9,"timestamp":1700000000,"clientToken":"t"}"#
    );
}

#[test]
fn the_twin_s_refusals_are_told_in_the_service_s_words() {
    let conflict = |actual| Rejected::Conflict {
        expected: Version::new(7),
        actual: Version::new(actual),
    };
    let section = Section::Desired;
    let too_large = Rejected::TooLarge {
        size: 8_582,
        limit: 8_192,
    };
    let capacity = Rejected::Capacity(CapacityError {
        needed: 9,
        capacity: 8,
    });
    for (cause, code, words) in [
        (
            Rejected::NotFound,
            404,
            "No shadow exists with name: 'lamp'",
        ),
        (conflict(3), 409, "Version conflict"),
        (conflict(0), 400, "Invalid version"),
        (
            Rejected::UnknownSection,
            400,
            "State contains an invalid node",
        ),
        (
            Rejected::NotAMap(section),
            400,
            "Desired node must be an object",
        ),
        (Rejected::Forbidden(section), 403, "Forbidden"),
        (Rejected::NullInArray(section), 400, "Invalid JSON"),
        (
            Rejected::TooDeep { section, limit: 6 },
            400,
            "JSON contains too many levels of nesting; maximum is 6",
        ),
        (
            too_large,
            413,
            "Json document too large.  Size is 8582, max allowed: 8192",
        ),
        (
            capacity,
            413,
            "The payload exceeds the maximum size allowed",
        ),
        (Rejected::Throttled, 429, "Too many requests"),
        (Rejected::Unavailable, 503, "Service unavailable"),
    ] {
        let message = rejection(Cause::Twin(cause), cause.status());
        assert_eq!(
            payload(SERVICE, lamp(), &message),
            format!(r#"{{"code":{code},"message":"{words}","clientToken":"t"}}"#)
        );
    }
    let named = rejection(Cause::Unstated, Status::NotFound);
    assert_eq!(
        payload(SERVICE, settings(), &named),
        r#"{"code":404,"message":"No shadow exists with name: 'settings'","clientToken":"t"}"#
    );
    let failed = rejection(Cause::Unstated, Status::Internal);
    let text = r#"{"code":500,"message":"Internal service failure","clientToken":"t"}"#;
    assert_eq!(payload(SERVICE, lamp(), &failed), text);
    let policy = Policy::new()
        .with_too_large_text(TooLargeText::Table)
        .with_new_version(NewVersion::Conflict)
        .with_null_in_array_text("no");
    for (cause, words) in [
        (too_large, "The payload exceeds the maximum size allowed"),
        (conflict(0), "Version conflict"),
        (Rejected::NullInArray(section), "no"),
    ] {
        let text = payload(
            Service::new(policy),
            lamp(),
            &rejection(Cause::Twin(cause), cause.status()),
        );
        assert!(text.contains(&format!(r#""message":"{words}""#)), "{text}");
    }
}

#[test]
fn an_answer_that_does_not_fit_says_exactly_what_is_needed() {
    let twin = document(TWIN);
    let message = Message::GetAccepted(Snapshot {
        id: RequestId::new("t"),
        document: twin.as_ref(),
        versions: Versions::all(Version::new(9)),
        timestamp: NOW,
    });
    let mut out = [0; 2048];
    let whole = SERVICE.encode(lamp(), &message, &mut out).unwrap();
    let needed = whole.topic.len() + whole.payload.len();
    for len in 0..needed {
        let error = SERVICE.encode(lamp(), &message, &mut out[..len]);
        let too_small = EncodeError::BufferTooSmall(BufferTooSmall { needed });
        assert_eq!(error, Err(too_small), "{len}");
    }
    assert!(SERVICE.encode(lamp(), &message, &mut out[..needed]).is_ok());
}

#[test]
fn what_is_no_answer_is_refused() {
    let mut out = [0; 256];
    let unchanged = Accepted {
        id: None,
        versions: Versions::default(),
        patch: None,
        timestamp: NOW,
    };
    for message in [
        Message::Get(Get::default()),
        Message::Delete(None),
        Message::GetUnchanged(unchanged),
        Message::UpdateAccepted(unchanged),
    ] {
        let encoded = SERVICE.encode(lamp(), &message, &mut out);
        assert_eq!(encoded, Err(EncodeError::Unsupported), "{message:?}");
    }
}

#[test]
fn the_size_of_a_shadow_is_that_of_its_two_sections() {
    let twin =
        document(r#"{"desired":{"a":1},"reported":{"bc":"d"},"tags":{"x":1},"metadata":{}}"#);
    assert_eq!(super::super::document_bytes(twin.as_ref()), 7 + 10);
    let mut out = Document::<64>::new();
    delta(twin.as_ref(), twin.as_ref(), &mut out.as_mut()).unwrap();
    assert!(out.is_empty());
    assert_eq!(Fault::TooLarge.status(), Status::TooLarge);
}
