//! Readings that pass through filters on their way into reports.

use serde_json::json;

use super::{Bench, Sent, config};
use crate::document::Number;
use crate::rules::filter::{Deadband, Decision, Filter, Filters, LeafFilter, Threshold};
use crate::time::Duration;

static RULES: [LeafFilter; 2] = [
    LeafFilter {
        path: &["celsius"],
        filter: Filter::new()
            .with_deadband(Deadband::Absolute(Number::integer(1)))
            .with_thresholds([Threshold::above(Number::integer(80), Number::integer(5))]),
    },
    LeafFilter {
        path: &["level"],
        filter: Filter::new()
            .with_deadband(Deadband::Absolute(Number::integer(9)))
            .with_max_interval(Duration::from_secs(60)),
    },
];

struct Observer {
    bench: Bench,
    filters: Filters<2>,
}

impl Observer {
    fn online(coalesce: u64) -> Self {
        let config = config().with_coalesce(Duration::from_secs(coalesce));
        Self {
            bench: Bench::online(config, json!({}), 1),
            filters: Filters::new(&RULES),
        }
    }

    fn observe(&mut self, leaf: &str, reading: i64) -> Decision {
        let Self { bench, filters } = self;
        let reading = Number::integer(reading);
        let decision = bench.engine.observe(bench.now, filters, &[leaf], reading);
        decision.unwrap()
    }

    fn due(&mut self) -> usize {
        let Self { bench, filters } = self;
        bench.engine.observe_due(bench.now, filters).unwrap()
    }
}

#[test]
fn what_a_filter_holds_back_is_not_reported() {
    let mut observer = Observer::online(0);
    observer.observe("celsius", 20);
    observer.bench.expect(Sent::Report(json!({"celsius": 20})));
    observer.bench.accepted(2).drop_events();
    assert_eq!(observer.observe("celsius", 21), Decision::Hold);
    observer.bench.quiet();
    observer.observe("celsius", 22);
    observer.bench.expect(Sent::Report(json!({"celsius": 22})));
}

#[test]
fn an_alarm_goes_past_the_interval_of_reports_and_takes_the_rest_along() {
    let mut observer = Observer::online(300);
    observer.observe("celsius", 20);
    observer.bench.expect(Sent::Report(json!({"celsius": 20})));
    observer.bench.at(1_000).accepted(2).drop_events();
    observer.observe("celsius", 40);
    observer.observe("level", 3);
    observer.bench.quiet().wakes_at(300_000);
    observer.observe("celsius", 80);
    let report = json!({"celsius": 80, "level": 3});
    observer.bench.expect(Sent::Report(report)).accepted(3);
    // The interval holds again from there.
    observer.observe("celsius", 90);
    observer.bench.quiet().wakes_at(301_000);
}

#[test]
fn a_heartbeat_goes_out_although_nothing_has_changed() {
    let mut observer = Observer::online(0);
    observer.observe("level", 3);
    observer.bench.expect(Sent::Report(json!({"level": 3})));
    observer.bench.accepted(2).drop_events().at(59_000);
    assert_eq!(observer.due(), 0);
    observer.bench.quiet().at(60_000);
    assert_eq!(observer.due(), 1);
    observer.bench.expect(Sent::Report(json!({"level": 3})));
    observer
        .bench
        .accepted(3)
        .quiet()
        .has_acknowledged(json!({"level": 3}));
}

#[test]
fn a_value_that_is_taken_back_before_its_heartbeat_went_out_is_removed() {
    let mut observer = Observer::online(0);
    observer.observe("level", 3);
    observer.bench.expect(Sent::Report(json!({"level": 3})));
    observer.bench.accepted(2).drop_events().at(60_000);
    observer.due();
    observer.bench.report(json!({"level": null}));
    observer.bench.expect(Sent::Report(json!({"level": null})));
}

#[test]
fn a_reading_that_does_not_fit_is_an_error_and_is_judged_anew_when_it_does() {
    let mut observer = Observer::online(0);
    let room = "x".repeat(482);
    observer
        .bench
        .report(json!({"text": room, "more": "12345"}));
    let Observer { bench, filters } = &mut observer;
    let reading = Number::integer(20);
    let before = *filters;
    assert!(
        bench
            .engine
            .observe(bench.now, filters, &["celsius"], reading)
            .is_err()
    );
    assert_eq!(*filters, before);
    bench.report(json!({"text": null}));
    let decision = bench
        .engine
        .observe(bench.now, filters, &["celsius"], reading);
    assert!(matches!(decision, Ok(Decision::Report(_))));
}
