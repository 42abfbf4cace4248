//! The base: entry point, input, output, and the memory routines (copy, move, compare, clear) and UTF-8
//! check that any firmware links already. All costs are differences to this.
#![no_std]
#![no_main]

use twinsync_proof::{input, output, sink, text, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        let out = output();
        let given = input();
        if let Some(front) = out.get_mut(..given.len()) {
            front.copy_from_slice(given);
        }
        let from = word() as usize;
        if from <= given.len() && given.len() <= out.len() {
            out.copy_within(from..given.len(), 0);
        }
        sink(word() ^ text().len() as u32 ^ u32::from(out.starts_with(given)));
        out.fill(0);
    }
}
