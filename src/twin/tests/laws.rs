//! The laws of a twin, against a model on `serde_json::Value`.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value as Model, json};

use super::model::{N, document, model, patch};
use crate::document::Document;
use crate::document::tests::model::merged;
use crate::time::Timestamp;
use crate::twin::{
    self, Mode, Policy, Precondition, Rejected, Section, SizeLimits, Twin, TwinRef, Update,
    Version, Versions,
};

/// What a twin is by its specification.
#[derive(Clone, Debug, Default)]
struct Oracle {
    content: Map<String, Model>,
    metadata: Map<String, Model>,
    versions: [u64; 3],
}

type String = alloc::string::String;

impl Oracle {
    fn apply(&mut self, patch: &Model, mode: Mode, now: u64) {
        self.versions[0] += 1;
        for (index, key) in ["desired", "reported", "tags"].into_iter().enumerate() {
            let section = match patch {
                Model::Object(map) => map.get(key),
                _ => Some(&Model::Null),
            };
            let Some(section) = section else { continue };
            if index < 2 {
                self.versions[index + 1] += 1;
                let stamp = json!([now, self.versions[index + 1]]);
                step(&mut self.metadata, key, &stamped(section, &stamp), mode);
            }
            step(&mut self.content, key, section, mode);
        }
    }

    fn document(&self) -> Model {
        let mut whole = self.content.clone();
        if !self.metadata.is_empty() {
            whole.insert("metadata".into(), self.metadata.clone().into());
        }
        whole.into()
    }
}

fn step(sections: &mut Map<String, Model>, key: &str, patch: &Model, mode: Mode) {
    let old = match mode {
        Mode::Merge => sections.remove(key),
        Mode::Replace => {
            sections.remove(key);
            None
        }
    };
    let new = merged(&old.unwrap_or(Model::Null), patch);
    if new.as_object().is_some_and(|map| !map.is_empty()) {
        sections.insert(key.into(), new);
    }
}

fn stamped(patch: &Model, stamp: &Model) -> Model {
    match patch {
        Model::Null => Model::Null,
        Model::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), stamped(value, stamp)))
            .collect(),
        _ => stamp.clone(),
    }
}

fn mode() -> impl Strategy<Value = Mode> {
    prop_oneof![4 => Just(Mode::Merge), 1 => Just(Mode::Replace)]
}

/// Applies with a buffer of `C` bytes and checks that an error leaves a copy of the twin before.
fn apply_within<const C: usize>(
    previous: TwinRef<'_>,
    update: &Update<'_>,
    policy: &Policy,
) -> Result<(), Rejected> {
    let mut next = Twin::<C>::new();
    let result = twin::apply(
        previous,
        update,
        Timestamp::EPOCH,
        policy,
        &mut next.as_mut(),
    );
    if result.is_err() {
        let before = if previous.document().as_bytes().len() <= C {
            previous
        } else {
            TwinRef::ABSENT
        };
        assert_eq!(next.as_ref(), before);
    }
    result.map(|_| ())
}

