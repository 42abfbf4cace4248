//! What a device engine is told when it is made.

use super::changes::Acks;
use super::resume::Resume;
use crate::protocol::{Backoff, VersionScope};
use crate::time::Duration;

/// How a device engine behaves; fixed for its life. Spans longer than 49 days count as 49 days.
///
/// ```
/// use twinsync::device::Config;
/// use twinsync::time::Duration;
///
/// // The seed: the device's serial number, say.
/// let config = Config::new(0x5EED_0042)
///     .with_coalesce(Duration::from_secs(5))
///     .with_request_timeout(Duration::from_secs(20));
/// # let _ = config;
/// ```
// In the order of the engine's core, for the same reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[repr(C)]
pub struct Config {
    pub(super) versions: VersionScope,
    pub(super) foreign: ForeignLeaves,
    pub(super) resync_on_resume: bool,
    pub(super) conditional: bool,
    pub(super) acks: Acks,
    /// Only where each section has a version of its own: one counter for all does not tell whether reported
    /// is as it was.
    pub(super) resume: Option<Resume>,
    pub(super) seed: u32,
    pub(super) patch_limit: usize,
    /// Spans are in milliseconds.
    pub(super) request_timeout: u32,
    pub(super) backoff: Backoff,
    pub(super) coalesce: u32,
    /// Or [`NEVER`].
    pub(super) resync_interval: u32,
}

/// The interval of full gets where there are none.
pub(super) const NEVER: u32 = u32::MAX;

/// What becomes of leaves in the service's reported section that this engine never reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ForeignLeaves {
    /// They belong to someone else (a rule that notes `connected`, a second program on the device, an
    /// earlier life of this device) and stay as they are.
    Keep,
    /// They are wrong: the service's reported section shall be exactly what this engine reports, so a
    /// full get is followed by their removal.
    Remove,
}

impl Config {
    /// The defaults: versions of the whole twin (AWS), foreign leaves kept, answers awaited 10 s,
    /// back-off from 2 s to 5 min, reports not held back, a full get after every connect and every
    /// 24 h, patches as large as the buffer, unconditional updates.
    ///
    /// The seed starts the request ids and the jitter; it should differ from device to device and, unless
    /// a memory is restored, from start to start.
    pub const fn new(seed: u32) -> Self {
        Self {
            seed,
            versions: VersionScope::Twin,
            foreign: ForeignLeaves::Keep,
            request_timeout: 10_000,
            backoff: Backoff::new(Duration::from_secs(2), Duration::from_secs(300)),
            coalesce: 0,
            resync_interval: 86_400_000,
            resync_on_resume: true,
            patch_limit: usize::MAX,
            conditional: false,
            acks: Acks::PLAIN,
            resume: None,
        }
    }

    /// What the service's versions count: the whole twin (AWS) or each section (Azure).
    pub const fn with_versions(mut self, versions: VersionScope) -> Self {
        self.versions = versions;
        self.resume = match versions {
            VersionScope::Twin => None,
            VersionScope::Section => Some(Resume::BY_SECTION),
        };
        self
    }

    /// What becomes of reported leaves that are not this engine's.
    pub const fn with_foreign_leaves(mut self, foreign: ForeignLeaves) -> Self {
        self.foreign = foreign;
        self
    }

    /// How long an answer is awaited before the request counts as lost.
    pub const fn with_request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout.short();
        self
    }

    /// How long to wait after failures.
    pub const fn with_backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// The least time between two reports: what is reported meanwhile goes out as one.
    pub const fn with_coalesce(mut self, interval: Duration) -> Self {
        self.coalesce = interval.short();
        self
    }

    /// How often a full get confirms what is known, against messages lost without a trace; `None`:
    /// never.
    pub const fn with_resync_interval(mut self, interval: Option<Duration>) -> Self {
        self.resync_interval = match interval {
            Some(interval) if interval.short() < NEVER => interval.short(),
            Some(_) => NEVER.wrapping_sub(1),
            None => NEVER,
        };
        self
    }

    /// Whether a full get follows a connect that found its broker session alive. Off, the session is
    /// trusted to have kept every message (AWS persistent sessions; Azure's do not).
    pub const fn with_resync_on_resume(mut self, resync: bool) -> Self {
        self.resync_on_resume = resync;
        self
    }

    /// The largest patch to send, in canonical bytes (about two thirds of its JSON). A larger one goes
    /// out in parts. Only a start: [`Transmit::too_large`](super::Transmit::too_large) lowers it.
    pub const fn with_patch_limit(mut self, bytes: usize) -> Self {
        self.patch_limit = bytes;
        self
    }

    /// Whether updates are sent under the version that is known (of the twin, or of reported where each
    /// section has its own), so that the service refuses them (409, 412) if the twin moved on, even by a late copy of an earlier update of this engine.
    pub const fn with_conditional(mut self, conditional: bool) -> Self {
        self.conditional = conditional;
        self
    }

    /// How reported says what desired asks for, so that it leaves the work list.
    pub const fn with_acks(mut self, acks: Acks) -> Self {
        self.acks = acks;
        self
    }
}
