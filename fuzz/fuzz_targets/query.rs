//! Queries: any text is parsed or refused without harm, and conditions that are grown from decisions say of
//! any document what a naive evaluator over `serde_json` values says.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value as Model;
use twinsync::document::Document;
use twinsync::query::{Condition, Dialect, Groups, Query, Truth, TwinItem};
use twinsync::twin::TwinRef;
use twinsync_fuzz::{Input, build, map};

/// An expression, as a tree.
enum Node {
    Literal(Model),
    Undefined,
    Path(Vec<&'static str>),
    Not(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Else(Box<Node>, Box<Node>),
    Compare(&'static str, Box<Node>, Box<Node>),
    In(Box<Node>, Vec<Model>, bool),
    Arithmetic(char, Box<Node>, Box<Node>),
    Defined(Box<Node>),
    StartsWith(Box<Node>, Box<Node>),
}

const COMPARISONS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];
const NAMES: [&str; 6] = ["a", "b", "c", "aa", "ab", "zz"];

/// Small numbers only, so that wide integers can say what is right.
fn literal(input: &mut Input<'_>) -> Model {
    match input.below(5) {
        0 => Model::Null,
        1 => Model::Bool(input.byte() & 1 == 1),
        2 => Model::from("x".repeat(input.below(4))),
        _ => Model::from(input.byte().cast_signed()),
    }
}

fn path(input: &mut Input<'_>) -> Node {
    let steps = 1 + input.below(3);
    Node::Path(
        (0..steps)
            .map(|_| NAMES[input.below(NAMES.len())])
            .collect(),
    )
}

fn node(input: &mut Input<'_>, depth: usize) -> Node {
    let pair = |input: &mut Input<'_>| {
        (
            Box::new(node(input, depth - 1)),
            Box::new(node(input, depth - 1)),
        )
    };
    match input.below(if depth == 0 { 4 } else { 14 }) {
        0 => Node::Literal(literal(input)),
        1 => Node::Undefined,
        2 | 3 => path(input),
        4 => Node::Not(Box::new(node(input, depth - 1))),
        5 | 6 => {
            let (a, b) = pair(input);
            Node::And(a, b)
        }
        7 | 8 => {
            let (a, b) = pair(input);
            Node::Or(a, b)
        }
        9 => {
            let (a, b) = pair(input);
            Node::Else(a, b)
        }
        10 => {
            let items = (0..input.below(4)).map(|_| literal(input)).collect();
            Node::In(
                Box::new(node(input, depth - 1)),
                items,
                input.byte() & 1 == 1,
            )
        }
        11 => match input.below(3) {
            0 => Node::Defined(Box::new(node(input, depth - 1))),
            1 => {
                let (a, b) = pair(input);
                Node::StartsWith(a, b)
            }
            _ => {
                let (a, b) = pair(input);
                Node::Arithmetic(['+', '-', '*'][input.below(3)], a, b)
            }
        },
        _ => {
            let (a, b) = pair(input);
            Node::Compare(COMPARISONS[input.below(6)], a, b)
        }
    }
}

/// The expression as text, all of it in parentheses.
fn text(node: &Node) -> String {
    let literal = |value: &Model| match value {
        Model::String(text) => format!("'{text}'"),
        value => value.to_string(),
    };
    match node {
        Node::Literal(value) => literal(value),
        Node::Undefined => "undefined".into(),
        Node::Path(steps) => steps.join("."),
        Node::Not(a) => format!("(NOT {})", text(a)),
        Node::And(a, b) => format!("({} AND {})", text(a), text(b)),
        Node::Or(a, b) => format!("({} or {})", text(a), text(b)),
        Node::Else(a, b) => format!("({} ?? {})", text(a), text(b)),
        Node::Compare(sign, a, b) => format!("({} {sign} {})", text(a), text(b)),
        Node::In(a, items, negated) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            let word = if *negated { "NIN" } else { "IN" };
            format!("({} {word} [{}])", text(a), items.join(", "))
        }
        Node::Arithmetic(sign, a, b) => format!("({} {sign} {})", text(a), text(b)),
        Node::Defined(a) => format!("is_defined({})", text(a)),
        Node::StartsWith(a, b) => format!("startswith({}, {})", text(a), text(b)),
    }
}

/// What a value is; `None` is undefined.
type Answer = Option<Model>;

fn truth(value: &Answer) -> Option<bool> {
    match value {
        Some(Model::Bool(value)) => Some(*value),
        Some(Model::Null) => Some(false),
        _ => None,
    }
}

/// Numbers as wide integers, a tenth each; other numbers are too large for the oracle.
fn number(value: &Model) -> Option<i128> {
    value.as_i64().map(i128::from)
}

