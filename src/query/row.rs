//! Rows of a result: what the columns say about one twin.

use super::environment::Environment;
use super::item::TwinItem;
use super::operand::{Kind, Scratch};
use super::statement::{Keys, QueryRef};
use crate::document::{DocumentMut, DocumentRef, EditError, Number, Value};
use crate::twin::{Section, Version};

impl QueryRef<'_> {
    /// Writes the row for `item`: a map with the columns, without those that are undefined; for `*` the
    /// twin as the service's document has it: `deviceId`, `etag`, `version`, `tags`, `properties`.
    ///
    /// Cost: one walk for each column, and the bytes that are copied.
    ///
    /// # Errors
    /// [`EditError`] if the row does not fit; it is then `{}`.
    pub fn project(self, item: &TwinItem<'_>, row: &mut DocumentMut<'_>) -> Result<(), EditError> {
        row.clear();
        let written = if self.is_whole() {
            whole(item, row)
        } else {
            self.columns().try_for_each(|column| {
                column.path.map_or(Ok(()), |path| {
                    let mut scratch = Scratch::new();
                    let value = item.resolve(path, &mut scratch).0;
                    write(&[column.name], value, &scratch, row)
                })
            })
        };
        if written.is_err() {
            row.clear();
        }
        written
    }

    /// Writes what `item` is sorted by: the values of [`QueryRef::order_by`] under `0`, `1`, …; what is
    /// undefined is left out. [`QueryRef::key_order`] compares two of them.
    ///
    /// # Errors
    /// [`EditError`] if the key does not fit; it is then `{}`.
    pub fn sort_key(self, item: &TwinItem<'_>, key: &mut DocumentMut<'_>) -> Result<(), EditError> {
        write_keys(self.order_by(), item, key)
    }
}

/// Writes the values of some paths under their places.
pub(super) fn write_keys(
    keys: Keys<'_>,
    item: &TwinItem<'_>,
    out: &mut DocumentMut<'_>,
) -> Result<(), EditError> {
    out.clear();
    let mut places = PLACES.iter();
    for key in keys {
        let Some(place) = places.next() else {
            break;
        };
        let mut scratch = Scratch::new();
        let value = item.resolve(key.path, &mut scratch).0;
        if let Err(error) = write(&[place], value, &scratch, out) {
            out.clear();
            return Err(error);
        }
    }
    Ok(())
}

/// Names for [`MAX_KEYS`](super::MAX_KEYS) values.
pub(super) const PLACES: [&str; super::MAX_KEYS] = ["0", "1", "2", "3", "4", "5", "6", "7"];

/// Puts a value at a place; undefined and infinite ones are left out.
pub(super) fn write(
    place: &[&str],
    value: Kind<'_>,
    scratch: &Scratch,
    out: &mut DocumentMut<'_>,
) -> Result<(), EditError> {
    let value = match value {
        Kind::Undefined => return Ok(()),
        Kind::Null => Value::Null,
        Kind::Bool(value) => Value::Bool(value),
        Kind::Number(number) => match number.as_finite() {
            Some(number) => Value::Number(number),
            None => return Ok(()),
        },
        Kind::Container(part) => part.root(),
        Kind::Text(_) | Kind::Built { .. } => {
            let text = value.text(scratch).unwrap_or_default();
            Value::String(core::str::from_utf8(text).unwrap_or_default())
        }
    };
    out.set(place, value)
}

fn whole(item: &TwinItem<'_>, row: &mut DocumentMut<'_>) -> Result<(), EditError> {
    let twin = item.twin;
    row.set(&["deviceId"], item.device)?;
    if let Some(module) = item.module {
        row.set(&["moduleId"], module)?;
    }
    let mut scratch = Scratch::new();
    let tag = item.etag(&mut scratch).0;
    write(&["etag"], tag, &scratch, row)?;
    let versions = twin.versions();
    row.set(&["version"], number(versions.twin))?;
    copy(&["tags"], twin.section(Section::Tags), row)?;
    for (key, section, version) in [
        ("desired", Section::Desired, versions.desired),
        ("reported", Section::Reported, versions.reported),
    ] {
        copy(&["properties", key], twin.section(section), row)?;
        row.set(&["properties", key, "$version"], number(version))?;
    }
    Ok(())
}

fn copy(place: &[&str], part: DocumentRef<'_>, row: &mut DocumentMut<'_>) -> Result<(), EditError> {
    row.set(place, part.root())
}

fn number(version: Version) -> Value<'static> {
    let version = i64::try_from(version.as_u64()).unwrap_or(i64::MAX);
    Value::Number(Number::from(version))
}
