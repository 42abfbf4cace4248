//! CBOR into a document, in pieces of any size.
//!
//! [`Reader::feed`] is a state machine that may stop between any two bytes. What is kept goes straight
//! into the document; what is skipped only has to be well-formed. This file is about bytes, `item` about
//! data items and containers, `string` about strings and keys.

mod item;
mod string;

use super::error::{Fault, ReadError};
use super::level::Level;
use super::select::{Match, Select};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::MAX_DEPTH;
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
// Small fields first: Thumb code reaches only the first bytes with short instructions.
#[derive(Debug)]
#[repr(C)]
pub struct Reader<'a> {
    state: State,
    expect: Expect,
    /// The head's first byte, how many bytes of its argument are still to come, and the argument; inside
    /// a string, how much of that is still to come.
    initial: u8,
    missing: u8,
    failed: Option<Fault>,
    argument: u64,
    string: Text,
    /// Bytes that have been read, and where the head began that was read last.
    offset: usize,
    start: usize,
    /// Above this many open containers everything is skipped.
    skip: Option<usize>,
    /// What is wanted of the next value, and of the open maps that are not wanted whole.
    wanted: &'static Select,
    name: Match,
    pub(super) raw: Raw<'a>,
    decimal: Decimal,
    /// The open containers, those that are skipped included: there a fraction (tag 4) is an array.
    pub(super) levels: heapless::Vec<Level, { MAX_DEPTH + 1 }>,
    pub(super) selects: heapless::Vec<&'static Select, { Select::MAX_DEPTH }>,
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
}

#[cfg(feature = "defmt")]
impl defmt::Format for Reader<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Reader at {=usize}", self.offset);
    }
}
