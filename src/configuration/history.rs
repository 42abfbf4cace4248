//! What was desired before: bounded, oldest dropped first.

use core::fmt;

use super::{Keys, stamp};
use crate::document::{self, DocumentMut, DocumentRef, EditError};
use crate::error::CapacityError;
use crate::time::Timestamp;

/// Bytes of an entry before its document: version, time, length.
const HEAD: usize = 18;

/// The configurations that were desired last, as many as fit into `N` bytes: 18 bytes each, and its
/// canonical bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<const N: usize> {
    /// Oldest first.
    bytes: heapless::Vec<u8, N>,
}

/// A configuration that was kept.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Kept<'a> {
    /// Its number.
    pub version: u64,
    /// Since when it was desired.
    pub at: Timestamp,
    /// Desired as it was.
    pub desired: DocumentRef<'a>,
}

/// Why a configuration does not come back; nothing was changed but the patch, which is `{}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum RollbackError {
    /// It is not kept, or not any more.
    Unknown(u64),
    /// The patch does not fit.
    Edit(EditError),
}

impl<const N: usize> History<N> {
    /// Keeps nothing yet.
    pub const fn new() -> Self {
        Self {
            bytes: heapless::Vec::new(),
        }
    }

    /// Keeps a configuration, and drops the oldest ones as far as it takes. The number that was kept last
    /// replaces that entry. Cost: linear in `N`.
    ///
    /// # Errors
    /// [`CapacityError`] if it does not fit even alone; nothing was dropped.
    pub fn keep(
        &mut self,
        version: u64,
        at: Timestamp,
        desired: DocumentRef<'_>,
    ) -> Result<(), CapacityError> {
        let document = desired.as_bytes();
        let needed = HEAD.saturating_add(document.len());
        let too_long = CapacityError {
            needed,
            capacity: N,
        };
        let len = u16::try_from(document.len()).map_err(|_| too_long)?;
        if needed > N {
            return Err(too_long);
        }
        if let Some(last) = self.iter().last()
            && last.version == version
        {
            let entry = HEAD.saturating_add(last.desired.as_bytes().len());
            self.bytes.truncate(self.bytes.len().saturating_sub(entry));
        }
        while N.saturating_sub(self.bytes.len()) < needed {
            let Some((_, rest)) = first(&self.bytes) else {
                break;
            };
            let from = self.bytes.len().saturating_sub(rest.len());
            self.bytes.copy_within(from.., 0);
            self.bytes.truncate(self.bytes.len().saturating_sub(from));
        }
        // All of it fits: room was made.
        let _ = self.bytes.extend_from_slice(&version.to_le_bytes());
        let _ = self.bytes.extend_from_slice(&at.as_millis().to_le_bytes());
        let _ = self.bytes.extend_from_slice(&len.to_le_bytes());
        let _ = self.bytes.extend_from_slice(document);
        Ok(())
    }

    /// Iterates over what is kept, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Kept<'_>> {
        let mut rest = self.bytes.as_slice();
        core::iter::from_fn(move || {
            let (kept, after) = first(rest)?;
            rest = after;
            Some(kept)
        })
    }

    /// Returns the configuration of this number, if it is kept. Cost: linear in the number of entries.
    pub fn at(&self, version: u64) -> Option<Kept<'_>> {
        self.iter().find(|kept| kept.version == version)
    }

    /// Makes `patch` the one that turns `desired` back into the configuration `version`, under the number
    /// after that of `desired`, and returns that number.
    ///
    /// Send it under a precondition on the twin that `desired` was read from.
    ///
    /// # Errors
    /// [`RollbackError`]: the configuration is not kept, or the patch does not fit.
    pub fn rollback(
        &self,
        version: u64,
        desired: DocumentRef<'_>,
        keys: &Keys,
        patch: &mut DocumentMut<'_>,
    ) -> Result<u64, RollbackError> {
        patch.clear();
        let kept = self.at(version).ok_or(RollbackError::Unknown(version))?;
        let stamped = document::diff(desired, kept.desired, patch)
            .map_err(EditError::Capacity)
            .and_then(|()| stamp(patch, desired, keys));
        if stamped.is_err() {
            patch.clear();
        }
        stamped.map_err(RollbackError::Edit)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }
}

impl<const N: usize> Default for History<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The entry in front of these bytes, and what follows it.
fn first(bytes: &[u8]) -> Option<(Kept<'_>, &[u8])> {
    let (version, rest) = bytes.split_first_chunk()?;
    let (at, rest) = rest.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (document, rest) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
    let kept = Kept {
        version: u64::from_le_bytes(*version),
        at: Timestamp::from_millis(u64::from_le_bytes(*at)),
        desired: DocumentRef::trusted(document),
    };
    Some((kept, rest))
}

#[cfg(feature = "defmt")]
impl<const N: usize> defmt::Format for History<N> {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "History of {} bytes", self.bytes.len());
    }
}

impl fmt::Display for RollbackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(version) => write!(f, "configuration {version} is not kept"),
            Self::Edit(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RollbackError {}
