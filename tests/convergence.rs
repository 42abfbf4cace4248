//! scratch
#![cfg(feature = "alloc")]

use twinsync::device::{Config, ForeignLeaves};
use twinsync::hub;
use twinsync::protocol::{Backoff, TwinId};
use twinsync::sim::{
    Aws, Conditions, End, Failure, Pair, Picky, Random, Settled, Setup, Step, random_steps,
};
use twinsync::time::Duration;

type AwsPair = Pair<Aws, 4096, 8192>;

fn lamp() -> TwinId<'static> {
    TwinId::new("lamp", None).unwrap()
}

#[derive(Default, Debug)]
struct Stats {
    gaps: u32,
    timeouts: u32,
    stale: u32,
    foreign: u32,
    dup: u32,
    desired: u64,
    reported: u64,
    versions: u64,
    withheld: u64,
    msgs: u64,
}

fn run(seed: u64, steps: &[Step], trace: bool, stats: &mut Stats) -> Result<Settled, Failure> {
    let mut r = Random::new(seed);
    let mut config = Config::new(7)
        .with_foreign_leaves(ForeignLeaves::Remove)
        .with_conditional(r.chance(300));
    if r.chance(300) {
        config = config.with_coalesce(Duration::from_secs(r.below(20)));
    }
    if r.chance(300) {
        config = config.with_backoff(Backoff::new(
            Duration::from_millis(r.between(1, 5000)),
            Duration::from_secs(60),
        ));
    }
    if r.chance(300) {
        config = config.with_request_timeout(Duration::from_millis(r.between(100, 20000)));
    }
    let mode = std::env::var("MODE").map_or(seed % 4, |m| m.parse().unwrap());
    if mode == 1 {
        config = config.with_resync_interval(Some(Duration::from_secs(3600)));
    }
    let mut setup = Setup::new(seed);
    if r.chance(300) {
        setup = setup.with_transmit_room(220);
    }
    if r.chance(300) {
        setup = setup.with_think(Duration::from_millis(r.below(5000)));
    }
    if r.chance(300) {
        config = config.with_patch_limit(64);
    }
    if mode != 3 && r.chance(400) {
        setup = setup.with_link(Conditions::hostile());
    }
    setup = setup.with_device(config).with_hub(hub::Config::new());
    let refuses = if r.chance(500) { 300 } else { 0 };
    let mut pair = AwsPair::new(
        setup,
        Aws::default().with_echo(std::env::var("ECHO").is_ok() || r.chance(500)),
        lamp(),
        Picky { refuses },
    );
    let mode = std::env::var("MODE").map_or(seed % 4, |m| m.parse().unwrap());
    if trace {
        pair.watch(|now, end, packet| {
            println!(
                "{now} {} {} {}",
                if end == End::Far { "-->" } else { "<--" },
                packet.topic.rsplit("shadow/").next().unwrap(),
                String::from_utf8_lossy(&packet.payload)
            )
        });
    }
    for step in steps {
        if trace {
            println!("{} {step:?}", pair.now());
        }
        if mode == 3 {
            match step {
                Step::Delete | Step::Partition(_) | Step::StopHub | Step::StartHub(_) => continue,
                Step::Conditions(_) => pair.step(&Step::Conditions(
                    Conditions::perfect()
                        .with_latency(Duration::ZERO, Duration::from_millis(r.below(3000)))
                        .with_reordering(300)
                        .with_duplication(200),
                )),
                _ => pair.step(step),
            }
        } else {
            pair.step(step);
        }
    }
    let before = pair.messages();
    pair.heal();
    match mode {
        0 => pair.step(&Step::Connect {
            resume: r.chance(500),
        }),
        2 => {
            pair.run_for(Duration::from_secs(400));
            let mut d = twinsync::document::Document::<64>::new();
            d.set(&["zzz"], seed as i64).unwrap();
            pair.step(&Step::Desire(d.as_ref().into()));
        }
        _ => {}
    }
    let settled = pair.settle(Duration::from_secs(if mode == 1 { 3_700 } else { 1_200 }));
    let c = pair.device().counters();
    stats.gaps += c.gaps;
    stats.timeouts += c.timeouts;
    stats.stale += c.stale;
    stats.foreign += c.foreign;
    stats.dup += c.duplicate;
    stats.desired += u64::from(!pair.device().desired().is_empty());
    stats.reported += u64::from(!pair.device().reported().is_empty());
    stats.versions += pair.twin().versions().twin.as_u64();
    stats.withheld += pair.withheld();
    stats.msgs += pair.messages();
    let mut settled = settled?;
    settled.messages = pair.messages() - before;
    let m = pair.messages();
    pair.run_for(Duration::from_secs(7200));
    pair.check()?;
    if pair.messages() - m > 2 {
        println!("seed {seed} talks on: {}", pair.messages() - m);
    }
    Ok(settled)
}

#[test]
fn any_schedule_converges() {
    let mut worst = 0;
    let mut slowest = Duration::ZERO;
    let mut failures = 0;
    let mut stats = Stats::default();
    let from = std::env::var("FROM").map_or(0, |s| s.parse().unwrap());
    for seed in from..std::env::var("SEEDS").map_or(50, |s| s.parse().unwrap()) {
        match run(seed, &random_steps(seed, 60), false, &mut stats) {
            Ok(settled) => {
                if settled.messages > worst {
                    worst = settled.messages;
                    println!("seed {seed} {worst} messages");
                }
                if settled.elapsed > slowest {
                    slowest = settled.elapsed;
                    println!("seed {seed}: {slowest}");
                }
            }
            Err(failure) => {
                if failures < 3 {
                    let mut steps = random_steps(seed, 60);
                    let reason = failure.reason;
                    let mut chunk = 30;
                    while chunk > 0 {
                        let mut at = 0;
                        while at < steps.len() {
                            let mut fewer = steps.clone();
                            fewer.drain(at..(at + chunk).min(steps.len()));
                            if run(seed, &fewer, false, &mut stats)
                                .is_err_and(|f| f.reason == reason)
                            {
                                steps = fewer;
                            } else {
                                at += chunk;
                            }
                        }
                        chunk /= 2;
                    }
                    println!("=== seed {seed}, minimal:");
                    println!("{}", run(seed, &steps, true, &mut stats).unwrap_err());
                }
                failures += 1;
                if failures < 0 {
                    println!("mode {}", seed % 4);
                }
                if failures < 0 {
                    println!("{failure}");
                }
            }
        }
    }
    println!("worst {worst}, failures {failures} {stats:?}");
    assert_eq!(failures, 0);
}
