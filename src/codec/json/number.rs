//! A number that comes byte by byte (RFC 8259 §6).

use super::error::{Expected, Fault};
use crate::document::Number;
use crate::document::NumberError;
use crate::document::number::Scan;

/// Which part of the number has come so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Part {
    #[default]
    Start,
    Sign,
    /// A leading zero: no digit may follow.
    Zero,
    Whole,
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
        let digit = byte.wrapping_sub(b'0');
        self.part = if digit <= 9 {
            match part {
                Part::Zero => return Ok(false),
                Part::Start | Part::Sign | Part::Whole => {
                    self.scan.digit(digit, 0);
                    if part != Part::Whole && digit == 0 {
                        Part::Zero
                    } else {
                        Part::Whole
                    }
                }
                Part::Point | Part::Fraction => {
                    self.scan.digit(digit, -1);
                    Part::Fraction
                }
                Part::Letter | Part::PowerSign | Part::Power => {
                    // Far outside the range already; only the sign of the excess matters.
                    if self.power < 1_000_000 {
                        self.power = self.power.wrapping_mul(10).wrapping_add(i32::from(digit));
                    }
                    Part::Power
                }
            }
        } else {
            match (part, byte) {
                (Part::Start, b'-') => {
                    self.negative = true;
                    Part::Sign
                }
                (Part::Zero | Part::Whole, b'.') => Part::Point,
                (Part::Zero | Part::Whole | Part::Fraction, b'e' | b'E') => Part::Letter,
                (Part::Letter, b'+' | b'-') => {
                    self.power_negative = byte == b'-';
                    Part::PowerSign
                }
                _ if self.is_complete() => return Ok(false),
                _ => return Err(Fault::Expected(Expected::Digit)),
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
