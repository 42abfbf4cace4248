//! Arithmetic on exact decimals, without floats.
//!
//! `+ - * %` are exact wherever the result is a [`Number`]; a result with more digits, and a quotient
//! that does not end, is rounded half to even to 18 significant digits (a double has 15 to 17).
//! What is larger than any number is infinite, as with doubles; what is not a number is `None`, which the
//! language calls undefined. Whole divisions of 64 or 128 bits, which cost flash, do not occur.

use core::cmp::Ordering;

use crate::document::number::divide_by_ten;
use crate::document::{Number, NumberError};

/// Ten to the power of the significant digits that a rounded result keeps.
const FULL: u128 = 1_000_000_000_000_000_000;
/// The largest magnitude of which ten times and a half of that still fit.
const HEADROOM: u128 = u128::MAX / 64;

/// A number of the query language.
#[derive(Clone, Copy, Debug, PartialEq)]
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

/// Sign, magnitude of the mantissa, exponent.
fn parts(number: Number) -> (bool, u128, i32) {
    let mantissa = number.mantissa();
    let magnitude = u128::from(mantissa.unsigned_abs());
    (mantissa < 0, magnitude, i32::from(number.exponent()))
}

/// A tenth, rounded down, and the digit that is left over.
fn tenth(value: u128) -> (u128, u8) {
    if let Ok(small) = u64::try_from(value) {
        let (tenth, digit) = divide_by_ten(small);
        return (u128::from(tenth), digit);
    }
    let (mut tenth, mut left) = (0_u128, 0_u32);
    for chunk in value.to_be_bytes().as_chunks::<2>().0 {
        let step = left.wrapping_shl(16) | u32::from(u16::from_be_bytes(*chunk));
        tenth = tenth << 16 | u128::from(step.wrapping_div(10));
        left = step.wrapping_rem(10);
    }
    let [digit, ..] = left.to_le_bytes();
    (tenth, digit)
}

/// The value without its last digits, and whether one of them was not 0.
fn without_digits(value: u128, digits: u32) -> (u128, bool) {
    let (mut value, mut lost) = (value, false);
    for _ in 0..digits {
        if value == 0 {
            break;
        }
        let (rest, digit) = tenth(value);
        value = rest;
        lost |= digit != 0;
    }
    (value, lost)
}

/// The number as it is if it can be kept, else rounded; `more` says that the value is a little larger.
fn rounded(negative: bool, magnitude: u128, exponent: i32, more: bool) -> Decimal {
    let (mut magnitude, mut exponent, mut more) = (magnitude, exponent, more);
    if !more {
        while magnitude >= FULL && tenth(magnitude).1 == 0 {
            magnitude = tenth(magnitude).0;
            exponent = exponent.saturating_add(1);
        }
        if let Some(number) = exact(negative, magnitude, exponent) {
            return Decimal::Finite(number);
        }
    }
    let mut last = 0;
    while magnitude >= FULL || (exponent < -128 && magnitude != 0) {
        let (rest, digit) = tenth(magnitude);
        more |= last != 0;
        (magnitude, last) = (rest, digit);
        exponent = exponent.saturating_add(1);
    }
    let odd = magnitude & 1 != 0;
    if last > 5 || (last == 5 && (more || odd)) {
        magnitude = magnitude.wrapping_add(1);
    }
    if magnitude == 0 || exponent < -128 {
        return Decimal::ZERO;
    }
    match exact(negative, magnitude, exponent) {
        Some(number) => Decimal::Finite(number),
        None => Decimal::Infinite { negative },
    }
}

fn exact(negative: bool, magnitude: u128, exponent: i32) -> Option<Number> {
    let magnitude = i128::try_from(magnitude).ok()?;
    let mantissa = if negative {
        magnitude.wrapping_neg()
    } else {
        magnitude
    };
    let mantissa = i64::try_from(mantissa).ok()?;
    // A larger power of ten than any number has may still be one with more zeros in front.
    let (mut mantissa, mut exponent) = (mantissa, exponent);
    while exponent > 127
        && exponent < 160
        && let Some(more) = mantissa.checked_mul(10)
    {
        mantissa = more;
        exponent = exponent.wrapping_sub(1);
    }
    if exponent > 127 {
        return None;
    }
    Number::new(mantissa, exponent).ok()
}

fn sum(a: Number, b: Number) -> Decimal {
    let (high, low) = if a.exponent() >= b.exponent() {
        (a, b)
    } else {
        (b, a)
    };
    let (high_negative, mut high, mut exponent) = parts(high);
    let (low_negative, low, low_exponent) = parts(low);
    if high == 0 {
        return rounded(low_negative, low, low_exponent, false);
    }
    while exponent > low_exponent && high < HEADROOM {
        high = high.wrapping_mul(10);
        exponent = exponent.wrapping_sub(1);
    }
    let (low, more) = without_digits(low, exponent.saturating_sub(low_exponent).unsigned_abs());
    if high_negative == low_negative {
        return rounded(high_negative, high.wrapping_add(low), exponent, more);
    }
    // Digits are lost only where the high one has 36 more: then a whole one less is near enough.
    if high >= low {
        rounded(high_negative, high.wrapping_sub(low), exponent, false)
    } else {
        rounded(low_negative, low.wrapping_sub(high), exponent, more)
    }
}

/// `a / b` digit by digit; `b` is not 0.
fn quotient(negative: bool, a: Number, b: Number) -> Decimal {
    let (_, mut left, a_exponent) = parts(a);
    let (_, mut divisor, b_exponent) = parts(b);
    let mut exponent = a_exponent.saturating_sub(b_exponent);
    while divisor.wrapping_mul(10) <= left {
        divisor = divisor.wrapping_mul(10);
        exponent = exponent.saturating_add(1);
    }
    let mut quotient = 0_u128;
    while divisor != 0 && quotient < FULL.wrapping_mul(10) {
        while left >= divisor {
            left = left.wrapping_sub(divisor);
            quotient = quotient.wrapping_add(1);
        }
        if left == 0 {
            break;
        }
        left = left.wrapping_mul(10);
        quotient = quotient.wrapping_mul(10);
        exponent = exponent.saturating_sub(1);
    }
    rounded(negative, quotient, exponent, left != 0)
}

/// What is left of a whole division; `b` is not 0.
fn remainder(a: Number, b: Number) -> Decimal {
    let (negative, mut left, mut exponent) = parts(a);
    let (_, mut divisor, divisor_exponent) = parts(b);
    while divisor_exponent > exponent {
        if divisor > left {
            return Decimal::Finite(a);
        }
        exponent = exponent.wrapping_add(1);
        divisor = divisor.wrapping_mul(10);
    }
    // From here on `exponent` counts how far the dividend still has to be brought down.
    let scale = exponent.min(divisor_exponent).min(i32::from(a.exponent()));
    left = modulo(left, divisor);
    for _ in divisor_exponent..i32::from(a.exponent()) {
        left = modulo(left.wrapping_mul(10), divisor);
    }
    rounded(negative, left, scale, false)
}

/// Shift and subtract; the divisor is not 0, both have bits to spare.
fn modulo(value: u128, divisor: u128) -> u128 {
    let (mut left, mut step) = (value, divisor);
    while step <= left >> 1 {
        step <<= 1;
    }
    while step >= divisor {
        if left >= step {
            left = left.wrapping_sub(step);
        }
        step >>= 1;
    }
    left
}
