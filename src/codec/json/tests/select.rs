//! What is not wanted is checked and skipped as it flows.

use alloc::string::String;
use alloc::vec::Vec;

use super::super::{Expected, Member, ReadError, ReadReason, Reader, Select, read_selected, write};
use crate::document::Document;

static ANSWER: Select = Select::Members(&[
    Member::of("state", &[Member::all("desired"), Member::all("reported")]),
    Member::all("version"),
    Member::all("timestamp"),
    Member::all("clientToken"),
]);

static NEAR: Select = Select::Members(&[
    Member::all("abc"),
    Member::all("a"),
    Member::all("abd"),
    Member::all("ab"),
    Member::all("x\n"),
    Member::all(""),
]);

static LOOP_MEMBERS: [Member; 1] = [Member::of("a", &LOOP_MEMBERS)];
static LOOP: Select = Select::Members(&LOOP_MEMBERS);

fn selected(text: &str, select: &'static Select) -> Result<String, ReadError> {
    let mut out = [0; 4096];
    let mut results = Vec::new();
    for piece in [text.len().max(1), 1, 3] {
        let mut document = Document::<4096>::new();
        let mut reader = Reader::new(document.as_mut(), select);
        let fed = text
            .as_bytes()
            .chunks(piece)
            .try_for_each(|piece| reader.feed(piece));
        let result = fed.and_then(|()| reader.finish()).map(|()| {
            let len = write(document.as_ref(), &mut out).unwrap();
            String::from_utf8(out[..len].to_vec()).unwrap()
        });
        assert!(result.is_ok() || document.is_empty());
        results.push(result);
    }
    assert!(
        results.windows(2).all(|pair| pair[0] == pair[1]),
        "{results:?}"
    );
    results.pop().unwrap()
}

#[test]
fn only_what_is_named_is_built() {
    let text = r#"{"metadata":{"desired":{"on":{"timestamp":1}}},"version":3,
        "state":{"delta":{"a":[1,{"b":[]}]},"desired":{"on":true},"reported":[1,2]},"x":"\ud83d\ude00","timestamp":12}"#;
    assert_eq!(
        selected(text, &ANSWER).unwrap(),
        r#"{"state":{"desired":{"on":true},"reported":[1,2]},"version":3,"timestamp":12}"#
    );
}

