//! After any schedule, once the link heals and nobody writes, both ends agree: against a small model of
//! a service, over links that lose, repeat and reorder, with restarts of either end.

use alloc::vec::Vec;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::device::{ForeignLeaves, Verdict};
use crate::document::{delta, diff};
use crate::protocol::VersionScope;

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    Report(Json),
    Desire(Json),
    /// The device applies what is desired, but for some keys.
    Apply,
    Wait(u64),
    /// The message at this place arrives, is lost, or arrives and stays for another time.
    Up(usize, Fate),
    Down(usize, Fate),
    Disconnect,
    Connect(Session),
    /// The service fails the next request.
    Fail(Status),
    /// The device starts anew from what it kept last.
    Restart,
    Keep,
    /// The service loses its data, or the twin is deleted.
    Lose,
    Delete,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    Arrives,
    Lost,
    Repeated,
}

#[expect(clippy::large_enum_variant, reason = "few of them in a test")]
#[derive(Clone)]
enum Up {
    Get(String, Option<Known>),
    Update(String, Doc, Precondition),
}

#[derive(Clone)]
enum Down {
    Got(String, Doc, Versions),
    Unchanged(String, Versions),
    Patched(String, Doc, ETag, Versions),
    Accepted(String, Doc, Versions),
    Rejected(String, RequestKind, Status),
    Delta(Doc, Versions),
    Patch(Doc, Versions),
    Deleted(Versions),
}

/// A service of one twin: AWS's notifications with one version, Azure's with one for each section.
struct Service {
    scope: VersionScope,
    exists: bool,
    versions: Versions,
    desired: Doc,
    reported: Doc,
    /// Desired at each version of it.
    past: Vec<(Version, Doc)>,
    fails: Option<Status>,
    down: Vec<Down>,
}

impl Service {
    fn new(scope: VersionScope) -> Self {
        Self {
            scope,
            exists: false,
            versions: Versions::default(),
            desired: Doc::new(),
            reported: Doc::new(),
            past: Vec::new(),
            fails: None,
            down: Vec::new(),
        }
    }

    fn count(&mut self, desired: bool) {
        self.exists = true;
        self.versions.twin = self.versions.twin.next();
        match self.scope {
            VersionScope::Twin => self.versions = Versions::all(self.versions.twin),
            VersionScope::Section if desired => {
                self.versions.desired = self.versions.desired.next();
            }
            VersionScope::Section => self.versions.reported = self.versions.reported.next(),
        }
    }

    fn notify(&mut self, id: &str, patch: &Doc) {
        let mut out = Doc::new();
        delta(
            self.desired.as_ref(),
            self.reported.as_ref(),
            &mut out.as_mut(),
        )
        .unwrap();
        if self.scope == VersionScope::Twin && !out.is_empty() {
            self.down.push(Down::Delta(out, self.versions));
        }
        // AWS tells everyone who listens, Azure only the asker.
        if self.scope == VersionScope::Twin || id != "app" {
            self.down
                .push(Down::Accepted(id.to_string(), patch.clone(), self.versions));
        }
    }

    fn desire(&mut self, patch: &Json) {
        let patch = doc(patch);
        self.desired.merge(patch.as_ref()).unwrap();
        self.count(true);
        let version = self.versions.desired;
        self.past.push((version, self.desired.clone()));
        if self.scope == VersionScope::Section {
            self.down.push(Down::Patch(patch, self.versions));
        } else {
            let mut echo = patch;
            echo.as_mut().nest("desired").unwrap();
            self.notify("app", &echo);
        }
    }

    fn handle(&mut self, up: Up) {
        let (id, kind) = match &up {
            Up::Get(id, _) => (id.clone(), RequestKind::Get),
            Up::Update(id, ..) => (id.clone(), RequestKind::Update),
        };
        if let Some(status) = self.fails.take() {
            self.down.push(Down::Rejected(id, kind, status));
            return;
        }
        match up {
            Up::Get(..) if !self.exists => {
                self.down.push(Down::Rejected(id, kind, Status::NotFound));
            }
            Up::Get(_, known) => {
                if let Some(short) = known.and_then(|known| self.short(&id, known)) {
                    self.down.push(short);
                    return;
                }
                let mut twin = Doc::new();
                twin.set(&["desired"], self.desired.as_ref()).unwrap();
                twin.set(&["reported"], self.reported.as_ref()).unwrap();
                self.down.push(Down::Got(id, twin, self.versions));
            }
            Up::Update(_, _, Precondition::Version(version))
                if version != self.versions.reported =>
            {
                self.down.push(Down::Rejected(id, kind, Status::Conflict));
            }
            Up::Update(_, _, Precondition::SectionVersion(_, version))
                if version != self.versions.reported =>
            {
                let status = Status::PreconditionFailed;
                self.down.push(Down::Rejected(id, kind, status));
            }
            Up::Update(_, patch, _) => {
                let report = patch.as_ref().at(&["reported"]).unwrap();
                self.reported.merge(report).unwrap();
                self.count(false);
                self.notify(&id, &patch);
            }
        }
    }

