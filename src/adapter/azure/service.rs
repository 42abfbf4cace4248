//! The service's side: requests in. Answers and notifications are written by `answer.rs`.

use core::fmt;

use super::policy::{OwnMembers, Policy};
use super::rules::{self, Breach};
use super::topic::{Purpose, Topic, TopicError, number};
use crate::codec::json::{self, ReadError, ReadReason};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::error::Status;
use crate::protocol::Get;
use crate::protocol::Message;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::twin::Origin;
use crate::twin::Precondition;
use crate::twin::Section;
use crate::twin::Update;
use crate::twin::Version;

/// The twins of an IoT Hub: reads the requests of devices and writes answers, each for one connection.
///
/// It holds nothing but its policy; the twins are the hub's, and who is connected is the listener's to
/// know. What came in on a connection is about the twin of who authenticated there, and what goes out
/// about a twin goes to that connection alone: all devices listen to the same topics.
///
/// ```
/// use twinsync::adapter::azure::{Policy, Service, twin_id};
/// use twinsync::document::Document;
/// use twinsync::protocol::Message;
///
/// let service = Service::new(Policy::new());
/// let connected = twin_id("lamp", None)?;
/// let mut scratch = Document::<256>::new();
/// let topic = "$iothub/twin/PATCH/properties/reported/?$rid=1";
/// let decoded = service.decode(connected, topic, br#"{"on":true}"#, scratch.as_mut());
/// let (id, message) = decoded.map_err(|error| error.to_string())?;
/// assert_eq!(id, connected);
/// let Message::Update(request) = message else { panic!() };
/// assert_eq!(request.update.patch.read::<bool>(&["reported", "on"]), Ok(true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Service {
    pub(super) policy: Policy,
}

/// Why a publication is not a request that a hub can be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError<'a> {
    /// The topic is no request: nobody waits for an answer.
    Topic(TopicError),
    /// The request breaks a rule: [`Service::refuse`] writes the answer.
    Refused(Refusal<'a>),
}

/// A request that is refused before any twin is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal<'a> {
    /// Whose connection it came in on: the answer goes there.
    pub id: TwinId<'a>,
    /// The kind of request.
    pub request: RequestKind,
    /// Its `$rid`, as it stands in the topic.
    pub rid: &'a str,
    /// The rule that it breaks.
    pub fault: Fault<'a>,
}

/// The rule that a request breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault<'a> {
    /// It is not a JSON object; where and why, if the text could not be read.
    Json(Option<ReadError>),
    /// It is not UTF-8.
    Encoding,
    /// The `$rid` has more than 64 bytes.
    RequestId,
    /// The `$version` in the topic is no whole number.
    Version,
    /// A member that only the service writes.
    OwnMember(&'a str),
    /// A key or a value breaks a rule.
    Content(Breach<'a>),
    /// It is nested too deep to be read.
    TooDeep,
    /// A key is too long to be read.
    KeyTooLong,
    /// A number can not be kept exactly.
    Number,
    /// It does not fit the buffer that it was to be read into.
    TooLarge,
    /// The base version or the etag can not be the twin's: the service never wrote it.
    Precondition,
    /// A section of a twin is neither an object nor, where that is allowed, null.
    SectionType(Section),
    /// `If-Match` is no entity tag.
    EntityTag,
    /// The method is not for this resource.
    Method,
    /// The path is no twin's, or its ids break the rules of IoT Hub.
    Path,
}

impl Fault<'_> {
    /// Returns the verdict in terms of every protocol.
    pub const fn status(self) -> Status {
        match self {
            Self::Encoding => Status::UnsupportedEncoding,
            Self::TooLarge => Status::TooLarge,
            Self::Precondition => Status::PreconditionFailed,
            Self::Path => Status::NotFound,
            Self::Json(_)
            | Self::RequestId
            | Self::Version
            | Self::OwnMember(_)
            | Self::Content(_)
            | Self::TooDeep
            | Self::KeyTooLong
            | Self::Number
            | Self::SectionType(_)
            | Self::EntityTag
            | Self::Method => Status::Invalid,
        }
    }
}

/// What IoT Hub counts from 1, from the making of the identity on, a twin counts from 0: a twin that was
/// made and never written has `$version` 1.
pub(super) fn number_of(version: Version) -> u64 {
    version.as_u64().saturating_add(1)
}

/// The version that a number of IoT Hub stands for; nothing for 0.
pub(super) fn version_of(number: u64) -> Option<Version> {
    number.checked_sub(1).map(Version::new)
}

