//! The engine: one request at a time, its answer and its notifications.

use core::fmt;

use super::asker::Asker;
use super::config::Config;
use super::registry::Registry;
use super::transmit::{Answer, Buffers, Stage, Transmit, Turn, merged_desired, replaced_desired};
use super::usage::{RequestLimits, Usage};
use crate::document::Document;
use crate::protocol::{Get, Message, RequestKind, TwinId, UpdateRequest};
use crate::time::Now;
use crate::twin::{self, Precondition, Rejected, Twin, TwinRef};

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
    /// Only the twin `id` is read or written. Work: one load, one [`twin::apply`], one save.
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
        self.asker.set(id, id_of_request);
        self.turn = Turn {
            stage: Stage::Answer,
            answer: Answer::Rejected(kind, Rejected::Throttled),
            at: now.wall,
            ..Turn::IDLE
        };
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
            self.turn.answer = match verdict {
                Ok(answer) => answer,
                Err(rejected) => Answer::Rejected(kind, rejected),
            };
        }
        Ok(())
    }

    /// Returns what is to be sent next: delta, desired patch, twin before and after, then the answer,
    /// as far as the request caused them. It stays pending until [`Transmit::sent`].
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
        let known = get
            .known
            .is_some_and(|known| known.versions == twin.versions())
            || get.known_etag.is_some_and(|etag| etag == twin.etag());
        if known {
            return Ok(Answer::Unchanged(twin.versions()));
        }
        self.next.assign(twin).map_err(Rejected::Capacity)?;
        Ok(Answer::Got)
    }

    fn update(
        &mut self,
        now: Now,
        id: TwinId<'_>,
        update: &twin::Update<'_>,
    ) -> Result<Answer, Rejected> {
        let previous = load(&mut self.registry, id)?;
        let applied = twin::apply(
            previous,
            update,
            now.wall,
            &self.config.policy,
            &mut self.next.as_mut(),
        )?;
        if let Some(guard) = self.config.guard {
            guard
                .check(previous, self.next.as_ref())
                .map_err(Rejected::Refused)?;
        }
        self.patch
            .assign(update.patch)
            .map_err(Rejected::Capacity)?;
        if self.config.notify.needs_previous() {
            self.previous.assign(previous).map_err(Rejected::Capacity)?;
        }
        if self.config.notify.desired_patch
            && applied.named.desired
            && merged_desired(update.patch, update.mode).is_none()
        {
            // What cannot be told to the device must not happen.
            replaced_desired(previous, self.next.as_ref(), &mut self.scratch.as_mut())
                .map_err(Rejected::Capacity)?;
        }
        save(&mut self.registry, id, self.next.as_ref())?;
        self.turn.stage = Stage::Delta;
        self.turn.mode = update.mode;
        self.turn.created = applied.created;
        self.turn.named_desired = applied.named.desired;
        Ok(Answer::Updated)
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
