//! Arithmetic on exact decimals, without floats.
//!
//! `+ - * %` are exact wherever the result is a [`Number`]; a result with more digits, and a quotient
//! that does not end, is rounded half to even to 18 significant digits (a double has 15 to 17).
//! What is larger than any number is infinite, as with doubles; what is not a number is `None`, which the
//! language calls undefined. Whole divisions of 64 or 128 bits, which cost flash, do not occur.

use core::cmp::Ordering;

use super::calculation::{FULL, parts, quotient, remainder, rounded, sum, tenth, without_digits};
use crate::document::{Number, NumberError};

/// A number of the query language.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Decimal {
    /// A number.
    Finite(Number),
    /// Larger than any number, or smaller than any.
    Infinite { negative: bool },
}

impl Decimal {
    pub(super) const ZERO: Self = Self::Finite(Number::ZERO);
    pub(super) const ONE: Self = Self::integer(1);
    const LN_10: Self = Self::Finite(Number::from_canonical(2_302_585_092_994_045_684, -18));

    pub(super) const fn integer(value: i64) -> Self {
        Self::Finite(Number::from_canonical(value, 0))
    }

    /// A count as a number.
    pub(super) fn count(value: usize) -> Self {
        Self::integer(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// Reads a decimal or, after `0x`, hexadecimal number. A number that would have to be rounded is an
    /// error, one beyond all powers of ten is infinite or 0.
    pub(super) fn parse(text: &[u8]) -> Result<Self, NumberError> {
        if let Some(digits) = strip_hex(text) {
            return hexadecimal(digits);
        }
        let (negative, digits) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let mut digits = digits;
        while let [b'0', rest @ ..] = digits
            && rest.first().is_some_and(u8::is_ascii_digit)
        {
            digits = rest;
        }
        let parsed = match Number::parse(digits) {
            Ok(number) => Self::Finite(number),
            Err(NumberError::OutOfRange) => {
                let mut exponent = digits
                    .iter()
                    .skip_while(|byte| !matches!(byte, b'e' | b'E'));
                if exponent.nth(1) == Some(&b'-') {
                    Self::ZERO
                } else {
                    Self::Infinite { negative: false }
                }
            }
            Err(error) => return Err(error),
        };
        Ok(if negative { parsed.negated() } else { parsed })
    }

    pub(super) const fn is_negative(self) -> bool {
        match self {
            Self::Finite(number) => number.mantissa() < 0,
            Self::Infinite { negative } => negative,
        }
    }

    const fn is_zero(self) -> bool {
        matches!(self, Self::Finite(number) if number.mantissa() == 0)
    }

    pub(super) const fn as_finite(self) -> Option<Number> {
        match self {
            Self::Finite(number) => Some(number),
            Self::Infinite { .. } => None,
        }
    }

    /// The number as an index, if it is a whole one from 0 on.
    pub(super) fn as_index(self) -> Option<usize> {
        match self {
            Self::Finite(number) => usize::try_from(number.as_i64()?).ok(),
            Self::Infinite { .. } => None,
        }
    }

    pub(super) fn negated(self) -> Self {
        match self {
            Self::Finite(number) => {
                let (negative, magnitude, exponent) = parts(number);
                rounded(!negative, magnitude, exponent, false)
            }
            Self::Infinite { negative } => Self::Infinite {
                negative: !negative,
            },
        }
    }

    pub(super) fn plus(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Finite(a), Self::Finite(b)) => Some(sum(a, b)),
            (Self::Infinite { negative: a }, Self::Infinite { negative: b }) => {
                (a == b).then_some(self)
            }
            (Self::Infinite { .. }, Self::Finite(_)) => Some(self),
            (Self::Finite(_), Self::Infinite { .. }) => Some(other),
        }
    }

    pub(super) fn minus(self, other: Self) -> Option<Self> {
        self.plus(other.negated())
    }

