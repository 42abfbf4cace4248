//! libcoap's programs, and the example `coap_hub` that they talk to.

use core::time::Duration;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::running::{Running, program};

/// How long a twin may take to be as wanted, with losses.
const PATIENCE: Duration = Duration::from_secs(60);

/// libcoap's client or server: Debian's names say which TLS library they are built with.
pub(crate) fn libcoap(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let variants = ["", "-notls", "-openssl", "-gnutls"];
    let found = std::env::split_paths(&paths).find_map(|place| {
        let candidates = variants
            .iter()
            .map(|variant| place.join(format!("{name}{variant}")));
        candidates.into_iter().find(|path| path.is_file())
    });
    // Says that it is missing.
    found.or_else(|| program(name))
}

pub(crate) fn free_address() -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("its address").to_string()
}

/// A hub that listens.
pub(crate) fn start_hub(address: &str, more: &[&str]) -> Running {
    let mut arguments = vec!["--listen", address];
    arguments.extend(more);
    let mut hub = Running::start("coap_hub", &arguments);
    hub.await_line(&format!("ready coap://{address}"));
    hub
}

/// `coap-client`, asked about one path.
pub(crate) struct Asker {
    pub(crate) client: PathBuf,
    pub(crate) base: String,
}

impl Asker {
    pub(crate) fn new(address: &str, twin: &str) -> Option<Self> {
        Some(Self {
            client: libcoap("coap-client")?,
            base: format!("coap://{address}/twins/{twin}"),
        })
    }

    pub(crate) fn run(&self, path: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.client);
        command
            .args(["-B", "20"])
            .args(arguments)
            .arg(format!("{}{path}", self.base));
        command.output().expect("coap-client runs")
    }

    /// The payload of a success, or the error's code and words.
    pub(crate) fn ask(&self, path: &str, arguments: &[&str]) -> Result<String, String> {
        let output = self.run(path, arguments);
        let shown = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_error = |line: &&str| line.starts_with("4.") || line.starts_with("5.");
        match shown.lines().find(is_error) {
            Some(error) => Err(error.to_owned()),
            None => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        }
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let text = self.ask(path, &[]).expect("a twin");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub(crate) fn change(&self, method: &str, path: &str, body: &str) -> Result<String, String> {
        let format = if method == "put" { "50" } else { "52" };
        self.ask(path, &["-m", method, "-t", format, "-e", body])
    }

    /// The etag of what is at the path, as `coap-client` takes it.
    pub(crate) fn etag(&self, path: &str) -> String {
        let output = self.run(path, &["-v", "7"]);
        let shown = [output.stdout, output.stderr].concat();
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let etag = shown.rsplit("ETag:0x").next().expect("an etag");
        let digits: String = etag.chars().take_while(char::is_ascii_hexdigit).collect();
        assert_eq!(digits.len(), 16, "{shown}");
        format!("0x{digits}")
    }

    /// Waits until what is at the path is as wanted.
    pub(crate) fn await_json(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        let mut last = None;
        while start.elapsed() < PATIENCE {
            let now = self.ask(path, &[]);
            if let Ok(value) = now.as_deref().map_or(Ok(Value::Null), serde_json::from_str)
                && wanted(&value)
            {
                return value;
            }
            last = Some(now);
            thread::sleep(Duration::from_millis(200));
        }
        panic!("{}{path} stays {last:?}", self.base);
    }
}
