//! Laws of the CBOR codec, with `ciborium` and `minicbor` as oracles.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use ciborium::Value as Cbor;
use minicbor::Encoder;
use minicbor::data::Tag;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::super::{Decoder, ReadError, ReadReason, Reader, Select, len, read, write};
use crate::document::{Builder, Document, DocumentMut, DocumentRef, Number, Value};

/// What a document says.
#[derive(Clone, Debug)]
enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    Array(Vec<Self>),
    Map(Vec<(String, Self)>),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_]{0,12}",
        1 => "[a-c\"\\\\/\u{0}\u{1f}\n\t\u{7f}é€😀]{0,20}",
        1 => "[ -~]{15,80}",
    ]
}

fn scalar() -> impl Strategy<Value = Tree> {
    prop_oneof![
        1 => Just(Tree::Null),
        2 => any::<bool>().prop_map(Tree::Bool),
        3 => (-300_i64..300).prop_map(|value| Tree::Number(Number::from(value))),
        2 => (any::<i64>(), 0_u32..64).prop_map(|(value, cut)| Tree::Number(Number::from(value >> cut))),
        3 => (any::<i64>(), 0_u32..64, -20_i32..20).prop_map(|(mantissa, cut, exponent)| {
            Tree::Number(Number::new(mantissa >> cut, exponent).unwrap())
        }),
        4 => text().prop_map(Tree::Text),
    ]
}

fn tree() -> impl Strategy<Value = Tree> {
    scalar().prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            3 => btree_map(text(), inner.clone(), 0..7)
                .prop_map(|map| Tree::Map(map.into_iter().collect())),
            1 => vec(inner, 0..5).prop_map(Tree::Array),
        ]
    })
}

fn build(builder: &mut Builder<'_>, tree: &Tree) {
    match tree {
        Tree::Null => builder.value(Value::Null).unwrap(),
        Tree::Bool(value) => builder.value(*value).unwrap(),
        Tree::Number(number) => builder.value(Value::Number(*number)).unwrap(),
        Tree::Text(text) => builder.value(text.as_str()).unwrap(),
        Tree::Array(items) => {
            builder.begin_array().unwrap();
            items.iter().for_each(|item| build(builder, item));
            builder.end().unwrap();
        }
        Tree::Map(entries) => {
            builder.begin_map().unwrap();
            for (key, value) in entries {
                builder.key(key).unwrap();
                build(builder, value);
            }
            builder.end().unwrap();
        }
    }
}

fn document(tree: &Tree) -> Document<8192> {
    let mut document = Document::new();
    let mut builder = document.build();
    build(&mut builder, tree);
    builder.finish().unwrap();
    document
}

/// Chooses among the spellings of one value.
struct Choice<'c>(core::iter::Cycle<core::slice::Iter<'c, u8>>);

impl Choice<'_> {
    fn of(&mut self, options: u8) -> u8 {
        self.0.next().unwrap() % options
    }
}

type Out = Encoder<Vec<u8>>;

fn spell_text(text: &str, out: &mut Out, choice: &mut Choice<'_>) {
    if choice.of(3) > 0 {
        out.str(text).unwrap();
        return;
    }
    out.begin_str().unwrap();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .map(|(at, _)| at)
            .nth(1 + usize::from(choice.of(8)))
            .unwrap_or(rest.len());
        let (chunk, after) = rest.split_at(end);
        out.str(chunk).unwrap();
        rest = after;
    }
    out.end().unwrap();
}

fn spell_integer(value: i64, out: &mut Out, choice: &mut Choice<'_>) {
    let (major, argument) = if value < 0 {
        (0x20, !value)
    } else {
        (0, value)
    };
    let argument = argument.to_be_bytes();
    match choice.of(5) {
        0 => {
            let wide = core::iter::once(major | 27).chain(argument);
            out.writer_mut().extend(wide);
        }
        1 => {
            let tag = if value < 0 { 3 } else { 2 };
            out.tag(Tag::new(tag)).unwrap().bytes(&argument).unwrap();
        }
        2 if value.unsigned_abs() < 1 << 24 => {
            #[expect(clippy::cast_precision_loss, reason = "24 bits are exact")]
            out.f32(value as f32).unwrap();
        }
        3 if value.unsigned_abs() < 1 << 53 => {
            #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
            out.f64(value as f64).unwrap();
        }
        _ => {
            out.i64(value).unwrap();
        }
    }
}