fn compare(sign: &str, a: &Answer, b: &Answer) -> Option<bool> {
    let (Some(a), Some(b)) = (a, b) else {
        return None;
    };
    let container = |value: &Model| value.is_array() || value.is_object();
    if container(a) || container(b) {
        return None;
    }
    let as_bool = |value: &Model| match value {
        Model::Null => Some(false),
        value => value.as_bool(),
    };
    let order = match (a, b) {
        (Model::Null, Model::Null) => Some(std::cmp::Ordering::Equal),
        (Model::Number(_), Model::Number(_)) => Some(number(a)?.cmp(&number(b)?)),
        (Model::String(a), Model::String(b)) => Some(a.cmp(b)),
        _ => as_bool(a).zip(as_bool(b)).map(|(a, b)| a.cmp(&b)),
    };
    match (order, sign) {
        (Some(order), "=") => Some(order.is_eq()),
        (Some(order), "!=") => Some(order.is_ne()),
        (Some(order), "<") => Some(order.is_lt()),
        (Some(order), "<=") => Some(order.is_le()),
        (Some(order), ">") => Some(order.is_gt()),
        (Some(order), _) => Some(order.is_ge()),
        (None, "=") => Some(false),
        (None, "!=") => Some(true),
        (None, _) => None,
    }
}

fn evaluate(node: &Node, root: &Model) -> Answer {
    let side = |node: &Node| evaluate(node, root);
    let answer = |truth: Option<bool>| truth.map(Model::Bool);
    match node {
        Node::Literal(value) => Some(value.clone()),
        Node::Undefined => None,
        Node::Path(steps) => {
            let mut value = root;
            for step in steps {
                value = value.as_object()?.get(*step)?;
            }
            Some(value.clone())
        }
        Node::Not(a) => answer(truth(&side(a)).map(|value| !value)),
        Node::And(a, b) => answer(match (truth(&side(a)), truth(&side(b))) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        }),
        Node::Or(a, b) => answer(match (truth(&side(a)), truth(&side(b))) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        }),
        Node::Else(a, b) => side(a).or_else(|| side(b)),
        Node::Compare(sign, a, b) => answer(compare(sign, &side(a), &side(b))),
        Node::In(a, items, negated) => {
            let value = side(a)?;
            if value.is_array() || value.is_object() {
                return None;
            }
            let value = Some(value);
            let found = items
                .iter()
                .any(|item| compare("=", &value, &Some(item.clone())) == Some(true));
            Some(Model::Bool(found != *negated))
        }
        Node::Arithmetic(sign, a, b) => {
            let (a, b) = (number(&side(a)?)?, number(&side(b)?)?);
            let value = match sign {
                '+' => a + b,
                '-' => a - b,
                _ => a * b,
            };
            i64::try_from(value).ok().map(Model::from)
        }
        Node::Defined(a) => Some(Model::Bool(side(a).is_some())),
        Node::StartsWith(a, b) => match (side(a)?, side(b)?) {
            (Model::String(a), Model::String(b)) => Some(Model::Bool(a.starts_with(&b))),
            _ => None,
        },
    }
}

/// Whether all numbers are small, so that the oracle need not round.
fn small(value: &Model) -> bool {
    match value {
        Model::Number(number) => number.as_i64().is_some_and(|number| number.abs() < 1 << 20),
        Model::Array(items) => items.iter().all(small),
        Model::Object(map) => map.values().all(small),
        _ => true,
    }
}

fn any_text(text: &str) {
    let _ = Condition::<64>::parse(text, Dialect::ROUTING)
        .map(|condition| condition.evaluate(&twinsync::document::DocumentRef::EMPTY));
    let item = TwinItem::new("d", TwinRef::ABSENT);
    let prefixed = format!("SELECT * FROM devices WHERE {text}");
    for text in [text, &prefixed] {
        match Query::<64>::parse(text, Dialect::TWIN) {
            Ok(query) => {
                let query = query.as_ref();
                let _ = query.evaluate(&item);
                let mut row = Document::<512>::new();
                let _ = query.project(&item, &mut row.as_mut());
                let mut groups = Groups::<2, 64>::new();
                let _ = groups.add(query, &item);
                let _ = groups.project(query, 0, &mut row.as_mut());
                assert!(query.conjuncts().count() <= 64);
            }
            Err(error) => assert!(error.column >= 1 && error.column <= text.chars().count() + 1),
        }
    }
}

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    if input.byte() & 1 == 0 {
        if let Ok(text) = core::str::from_utf8(input.rest()) {
            any_text(text);
        }
        return;
    }
    let expression = node(&mut input, 4);
    let text = text(&expression);
    // What the parser refuses for its types is no matter here.
    let Ok(condition) = Condition::<512>::parse(&text, Dialect::TWIN) else {
        return;
    };
    let root = map(&mut input, 3, false);
    if !small(&root) {
        return;
    }
    let mut document = Document::<8192>::new();
    let mut builder = document.build();
    if build(&mut builder, &root).is_err() || builder.finish().is_err() {
        return;
    }
    let wanted = match truth(&evaluate(&expression, &root)) {
        Some(true) => Truth::True,
        Some(false) => Truth::False,
        None => Truth::Undefined,
    };
    assert_eq!(
        condition.evaluate(&document.as_ref()),
        wanted,
        "{text} of {root}"
    );
});
