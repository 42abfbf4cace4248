//! Versions of sections (Azure IoT Hub): what each message and each status leads to.

use super::*;
use crate::protocol::VersionScope;
use crate::twin::Section;

fn config() -> Config {
    super::config().with_versions(VersionScope::Section)
}

/// An engine that knows versions 4 and 7, and has reported x.
fn online(config: Config) -> Bench {
    let mut bench = Bench::new(config);
    bench.report(json!({"x": 1}));
    bench.connect(Session::Fresh).expect(Sent::Subscribe);
    bench.subscribed();
    bench.expect(Sent::Get);
    let twin = json!({"desired": {"a": 1}, "reported": {"x": 1}});
    bench.answer(twin, sections(4, 7)).drop_events().quiet();
    bench
}

impl Bench {
    fn answer(&mut self, twin: Json, versions: Versions) -> &mut Self {
        let id = self.id.clone();
        self.got_as(&id, twin, versions)
    }

    /// 204 with the version of reported alone.
    fn no_content(&mut self, reported: u64) -> &mut Self {
        let id = self.id.clone();
        self.accepted_as(&id, None, sections(0, reported))
    }
}

#[test]
fn a_stale_desired_patch_is_dropped() {
    let mut bench = online(config());
    bench
        .desired_patch(json!({"a": 0}), sections(3, 0))
        .desires(json!({"a": 1}))
        .no_event();
    // It may be that of an identity that was made anew: one get tells.
    bench.expect(Sent::Get);
    let twin = json!({"desired": {"a": 1}, "reported": {"x": 1}});
    bench.answer(twin, sections(4, 7)).quiet();
    bench
        .desired_patch(json!({"a": 0}), sections(2, 0))
        .desires(json!({"a": 1}))
        .quiet();
    assert_eq!(bench.engine.counters().stale, 2);
}

#[test]
fn a_desired_patch_that_comes_twice_counts_once() {
    let mut bench = online(config());
    bench
        .desired_patch(json!({"a": null, "b": 2}), sections(5, 0))
        .drop_events();
    bench
        .desired_patch(json!({"a": null, "b": 2}), sections(5, 0))
        .no_event()
        .quiet();
    bench.desires(json!({"b": 2})).known(5);
    assert_eq!(bench.engine.counters().duplicate, 1);
}

#[test]
fn behind_a_gap_a_desired_patch_is_not_applied_and_a_get_brings_everything() {
    let mut bench = online(config());
    bench
        .desired_patch(json!({"b": 2}), sections(6, 0))
        .desires(json!({"a": 1}));
    let twin = json!({"desired": {"b": 2, "c": 3}, "reported": {"x": 1}});
    bench
        .expect(Sent::Get)
        .answer(twin, sections(6, 7))
        .known(6)
        .quiet();
    bench.desires(json!({"b": 2, "c": 3}));
    assert_eq!(bench.engine.counters().gaps, 1);
}

#[test]
fn a_desired_patch_during_a_get_is_applied_or_found_in_the_answer() {
    // The answer is that of before the patch.
    let mut bench = online(config());
    bench.refresh();
    bench
        .expect(Sent::Get)
        .desired_patch(json!({"b": 2}), sections(5, 0));
    let before = json!({"desired": {"a": 1}, "reported": {"x": 1}});
    bench.answer(before, sections(4, 7)).expect(Sent::Get);
    let after = json!({"desired": {"a": 1, "b": 2}, "reported": {"x": 1}});
    bench.answer(after.clone(), sections(5, 7)).known(5).quiet();
    // The answer has it already, and comes first.
    bench.refresh();
    bench
        .expect(Sent::Get)
        .answer(after, sections(6, 7))
        .quiet();
    bench
        .desired_patch(json!({"b": 2}), sections(6, 0))
        .quiet()
        .known(6);
}

#[test]
fn an_identity_that_was_made_anew_counts_from_1_and_is_followed() {
    let mut bench = online(config());
    bench
        .desired_patch(json!({"n": 1}), sections(2, 0))
        .desires(json!({"a": 1}));
    let anew = json!({"desired": {"n": 1}});
    bench
        .expect(Sent::Get)
        .answer(anew.clone(), sections(2, 1))
        .known(2);
    // Lower than what was heard of: overtaken, or anew. The second answer tells.
    bench
        .expect(Sent::Get)
        .answer(anew, sections(2, 1))
        .desires(json!({"n": 1}));
    bench
        .expect(Sent::Report(json!({"x": 1})))
        .no_content(2)
        .quiet();
    bench
        .desired_patch(json!({"n": 2}), sections(3, 0))
        .quiet()
        .known(3);
}

