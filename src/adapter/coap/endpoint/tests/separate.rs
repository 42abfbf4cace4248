//! RFC 7252 §4.5, §5.2: duplicates, answers that come by themselves, and who may give them.

use super::*;
use crate::adapter::coap::WriteError;
use crate::adapter::coap::endpoint::RespondError;

#[test]
fn an_answer_goes_with_the_acknowledgement() {
    let (mut client, mut server) = (client(), server());
    let asked = get(&mut client, at(0));
    let request = bytes(&mut client, at(0));
    let open = exchange(&mut server, at(10), DEVICE, &request).unwrap();
    content(&mut server, at(20), open, b"22.3 C");
    let answer = bytes(&mut server, at(20));
    assert_eq!(
        head(&answer),
        (Type::Acknowledgement, Code::CONTENT, head(&request).2)
    );
    assert_eq!(token(&answer), token(&request));
    let event = client.handle_datagram(at(30), HUB, &answer);
    assert_eq!(response(event), (asked, &b"22.3 C"[..], false));
    assert_eq!((client.poll_timeout(), server.poll_timeout()), (None, None));
    assert_eq!(
        server.respond(at(40), open, |_| {}),
        Err(RespondError::Gone),
        "answered is answered"
    );
}

#[test]
fn a_request_that_comes_again_gets_the_same_answer_and_is_carried_out_once() {
    let mut server = server();
    let request = message(Type::Confirmable, Code::POST, 7, b"t");
    let open = exchange(&mut server, at(0), DEVICE, &request).unwrap();
    // Before the answer: not a word, it is coming.
    assert_eq!(exchange(&mut server, at(100), DEVICE, &request), None);
    assert_eq!(send(&mut server, at(100)), None);
    content(&mut server, at(200), open, b"done");
    let answer = bytes(&mut server, at(200));
    for now in [300, 2_000, 231_999] {
        assert_eq!(exchange(&mut server, at(now), DEVICE, &request), None);
        assert_eq!(bytes(&mut server, at(now)), answer, "at {now}");
        assert_eq!(send(&mut server, at(now)), None);
    }
    assert_eq!(server.counters().duplicate, 4);
    // The same id of another peer is another request, and so is the same after a lifetime.
    assert!(exchange(&mut server, at(300), STRANGER, &request).is_some());
    assert!(exchange(&mut server, at(232_000), DEVICE, &request).is_some());
}

#[test]
fn a_request_without_reliability_is_answered_likewise_and_once() {
    let mut server = server();
    let request = message(Type::NonConfirmable, Code::GET, 7, b"t");
    let open = exchange(&mut server, at(0), DEVICE, &request).unwrap();
    assert_eq!(server.poll_timeout(), None, "no acknowledgement to send");
    content(&mut server, at(0), open, b"x");
    let answer = bytes(&mut server, at(0));
    assert_eq!(head(&answer).0, Type::NonConfirmable);
    assert_eq!(token(&answer), b"t");
    assert_eq!(exchange(&mut server, at(1), DEVICE, &request), None);
    assert_eq!(
        send(&mut server, at(1)),
        None,
        "silently ignored (RFC 7252 §4.5)"
    );
    assert!(exchange(&mut server, at(130_000), DEVICE, &request).is_some());
}

