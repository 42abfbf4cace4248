//! Settings at devices whose twins others write, too.

extern crate std;

use std::collections::BTreeMap;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::{Everyone, Failed, Outcome, Setting, Skip};
use crate::configuration::Keys;
use crate::document::Document;
use crate::hub::{Config, HandleError, HubEngine, Registry};
use crate::protocol::{Message, TwinId, UpdateRequest};
use crate::query::{Condition, Dialect};
use crate::time::{Instant, Now, Timestamp};
use crate::twin::tests::model::{json, text};
use crate::twin::{Rejected, Section, Twin, TwinRef, Update};

pub(in crate::fleet) type Hub = HubEngine<Shared, 1024>;

/// A store that another service writes to, too: between a load and whatever follows it, as often as told.
#[derive(Debug, Default)]
pub(in crate::fleet) struct Shared {
    twins: BTreeMap<String, Twin<1024>>,
    /// For each coming load, whether the other service writes right after it.
    pub(in crate::fleet) races: Vec<bool>,
    pub(in crate::fleet) loads: usize,
    pub(in crate::fleet) others: u32,
    pub(in crate::fleet) broken: bool,
    loaded: Option<Twin<1024>>,
}

impl Registry for Shared {
    type Error = ();

    fn load(&mut self, id: TwinId<'_>) -> Result<Option<TwinRef<'_>>, ()> {
        if self.broken {
            return Err(());
        }
        self.loads += 1;
        self.loaded = self.twins.get(id.device()).cloned();
        let races = !self.races.is_empty() && self.races.remove(0);
        if races && let Some(twin) = self.twins.get_mut(id.device()) {
            self.others += 1;
            let mut patch = Document::<64>::new();
            patch.set(&["tags", "others"], self.others).unwrap();
            let before = twin.clone();
            let update = Update::merge(patch.as_ref());
            let policy = crate::twin::Policy::new();
            crate::twin::apply(
                before.as_ref(),
                &update,
                Timestamp::EPOCH,
                &policy,
                &mut twin.as_mut(),
            )
            .unwrap();
        }
        Ok(self.loaded.as_ref().map(Twin::as_ref))
    }

    fn save(&mut self, id: TwinId<'_>, twin: TwinRef<'_>) -> Result<(), ()> {
        // Compare and set: only on what was loaded.
        if self.twins.get(id.device()) != self.loaded.as_ref() {
            return Err(());
        }
        let mut kept = Twin::new();
        kept.assign(twin).unwrap();
        self.twins.insert(id.device().to_string(), kept);
        Ok(())
    }
}

pub(in crate::fleet) fn hub() -> Hub {
    HubEngine::new(Shared::default(), Config::new())
}

pub(in crate::fleet) fn id(device: &str) -> TwinId<'_> {
    TwinId::new(device, None).unwrap()
}

pub(in crate::fleet) fn at(secs: u64) -> Now {
    Now::new(
        Instant::from_millis(secs * 1_000),
        Timestamp::from_secs(secs),
    )
}

/// An update from anywhere.
pub(in crate::fleet) fn merge(hub: &mut Hub, device: &str, patch: &str) {
    let patch = json(patch);
    let update = Update::merge(patch.as_ref());
    let message = Message::Update(UpdateRequest { id: None, update });
    hub.handle_message(Now::default(), id(device), message)
        .unwrap();
    while let Some(transmit) = hub.poll_transmit() {
        assert!(
            !matches!(transmit.message, Message::Rejected(_)),
            "{transmit:?}"
        );
        transmit.sent();
    }
}

pub(in crate::fleet) fn section(hub: &mut Hub, device: &str, section: Section) -> String {
    let twin = hub.registry_mut().load(id(device)).unwrap().unwrap();
    text(twin.section(section))
}

fn apply(hub: &mut Hub, device: &str, condition: &str, patch: &str) -> Outcome {
    let (patch, condition) = (
        json(patch),
        Condition::<32>::parse(condition, Dialect::TWIN).unwrap(),
    );
    let setting = Setting::new(patch.as_ref()).numbered(Keys::DEFAULT);
    setting
        .apply(hub, Now::default(), id(device), &condition, &mut |_| {})
        .unwrap()
}

