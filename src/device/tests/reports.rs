//! Reports: merged, coalesced, one in flight, time-outs.

use super::*;
use crate::device::ReportError;
use crate::document::{EditError, Value};

#[test]
fn what_is_reported_again_without_a_change_is_not_sent() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench.report(json!({"x": 1, "m": {"y": [1, 2]}}));
    bench
        .expect(Sent::Report(json!({"x": 1, "m": {"y": [1, 2]}})))
        .accepted(2);
    bench.report(json!({"x": 1, "m": {"y": [1, 2]}})).quiet();
    assert!(bench.engine.is_synced());
}

#[test]
fn single_values_become_one_patch() {
    let mut bench = Bench::online(config(), json!({}), 1);
    let now = bench.now;
    bench.engine.report_value(now, &["m", "x"], 1).unwrap();
    bench.engine.report_value(now, &["m", "y"], "two").unwrap();
    bench.engine.report_value(now, &["on"], true).unwrap();
    bench
        .expect(Sent::Report(json!({"m": {"x": 1, "y": "two"}, "on": true})))
        .accepted(2);
    bench
        .engine
        .report_value(now, &["m", "x"], Value::Null)
        .unwrap();
    bench
        .expect(Sent::Report(json!({"m": {"x": null}})))
        .accepted(3)
        .quiet();
    bench.reports(json!({"m": {"y": "two"}, "on": true}));
}

#[test]
fn reports_in_a_window_go_out_as_one() {
    let mut bench = Bench::online(config().with_coalesce(Duration::from_secs(5)), json!({}), 1);
    bench
        .report(json!({"t": 1}))
        .expect(Sent::Report(json!({"t": 1})));
    bench.at(100).accepted(2);
    bench
        .at(1_000)
        .report(json!({"t": 2}))
        .quiet()
        .wakes_at(5_000);
    bench.at(4_000).report(json!({"t": 3, "u": 1})).quiet();
    bench
        .at(5_000)
        .expect(Sent::Report(json!({"t": 3, "u": 1})))
        .accepted(3)
        .quiet();
    // A value that came back within its window is not sent at all.
    bench
        .at(6_000)
        .report(json!({"t": 4}))
        .at(7_000)
        .report(json!({"t": 3}))
        .quiet();
    bench.at(60_000).quiet();
}

#[test]
fn one_report_is_in_flight_and_what_changes_meanwhile_follows() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})));
    bench
        .at(100)
        .report(json!({"x": 2}))
        .quiet()
        .report(json!({"y": 1}))
        .quiet();
    bench
        .at(200)
        .accepted(2)
        .expect(Sent::Report(json!({"x": 2, "y": 1})))
        .accepted(3)
        .quiet();
}

#[test]
fn an_unanswered_report_is_sent_again_as_it_was_with_a_fresh_id() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})));
    // Back to what the service is known to have: the report in flight may be applied all the same.
    bench.at(5_000).report(json!({"x": null}));
    bench
        .at(10_000)
        .event(Event::TimedOut {
            request: Request::Update,
        })
        .quiet();
    assert!(!bench.engine.is_synced());
    bench
        .wake()
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(2);
    bench
        .expect(Sent::Report(json!({"x": null})))
        .accepted(3)
        .quiet();
    assert_eq!(bench.engine.counters().timeouts, 1);
}

#[test]
fn the_late_answer_of_an_earlier_attempt_leads_to_a_full_get() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})));
    let first = bench.id.clone();
    bench
        .at(10_000)
        .wake()
        .expect(Sent::Report(json!({"x": 1})));
    bench.accepted_as(&first, Some(json!({"reported": {"x": 1}})), versions(2));
    bench.quiet().accepted(3);
    bench
        .expect(Sent::Get)
        .got(json!({"reported": {"x": 1}}), 3)
        .quiet();
    bench.has_acknowledged(json!({"x": 1}));
}

#[test]
fn an_answer_that_comes_twice_counts_once() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(2);
    bench.drop_events().accepted(2).no_event().quiet().known(2);
    assert_eq!(bench.engine.counters().duplicate, 1);
}

#[test]
fn delays_double_up_to_the_cap_and_start_over_after_an_answer() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench.report(json!({"x": 1}));
    for attempt in 0..12 {
        bench.expect(Sent::Report(json!({"x": 1})));
        let failed = bench.now.as_millis() + 10_000;
        bench.at(failed).wake();
        let whole = (1_000 << attempt).min(60_000);
        let delay = bench.now.as_millis() - failed;
        assert!((whole / 2..=whole).contains(&delay), "{attempt}: {delay}");
    }
    bench.expect(Sent::Report(json!({"x": 1}))).accepted(2);
    bench
        .report(json!({"x": 2}))
        .expect(Sent::Report(json!({"x": 2})));
    let failed = bench.now.as_millis() + 10_000;
    bench.at(failed).wake();
    assert!(bench.now.as_millis() <= failed + 1_000);
}

