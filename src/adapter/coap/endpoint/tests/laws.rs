//! Laws that need no network; those that do are in `tests/coap_link.rs`.

use proptest::prelude::*;

use super::super::client::is_newer;
use super::*;

proptest! {
    #[test]
    fn a_notification_is_newer_by_the_formula_of_the_rfc(
        last in 0_u32..1 << 24, new in 0_u32..1 << 24, near in 0_u32..3,
    ) {
        for new in [new, (last + near) % (1 << 24), (last + (1 << 23) + near - 1) % (1 << 24)] {
            let formula = (last < new && new - last < 1 << 23) || (last > new && last - new > 1 << 23);
            prop_assert_eq!(is_newer(last, new), formula, "{} {}", last, new);
        }
    }

    #[test]
    fn any_datagram_is_survived_and_answered_by_few_bytes(
        datagrams in proptest::collection::vec(
            (proptest::collection::vec(any::<u8>(), 0..40), 0_u8..3), 0..20),
        seed: u64,
    ) {
        let mut endpoint = Endpoint::<u8, 64, 2, 2, 2>::new(Config::new(seed));
        for (mut datagram, peer) in datagrams {
            if let Some(first) = datagram.first_mut() {
                *first = 0x40 | *first & 0x37;
            }
            if let Some(Event::Request { exchange, .. }) =
                endpoint.handle_datagram(at(0), peer, &datagram)
            {
                let _ = endpoint.observe(at(0), exchange, 1);
            }
            while let Some((_, sent)) = send(&mut endpoint, at(0)) {
                prop_assert!(sent.len() <= 12);
                prop_assert!(Message::parse(&sent).is_ok());
            }
        }
        // Whatever came, everything is over after a lifetime.
        endpoint.changed(1);
        for second in 0..300 {
            let now = at(second * 1_000);
            while let Some(next) = endpoint.poll_notify(now) {
                endpoint.notify(now, next.observer, |writer, _| writer.code(Code::NOT_FOUND)).unwrap();
            }
            while send(&mut endpoint, now).is_some() {}
            while endpoint.poll_event(now).is_some() {}
        }
        prop_assert_eq!((endpoint.poll_timeout(), endpoint.observers()), (None, 0));
    }
}
