//! What went wrong in hardware, in words.

use core::convert::Infallible;
use core::fmt;

use embedded_hal::{digital, i2c, pwm, spi};

use crate::document::Value;

/// What went wrong in hardware: a short text, the same each time, as it is reported.
///
/// embedded-hal's error kinds become one, and a driver's own errors by a text of their own:
///
/// ```
/// use embedded_hal::i2c;
/// use twinsync::hal::Fault;
///
/// let missing = i2c::ErrorKind::NoAcknowledge(i2c::NoAcknowledgeSource::Address);
/// assert_eq!(Fault::from(missing).text(), "no acknowledge");
/// const CHECKSUM: Fault = Fault::new("wrong checksum");
/// assert_ne!(CHECKSUM, Fault::from("wrong length"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Fault(&'static str);

impl Fault {
    /// A write without an error had no effect: the hardware reads back as something else.
    pub const NO_EFFECT: Self = Self("no effect");

    /// Takes the text that is reported. Each leaf of reported is one: a few words, not a sentence.
    pub const fn new(text: &'static str) -> Self {
        Self(text)
    }

    /// Returns the text.
    pub const fn text(self) -> &'static str {
        self.0
    }
}

impl From<&'static str> for Fault {
    fn from(text: &'static str) -> Self {
        Self(text)
    }
}

impl From<Infallible> for Fault {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<digital::ErrorKind> for Fault {
    fn from(kind: digital::ErrorKind) -> Self {
        match kind {
            digital::ErrorKind::Other | _ => Self("pin error"),
        }
    }
}

impl From<pwm::ErrorKind> for Fault {
    fn from(kind: pwm::ErrorKind) -> Self {
        match kind {
            pwm::ErrorKind::Other | _ => Self("PWM error"),
        }
    }
}

impl From<i2c::ErrorKind> for Fault {
    fn from(kind: i2c::ErrorKind) -> Self {
        Self(match kind {
            i2c::ErrorKind::Bus => "bus error",
            i2c::ErrorKind::ArbitrationLoss => "arbitration lost",
            i2c::ErrorKind::NoAcknowledge(_) => "no acknowledge",
            i2c::ErrorKind::Overrun => "overrun",
            i2c::ErrorKind::Other | _ => "I2C error",
        })
    }
}

impl From<spi::ErrorKind> for Fault {
    fn from(kind: spi::ErrorKind) -> Self {
        Self(match kind {
            spi::ErrorKind::Overrun => "overrun",
            spi::ErrorKind::ModeFault => "mode fault",
            spi::ErrorKind::FrameFormat => "frame format error",
            spi::ErrorKind::ChipSelectFault => "chip select fault",
            spi::ErrorKind::Other | _ => "SPI error",
        })
    }
}

impl From<Fault> for Value<'static> {
    fn from(fault: Fault) -> Self {
        Self::String(fault.0)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl core::error::Error for Fault {}
