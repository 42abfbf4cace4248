//! Conditions: parsed once, evaluated often.

use super::dialect::Dialect;
use super::environment::Environment;
use super::error::{Expected, ParseError};
use super::eval;
use super::lexer::Kind;
use super::operand::Truth;
use super::parse::Parser;
use super::program::{Op, Program};

/// A condition of at most `N` parts: operators, values and steps of paths, 16 bytes each. It borrows its
/// text.
///
/// ```
/// use twinsync::document::Document;
/// use twinsync::query::{Condition, Dialect, Truth};
///
/// let mut tags = Document::<64>::new();
/// tags.set(&["location", "floor"], 3)?;
///
/// let condition = Condition::<16>::parse("location.floor >= 2 AND NOT (owner = 'ops')", Dialect::TWIN)?;
/// assert_eq!(condition.evaluate(&tags.as_ref()), Truth::Undefined, "there is no owner");
/// tags.set(&["owner"], "lab")?;
/// assert!(condition.matches(&tags.as_ref()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Condition<'t, const N: usize> {
    text: &'t str,
    ops: [Op; N],
    len: usize,
    dialect: Dialect,
}

impl<'t, const N: usize> Condition<'t, N> {
    /// Parses a condition: what stands behind `WHERE`. Cost: linear in the text.
    ///
    /// # Errors
    /// [`ParseError`] says at which column what was expected; [`Expected::FewerParts`] if `N` is too small.
    pub fn parse(text: &'t str, dialect: Dialect) -> Result<Self, ParseError> {
        let mut ops = [Op::Undefined; N];
        let len = parse(text, dialect, &mut ops)?;
        Ok(Self {
            text,
            ops,
            len,
            dialect,
        })
    }

    /// Returns the text that was parsed.
    pub const fn text(&self) -> &'t str {
        self.text
    }

    /// Evaluates the condition. A value that is no truth value is [`Truth::Undefined`], `null` false.
    ///
    /// Cost: linear in the parts of the condition and, for each path, in the keys it passes.
    pub fn evaluate<E: Environment + ?Sized>(&self, environment: &E) -> Truth {
        eval::truth(self.program(), self.dialect, environment)
    }

    /// Returns whether the condition is true; undefined is not. See [`Condition::evaluate`].
    pub fn matches<E: Environment + ?Sized>(&self, environment: &E) -> bool {
        self.evaluate(environment).is_true()
    }

    fn program(&self) -> Program<'_> {
        Program {
            ops: self.ops.get(..self.len).unwrap_or_default(),
            text: self.text,
        }
    }
}

fn parse(text: &str, dialect: Dialect, ops: &mut [Op]) -> Result<usize, ParseError> {
    let mut parser = Parser::new(text, dialect, ops)?;
    if parser.token.kind == Kind::End && dialect.routing {
        return Ok(0);
    }
    parser.condition()?;
    if parser.token.kind != Kind::End {
        return Err(parser.fault(Expected::Operator));
    }
    Ok(parser.out.len)
}

#[cfg(feature = "defmt")]
impl<const N: usize> defmt::Format for Condition<'_, N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.text);
    }
}
