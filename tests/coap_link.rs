//! Two CoAP endpoints over a link that loses, doubles, delays and reorders datagrams.
//!
//! Every request has one end, an answer or a time-out, and is carried out once at most. An observer
//! knows the present state soon after the link heals, whatever was lost and whoever was restarted.
#![cfg(feature = "alloc")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test: what goes wrong is to be seen"
)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use twinsync::adapter::coap::endpoint::{
    Client, Config, Endpoint, Event, Exchange, Reliability, RequestHandle, Server,
};
use twinsync::adapter::coap::{Code, option};
use twinsync::sim::{Conditions, End, Link, Random};
use twinsync::time::{Duration, Instant};

/// How each end calls the other.
const PEER: u8 = 1;

fn conditions() -> impl Strategy<Value = Conditions> {
    (
        prop_oneof![Just(0_u16), 0_u16..300, 300_u16..950],
        0_u16..300,
        0_u16..300,
        0_u64..3_000,
    )
        .prop_map(|(loss, duplication, reordering, latency)| {
            Conditions::perfect()
                .with_loss(loss)
                .with_duplication(duplication)
                .with_reordering(reordering)
                .with_latency(Duration::ZERO, Duration::from_millis(latency))
        })
}

/// Hands all that is due to the link.
fn drain<const M: usize, const R: usize, const A: usize, const O: usize>(
    endpoint: &mut Endpoint<u8, M, R, A, O>,
    now: Instant,
    link: &mut Link<Vec<u8>>,
    from: End,
) {
    let mut sent = 0;
    while let Some(transmit) = endpoint.poll_transmit(now) {
        let bytes = transmit.bytes().to_vec();
        assert_eq!(transmit.peer(), PEER);
        transmit.sent();
        let size = bytes.len();
        link.handle_send(now, from, bytes, size);
        sent += 1;
        assert!(sent < 100, "sends for ever");
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Outcome {
    Answered,
    TimedOut,
}

/// What the server does with a request.
#[derive(Clone, Copy, Debug)]
enum Manner {
    At(u64),
    Never,
}

#[derive(Default)]
struct Record {
    asked: BTreeMap<u8, RequestHandle>,
    carried_out: BTreeMap<u8, u32>,
    ends: BTreeMap<u8, Outcome>,
}

/// Twelve requests at the times and in the manners that the seed decides.
fn requests(seed: u64, conditions: Conditions) -> (Record, Vec<Manner>) {
    let mut random = Random::new(seed);
    let mut link = Link::new(random.number(), conditions);
    let mut client = Client::<u8, 64, 3>::new(Config::new(random.number()).with_nstart(2));
    let mut server = Server::<u8, 64, 12, 0>::new(Config::new(random.number()));
    let manners: Vec<_> = (0..12)
        .map(|_| match random.below(8) {
            0 => Manner::Never,
            1..4 => Manner::At(random.below(20_000)),
            _ => Manner::At(0),
        })
        .collect();
    let mut record = Record::default();
    let mut open: Vec<(Instant, Exchange, u8)> = Vec::new();
    let mut next_request = Instant::ZERO;
    let mut now = Instant::ZERO;
    loop {
        // The client's turn.
        let number = u8::try_from(record.asked.len()).unwrap();
        if number < 12 && next_request <= now {
            let reliability = if random.chance(700) {
                Reliability::Confirmable
            } else {
                Reliability::NonConfirmable
            };
            match client.request(now, PEER, reliability, |writer| {
                writer.code(Code::POST);
                writer.payload(&[number]);
            }) {
                Ok(handle) => {
                    record.asked.insert(number, handle);
                    next_request = now + Duration::from_millis(random.between(1, 20_000));
                }
                Err(_) => next_request = now + Duration::from_secs(1),
            }
        }
        while let Some(event) = client.poll_event(now) {
            let Event::TimedOut { request, .. } = event else {
                panic!("{event:?}")
            };
            note(&mut record, request, Outcome::TimedOut);
        }
        // The server's turn.
        while server.poll_event(now).is_some() {}
        open.retain(|(due, exchange, number)| {
            if *due <= now {
                let answered = server.respond(now, *exchange, |writer| {
                    writer.code(Code::CHANGED);
                    writer.payload(&[*number]);
                });
                assert_eq!(answered, Ok(()));
            }
            *due > now
        });
        drain(&mut client, now, &mut link, End::Near);
        drain(&mut server, now, &mut link, End::Far);
        // Whatever arrives now.
        if let Some((to, datagram)) = link.poll_delivery(now) {
            match to {
                End::Near => match client.handle_datagram(now, PEER, &datagram) {
                    Some(Event::Response {
                        request, message, ..
                    }) => {
                        let number = message.payload()[0];
                        assert_eq!(record.asked[&number], request, "its own answer");
                        note(&mut record, request, Outcome::Answered);
                    }
                    None => {}
                    other => panic!("{other:?}"),
                },
                End::Far => match server.handle_datagram(now, PEER, &datagram) {
                    Some(Event::Request {
                        exchange, message, ..
                    }) => {
                        let number = message.payload()[0];
                        *record.carried_out.entry(number).or_default() += 1;
                        if let Manner::At(delay) = manners[usize::from(number)] {
                            open.push((now + Duration::from_millis(delay), exchange, number));
                        }
                    }
                    None => {}
                    other => panic!("{other:?}"),
                },
            }
            continue;
        }
        let request = (record.asked.len() < 12).then_some(next_request);
        let answer = open.iter().map(|(due, ..)| *due).min();
        let Some(next) = [
            request,
            answer,
            client.poll_timeout(),
            server.poll_timeout(),
            link.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min() else {
            return (record, manners);
        };
        assert!(next > now, "due and not done");
        now = next;
        assert!(now < Instant::from_millis(24 * 3_600_000), "no end");
    }
}

fn note(record: &mut Record, request: RequestHandle, outcome: Outcome) {
    let asked = record.asked.iter().find(|(_, handle)| **handle == request);
    let number = *asked.expect("a request of ours").0;
    assert_eq!(record.ends.insert(number, outcome), None, "one end each");
}

/// What the server's state was last known to be, and what it is.
fn observation(seed: u64, conditions: Conditions) -> (u8, u8) {
    const RESOURCE: u32 = 5;
    let heals = Instant::from_millis(600_000);
    let end = Instant::from_millis(1_000_000);
    let mut random = Random::new(seed);
    let mut link = Link::new(random.number(), conditions);
    let mut client = Client::<u8, 64, 2>::new(Config::new(random.number()));
    let every = u8::try_from(random.below(4)).unwrap();
    let confirmation = Duration::from_secs(86_400);
    let config = |seed| Config::new(seed).with_confirmation(every, confirmation);
    let mut server = Server::<u8, 64, 4, 2>::new(config(random.number()));
    let mut asked = None;
    let (mut state, mut known) = (0_u8, 255_u8);
    let mut next_change = Instant::ZERO;
    let mut now = Instant::ZERO;
    loop {
        if now >= heals {
            link.handle_conditions(Conditions::perfect());
        } else if next_change <= now {
            state = state.wrapping_add(1);
            server.changed(RESOURCE);
            next_change = now + Duration::from_millis(random.between(1, 20_000));
            if random.chance(30) {
                server = Server::new(config(random.number()));
            }
            if random.chance(30) {
                client = Client::new(Config::new(random.number()));
                asked = None;
            }
        }
        if asked.is_none() {
            asked = client
                .request(now, PEER, Reliability::Confirmable, |writer| {
                    writer.code(Code::GET);
                    writer.option_uint(option::OBSERVE, 0);
                })
                .ok();
        }
        while let Some(event) = client.poll_event(now) {
            assert!(matches!(event, Event::TimedOut { request, .. } if Some(request) == asked));
            asked = None;
        }
        while server.poll_event(now).is_some() {}
        while let Some(next) = server.poll_notify(now) {
            let done = server.notify(now, next.observer, |writer, number| {
                writer.code(Code::CONTENT);
                writer.option_uint(option::OBSERVE, number);
                writer.payload(&[state]);
            });
            assert_eq!(done, Ok(()));
        }
        drain(&mut client, now, &mut link, End::Near);
        drain(&mut server, now, &mut link, End::Far);
        if let Some((to, datagram)) = link.poll_delivery(now) {
            match to {
                End::Near => match client.handle_datagram(now, PEER, &datagram) {
                    Some(Event::Response {
                        request,
                        message,
                        ongoing,
                        ..
                    }) => {
                        assert_eq!(Some(request), asked);
                        known = message.payload()[0];
                        if !ongoing {
                            asked = None;
                        }
                    }
                    Some(Event::Reset { .. }) => asked = None,
                    _ => {}
                },
                End::Far => {
                    if let Some(Event::Request { exchange, .. }) =
                        server.handle_datagram(now, PEER, &datagram)
                    {
                        let number = server.observe(now, exchange, RESOURCE).ok();
                        let done = server.respond(now, exchange, |writer| {
                            writer.code(Code::CONTENT);
                            if let Some(number) = number {
                                writer.option_uint(option::OBSERVE, number);
                            }
                            writer.payload(&[state]);
                        });
                        assert_eq!(done, Ok(()));
                    }
                }
            }
            continue;
        }
        if asked.is_none() {
            continue;
        }
        let change = (now < heals).then_some(next_change);
        let next = [
            change,
            client.poll_timeout(),
            server.poll_timeout(),
            link.poll_timeout(),
        ];
        let next = next.into_iter().flatten().min().unwrap_or(end);
        assert!(next > now, "due and not done");
        if next >= end {
            return (known, state);
        }
        now = next;
    }
}

proptest! {
    #[test]
    fn every_request_has_one_end_and_is_carried_out_once_at_most(
        seed: u64, conditions in conditions(),
    ) {
        let (record, _) = requests(seed, conditions);
        for number in 0..12 {
            let carried_out = record.carried_out.get(&number).copied().unwrap_or(0);
            prop_assert!(carried_out <= 1, "{} was carried out {} times", number, carried_out);
            match record.ends.get(&number) {
                Some(Outcome::Answered) => prop_assert_eq!(carried_out, 1),
                Some(Outcome::TimedOut) => {}
                None => prop_assert!(false, "{} has no end", number),
            }
        }
    }

    #[test]
    fn without_loss_every_request_that_is_answered_hears_its_answer(
        seed: u64, latency in 0_u64..900, doubles in 0_u16..500,
    ) {
        let conditions = Conditions::perfect()
            .with_latency(Duration::ZERO, Duration::from_millis(latency))
            .with_duplication(doubles);
        let (record, manners) = requests(seed, conditions);
        for number in 0..12 {
            let expected = match manners[usize::from(number)] {
                Manner::At(_) => Outcome::Answered,
                Manner::Never => Outcome::TimedOut,
            };
            prop_assert_eq!(record.ends[&number], expected);
            prop_assert_eq!(record.carried_out[&number], 1);
        }
    }

    #[test]
    fn an_observer_knows_the_present_state_soon_after_the_link_heals(
        seed: u64, conditions in conditions(),
    ) {
        let (known, state) = observation(seed, conditions);
        prop_assert_eq!(known, state);
    }
}
