//! Merge, diff, bounded diff, delta and single edits against a model on `serde_json`, at capacities
//! where they may fail: an error changed nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value as Model;
use twinsync::document::{Document, DocumentMut, DocumentRef, Extent, delta, diff, diff_within};
use twinsync_fuzz::{Input, build, map, merged, missing, model, tree};

const N: usize = 8192;

fn document(model: &Model) -> Option<Document<N>> {
    let mut document = Document::<N>::new();
    let mut builder = document.build();
    build(&mut builder, model).ok()?;
    builder.finish().ok()?;
    Some(document)
}

fn check(document: DocumentRef<'_>, expected: &Model) {
    assert_eq!(model(document.root()), *expected);
    DocumentRef::from_bytes(document.as_bytes()).expect("canonical");
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let spare = input.below(64);
    let limit = usize::from(input.byte());
    let base = map(&mut input, 4, false);
    let patch = if input.byte() == 0 {
        tree(&mut input, 0, true)
    } else {
        map(&mut input, 4, true)
    };
    let (Some(from), Some(change)) = (document(&base), document(&patch)) else {
        return;
    };
    check(from.as_ref(), &base);
    let expected = merged(&base, &patch);

    // Merge in a buffer that may be too short.
    let mut bytes = vec![0xAA; from.as_bytes().len() + spare];
    let mut len = 0;
    let mut target = DocumentMut::new(&mut bytes, &mut len).expect("room for the old document");
    target.assign(from.as_ref()).expect("fits");
    let whole = document(&expected).expect("a merge is no larger than both");
    match target.merge(change.as_ref()) {
        Ok(()) => check(target.as_ref(), &expected),
        Err(error) => {
            assert_eq!(target.as_ref(), from.as_ref(), "an error changed nothing");
            assert!(error.needed > error.capacity);
            assert!(whole.as_bytes().len() > error.capacity, "{error:?}");
        }
    }

    if !expected.is_object() {
        return;
    }
    // The way back and forth.
    let mut out = Document::<N>::new();
    if diff(whole.as_ref(), from.as_ref(), &mut out.as_mut()).is_ok() {
        let mut again = whole.clone();
        again.merge(out.as_ref()).expect("it was there before");
        assert_eq!(again, from);
    }

    // The same in parts.
    let mut at = from.clone();
    for _ in 0..1_000 {
        if at == whole {
            break;
        }
        match diff_within(at.as_ref(), whole.as_ref(), limit, &mut out.as_mut()) {
            Ok(extent) => {
                assert!(out.as_bytes().len() <= limit);
                let before = at.clone();
                at.merge(out.as_ref()).expect("fits");
                assert_ne!(before, at, "each part makes progress");
                assert!(extent == Extent::Part || at == whole);
            }
            Err(error) => {
                assert!(error.needed > limit);
                break;
            }
        }
    }

    // Delta.
    delta(whole.as_ref(), from.as_ref(), &mut out.as_mut()).expect("no larger than desired");
    check(out.as_ref(), &missing(&expected, &base));

    // Single edits.
    let mut edited = from.clone();
    let mut expected = base.clone();
    for leaf in whole.as_ref().leaves() {
        if leaf.path.is_empty() {
            continue;
        }
        edited.set(&leaf.path, leaf.value).expect("fits");
        put(&mut expected, &leaf.path, model(leaf.value));
    }
    check(edited.as_ref(), &expected);
    for leaf in whole.as_ref().leaves() {
        if !leaf.path.is_empty() {
            assert!(edited.remove(&leaf.path));
        }
    }
});

fn put(target: &mut Model, path: &[&str], value: Model) {
    let (key, rest) = path.split_first().expect("not the root");
    if !target.is_object() {
        *target = Model::Object(serde_json::Map::new());
    }
    let map = target.as_object_mut().expect("just made");
    if rest.is_empty() {
        map.insert((*key).to_owned(), value);
    } else {
        put(map.entry(*key).or_insert(Model::Null), rest, value);
    }
}
