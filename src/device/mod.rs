//! The device engine: keeps one device in step with the service that holds its twin.
//!
//! **State, not a queue.** The engine keeps what is true (`reported`), what the service is known to
//! have of it (`acknowledged`), and sends the difference when it may. A week offline is one minimal
//! patch; a report that was lost is still a difference. Likewise the work list of the application is
//! the difference of `desired` and `reported`, computed when asked for and never stored.
//!
//! The engine does no I/O and reads no clock. It is told what happened ([`handle_connected`],
//! [`handle_message`], …, each with `now`), it is told what is true ([`report_value`],
//! [`acknowledge`], …), and it says what to do:
//!
//! **After every `handle_*` and every command, drain: call [`poll_transmit`] until it returns `None`,
//! then [`poll_event`] until it returns `None`, then sleep until [`poll_timeout`] and call
//! [`handle_timeout`].** A command called while draining makes `poll_timeout` return a time that has
//! passed, so that nothing is overlooked.
//!
//! ```
//! use twinsync::device::{Config, DeviceEngine, Event, Output, Session};
//! use twinsync::document::Document;
//! use twinsync::protocol::{Message, Snapshot, Versions};
//! use twinsync::time::{Instant, Timestamp};
//! use twinsync::twin::Version;
//!
//! let now = Instant::from_millis(0);
//! let mut engine = DeviceEngine::<256>::new(Config::new(0x5EED));
//! engine.report_value(now, &["firmware"], "1.4.2")?;
//!
//! // The network is up. What the engine wants to say, an adapter would encode and publish.
//! engine.handle_connected(now, Session::Fresh);
//! let transmit = engine.poll_transmit(now).ok_or("subscribe")?;
//! assert_eq!(transmit.output(), Output::Subscribe);
//! transmit.sent(now);
//! engine.handle_subscribed(now);
//! let transmit = engine.poll_transmit(now).ok_or("get")?;
//! assert!(matches!(transmit.output(), Output::Message(Message::Get(_))));
//! transmit.sent(now);
//!
//! // The service answers: it wants 21 degrees.
//! let mut twin = Document::<64>::new();
//! twin.set(&["desired", "target"], 21)?;
//! engine.handle_message(now, Message::GetAccepted(Snapshot {
//!     id: twinsync::protocol::RequestId::new("00005eed"),
//!     document: twin.as_ref(),
//!     versions: Versions::all(Version::new(7)),
//!     timestamp: Timestamp::EPOCH,
//! }))?;
//! assert_eq!(engine.poll_event(), Some(Event::Synced));
//! assert_eq!(engine.poll_event(), Some(Event::DesiredChanged));
//! assert_eq!(engine.desired().read::<i32>(&["target"])?, 21);
//! engine.acknowledge(now, &["target"])?;
//!
//! // One patch reports both.
//! let transmit = engine.poll_transmit(now).ok_or("update")?;
//! let Output::Message(Message::Update(request)) = transmit.output() else { panic!() };
//! assert_eq!(request.update.patch.read::<i32>(&["reported", "target"])?, 21);
//! assert_eq!(request.update.patch.read::<&str>(&["reported", "firmware"])?, "1.4.2");
//! transmit.sent(now);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Three fates of trouble
//!
//! * **The caller's mistake is an `Err`** and changed nothing: a report that does not fit, a verdict on
//!   something that is not desired, a request handed to a device.
//! * **The peer's or the network's trouble is an [`Event`]**, and the engine goes on by itself. A lost
//!   answer: the same report again with a fresh id, because it may have been applied, until an answer
//!   or a full get tells. 400, 413, 415: smaller reports find the one leaf that is to blame; it is
//!   withheld until the next full get or until it changes, the rest goes on. 404, 409, 412: a full get,
//!   then what is missing; at once the first time, then with back-off. 429, 500, 503: back-off. 401,
//!   403: the longest back-off. A 404 for the twin itself means that both sections are empty.
//! * **Noise is dropped and counted** ([`Counters`]): stale and duplicate changes, answers to others.
//!
//! # Versions
//!
//! A change of the next version is applied. A duplicate or stale one is dropped; the first stale one
//! after a known version leads to a full get all the same, because the service may have lost its data.
//! Behind a gap a cumulative delta is applied, a patch is not, and a full get follows. A full get
//! always wins, even with a lower version; if something newer was heard of since it was asked, it is
//! asked once more. An accepted report whose version did not grow means that the service lost data,
//! and leads to a full get, too.
//!
//! The whole of desired ([`Message::Desired`]) has no gaps: it is taken whenever it is newer. Where one
//! counter serves all, a jump of it is still followed by a full get, for what it may have counted besides.
//!
//! # Resuming
//!
//! Where each section has a version of its own, the get after a connect or a restart says what is known, if
//! nothing speaks against that ([`Known`](crate::protocol::Known)). Its answer may be that nothing changed,
//! or a patch of desired, which is taken only if its tag proves that it leads to the service's desired. In
//! doubt (a gap, something stale, a conflict, an answer that does not fit, the interval, a command) the
//! get asks for everything. A service that lost a twin and has counted *reported* up to the known version
//! again, with the same desired, is found out by the next of those full gets.
//!
//! # Memory
//!
//! `DeviceEngine<N>` holds four documents of `N` bytes: desired, reported, acknowledged, and the report
//! on its way; besides them at most 512 bytes. `N` must hold the larger section and 12 bytes. All logic
//! exists once, for all `N`. Every call is bounded: linear in the documents it touches.
//!
//! [`handle_connected`]: DeviceEngine::handle_connected
//! [`handle_message`]: DeviceEngine::handle_message
//! [`handle_timeout`]: DeviceEngine::handle_timeout
//! [`report_value`]: DeviceEngine::report_value
//! [`acknowledge`]: DeviceEngine::acknowledge
//! [`poll_transmit`]: DeviceEngine::poll_transmit
//! [`poll_event`]: DeviceEngine::poll_event
//! [`poll_timeout`]: DeviceEngine::poll_timeout

