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
//! | [`codec`] | documents from and to bytes: JSON, CBOR |
//! | [`twin`] | one device's record: sections, versions, metadata, and the one way it changes |
//! | [`rules`] | what may be wished for: state machine, value rules, on both ends |
//! | [`configuration`] | desired under a number of its own: in step, kept, rolled back, on trial |
//! | [`query`] | conditions and queries over twins: parsed once, evaluated on their bytes |
//! | [`protocol`] | the messages between device and hub, before any cloud's spelling |
//! | [`device`] | the engine of the device's side |
//! | [`hub`] | the engine of the service's side, over any registry |
//! | `fleet` | many twins at once, under `alloc`: search, indexes, paging |
//! | [`adapter`] | how a cloud spells a message: AWS Device Shadow over MQTT |
//! | `sim` | a test bench for both ends, under `alloc`: virtual clock, lossy links, broker, pair |
//! | [`storage`] | what a device keeps over a restart: snapshot, flash log that survives power cuts |
//! | `hal` | hardware, under `embedded-hal`: desired to pins, sensors to reported, and what fails |
//! | [`time`], [`error`] | points in time as arguments; errors shared by all rooms |
//!
//! Imports go strictly downward: engines never see a byte, adapters never see an engine, and
//! [`protocol::Message`] is all that passes between them.
//!
//! # Features
//!
//! Features only add dependencies: `alloc`, `std`, `serde`, `float`, `defmt`, `log`,
//! `embedded-hal`. A room or an item that needs one says so.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::wildcard_enum_match_arm,
        reason = "a test that overflows or meets something new fails, as it should"
    )
)]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

pub mod adapter;
pub mod codec;
pub mod configuration;
pub mod device;
pub mod document;
pub mod error;
pub mod fleet;
#[cfg(feature = "embedded-hal")]
pub mod hal;
pub mod hub;
mod log;
pub mod protocol;
pub mod query;
pub mod rules;
#[cfg(feature = "alloc")]
pub mod sim;
pub mod storage;
pub mod time;
pub mod twin;
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
