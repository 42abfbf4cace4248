//! The inputs: four documents with their patches and pairs of sections, and ten thousand twins.
//!
//! | | shape | JSON | patches |
//! | --- | --- | --- | --- |
//! | W1 | a device shadow, 15 leaves | 0.3 KB | 1 leaf |
//! | W2 | a twin with tags and properties, 37 leaves | 0.9 KB | 3 leaves |
//! | W3 | 103 nested maps, four levels, about 250 leaves | 7.5 KB | 1 leaf; W3b: 100 leaves; W3d: inserts and deletes one |
//! | W3w | 250 keys on one level | 6.6 KB | 1 leaf |
//! | W4 | 10,000 twins of 43 leaves, 50,000 patches | 1 KB each | 1 to 3 leaves |
//!
//! Keys stand in the order in which a program writes them, not sorted; `canonical` is the same text
//! with its keys in twinsync's order. All of it comes from fixed seeds.

use std::fs;
use std::path::Path as FilePath;

use serde_json::Value;

use crate::random::Random;
use crate::tree::{Path, Tree};

/// One document and what is done to it.
pub struct Workload {
    pub name: &'static str,
    pub document: String,
    pub canonical: String,
    pub patches: Vec<Patch>,
    pub desired: String,
    /// Reported sections with no, one and many differences to `desired`: `0`, `1` and `m`.
    pub reported: Vec<(&'static str, String)>,
}

/// Two patches that are merged in turn, so that the document never settles.
pub struct Patch {
    pub name: &'static str,
    pub a: String,
    pub b: String,
}

impl Patch {
    fn new(name: &'static str, a: impl ToString, b: impl ToString) -> Self {
        let (a, b) = (a.to_string(), b.to_string());
        Self { name, a, b }
    }
}

impl Workload {
    fn new(name: &'static str, document: &Tree, patches: Vec<Patch>, desired: &Tree) -> Self {
        Self {
            name,
            document: document.to_string(),
            canonical: document.canonical().to_string(),
            patches,
            desired: desired.to_string(),
            reported: vec![("0", desired.to_string())],
        }
    }

    fn reported(mut self, one: &Tree, many: &Tree) -> Self {
        self.reported.push(("1", one.to_string()));
        self.reported.push(("m", many.to_string()));
        self
    }
}

/// Makes W1, W2, W3 and W3w.
pub fn generate() -> Vec<Workload> {
    vec![shadow(), twin(), large(), wide()]
}

/// Reads the same from files: `w1_doc.json`, `w1_patch_a.json`, `w1_desired.json`, `w1_rep0.json` …
pub fn read(folder: &FilePath) -> Vec<Workload> {
    let file = |name: String| {
        let path = folder.join(name);
        let text = fs::read_to_string(&path);
        text.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    [
        ("W1", &["W1"][..]),
        ("W2", &["W2"]),
        ("W3", &["W3", "W3b", "W3d"]),
        ("W3w", &["W3w"]),
    ]
    .into_iter()
    .map(|(name, patches)| {
        let stem = name.to_lowercase();
        let document = file(format!("{stem}_doc.json"));
        let patches = patches.iter().map(|name| {
            let stem = name.to_lowercase();
            let a = file(format!("{stem}_patch_a.json"));
            Patch::new(name, a, file(format!("{stem}_patch_b.json")))
        });
        let reported = ["0", "1", "m"].map(|rep| (rep, file(format!("{stem}_rep{rep}.json"))));
        Workload {
            name,
            canonical: Tree::read(&document).canonical().to_string(),
            patches: patches.collect(),
            desired: file(format!("{stem}_desired.json")),
            reported: reported.to_vec(),
            document,
        }
    })
    .collect()
}

fn shadow() -> Workload {
    let document = Tree::read(
        r#"{"state":{"desired":{"powerOn":true,"setpoint":22.5,"mode":"dry","fanSpeed":4,"color":"amber"},
            "reported":{"powerOn":true,"setpoint":19.5,"mode":"dry","fanSpeed":1,"color":"white"}},
            "metadata":{"lastSync":1717171717,"firmware":"3.0.8"},
            "version":2048,"timestamp":1717171999,"clientToken":"9b1e-40d3-5c"}"#,
    );
    let desired = Tree::read(
        r#"{"powerOn":true,"setpoint":22.5,"mode":"dry","fanSpeed":4,"color":"amber","brightness":65,
            "firmware":"3.0.8","interval":120,"location":"Büro 2","schedule":[5,8,16,23],
            "wifi":{"ssid":"hall-5g","channel":36}}"#,
    );
    let mut one = desired.clone();
    one.set_leaf(&path(&["fanSpeed"]), "2");
    let mut many = desired.clone();
    for (key, value) in [
        ("powerOn", "false"),
        ("setpoint", "18.75"),
        ("mode", "\"cool\""),
        ("fanSpeed", "1"),
        ("brightness", "40"),
    ] {
        many.set_leaf(&path(&[key]), value);
    }
    many.remove("location");
    let patch = |speed| format!(r#"{{"state":{{"reported":{{"fanSpeed":{speed}}}}}}}"#);
    let patches = vec![Patch::new("W1", patch(6), patch(7))];
    Workload::new("W1", &document, patches, &desired).reported(&one, &many)
}

