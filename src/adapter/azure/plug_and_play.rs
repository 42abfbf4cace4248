//! The convention of IoT Plug and Play for writable properties: how a device acknowledges what it was asked.
//!
//! A service writes `"target":21` into desired; the device answers with
//! `"target":{"value":21,"ac":200,"av":7,"ad":"done"}` in reported, where `av` is the `$version` of desired
//! that it saw. Properties of a component stand one level deeper, beside the mark `"__t":"c"`. So what is
//! reported never equals what is desired: an engine that is told [`says`] recognises it all the same.
//! **The one rule: a property is settled by an acknowledgement of its own value with a status of success.** One in
//! progress (202) or failed (4xx, 5xx) leaves it in the work list; what the application will not do it
//! refuses, and reports with the value that is in force.
//!
//! | status | meaning |
//! | --- | --- |
//! | 200 | done |
//! | 202 | in progress |
//! | 203 | set by the device itself, `av` 0: the value before anyone asked |
//! | 400 | the value is bad |
//! | 500 | it failed |
//!
//! ```
//! use twinsync::adapter::azure::plug_and_play::{Acknowledgement, property, says};
//! use twinsync::device::{Acks, Config, DeviceEngine};
//! use twinsync::document::Document;
//! use twinsync::protocol::VersionScope;
//! use twinsync::time::Instant;
//!
//! const COMPONENTS: [&str; 1] = ["heater"];
//! let config = Config::new(7)
//!     .with_versions(VersionScope::Section)
//!     .with_acks(Acks::new(says));
//! let mut engine = DeviceEngine::<256>::new(config);
//! # use twinsync::device::{Output, Session};
//! # use twinsync::protocol::{Message, RequestId, Snapshot, Versions};
//! # use twinsync::twin::Version;
//! # let now = Instant::ZERO;
//! # engine.handle_connected(now, Session::Resumed);
//! # engine.handle_subscribed(now);
//! # engine.poll_transmit(now).ok_or("a get")?.sent(now);
//! # let mut twin = Document::<128>::new();
//! # twin.set(&["desired", "heater", "__t"], "c")?;
//! # twin.set(&["desired", "heater", "target"], 21)?;
//! # let snapshot = Snapshot {
//! #     id: RequestId::new("00000007"),
//! #     document: twin.as_ref(),
//! #     versions: Versions { desired: Version::new(7), ..Versions::ZERO },
//! #     timestamp: twinsync::time::Timestamp::EPOCH,
//! # };
//! # engine.handle_message(now, Message::GetAccepted(snapshot))?;
//! // The service has asked for {"heater":{"__t":"c","target":21}} by now.
//! let asked = engine.changes().next().ok_or("nothing to do")?;
//! let path = property(&asked.path, &COMPONENTS).ok_or("no property")?;
//! assert_eq!(path, ["heater", "target"]);
//! let mut said = Document::<64>::new();
//! Acknowledgement::new(200, engine.version())
//!     .with_description("done")
//!     .write(asked.value, said.as_mut())?;
//! engine.report_value(now, &["heater", "target"], said.as_ref())?;
//! engine.report_value(now, &["heater", "__t"], "c")?;
//! assert_eq!(engine.changes().count(), 0, "asked and answered");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Report with `DeviceEngine::report_value`, which replaces the property as a whole, rather than with a merge:
//! an object as a value, and a description, would leave their old members behind. The engine's own
//! `acknowledge` and `settle` say the plain value, as other conventions want it: [`says`] takes that, too, the
//! tools of a solution builder may not.

use crate::document::BuildError;
use crate::document::Builder;
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::Entries;
use crate::document::Value;
use crate::twin::Version;

/// The member that marks an object as a component.
pub const MARK: &str = "__t";
/// What it says.
pub const COMPONENT: &str = "c";

const VALUE: &str = "value";
const STATUS: &str = "ac";
const VERSION: &str = "av";
const DESCRIPTION: &str = "ad";

/// What a device says about a property that it was asked to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Acknowledgement<'a> {
    /// `ac`, a status as in HTTP.
    pub status: u16,
    /// `av`, the `$version` of desired that asked; 0 where nobody has.
    pub version: Version,
    /// `ad`, words for people.
    pub description: Option<&'a str>,
}

impl<'a> Acknowledgement<'a> {
    /// Takes status and version.
    pub const fn new(status: u16, version: Version) -> Self {
        Self {
            status,
            version,
            description: None,
        }
    }

    /// The same with words for people.
    pub const fn with_description(mut self, description: &'a str) -> Self {
        self.description = Some(description);
        self
    }

    /// Writes what stands in reported at the property: `out` becomes `{"value":…,"ac":…,"av":…}`, with `ad`
    /// if there is a description. `value` is the value that is in force.
    ///
    /// # Errors
    /// [`BuildError`] if it does not fit or is nested too deep; `out` is then `{}`.
    pub fn write(&self, value: Value<'_>, out: DocumentMut<'_>) -> Result<(), BuildError> {
        let mut builder = out.build();
        self.build(value, &mut builder)?;
        builder.finish()
    }

