//! Etags: eight bytes that name a twin's content.

use crate::document::DocumentRef;

/// An opaque tag of a content: equal contents have equal tags; different contents have different ones
/// but for one chance in 2^64.
///
/// Its eight bytes are what CoAP allows at most (RFC 7252 §5.10.6); their base64 has the shape of
/// Azure's etags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct ETag([u8; 8]);

impl ETag {
    /// Takes a tag that a peer made.
    pub const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    /// Returns the eight bytes.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }

    /// Computes the tag of a document. Cost: linear in its bytes.
    ///
    /// [Canonical documents](crate::document#bytes) are equal exactly when their bytes are, so the tag is a
    /// hash of the bytes, in 64-bit arithmetic that wraps around. It starts as `CBF29CE484222325` xor the
    /// number of bytes. Each word of eight bytes, little-endian, and then each byte of the rest is taken in
    /// by `hash = (hash xor word) × 100000001B3; hash = hash xor (hash >> 29)`. At the end `hash = (hash xor
    /// (hash >> 32)) × 9E3779B97F4A7C15; hash = hash xor (hash >> 29)`, big-endian.
    ///
    /// ```
    /// use twinsync::document::DocumentRef;
    /// use twinsync::twin::ETag;
    ///
    /// let tag = ETag::of(DocumentRef::EMPTY); // of the bytes CB 00 00
    /// assert_eq!(tag.as_bytes(), &[186, 71, 15, 153, 167, 68, 28, 176]);
    /// ```
    pub fn of(document: DocumentRef<'_>) -> Self {
        Self(hash(document.as_bytes()).to_be_bytes())
    }

    /// The tag of several contents in this order.
    pub(super) fn combined(tags: impl Iterator<Item = Self>) -> Self {
        let hash = tags.fold(START, |hash, tag| step(hash, u64::from_be_bytes(tag.0)));
        Self(finish(hash).to_be_bytes())
    }
}

const START: u64 = 0xCBF2_9CE4_8422_2325;

/// A hash of any bytes. No step forgets anything, so that one changed word always changes it.
#[cfg_attr(target_pointer_width = "32", inline(never))]
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    let mut hash = START ^ u64::try_from(bytes.len()).unwrap_or(0);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        hash = step(hash, u64::from_le_bytes(*word));
    }
    for byte in rest {
        hash = step(hash, u64::from(*byte));
    }
    finish(hash)
}

const fn step(hash: u64, word: u64) -> u64 {
    const PRIME: u64 = 0x0000_0100_0000_01B3;
    let hash = (hash ^ word).wrapping_mul(PRIME);
    hash ^ (hash >> 29)
}

const fn finish(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    use super::ETag;
    use crate::document::Document;

    #[test]
    fn any_change_changes_the_tag() {
        let mut document = Document::<64>::new();
        let empty = ETag::of(document.as_ref());
        document.set(&["a"], 1).unwrap();
        let one = ETag::of(document.as_ref());
        document.set(&["a"], 2).unwrap();
        let two = ETag::of(document.as_ref());
        assert!(empty != one && one != two && empty != two);
        document.set(&["a"], 1).unwrap();
        assert_eq!(ETag::of(document.as_ref()), one);
    }
}
