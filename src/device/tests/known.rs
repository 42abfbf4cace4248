//! Gets that say what is known, and their shorter answers.

use super::*;
use crate::protocol::VersionScope;

fn config() -> Config {
    super::config().with_versions(VersionScope::Section)
}

/// An engine that restarted with the memory of one that knew versions 4 and 7, connected, subscribed.
fn restarted(desired: Json) -> Bench {
    let mut before = Bench::new(config());
    before.connect(Session::Fresh).expect(Sent::Subscribe);
    before.subscribed();
    let id = "00001000";
    before.expect(Sent::Get).report(json!({"x": 1}));
    let twin = json!({"desired": desired, "reported": {"x": 1}});
    before.got_as(id, twin, sections(4, 7)).quiet();
    let mut after = Bench::new(config());
    after.engine.restore(&before.engine.memory()).unwrap();
    after.connect(Session::Fresh).expect(Sent::Subscribe);
    after.subscribed();
    after
}

fn known(desired: Json, versions: Versions) -> Option<Known> {
    let desired = ETag::of(doc(&desired).as_ref());
    Some(Known { versions, desired })
}

#[test]
fn after_a_restart_with_an_unchanged_twin_only_what_is_new_travels() {
    let mut bench = restarted(json!({"a": 1}));
    bench.report(json!({"x": 2}));
    assert_eq!(bench.says_known(), known(json!({"a": 1}), sections(4, 7)));
    bench
        .expect(Sent::Get)
        .unchanged(sections(4, 7))
        .event(Event::Synced)
        .no_event();
    bench
        .expect(Sent::Report(json!({"x": 2})))
        .accepted_as("00001002", None, sections(4, 8))
        .quiet()
        .desires(json!({"a": 1}));
}

#[test]
fn a_patch_since_what_is_known_brings_desired_up_to_date() {
    let mut bench = restarted(json!({"a": 1}));
    bench
        .expect(Sent::Get)
        .patched(json!({"b": 2}), json!({"a": 1, "b": 2}), sections(6, 7))
        .event(Event::Synced)
        .event(Event::DesiredChanged)
        .desires(json!({"a": 1, "b": 2}))
        .known(6)
        .quiet();
    bench.disconnect().connect(Session::Resumed);
    let now = json!({"a": 1, "b": 2});
    assert_eq!(
        bench.says_known().unwrap().desired,
        known(now, sections(6, 7)).unwrap().desired
    );
}

#[test]
fn a_patch_that_does_not_lead_to_the_services_desired_changes_nothing_and_all_is_asked_for() {
    let oversized = "x".repeat(N);
    let large = json!({ "long": oversized });
    for (patch, desired, versions) in [
        (json!({"b": 2}), json!({"b": 2}), sections(6, 7)),
        (json!({"b": 2}), json!({"a": 1, "b": 2}), sections(6, 8)),
        (json!(null), json!(null), sections(6, 7)),
        (large.clone(), large, sections(6, 7)),
    ] {
        let mut bench = restarted(json!({"a": 1}));
        bench
            .expect(Sent::Get)
            .patched(patch, desired, versions)
            .no_event()
            .desires(json!({"a": 1}))
            .known(4);
        assert_eq!(bench.says_known(), None);
        let twin = json!({"desired": {"b": 2}, "reported": {"x": 1}});
        bench
            .expect(Sent::Get)
            .got_as("00001002", twin, sections(6, 7))
            .desires(json!({"b": 2}))
            .quiet();
    }
}

#[test]
fn unchanged_of_other_versions_is_not_believed() {
    let mut bench = restarted(json!({"a": 1}));
    bench.expect(Sent::Get).unchanged(sections(5, 7));
    assert_eq!(bench.says_known(), None);
    // Nor is a service that says so again: it is not asked without end.
    bench
        .expect(Sent::Get)
        .unchanged(sections(5, 7))
        .quiet()
        .wake();
    assert_eq!(bench.says_known(), None);
}

#[test]
fn a_report_that_was_in_doubt_was_not_applied_if_the_version_of_reported_is_the_same() {
    let mut bench = restarted(json!({"a": 1}));
    bench.expect(Sent::Get).unchanged(sections(4, 7));
    bench
        .report(json!({"x": 2}))
        .expect(Sent::Report(json!({"x": 2})))
        .disconnect();
    bench
        .report(json!({"x": 1, "y": 1}))
        .connect(Session::Resumed);
    bench
        .expect(Sent::Get)
        .patched(json!({"a": 2}), json!({"a": 2}), sections(5, 7));
    bench.expect(Sent::Report(json!({"y": 1})));
}

