//! What a parsed condition is: operations in the order of their evaluation.
//!
//! Operands come before their operator (postfix), so evaluation is one pass with a stack. `AND`, `OR` and
//! `??` skip their right side when the left one decides. The steps of a path and the values of a list
//! stand behind the operation that reads them, and the pass jumps over them.

use super::decimal::Decimal;
use super::function::Function;
use crate::document::Number;

/// One operation: 16 bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Op {
    Undefined,
    Null,
    Bool(bool),
    Number {
        exponent: i8,
        mantissa: i64,
    },
    Infinity {
        negative: bool,
    },
    /// A piece of the query's text; `escaped` if it holds escapes.
    Text {
        start: u16,
        end: u16,
        escaped: bool,
    },
    /// A path of so many steps, which stand behind it.
    Path {
        start: u16,
        end: u16,
        steps: u8,
        braced: bool,
    },
    /// One key of a path.
    Step {
        start: u16,
        end: u16,
    },
    /// One index of a path.
    Index(u16),
    Negate,
    Not,
    Arithmetic(Arithmetic),
    Concat(u8),
    Compare(Comparison),
    /// Whether the value is one of so many literals, which stand behind.
    In {
        count: u16,
        negated: bool,
    },
    /// Skips so many operations, the right side, if the left side is false.
    AndLeft {
        skip: u16,
    },
    /// Skips the right side if the left one is true.
    OrLeft {
        skip: u16,
    },
    /// Skips the right side if the left one is defined.
    ElseLeft {
        skip: u16,
    },
    /// The right side is the last so many operations.
    And {
        right: u16,
    },
    /// The end of a right side that stands for the left one.
    Else,
    Or,
    Call {
        function: Function,
        arguments: u8,
    },
    /// A column of the result; its path, if it has one, stands behind it. The name is a piece of the
    /// text, or empty.
    Column {
        aggregate: Option<Aggregate>,
        path: bool,
        start: u16,
        end: u16,
    },
    /// A path to sort by stands behind.
    Order {
        descending: bool,
    },
}

/// What a column says about a group of twins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Aggregate {
    /// The mean of the numbers at a path: their sum by their count, to 18 digits.
    Avg,
    /// How many twins there are.
    Count,
    /// The largest of the numbers at a path.
    Max,
    /// The smallest of the numbers at a path.
    Min,
    /// The sum of the numbers at a path.
    Sum,
}

impl Aggregate {
    /// Returns the name in lower case: that of a column that has no other.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Count => "count",
            Self::Max => "max",
            Self::Min => "min",
            Self::Sum => "sum",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Avg, Self::Count, Self::Max, Self::Min, Self::Sum];
        all.into_iter()
            .find(|aggregate| aggregate.name().eq_ignore_ascii_case(name))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// How two values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`, `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison that says the same with the sides exchanged.
    pub(super) const fn mirrored(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}

impl Op {
    pub(super) const fn number(number: Decimal) -> Self {
        match number {
            Decimal::Finite(number) => Self::Number {
                exponent: number.exponent(),
                mantissa: number.mantissa(),
            },
            Decimal::Infinite { negative } => Self::Infinity { negative },
        }
    }
}

pub(super) const fn number_of(exponent: i8, mantissa: i64) -> Decimal {
    Decimal::Finite(Number::from_canonical(mantissa, exponent))
}

/// Where the parser writes operations.
#[derive(Debug)]
pub(super) struct Out<'o> {
    pub(super) ops: &'o mut [Op],
    pub(super) len: usize,
}

impl Out<'_> {
    /// Adds an operation and returns where it stands; nothing if there is no room.
    pub(super) fn push(&mut self, op: Op) -> Option<u16> {
        let at = u16::try_from(self.len).ok()?;
        *self.ops.get_mut(self.len)? = op;
        self.len = self.len.saturating_add(1);
        Some(at)
    }

    /// Where the next operation will stand.
    pub(super) fn next(&self) -> u16 {
        u16::try_from(self.len).unwrap_or(u16::MAX)
    }

    /// Lets the skip at `at` lead to the next operation.
    pub(super) fn land(&mut self, at: u16) {
        let distance = self.next().saturating_sub(at).saturating_sub(1);
        if let Some(Op::AndLeft { skip } | Op::OrLeft { skip } | Op::ElseLeft { skip }) =
            self.ops.get_mut(usize::from(at))
        {
            *skip = distance;
        }
    }
}

/// The operations of a condition or a column, and the text that they point into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program<'q> {
    pub(super) ops: &'q [Op],
    pub(super) text: &'q str,
}

impl<'q> Program<'q> {
    pub(super) fn op(self, at: usize) -> Option<Op> {
        self.ops.get(at).copied()
    }

    pub(super) fn slice(self, start: u16, end: u16) -> &'q str {
        let range = usize::from(start)..usize::from(end);
        self.text.get(range).unwrap_or_default()
    }

    /// The operations from one place to another.
    pub(super) fn part(self, from: usize, to: usize) -> Self {
        Self {
            ops: self.ops.get(from..to).unwrap_or_default(),
            text: self.text,
        }
    }

    /// The path whose operation is at `at`.
    pub(super) fn path(self, at: usize) -> Option<super::Path<'q>> {
        let Some(Op::Path {
            start,
            end,
            steps,
            braced,
        }) = self.op(at)
        else {
            return None;
        };
        let first = at.saturating_add(1);
        let last = first.saturating_add(usize::from(steps));
        Some(super::Path {
            program: Program {
                ops: self.ops.get(first..last)?,
                text: self.text,
            },
            start,
            end,
            braced,
            any_case: false,
        })
    }
}
