//! One change for many devices: to each under the version that its condition was judged on.

use super::automatic::RECORD;
use crate::configuration::{self, Keys};
use crate::document::{Document, DocumentRef, EditError};
use crate::error::Status;
use crate::hub::{HandleError, HubEngine, Registry, Transmit};
use crate::protocol::{Audience, Cause, Message, TwinId, UpdateRequest, Versions};
use crate::query::{Condition, QueryRef, TwinItem};
use crate::time::Now;
use crate::twin::{Origin, Precondition, Rejected, Section, TwinRef, Update};

/// A change of twins, by their service: a patch of desired and tags.
///
/// ```
/// use twinsync::configuration::Keys;
/// use twinsync::document::Document;
/// use twinsync::fleet::{Outcome, Setting, Skip};
/// use twinsync::hub::{Config, HubEngine, InMemory};
/// use twinsync::protocol::{Message, TwinId, UpdateRequest};
/// use twinsync::query::{Condition, Dialect};
/// use twinsync::time::Now;
/// use twinsync::twin::Update;
///
/// let mut hub = HubEngine::<_, 512>::new(InMemory::new(), Config::new());
/// let ids = [TwinId::new("pump-1", None)?, TwinId::new("pump-2", None)?, TwinId::new("pump-3", None)?];
/// for (id, building) in ids.into_iter().zip(["building-1", "building-2"]) {
///     let mut patch = Document::<96>::new();
///     patch.set(&["tags", "location", "building"], building)?;
///     let update = Update::merge(patch.as_ref());
///     hub.handle_message(Now::default(), id, Message::Update(UpdateRequest { id: None, update }))?;
///     while let Some(transmit) = hub.poll_transmit() {
///         transmit.sent();
///     }
/// }
///
/// let text = "tags.location.building = 'building-1'";
/// let condition = Condition::<16>::parse(text, Dialect::TWIN)?;
/// let mut patch = Document::<64>::new();
/// patch.set(&["desired", "interval"], 60)?;
/// let setting = Setting::new(patch.as_ref()).numbered(Keys::DEFAULT);
/// let mut outcomes = Vec::new();
/// for id in ids {
///     // What is to be sent goes to the adapter.
///     outcomes.push(setting.apply(&mut hub, Now::default(), id, &condition, &mut |_transmit| {})?);
/// }
/// assert!(matches!(outcomes[0], Outcome::Set { number: Some(1), attempts: 1, .. }));
/// assert_eq!(outcomes[1], Outcome::Skipped(Skip::NotMatched));
/// assert_eq!(outcomes[2], Outcome::Skipped(Skip::Absent));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Setting<'p> {
    patch: DocumentRef<'p>,
    keys: Option<Keys>,
    attempts: u8,
}

/// What became of a change at one device.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Outcome {
    /// It was made.
    Set {
        /// The twin's versions after it.
        versions: Versions,
        /// The number of the configuration it made, if it is numbered.
        number: Option<u64>,
        /// How often it was tried: more than once if others wrote meanwhile.
        attempts: u8,
    },
    /// The device was left alone.
    Skipped(Skip),
    /// It was refused; the twin is as it was.
    Failed(Failed),
}

/// Why a device was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Skip {
    /// It has no twin.
    Absent,
    /// The condition does not hold for its twin.
    NotMatched,
    /// Desired holds a later configuration than the one that was to be changed.
    Superseded,
}

/// Why a change was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Failed {
    /// The hub refused it.
    Rejected(Rejected),
    /// The hub refused it in words that are no twin's.
    Status(Status),
    /// Others wrote each time between reading and writing.
    Contended,
    /// The patch has no room for its number, or for what would undo it.
    Edit(EditError),
    /// The registry could not be read.
    Unavailable,
}

/// Which twins are meant: a [`Condition`], a [`QueryRef`], [`Everyone`], or a closure.
pub trait Targeted {
    /// Whether this one is.
    fn is_target(&self, twin: &TwinItem<'_>) -> bool;
}

/// Every twin is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Everyone;

impl Targeted for Everyone {
    fn is_target(&self, _: &TwinItem<'_>) -> bool {
        true
    }
}

impl<const N: usize> Targeted for Condition<'_, N> {
    fn is_target(&self, twin: &TwinItem<'_>) -> bool {
        self.matches(twin)
    }
}

