//! Rules on a device and on a hub: state machine, value rules, guard, drawing.
#![no_std]
#![no_main]

use core::fmt::{self, Write};

use twinsync::device::{Config, DeviceEngine, Memory, Verdict};
use twinsync::document::{Document, DocumentRef};
use twinsync::protocol::Versions;
use twinsync::rules::{
    ANY, Check, Condition, Guard, Kind, Machine, Range, Rule, Rulebook, State, StateMachine,
    Transition, ValueRules, checked,
};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync::twin::{Head, TwinMut};
use twinsync_proof::{input, sink, text, word};

static PUMP: Machine = checked!(Machine::new(
    &[
        State::new("idle"),
        State::new("running")
            .on_entry("motor-on")
            .on_exit("motor-off"),
        State::new("paused"),
        State::new("error"),
        State::new("maintenance"),
    ],
    &[
        Transition::new("idle", "running").when(
            &[Condition::Reported(&["battery"], Check::at_least(20))],
            "battery is low"
        ),
        Transition::new("idle", "maintenance"),
        Transition::new("running", "paused"),
        Transition::new("running", "idle"),
        Transition::own("running", "error"),
        Transition::new("paused", "running"),
        Transition::after("paused", Duration::from_secs(60), "idle"),
        Transition::new("error", "idle"),
        Transition::new("maintenance", "idle"),
    ],
));

static VALUES: ValueRules = checked!(ValueRules::new(&[
    Rule::new(
        &["target"],
        &[Check::Range(Range::between(50, 355).scaled(-1))]
    )
    .required(),
    Rule::new(&["mode"], &[Check::OneOf(&["auto", "manual"])]),
    Rule::new(
        &["name"],
        &[Check::Is(Kind::Text), Check::Length { min: 1, max: 12 }]
    ),
    Rule::new(&["step"], &[Check::OneOfIntegers(&[1, 2, 5])]),
    Rule::new(&["zones", ANY, "level"], &[Check::between(0, 5)]).required(),
    Rule::new(&["min"], &[Check::Is(Kind::Number)]).when(
        &[Condition::Ordered {
            lower: &["min"],
            upper: &["max"]
        }],
        "above max"
    ),
]))
.closed();

static BOTH: (&Machine, &ValueRules) = (&PUMP, &VALUES);

/// A drawing that goes nowhere.
struct Nowhere;

impl Write for Nowhere {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        sink(text.len() as u32);
        Ok(())
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut engine = DeviceEngine::<512>::new(Config::new(word()));
    let mut rules = Rulebook::new()
        .with_machine(StateMachine::new(&PUMP))
        .with_values(&VALUES);
    let mut stored = Document::<512>::new();
    loop {
        let now = Now::new(
            Instant::from_millis(u64::from(word())),
            Timestamp::from_millis(u64::from(word())),
        );
        if let Ok(document) = Document::<512>::from_bytes(input()) {
            stored = document;
        }
        match word() & 7 {
            0 => {
                let memory = Memory {
                    desired: stored.as_ref(),
                    reported: DocumentRef::EMPTY,
                    acknowledged: DocumentRef::EMPTY,
                    versions: Versions::default(),
                    next_request: word(),
                };
                sink(engine.restore(&memory).is_ok().into());
            }
            1 => {
                let machine = StateMachine::resume(&PUMP, engine.reported());
                rules = Rulebook::new().with_machine(machine).with_values(&VALUES);
            }
            2 => rules = rules.all_or_nothing(),
            3 => sink(engine.enter(now, &mut rules, text(), text()).is_ok().into()),
            4 => {
                let (mut head, mut bytes, mut len) = (Head::ABSENT, [0; 512], 0);
                let Ok(document) = twinsync::document::DocumentMut::new(&mut bytes, &mut len)
                else {
                    continue;
                };
                let mut twin = TwinMut::new(&mut head, document);
                sink(BOTH.check(twin.as_ref(), twin.as_ref()).is_ok().into());
                let mut patch = Document::<512>::new();
                sink(patch.set(&["desired"], stored.as_ref()).is_ok().into());
                let update = twinsync::twin::Update::merge(patch.as_ref());
                let (absent, policy) = (
                    twinsync::twin::TwinRef::ABSENT,
                    twinsync::twin::Policy::new(),
                );
                let applied = twinsync::twin::apply(absent, &update, now.wall, &policy, &mut twin);
                sink(applied.is_ok().into());
                if let Err(refusal) = BOTH.check(absent, twin.as_ref()) {
                    refusal.pieces(|piece| sink(piece.len() as u32));
                }
            }
            5 => sink(PUMP.draw_dot(&mut Nowhere).is_ok().into()),
            6 => sink(PUMP.draw_mermaid(&mut Nowhere).is_ok().into()),
            _ => {
                let ruled = engine.settle_by(now, &mut rules, |leaf| match leaf.path.len() & 1 {
                    0 => Verdict::Applied,
                    _ => Verdict::Refused,
                });
                if let Ok(ruled) = ruled {
                    for event in ruled.ruling.driven.events() {
                        sink(event.action().map_or(0, str::len) as u32);
                    }
                }
                if let Some(at) = rules.poll_timeout() {
                    sink(at.as_millis() as u32);
                }
            }
        }
    }
}
