//! A device engine over the Azure adapter that acknowledges as IoT Plug and Play has it, against a hub, in
//! bytes: it does what it is asked once, and comes to rest.

#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test: what goes wrong is to be seen"
)]

use twinsync::adapter::azure::plug_and_play::{Acknowledgement, Code, property, says};
use twinsync::adapter::azure::{Client, Policy, RequestError, Service, twin_id};
use twinsync::codec::json;
use twinsync::device::{Acks, Config, DeviceEngine, Output, Session};
use twinsync::document::Document;
use twinsync::hub::{self, HubEngine, InMemory, Notify};
use twinsync::protocol::{Message, TwinId, UpdateRequest, VersionScope};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::{Origin, Section, Update};

const COMPONENTS: [&str; 1] = ["fan"];

fn lamp() -> TwinId<'static> {
    twin_id("lamp", None).unwrap()
}

fn document(text: &str) -> Document<1024> {
    let mut document = Document::new();
    json::read(text.as_bytes(), document.as_mut()).unwrap();
    document
}

/// A device and a hub, with nothing lost between them.
struct Bench {
    engine: DeviceEngine<1024>,
    hub: HubEngine<InMemory, 8192>,
    service: Service,
    now: Instant,
    /// Requests that the device sent.
    sent: usize,
}

impl Bench {
    fn new(acks: Acks) -> Self {
        let config = Config::new(1)
            .with_versions(VersionScope::Section)
            .with_conditional(true)
            .with_acks(acks);
        let service = Service::new(Policy::new());
        let rules = hub::Config::new()
            .with_policy(service.policy().twin().with_create(true))
            .with_notify(Notify {
                delta: false,
                desired_patch: true,
                ..hub::Config::new().notify
            });
        let mut bench = Self {
            engine: DeviceEngine::new(config),
            hub: HubEngine::new(InMemory::new(), rules),
            service,
            now: Instant::ZERO,
            sent: 0,
        };
        bench.back_end("{}");
        bench.engine.handle_connected(bench.now, Session::Fresh);
        bench.run();
        bench
    }

    /// A back-end changes the twin.
    fn back_end(&mut self, patch: &str) {
        let patch = document(patch);
        let update = Update::merge(patch.as_ref()).with_origin(Origin::Service);
        let request = UpdateRequest { id: None, update };
        let now = Now::new(self.now, Timestamp::EPOCH);
        self.hub
            .handle_message(now, lamp(), Message::Update(request))
            .unwrap();
        self.deliver(false);
    }

    /// What the hub has to say reaches the device; an answer only if it asked.
    fn deliver(&mut self, asked: bool) {
        let mut out = vec![0; 16_384];
        while let Some(transmit) = self.hub.poll_transmit() {
            let change = matches!(transmit.message, Message::DesiredPatch(_));
            if asked || change {
                let publish = self.service.encode(&transmit.message, &mut out).unwrap();
                let mut scratch = Document::<4096>::new();
                let message = Client::new(lamp())
                    .unwrap()
                    .decode(
                        publish.topic,
                        publish.payload,
                        self.engine.wanted(),
                        scratch.as_mut(),
                    )
                    .unwrap();
                self.engine.handle_message(self.now, message).unwrap();
            }
            transmit.sent();
        }
    }

    /// The device sends what is due, until nothing is.
    fn run(&mut self) {
        for _ in 0..50 {
            while self.engine.poll_event().is_some() {}
            self.now = Instant::from_millis(self.now.as_millis() + 10);
            let mut out = vec![0; 4096];
            let Some(transmit) = self.engine.poll_transmit(self.now) else {
                return;
            };
            let Output::Message(message) = transmit.output() else {
                transmit.sent(self.now);
                self.engine.handle_subscribed(self.now);
                continue;
            };
            let publish = Client::new(lamp())
                .unwrap()
                .encode(&message, &mut out)
                .unwrap();
            let (topic, payload) = (publish.topic.to_owned(), publish.payload.to_vec());
            transmit.sent(self.now);
            self.sent += 1;
            let now = Now::new(self.now, Timestamp::EPOCH);
            let mut scratch = Document::<4096>::new();
            match self
                .service
                .decode(lamp(), &topic, &payload, scratch.as_mut())
            {
                Ok((id, message)) => self.hub.handle_message(now, id, message).unwrap(),
                Err(RequestError::Refused(refusal)) => panic!("{}", refusal.fault),
                Err(error) => panic!("{error}"),
            }
            self.deliver(true);
        }
        panic!("never at rest");
    }

