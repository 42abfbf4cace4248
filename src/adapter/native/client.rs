//! The client's side: requests out. What comes back is read by a [`Decoder`](super::Decoder).

use super::decoder::Watch;
use super::envelope::{self, Body};
use super::kind::Kind;
use super::status;
use super::topic::{Lane, Party, Prefix, Topic};
use crate::adapter::EncodeError;
use crate::adapter::Publish;
use crate::error::BufferTooSmall;
use crate::protocol::Get;
use crate::protocol::Message;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::twin::Mode;
use crate::twin::Precondition;

/// A device or a back-end that talks to the service about one twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Client<'a> {
    pub(super) prefix: Prefix<'a>,
    pub(super) id: TwinId<'a>,
    metadata: bool,
    /// What only a back-end reads: a device does not link it.
    pub(super) watch: Option<Watch>,
}

impl<'a> Client<'a> {
    /// The device of the twin `id`.
    pub const fn device(prefix: Prefix<'a>, id: TwinId<'a>) -> Self {
        Self {
            prefix,
            id,
            metadata: false,
            watch: None,
        }
    }

    /// A back-end that asks about the twin `id`, and may listen to what happens to it.
    pub const fn back_end(prefix: Prefix<'a>, id: TwinId<'a>) -> Self {
        Self {
            prefix,
            id,
            metadata: false,
            watch: Some(Watch::READ),
        }
    }

    /// The same back-end, asking each get to answer with metadata, too. A device keeps none and never
    /// asks.
    pub const fn with_metadata(mut self) -> Self {
        self.metadata = self.watch.is_some();
        self
    }

    /// Returns which twin this is about.
    pub const fn id(&self) -> TwinId<'a> {
        self.id
    }

    /// Returns who this is.
    pub const fn party(&self) -> Party {
        match self.watch {
            None => Party::Device,
            Some(_) => Party::BackEnd,
        }
    }

    /// Returns what this client has to subscribe to: its answers, where a device is also told of
    /// desired. [`Lane::Events`] is for the back-ends that want to hear of every change.
    pub const fn subscription(&self) -> Lane {
        Lane::Down
    }

    /// Writes the topic of a lane into `out`, to subscribe to it. At most [`Topic::MAX_LEN`] bytes.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long the topic is.
    pub fn topic<'o>(&self, lane: Lane, out: &'o mut [u8]) -> Result<&'o str, BufferTooSmall> {
        let len = self.write_topic(lane, out);
        if len > out.len() {
            return Err(BufferTooSmall { needed: len });
        }
        Ok(Publish::cut(out, len, len).topic)
    }

    /// Writes a request into `out`: topic and payload, one after the other. Cost: linear in the patch.
    ///
    /// Who asks is told by the topic: [`Update::origin`](crate::twin::Update::origin) is not looked at.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`] says how long topic and payload are together;
    /// [`EncodeError::Unsupported`] for messages that are no requests, for a patch that names something
    /// that is no section, and for versions from 2⁶³ on.
    pub fn encode<'o>(
        &self,
        message: &Message<'_>,
        out: &'o mut [u8],
    ) -> Result<Publish<'o>, EncodeError> {
        let kind = match message {
            Message::Get(_) => Kind::Get,
            Message::Update(_) => Kind::Update,
            Message::Delete(_) => Kind::Delete,
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
        let topic = self.write_topic(Lane::Up, out);
        let mut body = Body::new(kind, out.get_mut(topic..).unwrap_or_default());
        if let Message::Get(get) = message {
            self.get(get, &mut body);
        } else if let Message::Update(request) = message {
            update(request, &mut body)?;
        } else if let Message::Delete(id) = message {
            body.id(*id);
        }
        body.finish().publish(topic, out)
    }

    fn get(&self, get: &Get<'_>, body: &mut Body<'_>) {
        body.id(get.id);
        if let Some(known) = get.known {
            body.field(envelope::VERSIONS);
            body.writer.array(2);
            body.count(known.versions.desired.as_u64());
            body.count(known.versions.reported.as_u64());
        }
        if self.metadata {
            body.field(envelope::METADATA);
            body.writer.value(true.into());
        }
        if let Some(known) = get.known {
            body.field(envelope::DIGEST);
            body.etag(known.desired);
        }
        if let Some(etag) = get.known_etag {
            body.field(envelope::ETAG);
            body.etag(etag);
        }
    }

    fn write_topic(&self, lane: Lane, out: &mut [u8]) -> usize {
        let topic = Topic {
            id: self.id,
            party: self.party(),
            lane,
        };
        topic.write(self.prefix, out)
    }
}

fn update(request: &UpdateRequest<'_>, body: &mut Body<'_>) -> Result<(), EncodeError> {
    let update = &request.update;
    body.id(request.id);
    if !body.state(envelope::STATE, update.patch, 3) {
        return Err(EncodeError::Unsupported);
    }
    if update.mode == Mode::Replace {
        body.field(envelope::MODE);
        body.writer.unsigned(1);
    }
    let (code, items) = match update.precondition {
        Precondition::Any => return Ok(()),
        Precondition::Absent => (0, 1),
        Precondition::Present => (1, 1),
        Precondition::Version(_) => (2, 2),
        Precondition::Match(_) => (3, 2),
        Precondition::NoneMatch(_) => (4, 2),
        Precondition::SectionVersion(..) => (5, 3),
    };
    body.field(envelope::PRECONDITION);
    body.writer.array(items);
    body.writer.unsigned(code);
    match update.precondition {
        Precondition::Any | Precondition::Absent | Precondition::Present => {}
        Precondition::Version(version) => body.count(version.as_u64()),
        Precondition::SectionVersion(section, version) => {
            body.writer
                .unsigned(u64::from(status::section_code(section)));
            body.count(version.as_u64());
        }
        Precondition::Match(etag) | Precondition::NoneMatch(etag) => body.etag(etag),
    }
    Ok(())
}
