//! Rules on both ends of a link that loses, doubles and reorders messages, over restarts of the device.
//!
//! The laws: a device never reports a state that it could not reach, and a refused wish is reported once
//! and never talked about again.
#![cfg(feature = "alloc")]
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
use std::rc::Rc;

use proptest::prelude::*;
use twinsync::adapter::aws::{Policy, Service};
use twinsync::adapter::{azure, coap, native};
use twinsync::device::{Config, ForeignLeaves, Verdict};
use twinsync::document::{Document, DocumentRef, Leaf};
use twinsync::error::Status;
use twinsync::hub::{self, HubEngine, InMemory};
use twinsync::protocol::{
    Backoff, Cause, Message, Rejection, RequestId, RequestKind, TwinId, UpdateRequest, Wanted,
};
use twinsync::rules::{
    Check, Event, Guard, Machine, Rule, Rulebook, State, StateMachine, Transition, ValueRules,
    Wish, checked,
};
use twinsync::sim::{Aws, Conditions, End, Packet, Pair, Partition, Patch, Setup, Step, Storage};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync::twin::{Refusal, Rejected, Section, Update};

static PUMP: Machine = checked!(Machine::new(
    &[
        State::new("idle"),
        State::new("running"),
        State::new("paused"),
        State::new("error"),
        State::new("maintenance"),
    ],
    &[
        Transition::new("idle", "running"),
        Transition::new("idle", "maintenance"),
        Transition::new("running", "paused"),
        Transition::new("running", "idle"),
        Transition::new("running", "error"),
        Transition::new("paused", "running"),
        Transition::new("paused", "idle"),
        Transition::new("error", "idle"),
        Transition::new("error", "maintenance"),
        Transition::new("maintenance", "idle"),
        Transition::after("paused", Duration::from_secs(60), "idle"),
        Transition::after("maintenance", Duration::from_secs(10), "idle"),
    ],
));

static VALUES: ValueRules = checked!(ValueRules::new(&[
    Rule::new(&["target"], &[Check::between(5, 35)]),
    Rule::new(&["mode"], &[Check::OneOf(&["auto", "manual"])]),
]));

static BOTH: (&Machine, &ValueRules) = (&PUMP, &VALUES);

const POLL: Duration = Duration::from_millis(250);

/// A device with a rulebook, whose application looks at the clock four times a second.
struct Plant {
    pair: Pair<Aws, 1024, 4096>,
    rules: Rulebook,
    /// Messages that the device sent about updates.
    updates: Rc<RefCell<u64>>,
    /// Whether the machine is in its first state, whatever an earlier one has reported.
    begins: bool,
}

fn rules(machine: StateMachine) -> Rulebook {
    Rulebook::new().with_machine(machine).with_values(&VALUES)
}

/// The state in a device's report; the first one if it has not said any.
fn reported_state(reported: DocumentRef<'_>) -> String {
    let state = reported.read::<&str>(&["state"]);
    state.unwrap_or("idle").to_owned()
}

fn patch(build: impl FnOnce(&mut Document<512>)) -> Patch {
    let mut patch = Document::new();
    build(&mut patch);
    patch.as_ref().into()
}

fn wish(state: &str) -> Step {
    Step::Desire(patch(|patch| patch.set(&["state"], state).unwrap()))
}

impl Plant {
    fn new(seed: u64, guard: Option<&'static (dyn Guard + Sync)>) -> Self {
        // Late copies of reports are refused, so that no old state comes back.
        let device = Config::new(1)
            .with_conditional(true)
            .with_foreign_leaves(ForeignLeaves::Remove)
            .with_backoff(Backoff::new(
                Duration::from_secs(1),
                Duration::from_secs(20),
            ));
        let mut hub = hub::Config::new();
        if let Some(guard) = guard {
            hub = hub.with_guard(guard);
        }
        let setup = Setup::new(seed).with_device(device).with_hub(hub);
        let id = TwinId::new("pump", None).unwrap();
        // The rulebook decides; the pair's own application does nothing.
        let later = |_: &Leaf<'_>| Verdict::Postponed;
        let mut pair = Pair::new(setup, Aws::default(), id, later);
        let updates = Rc::new(RefCell::new(0));
        let count = updates.clone();
        pair.watch(move |_: Instant, end: End, packet: &Packet| {
            if end == End::Far && packet.topic.ends_with("/update") {
                *count.borrow_mut() += 1;
            }
        });
        let mut plant = Self {
            pair,
            rules: rules(StateMachine::new(&PUMP)),
            updates,
            begins: false,
        };
        plant.step(&Step::Connect { resume: false });
        plant
    }

    fn now(&self) -> Now {
        let now = self.pair.now();
        let wall = Timestamp::from_millis(1_700_000_000_000 + now.as_millis());
        Now::new(now, wall)
    }

