//! Option numbers, their values, and what is right of them (RFC 7252 §5.4, §5.10).
//!
//! A number says what becomes of an option that nobody knows: odd numbers are *critical*, the message
//! must be refused; even ones are *elective*, the option is passed over. **The one rule: an option
//! whose value has a length that it can not have, or that stands twice and may not, is treated as one
//! that nobody knows** (§5.4.3, §5.4.5), never as a value cut to size.
//!
//! ```
//! use twinsync::adapter::coap::option::{self, Uint};
//!
//! assert!(option::is_critical(option::IF_MATCH) && !option::is_critical(option::OBSERVE));
//! assert!(option::is_recognised(option::ETAG, 8, false));
//! assert!(!option::is_recognised(option::ETAG, 9, false));
//!
//! // Numbers are written without leading zeros: 0 is no byte at all.
//! assert_eq!(Uint::new(0).as_bytes(), b"");
//! assert_eq!(Uint::new(0x0132).as_bytes(), [0x01, 0x32]);
//! assert_eq!(Uint::read(&[0x01, 0x32]), Some(0x0132));
//! ```

/// If-Match: only if the resource has this etag; empty: only if it exists.
pub const IF_MATCH: u16 = 1;
/// Uri-Host.
pub const URI_HOST: u16 = 3;
/// ETag: 1 to 8 bytes; in a request: answer 2.03 if it is still this one.
pub const ETAG: u16 = 4;
/// If-None-Match: only if the resource does not exist; always empty.
pub const IF_NONE_MATCH: u16 = 5;
/// Observe (RFC 7641): 0 registers, 1 deregisters; in a notification its sequence number.
pub const OBSERVE: u16 = 6;
/// Uri-Port.
pub const URI_PORT: u16 = 7;
/// Location-Path, one segment.
pub const LOCATION_PATH: u16 = 8;
/// Uri-Path, one segment.
pub const URI_PATH: u16 = 11;
/// Content-Format, see [`ContentFormat`].
pub const CONTENT_FORMAT: u16 = 12;
/// Max-Age in seconds; 60 where it is absent.
pub const MAX_AGE: u16 = 14;
/// Uri-Query, one argument.
pub const URI_QUERY: u16 = 15;
/// Hop-Limit (RFC 8768).
pub const HOP_LIMIT: u16 = 16;
/// Accept, see [`ContentFormat`].
pub const ACCEPT: u16 = 17;
/// Location-Query, one argument.
pub const LOCATION_QUERY: u16 = 20;
/// Block2 (RFC 7959): which part of the response, see [`Block`](super::Block).
pub const BLOCK2: u16 = 23;
/// Block1 (RFC 7959): which part of the request, see [`Block`](super::Block).
pub const BLOCK1: u16 = 27;
/// Size2 (RFC 7959): length of the whole response, in bytes.
pub const SIZE2: u16 = 28;
/// Proxy-Uri.
pub const PROXY_URI: u16 = 35;
/// Proxy-Scheme.
pub const PROXY_SCHEME: u16 = 39;
/// Size1 (RFC 7252, RFC 7959): length of the whole request, in bytes; in 4.13 the largest possible.
pub const SIZE1: u16 = 60;

/// The value of Max-Age where the option is absent, in seconds (RFC 7252 §5.10.5).
pub const DEFAULT_MAX_AGE: u32 = 60;

/// Whether a message must be refused by whoever does not know this option (RFC 7252 §5.4.1).
pub const fn is_critical(number: u16) -> bool {
    number & 1 == 1
}

/// Whether an option is one that this crate knows, and right in itself: of a length that it may have,
/// in bytes, and alone if it must be (`repeated`: one of the same number stands before it).
///
/// Proxy-Uri and Proxy-Scheme are not among them: nothing here is a proxy.
pub const fn is_recognised(number: u16, len: usize, repeated: bool) -> bool {
    let (shortest, longest, repeatable) = match number {
        IF_MATCH => (0, 8, true),
        URI_HOST => (1, 255, false),
        ETAG => (1, 8, true),
        IF_NONE_MATCH => (0, 0, false),
        OBSERVE | BLOCK2 | BLOCK1 => (0, 3, false),
        URI_PORT | CONTENT_FORMAT | ACCEPT => (0, 2, false),
        LOCATION_PATH | URI_PATH | URI_QUERY | LOCATION_QUERY => (0, 255, true),
        MAX_AGE | SIZE2 | SIZE1 => (0, 4, false),
        HOP_LIMIT => (1, 1, false),
        _ => return false,
    };
    len >= shortest && len <= longest && (repeatable || !repeated)
}

/// Whether this crate knows the option by its number.
pub(super) const fn is_known(number: u16) -> bool {
    // Every known option may have one byte or none.
    is_recognised(number, 1, false) || is_recognised(number, 0, false)
}

/// What a payload is made of: the number in Content-Format and Accept (RFC 7252 §12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ContentFormat(pub u16);

impl ContentFormat {
    /// `text/plain; charset=utf-8`
    pub const TEXT: Self = Self(0);
    /// `application/link-format` (RFC 6690)
    pub const LINK_FORMAT: Self = Self(40);
    /// `application/octet-stream`
    pub const OCTET_STREAM: Self = Self(42);
    /// `application/json`
    pub const JSON: Self = Self(50);
    /// `application/merge-patch+json` (RFC 7396)
    pub const MERGE_PATCH_JSON: Self = Self(52);
    /// `application/cbor` (RFC 8949)
    pub const CBOR: Self = Self(60);
    /// `application/concise-problem-details+cbor` (RFC 9290)
    pub const PROBLEM_DETAILS: Self = Self(257);
}

/// A number as options have it: big-endian, without leading zeros (RFC 7252 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Uint([u8; 4]);

impl Uint {
    /// Takes the number.
    pub const fn new(value: u32) -> Self {
        Self(value.to_be_bytes())
    }

    /// Returns the option's value: 0 to 4 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        let mut bytes = self.0.as_slice();
        while let [0, rest @ ..] = bytes {
            bytes = rest;
        }
        bytes
    }

    /// Reads a value of at most 4 bytes; leading zeros are taken, as RFC 7252 §3.2 asks of readers.
    pub fn read(value: &[u8]) -> Option<u32> {
        if value.len() > 4 {
            return None;
        }
        Some(
            value
                .iter()
                .fold(0, |number, byte| number << 8 | u32::from(*byte)),
        )
    }
}
