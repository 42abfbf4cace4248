//! What is remembered inside a string: half an escape, half a surrogate pair, half a character.

use super::error::Fault;

/// Where the text of a string is, between two bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Text {
    /// Hexadecimal digits of a `\u` escape so far.
    code: u16,
    digits: u8,
    /// The first half of a surrogate pair, until the second has come; else 0.
    high: u16,
    /// Bytes that the current UTF-8 character still needs, and the range of the next one.
    more: u8,
    low: u8,
    top: u8,
    /// Whether the text holds a character that JSON must escape.
    pub(super) escape: bool,
}

/// The escapes of one letter (RFC 8259 §7): the letter behind the backslash, and the character it stands
/// for. The first of them is never needed.
static ESCAPES: [(u8, u8); 8] = [
    (b'/', b'/'),
    (b'"', b'"'),
    (b'\\', b'\\'),
    (b'b', 0x08),
    (b'f', 0x0C),
    (b'n', b'\n'),
    (b'r', b'\r'),
    (b't', b'\t'),
];

impl Text {
    /// Whether the next byte must continue something that was begun.
    #[inline(always)]
    pub(super) const fn is_open(&self) -> bool {
        self.more != 0 || self.high != 0
    }

    /// Whether a backslash may stand here.
    pub(super) const fn may_escape(&self) -> bool {
        self.more == 0
    }

    /// Takes one byte that is not plain ASCII, or that [`Text::is_open`] speaks of (RFC 3629 §4).
    pub(super) fn byte(&mut self, byte: u8) -> Result<(), Fault> {
        if self.high != 0 {
            return Err(Fault::LoneSurrogate);
        }
        if self.more != 0 {
            if byte < self.low || byte > self.top {
                return Err(Fault::InvalidUtf8);
            }
            self.more = self.more.wrapping_sub(1);
            (self.low, self.top) = (0x80, 0xBF);
            return Ok(());
        }
        self.more = match byte {
            0xC2..=0xDF => 1,
            0xE0..=0xEF => 2,
            0xF0..=0xF4 => 3,
            _ => return Err(Fault::InvalidUtf8),
        };
        self.low = match byte {
            0xE0 => 0xA0,
            0xF0 => 0x90,
            _ => 0x80,
        };
        self.top = match byte {
            0xED => 0x9F,
            0xF4 => 0x8F,
            _ => 0xBF,
        };
        Ok(())
    }

    /// Takes the byte after a backslash: the character it stands for, or `None` for `\u`.
    pub(super) fn escape(&mut self, byte: u8) -> Result<Option<u8>, Fault> {
        if byte == b'u' {
            (self.code, self.digits) = (0, 0);
            return Ok(None);
        }
        if self.high != 0 {
            return Err(Fault::LoneSurrogate);
        }
        let Some((_, plain)) = ESCAPES.iter().find(|(letter, _)| *letter == byte) else {
            return Err(Fault::BadEscape);
        };
        self.escape |= byte != b'/';
        Ok(Some(*plain))
    }

    /// Takes one digit of a `\u` escape; with the fourth, the character is complete, unless it is the
    /// first half of a surrogate pair.
    pub(super) fn digit(&mut self, byte: u8) -> Result<Option<u32>, Fault> {
        let digit = char::from(byte).to_digit(16).ok_or(Fault::BadEscape)?;
        let code = u32::from(self.code).wrapping_shl(4) | digit;
        #[expect(clippy::cast_possible_truncation, reason = "at most four digits")]
        {
            self.code = code as u16;
        }
        self.digits = self.digits.wrapping_add(1);
        if !self.is_coded() {
            return Ok(None);
        }
        let code = match (self.high, self.code & 0xFC00) {
            (0, 0xD800) => {
                self.high = self.code;
                return Ok(None);
            }
            (0, 0xDC00) => return Err(Fault::LoneSurrogate),
            (0, _) => code,
            (high, 0xDC00) => {
                self.high = 0;
                u32::from(high & 0x3FF)
                    .wrapping_shl(10)
                    .wrapping_add(code & 0x3FF)
                    .wrapping_add(0x1_0000)
            }
            _ => return Err(Fault::LoneSurrogate),
        };
        self.escape |= code < 0x20 || code == 0x22 || code == 0x5C;
        Ok(Some(code))
    }

    /// Whether a `\u` escape has all its digits.
    pub(super) const fn is_coded(&self) -> bool {
        self.digits >= 4
    }
}
