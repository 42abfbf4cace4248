//! Floats in and out of documents: the feature `float`.
//!
//! A float becomes its shortest decimal that reads back as the same float; a decimal becomes the
//! nearest float. Nothing else in the crate touches floats.

use super::number::{Number, NumberError};
use super::value::{TypeError, Value};

impl TryFrom<f64> for Number {
    type Error = NumberError;

    /// Takes the shortest decimal that reads back as `value`.
    fn try_from(value: f64) -> Result<Self, NumberError> {
        if !value.is_finite() {
            return Err(NumberError::NotFinite);
        }
        Self::parse(zmij::Buffer::new().format_finite(value).as_bytes())
    }
}

impl TryFrom<f32> for Number {
    type Error = NumberError;

    /// Takes the shortest decimal that reads back as `value`.
    fn try_from(value: f32) -> Result<Self, NumberError> {
        if !value.is_finite() {
            return Err(NumberError::NotFinite);
        }
        Self::parse(zmij::Buffer::new().format_finite(value).as_bytes())
    }
}

impl Number {
    /// Returns the nearest `f64`, of two that are equally near the even one.
    pub fn to_f64(self) -> f64 {
        #[cfg(target_pointer_width = "64")]
        if let Some(exact) = self.in_one_step() {
            return exact;
        }
        let bits = Binary::new(self).round(53, -1022, 1024);
        f64::from_bits(bits | (u64::from(self.mantissa() < 0) << 63))
    }

    /// Returns the nearest `f32`, of two that are equally near the even one; infinite beyond its
    /// range.
    pub fn to_f32(self) -> f32 {
        let bits = Binary::new(self).round(24, -126, 128);
        #[expect(clippy::cast_possible_truncation, reason = "rounded to 24 bits")]
        let bits = bits as u32;
        f32::from_bits(bits | (u32::from(self.mantissa() < 0) << 31))
    }

    /// Where mantissa and power of ten are both exact floats, one operation rounds once. Firmware
    /// would have to link a software division for it.
    #[cfg(target_pointer_width = "64")]
    fn in_one_step(self) -> Option<f64> {
        const POWERS: [f64; 23] = [
            1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
            1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
        ];
        let power = POWERS.get(usize::from(self.exponent().unsigned_abs()))?;
        if self.mantissa().unsigned_abs() > 1 << 53 {
            return None;
        }
        let mantissa = self.mantissa() as f64;
        Some(if self.exponent() < 0 {
            mantissa / power
        } else {
            mantissa * power
        })
    }
}

/// A number above 0 as `top × 2^(lead - 63)`; the highest bit of `top` is set, unless it is 0.
struct Binary {
    top: u64,
    lead: i32,
    /// Whether there is more below the lowest bit of `top`.
    more: bool,
}

/// Digits of 16 bits: enough for a mantissa times `5^127`, and to divide one by `5^128` so that more
/// than 64 bits of the quotient are there.
const DIGITS: usize = 28;
/// Where a mantissa that is divided begins.
const DIVIDEND: usize = 24;

impl Binary {
    /// Takes the magnitude of a number apart: exact, in whole numbers of 16 by 32 bits.
    fn new(number: Number) -> Self {
        let mut digits = [0_u16; DIGITS];
        let exponent = i32::from(number.exponent());
        let mut fives = number.exponent().unsigned_abs();
        // The value is `digits × 2^scale`: each ten is a five here and a two there.
        let (first, scale) = if exponent < 0 {
            (DIVIDEND, exponent.wrapping_sub(16 * 24))
        } else {
            (0, exponent)
        };
        let mut rest = number.mantissa().unsigned_abs();
        for digit in digits.iter_mut().skip(first) {
            *digit = low((rest & 0xFFFF) as u32);
            rest >>= 16;
        }
        let mut more = false;
        while fives > 0 {
            // Six fives are the most that fit into a digit.
            let (step, factor) = if fives >= 6 { (6, 15_625_u32) } else { (1, 5) };
            fives = fives.wrapping_sub(step);
            let mut carry = 0_u32;
            if exponent < 0 {
                for digit in digits.iter_mut().rev() {
                    let part = (carry << 16) | u32::from(*digit);
                    *digit = low(part.checked_div(factor).unwrap_or(0));
                    carry = part.checked_rem(factor).unwrap_or(0);
                }
                more |= carry != 0;
            } else {
                for digit in &mut digits {
                    let part = u32::from(*digit).wrapping_mul(factor).wrapping_add(carry);
                    *digit = low(part);
                    carry = part >> 16;
                }
            }
        }
        // The highest 64 bits are in the five highest digits.
        let mut high = digits.iter().rev().skip_while(|digit| **digit == 0);
        let mut lead = scale;
        for _ in high.clone() {
            lead = lead.wrapping_add(16);
        }
        let mut top = 0_u64;
        for _ in 0..4 {
            top = (top << 16) | u64::from(high.next().copied().unwrap_or(0));
        }
        let shift = top.leading_zeros() & 15;
        let fifth = u32::from(high.next().copied().unwrap_or(0)) << shift;
        top = (top << shift) | u64::from(fifth >> 16);
        more |= low(fifth) != 0 || high.any(|digit| *digit != 0);
        lead = lead.wrapping_sub(1).wrapping_sub(shift.cast_signed());
        Self { top, lead, more }
    }

