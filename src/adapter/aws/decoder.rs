//! The client's side: answers and events in, in pieces of any size.

use core::fmt;

use super::client::Client;
use super::status;
use super::topic::{Purpose, TopicError};
use crate::codec::json::{Member, ReadError, ReadReason, Reader, Select};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::Value;
use crate::error::CapacityError;
use crate::protocol::Accepted;
use crate::protocol::Cause;
use crate::protocol::Changed;
use crate::protocol::Delta;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::Snapshot;
use crate::protocol::Versions;
use crate::protocol::Wanted;
use crate::time::Timestamp;
use crate::twin::Version;

/// Reads one message that the service published.
///
/// ```
/// use twinsync::adapter::aws::Client;
/// use twinsync::document::Document;
/// use twinsync::protocol::{Message, TwinId, Wanted};
///
/// let client = Client::new(TwinId::new("lamp", None)?)?;
/// let mut scratch = Document::<64>::new();
/// let topic = "$aws/things/lamp/shadow/update/delta";
/// let mut decoder = client.decoder(topic, Wanted::Sections, scratch.as_mut())?;
/// decoder.feed(br#"{"state":{"on":true},"metadata":{"on":{"time"#)?;
/// decoder.feed(br#"stamp":1700000000}},"version":7,"timestamp":1700000001}"#)?;
/// let Message::Delta(delta) = decoder.finish()? else { panic!() };
/// assert_eq!(delta.versions.twin.as_u64(), 7);
/// assert_eq!(delta.patch.read::<bool>(&["on"]), Ok(true));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Decoder<'a> {
    purpose: Purpose,
    echo: Option<Echo>,
    reader: Reader<'a>,
}

/// What only a back-end reads: a device, which never asks for it, does not link it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Echo {
    documents: &'static Select,
    changed: Build,
}

/// Makes a message of its payload; the error is the member that is missing or of the wrong type.
type Build = for<'a> fn(Payload<'a>) -> Result<Message<'a>, &'static str>;

impl Echo {
    pub(super) const READ: Self = Self {
        documents: &DOCUMENTS,
        changed,
    };
}

// There is only one.
impl PartialEq for Echo {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Echo {}

#[cfg(feature = "defmt")]
impl defmt::Format for Echo {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Echo");
    }
}

/// Why a message of the service was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecodeError {
    /// Not a topic on which the service answers this client.
    Topic(TopicError),
    /// The payload is not JSON, or does not fit the document (see [`DecodeError::capacity`]).
    Json(ReadError),
    /// This member of the payload is missing or of the wrong type.
    Malformed(&'static str),
}

impl DecodeError {
    /// Returns how much room was missing, if that is why: an engine is told by `handle_oversized`.
    pub const fn capacity(&self) -> Option<CapacityError> {
        match self {
            Self::Json(ReadError {
                reason: ReadReason::Capacity(error),
                ..
            }) => Some(*error),
            Self::Json(_) | Self::Topic(_) | Self::Malformed(_) => None,
        }
    }
}

impl Client<'_> {
    /// Starts to read a message that came in on `topic`, into `document`, which must have room for what
    /// is wanted of it and some 120 bytes more. Metadata is never kept: it is checked and skipped as it
    /// flows.
    ///
    /// # Errors
    /// [`DecodeError::Topic`] if the topic is no answer or event of this shadow, or
    /// `update/documents` without [`Client::with_echo`].
    pub fn decoder<'d>(
        &self,
        topic: &str,
        wanted: Wanted,
        document: DocumentMut<'d>,
    ) -> Result<Decoder<'d>, DecodeError> {
        let (purpose, select) = self.select(topic, wanted).map_err(DecodeError::Topic)?;
        Ok(Decoder::new(purpose, select, self.echo, document))
    }

    /// Says what a message on `topic` is for, and what is wanted of it.
    fn select(
        &self,
        topic: &str,
        wanted: Wanted,
    ) -> Result<(Purpose, &'static Select), TopicError> {
        let purpose = self.purpose(topic).ok_or(TopicError::Foreign)?;
        let select = select(purpose, wanted, self.echo).ok_or(TopicError::Purpose)?;
        Ok((purpose, select))
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
        let (purpose, select) = self.select(topic, wanted).map_err(DecodeError::Topic)?;
        let mut decoder = Decoder::new(purpose, select, self.echo, document);
        decoder.feed(payload)?;
        decoder.end()
    }
}

