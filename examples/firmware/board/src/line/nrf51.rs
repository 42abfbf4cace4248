//! UART0 of the nRF51 (Reference Manual 3.0, §29).

use super::{on_receive, queue};

const UART0: usize = 0x4000_2000;
const TASKS_STARTRX: *mut u32 = UART0 as *mut u32;
const TASKS_STARTTX: *mut u32 = (UART0 + 0x008) as *mut u32;
const EVENTS_RXDRDY: *mut u32 = (UART0 + 0x108) as *mut u32;
const EVENTS_TXDRDY: *mut u32 = (UART0 + 0x11C) as *mut u32;
const INTENSET: *mut u32 = (UART0 + 0x304) as *mut u32;
const INTENCLR: *mut u32 = (UART0 + 0x308) as *mut u32;
const ENABLE: *mut u32 = (UART0 + 0x500) as *mut u32;
const RXD: *mut u32 = (UART0 + 0x518) as *mut u32;
const TXD: *mut u32 = (UART0 + 0x51C) as *mut u32;
const IRQ: i16 = 2;

const ENABLED: u32 = 4;
const RXDRDY: u32 = 1 << 2;

#[derive(Clone, Copy)]
struct Uart0;

// SAFETY: the number of UART0 in the vector table of the nRF51.
unsafe impl cortex_m::interrupt::InterruptNumber for Uart0 {
    fn number(self) -> u16 {
        IRQ as u16
    }
}

pub(crate) fn start() {
    // QEMU does not look at the line when RX is started, only when one of its timers runs out.
    #[cfg(feature = "clock")]
    crate::start_clock();
    // SAFETY: registers of the UART, which this module alone uses; unmasking takes no lock from anyone.
    unsafe {
        ENABLE.write_volatile(ENABLED);
        TASKS_STARTTX.write_volatile(1);
        TASKS_STARTRX.write_volatile(1);
        INTENSET.write_volatile(RXDRDY);
        cortex_m::peripheral::NVIC::unmask(Uart0);
    }
}

pub(crate) fn receive(place: &mut [u8]) -> usize {
    let len = queue::drain(place);
    if len > 0 {
        // There is room again.
        // SAFETY: a register of the UART.
        unsafe { INTENSET.write_volatile(RXDRDY) };
    }
    len
}

pub(crate) fn has_received() -> bool {
    !queue::is_empty()
}

pub(crate) fn send(byte: u8) {
    // SAFETY: registers of the UART.
    unsafe {
        EVENTS_TXDRDY.write_volatile(0);
        TXD.write_volatile(byte.into());
        while EVENTS_TXDRDY.read_volatile() == 0 {}
    }
}

#[cortex_m_rt::exception]
unsafe fn DefaultHandler(number: i16) {
    if number != IRQ {
        return;
    }
    let has_room = queue::fill(|| {
        // SAFETY: registers of the UART; the event is cleared before the byte is taken (§29.5), for taking it
        // raises the event of the next one.
        unsafe {
            (EVENTS_RXDRDY.read_volatile() != 0).then(|| {
                EVENTS_RXDRDY.write_volatile(0);
                RXD.read_volatile() as u8
            })
        }
    });
    if !has_room {
        // SAFETY: as above. `receive` turns the interrupt on again.
        unsafe { INTENCLR.write_volatile(RXDRDY) };
    }
    on_receive();
}
