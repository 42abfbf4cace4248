//! Cases for each rule of the mapping, in and out.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::{ReadError, ReadReason, Reader, Select, Writer, len, read, write};
use super::{document, hex, said, selected};
use crate::document::{Document, DocumentMut, MAX_DEPTH, NumberError, Value};
use crate::error::{BufferTooSmall, CapacityError};

fn refused(text: &str) -> (usize, ReadReason) {
    match said(text) {
        Err(error) => (error.offset, error.reason),
        Ok(said) => panic!("{text}: read as {said}"),
    }
}

fn written(text: &str) -> String {
    let document = document(text);
    let mut out = [0; 4096];
    let written = write(document.as_ref(), &mut out).unwrap();
    assert_eq!(len(document.as_ref()), written);
    out[..written]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[test]
fn the_bytes_of_the_module_documentation_are_the_bytes_written() {
    for (text, bytes) in [
        ("null", "f6"),
        ("true", "f5"),
        ("23", "17"),
        ("-500", "3901f3"),
        ("21.5", "c4822018d7"),
        ("1e30", "c482181e01"),
        ("\"eco\"", "6365636f"),
        ("[1,[]]", "820180"),
        (r#"{"on":true,"fan":2}"#, "a2626f6ef56366616e02"),
    ] {
        assert_eq!(written(text), bytes, "{text}");
        assert_eq!(said(bytes).as_deref(), Ok(text));
    }
    for (bytes, text) in [
        ("190017", "23"),
        ("f94dc0", "23"),
        ("c24117", "23"),
        ("c49f2018d7ff", "21.5"),
        ("1b8ac7230489e80000", "10000000000000000000"),
        ("7f626563616fff", "\"eco\""),
        ("9f019fffff", "[1,[]]"),
    ] {
        assert_eq!(said(bytes).as_deref(), Ok(text), "{bytes}");
    }
    if cfg!(feature = "float") {
        assert_eq!(said("f94d60").as_deref(), Ok("21.5"));
    }
}

#[test]
fn integers_are_read_in_every_width_and_written_in_the_shortest() {
    for bytes in ["07", "1807", "190007", "1a00000007", "1b0000000000000007"] {
        assert_eq!(said(bytes).as_deref(), Ok("7"));
    }
    for bytes in ["26", "3806", "390006", "3a00000006", "3b0000000000000006"] {
        assert_eq!(said(bytes).as_deref(), Ok("-7"));
    }
    for value in [
        0,
        23,
        24,
        255,
        256,
        65_535,
        65_536,
        4_294_967_295,
        4_294_967_296,
        i64::MAX,
    ] {
        for value in [value, !value] {
            let bytes = written(&value.to_string());
            assert_eq!(said(&bytes), Ok(value.to_string()));
            let width = match value.max(!value) {
                0..24 => 1,
                24..256 => 2,
                256..65_536 => 3,
                65_536..4_294_967_296 => 5,
                _ => 9,
            };
            assert_eq!(bytes.len(), 2 * width, "{value}");
        }
    }
}

#[test]
fn an_integer_beyond_i64_is_kept_if_its_digits_are_few() {
    assert_eq!(
        said("1b8ac7230489e80000").as_deref(),
        Ok("10000000000000000000")
    );
    assert_eq!(
        said("c2488ac7230489e80000").as_deref(),
        Ok("10000000000000000000")
    );
    assert_eq!(
        said("3b8ac7230489e7ffff").as_deref(),
        Ok("-10000000000000000000")
    );
    assert_eq!(written("10000000000000000000"), "c4821301");
    let too_precise = ReadReason::Number(NumberError::TooPrecise);
    assert_eq!(refused("1b8000000000000000"), (0, too_precise));
    assert_eq!(said("3b7fffffffffffffff"), Ok(i64::MIN.to_string()));
    assert_eq!(refused("3b8000000000000000"), (0, too_precise));
}

#[test]
fn bignums_of_up_to_64_bits_are_integers() {
    for (bytes, text) in [
        ("c240", "0"),
        ("c24107", "7"),
        ("c34106", "-7"),
        ("c2420100", "256"),
        ("c24a00000000000000000007", "7"),
        ("c25f41014100ff", "256"),
        ("c1c24107", "7"),
    ] {
        assert_eq!(said(bytes).as_deref(), Ok(text), "{bytes}");
    }
    for bytes in ["c249010000000000000000", "c249c72104048100000001"] {
        assert_eq!(refused(bytes), (1, ReadReason::Bignum));
    }
    for bytes in ["c207", "c26107", "c2f6", "c2c14107", "c280"] {
        assert_eq!(refused(bytes).1, ReadReason::Tag, "{bytes}");
    }
}

#[test]
fn decimal_fractions_are_numbers_in_every_spelling() {
    for (bytes, text) in [
        // The example of §3.4.4.
        ("c48221196ab3", "273.15"),
        ("c48220190866", "215"),
        ("c4820007", "7"),
        ("c4820207", "700"),
        ("c4822000", "0"),
        ("c49f2018d7ff", "21.5"),
        ("c482390000 1b00000000000000d7", "21.5"),
        ("c48220c241d7", "21.5"),
        ("c48220c341d6", "-21.5"),
        ("c49f20c25f41d7ffff", "21.5"),
        ("c1c4822018d7", "21.5"),
        ("82c4822018d7c4822018d8", "[21.5,21.6]"),
        ("a16161c49f2018d7ff", r#"{"a":21.5}"#),
        ("9fc49f2018d7ffff", "[21.5]"),
        ("c482187f01", "1e127"),
    ] {
        assert_eq!(said(bytes).as_deref(), Ok(text), "{bytes}");
    }
    for bytes in [
        "c407",
        "c48120",
        "c483200707",
        "c482f90000 07",
        "c48220f93c00",
        "c482206107",
        "c482c24101 07",
        "c48220c107",
        "c4a12007",
        "c49f200707ff",
        "c4c48220 07",
        "c48220c48220 07",
    ] {
        assert_eq!(refused(bytes).1, ReadReason::Tag, "{bytes}");
    }
    for bytes in ["c49fff", "c49f20ff"] {
        assert_eq!(refused(bytes).1, ReadReason::Tag, "{bytes}");
    }
    assert_eq!(refused("c48220ff").1, ReadReason::Malformed);
    let out_of_range = ReadReason::Number(NumberError::OutOfRange);
    for bytes in [
        "c482188001",
        "c482388001",
        "c4821bffffffffffffffff01",
        "c4823bffffffffffffffff01",
    ] {
        assert_eq!(refused(bytes).1, out_of_range, "{bytes}");
    }
    assert_eq!(said("c4821bffffffffffffffff00").as_deref(), Ok("0"));
}

#[test]
fn floats_are_exact_small_integers_without_the_feature() {
    for (bytes, text) in [
        ("f94900", "10"),
        ("f96400", "1024"),
        ("f9fbff", "-65504"),
        ("fa4b7fffff", "16777215"),
        ("fb433fffffffffffff", "9007199254740991"),
        ("fbc33fffffffffffff", "-9007199254740991"),
        ("fa80000000", "0"),
        ("fb8000000000000000", "0"),
    ] {
        assert_eq!(said(bytes).as_deref(), Ok(text), "{bytes}");
    }
    // Neighbours that are not integers, or integers whose neighbours are not all floats.
    for (bytes, text) in [
        ("f93555", "0.33325195"),
        ("f903ff", "0.00006097555"),
        ("f98001", "-59604645e-15"),
        ("fa4b800000", "16777216"),
        ("fa4c000001", "33554436"),
        ("fa00000001", "1e-45"),
        ("fb4340000000000000", "9007199254740992"),
        ("fb3fb999999999999a", "0.1"),
        ("fa3dcccccd", "0.1"),
        ("fbbfe0000000000000", "-0.5"),
    ] {
        if cfg!(feature = "float") {
            assert_eq!(said(bytes).as_deref(), Ok(text), "{bytes}");
        } else {
            assert_eq!(refused(bytes), (0, ReadReason::Float), "{bytes}");
        }
    }
}

#[cfg(feature = "float")]
#[test]
fn every_half_is_the_number_of_the_single_it_equals() {
    for bits in 0..=u16::MAX {
        let exponent = i32::from(bits >> 10 & 0x1F);
        let fraction = f32::from(bits & 0x3FF);
        let magnitude = match exponent {
            0x1F => continue,
            0 => fraction * 2_f32.powi(-24),
            _ => (fraction + 1024.0) * 2_f32.powi(exponent - 25),
        };
        let single = if bits & 0x8000 != 0 {
            -magnitude
        } else {
            magnitude
        };
        let mut bytes = alloc::vec![0xF9];
        bytes.extend(bits.to_be_bytes());
        let mut document = Document::<16>::new();
        read(&bytes, document.as_mut()).unwrap();
        let number = document.root().as_number().unwrap();
        assert_eq!(
            Ok(number),
            crate::document::Number::try_from(single),
            "{bits:04x}"
        );
    }
}

#[test]
fn a_tag_is_ignored_unless_its_content_means_something_else_without_it() {
    for (bytes, text) in [
        ("d9d9f7a0", "{}"),
        ("d9d9f7c0c1d864 07", "7"),
        ("da12345678 6161", "\"a\""),
        ("db123456789abcdef0 80", "[]"),
        ("a1c06161 01", r#"{"a":1}"#),
        ("9fc101ff", "[1]"),
        ("d9010281 01", "[1]"),
    ] {
        assert_eq!(said(bytes).as_deref(), Ok(text), "{bytes}");
    }
    for bytes in [
        "c5820103",
        "d81900",
        "d81d00",
        "d81e820103",
        "d9010882 0103",
        "d90109820103",
    ] {
        assert_eq!(refused(bytes), (0, ReadReason::Tag), "{bytes}");
    }
    assert_eq!(refused("c1").1, ReadReason::UnexpectedEnd);
    assert_eq!(refused("9fc1ff"), (2, ReadReason::Malformed));
    assert_eq!(refused("a1c161"), (3, ReadReason::UnexpectedEnd));
}

#[test]
fn keys_are_text_and_the_last_of_equal_ones_wins() {
    assert_eq!(
        said("a3616101616202616103").as_deref(),
        Ok(r#"{"a":3,"b":2}"#)
    );
    assert_eq!(said("bf7f6161 6162ff01ff").as_deref(), Ok(r#"{"ab":1}"#));
    for bytes in [
        "a10001",
        "a1410001",
        "a1f501",
        "a18001",
        "a1a001",
        "bf0001ff",
        "a1c2410001",
        "a1c482010001",
    ] {
        assert_eq!(refused(bytes), (1, ReadReason::Key), "{bytes}");
    }
    assert_eq!(refused("a1d9d9f70001"), (4, ReadReason::Key));
}

#[test]
fn a_key_of_255_bytes_is_the_longest() {
    let key = |len: usize| {
        let text = "6b".repeat(len);
        format!("a179{len:04x}{text}00")
    };
    assert_eq!(
        said(&key(255)),
        Ok(format!("{{\"{}\":0}}", "k".repeat(255)))
    );
    assert_eq!(refused(&key(256)), (1, ReadReason::KeyTooLong));
    let chunks = format!("a17f7878{}7888{}ff00", "6b".repeat(0x78), "6b".repeat(0x88));
    assert_eq!(refused(&chunks), (124, ReadReason::KeyTooLong));
}

#[test]
fn strings_come_whole_or_in_chunks_of_whole_characters() {
    assert_eq!(said("7fff").as_deref(), Ok("\"\""));
    assert_eq!(said("7f60 6161 60 62c3bc ff").as_deref(), Ok("\"aü\""));
    assert_eq!(refused("7f61c361bcff"), (1, ReadReason::InvalidUtf8));
    assert_eq!(refused("7f4161ff"), (1, ReadReason::Malformed));
    assert_eq!(refused("7f7f6161ffff"), (1, ReadReason::Malformed));
    assert_eq!(refused("7fc16161ff"), (1, ReadReason::Malformed));
    assert_eq!(refused("7f01ff"), (1, ReadReason::Malformed));
    for bytes in ["61ff", "62c328", "63eda080", "62c3", "64f4908080", "61c3"] {
        let (offset, reason) = refused(bytes);
        let cut = bytes == "62c3";
        assert_eq!(offset, if cut { 2 } else { 0 });
        let expected = if cut {
            ReadReason::UnexpectedEnd
        } else {
            ReadReason::InvalidUtf8
        };
        assert_eq!(reason, expected, "{bytes}");
    }
}

#[test]
fn strings_of_every_length_keep_their_text() {
    for len in (0..=300).chain([4000]) {
        for text in ["x", "\"", "\u{1}"] {
            let text = text.repeat(len);
            let mut bytes = Vec::new();
            ciborium::into_writer(&text, &mut bytes).unwrap();
            let mut document = Document::<4096>::new();
            read(&bytes, document.as_mut()).unwrap();
            assert_eq!(document.root().as_str(), Some(&*text));
            let mut out = [0; 4096];
            let len = write(document.as_ref(), &mut out).unwrap();
            assert_eq!(out[..len], bytes);
        }
    }
}

#[test]
fn what_is_not_well_formed_is_refused_at_its_head() {
    for (bytes, offset) in [
        ("1c", 0),
        ("1f", 0),
        ("3e", 0),
        ("5d", 0),
        ("7c", 0),
        ("9e", 0),
        ("bd", 0),
        ("df", 0),
        ("fc", 0),
        ("ff", 0),
        ("81ff", 1),
        ("a1ff", 1),
        ("a16161ff", 3),
        ("bf6161ff", 3),
        ("f800", 0),
        ("f81f", 0),
        ("82 9fff ff", 3),
    ] {
        assert_eq!(refused(bytes), (offset, ReadReason::Malformed), "{bytes}");
    }
}

#[test]
fn what_is_missing_or_too_much_is_named_with_its_place() {
    for bytes in [
        "",
        "18",
        "1900",
        "1a000000",
        "61",
        "62 61",
        "81",
        "9f",
        "a1",
        "a16161",
        "bf",
        "7f",
        "7f6161",
        "c4",
        "c482",
        "c48220",
        "c49f2007",
        "c2",
        "c24201",
        "f9",
        "f900",
        "9f80",
        "fb00000000000000",
    ] {
        assert_eq!(
            refused(bytes),
            (hex(bytes).len(), ReadReason::UnexpectedEnd),
            "{bytes}"
        );
    }
    for bytes in ["0000", "80ff", "a000", "6161f6", "c4822007ff"] {
        assert_eq!(
            refused(bytes),
            (hex(bytes).len() - 1, ReadReason::Trailing),
            "{bytes}"
        );
    }
}

#[test]
fn nesting_is_bounded_and_hostile_depth_ends_at_once() {
    for (open, close) in [("81", ""), ("9f", "ff")] {
        let nest = |depth: usize| format!("{}00{}", open.repeat(depth), close.repeat(depth));
        assert!(said(&nest(MAX_DEPTH)).is_ok());
        assert_eq!(
            refused(&nest(MAX_DEPTH + 1)),
            (MAX_DEPTH, ReadReason::TooDeep)
        );
        assert_eq!(
            refused(&open.repeat(1000)),
            (MAX_DEPTH, ReadReason::TooDeep)
        );
    }
    let tags = format!("{}00", "c1".repeat(1000));
    assert_eq!(said(&tags).as_deref(), Ok("0"));
}

#[test]
fn lengths_that_no_message_has_are_refused_at_once() {
    for bytes in [
        "9b0000000040000000",
        "9bffffffffffffffff",
        "bb0000000020000000",
        "9a40000000",
    ] {
        assert_eq!(refused(bytes), (0, ReadReason::TooLong), "{bytes}");
    }
    assert_eq!(refused("9a3fffffff"), (5, ReadReason::UnexpectedEnd));
    let ReadReason::Capacity(CapacityError { capacity, .. }) = refused("7bffffffffffffffff").1
    else {
        panic!("room for 2^64 bytes");
    };
    assert_eq!(capacity, 4096);
}

#[test]
fn a_full_document_is_an_error_with_the_place_and_the_need() {
    let bytes = hex("a2 6161 01 6162 656c61726765");
    for capacity in 3..=20 {
        let mut buffer = [0; 20];
        let mut len = 0;
        let mut document = DocumentMut::new(&mut buffer[..capacity], &mut len).unwrap();
        let result = read(&bytes, document.reborrow());
        if capacity >= 14 {
            assert_eq!(result, Ok(()));
            continue;
        }
        let ReadError { offset, reason } = result.unwrap_err();
        let ReadReason::Capacity(error) = reason else {
            panic!("{reason}");
        };
        assert_eq!(error.capacity, capacity);
        assert!(error.needed > capacity && error.needed <= 14);
        assert!([1, 3, 4, 6].contains(&offset), "{offset}");
        assert!(document.as_ref().is_empty());
    }
}

#[test]
fn bytes_and_simple_values_have_no_place_in_a_document() {
    assert_eq!(refused("814101"), (1, ReadReason::Bytes));
    assert_eq!(refused("5f4101ff"), (0, ReadReason::Bytes));
    for bytes in ["f7", "e0", "f3", "f820", "f8ff"] {
        assert_eq!(refused(bytes), (0, ReadReason::Simple), "{bytes}");
    }
}

#[test]
fn a_reader_that_failed_says_so_again() {
    let mut document = Document::<64>::new();
    let mut reader = Reader::new(document.as_mut(), &Select::All);
    let error = reader.feed(&[0xA1, 0x00]).unwrap_err();
    assert_eq!(reader.feed(&[0x00]), Err(error));
    assert_eq!(reader.finish(), Err(error));
    assert!(document.is_empty());
    assert_eq!(error.to_string(), "byte 1: a key must be text");
}

#[test]
fn nothing_after_the_end_is_taken_in_another_piece() {
    let mut document = Document::<64>::new();
    let mut reader = Reader::new(document.as_mut(), &Select::All);
    reader.feed(&[0xA0]).unwrap();
    reader.feed(&[]).unwrap();
    let error = reader.feed(&[0x00]).unwrap_err();
    assert_eq!((error.offset, error.reason), (1, ReadReason::Trailing));
}

#[test]
fn a_writer_counts_what_does_not_fit() {
    let document = document(r#"{"a":[1,2.5,"text"],"b":{"c":null}}"#);
    let mut exact = [0; 64];
    let whole = write(document.as_ref(), &mut exact).unwrap();
    for short in 0..whole {
        let mut out = [0; 64];
        let error = write(document.as_ref(), &mut out[..short]);
        assert_eq!(error, Err(BufferTooSmall { needed: whole }));
        assert!(out[short..].iter().all(|byte| *byte == 0));
    }
    assert_eq!(len(document.as_ref()), whole);
}

#[test]
fn values_are_written_as_the_documents_they_are() {
    let document = document(r#"{"a":[1,-2.5,"text",{"b":[]}],"c":[null,true,false]}"#);
    let mut by_value = [0; 64];
    let mut writer = Writer::new(&mut by_value);
    assert!(writer.is_empty());
    let entries: Vec<_> = document.entries().collect();
    writer.map(entries.len());
    for (key, value) in entries {
        writer.text(key);
        if let Value::Array(items) = value {
            writer.array(items.iter().count());
            items.iter().for_each(|item| writer.value(item));
        }
    }
    let len = writer.finish().unwrap();
    let mut whole = [0; 64];
    assert_eq!(write(document.as_ref(), &mut whole), Ok(len));
    assert_eq!(by_value, whole);
}

#[test]
fn maps_of_every_size_have_the_head_of_their_size() {
    for entries in [0, 1, 22, 23, 24, 25, 255, 256, 257] {
        let text: Vec<String> = (0..entries).map(|key| format!("\"{key:03}\":0")).collect();
        let text = format!("{{{}}}", text.join(","));
        let bytes = written(&text);
        let head = match entries {
            0..24 => format!("{:02x}", 0xA0 + entries),
            24..256 => format!("b8{entries:02x}"),
            _ => format!("b9{entries:04x}"),
        };
        assert!(bytes.starts_with(&head), "{bytes}");
        assert_eq!(selected(&hex(&bytes), &Select::All), Ok(text));
    }
}

#[test]
fn a_container_that_a_string_in_chunks_completes_is_complete() {
    assert_eq!(said("81 7fff").as_deref(), Ok("[\"\"]"));
    assert_eq!(refused("81 7fff ffff 04").1, ReadReason::Trailing);
    assert_eq!(
        refused("8a 29 00 00 01 181a 192001 00 00 3b7f7f7f7f7f7f7f7f 7fff ffff").1,
        ReadReason::Trailing
    );
}
