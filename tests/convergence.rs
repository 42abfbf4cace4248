//! The convergence law: after any schedule of writes, losses, partitions and restarts, once the link
//! heals and nobody writes, desired and reported agree on both ends, within a bounded number of
//! messages and a bounded time.
#![cfg(feature = "alloc")]

use twinsync::device::{Config, ForeignLeaves};
use twinsync::protocol::{Backoff, TwinId};
use twinsync::sim::{Aws, Failure, Obedient, Pair, Picky, Setup, Settled, Step, random_steps};
use twinsync::time::Duration;

type AwsPair = Pair<Aws, 4096, 8192>;

fn lamp() -> TwinId<'static> {
    TwinId::new("lamp", None).unwrap()
}

fn run(seed: u64, steps: &[Step], config: Config) -> Result<Settled, Failure> {
    let setup = Setup::new(seed).with_device(config);
    let mut pair = AwsPair::new(setup, Aws::default().with_echo(seed & 1 == 1), lamp(), Obedient);
    for step in steps {
        pair.step(step);
    }
    pair.heal(seed & 2 == 0);
    pair.settle(Duration::from_secs(3_600))
}

#[test]
fn any_schedule_converges() {
    let mut worst = 0;
    let mut failures = 0;
    for seed in 0..std::env::var("SEEDS").map_or(50,|s|s.parse().unwrap()) {
        let config = Config::new(7).with_foreign_leaves(ForeignLeaves::Remove);
        let steps = random_steps(seed, 60);
        match run(seed, &steps, config) {
            Ok(settled) => worst = worst.max(settled.messages),
            Err(failure) => {
                failures += 1;
                if failures < 6 {
                    println!("{failure}");
                }
            }
        }
    }
    println!("worst {worst}, failures {failures}");
    assert_eq!(failures, 0);
}
