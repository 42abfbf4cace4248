//! Where the conversation stands, and how time moves it.

use super::Counters;
use super::changes::{Refused, names};
use super::config::{Config, NEVER};
use super::event::{Event, Events, Reason, Request};
use crate::document::{DocumentMut, DocumentRef};
use crate::protocol::{Jitter, VersionScope, Versions, Wanted};
use crate::time::{Duration, Instant};
use crate::twin::{Section, Version};

/// What the next request waits for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    /// There is no connection.
    Offline,
    /// Nothing: it goes out as soon as there is something to ask.
    Ready,
    /// The answer of the one in flight, until then.
    Waiting,
    /// The end of a delay after a failure.
    BackingOff,
}

/// What has to be asked next, in this order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    Subscribe,
    Get,
    /// Nothing: documents and versions are believed; reports may go out.
    InStep,
}

/// What the outgoing document holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Patch {
    /// Nothing that matters.
    None,
    /// A report whose only attempt is in flight, or was certainly not applied.
    Fresh,
    /// A report that may have been applied: the same is sent until someone tells.
    Doubtful,
    /// A leaf that is withheld, for the application to see.
    Withheld,
}

/// Everything of an engine but its documents.
///
/// What is looked at most stands first: on small targets, instructions with short offsets are shorter.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(super) struct Core {
    pub(super) state: State,
    pub(super) stage: Stage,
    pub(super) patch: Patch,
    /// The last request that was sent.
    pub(super) asked: Request,
    pub(super) wanted: Wanted,
    /// Nothing speaks against what is known: the next get may say so, for a shorter answer.
    pub(super) believed: bool,
    pub(super) config: Config,
    pub(super) next_id: u32,
    /// Failures in a row, of any request and of updates that lost against the twin's version.
    pub(super) attempts: u32,
    pub(super) conflicts: u32,
    /// The largest patch that is tried now.
    pub(super) limit: usize,
    pub(super) jitter: Jitter,
    pub(super) counters: Counters,
    pub(super) now: Instant,
    /// Until when the state lasts, if it is one that ends.
    pub(super) until: Instant,
    /// When the next report may go out.
    pub(super) report_at: Instant,
    /// When the next full get confirms what is known.
    pub(super) resync_at: Instant,
    /// The versions that the documents have.
    pub(super) known: Versions,
    /// The highest versions that were heard of since the last full get.
    pub(super) seen: Versions,
    /// The version of reported that was known when the last request was sent.
    pub(super) base: Version,
    /// The version that was known when a stale change last led to a full get.
    pub(super) doubted: Version,
    /// The version of a delta that someone else's update caused, until the echo of that update tells the
    /// rest; 0 if nothing is missing.
    pub(super) half_told: Version,
    pub(super) events: Events,
    pub(super) refused: Refused,
}

impl Core {
    pub(super) const fn new(config: Config) -> Self {
        Self {
            state: State::Offline,
            until: Instant::ZERO,
            asked: Request::Subscribe,
            base: Version::ZERO,
            stage: Stage::Subscribe,
            patch: Patch::None,
            wanted: Wanted::Sections,
            believed: false,
            known: Versions::all(Version::ZERO),
            seen: Versions::all(Version::ZERO),
            doubted: Version::ZERO,
            half_told: Version::ZERO,
            now: Instant::ZERO,
            report_at: Instant::ZERO,
            resync_at: Instant::ZERO,
            jitter: Jitter::new(config.seed),
            attempts: 0,
            conflicts: 0,
            next_id: config.seed,
            limit: config.patch_limit,
            events: Events::new(),
            refused: Refused::new(),
            counters: Counters::new(),
            config,
        }
    }

