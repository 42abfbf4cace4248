//! Device twins as Azure IoT Hub serves them, in one process: MQTT for devices, HTTP for back-ends.
//!
//! ```text
//! cargo run --release --example azure_hub -- --listen 127.0.0.1:1883 --http 127.0.0.1:8080 &
//! cargo run --release --example azure_device -- --broker 127.0.0.1:1883 --device heater
//! curl -X PATCH 127.0.0.1:8080/twins/heater -d '{"properties":{"desired":{"target":21.5}}}'
//! curl 127.0.0.1:8080/twins/heater
//! curl 127.0.0.1:8080/devices/query -d "{\"query\":\"SELECT * FROM devices WHERE properties.desired.target > 20\"}"
//! ```
//!
//! A listener of its own, because a broker that devices share can not tell their topics apart. Who connects is
//! believed to be who the client id says, and its twin is made at once: put an authenticating proxy in front, or
//! check certificates and tokens where [`serve_device`] takes the client id. With `--tls-cert` and `--tls-key`
//! both ports speak TLS, as official clients ask for. Twins live in memory; `--sessions FILE` keeps
//! subscriptions over a restart.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "rules for firmware; this is a program for a host"
)]

mod common {
    pub(crate) mod azure_service;
    pub(crate) mod clock;
}

use core::error::Error;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{self, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use bytes::BytesMut;
use lexopt::{Arg, ValueExt};
use log::{debug, info, warn};
use rumqttc::{
    ConnAck, ConnectReturnCode, Packet, PubAck, Publish, QoS, SubAck, SubscribeReasonCode, UnsubAck,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use signal_hook::consts::{SIGINT, SIGTERM};
use twinsync::adapter::azure::rest::{Method, Request};

use crate::common::azure_service::{AzureService, Outgoing};
use crate::common::clock::Clock;

/// How long a connection may take to notice that there is something to send, or that all is over.
const PATIENCE: Duration = Duration::from_millis(20);
/// Largest MQTT packet, and largest head and body of HTTP.
const MAX_PACKET: usize = 256 * 1024;
/// How long a peer may take to say who it is, or to send the rest of a request.
const SILENCE: Duration = Duration::from_secs(30);

const USAGE: &str = "\
Serves device twins as Azure IoT Hub does, in memory.

usage: azure_hub [--listen HOST:PORT] [--http HOST:PORT] [OPTIONS]

  --listen HOST:PORT   MQTT 3.1.1 for devices (default 127.0.0.1:1883; port 0 takes a free one)
  --http HOST:PORT     HTTP/1.1 for back-ends (default: none)
  --tls-cert FILE      certificate chain of this server (PEM); both ports speak TLS then
  --tls-key FILE       its private key (PEM)
  --sessions FILE      keeps subscriptions over a restart

Who connects is believed to be who the client id says. RUST_LOG=debug shows what is said.";

struct Arguments {
    listen: String,
    http: Option<String>,
    tls: Option<(PathBuf, PathBuf)>,
    sessions: Option<PathBuf>,
}

/// What all connections share.
#[derive(Clone)]
struct Shared {
    service: Arc<Mutex<AzureService>>,
    tls: Option<Arc<ServerConfig>>,
    stop: Arc<AtomicBool>,
}

/// A connection, encrypted or not. Reading gives up after [`PATIENCE`].
enum Stream {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("info")).init();
    let arguments = match Arguments::parse(lexopt::Parser::from_env()) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("azure_hub: {error}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("azure_hub: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    /// Reads the command line; nothing if help was asked for.
    fn parse(mut parser: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut listen = "127.0.0.1:1883".to_owned();
        let (mut http, mut cert, mut key, mut sessions) = (None, None, None, None);
        while let Some(argument) = parser.next()? {
            match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long("listen") => listen = parser.value()?.string()?,
                Arg::Long("http") => http = Some(parser.value()?.string()?),
                Arg::Long("tls-cert") => cert = Some(parser.value()?.into()),
                Arg::Long("tls-key") => key = Some(parser.value()?.into()),
                Arg::Long("sessions") => sessions = Some(parser.value()?.into()),
                other => return Err(other.unexpected()),
            }
        }
        let tls = match (cert, key) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err("--tls-cert and --tls-key go together".into()),
        };
        Ok(Some(Self {
            listen,
            http,
            tls,
            sessions,
        }))
    }
}

