//! Timetables of drives.

extern crate std;

use std::string::String;
use std::vec::Vec;

use super::{at, number, said, section};
use crate::document::{Document, Leaf, Value};
use crate::hal::{Actuator, ActuatorFn, Applied, ApplyError, Drive, Fault, Path};
use crate::rules::{Breach, Verdict};
use crate::time::{Duration, Instant};

const PATH: Path = &["fan"];
const FAULT: Path = &["faults", "fan"];
const STUCK: Fault = Fault::new("stuck");

/// An actuator that does whole numbers up to 100, unless it is broken, and notes what it was asked for.
#[derive(Default)]
struct Fan {
    broken: bool,
    reads_back: Option<i32>,
    tried: Vec<String>,
}

impl Actuator for Fan {
    fn apply(&mut self, value: Value<'_>) -> Result<Applied, ApplyError> {
        let wished = value.as_number().ok_or(Breach::WrongType)?;
        self.tried.push(std::format!("{wished}"));
        if self.broken {
            return Err(STUCK.into());
        }
        match wished.as_i64() {
            Some(0..=100) => Ok(Applied::Exactly),
            Some(_) => Err(Breach::OutOfRange.into()),
            None => Ok(Applied::Instead(Value::from(33))),
        }
    }

    fn in_force(&mut self) -> Option<Value<'static>> {
        self.reads_back.map(Value::from)
    }
}

/// A fan, what desired asks of it, and what reported says of it.
struct Bench {
    fan: Drive<Fan>,
    desired: Document<128>,
    reported: Document<256>,
}

impl Bench {
    fn new() -> Self {
        Self {
            fan: Drive::new(PATH, FAULT, Fan::default()),
            desired: Document::new(),
            reported: Document::new(),
        }
    }

    fn desire(&mut self, value: &str) {
        self.desired = match value {
            "" => Document::new(),
            text => section(PATH, number(text)),
        };
    }

    /// Does what an engine's `settle` does, and reports. Returns what was tried, and what is said then.
    fn settle(&mut self, now: Instant) -> (String, String) {
        self.fan.actuator().tried.clear();
        for leaf in self.desired.as_ref().leaves() {
            if leaf.path.is_empty() || self.reported.value(&leaf.path) == Some(leaf.value) {
                continue;
            }
            if self.fan.offer(now, &leaf) == Some(Verdict::Applied) {
                self.reported.set(&leaf.path, leaf.value).unwrap();
            }
        }
        let reports = self.fan.reports(now, self.desired.as_ref());
        let mut again = Vec::new();
        for report in reports {
            again.push(report);
            if report.value == Value::Null {
                self.reported.remove(report.path);
            } else {
                self.reported.set(report.path, report.value).unwrap();
            }
        }
        let same: Vec<_> = self.fan.reports(now, self.desired.as_ref()).collect();
        assert_eq!(same, again, "saying it again changes nothing");
        (self.fan.actuator().tried.join(" "), said(reports))
    }

    /// A line of a timetable: at this second desired asks for this, this is tried, this is said.
    fn line(&mut self, second: u64, wish: &str, tried: &str, words: &str) {
        self.desire(wish);
        let (fan, fault) = words.split_once(' ').unwrap_or((words, "-"));
        let expected = (tried.into(), std::format!("fan={fan}, faults.fan={fault}"));
        assert_eq!(self.settle(at(second)), expected, "second {second}");
    }
}

#[test]
fn nothing_is_known_of_hardware_until_it_did_something() {
    let mut bench = Bench::new();
    // As an earlier life of the device left it.
    bench.reported.set(PATH, 50).unwrap();
    bench.line(0, "50", "", "-");
    bench.line(1, "50", "50", "50");
    bench.line(2, "50", "", "50");
    assert_eq!(bench.fan.in_force(), Some(Value::from(50)));
}

