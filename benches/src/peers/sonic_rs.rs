//! sonic-rs, with a merge and a delta written by hand.
//!
//! A parsed value is an arena: cheap to make and to share, dear to change the first time.

use std::hint::black_box;

use sonic_rs::{
    JsonContainerTrait, JsonValueMutTrait, JsonValueTrait, Object, Value, from_slice, to_writer,
};

use super::Peer;

pub struct SonicRs {
    out: Vec<u8>,
}

pub fn parse(text: &[u8]) -> Value {
    from_slice(text).expect("JSON")
}

pub fn serialise(value: &Value, out: &mut Vec<u8>) {
    to_writer(out, value).expect("a buffer that grows");
}

/// Merges a patch. A clone of a parsed value shares its arena, so there is nothing to gain by owning.
pub fn merge(document: &mut Value, patch: &Value) {
    let Some(patch) = patch.as_object() else {
        *document = patch.clone();
        return;
    };
    if !document.is_object() {
        *document = Object::new().into_value();
    }
    let Some(document) = document.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            document.remove(&key);
        } else if let Some(old) = document.get_mut(&key) {
            merge(old, value);
        } else {
            let mut new = Value::new_null();
            merge(&mut new, value);
            document.insert(key, new);
        }
    }
}

/// What `desired` asks for and `reported` does not say; `None` if nothing.
pub fn delta(desired: &Value, reported: &Value) -> Option<Value> {
    let (Some(wanted), Some(said)) = (desired.as_object(), reported.as_object()) else {
        return (desired != reported).then(|| desired.clone());
    };
    let mut out = Object::new();
    for (key, wanted) in wanted {
        let differs = match said.get(&key) {
            Some(said) => delta(wanted, said),
            None => Some(wanted.clone()),
        };
        if let Some(value) = differs {
            out.insert(key, value);
        }
    }
    (!out.is_empty()).then(|| out.into_value())
}

impl Peer for SonicRs {
    type Tree = Value;

    const NAME: &'static str = "sonic-rs";

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
        merge(document, &parse(patch));
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
