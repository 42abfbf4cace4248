//! The engine: one request at a time, its answer and its notifications.

use core::fmt;

use super::asker::Asker;
use super::config::Config;
use super::registry::Registry;
use super::transmit::{Answer, Buffers, Stage, Transmit, Turn, merged_desired, replaced_desired};
use super::usage::{RequestLimits, Usage};
use crate::document::{Document, DocumentRef, EditError};
use crate::error::CapacityError;
use crate::protocol::{Get, Message, RequestId, RequestKind, TwinId, UpdateRequest};
use crate::time::Now;
use crate::twin::{
    self, Applied, ETag, Mode, Origin, Precondition, Rejected, Section, Twin, TwinRef, Update,
};

/// The service end of twins: takes requests, keeps the twins in a [`Registry`], and says what is to be
/// sent.
///
/// **After each [`HubEngine::handle_message`], drain [`HubEngine::poll_transmit`] until it returns
/// `None`.** Until then the next request is [`HandleError::Busy`]; nothing is lost meanwhile.
///
/// `N` is the room for one twin in canonical bytes; with metadata, for the stamps of one patch
/// besides. The engine takes 4 × `N` and about 700 bytes and never allocates; how much the registry
/// takes is its own affair.
#[derive(Debug)]
pub struct HubEngine<R, const N: usize> {
    registry: R,
    config: Config,
    asker: Asker,
    turn: Turn,
    /// The twin before the request, if it is needed after the registry was changed.
    previous: Twin<N>,
    /// The twin after the request.
    next: Twin<N>,
    /// The patch of the request.
    patch: Document<N>,
    /// What a notification is computed in.
    scratch: Document<N>,
}

/// Why a message was not handled; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum HandleError {
    /// The output of the last request is not drained: take it, then come again.
    Busy,
    /// The message is an answer or a notification; a hub takes requests.
    NotARequest,
}

impl<R: Registry, const N: usize> HubEngine<R, N> {
    /// Makes a hub over a registry.
    pub const fn new(registry: R, config: Config) -> Self {
        Self {
            registry,
            config,
            asker: Asker::new(),
            turn: Turn::IDLE,
            previous: Twin::new(),
            next: Twin::new(),
            patch: Document::new(),
            scratch: Document::new(),
        }
    }

    /// Returns the registry.
    pub const fn registry(&self) -> &R {
        &self.registry
    }

    /// Returns the registry, to be changed behind the hub's back: nobody is notified.
    pub const fn registry_mut(&mut self) -> &mut R {
        &mut self.registry
    }

    /// Ends the hub and returns the registry.
    pub fn into_registry(self) -> R {
        self.registry
    }

    /// Returns whether output waits to be drained.
    pub const fn is_busy(&self) -> bool {
        !matches!(self.turn.stage, Stage::Idle)
    }

    /// Takes a request about the twin `id`. It is answered in any case: what is wrong with a request is
    /// told to the asker, not to the caller.
    ///
    /// Only the twin `id` is read or written. Work: one load, one [`twin::apply`], one question to the
    /// guard if there is one, one save.
    ///
    /// # Errors
    /// [`HandleError`]; nothing was changed.
    pub fn handle_message(
        &mut self,
        now: Now,
        id: TwinId<'_>,
        message: Message<'_>,
    ) -> Result<(), HandleError> {
        if self.is_busy() {
            return Err(HandleError::Busy);
        }
        let (id_of_request, kind) = match message {
            Message::Get(get) => (get.id, RequestKind::Get),
            Message::Update(update) => (update.id, RequestKind::Update),
            Message::Delete(request) => (request, RequestKind::Delete),
            Message::GetAccepted(_)
            | Message::GetUnchanged(_)
            | Message::GetPatched(_)
            | Message::UpdateAccepted(_)
            | Message::DeleteAccepted(_)
            | Message::Rejected(_)
            | Message::Delta(_)
            | Message::DesiredPatch(_)
            | Message::Desired(_)
            | Message::Changed(_) => return Err(HandleError::NotARequest),
        };
        self.begin(now, id, id_of_request, kind);
        if self.admit(now, id) {
            let verdict = if let Message::Get(get) = message {
                self.get(id, get)
            } else if let Message::Update(UpdateRequest { update, .. }) = message {
                self.update(now, id, &update)
            } else {
                self.delete(now, id)
            };
            if let Some(usage) = self.usage(now, id) {
                usage.done();
            }
            self.settle(kind, verdict);
        }
        Ok(())
    }

