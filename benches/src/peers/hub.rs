//! A hub's store of twins in each candidate's form, and one update of one twin.
//!
//! An update is: parse the patch, merge it into the twin, compute what `desired` asks for and
//! `reported` does not say, and write that as JSON text.

use std::hint::black_box;

use simd_json::prelude::ValueObjectAccess;
use sonic_rs::JsonValueTrait;
use twinsync::adapter::aws::{Policy as AwsPolicy, Service};
use twinsync::codec::json;
use twinsync::document::{Document, DocumentRef, delta};
use twinsync::hub::{Config, HubEngine, InMemory, Registry};
use twinsync::protocol::{Message, TwinId};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::{self, Policy, Section, Twin, TwinRef, Update};

use super::{Peer, serde_json as serde, simd_json as simd, sonic_rs as sonic};

/// How many twins there will be; every candidate knows it, so that no list is half empty.
pub const TWINS: usize = 10_000;

pub trait Hub {
    const NAME: &'static str;

    fn new() -> Self;

    /// Adds a twin; their index is the order in which they come.
    fn load(&mut self, twin: &[u8]);

    /// Updates a twin and returns the text of its delta; nothing if it is in sync.
    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8];
}

pub struct SerdeJson {
    twins: Vec<serde_json::Value>,
    out: Vec<u8>,
}

impl Hub for SerdeJson {
    const NAME: &'static str = "serde_json";

    fn new() -> Self {
        Self {
            twins: Vec::with_capacity(TWINS),
            out: Vec::new(),
        }
    }

    fn load(&mut self, twin: &[u8]) {
        self.twins.push(serde::parse(twin));
    }

    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8] {
        let twin = &mut self.twins[twin];
        serde::merge_owned(twin, serde::parse(patch));
        self.out.clear();
        if let Some(delta) = serde::delta(&twin["desired"], &twin["reported"]) {
            serde::serialise(&delta, &mut self.out);
        }
        &self.out
    }
}

pub struct JsonPatch(SerdeJson);

impl Hub for JsonPatch {
    const NAME: &'static str = "json-patch";

    fn new() -> Self {
        Self(SerdeJson::new())
    }

    fn load(&mut self, twin: &[u8]) {
        self.0.load(twin);
    }

    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8] {
        let twin = &mut self.0.twins[twin];
        json_patch::merge(twin, &serde::parse(patch));
        self.0.out.clear();
        if let Some(delta) = serde::delta(&twin["desired"], &twin["reported"]) {
            serde::serialise(&delta, &mut self.0.out);
        }
        &self.0.out
    }
}

pub struct SonicRs {
    twins: Vec<sonic_rs::Value>,
    out: Vec<u8>,
}

impl Hub for SonicRs {
    const NAME: &'static str = "sonic-rs";

    fn new() -> Self {
        Self {
            twins: Vec::with_capacity(TWINS),
            out: Vec::new(),
        }
    }

    fn load(&mut self, twin: &[u8]) {
        self.twins.push(sonic::parse(twin));
    }

    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8] {
        let twin = &mut self.twins[twin];
        sonic::merge(twin, &sonic::parse(patch));
        self.out.clear();
        if let (Some(desired), Some(reported)) = (twin.get("desired"), twin.get("reported"))
            && let Some(delta) = sonic::delta(desired, reported)
        {
            sonic::serialise(&delta, &mut self.out);
        }
        &self.out
    }
}

pub struct SimdJson {
    twins: Vec<simd_json::OwnedValue>,
    parser: simd::SimdJson,
    out: Vec<u8>,
}

impl Hub for SimdJson {
    const NAME: &'static str = "simd-json";

    fn new() -> Self {
        Self {
            twins: Vec::with_capacity(TWINS),
            parser: simd::SimdJson::new(),
            out: Vec::new(),
        }
    }

    fn load(&mut self, twin: &[u8]) {
        let twin = self.parser.read(twin);
        self.twins.push(twin);
    }

    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8] {
        let twin = &mut self.twins[twin];
        simd::merge_owned(twin, self.parser.read(patch));
        self.out.clear();
        if let (Some(desired), Some(reported)) = (twin.get("desired"), twin.get("reported"))
            && let Some(delta) = simd::delta(desired, reported)
        {
            simd::serialise(&delta, &mut self.out);
        }
        &self.out
    }
}

/// What every update needs once: the patch, the delta, its text.
struct Scratch {
    patch: Box<Document<1024>>,
    delta: Box<Document<1024>>,
    text: Vec<u8>,
}