#[test]
fn two_devices_do_not_wait_alike() {
    let delays = |seed| {
        let backoff = Backoff::new(Duration::from_secs(60), Duration::from_secs(600));
        let mut bench = Bench::new(Config::new(seed).with_backoff(backoff));
        bench
            .connect(Session::Fresh)
            .expect(Sent::Subscribe)
            .at(10_000)
            .wake();
        bench.now
    };
    assert_ne!(delays(1), delays(2));
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .at(50_000)
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})));
    bench.at(1_000).quiet().wakes_at(60_000);
    bench.at(59_999).no_event();
    bench.at(60_000).event(Event::TimedOut {
        request: Request::Update,
    });
}

#[test]
fn extra_timeouts_do_nothing() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})));
    for _ in 0..5 {
        bench.at(9_999).no_event().quiet();
    }
    for _ in 0..5 {
        bench.at(10_000).quiet();
    }
    assert_eq!(bench.engine.counters().timeouts, 1);
}

#[test]
fn conditional_reports_name_the_known_version() {
    let mut bench = Bench::online(config().with_conditional(true), json!({}), 4);
    bench.report(json!({"x": 1}));
    assert_eq!(bench.precondition(), Precondition::Version(Version::new(4)));
    let mut bench = Bench::online(config(), json!({}), 4);
    bench.report(json!({"x": 1}));
    assert_eq!(bench.precondition(), Precondition::Any);
}

#[test]
fn a_report_that_can_not_be_taken_changes_nothing() {
    let mut bench = Bench::online(config(), json!({}), 1);
    let now = bench.now;
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(2);
    let long = "y".repeat(N);
    let error = bench.engine.report_value(now, &["long"], long.as_str());
    assert!(
        matches!(error, Err(ReportError::Edit(EditError::Capacity(_)))),
        "{error:?}"
    );
    let error = bench
        .engine
        .report(now, doc(&json!({ "long": long })).as_ref());
    assert!(
        matches!(error, Err(ReportError::Edit(EditError::Capacity(_)))),
        "{error:?}"
    );
    assert_eq!(
        bench.engine.report(now, doc(&json!([1])).as_ref()),
        Err(ReportError::NotAMap)
    );
    assert_eq!(
        bench.engine.report_value(now, &[], 1),
        Err(ReportError::NotAMap)
    );
    // As a patch it takes something back; as a value it would be sent for ever.
    let holed = doc(&json!({"why": {"not": null}}));
    let holed = holed.as_ref().root();
    assert_eq!(
        bench.engine.report_value(now, &["refused"], holed),
        Err(ReportError::Null)
    );
    let deep = Err(ReportError::Edit(EditError::TooDeep));
    assert_eq!(bench.engine.report_value(now, &["d"; 16], 1), deep);
    bench.reports(json!({"x": 1})).quiet();
    bench.engine.report_value(now, &["d"; 15], 1).unwrap();
    assert_eq!(bench.transmit().report().depth(), 15);
}

#[cfg(feature = "serde")]
#[test]
fn a_struct_is_reported_as_what_changed_of_it() {
    #[derive(serde::Serialize)]
    struct State<'a> {
        target: i16,
        mode: &'a str,
        fan: Option<u8>,
    }
    let mut bench = Bench::online(config(), json!({}), 1);
    let mut scratch = Document::<64>::new();
    let mut state = State {
        target: 21,
        mode: "eco",
        fan: Some(1),
    };
    let (now, engine) = (bench.now, &mut bench.engine);
    engine
        .report_serialized(now, &state, &mut scratch.as_mut())
        .unwrap();
    bench.expect(Sent::Report(json!({"target": 21, "mode": "eco", "fan": 1})));
    bench.accepted(2);
    (state.target, state.fan) = (22, None);
    let engine = &mut bench.engine;
    engine
        .report_serialized(now, &state, &mut scratch.as_mut())
        .unwrap();
    bench.expect(Sent::Report(json!({"target": 22, "fan": null})));
    let error = bench
        .engine
        .report_serialized(now, &7, &mut scratch.as_mut());
    assert!(error.is_err());
    bench.reports(json!({"target": 22, "mode": "eco"}));
}
