//! Who is targeted by what, and what becomes of desired.

extern crate std;

use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;

use super::super::setting::tests::{Hub, hub, id, merge, section};
use super::{Automatic, AutomaticError, Metric, Reconciled, reconcile};
use crate::document::Document;
use crate::hub::{HubEngine, InMemory, Registry};
use crate::protocol::{Message, TwinId, UpdateRequest};
use crate::query::{Condition, Dialect, Query};
use crate::time::{Now, Timestamp};
use crate::twin::tests::model::{N, json};
use crate::twin::{Section, Twin, Update};

type Content = Document<N>;

fn automatic<'c>(id: &'c str, content: &'c Content, priority: u32) -> Automatic<'c> {
    Automatic::new(id, content.as_ref(), priority, Timestamp::EPOCH).unwrap()
}

fn settle(hub: &mut Hub, configurations: &[Automatic<'_>]) -> Reconciled {
    reconcile(hub, Now::default(), id("a"), configurations, &mut |_| {})
        .unwrap()
        .unwrap()
}

fn desired(hub: &mut Hub) -> String {
    section(hub, "a", Section::Desired)
}

#[test]
fn the_higher_priority_wins_each_leaf_and_the_newer_one_of_equals() {
    let mut hub = hub();
    merge(&mut hub, "a", r#"{"desired":{"own":1}}"#);
    let [low, high, newer] = [
        r#"{"x":1,"m":{"a":1,"b":1}}"#,
        r#"{"x":2,"m":{"a":2}}"#,
        r#"{"m":{"a":3}}"#,
    ]
    .map(json);
    let all = [
        automatic("high", &high, 5),
        automatic("low", &low, 1),
        Automatic::new("newer", newer.as_ref(), 5, Timestamp::from_secs(9)).unwrap(),
    ];
    assert!(matches!(settle(&mut hub, &all), Reconciled::Changed(_)));
    assert_eq!(desired(&mut hub), r#"{"m":{"a":3,"b":1},"own":1,"x":2}"#);
    assert_eq!(
        settle(&mut hub, &all),
        Reconciled::InOrder,
        "once is enough"
    );
    // Whoever changes it by hand is overruled at the next time.
    merge(&mut hub, "a", r#"{"desired":{"x":77}}"#);
    settle(&mut hub, &all);
    assert_eq!(desired(&mut hub), r#"{"m":{"a":3,"b":1},"own":1,"x":2}"#);
}

#[test]
fn leaving_the_target_takes_back_what_was_set_and_lets_the_next_one_in() {
    let mut hub = hub();
    merge(
        &mut hub,
        "a",
        r#"{"tags":{"site":"north"},"desired":{"own":{"y":1}}}"#,
    );
    let north = Condition::<16>::parse("tags.site = 'north'", Dialect::TWIN).unwrap();
    let [base, special] = [r#"{"x":1}"#, r#"{"x":2,"own":{"z":9},"deep":{"er":true}}"#].map(json);
    let all = [
        automatic("base", &base, 1),
        automatic("special", &special, 2).with_target(&north),
    ];
    settle(&mut hub, &all);
    assert_eq!(
        desired(&mut hub),
        r#"{"deep":{"er":true},"own":{"y":1,"z":9},"x":2}"#
    );
    merge(&mut hub, "a", r#"{"tags":{"site":"south"}}"#);
    settle(&mut hub, &all);
    assert_eq!(desired(&mut hub), r#"{"own":{"y":1},"x":1}"#);
    let tags = section(&mut hub, "a", Section::Tags);
    assert_eq!(
        tags,
        r#"{"configurations":{"base":{"status":"Applied"}},"site":"south"}"#
    );
    settle(&mut hub, &[all[0].retired()]);
    assert_eq!(desired(&mut hub), r#"{"own":{"y":1}}"#);
}

#[test]
fn null_in_the_content_removes() {
    let mut hub = hub();
    merge(&mut hub, "a", r#"{"desired":{"x":1,"y":2}}"#);
    let content = json(r#"{"x":null}"#);
    settle(&mut hub, &[automatic("gone", &content, 1)]);
    assert_eq!(desired(&mut hub), r#"{"y":2}"#);
    assert_eq!(
        settle(&mut hub, &[automatic("gone", &content, 1)]),
        Reconciled::InOrder
    );
}

#[test]
fn empty_content_is_recorded_and_changes_nothing() {
    let mut hub = hub();
    merge(&mut hub, "a", r#"{"desired":{"x":1}}"#);
    let content = Content::new();
    let one = automatic("empty", &content, 1);
    assert!(matches!(settle(&mut hub, &[one]), Reconciled::Changed(_)));
    settle(&mut hub, &[one.retired()]);
    assert_eq!(desired(&mut hub), r#"{"x":1}"#);
}

#[test]
fn ids_and_contents_are_checked() {
    let (content, number) = (Content::new(), json("1"));
    let new =
        |id, content: &Content| Automatic::new(id, content.as_ref(), 0, Timestamp::EPOCH).err();
    assert_eq!(new("fleet-7:@home", &content), None);
    assert_eq!(new("", &content), Some(AutomaticError::Id));
    assert_eq!(new("Upper", &content), Some(AutomaticError::Id));
    let long = "x".repeat(129);
    assert_eq!(new(&long, &content), Some(AutomaticError::Id));
    assert_eq!(new("ok", &number), Some(AutomaticError::Content));
}

#[test]
fn metrics_count_who_is_targeted_and_who_was_reached() {
    let mut hub = HubEngine::<_, 1024>::new(InMemory::new(), crate::hub::Config::new());
    let content = json(r#"{"x":1}"#);
    let one = automatic("one", &content, 1);
    for device in ["a", "b", "c"] {
        let patch = json(r#"{"tags":{}}"#);
        let update = Update::merge(patch.as_ref());
        let message = Message::Update(UpdateRequest { id: None, update });
        hub.handle_message(Now::default(), id(device), message)
            .unwrap();
        while let Some(transmit) = hub.poll_transmit() {
            transmit.sent();
        }
    }
    reconcile(&mut hub, Now::default(), id("b"), &[one], &mut |_| {})
        .unwrap()
        .unwrap();
    let metrics = one.metrics(hub.registry().iter());
    assert_eq!((metrics.targeted, metrics.applied), (3, 1));
}

#[test]
fn metrics_of_its_own_count_what_their_queries_match() {
    let mut hub = hub();
    let content = json(r#"{"x":1}"#);
    let one = automatic("one-1", &content, 1);
    let tags = r#"{"tags":{"site":"north"},"reported":{"x":1}}"#;
    for device in ["a", "b", "c"] {
        merge(&mut hub, device, tags);
    }
    merge(&mut hub, "b", r#"{"reported":{"x":null}}"#);
    for device in ["a", "b"] {
        reconcile(&mut hub, Now::default(), id(device), &[one], &mut |_| {})
            .unwrap()
            .unwrap();
    }
    let queries = [
        "SELECT * FROM devices WHERE configurations.[[one-1]].status = 'Applied'",
        "SELECT deviceId FROM devices WHERE configurations.[[one-1]].status = 'Applied' AND properties.reported.x = 1",
        "SELECT * FROM devices WHERE configurations.[[other]].status = 'Applied'",
        "SELECT * FROM devices.modules WHERE tags.site = 'north'",
    ];
    let queries = queries.map(|text| Query::<32>::parse(text, Dialect::TWIN).unwrap());
    let own: Vec<_> = queries
        .iter()
        .map(|query| Metric {
            name: "n",
            query: query.as_ref(),
        })
        .collect();
    let mut twins = Vec::new();
    for device in ["a", "b", "c"] {
        let twin = hub.registry_mut().load(id(device)).unwrap().unwrap();
        let mut kept = Twin::<N>::new();
        kept.as_mut().assign(twin).unwrap();
        twins.push((device, kept));
    }
    let twins = || {
        twins
            .iter()
            .map(|(device, twin)| (id(device), twin.as_ref()))
    };
    let metrics = one.with_metrics(&own).unwrap().metrics(twins());
    assert_eq!((metrics.targeted, metrics.applied), (3, 2));
    assert_eq!(metrics.own, [2, 1, 0, 0, 0]);

    let six = [own[0]; 6];
    assert_eq!(one.with_metrics(&six).unwrap_err(), AutomaticError::Metrics);
}

#[test]
fn a_query_as_target_means_what_it_looks_through() {
    let mut hub = hub();
    merge(&mut hub, "a", r#"{"tags":{"site":"north"}}"#);
    let content = json(r#"{"x":1}"#);
    let text = "SELECT * FROM devices.modules WHERE tags.site = 'north'";
    let modules = Query::<16>::parse(text, Dialect::TWIN).unwrap();
    let modules = modules.as_ref();
    let one = automatic("one", &content, 1).with_target(&modules);
    assert_eq!(settle(&mut hub, &[one]), Reconciled::InOrder, "a device");

    let module = TwinId::new("a", Some("camera")).unwrap();
    let patch = json(r#"{"tags":{"site":"north"}}"#);
    let update = Update::merge(patch.as_ref());
    let update = Message::Update(UpdateRequest { id: None, update });
    hub.handle_message(Now::default(), module, update).unwrap();
    while let Some(transmit) = hub.poll_transmit() {
        transmit.sent();
    }
    let done = reconcile(&mut hub, Now::default(), module, &[one], &mut |_| {});
    assert!(matches!(done, Ok(Ok(Reconciled::Changed(_)))), "{done:?}");
}

proptest! {
    /// In whatever order configurations come and go, desired is what those that are there make of it.
    #[test]
    fn desired_depends_on_what_is_there_now_only(
        steps in prop::collection::vec(prop::collection::vec(any::<bool>(), 4), 1..6),
    ) {
        let contents = [
            r#"{"a":1,"m":{"x":1}}"#, r#"{"a":2,"m":{"y":2}}"#, r#"{"m":3}"#, r#"{"a":{"b":4},"n":[1]}"#,
        ].map(json);
        let ids = ["c0", "c1", "c2", "c3"];
        let mut hub = hub();
        merge(&mut hub, "a", r#"{"desired":{"own":true}}"#);
        for active in &steps {
            let now: Vec<_> = (0..4_u32).zip(&contents).zip(ids).zip(active)
                .map(|(((priority, content), id), active)| {
                    let one = automatic(id, content, priority);
                    if *active { one } else { one.retired() }
                })
                .collect();
            settle(&mut hub, &now);
        }
        let mut expected = json(r#"{"own":true}"#);
        for (content, active) in contents.iter().zip(steps.last().unwrap()) {
            if *active {
                expected.merge(content.as_ref()).unwrap();
            }
        }
        prop_assert_eq!(desired(&mut hub), crate::twin::tests::model::text(expected.as_ref()));
    }
}
