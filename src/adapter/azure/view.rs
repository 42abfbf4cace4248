//! A twin as a back-end sees it: one JSON object, written straight from the twin.

use super::calendar;
use super::service::{METADATA, Service, VERSION, number_of};
use crate::codec::json::Writer;
use crate::document::DocumentRef;
use crate::document::Entries;
use crate::document::MAX_DEPTH;
use crate::document::Value;
use crate::protocol::TwinId;
use crate::time::Timestamp;
use crate::twin::ETag;
use crate::twin::LeafMeta;
use crate::twin::Section;
use crate::twin::TwinRef;
use crate::twin::Version;

/// What the identity registry knows of a device and the twin shows: read-only for everyone here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Identity<'a> {
    /// The device, and the module if it is one of its.
    pub id: TwinId<'a>,
    /// `deviceEtag`: of the registry's record.
    pub etag: &'a str,
    /// Whether it may connect (`status`).
    pub enabled: bool,
    /// Whether it is connected (`connectionState`).
    pub connected: bool,
    /// When it was last heard of.
    pub last_activity: Option<Timestamp>,
    /// `sas`, `selfSigned`, `certificateAuthority` or `none`.
    pub authentication: &'a str,
    /// The IoT Plug and Play model that it announced when it connected.
    pub model: Option<&'a str>,
}

impl<'a> Identity<'a> {
    /// A device that may connect, authenticates by tokens, and was never seen.
    pub const fn new(id: TwinId<'a>) -> Self {
        Self {
            id,
            etag: "AAAAAAAAAAE=",
            enabled: true,
            connected: false,
            last_activity: None,
            authentication: "sas",
            model: None,
        }
    }

    /// The same, connected or not, and when it was last heard of.
    pub const fn with_connection(mut self, connected: bool, last: Option<Timestamp>) -> Self {
        self.connected = connected;
        self.last_activity = last;
        self
    }

    /// The same with the model that it announced.
    pub const fn with_model(mut self, model: Option<&'a str>) -> Self {
        self.model = model;
        self
    }
}

/// The sections that an etag covers: what devices report does not change it.
pub const ETAG_SECTIONS: [Section; 2] = [Section::Tags, Section::Desired];

/// An entity tag as it stands in a header: base64 in quotation marks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EntityTag([u8; 14]);

impl EntityTag {
    /// The tag of a twin: of its tags and its desired section. Cost: linear in these.
    pub fn of(twin: TwinRef<'_>) -> Self {
        Self::from(twin.etag_of(&ETAG_SECTIONS))
    }

    /// Returns the text with its quotation marks.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Returns the text without quotation marks.
    pub fn value(&self) -> &str {
        self.as_str().trim_matches('"')
    }

    /// Reads what stands between the quotation marks; nothing if this service never wrote it.
    pub(super) fn read(value: &str) -> Option<ETag> {
        let bytes: &[u8; 12] = value.as_bytes().try_into().ok()?;
        let (digits, pad) = bytes.split_last_chunk::<1>()?;
        if pad != b"=" {
            return None;
        }
        let mut word = 0_u128;
        for byte in digits {
            let digit = ALPHABET.iter().position(|digit| digit == byte)?;
            word = word.wrapping_shl(6) | u128::try_from(digit).ok()?;
        }
        // Eleven digits are 66 bits, of which the last two are nothing.
        let tag = u64::try_from(word.wrapping_shr(2)).ok()?;
        (word & 3 == 0).then(|| ETag::from_bytes(tag.to_be_bytes()))
    }
}

