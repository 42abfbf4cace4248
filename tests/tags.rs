//! Tags are the service's: whatever a hub sends through any adapter, a device never sees one.
//!
//! A new adapter adds itself to [`ADAPTERS`]. An answer to a request that writes tags, which the service itself has
//! asked, is either no message of the adapter or does not show them.

#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test: what goes wrong is to be seen"
)]

use twinsync::adapter::coap::{self, Code};
use twinsync::adapter::native::{self, Party};
use twinsync::adapter::{EncodeError, Publish, aws, azure};
use twinsync::codec::json;
use twinsync::document::Document;
use twinsync::hub::{Config, HubEngine, InMemory, Notify};
use twinsync::protocol::{Get, Message, RequestId, TwinId, UpdateRequest};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::{Policy, Update};

/// How an adapter spells what a hub sends: topic or path, then payload; nothing if it has no words for it.
type Spell = fn(TwinId<'_>, &Message<'_>) -> Vec<u8>;

const ADAPTERS: &[(&str, Spell)] = &[
    ("aws", |id, message| {
        let service = aws::Service::new(aws::Policy::new());
        published(&service.encode(id, message, &mut vec![0; 16 * 1024]))
    }),
    ("azure", |_, message| {
        let service = azure::Service::new(azure::Policy::new());
        published(&service.encode(message, &mut vec![0; 16 * 1024]))
    }),
    ("native", |id, message| native(id, message, Party::Device)),
    ("coap", coap),
];

fn published(publish: &Result<Publish<'_>, EncodeError>) -> Vec<u8> {
    match publish {
        Ok(publish) => [publish.topic.as_bytes(), publish.payload].concat(),
        Err(EncodeError::Unsupported) => Vec::new(),
        Err(error) => panic!("{error}"),
    }
}

/// What goes out on this party's topics, answering this party.
fn native(id: TwinId<'_>, message: &Message<'_>, party: Party) -> Vec<u8> {
    let prefix = native::Prefix::DEFAULT;
    let metadata = true;
    let mut out = vec![0; 16 * 1024];
    let publish = native::Service::new(prefix).encode(
        native::Asker { party, metadata },
        id,
        message,
        &mut out,
    );
    match &publish {
        Ok(sent) if native::Topic::parse(prefix, sent.topic).unwrap().party != party => Vec::new(),
        _ => published(&publish),
    }
}

/// The message as the answer to each of a device's questions, and as a notification of each.
fn coap(_: TwinId<'_>, message: &Message<'_>) -> Vec<u8> {
    let service = coap::Service::new("twins");
    let mut all = Vec::new();
    for (code, part, body) in [
        (Code::GET, "", ""),
        (Code::GET, "desired", ""),
        (Code::GET, "reported", ""),
        (Code::GET, "delta", ""),
        (Code::FETCH, "", r#"["/tags","/tags/secretA","/desired"]"#),
        (Code::IPATCH, "reported", "{}"),
    ] {
        let mut datagram = [0; 256];
        let mut request =
            coap::MessageWriter::new(&mut datagram, coap::Type::Confirmable, code, 1, b"t");
        let path = ["twins", "thing-1", part].into_iter();
        for step in path.filter(|step| !step.is_empty()) {
            request.option(coap::option::URI_PATH, step.as_bytes());
        }
        request.payload(body.as_bytes());
        let len = request.finish().unwrap();
        let request = coap::Message::parse(&datagram[..len]).unwrap();
        let (mut names, mut document) = (coap::Names::new(), Document::<512>::new());
        let access = coap::Access::Device("thing-1");
        let call = service
            .decode(
                access,
                &request,
                body.as_bytes(),
                &mut names,
                document.as_mut(),
            )
            .unwrap();
        let watch = call.reply.watch();
        for reply in [call.reply, watch.notify(2)] {
            let (mut shown, mut text) = (Document::<4096>::new(), [0; 4096]);
            let mut answer = vec![0; 4096];
            let mut out =
                coap::MessageWriter::new(&mut answer, coap::Type::Confirmable, code, 2, b"t");
            if service
                .encode(&reply, message, shown.as_mut(), &mut text, &mut out)
                .is_ok()
            {
                let len = out.finish().unwrap();
                all.extend_from_slice(&answer[..len]);
            }
        }
    }
    all
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

/// Else nothing above would be seen.
#[test]
fn a_back_end_is_shown_the_tags_of_the_same_conversation() {
    let (sent, _) = conversation(|id, message| native(id, message, Party::BackEnd), false);
    let shown = sent
        .iter()
        .filter(|bytes| String::from_utf8_lossy(bytes).contains("secretB"));
    assert!(shown.count() > 0);
}

/// All that the hub sends, and whether it kept tags.
fn conversation(spell: Spell, metadata: bool) -> (Vec<Vec<u8>>, bool) {
    let everything = Notify {
        delta: true,
        desired_patch: true,
        desired: true,
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
