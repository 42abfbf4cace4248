//! The client's side: answers and notifications in, in pieces of any size.

use core::fmt;

use super::client::Client;
use super::envelope::{
    DELTA_SECTIONS, DETAIL, DEVICE_SECTIONS, DIGEST, ID, METADATA, PATCH, PREVIOUS,
    PREVIOUS_VERSIONS, Payload, SECTIONS, STATE, STATUS, TIME, VERSIONS, counter, reserve,
};
use super::kind::Kind;
use super::status;
use super::topic::{Lane, Topic, TopicError};
use crate::codec::cbor::{ReadError, ReadReason, Reader};
use crate::codec::{Member, Select};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::Value;
use crate::error::CapacityError;
use crate::protocol::Accepted;
use crate::protocol::Cause;
use crate::protocol::Changed;
use crate::protocol::Delta;
use crate::protocol::Message;
use crate::protocol::Patched;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::Snapshot;
use crate::protocol::Versions;
use crate::protocol::Wanted;

/// Reads one message that the service published.
///
/// ```
/// use twinsync::adapter::native::{Client, Prefix};
/// use twinsync::document::Document;
/// use twinsync::protocol::{Message, TwinId, Wanted};
///
/// let client = Client::device(Prefix::DEFAULT, TwinId::new("lamp", None)?);
/// let mut scratch = Document::<64>::new();
/// let mut decoder = client.decoder("t/lamp/d", Wanted::Sections, scratch.as_mut())?;
/// decoder.feed(b"\x0B\xA2\x01\x82\x07")?;
/// decoder.feed(b"\x03\x03\xA1\x62on\xF5")?;
/// let Message::DesiredPatch(change) = decoder.finish()? else { panic!() };
/// assert_eq!(change.versions.desired.as_u64(), 7);
/// assert_eq!(change.patch.read::<bool>(&["on"]), Ok(true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder<'a> {
    kind: Option<u8>,
    watch: Option<Watch>,
    reader: Reader<'a>,
    begun: bool,
    tail: &'a mut [u8],
}

/// What only a back-end reads: a device, which never asks for it, does not link it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    select: &'static Select,
    event: Build,
}

/// Makes a message of its payload, if it is of such a kind.
type Build = for<'a> fn(Kind, Payload<'a>, Option<RequestId<'a>>) -> Found<'a>;

/// A message, or the field that is missing or of the wrong type.
type Found<'a> = Result<Message<'a>, Option<&'static str>>;

impl Watch {
    pub(super) const READ: Self = Self {
        select: &WATCHED,
        event,
    };
}

// There is only one.
impl PartialEq for Watch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Watch {}

#[cfg(feature = "defmt")]
impl defmt::Format for Watch {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Watch");
    }
}

/// Why a message of the service was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecodeError {
    /// Not a topic on which the service answers this client.
    Topic(TopicError),
    /// The payload is empty, or starts with this byte: no kind that the service sends to this client; a
    /// later version's, if it is 24 or more.
    Kind(Option<u8>),
    /// What follows the kind is not CBOR, or does not fit the document (see
    /// [`DecodeError::capacity`]). Offsets count from behind the kind.
    Cbor(ReadError),
    /// This field of the envelope is missing or of the wrong type.
    Malformed(&'static str),
}

impl DecodeError {
    /// Returns how much room was missing, if that is why: an engine is told by `handle_oversized`.
    pub const fn capacity(&self) -> Option<CapacityError> {
        match self {
            Self::Cbor(ReadError {
                reason: ReadReason::Capacity(error),
                ..
            }) => Some(*error),
            Self::Topic(_) | Self::Kind(_) | Self::Cbor(_) | Self::Malformed(_) => None,
        }
    }
}

impl Client<'_> {
    /// Starts to read a message that came in on `topic`, into `document`, which must have room for what
    /// is wanted of it and some 60 bytes more.
    ///
    /// # Errors
    /// [`DecodeError::Topic`] if the topic is not one on which this client listens.
    pub fn decoder<'d>(
        &self,
        topic: &str,
        wanted: Wanted,
        document: DocumentMut<'d>,
    ) -> Result<Decoder<'d>, DecodeError> {
        self.listens(topic).map_err(DecodeError::Topic)?;
        Ok(Decoder::new(self.watch, wanted, document))
    }

    /// Reads a message that came in as a whole, see [`Client::decoder`].
    ///
    /// # Errors
    /// [`DecodeError`]; the document is then `{}`.
    pub fn decode<'d>(
        &self,
        topic: &str,
        payload: &[u8],
        wanted: Wanted,
        document: DocumentMut<'d>,
    ) -> Result<Message<'d>, DecodeError> {
        self.listens(topic).map_err(DecodeError::Topic)?;
        let mut decoder = Decoder::new(self.watch, wanted, document);
        decoder.feed(payload)?;
        decoder.end()
    }

    fn listens(&self, topic: &str) -> Result<(), TopicError> {
        match Topic::lane_for(self.prefix, self.party(), self.id, topic) {
            None => Err(TopicError::Foreign),
            Some(Lane::Up) => Err(TopicError::Lane),
            Some(Lane::Down | Lane::Events) => Ok(()),
        }
    }
}

