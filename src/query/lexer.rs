//! The words of a query: names, numbers, texts, signs.

use super::decimal::Decimal;
use super::error::{Expected, ParseError};
use super::{MAX_BUILT_TEXT, MAX_QUERY};
use crate::document::NumberError;

/// A word and where it stands, as byte offsets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: u16,
    pub(super) end: u16,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Name,
    Number(Decimal),
    /// Text; `start` and `end` are those of what is inside the quotation marks.
    Text {
        escaped: bool,
    },
    /// One character that stands for itself.
    Sign(u8),
    LessOrEqual,
    GreaterOrEqual,
    NotEqual,
    /// `||`
    Bars,
    /// `??`
    Questions,
    End,
}

/// Reads the words of a text from front to back.
#[derive(Clone, Debug)]
pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Result<Self, ParseError> {
        if text.len() > MAX_QUERY && characters(text, text.len()) > MAX_QUERY {
            return Err(ParseError {
                column: MAX_QUERY.saturating_add(1),
                expected: Expected::ShorterQuery,
            });
        }
        Ok(Self { text, at: 0 })
    }

    pub(super) const fn text(&self) -> &'t str {
        self.text
    }

    /// The error that `expected` stands at the byte `at`.
    pub(super) fn error(&self, at: usize, expected: Expected) -> ParseError {
        ParseError {
            column: characters(self.text, at).saturating_add(1),
            expected,
        }
    }

    fn byte(&self, ahead: usize) -> u8 {
        let at = self.at.saturating_add(ahead);
        self.text.as_bytes().get(at).copied().unwrap_or(0)
    }

    const fn step(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn token(&self, kind: Kind, start: usize) -> Token {
        // A text of 8192 characters has at most 32 KiB.
        let short = |at| u16::try_from(at).unwrap_or(u16::MAX);
        Token {
            kind,
            start: short(start),
            end: short(self.at),
        }
    }

    fn is_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Reads the next word.
    pub(super) fn next(&mut self) -> Result<Token, ParseError> {
        self.skip_space()?;
        let start = self.at;
        if self.is_end() {
            return Ok(self.token(Kind::End, start));
        }
        let sign = self.byte(0);
        let kind = match (sign, self.byte(1)) {
            (b'\'' | b'"', _) => return self.text_token(sign),
            (b'0'..=b'9', _) => return self.number(),
            (b'<', b'=') => Kind::LessOrEqual,
            (b'>', b'=') => Kind::GreaterOrEqual,
            (b'!', b'=') | (b'<', b'>') => Kind::NotEqual,
            (b'|', b'|') => Kind::Bars,
            (b'?', b'?') => Kind::Questions,
            _ if is_name(sign) => return Ok(self.name()),
            _ => {
                self.step(1);
                return Ok(self.token(Kind::Sign(sign), start));
            }
        };
        self.step(2);
        Ok(self.token(kind, start))
    }

    /// Reads a name, which may begin with a digit, or be empty.
    pub(super) fn name(&mut self) -> Token {
        let start = self.at;
        while is_name(self.byte(0)) || self.byte(0).is_ascii_digit() {
            self.step(1);
        }
        self.token(Kind::Name, start)
    }

    /// Reads one byte if it is the next one, without space before it.
    pub(super) fn accept(&mut self, sign: u8) -> bool {
        let found = self.byte(0) == sign;
        if found {
            self.step(1);
        }
        found
    }

    /// What stands from here up to `]]`, which is read, too.
    pub(super) fn quoted(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        while !self.is_end() {
            if self.byte(0) == b']' && self.byte(1) == b']' {
                let token = self.token(Kind::Name, start);
                self.step(2);
                return Ok(token);
            }
            self.step(1);
        }
        Err(self.error(self.at, Expected::ClosingQuote))
    }

    fn skip_space(&mut self) -> Result<(), ParseError> {
        loop {
            if matches!(self.byte(0), b' ' | b'\t' | b'\r' | b'\n') {
                self.step(1);
            } else if self.byte(0) == b'/' && self.byte(1) == b'*' {
                self.step(2);
                while (self.byte(0), self.byte(1)) != (b'*', b'/') {
                    if self.is_end() {
                        return Err(self.error(self.at, Expected::EndOfComment));
                    }
                    self.step(1);
                }
                self.step(2);
            } else {
                return Ok(());
            }
        }
    }

    fn text_token(&mut self, mark: u8) -> Result<Token, ParseError> {
        self.step(1);
        let start = self.at;
        let mut escaped = false;
        loop {
            if self.is_end() {
                return Err(self.error(self.at, Expected::EndOfText));
            }
            let byte = self.byte(0);
            if byte == mark {
                let token = self.token(Kind::Text { escaped }, start);
                self.step(1);
                if escaped && token.end.saturating_sub(token.start) > MAX_ESCAPED {
                    return Err(self.error(start, Expected::ShorterText));
                }
                return Ok(token);
            }
            if byte == b'\\' {
                escaped = true;
                let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
                let Some((_, len)) = unescape(rest) else {
                    return Err(self.error(self.at, Expected::Escape));
                };
                self.step(len);
            } else {
                self.step(1);
            }
        }
    }

    fn number(&mut self) -> Result<Token, ParseError> {
        let start = self.at;
        let hexadecimal = matches!(self.byte(1), b'x' | b'X');
        while self.byte(0).is_ascii_alphanumeric()
            || (self.byte(0) == b'.' && self.byte(1).is_ascii_digit())
            || (!hexadecimal
                && matches!(self.byte(0), b'+' | b'-')
                && matches!(self.previous(), b'e' | b'E'))
        {
            self.step(1);
        }
        let digits = self.text.as_bytes().get(start..self.at).unwrap_or_default();
        match Decimal::parse(digits) {
            Ok(number) => Ok(self.token(Kind::Number(number), start)),
            Err(NumberError::TooPrecise) => Err(self.error(start, Expected::ShorterNumber)),
            Err(_) => Err(self.error(start, Expected::Number)),
        }
    }

    fn previous(&self) -> u8 {
        let before = self.at.checked_sub(1);
        before
            .and_then(|at| self.text.as_bytes().get(at).copied())
            .unwrap_or(0)
    }
}

