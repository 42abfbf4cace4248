//! Requests in: who asks, of which twin, and what the hub is asked.

use coap_message::ReadableMessage;

use super::Service;
use super::body;
use super::fault::Fault;
use super::head::{Condition, ETags, Head};
use super::path::{Names, Part};
use crate::adapter::coap::option::ContentFormat;
use crate::adapter::coap::state::State;
use crate::adapter::coap::{Block, Code};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::protocol::Get;
use crate::protocol::Message;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::twin::Mode;
use crate::twin::Origin;
use crate::twin::Precondition;
use crate::twin::Section;
use crate::twin::Update;
use crate::twin::Version;

/// Who asks, as the transport has it authenticated (the identity of a DTLS session, say), and so what it
/// may touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Access<'a> {
    /// Nobody known: every request is 4.01.
    Nobody,
    /// This device: its own twins, without tags; it reads all of them and writes what the hub's policy
    /// lets a device write. It can not delete a twin.
    Device(&'a str),
    /// A back-end or an operator: every twin, with tags.
    Service,
}

impl Access<'_> {
    const fn origin(self) -> Origin {
        match self {
            Self::Nobody => Origin::Unknown,
            Self::Device(_) => Origin::Device,
            Self::Service => Origin::Service,
        }
    }
}

/// A request that a hub can be asked.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Call<'a> {
    /// The twin that it is about.
    pub id: TwinId<'a>,
    /// What to ask the hub.
    pub message: Message<'a>,
    /// What the answer is written with.
    pub reply: Reply<'a>,
}

/// How a request is to be answered.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reply<'a> {
    pub(super) method: Code,
    pub(super) watch: Watch,
    pub(super) etags: ETags,
    pub(super) observe: Option<u32>,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    pub(super) problem: bool,
    /// The paths that a FETCH asks for.
    pub(super) paths: Option<DocumentRef<'a>>,
    pub(super) sequence: Option<u32>,
}

/// What an observer sees of a twin: all that must be remembered of it besides its twin and its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Watch {
    pub(super) part: Part,
    pub(super) format: ContentFormat,
    pub(super) sees_tags: bool,
    /// The size of blocks, if the observer asked for one.
    pub(super) block: Option<Block>,
}

/// A request that is refused before any twin is looked at; [`Service::refuse`] writes the answer.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Refusal {
    /// The rule that the request breaks.
    pub fault: Fault,
    /// Whether problem details are asked for.
    pub(super) problem: bool,
    pub(super) block1: Option<Block>,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            problem: false,
            block1: None,
        }
    }
}

impl Reply<'_> {
    /// Returns what the client wants of notifications: `Some(true)` to register, `Some(false)` to
    /// deregister (RFC 7641 §2); `None` if the request does not say, or is no GET of a first block.
    pub const fn observe(&self) -> Option<bool> {
        match self.observe {
            Some(0) => Some(true),
            Some(1) => Some(false),
            _ => None,
        }
    }

    /// Says that the client was registered, and with which sequence number the answer goes out. An
    /// answer that is an error goes out without; the registration is then to be dropped (RFC 7641
    /// §4.1).
    pub const fn registered(&mut self, sequence: u32) {
        self.sequence = Some(sequence);
    }

    /// Returns what is to be remembered of an observer.
    pub const fn watch(&self) -> Watch {
        self.watch
    }
}

impl Reply<'_> {
    /// Answers by an error of ours.
    pub(super) fn refusal(&self, fault: Fault) -> Refusal {
        Refusal {
            fault,
            problem: self.problem,
            block1: self.block1,
        }
    }
}

impl Watch {
    /// Returns the part that is observed.
    pub const fn part(self) -> Part {
        self.part
    }

    /// Makes a notification of it, with a sequence number.
    pub fn notify(self, sequence: u32) -> Reply<'static> {
        Reply {
            method: Code::GET,
            watch: self,
            etags: ETags::new(),
            observe: None,
            block1: None,
            block2: self.block,
            problem: false,
            paths: None,
            sequence: Some(sequence),
        }
    }
}

