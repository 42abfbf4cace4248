//! One CoAP message in one datagram: read in place, written into a caller's buffer (RFC 7252 §3).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |Ver| T |  TKL  |      Code     |          Message ID           |
//! |   Token (TKL bytes, 0 to 8) ...
//! |   Options, ascending; each the distance to the one before ...
//! |1 1 1 1 1 1 1 1|    Payload, at least one byte ...
//! ```
//!
//! **The one rule: a [`Message`] is well-formed.** [`Message::parse`] has seen every option and the
//! payload, so nothing that is read from it later can fail; what it refuses, it refuses with a
//! [`ParseError`] that says where. Both types here are `coap-message` messages, too: a resource that
//! is written against those traits runs on this crate's endpoint and on any other.
//!
//! ```
//! use twinsync::adapter::coap::{option, Code, Message, MessageWriter, Type};
//!
//! let mut out = [0; 64];
//! let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::GET, 0x7D34, &[0x20]);
//! writer.option(option::URI_PATH, b"temperature");
//! let len = writer.finish()?;
//!
//! let message = Message::parse(&out[..len])?;
//! assert_eq!((message.code(), message.id()), (Code::GET, 0x7D34));
//! let segment = message.option(option::URI_PATH).ok_or("no path")?;
//! assert_eq!(segment, b"temperature");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod code;
mod options;
#[cfg(test)]
mod tests;
mod traits;
mod writer;

pub use code::Code;
pub use options::{CoapOption, Options};
pub use writer::{MessageWriter, WriteError};

use core::fmt;

use super::option;

/// What the message layer makes of a message (RFC 7252 §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Type {
    /// CON: sent again until it is acknowledged or reset.
    Confirmable,
    /// NON: sent once.
    NonConfirmable,
    /// ACK: a confirmable message arrived.
    Acknowledgement,
    /// RST: a message arrived that means nothing here.
    Reset,
}

/// The first four bytes of every message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Header {
    /// What the message layer makes of it.
    pub kind: Type,
    /// Length of the token as it stands, in bytes: 0 to 15, of which 9 to 15 are wrong.
    pub token_len: u8,
    /// Method or response.
    pub code: Code,
    /// Ties acknowledgement and reset to the message, and shows duplicates.
    pub id: u16,
}

/// A well-formed message that stands in a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Message<'a> {
    kind: Type,
    code: Code,
    id: u16,
    token: &'a [u8],
    options: &'a [u8],
    payload: &'a [u8],
}

/// Why a datagram is no message. All but the first two are *format errors*: a confirmable message is
/// then answered by a reset (RFC 7252 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ParseError {
    /// Shorter than the header's four bytes.
    Short,
    /// Another version than 1; such messages are ignored without a word.
    Version,
    /// The token's length is 9 or more, or the datagram ends before it.
    Token,
    /// The option that begins `at` bytes into the datagram has a reserved length, goes beyond the
    /// datagram or beyond the last number.
    Option {
        /// Offset in the datagram, in bytes.
        at: usize,
    },
    /// The marker of a payload, and no payload after it.
    EmptyPayload,
    /// An empty message (0.00) with something after its header.
    NotEmpty,
}

impl Header {
    /// Length of the header, in bytes.
    pub const LEN: usize = 4;

    /// Reads the first four bytes of a datagram.
    ///
    /// # Errors
    /// [`ParseError::Short`] or [`ParseError::Version`].
    pub const fn parse(datagram: &[u8]) -> Result<Self, ParseError> {
        let Some(&[first, code, high, low]) = datagram.first_chunk::<4>() else {
            return Err(ParseError::Short);
        };
        if first >> 6 != 1 {
            return Err(ParseError::Version);
        }
        Ok(Self {
            kind: Type::from_bits(first >> 4),
            token_len: first & 0x0F,
            code: Code::new(code),
            id: u16::from_be_bytes([high, low]),
        })
    }

    /// Returns the four bytes; of the token's length, the lower four bits.
    pub const fn to_bytes(self) -> [u8; 4] {
        let [high, low] = self.id.to_be_bytes();
        let first = 0x40 | self.kind.to_bits() << 4 | self.token_len & 0x0F;
        [first, self.code.as_u8(), high, low]
    }
}

