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
//! desired, twin before and after (AWS Device Shadow: *delta*, *documents*, *accepted*).
//!
//! ```
//! # #[cfg(feature = "alloc")] {
//! use twinsync::document::Document;
//! use twinsync::hub::{Config, HubEngine, InMemory};
//! use twinsync::protocol::{Audience, Message, RequestId, TwinId, UpdateRequest};
//! use twinsync::time::{Instant, Now, Timestamp};
//! use twinsync::twin::Update;
//!
//! let mut hub = HubEngine::<_, 1024>::new(InMemory::new(), Config::new());
//! let thing = TwinId::new("thing-1", None)?;
//! let mut patch = Document::<64>::new();
//! patch.set(&["desired", "target"], 21)?;
//! let update = Update::merge(patch.as_ref());
//! let id = RequestId::new("7");
//! let now = Now::new(Instant::ZERO, Timestamp::from_secs(1_700_000_000));
//!
//! hub.handle_message(now, thing, Message::Update(UpdateRequest { id, update }))?;
//! let mut sent = Vec::new();
//! while let Some(transmit) = hub.poll_transmit() {
//!     // An adapter encodes the message here; what fails to go out stays pending.
//!     sent.push((transmit.audience, matches!(transmit.message, Message::Delta(_))));
//!     transmit.sent();
//! }
//! assert_eq!(sent, [(Audience::Listeners, true), (Audience::Asker, false)]);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Rules of your own
//!
//! What the policy allows may still be impossible for the device: a state that it can not go to, a value
//! out of range. A [`Guard`](crate::rules::Guard) ([`Config::with_guard`]) judges each update after it was
//! applied and before it is saved; what it refuses is answered with
//! [`Rejected::Refused`](crate::twin::Rejected::Refused) (400) and changes nothing. Deletions are not asked
//! about.
//!
//! # Answers that are shorter
//!
//! A get may say what its asker has ([`Known`](crate::protocol::Known)). With the versions of desired and
//! reported and the tag of desired of this twin, the answer is that nothing changed. With reported's
//! version and an older one of desired, it is what changed since, if
//! [`TwinRef::desired_since`](crate::twin::TwinRef::desired_since) can tell. Otherwise it is the twin.
//!
//! # Stores that are asynchronous, or shared by several hubs
//!
//! A [`Registry`] answers at once. Around a store that does not, the same step is a function,
//! [`twin::apply`](crate::twin::apply), between a load and a save by compare-and-set; [`Usage`] keeps the
//! limits. Nothing is lost by racing: who comes second loads again.
//!
//! ```
//! use twinsync::document::Document;
//! use twinsync::hub::{RequestLimits, Usage};
//! use twinsync::time::Now;
//! use twinsync::twin::{self, Applied, Policy, Rejected, Twin, TwinRef, Update};
//!
//! /// A bucket of records with revisions, far away.
//! #[derive(Default)]
//! struct Bucket {
//!     record: Vec<u8>,
//!     revision: u64,
//! }
//!
//! impl Bucket {
//!     async fn load(&self) -> (Vec<u8>, u64) {
//!         (self.record.clone(), self.revision)
//!     }
//!
//!     /// Saves if nobody saved since `revision`.
//!     async fn swap(&mut self, revision: u64, record: &[u8]) -> bool {
//!         let current = self.revision == revision;
//!         if current {
//!             self.record = record.to_vec();
//!             self.revision += 1;
//!         }
//!         current
//!     }
//! }
//!
//! async fn update(
//!     bucket: &mut Bucket,
//!     usage: &mut Usage,
//!     update: &Update<'_>,
//!     now: Now,
//! ) -> Result<Applied, Rejected> {
//!     const LIMITS: RequestLimits = RequestLimits { in_flight: 10, per_second: 20 };
//!     usage.admit(now.instant, &LIMITS).map_err(|_| Rejected::Throttled)?;
//!     let mut next = Twin::<1024>::new();
//!     let result = loop {
//!         let (record, revision) = bucket.load().await;
//!         let previous = if record.is_empty() {
//!             TwinRef::ABSENT
//!         } else {
//!             match TwinRef::from_record(&record) {
//!                 Ok(twin) => twin,
//!                 Err(_) => break Err(Rejected::Unavailable),
//!             }
//!         };
//!         let applied = twin::apply(previous, update, now.wall, &Policy::new(), &mut next.as_mut());
//!         let Ok(applied) = applied else { break applied };
//!         let mut record = [0; 1024 + 48];
//!         let Ok(len) = next.as_ref().write_record(&mut record) else {
//!             break Err(Rejected::Unavailable);
//!         };
//!         if bucket.swap(revision, &record[..len]).await {
//!             break Ok(applied);
//!         }
//!     };
//!     usage.done();
//!     result
//! }
//!
//! # let mut bucket = Bucket::default();
//! # let mut usage = Usage::new();
//! # let mut patch = Document::<64>::new();
//! # patch.set(&["reported", "on"], true)?;
//! # for expected in 1..4 {
//! #     let request = Update::merge(patch.as_ref());
//! #     let step = update(&mut bucket, &mut usage, &request, Now::default());
//! #     let mut step = std::pin::pin!(step);
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     let std::task::Poll::Ready(applied) = step.as_mut().poll(&mut context) else { panic!() };
//! #     assert_eq!(applied?.versions.twin.as_u64(), expected);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!

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
