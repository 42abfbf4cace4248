//! Queries: `SELECT … FROM …`, parsed once.

use super::dialect::Dialect;
use super::environment::Environment;
use super::error::ParseError;
use super::eval;
use super::operand::Truth;
use super::path::Path;
use super::program::{Aggregate, Op, Program};
use super::select;

/// A query of at most `N` parts: columns, operators, values and steps of paths, 16 bytes each. It borrows
/// its text.
///
/// `SELECT [TOP n] <columns> FROM devices|devices.modules|devices.jobs [WHERE condition] [GROUP BY paths]
/// [ORDER BY paths [ASC|DESC]] [TOP n]`; the columns are `*`, or paths and aggregates with names:
/// `tags.site AS site, COUNT() AS devices`.
///
/// ```
/// use twinsync::query::{Dialect, Query};
///
/// let text = "SELECT deviceId, tags.site FROM devices WHERE tags.floor = 3 ORDER BY deviceId";
/// let query = Query::<32>::parse(text, Dialect::TWIN)?;
/// let names: Vec<&str> = query.columns().map(|column| column.name).collect();
/// assert_eq!(names, ["deviceId", "site"]);
///
/// let error = Query::<32>::parse("SELECT deviceId FRM devices", Dialect::TWIN).unwrap_err();
/// assert_eq!(error.to_string(), "column 17: expected FROM");
/// # Ok::<(), twinsync::query::ParseError>(())
/// ```
///
/// `ORDER BY` is not part of IoT Hub's language; `TOP n` at the end is another way to write it in front.
#[derive(Clone, Debug)]
pub struct Query<'t, const N: usize> {
    text: &'t str,
    ops: [Op; N],
    shape: Shape,
    dialect: Dialect,
}

/// A [`Query`] of any size, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct QueryRef<'q> {
    program: Program<'q>,
    shape: Shape,
    dialect: Dialect,
}

/// What a query looks through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Source {
    /// The twins of devices.
    Devices,
    /// The jobs of devices, which this crate does not keep: nothing.
    Jobs,
    /// The twins of modules.
    Modules,
}

/// A column of a query's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Column<'q> {
    /// Its name: what stands behind `AS`, else the last key of the path or the name of the aggregate.
    pub name: &'q str,
    /// Where its value, or the numbers of its aggregate, come from; `None` for `COUNT()`.
    pub path: Option<Path<'q>>,
    /// What it says about a group, if it is an aggregate.
    pub aggregate: Option<Aggregate>,
}

/// A path to sort or to group by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Key<'q> {
    /// Where the value comes from.
    pub path: Path<'q>,
    /// Whether large values come first.
    pub descending: bool,
}

/// Most aggregates of a query.
pub const MAX_AGGREGATES: usize = 8;
/// Most paths behind `GROUP BY`, and behind `ORDER BY`.
pub const MAX_KEYS: usize = 8;

/// Where the parts of a query end in its program, in this order.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) columns: usize,
    pub(super) condition: usize,
    pub(super) groups: usize,
    pub(super) order: usize,
    pub(super) aggregates: usize,
    pub(super) source: Source,
    pub(super) top: Option<u32>,
}

impl Shape {
    pub(super) const fn new() -> Self {
        Self {
            columns: 0,
            condition: 0,
            groups: 0,
            order: 0,
            aggregates: 0,
            source: Source::Devices,
            top: None,
        }
    }

    pub(super) const fn is_grouped(&self) -> bool {
        self.aggregates > 0 || self.groups > self.condition
    }
}

impl<'t, const N: usize> Query<'t, N> {
    /// Parses a query. Cost: linear in the text.
    ///
    /// # Errors
    /// [`ParseError`] says at which column what was expected;
    /// [`FewerParts`](super::Expected::FewerParts) if `N` is too small.
    pub fn parse(text: &'t str, dialect: Dialect) -> Result<Self, ParseError> {
        let mut ops = [Op::Undefined; N];
        let shape = select::parse(text, dialect, &mut ops)?;
        Ok(Self {
            text,
            ops,
            shape,
            dialect,
        })
    }

    /// Returns the text that was parsed.
    pub const fn text(&self) -> &'t str {
        self.text
    }

    /// Borrows the query, without its size.
    pub const fn as_ref(&self) -> QueryRef<'_> {
        QueryRef {
            program: Program {
                ops: &self.ops,
                text: self.text,
            },
            shape: self.shape,
            dialect: self.dialect,
        }
    }

    /// Returns the columns, see [`QueryRef::columns`].
    pub fn columns(&self) -> Columns<'_> {
        self.as_ref().columns()
    }

    /// Returns whether the condition is true, see [`QueryRef::matches`].
    pub fn matches<E: Environment + ?Sized>(&self, environment: &E) -> bool {
        self.as_ref().matches(environment)
    }
}

