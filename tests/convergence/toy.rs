//! A protocol over datagrams that is as small as can be: each datagram is a document with one message; a
//! request is sent each second until it is answered, five times at most; the hub remembers who watches.

use std::collections::VecDeque;

use twinsync::document::{Document, DocumentMut, DocumentRef};
use twinsync::error::Status;
use twinsync::protocol::{
    Accepted, Cause, Get, Known, Message, Patched, Rejection, RequestId, RequestKind, Snapshot,
    TwinId, UpdateRequest, Versions, Wanted,
};
use twinsync::sim::{Datagrams, DeviceSocket, HubSocket, Incoming, Replies, Serve, Unsent};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync::twin::{ETag, Origin, Precondition, Section, Update, Version};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Toy;

type Words = Document<16_384>;

/// What is on its way to be answered.
struct Pending {
    id: String,
    datagram: Vec<u8>,
    due: Instant,
    left: u8,
}

#[derive(Default)]
pub(crate) struct Device {
    pending: Option<Pending>,
}

#[derive(Default)]
pub(crate) struct Hub {
    watched: bool,
    outbox: VecDeque<Vec<u8>>,
}

impl Datagrams for Toy {
    type Device = Device;
    type Hub = Hub;

    fn device(&mut self) -> Device {
        Device::default()
    }

    fn hub(&mut self) -> Hub {
        Hub::default()
    }
}

impl Device {
    fn send(&mut self, now: Instant, id: &str, words: &Words) {
        self.pending = Some(Pending {
            id: id.to_owned(),
            datagram: words.as_ref().as_bytes().to_vec(),
            due: now,
            left: 5,
        });
    }
}

impl DeviceSocket for Device {
    fn subscribe(&mut self, now: Instant, _: TwinId<'_>) {
        self.send(now, "watch", &words("watch", None));
    }

    fn request(
        &mut self,
        now: Instant,
        _: TwinId<'_>,
        message: &Message<'_>,
        _: Wanted,
        room: usize,
    ) -> Result<(), Unsent> {
        let (words, id) = match message {
            Message::Get(get) => {
                let mut words = words("get", get.id);
                if let Some(known) = get.known {
                    set_versions(&mut words, known.versions);
                    set_etag(&mut words, known.desired);
                }
                (words, get.id)
            }
            Message::Update(UpdateRequest { id, update }) => {
                let mut words = words("update", *id);
                words.set(&["patch"], update.patch).unwrap();
                if let Precondition::SectionVersion(Section::Reported, version) =
                    update.precondition
                {
                    words.set(&["if"], version.as_u64().cast_signed()).unwrap();
                }
                (words, *id)
            }
            _ => return Err(Unsent::Unsupported),
        };
        let needed = words.as_ref().as_bytes().len();
        if needed > room {
            return Err(Unsent::TooLarge { needed });
        }
        self.send(now, id.unwrap().as_str(), &words);
        Ok(())
    }

    fn handle_datagram(
        &mut self,
        _: Instant,
        _: TwinId<'_>,
        datagram: &[u8],
        _: Wanted,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
    ) {
        let words = DocumentRef::from_bytes(datagram).unwrap();
        let id = words.read::<&str>(&["id"]).unwrap_or_default();
        if self
            .pending
            .as_ref()
            .is_some_and(|pending| pending.id == id)
        {
            self.pending = None;
        }
        let needed = datagram.len();
        if needed > scratch.capacity() {
            take(Incoming::Oversized { needed });
            return;
        }
        let (request, versions) = (RequestId::new(id), versions(words));
        let timestamp = Timestamp::EPOCH;
        let document = words.at(&["document"]).unwrap_or(DocumentRef::EMPTY);
        let snapshot = Snapshot {
            id: request,
            document,
            versions,
            timestamp,
        };
        let accepted = Accepted {
            id: request,
            versions,
            patch: None,
            timestamp,
        };
        let rejected = |kind, status| {
            Message::Rejected(Rejection {
                id: request,
                request: kind,
                status,
                cause: Cause::Unstated,
                timestamp,
            })
        };
        take(Incoming::Message(match words.read(&["kind"]).unwrap() {
            "watching" => {
                take(Incoming::Subscribed);
                return;
            }
            "got" => Message::GetAccepted(snapshot),
            "desired" => Message::Desired(snapshot),
            "unchanged" => Message::GetUnchanged(accepted),
            "updated" => Message::UpdateAccepted(accepted),
            "patched" => Message::GetPatched(Patched {
                id: request,
                patch: document,
                desired: etag(words),
                versions,
                timestamp,
            }),
            "none" => rejected(RequestKind::Get, Status::NotFound),
            "failed" => rejected(RequestKind::Update, Status::PreconditionFailed),
            other => panic!("{other}"),
        }));
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let pending = self.pending.as_mut().filter(|pending| pending.due <= now)?;
        pending.due = now + Duration::from_secs(1);
        pending.left -= 1;
        let datagram = pending.datagram.clone();
        if pending.left == 0 {
            self.pending = None;
        }
        Some(datagram)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.due)
    }
}

