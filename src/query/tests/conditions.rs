//! What conditions say about twins and documents.

use crate::document::Document;
use crate::query::{Condition, Dialect, Truth, TwinItem};
use crate::time::Timestamp;
use crate::twin::tests::model::json;
use crate::twin::{self, Policy, Twin, TwinRef, Update};

const TWIN: &str = r#"{
    "tags": {"site": "north", "floor": 3, "old": false, "a b": {"c.d": 1}, "list": [5, {"x": "y"}], "naïve": "ä€"},
    "desired": {"rate": 10, "$version": 99},
    "reported": {"rate": 9, "mode": "eco", "nested": {"deep": true}}
}"#;

fn twin() -> Twin<1024> {
    let patch = json(TWIN);
    let mut twin = Twin::new();
    let policy = Policy::new().with_metadata(true);
    let now = Timestamp::from_millis(1_580_405_715_424);
    let update = Update::merge(patch.as_ref());
    twin::apply(TwinRef::ABSENT, &update, now, &policy, &mut twin.as_mut()).unwrap();
    twin
}

fn evaluate(text: &str, dialect: Dialect) -> Truth {
    let twin = twin();
    let mut identity = Document::<128>::new();
    identity.set(&["status"], "enabled").unwrap();
    identity
        .set(&["configurations", "my conf", "status"], "Applied")
        .unwrap();
    let item = TwinItem::new("pump-1", twin.as_ref())
        .with_module("m")
        .with_identity(identity.as_ref());
    let condition = Condition::<64>::parse(text, dialect);
    condition
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .evaluate(&item)
}

#[test]
fn paths_lead_into_the_twin_and_its_identity() {
    for text in [
        "tags.site = 'north'",
        "TAGS.site = \"north\"",
        "is_defined(tags.[[a b]]) AND tags.[[a b]].[[c.d]] = 1",
        "tags.list[0] = 5 AND tags.list[1].x = 'y' AND NOT is_defined(tags.list[2])",
        "tags.naïve = 'ä€' AND length(tags.naïve) = 2 AND substring(tags.naïve, 1) = '€'",
        "index_of(tags.naïve, '€') = 1",
        "tags.naïve = '\\u00e4\\u20AC'",
        "properties.desired.rate = 10.0",
        "properties.reported.rate < properties.desired.rate",
        "properties.reported.nested.deep",
        "properties.desired.$version = 1 AND version = 1",
        "deviceId = 'pump-1' AND moduleId = 'm' AND DEVICEID = deviceid",
        "status = 'enabled' AND configurations.[[my conf]].status = 'Applied'",
        "length(etag) = 12 AND ends_with(etag, '=')",
        "properties.reported.$metadata.mode.$lastUpdated = '2020-01-30T17:35:15.424Z'",
        "properties.reported.$metadata.nested.deep.$lastUpdatedVersion = 1",
        "is_defined(tags) AND is_defined(properties.reported.nested)",
        "STARTSWITH(tags.site, 'no') AND ENDSWITH(tags.site, 'th') AND contains(tags.site, 'ort')",
        "tags.site IN ['south', 'n\\u006Frth'] AND tags.floor NIN [1, 2, -3]",
        "upper(tags.site) || '-' || lower('X') = 'NORTH-x'",
        "tags.floor /* which floor */ = 3",
        "(tags.nothing ?? tags.floor) = 3",
        "NOT tags.old",
    ] {
        assert_eq!(evaluate(text, Dialect::TWIN), Truth::True, "{text}");
    }
}

#[test]
fn what_is_not_there_or_no_primitive_is_undefined() {
    for text in [
        "tags.Site = 'north'",
        "tags.nothing != 'x'",
        "tags.site.deeper = 1",
        "tags = 'x'",
        "tags.list != 5",
        "tags.nothing IN [1]",
        "tags.nothing NIN [1]",
        "tags.site < 3",
        "NOT tags.site",
        "tags.site AND true",
        "tags.site + 1 = 2",
        "lower(tags.floor) = '3'",
        "properties = 1",
        "properties.desired.$metadata.$lastUpdated = 'x'",
        "version.x = 1",
        "tags.floor",
    ] {
        assert_eq!(evaluate(text, Dialect::TWIN), Truth::Undefined, "{text}");
    }
    assert_eq!(
        evaluate("is_defined(tags.nothing)", Dialect::TWIN),
        Truth::False
    );
}

#[test]
fn whether_values_of_different_types_are_unequal_is_the_dialects() {
    let strict = Dialect::TWIN.with_mixed_undefined(true);
    for (text, lenient) in [
        ("tags.site = 3", Truth::False),
        ("tags.site != 3", Truth::True),
    ] {
        assert_eq!(evaluate(text, Dialect::TWIN), lenient, "{text}");
        assert_eq!(evaluate(text, strict), Truth::Undefined, "{text}");
    }
}

#[test]
fn operators_bind_as_documented() {
    for text in [
        "1 + 2 * 3 = 7",
        "(1 + 2) * 3 = 9",
        "10 - 4 - 3 = 3",
        "-2 * -3 = 6",
        "8 / 4 / 2 = 1",
        "7 % 4 * 2 = 6",
        "1 < 2 = true",
        "false AND false OR true",
        "true OR true AND false",
        "NOT false AND true",
        "undefined ?? false OR true",
        "'a' || 'b' = 'ab'",
        "-(1 ?? 2) = -1",
        "NOT (false ?? true)",
    ] {
        assert_eq!(evaluate(text, Dialect::TWIN), Truth::True, "{text}");
    }
}

#[test]
fn text_that_is_too_long_to_build_is_undefined() {
    let half = "x".repeat(130);
    let text =
        alloc::format!("is_defined('{half}' || 'y') AND NOT is_defined('{half}' || '{half}')");
    assert_eq!(evaluate(&text, Dialect::TWIN), Truth::True);
}
