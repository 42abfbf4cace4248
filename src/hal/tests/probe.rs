//! Timetables of probes.

extern crate std;

use super::{at, number, said};
use crate::document::{Number, Value};
use crate::hal::{Fault, Path, Probe, SensorFn};
use crate::rules::filter::{Deadband, Filter, Threshold, Why};
use crate::time::Duration;

const PATH: Path = &["celsius"];
const FAULT: Path = &["faults", "celsius"];
const NAK: Fault = Fault::new("no acknowledge");

static HALF: Filter = Filter::new()
    .with_deadband(Deadband::Absolute(Number::decimal(5, -1).unwrap()))
    .with_min_interval(Duration::from_secs(10))
    .with_max_interval(Duration::from_secs(60))
    .with_thresholds([Threshold::above(Number::integer(80), Number::integer(5))]);

/// A timetable: a second, what is read (a number, `x` for a failure, `.` for nothing yet, empty for no
/// reading), and what is reported after it.
fn run(mut probe: Probe<()>, lines: &[(u64, &str, &str)]) -> Probe<()> {
    for (second, reading, expected) in lines {
        let now = at(*second);
        match *reading {
            "" => {}
            "x" => probe.observe(now, Err(NAK)),
            "." => probe.observe(now, Ok(None)),
            text => probe.observe(now, Ok(Some(Value::Number(number(text))))),
        }
        let expected = match *expected {
            "x" => "celsius=-, faults.celsius=no acknowledge".into(),
            value => std::format!("celsius={value}, faults.celsius=-"),
        };
        for _ in 0..2 {
            assert_eq!(said(probe.reports(now)), expected, "second {second}");
        }
    }
    probe
}

#[test]
fn until_something_was_read_there_is_no_value() {
    let probe = Probe::new(PATH, FAULT, ());
    run(
        probe,
        &[(0, "", "-"), (1, ".", "-"), (2, "21", "21"), (3, ".", "21")],
    );
}

#[test]
fn readings_pass_the_filter() {
    let probe = Probe::new(PATH, FAULT, ()).with_filter(&HALF);
    let probe = run(
        probe,
        &[
            (0, "20", "20"),
            (1, "20.5", "20"),
            (2, "21", "20"),
            (9, "", "20"),
            // The change waited for the minimum interval, and came without another reading.
            (10, "", "21"),
            (12, "81", "81"),
        ],
    );
    assert!(probe.gate().is_raised(0));
    assert_eq!(probe.poll_timeout(), Some(at(72)), "the heartbeat");
}

#[test]
fn a_failure_takes_the_value_back_and_recovery_reports_at_once() {
    let probe = Probe::new(PATH, FAULT, ()).with_filter(&HALF);
    let probe = run(
        probe,
        &[
            (0, "20", "20"),
            (1, "x", "x"),
            (2, "x", "x"),
            (100, "", "x"),
            (101, ".", "-"),
            // Within the deadband of what was reported before, and too soon after it.
            (102, "20.1", "20.1"),
            (103, "20.2", "20.1"),
        ],
    );
    assert_eq!(probe.fault(), None);
}

#[test]
fn tolerated_failures_pass_unless_they_go_on() {
    let probe = Probe::new(PATH, FAULT, ()).with_tolerance(2);
    run(
        probe,
        &[
            (0, "20", "20"),
            (1, "x", "20"),
            (2, "x", "20"),
            (3, "21", "21"),
            (4, "x", "21"),
            (5, "x", "21"),
            (6, "x", "x"),
            (7, "21", "21"),
        ],
    );
}

#[test]
fn a_sensor_that_failed_for_long_is_still_seen_to_fail() {
    let mut probe = Probe::new(PATH, FAULT, ()).with_tolerance(u8::MAX - 1);
    for _ in 0..1_000 {
        probe.observe(at(0), Err(NAK));
    }
    assert_eq!(probe.fault(), Some(NAK));
}

#[test]
fn reasons_are_told_once_and_a_crossing_is_not_lost() {
    let mut probe = Probe::new(PATH, FAULT, ()).with_filter(&HALF);
    let read = |probe: &mut Probe<()>, second, text| {
        probe.observe(at(second), Ok(Some(Value::Number(number(text)))));
    };
    let why = |probe: &mut Probe<()>, second| probe.reports(at(second)).next().unwrap().why;
    read(&mut probe, 0, "79");
    assert_eq!(why(&mut probe, 0), Why::Change);
    read(&mut probe, 1, "80");
    read(&mut probe, 11, "82");
    assert_eq!(why(&mut probe, 11), Why::Threshold);
    assert_eq!(why(&mut probe, 11), Why::Change, "told already");
    assert_eq!(why(&mut probe, 71), Why::Heartbeat);
    assert_eq!(why(&mut probe, 71), Why::Change);
}

#[test]
fn what_is_no_number_is_reported_as_it_changes() {
    let mut readings = [Ok("open"), Ok("open"), Err(NAK), Ok("shut")].into_iter();
    let sensor = SensorFn::new(|| readings.next().unwrap());
    let mut probe = Probe::new(&["door"], &["faults", "door"], sensor).with_filter(&HALF);
    let mut read = |second| {
        let read = probe.read(at(second));
        (read.is_ok(), said(probe.reports(at(second))))
    };
    assert_eq!(read(0), (true, "door=open, faults.door=-".into()));
    assert_eq!(read(1), (true, "door=open, faults.door=-".into()));
    assert_eq!(
        read(2),
        (false, "door=-, faults.door=no acknowledge".into())
    );
    assert_eq!(read(3), (true, "door=shut, faults.door=-".into()));
}
