//! The client's role: requests, their answers, and observations.

use core::fmt;

use super::Endpoint;
use super::event::{Event, RequestHandle};
use super::state::{Common, Retry, place, short};
use super::transmit::{Sent, Transmit};
use crate::adapter::coap::option;
use crate::adapter::coap::{Code, Header, Message, MessageWriter, Type, WriteError};
use crate::time::{Duration, Instant};

/// Whether a message is sent until it is acknowledged, or once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reliability {
    /// Until it is acknowledged (CON).
    Confirmable,
    /// Once (NON).
    NonConfirmable,
}

/// Why a request was not begun; nothing was sent and nothing changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RequestError {
    /// As many interactions with this peer are outstanding as `NSTART` permits. Ask again after the next
    /// event.
    Busy,
    /// All places for requests are taken, be it by observations.
    Full,
    /// The code that was written is no method.
    NotARequest,
    /// The message was not written, or does not fit.
    Message(WriteError),
}

/// A request, from its first transmission to its last event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pending<A> {
    peer: A,
    token: u32,
    id: u16,
    len: u16,
    confirmable: bool,
    /// It asks for an observation.
    observes: bool,
    /// The last notification: its number and when it came.
    seen: Option<(u32, Instant)>,
    stage: Stage,
    retry: Retry,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// Not acknowledged, not answered: outstanding.
    Sending,
    /// Acknowledged; the answer comes by itself.
    Acknowledged,
    /// Answered; notifications follow. When they fail to come, the request is sent again.
    Observing,
    /// Answered by a confirmable message, whose acknowledgement may have been lost: as good as vacant.
    Done,
}

/// The client's part of an endpoint, of any capacity.
pub(super) struct Requests<'a, A> {
    pub(super) common: &'a mut Common<A>,
    pub(super) entries: &'a mut [Option<Pending<A>>],
    pub(super) bytes: &'a mut [u8],
    pub(super) mtu: usize,
}

impl<
    A: Copy + Eq,
    const MTU: usize,
    const REQUESTS: usize,
    const ANSWERS: usize,
    const OBSERVERS: usize,
> Endpoint<A, MTU, REQUESTS, ANSWERS, OBSERVERS>
{
    /// Begins a request: `write` sets the code and writes options and payload.
    ///
    /// A GET or FETCH with an Observe option of 0 begins an observation, which lasts until a response
    /// without that option, an error, a time-out or [`cancel`](Self::cancel). Notifications that are older
    /// than what was seen are dropped (RFC 7641 §3.4). If none comes within the last one's Max-Age and 5 to
    /// 15 s more, the request is sent again (§3.3.1), which also outlives a server that forgot everything.
    ///
    /// The bytes are kept until the last event, so that they can be sent again.
    ///
    /// # Errors
    /// [`RequestError`]; nothing is sent then.
    pub fn request(
        &mut self,
        now: Instant,
        peer: A,
        reliability: Reliability,
        write: impl FnOnce(&mut MessageWriter<'_>),
    ) -> Result<RequestHandle, RequestError> {
        let mut requests = self.requests();
        let index = requests.vacancy(peer)?;
        let (mut writer, token) = requests.begin(index, reliability);
        write(&mut writer);
        let len = writer.finish().map_err(RequestError::Message)?;
        requests.commit(now, index, peer, token, len)
    }

    /// Forgets a request. What still comes for it is answered by a reset, which also ends an observation
    /// at the server (RFC 7641 §3.6). Returns whether there was such a request.
    pub fn cancel(&mut self, request: RequestHandle) -> bool {
        for slot in &mut self.requests {
            if slot
                .as_ref()
                .is_some_and(|entry| entry.token == request.0 && entry.stage != Stage::Done)
            {
                *slot = None;
                return true;
            }
        }
        false
    }

    pub(super) const fn requests(&mut self) -> Requests<'_, A> {
        Requests {
            common: &mut self.common,
            entries: &mut self.requests,
            bytes: self.request_bytes.as_flattened_mut(),
            mtu: MTU,
        }
    }
}

impl<'a, A: Copy + Eq> Requests<'a, A> {
    /// A place for a request to this peer.
    fn vacancy(&self, peer: A) -> Result<usize, RequestError> {
        if self.is_busy(peer) {
            return Err(RequestError::Busy);
        }
        self.entries
            .iter()
            .position(Option::is_none)
            .or_else(|| {
                self.entries.iter().position(|slot| {
                    slot.as_ref()
                        .is_some_and(|entry| entry.stage == Stage::Done)
                })
            })
            .ok_or(RequestError::Full)
    }

