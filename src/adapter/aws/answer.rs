//! The service's side: answers and events out.

use super::client::write_token;
use super::policy::{NewVersion, PreviousOfNew, TooLargeText};
use super::service::{Fault, Refusal, Service};
use super::shape::{self, Stamp};
use super::status;
use super::topic::{Purpose, Topic};
use crate::adapter::EncodeError;
use crate::adapter::Publish;
use crate::codec::json::Writer;
use crate::document::DocumentRef;
use crate::document::Map;
use crate::document::Value;
use crate::error::Status;
use crate::protocol::Cause;
use crate::protocol::Changed;
use crate::protocol::Delta;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::protocol::RequestId;
use crate::protocol::RequestKind;
use crate::protocol::TwinId;
use crate::protocol::Versions;
use crate::time::Timestamp;
use crate::twin::Rejected;
use crate::twin::Section;
use crate::twin::Version;

impl Service {
    /// Writes an answer or an event about `id` into `out`: topic and payload, one after the other.
    ///
    /// Every subscriber of the topic sees it; the client token tells the asker which answer is its own.
    /// Cost: linear in the documents.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`] says how long topic and payload are together;
    /// [`EncodeError::Unsupported`] for what AWS has no words for: requests,
    /// [`Message::GetUnchanged`], [`Message::DesiredPatch`], an accepted update without its patch, or whose
    /// patch names tags: every subscriber of the topic would see them.
    pub fn encode<'o>(
        &self,
        id: TwinId<'_>,
        message: &Message<'_>,
        out: &'o mut [u8],
    ) -> Result<Publish<'o>, EncodeError> {
        let purpose = match message {
            Message::GetAccepted(_) => Purpose::GetAccepted,
            Message::UpdateAccepted(_) => Purpose::UpdateAccepted,
            Message::DeleteAccepted(_) => Purpose::DeleteAccepted,
            Message::Rejected(rejection) => rejected(rejection.request),
            Message::Delta(_) => Purpose::UpdateDelta,
            Message::Changed(_) => Purpose::UpdateDocuments,
            Message::Get(_)
            | Message::Update(_)
            | Message::Delete(_)
            | Message::GetUnchanged(_)
            | Message::GetPatched(_)
            | Message::DesiredPatch(_)
            | Message::Desired(_) => return Err(EncodeError::Unsupported),
        };
        let mut writer = Writer::new(&mut *out);
        Topic { id, purpose }.write(&mut writer);
        let topic = writer.len();
        writer.raw("{");
        match message {
            Message::GetAccepted(snapshot) => {
                shadow(snapshot.document, true, &mut writer);
                versions(snapshot.versions, &mut writer);
                end(snapshot.timestamp, snapshot.id, &mut writer);
            }
            Message::UpdateAccepted(accepted) => {
                let patch = accepted.patch.ok_or(EncodeError::Unsupported)?;
                if patch.at(&[Section::Tags.key()]).is_some() {
                    // The topic is the device's, too, and tags are none of its business.
                    return Err(EncodeError::Unsupported);
                }
                writer.raw("\"state\":");
                writer.document(patch);
                writer.raw(",\"metadata\":");
                shape::metadata(patch.root(), Stamp::At(accepted.timestamp), &mut writer);
                versions(accepted.versions, &mut writer);
                end(accepted.timestamp, accepted.id, &mut writer);
            }
            Message::DeleteAccepted(accepted) => {
                writer.raw("\"version\":");
                writer.unsigned(accepted.versions.twin.as_u64());
                end(accepted.timestamp, accepted.id, &mut writer);
            }
            Message::Delta(delta) => write_delta(delta, &mut writer),
            Message::Changed(changed) => self.changed(changed, &mut writer),
            Message::Rejected(rejection) => self.rejection(id, rejection, &mut writer),
            Message::Get(_)
            | Message::Update(_)
            | Message::Delete(_)
            | Message::GetUnchanged(_)
            | Message::GetPatched(_)
            | Message::DesiredPatch(_)
            | Message::Desired(_) => return Err(EncodeError::Unsupported),
        }
        let len = writer.finish()?;
        Ok(Publish::cut(out, topic, len))
    }

    /// Writes the answer to a request that [`Service::decode`] refused.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`] says how long topic and payload are together.
    pub fn refuse<'o>(
        &self,
        refusal: &Refusal<'_>,
        now: Timestamp,
        out: &'o mut [u8],
    ) -> Result<Publish<'o>, EncodeError> {
        let mut writer = Writer::new(&mut *out);
        let topic = Topic {
            id: refusal.id,
            purpose: rejected(refusal.request),
        };
        topic.write(&mut writer);
        let topic = writer.len();
        writer.raw("{\"code\":");
        writer.unsigned(u64::from(status::code(refusal.fault.status())));
        writer.raw(",\"message\":");
        let text = match refusal.fault {
            Fault::Json(_) => status::INVALID_JSON,
            Fault::Encoding => status::text(Status::UnsupportedEncoding),
            Fault::Token => status::INVALID_TOKEN,
            Fault::StateMissing => status::MISSING_STATE,
            Fault::StateType => status::STATE_NOT_AN_OBJECT,
            Fault::SectionType(section) => not_an_object(section),
            Fault::Version => status::INVALID_VERSION,
            Fault::TooLarge => status::TOO_LARGE,
            Fault::TooDeep => status::TOO_DEEP,
            Fault::UnknownNode(_) => status::INVALID_NODE,
        };
        if let Fault::UnknownNode(key) = refusal.fault {
            quoted(text, ": '", key, &mut writer);
        } else if refusal.fault == Fault::TooDeep {
            too_deep(self.policy.max_nesting, &mut writer);
        } else {
            writer.string(text);
        }
        self.end_of_error(now, refusal.token, &mut writer);
        let len = writer.finish()?;
        Ok(Publish::cut(out, topic, len))
    }

    fn changed(&self, changed: &Changed<'_>, writer: &mut Writer<'_>) {
        match changed.previous {
            Some((document, its)) => {
                writer.raw("\"previous\":{");
                shadow(document, false, writer);
                versions(its, writer);
                writer.raw("},");
            }
            None if self.policy.previous_of_new == PreviousOfNew::Null => {
                writer.raw("\"previous\":null,");
            }
            None => {}
        }
        writer.raw("\"current\":{");
        shadow(changed.current, false, writer);
        versions(changed.versions, writer);
        writer.raw("}");
        end(changed.timestamp, changed.id, writer);
    }

    fn rejection(&self, id: TwinId<'_>, rejection: &Rejection<'_>, writer: &mut Writer<'_>) {
        let mut status = rejection.status;
        if self.is_invalid_version(rejection.cause) {
            status = Status::Invalid;
        }
        writer.raw("\"code\":");
        writer.unsigned(u64::from(status::code(status)));
        writer.raw(",\"message\":");
        match rejection.cause {
            Cause::Text(text) => writer.string(text),
            Cause::Twin(cause) => self.cause(id, cause, writer),
            Cause::Unstated if status == Status::NotFound => no_shadow(id, writer),
            Cause::Unstated => writer.string(status::text(status)),
        }
        self.end_of_error(rejection.timestamp, rejection.id, writer);
    }

    /// The service's words for what the twin says.
    fn cause(&self, id: TwinId<'_>, cause: Rejected, writer: &mut Writer<'_>) {
        match cause {
            Rejected::NotFound => no_shadow(id, writer),
            Rejected::Conflict { .. } if self.is_invalid_version(Cause::Twin(cause)) => {
                writer.string(status::INVALID_VERSION);
            }
            Rejected::UnknownSection => writer.string(status::INVALID_NODE),
            Rejected::NotAMap(section) => writer.string(not_an_object(section)),
            Rejected::NullInArray(_) => writer.string(self.policy.null_in_array_text),
            Rejected::TooDeep { limit, .. } => too_deep(limit, writer),
            Rejected::TooLarge { size, limit }
                if self.policy.too_large_text == TooLargeText::Sizes =>
            {
                writer.raw("\"Json document too large.  Size is ");
                count(size, writer);
                writer.raw(", max allowed: ");
                count(limit, writer);
                writer.raw("\"");
            }
            Rejected::Refused(refusal) => {
                // Its texts come from tables; what JSON must escape is escaped.
                writer.raw("\"");
                refusal.pieces(|piece| writer.string_part(piece));
                writer.raw("\"");
            }
            Rejected::Conflict { .. }
            | Rejected::PreconditionFailed
            | Rejected::Forbidden(_)
            | Rejected::TooLarge { .. }
            | Rejected::Capacity(_)
            | Rejected::Throttled
            | Rejected::Unavailable => writer.string(status::text(cause.status())),
        }
    }

    /// Whether the conflict is that of a version for a shadow that does not exist.
    fn is_invalid_version(&self, cause: Cause<'_>) -> bool {
        let of_new = matches!(
            cause,
            Cause::Twin(Rejected::Conflict {
                actual: Version::ZERO,
                ..
            })
        );
        of_new && self.policy.new_version == NewVersion::First
    }

    fn end_of_error(
        &self,
        timestamp: Timestamp,
        id: Option<RequestId<'_>>,
        writer: &mut Writer<'_>,
    ) {
        if self.policy.timestamp_in_errors {
            end(timestamp, id, writer);
        } else {
            end_with_token(id, writer);
        }
    }
}

