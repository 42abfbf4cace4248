//! The service's end of a pair: a hub with its twins in memory.

use alloc::vec;

use super::broker::{ClientId, Packet};
use super::dialect::{Dialect, Request};
use super::network::{Arrival, Network};
use super::schedule::Storage;
use crate::document::{DocumentMut, MAX_DOCUMENT};
use crate::hub::{Config, HubEngine, InMemory};
use crate::protocol::{Message, TwinId};
use crate::time::{Instant, Now};

pub(super) struct HubEnd<const H: usize> {
    pub(super) client: ClientId,
    pub(super) engine: HubEngine<InMemory, H>,
    pub(super) running: bool,
    config: Config,
}

impl<const H: usize> HubEnd<H> {
    pub(super) const fn new(client: ClientId, config: Config) -> Self {
        Self {
            client,
            engine: HubEngine::new(InMemory::new(), config),
            running: false,
            config,
        }
    }

    pub(super) fn start<L: Dialect>(
        &mut self,
        now: Instant,
        network: &mut Network,
        dialect: &L,
        storage: Storage,
    ) {
        self.stop(network);
        let stored = core::mem::replace(
            &mut self.engine,
            HubEngine::new(InMemory::new(), self.config),
        );
        if storage == Storage::Kept {
            self.engine = HubEngine::new(stored.into_registry(), self.config);
        }
        network.handle_connected(self.client, false);
        network.subscribe(now, self.client, dialect.service_filters());
        self.running = true;
    }

    pub(super) fn stop(&mut self, network: &mut Network) {
        network.handle_disconnected(self.client);
        self.running = false;
    }

    pub(super) fn handle_arrival<L: Dialect>(
        &mut self,
        now: Now,
        arrival: &Arrival,
        network: &mut Network,
        dialect: &L,
    ) {
        let Arrival::Message(packet) = arrival else {
            return;
        };
        let mut bytes = vec![0; MAX_DOCUMENT];
        let mut len = 0;
        let Ok(scratch) = DocumentMut::new(&mut bytes, &mut len) else {
            return;
        };
        let (engine, client) = (&mut self.engine, self.client);
        dialect.decode_request(now.wall, packet, scratch, &mut |request| match request {
            Request::Message(id, message) => {
                answer(
                    engine,
                    now,
                    id,
                    message,
                    &mut |packet| {
                        network.publish(now.instant, client, packet);
                    },
                    dialect,
                );
            }
            Request::Refusal(packet) => network.publish(now.instant, client, packet),
            Request::Noise => {}
        });
    }
}

fn answer<L: Dialect, const H: usize>(
    engine: &mut HubEngine<InMemory, H>,
    now: Now,
    id: TwinId<'_>,
    message: Message<'_>,
    publish: &mut dyn FnMut(Packet),
    dialect: &L,
) {
    // Its output was drained after the last message: it is never busy here.
    let _ = engine.handle_message(now, id, message);
    while let Some(transmit) = engine.poll_transmit() {
        if let Some(packet) = dialect.encode_answer(transmit.id, &transmit.message) {
            publish(packet);
        }
        transmit.sent();
    }
}
