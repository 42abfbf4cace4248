//! The service's side: answers and notifications out.

use super::calendar;
use super::service::{Fault, Refusal, Service, VERSION, number_of};
use super::status;
use super::topic::Purpose;
use crate::adapter::EncodeError;
use crate::adapter::Publish;
use crate::codec::json::Writer;
use crate::document::DocumentRef;
use crate::error::Status;
use crate::protocol::Cause;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::time::Timestamp;
use crate::twin::Rejected;
use crate::twin::Section;

impl Service {
    /// Writes an answer or a notification into `out`: topic and payload, one after the other. It is for the
    /// connection of the twin that the message is about, and no other: an answer always, whether its
    /// subscription was seen or not; [`Message::DesiredPatch`] if the device subscribes to
    /// [`Service::FILTERS`] and is there (IoT Hub keeps no twin notification for later).
    ///
    /// Tags and metadata never go to a device. Cost: linear in the documents.
    ///
    /// # Errors
    /// [`EncodeError::BufferTooSmall`] says how long topic and payload are together;
    /// [`EncodeError::Unsupported`] for what IoT Hub has no words for: requests, deltas, deletions,
    /// [`Message::Changed`], answers that are shorter than the twin.
    pub fn encode<'o>(
        &self,
        message: &Message<'_>,
        out: &'o mut [u8],
    ) -> Result<Publish<'o>, EncodeError> {
        let mut writer = Writer::new(&mut *out);
        let topic = match message {
            Message::GetAccepted(snapshot) => {
                let rid = snapshot.id.map_or("", |id| id.as_str());
                let topic = answer(200, rid, None, &mut writer);
                writer.raw("{");
                let versions = snapshot.versions;
                for (index, (section, version)) in [
                    (Section::Desired, versions.desired),
                    (Section::Reported, versions.reported),
                ]
                .into_iter()
                .enumerate()
                {
                    writer.raw(if index == 0 { "\"" } else { ",\"" });
                    writer.raw(section.key());
                    writer.raw("\":");
                    let map = snapshot.document.at(&[section.key()]);
                    with_version(
                        map.unwrap_or(DocumentRef::EMPTY),
                        number_of(version),
                        &mut writer,
                    );
                }
                writer.raw("}");
                topic
            }
            Message::UpdateAccepted(accepted) => {
                let rid = accepted.id.map_or("", |id| id.as_str());
                let version = number_of(accepted.versions.reported);
                answer(204, rid, Some(version), &mut writer)
            }
            Message::Rejected(rejection) => {
                let rid = rejection.id.map_or("", |id| id.as_str());
                let code = status::code(rejection.status);
                let topic = answer(code, rid, None, &mut writer);
                self.error(
                    rejection.status,
                    rid,
                    rejection.timestamp,
                    &mut writer,
                    |writer| self.rejection(rejection, true, writer),
                );
                topic
            }
            Message::DesiredPatch(change) => {
                let version = number_of(change.versions.desired);
                Purpose::Desired.write(&mut writer);
                writer.raw("?$version=");
                writer.unsigned(version);
                let topic = writer.len();
                with_version(change.patch, version, &mut writer);
                topic
            }
            Message::Get(_)
            | Message::Update(_)
            | Message::Delete(_)
            | Message::GetUnchanged(_)
            | Message::GetPatched(_)
            | Message::Desired(_)
            | Message::DeleteAccepted(_)
            | Message::Delta(_)
            | Message::Changed(_) => return Err(EncodeError::Unsupported),
        };
        let end = writer.finish()?;
        Ok(Publish::cut(out, topic, end))
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
        let status = refusal.fault.status();
        let topic = answer(status::code(status), refusal.rid, None, &mut writer);
        self.error(status, refusal.rid, now, &mut writer, |writer| {
            fault(refusal.fault, writer);
        });
        let end = writer.finish()?;
        Ok(Publish::cut(out, topic, end))
    }

    /// Writes an error body; `words` writes into the open string of its message. What the service tracks is
    /// the request's own id: there is no other.
    fn error(
        &self,
        status: Status,
        tracking: &str,
        now: Timestamp,
        writer: &mut Writer<'_>,
        words: impl FnOnce(&mut Writer<'_>),
    ) {
        writer.raw("{\"errorCode\":");
        writer.unsigned(status::error_code(status).into());
        writer.raw(",\"trackingId\":");
        writer.string(tracking);
        writer.raw(",\"message\":\"");
        words(writer);
        writer.raw("\",\"timestampUtc\":\"");
        calendar::write(now, self.policy.fraction_digits, writer);
        writer.raw("\"}");
    }

    /// Writes into an open string why the hub refused a request: a report of the device, or what a back-end
    /// wants.
    pub(super) fn rejection(
        &self,
        rejection: &Rejection<'_>,
        of_device: bool,
        writer: &mut Writer<'_>,
    ) {
        match rejection.cause {
            Cause::Text(text) => writer.string_part(text),
            Cause::Twin(cause) => self.cause(cause, of_device, writer),
            Cause::Unstated => writer.raw(status::text(rejection.status)),
        }
    }

    fn cause(&self, cause: Rejected, of_device: bool, writer: &mut Writer<'_>) {
        match cause {
            Rejected::NullInArray(_) => {
                writer.raw("Value of Property or Tag cannot be null.");
            }
            Rejected::TooDeep { .. } => too_deep(self.policy.max_depth, writer),
            Rejected::TooLarge { limit, .. } => {
                writer.raw("'");
                writer.raw(match of_device {
                    true => "Properties.Reported",
                    false if limit == self.policy.max_tags => "Tags",
                    false => "Properties.Desired",
                });
                writer.raw("' size should be less than ");
                writer.unsigned(u64::try_from(limit).unwrap_or(u64::MAX));
                writer.raw(" bytes.");
            }
            Rejected::Refused(refusal) => refusal.pieces(|piece| writer.string_part(piece)),
            Rejected::Capacity(error) => {
                writer.raw("The twin needs ");
                writer.unsigned(u64::try_from(error.needed).unwrap_or(u64::MAX));
                writer.raw(" bytes, this service keeps ");
                writer.unsigned(u64::try_from(error.capacity).unwrap_or(u64::MAX));
                writer.raw(".");
            }
            Rejected::NotAMap(section) => {
                writer.raw(section.key());
                writer.raw(" is not an object.");
            }
            Rejected::Forbidden(section) => {
                writer.raw(section.key());
                writer.raw(" may not be written.");
            }
            Rejected::NotFound
            | Rejected::Conflict { .. }
            | Rejected::PreconditionFailed
            | Rejected::UnknownSection
            | Rejected::Throttled
            | Rejected::Unavailable => writer.raw(status::text(cause.status())),
        }
    }
}

