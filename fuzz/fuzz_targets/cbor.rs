//! CBOR against RFC 8949 appendix C and `ciborium`: what is accepted is well-formed and means what
//! `ciborium` says, what is well-formed is refused only by a rule of the mapping; any split gives the same result; what is written is read back.

#![no_main]

use std::collections::BTreeMap;

use ciborium::Value as Cbor;
use libfuzzer_sys::fuzz_target;
use twinsync::codec::cbor::{self, Decoder, Member, ReadError, ReadReason, Reader, Select};
use twinsync::document::{Document, DocumentRef, Number, Value};
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
    let bytes = input.rest();

    let mut document = Document::<N>::new();
    let select = if selected { &SOME } else { &Select::All };
    let result = cbor::read_selected(bytes, document.as_mut(), select);
    if let Err(error) = result {
        assert!(error.offset <= bytes.len());
        assert!(document.is_empty(), "an error leaves the empty document");
    } else {
        assert!(DocumentRef::from_bytes(document.as_bytes()).is_ok());
    }
    if !selected {
        check(bytes, result, &document);
    }

    let mut pieces = Document::<N>::new();
    let again = read_pieces(bytes, step, select, &mut pieces);
    assert_eq!(again, result);
    assert_eq!(pieces, document);

    // What can be read can be skipped, up to the same byte.
    let mut skipping = Decoder::new(bytes);
    let mut reading = skipping;
    if reading.document(pieces.as_mut()).is_ok() {
        skipping.skip().expect("well-formed");
        assert_eq!(skipping, reading);
    } else {
        let _ = skipping.skip();
    }

    if result.is_ok() {
        let mut out = vec![0; cbor::len(document.as_ref())];
        let len = cbor::write(document.as_ref(), &mut out).expect("as long as it said");
        assert_eq!(len, out.len());
        cbor::read(&out, pieces.as_mut()).expect("its own bytes");
        assert_eq!(pieces, document);
        let valid: Cbor = ciborium::from_reader(&out[..]).expect("its own bytes");
        assert!(same(document.as_ref().root(), &valid));
        let mut shortest = Vec::new();
        ciborium::into_writer(&valid, &mut shortest).expect("memory");
        assert_eq!(shortest, out, "not the shortest form");
        if let Some(short) = len.checked_sub(1) {
            let error = cbor::write(document.as_ref(), &mut out[..short]).expect_err("too short");
            assert_eq!(error.needed, len);
        }
    }
});

fn check(bytes: &[u8], result: Result<(), ReadError>, document: &Document<N>) {
    let whole = well_formed(bytes, false).map(|(_, rest)| rest.is_empty());
    match result.map_err(|error| error.reason) {
        Ok(()) => {
            assert_eq!(whole, Some(true), "accepted what is not well-formed");
            let oracle: Cbor = match ciborium::from_reader(bytes) {
                // Hundreds of tags around one item: they are passed over here, and nested there.
                Err(ciborium::de::Error::RecursionLimitExceeded) => return,
                oracle => oracle.expect("what is accepted"),
            };
            assert!(
                same(document.as_ref().root(), &oracle),
                "another meaning: {oracle:?}"
            );
        }
        Err(ReadReason::Trailing) => assert_eq!(whole, Some(false)),
        Err(ReadReason::UnexpectedEnd | ReadReason::Malformed) => {
            assert_eq!(whole, None, "refused what is well-formed");
        }
        Err(ReadReason::InvalidUtf8) => assert!(
            whole.is_none() || ciborium::from_reader::<Cbor, _>(bytes).is_err(),
            "refused what is valid"
        ),
        Err(_) => {}
    }
}

