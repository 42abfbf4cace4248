//! The open questions about the service, each with the answer this adapter gives.

use crate::codec::json;
use crate::time::Duration;
use crate::twin::{self, SizeLimits, VersionOfAbsent};

/// How a shadow service behaves where its documentation is silent, disagrees with what was seen on
/// the wire, or may be configured. [`Policy::new`] is the recommended answer to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Policy {
    /// Longest document in bytes of compact JSON, desired and reported together ([`document_bytes`]).
    /// 8192 by default ("AWS IoT Device Shadow quotas"; adjustable there, the Greengrass shadow
    /// manager goes up to 30720).
    ///
    /// [`document_bytes`]: super::document_bytes
    pub max_document_bytes: usize,
    /// Deepest nesting of maps and arrays in a section, the section itself counted. The quota page says
    /// 8 (older copies 5), the text of the error and Greengrass say 6. Default: 8.
    pub max_nesting: usize,
    /// What `version` in an update means when there is no shadow. Undocumented. Default:
    /// [`NewVersion::First`], as Greengrass does.
    pub new_version: NewVersion,
    /// What becomes of `delta` inside the `state` of an update, as when an answer to a get is sent
    /// back. AWS refuses it ("State contains an invalid node: 'delta'"), Greengrass drops it. Default:
    /// refuse.
    pub delta_in_update: DeltaInUpdate,
    /// What becomes of a get or delete whose payload is not JSON. The guide says that an empty message
    /// is sent, and that the content of a delete is ignored. Default: the content is ignored.
    pub unreadable_payload: UnreadablePayload,
    /// How `update/documents` spells that there was no shadow before. The official SDKs read both alike.
    /// Default: null.
    pub previous_of_new: PreviousOfNew,
    /// Whether error documents carry `timestamp`. The guide says "not in all"; none of those seen on
    /// the wire had one. Default: no.
    pub timestamp_in_errors: bool,
    /// The words of error 413: the guide's table and the wire disagree. Default: the wire's, which
    /// say the sizes.
    pub too_large_text: TooLargeText,
    /// The words with which an array that holds null is refused; the guide says that it is, without
    /// code or words. Default: "Invalid JSON", code 400.
    pub null_in_array_text: &'static str,
}

/// What `version` in an update means when there is no shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum NewVersion {
    /// It must be the version that the new shadow gets, 1 mostly; anything else is "Invalid version"
    /// (400).
    First,
    /// It must be 0; anything else is "Version conflict" (409).
    Conflict,
    /// It is not looked at.
    Ignored,
}

/// What becomes of `delta` inside the `state` of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum DeltaInUpdate {
    /// The update is refused.
    Refused,
    /// The rest of the update counts.
    Dropped,
}

/// What becomes of a get or delete whose payload is not JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum UnreadablePayload {
    /// The request counts, without a client token.
    Ignored,
    /// The request is refused: "Invalid JSON" (400).
    Refused,
}

/// How `update/documents` spells that there was no shadow before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum PreviousOfNew {
    /// `"previous":null`.
    Null,
    /// No such member.
    Absent,
}

/// The words of error 413.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum TooLargeText {
    /// "Json document too large.  Size is 8582, max allowed: 8192" (two blanks).
    Sizes,
    /// "The payload exceeds the maximum size allowed".
    Table,
}

/// No document is longer in compact JSON than this many times its canonical bytes: the worst are `false`
/// and control characters, six bytes of JSON for one.
pub(super) const EXPANSION: usize = 6;

impl Policy {
    /// The recommended answers, as each field's text says.
    pub const fn new() -> Self {
        Self {
            max_document_bytes: 8_192,
            max_nesting: 8,
            new_version: NewVersion::First,
            delta_in_update: DeltaInUpdate::Refused,
            unreadable_payload: UnreadablePayload::Ignored,
            previous_of_new: PreviousOfNew::Null,
            timestamp_in_errors: false,
            too_large_text: TooLargeText::Sizes,
            null_in_array_text: super::status::INVALID_JSON,
        }
    }

    /// The answers of the Greengrass shadow manager where they differ.
    pub const fn greengrass() -> Self {
        Self::new()
            .with_max_nesting(6)
            .with_delta_in_update(DeltaInUpdate::Dropped)
    }

    /// Returns the rules for the twins of a hub that serves this policy: metadata is kept, no null in arrays,
    /// the limits of size and nesting, and 48 hours in which a shadow that is made anew continues above
    /// the version of the deleted one.
    pub const fn twin(&self) -> twin::Policy {
        let sizes = SizeLimits::new(json::len, EXPANSION).with_state(self.max_document_bytes);
        twin::Policy::new()
            .with_metadata(true)
            .with_null_in_arrays(false)
            .with_version_of_absent(match self.new_version {
                NewVersion::First => VersionOfAbsent::First,
                NewVersion::Conflict => VersionOfAbsent::Zero,
                NewVersion::Ignored => VersionOfAbsent::Any,
            })
            .with_depth(self.max_nesting)
            .with_sizes(sizes)
            .with_tombstone(Duration::from_secs(48 * 3_600))
    }

    /// With another longest document, in bytes of compact JSON.
    pub const fn with_max_document_bytes(mut self, bytes: usize) -> Self {
        self.max_document_bytes = bytes;
        self
    }

    /// With another deepest nesting.
    pub const fn with_max_nesting(mut self, levels: usize) -> Self {
        self.max_nesting = levels;
        self
    }

    /// With another answer to `version` for a new shadow.
    pub const fn with_new_version(mut self, new_version: NewVersion) -> Self {
        self.new_version = new_version;
        self
    }

    /// With another answer to `delta` in an update.
    pub const fn with_delta_in_update(mut self, delta_in_update: DeltaInUpdate) -> Self {
        self.delta_in_update = delta_in_update;
        self
    }

    /// With another answer to a get or delete that is not JSON.
    pub const fn with_unreadable_payload(mut self, unreadable_payload: UnreadablePayload) -> Self {
        self.unreadable_payload = unreadable_payload;
        self
    }

    /// With another spelling of the shadow before its first update.
    pub const fn with_previous_of_new(mut self, previous_of_new: PreviousOfNew) -> Self {
        self.previous_of_new = previous_of_new;
        self
    }

    /// With or without `timestamp` in error documents.
    pub const fn with_timestamp_in_errors(mut self, timestamp_in_errors: bool) -> Self {
        self.timestamp_in_errors = timestamp_in_errors;
        self
    }

    /// With other words for error 413.
    pub const fn with_too_large_text(mut self, too_large_text: TooLargeText) -> Self {
        self.too_large_text = too_large_text;
        self
    }

    /// With other words for null inside an array.
    pub const fn with_null_in_array_text(mut self, text: &'static str) -> Self {
        self.null_in_array_text = text;
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}
