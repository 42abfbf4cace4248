//! The service's side: requests in. Answers and notifications are written by `answer.rs`.

use core::fmt;

use super::envelope::{
    DIGEST, ETAG, ID, ID_ONLY, METADATA, MODE, PRECONDITION, Payload, STATE, VERSIONS, counter,
    etag, reserve, section,
};
use super::kind::{Kind, VERSION_2};
use super::topic::{Lane, Party, Prefix, Topic, TopicError};
use crate::codec::cbor::{self, ReadError, ReadReason};
use crate::codec::{Member, Select};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::Value;
use crate::error::Status;
use crate::protocol::Cause;
use crate::protocol::Get;
use crate::protocol::Known;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::time::Timestamp;
use crate::twin::Mode;
use crate::twin::Origin;
use crate::twin::Precondition;
use crate::twin::Rejected;
use crate::twin::Update;
use crate::twin::Version;

/// The service of a deployment: reads requests and writes answers for every device on a broker.
///
/// It holds nothing but its prefix; the twins are the hub's.
///
/// ```
/// use twinsync::adapter::native::{Party, Prefix, Service};
/// use twinsync::document::Document;
/// use twinsync::protocol::Message;
///
/// let service = Service::new(Prefix::DEFAULT);
/// let mut scratch = Document::<256>::new();
/// // Update: id 5, state {reported: {"on": true}}.
/// let payload = b"\x01\xA2\x00\x05\x02\xA1\x01\xA1\x62on\xF5";
/// let decoded = service.decode("t/lamp/u", payload, scratch.as_mut());
/// let request = decoded.map_err(|error| error.to_string())?;
/// assert_eq!((request.asker.party, request.id.device()), (Party::Device, "lamp"));
/// let Message::Update(update) = request.message else { panic!() };
/// assert_eq!(update.id.map(|id| id.as_str()), Some("00000005"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Service<'p> {
    pub(super) prefix: Prefix<'p>,
    pub(super) times: bool,
}

/// Whom an answer goes to, and in which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Asker {
    /// Who asked: its topics are where the answer goes.
    pub party: Party,
    /// Whether a twin is to come with its metadata.
    pub metadata: bool,
}

impl Asker {
    /// The device.
    pub const DEVICE: Self = Self {
        party: Party::Device,
        metadata: false,
    };
}

/// A request that a hub can be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'a> {
    /// Who asks.
    pub asker: Asker,
    /// The twin that is asked for.
    pub id: TwinId<'a>,
    /// What is asked.
    pub message: Message<'a>,
}

/// Why a publication is not a request that a hub can be asked.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError<'a> {
    /// The topic is no request about any twin: nobody waits for an answer.
    Topic(TopicError),
    /// The payload is empty, or starts with this byte, which is no request's.
    Kind(Option<u8>),
    /// The payload starts with this byte: it is of a later version of the dialect, and no answer of this
    /// one would be understood.
    Later(u8),
    /// The payload breaks a rule: [`Refusal::message`] is the answer.
    Refused(Refusal<'a>),
}

/// A request that is refused before any twin is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal<'a> {
    /// Who asked.
    pub asker: Asker,
    /// The twin that was asked for.
    pub id: TwinId<'a>,
    /// The kind of request.
    pub request: RequestKind,
    /// Its id, if one could be read.
    pub token: Option<RequestId<'a>>,
    /// The rule that it breaks.
    pub fault: Fault,
}

/// The rule that a payload breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Fault {
    /// What follows the kind is not CBOR, or does not fit the buffer. Offsets count from behind the kind.
    Cbor(ReadError),
    /// This field of the envelope is missing or of the wrong type.
    Field(&'static str),
}

impl Fault {
    /// Returns the verdict in terms of every protocol.
    pub const fn status(self) -> Status {
        match self {
            Self::Cbor(ReadError {
                reason: ReadReason::Capacity(_),
                ..
            }) => Status::TooLarge,
            Self::Cbor(_) | Self::Field(_) => Status::Invalid,
        }
    }
}