#[test]
fn in_doubt_everything_is_asked_for() {
    // Behind a gap, by command, when the time comes, and where one counter serves all.
    let mut bench = restarted(json!({"a": 1}));
    bench
        .expect(Sent::Get)
        .unchanged(sections(4, 7))
        .drop_events();
    bench.desired_patch(json!({"b": 1}), sections(6, 7));
    assert_eq!(bench.says_known(), None);
    bench.disconnect().connect(Session::Resumed);
    assert_eq!(bench.says_known(), None, "a connection ends no doubt");

    let mut bench = restarted(json!({"a": 1}));
    bench.expect(Sent::Get).unchanged(sections(4, 7)).refresh();
    assert_eq!(bench.says_known(), None);

    let hourly = config().with_resync_interval(Some(Duration::from_secs(3_600)));
    let mut bench = Bench::online(hourly, json!({"desired": {"a": 1}}), 4);
    bench.at(3_000_000).connect(Session::Resumed);
    assert!(bench.says_known().is_some());
    bench
        .expect(Sent::Get)
        .unchanged(versions(4))
        .wakes_at(3_600_000)
        .wake();
    assert_eq!(
        bench.says_known(),
        None,
        "only a full get is a confirmation"
    );

    let mut bench = Bench::online(super::config(), json!({"desired": {"a": 1}}), 4);
    bench.connect(Session::Resumed);
    assert_eq!(bench.says_known(), None);
}

#[test]
fn an_engine_that_knows_nothing_says_nothing() {
    let mut bench = Bench::new(config());
    let empty = Bench::new(config());
    bench.engine.restore(&empty.engine.memory()).unwrap();
    bench.connect(Session::Fresh).expect(Sent::Subscribe);
    bench.subscribed();
    assert_eq!(bench.says_known(), None);
}

#[test]
fn shorter_answers_that_nobody_asked_for_are_dropped() {
    let mut bench = restarted(json!({"a": 1}));
    bench
        .expect(Sent::Get)
        .unchanged(sections(4, 7))
        .drop_events();
    bench.patched(json!({"b": 1}), json!({"a": 1, "b": 1}), sections(5, 7));
    bench
        .unchanged(sections(5, 7))
        .desires(json!({"a": 1}))
        .no_event()
        .quiet();
    assert_eq!(bench.engine.counters().foreign, 2);
}

#[test]
fn the_whole_of_desired_replaces_it() {
    let start = json!({"desired": {"a": 1, "b": 1}});
    let mut bench = Bench::online(config(), start.clone(), 4);
    bench
        .desired_whole(json!({"b": 2}), sections(5, 4))
        .event(Event::DesiredChanged)
        .desires(json!({"b": 2}))
        .known(5)
        .quiet();
    // Whole as it is, a gap does no harm.
    bench
        .desired_whole(json!({"c": 3}), sections(9, 4))
        .event(Event::DesiredChanged)
        .desires(json!({"c": 3}))
        .known(9)
        .quiet();
    bench
        .desired_whole(json!({"c": 3}), sections(9, 4))
        .no_event()
        .quiet();
    bench
        .desired_whole(json!({"d": 4}), sections(8, 4))
        .no_event()
        .desires(json!({"c": 3}));
    let counters = bench.engine.counters();
    assert_eq!(
        (counters.duplicate, counters.stale, counters.gaps),
        (1, 1, 0)
    );
    assert_eq!(
        bench.says_known(),
        None,
        "once for each version the past is doubted"
    );

    // Where one counter serves all, something else may have been missed.
    let mut bench = Bench::online(super::config(), start, 4);
    bench.desired_whole(json!({"b": 2}), versions(5)).quiet();
    bench
        .desired_whole(json!({"c": 3}), versions(7))
        .desires(json!({"c": 3}))
        .known(7);
    bench
        .expect(Sent::Get)
        .got(json!({"desired": {"c": 3}}), 7)
        .quiet();
    assert_eq!(bench.engine.counters().gaps, 1);
    // The same version with other words: the service counts anew.
    bench
        .desired_whole(json!({"z": 1}), versions(7))
        .desires(json!({"c": 3}))
        .expect(Sent::Get);
}

#[test]
fn of_a_whole_desired_that_does_not_fit_the_leaves_that_do_are_taken() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 4);
    bench.desired_whole(json!({"b": 2, "long": "x".repeat(N)}), sections(5, 4));
    bench
        .event(Event::DesiredChanged)
        .desires(json!({"b": 2}))
        .known(5);
    assert!(matches!(
        bench.engine.poll_event(),
        Some(Event::DesiredTooLarge { .. })
    ));
    // What is known is not what the service has: its tag says so.
    bench.connect(Session::Resumed);
    let told = bench.says_known().unwrap();
    assert_eq!(told.desired, ETag::of(doc(&json!({"b": 2})).as_ref()));
}
