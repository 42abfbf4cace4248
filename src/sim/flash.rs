//! Flash that keeps the rules of NOR flash, and loses power at any byte.

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::hash::{Hash, Hasher};

use super::random::Random;

const ERASED: u8 = 0xFF;

/// NOR flash in memory: words of `WORD` bytes are written once per erase, pages of `PAGE` bytes are
/// erased as a whole, and power goes where a test wants it to go.
///
/// It implements the traits of `embedded-storage` and `embedded-storage-async` under the features of
/// those names. Words are aligned; a word that is written twice is refused and counted.
///
/// Two of them are equal if nothing that is done to them from here on can tell them apart: what is
/// counted does not matter. So a search through all cuts need not look at the same flash twice.
///
/// ```
/// use twinsync::sim::{Flash, FlashError, Tear};
///
/// let mut flash: Flash<4, 256> = Flash::new(2);
/// flash.write(0, &[1, 2, 3, 4, 5, 6, 7, 8])?;
/// assert_eq!(flash.write(4, &[0; 4]), Err(FlashError::WrittenTwice { at: 4 }));
///
/// flash.cut_after(2, Tear::Clean);
/// assert_eq!(flash.write(8, &[1, 2, 3, 4]), Err(FlashError::PowerLost));
/// flash.restart();
/// assert_eq!(flash.bytes()[8..12], [1, 2, 0xFF, 0xFF]);
/// # Ok::<(), FlashError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Flash<const WORD: usize, const PAGE: usize> {
    bytes: Vec<u8>,
    words: Vec<Word>,
    /// Bits that read as chance will have it, until their page is erased: byte by byte, and the chance.
    shaky: Vec<(usize, u8)>,
    chance: Random,
    erases: Vec<u32>,
    written: u64,
    violations: u32,
    power: Power,
}

/// What is left behind where power goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Tear {
    /// Bytes before the cut are as they should be, those behind as they were.
    Clean,
    /// As `Clean`, but an erase works from the end of the page.
    Backward,
    /// Some bits of the byte at the cut are written; an erase left some bits of all bytes behind it.
    /// The seed says which.
    Noisy(u64),
    /// Some bits of each byte of the word at the cut are written; an erase left some bits of all bytes
    /// of the page, wherever it was.
    Mixed(u64),
    /// As `Mixed`, but after an erase the bits say something else each time they are read, until the
    /// page is erased to the end.
    Unstable(u64),
}

