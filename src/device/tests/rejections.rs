//! Each verdict of the service and its fate.

use super::*;
use crate::device::{Link, Reason};
use RequestKind::{Get, Update};

fn refused(request: Request, status: Status) -> Event {
    Event::Rejected { request, status }
}

#[test]
fn one_bad_leaf_is_found_withheld_and_the_others_go_on() {
    for status in [
        Status::Invalid,
        Status::TooLarge,
        Status::UnsupportedEncoding,
    ] {
        let mut bench = Bench::online(config(), json!({}), 1);
        let all = json!({"a": 1, "b": 2, "c": 3, "d": 4, "e": [1], "f": 6, "g": 7, "h": 8});
        bench.report(all.clone()).drop_events();
        let mut version = 1;
        let mut requests = 0;
        let mut withheld = 0;
        while !bench.engine.is_synced() {
            requests += 1;
            assert!(requests < 20, "does not end");
            bench.drop_events();
            let now = bench.now;
            let transmit = bench.transmit();
            let Output::Message(Message::Update(request)) = transmit.output() else {
                panic!()
            };
            bench.id = request.id.unwrap().as_str().to_string();
            let transmit = bench.engine.poll_transmit(now).unwrap();
            let bad = transmit.report().value(&["e"]).is_some();
            let alone = transmit.report().leaves().count() == 1;
            transmit.sent(now);
            if bad {
                bench.rejected(Update, status);
                if alone {
                    withheld += 1;
                    let reason = Reason::Rejected(status);
                    bench.quiet().event(Event::LeafWithheld { reason });
                    assert_eq!(
                        bench.engine.withheld(),
                        Some(doc(&json!({"e": [1]})).as_ref())
                    );
                }
                bench.event(refused(Request::Update, status));
            } else {
                version += 1;
                bench.accepted(version);
            }
        }
        assert_eq!(withheld, 1);
        assert!(requests <= 10, "{requests}");
        bench.reports(all).quiet();
        // A new value is tried, and a full get gives the old one another chance.
        bench
            .report(json!({"e": 5}))
            .expect(Sent::Report(json!({"e": 5})))
            .accepted(version + 1);
        bench.quiet();
    }
}

#[test]
fn a_withheld_leaf_is_tried_again_after_a_full_get() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"e": [1]}))
        .expect(Sent::Report(json!({"e": [1]})));
    bench
        .rejected(Update, Status::Invalid)
        .drop_events()
        .quiet();
    bench.refresh();
    bench
        .expect(Sent::Get)
        .got(json!({}), 1)
        .expect(Sent::Report(json!({"e": [1]})));
}

#[test]
fn a_conflict_leads_to_a_full_get_and_what_is_then_missing() {
    let mut bench = Bench::online(config().with_conditional(true), json!({}), 1);
    bench
        .report(json!({"x": 1, "y": 1}))
        .expect(Sent::Report(json!({"x": 1, "y": 1})));
    bench
        .rejected(Update, Status::Conflict)
        .event(refused(Request::Update, Status::Conflict));
    bench
        .expect(Sent::Get)
        .got(json!({"reported": {"x": 1}}), 3);
    assert_eq!(bench.precondition(), Precondition::Version(Version::new(3)));
    bench
        .expect(Sent::Report(json!({"y": 1})))
        .accepted(4)
        .quiet();
}

#[test]
fn a_race_that_is_lost_again_and_again_slows_down() {
    let mut bench = Bench::online(config().with_conditional(true), json!({}), 1);
    bench.report(json!({"x": 1}));
    for round in 0..8 {
        bench.expect(Sent::Report(json!({"x": 1})));
        let before = bench.now.as_millis();
        bench
            .rejected(Update, Status::PreconditionFailed)
            .wake()
            .expect(Sent::Get)
            .got(json!({}), 2 + round);
        let waited = bench.now.as_millis() - before;
        let whole = if round == 0 {
            0
        } else {
            (500 << round).min(60_000)
        };
        assert!((whole / 2..=whole).contains(&waited), "{round}: {waited}");
    }
}

#[test]
fn throttled_and_failing_services_are_left_alone_for_a_while() {
    for status in [Status::Throttled, Status::Internal, Status::Unavailable] {
        let mut bench = Bench::online(config(), json!({}), 1);
        bench
            .report(json!({"x": 1}))
            .expect(Sent::Report(json!({"x": 1})));
        bench
            .rejected(Update, status)
            .event(refused(Request::Update, status))
            .quiet();
        bench.report(json!({"y": 1})).wake();
        assert!((500..=1_000).contains(&bench.now.as_millis()));
        if status == Status::Internal {
            // It may have been applied before the failure.
            bench.expect(Sent::Report(json!({"x": 1})));
        } else {
            bench.expect(Sent::Report(json!({"x": 1, "y": 1})));
        }
        bench.rejected(Update, status).wake();
        assert!((1_500..=3_000).contains(&bench.now.as_millis()));
    }
}

#[test]
fn a_get_that_is_refused_is_tried_again() {
    for status in [
        Status::Throttled,
        Status::Internal,
        Status::Unavailable,
        Status::Invalid,
        Status::Forbidden,
    ] {
        let mut bench = Bench::online(config(), json!({}), 1);
        bench.refresh();
        bench
            .expect(Sent::Get)
            .rejected(Get, status)
            .event(refused(Request::Get, status))
            .quiet();
        assert_eq!(bench.engine.link(), Link::Resyncing);
        bench.wake().expect(Sent::Get).got(json!({}), 1).quiet();
    }
}

#[test]
fn who_may_not_ask_waits_longest() {
    for status in [Status::Unauthorized, Status::Forbidden] {
        let mut bench = Bench::online(config(), json!({}), 1);
        bench
            .report(json!({"x": 1}))
            .expect(Sent::Report(json!({"x": 1})));
        bench
            .rejected(Update, status)
            .event(refused(Request::Update, status))
            .quiet()
            .wake();
        assert!((30_000..=60_000).contains(&bench.now.as_millis()));
        bench.expect(Sent::Report(json!({"x": 1})));
    }
}

#[test]
fn an_update_of_a_twin_that_is_gone_gets_it_again() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})));
    bench
        .rejected(Update, Status::NotFound)
        .expect(Sent::Get)
        .rejected(Get, Status::NotFound);
    bench
        .expect(Sent::Get)
        .rejected(Get, Status::NotFound)
        .expect(Sent::Report(json!({"x": 1})));
    // The second time in a row it waits.
    bench
        .rejected(Update, Status::NotFound)
        .quiet()
        .wake()
        .expect(Sent::Get);
}

#[test]
fn rejections_of_others_are_not_ours() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"x": 1}))
        .expect(Sent::Report(json!({"x": 1})))
        .drop_events();
    let id = core::mem::replace(&mut bench.id, "other".to_string());
    bench
        .rejected(Update, Status::Invalid)
        .rejected(RequestKind::Delete, Status::NotFound)
        .no_event();
    bench.id = id;
    bench.rejected(Get, Status::NotFound).no_event().quiet();
    assert_eq!(bench.engine.counters().foreign, 3);
    bench.accepted(2).quiet();
}
