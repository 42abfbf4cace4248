//! What a link does to the messages on it.

use crate::time::Duration;

/// The properties of a link, in both directions alike; all chances are per thousand messages.
///
/// The presets are shapes, not measurements: use them to see that a schedule survives the kind of
/// trouble, and the `with_` methods for a network that you know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Conditions {
    pub(super) loss: u16,
    pub(super) duplication: u16,
    pub(super) reordering: u16,
    pub(super) latency: (Duration, Duration),
    pub(super) burst: Option<Burst>,
}

/// Loss that comes in bursts (Gilbert and Elliott): the link is good or bad and loses all while bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Burst {
    /// Chance per thousand messages that a burst begins.
    pub begins: u16,
    /// Chance per thousand messages that it ends.
    pub ends: u16,
}

impl Conditions {
    /// Everything arrives once, in order, at once.
    pub const fn perfect() -> Self {
        Self {
            loss: 0,
            duplication: 0,
            reordering: 0,
            latency: (Duration::ZERO, Duration::ZERO),
            burst: None,
        }
    }

    /// A wire in the same building: a millisecond or two, nothing lost.
    pub const fn lan() -> Self {
        Self::perfect().with_latency(Duration::from_millis(1), Duration::from_millis(2))
    }

    /// A busy 2.4 GHz cell: short, uneven delays, now and then a burst of interference.
    pub const fn wifi() -> Self {
        Self::perfect()
            .with_latency(Duration::from_millis(2), Duration::from_millis(80))
            .with_loss(10)
            .with_burst(Burst {
                begins: 5,
                ends: 250,
            })
    }

    /// A moving modem: long and very uneven delays, hand-overs that swallow or repeat messages.
    pub const fn cellular() -> Self {
        Self::perfect()
            .with_latency(Duration::from_millis(40), Duration::from_millis(900))
            .with_loss(20)
            .with_duplication(10)
            .with_reordering(30)
            .with_burst(Burst {
                begins: 10,
                ends: 150,
            })
    }

    /// A geostationary hop: more than half a second each way, fades that last.
    pub const fn satellite() -> Self {
        Self::perfect()
            .with_latency(Duration::from_millis(550), Duration::from_millis(750))
            .with_loss(15)
            .with_burst(Burst {
                begins: 10,
                ends: 80,
            })
    }

    /// Worse than any network that anyone pays for: a third lost, a tenth doubled, order at random.
    pub const fn hostile() -> Self {
        Self::perfect()
            .with_latency(Duration::ZERO, Duration::from_secs(3))
            .with_loss(330)
            .with_duplication(100)
            .with_reordering(300)
    }

    /// The same link that loses this many of a thousand messages, each on its own.
    pub const fn with_loss(mut self, per_mille: u16) -> Self {
        self.loss = per_mille;
        self
    }

    /// The same link that delivers this many of a thousand messages twice.
    pub const fn with_duplication(mut self, per_mille: u16) -> Self {
        self.duplication = per_mille;
        self
    }

    /// The same link on which this many of a thousand messages may be overtaken by later ones.
    pub const fn with_reordering(mut self, per_mille: u16) -> Self {
        self.reordering = per_mille;
        self
    }

    /// The same link with another range of delays.
    pub const fn with_latency(mut self, shortest: Duration, longest: Duration) -> Self {
        self.latency = (shortest, longest);
        self
    }

    /// The same link with bursts of loss.
    pub const fn with_burst(mut self, burst: Burst) -> Self {
        self.burst = Some(burst);
        self
    }
}

impl Default for Conditions {
    /// [`Conditions::perfect`].
    fn default() -> Self {
        Self::perfect()
    }
}
