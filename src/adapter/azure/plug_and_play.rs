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
//! use twinsync::adapter::azure::plug_and_play::{Acknowledgement, Code, property, says};
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
//! Acknowledgement::new(Code::Done, engine.version())
//!     .with_description("done")
//!     .answer(asked.value, said.as_mut())?;
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

pub use crate::configuration::{Acknowledgement, COMPONENT, Code, MARK, says};

use crate::document::DocumentRef;
use crate::document::Entries;
use crate::document::Value;

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
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
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
