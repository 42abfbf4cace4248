//! CBOR: decode and encode whole documents, twinsync beside its peers.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::{env, fs, process};

use serde::Deserialize as _;
use serde::Serialize as _;
use twinsync::codec::{cbor, json};
use twinsync::document::Document;
use twinsync_benches::cases::Run;
use twinsync_benches::report::grouped;
use twinsync_benches::{callgrind, clock, workloads};

const USAGE: &str = "usage: cbor [WORD…]

time and instructions (needs valgrind) of the cases whose name, such as
`decode W1 ciborium`, holds all words";

const CAPACITY: usize = 16_384;
const ROUNDS: usize = 61;
const WARM_UP: u32 = 4;
const COUNTED: u32 = 8;

struct Case {
    /// Operation and workload.
    group: String,
    candidate: &'static str,
    run: Run,
}

impl Case {
    fn name(&self) -> String {
        format!("{} {}", self.group, self.candidate)
    }
}

fn main() {
    let words: Vec<String> = env::args().skip(1).collect();
    if words.iter().any(|word| word.starts_with('-')) {
        eprintln!("{USAGE}");
        process::exit(2);
    }
    if let Some(("counted", words)) = words.split_first().map(|(mode, rest)| (&mode[..], rest)) {
        for mut case in cases(words) {
            let name = case.name();
            (case.run)(WARM_UP);
            callgrind::start();
            (case.run)(COUNTED);
            callgrind::stop();
            callgrind::dump(&name);
        }
        return;
    }
    let folder = env::temp_dir().join(format!("twinsync-benches-{}", process::id()));
    let arguments: Vec<String> = std::iter::once("counted".into())
        .chain(words.clone())
        .collect();
    callgrind::run_self(&folder, &arguments).expect("valgrind with callgrind");
    let counts: BTreeMap<_, _> = callgrind::counts(&folder)
        .expect("callgrind's files")
        .into_iter()
        .collect();
    let _ = fs::remove_dir_all(folder);

    let mut cases = cases(&words);
    let mut groups: Vec<Vec<&mut Case>> = Vec::new();
    for case in &mut cases {
        match groups.iter_mut().find(|group| group[0].group == case.group) {
            Some(group) => group.push(case),
            None => groups.push(vec![case]),
        }
    }
    for mut group in groups {
        let mut runs: Vec<&mut Run> = group.iter_mut().map(|case| &mut case.run).collect();
        let ns = clock::measure(&mut runs, ROUNDS);
        println!("{}", group[0].group);
        let instructions: Vec<u64> = group
            .iter()
            .map(|case| counts.get(&case.name()).copied().unwrap_or(0) / u64::from(COUNTED))
            .collect();
        for (at, case) in group.iter().enumerate() {
            println!(
                "  {:<28} {:>8} ns {:>9} i  (×{:.2} / ×{:.2})",
                case.candidate,
                grouped(ns[at] as u64),
                grouped(instructions[at]),
                ns[at] / ns[0],
                instructions[at] as f64 / instructions[0] as f64,
            );
        }
    }
}

fn cases(words: &[String]) -> Vec<Case> {
    let mut cases = Vec::new();
    for workload in workloads::generate() {
        let text = workload.document.as_bytes();
        // In the order of the text, with the shortest floats that keep the value.
        let tree: ciborium::Value = serde_json::from_slice(text).expect("JSON");
        let mut floats = Vec::new();
        ciborium::into_writer(&tree, &mut floats).expect("memory");
        let mut document = Box::new(Document::<CAPACITY>::new());
        json::read(text, Document::as_mut(&mut document)).expect("room");
        let mut own = vec![0; cbor::len(Document::as_ref(&document))];
        cbor::write(Document::as_ref(&document), &mut own).expect("room");
        let mut check = Box::new(Document::<CAPACITY>::new());
        for bytes in [&floats, &own] {
            cbor::read(bytes, Document::as_mut(&mut check)).expect("CBOR");
            assert!(check.as_bytes() == document.as_bytes(), "another document");
        }

        let name = workload.name;
        decode(&mut cases, &format!("decode {name}"), &floats, true);
        decode(&mut cases, &format!("decode {name}-own"), &own, false);
        encode(
            &mut cases,
            &format!("encode {name}"),
            document,
            tree,
            text,
            &floats,
        );
    }
    cases.retain(|case| words.iter().all(|word| case.name().contains(word.as_str())));
    cases
}

