//! Rules and edge filters in front of an engine, and a condition.

use twinsync::codec::json;
use twinsync::device::{Config, DeviceEngine, Memory, Verdict};
use twinsync::document::{Document, DocumentRef, Number};
use twinsync::protocol::Versions;
use twinsync::query::{Condition as Query, Dialect, Truth};
use twinsync::rules::filter::{Aggregate, Deadband, Filter, Filters, Gate, LeafFilter, Threshold};
use twinsync::rules::{
    Check, Condition, Machine, Range, Rule, Rulebook, State, StateMachine, Transition, ValueRules,
    checked,
};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync_measure::workload::DOCUMENT;
use twinsync_measure::{expect, fixed, measure, measure_ok};

static PUMP: Machine = checked!(Machine::new(
    &[
        State::new("idle"),
        State::new("running")
            .on_entry("motor-on")
            .on_exit("motor-off"),
        State::new("paused"),
        State::new("error"),
    ],
    &[
        Transition::new("idle", "running").when(
            &[Condition::Reported(&["battery"], Check::at_least(20))],
            "battery is low"
        ),
        Transition::new("running", "paused"),
        Transition::new("running", "idle"),
        Transition::own("running", "error"),
        Transition::new("paused", "running"),
        Transition::after("paused", Duration::from_secs(60), "idle"),
        Transition::new("error", "idle"),
    ],
));

static VALUES: ValueRules = checked!(ValueRules::new(&[
    Rule::new(&["target"], &[Check::Range(Range::between(50, 355))]).required(),
    Rule::new(&["mode"], &[Check::OneOf(&["heat", "eco"])]),
    Rule::new(&["alarm", "high"], &[Check::between(0, 300)]),
    Rule::new(&["alarm", "low"], &[Check::between(0, 300)]).when(
        &[Condition::Ordered {
            lower: &["alarm", "low"],
            upper: &["alarm", "high"],
        }],
        "above high"
    ),
]));

/// Four leaves, one of which breaks a rule, and a wish for a state.
const DESIRED: &[u8] =
    br#"{"target":220,"mode":"eco","on":false,"alarm":{"high":340},"state":"running"}"#;

static FILTERS: [LeafFilter; 4] = [
    LeafFilter {
        path: &["room", "celsius"],
        filter: Filter::new()
            .with_deadband(Deadband::Absolute(Number::integer(5)))
            .with_max_interval(Duration::from_secs(3_600))
            .with_thresholds([Threshold::above(Number::integer(800), Number::integer(50))]),
    },
    LeafFilter {
        path: &["flow"],
        filter: Filter::new().with_window(Duration::from_secs(60), Aggregate::Mean),
    },
    LeafFilter {
        path: &["level"],
        filter: Filter::new().with_deadband(Deadband::Relative(Number::integer(1))),
    },
    LeafFilter {
        path: &["burner"],
        filter: Filter::new(),
    },
];

#[inline(never)]
pub fn all() {
    settle();
    filters();
    conditions();
}

#[inline(never)]
fn settle() {
    let engine = fixed!(DeviceEngine<512>, DeviceEngine::new(Config::new(7)));
    let desired = fixed!(Document<512>, Document::new());
    let reported = fixed!(Document<512>, Document::new());
    let now = Now::new(
        Instant::from_millis(1_000),
        Timestamp::from_secs(1_700_000_000),
    );
    expect(
        json::read(DESIRED, desired.as_mut()).is_ok()
            && json::read(DOCUMENT.as_bytes(), reported.as_mut()).is_ok(),
        "documents",
    );
    let memory = Memory {
        desired: desired.as_ref(),
        reported: reported.as_ref(),
        acknowledged: DocumentRef::EMPTY,
        versions: Versions::default(),
        next_request: 7,
    };
    expect(engine.restore(&memory).is_ok(), "a memory");
    let mut rules = Rulebook::new()
        .with_machine(StateMachine::new(&PUMP))
        .with_values(&VALUES);
    let ruled = measure_ok("device: settle_by, 5 changes, one refused", || {
        engine.settle_by(now, &mut rules, |_| Verdict::Applied)
    });
    expect(ruled.ruling.driven.events().next().is_some(), "a move");
    let ruled = measure_ok("device: settle_by, nothing new", || {
        engine.settle_by(now, &mut rules, |_| Verdict::Applied)
    });
    expect(ruled.ruling.driven.events().next().is_none(), "no move");
    measure_ok("device: enter", || {
        engine.enter(now, &mut rules, "error", "blocked")
    });
    measure("rules: StateMachine::resume", || {
        StateMachine::resume(&PUMP, engine.reported())
    });
    measure("rules: Rulebook::poll_timeout", || rules.poll_timeout());
}

#[inline(never)]
fn filters() {
    let engine = fixed!(DeviceEngine<512>, DeviceEngine::new(Config::new(7)));
    let mut filters = Filters::new(&FILTERS);
    let now = Instant::from_millis(1_000);
    measure_ok("device: observe, reported", || {
        engine.observe(
            now,
            &mut filters,
            &["room", "celsius"],
            Number::integer(215),
        )
    });
    measure_ok("device: observe, within the deadband", || {
        engine.observe(
            now,
            &mut filters,
            &["room", "celsius"],
            Number::integer(216),
        )
    });
    // The first reading of all is reported at once; the next ones are gathered.
    let first = engine.observe(now, &mut filters, &["flow"], Number::integer(16));
    expect(first.is_ok(), "a reading");
    measure_ok("device: observe, into a window", || {
        engine.observe(now, &mut filters, &["flow"], Number::integer(17))
    });
    measure("filters: poll_timeout", || filters.poll_timeout());
    let count = measure_ok("device: observe_due, a window", || {
        engine.observe_due(Instant::from_millis(100_000), &mut filters)
    });
    expect(count == 1, "a window");
    let mut gate = Gate::new();
    let [first, ..] = &FILTERS;
    measure("filter: Gate::observe", || {
        gate.observe(now, &first.filter, Number::integer(9))
    });
    measure("filter: Gate::poll", || gate.poll(now, &first.filter));
}

#[inline(never)]
fn conditions() {
    let document = fixed!(Document<512>, Document::new());
    expect(
        json::read(DOCUMENT.as_bytes(), document.as_mut()).is_ok(),
        "a document",
    );
    let text = "alarm.high > 340 AND (mode = 'heat' OR NOT on)";
    let condition = measure_ok("query: Condition::parse, three comparisons", || {
        Query::<32>::parse(text, Dialect::TWIN)
    });
    let truth = measure("query: Condition::evaluate", || {
        condition.evaluate(&document.as_ref())
    });
    expect(truth == Truth::True, "true");
}