impl<'a> Decoder<'a> {
    /// Reads the next piece of the payload: any number of bytes, cut anywhere.
    ///
    /// # Errors
    /// [`DecodeError::Json`]; each further call returns it again.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        self.reader.feed(piece).map_err(DecodeError::Json)
    }

    /// Ends the payload and returns the message.
    ///
    /// # Errors
    /// [`DecodeError`]: not JSON, does not fit, or a member is missing or of the wrong type.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn finish(mut self) -> Result<Message<'a>, DecodeError> {
        self.end()
    }

    fn new(
        purpose: Purpose,
        select: &'static Select,
        echo: Option<Echo>,
        document: DocumentMut<'a>,
    ) -> Self {
        Self {
            purpose,
            echo,
            reader: Reader::new(document, select),
        }
    }

    /// Ends the payload; the decoder, which is large, stays where it is.
    fn end(&mut self) -> Result<Message<'a>, DecodeError> {
        let document = self.reader.end().map_err(DecodeError::Json)?;
        self.message(Payload(document))
            .map_err(DecodeError::Malformed)
    }

    fn message(&self, payload: Payload<'a>) -> Result<Message<'a>, &'static str> {
        if self.purpose == Purpose::UpdateDocuments {
            // `Client::decoder` lets these in only for those who want them.
            let echo = self.echo.ok_or(CURRENT)?;
            return (echo.changed)(payload);
        }
        let id = payload.id();
        let timestamp = payload.timestamp()?;
        let rejected = match self.purpose {
            Purpose::GetRejected => Some(RequestKind::Get),
            Purpose::UpdateRejected => Some(RequestKind::Update),
            Purpose::DeleteRejected => Some(RequestKind::Delete),
            Purpose::Get
            | Purpose::GetAccepted
            | Purpose::Update
            | Purpose::UpdateAccepted
            | Purpose::UpdateDelta
            | Purpose::UpdateDocuments
            | Purpose::Delete
            | Purpose::DeleteAccepted => None,
        };
        if let Some(request) = rejected {
            return Ok(Message::Rejected(Rejection {
                id,
                request,
                status: payload.status()?,
                cause: payload.text(MESSAGE).map_or(Cause::Unstated, Cause::Text),
                timestamp,
            }));
        }
        let (get, delta) = (
            self.purpose == Purpose::GetAccepted,
            self.purpose == Purpose::UpdateDelta,
        );
        let document = if get {
            payload.state()?
        } else if delta {
            payload.map(STATE)?
        } else {
            DocumentRef::EMPTY
        };
        let versions = Versions::all(Version::new(payload.count(VERSION, None)?));
        if get {
            return Ok(Message::GetAccepted(Snapshot {
                id,
                document,
                versions,
                timestamp,
            }));
        }
        if delta {
            return Ok(Message::Delta(Delta {
                id,
                patch: document,
                metadata: DocumentRef::EMPTY,
                versions,
                timestamp,
            }));
        }
        let accepted = Accepted {
            id,
            versions,
            patch: payload.0.at(&[STATE]),
            timestamp,
        };
        // `Client::decoder` lets no request in.
        Ok(if self.purpose == Purpose::UpdateAccepted {
            Message::UpdateAccepted(accepted)
        } else {
            Message::DeleteAccepted(accepted)
        })
    }
}

/// What is wanted of a message; `None` for requests, which the service does not publish, and for what
/// only a back-end reads.
fn select(purpose: Purpose, wanted: Wanted, echo: Option<Echo>) -> Option<&'static Select> {
    Some(match purpose {
        Purpose::Get | Purpose::Update | Purpose::Delete => return None,
        Purpose::GetAccepted => match wanted {
            Wanted::Sections => &SECTIONS,
            Wanted::Delta => &DELTA_OF_GET,
        },
        Purpose::UpdateAccepted if echo.is_some() => &STATE_WHOLE,
        Purpose::UpdateAccepted => &ECHO,
        Purpose::UpdateDelta => &STATE_WHOLE,
        Purpose::UpdateDocuments => echo?.documents,
        Purpose::DeleteAccepted
        | Purpose::GetRejected
        | Purpose::UpdateRejected
        | Purpose::DeleteRejected => &NO_STATE,
    })
}

const STATE: &str = "state";
const VERSION: &str = "version";
const TIMESTAMP: &str = "timestamp";
const TOKEN: &str = "clientToken";
const CODE: &str = "code";
const MESSAGE: &str = "message";
const PREVIOUS: &str = "previous";
const CURRENT: &str = "current";

/// What may stand in the state that is kept.
const SECTION_KEYS: [&str; 3] = ["desired", "reported", DELTA];
const DELTA: &str = "delta";

