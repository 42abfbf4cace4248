//! The service end over CoAP: hub, resources and endpoint, for datagrams from anywhere.
//!
//! This is what a gateway does. The rules kept here are the endpoint's drain order, and the hub's: **a request is
//! answered before the next one is taken**. Each request and answer is a log line at debug level.

#![allow(dead_code, reason = "each example uses its own part of this file")]

use core::net::SocketAddr;

use log::{debug, warn};
use twinsync::adapter::coap::endpoint::{self, Event, Exchange, ObserveError};
use twinsync::adapter::coap::{
    Access, Body, Message, Names, Part, Refusal, Service, Uploads, Watch,
};
use twinsync::document::{Document, DocumentRef, MAX_DOCUMENT};
use twinsync::error::Status;
use twinsync::hub::{Config, HubEngine, InMemory, Registry};
use twinsync::protocol::{self, Cause, Rejection, RequestKind, Snapshot, TwinId};
use twinsync::time::{Duration, Instant, Timestamp};

use super::clock::Clock;

/// Where a datagram came from: the socket, and the address behind it.
pub(crate) type Peer = (u8, SocketAddr);

/// The largest datagram.
const MTU: usize = 1_280;
/// Answers that are kept for askers who did not hear them.
const ANSWERS: usize = 256;
/// Observers at a time.
const OBSERVERS: usize = 256;
/// Bodies that come in blocks at a time, and the largest.
const UPLOADS: usize = 16;
const BODY: usize = 65_536;
/// Resources that can be observed at a time.
const RESOURCES: usize = 1_024;

type Endpoint = endpoint::Server<Peer, MTU, ANSWERS, OBSERVERS>;

/// Twins in memory, as CoAP resources.
pub(crate) struct TwinService {
    clock: Clock,
    service: Service<'static>,
    endpoint: Box<Endpoint>,
    uploads: Box<Uploads<Peer, UPLOADS, BODY>>,
    hub: Box<HubEngine<InMemory, MAX_DOCUMENT>>,
    /// What is observed; a resource's number is its place.
    watched: Vec<Watched>,
    incoming: Box<Document<MAX_DOCUMENT>>,
    shown: Box<Document<MAX_DOCUMENT>>,
    text: Vec<u8>,
    names: Names,
}

/// What somebody observes.
struct Watched {
    device: String,
    name: Option<String>,
    watch: Watch,
}

impl Watched {
    fn id(&self) -> Option<TwinId<'_>> {
        TwinId::new(&self.device, self.name.as_deref()).ok()
    }
}

impl TwinService {
    /// A service without twins.
    pub(crate) fn new(service: Service<'static>, network: endpoint::Config, clock: Clock) -> Self {
        let mut config = Config::new();
        // Who observes is told how the twin then is; the hub need not say.
        config.notify.delta = false;
        // Devices sleep on what they were told: each notification is confirmed.
        let network = network.with_confirmation(1, Duration::from_secs(86_400));
        Self {
            clock,
            service,
            endpoint: Box::new(Endpoint::new(network)),
            uploads: Box::new(Uploads::new()),
            hub: Box::new(HubEngine::new(InMemory::new(), config)),
            watched: Vec::new(),
            incoming: Box::new(Document::new()),
            shown: Box::new(Document::new()),
            text: vec![0; 2 * MAX_DOCUMENT],
            names: Names::new(),
        }
    }

    /// Takes a datagram of somebody who has this access.
    pub(crate) fn handle_datagram(&mut self, peer: Peer, access: Access<'_>, datagram: &[u8]) {
        let now = self.clock.instant();
        match self.endpoint.handle_datagram(now, peer, datagram) {
            Some(Event::Request {
                exchange, message, ..
            }) => self.serve(peer, access, exchange, &message),
            Some(event) => debug!("{}: {event:?}", peer.1),
            None => {}
        }
    }

    /// Sends what is due through `send`; returns when to call again if nothing comes before.
    pub(crate) fn drive(&mut self, send: &mut dyn FnMut(Peer, &[u8])) -> Option<Instant> {
        let now = self.clock.instant();
        self.notify(now);
        while let Some(transmit) = self.endpoint.poll_transmit(now) {
            send(transmit.peer(), transmit.bytes());
            transmit.sent();
        }
        while let Some(event) = self.endpoint.poll_event(now) {
            debug!("{event:?}");
        }
        self.endpoint.poll_timeout()
    }

