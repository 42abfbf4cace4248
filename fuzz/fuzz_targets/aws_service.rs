//! The AWS service's side: whatever is published to it is understood, refused or ignored; a refusal and
//! the hub's answers can be spelled and are JSON; no other twin than the topic's is touched.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::adapter::aws::{Policy, RequestError, Service};
use twinsync::document::Document;
use twinsync::hub::{Config, HubEngine, InMemory};
use twinsync::protocol::TwinId;
use twinsync::time::{Instant, Now, Timestamp};
use twinsync_fuzz::Input;

const TOPICS: [&str; 8] = [
    "$aws/things/a/shadow/update",
    "$aws/things/a/shadow/get",
    "$aws/things/a/shadow/delete",
    "$aws/things/b/shadow/name/n/update",
    "$aws/things/b/shadow/name/n/get",
    "$aws/things/b/shadow/name/n/delete",
    "$aws/things/a/shadow/update/accepted",
    "$aws/things/a/shadow/name/get/get",
];

fuzz_target!(|bytes: &[u8]| {
    let service = Service::new(Policy::new());
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
            Ok((id, message)) => {
                assert!(topic.contains(id.device()));
                let before: Vec<_> = others(&hub, id);
                let now = Now::new(Instant::from_millis(seconds * 1_000), wall);
                hub.handle_message(now, id, message)
                    .expect("drained, and a request");
                while let Some(transmit) = hub.poll_transmit() {
                    assert_eq!(transmit.id, id);
                    let publish = service
                        .encode(id, &transmit.message, &mut out)
                        .expect("room enough, and all have words");
                    let _: serde_json::Value =
                        serde_json::from_slice(publish.payload).expect("JSON");
                    transmit.sent();
                }
                assert_eq!(before, others(&hub, id), "isolated");
            }
            Err(RequestError::Refused(refusal)) => {
                let publish = service
                    .refuse(&refusal, wall, &mut out)
                    .expect("room enough");
                let _: serde_json::Value = serde_json::from_slice(publish.payload).expect("JSON");
            }
            Err(_) => {}
        }
    }
});

/// Every twin but one, as text.
fn others(hub: &HubEngine<InMemory, 2048>, id: TwinId<'_>) -> Vec<(String, String)> {
    hub.registry()
        .iter()
        .filter(|(other, _)| *other != id)
        .map(|(other, twin)| (other.to_string(), format!("{twin:?}")))
        .collect()
}
