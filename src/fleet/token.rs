//! Continuation tokens: where a page ended.
//!
//! | bytes | what |
//! | --- | --- |
//! | 1 | `01` |
//! | 8 | hash of the query's text |
//! | 4 | rows that `TOP` still allows, `FFFFFFFF` without |
//! | 2 | length of the key |
//! | so many | what the last row is sorted by, a document |
//! | the rest | id of the last row's twin |
//! | 4 | check: a hash of all bytes before it |
//!
//! Integers are little endian; the whole is base64url without padding (RFC 4648 §5). A token says where
//! the last row was, not how many there were before: rows that come and go elsewhere shift nothing.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

const FORMAT: u8 = 1;

/// Where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) query: u64,
    pub(super) left: Option<u32>,
    /// Canonical bytes.
    pub(super) key: Vec<u8>,
    pub(super) id: String,
}

/// Why a text is no continuation token of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TokenError {
    /// It is no token, or a damaged one.
    Malformed,
    /// It is a token of another query.
    OtherQuery,
}

impl Token {
    pub(super) fn write(&self) -> String {
        let mut bytes = alloc::vec![FORMAT];
        bytes.extend(self.query.to_le_bytes());
        bytes.extend(self.left.unwrap_or(u32::MAX).to_le_bytes());
        // A document has at most 65,535 bytes.
        let len = u16::try_from(self.key.len()).unwrap_or(u16::MAX);
        bytes.extend(len.to_le_bytes());
        bytes.extend(&self.key);
        bytes.extend(self.id.bytes());
        bytes.extend(check(&bytes));
        encode(&bytes)
    }

    pub(super) fn read(text: &str, query: u64) -> Result<Self, TokenError> {
        let bytes = decode(text).ok_or(TokenError::Malformed)?;
        let token = Self::parse(&bytes).ok_or(TokenError::Malformed)?;
        if token.query != query {
            return Err(TokenError::OtherQuery);
        }
        Ok(token)
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (bytes, sum) = bytes.split_last_chunk::<4>()?;
        if check(bytes) != *sum {
            return None;
        }
        let (&FORMAT, bytes) = bytes.split_first()? else {
            return None;
        };
        let (query, bytes) = bytes.split_first_chunk()?;
        let (left, bytes) = bytes.split_first_chunk()?;
        let (len, bytes) = bytes.split_first_chunk()?;
        let len = usize::from(u16::from_le_bytes(*len));
        let (key, id) = bytes.split_at_checked(len)?;
        let left = u32::from_le_bytes(*left);
        Some(Self {
            query: u64::from_le_bytes(*query),
            left: (left != u32::MAX).then_some(left),
            key: key.into(),
            id: core::str::from_utf8(id).ok()?.into(),
        })
    }
}

/// A hash of any bytes (FNV-1a with 64 bits).
pub(super) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

fn check(bytes: &[u8]) -> [u8; 4] {
    let hash = hash(bytes);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are in it")]
    let folded = (hash ^ (hash >> 32)) as u32;
    folded.to_le_bytes()
}

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for letter in 0..=chunk.len() {
            let shift = 18_usize.saturating_sub(letter.saturating_mul(6));
            let index = usize::try_from(bits >> shift & 63).unwrap_or(0);
            text.push(LETTERS.get(index).copied().map_or('A', char::from));
        }
    }
    text
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for chunk in text.as_bytes().chunks(4) {
        let mut bits = 0_u32;
        for at in 0..4 {
            let letter = match chunk.get(at) {
                Some(byte) => LETTERS.iter().position(|letter| letter == byte)?,
                None => 0,
            };
            bits = bits << 6 | u32::try_from(letter).ok()?;
        }
        let [_, three @ ..] = bits.to_be_bytes();
        let len = chunk.len().checked_sub(1).filter(|len| *len > 0)?;
        bytes.extend(three.iter().take(len));
    }
    Some(bytes)
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a continuation token",
            Self::OtherQuery => "the continuation token of another query",
        })
    }
}

impl core::error::Error for TokenError {}
