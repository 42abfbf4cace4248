//! A lossy link between two ends.

use alloc::vec::Vec;

use super::conditions::Conditions;
use super::random::Random;
use crate::time::{Duration, Instant};

/// An end of a [`Link`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum End {
    /// The client's: a device, a back-end, a hub.
    Near,
    /// The broker's or server's.
    Far,
}

/// Which directions of a [`Link`] swallow everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Partition {
    /// Neither: the link works as its [`Conditions`] say.
    #[default]
    None,
    /// Both.
    Both,
    /// Only what travels to this end.
    Toward(End),
}

/// What happened on one direction of a [`Link`] so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Traffic {
    /// Messages that were handed to the link.
    pub sent: u64,
    /// Their bytes, as the sender counted them.
    pub bytes: u64,
    /// Messages that came out, doubles included.
    pub delivered: u64,
    /// Messages that were lost: by chance, in a burst, in a partition or with the connection.
    pub lost: u64,
    /// Messages that were delivered a second time.
    pub doubled: u64,
}

/// A two-way link that loses, doubles, delays and reorders messages, the same way for the same seed.
///
/// It speaks the verbs of the engines: [`handle_send`](Self::handle_send) takes a message, and
/// [`poll_delivery`](Self::poll_delivery) gives out what is due; [`poll_timeout`](Self::poll_timeout)
/// says when something will be. Messages of one direction stay in order unless
/// [`Conditions::with_reordering`] says otherwise.
///
/// ```
/// use twinsync::sim::{Conditions, End, Link};
/// use twinsync::time::{Duration, Instant};
///
/// let late = Duration::from_millis(50);
/// let mut link = Link::new(42, Conditions::perfect().with_latency(late, late));
/// link.handle_send(Instant::ZERO, End::Near, "hello", 5);
/// assert_eq!(link.poll_delivery(Instant::ZERO), None);
///
/// let due = link.poll_timeout().unwrap();
/// assert_eq!(link.poll_delivery(due), Some((End::Far, "hello")));
/// ```
#[derive(Clone, Debug)]
pub struct Link<M> {
    conditions: Conditions,
    random: Random,
    partition: Partition,
    in_flight: Vec<Flight<M>>,
    toward_near: Direction,
    toward_far: Direction,
}

/// A message on its way.
#[derive(Clone, Debug)]
struct Flight<M> {
    due: Instant,
    to: End,
    message: M,
}

#[derive(Clone, Copy, Debug, Default)]
struct Direction {
    traffic: Traffic,
    /// The latest arrival of a message that is not to be overtaken.
    tail: Instant,
    bad: bool,
}

impl End {
    /// Returns the opposite end.
    pub const fn other(self) -> Self {
        match self {
            Self::Near => Self::Far,
            Self::Far => Self::Near,
        }
    }
}

impl<M: Clone> Link<M> {
    /// Makes an empty link.
    pub const fn new(seed: u64, conditions: Conditions) -> Self {
        let direction = Direction {
            traffic: Traffic {
                sent: 0,
                bytes: 0,
                delivered: 0,
                lost: 0,
                doubled: 0,
            },
            tail: Instant::ZERO,
            bad: false,
        };
        Self {
            conditions,
            random: Random::new(seed),
            partition: Partition::None,
            in_flight: Vec::new(),
            toward_near: direction,
            toward_far: direction,
        }
    }

    /// Returns how the link behaves.
    pub const fn conditions(&self) -> Conditions {
        self.conditions
    }

    /// Returns what happened on the way to `end`.
    pub const fn traffic(&self, end: End) -> Traffic {
        match end {
            End::Near => self.toward_near.traffic,
            End::Far => self.toward_far.traffic,
        }
    }

    /// Returns how many messages are on their way.
    pub const fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Changes how the link treats the messages that are sent from now on.
    pub const fn handle_conditions(&mut self, conditions: Conditions) {
        self.conditions = conditions;
        self.toward_near.bad = false;
        self.toward_far.bad = false;
    }

    /// Opens or closes directions for the messages that are sent from now on; nobody is told.
    pub const fn handle_partition(&mut self, partition: Partition) {
        self.partition = partition;
    }

    /// Loses everything that is on its way, as a connection does that breaks.
    pub fn handle_disconnected(&mut self) {
        for flight in self.in_flight.drain(..) {
            let direction = match flight.to {
                End::Near => &mut self.toward_near,
                End::Far => &mut self.toward_far,
            };
            direction.traffic.lost = direction.traffic.lost.saturating_add(1);
        }
        self.toward_near.tail = Instant::ZERO;
        self.toward_far.tail = Instant::ZERO;
    }

    /// Takes a message of `size` bytes from an end. Whether it will arrive is decided here.
    pub fn handle_send(&mut self, now: Instant, from: End, message: M, size: usize) {
        let to = from.other();
        let conditions = self.conditions;
        let cut = match self.partition {
            Partition::None => false,
            Partition::Both => true,
            Partition::Toward(end) => end == to,
        };
        let random = &mut self.random;
        let direction = match to {
            End::Near => &mut self.toward_near,
            End::Far => &mut self.toward_far,
        };
        direction.traffic.sent = direction.traffic.sent.saturating_add(1);
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        direction.traffic.bytes = direction.traffic.bytes.saturating_add(size);
        if let Some(burst) = conditions.burst {
            let turn = if direction.bad {
                burst.ends
            } else {
                burst.begins
            };
            direction.bad ^= random.chance(turn);
        }
        if random.chance(conditions.loss) || direction.bad || cut {
            direction.traffic.lost = direction.traffic.lost.saturating_add(1);
            return;
        }
        let doubled = random.chance(conditions.duplication);
        if doubled {
            direction.traffic.doubled = direction.traffic.doubled.saturating_add(1);
        }
        let (shortest, longest) = conditions.latency;
        for _ in 0..=usize::from(doubled) {
            let delay = random.between(shortest.as_millis(), longest.as_millis());
            let mut due = now + Duration::from_millis(delay);
            if random.chance(conditions.reordering) {
                // May be overtaken: it waits longer and holds up nobody.
                let extra = longest.as_millis().max(1);
                due = due + Duration::from_millis(random.between(1, extra));
            } else {
                due = due.max(direction.tail);
                direction.tail = due;
            }
            self.in_flight.push(Flight {
                due,
                to,
                message: message.clone(),
            });
        }
    }

    /// Returns the next message that is due, and the end it arrives at; the earliest first.
    ///
    /// Cost: linear in what is on its way.
    #[must_use]
    pub fn poll_delivery(&mut self, now: Instant) -> Option<(End, M)> {
        let (index, flight) = self
            .in_flight
            .iter()
            .enumerate()
            .min_by_key(|(_, flight)| flight.due)?;
        if flight.due > now {
            return None;
        }
        let Flight { to, message, .. } = self.in_flight.remove(index);
        let direction = match to {
            End::Near => &mut self.toward_near,
            End::Far => &mut self.toward_far,
        };
        direction.traffic.delivered = direction.traffic.delivered.saturating_add(1);
        Some((to, message))
    }

    /// Returns when the next message will be due; polling earlier yields nothing and costs nothing.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.in_flight.iter().map(|flight| flight.due).min()
    }
}

#[cfg(feature = "defmt")]
impl<M> defmt::Format for Link<M> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "{}, {}, {=usize} in flight",
            self.conditions,
            self.partition,
            self.in_flight.len()
        );
    }
}
