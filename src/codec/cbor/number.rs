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
/// A half is read as the single it equals. An integer that has all integers below it for neighbours is
/// read without floats; what remains takes the feature `float`.
pub(super) fn float(info: u8, bits: u64) -> Result<Number, Fault> {
    // Digits behind the leading one, and the bits of the whole float.
    let (bits, digits, width) = match info {
        25 => (half(bits), 23, 32),
        26 => (bits, 23, 32),
        _ => (bits, 52, 64_u32),
    };
    let sign = 1_u64.wrapping_shl(width.wrapping_sub(1));
    let one = 1_u64.wrapping_shl(digits);
    let unsigned = bits & sign.wrapping_sub(1);
    let field = unsigned.wrapping_shr(digits);
    let largest = sign.wrapping_sub(1).wrapping_shr(digits);
    if field == largest {
        return Err(Fault::Number(NumberError::NotFinite));
    }
    if unsigned == 0 {
        return Ok(Number::ZERO);
    }
    // The value is `mantissa / 2^down`, unless `down` is far above the digits there are.
    let mantissa = (unsigned & one.wrapping_sub(1)) | one;
    let down = largest
        .wrapping_shr(1)
        .wrapping_add(u64::from(digits))
        .wrapping_sub(field);
    if down > u64::from(mantissa.trailing_zeros()) {
        return fractional(width, bits);
    }
    let down = u32::try_from(down).unwrap_or(0);
    Number::from_parts(bits & sign != 0, mantissa.unbounded_shr(down), 0).map_err(Fault::Number)
}

/// The bits of the single that equals a half.
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
fn fractional(width: u32, bits: u64) -> Result<Number, Fault> {
    #[expect(clippy::cast_possible_truncation, reason = "of a single, 32 bits")]
    let number = if width == 32 {
        Number::try_from(f32::from_bits(bits as u32))
    } else {
        Number::try_from(f64::from_bits(bits))
    };
    number.map_err(Fault::Number)
}

#[cfg(not(feature = "float"))]
const fn fractional(_: u32, _: u64) -> Result<Number, Fault> {
    Err(Fault::Float)
}
