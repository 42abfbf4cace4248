//! serde's data model as calls of a [`Builder`].

use core::fmt::{self, Write as _};

use ::serde::ser::{
    self, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct,
    SerializeStructVariant, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
};

use super::super::builder::Builder;
use super::super::number::Number;
use super::super::value::Value;
use super::error::{TypedError, TypedReason};

type Written = Result<(), TypedError>;

/// Writes one value.
pub(super) struct Writer<'b, 'd>(pub(super) &'b mut Builder<'d>);

/// Writes the rest of a map or array, and then closes as many containers as its value has.
pub(super) struct Container<'b, 'd> {
    builder: &'b mut Builder<'d>,
    /// It is the content of a variant, inside the map that names the variant.
    variant: bool,
}

/// Writes one key.
struct KeyWriter<'b, 'd>(&'b mut Builder<'d>);

/// Passes formatted text on, and remembers what went wrong.
struct Text<'b, 'd> {
    builder: &'b mut Builder<'d>,
    outcome: Written,
}

impl fmt::Write for Text<'_, '_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.outcome = self
            .builder
            .text(piece.as_bytes())
            .map_err(TypedError::from);
        self.outcome.as_ref().map_err(|_| fmt::Error).copied()
    }
}

fn text<T: fmt::Display + ?Sized>(builder: &mut Builder<'_>, value: &T) -> Written {
    let mut text = Text {
        builder,
        outcome: Ok(()),
    };
    let formatted = write!(text, "{value}");
    text.outcome?;
    formatted.map_err(|_| TypedReason::Refused)?;
    text.builder.end_text().map_err(TypedError::from)
}

impl<'b, 'd> Writer<'b, 'd> {
    fn value<'v>(self, value: impl Into<Value<'v>>) -> Written {
        self.0.value(value).map_err(TypedError::from)
    }

    fn array(self) -> Result<Container<'b, 'd>, TypedError> {
        self.0.begin_array()?;
        Ok(Container {
            builder: self.0,
            variant: false,
        })
    }

    fn map(self) -> Result<Container<'b, 'd>, TypedError> {
        self.0.begin_map()?;
        Ok(Container {
            builder: self.0,
            variant: false,
        })
    }

    /// Opens the map that names a variant.
    fn variant(self, variant: &str) -> Result<Self, TypedError> {
        self.0.begin_map()?;
        self.0.key(variant)?;
        Ok(self)
    }
}

impl<'b, 'd> ser::Serializer for Writer<'b, 'd> {
    type Ok = ();
    type Error = TypedError;
    type SerializeSeq = Container<'b, 'd>;
    type SerializeTuple = Container<'b, 'd>;
    type SerializeTupleStruct = Container<'b, 'd>;
    type SerializeTupleVariant = Container<'b, 'd>;
    type SerializeMap = Container<'b, 'd>;
    type SerializeStruct = Container<'b, 'd>;
    type SerializeStructVariant = Container<'b, 'd>;

    fn serialize_bool(self, value: bool) -> Written {
        self.value(value)
    }

    fn serialize_i8(self, value: i8) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Written {
        self.value(value)
    }

    fn serialize_u8(self, value: u8) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        self.serialize_i64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Written {
        self.value(Number::try_from(value)?)
    }

    #[cfg(feature = "float")]
    fn serialize_f32(self, value: f32) -> Written {
        self.value(Number::try_from(value)?)
    }

    #[cfg(feature = "float")]
    fn serialize_f64(self, value: f64) -> Written {
        self.value(Number::try_from(value)?)
    }

    #[cfg(not(feature = "float"))]
    fn serialize_f32(self, _: f32) -> Written {
        Err(TypedReason::Float.into())
    }

    #[cfg(not(feature = "float"))]
    fn serialize_f64(self, _: f64) -> Written {
        Err(TypedReason::Float.into())
    }

    fn serialize_char(self, value: char) -> Written {
        let mut utf8 = [0; 4];
        self.value(&*value.encode_utf8(&mut utf8))
    }

