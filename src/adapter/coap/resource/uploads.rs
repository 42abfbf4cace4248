//! Bodies that come in blocks (RFC 7959 §2.5), bounded in number, size and time.

use coap_message::{MessageOption, ReadableMessage};

use super::fault::Fault;
use super::head::block_fault;
use super::request::Refusal;
use crate::adapter::coap::option::{self, Uint};
use crate::adapter::coap::{Block, Code};
use crate::time::Duration;
use crate::time::Instant;

/// Puts bodies together that come in blocks: at most `BODIES` at a time, each of at most `N` bytes, one
/// for each peer `K`.
///
/// A peer that never finishes harms nobody but itself: a body to which nothing was added for a while
/// ([`Uploads::with_patience`]) gives way to another one. The body of a FETCH is kept as long, so that
/// the further blocks of its answer can be asked for without it (RFC 7959 §3.3, RFC 8132 §2.3.1).
///
/// ```
/// use twinsync::adapter::coap::Uploads;
///
/// // Bodies of up to 16 KB from four peers at a time: about 64 KB.
/// let uploads: Uploads<std::net::SocketAddr, 4, 16_384> = Uploads::new();
/// # let _ = uploads;
/// ```
#[derive(Debug)]
pub struct Uploads<K, const BODIES: usize, const N: usize> {
    bodies: heapless::Vec<Upload<K, N>, BODIES>,
    patience: Duration,
}

#[derive(Debug)]
struct Upload<K, const N: usize> {
    peer: K,
    /// A hash of what tells its requests from others: the method and the options (RFC 7252 §5.4.2).
    key: u64,
    touched: Instant,
    bytes: heapless::Vec<u8, N>,
}

/// What became of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Body<'a> {
    /// It is complete: to be decoded.
    Whole(&'a [u8]),
    /// More is to come: answer with [`Service::proceed`](super::Service::proceed).
    Partial(Block),
}

impl<K: PartialEq, const BODIES: usize, const N: usize> Uploads<K, BODIES, N> {
    /// None yet; a body that stands still for 30 s may give way.
    pub const fn new() -> Self {
        Self {
            bodies: heapless::Vec::new(),
            patience: Duration::from_secs(30),
        }
    }

