//! Time: candidates take turns, and the median of many rounds counts.

use std::time::Instant;

use crate::cases::Run;

/// How long one turn of one candidate takes.
const TURN_NS: u64 = 500_000;

/// Measures all candidates of one case, in nanoseconds per operation.
///
/// In each round every candidate runs for about half a millisecond; who starts moves on each round,
/// so that a busy moment of the machine hits all alike.
pub fn measure(runs: &mut [&mut Run], rounds: usize) -> Vec<f64> {
    let batches: Vec<u32> = runs.iter_mut().map(|run| batch(run)).collect();
    let mut samples = vec![Vec::with_capacity(rounds); runs.len()];
    for round in 0..rounds {
        for turn in 0..runs.len() {
            let i = (round + turn) % runs.len();
            let start = Instant::now();
            runs[i](batches[i]);
            samples[i].push(start.elapsed().as_nanos() as f64 / f64::from(batches[i]));
        }
    }
    samples.into_iter().map(median).collect()
}

/// The middle one.
pub fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}

/// How many operations make one turn; warms up on the way. Always even, as merges alternate.
fn batch(run: &mut Run) -> u32 {
    let mut count = 2;
    loop {
        let start = Instant::now();
        run(count);
        let took = start.elapsed().as_nanos() as u64;
        if took >= TURN_NS / 4 {
            let exact = u64::from(count) * TURN_NS / took;
            return (exact as u32).max(2) & !1;
        }
        count *= 2;
    }
}
