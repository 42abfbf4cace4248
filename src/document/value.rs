//! What a document holds: one value, read or about to be written.

use core::fmt;

use super::DocumentRef;
use super::format;
use super::number::{Number, NumberError};

/// One value of a document: a scalar, or a container that borrows the document's bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Value<'a> {
    /// `null`: in a patch it removes a key; stored documents hold it only inside arrays.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An exact decimal number.
    Number(Number),
    /// Text.
    String(&'a str),
    /// A sequence of values.
    Array(Array<'a>),
    /// Keys with their values.
    Map(Map<'a>),
}

/// Why a value is not what the caller asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TypeError {
    /// There is no value at the path.
    Missing,
    /// The value is of another type.
    Mismatch,
    /// It is a number, but outside the range of the type, or not an integer.
    Range,
}

/// The items of an array, in order.
///
/// ```
/// use twinsync::document::Document;
///
/// let mut document = Document::<32>::new();
/// let mut builder = document.build();
/// builder.begin_array()?;
/// builder.value(6)?;
/// builder.value(22)?;
/// builder.end()?;
/// builder.finish()?;
/// let hours = document.root().as_array().unwrap();
/// let hours: Vec<u8> = hours.iter().map(|hour| hour.read().unwrap()).collect();
/// assert_eq!(hours, [6, 22]);
/// # Ok::<(), twinsync::document::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Array<'a> {
    /// The whole value, header included.
    bytes: &'a [u8],
}

/// The entries of a map, ordered by key length, then bytewise.
///
/// ```
/// use twinsync::document::Document;
///
/// let mut document = Document::<32>::new();
/// document.set(&["speed"], 3)?;
/// document.set(&["on"], true)?;
/// let keys: Vec<&str> = document.entries().map(|(key, _)| key).collect();
/// assert_eq!(keys, ["on", "speed"]);
/// # Ok::<(), twinsync::document::EditError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Map<'a> {
    /// The whole value, header included.
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// Reads the value that starts at the front of validated bytes.
    pub(crate) fn at_front(bytes: &'a [u8]) -> Self {
        let len = format::value_len(bytes, 0);
        let bytes = format::slice(bytes, 0, len);
        let tag = format::byte_at(bytes, 0);
        let text = |from: usize| {
            let text = bytes.get(from..).unwrap_or_default();
            // Validated when it was written; a second check is the price of no `unsafe`.
            Self::String(core::str::from_utf8(text).unwrap_or_default())
        };
        match tag {
            format::NULL => Self::Null,
            format::FALSE => Self::Bool(false),
            format::TRUE => Self::Bool(true),
            format::ARRAY => Self::Array(Array { bytes }),
            format::MAP => Self::Map(Map { bytes }),
            format::STRING | format::ESCAPED_STRING => text(format::HEADER),
            format::SHORT_STRING..format::SHORT_STRING_END => text(1),
            _ => Self::Number(read_number(bytes)),
        }
    }

    /// Returns the truth value, if it is one.
    pub const fn as_bool(self) -> Option<bool> {
        if let Self::Bool(value) = self {
            Some(value)
        } else {
            None
        }
    }

    /// Returns the number, if it is one.
    pub const fn as_number(self) -> Option<Number> {
        if let Self::Number(number) = self {
            Some(number)
        } else {
            None
        }
    }

    /// Returns the number as an integer, if it is one that fits.
    pub const fn as_i64(self) -> Option<i64> {
        if let Self::Number(number) = self {
            number.as_i64()
        } else {
            None
        }
    }

    /// Returns the text, if it is text.
    pub const fn as_str(self) -> Option<&'a str> {
        if let Self::String(text) = self {
            Some(text)
        } else {
            None
        }
    }

    /// Returns the map, if it is one.
    pub const fn as_map(self) -> Option<Map<'a>> {
        if let Self::Map(map) = self {
            Some(map)
        } else {
            None
        }
    }

    /// Returns the array, if it is one.
    pub const fn as_array(self) -> Option<Array<'a>> {
        if let Self::Array(array) = self {
            Some(array)
        } else {
            None
        }
    }

    /// Reads the value as `T`: `bool`, `&str`, [`Number`], any integer (with range check), and under
    /// the feature `float` also `f32` and `f64`.
    ///
    /// ```
    /// use twinsync::document::{TypeError, Value};
    ///
    /// let level = Value::from(300);
    /// assert_eq!(level.read::<u16>(), Ok(300));
    /// assert_eq!(level.read::<u8>(), Err(TypeError::Range));
    /// assert_eq!(level.read::<&str>(), Err(TypeError::Mismatch));
    /// ```
    ///
    /// # Errors
    /// [`TypeError::Mismatch`] for another type, [`TypeError::Range`] for a number that `T` cannot
    /// hold exactly (floats: the nearest is taken).
    pub fn read<T: TryFrom<Self, Error = TypeError>>(self) -> Result<T, TypeError> {
        T::try_from(self)
    }
}

