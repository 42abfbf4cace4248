//! How exact results are made from mantissas of 64 bits, and rounded where they do not fit.

use super::decimal::Decimal;
use crate::document::Number;
use crate::document::number::divide_by_ten;

/// Ten to the power of the significant digits that a rounded result keeps.
pub(super) const FULL: u128 = 1_000_000_000_000_000_000;
/// The largest magnitude of which ten times and a half of that still fit.
const HEADROOM: u128 = u128::MAX / 64;

/// Sign, magnitude of the mantissa, exponent.
pub(super) fn parts(number: Number) -> (bool, u128, i32) {
    let mantissa = number.mantissa();
    let magnitude = u128::from(mantissa.unsigned_abs());
    (mantissa < 0, magnitude, i32::from(number.exponent()))
}

/// A tenth, rounded down, and the digit that is left over.
pub(super) fn tenth(value: u128) -> (u128, u8) {
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
pub(super) fn without_digits(value: u128, digits: u32) -> (u128, bool) {
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
pub(super) fn rounded(negative: bool, magnitude: u128, exponent: i32, more: bool) -> Decimal {
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

pub(super) fn sum(a: Number, b: Number) -> Decimal {
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
pub(super) fn quotient(negative: bool, a: Number, b: Number) -> Decimal {
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
pub(super) fn remainder(a: Number, b: Number) -> Decimal {
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
