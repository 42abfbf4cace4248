//! The names of things, shadows and topics ("Device Shadow MQTT topics").

use core::fmt;

use crate::codec::json::Writer;
use crate::protocol::RequestKind;
use crate::protocol::TwinId;

/// A topic of the Device Shadow service: whose shadow, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Topic<'a> {
    /// The thing, and the shadow's name if it has one.
    pub id: TwinId<'a>,
    /// What is published there.
    pub purpose: Purpose,
}

/// What is published on a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Purpose {
    /// A client asks for the shadow.
    Get,
    /// The service answers with the shadow.
    GetAccepted,
    /// The service refuses a get.
    GetRejected,
    /// A client asks for a change.
    Update,
    /// The service did the change.
    UpdateAccepted,
    /// The service refuses a change.
    UpdateRejected,
    /// The service says how desired differs from reported.
    UpdateDelta,
    /// The service shows the shadow before and after a change.
    UpdateDocuments,
    /// A client asks for the shadow's deletion.
    Delete,
    /// The service deleted the shadow.
    DeleteAccepted,
    /// The service refuses a deletion.
    DeleteRejected,
}

/// Why a text is no topic of a shadow: the first level that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TopicError {
    /// It does not start with `$aws/things/`.
    Prefix,
    /// The thing's name is empty, too long, or has other characters than `a-zA-Z0-9:_-`.
    Thing,
    /// `shadow` does not follow the thing's name.
    Root,
    /// The shadow's name is empty, too long, or has other characters than `$a-zA-Z0-9:_-`.
    Shadow,
    /// What follows is not the name of a request, an answer or an event; or it is not published by
    /// the other side.
    Purpose,
    /// It is a topic of another shadow than the client's.
    Foreign,
}

/// Why a name can not be the name of a thing or a shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NameError {
    /// The thing's name is empty.
    ThingMissing,
    /// The thing's name is longer than [`MAX_THING_NAME`].
    ThingTooLong,
    /// The thing's name has a character that is not allowed.
    ThingCharacter,
    /// The shadow's name is longer than [`MAX_SHADOW_NAME`].
    ShadowTooLong,
    /// The shadow's name has a character that is not allowed.
    ShadowCharacter,
}

/// Longest name of a thing in bytes.
pub const MAX_THING_NAME: usize = 128;

/// Longest name of a shadow in bytes.
pub const MAX_SHADOW_NAME: usize = 64;

const PREFIX: &str = "$aws/things/";
const ROOT: &str = "/shadow";
const NAME: &str = "/name/";

/// Names a shadow under the rules of AWS: a thing of 1 to 128 characters `a-zA-Z0-9:_-`, and a shadow
/// of up to 64 characters `$a-zA-Z0-9:_-`. No name, or an empty one, is the thing's classic shadow.
///
/// # Errors
/// [`NameError`] says which name breaks which rule.
pub fn shadow<'a>(thing: &'a str, shadow: Option<&'a str>) -> Result<TwinId<'a>, NameError> {
    let shadow = shadow.filter(|name| !name.is_empty());
    check(thing, shadow)?;
    // Whatever passes the rules of AWS passes those of every twin.
    TwinId::new(thing, shadow).map_err(|_| NameError::ThingCharacter)
}

/// Checks the names of a thing and a shadow, see [`shadow`].
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(super) fn check(thing: &str, shadow: Option<&str>) -> Result<(), NameError> {
    if thing.is_empty() {
        return Err(NameError::ThingMissing);
    }
    if thing.len() > MAX_THING_NAME {
        return Err(NameError::ThingTooLong);
    }
    if !thing.bytes().all(is_name) {
        return Err(NameError::ThingCharacter);
    }
    if let Some(name) = shadow {
        if name.len() > MAX_SHADOW_NAME {
            return Err(NameError::ShadowTooLong);
        }
        if !name.bytes().all(|byte| byte == b'$' || is_name(byte)) {
            return Err(NameError::ShadowCharacter);
        }
    }
    Ok(())
}

const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'_' | b'-')
}

impl<'a> Topic<'a> {
    /// Longest topic in bytes.
    pub const MAX_LEN: usize = PREFIX
        .len()
        .saturating_add(MAX_THING_NAME)
        .saturating_add(ROOT.len())
        .saturating_add(NAME.len())
        .saturating_add(MAX_SHADOW_NAME)
        .saturating_add("/update/documents".len());

