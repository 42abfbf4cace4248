//! The evaluator: one pass over the operations, with a stack of fixed size.

use super::MAX_VALUES;
use super::decimal::Decimal;
use super::dialect::Dialect;
use super::environment::Environment;
use super::function::Function;
use super::lexer::unescape;
use super::operand::{Kind, Scratch, Truth, compare};
use super::program::{Arithmetic, Comparison, Op, Program, number_of};
use crate::document::Value;

type Stack<'e> = heapless::Vec<Kind<'e>, MAX_VALUES>;

/// Evaluates all operations and returns the value that is left.
pub(super) fn evaluate<'e, E: Environment + ?Sized>(
    program: Program<'e>,
    dialect: Dialect,
    environment: &'e E,
    scratch: &mut Scratch,
) -> Kind<'e> {
    let mut stack = Stack::new();
    let mut at = 0;
    while let Some(op) = program.op(at) {
        let next = at.saturating_add(1);
        at = next;
        let value = match op {
            Op::Path { steps, .. } => {
                at = next.saturating_add(usize::from(steps));
                match program.path(next.saturating_sub(1)) {
                    Some(path) => environment.resolve(path, scratch).0,
                    None => Kind::Undefined,
                }
            }
            Op::Compare(comparison) => {
                let (right, left) = (pop(&mut stack), pop(&mut stack));
                Kind::truth(compare(left, right, comparison, dialect, scratch))
            }
            Op::AndLeft { skip } => {
                skip_if(
                    &stack,
                    |left| left.as_truth() == Truth::False,
                    skip,
                    &mut at,
                );
                continue;
            }
            Op::OrLeft { skip } => {
                skip_if(&stack, |left| left.as_truth() == Truth::True, skip, &mut at);
                continue;
            }
            Op::ElseLeft { skip } => {
                skip_if(&stack, |left| left != Kind::Undefined, skip, &mut at);
                if at == next {
                    stack.pop();
                }
                continue;
            }
            Op::Else => continue,
            Op::And { .. } => {
                let (right, left) = (pop(&mut stack), pop(&mut stack));
                Kind::truth(left.as_truth().and(right.as_truth()))
            }
            Op::Or => {
                let (right, left) = (pop(&mut stack), pop(&mut stack));
                Kind::truth(left.as_truth().or(right.as_truth()))
            }
            Op::Not => Kind::truth(pop(&mut stack).as_truth().not()),
            Op::In { count, negated } => {
                let value = pop(&mut stack);
                at = next.saturating_add(usize::from(count));
                let found = is_in(program, (next, at), value, dialect, scratch);
                Kind::truth(if negated { found.not() } else { found })
            }
            Op::Negate => {
                let number = pop(&mut stack).as_number();
                Kind::number(number.map(Decimal::negated))
            }
            Op::Arithmetic(arithmetic) => {
                let (right, left) = (pop(&mut stack), pop(&mut stack));
                Kind::number(calculate(arithmetic, left, right))
            }
            Op::Concat(count) => {
                let first = stack.len().saturating_sub(usize::from(count));
                let built = concat(stack.get(first..).unwrap_or_default(), scratch);
                stack.truncate(first);
                built
            }
            Op::Call {
                function,
                arguments,
            } => {
                let third = (arguments > 2).then(|| pop(&mut stack));
                let second = (arguments > 1).then(|| pop(&mut stack));
                let first = pop(&mut stack);
                call(function, first, second, third, scratch)
            }
            // Steps and lists are jumped over; what is left are literals.
            _ => literal(program, op, scratch),
        };
        // The parser has seen to the depth.
        let _ = stack.push(value);
    }
    pop(&mut stack)
}

/// The truth of a whole condition.
pub(super) fn truth<E: Environment + ?Sized>(
    program: Program<'_>,
    dialect: Dialect,
    environment: &E,
) -> Truth {
    let mut scratch = Scratch::new();
    evaluate(program, dialect, environment, &mut scratch).as_truth()
}

#[inline]
fn pop<'e>(stack: &mut Stack<'e>) -> Kind<'e> {
    stack.pop().unwrap_or(Kind::Undefined)
}

/// Skips the right side, keeping the left one, if that decides.
#[inline]
fn skip_if(stack: &Stack<'_>, decides: fn(Kind<'_>) -> bool, skip: u16, at: &mut usize) {
    if stack.last().copied().is_some_and(decides) {
        *at = at.saturating_add(usize::from(skip));
    }
}

