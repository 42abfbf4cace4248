//! A device and a hub, on a network that can go wrong.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use super::application::Application;
use super::broker::Packet;
use super::carrier::{Carrier, Ends, Language, Replies};
use super::clock::Clock;
use super::conditions::Conditions;
use super::device_end::{Body, DeviceEnd};
use super::dialect::Incoming;
use super::failure::{Failure, Reason};
use super::hub_end::HubEnd;
use super::link::{End, Partition};
use super::schedule::{Step, Storage};
use super::writer::{Change, Writer, version_after};
use crate::device;
use crate::hub;
use crate::protocol::{Audience, Message, TwinId, Wanted};
use crate::time::{Duration, Instant, Now, Timestamp};
use crate::twin::{Section, TwinRef, Version};

/// What a [`Pair`] is made of.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    seed: u64,
    link: Conditions,
    device: device::Config,
    hub: hub::Config,
    transmit_room: usize,
    receive_room: usize,
    think: Duration,
}

impl Setup {
    /// A perfect link, the engines' default rules, large buffers, an application that acts at once.
    ///
    /// The seed is that of the network's chance.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            link: Conditions::perfect(),
            device: device::Config::new(1),
            hub: hub::Config::new(),
            transmit_room: 64 * 1024,
            receive_room: crate::document::MAX_DOCUMENT,
            think: Duration::ZERO,
        }
    }

    /// The same with another link between device and broker.
    pub const fn with_link(mut self, conditions: Conditions) -> Self {
        self.link = conditions;
        self
    }

    /// The same with other rules for the device's engine.
    pub const fn with_device(mut self, config: device::Config) -> Self {
        self.device = config;
        self
    }

    /// The same with other rules for the hub.
    pub const fn with_hub(mut self, config: hub::Config) -> Self {
        self.hub = config;
        self
    }

    /// The same with a buffer of this many bytes for a topic and its payload on the device.
    pub const fn with_transmit_room(mut self, bytes: usize) -> Self {
        self.transmit_room = bytes;
        self
    }

    /// The same with a document of this many bytes that the device decodes messages into.
    pub const fn with_receive_room(mut self, bytes: usize) -> Self {
        self.receive_room = bytes;
        self
    }

    /// The same with an application that takes this long to act on a change of desired.
    pub const fn with_think(mut self, span: Duration) -> Self {
        self.think = span;
        self
    }
}

/// A device engine with its application, a hub, and a back-end, which talk in a [`Language`]: over a
/// [`Network`](super::Network) in a [`Dialect`](super::Dialect), or by datagrams ([`Udp`](super::Udp)).
///
/// `N` is the capacity of the device engine's documents, `H` that of the hub's twins. The hub and the
/// back-end have perfect links; the device's is what [`Setup::with_link`] says. Virtual time passes in
/// [`run_for`](Self::run_for) and [`settle`](Self::settle) only, and jumps to the next thing that is
/// due.
pub struct Pair<L: Language, const N: usize, const H: usize> {
    setup: Setup,
    clock: Clock,
    carrier: L::Carrier,
    name: (String, Option<String>),
    device: DeviceEnd<N>,
    hub: HubEnd<H>,
    writer: Writer,
}

/// How long it took until both ends agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Settled {
    /// Virtual time.
    pub elapsed: Duration,
    /// Messages on the device's link, both ways.
    pub messages: u64,
}

impl<L: Language, const N: usize, const H: usize> Pair<L, N, H> {
    /// Makes a pair about the twin `id`: the hub runs, the device is on and not yet connected.
    pub fn new(
        setup: Setup,
        language: L,
        id: TwinId<'_>,
        application: impl Application + 'static,
    ) -> Self {
        let mut carrier = language.carrier(setup.seed, setup.link);
        let body = Body {
            config: setup.device,
            transmit_room: setup.transmit_room,
            receive_room: setup.receive_room,
            think: setup.think,
        };
        let device = DeviceEnd::new(body, Box::new(application));
        let mut hub = HubEnd::new(setup.hub);
        let clock = Clock::new(Timestamp::from_secs(1_700_000_000));
        hub.start(Storage::Kept);
        carrier.serve(clock.now(), true);
        let mut pair = Self {
            setup,
            clock,
            carrier,
            name: (id.device().to_owned(), id.name().map(ToOwned::to_owned)),
            device,
            hub,
            writer: Writer::new(),
        };
        pair.drain();
        pair
    }

    /// Returns the virtual time.
    pub const fn now(&self) -> Instant {
        self.clock.now()
    }

    /// Returns the device's engine.
    pub const fn device(&self) -> &device::DeviceEngine<N> {
        &self.device.engine
    }

    /// Shows `watch` each message that the device sends ([`End::Far`]) or receives ([`End::Near`]) from
    /// now on: what to print when a run fails.
    pub fn watch(&mut self, watch: impl FnMut(Instant, End, &Packet) + 'static) {
        self.carrier.watch(Box::new(watch));
    }

