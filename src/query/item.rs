//! A twin as queries see it.

use super::environment::{Environment, operand_at};
use super::operand::{Operand, Scratch};
use super::path::{Path, Step, Steps};
use super::statement::Source;
use crate::document::DocumentRef;
use crate::document::Number;
use crate::time::Timestamp;
use crate::twin::{ETag, LeafMeta, Section, TwinRef, Version};

/// A twin with its identity, as a query sees it.
///
/// | path | what |
/// | --- | --- |
/// | `deviceId`, `moduleId` | the id; a device has no `moduleId` |
/// | `tags.…` | tags |
/// | `properties.desired.…`, `properties.reported.…` | the sections, and their `$version` |
/// | `properties.desired.$metadata.….$lastUpdated` | when the leaf was last named, ISO 8601, if the twin keeps metadata; also `$lastUpdatedVersion` |
/// | `version`, `etag` | version of the twin; tag of tags and desired, as base64 |
/// | `configurations.[[id]].status` | looked up in [`TwinItem::with_configurations`] |
/// | all else | looked up in [`TwinItem::with_identity`] |
///
/// The names of this table count in any case, the keys of the twin as they are.
///
/// ```
/// use twinsync::document::Document;
/// use twinsync::query::{Condition, Dialect, TwinItem};
/// use twinsync::time::Timestamp;
/// use twinsync::twin::{self, Policy, Twin, TwinRef, Update};
///
/// let mut patch = Document::<64>::new();
/// patch.set(&["tags", "floor"], 3)?;
/// let mut twin = Twin::<128>::new();
/// let update = Update::merge(patch.as_ref());
/// twin::apply(TwinRef::ABSENT, &update, Timestamp::EPOCH, &Policy::new(), &mut twin.as_mut())?;
///
/// let item = TwinItem::new("pump-1", twin.as_ref());
/// let condition = Condition::<16>::parse("tags.floor = 3 AND STARTSWITH(deviceId, 'pump')", Dialect::TWIN)?;
/// assert!(condition.matches(&item));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TwinItem<'a> {
    pub(super) device: &'a str,
    pub(super) module: Option<&'a str>,
    pub(super) twin: TwinRef<'a>,
    identity: DocumentRef<'a>,
    configurations: Option<DocumentRef<'a>>,
}

impl<'a> TwinItem<'a> {
    /// Takes a device's twin.
    pub const fn new(device: &'a str, twin: TwinRef<'a>) -> Self {
        Self {
            device,
            module: None,
            twin,
            identity: DocumentRef::EMPTY,
            configurations: None,
        }
    }

    /// Returns the twin.
    pub const fn twin(&self) -> TwinRef<'a> {
        self.twin
    }

    /// Makes it the twin of a module of the device.
    #[must_use]
    pub const fn with_module(mut self, module: &'a str) -> Self {
        self.module = Some(module);
        self
    }

    /// Adds what the service knows besides the twin, as a map: `status`, `connectionState`,
    /// `configurations` and such.
    #[must_use]
    pub const fn with_identity(mut self, identity: DocumentRef<'a>) -> Self {
        self.identity = identity;
        self
    }

    /// Adds the automatic configurations of the twin: a map from the id of each to a map with its `status`.
    #[must_use]
    pub const fn with_configurations(mut self, configurations: DocumentRef<'a>) -> Self {
        self.configurations = Some(configurations);
        self
    }

    /// Returns whether a query of this source is about it.
    pub const fn is_from(&self, source: Source) -> bool {
        match source {
            Source::Devices => self.module.is_none(),
            Source::Modules => self.module.is_some(),
            Source::Jobs => false,
        }
    }

    pub(super) fn etag(&self, scratch: &mut Scratch) -> Operand<'static> {
        let sections = [Section::Tags, Section::Desired];
        write_tag(self.twin.etag_of(&sections), scratch)
    }

    fn properties(&self, mut steps: Steps<'_>, scratch: &mut Scratch) -> Operand<'a> {
        let section = match steps.next() {
            Some(Step::Key(key)) if key.eq_ignore_ascii_case("desired") => Section::Desired,
            Some(Step::Key(key)) if key.eq_ignore_ascii_case("reported") => Section::Reported,
            _ => return Operand::UNDEFINED,
        };
        let document = self.twin.document().at(&[section.key()]);
        let mut after = steps.clone();
        match after.next() {
            Some(Step::Key("$version")) if after.next().is_none() => {
                let versions = self.twin.versions();
                version(match section {
                    Section::Desired => versions.desired,
                    _ => versions.reported,
                })
            }
            Some(Step::Key("$metadata")) => self.metadata(section, after, scratch),
            _ => document.map_or(Operand::UNDEFINED, |document| operand_at(document, steps)),
        }
    }

    fn metadata(
        &self,
        section: Section,
        mut steps: Steps<'_>,
        scratch: &mut Scratch,
    ) -> Operand<'a> {
        let mut part = self.twin.metadata(section);
        while let Some(Step::Key(key)) = steps.next() {
            let time = key == "$lastUpdated";
            if time || key == "$lastUpdatedVersion" {
                return match LeafMeta::from_value(part.root()) {
                    Some(meta) if time => write_time(meta.updated_at, scratch),
                    Some(meta) => version(meta.version),
                    None => Operand::UNDEFINED,
                };
            }
            match part.at(&[key]) {
                Some(next) => part = next,
                None => break,
            }
        }
        Operand::UNDEFINED
    }
}

