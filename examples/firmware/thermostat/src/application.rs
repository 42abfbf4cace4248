use embedded_storage::nor_flash::NorFlash;
use twinsync::device::DeviceEngine;
use twinsync::time::Instant;

pub trait Board {
    type Flash: NorFlash;
}

pub struct Thermostat<B: Board, const N: usize> {
    engine: DeviceEngine<N>,
    keeper: crate::memory::Keeper<B::Flash>,
}

impl<B: Board, const N: usize> Thermostat<B, N> {
    pub fn engine(&self) -> &DeviceEngine<N> { &self.engine }
    pub fn engine_mut(&mut self) -> &mut DeviceEngine<N> { &mut self.engine }
    pub fn step(&mut self, now: Instant) {}
    pub fn poll_timeout(&self) -> Instant { Instant::ZERO }
}
