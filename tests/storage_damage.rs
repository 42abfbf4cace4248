//! Damage is told, never believed: every bit of a flash image turned round, and every two of chance's
//! choice. And wear is spread evenly.
//!
//! What a load gives from damaged flash is the last record that was acknowledged; or an older one that
//! was, and the word that something is damaged; or none, and that word. It is never anything else.
//!
//! `SAVES=100000 cargo test --release --test storage_damage` wears flash out for longer, and turns more
//! pairs round.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails here fails"
)]

use twinsync::sim::{Flash, Random};
use twinsync::storage::{FlashLog, Geometry, Health, Saved};

fn saves(usual: u64) -> u64 {
    let saves = std::env::var("SAVES").ok();
    saves.map_or(usual, |saves| saves.parse().expect("a number"))
}

/// Some bytes that differ from record to record.
fn record(number: usize, len: usize) -> Vec<u8> {
    let mut random = Random::new(number as u64);
    (0..len).map(|_| random.number() as u8).collect()
}

fn log<const WORD: usize, const PAGE: usize>(
    flash: &mut Flash<WORD, PAGE>,
) -> FlashLog<&mut Flash<WORD, PAGE>> {
    let end = flash.bytes().len() as u32;
    FlashLog::new(flash, 0..end).unwrap()
}

/// Loads from a flash in which some of the bits of `flips` are turned round, and looks at what is found.
fn look<const WORD: usize, const PAGE: usize>(
    flash: &Flash<WORD, PAGE>,
    records: &[Vec<u8>],
    flips: &[usize],
) {
    let mut flash = flash.clone();
    for bit in flips {
        flash.flip(bit / 8, (bit % 8) as u32);
    }
    let what = || format!("words of {WORD}, {} records, {flips:?}", records.len());
    let mut buffer = [0; 512];
    let loaded = log(&mut flash).load(&mut buffer).unwrap();
    let found = loaded.record;
    let is_last = found == records.last().map(Vec::as_slice);
    let was_saved = found.is_none_or(|found| records.iter().any(|it| it == found));
    assert!(was_saved, "{}: a record that never was", what());
    assert!(
        is_last || loaded.health == Health::Damaged,
        "{}: {:?}",
        what(),
        loaded.health
    );
    // And the log goes on.
    let next = record(1_000, 20);
    let mut log = log(&mut flash);
    assert_eq!(log.save(&next).unwrap(), Saved::Written, "{}", what());
    let loaded = log.load(&mut buffer).unwrap();
    assert_eq!(loaded.record, Some(&next[..]), "{}", what());
}

fn flip_all<const WORD: usize, const PAGE: usize>(pages: usize, lens: &[usize]) {
    let mut flash: Flash<WORD, PAGE> = Flash::new(pages);
    let mut records = Vec::new();
    let mut random = Random::new(WORD as u64);
    for (number, len) in lens.iter().enumerate() {
        records.push(record(number, *len));
        log(&mut flash).save(&records[number]).unwrap();
        let bits = flash.bytes().len() * 8;
        for bit in 0..bits {
            look(&flash, &records, &[bit]);
        }
        for _ in 0..saves(200) {
            let mut bit = || random.below(bits as u64) as usize;
            look(&flash, &records, &[bit(), bit()]);
        }
    }
}

#[test]
fn every_flipped_bit_is_told_or_does_not_matter() {
    // The last records but one are of one page, of two pages, and short.
    flip_all::<1, 64>(4, &[9, 9, 30, 90, 5]);
    flip_all::<4, 64>(4, &[9, 9, 30, 90, 5]);
    flip_all::<8, 64>(4, &[9, 9, 20, 80, 5]);
    flip_all::<32, 128>(4, &[9, 40, 120, 5]);
}

/// Saves records of `len` bytes, each another one, with a restart before every hundredth.
fn wear<const WORD: usize, const PAGE: usize>(pages: usize, len: usize, saves: u64) {
    let mut flash: Flash<WORD, PAGE> = Flash::new(pages);
    let mut number: u64 = 0;
    while number < saves {
        let mut log = log(&mut flash);
        for _ in 0..100.min(saves - number) {
            let mut record = vec![7; len];
            record[..8].copy_from_slice(&number.to_le_bytes());
            assert_eq!(log.save(&record).unwrap(), Saved::Written);
            number += 1;
        }
    }
    let most = *flash.erases().iter().max().unwrap();
    let least = *flash.erases().iter().min().unwrap();
    println!("{saves} saves of {len} bytes, {pages} pages of {PAGE}: {least} to {most} erases");
    assert!(most - least <= 1, "{:?}", flash.erases());
    // What the documentation promises for that many erases is what they were good for.
    let geometry = Geometry::new(0, PAGE as u32, pages as u32, WORD as u32).unwrap();
    assert!(geometry.saves(len, u64::from(most)) >= saves);
    assert!(geometry.saves(len, u64::from(least.saturating_sub(1))) <= saves);
}

#[test]
fn pages_are_erased_alike_however_many_saves() {
    let saves = saves(3_000);
    wear::<1, 128>(2, 20, saves);
    wear::<4, 128>(3, 100, saves);
    wear::<4, 128>(5, 150, saves);
    wear::<8, 256>(7, 30, saves);
    wear::<32, 256>(6, 300, saves);
}

#[test]
fn a_record_that_does_not_change_is_written_once_however_often_it_is_saved() {
    let mut flash: Flash<4, 128> = Flash::new(2);
    log(&mut flash).save(b"the same").unwrap();
    let moved = flash.moved();
    for _ in 0..1_000 {
        assert_eq!(log(&mut flash).save(b"the same").unwrap(), Saved::Unchanged);
    }
    assert_eq!(flash.moved(), moved);
}
