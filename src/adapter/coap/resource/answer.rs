//! Answers and notifications out.

use core::fmt;

use coap_message::{Code as _, MinimalWritableMessage, OptionNumber as _};

use super::Service;
use super::body;
use super::fault::Fault;
use super::path::Part;
use super::request::{Refusal, Reply};
use super::select;
use crate::adapter::coap::option::{self, ContentFormat, Uint};
use crate::adapter::coap::problem::{self, Detail};
use crate::adapter::coap::state::{self, State, TWIN_STATE, Tag};
use crate::adapter::coap::{Block, Code, status};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::{self};
use crate::error::CapacityError;
use crate::error::Status;
use crate::protocol::Cause;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::protocol::RequestKind;
use crate::protocol::Versions;
use crate::twin::ETag;
use crate::twin::Rejected;
use crate::twin::Section;

/// Why an answer was not written. What is in the message is then of no use; nothing else was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AnswerError<E> {
    /// CoAP has no such message, or it does not say what the observer sees.
    Unsupported,
    /// The message that is written to failed.
    Write(E),
}

/// What a response is made of.
#[derive(Default)]
pub(super) struct Response<'a> {
    pub(super) code: Code,
    pub(super) etag: Option<Tag>,
    pub(super) observe: Option<u32>,
    pub(super) format: Option<ContentFormat>,
    pub(super) max_age: Option<u32>,
    pub(super) block2: Option<Block>,
    pub(super) block1: Option<Block>,
    pub(super) size2: Option<usize>,
    pub(super) size1: Option<usize>,
    pub(super) state: Option<State>,
    pub(super) payload: &'a [u8],
}

