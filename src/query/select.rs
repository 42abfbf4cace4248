//! The query parser: the clauses around conditions and paths.

use super::dialect::Dialect;
use super::error::{Expected, ParseError};
use super::lexer::{Kind, Token};
use super::parse::Parser;
use super::program::{Aggregate, Op};
use super::statement::{Columns, Keys, MAX_AGGREGATES, MAX_KEYS, Shape, Source};

/// Parses a whole query into `ops`.
pub(super) fn parse(text: &str, dialect: Dialect, ops: &mut [Op]) -> Result<Shape, ParseError> {
    let mut parser = Parser::new(text, dialect, ops)?;
    if !parser.keyword("select")? {
        return Err(parser.fault(Expected::KeywordSelect));
    }
    let mut shape = Shape::new();
    parser.top(&mut shape)?;
    let list = parser.token;
    parser.columns(&mut shape)?;
    shape.columns = parser.out.len;
    if !parser.keyword("from")? {
        return Err(parser.fault(Expected::From));
    }
    shape.source = parser.source()?;
    if parser.keyword("where")? {
        parser.condition()?;
    }
    shape.condition = parser.out.len;
    if parser.clause("group")? {
        parser.keys(false)?;
    }
    shape.groups = parser.out.len;
    if shape.is_grouped() {
        parser.grouped_columns(&shape, list)?;
    }
    if parser.clause("order")? {
        let first = parser.token;
        parser.keys(true)?;
        shape.order = parser.out.len;
        if shape.is_grouped() {
            parser.grouped_order(&shape, first)?;
        }
    }
    shape.order = parser.out.len;
    parser.top(&mut shape)?;
    if parser.token.kind == Kind::End {
        return Ok(shape);
    }
    let open = shape.order == shape.condition && shape.condition > shape.columns;
    Err(parser.fault(if open && shape.top.is_none() {
        Expected::Operator
    } else {
        Expected::TheEnd
    }))
}

/// The keys of a path into tags, desired or reported.
#[cfg(feature = "alloc")]
pub(crate) fn parse_keys(path: &str) -> Result<heapless::Vec<&str, MAX_PATH>, ParseError> {
    let mut ops = [Op::Undefined; MAX_PATH];
    let mut parser = Parser::new(path, Dialect::TWIN, &mut ops)?;
    parser.path(false)?;
    if parser.token.kind != Kind::End {
        return Err(parser.fault(Expected::Path));
    }
    let mut keys: heapless::Vec<&str, MAX_PATH> = heapless::Vec::new();
    for op in parser.out.ops.iter().take(parser.out.len) {
        match op {
            Op::Step { start, end } => {
                let range = usize::from(*start)..usize::from(*end);
                let _ = keys.push(path.get(range).unwrap_or_default());
            }
            Op::Index(_) => return Err(parser.fault_at(0, Expected::IndexedPath)),
            _ => {}
        }
    }
    let is = |at: usize, name: &str| {
        let key = keys.get(at);
        key.is_some_and(|key| key.eq_ignore_ascii_case(name))
    };
    let inside = match keys.len() {
        0 | 1 => false,
        2 => is(0, "tags"),
        _ => is(0, "tags") || (is(0, "properties") && (is(1, "desired") || is(1, "reported"))),
    };
    // What the service adds is not in the twin.
    if !inside || keys.iter().any(|key| key.starts_with('$')) {
        return Err(parser.fault_at(0, Expected::IndexedPath));
    }
    Ok(keys)
}

/// Most parts of a path to be indexed.
#[cfg(feature = "alloc")]
const MAX_PATH: usize = 20;

impl Parser<'_, '_> {
    /// `TOP n`, if it is there and was not there before.
    fn top(&mut self, shape: &mut Shape) -> Result<(), ParseError> {
        if shape.top.is_some() || !self.is_keyword("top") {
            return Ok(());
        }
        // A column may be called top.
        let Kind::Number(number) = self.lexer.clone().next()?.kind else {
            return Ok(());
        };
        self.advance()?;
        let count = number
            .as_index()
            .and_then(|count| u32::try_from(count).ok());
        let Some(count) = count else {
            return Err(self.fault(Expected::WholeNumber));
        };
        shape.top = Some(count);
        self.advance()
    }

    fn columns(&mut self, shape: &mut Shape) -> Result<(), ParseError> {
        if self.is_sign(b'*') {
            return self.advance();
        }
        loop {
            self.column(shape)?;
            if !self.is_sign(b',') {
                return Ok(());
            }
            self.advance()?;
        }
    }

