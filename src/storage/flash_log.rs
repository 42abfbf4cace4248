//! The log on flash of the `embedded-storage` traits: two thin drivers of one algorithm.

use core::fmt;
use core::ops::Range;

use embedded_storage::nor_flash::NorFlash;

use super::log::{Found, Geometry, GeometryError, Health, Log, LogFault, Request, Saved};

/// A log of one record, of which the newest counts, on blocking flash.
///
/// It owns `flash` (a `&mut` will do) and a range of it; see the [module](super) for what it promises.
/// RAM: 160 bytes besides the flash and the caller's buffers.
///
/// ```
/// use twinsync::sim::Flash;
/// use twinsync::storage::{FlashLog, Health, Saved};
///
/// let flash: Flash<4, 256> = Flash::new(4);
/// let mut log = FlashLog::new(flash, 0..1024)?;
/// assert_eq!(log.save(b"first")?, Saved::Written);
/// assert_eq!(log.save(b"second")?, Saved::Written);
/// assert_eq!(log.save(b"second")?, Saved::Unchanged);
///
/// let mut log = FlashLog::new(log.into_flash(), 0..1024)?; // a restart
/// let mut buffer = [0; 64];
/// let loaded = log.load(&mut buffer)?;
/// assert_eq!(loaded.record, Some(&b"second"[..]));
/// assert_eq!(loaded.health, Health::Whole);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct FlashLog<F> {
    flash: F,
    log: Log,
}

#[cfg(feature = "defmt")]
impl<F> defmt::Format for FlashLog<F> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "FlashLog({})", self.log);
    }
}

/// What was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Loaded<'a> {
    /// The newest record; `None` if there is none.
    pub record: Option<&'a [u8]>,
    /// Whether it may not be the newest.
    pub health: Health,
}

/// Why a load or a save did not come to its end; the record before is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum LogError<E> {
    /// The flash refused, and says why.
    Flash(E),
    /// Anything else.
    Log(LogFault),
}

impl<F: NorFlash> FlashLog<F> {
    /// Takes flash, and the range of it that is the log's alone. Touches nothing yet.
    ///
    /// # Errors
    /// [`GeometryError`] if the range is not whole pages of this flash, or fewer than two, or words are
    /// too long.
    pub fn new(flash: F, range: Range<u32>) -> Result<Self, GeometryError> {
        let sizes = [F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE];
        let log = lay_out(sizes, flash.capacity(), range)?;
        Ok(Self { flash, log })
    }

    /// Loads the newest record into `buffer`. Cost: see [`Log::load`].
    ///
    /// # Errors
    /// [`LogError`]: the flash refused a read, or the record is longer than the buffer.
    pub fn load<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Loaded<'b>, LogError<F::Error>> {
        let mut failed = None;
        let mut load = self.log.load(buffer);
        while let Some(request) = load.poll() {
            if let Err(error) = serve(&mut self.flash, request) {
                failed = Some(error);
                load.handle_failed();
            }
        }
        let found = load.finish();
        loaded(found, failed, buffer)
    }

    /// Saves `record`; once this returns, it is what loads find. Cost: see [`Log::save`].
    ///
    /// # Errors
    /// [`LogError`]: the flash refused, or keeps nothing, or the record is too long; the record before is
    /// still there.
    pub fn save(&mut self, record: &[u8]) -> Result<Saved, LogError<F::Error>> {
        let mut failed = None;
        let mut save = self.log.save(record);
        while let Some(request) = save.poll() {
            if let Err(error) = serve(&mut self.flash, request) {
                failed = Some(error);
                save.handle_failed();
            }
        }
        save.finish().map_err(|fault| blame(fault, failed))
    }
}

impl<F> FlashLog<F> {
    /// Returns the longest record in bytes.
    pub const fn capacity(&self) -> usize {
        self.log.geometry().capacity()
    }

    /// Returns the flash, for other parts of it.
    pub const fn flash_mut(&mut self) -> &mut F {
        &mut self.flash
    }

    /// Gives the flash back.
    pub fn into_flash(self) -> F {
        self.flash
    }
}

fn serve<F: NorFlash>(flash: &mut F, request: Request<'_>) -> Result<(), F::Error> {
    match request {
        Request::Read { at, into } => flash.read(at, into),
        Request::Write { at, bytes } => flash.write(at, bytes),
        Request::Erase { from, to } => flash.erase(from, to),
    }
}

/// Checks a range against flash of `[read, write, erase]` sizes.
fn lay_out(sizes: [usize; 3], size: usize, range: Range<u32>) -> Result<Log, GeometryError> {
    let [read, word, page] = sizes.map(u32::try_from);
    let read = read.map_err(|_| GeometryError::Read)?;
    let word = word.map_err(|_| GeometryError::Word)?;
    let page = page.map_err(|_| GeometryError::Page)?;
    if word.checked_rem(read) != Some(0) {
        return Err(GeometryError::Read);
    }
    let len = range.end.saturating_sub(range.start);
    if len.checked_rem(page) != Some(0) || range.end as usize > size {
        return Err(GeometryError::Range);
    }
    let pages = len.checked_div(page).unwrap_or(0);
    Geometry::new(range.start, page, pages, word).map(Log::new)
}

