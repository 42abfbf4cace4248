//! Automatic configurations: who is targeted gets it, who leaves loses it.

use super::setting::{Deliver, Failed, Outcome, Setting, Targeted, ask, item, known, load};
use crate::document::{self, Document, DocumentMut, DocumentRef, EditError, Value};
use crate::hub::{HandleError, HubEngine, Registry};
use crate::protocol::{TwinId, Versions};
use crate::query::{QueryRef, TwinItem};
use crate::time::{Now, Timestamp};
use crate::twin::{Origin, Precondition, Section, TwinRef, Update};

/// Key in tags under which a twin remembers which configurations target it.
pub(super) const RECORD: &str = "configurations";

/// Most metrics of its own that a configuration can have, as IoT Hub has it.
pub const MAX_METRICS: usize = 5;

/// Most characters of a configuration's id.
const MAX_ID: usize = 128;

/// Content of desired for all devices that a condition matches (Azure IoT Hub, "automatic device
/// management"). The content of an id never changes: another content is another configuration.
///
/// ```
/// use twinsync::document::Document;
/// use twinsync::fleet::{Automatic, reconcile};
/// use twinsync::hub::{Config, HubEngine, InMemory};
/// use twinsync::protocol::{Message, TwinId, UpdateRequest};
/// use twinsync::query::{Condition, Dialect};
/// use twinsync::time::{Now, Timestamp};
/// use twinsync::twin::{Section, Update};
///
/// let mut hub = HubEngine::<_, 512>::new(InMemory::new(), Config::new());
/// let id = TwinId::new("pump-1", None)?;
/// let mut patch = Document::<64>::new();
/// patch.set(&["tags", "site"], "north")?;
/// let update = Update::merge(patch.as_ref());
/// hub.handle_message(Now::default(), id, Message::Update(UpdateRequest { id: None, update }))?;
/// while let Some(transmit) = hub.poll_transmit() {
///     transmit.sent();
/// }
///
/// let mut content = Document::<64>::new();
/// content.set(&["interval"], 60)?;
/// let condition = Condition::<16>::parse("tags.site = 'north'", Dialect::TWIN)?;
/// let north = Automatic::new("north", content.as_ref(), 10, Timestamp::EPOCH)?.with_target(&condition);
/// reconcile(&mut hub, Now::default(), id, &[north], &mut |_transmit| {})?;
/// let twin = hub.registry().twin(id).unwrap();
/// assert_eq!(twin.section(Section::Desired).read::<u8>(&["interval"])?, 60);
///
/// // Nobody is targeted any more: what it set goes.
/// reconcile(&mut hub, Now::default(), id, &[north.retired()], &mut |_transmit| {})?;
/// let twin = hub.registry().twin(id).unwrap();
/// assert!(twin.section(Section::Desired).is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct Automatic<'c> {
    id: &'c str,
    content: DocumentRef<'c>,
    priority: u32,
    created: Timestamp,
    target: Option<&'c dyn Targeted>,
    metrics: &'c [Metric<'c>],
    retired: bool,
}

/// A number that tells how a configuration fares: of the twins that a query matches.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Metric<'c> {
    /// What it is called.
    pub name: &'c str,
    /// What is counted: the twins of its source that its condition matches, among them
    /// `configurations.[[id]].status = 'Applied'`. Columns and groups do not matter.
    pub query: QueryRef<'c>,
}

/// Why a configuration cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum AutomaticError {
    /// Its id is empty, longer than 128 characters, or has others than lower-case letters, digits and
    /// `-:+%_#*?!(),=@$'`.
    Id,
    /// Its content is not a map.
    Content,
    /// It has more than [`MAX_METRICS`] metrics.
    Metrics,
}

/// What a reconciliation did to a twin.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reconciled {
    /// Desired and the record of what targets the twin are as they should be.
    InOrder,
    /// They were changed.
    Changed(Versions),
}

/// How many twins a configuration is for, and how many have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Metrics {
    /// Twins that the condition matches.
    pub targeted: usize,
    /// Twins that it matches and that were given the content.
    pub applied: usize,
    /// What its own metrics count, in the order of [`Automatic::with_metrics`].
    pub own: [usize; MAX_METRICS],
}

