//! Every dialect that the law holds for.

use twinsync::adapter::azure;
use twinsync::adapter::coap::{Cbor, Format, Json};
use twinsync::device::Config;
use twinsync::hub;
use twinsync::protocol::VersionScope;
use twinsync::sim::{Aws, Azure, Coap, Language, Native, Random, Step, Storage, Udp};
use twinsync::time::Duration;
use twinsync::twin::Policy;

use super::{Cure, law_of};
use crate::toy::Toy;

/// Holds the law over every dialect. A new one is one line here and its [`Spoken`].
pub(crate) fn law(cure: Cure) {
    law_of::<Aws>(cure);
    law_of::<Azure>(cure);
    law_of::<Native>(cure);
    law_of::<Udp<Coap<Cbor>>>(cure);
    law_of::<Udp<Coap<Json>>>(cure);
    law_of::<Udp<Toy>>(cure);
}

/// What the law has to know of a dialect.
pub(crate) trait Spoken: Language + Sized {
    const NAME: &'static str;

    /// What brings a device back that missed something.
    const CURES: &'static [Cure];

    /// How long the protocol itself sends again what was said before: no talk of the engines.
    const ECHOES: Duration = Duration::ZERO;

    /// The dialect, with options by chance.
    fn speak(cure: Cure, random: &mut Random) -> Self;

    /// What the dialect needs of a device.
    fn device(config: Config) -> Config {
        config
    }

    /// What it needs of a hub.
    fn hub(&self) -> hub::Config {
        hub::Config::new()
    }

    /// The step, if a device can find out by this cure what became of it.
    fn step(cure: Cure, step: &Step) -> Option<Step> {
        let _ = cure;
        Some(step.clone())
    }
}

impl Spoken for Aws {
    const NAME: &'static str = "AWS over MQTT";
    const CURES: &'static [Cure] = &Cure::ALL;

    fn speak(cure: Cure, random: &mut Random) -> Self {
        // Without the echo of others' updates, only a full get tells what they removed.
        let full_get = matches!(cure, Cure::Reconnect | Cure::Interval);
        Self::default().with_echo(!full_get || random.chance(500))
    }
}

/// Without [`Cure::Interval`]: what a service with a version for each section does not tell.
pub(crate) fn of_sections(cure: Cure, step: &Step) -> Option<Step> {
    match (cure, step) {
        (Cure::Interval, _) => Some(step.clone()),
        // Versions that count anew up to what is known hide what was lost until the next full get.
        (_, Step::StartHub(_)) => Some(Step::StartHub(Storage::Kept)),
        // Nobody tells a device of a change of reported, or of the twin's end.
        (Cure::NextMessage | Cure::NothingLost, Step::Claim(_) | Step::Delete) => None,
        _ => Some(step.clone()),
    }
}

impl Spoken for Azure {
    const NAME: &'static str = "Azure over MQTT";
    const CURES: &'static [Cure] = &Cure::ALL;

    fn speak(_: Cure, _: &mut Random) -> Self {
        // Schedules hold any number; what IoT Hub refuses of them would be withheld.
        Self::new(azure::Policy::new().with_integers(azure::Integers::Any))
    }

    fn device(config: Config) -> Config {
        config.with_versions(VersionScope::Section)
    }

    fn hub(&self) -> hub::Config {
        Self::hub(self)
    }

    fn step(cure: Cure, step: &Step) -> Option<Step> {
        of_sections(cure, step)
    }
}

impl Spoken for Native {
    const NAME: &'static str = "native over MQTT";
    const CURES: &'static [Cure] = &Cure::ALL;

    fn speak(_: Cure, _: &mut Random) -> Self {
        Self::new()
    }

    fn device(config: Config) -> Config {
        config.with_versions(VersionScope::Section)
    }

    fn hub(&self) -> hub::Config {
        hub::Config::new()
            .with_policy(Policy::new().with_metadata(true))
            .with_notify(hub::Notify {
                desired_patch: true,
                ..hub::Notify::NONE
            })
    }

    fn step(cure: Cure, step: &Step) -> Option<Step> {
        of_sections(cure, step)
    }
}

impl<F: Format> Spoken for Udp<Coap<F>> {
    const NAME: &'static str = "CoAP";
    const CURES: &'static [Cure] = &[Cure::Reconnect, Cure::Interval];
    /// `MAX_TRANSMIT_WAIT`.
    const ECHOES: Duration = Duration::from_secs(93);

    fn speak(_: Cure, random: &mut Random) -> Self {
        Self(Coap::new(random.number()))
    }

    fn device(config: Config) -> Config {
        config.with_versions(VersionScope::Section)
    }

    fn hub(&self) -> hub::Config {
        self.0.hub()
    }

    fn step(cure: Cure, step: &Step) -> Option<Step> {
        of_sections(cure, step)
    }
}

impl Spoken for Udp<Toy> {
    const NAME: &'static str = "a toy over datagrams";
    const CURES: &'static [Cure] = &[Cure::Reconnect, Cure::Interval];

    fn speak(_: Cure, _: &mut Random) -> Self {
        Self(Toy)
    }

    fn device(config: Config) -> Config {
        config.with_versions(VersionScope::Section)
    }

    fn hub(&self) -> hub::Config {
        hub::Config::new()
            .with_policy(Policy::new().with_metadata(true))
            .with_notify(hub::Notify {
                desired: true,
                ..hub::Notify::NONE
            })
    }

    fn step(cure: Cure, step: &Step) -> Option<Step> {
        of_sections(cure, step)
    }
}
