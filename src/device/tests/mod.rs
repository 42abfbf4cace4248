//! Timetables of the engine: at which time it says what.

mod convergence;
mod known;
mod memory;
mod observed;
mod reconnect;
mod rejections;
mod reports;
mod ruled;
mod sections;
mod sizes;
mod sync;
mod versions;

use alloc::string::{String, ToString};

use serde_json::{Value as Json, json};

use super::{Config, DeviceEngine, Event, Output, Request, Session};
use crate::document::{Builder, Document, DocumentRef};
use crate::error::Status;
use crate::protocol::{
    Accepted, Backoff, Cause, Delta, Known, Message, Patched, Rejection, RequestId, RequestKind,
    Snapshot, Versions,
};
use crate::time::{Duration, Instant, Timestamp};
use crate::twin::{ETag, Precondition, Version};

const N: usize = 512;

type Doc = Document<2048>;

/// A document of this JSON.
pub(super) fn doc(json: &Json) -> Doc {
    fn build(builder: &mut Builder<'_>, json: &Json) {
        match json {
            Json::Null => builder.value(crate::document::Value::Null).unwrap(),
            Json::Bool(value) => builder.value(*value).unwrap(),
            Json::Number(number) => builder.value(number.as_i64().unwrap()).unwrap(),
            Json::String(text) => builder.value(text.as_str()).unwrap(),
            Json::Array(items) => {
                builder.begin_array().unwrap();
                items.iter().for_each(|item| build(builder, item));
                builder.end().unwrap();
            }
            Json::Object(entries) => {
                builder.begin_map().unwrap();
                for (key, value) in entries {
                    builder.key(key).unwrap();
                    build(builder, value);
                }
                builder.end().unwrap();
            }
        }
    }
    let mut document = Doc::new();
    let mut builder = document.build();
    build(&mut builder, json);
    builder.finish().unwrap();
    document
}

/// What the engine should want to send.
enum Sent {
    Subscribe,
    Get,
    Report(Json),
}

/// Time-outs of 10 s and a back-off of 1, 2, 4, ... 60 s, halved at most by jitter.
fn config() -> Config {
    Config::new(0x1000)
        .with_backoff(Backoff::new(
            Duration::from_secs(1),
            Duration::from_secs(60),
        ))
        .with_resync_interval(None)
}

struct Bench {
    engine: DeviceEngine<N>,
    now: Instant,
    id: String,
}

impl Bench {
    fn new(config: Config) -> Self {
        Self {
            engine: DeviceEngine::new(config),
            now: Instant::ZERO,
            id: String::new(),
        }
    }

    /// An engine in step with this twin at time 0, all events taken.
    fn online(config: Config, twin: Json, version: u64) -> Self {
        let mut bench = Self::new(config);
        bench.engine.handle_connected(bench.now, Session::Fresh);
        bench.expect(Sent::Subscribe);
        bench.subscribed();
        bench.expect(Sent::Get).got(twin, version);
        while bench.engine.poll_event().is_some() {}
        bench
    }

    fn at(&mut self, millis: u64) -> &mut Self {
        self.now = Instant::from_millis(millis);
        self.engine.handle_timeout(self.now);
        self
    }

    /// Sleeps until the engine wants to be woken.
    fn wake(&mut self) -> &mut Self {
        let due = self.engine.poll_timeout().expect("nothing to wait for");
        self.at(due.max(self.now).as_millis())
    }

