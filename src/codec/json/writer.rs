//! Documents and hand-made JSON into a caller's buffer.

use super::fast_write as fast;
use crate::document::DocumentRef;
use crate::document::MAX_DEPTH;
use crate::document::Number;
use crate::document::Value;
use crate::document::format;
use crate::document::number::digits;
use crate::document::value::read_number;
use crate::error::BufferTooSmall;

/// Writes JSON text into a buffer and counts what does not fit.
///
/// Writing never fails: when the buffer is full, the writer goes on counting, so that
/// [`Writer::finish`] says exactly how long the text is. [`Writer::counting`] makes a writer that only
/// counts.
///
/// ```
/// use twinsync::codec::json::Writer;
///
/// let mut out = [0; 32];
/// let mut writer = Writer::new(&mut out);
/// writer.raw("{\"mode\":");
/// writer.string("eco");
/// writer.raw(",\"version\":");
/// writer.unsigned(7);
/// writer.raw("}");
/// let len = writer.finish()?;
/// assert_eq!(&out[..len], br#"{"mode":"eco","version":7}"#);
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

    /// Returns the length of the text so far, in bytes, written or counted.
    pub const fn len(&self) -> usize {
        self.at
    }

    /// Returns whether nothing was written yet.
    pub const fn is_empty(&self) -> bool {
        self.at == 0
    }

    /// Ends the text and returns its length.
    ///
    /// # Errors
    /// [`BufferTooSmall`] if the text is longer than the buffer; what is in it is then of no use.
    pub const fn finish(self) -> Result<usize, BufferTooSmall> {
        if self.at > self.out.len() {
            return Err(BufferTooSmall { needed: self.at });
        }
        Ok(self.at)
    }

    /// Writes text as it is: braces, commas, names that need no escaping.
    pub fn raw(&mut self, text: &str) {
        self.put(text.as_bytes());
    }

    /// Writes a string: in quotation marks, escaped where RFC 8259 §7 asks for it.
    pub fn string(&mut self, text: &str) {
        self.quoted(text.as_bytes(), true);
    }

    /// Writes a part of a string that the caller puts in quotation marks: escaped, see
    /// [`Writer::string`].
    pub fn string_part(&mut self, text: &str) {
        self.escaped(text.as_bytes());
    }

    /// Writes a number, see [`Number::write_text`].
    pub fn number(&mut self, number: Number) {
        let mut text = [0; Number::MAX_TEXT];
        let len = number.write_text(&mut text);
        self.put(text.get(..len).unwrap_or_default());
    }

    /// Writes an integer without a sign: a version, a time.
    pub fn unsigned(&mut self, value: u64) {
        let mut text = [0; Number::MAX_TEXT];
        self.put(digits(value, &mut text));
    }

    /// Writes a value with all that is in it.
    pub fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.put(b"null"),
            Value::Bool(true) => self.put(b"true"),
            Value::Bool(false) => self.put(b"false"),
            Value::Number(number) => self.number(number),
            Value::String(text) => self.string(text),
            Value::Array(array) => self.document(array.as_document()),
            Value::Map(map) => self.document(map.as_document()),
        }
    }

    /// Writes a document: no white space, members in canonical order.
    pub fn document(&mut self, document: DocumentRef<'_>) {
        let bytes = document.as_bytes();
        // The open containers: where each ends, and the bracket it ends with.
        let mut open: heapless::Vec<(usize, u8), MAX_DEPTH> = heapless::Vec::new();
        let (mut end, mut closer) = (bytes.len(), 0);
        let mut at = 0;
        loop {
            let tag = format::byte_at(bytes, at);
            if tag == format::ARRAY || tag == format::MAP {
                if open.push((end, closer)).is_err() {
                    return;
                }
                end = format::value_end(bytes, at);
                closer = if tag == format::MAP { b'}' } else { b']' };
                // Both opening brackets stand two before the closing ones.
                self.byte(closer.wrapping_sub(2));
                at = at.wrapping_add(format::HEADER);
                if at < end {
                    if tag == format::MAP {
                        at = self.key(bytes, at);
                    }
                    continue;
                }
            } else {
                at = self.scalar(bytes, at, tag);
            }
            while at >= end {
                let Some(around) = open.pop() else {
                    return;
                };
                self.byte(closer);
                (end, closer) = around;
            }
            if closer == 0 {
                return;
            }
            self.byte(b',');
            if closer == b'}' {
                at = self.key(bytes, at);
            }
        }
    }

    /// Writes the key at `at` and a colon; returns where its value begins.
    #[inline]
    fn key(&mut self, bytes: &[u8], at: usize) -> usize {
        let (start, stop) = format::key_span(bytes, at);
        let escape = format::byte_at(bytes, at) == format::LONG_KEY;
        if escape || !fast::FAST || !self.short::<true>(bytes, start, stop) {
            self.quoted(format::slice(bytes, start, stop), escape);
            self.byte(b':');
        }
        stop
    }

    /// Writes the scalar at `at` and returns where it ends.
    #[inline]
    fn scalar(&mut self, bytes: &[u8], at: usize, tag: u8) -> usize {
        let end = format::value_end(bytes, at);
        let text = |header: usize| format::slice(bytes, at.wrapping_add(header), end);
        match tag {
            format::SHORT_STRING..format::SHORT_STRING_END => {
                if !fast::FAST || !self.short::<false>(bytes, at.wrapping_add(1), end) {
                    self.quoted(text(1), false);
                }
            }
            format::STRING => self.quoted(text(format::HEADER), false),
            format::ESCAPED_STRING => self.quoted(text(format::HEADER), true),
            format::NULL => self.put(b"null"),
            format::FALSE => self.put(b"false"),
            format::TRUE => self.put(b"true"),
            _ => {
                if !fast::FAST || !self.short_number(bytes, at, tag) {
                    self.number(read_number(text(0)));
                }
            }
        }
        end
    }

    fn quoted(&mut self, text: &[u8], escape: bool) {
        self.byte(b'"');
        if escape {
            self.escaped(text);
        } else {
            self.put(text);
        }
        self.byte(b'"');
    }

    fn escaped(&mut self, text: &[u8]) {
        for byte in text {
            let short = match byte {
                b'"' | b'\\' => *byte,
                0x08 => b'b',
                0x0C => b'f',
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0..0x20 => {
                    let hex = |digit: u8| {
                        digit.wrapping_add(if digit < 10 {
                            b'0'
                        } else {
                            b'a'.wrapping_sub(10)
                        })
                    };
                    self.put(b"\\u00");
                    self.byte(hex(byte.wrapping_shr(4)));
                    self.byte(hex(byte & 0x0F));
                    continue;
                }
                _ => {
                    self.byte(*byte);
                    continue;
                }
            };
            self.byte(b'\\');
            self.byte(short);
        }
    }

    #[cfg_attr(target_pointer_width = "64", inline)]
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn byte(&mut self, byte: u8) {
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

#[cfg(feature = "defmt")]
impl defmt::Format for Writer<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Writer at {=usize} of {=usize}", self.at, self.out.len());
    }
}
