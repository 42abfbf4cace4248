//! Numbers as exact decimals.
//!
//! A [`Number`] is `mantissa × 10^exponent` with a 64-bit mantissa, as JSON's numbers are written.
//! It has one canonical form, so equal numbers are equal bytes: `21.5`, `21.50` and `2.15e1` are the
//! same number, and no binary rounding ever makes two ends disagree. An integer that fits into an
//! `i64` has exponent 0; otherwise the mantissa has no trailing zero.
//!
//! ```
//! use twinsync::document::Number;
//!
//! let a = Number::parse(b"21.50").unwrap();
//! let b = Number::new(2_150, -2).unwrap();
//! assert_eq!(a, b);
//! assert_eq!((a.mantissa(), a.exponent()), (215, -1));
//! assert_eq!(Number::from(3_i32).as_i64(), Some(3));
//! assert!(Number::parse(b"18446744073709551615").is_err(), "does not fit: never rounded");
//! ```

use core::cmp::Ordering;
use core::fmt;

/// An exact decimal number: an `i64` mantissa times a power of ten from -128 to 127. The default is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Number {
    mantissa: i64,
    exponent: i8,
}

/// Why a number cannot be a [`Number`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum NumberError {
    /// It has more digits than an `i64` holds; it would have to be rounded.
    TooPrecise,
    /// Its power of ten is outside -128 to 127.
    OutOfRange,
    /// The text is not a JSON number (RFC 8259 §6).
    Malformed,
    /// The float is infinite or not a number.
    NotFinite,
}

impl Number {
    /// The number 0.
    pub const ZERO: Self = Self {
        mantissa: 0,
        exponent: 0,
    };

    /// Takes `mantissa × 10^exponent` and brings it into canonical form.
    ///
    /// # Errors
    /// [`NumberError::OutOfRange`] if the canonical exponent is outside -128 to 127.
    pub const fn new(mantissa: i64, exponent: i32) -> Result<Self, NumberError> {
        Self::from_parts(mantissa < 0, mantissa.unsigned_abs(), exponent)
    }

    /// Takes a sign, a magnitude and a power of ten and brings them into canonical form.
    pub(crate) const fn from_parts(
        negative: bool,
        magnitude: u64,
        exponent: i32,
    ) -> Result<Self, NumberError> {
        let (mut magnitude, mut exponent) = (magnitude, exponent);
        while (exponent != 0 || magnitude > LOWEST)
            && magnitude != 0
            && let (tenth, 0) = divide_by_ten(magnitude)
        {
            magnitude = tenth;
            exponent = exponent.saturating_add(1);
        }
        Self::from_stripped(negative, magnitude, exponent)
    }

    /// Takes `mantissa × 10^exponent` in a constant; `None` where [`Number::new`] has an error.
    ///
    /// ```
    /// use twinsync::document::Number;
    ///
    /// const HALF: Number = Number::decimal(5, -1).unwrap();
    /// assert_eq!(HALF.to_string(), "0.5");
    /// ```
    pub const fn decimal(mantissa: i64, exponent: i32) -> Option<Self> {
        match Self::new(mantissa, exponent) {
            Ok(number) => Some(number),
            Err(_) => None,
        }
    }

    /// Takes an integer, in a constant.
    pub const fn integer(value: i64) -> Self {
        Self {
            mantissa: value,
            exponent: 0,
        }
    }

    /// Takes a magnitude that has no trailing zeros unless `exponent` is 0.
    pub(super) const fn from_stripped(
        negative: bool,
        magnitude: u64,
        exponent: i32,
    ) -> Result<Self, NumberError> {
        if magnitude == 0 {
            return Ok(Self::ZERO);
        }
        let limit = if negative {
            LOWEST
        } else {
            LOWEST.wrapping_sub(1)
        };
        if magnitude > limit {
            return Err(NumberError::TooPrecise);
        }
        let (mut magnitude, mut exponent) = (magnitude, exponent);
        // An integer that fits has no exponent.
        if exponent >= 1 && exponent <= 18 {
            let mut integer = magnitude;
            let mut places = exponent;
            while places > 0 {
                if integer > limit / 10 {
                    integer = 0;
                    break;
                }
                integer = integer.wrapping_mul(10);
                places = places.wrapping_sub(1);
            }
            if integer != 0 {
                (magnitude, exponent) = (integer, 0);
            }
        }
        let mantissa = if negative {
            0_i64.wrapping_sub_unsigned(magnitude)
        } else {
            magnitude.cast_signed()
        };
        // A constant has no `try_from`: the low byte is the whole exponent if it says the same.
        let [low, ..] = exponent.to_le_bytes();
        if low.cast_signed() as i32 != exponent {
            return Err(NumberError::OutOfRange);
        }
        Ok(Self {
            mantissa,
            exponent: low.cast_signed(),
        })
    }

