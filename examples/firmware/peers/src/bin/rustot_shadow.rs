//! rustot 0.4.1: all that a shadow does for a device.
#![no_std]
#![no_main]

use rustot::shadows::Shadow;
use twinsync_cost_peers::shadow::{Sent, State};
use twinsync_proof::{input, sink, text, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mqtt = Sent;
    loop {
        let Ok(mut shadow) = Shadow::new(State::default(), &mqtt, true) else {
            continue;
        };
        loop {
            match word() & 3 {
                0 => sink(shadow.get_shadow().is_ok().into()),
                1 => sink(shadow.report_shadow().is_ok().into()),
                2 => {
                    let battery = word() as i32;
                    let update = shadow.update(|_, patch| patch.battery = Some(battery));
                    sink(update.is_ok().into());
                }
                _ => sink(match shadow.handle_message(text(), input()) {
                    Ok((state, _)) => state.target as u32,
                    Err(_) => 1,
                }),
            }
        }
    }
}