/// The value of an operation that needs no other.
pub(super) fn literal<'e>(program: Program<'e>, op: Op, scratch: &mut Scratch) -> Kind<'e> {
    match op {
        Op::Null => Kind::Null,
        Op::Bool(value) => Kind::Bool(value),
        Op::Number { exponent, mantissa } => Kind::Number(number_of(exponent, mantissa)),
        Op::Infinity { negative } => Kind::Number(Decimal::Infinite { negative }),
        Op::Text {
            start,
            end,
            escaped,
        } => {
            let text = program.slice(start, end).as_bytes();
            if escaped {
                unescaped(text, scratch)
            } else {
                Kind::Text(text)
            }
        }
        _ => Kind::Undefined,
    }
}

/// The value of a literal that needs no building: a number, a truth value, a text without escapes.
pub(super) fn plain_literal(program: Program<'_>, op: Op) -> Option<Value<'_>> {
    match op {
        Op::Bool(value) => Some(Value::Bool(value)),
        Op::Number { exponent, mantissa } => {
            let number = number_of(exponent, mantissa).as_finite()?;
            Some(Value::Number(number))
        }
        Op::Text {
            start,
            end,
            escaped: false,
        } => Some(Value::String(program.slice(start, end))),
        _ => None,
    }
}

fn unescaped<'e>(text: &[u8], scratch: &mut Scratch) -> Kind<'e> {
    let mark = scratch.mark();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        if let Some((character, len)) = unescape(rest) {
            scratch.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
            rest = rest.get(len..).unwrap_or_default();
        } else {
            scratch.push(*byte);
            rest = after;
        }
    }
    scratch.built(mark)
}

fn is_in(
    program: Program<'_>,
    list: (usize, usize),
    value: Kind<'_>,
    dialect: Dialect,
    scratch: &mut Scratch,
) -> Truth {
    if matches!(value, Kind::Undefined | Kind::Container(_)) {
        return Truth::Undefined;
    }
    for at in list.0..list.1 {
        let Some(op) = program.op(at) else {
            break;
        };
        let mark = scratch.mark();
        let item = literal(program, op, scratch);
        let equal = compare(value, item, Comparison::Equal, dialect, scratch);
        scratch.forget(mark);
        if equal.is_true() {
            return Truth::True;
        }
    }
    Truth::False
}

fn calculate(arithmetic: Arithmetic, left: Kind<'_>, right: Kind<'_>) -> Option<Decimal> {
    let (left, right) = (left.as_number()?, right.as_number()?);
    match arithmetic {
        Arithmetic::Add => left.plus(right),
        Arithmetic::Subtract => left.minus(right),
        Arithmetic::Multiply => left.times(right),
        Arithmetic::Divide => left.over(right),
        Arithmetic::Modulo => left.modulo(right),
    }
}

/// All pieces as one text; null is an empty one.
fn concat<'e>(pieces: &[Kind<'_>], scratch: &mut Scratch) -> Kind<'e> {
    let mark = scratch.mark();
    for piece in pieces {
        match *piece {
            Kind::Null => {}
            Kind::Text(text) => scratch.extend(text),
            Kind::Built { start, end } => scratch.extend_within(start, end, |byte| byte),
            _ => {
                scratch.forget(mark);
                return Kind::Undefined;
            }
        }
    }
    scratch.built(mark)
}

