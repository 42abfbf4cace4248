//! The convergence law: after any schedule of writes, losses, partitions and restarts, once the link
//! heals and nobody writes, desired and reported agree on both ends, within a bounded number of
//! messages and a bounded time. It holds for every dialect of `dialects`.
//!
//! A device that was connected all the time is not told what it missed. What tells it is one of four,
//! and the law holds for each: a new connection, the next message, the periodic full get, or a link
//! that lost nothing. `SEED=n` in the environment runs one seed and prints what was said,
//! `SEEDS=n` runs so many.
#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test: what goes wrong is to be seen"
)]

mod dialects;
mod toy;

use core::cell::RefCell;
use std::env;
use std::rc::Rc;

use proptest::prelude::*;
use twinsync::device::{Config, ForeignLeaves};
use twinsync::document::{Document, DocumentRef};
use twinsync::protocol::{Backoff, TwinId};
use twinsync::sim::{
    Aws, Conditions, End, Failure, Obedient, Pair, Partition, Picky, Random, Settled, Setup, Step,
    Storage, Udp, random_steps,
};
use twinsync::time::Duration;

use dialects::{Spoken, law};
use toy::Toy;

type Lamp = Pair<Aws, 4096, 8192>;

const STEPS: usize = 60;
/// A twin of these steps, in patches of 64 bytes, with a get and a retry or two.
const MOST_MESSAGES: u64 = 100;
const SOON: Duration = Duration::from_secs(20 * 60);
const INTERVAL: Duration = Duration::from_secs(3_600);

/// What tells the device that it missed something.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cure {
    /// It connects anew.
    Reconnect,
    /// Somebody writes desired once more.
    NextMessage,
    /// The time for a full get comes.
    Interval,
    /// Nothing was missed: messages were late, doubled and out of order, but none was lost.
    NothingLost,
}

fn lamp() -> TwinId<'static> {
    TwinId::new("lamp", None).unwrap()
}

impl Cure {
    const ALL: [Self; 4] = [
        Self::Reconnect,
        Self::NextMessage,
        Self::Interval,
        Self::NothingLost,
    ];
}

/// A pair whose rules, sizes and link follow from the seed.
fn pair<L: Spoken>(seed: u64, cure: Cure) -> Pair<L, 4096, 8192> {
    let mut random = Random::new(seed);
    // Reported shall be exactly what the device says: only then must both ends be equal.
    let mut device = Config::new(7)
        .with_foreign_leaves(ForeignLeaves::Remove)
        .with_conditional(random.chance(300));
    if random.chance(300) {
        device = device.with_coalesce(Duration::from_secs(random.below(20)));
    }
    if random.chance(300) {
        let base = Duration::from_millis(random.between(1, 5_000));
        device = device.with_backoff(Backoff::new(base, Duration::from_secs(60)));
    }
    if random.chance(300) {
        device = device.with_request_timeout(Duration::from_millis(random.between(100, 20_000)));
    }
    if random.chance(300) {
        device = device.with_patch_limit(64);
    }
    if cure == Cure::Interval {
        device = device.with_resync_interval(Some(INTERVAL));
    }
    let mut setup = Setup::new(seed).with_device(L::device(device));
    if random.chance(300) {
        // Any leaf of these steps fits alone, many do not together.
        setup = setup.with_transmit_room(220);
    }
    if random.chance(300) {
        setup = setup.with_think(Duration::from_millis(random.below(5_000)));
    }
    if cure != Cure::NothingLost && random.chance(400) {
        setup = setup.with_link(Conditions::hostile());
    }
    let dialect = L::speak(cure, &mut random);
    setup = setup.with_hub(dialect.hub());
    let refuses = if random.chance(500) { 300 } else { 0 };
    Pair::new(setup, dialect, lamp(), Picky { refuses })
}

/// Only those steps after which a device that stays connected can know everything.
fn without_loss(step: &Step) -> Option<Step> {
    match step {
        // A deletion is told to nobody who did not ask for it.
        Step::Delete | Step::Partition(_) | Step::StopHub | Step::StartHub(_) => None,
        Step::Conditions(_) => Some(Step::Conditions(
            Conditions::perfect()
                .with_latency(Duration::ZERO, Duration::from_secs(2))
                .with_reordering(300)
                .with_duplication(200),
        )),
        _ => Some(step.clone()),
    }
}

