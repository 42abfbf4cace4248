use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use crate::error::{BufferTooSmall, CapacityError};
use crate::storage::{Found, Geometry, GeometryError, Health, Log, LogFault, Request, Saved};

const PAGE: u32 = 128;

/// Flash as bytes; which pages were erased is written down, and nothing is written twice.
struct Flash {
    bytes: Vec<u8>,
    erased: Vec<u32>,
    writes: usize,
    reads: usize,
    /// Addresses from which on writes fail.
    bad: Option<core::ops::Range<u32>>,
    /// Addresses of bytes one bit of which stays as it is when erased, and nobody says so.
    stuck: Option<core::ops::Range<usize>>,
    /// Whether reads fail.
    mute: bool,
}

impl Flash {
    fn new(pages: u32) -> Self {
        Self {
            bytes: vec![0xFF; (pages * PAGE) as usize],
            erased: Vec::new(),
            writes: 0,
            reads: 0,
            bad: None,
            stuck: None,
            mute: false,
        }
    }

    fn serve(&mut self, request: Request<'_>) -> bool {
        match request {
            Request::Read { at, into } => {
                self.reads += 1;
                if self.mute {
                    return false;
                }
                let at = at as usize;
                into.copy_from_slice(&self.bytes[at..at + into.len()]);
            }
            Request::Write { at, bytes } => {
                self.writes += 1;
                if self.bad.as_ref().is_some_and(|bad| bad.contains(&at)) {
                    return false;
                }
                let room = &mut self.bytes[at as usize..at as usize + bytes.len()];
                assert!(room.iter().all(|byte| *byte == 0xFF), "written twice");
                room.copy_from_slice(bytes);
                for at in self.stuck.clone().unwrap_or_default() {
                    self.bytes[at] |= 0x10;
                }
            }
            Request::Erase { from, to } => {
                assert_eq!(to - from, PAGE);
                self.erased.push(from / PAGE);
                self.bytes[from as usize..to as usize].fill(0xFF);
            }
        }
        true
    }

    fn save(&mut self, log: &mut Log, record: &[u8]) -> Result<Saved, LogFault> {
        let mut save = log.save(record);
        while let Some(request) = save.poll() {
            if !self.serve(request) {
                save.handle_failed();
            }
        }
        save.finish()
    }

    fn load(&mut self, log: &mut Log, out: &mut [u8]) -> Result<Found, LogFault> {
        let mut load = log.load(out);
        while let Some(request) = load.poll() {
            if !self.serve(request) {
                load.handle_failed();
            }
        }
        load.finish()
    }

    fn loaded(&mut self, log: &mut Log) -> (Option<Vec<u8>>, Health) {
        let mut out = [0; 1024];
        let found = self.load(log, &mut out).unwrap();
        (found.len.map(|len| out[..len].to_vec()), found.health)
    }
}

fn log(pages: u32, word: u32) -> Log {
    Log::new(Geometry::new(0, PAGE, pages, word).unwrap())
}

