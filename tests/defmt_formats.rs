//! Every public type can be logged on a device: it implements `defmt::Format` under the feature `defmt`.
//!
//! The scan finds a type that was forgotten, with any features; the list shows with the feature on that the
//! bounds of the generic ones can be met by what users put in.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that fails here fails"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// `(file, type, why it has none)`: nothing so far. A type that holds what can not be logged says so in
/// words of its own (`"HubEngine of {=usize} bytes a twin"`) rather than stand here.
const EXEMPT: &[(&str, &str, &str)] = &[];

#[test]
fn every_public_type_has_a_format() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = 0;
    let mut faults = Vec::new();
    for file in rust_files(&src) {
        let name = file.strip_prefix(&src).unwrap().to_string_lossy();
        let name = name.replace('\\', "/");
        let text = fs::read_to_string(&file).unwrap();
        let types = public_types(&text);
        found += types.len();
        for (kind, has_format) in types {
            let exempt = EXEMPT
                .iter()
                .any(|(in_file, of, _)| *in_file == name && *of == kind);
            if has_format == exempt {
                faults.push(match exempt {
                    true => format!("{name}: `{kind}` has a Format and stands in the table"),
                    false => format!("{name}: `{kind}` has no Format"),
                });
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(found > 300, "only {found} public types: the scan is blind");
}

#[test]
fn scan_sees_derives_impls_and_their_absence() {
    let scan = |text: &str| {
        let types = public_types(text);
        let words = types.iter().map(|(name, has)| format!("{name} {has}"));
        words.collect::<Vec<_>>().join(", ")
    };
    let derive = "#[derive(Debug)]\n#[cfg_attr(feature = \"defmt\", derive(defmt::Format))]\n";
    assert_eq!(scan("#[derive(Debug)]\npub struct A;\n"), "A false");
    assert_eq!(scan(&format!("{derive}pub enum A<'a> {{}}\n")), "A true");
    assert_eq!(
        scan(&format!("{derive}#[non_exhaustive]\npub enum A {{}}\n")),
        "A true"
    );
    assert_eq!(
        scan(&format!("{derive}pub enum A {{}}\n\npub enum B {{}}\n")),
        "A true, B false"
    );
    let by_hand = "pub struct A<T>(T);\nimpl<T> defmt::Format for A<T> {\n";
    assert_eq!(scan(by_hand), "A true");
    assert_eq!(
        scan("pub struct AB;\nimpl defmt::Format for A {\n"),
        "AB false"
    );
    assert_eq!(
        scan("pub struct A;\n// impl defmt::Format for A {\n"),
        "A false"
    );
    assert_eq!(
        scan("pub(crate) struct A;\nstruct B;\n/// pub struct C;\n"),
        ""
    );
}

/// The `pub struct`s and `pub enum`s of a file, each with whether its attributes derive a `Format` or the
/// file implements one for it. A type that its room does not export counts as well: it costs nothing.
fn public_types(text: &str) -> Vec<(String, bool)> {
    let by_hand: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .filter_map(|line| line.split_once("defmt::Format for "))
        .map(|(_, of)| word(of))
        .collect();
    let mut types = Vec::new();
    let mut derived = false;
    for line in text.lines().map(str::trim_start) {
        let name = line
            .strip_prefix("pub struct ")
            .or_else(|| line.strip_prefix("pub enum "));
        if let Some(name) = name.map(word) {
            types.push((name.to_owned(), derived || by_hand.contains(&name)));
        }
        // Attributes of one type stand together, with comments between them at most.
        derived = match line {
            line if line.contains("derive(defmt::Format)") => true,
            line => derived && (line.starts_with("#[") || line.starts_with("//")),
        };
    }
    types
}

/// The name at the beginning of a text.
fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The sources that users get: not the tests of a room.
fn rust_files(src: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![src.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let is_test = path.file_stem().is_some_and(|name| name == "tests");
            match path.is_dir() {
                _ if is_test => {}
                true => dirs.push(path),
                false => {
                    files.extend(Some(path).filter(|path| path.extension() == Some("rs".as_ref())));
                }
            }
        }
    }
    files.sort();
    files
}

#[cfg(feature = "defmt")]
mod bounds {
    use twinsync::adapter::coap;
    use twinsync::adapter::coap::endpoint;
    use twinsync::device::{self, DeviceEngine};
    use twinsync::document::Document;
    use twinsync::hub::{self, HubEngine};
    use twinsync::query::{Condition, Groups, Query};
    use twinsync::rules::Rulebook;
    use twinsync::storage::{AsyncFlashLog, FlashLog, StoreError};
    use twinsync::twin::Twin;

    const fn format<T: defmt::Format>() {}

    /// What has a memory of its own, or parameters that a user chooses: none asks the user's type for a
    /// `Format` unless a value of it is printed.
    #[test]
    fn engines_and_stores_ask_nothing_of_what_they_hold() {
        struct Silent;

        format::<Document<64>>();
        format::<DeviceEngine<512>>();
        format::<device::Transmit<'_>>();
        format::<HubEngine<Silent, 512>>();
        format::<hub::Transmit<'_>>();
        format::<Twin<512>>();
        format::<Rulebook>();
        format::<Condition<'_, 8>>();
        format::<Query<'_, 8>>();
        format::<Groups<4, 32>>();
        format::<endpoint::Client<Silent, 1_280, 2>>();
        format::<endpoint::Server<Silent, 1_280, 2, 4>>();
        format::<coap::Uploads<Silent, 2, 512>>();
        format::<FlashLog<Silent>>();
        format::<AsyncFlashLog<Silent>>();
        format::<StoreError<u8>>();
    }
}
