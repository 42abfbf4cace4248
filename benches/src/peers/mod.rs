//! The candidates. Each is what a competent user of that crate writes.

pub mod hub;
pub mod limit;
pub mod serde_json;
pub mod simd_json;
pub mod sonic_rs;
pub mod twinsync;
pub mod typed;

use std::fmt;

/// What is measured. A result includes dropping what it built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// JSON text to a document that can be changed.
    Parse,
    /// A parsed merge patch (RFC 7396) into a document.
    Merge,
    /// The same from the patch's text: what a device or a hub really does.
    Update,
    /// What `desired` asks for and `reported` does not say, as a document.
    Delta,
    /// The same, as JSON text in a buffer that is used again.
    DeltaText,
    /// A document to JSON text in a buffer that is used again.
    Serialise,
}

impl Operation {
    pub const ALL: [Self; 6] = [
        Self::Parse,
        Self::Merge,
        Self::Update,
        Self::Delta,
        Self::DeltaText,
        Self::Serialise,
    ];
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Parse => "parse",
            Self::Merge => "merge",
            Self::Update => "update",
            Self::Delta => "delta",
            Self::DeltaText => "delta-text",
            Self::Serialise => "serialise",
        })
    }
}

/// A candidate. Buffers that a user would keep are in `Self`.
pub trait Peer: 'static {
    /// A document in this candidate's own form.
    type Tree: 'static;

    const NAME: &'static str;
    /// False for what gives no result: the limits of the machine.
    const CHECKED: bool = true;

    fn new() -> Self;

    /// Whether the candidate can do this, on the workload of this name.
    fn takes(operation: Operation, workload: &str) -> bool {
        let _ = (operation, workload);
        true
    }

    /// Makes a document; not measured.
    fn tree(&mut self, text: &[u8]) -> Self::Tree;

    fn parse(&mut self, text: &[u8]);

    fn merge(&mut self, document: &mut Self::Tree, patch: &Self::Tree);

    fn update(&mut self, document: &mut Self::Tree, patch: &[u8]);

    fn delta(&mut self, desired: &Self::Tree, reported: &Self::Tree);

    /// Returns the delta's text; nothing if there is no difference.
    fn delta_text(&mut self, desired: &Self::Tree, reported: &Self::Tree) -> &[u8];

    /// Returns the document's text.
    fn serialise(&mut self, document: &Self::Tree) -> &[u8];
}
