//! Topics: whose twin, who talks, and which way.

use core::fmt;

use crate::document::format;
use crate::protocol::TwinId;

/// What all topics of one deployment start with: 1 to 64 bytes of one or more levels.
///
/// ```
/// use twinsync::adapter::native::Prefix;
///
/// assert_eq!(Prefix::DEFAULT.as_str(), "t");
/// assert!(Prefix::new("site-7/t").is_some());
/// assert!(Prefix::new("site-7/").is_none(), "an empty level");
/// assert!(Prefix::new("t!").is_none(), "the back-ends of `t`");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Prefix<'a>(&'a str);

/// Who talks to the service. It decides the topics, and with them what may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Party {
    /// The device itself.
    Device,
    /// A back-end application or an operator.
    BackEnd,
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Lane {
    /// Requests, to the service.
    Up,
    /// Answers, and what a device is told of desired, from the service.
    Down,
    /// What back-ends are told of every change, from the service.
    Events,
}

/// A topic of the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Topic<'a> {
    /// The device, and the twin's name if it has one.
    pub id: TwinId<'a>,
    /// Who talks to the service there.
    pub party: Party,
    /// Which way.
    pub lane: Lane,
}

/// Why a text is no topic of the dialect: the first part that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TopicError {
    /// It does not start with the prefix.
    Prefix,
    /// The device's id is missing or no id ([`TwinId::new`]).
    Device,
    /// Neither `u`, `d` nor `e` follows; or one that the other side does not publish.
    Lane,
    /// The twin's name is no name ([`TwinId::new`]).
    Name,
    /// It is a topic of another twin, or of another prefix, than the client's.
    Foreign,
}

/// What marks the topics of back-ends: the end of their prefix.
const BACK_END: &str = "!";

impl<'a> Prefix<'a> {
    /// Longest prefix in bytes.
    pub const MAX: usize = 64;

    /// One letter.
    pub const DEFAULT: Prefix<'static> = Prefix("t");

    /// Takes levels of text; nothing if one is empty, if there is a wildcard or control character, if
    /// it starts with `$` (the broker's own) or ends with `!` (the mark of back-ends).
    pub fn new(text: &'a str) -> Option<Self> {
        let bad = |byte: u8| byte < 0x20 || matches!(byte, b'+' | b'#' | 0x7F);
        let fits = text.len() <= Self::MAX
            && text.split('/').all(|level| !level.is_empty())
            && !text.bytes().any(bad)
            && !text.starts_with('$')
            && !text.ends_with(BACK_END);
        fits.then_some(Self(text))
    }

    /// Returns the text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl Party {
    const fn mark(self) -> &'static str {
        match self {
            Self::Device => "",
            Self::BackEnd => BACK_END,
        }
    }
}

impl Lane {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Up => "/u",
            Self::Down => "/d",
            Self::Events => "/e",
        }
    }
}

impl<'a> Topic<'a> {
    /// Longest topic in bytes.
    pub const MAX_LEN: usize = Prefix::MAX
        .saturating_add(TwinId::MAX)
        .saturating_add(TwinId::MAX)
        .saturating_add("!//u/".len());

    /// Reads a topic, by position: a twin may be called `u`. Case matters.
    ///
    /// # Errors
    /// [`TopicError`] names the first part that is wrong.
    pub fn parse(prefix: Prefix<'_>, topic: &'a str) -> Result<Self, TopicError> {
        let rest = topic.strip_prefix(prefix.0).ok_or(TopicError::Prefix)?;
        let (party, rest) = match rest.strip_prefix(BACK_END) {
            Some(rest) => (Party::BackEnd, rest),
            None => (Party::Device, rest),
        };
        let rest = rest.strip_prefix('/').ok_or(TopicError::Prefix)?;
        let end = rest.bytes().position(|byte| byte == b'/');
        let (device, rest) = end
            .and_then(|end| rest.split_at_checked(end))
            .ok_or(TopicError::Lane)?;
        TwinId::new(device, None).map_err(|_| TopicError::Device)?;
        let (lane, rest) = lane(rest).ok_or(TopicError::Lane)?;
        let name = match rest {
            "" => None,
            rest => Some(rest.strip_prefix('/').ok_or(TopicError::Lane)?),
        };
        let id = TwinId::new(device, name).map_err(|_| TopicError::Name)?;
        Ok(Self { id, party, lane })
    }

    /// Writes the topic into the front of `out`, as far as it fits, and returns its length in bytes.
    pub fn write(&self, prefix: Prefix<'_>, out: &mut [u8]) -> usize {
        let name = match self.id.name() {
            None => ["", ""],
            Some(name) => ["/", name],
        };
        let [slash, name] = name;
        let mut at = 0;
        for part in [
            prefix.0,
            self.party.mark(),
            "/",
            self.id.device(),
            self.lane.as_str(),
            slash,
            name,
        ] {
            at = format::put(out, at, part.as_bytes());
        }
        at
    }

    /// Reads a topic of one certain twin and party: what a client needs, cheaper than [`Topic::parse`].
    pub(super) fn lane_for(
        prefix: Prefix<'_>,
        party: Party,
        id: TwinId<'_>,
        topic: &str,
    ) -> Option<Lane> {
        let rest = topic
            .strip_prefix(prefix.0)?
            .strip_prefix(party.mark())?
            .strip_prefix('/')?
            .strip_prefix(id.device())?;
        let (lane, rest) = lane(rest)?;
        let same = match id.name() {
            None => rest.is_empty(),
            Some(name) => rest.strip_prefix('/') == Some(name),
        };
        same.then_some(lane)
    }
}

fn lane(rest: &str) -> Option<(Lane, &str)> {
    [Lane::Up, Lane::Down, Lane::Events]
        .into_iter()
        .find_map(|lane| Some((lane, rest.strip_prefix(lane.as_str())?)))
}

impl fmt::Display for TopicError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prefix => "the topic does not start with the prefix",
            Self::Device => "the topic has no valid device id",
            Self::Lane => "the topic has no lane that is expected here",
            Self::Name => "the topic has no valid twin name",
            Self::Foreign => "a topic of another twin",
        })
    }
}

impl core::error::Error for TopicError {}
