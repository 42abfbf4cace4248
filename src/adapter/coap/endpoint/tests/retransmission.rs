//! RFC 7252 §4.2, §4.7, §4.8: what is sent again, when, and how much at once.

use alloc::vec::Vec;

use super::*;
use crate::adapter::coap::endpoint::RequestError;

#[test]
fn a_confirmable_request_is_sent_five_times_and_given_up() {
    let mut client = client();
    let asked = get(&mut client, at(1_000));
    let mut times = Vec::new();
    let mut seen = Vec::new();
    let mut now = at(1_000);
    let end = loop {
        while let Some((peer, bytes)) = send(&mut client, now) {
            assert_eq!(peer, HUB);
            times.push(now.as_millis());
            seen.push(bytes);
        }
        if let Some(event) = client.poll_event(now) {
            assert_eq!(
                event,
                Event::TimedOut {
                    peer: HUB,
                    request: asked
                }
            );
            break now;
        }
        let next = client.poll_timeout().expect("something to wait for");
        assert!(next > now);
        now = next;
    };
    // 0, 2, 2 + 4, 2 + 4 + 8, 2 + 4 + 8 + 16, and the end after 32 more.
    assert_eq!(times, [1_000, 3_000, 7_000, 15_000, 31_000]);
    assert_eq!(end, at(63_000));
    assert!(seen.iter().all(|bytes| *bytes == seen[0]), "the same bytes");
    assert_eq!(client.poll_timeout(), None);
    assert_eq!(send(&mut client, at(100_000)), None);
}

#[test]
fn the_first_time_out_lies_between_two_and_three_seconds_and_the_seed_decides() {
    let mut waits = Vec::new();
    for seed in 0..200 {
        let mut client = Client::<u8, 64, 4>::new(Config::new(seed));
        let asked = client.request(at(0), HUB, Reliability::Confirmable, |writer| {
            writer.code(Code::GET);
        });
        asked.unwrap();
        bytes(&mut client, at(0));
        waits.push(client.poll_timeout().unwrap().as_millis());
    }
    assert!(waits.iter().all(|wait| (2_000..=3_000).contains(wait)));
    assert!(waits.iter().any(|wait| *wait < 2_200));
    assert!(waits.iter().any(|wait| *wait > 2_800));
}

#[test]
fn the_derived_spans_are_those_of_the_rfc() {
    let config = Config::new(1);
    assert_eq!(config.max_transmit_span(), Duration::from_secs(45));
    assert_eq!(config.max_transmit_wait(), Duration::from_secs(93));
    assert_eq!(config.exchange_lifetime(), Duration::from_secs(247));
    assert_eq!(config.non_lifetime(), Duration::from_secs(145));
}

#[test]
fn a_datagram_that_was_not_reported_as_sent_stays_pending() {
    let mut client = client();
    get(&mut client, at(0));
    let first = client.poll_transmit(at(0)).unwrap().bytes().to_vec();
    assert_eq!(client.poll_transmit(at(50)).unwrap().bytes(), first);
    assert!(client.poll_timeout().unwrap() <= at(50), "due still");
    assert_eq!(bytes(&mut client, at(90)), first);
    assert_eq!(
        client.poll_timeout(),
        Some(at(2_090)),
        "the wait begins when it is sent"
    );
    assert_eq!(send(&mut client, at(2_089)), None);
}

#[test]
fn one_interaction_with_a_peer_at_a_time() {
    let mut client = client();
    let first = get(&mut client, at(0));
    let again = |client: &mut Client<u8, 128, 4>, peer| {
        client.request(at(0), peer, Reliability::NonConfirmable, |writer| {
            writer.code(Code::GET);
        })
    };
    assert_eq!(again(&mut client, HUB), Err(RequestError::Busy));
    assert!(
        again(&mut client, STRANGER).is_ok(),
        "another peer is another matter"
    );
    assert_eq!(
        again(&mut client, STRANGER),
        Err(RequestError::Busy),
        "NON counts, too"
    );
    // An acknowledgement ends it: what is awaited then is not outstanding.
    let (_, _, id) = head(&bytes(&mut client, at(0)));
    client.handle_datagram(
        at(1),
        HUB,
        &message(Type::Acknowledgement, Code::EMPTY, id, &[]),
    );
    assert!(again(&mut client, HUB).is_ok());
    assert!(client.cancel(first));
    assert!(!client.cancel(first), "only once");

    let mut two = Client::<u8, 64, 4>::new(EXACT.with_nstart(2));
    let mut ask = || {
        two.request(at(0), HUB, Reliability::Confirmable, |writer| {
            writer.code(Code::GET);
        })
    };
    assert!(ask().is_ok() && ask().is_ok());
    assert_eq!(ask(), Err(RequestError::Busy));
}