impl<'a> Decoder<'a> {
    fn new(watch: Option<Watch>, wanted: Wanted, document: DocumentMut<'a>) -> Self {
        let (document, tail) = reserve(document);
        let select = match (watch, wanted) {
            (Some(watch), Wanted::Sections) => watch.select,
            (None, Wanted::Sections) => &DEVICE,
            (_, Wanted::Delta) => &DELTA,
        };
        Self {
            kind: None,
            watch,
            reader: Reader::new(document, select),
            begun: false,
            tail,
        }
    }

    /// Reads the next piece of the payload: any number of bytes, cut anywhere.
    ///
    /// # Errors
    /// [`DecodeError::Kind`] or [`DecodeError::Cbor`]; each further call returns it again.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        let mut piece = piece;
        if self.kind.is_none() {
            let Some((kind, rest)) = piece.split_first() else {
                return Ok(());
            };
            (self.kind, piece) = (Some(*kind), rest);
        }
        self.kind()?;
        if piece.is_empty() {
            return Ok(());
        }
        self.begun = true;
        self.reader.feed(piece).map_err(DecodeError::Cbor)
    }

    /// Ends the payload and returns the message.
    ///
    /// # Errors
    /// [`DecodeError`]: not CBOR, does not fit, or a field is missing or of the wrong type.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn finish(mut self) -> Result<Message<'a>, DecodeError> {
        self.end()
    }

    /// What the service sends to this client; requests are none.
    fn kind(&self) -> Result<Kind, DecodeError> {
        let last = match self.watch {
            None => Kind::Desired,
            Some(_) => Kind::Changed,
        };
        self.kind
            .filter(|code| (Kind::Got.code()..=last.code()).contains(code))
            .and_then(Kind::from_code)
            .ok_or(DecodeError::Kind(self.kind))
    }

    /// Ends the payload; the decoder, which is large, stays where it is.
    fn end(&mut self) -> Result<Message<'a>, DecodeError> {
        let kind = self.kind()?;
        let mut document = DocumentRef::EMPTY;
        if self.begun {
            document = self.reader.end().map_err(DecodeError::Cbor)?;
        }
        if !document.is_map() {
            return Err(DecodeError::Malformed("envelope"));
        }
        let tail = core::mem::take(&mut self.tail);
        let payload = Payload(document);
        let id = payload.id(tail).map_err(DecodeError::Malformed)?;
        let found = match message(kind, payload, id) {
            Err(None) => match self.watch {
                Some(watch) => (watch.event)(kind, payload, id),
                None => Err(None),
            },
            found => found,
        };
        found.map_err(|field| match field {
            Some(field) => DecodeError::Malformed(field),
            None => DecodeError::Kind(self.kind),
        })
    }
}

/// What a device reads, and a back-end, too.
fn message<'a>(kind: Kind, payload: Payload<'a>, id: Option<RequestId<'a>>) -> Found<'a> {
    let timestamp = payload.time()?;
    let Some(request) = kind.refused() else {
        let versions = payload.versions(VERSIONS).ok_or("versions")?;
        let shared = Accepted {
            id,
            versions,
            patch: None,
            timestamp,
        };
        return accepted(kind, payload, shared);
    };
    let code = payload.count(STATUS, "status")?.ok_or("status")?;
    Ok(Message::Rejected(Rejection {
        id,
        request,
        status: status::status(code),
        cause: cause(payload)?,
        timestamp,
    }))
}