fn twin() -> Workload {
    let document = Tree::read(
        r#"{"deviceId":"mtr7","etag":"AAAAAAAAADk=","status":"enabled","statusReason":"registered",
            "statusUpdateTime":"2025-02-11T08:15:00Z","connectionState":"connected",
            "lastActivityTime":"2025-02-13T21:40:09.125Z","cloudToDeviceMessageCount":0,
            "authenticationType":"sas","version":5,
            "tags":{"deploymentLocation":{"building":"12","floor":"3"},"customer":"northern","batch":2046},
            "properties":{
            "desired":{"telemetryConfig":{"configId":"5f0c9a31-7d2e-4b8f-a6c4","sendFrequency":"2m","sampleRate":0.75},
            "network":{"apn":"lpwa.example.org","retry":4,"keepAlive":300},
            "thresholds":{"high":64.5,"low":-18,"hysteresis":2.5},"fwVersion":"4.02.0","enabled":true,"$version":23},
            "reported":{"telemetryConfig":{"configId":"5f0c9a31-7d2e-4b8f-a6c4","sendFrequency":"2m","sampleRate":0.75,"status":"success"},
            "network":{"apn":"lpwa.example.org","retry":2,"keepAlive":300},"batteryLevel":71,"fwVersion":"4.01.7",
            "uptime":5114903,"$version":608}}}"#,
    );
    let desired = Tree::read(
        r#"{"telemetryConfig":{"configId":"5f0c9a31-7d2e-4b8f-a6c4","sendFrequency":"2m","sampleRate":0.75,"channels":["flow","temp","ph"]},
            "network":{"apn":"lpwa.example.org","retry":4,"keepAlive":300,"mtu":1358,"bands":{"b20":true,"b3":false,"b28":true}},
            "thresholds":{"high":64.5,"low":-18,"hysteresis":2.5,"alarm":{"delay":45,"latched":true,"text":"below \"reserve\""}},
            "location":{"site":"Depot Köln","building":"12","floor":3,"lat":50.937531,"lon":6.960279},
            "fwVersion":"4.02.0","fwUrl":"https://firmware.example.org/mtr/4.02.0/full.bin","fwHash":"3b18e7d09c5f42a6b1e0d7748f2c6a95",
            "enabled":true,"reportInterval":600,"timezone":"Europe/Madrid","ledMode":"dim","logLevel":"info","contact":"care@example.org"}"#,
    );
    let mut one = desired.clone();
    one.set_leaf(&path(&["network", "retry"]), "2");
    let mut many = desired.clone();
    for leaf in desired.paths().iter().step_by(3) {
        let old = desired.leaf(leaf).unwrap_or_default();
        many.set_leaf(leaf, other(old));
    }
    many.remove("logLevel");
    let patch = |level, retry, status| {
        format!(
            r#"{{"properties":{{"reported":{{"batteryLevel":{level},"network":{{"retry":{retry}}},"telemetryConfig":{{"status":"{status}"}}}}}}}}"#
        )
    };
    let patches = vec![Patch::new(
        "W2",
        patch(70, 3, "pending"),
        patch(100, 2, "success"),
    )];
    Workload::new("W2", &document, patches, &desired).reported(&one, &many)
}

