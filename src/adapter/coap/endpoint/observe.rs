//! The server's observers (RFC 7641).

use core::fmt;

use super::Endpoint;
use super::client::Reliability;
use super::event::{Exchange, Notify, Observer};
use super::server::{Answers, Stage};
use super::state::{Token, place, short};
use crate::adapter::coap::{Code, MessageWriter, Type, WriteError};
use crate::time::Instant;

/// Why a client was not registered; nothing changed. Answer as if it had not asked (RFC 7641 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ObserveError {
    /// The request was answered already, or so long ago that nobody waits any more.
    Gone,
    /// The request does not ask for it: it is no GET or FETCH with an Observe option of 0.
    NotAsked,
    /// All places for observers are taken.
    Full,
}

/// Why an observer was not notified; nothing was sent, and it is still to be notified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NotifyError {
    /// There is no such observer any more, or it can not be notified now:
    /// [`Endpoint::poll_notify`] did not offer it.
    Gone,
    /// The code that was written is no response.
    NotAResponse,
    /// The message was not written, or does not fit; another may be tried.
    Message(WriteError),
}

/// One client that wants to hear of one resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Registered<A> {
    peer: A,
    token: Token,
    resource: u32,
    serial: u16,
    /// The resource changed since the last notification was written.
    behind: bool,
    /// Message id of the last notification.
    id: Option<u16>,
    /// Notifications since the last confirmable one, and when that was.
    since: u8,
    confirmed: Instant,
}

impl<
    A: Copy + Eq,
    const MTU: usize,
    const REQUESTS: usize,
    const ANSWERS: usize,
    const OBSERVERS: usize,
