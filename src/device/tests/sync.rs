//! Connect, subscribe, full get, deltas, work list.

use super::*;
use crate::device::{Link, MAX_REFUSED, Settled, Verdict, VerdictError};
use alloc::format;

#[test]
fn a_fresh_connection_is_subscribed_then_gets_the_twin_then_reports() {
    let mut bench = Bench::new(config());
    bench.report(json!({"fw": "1.0"})).quiet();
    assert_eq!(bench.engine.poll_timeout(), None);
    bench.at(1_000).connect(Session::Fresh).wakes_at(1_000);
    assert_eq!(bench.engine.link(), Link::Subscribing);
    bench.expect(Sent::Subscribe).quiet().wakes_at(11_000);
    bench.at(1_200);
    bench.subscribed();
    assert_eq!(bench.engine.link(), Link::Resyncing);
    bench.expect(Sent::Get).quiet().wakes_at(11_200);
    bench.at(1_300).got(json!({"desired": {"target": 21}}), 7);
    bench
        .event(Event::Synced)
        .event(Event::DesiredChanged)
        .no_event();
    bench.known(7).desires(json!({"target": 21}));
    assert_eq!(bench.engine.link(), Link::Online);
    bench.expect(Sent::Report(json!({"fw": "1.0"}))).quiet();
    assert!(!bench.engine.is_synced());
    bench
        .at(1_400)
        .accepted(8)
        .event(Event::ReportAccepted)
        .no_event();
    bench
        .known(8)
        .has_acknowledged(json!({"fw": "1.0"}))
        .quiet();
    assert!(bench.engine.is_synced());
    assert_eq!(bench.engine.poll_timeout(), None);
}

#[test]
fn what_is_not_said_to_be_sent_stays_pending() {
    let mut bench = Bench::new(config());
    bench.connect(Session::Fresh);
    for _ in 0..3 {
        assert_eq!(bench.transmit().output(), Output::Subscribe);
    }
    bench.expect(Sent::Subscribe).quiet();
    let mut bench = Bench::online(config(), json!({}), 1);
    bench.report(json!({"a": 1}));
    drop(bench.transmit());
    bench.report(json!({"b": 2}));
    bench.expect(Sent::Report(json!({"a": 1, "b": 2})));
}

#[test]
fn subscriptions_that_do_not_stand_in_time_are_asked_for_again_with_backoff() {
    let mut bench = Bench::new(config());
    bench.connect(Session::Fresh).expect(Sent::Subscribe);
    bench.at(9_999).quiet().no_event();
    bench.at(10_000).quiet().event(Event::TimedOut {
        request: Request::Subscribe,
    });
    bench.wake().expect(Sent::Subscribe);
    assert!((10_500..=11_000).contains(&bench.now.as_millis()));
}

#[test]
fn subscriptions_may_stand_before_they_were_asked_for() {
    let mut bench = Bench::new(config());
    bench.subscribed();
    bench.quiet().connect(Session::Fresh);
    bench.subscribed();
    bench.expect(Sent::Get);
}

#[test]
fn a_twin_that_does_not_exist_is_empty() {
    let mut bench = Bench::online(
        config(),
        json!({"desired": {"a": 1}, "reported": {"b": 2}}),
        9,
    );
    bench
        .report(json!({"b": 2}))
        .expect(Sent::Report(json!({"b": 2})))
        .accepted(10);
    bench.drop_events().refresh();
    bench
        .expect(Sent::Get)
        .rejected(RequestKind::Get, Status::NotFound);
    // A version was known: it is asked once more before it is believed.
    bench
        .expect(Sent::Get)
        .rejected(RequestKind::Get, Status::NotFound);
    bench
        .event(Event::Synced)
        .event(Event::DesiredChanged)
        .no_event();
    bench
        .known(0)
        .desires(json!({}))
        .has_acknowledged(json!({}));
    bench
        .expect(Sent::Report(json!({"b": 2})))
        .accepted(1)
        .known(1)
        .quiet();
}

