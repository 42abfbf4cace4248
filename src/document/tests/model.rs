//! The independent model that documents are held against: `serde_json::Value`.

use alloc::borrow::ToOwned;

use serde_json::{Map, Value as Model};

use crate::document::{Builder, Document, Value};

/// Writes `model` where a value belongs.
pub(crate) fn build(builder: &mut Builder<'_>, model: &Model) {
    match model {
        Model::Null => builder.value(Value::Null).unwrap(),
        Model::Bool(value) => builder.value(*value).unwrap(),
        Model::Number(number) => builder.value(number.as_i64().unwrap()).unwrap(),
        Model::String(text) => builder.value(text.as_str()).unwrap(),
        Model::Array(items) => {
            builder.begin_array().unwrap();
            for item in items {
                build(builder, item);
            }
            builder.end().unwrap();
        }
        Model::Object(map) => {
            builder.begin_map().unwrap();
            for (key, value) in map {
                builder.key(key).unwrap();
                build(builder, value);
            }
            builder.end().unwrap();
        }
    }
}

/// The document that says what `model` says.
pub(crate) fn document<const N: usize>(model: &Model) -> Document<N> {
    let mut document = Document::new();
    let mut builder = document.build();
    build(&mut builder, model);
    builder.finish().unwrap();
    document
}

/// What a value says.
pub(crate) fn model(value: Value<'_>) -> Model {
    match value {
        Value::Null => Model::Null,
        Value::Bool(value) => Model::from(value),
        Value::Number(number) => Model::from(number.as_i64().unwrap()),
        Value::String(text) => Model::from(text),
        Value::Array(array) => array.iter().map(model).collect(),
        Value::Map(map) => Model::Object(
            map.iter()
                .map(|(key, value)| (key.to_owned(), model(value)))
                .collect(),
        ),
    }
}

/// RFC 7396 §2, as its pseudo code has it.
pub(crate) fn merged(target: &Model, patch: &Model) -> Model {
    let Model::Object(patch) = patch else {
        return patch.clone();
    };
    let mut target = match target {
        Model::Object(map) => map.clone(),
        _ => Map::new(),
    };
    for (key, value) in patch {
        if value.is_null() {
            target.remove(key);
        } else {
            let old = target.get(key).cloned().unwrap_or(Model::Null);
            target.insert(key.clone(), merged(&old, value));
        }
    }
    Model::Object(target)
}
