//! The twins of an IoT Hub and who is connected: all that the listeners of `azure_hub` share.
//!
//! All devices use the same topics, so nothing here goes by topic: **what is about a twin goes to the connection
//! of that twin and to no other.** Subscriptions belong to sessions and outlive connections and, in a file, this
//! program: official clients do not subscribe again when they reconnect.

#![allow(dead_code, reason = "each example uses its own part of this file")]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::Sender;

use log::{debug, warn};
use twinsync::adapter::azure::rest::{Call, ItemType, Request};
use twinsync::adapter::azure::{Fault, Identity, Policy, RequestError, Service, twin_id};
use twinsync::codec::json;
use twinsync::document::{Document, DocumentRef, MAX_DOCUMENT};
use twinsync::error::{BufferTooSmall, Status};
use twinsync::fleet::{Indexed, Page, PageRequest};
use twinsync::hub::{Config, HubEngine, Notify, Registry};
use twinsync::protocol::{Cause, Message, Rejection, RequestKind, TwinId};
use twinsync::query::{Dialect, Query};
use twinsync::time::Timestamp;
use twinsync::twin::{self, Twin, TwinRef, Update};

use super::clock::Clock;

/// Longest topic and payload that go out: a twin of the largest size with its metadata.
const OUT: usize = 1024 * 1024;
/// Parts of a query's program, for the longest that are of use.
const PARTS: usize = 256;
/// Rows on a page of a query that does not say how many.
const PAGE: usize = 100;
/// Most rows on a page, so that it fits [`OUT`] whatever they are.
const MAX_PAGE: usize = 1_000;

/// A message for a device.
pub(crate) struct Outgoing {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
    /// What the device asked for when it subscribed.
    pub(crate) qos: u8,
}

/// What a server of HTTP sends.
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

/// A connection that is open.
struct Connection {
    number: u64,
    out: Sender<Outgoing>,
    model: Option<String>,
}

/// The quality of service of each of [`Service::FILTERS`] that a session has.
type Filters = [Option<u8>; 2];

/// Twins in memory, connections, sessions.
pub(crate) struct AzureService {
    clock: Clock,
    service: Service,
    hub: Box<HubEngine<Indexed, MAX_DOCUMENT>>,
    connections: HashMap<String, Connection>,
    sessions: BTreeMap<String, Filters>,
    sessions_file: Option<PathBuf>,
    incoming: Box<Document<MAX_DOCUMENT>>,
    out: Vec<u8>,
    next_number: u64,
}

impl AzureService {
    /// A service without twins; sessions of an earlier life are read from the file.
    pub(crate) fn new(clock: Clock, sessions_file: Option<PathBuf>) -> io::Result<Self> {
        let policy = Policy::new();
        let notify = Notify {
            delta: false,
            desired_patch: true,
            ..Config::new().notify
        };
        let config = Config::new().with_policy(policy.twin()).with_notify(notify);
        let sessions = match &sessions_file {
            Some(file) if file.exists() => read_sessions(&fs::read_to_string(file)?),
            _ => BTreeMap::new(),
        };
        Ok(Self {
            clock,
            service: Service::new(policy),
            hub: Box::new(HubEngine::new(Indexed::new(), config)),
            connections: HashMap::new(),
            sessions,
            sessions_file,
            incoming: Box::new(Document::new()),
            out: vec![0; OUT],
            next_number: 0,
        })
    }

    /// A device connects: another connection of it is over. Its twin is made if it is new, as an identity
    /// registry would have done. Returns the connection's number and whether there was a session.
    pub(crate) fn connect(
        &mut self,
        client_id: &str,
        clean: bool,
        model: Option<String>,
        out: Sender<Outgoing>,
    ) -> Option<(u64, bool)> {
        let id = identify(client_id)?;
        let now = self.clock.now();
        let registry = self.hub.registry_mut();
        if registry.twins().twin(id).is_none() {
            let mut made = Twin::<64>::new();
            let update = Update::merge(DocumentRef::EMPTY);
            let policy = self.service.policy().twin().with_create(true);
            twin::apply(
                TwinRef::ABSENT,
                &update,
                now.wall,
                &policy,
                &mut made.as_mut(),
            )
            .ok()?;
            registry.save(id, made.as_ref()).ok()?;
        }
        if clean {
            self.sessions.remove(client_id);
        }
        let present = self.sessions.contains_key(client_id);
        if !clean && !present {
            self.sessions.insert(client_id.to_owned(), [None; 2]);
        }
        self.keep_sessions();
        self.next_number += 1;
        let number = self.next_number;
        let connection = Connection { number, out, model };
        self.connections.insert(client_id.to_owned(), connection);
        Some((number, present))
    }

    /// A connection is over, unless another has taken its place already.
    pub(crate) fn disconnect(&mut self, client_id: &str, number: u64, clean: bool) {
        let is_last = |connection: &Connection| connection.number == number;
        if self.connections.get(client_id).is_some_and(is_last) {
            self.connections.remove(client_id);
            if clean {
                self.sessions.remove(client_id);
            }
        }
    }