#[test]
fn a_request_that_can_not_be_kept_is_refused_before_anything_is_sent() {
    let mut client = Client::<u8, 32, 1>::new(EXACT);
    let long = client.request(at(0), HUB, Reliability::Confirmable, |writer| {
        writer.code(Code::PUT);
        writer.payload(&[0; 32]);
    });
    assert!(matches!(long, Err(RequestError::Message(_))));
    let response = client.request(at(0), HUB, Reliability::Confirmable, |writer| {
        writer.code(Code::CONTENT);
    });
    assert_eq!(response, Err(RequestError::NotARequest));
    let nothing = client.request(at(0), HUB, Reliability::Confirmable, |_| {});
    assert_eq!(nothing, Err(RequestError::NotARequest));
    assert_eq!(
        (send(&mut client, at(0)), client.poll_timeout()),
        (None, None)
    );
    let mut ask = |peer| {
        client.request(at(0), peer, Reliability::Confirmable, |writer| {
            writer.code(Code::GET);
        })
    };
    assert!(ask(HUB).is_ok());
    assert_eq!(ask(STRANGER), Err(RequestError::Full));
}

#[test]
fn a_request_without_reliability_is_sent_once_and_awaited() {
    let mut client = client();
    let asked = client.request(at(0), HUB, Reliability::NonConfirmable, |writer| {
        writer.code(Code::GET);
    });
    let sent = bytes(&mut client, at(0));
    assert_eq!(head(&sent).0, Type::NonConfirmable);
    assert_eq!(client.poll_timeout(), Some(at(145_000)));
    assert_eq!(send(&mut client, at(144_999)), None);
    assert_eq!(client.poll_event(at(144_999)), None);
    assert_eq!(
        client.poll_event(at(145_000)),
        Some(Event::TimedOut {
            peer: HUB,
            request: asked.unwrap()
        })
    );
}

#[test]
fn a_reset_ends_a_request() {
    let mut client = client();
    let asked = get(&mut client, at(0));
    let (_, _, id) = head(&bytes(&mut client, at(0)));
    let reset = message(Type::Reset, Code::EMPTY, id, &[]);
    assert_eq!(
        client.handle_datagram(at(1), STRANGER, &reset),
        None,
        "not the stranger's to say"
    );
    assert_eq!(
        client.handle_datagram(at(2), HUB, &reset),
        Some(Event::Reset {
            peer: HUB,
            request: asked
        })
    );
    assert_eq!(client.handle_datagram(at(3), HUB, &reset), None);
    assert_eq!(
        (client.poll_timeout(), client.counters().unexpected),
        (None, 2)
    );
}

#[test]
fn tokens_and_message_ids_differ_from_request_to_request_and_from_seed_to_seed() {
    let mut tokens = alloc::collections::BTreeSet::new();
    for seed in 0..4 {
        let mut client = Client::<u8, 64, 1>::new(Config::new(seed));
        let mut last = None;
        for _ in 0..1_000 {
            let asked = client.request(at(0), HUB, Reliability::Confirmable, |writer| {
                writer.code(Code::GET);
            });
            let sent = bytes(&mut client, at(0));
            assert_eq!(token(&sent), asked.unwrap().token());
            tokens.insert(token(&sent));
            let (_, _, id) = head(&sent);
            assert!(last.is_none_or(|last: u16| last.wrapping_add(1) == id));
            last = Some(id);
            assert!(client.cancel(asked.unwrap()));
        }
    }
    assert_eq!(tokens.len(), 4_000);
}
