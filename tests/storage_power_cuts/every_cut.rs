//! Power goes at every byte of a story, and at every byte of what follows.
//!
//! A story is a few saves of given lengths on flash that was erased. From each state that it can be in,
//! the next save is made once, on flash that branches: before each byte that is written or erased it
//! leaves a copy of itself behind in which power went there, for each way to go. Each copy is restarted,
//! loaded, looked at, and goes on in two ways: the save is tried again, or left out for the next one.
//! So a story with *n* cuts has been through all sequences of up to *n* cuts. Behind the last of
//! them comes one more life of two saves, either way.
//!
//! **Nothing is left out but what is the same.** A store that is made anew knows nothing but the flash; what
//! it does from there on follows from the flash and from the records to come. Two branches with equal
//! flash (its bytes, what may still be written, what is not stable) that have come to the same save, of
//! which the same is to be held, are one: it is looked at once.

use core::hash::Hash;
use std::collections::HashSet;

use embedded_storage::nor_flash as blocking;
use embedded_storage_async::nor_flash as waiting;
use twinsync::sim::{Flash, FlashError, Tear};
use twinsync::storage::Health;

use crate::stores::{Store, record};
use crate::tally::Tally;

/// All ways for power to go that there are: between bytes, in the middle of a byte or a word, and so
/// that nobody knows what will be read. Other seeds are for random lives.
pub(crate) const TEARS: &[Tear] = &[
    Tear::Clean,
    Tear::Backward,
    Tear::Noisy(1),
    Tear::Mixed(2),
    Tear::Unstable(3),
];

/// What is searched.
#[derive(Clone, Copy)]
pub(crate) struct Story<'a> {
    pub(crate) pages: usize,
    /// Lengths of the records, one behind the other.
    pub(crate) saves: &'a [usize],
    pub(crate) cuts: usize,
    pub(crate) tears: &'a [Tear],
    /// Of the states behind a first cut, one in so many is cut again.
    pub(crate) again: usize,
}

impl Story<'_> {
    fn record(&self, number: u64) -> Vec<u8> {
        let at = (number - 1) as usize % self.saves.len();
        record(number, self.saves[at])
    }
}

/// A device without power.
#[derive(Clone, PartialEq, Eq, Hash)]
struct State<const WORD: usize, const PAGE: usize> {
    flash: Flash<WORD, PAGE>,
    /// Number of the record that was acknowledged last; 0 is none.
    acknowledged: u64,
    /// Number of the one that was loaded or acknowledged last.
    seen: u64,
    /// Power went between words only.
    clean: bool,
}

/// Flash that leaves a copy of itself behind wherever power might go.
struct Branching<'a, const WORD: usize, const PAGE: usize> {
    flash: Flash<WORD, PAGE>,
    torn: Option<&'a mut Front<Torn<WORD, PAGE>>>,
    tears: &'a [Tear],
}

/// Where power went, and whether it was between words.
type Torn<const WORD: usize, const PAGE: usize> = (Flash<WORD, PAGE>, bool);

impl<const WORD: usize, const PAGE: usize> Branching<'_, WORD, PAGE> {
    fn branch(&mut self, bytes: usize, erase: bool, act: impl Fn(&mut Flash<WORD, PAGE>)) {
        let Some(torn) = &mut self.torn else { return };
        for done in 0..bytes {
            for tear in self.tears {
                let mut flash = self.flash.clone();
                flash.cut_after(done as u64, *tear);
                act(&mut flash);
                // What is refused with power on moves no byte, and cannot be cut.
                if flash.is_off() {
                    flash.restart();
                    let between = !erase && done % 4 == 0 || done % PAGE == 0;
                    torn.add((flash, *tear == Tear::Clean && between));
                }
            }
        }
    }
}

impl<const WORD: usize, const PAGE: usize> blocking::ErrorType for Branching<'_, WORD, PAGE> {
    type Error = FlashError;
}

impl<const WORD: usize, const PAGE: usize> blocking::ReadNorFlash for Branching<'_, WORD, PAGE> {
    const READ_SIZE: usize = 1;

    fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), FlashError> {
        self.flash.read(at, into)
    }

    fn capacity(&self) -> usize {
        self.flash.bytes().len()
    }
}

impl<const WORD: usize, const PAGE: usize> blocking::NorFlash for Branching<'_, WORD, PAGE> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        self.branch((to - from) as usize, true, |flash| {
            let _ = flash.erase(from, to);
        });
        self.flash.erase(from, to)
    }

    fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), FlashError> {
        self.branch(bytes.len(), false, |flash| {
            let _ = flash.write(at, bytes);
        });
        self.flash.write(at, bytes)
    }
}

impl<const WORD: usize, const PAGE: usize> waiting::ReadNorFlash for Branching<'_, WORD, PAGE> {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), FlashError> {
        self.flash.read(at, into)
    }

    fn capacity(&self) -> usize {
        self.flash.bytes().len()
    }
}

impl<const WORD: usize, const PAGE: usize> waiting::NorFlash for Branching<'_, WORD, PAGE> {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        blocking::NorFlash::erase(self, from, to)
    }

    async fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), FlashError> {
        blocking::NorFlash::write(self, at, bytes)
    }
}

