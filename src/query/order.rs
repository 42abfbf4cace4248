//! The order of results: total, over values of all types.

use core::cmp::Ordering;

use super::row::PLACES;
use super::statement::{Columns, Keys, QueryRef};
use crate::document::{DocumentRef, Value};

impl QueryRef<'_> {
    /// Compares what two twins are sorted by, as [`QueryRef::sort_key`] wrote it.
    ///
    /// The order is total: what is undefined comes first, then null, false, true, numbers, texts by their
    /// bytes, and arrays and maps by theirs; behind `DESC` the other way round.
    pub fn key_order(self, a: DocumentRef<'_>, b: DocumentRef<'_>) -> Ordering {
        let keys = self.order_by().zip(PLACES);
        keys.map(|(key, place)| directed(key.descending, a.value(&[place]), b.value(&[place])))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// Compares two rows of groups as `ORDER BY` says, which names columns there.
    pub fn row_order(self, a: DocumentRef<'_>, b: DocumentRef<'_>) -> Ordering {
        row_order(self.order_by(), self.columns(), a, b)
    }
}

fn row_order(
    keys: Keys<'_>,
    columns: Columns<'_>,
    a: DocumentRef<'_>,
    b: DocumentRef<'_>,
) -> Ordering {
    for key in keys {
        let mut columns = columns.clone();
        if let Some(column) = columns.find(|column| column.is_named(key.path)) {
            let place = [column.name];
            let order = directed(key.descending, a.value(&place), b.value(&place));
            if order.is_ne() {
                return order;
            }
        }
    }
    Ordering::Equal
}

fn directed(descending: bool, a: Option<Value<'_>>, b: Option<Value<'_>>) -> Ordering {
    let order = value_order(a, b);
    if descending { order.reverse() } else { order }
}

/// A total order over values and what is not there.
fn value_order(a: Option<Value<'_>>, b: Option<Value<'_>>) -> Ordering {
    match (a, b) {
        (Some(Value::Bool(a)), Some(Value::Bool(b))) => a.cmp(&b),
        (Some(Value::Number(a)), Some(Value::Number(b))) => a.cmp(&b),
        (Some(Value::String(a)), Some(Value::String(b))) => a.cmp(b),
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            a.as_document().as_bytes().cmp(b.as_document().as_bytes())
        }
        (Some(Value::Map(a)), Some(Value::Map(b))) => {
            a.as_document().as_bytes().cmp(b.as_document().as_bytes())
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

const fn rank(value: Option<Value<'_>>) -> u8 {
    match value {
        None => 0,
        Some(Value::Null) => 1,
        Some(Value::Bool(_)) => 2,
        Some(Value::Number(_)) => 3,
        Some(Value::String(_)) => 4,
        Some(Value::Array(_)) => 5,
        Some(Value::Map(_)) => 6,
    }
}