/// The law, for one schedule.
fn converges<L: Spoken>(
    seed: u64,
    steps: &[Step],
    cure: Cure,
    print: bool,
) -> Result<Settled, Failure> {
    let mut pair = pair::<L>(seed, cure);
    if print {
        pair.watch(|now, end, packet| {
            let arrow = if end == End::Far { "-->" } else { "<--" };
            let payload = packet.payload.escape_ascii();
            println!("{now} {arrow} {} {payload}", packet.topic);
        });
    }
    for step in steps {
        let step = L::step(cure, step).and_then(|step| match cure {
            Cure::NothingLost => without_loss(&step),
            _ => Some(step),
        });
        if let Some(step) = step {
            if print {
                println!("{} {step:?}", pair.now());
            }
            pair.step(&step);
        }
    }
    let messages = pair.messages();
    pair.heal();
    match cure {
        Cure::Reconnect => pair.step(&Step::Connect {
            resume: seed & 1 == 0,
        }),
        Cure::NextMessage => {
            // What was tried before the link healed, and its retries.
            pair.run_for(Duration::from_secs(400));
            let mut news = Document::<64>::new();
            news.set(&["news"], 1).unwrap();
            pair.step(&Step::Desire(news.as_ref().into()));
        }
        Cure::Interval | Cure::NothingLost => {}
    }
    let within = if cure == Cure::Interval {
        Duration::from_millis(INTERVAL.as_millis() + SOON.as_millis())
    } else {
        SOON
    };
    let mut settled = pair.settle(within)?;
    settled.messages = pair.messages() - messages;

    // In step, they stay so, and say no more than the full gets that confirm it.
    pair.run_for(L::ECHOES);
    let messages = pair.messages();
    pair.run_for(Duration::from_secs(2 * 3_600));
    pair.check()?;
    let most = if cure == Cure::Interval { 4 } else { 2 };
    assert!(
        pair.messages() - messages <= most,
        "{}, seed {seed} talks on",
        L::NAME
    );
    Ok(settled)
}

/// The law, for many seeds.
fn law_of<L: Spoken>(cure: Cure) {
    if !L::CURES.contains(&cure) {
        return;
    }
    let only = env::var("SEED").ok().map(|seed| seed.parse().unwrap());
    let count = env::var("SEEDS").map_or(150, |count| count.parse().unwrap());
    for seed in 0_u64..count {
        let (seed, print) = only.map_or((seed, false), |only| (only, true));
        match converges::<L>(seed, &random_steps(seed, STEPS), cure, print) {
            Ok(settled) => assert!(
                settled.messages <= MOST_MESSAGES,
                "{}, seed {seed}: {settled:?}",
                L::NAME
            ),
            Err(failure) => panic!("{}, {cure:?}, {failure}", L::NAME),
        }
        if print {
            break;
        }
    }
}

#[test]
fn any_schedule_converges_after_a_new_connection() {
    law(Cure::Reconnect);
}

#[test]
fn any_schedule_converges_with_the_next_message() {
    law(Cure::NextMessage);
}

#[test]
fn any_schedule_converges_when_the_time_for_a_full_get_comes() {
    law(Cure::Interval);
}

#[test]
fn a_link_that_loses_nothing_needs_no_cure() {
    law(Cure::NothingLost);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Shrinks to few steps: a subset of those of a seed.
    #[test]
    fn any_part_of_a_schedule_converges(
        seed: u64,
        steps in any::<u64>().prop_flat_map(|seed| {
            prop::sample::subsequence(random_steps(seed, STEPS), 0..=STEPS)
        }),
        cure in prop::sample::select(
            &[Cure::Reconnect, Cure::NextMessage, Cure::Interval, Cure::NothingLost][..],
        ),
    ) {
        let settled = converges::<Aws>(seed, &steps, cure, false);
        prop_assert!(settled.is_ok(), "{}", settled.unwrap_err());
    }
}

/// A patch from JSON.
fn patch(text: &str) -> twinsync::sim::Patch {
    let mut document = Document::<1024>::new();
    twinsync::codec::json::read(text.as_bytes(), document.as_mut()).unwrap();
    document.as_ref().into()
}

