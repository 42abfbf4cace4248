//! Desired to hardware: an actuator and the leaf of desired that it puts into effect.

use super::actuator::{Actuator, Applied, ApplyError};
use super::fault::Fault;
use super::report::{Path, Report, Reports};
use crate::document::{DocumentRef, Leaf, Number, Value};
use crate::rules::{Breach, Verdict};
use crate::time::{Duration, Instant};
use crate::twin;

/// An actuator, and the leaf of desired that it puts into effect; the leaf of reported at the same path says
/// what is in force.
///
/// Offer it every change that desired asks for ([`Drive::offer`]), and after that report what
/// [`Drive::reports`] says. See the [module](super) for an example.
///
/// * **Until the hardware did something, nothing is known of it**, whatever an earlier life of the device
///   reported: the value is taken back, and so desired is put into effect after a restart. Or call
///   [`Drive::start`].
/// * **A value that the hardware only comes near to** stays different from desired, for the service to see,
///   and is not tried again.
/// * **A value that the actuator refuses** is not tried again; the reason is reported as a fault for as long
///   as it is desired.
/// * **When the hardware fails**, the fault is reported, and the value that is read back; if there is none,
///   the value is taken back. The same is tried again after a wait that doubles each time, 1 s at first and 60 s at
///   most ([`Drive::with_retry`]); something else is tried at once.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Drive<A> {
    actuator: A,
    track: Track,
}

/// All of a drive that does not depend on the actuator.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Track {
    path: Path,
    fault_path: Path,
    in_force: InForce,
    trouble: Option<Trouble>,
    retry: Duration,
    longest: Duration,
}

/// What the hardware does.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum InForce {
    /// Nobody knows.
    Unknown,
    /// What desired asked for; the engine has reported it.
    AsWished,
    /// This.
    Value(Value<'static>),
}

/// Why desired is not in force.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
struct Trouble {
    wish: Mark,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Kind {
    /// Something near it is.
    Near,
    /// The actuator does not take such a value.
    Refused(Breach),
    /// The hardware failed.
    Failed {
        fault: Fault,
        /// The wait after this failure.
        wait: Duration,
        /// When it is tried again; `None` if nobody asks for it any more.
        at: Option<Instant>,
    },
}

/// What a value is known by later: scalars by themselves, the rest by a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
enum Mark {
    Null,
    Bool(bool),
    Number(Number),
    Hash(u64),
    /// A map with something in it: many leaves where there should be one.
    Below,
}

impl Mark {
    fn of(value: Value<'_>) -> Self {
        let bytes = match value {
            Value::Null => return Self::Null,
            Value::Bool(flag) => return Self::Bool(flag),
            Value::Number(number) => return Self::Number(number),
            Value::Map(map) if !map.is_empty() => return Self::Below,
            Value::Map(map) => map.as_document().as_bytes(),
            Value::Array(array) => array.as_document().as_bytes(),
            Value::String(text) => text.as_bytes(),
        };
        Self::Hash(twin::hash(bytes))
    }
}

impl<A> Drive<A> {
    /// Binds `actuator` to the leaf at `path`; its faults are reported at `fault_path`.
    pub const fn new(path: Path, fault_path: Path, actuator: A) -> Self {
        Self {
            actuator,
            track: Track {
                path,
                fault_path,
                in_force: InForce::Unknown,
                trouble: None,
                retry: Duration::from_secs(1),
                longest: Duration::from_secs(60),
            },
        }
    }

    /// The same with another wait after a failure: `first`, then twice as long each time, up to `longest`.
    pub const fn with_retry(mut self, first: Duration, longest: Duration) -> Self {
        (self.track.retry, self.track.longest) = (first, longest);
        self
    }

    /// Returns whether `wished` is to be tried at `now`: not if it failed a moment ago, was refused, or is in
    /// force as far as the hardware can.
    pub fn is_due(&self, now: Instant, wished: Value<'_>) -> bool {
        self.track.is_due(now, Mark::of(wished))
    }