    /// Whether as much is outstanding at a peer as may be (RFC 7252 §4.7).
    fn is_busy(&self, peer: A) -> bool {
        let outstanding = self.entries.iter().flatten();
        outstanding
            .filter(|entry| entry.peer == peer && entry.stage == Stage::Sending)
            .count()
            >= usize::from(self.common.config.nstart)
    }

    /// When there is something to send or to give up; a registration waits for its turn.
    fn next(&self, entry: &Pending<A>) -> Option<Instant> {
        let waits = match entry.stage {
            Stage::Sending | Stage::Acknowledged => true,
            Stage::Observing => !self.is_busy(entry.peer),
            Stage::Done => false,
        };
        waits.then_some(entry.retry.at)
    }

    /// A writer at the place, behind a new token.
    fn begin(&mut self, index: usize, reliability: Reliability) -> (MessageWriter<'_>, u32) {
        let kind = match reliability {
            Reliability::Confirmable => Type::Confirmable,
            Reliability::NonConfirmable => Type::NonConfirmable,
        };
        let token = self.common.next_token();
        let id = self.common.next_id();
        let room = place(self.bytes, self.mtu, index);
        let writer = MessageWriter::new(room, kind, Code::EMPTY, id, &token.to_be_bytes());
        (writer, token)
    }

    fn commit(
        &mut self,
        now: Instant,
        index: usize,
        peer: A,
        token: u32,
        len: usize,
    ) -> Result<RequestHandle, RequestError> {
        let bytes = place(self.bytes, self.mtu, index);
        let message = bytes
            .get(..len)
            .and_then(|bytes| Message::parse(bytes).ok())
            .filter(|message| message.code().is_request())
            .ok_or(RequestError::NotARequest)?;
        let observes =
            may_observe(message.code()) && message.option_uint(option::OBSERVE) == Some(0);
        let (id, confirmable) = (message.id(), message.kind() == Type::Confirmable);
        let retry = if confirmable {
            self.common.confirmable(now)
        } else {
            Retry::once(now, self.common.config.response_timeout)
        };
        let slot = self.entries.get_mut(index).ok_or(RequestError::Full)?;
        *slot = Some(Pending {
            peer,
            token,
            id,
            len: short(len),
            confirmable,
            observes,
            seen: None,
            stage: Stage::Sending,
            retry,
        });
        Ok(RequestHandle(token))
    }

