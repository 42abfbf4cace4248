//! The AWS adapter against cases from public documentation and public test suites.
//!
//! The cases are data that lies beside this project, not in it: `../shared/vectors/aws_shadow.json`, or the same
//! further up. Without it the test says so and passes; the project's own wire tests are in `src/adapter/aws/tests`.
//!
//! Every case that the real service is known to satisfy (`"aws": true`) must pass, from bytes to bytes: topics and
//! payloads through [`Service`], a [`HubEngine`] and back. Of the others (`"aws": null`, behaviour of imitations)
//! [`verdict`] says which are run, under which policy, and why the rest is not.

#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::or_fun_call,
    clippy::wildcard_enum_match_arm,
    reason = "a test: what goes wrong is to be seen"
)]

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use twinsync::adapter::aws::{
    NameError, NewVersion, Policy, Purpose, RequestError, Service, Topic, TopicError, shadow,
};
use twinsync::codec::json as codec;
use twinsync::document::{Document, delta};
use twinsync::hub::{Config, HubEngine, InMemory, Notify};
use twinsync::protocol::{Accepted, Delta, Message, Snapshot, TwinId, Versions};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::Version;

/// Room for a document of 20 KiB with its metadata.
const N: usize = 48 * 1024;
const SECONDS: u64 = 1_700_000_000;

#[test]
fn every_case_of_the_real_service_passes() {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    let read =
        |folder: &Path| std::fs::read_to_string(folder.join("shared/vectors/aws_shadow.json")).ok();
    let Some(text) = above.filter_map(read).next() else {
        println!("SKIPPED: no ../shared/vectors/aws_shadow.json, nor further up");
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).expect("the vectors are JSON");
    let mut counts = BTreeMap::<(&str, &str), usize>::new();
    let mut failed = Vec::new();
    for case in &cases {
        let kind = case["fn"].as_str().unwrap_or("session");
        let known = case["aws"] == json!(true);
        let outcome = match verdict(case, kind, known) {
            Verdict::Skip(reason) => {
                assert!(!known, "a case of the real service is never skipped");
                *counts.entry((kind, reason)).or_default() += 1;
                continue;
            }
            Verdict::Run(policy) => run(case, kind, policy),
        };
        let group = if known { "aws: true" } else { "aws: null, run" };
        *counts.entry((kind, group)).or_default() += 1;
        if let Err(why) = outcome {
            failed.push(format!("{} {} ({kind}): {why}", case["id"], case["name"]));
        }
    }
    for ((kind, group), count) in &counts {
        println!("{count:4} {kind}: {group}");
    }
    let total = counts.values().sum::<usize>();
    assert_eq!(total, cases.len());
    let failures = failed.join("\n");
    assert!(failed.is_empty(), "{} failed:\n{failures}", failed.len());
}

