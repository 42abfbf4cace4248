//! What a hub sends: one message after the other, each pending until it was taken.

use super::asker::Asker;
use super::config::Notify;
use crate::document::{self, DocumentMut, DocumentRef};
use crate::error::CapacityError;
use crate::protocol::{
    Accepted, Audience, Cause, Changed, Delta, Message, Patched, Rejection, RequestKind, Snapshot,
    TwinId, Versions,
};
use crate::time::Timestamp;
use crate::twin::{Applied, ETag, Mode, Rejected, Section, TwinRef};

/// A message to be sent, pending until [`Transmit::sent`]; dropping it keeps it pending.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Transmit<'a> {
    /// The twin that the message is about.
    pub id: TwinId<'a>,
    /// Who it is for.
    pub audience: Audience,
    /// What is to be sent.
    pub message: Message<'a>,
    stage: &'a mut Stage,
}

/// What is being sent about the last request.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) stage: Stage,
    pub(super) answer: Answer,
    pub(super) at: Timestamp,
    pub(super) mode: Mode,
    pub(super) created: bool,
    pub(super) named_desired: bool,
}

/// Which message is next.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Stage {
    Delta,
    DesiredPatch,
    Desired,
    Changed,
    Answer,
    Idle,
}

/// How a request is answered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Got,
    Unchanged(Versions),
    /// What changed in desired since stands in the scratch; desired as a whole has this tag.
    Patched(Versions, ETag),
    Updated,
    Deleted(Versions),
    Rejected(RequestKind, Rejected),
}

/// What messages are made of.
#[derive(Debug)]
pub(super) struct Buffers<'a> {
    pub(super) previous: TwinRef<'a>,
    pub(super) next: TwinRef<'a>,
    pub(super) patch: DocumentRef<'a>,
    pub(super) scratch: DocumentMut<'a>,
}

impl Turn {
    pub(super) const IDLE: Self = Self {
        stage: Stage::Idle,
        answer: Answer::Got,
        at: Timestamp::EPOCH,
        mode: Mode::Merge,
        created: false,
        named_desired: false,
    };
}

impl Turn {
    /// The notifications of an update that was applied, and then its answer.
    pub(super) const fn updated(&mut self, mode: Mode, applied: Applied) {
        self.stage = Stage::Delta;
        self.mode = mode;
        self.created = applied.created;
        self.named_desired = applied.named.desired;
    }
}

impl Stage {
    const fn after(self) -> Self {
        match self {
            Self::Delta => Self::DesiredPatch,
            Self::DesiredPatch => Self::Desired,
            Self::Desired => Self::Changed,
            Self::Changed => Self::Answer,
            Self::Answer | Self::Idle => Self::Idle,
        }
    }
}

impl<'a> Transmit<'a> {
    /// The message was handed to the transport (or can never be sent): the next one is due.
    pub fn sent(self) {
        *self.stage = self.stage.after();
    }

    /// Finds the next message that there is something to say in.
    pub(super) fn next(
        turn: &'a mut Turn,
        notify: &Notify,
        asker: &'a Asker,
        mut buffers: Buffers<'a>,
    ) -> Option<Self> {
        loop {
            let due = match turn.stage {
                Stage::Delta => notify.delta && buffers.compute_delta(),
                Stage::DesiredPatch => notify.desired_patch && turn.named_desired,
                Stage::Desired => notify.desired && turn.named_desired,
                Stage::Changed => notify.changed,
                Stage::Answer => true,
                Stage::Idle => return None,
            };
            if due {
                break;
            }
            turn.stage = turn.stage.after();
        }
        let Some(id) = asker.twin() else {
            // Only before the first request, when nothing is due.
            turn.stage = Stage::Idle;
            return None;
        };
        let audience = if turn.stage == Stage::Answer {
            Audience::Asker
        } else {
            Audience::Listeners
        };
        let message = buffers.message(turn, asker);
        Some(Self {
            id,
            audience,
            message,
            stage: &mut turn.stage,
        })
    }
}

impl<'a> Buffers<'a> {
    /// Computes the delta of the twin into the scratch and says whether there is one.
    fn compute_delta(&mut self) -> bool {
        // It fits: the scratch is as large as the twin that the delta is a part of.
        self.next.delta(&mut self.scratch).is_ok() && !self.scratch.as_ref().is_empty()
    }

