//! A thermostat that keeps its twin in step: the same application on every board.
#![no_std]

mod application;
mod clock;
mod log;
mod memory;
#[cfg(feature = "mqtt")]
pub mod mqtt;
#[cfg(feature = "mqtt")]
mod packets;

pub use application::{Board, Thermostat};
pub use clock::Clock;
