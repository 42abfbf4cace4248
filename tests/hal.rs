//! The whole loop: a back-end's wish, a pin, what is reported of it, and what the service sees.
#![cfg(all(feature = "alloc", feature = "embedded-hal"))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test: what goes wrong is to be seen"
)]

use core::cell::RefCell;
use core::convert::Infallible;
use std::io;
use std::rc::Rc;

use embedded_hal::digital::{Error, ErrorKind, ErrorType, OutputPin};
use embedded_hal::i2c;
use embedded_hal_mock::eh1::MockError;
use embedded_hal_mock::eh1::digital::{Mock as PinMock, State, Transaction as PinUse};
use embedded_hal_mock::eh1::pwm::{Mock as PwmMock, Transaction as PwmUse};
use proptest::prelude::*;
use twinsync::codec::json;
use twinsync::device::{DeviceEngine, Verdict};
use twinsync::document::{Document, DocumentRef, Leaf, Number, Value};
use twinsync::hal::{Dimmer, Drive, Fault, Probe, Report, SensorFn, Switch};
use twinsync::protocol::TwinId;
use twinsync::rules::filter::{Deadband, Filter, Threshold};
use twinsync::rules::{Check, Rule, Rulebook, ValueRules, checked};
use twinsync::sim::{Aws, Pair, Patch, Setup, Step, Storage};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync::twin::Section;

const FAILURE: MockError = MockError::Io(io::ErrorKind::NotConnected);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

static HALF: Filter = Filter::new()
    .with_deadband(Deadband::Absolute(Number::decimal(5, -1).unwrap()))
    .with_thresholds([Threshold::above(Number::integer(30), Number::integer(1))]);

type Engine = DeviceEngine<1024>;
type Thermometer = SensorFn<Box<dyn FnMut() -> Result<Number, i2c::ErrorKind>>>;

/// A device with a relay, a fan and a thermometer, its service and a back-end.
struct Room {
    pair: Pair<Aws, 1024, 4096>,
    heater: Drive<Switch<PinMock>>,
    fan: Drive<Dimmer<PwmMock>>,
    air: Probe<Thermometer>,
    /// The same pins, to say what they are to see.
    relay: PinMock,
    pwm: PwmMock,
    /// What the thermometer says next.
    celsius: Rc<RefCell<Result<Number, i2c::ErrorKind>>>,
}

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn pair(device: &str) -> Pair<Aws, 1024, 4096> {
    // The drives decide, in the room's own loop; the pair's application does nothing.
    let later = |_: &Leaf<'_>| Verdict::Postponed;
    let id = TwinId::new(device, None).unwrap();
    let mut pair = Pair::new(Setup::new(1), Aws::default(), id, later);
    pair.step(&Step::Connect { resume: false });
    pair
}

fn desire(pair: &mut Pair<Aws, 1024, 4096>, text: &str) {
    let mut patch = Document::<256>::new();
    json::read(text.as_bytes(), patch.as_mut()).unwrap();
    pair.step(&Step::Desire(Patch::from(patch.as_ref())));
}

fn report(now: Instant, engine: &mut Engine, reports: impl Iterator<Item = Report>) {
    for report in reports {
        engine
            .report_observed(now, report.path, report.value, report.why)
            .unwrap();
    }
}

impl Room {
    fn new() -> Self {
        let (relay, pwm) = (PinMock::new(&[]), PwmMock::new(&[]));
        let celsius = Rc::new(RefCell::new(Ok(Number::from(20))));
        let source = celsius.clone();
        let thermometer: Thermometer = SensorFn::new(Box::new(move || *source.borrow()));
        let mut room = Self {
            pair: pair("room"),
            heater: Drive::new(
                &["heater"],
                &["faults", "heater"],
                Switch::active_high(relay.clone()),
            ),
            fan: Drive::new(&["fan"], &["faults", "fan"], Dimmer::percent(pwm.clone())),
            air: Probe::new(&["celsius"], &["faults", "celsius"], thermometer).with_filter(&HALF),
            relay,
            pwm,
            celsius,
        };
        room.run(SECOND);
        room
    }

    /// One turn of the application's loop.
    fn look(&mut self) {
        let (heater, fan, air) = (&mut self.heater, &mut self.fan, &mut self.air);
        self.pair.with_device(|now, engine| {
            let _ = engine.settle(now, |leaf| {
                let own = heater.offer(now, &leaf).or_else(|| fan.offer(now, &leaf));
                own.unwrap_or(Verdict::Refused)
            });
            let _ = air.read(now);
            let heater = heater.reports(now, engine.desired());
            let fan = fan.reports(now, engine.desired());
            report(now, engine, heater.chain(fan).chain(air.reports(now)));
        });
    }