    /// Takes what came of trying `wished` elsewhere, by an async driver for example, and returns what to say
    /// of the leaf.
    ///
    /// Ask [`Drive::is_due`] first, and postpone the leaf until the driver is done.
    pub fn conclude(
        &mut self,
        now: Instant,
        wished: Value<'_>,
        outcome: Result<Applied, ApplyError>,
    ) -> Verdict {
        self.track.conclude(now, wished, outcome, &mut || None)
    }

    /// Returns all that is to be reported at `now`, where `desired` is the service's desired section; saying
    /// it again changes nothing. Call it after the changes were offered.
    pub fn reports(&mut self, now: Instant, desired: DocumentRef<'_>) -> Reports {
        self.track.reports(now, desired)
    }

    /// Returns when a failed value is to be tried again: offer the changes then.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.track.trouble {
            Some(Trouble {
                kind: Kind::Failed { at, .. },
                ..
            }) => at,
            Some(_) | None => None,
        }
    }

    /// Returns the value that is in force, if it is known and is no text, array or map that desired holds.
    pub const fn in_force(&self) -> Option<Value<'static>> {
        match self.track.in_force {
            InForce::Value(value) => Some(value),
            InForce::Unknown | InForce::AsWished => None,
        }
    }

    /// Returns why the last value that was tried is not in force, if it is not even nearly.
    pub const fn error(&self) -> Option<ApplyError> {
        match self.track.trouble {
            Some(trouble) => trouble.error(),
            None => None,
        }
    }

    /// Returns the path of the leaf.
    pub const fn path(&self) -> Path {
        self.track.path
    }

    /// Returns the actuator. What is done to it behind the drive's back is not reported.
    pub const fn actuator(&mut self) -> &mut A {
        &mut self.actuator
    }

    /// Gives the actuator back.
    pub fn release(self) -> A {
        self.actuator
    }
}

impl<A: Actuator> Drive<A> {
    /// Puts a leaf of the work list into effect, and returns what to say of it; `None` if it is another's.
    ///
    /// Returns [`Verdict::Applied`] for what is in force exactly as asked, otherwise [`Verdict::Postponed`]:
    /// so the leaf comes back with the next work list, to be passed over until something may have changed. A
    /// leaf below the path is this drive's, too, and of the wrong type.
    pub fn offer(&mut self, now: Instant, leaf: &Leaf<'_>) -> Option<Verdict> {
        if !leaf.path.starts_with(self.track.path) {
            return None;
        }
        if leaf.path.len() > self.track.path.len() {
            return Some(self.track.refuse(Mark::Below, Breach::WrongType));
        }
        if !self.track.is_due(now, Mark::of(leaf.value)) {
            return Some(Verdict::Postponed);
        }
        Some(self.apply(now, leaf.value))
    }

    /// Puts a value of the device's own choice into effect, whatever is desired: the safe state, before
    /// anything is known. Desired is put into effect when it is offered next.
    ///
    /// # Errors
    /// [`ApplyError`]; it is also kept for [`Drive::reports`].
    pub fn start(&mut self, now: Instant, value: Value<'static>) -> Result<(), ApplyError> {
        if self.apply(now, value) == Verdict::Applied {
            self.track.in_force = InForce::Value(value);
        }
        self.error().map_or(Ok(()), Err)
    }

    fn apply(&mut self, now: Instant, value: Value<'_>) -> Verdict {
        let outcome = self.actuator.apply(value);
        let actuator = &mut self.actuator;
        self.track
            .conclude(now, value, outcome, &mut || actuator.in_force())
    }
}

impl Track {
    fn is_due(&self, now: Instant, wish: Mark) -> bool {
        match self.trouble {
            Some(trouble) if trouble.wish == wish => match trouble.kind {
                Kind::Near | Kind::Refused(_) => false,
                Kind::Failed { at, .. } => at.is_none_or(|at| at <= now),
            },
            Some(_) | None => true,
        }
    }