/// RFC 8949 appendix C: where the item that starts `bytes` ends, if it is well-formed. `ciborium` takes
/// indefinite strings as chunks of indefinite strings, which §3.2.3 forbids.
fn well_formed(bytes: &[u8], breakable: bool) -> Option<(Option<u8>, &[u8])> {
    let (initial, mut rest) = bytes.split_first()?;
    let (major, info) = (initial >> 5, initial & 0x1F);
    let mut argument = u64::from(info);
    if (24..28).contains(&info) {
        let (bytes, after) = rest.split_at_checked(1 << (info - 24))?;
        argument = bytes
            .iter()
            .fold(0, |argument, byte| argument << 8 | u64::from(*byte));
        rest = after;
    } else if (28..31).contains(&info) {
        return None;
    } else if info == 31 {
        match major {
            2 | 3 => loop {
                let chunk = rest.first()? & 0x1F;
                let (kind, after) = well_formed(rest, true)?;
                rest = after;
                match kind {
                    None => break,
                    Some(kind) if kind != major || chunk == 31 => return None,
                    Some(_) => {}
                }
            },
            4 | 5 => loop {
                let (kind, after) = well_formed(rest, true)?;
                rest = after;
                if kind.is_none() {
                    break;
                }
                if major == 5 {
                    rest = well_formed(rest, false)?.1;
                }
            },
            7 => return breakable.then_some((None, rest)),
            _ => return None,
        }
        return Some((Some(major), rest));
    }
    match major {
        2 | 3 => rest = rest.get(usize::try_from(argument).ok()?..)?,
        4..=6 => {
            let items = match major {
                5 => argument.checked_mul(2)?,
                6 => 1,
                _ => argument,
            };
            for _ in 0..items {
                rest = well_formed(rest, false)?.1;
            }
        }
        7 if info == 24 && argument < 32 => return None,
        _ => {}
    }
    Some((Some(major), rest))
}

fn read_pieces(
    bytes: &[u8],
    step: usize,
    select: &'static Select,
    document: &mut Document<N>,
) -> Result<(), ReadError> {
    let mut reader = Reader::new(document.as_mut(), select);
    for piece in bytes.chunks(step.max(1)) {
        reader.feed(piece)?;
    }
    reader.finish()
}

fn same(value: Value<'_>, oracle: &Cbor) -> bool {
    match (value, oracle) {
        (Value::Number(number), Cbor::Tag(4, parts)) => {
            let parts: Vec<i128> = parts
                .as_array()
                .expect("two parts")
                .iter()
                .map(|part| integer(part).expect("an integer"))
                .collect();
            parts.len() == 2 && is(number, parts[1], parts[0])
        }
        (Value::Number(number), Cbor::Tag(2 | 3, _)) => {
            integer(oracle).is_some_and(|right| is(number, right, 0))
        }
        (value, Cbor::Tag(_, content)) => same(value, content),
        (Value::Null, Cbor::Null) => true,
        (Value::Bool(left), Cbor::Bool(right)) => left == *right,
        (Value::Number(number), Cbor::Integer(right)) => is(number, (*right).into(), 0),
        // Without the feature `float`: only integers.
        (Value::Number(number), Cbor::Float(right)) => {
            number.as_i64().is_some_and(|left| left as f64 == *right)
        }
        (Value::String(left), Cbor::Text(right)) => left == right,
        (Value::Array(left), Cbor::Array(right)) => {
            left.iter().count() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Map(left), Cbor::Map(right)) => {
            // Of equal keys the last wins.
            let right: BTreeMap<&str, &Cbor> = right
                .iter()
                .map(|(key, value)| (untagged(key).as_text().expect("a key"), value))
                .collect();
            left.iter().count() == right.len()
                && left
                    .iter()
                    .all(|(key, value)| right.get(key).is_some_and(|right| same(value, right)))
        }
        _ => false,
    }
}

/// An integer; bignums that come in chunks are left to the reader of `ciborium`.
fn integer(oracle: &Cbor) -> Option<i128> {
    if let Cbor::Tag(tag @ (2 | 3), digits) = oracle {
        let digits = digits.as_bytes()?;
        let magnitude = digits
            .iter()
            .fold(0, |number: i128, byte| number << 8 | i128::from(*byte));
        return Some(if *tag == 2 { magnitude } else { !magnitude });
    }
    oracle.as_integer().map(Into::into)
}

fn untagged(mut value: &Cbor) -> &Cbor {
    while let Cbor::Tag(_, content) = value {
        value = content;
    }
    value
}

/// Whether a number is `mantissa × 10^exponent`.
fn is(number: Number, mantissa: i128, exponent: i128) -> bool {
    let strip = |mut mantissa: i128, mut exponent: i128| {
        if mantissa == 0 {
            return (0, 0);
        }
        while mantissa % 10 == 0 {
            mantissa /= 10;
            exponent += 1;
        }
        (mantissa, exponent)
    };
    strip(number.mantissa().into(), number.exponent().into()) == strip(mantissa, exponent)
}
