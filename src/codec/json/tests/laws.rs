//! Laws of the JSON codec, with `serde_json` as the oracle.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::Value as Model;

use super::super::{ReadError, ReadReason, Reader, Select, len, read, write};
use crate::document::{Document, DocumentRef, Number, Value};

const N: usize = 2048;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z_]{0,12}",
        1 => "[a-c\"\\\\/\u{0}\u{1f}\n\t\u{7f}é€😀]{0,20}",
        1 => "[ -~]{50,80}",
    ]
}

fn scalar() -> impl Strategy<Value = Model> {
    prop_oneof![
        1 => Just(Model::Null),
        2 => any::<bool>().prop_map(Model::from),
        3 => (-300_i64..300).prop_map(Model::from),
        2 => any::<i64>().prop_map(Model::from),
        2 => (-99_999_i32..99_999, 1_i32..6)
            .prop_map(|(mantissa, scale)| Model::from(f64::from(mantissa) / 10_f64.powi(scale))),
        4 => text().prop_map(Model::from),
    ]
}

fn tree() -> impl Strategy<Value = Model> {
    scalar().prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            3 => btree_map(text(), inner.clone(), 0..7)
                .prop_map(|map| Model::Object(map.into_iter().collect())),
            1 => vec(inner, 0..5).prop_map(Model::Array),
        ]
    })
}

/// JSON texts as people and hostile peers write them: white space, escapes, damage.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let pretty = tree().prop_map(|model| serde_json::to_vec_pretty(&model).unwrap());
    let plain = tree().prop_map(|model| model.to_string().into_bytes());
    let whole = prop_oneof![plain, pretty];
    let damage = (any::<prop::sample::Index>(), any::<u8>(), 0..4_u8);
    let damaged = (whole.clone(), vec(damage, 1..4)).prop_map(|(mut bytes, damages)| {
        for (index, byte, kind) in damages {
            let at = index.index(bytes.len().max(1));
            match kind {
                0 => bytes.insert(at, byte),
                1 if at < bytes.len() => bytes[at] = byte,
                2 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, b"{}[],:\"\\0-e."[usize::from(byte) % 12]),
            }
        }
        bytes
    });
    let tokens = vec(
        prop::sample::select(alloc::vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"b\\n\"",
            "\"\\u00e9\"",
            "\"\\ud83d",
            "\\ude00\"",
            "1",
            "-",
            "0",
            ".5",
            "e3",
            " ",
            "\n",
            "true",
            "null",
            "\"",
            "é",
            "fals",
        ]),
        0..24,
    )
    .prop_map(|tokens| tokens.concat().into_bytes());
    prop_oneof![3 => whole, 2 => damaged, 2 => tokens, 1 => vec(any::<u8>(), 0..24)]
}

fn pieces(text: &[u8], sizes: &[usize]) -> (Result<(), ReadError>, Vec<u8>) {
    let mut document = Document::<N>::new();
    let mut reader = Reader::new(document.as_mut(), &Select::All);
    let mut rest = text;
    let mut fed = Ok(());
    for size in sizes.iter().cycle() {
        let (piece, after) = rest.split_at((*size).min(rest.len()));
        fed = reader.feed(piece);
        rest = after;
        if fed.is_err() || rest.is_empty() {
            break;
        }
    }
    let result = fed.and_then(|()| reader.finish());
    (result, document.as_bytes().to_vec())
}

fn model(value: Value<'_>) -> Model {
    match value {
        Value::Null => Model::Null,
        Value::Bool(value) => Model::from(value),
        Value::Number(number) => number.as_i64().map_or_else(
            || Model::from(number.to_string().parse::<f64>().unwrap()),
            Model::from,
        ),
        Value::String(text) => Model::from(text),
        Value::Array(array) => array.iter().map(model).collect(),
        Value::Map(map) => Model::Object(
            map.iter()
                .map(|(key, value)| (key.to_owned(), model(value)))
                .collect(),
        ),
    }
}

