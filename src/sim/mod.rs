//! sim
mod broker;
mod clock;
mod conditions;
mod link;
mod random;

pub use broker::{Broker, ClientId, Packet};
pub use clock::Clock;
pub use conditions::{Burst, Conditions};
pub use link::{End, Link, Partition, Traffic};
pub use random::Random;

#[cfg(test)]
mod tests;