impl Targeted for QueryRef<'_> {
    /// Whether it is what the query looks through, and its condition holds.
    fn is_target(&self, twin: &TwinItem<'_>) -> bool {
        twin.is_from(self.source()) && self.matches(twin)
    }
}

impl<F: Fn(&TwinItem<'_>) -> bool> Targeted for F {
    fn is_target(&self, twin: &TwinItem<'_>) -> bool {
        self(twin)
    }
}

/// Who sends what a hub has to say.
pub type Deliver<'d> = &'d mut dyn FnMut(&Transmit<'_>);

impl<'p> Setting<'p> {
    /// How often a change is tried before it counts as contended.
    pub const ATTEMPTS: u8 = 5;

    /// Takes a patch of a twin: a map from section to the patch of that section.
    pub const fn new(patch: DocumentRef<'p>) -> Self {
        Self {
            patch,
            keys: None,
            attempts: Self::ATTEMPTS,
        }
    }

    /// The same change as a configuration: with the number after that of the device's desired.
    #[must_use]
    pub const fn numbered(mut self, keys: Keys) -> Self {
        self.keys = Some(keys);
        self
    }

    /// The same change, tried this often, at least once.
    #[must_use]
    pub const fn with_attempts(mut self, attempts: u8) -> Self {
        self.attempts = attempts;
        self
    }

    /// Makes the change at one device, if it is `wanted`: reads its twin, judges it, and writes under the
    /// version it read, so that nobody's update is lost and nothing is set on a twin that no longer
    /// matches; if others wrote meanwhile, all of it again. `deliver` is given what the hub has to send to
    /// others.
    ///
    /// Cost: for each attempt two loads, one save, and `N` bytes of stack.
    ///
    /// # Errors
    /// [`HandleError`] if the hub's earlier output was not drained; nothing was changed.
    pub fn apply<R: Registry, const N: usize>(
        &self,
        hub: &mut HubEngine<R, N>,
        now: Now,
        id: TwinId<'_>,
        wanted: &dyn Targeted,
        deliver: Deliver<'_>,
    ) -> Result<Outcome, HandleError> {
        self.apply_noting(hub, now, id, wanted, deliver, &mut |_, _| Ok(()))
    }

    /// The same, telling `note` of desired and the patch of each attempt before it is made.
    pub(super) fn apply_noting<R: Registry, const N: usize>(
        &self,
        hub: &mut HubEngine<R, N>,
        now: Now,
        id: TwinId<'_>,
        wanted: &dyn Targeted,
        deliver: Deliver<'_>,
        note: &mut dyn FnMut(DocumentRef<'_>, DocumentRef<'_>) -> Result<(), EditError>,
    ) -> Result<Outcome, HandleError> {
        if hub.is_busy() {
            return Err(HandleError::Busy);
        }
        let mut patch = Document::<N>::new();
        for attempt in 1..=self.attempts.max(1) {
            let twin = match load(hub, id) {
                Ok(twin) => twin,
                Err(outcome) => return Ok(outcome),
            };
            if !wanted.is_target(&known(id, twin)) {
                return Ok(Outcome::Skipped(Skip::NotMatched));
            }
            let number = match self.prepare(twin, &mut patch, note) {
                Ok(number) => number,
                Err(error) => return Ok(Outcome::Failed(Failed::Edit(error))),
            };
            let update = Update::merge(patch.as_ref())
                .with_origin(Origin::Service)
                .with_precondition(Precondition::Version(twin.versions().twin));
            match ask(hub, now, id, update, deliver)? {
                Ok(versions) => {
                    return Ok(Outcome::Set {
                        versions,
                        number,
                        attempts: attempt,
                    });
                }
                Err(failed) if failed.is_race() => {}
                Err(failed) => return Ok(Outcome::Failed(failed)),
            }
        }
        Ok(Outcome::Failed(Failed::Contended))
    }

    /// Makes the patch for this twin, and returns the number it gives.
    fn prepare<const N: usize>(
        &self,
        twin: TwinRef<'_>,
        patch: &mut Document<N>,
        note: &mut dyn FnMut(DocumentRef<'_>, DocumentRef<'_>) -> Result<(), EditError>,
    ) -> Result<Option<u64>, EditError> {
        patch.assign(self.patch).map_err(EditError::Capacity)?;
        let desired = twin.section(Section::Desired);
        let number = match &self.keys {
            Some(keys) => {
                let section = Section::Desired.key();
                let mut inner = Document::<N>::new();
                let part = self.patch.at(&[section]).unwrap_or(DocumentRef::EMPTY);
                inner.assign(part).map_err(EditError::Capacity)?;
                let number = configuration::stamp(&mut inner.as_mut(), desired, keys)?;
                patch.set(&[section], inner.root())?;
                Some(number)
            }
            None => None,
        };
        note(desired, patch.as_ref())?;
        Ok(number)
    }
}

impl Failed {
    /// Whether someone else was faster: the same again may succeed.
    pub(super) const fn is_race(self) -> bool {
        match self {
            // A registry that compares and sets tells of a lost race in this way.
            Self::Rejected(
                Rejected::Conflict { .. } | Rejected::PreconditionFailed | Rejected::Unavailable,
            ) => true,
            Self::Rejected(_)
            | Self::Status(_)
            | Self::Contended
            | Self::Edit(_)
            | Self::Unavailable => false,
        }
    }
}

/// The twin of a device, or why there is nothing to be done.
pub(super) fn load<'h, R: Registry, const N: usize>(
    hub: &'h mut HubEngine<R, N>,
    id: TwinId<'_>,
) -> Result<TwinRef<'h>, Outcome> {
    match hub.registry_mut().load(id) {
        Ok(Some(twin)) if twin.exists() => Ok(twin),
        Ok(_) => Err(Outcome::Skipped(Skip::Absent)),
        Err(_) => Err(Outcome::Failed(Failed::Unavailable)),
    }
}