impl From<ETag> for EntityTag {
    fn from(etag: ETag) -> Self {
        let word = u128::from(u64::from_be_bytes(*etag.as_bytes())).wrapping_shl(2);
        let mut text = *b"\"AAAAAAAAAAA=\"";
        let mut rest = word;
        for slot in text.iter_mut().skip(1).take(11).rev() {
            let [low, ..] = rest.to_le_bytes();
            *slot = ALPHABET
                .get(usize::from(low & 0x3F))
                .copied()
                .unwrap_or(b'A');
            rest = rest.wrapping_shr(6);
        }
        Self(text)
    }
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Service {
    /// Writes a twin as back-ends see it: what the registry knows, tags, and both sections with
    /// `$metadata` and `$version`. Nothing is built in between.
    ///
    /// `$lastUpdated` stands at every leaf and every object, where it is the latest of what is in it;
    /// `$lastUpdatedVersion` does so in desired. An array is a leaf. (That something was removed from an
    /// object and nothing else happened to it is seen at the section's own stamp only.) Cost: linear in the
    /// twin; its tags and desired are read twice, for the etag.
    pub fn write_twin(&self, identity: &Identity<'_>, twin: TwinRef<'_>, writer: &mut Writer<'_>) {
        let text = |name: &str, value: &str, writer: &mut Writer<'_>| {
            writer.raw(",\"");
            writer.raw(name);
            writer.raw("\":");
            writer.string(value);
        };
        writer.raw("{\"deviceId\":");
        writer.string(identity.id.device());
        if let Some(module) = identity.id.name() {
            text("moduleId", module, writer);
        }
        text("etag", EntityTag::of(twin).value(), writer);
        text("deviceEtag", identity.etag, writer);
        let status = if identity.enabled {
            "enabled"
        } else {
            "disabled"
        };
        text("status", status, writer);
        writer.raw(",\"statusUpdateTime\":\"");
        writer.raw(calendar::NEVER);
        writer.raw("\"");
        let connection = if identity.connected {
            "Connected"
        } else {
            "Disconnected"
        };
        text("connectionState", connection, writer);
        writer.raw(",\"lastActivityTime\":");
        self.time(identity.last_activity, writer);
        writer.raw(",\"cloudToDeviceMessageCount\":0");
        text("authenticationType", identity.authentication, writer);
        writer.raw(",\"x509Thumbprint\":{\"primaryThumbprint\":null,\"secondaryThumbprint\":null}");
        if let Some(model) = identity.model {
            text("modelId", model, writer);
        }
        let versions = twin.versions();
        writer.raw(",\"version\":");
        writer.unsigned(number_of(versions.twin));
        writer.raw(",\"tags\":");
        writer.document(twin.section(Section::Tags));
        writer.raw(",\"properties\":{");
        for (section, version, comma) in [
            (Section::Desired, versions.desired, ","),
            (Section::Reported, versions.reported, ""),
        ] {
            writer.raw("\"");
            writer.raw(section.key());
            writer.raw("\":{");
            for (key, value) in twin.section(section).entries() {
                writer.string(key);
                writer.raw(":");
                writer.value(value);
                writer.raw(",");
            }
            writer.raw("\"");
            writer.raw(METADATA);
            writer.raw("\":");
            self.metadata(twin, section, version, writer);
            writer.raw(",\"");
            writer.raw(VERSION);
            writer.raw("\":");
            writer.unsigned(number_of(version));
            writer.raw("}");
            writer.raw(comma);
        }
        writer.raw("},\"capabilities\":{\"iotEdge\":false}}");
    }

    /// Writes the metadata of a section. Stamps stand behind what they are the latest of, so that one walk
    /// is enough.
    fn metadata(
        &self,
        twin: TwinRef<'_>,
        section: Section,
        version: Version,
        writer: &mut Writer<'_>,
    ) {
        let mut levels: heapless::Vec<(Entries<'_>, Stamp), MAX_DEPTH> = heapless::Vec::new();
        let stamps: DocumentRef<'_> = twin.metadata(section);
        let with_version = section == Section::Desired;
        writer.raw("{");
        let _ = levels.push((stamps.entries(), Stamp::NONE));
        while let Some((entries, so_far)) = levels.last_mut() {
            if let Some((key, value)) = entries.next() {
                writer.string(key);
                writer.raw(":{");
                if let Value::Map(map) = value {
                    if levels.push((map.iter(), Stamp::NONE)).is_err() {
                        return;
                    }
                    continue;
                }
                let stamp = Stamp::of(value);
                *so_far = so_far.later(stamp);
                self.stamp(stamp, with_version, writer);
                writer.raw("},");
                continue;
            }
            let mut stamp = *so_far;
            levels.pop();
            if let Some((_, above)) = levels.last_mut() {
                *above = above.later(stamp);
                self.stamp(stamp, with_version, writer);
                writer.raw("},");
            } else {
                // The section itself: its version is known in any case.
                if stamp.at.is_none() && version != Version::ZERO {
                    stamp.at = Some(twin.head().updated_at);
                }
                stamp.version = version;
                self.stamp(stamp, with_version, writer);
                writer.raw("}");
            }
        }
    }

    fn stamp(&self, stamp: Stamp, with_version: bool, writer: &mut Writer<'_>) {
        writer.raw("\"$lastUpdated\":");
        self.time(stamp.at, writer);
        if with_version {
            writer.raw(",\"$lastUpdatedVersion\":");
            writer.unsigned(number_of(stamp.version));
        }
    }

    fn time(&self, time: Option<Timestamp>, writer: &mut Writer<'_>) {
        writer.raw("\"");
        match time {
            Some(time) => calendar::write(time, self.policy.fraction_digits, writer),
            None => writer.raw(calendar::NEVER),
        }
        writer.raw("\"");
    }
}

/// When something was last updated, if it is known, and by which version.
#[derive(Clone, Copy)]
struct Stamp {
    at: Option<Timestamp>,
    version: Version,
}

impl Stamp {
    const NONE: Self = Self {
        at: None,
        version: Version::ZERO,
    };

    fn of(value: Value<'_>) -> Self {
        LeafMeta::from_value(value).map_or(Self::NONE, |meta| Self {
            at: Some(meta.updated_at),
            version: meta.version,
        })
    }

    fn later(self, other: Self) -> Self {
        Self {
            at: self.at.max(other.at),
            version: self.version.max(other.version),
        }
    }
}

impl core::fmt::Debug for EntityTag {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "EntityTag({})", self.as_str())
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for EntityTag {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.as_str());
    }
}
