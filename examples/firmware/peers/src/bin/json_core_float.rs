//! The same with two `f32`.
#![no_std]
#![no_main]

use twinsync_cost_peers::json_core::{Patch, handle, report};
use twinsync_cost_peers::settings::State;
use twinsync_proof::{input, output, sink};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut state = State::<f32>::default();
    let mut version = 0;
    loop {
        let len = handle(input(), &mut state, &mut version, output());
        sink(len.unwrap_or(0) as u32);
        if let Ok((desired, _)) = serde_json_core::from_slice::<State<f32>>(input())
            && let Some(delta) = Patch::delta(&desired, &state)
        {
            sink(report(&delta, "00000009", output()).unwrap_or(0) as u32);
        }
        sink(serde_json_core::to_slice(&state, output()).unwrap_or(0) as u32);
    }
}