    fn serve(&mut self, peer: Peer, access: Access<'_>, exchange: Exchange, request: &Message<'_>) {
        let now = self.clock.now();
        let taken = self.uploads.take(now.instant, peer, request);
        let service = &self.service;
        let decoded = match taken {
            Ok(Body::Partial(block)) => {
                let answered = self.endpoint.respond(now.instant, exchange, |out| {
                    log_error(service.proceed(block, out));
                });
                log_error(answered);
                return;
            }
            Ok(Body::Whole(body)) => {
                let document = (*self.incoming).as_mut();
                service.decode(access, request, body, &mut self.names, document)
            }
            Err(refusal) => Err(refusal),
        };
        let mut call = match decoded {
            Ok(call) => call,
            Err(refusal) => {
                self.refuse(now.instant, peer, exchange, request, &refusal);
                return;
            }
        };
        if call.reply.observe() == Some(true) {
            let resource = number(&mut self.watched, call.id, call.reply.watch());
            let registered = resource
                .ok_or(ObserveError::Full)
                .and_then(|resource| self.endpoint.observe(now.instant, exchange, resource));
            match registered {
                Ok(sequence) => call.reply.registered(sequence),
                Err(error) => warn!("{}: {error}", peer.1),
            }
        }
        if let Err(error) = self.hub.handle_message(now, call.id, call.message) {
            warn!("{}: {error}", call.id);
        }
        while let Some(transmit) = self.hub.poll_transmit() {
            for resource in touched(&self.watched, transmit.id, &transmit.message) {
                self.endpoint.changed(resource);
            }
            let (shown, text) = ((*self.shown).as_mut(), &mut self.text);
            let answered = self.endpoint.respond(now.instant, exchange, |out| {
                let code = service.encode(&call.reply, &transmit.message, shown, text, out);
                match code {
                    Ok(code) => debug!("{} <- {} {} -> {code}", call.id, peer.1, request.code()),
                    Err(error) => warn!("{}: {error}", call.id),
                }
            });
            log_error(answered);
            transmit.sent();
        }
    }

    fn refuse(
        &mut self,
        now: Instant,
        peer: Peer,
        exchange: Exchange,
        request: &Message<'_>,
        refusal: &Refusal,
    ) {
        debug!(
            "{} {} refused: {} {refusal}",
            peer.1,
            request.code(),
            refusal.fault.code()
        );
        let service = &self.service;
        let answered = self.endpoint.respond(now, exchange, |out| {
            log_error(service.refuse(refusal, out));
        });
        log_error(answered);
    }

    /// Tells observers how their resource now is.
    fn notify(&mut self, now: Instant) {
        while let Some(next) = self.endpoint.poll_notify(now) {
            let index = usize::try_from(next.resource).unwrap_or(usize::MAX);
            let Some(watched) = self.watched.get(index) else {
                self.endpoint.forget(next.resource);
                continue;
            };
            let Some(id) = watched.id() else { continue };
            let message = present(self.hub.registry_mut(), id);
            let (service, text) = (&self.service, &mut self.text);
            let shown = (*self.shown).as_mut();
            let told = self.endpoint.notify(now, next.observer, |out, sequence| {
                let reply = watched.watch.notify(sequence);
                let code = service.encode(&reply, &message, shown, text, out);
                match code {
                    Ok(code) => debug!("{id} -> {} notified {code}", next.peer.1),
                    Err(error) => warn!("{id}: {error}"),
                }
            });
            if let Err(error) = told {
                warn!("{id}: {error}");
                self.endpoint.forget(next.resource);
            }
        }
    }
}

/// How a twin now is, as the answer to a get.
fn present<'r>(registry: &'r mut InMemory, id: TwinId<'_>) -> protocol::Message<'r> {
    let twin = registry.load(id).ok().flatten();
    match twin.filter(|twin| twin.exists()) {
        Some(twin) => protocol::Message::GetAccepted(Snapshot {
            id: None,
            document: twin.document(),
            versions: twin.versions(),
            timestamp: Timestamp::EPOCH,
        }),
        None => protocol::Message::Rejected(Rejection {
            id: None,
            request: RequestKind::Get,
            status: Status::NotFound,
            cause: Cause::Unstated,
            timestamp: Timestamp::EPOCH,
        }),
    }
}

/// The number of what is observed; `None` if too much is.
fn number(watched: &mut Vec<Watched>, id: TwinId<'_>, watch: Watch) -> Option<u32> {
    let found = watched
        .iter()
        .position(|watched| watched.id() == Some(id) && watched.watch == watch);
    let index = match found {
        Some(index) => index,
        None if watched.len() < RESOURCES => {
            watched.push(Watched {
                device: id.device().to_owned(),
                name: id.name().map(ToOwned::to_owned),
                watch,
            });
            watched.len() - 1
        }
        None => return None,
    };
    u32::try_from(index).ok()
}

/// What is observed of this twin and touched by what was done.
fn touched<'w>(
    watched: &'w [Watched],
    id: TwinId<'w>,
    message: &'w protocol::Message<'_>,
) -> impl Iterator<Item = u32> + 'w {
    let is_touched = |part: Part| match message {
        protocol::Message::DeleteAccepted(_) => true,
        protocol::Message::UpdateAccepted(accepted) => {
            let patch = accepted.patch.unwrap_or(DocumentRef::NULL);
            let names = |key: &str| !patch.is_map() || patch.at(&[key]).is_some();
            match part {
                Part::Twin => true,
                Part::Section(section) => names(section.key()),
                Part::Delta => names("desired") || names("reported"),
            }
        }
        _ => false,
    };
    (0..).zip(watched).filter_map(move |(number, watched)| {
        let is_its = watched.id() == Some(id) && is_touched(watched.watch.part());
        is_its.then_some(number)
    })
}

fn log_error<T, E: core::fmt::Display>(result: Result<T, E>) {
    if let Err(error) = result {
        warn!("{error}");
    }
}
