//! The limits of the service, and the open questions about it, each with the answer this adapter gives.

use super::calendar::MAX_FRACTION;
use super::rules;
use super::view::ETAG_SECTIONS;
use crate::codec::json;
use crate::twin::{self, SizeLimits};

/// What an IoT Hub allows, and how it behaves where its documentation is silent or disagrees with what was
/// seen on the wire. [`Policy::new`] is the documented limit, or the recommended answer, to each.
///
/// ```
/// use twinsync::adapter::azure::{KeyCharacters, Policy, SizeCount};
///
/// // As strict as the hub on the edge.
/// let policy = Policy::new()
///     .with_size_count(SizeCount::Json)
///     .with_key_characters(KeyCharacters::Edge);
/// assert_eq!(policy.max_reported, 32 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct Policy {
    /// Largest tags, counted by [`size_count`](Self::size_count). 8 KB.
    pub max_tags: usize,
    /// Largest desired, likewise. 32 KB (8 KB until 2020).
    pub max_desired: usize,
    /// Largest reported, likewise. 32 KB (8 KB until 2020).
    pub max_reported: usize,
    /// How sections are measured. The guide counts characters, the hub on the edge bytes of JSON. Default:
    /// the guide's.
    pub size_count: SizeCount,
    /// Deepest nesting: the section itself is level 0, arrays count. 10.
    pub max_depth: usize,
    /// Longest key in bytes: 1,024. (Documents of this crate hold keys of up to 255 bytes; longer ones are
    /// refused in the same words.)
    pub max_key: usize,
    /// Longest string in bytes: 4,096.
    pub max_string: usize,
    /// Which whole numbers are taken. Default: those of the guide.
    pub integers: Integers,
    /// Which characters keys may not have. The guide and the hub on the edge disagree about `#` and white
    /// space. Default: the guide's.
    pub key_characters: KeyCharacters,
    /// What becomes of `$version` and `$metadata` at the top of a reported patch: unknown for the service,
    /// refused by the hub on the edge like all keys with `$`. Default: refused.
    pub own_members: OwnMembers,
    /// Digits of a second's fraction in times: the guide says milliseconds, traces show seven. Default: 7,
    /// at most that.
    pub fraction_digits: u8,
    /// Which `If-Match` counts. Unquoted ones were ignored by the service without a word, which users took
    /// for a lost update. Default: refused (400).
    pub unquoted_etag: UnquotedEtag,
}

/// How the size of a section is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum SizeCount {
    /// Keys and strings in characters without control characters, a number 8, a Boolean 4, see
    /// [`size`](super::size).
    Characters,
    /// Bytes of compact JSON.
    Json,
}

/// Which whole numbers are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Integers {
    /// From [`MIN_INTEGER`](super::MIN_INTEGER) to [`MAX_INTEGER`](super::MAX_INTEGER).
    Guide,
    /// Whatever a document holds: for a service of one's own.
    Any,
}

/// Which characters keys may not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum KeyCharacters {
    /// Control characters (C0, C1), `.`, `$` and the space.
    Guide,
    /// Those, `#`, and any white space.
    Edge,
}

/// What becomes of `$version` and `$metadata` at the top of a section in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum OwnMembers {
    /// The request is refused (400).
    Refused,
    /// The rest counts: a back-end may send back what it got.
    Ignored,
}

/// What an `If-Match` without quotation marks means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum UnquotedEtag {
    /// The request is refused (400).
    Refused,
    /// The same as a quoted one.
    Taken,
    /// Nothing, as the service did.
    Ignored,
}

/// No section measures more than this many times its canonical bytes: the worst is a number of one byte.
const EXPANSION: usize = 8;

impl Policy {
    /// The documented limits and the recommended answers, as each field's text says.
    pub const fn new() -> Self {
        Self {
            max_tags: 8 * 1024,
            max_desired: 32 * 1024,
            max_reported: 32 * 1024,
            size_count: SizeCount::Characters,
            max_depth: 10,
            max_key: 1_024,
            max_string: 4_096,
            integers: Integers::Guide,
            key_characters: KeyCharacters::Guide,
            own_members: OwnMembers::Refused,
            fraction_digits: MAX_FRACTION,
            unquoted_etag: UnquotedEtag::Refused,
        }
    }

    /// The answers of the hub on the edge where they differ.
    pub const fn edge() -> Self {
        Self::new()
            .with_size_count(SizeCount::Json)
            .with_key_characters(KeyCharacters::Edge)
    }

    /// Returns the rules for the twins of a hub that serves this policy: metadata is kept, twins are made by
    /// the identity registry alone, no null in arrays, the limits of size and nesting. What a twin's rules
    /// can not say (keys, strings, numbers) the [`Service`](super::Service) checks before.
    pub const fn twin(&self) -> twin::Policy {
        let measure = match self.size_count {
            SizeCount::Characters => rules::size,
            SizeCount::Json => json::len,
        };
        let mut sizes = SizeLimits::new(measure, EXPANSION).with_tags(self.max_tags);
        sizes.desired = self.max_desired;
        sizes.reported = self.max_reported;
        twin::Policy::new()
            .with_metadata(true)
            .with_create(false)
            .with_null_in_arrays(false)
            // The section itself counts as one there.
            .with_depth(self.max_depth.saturating_add(1))
            .with_sizes(sizes)
            .with_etag(&ETAG_SECTIONS)
            // Identities that are made anew count anew (iotedge#1493).
            .with_tombstone(crate::time::Duration::ZERO)
    }

    /// With other largest sections, as [`size_count`](Self::size_count) counts.
    pub const fn with_sizes(mut self, tags: usize, desired: usize, reported: usize) -> Self {
        self.max_tags = tags;
        self.max_desired = desired;
        self.max_reported = reported;
        self
    }

    /// With another way to measure sections.
    pub const fn with_size_count(mut self, size_count: SizeCount) -> Self {
        self.size_count = size_count;
        self
    }

    /// With another deepest nesting.
    pub const fn with_max_depth(mut self, levels: usize) -> Self {
        self.max_depth = levels;
        self
    }

    /// With another longest key and string, in bytes.
    pub const fn with_lengths(mut self, key: usize, string: usize) -> Self {
        self.max_key = key;
        self.max_string = string;
        self
    }

    /// With other whole numbers that are taken.
    pub const fn with_integers(mut self, integers: Integers) -> Self {
        self.integers = integers;
        self
    }

    /// With other characters that keys may not have.
    pub const fn with_key_characters(mut self, characters: KeyCharacters) -> Self {
        self.key_characters = characters;
        self
    }

    /// With another answer to `$version` and `$metadata` in a request.
    pub const fn with_own_members(mut self, own_members: OwnMembers) -> Self {
        self.own_members = own_members;
        self
    }

    /// With another number of digits of a second's fraction.
    pub const fn with_fraction_digits(mut self, digits: u8) -> Self {
        self.fraction_digits = digits;
        self
    }

    /// With another meaning of an etag without quotation marks.
    pub const fn with_unquoted_etag(mut self, meaning: UnquotedEtag) -> Self {
        self.unquoted_etag = meaning;
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new()
    }
}
