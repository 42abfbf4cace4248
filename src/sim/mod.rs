//! sim
mod application;
mod broker;
mod clock;
mod conditions;
mod link;
mod network;
mod random;
mod schedule;

pub use application::{Application, Obedient, Picky, Verdict};
pub use broker::{Broker, ClientId, Packet};
pub use clock::Clock;
pub use conditions::{Burst, Conditions};
pub use link::{End, Link, Partition, Traffic};
pub use network::{Arrival, Network};
pub use random::Random;
pub use schedule::{Memory, Patch, Step, random_steps};

#[cfg(test)]
mod tests;
