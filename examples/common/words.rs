//! Messages and documents in words, for a terminal.

#![allow(dead_code, reason = "each example uses its own part of this file")]

use twinsync::adapter::aws::status;
use twinsync::codec::json;
use twinsync::document::{DocumentRef, Value};
use twinsync::protocol::{Cause, Message, RequestKind};
use twinsync::twin::Precondition;

/// A document as JSON text.
pub(crate) fn text(document: DocumentRef<'_>) -> String {
    value_text(document.root())
}

/// A value as JSON text.
pub(crate) fn value_text(value: Value<'_>) -> String {
    let mut counter = json::Writer::counting();
    counter.value(value);
    let mut text = vec![0; counter.len()];
    json::Writer::new(&mut text).value(value);
    String::from_utf8_lossy(&text).into_owned()
}

/// What a message says, in one line.
pub(crate) fn words(message: &Message<'_>) -> String {
    match message {
        Message::Get(_) => "get".to_owned(),
        Message::Update(request) => {
            let patch = text(request.update.patch);
            match request.update.precondition {
                Precondition::Any => format!("update {patch}"),
                Precondition::Version(version) => format!("update {patch} if version {version}"),
                other => format!("update {patch} if {other:?}"),
            }
        }
        Message::Delete(_) => "delete".to_owned(),
        Message::GetAccepted(snapshot) => {
            let version = snapshot.versions.twin;
            format!("get accepted: version {version}")
        }
        Message::GetUnchanged(accepted) => {
            format!("get accepted: still version {}", accepted.versions.twin)
        }
        Message::UpdateAccepted(accepted) => {
            format!("update accepted: version {}", accepted.versions.twin)
        }
        Message::DeleteAccepted(accepted) => {
            format!("delete accepted: was version {}", accepted.versions.twin)
        }
        Message::Rejected(rejection) => {
            let request = match rejection.request {
                RequestKind::Get => "get",
                RequestKind::Update => "update",
                RequestKind::Delete => "delete",
            };
            let code = status::code(rejection.status);
            match rejection.cause {
                Cause::Twin(cause) => format!("{request} rejected: {code} {cause}"),
                Cause::Text(cause) => format!("{request} rejected: {code} {cause}"),
                _ => format!("{request} rejected: {code} {}", rejection.status),
            }
        }
        Message::Delta(delta) => {
            let version = delta.versions.twin;
            format!("delta {}, version {version}", text(delta.patch))
        }
        Message::DesiredPatch(patch) => {
            let version = patch.versions.desired;
            format!("desired patch {}, version {version}", text(patch.patch))
        }
        Message::Desired(desired) => {
            let version = desired.versions.desired;
            format!("notified: {}, version {version}", text(desired.document))
        }
        Message::GetPatched(patched) => {
            let version = patched.versions.desired;
            format!("get accepted: {}, version {version}", text(patched.patch))
        }
        Message::Changed(changed) => format!("documents: version {}", changed.versions.twin),
        other => format!("{other:?}"),
    }
}