    /// Does what desired asks for and says so with this status; returns what it did.
    fn settle(&mut self, status: u16) -> Vec<String> {
        let version = self.engine.version();
        let mut asked = Document::<1024>::new();
        let mut paths: Vec<Vec<String>> = Vec::new();
        for leaf in self.engine.changes() {
            asked.set(&leaf.path, leaf.value).unwrap();
            let path = property(&leaf.path, &COMPONENTS).expect("no mark asks for anything");
            let path: Vec<String> = path.iter().map(|key| (*key).to_owned()).collect();
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let mut done = Vec::new();
        for path in &paths {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            // The property as a whole, as desired has it.
            let mut value = Document::<256>::new();
            value
                .assign(self.engine.desired().at(&path).unwrap())
                .unwrap();
            let mut said = Document::<256>::new();
            Acknowledgement::new(status.into(), version)
                .answer(value.root(), said.as_mut())
                .unwrap();
            self.engine
                .report_value(self.now, &path, said.as_ref())
                .unwrap();
            done.push(path.join("/"));
        }
        done
    }

    fn reported(&self) -> String {
        let twin = self.hub.registry().twin(lamp()).unwrap();
        let mut out = [0; 1024];
        let len = json::write(twin.section(Section::Reported), &mut out).unwrap();
        String::from_utf8(out[..len].to_vec()).unwrap()
    }
}

#[test]
fn a_property_is_asked_for_done_once_and_at_rest() {
    let mut bench = Bench::new(Acks::new(says));
    bench.back_end(r#"{"desired":{"on":true,"fan":{"__t":"c","speed":3,"mode":{"a":1,"b":2}}}}"#);
    assert_eq!(bench.settle(200), ["on", "fan/mode", "fan/speed"]);
    bench.run();
    assert_eq!(bench.settle(200), [""; 0], "nothing is left to do");
    assert!(bench.engine.is_synced());
    let sent = bench.sent;
    bench.run();
    assert_eq!(bench.sent, sent, "and nothing to say");
    assert_eq!(
        bench.reported(),
        r#"{"on":{"ac":200,"av":2,"value":true},"fan":{"mode":{"ac":200,"av":2,"value":{"a":1,"b":2}},"speed":{"ac":200,"av":2,"value":3}}}"#
    );
}

#[test]
fn only_what_changed_is_asked_again() {
    let mut bench = Bench::new(Acks::new(says));
    bench.back_end(r#"{"desired":{"on":true,"mode":{"a":1,"b":2}}}"#);
    bench.settle(200);
    bench.run();
    // The same value again counts the version up and asks for nothing.
    bench.back_end(r#"{"desired":{"on":true}}"#);
    assert_eq!(bench.settle(200), [""; 0]);
    bench.back_end(r#"{"desired":{"mode":{"b":3}}}"#);
    assert_eq!(bench.settle(200), ["mode"]);
    bench.run();
    assert_eq!(
        bench.reported(),
        r#"{"on":{"ac":200,"av":2,"value":true},"mode":{"ac":200,"av":4,"value":{"a":1,"b":3}}}"#
    );
}

#[test]
fn what_is_in_progress_or_failed_stays_in_the_work_list() {
    for status in [202, 400, 500] {
        let mut bench = Bench::new(Acks::new(says));
        bench.back_end(r#"{"desired":{"on":true}}"#);
        assert_eq!(bench.settle(status), ["on"]);
        bench.run();
        assert_eq!(bench.settle(200), ["on"], "status {status}");
        bench.run();
        assert_eq!(bench.settle(200), [""; 0]);
    }
}

#[test]
fn what_is_refused_is_not_offered_again_until_it_changes() {
    let mut bench = Bench::new(Acks::new(says));
    bench.back_end(r#"{"desired":{"target":95}}"#);
    bench.engine.refuse(bench.now, &["target"]).unwrap();
    let mut said = Document::<64>::new();
    Acknowledgement::new(Code::Bad, bench.engine.version())
        .with_description("too hot")
        .answer(21.into(), said.as_mut())
        .unwrap();
    bench
        .engine
        .report_value(bench.now, &["target"], said.as_ref())
        .unwrap();
    bench.run();
    assert_eq!(bench.settle(200), [""; 0]);
    assert_eq!(
        bench.reported(),
        r#"{"target":{"ac":400,"ad":"too hot","av":2,"value":21}}"#
    );
    bench.back_end(r#"{"desired":{"target":22}}"#);
    assert_eq!(bench.settle(200), ["target"]);
}

#[test]
fn an_engine_that_knows_no_acknowledgements_never_comes_to_rest() {
    // Why it must be told: the value that is reported is another than the one that is desired.
    let mut bench = Bench::new(Acks::PLAIN);
    bench.back_end(r#"{"desired":{"on":true}}"#);
    bench.settle(200);
    bench.run();
    assert_eq!(bench.settle(200), ["on"]);
}

#[test]
fn a_plain_value_says_itself_as_before() {
    let mut bench = Bench::new(Acks::new(says));
    bench.back_end(r#"{"desired":{"on":true,"none":{}}}"#);
    bench.engine.acknowledge(bench.now, &["on"]).unwrap();
    bench.engine.acknowledge(bench.now, &["none"]).unwrap();
    assert_eq!(bench.settle(200), [""; 0]);
}
