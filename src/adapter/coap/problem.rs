//! Why a request was refused, for people and for programs (RFC 7252 §5.5.2, RFC 9290).

use core::fmt::{self, Write};

use super::Code;

/// The longest explanation, in bytes; what is longer is cut.
pub(super) const MAX_DETAIL: usize = 160;

/// Room for [`details`] at its longest.
pub(super) const MAX_DETAILS: usize = MAX_DETAIL + 16;

/// An explanation of at most [`MAX_DETAIL`] bytes.
#[derive(Debug, Default)]
pub(super) struct Detail(heapless::String<MAX_DETAIL>);

impl Detail {
    /// Takes the words of an error.
    pub(super) fn of(error: &impl fmt::Display) -> Self {
        let mut detail = Self::default();
        // What does not fit is cut.
        let _ = write!(detail, "{error}");
        detail
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Write for Detail {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars()
            .try_for_each(|character| self.0.push(character))
            .map_err(|_full| fmt::Error)
    }
}

/// Writes problem details into `out`: a map of *detail* (-2) and *response-code* (-4), as CBOR in
/// deterministic order (RFC 9290 §2).
///
/// `A2 21 63 "bad" 23 18 80` is 4.00 with the detail "bad".
pub(super) fn details<'o>(code: Code, detail: &str, out: &'o mut [u8; MAX_DETAILS]) -> &'o [u8] {
    let mut bytes: heapless::Vec<u8, MAX_DETAILS> = heapless::Vec::new();
    let mut put = |piece: &[u8]| {
        // It fits: a detail is at most 160 bytes long.
        let _ = bytes.extend_from_slice(piece);
    };
    put(&[0xA2, 0x21]);
    let len = u8::try_from(detail.len()).unwrap_or(u8::MAX);
    match len {
        0..24 => put(&[0x60 | len]),
        _ => put(&[0x78, len]),
    }
    put(detail.as_bytes());
    put(&[0x23, 0x18, code.as_u8()]);
    match out.get_mut(..bytes.len()) {
        Some(room) => {
            room.copy_from_slice(&bytes);
            room
        }
        None => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, Detail, MAX_DETAIL, MAX_DETAILS, details};

    #[test]
    fn problem_details_are_a_map_of_two() {
        let mut out = [0; MAX_DETAILS];
        let bytes = details(Code::BAD_REQUEST, "bad", &mut out);
        assert_eq!(bytes, b"\xA2\x21\x63bad\x23\x18\x80");
    }

    #[test]
    fn an_explanation_is_cut_between_characters() {
        let long = "\u{e4}".repeat(200);
        let detail = Detail::of(&long);
        assert_eq!(detail.as_str().len(), MAX_DETAIL);
        let mut out = [0; MAX_DETAILS];
        let bytes = details(Code::CONFLICT, detail.as_str(), &mut out);
        assert_eq!(bytes.len(), MAX_DETAIL + 7);
        assert!(bytes.starts_with(b"\xA2\x21\x78\xA0"));
    }
}
