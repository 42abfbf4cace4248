//! Search with and without indexes, and paging, on fleets that change.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use super::{Automatic, Indexed, Page, PageRequest, SearchError, TokenError, reconcile};
use crate::document::{Document, DocumentRef, Number};
use crate::hub::{Config, HubEngine, Registry};
use crate::protocol::TwinId;
use crate::query::{Condition, Dialect, Query};
use crate::time::{Now, Timestamp};
use crate::twin::{self, Policy, Precondition, Twin, TwinRef, Update};
use proptest::prelude::*;

type Parsed<'t> = Query<'t, 64>;

fn query(text: &str) -> Parsed<'_> {
    Query::parse(text, Dialect::TWIN).unwrap()
}

fn id(number: usize) -> String {
    format!("device-{number:03}")
}

/// Merges a patch into a device's twin, as a hub does.
fn write(fleet: &mut Indexed, device: &str, fill: impl FnOnce(&mut Document<512>)) {
    write_twin(fleet, TwinId::new(device, None).unwrap(), fill);
}

fn write_twin(fleet: &mut Indexed, id: TwinId<'_>, fill: impl FnOnce(&mut Document<512>)) {
    let mut patch = Document::new();
    fill(&mut patch);
    let mut next = Twin::<1024>::new();
    let before = fleet.twins().twin(id).unwrap_or(TwinRef::ABSENT);
    let update = Update::merge(patch.as_ref());
    let policy = Policy::new();
    twin::apply(
        before,
        &update,
        Timestamp::EPOCH,
        &policy,
        &mut next.as_mut(),
    )
    .unwrap();
    fleet.save(id, next.as_ref()).unwrap();
}

fn delete(fleet: &mut Indexed, device: &str) {
    let id = TwinId::new(device, None).unwrap();
    let mut next = Twin::<1024>::new();
    let before = fleet.twins().twin(id).unwrap_or(TwinRef::ABSENT);
    if twin::delete(
        before,
        Precondition::Any,
        Timestamp::EPOCH,
        &mut next.as_mut(),
    )
    .is_ok()
    {
        fleet.save(id, next.as_ref()).unwrap();
    }
}

fn search(fleet: &Indexed, query: &Parsed<'_>, size: usize) -> Page {
    fleet
        .search(query.as_ref(), PageRequest::new(size))
        .unwrap()
}

fn rows(page: &Page) -> Vec<Vec<u8>> {
    page.rows().map(|row| row.as_bytes().to_vec()).collect()
}

/// All pages, one after the other.
fn pages(fleet: &Indexed, query: &Parsed<'_>, size: usize) -> Vec<Vec<u8>> {
    let mut page = search(fleet, query, size);
    let mut all = rows(&page);
    while let Some(token) = page.continuation().map(ToString::to_string) {
        let request = PageRequest::new(size).after(&token);
        page = fleet.search(query.as_ref(), request).unwrap();
        assert!(page.rows().len() > 0, "a token leads to something");
        all.extend(rows(&page));
    }
    all
}

fn ids(page: &Page) -> Vec<&str> {
    let ids = page.rows().map(|row| row.read(&["deviceId"]).unwrap());
    ids.collect()
}

/// Ten devices on floors 0 to 2, in two buildings.
fn building() -> Indexed {
    let mut fleet = Indexed::new();
    for number in 0..10 {
        write(&mut fleet, &id(number), |patch| {
            let floor = i32::try_from(number % 3).unwrap();
            patch.set(&["tags", "location", "floor"], floor).unwrap();
            let site = if number < 4 { "north" } else { "south" };
            patch.set(&["tags", "location", "site"], site).unwrap();
            let level = Number::new(i64::try_from(number).unwrap() * 5, -1).unwrap();
            patch.set(&["reported", "level"], level).unwrap();
        });
    }
    fleet
}