#[test]
fn names_are_compared_whole_and_unescaped() {
    assert_eq!(
        selected(
            r#"{"abd":1,"abcd":2,"ab":3,"b":4,"a":5,"abc":6,"":7,"aa":8}"#,
            &NEAR
        )
        .unwrap(),
        r#"{"":7,"a":5,"ab":3,"abc":6,"abd":1}"#
    );
    assert_eq!(
        selected(r#"{"\u0061b":1,"x\u000a":2,"x":3,"x\n\n":4}"#, &NEAR).unwrap(),
        r#"{"ab":1,"x\n":2}"#
    );
}

#[test]
fn a_value_that_is_no_object_is_taken_as_it_is() {
    for text in ["1", "null", "\"state\"", r#"[{"other":1,"state":2}]"#] {
        assert_eq!(selected(text, &ANSWER).unwrap(), text);
    }
    assert_eq!(
        selected(r#"{"state":null,"z":1}"#, &ANSWER).unwrap(),
        r#"{"state":null}"#
    );
    assert_eq!(
        selected(r#"{"state":{"z":1}}"#, &ANSWER).unwrap(),
        r#"{"state":{}}"#
    );
}

#[test]
fn the_last_of_equal_members_wins() {
    assert_eq!(
        selected(
            r#"{"version":1,"version":2,"state":{"desired":1},"state":{"reported":2}}"#,
            &ANSWER
        )
        .unwrap(),
        r#"{"state":{"reported":2},"version":2}"#
    );
}

#[test]
fn what_is_skipped_is_checked_all_the_same() {
    for (skipped, offset, reason) in [
        ("[1,]", 3, ReadReason::Expected(Expected::Value)),
        ("{\"a\"1}", 4, ReadReason::Expected(Expected::Colon)),
        (
            "{\"a\":1]",
            6,
            ReadReason::Expected(Expected::CommaOrObjectEnd),
        ),
        ("[1}", 2, ReadReason::Expected(Expected::CommaOrArrayEnd)),
        ("01", 1, ReadReason::Expected(Expected::CommaOrObjectEnd)),
        ("1.x", 2, ReadReason::Expected(Expected::Digit)),
        ("\"\\x\"", 2, ReadReason::BadEscape),
        ("\"\\ud800\"", 7, ReadReason::LoneSurrogate),
        ("\"\t\"", 1, ReadReason::ControlCharacter),
        ("nule", 3, ReadReason::Expected(Expected::Literal)),
    ] {
        let text = alloc::format!("{{\"other\":{skipped}}}");
        let error = selected(&text, &ANSWER).unwrap_err();
        assert_eq!((error.offset, error.reason), (9 + offset, reason), "{text}");
    }
}

#[test]
fn what_is_skipped_may_be_larger_and_deeper_than_what_is_kept() {
    // Numbers out of bounds, keys over 255 bytes, depth up to 64 below the object.
    let deep = alloc::format!(
        r#"{{"m":[1e999,{{"{}":0.12345678901234567890123}}],"n":{}{},"version":1}}"#,
        "k".repeat(5000),
        "[".repeat(64),
        "]".repeat(64)
    );
    assert_eq!(selected(&deep, &ANSWER).unwrap(), r#"{"version":1}"#);
    let deeper = alloc::format!(r#"{{"n":{}"#, "[{\"\":".repeat(5_000));
    let error = selected(&deeper, &ANSWER).unwrap_err();
    assert_eq!(
        (error.offset, error.reason),
        (5 + 32 * 5, ReadReason::TooDeep)
    );
}

#[test]
fn a_selection_that_never_ends_is_bounded() {
    let text = |depth: usize| "{\"a\":".repeat(depth) + "1" + &"}".repeat(depth);
    assert_eq!(selected(&text(6), &LOOP).unwrap(), text(6));
    assert_eq!(
        selected(&text(7), &LOOP).unwrap_err().reason,
        ReadReason::TooDeep
    );
}

#[test]
fn an_answer_of_8_kb_passes_through_256_bytes() {
    let leaves: Vec<String> = (0..120)
        .map(|n| alloc::format!("\"setting{n:03}\":{n}"))
        .collect();
    let stamps: Vec<String> = (0..120)
        .map(|n| alloc::format!("\"setting{n:03}\":{{\"timestamp\":17000{n:05}}}"))
        .collect();
    let state = leaves.join(",");
    let text = alloc::format!(
        r#"{{"state":{{"desired":{{{state}}}}},"metadata":{{"desired":{{{0}}},"reported":{{{0}}}}},"version":9,"timestamp":1700000000}}"#,
        stamps.join(",")
    );
    assert!(text.len() > 8 * 1024);
    let mut document = Document::<2048>::new();
    let mut buffer = [0; 256];
    let mut reader = Reader::new(document.as_mut(), &ANSWER);
    for piece in text.as_bytes().chunks(256) {
        buffer[..piece.len()].copy_from_slice(piece);
        reader.feed(&buffer[..piece.len()]).unwrap();
    }
    reader.finish().unwrap();
    assert_eq!(document.read::<u32>(&["version"]), Ok(9));
    assert_eq!(
        document.read::<u8>(&["state", "desired", "setting119"]),
        Ok(119)
    );
    assert_eq!(document.as_ref().leaves().count(), 122);

    let mut whole = Document::<2048>::new();
    read_selected(text.as_bytes(), whole.as_mut(), &ANSWER).unwrap();
    assert_eq!(whole, document);
}
