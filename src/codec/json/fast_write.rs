//! Short keys, strings and numbers with one copy each, for 64-bit targets.
//!
//! Each function here may say that it did nothing, where its input is long or near the end of a
//! buffer; the plain form in [`super::writer`] then writes the same.

use super::writer::Writer;
use crate::document::format;

/// Whether the short forms are worth their code: a gateway is fast, firmware is small.
pub(super) const FAST: bool = cfg!(target_pointer_width = "64");

/// Bytes that are copied at once; what is behind a short text is overwritten by what follows.
const STRIDE: usize = 16;

impl Writer<'_> {
    /// Writes the plain text `start..end` in quotation marks, and a colon behind a key, if it is short
    /// and there is room.
    #[inline(always)]
    pub(super) fn short<const KEY: bool>(
        &mut self,
        bytes: &[u8],
        start: usize,
        end: usize,
    ) -> bool {
        let len = end.wrapping_sub(start);
        let source = bytes.get(start..).and_then(<[u8]>::first_chunk::<STRIDE>);
        let slot = self
            .out
            .get_mut(self.at..)
            .and_then(<[u8]>::first_chunk_mut::<{ STRIDE + 3 }>);
        let (Some(source), Some(slot)) = (source, slot) else {
            return false;
        };
        if len > STRIDE {
            return false;
        }
        let [quote, text @ .., _, _] = slot;
        *quote = b'"';
        *text = *source;
        if let Some(slot) = slot
            .get_mut(len.wrapping_add(1)..)
            .and_then(<[u8]>::first_chunk_mut)
        {
            *slot = *b"\":";
        }
        let more = if KEY { 3 } else { 2 };
        self.at = self.at.wrapping_add(len).wrapping_add(more);
        true
    }

    /// Writes the number at `at`, if it is short and there is room.
    #[inline(always)]
    pub(super) fn short_number(&mut self, bytes: &[u8], at: usize, tag: u8) -> bool {
        let slot = self
            .out
            .get_mut(self.at..)
            .and_then(<[u8]>::first_chunk_mut::<{ STRIDE + 4 }>);
        let Some(slot) = slot else {
            return false;
        };
        let [first, second, ..] = slot;
        if tag < 10 {
            *first = tag.wrapping_add(b'0');
            self.at = self.at.wrapping_add(1);
            return true;
        }
        if tag < format::SMALL_INT_END {
            let tens = tag.wrapping_div(10);
            *first = tens.wrapping_add(b'0');
            *second = tag.wrapping_sub(tens.wrapping_mul(10)).wrapping_add(b'0');
            self.at = self.at.wrapping_add(2);
            return true;
        }
        let Some([_, payload @ ..]) = bytes.get(at..).and_then(<[u8]>::first_chunk::<9>) else {
            return false;
        };
        let word = i64::from_le_bytes(*payload);
        // The mantissa's sign bit goes to the top and back; the exponent is the byte behind it.
        let (mantissa, exponent) = match tag {
            format::I8 => (word.wrapping_shl(56).wrapping_shr(56), 0),
            format::I16 => (word.wrapping_shl(48).wrapping_shr(48), 0),
            format::I32 => (word.wrapping_shl(32).wrapping_shr(32), 0),
            format::I64 => (word, 0),
            format::D16 => (
                word.wrapping_shl(48).wrapping_shr(48),
                word.wrapping_shl(40).wrapping_shr(56),
            ),
            format::D32 => (
                word.wrapping_shl(32).wrapping_shr(32),
                word.wrapping_shl(24).wrapping_shr(56),
            ),
            _ => return false,
        };
        let scale = usize::try_from(exponent.wrapping_neg()).unwrap_or(usize::MAX);
        let mut rest = mantissa.unsigned_abs();
        // Sixteen digits at most, from the last to the first, and a point between them.
        let mut text = [b'0'; 2 * STRIDE + 8];
        let mut front = STRIDE + 4;
        let mut point = scale;
        if rest >= 1_000_000_000_000_000 || scale > 5 {
            return false;
        }
        loop {
            let tens = rest.wrapping_div(10);
            let [digit, ..] = rest.wrapping_sub(tens.wrapping_mul(10)).to_le_bytes();
            front = front.wrapping_sub(1);
            if let Some(slot) = text.get_mut(front) {
                *slot = digit.wrapping_add(b'0');
            }
            rest = tens;
            point = point.wrapping_sub(1);
            if point == 0 {
                front = front.wrapping_sub(1);
                if let Some(slot) = text.get_mut(front) {
                    *slot = b'.';
                }
            } else if rest == 0 && point > scale {
                break;
            }
        }
        if mantissa < 0 {
            front = front.wrapping_sub(1);
            if let Some(slot) = text.get_mut(front) {
                *slot = b'-';
            }
        }
        let Some(text) = text.get(front..).and_then(<[u8]>::first_chunk) else {
            return false;
        };
        *slot = *text;
        self.at = self.at.wrapping_add(STRIDE + 4).wrapping_sub(front);
        true
    }
}
