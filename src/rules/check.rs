//! What one value may be: type, range, length, choice.

use core::fmt;

use crate::document::{Number, Value};

/// What a value must be; a `const`, to be written into tables.
///
/// ```
/// use twinsync::document::Value;
/// use twinsync::rules::{Breach, Check, Range};
///
/// // 5.0 to 35.5, in tenths.
/// const TARGET: Check = Check::Range(Range::between(50, 355).scaled(-1));
/// assert_eq!(TARGET.judge(Value::from(21)), Ok(()));
/// assert_eq!(TARGET.judge(Value::from(36)), Err(Breach::OutOfRange));
/// assert_eq!(TARGET.judge(Value::from("21")), Err(Breach::WrongType));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Check {
    /// A value of this type.
    Is(Kind),
    /// This truth value.
    Flag(bool),
    /// A number in this range, compared exactly.
    Range(Range),
    /// Text of so many characters (Unicode scalar values), an array of so many items, or a map of so
    /// many entries.
    Length {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// One of these integers.
    OneOfIntegers(&'static [i64]),
}

/// The type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Kind {
    /// True or false.
    Bool,
    /// A number that is an `i64`.
    Integer,
    /// Any number.
    Number,
    /// Text.
    Text,
    /// An array.
    Array,
    /// A map.
    Map,
}

/// A range of numbers, ends included; bounds are exact decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Range {
    min: Option<Number>,
    max: Option<Number>,
    /// A bound could not be scaled: no number holds it.
    broken: bool,
}

/// Which rule a value breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Breach {
    /// It is of another type.
    WrongType,
    /// The number is too low or too high.
    OutOfRange,
    /// Text, array or map is too short or too long.
    WrongLength,
    /// It is none of the allowed values.
    NotAllowed,
    /// A required value is not there.
    Missing,
    /// No rule names it, and only what a rule names is allowed.
    Unknown,
    /// It belongs to the device: nobody can desire it.
    Reserved,
    /// A condition on other values does not hold; the rule's own words.
    Condition(&'static str),
}

impl Check {
    /// A number from `min` to `max`, ends included.
    pub const fn between(min: i64, max: i64) -> Self {
        Self::Range(Range::between(min, max))
    }

    /// A number of at least `min`.
    pub const fn at_least(min: i64) -> Self {
        Self::Range(Range::at_least(min))
    }

    /// A number of at most `max`.
    pub const fn at_most(max: i64) -> Self {
        Self::Range(Range::at_most(max))
    }

    /// Judges a value. Cost: linear in the text, the items or the choices.
    ///
    /// # Errors
    /// [`Breach`] says what is wrong with it.
    pub fn judge(&self, value: Value<'_>) -> Result<(), Breach> {
        let (holds, breach) = match (self, value) {
            (Self::Is(kind), _) => (kind.is_of(value), Breach::WrongType),
            (Self::Flag(flag), Value::Bool(value)) => (*flag == value, Breach::NotAllowed),
            (Self::Range(range), Value::Number(number)) => {
                (range.contains(number), Breach::OutOfRange)
            }
            (Self::Length { min, max }, Value::String(text)) => {
                (has(text.chars(), *min, *max), Breach::WrongLength)
            }
            (Self::Length { min, max }, Value::Array(array)) => {
                (has(array.iter(), *min, *max), Breach::WrongLength)
            }
            (Self::Length { min, max }, Value::Map(map)) => {
                (has(map.iter(), *min, *max), Breach::WrongLength)
            }
            (Self::OneOf(choices), Value::String(text)) => {
                (choices.contains(&text), Breach::NotAllowed)
            }
            (Self::OneOfIntegers(choices), Value::Number(number)) => {
                let chosen = number.as_i64().is_some_and(|it| choices.contains(&it));
                (chosen, Breach::NotAllowed)
            }
            _ => (false, Breach::WrongType),
        };
        if holds { Ok(()) } else { Err(breach) }
    }

    /// Whether there is a value that this check lets pass.
    pub(super) const fn is_sound(&self) -> bool {
        match self {
            Self::Is(_) | Self::Flag(_) => true,
            Self::Range(range) => range.is_sound(),
            Self::Length { min, max } => *min <= *max,
            Self::OneOf(choices) => !choices.is_empty(),
            Self::OneOfIntegers(choices) => !choices.is_empty(),
        }
    }
}

/// Whether there are `min` to `max` of them; looks at one more than `max` at most.
fn has(items: impl Iterator, min: usize, max: usize) -> bool {
    let count = items.take(max.saturating_add(1)).count();
    (min..=max).contains(&count)
}

impl Kind {
    /// Returns whether `value` is of this type.
    pub const fn is_of(self, value: Value<'_>) -> bool {
        match self {
            Self::Bool => matches!(value, Value::Bool(_)),
            Self::Integer => value.as_i64().is_some(),
            Self::Number => matches!(value, Value::Number(_)),
            Self::Text => matches!(value, Value::String(_)),
            Self::Array => matches!(value, Value::Array(_)),
            Self::Map => matches!(value, Value::Map(_)),
        }
    }
}

impl Range {
    /// From `min` to `max`, ends included.
    pub const fn between(min: i64, max: i64) -> Self {
        Self {
            min: Some(Number::integer(min)),
            max: Some(Number::integer(max)),
            broken: min > max,
        }
    }

    /// From `min` on.
    pub const fn at_least(min: i64) -> Self {
        Self {
            min: Some(Number::integer(min)),
            max: None,
            broken: false,
        }
    }

    /// Up to `max`.
    pub const fn at_most(max: i64) -> Self {
        Self {
            min: None,
            max: Some(Number::integer(max)),
            broken: false,
        }
    }

    /// The same bounds, counted in steps of ten to the power of `exponent`: between 50 and 355, scaled by
    /// -1, is 5.0 to 35.5. Scaling again replaces nothing and adds up.
    ///
    /// A bound that no [`Number`] holds makes the range unsound: a table refuses it.
    pub const fn scaled(self, exponent: i8) -> Self {
        let mut range = self;
        if let Some(min) = self.min {
            range.min = scaled(min, exponent);
            range.broken |= range.min.is_none();
        }
        if let Some(max) = self.max {
            range.max = scaled(max, exponent);
            range.broken |= range.max.is_none();
        }
        range
    }

    /// Returns whether `number` is in the range, compared exactly.
    pub fn contains(&self, number: Number) -> bool {
        !self.broken
            && self.min.is_none_or(|min| min <= number)
            && self.max.is_none_or(|max| number <= max)
    }

    const fn is_sound(&self) -> bool {
        !self.broken
    }

    /// The same range up to exactly this number.
    #[cfg(test)]
    pub(super) const fn with_max(mut self, max: Number) -> Self {
        self.max = Some(max);
        self
    }
}

/// `number` times ten to the power of `exponent`, if that is a number.
const fn scaled(number: Number, exponent: i8) -> Option<Number> {
    // From -256 to 254: no overflow.
    let exponent = (number.exponent() as i32).wrapping_add(exponent as i32);
    Number::decimal(number.mantissa(), exponent)
}

impl Breach {
    /// Returns the breach in words, as they are reported.
    pub const fn text(self) -> &'static str {
        match self {
            Self::WrongType => "wrong type",
            Self::OutOfRange => "out of range",
            Self::WrongLength => "wrong length",
            Self::NotAllowed => "not an allowed value",
            Self::Missing => "missing",
            Self::Unknown => "unknown key",
            Self::Reserved => "belongs to the device",
            Self::Condition(text) => text,
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl core::error::Error for Breach {}
