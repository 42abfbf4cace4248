//! A thermostat that keeps its twin in step: the same application on every board.
//!
//! [`Thermostat`] is what the device does: its twin, its hardware through [`twinsync::hal`], its memory in flash.
//! It knows no network. A loop for one moves the engine's messages: [`mqtt`] over any stream of bytes, [`coap`] over
//! anything that carries datagrams.
//!
//! A board brings its parts ([`Parts`]) and its [`Clock`]; the packages beside this one do that for machines under
//! QEMU, for an STM32 and for an ESP32-C3.
#![no_std]

mod application;
mod clock;
#[cfg(feature = "coap")]
pub mod coap;
mod log;
mod memory;
#[cfg(feature = "mqtt")]
pub mod mqtt;
#[cfg(feature = "mqtt")]
mod packets;

pub use application::{Board, Parts, Thermostat};
pub use clock::Clock;
