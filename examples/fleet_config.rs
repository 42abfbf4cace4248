//! A configuration for a fleet: set by query, in waves, rolled back where it fails, and everywhere in the end.
//!
//! `cargo run --release --example fleet_config` starts a broker, a shadow service and 50 pumps in this process. Its
//! back-end gives the pumps of building 1 (or those that match a condition of your own, the only argument) a faster
//! interval. Three cannot run it: two refuse, one fails its own check. After a table of what became of each, all go
//! back to version 1, from a copy of the twins; a pump that has reported since is a conflict, and tried again. Under
//! a text that is no condition stands a mark where it stops being one; then nothing is started.

#![allow(clippy::arithmetic_side_effects, reason = "a program for a host")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a program for a host")]

mod common {
    pub(crate) mod broker;
    pub(crate) mod clock;
    pub(crate) mod floor;
    pub(crate) mod mqtt;
    pub(crate) mod pump;
    pub(crate) mod service;
    pub(crate) mod words;
}

use core::error::Error;
use std::process::ExitCode;

use twinsync::configuration::{History, Keys};
use twinsync::document::Document;
use twinsync::fleet::{Outcome, Plan, Progress, Rollout, Setting, State, Target};
use twinsync::query::{Condition, Dialect, TwinItem};
use twinsync::time::{Duration, Timestamp};

use crate::common::floor::{Floor, ids};

const BUILDING_1: &str = "tags.location.building = 'building-1'";

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let text = match asked.as_slice() {
        [] => BUILDING_1,
        [text] if !text.starts_with("--") => text,
        [unknown] | [_, unknown, ..] => {
            eprintln!("unknown argument {unknown:?}: one condition is all");
            return Ok(ExitCode::FAILURE);
        }
    };
    println!("{text}");
    match Condition::<64>::parse(text, Dialect::TWIN) {
        Ok(condition) => run(&condition).map(|()| ExitCode::SUCCESS),
        Err(error) => {
            println!("{:>1$}", '^', error.column);
            eprintln!("{error}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn run(condition: &Condition<'_, 64>) -> Result<(), Box<dyn Error>> {
    let names: Vec<String> = (1..=50).map(|number| format!("pump-{number:02}")).collect();
    let ids = ids(&names)?;
    let mut floor = Floor::start(&ids)?;
    let (mut history, mut patch) = (History::<256>::new(), Document::<256>::new());

    // Version 1, for the pumps that match: what they run already.
    patch.set(&["interval"], 30)?;
    history.keep(1, Timestamp::EPOCH, patch.as_ref())?;
    patch.as_mut().nest("desired")?;
    let first = Setting::new(patch.as_ref()).numbered(Keys::DEFAULT);
    floor.set(&first, condition)?;

    // Version 2, in waves. If it stops, those that were asked still have their time.
    patch.set(&["desired", "interval"], 5)?;
    let second = Setting::new(patch.as_ref());
    let plan = Plan::new(Duration::from_secs(5)).with_waves(&[20, 60]);
    let mut targets: Vec<_> = ids.iter().map(|id| Target::<128>::new(*id)).collect();
    let mut rollout = Rollout::new(second, plan.with_tolerance(20), &mut targets);
    let mut told = None;
    while told.is_none_or(|it| matches!(it, Progress::Running { .. })) || rollout.counts().set > 0 {
        floor.turn();
        let progress = floor.with_hub(|hub, now, out| rollout.poll(hub, now, condition, out))?;
        if told.replace(progress) != Some(progress) {
            println!("{progress:?}: {:?}", rollout.counts());
        }
    }
    for target in rollout.targets() {
        let reason = target.reason().unwrap_or("no answer");
        let words = match target.state() {
            State::Applied(number) => format!("applied as {number}"),
            State::RolledBack(_, number) => format!("rolled back as {number}: {reason}"),
            State::Skipped(skip) => format!("skipped: {skip:?}"),
            other => format!("{other:?}"),
        };
        println!("{:8} {words}", target.id().device());
    }
    floor.until("an answer to the rollback", Floor::is_in_step)?;

    // Back to version 1, on the twins as they were before some of the pumps reported.
    let set = ids.iter().filter(|id| !floor.desired(**id).is_empty());
    let read: Vec<_> = set.map(|id| (id, floor.version(*id))).collect();
    floor.report_every(5)?;
    for (id, mut version) in read {
        for retried in ["", ", conflict retried"] {
            let desired = floor.desired(*id);
            let number = history.rollback(1, desired, &Keys::DEFAULT, &mut patch.as_mut())?;
            patch.as_mut().nest("desired")?;
            let back = Setting::new(patch.as_ref());
            let as_read = |twin: &TwinItem<'_>| twin.twin().versions().twin == version;
            match floor.with_hub(|hub, now, out| back.apply(hub, now, *id, &as_read, out))? {
                Outcome::Skipped(_) => version = floor.version(*id),
                Outcome::Set { .. } => {
                    println!("{:8} back to version 1 as {number}{retried}", id.device());
                    break;
                }
                other => return Err(format!("{id}: {other:?}").into()),
            }
        }
    }
    floor.until("version 1 again", Floor::is_in_step)?;
    println!("in step: version 1 is in effect again");
    Ok(())
}
