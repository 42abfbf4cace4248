//! What every proof program shares: an entry point, a panic handler that must not be reachable, and
//! inputs that the compiler cannot see through.
#![no_std]

pub mod coap;

use core::panic::PanicInfo;

#[cfg(not(feature = "allow-panic"))]
unsafe extern "C" {
    /// Defined nowhere: a program in which a panic is reachable does not link.
    fn __twinsync_panic_is_reachable() -> !;
}

#[cfg(not(feature = "allow-panic"))]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    // SAFETY: never called in a program that links.
    unsafe { __twinsync_panic_is_reachable() }
}

#[cfg(feature = "allow-panic")]
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    loop {}
}

/// Bytes that come from outside, as far as the compiler knows.
static mut INPUT: [u8; 1024] = [0; 1024];
static mut OUTPUT: [u8; 1024] = [0; 1024];
static mut WORD: u32 = 0;

/// Returns input bytes of a length that is unknown at compile time.
#[inline(never)]
pub fn input() -> &'static [u8] {
    // SAFETY: single-threaded; nobody writes INPUT.
    let whole: &'static [u8; 1024] = unsafe { &*(&raw const INPUT) };
    let len = word() as usize;
    core::hint::black_box(whole.get(..len).unwrap_or_default())
}

/// Returns the one output buffer.
#[inline(never)]
pub fn output() -> &'static mut [u8] {
    // SAFETY: single-threaded; each program takes it once at a time.
    core::hint::black_box(unsafe { &mut *(&raw mut OUTPUT) })
}

/// Returns a number that is unknown at compile time.
#[inline(never)]
pub fn word() -> u32 {
    // SAFETY: single-threaded.
    unsafe { (&raw const WORD).read_volatile() }
}

/// Makes a result count, so that nothing is optimised away.
#[inline(never)]
pub fn sink(value: u32) {
    // SAFETY: single-threaded.
    unsafe { (&raw mut WORD).write_volatile(value) }
}

/// Text from outside.
pub fn text() -> &'static str {
    core::str::from_utf8(input()).unwrap_or_default()
}
