//! Why a text is no query.

use core::fmt;

/// A text that is no query or condition: where it stops being one, and what should stand there.
///
/// ```
/// use twinsync::query::{Condition, Dialect};
///
/// let error = Condition::<16>::parse("tags.floor = ", Dialect::TWIN).unwrap_err();
/// assert_eq!(error.to_string(), "column 14: expected a value, a path, a function or '('");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ParseError {
    /// The character of the text, counted from 1, that does not fit.
    pub column: usize,
    /// What would have fitted.
    pub expected: Expected,
}

/// What should have stood where a text stops being a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Expected {
    /// The name of a result column that no other column has.
    AnotherName,
    /// More or fewer arguments of this function.
    Arguments,
    /// A truth value.
    Boolean,
    /// `]`.
    ClosingBracket,
    /// `)`, or `,` between arguments.
    ClosingParenthesis,
    /// `]]`.
    ClosingQuote,
    /// A path, `*` or an aggregate.
    Column,
    /// A value of the type that stands on the other side.
    Comparable,
    /// A quotation mark at the end of a text.
    EndOfText,
    /// `*/`.
    EndOfComment,
    /// An escape that JSON knows: `\'`, `\"`, `\\`, `\n`, `\uXXXX` and such.
    Escape,
    /// `FROM`.
    From,
    /// `devices`, `devices.modules` or `devices.jobs`.
    Source,
    /// A column that `GROUP BY` names, or an aggregate.
    GroupedColumn,
    /// A path of keys into tags, desired or reported.
    IndexedPath,
    /// `BY`.
    KeywordBy,
    /// `SELECT`.
    KeywordSelect,
    /// A number, text, `true`, `false` or `null`.
    Literal,
    /// A name.
    Name,
    /// A number.
    Number,
    /// An operator, or the end of the condition.
    Operator,
    /// A value, a path, a function or `(`.
    Operand,
    /// `[` and a list of values.
    OpeningBracket,
    /// `(`.
    OpeningParenthesis,
    /// A path.
    Path,
    /// A number that can be kept exactly, with at most 18 digits.
    ShorterNumber,
    /// At most [`MAX_BUILT_TEXT`](super::MAX_BUILT_TEXT) bytes of text with escapes.
    ShorterText,
    /// At most [`MAX_QUERY`](super::MAX_QUERY) characters.
    ShorterQuery,
    /// Fewer parts: the program's capacity is used up.
    FewerParts,
    /// A condition that is nested less deeply.
    LessNesting,
    /// A text.
    Text,
    /// The end of the query.
    TheEnd,
    /// A whole number, not negative.
    WholeNumber,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: expected {}", self.column, self.expected)
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AnotherName => "AS and a name that no other column has",
            Self::Arguments => "another number of arguments of this function",
            Self::Boolean => "a condition, which is true or false",
            Self::ClosingBracket => "']'",
            Self::ClosingParenthesis => "')', or ',' between arguments",
            Self::ClosingQuote => "']]'",
            Self::Column => "'*', a path, or count, avg, sum, min or max",
            Self::Comparable => "a value of the type on the other side",
            Self::EndOfText => "a quotation mark at the end of the text",
            Self::EndOfComment => "'*/'",
            Self::Escape => "an escape such as \\', \\\", \\\\ or \\u00FC",
            Self::From => "FROM",
            Self::Source => "devices, devices.modules or devices.jobs",
            Self::GroupedColumn => "a column that GROUP BY names",
            Self::IndexedPath => {
                "a path of keys behind tags., properties.desired. or properties.reported."
            }
            Self::KeywordBy => "BY",
            Self::KeywordSelect => "SELECT",
            Self::Literal => "a number, a text, true, false or null",
            Self::Name => "a name",
            Self::Number => "a number",
            Self::Operator => "an operator or the end of the condition",
            Self::Operand => "a value, a path, a function or '('",
            Self::OpeningBracket => "'[' and a list of values",
            Self::OpeningParenthesis => "'('",
            Self::Path => "a path such as tags.floor",
            Self::ShorterNumber => "a number of at most 18 digits",
            Self::ShorterText => "a shorter text with escapes",
            Self::ShorterQuery => "the end: a query has at most 8192 characters",
            Self::FewerParts => "the end: the query has more parts than there is room for",
            Self::LessNesting => "less nesting",
            Self::Text => "a text",
            Self::TheEnd => "the end of the query",
            Self::WholeNumber => "a whole number",
        })
    }
}

impl core::error::Error for ParseError {}