    fn transmit(&mut self) -> super::Transmit<'_> {
        self.engine
            .poll_transmit(self.now)
            .expect("nothing to send")
    }

    fn expect(&mut self, wanted: Sent) -> &mut Self {
        let now = self.now;
        let transmit = self.transmit();
        let id = match (transmit.output(), wanted) {
            (Output::Subscribe, Sent::Subscribe) => String::new(),
            (Output::Message(Message::Get(get)), Sent::Get) => get.id.unwrap().as_str().to_string(),
            (Output::Message(Message::Update(request)), Sent::Report(report)) => {
                let wanted = doc(&json!({ "reported": report }));
                assert_eq!(request.update.patch, wanted.as_ref());
                request.id.unwrap().as_str().to_string()
            }
            (other, _) => panic!("{other:?}"),
        };
        transmit.sent(now);
        if !id.is_empty() {
            assert_ne!(id, self.id, "each attempt has an id of its own");
            self.id = id;
        }
        self
    }

    fn quiet(&mut self) -> &mut Self {
        let transmit = self.engine.poll_transmit(self.now);
        assert!(transmit.is_none(), "{transmit:?}");
        self
    }

    fn wakes_at(&mut self, millis: u64) -> &mut Self {
        let due = Instant::from_millis(millis);
        assert_eq!(self.engine.poll_timeout(), Some(due));
        self
    }

    fn event(&mut self, wanted: Event) -> &mut Self {
        assert_eq!(self.engine.poll_event(), Some(wanted));
        self
    }

    fn no_event(&mut self) -> &mut Self {
        assert_eq!(self.engine.poll_event(), None);
        self
    }

    fn drop_events(&mut self) -> &mut Self {
        while self.engine.poll_event().is_some() {}
        self
    }

    fn report(&mut self, patch: Json) -> &mut Self {
        self.engine.report(self.now, doc(&patch).as_ref()).unwrap();
        self
    }

    fn refresh(&mut self) -> &mut Self {
        self.engine.refresh(self.now);
        self
    }

    fn acknowledge(&mut self, path: &[&str]) -> &mut Self {
        self.engine.acknowledge(self.now, path).unwrap();
        self
    }

    fn oversized(&mut self, needed: usize) -> &mut Self {
        self.engine.handle_oversized(self.now, needed);
        self
    }

    fn subscribed(&mut self) -> &mut Self {
        self.engine.handle_subscribed(self.now);
        self
    }

    fn connect(&mut self, session: Session) -> &mut Self {
        self.engine.handle_connected(self.now, session);
        self
    }

    fn disconnect(&mut self) -> &mut Self {
        self.engine.handle_disconnected(self.now);
        self
    }

    fn message(&mut self, message: Message<'_>) -> &mut Self {
        self.engine.handle_message(self.now, message).unwrap();
        self
    }

    fn got(&mut self, twin: Json, version: u64) -> &mut Self {
        let id = self.id.clone();
        self.got_as(&id, twin, versions(version))
    }

    fn got_as(&mut self, id: &str, twin: Json, versions: Versions) -> &mut Self {
        self.message(Message::GetAccepted(Snapshot {
            id: RequestId::new(id),
            document: doc(&twin).as_ref(),
            versions,
            timestamp: Timestamp::EPOCH,
        }))
    }

    fn accepted(&mut self, version: u64) -> &mut Self {
        let id = self.id.clone();
        self.accepted_as(&id, None, versions(version))
    }

    /// An accepted update, with the service's echo of it.
    fn accepted_as(&mut self, id: &str, patch: Option<Json>, versions: Versions) -> &mut Self {
        let patch = patch.map(|patch| doc(&patch));
        self.message(Message::UpdateAccepted(Accepted {
            id: RequestId::new(id),
            versions,
            patch: patch.as_ref().map(Document::as_ref),
            timestamp: Timestamp::EPOCH,
        }))
    }

    fn rejected(&mut self, request: RequestKind, status: Status) -> &mut Self {
        let id = self.id.clone();
        self.message(Message::Rejected(Rejection {
            id: RequestId::new(&id),
            request,
            status,
            cause: Cause::Unstated,
            timestamp: Timestamp::EPOCH,
        }))
    }

    fn delta(&mut self, patch: Json, version: u64) -> &mut Self {
        let patch = doc(&patch);
        self.message(Message::Delta(change(patch.as_ref(), versions(version))))
    }

    fn desired_patch(&mut self, patch: Json, versions: Versions) -> &mut Self {
        let patch = doc(&patch);
        self.message(Message::DesiredPatch(change(patch.as_ref(), versions)))
    }

    fn desires(&mut self, wanted: Json) -> &mut Self {
        assert_eq!(self.engine.desired(), doc(&wanted).as_ref());
        self
    }

    fn reports(&mut self, wanted: Json) -> &mut Self {
        assert_eq!(self.engine.reported(), doc(&wanted).as_ref());
        self
    }

    fn has_acknowledged(&mut self, wanted: Json) -> &mut Self {
        assert_eq!(self.engine.acknowledged(), doc(&wanted).as_ref());
        self
    }

    fn known(&mut self, version: u64) -> &mut Self {
        assert_eq!(self.engine.version(), Version::new(version));
        self
    }

    fn work(&self) -> String {
        let mut work = String::new();
        for leaf in self.engine.changes() {
            work += &leaf.path.to_string();
            work += " ";
        }
        work.trim_end().to_string()
    }

    /// The answer that nothing changed.
    fn unchanged(&mut self, versions: Versions) -> &mut Self {
        let id = self.id.clone();
        self.message(Message::GetUnchanged(Accepted {
            id: RequestId::new(&id),
            versions,
            patch: None,
            timestamp: Timestamp::EPOCH,
        }))
    }

    /// The answer of what changed in desired, which is then `desired`.
    fn patched(&mut self, patch: Json, desired: Json, versions: Versions) -> &mut Self {
        let id = self.id.clone();
        self.message(Message::GetPatched(Patched {
            id: RequestId::new(&id),
            patch: doc(&patch).as_ref(),
            desired: ETag::of(doc(&desired).as_ref()),
            versions,
            timestamp: Timestamp::EPOCH,
        }))
    }

    fn desired_whole(&mut self, desired: Json, versions: Versions) -> &mut Self {
        let document = doc(&json!({ "desired": desired }));
        self.message(Message::Desired(Snapshot {
            id: None,
            document: document.as_ref(),
            versions,
            timestamp: Timestamp::EPOCH,
        }))
    }

    /// What the get that is due says of what is known.
    fn says_known(&mut self) -> Option<Known> {
        match self.transmit().output() {
            Output::Message(Message::Get(get)) => get.known,
            other => panic!("{other:?}"),
        }
    }

    fn precondition(&mut self) -> Precondition {
        match self.transmit().output() {
            Output::Message(Message::Update(request)) => request.update.precondition,
            Output::Message(_) | Output::Subscribe => panic!("no report"),
        }
    }
}

/// Versions of desired and of reported.
fn sections(desired: u64, reported: u64) -> Versions {
    Versions {
        twin: Version::new(desired + reported),
        desired: Version::new(desired),
        reported: Version::new(reported),
    }
}

fn versions(version: u64) -> Versions {
    Versions::all(Version::new(version))
}

fn change(patch: DocumentRef<'_>, versions: Versions) -> Delta<'_> {
    Delta {
        id: None,
        patch,
        metadata: DocumentRef::EMPTY,
        versions,
        timestamp: Timestamp::EPOCH,
    }
}

#[test]
fn the_engine_takes_at_most_512_bytes_besides_its_documents() {
    let documents = 4 * size_of::<Document<N>>();
    let rest = size_of::<DeviceEngine<N>>() - documents;
    assert!(rest <= 512, "{rest}");
}

#[test]
fn a_request_is_not_for_a_device() {
    let mut bench = Bench::online(config(), json!({}), 1);
    let get = Message::Get(crate::protocol::Get::default());
    assert!(bench.engine.handle_message(bench.now, get).is_err());
    bench.quiet().no_event();
}
