//! The thermostat over CoAP on the board with Ethernet: against the example `coap_hub` and against libcoap's server.

use core::sync::atomic::{AtomicU32, Ordering};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::process::Command;

use serde_json::{Value, json};
use twinsync::document::DocumentRef;
use twinsync::sim::Flash;
use twinsync::storage::{FlashLog, SchemaId, Snapshot};

use crate::harness::{Directory, Firmware, LM3S6965EVB, Machine, await_that};
use crate::libcoap::{Asker, free_address, libcoap, start_hub};
use crate::running::{Running, program};

/// The device of all tests.
const TWIN: &str = "heater";
/// Retransmissions twice as fast as RFC 7252 has them.
const QUICK: [&str; 2] = ["--ack-timeout", "1000"];

/// A device on a network with a hub's address, and somebody who asks there.
struct Setup {
    firmware: Firmware,
    directory: Directory,
    address: String,
    asker: Asker,
}

impl Setup {
    /// Builds the firmware; nothing if something that it needs is not installed.
    fn make() -> Option<Self> {
        Self::with(Firmware::build("ethernet", &LM3S6965EVB)?)
    }

    fn with(firmware: Firmware) -> Option<Self> {
        let address = free_address();
        Some(Self {
            firmware,
            directory: Directory::make(),
            asker: Asker::new(&address, TWIN)?,
            address,
        })
    }

    /// Boots the device. QEMU's user network leads it to the host's 127.0.0.1, its monitor can cut the link.
    fn boot(&self, arguments: &[&str]) -> Machine {
        static BOOTS: AtomicU32 = AtomicU32::new(0);
        let boot = BOOTS.fetch_add(1, Ordering::Relaxed);
        let network = ["-netdev", "user,id=n0", "-net", "nic,netdev=n0"];
        let monitor = ["-qmp", "unix:monitor,server=on,wait=off"];
        let qemu: Vec<String> = [&network[..], &monitor]
            .concat()
            .into_iter()
            .map(ToOwned::to_owned)
            .collect();
        let (_, port) = self.address.split_once(':').expect("host and port");
        let seed = std::process::id().wrapping_mul(1_000).wrapping_add(boot);
        let own = [
            format!("twin={TWIN}"),
            format!("hub={port}"),
            format!("seed={seed}"),
            "flash=flash".to_owned(),
            "ack_timeout=1000".to_owned(),
            "patience=600".to_owned(),
        ];
        let all: Vec<&str> = own
            .iter()
            .map(String::as_str)
            .chain(arguments.iter().copied())
            .collect();
        Machine::boot(&self.firmware, &self.directory, &qemu, &all)
    }

    fn hub(&self, more: &[&str]) -> Running {
        start_hub(&self.address, &[&QUICK, more].concat())
    }

    /// Waits until the device's flash holds a reported section as wanted.
    fn await_kept(&self, what: &str, wanted: impl Fn(DocumentRef<'_>) -> bool) {
        await_that(what, || {
            let bytes = fs::read(self.directory.file("flash")).unwrap_or_default();
            let mut flash = Flash::<4, 1_024>::new(4);
            // One that is not of that size is just being made.
            if bytes.len() != flash.bytes().len() || flash.write(0, &bytes).is_err() {
                return false;
            }
            let mut log = FlashLog::new(flash, 0..4_096).expect("flash of four pages");
            let mut scratch = [0; 2_048];
            let loaded = log.load(&mut scratch).expect("flash that can be read");
            // The thermostat's schema.
            let snapshot = loaded
                .record
                .map(|record| Snapshot::read(record, SchemaId(1)));
            matches!(snapshot, Some(Ok(snapshot)) if wanted(snapshot.reported))
        });
    }

    fn want(&self, patch: &Value) {
        self.asker
            .change("ipatch", "/desired", &patch.to_string())
            .expect("the hub takes it");
    }

    fn await_reported(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.asker.await_json("/reported", wanted)
    }
}

/// The monitor of a machine that runs in a directory: it can pull the plug of the network.
struct Monitor(BufReader<UnixStream>);

impl Monitor {
    fn of(directory: &Directory) -> Self {
        let path = directory.file("monitor");
        let mut stream = None;
        await_that("a monitor", || {
            stream = UnixStream::connect(&path).ok();
            stream.is_some()
        });
        let stream = stream.expect("it was awaited");
        let mut monitor = Self(BufReader::new(stream));
        monitor.say("qmp_capabilities", &json!({}));
        monitor
    }

