//! JSON text into a document, in pieces of any size.
//!
//! [`Reader::feed`] is a state machine that may stop between any two bytes. What a number or a string
//! remembers between two of its bytes stands in [`super::number`] and [`super::text`].

use super::error::{Expected, Fault, ReadError};
use super::number::Digits;
use super::select::{Match, Select};
use super::text::Text;
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::MAX_KEY;
use crate::document::format;
use crate::document::raw::Raw;

/// Reads one JSON text, in pieces of any size, into a document.
///
/// ```
/// use twinsync::codec::json::{Reader, Select};
/// use twinsync::document::Document;
///
/// let mut document = Document::<64>::new();
/// let mut reader = Reader::new(document.as_mut(), &Select::All);
/// reader.feed(b"{\"mode\":\"e")?;
/// reader.feed(b"co\"}")?;
/// reader.finish()?;
/// assert_eq!(document.read::<&str>(&["mode"]), Ok("eco"));
/// # Ok::<(), twinsync::codec::json::ReadError>(())
/// ```
///
/// The document is `{}` until [`Reader::finish`] has returned, and stays so after an error.
#[derive(Debug)]
pub struct Reader<'a> {
    pub(super) raw: Raw<'a>,
    pub(super) state: State,
    /// What the string that is being read is for.
    purpose: Purpose,
    /// Bytes of the text that have been read.
    offset: usize,
    text: Text,
    number: Digits,
    number_start: usize,
    /// What must still come of `true`, `false` or `null`.
    literal: &'static [u8],
    /// What is wanted of the next value, and of the open objects that are not wanted whole.
    wanted: &'static Select,
    pub(super) selects: heapless::Vec<&'static Select, { Select::MAX_DEPTH }>,
    name: Match,
    skip: Skip,
    failed: Option<Fault>,
}

/// Where the reader is, between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Value,
    /// The first item of an array, or its end.
    ValueOrEnd,
    Key,
    /// The first key of an object, or its end.
    KeyOrEnd,
    Colon,
    /// A comma, or the end of the container.
    Next,
    /// The value is complete.
    Done,
    Text,
    /// After a backslash.
    Escape,
    /// Between the digits of a `\u` escape.
    Code,
    Number,
    Literal,
}

/// What becomes of a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// A value that is stored.
    Value,
    /// A key that is stored.
    Key,
    /// A key that is compared with the members that are wanted.
    Name,
    /// A value that is skipped.
    SkippedValue,
    /// A key inside a value that is skipped.
    SkippedKey,
}

/// The part that is being skipped.
#[derive(Clone, Copy, Debug, Default)]
struct Skip {
    active: bool,
    depth: u8,
    /// A bit for each open container, the innermost lowest: whether it is an object.
    objects: u64,
}

impl<'a> Reader<'a> {
    /// Starts to read into `document` what `select` names.
    pub fn new(document: DocumentMut<'a>, select: &'static Select) -> Self {
        Self {
            raw: Raw::new(document),
            state: State::Value,
            purpose: Purpose::Value,
            offset: 0,
            text: Text::default(),
            number: Digits::default(),
            number_start: 0,
            literal: &[],
            wanted: select,
            selects: heapless::Vec::new(),
            name: Match::NONE,
            skip: Skip::default(),
            failed: None,
        }
    }

