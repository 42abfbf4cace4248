use super::super::{
    Breach, Fault, Identity, KeyCharacters, OwnMembers, Policy, RequestError, Service, TopicError,
    size, twin_id,
};
use super::{NOW, TIME, document, lamp, service, text};
use crate::codec::json::Writer;
use crate::document::Document;
use crate::document::DocumentRef;
use crate::error::Status;
use crate::protocol::Accepted;
use crate::protocol::Cause;
use crate::protocol::Delta;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::Snapshot;
use crate::protocol::Versions;
use crate::time::Timestamp;
use crate::twin::Origin;
use crate::twin::Precondition;
use crate::twin::Rejected;
use crate::twin::Section;
use crate::twin::Twin;
use crate::twin::TwinRef;
use crate::twin::Update;
use crate::twin::Version;
use crate::twin::apply;
use alloc::string::String;
use alloc::vec::Vec;

const REPORT: &str = "$iothub/twin/PATCH/properties/reported/?$rid=5de34";

/// What a report is refused for.
fn refused(service: Service, topic: &str, payload: &str) -> Option<String> {
    let mut scratch = Document::<8192>::new();
    match service.decode(lamp(), topic, payload.as_bytes(), scratch.as_mut()) {
        Ok(_) => None,
        Err(RequestError::Refused(refusal)) => {
            assert_eq!(refusal.id, lamp());
            let mut out = [0; 1024];
            let (topic, body) = text(service.refuse(&refusal, NOW, &mut out).unwrap());
            Some(alloc::format!("{topic} {body}"))
        }
        Err(RequestError::Topic(error)) => panic!("{error}"),
    }
}

