//! The client's side: requests out. What comes back is read by a [`Decoder`](super::Decoder).

use super::decoder::Echo;
use super::topic::{NameError, Purpose, Topic, check};
use crate::adapter::EncodeError;
use crate::adapter::Publish;
use crate::codec::json::Writer;
use crate::document::DocumentRef;
use crate::error::BufferTooSmall;
use crate::protocol::Message;
use crate::protocol::RequestId;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::twin::Mode;
use crate::twin::Precondition;
use crate::twin::Section;

/// A device or a back-end that talks to the service about one shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Client<'a> {
    id: TwinId<'a>,
    /// What only a back-end reads, if it is wanted.
    pub(super) echo: Option<Echo>,
}

impl<'a> Client<'a> {
    /// What a device subscribes to: the answers to get and update, and the delta.
    ///
    /// Five topics; AWS allows eight in one SUBSCRIBE and fifty per connection.
    pub const SUBSCRIPTIONS: [Purpose; 5] = [
        Purpose::GetAccepted,
        Purpose::GetRejected,
        Purpose::UpdateAccepted,
        Purpose::UpdateRejected,
        Purpose::UpdateDelta,
    ];

    /// Takes a thing and, for a named shadow, its name.
    ///
    /// # Errors
    /// [`NameError`] if a name breaks the rules of AWS, see [`shadow`](super::shadow).
    pub fn new(id: TwinId<'a>) -> Result<Self, NameError> {
        check(id.device(), id.name())?;
        Ok(Self { id, echo: None })
    }

    /// The same client, reading also all of the patch that the answer to an update echoes, and
    /// `update/documents`: what a back-end wants that watches what devices do. Without it the echo is
    /// read as far as a device needs it: what others did to desired, and whether they touched reported;
    /// the rest is not linked.
    pub const fn with_echo(mut self) -> Self {
        self.echo = Some(Echo::READ);
        self
    }

    /// Returns which shadow this is about.
    pub const fn id(self) -> TwinId<'a> {
        self.id
    }

    /// Writes the topic for a purpose into `out`, to subscribe to it. At most [`Topic::MAX_LEN`] bytes.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long the topic is.
    pub fn topic<'o>(
        &self,
        purpose: Purpose,
        out: &'o mut [u8],
    ) -> Result<&'o str, BufferTooSmall> {
        let mut writer = Writer::new(&mut *out);
        self.write_topic(purpose, &mut writer);
        let len = writer.finish()?;
        Ok(Publish::cut(out, len, len).topic)
    }

    /// Returns what is published on `topic`, if it is one of this shadow.
    pub fn purpose(&self, topic: &str) -> Option<Purpose> {
        Topic::purpose_for(self.id, topic)
    }

    /// Writes a request into `out`: topic and payload, one after the other. Cost: linear in the patch.
    ///
    /// A get or delete without an id has an empty payload. `known` and `known_etag` of a get are hints
    /// that AWS has no words for; the answer is then always the whole shadow.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`] says how long topic and payload are together;
    /// [`EncodeError::Unsupported`] for what AWS has no words for: messages that are no requests,
    /// replacing a section, tags, preconditions other than a version.
    pub fn encode<'o>(
        &self,
        message: &Message<'_>,
        out: &'o mut [u8],
    ) -> Result<Publish<'o>, EncodeError> {
        let (purpose, id) = match message {
            Message::Get(get) => (Purpose::Get, get.id),
            Message::Update(request) => (Purpose::Update, request.id),
            Message::Delete(id) => (Purpose::Delete, *id),
            Message::GetAccepted(_)
            | Message::GetUnchanged(_)
            | Message::GetPatched(_)
            | Message::UpdateAccepted(_)
            | Message::DeleteAccepted(_)
            | Message::Rejected(_)
            | Message::Delta(_)
            | Message::DesiredPatch(_)
            | Message::Desired(_)
            | Message::Changed(_) => return Err(EncodeError::Unsupported),
        };
        let mut writer = Writer::new(&mut *out);
        self.write_topic(purpose, &mut writer);
        let topic = writer.len();
        if let Message::Update(request) = message {
            write_update(request, &mut writer)?;
        } else if let Some(id) = id {
            writer.raw("{");
            write_token(id, &mut writer);
            writer.raw("}");
        }
        let end = writer.finish()?;
        Ok(Publish::cut(out, topic, end))
    }

    fn write_topic(&self, purpose: Purpose, writer: &mut Writer<'_>) {
        let topic = Topic {
            id: self.id,
            purpose,
        };
        topic.write(writer);
    }
}

fn write_update(request: &UpdateRequest<'_>, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
    let update = &request.update;
    let version = match update.precondition {
        Precondition::Any => None,
        Precondition::Version(version) => Some(version),
        Precondition::Absent
        | Precondition::Present
        | Precondition::SectionVersion(..)
        | Precondition::Match(_)
        | Precondition::NoneMatch(_) => return Err(EncodeError::Unsupported),
    };
    if !is_patch(update.patch) || update.mode != Mode::Merge {
        return Err(EncodeError::Unsupported);
    }
    writer.raw("{\"state\":");
    writer.document(update.patch);
    if let Some(version) = version {
        writer.raw(",\"version\":");
        writer.unsigned(version.as_u64());
    }
    if let Some(id) = request.id {
        writer.raw(",");
        write_token(id, writer);
    }
    writer.raw("}");
    Ok(())
}

/// Whether this is null, or a map with nothing but patches (maps or null) of desired and reported.
fn is_patch(patch: DocumentRef<'_>) -> bool {
    // What is left without these two must be the empty map.
    let mut rest = patch.as_bytes().len();
    for key in [Section::Desired.key(), Section::Reported.key()] {
        if let Some(part) = patch.at(&[key]) {
            if !part.is_map() && part != DocumentRef::NULL {
                return false;
            }
            let entry = key.len().wrapping_add(1);
            rest = rest.wrapping_sub(entry.wrapping_add(part.as_bytes().len()));
        }
    }
    let empty = DocumentRef::EMPTY.as_bytes().len();
    patch == DocumentRef::NULL || (patch.is_map() && rest == empty)
}

/// Writes the member `clientToken`.
pub(super) fn write_token(id: RequestId<'_>, writer: &mut Writer<'_>) {
    writer.raw("\"clientToken\":");
    writer.string(id.as_str());
}
