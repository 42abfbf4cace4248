//! The condition parser: words to operations, without recursion.
//!
//! Operators wait on a stack until one that binds less follows (Dijkstra's shunting yard). Beside it runs a
//! stack of types, one for each value that evaluation will hold at that point: what cannot work is an
//! error of the text, and the depth of evaluation is known to be bounded.

use super::error::{Expected, ParseError};
use super::function::{Function, Type};
use super::lexer::Kind;
use super::operator::{Binary, EQUALITY, Pending, Skipping};
use super::parse::Parser;
use super::program::{Arithmetic, Comparison, Op, number_of};
use super::{MAX_NESTING, MAX_VALUES};

/// A value that evaluation holds at this point.
#[derive(Clone, Copy, Debug)]
struct Operand {
    kind: Type,
    /// The operation that its evaluation begins with.
    first: u16,
    /// Where it stands in the text.
    start: u16,
}

struct Stacks {
    operands: heapless::Vec<Operand, MAX_VALUES>,
    pending: heapless::Vec<Pending, MAX_NESTING>,
}

impl Parser<'_, '_> {
    /// Reads a condition up to the first word that cannot belong to it.
    pub(super) fn condition(&mut self) -> Result<(), ParseError> {
        let mut stacks = Stacks {
            operands: heapless::Vec::new(),
            pending: heapless::Vec::new(),
        };
        loop {
            while self.prefix(&mut stacks)? {}
            loop {
                if self.is_sign(b')') && self.close(&mut stacks)? {
                    continue;
                }
                if self.is_sign(b',') && self.next_argument(&mut stacks)? {
                    break;
                }
                if self.list_operator(&mut stacks)? {
                    continue;
                }
                if self.infix(&mut stacks)? {
                    break;
                }
                self.reduce(&mut stacks, 0)?;
                if !stacks.pending.is_empty() {
                    return Err(self.fault(Expected::ClosingParenthesis));
                }
                return Ok(());
            }
        }
    }

    /// Takes one word where a value must begin; `false` if a value is now complete.
    fn prefix(&mut self, stacks: &mut Stacks) -> Result<bool, ParseError> {
        let token = self.token;
        match token.kind {
            Kind::Sign(b'(') => {
                self.hold(stacks, Pending::Open)?;
                self.advance()?;
                return Ok(true);
            }
            Kind::Sign(b'-') => {
                self.hold(stacks, Pending::Prefix { negate: true })?;
                self.advance()?;
                return Ok(true);
            }
            Kind::Sign(b'{') if self.dialect.routing => {
                self.advance()?;
                self.push_path(stacks, true)?;
                self.sign(b'}', Expected::Path)?;
            }
            Kind::Name if self.word(token).eq_ignore_ascii_case("not") => {
                self.hold(stacks, Pending::Prefix { negate: false })?;
                self.advance()?;
                return Ok(true);
            }
            Kind::Name if self.lexer.clone().next()?.kind == Kind::Sign(b'(') => {
                return self.begin_call(stacks);
            }
            _ => match self.literal()? {
                Some(kind) => {
                    let first = self.out.next().saturating_sub(1);
                    // Text begins with its quotation mark.
                    let mark = u16::from(kind == Type::Text);
                    self.push(stacks, kind, first, token.start.saturating_sub(mark))?;
                    self.advance()?;
                }
                None if token.kind == Kind::Name && !self.is_reserved() => {
                    self.push_path(stacks, false)?;
                }
                None => return Err(self.fault(Expected::Operand)),
            },
        }
        Ok(false)
    }

    /// Uses the name of a function and `(`; `true` if an argument must follow.
    fn begin_call(&mut self, stacks: &mut Stacks) -> Result<bool, ParseError> {
        let token = self.token;
        let Some(function) = Function::from_name(self.word(token)) else {
            return Err(self.fault(Expected::Operand));
        };
        self.advance()?;
        self.advance()?;
        if self.is_sign(b')') {
            return Err(self.fault(Expected::Arguments));
        }
        let call = Pending::Call {
            function,
            arguments: 1,
            start: token.start,
        };
        self.hold(stacks, call)?;
        Ok(true)
    }

