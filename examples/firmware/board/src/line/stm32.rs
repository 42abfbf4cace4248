//! USART1 of the STM32F1 and STM32F4: the same registers at other places (RM0008 §27.6, RM0090 §30.6).

use super::{on_receive, queue};

const USART1: usize = if cfg!(feature = "netduinoplus2") {
    0x4001_1000
} else {
    0x4001_3800
};
const SR: *mut u32 = USART1 as *mut u32;
const DR: *mut u32 = (USART1 + 0x04) as *mut u32;
const CR1: *mut u32 = (USART1 + 0x0C) as *mut u32;
/// Interrupt number of USART1, on both.
const IRQ: i16 = 37;

const SR_RXNE: u32 = 1 << 5;
const SR_TXE: u32 = 1 << 7;
const CR1_ON: u32 = 1 << 13 | 1 << 3 | 1 << 2;
const CR1_RXNEIE: u32 = 1 << 5;

#[derive(Clone, Copy)]
struct Usart1;

// SAFETY: the number of USART1 in the vector tables of both families.
unsafe impl cortex_m::interrupt::InterruptNumber for Usart1 {
    fn number(self) -> u16 {
        IRQ as u16
    }
}

pub(crate) fn start() {
    // SAFETY: registers of the USART, which this module alone uses; unmasking takes no lock from anyone.
    unsafe {
        CR1.write_volatile(CR1_ON | CR1_RXNEIE);
        cortex_m::peripheral::NVIC::unmask(Usart1);
    }
}

pub(crate) fn receive(place: &mut [u8]) -> usize {
    let len = queue::drain(place);
    if len > 0 {
        // There is room again.
        // SAFETY: a register of the USART.
        unsafe { CR1.write_volatile(CR1_ON | CR1_RXNEIE) };
    }
    len
}

pub(crate) fn has_received() -> bool {
    !queue::is_empty()
}

pub(crate) fn send(byte: u8) {
    // QEMU has no transmit interrupt; the register is always empty there.
    // SAFETY: registers of the USART; reading the status has no effect.
    unsafe {
        while SR.read_volatile() & SR_TXE == 0 {}
        DR.write_volatile(byte.into());
    }
}

#[cortex_m_rt::exception]
unsafe fn DefaultHandler(number: i16) {
    if number != IRQ {
        return;
    }
    let has_room = queue::fill(|| {
        // SAFETY: registers of the USART; reading DR takes the byte that RXNE announced.
        unsafe { (SR.read_volatile() & SR_RXNE != 0).then(|| DR.read_volatile() as u8) }
    });
    if !has_room {
        // SAFETY: as above. `receive` turns the interrupt on again.
        unsafe { CR1.write_volatile(CR1_ON) };
    }
    on_receive();
}
