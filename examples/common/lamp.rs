//! A street lamp: one application, and what happens to it, over whatever protocol.
//!
//! **The application sees the device engine and nothing else** ([`application`]): the same function runs over
//! AWS, Azure, the native dialect and CoAP. The story ([`live`]) is told to a [`Pair`], which is a device, a hub
//! and the link between them, with the protocol's bytes on it.

#![allow(dead_code, reason = "each program uses its own part of this file")]

use core::error::Error;

use twinsync::adapter::{azure, coap};
use twinsync::codec::json;
use twinsync::device::{Config, DeviceEngine, Verdict};
use twinsync::document::{Document, Leaf, Number, Value};
use twinsync::hub::{self, Notify};
use twinsync::protocol::{TwinId, VersionScope};
use twinsync::sim::{
    Application, Aws, Azure, Coap, Conditions, Language, Native, Pair, Patch, Setup, Step, Storage,
    Udp,
};
use twinsync::time::{Duration, Instant};
use twinsync::twin::Policy;

/// Bytes for each document of the device, and for the hub's twin.
const DEVICE: usize = 4_096;
const HUB: usize = 16_384;

pub(crate) type Lamp<L> = Pair<L, DEVICE, HUB>;

/// What stands in tags: no byte of it may reach the device.
pub(crate) const SECRET: &str = "only-for-the-service";

/// So often the lamp connects anew before the story ends badly.
const CONNECTIONS: usize = 100;

/// When the application runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Moment {
    /// The lamp was switched on.
    Start,
    /// Desired may have changed.
    Work,
    /// It gets dark: the lamp lights, and counts.
    Dusk(i64),
    /// It gets light.
    Dawn,
    /// A technician ends the diagnosis.
    Serviced,
}

/// The application, all of it. It does not know what it is connected to.
pub(crate) fn application(
    engine: &mut DeviceEngine<DEVICE>,
    now: Instant,
    moment: Moment,
) -> Result<(), Box<dyn Error>> {
    match moment {
        Moment::Start => {
            engine.report_value(now, &["firmware"], "1.4.2")?;
            engine.report_value(now, &["lit"], false)?;
            engine.report_value(now, &["diagnosis", "mode"], "factory")?;
        }
        Moment::Work => {
            let mut reason = None;
            engine.settle(now, |leaf| {
                let objection = objection(&leaf);
                reason = reason.or(objection);
                objection.map_or(Verdict::Applied, |_| Verdict::Refused)
            });
            // The reason stands in the twin for as long as what was refused is asked for.
            if let Some(reason) = reason {
                engine.report_value(now, &["refused"], reason)?;
            } else if engine.desired().at(&["level"]) == engine.reported().at(&["level"]) {
                engine.report_value(now, &["refused"], Value::Null)?;
            }
            // What nobody asks for any more is no setting any more.
            for key in ["level", "mode", "schedule", "scenes"] {
                forget(engine, now, key)?;
            }
        }
        Moment::Dusk(night) => {
            engine.report_value(now, &["lit"], true)?;
            engine.report_value(now, &["nights"], night)?;
        }
        Moment::Dawn => engine.report_value(now, &["lit"], false)?,
        Moment::Serviced => engine.report_value(now, &["diagnosis"], Value::Null)?,
    }
    Ok(())
}

