//! Ask a fleet: any query, answered from the twins' own bytes.
//!
//! `cargo run --release --example query_fleet -- "SELECT deviceId FROM devices WHERE tags.location.floor = 3"`
//! builds a thousand twins from a fixed seed, in memory, with indexes of building and battery, runs the query page
//! by page and prints a table; without a query, it asks some of its own. Under a text that is no query stands a
//! mark where it stops being one, and the program exits with 1.

#![allow(
    clippy::arithmetic_side_effects,
    reason = "rules for firmware; this is a program for a host"
)]

use core::error::Error;
use std::process::ExitCode;

use twinsync::codec::json;
use twinsync::document::{Document, DocumentRef};
use twinsync::fleet::{Indexed, PageRequest};
use twinsync::hub::Registry;
use twinsync::protocol::TwinId;
use twinsync::query::{Dialect, Query};
use twinsync::time::Timestamp;
use twinsync::twin::{self, Policy, Twin, TwinRef, Update};

const SHOWN: [&str; 3] = [
    "SELECT deviceId, tags.location.floor, properties.reported.battery AS battery FROM devices
     WHERE tags.location.building = 'building-1' AND properties.reported.battery < 3 ORDER BY tags.location.floor",
    "SELECT tags.location.building AS building, COUNT() AS devices, AVG(properties.reported.battery) AS battery
     FROM devices GROUP BY tags.location.building ORDER BY devices DESC",
    "SELECT COUNT() AS behind FROM devices WHERE properties.reported.rate != properties.desired.rate",
];

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let fleet = fleet(1_000)?;
    let asked: Vec<String> = std::env::args().skip(1).collect();
    let asked = asked.iter().map(String::as_str);
    let shown = SHOWN.into_iter().skip(asked.len().min(1) * SHOWN.len());
    for text in asked.chain(shown) {
        println!("{text}");
        match Query::<256>::parse(text, Dialect::TWIN) {
            Ok(query) => answer(&fleet, &query)?,
            Err(error) => {
                println!("{:>1$}", '^', error.column);
                eprintln!("{error}");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn answer(fleet: &Indexed, query: &Query<'_, 256>) -> Result<(), Box<dyn Error>> {
    let names: Vec<&str> = match query.as_ref().is_whole() {
        true => vec!["deviceId", "version", "tags", "properties"],
        false => query.columns().map(|column| column.name).collect(),
    };
    println!("  {}", line(names.iter().map(|name| (*name).into())));
    let (mut rows, mut examined, mut token) = (0, 0, None::<String>);
    loop {
        let first = PageRequest::new(100);
        let next = token.iter().fold(first, |page, token| page.after(token));
        let page = fleet.search(query.as_ref(), next)?;
        for row in page.rows() {
            println!("  {}", line(names.iter().map(|name| cell(row.at(&[name])))));
            rows += 1;
        }
        examined += page.examined();
        token = page.continuation().map(Into::into);
        if token.is_none() {
            break;
        }
    }
    println!("  ({rows} rows; looked at {examined} twins)");
    Ok(())
}

/// Cells side by side.
fn line(cells: impl Iterator<Item = String>) -> String {
    let line: String = cells.map(|cell| format!("{cell:18}  ")).collect();
    line.trim_end().into()
}

/// A value as JSON, text without its quotation marks.
fn cell(value: Option<DocumentRef<'_>>) -> String {
    let mut text = vec![0; 8 * 1024];
    let len = value.map_or(Ok(0), |value| json::write(value, &mut text));
    text.truncate(len.unwrap_or(0));
    String::from_utf8_lossy(&text).trim_matches('"').into()
}

/// Twins of pumps in three buildings.
fn fleet(devices: u32) -> Result<Indexed, Box<dyn Error>> {
    let fleet = Indexed::new().with_index("tags.location.building")?;
    let mut fleet = fleet.with_index("properties.reported.battery")?;
    let mut seed = 7_u32;
    let mut random = |below: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) % below
    };
    for number in 0..devices {
        let (building, floor) = (1 + random(3), random(5));
        let (rate, battery) = (5 + random(8).min(1) * 5, random(101));
        let text = format!(
            r#"{{"tags": {{"location": {{"building": "building-{building}", "floor": {floor}}}}},
                "desired": {{"rate": 10}}, "reported": {{"rate": {rate}, "battery": {battery}}}}}"#
        );
        let (mut patch, mut next) = (Document::<512>::new(), Twin::<512>::new());
        json::read(text.as_bytes(), patch.as_mut())?;
        let update = Update::merge(patch.as_ref());
        let (policy, now) = (Policy::new(), Timestamp::EPOCH);
        twin::apply(TwinRef::ABSENT, &update, now, &policy, &mut next.as_mut())?;
        fleet.save(
            TwinId::new(&format!("pump-{number:04}"), None)?,
            next.as_ref(),
        )?;
    }
    Ok(fleet)
}
