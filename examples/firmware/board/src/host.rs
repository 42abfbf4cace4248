//! The host, through semihosting: how a run is told what to do and how it tells its end.

use core::mem::MaybeUninit;
use core::panic::PanicInfo;

use heapless::String;
use semihosting::io::{Write, stderr};
use semihosting::process;
use semihosting::sys::arm_compat::sys_get_cmdline_uninit;

/// Longest command line: the program's name, all arguments and the spaces between them.
const MAX_LINE: usize = 256;
/// Longest value of an argument, such as the path of a file.
const MAX_VALUE: usize = 96;

/// Exit code of a run with arguments that make no sense.
const USAGE: i32 = 64;
/// Exit code of a panic: the one of a program on the host.
const PANIC: i32 = 101;
/// Exit code of a fault of the processor.
const FAULT: i32 = 102;

/// The value of an argument.
pub type Argument = String<MAX_VALUE>;

/// Returns the value of the argument `name=value`, the first if there are several; of 96 bytes at most.
///
/// QEMU gives the arguments: `-semihosting-config enable=on,arg=firmware,arg=name=value`. A command line that
/// is longer than 256 bytes ends the run with exit code 64, and so does a longer value: half a path is worse
/// than none.
pub fn argument(name: &str) -> Option<Argument> {
    let mut place = [MaybeUninit::uninit(); MAX_LINE];
    let Ok(line) = sys_get_cmdline_uninit(&mut place) else {
        fail("the command line is longer than 256 bytes", USAGE);
    };
    let Ok(line) = core::str::from_utf8(line) else {
        fail("the command line is not UTF-8", USAGE);
    };
    let mut values = line
        .split_ascii_whitespace()
        .filter_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let value = values.next()?;
    match String::try_from(value) {
        Ok(value) => Some(value),
        Err(_) => fail("an argument is longer than 96 bytes", USAGE),
    }
}

/// Returns the value of the argument `name=NUMBER`. Anything else behind the equals sign ends the run with exit code 64.
pub fn argument_number(name: &str) -> Option<u32> {
    let value = argument(name)?;
    match value.parse() {
        Ok(number) => Some(number),
        Err(_) => fail("an argument is no number", USAGE),
    }
}

/// Ends the run: QEMU exits with `code`, of which a host sees the lowest eight bits.
///
/// On a Cortex-M it is 103 instead if the stack was used to its last word.
pub fn exit(code: i32) -> ! {
    #[cfg(target_arch = "arm")]
    crate::stack::check();
    process::exit(code)
}

/// Tells the host's standard error what went wrong and ends the run.
pub(crate) fn fail(why: &str, code: i32) -> ! {
    say(&[why, "\n"]);
    process::exit(code)
}

fn say(pieces: &[&str]) {
    let Ok(mut stderr) = stderr() else {
        return;
    };
    for piece in pieces {
        let _ = stderr.write_all(piece.as_bytes());
    }
}

/// Says where, but not what: the message would link all of `core::fmt`.
#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    if let Some(place) = info.location() {
        let mut digits = [0; 10];
        say(&[
            "panicked at ",
            place.file(),
            ":",
            decimal(place.line(), &mut digits),
            "\n",
        ]);
    }
    exit(PANIC)
}

fn decimal(mut number: u32, digits: &mut [u8; 10]) -> &str {
    let mut start = digits.len();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
        start -= 1;
        if number == 0 {
            break;
        }
    }
    core::str::from_utf8(digits.get(start..).unwrap_or_default()).unwrap_or_default()
}

#[cfg(target_arch = "arm")]
#[cortex_m_rt::exception]
unsafe fn HardFault(_: &cortex_m_rt::ExceptionFrame) -> ! {
    fail("hard fault", FAULT)
}

/// Every exception, whichever it is.
#[cfg(target_arch = "riscv32")]
#[unsafe(export_name = "ExceptionHandler")]
extern "C" fn exception(_: &riscv_rt::TrapFrame) -> ! {
    fail("exception", FAULT)
}
