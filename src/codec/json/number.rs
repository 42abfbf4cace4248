//! A number that comes byte by byte (RFC 8259 §6).

use super::error::{Expected, Fault};
use crate::document::Number;
use crate::document::NumberError;
use crate::document::number::Scan;

/// Which part of the number has come so far, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd)]
enum Part {
    #[default]
    Start,
    Sign,
    Whole,
    /// A leading zero: no digit may follow.
    Zero,
    Point,
    Fraction,
    /// The letter, then perhaps the sign, of the exponent.
    Letter,
    PowerSign,
    Power,
}

/// A number between two of its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Digits {
    part: Part,
    scan: Scan,
    negative: bool,
    power: i32,
    power_negative: bool,
}

impl Digits {
    /// Takes a byte and says whether it belongs to the number; if not, the number is complete.
    pub(super) fn push(&mut self, byte: u8) -> Result<bool, Fault> {
        let part = self.part;
        let complete = self.is_complete();
        let digit = byte.wrapping_sub(b'0');
        self.part = if digit > 9 {
            match byte {
                b'-' if part == Part::Start => {
                    self.negative = true;
                    Part::Sign
                }
                b'.' if complete && part < Part::Point => Part::Point,
                b'e' | b'E' if complete && part < Part::Letter => Part::Letter,
                b'+' | b'-' if part == Part::Letter => {
                    self.power_negative = byte == b'-';
                    Part::PowerSign
                }
                _ if complete => return Ok(false),
                _ => return Err(Fault::Expected(Expected::Digit)),
            }
        } else if part == Part::Zero {
            return Ok(false);
        } else if part >= Part::Letter {
            // Far outside the range already; only the sign of the excess matters.
            if self.power < 1_000_000 {
                self.power = self.power.wrapping_mul(10).wrapping_add(i32::from(digit));
            }
            Part::Power
        } else {
            let fraction = part >= Part::Point;
            self.scan.digit(digit, if fraction { -1 } else { 0 });
            if fraction {
                Part::Fraction
            } else if part < Part::Whole && digit == 0 {
                Part::Zero
            } else {
                Part::Whole
            }
        };
        Ok(true)
    }

    /// Whether the number may end here.
    pub(super) const fn is_complete(&self) -> bool {
        matches!(
            self.part,
            Part::Zero | Part::Whole | Part::Fraction | Part::Power
        )
    }

    /// Ends the number.
    pub(super) fn finish(&self) -> Result<Number, NumberError> {
        let power = if self.power_negative {
            self.power.wrapping_neg()
        } else {
            self.power
        };
        self.scan.finish(self.negative, power)
    }
}
