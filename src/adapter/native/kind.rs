//! What a body is: its first byte.

use crate::protocol::RequestKind;

/// What a body is. The number is its first byte, a CBOR integer below 24; later versions of the dialect
/// start with larger ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(u8)]
#[non_exhaustive]
pub enum Kind {
    /// Asks for the twin.
    Get = 0,
    /// Asks for a change.
    Update = 1,
    /// Asks for the twin's deletion.
    Delete = 2,
    /// The twin.
    Got = 3,
    /// The asker has all of it.
    Unchanged = 4,
    /// What changed in desired since.
    Patched = 5,
    /// The change was made.
    Updated = 6,
    /// The twin was deleted.
    Deleted = 7,
    /// A get was refused.
    GetRefused = 8,
    /// An update was refused.
    UpdateRefused = 9,
    /// A deletion was refused.
    DeleteRefused = 10,
    /// A change of desired, for the device.
    DesiredPatch = 11,
    /// All of desired, for the device.
    Desired = 12,
    /// How desired differs from reported, for back-ends.
    Delta = 13,
    /// The twin before and after a change, for back-ends.
    Changed = 14,
}

/// The first byte of bodies that this version knows is below this.
pub(super) const VERSION_2: u8 = 24;

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 15] = [
        Self::Get,
        Self::Update,
        Self::Delete,
        Self::Got,
        Self::Unchanged,
        Self::Patched,
        Self::Updated,
        Self::Deleted,
        Self::GetRefused,
        Self::UpdateRefused,
        Self::DeleteRefused,
        Self::DesiredPatch,
        Self::Desired,
        Self::Delta,
        Self::Changed,
    ];

    /// Returns the kind's number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Returns the kind with this number.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    /// The request that this refuses, if it is a refusal.
    pub(super) fn refused(self) -> Option<RequestKind> {
        [RequestKind::Get, RequestKind::Update, RequestKind::Delete]
            .into_iter()
            .find(|request| Self::refusal(*request) == self)
    }

    /// The refusal of a request.
    pub(super) const fn refusal(request: RequestKind) -> Self {
        match request {
            RequestKind::Get => Self::GetRefused,
            RequestKind::Update => Self::UpdateRefused,
            RequestKind::Delete => Self::DeleteRefused,
        }
    }
}