impl Type {
    const fn from_bits(bits: u8) -> Self {
        match bits & 3 {
            0 => Self::Confirmable,
            1 => Self::NonConfirmable,
            2 => Self::Acknowledgement,
            _ => Self::Reset,
        }
    }

    const fn to_bits(self) -> u8 {
        match self {
            Self::Confirmable => 0,
            Self::NonConfirmable => 1,
            Self::Acknowledgement => 2,
            Self::Reset => 3,
        }
    }
}

impl<'a> Message<'a> {
    /// The longest token, in bytes.
    pub const MAX_TOKEN: usize = 8;

    /// Reads a datagram. Cost: linear in the bytes before the payload.
    ///
    /// # Errors
    /// [`ParseError`]; see there which of them a peer is told.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, ParseError> {
        let header = Header::parse(datagram)?;
        let rest = datagram.get(Header::LEN..).unwrap_or_default();
        if header.code == Code::EMPTY && (header.token_len != 0 || !rest.is_empty()) {
            return Err(ParseError::NotEmpty);
        }
        let token_len = usize::from(header.token_len);
        if token_len > Self::MAX_TOKEN {
            return Err(ParseError::Token);
        }
        let (token, body) = rest.split_at_checked(token_len).ok_or(ParseError::Token)?;
        let (options, payload) = options::split(body).map_err(|error| match error {
            // Offsets so far are into the body.
            ParseError::Option { at } => ParseError::Option {
                at: at.saturating_add(Header::LEN).saturating_add(token_len),
            },
            error @ (ParseError::Short
            | ParseError::Version
            | ParseError::Token
            | ParseError::EmptyPayload
            | ParseError::NotEmpty) => error,
        })?;
        Ok(Self {
            kind: header.kind,
            code: header.code,
            id: header.id,
            token,
            options,
            payload,
        })
    }

    /// Returns what the message layer makes of it.
    pub const fn kind(&self) -> Type {
        self.kind
    }

    /// Returns the method or the response.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// Returns the message id.
    pub const fn id(&self) -> u16 {
        self.id
    }

    /// Returns the token: 0 to 8 bytes.
    pub const fn token(&self) -> &'a [u8] {
        self.token
    }

    /// Returns the payload; empty if there is none.
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// Returns the options in ascending order, without the elective ones that are to be passed over: known,
    /// but of a length that they can not have, or one too many (RFC 7252 §5.4.3, §5.4.5).
    pub const fn options(&self) -> Options<'a> {
        Options::new(self.options, false)
    }

    /// Returns all options as they stand, in ascending order.
    pub const fn raw_options(&self) -> Options<'a> {
        Options::new(self.options, true)
    }

    /// Returns the value of the first option of this number, of [`Message::options`]. Cost: linear in
    /// the options.
    pub fn option(&self, number: u16) -> Option<&'a [u8]> {
        self.options()
            .find(|option| option.number == number)
            .map(|option| option.value)
    }

    /// Returns the first option of this number as a number; `None` if there is none. Cost: linear in
    /// the options.
    pub fn option_uint(&self, number: u16) -> Option<u32> {
        self.option(number).and_then(option::Uint::read)
    }

    /// Returns the number of the first critical option that is not right: not known to this crate, of a
    /// length that it can not have, or one too many. A request that has one is answered by 4.02, any
    /// other message is rejected (RFC 7252 §5.4.1). Cost: linear in the options.
    pub fn bad_option(&self) -> Option<u16> {
        let mut previous = None;
        self.raw_options().find_map(|item| {
            let repeated = previous == Some(item.number);
            previous = Some(item.number);
            let bad = option::is_critical(item.number)
                && !option::is_recognised(item.number, item.value.len(), repeated);
            bad.then_some(item.number)
        })
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "shorter than a header",
            Self::Version => "not version 1",
            Self::Token => "a token that is too long or cut off",
            Self::Option { at } => return write!(f, "malformed option at byte {at}"),
            Self::EmptyPayload => "a payload marker without a payload",
            Self::NotEmpty => "an empty message that is not empty",
        })
    }
}

impl core::error::Error for ParseError {}
