//! The buffer of the MQTT client, for one packet at a time.

use rust_mqtt::buffer::{BufferProvider, BumpBuffer, InsufficientSpace};

/// Holds the parts of one packet, and says how much one that had no room would have taken.
#[derive(Debug)]
pub(crate) struct Packets<'p> {
    bump: BumpBuffer<'p>,
    used: usize,
    asked: usize,
}

impl<'p> Packets<'p> {
    pub(crate) fn new(bytes: &'p mut [u8]) -> Self {
        Self {
            bump: BumpBuffer::new(bytes),
            used: 0,
            asked: 0,
        }
    }

    /// Returns how many bytes the largest packet took or would have taken.
    pub(crate) const fn asked(&self) -> usize {
        self.asked
    }
}

impl<'p> BufferProvider<'p> for Packets<'p> {
    type Buffer = &'p mut [u8];
    type ProvisionError = InsufficientSpace;

    fn provide_buffer(&mut self, len: usize) -> Result<Self::Buffer, Self::ProvisionError> {
        self.used = self.used.saturating_add(len);
        self.asked = self.asked.max(self.used);
        self.bump.provide_buffer(len)
    }
}

impl Packets<'_> {
    /// Forgets the last packet. `unsafe` because `rust-mqtt` leaves to its user what keeps it sound.
    ///
    /// # Safety
    /// No event or connect answer of the client may be alive.
    pub(crate) unsafe fn reset(&mut self) {
        self.used = 0;
        // SAFETY: the caller's promise.
        unsafe { self.bump.reset() }
    }
}