pub(super) fn item<'a>(id: TwinId<'a>, twin: TwinRef<'a>) -> TwinItem<'a> {
    let item = TwinItem::new(id.device(), twin);
    match id.name() {
        Some(name) => item.with_module(name),
        None => item,
    }
}

/// The same, and which automatic configurations target it.
pub(super) fn known<'a>(id: TwinId<'a>, twin: TwinRef<'a>) -> TwinItem<'a> {
    let record = twin.section(Section::Tags).at(&[RECORD]);
    item(id, twin).with_configurations(record.unwrap_or(DocumentRef::EMPTY))
}

/// Asks the hub for an update and delivers all that it causes but the answer.
pub(super) fn ask<R: Registry, const N: usize>(
    hub: &mut HubEngine<R, N>,
    now: Now,
    id: TwinId<'_>,
    update: Update<'_>,
    deliver: Deliver<'_>,
) -> Result<Result<Versions, Failed>, HandleError> {
    hub.handle_message(now, id, Message::Update(UpdateRequest { id: None, update }))?;
    let mut answer = Err(Failed::Unavailable);
    while let Some(transmit) = hub.poll_transmit() {
        match (transmit.audience, &transmit.message) {
            (Audience::Asker, Message::UpdateAccepted(accepted)) => answer = Ok(accepted.versions),
            (Audience::Asker, Message::Rejected(rejection)) => {
                answer = Err(match rejection.cause {
                    Cause::Twin(rejected) => Failed::Rejected(rejected),
                    Cause::Unstated | Cause::Text(_) => Failed::Status(rejection.status),
                });
            }
            _ => deliver(&transmit),
        }
        transmit.sent();
    }
    Ok(answer)
}

#[cfg(test)]
pub(super) mod tests;

#[cfg(feature = "defmt")]
impl defmt::Format for Setting<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Setting of {}", self.patch);
    }
}
