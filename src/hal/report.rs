//! What a binding has to say of its hardware.

use crate::document::Value;
use crate::rules::filter::Why;

/// Where a leaf is in a section; a constant.
pub type Path = &'static [&'static str];

/// One value that is to be reported.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Report {
    /// Where it is in reported.
    pub path: Path,
    /// The value; null takes back what stands there.
    pub value: Value<'static>,
    /// Why it is said: [`Why::Change`] unless a probe's filter has another reason.
    pub why: Why,
}

/// All that is to be reported of one piece of hardware: at most its value and its fault.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Reports {
    value: Option<Report>,
    fault: Option<Report>,
}

impl Reports {
    pub(super) const fn new(value: Option<Report>, fault: Report) -> Self {
        Self {
            value,
            fault: Some(fault),
        }
    }
}

impl Report {
    pub(super) const fn new(path: Path, value: Value<'static>) -> Self {
        Self {
            path,
            value,
            why: Why::Change,
        }
    }
}

impl Iterator for Reports {
    type Item = Report;

    fn next(&mut self) -> Option<Report> {
        self.value.take().or_else(|| self.fault.take())
    }
}
