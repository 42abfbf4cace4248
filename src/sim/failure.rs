//! Why a simulation failed, and how to see it again.

use core::fmt;

use super::schedule::Patch;
use crate::time::Instant;
use crate::twin::Version;

/// Both ends did not come to agree. Its text names the seed of the run.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Failure {
    /// The seed that makes the same run again.
    pub seed: u64,
    /// Virtual time.
    pub at: Instant,
    /// Messages on the device's link until then, both ways.
    pub messages: u64,
    /// What is wrong.
    pub reason: Reason,
    /// Desired, as the device has it.
    pub device_desired: Patch,
    /// Desired, as the hub has it.
    pub hub_desired: Patch,
    /// Reported, as the device has it.
    pub device_reported: Patch,
    /// Reported, as the hub has it.
    pub hub_reported: Patch,
    /// The version that the device knows.
    pub device_version: Version,
    /// The version that the hub has.
    pub hub_version: Version,
}

/// What keeps both ends from being in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Reason {
    /// Something is in flight, or the device does not believe itself in step.
    Unsettled,
    /// All is quiet and desired differs.
    Desired,
    /// All is quiet and reported differs.
    Reported,
    /// The application would apply a desired value, and was not asked to.
    Delta,
    /// The device's engine wants to be called again and again at the same moment.
    Runaway,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self.reason {
            Reason::Unsettled => "the conversation did not end",
            Reason::Desired => "desired differs",
            Reason::Reported => "reported differs",
            Reason::Delta => "a change was not offered to the application",
            Reason::Runaway => "the device's engine never waits",
        };
        write!(
            f,
            "seed {}: {words}, at {} after {} messages\n\
             desired:  device {:?}\n             hub {:?}\n\
             reported: device {:?}\n             hub {:?}\n\
             version:  device {}, hub {}",
            self.seed,
            self.at,
            self.messages,
            self.device_desired,
            self.hub_desired,
            self.device_reported,
            self.hub_reported,
            self.device_version,
            self.hub_version,
        )
    }
}

impl core::error::Error for Failure {}
