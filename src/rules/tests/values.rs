use super::super::{ANY, Breach, Check, Condition, Kind, Range, Rule, ValueRules, checked};
use super::doc;
use crate::document::{DocumentRef, Number, Value};
use serde_json::{Value as Json, json};
use std::string::{String, ToString};
use std::vec::Vec;

static RULES: ValueRules = checked!(ValueRules::new(&[
    Rule::new(&["mode"], &[Check::OneOf(&["auto", "manual"])]).required(),
    Rule::new(
        &["target"],
        &[Check::Range(Range::between(50, 355).scaled(-1))]
    ),
    Rule::new(&["name"], &[Check::Length { min: 1, max: 4 }]),
    Rule::new(
        &["zones"],
        &[Check::Is(Kind::Map), Check::Length { min: 0, max: 2 }]
    ),
    Rule::new(
        &["zones", ANY, "level"],
        &[Check::Is(Kind::Integer), Check::between(0, 5)]
    )
    .required(),
    Rule::new(&["zones", ANY, "on"], &[Check::Flag(true)]),
    Rule::new(&["step"], &[Check::OneOfIntegers(&[1, 2, 5])]),
    Rule::new(&["min"], &[]).when(LIMITS, "min is above max"),
    Rule::new(&["max"], &[]).when(LIMITS, "min is above max"),
    Rule::new(&["any"], &[]),
]))
.closed();

const LIMITS: &[Condition] = &[Condition::Ordered {
    lower: &["min"],
    upper: &["max"],
}];

/// Every leaf that breaks a rule, with the rule and the reason.
fn broken(desired: &Json) -> Vec<String> {
    let desired = doc(desired);
    let mut broken = Vec::new();
    for leaf in desired.leaves() {
        let judged = RULES.judge(&leaf.path, desired.as_ref(), DocumentRef::EMPTY);
        if let Err(error) = judged {
            broken.push(std::format!("{} {error}", leaf.path));
        }
    }
    RULES.each_missing(desired.as_ref(), &mut |rule, path| {
        let line = std::format!("{} missing {}", path.join("/"), rule.path().join("/"));
        if !broken.contains(&line) {
            broken.push(line);
        }
    });
    broken
}

#[test]
fn a_document_that_keeps_the_rules_breaks_none() {
    assert_eq!(broken(&json!({})), [""; 0]);
    assert_eq!(
        broken(&json!({
            "mode": "auto", "target": 21, "name": "häll", "step": 5, "min": 1, "max": 1,
            "zones": {"a": {"level": 0, "on": true}, "b": {"level": 5}}, "any": {"thing": [1]},
        })),
        [""; 0]
    );
    assert_eq!(broken(&json!({"mode": "manual", "zones": {}})), [""; 0]);
}

#[test]
fn each_bad_leaf_is_named_with_its_rule() {
    assert_eq!(
        broken(&json!({
            "mode": "turbo", "target": 36, "name": "", "step": 3, "min": 2, "max": 1,
            "zones": {"a": {"level": 6, "on": false}, "b": {"level": "5"}}, "other": 1,
        })),
        [
            "max max: min is above max",
            "min min: min is above max",
            "mode mode: not an allowed value",
            "name name: wrong length",
            "step step: not an allowed value",
            "other unknown key",
            "zones/a/on zones/*/on: not an allowed value",
            "zones/a/level zones/*/level: out of range",
            "zones/b/level zones/*/level: wrong type",
            "target target: out of range",
        ]
    );
}

#[test]
fn what_is_required_is_missed_where_it_belongs() {
    assert_eq!(broken(&json!({"step": 1})), ["mode missing mode"]);
    assert_eq!(
        broken(&json!({"mode": "auto", "zones": {"a": {"on": true}, "b": {}}})),
        [
            "zones/a/level missing zones/*/level",
            "zones/b/level missing zones/*/level"
        ]
    );
}

#[test]
fn a_value_where_a_map_belongs_is_of_the_wrong_type() {
    assert_eq!(
        broken(&json!({"mode": "auto", "zones": 1})),
        ["zones zones: wrong type"]
    );
    // A map where a value belongs is found at each of its leaves.
    assert_eq!(
        broken(&json!({"mode": {"a": 1, "b": 2}})),
        ["mode/a mode: wrong type", "mode/b mode: wrong type"]
    );
    // And too large a map, too.
    let three = json!({"mode": "auto", "zones": {
        "a": {"level": 1}, "b": {"level": 1}, "c": {"level": 1}}});
    assert_eq!(broken(&three).len(), 3);
}

#[test]
fn a_range_compares_exactly() {
    const RANGE: Range = Range::between(50, 355).scaled(-1);
    for (text, inside) in [
        ("5", true),
        ("4.9999999999999", false),
        ("35.5", true),
        ("35.500000000000001", false),
        ("-1e100", false),
        ("1e100", false),
    ] {
        let number = Number::parse(text.as_bytes()).unwrap();
        assert_eq!(RANGE.contains(number), inside, "{text}");
    }
    const HUGE: Range = Range::at_least(5).scaled(100);
    assert!(!HUGE.contains(Number::from(i64::MAX)));
    assert!(HUGE.contains(Number::parse(b"6e100").unwrap()));
    // What no number holds, nothing is in.
    const BEYOND: Range = Range::at_most(1).scaled(127).scaled(127);
    assert!(!BEYOND.contains(Number::ZERO));
    assert_eq!(
        Check::Range(BEYOND).judge(Value::from(0)),
        Err(Breach::OutOfRange)
    );
}

#[test]
fn every_check_says_what_it_is_not() {
    let text = Value::from("ab");
    for (check, value, expected) in [
        (Check::Is(Kind::Bool), Value::Bool(true), Ok(())),
        (Check::Is(Kind::Bool), text, Err(Breach::WrongType)),
        (Check::Is(Kind::Text), text, Ok(())),
        (Check::Is(Kind::Array), text, Err(Breach::WrongType)),
        (Check::Is(Kind::Number), Value::from(1), Ok(())),
        (
            Check::Flag(true),
            Value::Bool(false),
            Err(Breach::NotAllowed),
        ),
        (Check::Flag(true), Value::from(1), Err(Breach::WrongType)),
        (Check::at_least(2), Value::from(1), Err(Breach::OutOfRange)),
        (Check::at_most(2), Value::from(2), Ok(())),
        (
            Check::Length { min: 3, max: 9 },
            text,
            Err(Breach::WrongLength),
        ),
        (
            Check::Length { min: 0, max: 1 },
            text,
            Err(Breach::WrongLength),
        ),
        (
            Check::Length {
                min: 0,
                max: usize::MAX,
            },
            text,
            Ok(()),
        ),
        (
            Check::Length { min: 0, max: 9 },
            Value::from(1),
            Err(Breach::WrongType),
        ),
        (Check::OneOf(&["a"]), text, Err(Breach::NotAllowed)),
        (Check::OneOfIntegers(&[1]), Value::from(1), Ok(())),
        (Check::OneOfIntegers(&[1]), text, Err(Breach::WrongType)),
    ] {
        assert_eq!(check.judge(value), expected, "{check:?} {value:?}");
    }
    let half = Value::from(Number::new(5, -1).unwrap());
    assert_eq!(Check::Is(Kind::Integer).judge(half), Err(Breach::WrongType));
    assert_eq!(Check::Is(Kind::Number).judge(half), Ok(()));
    assert_eq!(Breach::OutOfRange.to_string(), "out of range");
}
