//! RAM of what a program holds for as long as it runs.

use twinsync::adapter::coap::endpoint;
use twinsync::adapter::{aws, azure, coap, native};
use twinsync::configuration::Trial;
use twinsync::device::DeviceEngine;
use twinsync::document::Document;
use twinsync::hub::HubEngine;
use twinsync::query::Condition;
use twinsync::rules::filter::{Filters, Gate};
use twinsync::rules::{Rulebook, StateMachine};
use twinsync::storage::{FlashLog, SaveGate};
use twinsync_measure::ram;

#[inline(never)]
pub fn all() {
    ram::<Document<512>>("Document<512>", 512);
    ram::<DeviceEngine<256>>("DeviceEngine<256>", 4 * 256);
    ram::<DeviceEngine<512>>("DeviceEngine<512>", 4 * 512);
    ram::<DeviceEngine<1024>>("DeviceEngine<1024>", 4 * 1024);
    ram::<DeviceEngine<4096>>("DeviceEngine<4096>", 4 * 4096);
    ram::<aws::Client<'_>>("aws::Client", 0);
    ram::<aws::Decoder<'_>>("aws::Decoder", 0);
    ram::<azure::Client<'_>>("azure::Client", 0);
    ram::<azure::Decoder<'_>>("azure::Decoder", 0);
    ram::<native::Client<'_>>("native::Client", 0);
    ram::<native::Decoder<'_>>("native::Decoder", 0);
    ram::<coap::Client<'_, coap::Json>>("coap::Client", 0);
    ram::<coap::Question>("coap::Question", 0);
    ram::<coap::Decoder<'_, coap::Json>>("coap::Decoder", 0);
    ram::<endpoint::Client<u32, 512, 3>>("endpoint::Client<_, 512, 3>", 3 * 512);
    ram::<endpoint::Server<u32, 512, 4, 4>>("endpoint::Server<_, 512, 4, 4>", 4 * 512);
    ram::<FlashLog<()>>("FlashLog, without the flash", 0);
    ram::<SaveGate>("SaveGate", 0);
    ram::<Gate>("filter::Gate", 0);
    ram::<Filters<4>>("filter::Filters<4>", 0);
    ram::<StateMachine>("StateMachine", 0);
    ram::<Rulebook>("Rulebook", 0);
    ram::<Trial<512>>("Trial<512>", 512);
    ram::<Condition<'_, 32>>("Condition<32>", 0);
    ram::<HubEngine<(), 1024>>("HubEngine<_, 1024>, without the registry", 4 * 1024);
}
