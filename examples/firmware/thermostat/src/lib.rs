//! A thermostat that keeps its twin in step: the same application on every board.
#![no_std]
#![forbid(unsafe_code)]

mod clock;

pub use clock::Clock;
