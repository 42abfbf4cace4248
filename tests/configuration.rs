//! The loop of a configuration over a device engine, the AWS adapter and a hub: a back-end sets it under the next
//! number, the device applies it leaf by leaf on trial, says its number last, or takes it back; the back-end
//! rolls back. Told as timetables.
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

use proptest::prelude::*;
use twinsync::codec::json;
use twinsync::configuration::{
    self, Acknowledgement, Cause, Code, Conclusion, Deployment, History, Keys, Outcome, Shape,
    Standing, Trial, says,
};
use twinsync::device::{Acks, Config, Verdict};
use twinsync::document::{Document, DocumentRef, Leaf};
use twinsync::hub::{self, HubEngine, InMemory};
use twinsync::protocol::{Get, Message, TwinId, UpdateRequest};
use twinsync::sim::{Aws, Pair, Setup, Step, Storage};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync::twin::{Precondition, Section, Update, Version};

const KEYS: Keys = Keys::DEFAULT;
/// How long a configuration may take: the device's own check, and the back-end's patience.
const TRIAL: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(100);
const START: Timestamp = Timestamp::from_secs(1_700_000_000);

type Doc = Document<1024>;

fn document(text: &str) -> Doc {
    let mut document = Document::new();
    json::read(text.as_bytes(), document.as_mut()).unwrap();
    document
}

fn text(document: DocumentRef<'_>) -> String {
    let mut out = vec![0; 4096];
    let len = json::write(document, &mut out).unwrap();
    String::from_utf8(out[..len].to_vec()).unwrap()
}

fn lamp() -> TwinId<'static> {
    TwinId::new("lamp", None).unwrap()
}

/// A device, its application, the hub, and a back-end with a history of what it set.
struct Bench {
    pair: Pair<Aws, 1024, 8192>,
    trial: Trial<256>,
    /// What the device has on flash of its trial.
    stored: Option<(u64, Doc)>,
    deployment: Option<Deployment>,
    history: History<512>,
    /// The last number that was in effect: what is rolled back to.
    good: u64,
}

