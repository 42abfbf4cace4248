//! RFC 8949 appendix A, row by row.

use super::super::{ReadReason, read, write};
use super::{document, hex, said};
use crate::document::{Document, NumberError};

/// What becomes of a row.
enum Fate {
    /// It is this, and is written back as it was.
    Same(&'static str),
    /// It is this, and is written differently: see [`Fate::rewritten`].
    Is(&'static str, &'static str),
    /// It is this with the feature `float`, and is refused without.
    Float(&'static str),
    /// It is refused.
    No(ReadReason),
}

use Fate::{Float, Is, No, Same};

const NOT_FINITE: Fate = No(ReadReason::Number(NumberError::NotFinite));
const TOO_PRECISE: Fate = No(ReadReason::Number(NumberError::TooPrecise));
const TO_25: &str = "98190102030405060708090a0b0c0d0e0f101112131415161718181819";

const ROWS: &[(&str, Fate)] = &[
    ("00", Same("0")),
    ("01", Same("1")),
    ("0a", Same("10")),
    ("17", Same("23")),
    ("1818", Same("24")),
    ("1819", Same("25")),
    ("1864", Same("100")),
    ("1903e8", Same("1000")),
    ("1a000f4240", Same("1000000")),
    ("1b000000e8d4a51000", Same("1000000000000")),
    ("1bffffffffffffffff", TOO_PRECISE),
    ("c249010000000000000000", No(ReadReason::Bignum)),
    ("3bffffffffffffffff", TOO_PRECISE),
    ("c349010000000000000000", No(ReadReason::Bignum)),
    ("20", Same("-1")),
    ("29", Same("-10")),
    ("3863", Same("-100")),
    ("3903e7", Same("-1000")),
    ("f90000", Is("0", "00")),
    ("f98000", Is("0", "00")),
    ("f93c00", Is("1", "01")),
    ("fb3ff199999999999a", Float("1.1")),
    ("f93e00", Float("1.5")),
    ("f97bff", Is("65504", "19ffe0")),
    ("fa47c35000", Is("100000", "1a000186a0")),
    // The shortest decimal of a single; the appendix shows that of a double.
    ("fa7f7fffff", Float("34028235e31")),
    ("fb7e37e43c8800759c", No(ReadReason::Float)),
    ("f90001", Float("59604645e-15")),
    ("f90400", Float("0.000061035156")),
    ("f9c400", Is("-4", "23")),
    ("fbc010666666666666", Float("-4.1")),
    ("f97c00", NOT_FINITE),
    ("f97e00", NOT_FINITE),
    ("f9fc00", NOT_FINITE),
    ("fa7f800000", NOT_FINITE),
    ("fa7fc00000", NOT_FINITE),
    ("faff800000", NOT_FINITE),
    ("fb7ff0000000000000", NOT_FINITE),
    ("fb7ff8000000000000", NOT_FINITE),
    ("fbfff0000000000000", NOT_FINITE),
    ("f4", Same("false")),
    ("f5", Same("true")),
    ("f6", Same("null")),
    ("f7", No(ReadReason::Simple)),
    ("f0", No(ReadReason::Simple)),
    ("f8ff", No(ReadReason::Simple)),
    (
        "c074323031332d30332d32315432303a30343a30305a",
        Is(
            "\"2013-03-21T20:04:00Z\"",
            "74323031332d30332d32315432303a30343a30305a",
        ),
    ),
    ("c11a514b67b0", Is("1363896240", "1a514b67b0")),
    ("c1fb41d452d9ec200000", Float("1363896240.5")),
    ("d74401020304", No(ReadReason::Bytes)),
    ("d818456449455446", No(ReadReason::Bytes)),
    (
        "d82076687474703a2f2f7777772e6578616d706c652e636f6d",
        Is(
            "\"http://www.example.com\"",
            "76687474703a2f2f7777772e6578616d706c652e636f6d",
        ),
    ),
    ("40", No(ReadReason::Bytes)),
    ("4401020304", No(ReadReason::Bytes)),
    ("60", Same("\"\"")),
    ("6161", Same("\"a\"")),
    ("6449455446", Same("\"IETF\"")),
    ("62225c", Same(r#""\"\\""#)),
    ("62c3bc", Same("\"\u{fc}\"")),
    ("63e6b0b4", Same("\"\u{6c34}\"")),
    ("64f0908591", Same("\"\u{10151}\"")),
    ("80", Same("[]")),
    ("83010203", Same("[1,2,3]")),
    ("8301820203820405", Same("[1,[2,3],[4,5]]")),
    (TO_25, Same(NUMBERS)),
    ("a0", Same("{}")),
    ("a201020304", No(ReadReason::Key)),
    ("a26161016162820203", Same(r#"{"a":1,"b":[2,3]}"#)),
    ("826161a161626163", Same(r#"["a",{"b":"c"}]"#)),
    (
        "a56161614161626142616361436164614461656145",
        Same(r#"{"a":"A","b":"B","c":"C","d":"D","e":"E"}"#),
    ),
    ("5f42010243030405ff", No(ReadReason::Bytes)),
    (
        "7f657374726561646d696e67ff",
        Is("\"streaming\"", "6973747265616d696e67"),
    ),
    ("9fff", Is("[]", "80")),
    (
        "9f018202039f0405ffff",
        Is("[1,[2,3],[4,5]]", "8301820203820405"),
    ),
    (
        "9f01820203820405ff",
        Is("[1,[2,3],[4,5]]", "8301820203820405"),
    ),
    (
        "83018202039f0405ff",
        Is("[1,[2,3],[4,5]]", "8301820203820405"),
    ),
    (
        "83019f0203ff820405",
        Is("[1,[2,3],[4,5]]", "8301820203820405"),
    ),
    (
        "9f0102030405060708090a0b0c0d0e0f101112131415161718181819ff",
        Is(NUMBERS, TO_25),
    ),
    (
        "bf61610161629f0203ffff",
        Is(r#"{"a":1,"b":[2,3]}"#, "a26161016162820203"),
    ),
    (
        "826161bf61626163ff",
        Is(r#"["a",{"b":"c"}]"#, "826161a161626163"),
    ),
    (
        "bf6346756ef563416d7421ff",
        Is(r#"{"Amt":-2,"Fun":true}"#, "a263416d74216346756ef5"),
    ),
];

const NUMBERS: &str = "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25]";

#[test]
fn each_row_is_read_as_what_it_says_or_refused_by_name() {
    assert_eq!(ROWS.len(), 81);
    for (bytes, fate) in ROWS {
        let outcome = said(bytes).map_err(|error| error.reason);
        match fate {
            Same(text) | Is(text, _) => assert_eq!(outcome.as_deref(), Ok(*text), "{bytes}"),
            Float(text) if cfg!(feature = "float") => {
                assert_eq!(outcome.as_deref(), Ok(*text), "{bytes}");
            }
            Float(_) => assert_eq!(outcome, Err(ReadReason::Float), "{bytes}"),
            // 1e300 is beyond every document.
            No(ReadReason::Float) if cfg!(feature = "float") => assert_eq!(
                outcome,
                Err(ReadReason::Number(NumberError::OutOfRange)),
                "{bytes}"
            ),
            No(reason) => assert_eq!(outcome, Err(*reason), "{bytes}"),
        }
    }
}

#[test]
fn each_row_that_is_read_is_written_in_the_deterministic_form() {
    for (bytes, fate) in ROWS {
        let (text, canonical) = match fate {
            Same(text) => (text, bytes),
            Is(text, canonical) => (text, canonical),
            Float(_) | No(_) => continue,
        };
        let mut out = [0; 64];
        let len = write(document(text).as_ref(), &mut out).unwrap();
        assert_eq!(out[..len], hex(canonical), "{text}");
        let mut again = Document::<256>::new();
        read(&out[..len], again.as_mut()).unwrap();
        assert_eq!(again, document(text));
    }
}