impl<'a> Refusal<'a> {
    /// Returns the answer, for [`Service::encode`].
    pub const fn message(&self, now: Timestamp) -> Message<'a> {
        Message::Rejected(Rejection {
            id: self.token,
            request: self.request,
            status: self.fault.status(),
            cause: match self.fault {
                Fault::Cbor(ReadError {
                    reason: ReadReason::Capacity(error),
                    ..
                }) => Cause::Twin(Rejected::Capacity(error)),
                Fault::Cbor(_) => Cause::Unstated,
                Fault::Field(name) => Cause::Text(name),
            },
            timestamp: now,
        })
    }
}

impl<'p> Service<'p> {
    /// What a service subscribes to: the prefix, and each of these behind it.
    pub const FILTERS: [&'static str; 4] = ["/+/u", "/+/u/+", "!/+/u", "!/+/u/+"];

    /// A service under this prefix.
    pub const fn new(prefix: Prefix<'p>) -> Self {
        Self {
            prefix,
            times: false,
        }
    }

    /// The same service, dating each message with the hub's wall clock, to the millisecond: ten bytes
    /// more for each. Without it time is told by metadata alone.
    pub const fn with_times(mut self, times: bool) -> Self {
        self.times = times;
        self
    }

    /// Returns the prefix.
    pub const fn prefix(&self) -> Prefix<'p> {
        self.prefix
    }

    /// Reads a request: what was published on `topic`. `document` needs room for the patch of the
    /// largest request that is to be understood, and 60 bytes more.
    ///
    /// Whose twin it is and who asks come from the topic alone: no payload can reach another twin or
    /// pretend to be a back-end. What a device may write is the hub's to judge. Cost: linear in the
    /// payload.
    ///
    /// # Errors
    /// [`RequestError`]: not a request, or one that is refused.
    pub fn decode<'a>(
        &self,
        topic: &'a str,
        payload: &[u8],
        document: DocumentMut<'a>,
    ) -> Result<Request<'a>, RequestError<'a>> {
        let topic = Topic::parse(self.prefix, topic).map_err(RequestError::Topic)?;
        if topic.lane != Lane::Up {
            return Err(RequestError::Topic(TopicError::Lane));
        }
        let (code, rest) = match payload.split_first() {
            None => return Err(RequestError::Kind(None)),
            Some((code, rest)) => (*code, rest),
        };
        let request = match Kind::from_code(code) {
            Some(Kind::Get) => RequestKind::Get,
            Some(Kind::Update) => RequestKind::Update,
            Some(Kind::Delete) => RequestKind::Delete,
            _ if code >= VERSION_2 => return Err(RequestError::Later(code)),
            _ => return Err(RequestError::Kind(Some(code))),
        };
        let asker = Asker {
            party: topic.party,
            metadata: false,
        };
        match read(asker, request, rest, document) {
            Ok((asker, message)) => Ok(Request {
                asker,
                id: topic.id,
                message,
            }),
            Err((token, fault)) => Err(RequestError::Refused(Refusal {
                asker,
                id: topic.id,
                request,
                token,
                fault,
            })),
        }
    }
}

/// What is wrong, and the request's id if it could be read.
type Fail<'a> = (Option<RequestId<'a>>, Fault);

fn read<'a>(
    asker: Asker,
    request: RequestKind,
    rest: &[u8],
    document: DocumentMut<'a>,
) -> Result<(Asker, Message<'a>), Fail<'a>> {
    let (mut document, tail) = reserve(document);
    let mut unread = None;
    let payload = if rest.is_empty() {
        DocumentRef::EMPTY
    } else {
        if let Err(error) = cbor::read_selected(rest, document.reborrow(), &REQUEST) {
            // What could not be stored may still be CBOR: then its id belongs to the answer.
            let _ = cbor::read_selected(rest, document.reborrow(), &ID_ONLY);
            unread = Some(Fault::Cbor(error));
        }
        document.into_ref()
    };
    let payload = Payload(payload);
    let id = payload.id(tail);
    if let Some(fault) = unread {
        return Err((id.ok().flatten(), fault));
    }
    if !payload.0.is_map() {
        return Err((None, Fault::Field("envelope")));
    }
    let id = id.map_err(|field| (None, Fault::Field(field)))?;
    let message = match request {
        RequestKind::Get => get(id, payload),
        RequestKind::Update => update(asker, id, payload),
        RequestKind::Delete => Ok(Message::Delete(id)),
    };
    let metadata = payload.value(METADATA).and_then(Value::as_bool);
    let asker = Asker {
        // Only a back-end can ask for it.
        metadata: metadata == Some(true) && asker.party == Party::BackEnd,
        ..asker
    };
    match message {
        Ok(message) => Ok((asker, message)),
        Err(field) => Err((id, Fault::Field(field))),
    }
}

fn get<'a>(id: Option<RequestId<'a>>, payload: Payload<'a>) -> Result<Message<'a>, &'static str> {
    Ok(Message::Get(Get {
        id,
        known: known(payload)?,
        known_etag: payload.etag(ETAG, "etag")?,
    }))
}