impl Environment for TwinItem<'_> {
    fn resolve(&self, path: Path<'_>, scratch: &mut Scratch) -> Operand<'_> {
        let mut steps = path.steps();
        let Some(Step::Key(root)) = steps.next() else {
            return Operand::UNDEFINED;
        };
        let is = |name: &str| root.eq_ignore_ascii_case(name);
        let alone = || steps.clone().next().is_none();
        if is("tags") {
            let tags = self.twin.document().at(&[Section::Tags.key()]);
            tags.map_or(Operand::UNDEFINED, |tags| operand_at(tags, steps))
        } else if is("properties") {
            self.properties(steps, scratch)
        } else if is("deviceId") && alone() {
            Operand::text(self.device)
        } else if is("moduleId") && alone() {
            self.module.map_or(Operand::UNDEFINED, Operand::text)
        } else if is("version") && alone() {
            version(self.twin.versions().twin)
        } else if is("etag") && alone() {
            self.etag(scratch)
        } else if let Some(configurations) = self.configurations
            && is("configurations")
        {
            operand_at(configurations, steps)
        } else {
            operand_at(self.identity, path.steps())
        }
    }
}

fn version(version: Version) -> Operand<'static> {
    let version = i64::try_from(version.as_u64()).unwrap_or(i64::MAX);
    Operand::from(Number::from(version))
}

/// The tag's eight bytes in base64 (RFC 4648 §4).
fn write_tag(tag: ETag, scratch: &mut Scratch) -> Operand<'static> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = u128::from(u64::from_be_bytes(*tag.as_bytes())) << 2;
    let mark = scratch.mark();
    for letter in (0..11_u32).rev() {
        let index = bits.wrapping_shr(letter.wrapping_mul(6)) & 63;
        let index = usize::try_from(index).unwrap_or(0);
        scratch.push(LETTERS.get(index).copied().unwrap_or(b'='));
    }
    scratch.push(b'=');
    Operand(scratch.built(mark))
}

/// ISO 8601 in UTC with milliseconds.
fn write_time(time: Timestamp, scratch: &mut Scratch) -> Operand<'static> {
    const DAY: u64 = 86_400_000;
    let (days, millis) = (
        time.as_millis().wrapping_div(DAY),
        time.as_millis().wrapping_rem(DAY),
    );
    let millis = u32::try_from(millis).unwrap_or(0);
    // From the civil calendar's era of 400 years, which begins on 1 March.
    let days = u32::try_from(days)
        .unwrap_or(u32::MAX / 8)
        .saturating_add(719_468);
    let era = days.wrapping_div(146_097);
    let day = days.wrapping_rem(146_097);
    let leap_days = (day.wrapping_div(1_460))
        .wrapping_sub(day.wrapping_div(36_524))
        .wrapping_add(day.wrapping_div(146_096));
    let year = day.wrapping_sub(leap_days).wrapping_div(365);
    let before = year
        .wrapping_mul(365)
        .wrapping_add(year.wrapping_div(4))
        .wrapping_sub(year.wrapping_div(100));
    let day = day.wrapping_sub(before);
    let month = day.wrapping_mul(5).wrapping_add(2).wrapping_div(153);
    let first = month.wrapping_mul(153).wrapping_add(2).wrapping_div(5);
    let late = u32::from(month >= 10);
    let year = era.wrapping_mul(400).wrapping_add(year).wrapping_add(late);
    let month = month.wrapping_add(3).wrapping_sub(late.wrapping_mul(12));
    let seconds = millis.wrapping_div(1_000);
    let minutes = seconds.wrapping_div(60);
    let mark = scratch.mark();
    for (value, width, after) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day.wrapping_sub(first).wrapping_add(1), 2, b'T'),
        (minutes.wrapping_div(60), 2, b':'),
        (minutes.wrapping_rem(60), 2, b':'),
        (seconds.wrapping_rem(60), 2, b'.'),
        (millis.wrapping_rem(1_000), 3, b'Z'),
    ] {
        digits(value, width, scratch);
        scratch.push(after);
    }
    Operand(scratch.built(mark))
}

/// At least so many digits.
fn digits(value: u32, width: u32, scratch: &mut Scratch) {
    let mut places = width;
    while places < 9 && value >= 10_u32.wrapping_pow(places) {
        places = places.saturating_add(1);
    }
    for place in (0..places).rev() {
        let digit = value.checked_div(10_u32.wrapping_pow(place)).unwrap_or(0);
        let [digit, ..] = digit.wrapping_rem(10).to_le_bytes();
        scratch.push(digit.wrapping_add(b'0'));
    }
}
