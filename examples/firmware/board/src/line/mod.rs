//! The UARTs of the machines. Each offers `start`, `receive`, `has_received` and `send`.

#[cfg(feature = "microbit")]
mod nrf51;
#[cfg(target_arch = "riscv32")]
mod ns16550;
#[cfg(target_arch = "arm")]
mod queue;
#[cfg(any(feature = "netduinoplus2", feature = "stm32vldiscovery"))]
mod stm32;

use core::cell::Cell;
use core::task::Waker;

use critical_section::Mutex;

#[cfg(feature = "microbit")]
use nrf51 as uart;
#[cfg(target_arch = "riscv32")]
use ns16550 as uart;
#[cfg(any(feature = "netduinoplus2", feature = "stm32vldiscovery"))]
use stm32 as uart;

pub(crate) use uart::{has_received, receive, send, start};

static READER: Mutex<Cell<Option<Waker>>> = Mutex::new(Cell::new(None));
static WOKEN: Mutex<Cell<bool>> = Mutex::new(Cell::new(false));

/// Asks to be woken by the next byte.
pub(crate) fn wake(waker: &Waker) {
    critical_section::with(|cs| READER.borrow(cs).set(Some(waker.clone())));
}

/// Says whether a byte has come since the last call.
#[cfg(feature = "clock")]
pub(crate) fn has_woken() -> bool {
    critical_section::with(|cs| WOKEN.borrow(cs).take())
}

/// Tells who waits that a byte is there.
#[cfg(target_arch = "arm")]
fn on_receive() {
    let waker = critical_section::with(|cs| {
        WOKEN.borrow(cs).set(true);
        READER.borrow(cs).take()
    });
    if let Some(waker) = waker {
        waker.wake();
    }
}
