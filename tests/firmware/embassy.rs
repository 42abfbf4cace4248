//! The thermostat as a task of embassy's executor, next to one that turns the dial.

use crate::harness::{Bench, Firmware, NETDUINOPLUS2};
use crate::mqtt::service;

const UPDATE: &str = "$aws/things/attic/shadow/update";
const ACCEPTED: &str = "$aws/things/attic/shadow/update/accepted";

#[test]
fn task_is_in_step_with_the_dial_and_the_service_and_outlives_the_broker() {
    let Some(firmware) = Firmware::build("embassy", &NETDUINOPLUS2) else {
        return;
    };
    let Some(mut bench) = Bench::start() else {
        return;
    };
    let _service = service(&bench.broker);
    let mut accepted = bench.broker.listen(ACCEPTED);
    let arguments = [
        "thing=attic",
        "flash=flash",
        "keep_alive=3",
        "dial=195",
        "until=210",
    ];
    let machine = bench.boot(&firmware, &arguments);

    // The first report, to a service that knows nothing of the device; then what the other task did. The dial
    // may be turned before the first report goes out.
    let first = accepted.await_reported("/firmware", |_| true);
    if first["state"]["reported"]["target"] != 19.5 {
        accepted.await_reported("/target", |target| *target == 19.5);
    }

    bench
        .broker
        .publish(UPDATE, r#"{"state":{"desired":{"target":23,"fan":40}}}"#);
    let applied = accepted.await_reported("/target", |target| *target == 23);
    assert_eq!(applied["state"]["reported"]["fan"], 40, "{applied}");

    // Nobody tells the device or the service; the listener's subscription is gone with the broker's memory.
    bench.restart_broker();
    drop(accepted);
    let mut accepted = bench.broker.listen(ACCEPTED);
    bench
        .broker
        .publish_until(UPDATE, r#"{"state":{"desired":{"target":21}}}"#, || {
            accepted.has_reported("/target", |target| *target == 21)
        });
    machine.expect_success();
}
