//! What a simulated device's application does with what the service wants.

use super::random::Random;
use crate::device::Verdict;
use crate::document::{Document, Leaf};
use crate::twin::ETag;

/// An application that is asked what to do with each desired value that differs from what is reported.
///
/// A closure that takes a leaf and returns a [`Verdict`] is one.
pub trait Application {
    /// Decides about a leaf. The same leaf may come again, after a restart at the latest.
    fn decide(&mut self, leaf: &Leaf<'_>) -> Verdict;
}

impl<F: FnMut(&Leaf<'_>) -> Verdict> Application for F {
    fn decide(&mut self, leaf: &Leaf<'_>) -> Verdict {
        self(leaf)
    }
}

/// An application that does all that it is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Obedient;

impl Application for Obedient {
    fn decide(&mut self, _: &Leaf<'_>) -> Verdict {
        Verdict::Applied
    }
}

/// An application that refuses some values, always the same ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Picky {
    /// Which share of all values it refuses, per thousand.
    pub refuses: u16,
}

impl Application for Picky {
    fn decide(&mut self, leaf: &Leaf<'_>) -> Verdict {
        // A hash decides, so that a value meets the same verdict after a restart.
        let mut alone = Document::<4_096>::new();
        let seed = match alone.set(&leaf.path, leaf.value) {
            Ok(()) => u64::from_le_bytes(*ETag::of(alone.as_ref()).as_bytes()),
            Err(_) => 0,
        };
        if Random::new(seed).chance(self.refuses) {
            Verdict::Refused
        } else {
            Verdict::Applied
        }
    }
}
