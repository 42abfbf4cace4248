//! Many devices by one gateway: a setting, a rollout and automatic configurations over a registry of fixed size.
#![no_std]
#![no_main]

use twinsync::configuration::Keys;
use twinsync::document::Document;
use twinsync::fleet::{
    Automatic, Everyone, Metric, Plan, Progress, Rollout, Setting, Target, reconcile,
};
use twinsync::hub::{Config, HubEngine, Registry};
use twinsync::protocol::TwinId;
use twinsync::query::{Condition, Dialect, Query};
use twinsync::time::{Duration, Instant, Now, Timestamp};
use twinsync::twin::TwinRef;
use twinsync_proof::{input, sink, text, word};

/// One twin, in a page of 1 KB.
struct Page {
    record: [u8; 1024],
    len: usize,
}

impl Registry for Page {
    type Error = ();

    fn load(&mut self, _: TwinId<'_>) -> Result<Option<TwinRef<'_>>, ()> {
        match self.record.get(..self.len) {
            None | Some([]) => Ok(None),
            Some(record) => TwinRef::from_record(record).map(Some).map_err(|_| ()),
        }
    }

    fn save(&mut self, _: TwinId<'_>, twin: TwinRef<'_>) -> Result<(), ()> {
        self.len = twin.write_record(&mut self.record).map_err(|_| ())?;
        Ok(())
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let page = Page {
        record: [0; 1024],
        len: word() as usize,
    };
    let mut hub = HubEngine::<_, 512>::new(page, Config::new());
    let mut stored = Document::<512>::new();
    loop {
        let now = Now::new(
            Instant::from_millis(u64::from(word())),
            Timestamp::from_millis(u64::from(word())),
        );
        if let Ok(document) = Document::<512>::from_bytes(input()) {
            stored = document;
        }
        let (Ok(one), Ok(two)) = (TwinId::new(text(), None), TwinId::new(text(), Some(text())))
        else {
            continue;
        };
        let Ok(condition) = Condition::<16>::parse(text(), Dialect::TWIN) else {
            continue;
        };
        let Ok(query) = Query::<16>::parse(text(), Dialect::TWIN) else {
            continue;
        };
        match word() & 3 {
            0 => {
                let setting = Setting::new(stored.as_ref()).numbered(Keys::DEFAULT);
                let outcome = setting.apply(&mut hub, now, one, &condition, &mut |transmit| {
                    sink(transmit.id.device().len() as u32);
                });
                sink(outcome.is_ok().into());
            }
            1 => {
                let mut targets = [one, two].map(Target::<128>::new);
                let plan = Plan::new(Duration::from_secs(60))
                    .with_waves(&[25])
                    .with_tolerance(10);
                let mut rollout = Rollout::new(Setting::new(stored.as_ref()), plan, &mut targets);
                while let Ok(Progress::Running { wave }) =
                    rollout.poll(&mut hub, now, &Everyone, &mut |_| {})
                {
                    sink(wave as u32);
                    if let Some(at) = rollout.poll_timeout() {
                        sink(at.as_millis() as u32);
                    }
                }
                sink(rollout.counts().failed as u32);
            }
            _ => {
                let own = [Metric {
                    name: "own",
                    query: query.as_ref(),
                }];
                let Ok(low) = Automatic::new(text(), stored.as_ref(), word(), now.wall) else {
                    continue;
                };
                let Ok(low) = low.with_target(&condition).with_metrics(&own) else {
                    continue;
                };
                let Ok(high) = Automatic::new(text(), stored.as_ref(), word(), now.wall) else {
                    continue;
                };
                let all = [low, high.retired()];
                let done = reconcile(&mut hub, now, two, &all, &mut |_| {});
                sink(done.is_ok().into());
                let twin = hub.registry_mut().load(one).ok().flatten();
                let metrics = low.metrics(twin.map(|twin| (one, twin)).into_iter());
                sink(metrics.own.iter().sum::<usize>() as u32);
            }
        }
    }
}
