//! serde_json, with a merge and a delta written by hand, and with json-patch's merge.

use std::hint::black_box;

use serde_json::{Map, Value, from_slice, map::Entry, to_writer};

use super::{Operation, Peer};

/// serde_json with a merge that looks a key up once and moves the patch's values where it owns them.
pub struct SerdeJson {
    out: Vec<u8>,
}

/// serde_json with `json_patch::merge`; all else is the same as [`SerdeJson`].
pub struct JsonPatch(SerdeJson);

pub fn parse(text: &[u8]) -> Value {
    from_slice(text).expect("JSON")
}

pub fn serialise(value: &Value, out: &mut Vec<u8>) {
    to_writer(out, value).expect("a buffer that grows");
}

/// Merges a patch that stays with the caller.
pub fn merge(document: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        document.clone_from(patch);
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let Value::Object(document) = document else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            document.remove(key);
        } else if let Some(old) = document.get_mut(key) {
            merge(old, value);
        } else {
            let mut new = Value::Null;
            merge(&mut new, value);
            document.insert(key.clone(), new);
        }
    }
}

/// Merges a patch that is used up.
pub fn merge_owned(document: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *document = patch;
        return;
    };
    if !document.is_object() {
        *document = Value::Object(Map::new());
    }
    let Value::Object(document) = document else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            document.remove(&key);
        } else {
            match document.entry(key) {
                Entry::Occupied(mut old) => merge_owned(old.get_mut(), value),
                Entry::Vacant(place) => merge_owned(place.insert(Value::Null), value),
            }
        }
    }
}

/// What `desired` asks for and `reported` does not say; `None` if nothing.
pub fn delta(desired: &Value, reported: &Value) -> Option<Value> {
    let (Value::Object(desired), Value::Object(reported)) = (desired, reported) else {
        return (desired != reported).then(|| desired.clone());
    };
    let mut out = Map::new();
    for (key, wanted) in desired {
        let differs = match reported.get(key) {
            Some(said) => delta(wanted, said),
            None => Some(wanted.clone()),
        };
        if let Some(value) = differs {
            out.insert(key.clone(), value);
        }
    }
    (!out.is_empty()).then_some(Value::Object(out))
}

impl Peer for SerdeJson {
    type Tree = Value;

    const NAME: &'static str = "serde_json";

    fn new() -> Self {
        Self { out: Vec::new() }
    }

    fn tree(&mut self, text: &[u8]) -> Value {
        parse(text)
    }

    fn parse(&mut self, text: &[u8]) {
        black_box(parse(text));
    }

    fn merge(&mut self, document: &mut Value, patch: &Value) {
        merge(document, patch);
    }

    fn update(&mut self, document: &mut Value, patch: &[u8]) {
        merge_owned(document, parse(patch));
    }

    fn delta(&mut self, desired: &Value, reported: &Value) {
        black_box(delta(desired, reported));
    }

    fn delta_text(&mut self, desired: &Value, reported: &Value) -> &[u8] {
        self.out.clear();
        if let Some(delta) = delta(desired, reported) {
            serialise(&delta, &mut self.out);
        }
        &self.out
    }

    fn serialise(&mut self, document: &Value) -> &[u8] {
        self.out.clear();
        serialise(document, &mut self.out);
        &self.out
    }
}

impl Peer for JsonPatch {
    type Tree = Value;

    const NAME: &'static str = "json-patch";

    fn new() -> Self {
        Self(SerdeJson::new())
    }

    fn takes(operation: Operation, _: &str) -> bool {
        matches!(operation, Operation::Merge | Operation::Update)
    }

    fn tree(&mut self, text: &[u8]) -> Value {
        parse(text)
    }

    fn parse(&mut self, text: &[u8]) {
        black_box(parse(text));
    }

    fn merge(&mut self, document: &mut Value, patch: &Value) {
        json_patch::merge(document, patch);
    }

    fn update(&mut self, document: &mut Value, patch: &[u8]) {
        json_patch::merge(document, &parse(patch));
    }

    fn delta(&mut self, desired: &Value, reported: &Value) {
        black_box(delta(desired, reported));
    }

    fn delta_text(&mut self, desired: &Value, reported: &Value) -> &[u8] {
        self.0.delta_text(desired, reported)
    }

    fn serialise(&mut self, document: &Value) -> &[u8] {
        self.0.serialise(document)
    }
}