> Endpoint<A, MTU, REQUESTS, ANSWERS, OBSERVERS>
{
    /// Registers the asker of an unanswered request as an observer of `resource`, a number of the
    /// caller's choice, and returns the number to write as the answer's Observe option.
    ///
    /// An observer is known by its peer and token: the same again takes the place of the first.
    ///
    /// # Errors
    /// [`ObserveError`].
    pub fn observe(
        &mut self,
        now: Instant,
        exchange: Exchange,
        resource: u32,
    ) -> Result<u32, ObserveError> {
        self.answers().observe(now, exchange, resource)
    }

    /// Says that a resource changed: each of its observers is to be notified, as soon as it can be.
    /// Cost: linear in the observers.
    pub fn changed(&mut self, resource: u32) {
        for observer in self.observers.iter_mut().flatten() {
            observer.behind |= observer.resource == resource;
        }
    }

    /// Returns an observer that has not seen the present state of its resource and can be told now: no
    /// notification to it is under way, or one is to be sent again, which the new one replaces (RFC 7641
    /// §4.5.2). Notify it, then poll again.
    ///
    /// Its value may change after every call but the getters. Cost: observers times answers.
    #[must_use]
    pub fn poll_notify(&mut self, now: Instant) -> Option<Notify<A>> {
        self.answers().poll_notify(now)
    }

    /// Notifies an observer that [`poll_notify`](Self::poll_notify) returned: `write` is given the number
    /// to write as the Observe option, sets the code, and writes the resource's present state.
    ///
    /// An error, or a response without an Observe option, is the last one; the observer is then
    /// forgotten (RFC 7641 §4.2).
    ///
    /// # Errors
    /// [`NotifyError`].
    pub fn notify(
        &mut self,
        now: Instant,
        observer: Observer,
        write: impl FnOnce(&mut MessageWriter<'_>, u32),
    ) -> Result<(), NotifyError> {
        let mut answers = self.answers();
        let place = answers.place(now, observer).ok_or(NotifyError::Gone)?;
        let sequence = answers.common.next_sequence();
        let (mut writer, kind) = answers.begin_notification(now, observer, place)?;
        write(&mut writer, sequence);
        let result = match writer.finish() {
            Ok(len) => answers.commit_notification(now, observer, place, kind, len),
            Err(error) => Err(NotifyError::Message(error)),
        };
        if result.is_err() {
            // What stood there was finished or out of date, and is overwritten.
            answers.vacate(place);
        }
        result
    }

    /// Forgets all observers of a resource without a word, as if each had sent a reset: a notification
    /// that is not acknowledged yet is not sent again either. Cost: observers times answers.
    pub fn forget(&mut self, resource: u32) {
        for slot in &mut self.observers {
            let Some(observer) = slot.take_if(|observer| observer.resource == resource) else {
                continue;
            };
            for answer in self.answers.iter_mut().flatten() {
                answer.abandon(observer.peer, observer.token);
            }
        }
    }

    /// Returns how many observers are registered.
    pub fn observers(&self) -> usize {
        self.observers.iter().flatten().count()
    }
}

impl<A: Copy + Eq> Answers<'_, A> {
    fn observe(
        &mut self,
        now: Instant,
        exchange: Exchange,
        resource: u32,
    ) -> Result<u32, ObserveError> {
        let entry = self.waiting(now, exchange).ok_or(ObserveError::Gone)?;
        if !entry.observes {
            return Err(ObserveError::NotAsked);
        }
        let (peer, token) = (entry.peer, entry.token);
        let same = |slot: &Option<Registered<A>>| {
            slot.as_ref()
                .is_some_and(|observer| observer.peer == peer && observer.token == token)
        };
        let index = self
            .observers
            .iter()
            .position(same)
            .or_else(|| self.observers.iter().position(Option::is_none))
            .ok_or(ObserveError::Full)?;
        let serial = self.common.next_serial();
        if let Some(slot) = self.observers.get_mut(index) {
            *slot = Some(Registered {
                peer,
                token,
                resource,
                serial,
                behind: false,
                id: None,
                since: 0,
                confirmed: now,
            });
        }
        Ok(self.common.next_sequence())
    }

    /// Forgets an observer and returns what it observed.
    pub(super) fn take_observer(&mut self, peer: A, token: Token) -> Option<u32> {
        self.observers
            .iter_mut()
            .find(|slot| {
                slot.as_ref()
                    .is_some_and(|observer| observer.peer == peer && observer.token == token)
            })?
            .take()
            .map(|observer| observer.resource)
    }

    /// Forgets the observer whose last notification had this id.
    pub(super) fn take_notified(&mut self, peer: A, id: u16) -> Option<u32> {
        self.observers
            .iter_mut()
            .find(|slot| {
                slot.as_ref()
                    .is_some_and(|observer| observer.peer == peer && observer.id == Some(id))
            })?
            .take()
            .map(|observer| observer.resource)
    }

    pub(super) fn poll_notify(&self, now: Instant) -> Option<Notify<A>> {
        self.observers.iter().enumerate().find_map(|(index, slot)| {
            let registered = slot.as_ref().filter(|observer| observer.behind)?;
            self.place_for(now, registered)?;
            Some(Notify {
                observer: Observer {
                    index: short(index),
                    serial: registered.serial,
                },
                peer: registered.peer,
                resource: registered.resource,
            })
        })
    }

    /// Where a notification can be written now.
    fn place_for(&self, now: Instant, observer: &Registered<A>) -> Option<usize> {
        let mut outstanding = 0_u8;
        for (index, entry) in self.entries.iter().enumerate() {
            let Some(entry) = entry.as_ref().filter(|entry| entry.peer == observer.peer) else {
                continue;
            };
            let unsent = entry.stage == Stage::Replied && entry.retry.left > 0;
            if entry.token == observer.token && (entry.stage == Stage::Confirming || unsent) {
                // Its first transmission is not to be overtaken, a later one may be replaced.
                let again = entry.retry.left <= self.common.config.max_retransmit;
                let replaceable = !unsent && again && entry.retry.is_due(now);
                return replaceable.then_some(index);
            }
            outstanding = outstanding.saturating_add((entry.stage == Stage::Confirming).into());
        }
        if outstanding >= self.common.config.nstart {
            return None;
        }
        self.vacancy(now, observer.peer)
    }

    fn registered(&mut self, observer: Observer) -> Option<&mut Registered<A>> {
        self.observers
            .get_mut(usize::from(observer.index))?
            .as_mut()
            .filter(|registered| registered.serial == observer.serial)
    }

    fn place(&mut self, now: Instant, observer: Observer) -> Option<usize> {
        let registered = *self.registered(observer)?;
        self.place_for(now, &registered)
    }

    fn vacate(&mut self, index: usize) {
        if let Some(slot) = self.entries.get_mut(index) {
            *slot = None;
        }
    }

    fn begin_notification(
        &mut self,
        now: Instant,
        observer: Observer,
        index: usize,
    ) -> Result<(MessageWriter<'_>, Type), NotifyError> {
        let every = self.common.config.confirm_every;
        let after = self.common.config.confirm_after;
        let replaces = self
            .entries
            .get(index)
            .and_then(Option::as_ref)
            .is_some_and(|entry| entry.stage == Stage::Confirming);
        let id = self.common.next_id();
        let registered = self.registered(observer).ok_or(NotifyError::Gone)?;
        let nth = every > 0 && registered.since.saturating_add(1) >= every;
        let late = now.saturating_since(registered.confirmed) >= after;
        let reliability = if replaces || nth || late {
            Reliability::Confirmable
        } else {
            Reliability::NonConfirmable
        };
        let kind = match reliability {
            Reliability::Confirmable => Type::Confirmable,
            Reliability::NonConfirmable => Type::NonConfirmable,
        };
        let token = registered.token;
        let room = place(self.bytes, self.mtu, index);
        let writer = MessageWriter::new(room, kind, Code::EMPTY, id, token.as_bytes());
        Ok((writer, kind))
    }

    fn commit_notification(
        &mut self,
        now: Instant,
        observer: Observer,
        index: usize,
        kind: Type,
        len: usize,
    ) -> Result<(), NotifyError> {
        let written = self.written(index, len).ok_or(NotifyError::NotAResponse)?;
        let registered = self.registered(observer).ok_or(NotifyError::Gone)?;
        registered.behind = false;
        registered.id = Some(written.id());
        if kind == Type::Confirmable {
            registered.since = 0;
            registered.confirmed = now;
        } else {
            registered.since = registered.since.saturating_add(1);
        }
        let (peer, token) = (registered.peer, registered.token);
        let confirmable = self.common.confirmable(now);
        match self.entries.get_mut(index).and_then(Option::as_mut) {
            Some(entry) if entry.stage == Stage::Confirming => {
                entry.finish(now, kind, &written, len, confirmable);
            }
            _ => self.notification(now, index, peer, token, (kind, &written, len)),
        }
        if !written.goes_on {
            self.take_observer(peer, token);
        }
        Ok(())
    }
}

impl fmt::Display for ObserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gone => "nobody waits for this answer",
            Self::NotAsked => "the request does not ask to observe",
            Self::Full => "all places for observers are taken",
        })
    }
}

impl core::error::Error for ObserveError {}

impl fmt::Display for NotifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("no such observer, or not now"),
            Self::NotAResponse => f.write_str("the code is no response"),
            Self::Message(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for NotifyError {}