#[test]
fn a_query_finds_what_its_condition_says_in_the_order_of_the_ids() {
    let fleet = building();
    let text = "SELECT deviceId FROM devices WHERE tags.location.floor = 1";
    let page = search(&fleet, &query(text), 10);
    assert_eq!(ids(&page), ["device-001", "device-004", "device-007"]);
    assert_eq!((page.examined(), page.continuation()), (10, None));
    let none = "SELECT * FROM devices WHERE tags.location.roof = 1";
    assert_eq!(search(&fleet, &query(none), 10).rows().len(), 0);
    assert_eq!(
        search(&fleet, &query("SELECT * FROM devices.jobs"), 10)
            .rows()
            .len(),
        0
    );
    assert_eq!(
        search(&fleet, &query("SELECT * FROM devices.modules"), 10)
            .rows()
            .len(),
        0
    );
}

#[test]
fn rows_come_in_the_order_that_was_asked_for_then_by_id() {
    let fleet = building();
    let text =
        "SELECT TOP 4 deviceId FROM devices ORDER BY tags.location.floor DESC, deviceId DESC";
    let page = search(&fleet, &query(text), 10);
    assert_eq!(
        ids(&page),
        ["device-008", "device-005", "device-002", "device-007"]
    );
    let text = "SELECT deviceId FROM devices ORDER BY tags.location.floor TOP 2";
    assert_eq!(
        ids(&search(&fleet, &query(text), 10)),
        ["device-000", "device-003"]
    );
}

#[test]
fn a_page_of_whole_twins_is_limited_and_top_counts_over_pages() {
    let mut fleet = building();
    let whole = query("SELECT * FROM devices");
    let request = PageRequest::new(1000).with_whole_limit(3);
    let page = fleet.search(whole.as_ref(), request).unwrap();
    assert_eq!(page.rows().len(), 3);
    let row = page.row(1).unwrap();
    assert_eq!(row.read::<i32>(&["tags", "location", "floor"]), Ok(1));
    assert_eq!(
        row.read::<i32>(&["properties", "reported", "$version"]),
        Ok(1)
    );
    assert_eq!(row.read::<&str>(&["etag"]).unwrap().len(), 12);
    for number in 10..120 {
        write(&mut fleet, &id(number), |_| {});
    }
    assert_eq!(search(&fleet, &whole, 1000).rows().len(), 100);
    assert_eq!(
        search(&fleet, &query("SELECT deviceId FROM devices"), 1000)
            .rows()
            .len(),
        120
    );
    for top in [0, 1, 7, 8, 9] {
        let text = format!("SELECT TOP {top} deviceId FROM devices");
        assert_eq!(pages(&fleet, &query(&text), 4).len(), top);
    }
}

#[test]
fn groups_are_counted_and_sorted_by_their_columns() {
    let fleet = building();
    let text = "SELECT tags.location.site AS site, COUNT() AS n, AVG(properties.reported.level) AS mean, \
                MIN(properties.reported.level), MAX(properties.reported.level), SUM(properties.reported.level) \
                FROM devices GROUP BY tags.location.site ORDER BY n DESC";
    let page = search(&fleet, &query(text), 10);
    let shown = |row: usize, column: &str| {
        let value = page.row(row).unwrap().value(&[column]).unwrap();
        value.as_number().unwrap().to_string()
    };
    assert_eq!(page.row(0).unwrap().read::<&str>(&["site"]), Ok("south"));
    let south: Vec<String> = ["n", "mean", "min", "max", "sum"]
        .map(|name| shown(0, name))
        .into();
    assert_eq!(south, ["6", "3.25", "2", "4.5", "19.5"]);
    assert_eq!(shown(1, "mean"), "0.75");
    let empty = "SELECT COUNT() AS n, SUM(tags.x) FROM devices WHERE tags.x = 1";
    let page = search(&fleet, &query(empty), 10);
    assert_eq!(page.row(0).unwrap().read::<i32>(&["n"]), Ok(0));
    assert_eq!(page.row(0).unwrap().value(&["sum"]), None);
}

