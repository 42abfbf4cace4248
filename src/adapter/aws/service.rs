//! The service's side: requests in. Answers and events are written by `answer.rs`.

use core::fmt;

use super::policy::{DeltaInUpdate, Policy, UnreadablePayload};
use super::topic::{Purpose, Topic, TopicError};
use crate::codec::json::{self, Member, ReadError, ReadReason, Select};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::Value;
use crate::error::Status;
use crate::protocol::Get;
use crate::protocol::Message;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::twin::Precondition;
use crate::twin::Section;
use crate::twin::Update;
use crate::twin::Version;

/// A Device Shadow service: reads requests and writes answers for every thing on a broker.
///
/// It holds nothing but its policy; the shadows are the hub's.
///
/// ```
/// use twinsync::adapter::aws::{Policy, Service};
/// use twinsync::document::Document;
/// use twinsync::protocol::Message;
///
/// let service = Service::new(Policy::new());
/// let mut scratch = Document::<256>::new();
/// let topic = "$aws/things/lamp/shadow/update";
/// let payload = br#"{"state":{"desired":{"on":true}},"clientToken":"t1"}"#;
/// let decoded = service.decode(topic, payload, scratch.as_mut());
/// let (id, message) = decoded.map_err(|error| error.to_string())?;
/// assert_eq!(id.device(), "lamp");
/// assert!(matches!(message, Message::Update(_)));
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
    /// The topic is no request of any shadow: nobody waits for an answer.
    Topic(TopicError),
    /// The payload breaks a rule: [`Service::refuse`] writes the answer.
    Refused(Refusal<'a>),
}

/// A request that is refused before any shadow is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal<'a> {
    /// The shadow that was asked for.
    pub id: TwinId<'a>,
    /// The kind of request.
    pub request: RequestKind,
    /// Its client token, if one could be read.
    pub token: Option<RequestId<'a>>,
    /// The rule that it breaks.
    pub fault: Fault<'a>,
}

/// The rule that a payload breaks.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault<'a> {
    /// It is not a JSON object; where and why, if the text could not be read.
    Json(Option<ReadError>),
    /// It is not UTF-8.
    Encoding,
    /// The client token is not text of at most 64 bytes.
    Token,
    /// There is no member `state`.
    StateMissing,
    /// `state` is neither an object nor null.
    StateType,
    /// `desired` or `reported` is neither an object nor null.
    SectionType(Section),
    /// `state` has a member of this name, which is no section.
    UnknownNode(&'a str),
    /// It is nested too deep to be read.
    TooDeep,
    /// `version` is not a whole number from 0 on.
    Version,
    /// It does not fit the buffer that it was to be read into.
    TooLarge,
}

impl Fault<'_> {
    /// Returns the verdict in terms of every protocol.
    pub const fn status(self) -> Status {
        match self {
            Self::Encoding => Status::UnsupportedEncoding,
            Self::TooLarge => Status::TooLarge,
            Self::Json(_)
            | Self::Token
            | Self::StateMissing
            | Self::StateType
            | Self::SectionType(_)
            | Self::UnknownNode(_)
            | Self::TooDeep
            | Self::Version => Status::Invalid,
        }
    }
}

impl Service {
    /// What a service subscribes to: the requests to the classic and the named shadows of every thing.
    ///
    /// The `+` stands for exactly one level, so what is published below other levels never arrives.
    pub const FILTERS: [&'static str; 6] = [
        "$aws/things/+/shadow/get",
        "$aws/things/+/shadow/update",
        "$aws/things/+/shadow/delete",
        "$aws/things/+/shadow/name/+/get",
        "$aws/things/+/shadow/name/+/update",
        "$aws/things/+/shadow/name/+/delete",
    ];

    /// A service with this policy.
    pub const fn new(policy: Policy) -> Self {
        Self { policy }
    }

