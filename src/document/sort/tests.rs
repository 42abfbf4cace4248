use alloc::vec::Vec;
use std::time::Instant;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{insertion, listed, merging};
use crate::document::edit;
use crate::document::format;
use crate::document::{DocumentRef, Value};

/// The entries of a map, without its header, and how many bytes they take.
fn entries(pairs: &[(Vec<u8>, u8)], free: usize) -> (Vec<u8>, usize) {
    let mut bytes = alloc::vec![0; 70_000];
    let mut at = 0;
    for (key, value) in pairs {
        at = edit::put_key(&mut bytes, at, key);
        at = edit::put_value(&mut bytes, at, Value::from(u16::from(*value) * 3));
    }
    bytes.truncate(at.wrapping_add(free));
    (bytes, at)
}

fn is_canonical(entries: &[u8]) -> bool {
    let len = u16::try_from(entries.len()).unwrap().to_le_bytes();
    let map = [&[0xCB, len[0], len[1]], entries].concat();
    DocumentRef::from_bytes(&map).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn both_forms_agree_whatever_is_free(
        pairs in vec((vec(b'a'..b'c', 0..10), any::<u8>()), 0..200),
        cut in 0..200_usize,
        free in prop_oneof![Just(0), 1..100_usize, Just(5_000)],
    ) {
        let pairs = &pairs[..cut.min(pairs.len())];
        let (mut small, end) = entries(pairs, 0);
        let mut fast = entries(pairs, free).0;
        let small_end = insertion::sort(&mut small, 0, end);
        let fast_end = merging::sort(&mut fast, 0, end);
        prop_assert_eq!(&fast[..fast_end], &small[..small_end]);
        prop_assert!(is_canonical(&fast[..fast_end]));
    }
}

/// Notes the keys of the entries in front of `end`.
fn noted(bytes: &[u8], end: usize) -> Vec<u64> {
    let mut keys = Vec::new();
    let mut at = 0;
    while at < end {
        let key = format::key_bytes(bytes, at);
        let mut head = [0; 8];
        for (slot, byte) in head.iter_mut().zip(key) {
            *slot = *byte;
        }
        keys.push(listed::digest(at, key.len(), u64::from_le_bytes(head)));
        at = format::entry_end(bytes, at);
    }
    keys
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn noted_keys_sort_as_walked_ones_do(
        pairs in vec((vec(b'a'..b'c', 0..40), any::<u8>()), 0..200),
        cut in 0..200_usize,
        free in prop_oneof![Just(0), 1..100_usize, Just(9_000)],
    ) {
        let pairs = &pairs[..cut.min(pairs.len())];
        let (mut small, end) = entries(pairs, 0);
        let mut fast = entries(pairs, free).0;
        let mut keys = noted(&fast, end);
        let small_end = insertion::sort(&mut small, 0, end);
        let fast_end = listed::sort_listed(&mut fast, 0, end, &mut keys);
        prop_assert_eq!(&fast[..fast_end], &small[..small_end]);
    }
}

proptest! {
    #[test]
    fn both_forms_of_shift_agree(from in 0_usize..20, len in 0_usize..20, dest in 0_usize..20) {
        let mut a: [u8; 40] = core::array::from_fn(|at| u8::try_from(at).unwrap());
        let mut b = a;
        edit::shift(&mut a, from, from.wrapping_add(len), dest);
        edit::shift_bytes(&mut b, from, from.wrapping_add(len), dest);
        prop_assert_eq!(a, b);
    }
}

#[test]
fn hostile_maps_of_ten_thousand_keys_are_sorted_in_time() {
    type Order = fn(u32) -> u32;
    let orders: [Order; 3] = [
        |n| 9_999 - n,
        |n| n.wrapping_mul(7_919) % 10_007,
        |n| if n % 2 == 0 { n / 2 } else { 9_999 - n / 2 },
    ];
    for order in orders {
        let pairs: Vec<_> = (0..10_000)
            .map(|n| {
                let n = order(n);
                let digit = |shift: u32| b'!' + u8::try_from((n >> shift) % 32).unwrap();
                (alloc::vec![digit(10), digit(5), digit(0)], 1)
            })
            .collect();
        for free in [0, 40, 1_000, 65_000] {
            let (mut bytes, end) = entries(&pairs, free);
            let start = Instant::now();
            let sorted = merging::sort(&mut bytes, 0, end);
            std::println!("{free} free: {:?}", start.elapsed());
            assert!(is_canonical(&bytes[..sorted]));
        }
    }
}
