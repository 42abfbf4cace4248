//! The one source of chance in a simulation.

/// A seeded sequence of numbers (SplitMix64): the same seed gives the same run, everywhere.
///
/// Good enough to choose schedules; nothing secret.
///
/// ```
/// use twinsync::sim::Random;
///
/// let mut random = Random::new(42);
/// let first = random.below(1_000);
/// assert_eq!(Random::new(42).below(1_000), first);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Random(u64);

impl Random {
    /// Takes any seed; zero is as good as any other.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a sequence of its own, whose numbers do not depend on how this one goes on.
    pub const fn fork(&mut self) -> Self {
        Self(self.number())
    }

    /// Returns the next number, all 64 bits of it.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`; 0 if `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        match self.number().checked_rem(bound) {
            Some(number) => number,
            None => 0,
        }
    }

    /// Returns a number from `low` to `high`, both included; `low` if there is none between.
    pub const fn between(&mut self, low: u64, high: u64) -> u64 {
        let span = high.saturating_sub(low).saturating_add(1);
        low.saturating_add(self.below(span))
    }

    /// Says yes in `per_mille` of a thousand cases.
    pub const fn chance(&mut self, per_mille: u16) -> bool {
        self.below(1_000) < per_mille as u64
    }
}

#[cfg(test)]
mod tests {
    use super::Random;

    #[test]
    fn a_chance_comes_about_as_often_as_it_says() {
        let mut random = Random::new(1);
        let hits = (0..10_000).filter(|_| random.chance(250)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        assert!(!random.chance(0));
        assert!(random.chance(1_000));
    }

    #[test]
    fn a_number_stays_in_its_range() {
        let mut random = Random::new(2);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.between(9, 3), 9);
        for _ in 0..1_000 {
            assert!((3..=9).contains(&random.between(3, 9)));
        }
        assert!(random.between(0, u64::MAX) != random.between(0, u64::MAX));
    }
}
