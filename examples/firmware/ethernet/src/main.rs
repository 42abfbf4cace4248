//! The thermostat over CoAP on a Stellaris LM3S6965 with Ethernet.
#![no_std]
#![no_main]

mod net;
mod stellaris;

use core::cell::Cell;
use core::ops::ControlFlow;

use cortex_m::interrupt::{self, Mutex};
use cortex_m::peripheral::syst::SystClkSource;
use cortex_m_rt::{entry, exception};
use cortex_m_semihosting::{debug, hprintln};
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr, IpEndpoint};
use thermostat::Thermostat;
use thermostat::coap::{self, Options};
use twinsync::adapter::coap::endpoint;
use twinsync::device::Config;
use twinsync::protocol::{Backoff, TwinId, VersionScope};
use twinsync::time::{Duration, Instant};

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    hprintln!("{}", info);
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}

static MILLIS: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

#[exception]
fn SysTick() {
    interrupt::free(|token| {
        let millis = MILLIS.borrow(token);
        millis.set(millis.get().wrapping_add(1));
    });
}

struct Ticks;

impl net::Clock for Ticks {
    fn now(&self) -> Instant {
        Instant::from_millis(interrupt::free(|token| MILLIS.borrow(token).get()))
    }

    fn sleep(&self) {
        cortex_m::asm::wfi();
    }
}

struct Room(i32);

impl thermostat::Board for Room {
    fn room(&mut self) -> i32 {
        self.0 += 1;
        self.0
    }
}

fn argument<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    line.split(' ')
        .find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

#[entry]
fn main() -> ! {
    static mut LINE: [u8; 256] = [0; 256];
    static mut QUEUES: net::Buffers<2048> = net::Buffers::new();
    static mut BUFFERS: coap::Buffers<640, 2112> = coap::Buffers::new();
    let mut block = [LINE.as_mut_ptr() as usize, LINE.len()];
    // SAFETY: SYS_GET_CMDLINE takes a buffer and its length, and writes at most as many bytes.
    unsafe { cortex_m_semihosting::syscall(0x15, &mut block) };
    let line = core::str::from_utf8(LINE.get(..block[1]).unwrap_or_default()).unwrap_or_default();
    let port = argument(line, "port").and_then(|port| port.parse().ok()).unwrap_or(5_683);
    let seed = argument(line, "seed").and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let name = argument(line, "name").unwrap_or("heater");

    if let Some(core) = cortex_m::Peripherals::take() {
        let mut systick = core.SYST;
        systick.set_clock_source(SystClkSource::Core);
        systick.set_reload(12_500 - 1);
        systick.clear_current();
        systick.enable_counter();
        systick.enable_interrupt();
    }
    let hardware = EthernetAddress([2, 0, 0, 0, 0, 1]);
    let place = net::Place {
        hardware: HardwareAddress::Ethernet(hardware),
        address: IpCidr::new(IpAddress::v4(10, 0, 2, 15), 24),
        port: 49_152,
        hub: IpEndpoint::new(IpAddress::v4(10, 0, 2, 2), port),
    };
    let device = stellaris::Ethernet::new(hardware.0);
    let mut link = net::Udp::new(&place, device, Ticks, u64::from(seed), QUEUES);
    let config = Config::new(seed)
        .with_versions(VersionScope::Section)
        .with_request_timeout(Duration::from_secs(100))
        .with_backoff(Backoff::new(Duration::from_secs(1), Duration::from_secs(60)));
    let mut thermostat = Thermostat::<_, 1024>::new(Room(0), config);
    let Ok(twin) = TwinId::new(name, None) else {
        panic!("no name");
    };
    let options = Options {
        prefix: "twins",
        twin,
        block_size: 512,
        network: endpoint::Config::new(seed.into()),
    };
    let done = coap::run(&mut thermostat, &mut link, BUFFERS, &options, |thermostat, _| {
        let engine = thermostat.engine();
        if engine.reported().read(&["power"]) == Ok("off") && engine.is_synced() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    loop {
        debug::exit(match done {
            Ok(()) => debug::EXIT_SUCCESS,
            Err(_) => debug::EXIT_FAILURE,
        });
    }
}