#[test]
fn a_report_is_an_update_of_the_connections_own_twin() {
    let mut scratch = Document::<128>::new();
    let topic = "$iothub/twin/PATCH/properties/reported/?$rid=5de34&$version=3";
    let module = twin_id("lamp", Some("fan")).unwrap();
    let decoded = service().decode(module, topic, br#"{"on":true}"#, scratch.as_mut());
    let Ok((id, Message::Update(request))) = decoded else {
        panic!("{decoded:?}");
    };
    assert_eq!((id, request.id), (module, RequestId::new("5de34")));
    let update = request.update;
    assert_eq!(
        update.patch,
        document(r#"{"reported":{"on":true}}"#).as_ref()
    );
    assert_eq!(update.origin, Origin::Device);
    // Numbers count from 1 on the wire.
    assert_eq!(
        update.precondition,
        Precondition::SectionVersion(Section::Reported, Version::new(2))
    );
}

#[test]
fn a_get_is_one_whatever_it_carries() {
    for payload in [&b""[..], b" ", b"{", &[0xFF; 100]] {
        let mut scratch = Document::<16>::new();
        let topic = "$iothub/twin/GET/?$rid=%20a";
        let decoded = service().decode(lamp(), topic, payload, scratch.as_mut());
        let Ok((_, Message::Get(get))) = decoded else {
            panic!("{decoded:?}");
        };
        assert_eq!(get.id, RequestId::new("%20a"), "passed through as it is");
    }
}

#[test]
fn topics_that_ask_for_nothing_are_not_answered() {
    for (topic, error) in [
        ("$iothub/twin/get/?$rid=1", TopicError::Operation),
        ("$iothub/twin/GET/lamp/?$rid=1", TopicError::Operation),
        ("$iothub/twin/res/200/?$rid=1", TopicError::Side),
        (
            "$iothub/twin/PATCH/properties/desired/?$version=1",
            TopicError::Side,
        ),
        ("devices/other/$iothub/twin/GET/?$rid=1", TopicError::Prefix),
        ("devices/lamp/messages/events/", TopicError::Prefix),
    ] {
        let mut scratch = Document::<16>::new();
        let decoded = service().decode(lamp(), topic, b"", scratch.as_mut());
        assert_eq!(decoded, Err(RequestError::Topic(error)), "{topic}");
    }
}

#[test]
fn refusals_carry_an_error_code_and_echo_the_id() {
    let answer = refused(service(), REPORT, r#"{"a":[{"b":null}]}"#).unwrap();
    assert_eq!(
        answer,
        alloc::format!(
            "$iothub/twin/res/400/?$rid=5de34 {{\"errorCode\":400004,\"trackingId\":\"5de34\",\
             \"message\":\"Value of Property or Tag cannot be null. Error inProperty/Tag b\",\
             \"timestampUtc\":\"{TIME}\"}}"
        )
    );
    for (topic, payload, words) in [
        (REPORT, "{\"a\":", "not valid JSON at byte 5"),
        (REPORT, "[]", "not an object"),
        (REPORT, "", "not valid JSON at byte 0"),
        (
            REPORT,
            r#"{"$version":1}"#,
            "contains invalid character '$'",
        ),
        (
            REPORT,
            r#"{"a":{"b.c":1}}"#,
            "Property name b.c contains invalid character '.'",
        ),
        (REPORT, r#"{"a b":1}"#, "' '"),
        (REPORT, "{\"a\\u0085\":1}", "invalid character"),
        (
            REPORT,
            r#"{"n":4503599627370496}"#,
            "Property n has an out of bound value",
        ),
        (REPORT, r#"{"n":-4503599627370497}"#, "out of bound"),
        (REPORT, r#"{"n":1e30}"#, "out of bound"),
        (
            "$iothub/twin/PATCH/properties/reported/?$rid=1&$version=x",
            "{}",
            "not a whole number",
        ),
        (
            "$iothub/twin/PATCH/properties/reported/?$rid=1&$version=0",
            "{}",
            "res/412",
        ),
    ] {
        let answer = refused(service(), topic, payload).unwrap_or_default();
        assert!(answer.contains(words), "{payload}: {answer}");
    }
    let long = alloc::format!(r#"{{"s":"{}"}}"#, "x".repeat(4_097));
    let answer = refused(service(), REPORT, &long).unwrap();
    assert!(answer.contains("has length 4097 that exceeds maximum length of 4096"));
    let long = alloc::format!("$iothub/twin/GET/?$rid={}", "x".repeat(65));
    let answer = refused(service(), &long, "").unwrap();
    assert!(answer.contains("longer than 64 bytes"), "{answer}");
}

#[test]
fn what_the_guide_allows_is_taken() {
    for payload in [
        "{}",
        r#"{"n":4503599627370495,"m":-4503599627370496,"f":0.000001}"#,
        r##"{"a#":1,"gone":null,"list":[1,[2,{"a":"b"}]]}"##,
        r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":{"j":{}}}}}}}}}}}"#,
    ] {
        assert_eq!(refused(service(), REPORT, payload), None, "{payload}");
    }
    let deep = r#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":{"h":{"i":{"j":[[]]}}}}}}}}}}"#;
    let answer = refused(service(), REPORT, deep).unwrap();
    assert!(answer.contains("Nested depth of twin property exceeds 10"));
}

#[test]
fn the_policy_decides_what_is_open() {
    let edge = Service::new(Policy::new().with_key_characters(KeyCharacters::Edge));
    for payload in [r##"{"a#":1}"##, "{\"a\\u3000b\":1}"] {
        assert!(refused(edge, REPORT, payload).is_some());
        assert_eq!(refused(service(), REPORT, payload), None);
    }
    let lenient = Service::new(Policy::new().with_own_members(OwnMembers::Ignored));
    let mut scratch = Document::<128>::new();
    let body = br#"{"on":true,"$version":4,"$metadata":{"on":{}}}"#;
    let decoded = lenient.decode(lamp(), REPORT, body, scratch.as_mut());
    let Ok((_, Message::Update(request))) = decoded else {
        panic!("{decoded:?}");
    };
    let wanted = document(r#"{"reported":{"on":true}}"#);
    assert_eq!(request.update.patch, wanted.as_ref());
}

#[test]
fn answers_and_notifications_are_spelled_for_one_connection() {
    let twin = document(
        r#"{"desired":{"on":true},"tags":{"room":"k"},"metadata":{"desired":{"on":[1,2]}}}"#,
    );
    let versions = Versions {
        twin: Version::new(9),
        desired: Version::new(4),
        reported: Version::ZERO,
    };
    let id = RequestId::new("a%2F");
    let mut out = [0; 512];
    let got = Message::GetAccepted(Snapshot {
        id,
        document: twin.as_ref(),
        versions,
        timestamp: NOW,
    });
    assert_eq!(
        text(service().encode(&got, &mut out).unwrap()),
        (
            "$iothub/twin/res/200/?$rid=a%2F".into(),
            r#"{"desired":{"on":true,"$version":5},"reported":{"$version":1}}"#.into()
        )
    );
    let accepted = Message::UpdateAccepted(Accepted {
        id,
        versions,
        patch: Some(twin.as_ref()),
        timestamp: NOW,
    });
    assert_eq!(
        text(service().encode(&accepted, &mut out).unwrap()),
        (
            "$iothub/twin/res/204/?$rid=a%2F&$version=1".into(),
            "".into()
        )
    );
    let patch = document(r#"{"on":null,"mode":"eco"}"#);
    let change = Message::DesiredPatch(Delta {
        id,
        patch: patch.as_ref(),
        metadata: DocumentRef::EMPTY,
        versions,
        timestamp: NOW,
    });
    assert_eq!(
        text(service().encode(&change, &mut out).unwrap()),
        (
            "$iothub/twin/PATCH/properties/desired/?$version=5".into(),
            r#"{"on":null,"mode":"eco","$version":5}"#.into()
        )
    );
}

#[test]
fn the_hubs_verdicts_have_the_services_words() {
    for (cause, code, error_code, words) in [
        (
            Rejected::TooLarge {
                size: 40_000,
                limit: 32_768,
            },
            403,
            403_100,
            "'Properties.Reported' size should be less than 32768 bytes.",
        ),
        (Rejected::PreconditionFailed, 412, 412_001, "does not match"),
        (Rejected::NotFound, 404, 404_001, "not registered"),
        (Rejected::Throttled, 429, 429_001, "Too many"),
        (Rejected::Unavailable, 503, 503_001, "not available"),
        (
            Rejected::NullInArray(Section::Reported),
            400,
            400_004,
            "cannot be null",
        ),
    ] {
        let message = Message::Rejected(Rejection {
            id: RequestId::new("1"),
            request: RequestKind::Update,
            status: cause.status(),
            cause: Cause::Twin(cause),
            timestamp: NOW,
        });
        let mut out = [0; 512];
        let (topic, body) = text(service().encode(&message, &mut out).unwrap());
        assert_eq!(topic, alloc::format!("$iothub/twin/res/{code}/?$rid=1"));
        assert!(
            body.starts_with(&alloc::format!("{{\"errorCode\":{error_code},")),
            "{body}"
        );
        assert!(body.contains(words), "{body}");
    }
}

#[test]
fn sizes_are_counted_in_characters() {
    for (section, wanted) in [
        ("{}", 0),
        (r#"{"a":1,"b":true,"cc":"ä€"}"#, 1 + 8 + 1 + 4 + 2 + 2),
        (r#"{"a":{"b":[1,2,"x"]}}"#, 1 + 1 + 8 + 8 + 1),
        ("{\"a\":\"1\\n2\\u0085\"}", 1 + 2),
    ] {
        assert_eq!(size(document(section).as_ref()), wanted, "{section}");
    }
}

/// A twin after these updates, a second apart.
fn twin(updates: &[&str]) -> Twin<2048> {
    let policy = Policy::new().twin().with_create(true);
    let mut twin = Twin::new();
    for (index, update) in updates.iter().enumerate() {
        let patch = document(update);
        let at = Timestamp::from_secs(1_700_000_000 + u64::try_from(index).unwrap());
        let before: Twin<2048> = twin.clone();
        let update = Update::merge(patch.as_ref());
        apply(before.as_ref(), &update, at, &policy, &mut twin.as_mut()).unwrap();
    }
    twin
}

fn shown(twin: TwinRef<'_>) -> String {
    let mut out = [0; 4096];
    let mut writer = Writer::new(&mut out);
    service().write_twin(&Identity::new(lamp()), twin, &mut writer);
    let len = writer.finish().unwrap();
    String::from_utf8(out[..len].to_vec()).unwrap()
}

#[test]
fn a_new_twin_is_what_the_service_shows() {
    let text = shown(twin(&["{}"]).as_ref());
    for part in [
        r#""deviceId":"lamp""#,
        r#""version":2,"tags":{}"#,
        r#""desired":{"$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z","$lastUpdatedVersion":1},"$version":1}"#,
        r#""reported":{"$metadata":{"$lastUpdated":"0001-01-01T00:00:00Z"},"$version":1}"#,
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn metadata_stands_at_every_leaf_and_is_the_latest_at_every_object() {
    let twin = twin(&[
        "{}",
        r#"{"desired":{"a":{"b":1,"c":[1,{"d":2}]},"e":true}}"#,
        r#"{"desired":{"a":{"b":2}},"reported":{"f":{"g":{}}}}"#,
    ]);
    let text = shown(twin.as_ref());
    let at =
        |second: u8| alloc::format!("\"$lastUpdated\":\"2023-11-14T22:13:2{second}.0000000Z\"");
    let (one, two) = (at(1), at(2));
    let desired = alloc::format!(
        "\"$metadata\":{{\"a\":{{\
         \"b\":{{{two},\"$lastUpdatedVersion\":3}},\
         \"c\":{{{one},\"$lastUpdatedVersion\":2}},\
         {two},\"$lastUpdatedVersion\":3}},\
         \"e\":{{{one},\"$lastUpdatedVersion\":2}},\
         {two},\"$lastUpdatedVersion\":3}},\"$version\":3}}"
    );
    assert!(text.contains(&desired), "{desired}\nin\n{text}");
    let _: serde_json::Value = serde_json::from_str(&text).unwrap();
    let keys: Vec<&str> = text.matches("$lastUpdatedVersion").collect();
    assert_eq!(keys.len(), 5, "in desired alone");
}

#[test]
fn reports_leave_the_etag_as_it_is() {
    use super::super::EntityTag;
    let before = twin(&["{}", r#"{"desired":{"a":1}}"#]);
    let after = twin(&["{}", r#"{"desired":{"a":1}}"#, r#"{"reported":{"a":1}}"#]);
    let other = twin(&["{}", r#"{"desired":{"a":1},"tags":{"b":1}}"#]);
    let of = |twin: &Twin<2048>| EntityTag::of(twin.as_ref());
    assert_eq!(of(&before), of(&after));
    assert_ne!(of(&before), of(&other));
}

#[test]
fn faults_have_one_verdict_each() {
    assert_eq!(Fault::Encoding.status(), Status::UnsupportedEncoding);
    assert_eq!(Fault::Path.status(), Status::NotFound);
    let breach = Breach::Integer { key: "n" };
    assert_eq!(Fault::Content(breach).status(), Status::Invalid);
    assert_eq!(
        alloc::format!("{}", Fault::Content(breach)),
        "\"n\" is out of the range of whole numbers"
    );
}
