//! What goes over the wire: first sync, a change, a report, a reboot — natively, beside AWS.
//! `cargo run --release --example native_pair`

use core::error::Error;

use twinsync::adapter::{Publish, aws, native};
use twinsync::codec::json;
use twinsync::document::Document;
use twinsync::hub::{Config, HubEngine, InMemory, Notify};
use twinsync::protocol::{Get, Known, Message, RequestId, TwinId, UpdateRequest};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::{ETag, Origin, Policy, Section, Update};

type Hub = HubEngine<InMemory, 2048>;

fn main() -> Result<(), Box<dyn Error>> {
    if let Some(argument) = std::env::args().nth(1) {
        return Err(format!("native_pair takes no arguments, not `{argument}`").into());
    }
    let lamp = TwinId::new("lamp", None)?;
    // The hub keeps metadata: with it, it can tell what changed since a version.
    let policy = Policy::new().with_metadata(true);
    let notify = Notify {
        desired_patch: true,
        ..Config::new().notify
    };
    let config = Config::new().with_policy(policy).with_notify(notify);
    let mut hub = Hub::new(InMemory::new(), config);
    let get = |text| Get {
        id: RequestId::new(text),
        ..Get::default()
    };

    say(
        &mut hub,
        "a back-end desires",
        &desire(r#"{"target":21.5,"mode":"eco"}"#)?,
    )?;
    say(&mut hub, "first sync", &Message::Get(get("00000001")))?;
    let patch = section(Section::Reported, r#"{"target":21.5,"mode":"eco"}"#)?;
    let update = Update::merge(patch.as_ref()).with_origin(Origin::Device);
    let report = Message::Update(UpdateRequest {
        id: RequestId::new("00000002"),
        update,
    });
    say(&mut hub, "report", &report)?;
    let twin = hub.registry().twin(lamp).ok_or("made above")?;
    let known = Some(Known {
        versions: twin.versions(),
        desired: ETag::of(twin.section(Section::Desired)),
    });

    let resumed = |text| Message::Get(Get { known, ..get(text) });
    say(&mut hub, "reboot, nothing changed", &resumed("00000003"))?;
    say(&mut hub, "a change", &desire(r#"{"target":19}"#)?)?;
    say(
        &mut hub,
        "reboot, that change was missed",
        &resumed("00000004"),
    )?;
    Ok(())
}

fn section(section: Section, text: &str) -> Result<Document<256>, Box<dyn Error>> {
    let mut patch = Document::new();
    json::read(text.as_bytes(), patch.as_mut())?;
    patch.as_mut().nest(section.key())?;
    Ok(patch)
}

fn desire(text: &str) -> Result<Message<'static>, Box<dyn Error>> {
    // Leaked: the example's messages live as long as it.
    let patch = Box::leak(Box::new(section(Section::Desired, text)?));
    let update = Update::merge(patch.as_ref()).with_origin(Origin::Service);
    let id = RequestId::new("ops");
    Ok(Message::Update(UpdateRequest { id, update }))
}

/// Asks the hub and prints what a device sends and hears, in both spellings.
fn say(hub: &mut Hub, what: &str, message: &Message<'_>) -> Result<(), Box<dyn Error>> {
    println!("\n== {what}");
    let lamp = TwinId::new("lamp", None)?;
    let client = native::Client::device(native::Prefix::DEFAULT, lamp);
    let service = native::Service::new(native::Prefix::DEFAULT);
    let mut out = [0; 2048];
    let by_device =
        !matches!(message, Message::Update(request) if request.update.origin == Origin::Service);
    if by_device {
        show("-->", client.encode(message, &mut out)?);
        show("   ", aws::Client::new(lamp)?.encode(message, &mut out)?);
    }
    let wall = Timestamp::from_secs(1_763_730_000);
    hub.handle_message(Now::new(Instant::ZERO, wall), lamp, *message)?;
    while let Some(transmit) = hub.poll_transmit() {
        let message = transmit.message;
        let answer = !matches!(message, Message::Delta(_) | Message::DesiredPatch(_));
        // A device hears natively of its own answers and of desired, on AWS of everyone's and of deltas.
        if !matches!(message, Message::Delta(_)) && (by_device || !answer) {
            let asker = native::Asker::DEVICE;
            show("<--", service.encode(asker, lamp, &message, &mut out)?);
        }
        match aws::Service::default().encode(lamp, &message, &mut out) {
            Ok(publish) => show("   ", publish),
            Err(_) if answer => println!("    AWS: no such answer; the whole shadow instead"),
            Err(_) => {}
        }
        transmit.sent();
    }
    Ok(())
}

fn show(arrow: &str, publish: Publish<'_>) {
    let bytes = publish.topic.len().saturating_add(publish.payload.len());
    let payload = match core::str::from_utf8(publish.payload) {
        Ok(text) if text.starts_with('{') => text.to_owned(),
        _ => publish
            .payload
            .iter()
            .map(|byte| format!("{byte:02X} "))
            .collect(),
    };
    println!("{arrow} {bytes:4} bytes  {}  {payload}", publish.topic);
}
