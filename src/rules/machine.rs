//! The table of a state machine, checked when it is made.

use core::fmt;

use super::condition::Condition;
use super::sound;
use crate::document::DocumentRef;
use crate::time::Duration;

/// Most states of a machine.
pub const MAX_STATES: usize = 32;
/// Most transitions of a machine.
pub const MAX_TRANSITIONS: usize = 255;
/// Longest name of a state, in bytes: letters, digits, `-` and `_`.
pub const MAX_NAME: usize = 32;
/// Longest reason for a change of state, in bytes.
pub const MAX_REASON: usize = 40;

/// Most keys of the path to a leaf of a machine.
pub(super) const MAX_KEYS: usize = 8;

/// Bytes of the largest patch of reported that a machine makes.
pub(super) const PATCH: usize = 384;

/// A state, and what is to be done when it is entered and left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct State {
    name: &'static str,
    entry: Option<&'static str>,
    exit: Option<&'static str>,
}

/// An allowed change of state.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Transition {
    from: &'static str,
    to: &'static str,
    trigger: Trigger,
    needs: &'static [Condition],
    refusal: &'static str,
}

/// What makes a machine take a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Trigger {
    /// A wish in desired, or the device itself.
    Wish,
    /// The device itself, never a wish.
    Own,
    /// Time: the state has lasted this long.
    After(Duration),
}

/// Where a machine's leaves stand: the first in desired and reported, the others in reported.
///
/// Each is a path, so that several machines of one device can stand side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Keys {
    /// The state, as wished and as it is: `state`.
    pub state: &'static [&'static str],
    /// The state before: `previousState`. Not there after a start.
    pub previous: &'static [&'static str],
    /// When the state was entered, in milliseconds since 1970: `stateChangedAt`. Not there without a
    /// wall clock.
    pub changed_at: &'static [&'static str],
    /// Why: `stateChangeReason`.
    pub reason: &'static [&'static str],
    /// The wish that was refused, a map of `from`, `to` and `reason`: `stateTransitionError`.
    pub error: &'static [&'static str],
}

/// A state machine: states, and the transitions between them. The first state is where it starts.
///
/// Made in a `const` with [`checked!`](super::checked), a table with a mistake does not compile.
///
/// ```
/// use twinsync::rules::{Machine, State, Transition, checked};
/// use twinsync::time::Duration;
///
/// static DOOR: Machine = checked!(Machine::new(
///     &[State::new("closed"), State::new("open").on_entry("light-on").on_exit("light-off")],
///     &[
///         Transition::new("closed", "open"),
///         Transition::new("open", "closed"),
///         Transition::after("open", Duration::from_secs(60), "closed"),
///     ],
/// ));
/// assert_eq!(DOOR.states()[1].name(), "open");
/// ```
///
/// A name that is in no state:
///
/// ```compile_fail,E0080
/// # use twinsync::rules::{Machine, State, Transition, checked};
/// const DOOR: Machine = checked!(Machine::new(
///     &[State::new("closed"), State::new("open")],
///     &[Transition::new("closed", "opne"), Transition::new("open", "closed")],
/// ));
/// ```
///
/// A state that cannot be reached:
///
/// ```compile_fail,E0080
/// # use twinsync::rules::{Machine, State, Transition, checked};
/// const DOOR: Machine = checked!(Machine::new(
///     &[State::new("closed"), State::new("open"), State::new("locked")],
///     &[Transition::new("closed", "open"), Transition::new("locked", "open")],
/// ));
/// ```
///
/// The same transition twice:
///
/// ```compile_fail,E0080
/// # use twinsync::rules::{Machine, State, Transition, checked};
/// const DOOR: Machine = checked!(Machine::new(
///     &[State::new("closed"), State::new("open")],
///     &[Transition::new("closed", "open"), Transition::new("closed", "open")],
/// ));
/// ```
///
/// A name that is too long (or holds anything but letters, digits, `-` and `_`):
///
/// ```compile_fail,E0080
/// # use twinsync::rules::{Machine, State, Transition, checked};
/// const DOOR: Machine = checked!(Machine::new(
///     &[State::new("closed-but-not-locked-and-nobody-knows-why")],
///     &[],
/// ));
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Machine {
    states: &'static [State],
    transitions: &'static [Transition],
    keys: Keys,
}

