//! What is said of a change that desired asks for.

/// What the application says about one change that desired asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Verdict {
    /// It is done: reported says the same from now on.
    Applied,
    /// It will not be done, and is not offered again until its value changes.
    Refused,
    /// Not yet: it stays in the work list.
    Postponed,
}
