//! What is still to come of an open container.

/// An open array or map, in four bytes: whether it is a map, whether a break ends it, and the keys and
/// values that are still to come (if a break ends it, their number so far).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level(u32);

const INDEFINITE: u32 = 1 << 31;
const MAP: u32 = 1 << 30;
/// Bits of the count.
const COUNT: u32 = MAP - 1;

impl Level {
    /// Stands for "no container".
    #[cfg(target_pointer_width = "64")]
    pub(super) const ROOT: Self = Self(0);

    /// An array of so many items, or a map of so many entries; `None` if a break ends it. Returns
    /// nothing if there are more than can be counted.
    pub(super) fn new(map: bool, len: Option<u64>) -> Option<Self> {
        let kind = if map { MAP } else { 0 };
        let Some(len) = len else {
            return Some(Self(kind | INDEFINITE));
        };
        let len = u32::try_from(len).ok()?;
        let count = len.checked_mul(if map { 2 } else { 1 })?;
        (count <= COUNT).then_some(Self(kind | count))
    }

    /// Whether a key comes next.
    pub(super) const fn expects_key(self) -> bool {
        self.0 & (MAP | 1) == MAP
    }

    /// Whether nothing more is to come; not known if a break ends it.
    pub(super) const fn is_complete(self) -> bool {
        self.0 & (INDEFINITE | COUNT) == 0
    }

    /// Whether a break may come next.
    pub(super) const fn may_break(self) -> bool {
        self.0 & INDEFINITE != 0 && self.0 & (MAP | 1) != MAP | 1
    }

    /// Counts a key or a value; returns whether it was the last.
    pub(super) const fn step(&mut self) -> bool {
        self.0 = if self.0 & INDEFINITE != 0 {
            self.0 ^ 1
        } else {
            self.0.wrapping_sub(1)
        };
        self.is_complete()
    }
}
