//! What goes out: the next request, when it may go, and when to look again.

use super::config::NEVER;
use super::event::{Event, Reason, Request};
use super::state::{Core, Parts, Patch, Stage, State};
use crate::document::{DocumentRef, Extent, diff_within};
use crate::protocol::{Get, Message, RequestId, UpdateRequest, VersionScope};
use crate::time::Instant;
use crate::twin::{Origin, Precondition, Section, Update, Version};

/// One request that is due.
///
/// It borrows the engine. Encode [`output`](Self::output), hand it to the network and say
/// [`sent`](Self::sent); or say [`too_large`](Self::too_large). Dropped without a word, it stays
/// pending: the next `poll_transmit` returns it again.
#[must_use = "a request that is not reported as sent stays pending"]
pub struct Transmit<'a> {
    parts: Parts<'a>,
    due: Due,
    id: [u8; 8],
}

/// What to send.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Output<'a> {
    /// Ask the broker for the adapter's subscriptions; when all stand, call `handle_subscribed`.
    Subscribe,
    /// Encode this message with the adapter and publish it.
    Message(Message<'a>),
}

/// Bytes around a report: the header of the message's map, and the section's key.
const NEST: usize = 12;

/// What is due.
#[derive(Clone, Copy)]
pub(super) struct Due {
    request: Request,
    /// The report is all that there is to send.
    whole: bool,
}

impl Parts<'_> {
    /// What is due, if anything is.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn due(&mut self, now: Instant) -> Option<Due> {
        self.core.advance(now);
        if self.core.state != State::Ready {
            return None;
        }
        let mut whole = false;
        let request = match self.core.stage {
            Stage::Subscribe => Request::Subscribe,
            // The application has not looked yet at the leaf that stands in the outgoing document.
            _ if self.core.events.is_withholding() => return None,
            Stage::Get => Request::Get,
            Stage::InStep if self.core.patch == Patch::Doubtful => Request::Update,
            Stage::InStep => {
                whole = self.build()?;
                Request::Update
            }
        };
        Some(Due { request, whole })
    }

    /// Builds a report of what the service does not have; whether it is all of it.
    fn build(&mut self) -> Option<bool> {
        let core = &mut *self.core;
        if self.reported.as_ref() == self.acknowledged.as_ref() || core.now < core.report_at {
            return None;
        }
        core.patch = Patch::None;
        let room = self.outgoing.capacity().saturating_sub(NEST);
        let mut limit = core.limit.min(room);
        loop {
            let built = diff_within(
                self.acknowledged.as_ref(),
                self.reported.as_ref(),
                limit,
                &mut self.outgoing,
            );
            match built {
                Ok(extent) if self.outgoing.nest(Section::Reported.key()).is_ok() => {
                    return Some(extent == Extent::Whole);
                }
                // No leaf fits the limit: then the smallest one.
                Err(error) if limit < error.needed && error.needed <= room => limit = error.needed,
                Ok(_) | Err(_) => break,
            }
        }
        // Not one of the leaves that are left can ever be sent.
        let needed = self.reported.as_ref().as_bytes().len();
        let reason = Reason::TooLarge { needed };
        core.events.raise(Event::LeafWithheld { reason });
        let _ = self.acknowledged.assign(self.reported.as_ref());
        None
    }
}

/// When to look again; `reported_all` says that the service has everything.
pub(super) fn poll_timeout(core: &Core, reported_all: bool) -> Option<Instant> {
    match core.state {
        State::Offline => None,
        State::Waiting | State::BackingOff => Some(core.until),
        State::Ready => {
            let resync_at = (core.config.resync_interval != NEVER).then_some(core.resync_at);
            if core.stage != Stage::InStep || core.patch == Patch::Doubtful {
                Some(core.now)
            } else if reported_all {
                resync_at
            } else {
                let report_at = core.report_at.max(core.now);
                Some(resync_at.map_or(report_at, |resync_at| resync_at.min(report_at)))
            }
        }
    }
}

