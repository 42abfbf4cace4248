//! The device's side: requests out. What comes back is read by a [`Decoder`](super::Decoder).

use coap_message::{Code as _, MinimalWritableMessage, MutableWritableMessage};

use core::fmt;
use core::marker::PhantomData;

use super::Block;
use super::Code;
use super::format::Format;
use super::option::{self, ContentFormat, Uint};
use super::resource::{Part, PathError, add, resource};
use super::state::{self, State, TWIN_STATE, Tag};
use crate::document::DocumentRef;
use crate::protocol::Known;
use crate::protocol::Message;
use crate::protocol::RequestId;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::protocol::Wanted;
use crate::twin::Mode;
use crate::twin::Precondition;
use crate::twin::Section;

/// A device that talks to its twin, a resource of a service; documents are spelled by `F`.
///
/// A request never takes more than one datagram: a report that is too large for one is
/// [`AskError::TooLarge`], and a device engine then sends it in parts. Answers may be of any size.
///
/// Versions count by section here: an engine is configured with
/// [`VersionScope::Section`](crate::protocol::VersionScope::Section).
///
/// ```
/// use twinsync::adapter::coap::{option, Client, Code, Json, Message, MessageWriter, Type};
/// use twinsync::protocol::TwinId;
///
/// let client = Client::<Json>::new("twins", TwinId::new("lamp", None)?)?;
/// let mut out = [0; 64];
/// let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::EMPTY, 1, &[7]);
/// let question = client.subscribe(&mut writer)?;
/// let len = writer.finish()?;
/// let request = Message::parse(&out[..len])?;
/// assert_eq!((request.code(), request.option(option::OBSERVE)), (Code::GET, Some(&[][..])));
/// # let _ = question;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Client<'a, F> {
    prefix: &'a str,
    id: TwinId<'a>,
    block_size: usize,
    format: PhantomData<F>,
}

/// What was asked: kept until it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Question {
    pub(super) kind: Kind,
    pub(super) id: heapless::String<{ RequestId::MAX }>,
    /// What the asker said that it has.
    pub(super) known: Option<Known>,
}

/// Which request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) enum Kind {
    Observe,
    Get(Wanted),
    Update,
    Delete,
}

/// Why a request was not written. No code was set, so that nothing can be sent by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum AskError<E> {
    /// CoAP, or this side of it, has no such message.
    Unsupported,
    /// The payload does not fit: a device engine is told by `too_large`.
    TooLarge {
        /// Bytes that the payload takes.
        needed: usize,
    },
    /// The message that is written to failed.
    Write(E),
}

impl Kind {
    /// The part of the twin that the answer is of.
    const fn part(self) -> Part {
        match self {
            Self::Observe => Part::Section(Section::Desired),
            Self::Get(Wanted::Delta) => Part::Delta,
            Self::Get(Wanted::Sections) | Self::Delete => Part::Twin,
            Self::Update => Part::Section(Section::Reported),
        }
    }

    /// The key under which the answer is to stand.
    pub(super) const fn under(self) -> Option<&'static str> {
        self.part().key()
    }
}

impl<'a, F: Format> Client<'a, F> {
    /// Takes the first segment of the service's paths and the twin.
    ///
    /// # Errors
    /// [`PathError::Reserved`] for a twin that has the name of a part.
    pub fn new(prefix: &'a str, id: TwinId<'a>) -> Result<Self, PathError> {
        resource(id.device(), id.name())?;
        Ok(Self {
            prefix,
            id,
            block_size: Block::MAX_SIZE,
            format: PhantomData,
        })
    }

    /// The same client, which asks for answers in blocks of `size` bytes (16, 32, … 1024) and sends
    /// payloads of at most as many. Another number is ignored.
    pub const fn with_block_size(mut self, size: usize) -> Self {
        if Block::new(0, false, size).is_ok() {
            self.block_size = size;
        }
        self
    }