#[test]
fn an_answer_that_takes_its_time_is_promised_and_comes_by_itself() {
    let (mut client, mut server) = (client(), server());
    let asked = get(&mut client, at(0));
    let request = bytes(&mut client, at(0));
    let open = exchange(&mut server, at(10), DEVICE, &request).unwrap();
    assert_eq!(server.poll_timeout(), Some(at(1_010)));
    assert_eq!(send(&mut server, at(1_009)), None);
    let promise = bytes(&mut server, at(1_010));
    assert_eq!(
        promise,
        message(Type::Acknowledgement, Code::EMPTY, head(&request).2, &[])
    );
    assert_eq!(client.handle_datagram(at(1_020), HUB, &promise), None);
    assert_eq!(
        client.poll_timeout(),
        Some(at(146_020)),
        "no more retransmission, a longer wait"
    );

    content(&mut server, at(9_000), open, b"22.3 C");
    let answer = bytes(&mut server, at(9_000));
    let (kind, code, id) = head(&answer);
    assert_eq!((kind, code), (Type::Confirmable, Code::CONTENT));
    // Lost, and sent again.
    assert_eq!(server.poll_timeout(), Some(at(11_000)));
    assert_eq!(bytes(&mut server, at(11_000)), answer);
    let event = client.handle_datagram(at(11_010), HUB, &answer);
    assert_eq!(response(event), (asked, &b"22.3 C"[..], false));
    let acknowledgement = bytes(&mut client, at(11_010));
    assert_eq!(
        acknowledgement,
        message(Type::Acknowledgement, Code::EMPTY, id, &[])
    );
    // The acknowledgement was lost: the answer comes again, and is acknowledged again, no more.
    assert_eq!(bytes(&mut server, at(15_000)), answer);
    assert_eq!(client.handle_datagram(at(15_010), HUB, &answer), None);
    assert_eq!(bytes(&mut client, at(15_010)), acknowledgement);
    assert_eq!(
        server.handle_datagram(at(15_020), DEVICE, &acknowledgement),
        None
    );
    assert_eq!((client.poll_timeout(), server.poll_timeout()), (None, None));
    assert_eq!(client.counters().duplicate, 1);
    // A request that comes again now was answered.
    assert_eq!(exchange(&mut server, at(15_030), DEVICE, &request), None);
    assert_eq!(bytes(&mut server, at(15_030)), promise);
}

#[test]
fn an_answer_may_overtake_its_acknowledgement() {
    let mut client = client();
    let asked = get(&mut client, at(0));
    let request = bytes(&mut client, at(0));
    let answer = message(Type::Confirmable, Code::CHANGED, 99, &token(&request));
    let event = client.handle_datagram(at(1), HUB, &answer);
    assert_eq!(response(event), (asked, &b""[..], false));
    let late = message(Type::Acknowledgement, Code::EMPTY, head(&request).2, &[]);
    assert_eq!(client.handle_datagram(at(2), HUB, &late), None);
    assert_eq!(
        bytes(&mut client, at(2)),
        message(Type::Acknowledgement, Code::EMPTY, 99, &[])
    );
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn a_promise_that_is_not_kept_ends_in_a_time_out() {
    let mut client = client();
    let asked = get(&mut client, at(0));
    let (_, _, id) = head(&bytes(&mut client, at(0)));
    client.handle_datagram(
        at(500),
        HUB,
        &message(Type::Acknowledgement, Code::EMPTY, id, &[]),
    );
    assert_eq!(send(&mut client, at(100_000)), None);
    assert_eq!(
        client.poll_event(at(145_500)),
        Some(Event::TimedOut {
            peer: HUB,
            request: asked
        })
    );
}

#[test]
fn only_the_peer_that_was_asked_can_answer_and_only_what_was_asked() {
    let mut client = client();
    get(&mut client, at(0));
    let request = bytes(&mut client, at(0));
    let (_, _, id) = head(&request);
    let token = token(&request);
    let right = message(Type::Acknowledgement, Code::CONTENT, id, &token);
    let cases = [
        (STRANGER, right.clone()),
        (
            HUB,
            message(
                Type::Acknowledgement,
                Code::CONTENT,
                id.wrapping_add(1),
                &token,
            ),
        ),
        (
            HUB,
            message(Type::Acknowledgement, Code::CONTENT, id, &token[..3]),
        ),
        (HUB, message(Type::Acknowledgement, Code::CONTENT, id, b"")),
        (
            HUB,
            message(Type::Acknowledgement, Code::CONTENT, id, b"12345678"),
        ),
        (
            STRANGER,
            message(Type::Acknowledgement, Code::EMPTY, id, &[]),
        ),
    ];
    for (peer, datagram) in &cases {
        assert_eq!(client.handle_datagram(at(1), *peer, datagram), None);
        assert_eq!(
            send(&mut client, at(1)),
            None,
            "an acknowledgement is never answered"
        );
    }
    assert_eq!(client.counters().unexpected, 6);
    // In messages of their own they are rejected (RFC 7252 §4.2, §4.3).
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let forged = message(kind, Code::CONTENT, 4, &token);
        assert_eq!(client.handle_datagram(at(1), STRANGER, &forged), None);
        let reset = message(Type::Reset, Code::EMPTY, 4, &[]);
        assert_eq!(send(&mut client, at(1)), Some((STRANGER, reset)));
    }
    response(client.handle_datagram(at(2), HUB, &right));
}

