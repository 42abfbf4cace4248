//! The laws of documents, against an independent model on `serde_json::Value`.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value as Model};

use super::super::{Document, DocumentRef, Extent, delta, diff, diff_within};
use super::model::{self, build, merged, model};

pub(super) const N: usize = 4096;

pub(super) fn scalar() -> impl Strategy<Value = Model> {
    prop_oneof![
        any::<bool>().prop_map(Model::from),
        (-70_i64..70).prop_map(Model::from),
        any::<i64>().prop_map(Model::from),
        "[a-c\"\\\\\u{0}é]{0,3}".prop_map(Model::from),
        "[a-z]{60,70}".prop_map(Model::from),
    ]
}

pub(super) fn key() -> impl Strategy<Value = String> {
    prop_oneof![8 => "[a-c]{0,2}", 1 => "[a-b\"\\\\]{1,3}", 1 => "a{253,255}"]
}

pub(super) fn tree(nulls: bool) -> impl Strategy<Value = Model> {
    let leaf = if nulls {
        prop_oneof![3 => scalar(), 1 => Just(Model::Null)].boxed()
    } else {
        scalar().boxed()
    };
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            4 => btree_map(key(), inner.clone(), 0..6)
                .prop_map(|map| Model::Object(map.into_iter().collect())),
            1 => vec(scalar(), 0..4).prop_map(Model::Array),
        ]
    })
}

pub(super) fn map(nulls: bool) -> impl Strategy<Value = Model> {
    btree_map(key(), tree(nulls), 0..6).prop_map(|map| Model::Object(map.into_iter().collect()))
}

pub(super) fn document(model: &Model) -> Document<N> {
    model::document(model)
}

