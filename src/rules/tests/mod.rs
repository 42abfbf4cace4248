//! Sentences, timetables and laws.

mod drawing;
mod guard;
mod laws;
mod machine;
mod state_machine;
mod values;

use serde_json::{Value as Json, json};

use super::{Machine, State, Transition, checked};
use crate::document::{Builder, Document, DocumentRef, Value};
use crate::time::{Duration, Instant, Now, Timestamp};

pub(crate) const STATES: &[State] = &[
    State::new("idle"),
    State::new("running")
        .on_entry("motor-on")
        .on_exit("motor-off"),
    State::new("paused"),
    State::new("error"),
    State::new("maintenance"),
];

/// The machine of the examples, with time-outs.
pub(crate) static PUMP: Machine = checked!(Machine::new(
    STATES,
    &[
        Transition::new("idle", "running"),
        Transition::new("idle", "maintenance"),
        Transition::new("running", "paused"),
        Transition::new("running", "idle"),
        Transition::new("running", "error"),
        Transition::new("paused", "running"),
        Transition::new("paused", "idle"),
        Transition::new("error", "idle"),
        Transition::new("error", "maintenance"),
        Transition::new("maintenance", "idle"),
        Transition::after("paused", Duration::from_secs(60), "idle"),
        Transition::after("maintenance", Duration::from_secs(10), "idle"),
    ],
));

pub(crate) fn at(secs: u64) -> Now {
    Now::new(
        Instant::from_millis(secs * 1_000),
        Timestamp::from_secs(1_700_000_000 + secs),
    )
}

/// A document of this JSON.
pub(crate) fn doc(json: &Json) -> Document<2048> {
    fn build(builder: &mut Builder<'_>, json: &Json) {
        match json {
            Json::Null => builder.value(Value::Null).unwrap(),
            Json::Bool(value) => builder.value(*value).unwrap(),
            Json::Number(number) => builder.value(number.as_i64().unwrap()).unwrap(),
            Json::String(text) => builder.value(text.as_str()).unwrap(),
            Json::Array(items) => {
                builder.begin_array().unwrap();
                items.iter().for_each(|item| build(builder, item));
                builder.end().unwrap();
            }
            Json::Object(entries) => {
                builder.begin_map().unwrap();
                for (key, value) in entries {
                    builder.key(key).unwrap();
                    build(builder, value);
                }
                builder.end().unwrap();
            }
        }
    }
    let mut document = Document::new();
    let mut builder = document.build();
    build(&mut builder, json);
    builder.finish().unwrap();
    document
}

/// The JSON of this document, whose numbers are integers.
pub(crate) fn json_of(document: DocumentRef<'_>) -> Json {
    fn value_of(value: Value<'_>) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(value) => json!(value),
            Value::Number(number) => json!(number.as_i64().unwrap()),
            Value::String(text) => json!(text),
            Value::Array(array) => array.iter().map(value_of).collect(),
            Value::Map(map) => map.iter().map(|(key, it)| (key, value_of(it))).collect(),
        }
    }
    value_of(document.root())
}