enum Verdict {
    Run(Policy),
    Skip(&'static str),
}

/// Which cases are run, and under which policy.
fn verdict(case: &Value, kind: &str, known: bool) -> Verdict {
    let policy = match case["limits"]["max_document_bytes"].as_u64() {
        Some(bytes) => Policy::new().with_max_document_bytes(usize::try_from(bytes).unwrap()),
        None => Policy::new(),
    };
    if known {
        return Verdict::Run(policy);
    }
    match (kind, case["id"].as_str().unwrap_or_default()) {
        // Nesting 6, `state.delta` dropped, `version` of a new shadow: fields of the policy.
        ("validate_schema" | "validate_payload", _) | ("session", "158") => {
            Verdict::Run(Policy::greengrass())
        }
        // A raised size limit, and `version: null`: the default policy agrees with the imitation.
        ("session", "168" | "170" | "171") | ("validate_names", _) => Verdict::Run(policy),
        ("session", "153") => Verdict::Skip(
            "not run: words of Greengrass for an empty update; AWS has \"Invalid JSON\" for what cannot be parsed",
        ),
        ("merge", _) => Verdict::Skip(
            "not run: Greengrass collapses objects of nulls and refuses arrays for objects; RFC 7396 is taken",
        ),
        _ => Verdict::Skip(
            "not run: Greengrass' synchronisation with the cloud, which an adapter is not",
        ),
    }
}

fn run(case: &Value, kind: &str, policy: Policy) -> Result<(), String> {
    let (input, out) = (&case["in"], &case["out"]);
    match kind {
        "session" => session(case, policy),
        "topic" => topic(input, out),
        "topic_parse" => topic_parse(input, out),
        "delta" => delta_case(input, out),
        "merge" => merge(input, out),
        "validate_names" => names(input, out),
        "validate_schema" => schema(input, out, policy),
        "validate_payload" => payload(input, out, policy),
        "metadata_update" => metadata_update(input, out, policy),
        "metadata_delta" => metadata_delta(input, out, policy),
        other => Err(format!("unknown function {other}")),
    }
}

// ---- pure functions

fn topic(input: &Value, out: &Value) -> Result<(), String> {
    let name = match input["suffix"].as_str() {
        Some(suffix) => format!("{}/{suffix}", input["op"].as_str().unwrap()),
        None => input["op"].as_str().unwrap().to_owned(),
    };
    let purpose = Purpose::ALL
        .into_iter()
        .find(|purpose| purpose.as_str() == name)
        .ok_or("no such purpose")?;
    let id = shadow(input["thing"].as_str().unwrap(), input["shadow"].as_str()).unwrap();
    let topic = Topic { id, purpose };
    equal(&json!(topic.to_string()), out, "built")?;
    match Topic::parse(out.as_str().unwrap()) {
        Ok(parsed) if parsed == topic => Ok(()),
        other => Err(format!("parsed: {other:?}")),
    }
}

fn topic_parse(input: &Value, out: &Value) -> Result<(), String> {
    let error = match Topic::parse(input["topic"].as_str().unwrap()) {
        Ok(topic) => return Err(format!("understood as {topic:?}")),
        Err(TopicError::Prefix) => "SHADOW_FAIL",
        Err(TopicError::Thing) => "SHADOW_THINGNAME_PARSE_FAILED",
        Err(TopicError::Root) => "SHADOW_ROOT_PARSE_FAILED",
        Err(TopicError::Shadow) => "SHADOW_SHADOWNAME_PARSE_FAILED",
        Err(_) => "SHADOW_MESSAGE_TYPE_PARSE_FAILED",
    };
    equal(&json!(error), &out["error"], "error")
}

fn names(input: &Value, out: &Value) -> Result<(), String> {
    let thing = input["thing"].as_str().unwrap_or_default();
    match (
        shadow(thing, input["shadow"].as_str()),
        out["error"].as_object(),
    ) {
        (Ok(_), None) => Ok(()),
        (Err(error), Some(expected)) => {
            let words = expected["message_contains"].as_str().unwrap();
            let _: NameError = error;
            if error.to_string().contains(words) {
                Ok(())
            } else {
                Err(format!("{error}"))
            }
        }
        (other, _) => Err(format!("{other:?}")),
    }
}

fn delta_case(input: &Value, out: &Value) -> Result<(), String> {
    let mut result = Document::<8192>::new();
    let (desired, reported) = (document(&input["desired"]), document(&input["reported"]));
    delta(desired.as_ref(), reported.as_ref(), &mut result.as_mut()).unwrap();
    equal(&value(&result), out, "delta")
}

/// What stands under `state` is a section that null empties; the cases that wrap both sides in it merge
/// what is inside.
fn merge(input: &Value, out: &Value) -> Result<(), String> {
    let (mut base, mut patch, mut out) = (&input["base"], &input["patch"], out);
    let wrapped = [base, patch, out]
        .iter()
        .all(|value| value.get("state").is_some());
    if wrapped && base["state"].get("state").is_none() {
        (base, patch, out) = (&base["state"], &patch["state"], &out["state"]);
    }
    let empty = json!({});
    let mut merged = document(if base.is_null() { &empty } else { base });
    let applied = if patch.is_null() {
        merged.clear();
        Ok(())
    } else {
        merged.merge(document(patch).as_ref())
    };
    applied.unwrap();
    equal(&value(&merged), out, "merged")
}

/// The cases name Greengrass' words ("Invalid JSON: ..."); those of AWS are tested by the sessions. Here the
/// code counts.
fn schema(input: &Value, out: &Value, policy: Policy) -> Result<(), String> {
    let mut hub = Hub::new(policy);
    let answers = hub.ask(
        "thing",
        None,
        "update",
        input["payload"].to_string().as_bytes(),
    );
    verdict_of(&answers, out, false)
}

fn payload(input: &Value, out: &Value, policy: Policy) -> Result<(), String> {
    let mut hub = Hub::new(policy);
    assert!(
        input["current_version"].is_null(),
        "all of them are about a new shadow"
    );
    let answers = hub.ask(
        "thing",
        None,
        "update",
        input["payload"].to_string().as_bytes(),
    );
    verdict_of(&answers, out, true)
}

fn verdict_of(answers: &[(String, Value)], out: &Value, words: bool) -> Result<(), String> {
    let (topic, answer) = answers.last().ok_or("no answer")?;
    if out == "ok" {
        let accepted = topic.ends_with("/accepted");
        return accepted.then_some(()).ok_or(format!("refused: {answer}"));
    }
    equal(&answer["code"], &out["error"]["code"], "code")?;
    match out["error"].get("message") {
        Some(message) if words => equal(&answer["message"], message, "message"),
        _ => Ok(()),
    }
}

/// The function of these cases takes a state that need not be what the patch makes of anything: where it is,
/// the hub does it; elsewhere the metadata is written for that state.
fn metadata_update(input: &Value, out: &Value, policy: Policy) -> Result<(), String> {
    let service = Service::new(policy);
    let patch = document(&input["patch"]);
    let echo = Message::UpdateAccepted(Accepted {
        id: None,
        versions: Versions::all(Version::new(1)),
        patch: Some(patch.as_ref()),
        timestamp: Timestamp::from_secs(SECONDS),
    });
    let accepted = encode(&service, &echo);
    equal(
        &accepted["metadata"],
        &out["accepted_metadata"],
        "accepted metadata",
    )?;
    let metadata = if input["state_after"] == input["patch"] {
        let mut hub = Hub::new(policy);
        let update = json!({ "state": input["patch"] }).to_string();
        hub.ask("thing", None, "update", update.as_bytes());
        let (_, got) = hub.ask("thing", None, "get", b"").remove(0);
        equal(
            &got["state"]["reported"],
            &input["state_after"]["reported"],
            "reported",
        )?;
        got["metadata"].clone()
    } else {
        let mut whole = input["state_after"].clone();
        whole["metadata"] = stamps(&input["metadata_before"]);
        for (section, patch) in input["patch"].as_object().unwrap() {
            whole["metadata"][section] = stamps_of(patch);
        }
        let twin = document(&whole);
        let snapshot = Message::GetAccepted(Snapshot {
            id: None,
            document: twin.as_ref(),
            versions: Versions::all(Version::new(1)),
            timestamp: Timestamp::from_secs(SECONDS),
        });
        encode(&service, &snapshot)["metadata"].clone()
    };
    equal(&metadata, &out["metadata"], "metadata")
}

fn metadata_delta(input: &Value, out: &Value, policy: Policy) -> Result<(), String> {
    if input["delta"].is_null() {
        // No delta, no message: the sessions hold the hub to it.
        return equal(&input["delta"], out, "metadata");
    }
    let (patch, metadata) = (
        document(&input["delta"]),
        document(&stamps(&input["desired_metadata"])),
    );
    let message = Message::Delta(Delta {
        id: None,
        patch: patch.as_ref(),
        metadata: metadata.as_ref(),
        versions: Versions::all(Version::new(1)),
        timestamp: Timestamp::from_secs(SECONDS),
    });
    equal(
        &encode(&Service::new(policy), &message)["metadata"],
        out,
        "metadata",
    )
}

fn encode(service: &Service, message: &Message<'_>) -> Value {
    let mut out = vec![0; 65_536];
    let id = TwinId::new("thing", None).unwrap();
    let publish = service.encode(id, message, &mut out).unwrap();
    serde_json::from_slice(publish.payload).unwrap()
}

/// The stamps of a twin for metadata as it is on the wire.
fn stamps(metadata: &Value) -> Value {
    match metadata {
        Value::Object(map) => match map.get("timestamp").and_then(Value::as_u64) {
            Some(seconds) => json!([seconds * 1_000, 1]),
            None => map
                .iter()
                .map(|(key, value)| (key.clone(), stamps(value)))
                .collect(),
        },
        Value::Array(items) => items.first().map_or(json!([0, 1]), stamps),
        _ => json!({}),
    }
}

/// The stamps of everything in a patch.
fn stamps_of(patch: &Value) -> Value {
    match patch {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), stamps_of(value)))
            .collect(),
        _ => json!([SECONDS * 1_000, 1]),
    }
}