    /// Returns the policy.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Reads a request: what a client published on `topic`. `document` needs room for `state` and the
    /// client token of the largest request that is to be understood.
    ///
    /// Rules are checked in this order: JSON, client token, state, sections, version. Nesting, null in
    /// arrays and size are left to the hub, which knows the shadow. Members that the service does not
    /// know are checked as JSON and otherwise ignored. The id comes from the topic alone: no payload can
    /// reach another shadow. Cost: linear in the payload.
    ///
    /// # Errors
    /// [`RequestError`]: not a request, or one that is refused with the answer that [`Service::refuse`]
    /// writes.
    pub fn decode<'a>(
        &self,
        topic: &'a str,
        payload: &[u8],
        document: DocumentMut<'a>,
    ) -> Result<(TwinId<'a>, Message<'a>), RequestError<'a>> {
        let topic = Topic::parse(topic).map_err(RequestError::Topic)?;
        let (request, decoded) = match topic.purpose {
            Purpose::Update => (RequestKind::Update, self.update(payload, document)),
            Purpose::Get => {
                let get = |id| {
                    Message::Get(Get {
                        id,
                        ..Get::default()
                    })
                };
                (RequestKind::Get, self.token(payload, document).map(get))
            }
            Purpose::Delete => {
                let token = self.token(payload, document);
                (RequestKind::Delete, token.map(Message::Delete))
            }
            Purpose::GetAccepted
            | Purpose::GetRejected
            | Purpose::UpdateAccepted
            | Purpose::UpdateRejected
            | Purpose::UpdateDelta
            | Purpose::UpdateDocuments
            | Purpose::DeleteAccepted
            | Purpose::DeleteRejected => return Err(RequestError::Topic(TopicError::Purpose)),
        };
        match decoded {
            Ok(message) => Ok((topic.id, message)),
            Err((token, fault)) => Err(RequestError::Refused(Refusal {
                id: topic.id,
                request,
                token,
                fault,
            })),
        }
    }

    /// A get or a delete: an empty payload, or an object that may have a client token.
    fn token<'a>(
        &self,
        payload: &[u8],
        mut document: DocumentMut<'a>,
    ) -> Result<Option<RequestId<'a>>, Fail<'a>> {
        if payload.is_empty() {
            return Ok(None);
        }
        let read = json::read_selected(payload, document.reborrow(), &TOKEN_ONLY);
        let fault = match read {
            Ok(()) => {
                let request = document.into_ref();
                if request.is_map() {
                    return token(request);
                }
                Fault::Json(None)
            }
            Err(error) => fault(error),
        };
        match self.policy.unreadable_payload {
            UnreadablePayload::Ignored => Ok(None),
            UnreadablePayload::Refused => Err((None, fault)),
        }
    }

    fn update<'a>(
        &self,
        payload: &[u8],
        mut document: DocumentMut<'a>,
    ) -> Result<Message<'a>, Fail<'a>> {
        if let Err(error) = json::read_selected(payload, document.reborrow(), &REQUEST) {
            // What could not be stored may still be JSON: then its client token belongs to the answer.
            let _ = json::read_selected(payload, document.reborrow(), &TOKEN_ONLY);
            return Err((token(document.into_ref())?, fault(error)));
        }
        if !document.as_ref().is_map() {
            return Err((None, Fault::Json(None)));
        }
        if self.policy.delta_in_update == DeltaInUpdate::Dropped {
            document.remove(&[STATE, "delta"]);
        }
        let request = document.into_ref();
        let id = token(request)?;
        let (patch, precondition) = body(request).map_err(|fault| (id, fault))?;
        let update = Update::merge(patch).with_precondition(precondition);
        Ok(Message::Update(UpdateRequest { id, update }))
    }
}

/// What is wrong, and the client token if it could be read.
type Fail<'a> = (Option<RequestId<'a>>, Fault<'a>);

const STATE: &str = "state";
const VERSION: &str = "version";
const TOKEN: &str = "clientToken";

static TOKEN_ONLY: Select = Select::Members(&[Member::all(TOKEN)]);
static REQUEST: Select =
    Select::Members(&[Member::all(STATE), Member::all(VERSION), Member::all(TOKEN)]);

/// The client token. An empty one is the same as none.
fn token(request: DocumentRef<'_>) -> Result<Option<RequestId<'_>>, Fail<'_>> {
    match request.value(&[TOKEN]) {
        None | Some(Value::String("")) => Ok(None),
        Some(value) => match value.as_str().and_then(RequestId::new) {
            Some(id) => Ok(Some(id)),
            None => Err((None, Fault::Token)),
        },
    }
}

/// The patch and the version of an update.
fn body(request: DocumentRef<'_>) -> Result<(DocumentRef<'_>, Precondition), Fault<'_>> {
    let patch = request.at(&[STATE]).ok_or(Fault::StateMissing)?;
    if !patch.is_map() && patch != DocumentRef::NULL {
        return Err(Fault::StateType);
    }
    for (key, section) in patch.entries() {
        let section_type = matches!(section, Value::Map(_) | Value::Null);
        match Section::from_key(key) {
            Some(Section::Desired | Section::Reported) if section_type => {}
            Some(section @ (Section::Desired | Section::Reported)) => {
                return Err(Fault::SectionType(section));
            }
            // AWS has no tags.
            Some(Section::Tags) | None => return Err(Fault::UnknownNode(key)),
        }
    }
    let precondition = match request.value(&[VERSION]) {
        None => Precondition::Any,
        Some(value) => {
            let version = value.as_i64().and_then(|value| u64::try_from(value).ok());
            Precondition::Version(Version::new(version.ok_or(Fault::Version)?))
        }
    };
    Ok((patch, precondition))
}

fn fault(error: ReadError) -> Fault<'static> {
    match error.reason {
        ReadReason::InvalidUtf8 => Fault::Encoding,
        ReadReason::TooDeep => Fault::TooDeep,
        ReadReason::Capacity(_) => Fault::TooLarge,
        ReadReason::Expected(_)
        | ReadReason::UnexpectedEnd
        | ReadReason::Trailing
        | ReadReason::BadEscape
        | ReadReason::LoneSurrogate
        | ReadReason::ControlCharacter
        | ReadReason::Number(_)
        | ReadReason::KeyTooLong => Fault::Json(Some(error)),
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
            Self::UnknownNode(key) => write!(f, "state has the unknown member {key:?}"),
            Self::SectionType(section) => write!(f, "{} is not an object", section.key()),
            Self::Json(None) => f.write_str("the payload is not an object"),
            Self::Encoding => f.write_str("the payload is not UTF-8"),
            Self::Token => f.write_str("the client token is not text of at most 64 bytes"),
            Self::StateMissing => f.write_str("the member state is missing"),
            Self::StateType => f.write_str("state is not an object"),
            Self::TooDeep => f.write_str("the payload is nested too deep"),
            Self::Version => f.write_str("version is not a whole number"),
            Self::TooLarge => f.write_str("the payload does not fit the buffer"),
        }
    }
}
