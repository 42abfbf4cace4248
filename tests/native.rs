//! The native dialect end to end: a device engine and a hub that exchange its bytes.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that fails here fails"
)]

use twinsync::adapter::native::{Client, Prefix, Service};
use twinsync::codec::json;
use twinsync::device::{Config, DeviceEngine, ForeignLeaves, Output, Session, Verdict};
use twinsync::document::Document;
use twinsync::hub::{self, HubEngine, InMemory, Notify};
use twinsync::protocol::{Message, RequestId, TwinId, UpdateRequest, VersionScope};
use twinsync::sim::{Conditions, Native, Pair, Picky, Setup, Step, random_steps};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync::twin::{Policy, Section, Update};

const TOLD: Notify = Notify {
    desired_patch: true,
    ..Notify::NONE
};

fn lamp() -> TwinId<'static> {
    TwinId::new("lamp", None).unwrap()
}

fn rules() -> hub::Config {
    // Metadata tells the hub what changed since a version; it is not sent.
    hub::Config::new()
        .with_policy(Policy::new().with_metadata(true))
        .with_notify(TOLD)
}

fn config() -> Config {
    Config::new(1).with_versions(VersionScope::Section)
}

/// A device, a hub, and the bytes between them.
struct Line {
    device: Option<DeviceEngine<1024>>,
    hub: HubEngine<InMemory, 4096>,
    seconds: u64,
    /// Kind and bytes (topic and payload) of what was said since it was last asked.
    said: Vec<(u8, usize)>,
}

impl Line {
    fn new() -> Self {
        Self {
            device: Some(DeviceEngine::new(config())),
            hub: HubEngine::new(InMemory::new(), rules()),
            seconds: 0,
            said: Vec::new(),
        }
    }

    /// The device starts from what it kept, and connects.
    fn restart(&mut self) {
        let kept = self.device.take().unwrap();
        let mut device = DeviceEngine::new(config());
        device.restore(&kept.memory()).unwrap();
        self.device = Some(device);
        self.connect();
    }

    fn connect(&mut self) {
        let now = Instant::from_millis(self.seconds * 1_000);
        let device = self.device.as_mut().unwrap();
        device.handle_connected(now, Session::Fresh);
        device.handle_subscribed(now);
        self.run();
    }

    /// A back-end writes desired; the device hears of it if it is there.
    fn desire(&mut self, text: &str, there: bool) {
        let mut patch = Document::<256>::new();
        json::read(text.as_bytes(), patch.as_mut()).unwrap();
        patch.as_mut().nest(Section::Desired.key()).unwrap();
        let client = Client::back_end(Prefix::DEFAULT, lamp());
        let update = Update::merge(patch.as_ref());
        let id = RequestId::new("ops");
        let mut out = [0; 512];
        let message = Message::Update(UpdateRequest { id, update });
        let publish = client.encode(&message, &mut out).unwrap();
        self.serve(publish.topic, publish.payload, there);
        if there {
            self.run();
        }
    }

    fn serve(&mut self, topic: &str, payload: &[u8], there: bool) {
        self.seconds += 1;
        let now = Now::new(
            Instant::from_millis(self.seconds * 1_000),
            Timestamp::from_secs(self.seconds),
        );
        let service = Service::new(Prefix::DEFAULT);
        let client = Client::device(Prefix::DEFAULT, lamp());
        let mut scratch = Document::<1024>::new();
        let request = service.decode(topic, payload, scratch.as_mut()).unwrap();
        self.hub
            .handle_message(now, request.id, request.message)
            .unwrap();
        while let Some(transmit) = self.hub.poll_transmit() {
            let mut out = [0; 2048];
            let publish = service
                .encode(request.asker, transmit.id, &transmit.message, &mut out)
                .unwrap();
            transmit.sent();
            let device = self.device.as_mut().unwrap();
            let mut heard = Document::<1024>::new();
            let read = client.decode(
                publish.topic,
                publish.payload,
                device.wanted(),
                heard.as_mut(),
            );
            if let (Ok(message), true) = (read, there) {
                self.said.push((
                    publish.payload[0],
                    publish.topic.len() + publish.payload.len(),
                ));
                device.handle_message(now.instant, message).unwrap();
            }
        }
    }

