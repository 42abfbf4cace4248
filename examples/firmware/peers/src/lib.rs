//! The document of `twinsync_measure::workload` as the peers have it: a struct that knows its 16 leaves.
#![no_std]

pub mod json_core;
pub mod settings;
pub mod shadow;

/// A text of at most `N` bytes.
pub type Text<const N: usize> = heapless::String<N>;
