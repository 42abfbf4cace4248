//! Both ends over mutual TLS, as devices connect to AWS IoT.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::mosquitto::{Mosquitto, free_port, owner_of};
use crate::running::{Running, program};

#[test]
fn service_and_device_meet_over_mutual_tls() {
    let port = free_port();
    let Some(certificates) = Certificates::make(port) else {
        return;
    };
    let Some(broker) = Mosquitto::start_with(&certificates.listener(port)) else {
        return;
    };
    let address = format!("localhost:{port}");
    let mut arguments = vec!["--broker".to_owned(), address];
    for (flag, file) in [
        ("--tls-ca", "ca.pem"),
        ("--tls-cert", "client.pem"),
        ("--tls-key", "client.key"),
    ] {
        arguments.extend([flag.to_owned(), certificates.file(file)]);
    }
    let mut service = Running::start("shadow_service", &arguments);
    service.await_line("ready");
    // The broker's plain listener shows what passes.
    let mut accepted = broker.listen("$aws/things/heater/shadow/update/accepted");
    arguments.extend(["--thing", "heater"].map(ToOwned::to_owned));
    let device = Running::start("aws_device", &arguments);
    accepted.await_reported("/target", |target| !target.is_null());
    device.signal("TERM");
    assert_eq!(device.finish().1, Some(0));

    // Without the client certificate there is no connection, and the reason is told.
    let strangers: Vec<&str> = arguments.iter().map(String::as_str).take(4).collect();
    let mut stranger = Running::start("shadow_service", &strangers);
    stranger.await_output("reason", |line| {
        line.contains("no connection").then_some(())
    });
    stranger.signal("TERM");
    let (lines, code) = stranger.finish();
    assert_eq!(code, Some(0), "{lines:#?}");
    assert!(!lines.iter().any(|line| line == "ready"), "{lines:#?}");
}

/// A certificate authority, a server certificate for localhost, a client certificate; in a directory that is
/// removed in the end.
struct Certificates(PathBuf);

impl Certificates {
    /// Makes them with openssl; nothing if it is not installed.
    fn make(port: u16) -> Option<Self> {
        program("openssl")?;
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("tls-{port}"));
        fs::create_dir_all(&directory).expect("a directory in the target directory");
        let certificates = Self(directory);
        certificates.openssl(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=test-authority \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
            -keyout ca.key -out ca.pem",
        );
        for (name, extensions) in [
            (
                "server",
                "extendedKeyUsage=serverAuth\nsubjectAltName=DNS:localhost\n",
            ),
            ("client", "extendedKeyUsage=clientAuth\n"),
        ] {
            let file = certificates.0.join(format!("{name}.ext"));
            fs::write(file, format!("basicConstraints=CA:FALSE\n{extensions}")).expect("a file");
            certificates.openssl(&format!(
                "req -newkey rsa:2048 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ));
            certificates.openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
                -extfile {name}.ext -out {name}.pem"
            ));
        }
        Some(certificates)
    }

    fn openssl(&self, arguments: &str) {
        let status = Command::new(program("openssl").expect("it was there"))
            .args(arguments.split_whitespace())
            .current_dir(&self.0)
            .stderr(Stdio::null())
            .status();
        assert!(
            status.expect("a program that starts").success(),
            "{arguments}"
        );
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).to_string_lossy().into_owned()
    }

    /// The broker's TLS listener.
    fn listener(&self, port: u16) -> String {
        let [ca, certificate, key] =
            ["ca.pem", "server.pem", "server.key"].map(|name| self.file(name));
        let user = owner_of(&self.0);
        format!(
            "{user}listener {port} 127.0.0.1\ncafile {ca}\ncertfile {certificate}\nkeyfile {key}\nrequire_certificate true\n"
        )
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}