impl<'c> Automatic<'c> {
    /// Takes an id, the content as a patch of desired (null removes), a priority (the higher one wins) and
    /// the time it was created (of equal priorities the newest wins). It targets every twin.
    ///
    /// # Errors
    /// [`AutomaticError`] if the id or the content cannot be that of a configuration.
    pub fn new(
        id: &'c str,
        content: DocumentRef<'c>,
        priority: u32,
        created: Timestamp,
    ) -> Result<Self, AutomaticError> {
        // Byte by byte: a search for a character would bring panics along.
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || b"-:+%_#*?!(),=@$'".contains(&byte)
        };
        if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(allowed) {
            return Err(AutomaticError::Id);
        }
        if !content.is_map() {
            return Err(AutomaticError::Content);
        }
        Ok(Self {
            id,
            content,
            priority,
            created,
            target: None,
            metrics: &[],
            retired: false,
        })
    }

    /// The same for the twins that this matches: by tags, reported and id. A condition does not see
    /// `configurations`, so that no configuration depends on another, or on itself.
    #[must_use]
    pub const fn with_target(mut self, target: &'c dyn Targeted) -> Self {
        self.target = Some(target);
        self
    }

    /// The same with metrics of its own.
    ///
    /// # Errors
    /// [`AutomaticError::Metrics`] if there are more than [`MAX_METRICS`].
    pub const fn with_metrics(mut self, metrics: &'c [Metric<'c>]) -> Result<Self, AutomaticError> {
        if metrics.len() > MAX_METRICS {
            return Err(AutomaticError::Metrics);
        }
        self.metrics = metrics;
        Ok(self)
    }

    /// The same for no twin any more. Reconcile every twin once with it before it is dropped: what it set
    /// is removed, and the next configuration takes its place.
    #[must_use]
    pub const fn retired(mut self) -> Self {
        self.retired = true;
        self
    }

    /// Returns its id.
    pub const fn id(&self) -> &'c str {
        self.id
    }

    /// Counts the twins that it is for, those of them that a reconciliation has reached, and those that its
    /// own metrics match. Cost: linear in the twins, for each metric.
    pub fn metrics<'t>(&self, twins: impl Iterator<Item = (TwinId<'t>, TwinRef<'t>)>) -> Metrics {
        let mut metrics = Metrics::default();
        for (id, twin) in twins {
            if self.is_for(&item(id, twin)) {
                metrics.targeted = metrics.targeted.saturating_add(1);
                let reached = usize::from(self.has_reached(twin));
                metrics.applied = metrics.applied.saturating_add(reached);
            }
            let twin = known(id, twin);
            for (own, count) in self.metrics.iter().zip(&mut metrics.own) {
                *count = count.saturating_add(usize::from(own.query.is_target(&twin)));
            }
        }
        metrics
    }

    fn is_for(&self, twin: &TwinItem<'_>) -> bool {
        !self.retired && self.target.is_none_or(|target| target.is_target(twin))
    }

    fn has_reached(&self, twin: TwinRef<'_>) -> bool {
        let record = twin.section(Section::Tags).at(&[RECORD, self.id]);
        record.is_some()
    }

    /// Whether it wins over another one that sets the same.
    fn wins_over(&self, other: &Self) -> bool {
        (self.priority, self.created, self.id) > (other.priority, other.created, other.id)
    }
}

