//! The thermostat on CoAP, on anything that carries datagrams: no sockets, no allocator, no `async`.
//!
//! [`run`] observes desired, reports what changed, and asks for the further blocks of answers that take more than a
//! datagram. An answer goes straight into its document, block by block.
//!
//! **The one rule: the thermostat never waits for the network.** Whatever is awaited, a datagram or a block, the
//! application is stepped when it is due ([`Thermostat::step`]), and news of desired may come in between.
//!
//! There is no connection that could be lost: what is not answered is sent again, by the endpoint for a minute and a
//! half (RFC 7252 §4.8), then by the engine. A hub that was restarted is found by the observation, which is asked for
//! anew when nothing was heard within Max-Age (RFC 7641 §3.3.1), or by a report whose version is lower than before.

mod store;

use core::ops::ControlFlow;

use twinsync::adapter::coap::endpoint::{self, Event, Reliability, RequestHandle};
use twinsync::adapter::coap::{
    Block, Client, DecodeError, Decoder, Fed, Json, Message, MessageWriter, PathError, Question,
};
use twinsync::device::{Link, Output, Session};
use twinsync::document::Document;
use twinsync::protocol::{self, TwinId};
use twinsync::time::Instant;
use twinsync::twin::Version;

use crate::{Board, Thermostat, log};

/// How often a twin that changes while its blocks come is asked for again before the engine is told to begin anew.
const ATTEMPTS: u32 = 3;
/// An observation, a request, and the next block.
const REQUESTS: usize = 3;
/// The peers of the endpoint: the hub alone.
const HUB: () = ();

/// What carries datagrams between the device and its hub, and keeps the time.
pub trait Datagrams {
    /// Returns the time since the board was switched on.
    fn now(&self) -> Instant;

    /// Sends a datagram to the hub. One that can not be sent is lost, as any other may be on its way.
    fn send(&mut self, datagram: &[u8]);

    /// Takes the next datagram from the hub into `room` and returns its length; sleeps until one is there, but not
    /// longer than until `due`. One that is larger than the room is dropped.
    fn receive(&mut self, due: Instant, room: &mut [u8]) -> Option<usize>;
}

/// What is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Hub {
    /// A service that knows what a twin is.
    Twins,
    /// A server that keeps what is put under a path, such as libcoap's `coap-server -d`. Desired is a resource of
    /// its own, which must be there; reported is another, put as a whole. There are no versions, and nobody notices
    /// who else writes to reported.
    Store,
}

/// Where the twin is, and how its hub is talked to.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// What its hub is.
    pub hub: Hub,
    /// The first segment of all paths.
    pub prefix: &'a str,
    /// Whose twin.
    pub twin: TwinId<'a>,
    /// Blocks of at most so many bytes: 16, 32, … 1024, and about 100 less than a datagram may have.
    pub block_size: usize,
    /// Seed and waits of the endpoint.
    pub network: endpoint::Config,
}

/// Room for the conversation. `MTU` bytes for a datagram, four times; `INCOMING` for what is wanted of an answer.
#[derive(Debug)]
pub struct Buffers<const MTU: usize, const INCOMING: usize> {
    datagram: [u8; MTU],
    incoming: Document<INCOMING>,
}

impl<const MTU: usize, const INCOMING: usize> Buffers<MTU, INCOMING> {
    /// Makes empty buffers.
    pub const fn new() -> Self {
        Self {
            datagram: [0; MTU],
            incoming: Document::new(),
        }
    }
}

impl<const MTU: usize, const INCOMING: usize> Default for Buffers<MTU, INCOMING> {
    fn default() -> Self {
        Self::new()
    }
}

/// Keeps `thermostat` in step over `link` until `watch` says to break; `watch` is asked after each turn.
///
/// # Errors
/// The twin has the name of a part of a twin.
pub fn run<B: Board, const N: usize, T, const MTU: usize, const INCOMING: usize>(
    thermostat: &mut Thermostat<B, N>,
    link: &mut impl Datagrams,
    buffers: &mut Buffers<MTU, INCOMING>,
    options: &Options<'_>,
    mut watch: impl FnMut(&mut Thermostat<B, N>, Instant) -> ControlFlow<T>,
) -> Result<T, PathError> {
    let client = Client::new(options.prefix, options.twin)?.with_block_size(options.block_size);
    let Buffers { datagram, incoming } = buffers;
    // A report may go out while an observation is being set up.
    let network = options.network.with_nstart(2);
    let mut talk = Talk {
        thermostat,
        link,
        watch: &mut watch,
        options,
        client,
        endpoint: endpoint::Client::<_, MTU, REQUESTS>::new(network),
        observed: None,
        asked: None,
        version: Version::ZERO,
        is_behind: false,
    };
    let now = talk.link.now();
    talk.thermostat
        .engine_mut()
        .handle_connected(now, Session::Fresh);
    loop {
        match talk.turn(datagram, incoming) {
            ControlFlow::Continue(()) => {}
            ControlFlow::Break(result) => return Ok(result),
        }
    }
}