    /// Moves to `now`, never backwards, and past the deadlines that it reaches.
    pub(super) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.state == State::Waiting && self.until <= self.now {
            self.counters.timeouts = self.counters.timeouts.wrapping_add(1);
            let request = self.asked;
            self.events.raise(Event::TimedOut { request });
            self.doubt();
            self.back_off();
        }
        if self.state == State::BackingOff && self.until <= self.now {
            self.state = State::Ready;
        }
        if self.state == State::Ready
            && self.config.resync_interval != NEVER
            && self.resync_at <= self.now
        {
            self.resync();
        }
    }

    /// The point so many milliseconds from now; the clock's end rather than beyond.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn after(&self, millis: u32) -> Instant {
        self.now
            .saturating_add(Duration::from_millis(millis.into()))
    }

    /// The outcome of the update in flight, if there is one, will not be known.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn doubt(&mut self) {
        if self.patch == Patch::Fresh {
            self.patch = Patch::Doubtful;
        }
    }

    /// What is known is not believed any more: a full get is next.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn resync(&mut self) {
        self.believed = false;
        if self.stage == Stage::InStep {
            self.stage = Stage::Get;
            self.wanted = Wanted::Sections;
        }
    }

    /// Waits before the next request, longer with each failure in a row.
    pub(super) fn back_off(&mut self) {
        self.wait(self.attempts);
        self.attempts = self.attempts.saturating_add(1);
    }

    pub(super) fn wait(&mut self, attempts: u32) {
        let delay = self.config.backoff.millis(attempts, &mut self.jitter);
        self.state = State::BackingOff;
        self.until = self.after(delay);
    }

    /// The versions of a message: one counter for all where the protocol has only one.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn scoped(&self, versions: &Versions) -> Versions {
        match self.config.versions {
            VersionScope::Twin => Versions::all(versions.twin),
            VersionScope::Section => *versions,
        }
    }

    /// The version moves on: what is half told is not told any more, and is asked for.
    fn leave_behind(&mut self, version: Version) {
        if self.half_told != Version::ZERO && self.half_told < version {
            self.half_told = Version::ZERO;
            self.resync();
        }
    }

    /// A section is now that of this version.
    pub(super) fn section_is(&mut self, section: Section, version: Version) {
        self.leave_behind(version);
        match (self.config.versions, section) {
            (VersionScope::Twin, _) => self.known = Versions::all(version),
            (VersionScope::Section, Section::Desired) => self.known.desired = version,
            (VersionScope::Section, _) => self.known.reported = version,
        }
        let known = self.known;
        self.hear(&known);
    }

    /// Remembers the highest versions that were heard of.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn hear(&mut self, versions: &Versions) {
        self.seen.desired = self.seen.desired.max(versions.desired);
        self.seen.reported = self.seen.reported.max(versions.reported);
    }
}

/// An engine without its capacity: the core and views of the documents. All logic is on this.
pub(super) struct Parts<'a> {
    pub(super) core: &'a mut Core,
    pub(super) desired: DocumentMut<'a>,
    pub(super) reported: DocumentMut<'a>,
    pub(super) acknowledged: DocumentMut<'a>,
    pub(super) outgoing: DocumentMut<'a>,
}

impl Parts<'_> {
    /// The report in the outgoing document, without the section's name around it.
    pub(super) fn outgoing_report(&self) -> DocumentRef<'_> {
        section(self.outgoing.as_ref(), Section::Reported.key())
    }

    /// The service may soon have leaves that it never had: null marks them as this engine's, so that
    /// they are found again and removed, should they be taken back before an answer tells.
    pub(super) fn claim(&mut self) {
        let patch = section(self.outgoing.as_ref(), Section::Reported.key());
        let mut leaves = patch.leaves();
        while leaves.step() {
            let path = leaves.path();
            if leaves.document() != DocumentRef::NULL && !names(self.acknowledged.as_ref(), path) {
                // Without room for the mark it is only not found again.
                let _ = self.acknowledged.copy(path, DocumentRef::NULL);
            }
        }
    }

    /// The service has the outgoing report, or it is treated as if.
    pub(super) fn absorb(&mut self) {
        let patch = section(self.outgoing.as_ref(), Section::Reported.key());
        if self.acknowledged.merge(patch).is_err() {
            // What is to be removed takes too much room: all is reported anew.
            self.acknowledged.clear();
            let _ = self.acknowledged.merge(patch);
        }
    }

    /// The outgoing report can not go as it is: smaller ones find the leaf that is to blame, and that
    /// one is withheld.
    pub(super) fn narrow(&mut self, reason: Reason) {
        let report = self.outgoing_report();
        let mut leaves = report.leaves();
        let several = leaves.step() && leaves.step();
        let len = report.as_bytes().len();
        self.core.report_at = self.core.now;
        self.core.limit = len >> 1;
        if several {
            self.core.patch = Patch::None;
        } else {
            self.absorb();
            self.core.patch = Patch::Withheld;
            self.core.limit = len;
            self.core.events.raise(Event::LeafWithheld { reason });
        }
    }
}

/// The map under `key`, empty if there is none.
pub(super) fn section<'a>(document: DocumentRef<'a>, key: &str) -> DocumentRef<'a> {
    document
        .at(&[key])
        .filter(|section| section.is_map())
        .unwrap_or(DocumentRef::EMPTY)
}
