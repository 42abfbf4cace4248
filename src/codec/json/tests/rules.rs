//! Cases for each rule of RFC 8259, in and out.

use alloc::string::String;
use alloc::vec::Vec;
use std::println;

use super::super::{Expected, ReadError, ReadReason, Writer, len, read, write};
use crate::document::{Document, NumberError, Value};
use crate::error::{BufferTooSmall, CapacityError};

fn parsed(text: &[u8]) -> Result<Document<1024>, ReadError> {
    let mut document = Document::new();
    document.set(&["old"], true).unwrap();
    match read(text, document.as_mut()) {
        Ok(()) => Ok(document),
        Err(error) => {
            assert!(document.is_empty(), "an error leaves the empty map");
            Err(error)
        }
    }
}

fn rewritten(text: &str) -> String {
    let document = parsed(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut out = [0; 2048];
    let written = write(document.as_ref(), &mut out).unwrap();
    assert_eq!(len(document.as_ref()), written);
    String::from_utf8(out[..written].to_vec()).unwrap()
}

fn refused(text: &[u8]) -> (usize, ReadReason) {
    match parsed(text) {
        Err(error) => (error.offset, error.reason),
        Ok(document) => panic!("{}: read as {document:?}", String::from_utf8_lossy(text)),
    }
}

#[test]
fn any_value_may_stand_at_the_top() {
    for text in [
        "null", "true", "false", "0", "-1", "\"\"", "{}", "[]", "21.5",
    ] {
        assert_eq!(rewritten(text), text);
        let spaced = alloc::format!(" \n\r\t{text}\t ");
        assert_eq!(rewritten(&spaced), text);
    }
}

#[test]
fn white_space_is_allowed_between_all_tokens() {
    let text = " { \"a\" :\t[ 1 ,\r\n2 , [ ] , { } ] , \"b\" : null } ";
    assert_eq!(rewritten(text), r#"{"a":[1,2,[],{}],"b":null}"#);
    assert_eq!(refused(b"\x0b1").1, ReadReason::Expected(Expected::Value));
    assert_eq!(refused(b"1\x0c").1, ReadReason::Trailing);
    assert_eq!(refused("\u{a0}1".as_bytes()).0, 0);
}

#[test]
fn what_is_missing_or_too_much_is_named_with_its_place() {
    use Expected as E;
    for (text, offset, expected) in [
        ("[1 2]", 3, E::CommaOrArrayEnd),
        ("[1}", 2, E::CommaOrArrayEnd),
        (r#"{"a":1 "b":2}"#, 7, E::CommaOrObjectEnd),
        (r#"{"a":1]"#, 6, E::CommaOrObjectEnd),
        (r#"{"a":1,}"#, 7, E::Key),
        (r#"{,"a":1}"#, 1, E::KeyOrEnd),
        (r"{a:1}", 1, E::KeyOrEnd),
        (r"{1:1}", 1, E::KeyOrEnd),
        (r"{'a':1}", 1, E::KeyOrEnd),
        (r#"{"a" 1}"#, 5, E::Colon),
        (r#"{"a"}"#, 4, E::Colon),
        (r#"{"a":}"#, 5, E::Value),
        (r#"{"a"::1}"#, 5, E::Value),
        ("[1,]", 3, E::Value),
        ("[,1]", 1, E::ValueOrEnd),
        ("[1,,2]", 3, E::Value),
        ("]", 0, E::Value),
        ("}", 0, E::Value),
        (",", 0, E::Value),
        ("tru ", 3, E::Literal),
        ("nul1", 3, E::Literal),
        ("[fals]", 5, E::Literal),
        ("True", 0, E::Value),
        ("NaN", 0, E::Value),
        ("Infinity", 0, E::Value),
        ("-Infinity", 1, E::Digit),
        ("undefined", 0, E::Value),
        ("\u{feff}1", 0, E::Value),
        ("/*c*/1", 0, E::Value),
        ("+1", 0, E::Value),
        (".5", 0, E::Value),
        ("-.5", 1, E::Digit),
        ("- 1", 1, E::Digit),
        ("1.", 2, E::Digit),
        ("[1.]", 3, E::Digit),
        ("[1.e2]", 3, E::Digit),
        ("[1e]", 3, E::Digit),
        ("[1e+]", 4, E::Digit),
        ("[01]", 2, E::CommaOrArrayEnd),
        ("[-01]", 3, E::CommaOrArrayEnd),
        ("[0x1]", 2, E::CommaOrArrayEnd),
        ("[1_0]", 2, E::CommaOrArrayEnd),
    ] {
        // A text that only ends too early has no byte to point at.
        let (at, reason) = refused(text.as_bytes());
        if text.len() > offset {
            assert_eq!(
                (at, reason),
                (offset, ReadReason::Expected(expected)),
                "{text}"
            );
        } else {
            assert_eq!((at, reason), (offset, ReadReason::UnexpectedEnd), "{text}");
        }
    }
    for (text, offset) in [
        ("1 1", 2),
        ("{}}", 2),
        ("[]]", 2),
        ("\"\"a", 2),
        ("00", 1),
        ("truex", 4),
    ] {
        assert_eq!(
            refused(text.as_bytes()),
            (offset, ReadReason::Trailing),
            "{text}"
        );
    }
    for text in [
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "{\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "\"",
        "\"\\",
        "\"\\u00",
        "tru",
        "-",
        "1e",
        "[\"\u{e9}",
    ] {
        assert_eq!(
            refused(text.as_bytes()),
            (text.len(), ReadReason::UnexpectedEnd),
            "{text}"
        );
    }
}

#[test]
fn an_error_reads_as_a_sentence() {
    let text = br#"{"mode":"eco"   "on":true}"#;
    let error = parsed(text).unwrap_err();
    assert_eq!(
        alloc::format!("{error}"),
        "byte 16: expected a comma or the end of the object"
    );
    assert_eq!(
        alloc::format!("{}", parsed(b"[1e200]").unwrap_err()),
        "byte 1: number's power of ten is outside -128 to 127"
    );
}

#[test]
fn escapes_become_the_characters_they_stand_for() {
    for (text, value) in [
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\u20AC\ud83d\ude00""#, "Aé€😀"),
        (r#""\uD834\uDD1E\u0000""#, "𝄞\0"),
        (r#""\uFFFF\udbff\udfff""#, "\u{ffff}\u{10ffff}"),
        (r#""a\u0062c""#, "abc"),
    ] {
        let document = parsed(text.as_bytes()).unwrap();
        assert_eq!(document.value(&[]), Some(Value::String(value)), "{text}");
    }
    let key = parsed(br#"{"\u0061\n":1}"#).unwrap();
    assert_eq!(key.read::<u8>(&["a\n"]), Ok(1));
    for (text, offset, reason) in [
        (r#""\a""#, 2, ReadReason::BadEscape),
        (r#""\x41""#, 2, ReadReason::BadEscape),
        (r#""\'""#, 2, ReadReason::BadEscape),
        (r#""\U0041""#, 2, ReadReason::BadEscape),
        (r#""\u00G0""#, 5, ReadReason::BadEscape),
        (r#""\u004""#, 6, ReadReason::BadEscape),
        (r#""\ud800""#, 7, ReadReason::LoneSurrogate),
        (r#""\ud800x""#, 7, ReadReason::LoneSurrogate),
        (r#""\ud800\n""#, 8, ReadReason::LoneSurrogate),
        (r#""\ud800\u0041""#, 12, ReadReason::LoneSurrogate),
        (r#""\ud800\ud800""#, 12, ReadReason::LoneSurrogate),
        (r#""\udc00""#, 6, ReadReason::LoneSurrogate),
        ("\"\\\u{e9}\"", 2, ReadReason::BadEscape),
    ] {
        assert_eq!(refused(text.as_bytes()), (offset, reason), "{text}");
    }
}

#[test]
fn control_characters_must_be_escaped_and_are() {
    for byte in 0..0x20_u8 {
        let text = [b'"', b'a', byte, b'"'];
        assert_eq!(refused(&text), (2, ReadReason::ControlCharacter));
        let spelled = alloc::format!("\"\\u{byte:04x}\"");
        let short = match byte {
            8 => "\"\\b\"",
            9 => "\"\\t\"",
            10 => "\"\\n\"",
            12 => "\"\\f\"",
            13 => "\"\\r\"",
            _ => &spelled,
        };
        assert_eq!(rewritten(&spelled), short);
    }
    assert_eq!(rewritten("\"\u{7f}\""), "\"\u{7f}\"");
    assert_eq!(rewritten(r#""\/""#), "\"/\"");
}

#[test]
fn text_must_be_utf_8() {
    for (bytes, offset) in [
        (&b"\"\xff\""[..], 1),
        (b"\"\x80\"", 1),
        (b"\"\xc0\x80\"", 1),
        (b"\"\xc1\xbf\"", 1),
        (b"\"\xe0\x9f\xbf\"", 2),
        (b"\"\xed\xa0\x80\"", 2),
        (b"\"\xf0\x8f\xbf\xbf\"", 2),
        (b"\"\xf4\x90\x80\x80\"", 2),
        (b"\"\xf5\x80\x80\x80\"", 1),
        (b"\"\xc3\"", 2),
        (b"\"\xe2\x82\"", 3),
        (b"\"\xe2\x82\\n\"", 3),
        (b"\"abcdefgh\xc3(\"", 10),
        (b"{\"\xc3\":1}", 3),
    ] {
        assert_eq!(
            refused(bytes),
            (offset, ReadReason::InvalidUtf8),
            "{bytes:x?}"
        );
    }
    for text in [
        "é",
        "߿",
        "ࠀ",
        "\u{d7ff}",
        "\u{e000}",
        "\u{ffff}",
        "😀",
        "\u{10ffff}",
    ] {
        let quoted = alloc::format!("\"{text}\"");
        assert_eq!(rewritten(&quoted), quoted);
    }
}

#[test]
fn numbers_are_exact_or_refused() {
    for (text, written) in [
        ("-0", "0"),
        ("-0.0e5", "0"),
        ("21.50", "21.5"),
        ("1E2", "100"),
        ("1e+2", "100"),
        ("100e-2", "1"),
        ("0.1e1", "1"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("12000000000000000000", "12000000000000000000"),
        ("1e127", "1e127"),
        ("0e999999999999", "0"),
        ("1.000000000000000000000000000000", "1"),
        ("0.000001", "0.000001"),
        ("[1,2.5,-3]", "[1,2.5,-3]"),
        ("1234567.125", "1234567.125"),
    ] {
        assert_eq!(rewritten(text), written, "{text}");
    }
    for (text, offset, error) in [
        ("[9223372036854775808]", 1, NumberError::TooPrecise),
        (" 0.12345678901234567891", 1, NumberError::TooPrecise),
        ("{\"a\":1e128}", 5, NumberError::OutOfRange),
        ("1e-129", 0, NumberError::OutOfRange),
        ("1e99999999999999999999", 0, NumberError::OutOfRange),
        ("-1E-99999999999999999999", 0, NumberError::OutOfRange),
    ] {
        assert_eq!(
            refused(text.as_bytes()),
            (offset, ReadReason::Number(error)),
            "{text}"
        );
    }
}

#[test]
fn integers_of_every_width_are_written_as_they_were_read() {
    let mut values: Vec<i64> = (0..63)
        .flat_map(|bit| [1_i64 << bit, (1 << bit) - 1])
        .collect();
    values.extend((0..19).flat_map(|power| {
        let ten = 10_i64.pow(power);
        [ten, ten - 1, ten + 1]
    }));
    values.extend([i64::MAX, i64::MIN, i64::MIN + 1]);
    for value in values {
        for value in [value, value.wrapping_neg()] {
            let text = alloc::format!("{value}");
            assert_eq!(rewritten(&text), text);
        }
    }
    for scale in 1..20_usize {
        for mantissa in ["1", "12", "129", "123456789"] {
            let text = alloc::format!("0.{}{mantissa}", "0".repeat(scale));
            let shown = rewritten(&text);
            assert_eq!(
                parsed(shown.as_bytes()),
                parsed(text.as_bytes()),
                "{text} {shown}"
            );
        }
    }
}

#[test]
fn of_equal_keys_the_last_wins() {
    assert_eq!(rewritten(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    assert_eq!(rewritten(r#"{"a":{"x":1},"\u0061":null}"#), r#"{"a":null}"#);
    assert_eq!(rewritten(r#"{"":1,"":2}"#), r#"{"":2}"#);
}

#[test]
fn members_are_written_shortest_first_then_bytewise() {
    assert_eq!(
        rewritten(r#"{"bb":1,"ba":2,"c":3,"a":4,"":5}"#),
        r#"{"":5,"a":4,"c":3,"ba":2,"bb":1}"#
    );
}

#[test]
fn nesting_is_bounded_and_hostile_depth_ends_at_once() {
    let nested = |open: &str, close: &str, depth| open.repeat(depth) + &close.repeat(depth);
    assert_eq!(rewritten(&nested("[", "]", 16)), nested("[", "]", 16));
    assert_eq!(
        refused(nested("[", "]", 17).as_bytes()),
        (16, ReadReason::TooDeep)
    );
    assert_eq!(
        refused("[".repeat(10_000).as_bytes()),
        (16, ReadReason::TooDeep)
    );
    assert_eq!(
        refused("{\"\":".repeat(10_000).as_bytes()),
        (64, ReadReason::TooDeep)
    );
    assert_eq!(
        refused("[{\"\":".repeat(10_000).as_bytes()),
        (40, ReadReason::TooDeep)
    );
}

#[test]
fn a_key_of_255_bytes_is_the_longest() {
    let text = |len| alloc::format!("{{\"{}\":1}}", "k".repeat(len));
    assert_eq!(rewritten(&text(254)), text(254));
    assert_eq!(rewritten(&text(255)), text(255));
    assert_eq!(
        refused(text(256).as_bytes()),
        (2 + 255, ReadReason::KeyTooLong)
    );
    let escaped = alloc::format!("{{\"{}\\n\":1}}", "k".repeat(255));
    assert_eq!(
        refused(escaped.as_bytes()),
        (2 + 256, ReadReason::KeyTooLong)
    );
}

#[test]
fn a_full_document_is_an_error_with_the_place() {
    let mut document = Document::<12>::new();
    assert_eq!(read(br#"{"a":"12345"}"#, document.as_mut()), Ok(()));
    let full = |needed| {
        ReadReason::Capacity(CapacityError {
            needed,
            capacity: 12,
        })
    };
    for (text, offset, needed) in [
        (&br#"{"a":"1234567"}"#[..], 12, 13),
        (br#"{"a":[[[[]]]]}"#, 7, 14),
        (br#"{"a":1,"b":100000}"#, 17, 13),
        (br#"{"a":"123","abc":true}"#, 14, 13),
    ] {
        let error = read(text, document.as_mut()).unwrap_err();
        assert_eq!((error.offset, error.reason), (offset, full(needed)));
        assert!(document.is_empty());
    }
}

#[test]
fn strings_of_every_length_keep_their_text_and_their_end() {
    for len in 0..200_usize {
        for filler in ["a", "é", "\\n", "\\u00e9"] {
            let text = alloc::format!("{{\"k\":\"{}\",\"l\":1}}", filler.repeat(len));
            let first = parsed(text.as_bytes()).unwrap();
            let again = rewritten(&rewritten(&text));
            assert_eq!(parsed(again.as_bytes()).unwrap(), first);
            assert_eq!(first.read::<&str>(&["k"]).unwrap().chars().count(), len);
        }
    }
}

#[test]
fn a_writer_counts_what_does_not_fit() {
    let document = parsed(br#"{"a":[1,"x\ny",null],"b":{"c":-21.5}}"#).unwrap();
    let whole = len(document.as_ref());
    for size in 0..whole {
        let mut out = [0xAA; 64];
        assert_eq!(
            write(document.as_ref(), &mut out[..size]),
            Err(BufferTooSmall { needed: whole })
        );
        assert!(out[size..].iter().all(|byte| *byte == 0xAA));
    }
    let mut out = [0; 64];
    assert_eq!(write(document.as_ref(), &mut out[..whole]), Ok(whole));
}

#[test]
fn hand_made_json_is_escaped_where_it_must_be() {
    let mut out = [0; 128];
    let mut writer = Writer::new(&mut out);
    assert!(writer.is_empty());
    writer.raw("[");
    writer.string("a\"\\\u{1f}\u{7f}é\n");
    writer.raw(",");
    writer.unsigned(u64::MAX);
    writer.raw(",");
    writer.unsigned(0);
    writer.raw(",");
    writer.number(crate::document::Number::new(-5, -3).unwrap());
    writer.raw(",");
    writer.value(Value::Bool(true));
    writer.raw("]");
    let len = writer.finish().unwrap();
    assert_eq!(
        core::str::from_utf8(&out[..len]).unwrap(),
        "[\"a\\\"\\\\\\u001f\u{7f}é\\n\",18446744073709551615,0,-0.005,true]"
    );
}

/// Runs the files of JSONTestSuite, if their folder is named in the environment.
#[test]
fn the_public_test_suite_agrees() {
    let Some(folder) = std::env::var_os("JSON_TEST_SUITE") else {
        return;
    };
    let mut counted = [0; 2];
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read(&path).unwrap();
        let mut document = Document::<8192>::new();
        let outcome = read(&text, document.as_mut());
        if name.starts_with("y_") {
            assert_eq!(outcome, Ok(()), "{name}");
            counted[0] += 1;
        } else if name.starts_with("n_") {
            assert!(outcome.is_err(), "{name}");
            counted[1] += 1;
        }
    }
    println!("{counted:?}");
}
