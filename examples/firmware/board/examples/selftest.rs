//! Checks of the board itself, one per run: `check=NAME` says which. Exit code 0 is success.
//!
//! `tests/firmware/boards.rs` runs them on each machine.
#![no_std]
#![no_main]

use core::cell::Cell;

#[cfg(not(feature = "lm3s6965evb"))]
use board::Modem;
use board::{
    FlashError, Room, SemihostingFlash, argument, block_on, exit, now_millis, sleep_until,
    start_clock,
};
use critical_section::Mutex;
use embedded_hal::digital::{OutputPin, StatefulOutputPin};
use embedded_hal::pwm::SetDutyCycle;
use embedded_storage::nor_flash::{NorFlash, ReadNorFlash};
#[board::entry]
fn main() -> ! {
    start_clock();
    let check = argument("check").unwrap_or_default();
    let passed = match check.as_str() {
        #[cfg(not(feature = "lm3s6965evb"))]
        "mqtt" => block_on(mqtt::echo(Modem::start())).is_some(),
        "clock" => block_on(two_seconds()),
        "flash" => flash().is_ok(),
        "flash-again" => flash_again().is_ok(),
        "room" => room().is_some(),
        "faults" => faults(),
        "log" => log(),
        "panic" => panic!("as asked"),
        "fault" => fault(),
        _ => false,
    };
    exit(i32::from(!passed))
}

#[cfg(not(feature = "lm3s6965evb"))]
mod mqtt {
    use board::Modem;
    use rust_mqtt::Bytes;
    use rust_mqtt::buffer::BumpBuffer;
    use rust_mqtt::client::Client;
    use rust_mqtt::client::event::Event;
    use rust_mqtt::client::options::{
        ConnectOptions, DisconnectOptions, PublicationOptions, SubscriptionOptions, TopicReference,
    };
    use rust_mqtt::types::{MqttString, TopicFilter, TopicName};

    /// Says that it is up, says the first message that it gets, and goes.
    pub(crate) async fn echo(modem: Modem) -> Option<()> {
        let mut memory = [0; 1024];
        let mut buffer = BumpBuffer::new(&mut memory);
        let mut client = Client::<'_, '_, _, _, 1, 1, 1, 1, 0, 0, 0>::new(&mut buffer);
        let name = MqttString::from_str("selftest").ok()?;
        let options = ConnectOptions::new().clean_start();
        client.connect(modem, &options, Some(name)).await.ok()?;
        let filter = TopicFilter::new(MqttString::from_str("selftest/in").ok()?)?;
        client
            .subscribe(filter, &SubscriptionOptions::new())
            .await
            .ok()?;
        let topic = TopicName::new(MqttString::from_str("selftest/out").ok()?)?;
        let options = PublicationOptions::new(TopicReference::Name(topic)).at_least_once();
        let mut text = [0; 512];
        let mut is_answer = false;
        loop {
            let said = match client.poll().await.ok()? {
                Event::Suback(_) => Some("up".as_bytes()),
                Event::Publish(message) => {
                    let heard = message.message.as_bytes();
                    let said = text.get_mut(..heard.len())?;
                    said.copy_from_slice(heard);
                    is_answer = true;
                    Some(&*said)
                }
                Event::PublishAcknowledged(_) if is_answer => break,
                _ => None,
            };
            // SAFETY: nothing of the last event is in use any more.
            unsafe { client.buffer_mut().reset() };
            if let Some(said) = said {
                client.publish(&options, Bytes::from(said)).await.ok()?;
            }
        }
        client.disconnect(&DisconnectOptions::new()).await.ok()?;
        Some(())
    }
}

/// The host sees that this takes no less.
async fn two_seconds() -> bool {
    let start = now_millis();
    sleep_until(start + 2000).await;
    let passed = now_millis() - start;
    sleep_until(0).await;
    (2000..10_000).contains(&passed)
}

const WORD: usize = SemihostingFlash::WRITE_SIZE;
const PAGE: u32 = SemihostingFlash::ERASE_SIZE as u32;
const WRITTEN: [u8; WORD] = [0x5A; WORD];
const AGAIN: [u8; WORD] = [0x12; WORD];

fn open() -> Result<SemihostingFlash, FlashError> {
    SemihostingFlash::open(&argument("flash").unwrap_or_default(), 2)
}