/// What is wrong with a table; `at` counts states or transitions from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum MachineFault {
    /// There is no state, or there are more than [`MAX_STATES`] or [`MAX_TRANSITIONS`].
    Size,
    /// A state's name is empty, longer than [`MAX_NAME`], or holds other characters than letters, digits,
    /// `-` and `_`.
    Name {
        /// Which state.
        at: usize,
    },
    /// A state has the name of an earlier one.
    DuplicateState {
        /// Which state.
        at: usize,
    },
    /// A transition names a state that is not in the table.
    UnknownState {
        /// Which transition.
        at: usize,
    },
    /// A transition leads to where it comes from, its time is zero, it has both time and conditions, a
    /// condition that cannot hold, or a text longer than [`MAX_REASON`].
    Transition {
        /// Which transition.
        at: usize,
    },
    /// A transition is there already, or its state has a time-out already.
    DuplicateTransition {
        /// Which transition.
        at: usize,
    },
    /// No way leads from the first state to this one.
    Unreachable {
        /// Which state.
        at: usize,
    },
    /// A path is empty, two are equal, or together they make a patch that is too large.
    Keys,
}

impl State {
    /// A state of this name.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            entry: None,
            exit: None,
        }
    }

    /// The same state with an action for when it is entered, see [`Event`](super::Event).
    pub const fn on_entry(mut self, action: &'static str) -> Self {
        self.entry = Some(action);
        self
    }

    /// The same state with an action for when it is left, see [`Event`](super::Event).
    pub const fn on_exit(mut self, action: &'static str) -> Self {
        self.exit = Some(action);
        self
    }

    /// Returns the name.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns what is to be done when the state is entered.
    pub const fn entry(&self) -> Option<&'static str> {
        self.entry
    }

    /// Returns what is to be done when the state is left.
    pub const fn exit(&self) -> Option<&'static str> {
        self.exit
    }
}

impl Transition {
    /// A transition that can be wished for, and that the device can take by itself.
    pub const fn new(from: &'static str, to: &'static str) -> Self {
        Self {
            from,
            to,
            trigger: Trigger::Wish,
            needs: &[],
            refusal: "",
        }
    }

    /// A transition that only the device takes, when it finds a fault, say.
    pub const fn own(from: &'static str, to: &'static str) -> Self {
        let mut transition = Self::new(from, to);
        transition.trigger = Trigger::Own;
        transition
    }

    /// A transition that time makes: `from` is left when it has lasted for `span`.
    pub const fn after(from: &'static str, span: Duration, to: &'static str) -> Self {
        let mut transition = Self::new(from, to);
        transition.trigger = Trigger::After(span);
        transition
    }

    /// The same transition under conditions, all of which must hold; a wish is otherwise refused with
    /// `refusal` as the reason.
    pub const fn when(mut self, needs: &'static [Condition], refusal: &'static str) -> Self {
        self.needs = needs;
        self.refusal = refusal;
        self
    }

    /// Returns the name of the state that it leaves.
    pub const fn from(&self) -> &'static str {
        self.from
    }

    /// Returns the name of the state that it leads to.
    pub const fn to(&self) -> &'static str {
        self.to
    }

    /// Returns what makes a machine take it.
    pub const fn trigger(&self) -> Trigger {
        self.trigger
    }

    /// Returns the reason that a wish is refused with when the conditions do not hold; empty if there
    /// are none.
    pub const fn refusal(&self) -> &'static str {
        self.refusal
    }

    pub(super) const fn needs(&self) -> &'static [Condition] {
        self.needs
    }

    pub(super) fn is_open(&self, desired: DocumentRef<'_>, reported: DocumentRef<'_>) -> bool {
        self.needs.iter().all(|it| it.holds(desired, reported))
    }
}

impl Keys {
    /// The names that a machine has unless it is told otherwise.
    pub const DEFAULT: Self = Self {
        state: &["state"],
        previous: &["previousState"],
        changed_at: &["stateChangedAt"],
        reason: &["stateChangeReason"],
        error: &["stateTransitionError"],
    };

