//! A hub under test: what it sends, as lines of text.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::document::DocumentRef;
use crate::hub::{Config, HandleError, HubEngine, InMemory};
use crate::protocol::{Audience, Cause, Get, Message, RequestId, TwinId, UpdateRequest, Versions};
use crate::time::{Duration, Instant, Now, Timestamp};
use crate::twin::Update;
use crate::twin::tests::model::{json, text};

pub(super) struct Bench {
    pub(super) hub: HubEngine<InMemory, 1024>,
    pub(super) now: Now,
}

/// The twin `text`: a device, or a device and a name.
pub(super) fn id(text: &str) -> TwinId<'_> {
    match text.split_once('/') {
        Some((device, name)) => TwinId::new(device, Some(name)),
        None => TwinId::new(text, None),
    }
    .unwrap()
}

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        Self {
            hub: HubEngine::new(InMemory::new(), config),
            now: Now::new(Instant::ZERO, Timestamp::from_secs(1_000)),
        }
    }

    /// Lets both clocks go on.
    pub(super) fn wait(&mut self, millis: u64) {
        self.now = Now::new(
            self.now.instant + Duration::from_millis(millis),
            Timestamp::from_millis(self.now.wall.as_millis() + millis),
        );
    }

    /// Hands in a message and returns all that the hub sends.
    pub(super) fn handle(&mut self, twin: &str, message: Message<'_>) -> Vec<String> {
        self.hub
            .handle_message(self.now, id(twin), message)
            .unwrap();
        self.drain()
    }

    pub(super) fn get(&mut self, twin: &str) -> Vec<String> {
        let get = Get {
            id: RequestId::new("g"),
            ..Get::default()
        };
        self.handle(twin, Message::Get(get))
    }

    pub(super) fn merge(&mut self, twin: &str, patch: &str) -> Vec<String> {
        let patch = json(patch);
        self.update(twin, Update::merge(patch.as_ref()))
    }

    pub(super) fn update(&mut self, twin: &str, update: Update<'_>) -> Vec<String> {
        let id = RequestId::new("u");
        self.handle(twin, Message::Update(UpdateRequest { id, update }))
    }

    pub(super) fn delete(&mut self, twin: &str) -> Vec<String> {
        self.handle(twin, Message::Delete(RequestId::new("d")))
    }

    pub(super) fn drain(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            // Each message is looked at twice: dropping it keeps it pending.
            let Some(first) = self.hub.poll_transmit().map(|transmit| {
                line(
                    transmit.id,
                    transmit.audience,
                    transmit.message,
                    self.now.wall,
                )
            }) else {
                break;
            };
            assert_eq!(
                self.hub
                    .handle_message(self.now, id("other"), Message::Delete(None)),
                Err(HandleError::Busy)
            );
            let transmit = self.hub.poll_transmit().unwrap();
            let again = line(
                transmit.id,
                transmit.audience,
                transmit.message,
                self.now.wall,
            );
            assert_eq!(first, again);
            lines.push(first);
            transmit.sent();
        }
        assert!(!self.hub.is_busy());
        lines
    }
}

/// `audience twin#request what versions content`.
fn line(id: TwinId<'_>, audience: Audience, message: Message<'_>, now: Timestamp) -> String {
    let doc = |document: DocumentRef<'_>| text(document);
    let (request, timestamp, rest) = match message {
        Message::GetAccepted(snapshot) => (
            snapshot.id,
            snapshot.timestamp,
            format!(
                "got {} {}",
                counts(snapshot.versions),
                doc(snapshot.document)
            ),
        ),
        Message::GetUnchanged(accepted) => (
            accepted.id,
            accepted.timestamp,
            format!("unchanged {}", counts(accepted.versions)),
        ),
        Message::UpdateAccepted(accepted) => (
            accepted.id,
            accepted.timestamp,
            format!(
                "updated {} {}",
                counts(accepted.versions),
                doc(accepted.patch.unwrap())
            ),
        ),
        Message::DeleteAccepted(accepted) => (
            accepted.id,
            accepted.timestamp,
            format!("deleted {}", counts(accepted.versions)),
        ),
        Message::Rejected(rejection) => {
            let Cause::Twin(cause) = rejection.cause else {
                panic!("{rejection:?}")
            };
            assert_eq!(cause.status(), rejection.status);
            (
                rejection.id,
                rejection.timestamp,
                format!("{:?} rejected: {cause}", rejection.request),
            )
        }
        Message::Delta(delta) => (
            delta.id,
            delta.timestamp,
            format!(
                "delta {} {} {}",
                counts(delta.versions),
                doc(delta.patch),
                doc(delta.metadata)
            ),
        ),
        Message::DesiredPatch(delta) => (
            delta.id,
            delta.timestamp,
            format!("desired {} {}", counts(delta.versions), doc(delta.patch)),
        ),
        Message::GetPatched(patched) => (
            patched.id,
            patched.timestamp,
            format!(
                "patched {} {}",
                counts(patched.versions),
                doc(patched.patch)
            ),
        ),
        Message::Desired(snapshot) => (
            snapshot.id,
            snapshot.timestamp,
            format!(
                "whole {} {}",
                counts(snapshot.versions),
                doc(snapshot.document)
            ),
        ),
        Message::Changed(changed) => {
            let previous = changed.previous.map_or_else(
                || "nothing".to_string(),
                |(document, versions)| format!("{} {}", counts(versions), doc(document)),
            );
            let current = format!("{} {}", counts(changed.versions), doc(changed.current));
            (
                changed.id,
                changed.timestamp,
                format!("changed {previous} -> {current}"),
            )
        }
        request => panic!("a hub sends no {request:?}"),
    };
    assert_eq!(timestamp, now);
    let request = request.map_or("", RequestId::as_str);
    let to = match audience {
        Audience::Asker => "asker",
        Audience::Listeners => "all",
    };
    format!("{to} {id}#{request} {rest}")
}

fn counts(versions: Versions) -> String {
    format!(
        "v{}.{}.{}",
        versions.twin, versions.desired, versions.reported
    )
}
