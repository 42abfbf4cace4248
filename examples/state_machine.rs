//! A pump that changes its state only as a table allows, and a hub that knows the same table.
//!
//! With arguments, these are what is wished for (`-- running idle`); `-- --draw mermaid|dot` draws it.

use core::error::Error;
use std::process::ExitCode;

use twinsync::device::Verdict;
use twinsync::document::{Document, Leaf};
use twinsync::hub::{Config, HubEngine, InMemory};
use twinsync::protocol::{Cause, Message, TwinId, UpdateRequest};
use twinsync::rules::{Machine, Rulebook, State, StateMachine, Transition, checked};
use twinsync::sim::{Aws, Pair, Setup, Step};
use twinsync::time::{Duration, Now, Timestamp};
use twinsync::twin::Update;

static PUMP: Machine = checked!(Machine::new(
    &[
        State::new("idle"),
        State::new("running")
            .on_entry("motor-on")
            .on_exit("motor-off"),
        State::new("paused"),
        State::new("error"),
        State::new("maintenance"),
    ],
    &[
        Transition::new("idle", "running"),
        Transition::new("idle", "maintenance"),
        Transition::new("running", "paused"),
        Transition::new("running", "idle"),
        Transition::new("running", "error"),
        Transition::new("paused", "running"),
        Transition::new("paused", "idle"),
        Transition::new("error", "idle"),
        Transition::new("error", "maintenance"),
        Transition::new("maintenance", "idle"),
        Transition::after("paused", Duration::from_secs(60), "idle"),
    ],
));

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["--draw", format] => draw(format),
        // Legal, illegal, and one that time ends.
        [] => device(&["running", "maintenance", "paused"]).and_then(|()| hub()),
        _ => device(&words),
    };
    if let Err(error) = done {
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn draw(format: &str) -> Result<(), Box<dyn Error>> {
    let mut drawing = String::new();
    match format {
        "mermaid" => PUMP.draw_mermaid(&mut drawing)?,
        "dot" => PUMP.draw_dot(&mut drawing)?,
        _ => return Err(format!("no such drawing: {format} (mermaid, dot)").into()),
    }
    print!("{drawing}");
    Ok(())
}

/// A back-end wishes without a look at the table; the device does what it can.
fn device(wishes: &[&str]) -> Result<(), Box<dyn Error>> {
    if let Some(unknown) = wishes.iter().find(|wish| PUMP.state(wish).is_none()) {
        return Err(format!("no such state: {unknown} (see --draw mermaid)").into());
    }
    let mut rules = Rulebook::new().with_machine(StateMachine::new(&PUMP));
    let later = |_: &Leaf<'_>| Verdict::Postponed; // the rulebook decides
    let (setup, id) = (Setup::new(1), TwinId::new("pump", None)?);
    let mut pair = Pair::<_, 1024, 2048>::new(setup, Aws::default(), id, later);
    pair.step(&Step::Connect { resume: false });
    // At last nobody wishes anything more, and time passes.
    for wish in wishes.iter().map(Some).chain([None]) {
        let mut patch = Document::<64>::new();
        match wish {
            Some(wish) => patch.set(&["state"], *wish)?,
            None => pair.run_for(Duration::from_secs(60)),
        }
        println!("-- {}", wish.unwrap_or(&"a minute later"));
        pair.step(&Step::Desire(patch.as_ref().into()));
        let now = Now::new(pair.now(), Timestamp::EPOCH);
        let ruled =
            pair.with_device(|_, it| it.settle_by(now, &mut rules, |_| Verdict::Applied))?;
        for action in ruled.ruling.driven.events().filter_map(|it| it.action()) {
            println!("   the device does {action}");
        }
        pair.settle(Duration::from_secs(10))?;
        println!("   reported {:?}", pair.device().reported());
    }
    Ok(())
}

/// The same table on the hub: what is impossible is not even stored.
fn hub() -> Result<(), Box<dyn Error>> {
    let mut hub = HubEngine::<_, 1024>::new(InMemory::new(), Config::new().with_guard(&PUMP));
    for (section, state) in [("reported", "idle"), ("desired", "paused")] {
        let mut patch = Document::<64>::new();
        patch.set(&[section, "state"], state)?;
        let (id, update) = (None, Update::merge(patch.as_ref()));
        let request = Message::Update(UpdateRequest { id, update });
        hub.handle_message(Now::default(), TwinId::new("pump", None)?, request)?;
        while let Some(transmit) = hub.poll_transmit() {
            if let Message::Rejected(rejection) = transmit.message
                && let Cause::Twin(why) = rejection.cause
            {
                println!("-- {state}, asked of the hub\n   refused: {why}");
            }
            transmit.sent();
        }
    }
    Ok(())
}
