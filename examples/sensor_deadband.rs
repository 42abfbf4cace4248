//! A day of readings through edge filters: messages and bytes that go out, and how far off the service is.
//!
//! `cargo run --release --example sensor_deadband [SEED]`: a boiler read once a second goes through a device
//! engine, with one filter at a time, out as AWS shadow updates. *Off* is the distance between the latest reading
//! and the last value that the service has, at its worst and on average; it is within *bound* whenever no interval
//! or window makes a change wait.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "rules for firmware; this is a program for a host"
)]

use core::error::Error;
use twinsync::adapter::aws::Client;
use twinsync::device::{Config, DeviceEngine, Output, Session};
use twinsync::document::Number;
use twinsync::hub::{self, HubEngine, InMemory};
use twinsync::protocol::{Message, TwinId};
use twinsync::rules::filter::{Aggregate, Deadband, Filter, Filters, LeafFilter, Threshold};
use twinsync::sim::Random;
use twinsync::time::{Duration, Instant, Now, Timestamp};
const PATH: &[&str] = &["celsius"];
const HALF: Deadband = Deadband::Absolute(Number::decimal(5, -1).unwrap());
const PERCENT: Deadband = Deadband::Relative(Number::decimal(1, -2).unwrap());
const TEN_MINUTES: Duration = Duration::from_secs(600);
const BAND: Filter = Filter::new().with_deadband(HALF);
const SLOW: Filter = BAND.with_min_interval(Duration::from_secs(60));
const HOT: Threshold = Threshold::above(Number::integer(80), Number::integer(5));
const ALARM: Filter = SLOW.with_thresholds([HOT]);
const HEARTBEAT: Filter = BAND.with_deadband(PERCENT).with_max_interval(TEN_MINUTES);
const MEAN: Filter = Filter::new().with_window(Duration::from_secs(300), Aggregate::Mean);
static FILTERS: [(&str, [LeafFilter; 1]); 6] = [
    ("every change", rule(Filter::new())),
    ("deadband 0.5", rule(BAND)),
    ("  and at most one a minute", rule(SLOW)),
    ("  and alarms at 80 at once", rule(ALARM)),
    ("deadband 1 %, every 10 min at least", rule(HEARTBEAT)),
    ("mean of 5 min", rule(MEAN)),
];
const fn rule(filter: Filter) -> [LeafFilter; 1] {
    [LeafFilter { path: PATH, filter }]
}

fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(1), |seed| seed.parse());
    let day = readings(seed.map_err(|_| "usage: sensor_deadband [SEED], a whole number")?);
    println!(
        "filter{:>39}      bytes     bound  off most   on avg.",
        "messages"
    );
    for (name, rules) in &FILTERS {
        let sent = run(rules, &day)?;
        let worst = sent.off.iter().copied().fold(0.0, f64::max);
        let average = sent.off.iter().sum::<f64>() / sent.off.len() as f64;
        print!("{name:<36} {:>8} {:>10} ", sent.messages, sent.bytes);
        println!("{:>9} {worst:>9.2} {average:>9.2}", sent.bound);
    }
    Ok(())
}

/// Hundredths of a degree in steps of tenths: 40 degrees at midnight and 60 at noon, a slow drift, the sensor's
/// noise, and an overheating in the evening.
fn readings(seed: u64) -> Vec<i64> {
    let mut random = Random::new(seed);
    let mut noise = |most: u64| random.below(2 * most + 1).cast_signed() - most.cast_signed();
    let mut drift = 0;
    let mut read = |second: i64| {
        drift = (drift + noise(1)).clamp(-300, 300);
        let curve = 6_000 - (second - 43_200).pow(2) / 933_120;
        let overheating = (1_500 - (second - 68_000).abs()).max(0) * 3;
        (curve + drift + overheating + noise(8)) / 10 * 10
    };
    (0..86_400).map(&mut read).collect()
}

/// What went out, how far off the filter lets the service be, and how far off it was after each reading.
#[derive(Default)]
struct Day {
    messages: usize,
    bytes: usize,
    bound: Number,
    off: Vec<f64>,
}

fn run(rules: &'static [LeafFilter; 1], day: &[i64]) -> Result<Day, Box<dyn Error>> {
    let client = Client::new(TwinId::new("boiler", None)?)?;
    let mut device = DeviceEngine::<256>::new(Config::new(1));
    let mut hub = HubEngine::<_, 512>::new(InMemory::new(), hub::Config::new());
    let mut filters = Filters::new(rules);
    let mut result = Day::default();
    device.handle_connected(Instant::ZERO, Session::Fresh);
    device.handle_subscribed(Instant::ZERO);
    for (second, reading) in (0..).zip(day) {
        let now = Instant::from_millis(second * 1_000);
        let number = Number::decimal(*reading, -2).ok_or("no number")?;
        device.observe(now, &mut filters, PATH, number)?;
        while let Some(transmit) = device.poll_transmit(now) {
            let Output::Message(message) = transmit.output() else {
                break;
            };
            if let Message::Update(_) = message {
                let mut packet = [0; 256];
                let publish = client.encode(&message, &mut packet)?;
                result.bytes += publish.topic.len() + publish.payload.len();
                result.messages += 1;
            }
            hub.handle_message(Now::new(now, Timestamp::EPOCH), client.id(), message)?;
            transmit.sent(now);
            while let Some(answer) = hub.poll_transmit() {
                device.handle_message(now, answer.message)?;
                answer.sent();
            }
        }
        let kept = device.acknowledged().read::<Number>(PATH)?;
        result.bound = result.bound.max(rules[0].filter.error_bound(kept)?);
        let distance: f64 = kept.checked_sub(number)?.to_string().parse()?;
        result.off.push(distance.abs());
    }
    Ok(result)
}
