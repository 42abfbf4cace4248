//! A hub: ten thousand twins, random updates from JSON, the delta of each written as JSON.
//!
//! Each candidate runs in a process of its own, so that its memory can be told; the processes take
//! turns, one working while the others wait.

use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::Instant;
use std::{env, fs};

use twinsync_benches::peers::hub::{
    Engine, Hub, JsonPatch, Limit, Packed, SerdeJson, SimdJson, Slots, SonicRs, TWINS, Twins,
};
use twinsync_benches::report::grouped;
use twinsync_benches::{callgrind, clock, workloads};

const USAGE: &str = "usage: hub [OPTION…] [CANDIDATE…]

options
  --workloads DIR read w4_twins.jsonl and w4_patches.jsonl instead of making them
  --updates N     updates in one turn (150000)
  --turns N       turns of each candidate (5)
  --time-only     leave out the instruction counts";

const PATCHES: usize = 50_000;
/// Updates under callgrind, after one for each twin to warm up.
const COUNTED: usize = 20_000;

const CANDIDATES: [&str; 9] = [
    Slots::NAME,
    Twins::NAME,
    Engine::NAME,
    Packed::NAME,
    SimdJson::NAME,
    SonicRs::NAME,
    SerdeJson::NAME,
    JsonPatch::NAME,
    Limit::NAME,
];

fn main() -> ExitCode {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [mode, candidate, folder] = &arguments[..]
        && (mode == "--child" || mode == "--counted")
    {
        child(mode, candidate, Path::new(folder));
        return ExitCode::SUCCESS;
    }
    let (mut updates, mut turns, mut counting) = (150_000, 5, true);
    let mut given: Option<PathBuf> = None;
    let mut candidates = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse().ok());
        let known = CANDIDATES.iter().find(|known| *known == argument);
        match (argument.as_str(), known) {
            ("--updates", _) => updates = number().unwrap_or(updates),
            ("--turns", _) => turns = number().unwrap_or(turns),
            ("--time-only", _) => counting = false,
            ("--workloads", _) => given = arguments.next().map(PathBuf::from),
            (_, Some(known)) => candidates.push(*known),
            _ => {
                eprintln!("{USAGE}\n\ncandidates: {}", CANDIDATES.join(", "));
                return ExitCode::from(2);
            }
        }
    }
    if candidates.is_empty() {
        candidates.extend(CANDIDATES);
    }
    let temporary = env::temp_dir().join(format!("twinsync-hub-{}", process::id()));
    fs::create_dir_all(&temporary).expect("a temporary folder");
    let folder = match given.filter(|folder| folder.join("w4_twins.jsonl").exists()) {
        Some(folder) => folder,
        None => {
            println!("W4 made by workloads::fleet\n");
            make(&temporary);
            temporary.clone()
        }
    };
    let mut rows = time(&folder, &candidates, updates, turns);
    if counting {
        for row in &mut rows {
            row.instructions = Some(count(&temporary, &folder, row.name));
        }
    }
    let _ = fs::remove_dir_all(&temporary);
    print(&rows);
    ExitCode::SUCCESS
}

fn make(folder: &Path) {
    let fleet = workloads::fleet(TWINS, PATCHES);
    let lines =
        |name: &str| BufWriter::new(fs::File::create(folder.join(name)).expect("a temporary file"));
    let mut out = lines("w4_twins.jsonl");
    for twin in &fleet.twins {
        writeln!(out, "{twin}").expect("a temporary file");
    }
    let mut out = lines("w4_patches.jsonl");
    for (twin, patch) in &fleet.patches {
        writeln!(out, "{twin}\t{patch}").expect("a temporary file");
    }
}

struct Row {
    name: &'static str,
    ns: f64,
    instructions: Option<u64>,
    loaded: u64,
    after: u64,
    load_ns: u64,
    delta_bytes: u64,
}

