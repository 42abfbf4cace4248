//! Lives of random saves on flash of random size, most of which end where power goes.

use twinsync::sim::{Flash, Random, Tear};
use twinsync::storage::Health;

use crate::stores::{Store, record};
use crate::tally::Tally;

/// One device with its flash, and what it must still have.
struct Bench<const WORD: usize, const PAGE: usize> {
    flash: Flash<WORD, PAGE>,
    kept: Option<Vec<u8>>,
    /// What was begun since, and never acknowledged: it may be found as well.
    begun: Vec<Vec<u8>>,
    /// Power went between words only: nothing may be called damaged.
    clean: bool,
    /// All bits read the same each time.
    steady: bool,
    tally: Tally,
}

impl<const WORD: usize, const PAGE: usize> Bench<WORD, PAGE> {
    fn new(pages: usize) -> Self {
        Self {
            flash: Flash::new(pages),
            kept: None,
            begun: Vec::new(),
            clean: true,
            steady: true,
            tally: Tally::default(),
        }
    }

    /// One life: power goes after `cut` bytes, if at all; then what a restart finds is looked at.
    fn live<S: Store>(&mut self, records: &[Vec<u8>], cut: Option<(u64, Tear)>, what: &str) {
        if let Some((bytes, tear)) = cut {
            self.flash.cut_after(bytes, tear);
        }
        let before = self.flash.clone();
        let kept = S::save(&mut self.flash, records);
        if S::STRICT && self.steady && cut.is_none() {
            // One that is made anew for each save, and looks at the flash each time, writes the same.
            let mut other = before;
            for record in records {
                S::save(&mut other, core::slice::from_ref(record));
            }
            if other.bytes() != self.flash.bytes() {
                self.tally.lost(format!("{what}: written elsewhere"));
            }
        }
        let acknowledged = kept.acknowledged;
        self.tally.saves += records.len() as u64;
        if acknowledged > 0 {
            self.kept = Some(records[acknowledged - 1].clone());
            self.begun.clear();
        }
        self.begun.extend(records.get(acknowledged).cloned());
        if self.flash.is_off() {
            self.tally.cuts += 1;
            // Not all bytes are the first of a word.
            self.clean = false;
            self.steady &= !matches!(cut, Some((_, Tear::Unstable(_))));
        } else if let Some(error) = kept.error {
            self.tally.refused(format!("{what}: save: {error}"));
        }
        self.flash.restart();
        match S::load(&mut self.flash) {
            Ok((found, health)) => {
                let begun = found.as_ref().is_some_and(|it| self.begun.contains(it));
                let fine = found == self.kept || begun;
                if !fine {
                    let found = found.as_ref().map(Vec::len);
                    self.tally
                        .lost(format!("{what}: found {found:?} {health:?}"));
                }
                if S::STRICT && self.clean && health != Health::Whole {
                    self.tally.lost(format!("{what}: {health:?}"));
                }
                if S::STRICT || !fine {
                    self.kept = found;
                    self.begun.clear();
                }
            }
            Err(error) => self.tally.refused(format!("{what}: {error}")),
        }
        if S::STRICT && self.flash.violations() > 0 {
            self.tally.lost(format!("{what}: a word written twice"));
        }
    }

    /// Bytes that move while `records` are saved with power on.
    fn length<S: Store>(&self, records: &[Vec<u8>]) -> u64 {
        let mut flash = self.flash.clone();
        let before = flash.moved();
        S::save(&mut flash, records);
        flash.moved() - before
    }
}

/// Saves at least `saves` records of up to `longest` bytes for each two pages; power goes in ways like
/// `tears`, with other seeds.
pub(crate) fn run<S: Store, const WORD: usize, const PAGE: usize>(
    saves: u64,
    longest: usize,
    tears: &[Tear],
) -> Tally {
    let mut tally = Tally::default();
    let mut random = Random::new(WORD as u64);
    while tally.saves < saves {
        let pages = random.between(2, 6) as usize;
        let most = (longest * (pages / 2)) as u64;
        let usual = random.below(most) as usize;
        let mut bench: Bench<WORD, PAGE> = Bench::new(pages);
        for life in 0..12 {
            let records: Vec<_> = (0..random.between(1, 12))
                .map(|_| {
                    let len = match random.below(4) {
                        0 => random.below(most) as usize,
                        _ => usual,
                    };
                    record(random.below(64), len)
                })
                .collect();
            let cut = random.chance(850).then(|| {
                let moved = bench.length::<S>(&records);
                let tear = match tears[random.below(tears.len() as u64) as usize] {
                    tear @ (Tear::Clean | Tear::Backward) => tear,
                    Tear::Noisy(_) => Tear::Noisy(random.number()),
                    Tear::Mixed(_) => Tear::Mixed(random.number()),
                    Tear::Unstable(_) => Tear::Unstable(random.number()),
                };
                (random.below(moved + 1), tear)
            });
            let what = format!("{WORD}: {pages} pages, life {life}, {cut:?}");
            bench.live::<S>(&records, cut, &what);
        }
        tally.add(bench.tally);
    }
    tally
}