#[test]
fn a_report_that_was_accepted_by_a_lower_version_leads_to_a_get() {
    let mut bench = online(config());
    bench
        .report(json!({"x": 2}))
        .expect(Sent::Report(json!({"x": 2})))
        .no_content(2);
    let anew = json!({"reported": {"x": 2}});
    bench.expect(Sent::Get).answer(anew.clone(), sections(1, 2));
    bench
        .expect(Sent::Get)
        .answer(anew, sections(1, 2))
        .desires(json!({}))
        .quiet();
}

#[test]
fn a_conditional_report_is_for_the_known_version_of_reported() {
    let mut bench = online(config().with_conditional(true));
    bench.report(json!({"x": 2}));
    let wanted = Precondition::SectionVersion(Section::Reported, Version::new(7));
    assert_eq!(bench.precondition(), wanted);
    // 412: a get, and then what is missing; at once the first time, then later and later.
    let mut since = bench.now;
    for attempt in 0..4_u64 {
        let reported = json!({"x": 10 + attempt});
        bench
            .expect(Sent::Report(json!({"x": 2})))
            .rejected(RequestKind::Update, Status::PreconditionFailed);
        if attempt > 0 {
            bench.quiet().wake();
            let waited = bench.now.saturating_since(since).as_millis();
            assert!(
                (500 << (attempt - 1)..=1_000 << (attempt - 1)).contains(&waited),
                "{waited}"
            );
        }
        since = bench.now;
        let twin = json!({"desired": {"a": 1}, "reported": reported});
        bench
            .expect(Sent::Get)
            .answer(twin, sections(4, 8 + attempt));
    }
    bench
        .expect(Sent::Report(json!({"x": 2})))
        .no_content(12)
        .quiet();
}

#[test]
fn busy_and_failing_services_are_asked_later_and_later() {
    for status in [Status::Throttled, Status::Internal, Status::Unavailable] {
        let mut bench = online(config());
        bench.report(json!({"x": 2}));
        let mut shortest = 500;
        for _ in 0..4 {
            bench
                .expect(Sent::Report(json!({"x": 2})))
                .rejected(RequestKind::Update, status);
            let since = bench.now;
            bench.quiet().wake();
            let waited = bench.now.saturating_since(since).as_millis();
            assert!(
                (shortest..=2 * shortest).contains(&waited),
                "{status}: {waited}"
            );
            shortest *= 2;
        }
        bench
            .expect(Sent::Report(json!({"x": 2})))
            .no_content(8)
            .quiet();
        assert!(bench.engine.is_synced(), "{status}");
    }
}

#[test]
fn of_a_report_that_breaks_a_rule_only_the_bad_leaf_is_withheld() {
    // 400, 403 for the size (which its adapter calls too large) and 413.
    for status in [Status::Invalid, Status::TooLarge] {
        let mut bench = online(config());
        bench.report(json!({"bad": 1, "c": 2, "d": {"e": 3, "f": 4}}));
        let mut version = 7;
        let mut calls = 0;
        let mut twin = doc(&json!({"x": 1}));
        loop {
            calls += 1;
            assert!(calls < 30, "does not end");
            let now = bench.now;
            bench.drop_events();
            let Some(transmit) = bench.engine.poll_transmit(now) else {
                break;
            };
            let report = doc_of(transmit.report());
            let Output::Message(Message::Update(request)) = transmit.output() else {
                panic!()
            };
            let id = request.id.unwrap().as_str().to_string();
            transmit.sent(now);
            if report.as_ref().at(&["bad"]).is_some() {
                bench.id = id;
                bench.rejected(RequestKind::Update, status);
            } else {
                version += 1;
                twin.merge(report.as_ref()).unwrap();
                bench.accepted_as(&id, None, sections(0, version));
            }
        }
        assert_eq!(
            twin.as_ref(),
            doc(&json!({"x": 1, "c": 2, "d": {"e": 3, "f": 4}})).as_ref()
        );
        bench
            .report(json!({"bad": 2}))
            .expect(Sent::Report(json!({"bad": 2})));
    }
}

fn doc_of(document: DocumentRef<'_>) -> Doc {
    let mut copy = Doc::new();
    copy.assign(document).unwrap();
    copy
}