fn large() -> Workload {
    let mut random = Random::new(3);
    let mut document = Tree::new();
    for _ in 0..6 {
        let mut section = Tree::new();
        for _ in 0..4 {
            let mut group = Tree::new();
            for _ in 0..3 {
                let mut item = Tree::new();
                for _ in 0..3 + random.below(2) {
                    let key = key(&mut random, &item);
                    item = item.with(&key, value(&mut random));
                }
                let key = key(&mut random, &group);
                group = group.with(&key, item);
            }
            let key = key(&mut random, &section);
            section = section.with(&key, group);
        }
        let key = key(&mut random, &document);
        document = document.with(&key, section);
    }
    let leaves = document.paths();
    let middle = middle_integer(&document, &leaves);
    let hundred = random.sample(&leaves, 100);
    let mut inserted = middle.clone();
    inserted.pop();
    inserted.push("addedLater".to_owned());

    let patches = vec![
        Patch::new("W3", at(&middle, "5"), at(&middle, "70000")),
        Patch::new(
            "W3b",
            changes(&mut random, &hundred, Tree::new()),
            changes(&mut random, &hundred, Tree::new()),
        ),
        Patch::new("W3d", at(&inserted, "\"in place\""), at(&inserted, "null")),
    ];
    let mut one = document.clone();
    one.set_leaf(&middle, "5");
    let many = changes(&mut random, &hundred, document.clone());
    Workload::new("W3", &document, patches, &document).reported(&one, &many)
}

fn wide() -> Workload {
    let mut random = Random::new(250);
    let mut document = Tree::new();
    for _ in 0..250 {
        let key = key(&mut random, &document);
        document = document.with(&key, value(&mut random));
    }
    let mut leaves = document.paths();
    leaves.sort();
    let middle = middle_integer(&document, &leaves);
    let hundred = random.sample(&leaves, 100);
    let patches = vec![Patch::new("W3w", at(&middle, "5"), at(&middle, "70000"))];
    let mut one = document.clone();
    one.set_leaf(&middle, "5");
    let many = changes(&mut random, &hundred, document.clone());
    Workload::new("W3w", &document, patches, &document).reported(&one, &many)
}

fn path(keys: &[&str]) -> Path {
    keys.iter().map(|key| (*key).to_owned()).collect()
}

/// A document with one leaf.
fn at(path: &[String], leaf: &str) -> Tree {
    let mut tree = Tree::new();
    tree.set_leaf(path, leaf);
    tree
}

/// `base` with random values at all these paths.
fn changes(random: &mut Random, paths: &[Path], base: Tree) -> Tree {
    let mut tree = base;
    for path in paths {
        tree.set(path, value(random));
    }
    tree
}

/// The integer in the middle of the integers at these paths.
fn middle_integer(document: &Tree, paths: &[Path]) -> Path {
    let integers: Vec<_> = paths
        .iter()
        .filter(|path| {
            let leaf = document.leaf(path).unwrap_or_default();
            leaf.parse::<i64>().is_ok_and(|number| number > 63)
        })
        .collect();
    integers[integers.len() / 2].clone()
}

/// Another value of the same kind.
fn other(leaf: &str) -> String {
    let value: Value = serde_json::from_str(leaf).unwrap_or_default();
    match value {
        Value::Bool(value) => Value::from(!value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::from(integer + 1),
            None => Value::from(number.as_f64().unwrap_or_default() + 1.0),
        },
        Value::String(text) => Value::from(text.chars().rev().collect::<String>()),
        Value::Array(mut items) => {
            items.push(Value::from("x"));
            Value::from(items)
        }
        Value::Null | Value::Object(_) => Value::Null,
    }
    .to_string()
}

