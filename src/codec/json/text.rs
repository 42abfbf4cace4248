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

/// The bytes of one character.
pub(super) struct Character {
    bytes: [u8; 4],
    len: u8,
}

impl Character {
    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

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
        (self.more, self.low, self.top) = match byte {
            0xC2..=0xDF => (1, 0x80, 0xBF),
            0xE0 => (2, 0xA0, 0xBF),
            0xED => (2, 0x80, 0x9F),
            0xE1..=0xEF => (2, 0x80, 0xBF),
            0xF0 => (3, 0x90, 0xBF),
            0xF4 => (3, 0x80, 0x8F),
            0xF1..=0xF3 => (3, 0x80, 0xBF),
            _ => return Err(Fault::InvalidUtf8),
        };
        Ok(())
    }

    /// Takes the byte after a backslash: the character it stands for, or `None` for `\u`.
    pub(super) fn escape(&mut self, byte: u8) -> Result<Option<u8>, Fault> {
        if self.high != 0 && byte != b'u' {
            return Err(Fault::LoneSurrogate);
        }
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0C,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                (self.code, self.digits) = (0, 0);
                return Ok(None);
            }
            _ => return Err(Fault::BadEscape),
        };
        self.escape |= byte != b'/';
        Ok(Some(plain))
    }

    /// Takes one digit of a `\u` escape; after the fourth, says whether a character is complete (it
    /// is not after the first half of a surrogate pair).
    pub(super) fn digit(&mut self, byte: u8) -> Result<Option<Option<Character>>, Fault> {
        let digit = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0'),
            b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
            b'A'..=b'F' => byte.wrapping_sub(b'A').wrapping_add(10),
            _ => return Err(Fault::BadEscape),
        };
        self.code = self.code.wrapping_shl(4) | u16::from(digit);
        self.digits = self.digits.wrapping_add(1);
        if self.digits < 4 {
            return Ok(None);
        }
        let code = u32::from(self.code);
        let high = u32::from(self.high);
        let code = match (high, code) {
            (0, 0xD800..=0xDBFF) => {
                self.high = self.code;
                return Ok(Some(None));
            }
            (0, 0xDC00..=0xDFFF) => return Err(Fault::LoneSurrogate),
            (0, _) => code,
            (_, 0xDC00..=0xDFFF) => {
                self.high = 0;
                (high & 0x3FF)
                    .wrapping_shl(10)
                    .wrapping_add(code & 0x3FF)
                    .wrapping_add(0x1_0000)
            }
            _ => return Err(Fault::LoneSurrogate),
        };
        self.escape |= code < 0x20 || code == 0x22 || code == 0x5C;
        Ok(Some(Some(encode(code))))
    }
}

/// A character in UTF-8 (RFC 3629 §3).
fn encode(code: u32) -> Character {
    let (len, mut lead) = match code {
        0..0x80 => (1, 0),
        0x80..0x800 => (2, 0xC0),
        0x800..0x1_0000 => (3, 0xE0),
        _ => (4, 0xF0),
    };
    let mut bytes = [0; 4];
    let mut code = code;
    for slot in bytes.iter_mut().take(usize::from(len)).skip(1).rev() {
        *slot = 0x80 | (low_byte(code) & 0x3F);
        code = code.wrapping_shr(6);
    }
    lead |= low_byte(code);
    let [first, ..] = &mut bytes;
    *first = lead;
    Character { bytes, len }
}

fn low_byte(code: u32) -> u8 {
    let [low, ..] = code.to_le_bytes();
    low
}
