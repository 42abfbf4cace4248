//! Is this JSON valid, and what does it cost as (a part of) a twin?
//!
//! ```text
//! cargo run --release --example inspect -- document.json
//! echo '{"target":21.5}' | cargo run --release --example inspect -- -
//! ```
//!
//! Exit 0: valid. Exit 1: not valid, beyond the bounds of a document, or it can't be read; the reason and
//! the byte offset are printed.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::or_fun_call,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "an example on a host, kept short"
)]

use std::io::Read;
use std::process::ExitCode;

use twinsync::codec::json::{self, ReadReason};
use twinsync::document::{Document, MAX_DOCUMENT, Map, NumberError, Value};
use twinsync::twin::ETag;

const USAGE: &str = "usage: inspect FILE|-";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    if path == "--help" || path == "-h" {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let text = match text_of(&path) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("{path}: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut document = Box::new(Document::<MAX_DOCUMENT>::new());
    if let Err(error) = json::read(&text, Document::as_mut(&mut document)) {
        println!("{}: {error}", verdict_of(error.reason));
        println!("{}", excerpt(&text, error.offset));
        return ExitCode::FAILURE;
    }
    report(&text, &document);
    ExitCode::SUCCESS
}

fn text_of(path: &str) -> std::io::Result<Vec<u8>> {
    if path != "-" {
        return std::fs::read(path);
    }
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text)?;
    Ok(text)
}

/// What ends the reading: the text, or the bounds of a document.
fn verdict_of(reason: ReadReason) -> &'static str {
    match reason {
        ReadReason::Capacity(_)
        | ReadReason::TooDeep
        | ReadReason::KeyTooLong
        | ReadReason::Number(NumberError::TooPrecise | NumberError::OutOfRange) => {
            "valid so far, but beyond the bounds of a document"
        }
        _ => "not valid",
    }
}

/// The text around an offset, with a mark under the offending byte.
fn excerpt(text: &[u8], offset: usize) -> String {
    let offset = offset.min(text.len());
    let start = offset.saturating_sub(30);
    let shown = |bytes: &[u8]| -> String {
        let text = String::from_utf8_lossy(bytes);
        let one_column = |c: char| if c.is_control() { ' ' } else { c };
        text.chars().map(one_column).collect()
    };
    let before = shown(&text[start..offset]);
    let after = shown(&text[offset..text.len().min(offset + 30)]);
    let column = before.chars().count();
    format!("  {before}{after}\n  {:column$}^", "")
}

fn report(text: &[u8], document: &Document<MAX_DOCUMENT>) {
    let view = document.as_ref();
    let compact = json::len(view);
    let depth = view.depth();
    println!("valid");
    println!("JSON as given    {:>6} bytes", text.len());
    println!("JSON compact     {compact:>6} bytes");
    println!("canonical        {:>6} bytes", view.as_bytes().len());
    println!("leaves           {:>6}", view.leaves().count());
    println!("depth            {depth:>6}");
    let etag = ETag::of(view).as_bytes().map(|byte| format!("{byte:02x}"));
    println!("etag             {}", etag.concat());
    let sections = sections(view.root());
    let counted: usize = sections.iter().map(|(_, value)| len(*value)).sum();
    let named: Vec<&str> = sections.iter().map(|(name, _)| *name).collect();
    let deepest = sections.iter().map(|(_, value)| nesting(*value)).max();
    let deepest = deepest.unwrap_or(0);
    println!();
    println!("counted as {}:", named.join(" + "));
    verdict("AWS Device Shadow, 8192 bytes of JSON", counted, 8192);
    verdict("AWS Device Shadow, 8 levels (once 6)", deepest, 8);
    for (name, value) in sections {
        let limit = if name == "tags" { 8 * 1024 } else { 32 * 1024 };
        verdict(
            &format!("Azure IoT Hub, {limit} for {name}"),
            azure_size(value),
            limit,
        );
    }
    verdict("Azure IoT Hub, 10 levels", depth.saturating_sub(1), 10);
}

/// The sections of a shadow or twin document; anything else counts as one section.
fn sections(root: Value<'_>) -> Vec<(&str, Value<'_>)> {
    let state = match root {
        Value::Map(map) => map.value("state").or_else(|| map.value("properties")),
        _ => None,
    };
    let holder = state.unwrap_or(root);
    let found: Vec<_> = holder
        .as_map()
        .into_iter()
        .flat_map(Map::iter)
        .filter(|(name, _)| ["desired", "reported", "tags"].contains(name))
        .collect();
    if found.is_empty() {
        vec![("one section", root)]
    } else {
        found
    }
}

fn verdict(limit: &str, size: usize, most: usize) {
    let fits = if size <= most { "fits" } else { "TOO LARGE" };
    println!("  {limit:<42} {size:>6}  {fits}");
}

fn len(value: Value<'_>) -> usize {
    let mut writer = json::Writer::counting();
    writer.value(value);
    writer.len()
}

/// Levels of maps and arrays.
fn nesting(value: Value<'_>) -> usize {
    match value {
        Value::Map(map) => map.as_document().depth(),
        Value::Array(array) => array.as_document().depth(),
        _ => 0,
    }
}

/// What Azure counts: keys and strings in characters, numbers 8, booleans 4.
fn azure_size(value: Value<'_>) -> usize {
    let characters = |text: &str| text.chars().filter(|c| !c.is_control()).count();
    match value {
        Value::String(text) => characters(text),
        Value::Number(_) => 8,
        Value::Bool(_) => 4,
        Value::Array(array) => array.iter().map(azure_size).sum(),
        Value::Map(map) => map
            .iter()
            .map(|(key, value)| characters(key) + azure_size(value))
            .sum(),
        Value::Null => 0,
    }
}