/// Why the flash did not do as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum FlashError {
    /// Power is gone, in the middle of this or before.
    PowerLost,
    /// Not whole words, or not whole pages.
    NotAligned,
    /// Behind the end.
    OutOfBounds,
    /// A word was written since its page was erased, or its erase did not end; nothing was written.
    WrittenTwice {
        /// Its first byte.
        at: u32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Word {
    Erased,
    /// Power went while it was written, and it looks erased: nobody can know.
    Touched,
    Written,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Power {
    On,
    Until { left: u64, tear: Tear },
    Lost,
}

impl<const WORD: usize, const PAGE: usize> Flash<WORD, PAGE> {
    /// Makes erased flash of `pages` pages.
    #[must_use]
    pub fn new(pages: usize) -> Self {
        const {
            assert!(
                WORD > 0 && PAGE.is_multiple_of(WORD),
                "pages are whole words"
            );
        }
        let size = PAGE.saturating_mul(pages);
        Self {
            bytes: vec![ERASED; size],
            words: vec![Word::Erased; size.checked_div(WORD).unwrap_or(0)],
            shaky: Vec::new(),
            chance: Random::new(0),
            erases: vec![0; pages],
            written: 0,
            violations: 0,
            power: Power::On,
        }
    }

    /// Power goes after `bytes` more bytes were written or erased.
    pub const fn cut_after(&mut self, bytes: u64, tear: Tear) {
        self.power = Power::Until { left: bytes, tear };
    }

    /// Power is back, for good.
    pub const fn restart(&mut self) {
        self.power = Power::On;
    }

    /// Returns whether power is gone.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        matches!(self.power, Power::Lost)
    }

    /// Turns a bit round, as wear and radiation do; nothing happens behind the end.
    pub fn flip(&mut self, at: usize, bit: u32) {
        if let Some(byte) = self.bytes.get_mut(at) {
            *byte ^= 1_u8.rotate_left(bit);
        }
    }

    /// Returns all that is in it; bits that are not stable look erased here.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns how often each page was erased.
    #[must_use]
    pub fn erases(&self) -> &[u32] {
        &self.erases
    }

    /// Returns how many bytes were written or erased so far.
    #[must_use]
    pub const fn moved(&self) -> u64 {
        self.written
    }

    /// Returns how often somebody wrote where he could see, or knew, that it was written before.
    #[must_use]
    pub const fn violations(&self) -> u32 {
        self.violations
    }

    /// Fills `into` from byte `at` on.
    ///
    /// # Errors
    /// [`FlashError`]; `into` is as it was.
    pub fn read(&mut self, at: u32, into: &mut [u8]) -> Result<(), FlashError> {
        if self.is_off() {
            return Err(FlashError::PowerLost);
        }
        let at = at as usize;
        let rest = self.bytes.get(at..).unwrap_or_default();
        let from = rest.get(..into.len()).ok_or(FlashError::OutOfBounds)?;
        into.copy_from_slice(from);
        for (shaky, bits) in &self.shaky {
            let byte = shaky.checked_sub(at).and_then(|at| into.get_mut(at));
            if let Some(byte) = byte {
                *byte &= !(bits & self.chance.number().to_le_bytes()[0]);
            }
        }
        Ok(())
    }

    /// Writes words from byte `at` on.
    ///
    /// # Errors
    /// [`FlashError`]; after [`FlashError::PowerLost`] a part may be written.
    pub fn write(&mut self, at: u32, bytes: &[u8]) -> Result<(), FlashError> {
        let at = at as usize;
        self.check::<WORD>(at, bytes.len())?;
        for start in (at..at.saturating_add(bytes.len())).step_by(WORD) {
            let blank = self.is_blank(start);
            let Some(word) = start.checked_div(WORD).and_then(|at| self.words.get(at)) else {
                return Err(FlashError::OutOfBounds);
            };
            if *word != Word::Erased {
                let seen = !blank || *word == Word::Written;
                self.violations = self.violations.saturating_add(u32::from(seen));
                #[expect(clippy::cast_possible_truncation, reason = "it came as 32 bits")]
                return Err(FlashError::WrittenTwice { at: start as u32 });
            }
        }
        for (done, new) in bytes.iter().enumerate() {
            let at = at.saturating_add(done);
            let start = at.saturating_sub(at.checked_rem(WORD).unwrap_or(0));
            let Some(tear) = self.spend() else {
                if let Some(byte) = self.bytes.get_mut(at) {
                    *byte = *new;
                }
                self.mark(start, Word::Written);
                continue;
            };
            let first = done.saturating_sub(at.saturating_sub(start));
            let word = bytes.get(first..).unwrap_or_default();
            self.tear_word(start, at, word, tear);
            return Err(FlashError::PowerLost);
        }
        Ok(())
    }

    /// Leaves the word at `start` as `tear` says; power went at byte `at` while `new` was written.
    fn tear_word(&mut self, start: usize, at: usize, new: &[u8], tear: Tear) {
        let word = self.bytes.get_mut(start..start.saturating_add(WORD));
        let word = (start..).zip(word.unwrap_or_default()).zip(new);
        let mut begun = at != start;
        match tear {
            Tear::Clean | Tear::Backward => {}
            Tear::Noisy(seed) => {
                begun = true;
                for ((_, byte), new) in word.filter(|((here, _), _)| *here == at) {
                    *byte = *new | Random::new(seed).number().to_le_bytes()[0];
                }
            }
            Tear::Mixed(seed) | Tear::Unstable(seed) => {
                begun = true;
                let mut random = Random::new(seed.wrapping_add(at as u64));
                for ((_, byte), new) in word {
                    *byte = *new | random.number().to_le_bytes()[0];
                }
            }
        }
        if begun {
            let blank = self.is_blank(start);
            self.mark(start, if blank { Word::Touched } else { Word::Written });
        }
    }

    fn mark(&mut self, start: usize, state: Word) {
        let word = start.checked_div(WORD);
        if let Some(word) = word.and_then(|at| self.words.get_mut(at)) {
            *word = state;
        }
    }

    /// Erases the pages from byte `from` to before byte `to`.
    ///
    /// # Errors
    /// [`FlashError`]; after [`FlashError::PowerLost`] a page is left that has to be erased again.
    pub fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
        let (from, to) = (from as usize, to as usize);
        let len = to.checked_sub(from).ok_or(FlashError::OutOfBounds)?;
        self.check::<PAGE>(from, len)?;
        for start in (from..to).step_by(PAGE) {
            self.erase_page(start)?;
        }
        Ok(())
    }

    fn erase_page(&mut self, start: usize) -> Result<(), FlashError> {
        let mut done = 0_usize;
        let mut lost = None;
        while done < PAGE && lost.is_none() {
            lost = self.spend();
            done = done.saturating_add(usize::from(lost.is_none()));
        }
        if let Some(count) = start
            .checked_div(PAGE)
            .and_then(|at| self.erases.get_mut(at))
        {
            *count = count.saturating_add(1);
        }
        let end = start.saturating_add(PAGE);
        self.shaky.retain(|(at, _)| !(start..end).contains(at));
        let page = self.bytes.get_mut(start..end).unwrap_or_default();
        let (seed, untouched) = match lost {
            None => (None, 0..0),
            Some(Tear::Clean) => (None, done..PAGE),
            Some(Tear::Backward) => (None, 0..PAGE.saturating_sub(done)),
            Some(Tear::Noisy(seed)) => (Some(seed), done..PAGE),
            Some(Tear::Mixed(seed)) => (Some(seed.wrapping_add(done as u64)), 0..PAGE),
            Some(Tear::Unstable(seed)) => {
                self.chance = Random::new(seed);
                let bits = (start..).zip(page.iter().map(|byte| !byte));
                self.shaky.extend(bits.filter(|(_, bits)| *bits != 0));
                (None, 0..0)
            }
        };
        let mut random = seed.map(Random::new);
        for (at, byte) in page.iter_mut().enumerate() {
            if !untouched.contains(&at) {
                *byte = ERASED;
            } else if let Some(random) = &mut random {
                *byte |= random.number().to_le_bytes()[0];
            }
        }
        let first = start.checked_div(WORD).unwrap_or(0);
        let last = end.checked_div(WORD).unwrap_or(0);
        for word in self.words.get_mut(first..last).unwrap_or_default() {
            *word = if lost.is_some() {
                Word::Written
            } else {
                Word::Erased
            };
        }
        match lost {
            Some(_) => Err(FlashError::PowerLost),
            None => Ok(()),
        }
    }

    /// One byte more: returns how power goes, if it goes here.
    fn spend(&mut self) -> Option<Tear> {
        if let Power::Until { left, tear } = &mut self.power {
            let tear = *tear;
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => {
                    self.power = Power::Lost;
                    return Some(tear);
                }
            }
        }
        self.written = self.written.saturating_add(1);
        None
    }

    fn check<const ALIGN: usize>(&self, at: usize, len: usize) -> Result<(), FlashError> {
        if self.is_off() {
            return Err(FlashError::PowerLost);
        }
        if at.saturating_add(len) > self.bytes.len() {
            return Err(FlashError::OutOfBounds);
        }
        if at.checked_rem(ALIGN) != Some(0) || len.checked_rem(ALIGN) != Some(0) {
            return Err(FlashError::NotAligned);
        }
        Ok(())
    }

    fn is_blank(&self, start: usize) -> bool {
        let word = self.bytes.get(start..start.saturating_add(WORD));
        word.is_some_and(|word| word.iter().all(|byte| *byte == ERASED))
    }
}

