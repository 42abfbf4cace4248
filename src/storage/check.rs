//! The check over what is stored: CRC-32 (ISO-HDLC, that of Ethernet and zip), four bits at a time.
//!
//! It finds every burst of up to 32 bits and every three flipped bits of a record of up to 11 KB; of
//! any other damage it overlooks one in 2³². It is no defence against malice.

/// The polynomial, reflected, over each value of four bits.
const TABLE: [u32; 16] = [
    0x0000_0000,
    0x1DB7_1064,
    0x3B6E_20C8,
    0x26D9_30AC,
    0x76DC_4190,
    0x6B6B_51F4,
    0x4DB2_6158,
    0x5005_713C,
    0xEDB8_8320,
    0xF00F_9344,
    0xD6D6_A3E8,
    0xCB61_B38C,
    0x9B64_C2B0,
    0x86D3_D2D4,
    0xA00A_E278,
    0xBDBD_F21C,
];

/// A check that is being summed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Check(u32);

impl Check {
    pub(super) const fn new() -> Self {
        Self(u32::MAX)
    }

    pub(super) fn over(self, bytes: &[u8]) -> Self {
        let mut crc = self.0;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..2 {
                let low = TABLE.get((crc & 0xF) as usize).copied().unwrap_or(0);
                crc = (crc >> 4) ^ low;
            }
        }
        Self(crc)
    }

    /// Returns the sum. Never all ones: that is what erased flash says.
    pub(super) const fn sum(self) -> [u8; 4] {
        let sum = !self.0;
        let sum = if sum == u32::MAX { sum ^ 1 } else { sum };
        sum.to_le_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Check;

    #[test]
    fn the_check_is_that_of_ethernet() {
        // The check value of the catalogue of parametrised CRC algorithms.
        let sum = Check::new().over(b"1234").over(b"56789").sum();
        assert_eq!(u32::from_le_bytes(sum), 0xCBF4_3926);
    }

    #[test]
    fn the_check_never_looks_erased() {
        // These four bytes lead to a sum of all ones.
        let bytes = [0xFF; 4];
        assert_eq!(Check::new().over(&bytes).sum(), [0xFE, 0xFF, 0xFF, 0xFF]);
    }
}