/// Meets each rule of NOR flash, leaves a word behind, and waits for the end of the world.
fn flash() -> Result<(), FlashError> {
    let mut flash = open()?;
    let mut word = [0; WORD];
    assert!(flash.capacity() == 2 * PAGE as usize);
    flash.read(2 * PAGE - WORD as u32, &mut word)?;
    assert!(word == [0xFF; WORD]);
    assert!(flash.write(1, &WRITTEN) == Err(FlashError::NotAligned));
    assert!(flash.write(0, &WRITTEN[1..]) == Err(FlashError::NotAligned));
    assert!(flash.write(2 * PAGE, &WRITTEN) == Err(FlashError::OutOfBounds));
    assert!(flash.erase(0, 1) == Err(FlashError::NotAligned));
    assert!(flash.erase(PAGE, 3 * PAGE) == Err(FlashError::OutOfBounds));
    for page in [0, PAGE] {
        flash.write(page, &WRITTEN)?;
        assert!(flash.write(page, &[0; WORD]) == Err(FlashError::NotErased));
    }
    flash.erase(PAGE, 2 * PAGE)?;
    flash.write(PAGE, &AGAIN)?;
    flash.write(2 * PAGE - WORD as u32, &WRITTEN)?;
    loop {
        core::hint::spin_loop();
    }
}

/// Finds after the power cut what was there before.
fn flash_again() -> Result<(), FlashError> {
    let mut flash = open()?;
    for (offset, expected) in [
        (0, WRITTEN),
        (WORD as u32, [0xFF; WORD]),
        (PAGE, AGAIN),
        (2 * PAGE - WORD as u32, WRITTEN),
    ] {
        let mut word = [0; WORD];
        flash.read(offset, &mut word)?;
        assert!(word == expected);
    }
    Ok(())
}

static TIME: Mutex<Cell<u64>> = Mutex::new(Cell::new(0));

fn time() -> u64 {
    critical_section::with(|cs| TIME.borrow(cs).get())
}

fn pass(millis: u64) {
    critical_section::with(|cs| TIME.borrow(cs).set(time() + millis));
}

/// The room gets warm, and cold again; `None` where a part fails.
fn room() -> Option<()> {
    let room = Room::new(time);
    let (mut heater, mut fan) = (room.heater(), room.fan());
    assert!(room.temperature() == Ok(180));
    heater.set_high().ok()?;
    assert!(heater.is_set_high() == Ok(true));
    for _ in 0..1000 {
        pass(1);
        room.temperature().ok()?;
    }
    assert!(room.temperature() == Ok(190));
    fan.set_duty_cycle_percent(50).ok()?;
    pass(1000);
    assert!(room.temperature() == Ok(195));
    heater.set_low().ok()?;
    pass(1000);
    assert!(room.temperature() == Ok(180));
    pass(u64::MAX / 2);
    assert!(room.temperature() == Ok(150));
    fan.set_duty_cycle_fully_off().ok()?;
    heater.set_high().ok()?;
    pass(3_600_000);
    assert!(room.temperature() == Ok(400));
    Some(())
}

/// With `fault=heater+thermometer fault_from=1000 fault_to=2000`.
fn faults() -> bool {
    let room = Room::new(time);
    let (mut heater, mut fan) = (room.heater(), room.fan());
    let before = heater.set_high().is_ok() && room.temperature() == Ok(180);
    pass(1000);
    let meanwhile = heater.set_low().is_err()
        && heater.is_set_high().is_err()
        && room.temperature().is_err()
        && fan.set_duty_cycle(0).is_ok();
    pass(1000);
    // The heater was on all the time.
    let after = room.temperature() == Ok(200) && heater.is_set_high() == Ok(true);
    before && meanwhile && after
}

/// Says a line that the host can wait for.
fn log() -> bool {
    #[cfg(feature = "defmt")]
    for number in 0..3u32 {
        defmt::info!("line {=u32} of {=str}", number, "three");
    }
    cfg!(feature = "defmt")
}

fn fault() -> bool {
    #[cfg(target_arch = "arm")]
    cortex_m::asm::udf();
    #[cfg(target_arch = "riscv32")]
    // SAFETY: ends the run, as it should.
    unsafe {
        core::arch::asm!("unimp", options(noreturn))
    }
}