    /// Merges `patch` into desired of the twin `id`: a back-end's command from within the process, with
    /// the output of an update by [`Origin::Service`] and outside of [`Config::limits`].
    ///
    /// # Errors
    /// [`HandleError::Busy`]; nothing was changed. Whether the twin takes the patch is the answer, as
    /// with [`HubEngine::handle_message`].
    pub fn desire(
        &mut self,
        now: Now,
        id: TwinId<'_>,
        patch: DocumentRef<'_>,
    ) -> Result<(), HandleError> {
        if self.is_busy() {
            return Err(HandleError::Busy);
        }
        self.begin(now, id, None, RequestKind::Update);
        let verdict = self.desired(now, id, patch);
        self.settle(RequestKind::Update, verdict);
        Ok(())
    }

    /// Returns what is to be sent next: delta, desired patch, desired, twin before and after, then the
    /// answer, as far as the request caused them. It stays pending until [`Transmit::sent`].
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        let buffers = Buffers {
            previous: self.previous.as_ref(),
            next: self.next.as_ref(),
            patch: self.patch.as_ref(),
            scratch: self.scratch.as_mut(),
        };
        Transmit::next(&mut self.turn, &self.config.notify, &self.asker, buffers)
    }

    /// A request is to be answered: with a refusal, until it is settled.
    fn begin(
        &mut self,
        now: Now,
        id: TwinId<'_>,
        request: Option<RequestId<'_>>,
        kind: RequestKind,
    ) {
        self.asker.set(id, request);
        self.turn = Turn {
            stage: Stage::Answer,
            answer: Answer::Rejected(kind, Rejected::Throttled),
            at: now.wall,
            ..Turn::IDLE
        };
    }

    fn settle(&mut self, kind: RequestKind, verdict: Result<Answer, Rejected>) {
        self.turn.answer = match verdict {
            Ok(answer) => answer,
            Err(rejected) => Answer::Rejected(kind, rejected),
        };
    }

    fn admit(&mut self, now: Now, id: TwinId<'_>) -> bool {
        let limits = self.config.limits;
        match self.usage(now, id) {
            Some(usage) => usage.admit(now.instant, &limits).is_ok(),
            None => true,
        }
    }

    /// What the device has asked lately; where nothing is limited nothing is counted.
    fn usage(&mut self, now: Now, id: TwinId<'_>) -> Option<&mut Usage> {
        if self.config.limits == RequestLimits::NONE {
            return None;
        }
        self.registry.usage(id.device(), now.instant)
    }

    fn get(&mut self, id: TwinId<'_>, get: Get<'_>) -> Result<Answer, Rejected> {
        let twin = load(&mut self.registry, id)?;
        if !twin.exists() {
            return Err(Rejected::NotFound);
        }
        let versions = twin.versions();
        if get.known_etag.is_some_and(|etag| etag == twin.etag()) {
            return Ok(Answer::Unchanged(versions));
        }
        if let Some(known) = get.known
            && known.versions.reported == versions.reported
        {
            let desired = ETag::of(twin.section(Section::Desired));
            if known.versions.desired == versions.desired {
                if known.desired == desired {
                    return Ok(Answer::Unchanged(versions));
                }
            } else if twin
                .desired_since(known.versions.desired, &mut self.scratch.as_mut())
                .map_err(Rejected::Capacity)?
            {
                return Ok(Answer::Patched(versions, desired));
            }
        }
        self.next.assign(twin).map_err(Rejected::Capacity)?;
        Ok(Answer::Got)
    }

    fn update(
        &mut self,
        now: Now,
        id: TwinId<'_>,
        update: &Update<'_>,
    ) -> Result<Answer, Rejected> {
        let (mut desk, patch, turn) = self.split();
        let applied = desk.write(now, id, update)?;
        // It fits: the desk has looked.
        let _ = patch.assign(update.patch);
        turn.updated(update.mode, applied);
        Ok(Answer::Updated)
    }

    fn desired(
        &mut self,
        now: Now,
        id: TwinId<'_>,
        desired: DocumentRef<'_>,
    ) -> Result<Answer, Rejected> {
        let (mut desk, patch, turn) = self.split();
        patch.assign(desired).map_err(Rejected::Capacity)?;
        let nested = patch.as_mut().nest(Section::Desired.key());
        nested.map_err(|error| match error {
            EditError::Capacity(error) => Rejected::Capacity(error),
            EditError::TooDeep | EditError::KeyTooLong => Rejected::TooDeep {
                section: Section::Desired,
                limit: desk.config.policy.depth,
            },
        })?;
        let update = Update::merge(patch.as_ref()).with_origin(Origin::Service);
        let applied = desk.write(now, id, &update)?;
        turn.updated(Mode::Merge, applied);
        Ok(Answer::Updated)
    }

    /// The desk, the place of the patch, and what is being sent.
    const fn split(&mut self) -> (Desk<'_, R, N>, &mut Document<N>, &mut Turn) {
        let desk = Desk {
            registry: &mut self.registry,
            config: &self.config,
            previous: &mut self.previous,
            next: &mut self.next,
            scratch: &mut self.scratch,
        };
        (desk, &mut self.patch, &mut self.turn)
    }

    fn delete(&mut self, now: Now, id: TwinId<'_>) -> Result<Answer, Rejected> {
        let previous = load(&mut self.registry, id)?;
        let deleted = twin::delete(
            previous,
            Precondition::Any,
            now.wall,
            &mut self.next.as_mut(),
        )?;
        save(&mut self.registry, id, self.next.as_ref())?;
        Ok(Answer::Deleted(deleted.versions))
    }
}

