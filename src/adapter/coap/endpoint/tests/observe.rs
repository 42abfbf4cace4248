//! RFC 7641: registration, notifications, and how an observation ends.

use alloc::vec::Vec;

use super::*;
use crate::adapter::coap::endpoint::{NotifyError, ObserveError, Observer};

/// What the tests observe.
const HEAT: u32 = 7;

fn observation(kind: Type, id: u16, token: &[u8]) -> Vec<u8> {
    with(kind, Code::GET, id, token, |writer| {
        writer.option_uint(option::OBSERVE, 0);
        writer.option(option::URI_PATH, b"a");
    })
}

/// Registers a peer; returns the number in the answer.
fn register(server: &mut Server<u8, 128, 4, 2>, now: Instant, peer: u8, id: u16) -> u32 {
    let request = observation(Type::Confirmable, id, &[peer]);
    let open = exchange(server, now, peer, &request).unwrap();
    let number = server.observe(now, open, HEAT).unwrap();
    let done = server.respond(now, open, |writer| {
        writer.code(Code::CONTENT);
        writer.option_uint(option::OBSERVE, number);
    });
    assert_eq!(done, Ok(()));
    bytes(server, now);
    number
}

fn notify(server: &mut Server<u8, 128, 4, 2>, now: Instant, observer: Observer, payload: &[u8]) {
    let done = server.notify(now, observer, |writer, number| {
        writer.code(Code::CONTENT);
        writer.option_uint(option::OBSERVE, number);
        writer.payload(payload);
    });
    assert_eq!(done, Ok(()));
}

/// Notifies whoever is to be notified, and returns what is sent.
fn news(server: &mut Server<u8, 128, 4, 2>, now: Instant, payload: &[u8]) -> Vec<(u8, Vec<u8>)> {
    while let Some(next) = server.poll_notify(now) {
        notify(server, now, next.observer, payload);
    }
    let mut sent = Vec::new();
    while let Some(datagram) = send(server, now) {
        sent.push(datagram);
    }
    sent
}

fn acknowledge(server: &mut Server<u8, 128, 4, 2>, now: Instant, peer: u8, bytes: &[u8]) {
    let ack = message(Type::Acknowledgement, Code::EMPTY, head(bytes).2, &[]);
    assert_eq!(server.handle_datagram(now, peer, &ack), None);
}

#[test]
fn every_observer_hears_of_a_change_once() {
    let mut server = server();
    let first = register(&mut server, at(0), DEVICE, 1);
    register(&mut server, at(0), STRANGER, 1);
    assert_eq!(server.observers(), 2);
    server.changed(HEAT + 1);
    assert!(server.poll_notify(at(0)).is_none(), "another resource");
    server.changed(HEAT);
    assert_eq!(
        server.poll_timeout(),
        Some(Instant::ZERO),
        "someone is to be notified"
    );
    let sent = news(&mut server, at(1_000), b"25");
    assert_eq!(sent.len(), 2);
    for (peer, bytes) in &sent {
        let message = Message::parse(bytes).unwrap();
        assert_eq!(
            (message.kind(), message.token()),
            (Type::Confirmable, &[*peer][..])
        );
        assert!(message.option_uint(option::OBSERVE).unwrap() > first);
        assert_eq!(message.payload(), b"25");
        acknowledge(&mut server, at(1_100), *peer, bytes);
    }
    assert_eq!(
        (news(&mut server, at(1_200), b"25"), server.poll_timeout()),
        (Vec::new(), None)
    );
}

#[test]
fn changes_while_a_notification_is_under_way_become_one() {
    let mut server = server();
    register(&mut server, at(0), DEVICE, 1);
    server.changed(HEAT);
    let first = news(&mut server, at(0), b"1");
    for _ in 0..4 {
        server.changed(HEAT);
        server.changed(HEAT + 1);
        assert_eq!(news(&mut server, at(500), b"2"), [], "one at a time");
    }
    acknowledge(&mut server, at(600), DEVICE, &first[0].1);
    let second = news(&mut server, at(600), b"4");
    assert_eq!(second.len(), 1);
    assert_eq!(Message::parse(&second[0].1).unwrap().payload(), b"4");
    acknowledge(&mut server, at(700), DEVICE, &second[0].1);
    assert_eq!(server.poll_timeout(), None);
}

