//! Many twins at once: settings by condition, rollouts, automatic configurations, search.
//!
//! | what | over |
//! | --- | --- |
//! | [`Setting`]: one change at each device that a condition matches, under the version it was judged on | any registry |
//! | [`Rollout`]: a configuration in waves, stopped and rolled back where it fails | any registry |
//! | [`Automatic`], [`reconcile`]: who is targeted gets it, who leaves loses it | any registry |
//! | `Indexed`: a registry in memory (feature `alloc`) that answers queries, page by page, with indexes | itself |
//!
//! **The one rule: a twin is changed only under the version that it was judged on.** No lock is held between
//! reading and writing: a change that lost a race is judged and made again, a few times, and says so. The result
//! stands at each device: [`Outcome`] for a setting, [`Target`] for a rollout, with how often it was tried and,
//! in the device's words, why it failed. The example `fleet_config` shows all of it over 50 devices.
//!
//! # Search
//!
//! `Indexed` is a [`Registry`](crate::hub::Registry) for the hub that can also be asked questions: it
//! runs a [`Query`](crate::query::Query) over its twins, page by page, and keeps indexes of chosen paths.
//!
//! An index changes how long an answer takes, never the answer: it only narrows down which twins are looked
//! at; the condition decides about each of them. `configurations.[[id]].status` is `'Applied'` where an
//! [`Automatic`] of this id has been reconciled and still targets the twin.
//!
//! ```
//! use twinsync::document::Document;
//! use twinsync::fleet::{Indexed, PageRequest};
//! use twinsync::hub::{Config, HubEngine};
//! use twinsync::protocol::{Message, RequestId, TwinId, UpdateRequest};
//! use twinsync::query::{Dialect, Query};
//! use twinsync::time::{Instant, Now, Timestamp};
//! use twinsync::twin::Update;
//!
//! let fleet = Indexed::new().with_index("tags.site")?;
//! let mut hub = HubEngine::<_, 1024>::new(fleet, Config::new());
//! let now = Now::new(Instant::ZERO, Timestamp::from_secs(1_700_000_000));
//! for (device, site) in [("pump-1", "north"), ("pump-2", "south"), ("pump-3", "north")] {
//!     let mut patch = Document::<64>::new();
//!     patch.set(&["tags", "site"], site)?;
//!     let update = Update::merge(patch.as_ref());
//!     let message = Message::Update(UpdateRequest { id: RequestId::new("1"), update });
//!     hub.handle_message(now, TwinId::new(device, None)?, message)?;
//!     while let Some(transmit) = hub.poll_transmit() {
//!         transmit.sent();
//!     }
//! }
//!
//! let query = Query::<32>::parse("SELECT deviceId FROM devices WHERE tags.site = 'north'", Dialect::TWIN)?;
//! let first = hub.registry().search(query.as_ref(), PageRequest::new(1))?;
//! assert_eq!(first.row(0).unwrap().read::<&str>(&["deviceId"])?, "pump-1");
//! assert_eq!(first.examined(), 2, "the index knows which two");
//! let token = first.continuation().unwrap();
//! let next = hub.registry().search(query.as_ref(), PageRequest::new(1).after(token))?;
//! assert_eq!(next.row(0).unwrap().read::<&str>(&["deviceId"])?, "pump-3");
//! assert_eq!(next.continuation(), None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod automatic;
#[cfg(feature = "alloc")]
mod index;
#[cfg(feature = "alloc")]
mod indexed;
mod rollout;
#[cfg(feature = "alloc")]
mod search;
mod setting;
#[cfg(feature = "alloc")]
mod token;

pub use automatic::{
    Automatic, AutomaticError, MAX_METRICS, Metric, Metrics, Reconciled, reconcile,
};
#[cfg(feature = "alloc")]
pub use indexed::Indexed;
pub use rollout::{Counts, Plan, Progress, Rollout, State, Target};
#[cfg(feature = "alloc")]
pub use search::{MAX_GROUP_KEY, MAX_GROUPS, MAX_WHOLE_PAGE, Page, PageRequest, SearchError};
pub use setting::{Deliver, Everyone, Failed, Outcome, Setting, Skip, Targeted};
#[cfg(feature = "alloc")]
pub use token::TokenError;

#[cfg(test)]
mod tests;
