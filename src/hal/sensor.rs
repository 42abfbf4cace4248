//! What reads a value.

use core::fmt;
use core::num::NonZeroU8;

use embedded_hal::digital::{Error, InputPin};

use super::fault::Fault;
use crate::document::Value;

/// Hardware that is read.
pub trait Sensor {
    /// Reads a value; `None` if there is none yet: a conversion is not done, a contact still bounces.
    ///
    /// # Errors
    /// [`Fault`]: the hardware failed.
    fn read(&mut self) -> Result<Option<Value<'static>>, Fault>;
}

/// An input pin that is active or not: reads a bool.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Contact<P> {
    pin: P,
    active_low: bool,
    /// Equal readings in a row that count.
    needed: NonZeroU8,
    /// Equal readings in a row so far.
    count: u8,
    latest: bool,
    stable: Option<bool>,
}

/// A closure as a [`Sensor`]: for what hangs on a bus or an ADC.
///
/// It returns anything that is a value of a document, or an error that is a [`Fault`].
///
/// ```
/// use embedded_hal::i2c::{Error, I2c};
/// use twinsync::document::Number;
/// use twinsync::hal::{Fault, Probe, Sensor, SensorFn};
///
/// /// An LM75: nine bits of half degrees.
/// fn thermometer(mut bus: impl I2c) -> Probe<impl Sensor> {
///     let read = move || {
///         let mut register = [0; 2];
///         bus.write_read(0x48, &[0], &mut register).map_err(|error| error.kind())?;
///         let halves = i64::from(i16::from_be_bytes(register) >> 7);
///         Number::new(halves * 5, -1).map_err(|_| embedded_hal::i2c::ErrorKind::Other)
///     };
///     Probe::new(&["celsius"], &["faults", "celsius"], SensorFn::new(read))
/// }
/// ```
#[derive(Clone, Copy)]
pub struct SensorFn<F>(F);

impl<P: InputPin> Contact<P> {
    /// Active is high.
    pub const fn active_high(pin: P) -> Self {
        Self::new(pin, false)
    }

    /// Active is low, as behind a pull-up.
    pub const fn active_low(pin: P) -> Self {
        Self::new(pin, true)
    }

    const fn new(pin: P, active_low: bool) -> Self {
        Self {
            pin,
            active_low,
            needed: NonZeroU8::MIN,
            count: 0,
            latest: false,
            stable: None,
        }
    }

    /// The same, debounced: a change counts after this many equal readings in a row; the span between two
    /// readings is the application's. Until the first change counts, there is no reading.
    pub const fn with_debounce(mut self, readings: NonZeroU8) -> Self {
        self.needed = readings;
        self
    }

    /// Gives the pin back.
    pub fn release(self) -> P {
        self.pin
    }
}

impl<P: InputPin> Sensor for Contact<P> {
    fn read(&mut self) -> Result<Option<Value<'static>>, Fault> {
        let active = match self.pin.is_high() {
            Ok(high) => high != self.active_low,
            Err(error) => {
                // What was before the gap says nothing about what is behind it.
                (self.count, self.stable) = (0, None);
                return Err(error.kind().into());
            }
        };
        if active != self.latest {
            (self.count, self.latest) = (0, active);
        }
        self.count = self.count.saturating_add(1);
        if self.count >= self.needed.get() {
            self.stable = Some(active);
        }
        Ok(self.stable.map(Value::Bool))
    }
}

impl<F, R, E> SensorFn<F>
where
    F: FnMut() -> Result<R, E>,
    R: Into<Value<'static>>,
    E: Into<Fault>,
{
    /// Takes a function that reads.
    pub const fn new(read: F) -> Self {
        Self(read)
    }
}

impl<F, R, E> Sensor for SensorFn<F>
where
    F: FnMut() -> Result<R, E>,
    R: Into<Value<'static>>,
    E: Into<Fault>,
{
    fn read(&mut self) -> Result<Option<Value<'static>>, Fault> {
        match (self.0)() {
            Ok(reading) => Ok(Some(reading.into())),
            Err(error) => Err(error.into()),
        }
    }
}

impl<S: Sensor + ?Sized> Sensor for &mut S {
    fn read(&mut self) -> Result<Option<Value<'static>>, Fault> {
        (**self).read()
    }
}

impl<F> fmt::Debug for SensorFn<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SensorFn")
    }
}

#[cfg(feature = "defmt")]
impl<F> defmt::Format for SensorFn<F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "SensorFn");
    }
}
