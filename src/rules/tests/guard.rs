use super::super::{ANY, Check, Condition, Guard, Rule, ValueRules, checked};
use super::PUMP;
use super::doc;
use crate::document::Document;
use crate::error::Status;
use crate::time::Timestamp;
use crate::twin::{self, Policy, Rejected, Twin, TwinRef, Update};
use serde_json::{Value as Json, json};
use std::string::{String, ToString};

static RULES: ValueRules = checked!(ValueRules::new(&[
    Rule::new(&["min"], &[Check::between(0, 9)]).when(
        &[Condition::Ordered {
            lower: &["min"],
            upper: &["max"],
        }],
        "min is above max",
    ),
    Rule::new(&["zones", ANY, "level"], &[Check::between(0, 5)]).required(),
    Rule::new(&["mode"], &[]).required(),
]));

/// What the guard says of an update of a twin.
fn verdict(guard: &dyn Guard, before: &Json, patch: &Json) -> Result<(), String> {
    let now = Timestamp::from_secs(1);
    let mut previous = Twin::<1024>::new();
    let before = doc(before);
    if !before.is_empty() {
        let update = Update::merge(before.as_ref());
        twin::apply(
            TwinRef::ABSENT,
            &update,
            now,
            &Policy::new(),
            &mut previous.as_mut(),
        )
        .unwrap();
    }
    let patch: Document<2048> = doc(patch);
    let mut next = Twin::<1024>::new();
    let update = Update::merge(patch.as_ref());
    twin::apply(
        previous.as_ref(),
        &update,
        now,
        &Policy::new(),
        &mut next.as_mut(),
    )
    .unwrap();
    guard
        .check(previous.as_ref(), next.as_ref())
        .map_err(|refusal| {
            assert_eq!(Rejected::Refused(refusal).status(), Status::Invalid);
            Rejected::Refused(refusal).to_string()
        })
}

#[test]
fn a_wish_is_judged_from_the_state_that_the_device_reports() {
    let running = json!({"reported": {"state": "running"}});
    let wish = |state: &str| verdict(&PUMP, &running, &json!({"desired": {"state": state}}));
    assert_eq!(wish("paused"), Ok(()));
    assert_eq!(wish("running"), Ok(()));
    let refused = "state: no such transition (running -> maintenance)";
    assert_eq!(wish("maintenance"), Err(refused.to_string()));
    assert_eq!(wish("flying"), Err("state: unknown state".to_string()));
    let bad = verdict(&PUMP, &running, &json!({"desired": {"state": {"x": 1}}}));
    assert_eq!(bad, Err("state: unknown state".to_string()));
}

#[test]
fn before_the_device_reports_any_known_state_may_be_wished_for() {
    assert_eq!(
        verdict(&PUMP, &json!({}), &json!({"desired": {"state": "paused"}})),
        Ok(())
    );
    assert!(verdict(&PUMP, &json!({}), &json!({"desired": {"state": "p"}})).is_err());
}

#[test]
fn a_wish_that_stands_holds_up_no_other_update() {
    // The wish was legal once; the device has moved on.
    let before = json!({"desired": {"state": "paused"}, "reported": {"state": "idle"}});
    for patch in [
        json!({"desired": {"other": 1}}),
        json!({"desired": {"state": "paused"}}),
        json!({"desired": {"state": null}}),
        json!({"desired": null}),
        json!({"reported": {"state": "error"}}),
        json!({"tags": {"room": 1}}),
    ] {
        assert_eq!(verdict(&PUMP, &before, &patch), Ok(()), "{patch}");
    }
}

#[test]
fn what_belongs_to_the_device_is_nothing_to_wish_for() {
    for key in [
        "previousState",
        "stateChangedAt",
        "stateChangeReason",
        "stateTransitionError",
    ] {
        assert_eq!(
            verdict(&PUMP, &json!({}), &json!({"desired": {key: "x"}})),
            Err(std::format!("{key}: belongs to the device"))
        );
        let before = json!({"desired": {key: "x"}});
        assert_eq!(
            verdict(&PUMP, &before, &json!({"desired": {"a": 1}})),
            Ok(())
        );
    }
}

#[test]
fn values_are_judged_where_desired_changes() {
    let check = |before: Json, patch: Json| verdict(&RULES, &before, &patch);
    let good = json!({"desired": {"mode": "a", "min": 1, "max": 2}});
    assert_eq!(check(json!({}), good.clone()), Ok(()));
    assert_eq!(
        check(good.clone(), json!({"desired": {"min": 10}})),
        Err("min: out of range".to_string())
    );
    // The leaf that changes is not the one that the rule is about.
    assert_eq!(
        check(good.clone(), json!({"desired": {"max": 0}})),
        Err("min: min is above max".to_string())
    );
    assert_eq!(
        check(good.clone(), json!({"desired": {"mode": null}})),
        Err("mode: missing".to_string())
    );
    assert_eq!(
        check(json!({}), json!({"desired": {"min": 1}})),
        Err("mode: missing".to_string())
    );
    assert_eq!(
        check(
            good.clone(),
            json!({"desired": {"zones": {"a": {"on": true}}}})
        ),
        Err("zones/*/level: missing".to_string())
    );
    assert_eq!(check(good.clone(), json!({"desired": null})), Ok(()));
    assert_eq!(check(good, json!({"reported": {"min": 99}})), Ok(()));
}

#[test]
fn what_was_wrong_before_is_put_right_bit_by_bit() {
    let before = json!({"desired": {"min": 20, "zones": {"a": {"on": 1}, "b": {"level": 7}}}});
    let check = |patch: Json| verdict(&RULES, &before, &patch);
    assert_eq!(
        check(json!({"desired": {"zones": {"b": {"level": 3}}}})),
        Ok(())
    );
    assert_eq!(check(json!({"desired": {"other": true}})), Ok(()));
    assert!(
        check(json!({"desired": {"min": 21}})).is_err(),
        "no worse than before"
    );
    assert!(check(json!({"desired": {"zones": {"c": {"on": 1}}}})).is_err());
    assert!(check(json!({"desired": {"zones": {"b": {"level": null}}}})).is_err());
}

#[test]
fn of_two_guards_either_can_refuse() {
    let both = (&PUMP, &RULES);
    let check = |patch: Json| verdict(&both, &json!({}), &patch);
    assert_eq!(
        check(json!({"desired": {"mode": 1, "state": "idle"}})),
        Ok(())
    );
    assert_eq!(
        check(json!({"desired": {"state": "idle"}})),
        Err("mode: missing".to_string())
    );
    assert!(
        check(json!({"desired": {"mode": 1, "state": "x"}}))
            .unwrap_err()
            .starts_with("state")
    );
}