const fn rejected(request: RequestKind) -> Purpose {
    match request {
        RequestKind::Get => Purpose::GetRejected,
        RequestKind::Update => Purpose::UpdateRejected,
        RequestKind::Delete => Purpose::DeleteRejected,
    }
}

const fn not_an_object(section: Section) -> &'static str {
    match section {
        Section::Desired => status::DESIRED_NOT_AN_OBJECT,
        Section::Reported => status::REPORTED_NOT_AN_OBJECT,
        // AWS has no tags: the node is unknown.
        Section::Tags => status::INVALID_NODE,
    }
}

/// Writes the members `state` and `metadata` of a twin's document; `with_delta` as a get has it.
fn shadow(document: DocumentRef<'_>, with_delta: bool, writer: &mut Writer<'_>) {
    let section = |section: Section| {
        document
            .value(&[section.key()])
            .and_then(Value::as_map)
            .unwrap_or(Map::EMPTY)
    };
    let sections = [
        (Section::Desired, section(Section::Desired)),
        (Section::Reported, section(Section::Reported)),
    ];
    let held = || sections.iter().filter(|(_, map)| !map.is_empty());
    writer.raw("\"state\":{");
    for (index, (section, map)) in held().enumerate() {
        name(index, section.key(), writer);
        writer.document(map.as_document());
    }
    if with_delta {
        shape::delta(
            section(Section::Desired),
            section(Section::Reported),
            writer,
        );
    }
    writer.raw("},\"metadata\":{");
    let metadata = |section: Section| document.value(&["metadata", section.key()]);
    for (index, (section, map, stamps)) in held()
        .filter_map(|(section, map)| Some((section, map, metadata(*section)?)))
        .enumerate()
    {
        name(index, section.key(), writer);
        shape::metadata(Value::Map(*map), Stamp::Of(stamps), writer);
    }
    writer.raw("}");
}

