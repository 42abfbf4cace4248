//! A device that loses power at any byte of a save goes on from flash, and loses no report that a save has
//! acknowledged: device and hub end in step.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::cast_possible_truncation,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test that fails here fails"
)]

use twinsync::device::{Config, DeviceEngine, Memory, Output, Session};
use twinsync::document::Document;
use twinsync::hub::{self, HubEngine, InMemory};
use twinsync::protocol::{Audience, Message, TwinId};
use twinsync::sim::{Flash, Random, Tear};
use twinsync::storage::{FlashLog, SchemaId, Snapshot};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::Section;

const SCHEMA: SchemaId = SchemaId(7);

type Device = DeviceEngine<512>;
type Hub = HubEngine<InMemory, 2048>;

fn id() -> TwinId<'static> {
    TwinId::new("pump", None).unwrap()
}

/// Hands on what both say until neither says anything more; what is lost is lost after `most` messages.
fn talk(device: &mut Device, hub: &mut Hub, now: Now, most: usize) {
    for _ in 0..most {
        let Some(transmit) = device.poll_transmit(now.instant) else {
            break;
        };
        match transmit.output() {
            Output::Message(message) => hub.handle_message(now, id(), message).unwrap(),
            _ => {
                transmit.sent(now.instant);
                device.handle_subscribed(now.instant);
                continue;
            }
        }
        transmit.sent(now.instant);
        while let Some(transmit) = hub.poll_transmit() {
            let heard = matches!(transmit.message, Message::Delta(_))
                || transmit.audience == Audience::Asker;
            if heard {
                device
                    .handle_message(now.instant, transmit.message)
                    .unwrap();
            }
            transmit.sent();
        }
        while device.poll_event().is_some() {}
    }
}

fn save<const WORD: usize>(log: &mut FlashLog<&mut Flash<WORD, 512>>, device: &Device) -> bool {
    let memory = device.memory();
    let snapshot = Snapshot {
        desired: memory.desired,
        reported: memory.reported,
        acknowledged: memory.acknowledged,
        versions: memory.versions,
        next_request: memory.next_request,
    };
    let mut buffer = [0; 1024];
    let len = snapshot.write(SCHEMA, &mut buffer).unwrap();
    log.save(&buffer[..len]).is_ok()
}

fn restore<const WORD: usize>(log: &mut FlashLog<&mut Flash<WORD, 512>>, device: &mut Device) {
    let mut buffer = [0; 1024];
    let Some(bytes) = log.load(&mut buffer).unwrap().record else {
        return;
    };
    let kept = Snapshot::read(bytes, SCHEMA).unwrap();
    let memory = Memory {
        desired: kept.desired,
        reported: kept.reported,
        acknowledged: kept.acknowledged,
        versions: kept.versions,
        next_request: kept.next_request,
    };
    device.restore(&memory).unwrap();
}

fn run<const WORD: usize>(seed: u64) {
    let mut random = Random::new(seed);
    let mut flash: Flash<WORD, 512> = Flash::new(4);
    let mut hub = Hub::new(InMemory::new(), hub::Config::new());
    let mut kept = 0;
    let mut time = 0;
    for life in 0..12_u32 {
        let mut log = FlashLog::new(&mut flash, 0..2048).unwrap();
        let mut device = Device::new(Config::new(life));
        restore(&mut log, &mut device);
        let said: i64 = device.reported().read(&["count"]).unwrap_or(0);
        assert!(said >= kept, "seed {seed}, life {life}: {said}, not {kept}");
        let last = life == 11;
        if !last {
            log.flash_mut()
                .cut_after(random.below(2_500), Tear::Noisy(random.number()));
        }
        for _ in 0..random.between(1, 6) {
            time += 1_000;
            let now = Now::new(Instant::from_millis(time), Timestamp::from_secs(time));
            let count = device.reported().read(&["count"]).unwrap_or(0) + 1;
            device.report_value(now.instant, &["count"], count).unwrap();
            if !save(&mut log, &device) {
                break;
            }
            kept = count;
            if random.chance(500) {
                let mut desired = Document::<32>::new();
                desired.set(&["speed"], i64::from(life)).unwrap();
                hub.desire(now, id(), desired.as_ref()).unwrap();
                while let Some(transmit) = hub.poll_transmit() {
                    transmit.sent();
                }
                device.handle_connected(now.instant, Session::Fresh);
                talk(&mut device, &mut hub, now, random.below(6) as usize);
                device.handle_disconnected(now.instant);
            }
        }
        if last {
            // No new word: what a life before has kept is what the hub hears.
            time += 3_600_000;
            let now = Now::new(Instant::from_millis(time), Timestamp::from_secs(time));
            device = Device::new(Config::new(99));
            restore(&mut log, &mut device);
            device.handle_connected(now.instant, Session::Fresh);
            talk(&mut device, &mut hub, now, 50);
            assert!(device.is_synced(), "seed {seed}");
            let registry = hub.into_registry();
            let twin = registry.twin(id()).unwrap();
            let heard: i64 = twin.section(Section::Reported).read(&["count"]).unwrap();
            assert_eq!(heard, kept, "seed {seed}");
            return;
        }
        flash.restart();
    }
}

#[test]
fn a_device_resumes_through_power_cuts_and_loses_no_kept_report() {
    for seed in 0..60 {
        run::<1>(seed);
        run::<4>(seed);
        run::<8>(seed);
        run::<32>(seed);
    }
}