impl<'q> QueryRef<'q> {
    /// Returns the text that was parsed.
    pub const fn text(self) -> &'q str {
        self.program.text
    }

    /// Returns what the query looks through.
    pub const fn source(self) -> Source {
        self.shape.source
    }

    /// Returns how many rows there may be, if the query says so.
    pub const fn top(self) -> Option<u32> {
        self.shape.top
    }

    /// Returns whether the result is whole twins, `SELECT *`.
    pub const fn is_whole(self) -> bool {
        self.shape.columns == 0
    }

    /// Returns whether a row of the result is about a group: there is an aggregate or `GROUP BY`.
    pub const fn is_grouped(self) -> bool {
        self.shape.is_grouped()
    }

    /// Returns the columns of the result; none for `*`.
    pub fn columns(self) -> Columns<'q> {
        Columns::new(self.program.part(0, self.shape.columns))
    }

    /// Returns the paths to group by.
    pub fn group_by(self) -> Keys<'q> {
        Keys::new(self.program.part(self.shape.condition, self.shape.groups))
    }

    /// Returns the paths to sort by. Behind them all comes the id.
    pub fn order_by(self) -> Keys<'q> {
        Keys::new(self.program.part(self.shape.groups, self.shape.order))
    }

    /// Evaluates the condition; without `WHERE` it is true. Cost as of
    /// [`Condition::evaluate`](super::Condition::evaluate).
    pub fn evaluate<E: Environment + ?Sized>(self, environment: &E) -> Truth {
        let condition = self.condition();
        if condition.ops.is_empty() {
            return Truth::True;
        }
        eval::truth(condition, self.dialect, environment)
    }

    /// Returns whether the condition is true; undefined is not. See [`QueryRef::evaluate`].
    pub fn matches<E: Environment + ?Sized>(self, environment: &E) -> bool {
        self.evaluate(environment).is_true()
    }

    pub(super) fn condition(self) -> Program<'q> {
        self.program.part(self.shape.columns, self.shape.condition)
    }
}

/// Iterator over the [`Column`]s of a query.
#[derive(Clone, Debug)]
pub struct Columns<'q> {
    program: Program<'q>,
    at: usize,
}

/// Iterator over the [`Key`]s of a query.
#[derive(Clone, Debug)]
pub struct Keys<'q> {
    program: Program<'q>,
    at: usize,
}

impl Column<'_> {
    /// Whether `ORDER BY` means this column: by its name, or by its path.
    pub(super) fn is_named(&self, path: Path<'_>) -> bool {
        let alone = path.steps().nth(1).is_none();
        (alone && path.last_key() == self.name)
            || (self.aggregate.is_none() && self.path == Some(path))
    }
}

impl<'q> Columns<'q> {
    pub(super) const fn new(program: Program<'q>) -> Self {
        Self { program, at: 0 }
    }
}

impl<'q> Keys<'q> {
    pub(super) const fn new(program: Program<'q>) -> Self {
        Self { program, at: 0 }
    }
}

/// Takes the path at `at` and steps over it.
fn take_path<'q>(program: Program<'q>, at: &mut usize) -> Option<Path<'q>> {
    let path = program.path(*at)?;
    *at = at.saturating_add(1).saturating_add(path.steps().count());
    Some(path)
}

impl<'q> Iterator for Columns<'q> {
    type Item = Column<'q>;

    fn next(&mut self) -> Option<Column<'q>> {
        let Some(Op::Column {
            aggregate,
            path,
            start,
            end,
        }) = self.program.op(self.at)
        else {
            return None;
        };
        self.at = self.at.saturating_add(1);
        let path = if path {
            let mut path = take_path(self.program, &mut self.at)?;
            path.any_case = true;
            Some(path)
        } else {
            None
        };
        let name = match (self.program.slice(start, end), aggregate) {
            ("", Some(aggregate)) => aggregate.name(),
            ("", None) => path.map(Path::last_key).unwrap_or_default(),
            (name, _) => name,
        };
        Some(Column {
            name,
            path,
            aggregate,
        })
    }
}

impl<'q> Iterator for Keys<'q> {
    type Item = Key<'q>;

    fn next(&mut self) -> Option<Key<'q>> {
        let mut descending = false;
        if let Some(Op::Order { descending: down }) = self.program.op(self.at) {
            descending = down;
            self.at = self.at.saturating_add(1);
        }
        let path = take_path(self.program, &mut self.at)?;
        Some(Key { path, descending })
    }
}

#[cfg(feature = "defmt")]
impl<const N: usize> defmt::Format for Query<'_, N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.text);
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for QueryRef<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}", self.program.text);
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Columns<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "columns at {=usize}", self.at);
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Keys<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "keys at {=usize}", self.at);
    }
}