static SECTIONS: Select = Select::Members(&[
    Member::of(STATE, &[Member::all("desired"), Member::all("reported")]),
    Member::all(VERSION),
    Member::all(TIMESTAMP),
    Member::all(TOKEN),
]);
static DELTA_OF_GET: Select = Select::Members(&[
    Member::of(STATE, &[Member::all(DELTA)]),
    Member::all(VERSION),
    Member::all(TIMESTAMP),
    Member::all(TOKEN),
]);
static STATE_WHOLE: Select = Select::Members(ANSWER.split_at(2).1);
/// What a device reads of an update's echo: what others did to desired (a delta does not tell of keys
/// that were removed), and whether they touched reported. The echo of its own reports stays out.
static ECHO: Select = Select::Members(&[
    Member::of(
        STATE,
        &[Member::all("desired"), Member::of("reported", &[])],
    ),
    Member::all(VERSION),
    Member::all(TIMESTAMP),
    Member::all(TOKEN),
]);
/// Answers that carry no state; and error documents.
static NO_STATE: Select = Select::Members(ANSWER.split_at(5).0);
/// What an answer may have: the two above are its parts, and share the flash of what they have in common.
static ANSWER: [Member; 6] = [
    Member::all(CODE),
    Member::all(MESSAGE),
    Member::all(VERSION),
    Member::all(TIMESTAMP),
    Member::all(TOKEN),
    Member::all(STATE),
];
static DOCUMENTS: Select = Select::Members(&[
    Member::of(PREVIOUS, SHADOW),
    Member::of(CURRENT, SHADOW),
    Member::all(TIMESTAMP),
    Member::all(TOKEN),
]);
const SHADOW: &[Member] = &[
    Member::of(STATE, &[Member::all("desired"), Member::all("reported")]),
    Member::all(VERSION),
];

/// The members of a payload that were wanted.
#[derive(Clone, Copy)]
struct Payload<'a>(DocumentRef<'a>);

impl<'a> Payload<'a> {
    fn text(self, key: &str) -> Option<&'a str> {
        self.0.value(&[key]).and_then(Value::as_str)
    }

    /// The client token; one that is no request id of ours (not text, empty, too long) is none.
    fn id(self) -> Option<RequestId<'a>> {
        self.text(TOKEN).and_then(RequestId::new)
    }

    /// A member that counts something; `missing` if it is not there.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn count(self, key: &'static str, missing: Option<u64>) -> Result<u64, &'static str> {
        let count = match self.0.value(&[key]) {
            Some(value) => value.as_i64().and_then(|count| u64::try_from(count).ok()),
            None => missing,
        };
        count.ok_or(key)
    }

    /// The time in seconds; error documents often have none: the epoch then.
    fn timestamp(self) -> Result<Timestamp, &'static str> {
        self.count(TIMESTAMP, Some(0)).map(Timestamp::from_secs)
    }

    fn versions(self) -> Result<Versions, &'static str> {
        let version = self.count(VERSION, None)?;
        Ok(Versions::all(Version::new(version)))
    }

    fn map(self, key: &'static str) -> Result<DocumentRef<'a>, &'static str> {
        self.0.at(&[key]).filter(|map| map.is_map()).ok_or(key)
    }

    /// The sections, each of them a map; the reader kept no others.
    fn state(self) -> Result<DocumentRef<'a>, &'static str> {
        let state = self.map(STATE)?;
        for key in SECTION_KEYS {
            if state.at(&[key]).is_some_and(|part| !part.is_map()) {
                return Err(STATE);
            }
        }
        Ok(state)
    }

    fn status(self) -> Result<crate::error::Status, &'static str> {
        let code = self.count(CODE, None)?;
        // A code that no table has is of the last class.
        Ok(status::status(u16::try_from(code).unwrap_or(u16::MAX)))
    }
}

fn changed(payload: Payload<'_>) -> Result<Message<'_>, &'static str> {
    let timestamp = payload.timestamp()?;
    let previous = match payload.0.value(&[PREVIOUS]) {
        None | Some(Value::Null) => None,
        Some(_) => {
            let previous = Payload(payload.map(PREVIOUS)?);
            Some((previous.state()?, previous.versions()?))
        }
    };
    let current = Payload(payload.map(CURRENT)?);
    Ok(Message::Changed(Changed {
        id: payload.id(),
        previous,
        current: current.state()?,
        versions: current.versions()?,
        timestamp,
    }))
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(error) => error.fmt(f),
            Self::Json(error) => error.fmt(f),
            Self::Malformed(member) => {
                write!(f, "member {member} is missing or of the wrong type")
            }
        }
    }
}

impl core::error::Error for DecodeError {}
