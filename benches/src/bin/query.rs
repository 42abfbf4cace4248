//! Conditions over a hundred thousand twins of 1 KB, in one thread: twinsync on their bytes, JSON path and
//! JMESPath crates on trees that are parsed and held in memory, and one pass that only reads the bytes.

use std::hint::black_box;
use std::time::Instant;

use jmespath::{Rcvar, Variable};
use jsonpath_rust::parser::parse_json_path;
use jsonpath_rust::query::js_path_process;
use serde_json::Value;
use twinsync::codec::json;
use twinsync::document::{Document, DocumentRef};
use twinsync::fleet::{Indexed, PageRequest};
use twinsync::hub::Registry;
use twinsync::protocol::TwinId;
use twinsync::query::{Dialect, Query, TwinItem};
use twinsync::time::Timestamp;
use twinsync::twin::{self, Policy, Twin, TwinRef, Update};
use twinsync_benches::clock::median;
use twinsync_benches::report::grouped;
use twinsync_benches::workloads;

/// One condition, in three languages.
struct Case {
    name: &'static str,
    query: &'static str,
    path: &'static str,
    jmes: &'static str,
    hand: fn(&Value) -> bool,
}

const CASES: [Case; 3] = [
    Case {
        name: "one text",
        query: "SELECT COUNT() AS n FROM devices WHERE tags.deploymentLocation.building = '17'",
        path: "$[?@.tags.deploymentLocation.building == '17']",
        jmes: "tags.deploymentLocation.building == '17'",
        hand: |twin| twin["tags"]["deploymentLocation"]["building"] == "17",
    },
    Case {
        name: "one number",
        query: "SELECT COUNT() AS n FROM devices WHERE properties.reported.batteryLevel < 2",
        path: "$[?@.reported.batteryLevel < 2]",
        jmes: "reported.batteryLevel < `2`",
        hand: |twin| {
            twin["reported"]["batteryLevel"]
                .as_f64()
                .is_some_and(|level| level < 2.0)
        },
    },
    Case {
        name: "three of both",
        query: "SELECT COUNT() AS n FROM devices WHERE properties.reported.telemetryConfig.sampleRate >= 0.5 \
                AND properties.reported.thresholds.low < 3 AND tags.customer = 'harbour'",
        path: "$[?@.reported.telemetryConfig.sampleRate >= 0.5 && @.reported.thresholds.low < 3 && @.tags.customer == 'harbour']",
        jmes: "reported.telemetryConfig.sampleRate >= `0.5` && reported.thresholds.low < `3` && tags.customer == 'harbour'",
        hand: |twin| {
            let number = |value: &Value, test: fn(f64) -> bool| value.as_f64().is_some_and(test);
            number(&twin["reported"]["telemetryConfig"]["sampleRate"], |rate| {
                rate >= 0.5
            }) && number(&twin["reported"]["thresholds"]["low"], |low| low < 3.0)
                && twin["tags"]["customer"] == "harbour"
        },
    },
];

fn main() {
    let twins = std::env::args()
        .nth(1)
        .and_then(|text| text.parse().ok())
        .unwrap_or(100_000);
    let rounds = std::env::args()
        .nth(2)
        .and_then(|text| text.parse().ok())
        .unwrap_or(7);
    let texts = workloads::fleet(twins, 0).twins;
    let fleet = fleet(&texts);
    let indexed = Indexed::from(fleet.twins().clone());
    let indexed = indexed
        .with_index("tags.deploymentLocation.building")
        .expect("a path");
    let indexed = indexed
        .with_index("properties.reported.batteryLevel")
        .expect("a path");
    let trees: Vec<Value> = texts
        .iter()
        .map(|text| serde_json::from_str(text).expect("JSON"))
        .collect();
    let trees = Value::Array(trees);
    let variables: Vec<Rcvar> = texts
        .iter()
        .map(|text| Rcvar::new(Variable::from_json(text).expect("JSON")))
        .collect();
    let bytes = |twin: TwinRef<'_>| twin.document().as_bytes().len();
    let held: usize = fleet.twins().iter().map(|(_, twin)| bytes(twin)).sum();
    let written: usize = texts.iter().map(String::len).sum();
    println!(
        "{} twins, {} B each as JSON, {} B as documents\n",
        grouped(twins as u64),
        written / twins,
        held / twins
    );
    println!("| condition | candidate | matches | conditions/s | of reading once |");
    println!("| --- | --- | ---: | ---: | ---: |");
    for case in &CASES {
        measure(case, twins, rounds, &fleet, &indexed, &trees, &variables);
    }
}