mod changes;
mod commands;
mod config;
mod event;
mod inbound;
mod observed;
mod outbound;
mod resume;
mod ruled;
mod state;

pub use crate::protocol::Wanted;
pub use crate::rules::Verdict;
pub use changes::{Acks, Changes, MAX_REFUSED, Says};
pub use commands::{Memory, ReportError, Settled, VerdictError};
pub use config::{Config, ForeignLeaves};
pub use event::{Event, Reason, Request};
pub use inbound::HandleError;
pub use outbound::{Output, Transmit};
pub use ruled::Ruled;

#[cfg(feature = "serde")]
use crate::document::{BuildError, DocumentMut, TypeError, TypedError};
use crate::document::{Document, DocumentRef, EditError, Leaf, Value};
use crate::error::CapacityError;
use crate::protocol::{Message, Versions};
use crate::rules::{EnterError, Move, Rulebook};
use crate::time::{Instant, Now};
use crate::twin::Version;
use state::{Core, Parts, Patch, Stage, State};

/// Keeps one twin of one device in step with its service; see the [module](self) for the contract.
///
/// **After every `handle_*` and every command, drain: `poll_transmit` until `None`, then `poll_event`
/// until `None`, then sleep until `poll_timeout` and call `handle_timeout`.**
///
/// `N` is the capacity of each of its four documents in bytes. `now` must come from one monotonic
/// clock; an earlier time than the last one counts as the last one.
#[derive(Clone, Debug)]
pub struct DeviceEngine<const N: usize> {
    core: Core,
    desired: Document<N>,
    reported: Document<N>,
    acknowledged: Document<N>,
    outgoing: Document<N>,
}

/// Whether the broker remembered this client when it connected (MQTT *session present*).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Session {
    /// No: subscriptions must be asked for.
    Fresh,
    /// Yes: the subscriptions stand, and messages may have been kept.
    Resumed,
}

/// How far the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Link {
    /// There is no connection.
    Offline,
    /// Subscriptions do not stand yet.
    Subscribing,
    /// A full get is asked for or due.
    Resyncing,
    /// What is known of the service is believed; reports go out.
    Online,
}

