//! The convergence law over the Azure adapter: bytes on the simulated link, sections that count for themselves,
//! notifications that are not cumulative. See `tests/convergence` for the law.
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

use std::env;

use twinsync::adapter::azure::{Integers, Policy};
use twinsync::device::{Config, ForeignLeaves};
use twinsync::protocol::{TwinId, VersionScope};
use twinsync::sim::{Azure, Conditions, End, Pair, Picky, Random, Setup, Step, random_steps};
use twinsync::time::Duration;

type Lamp = Pair<Azure, 4096, 8192>;

const STEPS: usize = 60;
const MOST_MESSAGES: u64 = 100;
const SOON: Duration = Duration::from_secs(20 * 60);
const INTERVAL: Duration = Duration::from_secs(3_600);

/// A pair whose rules, sizes and link follow from the seed.
fn pair(seed: u64, name: Option<&'static str>) -> Lamp {
    let mut random = Random::new(seed);
    let mut device = Config::new(7)
        .with_versions(VersionScope::Section)
        .with_foreign_leaves(ForeignLeaves::Remove)
        .with_conditional(random.chance(300))
        .with_resync_interval(Some(INTERVAL));
    if random.chance(300) {
        device = device.with_request_timeout(Duration::from_millis(random.between(100, 20_000)));
    }
    if random.chance(300) {
        device = device.with_patch_limit(64);
    }
    // Schedules hold any number; what IoT Hub refuses of them would be withheld.
    let dialect = Azure::new(Policy::new().with_integers(Integers::Any));
    let mut setup = Setup::new(seed).with_device(device).with_hub(dialect.hub());
    if random.chance(300) {
        setup = setup.with_transmit_room(220);
    }
    if random.chance(300) {
        setup = setup.with_think(Duration::from_millis(random.below(5_000)));
    }
    if random.chance(400) {
        setup = setup.with_link(Conditions::hostile());
    }
    let refuses = if random.chance(500) { 300 } else { 0 };
    let id = TwinId::new("lamp", name).unwrap();
    Lamp::new(setup, dialect, id, Picky { refuses })
}

/// The law, for many seeds; after a new connection or after the time for a full get.
fn law(name: Option<&'static str>, reconnect: bool) {
    let only: Option<u64> = env::var("SEED").ok().map(|seed| seed.parse().unwrap());
    let count = env::var("SEEDS").map_or(150, |count| count.parse().unwrap());
    for seed in only.map_or(0..count, |only| only..only + 1) {
        let mut pair = pair(seed, name);
        if only.is_some() {
            pair.watch(|now, end, packet| {
                let arrow = if end == End::Far { "-->" } else { "<--" };
                let payload = String::from_utf8_lossy(&packet.payload);
                println!("{now} {arrow} {} {payload}", packet.topic);
            });
        }
        for step in random_steps(seed, STEPS) {
            pair.step(&step);
        }
        let messages = pair.messages();
        pair.heal();
        let within = if reconnect {
            pair.step(&Step::Connect {
                resume: seed & 1 == 0,
            });
            SOON
        } else {
            Duration::from_millis(INTERVAL.as_millis() + SOON.as_millis())
        };
        if let Err(failure) = pair.settle(within) {
            panic!("{failure}");
        }
        assert!(pair.messages() - messages <= MOST_MESSAGES, "seed {seed}");
        // In step, they stay so, and say no more than the full gets that confirm it.
        let messages = pair.messages();
        pair.run_for(Duration::from_secs(2 * 3_600));
        pair.check().unwrap();
        assert!(pair.messages() - messages <= 4, "seed {seed} talks on");
    }
}

#[test]
fn any_schedule_converges_after_a_new_connection() {
    law(None, true);
}

#[test]
fn any_schedule_converges_when_the_time_for_a_full_get_comes() {
    law(None, false);
}

#[test]
fn a_modules_twin_converges_as_a_devices_does() {
    law(Some("fan"), true);
}

#[test]
fn a_device_that_has_no_room_for_reported_follows_desired_all_the_same() {
    let dialect = Azure::default();
    let device = Config::new(7)
        .with_versions(VersionScope::Section)
        .with_resync_interval(Some(INTERVAL));
    // Both sections never fit; desired alone does.
    let setup = Setup::new(1)
        .with_device(device)
        .with_hub(dialect.hub())
        .with_receive_room(150);
    let id = TwinId::new("lamp", None).unwrap();
    let mut pair = Pair::<_, 256, 8192>::new(setup, dialect, id, Picky { refuses: 0 });
    let patch = |text: &str| {
        let mut document = twinsync::document::Document::<1024>::new();
        twinsync::codec::json::read(text.as_bytes(), document.as_mut()).unwrap();
        twinsync::sim::Patch::from(document.as_ref())
    };
    let log = format!(r#"{{"log":"{}"}}"#, "x".repeat(120));
    pair.step(&Step::Connect { resume: true });
    pair.step(&Step::Report(patch(&log)));
    pair.step(&Step::Desire(patch(r#"{"a":1,"b":2}"#)));
    pair.step(&Step::Wait(Duration::from_secs(60)));
    pair.step(&Step::Disconnect);
    pair.step(&Step::Desire(patch(r#"{"a":null,"b":3}"#)));
    pair.step(&Step::Wait(Duration::from_secs(60)));
    pair.step(&Step::Connect { resume: true });
    pair.step(&Step::Wait(Duration::from_secs(60)));
    let desired = pair.device().desired();
    assert_eq!(desired.read::<u8>(&["b"]), Ok(3));
    assert!(desired.value(&["a"]).is_none(), "and what was removed");
    assert_eq!(pair.device().reported().read::<u8>(&["b"]), Ok(3));
}