impl Scratch {
    fn new() -> Self {
        Self {
            patch: Box::default(),
            delta: Box::default(),
            text: vec![0; 2048],
        }
    }

    fn update(&mut self, twin: &mut Document<1024>, patch: &[u8]) -> &[u8] {
        json::read(patch, Document::as_mut(&mut self.patch)).expect("JSON");
        twin.merge(Document::as_ref(&self.patch)).expect("room");
        let twin = Document::as_ref(twin);
        let section = |name| twin.at(&[name]).unwrap_or(DocumentRef::EMPTY);
        let mut out = Document::as_mut(&mut self.delta);
        delta(section("desired"), section("reported"), &mut out).expect("room");
        let delta = Document::as_ref(&self.delta);
        if delta.is_empty() {
            return &[];
        }
        let len = json::write(delta, &mut self.text).expect("room");
        &self.text[..len]
    }
}

/// Every twin in a slot of 1,024 bytes.
pub struct Slots {
    twins: Vec<Document<1024>>,
    scratch: Scratch,
}

impl Hub for Slots {
    const NAME: &'static str = "twinsync";

    fn new() -> Self {
        Self {
            twins: Vec::with_capacity(TWINS),
            scratch: Scratch::new(),
        }
    }

    fn load(&mut self, twin: &[u8]) {
        let mut slot = Document::new();
        json::read(twin, slot.as_mut()).expect("JSON");
        self.twins.push(slot);
    }

    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8] {
        self.scratch.update(&mut self.twins[twin], patch)
    }
}

/// The sections of a twin of the workload; what else it says is the registry's affair.
fn sections(text: &[u8]) -> Box<Document<1024>> {
    let mut all = Box::<Document<1024>>::default();
    json::read(text, Document::as_mut(&mut all)).expect("JSON");
    let mut sections = Box::<Document<1024>>::default();
    for section in Section::ALL {
        if let Some(value) = all.value(&[section.key()]) {
            sections.set(&[section.key()], value).expect("room");
        }
    }
    sections
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

/// Every twin, with its head, in a slot; updated by the pure step, `twin::apply`: all checks, versions,
/// all or nothing.
pub struct Twins {
    twins: Vec<Twin<1024>>,
    next: Box<Twin<1024>>,
    policy: Policy,
    scratch: Scratch,
}

impl Hub for Twins {
    const NAME: &'static str = "twinsync-twin";

    fn new() -> Self {
        Self {
            twins: Vec::with_capacity(TWINS),
            next: Box::default(),
            policy: Policy::new(),
            scratch: Scratch::new(),
        }
    }

    fn load(&mut self, twin: &[u8]) {
        let sections = sections(twin);
        let mut slot = Twin::new();
        let update = Update::merge(Document::as_ref(&sections));
        let mut next = slot.as_mut();
        twin::apply(TwinRef::ABSENT, &update, now(), &self.policy, &mut next).expect("a twin");
        self.twins.push(slot);
    }

    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8] {
        let Scratch {
            patch: document,
            delta,
            text,
        } = &mut self.scratch;
        json::read(patch, Document::as_mut(document)).expect("JSON");
        let slot = &mut self.twins[twin];
        let update = Update::merge(Document::as_ref(document));
        let mut next = Twin::as_mut(&mut self.next);
        twin::apply(slot.as_ref(), &update, now(), &self.policy, &mut next).expect("accepted");
        slot.assign(next.as_ref()).expect("room");
        let mut out = Document::as_mut(delta);
        slot.as_ref().delta(&mut out).expect("room");
        let delta = Document::as_ref(delta);
        if delta.is_empty() {
            return &[];
        }
        let len = json::write(delta, text).expect("room");
        &text[..len]
    }
}

/// All of a gateway but its broker: AWS messages in and out, the engine, twins in memory with their
/// metadata.
pub struct Engine {
    hub: HubEngine<InMemory, 4096>,
    service: Service,
    loaded: usize,
    topic: String,
    payload: Vec<u8>,
    scratch: Box<Document<1024>>,
    out: Vec<u8>,
    delta: Vec<u8>,
}

impl Engine {
    fn device(twin: usize) -> String {
        format!("mtr-{twin:05}")
    }
}

impl Hub for Engine {
    const NAME: &'static str = "twinsync-engine";

