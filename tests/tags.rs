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

use twinsync::adapter::coap::{self, Access, AnswerError, Code, MessageWriter, Names, Type};
use twinsync::adapter::{EncodeError, Publish, aws, azure, native};
use twinsync::codec::json;
use twinsync::document::Document;
use twinsync::hub::{Config, HubEngine, InMemory, Notify};
use twinsync::protocol::{Get, Message, RequestId, TwinId, UpdateRequest, Wanted};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::{Policy, Update};

/// How an adapter spells what a hub sends where a device can hear it: topic, then payload, or a datagram;
/// nothing if it has no words for it, or if back-ends alone hear it.
type Spell = fn(TwinId<'_>, &Message<'_>) -> Vec<u8>;

const ADAPTERS: &[(&str, Spell)] = &[
    ("aws", |id, message| {
        let mut out = vec![0; 16 * 1024];
        let service = aws::Service::new(aws::Policy::new());
        bytes(service.encode(id, message, &mut out))
    }),
    ("azure", |_, message| {
        let mut out = vec![0; 16 * 1024];
        let service = azure::Service::new(azure::Policy::new());
        bytes(service.encode(message, &mut out))
    }),
    ("native", |id, message| {
        let mut out = vec![0; 16 * 1024];
        let service = native::Service::new(native::Prefix::DEFAULT);
        let sent = bytes(service.encode(native::Asker::DEVICE, id, message, &mut out));
        // Back-ends have topics of their own, which a device can not read.
        match sent.starts_with(b"t/") {
            true => sent,
            false => Vec::new(),
        }
    }),
    ("coap", |id, message| {
        let datagram = |write: &mut dyn FnMut(&mut MessageWriter<'_>) -> bool| {
            let mut out = vec![0; 4 * 1024];
            let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::EMPTY, 1, b"t");
            let written = write(&mut writer);
            let len = writer.finish().unwrap();
            out.truncate(if written { len } else { 0 });
            out
        };
        let client = coap::Client::<coap::Json>::new("twins", id).unwrap();
        let get = Message::Get(Get::default());
        let asked = datagram(&mut |out| client.encode(&get, Wanted::Sections, out).is_ok());
        let request = coap::Message::parse(&asked).unwrap();
        let service = coap::Service::new("twins");
        let (mut names, mut read) = (Names::new(), Document::<64>::new());
        let access = Access::Device(id.device());
        let call = service
            .decode(access, &request, &[], &mut names, read.as_mut())
            .unwrap();
        let (mut shown, mut text) = (Document::<4096>::new(), vec![0; 4096]);
        datagram(&mut |out| match service.encode(
            &call.reply,
            message,
            shown.as_mut(),
            &mut text,
            out,
        ) {
            Ok(_) => true,
            Err(AnswerError::Unsupported) => false,
            Err(error) => panic!("{error:?}"),
        })
    }),
];

fn bytes(publish: Result<Publish<'_>, EncodeError>) -> Vec<u8> {
    match publish {
        Ok(publish) => [publish.topic.as_bytes(), publish.payload].concat(),
        Err(EncodeError::Unsupported) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

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
                "{name}: answers and notifications were sent, {}",
                sent.len()
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
        desired_patch: true,
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