#[test]
fn the_bytes_are_those_of_the_table() {
    let (mut flash, mut log) = (Flash::new(2), log(2, 4));
    flash.save(&mut log, b"abcde").unwrap();
    let head = [0x4C, 1, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(flash.bytes[..12], head);
    assert_eq!(flash.bytes[16..24], *b"abcde\xFF\xFF\xFF");
    let check = super::super::check::Check::new();
    assert_eq!(flash.bytes[12..16], check.over(&head).sum());
    let seal = check.over(&flash.bytes[..16]).over(b"abcde").sum();
    assert_eq!(flash.bytes[24..28], seal);
    assert!(flash.bytes[28..].iter().all(|byte| *byte == 0xFF));
}

#[test]
fn pages_wear_alike() {
    for (pages, len) in [(2, 30), (3, 100), (5, 150), (7, 300)] {
        let (mut flash, mut log) = (Flash::new(pages), log(pages, 4));
        for save in 0..210_u32 {
            let mut record = vec![7; len];
            record[..4].copy_from_slice(&save.to_le_bytes());
            flash.save(&mut log, &record).unwrap();
        }
        let erases = |page| flash.erased.iter().filter(|it| **it == page).count();
        let counts: Vec<_> = (0..pages).map(erases).collect();
        let spread = counts.iter().max().unwrap() - counts.iter().min().unwrap();
        assert!(spread <= 1, "{pages} pages, {len} bytes: {counts:?}");
    }
}

#[test]
fn nothing_is_written_without_a_change() {
    let (mut flash, mut log) = (Flash::new(2), log(2, 8));
    assert_eq!(flash.save(&mut log, b"same"), Ok(Saved::Written));
    let writes = flash.writes;
    for _ in 0..3 {
        assert_eq!(flash.save(&mut log, b"same"), Ok(Saved::Unchanged));
        log = Log::new(*log.geometry());
    }
    assert_eq!(flash.writes, writes);
    assert_eq!(flash.save(&mut log, b"samf"), Ok(Saved::Written));
}

#[test]
fn many_records_share_a_page_and_one_erase() {
    let (mut flash, mut log) = (Flash::new(4), log(4, 1));
    for save in 0..4_u8 {
        flash.save(&mut log, &[save; 5]).unwrap();
        // A restart in between changes nothing.
        log = Log::new(*log.geometry());
    }
    assert_eq!(flash.erased, [0]);
    flash.save(&mut log, &[9; 5]).unwrap();
    assert_eq!(flash.erased, [0, 1]);
}

#[test]
fn what_is_too_long_is_refused_before_anything_is_touched() {
    for word in [1, 4, 8, 32] {
        let (mut flash, mut log) = (Flash::new(4), log(4, word));
        let capacity = log.geometry().capacity();
        let long = vec![1; capacity + 1];
        let error = LogFault::TooLong(CapacityError {
            needed: capacity + 1,
            capacity,
        });
        assert_eq!(flash.save(&mut log, &long), Err(error));
        assert_eq!(flash.reads + flash.writes, 0);
        assert_eq!(flash.save(&mut log, &long[1..]), Ok(Saved::Written));
        assert_eq!(flash.loaded(&mut log).0.as_deref(), Some(&long[1..]));
        let error = LogFault::BufferTooSmall(BufferTooSmall { needed: capacity });
        assert_eq!(flash.load(&mut log, &mut [0; 3]), Err(error));
    }
}

#[test]
fn an_empty_record_is_a_record() {
    let (mut flash, mut log) = (Flash::new(2), log(2, 4));
    assert_eq!(flash.loaded(&mut log), (None, Health::Whole));
    assert_eq!(flash.save(&mut log, b""), Ok(Saved::Written));
    assert_eq!(flash.save(&mut log, b""), Ok(Saved::Unchanged));
    assert_eq!(flash.loaded(&mut log), (Some(vec![]), Health::Whole));
}

#[test]
fn a_page_that_the_flash_refuses_is_gone_round() {
    let (mut flash, mut log) = (Flash::new(4), log(4, 4));
    flash.save(&mut log, b"first").unwrap();
    // Behind the first record, words cannot be written any more: the next page takes the second.
    flash.bad = Some(28..128);
    assert_eq!(flash.save(&mut log, b"second"), Ok(Saved::Written));
    assert_eq!(flash.erased, [0, 1]);
    // The whole next page cannot: this save fails, the one after it goes on behind.
    flash.bad = Some(0..384);
    assert_eq!(flash.save(&mut log, &[3; 100]), Err(LogFault::Refused));
    assert_eq!(flash.loaded(&mut log).0.as_deref(), Some(&b"second"[..]));
    assert_eq!(flash.save(&mut log, &[3; 100]), Ok(Saved::Written));
    assert_eq!(flash.loaded(&mut log), (Some(vec![3; 100]), Health::Whole));
}

#[test]
fn a_page_that_keeps_something_else_is_gone_round() {
    let (mut flash, mut log) = (Flash::new(4), log(4, 4));
    flash.save(&mut log, &[1; 90]).unwrap();
    flash.stuck = Some(128..256);
    assert_eq!(flash.save(&mut log, &[2; 90]), Err(LogFault::NotKept));
    assert_eq!(flash.loaded(&mut log).0, Some(vec![1; 90]));
    for save in 3..30 {
        // Each round comes to the bad page once more; the save behind it does not.
        let saved = flash.save(&mut log, &[save; 90]);
        if saved == Err(LogFault::NotKept) {
            assert_eq!(flash.save(&mut log, &[save; 90]), Ok(Saved::Written));
        }
        log = Log::new(*log.geometry());
        assert_eq!(flash.loaded(&mut log).0, Some(vec![save; 90]));
    }
}

#[test]
fn flash_that_cannot_be_read_is_an_error_and_not_an_empty_one() {
    let (mut flash, mut log) = (Flash::new(2), log(2, 4));
    flash.save(&mut log, b"kept").unwrap();
    flash.mute = true;
    assert_eq!(flash.load(&mut log, &mut [0; 16]), Err(LogFault::Refused));
    log = Log::new(*log.geometry());
    assert_eq!(flash.save(&mut log, b"next"), Err(LogFault::Refused));
    flash.mute = false;
    assert_eq!(
        flash.loaded(&mut log),
        (Some(b"kept".to_vec()), Health::Whole)
    );
}

#[test]
fn a_seal_that_lacks_a_bit_or_two_is_damaged_and_not_torn() {
    let (mut flash, mut log) = (Flash::new(2), log(2, 4));
    flash.save(&mut log, b"old!").unwrap();
    flash.save(&mut log, b"new!").unwrap();
    let seal = 24 + 20..24 + 24;
    let whole = flash.bytes[seal.clone()].to_vec();
    let mut zeros = (0..32)
        .rev()
        .filter(|bit| whole[bit / 8] & (1 << (bit % 8)) == 0);
    for missing in 1..=3 {
        let bit = zeros.next().unwrap();
        flash.bytes[seal.start + bit / 8] |= 1 << (bit % 8);
        let (record, health) = flash.loaded(&mut log);
        assert_eq!(record.as_deref(), Some(&b"old!"[..]));
        let is_torn = missing == 3 && (bit / 8 == 3 || whole[3] == 0xFF);
        assert!(!is_torn || health == Health::Torn);
        assert!(missing == 3 || health == Health::Damaged, "{missing}");
    }
}

#[test]
fn an_operation_that_is_dropped_on_its_way_loses_nothing() {
    let (mut flash, mut log) = (Flash::new(2), log(2, 4));
    flash.save(&mut log, &[1; 60]).unwrap();
    for steps in 0..20 {
        let record = [steps; 60];
        let mut save = log.save(&record);
        for _ in 0..steps {
            if let Some(request) = save.poll() {
                flash.serve(request);
            }
        }
        let done = save.poll().is_none() && save.finish().is_ok();
        let found = flash.loaded(&mut log).0.unwrap();
        assert!(found == record || (!done && found == [found[0]; 60]));
    }
}

#[test]
fn numbers_go_round() {
    let (mut flash, mut log) = (Flash::new(2), log(2, 4));
    flash.save(&mut log, b"old").unwrap();
    // The head of a record with the last number there is, and its seal.
    let place = super::super::log::tests_support::sealed(b"last", u32::MAX);
    flash.bytes[..place.len()].copy_from_slice(&place);
    flash.bytes[place.len()..].fill(0xFF);
    log = Log::new(*log.geometry());
    assert_eq!(flash.loaded(&mut log).0.as_deref(), Some(&b"last"[..]));
    flash.save(&mut log, b"after").unwrap();
    assert_eq!(flash.loaded(&mut log).0.as_deref(), Some(&b"after"[..]));
}

#[test]
fn what_a_record_says_is_never_taken_for_a_record() {
    // A record of pages full of heads with high numbers, then shorter ones until its first page is
    // erased and its further pages are not.
    let (mut flash, mut log) = (Flash::new(6), log(6, 4));
    let forged = super::super::log::tests_support::sealed(b"forged!!", 1_000_000);
    let many: Vec<u8> = forged.iter().copied().cycle().take(300).collect();
    for fill in 0..24_usize {
        let mut record = many.clone();
        record.rotate_left(fill);
        flash.save(&mut log, &record).unwrap();
        for small in 0..3_u8 {
            flash.save(&mut log, &[small; 90]).unwrap();
            log = Log::new(*log.geometry());
            assert_eq!(
                flash.loaded(&mut log),
                (Some(vec![small; 90]), Health::Whole)
            );
        }
    }
}

#[test]
fn geometry_that_cannot_work_is_refused() {
    let wrong = Geometry::new;
    assert_eq!(wrong(0, 128, 2, 3), Err(GeometryError::Word));
    assert_eq!(wrong(0, 256, 2, 128), Err(GeometryError::Word));
    assert_eq!(wrong(0, 100, 2, 8), Err(GeometryError::Page));
    assert_eq!(wrong(0, 64, 2, 32), Err(GeometryError::Page));
    assert_eq!(wrong(0, 0, 2, 4), Err(GeometryError::Page));
    assert_eq!(wrong(0, 128, 1, 4), Err(GeometryError::Range));
    assert_eq!(wrong(64, 128, 2, 4), Err(GeometryError::Range));
    assert_eq!(wrong(0, 1 << 31, 2, 4), Err(GeometryError::Range));
    assert_eq!(wrong(u32::MAX - 127, 128, 2, 4), Err(GeometryError::Range));
}

proptest! {
    /// Bits flip: what is loaded is a record that was saved, and an older one than the last only with a
    /// word about it.
    #[test]
    fn flipped_bits_are_found_and_told(
        lens in prop::collection::vec(0_usize..160, 1..9),
        flips in prop::collection::vec((0_usize..512, 0_u32..8), 1..4),
        word in prop::sample::select(vec![1_u32, 4, 8, 32]),
    ) {
        let (mut flash, mut log) = (Flash::new(4), log(4, word));
        let records: Vec<Vec<u8>> =
            (1_u8..).zip(&lens).map(|(number, len)| vec![number; *len]).collect();
        for record in &records {
            flash.save(&mut log, record).unwrap();
        }
        for (at, bit) in flips {
            flash.bytes[at] ^= 1 << bit;
        }
        let mut out = [0; 512];
        let found = flash.load(&mut log, &mut out).unwrap();
        match found.len {
            Some(len) => {
                let last = records.last().unwrap();
                let is_last = out[..len] == last[..];
                prop_assert!(is_last || records.iter().any(|it| out[..len] == it[..]));
                prop_assert!(is_last || found.health != Health::Whole);
            }
            None => prop_assert!(found.health != Health::Whole),
        }
        // And the log goes on.
        flash.save(&mut log, b"next").unwrap();
        prop_assert_eq!(flash.loaded(&mut log).0, Some(b"next".to_vec()));
    }

    #[test]
    fn any_bytes_are_looked_at_without_harm(
        bytes in prop::collection::vec(prop::sample::select(vec![0_u8, 0x4C, 0x43, 1, 0xFF]), 384),
        word in prop::sample::select(vec![1_u32, 4, 8, 32]),
    ) {
        let (mut flash, mut log) = (Flash::new(3), log(3, word));
        flash.bytes.copy_from_slice(&bytes);
        prop_assert_eq!(flash.loaded(&mut log).0, None);
        flash.save(&mut log, b"first").unwrap();
        prop_assert_eq!(flash.loaded(&mut log).0, Some(b"first".to_vec()));
    }
}
