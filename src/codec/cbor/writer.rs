//! Documents and hand-made CBOR into a caller's buffer.

use crate::document::DocumentRef;
use crate::document::MAX_DEPTH;
use crate::document::Number;
use crate::document::Value;
use crate::document::format;
use crate::document::value::read_number;
use crate::error::BufferTooSmall;

/// Writes deterministic CBOR (RFC 8949 §4.2.1) into a buffer and counts what does not fit.
///
/// Writing never fails: when the buffer is full, the writer goes on counting, so that
/// [`Writer::finish`] says exactly how long the output is. [`Writer::counting`] makes a writer that
/// only counts.
///
/// ```
/// use twinsync::codec::cbor::Writer;
///
/// let mut out = [0; 32];
/// let mut writer = Writer::new(&mut out);
/// writer.map(2);
/// writer.unsigned(0);
/// writer.unsigned(500);
/// writer.unsigned(1);
/// writer.text("eco");
/// let len = writer.finish()?;
/// assert_eq!(&out[..len], b"\xA2\x00\x19\x01\xF4\x01\x63eco");
/// # Ok::<(), twinsync::error::BufferTooSmall>(())
/// ```
#[derive(Debug)]
pub struct Writer<'a> {
    pub(super) out: &'a mut [u8],
    pub(super) at: usize,
}

