//! The Azure service's side: whatever a device publishes or a back-end asks is understood, refused or
//! ignored; a refusal and the hub's answers can be spelled and are JSON; no other twin than the connection's
//! or the path's is touched.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::adapter::azure::rest::{Call, Method, Request};
use twinsync::adapter::azure::{Identity, Policy, RequestError, Service, twin_id};
use twinsync::document::Document;
use twinsync::hub::{Config, HubEngine, InMemory, Notify};
use twinsync::protocol::{Message, TwinId};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync_fuzz::Input;

const TOPICS: [&str; 6] = [
    "$iothub/twin/GET/?$rid=1",
    "$iothub/twin/PATCH/properties/reported/?$rid=2",
    "$iothub/twin/PATCH/properties/reported/?$rid=3&$version=1",
    "$iothub/twin/PATCH/properties/reported/?$rid=4&$version=2",
    "$iothub/twin/PATCH/properties/desired/?$version=1",
    "$iothub/twin/res/200/?$rid=1",
];
const PATHS: [&str; 4] = [
    "/twins/a",
    "/twins/b?api-version=2021-04-12",
    "/twins/a/modules/m%2Dn",
    "/devices/query",
];
const METHODS: [Method; 4] = [Method::Get, Method::Patch, Method::Put, Method::Post];

fuzz_target!(|bytes: &[u8]| {
    let service = Service::new(Policy::new());
    let config = Config::new()
        .with_policy(service.policy().twin().with_create(true))
        .with_notify(Notify {
            delta: false,
            desired_patch: true,
            ..Config::new().notify
        });
    let mut hub = HubEngine::<_, 2048>::new(InMemory::new(), config);
    let mut input = Input::new(bytes);
    let mut out = vec![0; 65_536];
    let mut seconds = 0;
    let ids = ["a", "b"].map(|name| twin_id(name, None).expect("valid"));
    while !input.is_empty() {
        seconds += 1;
        let wall = Timestamp::from_secs(seconds);
        let now = Now::new(Instant::from_millis(seconds * 1_000), wall);
        let choice = input.byte();
        let own =
            String::from_utf8_lossy(input.bytes(if choice > 250 { 80 } else { 0 })).into_owned();
        let mut scratch = Document::<1024>::new();
        let mut names = [0; 256];
        let (id, message) = if choice & 1 == 0 {
            let connected = ids[input.below(2)];
            let topic = if choice > 250 {
                own.as_str()
            } else {
                TOPICS[input.below(6)]
            };
            match service.decode(connected, topic, input.bytes(255), scratch.as_mut()) {
                Ok((id, message)) => {
                    assert_eq!(id, connected, "the connection decides");
                    (id, message)
                }
                Err(RequestError::Refused(refusal)) => {
                    let publish = service
                        .refuse(&refusal, wall, &mut out)
                        .expect("room enough");
                    let _: serde_json::Value =
                        serde_json::from_slice(publish.payload).expect("JSON");
                    continue;
                }
                Err(_) => continue,
            }
        } else {
            let request = Request {
                method: METHODS[input.below(4)],
                path: if choice > 250 {
                    own.as_str()
                } else {
                    PATHS[input.below(4)]
                },
                if_match: [None, Some("\"*\""), Some("W/\"AAAAAAAAAAE=\""), Some("x")]
                    [input.below(4)],
                body: input.bytes(255),
                ..Request::default()
            };
            match service.decode_rest(&request, &mut names, scratch.as_mut()) {
                Ok(Call::Twin(id, message)) => (id, message),
                Ok(_) => continue,
                Err(fault) => {
                    let response = service.respond_fault(fault, &mut out).expect("room enough");
                    let _: serde_json::Value = serde_json::from_slice(response.body).expect("JSON");
                    continue;
                }
            }
        };
        let before: Vec<_> = others(&hub, id);
        hub.handle_message(now, id, message)
            .expect("drained, and a request");
        while let Some(transmit) = hub.poll_transmit() {
            assert_eq!(transmit.id, id);
            let publish = service
                .encode(&transmit.message, &mut out)
                .expect("room enough, and all have words");
            if !matches!(transmit.message, Message::UpdateAccepted(_)) {
                let _: serde_json::Value = serde_json::from_slice(publish.payload).expect("JSON");
            }
            transmit.sent();
        }
        assert_eq!(before, others(&hub, id), "isolated");
        if let Some(twin) = hub.registry().twin(id) {
            let shown = service.respond_twin(&Identity::new(id), twin, &mut out);
            let body = shown.expect("room enough").body;
            let _: serde_json::Value = serde_json::from_slice(body).expect("JSON");
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
