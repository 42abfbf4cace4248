//! The server's role: requests of peers, each carried out once, and their answers.

use core::fmt;

use super::Endpoint;
use super::client::may_observe;
use super::event::{Event, Exchange};
use super::observe::Registered;
use super::state::{Common, Retry, Token, place, short};
use super::transmit::{Sent, Transmit};
use crate::adapter::coap::option;
use crate::adapter::coap::{Code, Message, MessageWriter, Type, WriteError};
use crate::time::{Duration, Instant};

/// Why a request was not answered; nothing was sent and nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RespondError {
    /// The request was answered already, or so long ago that nobody waits any more.
    Gone,
    /// The code that was written is no response.
    NotAResponse,
    /// The message was not written, or does not fit; another may be tried.
    Message(WriteError),
}

/// A request that a peer made, or a notification: what was or will be answered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<A> {
    pub(super) peer: A,
    pub(super) token: Token,
    /// Message id and type of the request; none for a notification.
    asked: Option<(u16, Type)>,
    /// The request asks for notifications.
    pub(super) observes: bool,
    serial: u16,
    /// Message id of what is sent.
    pub(super) id: u16,
    len: u16,
    pub(super) stage: Stage,
    pub(super) retry: Retry,
    /// When the request can not show up again.
    expires: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Stage {
    /// The caller's turn.
    Open,
    /// Acknowledged, and still the caller's turn.
    Promised,
    /// Answered, once for each time that the request comes.
    Replied,
    /// Answered by a message of its own, which is sent until it is acknowledged.
    Confirming,
    /// That message was acknowledged or given up.
    Settled,
}

/// The server's part of an endpoint, of any capacity.
pub(super) struct Answers<'a, A> {
    pub(super) common: &'a mut Common<A>,
    pub(super) entries: &'a mut [Option<Answer<A>>],
    pub(super) bytes: &'a mut [u8],
    pub(super) mtu: usize,
    pub(super) observers: &'a mut [Option<Registered<A>>],
}

impl<
    A: Copy + Eq,
    const MTU: usize,
    const REQUESTS: usize,
    const ANSWERS: usize,
    const OBSERVERS: usize,
> Endpoint<A, MTU, REQUESTS, ANSWERS, OBSERVERS>
{
    /// Answers a request: `write` sets the code and writes options and payload.
    ///
    /// The answer goes with the acknowledgement, or as a message of its own if that was sent already, or
    /// if the request did not ask for one. It is kept: a request that comes again gets it again.
    ///
    /// An answer that is an error, or has no Observe option, takes the asker off the observers (RFC 7641
    /// §3.2, §4.2).
    ///
    /// # Errors
    /// [`RespondError`]; unless it is [`RespondError::Gone`], the request still waits.
    pub fn respond(
        &mut self,
        now: Instant,
        exchange: Exchange,
        write: impl FnOnce(&mut MessageWriter<'_>),
    ) -> Result<(), RespondError> {
        let mut answers = self.answers();
        let (mut writer, kind) = answers.begin_response(now, exchange)?;
        write(&mut writer);
        let len = writer.finish().map_err(RespondError::Message)?;
        answers.commit_response(now, exchange, kind, len)
    }

    pub(super) const fn answers(&mut self) -> Answers<'_, A> {
        Answers {
            common: &mut self.common,
            entries: &mut self.answers,
            bytes: self.answer_bytes.as_flattened_mut(),
            mtu: MTU,
            observers: &mut self.observers,
        }
    }
}

