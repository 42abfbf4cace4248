//! The figures as tables, and where they stand in a text.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::figures::{Figures, Kind};

/// A program of `examples/firmware/proof`: what it does, and the most that it is to take, if there is a goal.
struct Program {
    name: &'static str,
    label: &'static str,
    goal: Option<u64>,
}

const fn program(name: &'static str, label: &'static str, goal: Option<u64>) -> Program {
    Program { name, label, goal }
}

/// The programs in the order of the table.
const PROGRAMS: [Program; 20] = [
    program(
        "device_aws",
        "device engine + JSON + AWS, every call",
        Some(10_240),
    ),
    program(
        "device_aws_typical",
        "what a typical device calls of it: connect, get, settle, acknowledge, `report_value`, send",
        Some(10_240),
    ),
    program(
        "device_native",
        "device engine + CBOR + native dialect, every call",
        Some(8_192),
    ),
    program(
        "device_azure",
        "device engine + JSON + Azure, every call, login and acknowledgements",
        None,
    ),
    program(
        "device_coap",
        "device engine + JSON + CoAP adapter and endpoint, every call",
        None,
    ),
    program("device_coap_cbor", "the same with CBOR", None),
    program(
        "document",
        "document: set, remove, read, merge, delta, bounded diff, check of stored bytes",
        None,
    ),
    program("json", "JSON: in pieces, and out", None),
    program("cbor", "CBOR: in pieces, and out, envelopes", None),
    program("storage", "snapshots and flash log", None),
    program("filter", "device engine + edge filters", None),
    program(
        "hal",
        "device engine + switch, dimmer, contact and sensor over embedded-hal",
        None,
    ),
    program(
        "rules",
        "device engine + state machine + value rules, with their drawings",
        None,
    ),
    program("condition", "one condition, parsed and evaluated", None),
    program("query", "a whole query with groups and order", None),
    program("coap_client", "CoAP endpoint, client", None),
    program("coap_server", "CoAP endpoint, server with observers", None),
    program(
        "coap_endpoint",
        "CoAP endpoint, both roles, `coap-message` traits",
        None,
    ),
    program(
        "hub",
        "hub engine + stored records + JSON + AWS service",
        None,
    ),
    program(
        "fleet",
        "hub engine + query + settings, rollouts, automatic configurations",
        None,
    ),
];

/// The program whose rooms are shown.
pub const FIRST: &str = PROGRAMS[0].name;

/// What the same goal says of RAM besides the user's buffers, and of the stack of an engine's call.
const RAM_GOAL: u64 = 512;
const STACK_GOAL: u64 = 1_024;

/// Values of the short table.
const RAM: [&str; 7] = [
    "DeviceEngine<256>",
    "DeviceEngine<512>",
    "DeviceEngine<1024>",
    "DeviceEngine<4096>",
    "endpoint::Client<_, 512, 3>",
    "FlashLog, without the flash",
    "HubEngine<_, 1024>, without the registry",
];

pub const PEERS: [&str; 3] = ["serde-json-core", "miniconf", "rustot"];

/// Operations of the short table: what a peer calls it (its own name stands before it), and the call.
const OPERATIONS: [(&str, &str); 15] = [
    (
        "parse a document of 300 B",
        "JSON: parse a document of 300 B",
    ),
    (
        "merge a parsed patch of 4 leaves",
        "document: merge a patch of 4 leaves",
    ),
    (
        "delta, 4 of 16 leaves differ",
        "document: delta, 4 of 16 leaves differ",
    ),
    ("delta, no difference", "document: delta, no difference"),
    (
        "write the document as JSON",
        "JSON: write a document of 300 B",
    ),
    ("read a leaf by its path", "document: read a leaf"),
    ("set a leaf by its path", "document: set a leaf"),
    (
        "read an AWS delta message of 300 B",
        "AWS: decode a delta of 300 B",
    ),
    (
        "the same to the end: applied, and the report written",
        "AWS delta of 300 B: decode, handle_message, settle, report out",
    ),
    ("`acknowledge`", "device: acknowledge"),
    (
        "`settle_by` with a rulebook, 5 changes",
        "device: settle_by, 5 changes, one refused",
    ),
    (
        "first report, 300 B: computed and written",
        "device: poll_transmit + encode, report of 300 B",
    ),
    (
        "snapshot written",
        "storage: Snapshot::write, two sections of 300 B",
    ),
    (
        "snapshot saved to flash",
        "storage: FlashLog::save, the first",
    ),
    ("snapshot loaded from flash", "storage: FlashLog::load"),
];

