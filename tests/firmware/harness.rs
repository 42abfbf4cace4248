//! Builds firmware, boots it under QEMU, and holds what a machine is connected to.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::HashSet;
use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{LazyLock, Mutex};
use std::thread;
use std::time::Instant;

use serde_json::{Value, json};

use crate::mosquitto::{Mosquitto, free_port, owner_of};
use crate::running::{Running, WAIT, find, program, skip};

/// A machine of QEMU.
#[derive(Debug)]
pub(crate) struct Board {
    /// The feature of the firmware packages.
    pub(crate) name: &'static str,
    /// Rust's name of its processor.
    target: &'static str,
    qemu: &'static str,
    arguments: &'static [&'static str],
}

/// STM32F405, Cortex-M4F, 128 KB RAM.
pub(crate) static NETDUINOPLUS2: Board = Board {
    name: "netduinoplus2",
    target: "thumbv7em-none-eabihf",
    qemu: "qemu-system-arm",
    arguments: &["-machine", "netduinoplus2"],
};

/// STM32F100, Cortex-M3, 8 KB RAM.
pub(crate) static STM32VLDISCOVERY: Board = Board {
    name: "stm32vldiscovery",
    target: "thumbv7m-none-eabi",
    qemu: "qemu-system-arm",
    arguments: &["-machine", "stm32vldiscovery"],
};

/// nRF51822, Cortex-M0, 16 KB RAM.
pub(crate) static MICROBIT: Board = Board {
    name: "microbit",
    target: "thumbv6m-none-eabi",
    qemu: "qemu-system-arm",
    arguments: &["-machine", "microbit"],
};

/// LM3S6965, Cortex-M3, 64 KB RAM, Ethernet and no modem.
pub(crate) static LM3S6965EVB: Board = Board {
    name: "lm3s6965evb",
    target: "thumbv7m-none-eabi",
    qemu: "qemu-system-arm",
    arguments: &["-machine", "lm3s6965evb"],
};

/// RV32IMC as an ESP32-C3 has it: no atomics, no floats.
pub(crate) static VIRT: Board = Board {
    name: "virt",
    target: "riscv32imc-unknown-none-elf",
    qemu: "qemu-system-riscv32",
    arguments: &[
        "-machine",
        "virt",
        "-cpu",
        "rv32,a=off,f=off,d=off",
        "-m",
        "16M",
        "-bios",
        "none",
    ],
};

/// What has a modem.
pub(crate) static WITH_MODEM: [&Board; 4] = [&NETDUINOPLUS2, &STM32VLDISCOVERY, &MICROBIT, &VIRT];

/// A program for a board, built.
#[derive(Clone, Debug)]
pub(crate) struct Firmware {
    board: &'static Board,
    path: PathBuf,
}

impl Firmware {
    /// Builds the binary of the package with that name; nothing if something that it needs is not installed.
    pub(crate) fn build(package: &'static str, board: &'static Board) -> Option<Self> {
        Self::make(package, &["--bin", package], package, board, "")
    }

    /// The same, with more features than the board's.
    pub(crate) fn build_with(
        package: &'static str,
        board: &'static Board,
        features: &'static str,
    ) -> Option<Self> {
        Self::make(package, &["--bin", package], package, board, features)
    }

    /// Builds an example of the package, with more features than the board's.
    pub(crate) fn build_example(
        package: &'static str,
        example: &'static str,
        board: &'static Board,
        features: &'static str,
    ) -> Option<Self> {
        let name = format!("examples/{example}");
        Self::make(package, &["--example", example], &name, board, features)
    }

