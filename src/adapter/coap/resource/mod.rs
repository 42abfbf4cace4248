//! The service's side: twins as resources, over any CoAP stack.
//!
//! [`Service`] reads requests and writes responses through the traits of the crate `coap-message`, so
//! that it works on this crate's own [`Message`](super::Message) and on those of other stacks.
//!
//! **The one rule: who asks decides what there is.** The identity that the transport has authenticated is
//! an argument ([`Access`]); nothing in a request widens it.
//!
//! # Resources
//!
//! A path is `/{prefix}/{device}` or, for a named twin, `/{prefix}/{device}/{name}`, and then the part. A
//! twin can not have the name of a part.
//!
//! | path | methods | what it is |
//! | --- | --- | --- |
//! | `…` | GET FETCH PATCH iPATCH DELETE | the twin: a map of its sections |
//! | `…/desired` | GET FETCH PUT PATCH iPATCH DELETE | what the service wants |
//! | `…/reported` | GET FETCH PUT PATCH iPATCH DELETE | what the device says |
//! | `…/tags` | GET FETCH PUT PATCH iPATCH DELETE | labels, for services only |
//! | `…/delta` | GET | what desired asks for and reported does not say |
//!
//! * **GET** answers 2.05, or 2.03 if an ETag of the request is still the one. With Observe 0 it
//!   registers (RFC 7641), with 1 it deregisters. `desired` can be observed before the twin exists.
//! * **Accept** chooses JSON (50, if nothing is said) or CBOR (60); else 4.06. **Content-Format** says
//!   which of them a body is; else 4.15. A body without one counts as JSON.
//! * **FETCH** (RFC 8132) takes an array of JSON pointers and answers with what they name.
//! * **PATCH** and **iPATCH** merge (RFC 7396). Content-Format 52 (merge-patch+json), 50 (JSON) and 60
//!   (CBOR) are all read so: there is no registered format for a merge patch in CBOR.
//! * **PUT** replaces a section: what it does not name is gone. A twin as a whole has no PUT.
//! * **DELETE** of a section empties it, of a twin removes it.
//! * **If-Match** with an etag from a response makes a change conditional (4.12); empty, the twin must
//!   exist. **If-None-Match**: it must not. One condition at a time; more are 4.02.
//! * An etag has eight bytes: the version that it is of in five, and a hash of the content. An If-Match
//!   of the first five is compared as well.
//! * **Block2** (RFC 7959) cuts what does not fit a datagram; each block carries the etag, from which a
//!   client sees that the twin changed in between. **Block1** bodies are put together by [`Uploads`].
//! * The option [`TWIN_STATE`](super::TWIN_STATE) tells the versions.
//!
//! Errors are those of [`status`](super::status), with a diagnostic payload or, if Accept is 257, problem
//! details (RFC 9290). A body that is not of its format is 4.00; one that is and yet no change of a
//! twin is 4.22.

mod answer;
mod body;
mod fault;
mod head;
mod path;
mod request;
mod select;
mod uploads;

pub use answer::AnswerError;
pub(super) use answer::add;
pub use fault::Fault;
pub use path::{Names, Part, PathError, resource};
pub use request::{Access, Call, Refusal, Reply, Watch};
pub use uploads::{Body, Uploads};

use coap_message::MinimalWritableMessage;

use super::Block;
use super::Code;
use answer::Response;

/// A service of twins: reads requests and writes answers for every device.
///
/// It holds nothing but its configuration; the twins are the hub's, observers and retransmissions the
/// endpoint's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Service<'p> {
    prefix: &'p str,
    block_size: usize,
    retry_after: u32,
    max_age: Option<u32>,
}

impl<'p> Service<'p> {
    /// A service under the first segment `prefix` of all paths; blocks of 1024 bytes; who is refused for
    /// want of room may come again after 5 s.
    pub const fn new(prefix: &'p str) -> Self {
        Self {
            prefix,
            block_size: Block::MAX_SIZE,
            retry_after: 5,
            max_age: None,
        }
    }

    /// The same service with blocks of at most `bytes`: 16, 32, … 1024. Any other number counts as the
    /// next lower one, a number below 16 as 16.
    pub const fn with_block_size(mut self, bytes: usize) -> Self {
        let mut size = Block::MAX_SIZE;
        while size > bytes && size > Block::MIN_SIZE {
            size >>= 1;
        }
        self.block_size = size;
        self
    }

    /// The same service with another Max-Age of 4.29 and 5.03, in seconds.
    pub const fn with_retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = seconds;
        self
    }

    /// The same service with another Max-Age of representations, in seconds; without it is 60 s (RFC 7252
    /// §5.10.5). An observer that hears nothing for that long, and some seconds more, registers anew: so
    /// long may it take it to notice that the service forgot it (RFC 7641 §3.3.1).
    pub const fn with_max_age(mut self, seconds: u32) -> Self {
        self.max_age = Some(seconds);
        self
    }

    /// Returns the first segment of all paths.
    pub const fn prefix(&self) -> &'p str {
        self.prefix
    }

    /// Writes the answer to a block of a body of which more is to come: 2.31.
    ///
    /// # Errors
    /// [`AnswerError::Write`].
    pub fn proceed<M: MinimalWritableMessage>(
        &self,
        block: Block,
        out: &mut M,
    ) -> Result<Code, AnswerError<M::UnionError>> {
        let response = Response {
            code: Code::CONTINUE,
            block1: Some(block),
            ..Response::default()
        };
        answer::write(&response, out)
    }
}

#[cfg(test)]
mod tests;