#[test]
fn a_notification_that_is_sent_again_is_replaced_by_the_present_state() {
    let mut server = server();
    register(&mut server, at(0), DEVICE, 1);
    server.changed(HEAT);
    let first = news(&mut server, at(0), b"1");
    server.changed(HEAT);
    let mut times = Vec::new();
    let mut now = at(0);
    let mut last = first[0].1.clone();
    // Nobody acknowledges: the transmissions of old and new are counted together.
    loop {
        if server.poll_event(now)
            == Some(Event::ObserverGone {
                peer: DEVICE,
                resource: HEAT,
            })
        {
            break;
        }
        for (_, bytes) in news(&mut server, now, b"2") {
            times.push(now.as_millis());
            let message = Message::parse(&bytes).unwrap();
            assert_eq!(message.payload(), b"2");
            if times.len() == 1 {
                assert_ne!(head(&bytes).2, head(&last).2, "another message, another id");
            } else {
                assert_eq!(bytes, last);
            }
            last = bytes;
        }
        now = server.poll_timeout().unwrap();
    }
    assert_eq!(
        (times, now),
        (Vec::from([2_000, 6_000, 14_000, 30_000]), at(62_000))
    );
    assert_eq!((server.observers(), server.poll_timeout()), (0, None));
}

#[test]
fn a_reset_ends_an_observation_confirmable_or_not() {
    for config in [
        EXACT,
        EXACT.with_confirmation(0, Duration::from_secs(86_400)),
    ] {
        let mut server = Server::<u8, 128, 4, 2>::new(config);
        register(&mut server, at(0), DEVICE, 1);
        register(&mut server, at(0), STRANGER, 1);
        server.changed(HEAT);
        let sent = news(&mut server, at(0), b"1");
        let (_, to_device) = &sent[0];
        let reset = message(Type::Reset, Code::EMPTY, head(to_device).2, &[]);
        assert_eq!(
            server.handle_datagram(at(1), STRANGER, &reset),
            None,
            "not the stranger's"
        );
        assert_eq!(
            server.handle_datagram(at(1), DEVICE, &reset),
            Some(Event::ObserverGone {
                peer: DEVICE,
                resource: HEAT
            })
        );
        assert_eq!(server.observers(), 1);
    }
}

#[test]
fn an_observer_leaves_by_a_get_with_observe_1_and_comes_back_in_its_own_place() {
    let mut server = server();
    register(&mut server, at(0), DEVICE, 1);
    register(&mut server, at(0), DEVICE, 2);
    assert_eq!(server.observers(), 1, "the same peer and token");
    let leave = with(Type::Confirmable, Code::GET, 3, &[DEVICE], |writer| {
        writer.option_uint(option::OBSERVE, 1);
        writer.option(option::URI_PATH, b"a");
    });
    // The same from another peer, or under another token, is none of its business.
    assert!(exchange(&mut server, at(0), STRANGER, &leave).is_some());
    assert_eq!(server.observers(), 1);
    let open = exchange(&mut server, at(0), DEVICE, &leave).unwrap();
    assert_eq!(server.observers(), 0);
    assert_eq!(
        server.observe(at(0), open, HEAT),
        Err(ObserveError::NotAsked)
    );
}

#[test]
fn one_observer_too_many_is_answered_without_being_registered() {
    let mut server = server();
    register(&mut server, at(0), DEVICE, 1);
    register(&mut server, at(0), STRANGER, 1);
    let request = observation(Type::Confirmable, 1, b"x");
    let open = exchange(&mut server, at(0), 77, &request).unwrap();
    assert_eq!(server.observe(at(0), open, HEAT), Err(ObserveError::Full));
    content(&mut server, at(0), open, b"1");
    assert_eq!(server.observers(), 2);
    assert_eq!(server.observe(at(0), open, HEAT), Err(ObserveError::Gone));
}

#[test]
fn an_answer_that_is_an_error_takes_the_asker_off_the_observers() {
    let mut server = server();
    register(&mut server, at(0), DEVICE, 1);
    let request = observation(Type::Confirmable, 2, &[DEVICE]);
    let open = exchange(&mut server, at(0), DEVICE, &request).unwrap();
    let number = server.observe(at(0), open, HEAT).unwrap();
    let done = server.respond(at(0), open, |writer| {
        writer.code(Code::NOT_FOUND);
        writer.option_uint(option::OBSERVE, number);
    });
    assert_eq!((done, server.observers()), (Ok(()), 0));
}

#[test]
fn a_last_notification_says_that_the_resource_is_gone() {
    let mut server = server();
    register(&mut server, at(0), DEVICE, 1);
    server.changed(HEAT);
    let next = server.poll_notify(at(0)).unwrap();
    let done = server.notify(at(0), next.observer, |writer, _| {
        writer.code(Code::NOT_FOUND);
    });
    assert_eq!((done, server.observers()), (Ok(()), 0));
    let last = bytes(&mut server, at(0));
    assert_eq!(head(&last).1, Code::NOT_FOUND);
    assert_eq!(
        bytes(&mut server, at(2_000)),
        last,
        "and is sent until it is heard"
    );
    let again = server.notify(at(0), next.observer, |_, _| {});
    assert_eq!(again, Err(NotifyError::Gone));
}