    fn link(&mut self, up: bool) {
        self.say("set_link", &json!({"name": "n0", "up": up}));
    }

    fn say(&mut self, command: &str, arguments: &Value) {
        let line = json!({"execute": command, "arguments": arguments});
        writeln!(self.0.get_mut(), "{line}").expect("a monitor that listens");
        loop {
            let mut answer = String::new();
            let len = self.0.read_line(&mut answer).expect("an answer");
            assert!(len > 0, "the monitor is gone");
            let answer: Value = serde_json::from_str(&answer).expect("JSON");
            assert!(answer.get("error").is_none(), "{answer}");
            // Before it there may be a greeting and events.
            if answer.get("return").is_some() {
                return;
            }
        }
    }
}

#[test]
fn the_device_begins_takes_a_change_and_reports_it() {
    let Some(setup) = Setup::make() else {
        return;
    };
    let _hub = setup.hub(&[]);
    let machine = setup.boot(&["until=215"]);
    let first = setup.await_reported(|reported| reported["temperature"].is_number());
    assert_eq!(first["target"], 20, "{first}");
    assert!(first["firmware"].is_string(), "{first}");
    setup.want(&json!({"fan": 30}));
    setup.await_reported(|reported| reported["fan"] == 30);
    setup.want(&json!({"target": 95}));
    let refused = setup.await_reported(|reported| reported["faults"]["target"].is_string());
    assert_eq!(refused["target"], 20, "what is in force: {refused}");
    setup.want(&json!({"target": 21.5}));
    machine.expect_success();
    let twin = setup.asker.json("");
    assert_eq!(twin["reported"]["target"], 21.5, "{twin}");
    assert!(twin["reported"]["faults"]["target"].is_null(), "{twin}");
}

#[test]
fn the_device_logs_through_defmt() {
    if program("defmt-print").is_none() {
        return;
    }
    let firmware = Firmware::build_with("ethernet", &LM3S6965EVB, "defmt");
    let Some(setup) = firmware.and_then(Setup::with) else {
        return;
    };
    let _hub = setup.hub(&[]);
    setup.want(&json!({"target": 21.5}));
    let mut machine = setup.boot(&["until=215"]);
    setup.await_reported(|reported| reported["target"] == 21.5);
    let (code, said) = machine.finish();
    assert_eq!(code, Some(0), "{said:#?}");
    let lines = machine.logged().expect("defmt-print was there");
    for wanted in ["in step with the service", "desired changed"] {
        let is_wanted = |line: &String| line.starts_with("INFO") && line.ends_with(wanted);
        assert!(lines.iter().any(is_wanted), "{lines:#?}");
    }
}

#[test]
fn a_desired_section_of_many_blocks_comes_through_a_link_that_loses() {
    let Some(setup) = Setup::make() else {
        return;
    };
    let _hub = setup.hub(&["--loss", "20", "--seed", "7"]);
    // Blocks have 256 bytes.
    setup.want(&json!({"note": "x".repeat(350), "target": 18}));
    let machine = setup.boot(&["until=225"]);
    setup.await_reported(|reported| reported["target"] == 18);
    setup.want(&json!({"note": "y".repeat(350), "target": 22.5}));
    setup.await_reported(|reported| reported["target"] == 22.5);
    machine.expect_success();
}

#[test]
fn what_changes_while_the_link_is_down_arrives_when_it_is_up_again() {
    let Some(setup) = Setup::make() else {
        return;
    };
    // An observer that hears nothing for so long asks anew, whatever became of the notifications.
    let _hub = setup.hub(&["--max-age", "5"]);
    // The link has to be down before the thermometer fails. A busy host may need more than the first try.
    let tries = ["fault_from=8000", "fault_from=30000", "fault_from=120000"];
    let cut = tries.iter().find_map(|from| {
        let machine = setup.boot(&["until=235", "fault=thermometer", from]);
        setup.await_reported(|reported| reported["target"] == 20);
        let mut monitor = Monitor::of(&setup.directory);
        monitor.link(false);
        let before = setup.asker.json("/reported");
        if !before["faults"]["temperature"].is_null() {
            machine.cut_power();
            fs::remove_file(setup.directory.file("flash")).expect("its flash");
            return None;
        }
        Some((machine, monitor))
    });
    let (machine, mut monitor) = cut.expect("a link that is cut in time");
    // Both ends change while neither hears the other.
    setup.want(&json!({"target": 23.5}));
    setup.await_kept("a fault", |reported| {
        reported.read(&["faults", "temperature"]) == Ok("no answer")
    });
    let meanwhile = setup.asker.json("/reported");
    assert!(meanwhile["faults"]["temperature"].is_null(), "{meanwhile}");
    assert_eq!(meanwhile["target"], 20, "{meanwhile}");
    monitor.link(true);
    setup.await_reported(|reported| reported["target"] == 23.5);
    // It ends when the hub has everything.
    machine.expect_success();
    let reported = setup.asker.json("/reported");
    assert_eq!(reported["faults"]["temperature"], "no answer", "{reported}");
}

#[test]
fn a_hub_that_was_killed_and_forgot_everything_is_told_all_again() {
    let Some(setup) = Setup::make() else {
        return;
    };
    let hub = setup.hub(&["--max-age", "3"]);
    let machine = setup.boot(&["until=205"]);
    setup.want(&json!({"target": 22}));
    setup.await_reported(|reported| reported["target"] == 22);
    drop(hub);
    let _hub = setup.hub(&["--max-age", "3"]);
    let again = setup.await_reported(|reported| reported["firmware"].is_string());
    assert_eq!(again["target"], 22, "what is in force: {again}");
    setup.want(&json!({"target": 20.5}));
    setup.await_reported(|reported| reported["target"] == 20.5);
    machine.expect_success();
}

#[test]
fn after_a_power_cut_the_device_goes_on_from_flash_before_there_is_a_hub() {
    let Some(setup) = Setup::make() else {
        return;
    };
    let hub = setup.hub(&[]);
    let machine = setup.boot(&[]);
    setup.want(&json!({"target": 24, "fan": 15}));
    setup.await_reported(|reported| reported["target"] == 24 && reported["fan"] == 15);
    // The hub has it, the flash may not yet: it is written once a second.
    setup.await_kept("the settings", |reported| {
        reported.read(&["target"]) == Ok(24) && reported.read(&["fan"]) == Ok(15)
    });
    machine.cut_power();
    drop(hub);
    let machine = setup.boot(&["until=235"]);
    // This hub knows nothing: what it is told comes from flash.
    let _hub = setup.hub(&[]);
    let reported = setup.await_reported(|reported| reported["target"].is_number());
    assert_eq!(reported["target"], 24, "{reported}");
    assert_eq!(reported["fan"], 15, "{reported}");
    setup.want(&json!({"target": 23.5}));
    setup.await_reported(|reported| reported["target"] == 23.5);
    machine.expect_success();
}

/// libcoap's server keeps what is put under a path, and tells observers: with `kind=store` the device makes do.
#[test]
fn libcoaps_server_keeps_reported_and_tells_desired_even_after_the_link_was_down() {
    let Some(setup) = Setup::make() else {
        return;
    };
    let Some(server) = libcoap("coap-server") else {
        return;
    };
    let (host, port) = setup.address.split_once(':').expect("host and port");
    let mut command = Command::new(server);
    command.args(["-A", host, "-p", port, "-d", "100", "-v", "7"]);
    let mut server = Running::spawn(command);
    let want = |desired: Value| {
        let asked = setup.asker.change("put", "/desired", &desired.to_string());
        asked.expect("a server that stores");
    };
    want(json!({"target": 18}));
    let machine = setup.boot(&["kind=store", "until=215"]);
    let first = setup.await_reported(|reported| reported["target"] == 18);
    assert!(first["temperature"].is_number(), "{first}");
    // Two blocks, and some more in the device.
    want(json!({"note": "x".repeat(350), "target": 22, "fan": 20}));
    setup.await_reported(|reported| reported["target"] == 22 && reported["fan"] == 20);
    let mut monitor = Monitor::of(&setup.directory);
    monitor.link(false);
    want(json!({"target": 21.5}));
    server.await_output("a notification", |line| {
        let is_it = line.contains("Observe:") && line.contains(r#":: '{"target":21.5}'"#);
        is_it.then_some(())
    });
    assert_eq!(setup.asker.json("/reported")["target"], 22);
    monitor.link(true);
    setup.await_reported(|reported| reported["target"] == 21.5);
    machine.expect_success();
}
