//! What every measuring program shares: the count of instructions, the painted stack, and the documents.
//!
//! QEMU's timer TIM2 counts executed instructions when it runs with `-icount shift=0`; the stack below
//! the caller is painted before each call and searched afterwards. Both are exact and repeatable; they
//! say nothing about cycles. No interrupt is enabled.
//!
//! Prints lines of fields between tabs, for `examples/firmware/cost` to read.
#![no_std]

pub mod workload;

use core::fmt::Write as _;
use core::hint::black_box;
use core::panic::PanicInfo;
use core::sync::atomic::{Ordering, compiler_fence};

use cortex_m_semihosting::{debug, hio};

const PAINT: u32 = 0xC5C5_C5C5;
/// Bytes painted below the caller: more than any call may take.
const PAINTED: usize = 16 * 1024;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    fail("a panic")
}

/// Starts the counter; runs `all`; ends the program.
pub fn run(all: impl FnOnce()) -> ! {
    // SAFETY: starts TIM2 of the emulated board.
    unsafe { (0x4000_0000 as *mut u32).write_volatile(1) };
    measure("nothing", || ());
    all();
    print(format_args!("done\n"));
    debug::exit(debug::EXIT_SUCCESS);
    loop {
        core::hint::spin_loop();
    }
}

/// Says what went wrong, and ends the program: a call that fails is not the one to be measured.
pub fn fail(what: &str) -> ! {
    print(format_args!("failed\t{what}\n"));
    debug::exit(debug::EXIT_FAILURE);
    loop {
        core::hint::spin_loop();
    }
}

fn print(line: core::fmt::Arguments<'_>) {
    if let Ok(mut out) = hio::hstdout() {
        let _ = out.write_fmt(line);
    }
}

fn timer() -> u32 {
    // SAFETY: reads a peripheral register of the emulated board.
    unsafe { (0x4000_0024 as *const u32).read_volatile() }
}

/// Keeps the frame of `call` out of that of [`measure`], below the paint's upper edge.
#[inline(never)]
fn below<R>(call: impl FnOnce() -> R) -> R {
    call()
}

/// Paints the stack below the caller and returns its ends.
#[inline(always)]
fn paint() -> (usize, usize) {
    let top = cortex_m::register::msp::read() as usize & !3;
    let bottom = top - PAINTED;
    let mut at = bottom;
    while at < top {
        // SAFETY: free stack below the current frame.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
        at += 4;
    }
    (bottom, top)
}

/// Runs `call` and prints what it took.
#[inline(never)]
pub fn measure<R>(name: &str, call: impl FnOnce() -> R) -> R {
    let (bottom, top) = paint();
    compiler_fence(Ordering::SeqCst);
    let before = timer();
    let result = black_box(below(call));
    let after = timer();
    compiler_fence(Ordering::SeqCst);
    let mut used = bottom;
    // SAFETY: the same words as above.
    while used < top && unsafe { (used as *const u32).read_volatile() } == PAINT {
        used += 4;
    }
    let (instructions, stack) = (after.wrapping_sub(before), top - used);
    print(format_args!("call\t{name}\t{instructions}\t{stack}\n"));
    result
}

/// Runs a call that must succeed, and prints what it took.
pub fn measure_ok<R, E>(name: &str, call: impl FnOnce() -> Result<R, E>) -> R {
    match measure(name, call) {
        Ok(result) => result,
        Err(_) => fail(name),
    }
}

/// Ends the program if `done` is false: what was measured is not what its name says.
pub fn expect(done: bool, what: &str) {
    if !done {
        fail(what);
    }
}

/// Takes what must be there to go on.
pub fn need<R>(found: Option<R>, what: &str) -> R {
    found.unwrap_or_else(|| fail(what))
}

/// Prints the size of a `T`, and how much of it is not buffers of the user's choice.
pub fn ram<T>(name: &str, buffers: usize) {
    let size = size_of::<T>();
    let besides = size.saturating_sub(buffers);
    print(format_args!("ram\t{name}\t{size}\t{besides}\n"));
}

/// Hands out a static buffer: what is measured is the stack of the calls, not that of their data.
#[macro_export]
macro_rules! fixed {
    ($type:ty, $value:expr) => {{
        static mut PLACE: $type = $value;
        // SAFETY: each place in the program runs once, on one thread.
        unsafe { &mut *(&raw mut PLACE) }
    }};
}
