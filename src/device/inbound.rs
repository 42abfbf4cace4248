//! What comes in: the state of the connection, and the service's messages.

use core::fmt;

use super::changes::names;
use super::event::{Event, Reason, Request};
use super::outbound::hex;
use super::resume::Difference;
use super::state::{Parts, Patch, Stage, State, section};
use super::{ForeignLeaves, Session};
use crate::document::DocumentRef;
use crate::error::Status;
use crate::protocol::{
    Accepted, Message, Rejection, RequestId, RequestKind, VersionScope, Versions, Wanted,
};
use crate::time::Instant;
use crate::twin::{ETag, Section, Succession, Version};

/// Why a message was not taken; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HandleError {
    /// It is a request: it belongs to a service, not to a device.
    NotForDevices,
}

/// How much of desired a message tells.
#[derive(Clone, Copy, PartialEq)]
enum Extent {
    /// All that reported does not say.
    Difference,
    /// What one update changed.
    Update,
    /// Everything.
    Whole,
}

// The handlers are kept apart, so that the stack of one is not the stack of all.
impl Parts<'_> {
    pub(super) fn handle_connected(&mut self, now: Instant, session: Session) {
        self.handle_disconnected(now);
        let core = &mut *self.core;
        core.state = State::Ready;
        core.attempts = 0;
        core.conflicts = 0;
        core.wanted = Wanted::Sections;
        core.limit = core.config.patch_limit;
        core.report_at = core.now;
        if core.resync_at == Instant::ZERO {
            // Nothing was got yet in this life.
            core.resync_at = core.after(core.config.resync_interval);
        }
        let doubt = core.patch == Patch::Doubtful || core.config.resync_on_resume;
        core.stage = match (session, core.stage) {
            (Session::Fresh, _) | (Session::Resumed, Stage::Subscribe) => Stage::Subscribe,
            (Session::Resumed, Stage::InStep) if !doubt => Stage::InStep,
            (Session::Resumed, Stage::InStep | Stage::Get) => Stage::Get,
        };
    }

    pub(super) fn handle_subscribed(&mut self, now: Instant) {
        self.core.advance(now);
        let core = &mut *self.core;
        if core.stage == Stage::Subscribe && core.state != State::Offline {
            core.stage = Stage::Get;
            core.state = State::Ready;
            core.attempts = 0;
        }
    }

    pub(super) fn handle_disconnected(&mut self, now: Instant) {
        self.core.advance(now);
        self.core.doubt();
        self.core.state = State::Offline;
    }

    pub(super) fn handle_message(
        &mut self,
        now: Instant,
        message: &Message<'_>,
    ) -> Result<(), HandleError> {
        self.core.advance(now);
        match message {
            Message::GetAccepted(snapshot) if self.answers(Request::Get, snapshot.id) => {
                self.adopt(snapshot.document, &snapshot.versions);
            }
            Message::GetUnchanged(accepted) => {
                self.confirmed(accepted.id, &accepted.versions, None);
            }
            Message::UpdateAccepted(accepted) => self.update_accepted(accepted),
            Message::DeleteAccepted(accepted) => {
                let mut versions = self.core.scoped(&accepted.versions);
                // A deletion counts: what is older than it is known to be outdated.
                versions.desired = versions.desired.next();
                versions.reported = versions.reported.next();
                self.core.hear(&versions);
                self.core.resync();
            }
            Message::Rejected(rejection) => self.rejected(rejection),
            Message::Delta(delta) => {
                self.desired_told(delta.id, &delta.versions, delta.patch, Extent::Difference);
            }
            Message::DesiredPatch(delta) => {
                self.desired_told(delta.id, &delta.versions, delta.patch, Extent::Update);
            }
            Message::GetPatched(patched) => {
                let patch = (patched.patch, patched.desired);
                self.confirmed(patched.id, &patched.versions, Some(&patch));
            }
            Message::Desired(snapshot) => {
                let desired = section(snapshot.document, Section::Desired.key());
                self.desired_told(snapshot.id, &snapshot.versions, desired, Extent::Whole);
            }
            Message::GetAccepted(_) | Message::Changed(_) => self.foreign(),
            Message::Get(_) | Message::Update(_) | Message::Delete(_) => {
                return Err(HandleError::NotForDevices);
            }
        }
        Ok(())
    }

    pub(super) fn handle_oversized(&mut self, now: Instant, needed: usize) {
        self.core.advance(now);
        let core = &mut *self.core;
        if core.state != State::Waiting || core.asked != Request::Get {
            core.events.raise(Event::DesiredTooLarge { needed });
            return;
        }
        core.events.raise(Event::TwinTooLarge { needed });
        core.state = State::Ready;
        match core.wanted {
            Wanted::Sections => core.wanted = Wanted::Delta,
            // Not even that fits: go on with what there is, until the next reason to ask.
            Wanted::Delta => self.in_step(),
        }
    }

    fn foreign(&mut self) {
        self.core.counters.foreign = self.core.counters.foreign.wrapping_add(1);
    }

    /// Whether this is about the request in flight.
    fn is_in_flight(&self, request: Request, id: Option<RequestId<'_>>) -> bool {
        self.core.state == State::Waiting && self.core.asked == request && self.is_last(id)
    }

    /// Whether this is the id of the last request that had one.
    fn is_last(&self, id: Option<RequestId<'_>>) -> bool {
        let last = self.core.next_id.wrapping_sub(1);
        id.is_some_and(|id| id.as_str().as_bytes() == hex(last))
    }

    /// Whether this answers the request in flight; the request is then over.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn answers(&mut self, request: Request, id: Option<RequestId<'_>>) -> bool {
        let answers = self.is_in_flight(request, id);
        if answers {
            self.core.state = State::Ready;
        }
        answers
    }

    /// A get is answered by less than the whole twin: the service has what is known, but for this patch of
    /// desired, if there is one. What does not fit together is a doubt, and the next get asks for everything.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn confirmed(
        &mut self,
        id: Option<RequestId<'_>>,
        versions: &Versions,
        patch: Option<&Difference<'_>>,
    ) {
        if !self.answers(Request::Get, id) {
            self.foreign();
            return;
        }
        let versions = self.core.scoped(versions);
        let known = self.core.known;
        let same = versions.reported == known.reported
            && match (patch, self.core.config.resume) {
                (None, _) => versions.desired == known.desired,
                (Some(patch), Some(resume)) => (resume.patched)(self, patch),
                (Some(_), None) => false,
            };
        let core = &mut *self.core;
        core.patch = Patch::None;
        if same {
            let resync_at = core.resync_at;
            self.got(&versions);
            // Only a full get is a confirmation.
            self.core.resync_at = resync_at;
            return;
        }
        if !core.believed {
            // It was not told what is known.
            core.back_off();
        }
        core.believed = false;
    }

    /// Takes the service's word, whatever was known before.
    #[inline(never)]
    fn adopt(&mut self, document: DocumentRef<'_>, versions: &Versions) {
        let sections = self.core.wanted == Wanted::Sections;
        // Where a service can not tell the delta, desired stands alone.
        let whole = sections || document.at(&[Section::Desired.key()]).is_some();
        let key = if whole {
            Section::Desired.key()
        } else {
            "delta"
        };
        self.take_desired(section(document, key), whole);
        if sections {
            self.learn(section(document, Section::Reported.key()));
            // What was in doubt is settled: the service has what it says it has.
            self.core.patch = Patch::None;
        }
        let versions = self.core.scoped(versions);
        self.got(&versions);
    }

    /// A get is answered, with these versions.
    fn got(&mut self, versions: &Versions) {
        let core = &mut *self.core;
        // Something newer was heard of: the answer was overtaken, or the service has lost what it had.
        // Asking once more tells which.
        let overtaken =
            versions.desired < core.seen.desired || versions.reported < core.seen.reported;
        core.known = *versions;
        core.seen = *versions;
        core.half_told = Version::ZERO;
        core.attempts = 0;
        core.believed = !overtaken && core.wanted == Wanted::Sections;
        if !overtaken {
            self.in_step();
            self.core.events.raise(Event::Synced);
        }
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn in_step(&mut self) {
        let core = &mut *self.core;
        core.stage = Stage::InStep;
        core.resync_at = core.after(core.config.resync_interval);
    }

    /// Takes over what the service has of reported, as far as it is this engine's.
    #[inline(never)]
    fn learn(&mut self, theirs: DocumentRef<'_>) {
        let mut known = theirs;
        if self.core.config.foreign == ForeignLeaves::Keep {
            self.outgoing.clear();
            let mut fits = true;
            let mut leaves = theirs.leaves();
            while leaves.step() {
                let path = leaves.path();
                let ours =
                    names(self.reported.as_ref(), path) || names(self.acknowledged.as_ref(), path);
                if ours && self.outgoing.copy(path, leaves.document()).is_err() {
                    fits = false;
                }
            }
            // If a part does not fit, the whole does not either, and says how much it takes.
            if fits {
                known = self.outgoing.as_ref();
            }
        }
        if let Err(error) = self.acknowledged.assign(known) {
            // Nothing is known then, and all is reported anew.
            self.acknowledged.clear();
            self.core.events.raise(Event::TwinTooLarge {
                needed: error.needed,
            });
        }
    }

    #[inline(never)]
    fn desired_told(
        &mut self,
        id: Option<RequestId<'_>>,
        versions: &Versions,
        told: DocumentRef<'_>,
        extent: Extent,
    ) {
        let version = self.core.scoped(versions).desired;
        let own = self.is_in_flight(Request::Update, id);
        let core = &mut *self.core;
        match version.after(core.known.desired) {
            Succession::Next => {}
            Succession::Duplicate => {
                core.counters.duplicate = core.counters.duplicate.wrapping_add(1);
                let held = match extent {
                    Extent::Whole => self.desired.as_ref() == told,
                    Extent::Difference | Extent::Update => self.holds(told),
                };
                if !held {
                    // The same version with other words: the service lost data and counts anew.
                    self.core.resync();
                }
                return;
            }
            Succession::Stale => {
                core.counters.stale = core.counters.stale.wrapping_add(1);
                // Late, or the service has lost versions: one full get for each known version tells.
                if core.doubted != core.known.desired {
                    core.doubted = core.known.desired;
                    core.resync();
                }
                return;
            }
            // Nothing of desired is missing, and nothing else is counted.
            Succession::Gap
                if extent == Extent::Whole && core.config.versions == VersionScope::Section => {}
            Succession::Gap => {
                if core.stage == Stage::InStep {
                    core.counters.gaps = core.counters.gaps.wrapping_add(1);
                }
                core.resync();
                if extent == Extent::Update {
                    core.seen.desired = core.seen.desired.max(version);
                    return;
                }
            }
        }
        self.take_desired(told, extent == Extent::Whole);
        self.core.section_is(Section::Desired, version);
        if extent == Extent::Difference && !own && self.core.config.versions == VersionScope::Twin {
            // A delta does not say what was removed, nor what was reported: the echo of the update does.
            self.core.half_told = version;
        }
    }

    /// Whether desired says already what this patch of it says.
    #[inline(never)]
    fn holds(&self, patch: DocumentRef<'_>) -> bool {
        let desired = self.desired.as_ref();
        let mut leaves = patch.leaves();
        while leaves.step() {
            let told = leaves.document();
            let held = match desired.at(leaves.path()) {
                Some(known) => known == told || (told.is_empty() && known.is_map()),
                None => told == DocumentRef::NULL,
            };
            if !held {
                return false;
            }
        }
        true
    }

    /// Desired is this, or what it was with this patch, as far as it fits.
    #[inline(never)]
    fn take_desired(&mut self, told: DocumentRef<'_>, whole: bool) {
        if !told.is_map() || self.desired.as_ref() == told {
            return;
        }
        // A hash of what it was says whether it is the same afterwards.
        let before = self.tag();
        if whole {
            self.desired.clear();
        }
        if let Err(error) = self.desired.merge(told) {
            self.take_what_fits(told, error.needed);
        }
        self.tell_changes(before);
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn tag(&self) -> ETag {
        ETag::of(self.desired.as_ref())
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn tell_changes(&mut self, before: ETag) {
        if self.tag() != before {
            self.core.refused.retain(self.desired.as_ref());
            self.core.events.raise(Event::DesiredChanged);
        }
    }

    /// Takes the leaves that fit of a patch that does not: a large one does not hold the others back.
    #[inline(never)]
    fn take_what_fits(&mut self, patch: DocumentRef<'_>, needed: usize) {
        let mut leaves = patch.leaves();
        while leaves.step() {
            let (path, told) = (leaves.path(), leaves.document());
            if told == DocumentRef::NULL {
                self.desired.remove(path);
                continue;
            }
            // An empty map changes nothing where there is a map already (RFC 7396).
            let stays = told.is_empty()
                && self
                    .desired
                    .as_ref()
                    .at(path)
                    .is_some_and(DocumentRef::is_map);
            if !stays {
                // What does not fit is what the event is about.
                let _ = self.desired.copy(path, told);
            }
        }
        self.core.events.raise(Event::DesiredTooLarge { needed });
    }

    #[inline(never)]
    fn update_accepted(&mut self, accepted: &Accepted<'_>) {
        if !self.answers(Request::Update, accepted.id) {
            self.foreign_update(accepted);
            return;
        }
        self.absorb();
        let core = &mut *self.core;
        let version = core.scoped(&accepted.versions).reported;
        core.patch = Patch::None;
        core.attempts = 0;
        core.conflicts = 0;
        core.limit = core.limit.saturating_mul(2).min(core.config.patch_limit);
        if core.half_told == version {
            // The delta that came first was that of this report: nothing else is missing.
            core.half_told = Version::ZERO;
        }
        core.events.raise(Event::ReportAccepted);
        match version.after(core.known.reported) {
            Succession::Next => core.section_is(Section::Reported, version),
            // A delta that this update caused came first, unless the service lost versions.
            Succession::Duplicate | Succession::Stale => {
                if version <= core.base {
                    core.resync();
                }
            }
            Succession::Gap => {
                core.counters.gaps = core.counters.gaps.wrapping_add(1);
                core.section_is(Section::Reported, version);
                core.resync();
            }
        }
    }

    /// Someone else's update was accepted, or an earlier attempt of this engine.
    fn foreign_update(&mut self, accepted: &Accepted<'_>) {
        if self.is_last(accepted.id) {
            // The last request's answer again.
            self.core.counters.duplicate = self.core.counters.duplicate.wrapping_add(1);
            return;
        }
        self.foreign();
        let versions = self.core.scoped(&accepted.versions);
        let succession = versions.reported.after(self.core.known.reported);
        if succession == Succession::Stale {
            return;
        }
        if self.core.half_told == versions.reported {
            self.core.half_told = Version::ZERO;
        }
        let desired = accepted
            .patch
            .filter(|patch| patch.at(&[Section::Reported.key()]).is_none())
            .and_then(|patch| patch.at(&[Section::Desired.key()]))
            .filter(|patch| patch.is_map());
        match (desired, self.core.config.versions) {
            // The echo says what happened to desired, keys that were removed included.
            (Some(patch), VersionScope::Twin) if succession != Succession::Gap => {
                self.take_desired(patch, false);
                self.core.section_is(Section::Desired, versions.desired);
            }
            (None, _) if succession == Succession::Duplicate && accepted.patch.is_none() => {}
            _ => {
                self.core.hear(&versions);
                self.core.resync();
            }
        }
    }

    #[inline(never)]
    fn rejected(&mut self, rejection: &Rejection<'_>) {
        let status = rejection.status;
        let (request, update) = match rejection.request {
            RequestKind::Get => (Request::Get, false),
            RequestKind::Update => (Request::Update, true),
            // Devices send none: it is not theirs.
            RequestKind::Delete => (Request::Subscribe, false),
        };
        if request == Request::Subscribe || !self.answers(request, rejection.id) {
            self.foreign();
            return;
        }
        if !update && status == Status::NotFound {
            self.core.wanted = Wanted::Sections;
            self.adopt(DocumentRef::EMPTY, &Versions::ZERO);
            return;
        }
        let core = &mut *self.core;
        core.events.raise(Event::Rejected { request, status });
        if status == Status::Internal {
            core.doubt();
        } else if core.patch == Patch::Fresh {
            // Its only attempt was refused: what is sent next may be another.
            core.patch = Patch::None;
        }
        match status {
            Status::Invalid | Status::TooLarge | Status::UnsupportedEncoding if update => {
                self.narrow(Reason::Rejected(status));
            }
            Status::Conflict | Status::PreconditionFailed | Status::NotFound if update => {
                // The twin moved on: see where to, and report what is then missing.
                core.resync();
                let conflicts = core.conflicts;
                core.conflicts = conflicts.saturating_add(1);
                if let Some(attempts) = conflicts.checked_sub(1) {
                    core.wait(attempts);
                }
            }
            Status::Unauthorized
            | Status::Forbidden
            | Status::Invalid
            | Status::TooLarge
            | Status::UnsupportedEncoding => {
                // Nothing that this engine could do better.
                core.wait(u32::MAX);
            }
            Status::Throttled
            | Status::Unavailable
            | Status::Internal
            | Status::Conflict
            | Status::PreconditionFailed
            | Status::NotFound => core.back_off(),
        }
    }
}

impl fmt::Display for HandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotForDevices => "a request is not for a device",
        })
    }
}

impl core::error::Error for HandleError {}