impl<'a> Transmit<'a> {
    pub(super) fn new(parts: Parts<'a>, due: Due) -> Self {
        let id = hex(parts.core.next_id);
        Self { parts, due, id }
    }

    /// Returns what to send.
    pub fn output(&self) -> Output<'_> {
        let core = &*self.parts.core;
        let id = core::str::from_utf8(&self.id).ok().and_then(RequestId::new);
        match self.due.request {
            Request::Subscribe => Output::Subscribe,
            Request::Get => Output::Message(Message::Get(Get {
                id,
                known: (core.config.resume).and_then(|resume| (resume.known)(&self.parts)),
                known_etag: None,
            })),
            Request::Update => {
                let version = core.known.reported;
                let precondition = match core.config.versions {
                    _ if !core.config.conditional || version == Version::ZERO => Precondition::Any,
                    VersionScope::Twin => Precondition::Version(version),
                    VersionScope::Section => {
                        Precondition::SectionVersion(Section::Reported, version)
                    }
                };
                let update = Update::merge(self.parts.outgoing.as_ref())
                    .with_precondition(precondition)
                    .with_origin(Origin::Device);
                Output::Message(Message::Update(UpdateRequest { id, update }))
            }
        }
    }

    /// The request is with the network: its answer is awaited from now on.
    pub fn sent(mut self, now: Instant) {
        self.parts.core.now = self.parts.core.now.max(now);
        let fresh = self.due.request == Request::Update && self.parts.core.patch == Patch::None;
        if fresh {
            self.parts.claim();
        }
        let core = self.parts.core;
        if fresh {
            core.patch = Patch::Fresh;
            if self.due.whole {
                core.report_at = core.after(core.config.coalesce);
            }
        }
        core.state = State::Waiting;
        core.until = core.after(core.config.request_timeout);
        core.asked = self.due.request;
        core.base = core.known.reported;
        if self.due.request != Request::Subscribe {
            core.next_id = core.next_id.wrapping_add(1);
        }
    }

    /// The encoded message does not fit the transmit buffer.
    ///
    /// A report is made smaller: `poll_transmit` returns a part of it next, and a leaf that does not
    /// fit alone is withheld ([`Event::LeafWithheld`]). Any other request is tried again later.
    pub fn too_large(mut self, now: Instant) {
        self.parts.core.advance(now);
        if self.due.request != Request::Update {
            self.parts.core.back_off();
        } else if self.parts.core.patch == Patch::Doubtful {
            // It fitted once and may have been applied: it can not be changed, only found out about.
            self.parts.core.resync();
        } else {
            let needed = self.parts.outgoing_report().as_bytes().len();
            self.parts.narrow(Reason::TooLarge { needed });
        }
    }

    /// Returns the canonical bytes of the report, without what an encoding adds; empty for others.
    pub fn report(&self) -> DocumentRef<'_> {
        match self.due.request {
            Request::Update => self.parts.outgoing_report(),
            Request::Subscribe | Request::Get => DocumentRef::EMPTY,
        }
    }
}

impl core::fmt::Debug for Transmit<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_tuple("Transmit").field(&self.output()).finish()
    }
}

/// Eight hexadecimal digits.
pub(super) fn hex(number: u32) -> [u8; 8] {
    let mut text = [0; 8];
    for (index, digit) in (0_u32..).zip(text.iter_mut().rev()) {
        let nibble = (number.wrapping_shr(index.wrapping_mul(4)) & 0xF) as u8;
        *digit = match nibble {
            0..=9 => b'0'.wrapping_add(nibble),
            _ => b'a'.wrapping_sub(10).wrapping_add(nibble),
        };
    }
    text
}

#[cfg(feature = "defmt")]
impl defmt::Format for Transmit<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Transmit({})", self.output());
    }
}