impl<'a> Writer<'a> {
    /// Writes into the front of `out`.
    pub const fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0 }
    }

    /// Only counts.
    pub const fn counting() -> Self {
        Self {
            out: &mut [],
            at: 0,
        }
    }

    /// Returns the length of the output so far, in bytes, written or counted.
    pub const fn len(&self) -> usize {
        self.at
    }

    /// Returns whether nothing was written yet.
    pub const fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// Ends the output and returns its length.
    ///
    /// # Errors
    /// [`BufferTooSmall`] if the output is longer than the buffer; what is in it is then of no use.
    pub const fn finish(self) -> Result<usize, BufferTooSmall> {
        if self.at > self.out.len() {
            return Err(BufferTooSmall { needed: self.at });
        }
        Ok(self.at)
    }

    /// Starts a map of exactly `entries` entries: as many keys, each with its value, must follow. In
    /// deterministic output they are in the bytewise order of the encoded keys.
    pub fn map(&mut self, entries: usize) {
        self.head(5, entries as u64);
    }

    /// Starts an array of exactly `items` items.
    pub fn array(&mut self, items: usize) {
        self.head(4, items as u64);
    }

    /// Writes an integer without a sign: a key of an envelope, a version, a time.
    pub fn unsigned(&mut self, value: u64) {
        self.head(0, value);
    }

    /// Writes text.
    pub fn text(&mut self, text: &str) {
        self.string(text.as_bytes());
    }

    /// Starts text of exactly `len` bytes, which follow in pieces.
    pub(crate) fn begin_text(&mut self, len: usize) {
        self.head(3, len as u64);
    }

    /// Writes a piece of text, see [`Writer::begin_text`].
    pub(crate) fn piece(&mut self, piece: &str) {
        self.put(piece.as_bytes());
    }

    /// Writes a number: an integer that fits into an `i64` as one, all others as decimal fractions
    /// (§3.4.4) with the canonical exponent and mantissa.
    pub fn number(&mut self, number: Number) {
        if number.exponent() != 0 {
            self.byte(0xC4);
            self.byte(0x82);
            self.integer(i64::from(number.exponent()));
        }
        self.integer(number.mantissa());
    }

    /// Writes a value with all that is in it.
    pub fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.byte(0xF6),
            Value::Bool(value) => self.byte(0xF4 | u8::from(value)),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.text(text),
            Value::Array(array) => self.document(array.as_document()),
            Value::Map(map) => self.document(map.as_document()),
        }
    }

    /// Writes a document: keys in canonical order. Cost: linear.
    pub fn document(&mut self, document: DocumentRef<'_>) {
        let bytes = document.as_bytes();
        // The open containers: where each ends, and whether it is a map.
        let mut open: heapless::Vec<(usize, bool), MAX_DEPTH> = heapless::Vec::new();
        let (mut end, mut map) = (bytes.len(), false);
        let mut at = 0;
        loop {
            let tag = format::byte_at(bytes, at);
            if tag == format::ARRAY || tag == format::MAP {
                if open.push((end, map)).is_err() {
                    return;
                }
                end = format::value_end(bytes, at);
                at = at.wrapping_add(format::HEADER);
                map = tag == format::MAP;
                self.head(if map { 5 } else { 4 }, count(bytes, at, end, map));
            } else {
                at = self.scalar(bytes, at, tag);
            }
            while at >= end {
                let Some(around) = open.pop() else {
                    return;
                };
                (end, map) = around;
            }
            if map {
                let (start, stop) = format::key_span(bytes, at);
                self.part(bytes, start, stop);
                at = stop;
            }
        }
    }

    /// Writes the scalar at `at` and returns where it ends.
    fn scalar(&mut self, bytes: &[u8], at: usize, tag: u8) -> usize {
        let end = format::value_end(bytes, at);
        match tag {
            0..format::SMALL_INT_END => self.head(0, u64::from(tag)),
            format::SHORT_STRING..format::SHORT_STRING_END => {
                self.part(bytes, at.wrapping_add(1), end);
            }
            format::STRING | format::ESCAPED_STRING => {
                self.part(bytes, at.wrapping_add(format::HEADER), end);
            }
            format::NULL => self.byte(0xF6),
            format::FALSE => self.byte(0xF4),
            format::TRUE => self.byte(0xF5),
            _ => self.number(read_number(format::slice(bytes, at, end))),
        }
        end
    }

    /// Writes the part `start..end` of a document as text.
    #[inline]
    fn part(&mut self, bytes: &[u8], start: usize, end: usize) {
        #[cfg(target_pointer_width = "64")]
        if self.short(bytes, start, end) {
            return;
        }
        self.string(format::slice(bytes, start, end));
    }

    /// Writes text of up to sixteen bytes with one copy, where there is room; what is behind it is
    /// overwritten by what follows.
    #[cfg(target_pointer_width = "64")]
    #[inline(always)]
    fn short(&mut self, bytes: &[u8], start: usize, end: usize) -> bool {
        let len = end.wrapping_sub(start);
        let source = bytes.get(start..).and_then(<[u8]>::first_chunk::<16>);
        let slot = self
            .out
            .get_mut(self.at..)
            .and_then(<[u8]>::first_chunk_mut::<17>);
        let (Some(source), Some([head, text @ ..])) = (source, slot) else {
            return false;
        };
        if len > source.len() {
            return false;
        }
        let [low, ..] = len.to_le_bytes();
        *head = 0x60 | low;
        *text = *source;
        self.at = self.at.wrapping_add(len).wrapping_add(1);
        true
    }

    fn string(&mut self, text: &[u8]) {
        self.head(3, text.len() as u64);
        self.put(text);
    }

    fn integer(&mut self, value: i64) {
        // All ones for a negative value: `-1 - argument` is then `!argument`.
        let sign = value.wrapping_shr(63);
        self.head(u8::from(sign != 0), (value ^ sign).cast_unsigned());
    }

    /// Writes the shortest head (§4.2.1) of a major type and its argument.
    #[cfg_attr(target_pointer_width = "64", inline)]
    fn head(&mut self, major: u8, argument: u64) {
        let bytes = argument.to_be_bytes();
        let [.., low] = bytes;
        let (info, unused) = match argument {
            0..24 => (low, 8_u8),
            24..0x100 => (24, 7),
            0x100..0x1_0000 => (25, 6),
            0x1_0000..0x1_0000_0000 => (26, 4),
            _ => (27, 0),
        };
        self.byte(major.wrapping_shl(5) | info);
        #[cfg(target_pointer_width = "64")]
        if let Some(slot) = self
            .out
            .get_mut(self.at..)
            .and_then(<[u8]>::first_chunk_mut)
        {
            *slot = argument
                .unbounded_shl(u32::from(unused).wrapping_mul(8))
                .to_be_bytes();
            self.at = self.at.wrapping_add(8).wrapping_sub(usize::from(unused));
            return;
        }
        self.put(bytes.get(usize::from(unused)..).unwrap_or_default());
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn byte(&mut self, byte: u8) {
        if let Some(slot) = self.out.get_mut(self.at) {
            *slot = byte;
        }
        self.at = self.at.wrapping_add(1);
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn put(&mut self, text: &[u8]) {
        self.at = format::put(self.out, self.at, text);
    }
}

/// How many items or entries stand between `at` and `end`.
fn count(bytes: &[u8], at: usize, end: usize, map: bool) -> u64 {
    let mut count: u64 = 0;
    let mut at = at;
    while at < end {
        at = if map {
            format::entry_end(bytes, at)
        } else {
            format::value_end(bytes, at)
        };
        count = count.wrapping_add(1);
    }
    count
}

#[cfg(feature = "defmt")]
impl defmt::Format for Writer<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Writer at {=usize} of {=usize}", self.at, self.out.len());
    }
}
