//! The thermostat in a super-loop, over the UART to mosquitto, against the example `shadow_service`.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{
    Bench, Board, Firmware, NETDUINOPLUS2, STM32VLDISCOVERY, WITH_MODEM, await_that,
};
use crate::mosquitto::Mosquitto;
use crate::running::Running;

const THING: &str = "thing=hall";
const FLASH: &str = "flash=flash";

/// Starts the shadow service and waits until it serves.
pub(crate) fn service(broker: &Mosquitto) -> Running {
    let mut service = Running::start("shadow_service", &["--broker", &broker.address()]);
    service.await_line("ready");
    service
}

/// A broker, a service, and the thermostat for `board`; nothing if something is not installed.
fn set_up(board: &'static Board) -> Option<(Bench, Running, Firmware)> {
    let firmware = Firmware::build("superloop", board)?;
    let bench = Bench::start()?;
    let service = service(&bench.broker);
    Some((bench, service, firmware))
}

fn topic(verb: &str) -> String {
    format!("$aws/things/hall/shadow/{verb}")
}

/// Writes what the service wants.
fn desire(broker: &Mosquitto, desired: &Value) {
    let update = json!({"state": {"desired": desired}});
    broker.publish(&topic("update"), &update.to_string());
}

/// What the service has of the thermostat.
fn shadow(broker: &Mosquitto) -> Value {
    let mut answers = broker.listen(&topic("get/accepted"));
    broker.publish(&topic("get"), "");
    answers.await_message("the shadow", |line| serde_json::from_str(line).ok())
}

/// Whether the snapshot in flash says `name: value` in some section; its documents are canonical bytes.
fn has_kept(flash: &Path, name: &str, value: i64) -> bool {
    let mut wanted = twinsync::document::Document::<64>::new();
    wanted.set(&[name], value).expect("room");
    // Behind the map's own head and length.
    let entry = &wanted.as_ref().as_bytes()[3..];
    fs::read(flash).is_ok_and(|bytes| bytes.windows(entry.len()).any(|window| window == entry))
}

#[test]
fn each_board_reports_itself_and_does_what_is_desired() {
    for board in WITH_MODEM {
        let Some((bench, _service, firmware)) = set_up(board) else {
            return;
        };
        let broker = &bench.broker;
        let mut updates = broker.listen(&topic("update"));
        let machine = bench.boot(&firmware, &[THING, FLASH, "until=215"]);

        let first = updates.await_reported("/firmware", Value::is_string);
        let reported = &first["state"]["reported"];
        assert_eq!(
            (&reported["target"], &reported["fan"]),
            (&json!(20), &json!(0)),
            "{first}"
        );
        // The room is at 18 degrees: it heats, and says so when it is warmer.
        assert_eq!(reported["heating"], true, "{first}");
        updates.await_reported("/temperature", |degrees| degrees.as_f64() > Some(18.4));

        desire(broker, &json!({"target": 21.5, "fan": 33}));
        let done = updates.await_reported("/target", |target| *target == 21.5);
        assert_eq!(done["state"]["reported"]["fan"], 33, "{done}");
        machine.expect_success();

        let shadow = shadow(broker);
        let state = &shadow["state"];
        assert_eq!(
            state["reported"]["target"], 21.5,
            "{}: {shadow}",
            board.name
        );
        assert_eq!(state["delta"], Value::Null, "{}: {shadow}", board.name);
    }
}

#[test]
fn what_cannot_be_done_is_reported_and_the_rest_is_done() {
    let Some((bench, _service, firmware)) = set_up(&STM32VLDISCOVERY) else {
        return;
    };
    let mut updates = bench.broker.listen(&topic("update"));
    let machine = bench.boot(&firmware, &[THING, FLASH, "until=190"]);
    updates.await_reported("/firmware", Value::is_string);
    desire(
        &bench.broker,
        &json!({"target": 19, "fan": "full", "colour": "red"}),
    );
    let done = updates.await_reported("/target", |target| *target == 19);
    assert_eq!(
        done["state"]["reported"]["faults"]["fan"], "wrong type",
        "{done}"
    );
    machine.expect_success();
    let shadow = shadow(&bench.broker);
    let left = json!({"fan": "full", "colour": "red"});
    assert_eq!(shadow["state"]["delta"], left, "{shadow}");
}

#[test]
fn hardware_that_fails_is_a_reported_fault_until_it_works() {
    let Some((bench, _service, firmware)) = set_up(&NETDUINOPLUS2) else {
        return;
    };
    let mut updates = bench.broker.listen(&topic("update"));
    let faults = ["fault=fan+thermometer", "fault_from=1000", "fault_to=6000"];
    let arguments = [&[THING, FLASH][..], &faults].concat();
    let _machine = bench.boot(&firmware, &arguments);
    updates.await_reported("/faults/temperature", Value::is_string);
    desire(&bench.broker, &json!({"fan": 40}));
    // Nothing is known of the fan now, and nothing is claimed.
    let failed = updates.await_reported("/faults/fan", |fault| *fault == "PWM error");
    assert_eq!(
        failed["state"]["reported"].get("fan"),
        Some(&Value::Null),
        "{failed}"
    );
    // It is tried again by itself.
    let mut shadow_now = Value::Null;
    await_that("recovery", || {
        shadow_now = shadow(&bench.broker);
        let reported = &shadow_now["state"]["reported"];
        reported["fan"] == 40 && reported["faults"]["temperature"].is_null()
    });
    let reported = &shadow_now["state"]["reported"];
    assert_eq!(reported["faults"]["fan"], Value::Null, "{shadow_now}");
    assert!(reported["temperature"].is_number(), "{shadow_now}");
}

#[test]
fn a_broker_that_is_restarted_is_found_again() {
    for board in [&NETDUINOPLUS2, &STM32VLDISCOVERY] {
        let Some((mut bench, service_before, firmware)) = set_up(board) else {
            return;
        };
        let mut updates = bench.broker.listen(&topic("update"));
        let machine = bench.boot(&firmware, &[THING, FLASH, "keep_alive=2", "until=225"]);
        updates.await_reported("/firmware", Value::is_string);
        // Service and listener go with the broker; the thermostat has no notice of any of it.
        drop((service_before, updates));
        bench.restart_broker();
        let _service = service(&bench.broker);
        let mut updates = bench.broker.listen(&topic("update"));
        desire(&bench.broker, &json!({"target": 22.5}));
        updates.await_reported("/target", |target| *target == 22.5);
        machine.expect_success();
    }
}

#[test]
fn after_a_power_cut_the_thermostat_goes_on_from_flash() {
    for board in WITH_MODEM {
        let Some((bench, service_before, firmware)) = set_up(board) else {
            return;
        };
        let mut updates = bench.broker.listen(&topic("update"));
        let machine = bench.boot(&firmware, &[THING, FLASH]);
        updates.await_reported("/firmware", Value::is_string);
        desire(&bench.broker, &json!({"target": 17, "fan": 55}));
        updates.await_reported("/fan", |fan| *fan == 55);
        let flash = bench.directory.file("flash");
        await_that("a snapshot", || has_kept(&flash, "fan", 55));
        machine.cut_power();
        // The service forgets everything: what comes now can only be from flash.
        drop(service_before);
        let _service = service(&bench.broker);
        let machine = bench.boot(&firmware, &[THING, FLASH, "until=170"]);
        let first = updates.await_reported("/firmware", Value::is_string);
        let reported = &first["state"]["reported"];
        assert_eq!(
            (&reported["target"], &reported["fan"]),
            (&json!(17), &json!(55)),
            "{first}"
        );
        machine.expect_success();
    }
}