#[test]
fn an_index_is_used_by_itself_and_only_where_the_condition_needs_it() {
    let fleet = building().with_index("tags.location.site").unwrap();
    let fleet = fleet.with_index("properties.reported.level").unwrap();
    for (condition, examined) in [
        ("tags.location.site = 'north'", 4),
        ("'north' = tags.location.site AND deviceId != 'x'", 4),
        ("TAGS.location.site = 'north'", 4),
        ("tags.Location.site = 'north'", 10),
        ("(tags.location.site = 'north' OR true) AND true", 10),
        ("NOT (tags.location.site = 'north')", 10),
        ("tags.location.site != 'north'", 10),
        ("tags.location.site = 'west'", 0),
        ("STARTSWITH(tags.location.site, 'no')", 4),
        ("properties.reported.level > 4", 1),
        ("4 < Properties.Reported.level", 1),
        (
            "properties.reported.level <= 0.5 AND tags.location.floor = 1",
            2,
        ),
        (
            "properties.reported.level >= 0 AND tags.location.site = 'north'",
            4,
        ),
        (
            "deviceId = 'device-003' AND tags.location.site = 'north'",
            1,
        ),
        ("DEVICEID = 'nobody'", 0),
        ("properties.reported.level >= 1", 10),
        (
            "tags.location.site = 'south' AND properties.reported.level < 2.6",
            6,
        ),
        (
            "tags.location.site = 'south' AND properties.reported.level < 1",
            2,
        ),
        ("tags.location.site = 'north' ?? true", 10),
        ("undefined ?? (true AND tags.location.site = 'north')", 10),
        ("tags.location.site = 'north' AND true ?? true", 10),
    ] {
        let text = format!("SELECT deviceId FROM devices WHERE {condition}");
        assert_eq!(
            search(&fleet, &query(&text), 20).examined(),
            examined,
            "{condition}"
        );
    }
}

#[test]
fn the_status_of_an_automatic_configuration_can_be_asked_for() {
    let mut hub = HubEngine::<_, 1024>::new(Indexed::new(), Config::new());
    for (device, site) in [("a", "north"), ("b", "south"), ("c", "north")] {
        write(hub.registry_mut(), device, |patch| {
            patch.set(&["tags", "site"], site).unwrap();
        });
    }
    let target = Condition::<16>::parse("tags.site = 'north'", Dialect::TWIN).unwrap();
    let mut content = Document::<64>::new();
    content.set(&["x"], 1).unwrap();
    let north = Automatic::new("north-1", content.as_ref(), 1, Timestamp::EPOCH).unwrap();
    let north = north.with_target(&target);
    for device in ["a", "b", "c"] {
        let id = TwinId::new(device, None).unwrap();
        reconcile(&mut hub, Now::default(), id, &[north], &mut |_| {})
            .unwrap()
            .unwrap();
    }
    for (condition, expected) in [
        (
            "configurations.[[north-1]].status = 'Applied'",
            vec!["a", "c"],
        ),
        (
            "Configurations.[[north-1]].status = 'Applied'",
            vec!["a", "c"],
        ),
        ("NOT is_defined(configurations.[[north-1]])", vec!["b"]),
        ("configurations.[[south-1]].status = 'Applied'", vec![]),
        ("is_defined(site)", vec![]),
    ] {
        let text = format!("SELECT deviceId FROM devices WHERE {condition}");
        assert_eq!(
            ids(&search(hub.registry(), &query(&text), 9)),
            expected,
            "{condition}"
        );
    }
    let text = "SELECT configurations.[[north-1]].status AS status FROM devices TOP 1";
    let page = search(hub.registry(), &query(text), 9);
    assert_eq!(
        page.row(0).unwrap().read::<&str>(&["status"]),
        Ok("Applied")
    );
}

