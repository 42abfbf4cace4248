//! What the firmware costs: builds, measures, and prints, writes down, or compares.

mod elf;
mod emulator;
mod figures;
mod lines;
mod programs;
mod rooms;
mod tables;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use figures::{Figure, Figures, Kind};
use programs::Package;

const USAGE: &str = "usage: twinsync-cost [--write | --check] [--peers] [--allow-panic]

  (nothing)      measures and prints
  --write        writes the baseline and the tables, too
  --check        compares with the baseline: fails if something has grown, or a table is not of the baseline
  --peers        measures the peers anew, too; with --write, writes their figures
  --allow-panic  builds programs in which a panic is reachable";

const BASELINE: &str = "examples/firmware/cost/baseline.txt";
const PEERS: &str = "examples/firmware/cost/peers.txt";

/// Makes a text of our figures and the peers'.
type Table = fn(&Figures, &Figures) -> String;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Options {
    write: bool,
    check: bool,
    peers: bool,
    allow_panic: bool,
}

fn main() -> ExitCode {
    let mut options = Options::default();
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--write" => options.write = true,
            "--check" => options.check = true,
            "--peers" => options.peers = true,
            "--allow-panic" => options.allow_panic = true,
            "--help" | "-h" => {
                println!("{USAGE}");
                return ExitCode::SUCCESS;
            }
            _ => {
                eprintln!("{argument}?\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    }
    if options.write && options.check {
        eprintln!("--write or --check, not both\n{USAGE}");
        return ExitCode::from(2);
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    match repository
        .canonicalize()
        .map_err(|error| error.to_string())
        .and_then(|repository| run(&repository, options))
    {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(repository: &Path, options: Options) -> Result<ExitCode, String> {
    let begun = Instant::now();
    let figures = ours(repository, options)?;
    eprintln!("measured in {} s", begun.elapsed().as_secs());
    let peers = if options.peers {
        let peers = theirs(repository)?;
        if options.write {
            let comment =
                "Peers, by `twinsync-cost --write --peers`: see README.md. Not compared in CI.";
            peers.write(&repository.join(PEERS), comment)?;
        }
        peers
    } else {
        Figures::read(&repository.join(PEERS))?
    };
    let baseline = repository.join(BASELINE);
    let texts: [(PathBuf, Table); 2] = [
        (repository.join("README.md"), tables::short),
        (
            repository.join("examples/firmware/cost/README.md"),
            |figures, _| tables::long(figures),
        ),
    ];
    if options.write {
        let comment = "Written by `twinsync-cost --write`, compared by `twinsync-cost --check`: see README.md.";
        figures.write(&baseline, comment)?;
        for (path, table) in texts {
            if tables::replace(&path, &table(&figures, &peers), true)? {
                println!("written: {}", path.display());
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !options.check {
        println!(
            "{}\n{}",
            tables::short(&figures, &peers),
            tables::long(&figures)
        );
        return Ok(ExitCode::SUCCESS);
    }
    let baseline = Figures::read(&baseline)?;
    let mut found = figures.compare(&baseline);
    for (path, table) in texts {
        if tables::replace(&path, &table(&baseline, &peers), false)? {
            found.failures.push(format!(
                "{}: its tables are not those of the baseline",
                path.display()
            ));
        }
    }
    for line in found.remarks.iter().chain(&found.failures) {
        println!("{line}");
    }
    if found.failures.is_empty() {
        println!("nothing has grown");
        return Ok(ExitCode::SUCCESS);
    }
    println!(
        "{} lines are not as the baseline has them; if that is meant: cargo run --release --manifest-path examples/firmware/cost/Cargo.toml -- --write",
        found.failures.len()
    );
    Ok(ExitCode::FAILURE)
}

/// Measures this crate.
fn ours(repository: &Path, options: Options) -> Result<Figures, String> {
    let proof = Package::new(repository, "proof");
    let programs = proof.programs(&["control"])?;
    let panic: &[&str] = if options.allow_panic {
        &["--features", "allow-panic"]
    } else {
        &[]
    };
    proof.build(&programs, panic)?;
    let empty = proof.elf("empty")?;
    let mut all = Vec::new();
    let programs: Vec<String> = programs
        .into_iter()
        .filter(|name| name != "empty")
        .collect();
    if let [name, ..] = tables::unknown(&programs)[..] {
        return Err(format!("{name} has no label in src/tables.rs"));
    }
    for name in &programs {
        let bytes = proof.elf(name)?.flash() - empty.flash();
        all.push(Figure::new(Kind::Flash, name, &[bytes]));
    }
    for (room, bytes) in rooms::rooms(&proof.elf(tables::FIRST)?, &empty, repository)? {
        all.push(Figure::new(Kind::Room, &room, &[bytes]));
    }
    let measure = Package::new(repository, "measure");
    measure.build(&["measure".into()], &[])?;
    let mut calls = emulator::measure(&measure.path("measure"))?;
    calls.sort_by_key(|figure| figure.kind == Kind::Call);
    all.extend(calls);
    Ok(Figures {
        compiler: programs::compiler()?,
        notes: Vec::new(),
        all,
    })
}

/// Measures the peers.
fn theirs(repository: &Path) -> Result<Figures, String> {
    /// Programs of flash and what they do.
    const PROGRAMS: [(&str, &str); 5] = [
        (
            "json_core",
            "serde-json-core, typed: AWS delta parsed; merge, delta and report by hand, over a struct",
        ),
        (
            "json_core_float",
            "the same with two `f32` among its 16 leaves",
        ),
        (
            "miniconf_json",
            "miniconf: leaves of the same struct set and read by path, as JSON",
        ),
        ("miniconf_json_float", "the same with two `f32`"),
        (
            "rustot_shadow",
            "rustot 0.4.1, the last on crates.io: delta in, the whole state reported each time; no retries, versions, delta or offline",
        ),
    ];
    let peers = Package::new(repository, "peers");
    let mut names: Vec<String> = PROGRAMS.map(|(name, _)| name.to_owned()).into();
    names.extend(["empty".into(), "measure_peers".into()]);
    peers.build(&names, &[])?;
    let empty = peers.elf("empty")?.flash();
    let mut all = Vec::new();
    for (name, label) in PROGRAMS {
        all.push(Figure::new(
            Kind::Flash,
            label,
            &[peers.elf(name)?.flash() - empty],
        ));
    }
    all.extend(emulator::measure(&peers.path("measure_peers"))?);
    let lock = repository.join("examples/firmware/peers/Cargo.lock");
    let notes = tables::PEERS.iter().map(|peer| {
        (
            "version".to_owned(),
            format!("{peer} {}", version(&lock, peer)),
        )
    });
    Ok(Figures {
        compiler: programs::compiler()?,
        notes: notes.collect(),
        all,
    })
}

/// The newest version of a package in a lock file.
fn version(lock: &Path, package: &str) -> String {
    let text = std::fs::read_to_string(lock).unwrap_or_default();
    let entry = format!("name = \"{package}\"\nversion = \"");
    let versions = text
        .split(&entry)
        .skip(1)
        .filter_map(|rest| rest.split('"').next());
    versions.max().unwrap_or("?").to_owned()
}