/// The number at the front of validated bytes.
pub(crate) fn read_number(bytes: &[u8]) -> Number {
    let tag = format::byte_at(bytes, 0);
    let (width, decimal) = match tag {
        format::I8..=format::I64 => (1_usize.wrapping_shl(u32::from(tag & 3)), false),
        format::D16..=format::D64 => (2_usize.wrapping_shl(u32::from(tag & 3)), true),
        small => return Number::from_canonical(i64::from(small), 0),
    };
    // Sign extension, byte by byte from the highest.
    let fill = if format::byte_at(bytes, width) < 0x80 {
        0
    } else {
        0xFF
    };
    let mut wide = [fill; 8];
    let payload = bytes.get(1..).unwrap_or_default();
    for (slot, byte) in wide.iter_mut().zip(payload.iter().take(width)) {
        *slot = *byte;
    }
    let exponent = if decimal {
        format::byte_at(bytes, width.wrapping_add(1)).cast_signed()
    } else {
        0
    };
    Number::from_canonical(i64::from_le_bytes(wide), exponent)
}

/// A scalar's bytes: at most 10.
#[derive(Clone, Copy)]
pub(crate) struct Encoded {
    bytes: [u8; 10],
    len: u8,
}

impl Encoded {
    pub(crate) const NOTHING: Self = Self {
        bytes: [0; 10],
        len: 0,
    };

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) const fn tag(tag: u8) -> Self {
        Self {
            bytes: [tag, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            len: 1,
        }
    }

    /// The header of a value whose length follows its tag in 16 bits.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn header(tag: u8, len: usize) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a document is at most 65,535 bytes"
        )]
        let [low, high] = (len as u16).to_le_bytes();
        Self {
            bytes: [tag, low, high, 0, 0, 0, 0, 0, 0, 0],
            len: 3,
        }
    }

    /// The narrowest form of a number: the only one that is canonical.
    #[inline]
    pub(crate) fn number(number: Number) -> Self {
        let mantissa = number.mantissa();
        let exponent = number.exponent();
        if exponent == 0
            && let Ok(small @ 0..format::SMALL_INT_END) = u8::try_from(mantissa)
        {
            return Self::tag(small);
        }
        // Bits of the mantissa without its sign.
        let bits = 64_u32.wrapping_sub((mantissa ^ (mantissa >> 63)).leading_zeros());
        let (step, width) = match bits {
            0..8 if exponent == 0 => (0, 1_usize),
            0..16 => (1, 2),
            16..32 => (2, 4),
            _ => (3, 8),
        };
        let first = if exponent == 0 {
            format::I8
        } else {
            format::D16.wrapping_sub(1)
        };
        let tag = first.wrapping_add(step);
        let mut encoded = Self::tag(tag);
        if let Some(slot) = encoded.bytes.get_mut(1..).and_then(<[u8]>::first_chunk_mut) {
            *slot = mantissa.to_le_bytes();
        }
        let mut len = width.wrapping_add(1);
        if exponent != 0 {
            if let Some(slot) = encoded.bytes.get_mut(len) {
                *slot = exponent.cast_unsigned();
            }
            len = len.wrapping_add(1);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most 10")]
        {
            encoded.len = len as u8;
        }
        encoded
    }

    /// The bytes with what is behind them, and how many count.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    pub(crate) const fn padded(&self) -> ([u8; 10], usize) {
        (self.bytes, self.len as usize)
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl<'a> Array<'a> {
    /// Returns the items in order.
    pub const fn iter(self) -> Items<'a> {
        Items {
            bytes: self.bytes,
            at: format::HEADER,
        }
    }

    /// Returns whether there are no items.
    pub const fn is_empty(self) -> bool {
        self.bytes.len() <= format::HEADER
    }

    /// Returns the array as a document of its own.
    pub const fn as_document(self) -> DocumentRef<'a> {
        DocumentRef::trusted(self.bytes)
    }
}

