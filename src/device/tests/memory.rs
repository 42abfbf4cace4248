//! Restart with and without a memory.

use super::*;
use crate::device::Memory;

#[test]
fn a_restart_with_memory_sends_only_what_the_service_lacks() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 1);
    bench
        .report(json!({"x": 1, "y": 1}))
        .expect(Sent::Report(json!({"x": 1, "y": 1})))
        .accepted(2);
    bench
        .report(json!({"x": 2}))
        .expect(Sent::Report(json!({"x": 2})));
    let mut after = Bench::new(config());
    after.engine.restore(&bench.engine.memory()).unwrap();
    after.id = bench.id.clone();
    after
        .desires(json!({"a": 1}))
        .reports(json!({"x": 2, "y": 1}))
        .known(2)
        .quiet();
    after.connect(Session::Resumed).expect(Sent::Subscribe);
    after.engine.handle_subscribed(after.now);
    after.expect(Sent::Get).got(
        json!({"desired": {"a": 1}, "reported": {"x": 2, "y": 1}}),
        3,
    );
    after.quiet();
    assert!(after.engine.is_synced());
}

#[test]
fn a_restart_without_memory_removes_nothing_from_the_service() {
    let twin = json!({"desired": {"a": 1}, "reported": {"a": 1, "fw": "1"}});
    let mut bench = Bench::online(config(), twin, 9);
    // All of desired is work again: what this life has not applied is not in effect.
    assert_eq!(bench.work(), "a");
    bench.quiet().acknowledge(&["a"]);
    bench
        .expect(Sent::Report(json!({"a": 1})))
        .accepted(10)
        .quiet();
}

#[test]
fn a_memory_that_does_not_fit_changes_nothing() {
    let mut bench = Bench::online(config(), json!({"desired": {"a": 1}}), 1);
    let long = doc(&json!({"long": "x".repeat(N)}));
    let other = Bench::new(config());
    let memory = Memory {
        reported: long.as_ref(),
        ..other.engine.memory()
    };
    let error = bench.engine.restore(&memory).unwrap_err();
    assert_eq!(error.capacity, N);
    bench.desires(json!({"a": 1})).reports(json!({})).known(1);
}
