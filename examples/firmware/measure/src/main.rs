//! Peak stack and executed instructions of each public call, on a Cortex-M4 under QEMU.
//!
//! QEMU's timer TIM2 counts executed instructions when it runs with `-icount shift=0`; the stack below
//! the caller is painted before each call and searched afterwards. Both are exact and repeatable; they
//! say nothing about cycles.
#![no_std]
#![no_main]

use core::fmt::Write as _;
use core::hint::black_box;
use core::panic::PanicInfo;
use core::sync::atomic::{Ordering, compiler_fence};

use cortex_m_rt::entry;
use cortex_m_semihosting::{debug, hio};
use twinsync::adapter::aws::Client;
use twinsync::codec;
use twinsync::device::{Config, DeviceEngine, Output, Session};
use twinsync::document::{self, Document, DocumentRef};
use twinsync::protocol::TwinId;
use twinsync::time::Instant;

const PAINT: u32 = 0xC5C5_C5C5;
/// Bytes painted below the caller: more than any call may take.
const PAINTED: usize = 16 * 1024;

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    debug::exit(debug::EXIT_FAILURE);
    loop {}
}

fn timer() -> u32 {
    // SAFETY: reads a peripheral register of the emulated board.
    unsafe { (0x4000_0024 as *const u32).read_volatile() }
}

/// Keeps the frame of `call` out of that of [`measure`], below the paint's upper edge.
#[inline(never)]
fn below<R>(call: impl FnOnce() -> R) -> R {
    call()
}

/// Runs `call` and prints what it took.
#[inline(never)]
fn measure<R>(name: &str, call: impl FnOnce() -> R) -> R {
    let here = cortex_m::register::msp::read() as usize & !3;
    let bottom = here - PAINTED;
    let top = here;
    let mut at = bottom;
    while at < top {
        // SAFETY: free stack below the current frame.
        unsafe { (at as *mut u32).write_volatile(PAINT) };
        at += 4;
    }
    compiler_fence(Ordering::SeqCst);
    let before = timer();
    let result = black_box(below(call));
    let after = timer();
    compiler_fence(Ordering::SeqCst);
    let mut used = bottom;
    // SAFETY: the same words as above.
    while used < top && unsafe { (used as *const u32).read_volatile() } == PAINT {
        used += 4;
    }
    let stack = here - used;
    if let Ok(mut out) = hio::hstdout() {
        let _ = writeln!(
            out,
            "| {} | {} | {} |",
            name,
            after.wrapping_sub(before),
            stack
        );
    }
    result
}

#[entry]
fn main() -> ! {
    // SAFETY: starts TIM2 of the emulated board.
    unsafe { (0x4000_0000 as *mut u32).write_volatile(1) };
    if let Ok(mut out) = hio::hstdout() {
        let _ = writeln!(
            out,
            "| call | instructions | peak stack, bytes |\n| --- | ---: | ---: |"
        );
    }
    measure("nothing", || ());
    documents();
    json();
    device();
    debug::exit(debug::EXIT_SUCCESS);
    loop {}
}

/// Hands out a static buffer: what is measured is the stack of the calls, not that of their data.
macro_rules! fixed {
    ($type:ty, $value:expr) => {{
        static mut PLACE: $type = $value;
        // SAFETY: each place in the program runs once, on one thread.
        unsafe { &mut *(&raw mut PLACE) }
    }};
}

#[inline(never)]
fn documents() {
    let a = fixed!(Document<1024>, Document::new());
    let b = fixed!(Document<1024>, Document::new());
    let c = fixed!(Document<1024>, Document::new());
    measure("document: set", || a.set(&["target", "temp"], 21)).ok();
    measure("document: read", || a.read::<u8>(&["target", "temp"])).ok();
    b.set(&["target", "temp"], 22).ok();
    b.set(&["mode"], "heat").ok();
    measure("document: merge of 2 leaves", || a.merge(b.as_ref())).ok();
    a.set(&["target", "temp"], 21).ok();
    measure("document: delta", || {
        document::delta(b.as_ref(), a.as_ref(), &mut c.as_mut())
    })
    .ok();
    measure("document: check of stored bytes", || {
        DocumentRef::from_bytes(b.as_bytes())
    })
    .ok();
}