    fn make(
        package: &str,
        what: &[&str],
        file: &str,
        board: &'static Board,
        features: &str,
    ) -> Option<Self> {
        // One after the other, in one target directory; each is built once in a run of the tests.
        static BUILT: LazyLock<Mutex<HashSet<PathBuf>>> = LazyLock::new(Mutex::default);
        program(board.qemu)?;
        has_target(board.target)?;
        // Next to this package's own files.
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("firmware");
        let kept = directory
            .join("images")
            .join(format!("{}{features}", board.name));
        let image = kept.join(file.replace('/', "-"));
        let mut all = BUILT
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        if !all.contains(&image) {
            let mut command = Command::new(env!("CARGO"));
            command
                .args(["build", "--quiet", "--release", "--locked"])
                .arg("--manifest-path")
                .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/firmware/Cargo.toml"))
                .args(["--package", package, "--target", board.target])
                .args(["--features", &format!("{},{features}", board.name)])
                .args(what)
                .arg("--target-dir")
                .arg(&directory)
                // What `defmt` leaves in; without it, errors only.
                .env("DEFMT_LOG", "debug")
                // Meant for the host's programs.
                .env_remove("RUSTFLAGS")
                .env_remove("CARGO_ENCODED_RUSTFLAGS")
                .env_remove("CARGO_BUILD_TARGET");
            let output = command.output().expect("cargo");
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{command:?}: {text}");
            // Other features or another board of that processor would overwrite it.
            let built = directory.join(board.target).join("release").join(file);
            fs::create_dir_all(&kept).expect("a directory in the target directory");
            fs::copy(built, &image).expect("what cargo built");
            all.insert(image.clone());
        }
        Some(Self { board, path: image })
    }

    /// Decodes what the firmware logged through `defmt`; nothing if `defmt-print` is not installed.
    fn decode(&self, frames: &Path) -> Option<Vec<String>> {
        let mut command = Command::new(find("defmt-print")?);
        command
            .arg("-e")
            .arg(&self.path)
            .args(["--log-format", "{L} {s}"])
            .stdin(File::open(frames).ok()?);
        let output = command.output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout);
        Some(text.lines().map(ToOwned::to_owned).collect())
    }
}

/// Whether Rust can build for `target`. Where it cannot, the test is skipped, or fails if peers are required.
fn has_target(target: &str) -> Option<()> {
    let output = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output();
    let directory = String::from_utf8_lossy(&output.ok()?.stdout)
        .trim()
        .to_owned();
    if !Path::new(&directory).is_dir() {
        skip(&format!("Rust's target {target}"));
        return None;
    }
    Some(())
}

