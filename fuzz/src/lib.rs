//! What the targets share: bytes as decisions, and an independent model on `serde_json`.

use serde_json::{Map, Value as Model};
use twinsync::document::{Builder, Value};

/// Fuzzer input as a stream of decisions; zeros once it has run out.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.byte()) % bound
    }

    /// At most `most` bytes, their number read first.
    pub fn bytes(&mut self, most: usize) -> &'a [u8] {
        let len = usize::from(self.byte()).min(most).min(self.0.len());
        let (front, rest) = self.0.split_at(len);
        self.0 = rest;
        front
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

const KEYS: [&str; 8] = ["a", "b", "c", "aa", "ab", "", "k\"q", "é"];

/// A tree of at most `depth` levels of maps.
pub fn tree(input: &mut Input<'_>, depth: usize, nulls: bool) -> Model {
    let choices = if depth == 0 { 6 } else { 10 };
    match input.below(choices) {
        0 if nulls => Model::Null,
        0 | 1 => Model::Bool(input.byte() & 1 == 1),
        2 => Model::from(input.byte().cast_signed()),
        3 => Model::from(i64::from(input.byte()) << (input.byte() % 56)),
        4 => Model::from("x".repeat(usize::from(input.byte()))),
        5 => (0..input.below(4))
            .map(|_| Model::from(input.byte()))
            .collect(),
        _ => map(input, depth - 1, nulls),
    }
}

/// A map with trees in it.
pub fn map(input: &mut Input<'_>, depth: usize, nulls: bool) -> Model {
    let entries = input.below(6);
    let mut map = Map::new();
    for _ in 0..entries {
        let mut key = KEYS[input.below(KEYS.len())].to_owned();
        if input.byte() == 255 {
            key = key.repeat(300).chars().take(120).collect();
        }
        map.insert(key, tree(input, depth, nulls));
    }
    Model::Object(map)
}

/// Builds a model through the public builder.
pub fn build(
    builder: &mut Builder<'_>,
    model: &Model,
) -> Result<(), twinsync::document::BuildError> {
    match model {
        Model::Null => builder.value(Value::Null),
        Model::Bool(value) => builder.value(*value),
        Model::Number(number) => builder.value(number.as_i64().expect("models hold integers")),
        Model::String(text) => builder.value(text.as_str()),
        Model::Array(items) => {
            builder.begin_array()?;
            items.iter().try_for_each(|item| build(builder, item))?;
            builder.end()
        }
        Model::Object(map) => {
            builder.begin_map()?;
            for (key, value) in map {
                builder.key(key)?;
                build(builder, value)?;
            }
            builder.end()
        }
    }
}

/// Reads a value back; numbers as integers where they are, otherwise as `[mantissa, exponent]` text.
pub fn model(value: Value<'_>) -> Model {
    match value {
        Value::Null => Model::Null,
        Value::Bool(value) => Model::Bool(value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Model::from(integer),
            None => Model::from(format!("{}e{}", number.mantissa(), number.exponent())),
        },
        Value::String(text) => Model::from(text),
        Value::Array(array) => array.iter().map(model).collect(),
        Value::Map(map) => Model::Object(
            map.iter()
                .map(|(key, value)| (key.to_owned(), model(value)))
                .collect(),
        ),
    }
}

/// RFC 7396 §2.
pub fn merged(target: &Model, patch: &Model) -> Model {
    let Model::Object(patch) = patch else {
        return patch.clone();
    };
    let mut out = target.as_object().cloned().unwrap_or_default();
    for (key, value) in patch {
        if value.is_null() {
            out.remove(key);
        } else {
            let old = out.get(key).cloned().unwrap_or(Model::Null);
            out.insert(key.clone(), merged(&old, value));
        }
    }
    Model::Object(out)
}

/// What `desired` asks for and `reported` does not say.
pub fn missing(desired: &Model, reported: &Model) -> Model {
    let (Some(desired), Some(reported)) = (desired.as_object(), reported.as_object()) else {
        return desired.clone();
    };
    let mut out = Map::new();
    for (key, want) in desired {
        match reported.get(key) {
            None => {
                out.insert(key.clone(), want.clone());
            }
            Some(have) if have == want => {}
            Some(have) if have.is_object() && want.is_object() => {
                let inner = missing(want, have);
                if inner.as_object().is_some_and(|inner| !inner.is_empty()) {
                    out.insert(key.clone(), inner);
                }
            }
            Some(_) => {
                out.insert(key.clone(), want.clone());
            }
        }
    }
    Model::Object(out)
}
