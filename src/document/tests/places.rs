//! Keys that differ late, and patches that change the lengths of several maps at once.

use alloc::string::String;
use alloc::vec::Vec;

use proptest::collection::btree_map;
use proptest::prelude::*;
use serde_json::{Map, Value as Model};

use super::laws::document;
use super::model::merged;
use crate::document::DocumentRef;

/// Keys of all lengths around that of a word or two, alike but for one byte, some with characters that
/// JSON escapes.
fn alike() -> Vec<String> {
    let mut keys = Vec::new();
    for len in [0, 1, 3, 4, 7, 8, 9, 15, 16, 17, 24] {
        let key = "m".repeat(len);
        for at in [0, 3, 7, 8, 15, 16] {
            for other in ["a", "z", "\""] {
                if at < len {
                    let mut key = key.clone();
                    key.replace_range(at..=at, other);
                    keys.push(key);
                }
            }
        }
        keys.push(key);
    }
    keys
}

#[test]
fn keys_that_differ_in_one_byte_are_told_apart() {
    let keys = alike();
    let all: Map<String, Model> = keys.iter().map(|key| (key.clone(), 1.into())).collect();
    for key in &keys {
        let mut without = all.clone();
        without.remove(key);
        let without = document(&Model::Object(without));
        assert_eq!(without.value(&[key]), None, "{key}");
        let whole = document(&Model::Object(all.clone()));
        assert!(whole.value(&[key]).is_some(), "{key}");
        // The entry is added where it belongs, changed, and removed.
        let mut patched = without.clone();
        for value in [1.into(), 100_000.into(), 1.into(), Model::Null] {
            let patch = Model::Object([(key.clone(), value)].into_iter().collect());
            patched.merge(document(&patch).as_ref()).unwrap();
            assert!(DocumentRef::from_bytes(patched.as_bytes()).is_ok(), "{key}");
        }
        assert_eq!(patched, without, "{key}");
    }
}

#[test]
fn a_map_that_grows_and_one_that_shrinks_by_as_much_keep_their_lengths() {
    let target =
        serde_json::json!({"a": {"x": 1}, "b": {"x": 100}, "c": {"d": {"x": 1, "y": 100}}});
    for patch in [
        serde_json::json!({"a": {"x": 100}, "b": {"x": 1}}),
        serde_json::json!({"a": {"x": 100}, "b": {"x": null, "y": 1}}),
        serde_json::json!({"b": {"x": 1}, "c": {"d": {"x": 100}}}),
        serde_json::json!({"c": {"d": {"x": 100, "y": 1}}}),
    ] {
        let mut changed = document(&target);
        changed.merge(document(&patch).as_ref()).unwrap();
        assert_eq!(changed, document(&merged(&target, &patch)), "{patch}");
    }
}

fn leaf() -> impl Strategy<Value = Model> {
    prop_oneof![
        2 => Just(Model::from(1)),
        2 => Just(Model::from(100)),
        1 => Just(Model::from("abcdefghijklmnopqr")),
        1 => Just(Model::Null),
    ]
}

/// Maps of few keys, so that two of them nearly always have some in common.
fn dense() -> impl Strategy<Value = Model> {
    leaf().prop_recursive(3, 60, 4, |inner| {
        btree_map("[a-d]|sameLength[a-c]", inner, 1..5)
            .prop_map(|map| Model::Object(map.into_iter().collect()))
    })
}

proptest! {
    #[test]
    fn dense_patches_change_what_they_name_and_nothing_else(target in dense(), patches in proptest::collection::vec(dense(), 1..5)) {
        let mut expected = merged(&Model::Null, &target);
        let mut changed = document(&expected);
        for patch in patches {
            expected = merged(&expected, &patch);
            changed.merge(document(&patch).as_ref()).unwrap();
            prop_assert_eq!(&changed, &document(&expected));
        }
    }
}