    /// Notes a subscription; others than those of twins are nobody's here.
    pub(crate) fn subscribe(&mut self, client_id: &str, filter: &str, qos: Option<u8>) {
        let place = Service::FILTERS.iter().position(|known| *known == filter);
        if let Some(place) = place {
            let filters = self.sessions.entry(client_id.to_owned()).or_default();
            filters[place] = qos;
            self.keep_sessions();
        }
    }

    /// Takes what a device published, and sends what follows from it.
    pub(crate) fn serve(&mut self, client_id: &str, topic: &str, payload: &[u8]) {
        let Some(id) = identify(client_id) else {
            return;
        };
        let now = self.clock.now();
        let incoming = (*self.incoming).as_mut();
        match self.service.decode(id, topic, payload, incoming) {
            Ok((id, message)) => {
                debug!("{id} <- {topic}");
                if let Err(error) = self.hub.handle_message(now, id, message) {
                    warn!("{id}: {error}");
                }
                self.transmit();
            }
            Err(RequestError::Refused(refusal)) => {
                debug!("{id} <- {topic}, refused: {}", refusal.fault);
                if let Ok(publish) = self.service.refuse(&refusal, now.wall, &mut self.out) {
                    send(&self.connections, &self.sessions, id, true, publish);
                }
            }
            // Telemetry, methods: not of twins.
            Err(error) => debug!("{id}: {topic}: {error}"),
        }
    }

    /// Answers a back-end's request; devices hear of it.
    pub(crate) fn answer(&mut self, request: &Request<'_>) -> HttpResponse {
        let now = self.clock.now();
        let mut names = [0; 256];
        let incoming = (*self.incoming).as_mut();
        let called = self.service.decode_rest(request, &mut names, incoming);
        let id = match called {
            Ok(Call::Twin(id, message)) => {
                if let Err(error) = self.hub.handle_message(now, id, message) {
                    warn!("{id}: {error}");
                }
                id
            }
            Ok(Call::Query(query)) => {
                let (text, max_items) = (query.text.to_owned(), query.max_items);
                return self.query(&text, max_items, request.continuation);
            }
            Ok(_) => return self.fault(Fault::Path),
            Err(fault) => return http(self.service.respond_fault(fault, &mut self.out)),
        };
        // The document is the next request's now: the id must not stand in it.
        let (device, module) = (id.device().to_owned(), id.name().map(ToOwned::to_owned));
        let refused = self.transmit();
        if let Some(response) = refused {
            return response;
        }
        let Ok(id) = twin_id(&device, module.as_deref()) else {
            return self.fault(Fault::Path);
        };
        let twin = self
            .hub
            .registry()
            .twins()
            .twin(id)
            .unwrap_or(TwinRef::ABSENT);
        let identity = identity(&self.connections, id);
        http(self.service.respond_twin(&identity, twin, &mut self.out))
    }

    /// Answers a query with a page of what it selects.
    fn query(
        &mut self,
        text: &str,
        max_items: Option<u32>,
        continuation: Option<&str>,
    ) -> HttpResponse {
        let query = match Query::<PARTS>::parse(text, Dialect::TWIN) {
            Ok(query) => query,
            Err(error) => return self.invalid(&error.to_string()),
        };
        let size = max_items.map_or(PAGE, |size| usize::try_from(size).unwrap_or(MAX_PAGE));
        let first = PageRequest::new(size.min(MAX_PAGE));
        let wanted = match continuation.filter(|token| !token.is_empty()) {
            None => first,
            Some(token) => first.after(token),
        };
        let found = match self.hub.registry().search(query.as_ref(), wanted) {
            Ok(found) => found,
            Err(error) => return self.invalid(&error.to_string()),
        };
        let item_type = match query.as_ref().is_whole() {
            true => ItemType::Twin,
            false => ItemType::Raw,
        };
        let Ok(len) = self.write_page(&found, item_type) else {
            return self.invalid("The page is too large: ask for fewer items.");
        };
        let mut headers = vec![("x-ms-item-type", item_type.as_str().to_owned())];
        if let Some(token) = found.continuation() {
            headers.push(("x-ms-continuation", token.to_owned()));
        }
        HttpResponse {
            status: 200,
            headers,
            body: self.out[..len].to_vec(),
        }
    }

    /// Writes rows; a whole twin with its metadata and whether it is connected, which no row has.
    fn write_page(&mut self, found: &Page, item_type: ItemType) -> Result<usize, BufferTooSmall> {
        let mut writer = json::Writer::new(&mut self.out);
        let mut page = self.service.page(&mut writer);
        for row in found.rows() {
            let device = row.read::<&str>(&["deviceId"]).unwrap_or_default();
            let module = row.read::<&str>(&["moduleId"]).ok();
            match (item_type, twin_id(device, module)) {
                (ItemType::Twin, Ok(id)) => {
                    let twin = self
                        .hub
                        .registry()
                        .twins()
                        .twin(id)
                        .unwrap_or(TwinRef::ABSENT);
                    page.twin(&identity(&self.connections, id), twin);
                }
                _ => page.raw(row),
            }
        }
        page.end();
        writer.finish()
    }