    pub(super) const fn all(&self) -> [&'static [&'static str]; 5] {
        [
            self.state,
            self.previous,
            self.changed_at,
            self.reason,
            self.error,
        ]
    }

    /// Whether `path` leads to the state, or into what someone put in its place.
    pub(super) fn wish(&self, path: &[&str]) -> bool {
        path.starts_with(self.state)
    }

    /// Whether a value at `path` would take the place of one of these leaves.
    pub(super) fn reserve(&self, path: &[&str]) -> bool {
        let meets = |key: &&[&str]| key.iter().zip(path).all(|(a, b)| a == b);
        !self.wish(path) && self.all().iter().any(meets)
    }
}

impl Machine {
    /// Takes a table and checks it; the leaves have their default names. See
    /// [`checked!`](super::checked) for a check at compile time.
    ///
    /// # Errors
    /// [`MachineFault`] says what is wrong and where.
    pub const fn new(
        states: &'static [State],
        transitions: &'static [Transition],
    ) -> Result<Self, MachineFault> {
        Self::with_keys(states, transitions, Keys::DEFAULT)
    }

    /// Takes a table and checks it, with names of its own for the leaves.
    ///
    /// # Errors
    /// [`MachineFault`] says what is wrong and where.
    pub const fn with_keys(
        states: &'static [State],
        transitions: &'static [Transition],
        keys: Keys,
    ) -> Result<Self, MachineFault> {
        let machine = Self {
            states,
            transitions,
            keys,
        };
        match sound::machine(&machine) {
            Ok(()) => Ok(machine),
            Err(fault) => Err(fault),
        }
    }

    /// Returns the states; the first is where the machine starts.
    pub const fn states(&self) -> &'static [State] {
        self.states
    }

    /// Returns the transitions.
    pub const fn transitions(&self) -> &'static [Transition] {
        self.transitions
    }

    /// Returns where its leaves stand.
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns the state of this name. Cost: linear in the states.
    pub fn state(&self, name: &str) -> Option<&'static State> {
        self.states.iter().find(|state| state.name == name)
    }

    /// The state where it starts: `Machine::new` saw to it that there is one.
    pub(super) const fn first(&self) -> &'static State {
        const NONE: State = State::new("");
        match self.states {
            [first, ..] => first,
            [] => &NONE,
        }
    }

    /// The transition that time makes out of this state.
    pub(super) fn time_out(&self, from: &str) -> Option<(&'static Transition, Duration)> {
        self.transitions.iter().find_map(|it| match it.trigger {
            Trigger::After(span) if it.from == from => Some((it, span)),
            Trigger::After(_) | Trigger::Wish | Trigger::Own => None,
        })
    }

    /// The transition between these states, for a wish or for the device itself.
    pub(super) fn between(&self, from: &str, to: &str, own: bool) -> Option<&'static Transition> {
        self.transitions.iter().find(|it| {
            let trigger = match it.trigger {
                Trigger::Wish => true,
                Trigger::Own => own,
                Trigger::After(_) => false,
            };
            trigger && it.from == from && it.to == to
        })
    }
}

impl MachineFault {
    /// Returns the fault in words.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Size => "a state machine has 1 to 32 states and up to 255 transitions",
            Self::Name { .. } => {
                "a state's name is 1 to 32 letters, digits, hyphens and underscores"
            }
            Self::DuplicateState { .. } => "two states have the same name",
            Self::UnknownState { .. } => "a transition names a state that is not in the table",
            Self::Transition { .. } => "a transition can not be taken",
            Self::DuplicateTransition { .. } => "a transition is there twice",
            Self::Unreachable { .. } => "a state can not be reached from the first one",
            Self::Keys => "the keys of the machine's leaves are empty, equal or too long",
        }
    }
}

impl fmt::Display for MachineFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())?;
        match self {
            Self::Name { at } | Self::DuplicateState { at } | Self::Unreachable { at } => {
                write!(f, " (state {at})")
            }
            Self::UnknownState { at }
            | Self::Transition { at }
            | Self::DuplicateTransition { at } => write!(f, " (transition {at})"),
            Self::Size | Self::Keys => Ok(()),
        }
    }
}

impl core::error::Error for MachineFault {}