fn accepted<'a>(kind: Kind, payload: Payload<'a>, accepted: Accepted<'a>) -> Found<'a> {
    let Accepted {
        id,
        versions,
        timestamp,
        ..
    } = accepted;
    let patch = || payload.map(PATCH).ok_or("patch");
    Ok(match kind {
        Kind::Got => Message::GetAccepted(Snapshot {
            id,
            document: payload.state(STATE).ok_or("state")?,
            versions,
            timestamp,
        }),
        Kind::Patched => Message::GetPatched(Patched {
            id,
            patch: patch()?,
            desired: payload.etag(DIGEST, "digest")?.ok_or("digest")?,
            versions,
            timestamp,
        }),
        Kind::Unchanged => Message::GetUnchanged(accepted),
        Kind::Updated => Message::UpdateAccepted(accepted),
        Kind::Deleted => Message::DeleteAccepted(accepted),
        Kind::DesiredPatch => Message::DesiredPatch(Delta {
            id,
            patch: patch()?,
            metadata: DocumentRef::EMPTY,
            versions,
            timestamp,
        }),
        Kind::Desired => Message::Desired(Snapshot {
            id,
            // Whoever reads only deltas has not read desired as what it is.
            document: payload
                .state(STATE)
                .filter(|state| state.at(&["delta"]).is_none())
                .ok_or("state")?,
            versions,
            timestamp,
        }),
        Kind::Get
        | Kind::Update
        | Kind::Delete
        | Kind::GetRefused
        | Kind::UpdateRefused
        | Kind::DeleteRefused
        | Kind::Delta
        | Kind::Changed => return Err(None),
    })
}

fn cause<'a>(payload: Payload<'a>) -> Result<Cause<'a>, &'static str> {
    let mut items = match payload.value(DETAIL) {
        None => return Ok(Cause::Unstated),
        Some(Value::String(text)) => return Ok(Cause::Text(text)),
        Some(value) => value.as_array().ok_or("detail")?.iter(),
    };
    let number = counter(items.next()).ok_or("detail")?;
    let (first, second) = (counter(items.next()), counter(items.next()));
    Ok(status::rejected(number, first, second).map_or(Cause::Unstated, Cause::Twin))
}

/// What only back-ends hear.
fn event<'a>(kind: Kind, payload: Payload<'a>, id: Option<RequestId<'a>>) -> Found<'a> {
    let timestamp = payload.time()?;
    let versions = payload.versions(VERSIONS).ok_or("versions")?;
    Ok(match kind {
        Kind::Delta => Message::Delta(Delta {
            id,
            patch: payload.map(PATCH).ok_or("patch")?,
            metadata: match payload.value(METADATA) {
                None => DocumentRef::EMPTY,
                Some(_) => payload.map(METADATA).ok_or("metadata")?,
            },
            versions,
            timestamp,
        }),
        Kind::Changed => Message::Changed(Changed {
            id,
            previous: previous(payload)?,
            current: payload.state(STATE).ok_or("state")?,
            versions,
            timestamp,
        }),
        Kind::Get
        | Kind::Update
        | Kind::Delete
        | Kind::Got
        | Kind::Unchanged
        | Kind::Patched
        | Kind::Updated
        | Kind::Deleted
        | Kind::GetRefused
        | Kind::UpdateRefused
        | Kind::DeleteRefused
        | Kind::DesiredPatch
        | Kind::Desired => return Err(None),
    })
}

fn previous(payload: Payload<'_>) -> Result<Option<(DocumentRef<'_>, Versions)>, &'static str> {
    if payload.value(PREVIOUS).is_none() {
        return Ok(None);
    }
    let state = payload.state(PREVIOUS).ok_or("previous")?;
    let versions = payload.versions(PREVIOUS_VERSIONS);
    Ok(Some((state, versions.ok_or("previous versions")?)))
}

/// What is wanted of a body, given the sections that are wanted of a state.
macro_rules! wanted {
    ($sections:expr, $metadata:expr, $previous:expr, $previous_versions:expr) => {
        Select::Numbered(&[
            Member::all(ID.name),
            Member::all(VERSIONS.name),
            Member::numbered(STATE.name, $sections),
            Member::all(PATCH.name),
            $metadata,
            Member::all(DIGEST.name),
            Member::NONE,
            Member::NONE,
            Member::NONE,
            Member::all(STATUS.name),
            Member::all(DETAIL.name),
            Member::all(TIME.name),
            $previous,
            $previous_versions,
        ])
    };
}

static DEVICE: Select = wanted!(DEVICE_SECTIONS, Member::NONE, Member::NONE, Member::NONE);
static DELTA: Select = wanted!(DELTA_SECTIONS, Member::NONE, Member::NONE, Member::NONE);
static WATCHED: Select = wanted!(
    SECTIONS,
    Member::all(METADATA.name),
    Member::numbered(PREVIOUS.name, SECTIONS),
    Member::all(PREVIOUS_VERSIONS.name)
);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(error) => error.fmt(f),
            Self::Kind(None) => f.write_str("the payload is empty"),
            Self::Kind(Some(kind)) => write!(f, "a body of kind {kind} is not expected here"),
            Self::Cbor(error) => error.fmt(f),
            Self::Malformed(field) => write!(f, "field {field} is missing or of the wrong type"),
        }
    }
}

impl core::error::Error for DecodeError {}

#[cfg(feature = "defmt")]
impl defmt::Format for Decoder<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Decoder of kind {}", self.kind);
    }
}