impl<'a> Map<'a> {
    /// The map without entries.
    pub const EMPTY: Map<'static> = Map {
        bytes: &format::EMPTY_MAP,
    };

    /// Takes the bytes of a map that this crate built.
    pub(super) const fn trusted(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Returns the entries, ordered by key length, then bytewise.
    pub const fn iter(self) -> Entries<'a> {
        Entries {
            bytes: self.bytes,
            at: format::HEADER,
        }
    }

    /// Returns whether there are no entries.
    pub const fn is_empty(self) -> bool {
        self.bytes.len() <= format::HEADER
    }

    /// Returns the map as a document of its own.
    pub const fn as_document(self) -> DocumentRef<'a> {
        DocumentRef::trusted(self.bytes)
    }

    /// Returns the value under `key`. Cost: one step for each smaller key.
    pub fn value(self, key: &str) -> Option<Value<'a>> {
        self.as_document().value(&[key])
    }
}

/// Iterator over the items of an [`Array`].
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        self.at = format::value_end(self.bytes, self.at);
        Some(Value::at_front(rest))
    }
}

/// Iterator over the keys and values of a [`Map`].
#[derive(Clone, Copy, Debug)]
pub struct Entries<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<(&'a str, Value<'a>)> {
        if self.at >= self.bytes.len() {
            return None;
        }
        let (start, end) = format::key_span(self.bytes, self.at);
        let key = core::str::from_utf8(format::slice(self.bytes, start, end)).unwrap_or_default();
        let value = Value::at_front(self.bytes.get(end..).unwrap_or_default());
        self.at = format::value_end(self.bytes, end);
        Some((key, value))
    }
}

impl<'a> IntoIterator for Array<'a> {
    type Item = Value<'a>;
    type IntoIter = Items<'a>;

    fn into_iter(self) -> Items<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for Map<'a> {
    type Item = (&'a str, Value<'a>);
    type IntoIter = Entries<'a>;

    fn into_iter(self) -> Entries<'a> {
        self.iter()
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Map<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Array<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "array of {} bytes", self.bytes.len());
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Map<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "map of {} bytes", self.bytes.len());
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Number> for Value<'_> {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::String(value)
    }
}

impl<'a> From<DocumentRef<'a>> for Value<'a> {
    fn from(document: DocumentRef<'a>) -> Self {
        document.root()
    }
}

impl<'a> From<Map<'a>> for Value<'a> {
    fn from(map: Map<'a>) -> Self {
        Self::Map(map)
    }
}

impl<'a> From<Array<'a>> for Value<'a> {
    fn from(array: Array<'a>) -> Self {
        Self::Array(array)
    }
}

impl TryFrom<Value<'_>> for bool {
    type Error = TypeError;

    fn try_from(value: Value<'_>) -> Result<Self, TypeError> {
        value.as_bool().ok_or(TypeError::Mismatch)
    }
}

