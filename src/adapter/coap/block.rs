//! The value of Block1 and Block2 (RFC 7959 §2.2).

use core::fmt;

use super::option::Uint;

/// Which part of a body a message carries or asks for.
///
/// ```
/// use twinsync::adapter::coap::Block;
///
/// // The third block of 64 bytes, and not the last.
/// let block = Block::new(2, true, 64)?;
/// assert_eq!(block.value().as_bytes(), [0x2A]);
/// assert_eq!(Block::read(&[0x2A]), Ok(block));
/// assert_eq!((block.offset(), block.size()), (128, 64));
/// # Ok::<(), twinsync::adapter::coap::BlockError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Block {
    number: u32,
    more: bool,
    exponent: u8,
}

/// Why something is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum BlockError {
    /// The value is longer than 3 bytes.
    Length,
    /// The number takes more than 20 bits.
    Number,
    /// The size is not 16, 32, … 1024 bytes; on the wire: the exponent 7, which is reserved.
    Size,
}

impl Block {
    /// The largest size of a block, in bytes.
    pub const MAX_SIZE: usize = 1024;
    /// The smallest size of a block, in bytes.
    pub const MIN_SIZE: usize = 16;
    /// The largest number of a block.
    pub const MAX_NUMBER: u32 = 0x000F_FFFF;

    /// Takes the block's number, whether others follow, and the size of all blocks, in bytes.
    ///
    /// # Errors
    /// [`BlockError::Number`] beyond 20 bits, [`BlockError::Size`] unless it is a power of two from 16
    /// to 1024.
    pub const fn new(number: u32, more: bool, size: usize) -> Result<Self, BlockError> {
        if number > Self::MAX_NUMBER {
            return Err(BlockError::Number);
        }
        let exponent = match size {
            16 => 0,
            32 => 1,
            64 => 2,
            128 => 3,
            256 => 4,
            512 => 5,
            1024 => 6,
            _ => return Err(BlockError::Size),
        };
        Ok(Self {
            number,
            more,
            exponent,
        })
    }

    /// Reads the value of a Block1 or Block2 option.
    ///
    /// # Errors
    /// [`BlockError::Length`] beyond 3 bytes, [`BlockError::Size`] for the reserved exponent, which is
    /// answered by 4.00 (RFC 7959 §2.2).
    pub fn read(value: &[u8]) -> Result<Self, BlockError> {
        match Uint::read(value) {
            Some(word) if value.len() <= 3 => {
                let exponent = (word & 7) as u8;
                if exponent == 7 {
                    return Err(BlockError::Size);
                }
                Ok(Self {
                    number: word >> 4,
                    more: word & 8 != 0,
                    exponent,
                })
            }
            _ => Err(BlockError::Length),
        }
    }

    /// Returns the value of the option.
    pub const fn value(self) -> Uint {
        Uint::new(self.number << 4 | (self.more as u32) << 3 | self.exponent as u32)
    }

    /// Returns the block's number.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// Returns whether others follow.
    pub const fn more(self) -> bool {
        self.more
    }

    /// Returns the size of all blocks but the last, in bytes.
    pub const fn size(self) -> usize {
        Self::MIN_SIZE << self.exponent
    }

    /// Returns the size's exponent (SZX): the size is 2 to the power of it plus four.
    pub const fn exponent(self) -> u8 {
        self.exponent
    }

    /// Returns where the block begins in the body, in bytes: below 1 GiB.
    pub const fn offset(self) -> usize {
        (self.number as usize) << self.exponent << 4
    }

    /// Returns the block of `size` bytes that begins where this one does, to go on in other blocks.
    ///
    /// # Errors
    /// [`BlockError::Size`] if it is no size, or if no block of that size begins there;
    /// [`BlockError::Number`] beyond 20 bits.
    pub fn resized(self, size: usize) -> Result<Self, BlockError> {
        let mut block = Self::new(0, self.more, size)?;
        let offset = self.offset();
        block.number = u32::try_from(offset >> block.exponent >> 4).unwrap_or(u32::MAX);
        if block.number > Self::MAX_NUMBER {
            return Err(BlockError::Number);
        }
        if block.offset() != offset {
            return Err(BlockError::Size);
        }
        Ok(block)
    }

    /// Returns the block after this one, not saying whether others follow; `None` after the last
    /// number.
    pub const fn next(self) -> Option<Self> {
        if self.number >= Self::MAX_NUMBER {
            return None;
        }
        Some(Self {
            number: self.number.wrapping_add(1),
            more: false,
            exponent: self.exponent,
        })
    }
}

impl fmt::Display for BlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "a block option of more than 3 bytes",
            Self::Number => "a block's number takes more than 20 bits",
            Self::Size => "no size of a block",
        })
    }
}

impl core::error::Error for BlockError {}
