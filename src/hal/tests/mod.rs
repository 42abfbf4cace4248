//! Hardware that is played by mocks.

extern crate std;

mod dimmer;
mod drive;
mod probe;
mod sensor;
mod switch;

use std::io;
use std::string::String;
use std::vec::Vec;

use embedded_hal_mock::eh1::MockError;

use super::Reports;
use crate::document::{Document, Number, Value};
use crate::time::Instant;

const FAILURE: MockError = MockError::Io(io::ErrorKind::NotConnected);

fn at(secs: u64) -> Instant {
    Instant::from_millis(secs * 1_000)
}

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

/// A section with one leaf.
fn section<'v>(path: &[&str], value: impl Into<Value<'v>>) -> Document<128> {
    let mut section = Document::new();
    section.set(path, value).unwrap();
    section
}

/// What is reported: `path=value`, one after the other; `-` for what is taken back.
fn said(reports: Reports) -> String {
    let mut words = Vec::new();
    for report in reports {
        let value = match report.value {
            Value::Null => "-".into(),
            Value::Bool(flag) => std::format!("{flag}"),
            Value::Number(number) => std::format!("{number}"),
            Value::String(text) => text.into(),
            other => std::format!("{other:?}"),
        };
        words.push(std::format!("{}={value}", report.path.join(".")));
    }
    words.join(", ")
}
