//! Untrusted stored bytes: either refused, or every read of them is sound and they are canonical.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::document::{Document, DocumentRef, Value, delta, diff, diff_within};
use twinsync_fuzz::{build, model};

fuzz_target!(|bytes: &[u8]| {
    let Ok(document) = DocumentRef::from_bytes(bytes) else {
        return;
    };
    assert_eq!(document.as_bytes(), bytes);
    let depth = document.depth();
    for leaf in document.leaves() {
        assert!(leaf.path.len() <= depth);
        assert!(
            document.value(&leaf.path).is_some(),
            "a leaf is found by its path"
        );
    }
    walk(document.root());

    // Canonical: what is built anew from the values has the same bytes.
    if decimals(document.root()) {
        return;
    }
    let mut copy = Document::<65535>::new();
    let mut builder = copy.build();
    build(&mut builder, &model(document.root())).expect("what was valid can be built");
    builder.finish().expect("complete");
    assert_eq!(copy.as_bytes(), bytes);

    if !document.is_map() {
        return;
    }
    copy.clear();
    copy.merge(document).expect("fits");
    let mut out = Document::<65535>::new();
    delta(document, document, &mut out.as_mut()).expect("fits");
    assert!(out.is_empty());
    delta(document, DocumentRef::EMPTY, &mut out.as_mut()).expect("fits");
    assert_eq!(out.as_ref(), document);
    let _ = diff(document, DocumentRef::EMPTY, &mut out.as_mut());
    let _ = diff_within(DocumentRef::EMPTY, document, 40, &mut out.as_mut());
});

/// Builds know integers only: whether there is a number that is none.
fn decimals(value: Value<'_>) -> bool {
    match value {
        Value::Number(number) => number.as_i64().is_none(),
        Value::Array(array) => array.iter().any(decimals),
        Value::Map(map) => map.iter().any(|(_, value)| decimals(value)),
        _ => false,
    }
}

fn walk(value: Value<'_>) {
    match value {
        Value::Number(number) => {
            let mut text = [0; twinsync::document::Number::MAX_TEXT];
            let len = number.write_text(&mut text);
            let again = twinsync::document::Number::parse(&text[..len]).expect("its own text");
            assert_eq!(again, number);
        }
        Value::Array(array) => array.iter().for_each(walk),
        Value::Map(map) => {
            for (key, value) in map.iter() {
                assert_eq!(map.value(key), Some(value));
                walk(value);
            }
        }
        _ => {}
    }
}
