//! What a hub is told when it is made.

use super::usage::RequestLimits;
use crate::rules::Guard;
use crate::twin::Policy;

/// The rules of a hub.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// The rules for its twins.
    pub policy: Policy,
    /// What listeners are told.
    pub notify: Notify,
    /// How much each device may ask.
    pub limits: RequestLimits,
    /// Who judges updates before they are stored, besides the policy; `None`: nobody.
    pub guard: Option<&'static (dyn Guard + Sync)>,
}

/// What listeners are told after an accepted update.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Notify {
    /// [`Message::Delta`](crate::protocol::Message::Delta): whatever desired asks for and reported does
    /// not say, if there is such a thing (AWS).
    pub delta: bool,
    /// [`Message::DesiredPatch`](crate::protocol::Message::DesiredPatch): what an update that named
    /// desired asked for (Azure).
    pub desired_patch: bool,
    /// [`Message::Desired`](crate::protocol::Message::Desired): all of desired after an update that named
    /// it (CoAP Observe).
    pub desired: bool,
    /// [`Message::Changed`](crate::protocol::Message::Changed): the twin before and after.
    pub changed: bool,
}

impl Notify {
    /// Nothing: whoever wants to know asks.
    pub const NONE: Self = Self {
        delta: false,
        desired_patch: false,
        desired: false,
        changed: false,
    };

    /// Whether the twin before an update is needed after it.
    pub(super) const fn needs_previous(self) -> bool {
        self.desired_patch || self.changed
    }
}

impl Config {
    /// The default policy; listeners hear of deltas; no limits.
    pub const fn new() -> Self {
        Self {
            policy: Policy::new(),
            notify: Notify {
                delta: true,
                ..Notify::NONE
            },
            limits: RequestLimits::NONE,
            guard: None,
        }
    }

    /// The same rules with another policy.
    pub const fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The same rules with other notifications.
    pub const fn with_notify(mut self, notify: Notify) -> Self {
        self.notify = notify;
        self
    }

    /// The same rules with other limits per device.
    pub const fn with_limits(mut self, limits: RequestLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The same rules with a guard, which refuses updates that break its rules (400).
    ///
    /// ```
    /// use twinsync::hub::Config;
    /// use twinsync::rules::{Machine, State, Transition, checked};
    ///
    /// static LAMP: Machine = checked!(Machine::new(
    ///     &[State::new("off"), State::new("on")],
    ///     &[Transition::new("off", "on"), Transition::new("on", "off")],
    /// ));
    /// let config = Config::new().with_guard(&LAMP);
    /// # let _ = config;
    /// ```
    pub const fn with_guard(mut self, guard: &'static (dyn Guard + Sync)) -> Self {
        self.guard = Some(guard);
        self
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Config {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "{}, {}, {}, guarded: {=bool}",
            self.policy,
            self.notify,
            self.limits,
            self.guard.is_some()
        );
    }
}