fn spell(tree: &Tree, out: &mut Out, choice: &mut Choice<'_>) {
    if choice.of(6) == 0 {
        out.tag(Tag::new(u64::from(choice.of(2)))).unwrap();
    }
    match tree {
        Tree::Null => drop(out.null().unwrap()),
        Tree::Bool(value) => drop(out.bool(*value).unwrap()),
        Tree::Number(number) if number.exponent() == 0 => {
            spell_integer(number.mantissa(), out, choice);
        }
        Tree::Number(number) => {
            out.tag(Tag::new(4)).unwrap();
            let indefinite = choice.of(2) == 0;
            if indefinite {
                out.begin_array().unwrap();
            } else {
                out.array(2).unwrap();
            }
            out.i8(number.exponent())
                .unwrap()
                .i64(number.mantissa())
                .unwrap();
            if indefinite {
                out.end().unwrap();
            }
        }
        Tree::Text(text) => spell_text(text, out, choice),
        Tree::Array(items) => {
            let indefinite = choice.of(2) == 0;
            if indefinite {
                out.begin_array().unwrap();
            } else {
                out.array(items.len() as u64).unwrap();
            }
            items.iter().for_each(|item| spell(item, out, choice));
            if indefinite {
                out.end().unwrap();
            }
        }
        Tree::Map(entries) => {
            let indefinite = choice.of(2) == 0;
            if indefinite {
                out.begin_map().unwrap();
            } else {
                out.map(entries.len() as u64).unwrap();
            }
            for (key, value) in entries {
                spell_text(key, out, choice);
                spell(value, out, choice);
            }
            if indefinite {
                out.end().unwrap();
            }
        }
    }
}

fn spelled(tree: &Tree, choices: &[u8]) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    spell(tree, &mut out, &mut Choice(choices.iter().cycle()));
    out.into_writer()
}

/// Valid items in all spellings, damaged ones, and rows of heads.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let choices = || vec(any::<u8>(), 1..20);
    let whole = (tree(), choices()).prop_map(|(tree, choices)| spelled(&tree, &choices));
    let damage = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let damaged = (tree(), choices(), vec(damage, 1..4)).prop_map(|(tree, choices, damages)| {
        let mut bytes = spelled(&tree, &choices);
        for (index, byte, kind) in damages {
            let at = index.index(bytes.len().max(1));
            match kind {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.truncate(at),
            }
        }
        bytes
    });
    let head = prop::sample::select(
        &[
            0x00, 0x17, 0x18, 0x19, 0x20, 0x3B, 0x40, 0x41, 0x5F, 0x60, 0x61, 0x62, 0x7F, 0x80,
            0x81, 0x82, 0x9F, 0xA0, 0xA1, 0xA2, 0xBF, 0xC1, 0xC2, 0xC3, 0xC4, 0xC5, 0xF4, 0xF6,
            0xF7, 0xF8, 0xF9, 0xFA, 0xFF_u8,
        ][..],
    );
    prop_oneof![2 => whole, 2 => damaged, 3 => vec(head, 0..16), 1 => vec(any::<u8>(), 0..24)]
}

fn outcome(
    bytes: &[u8],
    piece: usize,
    capacity: usize,
    select: &'static Select,
) -> (Result<(), ReadError>, Vec<u8>) {
    let mut buffer = alloc::vec![0; capacity];
    let mut len = 0;
    let mut document = DocumentMut::new(&mut buffer, &mut len).unwrap();
    let mut reader = Reader::new(document.reborrow(), select);
    let fed = bytes
        .chunks(piece.max(1))
        .try_for_each(|piece| reader.feed(piece));
    let result = fed.and_then(|()| reader.finish());
    (result, document.as_ref().as_bytes().to_vec())
}

fn written(document: DocumentRef<'_>) -> Vec<u8> {
    let mut out = alloc::vec![0; len(document)];
    let written = write(document, &mut out).unwrap();
    assert_eq!(written, out.len());
    out
}

/// `ciborium` stops behind the first item, as its readers may go on.
fn oracle(bytes: &[u8]) -> Option<Cbor> {
    let mut rest = bytes;
    let value = ciborium::from_reader(&mut rest).ok()?;
    rest.is_empty().then_some(value)
}

