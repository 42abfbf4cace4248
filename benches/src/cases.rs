//! Every operation on every workload by every candidate, checked before it is measured.

use std::hint::black_box;

use serde_json::Value;

use crate::peers::limit::Limit;
use crate::peers::serde_json::{self as reference, JsonPatch, SerdeJson};
use crate::peers::simd_json::{Borrowed, SimdJson};
use crate::peers::sonic_rs::SonicRs;
use crate::peers::twinsync::Twinsync;
use crate::peers::typed::Typed;
use crate::peers::{Operation, Peer};
use crate::workloads::{Patch, Workload};

/// Does an operation so many times. The loop is inside, so that the call costs nothing.
pub type Run = Box<dyn FnMut(u32)>;

/// One operation on one workload by one candidate.
pub struct Case {
    pub operation: Operation,
    pub workload: String,
    pub candidate: &'static str,
    pub run: Run,
}

impl Case {
    /// `parse W1-patch sonic-rs`: what a filter is looked for in, and the name of a profile.
    pub fn name(&self) -> String {
        format!("{} {} {}", self.operation, self.workload, self.candidate)
    }
}

/// Makes all cases whose name holds every word of the filter, and checks each of them.
///
/// # Panics
/// If a candidate's result is not what serde_json and json-patch make of it.
pub fn all(workloads: &[Workload], filter: &[String]) -> Vec<Case> {
    refuse_spoilt_build();
    let mut cases = Vec::new();
    add::<Twinsync>(&mut cases, workloads, filter);
    add::<SonicRs>(&mut cases, workloads, filter);
    add::<SimdJson>(&mut cases, workloads, filter);
    add::<Borrowed>(&mut cases, workloads, filter);
    add::<SerdeJson>(&mut cases, workloads, filter);
    add::<JsonPatch>(&mut cases, workloads, filter);
    add::<Typed>(&mut cases, workloads, filter);
    add::<Limit>(&mut cases, workloads, filter);
    cases
}

/// A dependency that turns on `serde_json/preserve_order` or `arbitrary_precision` would change the
/// serde_json rows without a word.
fn refuse_spoilt_build() {
    let text = reference::parse(br#"{"b":1.50,"a":2}"#).to_string();
    assert_eq!(
        text, r#"{"a":2,"b":1.5}"#,
        "serde_json has its own features"
    );
}

fn add<P: Peer>(cases: &mut Vec<Case>, workloads: &[Workload], filter: &[String]) {
    for workload in workloads {
        let name = workload.name;
        let mut adding = Adding::<P> {
            cases,
            filter,
            peer: std::marker::PhantomData,
        };
        adding.parse(name, &workload.document);
        adding.parse(&format!("{name}-canonical"), &workload.canonical);
        for patch in &workload.patches {
            // One leaf of W3 and W3w looks like one leaf of W1.
            if ["W1", "W2", "W3b"].contains(&patch.name) {
                adding.parse(&format!("{}-patch", patch.name), &patch.a);
            }
            adding.merge(workload, patch);
        }
        for (differences, reported) in &workload.reported {
            adding.delta(
                &format!("{name}/{differences}"),
                &workload.desired,
                reported,
            );
        }
        adding.serialise(name, &workload.document);
    }
}

struct Adding<'a, P> {
    cases: &'a mut Vec<Case>,
    filter: &'a [String],
    peer: std::marker::PhantomData<P>,
}

