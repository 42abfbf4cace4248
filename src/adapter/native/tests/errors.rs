//! Wrong input gives a clear error, and nothing is lost.

use super::super::{DecodeError, Fault, RequestError};
use super::{SERVICE, bytes, device};
use crate::codec::cbor::ReadReason;
use crate::document::Document;
use crate::error::Status;
use crate::protocol::Cause;
use crate::protocol::Message;
use crate::protocol::Wanted;
use crate::time::Timestamp;
use crate::twin::Rejected;

fn refused(payload: &str) -> (Option<alloc::string::String>, Fault) {
    let mut scratch = Document::<64>::new();
    match SERVICE.decode("t/lamp/u", &bytes(payload), scratch.as_mut()) {
        Err(RequestError::Refused(refusal)) => (
            refusal.token.map(|token| token.as_str().into()),
            refusal.fault,
        ),
        other => panic!("{other:?}"),
    }
}

fn heard(payload: &str) -> Result<alloc::string::String, DecodeError> {
    let mut scratch = Document::<128>::new();
    device()
        .decode(
            "t/lamp/d",
            &bytes(payload),
            Wanted::Sections,
            scratch.as_mut(),
        )
        .map(|message| alloc::format!("{message:?}"))
}

#[test]
fn a_request_s_fault_is_named_and_its_id_kept() {
    let seven = || Some("00000007".into());
    assert_eq!(refused("01 A1 00 07"), (seven(), Fault::Field("state")));
    assert_eq!(
        refused("01 A2 00 07 02 01"),
        (seven(), Fault::Field("state"))
    );
    assert_eq!(
        refused("01 A3 00 07 02 A0 07 02"),
        (seven(), Fault::Field("mode"))
    );
    assert_eq!(
        refused("01 A3 00 07 02 A0 08 81 18 63"),
        (seven(), Fault::Field("precondition"))
    );
    assert_eq!(
        refused("00 A2 00 07 05 00"),
        (seven(), Fault::Field("versions"))
    );
    assert_eq!(
        refused("00 A2 00 07 01 82 01 01"),
        (seven(), Fault::Field("digest"))
    );
    assert_eq!(refused("00 A1 00 F5"), (None, Fault::Field("id")));
    assert_eq!(
        refused("00 A1 00 1B 00 00 00 01 00 00 00 00"),
        (None, Fault::Field("id")),
        "more than eight digits"
    );
    assert_eq!(
        refused("00 A1 00 68 30 30 30 30 30 30 30 37"),
        (None, Fault::Field("id")),
        "text that has an integer's form"
    );
    assert_eq!(refused("00 80"), (None, Fault::Field("envelope")));
    let (token, fault) = refused("02 A1 00");
    assert_eq!(token, None);
    assert!(matches!(fault, Fault::Cbor(error) if error.reason == ReadReason::UnexpectedEnd));
}

#[test]
fn what_is_no_request_is_told_apart() {
    let error = |payload: &[u8]| {
        let mut scratch = Document::<64>::new();
        let read = SERVICE.decode("t/lamp/u", payload, scratch.as_mut());
        alloc::format!("{:?}", read.unwrap_err())
    };
    assert_eq!(error(&[]), "Kind(None)");
    assert_eq!(error(&[3]), "Kind(Some(3))");
    assert_eq!(error(&[23]), "Kind(Some(23))");
    assert_eq!(error(&[0x18, 0x20]), "Later(24)");
}

#[test]
fn a_request_that_does_not_fit_is_refused_under_its_id_with_what_it_needs() {
    let mut payload = bytes("01 A2 00 07 02 A1 01 A1 61 61 78 64");
    payload.extend([b'x'; 100]);
    let mut scratch = Document::<64>::new();
    let Err(RequestError::Refused(refusal)) =
        SERVICE.decode("t/lamp/u", &payload, scratch.as_mut())
    else {
        panic!()
    };
    let Message::Rejected(rejection) = refusal.message(Timestamp::EPOCH) else {
        panic!()
    };
    assert_eq!(rejection.id.map(|id| id.as_str()), Some("00000007"));
    assert_eq!(rejection.status, Status::TooLarge);
    assert!(matches!(
        rejection.cause,
        Cause::Twin(Rejected::Capacity(error)) if error.needed > 100
    ));
}