impl HubSocket for Hub {
    fn handle_datagram(
        &mut self,
        _: Now,
        datagram: &[u8],
        _: DocumentMut<'_>,
        serve: &mut Serve<'_>,
    ) {
        let words = DocumentRef::from_bytes(datagram).unwrap();
        let id = RequestId::new(words.read::<&str>(&["id"]).unwrap_or_default());
        let message = match words.read(&["kind"]).unwrap() {
            "watch" => {
                self.watched = true;
                let mut answer = self::words("watching", None);
                answer.set(&["id"], "watch").unwrap();
                self.outbox.push_back(answer.as_ref().as_bytes().to_vec());
                return;
            }
            "get" => Message::Get(Get {
                id,
                known: words.at(&["etag"]).map(|_| Known {
                    versions: versions(words),
                    desired: etag(words),
                }),
                known_etag: None,
            }),
            "update" => {
                let precondition = match words.read::<u64>(&["if"]) {
                    Ok(version) => {
                        Precondition::SectionVersion(Section::Reported, Version::new(version))
                    }
                    Err(_) => Precondition::Any,
                };
                let update = Update::merge(words.at(&["patch"]).unwrap())
                    .with_origin(Origin::Device)
                    .with_precondition(precondition);
                Message::Update(UpdateRequest { id, update })
            }
            other => panic!("{other}"),
        };
        let (outbox, watched) = (&mut self.outbox, self.watched);
        let lamp = TwinId::new("lamp", None).unwrap();
        let mut replies: Box<Replies<'_>> = Box::new(|_, _, message| {
            let told = !matches!(message, Message::Desired(_)) || watched;
            outbox.extend(spell(message).filter(|_| told));
        });
        serve(lamp, message, &mut *replies);
    }

    fn notify(&mut self, _: Now, _: TwinId<'_>, message: &Message<'_>) {
        if self.watched {
            self.outbox.extend(spell(message));
        }
    }

    fn handle_timeout(&mut self, _: Now, _: &mut Serve<'_>) {}

    fn poll_transmit(&mut self, _: Instant) -> Option<Vec<u8>> {
        self.outbox.pop_front()
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        (!self.outbox.is_empty()).then_some(Instant::ZERO)
    }
}

/// What the hub says, for the device.
fn spell(message: &Message<'_>) -> Option<Vec<u8>> {
    let words = match message {
        Message::GetAccepted(snapshot) => {
            let mut words = words("got", snapshot.id);
            for key in ["desired", "reported"] {
                if let Some(section) = snapshot.document.at(&[key]) {
                    words.set(&["document", key], section).unwrap();
                }
            }
            set_versions(&mut words, snapshot.versions);
            words
        }
        Message::Desired(snapshot) => {
            let mut words = words("desired", None);
            words.set(&["document"], snapshot.document).unwrap();
            set_versions(&mut words, snapshot.versions);
            words
        }
        Message::GetUnchanged(accepted) => {
            let mut words = words("unchanged", accepted.id);
            set_versions(&mut words, accepted.versions);
            words
        }
        Message::GetPatched(patched) => {
            let mut words = words("patched", patched.id);
            words.set(&["document"], patched.patch).unwrap();
            set_versions(&mut words, patched.versions);
            set_etag(&mut words, patched.desired);
            words
        }
        Message::UpdateAccepted(accepted) => {
            let mut words = words("updated", accepted.id);
            set_versions(&mut words, accepted.versions);
            words
        }
        Message::Rejected(rejection) => match rejection.request {
            RequestKind::Get => words("none", rejection.id),
            _ => words("failed", rejection.id),
        },
        _ => return None,
    };
    Some(words.as_ref().as_bytes().to_vec())
}

fn words(kind: &str, id: Option<RequestId<'_>>) -> Words {
    let mut words = Words::new();
    words.set(&["kind"], kind).unwrap();
    if let Some(id) = id {
        words.set(&["id"], id.as_str()).unwrap();
    }
    words
}

fn set_versions(words: &mut Words, versions: Versions) {
    for (key, version) in [
        ("t", versions.twin),
        ("d", versions.desired),
        ("r", versions.reported),
    ] {
        words.set(&[key], version.as_u64().cast_signed()).unwrap();
    }
}

fn versions(words: DocumentRef<'_>) -> Versions {
    let version = |key| Version::new(words.read(&[key]).unwrap_or_default());
    Versions {
        twin: version("t"),
        desired: version("d"),
        reported: version("r"),
    }
}

fn set_etag(words: &mut Words, etag: ETag) {
    let number = i64::from_be_bytes(*etag.as_bytes());
    words.set(&["etag"], number).unwrap();
}

fn etag(words: DocumentRef<'_>) -> ETag {
    let number: i64 = words.read(&["etag"]).unwrap();
    ETag::from_bytes(number.to_be_bytes())
}