    /// Lends the device's engine with the time, to give commands, and drains it.
    pub fn with_device<T>(
        &mut self,
        command: impl FnOnce(Instant, &mut device::DeviceEngine<N>) -> T,
    ) -> T {
        let result = command(self.clock.now(), &mut self.device.engine);
        self.drain();
        result
    }

    /// Returns the hub's twin; [`TwinRef::ABSENT`] if there is none.
    pub fn twin(&self) -> TwinRef<'_> {
        let registry = self.hub.engine.registry();
        id(&self.name)
            .and_then(|id| registry.twin(id))
            .unwrap_or(TwinRef::ABSENT)
    }

    /// Returns how many messages were sent on the device's link, both ways.
    pub fn messages(&self) -> u64 {
        let near = self.carrier.traffic(End::Near).sent;
        near.saturating_add(self.carrier.traffic(End::Far).sent)
    }

    /// Returns how many bytes of topics and payloads were sent on the device's link, both ways.
    pub fn bytes(&self) -> u64 {
        let near = self.carrier.traffic(End::Near).bytes;
        near.saturating_add(self.carrier.traffic(End::Far).bytes)
    }

    /// Returns how many leaves the device's engine withheld.
    pub const fn withheld(&self) -> u64 {
        self.device.withheld
    }

    /// Lets something happen, and what follows from it at once.
    pub fn step(&mut self, step: &Step) {
        let now = self.clock.now();
        let carrier = &mut self.carrier;
        let device = &mut self.device;
        match step {
            Step::Wait(span) => self.run_for(*span),
            Step::Report(patch) => {
                device.report(now, patch);
            }
            Step::Desire(patch) => {
                self.write(Change::Section(Section::Desired, patch.as_ref(), false));
            }
            Step::DesireConditionally(patch) => {
                self.write(Change::Section(Section::Desired, patch.as_ref(), true));
            }
            Step::Tag(patch) => {
                self.write(Change::Section(Section::Tags, patch.as_ref(), false));
            }
            Step::Claim(patch) => {
                self.write(Change::Section(Section::Reported, patch.as_ref(), false));
            }
            Step::Delete => self.write(Change::Delete),
            Step::Disconnect => device.disconnect(now, carrier),
            Step::Connect { resume } => device.connect(now, carrier, *resume),
            Step::Partition(partition) => carrier.partition(*partition),
            Step::Conditions(conditions) => carrier.conditions(*conditions),
            Step::Save => device.save(),
            Step::RestartDevice(storage) => device.restart(now, carrier, *storage),
            Step::StopHub => {
                self.hub.stop();
                carrier.serve(now, false);
            }
            Step::StartHub(storage) => {
                self.hub.start(*storage);
                carrier.serve(now, true);
            }
            Step::RestartBroker => self.restart_broker(),
        }
        self.drain();
    }

    /// Lets virtual time pass, and everything happen that is due in it.
    pub fn run_for(&mut self, span: Duration) {
        let end = self.clock.now() + span;
        self.drain();
        while let Some(next) = self.next_due().filter(|next| *next <= end) {
            self.clock.advance_to(next);
            self.drain();
            if self.device.runaway {
                break;
            }
        }
        self.clock.advance_to(end);
        self.drain();
    }

    /// Ends all trouble: the hub runs with the twins that it has, the link is perfect from now on, and a
    /// device that is offline connects.
    ///
    /// A device that is connected is not told that it may have missed something: it learns that from
    /// the next message, from its next full get, or from a [`Step::Connect`].
    pub fn heal(&mut self) {
        if !self.hub.running {
            self.step(&Step::StartHub(Storage::Kept));
        }
        self.step(&Step::Conditions(Conditions::perfect()));
        self.step(&Step::Partition(Partition::None));
        if !self.device.connected {
            self.step(&Step::Connect { resume: true });
        }
    }

    /// Runs until both ends agree and nothing is left to say.
    ///
    /// # Errors
    /// [`Failure`] says what they disagree about after `within`.
    pub fn settle(&mut self, within: Duration) -> Result<Settled, Failure> {
        let (start, messages) = (self.clock.now(), self.messages());
        let end = start + within;
        self.drain();
        loop {
            let verdict = self.verdict();
            let elapsed = self.clock.now().saturating_since(start);
            if verdict.is_none() {
                return Ok(Settled {
                    elapsed,
                    messages: self.messages().saturating_sub(messages),
                });
            }
            match self.next_due() {
                Some(next) if next <= end && !self.device.runaway => {
                    self.clock.advance_to(next);
                    self.drain();
                }
                _ => return Err(self.failure(verdict.unwrap_or(Reason::Unsettled))),
            }
        }
    }

    /// Checks that both ends agree and nothing is left to say.
    ///
    /// # Errors
    /// [`Failure`] says what they disagree about.
    pub fn check(&mut self) -> Result<(), Failure> {
        match self.verdict() {
            None => Ok(()),
            Some(reason) => Err(self.failure(reason)),
        }
    }

    /// What keeps the ends from being in step, if anything does.
    fn verdict(&mut self) -> Option<Reason> {
        if self.device.runaway {
            return Some(Reason::Runaway);
        }
        if !self.device.engine.is_synced()
            || self.carrier.is_busy()
            || self.device.poll_timeout() <= Some(self.clock.now())
        {
            return Some(Reason::Unsettled);
        }
        let twin = self.twin();
        let engine = &self.device.engine;
        if engine.desired() != twin.section(Section::Desired) {
            return Some(Reason::Desired);
        }
        if engine.reported() != twin.section(Section::Reported) {
            return Some(Reason::Reported);
        }
        if self.device.open_changes() > 0 {
            return Some(Reason::Delta);
        }
        None
    }

    fn failure(&self, reason: Reason) -> Failure {
        let twin = self.twin();
        let engine = &self.device.engine;
        Failure {
            seed: self.setup.seed,
            at: self.clock.now(),
            messages: self.messages(),
            reason,
            device_desired: engine.desired().into(),
            hub_desired: twin.section(Section::Desired).into(),
            device_reported: engine.reported().into(),
            hub_reported: twin.section(Section::Reported).into(),
            device_version: engine.version(),
            hub_version: twin.versions().twin,
        }
    }

    fn write(&mut self, change: Change<'_>) {
        let now = self.clock.now();
        let both = Now::new(now, self.clock.wall());
        let Some(id) = id(&self.name) else {
            return;
        };
        let (carrier, hub) = (&mut self.carrier, &mut self.hub);
        let mut heard = Version::ZERO;
        // Not every protocol has words for tags, even between a back-end and the service.
        let in_process = matches!(change, Change::Section(Section::Tags, ..));
        self.writer.write(change, &mut |message| {
            if !in_process && carrier.write(now, id, &message) {
                return;
            }
            hub.serve(
                both,
                id,
                message,
                &mut |id, audience, message| match audience {
                    Audience::Asker => heard = version_after(message).unwrap_or(heard),
                    Audience::Listeners => carrier.tell(both, id, message),
                },
            );
        });
        if heard != Version::ZERO {
            self.writer.hear(heard);
        }
    }

    fn restart_broker(&mut self) {
        let now = self.clock.now();
        self.device.disconnect(now, &mut self.carrier);
        if let Some(id) = id(&self.name) {
            self.carrier.restart(now, id);
        }
    }

    fn next_due(&mut self) -> Option<Instant> {
        match (self.carrier.poll_timeout(), self.device.poll_timeout()) {
            (Some(carrier), Some(device)) => Some(carrier.min(device)),
            (carrier, device) => carrier.or(device),
        }
    }

    /// Lets everything happen that is due now.
    fn drain(&mut self) {
        let now = self.clock.now();
        let both = Now::new(now, self.clock.wall());
        let Some(id) = id(&self.name) else {
            return;
        };
        self.device.drive(now, &mut self.carrier, id);
        for count in 0.. {
            let mut reached = false;
            let mut ends = Parties {
                now: both,
                reached: &mut reached,
                device: &mut self.device,
                hub: &mut self.hub,
                writer: &mut self.writer,
            };
            if !self.carrier.step(both, id, &mut ends) {
                break;
            }
            if count > MOST_AT_ONCE {
                self.device.runaway = true;
                return;
            }
            if reached {
                self.device.drive(now, &mut self.carrier, id);
            }
        }
        self.device.drive(now, &mut self.carrier, id);
    }
}