#[test]
fn a_request_that_pretends_to_be_longer_than_numbers_go_is_answered_all_the_same() {
    let payload = bytes("01 A2 00 07 02 7B FF FF FF FF FF FF FF FF 61");
    let mut scratch = Document::<64>::new();
    let Err(RequestError::Refused(refusal)) =
        SERVICE.decode("t/lamp/u", &payload, scratch.as_mut())
    else {
        panic!()
    };
    let message = refusal.message(Timestamp::EPOCH);
    let mut out = [0; 128];
    let answer = SERVICE
        .encode(refusal.asker, refusal.id, &message, &mut out)
        .unwrap();
    let mut scratch = Document::<64>::new();
    let read = device().decode(
        answer.topic,
        answer.payload,
        Wanted::Sections,
        scratch.as_mut(),
    );
    let Ok(Message::Rejected(rejection)) = read else {
        panic!("{read:?}")
    };
    assert_eq!(rejection.status, Status::TooLarge);
}

#[test]
fn unknown_fields_are_skipped_whatever_they_hold() {
    let plain = heard("04 A2 00 07 01 82 03 05").unwrap();
    for more in [
        "04 A3 00 07 01 82 03 05 16 A1 00 01",
        "04 A3 00 07 01 82 03 05 18 20 44 01 02 03 04",
        "04 A3 00 07 01 82 03 05 20 C2 41 00",
        "04 A3 61 69 05 00 07 01 82 03 05",
        "04 BF 01 9F 03 05 FF 00 07 FF",
        "04 A3 00 01 00 07 01 82 03 05",
    ] {
        assert_eq!(heard(more).as_ref(), Ok(&plain), "{more}");
    }
}

#[test]
fn an_answer_s_fault_is_named() {
    for (payload, error) in [
        ("", DecodeError::Kind(None)),
        ("00", DecodeError::Kind(Some(0))),
        ("0D", DecodeError::Kind(Some(13))),
        ("18 20", DecodeError::Kind(Some(0x18))),
        ("04", DecodeError::Malformed("versions")),
        ("04 A1 01 81 01", DecodeError::Malformed("versions")),
        ("04 A1 01 82 01 20", DecodeError::Malformed("versions")),
        (
            "04 A1 01 84 01 01 01 01",
            DecodeError::Malformed("versions"),
        ),
        ("03 A1 01 82 01 01", DecodeError::Malformed("state")),
        (
            "03 A2 01 82 01 01 02 A1 00 01",
            DecodeError::Malformed("state"),
        ),
        ("0B A1 01 82 01 01", DecodeError::Malformed("patch")),
        ("05 A2 01 82 01 01 03 A0", DecodeError::Malformed("digest")),
        ("08", DecodeError::Malformed("status")),
        ("08 A2 09 00 0A 01", DecodeError::Malformed("detail")),
        ("04 A2 01 82 01 01 0B 61 61", DecodeError::Malformed("time")),
        ("04 01", DecodeError::Malformed("envelope")),
    ] {
        assert_eq!(heard(payload), Err(error), "{payload}");
    }
    let Err(DecodeError::Cbor(error)) = heard("04 A1 01 82 01") else {
        panic!()
    };
    assert_eq!((error.offset, error.reason), (4, ReadReason::UnexpectedEnd));
}

#[test]
fn numbers_that_are_not_known_count_as_the_general_ones() {
    let status = |payload| {
        let text = heard(payload).unwrap();
        (
            text.contains("status: Invalid"),
            text.contains("status: Internal"),
        )
    };
    assert_eq!(status("09 A1 09 0F"), (true, false));
    assert_eq!(status("09 A1 09 18 C8"), (false, true));
    assert!(
        heard("09 A2 09 00 0A 81 18 63")
            .unwrap()
            .contains("Unstated")
    );
    assert!(heard("09 A2 09 00 0A 81 05").unwrap().contains("Unstated"));
}

#[test]
fn a_device_without_room_for_both_sections_reads_desired_as_a_delta() {
    let mut scratch = Document::<128>::new();
    let payload = bytes("03 A2 01 82 01 01 02 A2 00 A1 61 61 01 01 A1 61 62 01");
    let mut message = |payload: &[u8]| {
        let read = device().decode("t/lamp/d", payload, Wanted::Delta, scratch.as_mut());
        read.map(|message| alloc::format!("{message:?}"))
    };
    assert!(message(&payload).unwrap().contains("delta"));
    let mut desired = payload;
    desired[0] = 12;
    assert_eq!(message(&desired), Err(DecodeError::Malformed("state")));
}

#[test]
fn an_answer_that_does_not_fit_says_what_it_needs() {
    let mut scratch = Document::<32>::new();
    let mut payload = bytes("0B A2 01 82 01 01 03 A1 61 61 78 64");
    payload.extend([b'x'; 100]);
    let read = device().decode("t/lamp/d", &payload, Wanted::Sections, scratch.as_mut());
    let shortage = read.unwrap_err().capacity().unwrap();
    assert!(shortage.needed > 100 && shortage.capacity <= 32);
}