    fn invalid(&mut self, words: &str) -> HttpResponse {
        let rejection = Rejection {
            id: None,
            request: RequestKind::Get,
            status: Status::Invalid,
            cause: Cause::Text(words),
            timestamp: Timestamp::EPOCH,
        };
        http(self.service.respond_rejection(&rejection, &mut self.out))
    }

    fn fault(&mut self, fault: Fault<'_>) -> HttpResponse {
        http(self.service.respond_fault(fault, &mut self.out))
    }

    /// Sends what the last request caused, each to its twin's connection. A refusal is also what a server of
    /// HTTP answers.
    fn transmit(&mut self) -> Option<HttpResponse> {
        let mut refused = None;
        while let Some(transmit) = self.hub.poll_transmit() {
            if let Message::Rejected(rejection) = &transmit.message {
                let response = self.service.respond_rejection(rejection, &mut self.out);
                refused = Some(http(response));
            }
            let is_answer = !matches!(transmit.message, Message::DesiredPatch(_));
            // An answer without an id is a back-end's.
            let is_for_device = match &transmit.message {
                Message::GetAccepted(snapshot) => snapshot.id.is_some(),
                Message::UpdateAccepted(accepted) => accepted.id.is_some(),
                Message::Rejected(rejection) => rejection.id.is_some(),
                _ => true,
            };
            if is_for_device {
                match self.service.encode(&transmit.message, &mut self.out) {
                    Ok(publish) => send(
                        &self.connections,
                        &self.sessions,
                        transmit.id,
                        is_answer,
                        publish,
                    ),
                    Err(error) => warn!("{}: not sent: {error}", transmit.id),
                }
            }
            transmit.sent();
        }
        refused
    }

    fn keep_sessions(&self) {
        let Some(file) = &self.sessions_file else {
            return;
        };
        let qos = |qos: Option<u8>| qos.map_or_else(|| "-".to_owned(), |qos| qos.to_string());
        let lines: String = self
            .sessions
            .iter()
            .map(|(id, [res, desired])| format!("{} {} {id}\n", qos(*res), qos(*desired)))
            .collect();
        if let Err(error) = fs::write(file, lines) {
            warn!("{}: {error}", file.display());
        }
    }
}

/// What is known of a twin's device besides the twin.
fn identity<'a>(connections: &'a HashMap<String, Connection>, id: TwinId<'a>) -> Identity<'a> {
    let connection = connections.get(&id.to_string());
    Identity::new(id)
        .with_connection(connection.is_some(), None)
        .with_model(connection.and_then(|connection| connection.model.as_deref()))
}

/// The twin of who connects under this client id: `device` or `device/module`.
pub(crate) fn identify(client_id: &str) -> Option<TwinId<'_>> {
    let (device, module) = match client_id.split_once('/') {
        Some((device, module)) => (device, Some(module)),
        None => (client_id, None),
    };
    twin_id(device, module).ok()
}

/// Sends to the connection of `id`, if there is one: an answer in any case, a notification to who subscribed.
fn send(
    connections: &HashMap<String, Connection>,
    sessions: &BTreeMap<String, Filters>,
    id: TwinId<'_>,
    is_answer: bool,
    publish: twinsync::adapter::Publish<'_>,
) {
    let client_id = id.to_string();
    let [answers, desired] = sessions.get(&client_id).copied().unwrap_or_default();
    let qos = if is_answer {
        answers.unwrap_or(0)
    } else if let Some(qos) = desired {
        qos
    } else {
        return;
    };
    let Some(connection) = connections.get(&client_id) else {
        // IoT Hub keeps no twin notification for later: devices ask when they come back.
        return;
    };
    debug!("{id} -> {}", publish.topic);
    let _ = connection.out.send(Outgoing {
        topic: publish.topic.to_owned(),
        payload: publish.payload.to_vec(),
        qos,
    });
}

fn http(
    response: Result<twinsync::adapter::azure::rest::Response<'_>, BufferTooSmall>,
) -> HttpResponse {
    match response {
        Ok(response) => HttpResponse {
            status: response.status,
            headers: response
                .etag
                .map(|etag| ("ETag", etag.as_str().to_owned()))
                .into_iter()
                .collect(),
            body: response.body.to_vec(),
        },
        Err(_) => HttpResponse {
            status: 500,
            headers: Vec::new(),
            body: Vec::new(),
        },
    }
}

fn read_sessions(text: &str) -> BTreeMap<String, Filters> {
    text.lines()
        .filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            let (res, desired) = (words.next()?, words.next()?);
            let filters = [res.parse().ok(), desired.parse().ok()];
            Some((words.next()?.to_owned(), filters))
        })
        .collect()
}
