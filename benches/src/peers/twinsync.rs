//! twinsync. All of its buffers are made once: no operation allocates.

use std::hint::black_box;

use twinsync::codec::json;
use twinsync::document::{Document, DocumentRef, delta};

use super::Peer;

/// Room for the largest workload and its patch.
const CAPACITY: usize = 16_384;

pub struct Twinsync {
    /// Patches that arrive and deltas that leave.
    scratch: Box<Document<CAPACITY>>,
    text: Vec<u8>,
}

impl Peer for Twinsync {
    type Tree = Box<Document<CAPACITY>>;

    const NAME: &'static str = "twinsync";

    fn new() -> Self {
        Self {
            scratch: Box::default(),
            text: vec![0; CAPACITY],
        }
    }

    fn tree(&mut self, text: &[u8]) -> Self::Tree {
        let mut tree = Box::<Document<CAPACITY>>::default();
        json::read(text, Document::as_mut(&mut tree)).expect("JSON");
        tree
    }

    fn parse(&mut self, text: &[u8]) {
        json::read(text, Document::as_mut(&mut self.scratch)).expect("JSON");
        black_box(&self.scratch);
    }

    fn merge(&mut self, document: &mut Self::Tree, patch: &Self::Tree) {
        document.merge(Document::as_ref(patch)).expect("room");
    }

    fn update(&mut self, document: &mut Self::Tree, patch: &[u8]) {
        json::read(patch, Document::as_mut(&mut self.scratch)).expect("JSON");
        document
            .merge(Document::as_ref(&self.scratch))
            .expect("room");
    }

    fn delta(&mut self, desired: &Self::Tree, reported: &Self::Tree) {
        let mut out = Document::as_mut(&mut self.scratch);
        delta(
            Document::as_ref(desired),
            Document::as_ref(reported),
            &mut out,
        )
        .expect("room");
        black_box(&self.scratch);
    }

    fn delta_text(&mut self, desired: &Self::Tree, reported: &Self::Tree) -> &[u8] {
        self.delta(desired, reported);
        let delta = Document::as_ref(&self.scratch);
        if delta.is_empty() {
            return &[];
        }
        write(delta, &mut self.text)
    }

    fn serialise(&mut self, document: &Self::Tree) -> &[u8] {
        write(Document::as_ref(document), &mut self.text)
    }
}

fn write<'a>(document: DocumentRef<'_>, text: &'a mut [u8]) -> &'a [u8] {
    let len = json::write(document, text).expect("room");
    &text[..len]
}
