//! The native service's side: whatever is published to it is understood, refused or ignored; refusals
//! and the hub's answers can be spelled, and who asked understands them; no other twin than the topic's
//! is touched, and no device writes desired or tags.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::adapter::native::{Asker, Client, Party, Prefix, RequestError, Service};
use twinsync::document::{Document, DocumentRef};
use twinsync::hub::{Config, HubEngine, InMemory};
use twinsync::protocol::{TwinId, Wanted};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::Section;
use twinsync_fuzz::Input;

const TOPICS: [&str; 6] = ["t/a/u", "t!/a/u", "t/b/u/n", "t!/b/u/n", "t/a/d", "t!/a/e"];

fuzz_target!(|bytes: &[u8]| {
    let service = Service::new(Prefix::DEFAULT);
    let mut hub = HubEngine::<_, 2048>::new(InMemory::new(), Config::new());
    let mut input = Input::new(bytes);
    let mut out = vec![0; 65_536];
    let mut seconds = 0;
    while !input.is_empty() {
        seconds += 1;
        let choice = input.byte();
        let own;
        let topic = if choice == 255 {
            own = String::from_utf8_lossy(input.bytes(80)).into_owned();
            own.as_str()
        } else {
            TOPICS[usize::from(choice) % TOPICS.len()]
        };
        let payload = input.bytes(255);
        let mut scratch = Document::<1024>::new();
        let wall = Timestamp::from_secs(seconds);
        match service.decode(topic, payload, scratch.as_mut()) {
            Ok(request) => {
                let id = request.id;
                assert!(topic.contains(id.device()));
                let before: Vec<_> = others(&hub, id);
                let owned = owned_by_back_ends(&hub, id);
                let now = Now::new(Instant::from_millis(seconds * 1_000), wall);
                hub.handle_message(now, id, request.message)
                    .expect("drained, and a request");
                while let Some(transmit) = hub.poll_transmit() {
                    assert_eq!(transmit.id, id);
                    let publish = service
                        .encode(request.asker, id, &transmit.message, &mut out)
                        .expect("room enough, and all have words");
                    understood(request.asker, id, publish.topic, publish.payload);
                    transmit.sent();
                }
                assert_eq!(before, others(&hub, id), "isolated");
                let deleted = hub.registry().twin(id).is_none_or(|twin| !twin.exists());
                if request.asker.party == Party::Device && !deleted {
                    assert_eq!(owned, owned_by_back_ends(&hub, id));
                }
            }
            Err(RequestError::Refused(refusal)) => {
                let publish = service
                    .encode(refusal.asker, refusal.id, &refusal.message(wall), &mut out)
                    .expect("room enough");
                understood(refusal.asker, refusal.id, publish.topic, publish.payload);
            }
            Err(_) => {}
        }
    }
});

/// The asker, or whoever else listens there, reads it.
fn understood(asker: Asker, id: TwinId<'_>, topic: &str, payload: &[u8]) {
    let mut scratch = Document::<16_384>::new();
    let device = Client::device(Prefix::DEFAULT, id);
    let back_end = Client::back_end(Prefix::DEFAULT, id);
    let heard = match topic.starts_with("t!") {
        false => device.decode(topic, payload, Wanted::Sections, scratch.as_mut()),
        true => back_end.decode(topic, payload, Wanted::Sections, scratch.as_mut()),
    };
    assert!(heard.is_ok(), "{asker:?} {topic} {payload:x?}: {heard:?}");
}

/// Every twin but one, as text.
fn others(hub: &HubEngine<InMemory, 2048>, id: TwinId<'_>) -> Vec<(String, String)> {
    hub.registry()
        .iter()
        .filter(|(other, _)| *other != id)
        .map(|(other, twin)| (other.to_string(), format!("{twin:?}")))
        .collect()
}

/// The sections that the device may not write.
fn owned_by_back_ends(hub: &HubEngine<InMemory, 2048>, id: TwinId<'_>) -> String {
    match hub.registry().twin(id) {
        None => format!("{0:?}{0:?}", DocumentRef::EMPTY),
        Some(twin) => format!(
            "{:?}{:?}",
            twin.section(Section::Desired),
            twin.section(Section::Tags)
        ),
    }
}