/// Serves until a signal comes.
fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&stop))?;
    }
    let tls = match &arguments.tls {
        None => None,
        Some((cert, key)) => {
            let chain = CertificateDer::pem_file_iter(cert)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| format!("{}: {error}", cert.display()))?;
            let key = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| format!("{}: {error}", key.display()))?;
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_no_client_auth()
                .with_single_cert(chain, key)?;
            Some(Arc::new(config))
        }
    };
    let service = AzureService::new(Clock::start(), arguments.sessions.clone())?;
    let shared = Shared {
        service: Arc::new(Mutex::new(service)),
        tls,
        stop: Arc::clone(&stop),
    };
    let secure = if shared.tls.is_some() { "s" } else { "" };
    let mqtt = listen(&arguments.listen)?;
    let mut ready = format!("ready mqtt{secure}://{}", mqtt.local_addr()?);
    let mut listeners = vec![accept(mqtt, shared.clone(), serve_device)];
    if let Some(address) = &arguments.http {
        let http = listen(address)?;
        ready.push_str(&format!(" http{secure}://{}", http.local_addr()?));
        listeners.push(accept(http, shared, serve_back_end));
    }
    writeln!(io::stdout(), "{ready}")?;
    io::stdout().flush()?;
    for listener in listeners {
        let _ = listener.join();
    }
    info!("stopped");
    Ok(())
}

fn listen(address: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))
}

type Serve = fn(&mut Stream, &Shared) -> Result<(), Box<dyn Error>>;

/// Takes connections until all is over, a thread for each.
fn accept(listener: TcpListener, shared: Shared, serve: Serve) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        if listener.set_nonblocking(true).is_err() {
            return;
        }
        while !shared.stop.load(Ordering::SeqCst) {
            let Ok((stream, peer)) = listener.accept() else {
                thread::sleep(PATIENCE);
                continue;
            };
            let shared = shared.clone();
            thread::spawn(move || {
                let served = Stream::new(stream, shared.tls.as_ref())
                    .and_then(|mut stream| serve(&mut stream, &shared));
                match served {
                    Ok(()) => debug!("{peer} is gone"),
                    Err(error) => info!("{peer}: {error}"),
                }
            });
        }
    })
}

