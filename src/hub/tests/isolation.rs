//! One twin's requests touch no other twin, whatever they are; racing writers lose nothing.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;
use serde_json::json;

use super::bench::{Bench, id};
use crate::hub::{Config, Notify};
use crate::twin::tests::model::{document, patch, text};
use crate::twin::{Head, Mode, Policy, Precondition, Update};

fn twin_id() -> impl Strategy<Value = String> {
    "(a|b|ab|\\$aws|desired)(/(a|b|get|name))?"
}

#[derive(Clone, Debug)]
enum Request {
    Get,
    Update(serde_json::Value, bool),
    Delete,
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        1 => Just(Request::Get),
        6 => (patch(), any::<bool>()).prop_map(|(patch, replace)| Request::Update(patch, replace)),
        1 => Just(Request::Delete),
    ]
}

fn contents(bench: &Bench) -> BTreeMap<String, (Head, Vec<u8>)> {
    bench
        .hub
        .registry()
        .iter()
        .map(|(id, twin)| {
            let document = twin.document().as_bytes().to_vec();
            (alloc::format!("{id}"), (twin.head(), document))
        })
        .collect()
}

proptest! {
    #[test]
    fn no_request_reads_or_changes_another_twin(
        requests in proptest::collection::vec((twin_id(), request()), 1..30),
        metadata in any::<bool>(),
    ) {
        let config = Config::new()
            .with_policy(Policy::new().with_metadata(metadata))
            .with_notify(Notify { delta: true, desired_patch: true, desired: true, changed: true });
        let mut shared = Bench::new(config);
        // Each twin also has a hub of its own, where nobody else is.
        let mut alone: BTreeMap<String, Bench> = BTreeMap::new();
        for (twin, request) in &requests {
            let own = alone.entry(twin.clone()).or_insert_with(|| Bench::new(config));
            let before = contents(&shared);
            let ask = |bench: &mut Bench| match request {
                Request::Get => bench.get(twin),
                Request::Delete => bench.delete(twin),
                Request::Update(patch, replace) => {
                    let patch = document(patch);
                    let mode = if *replace { Mode::Replace } else { Mode::Merge };
                    bench.update(twin, Update::merge(patch.as_ref()).with_mode(mode))
                }
            };
            prop_assert_eq!(ask(&mut shared), ask(own));
            let after = contents(&shared);
            for (id, content) in &before {
                if id != twin {
                    prop_assert_eq!(after.get(id), Some(content));
                }
            }
            prop_assert!(after.keys().all(|id| id == twin || before.contains_key(id)));
            let own = contents(own);
            prop_assert_eq!(after.get(twin), own.get(twin));
        }
    }

    #[test]
    fn racing_writers_with_versions_lose_no_update(turns in proptest::collection::vec((0_usize..3, any::<bool>()), 1..80)) {
        // Each writer reads a counter and writes it back one higher, if nobody was faster.
        let mut bench = Bench::new(Config::new());
        bench.merge("a", r#"{"reported":{"n":0}}"#);
        let mut read = [None; 3];
        let mut written = 0_u32;
        for (writer, write) in turns {
            let twin = bench.hub.registry().twin(id("a")).unwrap();
            let now = (twin.document().read::<u32>(&["reported", "n"]).unwrap(), twin.versions().twin);
            match read[writer] {
                Some((count, version)) if write => {
                    let patch = document(&json!({"reported": {"n": count + 1}}));
                    let update = Update::merge(patch.as_ref())
                        .with_precondition(Precondition::Version(version));
                    let lines = bench.update("a", update);
                    let accepted = lines[0].contains("updated");
                    prop_assert_eq!(accepted, version == now.1, "{:?}", lines);
                    written += u32::from(accepted);
                    read[writer] = None;
                }
                _ => read[writer] = Some(now),
            }
        }
        let twin = bench.hub.registry().twin(id("a")).unwrap();
        let expected = alloc::format!(r#"{{"reported":{{"n":{written}}}}}"#);
        prop_assert_eq!(text(twin.document()), expected);
        prop_assert_eq!(twin.versions().twin.as_u64(), u64::from(written) + 1);
    }
}
