//! sim
mod application;
mod aws;
mod broker;
mod clock;
mod conditions;
mod device_end;
mod dialect;
mod failure;
mod hub_end;
mod link;
mod network;
mod pair;
mod random;
mod schedule;
mod writer;

pub use application::{Application, Obedient, Picky};
pub use aws::Aws;
pub use broker::{Broker, ClientId, Packet};
pub use clock::Clock;
pub use conditions::{Burst, Conditions};
pub use dialect::{Dialect, Incoming, Request, Unsent};
pub use failure::{Failure, Reason};
pub use link::{End, Link, Partition, Traffic};
pub use network::{Arrival, Network};
pub use pair::{Pair, Settled, Setup};
pub use random::Random;
pub use schedule::{Patch, Step, Storage, random_steps};

#[cfg(test)]
mod tests;