/// What of a flash makes a difference from here on.
type Essence<'a> = (&'a [u8], &'a [Word], &'a [(usize, u8)], Random, Power);

impl<const WORD: usize, const PAGE: usize> Flash<WORD, PAGE> {
    fn essence(&self) -> Essence<'_> {
        (
            &self.bytes,
            &self.words,
            &self.shaky,
            self.chance,
            self.power,
        )
    }
}

impl<const WORD: usize, const PAGE: usize> PartialEq for Flash<WORD, PAGE> {
    fn eq(&self, other: &Self) -> bool {
        self.essence() == other.essence()
    }
}

impl<const WORD: usize, const PAGE: usize> Eq for Flash<WORD, PAGE> {}

impl<const WORD: usize, const PAGE: usize> Hash for Flash<WORD, PAGE> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.essence().hash(state);
    }
}

impl fmt::Display for FlashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PowerLost => f.write_str("power is gone"),
            Self::NotAligned => f.write_str("not whole words or pages"),
            Self::OutOfBounds => f.write_str("behind the end of the flash"),
            Self::WrittenTwice { at } => write!(f, "word at {at:#x} was written before"),
        }
    }
}

impl core::error::Error for FlashError {}

#[cfg(feature = "defmt")]
impl<const WORD: usize, const PAGE: usize> defmt::Format for Flash<WORD, PAGE> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(
            f,
            "Flash of {=usize} bytes, {=u64} written",
            self.bytes.len(),
            self.written
        );
    }
}

