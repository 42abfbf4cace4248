//! The bounds: depth 16, keys of 255 bytes, documents of 65,535 bytes.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::super::{
    BuildError, Document, DocumentMut, DocumentRef, EditError, FormatReason, MAX_DEPTH,
    MAX_DOCUMENT, MAX_KEY, diff,
};
use crate::error::CapacityError;

const KEYS: [&str; MAX_DEPTH + 1] = ["k"; MAX_DEPTH + 1];

/// Text of `len` bytes.
fn text(len: usize) -> String {
    "x".repeat(len)
}

#[test]
fn sixteen_maps_deep_is_deep_enough_and_seventeen_is_refused() {
    let mut document = Document::<128>::new();
    document.set(&KEYS[..MAX_DEPTH], 1).unwrap();
    assert_eq!(document.depth(), MAX_DEPTH);
    assert_eq!(document.read(&KEYS[..MAX_DEPTH]), Ok(1));
    assert_eq!(document.leaves().next().unwrap().path.len(), MAX_DEPTH);
    assert!(DocumentRef::from_bytes(document.as_bytes()).is_ok());
    let before = document.clone();
    assert_eq!(document.set(&KEYS, 1), Err(EditError::TooDeep));
    let inner = DocumentRef::EMPTY;
    assert_eq!(
        document.set(&KEYS[..MAX_DEPTH], inner),
        Err(EditError::TooDeep)
    );
    assert_eq!(document, before);
    document.set(&KEYS[..MAX_DEPTH - 1], inner).unwrap();
    assert_eq!(document.depth(), MAX_DEPTH);
}

#[test]
fn the_builder_refuses_the_seventeenth_level() {
    let mut document = Document::<128>::new();
    let mut builder = document.build();
    for _ in 0..MAX_DEPTH {
        builder.begin_array().unwrap();
    }
    assert_eq!(builder.begin_array(), Err(BuildError::TooDeep));
    drop(builder);
    assert!(document.is_empty());
}

