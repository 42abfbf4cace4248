//! miniconf: a leaf in, a leaf out.
#![no_std]
#![no_main]

use miniconf::json_core;
use twinsync_cost_peers::settings::State;
use twinsync_proof::{input, output, sink, text};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut state = State::<i32>::default();
    loop {
        sink(json_core::set(&mut state, text(), input()).unwrap_or(0) as u32);
        sink(json_core::get(&state, text(), output()).unwrap_or(0) as u32);
    }
}
