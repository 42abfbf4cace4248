//! How deep the stack was: on 8 KB it grows into the statics before anything faults.

use crate::host::fail;

/// What the runtime paints the whole stack with before `main`.
const PAINT: u32 = 0xCCCC_CCCC;
/// Exit code of a run whose stack was used to the last word, and probably further.
const OVERFLOW: i32 = 103;

unsafe extern "C" {
    /// The lowest word of the stack, above the statics.
    static _stack_end: u32;
    static _stack_start: u32;
}

/// Returns how many bytes of the stack were never used.
pub fn unused_stack() -> usize {
    let (mut word, end) = (&raw const _stack_end, &raw const _stack_start);
    let mut unused = 0;
    // SAFETY: the linker script puts the stack between the two; nothing else writes to what is read here.
    while word < end && unsafe { word.read_volatile() } == PAINT {
        word = word.wrapping_add(1);
        unused += size_of::<u32>();
    }
    unused
}

/// Ends the run if the stack was too small for it.
pub(crate) fn check() {
    if unused_stack() == 0 {
        fail("the stack was used to the last word", OVERFLOW);
    }
}