    /// The shorter answer to a get that says what is known.
    fn short(&self, id: &str, known: Known) -> Option<Down> {
        let desired = ETag::of(self.desired.as_ref());
        if known.versions.reported != self.versions.reported {
            return None;
        }
        if known.versions.desired == self.versions.desired {
            let unchanged = Down::Unchanged(id.to_string(), self.versions);
            return (known.desired == desired).then_some(unchanged);
        }
        let mut past = self.past.iter();
        let (_, then) = past.find(|(version, _)| *version == known.versions.desired)?;
        let mut patch = Doc::new();
        diff(then.as_ref(), self.desired.as_ref(), &mut patch.as_mut()).unwrap();
        Some(Down::Patched(id.to_string(), patch, desired, self.versions))
    }

    fn lose(&mut self) {
        *self = Self {
            down: core::mem::take(&mut self.down),
            ..Self::new(self.scope)
        };
    }

    fn delete(&mut self) {
        if self.exists {
            let version = self.versions.twin;
            self.down.push(Down::Deleted(self.versions));
            let scope = self.scope;
            self.lose();
            if scope == VersionScope::Twin {
                self.versions = Versions::all(version.next());
            }
        }
    }
}

/// Both ends and what is under way.
struct World {
    config: Config,
    engine: DeviceEngine<N>,
    kept: DeviceEngine<N>,
    connected: bool,
    service: Service,
    up: Vec<Up>,
    now: Instant,
    sent: usize,
}

impl World {
    fn new(config: Config, scope: VersionScope) -> Self {
        Self {
            config,
            engine: DeviceEngine::new(config),
            kept: DeviceEngine::new(config),
            connected: false,
            service: Service::new(scope),
            up: Vec::new(),
            now: Instant::ZERO,
            sent: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Report(patch) => {
                self.engine.report(self.now, doc(patch).as_ref()).unwrap();
            }
            Step::Desire(patch) => self.service.desire(patch),
            Step::Apply => {
                self.engine.settle(self.now, |leaf| match leaf.path.last() {
                    Some(&"d") => Verdict::Refused,
                    Some(&"c") => Verdict::Postponed,
                    _ => Verdict::Applied,
                });
            }
            Step::Wait(millis) => self.wait(Duration::from_millis(*millis)),
            Step::Up(index, fate) => {
                if let Some(up) = pick(&mut self.up, *index, *fate) {
                    self.service.handle(up);
                }
            }
            Step::Down(index, fate) => {
                if let Some(down) = pick(&mut self.service.down, *index, *fate) {
                    self.deliver(&down);
                }
            }
            Step::Disconnect => self.disconnect(),
            Step::Connect(session) => self.connect(*session),
            Step::Fail(status) => self.service.fails = Some(*status),
            Step::Restart => {
                self.disconnect();
                let mut engine = DeviceEngine::new(self.config);
                engine.restore(&self.kept.memory()).unwrap();
                self.engine = engine;
            }
            Step::Keep => self.kept = self.engine.clone(),
            Step::Lose => self.service.lose(),
            Step::Delete => self.service.delete(),
        }
        self.drain();
    }

    fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        self.engine.handle_timeout(self.now);
    }

    fn disconnect(&mut self) {
        self.connected = false;
        self.engine.handle_disconnected(self.now);
    }

    fn connect(&mut self, session: Session) {
        self.connected = true;
        self.engine.handle_connected(self.now, session);
    }

    fn drain(&mut self) {
        let mut calls = 0;
        loop {
            calls += 1;
            assert!(calls < 50, "the engine does not come to rest");
            while self.engine.poll_event().is_some() {}
            let now = self.now;
            let Some(transmit) = self.engine.poll_transmit(now) else {
                break;
            };
            assert!(self.connected, "nothing is sent without a connection");
            let up = match transmit.output() {
                Output::Subscribe => {
                    transmit.sent(now);
                    self.engine.handle_subscribed(now);
                    continue;
                }
                Output::Message(Message::Get(get)) => {
                    Up::Get(get.id.unwrap().as_str().to_string(), get.known)
                }
                Output::Message(Message::Update(request)) => {
                    let mut patch = Doc::new();
                    patch.assign(request.update.patch).unwrap();
                    assert!(!transmit.report().is_empty());
                    let id = request.id.unwrap().as_str().to_string();
                    Up::Update(id, patch, request.update.precondition)
                }
                Output::Message(other) => panic!("{other:?}"),
            };
            transmit.sent(now);
            self.up.push(up);
            self.sent += 1;
        }
        if let Some(due) = self.engine.poll_timeout() {
            assert!(due > self.now, "nothing is due after a drain");
        } else {
            assert!(!self.connected);
        }
    }

    fn deliver(&mut self, down: &Down) {
        let timestamp = Timestamp::EPOCH;
        let message = match down {
            Down::Got(id, twin, versions) => Message::GetAccepted(Snapshot {
                id: RequestId::new(id),
                document: twin.as_ref(),
                versions: *versions,
                timestamp,
            }),
            Down::Unchanged(id, versions) => Message::GetUnchanged(Accepted {
                id: RequestId::new(id),
                versions: *versions,
                patch: None,
                timestamp,
            }),
            Down::Patched(id, patch, desired, versions) => Message::GetPatched(Patched {
                id: RequestId::new(id),
                patch: patch.as_ref(),
                desired: *desired,
                versions: *versions,
                timestamp,
            }),
            Down::Accepted(id, patch, versions) => Message::UpdateAccepted(Accepted {
                id: RequestId::new(id),
                versions: *versions,
                patch: (self.service.scope == VersionScope::Twin).then_some(patch.as_ref()),
                timestamp,
            }),
            Down::Rejected(id, request, status) => Message::Rejected(Rejection {
                id: RequestId::new(id),
                request: *request,
                status: *status,
                cause: Cause::Unstated,
                timestamp,
            }),
            Down::Delta(patch, versions) => Message::Delta(change(patch.as_ref(), *versions)),
            Down::Patch(patch, versions) => {
                Message::DesiredPatch(change(patch.as_ref(), *versions))
            }
            Down::Deleted(versions) => Message::DeleteAccepted(Accepted {
                id: None,
                versions: *versions,
                patch: None,
                timestamp,
            }),
        };
        self.engine.handle_message(self.now, message).unwrap();
    }

    /// The link works and nobody writes: how many requests it takes until both ends rest.
    fn heal(&mut self, late: bool) -> usize {
        self.service.fails = None;
        if !late {
            self.settle_link();
        }
        self.disconnect();
        self.service.down.clear();
        self.connect(Session::Resumed);
        self.drain();
        let before = self.sent;
        // Two confirmations: what arrived late after the first is found by the second.
        for _ in 0..2 {
            self.settle_link();
            let mut waits = 0;
            while !self.engine.is_synced() {
                waits += 1;
                assert!(waits < 100, "does not settle");
                let due = self.engine.poll_timeout().unwrap();
                self.wait(due.saturating_since(self.now));
                self.drain();
                self.settle_link();
            }
            let due = self.engine.poll_timeout().unwrap();
            self.wait(due.saturating_since(self.now));
            self.drain();
        }
        self.settle_link();
        assert!(self.engine.is_synced());
        self.sent - before
    }

    /// Everything under way arrives, in order, with all that follows from it.
    fn settle_link(&mut self) {
        let mut rounds = 0;
        while !self.up.is_empty() || !self.service.down.is_empty() {
            rounds += 1;
            assert!(rounds < 300, "messages without end");
            for up in core::mem::take(&mut self.up) {
                self.service.handle(up);
            }
            for down in core::mem::take(&mut self.service.down) {
                self.deliver(&down);
                self.drain();
            }
        }
    }
}

fn pick<T: Clone>(queue: &mut Vec<T>, index: usize, fate: Fate) -> Option<T> {
    let index = index.checked_rem(queue.len())?;
    match fate {
        Fate::Arrives => Some(queue.remove(index)),
        Fate::Repeated => Some(queue[index].clone()),
        Fate::Lost => {
            queue.remove(index);
            None
        }
    }
}

