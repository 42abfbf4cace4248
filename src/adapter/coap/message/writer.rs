//! Messages into a caller's buffer.

use core::fmt;

use super::options::MARKER;
use super::{Code, Header, Type};
use crate::adapter::coap::Block;
use crate::adapter::coap::option::Uint;
use crate::document::format;
use crate::error::BufferTooSmall;

/// Writes a message and counts what does not fit.
///
/// Code and options first, options in ascending order, the payload last. Writing never fails: what is wrong is
/// noted, what does not fit is counted, and [`MessageWriter::finish`] says so. The methods of the
/// `coap-message` traits fail at once instead, and then have written nothing.
#[derive(Debug)]
pub struct MessageWriter<'a> {
    out: &'a mut [u8],
    at: usize,
    /// Number of the last option.
    last: u16,
    /// Where the payload begins, once there is one.
    payload: Option<usize>,
    fault: Option<WriteError>,
    /// Where the options begin.
    pub(super) start: usize,
}

/// Why a message was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum WriteError {
    /// The buffer is too short; it says how long the whole message is.
    BufferTooSmall(BufferTooSmall),
    /// An option of this number came behind one of a higher number, or behind the payload.
    Order {
        /// The option that came too late.
        number: u16,
    },
    /// The value of this option is longer than any datagram: 65,535 bytes.
    OptionTooLong {
        /// The option.
        number: u16,
    },
    /// A second payload, or a change of one that is not there.
    Payload,
}

impl<'a> MessageWriter<'a> {
    /// Begins a message at the front of `out`. Of a token longer than 8 bytes, the first 8 are taken.
    pub fn new(out: &'a mut [u8], kind: Type, code: Code, id: u16, token: &[u8]) -> Self {
        let token = token.get(..super::Message::MAX_TOKEN).unwrap_or(token);
        let header = Header {
            kind,
            token_len: token.iter().fold(0, |len: u8, _| len.wrapping_add(1)),
            code,
            id,
        };
        let mut writer = Self {
            out,
            at: 0,
            last: 0,
            payload: None,
            fault: None,
            start: 0,
        };
        writer.put(&header.to_bytes());
        writer.put(token);
        writer.start = writer.at;
        writer
    }

    /// Sets the code, in place of the one that the message was begun with.
    pub fn code(&mut self, code: Code) {
        if let Some(octet) = self.out.get_mut(1) {
            *octet = code.as_u8();
        }
    }