#[test]
fn modules_are_looked_through_apart_from_their_devices() {
    let mut fleet = Indexed::new().with_index("tags.site").unwrap();
    for (device, module) in [
        ("a", None),
        ("a", Some("camera")),
        ("b", None),
        ("b", Some("pump")),
    ] {
        write_twin(&mut fleet, TwinId::new(device, module).unwrap(), |patch| {
            patch.set(&["tags", "site"], "north").unwrap();
        });
    }
    let columns = |text: &str| {
        let page = search(&fleet, &query(text), 9);
        let read = |row: DocumentRef<'_>, key| row.read::<&str>(&[key]).unwrap_or("-").to_string();
        let rows = page
            .rows()
            .map(|row| (read(row, "deviceId"), read(row, "moduleId")));
        rows.collect::<Vec<_>>()
    };
    let pair = |device: &str, module: &str| (device.to_string(), module.to_string());
    let text = "SELECT deviceId, moduleId FROM devices.modules WHERE tags.site = 'north'";
    assert_eq!(columns(text), [pair("a", "camera"), pair("b", "pump")]);
    let text = "SELECT deviceId, moduleId FROM devices.modules WHERE deviceId = 'b'";
    assert_eq!(columns(text), [pair("b", "pump")]);
    let text = "SELECT deviceId, moduleId FROM devices.modules WHERE moduleId = 'camera'";
    assert_eq!(columns(text), [pair("a", "camera")]);
    let text = "SELECT deviceId, moduleId FROM devices WHERE tags.site = 'north'";
    assert_eq!(columns(text), [pair("a", "-"), pair("b", "-")]);
}

#[test]
fn what_is_no_path_into_a_twin_cannot_be_indexed() {
    for path in [
        "",
        "tags",
        "deviceId",
        "tags.a b",
        "tags.a[0]",
        "properties.x.y",
        "tags.$version",
    ] {
        assert!(Indexed::new().with_index(path).is_err(), "{path}");
    }
    let error = Indexed::new().with_index("properties.desired").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("column 1: expected a path of keys behind tags.")
    );
}

#[test]
fn a_token_is_of_its_query_and_undamaged() {
    let fleet = building();
    let query_a = query("SELECT deviceId FROM devices");
    let query_b = query("SELECT deviceId FROM devices WHERE tags.location.floor = 1");
    let page = search(&fleet, &query_a, 2);
    let token = page.continuation().unwrap();
    let ask = |query: &Parsed<'_>, token: &str| {
        fleet
            .search(query.as_ref(), PageRequest::new(2).after(token))
            .map(|page| page.rows().len())
    };
    assert_eq!(ask(&query_a, token), Ok(2));
    assert_eq!(
        ask(&query_b, token),
        Err(SearchError::Token(TokenError::OtherQuery))
    );
    let malformed = Err(SearchError::Token(TokenError::Malformed));
    for at in 0..token.len() {
        let mut damaged = token.to_string().into_bytes();
        damaged[at] = if damaged[at] == b'A' { b'B' } else { b'A' };
        let damaged = String::from_utf8(damaged).unwrap();
        assert_eq!(ask(&query_a, &damaged), malformed, "letter {at}");
    }
    for bad in ["", "A", "not a token", &token[1..]] {
        assert_eq!(ask(&query_a, bad), malformed);
    }
}

/// Conditions that indexes of floor, site and level can help with, and some that they cannot.
const CONDITIONS: [&str; 12] = [
    "true",
    "tags.site = 's1'",
    "tags.site = 's1' AND tags.floor > 1",
    "tags.floor = 2 AND tags.site != 's0'",
    "tags.floor >= 1 AND tags.floor < 3",
    "tags.floor = false",
    "STARTSWITH(tags.site, 's')",
    "tags.site > 's0' OR tags.floor = 0",
    "NOT is_defined(tags.floor)",
    "properties.reported.level < 2.5",
    "properties.reported.level <= 'b' AND true",
    "tags.floor ?? 7 = 7",
];

