//! Which parts of a payload are wanted.

/// What to keep of a value; the rest is checked and skipped.
///
/// Made for statics:
///
/// ```
/// use twinsync::codec::{Member, Select};
///
/// static REQUEST: Select = Select::Members(&[
///     Member::of("state", &[Member::all("desired"), Member::all("reported")]),
///     Member::all("version"),
///     Member::all("clientToken"),
/// ]);
/// # let _ = &REQUEST;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Select {
    /// All of it.
    All,
    /// Of an object (a map) these members, under their own names. A value that is not an object is taken as
    /// it is. At most [`Select::MAX_DEPTH`] of these may be nested, and at most 32 members named.
    Members(&'static [Member]),
    /// The same of a CBOR map whose keys are small integers: key n is the n-th member, which gets its name
    /// in the document. A member without a name is not wanted; keys that are no such number are skipped.
    /// JSON has no such keys: there it is the same as [`Select::All`].
    Numbered(&'static [Member]),
}

/// A member of an object, and what is wanted of its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The member's name.
    pub key: &'static str,
    /// What is wanted of its value.
    pub select: Select,
}

impl Select {
    /// Deepest nesting of [`Select::Members`]; a payload that goes deeper is
    /// [`TooDeep`](super::json::ReadReason::TooDeep).
    pub const MAX_DEPTH: usize = 6;
}

impl Member {
    /// Wants all of the member `key`.
    pub const fn all(key: &'static str) -> Self {
        Self {
            key,
            select: Select::All,
        }
    }

    /// Stands for a number that is not wanted in a list of [`Select::Numbered`].
    pub const NONE: Self = Self::all("");

    /// Wants only these members of the member `key`, which are named by number.
    pub const fn numbered(key: &'static str, members: &'static [Self]) -> Self {
        Self {
            key,
            select: Select::Numbered(members),
        }
    }

    /// Wants only these members of the member `key`.
    pub const fn of(key: &'static str, members: &'static [Self]) -> Self {
        Self {
            key,
            select: Select::Members(members),
        }
    }
}

// By hand: a derived one would ask each type for the other's, without end.
#[cfg(feature = "defmt")]
impl defmt::Format for Select {
    fn format(&self, f: defmt::Formatter<'_>) {
        match self {
            Self::All => defmt::write!(f, "all"),
            Self::Members(members) | Self::Numbered(members) => {
                defmt::write!(f, "{=usize} members", members.len());
            }
        }
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Member {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{=str}: {}", self.key, self.select);
    }
}

/// A name that comes in parts, compared with the names that are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Match {
    members: &'static [Member],
    /// A bit for each member whose name starts with what has come so far.
    fits: u32,
    /// How much has come.
    len: usize,
}

impl Match {
    pub(super) const NONE: Self = Self::new(&[]);

    pub(super) const fn new(members: &'static [Member]) -> Self {
        Self {
            members,
            fits: u32::MAX,
            len: 0,
        }
    }

    /// Takes the next part of the name.
    pub(super) fn push(&mut self, part: &[u8]) {
        let mut bit = 1_u32;
        for member in self.members {
            let rest = member.key.as_bytes().get(self.len..);
            if !rest.is_some_and(|rest| rest.starts_with(part)) {
                self.fits &= !bit;
            }
            bit = bit.wrapping_add(bit);
        }
        self.len = self.len.saturating_add(part.len());
    }

    /// Ends the name: the member it is, if it is wanted.
    pub(super) fn finish(&self) -> Option<&'static Member> {
        let mut fits = self.fits;
        self.members.iter().find(|member| {
            let found = fits & 1 != 0 && member.key.len() == self.len;
            fits = fits.wrapping_shr(1);
            found
        })
    }
}