/// What the asker has: both fields or none.
fn known(payload: Payload<'_>) -> Result<Option<Known>, &'static str> {
    let desired = payload.etag(DIGEST, "digest")?;
    if payload.value(VERSIONS).is_none() && desired.is_none() {
        return Ok(None);
    }
    Ok(Some(Known {
        versions: payload.versions(VERSIONS).ok_or("versions")?,
        desired: desired.ok_or("digest")?,
    }))
}

fn update<'a>(
    asker: Asker,
    id: Option<RequestId<'a>>,
    payload: Payload<'a>,
) -> Result<Message<'a>, &'static str> {
    let patch = payload.0.at(&[STATE.name]).ok_or("state")?;
    if !patch.is_map() && patch != DocumentRef::NULL {
        return Err("state");
    }
    let mode = match payload.count(MODE, "mode")? {
        None | Some(0) => Mode::Merge,
        Some(1) => Mode::Replace,
        Some(_) => return Err("mode"),
    };
    let precondition = match payload.value(PRECONDITION) {
        None => Precondition::Any,
        Some(value) => precondition(value).ok_or("precondition")?,
    };
    let origin = match asker.party {
        Party::Device => Origin::Device,
        Party::BackEnd => Origin::Service,
    };
    let update = Update::merge(patch)
        .with_mode(mode)
        .with_precondition(precondition)
        .with_origin(origin);
    Ok(Message::Update(UpdateRequest { id, update }))
}

/// A precondition that is not understood does not hold: it is never passed over.
fn precondition(value: Value<'_>) -> Option<Precondition> {
    let mut items = value.as_array()?.iter();
    let code = counter(items.next())?;
    let precondition = match code {
        0 => Precondition::Absent,
        1 => Precondition::Present,
        2 => Precondition::Version(Version::new(counter(items.next())?)),
        3 => Precondition::Match(etag(items.next())?),
        4 => Precondition::NoneMatch(etag(items.next())?),
        5 => Precondition::SectionVersion(
            section(items.next())?,
            Version::new(counter(items.next())?),
        ),
        _ => return None,
    };
    items.next().is_none().then_some(precondition)
}

static REQUEST: Select = Select::Numbered(&[
    Member::all(ID.name),
    Member::all(VERSIONS.name),
    Member::numbered(STATE.name, REQUESTED),
    Member::NONE,
    Member::all(METADATA.name),
    Member::all(DIGEST.name),
    Member::all(ETAG.name),
    Member::all(MODE.name),
    Member::all(PRECONDITION.name),
]);

/// The sections that a request may name.
const REQUESTED: &[Member] = &[
    Member::all("desired"),
    Member::all("reported"),
    Member::all("tags"),
];

impl fmt::Display for RequestError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(error) => error.fmt(f),
            Self::Kind(None) => f.write_str("the payload is empty"),
            Self::Kind(Some(kind)) => write!(f, "a body of kind {kind} is no request"),
            Self::Later(kind) => write!(f, "a body of kind {kind} is of a later version"),
            Self::Refused(refusal) => refusal.fault.fmt(f),
        }
    }
}

impl core::error::Error for RequestError<'_> {}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbor(error) => error.fmt(f),
            Self::Field(field) => write!(f, "field {field} is missing or of the wrong type"),
        }
    }
}
