//! A floor of pumps: a broker, a shadow service with its back-end, and devices, all in one loop.

use core::time::Duration;
use std::io;
use std::time::Instant;

use twinsync::configuration::{Keys, Standing};
use twinsync::document::{Document, DocumentRef};
use twinsync::fleet::{Deliver, Everyone, Setting, Targeted};
use twinsync::protocol::{TwinId, TwinIdError};
use twinsync::time::Now;
use twinsync::twin::{Section, Version};

use super::broker::Broker;
use super::clock::Clock;
use super::mqtt::{Event, Mqtt, Options};
use super::pump::{Health, Pump};
use super::service::{Hub, ShadowService};

/// Longest wait for one step of the story.
const STEP: Duration = Duration::from_secs(10);

/// All of it.
pub(crate) struct Floor<'a> {
    pumps: Vec<Pump<'a>>,
    service: ShadowService,
    mqtt: Mqtt,
    is_serving: bool,
    /// Stops last.
    _broker: Broker,
}

/// Names as twins.
pub(crate) fn ids(names: &[String]) -> Result<Vec<TwinId<'_>>, TwinIdError> {
    names.iter().map(|name| TwinId::new(name, None)).collect()
}

impl<'a> Floor<'a> {
    /// Starts the pumps, in two buildings by turns, and waits until their twins are there. Number 4 and 12
    /// are slow, number 30 is weak.
    pub(crate) fn start(ids: &[TwinId<'a>]) -> io::Result<Self> {
        let (broker, clock) = (Broker::start()?, Clock::start());
        let mut options = Options::new("service");
        options
            .set_broker(&broker.address().to_string())
            .map_err(io::Error::other)?;
        let mut floor = Self {
            pumps: Vec::new(),
            service: ShadowService::new(1_024, clock),
            mqtt: Mqtt::connect(&options)?,
            is_serving: false,
            _broker: broker,
        };
        floor.until("the service", |floor| floor.is_serving)?;
        for (number, id) in (1..).zip(ids) {
            let health = match number {
                4 | 12 => Health::Slow,
                30 => Health::Weak,
                _ => Health::Good,
            };
            floor
                .pumps
                .push(Pump::start(*id, health, number, &options, clock)?);
        }
        floor.until("the pumps", |floor| floor.pumps.iter().all(Pump::is_synced))?;
        for (id, building) in ids.iter().zip(["building-2", "building-1"].iter().cycle()) {
            let mut patch = Document::<128>::new();
            patch
                .set(&["tags", "location", "building"], *building)
                .map_err(io::Error::other)?;
            let tags = Setting::new(patch.as_ref());
            floor
                .with_hub(|hub, now, deliver| tags.apply(hub, now, *id, &Everyone, deliver))
                .map_err(io::Error::other)?;
        }
        Ok(floor)
    }

    /// Gives every end a turn.
    pub(crate) fn turn(&mut self) {
        while let Some(event) = self.mqtt.receive(Duration::from_millis(1)) {
            match event {
                Event::Up { .. } => {
                    self.mqtt.subscribe(&ShadowService::FILTERS);
                }
                Event::Subscribed { refused } => self.is_serving = refused == 0,
                Event::Message { topic, payload } => {
                    self.service.serve(&topic, &payload, &self.mqtt);
                }
                Event::Down { reason } => eprintln!("service: no connection: {reason}"),
            }
        }
        self.pumps.iter_mut().for_each(Pump::drive);
    }

    /// Lets every end run until `done`.
    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) -> io::Result<()> {
        let start = Instant::now();
        while !done(self) {
            if start.elapsed() > STEP {
                let within = STEP.as_secs();
                return Err(io::Error::other(format!("{what}: not within {within} s")));
            }
            self.turn();
        }
        Ok(())
    }

    /// Whether each pump that has a configuration says that it is in effect.
    pub(crate) fn is_in_step(&self) -> bool {
        self.pumps.iter().all(|pump| {
            let twin = self.service.twin(pump.id());
            let reported = twin.section(Section::Reported);
            let standing = Standing::of(twin.section(Section::Desired), reported, &Keys::DEFAULT);
            pump.is_synced() && (standing.wanted.is_none() || standing.is_in_step())
        })
    }

    /// Every so many pumps report a reading; waits until their twins have it.
    pub(crate) fn report_every(&mut self, step: usize) -> io::Result<()> {
        let pumps = self.pumps.iter_mut().skip(1).step_by(step);
        pumps.for_each(|pump| pump.report("pressure", 4.into()));
        self.until("the readings", |floor| {
            floor.pumps.iter().all(Pump::is_synced)
        })
    }

    /// Sets something at all pumps that match, and waits until it is in effect.
    pub(crate) fn set(
        &mut self,
        setting: &Setting<'_>,
        condition: &dyn Targeted,
    ) -> io::Result<()> {
        let ids: Vec<_> = self.pumps.iter().map(Pump::id).collect();
        for id in ids {
            self.with_hub(|hub, now, deliver| setting.apply(hub, now, id, condition, deliver))
                .map_err(io::Error::other)?;
        }
        self.until("the setting", Self::is_in_step)
    }

    /// Lends the hub to the back-end.
    pub(crate) fn with_hub<T>(&mut self, work: impl FnOnce(&mut Hub, Now, Deliver<'_>) -> T) -> T {
        self.service.with_hub(&self.mqtt, work)
    }

    /// Returns what is desired of a pump.
    pub(crate) fn desired(&self, id: TwinId<'_>) -> DocumentRef<'_> {
        self.service.twin(id).section(Section::Desired)
    }

    /// Returns the version of a pump's twin.
    pub(crate) fn version(&self, id: TwinId<'_>) -> Version {
        self.service.twin(id).versions().twin
    }
}
