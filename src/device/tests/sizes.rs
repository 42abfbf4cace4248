//! Buffers that are too small: parts, oversized answers, full documents.

use super::*;
use crate::device::{Reason, Wanted};
use alloc::format;

/// Sends with a transmit buffer of `room` canonical bytes until nothing is left; the number of reports.
fn drain(bench: &mut Bench, room: usize, twin: &mut Doc) -> usize {
    let mut sent = 0;
    let mut calls = 0;
    loop {
        calls += 1;
        assert!(calls < 500, "does not end");
        let now = bench.now;
        bench.drop_events();
        let Some(transmit) = bench.engine.poll_transmit(now) else {
            break;
        };
        if transmit.report().as_bytes().len() > room {
            transmit.too_large(now);
            continue;
        }
        let Output::Message(Message::Update(request)) = transmit.output() else {
            panic!()
        };
        twin.merge(request.update.patch).unwrap();
        bench.id = request.id.unwrap().as_str().to_string();
        transmit.sent(now);
        sent += 1;
        let version = bench.engine.version().next().as_u64();
        bench.accepted(version);
    }
    sent
}

#[test]
fn a_report_larger_than_the_transmit_buffer_goes_out_in_parts() {
    let mut bench = Bench::online(config(), json!({}), 1);
    for index in 0..20 {
        let key = format!("key{index}");
        bench
            .engine
            .report_value(bench.now, &["m", &key], "0123456789")
            .unwrap();
    }
    let mut twin = Doc::new();
    let sent = drain(&mut bench, 80, &mut twin);
    assert!((6..=20).contains(&sent), "{sent}");
    assert_eq!(
        twin.as_ref().at(&["reported"]).unwrap(),
        bench.engine.reported()
    );
    assert!(bench.engine.is_synced());
}

#[test]
fn a_limit_that_is_known_beforehand_makes_parts_at_once() {
    let mut bench = Bench::online(config().with_patch_limit(12), json!({}), 1);
    bench.report(json!({"a": 1000, "b": 1000, "c": 1000}));
    bench.expect(Sent::Report(json!({"a": 1000}))).accepted(2);
    bench.expect(Sent::Report(json!({"b": 1000}))).accepted(3);
    bench
        .expect(Sent::Report(json!({"c": 1000})))
        .accepted(4)
        .quiet();
}

#[test]
fn parts_do_not_wait_for_the_coalescing_window() {
    let config = config()
        .with_patch_limit(12)
        .with_coalesce(Duration::from_secs(5));
    let mut bench = Bench::online(config, json!({}), 1);
    bench.report(json!({"a": 1000, "b": 1000}));
    bench.expect(Sent::Report(json!({"a": 1000}))).accepted(2);
    bench.expect(Sent::Report(json!({"b": 1000}))).accepted(3);
    bench.report(json!({"a": 1})).quiet().wakes_at(5_000);
}

#[test]
fn a_leaf_that_fits_no_message_is_withheld_and_the_others_go_on() {
    let mut bench = Bench::online(config(), json!({}), 1);
    let long = "x".repeat(200);
    bench.report(json!({"a": 1, "long": long, "z": 2}));
    let mut twin = Doc::new();
    bench.drop_events();
    drain(&mut bench, 100, &mut twin);
    assert_eq!(
        twin.as_ref(),
        doc(&json!({"reported": {"a": 1, "z": 2}})).as_ref()
    );
    bench
        .report(json!({"long": "short"}))
        .expect(Sent::Report(json!({"long": "short"})));
}

#[test]
fn a_withheld_leaf_is_shown_with_its_size() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench.report(json!({"long": "x".repeat(200)}));
    let now = bench.now;
    bench.transmit().too_large(now);
    let needed = bench.engine.reported().as_bytes().len();
    bench.quiet().event(Event::LeafWithheld {
        reason: Reason::TooLarge { needed },
    });
    assert_eq!(bench.engine.withheld(), Some(bench.engine.reported()));
    bench.quiet();
    assert!(bench.engine.is_synced());
}

#[test]
fn a_get_that_does_not_fit_is_tried_again_later() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench.refresh();
    let now = bench.now;
    bench.transmit().too_large(now);
    bench.quiet().wake().expect(Sent::Get);
}

#[test]
fn a_doubtful_report_that_does_not_fit_any_more_is_decided_by_a_full_get() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"a": 1, "b": 2}))
        .expect(Sent::Report(json!({"a": 1, "b": 2})));
    bench.at(10_000).wake();
    let now = bench.now;
    bench.transmit().too_large(now);
    bench
        .expect(Sent::Get)
        .got(json!({"reported": {"a": 1}}), 1);
    bench.expect(Sent::Report(json!({"b": 2})));
}

