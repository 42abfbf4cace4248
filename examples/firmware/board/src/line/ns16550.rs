//! The 16550 of QEMU's `virt` machine, and as much of the interrupt controller (PLIC) as ends a sleep.
//!
//! Interrupts stay disabled globally and are never taken: one that is pending ends `wfi` all the same
//! (RISC-V Privileged Architecture §3.3.3), and whoever slept looks at the UART.

const UART: usize = 0x1000_0000;
const RBR_THR: *mut u8 = UART as *mut u8;
const IER: *mut u8 = (UART + 1) as *mut u8;
const FCR: *mut u8 = (UART + 2) as *mut u8;
const LSR: *mut u8 = (UART + 5) as *mut u8;

const IER_RECEIVED: u8 = 1;
const FCR_FIFO: u8 = 1;
const LSR_READY: u8 = 1;
const LSR_EMPTY: u8 = 1 << 5;

const IRQ: usize = 10;
const PRIORITY: *mut u32 = (0x0C00_0000 + 4 * IRQ) as *mut u32;
const ENABLE: *mut u32 = 0x0C00_2000 as *mut u32;
const CLAIM: *mut u32 = 0x0C20_0004 as *mut u32;

pub(crate) fn start() {
    // SAFETY: registers that this module alone uses; no interrupt is taken, see above.
    unsafe {
        FCR.write_volatile(FCR_FIFO);
        IER.write_volatile(IER_RECEIVED);
        PRIORITY.write_volatile(1);
        ENABLE.write_volatile(1 << IRQ);
        riscv::register::mie::set_mext();
    }
}

pub(crate) fn receive(place: &mut [u8]) -> usize {
    // Bytes that come after this are announced again, those before it are found below.
    acknowledge();
    let bytes = core::iter::from_fn(|| {
        // SAFETY: a register of the UART; reading it takes the byte that is ready.
        has_received().then(|| unsafe { RBR_THR.read_volatile() })
    });
    place
        .iter_mut()
        .zip(bytes)
        .map(|(to, byte)| *to = byte)
        .count()
}

pub(crate) fn has_received() -> bool {
    // SAFETY: a register of the UART; reading it has no effect on received bytes.
    unsafe { LSR.read_volatile() & LSR_READY != 0 }
}

pub(crate) fn send(byte: u8) {
    // SAFETY: registers of the UART.
    unsafe {
        while LSR.read_volatile() & LSR_EMPTY == 0 {}
        RBR_THR.write_volatile(byte);
    }
}

fn acknowledge() {
    // SAFETY: claims and completes in one go, as nothing is served in between.
    unsafe {
        let claimed = CLAIM.read_volatile();
        if claimed != 0 {
            CLAIM.write_volatile(claimed);
        }
    }
}
