//! Instruction counts: callgrind's client requests, and reading what it wrote.
//!
//! All candidates run in one valgrind process, so all see the same libc and the same layout. Counting
//! is on only between [`start`] and [`stop`]; each stretch is dumped under its own name.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

/// Request codes of `valgrind/callgrind.h`: the base is the tool's letters `C` and `T`.
const BASE: u64 = (b'C' as u64) << 24 | (b'T' as u64) << 16;
const ZERO_STATS: u64 = BASE + 1;
const TOGGLE_COLLECT: u64 = BASE + 2;
const DUMP_STATS_AT: u64 = BASE + 3;

/// Sends a client request. Outside valgrind it does nothing.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[inline(always)]
fn request(code: u64, argument: u64) {
    let block = [code, argument, 0, 0, 0, 0];
    // SAFETY: the rotations add up to 128 and the exchange swaps a register with itself, so that the
    // sequence leaves everything as it was; valgrind recognises it and reads the six words at rax.
    unsafe {
        core::arch::asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") block.as_ptr(),
            inout("rdx") 0_u64 => _,
            out("rdi") _,
            options(nostack),
        );
    }
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
fn request(_: u64, _: u64) {}

/// Starts counting from zero.
#[inline(always)]
pub fn start() {
    request(ZERO_STATS, 0);
    request(TOGGLE_COLLECT, 0);
}

/// Stops counting.
#[inline(always)]
pub fn stop() {
    request(TOGGLE_COLLECT, 0);
}

/// Writes down what was counted since [`start`] under a name.
///
/// # Panics
/// If the name holds a zero byte.
pub fn dump(name: &str) {
    let name = CString::new(name).expect("a name without zero bytes");
    request(DUMP_STATS_AT, name.as_ptr() as u64);
}

/// Runs this program again under callgrind; its profiles go to `folder`.
///
/// # Errors
/// If valgrind is not there or the program under it failed.
pub fn run_self(folder: &Path, arguments: &[String]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let out = folder.join("callgrind.out");
    let status = Command::new("valgrind")
        .args(["-q", "--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(arguments)
        .status()?;
    if status.success() {
        Ok(())
    } else {
        Err(io::Error::other(format!("valgrind: {status}")))
    }
}

/// Reads the names and instruction counts of all dumps in `folder`.
///
/// # Errors
/// If a file can't be read.
pub fn counts(folder: &Path) -> io::Result<Vec<(String, u64)>> {
    let mut counts = Vec::new();
    for file in fs::read_dir(folder)? {
        let text = String::from_utf8_lossy(&fs::read(file?.path())?).into_owned();
        let after = |label: &str| text.lines().find_map(|line| line.strip_prefix(label));
        let name = after("desc: Trigger: Client Request: ");
        let total = after("summary: ").or_else(|| after("totals: "));
        if let (Some(name), Some(total)) = (name, total) {
            counts.push((name.to_owned(), total.trim().parse().unwrap_or(0)));
        }
    }
    Ok(counts)
}
