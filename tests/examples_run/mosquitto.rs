//! mosquitto and its command line clients.

use core::net::Ipv4Addr;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::env;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::running::{Running, WAIT, program};

/// `mosquitto_sub` on one topic.
pub(crate) struct Listener(Running);

impl Listener {
    /// Waits for a message that `wanted` turns into something; the messages before it are lost.
    pub(crate) fn await_message<T>(&mut self, what: &str, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.0.await_output(what, wanted)
    }

    /// Waits for a message whose reported section holds something `wanted` at `pointer`.
    pub(crate) fn await_reported(
        &mut self,
        pointer: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        self.0
            .await_output(pointer, |line| reported(line, pointer, &wanted))
    }

    /// Whether such a message came already.
    pub(crate) fn has_reported(&mut self, pointer: &str, wanted: impl Fn(&Value) -> bool) -> bool {
        let lines: Vec<String> = self.0.output.try_iter().collect();
        let mut lines = lines.iter();
        lines.any(|line| reported(line, pointer, &wanted).is_some())
    }
}

fn reported(line: &str, pointer: &str, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
    let message: Value = serde_json::from_str(line).ok()?;
    let value = message["state"]["reported"].pointer(pointer)?;
    wanted(value).then(|| message.clone())
}

/// A mosquitto on a free port of 127.0.0.1.
pub(crate) struct Mosquitto {
    port: u16,
    config: PathBuf,
    running: Option<Running>,
}

impl Mosquitto {
    /// Starts the broker; nothing if it is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_at(free_port(), "")
    }

    /// As [`start`](Self::start), with more lines in its configuration.
    pub(crate) fn start_with(lines: &str) -> Option<Self> {
        Self::start_at(free_port(), lines)
    }

    /// As [`start_with`](Self::start_with), on a certain port.
    pub(crate) fn start_at(port: u16, lines: &str) -> Option<Self> {
        for peer in ["mosquitto", "mosquitto_pub", "mosquitto_sub"] {
            program(peer)?;
        }
        let config = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mosquitto-{port}"));
        let text = format!(
            "allow_anonymous true\npersistence false\nmax_queued_messages 10000\nlistener {port} 127.0.0.1\n{lines}"
        );
        fs::write(&config, text).expect("a file in the target directory");
        let mut broker = Self {
            port,
            config,
            running: None,
        };
        broker.run();
        Some(broker)
    }

    fn run(&mut self) {
        let mut command = Command::new(program("mosquitto").expect("it was there"));
        command.arg("-c").arg(&self.config);
        self.running = Some(Running::spawn(command));
        let start = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(start.elapsed() < WAIT, "mosquitto does not listen");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the broker as an operator does and starts it anew: it has forgotten everything.
    pub(crate) fn restart(&mut self) {
        if let Some(running) = self.running.take() {
            running.signal("TERM");
            running.finish();
        }
        self.run();
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn client(&self, name: &str, topic: &str) -> Command {
        let mut command = Command::new(program(name).expect("it was there"));
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1"]);
        command.args(["-t", topic]);
        command
    }

    /// Sends one message with `mosquitto_pub`.
    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        let status = self
            .client("mosquitto_pub", topic)
            .args(["-m", payload])
            .status();
        assert!(status.expect("a program that starts").success());
    }

    /// Sends the message again and again until `is_done`: for a receiver that is just coming back.
    pub(crate) fn publish_until(
        &self,
        topic: &str,
        payload: &str,
        mut is_done: impl FnMut() -> bool,
    ) {
        let start = Instant::now();
        while !is_done() {
            assert!(start.elapsed() < WAIT, "{topic} {payload} had no effect");
            self.publish(topic, payload);
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Listens to `topic` with `mosquitto_sub`, from now on.
    pub(crate) fn listen(&self, topic: &str) -> Listener {
        static LISTENERS: AtomicUsize = AtomicUsize::new(0);
        let name = format!("listener-{}", LISTENERS.fetch_add(1, Ordering::Relaxed));
        // The first run leaves a subscription in a kept session, so that the second one misses nothing.
        let client = || {
            let mut command = self.client("mosquitto_sub", topic);
            command.args(["-c", "-i", &name]);
            command
        };
        let status = client().arg("-E").status();
        assert!(status.expect("a program that starts").success());
        Listener(Running::spawn(client()))
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.config));
    }
}

/// The line of a configuration that lets the broker use files in `directory`: when root starts it, mosquitto
/// becomes a user of its own otherwise.
pub(crate) fn owner_of(directory: &Path) -> &'static str {
    use std::os::unix::fs::MetadataExt;
    let owner = fs::metadata(directory).map(|metadata| metadata.uid());
    if owner.is_ok_and(|owner| owner == 0) {
        "user root\n"
    } else {
        ""
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound socket").port()
}
