//! Both ends of the CoAP adapter, each over a socket.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::marker::PhantomData;

use super::carrier::Replies;
use super::datagrams::{Datagrams, DeviceSocket, HubSocket, Serve};
use super::dialect::{Incoming, Unsent};
use super::random::Random;
use crate::adapter::coap::endpoint::{self, Event, Reliability, RequestHandle};
use crate::adapter::coap::{
    Access, AskError, Block, Body, Cbor, Client, Code, DecodeError, Fed, Format, Message,
    MessageWriter, Names, Question, Refusal, Reply, Service, Type, Uploads, Watch, option,
};
use crate::document::{DocumentMut, MAX_DOCUMENT};
use crate::hub::{Config, Notify};
use crate::protocol::{self, Audience, Get, TwinId, Wanted};
use crate::time::{Instant, Now};
use crate::twin::Policy;

/// Twins as CoAP resources, spelled in the format `F`: [`Cbor`], or
/// [`Json`](crate::adapter::coap::Json).
///
/// The hub takes the device that a path names for the device that asks, as if a DTLS session had said
/// so. A registration is good for a month, so that nothing is said when nothing happens.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Coap<F = Cbor> {
    seeds: Random,
    format: PhantomData<F>,
}

/// The first segment of all paths.
const PREFIX: &str = "twins";
/// The largest datagram.
const MTU: usize = 1_280;
/// There is one peer at the other end of the link.
const PEER: () = ();
/// There is one thing that can be observed: desired.
const DESIRED: u32 = 0;
/// Seconds after which a device registers anew.
const MONTH: u32 = 2_592_000;
/// A twin that changes while its blocks come is asked for again so often.
const ATTEMPTS: u8 = 3;

impl<F> Coap<F> {
    /// The protocol; message ids and tokens follow from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self {
            seeds: Random::new(seed),
            format: PhantomData,
        }
    }

    /// Returns the rules for the hub of a pair: it keeps what it needs to tell what changed since a
    /// version, and notifies of desired.
    pub const fn hub(&self) -> Config {
        let mut notify = Notify::NONE;
        notify.desired = true;
        Config::new()
            .with_policy(Policy::new().with_metadata(true))
            .with_notify(notify)
    }

    /// Message ids of a life must not be those of the life before.
    fn network(&mut self) -> endpoint::Config {
        // An observation, a request and the blocks of both at once.
        endpoint::Config::new(self.seeds.number()).with_nstart(4)
    }
}

impl<F> Default for Coap<F> {
    fn default() -> Self {
        Self::new(0)
    }
}

impl<F: Format> Datagrams for Coap<F> {
    type Device = CoapDevice<F>;
    type Hub = CoapHub;

    fn device(&mut self) -> CoapDevice<F> {
        CoapDevice {
            endpoint: Box::new(endpoint::Client::new(self.network())),
            observed: None,
            asked: None,
            format: PhantomData,
        }
    }

    fn hub(&mut self) -> CoapHub {
        CoapHub {
            service: Service::new(PREFIX).with_max_age(MONTH),
            endpoint: Box::new(endpoint::Server::new(self.network())),
            uploads: Box::new(Uploads::new()),
            observed: None,
        }
    }
}

/// The device's end: what an engine asks becomes requests, and their blocks its messages.
pub struct CoapDevice<F> {
    endpoint: Box<endpoint::Client<(), MTU, 8>>,
    /// The observation of desired, while it stands.
    observed: Option<Asked>,
    /// The engine's request, while it waits for its answer.
    asked: Option<Asked>,
    format: PhantomData<F>,
}

/// A question, and what came of its answer.
struct Asked {
    request: RequestHandle,
    question: Question,
    /// The blocks so far, each a datagram.
    blocks: Vec<Vec<u8>>,
    /// The request for the next block.
    next: Option<RequestHandle>,
    attempts: u8,
    /// The engine knows that the observation stands.
    told: bool,
}