    /// Reads the next piece of the text: any number of bytes, cut anywhere.
    ///
    /// # Errors
    /// [`ReadError`] says where and why; each further call returns it again.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), ReadError> {
        let mut rest = piece;
        while let Some(byte) = rest.first().copied() {
            if self.failed.is_some() {
                break;
            }
            #[cfg(target_pointer_width = "64")]
            if self.is_plain() {
                let used = self.fast(rest);
                if used > 0 {
                    self.offset = self.offset.wrapping_add(used);
                    rest = rest.get(used..).unwrap_or_default();
                    continue;
                }
            }
            match self.step(byte, rest) {
                Ok(used) => {
                    self.offset = self.offset.wrapping_add(used);
                    rest = rest.get(used..).unwrap_or_default();
                }
                Err(fault) => self.failed = Some(fault),
            }
        }
        self.check()
    }

    /// Ends the text: only now is the document in place.
    ///
    /// # Errors
    /// [`ReadError`] says where and why; the document is then `{}`.
    pub fn finish(self) -> Result<(), ReadError> {
        self.into_ref().map(|_| ())
    }

    /// Ends the text and returns the document for reading.
    ///
    /// # Errors
    /// [`ReadError`] says where and why; the document is then `{}`.
    pub fn into_ref(mut self) -> Result<DocumentRef<'a>, ReadError> {
        if self.failed.is_none() && self.state == State::Number && self.number.is_complete() {
            // Only its end says that a number at the top is complete.
            self.failed = self.end_number().err();
        }
        if self.failed.is_none() && self.state != State::Done {
            self.failed = Some(Fault::UnexpectedEnd);
        }
        self.check()?;
        Ok(self.raw.into_ref())
    }

    /// Whether whole tokens are stored as they come from here on.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    fn is_plain(&self) -> bool {
        let whole = match self.state {
            State::Value | State::ValueOrEnd => true,
            State::Key | State::KeyOrEnd | State::Next => self.selected().is_none(),
            _ => false,
        };
        whole && !self.skip.active && matches!(self.wanted, Select::All)
    }

    fn check(&self) -> Result<(), ReadError> {
        match self.failed {
            None => Ok(()),
            Some(fault) => Err(ReadError {
                offset: self.offset,
                reason: fault.reason(self.raw.shortage()),
            }),
        }
    }

    /// Reads at least one byte, or ends a number; returns how many bytes it used.
    fn step(&mut self, byte: u8, rest: &[u8]) -> Result<usize, Fault> {
        match self.state {
            State::Text => return self.text(byte, rest),
            State::Escape => self.escape(byte)?,
            State::Code => self.code(byte)?,
            State::Number => {
                if !self.number.push(byte)? {
                    self.end_number()?;
                    return Ok(0);
                }
            }
            State::Literal => {
                let Some((_, left)) = self
                    .literal
                    .split_first()
                    .filter(|(next, _)| **next == byte)
                else {
                    return Err(Fault::Expected(Expected::Literal));
                };
                self.literal = left;
                if left.is_empty() {
                    self.after_value();
                }
            }
            _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => {}
            State::Value => self.value(byte, Expected::Value)?,
            State::ValueOrEnd if byte == b']' => self.close(),
            State::ValueOrEnd => self.value(byte, Expected::ValueOrEnd)?,
            State::Key if byte == b'"' => self.key()?,
            State::KeyOrEnd if byte == b'"' => self.key()?,
            State::KeyOrEnd if byte == b'}' => self.close(),
            State::Colon if byte == b':' => self.state = State::Value,
            State::Next => match (byte, self.inside_object()) {
                (b',', true) => self.state = State::Key,
                (b',', false) => self.state = State::Value,
                (b'}', true) | (b']', false) => self.close(),
                (_, true) => return Err(Fault::Expected(Expected::CommaOrObjectEnd)),
                (_, false) => return Err(Fault::Expected(Expected::CommaOrArrayEnd)),
            },
            State::Key => return Err(Fault::Expected(Expected::Key)),
            State::KeyOrEnd => return Err(Fault::Expected(Expected::KeyOrEnd)),
            State::Colon => return Err(Fault::Expected(Expected::Colon)),
            State::Done => return Err(Fault::Trailing),
        }
        Ok(1)
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8, expected: Expected) -> Result<(), Fault> {
        match byte {
            b'{' | b'[' => self.open(byte == b'{')?,
            b'"' => {
                self.begin_text(if self.skip.active {
                    Purpose::SkippedValue
                } else {
                    Purpose::Value
                })?;
            }
            b'0'..=b'9' | b'-' => {
                self.number = Digits::default();
                self.number_start = self.offset;
                self.state = State::Number;
                self.number.push(byte)?;
            }
            b't' => self.begin_literal(b"rue", format::TRUE)?,
            b'f' => self.begin_literal(b"alse", format::FALSE)?,
            b'n' => self.begin_literal(b"ull", format::NULL)?,
            _ => return Err(Fault::Expected(expected)),
        }
        Ok(())
    }

    fn open(&mut self, object: bool) -> Result<(), Fault> {
        self.state = if object {
            State::KeyOrEnd
        } else {
            State::ValueOrEnd
        };
        if self.skip.active {
            if u32::from(self.skip.depth) >= u64::BITS {
                return Err(Fault::TooDeep);
            }
            self.skip.depth = self.skip.depth.wrapping_add(1);
            self.skip.objects = self.skip.objects.wrapping_shl(1) | u64::from(object);
            return Ok(());
        }
        if self.raw.open.is_full() {
            return Err(Fault::TooDeep);
        }
        self.raw.begin(object)?;
        if object && matches!(self.wanted, Select::Members(_)) {
            self.selects.push(self.wanted).map_err(|_| Fault::TooDeep)?;
        }
        self.wanted = &Select::All;
        Ok(())
    }

    fn close(&mut self) {
        if self.skip.active {
            self.skip.depth = self.skip.depth.wrapping_sub(1);
            self.skip.objects = self.skip.objects.wrapping_shr(1);
        } else {
            if self.selected().is_some() {
                self.selects.pop();
            }
            self.raw.end();
        }
        self.after_value();
    }

    /// The members that are wanted of the innermost open object, unless all are.
    fn selected(&self) -> Option<&'static Select> {
        self.selects
            .last()
            .copied()
            .filter(|_| self.selects.len() == self.raw.open.len())
    }

    fn inside_object(&self) -> bool {
        if self.skip.depth > 0 {
            self.skip.objects & 1 != 0
        } else {
            self.raw.inside_map() == Some(true)
        }
    }

    fn after_value(&mut self) {
        if self.skip.depth == 0 {
            self.skip.active = false;
        }
        self.wanted = &Select::All;
        self.state = if self.raw.open.is_empty() {
            State::Done
        } else {
            State::Next
        };
    }

    fn key(&mut self) -> Result<(), Fault> {
        let purpose = if self.skip.active {
            Purpose::SkippedKey
        } else if let Some(Select::Members(members)) = self.selected() {
            self.name = Match::new(members);
            Purpose::Name
        } else {
            Purpose::Key
        };
        self.begin_text(purpose)
    }

    fn begin_text(&mut self, purpose: Purpose) -> Result<(), Fault> {
        self.purpose = purpose;
        self.text = Text::default();
        self.state = State::Text;
        if matches!(purpose, Purpose::Value | Purpose::Key) {
            self.raw.begin_text()?;
        }
        Ok(())
    }

    /// Inside a string: reads a run of plain characters, or one byte that needs a closer look.
    fn text(&mut self, byte: u8, rest: &[u8]) -> Result<usize, Fault> {
        if !self.text.is_open() {
            let run = rest
                .iter()
                .position(|byte| !matches!(byte, 0x20..=0x7F) || matches!(byte, b'"' | b'\\'))
                .unwrap_or(rest.len());
            if run > 0 {
                self.store(rest.get(..run).unwrap_or_default())?;
                return Ok(run);
            }
        }
        match byte {
            b'\\' if self.text.may_escape() => self.state = State::Escape,
            b'"' if !self.text.is_open() => self.end_text()?,
            0..0x20 if !self.text.is_open() => return Err(Fault::ControlCharacter),
            _ => {
                self.text.byte(byte)?;
                self.store(&[byte])?;
            }
        }
        Ok(1)
    }

    fn escape(&mut self, byte: u8) -> Result<(), Fault> {
        match self.text.escape(byte)? {
            Some(plain) => {
                self.store(&[plain])?;
                self.state = State::Text;
            }
            None => self.state = State::Code,
        }
        Ok(())
    }

    fn code(&mut self, byte: u8) -> Result<(), Fault> {
        if let Some(complete) = self.text.digit(byte)? {
            if let Some(character) = complete {
                self.store(character.as_slice())?;
            }
            self.state = State::Text;
        }
        Ok(())
    }

    /// Puts text where it belongs. What does not fit is an error at the first byte that does not.
    fn store(&mut self, text: &[u8]) -> Result<(), Fault> {
        match self.purpose {
            Purpose::SkippedValue | Purpose::SkippedKey => return Ok(()),
            Purpose::Name => {
                for byte in text {
                    self.name.push(*byte);
                }
                return Ok(());
            }
            Purpose::Key => {
                let room = MAX_KEY.saturating_sub(self.raw.written().len());
                if text.len() > room {
                    self.overrun(room);
                    return Err(Fault::KeyTooLong);
                }
            }
            Purpose::Value => {}
        }
        if self.raw.text(text).is_err() {
            let room = self.raw.bytes.len().saturating_sub(self.raw.at);
            self.overrun(room);
            // However much follows: what comes in pieces is the same error as the whole.
            let _ = self.raw.room(room.saturating_add(1));
            return Err(Fault::Capacity);
        }
        Ok(())
    }

    /// Moves on to the byte that is too much. An escape counts as one byte, its last.
    fn overrun(&mut self, room: usize) {
        if self.state == State::Text {
            self.offset = self.offset.wrapping_add(room);
        }
    }

    fn end_text(&mut self) -> Result<(), Fault> {
        match self.purpose {
            Purpose::Value => {
                self.raw.end_string(self.text.escape)?;
                self.after_value();
                return Ok(());
            }
            Purpose::SkippedValue => {
                self.after_value();
                return Ok(());
            }
            Purpose::Key => self.raw.end_key(self.text.escape)?,
            Purpose::Name => match self.name.finish() {
                Some(member) => {
                    let key = member.key.as_bytes();
                    self.raw.begin_text()?;
                    self.raw.text(key)?;
                    self.raw.end_key(self.text.escape)?;
                    self.wanted = &member.select;
                }
                None => self.skip.active = true,
            },
            Purpose::SkippedKey => {}
        }
        self.state = State::Colon;
        Ok(())
    }

    fn end_number(&mut self) -> Result<(), Fault> {
        if !self.skip.active {
            match self.number.finish() {
                Ok(number) => self.raw.number(number)?,
                Err(error) => {
                    self.offset = self.number_start;
                    return Err(Fault::Number(error));
                }
            }
        }
        self.after_value();
        Ok(())
    }

    fn begin_literal(&mut self, rest: &'static [u8], tag: u8) -> Result<(), Fault> {
        self.literal = rest;
        self.state = State::Literal;
        if !self.skip.active {
            self.raw.text(&[tag])?;
        }
        Ok(())
    }
}
