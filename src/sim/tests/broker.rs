use alloc::vec::Vec;

use super::super::{Broker, ClientId, Packet};

fn arrivals(broker: &mut Broker) -> Vec<(ClientId, Packet)> {
    core::iter::from_fn(|| broker.poll_transmit()).collect()
}

#[test]
fn a_message_reaches_whoever_subscribed_and_only_once() {
    let mut broker = Broker::new();
    let (one, two, three) = (broker.register(), broker.register(), broker.register());
    for client in [one, two, three] {
        assert!(!broker.handle_connected(client, false));
    }
    broker.subscribe(one, "a/+/c");
    broker.subscribe(one, "a/#");
    broker.subscribe(one, "a/#");
    broker.subscribe(two, "a/b/c");
    broker.subscribe(three, "a/b");
    let packet = Packet::new("a/b/c", b"x");
    broker.handle_publish(&packet);
    assert_eq!(
        arrivals(&mut broker),
        [(one, packet.clone()), (two, packet)]
    );
}

#[test]
fn filters_follow_the_rules_of_mqtt() {
    for (filter, topic, expected) in [
        ("#", "a/b", true),
        ("a/#", "a", true),
        ("a/#", "ab", false),
        ("+/b", "a/b", true),
        ("+", "a/b", false),
        ("a/+", "a/", true),
        ("a/+", "a", false),
        ("#", "$aws/things", false),
        ("+/things", "$aws/things", false),
        ("$aws/#", "$aws/things", true),
        ("a/b", "a/b/c", false),
    ] {
        let mut broker = Broker::new();
        let client = broker.register();
        let _ = broker.handle_connected(client, false);
        broker.subscribe(client, filter);
        broker.handle_publish(&Packet::new(topic, b""));
        assert_eq!(
            broker.poll_transmit().is_some(),
            expected,
            "{filter} {topic}"
        );
    }
}

#[test]
fn a_session_keeps_filters_and_messages_and_a_fresh_one_does_not() {
    let mut broker = Broker::new();
    let client = broker.register();
    assert!(!broker.handle_connected(client, true));
    broker.subscribe(client, "t");
    broker.handle_disconnected(client);
    let packet = Packet::new("t", b"1");
    broker.handle_publish(&packet);
    assert_eq!(broker.poll_transmit(), None, "nobody is there");

    assert!(broker.handle_connected(client, true));
    assert_eq!(arrivals(&mut broker), [(client, packet.clone())]);

    broker.handle_disconnected(client);
    broker.handle_publish(&packet);
    assert!(!broker.handle_connected(client, false));
    broker.handle_publish(&packet);
    assert_eq!(broker.poll_transmit(), None, "no filter is left");
}

#[test]
fn a_full_backlog_drops_what_comes_after() {
    let mut broker = Broker::new();
    let client = broker.register();
    let _ = broker.handle_connected(client, true);
    broker.subscribe(client, "t");
    broker.handle_disconnected(client);
    for _ in 0..Broker::BACKLOG + 3 {
        broker.handle_publish(&Packet::new("t", b"1"));
    }
    assert_eq!(broker.dropped(), 3);
    assert!(broker.handle_connected(client, true));
    assert_eq!(arrivals(&mut broker).len(), Broker::BACKLOG);
}

#[test]
fn a_restarted_broker_knows_nobody() {
    let mut broker = Broker::new();
    let client = broker.register();
    let _ = broker.handle_connected(client, true);
    broker.subscribe(client, "t");
    broker.handle_restart();
    assert!(!broker.is_connected(client));
    assert!(!broker.handle_connected(client, true));
}
