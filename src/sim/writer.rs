//! A back-end application: writes, and listens to what becomes of the twin.

use alloc::string::String;
use alloc::vec;
use core::fmt::Write;

use crate::document::{DocumentMut, DocumentRef, MAX_DOCUMENT};
use crate::protocol::{Message, RequestId, UpdateRequest};
use crate::twin::{Origin, Precondition, Section, Update, Version};

pub(super) struct Writer {
    /// The version of the last accepted update, whoever asked for it.
    heard: Version,
    requests: u32,
}

impl Writer {
    pub(super) const fn new() -> Self {
        Self {
            heard: Version::ZERO,
            requests: 0,
        }
    }

    pub(super) const fn hear(&mut self, version: Version) {
        self.heard = version;
    }

    /// Words a change as a request and hands it to `send`.
    pub(super) fn write(&mut self, change: Change<'_>, send: &mut dyn FnMut(Message<'_>)) {
        self.requests = self.requests.wrapping_add(1);
        let mut token = String::new();
        let _ = write!(token, "writer-{}", self.requests);
        let request = RequestId::new(&token);
        let mut bytes = vec![0; MAX_DOCUMENT];
        let mut len = 0;
        let Ok(mut document) = DocumentMut::new(&mut bytes, &mut len) else {
            return;
        };
        let message = match change {
            Change::Delete => Message::Delete(request),
            Change::Section(section, patch, conditional) => {
                let map = patch.root();
                if document.set(&[section.key()], map).is_err() {
                    return;
                }
                let precondition = if conditional && self.heard != Version::ZERO {
                    Precondition::Version(self.heard)
                } else {
                    Precondition::Any
                };
                let update = Update::merge(document.as_ref())
                    .with_origin(Origin::Service)
                    .with_precondition(precondition);
                Message::Update(UpdateRequest {
                    id: request,
                    update,
                })
            }
        };
        send(message);
    }
}

/// The twin's version after an update, if that is what a message says.
pub(super) const fn version_after(message: &Message<'_>) -> Option<Version> {
    if let Message::UpdateAccepted(accepted) = message {
        Some(accepted.versions.twin)
    } else {
        None
    }
}

/// What a back-end does to a twin.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    Delete,
    /// Merges a patch into a section, perhaps under the version that was heard of last.
    Section(Section, DocumentRef<'a>, bool),
}
