//! The service's end of a pair: a hub with its twins in memory.

use super::carrier::Replies;
use super::schedule::Storage;
use crate::hub::{Config, HubEngine, InMemory};
use crate::protocol::{Message, TwinId};
use crate::time::Now;

pub(super) struct HubEnd<const H: usize> {
    pub(super) engine: HubEngine<InMemory, H>,
    pub(super) running: bool,
    config: Config,
}

impl<const H: usize> HubEnd<H> {
    pub(super) const fn new(config: Config) -> Self {
        Self {
            engine: HubEngine::new(InMemory::new(), config),
            running: false,
            config,
        }
    }

    pub(super) fn start(&mut self, storage: Storage) {
        let stored = core::mem::replace(
            &mut self.engine,
            HubEngine::new(InMemory::new(), self.config),
        );
        if storage == Storage::Kept {
            self.engine = HubEngine::new(stored.into_registry(), self.config);
        }
        self.running = true;
    }

    pub(super) const fn stop(&mut self) {
        self.running = false;
    }

    /// Handles a request, if the hub runs.
    pub(super) fn serve(
        &mut self,
        now: Now,
        id: TwinId<'_>,
        message: Message<'_>,
        replies: &mut Replies<'_>,
    ) {
        if !self.running {
            return;
        }
        // Its output was drained after the last message: it is never busy here.
        let _ = self.engine.handle_message(now, id, message);
        while let Some(transmit) = self.engine.poll_transmit() {
            replies(transmit.id, transmit.audience, &transmit.message);
            transmit.sent();
        }
    }
}