impl<F: Format> CoapDevice<F> {
    /// Writes a request twice: where it may take too much, and where it is kept.
    fn ask(
        &mut self,
        now: Instant,
        id: TwinId<'_>,
        room: usize,
        write: &dyn Fn(&Client<'_, F>, &mut MessageWriter<'_>) -> Written,
    ) -> Result<Asked, Unsent> {
        let client = Client::new(PREFIX, id).map_err(|_| Unsent::Unsupported)?;
        let mut out = vec![0; room.min(MTU)];
        // As long as any id and any token.
        let mut trial = MessageWriter::new(&mut out, Type::Confirmable, Code::EMPTY, 0, &[0; 4]);
        let question = write(&client, &mut trial).map_err(|error| match error {
            AskError::TooLarge { needed } => Unsent::TooLarge { needed },
            AskError::Write(_) => Unsent::TooLarge { needed: MTU },
            AskError::Unsupported => Unsent::Unsupported,
        })?;
        trial
            .finish()
            .map_err(|_| Unsent::TooLarge { needed: MTU })?;
        let begun = self
            .endpoint
            .request(now, PEER, Reliability::Confirmable, |out| {
                let _ = write(&client, out);
            });
        // There is room: what was asked before was cancelled.
        let request = begun.map_err(|_| Unsent::Unsupported)?;
        Ok(Asked {
            request,
            question,
            blocks: Vec::new(),
            next: None,
            attempts: ATTEMPTS,
            told: false,
        })
    }

    fn cancel(&mut self, asked: Option<Asked>) {
        if let Some(asked) = asked {
            self.endpoint.cancel(asked.request);
            if let Some(next) = asked.next {
                self.endpoint.cancel(next);
            }
        }
    }

    /// Reads the blocks that there are, and asks for the next.
    fn read(
        &mut self,
        now: Instant,
        id: TwinId<'_>,
        asked: &mut Asked,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
    ) {
        let Ok(client) = Client::<F>::new(PREFIX, id) else {
            return;
        };
        let mut decoder = client.decoder(&asked.question, scratch);
        let mut fed = Ok(Fed::Complete);
        for block in &asked.blocks {
            if let (Ok(_), Ok(message)) = (fed, Message::parse(block)) {
                fed = decoder.feed(&message);
            }
        }
        let next = match fed {
            Ok(Fed::More(block)) => Some(block),
            Err(DecodeError::Changed) if asked.attempts > 0 => {
                asked.attempts = asked.attempts.saturating_sub(1);
                asked.blocks.clear();
                Block::new(0, false, Block::MAX_SIZE).ok()
            }
            _ => None,
        };
        if let Some(block) = next {
            let begun = self
                .endpoint
                .request(now, PEER, Reliability::Confirmable, |out| {
                    let _ = client.next(&asked.question, block, out);
                });
            asked.next = begun.ok();
            return;
        }
        match fed.and_then(|_| decoder.finish()) {
            Ok(message) => take(Incoming::Message(message)),
            Err(error) => take(match error.capacity() {
                Some(error) => Incoming::Oversized {
                    needed: error.needed,
                },
                None => Incoming::Noise,
            }),
        }
        asked.blocks.clear();
        asked.attempts = ATTEMPTS;
    }

    /// A request came to its end without an answer: the engine has a time-out of its own.
    fn end(&mut self, request: RequestHandle) {
        self.asked = self.asked.take().filter(|asked| asked.request != request);
        self.observed = self
            .observed
            .take()
            .filter(|asked| asked.request != request);
        for asked in [&mut self.asked, &mut self.observed].into_iter().flatten() {
            if asked.next == Some(request) {
                asked.next = None;
                asked.blocks.clear();
            }
        }
    }
}

type Written = Result<Question, AskError<crate::adapter::coap::WriteError>>;

impl<F: Format> DeviceSocket for CoapDevice<F> {
    fn subscribe(&mut self, now: Instant, id: TwinId<'_>) {
        let before = self.observed.take();
        self.cancel(before);
        self.observed = self
            .ask(now, id, MTU, &|client, out| client.subscribe(out))
            .ok();
    }

