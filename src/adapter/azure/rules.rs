//! What keys and values of a section may be ("Understand and use device twins in IoT Hub", *format*).

use core::fmt;

use super::policy::{Integers, KeyCharacters, Policy};
use crate::codec::json::Writer;
use crate::document::DocumentRef;
use crate::document::Entries;
use crate::document::Items;
use crate::document::MAX_DEPTH;
use crate::document::Number;
use crate::document::Value;

/// A rule of the service that a key or a value breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Breach<'a> {
    /// The key is too long.
    KeyLength {
        /// The key.
        key: &'a str,
        /// Longest key in bytes.
        limit: usize,
    },
    /// The key has a character that is not allowed.
    KeyCharacter {
        /// The key.
        key: &'a str,
        /// The character.
        character: char,
    },
    /// A string is too long.
    StringLength {
        /// The key that leads to it.
        key: &'a str,
        /// Its length in bytes.
        len: usize,
        /// Longest string in bytes.
        limit: usize,
    },
    /// A whole number is out of [`MIN_INTEGER`]`..=`[`MAX_INTEGER`].
    Integer {
        /// The key that leads to it.
        key: &'a str,
    },
    /// An array holds null, or an object in an array does.
    NullInArray {
        /// The key that leads to it.
        key: &'a str,
    },
    /// Nested too deep.
    Depth {
        /// Deepest level.
        limit: usize,
    },
}

/// Smallest whole number, −2^52.
pub const MIN_INTEGER: i64 = -4_503_599_627_370_496;
/// Largest whole number, 2^52 − 1.
pub const MAX_INTEGER: i64 = 4_503_599_627_370_495;

/// Where the walk is inside a container.
enum Level<'a> {
    Map(Entries<'a>),
    /// An array, and the key that leads to it.
    Array(Items<'a>, &'a str),
}

/// What the walk meets.
enum Step<'a> {
    /// A value, the key that leads to it, and whether that key is its own.
    Value(Value<'a>, &'a str, bool),
    Down,
}

/// A walk over everything in a document, keys before their values.
struct Walk<'a> {
    levels: heapless::Vec<Level<'a>, MAX_DEPTH>,
    /// Open arrays: what stands in one is not left for a map outside before it ends.
    arrays: usize,
}

impl<'a> Walk<'a> {
    fn new(document: DocumentRef<'a>) -> Self {
        let mut walk = Self {
            levels: heapless::Vec::new(),
            arrays: 0,
        };
        walk.enter(document.root(), "");
        walk
    }

    fn enter(&mut self, value: Value<'a>, key: &'a str) {
        let level = match value {
            Value::Map(map) => Level::Map(map.iter()),
            Value::Array(array) => {
                self.arrays = self.arrays.wrapping_add(1);
                Level::Array(array.iter(), key)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
        };
        // A document is never deeper.
        let _ = self.levels.push(level);
    }

    fn next(&mut self) -> Option<Step<'a>> {
        let step = match self.levels.last_mut()? {
            Level::Map(entries) => entries
                .next()
                .map(|(key, value)| Step::Value(value, key, true)),
            Level::Array(items, key) => {
                let key = *key;
                items.next().map(|value| Step::Value(value, key, false))
            }
        };
        match step {
            Some(Step::Value(value, key, own)) => {
                self.enter(value, key);
                Some(Step::Value(value, key, own))
            }
            Some(Step::Down) | None => {
                if let Some(Level::Array(..)) = self.levels.pop() {
                    self.arrays = self.arrays.wrapping_sub(1);
                }
                Some(Step::Down)
            }
        }
    }
}

/// Counts a section as the guide does: keys and strings in characters without control characters, a number
/// 8, a Boolean 4, containers the sum of what is in them. Cost: linear.
pub fn size(section: DocumentRef<'_>) -> usize {
    let mut walk = Walk::new(section);
    let mut size = 0_usize;
    while let Some(step) = walk.next() {
        let Step::Value(value, key, own) = step else {
            continue;
        };
        if own {
            size = size.wrapping_add(characters(key));
        }
        size = size.wrapping_add(match value {
            Value::String(text) => characters(text),
            Value::Number(_) => 8,
            Value::Bool(_) => 4,
            Value::Null | Value::Array(_) | Value::Map(_) => 0,
        });
    }
    size
}

fn characters(text: &str) -> usize {
    text.chars()
        .filter(|character| !character.is_control())
        .count()
}