impl Service<'_> {
    /// Writes the answer of a hub, or a notification ([`Watch::notify`](super::Watch::notify)), into
    /// `out` and returns its code; 2.05 with an observer's sequence number, or 2.03, keeps an observation
    /// alive.
    ///
    /// `document` takes what is shown of the twin, and `text` the whole of it as it is spelled, of which
    /// a block goes out: what does not fit is 5.00. `out` needs room for a block
    /// ([`Service::with_block_size`]) and some 60 bytes of options. Cost: linear in the twin, for each
    /// block.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn encode<M: MinimalWritableMessage>(
        &self,
        reply: &Reply<'_>,
        message: &Message<'_>,
        document: DocumentMut<'_>,
        text: &mut [u8],
        out: &mut M,
    ) -> Result<Code, AnswerError<M::UnionError>> {
        let (shown, versions) = match message {
            Message::GetAccepted(snapshot) => (snapshot.document, snapshot.versions),
            Message::Desired(snapshot) if reply.watch.part == Part::Section(Section::Desired) => {
                (snapshot.document, snapshot.versions)
            }
            Message::GetPatched(patched) => {
                let state = State {
                    versions: patched.versions,
                    desired: Some(patched.desired),
                };
                return self.show(reply, patched.patch, state, text, out);
            }
            Message::GetUnchanged(accepted) => {
                return write_done(reply, Code::VALID, accepted.versions, out);
            }
            Message::Changed(changed) => (changed.current, changed.versions),
            Message::UpdateAccepted(accepted) => {
                let code = if reply.method == Code::DELETE {
                    Code::DELETED
                } else if accepted.versions.twin.as_u64() == 1 {
                    Code::CREATED
                } else {
                    Code::CHANGED
                };
                return write_done(reply, code, accepted.versions, out);
            }
            Message::DeleteAccepted(accepted) => {
                return write_done(reply, Code::DELETED, accepted.versions, out);
            }
            Message::Rejected(rejection) => {
                // A section that is observed is there before its twin is: empty.
                let is_awaited = rejection.request == RequestKind::Get
                    && rejection.status == Status::NotFound
                    && reply.sequence.is_some()
                    && matches!(reply.watch.part, Part::Section(_));
                if !is_awaited {
                    return self.reject(reply, rejection, out);
                }
                (DocumentRef::EMPTY, Versions::ZERO)
            }
            Message::Get(_)
            | Message::Update(_)
            | Message::Delete(_)
            | Message::Delta(_)
            | Message::DesiredPatch(_)
            | Message::Desired(_) => return Err(AnswerError::Unsupported),
        };
        let mut document = document;
        if show(reply, shown, &mut document).is_err() {
            return self.refuse(&reply.refusal(Fault::Room), out);
        }
        self.show(reply, document.as_ref(), State::of(versions), text, out)
    }

    /// Writes the answer to a request that was refused, and returns its code.
    ///
    /// # Errors
    /// [`AnswerError::Write`].
    pub fn refuse<M: MinimalWritableMessage>(
        &self,
        refusal: &Refusal,
        out: &mut M,
    ) -> Result<Code, AnswerError<M::UnionError>> {
        let detail = Detail::of(&refusal.fault);
        let response = Response {
            code: refusal.fault.code(),
            max_age: (refusal.fault == Fault::Busy).then_some(self.retry_after),
            block1: refusal.block1,
            size1: if let Fault::BodyTooLarge { limit } = refusal.fault {
                Some(limit)
            } else {
                None
            },
            ..Response::default()
        };
        write_problem(response, detail.as_str(), refusal.problem, out)
    }

    fn show<M: MinimalWritableMessage>(
        &self,
        reply: &Reply<'_>,
        shown: DocumentRef<'_>,
        state: State,
        text: &mut [u8],
        out: &mut M,
    ) -> Result<Code, AnswerError<M::UnionError>> {
        let versions = state.versions;
        let version = match reply.watch.part {
            _ if state.desired.is_some() => versions.desired,
            Part::Section(Section::Desired) => versions.desired,
            Part::Section(Section::Reported) => versions.reported,
            Part::Section(Section::Tags) | Part::Twin | Part::Delta => versions.twin,
        };
        let etag = Tag::new(version, ETag::of(shown));
        let mut response = Response {
            etag: Some(etag),
            observe: reply.sequence,
            max_age: self.max_age,
            state: Some(state),
            block1: reply.block1,
            ..Response::default()
        };
        let is_first = reply.block2.is_none_or(|block| block.number() == 0);
        if is_first && reply.etags.contains(&etag) {
            response.code = Code::VALID;
            return write(&response, out);
        }
        let Ok(len) = body::write(reply.watch.format, shown, text) else {
            return self.refuse(&reply.refusal(Fault::Room), out);
        };
        let whole = text.get(..len).unwrap_or_default();
        let Some((block, payload)) = cut(whole, reply.block2, self.block_size) else {
            return self.refuse(&reply.refusal(Fault::BlockNumber), out);
        };
        response.code = Code::CONTENT;
        response.format = Some(if state.desired.is_some() {
            body::patch_of(reply.watch.format)
        } else {
            reply.watch.format
        });
        response.payload = payload;
        if reply.block2.is_some() || block.more() {
            response.block2 = Some(block);
            response.size2 = (block.number() == 0).then_some(len);
        }
        write(&response, out)
    }

    fn reject<M: MinimalWritableMessage>(
        &self,
        reply: &Reply<'_>,
        rejection: &Rejection<'_>,
        out: &mut M,
    ) -> Result<Code, AnswerError<M::UnionError>> {
        let (code, detail) = match rejection.cause {
            Cause::Twin(rejected) => (status::of_rejected(rejected), Detail::of(&rejected)),
            Cause::Text(text) => (status::code(rejection.status), Detail::of(&text)),
            Cause::Unstated => (
                status::code(rejection.status),
                Detail::of(&rejection.status),
            ),
        };
        let response = Response {
            code,
            max_age: matches!(rejection.status, Status::Throttled | Status::Unavailable)
                .then_some(self.retry_after),
            block1: reply.block1,
            size1: if let Cause::Twin(Rejected::TooLarge { limit, .. }) = rejection.cause {
                Some(limit)
            } else {
                None
            },
            ..Response::default()
        };
        write_problem(response, detail.as_str(), reply.problem, out)
    }
}

/// Puts what the asker sees of a twin into `out`.
fn show(
    reply: &Reply<'_>,
    twin: DocumentRef<'_>,
    out: &mut DocumentMut<'_>,
) -> Result<(), CapacityError> {
    let section = |section: Section| twin.at(&[section.key()]).unwrap_or(DocumentRef::EMPTY);
    match reply.watch.part {
        Part::Delta => {
            let (desired, reported) = (section(Section::Desired), section(Section::Reported));
            document::delta(desired, reported, out)
        }
        Part::Section(of) => match reply.paths {
            Some(paths) => select::select(paths, section(of), out),
            None => out.assign(section(of)),
        },
        Part::Twin => {
            match reply.paths {
                Some(paths) => select::select(paths, twin, out)?,
                None => out.assign(twin)?,
            }
            out.remove(&["metadata"]);
            if !reply.watch.sees_tags {
                out.remove(&[Section::Tags.key()]);
            }
            Ok(())
        }
    }
}