    /// One turn of the application's loop.
    fn look(&mut self) -> Vec<Event> {
        let now = self.now();
        let rules = &mut self.rules;
        let begins = core::mem::take(&mut self.begins);
        let ruled = self.pair.with_device(|_, engine| {
            let mut state = match begins {
                true => "idle".to_owned(),
                false => reported_state(engine.reported()),
            };
            let ruled = engine.settle_by(now, rules, |_| Verdict::Applied).unwrap();
            // What it says it did leads from what it had reported to what it reports.
            let granted = match ruled.ruling.driven.wish {
                Wish::Granted(granted) => Some(granted),
                _ => None,
            };
            for step in ruled.ruling.driven.timed_out.into_iter().chain(granted) {
                assert_eq!(step.from.name(), state);
                let known = |it: &Transition| it.from() == state && it.to() == step.to.name();
                assert!(PUMP.transitions().iter().any(known), "{step:?}");
                state = step.to.name().to_owned();
            }
            assert_eq!(reported_state(engine.reported()), state);
            let before = engine.reported().as_bytes().to_vec();
            // Looking twice changes nothing.
            let again = engine.settle_by(now, rules, |_| Verdict::Applied).unwrap();
            assert_eq!(engine.reported().as_bytes(), before);
            assert!(matches!(
                again.ruling.driven.wish,
                Wish::Fulfilled | Wish::Stands
            ));
            ruled
        });
        self.check();
        ruled.ruling.driven.events().collect()
    }

    fn run(&mut self, span: Duration) {
        let end = self.pair.now() + span;
        while self.pair.now() < end {
            self.pair.run_for(POLL);
            self.look();
        }
    }

    fn step(&mut self, step: &Step) {
        self.pair.step(step);
        if let Step::RestartDevice(_) = step {
            let reported = self.pair.device().reported();
            self.rules = rules(StateMachine::resume(&PUMP, reported));
        }
        self.look();
    }

    fn start_over(&mut self) {
        self.pair.step(&Step::RestartDevice(Storage::Lost));
        self.rules = rules(StateMachine::new(&PUMP));
        self.begins = true;
        self.look();
    }

    /// What both ends say of the state could have happened.
    fn check(&self) {
        for reported in [
            self.pair.device().reported(),
            self.pair.twin().section(Section::Reported),
        ] {
            let Ok(state) = reported.read::<&str>(&["state"]) else {
                continue;
            };
            assert!(PUMP.state(state).is_some(), "{state}");
            if let Ok(previous) = reported.read::<&str>(&["previousState"]) {
                let step = |it: &Transition| it.from() == previous && it.to() == state;
                let led = PUMP.transitions().iter().any(step);
                assert!(led, "no way from {previous} to {state}");
            }
        }
        let reported = self.pair.device().reported();
        let target = reported.read::<i64>(&["target"]).unwrap_or(20);
        assert!(
            (5..=35).contains(&target),
            "a bad value was put into effect"
        );
    }

    fn updates(&self) -> u64 {
        *self.updates.borrow()
    }