fn integer(value: &Cbor) -> Option<i128> {
    value.as_integer().map(i128::from)
}

/// Whether a number is `mantissa × 10^exponent`.
fn is(number: Number, mantissa: i128, exponent: i128) -> bool {
    let strip = |mut mantissa: i128, mut exponent: i128| {
        while mantissa != 0 && mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        (mantissa, if mantissa == 0 { 0 } else { exponent })
    };
    strip(number.mantissa().into(), number.exponent().into()) == strip(mantissa, exponent)
}

fn same(value: Value<'_>, oracle: &Cbor) -> bool {
    match (value, oracle) {
        (Value::Number(number), Cbor::Tag(4, parts)) => {
            let parts = parts.as_array().unwrap();
            is(
                number,
                integer(&parts[1]).unwrap(),
                integer(&parts[0]).unwrap(),
            )
        }
        (value, Cbor::Tag(_, content)) => same(value, content),
        (Value::Null, Cbor::Null) => true,
        (Value::Bool(left), Cbor::Bool(right)) => left == *right,
        (Value::Number(number), Cbor::Integer(right)) => is(number, (*right).into(), 0),
        (Value::Number(number), Cbor::Float(right)) => {
            let text = number.to_string();
            text.parse() == Ok(*right) || text.parse().map(f64::from_f32) == Ok(*right)
        }
        (Value::String(left), Cbor::Text(right)) => left == right,
        (Value::Array(left), Cbor::Array(right)) => {
            left.iter().count() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Cbor::Map(right)) => {
            let key = |entry: &Cbor| untagged(entry).as_text().unwrap().to_string();
            // Of equal keys the last wins.
            let right: alloc::collections::BTreeMap<_, _> = right
                .iter()
                .map(|(name, value)| (key(name), value))
                .collect();
            left.iter().count() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|right| same(value, right)))
        }
        _ => false,
    }
}

trait FromSingle {
    fn from_f32(value: f32) -> Self;
}

impl FromSingle for f64 {
    fn from_f32(value: f32) -> Self {
        Self::from(value)
    }
}

fn untagged(mut value: &Cbor) -> &Cbor {
    while let Cbor::Tag(_, content) = value {
        value = content;
    }
    value
}

/// Whether the keys of every map are in the bytewise order of their encodings (RFC 8949 §4.2.1).
fn keys_ascend(value: &Cbor) -> bool {
    let encoded = |key: &Cbor| {
        let mut bytes = Vec::new();
        ciborium::into_writer(key, &mut bytes).unwrap();
        bytes
    };
    match value {
        Cbor::Map(entries) => {
            entries
                .windows(2)
                .all(|pair| encoded(&pair[0].0) < encoded(&pair[1].0))
                && entries.iter().all(|(_, value)| keys_ascend(value))
        }
        Cbor::Array(items) => items.iter().all(keys_ascend),
        _ => true,
    }
}