/// A directory for one test, with a short path: the name of a socket has room for a hundred characters.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn make() -> Self {
        static DIRECTORIES: AtomicUsize = AtomicUsize::new(0);
        let number = DIRECTORIES.fetch_add(1, Ordering::Relaxed);
        let name = format!("twinsync-{}-{number}", std::process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a directory for temporary files");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// A machine that runs. It is killed when this value is dropped, which is a power cut.
pub(crate) struct Machine {
    running: Option<Running>,
    firmware: Firmware,
    log: PathBuf,
    monitor: PathBuf,
}

impl Machine {
    /// Boots the firmware in `directory`, with more arguments for QEMU, and with arguments for the firmware.
    ///
    /// Paths among the arguments are relative to the directory.
    pub(crate) fn boot(
        firmware: &Firmware,
        directory: &Directory,
        qemu: &[String],
        arguments: &[&str],
    ) -> Self {
        static BOOTS: AtomicUsize = AtomicUsize::new(0);
        let boot = BOOTS.fetch_add(1, Ordering::Relaxed);
        let log = directory.file(&format!("defmt-{boot}"));
        let monitor = directory.file(&format!("monitor-{boot}"));
        let mut semihosting = "enable=on,target=native,arg=firmware".to_owned();
        for argument in arguments {
            // QEMU separates its options by commas, and takes two for one.
            semihosting.push_str(",arg=");
            semihosting.push_str(&argument.replace(',', ",,"));
        }
        // Standard output has defmt's frames, which are no lines of text.
        let mut command = Command::new("/bin/sh");
        command
            .current_dir(&directory.0)
            .args(["-c", "log=$1; shift; exec \"$@\" >\"$log\"", "boot"])
            .arg(&log)
            .arg(program(firmware.board.qemu).expect("it was there"))
            .args(firmware.board.arguments)
            .args(["-nodefaults", "-display", "none", "-qmp"])
            .arg(format!("unix:{},server=on,wait=off", monitor.display()))
            .args(qemu)
            .args(["-semihosting-config", &semihosting, "-kernel"])
            .arg(&firmware.path);
        Self {
            running: Some(Running::spawn(command)),
            firmware: firmware.clone(),
            log,
            monitor,
        }
    }

    /// Gives QEMU a command (QEMU Machine Protocol) and returns its answer.
    pub(crate) fn command(&self, name: &str, arguments: &Value) -> Value {
        let start = Instant::now();
        let stream = loop {
            match UnixStream::connect(&self.monitor) {
                Ok(stream) => break stream,
                Err(error) => assert!(start.elapsed() < WAIT, "QEMU's monitor: {error}"),
            }
            thread::sleep(Duration::from_millis(10));
        };
        stream.set_read_timeout(Some(WAIT)).expect("a timeout");
        let mut lines = BufReader::new(&stream).lines();
        let commands = [
            json!({"execute": "qmp_capabilities"}),
            json!({"execute": name, "arguments": arguments}),
        ];
        let mut answer = Value::Null;
        for command in commands {
            writeln!(&stream, "{command}").expect("sent to QEMU");
            // In between come the greeting and events.
            answer = loop {
                let line = lines.next().expect("an answer").expect("an answer in time");
                let message: Value = serde_json::from_str(&line).expect("JSON");
                assert_eq!(message.get("error"), None, "{command}");
                if let Some(answer) = message.get("return") {
                    break answer.clone();
                }
            };
        }
        answer
    }

    /// Waits until the firmware ends its run; returns its exit code and what came on standard error.
    pub(crate) fn finish(&mut self) -> (Option<i32>, Vec<String>) {
        let running = self.running.take().expect("a machine that runs");
        let (lines, code) = running.finish();
        (code, lines)
    }

    /// Waits until the firmware ends its run, which must have gone well.
    pub(crate) fn expect_success(mut self) {
        let (code, lines) = self.finish();
        assert_eq!(code, Some(0), "{lines:#?} {:#?}", self.logged());
    }

    /// Cuts the power: QEMU is killed.
    pub(crate) fn cut_power(mut self) {
        drop(self.running.take());
    }

    /// What the firmware logged until now; nothing if `defmt-print` is not installed.
    pub(crate) fn logged(&self) -> Option<Vec<String>> {
        self.firmware.decode(&self.log)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // A test that fails elsewhere tells what its machine was about.
        if let Some(running) = self.running.as_mut()
            && thread::panicking()
        {
            let lines: Vec<String> = running.output.try_iter().collect();
            eprintln!("{}: {lines:#?}", self.firmware.board.name);
            if fs::metadata(&self.log).is_ok_and(|file| file.len() > 0) {
                eprintln!("{:#?}", self.logged());
            }
        }
    }
}

/// A broker that machines reach through their modems and everybody else over TCP.
pub(crate) struct Bench {
    pub(crate) broker: Mosquitto,
    // Below the broker, which keeps its socket here.
    pub(crate) directory: Directory,
}

impl Bench {
    /// Starts the broker; nothing if it is not installed.
    pub(crate) fn start() -> Option<Self> {
        let directory = Directory::make();
        let socket = directory.file("modem");
        let owner = owner_of(&directory.0);
        let listener = format!("{owner}listener 0 {}\n", socket.display());
        let broker = Mosquitto::start_at(free_port(), &listener)?;
        let bench = Self { broker, directory };
        bench.await_socket();
        Some(bench)
    }

    /// Boots a machine whose modem is connected to the broker, and is again after the broker was restarted.
    pub(crate) fn boot(&self, firmware: &Firmware, arguments: &[&str]) -> Machine {
        let socket = self.directory.file("modem");
        let modem = format!("socket,id=modem,path={},reconnect=1", socket.display());
        // Stopped until the modem is connected: what is sent before gets lost.
        let serial = ["-S", "-chardev", &modem, "-serial", "chardev:modem"];
        let qemu = serial.map(ToOwned::to_owned);
        let machine = Machine::boot(firmware, &self.directory, &qemu, arguments);
        await_that("the modem's connection", || {
            let all = machine.command("query-chardev", &json!({}));
            let mut all = all.as_array().expect("a list").iter();
            let modem = all.find(|one| one["label"] == "modem").expect("the modem");
            !modem["filename"]
                .as_str()
                .is_some_and(|name| name.starts_with("disconnected"))
        });
        machine.command("cont", &json!({}));
        machine
    }

    /// Ends the broker and starts it anew on the same socket and port: it has forgotten everything.
    pub(crate) fn restart_broker(&mut self) {
        self.broker.restart();
        self.await_socket();
    }

    fn await_socket(&self) {
        let socket = self.directory.file("modem");
        let start = Instant::now();
        while UnixStream::connect(&socket).is_err() {
            assert!(start.elapsed() < WAIT, "mosquitto has no unix socket");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Waits until `is_done`.
pub(crate) fn await_that(what: &str, mut is_done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_done() {
        assert!(start.elapsed() < WAIT, "{what} did not come true");
        thread::sleep(Duration::from_millis(20));
    }
}