/// What an update is made on: all but its patch.
struct Desk<'a, R, const N: usize> {
    registry: &'a mut R,
    config: &'a Config,
    previous: &'a mut Twin<N>,
    next: &'a mut Twin<N>,
    scratch: &'a mut Document<N>,
}

impl<R: Registry, const N: usize> Desk<'_, R, N> {
    fn write(
        &mut self,
        now: Now,
        id: TwinId<'_>,
        update: &Update<'_>,
    ) -> Result<Applied, Rejected> {
        let previous = load(self.registry, id)?;
        let policy = &self.config.policy;
        let applied = twin::apply(previous, update, now.wall, policy, &mut self.next.as_mut())?;
        if let Some(guard) = self.config.guard {
            let verdict = guard.check(previous, self.next.as_ref());
            verdict.map_err(Rejected::Refused)?;
        }
        let (needed, capacity) = (
            update.patch.as_bytes().len(),
            self.scratch.as_mut().capacity(),
        );
        if needed > capacity {
            return Err(Rejected::Capacity(CapacityError { needed, capacity }));
        }
        let notify = self.config.notify;
        if notify.needs_previous() {
            self.previous.assign(previous).map_err(Rejected::Capacity)?;
        }
        if notify.desired_patch
            && applied.named.desired
            && merged_desired(update.patch, update.mode).is_none()
        {
            // What cannot be told to the device must not happen.
            replaced_desired(previous, self.next.as_ref(), &mut self.scratch.as_mut())
                .map_err(Rejected::Capacity)?;
        }
        save(self.registry, id, self.next.as_ref())?;
        Ok(applied)
    }
}

fn load<'r, R: Registry>(registry: &'r mut R, id: TwinId<'_>) -> Result<TwinRef<'r>, Rejected> {
    match registry.load(id) {
        Ok(Some(twin)) => Ok(twin),
        Ok(None) => Ok(TwinRef::ABSENT),
        Err(_) => Err(Rejected::Unavailable),
    }
}

fn save<R: Registry>(registry: &mut R, id: TwinId<'_>, twin: TwinRef<'_>) -> Result<(), Rejected> {
    registry
        .save(id, twin)
        .map_err(|_error| Rejected::Unavailable)
}

impl fmt::Display for HandleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "output of the last request is not drained",
            Self::NotARequest => "message is no request",
        })
    }
}

impl core::error::Error for HandleError {}

#[cfg(feature = "defmt")]
impl<R, const N: usize> defmt::Format for HubEngine<R, N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "HubEngine of {=usize} bytes a twin, {}", N, self.config);
    }
}
