//! The condition language against Microsoft's own condition tests.
//!
//! The cases are data that lies beside this project, not in it: `../shared/vectors/azure_twin.json`, or the same
//! further up. Without it the test says so and passes; the project's own cases are in `src/query/tests`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test: what goes wrong is to be seen"
)]

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path as File;
use twinsync::codec::json as codec;
use twinsync::document::{self, Document, DocumentRef};
use twinsync::query::{Condition, Dialect, Environment, Operand, Path, Scratch, Step, Truth};

#[test]
fn every_condition_of_the_vectors_is_judged_as_the_hub_does() {
    let above = File::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1);
    let read =
        |folder: &File| std::fs::read_to_string(folder.join("shared/vectors/azure_twin.json")).ok();
    let Some(text) = above.filter_map(read).next() else {
        println!("SKIPPED: no ../shared/vectors/azure_twin.json, nor further up");
        return;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).expect("the vectors are JSON");
    let contexts: BTreeMap<&str, Message> = cases
        .iter()
        .filter(|case| case["fn"] == "context")
        .map(|case| {
            (
                case["in"]["ctx"].as_str().unwrap(),
                Message::new(&case["out"]),
            )
        })
        .collect();
    let mut counts = BTreeMap::<&str, usize>::new();
    let mut failed = Vec::new();
    for case in &cases {
        let kind = case["fn"].as_str().unwrap();
        let expression = case["in"]["expr"].as_str().unwrap_or_default();
        let outcome = match kind {
            "query_condition" => {
                let message = &contexts[case["in"]["ctx"].as_str().unwrap()];
                condition(expression, message, &case["out"])
            }
            "query_arith" => arithmetic(expression, &case["out"]["value"]),
            "query_literal" => literal(expression, case["out"]["value"].as_str().unwrap()),
            "query_literal_error" => match parse(expression) {
                Err(error) if error.column > 0 => Ok(()),
                other => Err(format!("{other:?}")),
            },
            _ => continue,
        };
        *counts.entry(kind).or_default() += 1;
        if let Err(why) = outcome {
            failed.push(format!("{} ({kind}): {expression}: {why}", case["name"]));
        }
    }
    for (kind, count) in &counts {
        println!("{count:4} {kind}");
    }
    assert_eq!(counts.values().sum::<usize>(), 384);
    let failures = failed.join("\n");
    assert!(failed.is_empty(), "{} failed:\n{failures}", failed.len());
}

fn parse(text: &str) -> Result<Condition<'_, 64>, twinsync::query::ParseError> {
    Condition::parse(text, Dialect::ROUTING)
}

fn condition(expression: &str, message: &Message, out: &Value) -> Result<(), String> {
    let parsed = parse(expression);
    if out["compile_error"] == json!(true) {
        return match parsed {
            Err(_) => Ok(()),
            Ok(_) => Err("should not parse".into()),
        };
    }
    let truth = parsed.map_err(|error| error.to_string())?.evaluate(message);
    let wanted = match out["value"].as_str().unwrap() {
        "true" => Truth::True,
        "false" => Truth::False,
        _ => Truth::Undefined,
    };
    if truth == wanted {
        Ok(())
    } else {
        Err(format!("{truth:?}, not {wanted:?}"))
    }
}

/// The value of an expression, asked for in conditions.
fn arithmetic(expression: &str, value: &Value) -> Result<(), String> {
    let tests = match value.as_str() {
        Some("nan") => vec![format!("not is_defined({expression})")],
        Some(infinity) => vec![
            format!("is_defined({expression})"),
            format!("not is_number({expression})"),
            format!("{expression} = {}1e999", infinity.trim_end_matches("inf")),
        ],
        None => vec![
            format!("{expression} = {value}"),
            format!("is_number({expression})"),
        ],
    };
    for test in tests {
        let truth = parse(&test).map_err(|error| format!("{test}: {error}"))?;
        if !truth.matches(&DocumentRef::EMPTY) {
            return Err(test);
        }
    }
    Ok(())
}

/// The value of a text, asked for by comparison with one that comes from elsewhere.
fn literal(expression: &str, value: &str) -> Result<(), String> {
    let mut document = Document::<256>::new();
    document.set(&["value"], value).unwrap();
    let test = format!("value = {expression}");
    let condition = parse(&test).map_err(|error| error.to_string())?;
    if condition.matches(&document.as_ref()) {
        Ok(())
    } else {
        Err(test)
    }
}

/// A message as routing sees it: properties are text and have names in any case.
struct Message {
    body: Document<2048>,
    properties: BTreeMap<String, Option<String>>,
    system: BTreeMap<String, Option<String>>,
}

impl Message {
    fn new(value: &Value) -> Self {
        let mut body = Document::new();
        if value["body"].is_object() {
            codec::read(value["body"].to_string().as_bytes(), body.as_mut()).unwrap();
        }
        let names = |value: &Value| {
            let entries = value.as_object().unwrap().iter();
            entries
                .map(|(name, value)| (name.to_lowercase(), value.as_str().map(Into::into)))
                .collect()
        };
        Self {
            body,
            properties: names(&value["properties"]),
            system: names(&value["system"]),
        }
    }
}

impl Environment for Message {
    fn resolve(&self, path: Path<'_>, _: &mut Scratch) -> Operand<'_> {
        let name = path.text().to_lowercase();
        if !path.is_braced()
            && let Some(value) = self.properties.get(&name)
        {
            return value.as_deref().map_or(Operand::NULL, Operand::text);
        }
        if name.split('.').next() == Some("$body") {
            return self.in_body(path);
        }
        let system = name
            .strip_prefix('$')
            .and_then(|name| self.system.get(name));
        system.map_or(Operand::UNDEFINED, |value| {
            value.as_deref().map_or(Operand::NULL, Operand::text)
        })
    }
}

impl Message {
    /// What is not in the body is null; containers and dates are undefined.
    fn in_body(&self, path: Path<'_>) -> Operand<'_> {
        let mut value = Some(self.body.root());
        for step in path.steps().skip(1) {
            value = match (value, step) {
                (Some(document::Value::Map(map)), Step::Key(key)) => map.value(key),
                (Some(document::Value::Array(items)), Step::Index(index)) => {
                    items.iter().nth(usize::from(index))
                }
                _ => None,
            };
        }
        match value {
            None => Operand::NULL,
            Some(document::Value::Array(_) | document::Value::Map(_)) => Operand::UNDEFINED,
            Some(document::Value::String(text)) if is_date(text) => Operand::UNDEFINED,
            Some(value) => Operand::from(value),
        }
    }
}

fn is_date(text: &str) -> bool {
    let shape = "####-##-##T##:##:##";
    text.len() >= shape.len()
        && shape
            .bytes()
            .zip(text.bytes())
            .all(|(shape, byte)| match shape {
                b'#' => byte.is_ascii_digit(),
                sign => sign == byte,
            })
}
