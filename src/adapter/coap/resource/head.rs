//! The options of a request, each looked at once.

use coap_message::{MessageOption, ReadableMessage};

use super::fault::Fault;
use super::path::Names;
use crate::adapter::coap::option::{self, ContentFormat, Uint};
use crate::adapter::coap::state::{State, TWIN_STATE, Tag};
use crate::adapter::coap::{Block, BlockError};
use crate::twin::Version;

/// The most etags of a GET that are compared; further ones are passed over, which makes the answer
/// longer, not wrong.
const MAX_ETAGS: usize = 4;

/// What the options of a request say.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub(super) condition: Option<Condition>,
    pub(super) etags: ETags,
    pub(super) observe: Option<u32>,
    pub(super) format: Option<ContentFormat>,
    pub(super) accept: Option<ContentFormat>,
    pub(super) block1: Option<Block>,
    pub(super) block2: Option<Block>,
    pub(super) state: Option<State>,
    /// The path begins with the prefix.
    pub(super) is_ours: bool,
}

/// The etags that a client has.
pub(super) type ETags = heapless::Vec<Tag, MAX_ETAGS>;

/// When a change is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// If-Match with an etag of ours.
    Version(Version),
    /// If-Match with an etag that can not be ours.
    Never,
    /// If-Match, empty.
    Present,
    /// If-None-Match.
    Absent,
}

impl Head {
    /// Reads all options of a request; the segments of its path behind `prefix` go to `names`.
    pub(super) fn read<M: ReadableMessage>(
        request: &M,
        prefix: &str,
        names: &mut Names,
    ) -> Result<Self, Fault> {
        let mut head = Self::default();
        names.clear();
        let mut previous = None;
        let mut is_prefix = true;
        let mut path = Ok(());
        let mut fault = None;
        for item in request.options() {
            let (number, value) = (item.number(), item.value());
            let repeated = previous == Some(number);
            previous = Some(number);
            if number == option::URI_PATH && is_prefix {
                is_prefix = false;
                head.is_ours = value == prefix.as_bytes();
                continue;
            }
            if number == option::URI_PATH {
                path = path.and_then(|()| names.push(value));
                continue;
            }
            // The first fault is told; the other options may say how.
            if let Err(found) = head.take(number, value, repeated) {
                fault.get_or_insert(found);
            }
        }
        if let Some(fault) = fault {
            return Err(fault);
        }
        path.map_err(Fault::Path)?;
        Ok(head)
    }

    fn take(&mut self, number: u16, value: &[u8], repeated: bool) -> Result<(), Fault> {
        if number == TWIN_STATE {
            self.state = State::read(value);
            return Ok(());
        }
        if matches!(number, option::BLOCK1 | option::BLOCK2) && !repeated {
            let block = Block::read(value).map_err(|error| block_fault(error, number))?;
            if number == option::BLOCK1 {
                self.block1 = Some(block);
            } else {
                self.block2 = Some(block);
            }
            return Ok(());
        }
        if !option::is_recognised(number, value.len(), repeated) || number == option::URI_QUERY {
            return if option::is_critical(number) {
                Err(Fault::Option(number))
            } else {
                Ok(())
            };
        }
        let condition = match number {
            option::IF_MATCH if value.is_empty() => Condition::Present,
            option::IF_MATCH => Tag::version(value).map_or(Condition::Never, Condition::Version),
            option::IF_NONE_MATCH => Condition::Absent,
            _ => {
                self.take_plain(number, value);
                return Ok(());
            }
        };
        // A hub checks one condition: more are refused rather than forgotten.
        if self.condition.replace(condition).is_some() {
            return Err(Fault::Option(number));
        }
        Ok(())
    }

    fn take_plain(&mut self, number: u16, value: &[u8]) {
        let format = || {
            let number = Uint::read(value).and_then(|number| u16::try_from(number).ok());
            number.map(ContentFormat)
        };
        match number {
            option::ETAG => {
                if let Ok(tag) = <[u8; 8]>::try_from(value) {
                    // One too many is passed over.
                    let _ = self.etags.push(Tag(tag));
                }
            }
            option::OBSERVE => self.observe = Uint::read(value),
            option::CONTENT_FORMAT => self.format = format(),
            option::ACCEPT => self.accept = format(),
            _ => {}
        }
    }
}

/// What is wrong with a block: the reserved size is 4.00 (RFC 7959 §2.2), all else as in any option.
pub(super) fn block_fault(error: BlockError, number: u16) -> Fault {
    if error == BlockError::Size {
        Fault::BlockSize
    } else {
        Fault::Option(number)
    }
}
