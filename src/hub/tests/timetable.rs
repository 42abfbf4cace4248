//! A hub's answers and notifications, step by step.

use core::convert::Infallible;

use super::bench::{Bench, id};
use crate::document::DocumentRef;
use crate::hub::{
    Config, HandleError, HubEngine, InMemory, Notify, Registry, RequestLimits, Throttled, Usage,
};
use crate::protocol::{Get, Known, Message, RequestId, TwinId, Versions};
use crate::time::{Duration, Instant, Now, Timestamp};
use crate::twin::tests::model::json;
use crate::twin::{ETag, Mode, Policy, Precondition, TwinRef, Update, Version};

const ALL: Notify = Notify {
    delta: true,
    desired_patch: true,
    desired: true,
    changed: true,
};
const SILENT: Notify = Notify::NONE;

#[test]
fn a_twin_is_created_got_and_deleted() {
    let mut bench = Bench::new(Config::new());
    assert_eq!(bench.get("a"), ["asker a#g Get rejected: no such twin"]);
    assert_eq!(
        bench.delete("a"),
        ["asker a#d Delete rejected: no such twin"]
    );
    assert_eq!(
        bench.merge("a", r#"{"reported":{"t":1}}"#),
        [r#"asker a#u updated v1.0.1 {"reported":{"t":1}}"#]
    );
    assert_eq!(
        bench.get("a"),
        [r#"asker a#g got v1.0.1 {"reported":{"t":1}}"#]
    );
    assert_eq!(bench.delete("a"), ["asker a#d deleted v1.0.1"]);
    assert_eq!(
        bench.delete("a"),
        ["asker a#d Delete rejected: no such twin"]
    );
    assert_eq!(bench.get("a"), ["asker a#g Get rejected: no such twin"]);
    assert_eq!(bench.merge("a", "{}"), ["asker a#u updated v3.1.2 {}"]);
}

#[test]
fn a_delta_goes_out_as_long_as_a_difference_remains() {
    let policy = Policy::new().with_metadata(true);
    let mut bench = Bench::new(Config::new().with_policy(policy));
    assert_eq!(
        bench.merge("a", r#"{"desired":{"t":1,"u":2}}"#),
        [
            r#"all a#u delta v1.1.0 {"t":1,"u":2} {"t":[1000000,1],"u":[1000000,1]}"#,
            r#"asker a#u updated v1.1.0 {"desired":{"t":1,"u":2}}"#,
        ]
    );
    bench.wait(5_000);
    // Reported alone changes: the rest of the difference is told again, with desired's times.
    assert_eq!(
        bench.merge("a", r#"{"reported":{"t":1}}"#),
        [
            r#"all a#u delta v2.1.1 {"u":2} {"u":[1000000,1]}"#,
            r#"asker a#u updated v2.1.1 {"reported":{"t":1}}"#,
        ]
    );
    // An update that changes nothing counts, and tells the difference, too.
    assert_eq!(
        bench.merge("a", "{}"),
        [
            r#"all a#u delta v3.1.1 {"u":2} {"u":[1000000,1]}"#,
            "asker a#u updated v3.1.1 {}",
        ]
    );
    assert_eq!(
        bench.merge("a", r#"{"reported":{"u":2,"x":9}}"#),
        [r#"asker a#u updated v4.1.2 {"reported":{"u":2,"x":9}}"#]
    );
    // Nobody is told that something is desired no more.
    assert_eq!(
        bench.merge("a", r#"{"desired":{"u":null}}"#),
        [r#"asker a#u updated v5.2.2 {"desired":{"u":null}}"#]
    );
}

#[test]
fn notifications_come_in_their_order_and_the_answer_last() {
    let mut bench = Bench::new(Config::new().with_notify(ALL));
    assert_eq!(
        bench.merge("a/n", r#"{"desired":{"t":1}}"#),
        [
            r#"all a/n#u delta v1.1.0 {"t":1} {}"#,
            r#"all a/n#u desired v1.1.0 {"t":1}"#,
            r#"all a/n#u whole v1.1.0 {"desired":{"t":1}}"#,
            r#"all a/n#u changed nothing -> v1.1.0 {"desired":{"t":1}}"#,
            r#"asker a/n#u updated v1.1.0 {"desired":{"t":1}}"#,
        ]
    );
    assert_eq!(
        bench.merge("a/n", r#"{"reported":{"t":1}}"#),
        [
            r#"all a/n#u changed v1.1.0 {"desired":{"t":1}} -> v2.1.1 {"desired":{"t":1},"reported":{"t":1}}"#,
            r#"asker a/n#u updated v2.1.1 {"reported":{"t":1}}"#,
        ]
    );
    assert_eq!(bench.merge("a/n", "7").len(), 1);
    assert_eq!(bench.delete("a/n").len(), 1);
}

#[test]
fn a_desired_patch_tells_what_was_asked_for() {
    let notify = Notify {
        desired_patch: true,
        ..SILENT
    };
    let mut bench = Bench::new(Config::new().with_notify(notify));
    let mut desired = |patch: DocumentRef<'_>, mode| {
        let update = Update::merge(patch).with_mode(mode);
        let mut lines = bench.update("a", update);
        lines.pop();
        lines.pop()
    };
    let told = |text: &str| Some(alloc::format!("all a#u desired {text}"));
    let mut merge = |patch: &str, mode| desired(json(patch).as_ref(), mode);
    // Unchanged values are told, too; what stands elsewhere is not.
    assert_eq!(
        merge(r#"{"desired":{"a":1,"b":2}}"#, Mode::Merge),
        told(r#"v1.1.0 {"a":1,"b":2}"#)
    );
    assert_eq!(
        merge(r#"{"desired":{"a":1,"x":null}}"#, Mode::Merge),
        told(r#"v2.2.0 {"a":1,"x":null}"#)
    );
    assert_eq!(merge(r#"{"reported":{"a":1}}"#, Mode::Merge), None);
    // A replacement reaches the device as a patch with explicit nulls.
    assert_eq!(
        merge(r#"{"desired":{"a":1,"c":{"d":4}}}"#, Mode::Replace),
        told(r#"v4.3.1 {"a":1,"b":null,"c":{"d":4}}"#)
    );
    assert_eq!(
        merge(r#"{"desired":{"a":1,"c":{"e":4}}}"#, Mode::Replace),
        told(r#"v5.4.1 {"a":1,"c":{"d":null,"e":4}}"#)
    );
    assert_eq!(
        merge(r#"{"desired":null}"#, Mode::Merge),
        told(r#"v6.5.1 {"a":null,"c":null}"#)
    );
    assert_eq!(
        merge(r#"{"desired":{"a":1}}"#, Mode::Merge),
        told(r#"v7.6.1 {"a":1}"#)
    );
    assert_eq!(merge("null", Mode::Merge), told(r#"v8.7.2 {"a":null}"#));
}

#[test]
fn the_whole_of_desired_is_told_after_an_update_that_named_it() {
    let notify = Notify {
        desired: true,
        ..SILENT
    };
    let mut bench = Bench::new(Config::new().with_notify(notify));
    assert_eq!(
        bench.merge("a", r#"{"desired":{"a":1},"reported":{"b":1}}"#)[0],
        r#"all a#u whole v1.1.1 {"desired":{"a":1}}"#
    );
    assert_eq!(
        bench
            .merge("a", r#"{"reported":{"b":2},"tags":{"t":1}}"#)
            .len(),
        1
    );
    assert_eq!(
        bench.merge("a", r#"{"desired":{"a":null}}"#)[0],
        "all a#u whole v3.2.2 {}"
    );
}

#[test]
fn a_get_that_says_what_is_known_is_answered_with_what_changed_if_that_can_be_told() {
    let policy = Policy::new().with_metadata(true);
    let mut bench = Bench::new(Config::new().with_policy(policy).with_notify(SILENT));
    bench.merge("a", r#"{"desired":{"a":1,"b":1}}"#);
    bench.merge("a", r#"{"reported":{"t":1}}"#);
    let known = |desired, text| {
        let versions = Versions {
            twin: Version::ZERO,
            desired: Version::new(desired),
            reported: Version::new(1),
        };
        let desired = ETag::of(json(text).as_ref());
        let id = RequestId::new("k");
        let known = Some(Known { versions, desired });
        Message::Get(Get {
            id,
            known,
            ..Get::default()
        })
    };
    bench.merge("a", r#"{"desired":{"b":2},"tags":{"x":1}}"#);
    bench.merge("a", r#"{"desired":{"c":3}}"#);
    let first = r#"{"a":1,"b":1}"#;
    assert_eq!(
        bench.handle("a", known(1, first)),
        [r#"asker a#k patched v4.3.1 {"b":2,"c":3}"#]
    );
    assert_eq!(
        bench.handle("a", known(3, r#"{"a":1,"b":2,"c":3}"#)),
        ["asker a#k unchanged v4.3.1"]
    );
    // Newer than the twin: another twin's.
    assert!(bench.handle("a", known(9, first))[0].starts_with("asker a#k got"));
    bench.merge("a", r#"{"desired":{"a":null}}"#);
    assert!(bench.handle("a", known(1, first))[0].starts_with("asker a#k got"));
    bench.merge("a", r#"{"desired":{"b":5}}"#);
    assert_eq!(
        bench.handle("a", known(4, r#"{"b":2,"c":3}"#)),
        [r#"asker a#k patched v6.5.1 {"b":5}"#]
    );
    bench.merge("a", r#"{"reported":{"t":2}}"#);
    assert!(bench.handle("a", known(4, first))[0].starts_with("asker a#k got"));
}

#[test]
fn a_back_end_in_the_same_process_desires_by_a_command() {
    let mut bench = Bench::new(Config::new().with_notify(ALL));
    let mut desire = |patch: &str| {
        let patch = json(patch);
        bench
            .hub
            .desire(bench.now, id("a"), patch.as_ref())
            .unwrap();
        assert_eq!(
            bench.hub.desire(bench.now, id("b"), patch.as_ref()),
            Err(HandleError::Busy)
        );
        bench.drain()
    };
    assert_eq!(
        desire(r#"{"a":1}"#),
        [
            r#"all a# delta v1.1.0 {"a":1} {}"#,
            r#"all a# desired v1.1.0 {"a":1}"#,
            r#"all a# whole v1.1.0 {"desired":{"a":1}}"#,
            r#"all a# changed nothing -> v1.1.0 {"desired":{"a":1}}"#,
            r#"asker a# updated v1.1.0 {"desired":{"a":1}}"#,
        ]
    );
    assert_eq!(desire("null")[0], r#"all a# desired v2.2.0 {"a":null}"#);
    assert_eq!(
        desire("7"),
        ["asker a# Update rejected: desired is not a map"]
    );
    let large = alloc::format!(r#"{{"long":"{}"}}"#, "x".repeat(2_000));
    assert!(desire(&large)[0].starts_with("asker a# Update rejected: "));
    assert!(bench.hub.registry().twin(id("b")).is_none());
}

#[test]
fn a_rejected_update_is_answered_and_nobody_else_hears_of_it() {
    let mut bench = Bench::new(Config::new().with_notify(ALL));
    bench.merge("a", r#"{"desired":{"t":1}}"#);
    let patch = json(r#"{"desired":{"t":2}}"#);
    let stale = Precondition::Version(Version::new(7));
    assert_eq!(
        bench.update("a", Update::merge(patch.as_ref()).with_precondition(stale)),
        ["asker a#u Update rejected: version conflict: made for 7, twin has 1"]
    );
    assert_eq!(
        bench.get("a"),
        [r#"asker a#g got v1.1.0 {"desired":{"t":1}}"#]
    );
}

#[test]
fn a_get_with_the_current_version_or_etag_is_answered_with_no_document() {
    let mut bench = Bench::new(Config::new());
    bench.merge("a", r#"{"reported":{"t":1}}"#);
    let twin = bench.hub.registry().twin(id("a")).unwrap();
    let known_etag = Some(twin.etag());
    let known = |desired, reported, text| {
        let versions = Versions {
            twin: Version::ZERO,
            desired: Version::new(desired),
            reported: Version::new(reported),
        };
        let desired = ETag::of(json(text).as_ref());
        Some(Known { versions, desired })
    };
    let mut get = |known, known_etag| {
        let get = Get {
            id: None,
            known,
            known_etag,
        };
        bench.handle("a", Message::Get(get)).remove(0)
    };
    assert_eq!(get(known(0, 1, "{}"), None), "asker a# unchanged v1.0.1");
    assert_eq!(get(None, known_etag), "asker a# unchanged v1.0.1");
    for other in [
        known(0, 2, "{}"),
        known(1, 1, "{}"),
        known(0, 1, r#"{"a":1}"#),
    ] {
        assert!(get(other, None).starts_with("asker a# got"));
    }
}

#[test]
fn only_requests_are_handled_one_at_a_time() {
    let mut bench = Bench::new(Config::new());
    let answer = Message::UpdateAccepted(crate::protocol::Accepted {
        id: None,
        versions: Default::default(),
        patch: None,
        timestamp: Timestamp::EPOCH,
    });
    let not = Err(HandleError::NotARequest);
    assert_eq!(bench.hub.handle_message(bench.now, id("a"), answer), not);
    assert!(bench.hub.poll_transmit().is_none());
}

#[test]
fn a_device_may_ask_so_much_per_second_and_all_its_twins_count() {
    let limits = RequestLimits {
        in_flight: 10,
        per_second: 4,
    };
    let mut bench = Bench::new(Config::new().with_limits(limits));
    let throttled = ["asker a#u Update rejected: too many requests"];
    for name in ["a", "a/x", "a/y", "a"] {
        assert!(bench.merge(name, "{}")[0].contains("updated"));
    }
    assert_eq!(bench.merge("a", "{}"), throttled);
    // Others are not concerned.
    assert!(bench.merge("b", "{}")[0].contains("updated"));
    bench.wait(249);
    assert_eq!(bench.merge("a", "{}"), throttled);
    bench.wait(1);
    assert!(bench.merge("a", "{}")[0].contains("updated"));
    assert_eq!(bench.merge("a", "{}"), throttled);
    bench.wait(10_000);
    for _ in 0..4 {
        assert!(bench.merge("a", "{}")[0].contains("updated"));
    }
    assert_eq!(bench.merge("a", "{}"), throttled);
}

#[test]
fn requests_in_flight_are_counted_until_they_are_done() {
    let limits = RequestLimits {
        in_flight: 2,
        per_second: 0,
    };
    let mut usage = Usage::new();
    let now = Instant::ZERO;
    assert!(usage.admit(now, &limits).is_ok());
    assert!(usage.admit(now, &limits).is_ok());
    assert_eq!(usage.admit(now, &limits), Err(Throttled::InFlight));
    assert_eq!(usage.in_flight(), 2);
    assert!(!usage.is_idle(now));
    usage.done();
    assert!(usage.admit(now, &limits).is_ok());
    usage.done();
    usage.done();
    usage.done();
    assert!(usage.is_idle(now));
    assert_eq!(usage, Usage::new());
}

#[test]
fn idle_devices_are_forgotten() {
    let limits = RequestLimits {
        in_flight: 1,
        per_second: 1,
    };
    let mut registry = InMemory::new();
    let mut now = Instant::ZERO;
    for device in 0..10_000 {
        let device = alloc::format!("device-{device}");
        let usage = registry.usage(&device, now).unwrap();
        usage.admit(now, &limits).unwrap();
        usage.done();
        now = now + Duration::from_millis(100);
    }
    assert!(registry.devices() <= 128, "{}", registry.devices());
}

#[test]
fn tombstones_are_forgotten_on_demand() {
    let mut bench = Bench::new(Config::new());
    for name in ["a", "b", "b/x"] {
        bench.merge(name, "{}");
    }
    bench.delete("a");
    bench.wait(1_000);
    bench.delete("b/x");
    let registry = bench.hub.registry_mut();
    assert_eq!(registry.len(), 3);
    registry.forget_deleted(Timestamp::from_secs(1_001));
    let ids: alloc::vec::Vec<_> = registry.iter().map(|(id, _)| id).collect();
    assert_eq!(ids, [id("b"), id("b/x")]);
    assert!(registry.remove(id("b")) && !registry.remove(id("b")));
}

/// A store that fails when told to.
struct Failing(InMemory, bool, bool);

impl Registry for Failing {
    type Error = Option<Infallible>;

    fn load(&mut self, id: TwinId<'_>) -> Result<Option<TwinRef<'_>>, Self::Error> {
        if self.1 {
            Err(None)
        } else {
            self.0.load(id).map_err(Some)
        }
    }

    fn save(&mut self, id: TwinId<'_>, twin: TwinRef<'_>) -> Result<(), Self::Error> {
        if self.2 {
            Err(None)
        } else {
            self.0.save(id, twin).map_err(Some)
        }
    }
}

#[test]
fn a_registry_that_fails_means_try_again_and_nothing_happened() {
    for (load, save) in [(true, false), (false, true)] {
        let registry = Failing(InMemory::new(), load, save);
        let mut hub = HubEngine::<_, 128>::new(registry, Config::new().with_notify(ALL));
        let patch = json(r#"{"desired":{"a":1}}"#);
        let update = Message::Update(crate::protocol::UpdateRequest {
            id: RequestId::new("u"),
            update: Update::merge(patch.as_ref()),
        });
        let now = Now::new(Instant::ZERO, Timestamp::EPOCH);
        hub.handle_message(now, id("a"), update).unwrap();
        let transmit = hub.poll_transmit().unwrap();
        let Message::Rejected(rejection) = transmit.message else {
            panic!("{transmit:?}")
        };
        assert_eq!(rejection.status, crate::error::Status::Unavailable);
        transmit.sent();
        assert!(hub.poll_transmit().is_none());
        assert!(hub.into_registry().0.is_empty());
    }
}

#[test]
fn what_does_not_fit_the_hub_is_refused_and_the_hub_goes_on() {
    let mut bench = Bench::new(Config::new().with_notify(ALL));
    bench.merge("a", r#"{"reported":{"t":1}}"#);
    let long = "x".repeat(1_100);
    let needs = |line: &str| line.contains("needs") && line.contains("has 1024");
    let lines = bench.merge("a", &alloc::format!(r#"{{"reported":{{"t":"{long}"}}}}"#));
    assert!(lines.len() == 1 && needs(&lines[0]), "{lines:?}");
    // A patch too long to be echoed, though the twin stays small.
    let nulls: alloc::vec::Vec<_> = (0..300).map(|n| alloc::format!(r#""k{n}":null"#)).collect();
    let lines = bench.merge(
        "a",
        &alloc::format!(r#"{{"reported":{{{}}}}}"#, nulls.join(",")),
    );
    assert!(lines.len() == 1 && needs(&lines[0]), "{lines:?}");
    // A replacement that could not be told to the device.
    let many = |from: u32| {
        let entries: alloc::vec::Vec<_> = (from..from + 90)
            .map(|n| alloc::format!(r#""key{n}":1"#))
            .collect();
        json(&alloc::format!(
            r#"{{"desired":{{{}}}}}"#,
            entries.join(",")
        ))
    };
    assert_eq!(
        bench.update("a", Update::merge(many(100).as_ref())).len(),
        5
    );
    let lines = bench.update(
        "a",
        Update::merge(many(300).as_ref()).with_mode(Mode::Replace),
    );
    assert!(lines.len() == 1 && needs(&lines[0]), "{lines:?}");
    assert!(bench.get("a")[0].contains("got v2.1.1"));
}
