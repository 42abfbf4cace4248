//! The firmware of `examples/firmware`, built for its targets and booted under QEMU, against real peers.
//!
//! A test holds all processes that it starts: they end with it. One that needs a program or a target of Rust that
//! is not installed says on the terminal that it was skipped; with `TWINSYNC_REQUIRE_PEERS=1` that is a failure.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests fail by panicking"
)]

mod boards;
mod coap;
mod embassy;
mod harness;
#[allow(dead_code, reason = "shared with the tests of the examples")]
#[path = "../examples_run/libcoap.rs"]
mod libcoap;
#[allow(dead_code, reason = "shared with the tests of the examples")]
#[path = "../examples_run/mosquitto.rs"]
mod mosquitto;
mod mqtt;
#[allow(dead_code, reason = "shared with the tests of the examples")]
#[path = "../examples_run/running.rs"]
mod running;
