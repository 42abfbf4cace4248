//! What happens to a pair, as a list.

use alloc::rc::Rc;
use alloc::vec::Vec;
use core::fmt;

use super::conditions::{Burst, Conditions};
use super::link::{End, Partition};
use super::random::Random;
use crate::document::{BuildError, Builder, DocumentMut, DocumentRef};
use crate::time::Duration;

/// A patch that owns its bytes; copies share them.
#[derive(Clone, PartialEq, Eq)]
pub struct Patch(Rc<[u8]>);

impl Patch {
    /// Returns the patch as a document.
    pub fn as_ref(&self) -> DocumentRef<'_> {
        DocumentRef::trusted(&self.0)
    }
}

impl From<DocumentRef<'_>> for Patch {
    fn from(document: DocumentRef<'_>) -> Self {
        Self(Rc::from(document.as_bytes()))
    }
}

impl fmt::Debug for Patch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_ref().fmt(f)
    }
}

/// Something that happens to a [`Pair`](super::Pair).
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Step {
    /// Time passes, and what is due in it happens.
    Wait(Duration),
    /// The device's application reports.
    Report(Patch),
    /// A back-end writes desired.
    Desire(Patch),
    /// A back-end writes desired under the version that it last heard of, which may be old.
    DesireConditionally(Patch),
    /// The service's own people write tags, in the process of the hub.
    Tag(Patch),
    /// Someone who is not the device writes reported.
    Claim(Patch),
    /// A back-end deletes the twin.
    Delete,
    /// The device's connection breaks, and the device is told.
    Disconnect,
    /// The device connects, to resume its session or for a fresh one; a connected one does so anew.
    Connect {
        /// Whether it asks for the session that it had.
        resume: bool,
    },
    /// The device's link swallows messages; nobody is told.
    Partition(Partition),
    /// The device's link changes its nature.
    Conditions(Conditions),
    /// The device saves what it would need after a restart.
    Save,
    /// The device restarts with what it saved, or with nothing; it is offline then.
    RestartDevice(Storage),
    /// The hub stops; what is sent to it meanwhile is lost.
    StopHub,
    /// The hub starts, with its twins or without any; a running one is stopped first.
    StartHub(Storage),
    /// The broker restarts and forgets every session; the hub comes back by itself, the device is told
    /// that it lost its connection.
    RestartBroker,
}

/// What is left after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Storage {
    /// What was saved.
    Kept,
    /// Nothing.
    Lost,
}

/// Makes up a list of `len` steps, the same for the same seed.
///
/// The twin that they write holds a few dozen leaves at most, in less than 1,500 canonical bytes for
/// each section; a single leaf takes less than 60.
pub fn random_steps(seed: u64, len: usize) -> Vec<Step> {
    let mut random = Random::new(seed);
    (0..len).map(|_| random_step(&mut random)).collect()
}

fn random_step(random: &mut Random) -> Step {
    match random.below(100) {
        0..20 => Step::Wait(Duration::from_millis(random.below(2_000))),
        20..26 => Step::Wait(Duration::from_secs(random.below(120))),
        26..27 => Step::Wait(Duration::from_secs(random.below(200_000))),
        27..47 => Step::Report(random_patch(random)),
        47..62 => Step::Desire(random_patch(random)),
        62..65 => Step::DesireConditionally(random_patch(random)),
        65..69 => Step::Claim(random_patch(random)),
        69..71 => Step::Delete,
        71..75 => Step::Disconnect,
        75..83 => Step::Connect {
            resume: random.chance(500),
        },
        83..86 => Step::Partition(match random.below(5) {
            0 => Partition::Both,
            1 => Partition::Toward(End::Near),
            2 => Partition::Toward(End::Far),
            _ => Partition::None,
        }),
        86..89 => Step::Conditions(random_conditions(random)),
        89..91 => Step::Save,
        91..94 => Step::RestartDevice(random_storage(random)),
        94..96 => Step::StopHub,
        96..99 => Step::StartHub(random_storage(random)),
        _ => Step::RestartBroker,
    }
}