/// What others publish of programs that do a part of this; measured by them, with their compilers.
const PUBLISHED: [(&str, &str); 4] = [
    (
        "AWS IoT Device Shadow library for C: topics only",
        "0.9 KB, published",
    ),
    (
        "coreJSON for C: the JSON parser that goes with it",
        "2.5 to 3.0 KB, published",
    ),
    (
        "Azure SDK for Embedded C: hub, provisioning and Plug and Play on a PIC24",
        "26.2 KB, published",
    ),
    (
        "rustot's 0.5 line, whole shadow; needs a nightly compiler, not on crates.io",
        "27.8 KB, measured when it was built with rustc 1.95",
    ),
];

/// Says which programs have no place in the table.
pub fn unknown(programs: &[String]) -> Vec<&String> {
    let known = |name: &&String| !PROGRAMS.iter().any(|program| program.name == name.as_str());
    programs.iter().filter(known).collect()
}

/// The tables of the README.
pub fn short(figures: &Figures, peers: &Figures) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{}; `thumbv7em-none-eabihf`, opt-level z, fat LTO, one codegen unit, no float.\n",
        figures.compiler
    );
    let _ = writeln!(text, "| flash of | bytes | goal |\n| --- | ---: | ---: |");
    for Program { name, label, goal } in &PROGRAMS {
        if let Some([bytes]) = figures.find(Kind::Flash, name) {
            let goal = goal.map_or(String::new(), |goal| {
                format!("{}, {}", grouped(goal), met(*bytes <= goal))
            });
            let _ = writeln!(text, "| {label} | {} | {goal} |", grouped(*bytes));
        }
    }
    let _ = writeln!(text, "\n| the first row by room | bytes |\n| --- | ---: |");
    for room in figures.of(Kind::Room) {
        let name = if room.name.contains(' ') || room.name == "constants" {
            room.name.clone()
        } else {
            format!("`{}`", room.name)
        };
        let _ = writeln!(text, "| {name} | {} |", grouped(room.values[0]));
    }
    text.push_str(&sum(figures));
    let _ = writeln!(
        text,
        "\n| RAM of | bytes | besides the buffers of the user's choice |\n| --- | ---: | ---: |"
    );
    for name in RAM {
        if let Some([bytes, besides]) = figures.find(Kind::Ram, name) {
            let _ = writeln!(
                text,
                "| {} | {} | {} |",
                code(name),
                grouped(*bytes),
                grouped(*besides)
            );
        }
    }
    if let Some([_, besides]) = figures.find(Kind::Ram, RAM[1]) {
        let _ = writeln!(
            text,
            "\nGoal of the device's engine besides the buffers: {RAM_GOAL} bytes, {}.",
            met(*besides <= RAM_GOAL)
        );
    }
    let _ = writeln!(
        text,
        "\n| instructions / peak stack in bytes | twinsync | {} |\n| --- | ---: | ---: | ---: | ---: |",
        PEERS.join(" | ")
    );
    for (label, call) in OPERATIONS {
        let mut row = format!("| {label} | {}", pair(figures.find(Kind::Call, call)));
        for peer in PEERS {
            let _ = write!(
                row,
                " | {}",
                pair(peers.find(Kind::Call, &format!("{peer}: {label}")))
            );
        }
        let _ = writeln!(text, "{row} |");
    }
    text.push_str(&stack(figures));
    let _ = writeln!(
        text,
        "\n| flash of peers, same target and profile | bytes |\n| --- | ---: |"
    );
    for peer in peers.of(Kind::Flash) {
        let _ = writeln!(text, "| {} | {} |", peer.name, grouped(peer.values[0]));
    }
    for (label, size) in PUBLISHED {
        let _ = writeln!(text, "| {label} | {size} |");
    }
    let notes: Vec<String> = peers
        .notes
        .iter()
        .map(|(word, note)| {
            if word == "version" {
                note.clone()
            } else {
                format!("{word} {note}")
            }
        })
        .collect();
    let _ = writeln!(text, "\nPeers: {}; {}.", notes.join(", "), peers.compiler);
    text
}

