use alloc::vec::Vec;

use super::super::{Burst, Conditions, End, Link, Partition};
use crate::time::{Duration, Instant};

fn at(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// Sends numbered messages, one a millisecond, and returns those that arrive at the far end.
fn arrivals(link: &mut Link<u32>, count: u32) -> Vec<u32> {
    for number in 0..count {
        link.handle_send(at(u64::from(number)), End::Near, number, 10);
    }
    let end = at(1_000_000);
    core::iter::from_fn(|| link.poll_delivery(end))
        .map(|(_, number)| number)
        .collect()
}

#[test]
fn a_perfect_link_delivers_all_in_order_at_once() {
    let mut link = Link::new(1, Conditions::perfect());
    link.handle_send(at(5), End::Near, 'a', 1);
    link.handle_send(at(5), End::Far, 'b', 1);
    link.handle_send(at(5), End::Near, 'c', 1);
    assert_eq!(link.poll_timeout(), Some(at(5)));
    assert_eq!(link.poll_delivery(at(5)), Some((End::Far, 'a')));
    assert_eq!(link.poll_delivery(at(5)), Some((End::Near, 'b')));
    assert_eq!(link.poll_delivery(at(5)), Some((End::Far, 'c')));
    assert_eq!(link.poll_delivery(at(5)), None);
    assert_eq!(link.poll_timeout(), None);
}

#[test]
fn uneven_delays_alone_keep_the_order() {
    let conditions = Conditions::perfect().with_latency(Duration::ZERO, Duration::from_secs(1));
    let all = arrivals(&mut Link::new(7, conditions), 500);
    assert_eq!(all, (0..500).collect::<Vec<_>>());
}

#[test]
fn reordering_lets_messages_overtake_and_loses_none() {
    let conditions = Conditions::perfect()
        .with_latency(Duration::ZERO, Duration::from_millis(20))
        .with_reordering(200);
    let mut all = arrivals(&mut Link::new(7, conditions), 500);
    assert!(!all.is_sorted());
    all.sort_unstable();
    assert_eq!(all, (0..500).collect::<Vec<_>>());
}

#[test]
fn loss_and_doubles_come_about_as_often_as_they_should_and_are_counted() {
    let conditions = Conditions::perfect().with_loss(200).with_duplication(100);
    let mut link = Link::new(3, conditions);
    let arrived = u64::try_from(arrivals(&mut link, 5_000).len()).unwrap();
    let traffic = link.traffic(End::Far);
    assert_eq!((traffic.sent, traffic.bytes), (5_000, 50_000));
    assert_eq!(traffic.delivered, arrived);
    assert_eq!(traffic.sent - traffic.lost + traffic.doubled, arrived);
    assert!((900..1_100).contains(&traffic.lost), "{traffic:?}");
    assert!((330..470).contains(&traffic.doubled), "{traffic:?}");
    assert_eq!(link.traffic(End::Near).sent, 0);
}

#[test]
fn bursts_lose_runs_of_messages() {
    let burst = Burst {
        begins: 10,
        ends: 100,
    };
    let mut link = Link::new(3, Conditions::perfect().with_burst(burst));
    let arrived = arrivals(&mut link, 5_000);
    let longest = arrived.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(longest > Some(10), "{longest:?}");
    assert!(arrived.len() > 4_000, "{}", arrived.len());
}

#[test]
fn a_partition_may_close_one_direction_only() {
    let mut link = Link::new(1, Conditions::perfect());
    link.handle_partition(Partition::Toward(End::Near));
    link.handle_send(at(0), End::Near, 'a', 1);
    link.handle_send(at(0), End::Far, 'b', 1);
    assert_eq!(link.poll_delivery(at(0)), Some((End::Far, 'a')));
    assert_eq!(link.poll_delivery(at(0)), None);
    link.handle_partition(Partition::Both);
    link.handle_send(at(0), End::Near, 'c', 1);
    assert_eq!(link.in_flight(), 0);
    link.handle_partition(Partition::None);
    link.handle_send(at(0), End::Far, 'd', 1);
    assert_eq!(link.poll_delivery(at(0)), Some((End::Near, 'd')));
    assert_eq!(link.traffic(End::Near).lost, 1);
}

#[test]
fn a_broken_connection_loses_what_is_on_its_way() {
    let delay = Duration::from_millis(10);
    let mut link = Link::new(1, Conditions::perfect().with_latency(delay, delay));
    link.handle_send(at(0), End::Near, 'a', 1);
    link.handle_disconnected();
    assert_eq!(link.poll_timeout(), None);
    assert_eq!(link.traffic(End::Far).lost, 1);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for conditions in [
        Conditions::wifi(),
        Conditions::cellular(),
        Conditions::satellite(),
        Conditions::hostile(),
    ] {
        let run = |seed| arrivals(&mut Link::new(seed, conditions), 300);
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }
}