/// A pair on a perfect link that is in step, with nothing desired.
fn in_step(device: Config) -> Lamp {
    let setup = Setup::new(1).with_device(device.with_foreign_leaves(ForeignLeaves::Remove));
    let mut pair = Lamp::new(setup, Aws::default().with_echo(true), lamp(), Obedient);
    pair.step(&Step::Report(patch(r#"{"on":true}"#)));
    pair.step(&Step::Connect { resume: true });
    pair.settle(SOON).unwrap();
    pair
}

#[test]
fn an_answer_that_is_lost_costs_one_more_report_and_a_full_get() {
    let mut pair = in_step(Config::new(7));
    pair.step(&Step::Partition(Partition::Toward(End::Near)));
    pair.step(&Step::Report(patch(r#"{"on":false}"#)));
    pair.step(&Step::Partition(Partition::None));
    let messages = pair.messages();
    pair.settle(SOON).unwrap();
    // The full get is for the version that was skipped: it might have been someone else's.
    assert_eq!(pair.messages() - messages, 4);
    assert_eq!(pair.device().counters().timeouts, 1);
}

#[test]
fn a_week_offline_is_one_report() {
    let mut pair = in_step(Config::new(7));
    pair.step(&Step::Disconnect);
    for hour in 0..7 * 24 {
        let report = format!(r#"{{"hour":{hour},"on":{}}}"#, hour % 2 == 0);
        pair.step(&Step::Report(patch(&report)));
        pair.step(&Step::Wait(Duration::from_secs(3_600)));
    }
    let before = pair.twin().versions().twin.as_u64();
    pair.heal();
    pair.settle(SOON).unwrap();
    assert_eq!(pair.twin().versions().twin.as_u64(), before + 1);
}

#[test]
fn a_hub_that_lost_its_twins_learns_them_from_the_next_report() {
    let mut pair = in_step(Config::new(7));
    pair.step(&Step::StartHub(Storage::Lost));
    pair.step(&Step::Report(patch(r#"{"more":1}"#)));
    pair.settle(SOON).unwrap();
    assert_eq!(pair.device().reported().leaves().count(), 2);
}

#[test]
fn a_hub_that_lost_its_twins_and_counts_anew_is_found_out_even_at_the_same_version() {
    let mut pair = in_step(Config::new(7));
    assert_eq!(pair.device().version().as_u64(), 1);
    pair.step(&Step::StartHub(Storage::Lost));
    pair.step(&Step::Desire(patch(r#"{"target":3}"#)));
    pair.settle(SOON).unwrap();
    assert_eq!(pair.device().reported().leaves().count(), 2);
}

#[test]
fn what_a_delta_does_not_say_comes_with_the_echo() {
    let mut pair = in_step(Config::new(7));
    pair.step(&Step::Desire(patch(r#"{"a":1,"b":2}"#)));
    pair.settle(SOON).unwrap();
    // The delta of this names b alone.
    pair.step(&Step::Desire(patch(r#"{"a":null,"b":3,"c":{}}"#)));
    pair.settle(SOON).unwrap();
    assert!(pair.device().desired().value(&["a"]).is_none());
}

#[test]
fn a_foreign_claim_about_the_device_is_corrected() {
    let mut pair = in_step(Config::new(7));
    pair.step(&Step::Claim(patch(r#"{"on":"maybe","ghost":1}"#)));
    pair.settle(SOON).unwrap();
}

#[test]
fn a_conditional_report_that_loses_the_race_is_made_anew() {
    let mut pair = in_step(Config::new(7).with_conditional(true));
    let late = Duration::from_millis(500);
    pair.step(&Step::Conditions(
        Conditions::perfect().with_latency(late, late),
    ));
    pair.step(&Step::Report(patch(r#"{"on":false}"#)));
    pair.step(&Step::Desire(patch(r#"{"target":3}"#)));
    pair.settle(SOON).unwrap();
}

#[test]
fn a_restart_with_nothing_saved_takes_back_what_is_no_longer_true() {
    let mut pair = in_step(Config::new(7));
    pair.step(&Step::Save);
    pair.step(&Step::Report(patch(r#"{"x":1,"on":null}"#)));
    pair.settle(SOON).unwrap();
    for storage in [Storage::Kept, Storage::Lost] {
        pair.step(&Step::RestartDevice(storage));
        pair.step(&Step::Report(patch(r#"{"x":2}"#)));
        pair.heal();
        pair.settle(SOON).unwrap();
        assert_eq!(pair.device().reported().leaves().count(), 1);
    }
}

#[test]
fn a_deleted_twin_is_made_anew_by_the_next_report() {
    let mut pair = in_step(Config::new(7));
    pair.step(&Step::Delete);
    pair.step(&Step::Report(patch(r#"{"x":1}"#)));
    pair.settle(SOON).unwrap();
    assert!(pair.twin().exists());
}

#[test]
fn a_twin_larger_than_the_device_is_never_asked_for_without_end() {
    for seed in 0..env::var("SEEDS").map_or(100, |count| count.parse().unwrap()) {
        let device = Config::new(7).with_resync_interval(Some(INTERVAL));
        let setup = Setup::new(seed).with_device(device).with_receive_room(300);
        let dialect = Aws::default().with_echo(seed & 1 == 0);
        let mut pair = Pair::<_, 160, 8192>::new(setup, dialect, lamp(), Obedient);
        for step in random_steps(seed, STEPS) {
            pair.step(&step);
        }
        pair.heal();
        pair.step(&Step::Connect { resume: true });
        pair.run_for(INTERVAL);
        let messages = pair.messages();
        pair.run_for(Duration::from_secs(24 * 3_600));
        let spoken = pair.messages() - messages;
        // Each hour a full get, once more in reduced form, and perhaps a report.
        assert!(spoken <= 24 * 8, "seed {seed}: {spoken} messages in a day");
    }
}

/// A pair that talks by datagrams and is in step, and the sizes of what reaches its device from then on.
fn watched() -> (Pair<Udp<Toy>, 4096, 8192>, Rc<RefCell<Vec<String>>>) {
    let device = Udp::<Toy>::device(Config::new(7));
    let setup = Setup::new(1)
        .with_device(device)
        .with_hub(Spoken::hub(&Udp(Toy)));
    let mut pair = Pair::new(setup, Udp(Toy), lamp(), Obedient);
    pair.step(&Step::Connect { resume: true });
    pair.step(&Step::Desire(patch(r#"{"a":1,"b":2}"#)));
    pair.settle(SOON).unwrap();
    let told = Rc::new(RefCell::new(Vec::new()));
    let kinds = Rc::clone(&told);
    pair.watch(move |_, end, packet| {
        if end == End::Near {
            let words = DocumentRef::from_bytes(&packet.payload).unwrap();
            let kind = words.read::<&str>(&["kind"]).unwrap();
            kinds.borrow_mut().push(kind.to_owned());
        }
    });
    (pair, told)
}

#[test]
fn a_device_that_restarts_with_its_memory_gets_no_more_than_what_is_new() {
    let (mut pair, told) = watched();
    let restart = |pair: &mut Pair<_, 4096, 8192>, told: &RefCell<Vec<String>>| {
        pair.step(&Step::RestartDevice(Storage::Kept));
        pair.step(&Step::Connect { resume: false });
        pair.settle(SOON).unwrap();
        told.take()
    };
    pair.step(&Step::Save);
    assert_eq!(restart(&mut pair, &told), ["watching", "unchanged"]);
    // What is new on the device goes out at once.
    pair.step(&Step::Disconnect);
    pair.step(&Step::Report(patch(r#"{"x":1}"#)));
    assert_eq!(
        restart(&mut pair, &told),
        ["watching", "unchanged", "updated"]
    );
    pair.step(&Step::Save);
    pair.step(&Step::Disconnect);
    pair.step(&Step::Desire(patch(r#"{"b":3,"c":{}}"#)));
    assert_eq!(
        restart(&mut pair, &told),
        ["watching", "patched", "updated"]
    );
    pair.step(&Step::Save);
    pair.step(&Step::Disconnect);
    pair.step(&Step::Desire(patch(r#"{"b":null}"#)));
    assert_eq!(restart(&mut pair, &told)[..2], ["watching", "got"]);
}

#[test]
fn a_hub_tells_the_watching_device_the_whole_of_desired() {
    let (mut pair, told) = watched();
    pair.step(&Step::Desire(patch(r#"{"b":null,"c":3}"#)));
    pair.settle(SOON).unwrap();
    assert_eq!(told.take(), ["desired", "updated"]);
}
