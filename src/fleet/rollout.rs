//! A configuration that goes out in waves, and stops when too much goes wrong.

use super::setting::{Deliver, Failed, Outcome, Setting, Skip, Targeted, ask, load};
use crate::configuration::{self, Cause, Deployment, Keys, Standing};
use crate::document::{self, Document, EditError};
use crate::hub::{HandleError, HubEngine, Registry};
use crate::protocol::TwinId;
use crate::time::{Duration, Instant, Now};
use crate::twin::{Origin, Precondition, Section, Update};

/// How a configuration goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Plan {
    /// Which share of the devices has been asked after each wave, in percent; the last wave is all.
    waves: &'static [u8],
    within: Duration,
    tolerance: u8,
    roll_back: bool,
}

impl Plan {
    /// All devices at once; each has `within` to put the configuration into effect; the first failure
    /// stops what is left; who fails is rolled back.
    pub const fn new(within: Duration) -> Self {
        Self {
            waves: &[],
            within,
            tolerance: 0,
            roll_back: true,
        }
    }

    /// The same in waves: which percentage of the devices has been asked after each, ascending. What is
    /// left after the last is a wave of its own.
    #[must_use]
    pub const fn with_waves(mut self, percentages: &'static [u8]) -> Self {
        self.waves = percentages;
        self
    }

    /// The same, stopping only when more than this percentage of a wave's devices have failed; those that were
    /// left alone do not count.
    #[must_use]
    pub const fn with_tolerance(mut self, percentage: u8) -> Self {
        self.tolerance = percentage;
        self
    }

    /// The same, leaving desired as it is where a device fails.
    #[must_use]
    pub const fn without_rollback(mut self) -> Self {
        self.roll_back = false;
        self
    }

    /// How many of `all` devices have been asked after this wave.
    fn reach(&self, wave: usize, all: usize) -> usize {
        match self.waves.get(wave) {
            // At least one, so that no wave proves nothing.
            Some(percentage) => all
                .saturating_mul(usize::from(*percentage))
                .div_ceil(100)
                .clamp(1, all.max(1)),
            None => all,
        }
    }
}

/// A device that a rollout is for; `P` bytes hold the patch that undoes it, and in the end why it failed.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Target<'a, const P: usize> {
    id: TwinId<'a>,
    state: State,
    attempts: u8,
    undo: Document<P>,
}

/// Where a target keeps a device's words.
const REASON: &[&str] = &["reason"];

/// How far a device is.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum State {
    /// Its wave has not come.
    Waiting,
    /// The configuration of this number is desired; the device has not said that it is in effect.
    Set(Deployment),
    /// It is in effect.
    Applied(u64),
    /// The device was left alone, or desired has moved on.
    Skipped(Skip),
    /// Desired could not be changed; it is as it was.
    Refused(Failed),
    /// The device failed, and desired was rolled back, under this number.
    RolledBack(Cause, u64),
    /// The device failed, and desired is as this rollout has set it.
    Failed(Cause),
}

impl<'a, const P: usize> Target<'a, P> {
    /// Takes a device.
    pub const fn new(id: TwinId<'a>) -> Self {
        Self {
            id,
            state: State::Waiting,
            attempts: 0,
            undo: Document::new(),
        }
    }

    /// Returns the device's twin.
    pub const fn id(&self) -> TwinId<'a> {
        self.id
    }

    /// Returns how far it is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Returns how often desired was tried until it was set: more than once if others wrote meanwhile. 0 if it
    /// was not.
    pub const fn attempts(&self) -> u8 {
        self.attempts
    }

    /// Returns why the device failed, in its own words; nothing if it has not, said nothing, or its words do
    /// not fit into `P` bytes.
    pub fn reason(&self) -> Option<&str> {
        match self.state {
            State::RolledBack(..) | State::Failed(_) => self.undo.value(REASON)?.as_str(),
            State::Waiting
            | State::Set(_)
            | State::Applied(_)
            | State::Skipped(_)
            | State::Refused(_) => None,
        }
    }
}

