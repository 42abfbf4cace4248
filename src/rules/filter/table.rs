//! A table of filtered leaves.

use super::{Decision, Filter, Gate, Report, Why};
use crate::document::Number;
use crate::time::Instant;

/// The filter of the leaf at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct LeafFilter {
    /// Where the leaf is in reported.
    pub path: &'static [&'static str],
    /// Its rule.
    pub filter: Filter,
}

/// Filters for `N` leaves, and what they remember: about 100 bytes a leaf.
///
/// ```
/// use twinsync::document::Number;
/// use twinsync::rules::filter::{Deadband, Decision, Filter, Filters, LeafFilter};
/// use twinsync::time::Instant;
///
/// const HALF: Number = Number::decimal(5, -1).unwrap();
/// static RULES: [LeafFilter; 2] = [
///     LeafFilter {
///         path: &["boiler", "celsius"],
///         filter: Filter::new().with_deadband(Deadband::Absolute(HALF)),
///     },
///     LeafFilter { path: &["burner"], filter: Filter::new() },
/// ];
/// let mut filters = Filters::new(&RULES);
/// let reading = "61.3".parse().unwrap();
/// let decision = filters.observe(Instant::ZERO, &["boiler", "celsius"], reading);
/// assert!(matches!(decision, Decision::Report(_)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Filters<const N: usize> {
    rules: &'static [LeafFilter; N],
    gates: [Gate; N],
}

impl<const N: usize> Filters<N> {
    /// Takes the rules; nothing was reported yet.
    pub const fn new(rules: &'static [LeafFilter; N]) -> Self {
        Self {
            rules,
            gates: [const { Gate::new() }; N],
        }
    }

    /// Takes a reading of the leaf at `path` and says what becomes of it. A leaf that no filter is for is
    /// reported. Cost: linear in the number of filters.
    pub fn observe(&mut self, now: Instant, path: &[&str], reading: Number) -> Decision {
        match self.gate_mut(path) {
            Some((gate, filter)) => gate.observe(now, filter, reading),
            None => Decision::Report(Report {
                value: reading,
                why: Why::Change,
            }),
        }
    }

    /// Returns the next value that is due at `now` without a new reading, and where. Call it until it
    /// returns `None`. Cost: linear in the number of filters.
    pub fn poll(&mut self, now: Instant) -> Option<(&'static [&'static str], Report)> {
        for (rule, gate) in self.rules.iter().zip(&mut self.gates) {
            if gate.reported().is_some()
                && let Decision::Report(report) = gate.poll(now, &rule.filter)
            {
                return Some((rule.path, report));
            }
        }
        None
    }

    /// Returns when [`Filters::poll`] is due next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.leaves()
            .filter_map(|(rule, gate)| gate.poll_timeout(&rule.filter))
            .min()
    }

    /// Returns what is remembered of the leaf at `path`.
    pub fn gate(&self, path: &[&str]) -> Option<&Gate> {
        let (_, gate) = self.leaves().find(|(rule, _)| rule.path == path)?;
        Some(gate)
    }

    /// The gate of a leaf with its rule.
    pub(crate) fn gate_mut(&mut self, path: &[&str]) -> Option<(&mut Gate, &'static Filter)> {
        let mut leaves = self.rules.iter().zip(&mut self.gates);
        let (rule, gate) = leaves.find(|(rule, _)| rule.path == path)?;
        Some((gate, &rule.filter))
    }

    fn leaves(&self) -> impl Iterator<Item = (&'static LeafFilter, &Gate)> {
        self.rules.iter().zip(&self.gates)
    }
}
