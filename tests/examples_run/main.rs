//! The examples, run as a user runs them: as programs of their own, over TCP, with real peers.
//!
//! `cargo test` builds the examples beforehand. The broker here is mosquitto where it is installed; a test that
//! needs a program that is not says on the terminal that it was skipped. With `TWINSYNC_REQUIRE_PEERS=1` a
//! missing program is a failure.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests fail by panicking"
)]

mod asker;
mod azure;
mod device;
mod four;
#[allow(dead_code, reason = "shared with the tests of the firmware")]
mod mosquitto;
#[path = "../../examples/common/mqtt.rs"]
mod mqtt;
mod quickstart;
mod rules;
mod running;
mod service;
mod tls;
