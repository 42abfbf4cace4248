//! Each board alone: its modem, clock, flash and room, by `examples/firmware/board/examples/selftest.rs`.

use core::time::Duration;
use std::fs;
use std::time::Instant;

use crate::harness::{
    Bench, Board, Directory, Firmware, LM3S6965EVB, MICROBIT, Machine, NETDUINOPLUS2,
    STM32VLDISCOVERY, VIRT, WITH_MODEM, await_that,
};
use crate::running::program;

fn selftest(board: &'static Board) -> Option<Firmware> {
    Firmware::build_example("board", "selftest", board, "")
}

/// Runs one check; returns its exit code and what it said.
fn run(firmware: &Firmware, arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    Machine::boot(firmware, &Directory::make(), &[], arguments).finish()
}

#[test]
fn each_board_talks_mqtt_to_a_real_broker() {
    for board in WITH_MODEM {
        let (Some(firmware), Some(bench)) = (selftest(board), Bench::start()) else {
            return;
        };
        let mut said = bench.broker.listen("selftest/out");
        let machine = bench.boot(&firmware, &["check=mqtt"]);
        said.await_message("up", |line| (line == "up").then_some(()));
        // Longer than what the driver's queue holds.
        let text = "hear, hear! ".repeat(20);
        bench.broker.publish("selftest/in", &text);
        said.await_message(&text, |line| (line == text).then_some(()));
        machine.expect_success();
    }
}

#[test]
fn each_clock_goes_no_faster_than_the_hosts() {
    for board in WITH_MODEM.into_iter().chain([&LM3S6965EVB]) {
        let Some(firmware) = selftest(board) else {
            return;
        };
        let start = Instant::now();
        let (code, said) = run(&firmware, &["check=clock"]);
        assert_eq!(code, Some(0), "{}: {said:#?}", board.name);
        // It counted two seconds. How much longer it took depends on how busy this machine is.
        let took = start.elapsed();
        assert!(
            took > Duration::from_millis(1900),
            "{}: {took:?}",
            board.name
        );
    }
}

#[test]
fn flash_keeps_to_the_rules_and_outlives_a_power_cut() {
    for board in WITH_MODEM {
        let Some(firmware) = selftest(board) else {
            return;
        };
        let directory = Directory::make();
        let file = directory.file("flash");
        let boot = |check| Machine::boot(&firmware, &directory, &[], &[check, "flash=flash"]);
        let machine = boot("check=flash");
        await_that("the last word", || {
            fs::read(&file).is_ok_and(|bytes| bytes.last() == Some(&0x5A))
        });
        machine.cut_power();
        boot("check=flash-again").expect_success();
    }
}

#[test]
fn the_room_gets_warm_and_cold_and_its_parts_fail_on_demand() {
    let Some(firmware) = selftest(&MICROBIT) else {
        return;
    };
    assert_eq!(run(&firmware, &["check=room"]), (Some(0), vec![]));
    // No heater, no warmth.
    assert_eq!(run(&firmware, &["check=room", "fault=heater"]).0, Some(1));
    let faults = [
        "check=faults",
        "fault=heater+thermometer",
        "fault_from=1000",
        "fault_to=2000",
    ];
    assert_eq!(run(&firmware, &faults), (Some(0), vec![]));
    assert_eq!(run(&firmware, &faults[..3]).0, Some(1), "it never ends");
}

#[test]
fn a_run_that_goes_wrong_says_so() {
    for board in [&STM32VLDISCOVERY, &VIRT] {
        let Some(firmware) = selftest(board) else {
            return;
        };
        let long = format!("check={}", "x".repeat(97));
        let longer = "x".repeat(300);
        for (argument, code, why) in [
            (
                "check=panic",
                101,
                "panicked at board/examples/selftest.rs:",
            ),
            ("check=fault", 102, ""),
            ("check=nothing", 1, ""),
            // QEMU's own separator is nothing special here.
            ("check=room,fault=heater", 1, ""),
            (&long, 64, "an argument is longer than 96 bytes"),
            (&longer, 64, "the command line is longer than 256 bytes"),
        ] {
            let (found, said) = run(&firmware, &[argument]);
            assert_eq!(found, Some(code), "{argument}: {said:#?}");
            let told = said.iter().any(|line| line.starts_with(why));
            assert!(told || why.is_empty(), "{argument}: {said:#?}");
        }
        let (code, said) = run(&firmware, &["check=room", "fault_from=now"]);
        assert_eq!(code, Some(64), "{said:#?}");
    }
}

#[test]
fn log_lines_come_through_defmt() {
    if program("defmt-print").is_none() {
        return;
    }
    for board in [&NETDUINOPLUS2, &MICROBIT, &VIRT] {
        let Some(firmware) = Firmware::build_example("board", "selftest", board, "defmt") else {
            return;
        };
        let directory = Directory::make();
        let mut machine = Machine::boot(&firmware, &directory, &[], &["check=log"]);
        assert_eq!(machine.finish(), (Some(0), vec![]), "{}", board.name);
        let lines = machine.logged().expect("defmt-print was there");
        // The level is as wide as the longest one.
        let expected = [0, 1, 2].map(|number| format!("INFO  line {number} of three"));
        assert_eq!(lines, expected, "{}", board.name);
    }
}
