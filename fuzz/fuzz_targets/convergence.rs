//! The convergence law of `tests/convergence`, with schedules that the fuzzer chooses: each pair of
//! bytes picks one step of a long random list.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::device::{Config, ForeignLeaves};
use twinsync::protocol::TwinId;
use twinsync::sim::{Aws, Pair, Picky, Setup, Step, random_steps};
use twinsync::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let Some((rules, choices)) = bytes.split_first() else {
        return;
    };
    thread_local!(static ALL: Vec<Step> = random_steps(1, 65_536));
    let device = Config::new(7)
        .with_foreign_leaves(ForeignLeaves::Remove)
        .with_conditional(rules & 1 == 1)
        .with_patch_limit(if rules & 2 == 0 { 4_096 } else { 64 });
    let setup = Setup::new(u64::from(*rules)).with_device(device);
    let refuses = if rules & 4 == 0 { 0 } else { 300 };
    let dialect = Aws::default().with_echo(rules & 8 == 0);
    let id = TwinId::new("lamp", None).expect("valid");
    let mut pair = Pair::<_, 4096, 8192>::new(setup, dialect, id, Picky { refuses });
    for choice in choices.chunks(2).take(100) {
        let choice = choice
            .iter()
            .fold(0, |sum, byte| sum * 256 + usize::from(*byte));
        ALL.with(|all| pair.step(&all[choice]));
    }
    pair.heal();
    pair.step(&Step::Connect {
        resume: rules & 16 == 0,
    });
    if let Err(failure) = pair.settle(Duration::from_secs(1_200)) {
        panic!("{failure}");
    }
});