    fn request(
        &mut self,
        now: Instant,
        id: TwinId<'_>,
        message: &protocol::Message<'_>,
        wanted: Wanted,
        room: usize,
    ) -> Result<(), Unsent> {
        // The engine asks one thing at a time: what it asked before is not awaited any more.
        let before = self.asked.take();
        self.cancel(before);
        let write = |client: &Client<'_, F>, out: &mut MessageWriter<'_>| {
            client.encode(message, wanted, out)
        };
        self.asked = Some(self.ask(now, id, room, &write)?);
        Ok(())
    }

    fn handle_datagram(
        &mut self,
        now: Instant,
        id: TwinId<'_>,
        datagram: &[u8],
        _: Wanted,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
    ) {
        let (request, ongoing) = match self.endpoint.handle_datagram(now, PEER, datagram) {
            Some(Event::Response {
                request, ongoing, ..
            }) => (request, ongoing),
            Some(Event::Reset { request, .. }) => return self.end(request),
            _ => return,
        };
        let is_its = |asked: &mut Asked| asked.request == request || asked.next == Some(request);
        if let Some(mut asked) = self.asked.take_if(is_its) {
            asked.next = None;
            asked.blocks.push(datagram.to_vec());
            self.read(now, id, &mut asked, scratch, take);
            self.asked = asked.next.is_some().then_some(asked);
            return;
        }
        let Some(mut asked) = self.observed.take_if(is_its) else {
            return;
        };
        let is_block = asked.next.take_if(|next| *next == request).is_some();
        if !is_block {
            // A notification is of the present: what came of the one before is not.
            if let Some(next) = asked.next.take() {
                self.endpoint.cancel(next);
            }
            asked.blocks.clear();
        }
        asked.blocks.push(datagram.to_vec());
        self.read(now, id, &mut asked, scratch, take);
        if is_block || ongoing {
            if !asked.told {
                asked.told = true;
                take(Incoming::Subscribed);
            }
            self.observed = Some(asked);
        }
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        while let Some(event) = self.endpoint.poll_event(now) {
            if let Event::TimedOut { request, .. } = event {
                self.end(request);
            }
        }
        let transmit = self.endpoint.poll_transmit(now)?;
        let datagram = transmit.bytes().to_vec();
        transmit.sent();
        Some(datagram)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.endpoint.poll_timeout()
    }
}

/// The hub's end: requests become calls of the hub, and changes of desired notifications.
pub struct CoapHub {
    service: Service<'static>,
    endpoint: Box<endpoint::Server<(), MTU, 64, 4>>,
    uploads: Box<Uploads<(), 2, MAX_DOCUMENT>>,
    /// What the device observes.
    observed: Option<(String, Option<String>, Watch)>,
}

impl CoapHub {
    fn refuse(&mut self, now: Now, exchange: endpoint::Exchange, refusal: &Refusal) {
        let service = self.service;
        let _ = self.endpoint.respond(now.instant, exchange, |out| {
            let _ = service.refuse(refusal, out);
        });
    }
}