fn model_delta(desired: &Model, reported: &Model) -> Map<String, Model> {
    let empty = Map::new();
    let reported = reported.as_object().unwrap_or(&empty);
    let mut out = Map::new();
    for (key, want) in desired.as_object().unwrap() {
        match reported.get(key) {
            None => drop(out.insert(key.clone(), want.clone())),
            Some(have) if have.is_object() && want.is_object() => {
                let inner = model_delta(want, have);
                if !inner.is_empty() {
                    out.insert(key.clone(), Model::Object(inner));
                }
            }
            Some(have) if have == want => {}
            Some(_) => drop(out.insert(key.clone(), want.clone())),
        }
    }
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_built_is_canonical_and_reads_back(tree in tree(true)) {
        let document = document(&tree);
        prop_assert_eq!(DocumentRef::from_bytes(document.as_bytes()), Ok(document.as_ref()));
        prop_assert_eq!(model(document.as_ref().root()), tree);
    }

    #[test]
    fn keys_in_any_order_build_the_same_bytes(
        entries in vec((key(), scalar()), 0..40),
    ) {
        let mut built = Document::<N>::new();
        let mut builder = built.build();
        builder.begin_map().unwrap();
        for (key, value) in &entries {
            builder.key(key).unwrap();
            build(&mut builder, value);
        }
        builder.end().unwrap();
        builder.finish().unwrap();
        let last_wins = Model::Object(entries.into_iter().collect());
        prop_assert_eq!(built, document(&last_wins));
    }

    #[test]
    fn merge_is_rfc_7396(target in tree(false), patch in tree(true)) {
        let mut document_ = document(&target);
        document_.merge(document(&patch).as_ref()).unwrap();
        prop_assert_eq!(document_, document(&merged(&target, &patch)));
    }

    #[test]
    fn merge_fits_exactly_or_changes_nothing(target in map(false), patch in map(true)) {
        let whole = document(&merged(&target, &patch));
        let (target, patch) = (document(&target), document(&patch));
        let needed = whole.as_bytes().len();
        for capacity in [needed.saturating_sub(1), needed, needed + 7] {
            let capacity = capacity.max(target.as_bytes().len()).max(3);
            let mut bytes = vec![0xAA; capacity];
            let mut len = 0;
            let mut tight = super::super::DocumentMut::new(&mut bytes, &mut len).unwrap();
            tight.assign(target.as_ref()).unwrap();
            let outcome = tight.merge(patch.as_ref());
            if needed <= capacity {
                prop_assert_eq!(outcome, Ok(()));
                prop_assert_eq!(tight.as_ref(), whole.as_ref());
            } else {
                prop_assert_eq!(outcome.unwrap_err().needed, needed);
                prop_assert_eq!(tight.as_ref(), target.as_ref());
            }
        }
    }

    #[test]
    fn a_diff_turns_one_into_the_other(a in tree(false), b in tree(false)) {
        let (a, b) = (document(&a), document(&b));
        let mut patch = Document::<{ 2 * N }>::new();
        diff(a.as_ref(), b.as_ref(), &mut patch.as_mut()).unwrap();
        let mut a = a;
        a.merge(patch.as_ref()).unwrap();
        prop_assert_eq!(a, b);
    }

    #[test]
    fn a_diff_in_parts_ends_where_the_whole_does(a in map(false), b in map(false), limit in 300_usize..600) {
        let (mut a, b) = (document(&a), document(&b));
        let mut part = Document::<600>::new();
        for _ in 0..200 {
            let extent = diff_within(a.as_ref(), b.as_ref(), limit, &mut part.as_mut());
            let Ok(extent) = extent else {
                // Nested long keys may exceed the limit: that is an error, not a wrong patch.
                return Ok(());
            };
            prop_assert!(part.as_bytes().len() <= limit);
            a.merge(part.as_ref()).unwrap();
            if extent == Extent::Whole {
                break;
            }
        }
        prop_assert_eq!(a, b);
    }

    #[test]
    fn delta_is_what_the_model_says(desired in map(false), reported in map(false)) {
        let mut out = Document::<N>::new();
        delta(document(&desired).as_ref(), document(&reported).as_ref(), &mut out.as_mut()).unwrap();
        prop_assert_eq!(out, document(&Model::Object(model_delta(&desired, &reported))));
    }

    #[test]
    fn delta_is_empty_once_it_was_reported(desired in map(false), reported in map(false)) {
        let desired = document(&desired);
        let mut reported = document(&reported);
        let mut out = Document::<N>::new();
        delta(desired.as_ref(), reported.as_ref(), &mut out.as_mut()).unwrap();
        reported.merge(out.as_ref()).unwrap();
        delta(desired.as_ref(), reported.as_ref(), &mut out.as_mut()).unwrap();
        prop_assert!(out.is_empty());
    }

    #[test]
    fn set_and_remove_keep_the_canonical_form(
        tree in map(false),
        path in vec(key(), 1..4),
        value in scalar(),
    ) {
        let mut document_ = document(&tree);
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let leaf = document(&value);
        document_.set(&path, leaf.as_ref()).unwrap();
        prop_assert!(DocumentRef::from_bytes(document_.as_bytes()).is_ok());
        prop_assert_eq!(document_.as_ref().at(&path), Some(leaf.as_ref()));
        prop_assert!(document_.remove(&path));
        prop_assert!(DocumentRef::from_bytes(document_.as_bytes()).is_ok());
        prop_assert!(document_.value(&path).is_none());
    }

    #[test]
    fn leaves_rebuild_the_document(tree in map(false)) {
        let source = document(&tree);
        let mut copy = Document::<N>::new();
        for leaf in source.as_ref().leaves() {
            copy.set(&leaf.path, leaf.value).unwrap();
        }
        prop_assert_eq!(copy, source);
    }

    #[test]
    fn no_bytes_panic_and_valid_ones_are_canonical(bytes in vec(any::<u8>(), 0..40)) {
        if let Ok(valid) = DocumentRef::from_bytes(&bytes) {
            let mut copy = Document::<256>::new();
            copy.assign(valid).unwrap();
            prop_assert_eq!(copy.as_bytes(), &bytes[..]);
        }
    }
}