    fn serialize_str(self, value: &str) -> Written {
        self.value(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.0.begin_array()?;
        for byte in value {
            self.0.value(*byte)?;
        }
        self.0.end().map_err(TypedError::from)
    }

    fn serialize_none(self) -> Written {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        self.value(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Written {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.value(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        let content = self.variant(variant)?;
        value
            .serialize(Writer(content.0))
            .map_err(|error| error.within(variant))?;
        content.0.end().map_err(TypedError::from)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Container<'b, 'd>, TypedError> {
        self.array()
    }

    fn serialize_tuple(self, _: usize) -> Result<Container<'b, 'd>, TypedError> {
        self.array()
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Container<'b, 'd>, TypedError> {
        self.array()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Container<'b, 'd>, TypedError> {
        let mut content = self.variant(variant)?.array()?;
        content.variant = true;
        Ok(content)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Container<'b, 'd>, TypedError> {
        self.map()
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Container<'b, 'd>, TypedError> {
        self.map()
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Container<'b, 'd>, TypedError> {
        let mut content = self.variant(variant)?.map()?;
        content.variant = true;
        Ok(content)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Written {
        self.0.begin_string()?;
        text(self.0, value)
    }
}

impl Container<'_, '_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        value.serialize(Writer(self.builder))
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Written {
        let written = match self.builder.key(key) {
            Ok(()) => value.serialize(Writer(self.builder)),
            Err(error) => Err(error.into()),
        };
        written.map_err(|error| error.within(key))
    }

    fn close(self) -> Written {
        self.builder.end()?;
        if self.variant {
            self.builder.end()?;
        }
        Ok(())
    }
}

macro_rules! arrays {
    ($($kind:ident $method:ident;)*) => {$(
        impl $kind for Container<'_, '_> {
            type Ok = ();
            type Error = TypedError;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
                self.item(value)
            }

            fn end(self) -> Written {
                self.close()
            }
        }
    )*};
}

arrays! {
    SerializeSeq serialize_element;
    SerializeTuple serialize_element;
    SerializeTupleStruct serialize_field;
    SerializeTupleVariant serialize_field;
}

macro_rules! structs {
    ($($kind:ident)*) => {$(
        impl $kind for Container<'_, '_> {
            type Ok = ();
            type Error = TypedError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Written {
                self.field(key, value)
            }

            fn end(self) -> Written {
                self.close()
            }
        }
    )*};
}

structs! { SerializeStruct SerializeStructVariant }

impl SerializeMap for Container<'_, '_> {
    type Ok = ();
    type Error = TypedError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        key.serialize(KeyWriter(self.builder))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.item(value)
    }

    fn end(self) -> Written {
        self.close()
    }
}

impl KeyWriter<'_, '_> {
    fn integer(self, value: impl Into<Number>) -> Written {
        let mut text = [0; Number::MAX_TEXT];
        let len = value.into().write_text(&mut text);
        self.0.begin_key()?;
        self.0.text(text.get(..len).unwrap_or_default())?;
        self.0.end_text().map_err(TypedError::from)
    }
}

macro_rules! keys {
    ($($method:ident $int:ty;)*) => {$(
        fn $method(self, value: $int) -> Written {
            self.integer(value)
        }
    )*};
}

macro_rules! no_keys {
    ($($method:ident($($arg:ty),*) -> $out:ty;)*) => {$(
        fn $method(self, $(_: $arg),*) -> Result<$out, TypedError> {
            Err(TypedReason::Key.into())
        }
    )*};
}

type NoKey = Impossible<(), TypedError>;

impl ser::Serializer for KeyWriter<'_, '_> {
    type Ok = ();
    type Error = TypedError;
    type SerializeSeq = NoKey;
    type SerializeTuple = NoKey;
    type SerializeTupleStruct = NoKey;
    type SerializeTupleVariant = NoKey;
    type SerializeMap = NoKey;
    type SerializeStruct = NoKey;
    type SerializeStructVariant = NoKey;

    keys! {
        serialize_i8 i8;
        serialize_i16 i16;
        serialize_i32 i32;
        serialize_i64 i64;
        serialize_u8 u8;
        serialize_u16 u16;
        serialize_u32 u32;
    }

    fn serialize_u64(self, value: u64) -> Written {
        self.integer(Number::try_from(value)?)
    }

    fn serialize_bool(self, value: bool) -> Written {
        self.serialize_str(if value { "true" } else { "false" })
    }

    fn serialize_char(self, value: char) -> Written {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Written {
        self.0.key(value).map_err(TypedError::from)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Written {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Written {
        value.serialize(self)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Written {
        Err(TypedReason::Key.into())
    }

    no_keys! {
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> NoKey;
        serialize_tuple(usize) -> NoKey;
        serialize_tuple_struct(&'static str, usize) -> NoKey;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> NoKey;
        serialize_map(Option<usize>) -> NoKey;
        serialize_struct(&'static str, usize) -> NoKey;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> NoKey;
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Written {
        self.0.begin_key()?;
        text(self.0, value)
    }
}