impl HubSocket for CoapHub {
    fn handle_datagram(
        &mut self,
        now: Now,
        datagram: &[u8],
        scratch: DocumentMut<'_>,
        serve: &mut Serve<'_>,
    ) {
        let event = self.endpoint.handle_datagram(now.instant, PEER, datagram);
        let Some(Event::Request {
            exchange, message, ..
        }) = event
        else {
            return;
        };
        let service = self.service;
        let mut names = Names::new();
        let decoded = match self.uploads.take(now.instant, PEER, &message) {
            Ok(Body::Whole(body)) => {
                let access = device(&message).map_or(Access::Nobody, Access::Device);
                service.decode(access, &message, body, &mut names, scratch)
            }
            Ok(Body::Partial(block)) => {
                let _ = self.endpoint.respond(now.instant, exchange, |out| {
                    let _ = service.proceed(block, out);
                });
                return;
            }
            Err(refusal) => Err(refusal),
        };
        let mut call = match decoded {
            Ok(call) => call,
            Err(refusal) => return self.refuse(now, exchange, &refusal),
        };
        if call.reply.observe() == Some(true) {
            // A device that connects anew does not want to hear what it asked for before.
            self.endpoint.forget(DESIRED);
            if let Ok(sequence) = self.endpoint.observe(now.instant, exchange, DESIRED) {
                call.reply.registered(sequence);
                let (device, name) = (call.id.device(), call.id.name());
                let name = name.map(ToOwned::to_owned);
                self.observed = Some((device.to_owned(), name, call.reply.watch()));
            }
        }
        let endpoint = &mut self.endpoint;
        let reply = call.reply;
        let mut replies =
            |_: TwinId<'_>, audience: Audience, message: &protocol::Message<'_>| match (
                audience, message,
            ) {
                (Audience::Asker, _) => {
                    let _ = endpoint.respond(now.instant, exchange, |out| {
                        write(&service, &reply, message, out);
                    });
                }
                (Audience::Listeners, protocol::Message::Desired(_)) => endpoint.changed(DESIRED),
                (Audience::Listeners, _) => {}
            };
        let replies: &mut Replies<'_> = &mut replies;
        serve(call.id, call.message, replies);
    }

    fn notify(&mut self, _: Now, _: TwinId<'_>, message: &protocol::Message<'_>) {
        if let protocol::Message::Desired(_) = message {
            self.endpoint.changed(DESIRED);
        }
    }

    fn handle_timeout(&mut self, now: Now, serve: &mut Serve<'_>) {
        while self.endpoint.poll_event(now.instant).is_some() {}
        while let Some(next) = self.endpoint.poll_notify(now.instant) {
            let watched = self.observed.as_ref();
            let Some((id, watch)) = watched.and_then(|(device, name, watch)| {
                Some((TwinId::new(device, name.as_deref()).ok()?, *watch))
            }) else {
                self.endpoint.forget(next.resource);
                continue;
            };
            let (service, endpoint) = (self.service, &mut self.endpoint);
            let mut told = false;
            serve(
                id,
                protocol::Message::Get(Get::default()),
                &mut |_, _, message| {
                    let written = endpoint.notify(now.instant, next.observer, |out, sequence| {
                        write(&service, &watch.notify(sequence), message, out);
                    });
                    told |= written.is_ok();
                },
            );
            if !told {
                self.endpoint.forget(next.resource);
            }
        }
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let transmit = self.endpoint.poll_transmit(now)?;
        let datagram = transmit.bytes().to_vec();
        transmit.sent();
        Some(datagram)
    }

    fn poll_timeout(&mut self) -> Option<Instant> {
        self.endpoint.poll_timeout()
    }
}

/// Writes what the hub said, as the answer to a request or as a notification.
fn write(
    service: &Service<'_>,
    reply: &Reply<'_>,
    message: &protocol::Message<'_>,
    out: &mut MessageWriter<'_>,
) {
    let (mut bytes, mut text) = (vec![0; MAX_DOCUMENT], vec![0; 2 * MAX_DOCUMENT]);
    let mut len = 0;
    if let Ok(shown) = DocumentMut::new(&mut bytes, &mut len) {
        // What can not be written leaves no code: the endpoint does not take it for an answer.
        let _ = service.encode(reply, message, shown, &mut text, out);
    }
}

/// The device that a path names, in its second segment.
fn device<'m>(message: &Message<'m>) -> Option<&'m str> {
    let mut segments = message
        .options()
        .filter(|option| option.number == option::URI_PATH);
    segments.nth(1).and_then(|segment| {
        let name: &'m [u8] = segment.value;
        core::str::from_utf8(name).ok()
    })
}

impl<F> fmt::Debug for CoapDevice<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoapDevice")
            .field("counters", &self.endpoint.counters())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CoapHub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CoapHub")
            .field("counters", &self.endpoint.counters())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl<F> defmt::Format for CoapDevice<F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "CoapDevice, {}", self.endpoint.counters());
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for CoapHub {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "CoapHub, {}", self.endpoint.counters());
    }
}
