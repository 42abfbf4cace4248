//! A device that loses power while it saves, and goes on from flash without losing a report.
//!
//! `cargo run --release --example restart_from_flash` runs a device engine and the
//! flash log on simulated NOR flash whose power goes at a byte of chance's choice (`-- SEED` picks another
//! chance). Each life loads a snapshot, reports readings and saves each. What a save has
//! acknowledged is there in the next life.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    reason = "rules for firmware; this is a program for a host"
)]

use core::error::Error;

use twinsync::device::{Config, DeviceEngine, Memory};
use twinsync::sim::{Flash, Random, Tear};
use twinsync::storage::{FlashLog, Saved, SchemaId, Snapshot};
use twinsync::time::Instant;

const SCHEMA: SchemaId = SchemaId(1);
const LIVES: i64 = 12;

type Device = DeviceEngine<512>;
type Nor = Flash<8, 512>;

fn main() -> Result<(), Box<dyn Error>> {
    let seed = std::env::args().nth(1).map_or(Ok(7), |seed| seed.parse())?;
    let mut random = Random::new(seed);
    let mut flash = Nor::new(4);
    let mut promised = 0;
    for life in 1..=LIVES {
        let mut log = FlashLog::new(&mut flash, 0..2048)?;
        let mut device = Device::new(Config::new(life as u32));
        restore(&mut log, &mut device)?;
        let found = device.reported().read(&["reading"]).unwrap_or(0);
        // Old or new, but never older than what was acknowledged.
        assert!(found >= promised, "lost: {found} instead of {promised}");
        promised = found;
        print!("life {life:2}: goes on from reading {found:2}; ");

        if life < LIVES {
            log.flash_mut()
                .cut_after(random.below(1_500), Tear::Noisy(random.number()));
        }
        let lost = loop {
            let reading: i64 = device.reported().read(&["reading"]).unwrap_or(0);
            device.report_value(Instant::ZERO, &["reading"], reading + 1)?;
            match save(&mut log, &device) {
                Ok(_) => promised = reading + 1,
                Err(error) => break Some(error),
            }
            if promised % 10 == 0 || promised - found > 8 {
                break None;
            }
        };
        match lost {
            Some(error) => println!("power goes after reading {promised:2} was kept: {error}"),
            None => println!("switched off after reading {promised:2} was kept"),
        }
        flash.restart();
    }
    println!("nothing lost: erases of each page {:?}", flash.erases());
    Ok(())
}

/// Takes over what the last life kept, if it kept anything.
fn restore(log: &mut FlashLog<&mut Nor>, device: &mut Device) -> Result<(), Box<dyn Error>> {
    let mut buffer = [0; 1024];
    let Some(bytes) = log.load(&mut buffer)?.record else {
        return Ok(());
    };
    let Snapshot {
        desired,
        reported,
        acknowledged,
        versions,
        next_request,
    } = Snapshot::read(bytes, SCHEMA)?;
    device.restore(&Memory {
        desired,
        reported,
        acknowledged,
        versions,
        next_request,
    })?;
    Ok(())
}

fn save(log: &mut FlashLog<&mut Nor>, device: &Device) -> Result<Saved, Box<dyn Error>> {
    let Memory {
        desired,
        reported,
        acknowledged,
        versions,
        next_request,
        ..
    } = device.memory();
    let snapshot = Snapshot {
        desired,
        reported,
        acknowledged,
        versions,
        next_request,
    };
    let mut buffer = [0; 1024];
    let len = snapshot.write(SCHEMA, &mut buffer)?;
    let record = buffer.get(..len).ok_or("no room")?;
    Ok(log.save(record)?)
}
