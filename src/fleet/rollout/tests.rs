//! Rollouts as timetables.

extern crate std;

use std::format;
use std::string::String;
use std::vec::Vec;

use super::super::setting::Everyone;
use super::super::setting::tests::{Hub, at, hub, id, merge, section};
use super::{Counts, Plan, Progress, Rollout, Setting, State, Target};
use crate::configuration::Cause;
use crate::protocol::TwinId;
use crate::query::TwinItem;
use crate::time::{Duration, Instant};
use crate::twin::Section;
use crate::twin::tests::model::json;

const MINUTE: Duration = Duration::from_secs(60);
const PATCH: &str = r#"{"desired":{"interval":5}}"#;

/// Devices `d0` to `d9`, each with an interval of 60 in effect.
fn fleet() -> (Hub, Vec<String>) {
    let mut hub = hub();
    let names: Vec<_> = (0..10).map(|number| format!("d{number}")).collect();
    for name in &names {
        merge(
            &mut hub,
            name,
            r#"{"desired":{"interval":60,"configVersion":3},"reported":{"interval":60,"configVersion":3}}"#,
        );
    }
    (hub, names)
}

fn targets(names: &[String]) -> Vec<Target<'_, 64>> {
    names.iter().map(|name| Target::new(id(name))).collect()
}

fn poll(rollout: &mut Rollout<'_, '_, 64>, hub: &mut Hub, secs: u64) -> Progress {
    rollout.poll(hub, at(secs), &Everyone, &mut |_| {}).unwrap()
}