/// Checks keys and values of the patch of a section: what a twin's own rules can not say. Sizes are the
/// hub's to check: only it knows what the patch meets. Cost: linear.
pub(super) fn check<'a>(section: DocumentRef<'a>, policy: &Policy) -> Result<(), Breach<'a>> {
    let mut walk = Walk::new(section);
    while let Some(step) = walk.next() {
        let Step::Value(value, key, own) = step else {
            continue;
        };
        if own {
            check_key(key, policy)?;
        }
        match value {
            Value::Null if walk.arrays > 0 => return Err(Breach::NullInArray { key }),
            Value::String(text) if text.len() > policy.max_string => {
                return Err(Breach::StringLength {
                    key,
                    len: text.len(),
                    limit: policy.max_string,
                });
            }
            Value::Number(number)
                if policy.integers == Integers::Guide && is_out_of_range(number) =>
            {
                return Err(Breach::Integer { key });
            }
            // The section itself is open, too, at level 0.
            Value::Map(_) | Value::Array(_)
                if walk.levels.len().saturating_sub(1) > policy.max_depth =>
            {
                return Err(Breach::Depth {
                    limit: policy.max_depth,
                });
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Map(_) => {}
        }
    }
    Ok(())
}

fn check_key<'a>(key: &'a str, policy: &Policy) -> Result<(), Breach<'a>> {
    if key.len() > policy.max_key {
        let limit = policy.max_key;
        return Err(Breach::KeyLength { key, limit });
    }
    let edge = policy.key_characters == KeyCharacters::Edge;
    let is_bad = |character: &char| {
        character.is_control()
            || matches!(character, '.' | '$' | ' ')
            || (edge && (*character == '#' || character.is_whitespace()))
    };
    match key.chars().find(is_bad) {
        Some(character) => Err(Breach::KeyCharacter { key, character }),
        None => Ok(()),
    }
}

/// Whether it is a whole number that the service does not take. One that is written with an exponent is a
/// whole number, too: numbers are kept by value.
fn is_out_of_range(number: Number) -> bool {
    match number.as_i64() {
        Some(number) => !(MIN_INTEGER..=MAX_INTEGER).contains(&number),
        // Whole numbers beyond 64 bits.
        None => number.exponent() > 0,
    }
}

impl Breach<'_> {
    /// Writes the service's words into an open string, where they are known; else those of the hub on the
    /// edge.
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        let count = |count: usize, writer: &mut Writer<'_>| {
            writer.unsigned(u64::try_from(count).unwrap_or(u64::MAX));
        };
        match *self {
            Self::KeyLength { key, limit } => {
                writer.raw("Length of property name ");
                writer.string_part(shortened(key));
                writer.raw(".. exceeds maximum length of ");
                count(limit, writer);
            }
            Self::KeyCharacter { key, character } => {
                writer.raw("Property name ");
                writer.string_part(shortened(key));
                writer.raw(" contains invalid character '");
                writer.string_part(character.encode_utf8(&mut [0; 4]));
                writer.raw("'");
            }
            Self::StringLength { key, len, limit } => {
                writer.raw("Value associated with property name ");
                writer.string_part(shortened(key));
                writer.raw(" has length ");
                count(len, writer);
                writer.raw(" that exceeds maximum length of ");
                count(limit, writer);
            }
            Self::Integer { key } => {
                writer.raw("Property ");
                writer.string_part(shortened(key));
                writer.raw(" has an out of bound value. Valid values are between -4503599627370496 and 4503599627370495");
            }
            Self::NullInArray { key } => {
                // Two words run together on the wire.
                writer.raw("Value of Property or Tag cannot be null. Error inProperty/Tag ");
                writer.string_part(shortened(key));
            }
            Self::Depth { limit } => {
                writer.raw("Nested depth of twin property exceeds ");
                count(limit, writer);
            }
        }
    }
}

/// The first characters of a name, for an error.
fn shortened(name: &str) -> &str {
    match name.char_indices().nth(64) {
        Some((end, _)) => name.get(..end).unwrap_or_default(),
        None => name,
    }
}

impl fmt::Display for Breach<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyLength { key, limit } => {
                write!(f, "key {:?} is longer than {limit} bytes", shortened(key))
            }
            Self::KeyCharacter { key, character } => {
                write!(
                    f,
                    "key {:?} has the character {character:?}",
                    shortened(key)
                )
            }
            Self::StringLength { key, len, limit } => {
                write!(f, "{key:?} has {len} bytes of {limit}")
            }
            Self::Integer { key } => write!(f, "{key:?} is out of the range of whole numbers"),
            Self::NullInArray { key } => write!(f, "an array in {key:?} holds null"),
            Self::Depth { limit } => write!(f, "nested deeper than level {limit}"),
        }
    }
}

impl core::error::Error for Breach<'_> {}
