//! A machine at work: where it is, what is wished, what is reported of it.

use core::fmt;

use super::machine::{MAX_KEYS, MAX_NAME, MAX_REASON, Machine, PATCH, State};
use crate::document::{DocumentMut, DocumentRef, EditError, Value};
use crate::time::{Instant, Now};

/// A [`Machine`] at work on a device: it follows wishes in desired as far as its table allows, and says in
/// reported where it is and why.
///
/// It knows documents and no engine; `device::DeviceEngine::settle_by` is the convenience on top.
///
/// * A legal wish is taken: `state`, `previousState`, `stateChangedAt` and `stateChangeReason` (`desired`)
///   are reported at once.
/// * **An illegal wish is refused before anything is applied**, and reported as `stateTransitionError` with
///   `from`, `to` and `reason`. It stays refused until desired says something else, whatever state the
///   machine is in by then: what was asked for long ago does not come true by surprise. Because the
///   report says which wish it is about, this holds over a restart, too, if reported was kept.
/// * A wish that was fulfilled is used up: when time or the device itself leaves the wished state, the
///   machine does not go back, and reports the wish as refused (`left by the device`).
/// * The same wish again is no new wish. To repeat one, take it back first, or wish for another state.
///
/// ```
/// use twinsync::document::Document;
/// use twinsync::rules::{Denial, Machine, State, StateMachine, Transition, Wish, checked};
/// use twinsync::time::Now;
///
/// static PUMP: Machine = checked!(Machine::new(
///     &[State::new("idle"), State::new("running"), State::new("paused")],
///     &[
///         Transition::new("idle", "running"),
///         Transition::new("running", "paused"),
///         Transition::new("running", "idle"),
///     ],
/// ));
/// let (mut desired, mut reported) = (Document::<64>::new(), Document::<512>::new());
/// let mut pump = StateMachine::new(&PUMP);
///
/// desired.set(&["state"], "paused")?;
/// let driven = pump.drive(Now::default(), desired.as_ref(), &mut reported.as_mut())?;
/// assert_eq!(driven.wish, Wish::Refused(Denial::NoTransition));
/// assert_eq!(reported.read::<&str>(&["state"])?, "idle");
/// assert_eq!(reported.read::<&str>(&["stateTransitionError", "to"])?, "paused");
///
/// desired.set(&["state"], "running")?;
/// pump.drive(Now::default(), desired.as_ref(), &mut reported.as_mut())?;
/// assert_eq!(reported.read::<&str>(&["state"])?, "running");
/// assert_eq!(reported.read::<&str>(&["previousState"])?, "idle");
/// assert!(reported.value(&["stateTransitionError"]).is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct StateMachine {
    machine: &'static Machine,
    state: &'static State,
    /// When it was entered; `None` before the machine was first driven.
    since: Option<Instant>,
}

/// A change of state that took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Move {
    /// The state that was left.
    pub from: &'static State,
    /// The state that was entered.
    pub to: &'static State,
    /// What made the machine change.
    pub cause: Cause,
}

/// What made a machine change its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Cause {
    /// A wish in desired.
    Wish,
    /// The device, see [`StateMachine::enter`].
    Own,
    /// The state had lasted long enough.
    TimedOut,
}

/// Why a machine does not change to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Denial {
    /// It has no such state.
    UnknownState,
    /// No transition leads there from where it is.
    NoTransition,
    /// There is a transition, and its conditions do not hold; the table's words.
    Condition(&'static str),
    /// It was there already, and left by itself: the wish is used up.
    Left,
}

/// What became of the wish in desired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Wish {
    /// Nothing is wished, or the machine is in that state.
    Fulfilled,
    /// The machine followed it now.
    Granted(Move),
    /// It is refused now, and the refusal is reported.
    Refused(Denial),
    /// It was refused before and stays so.
    Stands,
    /// It is legal, and waits for the other leaves of the delta (all or nothing).
    Held,
    /// There is no room in reported to follow or to refuse it: nothing happened.
    NoRoom(EditError),
}

