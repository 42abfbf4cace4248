//! Flash in a file on the host, with the rules of NOR flash.

use core::ffi::CStr;
use core::fmt;

use embedded_storage::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash, check_erase, check_read,
    check_write,
};
use heapless::Vec;
use semihosting::fs::File;
use semihosting::io::{Read, Seek, SeekFrom, Write};

/// Longest path of a file, with the zero behind it.
const MAX_PATH: usize = 97;
/// Bytes that go to the host in one call.
const CHUNK: usize = 64;
/// What erased flash holds.
const ERASED: u8 = 0xFF;

/// The flash's word and page, in bytes: those of the real part.
const GEOMETRY: (usize, usize) = if cfg!(feature = "stm32vldiscovery") {
    (2, 1024)
} else if cfg!(feature = "netduinoplus2") {
    // The STM32F405 erases by sectors, the smallest of which have 16 KiB.
    (4, 16 * 1024)
} else if cfg!(feature = "virt") {
    // What an ESP32-C3 has next to it.
    (4, 4096)
} else {
    (4, 1024)
};

/// NOR flash in a file on the host: it outlives the end of QEMU, as flash outlives a power cut.
///
/// A word is written once after its page was erased: a second write is refused, even one that would only clear
/// bits, because parts with a checksum per word cannot do it. An error has changed nothing.
pub struct SemihostingFlash {
    file: File,
    capacity: usize,
}

/// Why the flash did not do what it was asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FlashError {
    /// Not at the edge of a word or page.
    NotAligned,
    /// Not all of it is inside.
    OutOfBounds,
    /// A word there was written since its page was erased.
    NotErased,
    /// The host cannot read or write its file.
    Host,
}

impl SemihostingFlash {
    /// Opens the flash in the file at `path`, of `pages` pages; makes it, all erased, if there is none of that size.
    ///
    /// # Errors
    ///
    /// [`FlashError::OutOfBounds`] if the path is longer than 96 bytes, [`FlashError::Host`] if the host cannot
    /// read and write the file.
    pub fn open(path: &str, pages: usize) -> Result<Self, FlashError> {
        let mut place = Vec::<u8, MAX_PATH>::new();
        let copied = place.extend_from_slice(path.as_bytes());
        copied
            .and_then(|()| place.push(0).map_err(|_| Default::default()))
            .map_err(|_| FlashError::OutOfBounds)?;
        let path = CStr::from_bytes_with_nul(&place).map_err(|_| FlashError::Host)?;
        let capacity = pages * Self::ERASE_SIZE;
        let mut options = File::options();
        options.read(true).write(true);
        if let Ok(file) = options.open(path)
            && file
                .metadata()
                .is_ok_and(|file| file.len() == capacity as u64)
        {
            return Ok(Self { file, capacity });
        }
        let file = options.create(true).truncate(true).open(path);
        let mut flash = Self {
            file: file.map_err(|_| FlashError::Host)?,
            capacity,
        };
        flash.fill(capacity)?;
        Ok(flash)
    }

    fn seek(&mut self, offset: u32) -> Result<(), FlashError> {
        let place = SeekFrom::Start(offset.into());
        self.file
            .seek(place)
            .map(drop)
            .map_err(|_| FlashError::Host)
    }

    /// Erases `len` bytes where the file stands.
    fn fill(&mut self, mut len: usize) -> Result<(), FlashError> {
        while len > 0 {
            let piece = len.min(CHUNK);
            let erased = self.file.write_all(&[ERASED; CHUNK][..piece]);
            erased.map_err(|_| FlashError::Host)?;
            len -= piece;
        }
        Ok(())
    }
}

impl ErrorType for SemihostingFlash {
    type Error = FlashError;
}

impl ReadNorFlash for SemihostingFlash {
    const READ_SIZE: usize = 1;

    fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
        check_read(self, offset, bytes.len())?;
        self.seek(offset)?;
        self.file.read_exact(bytes).map_err(|_| FlashError::Host)
    }

    fn capacity(&self) -> usize {
        self.capacity
    }
}

impl NorFlash for SemihostingFlash {
    const WRITE_SIZE: usize = GEOMETRY.0;
    const ERASE_SIZE: usize = GEOMETRY.1;

    fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        check_erase(self, from, to)?;
        self.seek(from)?;
        self.fill((to - from) as usize)
    }

    fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
        check_write(self, offset, bytes.len())?;
        self.seek(offset)?;
        for piece in bytes.chunks(CHUNK) {
            let mut place = [0; CHUNK];
            let there = &mut place[..piece.len()];
            self.file.read_exact(there).map_err(|_| FlashError::Host)?;
            if there.iter().any(|byte| *byte != ERASED) {
                return Err(FlashError::NotErased);
            }
        }
        self.seek(offset)?;
        self.file.write_all(bytes).map_err(|_| FlashError::Host)
    }
}

impl NorFlashError for FlashError {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::NotAligned => NorFlashErrorKind::NotAligned,
            Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
            Self::NotErased | Self::Host => NorFlashErrorKind::Other,
        }
    }
}

impl From<NorFlashErrorKind> for FlashError {
    fn from(kind: NorFlashErrorKind) -> Self {
        match kind {
            NorFlashErrorKind::NotAligned => Self::NotAligned,
            NorFlashErrorKind::OutOfBounds => Self::OutOfBounds,
            _ => Self::Host,
        }
    }
}

impl fmt::Debug for SemihostingFlash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("SemihostingFlash");
        debug
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}