// ---- sessions

/// A shadow service: bytes in, bytes out.
struct Hub {
    service: Service,
    engine: Box<HubEngine<InMemory, N>>,
    seconds: u64,
}

impl Hub {
    fn new(policy: Policy) -> Self {
        let config = Config::new()
            .with_policy(policy.twin())
            .with_notify(Notify {
                delta: true,
                changed: true,
                ..Notify::NONE
            });
        Self {
            service: Service::new(policy),
            engine: Box::new(HubEngine::new(InMemory::new(), config)),
            seconds: SECONDS,
        }
    }

    /// Publishes a request and returns what the service publishes then: topics and payloads in order.
    fn ask(
        &mut self,
        thing: &str,
        name: Option<&str>,
        op: &str,
        payload: &[u8],
    ) -> Vec<(String, Value)> {
        let topic = match name {
            None => format!("$aws/things/{thing}/shadow/{op}"),
            Some(name) => format!("$aws/things/{thing}/shadow/name/{name}/{op}"),
        };
        self.seconds += 1;
        let wall = Timestamp::from_secs(self.seconds);
        let now = Now::new(Instant::from_millis(self.seconds * 1_000), wall);
        let mut scratch = Box::new(Document::<N>::new());
        let mut out = vec![0; 4 * N];
        let mut answers = Vec::new();
        let mut publish = |publish: twinsync::adapter::Publish<'_>| {
            let payload = serde_json::from_slice(publish.payload).expect("answers are JSON");
            answers.push((publish.topic.to_owned(), payload));
        };
        match self
            .service
            .decode(&topic, payload, Document::as_mut(&mut scratch))
        {
            Ok((id, message)) => {
                self.engine.handle_message(now, id, message).unwrap();
                while let Some(transmit) = self.engine.poll_transmit() {
                    publish(
                        self.service
                            .encode(transmit.id, &transmit.message, &mut out)
                            .unwrap(),
                    );
                    transmit.sent();
                }
            }
            Err(RequestError::Refused(refusal)) => {
                publish(self.service.refuse(&refusal, wall, &mut out).unwrap());
            }
            Err(error) => panic!("{topic}: {error}"),
        }
        answers
    }

    /// The names of a thing's named shadows: no topic lists them (HTTPS does), a registry does.
    fn names(&self, thing: &str) -> Vec<String> {
        let shadows = self.engine.registry().iter();
        let mut names: Vec<String> = shadows
            .filter(|(id, twin)| id.device() == thing && twin.exists())
            .filter_map(|(id, _)| id.name().map(str::to_owned))
            .collect();
        names.sort();
        names
    }
}