/// Things to go on from, each once.
struct Front<T> {
    known: HashSet<T>,
    order: Vec<T>,
    offered: u64,
}

impl<T: Clone + Eq + Hash> Front<T> {
    fn new() -> Self {
        Self {
            known: HashSet::new(),
            order: Vec::new(),
            offered: 0,
        }
    }

    fn add(&mut self, it: T) {
        self.offered += 1;
        if self.known.insert(it.clone()) {
            self.order.push(it);
        }
    }

    fn take(&mut self) -> Vec<T> {
        self.known = HashSet::new();
        core::mem::take(&mut self.order)
    }
}

/// Loads from a state in which `begun` was begun, and looks at what is found. A store may write while
/// it loads: what is left where power goes meanwhile is `torn`.
fn look<S: Store, const WORD: usize, const PAGE: usize>(
    state: &mut State<WORD, PAGE>,
    begun: u64,
    story: &Story<'_>,
    torn: Option<&mut Front<Torn<WORD, PAGE>>>,
    tally: &mut Tally,
) {
    let flash = state.flash.clone();
    let tears = story.tears;
    let mut flash = Branching { flash, torn, tears };
    let loaded = S::load(&mut flash);
    state.flash = flash.flash;
    let what = || format!("{WORD}: {} acknowledged, {begun} begun", state.acknowledged);
    let (found, health) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            tally.refused(format!("{}: {error}", what()));
            return;
        }
    };
    let is = |number: u64| found == (number > 0).then(|| story.record(number));
    let number = (0..=begun).rev().find(|number| is(*number));
    let fine = number.is_some_and(|number| {
        if S::STRICT {
            number == state.seen || number == begun
        } else {
            number >= state.acknowledged
        }
    });
    if !fine {
        tally.lost(format!("{}: found {number:?}, {health:?}", what()));
    }
    if S::STRICT && state.clean && health == Health::Damaged {
        tally.lost(format!("{}: called damaged", what()));
    }
    if S::STRICT && state.flash.violations() > 0 {
        tally.lost(format!("{}: a word written twice", what()));
    }
    state.seen = number.unwrap_or(state.seen);
    if !fine {
        // Counted once.
        state.acknowledged = state.acknowledged.min(state.seen);
    }
}

/// The life behind the last cut.
fn end<S: Store, const WORD: usize, const PAGE: usize>(
    mut state: State<WORD, PAGE>,
    first: u64,
    story: &Story<'_>,
    tally: &mut Tally,
) {
    let last = first + 1;
    let records = [story.record(first), story.record(last)];
    tally.saves += 2;
    if let Some(error) = S::save(&mut state.flash, &records).error {
        tally.refused(format!("{WORD}: save {first}: {error}"));
        return;
    }
    state.acknowledged = last;
    state.seen = last;
    look::<S, _, _>(&mut state, last, story, None, tally);
}

/// Searches a story.
pub(crate) fn search<S: Store, const WORD: usize, const PAGE: usize>(story: &Story<'_>) -> Tally {
    let mut tally = Tally::default();
    let fronts = || -> Vec<_> { (0..=story.cuts).map(|_| Front::new()).collect() };
    let mut now: Vec<Front<State<WORD, PAGE>>> = fronts();
    now[0].add(State {
        flash: Flash::new(story.pages),
        acknowledged: 0,
        seen: 0,
        clean: true,
    });
    for number in 1..=story.saves.len() as u64 {
        let mut next = fronts();
        for used in 0..story.cuts {
            for (at, mut state) in now[used].take().into_iter().enumerate() {
                let mut torn = Front::new();
                let cut = used == 0 || at % story.again == 0;
                let mut flash = Branching {
                    flash: state.flash.clone(),
                    torn: cut.then_some(&mut torn),
                    tears: story.tears,
                };
                let kept = S::save(&mut flash, &[story.record(number)]);
                let whole = flash.flash;
                tally.saves += 1;
                if let Some(error) = kept.error {
                    tally.refused(format!("{WORD}: save {number}: {error}"));
                    continue;
                }
                if cut {
                    // All is written, and nobody hears of it.
                    torn.add((whole.clone(), true));
                }
                tally.cuts += torn.offered;
                let mut branches: Vec<_> =
                    torn.take().into_iter().map(|it| (used + 1, it)).collect();
                while let Some((used, (flash, between))) = branches.pop() {
                    let clean = state.clean && between;
                    let mut state = State {
                        flash,
                        clean,
                        ..state
                    };
                    let mut torn = Front::new();
                    let more = (used < story.cuts).then_some(&mut torn);
                    look::<S, _, _>(&mut state, number, story, more, &mut tally);
                    tally.cuts += torn.offered;
                    branches.extend(torn.take().into_iter().map(|it| (used + 1, it)));
                    if used < story.cuts {
                        next[used].add(state.clone());
                    }
                    now[used].add(state);
                }
                state.flash = whole;
                state.acknowledged = number;
                state.seen = number;
                look::<S, _, _>(&mut state, number, story, None, &mut tally);
                tally.states += 1;
                next[used].add(state);
            }
        }
        for state in now[story.cuts].take() {
            tally.states += 1;
            end::<S, _, _>(state.clone(), number, story, &mut tally);
            end::<S, _, _>(state, number + 1, story, &mut tally);
        }
        now = next;
    }
    tally
}