/// How often something was dropped or went wrong; wraps around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counters {
    /// Changes of desired with a lower version than the known one.
    pub stale: u32,
    /// Changes and answers that were known already.
    pub duplicate: u32,
    /// Versions that jumped: something was missed.
    pub gaps: u32,
    /// Requests without an answer in time.
    pub timeouts: u32,
    /// Answers to requests that are not in flight: of other clients, or too late.
    pub foreign: u32,
}

impl Counters {
    const fn new() -> Self {
        Self {
            stale: 0,
            duplicate: 0,
            gaps: 0,
            timeouts: 0,
            foreign: 0,
        }
    }
}

impl<const N: usize> DeviceEngine<N> {
    /// Makes an engine that is offline and knows nothing.
    pub const fn new(config: Config) -> Self {
        const {
            assert!(N >= 64, "documents of fewer than 64 bytes hold no report");
        }
        Self {
            core: Core::new(config),
            desired: Document::new(),
            reported: Document::new(),
            acknowledged: Document::new(),
            outgoing: Document::new(),
        }
    }

    /// A call of its own on small targets: in line, it would be the larger part of each method.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn parts(&mut self) -> Parts<'_> {
        Parts {
            core: &mut self.core,
            desired: self.desired.as_mut(),
            reported: self.reported.as_mut(),
            acknowledged: self.acknowledged.as_mut(),
            outgoing: self.outgoing.as_mut(),
        }
    }
}

/// What happened.
impl<const N: usize> DeviceEngine<N> {
    /// There is a connection. `session` says whether subscriptions are needed.
    ///
    /// A full get follows (after [`Session::Resumed`] unless
    /// [`with_resync_on_resume`](Config::with_resync_on_resume) says otherwise and nothing is in doubt).
    pub fn handle_connected(&mut self, now: Instant, session: Session) {
        self.parts().handle_connected(now, session);
    }

    /// All subscriptions stand.
    pub fn handle_subscribed(&mut self, now: Instant) {
        self.parts().handle_subscribed(now);
    }

    /// The connection is gone. A report in flight may have been applied: the full get after the next
    /// connect tells.
    pub fn handle_disconnected(&mut self, now: Instant) {
        self.parts().handle_disconnected(now);
    }

    /// A message came from the service. Unknown, late and foreign ones are dropped and counted.
    ///
    /// # Errors
    /// [`HandleError`] if it is a request; nothing was changed.
    pub fn handle_message(
        &mut self,
        now: Instant,
        message: Message<'_>,
    ) -> Result<(), HandleError> {
        self.parts().handle_message(now, &message)
    }

    /// A message came that the decoder had no room for: it would have taken `needed` bytes.
    ///
    /// If a full get is in flight, its answer was meant: the engine asks again in reduced form, see
    /// [`wanted`](Self::wanted). Otherwise a change of desired is lost, and an event says so.
    pub fn handle_oversized(&mut self, now: Instant, needed: usize) {
        self.parts().handle_oversized(now, needed);
    }

    /// Time has passed. Extra calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.core.advance(now);
    }
}

/// What is to be done.
impl<const N: usize> DeviceEngine<N> {
    /// Returns the request that is due, if any: one at a time, the next after its answer.
    ///
    /// Waits while the application has not taken an [`Event::LeafWithheld`]. Cost: linear in the
    /// documents when a report is built.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit<'_>> {
        let mut parts = self.parts();
        let due = parts.due(now)?;
        Some(Transmit::new(parts, due))
    }

    /// Returns the next event.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.core.events.take()
    }

    /// Returns when to drain again if nothing happens before: `None` only without a connection, or when
    /// in sync and never to be confirmed.
    ///
    /// A time that has passed means that a request is due now. Calling early costs nothing but the
    /// call; calling late delays retries and reports by as much. It may change after every call of a
    /// `&mut` method. Cost: one compare of two documents.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        outbound::poll_timeout(
            &self.core,
            self.reported.as_ref() == self.acknowledged.as_ref(),
        )
    }
}

