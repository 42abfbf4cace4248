//! CoAP's datagrams over smoltcp: one UDP socket, one peer, static addresses.

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet, SocketStorage};
use smoltcp::phy::Device;
use smoltcp::socket::udp;
use smoltcp::wire::{HardwareAddress, IpCidr, IpEndpoint};
use thermostat::coap::Datagrams;
use twinsync::time::Instant;

/// Datagrams that wait in each direction.
const WAITING: usize = 4;

/// Where the device is, and its hub.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Of the network card.
    pub hardware: HardwareAddress,
    /// Of the device.
    pub address: IpCidr,
    /// What the device's datagrams come from.
    pub port: u16,
    /// On the same network.
    pub hub: IpEndpoint,
}

/// Room for one socket, and for `BYTES` of datagrams in each direction.
#[derive(Debug)]
pub struct Buffers<const BYTES: usize> {
    came: [u8; BYTES],
    goes: [u8; BYTES],
    came_from: [udp::PacketMetadata; WAITING],
    goes_to: [udp::PacketMetadata; WAITING],
    socket: [SocketStorage<'static>; 1],
}

impl<const BYTES: usize> Buffers<BYTES> {
    /// Makes empty buffers.
    pub const fn new() -> Self {
        Self {
            came: [0; BYTES],
            goes: [0; BYTES],
            came_from: [udp::PacketMetadata::EMPTY; WAITING],
            goes_to: [udp::PacketMetadata::EMPTY; WAITING],
            socket: [SocketStorage::EMPTY],
        }
    }
}

/// The way to the hub, over a network device.
pub struct Udp<D, C> {
    device: D,
    clock: C,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    hub: IpEndpoint,
}

/// What time it is, and how to wait for an interrupt: one comes each millisecond at the latest.
pub trait Clock {
    /// Returns the time since the board was switched on.
    fn now(&self) -> Instant;
    /// Sleeps until the next interrupt.
    fn sleep(&self);
}

/// Calls it as smoltcp does.
fn time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

impl<D: Device, C: Clock> Udp<D, C> {
    /// Opens the socket. The buffers live as long as the program.
    pub fn new<const BYTES: usize>(
        place: &Place,
        mut device: D,
        clock: C,
        seed: u64,
        buffers: &'static mut Buffers<BYTES>,
    ) -> Self {
        let mut config = Config::new(place.hardware);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut device, time(clock.now()));
        interface.update_ip_addrs(|addresses| {
            // There is room for more than one.
            let _ = addresses.push(place.address);
        });
        let mut socket = udp::Socket::new(
            udp::PacketBuffer::new(&mut buffers.came_from[..], &mut buffers.came[..]),
            udp::PacketBuffer::new(&mut buffers.goes_to[..], &mut buffers.goes[..]),
        );
        // Only port 0 and an open socket are refused.
        let _ = socket.bind(place.port);
        let mut sockets = SocketSet::new(&mut buffers.socket[..]);
        let socket = sockets.add(socket);
        Self {
            device,
            clock,
            interface,
            sockets,
            socket,
            hub: place.hub,
        }
    }

    /// Moves frames between the wire and the socket.
    fn poll(&mut self) {
        let now = time(self.clock.now());
        self.interface.poll(now, &mut self.device, &mut self.sockets);
    }

    fn socket(&mut self) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(self.socket)
    }
}

impl<D: Device, C: Clock> Datagrams for Udp<D, C> {
    fn now(&self) -> Instant {
        self.clock.now()
    }

    fn send(&mut self, datagram: &[u8]) {
        let hub = self.hub;
        // With the link down the queue fills up: what it has no room for is lost, and sent again later.
        let _ = self.socket().send_slice(datagram, hub);
        self.poll();
    }

    fn receive(&mut self, due: Instant, room: &mut [u8]) -> Option<usize> {
        loop {
            self.poll();
            let hub = self.hub;
            match self.socket().recv_slice(room) {
                Ok((len, from)) if from.endpoint == hub => return Some(len),
                // Somebody else's, or too large.
                Ok(_) | Err(udp::RecvError::Truncated) => {}
                Err(udp::RecvError::Exhausted) if self.clock.now() >= due => return None,
                Err(udp::RecvError::Exhausted) => self.clock.sleep(),
            }
        }
    }
}