impl TryFrom<Value<'_>> for Number {
    type Error = TypeError;

    fn try_from(value: Value<'_>) -> Result<Self, TypeError> {
        value.as_number().ok_or(TypeError::Mismatch)
    }
}

impl<'a> TryFrom<Value<'a>> for &'a str {
    type Error = TypeError;

    fn try_from(value: Value<'a>) -> Result<Self, TypeError> {
        value.as_str().ok_or(TypeError::Mismatch)
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl TryFrom<Value<'_>> for $int {
            type Error = TypeError;

            fn try_from(value: Value<'_>) -> Result<Self, TypeError> {
                let number = value.as_number().ok_or(TypeError::Mismatch)?;
                let integer = number.as_i64().ok_or(TypeError::Range)?;
                Self::try_from(integer).map_err(|_| TypeError::Range)
            }
        }
    )*};
}

integers!(i8, i16, i32, u8, u16, u32);

macro_rules! into_value {
    ($($int:ty),*) => {$(
        impl From<$int> for Value<'_> {
            fn from(value: $int) -> Self {
                Self::Number(Number::from(value))
            }
        }
    )*};
}

into_value!(i8, i16, i32, i64, u8, u16, u32);

impl TryFrom<Value<'_>> for i64 {
    type Error = TypeError;

    fn try_from(value: Value<'_>) -> Result<Self, TypeError> {
        let number = value.as_number().ok_or(TypeError::Mismatch)?;
        number.as_i64().ok_or(TypeError::Range)
    }
}

impl TryFrom<Value<'_>> for u64 {
    type Error = TypeError;

    fn try_from(value: Value<'_>) -> Result<Self, TypeError> {
        let number = value.as_number().ok_or(TypeError::Mismatch)?;
        match number.as_i64() {
            Some(integer) => Self::try_from(integer).map_err(|_| TypeError::Range),
            // Above i64::MAX a number ends in at least one zero (see `Number`).
            None if number.exponent() > 0 => Self::try_from(number.mantissa())
                .ok()
                .zip(10_u64.checked_pow(u32::from(number.exponent().unsigned_abs())))
                .and_then(|(mantissa, power)| mantissa.checked_mul(power))
                .ok_or(TypeError::Range),
            None => Err(TypeError::Range),
        }
    }
}

impl TryFrom<u64> for Value<'_> {
    type Error = NumberError;

    fn try_from(value: u64) -> Result<Self, NumberError> {
        Number::try_from(value).map(Self::Number)
    }
}

impl fmt::Display for TypeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "no value at this path",
            Self::Mismatch => "value is of another type",
            Self::Range => "number does not fit the type",
        })
    }
}

impl core::error::Error for TypeError {}

#[cfg(feature = "defmt")]
impl defmt::Format for Items<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "items at {=usize} of {=usize}",
            self.at,
            self.bytes.len()
        );
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Entries<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "entries at {=usize} of {=usize}",
            self.at,
            self.bytes.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Encoded, read_number};
    use crate::document::Number;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_written_in_the_narrowest_width(value: i64, shift in 0_u32..64, decimal: bool) {
            let mantissa = (value >> shift) | 1;
            let exponent = if decimal { -3 } else { 0 };
            prop_assume!(!decimal || mantissa % 10 != 0);
            let number = Number::new(mantissa, exponent).unwrap();
            let width = if !decimal && (0..64).contains(&mantissa) {
                0
            } else if !decimal && i8::try_from(mantissa).is_ok() {
                1
            } else if i16::try_from(mantissa).is_ok() {
                2
            } else if i32::try_from(mantissa).is_ok() {
                4
            } else {
                8
            };
            let encoded = Encoded::number(number);
            prop_assert_eq!(encoded.as_slice().len(), 1 + width + usize::from(decimal));
            prop_assert_eq!(read_number(encoded.as_slice()), number);
        }
    }
}
