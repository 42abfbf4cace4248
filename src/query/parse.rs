//! What all parts of the parser share: the word that is next, paths, literals.

use super::dialect::Dialect;
use super::error::{Expected, ParseError};
use super::function::Type;
use super::lexer::{Kind, Lexer, Token};
use super::program::{Op, Out, Program};

/// Reads words and writes operations.
#[derive(Debug)]
pub(super) struct Parser<'t, 'o> {
    pub(super) lexer: Lexer<'t>,
    /// The word that was not used yet.
    pub(super) token: Token,
    pub(super) out: Out<'o>,
    pub(super) dialect: Dialect,
}

impl<'t, 'o> Parser<'t, 'o> {
    pub(super) fn new(
        text: &'t str,
        dialect: Dialect,
        ops: &'o mut [Op],
    ) -> Result<Self, ParseError> {
        let mut lexer = Lexer::new(text)?;
        let token = lexer.next()?;
        Ok(Self {
            lexer,
            token,
            out: Out { ops, len: 0 },
            dialect,
        })
    }

    /// The error that `expected` should stand where the unused word does.
    pub(super) fn fault(&self, expected: Expected) -> ParseError {
        self.fault_at(self.token.start, expected)
    }

    pub(super) fn fault_at(&self, at: u16, expected: Expected) -> ParseError {
        self.lexer.error(usize::from(at), expected)
    }

    pub(super) fn advance(&mut self) -> Result<(), ParseError> {
        self.token = self.lexer.next()?;
        Ok(())
    }

    pub(super) fn is_sign(&self, sign: u8) -> bool {
        self.token.kind == Kind::Sign(sign)
    }

    /// Uses a sign, which must be there.
    pub(super) fn sign(&mut self, sign: u8, expected: Expected) -> Result<(), ParseError> {
        if !self.is_sign(sign) {
            return Err(self.fault(expected));
        }
        self.advance()
    }

    pub(super) fn word(&self, token: Token) -> &'t str {
        let range = usize::from(token.start)..usize::from(token.end);
        self.lexer.text().get(range).unwrap_or_default()
    }

    /// Whether the unused word is this keyword, in any case.
    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        self.token.kind == Kind::Name && self.word(self.token).eq_ignore_ascii_case(keyword)
    }

    /// Uses a keyword if it is there.
    pub(super) fn keyword(&mut self, keyword: &str) -> Result<bool, ParseError> {
        let found = self.is_keyword(keyword);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    /// What was written from one place to another.
    pub(super) fn program(&self, from: usize, to: usize) -> Program<'_> {
        let whole = Program {
            ops: self.out.ops,
            text: self.lexer.text(),
        };
        whole.part(from, to)
    }

    pub(super) fn emit(&mut self, op: Op) -> Result<u16, ParseError> {
        let at = self.out.push(op);
        at.ok_or_else(|| self.fault(Expected::FewerParts))
    }

    /// Whether the unused word is one that no path begins with.
    pub(super) fn is_reserved(&self) -> bool {
        let operators = ["and", "or", "in", "nin"];
        let clauses = ["select", "from", "where", "group", "order", "as"];
        operators.into_iter().any(|word| self.is_keyword(word))
            || (!self.dialect.routing && clauses.into_iter().any(|word| self.is_keyword(word)))
    }

    /// Writes the unused word if it is a literal, without using it.
    pub(super) fn literal(&mut self) -> Result<Option<Type>, ParseError> {
        let token = self.token;
        let (op, kind) = match token.kind {
            Kind::Number(number) => (Op::number(number), Type::Number),
            Kind::Text { escaped } => {
                let (start, end) = (token.start, token.end);
                let text = Op::Text {
                    start,
                    end,
                    escaped,
                };
                (text, Type::Text)
            }
            Kind::Name => match self.word(token) {
                "undefined" => (Op::Undefined, Type::Undefined),
                "null" => (Op::Null, Type::Null),
                "true" => (Op::Bool(true), Type::Bool),
                "false" => (Op::Bool(false), Type::Bool),
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.emit(op)?;
        Ok(Some(kind))
    }

    /// Uses a path, which must be there, and writes it.
    pub(super) fn path(&mut self, braced: bool) -> Result<(), ParseError> {
        if self.token.kind != Kind::Name {
            return Err(self.fault(Expected::Path));
        }
        let root = self.token;
        let at = self.emit(Op::Path {
            start: root.start,
            end: root.end,
            steps: 1,
            braced,
        })?;
        self.emit(Op::Step {
            start: root.start,
            end: root.end,
        })?;
        let mut last = root.end;
        loop {
            let op = if self.lexer.accept(b'.') {
                let quoted = self.lexer.accept(b'[');
                let step = if !quoted {
                    self.lexer.name()
                } else if self.lexer.accept(b'[') {
                    self.lexer.quoted()?
                } else {
                    return Err(self.fault_at(last.saturating_add(2), Expected::Name));
                };
                let (start, end) = (step.start, step.end);
                if start == end {
                    return Err(self.fault_at(start, Expected::Name));
                }
                last = end.saturating_add(if quoted { 2 } else { 0 });
                Op::Step { start, end }
            } else if self.lexer.accept(b'[') {
                let step = self.lexer.name();
                let Ok(index) = self.word(step).parse() else {
                    return Err(self.fault_at(step.start, Expected::WholeNumber));
                };
                if !self.lexer.accept(b']') {
                    return Err(self.fault_at(step.end, Expected::ClosingBracket));
                }
                last = step.end.saturating_add(1);
                Op::Index(index)
            } else {
                break;
            };
            self.emit(op)?;
            if let Some(Op::Path { steps, end, .. }) = self.out.ops.get_mut(usize::from(at)) {
                let Some(more) = steps.checked_add(1) else {
                    return Err(self.fault_at(last, Expected::LessNesting));
                };
                (*steps, *end) = (more, last);
            }
        }
        self.advance()
    }
}