#[test]
fn an_answer_that_can_not_be_written_leaves_the_request_open() {
    let mut server = server();
    let request = message(Type::Confirmable, Code::GET, 7, b"t");
    let open = exchange(&mut server, at(0), DEVICE, &request).unwrap();
    let long = server.respond(at(0), open, |writer| {
        writer.code(Code::CONTENT);
        writer.payload(&[0; 128]);
    });
    assert!(matches!(
        long,
        Err(RespondError::Message(WriteError::BufferTooSmall(_)))
    ));
    let wrong = server.respond(at(0), open, |writer| writer.code(Code::GET));
    assert_eq!(wrong, Err(RespondError::NotAResponse));
    assert_eq!(send(&mut server, at(0)), None);
    content(&mut server, at(0), open, b"short");
    assert_eq!(head(&bytes(&mut server, at(0))).1, Code::CONTENT);
}

#[test]
fn places_for_answers_are_taken_from_the_same_peer_first_and_never_from_the_unanswered() {
    let mut server = server();
    let ask = |server: &mut Server<u8, 128, 4, 2>, peer, id| {
        let request = message(Type::Confirmable, Code::POST, id, b"t");
        exchange(server, at(u64::from(id)), peer, &request)
    };
    for (peer, id) in [(STRANGER, 1), (DEVICE, 2), (DEVICE, 3), (DEVICE, 4)] {
        let open = ask(&mut server, peer, id).unwrap();
        content(&mut server, at(u64::from(id)), open, b"x");
        bytes(&mut server, at(u64::from(id)));
    }
    // All four places are taken; the device's oldest goes, the stranger's stays.
    let fifth = ask(&mut server, DEVICE, 5).unwrap();
    assert_eq!(ask(&mut server, STRANGER, 1), None, "kept");
    bytes(&mut server, at(5));
    assert_eq!(ask(&mut server, DEVICE, 3), None, "kept");
    bytes(&mut server, at(5));
    // A third peer takes the oldest of all, which is the stranger's.
    assert!(ask(&mut server, 77, 6).is_some());
    assert!(
        ask(&mut server, STRANGER, 1).is_some(),
        "forgotten, and in the place of id 3"
    );
    assert!(ask(&mut server, 78, 7).is_some(), "in the place of id 4");
    // Now all four wait for their answer.
    assert_eq!(ask(&mut server, 79, 8), None);
    let refusal = message(Type::Acknowledgement, Code::SERVICE_UNAVAILABLE, 8, b"t");
    assert_eq!(send(&mut server, at(8)), Some((79, refusal)));
    assert_eq!(server.counters().refused, 1);
    content(&mut server, at(9), fifth, b"still there");
}

#[test]
fn a_request_that_is_never_answered_gives_its_place_back() {
    let mut server = Server::<u8, 128, 1, 0>::new(EXACT);
    let request = message(Type::Confirmable, Code::GET, 7, b"t");
    let open = exchange(&mut server, at(0), DEVICE, &request).unwrap();
    bytes(&mut server, at(1_000));
    let other = message(Type::Confirmable, Code::GET, 8, b"t");
    assert_eq!(exchange(&mut server, at(231_000), STRANGER, &other), None);
    bytes(&mut server, at(231_000));
    assert!(exchange(&mut server, at(232_000), STRANGER, &other).is_some());
    assert_eq!(
        server.respond(at(232_000), open, |_| {}),
        Err(RespondError::Gone)
    );
}
