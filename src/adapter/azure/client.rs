//! The device's side: requests out. What comes back is read by a [`Decoder`](super::Decoder).

use super::percent;
use super::topic::{IdError, Purpose, check, number};
use crate::adapter::EncodeError;
use crate::adapter::Publish;
use crate::codec::json::Writer;
use crate::document::DocumentRef;
use crate::protocol::Message;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::twin::Mode;
use crate::twin::Precondition;
use crate::twin::Section;

/// A device, or a module, that talks to the service about its own twin.
///
/// The topics of IoT Hub name no device, and an answer does not say which request it answers: the client
/// writes one letter before each request id, `g` or `u`, and reads it back from `$rid`, which the
/// service echoes byte for byte. So nothing has to be remembered between a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Client<'a> {
    id: TwinId<'a>,
}

impl<'a> Client<'a> {
    /// What a device subscribes to: answers and changes of desired. Twin notifications are not queued for
    /// devices that are away, even in a session that is kept: a full get must follow each connect.
    pub const SUBSCRIPTIONS: [&'static str; 2] = [
        "$iothub/twin/res/#",
        "$iothub/twin/PATCH/properties/desired/#",
    ];

    /// Takes a device and, for a module twin, the module's id as the twin's name.
    ///
    /// # Errors
    /// [`IdError`] if an id breaks the rules of IoT Hub, see [`twin_id`](super::twin_id).
    pub fn new(id: TwinId<'a>) -> Result<Self, IdError> {
        check(id.device())?;
        if let Some(module) = id.name() {
            check(module)?;
        }
        Ok(Self { id })
    }

    /// Returns whose twin this is about.
    pub const fn id(self) -> TwinId<'a> {
        self.id
    }

    /// Writes a request into `out`: topic and payload, one after the other. Cost: linear in the patch.
    ///
    /// What a get says of the version that is known is a hint that IoT Hub has no words for; the answer is
    /// always the whole twin.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`] says how long topic and payload are together;
    /// [`EncodeError::Unsupported`] for what a device can not say here: anything but a get and a merge
    /// patch of reported, under no precondition or under the version of reported.
    pub fn encode<'o>(
        &self,
        message: &Message<'_>,
        out: &'o mut [u8],
    ) -> Result<Publish<'o>, EncodeError> {
        let mut writer = Writer::new(&mut *out);
        let topic = if let Message::Get(get) = message {
            Purpose::Get.write(&mut writer);
            write_rid(RequestKind::Get, get.id, &mut writer);
            writer.len()
        } else if let Message::Update(request) = message {
            let (patch, base) = report(request).ok_or(EncodeError::Unsupported)?;
            Purpose::Report.write(&mut writer);
            write_rid(RequestKind::Update, request.id, &mut writer);
            if let Some(base) = base {
                writer.raw("&$version=");
                writer.unsigned(base);
            }
            let topic = writer.len();
            writer.document(patch);
            topic
        } else {
            return Err(EncodeError::Unsupported);
        };
        let end = writer.finish()?;
        Ok(Publish::cut(out, topic, end))
    }
}

/// The patch of reported, and the version that it is for.
fn report<'d>(request: &UpdateRequest<'d>) -> Option<(DocumentRef<'d>, Option<u64>)> {
    let update = &request.update;
    let base = match update.precondition {
        Precondition::Any => None,
        Precondition::SectionVersion(Section::Reported, version) => Some(version.as_u64()),
        Precondition::Version(_)
        | Precondition::SectionVersion(..)
        | Precondition::Absent
        | Precondition::Present
        | Precondition::Match(_)
        | Precondition::NoneMatch(_) => return None,
    };
    let patch = update.patch.at(&[Section::Reported.key()])?;
    let alone = update.patch.entries().count() == 1;
    (alone && patch.is_map() && update.mode == Mode::Merge).then_some((patch, base))
}

const GET: &str = "g";
const UPDATE: &str = "u";

fn write_rid(request: RequestKind, id: Option<RequestId<'_>>, writer: &mut Writer<'_>) {
    writer.raw("?$rid=");
    writer.raw(match request {
        RequestKind::Get => GET,
        RequestKind::Update | RequestKind::Delete => UPDATE,
    });
    if let Some(id) = id {
        percent::encode(id.as_str(), writer);
    }
}

/// What an answer's `$rid` says: which request it answers, and that request's id, still encoded.
pub(super) fn read_rid(rid: &str) -> Option<(RequestKind, &str)> {
    if let Some(id) = rid.strip_prefix(GET) {
        Some((RequestKind::Get, id))
    } else {
        Some((RequestKind::Update, rid.strip_prefix(UPDATE)?))
    }
}

/// A version as it stands in a topic.
pub(super) fn read_version(text: Option<&str>) -> Option<u64> {
    number(text?)
}
