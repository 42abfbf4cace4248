//! Readings through edge filters: what is worth a report, and when it must not wait.

use super::DeviceEngine;
use super::commands::ReportError;
use super::state::Parts;
use crate::document::{DocumentRef, Number, Value};
use crate::rules::filter::{Decision, Filters, Report, Why};
use crate::time::Instant;

/// What sensors say.
impl<const N: usize> DeviceEngine<N> {
    /// A sensor was read: reports what the filter of `path` makes of the reading, if that is to be reported
    /// now. What crosses a threshold goes out at once, past
    /// [`Config::with_coalesce`](super::Config::with_coalesce).
    ///
    /// Wake up for [`Filters::poll_timeout`] as for [`DeviceEngine::poll_timeout`], and call
    /// [`DeviceEngine::observe_due`] then.
    ///
    /// ```
    /// use twinsync::device::{Config, DeviceEngine};
    /// use twinsync::document::Number;
    /// use twinsync::rules::filter::{Deadband, Filter, Filters, LeafFilter};
    /// use twinsync::time::Instant;
    ///
    /// static RULES: [LeafFilter; 1] = [LeafFilter {
    ///     path: &["celsius"],
    ///     filter: Filter::new().with_deadband(Deadband::Absolute(Number::integer(1))),
    /// }];
    /// let mut filters = Filters::new(&RULES);
    /// let mut device = DeviceEngine::<256>::new(Config::new(1));
    /// for reading in ["21.3", "21.8", "22.4"] {
    ///     device.observe(Instant::ZERO, &mut filters, &["celsius"], reading.parse()?)?;
    /// }
    /// assert_eq!(device.reported().read::<Number>(&["celsius"])?.to_string(), "22.4");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ReportError`]: the path is too deep, or the value does not fit; the filter forgets the reading.
    pub fn observe<const F: usize>(
        &mut self,
        now: Instant,
        filters: &mut Filters<F>,
        path: &[&str],
        reading: Number,
    ) -> Result<Decision, ReportError> {
        let before = filters.gate(path).copied();
        let decision = filters.observe(now, path, reading);
        if let Decision::Report(report) = decision
            && let Err(error) = self.report_reading(now, path, report)
        {
            if let (Some((gate, _)), Some(before)) = (filters.gate_mut(path), before) {
                *gate = before;
            }
            return Err(error);
        }
        Ok(decision)
    }

    /// Reports what is due without a new reading: windows that have closed, changes that waited, heartbeats.
    /// Returns how many values that were.
    ///
    /// A heartbeat of an unchanged value is sent although the service has it.
    ///
    /// # Errors
    /// [`ReportError`]: a value does not fit. It counts as reported for its filter; the others that are due
    /// are still due.
    pub fn observe_due<const F: usize>(
        &mut self,
        now: Instant,
        filters: &mut Filters<F>,
    ) -> Result<usize, ReportError> {
        let mut reports = 0_usize;
        while let Some((path, report)) = filters.poll(now) {
            self.report_reading(now, path, report)?;
            reports = reports.saturating_add(1);
        }
        Ok(reports)
    }

    /// One value is true now, as in [`report_value`](Self::report_value), for this reason: what crossed a
    /// threshold goes out at once, past [`Config::with_coalesce`](super::Config::with_coalesce), and a
    /// heartbeat is sent although the service has the value.
    ///
    /// # Errors
    /// [`ReportError`]: too deep, it does not fit, or it is a map with a null in it.
    pub fn report_observed<'v>(
        &mut self,
        now: Instant,
        path: &[&str],
        value: impl Into<Value<'v>>,
        why: Why,
    ) -> Result<(), ReportError> {
        self.parts().report_observed(now, path, value.into(), why)
    }

    fn report_reading(
        &mut self,
        now: Instant,
        path: &[&str],
        report: Report,
    ) -> Result<(), ReportError> {
        self.report_observed(now, path, report.value, report.why)
    }
}

impl Parts<'_> {
    fn report_observed(
        &mut self,
        now: Instant,
        path: &[&str],
        value: Value<'_>,
        why: Why,
    ) -> Result<(), ReportError> {
        self.report_value(now, path, value)?;
        match why {
            Why::Change => {}
            Why::Threshold => self.core.report_at = self.core.now,
            Why::Heartbeat => {
                // As if the service had something else there: so the value goes out, and is still known
                // to be this engine's, should it be taken back before. Null takes no more room than it.
                if self.acknowledged.as_ref().at(path).is_some() {
                    let _ = self.acknowledged.copy(path, DocumentRef::NULL);
                }
            }
        }
        Ok(())
    }
}