    fn message(self, turn: &Turn, asker: &'a Asker) -> Message<'a> {
        let id = asker.request();
        let timestamp = turn.at;
        let versions = self.next.versions();
        let accepted = |versions, patch| Accepted {
            id,
            versions,
            patch,
            timestamp,
        };
        match turn.stage {
            Stage::Delta => {
                let (patch, metadata) = delta_with_metadata(self.next, self.scratch);
                Message::Delta(Delta {
                    id,
                    patch,
                    metadata,
                    versions,
                    timestamp,
                })
            }
            Stage::DesiredPatch => {
                let patch = self.desired_patch(turn);
                Message::DesiredPatch(Delta {
                    id,
                    patch,
                    metadata: DocumentRef::EMPTY,
                    versions,
                    timestamp,
                })
            }
            Stage::Desired => Message::Desired(Snapshot {
                id,
                document: self.desired(),
                versions,
                timestamp,
            }),
            Stage::Changed => Message::Changed(Changed {
                id,
                previous: (!turn.created)
                    .then(|| (self.previous.document(), self.previous.versions())),
                current: self.next.document(),
                versions,
                timestamp,
            }),
            Stage::Answer | Stage::Idle => match turn.answer {
                Answer::Got => Message::GetAccepted(Snapshot {
                    id,
                    document: self.next.document(),
                    versions,
                    timestamp,
                }),
                Answer::Unchanged(versions) => Message::GetUnchanged(accepted(versions, None)),
                Answer::Patched(versions, desired) => Message::GetPatched(Patched {
                    id,
                    patch: self.scratch.into_ref(),
                    desired,
                    versions,
                    timestamp,
                }),
                Answer::Updated => Message::UpdateAccepted(accepted(versions, Some(self.patch))),
                Answer::Deleted(versions) => Message::DeleteAccepted(accepted(versions, None)),
                Answer::Rejected(request, rejected) => Message::Rejected(Rejection {
                    id,
                    request,
                    status: rejected.status(),
                    cause: Cause::Twin(rejected),
                    timestamp,
                }),
            },
        }
    }

    /// Desired alone, as it now is.
    fn desired(mut self) -> DocumentRef<'a> {
        let desired = self.next.section(Section::Desired);
        self.scratch.clear();
        if !desired.is_empty() {
            // It fits: the scratch is as large as the twin, which holds it under the same key.
            let _ = self.scratch.copy(&[Section::Desired.key()], desired);
        }
        self.scratch.into_ref()
    }

    /// What an update that named desired asked for: of a merge that is its patch.
    fn desired_patch(mut self, turn: &Turn) -> DocumentRef<'a> {
        if let Some(patch) = merged_desired(self.patch, turn.mode) {
            return patch;
        }
        // It fits: the hub tried before it accepted the update.
        let _ = replaced_desired(self.previous, self.next, &mut self.scratch);
        self.scratch.into_ref()
    }
}

/// The patch of desired in a merge, if it is one that says which entries go.
pub(super) fn merged_desired(patch: DocumentRef<'_>, mode: Mode) -> Option<DocumentRef<'_>> {
    patch
        .at(&[Section::Desired.key()])
        .filter(|patch| mode == Mode::Merge && patch.is_map())
}

/// What an exchange of desired asked for, as a merge patch: all that stands now, and null for what it
/// left out.
pub(super) fn replaced_desired(
    previous: TwinRef<'_>,
    next: TwinRef<'_>,
    out: &mut DocumentMut<'_>,
) -> Result<(), CapacityError> {
    let (old, new) = (
        previous.section(Section::Desired),
        next.section(Section::Desired),
    );
    document::diff(old, new, out)?;
    out.merge(new)
}

/// The delta in `scratch`, and its metadata, computed behind it: as parts of one twin they fit into a
/// buffer of the twin's size.
fn delta_with_metadata<'a>(
    twin: TwinRef<'_>,
    scratch: DocumentMut<'a>,
) -> (DocumentRef<'a>, DocumentRef<'a>) {
    if twin.metadata(Section::Desired).is_empty() {
        return (scratch.into_ref(), DocumentRef::EMPTY);
    }
    let DocumentMut { bytes, len } = scratch;
    let Some((front, back)) = bytes.split_at_mut_checked(*len) else {
        return (DocumentRef::EMPTY, DocumentRef::EMPTY);
    };
    let delta = DocumentRef::trusted(front);
    let mut cut_len = 0;
    let Ok(mut cut) = DocumentMut::new(back, &mut cut_len) else {
        return (delta, DocumentRef::EMPTY);
    };
    let _ = twin.metadata_of(Section::Desired, delta, &mut cut);
    let end = cut.as_ref().as_bytes().len();
    (
        delta,
        DocumentRef::trusted(back.get(..end).unwrap_or_default()),
    )
}
