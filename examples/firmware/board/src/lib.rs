//! What a bare machine under QEMU offers to an application, behind the standard traits.
//!
//! | what | traits |
//! | --- | --- |
//! | [`Modem`] | [`embedded_io_async`]: the UART as a transparent modem |
//! | [`SemihostingFlash`] | [`embedded_storage::nor_flash`]: a file on the host that obeys the rules of NOR flash |
//! | [`Room`], [`Heater`], [`Fan`] | [`embedded_hal`]: a room that can be warmed, with parts that fail on demand |
//! | [`now_millis`], [`sleep_until`], [`block_on`] | time, and an executor of one future that sleeps between interrupts |
//! | [`argument`], [`exit`] | one binary, many scenarios: settings from QEMU's command line, a code for the test |
//!
//! **The one rule**: nothing of a machine passes through this crate's interface. An application that runs on
//! one board runs on all of them, and on real hardware behind the same traits.
//!
//! One feature names the machine: `netduinoplus2`, `stm32vldiscovery`, `microbit`, `virt` or `lm3s6965evb`.
//! The last has no modem: it has Ethernet, see the package `ethernet`. The memory map comes from here; a binary
//! adds `cargo:rustc-link-arg-bins=-Tlink.x` in its build script and begins with [`entry`].
//!
//! This is no driver for hardware: QEMU hands over the next byte when the last was read, so nothing here
//! sets up clocks, pins or baud rates. The packages `stm32` and `esp32c3` show that part.
#![no_std]
#![warn(missing_docs)]

#[cfg(feature = "clock")]
mod clock;
mod flash;
mod host;
#[cfg(not(feature = "lm3s6965evb"))]
mod line;
#[cfg(not(feature = "lm3s6965evb"))]
mod modem;
mod room;
#[cfg(target_arch = "arm")]
mod stack;

#[cfg(feature = "clock")]
pub use clock::{block_on, now_millis, sleep_until, start_clock};
pub use flash::{FlashError, SemihostingFlash};
pub use host::{Argument, argument, argument_number, exit};
#[cfg(not(feature = "lm3s6965evb"))]
pub use modem::Modem;
pub use room::{Broken, Fan, Heater, Room};
#[cfg(target_arch = "arm")]
pub use stack::unused_stack;

/// Marks `fn main() -> !`, where the program begins.
#[cfg(target_arch = "arm")]
pub use cortex_m_rt::entry;
/// Marks `fn main() -> !`, where the program begins.
#[cfg(target_arch = "riscv32")]
pub use riscv_rt::entry;

#[cfg(feature = "defmt")]
use defmt_semihosting as _;

// Log lines tell when they were written.
#[cfg(all(feature = "defmt", feature = "clock"))]
defmt::timestamp!("{=u64:ms}", now_millis());
