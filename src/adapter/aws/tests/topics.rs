use super::super::{NameError, Purpose, Topic, TopicError, shadow, status};
use super::{Client, lamp, settings};
use crate::error::Status;
use crate::protocol::TwinId;
use alloc::format;
use alloc::string::ToString;

#[test]
fn each_topic_is_read_as_it_was_written() {
    for id in [lamp(), settings()] {
        for purpose in Purpose::ALL {
            let topic = Topic { id, purpose };
            assert_eq!(Topic::parse(&topic.to_string()), Ok(topic));
            let client = Client::new(id).unwrap();
            assert_eq!(client.purpose(&topic.to_string()), Some(purpose));
            let mut out = [0; Topic::MAX_LEN];
            assert_eq!(client.topic(purpose, &mut out), Ok(&*topic.to_string()));
        }
    }
}

#[test]
fn shadows_may_be_called_like_the_levels_around_them() {
    for name in [
        "get", "update", "name", "shadow", "accepted", "things", "$aws",
    ] {
        let id = shadow("shadow", Some(name)).unwrap();
        for purpose in Purpose::ALL {
            let topic = Topic { id, purpose };
            assert_eq!(Topic::parse(&topic.to_string()), Ok(topic));
        }
    }
}

#[test]
fn the_first_wrong_level_is_named() {
    let parse = |topic| Topic::parse(topic).unwrap_err();
    for topic in [
        "",
        "$aws",
        "$aws/things",
        "$AWS/things/a/shadow/get",
        "a/b",
        "/$aws/things/",
    ] {
        assert_eq!(parse(topic), TopicError::Prefix, "{topic}");
    }
    for topic in [
        "$aws/things/",
        "$aws/things//shadow/get",
        "$aws/things/a",
        "$aws/things/a b/shadow/get",
    ] {
        assert_eq!(parse(topic), TopicError::Thing, "{topic}");
    }
    for topic in [
        "$aws/things/a/",
        "$aws/things/a/Shadow/get",
        "$aws/things/a/b/shadow/get",
    ] {
        assert_eq!(parse(topic), TopicError::Root, "{topic}");
    }
    for topic in [
        "$aws/things/a/shadow/name/",
        "$aws/things/a/shadow/name//get",
        "$aws/things/a/shadow/name/b",
        "$aws/things/a/shadow/name/b+/get",
    ] {
        assert_eq!(parse(topic), TopicError::Shadow, "{topic}");
    }
    for topic in [
        "$aws/things/a/shadow",
        "$aws/things/a/shadow/",
        "$aws/things/a/shadowget",
        "$aws/things/a/shadow/gets",
        "$aws/things/a/shadow/get/",
        "$aws/things/a/shadow/get/accepted/more",
        "$aws/things/a/shadow/get/delta",
        "$aws/things/a/shadow/Get",
        "$aws/things/a/shadow/name",
        "$aws/things/a/shadow/name/b/",
        "$aws/things/a/shadow/name/b/name/c/get",
    ] {
        assert_eq!(parse(topic), TopicError::Purpose, "{topic}");
    }
}

#[test]
fn names_follow_the_rules_of_the_service() {
    let long = "t".repeat(129);
    assert_eq!(shadow("", None), Err(NameError::ThingMissing));
    assert_eq!(shadow(&long, None), Err(NameError::ThingTooLong));
    assert!(shadow(&long[..128], Some(&long[..64])).is_ok());
    assert_eq!(
        shadow("a", Some(&long[..65])),
        Err(NameError::ShadowTooLong)
    );
    assert_eq!(shadow("$a", None), Err(NameError::ThingCharacter));
    assert_eq!(shadow("é", None), Err(NameError::ThingCharacter));
    assert_eq!(shadow("a", Some("b.c")), Err(NameError::ShadowCharacter));
    assert!(shadow("a:B_9-", Some("$a:B_9-")).is_ok());
    assert_eq!(shadow("a", Some("")).unwrap().name(), None);
    let foreign = TwinId::new("a b", None).unwrap();
    assert_eq!(Client::new(foreign), Err(NameError::ThingCharacter));
}

#[test]
fn the_longest_topic_is_as_long_as_it_says() {
    let (thing, name) = ("t".repeat(128), "s".repeat(64));
    let topic = Topic {
        id: shadow(&thing, Some(&name)).unwrap(),
        purpose: Purpose::UpdateDocuments,
    };
    assert_eq!(topic.to_string().len(), Topic::MAX_LEN);
    assert_eq!(Topic::parse(&topic.to_string()), Ok(topic));
}

#[test]
fn a_client_sees_no_other_shadow() {
    let client = Client::new(lamp()).unwrap();
    let named = Client::new(settings()).unwrap();
    for foreign in [
        "$aws/things/lamp2/shadow/get/accepted",
        "$aws/things/lam/shadow/get/accepted",
        "$aws/things/lamp/shadow/name/settings2/get/accepted",
        "$aws/things/lamp/shadow/name/setting/get/accepted",
        "$aws/things/Lamp/shadow/get/accepted",
    ] {
        assert_eq!(client.purpose(foreign), None, "{foreign}");
        assert_eq!(named.purpose(foreign), None, "{foreign}");
    }
    assert_eq!(named.purpose("$aws/things/lamp/shadow/get/accepted"), None);
    let of_named = "$aws/things/lamp/shadow/name/settings/get/accepted";
    assert_eq!(client.purpose(of_named), None);
}

#[test]
fn every_status_has_one_code_that_leads_back() {
    for status in [
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
    ] {
        assert_eq!(status::status(status::code(status)), status);
    }
    assert_eq!(status::status(405), Status::Invalid);
    assert_eq!(status::status(504), Status::Unavailable);
    assert_eq!(status::status(599), Status::Internal);
    assert_eq!(format!("{}", TopicError::Prefix), "not a topic of a thing");
}
