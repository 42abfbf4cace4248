//! Embassy's executor, asleep in `wfi` when no task has anything to do.
//!
//! With the feature `platform-cortex-m` embassy brings a loop of its own, which sleeps in `wfe`. QEMU does not
//! sleep there, and would take a whole core of the host to wait.

use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use embassy_executor::Spawner;
use embassy_executor::raw::Executor;
use static_cell::StaticCell;

static EXECUTOR: StaticCell<Executor> = StaticCell::new();
/// A task was woken since the executor last looked.
static PENDING: AtomicBool = AtomicBool::new(false);

/// How embassy asks to be polled again, also from interrupts.
// SAFETY: the one function of this name that embassy-executor asks for, with the signature that it names.
#[unsafe(export_name = "__pender")]
fn pend(_: *mut ()) {
    PENDING.store(true, Ordering::Release);
}

/// Runs what `start` spawns, for ever.
pub fn run(start: impl FnOnce(Spawner)) -> ! {
    let executor: &'static Executor = EXECUTOR.init(Executor::new(ptr::null_mut()));
    start(executor.spawner());
    loop {
        // SAFETY: on the thread that made the executor, and not from within `poll`.
        unsafe { executor.poll() };
        critical_section::with(|_| {
            // An interrupt that comes after the question ends the sleep, and is served when the section ends.
            if !PENDING.swap(false, Ordering::Acquire) {
                cortex_m::asm::wfi();
            }
        });
    }
}