impl Service {
    /// What devices may subscribe to; all subscribe to the same, and are told apart by their connections.
    pub const FILTERS: [&'static str; 2] = super::Client::SUBSCRIPTIONS;

    /// A service with this policy.
    pub const fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// Returns the policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Reads a request that came in on the connection of `connected`: who authenticated there. `document`
    /// needs room for the largest patch that is to be understood, and 12 bytes more.
    ///
    /// The twin is always the connection's; no topic and no payload can name another. What a get carries
    /// is not looked at (clients send nothing, or one blank). Rules are checked in this order: `$rid`,
    /// `$version`, JSON, own members, keys and values; sizes are left to the hub, which knows the twin.
    /// Cost: linear in the payload.
    ///
    /// # Errors
    /// [`RequestError`]: not a request, or one that is refused with the answer that [`Service::refuse`]
    /// writes.
    pub fn decode<'a>(
        &self,
        connected: TwinId<'a>,
        topic: &'a str,
        payload: &[u8],
        document: DocumentMut<'a>,
    ) -> Result<(TwinId<'a>, Message<'a>), RequestError<'a>> {
        let topic = Topic::parse(topic).map_err(RequestError::Topic)?;
        let request = match topic.purpose {
            Purpose::Get => RequestKind::Get,
            Purpose::Report => RequestKind::Update,
            Purpose::Answer(_) | Purpose::Desired => {
                return Err(RequestError::Topic(TopicError::Side));
            }
        };
        let rid = topic.rid.unwrap_or_default();
        let decoded = if rid.len() > RequestId::MAX {
            Err(Fault::RequestId)
        } else if request == RequestKind::Get {
            Ok(Message::Get(Get {
                id: RequestId::new(rid),
                ..Get::default()
            }))
        } else {
            self.report(&topic, payload, document)
        };
        match decoded {
            Ok(message) => Ok((connected, message)),
            Err(fault) => Err(RequestError::Refused(Refusal {
                id: connected,
                request,
                rid,
                fault,
            })),
        }
    }

    fn report<'a>(
        &self,
        topic: &Topic<'a>,
        payload: &[u8],
        mut document: DocumentMut<'a>,
    ) -> Result<Message<'a>, Fault<'a>> {
        let precondition = match topic.version {
            None => Precondition::Any,
            Some(base) => {
                let base = number(base).ok_or(Fault::Version)?;
                let base = version_of(base).ok_or(Fault::Precondition)?;
                Precondition::SectionVersion(Section::Reported, base)
            }
        };
        json::read(payload, document.reborrow()).map_err(fault)?;
        if !document.as_ref().is_map() {
            return Err(Fault::Json(None));
        }
        self.drop_own(&mut document, &[]);
        document
            .nest(Section::Reported.key())
            .map_err(|_| Fault::TooLarge)?;
        let patch = document.into_ref();
        let section = patch.at(&[Section::Reported.key()]);
        self.check_section(section.unwrap_or(DocumentRef::EMPTY))?;
        let update = Update::merge(patch)
            .with_precondition(precondition)
            .with_origin(Origin::Device);
        Ok(Message::Update(UpdateRequest {
            id: topic.rid.and_then(RequestId::new),
            update,
        }))
    }

    /// Checks the patch of a section: the members that only the service writes, then keys and values.
    pub(super) fn check_section<'a>(&self, section: DocumentRef<'a>) -> Result<(), Fault<'a>> {
        for (key, _) in section.entries() {
            if OWN_MEMBERS.contains(&key) {
                return Err(Fault::OwnMember(key));
            }
        }
        rules::check(section, &self.policy).map_err(Fault::Content)
    }

    /// Removes the members that only the service writes, if they are to be ignored.
    pub(super) fn drop_own(&self, document: &mut DocumentMut<'_>, section: &[&str]) {
        if self.policy.own_members != OwnMembers::Ignored {
            return;
        }
        let mut path: heapless::Vec<&str, 4> = heapless::Vec::new();
        if path.extend_from_slice(section).is_err() {
            return;
        }
        for key in OWN_MEMBERS {
            if path.push(key).is_ok() {
                document.remove(&path);
                path.pop();
            }
        }
    }
}

/// What stands in a section besides what users put there.
pub(super) const VERSION: &str = "$version";
pub(super) const METADATA: &str = "$metadata";
const OWN_MEMBERS: [&str; 2] = [VERSION, METADATA];

/// The rule that a text breaks which could not be read.
pub(super) fn fault(error: ReadError) -> Fault<'static> {
    match error.reason {
        ReadReason::InvalidUtf8 => Fault::Encoding,
        ReadReason::TooDeep => Fault::TooDeep,
        ReadReason::Capacity(_) => Fault::TooLarge,
        ReadReason::KeyTooLong => Fault::KeyTooLong,
        ReadReason::Number(_) => Fault::Number,
        ReadReason::Expected(_)
        | ReadReason::UnexpectedEnd
        | ReadReason::Trailing
        | ReadReason::BadEscape
        | ReadReason::LoneSurrogate
        | ReadReason::ControlCharacter => Fault::Json(Some(error)),
    }
}

impl fmt::Display for RequestError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(error) => error.fmt(f),
            Self::Refused(refusal) => refusal.fault.fmt(f),
        }
    }
}

impl core::error::Error for RequestError<'_> {}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json(Some(error)) => error.fmt(f),
            Self::Content(breach) => breach.fmt(f),
            Self::OwnMember(key) => write!(f, "{key} is the service's to write"),
            Self::SectionType(section) => write!(f, "{} is not an object", section.key()),
            Self::Json(None) => f.write_str("the payload is not an object"),
            Self::Encoding => f.write_str("the payload is not UTF-8"),
            Self::RequestId => f.write_str("the $rid is longer than 64 bytes"),
            Self::Version => f.write_str("the $version is not a whole number"),
            Self::TooDeep => f.write_str("the payload is nested too deep"),
            Self::KeyTooLong => f.write_str("a key is too long"),
            Self::Number => f.write_str("a number can not be kept exactly"),
            Self::TooLarge => f.write_str("the payload does not fit the buffer"),
            Self::Precondition => f.write_str("the version or etag is none of the service's"),
            Self::EntityTag => f.write_str("If-Match is no entity tag"),
            Self::Method => f.write_str("the method is not for this resource"),
            Self::Path => f.write_str("the path is no twin's"),
        }
    }
}
