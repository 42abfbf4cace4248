//! A device that loses power at any byte of a save goes on from flash, and loses no report that a save has
//! acknowledged: device and hub end in step.
//!
//! A change that was reported and not yet saved is gone with the power: **the application reports again
//! at each start what it finds to be true**, which costs nothing where it is what was kept. So save first,
//! then send, and no change that a service has heard of is forgotten by the device.

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

/// The device hears what the hub says to it; what the hub says to others is lost.
fn hear(device: &mut Device, hub: &mut Hub, now: Now) {
    while let Some(transmit) = hub.poll_transmit() {
        let heard =
            matches!(transmit.message, Message::Delta(_)) || transmit.audience == Audience::Asker;
        if heard {
            device
                .handle_message(now.instant, transmit.message)
                .unwrap();
        }
        transmit.sent();
    }
    while device.poll_event().is_some() {}
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
        hear(device, hub, now);
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

/// When power goes.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After so many bytes of the save behind the report.
    Saving(u64, Tear),
    /// After so many steps of the conversation: a message is made, is heard, is answered.
    Talking(usize),
    /// After so many bytes of the save behind the acknowledgement.
    SavingAgain(u64, Tear),
}

/// Talks until nobody says anything more, or for `steps`; returns whether power is still on then. What the
/// device asks to be changed goes to `patches`.
fn converse(
    device: &mut Device,
    hub: &mut Hub,
    now: Now,
    mut steps: usize,
    patches: &mut Vec<Vec<u8>>,
) -> bool {
    let mut goes_on = move || {
        steps = steps.saturating_sub(1);
        steps > 0
    };
    while let Some(transmit) = device.poll_transmit(now.instant) {
        match transmit.output() {
            Output::Message(message) => {
                if let Message::Update(request) = message {
                    patches.push(request.update.patch.as_bytes().to_vec());
                }
                if !goes_on() {
                    return false;
                }
                hub.handle_message(now, id(), message).unwrap();
            }
            _ => {
                transmit.sent(now.instant);
                device.handle_subscribed(now.instant);
                continue;
            }
        }
        transmit.sent(now.instant);
        if !goes_on() {
            return false;
        }
        hear(device, hub, now);
        if !goes_on() {
            return false;
        }
    }
    true
}

fn after(seconds: u64) -> Now {
    Now::new(
        Instant::from_millis(seconds * 1_000),
        Timestamp::from_secs(seconds),
    )
}

/// What a hub was told to change, if it is told only that the count is one now.
fn only_the_count() -> Vec<u8> {
    let mut patch = Document::<64>::new();
    patch.set(&["reported", "count"], 1).unwrap();
    patch.as_ref().as_bytes().to_vec()
}

/// A device in step goes offline, reports one change, saves, connects, tells, hears, saves; power goes at
/// `moment`. Returns whether it came to that.
fn resume<const WORD: usize>(moment: Moment) -> bool {
    const ALL: usize = usize::MAX;
    let mut flash: Flash<WORD, 512> = Flash::new(4);
    let mut hub = Hub::new(InMemory::new(), hub::Config::new());
    let mut device = Device::new(Config::new(1));
    let now = after(1);
    device.report_value(now.instant, &["name"], "pump").unwrap();
    device.report_value(now.instant, &["count"], 0).unwrap();
    let mut desired = Document::<32>::new();
    desired.set(&["speed"], 3).unwrap();
    hub.desire(now, id(), desired.as_ref()).unwrap();
    while let Some(transmit) = hub.poll_transmit() {
        transmit.sent();
    }
    device.handle_connected(now.instant, Session::Fresh);
    assert!(converse(&mut device, &mut hub, now, ALL, &mut Vec::new()));
    assert!(device.is_synced());
    device.handle_disconnected(now.instant);
    let mut log = FlashLog::new(&mut flash, 0..2048).unwrap();
    assert!(save(&mut log, &device));

    let now = after(10_000);
    device.report_value(now.instant, &["count"], 1).unwrap();
    if let Moment::Saving(bytes, tear) = moment {
        log.flash_mut().cut_after(bytes, tear);
    }
    let kept = save(&mut log, &device);
    let mut told = Vec::new();
    let mut power = kept;
    if power {
        device.handle_connected(now.instant, Session::Fresh);
        let steps = match moment {
            Moment::Talking(steps) => steps + 1,
            _ => ALL,
        };
        power = converse(&mut device, &mut hub, now, steps, &mut told);
    }
    if power {
        assert_eq!(told, [only_the_count()]);
        if let Moment::SavingAgain(bytes, tear) = moment {
            log.flash_mut().cut_after(bytes, tear);
        }
        power = save(&mut log, &device);
    }
    let _ = log.into_flash();
    flash.restart();

    // Another life, an hour later; what the hub said meanwhile nobody has heard.
    while let Some(transmit) = hub.poll_transmit() {
        transmit.sent();
    }
    let now = after(13_600);
    let mut log = FlashLog::new(&mut flash, 0..2048).unwrap();
    let mut device = Device::new(Config::new(2));
    restore(&mut log, &mut device);
    let count = |device: &Device| device.reported().read::<i64>(&["count"]).unwrap();
    if kept {
        assert_eq!(
            count(&device),
            1,
            "{moment:?}: a report that was kept is lost"
        );
    } else {
        // Old or new. The application says again what it finds.
        assert!(matches!(count(&device), 0 | 1), "{moment:?}");
        device.report_value(now.instant, &["count"], 1).unwrap();
    }
    let mut told = Vec::new();
    device.handle_connected(now.instant, Session::Fresh);
    assert!(converse(&mut device, &mut hub, now, ALL, &mut told));
    assert!(device.is_synced(), "{moment:?}");
    let registry = hub.into_registry();
    let twin = registry.twin(id()).unwrap();
    assert_eq!(
        twin.section(Section::Reported),
        device.reported(),
        "{moment:?}"
    );
    assert_eq!(
        twin.section(Section::Desired),
        device.desired(),
        "{moment:?}"
    );
    // Told once more, if at all: exactly what changed.
    let again = matches!(moment, Moment::SavingAgain(..));
    assert!(told.len() <= usize::from(!again), "{moment:?}: {told:?}");
    assert!(
        told.iter().all(|patch| *patch == only_the_count()),
        "{moment:?}"
    );
    if !kept || matches!(moment, Moment::Talking(0)) {
        assert_eq!(told.len(), 1, "{moment:?}: nobody else has told it");
    }
    !power
}

/// Tries moments one behind the other until power does not go any more; says how many there were.
fn resume_at_all<const WORD: usize>(moment: impl Fn(usize) -> Moment) -> usize {
    (0..).take_while(|at| resume::<WORD>(moment(*at))).count()
}

fn resume_everywhere<const WORD: usize>() {
    for tear in [Tear::Clean, Tear::Mixed(WORD as u64)] {
        let bytes = resume_at_all::<WORD>(|at| Moment::Saving(at as u64, tear));
        assert!(bytes > 50, "{bytes}");
        let bytes = resume_at_all::<WORD>(|at| Moment::SavingAgain(at as u64, tear));
        assert!(bytes > 50, "{bytes}");
    }
    // A get and an update: made, heard, answered.
    assert_eq!(resume_at_all::<WORD>(Moment::Talking), 6);
}

#[test]
fn a_change_reported_offline_is_told_as_it_is_wherever_power_goes() {
    resume_everywhere::<1>();
    resume_everywhere::<4>();
    resume_everywhere::<8>();
    resume_everywhere::<32>();
}
