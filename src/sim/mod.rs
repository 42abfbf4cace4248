//! A test bench for both ends: a virtual clock, lossy links, a broker, and a device and a hub on them.
//!
//! For this crate's own laws and for users' CI (feature `alloc`). A [`Pair`] is a device engine with an
//! [`Application`], a hub with its twins in memory and a back-end, which talk through a [`Network`]; what
//! travels are topics and payloads, spelled by a [`Dialect`], or datagrams of a protocol without a broker
//! ([`Datagrams`]). [`Step`]s happen to it: writes, partitions, restarts of either end. Then it is healed,
//! and must come to agree.
//!
//! **The one rule: the same seed is the same run.** Nothing here reads a clock or a random device, and a
//! [`Failure`] prints its seed. Everything speaks the verbs of the engines (`handle_…`, `poll_…`), so that
//! a [`Link`] or a [`Network`] serves tests of your own, too.
//!
//! ```
//! use twinsync::document::Document;
//! use twinsync::protocol::TwinId;
//! use twinsync::sim::{Aws, Conditions, Obedient, Pair, Setup, Step};
//! use twinsync::time::Duration;
//!
//! let setup = Setup::new(42).with_link(Conditions::cellular());
//! let mut pair: Pair<Aws, 1024, 4096> =
//!     Pair::new(setup, Aws::default(), TwinId::new("lamp", None)?, Obedient);
//! pair.step(&Step::Connect { resume: false });
//!
//! let mut desired = Document::<64>::new();
//! desired.set(&["on"], true)?;
//! pair.step(&Step::Desire(desired.as_ref().into()));
//! pair.step(&Step::Wait(Duration::from_secs(60)));
//!
//! pair.heal();
//! pair.step(&Step::Connect { resume: true });
//! let settled = pair.settle(Duration::from_secs(600))?;
//! assert!(settled.messages < 50);
//! assert_eq!(pair.device().reported().read::<bool>(&["on"])?, true);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a device can know
//!
//! A notification that is lost on a connection that stands leaves no trace. A device learns of it from
//! the next message (its version jumps), from a new connection, or from the full get that the engine
//! asks for once a day: a test that expects agreement must have one of the three happen.
//!
//! # Another dialect
//!
//! Over MQTT, one `impl` of [`Dialect`]; [`Routing`] says whether a broker finds the way by topics, or a
//! listener by the connection. Over datagrams, one of [`Datagrams`] with a socket for each end, [`Udp`]
//! around it. Where a back-end can not be a client it speaks in the hub's process.
//!
//! [`random_steps`] makes up schedules; `tests/convergence` of this crate holds the law over them.

mod application;
mod aws;
mod azure;
mod broker;
mod carrier;
mod clock;
mod coap;
mod conditions;
mod datagrams;
mod device_end;
mod dialect;
mod failure;
mod flash;
mod hub_end;
mod link;
mod mqtt;
mod native;
mod network;
mod pair;
mod random;
mod schedule;
mod writer;

pub use application::{Application, Obedient, Picky};
pub use aws::Aws;
pub use azure::Azure;
pub use broker::{Broker, ClientId, Packet};
pub use carrier::{Carrier, Ends, Language, Replies, Watch};
pub use clock::Clock;
pub use coap::{Coap, CoapDevice, CoapHub};
pub use conditions::{Burst, Conditions};
pub use datagrams::{Datagrams, DeviceSocket, HubSocket, Serve, Udp, Wire};
pub use dialect::{Dialect, Incoming, Request, Role, Routing, Unsent};
pub use failure::{Failure, Reason};
pub use flash::{Flash, FlashError, Tear};
pub use link::{End, Link, Partition, Traffic};
pub use mqtt::Mqtt;
pub use native::Native;
pub use network::{Arrival, Network};
pub use pair::{Pair, Settled, Setup};
pub use random::Random;
pub use schedule::{Patch, Step, Storage, random_steps};

#[cfg(test)]
mod tests;
