//! What a condition surely asks of one path: what an index can answer.

use super::eval::plain_literal;
use super::function::Function;
use super::path::Path;
use super::program::{Comparison, Op, Program};
use super::statement::QueryRef;
use crate::document::Value;

/// A part of a condition that must be true for the whole to be true, about one path.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Conjunct<'q> {
    /// The path.
    pub path: Path<'q>,
    /// What must be true of the value there.
    pub test: Test<'q>,
}

/// What a [`Conjunct`] asks of a value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Test<'q> {
    /// To compare so with a number, text or truth value; never [`Comparison::NotEqual`]. The value is
    /// then of the same type (or null, if it is compared with a truth value).
    Compare(Comparison, Value<'q>),
    /// To be a text that starts so.
    Prefix(&'q str),
}

impl<'q> QueryRef<'q> {
    /// Returns what the condition surely asks: the sides of its outermost `AND`s that compare a path with
    /// a literal. Whatever fails one of them does not match the query.
    pub fn conjuncts(self) -> Conjuncts<'q> {
        Conjuncts {
            program: self.condition(),
            end: self.condition().ops.len(),
        }
    }
}

/// Iterator over the [`Conjunct`]s of a condition, last one first.
#[derive(Clone, Debug)]
pub struct Conjuncts<'q> {
    program: Program<'q>,
    /// Where the operations end that were not looked at.
    end: usize,
}

impl<'q> Iterator for Conjuncts<'q> {
    type Item = Conjunct<'q>;

    fn next(&mut self) -> Option<Conjunct<'q>> {
        // `a AND b AND c` is (a AND b) AND c: right sides are looked at as a whole. In a right side that
        // has parentheses of its own, nothing is sought.
        while self.end > 0 {
            let last = self.end.saturating_sub(1);
            let side = match self.program.op(last) {
                Some(Op::And { right }) => {
                    let first = last.saturating_sub(usize::from(right));
                    // Before the right side stands its skip.
                    self.end = first.saturating_sub(1);
                    self.program.part(first, last)
                }
                _ => {
                    let side = self.program.part(0, self.end);
                    self.end = 0;
                    side
                }
            };
            if let Some(conjunct) = recognise(side) {
                return Some(conjunct);
            }
        }
        None
    }
}

/// A comparison of a path with a literal, and nothing else.
fn recognise(side: Program<'_>) -> Option<Conjunct<'_>> {
    let (operator, operands) = side.ops.split_last()?;
    let steps = |op: &Op| match op {
        Op::Path { steps, .. } => Some(usize::from(*steps)),
        _ => None,
    };
    let first = operands.first()?;
    let (path, literal, mirrored) = if let Some(steps) = steps(first) {
        let literal = operands.get(steps.saturating_add(1)..)?;
        let [literal] = literal else {
            return None;
        };
        (side.path(0)?, literal, false)
    } else {
        let steps = steps(operands.get(1)?)?;
        if operands.len() != steps.saturating_add(2) {
            return None;
        }
        (side.path(1)?, first, true)
    };
    let value = plain_literal(side, *literal)?;
    let test = match *operator {
        Op::Compare(Comparison::NotEqual) => return None,
        Op::Compare(comparison) if mirrored => Test::Compare(comparison.mirrored(), value),
        Op::Compare(comparison) => Test::Compare(comparison, value),
        Op::Call {
            function: Function::StartsWith,
            ..
        } if !mirrored => Test::Prefix(value.as_str()?),
        _ => return None,
    };
    Some(Conjunct { path, test })
}

#[cfg(feature = "defmt")]
impl defmt::Format for Conjuncts<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "conjuncts before {=usize}", self.end);
    }
}
