//! Sums, differences, products and quotients of decimals, exact or refused.

use core::num::{NonZeroU16, NonZeroU32};

use super::number::{Number, NumberError};

/// No sum of numbers whose mantissas have 19 digits is exact when they lie further apart.
const FURTHEST: i32 = 19;

impl Number {
    /// Returns the sum, exactly.
    ///
    /// ```
    /// use twinsync::document::Number;
    ///
    /// let [a, b, sum] = ["0.1", "0.2", "0.3"].map(|text| text.parse::<Number>().unwrap());
    /// assert_eq!(a.checked_add(b), Ok(sum));
    /// ```
    ///
    /// # Errors
    /// [`NumberError::TooPrecise`] if the sum has more digits than a number holds.
    pub fn checked_add(self, other: Self) -> Result<Self, NumberError> {
        Parts::of(self).plus(Parts::of(other))
    }

    /// Returns the difference `self - other`, exactly.
    ///
    /// # Errors
    /// [`NumberError::TooPrecise`] if the difference has more digits than a number holds.
    pub fn checked_sub(self, other: Self) -> Result<Self, NumberError> {
        // The negative of the lowest number is no number: only its parts are turned.
        Parts::of(self).plus(Parts::of(other).turned())
    }

    /// Returns the product, exactly.
    ///
    /// # Errors
    /// [`NumberError`] if the product has more digits than a number holds, or its power of ten is out of
    /// range.
    pub fn checked_mul(self, other: Self) -> Result<Self, NumberError> {
        let (a, b) = (Parts::of(self), Parts::of(other));
        Parts {
            negative: a.negative != b.negative,
            magnitude: a.magnitude.wrapping_mul(b.magnitude),
            exponent: a.exponent.wrapping_add(b.exponent),
        }
        .number()
    }

    /// Returns the number without its sign.
    ///
    /// # Errors
    /// [`NumberError::TooPrecise`] for -2^63 and its like, which no positive number matches.
    pub fn checked_abs(self) -> Result<Self, NumberError> {
        let mut parts = Parts::of(self);
        parts.negative = false;
        parts.number()
    }

    /// Returns `self / divisor`, rounded to a multiple of `10^exponent`, halves away from zero.
    ///
    /// Where the number itself is finer than that, its own last decimal is the one that is rounded to.
    ///
    /// # Errors
    /// [`NumberError::TooPrecise`] if the quotient has more digits than a number holds.
    pub fn divided_by(self, divisor: NonZeroU16, exponent: i32) -> Result<Self, NumberError> {
        let parts = Parts::of(self);
        let apart = parts.exponent.saturating_sub(exponent).max(0);
        if apart > FURTHEST {
            return Err(NumberError::TooPrecise);
        }
        let scaled = parts.scaled(apart);
        let (quotient, rest) = divide(scaled.magnitude, divisor);
        // Twice a rest below 2^16 fits.
        let up = u32::from(rest).wrapping_shl(1) >= u32::from(divisor.get());
        scaled.with(quotient.wrapping_add(u128::from(up))).number()
    }
}

/// A number taken apart: its magnitude has no trailing zero.
#[derive(Clone, Copy)]
struct Parts {
    negative: bool,
    magnitude: u128,
    exponent: i32,
}

impl Parts {
    fn of(number: Number) -> Self {
        let parts = Self {
            negative: number.mantissa() < 0,
            magnitude: u128::from(number.mantissa().unsigned_abs()),
            exponent: i32::from(number.exponent()),
        };
        parts.stripped()
    }

    fn plus(self, other: Self) -> Result<Number, NumberError> {
        let (mut low, mut high) = (self, other);
        if low.exponent > high.exponent {
            (low, high) = (high, low);
        }
        if low.magnitude == 0 {
            return high.number();
        }
        if high.magnitude == 0 {
            return low.number();
        }
        let apart = high.exponent.wrapping_sub(low.exponent);
        if apart > FURTHEST {
            return Err(NumberError::TooPrecise);
        }
        high = high.scaled(apart);
        let sum = if low.negative == high.negative {
            // Below 10^38, twice: far from the end of 128 bits.
            low.with(low.magnitude.wrapping_add(high.magnitude))
        } else if low.magnitude >= high.magnitude {
            low.with(low.magnitude.wrapping_sub(high.magnitude))
        } else {
            low.with(high.magnitude.wrapping_sub(low.magnitude))
                .turned()
        };
        sum.number()
    }

    fn turned(mut self) -> Self {
        self.negative = !self.negative;
        self
    }

    fn with(self, magnitude: u128) -> Self {
        Self { magnitude, ..self }
    }

    /// The same value, its exponent lower by `places`.
    fn scaled(mut self, places: i32) -> Self {
        self.exponent = self.exponent.wrapping_sub(places);
        for _ in 0..places {
            // Ten times, by shifts: a product of 128 bits is a call on small targets.
            self.magnitude = (self.magnitude << 3).wrapping_add(self.magnitude << 1);
        }
        self
    }

    fn stripped(mut self) -> Self {
        const TEN: NonZeroU16 = NonZeroU16::MIN.saturating_add(9);
        while self.magnitude != 0
            && let (tenth, 0) = divide(self.magnitude, TEN)
        {
            self.magnitude = tenth;
            self.exponent = self.exponent.wrapping_add(1);
        }
        self
    }

