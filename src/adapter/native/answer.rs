//! The service's side: answers and notifications out.

use super::envelope::{
    Body, DETAIL, DIGEST, METADATA, PATCH, PREVIOUS, PREVIOUS_VERSIONS, SECTIONS, STATE, STATUS,
    TIME, VERSIONS,
};
use super::kind::Kind;
use super::service::{Asker, Service};
use super::status;
use super::topic::{Lane, Party, Topic};
use crate::adapter::EncodeError;
use crate::adapter::Publish;
use crate::protocol::Cause;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::TwinId;
use crate::protocol::Versions;
use crate::time::Timestamp;
use crate::twin::Rejected;

impl Service<'_> {
    /// Writes an answer or a notification about `id` into `out`: topic and payload, one after the other.
    ///
    /// Answers go to the `asker`, as [`Service::decode`] told; a change of desired to the device, all
    /// other notifications to the back-ends, whoever caused them. A device gets the sections desired and
    /// reported; a back-end tags, too, and metadata if it asked for it. No answer echoes a patch. Cost:
    /// linear in the documents.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`] says how long topic and payload are together;
    /// [`EncodeError::Unsupported`] for requests and for numbers from 2⁶³ on.
    pub fn encode<'o>(
        &self,
        asker: Asker,
        id: TwinId<'_>,
        message: &Message<'_>,
        out: &'o mut [u8],
    ) -> Result<Publish<'o>, EncodeError> {
        let (kind, party, lane) = match message {
            Message::GetAccepted(_) => (Kind::Got, asker.party, Lane::Down),
            Message::GetUnchanged(_) => (Kind::Unchanged, asker.party, Lane::Down),
            Message::GetPatched(_) => (Kind::Patched, asker.party, Lane::Down),
            Message::UpdateAccepted(_) => (Kind::Updated, asker.party, Lane::Down),
            Message::DeleteAccepted(_) => (Kind::Deleted, asker.party, Lane::Down),
            Message::Rejected(rejection) => {
                (Kind::refusal(rejection.request), asker.party, Lane::Down)
            }
            Message::DesiredPatch(_) => (Kind::DesiredPatch, Party::Device, Lane::Down),
            Message::Desired(_) => (Kind::Desired, Party::Device, Lane::Down),
            Message::Delta(_) => (Kind::Delta, Party::BackEnd, Lane::Events),
            Message::Changed(_) => (Kind::Changed, Party::BackEnd, Lane::Events),
            Message::Get(_) | Message::Update(_) | Message::Delete(_) => {
                return Err(EncodeError::Unsupported);
            }
        };
        let topic = Topic { id, party, lane }.write(self.prefix, out);
        let mut body = Body::new(kind, out.get_mut(topic..).unwrap_or_default());
        match message {
            Message::GetAccepted(snapshot) => {
                begin(snapshot.id, snapshot.versions, &mut body);
                body.state(STATE, snapshot.document, asker.sections());
                self.end(snapshot.timestamp, &mut body);
            }
            Message::GetUnchanged(accepted)
            | Message::UpdateAccepted(accepted)
            | Message::DeleteAccepted(accepted) => {
                begin(accepted.id, accepted.versions, &mut body);
                self.end(accepted.timestamp, &mut body);
            }
            Message::GetPatched(patched) => {
                begin(patched.id, patched.versions, &mut body);
                body.document(PATCH, patched.patch);
                body.field(DIGEST);
                body.etag(patched.desired);
                self.end(patched.timestamp, &mut body);
            }
            Message::Rejected(rejection) => {
                reject(rejection, &mut body);
                self.end(rejection.timestamp, &mut body);
            }
            Message::DesiredPatch(delta) => {
                // The device did not ask for it: the id of another's request says nothing to it.
                begin(None, delta.versions, &mut body);
                body.document(PATCH, delta.patch);
                self.end(delta.timestamp, &mut body);
            }
            Message::Desired(snapshot) => {
                begin(None, snapshot.versions, &mut body);
                body.state(STATE, snapshot.document, 1);
                self.end(snapshot.timestamp, &mut body);
            }
            Message::Delta(delta) => {
                begin(delta.id, delta.versions, &mut body);
                body.document(PATCH, delta.patch);
                if !delta.metadata.is_empty() {
                    body.document(METADATA, delta.metadata);
                }
                self.end(delta.timestamp, &mut body);
            }
            Message::Changed(changed) => {
                begin(changed.id, changed.versions, &mut body);
                body.state(STATE, changed.current, SECTIONS.len());
                self.end(changed.timestamp, &mut body);
                if let Some((document, versions)) = changed.previous {
                    body.state(PREVIOUS, document, SECTIONS.len());
                    body.versions(PREVIOUS_VERSIONS, versions);
                }
            }
            Message::Get(_) | Message::Update(_) | Message::Delete(_) => {}
        }
        body.finish().publish(topic, out)
    }

    fn end(&self, timestamp: Timestamp, body: &mut Body<'_>) {
        if self.times {
            body.field(TIME);
            body.count(timestamp.as_millis());
        }
    }
}

impl Asker {
    /// How many of the sections it is shown.
    const fn sections(self) -> usize {
        match self.party {
            Party::Device => 2,
            Party::BackEnd if self.metadata => 4,
            Party::BackEnd => 3,
        }
    }
}

fn begin(id: Option<RequestId<'_>>, versions: Versions, body: &mut Body<'_>) {
    body.id(id);
    body.versions(VERSIONS, versions);
}

fn reject(rejection: &Rejection<'_>, body: &mut Body<'_>) {
    body.id(rejection.id);
    body.field(STATUS);
    body.writer
        .unsigned(u64::from(status::code(rejection.status)));
    match rejection.cause {
        Cause::Unstated => {}
        Cause::Text(text) => {
            body.field(DETAIL);
            body.writer.text(text);
        }
        Cause::Twin(rejected) => {
            body.field(DETAIL);
            detail(rejected, body);
        }
    }
}

fn detail(rejected: Rejected, body: &mut Body<'_>) {
    match status::detail(rejected) {
        Ok((code, arguments)) => {
            let arguments = arguments.into_iter().flatten();
            body.writer
                .array(arguments.clone().count().saturating_add(1));
            body.writer.unsigned(u64::from(code));
            for argument in arguments {
                body.count(argument);
            }
        }
        Err(refusal) => {
            let mut len = 0_usize;
            refusal.pieces(|piece| len = len.saturating_add(piece.len()));
            body.writer.begin_text(len);
            refusal.pieces(|piece| body.writer.piece(piece));
        }
    }
}
