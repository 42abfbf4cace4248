//! The device's side: answers and notifications in, block by block.

use core::fmt;

use coap_message::{MessageOption, ReadableMessage};

use super::client::{Client, Kind, Question};
use super::format::{BodyError, Format, ReadBody, Shape};
use super::option::{self, ContentFormat, Uint};
use super::state::{State, TWIN_STATE};
use super::{Block, Code, status};
use crate::document::DocumentMut;
use crate::error::CapacityError;
use crate::error::Status;
use crate::protocol::Accepted;
use crate::protocol::Cause;
use crate::protocol::Message;
use crate::protocol::Patched;
use crate::protocol::Rejection;
use crate::protocol::RequestKind;
use crate::protocol::Snapshot;
use crate::protocol::Versions;
use crate::time::Timestamp;
use crate::twin::ETag;

/// Reads the answer to one question, straight into a document: blocks as they come, without a buffer
/// for the whole.
#[derive(Debug)]
pub struct Decoder<'a, F: Format + 'a> {
    question: &'a Question,
    /// Until the first block says what it is read as.
    document: Option<DocumentMut<'a>>,
    reader: Option<F::Reader<'a>>,
    /// The etag of the first block.
    etag: Option<heapless::Vec<u8, 8>>,
    state: Option<State>,
    /// The number of the block that is awaited.
    number: u32,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    /// Blocks are missing.
    Open,
    Content,
    Unchanged,
    Done,
    Rejected(Status),
}

/// What is to be done after a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Fed {
    /// Ask for this block, see [`Client::next`].
    More(Block),
    /// Nothing: [`Decoder::finish`].
    Complete,
}

/// Why an answer was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DecodeError {
    /// No answer to this question.
    Code(Code),
    /// The payload is of another format.
    Format(ContentFormat),
    /// Not the block that was asked for.
    Block,
    /// The twin changed between two blocks: ask again from the first.
    Changed,
    /// The payload is malformed, or does not fit the document (see [`DecodeError::capacity`]).
    Body(BodyError),
    /// A section is no map.
    Section,
    /// Blocks are missing.
    Incomplete,
}

impl DecodeError {
    /// Returns how much room was missing, if that is why: an engine is told by `handle_oversized`.
    pub const fn capacity(&self) -> Option<CapacityError> {
        if let Self::Body(BodyError::Capacity(error)) = self {
            Some(*error)
        } else {
            None
        }
    }
}

impl<F: Format> Client<'_, F> {
    /// Starts to read the answer to `question`, or a notification that it asked for, into `document`.
    pub fn decoder<'d>(&self, question: &'d Question, document: DocumentMut<'d>) -> Decoder<'d, F> {
        Decoder {
            question,
            document: Some(document),
            reader: None,
            etag: None,
            state: None,
            number: 0,
            outcome: Outcome::Open,
        }
    }
}

/// What is read of a response's options.
#[derive(Default)]
struct Head {
    etag: Option<heapless::Vec<u8, 8>>,
    format: Option<ContentFormat>,
    block: Option<Block>,
    state: Option<State>,
}

impl Head {
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn read<M: ReadableMessage>(response: &M) -> Self {
        let mut head = Self::default();
        for item in response.options() {
            let value = item.value();
            match item.number() {
                option::ETAG => head.etag = heapless::Vec::from_slice(value).ok(),
                option::CONTENT_FORMAT => {
                    let format = Uint::read(value).and_then(|format| u16::try_from(format).ok());
                    head.format = format.map(ContentFormat);
                }
                option::BLOCK2 => head.block = Block::read(value).ok(),
                TWIN_STATE => head.state = State::read(value),
                _ => {}
            }
        }
        head
    }
}

