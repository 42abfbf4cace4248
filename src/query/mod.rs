//! Conditions and queries over twins: the IoT Hub query language.
//!
//! A [`Condition`] is what stands behind `WHERE`. It is parsed once, into a program of fixed capacity that
//! borrows the text, and evaluated straight on the canonical bytes of a twin ([`TwinItem`]), a document, or
//! whatever an [`Environment`] knows. Nothing is allocated, built or copied; text length
//! ([`MAX_QUERY`]), nesting ([`MAX_NESTING`]) and work are bounded.
//!
//! **The one rule: what is not there is undefined, and undefined never matches.** Logic has three values
//! ([`Truth`]): `false AND undefined` is false, `true OR undefined` true, all other use of what is
//! undefined is undefined, up to a division of 0 by 0. `null` counts as false.
//!
//! ```
//! use twinsync::document::Document;
//! use twinsync::query::{Condition, Dialect};
//!
//! let mut reported = Document::<64>::new();
//! reported.set(&["battery"], 7)?;
//! let text = "battery < 20 AND (NOT is_defined(charger) OR charger.state IN ['off', 'error'])";
//! let low = Condition::<32>::parse(text, Dialect::TWIN)?;
//! assert!(low.matches(&reported.as_ref()));
//!
//! let error = Condition::<32>::parse("battery < '20' +", Dialect::TWIN).unwrap_err();
//! assert_eq!(error.to_string(), "column 17: expected a value, a path, a function or '('");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The language
//!
//! Operators from strong to weak: unary `-`; `NOT`; `* / %`; `+ - ||` (`||` joins texts); `< <= > >=`;
//! `= != <>`, `IN [..]`, `NIN [..]`; `AND`; `OR`; `??` (the right side if the left one is undefined).
//! Literals: `undefined`, `null`, `true`, `false` (lower case), numbers (`12.5e3`, `0x1F`), texts in `'` or
//! `"` with the escapes of JSON. Paths: `tags.a.b`, `tags.[[a b]].c`, `items[0]`. Comments: `/* */`.
//!
//! Functions, in any case: `is_defined is_null is_string is_number is_bool as_number concat length lower
//! upper substring index_of starts_with ends_with contains abs exp power square ceiling floor sign sqrt`;
//! also `startswith` and `endswith`, as twin queries spell them. `lower` and `upper` change ASCII letters;
//! lengths and places count characters.
//!
//! Numbers are exact decimals. A result of more than 18 digits is rounded to 18, as is a quotient that
//! does not end; beyond all powers of ten it is infinite; `exp`, and `power` with a fraction as exponent,
//! are right to about 14 digits. No float takes part.
//!
//! It is the language of Azure IoT Hub's documents ("IoT Hub query language for device and module
//! twins") with the expressions of its message routing. What these leave open is a [`Dialect`].

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "an operation, a function or a value has one meaning; all others share one answer"
)]

mod calculation;
mod condition;
mod conjunct;
mod decimal;
mod dialect;
mod environment;
mod error;
mod eval;
mod expression;
mod function;
mod group;
mod item;
mod lexer;
mod operand;
mod operator;
mod order;
mod parse;
mod path;
mod program;
mod row;
mod select;
mod statement;

pub use condition::Condition;
pub use conjunct::{Conjunct, Conjuncts, Test};
pub use dialect::Dialect;
pub use environment::Environment;
pub use error::{Expected, ParseError};
pub use group::{GroupError, Groups};
pub use item::TwinItem;
pub use operand::{MAX_BUILT_TEXT, Operand, Scratch, Truth};
pub use path::{Path, Step, Steps};
pub use program::{Aggregate, Comparison};
#[cfg(feature = "alloc")]
pub(crate) use select::parse_keys;
pub use statement::{
    Column, Columns, Key, Keys, MAX_AGGREGATES, MAX_KEYS, Query, QueryRef, Source,
};

/// Longest text of a query, in characters, as IoT Hub has it.
pub const MAX_QUERY: usize = 8192;
/// How many operators and parentheses of a condition may wait for their right sides at once.
pub const MAX_NESTING: usize = 32;
/// How many values an evaluation may hold at once.
pub const MAX_VALUES: usize = 16;

#[cfg(test)]
mod tests;