/// What the application says.
impl<const N: usize> DeviceEngine<N> {
    /// What is true has changed: merges `patch` (RFC 7396) into reported.
    ///
    /// # Errors
    /// [`ReportError`]: not a map, too deep, or it does not fit.
    pub fn report(&mut self, now: Instant, patch: DocumentRef<'_>) -> Result<(), ReportError> {
        self.parts().report(now, patch)
    }

    /// What is true has changed: merges `value`, serialised, into reported. A field that is `None` takes
    /// its key back; what did not change is not sent.
    ///
    /// `scratch` takes the serialised value in between; what it held is lost.
    ///
    /// # Errors
    /// [`TypedError`]: the value is no map, is too deep, or does not fit `scratch` or reported;
    /// reported is then as it was.
    #[cfg(feature = "serde")]
    pub fn report_serialized<T: serde::Serialize + ?Sized>(
        &mut self,
        now: Instant,
        value: &T,
        scratch: &mut DocumentMut<'_>,
    ) -> Result<(), TypedError> {
        scratch.serialize(value)?;
        self.report(now, scratch.as_ref())
            .map_err(|error| match error {
                ReportError::NotAMap | ReportError::Null => TypeError::Mismatch.into(),
                ReportError::Edit(EditError::TooDeep) => BuildError::TooDeep.into(),
                ReportError::Edit(EditError::KeyTooLong) => BuildError::KeyTooLong.into(),
                ReportError::Edit(EditError::Capacity(error)) => error.into(),
            })
    }

