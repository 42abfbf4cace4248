//! Topics, by table.

use super::super::{Client, DecodeError, Lane, Party, Prefix, Topic, TopicError};
use crate::document::Document;
use crate::protocol::{TwinId, Wanted};

fn parsed(topic: &str) -> Result<Topic<'_>, TopicError> {
    Topic::parse(Prefix::DEFAULT, topic)
}

#[test]
fn a_topic_is_read_by_position() {
    let topic = |name, party, lane| {
        Ok(Topic {
            id: TwinId::new("lamp", name).unwrap(),
            party,
            lane,
        })
    };
    use Lane::{Down, Events, Up};
    assert_eq!(parsed("t/lamp/u"), topic(None, Party::Device, Up));
    assert_eq!(parsed("t/lamp/d"), topic(None, Party::Device, Down));
    assert_eq!(parsed("t/lamp/u/u"), topic(Some("u"), Party::Device, Up));
    assert_eq!(parsed("t!/lamp/u"), topic(None, Party::BackEnd, Up));
    assert_eq!(
        parsed("t!/lamp/e/d"),
        topic(Some("d"), Party::BackEnd, Events)
    );
    for (wrong, error) in [
        ("", TopicError::Prefix),
        ("x/lamp/u", TopicError::Prefix),
        ("tx/lamp/u", TopicError::Prefix),
        ("t!!/lamp/u", TopicError::Prefix),
        ("/t/lamp/u", TopicError::Prefix),
        ("t/lamp", TopicError::Lane),
        ("t//u", TopicError::Device),
        ("t/+/u", TopicError::Device),
        ("t/lamp/x", TopicError::Lane),
        ("t/lamp/U", TopicError::Lane),
        ("t/lamp/uu", TopicError::Lane),
        ("t/lamp/u/", TopicError::Name),
        ("t/lamp/u/a/b", TopicError::Name),
        ("t/lamp/u/#", TopicError::Name),
    ] {
        assert_eq!(parsed(wrong), Err(error), "{wrong}");
    }
}

#[test]
fn a_prefix_is_levels_of_text() {
    for good in ["t", "a/b/c", "a!/b", "é", "!a"] {
        assert!(Prefix::new(good).is_some(), "{good}");
    }
    let long = [b'a'; 65];
    let long = core::str::from_utf8(&long).unwrap();
    for bad in [
        "", "/", "a/", "/a", "a//b", "a+", "#", "$sys", "a!", "a\n", long,
    ] {
        assert!(Prefix::new(bad).is_none(), "{bad:?}");
    }
}

#[test]
fn what_others_are_told_is_foreign() {
    let mut scratch = Document::<64>::new();
    let mut error = |topic| {
        let decoded = super::device().decode(topic, &[4], Wanted::Sections, scratch.as_mut());
        decoded.unwrap_err()
    };
    for topic in [
        "t/lamp2/d",
        "t/lam/d",
        "t/lamp/d/x",
        "x/lamp/d",
        "t!/lamp/d",
        "t!/lamp/e",
        "t/lamp/dd",
    ] {
        assert_eq!(
            error(topic),
            DecodeError::Topic(TopicError::Foreign),
            "{topic}"
        );
    }
    assert_eq!(error("t/lamp/u"), DecodeError::Topic(TopicError::Lane));
}

#[test]
fn a_client_says_what_to_subscribe_to() {
    let mut out = [0; Topic::MAX_LEN];
    let named = TwinId::new("lamp", Some("net")).unwrap();
    let prefix = Prefix::new("site/t").unwrap();
    let device = Client::device(prefix, named);
    assert_eq!(
        device.topic(device.subscription(), &mut out),
        Ok("site/t/lamp/d/net")
    );
    let back_end = Client::back_end(prefix, named);
    assert_eq!(
        back_end.topic(Lane::Events, &mut out),
        Ok("site/t!/lamp/e/net")
    );
    let error = device.topic(Lane::Up, &mut out[..16]).unwrap_err();
    assert_eq!(error.needed, 17);
}