/// What a machine did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[must_use = "it says what actuators are to do"]
pub struct Driven {
    /// The change that time made; it comes before what was wished.
    pub timed_out: Option<Move>,
    /// What became of the wish.
    pub wish: Wish,
}

/// What a change of state asks the device to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// This state was left: carry out its [`State::exit`].
    Left(&'static State),
    /// This state was entered: carry out its [`State::entry`].
    Entered(&'static State),
}

/// Why the device can not change its state; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum EnterError {
    /// The table does not allow it.
    Denied(Denial),
    /// The reason is longer than [`MAX_REASON`].
    ReasonTooLong,
    /// It can not be reported.
    Edit(EditError),
}

/// What becomes of the reported error.
enum Fault<'a> {
    Keep,
    Clear,
    Set {
        from: &'a str,
        to: Option<&'a str>,
        denial: Denial,
    },
}

impl StateMachine {
    /// A machine in its first state: the device does not know of an earlier life, or starts over.
    pub const fn new(machine: &'static Machine) -> Self {
        Self {
            machine,
            state: machine.first(),
            since: None,
        }
    }

    /// A machine in the state that an earlier life of the device reported; in its first state if that
    /// names none. A time-out counts from the first [`drive`](Self::drive) on.
    pub fn resume(machine: &'static Machine, reported: DocumentRef<'_>) -> Self {
        let name = reported.read::<&str>(machine.keys().state).ok();
        Self {
            state: name
                .and_then(|name| machine.state(name))
                .unwrap_or_else(|| machine.first()),
            ..Self::new(machine)
        }
    }