    fn push_path(&mut self, stacks: &mut Stacks, braced: bool) -> Result<(), ParseError> {
        let first = self.out.next();
        let token = self.token;
        self.path(braced)?;
        let root = self.word(token);
        let kind = if self.dialect.routing && !root.eq_ignore_ascii_case("$body") {
            Type::Text
        } else {
            Type::Any
        };
        self.push(stacks, kind, first, token.start)
    }

    /// Ends the parentheses or call that `)` belongs to; `false` if it belongs to neither.
    fn close(&mut self, stacks: &mut Stacks) -> Result<bool, ParseError> {
        self.reduce(stacks, 0)?;
        match stacks.pending.pop() {
            None => return Ok(false),
            Some(Pending::Call {
                function,
                arguments,
                start,
            }) => self.call(stacks, function, arguments, start)?,
            Some(_) => {}
        }
        self.advance()?;
        Ok(true)
    }

    /// Begins the next argument of a call; `false` if the comma belongs to no call.
    fn next_argument(&mut self, stacks: &mut Stacks) -> Result<bool, ParseError> {
        self.reduce(stacks, 0)?;
        let Some(Pending::Call {
            function,
            arguments,
            ..
        }) = stacks.pending.last_mut()
        else {
            return Ok(false);
        };
        if *arguments >= function.arity().1 {
            return Err(self.fault(Expected::Arguments));
        }
        *arguments = arguments.saturating_add(1);
        self.advance()?;
        Ok(true)
    }

    fn call(
        &mut self,
        stacks: &mut Stacks,
        function: Function,
        arguments: u8,
        start: u16,
    ) -> Result<(), ParseError> {
        if arguments < function.arity().0 {
            return Err(self.fault(Expected::Arguments));
        }
        let below = stacks.operands.len().saturating_sub(usize::from(arguments));
        let mut first = self.out.next();
        for index in 0..arguments {
            let Some(operand) = stacks
                .operands
                .get(below.saturating_add(usize::from(index)))
            else {
                continue;
            };
            if index == 0 {
                first = operand.first;
            }
            let fits = match (function.takes(index), operand.kind) {
                (None, _) | (_, Type::Any) => true,
                (Some(Type::Any), kind) => matches!(kind, Type::Number | Type::Text),
                (Some(wanted), kind) => wanted == kind,
            };
            if !fits {
                let expected = match function.takes(index) {
                    Some(Type::Number) => Expected::Number,
                    _ => Expected::Text,
                };
                return Err(self.fault_at(operand.start, expected));
            }
        }
        stacks.operands.truncate(below);
        self.emit(if function == Function::Concat {
            Op::Concat(arguments)
        } else {
            Op::Call {
                function,
                arguments,
            }
        })?;
        self.push(stacks, function.gives(), first, start)
    }

    /// `IN [..]` and `NIN [..]`.
    fn list_operator(&mut self, stacks: &mut Stacks) -> Result<bool, ParseError> {
        let negated = self.is_keyword("nin");
        if !negated && !self.is_keyword("in") {
            return Ok(false);
        }
        self.reduce(stacks, EQUALITY.saturating_add(1))?;
        let Some(operand) = stacks.operands.pop() else {
            return Err(self.fault(Expected::Operand));
        };
        self.advance()?;
        self.sign(b'[', Expected::OpeningBracket)?;
        let at = self.emit(Op::In { count: 0, negated })?;
        let mut values = 0_u16;
        while !self.is_sign(b']') {
            if values > 0 {
                self.sign(b',', Expected::ClosingBracket)?;
            }
            self.list_value()?;
            values = values.saturating_add(1);
        }
        if let Some(Op::In { count, .. }) = self.out.ops.get_mut(usize::from(at)) {
            *count = values;
        }
        self.advance()?;
        self.push(stacks, Type::Bool, operand.first, operand.start)?;
        Ok(true)
    }