const WORDS: [&str; 96] = [
    "air", "alarm", "altitude", "ambient", "angle", "antenna", "average", "axis", "band",
    "battery", "beacon", "boiler", "brake", "buffer", "burner", "bypass", "cable", "camera",
    "capacity", "cell", "charger", "chiller", "circuit", "climate", "clock", "coil", "column",
    "command", "current", "damper", "delta", "density", "device", "display", "door", "drive",
    "duty", "engine", "error", "exhaust", "fault", "filter", "flow", "frame", "fuel", "gas",
    "gate", "grid", "heat", "hour", "humidity", "inlet", "inverter", "key", "lamp", "leak",
    "level", "line", "load", "lock", "meter", "mixer", "module", "motion", "nozzle", "outlet",
    "oxygen", "panel", "peak", "pilot", "power", "pressure", "probe", "purge", "range", "reactor",
    "relay", "rotor", "scale", "shaft", "shift", "slot", "solar", "stage", "steam", "supply",
    "tank", "tilt", "timer", "torque", "turbine", "valve", "voltage", "water", "wind", "zone",
];

/// A key of up to 12 characters that does not stand in `siblings` yet.
fn key(random: &mut Random, siblings: &Tree) -> String {
    loop {
        let mut key = (*random.choice(&WORDS)).to_owned();
        if random.chance(40) {
            let second = random.choice(&WORDS);
            key.push_str(&second[..1].to_uppercase());
            key.push_str(&second[1..]);
            key.truncate(12);
        }
        if siblings.value(&key).is_none() {
            return key;
        }
    }
}

/// A leaf: 40 % integers, 32 % strings, 12 % booleans, 10 % decimals, 6 % arrays.
fn value(random: &mut Random) -> Tree {
    let text = match random.below(100) {
        0..40 => match random.below(4) {
            0 => random.between(0, 100),
            1 => random.between(0, 5_000),
            2 => random.between(-500, 70_000),
            _ => random.between(1_700_000_000, 1_701_000_000),
        }
        .to_string(),
        40..72 => {
            let len = *random.choice(&[8, 8, 12, 16, 24, 32, 40, 48, 60]);
            let mut text = letters(random, len);
            match random.below(100) {
                0..4 => text.insert(len / 2, '\n'),
                4..8 => text.insert(len / 2, 'ö'),
                _ => {}
            }
            Value::from(text).to_string()
        }
        72..84 => random.chance(50).to_string(),
        84..94 => {
            let digits = *random.choice(&[1, 2, 2, 3, 6]);
            let number = random.between(-100_000_000, 1_000_000_000) as f64 / 1e6;
            let rounded = format!("{number:.digits$}");
            // Without zeros at the end, as every printer of floats writes it.
            Value::from(rounded.parse::<f64>().unwrap_or_default()).to_string()
        }
        _ => {
            let items: Vec<_> = (0..2 + random.below(4))
                .map(|_| random.below(200))
                .collect();
            Value::from(items).to_string()
        }
    };
    Tree::Leaf(text)
}

fn letters(random: &mut Random, len: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789-_.";
    (0..len)
        .map(|_| char::from(*random.choice(LETTERS)))
        .collect()
}

fn hex(random: &mut Random, len: usize) -> String {
    (0..len)
        .map(|_| char::from(*random.choice(b"0123456789abcdef")))
        .collect()
}

/// W4: twins as JSON, and patches as (index of the twin, JSON).
pub struct Fleet {
    pub twins: Vec<String>,
    pub patches: Vec<(usize, String)>,
}

/// Makes W4. Most patches are reports that bring a twin nearer to what is desired; three in ten
/// desire something new; a few remove a leaf.
pub fn fleet(twins: usize, patches: usize) -> Fleet {
    let mut random = Random::new(4);
    let all: Vec<Tree> = (0..twins).map(|i| hub_twin(&mut random, i)).collect();
    let patches = (0..patches)
        .map(|_| {
            let index = random.below(twins);
            (index, hub_patch(&mut random, &all[index]).to_string())
        })
        .collect();
    let twins = all.iter().map(Tree::to_string).collect();
    Fleet { twins, patches }
}

fn quoted(text: impl AsRef<str>) -> Tree {
    Tree::Leaf(Value::from(text.as_ref()).to_string())
}

fn number(number: impl ToString) -> Tree {
    Tree::Leaf(number.to_string())
}

