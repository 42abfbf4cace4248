//! The device's end of a pair: an engine, its application and what it stored.

use alloc::boxed::Box;
use alloc::vec;

use super::application::Application;
use super::carrier::Carrier;
use super::dialect::{Incoming, Unsent};
use super::schedule::{Patch, Storage};
use crate::device::{Config, DeviceEngine, Event, Memory, Output, Verdict};
use crate::document::{DocumentMut, MAX_DOCUMENT, diff};
use crate::protocol::{TwinId, Versions};
use crate::time::{Duration, Instant};

/// More requests than this at one moment mean that the engine would go on for ever.
const MOST_AT_ONCE: usize = 1_000;

pub(super) struct DeviceEnd<const N: usize> {
    pub(super) engine: DeviceEngine<N>,
    pub(super) application: Box<dyn Application>,
    pub(super) connected: bool,
    pub(super) withheld: u64,
    pub(super) runaway: bool,
    config: Config,
    /// Bytes of the buffer that messages are encoded in, and of the document that they are decoded to.
    transmit_room: usize,
    pub(super) receive_room: usize,
    think: Duration,
    act_at: Option<Instant>,
    saved: Option<Saved>,
}

struct Saved {
    desired: Patch,
    reported: Patch,
    acknowledged: Patch,
    versions: Versions,
    next_request: u32,
}

/// Sizes and times of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Body {
    pub(super) config: Config,
    pub(super) transmit_room: usize,
    pub(super) receive_room: usize,
    pub(super) think: Duration,
}

impl<const N: usize> DeviceEnd<N> {
    pub(super) fn new(body: Body, application: Box<dyn Application>) -> Self {
        Self {
            engine: DeviceEngine::new(body.config),
            application,
            connected: false,
            withheld: 0,
            runaway: false,
            config: body.config,
            transmit_room: body.transmit_room,
            receive_room: body.receive_room,
            think: body.think,
            act_at: None,
            saved: None,
        }
    }

    pub(super) fn connect(&mut self, now: Instant, carrier: &mut impl Carrier, resume: bool) {
        self.disconnect(now, carrier);
        let session = carrier.connect(now, resume);
        self.engine.handle_connected(now, session);
        self.connected = true;
    }

    pub(super) fn disconnect(&mut self, now: Instant, carrier: &mut impl Carrier) {
        if self.connected {
            carrier.disconnect(now);
            self.connected = false;
            self.engine.handle_disconnected(now);
        }
    }

    /// Something is true now; the application sees whether that is still what is desired.
    pub(super) fn report(&mut self, now: Instant, patch: &Patch) {
        // What does not fit is the application's to know; the engine is then as it was.
        let _ = self.engine.report(now, patch.as_ref());
        self.think_about_it(now);
    }

    pub(super) fn save(&mut self) {
        let memory = self.engine.memory();
        self.saved = Some(Saved {
            desired: memory.desired.into(),
            reported: memory.reported.into(),
            acknowledged: memory.acknowledged.into(),
            versions: memory.versions,
            next_request: memory.next_request,
        });
    }

    /// What is true of the device stays true: its application reports it again.
    pub(super) fn restart(&mut self, now: Instant, carrier: &mut impl Carrier, storage: Storage) {
        self.disconnect(now, carrier);
        let truth = Patch::from(self.engine.reported());
        self.engine = DeviceEngine::new(self.config);
        self.act_at = None;
        if let Some(saved) = self.saved.as_ref().filter(|_| storage == Storage::Kept) {
            let memory = Memory {
                desired: saved.desired.as_ref(),
                reported: saved.reported.as_ref(),
                acknowledged: saved.acknowledged.as_ref(),
                versions: saved.versions,
                next_request: saved.next_request,
            };
            // What an engine of this size saved, one of this size takes.
            let restored = self.engine.restore(&memory);
            debug_assert!(restored.is_ok());
        } else {
            self.saved = None;
        }
        let mut bytes = vec![0; MAX_DOCUMENT];
        let mut len = 0;
        if let Ok(mut patch) = DocumentMut::new(&mut bytes, &mut len)
            && diff(self.engine.reported(), truth.as_ref(), &mut patch).is_ok()
        {
            let reported = self.engine.report(now, patch.as_ref());
            debug_assert!(reported.is_ok());
        }
        self.think_about_it(now);
    }

    pub(super) fn handle_incoming(&mut self, now: Instant, incoming: Incoming<'_>) {
        match incoming {
            Incoming::Message(message) => {
                let _ = self.engine.handle_message(now, message);
            }
            Incoming::Oversized { needed } => self.engine.handle_oversized(now, needed),
            Incoming::Subscribed => self.engine.handle_subscribed(now),
            Incoming::Noise => {}
        }
    }

    /// Drains the engine and lets the application act when its time has come.
    pub(super) fn drive(&mut self, now: Instant, carrier: &mut impl Carrier, id: TwinId<'_>) {
        self.engine.handle_timeout(now);
        if self.act_at.is_some_and(|due| due <= now) {
            self.act_at = None;
            let application = &mut self.application;
            let _ = self.engine.settle(now, |leaf| application.decide(&leaf));
        }
        for _ in 0..MOST_AT_ONCE {
            let sent = self.transmit(now, carrier, id);
            let mut news = false;
            while let Some(event) = self.engine.poll_event() {
                news = true;
                if let Event::DesiredChanged | Event::Synced = event {
                    self.think_about_it(now);
                } else if let Event::LeafWithheld { .. } = event {
                    self.withheld = self.withheld.saturating_add(1);
                }
            }
            if self.engine.poll_timeout().is_none_or(|due| due > now) {
                return;
            }
            if !news && sent == 0 {
                break;
            }
        }
        // Something is due now, and yet nothing comes out; or it never ends.
        self.runaway = true;
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let engine = self.engine.poll_timeout();
        match (engine, self.act_at) {
            (Some(engine), Some(act_at)) => Some(engine.min(act_at)),
            (engine, act_at) => engine.or(act_at),
        }
    }

    /// Leaves that are desired, not reported, and not refused either.
    pub(super) fn open_changes(&mut self) -> usize {
        let application = &mut self.application;
        self.engine
            .changes()
            .filter(|leaf| application.decide(leaf) != Verdict::Refused)
            .count()
    }

    fn think_about_it(&mut self, now: Instant) {
        if self.act_at.is_none() {
            self.act_at = Some(now + self.think);
        }
    }

    fn transmit(&mut self, now: Instant, carrier: &mut impl Carrier, id: TwinId<'_>) -> usize {
        for count in 0..MOST_AT_ONCE {
            let wanted = self.engine.wanted();
            let Some(transmit) = self.engine.poll_transmit(now) else {
                return count;
            };
            let sent = match transmit.output() {
                Output::Subscribe => {
                    carrier.subscribe(now, id);
                    true
                }
                Output::Message(message) => {
                    match carrier.request(now, id, &message, wanted, self.transmit_room) {
                        Ok(()) => true,
                        Err(Unsent::TooLarge { .. } | Unsent::Unsupported) => false,
                    }
                }
            };
            if sent {
                transmit.sent(now);
            } else {
                transmit.too_large(now);
            }
        }
        MOST_AT_ONCE
    }
}