fn measure(
    case: &Case,
    twins: usize,
    rounds: usize,
    fleet: &Indexed,
    indexed: &Indexed,
    trees: &Value,
    variables: &[Rcvar],
) {
    let query = Query::<64>::parse(case.query, Dialect::TWIN).expect("a query");
    let path = serde_json_path::JsonPath::parse(case.path).expect("a path");
    let rust_path = parse_json_path(case.path).expect("a path");
    let jmes = jmespath::compile(case.jmes).expect("an expression");
    let list = trees.as_array().expect("an array");
    let count = |fleet: &Indexed| {
        let page = fleet
            .search(query.as_ref(), PageRequest::new(1))
            .expect("an answer");
        page.row(0)
            .and_then(|row| row.read::<u64>(&["n"]).ok())
            .map_or(0, |count| count as usize)
    };
    let mut candidates: Vec<(&str, Box<dyn Fn() -> usize + '_>)> = vec![
        (
            "read the bytes once",
            Box::new(|| {
                let sums = fleet.twins().iter().map(|(_, twin)| sum(twin.document()));
                usize::from(black_box(sums.fold(0, u64::wrapping_add)) == 1)
            }),
        ),
        (
            "twinsync",
            Box::new(|| {
                let twins = fleet.twins().iter();
                let matches =
                    twins.filter(|(id, twin)| query.matches(&TwinItem::new(id.device(), *twin)));
                matches.count()
            }),
        ),
        ("twinsync, search", Box::new(|| count(fleet))),
        (
            "twinsync, search with an index",
            Box::new(|| count(indexed)),
        ),
        (
            "serde_json, by hand",
            Box::new(|| list.iter().filter(|twin| (case.hand)(twin)).count()),
        ),
        (
            "serde_json_path 0.7.2",
            Box::new(|| path.query(trees).len()),
        ),
        (
            "jsonpath-rust 1.0.12",
            Box::new(|| js_path_process(&rust_path, trees).expect("an answer").len()),
        ),
        (
            "jmespath 0.5.0",
            Box::new(|| {
                let holds = |twin: &&Rcvar| {
                    let value = jmes.search(Rcvar::clone(twin)).expect("an answer");
                    value.as_boolean().unwrap_or(false)
                };
                variables.iter().filter(holds).count()
            }),
        ),
    ];
    let wanted = candidates[1].1();
    let mut times = vec![Vec::new(); candidates.len()];
    for round in 0..rounds {
        for turn in 0..candidates.len() {
            let place = (round + turn) % candidates.len();
            let start = Instant::now();
            let found = black_box(candidates[place].1());
            times[place].push(start.elapsed().as_secs_f64());
            assert!(
                place == 0 || found == wanted,
                "{} finds {found}, not {wanted}",
                candidates[place].0
            );
        }
    }
    let times: Vec<f64> = times.into_iter().map(median).collect();
    for ((name, _), time) in candidates.drain(..).zip(&times) {
        let rate = (twins as f64 / time) as u64;
        let (name, matches) = (
            name,
            if name.starts_with("read") {
                String::new()
            } else {
                grouped(wanted as u64)
            },
        );
        println!(
            "| {} | {name} | {matches} | {} | {:.2} |",
            case.name,
            grouped(rate),
            time / times[0]
        );
    }
}

/// All words of a document, added up.
fn sum(document: DocumentRef<'_>) -> u64 {
    let (words, rest) = document.as_bytes().as_chunks::<8>();
    let words = words.iter().map(|word| u64::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u64::from(*byte));
    words.chain(rest).fold(0, u64::wrapping_add)
}

fn fleet(texts: &[String]) -> Indexed {
    let mut fleet = Indexed::new();
    for text in texts {
        let tree: Value = serde_json::from_str(text).expect("JSON");
        let mut patch = serde_json::Map::new();
        for section in ["tags", "desired", "reported"] {
            patch.insert(section.into(), tree[section].clone());
        }
        let (mut document, mut next) = (Document::<4096>::new(), Twin::<4096>::new());
        json::read(
            Value::Object(patch).to_string().as_bytes(),
            document.as_mut(),
        )
        .expect("a document");
        let update = Update::merge(document.as_ref());
        let now = Timestamp::from_secs(1_700_000_000);
        twin::apply(
            TwinRef::ABSENT,
            &update,
            now,
            &Policy::new(),
            &mut next.as_mut(),
        )
        .expect("a twin");
        let id = TwinId::new(tree["deviceId"].as_str().expect("an id"), None).expect("an id");
        fleet.save(id, next.as_ref()).expect("in memory");
    }
    fleet
}
