//! AWS
mod client;
mod decoder;
mod policy;
pub mod status;
mod topic;

pub use client::Client;
pub use decoder::{DecodeError, Decoder, Wanted};
pub use policy::{
    DeltaInUpdate, NewVersion, Policy, PreviousOfNew, TooLargeText, UnreadablePayload,
};
pub use topic::{MAX_SHADOW_NAME, MAX_THING_NAME, NameError, Purpose, Topic, TopicError, shadow};

use crate::document::DocumentRef;

/// x
pub fn document_bytes(document: DocumentRef<'_>) -> usize {
    crate::codec::json::len(document)
}
