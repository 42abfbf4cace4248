//! Stored bytes: every kind of bad byte is refused, and nothing that is good.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::super::{DocumentRef, FormatReason, MAX_DEPTH};
use super::laws::{document, tree};

#[test]
fn each_kind_of_bad_byte_is_refused_where_it_stands() {
    use FormatReason::{KeyOrder, NotCanonical, Text, Trailing, Truncated, UnknownTag};
    let cases: &[(&str, &[u8], usize, FormatReason)] = &[
        ("nothing", &[], 0, Truncated),
        ("a second value", &[0x01, 0x02], 1, Trailing),
        ("bytes behind a map", &[0xCB, 0, 0, 0], 3, Trailing),
        ("a tag that is none", &[0x87], 0, UnknownTag),
        ("a tag that is none", &[0xC3], 0, UnknownTag),
        ("a tag between constants and text", &[0xBF], 0, UnknownTag),
        ("a tag above maps", &[0xCC, 0, 0], 0, UnknownTag),
        ("the highest tag", &[0xFF, 0, 0], 0, UnknownTag),
        ("text cut off", &[0x42, b'a'], 0, Truncated),
        ("a long text's length cut off", &[0xC8, 64], 0, Truncated),
        ("a number cut off", &[0x82, 0, 0, 1], 0, Truncated),
        ("a map's length cut off", &[0xCB, 1], 0, Truncated),
        (
            "a map longer than the bytes",
            &[0xCB, 9, 0, 1, b'a', 1],
            0,
            Truncated,
        ),
        (
            "an entry longer than its map",
            &[0xCB, 3, 0, 1, b'a', 0x41, b'x'],
            5,
            Truncated,
        ),
        (
            "a key without a value",
            &[0xCB, 2, 0, 1, b'a'],
            3,
            Truncated,
        ),
        (
            "a key longer than its map",
            &[0xCB, 2, 0, 9, 1],
            3,
            Truncated,
        ),
        (
            "a long key without its length",
            &[0xCB, 1, 0, 0xFF],
            3,
            Truncated,
        ),
        (
            "an item longer than its array",
            &[0xCA, 1, 0, 0x80, 0x80],
            3,
            Truncated,
        ),
        ("63 in a byte", &[0x80, 63], 0, NotCanonical),
        ("-1 in two bytes", &[0x81, 0xFF, 0xFF], 0, NotCanonical),
        ("127 in two bytes", &[0x81, 127, 0], 0, NotCanonical),
        ("127 in four bytes", &[0x82, 127, 0, 0, 0], 0, NotCanonical),
        (
            "1 in eight bytes",
            &[0x83, 1, 0, 0, 0, 0, 0, 0, 0],
            0,
            NotCanonical,
        ),
        (
            "a decimal that is an integer",
            &[0x84, 21, 0, 0],
            0,
            NotCanonical,
        ),
        (
            "a decimal that could be an integer",
            &[0x84, 21, 0, 1],
            0,
            NotCanonical,
        ),
        ("21.50", &[0x85, 0x66, 0x08, 0, 0, 0xFE], 0, NotCanonical),
        (
            "a decimal with a trailing zero",
            &[0x84, 10, 0, 0xFE],
            0,
            NotCanonical,
        ),
        (
            "a short mantissa in four bytes",
            &[0x85, 215, 0, 0, 0, 0xFF],
            0,
            NotCanonical,
        ),
        ("zero with an exponent", &[0x84, 0, 0, 5], 0, NotCanonical),
        (
            "short text that needs escaping",
            &[0x41, b'"'],
            0,
            NotCanonical,
        ),
        (
            "escaped text that needs none",
            &[0xC9, 1, 0, b'a'],
            0,
            NotCanonical,
        ),
        (
            "long text that is short",
            &[0xC8, 1, 0, b'a'],
            0,
            NotCanonical,
        ),
        (
            "a long key that is short",
            &[0xCB, 4, 0, 0xFF, 1, b'a', 1],
            3,
            NotCanonical,
        ),
        (
            "a short key that needs escaping",
            &[0xCB, 3, 0, 1, b'\n', 1],
            3,
            NotCanonical,
        ),
        (
            "keys out of order",
            &[0xCB, 6, 0, 1, b'b', 1, 1, b'a', 1],
            6,
            KeyOrder,
        ),
        (
            "a longer key first",
            &[0xCB, 7, 0, 2, b'a', b'a', 1, 1, b'b', 1],
            7,
            KeyOrder,
        ),
        (
            "a key twice",
            &[0xCB, 6, 0, 1, b'a', 1, 1, b'a', 2],
            6,
            KeyOrder,
        ),
        ("text that is no UTF-8", &[0x41, 0xFF], 0, Text),
        ("half a character", &[0x41, 0xC3], 0, Text),
        ("a surrogate", &[0x43, 0xED, 0xA0, 0x80], 0, Text),
        ("a key that is no UTF-8", &[0xCB, 3, 0, 1, 0x80, 1], 3, Text),
    ];
    for (name, bytes, offset, reason) in cases {
        let error = DocumentRef::from_bytes(bytes).expect_err(name);
        assert_eq!(
            (error.offset, error.reason),
            (*offset, *reason),
            "{name}: {bytes:02X?}"
        );
    }
}

