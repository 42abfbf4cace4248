//! CBOR into a document, in pieces of any size.
//!
//! [`Reader::feed`] is a state machine that may stop between any two bytes. What is kept goes straight
//! into the document; what is skipped only has to be well-formed.

use super::error::{Fault, ReadError};
use super::level::Level;
use super::number;
use super::select::{Match, Member, Select};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::MAX_DEPTH;
use crate::document::MAX_KEY;
use crate::document::format;
use crate::document::raw::Raw;

/// Reads one CBOR data item, in pieces of any size, into a document.
///
/// ```
/// use twinsync::codec::cbor::{Reader, Select};
/// use twinsync::document::Document;
///
/// let mut document = Document::<64>::new();
/// let mut reader = Reader::new(document.as_mut(), &Select::All);
/// reader.feed(b"\xA1\x64mo")?;
/// reader.feed(b"de\x63eco")?;
/// reader.finish()?;
/// assert_eq!(document.read::<&str>(&["mode"]), Ok("eco"));
/// # Ok::<(), twinsync::codec::cbor::ReadError>(())
/// ```
///
/// The document is `{}` until [`Reader::finish`] has returned, and stays so after an error.
#[derive(Debug)]
pub struct Reader<'a> {
    pub(super) raw: Raw<'a>,
    state: State,
    /// Bytes that have been read, and where the head began that was read last.
    offset: usize,
    start: usize,
    /// The head's first byte and its argument; inside a string, how much of it is still to come.
    initial: u8,
    argument: u64,
    /// Bytes of the argument that are still to come.
    missing: u8,
    expect: Expect,
    /// The open containers, those that are skipped included: there a fraction (tag 4) is an array.
    pub(super) levels: heapless::Vec<Level, { MAX_DEPTH + 1 }>,
    /// Above this many open containers everything is skipped.
    skip: Option<usize>,
    string: Text,
    decimal: Decimal,
    /// What is wanted of the next value, and of the open maps that are not wanted whole.
    wanted: &'static Select,
    pub(super) selects: heapless::Vec<&'static Select, { Select::MAX_DEPTH }>,
    name: Match,
    failed: Option<Fault>,
}

/// Where the reader is, between two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In front of a data item, or of the break that ends what is open.
    Head,
    /// Inside a head.
    Argument,
    /// Inside a string.
    String,
    /// The data item is complete.
    Done,
}

/// What the heads before ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    /// A data item, or a break.
    Item,
    /// A data item: the content of a tag that is ignored.
    Content,
    /// A chunk of the string, or a break.
    Chunk,
    /// The content of tag 2 or 3.
    Bignum,
    /// The content of tag 4, then the two items in it.
    Fraction,
    Exponent,
    Mantissa,
    /// The break behind them.
    Break,
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
    /// The digits of a bignum.
    Bignum,
    /// Nothing.
    Skipped,
}

/// The string that is being read.
#[derive(Clone, Copy, Debug)]
struct Text {
    purpose: Purpose,
    major: u8,
    /// Whether it comes in chunks, and where the current one begins in the document.
    chunked: bool,
    chunk: usize,
    /// Whether it holds a character that JSON must escape.
    escape: bool,
}

/// The bignum or decimal fraction that is being read.
#[derive(Clone, Copy, Debug, Default)]
struct Decimal {
    negative: bool,
    magnitude: u64,
    power: i32,
    /// Whether a break must follow the mantissa.
    indefinite: bool,
}

const BREAK: u8 = 0xFF;

/// Tags whose content says something else without them: bigfloats (5), references (25, 29), rationals
/// (30), decimals and bigfloats with any exponent (264, 265).
const REFUSED: [u16; 6] = [5, 25, 29, 30, 264, 265];

/// Beyond this an exponent is out of range, whatever the mantissa.
const MAX_POWER: i32 = 1_000_000;

