//! Laws of the logic, of the order of values, and of the parser.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;

use proptest::prelude::*;

use crate::document::{Document, DocumentRef, Value};
use crate::query::{Condition, Dialect, Query, Truth};
use crate::twin::tests::model::json;

fn truth(text: &str) -> Truth {
    let condition = Condition::<256>::parse(text, Dialect::TWIN);
    condition
        .unwrap_or_else(|error| panic!("{text}: {error}"))
        .evaluate(&DocumentRef::EMPTY)
}

const VALUES: [&str; 4] = ["true", "false", "undefined", "null"];

#[test]
fn and_or_and_not_have_three_values_and_null_counts_as_false() {
    use Truth::{False, True, Undefined};
    let known = |text: &str| match text {
        "true" => True,
        "undefined" => Undefined,
        _ => False,
    };
    for a in VALUES {
        let not = match known(a) {
            True => False,
            False => True,
            Undefined => Undefined,
        };
        assert_eq!(truth(&format!("NOT {a}")), not);
        for b in VALUES {
            let (x, y) = (known(a), known(b));
            let and = if x == False || y == False {
                False
            } else if x == Undefined || y == Undefined {
                Undefined
            } else {
                True
            };
            let or = if x == True || y == True {
                True
            } else if x == Undefined || y == Undefined {
                Undefined
            } else {
                False
            };
            assert_eq!(truth(&format!("{a} AND {b}")), and, "{a} AND {b}");
            assert_eq!(truth(&format!("{a} OR {b}")), or, "{a} OR {b}");
        }
    }
}

/// Expressions over the four values, fully in parentheses.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        proptest::sample::select(&VALUES[..]).prop_map(String::from),
        proptest::sample::select(&["nowhere", "1 < 2", "'a' = 'b'", "is_defined(nowhere)"][..])
            .prop_map(|text| format!("({text})")),
    ];
    leaf.prop_recursive(4, 24, 2, |inner| {
        let pair = (inner.clone(), inner.clone());
        prop_oneof![
            inner.clone().prop_map(|a| format!("(NOT {a})")),
            pair.clone().prop_map(|(a, b)| format!("({a} AND {b})")),
            pair.clone().prop_map(|(a, b)| format!("({a} OR {b})")),
            pair.prop_map(|(a, b)| format!("({a} = {b})")),
        ]
    })
}

/// Any value of a document.
fn value() -> impl Strategy<Value = Option<Document<64>>> {
    let scalar = prop_oneof![
        Just(None),
        Just(Some(String::from("null"))),
        Just(Some(String::from("{}"))),
        any::<bool>().prop_map(|value| Some(format!("{value}"))),
        (-3_i32..3).prop_map(|value| Some(format!("{value}"))),
        "[ab]{0,2}".prop_map(|text| Some(format!("\"{text}\""))),
        "[ab]{0,2}".prop_map(|text| Some(format!("[\"{text}\"]"))),
    ];
    scalar.prop_map(|text| {
        let text = text?;
        let mut document = Document::new();
        document.assign(json(&text).as_ref()).unwrap();
        Some(document)
    })
}

fn key(value: Option<&Document<64>>) -> Document<128> {
    let mut key = Document::new();
    if let Some(value) = value {
        key.set(&["0"], value.root()).unwrap();
    }
    key
}

proptest! {
    #[test]
    fn de_morgan_holds_with_undefined(a in expression(), b in expression()) {
        prop_assert_eq!(truth(&format!("NOT ({a} AND {b})")), truth(&format!("(NOT {a}) OR (NOT {b})")));
        prop_assert_eq!(truth(&format!("NOT ({a} OR {b})")), truth(&format!("(NOT {a}) AND (NOT {b})")));
        prop_assert_eq!(truth(&format!("{a} AND {b}")), truth(&format!("{b} AND {a}")));
        prop_assert_eq!(truth(&format!("{a} OR {b}")), truth(&format!("{b} OR {a}")));
        prop_assert_eq!(truth(&format!("{a} ?? {b}")) == Truth::Undefined,
            truth(&format!("is_defined({a}) OR is_defined({b})")) == Truth::False);
    }

    #[test]
    fn values_have_one_total_order(a in value(), b in value(), c in value()) {
        let query = Query::<16>::parse("SELECT * FROM devices ORDER BY tags.x", Dialect::TWIN).unwrap();
        let down = Query::<16>::parse("SELECT * FROM devices ORDER BY tags.x DESC", Dialect::TWIN).unwrap();
        let keys = [key(a.as_ref()), key(b.as_ref()), key(c.as_ref())];
        let order = |a: usize, b: usize| query.as_ref().key_order(keys[a].as_ref(), keys[b].as_ref());
        prop_assert_eq!(order(0, 1), order(1, 0).reverse());
        prop_assert_eq!(order(0, 1) == Ordering::Equal, keys[0] == keys[1]);
        if order(0, 1) != Ordering::Greater && order(1, 2) != Ordering::Greater {
            prop_assert_ne!(order(0, 2), Ordering::Greater);
        }
        prop_assert_eq!(down.as_ref().key_order(keys[0].as_ref(), keys[1].as_ref()), order(1, 0));
    }

    #[test]
    fn any_text_is_parsed_or_refused_at_a_column_of_its_own(text in "[a-z0-9 .,()'\"\\[\\]=<>+*/?|$ä\\\\-]{0,40}") {
        for result in [
            Condition::<32>::parse(&text, Dialect::TWIN).map(|_| ()),
            Condition::<32>::parse(&text, Dialect::ROUTING).map(|_| ()),
            Query::<32>::parse(&text, Dialect::TWIN).map(|_| ()),
            Query::<32>::parse(&format!("SELECT * FROM devices WHERE {text}"), Dialect::TWIN).map(|_| ()),
        ] {
            if let Err(error) = result {
                prop_assert!(error.column >= 1 && error.column <= text.chars().count() + 30);
            }
        }
    }

    #[test]
    fn words_in_any_order_are_parsed_or_refused(words in proptest::collection::vec(proptest::sample::select(&[
        "SELECT", "TOP", "3", "*", "FROM", "devices", "WHERE", "tags.a", "=", "'x'", "AND", "NOT", "(", ")",
        "GROUP", "ORDER", "BY", "COUNT()", "AS", "n", ",", "IN", "[", "]", "??", "-", "lower", "DESC",
    ][..]), 0..16)) {
        let text: Vec<&str> = words;
        let text = text.join(" ");
        let _ = Query::<64>::parse(&text, Dialect::TWIN);
        let _ = Query::<3>::parse(&format!("SELECT * FROM devices WHERE {text}"), Dialect::TWIN);
    }

    #[test]
    fn texts_compare_as_they_are_written(text in "\\PC{0,20}") {
        let mut document = Document::<256>::new();
        document.set(&["x"], Value::String(&text)).unwrap();
        let quoted = text.replace('\\', "\\\\").replace('\'', "\\'");
        let condition = format!("x = '{quoted}' AND length(x) = {}", text.chars().count());
        let parsed = Condition::<16>::parse(&condition, Dialect::TWIN).unwrap();
        prop_assert!(parsed.matches(&document.as_ref()), "{}", condition);
    }
}