#[test]
fn a_notification_that_can_not_be_written_is_due_still() {
    let mut server = server();
    register(&mut server, at(0), DEVICE, 1);
    server.changed(HEAT);
    let next = server.poll_notify(at(0)).unwrap();
    let long = server.notify(at(0), next.observer, |writer, _| {
        writer.code(Code::CONTENT);
        writer.payload(&[0; 200]);
    });
    assert!(matches!(long, Err(NotifyError::Message(_))));
    let wrong = server.notify(at(0), next.observer, |_, _| {});
    assert_eq!(wrong, Err(NotifyError::NotAResponse));
    assert_eq!(send(&mut server, at(0)), None);
    assert_eq!(news(&mut server, at(0), b"1").len(), 1);
}

#[test]
fn every_third_notification_and_one_a_day_is_confirmable() {
    let config = EXACT.with_confirmation(3, Duration::from_secs(86_400));
    let mut server = Server::<u8, 128, 4, 2>::new(config);
    register(&mut server, at(0), DEVICE, 1);
    let mut kinds = Vec::new();
    for round in 1..=7 {
        server.changed(HEAT);
        let sent = news(&mut server, at(round * 1_000), b"1");
        acknowledge(&mut server, at(round * 1_000), DEVICE, &sent[0].1);
        kinds.push(head(&sent[0].1).0 == Type::Confirmable);
    }
    assert_eq!(kinds, [false, false, true, false, false, true, false]);
    server.changed(HEAT);
    let sent = news(&mut server, at(6_000 + 86_400_000), b"1");
    assert_eq!(
        head(&sent[0].1).0,
        Type::Confirmable,
        "a day after the last"
    );
}

/// A client that observes, and the token it does it under.
fn observing() -> (Client<u8, 128, 4>, RequestHandle, Vec<u8>) {
    let mut client = client();
    let asked = client.request(at(0), HUB, Reliability::Confirmable, |writer| {
        writer.code(Code::GET);
        writer.option_uint(option::OBSERVE, 0);
        writer.option(option::URI_PATH, b"a");
    });
    let request = bytes(&mut client, at(0));
    let token = token(&request);
    let answer = notification(Type::Acknowledgement, head(&request).2, &token, 10);
    let event = client.handle_datagram(at(0), HUB, &answer);
    assert_eq!(response(event), (asked.unwrap(), &b"x"[..], true));
    (client, asked.unwrap(), token)
}

fn notification(kind: Type, id: u16, token: &[u8], number: u32) -> Vec<u8> {
    with(kind, Code::CONTENT, id, token, |writer| {
        writer.option_uint(option::OBSERVE, number);
        writer.payload(b"x");
    })
}

#[test]
fn a_notification_that_was_overtaken_is_acknowledged_and_dropped() {
    let (mut client, asked, token) = observing();
    let mut hear = |millis, id, number| {
        let datagram = notification(Type::Confirmable, id, &token, number);
        let event = client.handle_datagram(at(millis), HUB, &datagram);
        let heard = event.map(|event| response(Some(event)).0);
        let acknowledgement = message(Type::Acknowledgement, Code::EMPTY, id, &[]);
        assert_eq!(bytes(&mut client, at(millis)), acknowledgement);
        assert!(heard.is_none_or(|heard| heard == asked));
        heard.is_some()
    };
    assert!(hear(1_000, 1, 12));
    assert!(!hear(1_100, 2, 11), "older");
    assert!(!hear(1_200, 1, 12), "the same again");
    assert!(
        !hear(1_300, 3, 12 + (1 << 23)),
        "half way around is not newer"
    );
    assert!(hear(1_400, 4, 13));
    assert!(!hear(129_400, 5, 5), "128 s are not more than 128 s");
    assert!(hear(129_401, 6, 5), "after 128 s anything is newer");
    assert!(hear(129_500, 7, 4 + (1 << 23)));
    assert!(hear(129_600, 8, (1 << 24) - 1), "and on");
    assert!(hear(129_700, 9, 0), "around the end of 24 bits");
    assert_eq!(client.counters().stale, 4);
}

#[test]
fn an_observation_that_falls_silent_is_asked_for_again() {
    let (mut client, asked, token) = observing();
    // Max-Age is 60 s where it is not said, and 5 to 15 s are added.
    let renewal = client.poll_timeout().unwrap();
    assert!((at(65_000)..=at(75_000)).contains(&renewal));
    let again = bytes(&mut client, renewal);
    let message = Message::parse(&again).unwrap();
    assert_eq!((message.code(), message.token()), (Code::GET, &token[..]));
    assert_eq!(message.option_uint(option::OBSERVE), Some(0));
    // The hub was restarted, its numbers begin again: its answer counts all the same.
    let id = message.id();
    let answer = with(Type::Acknowledgement, Code::CONTENT, id, &token, |writer| {
        writer.option_uint(option::OBSERVE, 1);
        writer.option_uint(option::MAX_AGE, 600);
    });
    let later = renewal + Duration::from_millis(100);
    assert_eq!(
        response(client.handle_datagram(later, HUB, &answer)),
        (asked, &b""[..], true)
    );
    let next = client.poll_timeout().unwrap().saturating_since(later);
    assert!((605_000..=615_000).contains(&next.as_millis()), "{next}");
}

