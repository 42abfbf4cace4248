//! An `Err` changed nothing: neither the bytes of a document nor its length.

use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::super::{Document, DocumentMut, DocumentRef, EditError, delta, diff, diff_within};
use super::laws::{N, document, key, map, tree};
use crate::error::CapacityError;

/// Runs `change` on a copy of `start` in exactly `capacity` bytes, and on a roomy one: if it fails in
/// the tight one, `needed` is what the roomy one took and nothing was changed.
fn tight<E: Copy>(
    start: DocumentRef<'_>,
    capacity: usize,
    needed: impl Fn(E) -> Option<CapacityError>,
    change: impl Fn(&mut DocumentMut<'_>) -> Result<(), E>,
) {
    let in_bytes = |capacity: usize| -> (Result<(), E>, Vec<u8>) {
        let (mut bytes, mut len) = (vec![0; capacity], 0);
        let mut copy = DocumentMut::new(&mut bytes, &mut len).unwrap();
        copy.assign(start).unwrap();
        let outcome = change(&mut copy);
        (outcome, copy.as_ref().as_bytes().to_vec())
    };
    let (roomy, expected) = in_bytes(4 * N);
    let (outcome, bytes) = in_bytes(capacity.max(start.as_bytes().len()));
    match outcome {
        Ok(()) => {
            assert!(roomy.is_ok());
            assert_eq!(bytes, expected);
        }
        Err(error) => {
            assert_eq!(bytes, start.as_bytes());
            if let Some(error) = needed(error) {
                assert_eq!(error.needed, expected.len());
                assert!(error.needed > error.capacity);
            }
        }
    }
}

proptest! {
    #[test]
    fn set_is_all_or_nothing(start in map(false), path in proptest::collection::vec(key(), 0..4), value in tree(false), more in 0_usize..200) {
        let (start, value) = (document(&start), document(&value));
        let path: Vec<&str> = path.iter().map(|key| &**key).collect();
        let needed = |error| match error {
            EditError::Capacity(error) => Some(error),
            _ => None,
        };
        tight(start.as_ref(), start.as_bytes().len() + more, needed, |copy| copy.set(&path, value.as_ref()));
    }

    #[test]
    fn assign_is_all_or_nothing(start in tree(false), next in tree(false)) {
        let (start, next) = (document(&start), document(&next));
        tight(start.as_ref(), 3, Some, |copy| copy.assign(next.as_ref()));
    }

    #[test]
    fn delta_and_diff_are_all_or_nothing(a in tree(false), b in tree(false), old in tree(false), room in 3_usize..300) {
        let (a, b, old) = (document(&a), document(&b), document(&old));
        tight(old.as_ref(), room, Some, |out| delta(a.as_ref(), b.as_ref(), out));
        tight(old.as_ref(), room, Some, |out| diff(a.as_ref(), b.as_ref(), out));
    }

    #[test]
    fn a_part_of_a_diff_fits_its_limit_or_nothing_is_written(a in tree(false), b in tree(false), limit in 0_usize..60) {
        let (a, b) = (document(&a), document(&b));
        let mut out = Document::<64>::new();
        out.set(&["old"], 1).unwrap();
        let before = out.clone();
        match diff_within(a.as_ref(), b.as_ref(), limit, &mut out.as_mut()) {
            Ok(_) => {
                prop_assert!(out.as_bytes().len() <= limit);
                prop_assert!(DocumentRef::from_bytes(out.as_bytes()).is_ok());
            }
            Err(error) => {
                prop_assert_eq!(&out, &before);
                prop_assert!(error.needed > limit);
                // What is said to be enough is enough.
                let mut roomy = Document::<N>::new();
                prop_assert!(diff_within(a.as_ref(), b.as_ref(), error.needed, &mut roomy.as_mut()).is_ok());
            }
        }
    }

    #[test]
    fn removing_what_is_not_there_changes_nothing(start in map(false), path in proptest::collection::vec(key(), 1..4)) {
        let mut copy = document(&start);
        let before = copy.clone();
        let path: Vec<&str> = path.iter().map(|key| &**key).collect();
        let there = copy.value(&path).is_some();
        prop_assert_eq!(copy.remove(&path), there);
        prop_assert!(there || copy == before);
        prop_assert!(!copy.remove(&path));
    }
}

#[test]
fn a_buffer_of_two_bytes_is_no_document() {
    let (mut bytes, mut len) = ([0; 2], 0);
    let error = DocumentMut::new(&mut bytes, &mut len).unwrap_err();
    assert_eq!((error.needed, error.capacity), (3, 2));
}

#[test]
fn the_root_can_be_set_replaced_and_removed() {
    let mut document = Document::<16>::new();
    document.set(&[], 7).unwrap();
    assert_eq!(document.read(&[]), Ok(7));
    document.set(&["a"], 1).unwrap();
    assert_eq!(
        document.read(&["a"]),
        Ok(1),
        "what is not a map is replaced"
    );
    assert!(document.remove(&[]));
    assert!(document.is_empty());
}
