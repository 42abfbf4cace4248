//! What puts a value into effect.

use core::fmt;

use super::Fault;
use crate::document::Value;
use crate::rules::Breach;

/// Hardware that puts a value into effect, and says what came of it.
pub trait Actuator {
    /// Puts `value` into effect, and returns whether exactly this is in force now or something near it.
    ///
    /// A value that is in force already must be taken, too.
    ///
    /// # Errors
    /// [`ApplyError::Refused`]: the hardware was not touched. [`ApplyError::Failed`]: it may do anything
    /// now; [`Actuator::in_force`] is asked.
    fn apply(&mut self, value: Value<'_>) -> Result<Applied, ApplyError>;

    /// Reads what is in force from the hardware after a failure; `None`, the default, if that is not known.
    fn in_force(&mut self) -> Option<Value<'static>> {
        None
    }
}

/// What an actuator did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Applied {
    /// What was asked for.
    Exactly,
    /// As near to it as it can be: this value is in force.
    Instead(Value<'static>),
}

/// Why a value is not in effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ApplyError {
    /// The actuator does not take such a value; nothing was done.
    Refused(Breach),
    /// The hardware failed.
    Failed(Fault),
}

/// A closure as an [`Actuator`]: for a valve on a bus, a display, a motor controller.
///
/// ```
/// use embedded_hal::i2c::{Error, I2c};
/// use twinsync::hal::{ActuatorFn, Applied, ApplyError, Drive, Fault};
/// use twinsync::rules::Breach;
///
/// fn valve(mut bus: impl I2c) -> Drive<impl twinsync::hal::Actuator> {
///     let apply = move |value: twinsync::document::Value<'_>| {
///         let steps = value.read::<u8>().map_err(|_| Breach::WrongType)?;
///         bus.write(0x20, &[steps]).map_err(|error| Fault::from(error.kind()))?;
///         Ok(Applied::Exactly)
///     };
///     Drive::new(&["valve"], &["faults", "valve"], ActuatorFn::new(apply))
/// }
/// ```
#[derive(Clone, Copy)]
pub struct ActuatorFn<F>(F);

impl<F: FnMut(Value<'_>) -> Result<Applied, ApplyError>> ActuatorFn<F> {
    /// Takes a function that does what [`Actuator::apply`] says.
    pub const fn new(apply: F) -> Self {
        Self(apply)
    }
}

impl<F: FnMut(Value<'_>) -> Result<Applied, ApplyError>> Actuator for ActuatorFn<F> {
    fn apply(&mut self, value: Value<'_>) -> Result<Applied, ApplyError> {
        (self.0)(value)
    }
}

impl<A: Actuator + ?Sized> Actuator for &mut A {
    fn apply(&mut self, value: Value<'_>) -> Result<Applied, ApplyError> {
        (**self).apply(value)
    }

    fn in_force(&mut self) -> Option<Value<'static>> {
        (**self).in_force()
    }
}

impl ApplyError {
    /// Returns the reason in words, as it is reported.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Refused(breach) => breach.text(),
            Self::Failed(fault) => fault.text(),
        }
    }
}

impl From<Breach> for ApplyError {
    fn from(breach: Breach) -> Self {
        Self::Refused(breach)
    }
}

impl From<Fault> for ApplyError {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

impl<F> fmt::Debug for ActuatorFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActuatorFn")
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for ApplyError {}

#[cfg(feature = "defmt")]
impl<F> defmt::Format for ActuatorFn<F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "ActuatorFn");
    }
}
