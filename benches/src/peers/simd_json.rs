//! simd-json, owned and borrowed, with a merge and a delta written by hand.
//!
//! It parses in place and spoils the text, so a copy of the text is part of every parse. Its buffers
//! and the copy's are used again.

use std::hint::black_box;

use simd_json::owned::{Object, Value, to_value_with_buffers};
use simd_json::prelude::Writable;
use simd_json::{Buffers, StaticNode, borrowed};

use super::{Operation, Peer};

/// The tree that owns its strings and can be changed.
pub struct SimdJson {
    text: Vec<u8>,
    buffers: Buffers,
    out: Vec<u8>,
}

/// The tree whose strings stay in the text: it can't outlive the message, so it is only parsed.
pub struct Borrowed(SimdJson);

impl SimdJson {
    pub fn read(&mut self, text: &[u8]) -> Value {
        self.text.clear();
        self.text.extend_from_slice(text);
        to_value_with_buffers(&mut self.text, &mut self.buffers).expect("JSON")
    }
}

pub fn serialise(value: &Value, out: &mut Vec<u8>) {
    value.write(out).expect("a buffer that grows");
}

const NULL: Value = Value::Static(StaticNode::Null);

/// Merges a patch that stays with the caller.
pub fn merge(document: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        document.clone_from(patch);
        return;
    };
    if !matches!(document, Value::Object(_)) {
        *document = Value::from(Object::default());
    }
    let Value::Object(document) = document else {
        return;
    };
    for (key, value) in patch.iter() {
        if matches!(value, Value::Static(StaticNode::Null)) {
            document.remove(key);
        } else if let Some(old) = document.get_mut(key) {
            merge(old, value);
        } else {
            let mut new = NULL;
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
    if !matches!(document, Value::Object(_)) {
        *document = Value::from(Object::default());
    }
    let Value::Object(document) = document else {
        return;
    };
    for (key, value) in *patch {
        if matches!(value, Value::Static(StaticNode::Null)) {
            document.remove(&key);
        } else if let Some(old) = document.get_mut(&key) {
            merge_owned(old, value);
        } else {
            let mut new = NULL;
            merge_owned(&mut new, value);
            document.insert(key, new);
        }
    }
}

/// What `desired` asks for and `reported` does not say; `None` if nothing.
pub fn delta(desired: &Value, reported: &Value) -> Option<Value> {
    let (Value::Object(wanted), Value::Object(said)) = (desired, reported) else {
        return (desired != reported).then(|| desired.clone());
    };
    let mut out = Object::default();
    for (key, wanted) in wanted.iter() {
        let differs = match said.get(key) {
            Some(said) => delta(wanted, said),
            None => Some(wanted.clone()),
        };
        if let Some(value) = differs {
            out.insert(key.clone(), value);
        }
    }
    (!out.is_empty()).then(|| Value::from(out))
}

impl Peer for SimdJson {
    type Tree = Value;

    const NAME: &'static str = "simd-json";

    fn new() -> Self {
        Self {
            text: Vec::new(),
            buffers: Buffers::default(),
            out: Vec::new(),
        }
    }

    fn tree(&mut self, text: &[u8]) -> Value {
        self.read(text)
    }

    fn parse(&mut self, text: &[u8]) {
        black_box(self.read(text));
    }

    fn merge(&mut self, document: &mut Value, patch: &Value) {
        merge(document, patch);
    }

    fn update(&mut self, document: &mut Value, patch: &[u8]) {
        let patch = self.read(patch);
        merge_owned(document, patch);
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

impl Peer for Borrowed {
    type Tree = Value;

    const NAME: &'static str = "simd-json-borrowed";

    fn new() -> Self {
        Self(SimdJson::new())
    }

    fn takes(operation: Operation, _: &str) -> bool {
        operation == Operation::Parse
    }

    fn tree(&mut self, text: &[u8]) -> Value {
        self.0.read(text)
    }

    fn parse(&mut self, text: &[u8]) {
        self.0.text.clear();
        self.0.text.extend_from_slice(text);
        let value = borrowed::to_value_with_buffers(&mut self.0.text, &mut self.0.buffers);
        black_box(value.expect("JSON"));
    }

    fn merge(&mut self, _: &mut Value, _: &Value) {}

    fn update(&mut self, _: &mut Value, _: &[u8]) {}

    fn delta(&mut self, _: &Value, _: &Value) {}

    fn delta_text(&mut self, _: &Value, _: &Value) -> &[u8] {
        &[]
    }

    fn serialise(&mut self, document: &Value) -> &[u8] {
        self.0.serialise(document)
    }
}
