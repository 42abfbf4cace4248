//! A back-end application: writes, and listens to what becomes of the twin.

use alloc::string::String;
use alloc::vec;
use core::fmt::Write;

use super::broker::ClientId;
use super::dialect::{Dialect, Incoming};
use super::network::{Arrival, Network};
use crate::document::{DocumentMut, DocumentRef, MAX_DOCUMENT};
use crate::protocol::{Message, RequestId, TwinId, UpdateRequest, Wanted};
use crate::time::Instant;
use crate::twin::{Origin, Precondition, Section, Update, Version};

pub(super) struct Writer {
    pub(super) client: ClientId,
    /// The version of the last accepted update, whoever asked for it.
    heard: Version,
    requests: u32,
}

impl Writer {
    pub(super) const fn new(client: ClientId) -> Self {
        Self {
            client,
            heard: Version::ZERO,
            requests: 0,
        }
    }

    pub(super) fn connect<L: Dialect>(
        &self,
        now: Instant,
        network: &mut Network,
        dialect: &L,
        id: TwinId<'_>,
    ) {
        network.handle_connected(self.client, false);
        network.subscribe(now, self.client, dialect.client_filters(id));
    }

    pub(super) fn handle_arrival<L: Dialect>(
        &mut self,
        arrival: &Arrival,
        dialect: &L,
        id: TwinId<'_>,
    ) {
        let Arrival::Message(packet) = arrival else {
            return;
        };
        let mut bytes = vec![0; MAX_DOCUMENT];
        let mut len = 0;
        let Ok(scratch) = DocumentMut::new(&mut bytes, &mut len) else {
            return;
        };
        let heard = &mut self.heard;
        let wanted = Wanted::Sections;
        dialect.decode_answer(id, packet, wanted, scratch, &mut |incoming| {
            if let Incoming::Message(Message::UpdateAccepted(accepted)) = incoming {
                *heard = accepted.versions.twin;
            }
        });
    }

    pub(super) fn write<L: Dialect>(
        &mut self,
        now: Instant,
        network: &mut Network,
        dialect: &L,
        id: TwinId<'_>,
        change: Change<'_>,
    ) {
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
        if let Ok(packet) = dialect.encode_request(id, &message, MAX_DOCUMENT) {
            network.publish(now, self.client, packet);
        }
    }
}

/// What a back-end does to a twin.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change<'a> {
    Delete,
    /// Merges a patch into a section, perhaps under the version that was heard of last.
    Section(Section, DocumentRef<'a>, bool),
}
