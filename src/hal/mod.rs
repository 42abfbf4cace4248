//! Hardware at the leaves of a twin: desired to pins, sensors to reported, over embedded-hal 1.0.
//!
//! A [`Drive`] puts the leaf of desired at one path into effect through an [`Actuator`] ([`Switch`],
//! [`ReadBackSwitch`], [`Dimmer`], anything else as [`ActuatorFn`]). A [`Probe`] reads a [`Sensor`]
//! ([`Contact`], anything else as [`SensorFn`]) through a [`Filter`](crate::rules::filter::Filter).
//!
//! **The one rule: what is reported of hardware is what the hardware is known to do.** A fan at 33.3 % that
//! was asked for 33.337 is reported as 33.3; a switch whose driver failed is reported as a fault, and its
//! value is taken back unless it can be read; a sensor that does not answer has a fault and no value.
//!
//! Neither knows an engine. A drive fits into [`settle`](crate::device::DeviceEngine::settle) and
//! [`settle_by`](crate::device::DeviceEngine::settle_by); both say what to report, as state, not as a
//! queue: **after every `settle` and every reading, report all that [`Drive::reports`] and
//! [`Probe::reports`] say.** Saying it twice changes nothing.
//!
//! ```
//! use twinsync::device::{Config, DeviceEngine, Verdict};
//! use twinsync::document::{Document, Number};
//! use twinsync::hal::{Contact, Drive, Fault, Probe, SensorFn, Switch};
//! use twinsync::rules::filter::{Deadband, Filter};
//! use twinsync::time::Instant;
//! # use core::convert::Infallible;
//! # use embedded_hal::digital::{ErrorType, InputPin, OutputPin};
//! # struct Pin(bool);
//! # impl ErrorType for Pin { type Error = Infallible; }
//! # impl OutputPin for Pin {
//! #     fn set_low(&mut self) -> Result<(), Infallible> { self.0 = false; Ok(()) }
//! #     fn set_high(&mut self) -> Result<(), Infallible> { self.0 = true; Ok(()) }
//! # }
//! # impl InputPin for Pin {
//! #     fn is_high(&mut self) -> Result<bool, Infallible> { Ok(self.0) }
//! #     fn is_low(&mut self) -> Result<bool, Infallible> { Ok(!self.0) }
//! # }
//! # let (relay_pin, window_pin) = (Pin(false), Pin(true));
//! # fn thermometer() -> Result<Number, embedded_hal::i2c::ErrorKind> { Ok(Number::from(21)) }
//!
//! static TENTHS: Filter = Filter::new()
//!     .with_deadband(Deadband::Absolute(Number::decimal(1, -1).unwrap()));
//!
//! let mut heater = Drive::new(&["heater"], &["faults", "heater"], Switch::active_high(relay_pin));
//! let mut window = Probe::new(&["window"], &["faults", "window"], Contact::active_low(window_pin));
//! let mut room = Probe::new(&["celsius"], &["faults", "celsius"], SensorFn::new(thermometer))
//!     .with_filter(&TENTHS);
//!
//! let mut engine = DeviceEngine::<256>::new(Config::new(7));
//! let now = Instant::ZERO;
//!
//! // On `DesiredChanged`, on `Synced`, and at `heater.poll_timeout()`:
//! engine.settle(now, |leaf| heater.offer(now, &leaf).unwrap_or(Verdict::Refused));
//! for report in heater.reports(now, engine.desired()) {
//!     engine.report_value(now, report.path, report.value)?;
//! }
//! // As often as sensors are to be read:
//! window.read(now);
//! room.read(now);
//! for report in window.reports(now).chain(room.reports(now)) {
//!     engine.report_observed(now, report.path, report.value, report.why)?;
//! }
//! assert_eq!(engine.reported().read::<bool>(&["window"])?, false);
//! assert_eq!(engine.reported().read::<u8>(&["celsius"])?, 21);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # After a restart
//!
//! Restore the engine, report what the drives say (nothing is known of any hardware yet), settle, and report
//! again, all before the first connect: what was desired is in force, and the service need not hear of it.
//!
//! # Faults
//!
//! A fault is a text at a path of its own, such as `["faults", "heater"]`, and goes when the hardware works
//! again. The key that [value rules](crate::rules::ValueRules::errors) report under is not the place for it:
//! they clear it each time.
//!
//! # Async drivers
//!
//! Await the driver, and hand in what came of it: [`Drive::conclude`] and [`Probe::observe`].

mod actuator;
mod dimmer;
mod drive;
mod fault;
mod probe;
mod report;
mod sensor;
mod switch;

pub use actuator::{Actuator, ActuatorFn, Applied, ApplyError};
pub use dimmer::{Dimmer, Scale};
pub use drive::Drive;
pub use fault::Fault;
pub use probe::Probe;
pub use report::{Path, Report, Reports};
pub use sensor::{Contact, Sensor, SensorFn};
pub use switch::{ReadBackSwitch, Switch};

#[cfg(test)]
mod tests;