    /// Returns the table.
    pub const fn machine(&self) -> &'static Machine {
        self.machine
    }

    /// Returns the state that the machine is in.
    pub const fn state(&self) -> &'static State {
        self.state
    }

    /// Returns when time changes the state: call [`drive`](Self::drive) then.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let (_, span) = self.machine.time_out(self.state.name())?;
        Some(self.since? + span)
    }

    /// Lets time and the wish in desired change the state, and brings reported up to date. Call it when
    /// desired has changed, and at [`poll_timeout`](Self::poll_timeout). Extra calls change nothing.
    ///
    /// At most one time-out and one wish are followed. Cost: linear in the table and in reported.
    ///
    /// # Errors
    /// [`EditError`]: the state, or the change that time makes, does not fit into reported; nothing was
    /// changed.
    pub fn drive(
        &mut self,
        now: Now,
        desired: DocumentRef<'_>,
        reported: &mut DocumentMut<'_>,
    ) -> Result<Driven, EditError> {
        let timed_out = self.pass_time(now, desired, reported)?;
        let wish = self.answer(now, desired, reported, false);
        Ok(Driven { timed_out, wish })
    }

    /// The device changes its state by itself, to `to`, and reports why: at most [`MAX_REASON`] bytes.
    ///
    /// # Errors
    /// [`EnterError`]: the table does not allow it, or it can not be reported; nothing was changed.
    pub fn enter(
        &mut self,
        now: Now,
        to: &str,
        reason: &str,
        desired: DocumentRef<'_>,
        reported: &mut DocumentMut<'_>,
    ) -> Result<Move, EnterError> {
        if reason.len() > MAX_REASON {
            return Err(EnterError::ReasonTooLong);
        }
        let from = self.state.name();
        let to = self
            .machine
            .judge(from, to, true, desired, reported.as_ref())
            .map_err(EnterError::Denied)?;
        self.go(now, to, (Cause::Own, reason), desired, reported)
            .map_err(EnterError::Edit)
    }

    /// Says where the machine is, if reported does not, and follows a time-out that is due.
    pub(super) fn pass_time(
        &mut self,
        now: Now,
        desired: DocumentRef<'_>,
        reported: &mut DocumentMut<'_>,
    ) -> Result<Option<Move>, EditError> {
        let state = reported.as_ref().read::<&str>(self.machine.keys().state);
        if state != Ok(self.state.name()) {
            let change = Some((self.state.name(), None, "start"));
            self.report(now, change, &Fault::Keep, reported)?;
        } else if let (Some((it, span)), Some(since)) =
            (self.machine.time_out(self.state.name()), self.since)
            && now.instant.saturating_since(since) >= span
            && let Some(to) = self.machine.state(it.to())
        {
            let cause = (Cause::TimedOut, "timeout");
            return self.go(now, to, cause, desired, reported).map(Some);
        }
        self.since.get_or_insert(now.instant);
        Ok(None)
    }

    /// Follows the wish in desired or refuses it; `hold` keeps a legal one back.
    pub(super) fn answer(
        &mut self,
        now: Now,
        desired: DocumentRef<'_>,
        reported: &mut DocumentMut<'_>,
        hold: bool,
    ) -> Wish {
        let (from, keys) = (self.state.name(), self.machine.keys());
        let wished = desired.value(keys.state);
        let name = wished.and_then(Value::as_str);
        if wished.is_none() || name == Some(from) {
            return match self.report(now, None, &Fault::Clear, reported) {
                Ok(()) => Wish::Fulfilled,
                Err(error) => Wish::NoRoom(error),
            };
        }
        // A name that no state can have is not repeated.
        let to = name.filter(|name| name.len() <= MAX_NAME);
        let said = reported.as_ref().at(keys.error);
        let text = |key| said.and_then(|said| said.value(&[key])?.as_str());
        let unknown = text("reason") == Some(Denial::UnknownState.text());
        let before = said.is_some() && text("to") == to && (to.is_some() || unknown);
        let judged = self.machine.judge(
            from,
            name.unwrap_or_default(),
            false,
            desired,
            reported.as_ref(),
        );
        match judged {
            Err(_) if before => Wish::Stands,
            // A newer table may know what an older one did not.
            Ok(_) if before && !unknown => Wish::Stands,
            Ok(_) if hold => Wish::Held,
            Ok(to) => match self.go(now, to, (Cause::Wish, "desired"), desired, reported) {
                Ok(granted) => Wish::Granted(granted),
                Err(error) => Wish::NoRoom(error),
            },
            Err(denial) => {
                let fault = Fault::Set { from, to, denial };
                match self.report(now, None, &fault, reported) {
                    Ok(()) => Wish::Refused(denial),
                    Err(error) => Wish::NoRoom(error),
                }
            }
        }
    }

    /// Changes the state: first in reported, then here.
    fn go(
        &mut self,
        now: Now,
        to: &'static State,
        (cause, reason): (Cause, &str),
        desired: DocumentRef<'_>,
        reported: &mut DocumentMut<'_>,
    ) -> Result<Move, EditError> {
        let from = self.state;
        let wished = desired.read::<&str>(self.machine.keys().state).ok();
        let fault = if wished == Some(to.name()) {
            Fault::Clear
        } else if wished == Some(from.name()) {
            Fault::Set {
                from: to.name(),
                to: wished,
                denial: Denial::Left,
            }
        } else {
            Fault::Keep
        };
        let change = Some((to.name(), Some(from.name()), reason));
        self.report(now, change, &fault, reported)?;
        (self.state, self.since) = (to, Some(now.instant));
        Ok(Move { from, to, cause })
    }

    /// Merges what is new into reported, all or nothing.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn report(
        &self,
        now: Now,
        change: Option<(&str, Option<&str>, &str)>,
        fault: &Fault<'_>,
        reported: &mut DocumentMut<'_>,
    ) -> Result<(), EditError> {
        // Bytes and length instead of a `Document`: its constructor would take the stack twice.
        let (mut bytes, mut len) = ([0; PATCH], 0);
        let mut patch = DocumentMut::new(&mut bytes, &mut len)?;
        let clears = reported.as_ref().at(self.machine.keys().error).is_some();
        self.fill(now, change, fault, clears, &mut patch)?;
        if patch.as_ref().is_empty() {
            return Ok(());
        }
        Ok(reported.merge(patch.as_ref())?)
    }

    /// Writes what is new: apart, so that its stack is free again when it is merged.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn fill(
        &self,
        now: Now,
        change: Option<(&str, Option<&str>, &str)>,
        fault: &Fault<'_>,
        clears: bool,
        patch: &mut DocumentMut<'_>,
    ) -> Result<(), EditError> {
        let keys = self.machine.keys();
        if let Some((state, previous, reason)) = change {
            patch.set(keys.state, state)?;
            patch.set(keys.previous, previous.map_or(Value::Null, Value::from))?;
            let millis = i64::try_from(now.wall.as_millis()).unwrap_or_default();
            let at = if millis > 0 {
                Value::from(millis)
            } else {
                Value::Null
            };
            patch.set(keys.changed_at, at)?;
            patch.set(keys.reason, reason)?;
        }
        match fault {
            Fault::Keep => {}
            Fault::Clear => {
                if clears {
                    patch.set(keys.error, Value::Null)?;
                }
            }
            Fault::Set { from, to, denial } => {
                set_below(keys.error, "from", Some(from), patch)?;
                set_below(keys.error, "to", *to, patch)?;
                set_below(keys.error, "reason", Some(denial.text()), patch)?;
            }
        }
        Ok(())
    }
}

