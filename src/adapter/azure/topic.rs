//! Topics, and the ids of devices and modules ("Communicate with IoT Hub using the MQTT protocol").

use core::fmt;

use crate::codec::json::Writer;
use crate::protocol::TwinId;

/// A topic of IoT Hub's twins. It never names a device: whose it is the connection says.
///
/// ```
/// use twinsync::adapter::azure::{Purpose, Topic};
///
/// let topic = Topic::parse("$iothub/twin/res/204/?$rid=u7&$version=16")?;
/// assert_eq!(topic.purpose, Purpose::Answer(204));
/// assert_eq!((topic.rid, topic.version), (Some("u7"), Some("16")));
/// assert_eq!(topic.to_string(), "$iothub/twin/res/204/?$rid=u7&$version=16");
/// # Ok::<(), twinsync::adapter::azure::TopicError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Topic<'a> {
    /// What is published there.
    pub purpose: Purpose,
    /// The parameter `$rid` as it stands in the topic: opaque, echoed byte for byte, never decoded.
    pub rid: Option<&'a str>,
    /// The parameter `$version` as it stands in the topic.
    pub version: Option<&'a str>,
}

/// What is published on a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Purpose {
    /// The device asks for its twin.
    Get,
    /// The device reports.
    Report,
    /// The service answers, with this status.
    Answer(u16),
    /// The service tells a change of desired.
    Desired,
}

/// Why a text is no topic of a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TopicError {
    /// It does not start with `$iothub/twin/`.
    Prefix,
    /// What follows is no operation on a twin, or one with a sub-path that there is not; names are upper
    /// case as documented.
    Operation,
    /// An answer without a status of three digits.
    Status,
    /// A topic of the other side: a service hears requests, a device answers and notifications.
    Side,
    /// The answer to a request that is not this client's: its `$rid` does not say what it answers.
    Foreign,
}

const PREFIX: &str = "$iothub/twin/";
const GET: &str = "GET";
const REPORT: &str = "PATCH/properties/reported";
const DESIRED: &str = "PATCH/properties/desired";
const ANSWER: &str = "res/";

impl<'a> Topic<'a> {
    /// A topic without parameters.
    pub const fn new(purpose: Purpose) -> Self {
        Self {
            purpose,
            rid: None,
            version: None,
        }
    }

    /// Reads a topic's text. Parameters that are not known, have no name or no value are passed over;
    /// `$rid` and `$version` may come without the dollar sign, as old clients write them.
    ///
    /// # Errors
    /// [`TopicError`] says what is wrong.
    pub fn parse(text: &'a str) -> Result<Self, TopicError> {
        let rest = text.strip_prefix(PREFIX).ok_or(TopicError::Prefix)?;
        Self::operation(rest)
    }

    /// Reads a topic's text, whatever stands before it: a broker may mount a device's topics below one of its
    /// own. For devices, which get only what is theirs.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn parse_mounted(text: &'a str) -> Result<Self, TopicError> {
        let rest = text
            .char_indices()
            .filter(|(_, character)| *character == '$')
            .find_map(|(at, _)| text.get(at..)?.strip_prefix(PREFIX));
        Self::operation(rest.ok_or(TopicError::Prefix)?)
    }

    /// Reads what follows the prefix.
    fn operation(text: &'a str) -> Result<Self, TopicError> {
        let (path, parameters) = split(text, b'?').unwrap_or((text, ""));
        let (path, is_whole) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, false),
        };
        let purpose = if path == GET {
            Purpose::Get
        } else if path == REPORT {
            Purpose::Report
        } else if path == DESIRED {
            Purpose::Desired
        } else {
            // `res` alone is an answer without its status.
            let status = match path.strip_prefix(ANSWER) {
                Some(status) => status,
                None if path == "res" => return Err(TopicError::Status),
                None => return Err(TopicError::Operation),
            };
            Purpose::Answer(read_status(status)?)
        };
        if !is_whole {
            return Err(TopicError::Operation);
        }
        let mut topic = Self::new(purpose);
        let mut rest = Some(parameters);
        while let Some(text) = rest {
            let (parameter, behind) = match split(text, b'&') {
                Some((parameter, behind)) => (parameter, Some(behind)),
                None => (text, None),
            };
            let (name, value) = split(parameter, b'=').unwrap_or((parameter, ""));
            match name.strip_prefix('$').unwrap_or(name) {
                "rid" => topic.rid = Some(value),
                "version" => topic.version = Some(value),
                _ => {}
            }
            rest = behind;
        }
        Ok(topic)
    }

    /// Writes the topic's text; parameters go out as they are.
    pub fn write(&self, writer: &mut Writer<'_>) {
        self.purpose.write(writer);
        let mut separator = "?";
        for (name, value) in [("$rid=", self.rid), ("$version=", self.version)] {
            if let Some(value) = value {
                writer.raw(separator);
                writer.raw(name);
                writer.raw(value);
                separator = "&";
            }
        }
    }
}

