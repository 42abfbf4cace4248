//! Documents: parse, merge, update, delta and serialise, twinsync beside its peers.

use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::time::{Duration, Instant};
use std::{env, fs};

use twinsync_benches::cases::{self, Case, Run};
use twinsync_benches::peers::Operation;
use twinsync_benches::report::Report;
use twinsync_benches::workloads::{self, Workload};
use twinsync_benches::{callgrind, clock};

const USAGE: &str = "usage: documents MODE [OPTION…] [WORD…]

modes
  time            nanoseconds: candidates in turn, median of the rounds
  instructions    instruction counts (needs valgrind)
  all             both in one table
  loop            do the one case that the words leave, for a profiler
  workloads       print what is measured

words             only cases whose name, such as `parse W1-patch sonic-rs`, holds all of them

options
  --workloads DIR read the inputs from w1_doc.json … instead of making them
  --rounds N      rounds of half a millisecond for each case (61)
  --seconds N     how long `loop` goes on (10)
  --keep DIR      keep callgrind's profiles, one for each case, for callgrind_annotate
  --save FILE     write the measurements as lines
  --peers FILE    take the better of each peer from such a file";

/// Operations before counting, and counted operations.
const WARM_UP: u32 = 4;
const COUNTED: u32 = 8;

struct Options {
    mode: String,
    words: Vec<String>,
    workloads: Option<PathBuf>,
    rounds: usize,
    seconds: u64,
    keep: Option<PathBuf>,
    save: Option<PathBuf>,
    peers: Option<PathBuf>,
}

fn options() -> Option<Options> {
    let mut arguments = env::args().skip(1);
    let mut options = Options {
        mode: arguments.next()?,
        words: Vec::new(),
        workloads: None,
        rounds: 61,
        seconds: 10,
        keep: None,
        save: None,
        peers: None,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--workloads" => options.workloads = Some(arguments.next()?.into()),
            "--rounds" => options.rounds = arguments.next()?.parse().ok().filter(|n| *n > 0)?,
            "--seconds" => options.seconds = arguments.next()?.parse().ok()?,
            "--keep" => options.keep = Some(arguments.next()?.into()),
            "--save" => options.save = Some(arguments.next()?.into()),
            "--peers" => options.peers = Some(arguments.next()?.into()),
            _ if argument.starts_with('-') => return None,
            _ => options.words.push(argument),
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(options) = options() else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let workloads = match &options.workloads {
        Some(folder) => workloads::read(folder),
        None => workloads::generate(),
    };
    let mut report = Report::default();
    match options.mode.as_str() {
        "time" => time(&options, &workloads, &mut report),
        "instructions" => instructions(&options, &workloads, &mut report),
        "all" => {
            time(&options, &workloads, &mut report);
            instructions(&options, &workloads, &mut report);
        }
        "loop" => return repeat(&options, &workloads),
        "workloads" => {
            describe(&workloads);
            return ExitCode::SUCCESS;
        }
        // What `instructions` starts under callgrind.
        "counted" => {
            counted(cases::all(&workloads, &options.words));
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    if let Some(path) = &options.save {
        report.save(path).expect("a file to save to");
    }
    if let Some(path) = &options.peers {
        report.take_better_peers(path).expect("a saved file");
    }
    println!("{}", report.markdown());
    ExitCode::SUCCESS
}

/// Groups cases of the same operation and workload; within one, candidates keep their order.
fn groups(cases: &mut [Case]) -> Vec<(Operation, String, Vec<&mut Case>)> {
    let mut groups: Vec<(Operation, String, Vec<&mut Case>)> = Vec::new();
    for case in cases {
        let same = groups
            .iter_mut()
            .find(|group| group.0 == case.operation && group.1 == case.workload);
        match same {
            Some(group) => group.2.push(case),
            None => groups.push((case.operation, case.workload.clone(), vec![case])),
        }
    }
    groups.sort_by_key(|group| group.0);
    groups
}

fn time(options: &Options, workloads: &[Workload], report: &mut Report) {
    let mut cases = cases::all(workloads, &options.words);
    for (operation, workload, mut cases) in groups(&mut cases) {
        let mut runs: Vec<&mut Run> = cases.iter_mut().map(|case| &mut case.run).collect();
        let medians = clock::measure(&mut runs, options.rounds);
        for (case, ns) in cases.iter().zip(medians) {
            report.enter(operation, &workload, case.candidate).ns = Some(ns);
        }
    }
}

fn instructions(options: &Options, workloads: &[Workload], report: &mut Report) {
    let temporary = env::temp_dir().join(format!("twinsync-benches-{}", process::id()));
    let folder = options.keep.as_deref().unwrap_or(&temporary);
    let mut arguments = vec!["counted".to_owned()];
    if let Some(path) = &options.workloads {
        arguments.extend(["--workloads".to_owned(), path.display().to_string()]);
    }
    arguments.extend(options.words.iter().cloned());
    callgrind::run_self(folder, &arguments).expect("valgrind with callgrind");
    let counts = callgrind::counts(folder).expect("callgrind's files");
    for case in cases::all(workloads, &options.words) {
        let name = case.name();
        if let Some((_, total)) = counts.iter().find(|count| count.0 == name) {
            let measured = report.enter(case.operation, &case.workload, case.candidate);
            measured.instructions = Some(total / u64::from(COUNTED));
        }
    }
    match &options.keep {
        Some(folder) => rename_profiles(folder),
        None => drop(fs::remove_dir_all(temporary)),
    }
}

fn counted(cases: Vec<Case>) {
    for mut case in cases {
        let name = case.name();
        (case.run)(WARM_UP);
        callgrind::start();
        (case.run)(COUNTED);
        callgrind::stop();
        callgrind::dump(&name);
    }
}

/// Gives each kept profile the name of its case.
fn rename_profiles(folder: &Path) {
    for file in fs::read_dir(folder).expect("the folder").flatten() {
        let text = fs::read(file.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let label = "desc: Trigger: Client Request: ";
        if let Some(name) = text.lines().find_map(|line| line.strip_prefix(label)) {
            let name = name.replace([' ', '/'], "_") + ".callgrind";
            let _ = fs::rename(file.path(), folder.join(name));
        }
    }
}

fn repeat(options: &Options, workloads: &[Workload]) -> ExitCode {
    let mut cases = cases::all(workloads, &options.words);
    let [case] = &mut cases[..] else {
        eprintln!("loop needs words that leave one case; they leave:");
        for case in &cases {
            eprintln!("  {}", case.name());
        }
        return ExitCode::from(2);
    };
    let (start, mut count) = (Instant::now(), 0_u64);
    while start.elapsed() < Duration::from_secs(options.seconds) {
        (case.run)(1_000);
        count += 1_000;
    }
    let ns = start.elapsed().as_nanos() as f64 / count as f64;
    println!("{}: {count} times, {ns:.1} ns each", case.name());
    ExitCode::SUCCESS
}

fn describe(workloads: &[Workload]) {
    println!("| workload | JSON | leaves | patch | desired |\n|---|---|---|---|---|");
    for workload in workloads {
        let leaves = |text: &str| twinsync_benches::tree::Tree::read(text).paths().len();
        for patch in &workload.patches {
            println!(
                "| {} | {} B | {} | {}: {} B, {} leaves | {} B |",
                workload.name,
                workload.document.len(),
                leaves(&workload.document),
                patch.name,
                patch.a.len(),
                leaves(&patch.a),
                workload.desired.len(),
            );
        }
    }
}