/// Why the rooms are not together what the program is.
fn sum(figures: &Figures) -> String {
    let rooms: u64 = figures.of(Kind::Room).map(|room| room.values[0]).sum();
    match figures.find(Kind::Flash, FIRST) {
        Some([flash]) if rooms > *flash => format!(
            "\nTogether {} more than the first row: the empty program has routines that this one does not need.\n",
            rooms - flash
        ),
        _ => String::new(),
    }
}

/// Which calls of the engines miss the goal of the stack.
fn stack(figures: &Figures) -> String {
    let engines = figures
        .of(Kind::Call)
        .filter(|call| call.name.starts_with("device: "));
    let mut above: Vec<_> = engines.filter(|call| call.values[1] > STACK_GOAL).collect();
    above.sort_by_key(|call| std::cmp::Reverse(call.values[1]));
    if above.is_empty() {
        return format!(
            "\nNo call of the device's engine takes more than {} bytes of stack (goal, met).\n",
            grouped(STACK_GOAL)
        );
    }
    let names: Vec<String> = above
        .iter()
        .map(|call| {
            format!(
                "`{}` ({})",
                call.name.trim_start_matches("device: "),
                grouped(call.values[1])
            )
        })
        .collect();
    format!(
        "\nGoal of the stack of a call of the device's engine: {} bytes, met by all but {}.\n",
        grouped(STACK_GOAL),
        names.join(", ")
    )
}

/// All that was measured under QEMU.
pub fn long(figures: &Figures) -> String {
    let mut text = format!(
        "{}.\n\n| RAM of | bytes | besides buffers |\n| --- | ---: | ---: |\n",
        figures.compiler
    );
    for ram in figures.of(Kind::Ram) {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            code(&ram.name),
            grouped(ram.values[0]),
            grouped(ram.values[1])
        );
    }
    let _ = writeln!(
        text,
        "\n| call | instructions | peak stack, bytes |\n| --- | ---: | ---: |"
    );
    for call in figures.of(Kind::Call) {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            call.name,
            grouped(call.values[0]),
            grouped(call.values[1])
        );
    }
    text
}

const fn met(met: bool) -> &'static str {
    if met { "met" } else { "not met" }
}

fn pair(found: Option<&[u64]>) -> String {
    match found {
        Some([instructions, stack]) => format!("{} / {}", grouped(*instructions), grouped(*stack)),
        _ => "-".into(),
    }
}

/// `DeviceEngine<512>, and more` with its type as code.
fn code(name: &str) -> String {
    match name.split_once(">, ") {
        Some((kind, more)) => format!("`{kind}>`, {more}"),
        None => match name
            .split_once(", ")
            .filter(|(kind, _)| !kind.contains('<'))
        {
            Some((kind, more)) => format!("`{kind}`, {more}"),
            None => format!("`{name}`"),
        },
    }
}

/// A number with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Puts `block` between the two marks of the text in `path`; says whether that changed it.
pub fn replace(path: &Path, block: &str, write: bool) -> Result<bool, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let new = between(&text, block).ok_or_else(|| format!("{}: no marks", path.display()))?;
    if write && new != text {
        fs::write(path, &new).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(new != text)
}

fn between(text: &str, block: &str) -> Option<String> {
    const BEGIN: &str = "<!-- cost: begin -->\n";
    const END: &str = "<!-- cost: end -->";
    let begin = text.find(BEGIN)? + BEGIN.len();
    let end = begin + text[begin..].find(END)?;
    Some(format!(
        "{}\n{}\n{}",
        &text[..begin],
        block.trim(),
        &text[end..]
    ))
}

#[cfg(test)]
mod tests {
    use super::{between, code, grouped};

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = "a\n<!-- cost: begin -->\nold\n<!-- cost: end -->\nb\n";
        let new = between(text, "new\n").unwrap();
        assert_eq!(
            new,
            "a\n<!-- cost: begin -->\n\nnew\n<!-- cost: end -->\nb\n"
        );
        assert_eq!(between(&new, "new").unwrap(), new);
        assert_eq!(between("no marks", "new"), None);
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn a_type_is_code_and_what_follows_it_is_not() {
        assert_eq!(code("Gate"), "`Gate`");
        assert_eq!(code("Client<_, 512, 3>"), "`Client<_, 512, 3>`");
        assert_eq!(code("Hub<_, 8>, without"), "`Hub<_, 8>`, without");
        assert_eq!(code("FlashLog, without"), "`FlashLog`, without");
    }
}