/// The block of a body that is asked for, in blocks of at most `largest` bytes; `None` beyond its end.
fn cut(whole: &[u8], asked: Option<Block>, largest: usize) -> Option<(Block, &[u8])> {
    let asked = match asked {
        Some(block) if block.size() > largest => block.resized(largest).ok()?,
        Some(block) => block,
        None => Block::new(0, false, largest).ok()?,
    };
    let (start, size) = (asked.offset(), asked.size());
    let rest = whole.get(start..)?;
    if rest.is_empty() && start > 0 {
        return None;
    }
    let payload = rest.get(..size).unwrap_or(rest);
    let block = Block::new(asked.number(), rest.len() > size, size).ok()?;
    Some((block, payload))
}

/// Writes the answer to a request that was done.
fn write_done<M: MinimalWritableMessage>(
    reply: &Reply<'_>,
    code: Code,
    versions: Versions,
    out: &mut M,
) -> Result<Code, AnswerError<M::UnionError>> {
    let response = Response {
        code,
        block1: reply.block1,
        state: Some(State::of(versions)),
        ..Response::default()
    };
    write(&response, out)
}

/// Writes an error, as problem details if they are asked for, else as a diagnostic payload.
fn write_problem<M: MinimalWritableMessage>(
    mut response: Response<'_>,
    detail: &str,
    as_details: bool,
    out: &mut M,
) -> Result<Code, AnswerError<M::UnionError>> {
    let mut bytes = [0; problem::MAX_DETAILS];
    let payload = if as_details {
        response.format = Some(ContentFormat::PROBLEM_DETAILS);
        problem::details(response.code, detail, &mut bytes)
    } else {
        detail.as_bytes()
    };
    write(
        &Response {
            payload,
            ..response
        },
        out,
    )
}

/// Writes a response: options in ascending order.
pub(super) fn write<M: MinimalWritableMessage>(
    response: &Response<'_>,
    out: &mut M,
) -> Result<Code, AnswerError<M::UnionError>> {
    write_to(response, out).map_err(AnswerError::Write)?;
    Ok(response.code)
}

fn write_to<M: MinimalWritableMessage>(
    response: &Response<'_>,
    out: &mut M,
) -> Result<(), M::UnionError> {
    let code = M::Code::new(response.code.as_u8()).map_err(M::convert_code_error)?;
    out.set_code(code);
    if let Some(etag) = response.etag {
        add(option::ETAG, &etag.0, out)?;
    }
    if let Some(sequence) = response.observe {
        add_uint(option::OBSERVE, sequence & 0x00FF_FFFF, out)?;
    }
    if let Some(format) = response.format {
        add_uint(option::CONTENT_FORMAT, u32::from(format.0), out)?;
    }
    if let Some(seconds) = response.max_age {
        add_uint(option::MAX_AGE, seconds, out)?;
    }
    if let Some(block) = response.block2 {
        add(option::BLOCK2, block.value().as_bytes(), out)?;
    }
    if let Some(block) = response.block1 {
        add(option::BLOCK1, block.value().as_bytes(), out)?;
    }
    for (number, size) in [
        (option::SIZE2, response.size2),
        (option::SIZE1, response.size1),
    ] {
        if let Some(size) = size {
            add_uint(number, u32::try_from(size).unwrap_or(u32::MAX), out)?;
        }
    }
    if let Some(state) = response.state {
        add(TWIN_STATE, state.write(&mut [0; state::MAX]), out)?;
    }
    if !response.payload.is_empty() {
        out.set_payload(response.payload)
            .map_err(M::convert_set_payload_error)?;
    }
    Ok(())
}

fn add_uint<M: MinimalWritableMessage>(
    number: u16,
    value: u32,
    out: &mut M,
) -> Result<(), M::UnionError> {
    add(number, Uint::new(value).as_bytes(), out)
}

/// Adds an option.
pub(in crate::adapter::coap) fn add<M: MinimalWritableMessage>(
    number: u16,
    value: &[u8],
    out: &mut M,
) -> Result<(), M::UnionError> {
    let number = M::OptionNumber::new(number).map_err(M::convert_option_number_error)?;
    out.add_option(number, value)
        .map_err(M::convert_add_option_error)
}

impl<E: fmt::Debug> fmt::Display for AnswerError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str("CoAP has no such message"),
            Self::Write(error) => write!(f, "the response was not written: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for AnswerError<E> {}