impl<'a> Reader<'a> {
    /// Starts to read into `document` what `select` names.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn new(document: DocumentMut<'a>, select: &'static Select) -> Self {
        Self {
            raw: Raw::new(document),
            state: State::Head,
            offset: 0,
            start: 0,
            initial: 0,
            argument: 0,
            missing: 0,
            expect: Expect::Item,
            levels: heapless::Vec::new(),
            skip: None,
            string: Text {
                purpose: Purpose::Skipped,
                major: 0,
                chunked: false,
                chunk: 0,
                escape: false,
            },
            decimal: Decimal::default(),
            wanted: select,
            selects: heapless::Vec::new(),
            name: Match::NONE,
            failed: None,
        }
    }

    /// As [`Reader::new`], but all is skipped.
    pub(super) fn skipping(document: DocumentMut<'a>) -> Self {
        let mut reader = Self::new(document, &Select::All);
        reader.skip = Some(0);
        reader
    }

    /// Reads the next piece: any number of bytes, cut anywhere.
    ///
    /// # Errors
    /// [`ReadError`] says where and why; each further call returns it again.
    pub fn feed(&mut self, piece: &[u8]) -> Result<(), ReadError> {
        let used = self.take(piece);
        if self.failed.is_none() && used < piece.len() {
            self.start = self.offset;
            self.failed = Some(Fault::Trailing);
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
        if self.failed.is_none() && self.state != State::Done {
            self.start = self.offset;
            self.failed = Some(Fault::UnexpectedEnd);
        }
        self.check()?;
        Ok(self.raw.take())
    }

    /// Reads up to the end of the data item or of the piece; returns how many bytes were used.
    pub(super) fn take(&mut self, piece: &[u8]) -> usize {
        let mut rest = piece;
        while self.failed.is_none()
            && self.state != State::Done
            && let Some(byte) = rest.first().copied()
        {
            #[cfg(target_pointer_width = "64")]
            if self.is_plain() {
                let (used, complete) = self.fast(rest);
                if complete {
                    self.after_item();
                }
                if used > 0 {
                    self.offset = self.offset.wrapping_add(used);
                    rest = rest.get(used..).unwrap_or_default();
                    continue;
                }
            }
            let used = self.step(byte, rest);
            if self.raw.is_full() && self.failed.is_none() {
                self.failed = Some(Fault::Capacity);
            }
            self.offset = self.offset.wrapping_add(used);
            rest = rest.get(used..).unwrap_or_default();
        }
        piece.len().wrapping_sub(rest.len())
    }

    /// Whether whole items are stored as they come from here on.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    fn is_plain(&self) -> bool {
        self.state == State::Head
            && self.expect == Expect::Item
            && self.skip.is_none()
            && matches!(self.wanted, Select::All)
            && (self.selected().is_none()
                || !self.levels.last().is_some_and(|level| level.expects_key()))
    }

    fn check(&self) -> Result<(), ReadError> {
        match self.failed {
            None => Ok(()),
            Some(fault) => Err(ReadError {
                offset: self.start,
                reason: fault.reason(self.raw.shortage()),
            }),
        }
    }

    /// Notes what went wrong; nothing more is read after this step.
    fn fail(&mut self, fault: Fault) {
        self.failed = Some(fault);
    }

    /// Reads at least one byte; returns how many it used.
    fn step(&mut self, byte: u8, rest: &[u8]) -> usize {
        match self.state {
            State::Head => {
                self.start = self.offset;
                self.initial = byte;
                let info = byte & 0x1F;
                self.argument = u64::from(info);
                match info {
                    0..24 => self.item(),
                    24..28 => {
                        self.argument = 0;
                        self.missing = 1_u8.wrapping_shl(u32::from(info & 3));
                        self.state = State::Argument;
                    }
                    31 if matches!(byte, 0x40..0xC0 | BREAK) => self.item(),
                    _ => self.fail(Fault::Malformed),
                }
            }
            State::Argument => {
                self.argument = self.argument.wrapping_shl(8) | u64::from(byte);
                self.missing = self.missing.wrapping_sub(1);
                if self.missing == 0 {
                    self.item();
                }
            }
            State::String => {
                let left = usize::try_from(self.argument).unwrap_or(usize::MAX);
                let text = rest.get(..left).unwrap_or(rest);
                self.argument = self.argument.wrapping_sub(text.len() as u64);
                self.store(text);
                if self.argument == 0 && self.failed.is_none() {
                    self.end_chunk();
                }
                return text.len();
            }
            State::Done => {}
        }
        1
    }

    /// A head is complete.
    fn item(&mut self) {
        self.state = State::Head;
        let major = self.initial.wrapping_shr(5);
        let expect = core::mem::replace(&mut self.expect, Expect::Item);
        match (expect, major) {
            (Expect::Chunk, _) => self.next_chunk(major),
            (Expect::Item | Expect::Break, _) if self.initial == BREAK => {
                self.end_indefinite(expect);
            }
            // A break too early inside a fraction ends an array all the same.
            (_, _) if self.initial == BREAK && !self.decimal.indefinite => {
                self.fail(Fault::Malformed);
            }
            (Expect::Item | Expect::Content, _) => self.value(major),
            (Expect::Bignum, 2) => self.begin_string(major, Purpose::Bignum),
            (Expect::Fraction, 4) if self.is_indefinite() || self.argument == 2 => {
                self.decimal.indefinite = self.is_indefinite();
                self.expect = Expect::Exponent;
            }
            (Expect::Exponent, 0 | 1) => {
                let power = i32::try_from(self.argument)
                    .unwrap_or(MAX_POWER)
                    .min(MAX_POWER);
                self.decimal.power = if major == 0 { power } else { !power };
                self.expect = Expect::Mantissa;
            }
            (Expect::Mantissa, 0 | 1) => self.number(major == 1, self.argument),
            (Expect::Mantissa, 6) if matches!(self.argument, 2 | 3) => self.begin_bignum(),
            _ => self.fail(Fault::Tag),
        }
    }

    fn is_indefinite(&self) -> bool {
        self.initial & 0x1F == 0x1F
    }

    /// A head that may begin any value.
    fn value(&mut self, major: u8) {
        let skipped = self.skip.is_some();
        let key = !skipped && self.levels.last().is_some_and(|level| level.expects_key());
        if key
            && major < 2
            && let Some(Select::Numbered(members)) = self.selected()
        {
            let number = usize::try_from(self.argument).ok().filter(|_| major == 0);
            let member = number.and_then(|number| members.get(number));
            return self.begin_member(member.filter(|member| !member.key.is_empty()));
        }
        match major {
            // A number is no key either.
            6 if !key || !matches!(self.argument, 2..=4) => self.tag(skipped),
            3 if key => self.key(),
            _ if key => self.fail(Fault::Key),
            4 | 5 => self.open(major == 5),
            2 if !skipped => self.fail(Fault::Bytes),
            2 | 3 if skipped => self.begin_string(major, Purpose::Skipped),
            3 => self.begin_string(major, Purpose::Value),
            7 => self.simple(skipped),
            _ if skipped => self.after_item(),
            _ => self.number(major == 1, self.argument),
        }
    }

    fn tag(&mut self, skipped: bool) {
        self.expect = Expect::Content;
        if skipped {
            return;
        }
        match self.argument {
            2 | 3 => self.begin_bignum(),
            4 => self.expect = Expect::Fraction,
            tag if REFUSED.iter().any(|refused| u64::from(*refused) == tag) => {
                self.fail(Fault::Tag);
            }
            _ => {}
        }
    }

    fn begin_bignum(&mut self) {
        self.decimal.negative = self.argument == 3;
        self.decimal.magnitude = 0;
        self.expect = Expect::Bignum;
    }

    /// A number is complete, unless it is a fraction that a break must end.
    fn number(&mut self, negative: bool, argument: u64) {
        match number::integer(negative, argument, self.decimal.power) {
            Ok(number) => self.raw.number(number),
            Err(fault) => return self.fail(fault),
        }
        let Decimal { indefinite, .. } = core::mem::take(&mut self.decimal);
        if indefinite {
            self.expect = Expect::Break;
        } else {
            self.after_item();
        }
    }

    fn simple(&mut self, skipped: bool) {
        let info = self.initial & 0x1F;
        let tag = match info {
            24 if self.argument < 32 => return self.fail(Fault::Malformed),
            _ if skipped => return self.after_item(),
            20 => format::FALSE,
            21 => format::TRUE,
            22 => format::NULL,
            25..28 => {
                match number::float(info, self.argument) {
                    Ok(number) => self.raw.number(number),
                    Err(fault) => return self.fail(fault),
                }
                return self.after_item();
            }
            _ => return self.fail(Fault::Simple),
        };
        self.raw.text(&[tag]);
        self.after_item();
    }

    fn open(&mut self, map: bool) {
        let items = (!self.is_indefinite()).then_some(self.argument);
        let Some(level) = Level::new(map, items) else {
            return self.fail(Fault::TooLong);
        };
        let full = self.skip.is_none() && self.raw.open.is_full();
        if full || self.levels.push(level).is_err() {
            return self.fail(Fault::TooDeep);
        }
        if self.skip.is_none() {
            self.raw.begin(map);
            if map && !matches!(self.wanted, Select::All) && self.selects.push(self.wanted).is_err()
            {
                return self.fail(Fault::TooDeep);
            }
            self.wanted = &Select::All;
        }
        if level.is_complete() {
            self.close();
            self.after_item();
        }
    }

    fn end_indefinite(&mut self, expect: Expect) {
        if expect == Expect::Break {
            self.after_item();
        } else if self.levels.last().is_some_and(|level| level.may_break()) {
            self.close();
            self.after_item();
        } else {
            self.fail(Fault::Malformed);
        }
    }

    /// Ends the innermost container, which is complete.
    fn close(&mut self) {
        if self.skip.is_none() {
            if self.selected().is_some() {
                self.selects.pop();
            }
            self.raw.end();
        }
        self.levels.pop();
    }

    /// The members that are wanted of the innermost open map, unless all are.
    fn selected(&self) -> Option<&'static Select> {
        self.selects
            .last()
            .copied()
            .filter(|_| self.selects.len() == self.levels.len())
    }

    /// A key or a value is complete, and perhaps the containers around it.
    fn after_item(&mut self) {
        self.wanted = &Select::All;
        loop {
            if self.skip == Some(self.levels.len()) {
                self.skip = None;
            }
            let Some(level) = self.levels.last_mut() else {
                self.state = State::Done;
                return;
            };
            if !level.step() {
                return;
            }
            self.close();
        }
    }

    fn key(&mut self) {
        let purpose = if let Some(select) = self.selected() {
            self.name = match select {
                Select::Members(members) => Match::new(members),
                Select::Numbered(_) | Select::All => Match::NONE,
            };
            Purpose::Name
        } else {
            Purpose::Key
        };
        self.begin_string(3, purpose);
    }

    fn begin_string(&mut self, major: u8, purpose: Purpose) {
        let chunked = self.is_indefinite();
        self.string = Text {
            purpose,
            major,
            chunked,
            chunk: 0,
            escape: false,
        };
        if matches!(purpose, Purpose::Value | Purpose::Key) {
            self.raw.begin_text();
        }
        if chunked {
            self.expect = Expect::Chunk;
        } else {
            self.begin_chunk();
        }
    }

    fn next_chunk(&mut self, major: u8) {
        if self.initial == BREAK {
            self.end_string();
        } else if major != self.string.major || self.is_indefinite() {
            self.fail(Fault::Malformed);
        } else {
            self.begin_chunk();
        }
    }

    /// The head of a string, or of a chunk of one, is complete.
    fn begin_chunk(&mut self) {
        let len = usize::try_from(self.argument).unwrap_or(usize::MAX);
        let purpose = self.string.purpose;
        if purpose == Purpose::Key && len > MAX_KEY.saturating_sub(self.raw.written().len()) {
            return self.fail(Fault::KeyTooLong);
        }
        if matches!(purpose, Purpose::Value | Purpose::Key) {
            self.string.chunk = self.raw.at;
            if !self.raw.room(len) {
                return;
            }
        }
        self.state = State::String;
        if len == 0 {
            self.end_chunk();
        }
    }

    /// Puts a part of a string where it belongs.
    fn store(&mut self, part: &[u8]) {
        match self.string.purpose {
            Purpose::Value | Purpose::Key => {
                self.string.escape |= format::needs_escape(part);
                self.raw.text(part);
            }
            Purpose::Name => self.name.push(part),
            Purpose::Bignum => {
                for byte in part {
                    if self.decimal.magnitude.wrapping_shr(56) != 0 {
                        return self.fail(Fault::Bignum);
                    }
                    self.decimal.magnitude =
                        self.decimal.magnitude.wrapping_shl(8) | u64::from(*byte);
                }
            }
            Purpose::Skipped => {}
        }
    }

    fn end_chunk(&mut self) {
        self.state = State::Head;
        if matches!(self.string.purpose, Purpose::Value | Purpose::Key) {
            let chunk = format::slice(self.raw.bytes, self.string.chunk, self.raw.at);
            if core::str::from_utf8(chunk).is_err() {
                return self.fail(Fault::InvalidUtf8);
            }
        }
        if self.string.chunked {
            self.expect = Expect::Chunk;
        } else {
            self.end_string();
        }
    }

    fn end_string(&mut self) {
        let escape = self.string.escape;
        match self.string.purpose {
            Purpose::Value => self.raw.end_string(escape),
            Purpose::Key => self.raw.end_key(escape),
            Purpose::Name => return self.begin_member(self.name.finish()),
            Purpose::Bignum => {
                return self.number(self.decimal.negative, self.decimal.magnitude);
            }
            Purpose::Skipped => {}
        }
        self.after_item();
    }

    /// A key is complete: the value behind it is this member, or none that is wanted.
    fn begin_member(&mut self, member: Option<&'static Member>) {
        if let Some(member) = member {
            let key = member.key.as_bytes();
            self.raw.begin_text();
            self.raw.text(key);
            self.raw.end_key(format::needs_escape(key));
        }
        self.after_item();
        match member {
            Some(member) => self.wanted = &member.select,
            None => self.skip = Some(self.levels.len()),
        }
    }
}