    /// Rounds to `digits` binary digits, with exponents from `min` to below `max`: the bits of an
    /// IEEE 754 float without its sign.
    fn round(&self, digits: u32, min: i32, max: i32) -> u64 {
        let field = |exponent: i32| {
            u64::from(exponent.wrapping_sub(min).cast_unsigned()) << digits.wrapping_sub(1)
        };
        let mut drop = 64_u32.wrapping_sub(digits);
        if self.lead < min {
            // Too small for a leading 1: fewer digits.
            drop = drop.saturating_add(min.wrapping_sub(self.lead).cast_unsigned());
        }
        let kept = self.top.unbounded_shr(drop);
        let half = self.top.unbounded_shr(drop.wrapping_sub(1)) & 1 == 1;
        let more = self.more || self.top.unbounded_shl(65_u32.saturating_sub(drop)) != 0;
        let mut bits = kept.wrapping_add(u64::from(half && (more || kept & 1 == 1)));
        if self.lead >= min && self.top != 0 {
            // The leading 1 adds itself to the exponent, and so does a carry out of the digits.
            bits = bits.wrapping_add(field(self.lead));
        }
        bits.min(field(max.wrapping_add(1)))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lowest 16 bits")]
const fn low(wide: u32) -> u16 {
    wide as u16
}

macro_rules! floats {
    ($($float:ty, $to:ident);*) => {$(
        impl TryFrom<Value<'_>> for $float {
            type Error = TypeError;

            /// Takes the float nearest to the number.
            fn try_from(value: Value<'_>) -> Result<Self, TypeError> {
                let float = value.as_number().ok_or(TypeError::Mismatch)?.$to();
                if float.is_finite() { Ok(float) } else { Err(TypeError::Range) }
            }
        }

        impl TryFrom<$float> for Value<'_> {
            type Error = NumberError;

            fn try_from(value: $float) -> Result<Self, NumberError> {
                Number::try_from(value).map(Self::Number)
            }
        }
    )*};
}

floats!(f32, to_f32; f64, to_f64);

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::Number;

    fn check(mantissa: i64, exponent: i32) {
        let Ok(number) = Number::new(mantissa, exponent) else {
            return;
        };
        let text = format!("{mantissa}e{exponent}");
        let (wide, narrow): (f64, f32) = (text.parse().unwrap(), text.parse().unwrap());
        assert_eq!(number.to_f64().to_bits(), wide.to_bits(), "{text}");
        assert_eq!(number.to_f32().to_bits(), narrow.to_bits(), "{text}");
        assert_eq!(
            f64::from_bits(super::Binary::new(number).round(53, -1022, 1024)),
            wide.abs(),
            "{text}, without the fast path"
        );
    }

    #[test]
    fn the_nearest_float_is_found_at_every_border() {
        for exponent in -147..=127 {
            for mantissa in [
                0,
                1,
                2,
                3,
                5,
                9,
                10,
                16_777_217,
                33_554_431,
                1 << 53,
                (1 << 53) + 1,
                i64::MAX,
                i64::MIN,
                // The ends of the range of f32: its largest, half a step above it, its smallest.
                340_282_346_638_528_859,
                340_282_356_779_733_661,
                340_282_356_779_733_662,
                117_549_435_082_228_750,
                140_129_846_432_481_707,
                700_649_232_162_408_535,
            ] {
                check(mantissa, exponent);
                check(mantissa.wrapping_neg(), exponent);
            }
        }
    }

    #[test]
    fn two_equally_near_floats_give_the_even_one() {
        for (mantissa, exponent) in [
            // 2^24 + 1 and + 3, 2^53 + 1 and + 3: halfway in f32 and in f64.
            (16_777_217, 0),
            (16_777_219, 0),
            (9_007_199_254_740_993, 0),
            (9_007_199_254_740_995, 0),
            (167_772_170, -1),
            (9_007_199_254_740_993_000, -3),
            (5_000_000_596_046_448, -16),
        ] {
            check(mantissa, exponent);
        }
    }

    #[test]
    fn a_float_comes_back_as_it_was() {
        for value in [
            21.7_f64,
            0.1,
            1e-7,
            -123_456.789,
            1e22,
            f64::from(f32::MAX),
            5e-100,
        ] {
            assert_eq!(
                Number::try_from(value).unwrap().to_f64().to_bits(),
                value.to_bits()
            );
        }
        for value in [21.7_f32, 0.1, 1e-45, -3.4e38, 16_777_216.0] {
            assert_eq!(
                Number::try_from(value).unwrap().to_f32().to_bits(),
                value.to_bits()
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn every_number_becomes_the_float_that_core_parses(mantissa: i64, cut in 0_u32..64, exponent in -147_i32..=127) {
            check(mantissa >> cut, exponent);
        }

        #[test]
        fn every_finite_f32_comes_back(bits: u32) {
            let value = f32::from_bits(bits);
            if value.is_finite() && value != 0.0 {
                prop_assert_eq!(Number::try_from(value).unwrap().to_f32().to_bits(), bits);
            }
        }
    }
}
