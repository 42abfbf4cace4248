//! Embassy's time on SysTick: a tick is a millisecond.
//!
//! QEMU models no other timer of this machine well enough. On hardware the chip's own crate brings a driver that
//! wakes the processor only when something is due: see the package `stm32`.

use core::cell::{Cell, RefCell};
use core::task::Waker;

use cortex_m::peripheral::SYST;
use cortex_m::peripheral::syst::SystClkSource;
use critical_section::{CriticalSection, Mutex};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

/// Processor clock of the machine, as QEMU models it.
const HERTZ: u32 = 168_000_000;

embassy_time_driver::time_driver_impl!(static CLOCK: SysTickDriver = SysTickDriver {
    ticks: Mutex::new(Cell::new(0)),
    due: Mutex::new(Cell::new(u64::MAX)),
    queue: Mutex::new(RefCell::new(Queue::new())),
});

struct SysTickDriver {
    ticks: Mutex<Cell<u64>>,
    /// When the queue has somebody to wake.
    due: Mutex<Cell<u64>>,
    queue: Mutex<RefCell<Queue>>,
}

impl SysTickDriver {
    fn tick(&self, cs: CriticalSection<'_>) {
        let ticks = self.ticks.borrow(cs);
        ticks.set(ticks.get() + 1);
        if ticks.get() >= self.due.borrow(cs).get() {
            self.wake_expired(cs);
        }
    }

    fn wake_expired(&self, cs: CriticalSection<'_>) {
        let now = self.ticks.borrow(cs).get();
        let next = self.queue.borrow_ref_mut(cs).next_expiration(now);
        self.due.borrow(cs).set(next);
    }
}

impl Driver for SysTickDriver {
    fn now(&self) -> u64 {
        critical_section::with(|cs| self.ticks.borrow(cs).get())
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            if self.queue.borrow_ref_mut(cs).schedule_wake(at, waker) {
                self.wake_expired(cs);
            }
        });
    }
}

/// Starts the clock.
pub fn start(mut systick: SYST) {
    systick.set_clock_source(SystClkSource::Core);
    systick.set_reload(HERTZ / 1_000 - 1);
    systick.clear_current();
    systick.enable_interrupt();
    systick.enable_counter();
}

#[cortex_m_rt::exception]
fn SysTick() {
    critical_section::with(|cs| CLOCK.tick(cs));
}