#[test]
fn an_observation_whose_server_is_gone_ends_in_a_time_out() {
    let (mut client, asked, _) = observing();
    let mut sent = 0;
    let end = loop {
        let now = client.poll_timeout().unwrap();
        while send(&mut client, now).is_some() {
            sent += 1;
        }
        if let Some(event) = client.poll_event(now) {
            let request = asked;
            assert_eq!(event, Event::TimedOut { peer: HUB, request });
            break now;
        }
    };
    assert_eq!(sent, 5);
    assert!((at(65_000 + 62_000)..=at(75_000 + 62_000)).contains(&end));
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn a_response_without_observe_or_an_error_ends_an_observation() {
    for (code, number) in [(Code::CONTENT, None), (Code::NOT_FOUND, Some(11))] {
        let (mut client, asked, token) = observing();
        let last = with(Type::NonConfirmable, code, 5, &token, |writer| {
            if let Some(number) = number {
                writer.option_uint(option::OBSERVE, number);
            }
        });
        let event = client.handle_datagram(at(1), HUB, &last);
        assert_eq!(response(event), (asked, &b""[..], false));
        assert_eq!(client.poll_timeout(), None);
    }
}

#[test]
fn notifications_of_a_forgotten_observation_are_reset() {
    let (mut client, asked, token) = observing();
    assert!(client.cancel(asked));
    for kind in [Type::Confirmable, Type::NonConfirmable] {
        let datagram = notification(kind, 5, &token, 11);
        assert_eq!(client.handle_datagram(at(1), HUB, &datagram), None);
        let reset = message(Type::Reset, Code::EMPTY, 5, &[]);
        assert_eq!(send(&mut client, at(1)), Some((HUB, reset)));
    }
}

#[test]
fn a_notification_while_the_registration_is_renewed_does_not_answer_it() {
    let (mut client, _, token) = observing();
    let renewal = client.poll_timeout().unwrap();
    bytes(&mut client, renewal);
    let datagram = notification(Type::NonConfirmable, 5, &token, 11);
    let event = client.handle_datagram(renewal, HUB, &datagram);
    assert!(response(event).2);
    assert_eq!(
        client.poll_timeout(),
        Some(renewal + Duration::from_secs(2)),
        "sent again"
    );
}

#[test]
fn a_registration_is_renewed_when_nothing_else_is_outstanding() {
    let (mut client, _, token_of_first) = observing();
    let renewal = client.poll_timeout().unwrap();
    get(&mut client, renewal);
    let other = bytes(&mut client, renewal);
    assert_ne!(token(&other), token_of_first);
    assert_eq!(send(&mut client, renewal), None, "one at a time");
    assert_eq!(
        client.poll_timeout(),
        Some(renewal + Duration::from_secs(2))
    );
    let answer = message(
        Type::Acknowledgement,
        Code::CONTENT,
        head(&other).2,
        &token(&other),
    );
    response(client.handle_datagram(renewal, HUB, &answer));
    assert_eq!(client.poll_timeout(), Some(renewal), "now it may");
    assert_eq!(token(&bytes(&mut client, renewal)), token_of_first);
}

#[test]
fn a_server_that_does_not_observe_answers_once() {
    let mut client = client();
    let asked = client.request(at(0), HUB, Reliability::Confirmable, |writer| {
        writer.code(Code::GET);
        writer.option_uint(option::OBSERVE, 0);
    });
    let request = bytes(&mut client, at(0));
    let answer = message(
        Type::Acknowledgement,
        Code::CONTENT,
        head(&request).2,
        &token(&request),
    );
    let event = client.handle_datagram(at(0), HUB, &answer);
    assert_eq!(response(event), (asked.unwrap(), &b""[..], false));
    assert_eq!(client.poll_timeout(), None);
}

#[test]
fn a_notification_is_not_sent_again_to_an_observer_that_was_forgotten() {
    let mut server = server();
    register(&mut server, at(0), DEVICE, 1);
    register(&mut server, at(0), STRANGER, 1);
    server.changed(HEAT);
    assert_eq!(news(&mut server, at(0), b"1").len(), 2);
    server.forget(HEAT);
    assert_eq!(server.observers(), 0);
    // Nobody acknowledges; two seconds later it would be sent again, and so on.
    for second in [2, 6, 14, 30, 62] {
        assert_eq!(send(&mut server, at(second * 1_000)), None);
        assert_eq!(server.poll_event(at(second * 1_000)), None);
    }
}