fn random_storage(random: &mut Random) -> Storage {
    if random.chance(700) {
        Storage::Kept
    } else {
        Storage::Lost
    }
}

/// Any link that a pair should survive.
pub(super) fn random_conditions(random: &mut Random) -> Conditions {
    match random.below(8) {
        0 => Conditions::perfect(),
        1 => Conditions::lan(),
        2 => Conditions::wifi(),
        3 => Conditions::cellular(),
        4 => Conditions::satellite(),
        5 => Conditions::hostile(),
        _ => Conditions::perfect()
            .with_latency(Duration::ZERO, Duration::from_millis(random.below(15_000)))
            .with_loss(u16::try_from(random.below(500)).unwrap_or_default())
            .with_duplication(u16::try_from(random.below(300)).unwrap_or_default())
            .with_reordering(u16::try_from(random.below(500)).unwrap_or_default())
            .with_burst(Burst {
                begins: u16::try_from(random.below(100)).unwrap_or_default(),
                ends: u16::try_from(random.between(100, 900)).unwrap_or_default(),
            }),
    }
}

/// A patch of one to four of a few keys, nested up to three deep.
pub(super) fn random_patch(random: &mut Random) -> Patch {
    let mut bytes = [0; 2_048];
    let mut len = 0;
    let built = DocumentMut::new(&mut bytes, &mut len)
        .is_ok_and(|document| build(document.build(), random).is_ok());
    let document = bytes.get(..len).filter(|_| built).unwrap_or_default();
    if document.is_empty() {
        DocumentRef::EMPTY.into()
    } else {
        DocumentRef::trusted(document).into()
    }
}

fn build(mut builder: Builder<'_>, random: &mut Random) -> Result<(), BuildError> {
    builder.begin_map()?;
    for key in some_of(&["a", "b", "target", "mode"], random) {
        builder.key(key)?;
        random_value(&mut builder, random)?;
    }
    for key in some_of(&["x", "yy"], random) {
        builder.key(key)?;
        if random.chance(100) {
            random_value(&mut builder, random)?;
            continue;
        }
        builder.begin_map()?;
        for key in some_of(&["a", "b", "\"q\""], random) {
            builder.key(key)?;
            if random.chance(800) {
                random_value(&mut builder, random)?;
                continue;
            }
            builder.begin_map()?;
            for key in some_of(&["a", "é"], random) {
                builder.key(key)?;
                random_value(&mut builder, random)?;
            }
            builder.end()?;
        }
        builder.end()?;
    }
    builder.end()?;
    builder.finish()
}

/// Each of the keys in one case of three.
fn some_of<'k>(
    keys: &'k [&'k str],
    random: &mut Random,
) -> impl Iterator<Item = &'k str> + use<'k> {
    let chosen = random.number();
    keys.iter()
        .enumerate()
        .filter(move |(index, _)| {
            let shift = u32::try_from(*index).unwrap_or_default().saturating_mul(4);
            chosen.checked_shr(shift).unwrap_or_default() & 0xF < 6
        })
        .map(|(_, key)| *key)
}

fn random_value(builder: &mut Builder<'_>, random: &mut Random) -> Result<(), BuildError> {
    const TEXT: &str = "the quick brown fox jumps over a lazy dog";
    match random.below(10) {
        0 => builder.value(crate::document::Value::Null),
        1 | 2 => builder.value(random.chance(500)),
        3..6 => builder.value(i64::try_from(random.below(5)).unwrap_or_default()),
        6 => builder.value(random.number().cast_signed()),
        7 => {
            let len = usize::try_from(random.below(40)).unwrap_or_default();
            builder.value(TEXT.get(..len).unwrap_or_default())
        }
        8 => {
            builder.begin_array()?;
            for _ in 0..random.below(3) {
                builder.value(random.chance(500))?;
            }
            builder.end()
        }
        _ => {
            builder.begin_map()?;
            builder.end()
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Patch {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::Format::format(&self.as_ref(), f);
    }
}
