//! Stale, duplicate, gap; other writers; a service that lost its data.

use super::*;
use crate::protocol::VersionScope;

fn of_desired(version: u64) -> Versions {
    Versions {
        desired: Version::new(version),
        ..Versions::default()
    }
}

fn of_reported(version: u64) -> Versions {
    Versions {
        reported: Version::new(version),
        ..Versions::default()
    }
}

#[test]
fn a_duplicate_delta_is_dropped_and_counted() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 4);
    bench.delta(json!({"a": 2}), 5).drop_events();
    bench
        .delta(json!({"a": 2}), 5)
        .no_event()
        .quiet()
        .desires(json!({"a": 2}));
    assert_eq!(bench.engine.counters().duplicate, 1);
}

#[test]
fn a_stale_delta_is_dropped_counted_and_doubted_once() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 5}}), 5);
    bench
        .delta(json!({"a": 3}), 3)
        .no_event()
        .desires(json!({"a": 5}));
    bench
        .expect(Sent::Get)
        .got(json!({"desired": {"a": 5}}), 5)
        .event(Event::Synced)
        .no_event();
    bench
        .delta(json!({"a": 4}), 4)
        .quiet()
        .desires(json!({"a": 5}));
    assert_eq!(bench.engine.counters().stale, 2);
}

#[test]
fn a_service_that_lost_its_data_is_noticed_by_its_low_versions() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 5}}), 50);
    bench.delta(json!({"a": 1}), 2).expect(Sent::Get);
    bench
        .got(json!({"desired": {"a": 1}}), 2)
        .known(2)
        .desires(json!({"a": 1}));
    // It is asked once more, since it might have been overtaken.
    bench
        .expect(Sent::Get)
        .got(json!({"desired": {"a": 1}}), 2)
        .known(2)
        .quiet();
    bench
        .delta(json!({"a": 2}), 3)
        .known(3)
        .desires(json!({"a": 2}))
        .quiet();
}

#[test]
fn an_accepted_report_whose_version_did_not_grow_leads_to_a_full_get() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 5}}), 50);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(1);
    bench
        .expect(Sent::Get)
        .got(json!({"reported": {"x": 1}}), 1)
        .known(1)
        .desires(json!({}));
    bench
        .report(json!({"x": 2, "y": 1}))
        .expect(Sent::Get)
        .got(json!({"reported": {"x": 1}}), 1);
    bench
        .expect(Sent::Report(json!({"x": 2, "y": 1})))
        .accepted(2)
        .quiet();
}

#[test]
fn behind_a_gap_a_delta_is_applied_and_a_full_get_follows() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 4);
    bench
        .delta(json!({"b": 2}), 7)
        .event(Event::DesiredChanged)
        .known(7);
    bench.desires(json!({"a": 1, "b": 2})).expect(Sent::Get);
    bench
        .got(json!({"desired": {"b": 2}}), 7)
        .desires(json!({"b": 2}))
        .quiet();
    assert_eq!(bench.engine.counters().gaps, 1);
}

#[test]
fn behind_a_gap_a_patch_is_not_applied() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 4);
    bench
        .desired_patch(json!({"b": null}), versions(6))
        .no_event()
        .known(4)
        .expect(Sent::Get);
    // Another one on the way: the answer is older, so it is asked again.
    bench
        .desired_patch(json!({"c": 3}), versions(7))
        .got(json!({"desired": {"a": 2}}), 6)
        .known(6);
    bench
        .expect(Sent::Get)
        .got(json!({"desired": {"a": 2, "c": 3}}), 7)
        .known(7)
        .quiet();
    bench.desires(json!({"a": 2, "c": 3}));
}

#[test]
fn our_own_accepted_report_advances_the_twins_version() {
    let mut bench = Bench::online(config(), json!({}), 4);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(5)
        .known(5);
    bench.delta(json!({"a": 1}), 6).quiet().known(6);
}

#[test]
fn a_delta_of_our_own_report_may_come_before_or_after_its_answer() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 4);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})));
    bench.delta(json!({"a": 1}), 5).accepted(5).known(5).quiet();
    bench
        .report(json!({"x": 2}))
        .expect(Sent::Report(json!({"x": 2})));
    bench.accepted(6).delta(json!({"a": 1}), 6).known(6).quiet();
    assert_eq!(bench.engine.counters().duplicate, 1);
}

#[test]
fn an_answer_behind_a_gap_leads_to_a_full_get() {
    let mut bench = Bench::online(config(), json!({}), 4);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(6);
    bench
        .expect(Sent::Get)
        .got(json!({"desired": {"a": 1}, "reported": {"x": 1}}), 6)
        .quiet();
    assert_eq!(bench.engine.counters().gaps, 1);
}

