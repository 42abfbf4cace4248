//! The law of the flash log: a save that was acknowledged is what is loaded, wherever power goes.
//!
//! Power goes at every byte of a story of saves and at every byte of what follows ([`every_cut`]), and at
//! random bytes of random lives ([`lives`]), in flash of words of 1, 4, 8 and 32 bytes that is torn in
//! all ways that [`Tear`] knows. `cargo test` goes through all first cuts and some of the second ones; through
//! all of them:
//!
//! ```text
//! CUTS=all SAVES=1000000 cargo test --release --test storage_power_cuts -- --nocapture
//! ```
//!
//! `SAVES` is the number of random saves at each word size. Other stores in the same harness, which says
//! what they lose and asserts nothing:
//!
//! ```text
//! cargo test --release --test storage_power_cuts -- --ignored --nocapture
//! ```

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails here fails"
)]

mod every_cut;
mod lives;
mod stores;
mod tally;

use every_cut::{Story, TEARS, search};
use stores::{Chunks, Map, Ours, OursAsync, Store};
use tally::Tally;
use twinsync::sim::Tear;

/// On four pages of 64 bytes: the first start on blank flash, a record behind another, one of two pages, one
/// that turns the page, and one of two pages that comes round to those of older records. Cut, each
/// of them leaves its own kind of mess for the next: a page half erased, a head, a mark, a body or a seal that is
/// torn; what is written over that is cut again.
const SAVES: [usize; 5] = [9, 9, 90, 30, 90];
/// The same for words of 32 bytes, on pages of 128.
const SAVES_OF_32: [usize; 5] = [9, 9, 120, 40, 120];
/// On two pages, the least there is: each turn erases the record before the last.
const SAVES_ON_TWO: [usize; 5] = [4, 6, 20, 4, 24];

fn number(name: &str) -> Option<u64> {
    let number = std::env::var(name).ok()?;
    Some(number.parse().expect("a number"))
}

/// All first cuts; behind one state in `slice` of those that they leave, or behind each, all second ones.
fn story(pages: usize, saves: &[usize], slice: usize) -> Story<'_> {
    let all = std::env::var("CUTS").is_ok_and(|cuts| cuts == "all");
    Story {
        pages,
        saves,
        cuts: 2,
        tears: TEARS,
        again: if all { 1 } else { slice },
    }
}

fn check<S: Store, const WORD: usize, const PAGE: usize>(story: &Story<'_>) {
    let tally = search::<S, WORD, PAGE>(story);
    tally.say(&format!(
        "every cut of {} saves, words of {WORD}",
        story.saves.len()
    ));
    // A story that never gets anywhere proves nothing.
    assert!(tally.cuts > 2_000 && tally.states > 1_000, "{tally:?}");
    tally.expect_none();
}

#[test]
fn an_acknowledged_save_survives_every_two_cuts_on_two_pages() {
    check::<Ours, 1, 64>(&story(2, &SAVES_ON_TWO, 499));
    check::<Ours, 4, 64>(&story(2, &SAVES_ON_TWO, 499));
    check::<Ours, 8, 64>(&story(2, &SAVES_ON_TWO, 499));
    check::<Ours, 32, 128>(&story(2, &SAVES_ON_TWO, 1_999));
}

#[test]
fn an_acknowledged_save_survives_every_two_cuts_in_words_of_1() {
    check::<Ours, 1, 64>(&story(4, &SAVES, 1_999));
}

#[test]
fn an_acknowledged_save_survives_every_two_cuts_in_words_of_4() {
    check::<Ours, 4, 64>(&story(4, &SAVES, 1_999));
}

#[test]
fn an_acknowledged_save_survives_every_two_cuts_in_words_of_8() {
    check::<Ours, 8, 64>(&story(4, &SAVES, 1_999));
}

#[test]
fn an_acknowledged_save_survives_every_two_cuts_in_words_of_32() {
    check::<Ours, 32, 128>(&story(4, &SAVES_OF_32, 4_999));
}

#[test]
fn the_async_log_survives_every_two_cuts() {
    check::<OursAsync, 4, 64>(&story(4, &SAVES[..3], 499));
}

#[test]
fn an_acknowledged_save_survives_random_cuts() {
    let saves = number("SAVES").unwrap_or(3_000);
    for (name, tally) in [
        ("words of 1", lives::run::<Ours, 1, 128>(saves, 100, TEARS)),
        ("words of 4", lives::run::<Ours, 4, 128>(saves, 100, TEARS)),
        ("words of 8", lives::run::<Ours, 8, 128>(saves, 100, TEARS)),
        (
            "words of 32",
            lives::run::<Ours, 32, 256>(saves, 180, TEARS),
        ),
        (
            "async, words of 8",
            lives::run::<OursAsync, 8, 128>(saves / 10, 100, TEARS),
        ),
    ] {
        tally.say(&format!("random cuts, {name}"));
        tally.expect_none();
    }
}

/// Power goes between bytes only: what the peer's own tests do to it.
const CLEAN: &[Tear] = &[Tear::Clean];
/// And in the middle of bytes and words.
const STABLE: &[Tear] = TEARS.split_at(4).0;

/// What one store loses, in one flash of each kind, on records that fit its pages.
fn compare<S: Store>(name: &str, pages: usize) {
    let saves = number("SAVES").unwrap_or(20_000);
    let small = [9, 9, 20, 14];
    for (tears, how) in [
        (CLEAN, "between bytes"),
        (STABLE, "anywhere"),
        (TEARS, "anywhere, bits dance"),
    ] {
        let story = Story {
            pages,
            saves: &small,
            cuts: 2,
            tears,
            again: if tears == CLEAN { 1 } else { 31 },
        };
        let print = |word: usize, every: Tally, random: Tally| {
            every.say(&format!("{name}, words of {word}, every two cuts {how}"));
            random.say(&format!("{name}, words of {word}, random cuts {how}"));
        };
        let random = lives::run::<S, 1, 256>(saves, 60, tears);
        print(1, search::<S, 1, 128>(&story), random);
        let random = lives::run::<S, 4, 256>(saves, 60, tears);
        print(4, search::<S, 4, 128>(&story), random);
        let random = lives::run::<S, 8, 256>(saves, 60, tears);
        print(8, search::<S, 8, 128>(&story), random);
        let random = lives::run::<S, 32, 512>(saves, 60, tears);
        print(32, search::<S, 32, 256>(&story), random);
    }
}

/// The same harness over `sequential_storage::map`. A record that was begun since the last one that was
/// acknowledged may come and go, and a save that fails counts apart from one that is lost: it is only
/// held to what it acknowledged. What it is refused are words that it writes again after their writing
/// was cut off half-way: this flash lets no word be written twice.
#[test]
#[ignore = "a comparison: run it with --ignored --nocapture"]
fn sequential_storage_in_the_same_harness() {
    compare::<Map>("sequential-storage", 3);
}

/// What `SequentialStore` can promise on top of that: as much as its map keeps.
#[test]
#[ignore = "a comparison: run it with --ignored --nocapture"]
fn our_store_over_sequential_storage_in_the_same_harness() {
    compare::<Chunks>("SequentialStore", 4);
}

#[test]
fn our_store_over_sequential_storage_loses_nothing_to_clean_cuts_in_words_of_4() {
    let story = Story {
        tears: CLEAN,
        ..story(4, &[9, 30, 30], 97)
    };
    let tally = search::<Chunks, 4, 128>(&story);
    tally.say("SequentialStore, words of 4");
    assert_eq!(tally.lost, 0);
}
