//! Percent-encoding (RFC 3986 §2.1), as Azure's topics, user names and tokens use it.

use crate::codec::json::Writer;

/// Writes `text` with everything but unreserved characters (RFC 3986 §2.3) as `%XX`.
pub(super) fn encode(text: &str, writer: &mut Writer<'_>) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            character(byte, writer);
        } else {
            writer.raw("%");
            for digit in [byte.wrapping_shr(4), byte & 0x0F] {
                character(
                    digit.wrapping_add(if digit < 10 {
                        b'0'
                    } else {
                        b'A'.wrapping_sub(10)
                    }),
                    writer,
                );
            }
        }
    }
}

/// Writes one ASCII character.
fn character(byte: u8, writer: &mut Writer<'_>) {
    writer.raw(core::str::from_utf8(&[byte]).unwrap_or_default());
}

/// Decodes `text` into the front of `out` and returns what came of it; nothing if it does not fit or is
/// no UTF-8. A percent sign without two digits stands for itself; `+` is not a blank here.
pub(super) fn decode<'o>(text: &str, out: &'o mut [u8]) -> Option<&'o str> {
    let mut len = 0_usize;
    let mut bytes = text.as_bytes();
    while let Some((first, mut rest)) = bytes.split_first() {
        let mut byte = *first;
        if byte == b'%'
            && let Some(([high, low], behind)) = rest.split_first_chunk()
            && let (Some(high), Some(low)) = (digit(*high), digit(*low))
        {
            byte = high.wrapping_shl(4) | low;
            rest = behind;
        }
        *out.get_mut(len)? = byte;
        len = len.wrapping_add(1);
        bytes = rest;
    }
    core::str::from_utf8(out.get(..len)?).ok()
}

/// Returns how many bytes [`decode`] makes of `text`.
pub(super) fn decoded_len(text: &str) -> usize {
    let mut len = 0_usize;
    let mut bytes = text.as_bytes();
    while let Some((first, mut rest)) = bytes.split_first() {
        if *first == b'%'
            && let Some(([high, low], behind)) = rest.split_first_chunk()
            && digit(*high).is_some()
            && digit(*low).is_some()
        {
            rest = behind;
        }
        len = len.wrapping_add(1);
        bytes = rest;
    }
    len
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(byte.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(byte.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}