    /// Writes the patch of reported with this acknowledgement alone: `path` is a property, or a component and
    /// its property, which is marked.
    ///
    /// # Errors
    /// [`BuildError`] if it does not fit, is nested too deep, or a key is too long; `out` is then `{}`.
    pub fn write_patch(
        &self,
        path: &[&str],
        value: Value<'_>,
        out: DocumentMut<'_>,
    ) -> Result<(), BuildError> {
        let mut builder = out.build();
        builder.begin_map()?;
        if let Some((property, above)) = path.split_last() {
            for key in above {
                builder.key(key)?;
                builder.begin_map()?;
                builder.key(MARK)?;
                builder.value(COMPONENT)?;
            }
            builder.key(property)?;
            self.build(value, &mut builder)?;
            for _ in above {
                builder.end()?;
            }
        }
        builder.end()?;
        builder.finish()
    }

    fn build(&self, value: Value<'_>, builder: &mut Builder<'_>) -> Result<(), BuildError> {
        builder.begin_map()?;
        builder.key(VALUE)?;
        builder.value(value)?;
        builder.key(STATUS)?;
        builder.value(self.status)?;
        builder.key(VERSION)?;
        // No hub counts that far.
        builder.value(i64::try_from(self.version.as_u64()).unwrap_or(i64::MAX))?;
        if let Some(description) = self.description {
            builder.key(DESCRIPTION)?;
            builder.value(description)?;
        }
        builder.end()
    }

    /// Reads an acknowledgement and the value that it is about; nothing if `value` is none: an object with
    /// `value`, `ac` and `av`.
    pub fn read(value: Value<'a>) -> Option<(Value<'a>, Self)> {
        let map = value.as_map()?;
        let said = map.value(VALUE)?;
        let status = map.value(STATUS)?.read().ok()?;
        let version = u64::try_from(map.value(VERSION)?.as_i64()?).ok()?;
        let acknowledgement = Self {
            status,
            version: Version::new(version),
            description: map.value(DESCRIPTION).and_then(Value::as_str),
        };
        Some((said, acknowledgement))
    }

    /// Returns whether it says that the value is in force: any status of success but *in progress*.
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299) && self.status != 202
    }
}

/// Returns the property that a leaf of desired belongs to: one key, or two in a component.
///
/// Nothing for a component's mark, which asks for nothing, and for a component without properties.
pub fn property<'p, 'k>(path: &'p [&'k str], components: &[&str]) -> Option<&'p [&'k str]> {
    let (first, below) = path.split_first()?;
    let end = if components.contains(first) { 2 } else { 1 };
    if below.first() == Some(&MARK) {
        return None;
    }
    path.get(..end)
}

/// Says whether `reported` says at `path` what `wanted` asks for: the value itself, or a successful
/// acknowledgement of it there or above. The mark of a component asks for nothing.
///
/// Hand it to a device engine's configuration (`Config::with_acks(Acks::new(says))`).
pub fn says(reported: DocumentRef<'_>, path: &[&str], wanted: DocumentRef<'_>) -> bool {
    if path.last() == Some(&MARK) {
        return true;
    }
    let mut here = reported;
    let mut answered = false;
    for key in path {
        let Some(below) = here.at(&[key]) else {
            return false;
        };
        here = below;
        if !answered && let Some((_, acknowledgement)) = Acknowledgement::read(here.root()) {
            if !acknowledgement.is_success() {
                return false;
            }
            answered = true;
            here = here.at(&[VALUE]).unwrap_or(DocumentRef::EMPTY);
        }
    }
    here == wanted || (wanted.is_empty() && here.is_map())
}

/// A property of a section, and its component if it has one.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Property<'a> {
    /// The component; `None` for a property of the device itself.
    pub component: Option<&'a str>,
    /// The property's name.
    pub name: &'a str,
    /// What stands there: in desired the value that is asked for, null in a patch that removes it.
    pub value: Value<'a>,
}

/// Iterator over the properties of a section, or of a patch of one; see [`properties`].
#[derive(Clone, Debug)]
pub struct Properties<'a, 'c> {
    components: &'c [&'c str],
    section: Entries<'a>,
    open: Option<(&'a str, Entries<'a>)>,
}

/// Returns the properties of a section, component by component, in the order of the document.
///
/// An object is a component if `components` names it (what a patch says need not be marked) or if it is
/// marked; marks are passed over.
pub const fn properties<'a, 'c>(
    section: DocumentRef<'a>,
    components: &'c [&'c str],
) -> Properties<'a, 'c> {
    Properties {
        components,
        section: section.entries(),
        open: None,
    }
}

impl<'a> Iterator for Properties<'a, '_> {
    type Item = Property<'a>;

    fn next(&mut self) -> Option<Property<'a>> {
        loop {
            if let Some((component, entries)) = &mut self.open {
                match entries.next() {
                    Some((MARK, _)) => continue,
                    Some((name, value)) => {
                        return Some(Property {
                            component: Some(*component),
                            name,
                            value,
                        });
                    }
                    None => self.open = None,
                }
            }
            let (name, value) = self.section.next()?;
            let component = value
                .as_map()
                .filter(|map| self.components.contains(&name) || map.value(MARK).is_some());
            let Some(component) = component else {
                return Some(Property {
                    component: None,
                    name,
                    value,
                });
            };
            self.open = Some((name, component.iter()));
        }
    }
}