impl<P: Peer> Adding<'_, P> {
    fn wanted(&self, operation: Operation, workload: &str) -> bool {
        let name = format!("{operation} {workload} {}", P::NAME);
        let mut words = self.filter.iter();
        P::takes(operation, workload) && words.all(|word| name.contains(word.as_str()))
    }

    fn push(&mut self, operation: Operation, workload: &str, run: Run) {
        self.cases.push(Case {
            operation,
            workload: workload.to_owned(),
            candidate: P::NAME,
            run,
        });
    }

    fn parse(&mut self, workload: &str, text: &str) {
        if !self.wanted(Operation::Parse, workload) {
            return;
        }
        let text = text.as_bytes().to_vec();
        let mut peer = P::new();
        let tree = peer.tree(&text);
        check(&mut peer, &tree, &reference::parse(&text), workload);
        self.push(
            Operation::Parse,
            workload,
            Box::new(move |count| {
                for _ in 0..count {
                    peer.parse(black_box(&text));
                }
            }),
        );
    }

    fn merge(&mut self, workload: &Workload, patch: &Patch) {
        let document = workload.document.as_bytes();
        let (a, b) = (patch.a.as_bytes().to_vec(), patch.b.as_bytes().to_vec());
        let mut expected = reference::parse(document);
        let mut after = Vec::new();
        for patch in [&a, &b] {
            json_patch::merge(&mut expected, &reference::parse(patch));
            after.push(expected.clone());
        }
        if self.wanted(Operation::Merge, patch.name) {
            let mut peer = P::new();
            let mut tree = peer.tree(document);
            let (a, b) = (peer.tree(&a), peer.tree(&b));
            for (patch, expected) in [&a, &b].into_iter().zip(&after) {
                peer.merge(&mut tree, patch);
                check(&mut peer, &tree, expected, workload.name);
            }
            let mut turn = false;
            self.push(
                Operation::Merge,
                patch.name,
                Box::new(move |count| {
                    for _ in 0..count {
                        turn = !turn;
                        let patch = if turn { &a } else { &b };
                        peer.merge(black_box(&mut tree), black_box(patch));
                    }
                }),
            );
        }
        if self.wanted(Operation::Update, patch.name) {
            let mut peer = P::new();
            let mut tree = peer.tree(document);
            for (patch, expected) in [&a, &b].into_iter().zip(&after) {
                peer.update(&mut tree, patch);
                check(&mut peer, &tree, expected, workload.name);
            }
            let mut turn = false;
            self.push(
                Operation::Update,
                patch.name,
                Box::new(move |count| {
                    for _ in 0..count {
                        turn = !turn;
                        let patch = if turn { &a } else { &b };
                        peer.update(black_box(&mut tree), black_box(patch));
                    }
                }),
            );
        }
    }

    fn delta(&mut self, workload: &str, desired: &str, reported: &str) {
        let (desired, reported) = (desired.as_bytes(), reported.as_bytes());
        let expected = reference::delta(&reference::parse(desired), &reference::parse(reported));
        for operation in [Operation::Delta, Operation::DeltaText] {
            if !self.wanted(operation, workload) {
                continue;
            }
            let mut peer = P::new();
            let (desired, reported) = (peer.tree(desired), peer.tree(reported));
            if P::CHECKED {
                let text = peer.delta_text(&desired, &reported);
                match &expected {
                    Some(expected) => compare::<P>(text, expected, workload),
                    None => assert!(text.is_empty(), "{} on {workload}", P::NAME),
                }
            }
            let run: Run = if operation == Operation::Delta {
                Box::new(move |count| {
                    for _ in 0..count {
                        peer.delta(black_box(&desired), black_box(&reported));
                    }
                })
            } else {
                Box::new(move |count| {
                    for _ in 0..count {
                        black_box(peer.delta_text(black_box(&desired), black_box(&reported)));
                    }
                })
            };
            self.push(operation, workload, run);
        }
    }

    fn serialise(&mut self, workload: &str, text: &str) {
        if !self.wanted(Operation::Serialise, workload) {
            return;
        }
        let mut peer = P::new();
        let tree = peer.tree(text.as_bytes());
        check(
            &mut peer,
            &tree,
            &reference::parse(text.as_bytes()),
            workload,
        );
        self.push(
            Operation::Serialise,
            workload,
            Box::new(move |count| {
                for _ in 0..count {
                    black_box(peer.serialise(black_box(&tree)));
                }
            }),
        );
    }
}

fn check<P: Peer>(peer: &mut P, tree: &P::Tree, expected: &Value, workload: &str) {
    if P::CHECKED {
        compare::<P>(peer.serialise(tree), expected, workload);
    }
}

fn compare<P: Peer>(text: &[u8], expected: &Value, workload: &str) {
    let value: Value = serde_json::from_slice(text)
        .unwrap_or_else(|error| panic!("{} wrote no JSON on {workload}: {error}", P::NAME));
    assert!(
        same(&value, expected),
        "{} on {workload}: {value}\ninstead of {expected}",
        P::NAME
    );
}

/// Equal, where 1.0 is 1 and the last bits of a float do not count: serde_json reads floats to within
/// one unit in the last place, the typed struct keeps an f32.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap_or(0.0), b.as_f64().unwrap_or(0.0));
            (a - b).abs() <= 1e-14 * a.abs().max(b.abs())
        }
        _ => a == b,
    }
}
