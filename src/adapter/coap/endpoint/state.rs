//! What both roles share: ids, tokens, timers, and short replies that nobody waits for.

use super::config::Config;
use super::event::Counters;
use super::transmit::{Sent, Transmit};
use crate::adapter::coap::{Code, Header, Message, ParseError, Type};
use crate::protocol::Jitter;
use crate::time::{Duration, Instant};

/// Replies without a payload that may wait to be sent. One too many is as good as lost on the way: the
/// peer asks again.
const REPLIES: usize = 4;

#[derive(Clone, Debug)]
pub(super) struct Common<A> {
    pub(super) config: Config,
    pub(super) counters: Counters,
    pub(super) jitter: Jitter,
    /// The last number of a notification, 24 bits of it.
    pub(super) sequence: u32,
    key: u32,
    tokens: u32,
    id: u16,
    serial: u16,
    replies: [Option<Reply<A>>; REPLIES],
    scratch: [u8; Header::LEN + Message::MAX_TOKEN],
}

/// A message of a header and a token at most.
#[derive(Clone, Copy, Debug)]
struct Reply<A> {
    peer: A,
    header: Header,
    token: Token,
}

/// A peer's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    len: u8,
    bytes: [u8; Message::MAX_TOKEN],
}

/// When something is sent, and how often still.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    pub(super) at: Instant,
    /// How long to wait after the next transmission.
    span: Duration,
    pub(super) left: u8,
}

impl<A: Copy + Eq> Common<A> {
    pub(super) const fn new(config: Config) -> Self {
        let [a, b, c, d, e, f, g, h] = config.seed.to_be_bytes();
        let (high, low) = (
            u32::from_be_bytes([a, b, c, d]),
            u32::from_be_bytes([e, f, g, h]),
        );
        // Each from all 64 bits, so that seeds that are neighbours have nothing in common.
        let first = mix(mix(low, 0x9E37_79B9), high);
        let second = mix(mix(high, 0x7F4A_7C15), low);
        Self {
            config,
            counters: Counters {
                malformed: 0,
                duplicate: 0,
                unexpected: 0,
                stale: 0,
                refused: 0,
                lost: 0,
            },
            jitter: Jitter::new(mix(first, second)),
            sequence: 0,
            key: first,
            tokens: second,
            id: (mix(second, first) >> 16) as u16,
            serial: 0,
            replies: [None; REPLIES],
            scratch: [0; Header::LEN + Message::MAX_TOKEN],
        }
    }

    /// The next message id. One counter for all peers, as RFC 7252 §4.4 permits.
    pub(super) const fn next_id(&mut self) -> u16 {
        self.id = self.id.wrapping_add(1);
        self.id
    }

    /// The next token: no two of 2^32 are the same.
    pub(super) const fn next_token(&mut self) -> u32 {
        self.tokens = self.tokens.wrapping_add(1);
        mix(self.tokens, self.key)
    }

    pub(super) const fn next_serial(&mut self) -> u16 {
        self.serial = self.serial.wrapping_add(1);
        self.serial
    }

