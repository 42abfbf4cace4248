//! Edge filters in front of a device: of each reading, and of what is due without one.
#![no_std]
#![no_main]

use twinsync::device::{Config, DeviceEngine};
use twinsync::document::Number;
use twinsync::rules::filter::{
    Aggregate, Deadband, Decision, Filter, Filters, Gate, LeafFilter, Threshold,
};
use twinsync::time::{Duration, Instant};
use twinsync_proof::{sink, text, word};

const HALF: Number = Number::decimal(5, -1).unwrap();

static RULES: [LeafFilter; 3] = [
    LeafFilter {
        path: &["boiler", "celsius"],
        filter: Filter::new()
            .with_deadband(Deadband::Absolute(HALF))
            .with_min_interval(Duration::from_secs(60))
            .with_max_interval(Duration::from_secs(3_600))
            .with_thresholds([Threshold::above(Number::integer(80), Number::integer(5))]),
    },
    LeafFilter {
        path: &["flow"],
        filter: Filter::new()
            .with_deadband(Deadband::Relative(HALF))
            .with_window(Duration::from_secs(60), Aggregate::Mean),
    },
    LeafFilter {
        path: &["burner"],
        filter: Filter::new().with_thresholds([Threshold::below(HALF, HALF)]),
    },
];

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut filters = Filters::new(&RULES);
    let mut gate = Gate::new();
    let mut engine = DeviceEngine::<512>::new(Config::new(word()));
    loop {
        let now = Instant::from_millis(u64::from(word()));
        let Ok(reading) = text().parse::<Number>() else {
            continue;
        };
        let [first, ..] = &RULES;
        if let Decision::Report(report) = gate.observe(now, &first.filter, reading) {
            sink(report.value.exponent() as u32);
        }
        if let Some(at) = gate.poll_timeout(&first.filter) {
            sink(at.as_millis() as u32);
        }
        sink(gate.is_raised(word() as usize).into());
        sink(
            engine
                .observe(now, &mut filters, &[text(), text()], reading)
                .is_ok()
                .into(),
        );
        sink(engine.observe_due(now, &mut filters).is_ok().into());
        if let Some(at) = filters.poll_timeout() {
            sink(at.as_millis() as u32);
        }
    }
}