    fn run(&mut self, span: Duration) {
        let end = self.pair.now() + span;
        while self.pair.now() < end {
            self.look();
            self.pair.run_for(Duration::from_millis(250));
        }
    }

    /// A back-end wishes; the pins must see exactly this, in a minute.
    fn wish(&mut self, text: &str, relay: &[PinUse], pwm: &[PwmUse]) {
        self.relay.update_expectations(relay);
        self.pwm.update_expectations(pwm);
        desire(&mut self.pair, text);
        self.run(MINUTE);
        self.relay.update_expectations(&[]);
        self.pwm.update_expectations(&[]);
    }

    fn sees(&self, path: &[&str]) -> Option<Value<'_>> {
        self.pair.twin().section(Section::Reported).value(path)
    }

    fn end(mut self) {
        self.relay.done();
        self.pwm.done();
    }
}

fn on() -> PinUse {
    PinUse::set(State::High)
}

fn off() -> PinUse {
    PinUse::set(State::Low)
}

#[test]
fn a_wish_moves_the_pins_and_the_service_sees_what_they_did() {
    let mut room = Room::new();
    let fan = [PwmUse::max_duty_cycle(1_000), PwmUse::set_duty_cycle(333)];
    room.wish(r#"{"heater":true,"fan":33.3}"#, &[on()], &fan);
    assert_eq!(room.sees(&["heater"]), Some(Value::Bool(true)));
    assert_eq!(room.sees(&["fan"]), Some(Value::Number(number("33.3"))));
    assert_eq!(room.sees(&["faults"]), None);
    let mut delta = Document::<256>::new();
    room.pair.twin().delta(&mut delta.as_mut()).unwrap();
    assert!(delta.is_empty(), "both ends agree");
    room.wish(r#"{"heater":false}"#, &[off()], &[]);
    assert_eq!(room.sees(&["heater"]), Some(Value::Bool(false)));
    room.end();
}

#[test]
fn a_wish_that_is_too_fine_is_tried_once_and_the_service_sees_what_is_in_force() {
    let mut room = Room::new();
    let third = [PwmUse::max_duty_cycle(1_000), PwmUse::set_duty_cycle(333)];
    room.wish(r#"{"fan":33.337}"#, &[], &third);
    assert_eq!(room.sees(&["fan"]), Some(Value::Number(number("33.3"))));
    let messages = room.pair.messages();
    room.run(Duration::from_secs(3_600));
    assert_eq!(
        room.pair.messages(),
        messages,
        "nothing goes round and round"
    );
    // Away and back again: the same wish is a new one.
    let half = [PwmUse::max_duty_cycle(1_000), PwmUse::set_duty_cycle(500)];
    room.wish(r#"{"fan":50}"#, &[], &half);
    assert_eq!(room.sees(&["fan"]), Some(Value::from(50)));
    room.wish(r#"{"fan":33.337}"#, &[], &third);
    assert_eq!(room.sees(&["fan"]), Some(Value::Number(number("33.3"))));
    room.end();
}

#[test]
fn what_the_hardware_cannot_take_is_a_fault_until_it_is_wished_no_more() {
    let mut room = Room::new();
    let half = [PwmUse::max_duty_cycle(1_000), PwmUse::set_duty_cycle(500)];
    room.wish(r#"{"fan":50}"#, &[], &half);
    for _ in 0..2 {
        room.wish(r#"{"fan":101}"#, &[], &[]);
        assert_eq!(room.sees(&["fan"]), Some(Value::from(50)));
        assert_eq!(room.sees(&["faults", "fan"]), Some("out of range".into()));
        room.wish(r#"{"fan":50}"#, &[], &[]);
        assert_eq!(room.sees(&["faults", "fan"]), None);
    }
    room.end();
}

#[test]
fn a_relay_that_fails_is_a_fault_for_the_service_and_is_tried_again_until_it_works() {
    let mut room = Room::new();
    room.wish(r#"{"heater":false}"#, &[off()], &[]);
    let failed = || on().with_error(FAILURE);
    room.relay
        .update_expectations(&[failed(), failed(), failed(), on()]);
    desire(&mut room.pair, r#"{"heater":true}"#);
    room.run(SECOND);
    // No silent success, and nobody knows what the relay does.
    assert_eq!(room.sees(&["heater"]), None);
    assert_eq!(room.sees(&["faults", "heater"]), Some("pin error".into()));
    room.run(MINUTE);
    assert_eq!(room.sees(&["heater"]), Some(Value::Bool(true)));
    assert_eq!(room.sees(&["faults", "heater"]), None);
    room.end();
}

#[test]
fn a_relay_that_never_works_is_tried_ever_less_often_and_said_once() {
    let mut room = Room::new();
    // At 0, 1, 3, 7, 15, 31 and 63 s, then every 60 s: 8 more in the first nine minutes.
    let failed = || on().with_error(FAILURE);
    room.relay.update_expectations(&vec![failed(); 15]);
    desire(&mut room.pair, r#"{"heater":true}"#);
    room.run(SECOND);
    let messages = room.pair.messages();
    room.run(Duration::from_secs(550));
    assert_eq!(room.pair.messages(), messages);
    assert_eq!(room.sees(&["faults", "heater"]), Some("pin error".into()));
    room.end();
}

#[test]
fn after_a_restart_the_pins_are_set_although_reported_says_so_already() {
    let mut room = Room::new();
    room.wish(r#"{"heater":true}"#, &[on()], &[]);
    room.pair.step(&Step::Save);
    room.pair.step(&Step::RestartDevice(Storage::Kept));
    // Pins are off after a reset; the drive is as new as they are.
    room.heater = Drive::new(
        &["heater"],
        &["faults", "heater"],
        Switch::active_high(room.relay.clone()),
    );
    assert_eq!(
        room.pair.device().reported().read::<bool>(&["heater"]),
        Ok(true)
    );
    room.relay.update_expectations(&[on()]);
    // Offline: what was desired is known.
    room.run(SECOND);
    room.relay.done();
    room.relay.update_expectations(&[]);
    room.pair.step(&Step::Connect { resume: false });
    room.run(MINUTE);
    assert_eq!(room.sees(&["heater"]), Some(Value::Bool(true)));
    room.end();
}

#[test]
fn a_sensor_is_reported_through_its_filter_and_its_failure_instead_of_an_old_value() {
    let mut room = Room::new();
    room.run(MINUTE);
    assert_eq!(room.sees(&["celsius"]), Some(Value::from(20)));
    let messages = room.pair.messages();
    for text in ["20.1", "20.4", "19.6"] {
        *room.celsius.borrow_mut() = Ok(number(text));
        room.run(SECOND);
    }
    assert_eq!(room.pair.messages(), messages, "within the deadband");
    *room.celsius.borrow_mut() = Ok(number("21.25"));
    room.run(SECOND);
    assert_eq!(
        room.sees(&["celsius"]),
        Some(Value::Number(number("21.25")))
    );

    let missing = i2c::ErrorKind::NoAcknowledge(i2c::NoAcknowledgeSource::Address);
    *room.celsius.borrow_mut() = Err(missing);
    room.run(MINUTE);
    assert_eq!(room.sees(&["celsius"]), None);
    assert_eq!(
        room.sees(&["faults", "celsius"]),
        Some("no acknowledge".into())
    );
    *room.celsius.borrow_mut() = Ok(number("21.3"));
    room.run(SECOND);
    assert_eq!(room.sees(&["celsius"]), Some(Value::Number(number("21.3"))));
    assert_eq!(room.sees(&["faults"]), Some(DocumentRef::EMPTY.into()));
    room.end();
}

#[test]
fn rules_keep_what_they_refuse_from_the_hardware() {
    static RULES: ValueRules = checked!(ValueRules::new(&[Rule::new(
        &["fan"],
        &[Check::at_most(80)]
    )]));
    let mut rules = Rulebook::new().with_values(&RULES);
    let pwm = PwmMock::new(&[PwmUse::max_duty_cycle(1_000), PwmUse::set_duty_cycle(800)]);
    let mut fan = Drive::new(&["fan"], &["faults", "fan"], Dimmer::percent(pwm.clone()));
    let mut pair = pair("ruled");
    let mut run = |wish| {
        desire(&mut pair, wish);
        pair.run_for(MINUTE);
        pair.with_device(|now, engine| {
            let clock = Now::new(now, Timestamp::EPOCH);
            let judge = |leaf: Leaf<'_>| fan.offer(now, &leaf).unwrap_or(Verdict::Refused);
            let _ = engine.settle_by(clock, &mut rules, judge).unwrap();
            report(now, engine, fan.reports(now, engine.desired()));
        });
        pair.run_for(MINUTE);
        let reported = pair.twin().section(Section::Reported);
        let error = reported.read::<&str>(&["errors", "fan"]);
        (reported.read::<u8>(&["fan"]).ok(), error.is_ok())
    };
    assert_eq!(run(r#"{"fan":80}"#), (Some(80), false));
    assert_eq!(run(r#"{"fan":90}"#), (Some(80), true));
    assert_eq!(run(r#"{"fan":80}"#), (Some(80), false));
    pwm.clone().done();
}

/// What can be the matter with a relay.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    /// The driver says so, and nothing happens.
    Dead,
    /// The driver says that it failed, and the relay switches.
    Lying,
}

/// A relay, and what it really does.
#[derive(Clone)]
struct Relay(Rc<RefCell<(Trouble, bool)>>);

#[derive(Debug)]
struct Broken;

impl Error for Broken {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl ErrorType for Relay {
    type Error = Broken;
}

impl Relay {
    fn set(&self, high: bool) -> Result<(), Broken> {
        let (trouble, level) = &mut *self.0.borrow_mut();
        if *trouble != Trouble::Dead {
            *level = high;
        }
        if *trouble == Trouble::None {
            Ok(())
        } else {
            Err(Broken)
        }
    }
}

impl OutputPin for Relay {
    fn set_low(&mut self) -> Result<(), Broken> {
        self.set(false)
    }

    fn set_high(&mut self) -> Result<(), Broken> {
        self.set(true)
    }
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Wish(Option<bool>),
    Trouble(Trouble),
    Wait(u16),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => any::<Option<bool>>().prop_map(Act::Wish),
        3 => prop_oneof![
            Just(Trouble::None),
            Just(Trouble::Dead),
            Just(Trouble::Lying)
        ]
        .prop_map(Act::Trouble),
        3 => (0..200_u16).prop_map(Act::Wait),
        1 => Just(Act::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_is_reported_of_a_relay_is_what_it_does(
        acts in proptest::collection::vec(act(), 1..24),
        last: bool,
    ) {
        let relay = Relay(Rc::new(RefCell::new((Trouble::None, false))));
        let make = || {
            let switch = Switch::active_high(relay.clone());
            Drive::new(&["on"], &["faults", "on"], switch)
        };
        let mut drive = make();
        let mut pair = pair("relay");
        let look = |pair: &mut Pair<Aws, 1024, 4096>, drive: &mut Drive<Switch<Relay>>| {
            pair.with_device(|now, engine| {
                let _ = engine.settle(now, |leaf| drive.offer(now, &leaf).unwrap());
                report(now, engine, drive.reports(now, engine.desired()));
                let said = engine.reported().read::<bool>(&["on"]).ok();
                assert!(said.is_none_or(|on| on == relay.0.borrow().1));
            });
        };
        let run = |pair: &mut Pair<Aws, 1024, 4096>, drive: &mut _, seconds: u16| {
            for _ in 0..seconds {
                look(pair, drive);
                pair.run_for(SECOND);
            }
        };
        let finish = [Act::Trouble(Trouble::None), Act::Wish(Some(last)), Act::Wait(130)];
        for act in acts.into_iter().chain(finish) {
            match act {
                Act::Wish(Some(true)) => desire(&mut pair, r#"{"on":true}"#),
                Act::Wish(Some(false)) => desire(&mut pair, r#"{"on":false}"#),
                Act::Wish(None) => desire(&mut pair, r#"{"on":null}"#),
                Act::Trouble(trouble) => relay.0.borrow_mut().0 = trouble,
                Act::Wait(seconds) => run(&mut pair, &mut drive, seconds),
                Act::Restart => {
                    pair.step(&Step::Save);
                    pair.step(&Step::RestartDevice(Storage::Kept));
                    relay.0.borrow_mut().1 = false;
                    drive = make();
                    pair.step(&Step::Connect { resume: false });
                }
            }
            look(&mut pair, &mut drive);
        }
        // In the end all agree.
        prop_assert_eq!(relay.0.borrow().1, last);
        let seen = pair.twin().section(Section::Reported);
        prop_assert_eq!(seen.read::<bool>(&["on"]), Ok(last));
        prop_assert!(seen.value(&["faults", "on"]).is_none());
    }
}

#[test]
fn a_driver_that_cannot_fail_has_no_faults() {
    let read = || Ok::<_, Infallible>(true);
    let mut probe = Probe::new(&["door"], &["faults", "door"], SensorFn::new(read));
    assert_eq!(probe.read(Instant::ZERO), Ok(Some(Value::Bool(true))));
    assert_eq!(probe.fault(), None::<Fault>);
}