    /// The device says what it has to say, until it has nothing more.
    fn run(&mut self) {
        loop {
            let now = Instant::from_millis(self.seconds * 1_000);
            let device = self.device.as_mut().unwrap();
            device.handle_timeout(now);
            while device.poll_event().is_some() {}
            device.settle(now, |_| Verdict::Applied);
            let Some(transmit) = device.poll_transmit(now) else {
                return;
            };
            let Output::Message(message) = transmit.output() else {
                transmit.sent(now);
                continue;
            };
            let client = Client::device(Prefix::DEFAULT, lamp());
            let mut out = [0; 1024];
            let publish = client.encode(&message, &mut out).unwrap();
            let (topic, payload) = (publish.topic.to_owned(), publish.payload.to_vec());
            transmit.sent(now);
            self.said.push((payload[0], topic.len() + payload.len()));
            self.serve(&topic, &payload, true);
        }
    }

    fn said(&mut self) -> Vec<(u8, usize)> {
        core::mem::take(&mut self.said)
    }

    fn agrees(&self) {
        let device = self.device.as_ref().unwrap();
        let twin = self.hub.registry().twin(lamp()).unwrap();
        assert!(device.is_synced());
        assert_eq!(device.desired(), twin.section(Section::Desired));
        assert_eq!(device.reported(), twin.section(Section::Reported));
        assert_eq!(device.changes().count(), 0);
    }
}

fn kinds(said: &[(u8, usize)]) -> Vec<u8> {
    said.iter().map(|(kind, _)| *kind).collect()
}

fn bytes(said: &[(u8, usize)]) -> usize {
    said.iter().map(|(_, bytes)| bytes).sum()
}

/// A line on which both ends agree about some thirty bytes.
fn in_step() -> Line {
    let mut line = Line::new();
    line.desire(
        r#"{"mode":"eco","target":21.5,"net":{"ssid":"hall"}}"#,
        false,
    );
    line.connect();
    line.agrees();
    line
}

#[test]
fn a_first_sync_is_a_get_a_report_and_their_answers() {
    let mut line = in_step();
    // Get, got, update, updated.
    assert_eq!(kinds(&line.said()), [0, 3, 1, 6]);
}

#[test]
fn a_change_of_desired_is_a_patch_a_report_and_its_answer() {
    let mut line = in_step();
    line.said();
    line.desire(r#"{"target":19,"mode":null}"#, true);
    line.agrees();
    let said = line.said();
    assert_eq!(kinds(&said), [11, 1, 6]);
    assert!(bytes(&said) <= 100, "{said:?}");
}

#[test]
fn after_a_reboot_nothing_is_sent_again() {
    let mut line = in_step();
    line.said();
    line.restart();
    line.agrees();
    let said = line.said();
    assert_eq!(kinds(&said), [0, 4]);
    assert!(bytes(&said) <= 50, "{said:?}");
}

#[test]
fn after_a_reboot_only_what_changed_meanwhile_is_sent() {
    let mut line = in_step();
    line.said();
    line.desire(r#"{"target":17}"#, false);
    line.restart();
    line.agrees();
    let said = line.said();
    assert_eq!(kinds(&said), [0, 5, 1, 6]);
    assert!(bytes(&said) <= 130, "{said:?}");
}

#[test]
fn what_a_patch_can_not_tell_comes_whole() {
    let mut line = in_step();
    line.said();
    line.desire(r#"{"net":{"ssid":null}}"#, false);
    line.restart();
    line.agrees();
    assert_eq!(kinds(&line.said())[..2], [0, 3]);
}

/// Any schedule of writes, partitions and restarts ends in agreement, with the dialect's bytes on the link.
fn converges(seed: u64) {
    let device = config()
        .with_foreign_leaves(ForeignLeaves::Remove)
        .with_conditional(seed.is_multiple_of(3));
    let mut setup = Setup::new(seed).with_device(device).with_hub(rules());
    if seed.is_multiple_of(2) {
        setup = setup.with_link(Conditions::hostile());
    }
    if seed.is_multiple_of(5) {
        setup = setup.with_transmit_room(120);
    }
    let refuses = if seed & 4 == 0 { 300 } else { 0 };
    let mut pair: Pair<Native, 4096, 8192> =
        Pair::new(setup, Native::new(), lamp(), Picky { refuses });
    for step in random_steps(seed, 60) {
        pair.step(&step);
    }
    pair.heal();
    pair.step(&Step::Connect {
        resume: seed & 1 == 0,
    });
    if let Err(failure) = pair.settle(Duration::from_secs(20 * 60)) {
        panic!("{failure}");
    }
    pair.run_for(Duration::from_secs(3_600));
    pair.check().unwrap();
}

#[test]
fn any_schedule_converges_after_a_new_connection() {
    let only = std::env::var("SEED").ok().map(|seed| seed.parse().unwrap());
    match only {
        Some(seed) => converges(seed),
        None => (0..150).for_each(converges),
    }
}
