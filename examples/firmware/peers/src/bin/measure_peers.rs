//! Instructions and peak stack of the peers' operations, on the documents that twinsync gets.
//!
//! Names are those of the operations in `examples/firmware/cost`, behind the peer's.
#![no_std]
#![no_main]

use cortex_m_rt::entry;
use rustot::shadows::Shadow;
use twinsync_cost_peers::json_core::{Message, Patch, handle, report};
use twinsync_cost_peers::settings::State;
use twinsync_cost_peers::shadow;
use twinsync_measure::workload::{DELTA, DELTA_TOPIC, DOCUMENT, PATCH};
use twinsync_measure::{expect, fail, fixed, measure, measure_ok, need, run};

#[entry]
fn main() -> ! {
    run(|| {
        json_core();
        miniconf();
        rustot();
    })
}

#[inline(never)]
fn json_core() {
    let base = fixed!(Option<State<i32>>, None);
    let other = fixed!(Option<State<i32>>, None);
    let delta = fixed!(Option<Patch<i32>>, None);
    let out = fixed!([u8; 512], [0; 512]);
    measure_ok("serde-json-core: parse a document of 300 B", || {
        serde_json_core::from_slice(DOCUMENT.as_bytes()).map(|(state, _)| *base = Some(state))
    });
    let Some(base) = base else { fail("a document") };
    let other = other.insert(base.clone());
    let patch = serde_json_core::from_slice::<Patch<i32>>(PATCH.as_bytes()).ok();
    let (patch, _) = need(patch, "a patch");
    measure("serde-json-core: merge a parsed patch of 4 leaves", || {
        patch.apply(other)
    });
    measure("serde-json-core: delta, 4 of 16 leaves differ", || {
        *delta = Patch::delta(other, base);
    });
    expect(*delta == Some(patch), "the patch again");
    let none = measure("serde-json-core: delta, no difference", || {
        Patch::delta(base, base).is_none()
    });
    expect(none, "no difference");
    let len = measure_ok("serde-json-core: write the document as JSON", || {
        serde_json_core::to_slice(base, out)
    });
    expect(
        out.get(..len) == Some(DOCUMENT.as_bytes()),
        "the document again",
    );
    measure_ok(
        "serde-json-core: read an AWS delta message of 300 B",
        || {
            serde_json_core::from_slice::<Message<'_, Patch<i32>>>(DELTA)
                .map(|(message, _)| *delta = Some(message.state))
        },
    );
    let mut version = 11;
    let len = measure(
        "serde-json-core: the same to the end: applied, and the report written",
        || handle(DELTA, base, &mut version, out),
    );
    expect(len.is_some() && base == other, "applied");
    let len = measure(
        "serde-json-core: first report, 300 B: computed and written",
        || report(&*base, "00000007", out),
    );
    expect(len.is_some(), "written");
}

#[inline(never)]
fn miniconf() {
    let state = fixed!(Option<State<i32>>, None);
    let state = state.insert(State::default());
    let out = fixed!([u8; 64], [0; 64]);
    measure_ok("miniconf: set a leaf by its path", || {
        miniconf::json_core::set(state, "/alarm/high", b"360")
    });
    let len = measure_ok("miniconf: read a leaf by its path", || {
        miniconf::json_core::get(state, "/alarm/high", out)
    });
    expect(out.get(..len) == Some(b"360"), "the leaf");
}

#[inline(never)]
fn rustot() {
    let state = serde_json_core::from_slice::<shadow::State>(DOCUMENT.as_bytes()).ok();
    let (state, _) = need(state, "a document");
    let place = fixed!(Option<Shadow<'static, shadow::State, shadow::Sent>>, None);
    let shadow = need(Shadow::new(state, &shadow::Sent, true).ok(), "a shadow");
    let shadow = place.insert(shadow);
    measure_ok("rustot: first report, 300 B: computed and written", || {
        shadow.report_shadow()
    });
    let target = measure_ok(
        "rustot: the same to the end: applied, and the report written",
        || {
            shadow
                .handle_message(DELTA_TOPIC, DELTA)
                .map(|(state, _)| state.target)
        },
    );
    expect(target == 220, "applied");
    twinsync_measure::ram::<Shadow<'static, shadow::State, shadow::Sent>>("rustot: Shadow", 0);
}