/// Integral floats and integers are one number here.
fn normal(value: &Model) -> Model {
    match value {
        Model::Number(number) => {
            let exact = Number::parse(number.to_string().as_bytes());
            match exact.ok().and_then(Number::as_i64) {
                Some(integer) => Model::from(integer),
                None => Model::from(number.to_string().parse::<f64>().unwrap()),
            }
        }
        Model::Array(items) => items.iter().map(normal).collect(),
        Model::Object(map) => Model::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), normal(value)))
                .collect(),
        ),
        Model::Null | Model::Bool(_) | Model::String(_) => value.clone(),
    }
}

/// Equality, but for the last bits of floats: `serde_json` rounds them quickly, not exactly.
fn same(a: &Model, b: &Model) -> bool {
    match (a, b) {
        (Model::Number(a), Model::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            a == b || (a - b).abs() <= a.abs() * 1e-14
        }
        (Model::Array(a), Model::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Model::Object(a), Model::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && same(a.1, b.1))
        }
        _ => a == b,
    }
}

fn written(document: DocumentRef<'_>) -> Vec<u8> {
    let mut out = alloc::vec![0; len(document)];
    let written = write(document, &mut out).unwrap();
    assert_eq!(written, out.len());
    out
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_split_gives_the_same_as_the_whole(text in texts(), sizes in vec(1_usize..12, 1..6)) {
        let whole = pieces(&text, &[text.len().max(1)]);
        prop_assert_eq!(&pieces(&text, &sizes), &whole);
        prop_assert_eq!(&pieces(&text, &[1]), &whole);
        if whole.0.is_err() {
            prop_assert_eq!(&whole.1[..], DocumentRef::EMPTY.as_bytes());
        }
    }

    #[test]
    fn what_is_read_is_canonical_and_written_back_the_same(tree in tree()) {
        let mut document = Document::<8192>::new();
        read(tree.to_string().as_bytes(), document.as_mut()).unwrap();
        prop_assert_eq!(DocumentRef::from_bytes(document.as_bytes()), Ok(document.as_ref()));
        prop_assert!(same(&model(document.as_ref().root()), &normal(&tree)));
        let text = written(document.as_ref());
        let mut again = Document::<8192>::new();
        read(&text, again.as_mut()).unwrap();
        prop_assert_eq!(again, document);
        prop_assert!(same(&normal(&serde_json::from_slice(&text).unwrap()), &normal(&tree)));
    }

    #[test]
    fn it_accepts_what_serde_json_accepts(text in texts()) {
        let mut document = Document::<N>::new();
        let outcome = read(&text, document.as_mut());
        let oracle = serde_json::from_slice::<Model>(&text);
        match (outcome.map_err(|error| error.reason), oracle) {
            (Ok(()), Ok(oracle)) => {
                prop_assert!(same(&model(document.as_ref().root()), &normal(&oracle)));
            }
            (Ok(()), Err(error)) => {
                // It refuses numbers beyond f64.
                prop_assert!(error.to_string().starts_with("number out of range"), "{}", error);
            }
            (Err(ReadReason::Number(_) | ReadReason::Capacity(_) | ReadReason::TooDeep | ReadReason::KeyTooLong), _)
            | (Err(_), Err(_)) => {}
            (Err(reason), Ok(_)) => prop_assert!(false, "refused: {reason}"),
        }
    }

    #[test]
    fn a_tight_buffer_gives_the_same_for_any_split(text in texts(), capacity in 3_usize..120) {
        let fill = |piece: usize| {
            let mut bytes = alloc::vec![0; capacity];
            let mut len = 0;
            let mut document = crate::document::DocumentMut::new(&mut bytes, &mut len).unwrap();
            let mut reader = Reader::new(document.reborrow(), &Select::All);
            let fed = text.chunks(piece).try_for_each(|piece| reader.feed(piece));
            let result = fed.and_then(|()| reader.finish());
            (result, document.as_ref().as_bytes().to_vec())
        };
        let whole = fill(text.len().max(1));
        prop_assert_eq!(&fill(1), &whole);
        prop_assert_eq!(&fill(5), &whole);
        prop_assert!(DocumentRef::from_bytes(&whole.1).is_ok());
    }
}
