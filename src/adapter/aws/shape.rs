//! What the service writes that no document holds: metadata in the shape of the state, and the delta.
//!
//! Both are one walk without recursion, straight into the JSON writer.

use core::cmp::Ordering;

use crate::codec::json::Writer;
use crate::document::Entries;
use crate::document::Items;
use crate::document::MAX_DEPTH;
use crate::document::Map;
use crate::document::Value;
use crate::time::Timestamp;

/// When the leaves of a value changed.
#[derive(Clone, Copy)]
pub(super) enum Stamp<'a> {
    /// All at once.
    At(Timestamp),
    /// As a twin's metadata of the same shape says; there an array has one stamp.
    Of(Value<'a>),
}

impl Stamp<'_> {
    fn time(self) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Of(stamp) => stamp
                .as_array()
                .and_then(|stamp| stamp.iter().next())
                .and_then(Value::as_i64)
                .and_then(|millis| u64::try_from(millis).ok())
                .map_or(Timestamp::EPOCH, Timestamp::from_millis),
        }
    }
}

/// Where the walk over a value and its stamps is inside a container.
enum Level<'a> {
    /// A map whose leaves changed at once.
    Map(Entries<'a>, Timestamp),
    /// A map whose entries have stamps.
    Stamped(Entries<'a>, Entries<'a>),
    /// An array.
    Array(Items<'a>, Timestamp),
}

impl<'a> Level<'a> {
    fn next(&mut self) -> Option<(Option<&'a str>, Value<'a>, Stamp<'a>)> {
        match self {
            Self::Map(entries, time) => {
                let (key, value) = entries.next()?;
                Some((Some(key), value, Stamp::At(*time)))
            }
            Self::Stamped(entries, stamps) => {
                let (key, value) = entries.next()?;
                let stamp = seek(stamps, key).map_or(Stamp::At(Timestamp::EPOCH), Stamp::Of);
                Some((Some(key), value, stamp))
            }
            Self::Array(items, time) => Some((None, items.next()?, Stamp::At(*time))),
        }
    }
}

/// Writes the metadata of a value: its shape, with `{"timestamp":seconds}` for each leaf, for a null, and
/// for each item of an array. Cost: linear in the value and its stamps.
pub(super) fn metadata<'a>(value: Value<'a>, stamp: Stamp<'a>, writer: &mut Writer<'_>) {
    let mut levels: heapless::Vec<Level<'_>, MAX_DEPTH> = heapless::Vec::new();
    let (mut value, mut stamp) = (value, stamp);
    loop {
        let (opening, level) = match (value, stamp) {
            (Value::Map(map), Stamp::At(time)) => ("{", Some(Level::Map(map.iter(), time))),
            (Value::Map(map), Stamp::Of(stamps)) => {
                let stamps = stamps.as_map().unwrap_or(Map::EMPTY);
                ("{", Some(Level::Stamped(map.iter(), stamps.iter())))
            }
            (Value::Array(array), _) => ("[", Some(Level::Array(array.iter(), stamp.time()))),
            (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_), _) => {
                ("{\"timestamp\":", None)
            }
        };
        writer.raw(opening);
        let mut first = true;
        match level {
            Some(level) => {
                if levels.push(level).is_err() {
                    return;
                }
            }
            None => {
                writer.unsigned(stamp.time().as_secs());
                writer.raw("}");
                first = false;
            }
        }
        // What comes next stands in the innermost container that has something left.
        loop {
            let Some(level) = levels.last_mut() else {
                return;
            };
            if let Some((key, next, its_stamp)) = level.next() {
                if !first {
                    writer.raw(",");
                }
                if let Some(key) = key {
                    writer.string(key);
                    writer.raw(":");
                }
                (value, stamp) = (next, its_stamp);
                break;
            }
            writer.raw(if matches!(level, Level::Array(..)) {
                "]"
            } else {
                "}"
            });
            levels.pop();
            first = false;
        }
    }
}

/// A map of desired that is compared with its counterpart in reported.
struct Compared<'a> {
    key: &'a str,
    desired: Entries<'a>,
    reported: Entries<'a>,
    /// Whether something differs: only then its brace is written.
    open: bool,
}

/// Writes `,"delta":{…}` if `desired` asks for something that `reported` does not say, else nothing.
/// The rules are those of [`document::delta`](crate::document::delta). Cost: linear in both.
pub(super) fn delta(desired: Map<'_>, reported: Map<'_>, writer: &mut Writer<'_>) {
    let mut levels: heapless::Vec<Compared<'_>, MAX_DEPTH> = heapless::Vec::new();
    let mut next = Some(Compared {
        key: "delta",
        desired: desired.iter(),
        reported: reported.iter(),
        open: false,
    });
    // Whether the next member follows another one; the delta itself follows desired.
    let mut comma = true;
    loop {
        if let Some(level) = next.take()
            && levels.push(level).is_err()
        {
            return;
        }
        let Some(level) = levels.last_mut() else {
            return;
        };
        let Some((key, desired)) = level.desired.next() else {
            if level.open {
                writer.raw("}");
                comma = true;
            }
            levels.pop();
            continue;
        };
        let reported = seek(&mut level.reported, key);
        if reported == Some(desired) {
            continue;
        }
        if let (Value::Map(desired), Some(Value::Map(reported))) = (desired, reported) {
            next = Some(Compared {
                key,
                desired: desired.iter(),
                reported: reported.iter(),
                open: false,
            });
            continue;
        }
        for level in levels.iter_mut().filter(|level| !level.open) {
            member(level.key, comma, writer);
            writer.raw("{");
            level.open = true;
            comma = false;
        }
        member(key, comma, writer);
        writer.value(desired);
        comma = true;
    }
}

fn member(key: &str, comma: bool, writer: &mut Writer<'_>) {
    if comma {
        writer.raw(",");
    }
    writer.string(key);
    writer.raw(":");
}

/// Moves to `key`, past the keys that come before it, and returns what it holds.
fn seek<'a>(entries: &mut Entries<'a>, key: &str) -> Option<Value<'a>> {
    loop {
        let mut ahead = *entries;
        let (found, value) = ahead.next()?;
        match found.len().cmp(&key.len()).then_with(|| found.cmp(key)) {
            Ordering::Greater => return None,
            Ordering::Equal => {
                *entries = ahead;
                return Some(value);
            }
            Ordering::Less => *entries = ahead,
        }
    }
}
