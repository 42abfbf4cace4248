//! The device's side: answers and notifications in, in pieces of any size.

use core::fmt;

use super::client::{Client, read_rid, read_version};
use super::percent;
use super::status;
use super::topic::{Purpose, Topic, TopicError};
use crate::codec::json::{Member, ReadError, ReadReason, Reader, Select};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::Value;
use crate::error::CapacityError;
use crate::protocol::Accepted;
use crate::protocol::Cause;
use crate::protocol::Delta;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::Snapshot;
use crate::protocol::Versions;
use crate::protocol::Wanted;
use crate::time::Timestamp;
use crate::twin::Section;
use crate::twin::Version;

/// Reads one message that the service published.
///
/// ```
/// use twinsync::adapter::azure::Client;
/// use twinsync::document::Document;
/// use twinsync::protocol::{Message, TwinId, Wanted};
///
/// let client = Client::new(TwinId::new("lamp", None)?)?;
/// let mut scratch = Document::<64>::new();
/// let topic = "$iothub/twin/PATCH/properties/desired/?$version=7";
/// let mut decoder = client.decoder(topic, Wanted::Sections, scratch.as_mut())?;
/// decoder.feed(br#"{"on":tr"#)?;
/// decoder.feed(br#"ue,"$version":7}"#)?;
/// let Message::DesiredPatch(change) = decoder.finish()? else { panic!() };
/// assert_eq!(change.versions.desired.as_u64(), 7);
/// assert_eq!(change.patch.read::<bool>(&["on"]), Ok(true));
/// assert!(change.patch.value(&["$version"]).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Decoder<'a> {
    kind: Kind,
    id: Option<RequestId<'a>>,
    /// The version in the topic.
    version: Option<u64>,
    reader: Reader<'a>,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Kind {
    Twin,
    Reported,
    Desired,
    Refused(RequestKind, u16),
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
    /// Starts to read a message that came in on `topic`, into `document`, which must have room for both
    /// sections and some 60 bytes more. `$version` and `$metadata` never reach the message.
    ///
    /// IoT Hub knows no shorter answer to a get. Where a device finds its twin too large, the decoder
    /// takes, for [`Wanted::Delta`], desired alone: reported is checked and skipped as it flows, and the
    /// engine reports it anew. A device for which desired alone is too large keeps what it has and
    /// goes on with the changes that do fit.
    ///
    /// # Errors
    /// [`DecodeError::Topic`] if the topic is no answer or notification, or the answer to a request that
    /// this client did not write.
    pub fn decoder<'d>(
        &self,
        topic: &'d str,
        wanted: Wanted,
        document: DocumentMut<'d>,
    ) -> Result<Decoder<'d>, DecodeError> {
        Decoder::new(topic, wanted, document).map_err(DecodeError::Topic)
    }

    /// Reads a message that came in as a whole, see [`Client::decoder`].
    ///
    /// # Errors
    /// [`DecodeError`]; the document is then `{}`.
    pub fn decode<'d>(
        &self,
        topic: &'d str,
        payload: &[u8],
        wanted: Wanted,
        document: DocumentMut<'d>,
    ) -> Result<Message<'d>, DecodeError> {
        let mut decoder = self.decoder(topic, wanted, document)?;
        decoder.feed(payload)?;
        decoder.end()
    }
}

impl<'a> Decoder<'a> {
    fn new(topic: &'a str, wanted: Wanted, document: DocumentMut<'a>) -> Result<Self, TopicError> {
        let topic = Topic::parse_mounted(topic)?;
        let (kind, rid) = match topic.purpose {
            Purpose::Get | Purpose::Report => return Err(TopicError::Side),
            Purpose::Desired => (Kind::Desired, ""),
            Purpose::Answer(status) => {
                let (request, rid) = topic.rid.and_then(read_rid).ok_or(TopicError::Foreign)?;
                let kind = match (status, request) {
                    (200..300, RequestKind::Get) => Kind::Twin,
                    (200..300, _) => Kind::Reported,
                    _ => Kind::Refused(request, status),
                };
                (kind, rid)
            }
        };
        let select = match (kind, wanted) {
            (Kind::Twin, Wanted::Sections) => &SECTIONS,
            (Kind::Twin, Wanted::Delta) => &DESIRED_ALONE,
            (Kind::Desired | Kind::Reported, _) => &Select::All,
            (Kind::Refused(..), _) => &ERROR,
        };
        let (id, document) = request_id(rid, document);
        Ok(Self {
            kind,
            id,
            version: read_version(topic.version),
            reader: Reader::new(document, select),
        })
    }

