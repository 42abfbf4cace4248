//! Tags are the service's: whatever a hub sends through any adapter, a device never sees one.
//!
//! A new adapter adds itself to [`ADAPTERS`]. An answer to a request that writes tags, which the service itself has
//! asked, is either no message of the adapter or does not show them.

#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test: what goes wrong is to be seen"
)]

use twinsync::adapter::{EncodeError, aws};
use twinsync::codec::json;
use twinsync::document::Document;
use twinsync::hub::{Config, HubEngine, InMemory, Notify};
use twinsync::protocol::{Get, Message, RequestId, TwinId, UpdateRequest};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::{Policy, Update};

/// How an adapter spells what a hub sends: topic or path, then payload; nothing if it has no words for it.
type Spell = fn(TwinId<'_>, &Message<'_>) -> Vec<u8>;

const ADAPTERS: &[(&str, Spell)] = &[("aws", |id, message| {
    let mut out = vec![0; 16 * 1024];
    let service = aws::Service::new(aws::Policy::new());
    match service.encode(id, message, &mut out) {
        Ok(publish) => [publish.topic.as_bytes(), publish.payload].concat(),
        Err(EncodeError::Unsupported) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
})];

/// What a back-end writes and a device asks, in this order. What is secret stands in tags only.
const UPDATES: [&str; 7] = [
    r#"{"tags":{"secretA":"secretB","place":{"secretC":1}},"desired":{"rate":1}}"#,
    r#"{"reported":{"rate":2}}"#,
    r#"{"tags":{"secretA":null,"secretD":"secretE"}}"#,
    r#"{"desired":{"rate":3},"tags":{"place":{"secretF":["secretG"]}}}"#,
    r#"{"reported":{"rate":3}}"#,
    r#"{"desired":{"tags":"not these"},"tags":{"secretH":{}}}"#,
    r#"{"tags":null}"#,
];

#[test]
fn no_message_of_any_adapter_holds_a_tag() {
    for (name, spell) in ADAPTERS {
        for metadata in [false, true] {
            let (sent, tagged) = conversation(*spell, metadata);
            assert!(
                sent.len() > 15,
                "{name}: answers, deltas and documents were sent"
            );
            assert!(tagged, "the hub keeps the tags");
            for bytes in sent {
                let text = String::from_utf8_lossy(&bytes);
                assert!(!text.contains("secret"), "{name}: {text}");
            }
        }
    }
}

/// All that the hub sends, and whether it kept tags.
fn conversation(spell: Spell, metadata: bool) -> (Vec<Vec<u8>>, bool) {
    let everything = Notify {
        delta: true,
        desired_patch: false,
        desired: false,
        changed: true,
    };
    let policy = Policy::new().with_metadata(metadata);
    let config = Config::new().with_policy(policy).with_notify(everything);
    let mut hub = HubEngine::<_, 4096>::new(InMemory::new(), config);
    let thing = TwinId::new("thing-1", None).unwrap();
    let id = RequestId::new("7");
    let now = Now::new(Instant::ZERO, Timestamp::from_secs(1_700_000_000));
    let (mut sent, mut tagged) = (Vec::new(), false);
    for text in UPDATES {
        let mut patch = Document::<512>::new();
        json::read(text.as_bytes(), patch.as_mut()).unwrap();
        let update = Update::merge(patch.as_ref());
        let update = Message::Update(UpdateRequest { id, update });
        let get = Message::Get(Get {
            id,
            ..Get::default()
        });
        for message in [update, get] {
            hub.handle_message(now, thing, message).unwrap();
            while let Some(transmit) = hub.poll_transmit() {
                let bytes = spell(transmit.id, &transmit.message);
                if !bytes.is_empty() {
                    sent.push(bytes);
                }
                transmit.sent();
            }
        }
        let twin = hub.registry().twin(thing).expect("it was made");
        tagged |= twin
            .document()
            .value(&["tags", "place", "secretC"])
            .is_some();
    }
    (sent, tagged)
}
