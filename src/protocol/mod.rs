//! What device and hub say to each other, before any cloud's spelling: the waist of the crate.
//!
//! Engines exchange [`Message`]s and never see a byte; adapters turn messages into topics and
//! payloads and back, and never see an engine. A new cloud is one folder under `adapter`.
//!
//! **The one rule: what a message means is the same in every protocol.** What a protocol can not
//! express, its adapter refuses with an error; it never sends something similar.

mod backoff;
mod message;
mod twin_id;

pub use backoff::{Backoff, Jitter};
pub use message::{
    Accepted, Audience, Cause, Changed, Delta, Get, Known, Message, Patched, Rejection, RequestId,
    RequestKind, Snapshot, UpdateRequest, VersionScope, Wanted,
};
pub use twin_id::{TwinId, TwinIdError};

pub use crate::twin::Versions;
