//! Integers and floats as numbers of a document.

use super::error::Fault;
use crate::document::Number;
use crate::document::NumberError;

/// An integer as CBOR has it, `argument` or `-1 - argument` (RFC 8949 §3.1), times a power of ten.
pub(super) fn integer(negative: bool, argument: u64, power: i32) -> Result<Number, Fault> {
    let magnitude = argument.checked_add(u64::from(negative));
    // What is left out, 2^64, has more digits than any mantissa.
    magnitude
        .ok_or(NumberError::TooPrecise)
        .and_then(|magnitude| Number::from_parts(negative, magnitude, power))
        .map_err(Fault::Number)
}

/// A float (§3.3) by its bits and the additional information of its head: 25, 26 or 27.
///
/// An integer that has all integers below it for neighbours is read without floats; what remains takes
/// the feature `float`.
pub(super) fn float(info: u8, bits: u64) -> Result<Number, Fault> {
    // The digits behind the leading one from the top of a word on, the exponent with the sign above it,
    // the exponent's highest value, and how many digits there are (a half is read as a single).
    let (fraction, head, highest, digits) = match info {
        25 => (bits.wrapping_shl(54), bits.wrapping_shr(10), 0x1F, 23),
        26 => (bits.wrapping_shl(41), bits.wrapping_shr(23), 0xFF, 23),
        _ => (bits.wrapping_shl(12), bits.wrapping_shr(52), 0x7FF, 52),
    };
    let [low, high, ..] = head.to_le_bytes();
    let head = u16::from_le_bytes([low, high]);
    let exponent = head & highest;
    if exponent == highest {
        return Err(Fault::Number(NumberError::NotFinite));
    }
    if exponent == 0 && fraction == 0 {
        return Ok(Number::ZERO);
    }
    // The value is `mantissa / 2^(63 - power)`; below 1 the power is far above the digits there are.
    let mut mantissa = fraction.wrapping_shr(1) | 1_u64.wrapping_shl(63);
    let power = exponent.wrapping_sub(highest.wrapping_shr(1));
    if power > digits {
        return fractional(info, bits);
    }
    for _ in power..63 {
        if mantissa & 1 != 0 {
            return fractional(info, bits);
        }
        mantissa = mantissa.wrapping_shr(1);
    }
    Number::from_parts(head > highest, mantissa, 0).map_err(Fault::Number)
}

/// The bits of the single that equals a half.
#[cfg(feature = "float")]
fn half(bits: u64) -> u64 {
    let sign = (bits & 0x8000).wrapping_shl(16);
    let unsigned = bits & 0x7FFF;
    let single = match unsigned.wrapping_shr(10) {
        0x1F => 0x7F80_0000,
        0 if unsigned == 0 => 0,
        0 => {
            // `unsigned / 2^24`: the highest bit becomes the leading one, which adds one to the exponent.
            let up = unsigned.leading_zeros().wrapping_sub(40);
            let field = 125_u64.wrapping_sub(u64::from(up)).wrapping_shl(23);
            unsigned.wrapping_shl(up).wrapping_add(field)
        }
        _ => unsigned.wrapping_shl(13).wrapping_add(112 << 23),
    };
    sign | single
}

#[cfg(feature = "float")]
fn fractional(info: u8, bits: u64) -> Result<Number, Fault> {
    let single = if info == 25 { half(bits) } else { bits };
    #[expect(clippy::cast_possible_truncation, reason = "of a single, 32 bits")]
    let number = if info == 27 {
        Number::try_from(f64::from_bits(bits))
    } else {
        Number::try_from(f32::from_bits(single as u32))
    };
    number.map_err(Fault::Number)
}

#[cfg(not(feature = "float"))]
const fn fractional(_: u8, _: u64) -> Result<Number, Fault> {
    Err(Fault::Float)
}