    /// One value is true now; null takes it back.
    ///
    /// # Errors
    /// [`ReportError`]: too deep, it does not fit, or it is a map with a null in it.
    pub fn report_value<'v>(
        &mut self,
        now: Instant,
        path: &[&str],
        value: impl Into<Value<'v>>,
    ) -> Result<(), ReportError> {
        self.parts().report_value(now, path, value.into())
    }

    /// The desired value at `path` (a leaf or a whole map) is in effect as asked: reported says the
    /// same from now on.
    ///
    /// # Errors
    /// [`VerdictError`]: nothing is desired there, or it does not fit into reported.
    pub fn acknowledge(&mut self, now: Instant, path: &[&str]) -> Result<(), VerdictError> {
        self.parts().acknowledge(now, path)
    }

    /// The desired value at `path` will not be put into effect: [`changes`](Self::changes) does not
    /// offer it again until it changes. The reason is for the application to report.
    ///
    /// The engine remembers the last [`MAX_REFUSED`] values, as hashes of 64 bits; older ones, all of them after a
    /// restart, and what is desired anew after something else was, are offered again.
    ///
    /// # Errors
    /// [`VerdictError::NotDesired`].
    pub fn refuse(&mut self, now: Instant, path: &[&str]) -> Result<(), VerdictError> {
        self.parts().refuse(now, path)
    }

    /// Puts every change of the work list before `judge`, and acknowledges or refuses it as `judge`
    /// says.
    pub fn settle(&mut self, now: Instant, mut judge: impl FnMut(Leaf<'_>) -> Verdict) -> Settled {
        self.parts().settle(now, &mut judge)
    }

    /// Puts desired before `rules`, and every change that they have nothing against before `judge`, see
    /// [`settle`](Self::settle). What the rules refuse is reported with its reason and is not offered
    /// again; a state machine moves and says so. Call it on [`Event::DesiredChanged`],
    /// [`Event::Synced`], at [`Rulebook::poll_timeout`], and when something changed that the rules'
    /// conditions look at. Extra calls change nothing.
    ///
    /// Whoever uses a rulebook leaves its leaves to it: they are not to be acknowledged or reported by hand.
    ///
    /// Cost: for each change, one pass over the value rules.
    ///
    /// # Errors
    /// [`EditError`]: the machine's state, or the change that time makes, does not fit into reported;
    /// nothing was changed.
    pub fn settle_by(
        &mut self,
        now: Now,
        rules: &mut Rulebook,
        mut judge: impl FnMut(Leaf<'_>) -> Verdict,
    ) -> Result<Ruled, EditError> {
        self.parts().settle_by(now, rules, &mut judge)
    }

    /// The device changes the state of its machine by itself, and reports why: see
    /// [`StateMachine::enter`](crate::rules::StateMachine::enter).
    ///
    /// # Errors
    /// [`EnterError`], or `None` if `rules` have no machine; nothing was changed.
    pub fn enter(
        &mut self,
        now: Now,
        rules: &mut Rulebook,
        to: &str,
        reason: &str,
    ) -> Result<Move, Option<EnterError>> {
        self.parts().enter(now, rules, to, reason)
    }

    /// Asks for the whole twin as soon as possible.
    pub fn refresh(&mut self, now: Instant) {
        self.parts().refresh(now);
    }

    /// Takes over what an earlier life of this device kept, see [`memory`](Self::memory). Call it
    /// before the first connect. The interval of full gets starts anew: a device that restarts more often
    /// calls [`refresh`](Self::refresh) now and then.
    ///
    /// # Errors
    /// [`CapacityError`] if one of the documents does not fit; nothing was changed.
    pub fn restore(&mut self, memory: &Memory<'_>) -> Result<(), CapacityError> {
        self.parts().restore(memory)
    }
}

/// What is known.
impl<const N: usize> DeviceEngine<N> {
    /// Returns the service's desired section, as far as it is known.
    pub fn desired(&self) -> DocumentRef<'_> {
        self.desired.as_ref()
    }

    /// Returns what this device says.
    pub fn reported(&self) -> DocumentRef<'_> {
        self.reported.as_ref()
    }

    /// Returns what the service is known to have of what this device says; withheld leaves included, and
    /// with null for new leaves in flight.
    pub fn acknowledged(&self) -> DocumentRef<'_> {
        self.acknowledged.as_ref()
    }

    /// Returns the work list: leaves of desired that reported does not say and that were not refused.
    pub fn changes(&self) -> Changes<'_> {
        Changes::new(
            self.desired(),
            self.reported(),
            self.core.config.acks,
            &self.core.refused,
        )
    }

    /// Returns the leaf that the last [`Event::LeafWithheld`] was about, as a patch of reported; it is
    /// gone after the next `poll_transmit`.
    pub fn withheld(&self) -> Option<DocumentRef<'_>> {
        let section = state::section(self.outgoing.as_ref(), "reported");
        (self.core.patch == Patch::Withheld).then_some(section)
    }

    /// Returns the version of the twin (of desired, where each section has its own) that is known.
    pub const fn version(&self) -> Version {
        self.core.known.desired
    }

    /// Returns the versions that are known.
    pub const fn versions(&self) -> Versions {
        self.core.known
    }

    /// Returns whether the service is known to have all that is reported, and nothing is in flight.
    pub fn is_synced(&self) -> bool {
        self.link() == Link::Online
            && self.core.state == State::Ready
            && self.core.patch != Patch::Doubtful
            && self.reported.as_ref() == self.acknowledged.as_ref()
    }

    /// Returns how far the engine is.
    pub fn link(&self) -> Link {
        match (self.core.state, self.core.stage) {
            (State::Offline, _) => Link::Offline,
            (_, Stage::Subscribe) => Link::Subscribing,
            (_, Stage::Get) => Link::Resyncing,
            (_, Stage::InStep) => Link::Online,
        }
    }

    /// Returns which form of the twin the decoder should take from the answer of a full get.
    pub const fn wanted(&self) -> Wanted {
        self.core.wanted
    }

    /// Returns how often something was dropped or went wrong.
    pub const fn counters(&self) -> Counters {
        self.core.counters
    }

    /// Returns what must be kept over a restart.
    ///
    /// Store it whenever it changed as often as the storage bears. What was reported after the last
    /// time is reported again by the application; what is desired is asked for again.
    pub fn memory(&self) -> Memory<'_> {
        Memory {
            desired: self.desired(),
            reported: self.reported(),
            acknowledged: self.acknowledged(),
            versions: self.core.known,
            next_request: self.core.next_id,
        }
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize> defmt::Format for DeviceEngine<N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "DeviceEngine {}, in step: {=bool}, {}",
            self.link(),
            self.is_synced(),
            self.versions()
        );
    }
}

#[cfg(test)]
mod tests;