    fn conclude(
        &mut self,
        now: Instant,
        value: Value<'_>,
        outcome: Result<Applied, ApplyError>,
        read_back: &mut dyn FnMut() -> Option<Value<'static>>,
    ) -> Verdict {
        let wish = Mark::of(value);
        match outcome {
            Ok(Applied::Exactly) => {
                self.trouble = None;
                self.in_force = match value {
                    Value::Bool(flag) => InForce::Value(Value::Bool(flag)),
                    Value::Number(number) => InForce::Value(Value::Number(number)),
                    Value::Null | Value::String(_) | Value::Array(_) | Value::Map(_) => {
                        InForce::AsWished
                    }
                };
                return Verdict::Applied;
            }
            Ok(Applied::Instead(near)) => {
                self.in_force = InForce::Value(near);
                let kind = Kind::Near;
                self.trouble = Some(Trouble { wish, kind });
            }
            Err(ApplyError::Refused(breach)) => return self.refuse(wish, breach),
            Err(ApplyError::Failed(fault)) => {
                self.in_force = read_back().map_or(InForce::Unknown, InForce::Value);
                let wait = self.next_wait(wish);
                let at = Some(now.saturating_add(wait));
                let kind = Kind::Failed { fault, wait, at };
                self.trouble = Some(Trouble { wish, kind });
            }
        }
        Verdict::Postponed
    }

    fn refuse(&mut self, wish: Mark, breach: Breach) -> Verdict {
        let kind = Kind::Refused(breach);
        self.trouble = Some(Trouble { wish, kind });
        Verdict::Postponed
    }

    fn next_wait(&self, wish: Mark) -> Duration {
        let wait = match self.trouble {
            Some(Trouble {
                wish: failed,
                kind: Kind::Failed { wait, .. },
            }) if failed == wish => {
                Duration::from_millis(wait.as_millis().saturating_add(wait.as_millis()))
            }
            Some(_) | None => self.retry,
        };
        wait.min(self.longest)
    }

    fn reports(&mut self, now: Instant, desired: DocumentRef<'_>) -> Reports {
        self.reconsider(now, desired.value(self.path).map(Mark::of));
        let value = match self.in_force {
            InForce::Unknown => Some(Value::Null),
            InForce::AsWished => None,
            InForce::Value(value) => Some(value),
        };
        let error = self.trouble.and_then(|trouble| trouble.error());
        let fault = error.map_or(Value::Null, |error| Value::String(error.text()));
        Reports::new(
            value.map(|value| Report::new(self.path, value)),
            Report::new(self.fault_path, fault),
        )
    }

    /// Lets go of trouble with what nobody asks for any more, or what is in force after all.
    fn reconsider(&mut self, now: Instant, wish: Option<Mark>) {
        let Some(trouble) = &mut self.trouble else {
            return;
        };
        let is_in_force = match self.in_force {
            InForce::Value(value) => Some(Mark::of(value)) == wish,
            InForce::Unknown | InForce::AsWished => false,
        };
        let is_wished = wish == Some(trouble.wish);
        match &mut trouble.kind {
            Kind::Failed { wait, at, .. } if is_wished && !is_in_force => {
                // It was due and not offered: something else speaks against it for now.
                if at.is_some_and(|at| at <= now) {
                    *at = Some(now.saturating_add(*wait));
                }
            }
            // What the hardware does is still not known.
            Kind::Failed { at, .. } if self.in_force == InForce::Unknown => *at = None,
            Kind::Near | Kind::Refused(_) if is_wished && !is_in_force => {}
            Kind::Near | Kind::Refused(_) | Kind::Failed { .. } => self.trouble = None,
        }
    }
}

impl Trouble {
    const fn error(&self) -> Option<ApplyError> {
        match self.kind {
            Kind::Near => None,
            Kind::Refused(breach) => Some(ApplyError::Refused(breach)),
            Kind::Failed { fault, .. } => Some(ApplyError::Failed(fault)),
        }
    }
}
