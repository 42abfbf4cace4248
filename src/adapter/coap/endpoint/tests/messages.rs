//! RFC 7252 §4.2, §4.3, §5.4.1: what is answered to what can not be understood.

use super::*;

/// An endpoint of both roles.
type Both = Endpoint<u8, 128, 2, 2, 2>;

#[test]
fn what_can_not_be_understood_is_reset_if_confirmable_and_else_ignored() {
    // The rest of a message after its first two bytes, and whether that is a format error.
    let cases: &[(u8, Code, &[u8])] = &[
        (9, Code::GET, b"123456789"),
        (4, Code::GET, b"123"),
        (0, Code::GET, b"\xff"),
        (0, Code::GET, b"\xf0"),
        (0, Code::GET, b"\xb2a"),
        (0, Code::EMPTY, b"x"),
        (1, Code::EMPTY, b"x"),
        // Reserved classes.
        (0, Code::new(0x21), b""),
        (0, Code::new(0xC0), b""),
        (0, Code::new(0xE1), b""),
    ];
    for (kind, bits) in [
        (Type::Confirmable, 0),
        (Type::NonConfirmable, 1),
        (Type::Acknowledgement, 2),
        (Type::Reset, 3),
    ] {
        for (token_len, code, rest) in cases {
            let mut endpoint = Both::new(EXACT);
            let first = 0x40 | bits << 4 | token_len;
            let datagram = [&[first, code.as_u8(), 0xAB, 0xCD][..], rest].concat();
            assert_eq!(endpoint.handle_datagram(at(0), DEVICE, &datagram), None);
            let reset = message(Type::Reset, Code::EMPTY, 0xABCD, &[]);
            let expected = (kind == Type::Confirmable).then_some((DEVICE, reset));
            assert_eq!(send(&mut endpoint, at(0)), expected, "{datagram:x?}");
            assert_eq!(endpoint.counters().malformed, 1);
        }
    }
}

#[test]
fn another_version_and_too_short_a_datagram_are_ignored() {
    let mut endpoint = Both::new(EXACT);
    for datagram in [
        &b""[..],
        b"\x40\x01\x00",
        b"\x80\x01\x00\x00",
        b"\x00\x01\x00\x00",
    ] {
        assert_eq!(endpoint.handle_datagram(at(0), DEVICE, datagram), None);
        assert_eq!(send(&mut endpoint, at(0)), None);
    }
    assert_eq!(endpoint.counters().malformed, 4);
}

#[test]
fn codes_that_do_not_go_with_their_type_are_ignored() {
    let mut endpoint = Both::new(EXACT);
    for (kind, code) in [
        (Type::Acknowledgement, Code::GET),
        (Type::Reset, Code::GET),
        (Type::Reset, Code::CONTENT),
        (Type::NonConfirmable, Code::EMPTY),
        (Type::Acknowledgement, Code::CONTENT),
    ] {
        let datagram = message(kind, code, 3, &[]);
        assert_eq!(endpoint.handle_datagram(at(0), DEVICE, &datagram), None);
        assert_eq!(send(&mut endpoint, at(0)), None, "{kind:?} {code}");
    }
}

#[test]
fn a_ping_is_answered_by_a_reset() {
    let mut endpoint = Both::new(EXACT);
    let ping = message(Type::Confirmable, Code::EMPTY, 9, &[]);
    assert_eq!(endpoint.handle_datagram(at(0), DEVICE, &ping), None);
    let pong = message(Type::Reset, Code::EMPTY, 9, &[]);
    assert_eq!(send(&mut endpoint, at(0)), Some((DEVICE, pong)));
}

#[test]
fn a_critical_option_that_is_not_right_is_answered_by_4_02() {
    let cases: [(u16, &[u8], Code); 5] = [
        (9, b"", Code::BAD_OPTION),
        (option::URI_PATH, &[b'a'; 200], Code::EMPTY),
        (option::IF_NONE_MATCH, b"x", Code::BAD_OPTION),
        (option::PROXY_URI, b"coap://x", Code::PROXYING_NOT_SUPPORTED),
        (option::PROXY_SCHEME, b"coap", Code::PROXYING_NOT_SUPPORTED),
    ];
    for (number, value, code) in cases {
        for kind in [Type::Confirmable, Type::NonConfirmable] {
            let mut endpoint = Both::new(EXACT);
            let request = with(kind, Code::GET, 5, b"tok", |writer| {
                writer.option(number, value);
            });
            let open = exchange(&mut endpoint, at(0), DEVICE, &request);
            assert_eq!(open.is_some(), code == Code::EMPTY);
            let refusal = message(Type::Acknowledgement, code, 5, b"tok");
            let expected =
                (kind == Type::Confirmable && open.is_none()).then_some((DEVICE, refusal));
            assert_eq!(send(&mut endpoint, at(0)), expected, "{number}");
        }
    }
}

#[test]
fn a_response_with_an_unknown_critical_option_is_rejected() {
    let mut client = client();
    get(&mut client, at(0));
    let request = bytes(&mut client, at(0));
    let answer = with(
        Type::Confirmable,
        Code::CONTENT,
        5,
        &token(&request),
        |writer| {
            writer.option(9, b"");
        },
    );
    assert_eq!(client.handle_datagram(at(0), HUB, &answer), None);
    let reset = message(Type::Reset, Code::EMPTY, 5, &[]);
    assert_eq!(send(&mut client, at(0)), Some((HUB, reset)));
    assert_eq!(
        client.poll_timeout(),
        Some(at(2_000)),
        "the request goes on"
    );
}

#[test]
fn a_role_that_is_not_there_answers_by_a_reset() {
    let mut client = client();
    let request = message(Type::Confirmable, Code::GET, 5, b"t");
    assert_eq!(client.handle_datagram(at(0), DEVICE, &request), None);
    let reset = message(Type::Reset, Code::EMPTY, 5, &[]);
    assert_eq!(send(&mut client, at(0)), Some((DEVICE, reset.clone())));
    let mut server = server();
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let response = message(kind, Code::CONTENT, 5, b"t");
        assert_eq!(server.handle_datagram(at(0), DEVICE, &response), None);
        assert_eq!(send(&mut server, at(0)), Some((DEVICE, reset.clone())));
    }
}

#[test]
fn one_reply_too_many_is_lost_and_counted() {
    let mut endpoint = Both::new(EXACT);
    for id in 0..6 {
        let ping = message(Type::Confirmable, Code::EMPTY, id, &[]);
        assert_eq!(endpoint.handle_datagram(at(0), DEVICE, &ping), None);
    }
    let mut sent = 0;
    while send(&mut endpoint, at(0)).is_some() {
        sent += 1;
    }
    assert_eq!((sent, endpoint.counters().lost), (4, 2));
}

#[test]
fn an_endpoint_takes_little_besides_its_places() {
    // An IPv4 address and a port, as on a device.
    type Peer = [u8; 6];
    let client = size_of::<Client<Peer, 256, 2>>();
    assert!(client <= 2 * 256 + 512, "{client}");
    let one_answer = size_of::<Server<Peer, 256, 9, 0>>() - size_of::<Server<Peer, 256, 8, 0>>();
    assert!(one_answer <= 256 + 80, "{one_answer}");
    let one_observer = size_of::<Server<Peer, 256, 8, 9>>() - size_of::<Server<Peer, 256, 8, 8>>();
    assert!(one_observer <= 48, "{one_observer}");
}