#[test]
fn stored_bytes_deeper_than_sixteen_are_refused() {
    // Arrays in arrays, the innermost empty.
    let nested = |depth: usize| -> Vec<u8> {
        (0..depth).fold(vec![], |inner, _| {
            let len = u16::try_from(inner.len()).unwrap().to_le_bytes();
            [&[0xCA][..], &len, &inner].concat()
        })
    };
    assert!(DocumentRef::from_bytes(&nested(MAX_DEPTH)).is_ok());
    let error = DocumentRef::from_bytes(&nested(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(
        (error.offset, error.reason),
        (3 * MAX_DEPTH, FormatReason::TooDeep)
    );
    let error = DocumentRef::from_bytes(&nested(10_000)).unwrap_err();
    assert_eq!(error.reason, FormatReason::TooDeep);
}

#[test]
fn merge_and_diff_walk_all_sixteen_levels() {
    let mut base = Document::<256>::new();
    base.set(&KEYS[..MAX_DEPTH], 1).unwrap();
    let mut changed = base.clone();
    changed.set(&KEYS[..MAX_DEPTH], "one").unwrap();
    let mut patch = Document::<256>::new();
    diff(base.as_ref(), changed.as_ref(), &mut patch.as_mut()).unwrap();
    base.merge(patch.as_ref()).unwrap();
    assert_eq!(base, changed);
    assert!(base.remove(&KEYS[..MAX_DEPTH]));
    assert_eq!(base.depth(), MAX_DEPTH);
}

#[test]
fn a_key_of_255_bytes_works_everywhere_and_one_of_256_nowhere() {
    let (longest, shorter, longer) = (text(MAX_KEY), text(MAX_KEY - 1), text(MAX_KEY + 1));
    let mut document = Document::<2048>::new();
    for (index, key) in [&longest, &shorter].into_iter().enumerate() {
        document
            .set(&[key, "in"], i64::try_from(index).unwrap())
            .unwrap();
    }
    assert_eq!(document.read(&[&longest, "in"]), Ok(0));
    assert_eq!(document.read(&[&shorter, "in"]), Ok(1));
    assert_eq!(
        DocumentRef::from_bytes(document.as_bytes()),
        Ok(document.as_ref())
    );
    let mut patch = Document::<2048>::new();
    patch.set(&[&longest, "in"], "new").unwrap();
    patch.set(&[&shorter], super::super::Value::Null).unwrap();
    document.merge(patch.as_ref()).unwrap();
    assert_eq!(document.read(&[&longest, "in"]), Ok("new"));
    assert_eq!(document.value(&[&shorter]), None);
    let before = document.clone();
    assert_eq!(document.set(&[&longer], 1), Err(EditError::KeyTooLong));
    assert_eq!(document.set(&["a", &longer], 1), Err(EditError::KeyTooLong));
    assert_eq!(document.value(&[&longer]), None);
    assert!(!document.remove(&[&longer]));
    assert_eq!(document, before);
    let mut built = Document::<512>::new();
    let mut builder = built.build();
    builder.begin_map().unwrap();
    assert_eq!(builder.key(&longer), Err(BuildError::KeyTooLong));
}

#[test]
fn a_document_may_be_65_535_bytes_long_and_no_longer() {
    // A buffer with more room than a document may have.
    let (mut bytes, mut len) = (vec![0; MAX_DOCUMENT + 100], 0);
    let mut document = DocumentMut::new(&mut bytes, &mut len).unwrap();
    assert_eq!(document.capacity(), MAX_DOCUMENT);
    // Around the text: two headers of three bytes, the key and its length.
    let most = MAX_DOCUMENT - 8;
    document.set(&["a"], text(most).as_str()).unwrap();
    assert_eq!(document.as_ref().as_bytes().len(), MAX_DOCUMENT);
    assert!(DocumentRef::from_bytes(document.as_ref().as_bytes()).is_ok());
    let full = CapacityError {
        needed: MAX_DOCUMENT + 1,
        capacity: MAX_DOCUMENT,
    };
    let error = document.set(&["a"], text(most + 1).as_str());
    assert_eq!(error, Err(EditError::Capacity(full)));
    assert_eq!(document.as_ref().as_bytes().len(), MAX_DOCUMENT);

    let mut patch = Document::<16>::new();
    patch.set(&["b"], 1).unwrap();
    let error = document.merge(patch.as_ref()).unwrap_err();
    assert_eq!(error.needed, MAX_DOCUMENT + 3);
    patch.set(&["a"], "short").unwrap();
    document.merge(patch.as_ref()).unwrap();
    assert_eq!(document.as_ref().read(&["a"]), Ok("short"));
    assert_eq!(document.as_ref().read(&["b"]), Ok(1));
}

#[test]
fn the_builder_fills_65_535_bytes_and_no_more() {
    let (mut bytes, mut len) = (vec![0; MAX_DOCUMENT + 100], 0);
    for (extra, fits) in [(0, true), (1, false)] {
        let document = DocumentMut::new(&mut bytes, &mut len).unwrap();
        let mut builder = document.build();
        builder.begin_array().unwrap();
        let built = builder
            .value(text(MAX_DOCUMENT - 6 + extra).as_str())
            .and_then(|()| builder.end())
            .and_then(|()| builder.finish());
        assert_eq!(built.is_ok(), fits);
        assert_eq!(len, if fits { MAX_DOCUMENT } else { 3 });
    }
}

#[test]
fn a_long_merge_ends_exactly_at_65_535_bytes() {
    let (mut bytes, mut len) = (vec![0; MAX_DOCUMENT], 0);
    let mut document = DocumentMut::new(&mut bytes, &mut len).unwrap();
    document.set(&["a"], text(30_000).as_str()).unwrap();
    document.set(&["c"], text(5_000).as_str()).unwrap();
    let (mut patch_bytes, mut patch_len) = (vec![0; MAX_DOCUMENT], 0);
    let mut patch = DocumentMut::new(&mut patch_bytes, &mut patch_len).unwrap();
    let left = MAX_DOCUMENT - document.as_ref().as_bytes().len();
    patch.set(&["b"], text(left - 5).as_str()).unwrap();
    document.merge(patch.as_ref()).unwrap();
    assert_eq!(document.as_ref().as_bytes().len(), MAX_DOCUMENT);
    assert!(DocumentRef::from_bytes(document.as_ref().as_bytes()).is_ok());
}

#[test]
fn stored_bytes_longer_than_65_535_are_refused() {
    let error = DocumentRef::from_bytes(&vec![0xC0; MAX_DOCUMENT + 1]).unwrap_err();
    assert_eq!(error.reason, FormatReason::TooLong);
    let error = Document::<4>::from_bytes(&[0xCB, 2, 0, 0, 1]).unwrap_err();
    assert_eq!((error.offset, error.reason), (4, FormatReason::TooLong));
}
