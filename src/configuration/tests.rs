//! Configurations from both ends, and races for the next number.

extern crate std;

use std::string::{String, ToString};
use std::vec::Vec;
use std::{format, vec};

use proptest::prelude::*;

use super::{Acknowledgement, Code, Shape, TrialError, conclude, refuse, says, stamp, version_of};
use super::{
    Cause, Conclusion, Deployment, History, Keys, Outcome, RollbackError, Standing, Trial,
};
use crate::document::{Document, DocumentRef};
use crate::time::{Duration, Instant, Timestamp};
use crate::twin::tests::model::{N, json as doc, text};
use crate::twin::{self, Policy, Precondition, Rejected, Section, Twin, Update, Version};

type Doc = Document<{ N }>;

const KEYS: Keys = Keys::DEFAULT;
const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);

fn concluded(desired: &str, reported: &str) -> (Conclusion, String) {
    let mut report = doc(r#"{"old":1}"#);
    let conclusion = conclude(
        doc(desired).as_ref(),
        doc(reported).as_ref(),
        NOW,
        &KEYS,
        &mut report.as_mut(),
    );
    (conclusion.unwrap(), text(report.as_ref()))
}

#[test]
fn the_number_is_reported_when_everything_else_is_in_effect() {
    let desired = r#"{"configVersion":2,"interval":60,"net":{"apn":"a"}}"#;
    let pending = concluded(desired, r#"{"interval":60}"#);
    assert_eq!(pending, (Conclusion::Pending(1), "{}".to_string()));
    let applied = concluded(desired, r#"{"interval":60,"net":{"apn":"a","more":1}}"#);
    let report = r#"{"configAppliedAt":1700000000000,"configVersion":2}"#;
    assert_eq!(applied, (Conclusion::Applied(2), report.to_string()));
    let said = concluded(
        desired,
        r#"{"configVersion":2,"interval":60,"net":{"apn":"a"}}"#,
    );
    assert_eq!(said, (Conclusion::Said(2), "{}".to_string()));
}

#[test]
fn a_success_takes_the_former_failure_back() {
    let failed = r#"{"a":1,"configError":{"version":1,"reason":"no"}}"#;
    let (conclusion, report) = concluded(r#"{"configVersion":2,"a":1}"#, failed);
    assert_eq!(conclusion, Conclusion::Applied(2));
    assert!(report.contains(r#""configError":null"#), "{report}");
}

#[test]
fn an_answer_in_the_plug_and_play_shape_counts_if_its_code_is_a_success() {
    let desired = r#"{"configVersion":2,"a":1}"#;
    let answer = |code: u16| format!(r#"{{"a":{{"value":1,"ac":{code},"av":2}}}}"#);
    assert_eq!(concluded(desired, &answer(200)).0, Conclusion::Applied(2));
    assert_eq!(concluded(desired, &answer(203)).0, Conclusion::Applied(2));
    for code in [202, 400, 500] {
        assert_eq!(
            concluded(desired, &answer(code)).0,
            Conclusion::Pending(1),
            "{code}"
        );
    }
    let other = concluded(desired, r#"{"a":{"value":7,"ac":200,"av":2}}"#);
    assert_eq!(other.0, Conclusion::Pending(1));
    // The number itself, and members of a property that is an object, too.
    let desired = r#"{"configVersion":2,"mode":{"a":1,"b":2},"fan":{"__t":"c","speed":3}}"#;
    let reported = r#"{"configVersion":{"value":2,"ac":200,"av":2},"mode":{"value":{"a":1,"b":2},"ac":200,"av":2},
        "fan":{"__t":"c","speed":{"value":3,"ac":200,"av":2}}}"#;
    assert_eq!(concluded(desired, reported).0, Conclusion::Said(2));
}

fn written(code: u16, path: &[&str], shape: Shape) -> String {
    let mut patch = doc(r#"{"old":1}"#);
    Acknowledgement::new(code.into(), Version::new(7))
        .with_description("so")
        .write(path, 21.into(), shape, patch.as_mut())
        .unwrap();
    text(patch.as_ref())
}

#[test]
fn an_acknowledgement_stands_beside_the_value_or_around_it() {
    assert_eq!(
        written(400, &["net", "mtu"], Shape::PLAIN),
        r#"{"configStatus":{"net":{"mtu":{"ac":400,"ad":"so","av":7}}},"net":{"mtu":21}}"#
    );
    assert_eq!(
        written(200, &["fan", "speed"], Shape::PlugAndPlay),
        r#"{"fan":{"__t":"c","speed":{"ac":200,"ad":"so","av":7,"value":21}}}"#
    );
}

#[test]
fn an_acknowledgement_is_read_as_it_was_written_with_any_code() {
    for shape in [
        Shape::PLAIN,
        Shape::Plain { under: "notes" },
        Shape::PlugAndPlay,
    ] {
        for code in [200, 202, 203, 400, 404, 500] {
            let patch = doc(&written(code, &["fan", "speed"], shape));
            let read = Acknowledgement::of(patch.as_ref(), &["fan", "speed"], shape).unwrap();
            assert_eq!(read.code.as_u16(), code);
            assert_eq!(
                (read.version, read.description),
                (Version::new(7), Some("so"))
            );
            assert_eq!(Acknowledgement::of(patch.as_ref(), &["fan"], shape), None);
            let wanted = doc("21");
            let is_said = shape != Shape::PlugAndPlay || matches!(code, 200 | 203);
            assert_eq!(
                says(patch.as_ref(), &["fan", "speed"], wanted.as_ref()),
                is_said,
                "{code}"
            );
        }
    }
    let none = Acknowledgement::new(Code::Bad, Version::ZERO);
    let mut small = Document::<12>::new();
    assert!(
        none.write(&["a"], 1.into(), Shape::PLAIN, small.as_mut())
            .is_err()
    );
    assert!(small.is_empty());
}

#[test]
fn a_trial_keeps_values_not_their_acknowledgements() {
    let desired = doc(r#"{"configVersion":2,"a":2,"b":5,"mode":{"x":2,"y":1}}"#);
    let reported = doc(
        r#"{"a":{"value":1,"ac":200,"av":1},"b":{"value":5,"ac":200,"av":1},
            "mode":{"value":{"x":1,"y":1},"ac":200,"av":1}}"#,
    );
    let mut trial = Trial::<128>::new();
    let minute = Duration::from_secs(60);
    trial
        .begin(
            Instant::ZERO,
            minute,
            desired.as_ref(),
            reported.as_ref(),
            &KEYS,
        )
        .unwrap();
    assert_eq!(text(trial.before().unwrap()), r#"{"a":1,"mode":{"x":1}}"#);
}

#[test]
fn a_trial_outlives_a_restart_with_what_was_stored() {
    let desired = doc(r#"{"configVersion":2,"a":2}"#);
    let minute = Duration::from_secs(60);
    let mut trial = Trial::<64>::new();
    trial
        .begin(
            Instant::ZERO,
            minute,
            desired.as_ref(),
            doc(r#"{"a":1}"#).as_ref(),
            &KEYS,
        )
        .unwrap();
    let stored = (trial.version().unwrap(), trial.before().map(text).unwrap());
    let mut trial = Trial::<64>::new();
    assert_eq!(trial.before(), None);
    trial
        .restore(
            Instant::from_millis(5),
            minute,
            stored.0,
            doc(&stored.1).as_ref(),
        )
        .unwrap();
    assert_eq!(
        (trial.version(), trial.poll_timeout()),
        (Some(2), Some(Instant::from_millis(60_005)))
    );
    let back = trial.poll(Instant::from_millis(60_005)).map(text);
    assert_eq!(back.unwrap(), r#"{"a":1}"#);
    let long = doc(&format!(r#"{{"a":"{}"}}"#, "x".repeat(80)));
    assert!(
        trial
            .restore(Instant::ZERO, minute, 3, long.as_ref())
            .is_err()
    );
    assert_eq!(trial.version(), None);
}

#[test]
fn a_configuration_that_has_failed_is_not_tried_again() {
    let desired = doc(r#"{"configVersion":2,"a":2}"#);
    let mut reported = doc(r#"{"a":1}"#);
    let mut report = Doc::new();
    refuse(desired.as_ref(), "no network", &KEYS, &mut report.as_mut()).unwrap();
    reported.merge(report.as_ref()).unwrap();
    let mut trial = Trial::<64>::new();
    let minute = Duration::from_secs(60);
    let mut begin = |desired: &Doc| {
        trial.begin(
            Instant::ZERO,
            minute,
            desired.as_ref(),
            reported.as_ref(),
            &KEYS,
        )
    };
    assert_eq!(begin(&desired), Err(TrialError::Failed(2)));
    assert_eq!(begin(&doc(r#"{"configVersion":3,"a":2}"#)), Ok(()));
}

#[test]
fn without_a_number_there_is_nothing_to_conclude() {
    for desired in [
        "{}",
        r#"{"a":1}"#,
        r#"{"configVersion":"2"}"#,
        r#"{"configVersion":-1}"#,
    ] {
        assert_eq!(
            concluded(desired, "{}").0,
            Conclusion::Unnumbered,
            "{desired}"
        );
    }
}

#[test]
fn a_report_without_room_is_left_empty() {
    let (desired, mut report) = (doc(r#"{"configVersion":2}"#), Document::<24>::new());
    let mut report = report.as_mut();
    let none = Doc::new();
    assert!(conclude(desired.as_ref(), none.as_ref(), NOW, &KEYS, &mut report).is_err());
    assert!(report.as_ref().is_empty());
    assert!(refuse(desired.as_ref(), "a longer reason", &KEYS, &mut report).is_err());
    assert!(report.as_ref().is_empty());
}

#[test]
fn a_failure_is_only_that_of_its_own_configuration() {
    let desired = doc(r#"{"configVersion":3,"a":1}"#);
    let mut report = Doc::new();
    refuse(
        desired.as_ref(),
        "pump is missing",
        &KEYS,
        &mut report.as_mut(),
    )
    .unwrap();
    let standing = Standing::of(desired.as_ref(), report.as_ref(), &KEYS);
    assert_eq!(standing.failed().unwrap().reason, "pump is missing");
    assert_eq!(
        (standing.wanted, standing.applied, standing.open),
        (Some(3), None, 1)
    );
    let next = doc(r#"{"configVersion":4,"a":1}"#);
    let standing = Standing::of(next.as_ref(), report.as_ref(), &KEYS);
    assert_eq!(
        (standing.failed(), standing.failure.unwrap().version),
        (None, 3)
    );
}

#[test]
fn a_history_drops_the_oldest_and_brings_back_any_other() {
    let mut history = History::<100>::new();
    for version in 1..=4_u64 {
        let desired = doc(&format!(
            r#"{{"configVersion":{version},"v{version}":true}}"#
        ));
        history.keep(version, NOW, desired.as_ref()).unwrap();
    }
    let kept: Vec<u64> = history.iter().map(|kept| kept.version).collect();
    assert_eq!(kept, [3, 4]);
    let desired = doc(r#"{"configVersion":9,"other":[1]}"#);
    let mut patch = Doc::new();
    let mut roll =
        |version| history.rollback(version, desired.as_ref(), &KEYS, &mut patch.as_mut());
    assert_eq!(roll(1), Err(RollbackError::Unknown(1)));
    assert_eq!(roll(3), Ok(10));
    assert_eq!(
        text(patch.as_ref()),
        r#"{"configVersion":10,"other":null,"v3":true}"#
    );
}

#[test]
fn the_same_number_again_replaces_its_entry_and_what_is_too_long_drops_nothing() {
    let mut history = History::<64>::new();
    history.keep(1, NOW, doc(r#"{"a":1}"#).as_ref()).unwrap();
    history.keep(1, NOW, doc(r#"{"a":2}"#).as_ref()).unwrap();
    let long = doc(&format!(r#"{{"a":"{}"}}"#, "x".repeat(60)));
    assert!(history.keep(2, NOW, long.as_ref()).is_err());
    let kept: Vec<String> = history.iter().map(|kept| text(kept.desired)).collect();
    assert_eq!(kept, [r#"{"a":2}"#]);
}

#[test]
fn a_trial_brings_back_what_was_in_effect_and_nothing_else() {
    let desired = doc(r#"{"configVersion":2,"a":{"b":2,"c":3},"new":true,"same":1}"#);
    let reported = doc(r#"{"a":{"b":1,"z":9},"same":1,"sensor":20}"#);
    let (second, minute) = (Instant::from_millis(1_000), Duration::from_secs(60));
    let mut trial = Trial::<128>::new();
    trial
        .begin(second, minute, desired.as_ref(), reported.as_ref(), &KEYS)
        .unwrap();
    assert_eq!(
        (trial.version(), trial.poll_timeout()),
        (Some(2), Some(Instant::from_millis(61_000)))
    );
    assert_eq!(trial.poll(Instant::from_millis(60_999)), None);
    // Asking again, when half of it is applied, does not forget what was there at first.
    let half = doc(r#"{"a":{"b":2,"z":9},"same":1}"#);
    trial
        .begin(second, minute, desired.as_ref(), half.as_ref(), &KEYS)
        .unwrap();
    let back = trial.poll(Instant::from_millis(61_000)).map(text);
    assert_eq!(back.unwrap(), r#"{"a":{"b":1,"c":null},"new":null}"#);
    assert_eq!(trial.poll(Instant::from_millis(99_000)), None, "once");
}

#[test]
fn a_trial_that_is_passed_or_failed_is_over_and_another_one_waits() {
    let (one, two, none) = (
        doc(r#"{"configVersion":1,"a":1}"#),
        doc(r#"{"configVersion":2}"#),
        Doc::new(),
    );
    let (now, minute) = (Instant::ZERO, Duration::from_secs(60));
    let mut trial = Trial::<64>::new();
    trial
        .begin(now, minute, one.as_ref(), none.as_ref(), &KEYS)
        .unwrap();
    let other = trial.begin(now, minute, two.as_ref(), none.as_ref(), &KEYS);
    assert_eq!(other, Err(TrialError::Running(1)));
    assert_eq!((trial.pass(), trial.pass()), (Some(1), None));
    trial
        .begin(now, minute, two.as_ref(), none.as_ref(), &KEYS)
        .unwrap();
    assert!(trial.fail().is_some_and(DocumentRef::is_empty));
    assert_eq!(trial.fail(), None);
    assert_eq!(trial.poll_timeout(), None);
}

#[test]
fn a_deployment_waits_ends_or_is_rolled_back() {
    let deployment = Deployment::new(2, Instant::ZERO, Duration::from_secs(10));
    let judge = |millis, desired: &str, reported: &str| {
        let (desired, reported) = (doc(desired), doc(reported));
        let standing = Standing::of(desired.as_ref(), reported.as_ref(), &KEYS);
        deployment.judge(Instant::from_millis(millis), &standing)
    };
    let desired = r#"{"configVersion":2,"a":1}"#;
    assert_eq!(judge(9_999, desired, "{}"), Outcome::Waiting);
    assert_eq!(
        judge(10_000, desired, "{}"),
        Outcome::RollBack(Cause::Overdue)
    );
    let failed = r#"{"configError":{"version":2,"reason":"no"}}"#;
    assert_eq!(judge(1, desired, failed), Outcome::RollBack(Cause::Failed));
    assert_eq!(
        judge(1, desired, r#"{"configVersion":2,"a":1}"#),
        Outcome::Applied
    );
    assert_eq!(
        judge(1, r#"{"configVersion":3}"#, failed),
        Outcome::Superseded
    );
}

proptest! {
    /// Writers race for the next configuration: each reads, thinks, and writes under the version it read.
    /// No update is lost, and no number is given twice.
    #[test]
    fn racing_writers_lose_no_update(turns in prop::collection::vec((0_usize..4, any::<bool>()), 1..120)) {
        let policy = Policy::new();
        let mut stored = Twin::<512>::new();
        let mut read: Vec<Option<Twin<512>>> = vec![None; 4];
        let (mut written, mut refused) = (0_u64, 0_u64);
        let mut numbers = Vec::new();
        for (writer, _) in turns {
            match read[writer].take() {
                None => read[writer] = Some(stored.clone()),
                Some(seen) => {
                    let desired = seen.as_ref().section(Section::Desired);
                    let count = desired.read::<u32>(&["count"]).unwrap_or(0);
                    let mut inner = Doc::new();
                    inner.set(&["count"], count + 1).unwrap();
                    let number = stamp(&mut inner.as_mut(), desired, &KEYS).unwrap();
                    inner.as_mut().nest("desired").unwrap();
                    let precondition = if seen.as_ref().exists() {
                        Precondition::Version(seen.as_ref().versions().twin)
                    } else {
                        Precondition::Absent
                    };
                    let update = Update::merge(inner.as_ref()).with_precondition(precondition);
                    let mut next = Twin::<512>::new();
                    match twin::apply(stored.as_ref(), &update, NOW, &policy, &mut next.as_mut()) {
                        Ok(_) => {
                            stored = next;
                            written += 1;
                            numbers.push(number);
                        }
                        Err(Rejected::Conflict { .. } | Rejected::PreconditionFailed) => refused += 1,
                        Err(other) => panic!("{other}"),
                    }
                }
            }
        }
        let desired = stored.as_ref().section(Section::Desired);
        prop_assert_eq!(desired.read::<u64>(&["count"]).unwrap_or(0), written, "{} refused", refused);
        prop_assert_eq!(version_of(desired, &KEYS).unwrap_or(0), written);
        prop_assert_eq!(numbers, (1..=written).collect::<Vec<_>>());
    }

    /// Any kept configuration comes back exactly, but for its number.
    #[test]
    fn a_rollback_restores_what_was_kept(
        sets in prop::collection::vec(prop::collection::btree_map("[a-d]", 0_u8..3, 0..4), 1..8), pick: prop::sample::Index,
    ) {
        let mut history = History::<2048>::new();
        let mut current = Doc::new();
        let mut all = Vec::new();
        for (version, entries) in (1_u64..).zip(&sets) {
            let mut next = Doc::new();
            for (key, value) in entries {
                // 0 stands for a map, so that types change, too.
                match value {
                    0 => next.set(&[key, "x"], 1).unwrap(),
                    value => next.set(&[key], *value).unwrap(),
                }
            }
            stamp(&mut next.as_mut(), current.as_ref(), &KEYS).unwrap();
            history.keep(version, NOW, next.as_ref()).unwrap();
            all.push(next.clone());
            current = next;
        }
        let wanted = pick.index(all.len());
        let number = u64::try_from(wanted).unwrap() + 1;
        let mut patch = Doc::new();
        let given = history.rollback(number, current.as_ref(), &KEYS, &mut patch.as_mut()).unwrap();
        current.merge(patch.as_ref()).unwrap();
        prop_assert_eq!(version_of(current.as_ref(), &KEYS), Some(given));
        let mut expected = all[wanted].clone();
        expected.set(&["configVersion"], i64::try_from(given).unwrap()).unwrap();
        prop_assert_eq!(current, expected);
    }
}