    fn twin(&self) -> DocumentRef<'_> {
        self.pair.twin().section(Section::Reported)
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn an_illegal_wish_is_told_once_and_never_again() {
    let mut plant = Plant::new(1, None);
    plant.run(SECOND);
    plant.step(&wish("paused"));
    plant.run(SECOND);
    let error = |plant: &Plant| {
        plant
            .twin()
            .read::<&str>(&["stateTransitionError", "to"])
            .map(str::to_owned)
    };
    assert_eq!(error(&plant).as_deref(), Ok("paused"));
    assert_eq!(plant.twin().read::<&str>(&["state"]), Ok("idle"));
    let told = plant.updates();
    assert_eq!(told, 2, "where it is, and the error");

    // New connections, full gets, restarts with what was kept: the same wish every time.
    for resume in [false, true] {
        plant.step(&Step::Connect { resume });
        plant.run(SECOND);
    }
    plant.step(&Step::Save);
    plant.step(&Step::RestartDevice(Storage::Kept));
    plant.step(&Step::Connect { resume: false });
    plant.run(SECOND);
    plant.pair.with_device(|now, engine| engine.refresh(now));
    plant.run(Duration::from_secs(3_600));
    assert_eq!(plant.updates(), told);
    assert_eq!(error(&plant).as_deref(), Ok("paused"));
    assert_eq!(plant.pair.device().changes().count(), 0);
    plant.pair.settle(SECOND).unwrap();

    // A wish that can be followed.
    plant.step(&wish("running"));
    plant.run(SECOND);
    assert_eq!(plant.twin().read::<&str>(&["state"]), Ok("running"));
    assert!(error(&plant).is_err());
    assert_eq!(plant.updates(), told + 1);
}

#[test]
fn a_time_out_is_told_once_and_does_not_swing() {
    let mut plant = Plant::new(2, None);
    plant.step(&wish("maintenance"));
    plant.run(Duration::from_secs(9));
    assert_eq!(plant.twin().read::<&str>(&["state"]), Ok("maintenance"));
    let told = plant.updates();
    plant.run(Duration::from_secs(3_600));
    assert_eq!(plant.twin().read::<&str>(&["state"]), Ok("idle"));
    assert_eq!(
        plant.twin().read::<&str>(&["stateChangeReason"]),
        Ok("timeout")
    );
    assert_eq!(plant.updates(), told + 1);
}

#[test]
fn a_hub_with_the_same_table_stores_no_impossible_wish() {
    let mut plant = Plant::new(3, Some(&BOTH));
    plant.run(SECOND);
    for bad in [
        wish("paused"),
        Step::Desire(patch(|it| it.set(&["target"], 50).unwrap())),
    ] {
        plant.step(&bad);
        plant.run(SECOND);
    }
    assert!(
        !plant.pair.twin().section(Section::Desired).is_map()
            || plant.pair.twin().section(Section::Desired).is_empty()
    );
    assert_eq!(plant.updates(), 1, "the device never hears of them");
    plant.step(&wish("running"));
    plant.run(SECOND);
    plant.step(&wish("paused"));
    plant.run(SECOND);
    assert_eq!(plant.twin().read::<&str>(&["state"]), Ok("paused"));
}

#[test]
fn an_impossible_wish_is_answered_with_400_and_the_reason() {
    let config = hub::Config::new().with_guard(&BOTH);
    let mut hub = HubEngine::<_, 1024>::new(InMemory::new(), config);
    let service = Service::new(Policy::new());
    let id = TwinId::new("pump", None).unwrap();
    let now = Now::new(Instant::ZERO, Timestamp::from_secs(1_700_000_000));
    let mut ask = |section: &str, key: &str, value: &str| {
        let mut patch = Document::<128>::new();
        patch.set(&[section, key], value).unwrap();
        let update = Update::merge(patch.as_ref());
        let request = Message::Update(UpdateRequest { id: None, update });
        hub.handle_message(now, id, request).unwrap();
        let mut answer = String::new();
        while let Some(transmit) = hub.poll_transmit() {
            let mut out = [0; 1024];
            let publish = service
                .encode(transmit.id, &transmit.message, &mut out)
                .unwrap();
            if publish.topic.ends_with("ed") {
                answer = String::from_utf8(publish.payload.to_vec()).unwrap();
            }
            transmit.sent();
        }
        answer
    };
    assert!(ask("reported", "state", "running").contains("\"reported\""));
    assert_eq!(
        ask("desired", "state", "maintenance"),
        r#"{"code":400,"message":"state: no such transition (running -> maintenance)"}"#
    );
    assert!(ask("desired", "mode", "turbo").contains("mode: not an allowed value"));
    assert!(ask("desired", "state", "paused").contains("\"desired\""));
}

/// The words of a guard reach whoever asked, in every dialect.
#[test]
fn every_adapter_tells_which_rule_is_against_a_wish() {
    let refusal = Refusal {
        path: &["pump", "state"],
        reason: "no \"such\" transition",
        step: Some(("idle", "paused")),
    };
    let cause = Rejected::Refused(refusal);
    let rejection = Rejection {
        id: RequestId::new("00000007"),
        request: RequestKind::Update,
        status: cause.status(),
        cause: Cause::Twin(cause),
        timestamp: Timestamp::EPOCH,
    };
    let id = TwinId::new("pump", None).unwrap();
    let message = Message::Rejected(rejection);
    let words = "pump/state: no \"such\" transition (idle -> paused)";
    let quoted = words.replace('"', "\\\"");
    let mut out = [0; 1024];

    let azure = azure::Service::new(azure::Policy::new());
    let device = RequestId::new("u7");
    let publish = azure
        .encode(
            &Message::Rejected(Rejection {
                id: device,
                ..rejection
            }),
            &mut out,
        )
        .unwrap();
    assert_eq!(publish.topic, "$iothub/twin/res/400/?$rid=u7");
    let text = String::from_utf8_lossy(publish.payload);
    assert!(
        text.contains(&format!("\"message\":\"{quoted}\"")),
        "{text}"
    );
    let response = azure.respond_rejection(&rejection, &mut out).unwrap();
    assert_eq!(response.status, 400);
    let text = String::from_utf8_lossy(response.body);
    assert!(
        text.contains(&format!("ErrorCode:ArgumentInvalid;{quoted}")),
        "{text}"
    );

    let native = native::Service::new(native::Prefix::DEFAULT);
    let publish = native
        .encode(native::Asker::DEVICE, id, &message, &mut out)
        .unwrap();
    let mut scratch = Document::<256>::new();
    let client = native::Client::device(native::Prefix::DEFAULT, id);
    let heard = client
        .decode(
            publish.topic,
            publish.payload,
            Wanted::Sections,
            scratch.as_mut(),
        )
        .unwrap();
    let Message::Rejected(heard) = heard else {
        panic!("{heard:?}");
    };
    assert_eq!(heard.status, Status::Invalid);
    assert_eq!(heard.cause, Cause::Text(words));

    assert_eq!(
        coap::status::of_rejected(cause),
        coap::Code::UNPROCESSABLE_ENTITY
    );
}

#[derive(Clone, Debug)]
enum Act {
    Wish(&'static str),
    Withdraw,
    Target(i64),
    Own(&'static str),
    Run(u64),
    Do(Step),
    StartOver,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let state = || {
        prop_oneof![
            Just("idle"),
            Just("running"),
            Just("paused"),
            Just("error"),
            Just("maintenance"),
            Just("flying"),
        ]
    };
    let step = prop_oneof![
        Just(Step::Disconnect),
        any::<bool>().prop_map(|resume| Step::Connect { resume }),
        Just(Step::Partition(Partition::Both)),
        Just(Step::Partition(Partition::Toward(End::Near))),
        Just(Step::Partition(Partition::Toward(End::Far))),
        Just(Step::Partition(Partition::None)),
        Just(Step::Conditions(Conditions::hostile())),
        Just(Step::Conditions(Conditions::cellular())),
        Just(Step::Save),
        Just(Step::RestartDevice(Storage::Kept)),
        Just(Step::RestartDevice(Storage::Lost)),
        Just(Step::StopHub),
        Just(Step::StartHub(Storage::Kept)),
        Just(Step::RestartBroker),
    ];
    let act = prop_oneof![
        6 => state().prop_map(Act::Wish),
        1 => Just(Act::Withdraw),
        1 => (0_i64..50).prop_map(Act::Target),
        2 => state().prop_map(Act::Own),
        4 => (1_u64..20).prop_map(Act::Run),
        1 => Just(Act::Run(70)),
        6 => step.prop_map(Act::Do),
        1 => Just(Act::StartOver),
    ];
    proptest::collection::vec(act, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_device_never_reports_a_state_it_could_not_reach(
        seed: u64, guarded: bool, acts in acts(),
    ) {
        let mut plant = Plant::new(seed, guarded.then_some(&BOTH));
        for act in acts {
            match act {
                Act::Wish(state) => plant.step(&wish(state)),
                Act::Withdraw => plant.step(&Step::Desire(patch(|patch| {
                    patch.set(&["state"], twinsync::document::Value::Null).unwrap();
                }))),
                Act::Target(value) => plant.step(&Step::Desire(patch(|patch| {
                    patch.set(&["target"], value).unwrap();
                }))),
                Act::Own(state) => {
                    let now = plant.now();
                    let rules = &mut plant.rules;
                    let may = {
                        let from = reported_state(plant.pair.device().reported());
                        PUMP.transitions().iter().any(|it| {
                            it.from() == from && it.to() == state
                                && it.trigger() == twinsync::rules::Trigger::Wish
                        })
                    };
                    let entered = plant.pair.with_device(|_, engine| {
                        engine.enter(now, rules, state, "button").is_ok()
                    });
                    prop_assert_eq!(entered, may);
                    plant.look();
                }
                Act::Run(secs) => plant.run(Duration::from_secs(secs)),
                Act::Do(step) => plant.step(&step),
                Act::StartOver => plant.start_over(),
            }
        }
        plant.pair.heal();
        plant.step(&Step::Connect { resume: false });
        // The longest time-out, and the retries of what was lost.
        plant.run(Duration::from_secs(180));
        plant.pair.settle(SECOND).unwrap();
        let (messages, reported) = (plant.pair.messages(), plant.twin().as_bytes().to_vec());
        plant.run(Duration::from_secs(1_800));
        prop_assert_eq!(plant.pair.messages(), messages, "nobody wishes, nobody talks");
        prop_assert_eq!(plant.twin().as_bytes(), reported);
        prop_assert_eq!(plant.pair.device().reported(), plant.twin());
    }

    #[test]
    fn each_illegal_wish_costs_a_bounded_number_of_messages(seed: u64, wishes in 1_u64..20) {
        let mut plant = Plant::new(seed, None);
        plant.run(SECOND);
        let before = plant.updates();
        for n in 0..wishes {
            plant.step(&wish(if n & 1 == 0 { "paused" } else { "error" }));
            plant.run(SECOND);
        }
        prop_assert!(plant.updates() - before <= wishes);
        prop_assert_eq!(plant.twin().read::<&str>(&["state"]), Ok("idle"));
    }
}
