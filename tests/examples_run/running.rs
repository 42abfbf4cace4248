//! Programs that the tests start, watch and end.

use core::time::Duration;
use std::env;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

/// Longest wait for anything: generous, because the machine may be busy with other tests.
pub(crate) const WAIT: Duration = Duration::from_secs(30);

/// A program that runs; it is killed when this value is dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) output: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    /// Starts an example of this package, with debug output of its requests.
    pub(crate) fn start<S: AsRef<OsStr>>(example: &str, arguments: &[S]) -> Self {
        // target/PROFILE/deps/THIS-TEST -> target/PROFILE/examples/EXAMPLE
        let mut path = env::current_exe().expect("the test's own path");
        path.pop();
        path.pop();
        path.extend(["examples", example]);
        path.set_extension(env::consts::EXE_EXTENSION);
        assert!(
            path.exists(),
            "{} is missing: `cargo test` without `--test` builds it, and so does `cargo build --examples`",
            path.display()
        );
        let mut command = Command::new(path);
        command
            .args(arguments)
            .env("RUST_LOG", format!("{example}=debug"));
        Self::spawn(command)
    }

    pub(crate) fn spawn(mut command: Command) -> Self {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("a program that starts");
        let (sender, output) = mpsc::channel();
        let pipes: [Option<Box<dyn Read + Send>>; 2] = [
            child.stdout.take().map(|pipe| Box::new(pipe) as _),
            child.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for pipe in pipes.into_iter().flatten() {
            let sender = sender.clone();
            thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Self {
            child,
            output,
            seen: Vec::new(),
        }
    }

    /// Returns the next line of output that `wanted` turns into something.
    pub(crate) fn await_output<T>(&mut self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        let start = Instant::now();
        while let Some(rest) = WAIT.checked_sub(start.elapsed()) {
            let Ok(line) = self.output.recv_timeout(rest) else {
                break;
            };
            let found = wanted(&line);
            self.seen.push(line);
            if let Some(found) = found {
                return found;
            }
        }
        panic!("no {what} in {:#?}", self.seen);
    }

    pub(crate) fn await_line(&mut self, wanted: &str) {
        self.await_output(wanted, |line| (line == wanted).then_some(()));
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("/bin/sh").args(["-c", &kill]).status();
        assert!(status.expect("a shell").success(), "{kill}");
    }

    /// Waits for the program's end; returns all lines of its output and its exit code.
    pub(crate) fn finish(mut self) -> (Vec<String>, Option<i32>) {
        let start = Instant::now();
        while start.elapsed() < WAIT {
            while let Ok(line) = self.output.recv_timeout(Duration::from_millis(10)) {
                self.seen.push(line);
            }
            if let Some(status) = self.child.try_wait().expect("a child of ours") {
                self.seen.extend(self.output.iter());
                return (core::mem::take(&mut self.seen), status.code());
            }
        }
        panic!("still running after {WAIT:?}: {:#?}", self.seen);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Where an outside program is. Where it is not, the test is skipped, or fails if peers are required.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let found = find(name);
    if found.is_none() {
        skip(name);
    }
    found
}

/// Where an outside program is, if it is.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let mut places: Vec<PathBuf> = env::var_os("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default();
    // Debian keeps the broker where only root's PATH looks.
    places.extend(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    places
        .iter()
        .map(|place| place.join(name))
        .find(|path| path.is_file())
}

/// Says that a test is skipped, or fails it if peers are required: `what` is not installed.
pub(crate) fn skip(what: &str) {
    let required = env::var_os("TWINSYNC_REQUIRE_PEERS").is_some_and(|value| value == "1");
    assert!(!required, "{what} is not installed");
    // Straight to the terminal: the test harness keeps the output of tests that pass.
    let test = thread::current().name().unwrap_or("a test").to_owned();
    drop(writeln!(
        std::io::stderr(),
        "skipped {test}: {what} is not installed"
    ));
}
