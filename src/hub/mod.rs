//! The service end: takes requests about twins, keeps them, answers and notifies.
//!
//! [`HubEngine`] is one step at a time over a [`Registry`]: a request in, then the messages it causes
//! out. It never waits and never allocates; [`InMemory`] (feature `alloc`) is a registry for gateways.
//!
//! **The one rule: a request touches the one twin it names.** Everything is keyed by the
//! [`TwinId`](crate::protocol::TwinId) that the adapter took from the topic or path; whether the asker
//! may say it is the broker's part.
//!
//! Notifications of an accepted update go out in this order, then the answer: delta, desired patch,
//! twin before and after (AWS Device Shadow: *delta*, *documents*, *accepted*).

mod asker;
mod config;
mod engine;
#[cfg(feature = "alloc")]
mod memory;
mod registry;
mod transmit;
mod usage;

pub use config::{Config, Notify};
pub use engine::{HandleError, HubEngine};
#[cfg(feature = "alloc")]
pub use memory::InMemory;
pub use registry::Registry;
pub use transmit::Transmit;
pub use usage::{RequestLimits, Throttled, Usage};

#[cfg(all(test, feature = "alloc"))]
mod tests;