#[test]
fn an_oversized_twin_is_asked_for_in_reduced_form() {
    let mut bench = Bench::new(config());
    bench
        .report(json!({"x": 1}))
        .connect(Session::Fresh)
        .expect(Sent::Subscribe);
    bench.subscribed();
    bench.expect(Sent::Get);
    assert_eq!(bench.engine.wanted(), Wanted::Sections);
    bench.oversized(9_000);
    bench.event(Event::TwinTooLarge { needed: 9_000 });
    assert_eq!(bench.engine.wanted(), Wanted::Delta);
    bench
        .expect(Sent::Get)
        .got(json!({"delta": {"a": 1}}), 7)
        .desires(json!({"a": 1}))
        .known(7);
    bench
        .expect(Sent::Report(json!({"x": 1})))
        .accepted(8)
        .quiet();
    // The next full get tries the whole again; and if not even the delta fits, life goes on.
    bench.drop_events().refresh();
    assert_eq!(bench.engine.wanted(), Wanted::Sections);
    bench.expect(Sent::Get).oversized(9_000);
    bench.expect(Sent::Get).oversized(8_000);
    bench
        .event(Event::TwinTooLarge { needed: 8_000 })
        .no_event()
        .quiet();
    bench
        .report(json!({"x": 2}))
        .expect(Sent::Report(json!({"x": 2})))
        .accepted(9)
        .quiet();
    bench
        .delta(json!({"a": 2}), 10)
        .desires(json!({"a": 2}))
        .quiet();
}

#[test]
fn an_oversized_notification_is_an_event() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench.oversized(700);
    bench.event(Event::DesiredTooLarge { needed: 700 }).quiet();
}

#[test]
fn of_a_desired_that_does_not_fit_the_leaves_that_do_are_taken() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1, "gone": 1}}), 1);
    let long = "x".repeat(N);
    bench
        .delta(json!({"a": 2, "long": long, "z": {"inner": 3}}), 2)
        .known(2)
        .desires(json!({"a": 2, "gone": 1, "z": {"inner": 3}}))
        .quiet();
    let too_large = |event: Option<Event>| {
        assert!(
            matches!(event, Some(Event::DesiredTooLarge { needed }) if needed > N),
            "{event:?}"
        );
    };
    assert_eq!(bench.engine.poll_event(), Some(Event::DesiredChanged));
    too_large(bench.engine.poll_event());
    bench.refresh();
    bench
        .expect(Sent::Get)
        .got(json!({"desired": {"a": 3, "long": long}}), 2)
        .desires(json!({"a": 3}));
    bench.quiet();
}

#[test]
fn a_reported_section_that_does_not_fit_is_reported_anew() {
    let mut bench = Bench::online(config(), json!({}), 1);
    bench
        .report(json!({"a": 1}))
        .expect(Sent::Report(json!({"a": 1})))
        .accepted(2)
        .drop_events();
    bench.refresh();
    bench
        .expect(Sent::Get)
        .got(json!({"reported": {"a": "x".repeat(N)}}), 9)
        .event(Event::Synced);
    let event = bench.engine.poll_event();
    assert!(
        matches!(event, Some(Event::TwinTooLarge { needed }) if needed > N),
        "{event:?}"
    );
    bench
        .expect(Sent::Report(json!({"a": 1})))
        .accepted(10)
        .quiet();
    // What is not ours takes no room.
    bench.drop_events().refresh();
    bench
        .expect(Sent::Get)
        .got(json!({"reported": {"a": 1, "b": "x".repeat(N)}}), 10);
    bench.quiet().event(Event::Synced).no_event();
}

#[test]
fn a_full_document_exchanged_for_another_still_converges() {
    // Old and new leaves do not fit together into what is kept of the service's side.
    let mut bench = Bench::online(config().with_patch_limit(60), json!({}), 1);
    for index in 0..20 {
        let key = format!("old{index}");
        bench
            .engine
            .report_value(bench.now, &[&key], "0123456789")
            .unwrap();
    }
    let mut twin = Doc::new();
    drain(&mut bench, 500, &mut twin);
    let mut patch = serde_json::Map::new();
    for index in 0..20 {
        patch.insert(format!("old{index}"), Json::Null);
        patch.insert(format!("a{index}"), json!("0123456789"));
    }
    bench.report(Json::Object(patch));
    drain(&mut bench, 500, &mut twin);
    assert!(bench.engine.is_synced());
    let mut merged = Doc::new();
    merged
        .assign(twin.as_ref().at(&["reported"]).unwrap())
        .unwrap();
    let before = merged.clone();
    merged.merge(bench.engine.reported()).unwrap();
    assert_eq!(merged, before, "the service has all that is reported");
}
