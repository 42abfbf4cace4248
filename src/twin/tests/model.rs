//! Documents from and to `serde_json::Value`, for tests of twins and hubs.

use alloc::string::String;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value as Model;

use crate::document::tests::model as oracle;
use crate::document::{Document, DocumentRef};

pub(crate) const N: usize = 8192;

/// The document that says what `model` says.
pub(crate) fn document(model: &Model) -> Document<N> {
    oracle::document(model)
}

/// The document from JSON text.
pub(crate) fn json(text: &str) -> Document<N> {
    document(&serde_json::from_str(text).unwrap())
}

/// What `document` says.
pub(crate) fn model(document: DocumentRef<'_>) -> Model {
    oracle::model(document.root())
}

/// JSON text of `document`, keys in alphabetical order.
pub(crate) fn text(document: DocumentRef<'_>) -> String {
    serde_json::to_string(&model(document)).unwrap()
}

fn scalar() -> impl Strategy<Value = Model> {
    prop_oneof![
        any::<bool>().prop_map(Model::from),
        (-70_i64..70).prop_map(Model::from),
        any::<i64>().prop_map(Model::from),
        "[a-c\"é]{0,3}".prop_map(Model::from),
    ]
}

fn tree(nulls: bool) -> impl Strategy<Value = Model> {
    let leaf = if nulls {
        prop_oneof![3 => scalar(), 1 => Just(Model::Null)].boxed()
    } else {
        scalar().boxed()
    };
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            4 => btree_map("[a-c]{0,2}", inner.clone(), 0..4)
                .prop_map(|map| Model::Object(map.into_iter().collect())),
            1 => vec(prop_oneof![5 => scalar(), 1 => Just(Model::Null)], 0..3).prop_map(Model::Array),
        ]
    })
}

/// The patch of a section.
fn section() -> impl Strategy<Value = Model> {
    prop_oneof![
        8 => btree_map("[a-c]{0,2}", tree(true), 0..5)
            .prop_map(|map| Model::Object(map.into_iter().collect())),
        1 => Just(Model::Null),
    ]
}

/// The patch of a twin, mostly a good one.
pub(crate) fn patch() -> impl Strategy<Value = Model> {
    let key = prop_oneof![
        5 => Just("desired"),
        5 => Just("reported"),
        2 => Just("tags"),
    ];
    prop_oneof![
        24 => btree_map(key.prop_map(String::from), section(), 0..4)
            .prop_map(|map| Model::Object(map.into_iter().collect())),
        1 => Just(Model::Null),
        1 => Just(serde_json::json!({"desired": 1, "reported": {"a": 1}})),
        1 => Just(serde_json::json!({"delta": {}})),
        1 => Just(Model::from(7)),
    ]
}
