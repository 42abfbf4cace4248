//! Which twin a message is about.

use core::fmt;

/// A device, and the name of one of its twins; `None` is the device's unnamed (classic) twin.
///
/// Valid by construction: both are 1 to 128 bytes of text without `/`, `+`, `#` and control
/// characters, so that no id can reach beyond its own level of a topic or a path. Adapters add the
/// rules of their service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct TwinId<'a> {
    device: &'a str,
    name: Option<&'a str>,
}

/// Why a text cannot name a twin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum TwinIdError {
    /// It is empty.
    Empty,
    /// It is longer than [`TwinId::MAX`] bytes.
    TooLong,
    /// It holds a character that separates levels, a wildcard, or a control character.
    Character,
}

impl<'a> TwinId<'a> {
    /// Longest device id or twin name in bytes.
    pub const MAX: usize = 128;

    /// Takes a device id and, for a named twin, its name.
    ///
    /// # Errors
    /// [`TwinIdError`] if one of them could not be told apart from the structure around it.
    pub fn new(device: &'a str, name: Option<&'a str>) -> Result<Self, TwinIdError> {
        check(device)?;
        if let Some(name) = name {
            check(name)?;
        }
        Ok(Self { device, name })
    }

    /// Returns the device's id.
    pub const fn device(self) -> &'a str {
        self.device
    }

    /// Returns the twin's name, `None` for the unnamed one.
    pub const fn name(self) -> Option<&'a str> {
        self.name
    }
}

fn check(text: &str) -> Result<(), TwinIdError> {
    if text.is_empty() {
        return Err(TwinIdError::Empty);
    }
    if text.len() > TwinId::MAX {
        return Err(TwinIdError::TooLong);
    }
    let bad = |byte: u8| byte < 0x20 || matches!(byte, b'/' | b'+' | b'#' | 0x7F);
    if text.bytes().any(bad) {
        return Err(TwinIdError::Character);
    }
    Ok(())
}

impl fmt::Display for TwinId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.device)?;
        if let Some(name) = self.name {
            f.write_str("/")?;
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Display for TwinIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "a twin's id is empty",
            Self::TooLong => "a twin's id is longer than 128 bytes",
            Self::Character => "a twin's id holds a separator, a wildcard or a control character",
        })
    }
}

impl core::error::Error for TwinIdError {}

#[cfg(test)]
mod tests {
    use super::{TwinId, TwinIdError};

    #[test]
    fn ids_that_reach_beyond_their_level_are_refused() {
        for bad in ["a/b", "+", "#", "a\0", "a\u{7f}"] {
            assert_eq!(
                TwinId::new(bad, None),
                Err(TwinIdError::Character),
                "{bad:?}"
            );
            assert_eq!(TwinId::new("a", Some(bad)), Err(TwinIdError::Character));
        }
        assert_eq!(TwinId::new("", None), Err(TwinIdError::Empty));
        let long = [b'a'; 129];
        let long = core::str::from_utf8(&long).unwrap();
        assert_eq!(TwinId::new(long, None), Err(TwinIdError::TooLong));
        assert!(TwinId::new("thing-1", Some("get")).is_ok());
    }
}