/// RFC 8949 appendix C: where the item that starts `bytes` ends, if it is well-formed. `ciborium` takes
/// indefinite strings as chunks of indefinite strings, which §3.2.3 forbids.
fn well_formed(bytes: &[u8], breakable: bool) -> Option<(Option<u8>, &[u8])> {
    let (initial, mut rest) = bytes.split_first()?;
    let (major, info) = (initial >> 5, initial & 0x1F);
    let mut argument = u64::from(info);
    if (24..28).contains(&info) {
        let (bytes, after) = rest.split_at_checked(1 << (info - 24))?;
        argument = bytes
            .iter()
            .fold(0, |argument, byte| argument << 8 | u64::from(*byte));
        rest = after;
    } else if (28..31).contains(&info) {
        return None;
    } else if info == 31 {
        match major {
            2 | 3 => loop {
                let chunk = rest.first()? & 0x1F;
                let (kind, after) = well_formed(rest, true)?;
                rest = after;
                match kind {
                    None => break,
                    Some(kind) if kind != major || chunk == 31 => return None,
                    Some(_) => {}
                }
            },
            4 | 5 => loop {
                let (kind, after) = well_formed(rest, true)?;
                rest = after;
                if kind.is_none() {
                    break;
                }
                if major == 5 {
                    rest = well_formed(rest, false)?.1;
                }
            },
            7 => return breakable.then_some((None, rest)),
            _ => return None,
        }
        return Some((Some(major), rest));
    }
    match major {
        2 | 3 => rest = rest.get(usize::try_from(argument).ok()?..)?,
        4..=6 => {
            let items = match major {
                5 => argument.checked_mul(2)?,
                6 => 1,
                _ => argument,
            };
            for _ in 0..items {
                rest = well_formed(rest, false)?.1;
            }
        }
        7 if info == 24 && argument < 32 => return None,
        _ => {}
    }
    Some((Some(major), rest))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_written_is_read_back_byte_by_byte(tree in tree()) {
        let document = document(&tree);
        let bytes = written(document.as_ref());
        let mut again = Document::<8192>::new();
        read(&bytes, again.as_mut()).unwrap();
        prop_assert_eq!(again.as_bytes(), document.as_bytes());
        let oracle = oracle(&bytes).unwrap();
        prop_assert!(same(document.as_ref().root(), &oracle), "{:?}", oracle);
        let mut decoder = minicbor::Decoder::new(&bytes);
        decoder.skip().unwrap();
        prop_assert_eq!(decoder.position(), bytes.len());
    }

    #[test]
    fn what_is_written_is_deterministic(tree in tree()) {
        let bytes = written(document(&tree).as_ref());
        let oracle = oracle(&bytes).unwrap();
        prop_assert!(keys_ascend(&oracle));
        // It writes the shortest heads and definite lengths, and keeps the order of the keys.
        let mut again = Vec::new();
        ciborium::into_writer(&oracle, &mut again).unwrap();
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn every_spelling_is_read_as_the_same_document(tree in tree(), choices in vec(any::<u8>(), 1..20)) {
        let bytes = spelled(&tree, &choices);
        let mut read_back = Document::<8192>::new();
        prop_assert_eq!(read(&bytes, read_back.as_mut()), Ok(()));
        let document = document(&tree);
        prop_assert_eq!(read_back.as_bytes(), document.as_bytes());
    }

    #[test]
    fn any_split_gives_the_same_as_the_whole(bytes in messages(), size in 2_usize..12, capacity in 3_usize..200) {
        static SOME: Select = Select::Members(&[super::super::Member::all("a"), super::super::Member::all("")]);
        for capacity in [2048, capacity] {
            for select in [&Select::All, &SOME] {
                let whole = outcome(&bytes, bytes.len(), capacity, select);
                prop_assert_eq!(&outcome(&bytes, size, capacity, select), &whole);
                prop_assert_eq!(&outcome(&bytes, 1, capacity, select), &whole);
                match &whole.0 {
                    Ok(()) => prop_assert!(DocumentRef::from_bytes(&whole.1).is_ok()),
                    Err(error) => {
                        prop_assert!(error.offset <= bytes.len());
                        prop_assert_eq!(&whole.1[..], DocumentRef::EMPTY.as_bytes());
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_accepted_means_what_ciborium_says(bytes in messages()) {
        let mut document = Document::<2048>::new();
        let outcome = read(&bytes, document.as_mut()).map_err(|error| error.reason);
        let well_formed = well_formed(&bytes, false).is_some_and(|(_, rest)| rest.is_empty());
        match outcome {
            Ok(()) => {
                prop_assert!(well_formed, "accepted {bytes:02x?}");
                prop_assert!(same(document.as_ref().root(), &oracle(&bytes).unwrap()));
            }
            Err(ReadReason::UnexpectedEnd | ReadReason::Trailing | ReadReason::Malformed) => {
                prop_assert!(!well_formed, "refused {bytes:02x?}");
            }
            Err(ReadReason::InvalidUtf8) => prop_assert!(oracle(&bytes).is_none() || !well_formed),
            Err(_) => {}
        }
    }

    #[test]
    fn what_is_skipped_is_as_long_as_what_is_read(bytes in messages(), behind in vec(any::<u8>(), 0..4)) {
        let mut document = Document::<2048>::new();
        let message = [&bytes[..], &behind[..]].concat();
        let mut reading = Decoder::new(&message);
        let mut skipping = Decoder::new(&message);
        let skipped = skipping.skip();
        if reading.document(document.as_mut()).is_ok() {
            prop_assert_eq!(skipped, Ok(()));
            prop_assert_eq!(reading, skipping);
        } else {
            prop_assert_eq!(reading.offset(), 0);
            prop_assert!(document.is_empty());
        }
    }
}
