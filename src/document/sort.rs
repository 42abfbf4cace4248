//! Putting the entries of one map into order: by key length, then bytewise; of equal keys the last
//! stays.
//!
//! Two forms, chosen by the width of a pointer and held against each other by a test. Firmware gets an
//! insertion sort: little code, and its maps are small. A gateway reads maps of any size from anyone,
//! so there the cost is bounded by n log² n even if the buffer is full to the last byte.

#[cfg(any(test, not(target_pointer_width = "64")))]
mod insertion;
#[cfg(target_pointer_width = "64")]
mod listed;
#[cfg(target_pointer_width = "64")]
mod merging;

#[cfg(not(target_pointer_width = "64"))]
pub(super) use insertion::sort;
#[cfg(target_pointer_width = "64")]
pub(super) use listed::{LISTED, digest, is_ascending, sort_listed};
#[cfg(target_pointer_width = "64")]
pub(super) use merging::sort;

#[cfg(test)]
#[cfg(target_pointer_width = "64")]
mod tests;
