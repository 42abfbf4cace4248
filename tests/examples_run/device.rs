//! The device against the shadow service, poked with `mosquitto_pub`.

use serde_json::Value;

use crate::mosquitto::Mosquitto;
use crate::running::Running;

#[test]
fn aws_device_applies_refuses_and_reports_what_mosquitto_pub_asks_for() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    for shadow in [None, Some("settings")] {
        let mut service = Running::start("shadow_service", &["--broker", &broker.address()]);
        service.await_line("ready");
        let prefix = match shadow {
            None => "$aws/things/heater/shadow".to_owned(),
            Some(name) => format!("$aws/things/heater/shadow/name/{name}"),
        };
        let mut accepted = broker.listen(&format!("{prefix}/update/accepted"));
        let mut arguments = vec!["--thing", "heater", "--broker"];
        let address = broker.address();
        arguments.push(&address);
        if let Some(name) = shadow {
            arguments.extend(["--shadow", name]);
        }
        let device = Running::start("aws_device", &arguments);
        let first = accepted.await_reported("/target", |target| !target.is_null());
        assert!(first["state"]["reported"]["mode"].is_string(), "{first}");

        let update = format!("{prefix}/update");
        broker.publish(&update, r#"{"state":{"desired":{"target":22.5}}}"#);
        accepted.await_reported("/target", |target| target == 22.5);
        broker.publish(&update, r#"{"state":{"desired":{"mode":"off"}}}"#);
        accepted.await_reported("/mode", |mode| mode == "off");

        broker.publish(&update, r#"{"state":{"desired":{"target":95}}}"#);
        let refusal = accepted.await_reported("/refused/target", Value::is_string);
        assert!(
            refusal["state"]["reported"].get("target").is_none(),
            "{refusal}"
        );
        broker.publish(&update, r#"{"state":{"desired":{"target":20}}}"#);
        let amends = accepted.await_reported("/target", |target| target == 20);
        let refused = amends["state"]["reported"].get("refused");
        assert_eq!(refused, Some(&Value::Null), "{amends}");

        device.signal("INT");
        let (lines, code) = device.finish();
        assert_eq!(code, Some(0), "{lines:#?}");
        assert!(
            lines.iter().any(|line| line.contains("95")),
            "it prints what it does: {lines:#?}"
        );
        service.signal("TERM");
        service.finish();
    }
}

#[test]
fn aws_device_comes_back_after_a_restart_of_the_broker() {
    let Some(mut broker) = Mosquitto::start() else {
        return;
    };
    let mut service = Running::start("shadow_service", &["--broker", &broker.address()]);
    service.await_line("ready");
    let topic = "$aws/things/heater/shadow/update/accepted";
    let mut accepted = broker.listen(topic);
    let mut device = Running::start(
        "aws_device",
        &["--thing", "heater", "--broker", &broker.address()],
    );
    accepted.await_reported("/target", |target| !target.is_null());
    drop(accepted);
    broker.restart();
    let mut accepted = broker.listen(topic);
    broker.publish_until(
        "$aws/things/heater/shadow/update",
        r#"{"state":{"desired":{"target":21}}}"#,
        || accepted.has_reported("/target", |target| target == 21),
    );
    for running in [&mut device, &mut service] {
        running.signal("TERM");
    }
    assert_eq!(device.finish().1, Some(0));
    assert_eq!(service.finish().1, Some(0));
}

#[test]
fn aws_device_says_all_again_when_the_service_has_lost_its_shadow() {
    let Some(broker) = Mosquitto::start() else {
        return;
    };
    let start = || {
        let mut service = Running::start("shadow_service", &["--broker", &broker.address()]);
        service.await_line("ready");
        service
    };
    let service = start();
    let mut accepted = broker.listen("$aws/things/heater/shadow/update/accepted");
    let _device = Running::start(
        "aws_device",
        &["--thing", "heater", "--broker", &broker.address()],
    );
    accepted.await_reported("/target", |target| !target.is_null());
    let update = "$aws/things/heater/shadow/update";
    broker.publish(update, r#"{"state":{"desired":{"target":22}}}"#);
    accepted.await_reported("/target", |target| target == 22);

    broker.publish("$aws/things/heater/shadow/delete", "");
    accepted.await_reported("/mode", |mode| mode == "heat");
    drop(service);
    let _service = start();
    let all = accepted.await_reported("/mode", |mode| mode == "heat");
    assert_eq!(all["state"]["reported"]["target"], 22, "{all}");
}