#[test]
fn a_matching_device_gets_the_patch_with_its_own_next_number() {
    let mut hub = hub();
    merge(
        &mut hub,
        "a",
        r#"{"tags":{"site":1},"desired":{"configVersion":6,"keep":true}}"#,
    );
    let outcome = apply(
        &mut hub,
        "a",
        "tags.site = 1",
        r#"{"desired":{"x":1},"tags":{"new":2}}"#,
    );
    assert!(
        matches!(
            outcome,
            Outcome::Set {
                number: Some(7),
                attempts: 1,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(
        section(&mut hub, "a", Section::Desired),
        r#"{"configVersion":7,"keep":true,"x":1}"#
    );
    assert_eq!(
        section(&mut hub, "a", Section::Tags),
        r#"{"new":2,"site":1}"#
    );
}

#[test]
fn a_device_that_does_not_match_or_has_no_twin_is_left_alone() {
    let mut hub = hub();
    merge(&mut hub, "a", r#"{"tags":{"site":1}}"#);
    let outcome = apply(&mut hub, "a", "tags.site = 2", r#"{"desired":{"x":1}}"#);
    assert_eq!(outcome, Outcome::Skipped(Skip::NotMatched));
    let outcome = apply(&mut hub, "b", "tags.site = 2", r#"{"desired":{"x":1}}"#);
    assert_eq!(outcome, Outcome::Skipped(Skip::Absent));
    assert_eq!(section(&mut hub, "a", Section::Desired), "{}");
}

#[test]
fn a_lost_race_is_run_again_and_the_condition_is_judged_again() {
    let mut hub = hub();
    merge(&mut hub, "a", r#"{"tags":{"others":0}}"#);
    // Others write after this fleet has read, then between the hub's load and save.
    hub.registry_mut().races = vec![true, false, false, true];
    let outcome = apply(&mut hub, "a", "true = true", r#"{"desired":{"x":1}}"#);
    assert!(
        matches!(
            outcome,
            Outcome::Set {
                number: Some(1),
                attempts: 3,
                ..
            }
        ),
        "{outcome:?}"
    );
    assert_eq!(
        section(&mut hub, "a", Section::Tags),
        r#"{"others":2}"#,
        "nobody's update is lost"
    );
    hub.registry_mut().races = vec![true];
    let outcome = apply(&mut hub, "a", "tags.others < 3", r#"{"desired":{"x":2}}"#);
    assert_eq!(
        outcome,
        Outcome::Skipped(Skip::NotMatched),
        "it no longer matches"
    );
}

#[test]
fn endless_races_are_given_up() {
    let mut hub = hub();
    merge(&mut hub, "a", r#"{"tags":{"others":0}}"#);
    hub.registry_mut().races = vec![true; 100];
    let outcome = apply(&mut hub, "a", "true = true", r#"{"desired":{"x":1}}"#);
    assert_eq!(outcome, Outcome::Failed(Failed::Contended));
    hub.registry_mut().races.clear();
    assert_eq!(section(&mut hub, "a", Section::Desired), "{}");
}

#[test]
fn what_the_hub_refuses_says_why() {
    let mut hub = hub();
    merge(&mut hub, "a", r#"{"tags":{"site":1}}"#);
    let outcome = apply(&mut hub, "a", "true = true", r#"{"other":{"x":1}}"#);
    assert_eq!(
        outcome,
        Outcome::Failed(Failed::Rejected(Rejected::UnknownSection))
    );
    hub.registry_mut().broken = true;
    let outcome = apply(&mut hub, "a", "true = true", r#"{"desired":{"x":1}}"#);
    assert_eq!(outcome, Outcome::Failed(Failed::Unavailable));
}

#[test]
fn a_hub_with_output_is_drained_first() {
    let mut hub = hub();
    merge(&mut hub, "a", "{}");
    hub.handle_message(Now::default(), id("a"), Message::Get(Default::default()))
        .unwrap();
    let patch = json(r#"{"desired":{"x":1}}"#);
    let setting = Setting::new(patch.as_ref());
    let busy = setting.apply(&mut hub, Now::default(), id("a"), &Everyone, &mut |_| {});
    assert_eq!(busy, Err(HandleError::Busy));
}

#[test]
fn what_is_to_be_sent_to_the_device_is_delivered() {
    let mut hub = hub();
    merge(&mut hub, "a", "{}");
    let patch = json(r#"{"desired":{"x":1}}"#);
    let mut sent = Vec::new();
    let mut deliver = |transmit: &crate::hub::Transmit<'_>| {
        let Message::Delta(delta) = transmit.message else {
            panic!("{transmit:?}")
        };
        sent.push((transmit.id.device().to_string(), text(delta.patch)));
    };
    let setting = Setting::new(patch.as_ref());
    setting
        .apply(&mut hub, Now::default(), id("a"), &Everyone, &mut deliver)
        .unwrap();
    assert_eq!(sent, [("a".to_string(), r#"{"x":1}"#.to_string())]);
}

proptest! {
    /// However others race, each setting that says it was made was made once, and no other update is lost.
    #[test]
    fn no_update_is_lost_in_any_race(races in prop::collection::vec(any::<bool>(), 0..40), settings in 1_u32..8) {
        let mut hub = hub();
        merge(&mut hub, "a", r#"{"tags":{"others":0}}"#);
        hub.registry_mut().races = races;
        let mut made = 0;
        for _ in 0..settings {
            let twin = hub.registry_mut().twins["a"].clone();
            let count = twin.as_ref().section(Section::Desired).read::<u32>(&["count"]).unwrap_or(0);
            let mut patch = Document::<64>::new();
            patch.set(&["desired", "count"], count + 1).unwrap();
            let setting = Setting::new(patch.as_ref()).numbered(Keys::DEFAULT);
            let outcome = setting.apply(&mut hub, Now::default(), id("a"), &Everyone, &mut |_| {});
            match outcome.unwrap() {
                Outcome::Set { .. } => made += 1,
                Outcome::Failed(Failed::Contended) => {}
                other => prop_assert!(false, "{:?}", other),
            }
        }
        let twin = hub.registry_mut().twins["a"].clone();
        let desired = twin.as_ref().section(Section::Desired);
        let others = hub.registry().others;
        prop_assert_eq!(desired.read::<u32>(&["count"]).unwrap_or(0), made);
        prop_assert_eq!(desired.read::<u32>(&["configVersion"]).unwrap_or(0), made);
        prop_assert_eq!(twin.as_ref().section(Section::Tags).read::<u32>(&["others"]).unwrap(), others);
    }
}