fn patch() -> impl Strategy<Value = Json> {
    let value = prop_oneof![
        3 => (0..4).prop_map(Json::from),
        2 => Just(Json::Null),
        1 => Just(json!([1, 2])),
        1 => Just(json!({})),
        1 => (0..3, 0..3).prop_map(|(x, y)| json!({"x": x, "y": y})),
        1 => (0..3).prop_map(|x| json!({"x": null, "m": {"z": x}})),
    ];
    proptest::collection::btree_map("[a-d]", value, 0..3)
        .prop_map(|entries| Json::Object(entries.into_iter().collect()))
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![6 => Just(Fate::Arrives), 1 => Just(Fate::Lost), 1 => Just(Fate::Repeated)]
}

fn session() -> impl Strategy<Value = Session> {
    prop_oneof![Just(Session::Fresh), Just(Session::Resumed)]
}

/// Steps of everyday life on a link that keeps the order but loses and repeats.
fn everyday() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => patch().prop_map(Step::Report),
        3 => patch().prop_map(Step::Desire),
        2 => Just(Step::Apply),
        2 => (0_u64..20_000).prop_map(Step::Wait),
        8 => fate().prop_map(|fate| Step::Up(0, fate)),
        8 => fate().prop_map(|fate| Step::Down(0, fate)),
        1 => Just(Step::Disconnect),
        2 => session().prop_map(Step::Connect),
    ]
}

fn status() -> impl Strategy<Value = Status> {
    prop_oneof![
        Just(Status::Throttled),
        Just(Status::Internal),
        Just(Status::Conflict),
        Just(Status::NotFound),
        Just(Status::Forbidden),
    ]
}

fn chaos() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => everyday(),
        6 => (0_usize..5, fate()).prop_map(|(index, fate)| Step::Up(index, fate)),
        6 => (0_usize..5, fate()).prop_map(|(index, fate)| Step::Down(index, fate)),
        2 => status().prop_map(Step::Fail),
        1 => Just(Step::Restart),
        2 => Just(Step::Keep),
        1 => Just(Step::Lose),
        1 => Just(Step::Delete),
    ]
}

fn scope() -> impl Strategy<Value = VersionScope> {
    prop_oneof![Just(VersionScope::Twin), Just(VersionScope::Section)]
}

fn assert_same(device: DocumentRef<'_>, service: &Doc) -> Result<(), TestCaseError> {
    let mut difference = Doc::new();
    diff(service.as_ref(), device, &mut difference.as_mut()).unwrap();
    prop_assert_eq!(difference.as_ref(), DocumentRef::EMPTY);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn both_ends_agree_after_any_schedule(
        steps in vec(chaos(), 0..120), scope in scope(), conditional: bool, late: bool,
        limit in prop_oneof![Just(usize::MAX), 4_usize..60], coalesce in 0_u64..5_000,
    ) {
        let config = config()
            .with_versions(scope)
            .with_conditional(conditional)
            .with_patch_limit(limit)
            .with_coalesce(Duration::from_millis(coalesce))
            .with_foreign_leaves(ForeignLeaves::Remove)
            .with_resync_interval(Some(Duration::from_secs(3_600)));
        let mut world = World::new(config, scope);
        for step in &steps {
            world.step(step);
        }
        let requests = world.heal(late);
        prop_assert!(requests < 60, "{} requests", requests);
        assert_same(world.engine.desired(), &world.service.desired)?;
        assert_same(world.engine.reported(), &world.service.reported)?;
    }

    #[test]
    fn nothing_is_left_behind_though_foreign_leaves_are_kept(
        steps in vec(everyday(), 0..120), scope in scope(), conditional: bool,
        limit in prop_oneof![Just(usize::MAX), 4_usize..60],
    ) {
        let config = config()
            .with_versions(scope)
            .with_conditional(conditional)
            .with_patch_limit(limit)
            .with_resync_interval(Some(Duration::from_secs(3_600)));
        let mut world = World::new(config, scope);
        for step in &steps {
            world.step(step);
        }
        world.heal(false);
        assert_same(world.engine.desired(), &world.service.desired)?;
        assert_same(world.engine.reported(), &world.service.reported)?;
    }
}