    fn list_value(&mut self) -> Result<(), ParseError> {
        let negative = self.is_sign(b'-');
        if negative {
            self.advance()?;
            if let Kind::Number(number) = self.token.kind {
                self.token.kind = Kind::Number(number.negated());
            } else {
                return Err(self.fault(Expected::Number));
            }
        }
        match self.literal()? {
            Some(_) => self.advance(),
            None => Err(self.fault(Expected::Literal)),
        }
    }

    /// Uses a binary operator if one is there.
    fn infix(&mut self, stacks: &mut Stacks) -> Result<bool, ParseError> {
        let binary = match self.token.kind {
            Kind::Sign(b'+') => Binary::Arithmetic(Arithmetic::Add),
            Kind::Sign(b'-') => Binary::Arithmetic(Arithmetic::Subtract),
            Kind::Sign(b'*') => Binary::Arithmetic(Arithmetic::Multiply),
            Kind::Sign(b'/') => Binary::Arithmetic(Arithmetic::Divide),
            Kind::Sign(b'%') => Binary::Arithmetic(Arithmetic::Modulo),
            Kind::Sign(b'=') => Binary::Compare(Comparison::Equal),
            Kind::Sign(b'<') => Binary::Compare(Comparison::Less),
            Kind::Sign(b'>') => Binary::Compare(Comparison::Greater),
            Kind::LessOrEqual => Binary::Compare(Comparison::LessOrEqual),
            Kind::GreaterOrEqual => Binary::Compare(Comparison::GreaterOrEqual),
            Kind::NotEqual => Binary::Compare(Comparison::NotEqual),
            Kind::Bars => Binary::Bars,
            Kind::Questions => return self.skipping(stacks, Skipping::Else),
            Kind::Name if self.is_keyword("and") => return self.skipping(stacks, Skipping::And),
            Kind::Name if self.is_keyword("or") => return self.skipping(stacks, Skipping::Or),
            _ => return Ok(false),
        };
        self.reduce(stacks, binary.strength())?;
        self.hold(stacks, Pending::Binary(binary))?;
        self.advance()?;
        Ok(true)
    }

    fn skipping(&mut self, stacks: &mut Stacks, binary: Skipping) -> Result<bool, ParseError> {
        self.reduce(stacks, binary.strength())?;
        let skip = 0;
        let skip = self.emit(match binary {
            Skipping::And => Op::AndLeft { skip },
            Skipping::Or => Op::OrLeft { skip },
            Skipping::Else => Op::ElseLeft { skip },
        })?;
        self.hold(stacks, Pending::Skipping { binary, skip })?;
        self.advance()?;
        Ok(true)
    }

    /// Writes the operators that wait and bind at least as strongly as `strength`, up to a parenthesis.
    fn reduce(&mut self, stacks: &mut Stacks, strength: u8) -> Result<(), ParseError> {
        while let Some(pending) = stacks.pending.last().copied() {
            if pending.strength().is_none_or(|own| own < strength) {
                break;
            }
            stacks.pending.pop();
            let Some(right) = stacks.operands.pop() else {
                return Err(self.fault(Expected::Operand));
            };
            if let Pending::Prefix { negate } = pending {
                self.apply_prefix(stacks, negate, right)?;
                continue;
            }
            let Some(left) = stacks.operands.pop() else {
                return Err(self.fault(Expected::Operand));
            };
            let kind = self.apply(pending, left, right)?;
            self.push(stacks, kind, left.first, left.start)?;
        }
        Ok(())
    }