    pub(super) fn times(self, other: Self) -> Option<Self> {
        let (Self::Finite(a), Self::Finite(b)) = (self, other) else {
            let negative = self.is_negative() != other.is_negative();
            return (!self.is_zero() && !other.is_zero()).then_some(Self::Infinite { negative });
        };
        let (a_negative, a, a_exponent) = parts(a);
        let (b_negative, b, b_exponent) = parts(b);
        // Both are below 2^64.
        let product = a.wrapping_mul(b);
        let exponent = a_exponent.saturating_add(b_exponent);
        Some(rounded(a_negative != b_negative, product, exponent, false))
    }

    pub(super) fn over(self, other: Self) -> Option<Self> {
        let negative = self.is_negative() != other.is_negative();
        match (self, other) {
            (Self::Finite(a), Self::Finite(b)) => {
                if other.is_zero() {
                    return (!self.is_zero()).then_some(Self::Infinite { negative });
                }
                Some(quotient(negative, a, b))
            }
            (Self::Infinite { .. }, Self::Infinite { .. }) => None,
            (Self::Infinite { .. }, Self::Finite(_)) => Some(Self::Infinite { negative }),
            (Self::Finite(_), Self::Infinite { .. }) => Some(Self::ZERO),
        }
    }

    /// What is left of a whole division; it has the sign of `self`.
    pub(super) fn modulo(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Finite(_), Self::Finite(_)) if other.is_zero() => None,
            (Self::Finite(a), Self::Finite(b)) => Some(remainder(a, b)),
            (Self::Finite(_), Self::Infinite { .. }) => Some(self),
            (Self::Infinite { .. }, _) => None,
        }
    }

    pub(super) fn magnitude(self) -> Self {
        if self.is_negative() {
            self.negated()
        } else {
            self
        }
    }

    pub(super) fn sign(self) -> Self {
        if self.is_zero() {
            Self::ZERO
        } else if self.is_negative() {
            Self::integer(-1)
        } else {
            Self::ONE
        }
    }

    /// The next whole number on the way up or down.
    pub(super) fn whole(self, up: bool) -> Self {
        let Self::Finite(number) = self else {
            return self;
        };
        let (negative, magnitude, exponent) = parts(number);
        if exponent >= 0 {
            return self;
        }
        let (whole, lost) = without_digits(magnitude, exponent.unsigned_abs());
        let away = u128::from(lost && negative != up);
        rounded(negative, whole.wrapping_add(away), 0, false)
    }

    pub(super) fn square_root(self) -> Option<Self> {
        if self.is_zero() {
            return Some(self);
        }
        if self.is_negative() {
            return None;
        }
        let Self::Finite(number) = self else {
            return Some(self);
        };
        let (_, mut magnitude, mut exponent) = parts(number);
        while magnitude < FULL.wrapping_mul(FULL) || exponent & 1 != 0 {
            magnitude = magnitude.wrapping_mul(10);
            exponent = exponent.saturating_sub(1);
        }
        let (mut root, mut left, mut bit) = (0_u128, magnitude, 1_u128 << 126);
        while bit != 0 {
            let trial = root.wrapping_add(bit);
            root >>= 1;
            if left >= trial {
                left = left.wrapping_sub(trial);
                root = root.wrapping_add(bit);
            }
            bit >>= 2;
        }
        Some(rounded(false, root, exponent >> 1, left != 0))
    }

    /// e to the power of the number, to about 14 digits: `10^k` times a power series.
    pub(super) fn exponential(self) -> Option<Self> {
        let Self::Finite(_) = self else {
            return Some(if self.is_negative() { Self::ZERO } else { self });
        };
        let tens = self.over(Self::LN_10)?.whole(false);
        let Self::Finite(whole) = tens else {
            return None;
        };
        let shift = match whole.as_i64().map(i32::try_from) {
            Some(Ok(shift @ -400..=400)) => shift,
            _ if self.is_negative() => return Some(Self::ZERO),
            _ => return Some(Self::Infinite { negative: false }),
        };
        let rest = self.minus(tens.times(Self::LN_10)?)?;
        let (mut term, mut total) = (Self::ONE, Self::ONE);
        // The rest is below 2.4: 2.4^n / n! is below 10^-18 from n = 34 on.
        for n in 1..36 {
            term = term.times(rest)?.over(Self::integer(n))?;
            total = total.plus(term)?;
        }
        let Self::Finite(total) = total else {
            return None;
        };
        let (negative, magnitude, exponent) = parts(total);
        let exponent = exponent.saturating_add(shift);
        Some(rounded(negative, magnitude, exponent, false))
    }

    /// The natural logarithm, to about 17 digits, by Halley's rule over [`Self::exponential`].
    fn logarithm(self) -> Option<Self> {
        if self.is_zero() {
            return Some(Self::Infinite { negative: true });
        }
        if self.is_negative() {
            return None;
        }
        let Self::Finite(number) = self else {
            return Some(self);
        };
        let (_, magnitude, exponent) = parts(number);
        let mut digits = 0_i32;
        let mut rest = magnitude;
        while rest >= 10 {
            rest = tenth(rest).0;
            digits = digits.wrapping_add(1);
        }
        let scaled = rounded(false, magnitude, digits.wrapping_neg(), false);
        let tens = Self::integer(i64::from(exponent.saturating_add(digits)));
        let mut guess = Self::ONE;
        for _ in 0..6 {
            let power = guess.exponential()?;
            let step = scaled.minus(power)?.over(scaled.plus(power)?)?;
            guess = guess.plus(step)?.plus(step)?;
        }
        guess.plus(tens.times(Self::LN_10)?)
    }

    /// Exact or rounded as a product for whole exponents; by logarithm, to about 14 digits, for others.
    pub(super) fn power(self, exponent: Self) -> Option<Self> {
        if exponent.is_zero() {
            return Some(Self::ONE);
        }
        let whole = match exponent {
            Self::Finite(number) => number.as_i64(),
            Self::Infinite { .. } => None,
        };
        let Some(whole) = whole else {
            let exponent = self.logarithm()?.times(exponent)?;
            return exponent.exponential();
        };
        let (mut result, mut square, mut left) = (Self::ONE, self, whole.unsigned_abs());
        while left != 0 {
            if left & 1 != 0 {
                result = result.times(square)?;
            }
            square = square.times(square)?;
            left >>= 1;
        }
        if whole < 0 {
            Self::ONE.over(result)
        } else {
            Some(result)
        }
    }

    pub(super) fn order(self, other: Self) -> Ordering {
        let rank = |value: Self| match value {
            Self::Infinite { negative: true } => -1,
            Self::Finite(_) => 0,
            Self::Infinite { negative: false } => 1,
        };
        match (self, other) {
            (Self::Finite(a), Self::Finite(b)) => a.cmp(&b),
            _ => rank(self).cmp(&rank(other)),
        }
    }
}

fn strip_hex(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'0', b'x' | b'X', digits @ ..] => Some(digits),
        _ => None,
    }
}

fn hexadecimal(digits: &[u8]) -> Result<Decimal, NumberError> {
    if digits.is_empty() {
        return Err(NumberError::Malformed);
    }
    let mut value = 0_u64;
    for digit in digits {
        let digit = match digit {
            b'0'..=b'9' => digit.wrapping_sub(b'0'),
            b'a'..=b'f' => digit.wrapping_sub(b'a').wrapping_add(10),
            b'A'..=b'F' => digit.wrapping_sub(b'A').wrapping_add(10),
            _ => return Err(NumberError::Malformed),
        };
        if value >> 60 != 0 {
            return Err(NumberError::TooPrecise);
        }
        value = value << 4 | u64::from(digit);
    }
    i64::try_from(value)
        .map(Decimal::integer)
        .map_err(|_| NumberError::TooPrecise)
}