/// Bytes to a document of any shape. `plain` says that there are no tags in them.
fn decode(cases: &mut Vec<Case>, group: &str, bytes: &[u8], plain: bool) {
    let mut add = |candidate, operation: Box<dyn Fn(&[u8])>| {
        let bytes = bytes.to_vec();
        cases.push(Case {
            group: group.to_owned(),
            candidate,
            run: Box::new(move |count| (0..count).for_each(|_| operation(black_box(&bytes)))),
        });
    };
    let scratch = std::cell::RefCell::new(Box::new(Document::<CAPACITY>::new()));
    add(
        "twinsync",
        Box::new(move |bytes| {
            let mut document = scratch.borrow_mut();
            cbor::read(bytes, Document::as_mut(&mut document)).expect("CBOR");
            black_box(&document);
        }),
    );
    add(
        "cbor4ii",
        Box::new(|bytes| {
            let mut reader = cbor4ii::core::utils::SliceReader::new(bytes);
            let value = <cbor4ii::core::Value as cbor4ii::core::dec::Decode>::decode(&mut reader);
            drop(black_box(value.expect("CBOR")));
        }),
    );
    add(
        "ciborium",
        Box::new(|bytes| {
            drop(black_box(
                ciborium::from_reader::<ciborium::Value, _>(bytes).expect("CBOR"),
            ));
        }),
    );
    if plain {
        add(
            "minicbor-serde->serde_json",
            Box::new(|bytes| {
                let mut decoder = minicbor_serde::Deserializer::new(bytes);
                drop(black_box(
                    serde_json::Value::deserialize(&mut decoder).expect("CBOR"),
                ));
            }),
        );
    }
}

/// A document to bytes in a buffer that is used again.
fn encode(
    cases: &mut Vec<Case>,
    group: &str,
    document: Box<Document<CAPACITY>>,
    tree: ciborium::Value,
    text: &[u8],
    floats: &[u8],
) {
    let mut add = |candidate, mut operation: Box<dyn FnMut(&mut Vec<u8>)>| {
        let mut out = Vec::with_capacity(CAPACITY);
        cases.push(Case {
            group: group.to_owned(),
            candidate,
            run: Box::new(move |count| {
                for _ in 0..count {
                    operation(&mut out);
                    black_box(&out);
                }
            }),
        });
    };
    add(
        "twinsync",
        Box::new(move |out| {
            out.resize(CAPACITY, 0);
            let document = Document::as_ref(black_box(&document));
            black_box(cbor::write(document, out).expect("room"));
        }),
    );
    let value: serde_json::Value = serde_json::from_slice(text).expect("JSON");
    add(
        "serde_json->minicbor-serde",
        Box::new(move |out| {
            out.clear();
            let mut serializer = minicbor_serde::Serializer::new(&mut *out);
            black_box(&value)
                .serialize(&mut serializer)
                .expect("memory");
        }),
    );
    let mut reader = cbor4ii::core::utils::SliceReader::new(floats);
    let value = <cbor4ii::core::Value as cbor4ii::core::dec::Decode>::decode(&mut reader);
    let value = value.expect("CBOR");
    add(
        "cbor4ii",
        Box::new(move |out| {
            out.clear();
            let mut writer = cbor4ii::core::utils::BufWriter::new(std::mem::take(out));
            cbor4ii::core::enc::Encode::encode(black_box(&value), &mut writer).expect("memory");
            *out = writer.into_inner();
        }),
    );
    add(
        "ciborium",
        Box::new(move |out| {
            out.clear();
            ciborium::into_writer(black_box(&tree), &mut *out).expect("memory");
        }),
    );
}