    /// Returns which twin this is about.
    pub const fn id(&self) -> TwinId<'a> {
        self.id
    }

    /// Writes the request that an engine's `Subscribe` stands for: a GET of desired with Observe. When it
    /// is answered by a response with Observe, the engine is told by `handle_subscribed`; that answer and
    /// each further one is desired as it then is.
    ///
    /// # Errors
    /// [`AskError::Write`].
    pub fn subscribe<M: MinimalWritableMessage>(
        &self,
        out: &mut M,
    ) -> Result<Question, AskError<M::UnionError>> {
        let question = Question::of(Kind::Observe, None);
        self.read(&question, None, out).map_err(AskError::Write)?;
        Ok(question)
    }

    /// Writes a request; `wanted` says which form of the twin a get asks for. Cost: linear in the patch.
    ///
    /// # Errors
    /// [`AskError`]; unsupported are messages that are no requests, and updates of anything but reported.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub fn encode<M: MutableWritableMessage>(
        &self,
        message: &Message<'_>,
        wanted: Wanted,
        out: &mut M,
    ) -> Result<Question, AskError<M::UnionError>> {
        match message {
            Message::Get(get) => {
                let mut question = Question::of(Kind::Get(wanted), get.id);
                question.known = get.known.filter(|_| wanted == Wanted::Sections);
                self.read(&question, None, out).map_err(AskError::Write)?;
                Ok(question)
            }
            Message::Update(request) => self.update(request, out),
            Message::Delete(_)
            | Message::GetAccepted(_)
            | Message::GetUnchanged(_)
            | Message::GetPatched(_)
            | Message::UpdateAccepted(_)
            | Message::DeleteAccepted(_)
            | Message::Rejected(_)
            | Message::Delta(_)
            | Message::DesiredPatch(_)
            | Message::Desired(_)
            | Message::Changed(_) => Err(AskError::Unsupported),
        }
    }

    /// Writes the request for a further block of an answer.
    ///
    /// # Errors
    /// [`AskError::Write`].
    pub fn next<M: MinimalWritableMessage>(
        &self,
        question: &Question,
        block: Block,
        out: &mut M,
    ) -> Result<(), AskError<M::UnionError>> {
        self.read(question, Some(block), out)
            .map_err(AskError::Write)
    }

    /// Writes a GET.
    fn read<M: MinimalWritableMessage>(
        &self,
        question: &Question,
        block: Option<Block>,
        out: &mut M,
    ) -> Result<(), M::UnionError> {
        out.set_code(M::Code::new(Code::GET.as_u8()).map_err(M::convert_code_error)?);
        if question.kind == Kind::Observe && block.is_none() {
            add(option::OBSERVE, &[], out)?;
        }
        self.path(question.kind.part(), out)?;
        add_format(option::ACCEPT, F::DOCUMENT, out)?;
        let block = match block {
            None if self.block_size < Block::MAX_SIZE => Block::new(0, false, self.block_size).ok(),
            block => block,
        };
        if let Some(block) = block {
            add(option::BLOCK2, block.value().as_bytes(), out)?;
        }
        if let Some(known) = question.known {
            let known = State {
                versions: known.versions,
                desired: Some(known.desired),
            };
            add(TWIN_STATE, known.write(&mut [0; state::MAX]), out)?;
        }
        Ok(())
    }

    fn update<M: MutableWritableMessage>(
        &self,
        request: &UpdateRequest<'_>,
        out: &mut M,
    ) -> Result<Question, AskError<M::UnionError>> {
        let update = &request.update;
        let condition = match update.precondition {
            Precondition::Any => None,
            Precondition::SectionVersion(Section::Reported, version) => {
                Some(Tag::of_version(version))
            }
            Precondition::Absent
            | Precondition::Present
            | Precondition::Version(_)
            | Precondition::SectionVersion(..)
            | Precondition::Match(_)
            | Precondition::NoneMatch(_) => return Err(AskError::Unsupported),
        };
        let patch = reported(update.patch).ok_or(AskError::Unsupported)?;
        if update.mode != Mode::Merge {
            return Err(AskError::Unsupported);
        }
        let needed = F::len(patch);
        // Beside the payload: its marker, and options of at most 5 bytes and their values.
        let names = self
            .id
            .device()
            .len()
            .saturating_add(self.id.name().map_or(0, str::len))
            .saturating_add(self.prefix.len());
        let room = out
            .available_space()
            .saturating_sub(names.saturating_add(OPTIONS))
            .min(self.block_size);
        if needed > room {
            return Err(AskError::TooLarge { needed });
        }
        let question = Question::of(Kind::Update, request.id);
        self.write_update(condition, patch, needed, out)
            .map_err(AskError::Write)?;
        Ok(question)
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    fn write_update<M: MutableWritableMessage>(
        &self,
        condition: Option<[u8; 5]>,
        patch: DocumentRef<'_>,
        len: usize,
        out: &mut M,
    ) -> Result<(), M::UnionError> {
        out.set_code(M::Code::new(Code::IPATCH.as_u8()).map_err(M::convert_code_error)?);
        if let Some(version) = condition {
            add(option::IF_MATCH, &version, out)?;
        }
        self.path(Kind::Update.part(), out)?;
        add_format(option::CONTENT_FORMAT, F::PATCH, out)?;
        let room = out
            .payload_mut_with_len(len)
            .map_err(M::convert_set_payload_error)?;
        // It was measured before.
        let written = F::write(patch, room).unwrap_or(0);
        out.truncate(written).map_err(M::convert_set_payload_error)
    }

    fn path<M: MinimalWritableMessage>(
        &self,
        part: Part,
        out: &mut M,
    ) -> Result<(), M::UnionError> {
        let segments = [
            Some(self.prefix),
            Some(self.id.device()),
            self.id.name(),
            part.key(),
        ];
        for segment in segments.into_iter().flatten() {
            add(option::URI_PATH, segment.as_bytes(), out)?;
        }
        Ok(())
    }
}

/// At most so many bytes stand beside the names and the payload: If-Match, four Uri-Path, Content-Format,
/// a part's name, the marker.
const OPTIONS: usize = 10 + 4 * 3 + 5 + 8 + 1;

impl Question {
    fn of(kind: Kind, id: Option<RequestId<'_>>) -> Self {
        // The types bound the length: it fits.
        let id = id.and_then(|id| heapless::String::try_from(id.as_str()).ok());
        Self {
            kind,
            id: id.unwrap_or_default(),
            known: None,
        }
    }

    /// Returns whether it asks for an observation.
    pub fn is_subscription(&self) -> bool {
        self.kind == Kind::Observe
    }

    pub(super) fn id(&self) -> Option<RequestId<'_>> {
        RequestId::new(&self.id)
    }
}

/// The patch of reported, if the patch is of nothing else.
fn reported(patch: DocumentRef<'_>) -> Option<DocumentRef<'_>> {
    let mut entries = patch.entries();
    let (key, _) = entries.next()?;
    if key != Section::Reported.key() || entries.next().is_some() {
        return None;
    }
    patch.at(&[key])
}

fn add_format<M: MinimalWritableMessage>(
    number: u16,
    format: ContentFormat,
    out: &mut M,
) -> Result<(), M::UnionError> {
    add(number, Uint::new(u32::from(format.0)).as_bytes(), out)
}

impl<E: fmt::Debug> fmt::Display for AskError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str("CoAP has no such message"),
            Self::TooLarge { needed } => write!(f, "the payload takes {needed} bytes"),
            Self::Write(error) => write!(f, "the request was not written: {error:?}"),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for AskError<E> {}
