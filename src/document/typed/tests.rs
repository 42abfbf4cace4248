//! What a firmware author writes, and what becomes of it.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use ::serde::{Deserialize, Serialize};

use super::super::builder::BuildError;
use super::super::{Document, NumberError, TypeError};
use super::TypedReason;

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Off,
    Eco,
    Boost(u16),
    Window(u8, u8),
    Timer { from: u8, to: u8 },
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Fan {
    speed: u8,
    mode: Option<Mode>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct State<'a> {
    target: i32,
    on: bool,
    name: &'a str,
    fan: Fan,
    week: [u8; 3],
    total: u64,
}

const STATE: State<'_> = State {
    target: -5,
    on: true,
    name: "hall \"A\"",
    fan: Fan {
        speed: 3,
        mode: Some(Mode::Eco),
    },
    week: [1, 2, 70],
    total: 12_000_000_000_000_000_000,
};

fn document<T: Serialize>(value: &T) -> Document<512> {
    let mut document = Document::new();
    document.serialize(value).unwrap();
    document
}

#[test]
fn a_struct_goes_in_and_comes_out() {
    let document = document(&STATE);
    assert_eq!(document.deserialize::<State<'_>>().unwrap(), STATE);
    assert_eq!(document.read::<&str>(&["fan", "mode"]), Ok("eco"));
    assert_eq!(
        document.value(&["fan"]).unwrap().deserialize(),
        Ok(STATE.fan)
    );
}

#[test]
fn each_kind_of_variant_has_its_form() {
    for (mode, key) in [
        (Mode::Boost(300), "boost"),
        (Mode::Window(7, 9), "window"),
        (Mode::Timer { from: 1, to: 2 }, "timer"),
    ] {
        let document = document(&mode);
        assert_eq!(document.as_ref().entries().next().unwrap().0, key);
        assert_eq!(document.deserialize::<Mode>(), Ok(mode));
    }
    assert_eq!(document(&Mode::Off).as_ref().root().as_str(), Some("off"));
    assert_eq!(document(&Mode::Off).deserialize(), Ok(Mode::Off));
}

#[test]
fn none_removes_its_key_and_a_skipped_field_leaves_it_alone() {
    #[derive(Serialize)]
    struct Report {
        alarm: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        level: Option<u8>,
    }
    let mut reported = Document::<64>::new();
    let mut scratch = Document::<64>::new();
    let mut report = |alarm, level| {
        let changed = reported
            .merge_serialized(&Report { alarm, level }, &mut scratch.as_mut())
            .unwrap();
        let read = |key| reported.read::<u8>(&[key]).ok();
        (changed, read("alarm"), read("level"))
    };
    assert_eq!(report(Some(1), Some(2)), (true, Some(1), Some(2)));
    assert_eq!(report(Some(1), None), (false, Some(1), Some(2)));
    assert_eq!(report(None, None), (true, None, Some(2)));
    assert_eq!(report(None, Some(2)), (false, None, Some(2)));
}

#[test]
fn maps_come_to_be_around_what_is_none() {
    let mut reported = Document::<64>::new();
    let mut scratch = Document::<64>::new();
    let nothing = BTreeMap::from([("fan", BTreeMap::from([("mode", None::<u8>)]))]);
    let mut merge = || reported.merge_serialized(&nothing, &mut scratch.as_mut());
    assert_eq!((merge(), merge()), (Ok(true), Ok(false)));
    assert!(
        reported
            .value(&["fan"])
            .unwrap()
            .as_map()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_missing_or_null_key_reads_as_none() {
    let mut document = Document::<64>::new();
    document.set(&["speed"], 1).unwrap();
    assert_eq!(document.deserialize::<Fan>().unwrap().mode, None);
    document.set(&["mode"], super::super::Value::Null).unwrap();
    assert_eq!(document.deserialize::<Fan>().unwrap().mode, None);
}

#[test]
fn an_error_names_the_path_and_the_reason() {
    let mut state = document(&STATE);
    let cases: [(&[&str], i64, &str, TypedReason); 3] = [
        (
            &["fan", "speed"],
            256,
            "fan/speed",
            TypedReason::Type(TypeError::Range),
        ),
        (&["name"], 1, "name", TypedReason::Type(TypeError::Mismatch)),
        (&["fan"], 1, "fan", TypedReason::Type(TypeError::Mismatch)),
    ];
    for (path, value, shown, reason) in cases {
        let mut wrong = state.clone();
        wrong.set(path, value).unwrap();
        let error = wrong.deserialize::<State<'_>>().unwrap_err();
        assert_eq!((error.path(), error.reason), (shown, reason));
    }
    state.remove(&["fan", "speed"]);
    let error = state.deserialize::<State<'_>>().unwrap_err();
    assert_eq!(error.to_string(), "fan/speed: no value at this path");
    state.set(&["fan", "speed"], 1).unwrap();
    state.set(&["fan", "mode"], "warp").unwrap();
    let error = state.deserialize::<State<'_>>().unwrap_err();
    assert_eq!(
        (error.path(), error.reason),
        ("fan/mode", TypedReason::Unknown)
    );
}

#[test]
fn what_does_not_fit_says_how_much_is_needed_and_changes_nothing() {
    let mut reported = Document::<32>::new();
    reported.set(&["on"], false).unwrap();
    let before = reported.clone();
    let mut scratch = Document::<24>::new();
    let error = reported
        .merge_serialized(&STATE, &mut scratch.as_mut())
        .unwrap_err();
    assert!(
        matches!(error.reason, TypedReason::Build(BuildError::Capacity(_))),
        "{error}"
    );
    assert_eq!(reported, before);
    let mut scratch = Document::<512>::new();
    let error = reported
        .merge_serialized(&STATE, &mut scratch.as_mut())
        .unwrap_err();
    let TypedReason::Build(BuildError::Capacity(error)) = error.reason else {
        panic!("{error}");
    };
    assert!(error.needed > 32 && error.capacity == 32);
    assert_eq!(reported, before);
}

#[test]
fn a_number_that_would_be_rounded_is_refused_with_its_field() {
    let mut state = STATE;
    state.total = u64::MAX;
    let error = Document::<512>::new().serialize(&state).unwrap_err();
    assert_eq!(error.path(), "total");
    assert_eq!(error.reason, TypedReason::Number(NumberError::TooPrecise));
}

#[test]
fn maps_may_have_keys_of_numbers_bools_and_variants() {
    #[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord, Debug)]
    enum Axis {
        X,
        Y,
    }
    let numbers = BTreeMap::from([(-1, 'a'), (300, 'é')]);
    assert_eq!(document(&numbers).deserialize(), Ok(numbers));
    let bools = BTreeMap::from([(false, 0), (true, 1)]);
    assert_eq!(document(&bools).deserialize(), Ok(bools));
    let axes = BTreeMap::from([(Axis::X, ()), (Axis::Y, ())]);
    assert_eq!(document(&axes).deserialize(), Ok(axes));
    let error = Document::<64>::new()
        .serialize(&BTreeMap::from([((1, 2), 3)]))
        .unwrap_err();
    assert_eq!(error.reason, TypedReason::Key);
}

#[test]
fn tuples_take_arrays_of_their_length() {
    let three = document(&vec![1, 2, 3]);
    assert_eq!(three.deserialize(), Ok((1_u8, 2_i64, 3_u32)));
    assert_eq!(three.deserialize(), Ok(vec![1_u8, 2, 3]));
    for error in [
        three.deserialize::<(u8, u8)>().unwrap_err(),
        three
            .deserialize::<(u8, u8, u8, u8)>()
            .map(|_| ())
            .unwrap_err(),
    ] {
        assert_eq!(error.reason, TypedReason::Length);
    }
}

#[test]
fn nesting_is_bounded_by_the_document() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Nest {
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        n: Vec<Self>,
    }
    let nest =
        |depth: usize| (1..depth).fold(Nest { n: vec![] }, |inner, _| Nest { n: vec![inner] });
    // One map, and a map in an array for each further level.
    assert_eq!(document(&nest(8)).deserialize(), Ok(nest(8)));
    let error = Document::<512>::new().serialize(&nest(9)).unwrap_err();
    assert_eq!(error.reason, TypedReason::Build(BuildError::TooDeep));
    let endless = nest(500);
    assert!(Document::<512>::new().serialize(&endless).is_err());
}

#[test]
fn text_that_is_formatted_goes_in_without_a_heap() {
    struct Shown;
    impl Serialize for Shown {
        fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("{}-{}", 1, "x"))
        }
    }
    assert_eq!(document(&Shown).as_ref().root().as_str(), Some("1-x"));
    assert_eq!(document(&"é").deserialize::<String>().as_deref(), Ok("é"));
    assert_eq!(document(&"é").deserialize::<char>(), Ok('é'));
}

#[cfg(feature = "float")]
#[test]
fn floats_are_their_shortest_decimals() {
    let readings = document(&(21.7_f32, 0.1_f64, -3.0_f64));
    assert_eq!(readings.deserialize(), Ok((21.7_f32, 0.1_f64, -3_i8)));
    let reason = |value: f64| Document::<64>::new().serialize(&value).unwrap_err().reason;
    assert_eq!(
        reason(f64::NAN),
        TypedReason::Number(NumberError::NotFinite)
    );
    assert_eq!(reason(1e-300), TypedReason::Number(NumberError::OutOfRange));
}

#[cfg(not(feature = "float"))]
#[test]
fn without_the_feature_a_float_is_refused() {
    let error = Document::<64>::new().serialize(&1.5_f32).unwrap_err();
    assert_eq!(error.reason, TypedReason::Float);
    let mut document = Document::<64>::new();
    document.serialize(&1_u8).unwrap();
    assert_eq!(
        document.deserialize::<f64>().unwrap_err().reason,
        TypedReason::Float
    );
}