proptest! {
    #[test]
    fn a_twin_is_what_its_updates_make_it(
        updates in vec((patch(), mode()), 1..12),
        metadata in any::<bool>(),
    ) {
        let policy = Policy::new().with_metadata(metadata);
        let mut oracle = Oracle::default();
        let mut twin = Twin::<N>::new();
        let mut next = Twin::<N>::new();
        for (time, (patch, mode)) in (1_700_000_000_000_u64..).zip(&updates) {
            let patch_bytes = document(patch);
            let update = Update::merge(patch_bytes.as_ref()).with_mode(*mode);
            let now = Timestamp::from_millis(time);
            let result = twin::apply(twin.as_ref(), &update, now, &policy, &mut next.as_mut());
            if let Ok(applied) = result {
                oracle.apply(patch, *mode, time);
                if !metadata {
                    oracle.metadata.clear();
                }
                let [all, desired, reported] = oracle.versions.map(Version::new);
                prop_assert_eq!(applied.versions, Versions { twin: all, desired, reported });
                prop_assert_eq!(next.as_ref().versions(), applied.versions);
                prop_assert_eq!(applied.created, !twin.as_ref().exists());
                prop_assert_eq!(next.as_ref().head().updated_at, now);
            } else {
                prop_assert_eq!(&next, &twin);
            }
            prop_assert_eq!(model(next.as_ref().document()), oracle.document());
            twin.assign(next.as_ref()).unwrap();
        }
    }

    #[test]
    fn an_error_changed_nothing(first in patch(), second in patch(), metadata in any::<bool>(), limit in 0_usize..60) {
        let policy = Policy::new().with_metadata(metadata);
        let mut twin = Twin::<N>::new();
        let first = document(&first);
        let _ = twin::apply(
            TwinRef::ABSENT, &Update::merge(first.as_ref()), Timestamp::EPOCH, &policy, &mut twin.as_mut(),
        );
        let second = document(&second);
        let update = Update::merge(second.as_ref());
        let previous = twin.as_ref();
        let small = policy.with_sizes(SizeLimits::NONE.with_state(limit));
        let whole = apply_within::<N>(previous, &update, &policy);
        for result in [
            apply_within::<8>(previous, &update, &policy),
            apply_within::<32>(previous, &update, &policy),
            apply_within::<64>(previous, &update, &policy),
            apply_within::<128>(previous, &update, &policy),
            apply_within::<N>(previous, &update, &small),
            apply_within::<N>(previous, &update.with_precondition(Precondition::Version(Version::new(9))), &small),
        ] {
            prop_assert!(result.is_err() || whole.is_ok());
        }
    }

    #[test]
    fn a_record_is_the_twin_and_damage_is_found(
        patches in vec(patch(), 1..4),
        metadata in any::<bool>(),
        at in any::<prop::sample::Index>(),
        flip in 1_u8..,
        millis in any::<u64>(),
        deleted in any::<bool>(),
    ) {
        let policy = Policy::new().with_metadata(metadata);
        let mut twin = Twin::<N>::new();
        let mut next = Twin::<N>::new();
        for patch in &patches {
            let patch = document(patch);
            let now = Timestamp::from_millis(millis);
            let _ = twin::apply(twin.as_ref(), &Update::merge(patch.as_ref()), now, &policy, &mut next.as_mut());
            twin.assign(next.as_ref()).unwrap();
        }
        if deleted {
            let _ = twin::delete(twin.as_ref(), Precondition::Any, Timestamp::EPOCH, &mut next.as_mut());
        }
        let twin = next.as_ref();
        let mut record = [0; N];
        let len = twin.write_record(&mut record).unwrap();
        prop_assert_eq!(len, twin.record_len());
        prop_assert_eq!(twin.write_record(&mut record[..len - 1]).unwrap_err().needed, len);
        let record = &mut record[..len];
        twin.write_record(record).unwrap();
        prop_assert_eq!(TwinRef::from_record(record), Ok(twin));
        prop_assert_eq!(TwinRef::trusted_body(&record[..len - 4]), twin);
        prop_assert!(TwinRef::from_record(&record[..len - 1]).is_err());
        record[at.index(len)] ^= flip;
        prop_assert!(TwinRef::from_record(record).is_err());
    }

    #[test]
    fn no_bytes_panic_as_a_record(bytes in vec(any::<u8>(), 0..64)) {
        let _ = TwinRef::from_record(&bytes);
        let _ = TwinRef::trusted_body(&bytes);
    }

    #[test]
    fn the_cut_of_all_is_all_and_a_delta_has_all_its_stamps(first in patch(), second in patch()) {
        let policy = Policy::new().with_metadata(true);
        let mut twin = Twin::<N>::new();
        let mut next = Twin::<N>::new();
        for patch in [&first, &second] {
            let patch = document(patch);
            let _ = twin::apply(twin.as_ref(), &Update::merge(patch.as_ref()), Timestamp::EPOCH, &policy, &mut next.as_mut());
            twin.assign(next.as_ref()).unwrap();
        }
        let twin = twin.as_ref();
        let mut cut = Document::<N>::new();
        for section in [Section::Desired, Section::Reported] {
            twin.metadata_of(section, twin.section(section), &mut cut.as_mut()).unwrap();
            prop_assert_eq!(cut.as_ref(), twin.metadata(section));
        }
        let mut delta = Document::<N>::new();
        twin.delta(&mut delta.as_mut()).unwrap();
        twin.metadata_of(Section::Desired, delta.as_ref(), &mut cut.as_mut()).unwrap();
        prop_assert_eq!(stamped(&model(delta.as_ref()), &json!(0)), stamped(&model(cut.as_ref()), &json!(0)));
    }
}

/// What happens to a twin whose desired is compared with what it was.
#[derive(Clone, Debug)]
enum Event {
    Update(Model, Mode),
    Delete,
    /// From now on metadata is kept, or not.
    Metadata(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        20 => (patch(), mode()).prop_map(|(patch, mode)| Event::Update(patch, mode)),
        // Small values at the same few places: what is a leaf becomes a map, and a leaf again.
        20 => (prop::sample::select(&["a", "b"][..]), prop::sample::select(&[
            "1", "2", "[1]", "null", "{}", "{\"c\":1}", "{\"d\":2}", "{\"c\":null}", "{\"c\":{}}",
        ][..]))
            .prop_map(|(key, value)| {
                let value: Model = serde_json::from_str(value).unwrap();
                Event::Update(json!({"desired": {key: value}}), Mode::Merge)
            }),
        1 => Just(Event::Delete),
        1 => any::<bool>().prop_map(Event::Metadata),
    ]
}

proptest! {
    #[test]
    fn what_changed_since_a_version_makes_the_desired_of_then_that_of_now(
        metadata: bool,
        events in vec(event(), 1..24),
    ) {
        let mut twin = Twin::<N>::new();
        let mut metadata = metadata;
        let mut past = alloc::vec![(Version::ZERO, Document::<N>::new())];
        for event in &events {
            let mut next = Twin::<N>::new();
            let now = Timestamp::EPOCH;
            let changed = match event {
                Event::Update(patch, mode) => {
                    let patch = document(patch);
                    let update = Update::merge(patch.as_ref()).with_mode(*mode);
                    let policy = Policy::new().with_metadata(metadata);
                    twin::apply(twin.as_ref(), &update, now, &policy, &mut next.as_mut()).is_ok()
                }
                Event::Delete => {
                    let any = Precondition::Any;
                    twin::delete(twin.as_ref(), any, now, &mut next.as_mut()).is_ok()
                }
                Event::Metadata(keep) => {
                    metadata = *keep;
                    false
                }
            };
            if !changed {
                continue;
            }
            twin = next;
            let twin = twin.as_ref();
            let (version, desired) = (twin.versions().desired, twin.section(Section::Desired));
            for (then, old) in &past {
                let mut patch = Document::<N>::new();
                if twin.desired_since(*then, &mut patch.as_mut()).unwrap() {
                    let mut now = old.clone();
                    now.merge(patch.as_ref()).unwrap();
                    prop_assert_eq!(now.as_ref(), desired, "since {}", then);
                    prop_assert!(patch.as_ref().as_bytes().len() <= desired.as_bytes().len());
                }
            }
            let mut old = Document::new();
            old.assign(desired).unwrap();
            past.push((version, old));
        }
    }
}