    /// The same with another time after which a body gives way.
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Takes the body of a request, or a block of it. Cost: linear in the block.
    ///
    /// # Errors
    /// [`Refusal`]: 4.08 if blocks are missing, 4.13 with Size1 if it is too large, 5.03 if all places
    /// are taken, 4.00 or 4.02 if the block is malformed.
    pub fn take<'a, M: ReadableMessage>(
        &'a mut self,
        now: Instant,
        peer: K,
        request: &'a M,
    ) -> Result<Body<'a>, Refusal> {
        let framing = Framing::of(request)?;
        let refuse = |fault: Fault| Refusal {
            block1: framing.block1,
            ..fault.into()
        };
        let is_fetch = request.code().into() == Code::FETCH.as_u8();
        let payload = request.payload();
        let goes_on = framing.is_later && payload.is_empty();
        let Some(block) = framing.block1 else {
            if is_fetch && goes_on {
                let found = self.find(&peer, framing.key).ok_or(Fault::Incomplete)?;
                return Ok(Body::Whole(self.bytes(found)));
            }
            if is_fetch && payload.len() <= N {
                // Kept for its further blocks; where there is no room the client must repeat it.
                if let Ok(place) = self.place(now, peer, framing.key) {
                    self.fill(place, payload);
                }
            }
            return Ok(Body::Whole(payload));
        };
        if framing.size.is_some_and(|size| size > N) {
            return Err(refuse(Fault::BodyTooLarge { limit: N }));
        }
        let place = if block.number() == 0 {
            let place = self.place(now, peer, framing.key).map_err(refuse)?;
            self.fill(place, &[]);
            place
        } else {
            let found = self.find(&peer, framing.key);
            found.ok_or_else(|| refuse(Fault::Incomplete))?
        };
        let Some(upload) = self.bodies.get_mut(place) else {
            return Err(refuse(Fault::Incomplete));
        };
        if block.offset() != upload.bytes.len() {
            return Err(refuse(Fault::Incomplete));
        }
        if block.more() && payload.len() != block.size() {
            return Err(refuse(Fault::BlockSize));
        }
        if upload.bytes.extend_from_slice(payload).is_err() {
            upload.bytes.clear();
            return Err(refuse(Fault::BodyTooLarge { limit: N }));
        }
        upload.touched = now;
        if block.more() {
            return Ok(Body::Partial(block));
        }
        Ok(Body::Whole(self.bytes(place)))
    }

    /// The peer is gone: so is what it had begun.
    pub fn forget(&mut self, peer: &K) {
        self.bodies.retain(|upload| upload.peer != *peer);
    }

    fn find(&self, peer: &K, key: u64) -> Option<usize> {
        self.bodies
            .iter()
            .position(|upload| upload.peer == *peer && upload.key == key)
    }

    fn bytes(&self, place: usize) -> &[u8] {
        self.bodies
            .get(place)
            .map_or(&[], |upload| upload.bytes.as_slice())
    }

    fn fill(&mut self, place: usize, bytes: &[u8]) {
        if let Some(upload) = self.bodies.get_mut(place) {
            upload.bytes.clear();
            // Its length was looked at.
            let _ = upload.bytes.extend_from_slice(bytes);
        }
    }

    /// Finds a place for a body of this peer: its own, a new one, or that of one that stands still.
    fn place(&mut self, now: Instant, peer: K, key: u64) -> Result<usize, Fault> {
        let own = self.bodies.iter().position(|upload| upload.peer == peer);
        let place = match own {
            Some(place) => place,
            None if self.bodies.len() < BODIES => {
                let upload = Upload {
                    peer,
                    key,
                    touched: now,
                    bytes: heapless::Vec::new(),
                };
                let place = self.bodies.len();
                return match self.bodies.push(upload) {
                    Ok(()) => Ok(place),
                    Err(_) => Err(Fault::Busy),
                };
            }
            None => {
                let oldest = self.bodies.iter().enumerate();
                let (place, upload) = oldest
                    .min_by_key(|(_, upload)| upload.touched)
                    .ok_or(Fault::Busy)?;
                let idle = now.as_millis().saturating_sub(upload.touched.as_millis());
                if idle < self.patience.as_millis() {
                    return Err(Fault::Busy);
                }
                place
            }
        };
        if let Some(upload) = self.bodies.get_mut(place) {
            upload.peer = peer;
            upload.key = key;
            upload.touched = now;
        }
        Ok(place)
    }
}

impl<K: PartialEq, const BODIES: usize, const N: usize> Default for Uploads<K, BODIES, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// What a request says about its blocks.
struct Framing {
    block1: Option<Block>,
    size: Option<usize>,
    /// It asks for a block of the answer that is not the first.
    is_later: bool,
    key: u64,
}

impl Framing {
    fn of<M: ReadableMessage>(request: &M) -> Result<Self, Fault> {
        let mut framing = Self {
            block1: None,
            size: None,
            is_later: false,
            key: step(START, &[request.code().into()]),
        };
        for item in request.options() {
            let (number, value) = (item.number(), item.value());
            match number {
                option::BLOCK1 | option::BLOCK2 => {
                    let block = Block::read(value).map_err(|error| block_fault(error, number))?;
                    if number == option::BLOCK1 {
                        framing.block1 = Some(block);
                    } else {
                        framing.is_later = block.number() > 0;
                    }
                }
                option::SIZE1 => {
                    framing.size = Uint::read(value).and_then(|size| usize::try_from(size).ok());
                }
                option::SIZE2 | option::OBSERVE => {}
                _ => {
                    framing.key = step(framing.key, &number.to_be_bytes());
                    framing.key = step(framing.key, &value.len().to_be_bytes());
                    framing.key = step(framing.key, value);
                }
            }
        }
        Ok(framing)
    }
}

/// FNV-1a.
const START: u64 = 0xCBF2_9CE4_8422_2325;

fn step(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

#[cfg(feature = "defmt")]
impl<K, const BODIES: usize, const N: usize> defmt::Format for Uploads<K, BODIES, N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=usize} of {=usize} uploads", self.bodies.len(), BODIES);
    }
}
