//! The service end: hub, adapter and MQTT client, for every thing on a broker.
//!
//! This is what a gateway does. The rule kept here is the hub's: **a request is answered before the next one is
//! taken**, its notifications first (delta, documents, answer). Each request and answer is a log line at debug
//! level; what nobody can be told about is a warning.

#![allow(dead_code, reason = "each example uses its own part of this file")]

use log::{debug, warn};
use twinsync::adapter::aws::{Policy, RequestError, Service};
use twinsync::adapter::{EncodeError, Publish};
use twinsync::document::{Document, DocumentRef, MAX_DOCUMENT};
use twinsync::fleet::Deliver;
use twinsync::hub::{Config, HubEngine, InMemory, Notify};
use twinsync::protocol::{Message, TwinId, UpdateRequest};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync::twin::{Origin, TwinRef, Update};

use super::clock::Clock;
use super::mqtt::Mqtt;
use super::words::words;

/// How often outdated tombstones are looked for.
const SWEEP: Duration = Duration::from_secs(3_600);

pub(crate) type Hub = HubEngine<InMemory, MAX_DOCUMENT>;

/// Device shadows in memory.
pub(crate) struct ShadowService {
    clock: Clock,
    service: Service,
    hub: Box<Hub>,
    incoming: Box<Document<MAX_DOCUMENT>>,
    outgoing: Vec<u8>,
    sweep_at: Instant,
}

impl ShadowService {
    /// What the service subscribes to.
    pub(crate) const FILTERS: [&'static str; 6] = Service::FILTERS;

    /// A service without shadows that takes documents of up to `max_document_bytes`.
    pub(crate) fn new(max_document_bytes: usize, clock: Clock) -> Self {
        let policy = Policy::new().with_max_document_bytes(max_document_bytes);
        let config = Config::new()
            .with_policy(policy.twin())
            .with_notify(Notify {
                delta: true,
                changed: true,
                ..Notify::NONE
            });
        Self {
            clock,
            service: Service::new(policy),
            hub: Box::new(HubEngine::new(InMemory::new(), config)),
            incoming: Box::new(Document::new()),
            outgoing: vec![0; 4_096],
            sweep_at: clock.instant() + SWEEP,
        }
    }

    /// Takes what was published on `topic`, and publishes what follows from it.
    pub(crate) fn serve(&mut self, topic: &str, payload: &[u8], mqtt: &Mqtt) {
        self.sweep();
        let now = self.clock.now();
        let decoded = self
            .service
            .decode(topic, payload, (*self.incoming).as_mut());
        match decoded {
            Ok((id, message)) => {
                debug!("{id} <- {}", words(&message));
                if let Err(error) = self.hub.handle_message(now, id, message) {
                    warn!("{id}: {error}");
                }
            }
            Err(RequestError::Refused(refusal)) => {
                debug!("{} <- refused: {}", refusal.id, refusal.fault);
                let encoded = encode(&mut self.outgoing, |out| {
                    self.service.refuse(&refusal, now.wall, out)
                });
                publish(encoded, mqtt);
            }
            Err(error) => warn!("{topic:?}: {error}"),
        }
        self.transmit(mqtt);
    }

    /// Asks the device for something, as a back-end application inside this process does.
    pub(crate) fn desire(&mut self, id: TwinId<'_>, desired: DocumentRef<'_>, mqtt: &Mqtt) {
        let mut patch = Document::<1_024>::new();
        if let Err(error) = patch.set(&["desired"], desired) {
            warn!("{id}: {error}");
            return;
        }
        let update = Update::merge(patch.as_ref()).with_origin(Origin::Service);
        let message = Message::Update(UpdateRequest { id: None, update });
        if let Err(error) = self.hub.handle_message(self.clock.now(), id, message) {
            warn!("{id}: {error}");
        }
        self.transmit(mqtt);
    }

    /// Lends the hub to what stands above it, a rollout say, with what publishes for it.
    pub(crate) fn with_hub<T>(
        &mut self,
        mqtt: &Mqtt,
        work: impl FnOnce(&mut Hub, Now, Deliver<'_>) -> T,
    ) -> T {
        let (service, outgoing) = (&self.service, &mut self.outgoing);
        work(&mut self.hub, self.clock.now(), &mut |transmit| {
            let encoded = encode(outgoing, |out| {
                service.encode(transmit.id, &transmit.message, out)
            });
            publish(encoded, mqtt);
        })
    }

    /// Returns a shadow, to look at.
    pub(crate) fn twin(&self, id: TwinId<'_>) -> TwinRef<'_> {
        self.hub.registry().twin(id).unwrap_or(TwinRef::ABSENT)
    }

    /// Publishes what the last request caused. While the link is down it is lost: askers ask again, and
    /// devices get their delta with the next full get.
    fn transmit(&mut self, mqtt: &Mqtt) {
        while let Some(transmit) = self.hub.poll_transmit() {
            debug!("{} -> {}", transmit.id, words(&transmit.message));
            let encoded = encode(&mut self.outgoing, |out| {
                self.service.encode(transmit.id, &transmit.message, out)
            });
            publish(encoded, mqtt);
            transmit.sent();
        }
    }

    /// Forgets now and then what AWS has forgotten, too: deletions of 48 hours ago.
    fn sweep(&mut self) {
        if self.clock.instant() < self.sweep_at {
            return;
        }
        self.sweep_at = self.clock.instant() + SWEEP;
        let wall = self.clock.now().wall.as_millis();
        let tombstone = self.service.policy().twin().tombstone.as_millis();
        let before = Timestamp::from_millis(wall.saturating_sub(tombstone));
        self.hub.registry_mut().forget_deleted(before);
    }
}

/// Encodes into `out`, which grows to what is needed.
fn encode<'o>(
    out: &'o mut Vec<u8>,
    write: impl Fn(&mut [u8]) -> Result<Publish<'_>, EncodeError>,
) -> Result<Publish<'o>, EncodeError> {
    if let Err(EncodeError::BufferTooSmall(error)) = write(out) {
        out.resize(error.needed, 0);
    }
    write(out)
}

fn publish(encoded: Result<Publish<'_>, EncodeError>, mqtt: &Mqtt) {
    match encoded {
        Ok(publish) if mqtt.publish(publish.topic, publish.payload) => {}
        Ok(publish) => warn!("{}: not sent, no connection", publish.topic),
        Err(error) => warn!("not sent: {error}"),
    }
}
