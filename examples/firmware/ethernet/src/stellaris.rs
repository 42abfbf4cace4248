//! The Ethernet controller of the Stellaris LM3S6965, polled: one frame at a time through its FIFO.

use core::ptr;

use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::time::Instant;

/// A register of the controller, of 32 bits.
struct Register(u32);

const RECEIVE_CONTROL: Register = Register(0x4004_8008);
const TRANSMIT_CONTROL: Register = Register(0x4004_800C);
const DATA: Register = Register(0x4004_8010);
const ADDRESS: [Register; 2] = [Register(0x4004_8014), Register(0x4004_8018)];
const PACKETS: Register = Register(0x4004_8034);
const TRANSMIT_REQUEST: Register = Register(0x4004_8038);

/// The largest frame without its checksum: 1500 bytes behind 14 of header.
const FRAME: usize = 1_514;
/// What the FIFO holds beside a frame: two bytes of length before it, four of checksum behind it.
const AROUND: usize = 6;

/// The controller, and room for the frame that is on its way through.
pub struct Ethernet {
    frame: [u8; FRAME + AROUND],
}

impl Register {
    fn read(&self) -> u32 {
        // SAFETY: one of the constants above, each a register of this controller: always there, and aligned.
        unsafe { ptr::read_volatile(self.0 as *const u32) }
    }

    fn write(&self, value: u32) {
        // SAFETY: as above; the controller reaches no memory of the program.
        unsafe { ptr::write_volatile(self.0 as *mut u32, value) }
    }
}

impl Ethernet {
    /// Switches receiver and transmitter on. There is one controller: make one of these.
    pub fn start(address: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = address;
        ADDRESS[0].write(u32::from_le_bytes([a, b, c, d]));
        ADDRESS[1].write(u32::from_le_bytes([e, f, 0, 0]));
        // Frames of others and with bad checksums stay out; the FIFO starts empty.
        RECEIVE_CONTROL.write(1 << 4 | 1 << 3 | 1);
        // Full duplex; the controller pads short frames and adds the checksum.
        TRANSMIT_CONTROL.write(1 << 4 | 1 << 2 | 1 << 1 | 1);
        Self {
            frame: [0; FRAME + AROUND],
        }
    }

    /// Takes a frame out of the FIFO. What is larger than a frame is read to its end and dropped.
    fn take(&mut self) -> Option<usize> {
        if PACKETS.read() == 0 {
            return None;
        }
        let first = DATA.read().to_le_bytes();
        let len = usize::from(u16::from_le_bytes([first[0], first[1]]));
        let mut words = self.frame.chunks_mut(4);
        if let Some(place) = words.next() {
            place.copy_from_slice(&first);
        }
        for _ in 1..len.div_ceil(4) {
            let word = DATA.read().to_le_bytes();
            if let Some(place) = words.next() {
                place.copy_from_slice(&word);
            }
        }
        (AROUND..=self.frame.len()).contains(&len).then_some(len)
    }
}

impl phy::Device for Ethernet {
    type RxToken<'a> = Received<'a>;
    type TxToken<'a> = Vacant;

    fn receive(&mut self, _: Instant) -> Option<(Received<'_>, Vacant)> {
        let len = self.take()?;
        let frame = self.frame.get(2..len.checked_sub(4)?)?;
        Some((Received(frame), Vacant))
    }

    fn transmit(&mut self, _: Instant) -> Option<Vacant> {
        (TRANSMIT_REQUEST.read() & 1 == 0).then_some(Vacant)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = FRAME;
        capabilities.max_burst_size = Some(1);
        capabilities
    }
}

/// A frame that came.
pub struct Received<'a>(&'a [u8]);

impl phy::RxToken for Received<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, take: F) -> R {
        take(self.0)
    }
}

/// The transmitter, which is free.
pub struct Vacant;

impl phy::TxToken for Vacant {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, fill: F) -> R {
        let mut room = [0; 2 + FRAME + 2];
        // smoltcp keeps to the capabilities.
        let len = len.min(FRAME);
        let (length, frame) = room.split_at_mut(2);
        // Counted without the header.
        length.copy_from_slice(&(len.saturating_sub(14) as u16).to_le_bytes());
        let result = fill(&mut frame[..len]);
        for word in room[..len + 2].chunks(4) {
            let mut bytes = [0; 4];
            bytes[..word.len()].copy_from_slice(word);
            DATA.write(u32::from_le_bytes(bytes));
        }
        TRANSMIT_REQUEST.write(1);
        result
    }
}
