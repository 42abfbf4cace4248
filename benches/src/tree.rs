//! A JSON value that keeps the order of its keys: what the workloads are made of.
//!
//! Nothing here is measured.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

pub type Path = Vec<String>;

#[derive(Clone, Debug, PartialEq)]
pub enum Tree {
    Map(Vec<(String, Tree)>),
    /// A scalar or an array, as JSON text.
    Leaf(String),
}

impl Tree {
    pub fn new() -> Self {
        Self::Map(Vec::new())
    }

    /// Reads JSON.
    ///
    /// # Panics
    /// If it is no JSON.
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
    }

    pub fn entries(&self) -> &[(String, Self)] {
        match self {
            Self::Map(entries) => entries,
            Self::Leaf(_) => &[],
        }
    }

    pub fn value(&self, key: &str) -> Option<&Self> {
        self.entries()
            .iter()
            .find(|entry| entry.0 == key)
            .map(|entry| &entry.1)
    }

    pub fn leaf(&self, path: &[String]) -> Option<&str> {
        match (self, path) {
            (Self::Leaf(text), []) => Some(text),
            (Self::Map(_), [key, rest @ ..]) => self.value(key)?.leaf(rest),
            _ => None,
        }
    }

    /// Puts a value at a path; new keys go to the end.
    pub fn set(&mut self, path: &[String], value: Self) {
        let [key, rest @ ..] = path else {
            *self = value;
            return;
        };
        if let Self::Leaf(_) = self {
            *self = Self::new();
        }
        if let Self::Map(entries) = self {
            let at = entries.iter().position(|entry| entry.0 == *key);
            let at = at.unwrap_or_else(|| {
                entries.push((key.clone(), Self::new()));
                entries.len() - 1
            });
            entries[at].1.set(rest, value);
        }
    }

    pub fn set_leaf(&mut self, path: &[String], text: impl Into<String>) {
        self.set(path, Self::Leaf(text.into()));
    }

    /// Appends an entry.
    pub fn with(mut self, key: &str, value: Self) -> Self {
        if let Self::Map(entries) = &mut self {
            entries.push((key.to_owned(), value));
        }
        self
    }

    pub fn remove(&mut self, key: &str) {
        if let Self::Map(entries) = self {
            entries.retain(|entry| entry.0 != key);
        }
    }

    /// The paths of all leaves, in order.
    pub fn paths(&self) -> Vec<Path> {
        match self {
            Self::Leaf(_) => vec![Vec::new()],
            Self::Map(entries) => entries
                .iter()
                .flat_map(|(key, value)| {
                    value.paths().into_iter().map(|mut path| {
                        path.insert(0, key.clone());
                        path
                    })
                })
                .collect(),
        }
    }

    /// The same with all keys in twinsync's canonical order: by length, then bytewise.
    pub fn canonical(&self) -> Self {
        match self {
            Self::Leaf(text) => Self::Leaf(text.clone()),
            Self::Map(entries) => {
                let mut entries: Vec<_> = entries
                    .iter()
                    .map(|(key, value)| (key.clone(), value.canonical()))
                    .collect();
                entries.sort_by(|a, b| (a.0.len(), &a.0).cmp(&(b.0.len(), &b.0)));
                Self::Map(entries)
            }
        }
    }
}

impl Default for Tree {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf(text) => f.write_str(text),
            Self::Map(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    let comma = if i > 0 { "," } else { "" };
                    write!(f, "{comma}{}:{value}", Value::from(key.as_str()))?;
                }
                f.write_str("}")
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Ordered)
    }
}

struct Ordered;

impl<'de> Visitor<'de> for Ordered {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf("null".to_owned()))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::from(value).to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(Value::from(value).to_string()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Value>()? {
            items.push(item);
        }
        Ok(Tree::Leaf(Value::from(items).to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Tree::Map(entries))
    }
}