    /// Reads the text of one JSON number (RFC 8259 §6), all of it, exactly.
    ///
    /// # Errors
    /// [`NumberError`]: malformed, or it would have to be rounded to fit.
    pub fn parse(text: &[u8]) -> Result<Self, NumberError> {
        let (negative, digits) = match text.split_first() {
            Some((b'-', rest)) => (true, rest),
            _ => (false, text),
        };
        let mut scan = Scan::default();
        let mut rest = scan.digits(digits, 0)?;
        let whole = digits.len().wrapping_sub(rest.len());
        if whole == 0 || (whole > 1 && digits.first() == Some(&b'0')) {
            return Err(NumberError::Malformed);
        }
        if let Some((b'.', fraction)) = rest.split_first() {
            rest = scan.digits(fraction, -1)?;
            if rest.len() == fraction.len() {
                return Err(NumberError::Malformed);
            }
        }
        let mut power: i32 = 0;
        if let Some((b'e' | b'E', after)) = rest.split_first() {
            let (down, digits) = match after.split_first() {
                Some((b'-', digits)) => (true, digits),
                Some((b'+', digits)) => (false, digits),
                _ => (false, after),
            };
            if digits.is_empty() {
                return Err(NumberError::Malformed);
            }
            rest = digits;
            while let Some((digit @ b'0'..=b'9', next)) = rest.split_first() {
                // Far outside the range already; only the sign of the excess matters.
                if power < 1_000_000 {
                    power = power
                        .wrapping_mul(10)
                        .wrapping_add(i32::from(digit.wrapping_sub(b'0')));
                }
                rest = next;
            }
            if down {
                power = power.wrapping_neg();
            }
        }
        if !rest.is_empty() {
            return Err(NumberError::Malformed);
        }
        scan.finish(negative, power)
    }

    /// Takes parts that are known to be canonical.
    pub(crate) const fn from_canonical(mantissa: i64, exponent: i8) -> Self {
        Self { mantissa, exponent }
    }

    /// Returns the mantissa.
    pub const fn mantissa(self) -> i64 {
        self.mantissa
    }

    /// Returns the power of ten; 0 for every integer that fits into an `i64`.
    pub const fn exponent(self) -> i8 {
        self.exponent
    }

    /// Returns the number as an integer, if it is one and fits.
    pub const fn as_i64(self) -> Option<i64> {
        if self.exponent == 0 {
            Some(self.mantissa)
        } else {
            None
        }
    }

    /// Writes the number's JSON text into the front of `out` and returns its length: at most
    /// [`Number::MAX_TEXT`] bytes.
    ///
    /// Integers of up to 21 digits are written plain, decimals positionally (`21.5`, `0.004`) while that stays short,
    /// otherwise with an exponent (`1e30`, `5e-40`).
    pub fn write_text(self, out: &mut [u8; Self::MAX_TEXT]) -> usize {
        let magnitude = self.mantissa.unsigned_abs();
        let mut digits: i32 = 0;
        let mut rest = magnitude;
        while rest > 0 {
            rest = divide_by_ten(rest).0;
            digits = digits.wrapping_add(1);
        }
        let mut text = Text {
            out,
            front: Self::MAX_TEXT,
        };
        let exponent = i32::from(self.exponent);
        if exponent > 0 && exponent.wrapping_add(digits) <= PLAIN_DIGITS {
            for _ in 0..exponent {
                text.push(b'0');
            }
            text.digits(magnitude, 0);
        } else if exponent > 0 || exponent.wrapping_add(digits) < -5 {
            text.digits(u64::from(exponent.unsigned_abs()), 0);
            if exponent < 0 {
                text.push(b'-');
            }
            text.push(b'e');
            text.digits(magnitude, 0);
        } else {
            text.digits(magnitude, exponent.wrapping_neg());
        }
        if self.mantissa < 0 {
            text.push(b'-');
        }
        text.finish()
    }