#[test]
fn a_value_that_is_only_nearly_in_force_is_said_and_not_tried_again() {
    let mut bench = Bench::new();
    bench.line(0, "33.337", "33.337", "33");
    bench.line(100, "33.337", "", "33");
    bench.line(200, "33", "", "33");
    bench.line(201, "50", "50", "50");
    // The same again is another wish by now.
    bench.line(300, "33.337", "33.337", "33");
    assert_eq!(bench.fan.poll_timeout(), None);
}

#[test]
fn a_refusal_stands_for_as_long_as_it_is_desired() {
    let mut bench = Bench::new();
    bench.line(0, "50", "50", "50");
    bench.line(1, "101", "101", "50 out of range");
    bench.line(100, "101", "", "50 out of range");
    assert_eq!(bench.fan.error(), Some(Breach::OutOfRange.into()));
    bench.line(101, "50", "", "50");
    bench.line(102, "101", "101", "50 out of range");
    bench.line(103, "", "", "50");
    assert_eq!(bench.fan.error(), None);
}

#[test]
fn a_failure_takes_the_value_back_and_is_tried_again_after_a_wait_that_doubles() {
    let mut bench = Bench::new();
    bench.fan = bench
        .fan
        .with_retry(Duration::from_secs(2), Duration::from_secs(7));
    bench.line(0, "50", "50", "50");
    bench.fan.actuator().broken = true;
    bench.line(10, "60", "60", "- stuck");
    assert_eq!(bench.fan.poll_timeout(), Some(at(12)));
    bench.line(11, "60", "", "- stuck");
    bench.line(12, "60", "60", "- stuck");
    assert_eq!(bench.fan.poll_timeout(), Some(at(16)));
    bench.line(16, "60", "60", "- stuck");
    assert_eq!(bench.fan.poll_timeout(), Some(at(23)));
    bench.line(23, "60", "60", "- stuck");
    assert_eq!(
        bench.fan.poll_timeout(),
        Some(at(30)),
        "no longer than the longest"
    );
    // Something else is tried at once, with waits of its own.
    bench.line(24, "70", "70", "- stuck");
    assert_eq!(bench.fan.poll_timeout(), Some(at(26)));
    bench.fan.actuator().broken = false;
    bench.line(26, "70", "70", "70");
    assert_eq!(bench.fan.poll_timeout(), None);
}

#[test]
fn what_was_in_force_before_a_failure_is_put_into_effect_anew() {
    let mut bench = Bench::new();
    bench.line(0, "50", "50", "50");
    bench.fan.actuator().broken = true;
    bench.line(1, "60", "60", "- stuck");
    bench.fan.actuator().broken = false;
    bench.line(1, "50", "50", "50");
}

#[test]
fn a_fault_that_nobody_asks_to_mend_stays_and_is_not_tried() {
    let mut bench = Bench::new();
    bench.fan.actuator().broken = true;
    bench.line(0, "60", "60", "- stuck");
    bench.line(1, "", "", "- stuck");
    assert_eq!(bench.fan.poll_timeout(), None);
    bench.fan.actuator().broken = false;
    bench.line(50, "", "", "- stuck");
    bench.line(51, "60", "60", "60");
}

#[test]
fn a_value_that_is_read_back_after_a_failure_is_said() {
    let mut bench = Bench::new();
    bench.line(0, "50", "50", "50");
    *bench.fan.actuator() = Fan {
        broken: true,
        reads_back: Some(50),
        ..Fan::default()
    };
    bench.line(1, "60", "60", "50 stuck");
    bench.line(2, "60", "60", "50 stuck");
    // Back to what is in force: nothing is wrong any more.
    bench.line(3, "50", "", "50");
    // It failed, and is in force all the same.
    bench.fan.actuator().reads_back = Some(70);
    bench.line(4, "70", "70", "70");
    assert_eq!(bench.fan.poll_timeout(), None);
}

