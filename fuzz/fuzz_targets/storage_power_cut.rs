//! Saves, loads, power cuts and flipped bits against a model: what was acknowledged is what is loaded, what
//! is damaged is told, and no word is written twice.

#![no_main]

use libfuzzer_sys::fuzz_target;
use twinsync::sim::{Flash, Tear};
use twinsync::storage::{FlashLog, Health};
use twinsync_fuzz::Input;

fn lives<const WORD: usize, const PAGE: usize>(input: &mut Input<'_>) {
    let mut flash: Flash<WORD, PAGE> = Flash::new(2 + input.below(5));
    let range = 0..flash.bytes().len() as u32;
    let mut kept: Option<Vec<u8>> = None;
    let mut saved: Vec<Vec<u8>> = Vec::new();
    let mut flipped = false;
    while !input.is_empty() {
        let mut log = FlashLog::new(&mut flash, range.clone()).expect("it fits");
        let capacity = log.capacity();
        if input.byte() & 1 == 1 {
            let bytes = u64::from(input.byte()) * (1 + u64::from(input.byte() & 7));
            let tear = match input.below(5) {
                0 => Tear::Clean,
                1 => Tear::Backward,
                2 => Tear::Noisy(u64::from(input.byte())),
                3 => Tear::Mixed(u64::from(input.byte())),
                _ => Tear::Unstable(u64::from(input.byte())),
            };
            log.flash_mut().cut_after(bytes, tear);
        }
        let mut begun = None;
        for _ in 0..input.below(6) {
            let len = (usize::from(input.byte()) * 3).min(capacity);
            let record = vec![input.byte(); len];
            saved.push(record.clone());
            if log.save(&record).is_err() {
                assert!(log.flash_mut().is_off(), "refused with power on");
                begun = Some(record);
                break;
            }
            kept = Some(record);
        }
        flash.restart();
        // Once: a second flip of the same bit would heal the first, and bring back what it took.
        if input.byte() == 0xF1 && !flipped {
            let at = usize::from(input.byte()) * 3 % flash.bytes().len();
            flash.flip(at, u32::from(input.byte() & 7));
            flipped = true;
        }
        let mut log = FlashLog::new(&mut flash, range.clone()).expect("it fits");
        let mut buffer = [0; 4096];
        let loaded = log.load(&mut buffer).expect("power is on");
        let found = loaded.record.map(<[u8]>::to_vec);
        let fine = found == kept || (found.is_some() && found == begun);
        if flipped {
            assert!(fine || loaded.health != Health::Whole);
            assert!(found.is_none() || saved.iter().any(|it| Some(it) == found.as_ref()));
        } else {
            assert!(fine, "{:?}", loaded.health);
        }
        kept = found;
        // A bit that flipped in an erased word is nobody's word written twice.
        assert!(flipped || flash.violations() == 0);
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    match input.below(4) {
        0 => lives::<1, 128>(&mut input),
        1 => lives::<4, 128>(&mut input),
        2 => lives::<8, 256>(&mut input),
        _ => lives::<32, 256>(&mut input),
    }
});
