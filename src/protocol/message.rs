//! Messages: the requests of a device or a back-end, the answers of the hub, and its notifications.

use crate::document::DocumentRef;
use crate::error::Status;
use crate::time::Timestamp;
use crate::twin::{ETag, Rejected, Update, Versions};

/// Everything that device, back-end and hub say to each other.
///
/// Documents are borrowed: from the adapter's scratch buffer on the way in, from the engine's buffers
/// on the way out.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Message<'a> {
    /// Asks for the twin.
    Get(Get<'a>),
    /// Asks for a change of the twin.
    Update(UpdateRequest<'a>),
    /// Asks for the twin's deletion.
    Delete(Option<RequestId<'a>>),
    /// Answers a [`Message::Get`] with the twin.
    GetAccepted(Snapshot<'a>),
    /// Answers a [`Message::Get`] whose asker has the twin already, as it said.
    GetUnchanged(Accepted<'a>),
    /// Answers a [`Message::Get`] that said what it knows: only what changed in desired since.
    GetPatched(Patched<'a>),
    /// Answers a [`Message::Update`] that was applied.
    UpdateAccepted(Accepted<'a>),
    /// Answers a [`Message::Delete`]; the version is the deleted one.
    DeleteAccepted(Accepted<'a>),
    /// Answers a request that was refused; nothing was changed.
    Rejected(Rejection<'a>),
    /// Tells what desired asks for and reported does not say: all of it, whatever caused the message.
    Delta(Delta<'a>),
    /// Tells a change of desired as a merge patch with explicit nulls: only what this update changed.
    DesiredPatch(Delta<'a>),
    /// Tells the whole of desired as it now is: the snapshot's document holds at most `desired`, and
    /// none if there is nothing in it (CoAP Observe).
    Desired(Snapshot<'a>),
    /// Tells the whole twin before and after an update.
    Changed(Changed<'a>),
}

/// Ties an answer to its request: text of 1 to 64 bytes, chosen by the asker.
///
/// AWS *clientToken*, Azure *$rid*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct RequestId<'a>(&'a str);

impl<'a> RequestId<'a> {
    /// Longest request id in bytes (AWS: "clientToken must be no longer than 64 bytes").
    pub const MAX: usize = 64;

    /// Takes 1 to 64 bytes of text; nothing otherwise.
    pub const fn new(text: &'a str) -> Option<Self> {
        if text.is_empty() || text.len() > Self::MAX {
            None
        } else {
            Some(Self(text))
        }
    }

    /// Returns the text.
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

/// Which request an answer is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum RequestKind {
    /// [`Message::Get`].
    Get,
    /// [`Message::Update`].
    Update,
    /// [`Message::Delete`].
    Delete,
}

/// What a version counts in a protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum VersionScope {
    /// One counter for the whole twin: the device's own reports count, too (AWS).
    Twin,
    /// A counter for each section: only changes of desired count for desired (Azure).
    Section,
}

/// Which form of the twin a device asks for; the decoder of the answer takes no more than this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Wanted {
    /// The sections `desired` and `reported`.
    #[default]
    Sections,
    /// Only `delta`, or `desired` where the protocol can not tell a delta (Azure): the sections did not
    /// fit.
    Delta,
}

/// A request for the twin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Get<'a> {
    /// The request's id.
    pub id: Option<RequestId<'a>>,
    /// What the asker has: where the protocol can say so, the answer may be [`Message::GetUnchanged`]
    /// or [`Message::GetPatched`]. `None` asks for everything, also where an adapter could say more.
    pub known: Option<Known>,
    /// The etag of the whole twin that the asker has ([`TwinRef::etag`](crate::twin::TwinRef::etag)):
    /// the answer may be [`Message::GetUnchanged`].
    pub known_etag: Option<ETag>,
}

/// What a device has of the twin already, so that the answer to its get may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Known {
    /// The versions of desired and of reported that it has; that of the twin does not count.
    pub versions: Versions,
    /// The tag of desired as it has it: versions alone cannot tell a twin from one that was lost and
    /// made anew.
    pub desired: ETag,
}

/// What changed in desired since the version that the asker has; reported is as it was.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Patched<'a> {
    /// The id of the request that is answered.
    pub id: Option<RequestId<'a>>,
    /// A merge patch of desired (RFC 7396).
    pub patch: DocumentRef<'a>,
    /// The tag of desired after the patch: with another one the asker needs the whole twin.
    pub desired: ETag,
    /// The versions.
    pub versions: Versions,
    /// When the hub answered.
    pub timestamp: Timestamp,
}

/// A request for a change.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct UpdateRequest<'a> {
    /// The request's id.
    pub id: Option<RequestId<'a>>,
    /// What is to change, and when that is allowed.
    pub update: Update<'a>,
}

/// The twin as the hub has it.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Snapshot<'a> {
    /// The id of the request that is answered.
    pub id: Option<RequestId<'a>>,
    /// A map with the sections that hold something, under [`Section::key`](crate::twin::Section::key);
    /// from a hub also `metadata`. On a device, `delta` may stand in for sections that were skipped.
    pub document: DocumentRef<'a>,
    /// The versions.
    pub versions: Versions,
    /// When the hub answered.
    pub timestamp: Timestamp,
}

/// The hub did what it was asked.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Accepted<'a> {
    /// The id of the request that is answered.
    pub id: Option<RequestId<'a>>,
    /// The versions after the request; after a deletion those of the deleted twin.
    pub versions: Versions,
    /// The patch that was applied, for protocols that echo it.
    pub patch: Option<DocumentRef<'a>>,
    /// When the hub answered.
    pub timestamp: Timestamp,
}

/// The hub refused a request; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Rejection<'a> {
    /// The id of the request that is answered, if it could be read.
    pub id: Option<RequestId<'a>>,
    /// Which request was refused.
    pub request: RequestKind,
    /// Why, in terms of every protocol.
    pub status: Status,
    /// Why, in detail.
    pub cause: Cause<'a>,
    /// When the hub answered.
    pub timestamp: Timestamp,
}

/// The detail of a [`Rejection`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Cause<'a> {
    /// Nothing more is known.
    Unstated,
    /// The twin refused the update; each adapter has its own words for it.
    Twin(Rejected),
    /// The words of the service.
    Text(&'a str),
}

/// What the device should know of desired.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Delta<'a> {
    /// The id of the request that caused it, if it had one.
    pub id: Option<RequestId<'a>>,
    /// The leaves, as a patch of desired.
    pub patch: DocumentRef<'a>,
    /// When and by which version each of them changed, shaped like `desired`; empty if not kept.
    pub metadata: DocumentRef<'a>,
    /// The versions of the twin that this was computed from.
    pub versions: Versions,
    /// When the hub sent it.
    pub timestamp: Timestamp,
}

/// A twin before and after an update.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Changed<'a> {
    /// The id of the request that caused it, if it had one.
    pub id: Option<RequestId<'a>>,
    /// The sections and metadata before, with the versions; `None` if the twin is new.
    pub previous: Option<(DocumentRef<'a>, Versions)>,
    /// The sections and metadata after.
    pub current: DocumentRef<'a>,
    /// The versions after.
    pub versions: Versions,
    /// When the hub sent it.
    pub timestamp: Timestamp,
}

/// Who a hub's message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Audience {
    /// The asker, where the protocol can address it; otherwise whoever listens for answers.
    Asker,
    /// Everyone who listens to this twin.
    Listeners,
}