    fn column(&mut self, shape: &mut Shape) -> Result<(), ParseError> {
        let token = self.token;
        if token.kind != Kind::Name || self.is_reserved() {
            return Err(self.fault(Expected::Column));
        }
        let column = |aggregate, path| Op::Column {
            aggregate,
            path,
            start: 0,
            end: 0,
        };
        let at = if self.lexer.clone().next()?.kind == Kind::Sign(b'(') {
            let Some(aggregate) = Aggregate::from_name(self.word(token)) else {
                return Err(self.fault(Expected::Column));
            };
            if shape.aggregates >= MAX_AGGREGATES {
                return Err(self.fault(Expected::FewerParts));
            }
            shape.aggregates = shape.aggregates.saturating_add(1);
            let at = self.emit(column(Some(aggregate), aggregate != Aggregate::Count))?;
            self.advance()?;
            self.advance()?;
            if aggregate != Aggregate::Count {
                self.path(false)?;
            }
            self.sign(b')', Expected::ClosingParenthesis)?;
            at
        } else {
            let at = self.emit(column(None, true))?;
            self.path(false)?;
            at
        };
        let mut name = token;
        if self.keyword("as")? {
            name = self.token;
            if name.kind != Kind::Name {
                return Err(self.fault(Expected::Name));
            }
            if let Some(Op::Column { start, end, .. }) = self.out.ops.get_mut(usize::from(at)) {
                (*start, *end) = (name.start, name.end);
            }
            self.advance()?;
        }
        let columns = Columns::new(self.program(0, self.out.len));
        let last = columns.clone().last().map(|column| column.name);
        if columns.filter(|column| Some(column.name) == last).count() > 1 {
            return Err(self.fault_at(name.start, Expected::AnotherName));
        }
        Ok(())
    }

    fn source(&mut self) -> Result<Source, ParseError> {
        if !self.is_keyword("devices") {
            return Err(self.fault(Expected::Source));
        }
        let mut source = Source::Devices;
        if self.lexer.accept(b'.') {
            let part = self.lexer.name();
            let is = |name| self.word(part).eq_ignore_ascii_case(name);
            source = if is("modules") {
                Source::Modules
            } else if is("jobs") {
                Source::Jobs
            } else {
                return Err(self.fault_at(part.start, Expected::Source));
            };
        }
        self.advance()?;
        Ok(source)
    }

    /// Uses a keyword and the `BY` behind it.
    fn clause(&mut self, keyword: &str) -> Result<bool, ParseError> {
        let found = self.keyword(keyword)?;
        if found && !self.keyword("by")? {
            return Err(self.fault(Expected::KeywordBy));
        }
        Ok(found)
    }

    /// The paths to group or to sort by.
    fn keys(&mut self, sorted: bool) -> Result<(), ParseError> {
        for _ in 0..MAX_KEYS {
            let mut at = None;
            if sorted {
                at = Some(self.emit(Op::Order { descending: false })?);
            }
            if self.is_reserved() {
                return Err(self.fault(Expected::Path));
            }
            self.path(false)?;
            if let Some(at) = at
                && !self.keyword("asc")?
                && self.keyword("desc")?
                && let Some(op) = self.out.ops.get_mut(usize::from(at))
            {
                *op = Op::Order { descending: true };
            }
            if !self.is_sign(b',') {
                return Ok(());
            }
            self.advance()?;
        }
        Err(self.fault(Expected::FewerParts))
    }

    /// With groups, each column is one of the paths to group by, or an aggregate.
    fn grouped_columns(&self, shape: &Shape, list: Token) -> Result<(), ParseError> {
        if shape.columns == 0 {
            return Err(self.fault_at(list.start, Expected::GroupedColumn));
        }
        let groups = Keys::new(self.program(shape.condition, shape.groups));
        for column in Columns::new(self.program(0, shape.columns)) {
            let Some(path) = column.path.filter(|_| column.aggregate.is_none()) else {
                continue;
            };
            if !groups.clone().any(|key| key.path == path) {
                return Err(self.fault_at(path.start, Expected::GroupedColumn));
            }
        }
        Ok(())
    }

    /// With groups, the result is sorted by columns: by their names or their paths.
    fn grouped_order(&self, shape: &Shape, first: Token) -> Result<(), ParseError> {
        for key in Keys::new(self.program(shape.groups, shape.order)) {
            let mut columns = Columns::new(self.program(0, shape.columns));
            if !columns.any(|column| column.is_named(key.path)) {
                let at = key.path.start.max(first.start);
                return Err(self.fault_at(at, Expected::GroupedColumn));
            }
        }
        Ok(())
    }
}
