//! What CoAP has no words for: the versions of a twin, in one elective option.

use super::option;
use crate::protocol::Known;
use crate::protocol::Versions;
use crate::twin::ETag;
use crate::twin::Version;

/// The option in which a service tells the versions of a twin, and a device those that it knows.
///
/// Elective, safe to forward and part of the cache key; its number is of the range for experiments
/// (RFC 7252 §12.2), whose use both ends agree on by speaking this dialect. The value is three numbers,
/// each written as a CBOR unsigned integer (RFC 8949 §3.1, major type 0): the versions of the twin, of
/// desired and of reported. Where a change of desired is asked for or told, the eight bytes of
/// [`ETag::of`] the desired section follow. `03 02 01` are the versions 3, 2 and 1.
pub const TWIN_STATE: u16 = 65_012;

/// The value of the option [`TWIN_STATE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct State {
    pub(super) versions: Versions,
    pub(super) desired: Option<ETag>,
}

impl State {
    pub(super) const fn of(versions: Versions) -> Self {
        Self {
            versions,
            desired: None,
        }
    }

    /// What an asker says that it has; only with the tag of desired.
    pub(super) fn known(self) -> Option<Known> {
        let Self { versions, desired } = self;
        desired.map(|desired| Known { versions, desired })
    }

    /// Writes the value into `out` and returns it.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn write<'o>(&self, out: &'o mut [u8; MAX]) -> &'o [u8] {
        let mut at = 0;
        let mut put = |bytes: &[u8]| {
            let end = bytes.len().wrapping_add(at);
            if let Some(room) = out.get_mut(at..end) {
                room.copy_from_slice(bytes);
                at = end;
            }
        };
        let Versions {
            twin,
            desired,
            reported,
        } = self.versions;
        for version in [twin, desired, reported] {
            let number = version.as_u64();
            let bytes = number.to_be_bytes();
            let (head, len) = match number {
                0..24 => (None, 1),
                24..0x100 => (Some(0x18), 1),
                0x100..0x1_0000 => (Some(0x19), 2),
                0x1_0000..0x1_0000_0000 => (Some(0x1A), 4),
                _ => (Some(0x1B), 8),
            };
            if let Some(head) = head {
                put(&[head]);
            }
            let start = bytes.len().wrapping_sub(len);
            put(bytes.get(start..).unwrap_or_default());
        }
        if let Some(etag) = &self.desired {
            put(etag.as_bytes());
        }
        out.get(..at).unwrap_or_default()
    }

    /// Reads a value; one of another form is none.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn read(value: &[u8]) -> Option<Self> {
        let mut rest = value;
        let mut versions = [Version::ZERO; 3];
        for version in &mut versions {
            let (head, behind) = rest.split_first()?;
            let len = match head {
                0..24 => {
                    *version = Version::new(u64::from(*head));
                    rest = behind;
                    continue;
                }
                0x18 => 1,
                0x19 => 2,
                0x1A => 4,
                0x1B => 8,
                _ => return None,
            };
            let (number, behind) = behind.split_at_checked(len)?;
            let number = number
                .iter()
                .fold(0, |number, byte| number << 8 | u64::from(*byte));
            *version = Version::new(number);
            rest = behind;
        }
        let desired = match rest {
            [] => None,
            rest => Some(ETag::from_bytes(<[u8; 8]>::try_from(rest).ok()?)),
        };
        let [twin, desired_version, reported] = versions;
        Some(Self {
            versions: Versions {
                twin,
                desired: desired_version,
                reported,
            },
            desired,
        })
    }
}

/// The longest value.
pub(super) const MAX: usize = 3 * 9 + 8;

/// A tag of a representation: five bytes of the version that it is of, three of a hash of its content.
///
/// The version is what a precondition can be checked against; the hash tells apart what two lives of a
/// service gave the same version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Tag(pub(super) [u8; 8]);

impl Tag {
    pub(super) fn new(version: Version, content: ETag) -> Self {
        let [_, _, _, a, b, c, d, e] = version.as_u64().to_be_bytes();
        let [x, y, z, ..] = *content.as_bytes();
        Self([a, b, c, d, e, x, y, z])
    }

    /// Writes a version as the value of If-Match: five bytes, no hash.
    pub(super) fn of_version(version: Version) -> [u8; 5] {
        let [_, _, _, bytes @ ..] = version.as_u64().to_be_bytes();
        bytes
    }

    /// Reads the version from the value of If-Match: a whole tag, or its first five bytes.
    pub(super) fn version(value: &[u8]) -> Option<Version> {
        if value.len() != 8 && value.len() != 5 {
            return None;
        }
        let version = value
            .iter()
            .take(5)
            .fold(0, |number, byte| number << 8 | u64::from(*byte));
        Some(Version::new(version))
    }
}

const _: () = assert!(!option::is_critical(TWIN_STATE));

#[cfg(test)]
mod tests {
    use super::{MAX, State, Tag};
    use crate::protocol::Versions;
    use crate::twin::{ETag, Version};

    fn versions(twin: u64, desired: u64, reported: u64) -> Versions {
        Versions {
            twin: Version::new(twin),
            desired: Version::new(desired),
            reported: Version::new(reported),
        }
    }

    #[test]
    fn versions_are_three_cbor_numbers() {
        let mut out = [0; MAX];
        assert_eq!(State::of(versions(3, 2, 1)).write(&mut out), [3, 2, 1]);
        let state = State::of(versions(24, 1000, 1 << 40));
        let bytes = [0x18, 24, 0x19, 3, 232, 0x1B, 0, 0, 1, 0, 0, 0, 0, 0];
        assert_eq!(state.write(&mut out), bytes);
        assert_eq!(State::read(&bytes), Some(state));
    }

    #[test]
    fn the_longest_value_has_room() {
        let state = State {
            versions: versions(u64::MAX, u64::MAX, u64::MAX),
            desired: Some(ETag::from_bytes([7; 8])),
        };
        let mut out = [0; MAX];
        let value = state.write(&mut out);
        assert_eq!(value.len(), MAX);
        assert_eq!(State::read(value), Some(state));
    }

    #[test]
    fn what_is_no_state_is_none() {
        for bad in [
            &b""[..],
            b"\x01",
            b"\x01\x02",
            b"\x01\x02\x18",
            b"\x01\x02\x03\x04",
            b"\x41\x00\x00",
        ] {
            assert_eq!(State::read(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn a_tag_begins_with_its_version() {
        let tag = Tag::new(Version::new(0x0102), ETag::from_bytes([9; 8]));
        assert_eq!(tag.0, [0, 0, 0, 1, 2, 9, 9, 9]);
        assert_eq!(Tag::version(&tag.0), Some(Version::new(0x0102)));
        assert_eq!(
            Tag::version(&Tag::of_version(Version::new(7))),
            Some(Version::new(7))
        );
        assert_eq!(Tag::version(b"abc"), None);
    }
}