/// Puts a text, or null, under one key more.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn set_below(
    keys: &[&str],
    key: &str,
    text: Option<&str>,
    patch: &mut DocumentMut<'_>,
) -> Result<(), EditError> {
    // The table saw to it that the path is no longer.
    let mut path: heapless::Vec<&str, { MAX_KEYS + 1 }> = heapless::Vec::new();
    let _ = path.extend_from_slice(keys);
    let _ = path.push(key);
    patch.set(&path, text.map_or(Value::Null, Value::from))
}

impl Machine {
    /// Returns the state that `wish` names, if the machine may change to it from the state `from`: for a
    /// wish, or for the device itself (`own`). Cost: linear in the table.
    ///
    /// # Errors
    /// [`Denial`] says why it may not.
    pub fn judge(
        &self,
        from: &str,
        wish: &str,
        own: bool,
        desired: DocumentRef<'_>,
        reported: DocumentRef<'_>,
    ) -> Result<&'static State, Denial> {
        let to = self.state(wish).ok_or(Denial::UnknownState)?;
        let it = self.between(from, wish, own).ok_or(Denial::NoTransition)?;
        if it.is_open(desired, reported) {
            Ok(to)
        } else {
            Err(Denial::Condition(it.refusal()))
        }
    }
}

impl Driven {
    /// Returns what the device is to do, in this order.
    pub fn events(&self) -> impl Iterator<Item = Event> + use<> {
        let granted = match self.wish {
            Wish::Granted(granted) => Some(granted),
            Wish::Fulfilled | Wish::Refused(_) | Wish::Stands | Wish::Held | Wish::NoRoom(_) => {
                None
            }
        };
        self.timed_out
            .into_iter()
            .chain(granted)
            .flat_map(|it| it.events())
    }

    /// Whether the wish is one that will not be followed.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.wish, Wish::Refused(_) | Wish::Stands)
    }
}

impl Move {
    /// Returns what the device is to do, in this order.
    pub const fn events(&self) -> [Event; 2] {
        [Event::Left(self.from), Event::Entered(self.to)]
    }
}

impl Event {
    /// Returns the action that the table names for this, if it names one.
    pub const fn action(&self) -> Option<&'static str> {
        match self {
            Self::Left(state) => state.exit(),
            Self::Entered(state) => state.entry(),
        }
    }
}

impl Denial {
    /// Returns the denial in words, as it is reported.
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnknownState => "unknown state",
            Self::NoTransition => "no such transition",
            Self::Condition(text) => text,
            Self::Left => "left by the device",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Display for EnterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(denial) => denial.fmt(f),
            Self::ReasonTooLong => write!(f, "a reason is at most {MAX_REASON} bytes"),
            Self::Edit(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for Denial {}
impl core::error::Error for EnterError {}