/// Writes the topic of an answer and returns its length.
fn answer(code: u16, rid: &str, version: Option<u64>, writer: &mut Writer<'_>) -> usize {
    Purpose::Answer(code).write(writer);
    writer.raw("?$rid=");
    writer.raw(rid);
    if let Some(version) = version {
        writer.raw("&$version=");
        writer.unsigned(version);
    }
    writer.len()
}

/// Writes a section, or a patch of one, and its version as its last member.
pub(super) fn with_version(map: DocumentRef<'_>, version: u64, writer: &mut Writer<'_>) {
    writer.raw("{");
    for (key, value) in map.entries() {
        writer.string(key);
        writer.raw(":");
        writer.value(value);
        writer.raw(",");
    }
    writer.raw("\"");
    writer.raw(VERSION);
    writer.raw("\":");
    writer.unsigned(version);
    writer.raw("}");
}

/// Writes into an open string why a request was refused.
pub(super) fn fault(fault: Fault<'_>, writer: &mut Writer<'_>) {
    match fault {
        Fault::Content(breach) => breach.write(writer),
        Fault::Json(Some(error)) => {
            writer.raw("The body is not valid JSON at byte ");
            writer.unsigned(u64::try_from(error.offset).unwrap_or(u64::MAX));
            writer.raw(".");
        }
        Fault::Json(None) => writer.raw("The body is not an object."),
        Fault::Encoding => writer.raw(status::text(Status::UnsupportedEncoding)),
        Fault::RequestId => writer.raw("The $rid is longer than 64 bytes."),
        Fault::Version => writer.raw("The $version is not a whole number."),
        Fault::OwnMember(key) => {
            writer.raw("Property name ");
            writer.string_part(key);
            writer.raw(" contains invalid character '$'");
        }
        Fault::SectionType(section) => {
            writer.raw(section.key());
            writer.raw(" is not an object.");
        }
        Fault::TooDeep => writer.raw("The body is nested too deep."),
        Fault::KeyTooLong => writer.raw("The length of a property name exceeds the maximum."),
        Fault::Number => writer.raw("A number has an out of bound value."),
        Fault::TooLarge => writer.raw(status::text(Status::TooLarge)),
        Fault::Precondition => writer.raw(status::text(Status::PreconditionFailed)),
        Fault::EntityTag => writer.raw("If-Match is not an entity tag in quotation marks."),
        Fault::Method => writer.raw("The method is not allowed here."),
        Fault::Path => writer.raw(status::text(Status::NotFound)),
    }
}

fn too_deep(limit: usize, writer: &mut Writer<'_>) {
    writer.raw("Nested depth of twin property exceeds ");
    writer.unsigned(u64::try_from(limit).unwrap_or(u64::MAX));
}
