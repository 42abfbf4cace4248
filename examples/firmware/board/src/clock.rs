//! Time since the machine was switched on, and waiting for it.

use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll, Waker};

#[cfg(target_arch = "arm")]
use cortex_m::peripheral::syst::SystClkSource;

/// Runs one future to its end, asleep between interrupts.
///
/// It polls after each interrupt, so at least once a millisecond: a future that only looks at the time need not
/// register its waker.
pub fn block_on<F: Future>(future: F) -> F::Output {
    start_clock();
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        sleep();
    }
}

/// Waits until [`now_millis`] is `due` or more. Under [`block_on`] only: it registers no waker.
pub async fn sleep_until(due: u64) {
    poll_fn(|_| {
        if now_millis() < due {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}

/// Sleeps until an interrupt comes, or not at all if one has come since the last call.
fn sleep() {
    critical_section::with(|_| {
        // Masked interrupts end the sleep as well; they are served when the section ends. So none can slip
        // in between the question and the sleep.
        #[cfg(not(feature = "lm3s6965evb"))]
        let asked = crate::line::has_woken();
        #[cfg(feature = "lm3s6965evb")]
        let asked = false;
        if !asked {
            wait_for_interrupt();
        }
    });
}

#[cfg(target_arch = "arm")]
mod systick {
    use core::cell::Cell;

    use critical_section::Mutex;

    /// Processor clock of the machine as QEMU models it, before the firmware touches any clock register.
    pub(super) const HERTZ: u32 = if cfg!(feature = "netduinoplus2") {
        168_000_000
    } else if cfg!(feature = "stm32vldiscovery") {
        24_000_000
    } else if cfg!(feature = "microbit") {
        16_000_000
    } else {
        12_500_000
    };

    pub(super) static MILLIS: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

    #[cortex_m_rt::exception]
    fn SysTick() {
        critical_section::with(|cs| {
            let millis = MILLIS.borrow(cs);
            millis.set(millis.get() + 1);
        });
    }
}

/// Starts the clock if it stands. [`block_on`] does that; firmware without it does it here, first thing.
#[cfg(target_arch = "arm")]
pub fn start_clock() {
    // SAFETY: this module alone uses SysTick, and it only writes what it has written before.
    let mut syst = unsafe { cortex_m::Peripherals::steal().SYST };
    if !syst.is_counter_enabled() {
        syst.set_clock_source(SystClkSource::Core);
        syst.set_reload(systick::HERTZ / 1000 - 1);
        syst.clear_current();
        syst.enable_interrupt();
        syst.enable_counter();
    }
}

/// Returns the milliseconds since the clock was started.
#[cfg(target_arch = "arm")]
pub fn now_millis() -> u64 {
    critical_section::with(|cs| systick::MILLIS.borrow(cs).get())
}

#[cfg(target_arch = "arm")]
fn wait_for_interrupt() {
    cortex_m::asm::wfi();
}

/// Starts the clock if it stands. [`block_on`] does that; firmware without it does it here, first thing.
#[cfg(target_arch = "riscv32")]
pub fn start_clock() {
    // SAFETY: enables no interrupt that is taken: the machine's global enable stays off.
    unsafe { riscv::register::mie::set_mtimer() };
}

#[cfg(target_arch = "riscv32")]
const MTIME: *const u32 = 0x0200_bff8 as *const u32;
#[cfg(target_arch = "riscv32")]
const MTIMECMP: *mut u32 = 0x0200_4000 as *mut u32;
/// Ticks of the timer in a millisecond.
#[cfg(target_arch = "riscv32")]
const TICKS: u64 = 10_000;

/// Returns the ticks since the machine was switched on.
#[cfg(target_arch = "riscv32")]
fn ticks() -> u64 {
    loop {
        // SAFETY: reads a timer register of the machine; the high half twice, in case the low one overflowed.
        let [high, low, again] = unsafe {
            [
                MTIME.add(1).read_volatile(),
                MTIME.read_volatile(),
                MTIME.add(1).read_volatile(),
            ]
        };
        if high == again {
            return u64::from(high) << 32 | u64::from(low);
        }
    }
}

/// Returns the milliseconds since the machine was switched on.
#[cfg(target_arch = "riscv32")]
pub fn now_millis() -> u64 {
    ticks() / TICKS
}

#[cfg(target_arch = "riscv32")]
fn wait_for_interrupt() {
    let due = ticks() + TICKS;
    // SAFETY: writes the timer's compare register, high half first out of the way, as the manual asks.
    unsafe {
        MTIMECMP.add(1).write_volatile(u32::MAX);
        MTIMECMP.write_volatile(due as u32);
        MTIMECMP.add(1).write_volatile((due >> 32) as u32);
    }
    riscv::asm::wfi();
}