#[test]
fn a_retry_that_something_else_holds_back_waits_anew() {
    let mut bench = Bench::new();
    bench.fan.actuator().broken = true;
    bench.line(0, "60", "60", "- stuck");
    // Rules do not offer it: what is due must not be due for ever.
    let _ = bench.fan.reports(at(1), bench.desired.as_ref());
    assert_eq!(bench.fan.poll_timeout(), Some(at(2)));
}

#[test]
fn leaves_of_others_are_left_alone_and_leaves_below_are_refused() {
    let mut fan = Drive::new(PATH, FAULT, Fan::default());
    let mut offer = |path: &[&str]| {
        let desired = section(path, 5);
        let leaf: Leaf<'_> = desired.as_ref().leaves().next().unwrap();
        let verdict = fan.offer(at(0), &leaf);
        (verdict, said(fan.reports(at(0), desired.as_ref())))
    };
    let nothing = "fan=-, faults.fan=-";
    assert_eq!(offer(&["fans"]), (None, nothing.into()));
    assert_eq!(offer(&["room", "fan"]), (None, nothing.into()));
    let wrong = "fan=-, faults.fan=wrong type";
    assert_eq!(
        offer(&["fan", "speed"]),
        (Some(Verdict::Postponed), wrong.into())
    );
    assert_eq!(offer(&["fans"]), (None, nothing.into()));
    assert!(fan.actuator().tried.is_empty());
}

#[test]
fn a_text_that_is_in_force_is_the_engines_to_report() {
    let mut modes = Vec::new();
    let apply = |value: Value<'_>| match value.as_str() {
        Some(mode @ ("eco" | "boost")) => {
            modes.push(String::from(mode));
            Ok(Applied::Exactly)
        }
        Some(_) => Ok(Applied::Instead(Value::from("eco"))),
        None => Err(Breach::WrongType.into()),
    };
    let mut mode = Drive::new(&["mode"], &["faults", "mode"], ActuatorFn::new(apply));
    let mut offer = |value: Value<'_>| {
        let desired = section(&["mode"], value);
        let verdict = mode.offer(at(0), &desired.as_ref().leaves().next().unwrap());
        let reports = said(mode.reports(at(0), desired.as_ref()));
        (verdict == Some(Verdict::Applied), reports)
    };
    assert_eq!(offer("boost".into()), (true, "faults.mode=-".into()));
    assert_eq!(
        offer("turbo".into()),
        (false, "mode=eco, faults.mode=-".into())
    );
    assert_eq!(
        offer("turbo".into()),
        (false, "mode=eco, faults.mode=-".into())
    );
    assert_eq!(
        offer(7.into()),
        (false, "mode=eco, faults.mode=wrong type".into())
    );
    assert_eq!(modes, ["boost"]);
}

#[test]
fn a_device_may_start_with_a_value_of_its_own() {
    let mut bench = Bench::new();
    assert_eq!(bench.fan.start(at(0), Value::from(0)), Ok(()));
    bench.line(0, "", "", "0");
    bench.line(1, "40", "40", "40");

    let mut bench = Bench::new();
    bench.fan.actuator().broken = true;
    assert_eq!(bench.fan.start(at(0), Value::from(0)), Err(STUCK.into()));
    bench.line(0, "", "", "- stuck");
    bench.fan.actuator().broken = false;
    bench.line(0, "40", "40", "40");
}

#[test]
fn an_async_driver_hands_in_what_came_of_it() {
    let mut fan = Drive::new(PATH, FAULT, ());
    let wished = Value::from(60);
    assert!(fan.is_due(at(0), wished));
    let failed = fan.conclude(at(3), wished, Err(STUCK.into()));
    assert_eq!(failed, Verdict::Postponed);
    assert!(!fan.is_due(at(3), wished));
    assert!(fan.is_due(at(4), wished));
    let done = fan.conclude(at(5), wished, Ok(Applied::Exactly));
    assert_eq!(done, Verdict::Applied);
    let desired = section(PATH, wished);
    assert_eq!(
        said(fan.reports(at(5), desired.as_ref())),
        "fan=60, faults.fan=-"
    );
}
