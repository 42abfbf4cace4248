//! Peak stack and executed instructions of each public call of a device, and RAM of what it holds.
#![no_std]
#![no_main]

mod aws;
mod coap;
mod configuration;
mod device;
mod dialects;
mod documents;
mod hardware;
mod hub;
mod memory;
mod rules;
mod storage;

use cortex_m_rt::entry;
use twinsync_measure::run;

#[entry]
fn main() -> ! {
    run(|| {
        memory::all();
        documents::all();
        device::all();
        aws::all();
        dialects::all();
        coap::all();
        storage::all();
        rules::all();
        hardware::all();
        configuration::all();
        hub::all();
    })
}
