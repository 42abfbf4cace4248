//! Datagrams that get lost on purpose.

/// Loses a share of what it is asked about; the same seed loses the same.
#[derive(Debug)]
pub(crate) struct Loss {
    percent: u64,
    state: u64,
}

impl Loss {
    /// Loses so many of a hundred.
    pub(crate) fn new(percent: u8, seed: u64) -> Self {
        Self {
            percent: u64::from(percent),
            state: seed ^ 0x9E37_79B9_7F4A_7C15,
        }
    }

    /// Says whether the next one is lost.
    pub(crate) fn strikes(&mut self) -> bool {
        // SplitMix64.
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % 100 < self.percent
    }
}