/// Brings one twin in order: desired has the content of the configurations that target it, for each leaf
/// that of the one that wins, and nothing of those that targeted it before.
///
/// Which ones target a twin is remembered in its tags, under `configurations`. Call it for a twin that is
/// new or whose tags have changed, and for all twins when a configuration comes, changes its target or retires, and
/// every few minutes besides (IoT Hub: five).
///
/// Cost: for each attempt linear in desired for each configuration, and 3 × `N` bytes of stack.
///
/// # Errors
/// The outer one, [`HandleError`], if the hub's earlier output was not drained; the inner one is the
/// outcome of a twin that could not be brought in order, and is as it was.
pub fn reconcile<R: Registry, const N: usize>(
    hub: &mut HubEngine<R, N>,
    now: Now,
    id: TwinId<'_>,
    configurations: &[Automatic<'_>],
    deliver: Deliver<'_>,
) -> Result<Result<Reconciled, Outcome>, HandleError> {
    if hub.is_busy() {
        return Err(HandleError::Busy);
    }
    let mut patch = Document::<N>::new();
    for _ in 0..Setting::ATTEMPTS {
        let twin = match load(hub, id) {
            Ok(twin) => twin,
            Err(outcome) => return Ok(Err(outcome)),
        };
        if let Err(error) = write_patch::<N>(id, twin, configurations, &mut patch.as_mut()) {
            return Ok(Err(Outcome::Failed(Failed::Edit(error))));
        }
        if patch.is_empty() {
            return Ok(Ok(Reconciled::InOrder));
        }
        let update = Update::merge(patch.as_ref())
            .with_origin(Origin::Service)
            .with_precondition(Precondition::Version(twin.versions().twin));
        match ask(hub, now, id, update, deliver)? {
            Ok(versions) => return Ok(Ok(Reconciled::Changed(versions))),
            Err(failed) if failed.is_race() => {}
            Err(failed) => return Ok(Err(Outcome::Failed(failed))),
        }
    }
    Ok(Err(Outcome::Failed(Failed::Contended)))
}

/// The patch that brings the twin in order; `{}` if it is.
fn write_patch<const N: usize>(
    id: TwinId<'_>,
    twin: TwinRef<'_>,
    configurations: &[Automatic<'_>],
    patch: &mut DocumentMut<'_>,
) -> Result<(), EditError> {
    let desired = twin.section(Section::Desired);
    let mut next = Document::<N>::new();
    next.assign(desired).map_err(EditError::Capacity)?;
    let mut record = Document::<N>::new();
    let item = item(id, twin);
    for configuration in configurations {
        let (is, was) = (configuration.is_for(&item), configuration.has_reached(twin));
        if was {
            remove_leaves(&mut next, configuration.content);
        }
        if is != was {
            let path = [RECORD, configuration.id];
            if is {
                record.set(&[RECORD, configuration.id, "status"], "Applied")?;
            } else {
                record.set(&path, Value::Null)?;
            }
        }
    }
    // From the one that gives way to all to the one that gives way to none.
    let mut last: Option<&Automatic<'_>> = None;
    while let Some(configuration) = configurations
        .iter()
        .filter(|one| one.is_for(&item) && last.is_none_or(|last| one.wins_over(last)))
        .reduce(|a, b| if a.wins_over(b) { b } else { a })
    {
        next.merge(configuration.content)
            .map_err(EditError::Capacity)?;
        last = Some(configuration);
    }
    patch.clear();
    document::diff(desired, next.as_ref(), patch).map_err(EditError::Capacity)?;
    let nested = if patch.as_ref().is_empty() {
        Ok(())
    } else {
        patch.nest(Section::Desired.key())
    };
    nested.and_then(|()| {
        if record.is_empty() {
            return Ok(());
        }
        patch.set(&[Section::Tags.key()], record.root())
    })
}

/// Removes what a configuration has set, and the maps that are empty without it.
fn remove_leaves<const N: usize>(from: &mut Document<N>, content: DocumentRef<'_>) {
    let mut leaves = content.leaves();
    while leaves.step() {
        let path = leaves.path();
        if path.is_empty() {
            // Nothing was set at all.
            return;
        }
        from.remove(path);
        let mut rest: &[&str] = path;
        while let Some((_, parent)) = rest.split_last()
            && !parent.is_empty()
            && from.at(parent).is_some_and(DocumentRef::is_empty)
        {
            from.remove(parent);
            rest = parent;
        }
    }
}

impl core::fmt::Debug for Automatic<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Automatic")
            .field("id", &self.id)
            .field("content", &self.content)
            .field("priority", &self.priority)
            .field("created", &self.created)
            .field("retired", &self.retired)
            .finish_non_exhaustive()
    }
}

impl core::fmt::Display for AutomaticError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Id => "not the id of a configuration",
            Self::Content => "the content is not a map",
            Self::Metrics => "more than 5 metrics of its own",
        })
    }
}

impl core::error::Error for AutomaticError {}

#[cfg(feature = "defmt")]
impl defmt::Format for Automatic<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Automatic {=str} of {}, priority {=u32}",
            self.id,
            self.content,
            self.priority
        );
    }
}

#[cfg(test)]
mod tests;
