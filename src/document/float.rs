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
    /// Returns the nearest `f64`; infinite beyond its range.
    pub fn to_f64(self) -> f64 {
        let mut text = [0; Self::MAX_TEXT];
        let len = self.write_text(&mut text);
        text.get(..len)
            .and_then(|text| core::str::from_utf8(text).ok())
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }

    /// Returns the nearest `f32`; infinite beyond its range.
    pub fn to_f32(self) -> f32 {
        let mut text = [0; Self::MAX_TEXT];
        let len = self.write_text(&mut text);
        text.get(..len)
            .and_then(|text| core::str::from_utf8(text).ok())
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }
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