impl<'a, F: Format> Decoder<'a, F> {
    /// Reads a response: the first, or one that [`Fed::More`] asked for. Cost: linear in its payload.
    ///
    /// # Errors
    /// [`DecodeError`]; the answer can then not be finished.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn feed<M: ReadableMessage>(&mut self, response: &M) -> Result<Fed, DecodeError> {
        let code = Code::new(response.code().into());
        let head = Head::read(response);
        if self.number == 0 {
            self.state = head.state;
        }
        self.outcome = match (code, self.question.kind) {
            (Code::CONTENT, Kind::Observe | Kind::Get(_)) => {
                return self.block(head, response.payload());
            }
            (Code::VALID, Kind::Get(_)) => Outcome::Unchanged,
            (Code::CHANGED | Code::CREATED, Kind::Update) | (Code::DELETED, Kind::Delete) => {
                Outcome::Done
            }
            _ if code.class() == 4 || code.class() == 5 => Outcome::Rejected(status::status(code)),
            _ => return Err(DecodeError::Code(code)),
        };
        Ok(Fed::Complete)
    }

    /// The tag of desired after the patch, if the answer is a patch of desired.
    fn patch(&self) -> Option<ETag> {
        let asked = self.question.known.and(self.state);
        asked.and_then(|state| state.desired)
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn block(&mut self, head: Head, payload: &[u8]) -> Result<Fed, DecodeError> {
        let expected = if self.patch().is_some() {
            F::PATCH
        } else {
            F::DOCUMENT
        };
        if let Some(format) = head.format.filter(|format| *format != expected) {
            return Err(DecodeError::Format(format));
        }
        let number = head.block.map_or(0, Block::number);
        if number != self.number || self.outcome != Outcome::Open {
            return Err(DecodeError::Block);
        }
        if number == 0 {
            self.etag = head.etag;
            let shape = match (self.question.kind.under(), self.patch()) {
                (Some(key), _) => Shape::Under(key),
                (None, Some(_)) => Shape::Whole,
                (None, None) => Shape::Sections,
            };
            self.reader = self
                .document
                .take()
                .map(|document| F::reader(document, shape));
        } else if self.etag != head.etag {
            return Err(DecodeError::Changed);
        }
        let reader = self.reader.as_mut().ok_or(DecodeError::Block)?;
        reader.feed(payload).map_err(DecodeError::Body)?;
        match head.block.filter(|block| block.more()) {
            Some(block) => {
                let next = block.next().ok_or(DecodeError::Block)?;
                self.number = next.number();
                Ok(Fed::More(next))
            }
            None => {
                self.outcome = Outcome::Content;
                Ok(Fed::Complete)
            }
        }
    }

    /// Ends the answer and returns the message.
    ///
    /// A service that does not tell versions is taken to have version 0, from which an engine learns that
    /// it must ask for the twin whenever something changed.
    ///
    /// # Errors
    /// [`DecodeError`]: blocks are missing, or the payload is not what was asked for.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn finish(mut self) -> Result<Message<'a>, DecodeError> {
        let id = self.question.id();
        let timestamp = Timestamp::EPOCH;
        let versions = self.state.map_or(Versions::ZERO, |state| state.versions);
        let kind = self.question.kind;
        let accepted = Accepted {
            id,
            versions,
            patch: None,
            timestamp,
        };
        Ok(match self.outcome {
            Outcome::Open => return Err(DecodeError::Incomplete),
            Outcome::Content => {
                let patch = self.patch();
                let reader = self.reader.as_mut().ok_or(DecodeError::Incomplete)?;
                let document = reader.end().map_err(DecodeError::Body)?;
                if let Some(desired) = patch {
                    return Ok(Message::GetPatched(Patched {
                        id,
                        patch: document,
                        desired,
                        versions,
                        timestamp,
                    }));
                }
                if document
                    .entries()
                    .any(|(_, section)| section.as_map().is_none())
                {
                    return Err(DecodeError::Section);
                }
                content(
                    kind,
                    Snapshot {
                        id,
                        document,
                        versions,
                        timestamp,
                    },
                )
            }
            Outcome::Unchanged => Message::GetUnchanged(accepted),
            Outcome::Done if kind == Kind::Delete => Message::DeleteAccepted(accepted),
            Outcome::Done => Message::UpdateAccepted(accepted),
            Outcome::Rejected(status) => Message::Rejected(Rejection {
                id,
                request: match kind {
                    Kind::Observe | Kind::Get(_) => RequestKind::Get,
                    Kind::Update => RequestKind::Update,
                    Kind::Delete => RequestKind::Delete,
                },
                status,
                cause: Cause::Unstated,
                timestamp,
            }),
        })
    }
}

fn content(kind: Kind, snapshot: Snapshot<'_>) -> Message<'_> {
    if kind == Kind::Observe {
        Message::Desired(snapshot)
    } else {
        Message::GetAccepted(snapshot)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code} is no answer"),
            Self::Format(format) => write!(f, "format {} was not asked for", format.0),
            Self::Block => f.write_str("another block was asked for"),
            Self::Changed => f.write_str("the twin changed between two blocks"),
            Self::Body(error) => error.fmt(f),
            Self::Section => f.write_str("a section is no map"),
            Self::Incomplete => f.write_str("blocks are missing"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(offset) => write!(f, "byte {offset}: malformed"),
            Self::Capacity(error) => write!(f, "the document {error}"),
        }
    }
}

impl core::error::Error for BodyError {}

#[cfg(feature = "defmt")]
impl<F: Format> defmt::Format for Decoder<'_, F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "Decoder for {}", self.question);
    }
}