/// Those who talk, for as long as one thing happens.
struct Parties<'a, const N: usize, const H: usize> {
    now: Now,
    /// Something reached the device.
    reached: &'a mut bool,
    device: &'a mut DeviceEnd<N>,
    hub: &'a mut HubEnd<H>,
    writer: &'a mut Writer,
}

impl<const N: usize, const H: usize> Ends for Parties<'_, N, H> {
    fn wanted(&self) -> Wanted {
        self.device.engine.wanted()
    }

    fn receive_room(&self) -> usize {
        self.device.receive_room
    }

    fn device(&mut self, incoming: Incoming<'_>) {
        *self.reached = true;
        self.device.handle_incoming(self.now.instant, incoming);
    }

    fn hub(&mut self, id: TwinId<'_>, message: Message<'_>, replies: &mut Replies<'_>) {
        self.hub.serve(self.now, id, message, replies);
    }

    fn back_end(&mut self, message: Message<'_>) {
        if let Some(version) = version_after(&message) {
            self.writer.hear(version);
        }
    }
}

/// More messages than this at one moment mean that the conversation would go on for ever.
const MOST_AT_ONCE: usize = 5_000;

fn id(name: &(String, Option<String>)) -> Option<TwinId<'_>> {
    TwinId::new(&name.0, name.1.as_deref()).ok()
}

impl<L: Language, const N: usize, const H: usize> fmt::Debug for Pair<L, N, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("setup", &self.setup)
            .field("now", &self.clock.now())
            .field("device", &self.device.engine)
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Setup {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "seed {=u64}, {}, device: {}, hub: {}",
            self.seed,
            self.link,
            self.device,
            self.hub
        );
    }
}

#[cfg(feature = "defmt")]
impl<L: Language, const N: usize, const H: usize> defmt::Format for Pair<L, N, H> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Pair at {}, {}, {}",
            self.clock.now(),
            self.setup,
            self.device.engine
        );
    }
}