/// A configuration on its way to many devices.
///
/// Poll it when reports have come in, and at [`Rollout::poll_timeout`].
///
/// ```
/// use twinsync::document::Document;
/// use twinsync::fleet::{Everyone, Plan, Progress, Rollout, Setting, Target};
/// use twinsync::hub::{Config, HubEngine, InMemory};
/// use twinsync::protocol::{Message, TwinId, UpdateRequest};
/// use twinsync::time::{Duration, Now};
/// use twinsync::twin::Update;
///
/// fn merge(hub: &mut HubEngine<InMemory, 512>, id: TwinId<'_>, patch: &Document<96>) {
///     let update = Update::merge(patch.as_ref());
///     let message = Message::Update(UpdateRequest { id: None, update });
///     hub.handle_message(Now::default(), id, message).unwrap();
///     while let Some(transmit) = hub.poll_transmit() {
///         transmit.sent();
///     }
/// }
///
/// let mut hub = HubEngine::<_, 512>::new(InMemory::new(), Config::new());
/// let names = ["a", "b", "c", "d"].map(|name| TwinId::new(name, None).unwrap());
/// let mut reported = Document::<96>::new();
/// reported.set(&["reported", "interval"], 60)?;
/// names.iter().for_each(|id| merge(&mut hub, *id, &reported));
///
/// let mut patch = Document::<64>::new();
/// patch.set(&["desired", "interval"], 5)?;
/// let mut targets = names.map(Target::<64>::new);
/// let plan = Plan::new(Duration::from_secs(60)).with_waves(&[25]);
/// let mut rollout = Rollout::new(Setting::new(patch.as_ref()), plan, &mut targets);
/// let progress = rollout.poll(&mut hub, Now::default(), &Everyone, &mut |_| {})?;
/// assert_eq!(progress, Progress::Running { wave: 0 });
///
/// // The one device of the first wave says that it is in effect: now the others.
/// reported.set(&["reported", "interval"], 5)?;
/// reported.set(&["reported", "configVersion"], 1)?;
/// merge(&mut hub, names[0], &reported);
/// let progress = rollout.poll(&mut hub, Now::default(), &Everyone, &mut |_| {})?;
/// assert_eq!(progress, Progress::Running { wave: 1 });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Rollout<'r, 'a, const P: usize> {
    setting: Setting<'r>,
    plan: Plan,
    keys: Keys,
    targets: &'r mut [Target<'a, P>],
    wave: usize,
    stopped: bool,
}

/// How far a rollout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Progress {
    /// The devices of this wave, counted from 0, and of those before it have been asked.
    Running {
        /// The wave.
        wave: usize,
    },
    /// Every device has been asked, and all have answered or failed within the tolerance.
    Done,
    /// Too many have failed in this wave: no further device is asked. Those that were still have their
    /// time, and are rolled back if they fail.
    Stopped {
        /// The wave.
        wave: usize,
    },
}

/// How many devices are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Counts {
    /// Not asked yet.
    pub waiting: usize,
    /// Asked, not answered.
    pub set: usize,
    /// In effect.
    pub applied: usize,
    /// Left alone.
    pub skipped: usize,
    /// Refused, failed or rolled back.
    pub failed: usize,
}

impl<'r, 'a, const P: usize> Rollout<'r, 'a, P> {
    /// Takes a change, which is numbered in any case, and the devices in the order in which they are asked.
    pub const fn new(setting: Setting<'r>, plan: Plan, targets: &'r mut [Target<'a, P>]) -> Self {
        Self {
            setting: setting.numbered(Keys::DEFAULT),
            plan,
            keys: Keys::DEFAULT,
            targets,
            wave: 0,
            stopped: false,
        }
    }

    /// The same with other names for the leaves of a configuration.
    #[must_use]
    pub const fn with_keys(mut self, keys: Keys) -> Self {
        self.setting = self.setting.numbered(keys);
        self.keys = keys;
        self
    }

    /// Asks the devices of the current wave, judges what they say, rolls back where they fail, and goes on
    /// to the next wave when all of this one have answered.
    ///
    /// `wanted` is judged when a device is asked. Cost: a load for each device that has been asked and not
    /// answered, and an update for each that is asked or rolled back.
    ///
    /// # Errors
    /// [`HandleError`] if the hub's earlier output was not drained; nothing was changed.
    pub fn poll<R: Registry, const N: usize>(
        &mut self,
        hub: &mut HubEngine<R, N>,
        now: Now,
        wanted: &dyn Targeted,
        deliver: Deliver<'_>,
    ) -> Result<Progress, HandleError> {
        loop {
            let reach = self.plan.reach(self.wave, self.targets.len());
            let asked = self.targets.get_mut(..reach).unwrap_or_default();
            let mut open = false;
            for target in asked {
                if target.state == State::Waiting && !self.stopped {
                    target.state = ask_for(
                        target,
                        &self.setting,
                        self.plan.within,
                        hub,
                        now,
                        wanted,
                        deliver,
                    )?;
                }
                if let State::Set(deployment) = target.state {
                    target.state =
                        judge(target, deployment, self.plan, &self.keys, hub, now, deliver)?;
                }
                open |= matches!(target.state, State::Set(_));
            }
            self.stopped |= self.has_failed(reach);
            if self.stopped {
                return Ok(Progress::Stopped { wave: self.wave });
            }
            if open {
                return Ok(Progress::Running { wave: self.wave });
            }
            if reach >= self.targets.len() {
                return Ok(Progress::Done);
            }
            self.wave = self.wave.saturating_add(1);
        }
    }

    /// Returns when the next device's time is over; [`Rollout::poll`] is due then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.targets
            .iter()
            .filter_map(|target| {
                if let State::Set(deployment) = target.state {
                    Some(deployment.due())
                } else {
                    None
                }
            })
            .min()
    }

    /// Returns the devices and how far each is.
    pub const fn targets(&self) -> &[Target<'a, P>] {
        self.targets
    }

    /// Returns how many devices are how far. Cost: linear.
    pub fn counts(&self) -> Counts {
        count(self.targets)
    }

