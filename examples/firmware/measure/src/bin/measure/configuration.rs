//! Configurations: a trial, and saying that one is in effect.

use twinsync::codec::json;
use twinsync::configuration::{self, Conclusion, Keys, Standing, Trial};
use twinsync::document::Document;
use twinsync::time::{Duration, Instant, Timestamp};
use twinsync_measure::workload::DOCUMENT;
use twinsync_measure::{expect, fixed, measure, measure_ok};

const KEYS: Keys = Keys::DEFAULT;

#[inline(never)]
pub fn all() {
    let desired = fixed!(Document<512>, Document::new());
    let reported = fixed!(Document<512>, Document::new());
    let report = fixed!(Document<512>, Document::new());
    let trial = fixed!(Trial<512>, Trial::new());
    let now = Instant::from_millis(1_000);
    expect(
        json::read(DOCUMENT.as_bytes(), desired.as_mut()).is_ok()
            && desired.set(&["configVersion"], 3).is_ok()
            && json::read(DOCUMENT.as_bytes(), reported.as_mut()).is_ok()
            && reported.set(&["alarm", "high"], 360).is_ok(),
        "documents",
    );
    measure_ok("configuration: Trial::begin, 16 leaves", || {
        trial.begin(
            now,
            Duration::from_secs(60),
            desired.as_ref(),
            reported.as_ref(),
            &KEYS,
        )
    });
    let back = measure("configuration: Trial::poll, not yet", || {
        trial.poll(now).is_some()
    });
    expect(!back, "not yet");
    measure("configuration: Trial::pass", || trial.pass());
    expect(reported.set(&["alarm", "high"], 355).is_ok(), "a leaf");
    let said = measure_ok("configuration: conclude, 16 leaves", || {
        let at = Timestamp::from_secs(1_700_000_000);
        configuration::conclude(
            desired.as_ref(),
            reported.as_ref(),
            at,
            &KEYS,
            &mut report.as_mut(),
        )
    });
    expect(said == Conclusion::Applied(3), "applied");
    measure("configuration: Standing::of", || {
        Standing::of(desired.as_ref(), reported.as_ref(), &KEYS).is_in_step()
    });
    measure_ok("configuration: stamp", || {
        configuration::stamp(&mut report.as_mut(), desired.as_ref(), &KEYS)
    });
}