fn call<'e>(
    function: Function,
    first: Kind<'e>,
    second: Option<Kind<'e>>,
    third: Option<Kind<'e>>,
    scratch: &mut Scratch,
) -> Kind<'e> {
    let is_number = matches!(first, Kind::Number(Decimal::Finite(_)));
    match function {
        Function::IsBool => Kind::Bool(matches!(first, Kind::Bool(_))),
        Function::IsDefined => Kind::Bool(first != Kind::Undefined),
        Function::IsNull => Kind::Bool(first == Kind::Null),
        Function::IsNumber => Kind::Bool(is_number),
        Function::IsString => Kind::Bool(matches!(first, Kind::Text(_) | Kind::Built { .. })),
        Function::AsNumber => Kind::number(match first {
            Kind::Number(number) => Some(number),
            _ => first
                .text(scratch)
                .and_then(|text| Decimal::parse(text.trim_ascii()).ok()),
        }),
        Function::Lower => recased(first, |byte| byte.to_ascii_lowercase(), scratch),
        Function::Upper => recased(first, |byte| byte.to_ascii_uppercase(), scratch),
        Function::Length => match first.text(scratch) {
            Some(text) => Kind::Number(Decimal::count(characters(text))),
            None => Kind::Undefined,
        },
        Function::Substring => substring(first, second, third, scratch).unwrap_or(Kind::Undefined),
        Function::Contains | Function::EndsWith | Function::IndexOf | Function::StartsWith => {
            let text = first.text(scratch);
            let part = second.and_then(|part| part.text(scratch));
            match (text, part) {
                (Some(text), Some(part)) => search(function, text, part),
                _ => Kind::Undefined,
            }
        }
        Function::Abs
        | Function::Ceiling
        | Function::Concat
        | Function::Exp
        | Function::Floor
        | Function::Power
        | Function::Sign
        | Function::Sqrt
        | Function::Square => {
            let second = second.map(Kind::as_number);
            Kind::number(first.as_number().and_then(|number| match second {
                Some(None) => None,
                Some(Some(other)) => number.power(other),
                None => number_function(function, number),
            }))
        }
    }
}

fn number_function(function: Function, number: Decimal) -> Option<Decimal> {
    match function {
        Function::Ceiling => Some(number.whole(true)),
        Function::Exp => number.exponential(),
        Function::Floor => Some(number.whole(false)),
        Function::Sign => Some(number.sign()),
        Function::Sqrt => number.square_root(),
        Function::Square => number.times(number),
        _ => Some(number.magnitude()),
    }
}

fn search<'e>(function: Function, text: &[u8], part: &[u8]) -> Kind<'e> {
    match function {
        Function::StartsWith => Kind::Bool(text.starts_with(part)),
        Function::EndsWith => Kind::Bool(text.ends_with(part)),
        _ => {
            let place = (0..=text.len())
                .take_while(|at| text.len().saturating_sub(*at) >= part.len())
                .find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(part)));
            match (function, place) {
                (Function::Contains, place) => Kind::Bool(place.is_some()),
                (_, Some(at)) => {
                    let before = characters(text.get(..at).unwrap_or_default());
                    Kind::Number(Decimal::count(before))
                }
                (_, None) => Kind::Number(Decimal::integer(-1)),
            }
        }
    }
}

fn recased<'e>(text: Kind<'e>, change: fn(u8) -> u8, scratch: &mut Scratch) -> Kind<'e> {
    let mark = scratch.mark();
    match text {
        Kind::Text(text) => {
            for byte in text {
                scratch.push(change(*byte));
            }
        }
        Kind::Built { start, end } => scratch.extend_within(start, end, change),
        _ => return Kind::Undefined,
    }
    scratch.built(mark)
}

/// A part of a text, in characters; what reaches beyond it is undefined.
fn substring<'e>(
    text: Kind<'e>,
    start: Option<Kind<'_>>,
    len: Option<Kind<'_>>,
    scratch: &Scratch,
) -> Option<Kind<'e>> {
    let bytes = text.text(scratch)?;
    let start = start?.as_number()?.as_index()?;
    let from = offset(bytes, start)?;
    let rest = bytes.get(from..)?;
    let to = match len {
        None => bytes.len(),
        Some(len) => from.saturating_add(offset(rest, len.as_number()?.as_index()?)?),
    };
    match text {
        Kind::Text(text) => text.get(from..to).map(Kind::Text),
        Kind::Built { start, .. } => {
            let at = |offset| Some(start.saturating_add(u16::try_from(offset).ok()?));
            Some(Kind::Built {
                start: at(from)?,
                end: at(to)?,
            })
        }
        _ => None,
    }
}

/// Bytes of UTF-8 that begin a character.
const fn begins(byte: u8) -> bool {
    byte & 0xC0 != 0x80
}

fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| begins(**byte)).count()
}

/// Where the character `index` begins; the one behind the last is the end.
fn offset(text: &[u8], index: usize) -> Option<usize> {
    let mut starts = text.iter().enumerate().filter(|(_, byte)| begins(**byte));
    match starts.nth(index) {
        Some((at, _)) => Some(at),
        None => (characters(text) == index).then_some(text.len()),
    }
}