#[cfg(feature = "embedded-storage")]
mod blocking {
    use embedded_storage::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

    use super::{Flash, FlashError};

    impl embedded_storage::nor_flash::NorFlashError for FlashError {
        fn kind(&self) -> embedded_storage::nor_flash::NorFlashErrorKind {
            use embedded_storage::nor_flash::NorFlashErrorKind;
            match self {
                Self::NotAligned => NorFlashErrorKind::NotAligned,
                Self::OutOfBounds => NorFlashErrorKind::OutOfBounds,
                Self::PowerLost | Self::WrittenTwice { .. } => NorFlashErrorKind::Other,
            }
        }
    }

    impl<const WORD: usize, const PAGE: usize> ErrorType for Flash<WORD, PAGE> {
        type Error = FlashError;
    }

    impl<const WORD: usize, const PAGE: usize> ReadNorFlash for Flash<WORD, PAGE> {
        const READ_SIZE: usize = 1;

        fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
            Self::read(self, offset, bytes)
        }

        fn capacity(&self) -> usize {
            self.bytes().len()
        }
    }

    impl<const WORD: usize, const PAGE: usize> NorFlash for Flash<WORD, PAGE> {
        const WRITE_SIZE: usize = WORD;
        const ERASE_SIZE: usize = PAGE;

        fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
            Self::erase(self, from, to)
        }

        fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
            Self::write(self, offset, bytes)
        }
    }
}

#[cfg(feature = "embedded-storage-async")]
mod waiting {
    use embedded_storage_async::nor_flash::{NorFlash, ReadNorFlash};

    use super::{Flash, FlashError};

    impl<const WORD: usize, const PAGE: usize> ReadNorFlash for Flash<WORD, PAGE> {
        const READ_SIZE: usize = 1;

        async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), FlashError> {
            Self::read(self, offset, bytes)
        }

        fn capacity(&self) -> usize {
            self.bytes().len()
        }
    }

    impl<const WORD: usize, const PAGE: usize> NorFlash for Flash<WORD, PAGE> {
        const WRITE_SIZE: usize = WORD;
        const ERASE_SIZE: usize = PAGE;

        async fn erase(&mut self, from: u32, to: u32) -> Result<(), FlashError> {
            Self::erase(self, from, to)
        }

        async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), FlashError> {
            Self::write(self, offset, bytes)
        }
    }
}