impl<'a, A: Copy + Eq> Answers<'a, A> {
    /// Takes a request; what is left of it is what to answer to, if it came for the first time.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn handle_request(
        &mut self,
        now: Instant,
        peer: A,
        message: &Message<'_>,
    ) -> Option<Exchange> {
        let (id, kind) = (message.id(), message.kind());
        if self.is_duplicate(now, peer, id) {
            return None;
        }
        if let Some(number) = message.bad_option() {
            self.common.counters.malformed = self.common.counters.malformed.wrapping_add(1);
            let code = match number {
                option::PROXY_URI | option::PROXY_SCHEME => Code::PROXYING_NOT_SUPPORTED,
                _ => Code::BAD_OPTION,
            };
            self.common.refuse(peer, message, code);
            return None;
        }
        let Some(index) = self.vacancy(now, peer) else {
            self.common.counters.refused = self.common.counters.refused.wrapping_add(1);
            self.common.refuse(peer, message, Code::SERVICE_UNAVAILABLE);
            return None;
        };
        let token = Token::new(message.token());
        let observe = message
            .option_uint(option::OBSERVE)
            .filter(|_| may_observe(message.code()));
        if observe == Some(1) {
            self.take_observer(peer, token);
        }
        let config = &self.common.config;
        let (lifetime, at) = if kind == Type::Confirmable {
            (config.exchange_lifetime(), now + config.acknowledge_after)
        } else {
            (config.non_lifetime(), now)
        };
        let serial = self.common.next_serial();
        *self.entries.get_mut(index)? = Some(Answer {
            peer,
            token,
            asked: Some((id, kind)),
            observes: observe == Some(0),
            serial,
            id,
            len: 0,
            stage: Stage::Open,
            retry: Retry::once(at, Duration::ZERO),
            expires: now + lifetime,
        });
        Some(Exchange {
            index: short(index),
            serial,
        })
    }

    /// Whether the message came before; it is then answered as before (RFC 7252 §4.5).
    fn is_duplicate(&mut self, now: Instant, peer: A, id: u16) -> bool {
        let Some(entry) = self.entries.iter_mut().flatten().find(|entry| {
            entry.peer == peer
                && entry.asked.is_some_and(|(asked, _)| asked == id)
                && entry.expires > now
        }) else {
            return false;
        };
        self.common.counters.duplicate = self.common.counters.duplicate.wrapping_add(1);
        if entry.asked == Some((id, Type::Confirmable)) {
            match entry.stage {
                // The answer or the acknowledgement is still to come.
                Stage::Open => {}
                Stage::Replied => entry.retry = Retry::once(now, Duration::ZERO),
                Stage::Promised | Stage::Confirming | Stage::Settled => {
                    self.common.acknowledge(peer, id);
                }
            }
        }
        true
    }

    /// A place for a new answer: one that is not needed, else the oldest finished answer to the same
    /// peer, else the oldest finished one of all.
    pub(super) fn vacancy(&self, now: Instant, peer: A) -> Option<usize> {
        let rank = |slot: &Option<Answer<A>>| {
            let Some(entry) = slot else {
                return Some((0, Instant::ZERO));
            };
            let sending = entry.retry.left > 0;
            match entry.stage {
                Stage::Confirming => None,
                Stage::Replied if sending => None,
                _ if entry.expires <= now || entry.asked.is_none() => Some((0, Instant::ZERO)),
                Stage::Open | Stage::Promised => None,
                Stage::Replied | Stage::Settled if entry.peer == peer => Some((1, entry.expires)),
                Stage::Replied | Stage::Settled => Some((2, entry.expires)),
            }
        };
        let ranked = self.entries.iter().enumerate();
        ranked
            .filter_map(|(index, slot)| Some((rank(slot)?, index)))
            .min()
            .map(|(_, index)| index)
    }

    /// The place of a request that waits for its answer.
    pub(super) fn waiting(&mut self, now: Instant, exchange: Exchange) -> Option<&mut Answer<A>> {
        let slot = self.entries.get_mut(usize::from(exchange.index))?;
        slot.as_mut().filter(|entry| {
            entry.serial == exchange.serial
                && entry.expires > now
                && matches!(entry.stage, Stage::Open | Stage::Promised)
        })
    }

    fn begin_response(
        &mut self,
        now: Instant,
        exchange: Exchange,
    ) -> Result<(MessageWriter<'_>, Type), RespondError> {
        let entry = self.waiting(now, exchange).ok_or(RespondError::Gone)?;
        let (token, stage, asked) = (entry.token, entry.stage, entry.asked);
        let (kind, id) = match (stage, asked) {
            (Stage::Open, Some((id, Type::Confirmable))) => (Type::Acknowledgement, id),
            (Stage::Promised, _) => (Type::Confirmable, self.common.next_id()),
            _ => (Type::NonConfirmable, self.common.next_id()),
        };
        let room = place(self.bytes, self.mtu, usize::from(exchange.index));
        let writer = MessageWriter::new(room, kind, Code::EMPTY, id, token.as_bytes());
        Ok((writer, kind))
    }

    fn commit_response(
        &mut self,
        now: Instant,
        exchange: Exchange,
        kind: Type,
        len: usize,
    ) -> Result<(), RespondError> {
        let index = usize::from(exchange.index);
        let written = self.written(index, len).ok_or(RespondError::NotAResponse)?;
        let confirmable = self.common.confirmable(now);
        let entry = self.waiting(now, exchange).ok_or(RespondError::Gone)?;
        let (peer, token) = (entry.peer, entry.token);
        entry.finish(now, kind, &written, len, confirmable);
        if !written.goes_on {
            self.take_observer(peer, token);
        }
        Ok(())
    }

    /// What was written at the place, if it is a response.
    pub(super) fn written(&mut self, index: usize, len: usize) -> Option<Written> {
        let bytes = place(self.bytes, self.mtu, index).get(..len)?;
        let message = Message::parse(bytes).ok()?;
        message.code().is_response().then(|| Written {
            id: message.id(),
            goes_on: message.code().is_success() && message.option(option::OBSERVE).is_some(),
        })
    }

    /// Begins a notification at a vacant place.
    pub(super) fn notification(
        &mut self,
        now: Instant,
        index: usize,
        peer: A,
        token: Token,
        (kind, written, len): (Type, &Written, usize),
    ) {
        let retry = self.common.confirmable(now);
        let serial = self.common.next_serial();
        if let Some(slot) = self.entries.get_mut(index) {
            let entry = slot.insert(Answer {
                peer,
                token,
                asked: None,
                observes: false,
                serial,
                id: 0,
                len: 0,
                stage: Stage::Settled,
                retry,
                expires: now,
            });
            entry.finish(now, kind, written, len, retry);
        }
    }

    /// Takes an empty acknowledgement, if it is one of an answer.
    pub(super) fn handle_acknowledgement(&mut self, peer: A, id: u16) -> bool {
        self.confirming(peer, id)
            .map(|entry| entry.stage = Stage::Settled)
            .is_some()
    }

    /// Takes a reset, if it is one of an answer or a notification; what is left of it is the resource that
    /// is not observed any more.
    pub(super) fn handle_reset(&mut self, peer: A, id: u16) -> Option<Option<u32>> {
        if let Some(entry) = self.confirming(peer, id) {
            entry.stage = Stage::Settled;
            let token = entry.token;
            return Some(self.take_observer(peer, token));
        }
        self.take_notified(peer, id).map(Some)
    }

    fn confirming(&mut self, peer: A, id: u16) -> Option<&mut Answer<A>> {
        self.entries
            .iter_mut()
            .flatten()
            .find(|entry| entry.peer == peer && entry.id == id && entry.stage == Stage::Confirming)
    }

    pub(super) fn due(&self, now: Instant) -> Option<usize> {
        self.entries
            .iter()
            .position(|slot| slot.as_ref().is_some_and(|entry| entry.is_due(now)))
    }

    pub(super) fn transmit(self, now: Instant, index: usize) -> Option<Transmit<'a, A>> {
        let entry = self.entries.get_mut(index)?.as_mut()?;
        let (peer, bytes) = (entry.peer, place(self.bytes, self.mtu, index));
        if entry.stage == Stage::Open {
            let bytes = self.common.write_acknowledgement(entry.id);
            return Some(Transmit::new(
                now,
                peer,
                bytes,
                Sent::Promise(&mut entry.stage),
            ));
        }
        let bytes = bytes.get(..usize::from(entry.len)).unwrap_or_default();
        Some(Transmit::new(
            now,
            peer,
            bytes,
            Sent::Retry(&mut entry.retry),
        ))
    }

    pub(super) fn poll_event(&mut self, now: Instant) -> Option<Event<'static, A>> {
        while let Some(entry) = self
            .entries
            .iter_mut()
            .flatten()
            .find(|entry| entry.stage == Stage::Confirming && entry.retry.is_over(now))
        {
            entry.stage = Stage::Settled;
            let (peer, token) = (entry.peer, entry.token);
            self.common.counters.lost = self.common.counters.lost.wrapping_add(1);
            if let Some(resource) = self.take_observer(peer, token) {
                return Some(Event::ObserverGone { peer, resource });
            }
        }
        None
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        // Who may be notified whatever the time is; the rest waits for a timer of its own.
        if self.poll_notify(Instant::ZERO).is_some() {
            return Some(Instant::ZERO);
        }
        let entries = self.entries.iter().flatten();
        entries.filter_map(Answer::next).min()
    }
}

