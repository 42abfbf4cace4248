//! Where a log lies in flash, and where in it a record's bytes are.

use core::fmt;

/// Longest word: what is padded is padded in a buffer of this many bytes.
pub(super) const CHUNK: usize = 64;
pub(super) const CHUNK_LEN: u32 = 64;
/// Bytes of a record's head before padding.
pub(super) const HEAD: u32 = 16;
/// Bytes of a record's seal before padding.
const SEAL: u32 = 4;

/// Where a log lies, and how that flash is written and erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Geometry {
    base: u32,
    page: u32,
    pages: u32,
    word: u32,
}

/// Why a log cannot lie there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum GeometryError {
    /// Words are 1, 2, 4, 8, 16, 32 or 64 bytes.
    Word,
    /// A page has to be a whole number of words, and of four bytes, and hold a record of one word.
    Page,
    /// A range begins and ends between pages and below 4 GiB, and has two pages or more: one for the
    /// record that is, one for the record to be.
    Range,
    /// Reads are of whole words, and this flash reads only more at a time.
    Read,
}

impl Geometry {
    /// Takes the range from `base` on, `pages` pages of `page` bytes (what one erase takes), written in
    /// words of `word` bytes, each once per erase.
    ///
    /// # Errors
    /// [`GeometryError`] says what does not fit.
    pub const fn new(base: u32, page: u32, pages: u32, word: u32) -> Result<Self, GeometryError> {
        if !word.is_power_of_two() || word as usize > CHUNK {
            return Err(GeometryError::Word);
        }
        // Shorter words are written four bytes at a time, so that no number lies in two pages.
        let word = if word < SEAL { SEAL } else { word };
        let log = Self {
            base,
            page,
            pages,
            word,
        };
        if page & word.wrapping_sub(1) != 0 || page < log.total(1) {
            return Err(GeometryError::Page);
        }
        let Some(size) = page.checked_mul(pages) else {
            return Err(GeometryError::Range);
        };
        let aligned = matches!(base.checked_rem(page), Some(0));
        if pages < 2 || !aligned || base.checked_add(size).is_none() {
            return Err(GeometryError::Range);
        }
        Ok(log)
    }

    /// Returns the longest record in bytes: what half of the pages hold, as the last record stays while
    /// the next one is written.
    pub const fn capacity(&self) -> usize {
        let pages = self.pages / 2;
        let marks = pages.wrapping_sub(1).wrapping_mul(self.word);
        let frame = self.head().wrapping_add(self.seal());
        let usable = pages.wrapping_mul(self.page).wrapping_sub(marks);
        usable.wrapping_sub(frame) as usize
    }

    /// Returns how many saves of records of `len` bytes, each another one, the range bears if a page
    /// bears `erases`; 0 if the record is too long.
    ///
    /// Pages are erased in turn: a page takes as many records as fit it, a longer record takes as many
    /// pages as it needs. Power cuts cost some: each at most what is left of the pages it was in.
    ///
    /// ```
    /// use twinsync::storage::Geometry;
    ///
    /// // Four pages of 2 KB, words of 8 bytes, 10,000 erases; a record of 300 bytes once a minute.
    /// let saves = Geometry::new(0, 2048, 4, 8)?.saves(300, 10_000);
    /// assert_eq!(saves, 240_000);
    /// assert_eq!(saves / (60 * 24), 166); // days
    /// # Ok::<(), twinsync::storage::GeometryError>(())
    /// ```
    pub const fn saves(&self, len: usize, erases: u64) -> u64 {
        if len > self.capacity() {
            return 0;
        }
        #[expect(clippy::cast_possible_truncation, reason = "within the capacity")]
        let total = self.total(len as u32);
        let all = erases.saturating_mul(self.pages as u64);
        let saves = match self.page.checked_div(total) {
            Some(0) | None => all.checked_div(self.pages_for(total) as u64),
            Some(each) => Some(all.saturating_mul(each as u64)),
        };
        match saves {
            Some(saves) => saves,
            None => 0,
        }
    }

    pub(super) const fn word(&self) -> u32 {
        self.word
    }

    pub(super) const fn pages(&self) -> u32 {
        self.pages
    }

    /// Address in flash of an offset in the range.
    pub(super) const fn address(&self, at: u32) -> u32 {
        self.base.wrapping_add(at)
    }

    pub(super) const fn start_of(&self, page: u32) -> u32 {
        page.wrapping_mul(self.page)
    }

    pub(super) const fn end_of(&self, page: u32) -> u32 {
        self.start_of(page).wrapping_add(self.page)
    }

    pub(super) const fn page_of(&self, at: u32) -> u32 {
        match at.checked_div(self.page) {
            Some(page) => page,
            None => 0,
        }
    }

    /// The page `more` pages behind `page`, round the range; `more` is at most the number of pages.
    pub(super) const fn page_after(&self, page: u32, more: u32) -> u32 {
        let sum = page.wrapping_add(more);
        if sum >= self.pages {
            sum.wrapping_sub(self.pages)
        } else {
            sum
        }
    }

    /// Rounds up to whole words.
    pub(super) const fn padded(&self, len: u32) -> u32 {
        let mask = self.word.wrapping_sub(1);
        len.wrapping_add(mask) & !mask
    }

    pub(super) const fn head(&self) -> u32 {
        self.padded(HEAD)
    }

    pub(super) const fn seal(&self) -> u32 {
        self.padded(SEAL)
    }

    /// Bytes of a whole record of `len` bytes, without the marks of its further pages.
    pub(super) const fn total(&self, len: u32) -> u32 {
        let body = self.padded(len);
        self.head().wrapping_add(body).wrapping_add(self.seal())
    }

    /// Pages of a record that begins a page.
    pub(super) const fn pages_for(&self, total: u32) -> u32 {
        let further = self.page.wrapping_sub(self.word);
        let rest = total.saturating_sub(self.page);
        let round_up = rest.wrapping_add(further).wrapping_sub(1);
        match round_up.checked_div(further) {
            Some(more) => more.wrapping_add(1),
            None => 1,
        }
    }

    /// Where byte `offset` of a record that begins at `start` is, and how many bytes of the record
    /// follow in that page.
    pub(super) const fn locate(&self, start: u32, offset: u32) -> (u32, u32) {
        let page = self.page_of(start);
        let first = self.end_of(page).wrapping_sub(start);
        if offset < first {
            return (start.wrapping_add(offset), first.wrapping_sub(offset));
        }
        let further = self.page.wrapping_sub(self.word);
        let behind = offset.wrapping_sub(first);
        let (Some(more), Some(within)) = (behind.checked_div(further), behind.checked_rem(further))
        else {
            return (start, 0);
        };
        let page = self.page_after(page, more.wrapping_add(1));
        let at = self.start_of(page).wrapping_add(self.word);
        (at.wrapping_add(within), further.wrapping_sub(within))
    }
}

impl fmt::Display for GeometryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Word => "words are 1, 2, 4, 8, 16, 32 or 64 bytes",
            Self::Page => "a page is a whole number of words and holds a record",
            Self::Range => "a range begins and ends between pages and has two or more",
            Self::Read => "the flash reads more than a word at a time",
        })
    }
}

impl core::error::Error for GeometryError {}
