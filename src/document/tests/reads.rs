//! Typed reads, look-ups and the walk over leaves.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::super::{Document, Number, TypeError, Value};

fn sample() -> Document<256> {
    let mut document = Document::new();
    document.set(&["on"], true).unwrap();
    document.set(&["name"], "Küche \"A\"").unwrap();
    document.set(&["wifi", "channel"], 11).unwrap();
    document.set(&["wifi", "rssi"], -70).unwrap();
    document
        .set(&["setpoint"], Number::new(215, -1).unwrap())
        .unwrap();
    document
        .set(&["empty"], super::super::DocumentRef::EMPTY)
        .unwrap();
    document
}

#[test]
fn a_read_takes_the_type_that_is_asked_for() {
    let document = sample();
    assert_eq!(document.read(&["on"]), Ok(true));
    assert_eq!(document.read(&["name"]), Ok("Küche \"A\""));
    assert_eq!(document.read(&["wifi", "channel"]), Ok(11_u8));
    assert_eq!(document.read(&["wifi", "rssi"]), Ok(-70_i8));
    assert_eq!(
        document.read(&["setpoint"]),
        Number::new(215, -1).map_err(|_| TypeError::Range)
    );
}

#[test]
fn a_read_says_what_is_wrong() {
    let document = sample();
    for path in [
        &["off"][..],
        &["wifi", "off"],
        &["on", "deeper"],
        &["wifi", "channel", "x"],
    ] {
        assert_eq!(
            document.read::<bool>(path),
            Err(TypeError::Missing),
            "{path:?}"
        );
    }
    assert_eq!(document.read::<bool>(&["name"]), Err(TypeError::Mismatch));
    assert_eq!(document.read::<&str>(&["on"]), Err(TypeError::Mismatch));
    assert_eq!(document.read::<i32>(&["wifi"]), Err(TypeError::Mismatch));
    assert_eq!(document.read::<i32>(&["setpoint"]), Err(TypeError::Range));
    assert_eq!(
        document.read::<u8>(&["wifi", "rssi"]),
        Err(TypeError::Range)
    );
}

#[test]
fn integers_are_read_at_the_ends_of_their_range_and_refused_beyond() {
    macro_rules! ends {
        ($($int:ty),*) => {$(
            for (value, fits) in [
                (i128::from(<$int>::MIN), true),
                (i128::from(<$int>::MAX), true),
                (i128::from(<$int>::MIN) - 1, false),
                (i128::from(<$int>::MAX) + 1, false),
            ] {
                let Ok(number) = Number::parse(value.to_string().as_bytes()) else {
                    continue;
                };
                let read = Value::from(number).read::<$int>();
                assert_eq!(read.is_ok(), fits, "{value} as {}", stringify!($int));
                assert!(read.is_err() || read.map(i128::from) == Ok(value));
            }
        )*};
    }
    ends!(i8, i16, i32, i64, u8, u16, u32);
    let large = Number::parse(b"18446744073709551610").unwrap();
    assert_eq!(
        Value::from(large).read::<u64>(),
        Ok(18_446_744_073_709_551_610)
    );
    let larger = Number::parse(b"18446744073709551620").unwrap();
    assert_eq!(Value::from(larger).read::<u64>(), Err(TypeError::Range));
    assert_eq!(Value::from(-1).read::<u64>(), Err(TypeError::Range));
    let huge = Number::new(1, 100).unwrap();
    assert_eq!(Value::from(huge).read::<u64>(), Err(TypeError::Range));
    let fraction = Number::new(5, -1).unwrap();
    assert_eq!(Value::from(fraction).read::<u64>(), Err(TypeError::Range));
}

#[test]
fn every_width_of_number_and_text_reads_back() {
    let mut document = Document::<4096>::new();
    for shift in 0..64 {
        for value in [
            1_i64 << shift,
            (1_i64 << shift).wrapping_sub(1),
            -1_i64 << shift,
        ] {
            document.set(&["n"], value).unwrap();
            assert_eq!(document.read::<i64>(&["n"]), Ok(value));
            if let Ok(decimal) = Number::new(value, -3) {
                document.set(&["n"], decimal).unwrap();
                assert_eq!(document.read::<Number>(&["n"]), Ok(decimal));
            }
        }
    }
    let long = "x".repeat(1000);
    for len in [0, 1, 62, 63, 64, 65, 255, 256, 1000] {
        for text in [&long[..len], &("\n".to_string() + &long[..len])[..]] {
            document.set(&["t"], text).unwrap();
            assert_eq!(document.read::<&str>(&["t"]), Ok(text));
            assert!(super::super::DocumentRef::from_bytes(document.as_bytes()).is_ok());
        }
    }
}

#[test]
fn leaves_are_scalars_arrays_and_empty_maps_in_document_order() {
    let document = sample();
    let paths: Vec<_> = document
        .leaves()
        .map(|leaf| leaf.path.to_string())
        .collect();
    let order = [
        "on",
        "name",
        "wifi/rssi",
        "wifi/channel",
        "empty",
        "setpoint",
    ];
    assert_eq!(paths, order);
    assert_eq!(
        Document::<8>::new().leaves().count(),
        1,
        "an empty document is a leaf"
    );
    assert_eq!(
        super::super::DocumentRef::NULL
            .leaves()
            .next()
            .unwrap()
            .path
            .len(),
        0
    );
}

#[test]
fn a_part_is_a_document_of_its_own() {
    let document = sample();
    let wifi = document.at(&["wifi"]).unwrap();
    assert_eq!(wifi.read::<u8>(&["channel"]), Ok(11));
    assert_eq!((wifi.depth(), document.depth()), (1, 2));
    assert_eq!(document.at(&[]), Some(document.as_ref()));
    assert_eq!(document.at(&["nothing"]), None);
    assert_eq!(
        wifi.entries().map(|(key, _)| key).collect::<Vec<_>>(),
        ["rssi", "channel"]
    );
    assert_eq!(document.at(&["on"]).unwrap().entries().count(), 0);
}

#[test]
fn a_delta_may_become_a_document() {
    let reported = sample();
    let mut desired = reported.clone();
    desired.set(&["on"], false).unwrap();
    let mut delta = Document::<64>::new();
    delta
        .assign_delta(desired.as_ref(), reported.as_ref())
        .unwrap();
    assert_eq!(delta.leaves().count(), 1);
    assert_eq!(delta.read(&["on"]), Ok(false));
    desired.remove(&["wifi"]);
    delta
        .assign_diff(reported.as_ref(), desired.as_ref())
        .unwrap();
    assert_eq!(delta.value(&["wifi"]), Some(Value::Null));
}
