//! Connections that come and go.

use super::*;
use crate::device::{ForeignLeaves, Link};

#[test]
fn offline_for_any_time_is_one_minimal_patch() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"t": 0, "fw": "1"}))
        .expect(Sent::Report(json!({"t": 0, "fw": "1"})))
        .accepted(2);
    bench.disconnect();
    for t in 1..1_000 {
        bench.at(t * 600_000).report(json!({ "t": t })).quiet();
        assert_eq!(bench.engine.poll_timeout(), None);
    }
    bench
        .report(json!({"up": 1}))
        .connect(Session::Fresh)
        .expect(Sent::Subscribe);
    bench.subscribed();
    bench.expect(Sent::Get).got(
        json!({"desired": {"a": 1}, "reported": {"t": 0, "fw": "1"}}),
        5,
    );
    bench
        .expect(Sent::Report(json!({"t": 999, "up": 1})))
        .accepted(6)
        .quiet();
}

#[test]
fn a_session_that_was_kept_needs_no_subscription() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .disconnect()
        .at(5_000)
        .connect(Session::Resumed)
        .expect(Sent::Get)
        .got(json!({}), 1)
        .quiet();
}

#[test]
fn a_trusted_session_needs_no_get_unless_something_is_in_doubt() {
    let config = config().with_resync_on_resume(false);
    let mut bench = Bench::online(config, json!({}), 1);
    bench
        .disconnect()
        .report(json!({"x": 1}))
        .connect(Session::Resumed);
    bench
        .expect(Sent::Report(json!({"x": 1})))
        .disconnect()
        .connect(Session::Resumed);
    // It may or may not have been applied.
    bench
        .expect(Sent::Get)
        .got(json!({"reported": {"x": 1}}), 2)
        .quiet();
    bench.has_acknowledged(json!({"x": 1}));
    bench.refresh();
    bench
        .disconnect()
        .connect(Session::Resumed)
        .expect(Sent::Get);
}

#[test]
fn a_session_that_was_never_subscribed_is_subscribed() {
    let mut bench = Bench::new(config());
    bench.connect(Session::Resumed).expect(Sent::Subscribe);
}

#[test]
fn a_report_in_flight_at_the_end_of_a_connection_is_decided_by_the_full_get() {
    for applied in [true, false] {
        let mut bench = Bench::online(config(), json!({}), 1);
        bench
            .report(json!({"x": 1}))
            .expect(Sent::Report(json!({"x": 1})))
            .disconnect();
        bench.report(json!({"x": null, "y": 2}));
        bench.connect(Session::Fresh).expect(Sent::Subscribe);
        bench.subscribed();
        bench.expect(Sent::Get);
        if applied {
            bench.got(json!({"reported": {"x": 1}}), 2);
            bench.expect(Sent::Report(json!({"x": null, "y": 2})));
            bench.accepted(3).quiet();
        } else {
            bench.got(json!({}), 1);
            bench.expect(Sent::Report(json!({"y": 2})));
            bench.accepted(2).quiet();
        }
        bench.has_acknowledged(json!({"y": 2}));
    }
}

#[test]
fn connecting_twice_starts_over() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})));
    bench.connect(Session::Fresh).expect(Sent::Subscribe);
    assert_eq!(bench.engine.link(), Link::Subscribing);
}

#[test]
fn answers_of_an_earlier_connection_are_foreign() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench.refresh();
    bench
        .expect(Sent::Get)
        .disconnect()
        .got(json!({"desired": {"a": 1}}), 9)
        .desires(json!({}));
    bench
        .connect(Session::Resumed)
        .expect(Sent::Get)
        .got(json!({"desired": {"a": 2}}), 10);
    bench.desires(json!({"a": 2}));
}

#[test]
fn foreign_leaves_stay_or_go_as_configured() {
    let twin = json!({"reported": {"connected": true, "old": {"a": 1}}});
    let mut bench = Bench::online(config(), twin.clone(), 1);
    bench
        .quiet()
        .report(json!({"old": {"b": 2}}))
        .expect(Sent::Report(json!({"old": {"b": 2}})));
    let remove = config().with_foreign_leaves(ForeignLeaves::Remove);
    let mut bench = Bench::online(remove, twin, 1);
    bench
        .expect(Sent::Report(json!({"connected": null, "old": null})))
        .accepted(2)
        .quiet();
}

#[test]
fn a_leaf_that_was_taken_back_offline_is_removed() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench.report(json!({"x": 1, "m": {"y": 1}}));
    bench
        .expect(Sent::Report(json!({"x": 1, "m": {"y": 1}})))
        .accepted(2);
    bench
        .disconnect()
        .report(json!({"m": {"y": null}, "x": null}));
    bench.connect(Session::Resumed).expect(Sent::Get);
    bench.got(
        json!({"reported": {"x": 1, "m": {"y": 1, "z": 1}, "other": 1}}),
        9,
    );
    bench
        .expect(Sent::Report(json!({"x": null, "m": {"y": null}})))
        .accepted(10)
        .quiet();
}