/// A request that waits for its answer.
struct Asked {
    handle: RequestHandle,
    question: Question,
    /// The engine's name of it, where the question does not know that.
    id: Option<store::Id>,
}

impl Asked {
    fn is(&self, handle: RequestHandle) -> bool {
        self.handle == handle
    }
}

/// The conversation.
struct Talk<'a, B: Board, L, W, const N: usize, const MTU: usize> {
    thermostat: &'a mut Thermostat<B, N>,
    link: &'a mut L,
    watch: &'a mut W,
    options: &'a Options<'a>,
    client: Client<'a, Json>,
    endpoint: endpoint::Client<(), MTU, REQUESTS>,
    /// The observation of desired, while it stands.
    observed: Option<Asked>,
    /// The engine's request, while it waits for its answer.
    asked: Option<Asked>,
    /// The latest version of the twin that was heard of.
    version: Version,
    /// News came that were not read, because blocks of something else were awaited.
    is_behind: bool,
}

/// What came for whom.
enum News {
    /// An answer to the engine's request.
    Answer(Asked),
    /// Desired as it is now. The observation goes on, or does not.
    Desired { question: Question, ongoing: bool },
    /// The block that was awaited.
    Block,
    /// There will be no such block.
    NoBlock,
}

impl<B: Board, L: Datagrams, T, W, const N: usize, const MTU: usize> Talk<'_, B, L, W, N, MTU>
where
    W: FnMut(&mut Thermostat<B, N>, Instant) -> ControlFlow<T>,
{
    /// Waits for something to come, and reads it to its end.
    fn turn<const I: usize>(
        &mut self,
        datagram: &mut [u8; MTU],
        incoming: &mut Document<I>,
    ) -> ControlFlow<T> {
        let Some((news, len)) = self.wait(datagram, None)? else {
            return ControlFlow::Continue(());
        };
        let (mut news, mut len) = (news, len);
        // What interrupts the reading of something else is read in its place.
        while let Some(next) = self.collect(news, len, datagram, incoming)? {
            (news, len) = next;
        }
        if core::mem::take(&mut self.is_behind) {
            let now = self.link.now();
            self.thermostat.engine_mut().refresh(now);
        }
        ControlFlow::Continue(())
    }

    /// Does what is due, then waits until something is due again, or until a datagram comes.
    fn wait(
        &mut self,
        datagram: &mut [u8; MTU],
        block: Option<RequestHandle>,
    ) -> ControlFlow<T, Option<(News, usize)>> {
        let now = self.link.now();
        self.thermostat.step(now);
        (self.watch)(self.thermostat, now)?;
        let waits = self.transmit(now);
        self.flush(now);
        while let Some(event) = self.endpoint.poll_event(now) {
            if self.end(now, &event, block) {
                return ControlFlow::Continue(Some((News::NoBlock, 0)));
            }
        }
        let mut due = self.thermostat.poll_timeout();
        let engine = self.thermostat.engine().poll_timeout();
        // A request that the endpoint has no place for goes out when another has come to its end.
        for at in [engine.filter(|_| !waits), self.endpoint.poll_timeout()] {
            due = at.map_or(due, |at| at.min(due));
        }
        let Some(len) = self.link.receive(due, datagram) else {
            return ControlFlow::Continue(None);
        };
        let now = self.link.now();
        let Some(bytes) = datagram.get(..len) else {
            return ControlFlow::Continue(None);
        };
        let news = match self.endpoint.handle_datagram(now, HUB, bytes) {
            Some(Event::Response {
                request, ongoing, ..
            }) => self.whose(request, ongoing, block),
            Some(event) => self.end(now, &event, block).then_some(News::NoBlock),
            None => None,
        };
        ControlFlow::Continue(news.map(|news| (news, len)))
    }

    /// Says what a response is an answer to.
    fn whose(
        &mut self,
        request: RequestHandle,
        ongoing: bool,
        block: Option<RequestHandle>,
    ) -> Option<News> {
        if block == Some(request) {
            return Some(News::Block);
        }
        if let Some(asked) = self.asked.take_if(|asked| asked.is(request)) {
            return Some(News::Answer(asked));
        }
        let observed = self.observed.as_ref().filter(|asked| asked.is(request));
        let question = observed?.question.clone();
        if !ongoing {
            self.observed = None;
        }
        Some(News::Desired { question, ongoing })
    }

    /// Takes the end of a request that has no answer; whether it was the one for the awaited block.
    fn end(&mut self, now: Instant, event: &Event<'_, ()>, block: Option<RequestHandle>) -> bool {
        let (Event::TimedOut { request, .. } | Event::Reset { request, .. }) = event else {
            return false;
        };
        let is_it = |asked: &mut Asked| asked.is(*request);
        if self.asked.take_if(is_it).is_some() {
            // The engine has its own time-out, and asks again.
            log::warning!("no answer");
        } else if self.observed.take_if(is_it).is_some() {
            log::warning!("no answer to the observation");
            self.unobserved(now);
        }
        block == Some(*request)
    }

    /// The observation does not stand: it is asked for again, and then the twin.
    fn unobserved(&mut self, now: Instant) {
        let engine = self.thermostat.engine_mut();
        // Where it is being asked for, the engine finds no answer, and asks again with back-off.
        if engine.link() != Link::Subscribing {
            engine.handle_connected(now, Session::Fresh);
        }
    }

    /// Hands the engine's requests to the endpoint; whether one is left that it has no place for.
    fn transmit(&mut self, now: Instant) -> bool {
        let engine = self.thermostat.engine_mut();
        let options = self.options;
        let mut whole = Document::<N>::new();
        if options.hub == Hub::Store {
            // It has as much room as the engine's own.
            let _ = whole.assign(engine.reported());
        }
        let wanted = engine.wanted();
        while let Some(transmit) = engine.poll_transmit(now) {
            let output = transmit.output();
            let subscribes = matches!(output, Output::Subscribe);
            // The engine asks one thing at a time: what it asked before is not awaited any more.
            let before = [self.asked.take(), self.observed.take_if(|_| subscribes)];
            for asked in before.into_iter().flatten() {
                self.endpoint.cancel(asked.handle);
            }
            let client = &self.client;
            let observed = self.observed.as_ref().map(|asked| &asked.question);
            let mut written = None;
            let write = |out: &mut MessageWriter<'_>| {
                written = Some(match (&output, options.hub) {
                    (Output::Message(message), Hub::Twins) => client
                        .encode(message, wanted, out)
                        .map(|question| (question, None)),
                    (Output::Message(message), Hub::Store) => store::encode::<MTU>(
                        client,
                        options,
                        message,
                        whole.as_ref(),
                        observed,
                        out,
                    ),
                    _ => client.subscribe(out).map(|question| (question, None)),
                });
            };
            let begun = self
                .endpoint
                .request(now, HUB, Reliability::Confirmable, write);
            match (begun, written) {
                (Ok(handle), Some(Ok((question, id)))) => {
                    log::debug!("-> {}", output);
                    let place = if subscribes {
                        &mut self.observed
                    } else {
                        &mut self.asked
                    };
                    *place = Some(Asked {
                        handle,
                        question,
                        id,
                    });
                    transmit.sent(now);
                }
                (_, Some(Err(_))) => transmit.too_large(now),
                _ => return true,
            }
        }
        false
    }

    /// Sends every datagram that is due.
    fn flush(&mut self, now: Instant) {
        while let Some(transmit) = self.endpoint.poll_transmit(now) {
            self.link.send(transmit.bytes());
            transmit.sent();
        }
    }

    /// Reads an answer, asks for its further blocks, and gives the engine what it says. Returns what is to be read in
    /// its place, if that came.
    fn collect<const I: usize>(
        &mut self,
        news: News,
        len: usize,
        datagram: &mut [u8; MTU],
        incoming: &mut Document<I>,
    ) -> ControlFlow<T, Option<(News, usize)>> {
        let (question, id, observation) = match news {
            News::Answer(Asked { question, id, .. }) => (question, id, None),
            News::Desired { question, ongoing } => (question, None, Some(ongoing)),
            News::Block | News::NoBlock => return ControlFlow::Continue(None),
        };
        let client = self.client;
        let mut attempts = ATTEMPTS;
        let mut size = Block::MAX_SIZE;
        let mut decoder = client.decoder(&question, incoming.as_mut());
        let mut fed = feed(&mut decoder, datagram, len);
        loop {
            let block = match (fed, Block::new(0, false, size)) {
                (Ok(Fed::More(block)), _) => block,
                // It changed between two blocks: once more from the first.
                (Err(DecodeError::Changed), Ok(first)) if attempts > 0 => {
                    attempts = attempts.saturating_sub(1);
                    drop(decoder);
                    incoming.clear();
                    decoder = client.decoder(&question, incoming.as_mut());
                    first
                }
                _ => break,
            };
            size = block.size();
            match self.block(&question, block, datagram, observation.is_some())? {
                (News::Block, len) => fed = feed(&mut decoder, datagram, len),
                (News::NoBlock, _) => {
                    // An answer that is owed to the engine is missed by its own time-out.
                    self.is_behind |= observation.is_some();
                    self.observing(observation);
                    return ControlFlow::Continue(None);
                }
                other => return ControlFlow::Continue(Some(other)),
            }
        }
        let now = self.link.now();
        match fed.and_then(|_| decoder.finish()) {
            Ok(message) if self.options.hub == Hub::Store => {
                store::tell::<N, I>(self.thermostat.engine_mut(), now, message, id);
            }
            Ok(message) => self.tell(now, message),
            Err(error) => {
                log::warning!("<- {}", error);
                let engine = self.thermostat.engine_mut();
                match error.capacity() {
                    Some(capacity) => engine.handle_oversized(now, capacity.needed),
                    None => engine.refresh(now),
                }
            }
        }
        self.observing(observation);
        ControlFlow::Continue(None)
    }

    /// Tells the engine whether the observation stands, if there was word of that.
    fn observing(&mut self, stands: Option<bool>) {
        let now = self.link.now();
        match stands {
            Some(true) => self.thermostat.engine_mut().handle_subscribed(now),
            Some(false) => {
                log::warning!("the hub does not keep the observation");
                self.unobserved(now);
            }
            None => {}
        }
    }

    /// Asks for a block and waits until it is there, or not to be had, or until something came that is to be read in
    /// its place.
    fn block(
        &mut self,
        question: &Question,
        block: Block,
        datagram: &mut [u8; MTU],
        is_observation: bool,
    ) -> ControlFlow<T, (News, usize)> {
        let client = &self.client;
        let write = |out: &mut MessageWriter<'_>| {
            // What was not written has no code, and is no request.
            let _ = client.next(question, block, out);
        };
        let now = self.link.now();
        let begun = self
            .endpoint
            .request(now, HUB, Reliability::Confirmable, write);
        let Ok(awaited) = begun else {
            return ControlFlow::Continue((News::NoBlock, 0));
        };
        loop {
            match self.wait(datagram, Some(awaited))? {
                None => {}
                // An answer to the engine comes first: it holds desired as well. What it takes the place of is asked
                // for afterwards.
                Some((News::Desired { ongoing, .. }, _)) if !is_observation => {
                    self.is_behind = true;
                    if !ongoing {
                        self.unobserved(now);
                    }
                }
                Some((news, len)) => {
                    self.is_behind |= is_observation && matches!(news, News::Answer(_));
                    self.endpoint.cancel(awaited);
                    return ControlFlow::Continue((news, len));
                }
            }
        }
    }

    /// Gives the engine a message.
    fn tell(&mut self, now: Instant, message: protocol::Message<'_>) {
        log::info!("<- {}", message);
        let told = version(&message, self.version);
        // Requests are nothing that a decoder makes.
        let _ = self.thermostat.engine_mut().handle_message(now, message);
        let Some((version, least)) = told else {
            return;
        };
        self.version = version;
        if version < least {
            // It forgot everything: that it is observed, too.
            log::warning!("the hub has lost the twin");
            self.unobserved(now);
        }
    }
}

/// Reads the first `len` bytes of a datagram, which the endpoint found to be a message.
fn feed(decoder: &mut Decoder<'_, Json>, datagram: &[u8], len: usize) -> Result<Fed, DecodeError> {
    let bytes = datagram.get(..len).unwrap_or_default();
    let message = Message::parse(bytes).map_err(|_| DecodeError::Incomplete)?;
    decoder.feed(&message)
}

/// The version of the twin that a message tells, and the least that it can be after `last`.
fn version(message: &protocol::Message<'_>, last: Version) -> Option<(Version, Version)> {
    match message {
        protocol::Message::UpdateAccepted(accepted) => Some((accepted.versions.twin, last.next())),
        protocol::Message::GetAccepted(snapshot) => Some((snapshot.versions.twin, last)),
        _ => None,
    }
}
