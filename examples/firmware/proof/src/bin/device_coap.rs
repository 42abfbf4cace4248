//! The device's side in full: engine, JSON, CoAP adapter, endpoint of the client's role.
#![no_std]
#![no_main]

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    twinsync_proof::coap::device::<twinsync::adapter::coap::Json>()
}