#[test]
fn versions_of_sections_are_counted_apart() {
    let config = config().with_versions(VersionScope::Section);
    let mut bench = Bench::online(config, json!({"desired": {"a": 1}}), 4);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})));
    bench
        .accepted_as("00001001", None, of_reported(5))
        .known(4)
        .quiet();
    bench
        .desired_patch(json!({"a": null, "b": 1}), of_desired(5))
        .known(5)
        .desires(json!({"b": 1}));
    bench.quiet().desired_patch(json!({"b": 1}), of_desired(5));
    assert_eq!(bench.engine.counters().duplicate, 1);
    assert_eq!(bench.engine.versions().reported, Version::new(5));
}

#[test]
fn answers_to_others_are_dropped_and_counted() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 4);
    bench
        .got_as("other", json!({"desired": {"b": 1}}), versions(9))
        .quiet()
        .desires(json!({"a": 1}));
    bench
        .accepted_as("other", None, versions(3))
        .quiet()
        .known(4)
        .no_event();
    assert_eq!(bench.engine.counters().foreign, 2);
}

#[test]
fn a_key_that_another_client_removes_from_desired_is_removed_here() {
    // No delta is sent for a removal; the answer to the other client is heard.
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1, "b": 2}}), 4);
    bench.accepted_as("other", Some(json!({"desired": {"a": null}})), versions(5));
    bench
        .event(Event::DesiredChanged)
        .desires(json!({"b": 2}))
        .known(5)
        .quiet();
    // Delta first, then the answer of the same version.
    bench.delta(json!({"b": 3}), 6).drop_events();
    bench.accepted_as(
        "other",
        Some(json!({"desired": {"b": 3, "c": null}})),
        versions(6),
    );
    bench.no_event().known(6).desires(json!({"b": 3})).quiet();
    // Without an echo there is nothing to go by.
    bench.accepted_as("other", None, versions(6)).quiet();
    bench
        .accepted_as("other", None, versions(7))
        .expect(Sent::Get);
}

#[test]
fn another_client_that_writes_reported_is_noticed_and_corrected() {
    let mut bench = Bench::online(config(), json!({}), 4);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(5);
    bench.accepted_as(
        "other",
        Some(json!({"reported": {"x": 9, "y": 9}})),
        versions(6),
    );
    bench
        .expect(Sent::Get)
        .got(json!({"reported": {"x": 9, "y": 9}}), 6);
    // What is the device's is corrected, what is the other's stays.
    bench
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(7)
        .quiet();
}

#[test]
fn a_deleted_twin_is_reported_anew() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 4);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(5);
    bench.message(Message::DeleteAccepted(Accepted {
        id: None,
        versions: versions(5),
        patch: None,
        timestamp: Timestamp::EPOCH,
    }));
    bench
        .expect(Sent::Get)
        .rejected(RequestKind::Get, Status::NotFound);
    bench
        .expect(Sent::Get)
        .rejected(RequestKind::Get, Status::NotFound)
        .desires(json!({}));
    bench
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(7)
        .expect(Sent::Get);
}

#[test]
fn a_get_answer_that_was_overtaken_is_asked_for_again() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 4);
    bench.refresh();
    bench
        .expect(Sent::Get)
        .delta(json!({"a": 2}), 5)
        .got(json!({"desired": {"a": 1}}), 4);
    bench
        .expect(Sent::Get)
        .got(json!({"desired": {"a": 2}}), 5)
        .desires(json!({"a": 2}))
        .quiet();
}

#[test]
fn what_is_known_is_confirmed_from_time_to_time() {
    let config = config().with_resync_interval(Some(Duration::from_secs(3_600)));
    let mut bench = Bench::online(config, json!({}), 4);
    bench.quiet().wakes_at(3_600_000);
    bench
        .at(3_600_000)
        .expect(Sent::Get)
        .got(json!({}), 4)
        .quiet()
        .wakes_at(7_200_000);
}

#[test]
fn an_unchanged_twin_needs_no_documents() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 4);
    bench.refresh();
    bench.expect(Sent::Get);
    let id = bench.id.clone();
    bench.message(Message::GetUnchanged(Accepted {
        id: RequestId::new(&id),
        versions: versions(4),
        patch: None,
        timestamp: Timestamp::EPOCH,
    }));
    bench.event(Event::Synced).quiet().desires(json!({"a": 1}));
}
