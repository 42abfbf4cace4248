//! Paths as they stand in a query.

use core::fmt;

use super::program::{Op, Program};

/// A path in a query, such as `tags.location.floor`.
#[derive(Clone, Copy)]
pub struct Path<'q> {
    /// Only the steps.
    pub(super) program: Program<'q>,
    pub(super) start: u16,
    pub(super) end: u16,
    pub(super) braced: bool,
    /// Keys that are not there count as they are in another case.
    pub(super) any_case: bool,
}

/// One step of a [`Path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Step<'q> {
    /// The value under a key: `.floor`, or `.[[first floor]]`.
    Key(&'q str),
    /// An item of an array, counted from 0: `[2]`.
    Index(u16),
}

/// Iterator over the steps of a [`Path`].
#[derive(Clone, Debug)]
pub struct Steps<'q> {
    program: Program<'q>,
    at: usize,
    pub(super) any_case: bool,
}

impl<'q> Path<'q> {
    /// Returns the path as it is written in the query.
    pub fn text(self) -> &'q str {
        self.program.slice(self.start, self.end)
    }

    /// Returns the steps from the root on; there is at least one, and the first is a key.
    pub const fn steps(self) -> Steps<'q> {
        Steps {
            program: self.program,
            at: 0,
            any_case: self.any_case,
        }
    }

    /// Returns the last key: the name of a result column that has no other.
    pub fn last_key(self) -> &'q str {
        let keys = self.steps().filter_map(|step| match step {
            Step::Key(key) => Some(key),
            Step::Index(_) => None,
        });
        keys.last().unwrap_or_default()
    }

    /// Returns whether keys count in any case if they are not there as they are written: so in the columns
    /// of a result.
    pub const fn is_any_case(self) -> bool {
        self.any_case
    }

    /// Returns whether the path stands in braces, `{$name}`: a routing condition's way to say "the system
    /// property, whatever other property has its name".
    pub const fn is_braced(self) -> bool {
        self.braced
    }
}

impl<'q> Iterator for Steps<'q> {
    type Item = Step<'q>;

    #[inline]
    fn next(&mut self) -> Option<Step<'q>> {
        let step = match self.program.op(self.at)? {
            Op::Step { start, end } => Step::Key(self.program.slice(start, end)),
            Op::Index(index) => Step::Index(index),
            _ => return None,
        };
        self.at = self.at.saturating_add(1);
        Some(step)
    }
}

impl PartialEq for Path<'_> {
    /// Whether both have the same steps, however they are written.
    fn eq(&self, other: &Self) -> bool {
        self.braced == other.braced && self.steps().eq(other.steps())
    }
}

impl Eq for Path<'_> {}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Path<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::Format::format(self.text(), f);
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Steps<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "steps at {=usize}", self.at);
    }
}
