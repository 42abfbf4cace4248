//! Device twins in sync: one `no_std` core for the device, for the gateway that serves the twins,
//! and for tests on the host.
//!
//! A *twin* is the record that a service keeps of a device: what the service wants (`desired`), what
//! the device says (`reported`), and labels that only the service sees (`tags`). This crate decides,
//! once, everything such a record means: merges, deltas, versions, preconditions, and the
//! conversation that brings both ends back in step after lost messages, reboots and days offline.
//!
//! # Rooms
//!
//! | room | what it holds |
//! | --- | --- |
//! | [`document`] | the flat tree: canonical bytes, merge, diff, delta |
//! | [`codec`] | documents from and to bytes: JSON |
//! | [`twin`] | one device's record: sections, versions, metadata, the one way it changes |
//! | [`protocol`] | what device and hub say to each other, before any cloud's spelling |
//! | [`hub`] | the service end: requests in, answers and notifications out |
//! | [`time`], [`error`] | points in time as arguments; errors shared by all rooms |
//!
//! # Features
//!
//! Features only add dependencies: `alloc`, `std`, `serde`, `float`, `defmt`, `log`. A room that a
//! firmware does not call is dropped by the linker.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod codec;
pub mod document;
pub mod error;
pub mod hub;
mod log;
pub mod protocol;
pub mod time;
pub mod twin;