    fn number(self) -> Result<Number, NumberError> {
        let parts = self.stripped();
        match u64::try_from(parts.magnitude) {
            Ok(magnitude) => Number::from_stripped(parts.negative, magnitude, parts.exponent),
            Err(_) => Err(NumberError::TooPrecise),
        }
    }
}

/// Quotient and rest, in steps of 16 bits: no division of more than 32 bits, which small targets lack.
fn divide(value: u128, divisor: NonZeroU16) -> (u128, u16) {
    let divisor = NonZeroU32::from(divisor);
    let (mut quotient, mut rest) = (0_u128, 0_u32);
    let bytes = value.to_be_bytes();
    let (steps, _) = bytes.as_chunks::<2>();
    for step in steps {
        let part = rest.wrapping_shl(16) | u32::from(u16::from_be_bytes(*step));
        quotient = (quotient << 16) | u128::from(part / divisor);
        rest = part % divisor;
    }
    // Below the divisor, which has 16 bits.
    (quotient, u16::try_from(rest).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU16;

    use proptest::prelude::*;

    use super::super::{Number, NumberError};

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn sums_and_products_are_exact() {
        let sum = |a, b| number(a).checked_add(number(b));
        assert_eq!(sum("0.1", "0.2"), Ok(number("0.3")));
        assert_eq!(sum("1e20", "1000000000000000000"), Ok(number("101e18")));
        assert_eq!(sum("95e17", "-500000000000000000"), Ok(number("9e18")));
        assert_eq!(
            sum("1e19", "-8000000000000000001"),
            Ok(number("1999999999999999999"))
        );
        assert_eq!(
            sum("-9223372036854775808", "1"),
            Ok(number("-9223372036854775807"))
        );
        assert_eq!(
            sum("9223372036854775807", "3"),
            Ok(number("922337203685477581e1"))
        );
        let product = |a, b| number(a).checked_mul(number(b));
        assert_eq!(product("-1.5", "0.02"), Ok(number("-0.03")));
        assert_eq!(product("0", "1e100"), Ok(Number::ZERO));
    }

    #[test]
    fn the_negative_of_the_lowest_number_is_still_subtracted() {
        let lowest = number("-9223372036854775808");
        assert_eq!(lowest.checked_sub(lowest), Ok(Number::ZERO));
        assert_eq!(
            number("-1").checked_sub(lowest),
            Ok(number("9223372036854775807"))
        );
        assert_eq!(
            number("2").checked_sub(lowest),
            Ok(number("922337203685477581e1"))
        );
        assert_eq!(
            number("1").checked_sub(lowest),
            Err(NumberError::TooPrecise)
        );
        assert_eq!(lowest.checked_abs(), Err(NumberError::TooPrecise));
    }

    #[test]
    fn what_has_too_many_digits_is_refused() {
        assert_eq!(
            number("1e30").checked_add(number("1")),
            Err(NumberError::TooPrecise)
        );
        assert_eq!(
            number("9223372036854775807").checked_add(number("1")),
            Err(NumberError::TooPrecise)
        );
        let third = number("1.000000001");
        assert_eq!(
            third.checked_mul(number("1.0000000000001")),
            Err(NumberError::TooPrecise)
        );
        assert_eq!(
            number("1e100").checked_mul(number("1e100")),
            Err(NumberError::OutOfRange)
        );
    }

    #[test]
    fn quotients_are_rounded_to_the_decimal_that_was_asked_for() {
        let by = |text, divisor, exponent| {
            number(text).divided_by(NonZeroU16::new(divisor).unwrap(), exponent)
        };
        assert_eq!(by("64.3", 3, -2), Ok(number("21.43")));
        assert_eq!(by("-64.3", 3, -2), Ok(number("-21.43")));
        assert_eq!(by("1", 2, 0), Ok(number("1")));
        assert_eq!(by("-1", 2, 0), Ok(number("-1")));
        assert_eq!(by("1.25", 1, 0), Ok(number("1.25")));
        assert_eq!(by("0", 7, -3), Ok(Number::ZERO));
        assert_eq!(by("1e30", 3, 0), Err(NumberError::TooPrecise));
    }

    fn exact(number: Number) -> (i128, u32) {
        (
            i128::from(number.mantissa()),
            u32::from(number.exponent().unsigned_abs()),
        )
    }

    proptest! {
        #[test]
        fn sum_difference_and_product_agree_with_wide_integers(
            a: i64, b: i64, below in 0_i32..10, further in 0_i32..10,
        ) {
            let (x, y) = (Number::new(a, -below).unwrap(), Number::new(b, -further).unwrap());
            let scale = |n: Number| {
                let (mantissa, places) = exact(n);
                mantissa * 10_i128.pow(9 - places)
            };
            let check = |result: Result<Number, NumberError>, wide: i128, places: i32| {
                let mut stripped = (wide, places);
                while stripped.0 != 0 && stripped.0 % 10 == 0 {
                    stripped = (stripped.0 / 10, stripped.1 - 1);
                }
                match i64::try_from(stripped.0) {
                    Ok(mantissa) => prop_assert_eq!(result, Number::new(mantissa, -stripped.1)),
                    Err(_) => prop_assert!(result == Err(NumberError::TooPrecise)),
                }
                Ok(())
            };
            check(x.checked_add(y), scale(x) + scale(y), 9)?;
            check(x.checked_sub(y), scale(x) - scale(y), 9)?;
            let ((a, below), (b, further)) = (exact(x), exact(y));
            check(x.checked_mul(y), a * b, (below + further).cast_signed())?;
        }
    }
}
