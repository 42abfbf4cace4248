//! Values of a document as serde's data model.

use ::serde::de::value::BorrowedStrDeserializer;
use ::serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use ::serde::forward_to_deserialize_any;

use super::super::number::Number;
use super::super::value::{Entries, Items, TypeError, Value};
use super::error::{TypedError, TypedReason};

/// One value.
#[derive(Clone, Copy)]
pub(super) struct Reader<'de>(pub(super) Value<'de>);

impl<'de> Reader<'de> {
    fn integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        integer(self.0.as_number().ok_or(TypeError::Mismatch)?, visitor)
    }
}

fn integer<'de, V: Visitor<'de>>(number: Number, visitor: V) -> Result<V::Value, TypedError> {
    match number.as_i64() {
        Some(integer) => visitor.visit_i64(integer),
        None => visitor.visit_u64(u64::try_from(Value::Number(number))?),
    }
}

#[cfg(feature = "float")]
fn float<'de, V: Visitor<'de>>(value: Value<'de>, visitor: V) -> Result<V::Value, TypedError> {
    visitor.visit_f64(f64::try_from(value)?)
}

#[cfg(not(feature = "float"))]
fn float<'de, V: Visitor<'de>>(_: Value<'de>, _: V) -> Result<V::Value, TypedError> {
    Err(TypedReason::Float.into())
}

macro_rules! integers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
            self.integer(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = TypedError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) if number.exponent() < 0 => float(self.0, visitor),
            Value::Number(number) => integer(number, visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(array) => {
                let mut items = ArrayReader(array.iter());
                let value = visitor.visit_seq(&mut items)?;
                // What the type did not take is not silently lost.
                if items.0.next().is_some() {
                    return Err(TypedReason::Length.into());
                }
                Ok(value)
            }
            Value::Map(map) => visitor.visit_map(MapReader {
                entries: map.iter(),
                entry: ("", Value::Null),
            }),
        }
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        // By itself: through f64 a number would be rounded twice.
        #[cfg(feature = "float")]
        return visitor.visit_f32(f32::try_from(self.0)?);
        #[cfg(not(feature = "float"))]
        float(self.0, visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        float(self.0, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        if self.0 == Value::Null {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        if let Value::String(variant) = self.0 {
            return visitor.visit_enum(variant.into_deserializer());
        }
        let map = self.0.as_map().ok_or(TypeError::Mismatch)?;
        let mut entries = map.iter();
        match (entries.next(), entries.next()) {
            (Some((variant, content)), None) => visitor
                .visit_enum(VariantReader { variant, content })
                .map_err(|error| error.within(variant)),
            _ => Err(TypedReason::Length.into()),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i128 u128 char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map
        struct identifier
    }
}

struct ArrayReader<'de>(Items<'de>);

impl<'de> SeqAccess<'de> for &mut ArrayReader<'de> {
    type Error = TypedError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, TypedError> {
        self.0
            .next()
            .map(|item| seed.deserialize(Reader(item)))
            .transpose()
    }
}

struct MapReader<'de> {
    entries: Entries<'de>,
    /// The entry whose key was read last.
    entry: (&'de str, Value<'de>),
}

impl<'de> MapAccess<'de> for MapReader<'de> {
    type Error = TypedError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, TypedError> {
        let Some(entry) = self.entries.next() else {
            return Ok(None);
        };
        self.entry = entry;
        seed.deserialize(KeyReader(entry.0)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(
        &mut self,
        seed: V,
    ) -> Result<V::Value, TypedError> {
        let (key, value) = self.entry;
        seed.deserialize(Reader(value))
            .map_err(|error| error.within(key))
    }
}

/// A key: text, or what a key of another type was written as.
struct KeyReader<'de>(&'de str);

impl<'de> KeyReader<'de> {
    fn integer<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        let number = Number::parse(self.0.as_bytes()).map_err(|_| TypedReason::Key)?;
        integer(number, visitor)
    }
}

impl<'de> Deserializer<'de> for KeyReader<'de> {
    type Error = TypedError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        visitor.visit_borrowed_str(self.0)
    }

    integers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, TypedError> {
        match self.0 {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(TypedReason::Key.into()),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// A variant with content: the only entry of a map.
struct VariantReader<'de> {
    variant: &'de str,
    content: Value<'de>,
}

impl<'de> EnumAccess<'de> for VariantReader<'de> {
    type Error = TypedError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self), TypedError> {
        let variant = seed.deserialize(KeyReader(self.variant))?;
        Ok((variant, self))
    }
}

impl<'de> VariantAccess<'de> for VariantReader<'de> {
    type Error = TypedError;

    fn unit_variant(self) -> Result<(), TypedError> {
        if self.content == Value::Null {
            Ok(())
        } else {
            Err(TypeError::Mismatch.into())
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<T::Value, TypedError> {
        seed.deserialize(Reader(self.content))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, TypedError> {
        Reader(self.content).deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, TypedError> {
        Reader(self.content).deserialize_any(visitor)
    }
}