fn loaded<E>(
    found: Result<Found, LogFault>,
    failed: Option<E>,
    buffer: &[u8],
) -> Result<Loaded<'_>, LogError<E>> {
    let Found { len, health } = found.map_err(|fault| blame(fault, failed))?;
    let record = len.and_then(|len| buffer.get(..len));
    Ok(Loaded { record, health })
}

fn blame<E>(fault: LogFault, failed: Option<E>) -> LogError<E> {
    match (fault, failed) {
        (LogFault::Refused, Some(error)) => LogError::Flash(error),
        (fault, _) => LogError::Log(fault),
    }
}

impl<E: fmt::Debug> fmt::Display for LogError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(error) => write!(f, "flash: {error:?}"),
            Self::Log(fault) => fault.fmt(f),
        }
    }
}

impl<E: fmt::Debug> core::error::Error for LogError<E> {}

#[cfg(feature = "embedded-storage-async")]
mod waiting {
    use core::ops::Range;

    use embedded_storage_async::nor_flash::NorFlash;

    use super::{GeometryError, Loaded, Log, LogError, Request, Saved, blame, lay_out, loaded};

    /// [`FlashLog`](super::FlashLog) on async flash: the same bytes, the same promises.
    ///
    /// A future that is dropped on its way counts as a power cut: nothing that was acknowledged is lost,
    /// and the next call looks at all of the range again. That holds if the flash driver's own futures
    /// end what they have begun, or leave it off, when they are dropped.
    ///
    /// ```
    /// use twinsync::sim::Flash;
    /// use twinsync::storage::AsyncFlashLog;
    ///
    /// # futures_executor::block_on(async {
    /// let flash: Flash<8, 256> = Flash::new(4);
    /// let mut log = AsyncFlashLog::new(flash, 0..1024)?;
    /// log.save(b"state").await?;
    /// assert_eq!(log.load(&mut [0; 64]).await?.record, Some(&b"state"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    #[derive(Clone, Debug)]
    pub struct AsyncFlashLog<F> {
        flash: F,
        log: Log,
    }

    #[cfg(feature = "defmt")]
    impl<F> defmt::Format for AsyncFlashLog<F> {
        fn format(&self, f: defmt::Formatter<'_>) {
            defmt::write!(f, "AsyncFlashLog({})", self.log);
        }
    }

    impl<F: NorFlash> AsyncFlashLog<F> {
        /// Takes flash, and the range of it that is the log's alone. Touches nothing yet.
        ///
        /// # Errors
        /// As [`FlashLog::new`](super::FlashLog::new).
        pub fn new(flash: F, range: Range<u32>) -> Result<Self, GeometryError> {
            let sizes = [F::READ_SIZE, F::WRITE_SIZE, F::ERASE_SIZE];
            let log = lay_out(sizes, flash.capacity(), range)?;
            Ok(Self { flash, log })
        }

        /// Loads the newest record into `buffer`.
        ///
        /// # Errors
        /// As [`FlashLog::load`](super::FlashLog::load).
        pub async fn load<'b>(
            &mut self,
            buffer: &'b mut [u8],
        ) -> Result<Loaded<'b>, LogError<F::Error>> {
            let mut failed = None;
            let mut load = self.log.load(buffer);
            while let Some(request) = load.poll() {
                if let Err(error) = serve(&mut self.flash, request).await {
                    failed = Some(error);
                    load.handle_failed();
                }
            }
            let found = load.finish();
            loaded(found, failed, buffer)
        }

        /// Saves `record`; once this returns, it is what loads find.
        ///
        /// # Errors
        /// As [`FlashLog::save`](super::FlashLog::save).
        pub async fn save(&mut self, record: &[u8]) -> Result<Saved, LogError<F::Error>> {
            let mut failed = None;
            let mut save = self.log.save(record);
            while let Some(request) = save.poll() {
                if let Err(error) = serve(&mut self.flash, request).await {
                    failed = Some(error);
                    save.handle_failed();
                }
            }
            save.finish().map_err(|fault| blame(fault, failed))
        }
    }

    impl<F> AsyncFlashLog<F> {
        /// Returns the longest record in bytes.
        pub const fn capacity(&self) -> usize {
            self.log.geometry().capacity()
        }

        /// Returns the flash, for other parts of it.
        pub const fn flash_mut(&mut self) -> &mut F {
            &mut self.flash
        }

        /// Gives the flash back.
        pub fn into_flash(self) -> F {
            self.flash
        }
    }

    async fn serve<F: NorFlash>(flash: &mut F, request: Request<'_>) -> Result<(), F::Error> {
        match request {
            Request::Read { at, into } => flash.read(at, into).await,
            Request::Write { at, bytes } => flash.write(at, bytes).await,
            Request::Erase { from, to } => flash.erase(from, to).await,
        }
    }
}

#[cfg(feature = "embedded-storage-async")]
pub use waiting::AsyncFlashLog;