    /// Longest text that [`Number::write_text`] writes, in bytes.
    pub const MAX_TEXT: usize = 28;
}

/// The digits of a number as they are read, and where the point is.
///
/// The JSON reader feeds it digit by digit; [`Number::parse`] feeds it slices.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scan {
    mantissa: u64,
    exponent: i32,
    /// Zeros read since the last other digit: they count only if another digit follows.
    zeros: i32,
    overflow: bool,
}

impl Scan {
    /// Takes one more digit (0 to 9); `step` is -1 after the point, else 0.
    #[cfg_attr(target_pointer_width = "64", inline(always))]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn digit(&mut self, digit: u8, step: i32) {
        self.exponent = self.exponent.saturating_add(step);
        if digit == 0 {
            if self.mantissa != 0 {
                self.zeros = self.zeros.saturating_add(1);
            }
            return;
        }
        self.significant(digit);
    }

    fn significant(&mut self, digit: u8) {
        while self.zeros > 0 && !self.overflow {
            self.append(0);
            self.zeros = self.zeros.wrapping_sub(1);
        }
        self.append(digit);
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn append(&mut self, digit: u8) {
        // One more than a tenth of the largest magnitude would be too much in any case.
        if self.mantissa > LOWEST / 10 {
            self.overflow = true;
        }
        self.mantissa = self
            .mantissa
            .wrapping_mul(10)
            .wrapping_add(u64::from(digit));
    }

    fn digits<'t>(&mut self, text: &'t [u8], step: i32) -> Result<&'t [u8], NumberError> {
        let mut rest = text;
        while let Some((digit @ b'0'..=b'9', next)) = rest.split_first() {
            self.digit(digit.wrapping_sub(b'0'), step);
            rest = next;
        }
        Ok(rest)
    }

    /// Ends the number with its sign and the power of ten that was written after `e`.
    #[inline(always)]
    pub(crate) fn finish(self, negative: bool, power: i32) -> Result<Number, NumberError> {
        if self.overflow {
            return Err(NumberError::TooPrecise);
        }
        let exponent = self
            .exponent
            .saturating_add(self.zeros)
            .saturating_add(power);
        Number::from_stripped(negative, self.mantissa, exponent)
    }
}

/// Up to this many digits an integer is written plain, as most readers of JSON do.
const PLAIN_DIGITS: i32 = 21;

/// The magnitude of the lowest mantissa; that of the highest is one less.
const LOWEST: u64 = i64::MIN.unsigned_abs();

/// A tenth, rounded down, and the digit that is left over.
pub(crate) const fn divide_by_ten(value: u64) -> (u64, u8) {
    if !cfg!(target_pointer_width = "64") {
        return divide_in_steps(value);
    }
    let tenth = value.wrapping_div(10);
    let [digit, ..] = value.wrapping_sub(tenth.wrapping_mul(10)).to_le_bytes();
    (tenth, digit)
}

/// [`divide_by_ten`] for targets without 64-bit division: three short ones. The library routine for any
/// two numbers takes ten times the code.
const fn divide_in_steps(value: u64) -> (u64, u8) {
    let [a, b, c, d, e, f, g, h] = value.to_be_bytes();
    let high = u32::from_be_bytes([a, b, c, d]);
    let left = high.wrapping_rem(10);
    let upper = left.wrapping_shl(16) | u32::from_be_bytes([0, 0, e, f]);
    let left = upper.wrapping_rem(10);
    let lower = left.wrapping_shl(16) | u32::from_be_bytes([0, 0, g, h]);
    // Each part of a tenth is below 2^16, but for the first.
    let tenth = (high.wrapping_div(10) as u64).wrapping_shl(32)
        | (upper.wrapping_div(10) as u64).wrapping_shl(16)
        | lower.wrapping_div(10) as u64;
    let [digit, ..] = lower.wrapping_rem(10).to_le_bytes();
    (tenth, digit)
}

/// Writes the digits of an integer into the end of `out` and returns them.
pub(crate) fn digits(value: u64, out: &mut [u8; Number::MAX_TEXT]) -> &[u8] {
    let mut text = Text {
        out,
        front: Number::MAX_TEXT,
    };
    text.digits(value, 0);
    text.out.get(text.front..).unwrap_or_default()
}