    /// Reads a topic, by position: a shadow may be called `get` or `name`. Case matters.
    ///
    /// # Errors
    /// [`TopicError`] names the first level that is wrong.
    pub fn parse(topic: &'a str) -> Result<Self, TopicError> {
        let rest = topic.strip_prefix(PREFIX).ok_or(TopicError::Prefix)?;
        let (thing, rest) = level(rest).ok_or(TopicError::Thing)?;
        shadow(thing, None).map_err(|_| TopicError::Thing)?;
        let rest = rest.strip_prefix(ROOT).ok_or(TopicError::Root)?;
        let (name, rest) = match rest.strip_prefix(NAME) {
            None => (None, rest),
            Some(rest) => {
                let (name, rest) = level(rest).ok_or(TopicError::Shadow)?;
                (Some(name), rest)
            }
        };
        let id = shadow(thing, name).map_err(|_| TopicError::Shadow)?;
        let purpose = Purpose::parse(rest).ok_or(TopicError::Purpose)?;
        Ok(Self { id, purpose })
    }

    /// Writes the topic's text.
    pub fn write(&self, writer: &mut Writer<'_>) {
        writer.raw(PREFIX);
        writer.raw(self.id.device());
        writer.raw(ROOT);
        if let Some(name) = self.id.name() {
            writer.raw(NAME);
            writer.raw(name);
        }
        writer.raw("/");
        writer.raw(self.purpose.as_str());
    }

    /// Reads a topic of one certain shadow: what a client needs, cheaper than [`Topic::parse`].
    pub(super) fn purpose_for(id: TwinId<'_>, topic: &str) -> Option<Purpose> {
        let rest = topic.strip_prefix(PREFIX)?;
        let rest = rest.strip_prefix(id.device())?.strip_prefix(ROOT)?;
        let rest = match id.name() {
            None => rest,
            Some(name) => rest.strip_prefix(NAME)?.strip_prefix(name)?,
        };
        Purpose::parse(rest)
    }
}

/// Cuts off a level that is not empty and not the last one; the rest keeps its slash.
fn level(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| byte == b'/')?;
    text.split_at_checked(end)
        .filter(|(level, _)| !level.is_empty())
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 11] = [
        Self::Get,
        Self::GetAccepted,
        Self::GetRejected,
        Self::Update,
        Self::UpdateAccepted,
        Self::UpdateRejected,
        Self::UpdateDelta,
        Self::UpdateDocuments,
        Self::Delete,
        Self::DeleteAccepted,
        Self::DeleteRejected,
    ];

    /// Returns the end of the topic, such as `get/accepted`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::GetAccepted => "get/accepted",
            Self::GetRejected => "get/rejected",
            Self::Update => "update",
            Self::UpdateAccepted => "update/accepted",
            Self::UpdateRejected => "update/rejected",
            Self::UpdateDelta => "update/delta",
            Self::UpdateDocuments => "update/documents",
            Self::Delete => "delete",
            Self::DeleteAccepted => "delete/accepted",
            Self::DeleteRejected => "delete/rejected",
        }
    }

    /// Returns which request it is, or which one it answers; `None` for events.
    pub const fn request(self) -> Option<RequestKind> {
        match self {
            Self::Get | Self::GetAccepted | Self::GetRejected => Some(RequestKind::Get),
            Self::Update | Self::UpdateAccepted | Self::UpdateRejected => Some(RequestKind::Update),
            Self::Delete | Self::DeleteAccepted | Self::DeleteRejected => Some(RequestKind::Delete),
            Self::UpdateDelta | Self::UpdateDocuments => None,
        }
    }

    /// Reads what follows `shadow` in a topic, slash included.
    fn parse(rest: &str) -> Option<Self> {
        let rest = rest.strip_prefix('/')?;
        let mut all = Self::ALL.iter().copied();
        all.find(|purpose| purpose.as_str() == rest)
    }
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; Topic::MAX_LEN];
        let mut writer = Writer::new(&mut text);
        self.write(&mut writer);
        let len = writer.finish().unwrap_or_default();
        let text = core::str::from_utf8(text.get(..len).unwrap_or_default());
        f.write_str(text.unwrap_or_default())
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "not a topic of a thing",
            Self::Thing => "the topic has no valid thing name",
            Self::Root => "not a topic of a shadow",
            Self::Shadow => "the topic has no valid shadow name",
            Self::Purpose => "the topic ends with nothing that is expected here",
            Self::Foreign => "a topic of another shadow",
        })
    }
}

impl core::error::Error for TopicError {}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ThingMissing => "ThingName is missing",
            Self::ThingTooLong => "ThingName has a maximum length of 128 characters",
            Self::ThingCharacter => "ThingName must match [a-zA-Z0-9:_-]+",
            Self::ShadowTooLong => "ShadowName has a maximum length of 64 characters",
            Self::ShadowCharacter => "ShadowName must match [$a-zA-Z0-9:_-]+",
        })
    }
}

impl core::error::Error for NameError {}