/// The characters in the first bytes of a text: all bytes but those that continue one.
fn characters(text: &str, bytes: usize) -> usize {
    let bytes = text.bytes().take(bytes);
    bytes.filter(|byte| byte & 0xC0 != 0x80).count()
}

/// Longest text with escapes, so that it can be built when it is needed.
#[expect(clippy::cast_possible_truncation, reason = "a constant below 2^16")]
const MAX_ESCAPED: u16 = MAX_BUILT_TEXT as u16;

/// Whether a name may begin with this byte; bytes beyond ASCII belong to letters.
const fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'$' | 0x80..)
}

/// The character that an escape at the front of `text` stands for, and the escape's length.
pub(super) fn unescape(text: &[u8]) -> Option<(char, usize)> {
    let (b'\\', rest) = text.split_first()? else {
        return None;
    };
    let character = match rest.first()? {
        mark @ (b'\'' | b'"' | b'\\' | b'/') => char::from(*mark),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unescape_unicode(rest),
        _ => return None,
    };
    Some((character, 2))
}

/// `uXXXX`, or two of them that make one character.
fn unescape_unicode(rest: &[u8]) -> Option<(char, usize)> {
    let high = unit(rest)?;
    if let Some(character) = char::from_u32(high) {
        return Some((character, 6));
    }
    let (b'\\', next) = rest.get(5..)?.split_first()? else {
        return None;
    };
    let low = unit(next)?;
    if !(0xD800..0xDC00).contains(&high) || !(0xDC00..0xE000).contains(&low) {
        return None;
    }
    let code = (high & 0x3FF) << 10 | (low & 0x3FF);
    Some((char::from_u32(code.saturating_add(0x1_0000))?, 12))
}

fn unit(text: &[u8]) -> Option<u32> {
    let (b'u', digits) = text.split_first()? else {
        return None;
    };
    let digits = digits.first_chunk::<4>()?;
    let mut unit = 0;
    for digit in digits {
        unit = unit << 4 | char::from(*digit).to_digit(16)?;
    }
    Some(unit)
}