fn session(case: &Value, policy: Policy) -> Result<(), String> {
    let mut hub = Hub::new(policy);
    let ops = case["ops"].as_array().unwrap();
    let mut last_version = None;
    if let Some(initial) = case.get("initial") {
        // Filled by updates, and counted up to its version by updates that change nothing.
        let (thing, name) = address(&ops[0]);
        let update = json!({ "state": initial["state"] }).to_string();
        hub.ask(thing, name, "update", update.as_bytes());
        for _ in 1..initial["version"].as_u64().unwrap() {
            hub.ask(thing, name, "update", br#"{"state":{}}"#);
        }
        last_version = initial["version"].as_u64();
    }
    for (index, (op, expected)) in ops
        .iter()
        .zip(case["expect"]["steps"].as_array().unwrap())
        .enumerate()
    {
        step(&mut hub, op, expected, &mut last_version)
            .map_err(|why| format!("step {index}: {why}"))?;
    }
    Ok(())
}

fn address(op: &Value) -> (&str, Option<&str>) {
    (
        op["thing"].as_str().unwrap_or("thing"),
        op["shadow"].as_str(),
    )
}

fn step(
    hub: &mut Hub,
    op: &Value,
    expected: &Value,
    last_version: &mut Option<u64>,
) -> Result<(), String> {
    let (thing, name) = address(op);
    let verb = op["op"].as_str().unwrap();
    if verb == "list" {
        return equal(
            &json!(hub.names(thing)),
            &expected["names_unordered"],
            "names",
        );
    }
    let payload = match (op.get("raw"), op.get("payload")) {
        (Some(raw), _) => raw.as_str().unwrap().to_owned(),
        (None, Some(payload)) => payload.to_string(),
        (None, None) => String::new(),
    };
    let mut published = hub.ask(thing, name, verb, payload.as_bytes());
    let (topic, answer) = published.pop().ok_or("no answer")?;
    let prefix = match name {
        None => format!("$aws/things/{thing}/shadow"),
        Some(name) => format!("$aws/things/{thing}/shadow/name/{name}"),
    };
    let result = expected["result"].as_str().unwrap();
    equal(
        &json!(topic),
        &json!(format!("{prefix}/{verb}/{result}")),
        &format!("topic ({answer})"),
    )?;
    matches(&answer, expected, last_version)?;
    if result == "accepted" {
        *last_version = answer["version"].as_u64();
    }
    for (event, matcher) in expected["events"].as_object().unwrap_or(&Map::new()) {
        let topic = format!("{prefix}/update/{event}");
        let found = published.iter().find(|(name, _)| *name == topic);
        match (found, matcher.is_null()) {
            (None, true) => {}
            (Some((_, message)), false) => {
                matches(message, matcher, &mut None).map_err(|why| format!("{event}: {why}"))?;
            }
            (found, _) => return Err(format!("{event}: {found:?}")),
        }
    }
    Ok(())
}

/// Matches an answer or an event with the keys that the vectors' README describes.
fn matches(answer: &Value, expected: &Value, last_version: &mut Option<u64>) -> Result<(), String> {
    for (key, wanted) in expected.as_object().unwrap() {
        let text = || answer["message"].as_str().unwrap_or_default();
        let ensure = |holds: bool| {
            holds
                .then_some(())
                .ok_or(format!("{key} {wanted}: {answer}"))
        };
        match key.as_str() {
            "result" | "events" => {}
            "code" | "message" | "version" | "state" | "metadata" | "clientToken" => {
                equal(&answer[key], wanted, key)?;
                ensure(answer.get(key).is_some())?;
            }
            // Absent and null are the same: the policy decides between them.
            "previous" if wanted.is_null() => ensure(answer[key].is_null())?,
            "previous" | "current" => {
                matches(&answer[key], wanted, &mut None).map_err(|why| format!("{key}: {why}"))?;
            }
            "message_contains" => ensure(text().contains(wanted.as_str().unwrap()))?,
            "message_starts_any" => {
                let mut starts = wanted.as_array().unwrap().iter();
                ensure(starts.any(|start| text().starts_with(start.as_str().unwrap())))?;
            }
            "body" => equal(answer, wanted, "body")?,
            "version_min" => ensure(answer["version"].as_u64() >= wanted.as_u64())?,
            "version_increment" => {
                let last = last_version.ok_or("no version before")?;
                ensure(answer["version"].as_u64() == Some(last + wanted.as_u64().unwrap()))?;
            }
            "state_subset" | "metadata_subset" => {
                let whole = &answer[key.trim_end_matches("_subset")];
                for (section, wanted) in wanted.as_object().unwrap() {
                    equal(&whole[section], wanted, section)?;
                }
            }
            "state_absent" => {
                let mut names = wanted.as_array().unwrap().iter();
                ensure(names.all(|name| answer["state"].get(name.as_str().unwrap()).is_none()))?;
            }
            "absent" => {
                let mut names = wanted.as_array().unwrap().iter();
                ensure(names.all(|name| answer.get(name.as_str().unwrap()).is_none()))?;
            }
            "has_timestamp" => ensure(answer["timestamp"].is_u64())?,
            other => return Err(format!("unknown matcher {other}")),
        }
    }
    Ok(())
}

// ---- the project's own sessions, from the service's documentation

/// Asks for a change of the classic shadow and returns all that is published.
fn update(hub: &mut Hub, state: &Value) -> Vec<(String, Value)> {
    let payload = json!({ "state": state, "clientToken": "t" }).to_string();
    hub.ask("thing", None, "update", payload.as_bytes())
}

fn get(hub: &mut Hub) -> Value {
    hub.ask("thing", None, "get", b"").remove(0).1
}

fn ends(published: &[(String, Value)]) -> Vec<&str> {
    let prefix = "$aws/things/thing/shadow/";
    published
        .iter()
        .map(|(topic, _)| topic.trim_start_matches(prefix))
        .collect()
}

/// The state of a shadow after these updates, as a get shows it.
fn after(updates: &[Value]) -> Value {
    let mut hub = Hub::new(Policy::new());
    for state in updates {
        assert!(
            ends(&update(&mut hub, state)).contains(&"update/accepted"),
            "{state}"
        );
    }
    get(&mut hub)["state"].clone()
}

#[test]
fn updates_merge_as_the_service_merges() {
    let desired = |section: Value| json!({ "desired": section });
    for (updates, state) in [
        (
            vec![json!({"a": 1, "b": 2}), json!({"a": null, "c": 3})],
            json!({"b": 2, "c": 3}),
        ),
        (
            vec![json!({"a": [1, 2]}), json!({"a": [3]})],
            json!({"a": [3]}),
        ),
        (
            vec![json!({"a": {"b": 1}}), json!({"a": {"b": null}})],
            json!({"a": {}}),
        ),
        (
            vec![json!({"a": 1}), json!({"a": {"b": 1}})],
            json!({"a": {"b": 1}}),
        ),
        (
            vec![json!({"a": {"b": 1}}), json!({"a": 1})],
            json!({"a": 1}),
        ),
        (
            vec![json!({"b": {"c": 3}}), json!({"b": {"c": {}}})],
            json!({"b": {"c": {}}}),
        ),
        (
            vec![json!({"b": {"c": 3}}), json!({"b": {}})],
            json!({"b": {"c": 3}}),
        ),
        (vec![json!({"a": {"b": null}, "x": null})], json!({"a": {}})),
        (vec![json!({"d": {}})], json!({"d": {}})),
    ] {
        let updates: Vec<Value> = updates.into_iter().map(desired).collect();
        // Nothing is reported: the delta is the whole of desired.
        assert_eq!(after(&updates), json!({"desired": state, "delta": state}));
    }
    let both = json!({"desired": {"a": 1}, "reported": {"a": 1}});
    assert_eq!(
        after(&[both.clone(), json!({"desired": null})]),
        json!({"reported": {"a": 1}})
    );
    assert_eq!(after(&[both.clone(), json!({})]), both);
    assert_eq!(after(&[both, Value::Null]), json!({}));
    assert_eq!(
        after(&[json!({"desired": {}, "reported": {"online": null}})]),
        json!({})
    );
}

#[test]
fn a_delta_is_what_desired_asks_and_reported_does_not_say() {
    for (desired, reported, delta) in [
        (
            json!({"a": {"b": 1}}),
            json!({"a": {"b": 1, "c": 2}}),
            json!(null),
        ),
        (json!({"d": {}}), json!({"x": 1}), json!({"d": {}})),
        (
            json!({"d": {}, "e": {}}),
            json!({"d": {"x": 1}, "e": 1}),
            json!({"e": {}}),
        ),
        (
            json!({"n": 1, "t": true}),
            json!({"n": 1.0, "t": 1}),
            json!({"t": true}),
        ),
        (
            json!({"l": [[1], 2]}),
            json!({"l": [[1], 3]}),
            json!({"l": [[1], 2]}),
        ),
        (
            json!({"a": {"b": {"c": 1, "d": 2}}}),
            json!({"a": {"b": {"c": 1}}}),
            json!({"a": {"b": {"d": 2}}}),
        ),
    ] {
        let state = json!({"desired": desired, "reported": reported});
        let mut hub = Hub::new(Policy::new());
        let published = update(&mut hub, &state);
        let message = published
            .iter()
            .find(|(topic, _)| topic.ends_with("/delta"));
        let sent = message.map_or(Value::Null, |(_, message)| message["state"].clone());
        assert_eq!(sent, delta, "{state}");
        let got = get(&mut hub)["state"]
            .get("delta")
            .cloned()
            .unwrap_or_default();
        assert_eq!(got, delta, "{state}");
    }
}

#[test]
fn events_come_before_the_answer_and_whenever_a_difference_remains() {
    let mut hub = Hub::new(Policy::new());
    let all = ["update/delta", "update/documents", "update/accepted"];
    let state = json!({"desired": {"a": 1, "b": 2}});
    assert_eq!(ends(&update(&mut hub, &state)), all);
    let again = update(&mut hub, &state);
    assert_eq!(
        ends(&again),
        all,
        "an update that changes nothing is told, too"
    );
    assert_eq!(again[2].1["version"], 2);
    let closer = update(&mut hub, &json!({"reported": {"a": 1}}));
    assert_eq!(ends(&closer), all, "a report that leaves a difference");
    let delta = &closer[0].1;
    assert_eq!(delta["state"], json!({"b": 2}));
    // The times are those of desired, not of the report that caused the message.
    assert_eq!(delta["metadata"], json!({"b": {"timestamp": SECONDS + 2}}));
    assert_eq!(delta["clientToken"], "t");
    let quiet = ["update/documents", "update/accepted"];
    assert_eq!(
        ends(&update(&mut hub, &json!({"reported": {"b": 2}}))),
        quiet
    );
    assert_eq!(
        ends(&update(&mut hub, &json!({"desired": {"a": null}}))),
        quiet
    );
    let deleted = hub.ask("thing", None, "delete", br#"{"clientToken":"d"}"#);
    assert_eq!(ends(&deleted), ["delete/accepted"]);
    assert_eq!(deleted[0].1["clientToken"], "d");
}

#[test]
fn metadata_keeps_the_time_of_the_last_update_that_named_a_leaf() {
    let mut hub = Hub::new(Policy::new());
    update(
        &mut hub,
        &json!({"reported": {"a": 1, "b": {"c": [1, [2], {"d": 3}]}, "e": {}}}),
    );
    update(&mut hub, &json!({"reported": {"a": 1}}));
    let (one, two) = (
        json!({"timestamp": SECONDS + 1}),
        json!({"timestamp": SECONDS + 2}),
    );
    assert_eq!(
        get(&mut hub)["metadata"],
        json!({"reported": {"a": two, "b": {"c": [one, [one], {"d": one}]}, "e": {}}})
    );
    update(&mut hub, &json!({"reported": {"b": null}}));
    assert_eq!(
        get(&mut hub)["metadata"],
        json!({"reported": {"a": two, "e": {}}})
    );
}

#[test]
fn a_version_survives_a_deletion_for_two_days() {
    let mut hub = Hub::new(Policy::new());
    let version = |published: Vec<(String, Value)>| published.last().unwrap().1["version"].clone();
    let state = json!({"desired": {"a": 1}});
    assert_eq!(version(update(&mut hub, &state)), 1);
    assert_eq!(version(update(&mut hub, &json!({}))), 2);
    assert_eq!(version(hub.ask("thing", None, "delete", b"")), 2);
    let (topic, gone) = hub
        .ask("thing", None, "delete", br#"{"clientToken":"x"}"#)
        .remove(0);
    assert!(topic.ends_with("/delete/rejected"));
    let words = "No shadow exists with name: 'thing'";
    assert_eq!(
        gone,
        json!({"code": 404, "message": words, "clientToken": "x"})
    );
    assert_eq!(get(&mut hub)["code"], 404);
    assert_eq!(
        version(update(&mut hub, &state)),
        4,
        "the deletion took one"
    );
    hub.ask("thing", None, "delete", b"");
    hub.seconds += 49 * 3_600;
    assert_eq!(version(update(&mut hub, &state)), 1);
}

#[test]
fn a_version_that_is_not_the_shadow_s_changes_nothing() {
    let ask = |hub: &mut Hub, version: u64| {
        let payload = json!({"state": {"desired": {"a": version}}, "version": version});
        hub.ask("thing", None, "update", payload.to_string().as_bytes())
            .pop()
            .unwrap()
            .1
    };
    let mut hub = Hub::new(Policy::new());
    assert_eq!(
        ask(&mut hub, 2),
        json!({"code": 400, "message": "Invalid version"})
    );
    assert_eq!(get(&mut hub)["code"], 404);
    assert_eq!(
        ask(&mut hub, 1)["version"],
        1,
        "the version that a new shadow gets"
    );
    assert_eq!(ask(&mut hub, 1)["version"], 2);
    let before = get(&mut hub)["state"].clone();
    for version in [0, 1, 3] {
        assert_eq!(
            ask(&mut hub, version),
            json!({"code": 409, "message": "Version conflict"})
        );
    }
    assert_eq!(get(&mut hub)["state"], before);
    let mut any = Hub::new(Policy::new().with_new_version(NewVersion::Ignored));
    assert_eq!(ask(&mut any, 7)["version"], 1);
    let mut never = Hub::new(Policy::new().with_new_version(NewVersion::Conflict));
    assert_eq!(ask(&mut never, 1)["code"], 409);
}

#[test]
fn size_counts_both_sections_after_the_merge_and_nothing_else() {
    let mut hub = Hub::new(Policy::new());
    // {"a":"…"} is 8 bytes and the text.
    let fill = |len: usize| json!({"a": "x".repeat(len - 8)});
    let state = json!({"desired": fill(4_096), "reported": fill(4_096)});
    assert!(ends(&update(&mut hub, &state)).contains(&"update/accepted"));
    let one_more = update(&mut hub, &json!({"reported": fill(4_097)}));
    assert_eq!(ends(&one_more), ["update/rejected"]);
    let words = "Json document too large.  Size is 8193, max allowed: 8192";
    assert_eq!(
        one_more[0].1,
        json!({"code": 413, "message": words, "clientToken": "t"})
    );
    assert_eq!(get(&mut hub)["version"], 1, "nothing changed");
    let smaller = update(&mut hub, &json!({"desired": null, "reported": fill(8_192)}));
    assert!(ends(&smaller).contains(&"update/accepted"));
}

#[test]
fn nesting_and_null_in_arrays_are_refused() {
    let deep = |levels: usize| {
        let value: Value = (1..levels).fold(json!({"k": 1}), |inner, _| json!({ "k": inner }));
        json!({ "reported": value })
    };
    for (policy, limit) in [(Policy::new(), 8), (Policy::greengrass(), 6)] {
        let mut hub = Hub::new(policy);
        assert!(ends(&update(&mut hub, &deep(limit))).contains(&"update/accepted"));
        let refused = update(&mut hub, &deep(limit + 1)).remove(0).1;
        let words = format!("JSON contains too many levels of nesting; maximum is {limit}");
        assert_eq!(
            refused,
            json!({"code": 400, "message": words, "clientToken": "t"})
        );
    }
    let mut hub = Hub::new(Policy::new());
    let refused = update(&mut hub, &json!({"desired": {"a": [1, {"b": [null]}]}}))
        .remove(0)
        .1;
    assert_eq!(
        refused,
        json!({"code": 400, "message": "Invalid JSON", "clientToken": "t"})
    );
}

#[test]
fn classic_and_named_shadows_are_strangers() {
    let mut hub = Hub::new(Policy::new());
    let ids = [
        ("a", None),
        ("a", Some("get")),
        ("a", Some("name")),
        ("b", None),
        ("b", Some("a")),
    ];
    for (index, (thing, name)) in ids.into_iter().enumerate() {
        let payload = json!({"state": {"desired": {"who": index}}}).to_string();
        for (topic, _) in hub.ask(thing, name, "update", payload.as_bytes()) {
            let id = Topic::parse(&topic).unwrap().id;
            assert_eq!((id.device(), id.name()), (thing, name));
        }
    }
    hub.ask("a", Some("get"), "delete", b"");
    for (index, (thing, name)) in ids.into_iter().enumerate() {
        let answer = hub.ask(thing, name, "get", b"").remove(0).1;
        if name == Some("get") {
            assert_eq!(answer["message"], "No shadow exists with name: 'get'");
        } else {
            assert_eq!(answer["state"]["desired"]["who"], index);
            assert_eq!(answer["version"], 1);
        }
    }
    assert_eq!(hub.names("a"), ["name"]);
}

// ---- comparing

fn document(value: &Value) -> Document<8192> {
    let mut document = Document::new();
    codec::read(value.to_string().as_bytes(), document.as_mut()).unwrap();
    document
}

fn value<const M: usize>(document: &Document<M>) -> Value {
    let mut text = vec![0; 65_536];
    let len = codec::write(document.as_ref(), &mut text).unwrap();
    serde_json::from_slice(&text[..len]).unwrap()
}

fn equal(got: &Value, wanted: &Value, what: &str) -> Result<(), String> {
    if same(got, wanted) {
        Ok(())
    } else {
        Err(format!("{what}: got {got}, wanted {wanted}"))
    }
}

/// Equality with `"<ts>"` for any whole number of seconds; 1 and 1.0 are equal, 1 and true are not.
fn same(got: &Value, wanted: &Value) -> bool {
    match (got, wanted) {
        (Value::Number(got), Value::String(any)) if any == "<ts>" => got.is_u64(),
        (Value::Number(got), Value::Number(wanted)) => got.as_f64() == wanted.as_f64(),
        (Value::Array(got), Value::Array(wanted)) => {
            got.len() == wanted.len()
                && got
                    .iter()
                    .zip(wanted)
                    .all(|(got, wanted)| same(got, wanted))
        }
        (Value::Object(got), Value::Object(wanted)) => {
            got.len() == wanted.len()
                && got
                    .iter()
                    .all(|(key, got)| wanted.get(key).is_some_and(|wanted| same(got, wanted)))
        }
        _ => got == wanted,
    }
}