/// Text that is written from its last byte to its first.
struct Text<'t> {
    out: &'t mut [u8; Number::MAX_TEXT],
    front: usize,
}

impl Text<'_> {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn push(&mut self, byte: u8) {
        self.front = self.front.wrapping_sub(1);
        if let Some(slot) = self.out.get_mut(self.front) {
            *slot = byte;
        }
    }

    /// Writes the digits of `value`, the last `scale` of them behind a point.
    fn digits(&mut self, value: u64, scale: i32) {
        let mut rest = value;
        let mut left = scale;
        loop {
            let (tenth, digit) = divide_by_ten(rest);
            self.push(digit.wrapping_add(b'0'));
            rest = tenth;
            left = left.wrapping_sub(1);
            if left == 0 {
                self.push(b'.');
            } else if rest == 0 && left < 0 {
                return;
            }
        }
    }

    /// Moves the text to the front of the buffer and returns its length.
    fn finish(self) -> usize {
        let mut len: usize = 0;
        for from in self.front..Number::MAX_TEXT {
            let byte = self.out.get(from).copied().unwrap_or_default();
            if let Some(slot) = self.out.get_mut(len) {
                *slot = byte;
            }
            len = len.wrapping_add(1);
        }
        len
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    /// Exact numeric order; no rounding takes place.
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = self.mantissa.signum().cmp(&other.mantissa.signum());
        if sign != Ordering::Equal || self.mantissa == 0 {
            return sign;
        }
        let magnitude = magnitude_order(
            (self.mantissa.unsigned_abs(), i32::from(self.exponent)),
            (other.mantissa.unsigned_abs(), i32::from(other.exponent)),
        );
        if self.mantissa < 0 {
            magnitude.reverse()
        } else {
            magnitude
        }
    }
}

/// Compares `a.0 × 10^a.1` with `b.0 × 10^b.1`, both mantissas above 0.
fn magnitude_order(a: (u64, i32), b: (u64, i32)) -> Ordering {
    if a.1 == b.1 {
        return a.0.cmp(&b.0);
    }
    let (low, high, reversed) = if a.1 < b.1 {
        (a, b, false)
    } else {
        (b, a, true)
    };
    // Bring the number with the larger exponent down to the smaller one; when that overflows, it is
    // larger than anything with a 64-bit mantissa.
    let mut mantissa = high.0;
    let mut order = None;
    for _ in 0..high.1.wrapping_sub(low.1) {
        match mantissa.checked_mul(10) {
            Some(shifted) => mantissa = shifted,
            None => {
                order = Some(Ordering::Less);
                break;
            }
        }
    }
    let order = order.unwrap_or_else(|| low.0.cmp(&mantissa));
    if reversed { order.reverse() } else { order }
}

macro_rules! from_integers {
    ($($int:ty),*) => {$(
        impl From<$int> for Number {
            fn from(value: $int) -> Self {
                Self { mantissa: i64::from(value), exponent: 0 }
            }
        }
    )*};
}

from_integers!(i8, i16, i32, i64, u8, u16, u32);

impl TryFrom<u64> for Number {
    type Error = NumberError;

    /// Takes any `u64` whose digits without trailing zeros fit into an `i64`.
    fn try_from(value: u64) -> Result<Self, NumberError> {
        if let Ok(mantissa) = i64::try_from(value) {
            return Ok(Self::from(mantissa));
        }
        if value.wrapping_rem(10) != 0 {
            return Err(NumberError::TooPrecise);
        }
        match i64::try_from(value.wrapping_div(10)) {
            Ok(mantissa) => Self::new(mantissa, 1),
            Err(_) => Err(NumberError::TooPrecise),
        }
    }
}

impl core::str::FromStr for Number {
    type Err = NumberError;

    /// Reads the text of one JSON number, see [`Number::parse`].
    fn from_str(text: &str) -> Result<Self, NumberError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; Self::MAX_TEXT];
        let len = self.write_text(&mut text);
        f.pad(
            text.get(..len)
                .and_then(|text| core::str::from_utf8(text).ok())
                .unwrap_or_default(),
        )
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooPrecise => "number has more digits than can be kept exactly",
            Self::OutOfRange => "number's power of ten is outside -128 to 127",
            Self::Malformed => "not a JSON number",
            Self::NotFinite => "not a finite number",
        })
    }
}

impl core::error::Error for NumberError {}

