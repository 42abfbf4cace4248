//! Tags: merged deeply, found by query, never shown to a device.

use alloc::string::String;
use alloc::vec::Vec;

use crate::document::{Document, DocumentRef};
use crate::query::{Dialect, Query, TwinItem};
use crate::time::Timestamp;
use crate::twin::tests::model::text as json_text;
use crate::twin::{self, Policy, Twin, TwinRef, Update};

fn patched(before: TwinRef<'_>, path: &[&str], value: &str) -> Twin<512> {
    let mut patch = Document::<128>::new();
    patch.set(path, value).unwrap();
    let mut next = Twin::new();
    let update = Update::merge(patch.as_ref());
    twin::apply(
        before,
        &update,
        Timestamp::EPOCH,
        &Policy::new(),
        &mut next.as_mut(),
    )
    .unwrap();
    next
}

fn found<'f>(fleet: &'f [(String, Twin<512>)], text: &str) -> Vec<&'f str> {
    let query = Query::<32>::parse(text, Dialect::TWIN).unwrap();
    let matching = fleet
        .iter()
        .filter(|(id, twin)| query.matches(&TwinItem::new(id, twin.as_ref())));
    matching.map(|(id, _)| id.as_str()).collect()
}

#[test]
fn devices_are_organised_by_location_and_given_owners() {
    let mut fleet: Vec<(String, Twin<512>)> = Vec::new();
    for (id, building, floor) in [
        ("a", "building-1", "2"),
        ("b", "building-1", "3"),
        ("c", "building-2", "2"),
    ] {
        let twin = patched(TwinRef::ABSENT, &["tags", "location", "building"], building);
        let twin = patched(twin.as_ref(), &["tags", "location", "floor"], floor);
        fleet.push((id.into(), twin));
    }
    let north = "SELECT * FROM devices WHERE tags.location.building = 'building-1'";
    assert_eq!(found(&fleet, north), ["a", "b"]);

    // An owner is one leaf; the location stays.
    fleet[1].1 = patched(fleet[1].1.as_ref(), &["tags", "owner"], "facilities");
    let owned =
        "SELECT * FROM devices WHERE tags.owner = 'facilities' AND tags.location.floor = '3'";
    assert_eq!(found(&fleet, owned), ["b"]);
    assert_eq!(
        found(
            &fleet,
            "SELECT * FROM devices WHERE NOT is_defined(tags.owner)"
        ),
        ["a", "c"]
    );
}

#[test]
fn a_row_has_the_columns_that_are_defined_whatever_the_case_of_their_names() {
    let twin = patched(TwinRef::ABSENT, &["tags", "Location", "Floor"], "3");
    let item = TwinItem::new("a", twin.as_ref());
    let row = |text: &str| {
        let query = Query::<32>::parse(text, Dialect::TWIN).unwrap();
        let mut row = Document::<128>::new();
        query.as_ref().project(&item, &mut row.as_mut()).unwrap();
        json_text(row.as_ref())
    };
    assert_eq!(
        row("SELECT DEVICEID AS id, tags.location.floor, tags.x FROM devices"),
        r#"{"floor":"3","id":"a"}"#
    );
    assert_eq!(
        row("SELECT tags.Location FROM devices"),
        r#"{"Location":{"Floor":"3"}}"#
    );
    let query =
        Query::<32>::parse("SELECT deviceId, tags.Location FROM devices", Dialect::TWIN).unwrap();
    let mut small = Document::<16>::new();
    small.set(&["x"], 1).unwrap();
    assert!(query.as_ref().project(&item, &mut small.as_mut()).is_err());
    assert_eq!(small.as_ref(), DocumentRef::EMPTY);
}