    /// Whether more of the current wave's devices have failed than is tolerated.
    fn has_failed(&self, reach: usize) -> bool {
        let before = match self.wave.checked_sub(1) {
            Some(wave) => self.plan.reach(wave, self.targets.len()),
            None => 0,
        };
        let wave = self.targets.get(before..reach).unwrap_or_default();
        let counts = count(wave);
        let asked = wave.len().saturating_sub(counts.skipped);
        counts.failed.saturating_mul(100) > asked.saturating_mul(self.plan.tolerance.into())
    }
}

fn count<const P: usize>(targets: &[Target<'_, P>]) -> Counts {
    let mut counts = Counts::default();
    for target in targets {
        let count = match target.state {
            State::Waiting => &mut counts.waiting,
            State::Set(_) => &mut counts.set,
            State::Applied(_) => &mut counts.applied,
            State::Skipped(_) => &mut counts.skipped,
            State::Refused(_) | State::RolledBack(..) | State::Failed(_) => &mut counts.failed,
        };
        *count = count.saturating_add(1);
    }
    counts
}

/// Changes desired of one device, keeping what undoes it.
fn ask_for<R: Registry, const N: usize, const P: usize>(
    target: &mut Target<'_, P>,
    setting: &Setting<'_>,
    within: Duration,
    hub: &mut HubEngine<R, N>,
    now: Now,
    wanted: &dyn Targeted,
    deliver: Deliver<'_>,
) -> Result<State, HandleError> {
    let undo = &mut target.undo;
    let outcome = setting.apply_noting(
        hub,
        now,
        target.id,
        wanted,
        deliver,
        &mut |desired, patch| {
            let mut after = Document::<N>::new();
            after.assign(desired).map_err(EditError::Capacity)?;
            if let Some(patch) = patch.at(&[Section::Desired.key()]) {
                after.merge(patch).map_err(EditError::Capacity)?;
            }
            document::diff(after.as_ref(), desired, &mut undo.as_mut()).map_err(EditError::Capacity)
        },
    )?;
    Ok(match outcome {
        Outcome::Set {
            number, attempts, ..
        } => {
            target.attempts = attempts;
            State::Set(Deployment::new(number.unwrap_or(0), now.instant, within))
        }
        Outcome::Skipped(skip) => State::Skipped(skip),
        Outcome::Failed(failed) => State::Refused(failed),
    })
}

/// Looks at what a device says, and rolls it back if it has failed.
fn judge<R: Registry, const N: usize, const P: usize>(
    target: &mut Target<'_, P>,
    deployment: Deployment,
    plan: Plan,
    keys: &Keys,
    hub: &mut HubEngine<R, N>,
    now: Now,
    deliver: Deliver<'_>,
) -> Result<State, HandleError> {
    for _ in 0..Setting::ATTEMPTS {
        let twin = match load(hub, target.id) {
            Ok(twin) => twin,
            Err(Outcome::Skipped(skip)) => return Ok(State::Skipped(skip)),
            // Not to be read now: it is looked at again.
            Err(_) => return Ok(State::Set(deployment)),
        };
        let desired = twin.section(Section::Desired);
        let standing = Standing::of(desired, twin.section(Section::Reported), keys);
        let cause = match deployment.judge(now.instant, &standing) {
            configuration::Outcome::Waiting => return Ok(State::Set(deployment)),
            configuration::Outcome::Applied => return Ok(State::Applied(deployment.version())),
            configuration::Outcome::Superseded => return Ok(State::Skipped(Skip::Superseded)),
            configuration::Outcome::RollBack(cause) => cause,
        };
        let mut words = Document::<P>::new();
        if let Some(failure) = standing.failed() {
            // Without room, nothing is said rather than half of it.
            let _ = words.set(REASON, failure.reason);
        }
        if !plan.roll_back {
            target.undo = words;
            return Ok(State::Failed(cause));
        }
        let mut patch = Document::<N>::new();
        let stamped = patch
            .assign(target.undo.as_ref())
            .map_err(EditError::Capacity)
            .and_then(|()| configuration::stamp(&mut patch.as_mut(), desired, keys))
            .and_then(|number| {
                patch.as_mut().nest(Section::Desired.key())?;
                Ok(number)
            });
        let Ok(number) = stamped else {
            target.undo = words;
            return Ok(State::Failed(cause));
        };
        let update = Update::merge(patch.as_ref())
            .with_origin(Origin::Service)
            .with_precondition(Precondition::Version(twin.versions().twin));
        match ask(hub, now, target.id, update, deliver)? {
            Err(failed) if failed.is_race() => {}
            answer => {
                target.undo = words;
                return Ok(match answer {
                    Ok(_) => State::RolledBack(cause, number),
                    Err(_) => State::Failed(cause),
                });
            }
        }
    }
    // Others keep writing: it is looked at again.
    Ok(State::Set(deployment))
}

#[cfg(feature = "defmt")]
impl<const P: usize> defmt::Format for Rollout<'_, '_, P> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Rollout of {} in wave {=usize}", self.setting, self.wave);
    }
}

#[cfg(test)]
mod tests;