/// What matters of a message that the caller wrote.
pub(super) struct Written {
    id: u16,
    /// A success with an Observe option.
    pub(super) goes_on: bool,
}

impl Written {
    pub(super) const fn id(&self) -> u16 {
        self.id
    }
}

impl<A> Answer<A> {
    /// Sends this no more, if it is a notification for that observer.
    pub(super) fn abandon(&mut self, peer: A, token: Token)
    where
        A: PartialEq,
    {
        let is_its = self.asked.is_none() && self.peer == peer && self.token == token;
        if is_its && self.stage == Stage::Confirming {
            self.stage = Stage::Settled;
        }
    }

    /// Notes what was written; of a confirmable message that takes the place of another, the count of
    /// transmissions goes on.
    pub(super) fn finish(
        &mut self,
        now: Instant,
        kind: Type,
        written: &Written,
        len: usize,
        confirmable: Retry,
    ) {
        self.id = written.id;
        self.len = short(len);
        if kind != Type::Confirmable {
            self.stage = Stage::Replied;
            self.retry = Retry::once(now, Duration::ZERO);
        } else if self.stage != Stage::Confirming {
            self.stage = Stage::Confirming;
            self.retry = confirmable;
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.next().is_some_and(|at| at <= now) && self.retry.left > 0
    }

    /// When there is something to send or to give up.
    fn next(&self) -> Option<Instant> {
        let waits = match self.stage {
            Stage::Open => self
                .asked
                .is_some_and(|(_, kind)| kind == Type::Confirmable),
            Stage::Replied => self.retry.left > 0,
            Stage::Confirming => true,
            Stage::Promised | Stage::Settled => false,
        };
        waits.then_some(self.retry.at)
    }
}

impl fmt::Display for RespondError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("nobody waits for this answer"),
            Self::NotAResponse => f.write_str("the code is no response"),
            Self::Message(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RespondError {}
