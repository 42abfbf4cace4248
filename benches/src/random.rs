//! A seeded generator, so that every run measures the same inputs.

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number in `0..end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.word()) * end as u128) >> 64) as usize
    }

    /// A number in `from..end`.
    pub fn between(&mut self, from: i64, end: i64) -> i64 {
        from + self.below((end - from) as usize) as i64
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn choice<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// `count` different items, in random order.
    pub fn sample<T: Clone>(&mut self, of: &[T], count: usize) -> Vec<T> {
        let mut pool = of.to_vec();
        for i in 0..count {
            let other = i + self.below(pool.len() - i);
            pool.swap(i, other);
        }
        pool.truncate(count);
        pool
    }
}