    fn apply_prefix(
        &mut self,
        stacks: &mut Stacks,
        negate: bool,
        right: Operand,
    ) -> Result<(), ParseError> {
        let kind = if negate {
            if !matches!(right.kind, Type::Any | Type::Number | Type::Undefined) {
                return Err(self.fault_at(right.start, Expected::Number));
            }
            Type::Number
        } else {
            self.boolean(right)?;
            Type::Bool
        };
        // A negative number is a literal, too.
        let alone = right.first.saturating_add(1) == self.out.next();
        match self.out.ops.get_mut(usize::from(right.first)) {
            Some(op @ Op::Number { .. }) if negate && alone => {
                if let Op::Number { exponent, mantissa } = *op {
                    *op = Op::number(number_of(exponent, mantissa).negated());
                }
            }
            _ => {
                self.emit(if negate { Op::Negate } else { Op::Not })?;
            }
        }
        self.push(stacks, kind, right.first, right.start)
    }

    fn apply(
        &mut self,
        pending: Pending,
        left: Operand,
        right: Operand,
    ) -> Result<Type, ParseError> {
        match pending {
            Pending::Binary(Binary::Arithmetic(arithmetic)) => {
                for side in [left, right] {
                    if !matches!(side.kind, Type::Any | Type::Number) {
                        return Err(self.fault_at(side.start, Expected::Number));
                    }
                }
                self.emit(Op::Arithmetic(arithmetic))?;
                Ok(Type::Number)
            }
            Pending::Binary(Binary::Bars) => {
                for side in [left, right] {
                    if !matches!(side.kind, Type::Any | Type::Text) {
                        return Err(self.fault_at(side.start, Expected::Text));
                    }
                }
                self.emit(Op::Concat(2))?;
                Ok(Type::Text)
            }
            Pending::Binary(Binary::Compare(comparison)) => {
                self.same_type(left, right)?;
                self.emit(Op::Compare(comparison))?;
                Ok(Type::Bool)
            }
            Pending::Skipping { binary, skip } => self.apply_skipping(binary, skip, left, right),
            Pending::Open | Pending::Call { .. } | Pending::Prefix { .. } => {
                Err(self.fault(Expected::Operand))
            }
        }
    }

    fn apply_skipping(
        &mut self,
        binary: Skipping,
        skip: u16,
        left: Operand,
        right: Operand,
    ) -> Result<Type, ParseError> {
        if binary == Skipping::Else {
            self.same_type(left, right)?;
            self.emit(Op::Else)?;
            self.out.land(skip);
            return Ok(match (left.kind, right.kind) {
                (Type::Undefined, kind) => kind,
                (kind, other) if kind == other => kind,
                _ => Type::Any,
            });
        }
        self.boolean(left)?;
        self.boolean(right)?;
        let length = self.out.next().saturating_sub(right.first);
        self.emit(match binary {
            Skipping::And => Op::And { right: length },
            Skipping::Or | Skipping::Else => Op::Or,
        })?;
        self.out.land(skip);
        Ok(Type::Bool)
    }

    fn boolean(&self, operand: Operand) -> Result<(), ParseError> {
        match operand.kind {
            Type::Any | Type::Bool | Type::Null | Type::Undefined => Ok(()),
            Type::Number | Type::Text => Err(self.fault_at(operand.start, Expected::Boolean)),
        }
    }

    fn same_type(&self, left: Operand, right: Operand) -> Result<(), ParseError> {
        let open = |kind| matches!(kind, Type::Any | Type::Null | Type::Undefined);
        if open(left.kind) || open(right.kind) || left.kind == right.kind {
            return Ok(());
        }
        Err(self.fault_at(right.start, Expected::Comparable))
    }

    fn hold(&self, stacks: &mut Stacks, pending: Pending) -> Result<(), ParseError> {
        let held = stacks.pending.push(pending);
        held.map_err(|_| self.fault(Expected::LessNesting))
    }

    fn push(
        &self,
        stacks: &mut Stacks,
        kind: Type,
        first: u16,
        start: u16,
    ) -> Result<(), ParseError> {
        let pushed = stacks.operands.push(Operand { kind, first, start });
        pushed.map_err(|_| self.fault_at(start, Expected::LessNesting))
    }
}