#[derive(Clone, Debug)]
enum Step {
    Floor(usize, Option<i8>),
    Site(usize, u8),
    Level(usize, i8),
    Odd(usize),
    Delete(usize),
    Forget(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let device = 0..12_usize;
    prop_oneof![
        (device.clone(), proptest::option::of(0..4_i8))
            .prop_map(|(id, floor)| Step::Floor(id, floor)),
        (device.clone(), 0..3_u8).prop_map(|(id, site)| Step::Site(id, site)),
        (device.clone(), 0..60_i8).prop_map(|(id, level)| Step::Level(id, level)),
        device.clone().prop_map(Step::Odd),
        device.clone().prop_map(Step::Delete),
        device.prop_map(Step::Forget),
    ]
}

fn perform(fleet: &mut Indexed, step: &Step) {
    match *step {
        Step::Floor(device, Some(floor)) => write(fleet, &id(device), |patch| {
            patch.set(&["tags", "floor"], floor).unwrap();
        }),
        Step::Floor(device, None) => write(fleet, &id(device), |patch| {
            patch
                .set(&["tags", "floor"], crate::document::Value::Null)
                .unwrap();
        }),
        Step::Site(device, site) => write(fleet, &id(device), |patch| {
            patch.set(&["tags", "site"], &*format!("s{site}")).unwrap();
        }),
        Step::Level(device, level) => write(fleet, &id(device), |patch| {
            let level = Number::new(i64::from(level), -1).unwrap();
            patch.set(&["reported", "level"], level).unwrap();
        }),
        Step::Odd(device) => write(fleet, &id(device), |patch| {
            patch.set(&["reported", "level"], "a").unwrap();
            patch.set(&["tags", "floor"], false).unwrap();
        }),
        Step::Delete(device) => delete(fleet, &id(device)),
        Step::Forget(device) => {
            fleet.remove(TwinId::new(&id(device), None).unwrap());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_index_never_changes_an_answer(
        before in proptest::collection::vec(step(), 0..30),
        after in proptest::collection::vec(step(), 0..30),
    ) {
        let mut plain = Indexed::new();
        before.iter().for_each(|step| perform(&mut plain, step));
        let mut indexed = Indexed::from(plain.twins().clone());
        for path in ["tags.floor", "tags.site", "properties.reported.level"] {
            indexed = indexed.with_index(path).unwrap();
        }
        for step in &after {
            perform(&mut plain, step);
            perform(&mut indexed, step);
        }
        for condition in CONDITIONS {
            for order in ["", "ORDER BY tags.site DESC"] {
                let text = format!("SELECT deviceId, tags.floor FROM devices WHERE {condition} {order}");
                let query = query(&text);
                let (wanted, found) = (search(&plain, &query, 50), search(&indexed, &query, 50));
                prop_assert_eq!(rows(&wanted), rows(&found), "{}", text);
                prop_assert!(found.examined() <= wanted.examined());
            }
        }
    }

    #[test]
    fn pages_joined_are_the_whole(
        steps in proptest::collection::vec(step(), 0..50),
        size in 1..6_usize,
        condition in 0..CONDITIONS.len(),
        order in 0..3_usize,
    ) {
        let mut fleet = Indexed::new().with_index("tags.site").unwrap();
        steps.iter().for_each(|step| perform(&mut fleet, step));
        let order = ["", "ORDER BY tags.floor DESC, tags.site", "ORDER BY properties.reported.level"][order];
        let text = format!("SELECT deviceId FROM devices WHERE {} {order}", CONDITIONS[condition]);
        let query = query(&text);
        prop_assert_eq!(pages(&fleet, &query, size), rows(&search(&fleet, &query, 50)));
    }

    #[test]
    fn who_stays_is_on_exactly_one_page_whatever_others_do(
        steps in proptest::collection::vec(step(), 0..20),
        ordered: bool,
        size in 1..4_usize,
    ) {
        // Devices 0 to 11 come, change and go between pages; those from 100 on stay.
        let mut fleet = Indexed::new();
        for number in 100..108 {
            write(&mut fleet, &id(number), |patch| {
                patch.set(&["tags", "floor"], i32::try_from(number % 3).unwrap()).unwrap();
            });
        }
        let order = if ordered { "ORDER BY tags.floor DESC" } else { "" };
        let text = format!("SELECT deviceId FROM devices {order}");
        let query = query(&text);
        let mut steps = steps.iter();
        let mut page = search(&fleet, &query, size);
        let mut seen = vec![];
        loop {
            seen.extend(ids(&page).iter().map(ToString::to_string));
            let Some(token) = page.continuation().map(ToString::to_string) else {
                break;
            };
            if let Some(step) = steps.next() {
                perform(&mut fleet, step);
            }
            page = fleet.search(query.as_ref(), PageRequest::new(size).after(&token)).unwrap();
        }
        seen.retain(|id| id.as_str() >= "device-100");
        seen.sort();
        prop_assert_eq!(seen, (100..108).map(id).collect::<Vec<_>>());
    }
}