fn write_delta(delta: &Delta<'_>, writer: &mut Writer<'_>) {
    writer.raw("\"state\":");
    writer.document(delta.patch);
    writer.raw(",\"metadata\":");
    if delta.metadata.is_empty() {
        writer.raw("{}");
    } else {
        let stamp = Stamp::Of(delta.metadata.root());
        shape::metadata(delta.patch.root(), stamp, writer);
    }
    versions(delta.versions, writer);
    end(delta.timestamp, delta.id, writer);
}

fn name(index: usize, key: &str, writer: &mut Writer<'_>) {
    writer.raw(if index == 0 { "\"" } else { ",\"" });
    writer.raw(key);
    writer.raw("\":");
}

fn versions(versions: Versions, writer: &mut Writer<'_>) {
    writer.raw(",\"version\":");
    writer.unsigned(versions.twin.as_u64());
}

fn end(timestamp: Timestamp, id: Option<RequestId<'_>>, writer: &mut Writer<'_>) {
    writer.raw(",\"timestamp\":");
    writer.unsigned(timestamp.as_secs());
    end_with_token(id, writer);
}

fn end_with_token(id: Option<RequestId<'_>>, writer: &mut Writer<'_>) {
    if let Some(id) = id {
        writer.raw(",");
        write_token(id, writer);
    }
    writer.raw("}");
}

fn no_shadow(id: TwinId<'_>, writer: &mut Writer<'_>) {
    quoted(
        status::NO_SHADOW,
        "",
        id.name().unwrap_or_else(|| id.device()),
        writer,
    );
}

fn too_deep(limit: usize, writer: &mut Writer<'_>) {
    writer.raw("\"");
    writer.raw(status::TOO_DEEP);
    count(limit, writer);
    writer.raw("\"");
}

/// Writes words and, after them, a name in single quotation marks (the first is part of the words).
fn quoted(text: &str, colon: &str, name: &str, writer: &mut Writer<'_>) {
    writer.raw("\"");
    writer.raw(text);
    writer.raw(colon);
    writer.string_part(name);
    writer.raw("'\"");
}

fn count(count: usize, writer: &mut Writer<'_>) {
    writer.unsigned(u64::try_from(count).unwrap_or(u64::MAX));
}