/// Why a setting is not followed.
fn objection(leaf: &Leaf<'_>) -> Option<&'static str> {
    let is_level = leaf.path.to_string() == "level";
    let fits = |level: Number| Number::from(0_i64) <= level && level <= Number::from(100_i64);
    (is_level && !leaf.value.as_number().is_some_and(fits)).then_some("a level is from 0 to 100")
}

/// Takes out of reported what was applied once and is not desired any more.
fn forget(
    engine: &mut DeviceEngine<DEVICE>,
    now: Instant,
    key: &str,
) -> Result<(), Box<dyn Error>> {
    let (desired, reported) = (engine.desired(), engine.reported());
    let mut patch = Document::<512>::new();
    match (desired.at(&[key]), reported.at(&[key])) {
        (None, Some(_)) => patch.set(&[key], Value::Null)?,
        (Some(desired), Some(reported)) => {
            for (name, _) in reported.entries() {
                if desired.at(&[name]).is_none() {
                    patch.set(&[key, name], Value::Null)?;
                }
            }
        }
        (_, None) => {}
    }
    engine.report(now, patch.as_ref())?;
    Ok(())
}

/// The application is called by name in the story: between two calls it does nothing.
pub(crate) struct Patient;

impl Application for Patient {
    fn decide(&mut self, _: &Leaf<'_>) -> Verdict {
        Verdict::Postponed
    }
}

/// What happens: configuration, reports, a refusal, removed keys, two days offline, a restart from memory.
///
/// # Errors
///
/// The ends do not agree at the end of a chapter.
pub(crate) fn live<L: Language>(lamp: &mut Lamp<L>) -> Result<(), Box<dyn Error>> {
    lamp.step(&Step::Tag(patch(&format!(
        r#"{{"site":{{"{SECRET}":"{SECRET}"}}}}"#
    ))?));
    // The lamp finds its configuration when it is switched on, larger than a datagram.
    let scenes: Vec<String> = (0..40)
        .map(|scene| format!(r#""scene-{scene:02}":"slowly up, slowly down {scene}""#))
        .collect();
    desire(lamp, &format!(r#"{{"scenes":{{{}}}}}"#, scenes.join(",")))?;
    desire(
        lamp,
        r#"{"level":40,"mode":"eco","schedule":{"from":"18:00","to":"23:00"}}"#,
    )?;
    act(lamp, Moment::Start)?;
    lamp.step(&Step::Connect { resume: false });
    work(lamp)?;

    act(lamp, Moment::Dusk(1))?;
    work(lamp)?;
    act(lamp, Moment::Dawn)?;

    // What can not be done is refused, with the reason; then asked for differently.
    desire(lamp, r#"{"level":400}"#)?;
    work(lamp)?;
    desire(lamp, r#"{"level":60,"schedule":{"to":null}}"#)?;
    work(lamp)?;
    act(lamp, Moment::Serviced)?;
    lamp.step(&Step::Tag(patch(&format!(r#"{{"owner":"{SECRET}"}}"#))?));
    work(lamp)?;

    // Two days offline.
    lamp.step(&Step::Disconnect);
    for night in 2..4 {
        act(lamp, Moment::Dusk(night))?;
        lamp.run_for(Duration::from_secs(43_200));
        act(lamp, Moment::Dawn)?;
        lamp.run_for(Duration::from_secs(43_200));
    }
    desire(lamp, r#"{"mode":"night","schedule":null}"#)?;
    lamp.step(&Step::Connect { resume: true });
    work(lamp)?;

    // A restart from memory; meanwhile something else is asked for.
    lamp.step(&Step::Save);
    lamp.step(&Step::RestartDevice(Storage::Kept));
    desire(lamp, r#"{"level":25,"scenes":null}"#)?;
    lamp.step(&Step::Connect { resume: false });
    act(lamp, Moment::Dusk(4))?;
    work(lamp)
}

fn act<L: Language>(lamp: &mut Lamp<L>, moment: Moment) -> Result<(), Box<dyn Error>> {
    lamp.with_device(|now, engine| application(engine, now, moment))
}

/// Lets what was asked for arrive, be done, and be reported.
fn work<L: Language>(lamp: &mut Lamp<L>) -> Result<(), Box<dyn Error>> {
    for _ in 0..CONNECTIONS {
        lamp.run_for(Duration::from_secs(60));
        act(lamp, Moment::Work)?;
        if lamp.settle(Duration::from_secs(600)).is_ok() {
            return Ok(());
        }
        // A notification that is lost on a connection that stands leaves no trace; a new one tells.
        lamp.step(&Step::Connect { resume: true });
    }
    Ok(lamp.check()?)
}

fn desire<L: Language>(lamp: &mut Lamp<L>, text: &str) -> Result<(), Box<dyn Error>> {
    lamp.step(&Step::Desire(patch(text)?));
    Ok(())
}

fn patch(text: &str) -> Result<Patch, Box<dyn Error>> {
    let mut document = Document::<DEVICE>::new();
    json::read(text.as_bytes(), document.as_mut())?;
    Ok(document.as_ref().into())
}

/// What a device is told of its service, and of nothing else does it depend on the protocol.
const TWIN: Config = Config::new(7);
const SECTION: Config = TWIN.with_versions(VersionScope::Section);

/// The lamp over AWS IoT Device Shadow.
pub(crate) fn over_aws(seed: u64, link: Conditions) -> Lamp<Aws> {
    // Devices hear the echo of others' updates: a delta does not tell what was removed.
    let aws = Aws::default().with_echo(true);
    lamp(aws, TWIN, hub::Config::new(), (seed, link))
}

/// The lamp over Azure IoT Hub.
pub(crate) fn over_azure(seed: u64, link: Conditions) -> Lamp<Azure> {
    let azure = Azure::new(azure::Policy::new());
    lamp(azure, SECTION, azure.hub(), (seed, link))
}

/// The lamp over the native dialect.
pub(crate) fn over_native(seed: u64, link: Conditions) -> Lamp<Native> {
    let told = Notify {
        desired_patch: true,
        ..Notify::NONE
    };
    let hub = hub::Config::new()
        .with_policy(Policy::new().with_metadata(true))
        .with_notify(told);
    lamp(Native::new(), SECTION, hub, (seed, link))
}

/// The lamp over CoAP, in CBOR.
pub(crate) fn over_coap(seed: u64, link: Conditions) -> Lamp<Udp<Coap<coap::Cbor>>> {
    let coap = Coap::new(seed);
    // CoAP itself sends again what got lost, for up to 93 s; asking anew would begin from the first block.
    let device = SECTION.with_request_timeout(Duration::from_secs(100));
    lamp(Udp(coap), device, coap.hub(), (seed, link))
}

fn lamp<L: Language>(
    language: L,
    device: Config,
    hub: hub::Config,
    (seed, link): (u64, Conditions),
) -> Lamp<L> {
    let setup = Setup::new(seed)
        .with_link(link)
        .with_device(device)
        .with_hub(hub);
    Lamp::new(setup, language, id(), Patient)
}

fn id() -> TwinId<'static> {
    TwinId::new("lamp", None).unwrap_or_else(|_| unreachable!("the name is a valid one"))
}
