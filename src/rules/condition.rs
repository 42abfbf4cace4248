//! What must hold in a twin for something to be allowed.

use core::fmt;

use super::check::Check;
use crate::document::{DocumentRef, Number};

/// A condition on a twin's desired and reported sections; a `const`, to be written into tables.
///
/// ```
/// use twinsync::document::Document;
/// use twinsync::rules::{Check, Condition};
///
/// const CHARGED: Condition = Condition::Reported(&["battery"], Check::at_least(20));
/// const ORDERED: Condition = Condition::Ordered { lower: &["min"], upper: &["max"] };
/// const QUIET: Condition = Condition::Holds(|desired, _| desired.value(&["alarm"]).is_none());
///
/// let (mut desired, mut reported) = (Document::<64>::new(), Document::<64>::new());
/// desired.set(&["min"], 5)?;
/// desired.set(&["max"], 4)?;
/// reported.set(&["battery"], 81)?;
/// let holds = |condition: Condition| condition.holds(desired.as_ref(), reported.as_ref());
/// assert!(holds(CHARGED) && holds(QUIET) && !holds(ORDERED));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum Condition {
    /// Desired has a value at this path, and it passes.
    Desired(&'static [&'static str], Check),
    /// Reported has a value at this path, and it passes.
    Reported(&'static [&'static str], Check),
    /// Of two numbers in desired the first is not above the second. Holds where one is not there.
    Ordered {
        /// Where the lower one stands.
        lower: &'static [&'static str],
        /// Where the upper one stands.
        upper: &'static [&'static str],
    },
    /// Anything else, as a function of desired and reported. It must not panic, and it must always say
    /// the same of the same documents.
    Holds(fn(DocumentRef<'_>, DocumentRef<'_>) -> bool),
}

impl Condition {
    /// Returns whether the condition holds. Cost: one or two look-ups.
    pub fn holds(&self, desired: DocumentRef<'_>, reported: DocumentRef<'_>) -> bool {
        match self {
            Self::Desired(path, check) => passes(desired, path, check),
            Self::Reported(path, check) => passes(reported, path, check),
            Self::Ordered { lower, upper } => {
                let (Some(lower), Some(upper)) = (desired.value(lower), desired.value(upper))
                else {
                    return true;
                };
                match (lower.read::<Number>(), upper.read::<Number>()) {
                    (Ok(lower), Ok(upper)) => lower <= upper,
                    _ => false,
                }
            }
            Self::Holds(function) => function(desired, reported),
        }
    }

    pub(super) const fn is_sound(&self) -> bool {
        match self {
            Self::Desired(_, check) | Self::Reported(_, check) => check.is_sound(),
            Self::Ordered { .. } | Self::Holds(_) => true,
        }
    }
}

fn passes(document: DocumentRef<'_>, path: &[&str], check: &Check) -> bool {
    document
        .value(path)
        .is_some_and(|value| check.judge(value).is_ok())
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Desired(path, check) => write!(f, "Desired({path:?}, {check:?})"),
            Self::Reported(path, check) => write!(f, "Reported({path:?}, {check:?})"),
            Self::Ordered { lower, upper } => write!(f, "Ordered({lower:?}, {upper:?})"),
            Self::Holds(_) => f.write_str("Holds(..)"),
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Condition {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::Desired(path, check) => defmt::write!(f, "Desired({}, {})", path, check),
            Self::Reported(path, check) => defmt::write!(f, "Reported({}, {})", path, check),
            Self::Ordered { lower, upper } => defmt::write!(f, "Ordered({}, {})", lower, upper),
            Self::Holds(_) => defmt::write!(f, "Holds(..)"),
        }
    }
}