fn section(random: &mut Random) -> Tree {
    let r = random;
    Tree::new()
        .with(
            "telemetryConfig",
            Tree::new()
                .with("configId", quoted(hex(r, 8) + "-" + &hex(r, 4)))
                .with(
                    "sendFrequency",
                    quoted(r.choice(&["30s", "2m", "10m", "2h"])),
                )
                .with(
                    "sampleRate",
                    number(r.choice(&["0.75", "0.5", "2.5", "12.25"])),
                ),
        )
        .with(
            "network",
            Tree::new()
                .with(
                    "apn",
                    quoted(r.choice(&["lpwa.example.org", "m2m.example.com"])),
                )
                .with("retry", number(r.between(1, 9)))
                .with("keepAlive", number(r.choice(&[90, 120, 300, 600]))),
        )
        .with(
            "thresholds",
            Tree::new()
                .with("high", number(r.choice(&["60.5", "64.25", "71.5"])))
                .with("low", number(r.between(-20, 5)))
                .with("hysteresis", number(r.choice(&["0.5", "2.5"]))),
        )
        .with(
            "fwVersion",
            quoted(format!("4.{}.{}", r.below(12), r.below(9))),
        )
        .with("enabled", number(r.chance(80)))
        .with("reportInterval", number(r.choice(&[60, 300, 600, 3600])))
        .with("ledMode", quoted(r.choice(&["auto", "off", "dim"])))
        .with("logLevel", quoted(r.choice(&["warn", "info", "debug"])))
        .with("fwHash", quoted(hex(r, 16)))
        .with(
            "timezone",
            quoted(r.choice(&["Europe/Madrid", "America/Denver", "Asia/Seoul"])),
        )
}

fn hub_twin(random: &mut Random, index: usize) -> Tree {
    let desired = section(random);
    let mut reported = desired.clone();
    for path in random.sample(&desired.paths(), 2) {
        let fresh = section(random);
        reported.set_leaf(&path, fresh.leaf(&path).unwrap_or_default());
    }
    let r = random;
    let reported = reported
        .with("batteryLevel", number(r.below(101)))
        .with("uptime", number(r.below(10_000_000)))
        .with("status", quoted(r.choice(&["ok", "degraded"])));
    Tree::new()
        .with("deviceId", quoted(format!("mtr-{index:05}")))
        .with("etag", quoted(format!("AAAAAAAA{:04x}=", r.below(65_536))))
        .with("version", number(r.between(1, 5_000)))
        .with(
            "tags",
            Tree::new()
                .with(
                    "deploymentLocation",
                    Tree::new()
                        .with("building", quoted(r.below(60).to_string()))
                        .with("floor", quoted(r.below(9).to_string())),
                )
                .with(
                    "customer",
                    quoted(r.choice(&["northern", "harbour", "uplands"])),
                )
                .with(
                    "contact",
                    quoted(r.choice(&["care@example.org", "night-shift@example.org"])),
                )
                .with("batch", number(r.below(2_000))),
        )
        .with("desired", desired)
        .with("reported", reported)
}

fn hub_patch(random: &mut Random, twin: &Tree) -> Tree {
    let count = 1 + random.below(3);
    let mut patch = Tree::new();
    let fresh = section(random);
    if random.chance(30) {
        for mut path in random.sample(&fresh.paths(), count) {
            let leaf = fresh.leaf(&path).unwrap_or_default().to_owned();
            path.insert(0, "desired".to_owned());
            patch.set_leaf(&path, leaf);
        }
        return patch;
    }
    let desired = twin.value("desired").cloned().unwrap_or_default();
    let reported = twin.value("reported").cloned().unwrap_or_default();
    for mut path in random.sample(&reported.paths(), count) {
        let leaf = match desired.leaf(&path) {
            Some(wanted) if random.chance(70) => wanted.to_owned(),
            Some(_) => fresh.leaf(&path).unwrap_or_default().to_owned(),
            None if random.chance(10) => "null".to_owned(),
            None => match path[0].as_str() {
                "batteryLevel" => random.below(101).to_string(),
                "uptime" => random.below(10_000_000).to_string(),
                _ => quoted(random.choice(&["ok", "degraded"])).to_string(),
            },
        };
        path.insert(0, "reported".to_owned());
        patch.set_leaf(&path, leaf);
    }
    patch
}