    /// Writes an option.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn option(&mut self, number: u16, value: &[u8]) {
        match self.lead(number, value.len()) {
            Ok((lead, len)) => {
                self.last = number;
                self.put(lead.get(..len).unwrap_or_default());
                self.put(value);
            }
            Err(error) => self.note(error),
        }
    }

    /// Writes an option whose value is a number.
    pub fn option_uint(&mut self, number: u16, value: u32) {
        self.option(number, Uint::new(value).as_bytes());
    }

    /// Writes a Block1 or Block2 option.
    pub fn option_block(&mut self, number: u16, block: Block) {
        self.option(number, block.value().as_bytes());
    }

    /// Writes the payload; an empty one is none.
    pub fn payload(&mut self, payload: &[u8]) {
        if self.payload.is_some() {
            self.note(WriteError::Payload);
        } else if !payload.is_empty() {
            self.put(&[MARKER]);
            self.payload = Some(self.at);
            self.put(payload);
        }
    }

    /// Returns room for a payload of up to `len` bytes, as much of it as there is, to be written in
    /// place; [`MessageWriter::truncate`] then says how much of it is payload. What is in it is
    /// arbitrary. The room for a payload that is there already, at most `len` bytes of it.
    pub fn payload_mut(&mut self, len: usize) -> &mut [u8] {
        let start = match self.payload {
            Some(start) => {
                let end = start.saturating_add(len).min(self.at);
                return self.out.get_mut(start..end).unwrap_or_default();
            }
            None => {
                let len = len.min(self.available().saturating_sub(1));
                if len == 0 {
                    return &mut [];
                }
                self.put(&[MARKER]);
                let start = self.at;
                self.payload = Some(start);
                self.at = start.saturating_add(len);
                start
            }
        };
        self.out.get_mut(start..self.at).unwrap_or_default()
    }

    /// Cuts the payload down to `len` bytes; to none at all if `len` is 0.
    ///
    /// A payload shorter than `len` is noted as [`WriteError::Payload`].
    pub fn truncate(&mut self, len: usize) {
        if let Err(error) = self.try_truncate(len) {
            self.note(error);
        }
    }

    /// Returns how many bytes are left for options, marker and payload.
    pub const fn available(&self) -> usize {
        self.out.len().saturating_sub(self.at)
    }

    /// Returns the length so far, in bytes, written or counted.
    pub const fn len(&self) -> usize {
        self.at
    }

    /// Returns whether nothing stands behind the token yet.
    pub const fn is_empty(&self) -> bool {
        self.at == self.start
    }

    /// Ends the message and returns its length.
    ///
    /// # Errors
    /// What was noted first, or [`WriteError::BufferTooSmall`]; what is in the buffer is then of no use.
    pub const fn finish(self) -> Result<usize, WriteError> {
        if let Some(error) = self.fault {
            return Err(error);
        }
        if self.at > self.out.len() {
            return Err(WriteError::BufferTooSmall(BufferTooSmall {
                needed: self.at,
            }));
        }
        Ok(self.at)
    }

    pub(super) fn try_option(&mut self, number: u16, value: &[u8]) -> Result<(), WriteError> {
        let (lead, len) = self.lead(number, value.len())?;
        self.check(len.saturating_add(value.len()))?;
        self.last = number;
        self.put(lead.get(..len).unwrap_or_default());
        self.put(value);
        Ok(())
    }

    pub(super) fn try_payload(&mut self, payload: &[u8]) -> Result<(), WriteError> {
        if self.payload.is_some() {
            return Err(WriteError::Payload);
        }
        if !payload.is_empty() {
            self.check(payload.len().saturating_add(1))?;
            self.payload(payload);
        }
        Ok(())
    }

    pub(super) fn try_truncate(&mut self, len: usize) -> Result<(), WriteError> {
        match (self.payload, len) {
            (None, 0) => {}
            (Some(start), 0) => {
                self.payload = None;
                self.at = start.saturating_sub(1);
            }
            (Some(start), _) if len <= self.at.saturating_sub(start) => {
                self.at = start.saturating_add(len);
            }
            _ => return Err(WriteError::Payload),
        }
        Ok(())
    }

    /// What stands between the token and the payload so far.
    pub(super) fn written_options(&mut self) -> &mut [u8] {
        let end = self
            .payload
            .map_or(self.at, |payload| payload.saturating_sub(1));
        self.out.get_mut(self.start..end).unwrap_or_default()
    }

    /// Whether `more` bytes fit.
    fn check(&self, more: usize) -> Result<(), WriteError> {
        if more > self.available() {
            return Err(WriteError::BufferTooSmall(BufferTooSmall {
                needed: self.at.saturating_add(more),
            }));
        }
        Ok(())
    }

    /// The bytes before an option's value, and how many they are.
    fn lead(&self, number: u16, len: usize) -> Result<([u8; 5], usize), WriteError> {
        let delta = number
            .checked_sub(self.last)
            .filter(|_| self.payload.is_none())
            .ok_or(WriteError::Order { number })?;
        let len = u32::try_from(len)
            .ok()
            .filter(|len| *len <= MAX_VALUE)
            .ok_or(WriteError::OptionTooLong { number })?;
        let (high, delta) = extend(u32::from(delta));
        let (low, len) = extend(len);
        let mut lead = [0; 5];
        let mut end = 0;
        for byte in core::iter::once(&(high << 4 | low))
            .chain(delta.bytes())
            .chain(len.bytes())
        {
            if let Some(slot) = lead.get_mut(end) {
                *slot = *byte;
            }
            end = end.wrapping_add(1);
        }
        Ok((lead, end))
    }

    fn note(&mut self, error: WriteError) {
        self.fault.get_or_insert(error);
    }

    fn put(&mut self, bytes: &[u8]) {
        self.at = format::put(self.out, self.at, bytes);
    }
}

/// The longest value, which no datagram holds; the format could tell lengths of up to 65,804.
const MAX_VALUE: u32 = 65_535;

/// The bytes that follow a nibble of 13 or 14.
struct Extension([u8; 2], u8);

impl Extension {
    fn bytes(&self) -> impl Iterator<Item = &u8> {
        self.0.iter().skip(usize::from(2_u8.saturating_sub(self.1)))
    }
}

/// A delta or a length as a nibble and the bytes that go with it.
#[expect(
    clippy::cast_possible_truncation,
    reason = "the arms bound the value, the last by its callers: MAX_VALUE"
)]
const fn extend(value: u32) -> (u8, Extension) {
    match value {
        0..13 => (value as u8, Extension([0; 2], 0)),
        13..269 => (13, Extension([0, value.wrapping_sub(13) as u8], 1)),
        _ => {
            let rest = value.wrapping_sub(269) as u16;
            (14, Extension(rest.to_be_bytes(), 2))
        }
    }
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall(error) => error.fmt(f),
            Self::Order { number } => write!(f, "option {number} comes too late"),
            Self::OptionTooLong { number } => write!(f, "the value of option {number} is too long"),
            Self::Payload => f.write_str("a second payload, or none to cut"),
        }
    }
}

impl core::error::Error for WriteError {}

#[cfg(feature = "defmt")]
impl defmt::Format for MessageWriter<'_> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "message of {=usize} bytes", self.len());
    }
}