/// A process with one candidate, loaded and warm.
struct Worker {
    name: &'static str,
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Worker {
    fn start(name: &'static str, folder: &Path) -> Self {
        let mut process = Command::new(env::current_exe().expect("this program"))
            .args(["--child", name])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program again");
        let input = process.stdin.take().expect("a pipe");
        let output = BufReader::new(process.stdout.take().expect("a pipe"));
        Self {
            name,
            process,
            input,
            output,
        }
    }

    /// The numbers on the next line that the process writes.
    fn numbers(&mut self) -> Vec<u64> {
        let mut line = String::new();
        self.output.read_line(&mut line).expect("a line");
        let numbers = line.split_whitespace().map(|word| word.parse());
        numbers
            .collect::<Result<_, _>>()
            .unwrap_or_else(|_| panic!("{}: {line}", self.name))
    }
}

fn time(folder: &Path, candidates: &[&'static str], updates: usize, turns: usize) -> Vec<Row> {
    let mut workers = Vec::new();
    let mut rows = Vec::new();
    for name in candidates {
        let mut worker = Worker::start(name, folder);
        let numbers = worker.numbers();
        rows.push(Row {
            name,
            ns: 0.0,
            instructions: None,
            loaded: numbers[0],
            after: 0,
            load_ns: numbers[1],
            delta_bytes: 0,
        });
        workers.push(worker);
    }
    let mut samples = vec![Vec::new(); workers.len()];
    for turn in 0..turns {
        for step in 0..workers.len() {
            let i = (turn + step) % workers.len();
            writeln!(workers[i].input, "{updates}").expect("a pipe");
            let numbers = workers[i].numbers();
            samples[i].push(numbers[0] as f64 / updates as f64);
            rows[i].delta_bytes += numbers[1];
            rows[i].after = numbers[2];
        }
    }
    for (row, samples) in rows.iter_mut().zip(samples) {
        row.ns = clock::median(samples);
    }
    for mut worker in workers {
        drop(worker.input);
        let status = worker.process.wait().expect("the process");
        assert!(status.success(), "{}: {status}", worker.name);
    }
    // The engine's deltas stand in messages, with versions and metadata.
    let checked = rows
        .iter()
        .filter(|row| row.name != Limit::NAME && row.name != Engine::NAME);
    let bytes: Vec<_> = checked.map(|row| (row.name, row.delta_bytes)).collect();
    let same = bytes.windows(2).all(|pair| pair[0].1 == pair[1].1);
    assert!(same, "the deltas differ: {bytes:?}");
    rows
}

fn count(temporary: &Path, folder: &Path, name: &str) -> u64 {
    let profiles = temporary.join(name);
    let arguments = ["--counted", name, &folder.display().to_string()].map(str::to_owned);
    callgrind::run_self(&profiles, &arguments).expect("valgrind with callgrind");
    let counts = callgrind::counts(&profiles).expect("callgrind's files");
    counts.iter().map(|count| count.1).sum::<u64>() / COUNTED as u64
}

fn print(rows: &[Row]) {
    let ours = rows.iter().find(|row| row.name == Slots::NAME);
    println!(
        "| candidate | updates/s | ns | slower than twinsync | instructions | RSS per twin, loaded | after the updates | load |\n|---|---|---|---|---|---|---|---|"
    );
    for row in rows {
        let ratio = match ours {
            Some(ours) if ours.name != row.name => format!("×{:.2}", row.ns / ours.ns),
            _ => "–".to_owned(),
        };
        println!(
            "| {} | {} | {:.0} | {ratio} | {} | {} B | {} B | {:.1} µs |",
            row.name,
            grouped((1e9 / row.ns) as u64),
            row.ns,
            row.instructions.map_or_else(|| "–".to_owned(), grouped),
            grouped(row.loaded),
            grouped(row.after),
            row.load_ns as f64 / 1e3,
        );
    }
    println!(
        "\nbytes of delta written by each: {}",
        grouped(rows[0].delta_bytes)
    );
    println!("\n| goal | now | |\n|---|---|---|");
    for ours in rows {
        if [Slots::NAME, Twins::NAME].contains(&ours.name) {
            goals(ours, rows);
        }
    }
}

fn goals(ours: &Row, rows: &[Row]) {
    let name = ours.name;
    for (peer, faster, smaller) in [("simd-json", 5.0, None), ("serde_json", 6.5, Some(10.0))] {
        let Some(row) = rows.iter().find(|row| row.name == peer) else {
            continue;
        };
        judge(
            &format!("{name}: ≥ {faster}× {peer} in updates/s"),
            row.ns / ours.ns,
            faster,
        );
        if let Some(smaller) = smaller {
            let ratio = row.after as f64 / ours.after as f64;
            judge(
                &format!("{name}: ≥ {smaller}× less RSS than {peer}"),
                ratio,
                smaller,
            );
        }
    }
    if let Some(now) = ours.instructions {
        println!(
            "| {name}: ≤ 5,000 i an update | {} i | {} |",
            grouped(now),
            verdict(now <= 5_000)
        );
    }
    let slot = match name {
        Twins::NAME => size_of::<twinsync::twin::Twin<1024>>() as u64,
        _ => 1_024,
    };
    let met = verdict(ours.after <= slot + 20);
    println!(
        "| {name}: ≤ slot + 20 B a twin | {} B | {met} |",
        ours.after
    );
}

fn judge(goal: &str, now: f64, least: f64) {
    println!("| {goal} | {now:.2}× | {} |", verdict(now >= least));
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

fn child(mode: &str, candidate: &str, folder: &Path) {
    match candidate {
        Slots::NAME => work::<Slots>(mode, folder),
        Twins::NAME => work::<Twins>(mode, folder),
        Engine::NAME => work::<Engine>(mode, folder),
        Packed::NAME => work::<Packed>(mode, folder),
        SimdJson::NAME => work::<SimdJson>(mode, folder),
        SonicRs::NAME => work::<SonicRs>(mode, folder),
        SerdeJson::NAME => work::<SerdeJson>(mode, folder),
        JsonPatch::NAME => work::<JsonPatch>(mode, folder),
        Limit::NAME => work::<Limit>(mode, folder),
        _ => unreachable!("only this program starts it"),
    }
}

/// All patches in one block, so that reading them is the same for everybody.
struct Patches {
    text: Vec<u8>,
    /// Twin, and where its patch begins and ends in the text.
    index: Vec<(usize, usize, usize)>,
    next: usize,
}

impl Patches {
    fn read(folder: &Path) -> Self {
        let file = fs::read_to_string(folder.join("w4_patches.jsonl")).expect("the patches");
        let mut patches = Self {
            text: Vec::with_capacity(file.len()),
            index: Vec::new(),
            next: 0,
        };
        for line in file.lines() {
            let (twin, patch) = line.split_once('\t').expect("index and patch");
            let start = patches.text.len();
            patches.text.extend_from_slice(patch.as_bytes());
            let twin = twin.parse().expect("an index");
            patches.index.push((twin, start, patches.text.len()));
        }
        patches
    }

    /// Does so many updates and returns how many bytes of deltas came out.
    fn run<H: Hub>(&mut self, hub: &mut H, count: usize) -> u64 {
        let mut bytes = 0;
        for _ in 0..count {
            let (twin, start, end) = self.index[self.next];
            self.next = (self.next + 1) % self.index.len();
            bytes += hub.update(twin, &self.text[start..end]).len() as u64;
        }
        bytes
    }
}

fn work<H: Hub>(mode: &str, folder: &Path) {
    let mut hub = H::new();
    let mut twins = 0_usize;
    let mut load_ns = 0;
    // Line by line through one buffer: nothing is freed that the twins could move into unseen.
    let file = fs::File::open(folder.join("w4_twins.jsonl")).expect("the twins");
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::with_capacity(4_096);
    // The code and the buffers of a first twin are not the twins' memory.
    reader.read_until(b'\n', &mut line).expect("the twins");
    H::new().load(line.trim_ascii_end());
    let before = resident();
    hub.load(line.trim_ascii_end());
    twins += 1;
    line.clear();
    while reader.read_until(b'\n', &mut line).expect("the twins") > 0 {
        let start = Instant::now();
        hub.load(line.trim_ascii_end());
        load_ns += start.elapsed().as_nanos() as u64;
        twins += 1;
        line.clear();
    }
    let per_twin = |now: u64| now.saturating_sub(before) / twins as u64;
    let loaded = per_twin(resident());
    let without_patches = resident();
    let mut patches = Patches::read(folder);
    let for_patches = resident() - without_patches;

    if mode == "--counted" {
        patches.run(&mut hub, TWINS);
        callgrind::start();
        patches.run(&mut hub, COUNTED);
        callgrind::stop();
        callgrind::dump("hub");
        return;
    }
    let warm_up = patches.index.len();
    patches.run(&mut hub, warm_up);
    println!("{loaded} {}", load_ns / twins as u64);
    for line in io::stdin().lines() {
        let count = line.expect("a pipe").parse().expect("a number");
        let start = Instant::now();
        let bytes = patches.run(&mut hub, count);
        let took = start.elapsed().as_nanos();
        println!("{took} {bytes} {}", per_twin(resident() - for_patches));
    }
}

/// The memory of this process that is in RAM, in bytes.
fn resident() -> u64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|n| n.parse().ok());
    pages.unwrap_or(0_u64) * 4_096
}
