//! What is not wanted has to be well-formed, and is skipped as it flows.

use alloc::format;

use super::super::{Member, ReadReason, Select};
use super::{hex, selected};

static SOME: Select = Select::Members(&[
    Member::of("state", &[Member::all("desired")]),
    Member::all("version"),
]);

static LOOP_MEMBERS: [Member; 1] = [Member::of("a", &LOOP_MEMBERS)];
static LOOP: Select = Select::Members(&LOOP_MEMBERS);

fn some(text: &str) -> Result<alloc::string::String, (usize, ReadReason)> {
    selected(&hex(text), &SOME).map_err(|error| (error.offset, error.reason))
}

const STATE: &str = "65 7374617465";
const DESIRED: &str = "67 64657369726564";
const VERSION: &str = "67 76657273696f6e";

#[test]
fn only_what_is_named_is_built() {
    let bytes =
        format!("a3 6178 83010203 {STATE} bf 6179 a0 {DESIRED} a1626f6ef5 617a 00 ff {VERSION} 07");
    let expected = r#"{"state":{"desired":{"on":true}},"version":7}"#;
    assert_eq!(some(&bytes).as_deref(), Ok(expected));
    // A name in chunks, and one behind a tag.
    let bytes = format!("a2 7f 62 7374 63 617465 ff 05 c0{VERSION} 07");
    assert_eq!(some(&bytes).as_deref(), Ok(r#"{"state":5,"version":7}"#));
    assert_eq!(some("a0").as_deref(), Ok("{}"));
    assert_eq!(some("01").as_deref(), Ok("1"));
}

#[test]
fn what_is_skipped_may_be_anything_well_formed() {
    for skipped in [
        "a3 00 01 4100 f7 a0 5f4101ff",
        "5f4101420203ff",
        "7f61ff60ff",
        "61ff",
        "fb3ff199999999999a",
        "f97e00",
        "f7",
        "f8ff",
        "3bffffffffffffffff",
        "c249010000000000000000",
        "c5 00",
        "c4 f6",
        "9f 9f ff 80 bf 00 00 ff ff",
        "d9ffff c1 c1 80",
    ] {
        let bytes = format!("a2 6178 {skipped} {VERSION} 07");
        assert_eq!(some(&bytes).as_deref(), Ok(r#"{"version":7}"#), "{skipped}");
        let bytes = format!("a2 {STATE} a1 6178 {skipped} {VERSION} 07");
        assert_eq!(
            some(&bytes).as_deref(),
            Ok(r#"{"state":{},"version":7}"#),
            "{skipped}"
        );
    }
    for (skipped, offset) in [
        ("1c", 3),
        ("bf00ff", 5),
        ("5f6161ff", 4),
        ("f800", 3),
        ("c1ff", 4),
    ] {
        let bytes = format!("a1 6178 {skipped}");
        assert_eq!(
            some(&bytes),
            Err((offset, ReadReason::Malformed)),
            "{skipped}"
        );
    }
}

#[test]
fn what_is_skipped_is_bounded_in_depth_but_not_in_length() {
    let nested = format!("a1 6178 {} 00", "81".repeat(16));
    assert_eq!(some(&nested).as_deref(), Ok("{}"));
    let nested = format!("a1 6178 {} 00", "81".repeat(17));
    assert_eq!(some(&nested), Err((19, ReadReason::TooDeep)));
    let long = format!("a1 6178 592000 {}", "00".repeat(0x2000));
    assert_eq!(some(&long).as_deref(), Ok("{}"));
}

#[test]
fn a_selection_that_never_ends_is_bounded() {
    let nest = |depth: usize| hex(&format!("{}00", "a16161".repeat(depth)));
    assert!(selected(&nest(6), &LOOP).is_ok());
    assert_eq!(
        selected(&nest(7), &LOOP).unwrap_err().reason,
        ReadReason::TooDeep
    );
}