impl Service<'_> {
    /// Reads a request of `access`. `body` is its payload, or what [`Uploads`](super::Uploads) put
    /// together of many; `names` keeps the path, `document` the body.
    ///
    /// Rules are checked in this order: options, path, access, method, Accept, Content-Format, body. All
    /// else is left to the hub, which knows the twin. A body without Content-Format counts as JSON.
    /// Cost: linear in the body.
    ///
    /// # Errors
    /// [`Refusal`], which [`Service::refuse`] answers.
    pub fn decode<'a, M: ReadableMessage>(
        &self,
        access: Access<'_>,
        request: &M,
        body: &[u8],
        names: &'a mut Names,
        document: DocumentMut<'a>,
    ) -> Result<Call<'a>, Refusal> {
        let head = Head::read(request, self.prefix, names);
        let method = Code::new(request.code().into());
        let (problem, block1) = match &head {
            Ok(head) => (
                head.accept == Some(ContentFormat::PROBLEM_DETAILS),
                head.block1,
            ),
            Err(_) => (false, None),
        };
        head.and_then(|head| self.call(access, method, head, body, names, document))
            .map_err(|fault| Refusal {
                fault,
                problem,
                block1,
            })
    }

    fn call<'a>(
        &self,
        access: Access<'_>,
        method: Code,
        head: Head,
        body: &[u8],
        names: &'a Names,
        mut document: DocumentMut<'a>,
    ) -> Result<Call<'a>, Fault> {
        if !head.is_ours {
            return Err(Fault::Path(super::PathError::Foreign));
        }
        let (id, part) = names.resource().map_err(Fault::Path)?;
        may_touch(access, id, part)?;
        let is_read = matches!(method, Code::GET | Code::FETCH);
        let format = match head.accept {
            None => ContentFormat::JSON,
            Some(ContentFormat::PROBLEM_DETAILS) if !is_read => ContentFormat::JSON,
            Some(format) if body::is_written(format) => format,
            Some(format) => return Err(Fault::Accept(format)),
        };
        let is_first = head.block2.is_none_or(|block| block.number() == 0);
        let mut reply = Reply {
            method,
            watch: Watch {
                part,
                format,
                sees_tags: access == Access::Service,
                block: head.block2.filter(|_| is_first),
            },
            etags: head.etags,
            observe: head.observe.filter(|_| method == Code::GET && is_first),
            block1: head.block1,
            block2: head.block2,
            problem: head.accept == Some(ContentFormat::PROBLEM_DETAILS),
            paths: None,
            sequence: None,
        };
        let condition = head.condition;
        let given = head.format.unwrap_or(ContentFormat::JSON);
        let message = match (method, part) {
            (Code::GET, Part::Twin) => Message::Get(Get {
                known: head.state.and_then(State::known),
                ..Get::default()
            }),
            (Code::GET, _) => Message::Get(Get::default()),
            (Code::FETCH, Part::Twin | Part::Section(_)) => {
                body::read(given, body::WHOLE, body, document.reborrow())?;
                let paths = document.into_ref();
                if !super::select::is_paths(paths) {
                    return Err(Fault::Paths);
                }
                reply.paths = Some(paths);
                Message::Get(Get::default())
            }
            (Code::DELETE, Part::Twin) => {
                if let Access::Device(_) = access {
                    return Err(Fault::Forbidden);
                }
                if condition.is_some() {
                    // A hub deletes without conditions: refused rather than forgotten.
                    return Err(Fault::Option(crate::adapter::coap::option::IF_MATCH));
                }
                Message::Delete(None)
            }
            (Code::PATCH | Code::IPATCH, Part::Twin) => {
                body::read(given, body::PATCHES, body, document.reborrow())?;
                let patch = document.into_ref();
                let names_tags = patch.at(&[Section::Tags.key()]).is_some();
                let removes_all = patch == DocumentRef::NULL;
                if access != Access::Service && (names_tags || removes_all) {
                    return Err(Fault::Forbidden);
                }
                update(access, condition, part, patch, Mode::Merge)
            }
            (Code::PATCH | Code::IPATCH, Part::Section(section)) => {
                body::read(given, body::PATCHES, body, document.reborrow())?;
                let patch = nest(document, section)?;
                update(access, condition, part, patch, Mode::Merge)
            }
            (Code::PUT, Part::Section(section)) => {
                body::read(given, body::WHOLE, body, document.reborrow())?;
                let patch = nest(document, section)?;
                update(access, condition, part, patch, Mode::Replace)
            }
            (Code::DELETE, Part::Section(section)) => {
                document.clear();
                let null = crate::document::Value::Null;
                document
                    .set(&[section.key()], null)
                    .map_err(|_| Fault::TooLarge)?;
                update(access, condition, part, document.into_ref(), Mode::Merge)
            }
            _ => return Err(Fault::Method),
        };
        Ok(Call { id, message, reply })
    }
}

fn may_touch(access: Access<'_>, id: TwinId<'_>, part: Part) -> Result<(), Fault> {
    match access {
        Access::Service => Ok(()),
        Access::Nobody => Err(Fault::Unauthorized),
        Access::Device(device) => {
            if device != id.device() || part == Part::Section(Section::Tags) {
                return Err(Fault::Forbidden);
            }
            Ok(())
        }
    }
}

fn nest(mut document: DocumentMut<'_>, section: Section) -> Result<DocumentRef<'_>, Fault> {
    document.nest(section.key()).map_err(|_| Fault::TooLarge)?;
    Ok(document.into_ref())
}

fn update<'a>(
    access: Access<'_>,
    condition: Option<Condition>,
    part: Part,
    patch: DocumentRef<'a>,
    mode: Mode,
) -> Message<'a> {
    let of_version = |version| match part {
        Part::Section(section @ (Section::Desired | Section::Reported)) => {
            Precondition::SectionVersion(section, version)
        }
        Part::Section(Section::Tags) | Part::Twin | Part::Delta => Precondition::Version(version),
    };
    let precondition = match condition {
        None => Precondition::Any,
        Some(Condition::Version(version)) => of_version(version),
        Some(Condition::Present) => Precondition::Present,
        Some(Condition::Absent) => Precondition::Absent,
        // No twin ever gets to this version.
        Some(Condition::Never) => of_version(Version::new(u64::MAX)),
    };
    let update = Update::merge(patch)
        .with_mode(mode)
        .with_precondition(precondition)
        .with_origin(access.origin());
    Message::Update(UpdateRequest { id: None, update })
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.fault.fmt(f)
    }
}

impl core::error::Error for Refusal {}
