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
// Small fields first: Thumb code reaches only the first bytes with short instructions.
#[derive(Debug)]
#[repr(C)]
pub struct Reader<'a> {
    pub(super) state: State,
    /// What the string that is being read is for.
    purpose: Purpose,
    failed: Option<Fault>,
    text: Text,
    skip: Skip,
    /// Bytes of the text that have been read.
    offset: usize,
    /// What must still come of `true`, `false` or `null`.
    literal: &'static [u8],
    /// What is wanted of the next value, and of the open objects that are not wanted whole.
    wanted: &'static Select,
    name: Match,
    pub(super) raw: Raw<'a>,
    number_start: usize,
    number: Digits,
    pub(super) selects: heapless::Vec<&'static Select, { Select::MAX_DEPTH }>,
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
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn new(document: DocumentMut<'a>, select: &'static Select) -> Self {
        Self::with(Raw::new(document), 0, State::Value, select)
    }

    /// Goes on with a text of which `offset` bytes were read already; all of it is wanted.
    #[cfg(target_pointer_width = "64")]
    pub(super) fn resume(raw: Raw<'a>, offset: usize, state: State) -> Self {
        Self::with(raw, offset, state, &Select::All)
    }

    #[inline(always)]
    fn with(raw: Raw<'a>, offset: usize, state: State, select: &'static Select) -> Self {
        Self {
            raw,
            state,
            purpose: Purpose::Value,
            offset,
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
        while let Some(byte) = rest.first().copied()
            && self.failed.is_none()
        {
            #[cfg(target_pointer_width = "64")]
            if self.is_plain() {
                let used = self.fast(rest);
                if used > 0 {
                    self.offset = self.offset.wrapping_add(used);
                    rest = rest.get(used..).unwrap_or_default();
                    continue;
                }
            }
            let used = self.step(byte, rest);
            if self.has_failed() {
                break;
            }
            self.offset = self.offset.wrapping_add(used);
            rest = rest.get(used..).unwrap_or_default();
        }
        self.check()
    }

    /// Ends the text: only now is the document in place.
    ///
    /// # Errors
    /// [`ReadError`] says where and why; the document is then `{}`.
    pub fn finish(mut self) -> Result<(), ReadError> {
        self.end().map(|_| ())
    }

    /// Ends the text and returns the document for reading.
    ///
    /// # Errors
    /// [`ReadError`] says where and why; the document is then `{}`.
    pub fn into_ref(mut self) -> Result<DocumentRef<'a>, ReadError> {
        self.end()
    }

    /// Ends the text, see [`Reader::into_ref`]; the reader, which is large, stays where it is.
    pub(crate) fn end(&mut self) -> Result<DocumentRef<'a>, ReadError> {
        self.complete()?;
        Ok(self.raw.take())
    }

    /// Ends the text, lets `last` read the document and remove from it, and returns it for reading.
    pub(crate) fn end_edited<T>(
        &mut self,
        last: impl FnOnce(&mut DocumentMut<'_>) -> T,
    ) -> Result<(T, DocumentRef<'a>), ReadError> {
        self.complete()?;
        Ok(self.raw.take_edited(last))
    }

    /// Says whether the text is complete.
    fn complete(&mut self) -> Result<(), ReadError> {
        if self.failed.is_none() && self.state == State::Number && self.number.is_complete() {
            // Only its end says that a number at the top is complete.
            self.end_number();
        }
        if !self.has_failed() && self.state != State::Done {
            self.failed = Some(Fault::UnexpectedEnd);
        }
        self.check()
    }

    /// Whether whole tokens are stored as they come from here on.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    fn is_plain(&self) -> bool {
        let whole = match self.state {
            State::Value | State::ValueOrEnd => true,
            State::Key | State::KeyOrEnd | State::Next => self.selected().is_none(),
            State::Colon
            | State::Done
            | State::Text
            | State::Escape
            | State::Code
            | State::Number
            | State::Literal => false,
        };
        whole && !self.skip.active && matches!(self.wanted, Select::All)
    }

    /// Notes what went wrong; nothing more is read after this step.
    fn fail(&mut self, fault: Fault) {
        self.failed = Some(fault);
    }

    fn has_failed(&mut self) -> bool {
        if self.raw.is_full() && self.failed.is_none() {
            self.failed = Some(Fault::Capacity);
        }
        self.failed.is_some()
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
    fn step(&mut self, byte: u8, rest: &[u8]) -> usize {
        match self.state {
            State::Text => return self.text(byte, rest),
            State::Escape => self.escape(byte),
            State::Code => self.code(byte),
            State::Number => match self.number.push(byte) {
                Ok(true) => {}
                Ok(false) => {
                    self.end_number();
                    return 0;
                }
                Err(fault) => self.fail(fault),
            },
            State::Literal => match self.literal.split_first() {
                Some((next, left)) if *next == byte => {
                    self.literal = left;
                    if left.is_empty() {
                        self.after_value();
                    }
                }
                _ => self.fail(Fault::Expected(Expected::Literal)),
            },
            _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => {}
            State::Value => self.value(byte, Expected::Value),
            State::ValueOrEnd if byte == b']' => self.close(),
            State::ValueOrEnd => self.value(byte, Expected::ValueOrEnd),
            State::Key if byte == b'"' => self.key(),
            State::KeyOrEnd if byte == b'"' => self.key(),
            State::KeyOrEnd if byte == b'}' => self.close(),
            State::Colon if byte == b':' => self.state = State::Value,
            State::Next => match (byte, self.inside_object()) {
                (b',', true) => self.state = State::Key,
                (b',', false) => self.state = State::Value,
                (b'}', true) | (b']', false) => self.close(),
                (_, true) => self.fail(Fault::Expected(Expected::CommaOrObjectEnd)),
                (_, false) => self.fail(Fault::Expected(Expected::CommaOrArrayEnd)),
            },
            State::Key => self.fail(Fault::Expected(Expected::Key)),
            State::KeyOrEnd => self.fail(Fault::Expected(Expected::KeyOrEnd)),
            State::Colon => self.fail(Fault::Expected(Expected::Colon)),
            State::Done => self.fail(Fault::Trailing),
        }
        1
    }

    /// The first byte of a value.
    fn value(&mut self, byte: u8, expected: Expected) {
        match byte {
            b'{' | b'[' => self.open(byte == b'{'),
            b'"' => {
                self.begin_text(if self.skip.active {
                    Purpose::SkippedValue
                } else {
                    Purpose::Value
                });
            }
            b'0'..=b'9' | b'-' => {
                self.number = Digits::default();
                self.number_start = self.offset;
                self.state = State::Number;
                // The first byte is always taken.
                let _ = self.number.push(byte);
            }
            _ => {
                let (rest, tag) = match byte {
                    b't' => (&b"rue"[..], format::TRUE),
                    b'f' => (&b"alse"[..], format::FALSE),
                    b'n' => (&b"ull"[..], format::NULL),
                    _ => return self.fail(Fault::Expected(expected)),
                };
                self.begin_literal(rest, tag);
            }
        }
    }

    fn open(&mut self, object: bool) {
        self.state = if object {
            State::KeyOrEnd
        } else {
            State::ValueOrEnd
        };
        if self.skip.active {
            if u32::from(self.skip.depth) >= u64::BITS {
                return self.fail(Fault::TooDeep);
            }
            self.skip.depth = self.skip.depth.wrapping_add(1);
            self.skip.objects = self.skip.objects.wrapping_shl(1) | u64::from(object);
            return;
        }
        if self.raw.open.is_full() {
            return self.fail(Fault::TooDeep);
        }
        self.raw.begin(object);
        if object
            && matches!(self.wanted, Select::Members(_))
            && self.selects.push(self.wanted).is_err()
        {
            return self.fail(Fault::TooDeep);
        }
        self.wanted = &Select::All;
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

    fn key(&mut self) {
        let purpose = if self.skip.active {
            Purpose::SkippedKey
        } else if let Some(Select::Members(members)) = self.selected() {
            self.name = Match::new(members);
            Purpose::Name
        } else {
            Purpose::Key
        };
        self.begin_text(purpose);
    }

    fn begin_text(&mut self, purpose: Purpose) {
        self.purpose = purpose;
        self.text = Text::default();
        self.state = State::Text;
        if matches!(purpose, Purpose::Value | Purpose::Key) {
            self.raw.begin_text();
        }
    }

    /// Inside a string: reads a run of plain characters, or one byte that needs a closer look.
    fn text(&mut self, byte: u8, rest: &[u8]) -> usize {
        if !self.text.is_open() {
            let run = plain_run(rest);
            if run > 0 {
                self.store(rest.get(..run).unwrap_or_default());
                return run;
            }
        }
        match byte {
            b'\\' if self.text.may_escape() => self.state = State::Escape,
            b'"' if !self.text.is_open() => self.end_text(),
            0..0x20 if !self.text.is_open() => self.fail(Fault::ControlCharacter),
            _ => match self.text.byte(byte) {
                Ok(()) => self.store(&[byte]),
                Err(fault) => self.fail(fault),
            },
        }
        1
    }

    fn escape(&mut self, byte: u8) {
        match self.text.escape(byte) {
            Ok(Some(plain)) => {
                self.store(&[plain]);
                self.state = State::Text;
            }
            Ok(None) => self.state = State::Code,
            Err(fault) => self.fail(fault),
        }
    }

    fn code(&mut self, byte: u8) {
        match self.text.digit(byte) {
            Ok(Some(code)) => self.character(code),
            Ok(None) => {}
            Err(fault) => return self.fail(fault),
        }
        if self.text.is_coded() {
            self.state = State::Text;
        }
    }

    /// Puts a character where it belongs, in UTF-8 (RFC 3629 §3).
    fn character(&mut self, code: u32) {
        let low_byte = |code: u32| {
            let [low, ..] = code.to_le_bytes();
            low
        };
        let (lead, mut shift) = match code {
            0..0x80 => (0, 0_u32),
            0x80..0x800 => (0xC0, 6),
            0x800..0x1_0000 => (0xE0, 12),
            _ => (0xF0, 18),
        };
        self.store(&[lead | low_byte(code.wrapping_shr(shift))]);
        while shift > 0 {
            shift = shift.wrapping_sub(6);
            self.store(&[0x80 | low_byte(code.wrapping_shr(shift)) & 0x3F]);
        }
    }

    /// Puts text where it belongs. What does not fit is an error at the first byte that does not.
    fn store(&mut self, text: &[u8]) {
        match self.purpose {
            Purpose::SkippedValue | Purpose::SkippedKey => return,
            Purpose::Name => return self.name.push(text),
            Purpose::Key => {
                let room = MAX_KEY.saturating_sub(self.raw.written().len());
                if text.len() > room {
                    self.overrun(room);
                    return self.fail(Fault::KeyTooLong);
                }
            }
            Purpose::Value => {}
        }
        let room = self.raw.bytes.len().saturating_sub(self.raw.at);
        if text.len() > room {
            self.overrun(room);
            // However much follows: what comes in pieces is the same error as the whole.
            self.raw.room(room.saturating_add(1));
        }
        self.raw.text(text);
    }

    /// Moves on to the byte that is too much. An escape counts as one byte, its last.
    fn overrun(&mut self, room: usize) {
        if self.state == State::Text {
            self.offset = self.offset.wrapping_add(room);
        }
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn end_text(&mut self) {
        match self.purpose {
            Purpose::Value => {
                self.raw.end_string(self.text.escape);
                self.after_value();
                return;
            }
            Purpose::SkippedValue => {
                self.after_value();
                return;
            }
            Purpose::Key => self.raw.end_key(self.text.escape),
            Purpose::Name => match self.name.finish() {
                Some(member) => {
                    let key = member.key.as_bytes();
                    self.raw.begin_text();
                    self.raw.text(key);
                    self.raw.end_key(self.text.escape);
                    self.wanted = &member.select;
                }
                None => self.skip.active = true,
            },
            Purpose::SkippedKey => {}
        }
        self.state = State::Colon;
    }

    fn end_number(&mut self) {
        if !self.skip.active {
            match self.number.finish() {
                Ok(number) => self.raw.number(number),
                Err(error) => {
                    self.offset = self.number_start;
                    return self.fail(Fault::Number(error));
                }
            }
        }
        self.after_value();
    }

    fn begin_literal(&mut self, rest: &'static [u8], tag: u8) {
        self.literal = rest;
        self.state = State::Literal;
        if !self.skip.active {
            self.raw.text(&[tag]);
        }
    }
}

/// How many bytes at the front are ASCII that stands for itself inside a string.
fn plain_run(text: &[u8]) -> usize {
    #[cfg(target_pointer_width = "64")]
    let rest = {
        let mut rest = text;
        while let Some((word, after)) = rest.split_first_chunk()
            && super::fast::stops(u64::from_le_bytes(*word)) == 0
        {
            rest = after;
        }
        rest
    };
    #[cfg(not(target_pointer_width = "64"))]
    let rest = text;
    let tail = rest
        .iter()
        .position(|byte| !matches!(byte, 0x20..=0x7F) || matches!(byte, b'"' | b'\\'))
        .unwrap_or(rest.len());
    text.len().wrapping_sub(rest.len()).wrapping_add(tail)
}

#[cfg(feature = "defmt")]
impl defmt::Format for Reader<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Reader at {=usize}", self.offset);
    }
}
