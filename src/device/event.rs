//! What the engine tells the application.

use crate::error::Status;

/// What happened. Two of a kind that wait to be taken become one: the later.
///
/// Versions, documents and counters are the engine's getters; events only say when to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// A full get was answered: desired is the service's.
    Synced,
    /// Desired is another than before: look at `changes()`.
    DesiredChanged,
    /// The service took a report, or a part of one.
    ReportAccepted,
    /// One leaf of a report is not sent again before the next full get, or before its value changes:
    /// `withheld()` shows it until the next `poll_transmit`. The other leaves go on.
    LeafWithheld {
        /// Why.
        reason: Reason,
    },
    /// The service refused a request. The engine does what its status calls for by itself.
    Rejected {
        /// What was asked.
        request: Request,
        /// The verdict.
        status: Status,
    },
    /// A request found no answer in time and will be tried again.
    TimedOut {
        /// What was asked.
        request: Request,
    },
    /// The twin does not fit this device. After [`handle_oversized`](super::DeviceEngine::handle_oversized)
    /// the engine asks for the delta alone; a reported section that does not fit is reported anew.
    TwinTooLarge {
        /// Bytes that would have been needed.
        needed: usize,
    },
    /// Desired, or a change of it, does not fit: the leaves that do fit were taken, the others were not.
    DesiredTooLarge {
        /// Bytes that would have been needed.
        needed: usize,
    },
}

/// Why a leaf is withheld.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Reason {
    /// The service refused a report of this leaf alone.
    Rejected(Status),
    /// A message with this leaf alone does not fit the transmit buffer.
    TooLarge {
        /// Canonical bytes of the smallest patch with it.
        needed: usize,
    },
}

/// What a device asks of the network and the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Request {
    /// The broker shall deliver answers and notifications.
    Subscribe,
    /// The service shall send the twin.
    Get,
    /// The service shall take a report.
    Update,
}

/// Events that wait to be taken: a place for each kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Events([Option<Event>; 8]);

impl Events {
    pub(super) const fn new() -> Self {
        Self([None; 8])
    }

    pub(super) fn raise(&mut self, event: Event) {
        if let Some(place) = self.0.get_mut(place(event)) {
            *place = Some(event);
        }
    }

    pub(super) fn take(&mut self) -> Option<Event> {
        self.0.iter_mut().find_map(Option::take)
    }

    pub(super) fn is_withholding(&self) -> bool {
        self.0.get(WITHHELD).is_some_and(|place| place.is_some())
    }
}

const WITHHELD: usize = 3;

const fn place(event: Event) -> usize {
    match event {
        Event::Synced => 0,
        Event::DesiredChanged => 1,
        Event::ReportAccepted => 2,
        Event::LeafWithheld { .. } => WITHHELD,
        Event::Rejected { .. } => 4,
        Event::TimedOut { .. } => 5,
        Event::TwinTooLarge { .. } => 6,
        Event::DesiredTooLarge { .. } => 7,
    }
}
