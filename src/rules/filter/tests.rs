//! Timetables of gates, and their laws.

extern crate std;

use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::{Aggregate, Deadband, Decision, Filter, Filters, Gate, LeafFilter, Threshold, Why};
use crate::document::Number;
use crate::time::{Duration, Instant};

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn at(secs: u64) -> Instant {
    Instant::from_millis(secs * 1_000)
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A timetable: each line is a second and a reading (`-` for none), and what comes of it.
fn run(filter: Filter, lines: &[(u64, &str, &str)]) {
    let mut gate = Gate::new();
    for (second, reading, expected) in lines {
        let decision = match *reading {
            "-" => gate.poll(at(*second), &filter),
            text => gate.observe(at(*second), &filter, number(text)),
        };
        assert_eq!(
            words(decision),
            *expected,
            "second {second}, reading {reading}"
        );
    }
}

fn words(decision: Decision) -> String {
    match decision {
        Decision::Hold => "hold".into(),
        Decision::Report(report) => {
            let mark = match report.why {
                Why::Change => "",
                Why::Heartbeat => " again",
                Why::Threshold => " alarm",
            };
            report.value.to_string() + mark
        }
    }
}

#[test]
fn a_plain_filter_reports_changes_only() {
    run(
        Filter::new(),
        &[
            (0, "1", "1"),
            (1, "1.0", "hold"),
            (2, "1.1", "1.1"),
            (3, "1", "1"),
        ],
    );
}

#[test]
fn an_absolute_deadband_is_measured_from_the_last_report() {
    run(
        Filter::new().with_deadband(Deadband::Absolute(number("0.5"))),
        &[
            (0, "20", "20"),
            (1, "20.5", "hold"),
            (2, "19.5", "hold"),
            (3, "20.51", "20.51"),
            (4, "20.1", "hold"),
            (5, "20.0", "20"),
        ],
    );
}

#[test]
fn a_relative_deadband_grows_with_the_value_and_works_below_zero() {
    let filter = Filter::new().with_deadband(Deadband::Relative(number("0.1")));
    run(
        filter,
        &[
            (0, "-200", "-200"),
            (1, "-220", "hold"),
            (2, "-221", "-221"),
            (3, "0", "0"),
        ],
    );
    // A tenth of nothing is nothing.
    run(filter, &[(0, "0", "0"), (1, "0.001", "0.001")]);
}

#[test]
fn a_change_waits_for_the_minimum_interval_and_is_dropped_if_it_comes_back() {
    let filter = Filter::new().with_min_interval(secs(10));
    run(
        filter,
        &[
            (0, "1", "1"),
            (3, "2", "hold"),
            (4, "3", "hold"),
            (10, "-", "3"),
            (12, "9", "hold"),
            (19, "3", "hold"),
            (20, "-", "hold"),
            (21, "4", "4"),
        ],
    );
    let mut gate = Gate::new();
    gate.observe(at(0), &filter, number("1"));
    assert_eq!(gate.poll_timeout(&filter), None);
    gate.observe(at(3), &filter, number("2"));
    assert_eq!(gate.poll_timeout(&filter), Some(at(10)));
    gate.observe(at(4), &filter, number("1"));
    assert_eq!(gate.poll_timeout(&filter), None);
}

#[test]
fn a_heartbeat_reports_the_latest_reading_anew() {
    let filter = Filter::new()
        .with_deadband(Deadband::Absolute(number("5")))
        .with_max_interval(secs(60));
    run(
        filter,
        &[
            (0, "20", "20"),
            (30, "22", "hold"),
            (59, "-", "hold"),
            (60, "-", "22 again"),
            (119, "-", "hold"),
            (120, "22", "22 again"),
        ],
    );
    let mut gate = Gate::new();
    gate.observe(at(7), &filter, number("20"));
    assert_eq!(gate.poll_timeout(&filter), Some(at(67)));
}

#[test]
fn a_heartbeat_never_comes_sooner_than_the_minimum_interval() {
    let filter = Filter::new()
        .with_min_interval(secs(60))
        .with_max_interval(secs(10));
    run(
        filter,
        &[(0, "1", "1"), (10, "-", "hold"), (60, "-", "1 again")],
    );
    let mut gate = Gate::new();
    gate.observe(at(0), &filter, number("1"));
    assert_eq!(gate.poll_timeout(&filter), Some(at(60)));
}

#[test]
fn crossing_a_threshold_goes_at_once_and_trembling_around_it_is_one_crossing() {
    let hot = Threshold::above(number("80"), number("5"));
    run(
        Filter::new()
            .with_deadband(Deadband::Absolute(number("100")))
            .with_min_interval(secs(3_600))
            .with_thresholds([hot]),
        &[
            (0, "60", "60"),
            (1, "79.9", "hold"),
            (2, "80", "80 alarm"),
            (3, "79", "hold"),
            (4, "81", "hold"),
            (5, "75", "hold"),
            (6, "74.9", "74.9 alarm"),
            (7, "79.9", "hold"),
        ],
    );
}

#[test]
fn a_low_threshold_and_several_at_once() {
    let filter = Filter::new()
        .with_deadband(Deadband::Absolute(number("100")))
        .with_thresholds([
            Threshold::below(number("0"), number("1")),
            Threshold::below(number("-20"), number("1")),
        ]);
    run(
        filter,
        &[
            (0, "5", "5"),
            (1, "0", "0 alarm"),
            (2, "-25", "-25 alarm"),
            (3, "-19", "hold"),
            (4, "-18.9", "-18.9 alarm"),
            (5, "1", "hold"),
            (6, "2", "2 alarm"),
        ],
    );
    let mut gate = Gate::new();
    gate.observe(at(0), &filter, number("-21"));
    assert!(gate.is_raised(0) && gate.is_raised(1) && !gate.is_raised(2));
}

#[test]
fn a_first_reading_beyond_a_threshold_is_an_alarm() {
    let filter = Filter::new().with_thresholds([Threshold::above(number("80"), number("5"))]);
    run(filter, &[(0, "90", "90 alarm"), (1, "90", "hold")]);
}

#[test]
fn a_window_reports_one_number_for_all_its_readings() {
    let window = |aggregate| Filter::new().with_window(secs(10), aggregate);
    let lines = |result| {
        [
            (0, "4", "4"),
            (1, "1", "hold"),
            (5, "9", "hold"),
            (10, "2", "hold"),
            (11, "-", result),
            (12, "-", "hold"),
        ]
    };
    run(window(Aggregate::Min), &lines("1"));
    run(window(Aggregate::Max), &lines("9"));
    run(window(Aggregate::Last), &lines("2"));
    run(window(Aggregate::Mean), &lines("hold"));
    run(
        window(Aggregate::Mean),
        &[
            (0, "4", "4"),
            (1, "1", "hold"),
            (2, "1.5", "hold"),
            (3, "2.5", "hold"),
            (11, "-", "1.67"),
        ],
    );
}

#[test]
fn a_window_closes_when_its_time_has_come_or_with_the_reading_after() {
    let filter = Filter::new().with_window(secs(10), Aggregate::Max);
    run(
        filter,
        &[
            (0, "1", "1"),
            (1, "3", "hold"),
            (11, "2", "3"),
            (12, "5", "hold"),
            (22, "-", "5"),
        ],
    );
    let mut gate = Gate::new();
    gate.observe(at(0), &filter, number("1"));
    gate.observe(at(1), &filter, number("3"));
    assert_eq!(gate.poll_timeout(&filter), Some(at(11)));
}

#[test]
fn a_window_whose_sum_is_full_closes_early() {
    let filter = Filter::new().with_window(secs(3_600), Aggregate::Mean);
    let most = i64::MAX.to_string();
    run(
        filter,
        &[
            (0, "1", "1"),
            (1, &most, "hold"),
            (2, &most, "9223372036854775807"),
        ],
    );
}

#[test]
fn an_alarm_starts_a_new_window() {
    let filter = Filter::new()
        .with_window(secs(10), Aggregate::Max)
        .with_thresholds([Threshold::above(number("80"), number("5"))]);
    run(
        filter,
        &[
            (0, "60", "60"),
            (1, "70", "hold"),
            (2, "85", "85 alarm"),
            (3, "82", "hold"),
            (11, "-", "hold"),
            (13, "-", "82"),
        ],
    );
}

static TABLE: [LeafFilter; 2] = [
    LeafFilter {
        path: &["a", "b"],
        filter: Filter::new().with_min_interval(Duration::from_secs(10)),
    },
    LeafFilter {
        path: &["c"],
        filter: Filter::new().with_max_interval(Duration::from_secs(5)),
    },
];

#[test]
fn a_table_keeps_its_leaves_apart_and_lets_others_through() {
    let mut filters = Filters::new(&TABLE);
    assert_eq!(filters.poll_timeout(), None);
    assert_eq!(
        filters.poll(at(0)),
        None,
        "nothing is reported before a first reading"
    );
    let mut observe =
        |secs, path: &[&str], text| words(filters.observe(at(secs), path, number(text)));
    assert_eq!(observe(0, &["a", "b"], "1"), "1");
    assert_eq!(observe(1, &["a", "b"], "2"), "hold");
    assert_eq!(observe(1, &["c"], "2"), "2");
    assert_eq!(observe(1, &["a"], "2"), "2", "no filter is for this path");
    assert_eq!(observe(1, &["a"], "2"), "2");
    assert_eq!(filters.poll_timeout(), Some(at(6)));
    let (path, report) = filters.poll(at(6)).unwrap();
    assert_eq!((path, report.why), (["c"].as_slice(), Why::Heartbeat));
    assert_eq!(filters.poll(at(6)), None);
    assert_eq!(filters.poll_timeout(), Some(at(10)));
    let (path, report) = filters.poll(at(10)).unwrap();
    assert_eq!((path, report.value), (["a", "b"].as_slice(), number("2")));
}

#[test]
fn a_heartbeat_without_an_interval_is_not_due_for_ever() {
    let mut gate = Gate::new();
    let filter = Filter::new().with_max_interval(Duration::ZERO);
    assert_eq!(words(gate.observe(at(1), &filter, number("1"))), "1");
    assert_eq!(words(gate.poll(at(1), &filter)), "hold");
    let due = Instant::from_millis(1_001);
    assert_eq!(gate.poll_timeout(&filter), Some(due));
    assert_eq!(words(gate.poll(due, &filter)), "1 again");
}

fn readings() -> impl Strategy<Value = Vec<(u64, i64)>> {
    prop::collection::vec((0_u64..20, -300_i64..300), 1..60)
}

proptest! {
    /// Without intervals and windows, the service is never further off than the deadband.
    #[test]
    fn the_error_never_exceeds_the_deadband(steps in readings(), band in 0_i64..50, relative: bool) {
        let band = Number::new(band, -2).unwrap();
        let deadband = if relative { Deadband::Relative(band) } else { Deadband::Absolute(band) };
        let filter = Filter::new().with_deadband(deadband);
        let (mut gate, mut now) = (Gate::new(), 0);
        for (pause, tenths) in steps {
            now += pause;
            let reading = Number::new(tenths, -1).unwrap();
            gate.observe(at(now), &filter, reading);
            let reported = gate.reported().unwrap();
            let off = reading.checked_sub(reported).unwrap().checked_abs().unwrap();
            prop_assert!(off <= filter.error_bound(reported).unwrap());
        }
    }

    /// Polled whenever it asks for it, a filter never reports sooner than the minimum interval allows, nor
    /// stays silent for longer than the maximum interval; and it is never asked for ever.
    #[test]
    fn reports_keep_to_their_intervals(steps in readings(), min in 0_u64..30, more in 0_u64..60) {
        let (min, max) = (Duration::from_millis(min), Duration::from_millis(min + more));
        let filter = Filter::new().with_min_interval(min).with_max_interval(max);
        let longest = max.max(Duration::from_millis(1));
        let (mut gate, mut now) = (Gate::new(), Instant::ZERO);
        let mut last: Option<Instant> = None;
        let mut check = |now: Instant, decision: Decision| {
            let Decision::Report(_) = decision else { return Ok(()) };
            if let Some(last) = last {
                let quiet = now.saturating_since(last);
                prop_assert!(quiet >= min && quiet <= longest, "{quiet:?} at {now:?}");
            }
            last = Some(now);
            Ok(())
        };
        for (pause, reading) in steps {
            let until = now + Duration::from_millis(pause);
            while let Some(due) = gate.poll_timeout(&filter) && due <= until {
                now = now.max(due);
                let decision = gate.poll(now, &filter);
                prop_assert!(matches!(decision, Decision::Report(_)), "asked for nothing");
                check(now, decision)?;
                prop_assert!(gate.poll_timeout(&filter) > Some(now), "due again at once");
            }
            now = until;
            check(now, gate.observe(now, &filter, Number::from(reading)))?;
        }
    }

    /// What a window reports lies between the lowest and the highest of its readings.
    #[test]
    fn an_aggregate_lies_within_its_readings(readings in prop::collection::vec(-1_000_i64..1_000, 1..40)) {
        for aggregate in [Aggregate::Last, Aggregate::Min, Aggregate::Max, Aggregate::Mean] {
            let filter = Filter::new().with_window(secs(10), aggregate);
            let mut gate = Gate::new();
            gate.observe(at(0), &filter, number("5000"));
            for reading in &readings {
                prop_assert_eq!(gate.observe(at(1), &filter, Number::from(*reading)), Decision::Hold);
            }
            let Decision::Report(report) = gate.poll(at(11), &filter) else { panic!("is due") };
            let lowest = Number::from(*readings.iter().min().unwrap());
            let highest = Number::from(*readings.iter().max().unwrap());
            prop_assert!(lowest <= report.value && report.value <= highest);
            if aggregate == Aggregate::Mean {
                let sum: i64 = readings.iter().sum();
                let tenths = (sum * 10) as f64 / readings.len() as f64;
                let mean: f64 = report.value.to_string().parse().unwrap();
                prop_assert!((mean * 10.0 - tenths).abs() <= 0.500_001);
            }
        }
    }
}