impl Purpose {
    /// Writes the topic without parameters.
    pub(super) fn write(self, writer: &mut Writer<'_>) {
        writer.raw(PREFIX);
        match self {
            Self::Get => writer.raw(GET),
            Self::Report => writer.raw(REPORT),
            Self::Desired => writer.raw(DESIRED),
            Self::Answer(status) => {
                writer.raw(ANSWER);
                writer.unsigned(status.into());
            }
        }
        writer.raw("/");
    }
}

/// Cuts at the first `byte`, which goes.
fn split(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|other| other == byte)?;
    let (front, rest) = text.split_at_checked(at)?;
    Some((front, rest.get(1..)?))
}

/// Three digits.
fn read_status(text: &str) -> Result<u16, TopicError> {
    if text.len() != 3 {
        return Err(TopicError::Status);
    }
    match number(text).map(u16::try_from) {
        Some(Ok(status)) => Ok(status),
        _ => Err(TopicError::Status),
    }
}

/// A whole number in decimal digits; nothing if there is anything else, or too much of it.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(super) fn number(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |number, byte| {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        number.checked_mul(10)?.checked_add(digit.into())
    })
}

/// Longest id of a device or a module in characters.
pub const MAX_ID: usize = 128;

/// Why a text can not be the id of a device or a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum IdError {
    /// It is empty.
    Missing,
    /// It is longer than [`MAX_ID`].
    TooLong,
    /// It has a character that is not allowed.
    Character,
}

/// Names the twin of a device, or of one of its modules, under the rules of IoT Hub: 1 to 128 ASCII
/// letters, digits and `- : . _ % * ? ! ( ) , = @ $ '`. Case counts.
///
/// IoT Hub also allows `#` and `+`, which no [`TwinId`] holds because they are wildcards of MQTT.
///
/// # Errors
/// [`IdError`] says what is wrong with the first id that breaks a rule.
pub fn twin_id<'a>(device: &'a str, module: Option<&'a str>) -> Result<TwinId<'a>, IdError> {
    check(device)?;
    if let Some(module) = module {
        check(module)?;
    }
    TwinId::new(device, module).map_err(|_| IdError::Character)
}

#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(super) fn check(id: &str) -> Result<(), IdError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-:._%*?!(),=@$'".contains(&byte);
    match id.len() {
        0 => Err(IdError::Missing),
        1..=MAX_ID if id.bytes().all(allowed) => Ok(()),
        1..=MAX_ID => Err(IdError::Character),
        _ => Err(IdError::TooLong),
    }
}

impl fmt::Display for Topic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PREFIX)?;
        match self.purpose {
            Purpose::Get => f.write_str(GET)?,
            Purpose::Report => f.write_str(REPORT)?,
            Purpose::Desired => f.write_str(DESIRED)?,
            Purpose::Answer(status) => write!(f, "{ANSWER}{status}")?,
        }
        f.write_str("/")?;
        match (self.rid, self.version) {
            (None, None) => Ok(()),
            (Some(rid), None) => write!(f, "?$rid={rid}"),
            (None, Some(version)) => write!(f, "?$version={version}"),
            (Some(rid), Some(version)) => write!(f, "?$rid={rid}&$version={version}"),
        }
    }
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "not a topic of a twin",
            Self::Operation => "the topic names no operation on a twin",
            Self::Status => "the topic of an answer has no status",
            Self::Side => "a topic of the other side",
            Self::Foreign => "the answer to a request that is not this client's",
        })
    }
}

impl core::error::Error for TopicError {}

impl fmt::Display for IdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "the id is missing",
            Self::TooLong => "the id has more than 128 characters",
            Self::Character => "the id may hold ASCII letters, digits and -:._%*?!(),=@$'",
        })
    }
}

impl core::error::Error for IdError {}