    /// Reads the next piece of the payload: any number of bytes, cut anywhere.
    ///
    /// # Errors
    /// [`DecodeError::Json`]; each further call returns it again. Of a refusal, and of the answer to a
    /// report, the topic says all that counts: what their payloads hold is no error.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), DecodeError> {
        match self.kind {
            Kind::Twin | Kind::Desired => self.reader.feed(piece).map_err(DecodeError::Json),
            Kind::Refused(..) => {
                let _ = self.reader.feed(piece);
                Ok(())
            }
            Kind::Reported => Ok(()),
        }
    }

    /// Ends the payload and returns the message.
    ///
    /// # Errors
    /// [`DecodeError`]: not JSON, does not fit, or a member is missing or of the wrong type.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn finish(mut self) -> Result<Message<'a>, DecodeError> {
        self.end()
    }

    /// Ends the payload; the decoder, which is large, stays where it is.
    fn end(&mut self) -> Result<Message<'a>, DecodeError> {
        let (id, timestamp) = (self.id, Timestamp::EPOCH);
        match self.kind {
            Kind::Twin => {
                let (versions, document) = self
                    .reader
                    .end_edited(take_versions)
                    .map_err(DecodeError::Json)?;
                let versions = versions.map_err(DecodeError::Malformed)?;
                Ok(Message::GetAccepted(Snapshot {
                    id,
                    document,
                    versions,
                    timestamp,
                }))
            }
            Kind::Desired => {
                let (version, patch) = self
                    .reader
                    .end_edited(|document| take_version(document, &[VERSION], &[METADATA]))
                    .map_err(DecodeError::Json)?;
                if !patch.is_map() {
                    return Err(DecodeError::Malformed(Section::Desired.key()));
                }
                let version = self.version.or(version);
                let version = version.ok_or(DecodeError::Malformed(VERSION))?;
                Ok(Message::DesiredPatch(Delta {
                    id: None,
                    patch,
                    metadata: DocumentRef::EMPTY,
                    versions: of_desired(version),
                    timestamp,
                }))
            }
            Kind::Reported => Ok(Message::UpdateAccepted(Accepted {
                id,
                versions: Versions {
                    reported: Version::new(self.version.unwrap_or(0)),
                    ..Versions::ZERO
                },
                patch: None,
                timestamp,
            })),
            Kind::Refused(request, code) => {
                let body = self.reader.end().unwrap_or(DocumentRef::EMPTY);
                let error_code = body.value(&[ERROR_CODE]).and_then(count);
                let text = body.value(&[MESSAGE]).and_then(Value::as_str);
                Ok(Message::Rejected(Rejection {
                    id,
                    request,
                    status: status::status(code, error_code),
                    cause: text.map_or(Cause::Unstated, Cause::Text),
                    timestamp,
                }))
            }
        }
    }
}

const VERSION: &str = "$version";
const METADATA: &str = "$metadata";
const ERROR_CODE: &str = "errorCode";
const MESSAGE: &str = "message";

static SECTIONS: Select = Select::Members(&[Member::all("desired"), Member::all("reported")]);
static DESIRED_ALONE: Select = Select::Members(&[Member::all("desired")]);
static ERROR: Select = Select::Members(&[Member::all(ERROR_CODE), Member::all(MESSAGE)]);

/// The id of the request that is answered. One that had to be encoded is decoded into the end of the
/// document's buffer.
fn request_id<'a>(
    rid: &'a str,
    document: DocumentMut<'a>,
) -> (Option<RequestId<'a>>, DocumentMut<'a>) {
    if !rid.bytes().any(|byte| byte == b'%') {
        return (RequestId::new(rid), document);
    }
    let needed = percent::decoded_len(rid);
    let DocumentMut { bytes, len } = document;
    let front = bytes.len().saturating_sub(needed);
    if front < DocumentRef::EMPTY.as_bytes().len() {
        return (None, DocumentMut { bytes, len });
    }
    let Some((bytes, back)) = bytes.split_at_mut_checked(front) else {
        return (
            None,
            DocumentMut {
                bytes: &mut [],
                len,
            },
        );
    };
    let id = percent::decode(rid, back).and_then(RequestId::new);
    (id, DocumentMut { bytes, len })
}

/// Takes the versions out of the sections of a twin; the error is the member that is missing.
fn take_versions(document: &mut DocumentMut<'_>) -> Result<Versions, &'static str> {
    let mut versions = [None; 2];
    for (section, version) in [Section::Desired, Section::Reported]
        .into_iter()
        .zip(&mut versions)
    {
        let key = section.key();
        match document.as_ref().at(&[key]) {
            Some(map) if map.is_map() => {
                *version = take_version(document, &[key, VERSION], &[key, METADATA]);
            }
            // Not wanted, or not sent: there is nothing in it.
            None if section == Section::Reported => {}
            Some(_) | None => return Err(key),
        }
    }
    let [desired, reported] = versions;
    Ok(Versions {
        reported: Version::new(reported.unwrap_or(0)),
        ..of_desired(desired.ok_or(VERSION)?)
    })
}

/// Takes what the service adds to a section out of it, and returns the version.
fn take_version(
    document: &mut DocumentMut<'_>,
    version: &[&str],
    metadata: &[&str],
) -> Option<u64> {
    let count = document.as_ref().value(version).and_then(count);
    document.remove(version);
    document.remove(metadata);
    count
}

fn of_desired(version: u64) -> Versions {
    Versions {
        desired: Version::new(version),
        ..Versions::ZERO
    }
}

fn count(value: Value<'_>) -> Option<u64> {
    value.as_i64().and_then(|count| u64::try_from(count).ok())
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
