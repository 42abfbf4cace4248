//! Values of the language, and how they compare.

use core::cmp::Ordering;

use super::decimal::Decimal;
use super::dialect::Dialect;
use super::program::Comparison;
use crate::document::format;
use crate::document::{DocumentRef, Number, Value};

/// A value that a condition works with; what a path leads to, as an
/// [`Environment`](super::Environment) says.
///
/// `Operand::from(value)` takes what a document holds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Operand<'a>(pub(super) Kind<'a>);

#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Kind<'a> {
    Undefined,
    Null,
    Bool(bool),
    Number(Decimal),
    /// UTF-8, whether it was text or is part of one.
    Text(&'a [u8]),
    /// Text in the scratch space.
    Built {
        start: u16,
        end: u16,
    },
    /// An array or map: it is there, and compares with nothing.
    Container(DocumentRef<'a>),
}

/// What a condition says: three-valued logic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Truth {
    /// The condition does not hold.
    False,
    /// The condition holds.
    True,
    /// Something that it needs is not there.
    Undefined,
}

/// Longest text that an evaluation can build (`concat`, `lower`, `upper`, texts with escapes), in bytes,
/// all of them together; a longer one is undefined.
pub const MAX_BUILT_TEXT: usize = 256;

/// Where an evaluation, or an [`Environment`](super::Environment), builds text: [`MAX_BUILT_TEXT`] bytes.
#[derive(Debug)]
pub struct Scratch {
    bytes: [u8; MAX_BUILT_TEXT],
    len: usize,
    /// Something did not fit since the last mark.
    full: bool,
}

impl Operand<'_> {
    /// What is not there.
    pub const UNDEFINED: Self = Self(Kind::Undefined);
    /// `null`, which counts as false.
    pub const NULL: Self = Self(Kind::Null);
}

impl<'a> Operand<'a> {
    /// A text.
    pub const fn text(text: &'a str) -> Self {
        Self(Kind::Text(text.as_bytes()))
    }

    /// What a document holds at its root.
    #[inline]
    pub(super) fn from_document(document: DocumentRef<'a>) -> Self {
        let bytes = document.as_bytes();
        let text = match format::byte_at(bytes, 0) {
            format::STRING | format::ESCAPED_STRING => bytes.get(format::HEADER..),
            format::SHORT_STRING..format::SHORT_STRING_END => bytes.get(1..),
            _ => None,
        };
        // Text is compared as bytes, so that it need not be checked again.
        match text {
            Some(text) => Self(Kind::Text(text)),
            None => Self::from(document.root()),
        }
    }
}

impl<'a> From<Value<'a>> for Operand<'a> {
    fn from(value: Value<'a>) -> Self {
        Self(match value {
            Value::Null => Kind::Null,
            Value::Bool(value) => Kind::Bool(value),
            Value::Number(number) => Kind::Number(Decimal::Finite(number)),
            Value::String(text) => Kind::Text(text.as_bytes()),
            Value::Array(array) => Kind::Container(array.as_document()),
            Value::Map(map) => Kind::Container(map.as_document()),
        })
    }
}

impl From<Number> for Operand<'_> {
    fn from(number: Number) -> Self {
        Self(Kind::Number(Decimal::Finite(number)))
    }
}

impl<T: Into<Self>> From<Option<T>> for Operand<'_> {
    /// Nothing is [`Operand::UNDEFINED`].
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::UNDEFINED, Into::into)
    }
}

impl Truth {
    pub(super) const fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    pub(super) const fn not(self) -> Self {
        match self {
            Self::False => Self::True,
            Self::True => Self::False,
            Self::Undefined => Self::Undefined,
        }
    }

    pub(super) const fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::True, Self::True) => Self::True,
            _ => Self::Undefined,
        }
    }

    pub(super) const fn or(self, other: Self) -> Self {
        self.not().and(other.not()).not()
    }

    /// Returns whether it is [`Truth::True`]: a condition that is undefined does not hold.
    pub const fn is_true(self) -> bool {
        matches!(self, Self::True)
    }
}

impl<'a> Kind<'a> {
    pub(super) const fn truth(truth: Truth) -> Self {
        match truth {
            Truth::False => Self::Bool(false),
            Truth::True => Self::Bool(true),
            Truth::Undefined => Self::Undefined,
        }
    }

