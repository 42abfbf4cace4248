//! The limits of the machine: what a copy or a compare of the bytes costs.
//!
//! - parse and serialise: a copy of the text
//! - merge: a copy of the document's canonical bytes
//! - delta without a difference: a compare of both documents' canonical bytes

use std::hint::black_box;

use super::twinsync::Twinsync;
use super::{Operation, Peer};

pub struct Limit {
    out: Vec<u8>,
}

pub struct Bytes {
    text: Vec<u8>,
    canonical: Vec<u8>,
}

impl Peer for Limit {
    type Tree = Bytes;

    const NAME: &'static str = "limit";
    const CHECKED: bool = false;

    fn new() -> Self {
        Self {
            out: Vec::with_capacity(16_384),
        }
    }

    fn takes(operation: Operation, workload: &str) -> bool {
        match operation {
            Operation::Parse | Operation::Merge | Operation::Serialise => true,
            Operation::Delta => workload.ends_with("/0"),
            Operation::Update | Operation::DeltaText => false,
        }
    }

    fn tree(&mut self, text: &[u8]) -> Bytes {
        Bytes {
            text: text.to_vec(),
            canonical: Twinsync::new().tree(text).as_bytes().to_vec(),
        }
    }

    fn parse(&mut self, text: &[u8]) {
        self.out.clear();
        self.out.extend_from_slice(text);
        black_box(&self.out);
    }

    fn merge(&mut self, document: &mut Bytes, _: &Bytes) {
        self.out.clear();
        self.out.extend_from_slice(&document.canonical);
        black_box(&self.out);
    }

    fn update(&mut self, _: &mut Bytes, _: &[u8]) {}

    fn delta(&mut self, desired: &Bytes, reported: &Bytes) {
        black_box(black_box(&desired.canonical) == black_box(&reported.canonical));
    }

    fn delta_text(&mut self, _: &Bytes, _: &Bytes) -> &[u8] {
        &[]
    }

    fn serialise(&mut self, document: &Bytes) -> &[u8] {
        self.out.clear();
        self.out.extend_from_slice(&document.text);
        &self.out
    }
}
