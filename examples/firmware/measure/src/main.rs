//! Peak stack and executed instructions of each public call, on a Cortex-M4 under QEMU.
//!
//! QEMU's timer TIM2 counts executed instructions when it runs with `-icount shift=0`; the stack below
//! the caller is painted before each call and searched afterwards. Both are exact and repeatable; they
//! say nothing about cycles.
#![no_std]
#![no_main]

use core::fmt::Write as _;
use core::hint::black_box;
use core::panic::PanicInfo;
use core::sync::atomic::{Ordering, compiler_fence};

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hio};
use twinsync::document::{self, Document};

const PAINT: u32 = 0xC5C5_C5C5;
/// Bytes painted below the caller: more than any call may take.
const PAINTED: usize = 16 * 1024;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}

fn timer() -> u32 {
    // SAFETY: reads a peripheral register of the emulated board.
    unsafe { (0x4000_0024 as *const u32).read_volatile() }
}

/// Runs `call` and prints what it took.
#[inline(never)]
fn measure<R>(name: &str, call: impl FnOnce() -> R) -> R {
    let here = cortex_m::register::msp::read() as usize & !3;
    let bottom = here - PAINTED;
    // The gap spares the frame of this function.
    let top = here - 128;
    let mut at = bottom;
    while at < top {
        // SAFETY: free stack below the current frame.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
        at += 4;
    }
    compiler_fence(Ordering::SeqCst);
    let before = timer();
    let result = black_box(call());
    let after = timer();
    compiler_fence(Ordering::SeqCst);
    let mut used = bottom;
    // SAFETY: the same words as above.
    while used < top && unsafe { (used as *const u32).read_volatile() } == PAINT {
        used += 4;
    }
    let stack = here - used;
    if let Ok(mut out) = hio::hstdout() {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            name,
            after.wrapping_sub(before),
            stack
        );
    }
    result
}

#[entry]
fn main() -> ! {
    // SAFETY: starts TIM2 of the emulated board.
    unsafe { (0x4000_0000 as *mut u32).write_volatile(1) };
    if let Ok(mut out) = hio::hstdout() {
        let _ = writeln!(
            out,
            "| call | instructions | peak stack, bytes |\n| --- | ---: | ---: |"
        );
    }
    measure("nothing", || ());
    static mut A: Document<1024> = Document::new();
    let a = unsafe { &mut *(&raw mut A) };
    measure("document: set", || a.set(&["target", "temp"], 21)).ok();
    static mut B: Document<1024> = Document::new();
    let b = unsafe { &mut *(&raw mut B) };
    b.set(&["target", "temp"], 22).ok();
    b.set(&["mode"], "heat").ok();
    measure("document: merge of 2 leaves", || a.merge(b.as_ref())).ok();
    static mut C: Document<1024> = Document::new();
    let c = unsafe { &mut *(&raw mut C) };
    measure("document: delta", || {
        document::delta(a.as_ref(), b.as_ref(), &mut c.as_mut())
    })
    .ok();
    debug::exit(debug::EXIT_SUCCESS);
    loop {}
}