/// A document as the format's description has it, read and written without the crate's code.
#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Simple(u8),
    Number(i128, i32),
    Text(String),
    Array(Vec<Self>),
    /// Ordered by length, then bytes.
    Map(BTreeMap<(usize, String), Self>),
}

fn take<'a>(bytes: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (front, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(front)
}

fn little(bytes: &[u8]) -> i128 {
    let sign = if bytes.last().is_some_and(|byte| *byte > 0x7F) {
        -1
    } else {
        0
    };
    bytes
        .iter()
        .rev()
        .fold(sign, |value, byte| (value << 8) | i128::from(*byte))
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

fn decode(bytes: &mut &[u8], depth: usize) -> Option<Tree> {
    let tag = take(bytes, 1)?[0];
    let sized = |bytes: &mut &[u8]| -> Option<Vec<u8>> {
        let len = take(bytes, 2)?;
        Some(take(bytes, usize::from(len[0]) + 256 * usize::from(len[1]))?.to_vec())
    };
    Some(match tag {
        0x00..=0x3F => Tree::Number(i128::from(tag), 0),
        0x40..=0x7F => Tree::Text(text(take(bytes, usize::from(tag) - 0x40)?)?),
        0x80..=0x83 => Tree::Number(little(take(bytes, 1 << (tag - 0x80))?), 0),
        0x84..=0x86 => {
            let mantissa = little(take(bytes, 2 << (tag - 0x84))?);
            Tree::Number(mantissa, i32::try_from(little(take(bytes, 1)?)).ok()?)
        }
        0xC0..=0xC2 => Tree::Simple(tag),
        0xC8 | 0xC9 => Tree::Text(text(&sized(bytes)?)?),
        0xCA | 0xCB if depth == MAX_DEPTH => return None,
        0xCA => {
            let inner = sized(bytes)?;
            let (mut rest, mut items) = (&inner[..], Vec::new());
            while !rest.is_empty() {
                items.push(decode(&mut rest, depth + 1)?);
            }
            Tree::Array(items)
        }
        0xCB => {
            let inner = sized(bytes)?;
            let (mut rest, mut entries) = (&inner[..], BTreeMap::new());
            while !rest.is_empty() {
                let mut len = take(&mut rest, 1)?[0];
                if len == 0xFF {
                    len = take(&mut rest, 1)?[0];
                }
                let key = text(take(&mut rest, usize::from(len))?)?;
                entries.insert((key.len(), key), decode(&mut rest, depth + 1)?);
            }
            Tree::Map(entries)
        }
        _ => return None,
    })
}

fn encode(tree: &Tree, out: &mut Vec<u8>) {
    let escape = |text: &str| text.chars().any(|c| c < ' ' || c == '"' || c == '\\');
    let sized = |out: &mut Vec<u8>, tag: u8, inner: &[u8]| {
        out.push(tag);
        out.extend(u16::try_from(inner.len()).unwrap().to_le_bytes());
        out.extend(inner);
    };
    match tree {
        Tree::Simple(tag) => out.push(*tag),
        Tree::Number(mantissa, exponent) => {
            let (mut mantissa, mut exponent) = (*mantissa, *exponent);
            while mantissa != 0 && mantissa % 10 == 0 {
                (mantissa, exponent) = (mantissa / 10, exponent + 1);
            }
            let whole = u32::try_from(exponent)
                .ok()
                .and_then(|exponent| mantissa.checked_mul(10_i128.checked_pow(exponent)?));
            match whole.filter(|whole| i64::try_from(*whole).is_ok()) {
                _ if mantissa == 0 => out.push(0),
                Some(whole @ 0..=63) => out.push(u8::try_from(whole).unwrap()),
                Some(whole) => {
                    let step = (0..4)
                        .find(|step| whole >> (8 * (1 << step) - 1) == whole >> 127)
                        .unwrap();
                    out.push(0x80 + step);
                    out.extend(&whole.to_le_bytes()[..1 << step]);
                }
                None => {
                    let step = (0..3)
                        .find(|step| mantissa >> (8 * (2 << step) - 1) == mantissa >> 127)
                        .unwrap();
                    out.push(0x84 + step);
                    out.extend(&mantissa.to_le_bytes()[..2 << step]);
                    out.extend(exponent.to_le_bytes().first());
                }
            }
        }
        Tree::Text(text) if escape(text) => sized(out, 0xC9, text.as_bytes()),
        Tree::Text(text) if text.len() > 63 => sized(out, 0xC8, text.as_bytes()),
        Tree::Text(text) => {
            out.push(0x40 + u8::try_from(text.len()).unwrap());
            out.extend(text.bytes());
        }
        Tree::Array(items) => {
            let mut inner = Vec::new();
            items.iter().for_each(|item| encode(item, &mut inner));
            sized(out, 0xCA, &inner);
        }
        Tree::Map(entries) => {
            let mut inner = Vec::new();
            for ((len, key), value) in entries {
                if *len == 255 || escape(key) {
                    inner.push(0xFF);
                }
                inner.push(u8::try_from(*len).unwrap());
                inner.extend(key.bytes());
                encode(value, &mut inner);
            }
            sized(out, 0xCB, &inner);
        }
    }
}

/// Bytes are valid exactly if reading and writing them gives the same bytes.
fn is_valid(bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let Some(tree) = decode(&mut rest, 0) else {
        return false;
    };
    let mut again = Vec::new();
    encode(&tree, &mut again);
    rest.is_empty() && again == bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn damaged_documents_are_refused_exactly_when_they_are_not_canonical(
        tree in tree(true),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in any::<prop::sample::Index>(),
        truncate: bool,
    ) {
        let mut bytes = document(&tree).as_bytes().to_vec();
        prop_assert!(is_valid(&bytes));
        for (at, flip) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        if truncate {
            bytes.truncate(cut.index(bytes.len()));
        }
        prop_assert_eq!(DocumentRef::from_bytes(&bytes).is_ok(), is_valid(&bytes), "{:02X?}", bytes);
    }

    #[test]
    fn random_bytes_are_accepted_exactly_when_they_are_canonical(
        bytes in proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0x41), 0x80_u8..0x88, 0xC0_u8..0xCD, any::<u8>()], 0..12),
    ) {
        prop_assert_eq!(DocumentRef::from_bytes(&bytes).is_ok(), is_valid(&bytes), "{:02X?}", bytes);
    }
}
