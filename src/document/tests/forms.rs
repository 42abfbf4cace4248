//! What exists in two forms, one for small targets and one for large ones: both do the same.
//!
//! The whole suite runs on the small forms where a pointer has 32 bits; here both meet on one host.

use proptest::prelude::*;

use super::super::delta::Sink;
use super::super::merge::{self, Pass};
use super::super::{DocumentMut, diff};
use super::laws::{N, document, map};
use super::model::merged;

/// What a difference is asked for, beside the two documents.
#[derive(Clone, Copy, Debug)]
struct Asked {
    removals: bool,
    limit: usize,
    parts: bool,
}

fn asked() -> impl Strategy<Value = Asked> {
    let bounded = (3_usize..300).prop_map(|limit| Asked {
        removals: true,
        limit,
        parts: true,
    });
    let whole = any::<bool>().prop_map(|removals| Asked {
        removals,
        limit: usize::MAX,
        parts: false,
    });
    prop_oneof![bounded, whole]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_merge_place_by_place_is_the_merge_in_one_go(base in map(false), patch in map(true)) {
        let (mut at_once, patch) = (document(&base), document(&patch));
        let mut by_place = at_once.clone();
        at_once.merge(patch.as_ref()).unwrap();
        let DocumentMut { bytes, len } = by_place.as_mut();
        merge::walk(bytes, len, patch.as_bytes(), Pass::Apply);
        prop_assert_eq!(by_place, at_once);
    }

    #[test]
    fn a_difference_by_entries_is_the_difference_by_runs(
        base in map(false), patch in map(true), other in map(false), related: bool, asked in asked(),
    ) {
        let to = if related { merged(&base, &patch) } else { other };
        let (from, to) = (document(&base), document(&to));
        let (mut left, mut right) = ([0; 2 * N], [0; 2 * N]);
        let mut by_runs = Sink::new(&mut left, asked.limit, asked.parts);
        let mut by_entries = Sink::new(&mut right, asked.limit, asked.parts);
        let len = by_runs.difference::<true>(from.as_ref(), to.as_ref(), asked.removals);
        let other = by_entries.difference::<false>(from.as_ref(), to.as_ref(), asked.removals);
        prop_assert_eq!(by_runs.passed_over, by_entries.passed_over);
        prop_assert_eq!(&left[..len], &right[..other]);
    }
}

#[test]
fn equal_documents_have_no_difference_in_either_form() {
    let some = document(&serde_json::json!({ "a": 1, "b": { "c": [1, 2] }, "d": {} }));
    let mut out = some.clone();
    diff(some.as_ref(), some.as_ref(), &mut out.as_mut()).unwrap();
    assert!(out.is_empty());
    let mut bytes = [0; N];
    let len = Sink::new(&mut bytes, usize::MAX, false).difference::<false>(
        some.as_ref(),
        some.as_ref(),
        true,
    );
    assert_eq!(bytes[..len], *out.as_bytes());
}