    /// The truth of a value: null counts as false, what is no truth value as undefined.
    pub(super) const fn as_truth(self) -> Truth {
        match self {
            Self::Bool(value) => Truth::of(value),
            Self::Null => Truth::False,
            _ => Truth::Undefined,
        }
    }

    pub(super) fn number(number: Option<Decimal>) -> Self {
        number.map_or(Self::Undefined, Self::Number)
    }

    pub(super) const fn as_number(self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The text, if it is text.
    pub(super) fn text<'s>(self, scratch: &'s Scratch) -> Option<&'s [u8]>
    where
        'a: 's,
    {
        match self {
            Self::Text(text) => Some(text),
            Self::Built { start, end } => Some(scratch.slice(start, end)),
            _ => None,
        }
    }
}

/// Compares two values. What is undefined, or no primitive value, makes the comparison undefined.
pub(super) fn compare(
    left: Kind<'_>,
    right: Kind<'_>,
    comparison: Comparison,
    dialect: Dialect,
    scratch: &Scratch,
) -> Truth {
    let order = match (left, right) {
        (Kind::Undefined | Kind::Container(_), _) | (_, Kind::Undefined | Kind::Container(_)) => {
            return Truth::Undefined;
        }
        (Kind::Number(a), Kind::Number(b)) => Some(a.order(b)),
        (Kind::Null, Kind::Null) => Some(Ordering::Equal),
        (Kind::Bool(a), Kind::Bool(b)) => Some(a.cmp(&b)),
        (Kind::Null, Kind::Bool(b)) => Some(false.cmp(&b)),
        (Kind::Bool(a), Kind::Null) => Some(a.cmp(&false)),
        _ => match (left.text(scratch), right.text(scratch)) {
            (Some(a), Some(b)) => Some(a.cmp(b)),
            _ => None,
        },
    };
    let Some(order) = order else {
        // Null is no value of any other type, whatever the dialect says about types.
        let null = matches!(left, Kind::Null) || matches!(right, Kind::Null);
        return match comparison {
            Comparison::Equal if null || !dialect.mixed_undefined => Truth::False,
            Comparison::NotEqual if null || !dialect.mixed_undefined => Truth::True,
            _ => Truth::Undefined,
        };
    };
    Truth::of(match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

impl Scratch {
    pub(super) const fn new() -> Self {
        Self {
            bytes: [0; MAX_BUILT_TEXT],
            len: 0,
            full: false,
        }
    }

    /// Writes a text that an environment made; it is undefined if there is no room.
    pub fn write(&mut self, text: &str) -> Operand<'static> {
        let mark = self.mark();
        self.extend(text.as_bytes());
        Operand(self.built(mark))
    }

    pub(super) const fn mark(&mut self) -> usize {
        self.full = false;
        self.len
    }

    /// Takes back what was written since the mark.
    pub(super) const fn forget(&mut self, mark: usize) {
        self.len = mark;
    }

    pub(super) fn push(&mut self, byte: u8) {
        match self.bytes.get_mut(self.len) {
            Some(slot) => {
                *slot = byte;
                self.len = self.len.saturating_add(1);
            }
            None => self.full = true,
        }
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.push(*byte);
        }
    }

    /// Adds a copy of what stands in the scratch space already, changed byte by byte.
    pub(super) fn extend_within(&mut self, start: u16, end: u16, change: fn(u8) -> u8) {
        for at in start..end {
            let byte = self.bytes.get(usize::from(at)).copied().unwrap_or(0);
            self.push(change(byte));
        }
    }

    /// What was written since the mark; if it did not fit, it is forgotten.
    pub(super) fn built<'a>(&mut self, mark: usize) -> Kind<'a> {
        let range = (u16::try_from(mark), u16::try_from(self.len));
        if self.full {
            self.len = mark;
            return Kind::Undefined;
        }
        match range {
            (Ok(start), Ok(end)) => Kind::Built { start, end },
            _ => Kind::Undefined,
        }
    }

    pub(super) fn slice(&self, start: u16, end: u16) -> &[u8] {
        let range = usize::from(start)..usize::from(end);
        self.bytes.get(range).unwrap_or_default()
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Scratch {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "{=usize} of {=usize} bytes built",
            self.len,
            MAX_BUILT_TEXT
        );
    }
}
