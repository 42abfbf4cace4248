//! The negative control: an index that may be out of bounds. This program must NOT link.
#![no_std]
#![no_main]

use twinsync_proof::{input, sink, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        sink(u32::from(input()[word() as usize]));
    }
}
