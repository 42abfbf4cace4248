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
pub struct Queues<const BYTES: usize> {
    came: [u8; BYTES],
    goes: [u8; BYTES],
    came_from: [udp::PacketMetadata; WAITING],
    goes_to: [udp::PacketMetadata; WAITING],
    socket: [SocketStorage<'static>; 1],
}

impl<const BYTES: usize> Queues<BYTES> {
    /// Makes empty queues.
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
pub struct Udp<D> {
    device: D,
    now: fn() -> Instant,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
    hub: IpEndpoint,
}

/// Calls it as smoltcp does.
fn time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

impl<D: Device> Udp<D> {
    /// Opens the socket. The clock ticks each millisecond: that is what the loop sleeps for.
    pub fn open<const BYTES: usize>(
        place: &Place,
        mut device: D,
        now: fn() -> Instant,
        seed: u64,
        queues: &'static mut Queues<BYTES>,
    ) -> Self {
        let mut config = Config::new(place.hardware);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut device, time(now()));
        interface.update_ip_addrs(|addresses| {
            // There is room for more than one.
            let _ = addresses.push(place.address);
        });
        let mut socket = udp::Socket::new(
            udp::PacketBuffer::new(&mut queues.came_from[..], &mut queues.came[..]),
            udp::PacketBuffer::new(&mut queues.goes_to[..], &mut queues.goes[..]),
        );
        // Only port 0 and an open socket are refused.
        let _ = socket.bind(place.port);
        let mut sockets = SocketSet::new(&mut queues.socket[..]);
        let socket = sockets.add(socket);
        Self {
            device,
            now,
            interface,
            sockets,
            socket,
            hub: place.hub,
        }
    }

    /// Moves frames between the wire and the socket.
    fn poll(&mut self) {
        let now = time((self.now)());
        self.interface
            .poll(now, &mut self.device, &mut self.sockets);
    }

    fn socket(&mut self) -> &mut udp::Socket<'static> {
        self.sockets.get_mut(self.socket)
    }
}

impl<D: Device> Datagrams for Udp<D> {
    fn now(&self) -> Instant {
        (self.now)()
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
                Err(udp::RecvError::Exhausted) if (self.now)() >= due => return None,
                Err(udp::RecvError::Exhausted) => cortex_m::asm::wfi(),
            }
        }
    }
}