/// A delta as AWS sends it: three leaves, with metadata.
const DELTA: &[u8] = br#"{"version":12,"timestamp":1700000012,"state":{"target":{"temp":22,"mode":"heat"},"schedule":[6.5,22]},"metadata":{"target":{"temp":{"timestamp":1700000011},"mode":{"timestamp":1700000012}},"schedule":[{"timestamp":1700000010},{"timestamp":1700000010}]},"clientToken":"backend-17"}"#;

/// The answer to a full get, with metadata and delta.
const ANSWER: &[u8] = br#"{"state":{"desired":{"target":{"temp":21,"mode":"eco"},"schedule":[6.5,22]},"reported":{"target":{"temp":20,"mode":"eco"},"firmware":"1.4.2"},"delta":{"target":{"temp":21},"schedule":[6.5,22]}},"metadata":{"desired":{"target":{"temp":{"timestamp":1700000001},"mode":{"timestamp":1700000001}},"schedule":[{"timestamp":1700000001},{"timestamp":1700000001}]},"reported":{"target":{"temp":{"timestamp":1700000000},"mode":{"timestamp":1700000000}},"firmware":{"timestamp":1700000000}}},"version":11,"timestamp":1700000002,"clientToken":"00000007"}"#;

#[inline(never)]
fn json() {
    let document = fixed!(Document<1024>, Document::new());
    let out = fixed!([u8; 1024], [0; 1024]);
    measure("JSON: read a delta message whole, 279 B", || {
        codec::json::read(DELTA, document.as_mut())
    })
    .ok();
    measure("JSON: write it", || {
        codec::json::write(document.as_ref(), out)
    })
    .ok();
}

#[inline(never)]
fn device() {
    let engine = fixed!(DeviceEngine<512>, DeviceEngine::new(Config::new(7)));
    let scratch = fixed!(Document<1024>, Document::new());
    let out = fixed!([u8; 512], [0; 512]);
    let Some(client) = TwinId::new("thermostat-1", None)
        .ok()
        .and_then(|id| Client::new(id).ok())
    else {
        return;
    };
    let now = Instant::from_millis(1_000);
    measure("device: report_value", || {
        engine.report_value(now, &["firmware"], "1.4.2")
    })
    .ok();
    measure("device: handle_connected", || {
        engine.handle_connected(now, Session::Fresh);
    });
    transmit(
        "device: poll_transmit, subscribe",
        engine,
        &client,
        out,
        now,
    );
    measure("device: handle_subscribed", || {
        engine.handle_subscribed(now)
    });
    transmit(
        "device: poll_transmit, get, encode",
        engine,
        &client,
        out,
        now,
    );
    let topic = "$aws/things/thermostat-1/shadow/get/accepted";
    let message = measure(
        "AWS: decode a get's answer in 64-byte pieces, 547 B",
        || {
            let mut decoder = client.decoder(topic, engine.wanted(), scratch.as_mut())?;
            for piece in ANSWER.chunks(64) {
                decoder.feed(piece)?;
            }
            decoder.finish()
        },
    );
    if let Ok(message) = message {
        measure("device: handle_message, the answer", || {
            engine.handle_message(now, message)
        })
        .ok();
    }
    let topic = "$aws/things/thermostat-1/shadow/update/delta";
    let message = measure("AWS: decode a delta whole, 279 B", || {
        client.decode(topic, DELTA, engine.wanted(), scratch.as_mut())
    });
    if let Ok(message) = message {
        measure("device: handle_message, the delta", || {
            engine.handle_message(now, message)
        })
        .ok();
    }
    measure("device: changes, all of them", || engine.changes().count());
    measure("device: acknowledge", || {
        engine.acknowledge(now, &["target", "temp"])
    })
    .ok();
    measure("device: refuse", || engine.refuse(now, &["schedule"])).ok();
    transmit(
        "device: poll_transmit, report, encode",
        engine,
        &client,
        out,
        now,
    );
    measure("device: handle_timeout", || {
        engine.handle_timeout(Instant::from_millis(60_000));
    });
    measure("device: poll_event and poll_timeout", || {
        (engine.poll_event(), engine.poll_timeout())
    });
}

/// Takes what is due, encodes it and says that it is sent.
fn transmit(
    name: &str,
    engine: &mut DeviceEngine<512>,
    client: &Client<'_>,
    out: &mut [u8],
    now: Instant,
) {
    measure(name, || {
        let transmit = engine.poll_transmit(now)?;
        if let Output::Message(message) = transmit.output() {
            client.encode(&message, out).ok()?;
        }
        transmit.sent(now);
        Some(())
    });
}