/// Serves one device until it goes, falls silent, or connects anew.
fn serve_device(stream: &mut Stream, shared: &Shared) -> Result<(), Box<dyn Error>> {
    let mut buffer = BytesMut::new();
    let connected = Instant::now();
    let connect = loop {
        match next_packet(stream, &mut buffer)? {
            Some(Packet::Connect(connect)) => break connect,
            Some(_) => return Err("no CONNECT at first".into()),
            None if connected.elapsed() > SILENCE => return Err("silent".into()),
            None => {}
        }
    };
    let (sender, outgoing) = mpsc::channel();
    let user = connect.login.map(|login| login.username);
    let model = user.as_deref().and_then(model_of);
    let client_id = connect.client_id;
    let taken = if user.is_none_or(|user| is_user_of(&user, &client_id)) {
        lock(shared).connect(&client_id, connect.clean_session, model, sender)
    } else {
        None
    };
    let Some((number, session_present)) = taken else {
        let code = ConnectReturnCode::NotAuthorized;
        return stream.send(&Packet::ConnAck(ConnAck::new(code, false)));
    };
    info!("{client_id} is connected");
    let code = ConnectReturnCode::Success;
    stream.send(&Packet::ConnAck(ConnAck::new(code, session_present)))?;
    let silence = Duration::from_secs(u64::from(connect.keep_alive) * 3 / 2);
    let mut heard = Instant::now();
    let mut serve = || -> Result<(), Box<dyn Error>> {
        let mut pkid = 0_u16;
        while !shared.stop.load(Ordering::SeqCst) {
            loop {
                match outgoing.try_recv() {
                    Ok(message) => {
                        pkid = pkid.checked_add(1).unwrap_or(1);
                        stream.send(&Packet::Publish(publish(message, pkid)))?;
                    }
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => {
                        return Err("another connection took its place".into());
                    }
                }
            }
            let Some(packet) = next_packet(stream, &mut buffer)? else {
                if !silence.is_zero() && heard.elapsed() > silence {
                    return Err("silent for longer than its keep-alive".into());
                }
                continue;
            };
            heard = Instant::now();
            match packet {
                Packet::Disconnect => return Ok(()),
                Packet::PingReq => stream.send(&Packet::PingResp)?,
                Packet::Publish(publish) => {
                    match publish.qos {
                        QoS::AtMostOnce => {}
                        QoS::AtLeastOnce => {
                            stream.send(&Packet::PubAck(PubAck::new(publish.pkid)))?;
                        }
                        QoS::ExactlyOnce => return Err("IoT Hub takes no QoS 2".into()),
                    }
                    lock(shared).serve(&client_id, &publish.topic, &publish.payload);
                }
                Packet::Subscribe(subscribe) => {
                    let mut codes = Vec::new();
                    for filter in &subscribe.filters {
                        let qos = match filter.qos {
                            QoS::AtMostOnce => QoS::AtMostOnce,
                            _ => QoS::AtLeastOnce,
                        };
                        lock(shared).subscribe(&client_id, &filter.path, Some(qos as u8));
                        codes.push(SubscribeReasonCode::Success(qos));
                    }
                    stream.send(&Packet::SubAck(SubAck::new(subscribe.pkid, codes)))?;
                }
                Packet::Unsubscribe(unsubscribe) => {
                    for filter in &unsubscribe.topics {
                        lock(shared).subscribe(&client_id, filter, None);
                    }
                    stream.send(&Packet::UnsubAck(UnsubAck::new(unsubscribe.pkid)))?;
                }
                Packet::PubAck(_) => {}
                other => return Err(format!("unexpected {other:?}").into()),
            }
        }
        Ok(())
    };
    let served = serve();
    lock(shared).disconnect(&client_id, number, connect.clean_session);
    info!("{client_id} is disconnected");
    served
}

fn publish(message: Outgoing, pkid: u16) -> Publish {
    let qos = if message.qos == 0 {
        QoS::AtMostOnce
    } else {
        QoS::AtLeastOnce
    };
    let mut publish = Publish::new(message.topic, qos, message.payload);
    publish.pkid = pkid;
    publish
}

/// The next packet, if all of it has come.
fn next_packet(
    stream: &mut Stream,
    buffer: &mut BytesMut,
) -> Result<Option<Packet>, Box<dyn Error>> {
    loop {
        match Packet::read(buffer, MAX_PACKET) {
            Ok(packet) => return Ok(Some(packet)),
            Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => {}
            Err(error) => return Err(error.into()),
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece)? {
            Some(0) => return Err("the connection was cut".into()),
            Some(len) => buffer.extend_from_slice(&piece[..len]),
            None => return Ok(None),
        }
    }
}

/// Whether a user name, `host/device[/module]/?api-version=…`, is that of a client id.
fn is_user_of(user: &str, client_id: &str) -> bool {
    user.split_once("/?")
        .and_then(|(path, _)| path.split_once('/'))
        .is_some_and(|(_, id)| id == client_id)
}

/// The Plug and Play model that a user name announces.
fn model_of(user: &str) -> Option<String> {
    let parameters = user.split_once("/?")?.1;
    let model = parameters
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("model-id="))?;
    Some(model.replace("%3A", ":").replace("%3B", ";"))
}

