//! Strings, in one piece or in chunks: values, keys, names that are looked for, the digits of bignums.

use super::{BREAK, Expect, Purpose, Reader, State, Text};
use crate::codec::cbor::error::Fault;
use crate::codec::cbor::select::{Match, Member, Select};
use crate::document::MAX_KEY;
use crate::document::format;

impl Reader<'_> {
    pub(super) fn key(&mut self) {
        let purpose = if let Some(select) = self.selected() {
            self.name = match select {
                Select::Members(members) => Match::new(members),
                Select::Numbered(_) | Select::All => Match::NONE,
            };
            Purpose::Name
        } else {
            Purpose::Key
        };
        self.begin_string(3, purpose);
    }

    pub(super) fn begin_string(&mut self, major: u8, purpose: Purpose) {
        let chunked = self.is_indefinite();
        self.string = Text {
            purpose,
            major,
            chunked,
            chunk: 0,
            escape: false,
        };
        if matches!(purpose, Purpose::Value | Purpose::Key) {
            self.raw.begin_text();
        }
        if chunked {
            self.expect = Expect::Chunk;
        } else {
            self.begin_chunk();
        }
    }

    pub(super) fn next_chunk(&mut self, major: u8) {
        if self.initial == BREAK {
            self.end_string();
        } else if major != self.string.major || self.is_indefinite() {
            self.fail(Fault::Malformed);
        } else {
            self.begin_chunk();
        }
    }

    /// The head of a string, or of a chunk of one, is complete.
    fn begin_chunk(&mut self) {
        let len = usize::try_from(self.argument).unwrap_or(usize::MAX);
        let purpose = self.string.purpose;
        if purpose == Purpose::Key && len > MAX_KEY.saturating_sub(self.raw.written().len()) {
            return self.fail(Fault::KeyTooLong);
        }
        if matches!(purpose, Purpose::Value | Purpose::Key) {
            self.string.chunk = self.raw.at;
            if !self.raw.room(len) {
                return;
            }
        }
        self.state = State::String;
        if len == 0 {
            self.end_chunk();
        }
    }

    /// Puts a part of a string where it belongs.
    pub(super) fn store(&mut self, part: &[u8]) {
        match self.string.purpose {
            Purpose::Value | Purpose::Key => {
                self.string.escape |= format::needs_escape(part);
                self.raw.text(part);
            }
            Purpose::Name => self.name.push(part),
            Purpose::Bignum => {
                for byte in part {
                    if self.decimal.magnitude.wrapping_shr(56) != 0 {
                        return self.fail(Fault::Bignum);
                    }
                    self.decimal.magnitude =
                        self.decimal.magnitude.wrapping_shl(8) | u64::from(*byte);
                }
            }
            Purpose::Skipped => {}
        }
    }

    pub(super) fn end_chunk(&mut self) {
        self.state = State::Head;
        if matches!(self.string.purpose, Purpose::Value | Purpose::Key) {
            let chunk = format::slice(self.raw.bytes, self.string.chunk, self.raw.at);
            if core::str::from_utf8(chunk).is_err() {
                return self.fail(Fault::InvalidUtf8);
            }
        }
        if self.string.chunked {
            self.expect = Expect::Chunk;
        } else {
            self.end_string();
        }
    }

    fn end_string(&mut self) {
        let escape = self.string.escape;
        match self.string.purpose {
            Purpose::Value => self.raw.end_string(escape),
            Purpose::Key => self.raw.end_key(escape),
            Purpose::Name => return self.begin_member(self.name.finish()),
            Purpose::Bignum => {
                return self.number(self.decimal.negative, self.decimal.magnitude);
            }
            Purpose::Skipped => {}
        }
        self.after_item();
    }

    /// A key is complete: the value behind it is this member, or none that is wanted.
    pub(super) fn begin_member(&mut self, member: Option<&'static Member>) {
        if let Some(member) = member {
            let key = member.key.as_bytes();
            self.raw.begin_text();
            self.raw.text(key);
            self.raw.end_key(format::needs_escape(key));
        }
        self.after_item();
        match member {
            Some(member) => self.wanted = &member.select,
            None => self.skip = Some(self.levels.len()),
        }
    }
}