fn applies(hub: &mut Hub, device: &str, number: u64) {
    merge(
        hub,
        device,
        &format!(r#"{{"reported":{{"interval":5,"configVersion":{number}}}}}"#),
    );
}

fn fails(hub: &mut Hub, device: &str, number: u64) {
    merge(
        hub,
        device,
        &format!(r#"{{"reported":{{"configError":{{"version":{number},"reason":"no"}}}}}}"#),
    );
}

#[test]
fn waves_go_on_when_all_of_one_have_answered() {
    let (mut hub, names) = fleet();
    let (mut targets, patch) = (targets(&names), json(PATCH));
    let plan = Plan::new(MINUTE).with_waves(&[10, 50]);
    let mut rollout = Rollout::new(Setting::new(patch.as_ref()), plan, &mut targets);
    assert_eq!(
        poll(&mut rollout, &mut hub, 0),
        Progress::Running { wave: 0 }
    );
    assert_eq!(rollout.poll_timeout(), Some(Instant::from_millis(60_000)));
    assert_eq!(
        section(&mut hub, "d1", Section::Desired),
        r#"{"configVersion":3,"interval":60}"#
    );
    applies(&mut hub, "d0", 4);
    assert_eq!(
        poll(&mut rollout, &mut hub, 10),
        Progress::Running { wave: 1 }
    );
    (1..4).for_each(|n| applies(&mut hub, &format!("d{n}"), 4));
    assert_eq!(
        poll(&mut rollout, &mut hub, 20),
        Progress::Running { wave: 1 }
    );
    applies(&mut hub, "d4", 4);
    assert_eq!(
        poll(&mut rollout, &mut hub, 30),
        Progress::Running { wave: 2 }
    );
    (5..10).for_each(|n| applies(&mut hub, &format!("d{n}"), 4));
    assert_eq!(poll(&mut rollout, &mut hub, 40), Progress::Done);
    assert_eq!(
        rollout.counts(),
        Counts {
            applied: 10,
            ..Counts::default()
        }
    );
    assert_eq!(rollout.poll_timeout(), None);
}

#[test]
fn the_first_failure_stops_what_is_left_and_is_rolled_back() {
    let (mut hub, names) = fleet();
    let (mut targets, patch) = (targets(&names), json(PATCH));
    let plan = Plan::new(MINUTE).with_waves(&[20]);
    let mut rollout = Rollout::new(Setting::new(patch.as_ref()), plan, &mut targets);
    poll(&mut rollout, &mut hub, 0);
    fails(&mut hub, "d1", 4);
    assert_eq!(
        poll(&mut rollout, &mut hub, 1),
        Progress::Stopped { wave: 0 }
    );
    assert_eq!(
        rollout.targets()[1].state(),
        State::RolledBack(Cause::Failed, 5)
    );
    let words = |rollout: &Rollout<'_, '_, 64>| {
        let reasons = rollout.targets().iter().take(3);
        reasons
            .map(|it| (it.attempts(), it.reason().map(String::from)))
            .collect::<Vec<_>>()
    };
    let told = [(1, None), (1, Some("no".into())), (0, None)];
    assert_eq!(words(&rollout), told);
    assert_eq!(
        section(&mut hub, "d1", Section::Desired),
        r#"{"configVersion":5,"interval":60}"#
    );
    // The other device of the wave still has its time, and no other one is asked.
    assert_eq!(
        poll(&mut rollout, &mut hub, 60),
        Progress::Stopped { wave: 0 }
    );
    assert_eq!(
        rollout.targets()[0].state(),
        State::RolledBack(Cause::Overdue, 5)
    );
    assert_eq!(
        rollout.counts(),
        Counts {
            waiting: 8,
            failed: 2,
            ..Counts::default()
        }
    );
}

#[test]
fn failures_within_the_tolerance_are_rolled_back_and_the_rest_goes_on() {
    let (mut hub, names) = fleet();
    let (mut targets, patch) = (targets(&names), json(PATCH));
    let plan = Plan::new(MINUTE).with_tolerance(20);
    let mut rollout = Rollout::new(Setting::new(patch.as_ref()), plan, &mut targets);
    poll(&mut rollout, &mut hub, 0);
    (0..2).for_each(|n| fails(&mut hub, &format!("d{n}"), 4));
    (2..9).for_each(|n| applies(&mut hub, &format!("d{n}"), 4));
    assert_eq!(
        poll(&mut rollout, &mut hub, 1),
        Progress::Running { wave: 0 }
    );
    assert_eq!(
        poll(&mut rollout, &mut hub, 60),
        Progress::Stopped { wave: 0 },
        "a third one"
    );
    assert_eq!(
        rollout.counts(),
        Counts {
            applied: 7,
            failed: 3,
            ..Counts::default()
        }
    );
}

#[test]
fn who_is_left_alone_does_not_make_a_failure_rate_look_small() {
    let (mut hub, names) = fleet();
    let (mut targets, patch) = (targets(&names), json(PATCH));
    let plan = Plan::new(MINUTE).with_waves(&[50]).with_tolerance(40);
    let mut rollout = Rollout::new(Setting::new(patch.as_ref()), plan, &mut targets);
    let pair = |twin: &TwinItem<'_>| twin.twin().section(Section::Tags).is_empty();
    for device in ["d0", "d2", "d4"] {
        merge(&mut hub, device, r#"{"tags":{"other":true}}"#);
    }
    rollout.poll(&mut hub, at(0), &pair, &mut |_| {}).unwrap();
    fails(&mut hub, "d1", 4);
    // One of the two that were asked, not one of five.
    let progress = rollout.poll(&mut hub, at(1), &pair, &mut |_| {}).unwrap();
    assert_eq!(progress, Progress::Stopped { wave: 0 });
}

#[test]
fn without_rollback_desired_stays_for_those_who_come_late() {
    let (mut hub, names) = fleet();
    let (mut targets, patch) = (targets(&names), json(PATCH));
    let plan = Plan::new(MINUTE).with_tolerance(100).without_rollback();
    let mut rollout = Rollout::new(Setting::new(patch.as_ref()), plan, &mut targets);
    poll(&mut rollout, &mut hub, 0);
    assert_eq!(poll(&mut rollout, &mut hub, 60), Progress::Done);
    assert_eq!(rollout.targets()[0].state(), State::Failed(Cause::Overdue));
    assert_eq!(
        section(&mut hub, "d0", Section::Desired),
        r#"{"configVersion":4,"interval":5}"#
    );
}

#[test]
fn a_device_that_was_given_something_else_meanwhile_is_nobodys_business() {
    let (mut hub, names) = fleet();
    let (mut targets, patch) = (targets(&names), json(PATCH));
    let mut rollout = Rollout::new(
        Setting::new(patch.as_ref()),
        Plan::new(MINUTE),
        &mut targets,
    );
    poll(&mut rollout, &mut hub, 0);
    merge(
        &mut hub,
        "d0",
        r#"{"desired":{"interval":7,"configVersion":5}}"#,
    );
    (1..10).for_each(|n| applies(&mut hub, &format!("d{n}"), 4));
    assert_eq!(poll(&mut rollout, &mut hub, 90), Progress::Done);
    assert_eq!(
        rollout.counts(),
        Counts {
            applied: 9,
            skipped: 1,
            ..Counts::default()
        }
    );
    assert_eq!(
        section(&mut hub, "d0", Section::Desired),
        r#"{"configVersion":5,"interval":7}"#
    );
}

#[test]
fn what_could_not_be_undone_is_not_done() {
    let mut hub = hub();
    let long = "x".repeat(80);
    merge(
        &mut hub,
        "a",
        &format!(r#"{{"desired":{{"text":"{long}"}}}}"#),
    );
    let patch = json(r#"{"desired":{"text":"short"}}"#);
    let mut targets = [Target::<64>::new(TwinId::new("a", None).unwrap())];
    let mut rollout = Rollout::new(
        Setting::new(patch.as_ref()),
        Plan::new(MINUTE),
        &mut targets,
    );
    let progress = rollout
        .poll(&mut hub, at(0), &Everyone, &mut |_| {})
        .unwrap();
    assert_eq!(progress, Progress::Stopped { wave: 0 });
    assert!(matches!(rollout.targets()[0].state(), State::Refused(_)));
    assert!(section(&mut hub, "a", Section::Desired).contains(&long));
}

#[test]
fn a_rollback_brings_back_exactly_what_was_there() {
    let mut hub = hub();
    merge(&mut hub, "a", r#"{"desired":{"m":{"x":1,"y":2},"n":[1]}}"#);
    let patch = json(r#"{"desired":{"m":{"x":null,"z":3},"n":{"deep":true}}}"#);
    let mut targets = [Target::<128>::new(id("a"))];
    let mut rollout = Rollout::new(
        Setting::new(patch.as_ref()),
        Plan::new(MINUTE),
        &mut targets,
    );
    rollout
        .poll(&mut hub, at(0), &Everyone, &mut |_| {})
        .unwrap();
    assert_eq!(
        section(&mut hub, "a", Section::Desired),
        r#"{"configVersion":1,"m":{"y":2,"z":3},"n":{"deep":true}}"#
    );
    rollout
        .poll(&mut hub, at(60), &Everyone, &mut |_| {})
        .unwrap();
    assert_eq!(
        section(&mut hub, "a", Section::Desired),
        r#"{"configVersion":2,"m":{"x":1,"y":2},"n":[1]}"#
    );
}