impl Bench {
    fn new() -> Self {
        let setup = Setup::new(1).with_device(Config::new(7).with_conditional(true));
        // Nothing is applied but by the lines of a timetable.
        let later = |_: &Leaf<'_>| Verdict::Postponed;
        let mut pair = Pair::new(setup, Aws::default(), lamp(), later);
        pair.step(&Step::Connect { resume: false });
        let factory = document(r#"{"interval":60,"net":{"apn":"right"}}"#);
        pair.step(&Step::Report(factory.as_ref().into()));
        let mut history = History::new();
        history.keep(0, START, factory.as_ref()).unwrap();
        Self {
            pair,
            trial: Trial::new(),
            stored: None,
            deployment: None,
            history,
            good: 0,
        }
    }

    /// Runs a timetable: at which second who does what, and how the twin stands for the back-end then.
    fn run(&mut self, lines: &[(u64, &str, &str)]) {
        for (second, action, expected) in lines {
            let until = Instant::from_millis(second * 1_000);
            self.pair.run_for(until.saturating_since(self.pair.now()));
            match *action {
                "the device applies a leaf" => self.apply(1),
                "the device applies all of it" => self.apply(usize::MAX),
                "the device's check passes" => self.pass(),
                "the device's check fails" => self.give_up("no way back", true),
                "the device looks at its clock" => self.give_up("no proof in time", false),
                "the device refuses it" => self.refuse("pump is missing"),
                "the device stores its trial" => self.store(),
                "the device restarts" => self.restart(),
                "the back-end looks" => self.look(),
                set => self.set(set.strip_prefix("set ").expect("an action")),
            }
            self.pair.run_for(Duration::from_millis(500));
            let standing = self.words();
            assert_eq!(standing, *expected, "second {second}: {action}");
            self.check_rule(second);
        }
    }

    /// The one rule: who reads the wanted number in reported knows that all else is in effect.
    fn check_rule(&self, second: &u64) {
        let twin = self.pair.twin();
        let (desired, reported) = (
            twin.section(Section::Desired),
            twin.section(Section::Reported),
        );
        let standing = Standing::of(desired, reported, &KEYS);
        assert!(
            standing.applied != standing.wanted || standing.wanted.is_none() || standing.open == 0,
            "second {second}: {standing:?}"
        );
    }

    fn words(&self) -> String {
        let twin = self.pair.twin();
        let (desired, reported) = (
            twin.section(Section::Desired),
            twin.section(Section::Reported),
        );
        let standing = Standing::of(desired, reported, &KEYS);
        let number =
            |number: Option<u64>| number.map_or_else(|| "none".into(), |it| it.to_string());
        let mut words = format!(
            "wants {}, has {}",
            number(standing.wanted),
            number(standing.applied)
        );
        if let Some(at) = standing.applied_at {
            let after = (at.as_millis() - START.as_millis()) / 1_000;
            words += &format!(" since {after}");
        }
        if standing.is_in_step() {
            words += ", in step";
        } else if standing.open > 0 {
            words += &format!(", {} open", standing.open);
        }
        if let Some(failure) = standing.failure {
            words += &format!(", {} failed: {}", failure.version, failure.reason);
        }
        words
    }

    // ---- the back-end

    fn set(&mut self, patch: &str) {
        let mut patch = document(patch);
        let desired = self.pair.twin().section(Section::Desired);
        let number = configuration::stamp(&mut patch.as_mut(), desired, &KEYS).unwrap();
        self.desire(&patch, number);
        self.deployment = Some(Deployment::new(number, self.pair.now(), PATIENCE));
    }

    /// Writes under the version that was read, and keeps what is desired now.
    fn desire(&mut self, patch: &Doc, number: u64) {
        let patch = patch.as_ref().into();
        self.pair.step(&Step::DesireConditionally(patch));
        self.pair.run_for(Duration::from_millis(100));
        let desired = self.pair.twin().section(Section::Desired);
        assert_eq!(configuration::version_of(desired, &KEYS), Some(number));
        self.history.keep(number, START, desired).unwrap();
    }

    fn look(&mut self) {
        let Some(deployment) = self.deployment else {
            return;
        };
        let twin = self.pair.twin();
        let desired = twin.section(Section::Desired);
        let standing = Standing::of(desired, twin.section(Section::Reported), &KEYS);
        match deployment.judge(self.pair.now(), &standing) {
            Outcome::Waiting => {}
            Outcome::Applied => {
                self.good = deployment.version();
                self.deployment = None;
            }
            Outcome::Superseded => self.deployment = None,
            Outcome::RollBack(Cause::Failed | Cause::Overdue) => {
                let mut patch = Doc::new();
                let number = self
                    .history
                    .rollback(self.good, desired, &KEYS, &mut patch.as_mut())
                    .unwrap();
                self.desire(&patch, number);
                self.deployment = None;
            }
        }
    }

    // ---- the device's application

    /// Puts so many leaves into effect, on trial.
    fn apply(&mut self, mut leaves: usize) {
        let trial = &mut self.trial;
        self.pair.with_device(|now, engine| {
            let (desired, reported) = (engine.desired(), engine.reported());
            if trial.begin(now, TRIAL, desired, reported, &KEYS).is_err() {
                return;
            }
            engine.settle(now, |leaf| {
                if leaves == 0 || *leaf.path == [KEYS.version] {
                    return Verdict::Postponed;
                }
                leaves -= 1;
                Verdict::Applied
            });
        });
    }

    fn pass(&mut self) {
        self.trial.pass();
        self.stored = None;
        let wall = Timestamp::from_millis(START.as_millis() + self.pair.now().as_millis());
        self.pair.with_device(|now, engine| {
            let mut report = Doc::new();
            let (desired, reported) = (engine.desired(), engine.reported());
            let said =
                configuration::conclude(desired, reported, wall, &KEYS, &mut report.as_mut());
            assert!(!matches!(said, Ok(Conclusion::Unnumbered) | Err(_)));
            engine.report(now, report.as_ref()).unwrap();
        });
    }

    /// Takes back what is on trial, at once or if its time is over.
    fn give_up(&mut self, reason: &str, at_once: bool) {
        let trial = &mut self.trial;
        let is_over = self.pair.with_device(|now, engine| {
            let before = if at_once {
                trial.fail()
            } else {
                trial.poll(now)
            };
            before.map(|before| engine.report(now, before).unwrap())
        });
        if is_over.is_some() {
            self.stored = None;
            self.refuse(reason);
        }
    }

    fn refuse(&mut self, reason: &str) {
        self.pair.with_device(|now, engine| {
            let mut report = Doc::new();
            configuration::refuse(engine.desired(), reason, &KEYS, &mut report.as_mut()).unwrap();
            engine.report(now, report.as_ref()).unwrap();
        });
    }

    fn store(&mut self) {
        let before = self.trial.before().map(text);
        self.stored = self.trial.version().zip(before.as_deref().map(document));
    }

    fn restart(&mut self) {
        self.trial = Trial::new();
        self.pair.step(&Step::RestartDevice(Storage::Lost));
        if let Some((version, before)) = &self.stored {
            let now = self.pair.now();
            self.trial
                .restore(now, TRIAL, *version, before.as_ref())
                .unwrap();
        }
        self.pair.step(&Step::Connect { resume: false });
    }

    fn section(&self, section: Section) -> Doc {
        let mut copy = Doc::new();
        copy.assign(self.pair.twin().section(section)).unwrap();
        copy
    }
}

const APN: &str = r#"set {"interval":5,"net":{"apn":"other"}}"#;

#[test]
fn a_configuration_is_applied_leaf_by_leaf_and_its_number_is_said_last() {
    let mut bench = Bench::new();
    bench.run(&[
        (1, APN, "wants 1, has none, 2 open"),
        (2, "the back-end looks", "wants 1, has none, 2 open"),
        (3, "the device applies a leaf", "wants 1, has none, 1 open"),
        (4, "the device's check passes", "wants 1, has none, 1 open"),
        (5, "the device applies a leaf", "wants 1, has none"),
        (
            7,
            "the device's check passes",
            "wants 1, has 1 since 7, in step",
        ),
        (8, "the back-end looks", "wants 1, has 1 since 7, in step"),
        (9, r#"set {"interval":6}"#, "wants 2, has 1 since 7, 1 open"),
        (10, "the device applies all of it", "wants 2, has 1 since 7"),
        (
            11,
            "the device's check passes",
            "wants 2, has 2 since 11, in step",
        ),
    ]);
    assert_eq!(
        bench.section(Section::Reported),
        document(
            r#"{"configAppliedAt":1700000011000,"configVersion":2,"interval":6,"net":{"apn":"other"}}"#
        )
    );
    assert!(bench.pair.device().changes().next().is_none());
}

#[test]
fn what_a_device_refuses_the_back_end_rolls_back_by_one_patch() {
    let mut bench = Bench::new();
    bench.run(&[
        (1, r#"set {"interval":60}"#, "wants 1, has none"),
        (
            2,
            "the device's check passes",
            "wants 1, has 1 since 2, in step",
        ),
        (3, "the back-end looks", "wants 1, has 1 since 2, in step"),
        (
            4,
            r#"set {"interval":5,"pump":{"speed":3}}"#,
            "wants 2, has 1 since 2, 2 open",
        ),
        (
            5,
            "the device refuses it",
            "wants 2, has 1 since 2, 2 open, 2 failed: pump is missing",
        ),
        (
            6,
            "the device applies all of it",
            "wants 2, has 1 since 2, 2 open, 2 failed: pump is missing",
        ),
        (
            7,
            "the back-end looks",
            "wants 3, has 1 since 2, 2 failed: pump is missing",
        ),
        (
            8,
            "the device's check passes",
            "wants 3, has 3 since 8, in step",
        ),
    ]);
    let desired = r#"{"configVersion":3,"interval":60}"#;
    assert_eq!(bench.section(Section::Desired), document(desired));
}

#[test]
fn a_configuration_that_does_not_prove_itself_in_time_is_taken_back_at_both_ends() {
    let mut bench = Bench::new();
    bench.run(&[
        (1, APN, "wants 1, has none, 2 open"),
        (2, "the device applies all of it", "wants 1, has none"),
        (3, "the back-end looks", "wants 1, has none"),
        // Asking for more time by applying it again is of no use.
        (30, "the device applies all of it", "wants 1, has none"),
        (31, "the device looks at its clock", "wants 1, has none"),
        (
            33,
            "the device looks at its clock",
            "wants 1, has none, 2 open, 1 failed: no proof in time",
        ),
        (
            34,
            "the device applies all of it",
            "wants 1, has none, 2 open, 1 failed: no proof in time",
        ),
        (
            35,
            "the back-end looks",
            "wants 2, has none, 1 failed: no proof in time",
        ),
        (
            36,
            "the device's check passes",
            "wants 2, has 2 since 36, in step",
        ),
    ]);
    let reported = r#"{"configAppliedAt":1700000036000,"configVersion":2,"interval":60,"net":{"apn":"right"}}"#;
    assert_eq!(bench.section(Section::Reported), document(reported));
}

#[test]
fn a_failed_check_takes_back_at_once_and_the_next_configuration_has_its_chance() {
    let mut bench = Bench::new();
    bench.run(&[
        (1, APN, "wants 1, has none, 2 open"),
        (2, "the device applies a leaf", "wants 1, has none, 1 open"),
        (
            3,
            "the device's check fails",
            "wants 1, has none, 2 open, 1 failed: no way back",
        ),
        // The back-end is faster with another one than with its rollback.
        (
            4,
            r#"set {"net":{"apn":"third"}}"#,
            "wants 2, has none, 2 open, 1 failed: no way back",
        ),
        (
            5,
            "the device applies all of it",
            "wants 2, has none, 1 failed: no way back",
        ),
        (
            6,
            "the device's check passes",
            "wants 2, has 2 since 6, in step",
        ),
        (7, "the back-end looks", "wants 2, has 2 since 6, in step"),
    ]);
}

#[test]
fn a_restart_in_the_middle_of_a_trial_does_not_make_it_a_success() {
    let mut bench = Bench::new();
    bench.run(&[
        (1, APN, "wants 1, has none, 2 open"),
        (2, "the device applies a leaf", "wants 1, has none, 1 open"),
        (
            3,
            "the device stores its trial",
            "wants 1, has none, 1 open",
        ),
        (4, "the device restarts", "wants 1, has none, 1 open"),
        (5, "the device applies all of it", "wants 1, has none"),
        // 30 seconds from the restart on.
        (33, "the device looks at its clock", "wants 1, has none"),
        (
            34,
            "the device looks at its clock",
            "wants 1, has none, 2 open, 1 failed: no proof in time",
        ),
        (
            35,
            "the back-end looks",
            "wants 2, has none, 1 failed: no proof in time",
        ),
    ]);
    let reported = r#"{"configError":{"reason":"no proof in time","version":1},"interval":60,"net":{"apn":"right"}}"#;
    assert_eq!(bench.section(Section::Reported), document(reported));
}

#[test]
fn a_device_that_forgot_its_trial_is_rolled_back_when_the_back_end_is_out_of_patience() {
    let mut bench = Bench::new();
    bench.run(&[
        (1, APN, "wants 1, has none, 2 open"),
        (2, "the device applies all of it", "wants 1, has none"),
        (4, "the device restarts", "wants 1, has none"),
        (60, "the device looks at its clock", "wants 1, has none"),
        (100, "the back-end looks", "wants 1, has none"),
        (102, "the back-end looks", "wants 2, has none, 2 open"),
        (110, "the device applies all of it", "wants 2, has none"),
        (
            111,
            "the device's check passes",
            "wants 2, has 2 since 111, in step",
        ),
    ]);
    let reported = bench.section(Section::Reported);
    assert_eq!(reported.read::<&str>(&["net", "apn"]), Ok("right"));
}

#[test]
fn a_history_is_bounded_and_any_kept_configuration_comes_back() {
    let mut bench = Bench::new();
    for interval in 1..40_u64 {
        let set = format!(r#"set {{"interval":{interval}}}"#);
        let wants = format!("wants {interval}, has none, 1 open");
        bench.run(&[(interval, &set, &wants)]);
    }
    let kept: Vec<u64> = bench.history.iter().map(|kept| kept.version).collect();
    assert!(kept.len() < 39 && kept.ends_with(&[38, 39]), "{kept:?}");
    for version in kept {
        let mut patch = Doc::new();
        let desired = bench.pair.twin().section(Section::Desired);
        let number = bench
            .history
            .rollback(version, desired, &KEYS, &mut patch.as_mut())
            .unwrap();
        let mut back = Doc::new();
        back.assign(desired).unwrap();
        back.merge(patch.as_ref()).unwrap();
        assert_eq!(
            back,
            document(&format!(
                r#"{{"configVersion":{number},"interval":{version}}}"#
            ))
        );
    }
}

#[test]
fn a_change_past_the_configuration_is_not_in_step() {
    let mut bench = Bench::new();
    bench.run(&[
        (1, r#"set {"interval":60}"#, "wants 1, has none"),
        (
            2,
            "the device's check passes",
            "wants 1, has 1 since 2, in step",
        ),
    ]);
    // Someone at the device turns it off and on.
    for (interval, standing) in [
        (7, "wants 1, has 1 since 2, 1 open"),
        (60, "wants 1, has 1 since 2, in step"),
    ] {
        let report = document(&format!(r#"{{"interval":{interval}}}"#));
        bench.pair.step(&Step::Report(report.as_ref().into()));
        bench.pair.run_for(Duration::from_secs(1));
        assert_eq!(bench.words(), standing);
    }
}

/// A device that answers each leaf as Plug and Play has it, by its engine's and the configuration's own rules.
#[test]
fn a_device_that_answers_with_codes_comes_into_step_or_says_what_failed() {
    let config = Config::new(7).with_acks(Acks::new(says));
    let mut pair: Pair<Aws, 1024, 8192> = Pair::new(
        Setup::new(1).with_device(config),
        Aws::default(),
        lamp(),
        |_: &Leaf<'_>| Verdict::Postponed,
    );
    pair.step(&Step::Connect { resume: false });
    for (number, celsius, code) in [(1, 21, Code::Done), (2, 99, Code::Bad), (3, 22, Code::Done)] {
        let desired = document(&format!(
            r#"{{"configVersion":{number},"target":{celsius},"fan":{{"__t":"c","speed":{number}}}}}"#
        ));
        pair.step(&Step::Desire(desired.as_ref().into()));
        pair.run_for(Duration::from_secs(1));
        pair.with_device(|now, engine| {
            let open: Vec<String> = engine.changes().map(|leaf| leaf.path.to_string()).collect();
            assert_eq!(open, ["fan/speed", "target", "configVersion"]);
            let mut said = Doc::new();
            // What is refused stays as it was.
            let in_force = if code == Code::Bad { 21 } else { celsius };
            let how = Acknowledgement::new(code, engine.version());
            how.answer(in_force.into(), said.as_mut()).unwrap();
            engine
                .report_value(now, &["target"], said.as_ref())
                .unwrap();
            let done = Acknowledgement::new(Code::Done, engine.version());
            let path = ["fan", "speed"];
            done.write(&path, number.into(), Shape::PlugAndPlay, said.as_mut())
                .unwrap();
            engine.report(now, said.as_ref()).unwrap();
            let (desired, reported) = (engine.desired(), engine.reported());
            let mut report = Doc::new();
            configuration::conclude(desired, reported, START, &KEYS, &mut report.as_mut()).unwrap();
            engine.report(now, report.as_ref()).unwrap();
            if code == Code::Bad {
                engine.refuse(now, &["target"]).unwrap();
            }
            let open = usize::from(code == Code::Bad);
            assert_eq!(
                engine.changes().count(),
                open,
                "its number is open, or nothing"
            );
        });
        pair.run_for(Duration::from_secs(1));
        let twin = pair.twin();
        let reported = twin.section(Section::Reported);
        let standing = Standing::of(twin.section(Section::Desired), reported, &KEYS);
        let answer = Acknowledgement::of(reported, &["target"], Shape::PlugAndPlay).unwrap();
        assert_eq!(answer.code, code);
        assert_eq!(standing.is_in_step(), code == Code::Done, "{standing:?}");
        assert_eq!(standing.open, usize::from(code == Code::Bad));
    }
}

/// A turn of a race: a back-end reads, a back-end writes what it thought of, or the device reports.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Read(usize),
    Write(usize),
    Report(u8),
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        3 => (0_usize..3).prop_map(Turn::Read),
        3 => (0_usize..3).prop_map(Turn::Write),
        1 => any::<u8>().prop_map(Turn::Report),
    ]
}

/// A get of someone who has nothing.
const ALL: Get<'static> = Get {
    id: None,
    known: None,
    known_etag: None,
};

type Hub = HubEngine<InMemory, 2048>;

/// Asks the hub, and returns the version that it answers with, and the document if it has one.
fn ask(hub: &mut Hub, message: Message<'_>) -> Option<(Version, Doc)> {
    let now = Now::new(Instant::ZERO, START);
    hub.handle_message(now, lamp(), message).unwrap();
    let mut answer = None;
    while let Some(transmit) = hub.poll_transmit() {
        match transmit.message {
            Message::GetAccepted(snapshot) => {
                let mut document = Doc::new();
                document.assign(snapshot.document).unwrap();
                answer = Some((snapshot.versions.twin, document));
            }
            Message::UpdateAccepted(accepted) => {
                answer = Some((accepted.versions.twin, Doc::new()));
            }
            _ => {}
        }
        transmit.sent();
    }
    answer
}

proptest! {
    /// Back-ends race for the next configuration while the device reports: each reads, thinks, and writes under
    /// the version it read. Each number is one configuration, and each accepted one is in the end.
    #[test]
    fn no_update_is_lost_over_the_hub(turns in prop::collection::vec(turn(), 1..150)) {
        let mut hub = Hub::new(InMemory::new(), hub::Config::new());
        let mut read: [Option<(Version, Doc)>; 3] = [const { None }; 3];
        let mut written = 0_u64;
        ask(&mut hub, Message::Update(UpdateRequest { id: None, update: Update::merge(document(r#"{"desired":{}}"#).as_ref()) }));
        for turn in turns {
            match turn {
                Turn::Read(who) => read[who] = ask(&mut hub, Message::Get(ALL)),
                Turn::Report(value) => {
                    let patch = document(&format!(r#"{{"reported":{{"sensor":{value}}}}}"#));
                    let update = Update::merge(patch.as_ref());
                    ask(&mut hub, Message::Update(UpdateRequest { id: None, update }));
                }
                Turn::Write(who) => {
                    let Some((version, seen)) = read[who].take() else { continue };
                    let desired = seen.at(&["desired"]).unwrap_or(DocumentRef::EMPTY);
                    let count = desired.read::<u64>(&["count"]).unwrap_or(0);
                    let mut patch = Doc::new();
                    patch.set(&["count"], i64::try_from(count + 1).unwrap()).unwrap();
                    let number = configuration::stamp(&mut patch.as_mut(), desired, &KEYS).unwrap();
                    patch.as_mut().nest("desired").unwrap();
                    let update = Update::merge(patch.as_ref()).with_precondition(Precondition::Version(version));
                    if ask(&mut hub, Message::Update(UpdateRequest { id: None, update })).is_some() {
                        written += 1;
                        prop_assert_eq!(number, written, "a number is given once");
                    }
                }
            }
        }
        let twin = hub.registry().twin(lamp()).unwrap();
        let desired = twin.section(Section::Desired);
        prop_assert_eq!(desired.read::<u64>(&["count"]).unwrap_or(0), written);
        prop_assert_eq!(configuration::version_of(desired, &KEYS).unwrap_or(0), written);
    }
}