    fn new() -> Self {
        let service = Service::new(AwsPolicy::new());
        let config = Config::new().with_policy(service.policy().twin());
        Self {
            hub: HubEngine::new(InMemory::new(), config),
            service,
            loaded: 0,
            topic: String::new(),
            payload: Vec::new(),
            scratch: Box::default(),
            out: vec![0; 8192],
            delta: Vec::new(),
        }
    }

    fn load(&mut self, twin: &[u8]) {
        let sections = sections(twin);
        let mut slot = Twin::<4096>::new();
        let update = Update::merge(Document::as_ref(&sections));
        let policy = self.service.policy().twin();
        let mut next = slot.as_mut();
        twin::apply(TwinRef::ABSENT, &update, now(), &policy, &mut next).expect("a twin");
        let device = Self::device(self.loaded);
        let id = TwinId::new(&device, None).expect("an id");
        let registry = self.hub.registry_mut();
        registry.save(id, slot.as_ref()).expect("memory");
        self.loaded += 1;
    }

    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8] {
        self.topic.clear();
        self.topic.push_str("$aws/things/mtr-");
        for place in [10_000, 1_000, 100, 10, 1] {
            self.topic
                .push(char::from(b'0' + (twin / place % 10) as u8));
        }
        self.topic.push_str("/shadow/update");
        self.payload.clear();
        self.payload.extend_from_slice(b"{\"state\":");
        self.payload.extend_from_slice(patch);
        self.payload.push(b'}');
        let now = Now::new(Instant::ZERO, now());
        let scratch = Document::as_mut(&mut self.scratch);
        let (id, message) = self
            .service
            .decode(&self.topic, &self.payload, scratch)
            .expect("a request");
        self.hub.handle_message(now, id, message).expect("drained");
        self.delta.clear();
        while let Some(transmit) = self.hub.poll_transmit() {
            let publish = self
                .service
                .encode(transmit.id, &transmit.message, &mut self.out)
                .expect("room");
            match transmit.message {
                Message::Delta(_) => self.delta.extend_from_slice(publish.payload),
                Message::UpdateAccepted(_) => drop(black_box(publish)),
                other => panic!("{other:?}"),
            }
            transmit.sent();
        }
        &self.delta
    }
}

/// Every twin in exactly as many bytes as it has, as in a store of keys and values: each update
/// checks the bytes that were stored, copies them, and stores them again.
pub struct Packed {
    twins: Vec<Box<[u8]>>,
    twin: Box<Document<1024>>,
    scratch: Scratch,
}

impl Hub for Packed {
    const NAME: &'static str = "twinsync-packed";

    fn new() -> Self {
        Self {
            twins: Vec::with_capacity(TWINS),
            twin: Box::default(),
            scratch: Scratch::new(),
        }
    }

    fn load(&mut self, twin: &[u8]) {
        json::read(twin, Document::as_mut(&mut self.twin)).expect("JSON");
        self.twins.push(self.twin.as_bytes().into());
    }

    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8] {
        let stored = &mut self.twins[twin];
        let document = DocumentRef::from_bytes(stored).expect("what was stored");
        self.twin.assign(document).expect("room");
        let text = self.scratch.update(&mut self.twin, patch);
        let changed = self.twin.as_bytes();
        if changed.len() == stored.len() {
            stored.copy_from_slice(changed);
        } else {
            *stored = changed.into();
        }
        text
    }
}

/// What memory alone costs: copies the patch, copies the twin's bytes, writes a hundred bytes.
pub struct Limit {
    twins: Vec<Document<1024>>,
    twin: [u8; 1024],
    patch: Vec<u8>,
    text: [u8; 100],
}

impl Hub for Limit {
    const NAME: &'static str = "limit";

    fn new() -> Self {
        Self {
            twins: Vec::with_capacity(TWINS),
            twin: [0; 1024],
            patch: Vec::new(),
            text: [0; 100],
        }
    }

    fn load(&mut self, twin: &[u8]) {
        let mut slot = Document::new();
        json::read(twin, slot.as_mut()).expect("JSON");
        self.twins.push(slot);
    }

    fn update(&mut self, twin: usize, patch: &[u8]) -> &[u8] {
        self.patch.clear();
        self.patch.extend_from_slice(patch);
        let bytes = self.twins[twin].as_bytes();
        self.twin[..bytes.len()].copy_from_slice(bytes);
        self.text.fill(self.twin[bytes.len() / 2]);
        black_box((&self.twin, &self.patch));
        &self.text
    }
}
