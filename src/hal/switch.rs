//! Output pins: on and off.

use embedded_hal::digital::{Error, OutputPin, PinState, StatefulOutputPin};

use super::actuator::{Actuator, Applied, ApplyError};
use super::fault::Fault;
use crate::document::Value;
use crate::rules::Breach;

/// An output pin that is on or off: takes a bool.
///
/// After an error it is not known to be either. A pin that can tell is a [`ReadBackSwitch`].
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Switch<P> {
    pin: P,
    active_low: bool,
}

/// An output pin that is on or off and can tell: takes a bool, and believes what it reads back.
///
/// What a pin tells is the state of its driver, see
/// [`StatefulOutputPin`]; a broken wire behind it is for a sensor to find.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ReadBackSwitch<P>(Switch<P>);

impl<P: OutputPin> Switch<P> {
    /// On is high.
    pub const fn active_high(pin: P) -> Self {
        Self {
            pin,
            active_low: false,
        }
    }

    /// On is low.
    pub const fn active_low(pin: P) -> Self {
        Self {
            pin,
            active_low: true,
        }
    }

    /// Gives the pin back.
    pub fn release(self) -> P {
        self.pin
    }

    fn set(&mut self, value: Value<'_>) -> Result<bool, ApplyError> {
        let on = value.as_bool().ok_or(Breach::WrongType)?;
        let state = PinState::from(on != self.active_low);
        match self.pin.set_state(state) {
            Ok(()) => Ok(on),
            Err(error) => Err(Fault::from(error.kind()).into()),
        }
    }
}

impl<P: StatefulOutputPin> ReadBackSwitch<P> {
    /// On is high.
    pub const fn active_high(pin: P) -> Self {
        Self(Switch::active_high(pin))
    }

    /// On is low.
    pub const fn active_low(pin: P) -> Self {
        Self(Switch::active_low(pin))
    }

    /// Gives the pin back.
    pub fn release(self) -> P {
        self.0.pin
    }

    fn read(&mut self) -> Result<bool, Fault> {
        match self.0.pin.is_set_high() {
            Ok(high) => Ok(high != self.0.active_low),
            Err(error) => Err(error.kind().into()),
        }
    }
}

impl<P: OutputPin> Actuator for Switch<P> {
    fn apply(&mut self, value: Value<'_>) -> Result<Applied, ApplyError> {
        self.set(value)?;
        Ok(Applied::Exactly)
    }
}

impl<P: StatefulOutputPin> Actuator for ReadBackSwitch<P> {
    fn apply(&mut self, value: Value<'_>) -> Result<Applied, ApplyError> {
        let on = self.0.set(value)?;
        if self.read()? == on {
            Ok(Applied::Exactly)
        } else {
            Err(Fault::NO_EFFECT.into())
        }
    }

    fn in_force(&mut self) -> Option<Value<'static>> {
        self.read().ok().map(Value::Bool)
    }
}