    /// Takes a response; what is left of it is the request and whether more will follow.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn handle_response(
        &mut self,
        now: Instant,
        peer: A,
        message: &Message<'_>,
    ) -> Option<(RequestHandle, bool)> {
        let (kind, id) = (message.kind(), message.id());
        let token = message.token().try_into().ok().map(u32::from_be_bytes);
        let Some(slot) = self.entries.iter_mut().find(|slot| {
            slot.as_ref()
                .is_some_and(|entry| entry.peer == peer && Some(entry.token) == token)
        }) else {
            return self.reject(peer, message);
        };
        let entry = slot.as_mut()?;
        let awaited = match kind {
            Type::Acknowledgement => {
                entry.stage == Stage::Sending && entry.confirmable && entry.id == id
            }
            Type::Confirmable | Type::NonConfirmable | Type::Reset => entry.stage != Stage::Done,
        };
        if !awaited {
            if entry.stage == Stage::Done && entry.id == id && kind == Type::Confirmable {
                self.common.acknowledge(peer, id);
                self.common.counters.duplicate = self.common.counters.duplicate.wrapping_add(1);
                return None;
            }
            return self.reject(peer, message);
        }
        if message.bad_option().is_some() {
            return self.reject(peer, message);
        }
        if kind == Type::Confirmable {
            self.common.acknowledge(peer, id);
        }
        let handle = RequestHandle(entry.token);
        let sequence = message.option_uint(option::OBSERVE);
        let (true, true, Some(sequence)) = (entry.observes, message.code().is_success(), sequence)
        else {
            if kind == Type::Confirmable {
                entry.stage = Stage::Done;
                entry.id = id;
            } else {
                *slot = None;
            }
            return Some((handle, false));
        };
        // The answer to the request itself is news in any case: the server may count from the start again.
        let answer = kind == Type::Acknowledgement || entry.stage == Stage::Acknowledged;
        if let Some((last, heard)) = entry.seen.filter(|_| !answer)
            && !is_newer(last, sequence)
            && now.saturating_since(heard) <= FORGETTABLE
        {
            self.common.counters.stale = self.common.counters.stale.wrapping_add(1);
            return None;
        }
        // While the request is sent again, a notification is no answer to it.
        if answer || entry.seen.is_none() || entry.stage == Stage::Observing {
            let max_age = message
                .option_uint(option::MAX_AGE)
                .unwrap_or(option::DEFAULT_MAX_AGE);
            let grace = u64::from(self.common.jitter.next() >> 16).wrapping_mul(10_000) >> 16;
            let fresh = Duration::from_secs(u64::from(max_age));
            let wait = Duration::from_millis(grace.saturating_add(5_000));
            entry.stage = Stage::Observing;
            entry.retry = Retry::once(now + fresh + wait, Duration::ZERO);
        }
        entry.seen = Some((sequence, now));
        Some((handle, true))
    }

    /// Refuses a response that means nothing here; an acknowledgement is just dropped.
    fn reject(&mut self, peer: A, message: &Message<'_>) -> Option<(RequestHandle, bool)> {
        self.common.counters.unexpected = self.common.counters.unexpected.wrapping_add(1);
        if message.kind() != Type::Acknowledgement {
            self.common.reset(peer, message.id());
        }
        None
    }

    /// Takes an empty acknowledgement, if it is one of a request.
    pub(super) fn handle_acknowledgement(&mut self, now: Instant, peer: A, id: u16) -> bool {
        let end = now + self.common.config.response_timeout;
        let Some(entry) = self
            .sending(peer, id)
            .and_then(Option::as_mut)
            .filter(|entry| entry.confirmable)
        else {
            return false;
        };
        entry.stage = Stage::Acknowledged;
        entry.retry = Retry::end(end);
        true
    }

    /// Takes a reset, if it is one of a request.
    pub(super) fn handle_reset(&mut self, peer: A, id: u16) -> Option<RequestHandle> {
        self.sending(peer, id)?
            .take()
            .map(|entry| RequestHandle(entry.token))
    }

    fn sending(&mut self, peer: A, id: u16) -> Option<&mut Option<Pending<A>>> {
        self.entries.iter_mut().find(|slot| {
            slot.as_ref().is_some_and(|entry| {
                entry.peer == peer && entry.id == id && entry.stage == Stage::Sending
            })
        })
    }

    pub(super) fn due(&self, now: Instant) -> Option<usize> {
        self.entries.iter().position(|slot| {
            slot.as_ref()
                .is_some_and(|entry| entry.retry.is_due(now) && self.next(entry).is_some())
        })
    }

    pub(super) fn transmit(self, now: Instant, index: usize) -> Option<Transmit<'a, A>> {
        let entry = self.entries.get_mut(index)?.as_mut()?;
        let bytes = place(self.bytes, self.mtu, index).get_mut(..usize::from(entry.len))?;
        if entry.stage == Stage::Observing {
            // The same request under a new id.
            entry.id = self.common.next_id();
            entry.stage = Stage::Sending;
            entry.retry = if entry.confirmable {
                self.common.confirmable(now)
            } else {
                Retry::once(now, self.common.config.response_timeout)
            };
            let [high, low] = entry.id.to_be_bytes();
            if let Some([_, _, a, b]) = bytes.first_chunk_mut::<{ Header::LEN }>() {
                (*a, *b) = (high, low);
            }
        }
        Some(Transmit::new(
            now,
            entry.peer,
            bytes,
            Sent::Retry(&mut entry.retry),
        ))
    }

    pub(super) fn poll_event(&mut self, now: Instant) -> Option<Event<'static, A>> {
        let slot = self.entries.iter_mut().find(|slot| {
            slot.as_ref()
                .is_some_and(|entry| entry.stage != Stage::Done && entry.retry.is_over(now))
        })?;
        let entry = slot.take()?;
        Some(Event::TimedOut {
            peer: entry.peer,
            request: RequestHandle(entry.token),
        })
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let entries = self.entries.iter().flatten();
        entries.filter_map(|entry| self.next(entry)).min()
    }
}

/// Whether a request of this method can ask for notifications (RFC 7641 §2, RFC 8132 §2.4).
pub(super) fn may_observe(code: Code) -> bool {
    code == Code::GET || code == Code::FETCH
}

/// After this long any notification is new (RFC 7641 §3.4).
const FORGETTABLE: Duration = Duration::from_secs(128);

/// Whether number `new` comes after `last`, around the end of 24 bits (RFC 7641 §3.4).
pub(super) const fn is_newer(last: u32, new: u32) -> bool {
    let ahead = new.wrapping_sub(last) & 0x00FF_FFFF;
    ahead != 0 && ahead < 1 << 23
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("as much is outstanding at this peer as NSTART permits"),
            Self::Full => f.write_str("all places for requests are taken"),
            Self::NotARequest => f.write_str("the code is no method"),
            Self::Message(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RequestError {}