/// Serves one back-end: requests of HTTP/1.1, one after the other.
fn serve_back_end(stream: &mut Stream, shared: &Shared) -> Result<(), Box<dyn Error>> {
    let mut buffer = Vec::new();
    while let Some(head_end) = read_until(stream, shared, &mut buffer, |buffer| {
        let end = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        Some(end + 4)
    })? {
        let head = String::from_utf8(buffer[..head_end].to_vec())?;
        let header = |wanted: &str| {
            head.lines().skip(1).find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case(wanted).then(|| value.trim())
            })
        };
        let length: usize = header("content-length").unwrap_or("0").parse()?;
        if length > MAX_PACKET {
            return Err("the body is too long".into());
        }
        let all = head_end + length;
        let enough = |buffer: &[u8]| (buffer.len() >= all).then_some(all);
        if read_until(stream, shared, &mut buffer, enough)?.is_none() {
            return Ok(());
        }
        let mut words = head.split(' ');
        let request = Request {
            method: Method::parse(words.next().unwrap_or_default()),
            path: words.next().unwrap_or_default(),
            if_match: header("if-match"),
            max_item_count: header("x-ms-max-item-count"),
            continuation: header("x-ms-continuation"),
            body: &buffer[head_end..all],
        };
        let response = lock(shared).answer(&request);
        info!(
            "{} -> {}",
            head.lines().next().unwrap_or_default(),
            response.status
        );
        let mut text = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: {}\r\n",
            response.status,
            reason(response.status),
            response.body.len()
        );
        for (name, value) in &response.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        stream.write(text.as_bytes())?;
        stream.write(&response.body)?;
        buffer.drain(..all);
    }
    Ok(())
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        412 => "Precondition Failed",
        429 => "Too Many Requests",
        _ => "Error",
    }
}

/// Reads on until `found` says how much is enough; nothing if the peer goes.
fn read_until(
    stream: &mut Stream,
    shared: &Shared,
    buffer: &mut Vec<u8>,
    found: impl Fn(&[u8]) -> Option<usize>,
) -> Result<Option<usize>, Box<dyn Error>> {
    let mut heard = Instant::now();
    loop {
        if let Some(end) = found(buffer) {
            return Ok(Some(end));
        }
        if buffer.len() > 2 * MAX_PACKET {
            return Err("the request is too long".into());
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece)? {
            Some(0) => return Ok(None),
            Some(len) => {
                heard = Instant::now();
                buffer.extend_from_slice(&piece[..len]);
            }
            None if shared.stop.load(Ordering::SeqCst) || heard.elapsed() > SILENCE => {
                return Ok(None);
            }
            None => {}
        }
    }
}

fn lock(shared: &Shared) -> std::sync::MutexGuard<'_, AzureService> {
    // What one connection broke off is whole: the hub changes a twin in one step.
    shared
        .service
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

impl Stream {
    fn new(stream: TcpStream, tls: Option<&Arc<ServerConfig>>) -> Result<Self, Box<dyn Error>> {
        stream.set_nonblocking(false)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(SILENCE))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(match tls {
            None => Self::Plain(stream),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config))?;
                Self::Tls(Box::new(StreamOwned::new(connection, stream)))
            }
        })
    }

    /// Reads what has come: nothing after [`PATIENCE`], 0 bytes at the end.
    fn read(&mut self, piece: &mut [u8]) -> Result<Option<usize>, Box<dyn Error>> {
        let read = match self {
            Self::Plain(stream) => stream.read(piece),
            Self::Tls(stream) => stream.read(piece),
        };
        match read {
            Ok(len) => Ok(Some(len)),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock
                | io::ErrorKind::TimedOut
                | io::ErrorKind::Interrupted => Ok(None),
                io::ErrorKind::UnexpectedEof => Ok(Some(0)),
                _ => Err(error.into()),
            },
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Plain(stream) => stream.write_all(bytes)?,
            Self::Tls(stream) => {
                stream.write_all(bytes)?;
                stream.flush()?;
            }
        }
        Ok(())
    }

    fn send(&mut self, packet: &Packet) -> Result<(), Box<dyn Error>> {
        let mut buffer = BytesMut::new();
        if let Err(error) = packet.write(&mut buffer, usize::MAX) {
            warn!("{error}");
            return Ok(());
        }
        self.write(&buffer)
    }
}