#[cfg(test)]
mod tests {
    use super::{Number, NumberError};
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn number(text: &str) -> Number {
        Number::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn one_number_has_one_form_however_it_is_written() {
        for text in ["21.5", "21.50", "2.15e1", "0.215E+2", "215e-1", "21500e-3"] {
            assert_eq!(number(text), Number::new(215, -1).unwrap(), "{text}");
        }
        for text in ["100", "1e2", "1.00e2", "100.0", "10000e-2", "0.1e3"] {
            assert_eq!(number(text), Number::from(100_i32), "{text}");
        }
        for text in ["0", "-0", "0.000", "0e99999999999", "-0.0e-5"] {
            assert_eq!(number(text), Number::ZERO, "{text}");
        }
    }

    #[test]
    fn an_integer_beyond_i64_keeps_its_zeros_in_the_exponent() {
        let large = number("12000000000000000000");
        assert_eq!((large.mantissa(), large.exponent()), (12, 18));
        assert_eq!(large.as_i64(), None);
        assert_eq!(number("-9223372036854775808").as_i64(), Some(i64::MIN));
        assert_eq!(Number::try_from(12_000_000_000_000_000_000_u64), Ok(large));
    }

    #[test]
    fn what_would_be_rounded_is_refused() {
        let parse = |text: &str| Number::parse(text.as_bytes());
        assert_eq!(parse("9223372036854775808"), Err(NumberError::TooPrecise));
        assert_eq!(
            parse("0.12345678901234567891"),
            Err(NumberError::TooPrecise)
        );
        assert_eq!(parse("1e128"), Err(NumberError::OutOfRange));
        assert_eq!(parse("1e-129"), Err(NumberError::OutOfRange));
        assert_eq!(parse("1e99999999999999"), Err(NumberError::OutOfRange));
        assert_eq!(Number::try_from(u64::MAX), Err(NumberError::TooPrecise));
    }

    #[test]
    fn text_that_json_does_not_allow_is_malformed() {
        for text in [
            "", "-", "+1", "01", "-01", ".5", "1.", "1.e5", "1e", "1e+", "0x1", "1_0", "1 ", "NaN",
        ] {
            assert_eq!(
                Number::parse(text.as_bytes()),
                Err(NumberError::Malformed),
                "{text}"
            );
        }
    }

    #[test]
    fn text_is_positional_while_short_and_scientific_beyond() {
        for (text, shown) in [
            ("21.50", "21.5"),
            ("-0.004", "-0.004"),
            ("0.00001", "0.00001"),
            ("1e-7", "1e-7"),
            ("123e-10", "123e-10"),
            ("12345678901234567890", "12345678901234567890"),
            ("1e20", "100000000000000000000"),
            ("1e21", "1e21"),
            ("1e30", "1e30"),
            ("1e127", "1e127"),
            ("-1e-128", "-1e-128"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("-9223372036854775808e-128", "-9223372036854775808e-128"),
        ] {
            assert_eq!(number(text).to_string(), shown);
        }
    }

    proptest! {
        #[test]
        fn division_in_steps_is_division(value: u64, small in 0_u64..200) {
            for value in [value, small, value % 100_000, !small] {
                let whole = (value / 10, u8::try_from(value % 10).unwrap());
                prop_assert_eq!(super::divide_in_steps(value), whole);
                prop_assert_eq!(super::divide_by_ten(value), whole);
            }
        }

        #[test]
        fn text_read_back_is_the_same_number(mantissa: i64, exponent in -128_i32..=127) {
            prop_assume!(Number::new(mantissa, exponent).is_ok());
            let number = Number::new(mantissa, exponent).unwrap();
            prop_assert_eq!(Number::parse(number.to_string().as_bytes()), Ok(number));
        }

        #[test]
        fn order_agrees_with_wide_integers(a in -9999_i64..9999, ea in 0_i32..12, b in -9999_i64..9999, eb in 0_i32..12) {
            let wide = |mantissa: i64, exponent: i32| i128::from(mantissa) * 10_i128.pow(exponent.unsigned_abs());
            let order = wide(a, ea).cmp(&wide(b, eb));
            let scaled = |mantissa: i64, exponent: i32| Number::new(mantissa, exponent - 6).unwrap();
            prop_assert_eq!(scaled(a, ea).cmp(&scaled(b, eb)), order);
        }
    }
}
