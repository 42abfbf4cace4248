//! JSON against `serde_json`: the same texts are accepted, with the same meaning; any split of the
//! text gives the same result; what is written is read back.

#![no_main]

use std::borrow::Cow;

use libfuzzer_sys::fuzz_target;
use serde_json::Value as Model;
use twinsync::codec::json::{self, Member, ReadError, ReadReason, Reader, Select};
use twinsync::document::{Document, Number, Value};
use twinsync_fuzz::Input;

const N: usize = 4096;

static SOME: Select = Select::Members(&[
    Member::of("state", &[Member::all("desired")]),
    Member::all("a"),
]);

fuzz_target!(|bytes: &[u8]| {
    let mut input = Input::new(bytes);
    let step = usize::from(input.byte());
    let selected = input.byte() & 1 == 1;
    let text = input.rest();

    let mut document = Document::<N>::new();
    let select = if selected { &SOME } else { &Select::All };
    let result = json::read_selected(text, document.as_mut(), select);
    let oracle: Result<Model, _> = serde_json::from_slice(text);
    match (&result, &oracle) {
        (Ok(()), Ok(model)) => {
            if !selected {
                assert!(same(document.as_ref().root(), model), "another meaning");
            }
        }
        (Ok(()), Err(error)) => {
            // Twice as deep as its recursion limit is possible only in what is skipped: 64.
            panic!("accepted what is invalid: {error}");
        }
        (Err(error), Ok(_)) => assert!(
            matches!(
                error.reason,
                ReadReason::Number(_)
                    | ReadReason::TooDeep
                    | ReadReason::KeyTooLong
                    | ReadReason::Capacity(_)
            ),
            "refused what is valid: {error:?}"
        ),
        (Err(_), Err(_)) => {}
    }
    if let Err(error) = result {
        assert!(error.offset <= text.len());
        assert!(document.is_empty(), "an error leaves the empty document");
    }

    let mut pieces = Document::<N>::new();
    let again = read_pieces(text, step, select, &mut pieces);
    assert_eq!(again, result);
    assert_eq!(pieces, document);

    if result.is_ok() {
        let mut out = vec![0; json::len(document.as_ref())];
        let len = json::write(document.as_ref(), &mut out).expect("as long as it said");
        assert_eq!(len, out.len());
        json::read(&out, pieces.as_mut()).expect("its own text");
        assert_eq!(pieces, document);
        let valid: Model = serde_json::from_slice(&out).expect("its own text");
        assert!(same(document.as_ref().root(), &valid));
        if let Some(short) = len.checked_sub(1) {
            let error = json::write(document.as_ref(), &mut out[..short]).expect_err("too short");
            assert_eq!(error.needed, len);
        }
    }
});

fn read_pieces(
    text: &[u8],
    step: usize,
    select: &'static Select,
    document: &mut Document<N>,
) -> Result<(), ReadError> {
    let mut reader = Reader::new(document.as_mut(), select);
    for piece in text.chunks(step.max(1)) {
        reader.feed(piece)?;
    }
    reader.finish()
}

fn same(value: Value<'_>, model: &Model) -> bool {
    match (value, model) {
        (Value::Null, Model::Null) => true,
        (Value::Bool(left), Model::Bool(right)) => left == *right,
        (Value::Number(left), Model::Number(right)) => decimal(left) == parse(&right.to_string()),
        (Value::String(left), Model::String(right)) => left == right,
        (Value::Array(left), Model::Array(right)) => {
            left.iter().count() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Model::Object(right)) => {
            left.iter().count() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|right| same(value, right)))
        }
        _ => false,
    }
}

/// Sign, digits without zeros at the ends, and the power of ten of the last digit.
type Decimal = (bool, String, i64);

fn decimal(number: Number) -> Decimal {
    normal(
        number.mantissa() < 0,
        Cow::Owned(number.mantissa().unsigned_abs().to_string()),
        i64::from(number.exponent()),
    )
}

/// A number's text, by another road than the crate's.
fn parse(text: &str) -> Decimal {
    let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let negative = mantissa.starts_with('-');
    let mantissa = mantissa.trim_start_matches('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let power: i64 = power.parse().unwrap_or(0);
    normal(
        negative,
        Cow::Owned(format!("{whole}{fraction}")),
        power.saturating_sub(fraction.len() as i64),
    )
}

fn normal(negative: bool, digits: Cow<'_, str>, power: i64) -> Decimal {
    let digits = digits.trim_start_matches('0');
    let short = digits.trim_end_matches('0');
    if short.is_empty() {
        return (false, String::new(), 0);
    }
    (
        negative,
        short.to_owned(),
        power.saturating_add((digits.len() - short.len()) as i64),
    )
}