#[test]
fn the_next_delta_is_merged_into_desired() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1, "m": {"x": 1}}}), 4);
    bench
        .delta(json!({"m": {"y": 2}}), 5)
        .event(Event::DesiredChanged)
        .no_event();
    bench
        .known(5)
        .desires(json!({"a": 1, "m": {"x": 1, "y": 2}}))
        .quiet();
    // The same difference again, because something else was reported: no news.
    bench.delta(json!({"m": {"y": 2}}), 6).no_event().known(6);
}

#[test]
fn acknowledged_values_leave_the_work_list_and_are_reported() {
    let mut bench = Bench::online(
        config(),
        json!({"desired": {"a": 1, "m": {"x": [1], "y": {}}}}),
        4,
    );
    assert_eq!(bench.work(), "a m/x m/y");
    bench.acknowledge(&["m"]);
    assert_eq!(bench.work(), "a");
    bench
        .expect(Sent::Report(json!({"m": {"x": [1], "y": {}}})))
        .accepted(5);
    bench.acknowledge(&["a"]);
    bench.expect(Sent::Report(json!({"a": 1}))).accepted(6);
    assert_eq!(bench.work(), "");
    let unknown = bench.engine.acknowledge(bench.now, &["b"]);
    assert_eq!(unknown, Err(VerdictError::NotDesired));
}

#[test]
fn an_empty_desired_asks_for_nothing() {
    let bench = Bench::online(config(), json!({}), 4);
    assert_eq!(bench.work(), "");
    let bench = Bench::online(config(), json!({"desired": {"m": {}}}), 4);
    assert_eq!(bench.work(), "m");
}

#[test]
fn a_refused_value_is_not_offered_again_until_it_changes() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 99, "b": 1}}), 4);
    bench.engine.refuse(bench.now, &["a"]).unwrap();
    assert_eq!(bench.work(), "b");
    bench.delta(json!({"a": 99, "b": 1}), 5).no_event();
    assert_eq!(bench.work(), "b");
    bench
        .delta(json!({"a": 22}), 6)
        .event(Event::DesiredChanged);
    assert_eq!(bench.work(), "a b");
    // Asked for once more, it is refused once more, so that the reason is told again.
    bench.delta(json!({"a": 99}), 7);
    assert_eq!(bench.work(), "a b");
    assert_eq!(
        bench.engine.refuse(bench.now, &["c"]),
        Err(VerdictError::NotDesired)
    );
}

#[test]
fn the_oldest_refusal_is_forgotten_when_there_are_too_many() {
    let mut desired = serde_json::Map::new();
    for key in 0..=MAX_REFUSED {
        desired.insert(format!("k{key}"), json!(1));
    }
    let mut bench = Bench::online(config(), json!({ "desired": desired }), 4);
    for key in 0..MAX_REFUSED {
        bench
            .engine
            .refuse(bench.now, &[&format!("k{key}")])
            .unwrap();
    }
    assert_eq!(bench.work(), format!("k{MAX_REFUSED}"));
    bench
        .engine
        .refuse(bench.now, &[&format!("k{MAX_REFUSED}")])
        .unwrap();
    assert_eq!(bench.work(), "k0");
}

#[test]
fn a_work_list_is_settled_leaf_by_leaf() {
    let twin = json!({"desired": {"a": 1, "b": 2, "m": {"c": 3}}, "reported": {}});
    let mut bench = Bench::online(config(), twin, 4);
    let settled = bench
        .engine
        .settle(bench.now, |leaf| match leaf.path.last() {
            Some(&"a") => Verdict::Applied,
            Some(&"b") => Verdict::Refused,
            _ => Verdict::Postponed,
        });
    let wanted = Settled {
        applied: 1,
        refused: 1,
        postponed: 1,
        no_room: 0,
    };
    assert_eq!(settled, wanted);
    assert_eq!(bench.work(), "m/c");
    bench.expect(Sent::Report(json!({"a": 1})));
}