    pub(super) const fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1) & 0x00FF_FFFF;
        self.sequence
    }

    /// The transmissions of a confirmable message that is due at `at` (RFC 7252 §4.2).
    pub(super) fn confirmable(&mut self, at: Instant) -> Retry {
        let config = &self.config;
        let part = u64::from(self.jitter.next() >> 16).wrapping_mul(u64::from(config.ack_spread));
        Retry {
            at,
            span: Duration::from_millis(u64::from(config.ack_timeout).saturating_add(part >> 16)),
            left: config.max_retransmit.saturating_add(1),
        }
    }

    /// Reads a datagram; what can not be understood is answered as RFC 7252 §4.2 and §4.3 say.
    pub(super) fn accept<'d>(&mut self, peer: A, datagram: &'d [u8]) -> Option<Message<'d>> {
        let error = match Message::parse(datagram) {
            Ok(message) => {
                let code = message.code();
                let understood = match message.kind() {
                    Type::Confirmable | Type::NonConfirmable => {
                        code == Code::EMPTY || code.is_request() || code.is_response()
                    }
                    Type::Acknowledgement => code == Code::EMPTY || code.is_response(),
                    Type::Reset => code == Code::EMPTY,
                };
                if understood {
                    return Some(message);
                }
                ParseError::Token
            }
            Err(error) => error,
        };
        self.counters.malformed = self.counters.malformed.wrapping_add(1);
        if !matches!(error, ParseError::Short | ParseError::Version)
            && let Ok(header) = Header::parse(datagram)
            && header.kind == Type::Confirmable
        {
            self.reset(peer, header.id);
        }
        None
    }

    /// Sends a reset.
    pub(super) fn reset(&mut self, peer: A, id: u16) {
        self.reply(peer, Type::Reset, Code::EMPTY, id, Token::EMPTY);
    }

    /// Sends an acknowledgement without a response.
    pub(super) fn acknowledge(&mut self, peer: A, id: u16) {
        self.reply(peer, Type::Acknowledgement, Code::EMPTY, id, Token::EMPTY);
    }

    /// Refuses a confirmable request; any other is dropped.
    pub(super) fn refuse(&mut self, peer: A, message: &Message<'_>, code: Code) {
        if message.kind() == Type::Confirmable {
            let token = Token::new(message.token());
            self.reply(peer, Type::Acknowledgement, code, message.id(), token);
        }
    }

    fn reply(&mut self, peer: A, kind: Type, code: Code, id: u16, token: Token) {
        let header = Header {
            kind,
            token_len: token.len,
            code,
            id,
        };
        match self.replies.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                *slot = Some(Reply {
                    peer,
                    header,
                    token,
                });
            }
            None => self.counters.lost = self.counters.lost.wrapping_add(1),
        }
    }

    /// An acknowledgement without a response, to be sent at once.
    pub(super) fn write_acknowledgement(&mut self, id: u16) -> &[u8] {
        let header = Header {
            kind: Type::Acknowledgement,
            token_len: 0,
            code: Code::EMPTY,
            id,
        };
        match self.scratch.first_chunk_mut::<{ Header::LEN }>() {
            Some(front) => {
                *front = header.to_bytes();
                front
            }
            None => &[],
        }
    }

    pub(super) fn has_reply(&self) -> bool {
        self.replies.iter().any(Option::is_some)
    }

    pub(super) fn poll_reply(&mut self, now: Instant) -> Option<Transmit<'_, A>> {
        let slot = self.replies.iter_mut().find(|slot| slot.is_some())?;
        let Reply {
            peer,
            header,
            token,
        } = (*slot)?;
        let [a, b, c, d] = header.to_bytes();
        let [e, f, g, h, i, j, k, l] = token.bytes;
        self.scratch = [a, b, c, d, e, f, g, h, i, j, k, l];
        let len = Header::LEN.saturating_add(usize::from(token.len));
        Some(Transmit::new(
            now,
            peer,
            self.scratch.get(..len).unwrap_or_default(),
            Sent::Reply(Taken::new(slot)),
        ))
    }
}

/// A place that is vacated when its reply is sent.
#[derive(Debug)]
pub(super) struct Taken<'a, A>(&'a mut Option<Reply<A>>);

impl<'a, A> Taken<'a, A> {
    const fn new(slot: &'a mut Option<Reply<A>>) -> Self {
        Self(slot)
    }

    pub(super) fn vacate(self) {
        *self.0 = None;
    }
}

impl Token {
    const EMPTY: Self = Self {
        len: 0,
        bytes: [0; Message::MAX_TOKEN],
    };

    /// Takes the token of a message: at most 8 bytes.
    pub(super) fn new(token: &[u8]) -> Self {
        let mut bytes = [0; Message::MAX_TOKEN];
        let mut len = 0_u8;
        for (slot, byte) in bytes.iter_mut().zip(token) {
            *slot = *byte;
            len = len.wrapping_add(1);
        }
        Self { len, bytes }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Retry {
    /// One transmission now, and `span` to wait after it.
    pub(super) const fn once(now: Instant, span: Duration) -> Self {
        Self {
            at: now,
            span,
            left: 1,
        }
    }

    /// No transmission, and an end.
    pub(super) const fn end(at: Instant) -> Self {
        Self {
            at,
            span: Duration::ZERO,
            left: 0,
        }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.left > 0 && self.at <= now
    }

    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.left == 0 && self.at <= now
    }

    pub(super) fn sent(&mut self, now: Instant) {
        self.left = self.left.saturating_sub(1);
        self.at = now + self.span;
        let span = self.span.as_millis();
        self.span = Duration::from_millis(span.saturating_add(span));
    }
}

/// Spreads a number over all 32 bits, one to one for each key: two rounds of a multiply-xorshift mix.
const fn mix(number: u32, key: u32) -> u32 {
    let mut mixed = number ^ key;
    mixed ^= mixed >> 16;
    mixed = mixed.wrapping_mul(0x21F0_AAAD);
    mixed ^= mixed >> 15;
    mixed = mixed.wrapping_add(key).wrapping_mul(0xD35A_2D97);
    mixed ^ (mixed >> 15)
}

/// A place's index, or a length of at most one `MTU`, in 16 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "an endpoint is not built with capacities beyond 65,535"
)]
pub(super) const fn short(number: usize) -> u16 {
    number as u16
}

/// The bytes of one place: `mtu` each, one after the other.
pub(super) fn place(bytes: &mut [u8], mtu: usize, index: usize) -> &mut [u8] {
    let start = index.saturating_mul(mtu);
    bytes
        .get_mut(start..start.saturating_add(mtu))
        .unwrap_or_default()
}
